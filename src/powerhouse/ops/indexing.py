"""Indexing: boxes (`x[1:3, None]`, views) and gathers by integer tensors, with their writes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.shapes import broadcast
from ..graph.op import Operand, Sample, Symbols, Type, composite, fit, primitive, view
from ..graph.symbol import Symbol
from .views import reshape_to, slice_of, zeros

# Part of an index that needs no tensor: an int, None (a new dim), or ("slice", start, stop, step).
Box = tuple[Any, ...]


@view(names=(), name="getitem")
def box(input: Symbol, parts: Box) -> Symbol:
    """`input[parts]` for ints, slices and None, one part for each dim of the input (None apart)."""
    bounds, shape, dim = [], [], 0
    for part in parts:
        if part is None:
            shape.append(1)
            continue
        n = input.shape[dim]
        if isinstance(part, int):
            if not -n <= part < n:
                raise IndexError(f"index {part} is out of bounds for dimension {dim} with size {n}")
            bounds.append((part % n, 1, 1))
        else:
            start, stop, step = slice(*part[1:]).indices(n)
            if step <= 0:
                raise ValueError("step must be greater than zero")
            length = max(0, (stop - start + step - 1) // step)
            bounds.append((start if length else min(start, n), length, step))
            shape.append(length)
        dim += 1
    boxed = slice_of(input, tuple(bounds)) if any(b != (0, n, 1) for b, n in zip(bounds, input.shape, strict=True)) else input
    return boxed if boxed.shape == tuple(shape) else reshape_to(boxed, tuple(shape))


@box.samples
def _(draw: Any) -> Any:
    yield Sample((draw(4, 5), (("slice", 1, 4, 2), None, -1)))


# --- gathers by integer tensors: the indexed dims `dims` are replaced by the indices' common shape --------------------------------


def _result_shape(x: tuple[int, ...], index: tuple[int, ...], dims: tuple[int, ...]) -> tuple[int, ...]:
    rest = [n for i, n in enumerate(x) if i not in dims]
    at = dims[0] if dims == tuple(range(dims[0], dims[-1] + 1)) else 0
    return (*rest[:at], *index, *rest[at:])


def _numpy_index(x: Any, indices: Any, dims: tuple[int, ...]) -> tuple[Any, ...]:
    where: list[Any] = [slice(None)] * x.ndim
    for d, i in zip(dims, indices, strict=True):
        n = x.shape[d]
        if i.size and (i.min() < -n or i.max() >= n):
            bad = i.max() if i.max() >= n else i.min()
            raise IndexError(f"index {bad} is out of bounds for dimension {d} with size {n}")
        where[d] = i
    return tuple(where)


@primitive(label="index")
def index_get(operands: Symbols, dims: tuple[int, ...]) -> Type:
    """`operands[0]` indexed in `dims` by the integer tensors that follow; indices may be negative."""
    x, *indices = operands
    return Type(_result_shape(x.shape, broadcast((i.shape for i in indices), "index"), dims), x.dtype)


@index_get.reference
def _(operands: Any, dims: tuple[int, ...]) -> Any:
    x, *indices = operands
    return x[_numpy_index(x, indices, dims)]


@index_get.vjp
def _(g: Symbol, out: Symbol, operands: Symbols, dims: tuple[int, ...]) -> Any:
    x, *indices = operands
    return (index_put((zeros(x.shape, x.dtype), g, *indices), dims, True), *[None] * len(indices))


@primitive(label="index_put")
def index_put(operands: Symbols, dims: tuple[int, ...], accumulate: bool) -> Type:
    """`operands[0]` with `operands[1]` written (or added) where `index_get` would read."""
    return operands[0].type


@index_put.reference
def _(operands: Any, dims: tuple[int, ...], accumulate: bool) -> Any:
    return _put_indexed((np.array(operands[0]), *operands[1:]), dims, accumulate)


def _put_indexed(operands: Any, dims: tuple[int, ...], accumulate: bool) -> Any:
    out, value, *indices = operands
    where = _numpy_index(out, indices, dims)
    if not accumulate:
        out[where] = value
    elif dims == (0,) and indices[0].ndim == 1 and out.ndim > 1 and out.dtype in (np.float32, np.float64):
        _add_rows(out, indices[0], value)
    else:
        np.add.at(out, where, value)
    return out


index_put.overwrite = _put_indexed


def _add_rows(out: Any, index: Any, value: Any) -> None:
    """`out[index] += value` by sorting the rows: `np.add.at` is slow for rows."""
    if index.size == 0:
        return
    index = np.where(index < 0, index + out.shape[0], index)
    order = np.argsort(index, kind="stable")
    ranked = index[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    counts = np.diff(np.append(starts, len(ranked)))
    if counts.max() > 32:
        out[ranked[starts]] += np.add.reduceat(value[order], starts, axis=0)
        return
    for k in range(counts.max()):  # the k-th occurrence of each row: no row comes twice in a pass
        at = order[starts[counts > k] + k]
        out[index[at]] += value[at]


@index_put.vjp
def _(g: Symbol, out: Symbol, operands: Symbols, dims: tuple[int, ...], accumulate: bool) -> Any:
    base, value, *indices = operands
    kept = g if accumulate else index_put((g, zeros(value.shape, g.dtype), *indices), dims, False)
    return (kept, index_get((g, *indices), dims), *[None] * len(indices))


@composite(names=(), name="getitem_by_tensors", label="index")
def get_by_tensors(input: Symbol, dims: tuple[int, ...], indices: Symbols) -> Symbol:
    """`input` indexed in `dims` by integer tensors."""
    return index_get((input, *indices), dims)


@get_by_tensors.samples
def _(draw: Any) -> Any:
    yield Sample((draw(4, 5), (0,), (np.array([2, -1, 2]),)))


@composite(names=(), name="setitem_by_tensors")
def put_by_tensors(input: Symbol, value: Operand, dims: tuple[int, ...], indices: Symbols, accumulate: bool = False) -> Symbol:
    """`input` after `input[indices] = value`."""
    shape = _result_shape(input.shape, broadcast((i.shape for i in indices), "index_put_"), dims)
    return index_put((input, fit(trim(value, shape), input.dtype, shape), *indices), dims, accumulate)


@put_by_tensors.samples
def _(draw: Any) -> Any:
    yield Sample((draw(4, 5), draw(3, 5), (0,), (np.array([2, -1, 1]),)))


def trim(value: Symbol, shape: tuple[int, ...]) -> Symbol:
    """`value` without leading dims of size 1 beyond those of `shape`; refused where it cannot be broadcast."""
    extra = value.ndim - len(shape)
    if extra > 0 and all(n == 1 for n in value.shape[:extra]):
        value = reshape_to(value, value.shape[extra:])
    if value.ndim > len(shape) or any(n not in (1, m) for n, m in zip(reversed(value.shape), reversed(shape), strict=False)):
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(value.shape)} cannot be broadcast to indexing result of shape {list(shape)}"
        )
    return value


@composite(names=(), name="filled")
def filled(value: Operand, shape: tuple[int, ...], dtype: dt.dtype) -> Symbol:
    """`value` cast to `dtype` and expanded to `shape`: what is written by `x[...] = value`."""
    return fit(trim(value, shape), dtype, shape)


@filled.samples
def _(draw: Any) -> Any:
    yield Sample((draw(1, 3), (2, 3), dt.float64))


__all__ = ["Box", "box", "filled", "get_by_tensors", "index_get", "index_put", "put_by_tensors", "trim"]
