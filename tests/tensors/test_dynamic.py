"""Functions whose output shape depends on values, against NumPy, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import powerhouse

INTS = arrays(np.int64, array_shapes(max_dims=3, max_side=4, min_side=0), elements=st.integers(-2, 3))


def same(ours, expected):
    """Shapes and values are the same."""
    assert tuple(ours.shape) == expected.shape
    assert ours.tolist() == expected.tolist()


@given(INTS)
@settings(deadline=None, max_examples=60)
def test_nonzero_and_selection(x):
    """Positions in row-major order, in both forms, and the elements there."""
    t = powerhouse.tensor(x)
    same(powerhouse.nonzero(t), np.argwhere(x))
    same(powerhouse.argwhere(t), np.argwhere(x))
    for ours, expected in zip(powerhouse.where(t), np.nonzero(x), strict=True):
        same(ours, expected)
    same(t.masked_select(t > 0), x[x > 0])
    same(powerhouse.nonzero_static(t, size=2, fill_value=-9), np.vstack([np.argwhere(x), np.full((2, x.ndim), -9)])[:2])


@given(INTS)
@settings(deadline=None, max_examples=60)
def test_unique(x):
    """Sorted values, where each element went, how many there are."""
    values, inverse, counts = powerhouse.unique(powerhouse.tensor(x), return_inverse=True, return_counts=True)
    expected = np.unique(x, return_counts=True)
    same(values, expected[0])
    same(counts, expected[1])
    assert tuple(inverse.shape) == x.shape
    same(values[inverse], x)


@given(INTS.filter(lambda x: x.size))
@settings(deadline=None, max_examples=60)
def test_unique_along_a_dim_and_of_runs(x):
    """Slices that differ; and runs, which repeated give the input back."""
    t = powerhouse.tensor(x)
    same(powerhouse.unique(t, dim=0), np.unique(x, axis=0))
    values, counts = powerhouse.unique_consecutive(t, return_counts=True)
    same(values.repeat_interleave(counts), x.reshape(-1))
    assert (np.diff(values.numpy()) != 0).all()
    rows, inverse = powerhouse.unique_consecutive(t, return_inverse=True, dim=0)
    same(rows[inverse], x)


def test_unique_keeps_every_nan():
    """NaN equals nothing."""
    assert powerhouse.unique(powerhouse.tensor([1.0, float("nan"), 1.0, float("nan")])).numel() == 3


@given(st.lists(st.integers(0, 5)), st.integers(0, 9))
@settings(deadline=None, max_examples=40)
def test_bincount(x, minlength):
    """Counts, and sums of weights."""
    t, weights = powerhouse.tensor(x, dtype=powerhouse.int64), np.arange(len(x)) * 0.5
    same(powerhouse.bincount(t, minlength=minlength), np.bincount(x, minlength=minlength))
    same(powerhouse.bincount(t, powerhouse.tensor(weights), minlength), np.bincount(x, weights, minlength))


@given(arrays(np.float64, (20,), elements=st.floats(-4, 4)), st.integers(1, 6))
@settings(deadline=None, max_examples=40)
def test_histograms(x, bins):
    """Equal bins, given edges, weights and density."""
    t = powerhouse.tensor(x)
    counts, edges = np.histogram(x, bins, (-3, 3))
    hist, ours = powerhouse.histogram(t, bins, range=(-3.0, 3.0))
    same(hist, counts.astype(np.float64))
    np.testing.assert_allclose(ours.numpy(), edges)
    assert powerhouse.histc(t, bins, -3, 3).sum().item() == counts.sum()
    given_edges = np.array([-4.0, -1.0, 0.5, 4.0])
    weights = np.linspace(0, 1, 20)
    expected = np.histogram(x, given_edges, weights=weights, density=True)[0]
    ours = powerhouse.histogram(t, powerhouse.tensor(given_edges), weight=powerhouse.tensor(weights), density=True).hist
    np.testing.assert_allclose(ours.numpy(), expected)


@given(INTS, st.lists(st.integers(-2, 3)))
@settings(deadline=None, max_examples=40)
def test_isin(x, among):
    """Membership and its opposite."""
    t, other = powerhouse.tensor(x), powerhouse.tensor(among, dtype=powerhouse.int64)
    same(powerhouse.isin(t, other), np.isin(x, among))
    same(powerhouse.isin(t, other, invert=True), ~np.isin(x, among))
    same(powerhouse.isin(t, 1), x == 1)


def test_repeat_interleave():
    """By a number, by a tensor, and positions by counts alone."""
    x = powerhouse.tensor([[1, 2], [3, 4]])
    same(x.repeat_interleave(2), np.repeat([[1, 2], [3, 4]], 2))
    same(x.repeat_interleave(powerhouse.tensor([2, 0]), dim=1), np.repeat([[1, 2], [3, 4]], [2, 0], 1))
    assert powerhouse.repeat_interleave(powerhouse.tensor([0, 2, 1])).tolist() == [1, 1, 2]


def test_gradients_pass_through_positions():
    """Positions come from values, and gradients go where the elements came from."""
    x = powerhouse.tensor([1.0, -2.0, 3.0], requires_grad=True)
    (x.masked_select(x > 0) * powerhouse.tensor([2.0, 5.0])).sum().backward()
    assert x.grad.tolist() == [2, 0, 5]
    x.grad = None
    (x.repeat_interleave(powerhouse.tensor([2, 0, 3])) * powerhouse.arange(5.0)).sum().backward()
    assert x.grad.tolist() == [1, 0, 9]
    x.grad = None
    source = powerhouse.tensor([7.0, 8.0], requires_grad=True)
    out = x.masked_scatter(powerhouse.tensor([True, False, True]), source)
    assert out.tolist() == [7, -2, 8]
    (out * powerhouse.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [0, 2, 0]
    assert source.grad.tolist() == [1, 3]


@pytest.mark.parametrize("call, error, message", [
    (lambda x: powerhouse.masked_select(x, x), RuntimeError, "BoolTensor"),
    (lambda x: powerhouse.masked_select(x, powerhouse.tensor([True, False])), RuntimeError, "must match the size"),
    (lambda x: x.masked_scatter(x > 0, powerhouse.zeros(1)), RuntimeError, "Number of elements of source"),
    (lambda x: powerhouse.bincount(x), RuntimeError, "integer tensor"),
    (lambda x: powerhouse.bincount(powerhouse.tensor([-1])), RuntimeError, "non-negative"),
    (lambda x: x.repeat_interleave(powerhouse.tensor([1, 2])), RuntimeError, "same size as input"),
    (lambda x: powerhouse.histc(x, bins=0), RuntimeError, "bins must be > 0"),
    (lambda x: powerhouse.histc(x, min=1, max=float("inf")), RuntimeError, "not finite"),
    (lambda x: powerhouse.nonzero([1]), TypeError, "must be Tensor"),
    (lambda x: x.index_put((powerhouse.tensor([0]),), powerhouse.zeros(1, dtype=powerhouse.int64)), RuntimeError, "dtypes match"),
])
def test_bad_inputs_are_refused(call, error, message):
    """Each with PyTorch's exception."""
    with pytest.raises(error, match=message):
        call(powerhouse.tensor([1.0, 2.0, 3.0]))


