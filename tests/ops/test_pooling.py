"""Pooling, unpooling and folding, against PyTorch and against loops."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import pytest

import powerhouse
from powerhouse.nn import functional as F


def draw_pool(seed: int):
    """A random pooling: its name, input and keyword arguments."""
    pick, rng = random.Random(seed), np.random.default_rng(seed)
    n, kind = pick.choice([1, 2, 3]), pick.choice(["max", "avg", "adaptive_avg", "adaptive_max", "lp"])

    def numbers(low, high):
        return [pick.randint(low, high) for _ in range(n)]

    x = rng.standard_normal((*([2] if pick.random() < 0.7 else []), 3, *numbers(5, 9)))
    if pick.random() < 0.3:
        x = np.round(x)  # ties
    kernel = numbers(1, 4)
    plain = {"kernel_size": kernel, "stride": numbers(1, 4), "ceil_mode": pick.random() < 0.5}
    padding = [pick.randint(0, k // 2) for k in kernel]
    options = {
        "max": {**plain, "padding": padding, "dilation": 1 if min(x.shape[-n:]) < 7 else pick.randint(1, 2), "return_indices": True},
        "avg": {**plain, "padding": padding, "count_include_pad": pick.random() < 0.5},
        "adaptive_avg": {"output_size": numbers(1, 11)},
        "adaptive_max": {"output_size": numbers(1, 11), "return_indices": True},
        "lp": {"norm_type": pick.choice([1, 2, 3.0]), "kernel_size": 2, "stride": 1},
    }[kind]
    if kind == "avg" and n > 1 and pick.random() < 0.3:
        options["divisor_override"] = 5
    return f"{kind}_pool{n}d", np.abs(x) + 0.1 if kind == "lp" else x, options


def pooled(package, name, x, options):
    """Value, gradient, second gradient and indices."""
    leaf = package.tensor(x.tolist(), dtype=package.float64, requires_grad=True)
    out = getattr(package.nn.functional, name)(leaf, **options)
    value, *indices = out if isinstance(out, tuple) else (out,)
    (first,) = package.autograd.grad((value**3).sum(), [leaf], create_graph=True)
    (second,) = package.autograd.grad((first * first).sum(), [leaf])
    return [t.detach().numpy() for t in (value, first, second, *indices)]


@pytest.mark.parametrize("seed", range(80))
def test_pools_are_pytorch_s(seed):
    torch = pytest.importorskip("torch")
    name, x, options = draw_pool(seed)
    for mine, its in zip(pooled(powerhouse, name, x, options), pooled(torch, name, x, options), strict=True):
        assert mine.dtype == its.dtype
        np.testing.assert_allclose(mine, its, rtol=1e-7, atol=1e-9)


def test_max_pool_is_the_maximum_of_each_window():
    x = np.random.default_rng(0).standard_normal((2, 3, 7, 8))
    values, indices = F.max_pool2d(powerhouse.tensor(x), (2, 3), 2, padding=1, dilation=(2, 1), return_indices=True)
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)], constant_values=-np.inf)
    for b, c, i, j in product(*map(range, values.shape)):
        assert values[b, c, i, j].item() == padded[b, c, 2 * i : 2 * i + 3 : 2, 2 * j : 2 * j + 3].max()
    np.testing.assert_array_equal(
        np.take_along_axis(x.reshape(2, 3, -1), indices.numpy().reshape(2, 3, -1), 2), values.numpy().reshape(2, 3, -1)
    )


def test_max_pool_hands_on_nan_and_infinity():
    x = powerhouse.tensor([[[1.0, float("nan"), float("-inf"), float("-inf"), float("inf"), 2.0]]], requires_grad=True)
    values, indices = F.max_pool1d(x, 2, return_indices=True)
    assert str(values.tolist()) == "[[[nan, -inf, inf]]]"
    assert indices.tolist() == [[[1, 2, 4]]]
    (g,) = powerhouse.autograd.grad(values, [x], powerhouse.tensor([[[3.0, float("inf"), 5.0]]]))
    assert g.tolist() == [[[0.0, 3.0, float("inf"), 0.0, 5.0, 0.0]]]


def test_avg_pool_counts_what_it_is_told_to():
    x = powerhouse.ones(1, 3, 3)
    assert F.avg_pool2d(x, 2, 2, padding=1)[0, 0, 0].item() == 0.25
    assert F.avg_pool2d(x, 2, 2, padding=1, count_include_pad=False)[0, 0, 0].item() == 1
    assert F.avg_pool2d(x, 2, ceil_mode=True)[0, 1, 1].item() == 1
    assert F.avg_pool2d(x, 2, divisor_override=8)[0, 0, 0].item() == 0.5


def test_unpooling_undoes_pooling():
    x = powerhouse.randn(2, 3, 6, 8)
    values, indices = F.max_pool2d(x, 2, return_indices=True)
    back = F.max_unpool2d(values, indices, 2)
    assert powerhouse.equal(F.max_pool2d(powerhouse.where(back != 0, x, powerhouse.full_like(x, -100.0)), 2), values)
    assert F.max_unpool2d(values, indices, 2, output_size=(7, 9)).shape == (2, 3, 7, 9)
    with pytest.raises(ValueError, match="max_unpool2d: invalid output_size"):
        F.max_unpool2d(values, indices, 2, output_size=(12, 9))
    with pytest.raises(RuntimeError, match="max_unpool2d: elements in indices should be type int64"):
        F.max_unpool2d(values, indices.int(), 2)


def test_fold_and_unfold():
    x = powerhouse.randn(2, 3, 5, 6, dtype=powerhouse.float64)
    weight = powerhouse.randn(4, 3, 2, 3, dtype=powerhouse.float64)
    how = {"stride": (1, 2), "padding": (0, 1), "dilation": (2, 1)}
    columns = F.unfold(x, (2, 3), **how)
    product_ = (weight.reshape(4, -1) @ columns).reshape(2, 4, 3, 3)
    assert powerhouse.allclose(product_, F.conv2d(x, weight, **how))
    ones = F.fold(F.unfold(powerhouse.ones(1, 1, 5, 6), (2, 3), **how), (5, 6), (2, 3), **how)
    assert powerhouse.allclose(F.fold(columns, (5, 6), (2, 3), **how), x * ones)
    with pytest.raises(RuntimeError, match="fold: .*calculated number of sliding blocks"):
        F.fold(columns, (9, 9), (2, 3))


@pytest.mark.parametrize(
    ("name", "shape", "arguments", "message"),
    [
        ("max_pool2d", (2, 3), (2,), "Expected 3D or 4D"),
        ("max_pool2d", (1, 3, 8, 8), (9,), r"Given input size: \(3x8x8\). Calculated output size: \(3x0x0\). Output size is too small"),
        ("avg_pool2d", (1, 3, 8, 8), (2, 2, 2), "pad should be at most half of effective kernel size"),
        ("max_pool1d", (1, 3, 8), (2, 0), "stride should not be zero"),
        ("adaptive_avg_pool2d", (1, 3, 0, 8), (2,), "Expected input to have non-zero size for non-batch dimensions"),
    ],
)
def test_refusals(name, shape, arguments, message):
    with pytest.raises(RuntimeError, match=f"^{name}.*{message}"):
        getattr(F, name)(powerhouse.zeros(shape), *arguments)
