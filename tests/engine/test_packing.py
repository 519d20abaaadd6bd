"""Weights that stay the same from run to run are packed once; and anew, when they are others."""

from __future__ import annotations

import gc
import weakref
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import powerhouse as torch
from powerhouse.core import config
from powerhouse.engine import native
from powerhouse.graph import memo

F, nn = torch.nn.functional, torch.nn


@pytest.fixture(autouse=True)
def _native():
    memo.clear()  # programs that other tests have seen run
    with config.override(tier="native"):
        yield


@pytest.fixture
def packings(monkeypatch):
    """For each run of a program that keeps what it packs: whether it packed."""
    found, run, pack = [], native.Program._run, native.Program._pack

    def noting(self, leaves, donate):
        if self.packed is not None:
            found.append(False)
        return run(self, leaves, donate)

    def noting_pack(self, leaves):
        found[-1] = True
        pack(self, leaves)

    monkeypatch.setattr(native.Program, "_run", noting)
    monkeypatch.setattr(native.Program, "_pack", noting_pack)
    return found


@pytest.fixture
def ran(monkeypatch):
    """The native programs that run, in order."""
    programs, run = [], native.Program.run
    monkeypatch.setattr(native.Program, "run", lambda self, *a: programs.append(self) or run(self, *a))
    return programs


NETS = {
    "linear": (lambda: nn.Linear(300, 200), (40, 300)),
    "convolution": (lambda: nn.Conv2d(20, 30, 3, stride=2), (2, 20, 12, 12)),
    "winograd": (lambda: nn.Conv2d(32, 48, 3, padding=1), (2, 32, 12, 12)),
}


@torch.no_grad()
def answer(net, x):
    """What a net makes of an input, as an array."""
    return net(torch.tensor(x)).numpy().copy()


def reference(net, x):
    """The same by the reference tier."""
    with config.override(tier="reference"):
        return answer(net, x)


def inputs(shape, count):
    """Inputs that differ."""
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(np.float32) for _ in range(count)]


@pytest.mark.parametrize("kind", NETS)
def test_packed_once(kind, packings):
    """From the third run on; every input has its own answer."""
    make, shape = NETS[kind]
    net = make()
    for x in inputs(shape, 6):
        want = reference(net, x)
        np.testing.assert_allclose(answer(net, x), want, rtol=1e-4, atol=1e-4)
    assert packings == [True, False, False, False]


@pytest.mark.parametrize("kind", NETS)
@pytest.mark.parametrize("change", ["update", "numpy", "view kept by NumPy", "state dict", "data"])
def test_packed_anew(kind, change, packings):
    """However the weight is changed, the next answer is of the new one."""
    make, shape = NETS[kind]
    net, other = make(), make()
    xs = inputs(shape, 8)
    seen = net.weight.detach().numpy() if change == "view kept by NumPy" else None
    for k, x in enumerate(xs):
        want = reference(net, x)
        np.testing.assert_allclose(answer(net, x), want, rtol=1e-4, atol=1e-4)
        if k in (3, 5):
            if change == "update":
                net.weight.data.mul_(1.5)
            elif change == "numpy":
                net.weight.detach().numpy()[:] *= 1.5
            elif change == "view kept by NumPy":
                seen[:] *= 1.5
            elif change == "state dict":
                net.load_state_dict(other.state_dict())
            else:
                net.weight.data = other.weight.detach() * 2
    if change != "view kept by NumPy":
        assert packings.count(True) >= 2


def test_training_goes_on_from_packed_weights(packings):
    """An optimizer does not write to weights that an evaluation relies on; its updates are seen."""
    net = nn.Linear(200, 300)
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    (x,) = inputs((50, 200), 1)
    for _ in range(3):
        for _ in range(4):
            before = answer(net, x)
            np.testing.assert_allclose(before, reference(net, x), rtol=1e-4, atol=1e-4)
        for _ in range(2):
            opt.zero_grad()
            net(torch.tensor(x)).square().mean().backward()
            opt.step()
        assert np.abs(answer(net, x) - before).max() > 1e-4


