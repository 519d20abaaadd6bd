"""Sorting, ranks and running sums: order, NaN, ties, and the ways that depend on sizes."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse as ph


def _values(shape, ties: bool, nans: bool, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    x = generator.integers(0, 9, shape).astype(np.float32) if ties else generator.normal(size=shape).astype(np.float32)
    if nans:
        x[generator.random(shape) < 0.02] = np.nan
    return x


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize(("ties", "nans"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize(("shape", "k", "dim"), [((20, 60), 5, 1), ((60, 20), 7, 0), ((4, 700), 3, 1), ((3, 4, 50), 50, 2)])
def test_topk(shape, k, dim, ties, nans, largest):
    x = _values(shape, ties, nans)
    torch = pytest.importorskip("torch")
    values, indices = ph.topk(ph.tensor(x), k, dim, largest)
    np.testing.assert_array_equal(values.numpy(), torch.topk(torch.tensor(x), k, dim, largest).values.numpy())
    np.testing.assert_array_equal(np.take_along_axis(x, indices.numpy(), dim), values.numpy())
    assert all(len(set(line)) == k for line in np.moveaxis(indices.numpy(), dim, -1).reshape(-1, k).tolist())


def test_topk_counts_nan_among_equals():
    x = ph.tensor([[float("nan"), 5.0, 5.0, 1.0], [4.0, 3.0, 2.0, 1.0]])
    assert ph.topk(x, 2).indices.tolist() == [[0, 1], [0, 1]]
    assert ph.topk(x, 2, largest=False).indices.tolist() == [[3, 1], [3, 2]]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int64", "uint8"])
def test_topk_of_other_dtypes(dtype):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).integers(0, 200, (5, 40))
    ours, theirs = ph.tensor(x, dtype=getattr(ph, dtype)), torch.tensor(x, dtype=getattr(torch, dtype))
    assert ph.topk(ours, 4).values.tolist() == torch.topk(theirs, 4).values.tolist()


@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 300, 300), (300, 300, 1), (2, 0, 3), (0, 2, 2)])
def test_running_sums_add_up_in_double_precision(shape, dim):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    expected = np.cumsum(x, axis=dim, dtype=np.float64).astype(np.float32)
    np.testing.assert_array_equal(ph.cumsum(ph.tensor(x), dim).numpy(), expected)
    half = ph.tensor(x).half()
    wide = np.cumsum(half.numpy(), axis=dim, dtype=np.float64).astype(np.float16)
    np.testing.assert_array_equal(ph.cumsum(half, dim).numpy(), wide)
    turned = np.cumsum(x.transpose(2, 1, 0), axis=dim, dtype=np.float64).astype(np.float32)
    np.testing.assert_array_equal(ph.cumsum(ph.tensor(x).permute(2, 1, 0), dim).numpy(), turned)
