"""Kernels over windows: their maxima, sums and positions, and what their gradients spread back.

A unit is one row of windows, or, where results are written into windows that may overlap, a whole plane.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod
from typing import NamedTuple

import numpy as np

from ..core.shapes import contiguous_strides
from ..graph.symbol import Symbol
from ..runtime import native
from .function import Cell, Function, module
from .lowering import lowers
from .movement import Operand, Placer, operand
from .moves import HEAD, Ints, Move, fill_row, moves_to_tasks, units
from .target import Target
from .task import At, Lowering, Task, Temp
from .values import BOOL, I32, I64, Value
from .windows import DIMS, SCALARS, Geometry, Layout, Pool, Triple, Vector, between, inside, layout_of, load, seen, store, vectors

_NOWHERE = 1 << 40  # beyond any plane

# --- tasks ------------------------------------------------------------------------------------------------------------------------


def _plain(s: Symbol, k: int, place: Placer) -> Operand | None:
    """Input `k` in row-major order: where it is, or a copy."""
    x, i = operand(s, k, place), s.inputs[k]
    if x is None or x.strides == contiguous_strides(i.shape) or not i.numel:
        return x
    width, strides = i.dtype.numpy.itemsize, contiguous_strides(i.shape)
    temp = Temp(i.numel * width)
    return Operand(At(temp), strides, (*x.tasks, *moves_to_tasks(width, [Move(i.shape, x.at, x.strides, At(temp), strides)])))


def _task(
    s: Symbol, place: Placer, windows: Pool, sizes: Ints, text: Callable[[Layout], str], count: int, work: int, *more: int, scratch: int = 0
) -> Lowering | None:
    """One task on all inputs of `s`, in row-major order, and on `s`; its numbers are the windows', then `more`."""
    layout, inputs = layout_of(windows, sizes), [_plain(s, k, place) for k in range(len(s.inputs))]
    kinds = [i.dtype.numpy for i in (*s.inputs, s)]
    if layout is None or any(x is None for x in inputs) or any(k.kind not in "iuf" or k.str[1:] == "f2" for k in kinds):
        return None
    reads = tuple(x.at for x in inputs)  # type: ignore[union-attr]
    numbers = (*layout.numbers, *more)
    before = tuple(t for x in inputs for t in x.tasks)  # type: ignore[union-attr]
    return (*before, Task(text(layout), reads, (At(s),), numbers, count if s.numel else 0, work, scratch=scratch))


def _kind(s: Symbol) -> np.dtype:
    return s.dtype.numpy


def _lanes(layout: Layout, kind: np.dtype) -> int:
    return 1 if layout.unequal else native.target().lanes(kind)


def _sizes(x: Symbol, windows: Pool) -> Ints:
    return x.shape[x.ndim - len(windows.count) :]


def _windows_rows(s: Symbol, windows: Pool) -> int:
    """How many rows of windows the result has."""
    return s.numel // max(1, windows.count[-1])


# --- maxima and sums --------------------------------------------------------------------------------------------------------------


@lowers("window_max", "window_sum")
def _lower_reduced(s: Symbol, place: Placer) -> Lowering | None:
    (windows,), x = s.attrs, s.inputs[0]
    mode = "max" if s.op.name == "window_max" else "sum"
    work = s.numel * prod(windows.kernel)
    return _task(
        s, place, windows, _sizes(x, windows), lambda at: _reduced_text(mode, _kind(s), at.stride, at.unequal, _lanes(at, _kind(s))),
        _windows_rows(s, windows), work,
    )  # fmt: skip


@cache
def _reduced_text(mode: str, kind: np.dtype, stride: int, unequal: bool, lanes: int) -> str:
    f = Function("kernel", HEAD, lanes, attributes="")
    w = Geometry(f, unequal)
    x, out = (f.pointer("%pointers", k) for k in range(2))
    least = 0 if mode == "sum" else -np.inf if kind.kind == "f" else np.iinfo(kind).min
    with w.each_row(*units(f)) as (unit, where), vectors(f, w, unit) as vector:
        total = f.cell(kind, least, many=True)
        with seen(f, w, x, kind, stride, where, vector.column) as (_, found, mask):
            if mode == "sum":
                total.set(total.get() + found)
            else:
                total.set(_larger(total.get(), SCALARS.where(mask, found, SCALARS.like(least, found))))
        store(f, total.get(), f.at(out, vector.number, kind), vector.mask)
    return module(f)


def _larger(old: Value, new: Value) -> Value:
    """The larger one; nan where either is."""
    return SCALARS.where((new > old) | (new != new) if new.kind.kind == "f" else new > old, new, old)