def test_weights_that_change_are_not_watched_for_long(ran):
    """Nothing is kept where every run has other weights."""
    net = nn.Linear(64, 300)
    opt = torch.optim.SGD(net.parameters(), lr=0.01)
    (x,) = inputs((50, 64), 1)
    for _ in range(6):
        opt.zero_grad()
        net(torch.tensor(x)).square().mean().backward()
        opt.step()
        net.weight.detach().numpy()
    assert not any(p.packed is not None for p in ran)
    assert not any(p.watch.is_on for p, count in Counter(ran).items() if count > 3)


@pytest.mark.parametrize("width", [4, 64], ids=["light", "with weights worth packing"])
def test_a_cheap_program_that_is_run_often_is_compiled(width, ran):
    """In the tier "auto", in inference mode only; the numbers are those of the reference tier but for rounding."""
    net = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Softmax(-1))
    with config.override(tier="auto"):
        for x in inputs((width,), 40):
            want = answer(net, x)
        assert not ran
        with torch.inference_mode():
            for x in inputs((width,), 40):
                got = net(torch.tensor(x)).numpy()
    assert 0 < len(ran) < 20
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


def test_a_net_is_compiled_at_once(ran):
    """However small: what multiplies with the weights of two layers is run on and on."""
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    with config.override(tier="auto"):
        net(torch.ones(1, 4)).sum().item()
        assert len(ran) == 1
        (torch.ones(4, 4) @ torch.ones(4, 4)).exp().sum().item()
    assert len(ran) == 1


def test_no_more_than_the_limit_is_kept(ran):
    """Of weights that would be too large when packed, nothing is kept."""
    net = nn.Linear(300, 200)
    with config.override(packed_limit=1000):
        for x in inputs((40, 300), 5):
            want = reference(net, x)
            np.testing.assert_allclose(answer(net, x), want, rtol=1e-4, atol=1e-4)
    assert len(ran) >= 5 and not any(p.packed is not None for p in ran)


def test_what_is_kept_lives_no_longer_than_the_weights():
    """The arrays of a net that is gone are gone."""
    net = nn.Linear(300, 200)
    for x in inputs((40, 300), 4):
        answer(net, x)
    array = weakref.ref(net.weight._storage.buffer)
    assert array() is not None
    del net
    gc.collect()
    assert array() is None


def test_an_operand_of_several_products_is_packed_once(ran):
    """The recurrent weight of an LSTM: one packing, whatever the number of steps."""
    net, counts = nn.LSTM(100, 150), []
    for steps in (4, 9):
        ran.clear()
        net(torch.randn(steps, 20, 100))[0].sum().backward()
        float(net.weight_hh_l0.grad.sum())
        counts.append([sum(t.packs for n in p.plan.nodes for t in n.tasks) for p in ran])
    assert counts[0] == counts[1]
    assert max(counts[0]) > 0


@pytest.mark.parametrize("rows", [5, 10, 20])
@pytest.mark.parametrize("limit", [None, 1000])
def test_few_rows(rows, limit, packings):
    """Weights that meet a few rows are packed too; the bits are the same before they are kept, and after."""
    with config.override(**({"packed_limit": limit} if limit else {})):
        net = nn.Sequential(nn.Linear(300, 200), nn.ReLU(), nn.Linear(200, 150))
        (x,) = inputs((rows, 300), 1)
        answers = [answer(net, x) for _ in range(6)]
    np.testing.assert_allclose(answers[0], reference(net, x), rtol=1e-4, atol=1e-4)
    for other in answers[1:]:
        np.testing.assert_array_equal(other, answers[0])
    assert packings == ([] if limit else [True, False, False])  # the third run has made the program


def test_few_rows_in_training(packings):
    """Weights that are being trained are read as they lie."""
    net = nn.Linear(300, 200)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    x = torch.tensor(inputs((8, 300), 1)[0])
    for _ in range(6):
        optimizer.zero_grad()
        loss = net(x).square().mean()
        loss.backward()
        optimizer.step()
        loss.item()
    assert packings == []
