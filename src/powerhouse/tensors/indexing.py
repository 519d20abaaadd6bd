"""`x[index]` and `x[index] = value`: an index is parsed into a box (a view) and, where tensors take part, a gather on it."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from ..core import dtypes as dt
from ..engine.segment import RECORDER
from ..graph.symbol import Type
from ..ops.indexing import Box, box, filled, get_by_tensors, put_by_tensors
from ..ops.views import reshape_to, slice_of
from ._construct import tensor
from ._lens import View
from .apply import apply, is_tensor, read, view_of, write

_ALL = ("slice", None, None, None)


class Parsed(NamedTuple):
    """An index: the box, then the dims of the boxed tensor that are indexed, and by what."""

    box: Box
    dims: tuple[int, ...]
    tensors: tuple[Any, ...]


def parse(x: Any, index: Any) -> Parsed:
    """`index` on the tensor `x`. Raises IndexError for too many indices or an invalid type."""
    items = _as_tuple(index)
    items = [_as_item(i) for i in items]
    used = sum(_dims_used(i) for i in items)
    if used > x.ndim:
        raise IndexError(f"too many indices for tensor of dimension {x.ndim}: got {used}")
    if items.count(Ellipsis) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    at = items.index(Ellipsis) if Ellipsis in [i for i in items if i is Ellipsis] else len(items)
    items[at : at + 1] = [_ALL] * (x.ndim - used)
    parts: list[Any] = []
    dims: list[int] = []
    tensors: list[Any] = []
    dim = source = 0  # dim: in the boxed tensor; source: in x
    for i in items:
        if is_tensor(i):
            group = _mask_to_indices(i, x.shape[source : source + i.ndim], source) if i.dtype in (dt.bool_, dt.uint8) else (i,)
            width = _dims_used(i)
            if width == 0:  # a 0-d mask indexes a new dim
                parts.append(None)
                dims.append(dim)
                dim += 1
            parts += [_ALL] * width
            dims += range(dim, dim + width)
            tensors += group
            dim, source = dim + width, source + width
            continue
        parts.append(i)
        dim += not isinstance(i, int)
        source += i is not None
    return Parsed(tuple(parts), tuple(dims), tuple(tensors))


def _as_tuple(index: Any) -> list[Any]:
    if isinstance(index, tuple):
        return list(index)
    if isinstance(index, list) and any(isinstance(i, (slice, type(None), type(Ellipsis))) or is_tensor(i) and i.ndim for i in index):
        return list(index)
    return [index]


def _as_item(i: Any) -> Any:
    if i is None or i is Ellipsis or (i.__class__ is int):
        return i
    if isinstance(i, slice):
        return ("slice", _bound(i.start), _bound(i.stop), _bound(i.step))
    if isinstance(i, (bool, np.bool_)):
        return tensor(bool(i))
    if isinstance(i, (list, np.ndarray, range)) or (isinstance(i, tuple)):
        i = tensor(
            list(i) if isinstance(i, (range, tuple)) else i, dtype=dt.int64 if not isinstance(i, np.ndarray) and not len(i) else None
        )
    if is_tensor(i):
        if i.dtype.category > dt.INTEGER:
            raise IndexError(f"tensors used as indices must be long, int, byte or bool tensors, got {i.dtype}")
        return int(i) if i.ndim == 0 and i.dtype not in (dt.bool_, dt.uint8) else i  # as an int it gives a view
    try:
        return operator.index(i)
    except TypeError:
        raise IndexError(
            f"only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got {type(i).__name__})"
        ) from None


def _bound(b: Any) -> int | None:
    return None if b is None else operator.index(b)


def _dims_used(i: Any) -> int:
    if i is None or i is Ellipsis:
        return 0
    return i.ndim if is_tensor(i) and i.dtype in (dt.bool_, dt.uint8) else 1


def _mask_to_indices(mask: Any, shape: tuple[int, ...], dim: int) -> tuple[Any, ...]:
    if tuple(mask.shape) != tuple(shape):
        raise IndexError(
            f"The shape of the mask {list(mask.shape)} at index {dim} does not match the shape of the indexed tensor "
            f"{list(shape)} at index {dim}"
        )
    if mask.ndim == 0:
        return (tensor([0] if bool(mask) else [], dtype=dt.int64),)
    return tuple(tensor(i) for i in np.nonzero(mask._array()))


class Indexing:
    """The part of `Tensor` that concerns indexing."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        if index.__class__ is int:
            return row(self, index)
        found = parse(self, index)
        boxed = apply(box, (self, found.box))
        return apply(get_by_tensors, (boxed, found.dims, found.tensors)) if found.tensors else boxed

    def __setitem__(self, index: Any, value: Any) -> None:
        found = parse(self, index)
        target = apply(box, (self, found.box)) if found.box != (_ALL,) * self.ndim else self  # type: ignore[attr-defined]
        if not is_tensor(value) and not isinstance(value, (bool, int, float, complex)):
            value = tensor(value, dtype=self.dtype)  # type: ignore[attr-defined]
        if found.tensors:
            value = apply(put_by_tensors, (target, value, found.dims, found.tensors))
        else:
            value = apply(filled, (value, tuple(target.shape), target.dtype))
        write(target, read(value), "setitem")


def row(x: Any, index: int) -> Any:
    """`x[index]`: a view that is made directly, since each index comes but once where data are read row by row."""
    lens, st = x._lens, x._storage
    parent = lens.view if lens is not None else None
    kind = st.type if parent is None else parent.type
    shape = kind.shape
    if not shape:
        raise IndexError("invalid index of a 0-dim tensor. Use `tensor.item()` to convert a 0-dim tensor to a Python number")
    n = shape[0]
    if not -n <= index < n:
        raise IndexError(f"index {index} is out of bounds for dimension 0 with size {n}")
    if RECORDER.now.modes:
        return apply(box, (x, (index, *[_ALL] * (len(shape) - 1))))
    strides = x._strides() if parent is None else parent.strides
    inner = shape[1:]
    at = index % n
    steps = ((slice_of, (((at, 1, 1), *[(0, m, 1) for m in inner]),)), (reshape_to, (inner,)))
    before, offset = ((), 0) if parent is None else (parent.steps, parent.offset)
    return view_of(x, View(before + steps, Type(inner, kind.dtype), strides[1:], offset + at * strides[0]), steps)


__all__ = ["Indexing", "Parsed", "parse"]
