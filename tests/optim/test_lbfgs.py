"""L-BFGS: PyTorch's iterates, a state that travels, a line search that keeps its conditions."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse
from powerhouse.optim._line_search import strong_wolfe

CASES = [
    {"lr": 0.1},
    {"lr": 0.05, "history_size": 3, "max_iter": 8},
    {"lr": 1.0, "line_search_fn": "strong_wolfe"},
    {"lr": 0.5, "line_search_fn": "strong_wolfe", "max_iter": 4, "history_size": 2},
    {"lr": 1.0, "line_search_fn": "strong_wolfe", "max_eval": 5},
]
IDS = ["-".join(f"{k}={v}" for k, v in c.items()) for c in CASES]


def rosenbrock(torch, params):
    """A curved valley in three pairs of unknowns."""
    x = torch.cat([p.reshape(-1) for p in params])
    return ((1 - x[:-1]) ** 2 + 5 * (x[1:] - x[:-1] ** 2) ** 2).sum()


def run(torch, options, steps=3, between=lambda opt, params: opt):
    """Parameters, number of evaluations and losses after some steps in float64."""
    start = np.array([-0.5, 0.7, 0.1, -0.3, 0.2, 0.4])
    params = [torch.tensor(start[:4].reshape(2, 2), requires_grad=True), torch.tensor(start[4:], requires_grad=True)]
    opt, losses = torch.optim.LBFGS(params, **options), []

    def closure():
        opt.zero_grad()
        loss = rosenbrock(torch, params)
        loss.backward()
        return loss

    for _ in range(steps):
        losses.append(opt.step(closure).item())
        opt = between(opt, params)
    state = opt.state[params[0]]
    return np.concatenate([p.detach().numpy().reshape(-1) for p in params]), (state["func_evals"], state["n_iter"]), losses


@pytest.mark.parametrize("options", CASES, ids=IDS)
def test_iterates_are_pytorchs(options):
    """The same points after the same number of evaluations."""
    torch = pytest.importorskip("torch")
    ours, theirs = run(powerhouse, options), run(torch, options)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours[2], theirs[2], rtol=1e-6, atol=1e-10)
    assert ours[1] == theirs[1]


def test_it_finds_the_minimum():
    """Of a curved valley, to high accuracy."""
    found, _, losses = run(powerhouse, {"line_search_fn": "strong_wolfe", "max_iter": 60}, steps=4)
    np.testing.assert_allclose(found, 1.0, atol=1e-5)
    assert losses[0] > 1 and losses[-1] < 1e-9


def test_state_survives():
    """A new optimizer with the old one's state goes on as it would have."""

    def reload(opt, params):
        new = powerhouse.optim.LBFGS(params, lr=0.1)
        new.load_state_dict(opt.state_dict())
        return new

    plain, reloaded = run(powerhouse, {"lr": 0.1}), run(powerhouse, {"lr": 0.1}, between=reload)
    assert plain[0].tolist() == reloaded[0].tolist() and plain[1] == reloaded[1]


@pytest.mark.parametrize("length", [0.01, 0.3, 1.0, 40.0])
def test_line_search_keeps_the_wolfe_conditions(length):
    """Sufficient decrease, and a flat enough slope, from any first trial."""
    direction = powerhouse.tensor([1.0], dtype=powerhouse.float64)

    def evaluate(t):
        return (t - 2) ** 2 * (1 + 0.1 * (t - 2) ** 2), powerhouse.tensor([2 * (t - 2) + 0.4 * (t - 2) ** 3], dtype=powerhouse.float64)

    loss, grad = evaluate(0.0)
    slope = float(grad.dot(direction))
    found, _, at, _ = strong_wolfe(evaluate, length, direction, loss, grad, slope)
    assert found <= loss + 1e-4 * at * slope
    assert abs(float(evaluate(at)[1])) <= 0.9 * abs(slope)


def test_refusals():
    """Groups, unknown line searches, a step without a closure."""
    p = powerhouse.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match="per-parameter options"):
        powerhouse.optim.LBFGS([{"params": [p]}, {"params": [powerhouse.ones(1, requires_grad=True)]}])
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        powerhouse.optim.LBFGS([p], line_search_fn="armijo")
    with pytest.raises(TypeError, match="closure"):
        powerhouse.optim.LBFGS([p]).step()