@lowers("window_argmax")
def _lower_argmax(s: Symbol, place: Placer) -> Lowering | None:
    (windows,), x = s.attrs, s.inputs[0]
    return _task(
        s, place, windows, _sizes(x, windows), lambda at: _argmax_text(_kind(x), _kind(s), at.stride, at.unequal, _lanes(at, _kind(x))),
        _windows_rows(s, windows), s.numel * prod(windows.kernel),
    )  # fmt: skip


@cache
def _argmax_text(kind: np.dtype, choice_kind: np.dtype, stride: int, unequal: bool, lanes: int) -> str:
    """The least position that equals the maximum; where that is nan, the greatest with a nan."""
    f = Function("kernel", HEAD, lanes, attributes="")
    w = Geometry(f, unequal)
    x, bests, out = (f.pointer("%pointers", k) for k in range(3))
    last = f.splat((w.kernel[0] * w.kernel[1] * w.kernel[2] - 1).astype(I32))
    with w.each_row(*units(f)) as (unit, where), vectors(f, w, unit) as vector:
        best = load(f, f.at(bests, vector.number, kind), kind, vector.mask)
        choice = f.cell(I32, last, many=True)
        with seen(f, w, x, kind, stride, where, vector.column) as (at, found, mask):
            here = SCALARS.where((found == best) & mask, f.splat(at.astype(I32)), last)
            choice.set(f.many.intrinsic("smin", choice.get(), here))
        if kind.kind == "f":
            with f.when(_any(f, best != best)):
                _last_nan(f, w, x, kind, stride, where, vector, best, choice)
        stored = np.dtype(f"i{choice_kind.itemsize}")
        store(f, choice.get().astype(stored), f.at(out, vector.number, stored), vector.mask)
    return module(f)


def _last_nan(
    f: Function, w: Geometry, x: str, kind: np.dtype, stride: int, where: Triple, vector: Vector, best: Value, choice: Cell
) -> None:
    """Where the maximum is nan, its choice is the last position that is."""
    nothing = f.many.constant(0, I32)
    found_last = f.cell(I32, 0, many=True)
    with seen(f, w, x, kind, stride, where, vector.column) as (at, found, mask):
        here = SCALARS.where((found != found) & mask, f.splat(at.astype(I32)), nothing)
        found_last.set(f.many.intrinsic("smax", found_last.get(), here))
    choice.set(SCALARS.where(best != best, found_last.get(), choice.get()))


def _any(f: Function, mask: Value) -> Value:
    """Whether any lane is set."""
    if f.lanes == 1:
        return mask
    bits = f.one.define(f"bitcast {f.many.vector(BOOL)} {mask.name} to i{f.lanes}")
    return Value(f.one, f.one.define(f"icmp ne i{f.lanes} {bits}, 0"), BOOL)


# --- single elements of windows ---------------------------------------------------------------------------------------------------


@lowers("window_pick", "window_positions")
def _lower_picked(s: Symbol, place: Placer) -> Lowering | None:
    """The elements at given positions of the windows, or where these lie in the plane."""
    (*sizes, windows), choice = s.attrs, s.inputs[-1]
    kind = _kind(s) if s.op.name == "window_pick" else None
    plane = sizes[0] if sizes else _sizes(s.inputs[0], windows)

    def text(at: Layout) -> str:
        return _picked_text(kind, _kind(choice), at.unequal)

    return _task(s, place, windows, plane, text, _windows_rows(s, windows), 2 * s.numel, scratch=_table_bytes(choice, windows))


@lowers("window_spread")
def _lower_spread(s: Symbol, place: Placer) -> Lowering | None:
    """Zeros, to which each window's value is added at its chosen position."""
    (sizes, windows), choice = s.attrs, s.inputs[1]

    def text(at: Layout) -> str:
        return _spread_text(_kind(s), _kind(choice), at.unequal, native.target())

    return _task(s, place, windows, sizes, text, _planes(s, sizes), s.numel + 4 * choice.numel, scratch=_table_bytes(choice, windows))


def _planes(s: Symbol, sizes: Ints) -> int:
    return prod(s.shape[: len(s.shape) - len(sizes)])


def _table_bytes(choice: Symbol, windows: Pool) -> int:
    return 8 * (256 if _kind(choice).itemsize == 1 else prod(windows.kernel))


def _fill_table(f: Function, w: Geometry, choice_kind: np.dtype) -> None:
    """Fill the scratch with how far each position of a window lies behind its first element; bytes that are no position lie nowhere."""
    if choice_kind.itemsize == 1:
        with f.loop(0, 256) as k:
            f.store(f.int(_NOWHERE), f.at("%scratch", k, I64))
    with f.loop(0, w.kernel[0]) as i, f.loop(0, w.kernel[1]) as j, f.loop(0, w.kernel[2]) as k:
        offset = (i * w.dilation[0] * w.size[1] + j * w.dilation[1]) * w.size[2] + k * w.dilation[2]
        f.store(offset, f.at("%scratch", w.position(i, j, k), I64))


