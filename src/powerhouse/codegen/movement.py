"""Ops that only move elements: copies of views, joins, and writes to a part of a tensor."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..core import dtypes as dt
from ..core.shapes import contiguous_strides
from ..graph.op import IDENTITIES, LAST, cast, const, number, results
from ..graph.symbol import Symbol
from ..runtime import native
from .function import Function, module
from .lowering import lowers
from .moves import HEAD, Ints, Move, moves_to_tasks
from .task import At, Lowering, Place, Task, Temp
from .values import BOOL, F64, I64

Placer = Callable[[Symbol], "Place | None"]

# --- operands ---------------------------------------------------------------------------------------------------------------------


class Operand(NamedTuple):
    """Where an operand's elements lie: an address and strides, in elements. `tasks` must have run before it is read."""

    at: At
    strides: Ints
    tasks: Lowering = ()

    def moved(self, elements: int, width: int) -> At:
        """The address of the element `elements` further on."""
        return At(self.at.base, self.at.offset + elements * width)


def operand(s: Symbol, k: int, place: Placer) -> Operand | None:
    """Input `k` of `s`. A number, expanded or not, is put into memory of its own, with strides 0."""
    i = s.inputs[k]
    chain = number_of(i)
    if chain is not None:
        temp = Temp(8)
        return Operand(At(temp), (0,) * i.ndim, (_number_task(chain, temp),))
    found = place(i)
    return None if found is None else Operand(At(found.base, found.offset * i.dtype.numpy.itemsize), found.strides)


def number_of(s: Symbol) -> tuple[Symbol, ...] | None:
    """If all elements of `s` are one number: that number, then the casts that are applied to it, in order."""
    casts: list[Symbol] = []
    while s.op is not const and s.op is not number:
        if s.op is cast:
            casts.append(s)
        elif s.op not in IDENTITIES and s.op not in LAST and s.op.layout is None:
            return None
        s = s.inputs[-1] if s.op in LAST else s.inputs[0]
    chain = (s, *reversed(casts))
    return chain if all(_in_registers(x.dtype) for x in chain) else None


def _in_registers(kind: dt.dtype) -> bool:
    return kind.numpy.kind in "biuf" and kind.numpy.itemsize <= 8 and kind.numpy.str[1:] != "f2"


def _number_task(chain: tuple[Symbol, ...], temp: Temp) -> Task:
    """Store a number, cast as the chain says."""
    first, *casts = chain
    text = _number_text(first.attrs[1], tuple(s.dtype.numpy for s in casts or chain))
    return Task(text, (), (At(temp),), (_bits(first),), 1, 1)


def _bits(s: Symbol) -> int | Symbol:
    """A number as 64 bits: a float's are those of a double."""
    if s.op is number:
        return s
    value = s.op.value(*s.attrs)  # type: ignore[misc]
    return int(np.float64(value).view(np.int64)) if isinstance(value, float) else (int(value) + (1 << 63)) % (1 << 64) - (1 << 63)


@cache
def _number_text(given: str, kinds: tuple[np.dtype, ...]) -> str:
    f = Function("kernel", HEAD, attributes="")
    value = f.load("%numbers", F64 if given == "float" else I64)
    for kind in kinds:
        value = value.astype(kind)
    f.store(value.astype(np.uint8) if value.kind == BOOL else value, f.pointer("%pointers", 0))
    return module(f)


# --- copies and views -------------------------------------------------------------------------------------------------------------


def lower_copy(s: Symbol, place: Place, shape: Ints | None = None) -> Lowering:
    """Copy the elements at `place`, those of `shape` (that of `s`) in row-major order, to the memory of `s`."""
    shape, width = shape or s.shape, s.dtype.numpy.itemsize
    source = At(place.base, place.offset * width)
    return moves_to_tasks(width, [Move(shape, source, place.strides, At(s), contiguous_strides(shape))])


@lowers("copied", "fence", "reshape_to", "permute_dims", "expand", "slice_of", "strided", "diagonal_of", "windows_of")
def _lower_view(s: Symbol, place: Placer) -> Lowering | None:
    x = operand(s, 0, place)
    if x is None:
        return None
    shape, strides, start = s.inputs[0].shape, x.strides, 0
    if s.op.layout is not None and s.op.name != "reshape_to":  # what is reshaped keeps its order
        if s.op.name == "strided" and strides != contiguous_strides(shape):
            return None
        shape, strides, start = s.op.layout(shape, strides, 0, *s.attrs)
    width = s.dtype.numpy.itemsize
    return (*x.tasks, *moves_to_tasks(width, [Move(shape, x.moved(start, width), strides, At(s), contiguous_strides(shape))]))


@lowers("reversed_order")
def _lower_reversed(s: Symbol, place: Placer) -> Lowering | None:
    x = operand(s, 0, place)
    if x is None:
        return None
    (dims,), width = s.attrs, s.dtype.numpy.itemsize
    start = sum((s.shape[d] - 1) * x.strides[d] for d in dims) if s.numel else 0
    strides = tuple(-step if d in dims else step for d, step in enumerate(x.strides))
    return (*x.tasks, *moves_to_tasks(width, [Move(s.shape, x.moved(start, width), strides, At(s), contiguous_strides(s.shape))]))


