"""Averaged weights."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse


def model_of(torch):
    """A small model with batch norm, on fixed weights."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1))
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.tensor(rng.standard_normal(tuple(p.shape)).astype("float32")))
    return model


def averaged(torch, **options):
    """The averages and the model's outputs after some steps."""
    swa = torch.optim.swa_utils
    options = {k: getattr(swa, v)() if isinstance(v, str) else v for k, v in options.items()}
    model = model_of(torch)
    average = swa.AveragedModel(model, **options)
    opt = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = swa.SWALR(opt, swa_lr=0.02, anneal_epochs=3)
    x = torch.tensor(np.random.default_rng(1).standard_normal((6, 3)).astype("float32"))
    rates = []
    for _ in range(5):
        opt.zero_grad()
        (model(x) ** 2).mean().backward()
        opt.step()
        average.update_parameters(model)
        schedule.step()
        rates.append(schedule.get_last_lr()[0])
    swa.update_bn([(x,), (x * 2,)], average)
    average.eval()
    return {k: v.detach().numpy() for k, v in average.state_dict().items()}, average(x).detach().numpy(), rates


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_buffers": True},
        {"avg_fn": "get_ema_avg_fn"},
        {"multi_avg_fn": "get_ema_multi_avg_fn"},
        {"multi_avg_fn": "get_swa_multi_avg_fn"},
    ],
)
def test_averages_are_pytorchs(options):
    """Weights, statistics, outputs and rates."""
    torch = pytest.importorskip("torch")
    ours, theirs = averaged(powerhouse, **options), averaged(torch, **options)
    assert ours[0].keys() == theirs[0].keys()
    for name in ours[0]:
        np.testing.assert_allclose(ours[0][name], theirs[0][name], rtol=2e-4, atol=2e-6, err_msg=name)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-3, atol=1e-5)
    assert ours[2] == pytest.approx(theirs[2])


def test_the_mean_of_three():
    """By hand."""
    model = powerhouse.nn.Linear(1, 1, bias=False)
    average = powerhouse.optim.swa_utils.AveragedModel(model)
    for value in (1.0, 2.0, 6.0):
        model.weight.data.fill_(value)
        average.update_parameters(model)
    assert average.module.weight.item() == 3.0 and average.n_averaged.item() == 3


@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_swalr_ends_at_its_rate(strategy):
    """And stays there."""
    opt = powerhouse.optim.SGD([powerhouse.ones(1, requires_grad=True)], lr=1.0)
    schedule = powerhouse.optim.swa_utils.SWALR(opt, 0.1, anneal_epochs=4, anneal_strategy=strategy)
    rates = []
    for _ in range(6):
        opt.step()
        schedule.step()
        rates.append(schedule.get_last_lr()[0])
    assert rates[1] == pytest.approx(0.55) and rates[3:] == pytest.approx([0.1] * 3)
    with pytest.raises(ValueError, match="anneal_strategy"):
        powerhouse.optim.swa_utils.SWALR(opt, 0.1, anneal_strategy="step")
    with pytest.raises(ValueError, match="decay"):
        powerhouse.optim.swa_utils.get_ema_avg_fn(2)
