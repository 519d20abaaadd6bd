"""Kernels that read and write where integer tensors say.

No bad index is followed: an index is compared with the size before it is used, and one that does not fit is noted in the task's status.
Where several indices may mean one element, the units of a kernel are parts of the result, and each does all of its indices in order: so
that results do not depend on how units are shared out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod

import numpy as np

from ..core.shapes import contiguous_strides
from ..graph.symbol import Symbol
from ..runtime import native, team
from .function import Function, module
from .lowering import lowers
from .math import FUNCTIONS
from .movement import Operand, Placer, operand
from .moves import (
    HEAD,
    Ints,
    Move,
    Row,
    by_vectors,
    copy_row,
    each_element,
    each_row,
    larger,
    masks_pay,
    merged,
    moves_to_tasks,
    rows_record,
    stepping,
    units,
)
from .target import Target
from .task import At, Lowering, Task, Temp
from .values import BOOL, I64, LlvmScalars, Value

_SCALARS = LlvmScalars(FUNCTIONS)
_PIECE = 1 << 12  # elements that make one unit, where they are done one by one
_SPARE = 64  # elements of scratch that take what is not stored
_COLUMNS = 64  # elements of a row that make one unit, where rows are added up

# --- checks -----------------------------------------------------------------------------------------------------------------------


def _code(index: Value, dim: Value | int = 0) -> Value:
    """An index that does not fit, and the dim, as a number other than zero. See `_index_and_dim`."""
    return (index + _SCALARS.where(index >= 0, 1, 0).astype(I64)) * 8 + dim


def _index_and_dim(code: int) -> tuple[int, int]:
    index, dim = divmod(code, 8)
    return index - (index > 0), dim


def _note(f: Function, status: str, code: Value) -> None:
    """Other threads may do the same at the same time: one of them is heard."""
    f.one.emit(f"store atomic i64 {code.name}, ptr {status} monotonic, align 8")


def _integer(s: Symbol) -> np.dtype | None:
    """How an index lies in memory."""
    kind = s.dtype.numpy
    return kind if kind.kind in "iu" else None


@lowers("checked_index", "within")
def _lower_checked(s: Symbol, place: Placer) -> Lowering | None:
    """The index is copied, and all of it compared."""
    x, kind = operand(s, 0, place), _integer(s)
    if x is None or kind is None:
        return None
    size, words = s.attrs
    message = words if s.op.name == "checked_index" else f"{words}: index out of range in self: got {{}} for a size of {size}"
    count, record = _elements(s.shape, x.strides, contiguous_strides(s.shape))

    def refuse(code: int) -> Exception:
        return IndexError(message.format(_index_and_dim(code)[0]))

    return (*x.tasks, Task(_checked_text(kind), (x.at,), (At(s),), (size, *record), count, s.numel, refuse=refuse))


@lowers("checked_probability")
def _lower_probability(s: Symbol, place: Placer) -> Lowering | None:
    """Probabilities are copied, and all of them compared."""
    x, kind = operand(s, 0, place), s.dtype.numpy
    if x is None or kind not in (np.float32, np.float64):
        return None
    count, record = _elements(s.shape, x.strides, contiguous_strides(s.shape))

    def refuse(code: int) -> Exception:
        return RuntimeError("binary_cross_entropy: all elements of input should be between 0 and 1")

    return (*x.tasks, Task(_probability_text(kind), (x.at,), (At(s),), record, count, s.numel, refuse=refuse))


@cache
def _probability_text(kind: np.dtype) -> str:
    f = Function("kernel", HEAD, attributes="")
    x, out, status = (f.pointer("%pointers", k) for k in range(3))
    with each_row(f, *units(f), "%numbers", 2) as row, each_element(f, row) as (there, here):
        given = f.load(f.at(x, there, kind), kind)
        f.store(given, f.at(out, here, kind))
        with f.when(~((given >= 0) & (given <= 1))):
            _note(f, status, f.int(1))
    return module(f)


def _elements(shape: Ints, *strides: Ints) -> tuple[int, Ints]:
    """Units and record of rows whose elements are done one by one."""
    if not prod(shape):
        return 0, (1, 0, 0, *(0 for _ in strides for _ in range(2)), 0)
    return rows_record(merged(shape, *strides) or [(1, *(0 for _ in strides))], _PIECE)


@cache
def _checked_text(kind: np.dtype) -> str:
    f = Function("kernel", HEAD, attributes="")
    x, out, status = (f.pointer("%pointers", k) for k in range(3))
    size = f.number("%numbers", 0)
    with each_row(f, *units(f), f.at("%numbers", 1, "i64"), 2) as row:
        bad = f.cell(I64, 0)
        with each_element(f, row) as at:
            there, here = (f.at(p, offset, kind) for p, offset in zip((x, out), at, strict=True))
            given = f.load(there, kind)
            f.store(given, here)
            index = given.astype(I64)
            found = bad.get()
            bad.set(f.either(_fits(index, size) | (found != 0), found, _code(index)))
        with f.when(bad.get() != 0):
            _note(f, status, bad.get())
    return module(f)


def _fits(index: Value, size: Value) -> Value:
    """Whether 0 <= index < size."""
    return index.astype(np.uint64) < size.astype(np.uint64)


# --- indexing by several tensors --------------------------------------------------------------------------------------------------


def _located(s: Symbol, x_shape: Ints, strides: Ints, dims: Ints, first: int, place: Placer) -> tuple[Lowering, Temp, Ints] | None:
    """Tasks that make a table: the offset that the indices mean, in elements, for each element of their common shape."""
    indices = [operand(s, k, place) for k in range(first, len(s.inputs))]
    kinds = [_integer(i) for i in s.inputs[first:]]
    if any(i is None for i in indices) or any(k is None for k in kinds) or len(kinds) > 8:
        return None
    shape = np.broadcast_shapes(*(i.shape for i in s.inputs[first:]))
    steps = [_broadcast_strides(i.shape, o.strides, shape) for i, o in zip(s.inputs[first:], indices, strict=True)]  # type: ignore[union-attr]
    table = Temp(8 * max(1, prod(shape)))
    count, record = _elements(shape, *steps, contiguous_strides(shape))
    numbers = (*(x for d in dims for x in (x_shape[d], strides[d], d)), *record)

    def refuse(code: int) -> Exception:
        index, dim = _index_and_dim(code)
        return IndexError(f"index {index} is out of bounds for dimension {dim} with size {x_shape[dim]}")

    reads = tuple(i.at for i in indices)  # type: ignore[union-attr]
    text = _located_text(tuple(kinds))  # type: ignore[arg-type]
    task = Task(text, reads, (At(table),), numbers, count, 2 * len(dims) * prod(shape), refuse=refuse)
    return (*(t for i in indices for t in i.tasks), task), table, shape  # type: ignore[union-attr]


def _broadcast_strides(shape: Ints, strides: Ints, to: Ints) -> Ints:
    steps = tuple(0 if n == 1 else step for n, step in zip(shape, strides, strict=True))
    return (0,) * (len(to) - len(shape)) + steps


@cache
def _located_text(kinds: tuple[np.dtype, ...]) -> str:
    """Numbers: size, stride and dim for each index; the record, whose places are the indices and the table."""
    f = Function("kernel", HEAD, attributes="")
    many = len(kinds)
    pointers = [f.pointer("%pointers", k) for k in range(many + 2)]
    sizes = [[f.number("%numbers", 3 * k + j) for j in range(3)] for k in range(many)]
    with each_row(f, *units(f), f.at("%numbers", 3 * many, "i64"), many + 1) as row, each_element(f, row) as at:
        total = f.int(0)
        for k, (size, stride, dim) in enumerate(sizes):
            index = f.load(f.at(pointers[k], at[k], kinds[k]), kinds[k]).astype(I64)
            wrapped = f.either(index < 0, index + size, index)
            fits = _fits(wrapped, size)
            with f.when(~fits):
                _note(f, pointers[-1], _code(index, dim))
            total = total + f.either(fits, wrapped, 0) * stride
        f.store(total, f.at(pointers[many], at[many], I64))
    return module(f)


def _around(shape: Ints, dims: Ints) -> tuple[Ints, Ints]:
    """The dims that are not indexed, before and behind the place where those of the indices come."""
    rest = tuple(d for d in range(len(shape)) if d not in dims)
    at = dims[0] if dims == tuple(range(dims[0], dims[-1] + 1)) else 0
    return rest[:at], rest[at:]


@lowers("index_get")
def _lower_index_get(s: Symbol, place: Placer) -> Lowering | None:
    x, (dims,) = operand(s, 0, place), s.attrs
    shape, width = s.inputs[0].shape, s.dtype.numpy.itemsize
    found = _located(s, shape, x.strides, dims, 1, place) if x is not None and width <= 8 else None
    if x is None or found is None:
        return None
    tasks, table, indexed = found
    lead, tail = _around(shape, dims)
    many = prod(indexed)
    sizes = (*(shape[d] for d in lead), many, *(shape[d] for d in tail))
    steps = (*(x.strides[d] for d in lead), 0, *(x.strides[d] for d in tail))
    in_table = (*(0 for _ in lead), 1, *(0 for _ in tail))
    rows = merged(sizes, steps, in_table, contiguous_strides(sizes)) or [(1, 0, 0, 0)]
    count, record = rows_record(rows, _PIECE) if prod(sizes) else _elements((0,), (0,), (0,), (0,))
    manner = "picked" if rows[-1][2] else "rows" if rows[-1][1] == 1 and rows[-1][3] == 1 else "scattered"
    text = _gathered_text(width, manner, native.target())
    return (*x.tasks, *tasks, Task(text, (x.at, At(table)), (At(s),), record, count, 2 * s.numel))


@cache
def _gathered_text(width: int, manner: str, target: Target) -> str:
    """Rows of the source, which begin where the table says ("rows", "scattered"), or single elements ("picked")."""
    kind = np.dtype(f"i{width}")
    f = Function("kernel", HEAD, target.lanes(kind), attributes="")
    source, table, out = (f.pointer("%pointers", k) for k in range(3))
    with each_row(f, *units(f), "%numbers", 3) as row:
        if manner == "picked":
            with each_element(f, row) as (at, where, to):
                offset = f.load(f.at(table, where, I64), I64)
                f.store(f.load(f.at(source, at + offset, kind), kind), f.at(out, to, kind))
        else:
            at, where, to = row.offsets
            start = at + f.load(f.at(table, where, I64), I64)
            if manner == "rows":
                copy_row(f, f.at(source, start, kind), f.at(out, to, kind), row.length, kind, target)
            else:
                with each_element(f, row._replace(offsets=[start, where, to])) as (at, _, to):
                    f.store(f.load(f.at(source, at, kind), kind), f.at(out, to, kind))
    return module(f)


@lowers("index_put")
def _lower_index_put(s: Symbol, place: Placer) -> Lowering | None:
    """The base is copied, unless the result has its memory; then each unit, so many columns of a part of the rows, is done in order."""
    dims, accumulate = s.attrs
    kind, width, strides = s.dtype.numpy, s.dtype.numpy.itemsize, contiguous_strides(s.shape)
    base, value = operand(s, 0, place), operand(s, 1, place)
    mode = "sum" if accumulate else "set"
    found = _located(s, s.shape, strides, dims, 2, place) if base and value and can_combine(mode, kind) else None
    if base is None or value is None or found is None:
        return None
    tasks, table, indexed = found
    lead, tail = _around(s.shape, dims)
    many, before = prod(indexed), len(lead)
    value, step = _lined(value, s.inputs[1].shape, range(before, before + len(indexed)), width)
    sizes = tuple(s.shape[d] for d in (*lead, *tail))
    steps = (*value.strides[:before], *value.strides[before + len(indexed) :])
    rows = merged(sizes, steps, tuple(strides[d] for d in (*lead, *tail)))
    if not tail or not rows:
        rows.append((1, 0, 0))  # single elements
    inside = rows[-1]
    manner = "single" if inside[0] == 1 else "rows" if inside[1:] == (1, 1) and inside[0] >= 4 else "scattered"
    count, record = rows_record(rows, _COLUMNS) if prod(sizes) else (0, (1, 0, 0, 0, 0, 0, 0, 0))
    parts = 1 if count >= 4 or many * prod(sizes) < _PIECE else team.thread_count()
    reach = sum((s.shape[d] - 1) * strides[d] for d in dims) + 1
    numbers = (many, step, parts, -(-reach // parts), count, *record)
    text = _put_text(*in_memory(mode, kind), manner, native.target())
    copy = moves_to_tasks(width, [Move(s.shape, base.at, base.strides, At(s), strides)])
    put = Task(text, (value.at, At(table)), (At(s),), numbers, parts * count, many * (parts + 2 * prod(sizes)), scratch=_SPARE * width)
    return (*base.tasks, *value.tasks, *tasks, *copy, put)


def _lined(value: Operand, shape: Ints, dims: range, width: int) -> tuple[Operand, int]:
    """A value whose `dims` lie as one, and their stride: itself, or a copy."""
    inside = merged(*(tuple(x[d] for d in dims) for x in (shape, value.strides)))
    if len(inside) > 1:
        temp, strides = Temp(max(1, prod(shape)) * width), contiguous_strides(shape)
        copy = moves_to_tasks(width, [Move(shape, value.at, value.strides, At(temp), strides)])
        return Operand(At(temp), strides, (*value.tasks, *copy)), strides[dims[-1]]
    return value, inside[0][1] if inside else 0


# --- combining with what is there -------------------------------------------------------------------------------------------------


def can_combine(mode: str, kind: np.dtype) -> bool:
    """Whether there are kernels for a mode and kind of element. Half precision and complex numbers are only moved."""
    if mode == "set":
        return kind.itemsize <= 8
    return kind.kind in "iub" and (kind != BOOL or mode == "sum") or kind in (np.float32, np.float64)


def in_memory(mode: str, kind: np.dtype) -> tuple[str, np.dtype]:
    """The mode, and the kind under which elements are loaded: what is only moved is bits, and bool is a byte."""
    if kind == BOOL:
        return ("set" if mode == "set" else "or"), np.dtype(np.uint8)
    return mode, np.dtype(f"i{kind.itemsize}") if mode == "set" else kind


def combined(mode: str, old: Value, new: Value) -> Value:
    """An element that has been added to, multiplied, or kept as the extreme: nan where either is nan."""
    if mode == "set":
        return new
    if mode == "or":
        return old | new
    if mode == "sum":
        return old + new
    if mode == "prod":
        return old * new
    better = new > old if mode == "amax" else new < old
    return _SCALARS.where(better | (new != new) if new.kind.kind == "f" else better, new, old)


@cache
def _put_text(mode: str, kind: np.dtype, manner: str, target: Target) -> str:
    """Numbers: how many indices, the value's stride from one to the next, the result's parts and the reach of one, the rows, the record.

    A unit is a row of one part: of what the indices mean, it does what lies in the part.
    """
    f = Function("kernel", HEAD, target.lanes(kind), attributes="")
    begin, end = f.ints("begin end")
    value, table, out = (f.pointer("%pointers", k) for k in range(3))
    many, step, parts, reach, count = (f.number("%numbers", k) for k in range(5))
    with f.loop(0, parts) as part:
        first = part * count
        low, high = larger(f, begin - first, 0), f.smaller(end - first, count)
        with f.when(low < high), each_row(f, low, high, f.at("%numbers", 5, "i64"), 2) as row:
            with stepping(f, 0, many, [f.int(0), *row.offsets], [f.int(1), step, f.int(0)]) as (j, there, here):
                offset = f.load(f.at(table, j, I64), I64)
                inside = _fits(offset - part * reach, reach)
                if manner == "single":
                    to = f.either(inside, f.at(out, here + offset, kind), f.at("%scratch", j & (_SPARE - 1), kind))
                    f.store(combined(mode, f.load(to, kind), f.load(f.at(value, there, kind), kind)), to)
                else:
                    with f.when(inside):
                        _combine_row(f, mode, value, out, Row([there, here + offset], row.length, row.steps), manner, kind, target)
    return module(f)


def _combine_row(f: Function, mode: str, value: str, out: str, row: Row, manner: str, kind: np.dtype, target: Target) -> None:
    """Combine the elements of a row of the result with those of the value."""

    def many(i: Value, mask: Value | None) -> None:
        b, a = (f.at(p, at + i, kind) for p, at in zip((value, out), row.offsets, strict=True))
        if mask is None:
            f.store(combined(mode, f.load(a, kind, f.lanes), f.load(b, kind, f.lanes)), a)
        else:
            f.store_masked(combined(mode, f.load_masked(a, kind, mask), f.load_masked(b, kind, mask)), a, mask)

    def one(there: Value, here: Value) -> None:
        a = f.at(out, here, kind)
        f.store(combined(mode, f.load(a, kind), f.load(f.at(value, there, kind), kind)), a)

    if manner == "rows":
        by_vectors(f, row.length, many, None if masks_pay(kind.itemsize, target) else lambda i: one(*row.moved(i, i).offsets))
    else:
        with each_element(f, row) as (there, here):
            one(there, here)


# --- along one dim ----------------------------------------------------------------------------------------------------------------


@lowers("gather_along")
def _lower_gather_along(s: Symbol, place: Placer) -> Lowering | None:
    (dim,), size = s.attrs, s.inputs[0].shape[s.attrs[0]]

    def refuse(code: int) -> Exception:
        return RuntimeError(f"gather: index {_index_and_dim(code)[0]} is out of bounds for dimension {dim} with size {size}")

    return _picked_along(s, place, dim, None, refuse)


@lowers("pick_class")
def _lower_pick_class(s: Symbol, place: Placer) -> Lowering | None:
    classes = s.inputs[0].shape[1]

    def refuse(code: int) -> Exception:
        return IndexError(f"nll_loss: Target {_index_and_dim(code)[0]} is out of bounds for {classes} classes.")

    return _picked_along(s, place, 1, s.attrs[0], refuse)


def _picked_along(s: Symbol, place: Placer, dim: int, ignored: int | None, refuse: Callable[[int], Exception]) -> Lowering | None:
    """One element for each index, from along `dim`. Where some indices are `ignored`, the index does not have that dim."""
    x, index = operand(s, 0, place), operand(s, 1, place)
    kind, width = _integer(s.inputs[1]), s.dtype.numpy.itemsize
    if x is None or index is None or kind is None or width > 8:
        return None
    gone = 0 if ignored is None else 1
    steps = (*x.strides[:dim], *(0,) * (1 - gone), *x.strides[dim + 1 :])
    count, record = _elements(s.shape, steps, index.strides, contiguous_strides(s.shape))
    numbers = (s.inputs[0].shape[dim], x.strides[dim], ignored or 0, *record)
    text = _along_text(width, kind, ignored is not None)
    return (*x.tasks, *index.tasks, Task(text, (x.at, index.at), (At(s),), numbers, count, 2 * s.numel, refuse=refuse))


@cache
def _along_text(width: int, index_kind: np.dtype, may_ignore: bool) -> str:
    """Numbers: the size and the stride of the dim, the index that is ignored, the record (source, index, result)."""
    kind = np.dtype(f"i{width}")
    f = Function("kernel", HEAD, attributes="")
    source, indices, out, status = (f.pointer("%pointers", k) for k in range(4))
    size, stride, ignored = (f.number("%numbers", k) for k in range(3))
    with each_row(f, *units(f), f.at("%numbers", 3, "i64"), 3) as row, each_element(f, row) as (at, where, to):
        index = f.load(f.at(indices, where, index_kind), index_kind).astype(I64)
        fits = _fits(index, size)
        here = f.at(out, to, kind)
        if may_ignore:
            left_out = index == ignored
            with f.when(left_out):
                f.store(f.one.constant(0, kind), here)
            with f.when(~(left_out | fits)):
                _note(f, status, _code(index))
            fits = fits & ~left_out
        else:
            with f.when(~fits):
                _note(f, status, _code(index))
        with f.when(fits):
            f.store(f.load(f.at(source, at + index * stride, kind), kind), here)
    return module(f)


@lowers("scatter_along")
def _lower_scatter_along(s: Symbol, place: Placer) -> Lowering | None:
    """The base is copied, unless the result has its memory; then each unit, some of the lines along the dim, is done in order."""
    base, index, value = (operand(s, k, place) for k in range(3))
    (dim, mode), kind, strides = s.attrs, s.dtype.numpy, contiguous_strides(s.shape)
    index_kind, shape = _integer(s.inputs[1]), s.inputs[1].shape
    if base is None or index is None or value is None or index_kind is None or not can_combine(mode, kind):
        return None
    others = tuple(d for d in range(len(shape)) if d != dim)
    lines = merged(*(tuple(x[d] for d in others) for x in (shape, index.strides, value.strides, strides))) or [(1, 0, 0, 0)]
    count, record = rows_record(lines, _COLUMNS if lines[-1][3] == 1 else 4) if prod(shape) else _elements((0,), (0,), (0,), (0,))
    numbers = (shape[dim], index.strides[dim], value.strides[dim], s.shape[dim], strides[dim], *record)

    def refuse(code: int) -> Exception:
        return RuntimeError(f"scatter: index {_index_and_dim(code)[0]} is out of bounds for dimension {dim} with size {s.shape[dim]}")

    text = _scattered_text(*in_memory(mode, kind), index_kind, lines[-1][3] == 1)
    copy = moves_to_tasks(kind.itemsize, [Move(s.shape, base.at, base.strides, At(s), strides)])
    put = Task(text, (index.at, value.at), (At(s),), numbers, count, 3 * prod(shape), refuse=refuse)
    return (*base.tasks, *index.tasks, *value.tasks, *copy, put)


@cache
def _scattered_text(mode: str, kind: np.dtype, index_kind: np.dtype, abreast: bool) -> str:
    """Numbers: how many indices along the dim, the index's and the value's stride, the result's size and stride, the lines' record.

    Lines that are adjacent in memory go `abreast`, others one after the other.
    """
    f = Function("kernel", HEAD, attributes="")
    indices, values, out, status = (f.pointer("%pointers", k) for k in range(4))
    many, index_step, value_step, size, stride = (f.number("%numbers", k) for k in range(5))
    along = Row([f.int(0)] * 3, many, [index_step, value_step, f.int(0)])
    with each_row(f, *units(f), f.at("%numbers", 5, "i64"), 3) as row:
        outer, inner = (along, row) if abreast else (row, along)
        with each_element(f, outer) as start, each_element(f, inner.moved(*start)) as (where, at, to):
            index = f.load(f.at(indices, where, index_kind), index_kind).astype(I64)
            fits = _fits(index, size)
            with f.when(~fits):
                _note(f, status, _code(index))
            with f.when(fits):
                here = f.at(out, to + index * stride, kind)
                f.store(combined(mode, f.load(here, kind), f.load(f.at(values, at, kind), kind)), here)
    return module(f)


__all__ = ["can_combine", "combined"]
