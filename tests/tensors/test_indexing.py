"""Indexing with random mixtures of ints, slices, None, Ellipsis, int tensors and masks: reading, writing, and their gradients.

NumPy is the oracle. It differs in one point: an int beside an array counts as an array there. PyTorch takes ints first, as a view;
so does the oracle here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import powerhouse

SHAPES = [(4,), (3, 4), (2, 3, 4), (2, 1, 3, 2), (1,), (0, 3)]


@st.composite
def sizes(draw):
    """A shape to index."""
    return draw(st.sampled_from(SHAPES))


def _slice(draw, n):
    bound = st.none() | st.integers(-n - 1, n + 1)
    return slice(draw(bound), draw(bound), draw(st.none() | st.integers(1, 3)))


def _filled(draw, shape, elements, dtype):
    """An array of drawn elements."""
    count = int(np.prod(shape))
    return np.array(draw(st.lists(elements, min_size=count, max_size=count)), dtype).reshape(shape)


@st.composite
def indices(draw, shape, *, distinct=False):
    """An index for `shape`; its int tensors (as arrays) broadcast, and name no element twice where `distinct`."""
    parts: list[Any] = []
    dim, length = 0, draw(st.integers(1, 3))
    common = [(length,)] if distinct else [(length,), (1,), (2, 1), (2, length), ()]
    while dim < len(shape):
        n = shape[dim]
        kind = draw(st.sampled_from(["int", "slice", "slice", "array", "mask", "none", "end"]))
        if kind == "end":
            break
        if kind == "none":
            parts.append(None)
            continue
        if kind == "int" and n:
            parts.append(draw(st.integers(-n, n - 1)))
        elif kind == "array" and n:
            at = draw(st.sampled_from(common))
            if distinct and length > n:
                parts.append(slice(None))
            elif distinct:
                parts.append(np.array(draw(st.permutations(range(n)))[:length]))
            else:
                parts.append(_filled(draw, at, st.integers(-n, n - 1), np.int64))
        elif kind == "mask" and not any(isinstance(p, np.ndarray) for p in parts):
            width = draw(st.integers(1, len(shape) - dim))
            parts.append(_filled(draw, shape[dim : dim + width], st.booleans(), bool))
            return tuple(parts)  # what else is indexed would have to broadcast with the mask
        else:
            parts.append(_slice(draw, n))
        dim += 1
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), Ellipsis)
        return _aligned(parts, shape)
    return tuple(parts)


def _aligned(parts, shape):
    """`parts` with what follows the Ellipsis replaced by whole slices: it was drawn for other dims."""
    at = next(i for i, p in enumerate(parts) if p is Ellipsis)
    return (*parts[: at + 1], *(slice(None) if p is not None else None for p in parts[at + 1 :]))


def used(part):
    """The dims that a part of an index takes."""
    return 0 if part is None or part is Ellipsis else part.ndim if isinstance(part, np.ndarray) and part.dtype == bool else 1


def in_two_steps(index, ndim):
    """The index as a view by ints, slices and None, and then an index by arrays: PyTorch's order."""
    parts = [int(p) if isinstance(p, np.ndarray) and p.ndim == 0 else p for p in index]  # PyTorch takes 0-d int tensors for ints
    whole = [slice(None)] * (ndim - sum(map(used, parts)))
    at = next((i for i, p in enumerate(parts) if p is Ellipsis), len(parts))
    parts[at : at + 1] = whole
    views, arrays = [], []
    for p in parts:
        if isinstance(p, np.ndarray):
            views += [slice(None)] * used(p)
            arrays.append(p)
        else:
            views.append(p)
            arrays += [] if isinstance(p, (int, np.integer)) else [slice(None)]
    return (*views, Ellipsis), tuple(arrays)


def read(x, index):
    """`x[index]` by NumPy."""
    views, arrays = in_two_steps(index, x.ndim)
    return x[views][arrays]


def write(x, index, value):
    """`x[index] = value` by NumPy."""
    views, arrays = in_two_steps(index, x.ndim)
    x[views][arrays] = value


def of(lib, index):
    """The index with tensors in place of arrays."""
    return tuple(lib.tensor(p) if isinstance(p, np.ndarray) else p for p in index)


