"""Schedules: PyTorch's rates epoch by epoch, states that travel, warnings and refusals."""

from __future__ import annotations

import math
import warnings

import pytest

import powerhouse

EPOCHS = 40


class Halving:
    """A function of the epoch with a state of its own."""

    def __init__(self, every=5):
        self.every = every

    def __call__(self, epoch):
        return 0.5 ** (epoch // self.every)


def sequential(s, opt):
    parts = [
        s.LinearLR(opt, 0.1, total_iters=4),
        s.CosineAnnealingLR(opt, 9, eta_min=0.01),
        s.ExponentialLR(opt, 0.9),
        s.StepLR(opt, 3, 0.5),
    ]
    return s.SequentialLR(opt, parts, [4, 13, 20])


# name: how it is made, given the module of schedules and an optimizer with two groups
CASES = {
    "lambda": lambda s, o: s.LambdaLR(o, lambda e: 0.95**e),
    "lambda, one for each": lambda s, o: s.LambdaLR(o, [lambda e: 1 / (e + 1), Halving(3)]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.9 + 0.01 * (e % 7)),
    "step": lambda s, o: s.StepLR(o, 7),
    "step, growing": lambda s, o: s.StepLR(o, 3, gamma=1.2),
    "milestones": lambda s, o: s.MultiStepLR(o, [2, 9, 9, 30], gamma=0.3),
    "constant": lambda s, o: s.ConstantLR(o),
    "constant, long": lambda s, o: s.ConstantLR(o, factor=0.7, total_iters=20),
    "linear": lambda s, o: s.LinearLR(o),
    "linear, falling": lambda s, o: s.LinearLR(o, start_factor=0.9, end_factor=0.05, total_iters=25),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.93),
    "polynomial": lambda s, o: s.PolynomialLR(o),
    "polynomial, curved": lambda s, o: s.PolynomialLR(o, total_iters=30, power=2.5),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, T_max=40),
    "cosine, up and down": lambda s, o: s.CosineAnnealingLR(o, T_max=7, eta_min=0.02),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 6),
    "restarts, longer": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, T_mult=2, eta_min=0.01),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.01, 0.1, step_size_up=6),
    "cyclic, halving": lambda s, o: s.CyclicLR(o, [0.01, 0.02], [0.1, 0.5], step_size_up=4, step_size_down=3, mode="triangular2"),
    "cyclic, exponential": lambda s, o: s.CyclicLR(
        o, 0.01, 0.1, step_size_up=5, mode="exp_range", gamma=0.95, base_momentum=0.5, max_momentum=0.99
    ),
    "cyclic, own scale": lambda s, o: s.CyclicLR(o, 0.01, 0.1, step_size_up=5, scale_fn=lambda x: 1 / x, cycle_momentum=False),
    "one cycle": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=EPOCHS + 1),
    "one cycle, linear": lambda s, o: s.OneCycleLR(
        o, [0.1, 0.4], epochs=9, steps_per_epoch=5, anneal_strategy="linear", pct_start=0.2, div_factor=10
    ),
    "one cycle, three phases": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=EPOCHS + 1, three_phase=True, final_div_factor=100.0),
    "sequential": sequential,
    "chained": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, total_iters=6), s.ExponentialLR(o, 0.9), s.MultiStepLR(o, [5, 12])]),
}


def optimizer(torch, name="SGD", **options):
    """An optimizer with two groups, whose rates are 0.5 and 0.05."""
    a, b = torch.ones(2, requires_grad=True), torch.ones(3, requires_grad=True)
    options = {"momentum": 0.9} | options if name == "SGD" else options
    return getattr(torch.optim, name)([{"params": [a]}, {"params": [b], "lr": 0.05}], lr=0.5, **options)


def row(opt):
    """The rates and the momenta."""
    return [float(x) for g in opt.param_groups for x in (g["lr"], g["betas"][0] if "betas" in g else g["momentum"])]


def run(torch, make, epochs=EPOCHS, name="SGD"):
    """The rates and momenta of each epoch."""
    opt = optimizer(torch, name)
    schedule = make(torch.optim.lr_scheduler, opt)
    rows = [row(opt)]
    for _ in range(epochs):
        opt.step()
        schedule.step()
        assert [float(x) for x in schedule.get_last_lr()] == [float(g["lr"]) for g in opt.param_groups]
        rows.append(row(opt))
    return rows


