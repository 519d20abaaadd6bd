"""Optimizers: PyTorch's steps, states that travel, options that are checked."""

from __future__ import annotations

import inspect
import io

import numpy as np
import pytest

import powerhouse
from powerhouse.graph import memo

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1, "amsgrad": True}),
    ("AdamW", {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-6}),
    ("AdamW", {"lr": 0.01, "maximize": True, "amsgrad": True}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "momentum": 0.5, "centered": True, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.01, "centered": True}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.2}),
    ("Adadelta", {"lr": 1.0}),
    ("Adadelta", {"lr": 0.5, "rho": 0.8, "weight_decay": 0.1, "maximize": True}),
    ("Adamax", {"lr": 0.01}),
    ("Adamax", {"lr": 0.01, "betas": (0.7, 0.9), "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.01}),
    ("NAdam", {"lr": 0.01, "momentum_decay": 0.1, "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("RAdam", {"lr": 0.01}),
    ("RAdam", {"lr": 0.01, "betas": (0.9, 0.9), "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("ASGD", {"lr": 0.1}),
    ("ASGD", {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 1, "weight_decay": 0.1}),
    ("Rprop", {"lr": 0.1}),
    ("Adafactor", {"lr": 0.1}),
    ("Adafactor", {"lr": 0.05, "beta2_decay": -0.5, "eps": (1e-8, 0.1), "d": 1.5, "weight_decay": 0.1, "maximize": True}),
    ("Rprop", {"lr": 0.01, "etas": (0.3, 1.6), "step_sizes": (0.005, 0.02), "maximize": True}),
]
IDS = [f"{name}-{'-'.join(k for k in options if k != 'lr')}" for name, options in CASES]


def run(torch, name, options, steps=6, between=lambda opt, params: opt):
    """Parameters after some steps on a fixed problem; one parameter has no gradient at odd steps."""
    rng = np.random.default_rng(0)
    params = [torch.tensor(rng.standard_normal(s).astype("float32"), requires_grad=True) for s in ((3, 2), (4,))]
    opt = getattr(torch.optim, name)(params, **options)
    for i in range(steps):
        opt.zero_grad()
        loss = (params[0] ** 3).sum() * 0.1
        if i % 2 == 0:
            loss = loss + (params[1] * params[1]).sum()
        loss.backward()
        opt.step()
        opt = between(opt, params)
    return [p.detach().numpy().copy() for p in params], opt


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_steps_are_pytorchs(name, options):
    """The same parameters after the same steps."""
    torch = pytest.importorskip("torch")
    for a, b in zip(run(powerhouse, name, options)[0], run(torch, name, options)[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_state_survives_saving(name, options):
    """Saving and loading between all steps changes nothing."""

    def reload(opt, params):
        file = io.BytesIO()
        powerhouse.save(opt.state_dict(), file)
        file.seek(0)
        new = getattr(powerhouse.optim, name)(params, **options)
        new.load_state_dict(powerhouse.load(file))
        return new

    plain, _ = run(powerhouse, name, options)
    reloaded, _ = run(powerhouse, name, options, between=reload)
    for a, b in zip(plain, reloaded, strict=True):
        assert a.tolist() == b.tolist()


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_state_dict_is_pytorchs(name, options):
    """PyTorch loads our state and goes on to the same numbers, and the other way round."""
    torch = pytest.importorskip("torch")
    want = run(torch, name, options, 6)[0]
    for first, second in ((powerhouse, torch), (torch, powerhouse)):
        _, opt = run(first, name, options, 4)
        state = opt.state_dict()
        values = {
            k: {n: np.array(v.detach().numpy()) if hasattr(v, "detach") else v for n, v in s.items()} for k, s in state["state"].items()
        }
        params = [second.tensor(p.detach().numpy().copy(), requires_grad=True) for g in opt.param_groups for p in g["params"]]
        new = getattr(second.optim, name)(params, **options)
        carried = {k: {n: second.tensor(v) if isinstance(v, np.ndarray) else v for n, v in s.items()} for k, s in values.items()}
        new.load_state_dict({"state": carried, "param_groups": state["param_groups"]})
        for i in (4, 5):
            new.zero_grad()
            loss = (params[0] ** 3).sum() * 0.1
            if i % 2 == 0:
                loss = loss + (params[1] * params[1]).sum()
            loss.backward()
            new.step()
        for p, w in zip(params, want, strict=True):
            np.testing.assert_allclose(p.detach().numpy(), w, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(
    "options", [{"lr": 0.1}, {"lr": 0.1, "nesterov": False, "adjust_lr_fn": "match_rms_adamw", "weight_decay": 0.0, "ns_steps": 3}]
)
def test_muon_steps_are_pytorchs(options):
    """On matrices, tall and wide, to the precision of bfloat16."""
    torch = pytest.importorskip("torch")

    def matrices(torch):
        rng = np.random.default_rng(0)
        params = [torch.tensor(rng.standard_normal(s).astype("float32"), requires_grad=True) for s in ((3, 5), (6, 2))]
        opt = torch.optim.Muon(params, **options)
        for _ in range(4):
            opt.zero_grad()
            sum((p**3).sum() for p in params).backward()
            opt.step()
        return [p.detach().numpy() for p in params]

    for ours, theirs in zip(matrices(powerhouse), matrices(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=0.03)
    with pytest.raises(ValueError, match="only supports 2D parameters"):
        powerhouse.optim.Muon([powerhouse.ones(3, requires_grad=True)])


def test_a_changing_learning_rate_adds_no_symbol():
    """Numbers are scalar leaves."""
    p = powerhouse.ones(3, requires_grad=True)
    opt = powerhouse.optim.Adam([p], lr=0.1)

    def step(lr):
        opt.param_groups[0]["lr"] = lr
        opt.zero_grad()
        (p * p).sum().backward()
        opt.step()

    for i in range(3):
        step(0.1 / (i + 1))
    before = memo.stats()
    for i in range(10):
        step(0.01 * i)
    assert memo.stats() == before


def test_groups():
    """Options of a group; what is refused."""
    a, b = powerhouse.ones(1, requires_grad=True), powerhouse.ones(1, requires_grad=True)
    opt = powerhouse.optim.SGD([{"params": [a]}, {"params": b, "lr": 1.0}], lr=0.1)
    (a + b).sum().backward()
    opt.step()
    assert a.item() == pytest.approx(0.9) and b.item() == pytest.approx(0.0)
    with pytest.raises(ValueError, match="more than one parameter group"):
        opt.add_param_group({"params": [a]})
    with pytest.raises(ValueError, match="empty parameter list"):
        powerhouse.optim.SGD([], lr=0.1)
    with pytest.raises(TypeError, match="should be an iterable of Tensors"):
        powerhouse.optim.SGD(a, lr=0.1)
    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        powerhouse.optim.SGD([a * 2], lr=0.1)
    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        powerhouse.optim.Adam([a], lr=-1)
    with pytest.raises(ValueError, match="Invalid beta parameter at index 1: 1.5"):
        powerhouse.optim.Adam([a], betas=(0.9, 1.5))
    with pytest.raises(ValueError, match="Nesterov momentum requires"):
        powerhouse.optim.SGD([a], nesterov=True)


def test_closure_and_hooks():
    """`step(closure)` returns its loss; hooks run around it."""
    p, seen = powerhouse.ones(1, requires_grad=True), []
    opt = powerhouse.optim.SGD([p], lr=0.5)
    opt.register_step_pre_hook(lambda *_: seen.append("pre"))
    handle = opt.register_step_post_hook(lambda *_: seen.append("post"))

    def closure():
        opt.zero_grad()
        loss = (p * 2).sum()
        loss.backward()
        return loss

    assert opt.step(closure).item() == 2
    handle.remove()
    opt.step(closure)
    assert seen == ["pre", "post", "pre"] and p.item() == -1.0


def test_signatures_are_those_of_torch():
    torch = pytest.importorskip("torch")
    for name in {name for name, _ in CASES} | {"LBFGS"}:
        theirs, ours = (inspect.signature(getattr(module.optim, name)).parameters.values() for module in (torch, powerhouse))
        assert [(p.name, p.kind, p.default) for p in ours] == [(p.name, p.kind, p.default) for p in theirs], name