def start(shape, lib=np):
    """Distinct values."""
    values = np.arange(1.0, 1.0 + np.prod(shape, dtype=int)).reshape(shape)
    return values if lib is np else lib.tensor(values)


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_reading(data):
    """Values and shapes are NumPy's; without tensors in the index, the result is a view."""
    shape = data.draw(sizes())
    index = data.draw(indices(shape))
    x = start(shape, powerhouse)
    found = x[of(powerhouse, index)]
    expected = read(start(shape), index)
    assert tuple(found.shape) == expected.shape
    assert found.tolist() == expected.tolist()
    if not any(isinstance(p, np.ndarray) for p in index):
        found.fill_(-1)
        twin = start(shape)
        write(twin, index, -1)
        assert x.tolist() == twin.tolist()


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_writing(data):
    """Numbers, and tensors that broadcast, arrive where NumPy puts them."""
    shape = data.draw(sizes())
    index = data.draw(indices(shape, distinct=True))
    twin = start(shape)
    value: Any = data.draw(st.sampled_from(["number", "whole", "last"]))
    target = read(twin, index).shape
    array = -1 - np.arange(float(np.prod(target, dtype=int))).reshape(target)
    if value == "number":
        array = np.float64(7)
    elif value == "last" and array.size and len(target) > 1:
        array = array[(0,) * (len(target) - 1)]
    x = start(shape, powerhouse)
    x[of(powerhouse, index)] = float(array) if value == "number" else powerhouse.tensor(array)
    write(twin, index, array)
    assert x.tolist() == twin.tolist()


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_gradients_against_pytorch(data):
    """The gradient of a reading, and of a writing with respect to both what is written and what was there."""
    torch = pytest.importorskip("torch")
    shape = data.draw(sizes())
    reading, writing = data.draw(indices(shape)), data.draw(indices(shape, distinct=True))
    target = read(start(shape), writing).shape

    def gradients(lib):
        x, v = start(shape, lib).requires_grad_(), (lib.ones(target, dtype=lib.float64) * 2).requires_grad_()
        found = x[of(lib, reading)]
        y = x * 1.0
        y[of(lib, writing)] = v * v
        out = (found * lib.arange(1.0, 1.0 + found.numel(), dtype=lib.float64).reshape(found.shape)).sum() + (y * start(shape, lib)).sum()
        return [out.item(), *(g.numpy() for g in lib.autograd.grad(out + 0 * (x.sum() + v.sum()), (x, v)))]

    for ours, theirs in zip(gradients(powerhouse), gradients(torch), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


# --- kinds of index that are not drawn above ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [
    2, -1, [0, 2], [[0, 1], [2, 0]], ([0, 1], [1, 2]), (slice(None), [2, 0]), (..., 1), (None, 1), True, False, (True, 1),
    [True, False, True], range(2), (1, ..., None), np.array([2, 0]), np.int64(1), (np.array(1), slice(1, 3)), (slice(None), None, [1]),
    np.array([[True, False, True, False]] * 3),
])
def test_other_kinds_of_index(index):
    """Lists, ranges, NumPy's arrays and numbers, and booleans."""
    x = np.arange(12.0).reshape(3, 4)
    found = powerhouse.tensor(x)[index]
    np.testing.assert_array_equal(found.numpy(), x[list(index) if isinstance(index, range) else index])


def test_an_empty_list_selects_nothing():
    """It counts as int positions, not as floats."""
    assert tuple(powerhouse.zeros(3, 4)[[]].shape) == (0, 4)
    assert tuple(powerhouse.zeros(3, 4)[:, []].shape) == (3, 0)


def test_writing_by_a_list_and_by_a_mask_of_one_dim():
    """Rows and elements."""
    x = powerhouse.zeros(3, 2)
    x[[0, 2]] = powerhouse.tensor([1.0, 2.0])
    assert x.tolist() == [[1, 2], [0, 0], [1, 2]]
    x[powerhouse.tensor([False, True, False])] = 5
    assert x[1].tolist() == [5, 5]
    x[x == 5] *= 2
    assert x.sum().item() == 26


def test_repeated_positions_accumulate_only_where_asked():
    """`x[i] += 1` adds once; `index_put_(accumulate=True)` and `index_add_` as often as a position occurs."""
    i = powerhouse.tensor([0, 0, 1])
    x = powerhouse.zeros(2)
    x[i] += 1
    assert x.tolist() == [1, 1]
    assert powerhouse.zeros(2).index_put_((i,), powerhouse.ones(3), accumulate=True).tolist() == [2, 1]
    assert powerhouse.zeros(2).index_add_(0, i, powerhouse.ones(3)).tolist() == [2, 1]


def test_indexing_by_uint8_is_a_mask():
    """As PyTorch has it."""
    assert powerhouse.tensor([1, 2, 3])[powerhouse.tensor([1, 0, 1], dtype=powerhouse.uint8)].tolist() == [1, 3]


@pytest.mark.parametrize("index, error, message", [
    (3, IndexError, "out of bounds"), (-4, IndexError, "out of bounds"), ((0, 0, 0), IndexError, "too many indices"),
    (1.5, IndexError, "valid indices"), ("a", IndexError, "valid indices"), ((..., ...), IndexError, "single ellipsis"),
    (slice(None, None, -1), ValueError, "step must be greater than zero"), ([5], IndexError, "out of bounds"),
    ([[0, 1, 2], [0, 1]], (ValueError, TypeError), "length|shape|sequence"), (([0, 1], [0, 1, 2]), (IndexError, RuntimeError), "shape"),
    (np.array([True, False]), IndexError, "mask"), (np.array([0.5]), IndexError, "tensors used as indices"),
])
def test_bad_indices_are_refused(index, error, message):
    """Each with PyTorch's exception."""
    with pytest.raises(error, match=message):
        powerhouse.zeros(3, 4)[index].tolist()


def test_values_that_do_not_fit_are_refused():
    """The message gives both shapes."""
    x = powerhouse.zeros(3, 4)
    with pytest.raises(RuntimeError, match=r"\[2\].*\[4\]"):
        x[0] = powerhouse.zeros(2)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        x[[0, 1]] = powerhouse.zeros(3, 4)
    with pytest.raises(IndexError, match="0-dim"):
        powerhouse.tensor(1.0)[0]