def _chosen(f: Function, w: Geometry, choice: Value) -> Value:
    """How far the chosen position lies behind the window's first element."""
    given = choice.astype(I64)
    if choice.kind.itemsize == 1:
        return f.load(f.at("%scratch", given, I64), I64)
    known = inside(given, w.kernel[0] * w.kernel[1] * w.kernel[2])
    return f.either(known, f.load(f.at("%scratch", f.either(known, given, 0), I64), I64), _NOWHERE)


@cache
def _picked_text(kind: np.dtype | None, choice_kind: np.dtype, unequal: bool) -> str:
    f = Function("kernel", HEAD, attributes="")
    w = Geometry(f, unequal)
    *x, choices, out = (f.pointer("%pointers", k) for k in range(3 if kind else 2))
    _fill_table(f, w, choice_kind)
    with w.each_row(*units(f)) as (unit, (plane, depth, height)):
        origin = w.origin(depth, height)
        with w.each_column() as (column, first):
            number = unit * w.count[2] + column
            at = origin + first + _chosen(f, w, f.load(f.at(choices, number, choice_kind), choice_kind))
            if kind is None:
                f.store(at, f.at(out, number, I64))
            else:
                fits = inside(at, w.plane)
                found = f.load(f.at(x[0], plane * w.plane + f.either(fits, at, 0), kind), kind)
                f.store(SCALARS.where(fits, found, SCALARS.like(0, found)), f.at(out, number, kind))
    return module(f)


@cache
def _spread_text(kind: np.dtype, choice_kind: np.dtype, unequal: bool, target: Target) -> str:
    f = Function("kernel", HEAD, target.lanes(kind), attributes="")
    w = Geometry(f, unequal)
    g, choices, out = (f.pointer("%pointers", k) for k in range(3))
    _fill_table(f, w, choice_kind)
    with f.loop(*units(f)) as plane:
        here = f.at(out, plane * w.plane, kind)
        fill_row(f, f.one.constant(0, kind), here, w.plane, target)
        with f.loop(0, w.count[0]) as depth, f.loop(0, w.count[1]) as height:
            origin = w.origin(depth, height)
            before = ((plane * w.count[0] + depth) * w.count[1] + height) * w.count[2]
            value, choice = f.at(g, before, kind), f.at(choices, before, choice_kind)
            with w.each_column() as (column, first):
                at = origin + first + _chosen(f, w, f.load(f.at(choice, column, choice_kind), choice_kind))
                with f.when(inside(at, w.plane)):
                    to = f.at(here, at, kind)
                    f.store(f.load(to, kind) + f.load(f.at(value, column, kind), kind), to)
    return module(f)


# --- what windows give back -------------------------------------------------------------------------------------------------------


@lowers("window_unsum", "add_columns")
def _lower_given_back(s: Symbol, place: Placer) -> Lowering | None:
    """Each window's value is added to all of its elements; or it has a value for each."""
    sizes, windows = s.attrs
    count, many = prod(windows.count), prod(windows.kernel)
    each = count if s.op.name == "add_columns" else 0

    def text(at: Layout) -> str:
        return _given_back_text(_kind(s), at.stride, at.unequal, native.target())

    planes = _planes(s, sizes)
    return _task(s, place, windows, sizes, text, planes, s.numel + planes * count * many, each * many if each else count, each)


class _Values(NamedTuple):
    """The values of windows: those of a position lie `each` behind those of the one before."""

    pointer: str
    kind: np.dtype
    each: Value

    def at(self, f: Function, before: Value, position: Value, mask: Value | None = None) -> Value:
        """What windows from number `before` on give to their elements at a position."""
        place = f.at(self.pointer, before + position * self.each, self.kind)
        return f.load(place, self.kind) if mask is None else f.load_masked(place, self.kind, mask)


@cache
def _given_back_text(kind: np.dtype, stride: int, unequal: bool, target: Target) -> str:
    """Numbers behind the windows': the values of one plane, and how far those of one position lie behind those of the one before."""
    f = Function("kernel", HEAD, target.lanes(kind), attributes="")
    w = Geometry(f, unequal)
    g, out = (f.pointer("%pointers", k) for k in range(2))
    behind = f.int(6 * DIMS)
    for count in w.count if unequal else ():
        behind = behind + count * 2
    many, each = (f.number("%numbers", behind + k) for k in range(2))
    values = _Values(g, kind, each)
    with f.loop(*units(f)) as plane:
        here = f.at(out, plane * w.plane, kind)
        fill_row(f, f.one.constant(0, kind), here, w.plane, target)
        with f.loop(0, w.count[0]) as depth, f.loop(0, w.count[1]) as height, w.along(0, depth) as (i, z), w.along(1, height) as (j, y):
            row = f.at(here, (z * w.size[1] + y) * w.size[2], kind)
            number = (depth * w.count[1] + height) * w.count[2]
            _ROW[stride](f, w, values, row, plane * many + number, w.position(i, j, f.int(0)))
    return module(f)