@pytest.fixture(autouse=True)
def _known_warnings():
    """PyTorch's SequentialLR warns of the epoch that it itself passes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The epoch parameter")
        yield


@pytest.mark.parametrize("name", CASES)
def test_rates_are_pytorchs(name):
    """The same rates and momenta for forty epochs."""
    torch = pytest.importorskip("torch")
    for ours, theirs in zip(run(powerhouse, CASES[name]), run(torch, CASES[name]), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", ["cyclic", "one cycle", "one cycle, linear"])
def test_the_first_beta_is_cycled(name):
    """Of Adam, in place of a momentum."""
    torch = pytest.importorskip("torch")
    for ours, theirs in zip(run(powerhouse, CASES[name], name="Adam"), run(torch, CASES[name], name="Adam"), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_state_round_trip(name):
    """A schedule made anew, with the state of the old one, goes on as it would have."""
    want = run(powerhouse, CASES[name])
    opt = optimizer(powerhouse)
    schedule = CASES[name](powerhouse.optim.lr_scheduler, opt)
    for epoch in range(1, EPOCHS + 1):
        opt.step()
        schedule.step()
        if epoch in (3, 17):
            old_opt, old = opt, schedule
            opt = optimizer(powerhouse)
            schedule = CASES[name](powerhouse.optim.lr_scheduler, opt)
            opt.load_state_dict(old_opt.state_dict())
            schedule.load_state_dict(old.state_dict())
            opt.step()
            assert "optimizer" not in old.state_dict()
        assert row(opt) == pytest.approx(want[epoch], rel=1e-12)


@pytest.mark.parametrize("name", [n for n in CASES if not n.startswith("cyclic") and n != "lambda, one for each"])
def test_pytorchs_state_is_understood(name):
    """Ours goes on from PyTorch's state dict."""
    torch = pytest.importorskip("torch")
    want = run(torch, CASES[name])
    theirs = optimizer(torch)
    old = CASES[name](torch.optim.lr_scheduler, theirs)
    for _ in range(9):
        theirs.step()
        old.step()
    opt = optimizer(powerhouse)
    schedule = CASES[name](powerhouse.optim.lr_scheduler, opt)
    for mine, his in zip(opt.param_groups, theirs.param_groups, strict=True):
        mine.update({k: v for k, v in his.items() if k != "params"})
    schedule.load_state_dict(old.state_dict())
    opt.step()
    for epoch in range(10, EPOCHS + 1):
        schedule.step()
        assert row(opt) == pytest.approx(want[epoch], rel=1e-9, abs=1e-12)


