"""`GradScaler`: scaling, skipped steps, and how the scale adapts."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import powerhouse as ph


def made(lib, **options):
    """A parameter (2,) of ones, its optimizer, and a scaler."""
    w = lib.nn.Parameter(lib.ones(2))
    return w, lib.optim.SGD([w], lr=0.25), lib.amp.GradScaler("cpu", **options)


def train(lib, factors, **options):
    """Steps on `factor * sum(w)`: after each the weights, the scale and the number of good steps."""
    w, optimizer, scaler = made(lib, **options)
    seen = []
    for factor in factors:
        optimizer.zero_grad()
        scaler.scale((w * factor).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        seen.append((w.detach().tolist(), scaler.get_scale(), scaler._get_growth_tracker()))
    return seen


def test_steps_with_inf_and_nan_are_skipped():
    """The weights stay, and the scale backs off; good steps in a row let it grow."""
    seen = train(ph, [1.0, float("inf"), 1.0, 1.0, float("nan"), 1.0], init_scale=8.0, growth_interval=2)
    assert seen == [
        ([0.75, 0.75], 8.0, 1),
        ([0.75, 0.75], 4.0, 0),
        ([0.5, 0.5], 4.0, 1),
        ([0.25, 0.25], 8.0, 0),
        ([0.25, 0.25], 4.0, 0),
        ([0.0, 0.0], 4.0, 1),
    ]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"init_scale": 1000.1, "growth_factor": 1.7, "backoff_factor": 0.3, "growth_interval": 1},
        {"init_scale": 2.0**127, "growth_interval": 1},
    ],
)
def test_against_pytorch(options):
    """The same weights and scales, up to where the scale cannot grow."""
    torch = pytest.importorskip("torch")
    factors = [1.0, 0.5, float("inf"), -1.0, float("nan"), 1e-3, 1.0]
    for ours, theirs in zip(train(ph, factors, **options), train(torch, factors, **options), strict=True):
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)
        assert ours[1:] == theirs[1:]


def test_overflow_of_the_scaled_loss_is_found():
    """A finite loss whose scaled gradient is not finite."""
    assert train(ph, [3.0], init_scale=2.0**127)[0] == ([1.0, 1.0], 2.0**126, 0)


def test_unscale_before_clipping():
    """After `unscale_` gradients are what they would be without a scaler, and are not unscaled again."""
    w, optimizer, scaler = made(ph)
    scaler.scale((w * 4).sum()).backward()
    assert w.grad.tolist() == [4 * 2.0**16] * 2
    scaler.unscale_(optimizer)
    assert w.grad.tolist() == [4.0, 4.0]
    with pytest.raises(RuntimeError, match="already been called on this optimizer"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    assert w.tolist() == [0.0, 0.0]
    with pytest.raises(RuntimeError, match="being called after step"):
        scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="step\\(\\) has already been called"):
        scaler.step(optimizer)
    scaler.update()
    scaler.unscale_(optimizer)


def test_several_losses_and_optimizers():
    """Structures are scaled whole; one optimizer's inf skips its step alone, and lowers the scale for all."""
    (a, first, scaler), (b, second, _) = made(ph), made(ph)
    scaled = scaler.scale([a.sum(), (b * float("inf")).sum()])
    assert isinstance(scaled, list) and scaled[0].item() == 2 * 2.0**16
    for loss in scaled:
        loss.backward()
    for optimizer in (first, second):
        scaler.step(optimizer)
    scaler.update()
    assert a.tolist() == [0.75, 0.75] and b.tolist() == [1.0, 1.0] and scaler.get_scale() == 2.0**15
    with pytest.raises(ValueError, match="scale: outputs must be a Tensor"):
        scaler.scale(3)


def test_setting_the_scale():
    """By number, or by a tensor of one element; the next loss is scaled with it."""
    w, _, scaler = made(ph)
    scaler.scale(w.sum())
    scaler.update(4.0)
    assert scaler.scale(w.sum()).item() == 8.0
    scaler.update(ph.tensor([2.0]))
    assert scaler.get_scale() == 2.0
    with pytest.raises(AssertionError, match="new_scale should be"):
        scaler.update(ph.ones(2))
    scaler.set_growth_factor(3.0)
    scaler.set_backoff_factor(0.1)
    scaler.set_growth_interval(7)
    assert (scaler.get_growth_factor(), scaler.get_backoff_factor(), scaler.get_growth_interval()) == (3.0, 0.1, 7)


def test_state():
    """A scaler goes on from another's state, also through pickle; a disabled one's state is refused."""
    w, optimizer, scaler = made(ph, init_scale=4.0, growth_interval=2)
    scaler.scale(w.sum()).backward()
    scaler.step(optimizer)
    with pytest.raises(AssertionError, match="pickled"):
        pickle.dumps(scaler)
    scaler.update()
    state = scaler.state_dict()
    assert state == {"scale": 4.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 2, "_growth_tracker": 1}
    other = ph.amp.GradScaler("cpu")
    other.load_state_dict(state)
    for resumed in (other, pickle.loads(pickle.dumps(scaler))):
        assert resumed.state_dict() == state and resumed.scale(ph.ones(())).item() == 4.0
    with pytest.raises(RuntimeError, match="source state dict is empty"):
        other.load_state_dict({})


def test_disabled():
    """It lets everything through."""
    w, optimizer, scaler = made(ph, enabled=False)
    loss = w.sum()
    assert scaler.scale(loss) is loss
    loss.backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    scaler.load_state_dict({})
    assert w.tolist() == [0.75, 0.75] and scaler.get_scale() == 1.0 and scaler.state_dict() == {} and not scaler.is_enabled()


def test_misuse():
    """Steps out of order, float16 gradients, and devices that are not there."""
    w, optimizer, scaler = made(ph)
    with pytest.raises(AssertionError, match="Attempted step but _scale is None"):
        scaler.step(optimizer)
    scaler.scale(w.sum())
    with pytest.raises(AssertionError, match="No inf checks were recorded prior to update"):
        scaler.update()
    with pytest.raises(AssertionError, match="No inf checks were recorded for this optimizer"):
        scaler.step(optimizer)
    scaler.update(2.0)
    with pytest.raises(RuntimeError, match="Closure use"):
        scaler.step(optimizer, closure=lambda: None)
    half = ph.nn.Parameter(ph.ones(2).half())
    half.sum().backward()
    with pytest.raises(ValueError, match="FP16 gradients"):
        scaler.unscale_(ph.optim.SGD([half], lr=1.0))
    with pytest.raises(AssertionError, match="growth factor"):
        ph.amp.GradScaler("cpu", growth_factor=1.0)
    with pytest.warns(UserWarning, match="CUDA"):
        assert not ph.amp.GradScaler().is_enabled()