def _add_one_by_one(f: Function, w: Geometry, values: _Values, row: str, before: Value, position: Value) -> None:
    """Add a row of windows' values to one row of their elements."""
    with f.loop(0, w.count[2]) as column, w.along(2, column) as (k, at):
        to = f.at(row, at, values.kind)
        f.store(f.load(to, values.kind) + values.at(f, before + column, position + k), to)


def _add_close(f: Function, w: Geometry, values: _Values, row: str, before: Value, position: Value) -> None:
    """The same for windows one apart: a vector of elements has what adjacent windows give."""
    with f.loop(0, w.size[2], f.lanes) as at:
        total = f.cell(values.kind, 0, many=True)
        with f.loop(0, w.kernel[2]) as k:
            column = at + w.start[2] - k * w.dilation[2]
            mask = between(f, -column, w.count[2] - column)
            total.set(total.get() + values.at(f, before + column, position + k, mask))
        _add_to(f, row, at, w.size[2], total.get())


def _add_apart(f: Function, w: Geometry, values: _Values, row: str, before: Value, position: Value) -> None:
    """The same for windows two apart: they give to the elements at even and at odd distances from the first window's start."""
    with f.loop(0, f.quotient(w.size[2] + w.start[2] + 1, 2), f.lanes) as window:
        totals = [f.cell(values.kind, 0, many=True) for _ in range(2)]
        with f.loop(0, w.kernel[2]) as k:
            distance = k * w.dilation[2]
            column = window - (distance >> 1)
            mask = between(f, -column, w.count[2] - column)
            given = values.at(f, before + column, position + k, mask)
            for rest, total in enumerate(totals):
                with f.when((distance & 1) == rest):
                    total.set(total.get() + given)
        at = window * 2 - w.start[2]
        (even, odd), n = (total.get() for total in totals), f.lanes
        for half in range(2):
            lanes = [lane for k in range(n // 2) for lane in (half * n // 2 + k, n + half * n // 2 + k)]
            _add_to(f, row, at + half * n, w.size[2], f.shuffle(even, odd, lanes))


def _add_to(f: Function, row: str, at: Value, size: Value, value: Value) -> None:
    """Add a vector to the elements from `at` on, as far as they lie in the row."""
    mask = between(f, -at, size - at)
    to = f.at(row, at, value.kind)
    f.store_masked(f.load_masked(to, value.kind, mask) + value, to, mask)


_ROW = {0: _add_one_by_one, 1: _add_close, 2: _add_apart}  # by the stride of the windows


@lowers("window_columns")
def _lower_columns(s: Symbol, place: Placer) -> Lowering | None:
    """One move for each position in a window; zeros first, where windows reach outside."""
    x, (windows,) = operand(s, 0, place), s.attrs
    if x is None:
        return None
    width, strides, shape = s.dtype.numpy.itemsize, contiguous_strides(s.shape), s.inputs[0].shape
    moves, whole = [], True
    for number, at in enumerate(np.ndindex(*windows.kernel)):
        spans = [windows.along(d, shape[2 + d])[k] for d, k in enumerate(at)]
        sizes = tuple(max(0, having.stop - having.start) for _, having in spans)
        whole &= sizes == windows.count
        if prod(sizes):
            start = sum(read.start * step for (read, _), step in zip(spans, x.strides[2:], strict=True))
            to = number * strides[2] + sum(having.start * step for (_, having), step in zip(spans, strides[3:], strict=True))
            steps = (*x.strides[:2], *(step * by for step, by in zip(x.strides[2:], windows.stride, strict=True)))
            target_strides = (*strides[:2], *strides[3:])
            moves.append(Move((*shape[:2], *sizes), x.moved(start, width), steps, At(s, to * width), target_strides))
    zeros: Lowering = ()
    if not whole:
        temp = Temp(16)
        text = _zero_text()
        fill = moves_to_tasks(width, [Move(s.shape, At(temp), (0,) * len(s.shape), At(s), strides)])
        zeros = (Task(text, (), (At(temp),), (), 1, 1), *fill)
    return (*x.tasks, *zeros, *moves_to_tasks(width, moves))


@cache
def _zero_text() -> str:
    f = Function("kernel", HEAD, attributes="")
    for k in range(2):
        f.store(f.int(0), f.at(f.pointer("%pointers", 0), k, I64))
    return module(f)