# --- order: ties and NaN ------------------------------------------------------------------------------------------------------------

VALUES = st.sampled_from([0.0, 1.0, -1.0, 2.5, np.nan, np.inf, -np.inf])
FLOATS = arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(1, 150)), elements=VALUES)


@given(FLOATS, st.booleans())
@settings(deadline=None, max_examples=60)
def test_sorting_is_stable_and_puts_nan_last(x, descending):
    """NaN is the largest; equal elements keep their order both ways."""
    values, indices = powerhouse.sort(powerhouse.tensor(x), dim=1, descending=descending)
    sign = -1 if descending else 1
    keys = sign * np.isnan(x).astype(int), sign * np.where(np.isnan(x), np.inf, x)
    for row in range(len(x)):
        order = sorted(range(x.shape[1]), key=lambda i, row=row: (keys[0][row, i], keys[1][row, i]))
        assert indices[row].tolist() == order
        np.testing.assert_array_equal(values[row].numpy(), x[row, order])


@given(FLOATS, st.integers(1, 4), st.booleans())
@settings(deadline=None, max_examples=60)
def test_topk_and_kthvalue_agree_with_sorting(x, k, largest):
    """The first `k` of the sorted elements, and positions where they are."""
    k = min(k, x.shape[1])
    t = powerhouse.tensor(x)
    values, indices = t.topk(k, 1, largest)
    np.testing.assert_array_equal(values.numpy(), t.sort(1, largest).values[:, :k].numpy())
    np.testing.assert_array_equal(np.take_along_axis(x, indices.numpy(), 1), values.numpy())
    assert all(len(set(row)) == k for row in indices.tolist())
    np.testing.assert_array_equal(t.kthvalue(k, 1).values.numpy(), t.sort(1).values[:, k - 1].numpy())


@given(FLOATS)
@settings(deadline=None, max_examples=60)
def test_medians(x):
    """The lower of two middle elements; NaN where there is one, unless it is skipped."""
    t = powerhouse.tensor(x)
    for row, ours, skipping in zip(x, t.median(1).values.numpy(), t.nanmedian(1).values.numpy(), strict=True):
        numbers = np.sort(row[~np.isnan(row)])
        lower = numbers[(len(numbers) - 1) // 2] if len(numbers) else np.nan
        np.testing.assert_array_equal(skipping, lower)
        np.testing.assert_array_equal(ours, np.nan if len(numbers) < len(row) else lower)