@lowers("concat")
def _lower_concat(s: Symbol, place: Placer) -> Lowering | None:
    parts = [operand(s, k, place) for k in range(len(s.inputs))]
    (dim,), width, strides = s.attrs, s.dtype.numpy.itemsize, contiguous_strides(s.shape)
    moves, tasks, at = [], [], 0
    for i, part in zip(s.inputs, parts, strict=True):
        if part is None:
            return None
        moves.append(Move(i.shape, part.at, part.strides, At(s, at * strides[dim] * width), strides))
        tasks += part.tasks
        at += i.shape[dim]
    return (*tasks, *moves_to_tasks(width, moves))


@lowers("parted")
def _lower_parted(s: Symbol, place: Placer) -> Lowering | None:
    x = operand(s, 0, place)
    if x is None:
        return None
    sizes, dim = s.attrs
    moves, at = [], 0
    for part in results(s):
        width = part.dtype.numpy.itemsize
        moves.append(Move(part.shape, x.moved(at * x.strides[dim], width), x.strides, At(part), contiguous_strides(part.shape)))
        at += part.shape[dim]
    return (*x.tasks, *moves_to_tasks(width, moves))


# --- writes to a part -------------------------------------------------------------------------------------------------------------


@lowers("slice_put")
def _lower_slice_put(s: Symbol, place: Placer) -> Lowering | None:
    base, value = operand(s, 0, place), operand(s, 1, place)
    if base is None or value is None:
        return None
    (bounds,), width, strides = s.attrs, s.dtype.numpy.itemsize, contiguous_strides(s.shape)
    start = sum(first * step for (first, _, _), step in zip(bounds, strides, strict=True))
    inside = Move(
        s.inputs[1].shape,
        value.at,
        value.strides,
        At(s, start * width),
        tuple(step * by for (_, _, by), step in zip(bounds, strides, strict=True)),
    )
    if any(by != 1 and n > 1 for _, n, by in bounds) or not s.inputs[1].numel:
        around = [Move(s.shape, base.at, base.strides, At(s), strides)]
        return (*base.tasks, *value.tasks, *moves_to_tasks(width, around), *moves_to_tasks(width, [inside]))
    around = [
        Move(shape, base.moved(_dot(corner, base.strides), width), base.strides, At(s, _dot(corner, strides) * width), strides)
        for corner, shape in _frame(s.shape, bounds)
    ]
    return (*base.tasks, *value.tasks, *moves_to_tasks(width, [*around, inside]))


def _dot(a: Ints, b: Ints) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _frame(shape: Ints, bounds: Any) -> list[tuple[Ints, Ints]]:
    """Boxes (corner, shape) that make up what lies outside the box `bounds`: before it and behind it along each dim in turn."""
    found = []
    corner, sizes = [0] * len(shape), list(shape)
    for d, (first, n, _) in enumerate(bounds):
        for at, size in ((0, first), (first + n, shape[d] - first - n)):
            if size:
                found.append(((*corner[:d], at, *corner[d + 1 :]), (*sizes[:d], size, *sizes[d + 1 :])))
        corner[d], sizes[d] = first, n
    return found


@lowers("strided_put")
def _lower_strided_put(s: Symbol, place: Placer) -> Lowering | None:
    """Where nothing is written twice; what is added up is left to the reference."""
    size, stride, offset, accumulate = s.attrs
    base, value = operand(s, 0, place), operand(s, 1, place)
    if base is None or value is None or (accumulate and not _is_zero(s.inputs[0])) or not _apart(size, stride):
        return None
    width = s.dtype.numpy.itemsize
    around = Move(s.shape, base.at, base.strides, At(s), contiguous_strides(s.shape))
    inside = Move(size, value.at, value.strides, At(s, offset * width), stride)
    return (*base.tasks, *value.tasks, *moves_to_tasks(width, [around]), *moves_to_tasks(width, [inside]))


def _is_zero(s: Symbol) -> bool:
    chain = number_of(s)
    return chain is not None and chain[0].op is const and not chain[0].op.value(*chain[0].attrs)  # type: ignore[misc]


def _apart(size: Ints, stride: Ints) -> bool:
    """Whether no two indices mean the same element, as far as can be seen: each stride is beyond the reach of the smaller ones."""
    reach = 0
    for step, n in sorted((abs(step), n) for n, step in zip(size, stride, strict=True) if n > 1):
        if step <= reach:
            return False
        reach += step * (n - 1)
    return True


# --- numbers in order -------------------------------------------------------------------------------------------------------------


@lowers("iota")
def _lower_iota(s: Symbol, place: Placer) -> Lowering:
    lanes = native.target().lanes(I64)
    return (Task(_iota_text(lanes), (), (At(s),), (s.numel,), -(-s.numel // lanes), s.numel),)


@cache
def _iota_text(lanes: int) -> str:
    f = Function("kernel", HEAD, lanes, attributes="")
    begin, end = f.ints("begin end")
    out = f.pointer("%pointers", 0)
    with f.loop(begin * lanes, f.smaller(end * lanes, f.number("%numbers", 0))) as i:
        f.store(i, f.at(out, i, I64))
    return module(f)


__all__ = ["Operand", "Placer", "lower_copy", "number_of", "operand"]