# The first rates, from 1.0, worked out by hand.
TABLE = {
    "StepLR": ({"step_size": 2, "gamma": 0.5}, [1, 1, 0.5, 0.5, 0.25]),
    "MultiStepLR": ({"milestones": [1, 3], "gamma": 0.1}, [1, 0.1, 0.1, 0.01, 0.01]),
    "ConstantLR": ({"factor": 0.5, "total_iters": 2}, [0.5, 0.5, 1, 1]),
    "LinearLR": ({"start_factor": 0.5, "total_iters": 2}, [0.5, 0.75, 1, 1]),
    "ExponentialLR": ({"gamma": 0.5}, [1, 0.5, 0.25]),
    "PolynomialLR": ({"total_iters": 2, "power": 2}, [1, 0.25, 0, 0]),
    "CosineAnnealingLR": ({"T_max": 2}, [1, 0.5, 0, 0.5, 1]),
    "CosineAnnealingWarmRestarts": ({"T_0": 2}, [1, 0.5, 1, 0.5]),
    "LambdaLR": ({"lr_lambda": lambda e: 1 / (e + 1)}, [1, 1 / 2, 1 / 3]),
    "MultiplicativeLR": ({"lr_lambda": lambda e: 1 / e}, [1, 1, 1 / 2, 1 / 6]),
    "CyclicLR": ({"base_lr": 1, "max_lr": 3, "step_size_up": 2, "cycle_momentum": False}, [1, 2, 3, 2, 1, 2]),
    "OneCycleLR": (
        {
            "max_lr": 1,
            "total_steps": 5,
            "pct_start": 0.4,
            "anneal_strategy": "linear",
            "div_factor": 2,
            "cycle_momentum": False,
            "final_div_factor": 5,
        },
        [0.5, 1, 0.7, 0.4, 0.1],
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_table(name):
    """The definitions, without PyTorch; and the closed form, where there is one, agrees."""
    options, want = TABLE[name]
    opt = powerhouse.optim.SGD([powerhouse.ones(1, requires_grad=True)], lr=1.0)
    schedule = getattr(powerhouse.optim.lr_scheduler, name)(opt, **options)
    rates = [schedule.get_last_lr()[0]]
    for _ in want[1:]:
        opt.step()
        schedule.step()
        rates.append(schedule.get_last_lr()[0])
        if hasattr(schedule, "_get_closed_form_lr"):
            assert schedule._get_closed_form_lr() == pytest.approx(schedule.get_last_lr())
    assert rates == pytest.approx(want)


@pytest.mark.parametrize(
    "options",
    [
        {"patience": 2},
        {"mode": "max", "patience": 1, "factor": 0.5},
        {"patience": 0, "cooldown": 3, "min_lr": [0.001, 0.01]},
        {"patience": 1, "threshold_mode": "abs", "threshold": 0.5},
        {"mode": "max", "patience": 1, "threshold_mode": "abs", "threshold": 0.2, "eps": 0.01},
    ],
)
def test_plateau(options):
    """The same rates as PyTorch's for the same metrics, and again after a round trip."""
    torch = pytest.importorskip("torch")
    metrics = [math.sin(i / 3) + 5 / (i + 1) for i in range(EPOCHS)]

    def rates(torch, reload):
        opt = optimizer(torch)
        schedule, rows = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, **options), []
        for m in metrics:
            schedule.step(torch.tensor(m, dtype=torch.float64))
            if reload:
                state, schedule = schedule.state_dict(), torch.optim.lr_scheduler.ReduceLROnPlateau(opt, **options)
                schedule.load_state_dict(state)
            rows.append(list(schedule.get_last_lr()))
        return rows

    want = rates(torch, False)
    assert want[0] != want[-1]
    assert rates(powerhouse, False) == rates(powerhouse, True) == want


def test_a_rate_that_is_a_tensor():
    """It is changed in place, and still drives the steps."""
    p, lr = powerhouse.ones(1, requires_grad=True), powerhouse.tensor(1.0)
    opt = powerhouse.optim.SGD([p], lr=lr)
    schedule = powerhouse.optim.lr_scheduler.ExponentialLR(opt, 0.5)
    for _ in range(2):
        p.grad = powerhouse.ones(1)
        opt.step()
        schedule.step()
    assert opt.param_groups[0]["lr"] is lr and lr.item() == 0.25 and p.item() == -0.5
    assert schedule.base_lrs[0].item() == 1.0


def test_own_schedule_and_own_optimizer():
    """A user's subclasses, as tutorials write them, work without a warning."""

    class Plain(powerhouse.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        def step(self):
            for group in self.param_groups:
                for p in group["params"]:
                    p.data.add_(p.grad, alpha=-group["lr"])

    class WarmUp(powerhouse.optim.lr_scheduler._LRScheduler):
        def get_lr(self):
            return [base * min(1.0, (self.last_epoch + 1) / 4) for base in self.base_lrs]

    p = powerhouse.zeros(1, requires_grad=True)
    p.grad = powerhouse.ones(1)
    opt = Plain([p], lr=1.0)
    schedule = WarmUp(opt)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            opt.step()
            schedule.step()
    assert p.item() == -(0.25 + 0.5 + 0.75) and schedule.get_last_lr() == [1.0]


def test_warnings():
    """Steps in the wrong order, `get_lr` from outside, the old argument."""
    schedules = powerhouse.optim.lr_scheduler
    opt = optimizer(powerhouse)
    schedule = schedules.StepLR(opt, 1)
    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        schedule.step()
    with pytest.warns(UserWarning, match=r"please use `get_last_lr\(\)`"):
        schedule.get_lr()
    with pytest.warns(UserWarning, match="epoch parameter"):
        schedule.step(5)
    assert schedule.get_last_lr()[0] == pytest.approx(0.5 * 0.1**5)
    opt = optimizer(powerhouse)
    schedule = schedules.StepLR(opt, 1)
    opt.step = lambda: None
    with pytest.warns(UserWarning, match="has been overridden"):
        schedule.step()


def test_refusals():
    """Bad options, in PyTorch's words."""
    s, opt = powerhouse.optim.lr_scheduler, optimizer(powerhouse)
    bad = [
        (TypeError, "is not an Optimizer", lambda: s.StepLR(object(), 1)),
        (KeyError, "initial_lr", lambda: s.StepLR(optimizer(powerhouse), 1, last_epoch=3)),
        (ValueError, "Expected 2 lr_lambdas, but got 1", lambda: s.LambdaLR(opt, [lambda e: 1])),
        (TypeError, "should be a function", lambda: s.MultiplicativeLR(opt, 3)),
        (ValueError, "between 0 and 1", lambda: s.ConstantLR(opt, 2.0)),
        (ValueError, "Starting multiplicative factor", lambda: s.LinearLR(opt, 0)),
        (ValueError, "positive integer T_0", lambda: s.CosineAnnealingWarmRestarts(opt, 0)),
        (ValueError, "mode is invalid", lambda: s.CyclicLR(opt, 0.1, 1, mode="square")),
        (ValueError, "must support momentum", lambda: s.CyclicLR(optimizer(powerhouse, "Adagrad"), 0.1, 1)),
        (ValueError, "total_steps OR", lambda: s.OneCycleLR(opt, 1.0)),
        (ValueError, "positive integer total_steps", lambda: s.OneCycleLR(opt, 1.0, total_steps=0)),
        (ValueError, "max_lr must have the same length", lambda: s.OneCycleLR(opt, [1.0], total_steps=3)),
        (ValueError, "Factor should be < 1.0", lambda: s.ReduceLROnPlateau(opt, factor=1.0)),
        (ValueError, "mode best is unknown", lambda: s.ReduceLROnPlateau(opt, mode="best")),
        (ValueError, "at least one scheduler", lambda: s.SequentialLR(opt, [], [])),
        (ValueError, "one more than", lambda: s.SequentialLR(opt, [s.StepLR(opt, 1)], [1])),
        (ValueError, "belong to the same optimizer", lambda: s.ChainedScheduler([s.StepLR(opt, 1), s.StepLR(optimizer(powerhouse), 1)])),
    ]
    for kind, pattern, make in bad:
        with pytest.raises(kind, match=pattern):
            make()
    schedule = s.OneCycleLR(opt, 1.0, total_steps=2)
    opt.step()
    schedule.step()
    schedule.step()
    with pytest.raises(ValueError, match="Tried to step 3 times"):
        schedule.step()
