"""Kernels that go along one dim in order: running sums, products and extremes, and the position of an extreme.

A **line** is what is gone along. Lines that are adjacent in memory are done a vector at a time, others four at a time, so that none
waits for another's sum. Where lines are few and long, only the position of an extreme is looked for a vector at a time along the line.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..core.shapes import contiguous_strides
from ..graph.symbol import Symbol
from ..runtime import native
from .function import Cell, Function, module
from .lowering import lowers
from .math import FUNCTIONS
from .movement import Placer, operand
from .moves import HEAD, Ints, each_row, merged, rows_record, stepping, units
from .target import Target
from .task import At, Lowering, Task
from .values import BOOL, F64, I64, LlvmScalars, Value

_SCALARS = LlvmScalars(FUNCTIONS)
_ABREAST = 4  # lines that are done at a time where they are not adjacent
_STRIP = 64  # adjacent lines that make one unit
_SUMS = ("running_sum", "running_product")
ACROSS, ABREAST, ALONG = "across", "abreast", "along"

# --- what is done at each step ----------------------------------------------------------------------------------------------------

State = list[Value]
Step = Callable[[State, Value, Value], State]  # (state, element, its place along the line) -> state


class Scan(NamedTuple):
    """The state before the first element, the step, and the kind of the result, which is the last part of the state."""

    start: tuple[Any, ...]
    kinds: tuple[np.dtype, ...]
    step: Step
    result: np.dtype


def _accumulation(op: str, kind: np.dtype) -> Scan:
    """Real floats are accumulated in float64."""
    wide = F64 if kind.kind == "f" else kind
    product = op == "running_product"

    def step(state: State, x: Value, k: Value) -> State:
        (total,), x = state, x.astype(wide)
        return [total * x if product else total + x]

    return Scan((1 if product else 0,), (wide,), step, kind)


def _extreme(kind: np.dtype, largest: bool, last: bool) -> Scan:
    """The position of the extreme so far: the last or the first of equals, or of nans."""
    floating = kind.kind == "f"
    info = None if floating else np.iinfo(kind)
    start = (-np.inf if largest else np.inf) if info is None else info.min if largest else info.max

    def step(state: State, x: Value, k: Value) -> State:
        best, at = state
        if last:
            take = x >= best if largest else x <= best
        else:
            take = x > best if largest else x < best
        if floating:
            take = take | ((x != x) if last else (x != x) & (best == best))
        return [_SCALARS.where(take, x, best), _SCALARS.where(take, k, at)]

    return Scan((start, 0), (kind, I64), step, I64)


def _scan(op: str, kind: np.dtype, largest: bool) -> Scan:
    if op in _SUMS:
        return _accumulation(op, kind)
    return _extreme(kind, largest, op == "running_position")


def _memory_kind(kind: np.dtype) -> np.dtype | None:
    """The kind of an element as it is loaded: bool is a byte; None for what is left to the reference."""
    if kind == BOOL:
        return np.dtype(np.uint8)
    return kind if kind.kind in "iu" or kind in (np.float32, np.float64) else None


# --- lowerings --------------------------------------------------------------------------------------------------------------------


@lowers("running_sum", "running_product", "running_position", "reduce_argmax", "reduce_argmin")
def _lower_scan(s: Symbol, place: Placer) -> Lowering | None:
    x, dim, kind = operand(s, 0, place), s.attrs[0], _memory_kind(s.inputs[0].dtype.numpy)
    if x is None or kind is None or s.inputs[0].dtype.numpy == BOOL and s.op.name in _SUMS:
        return None
    shape, name = s.inputs[0].shape, s.op.name
    reduced = name.startswith("reduce_")
    others = tuple(d for d in range(len(shape)) if d != dim)
    sizes, steps = tuple(shape[d] for d in others), tuple(x.strides[d] for d in others)
    strides = contiguous_strides(s.shape)
    target_steps = strides if reduced else tuple(strides[d] for d in others)
    lines: list[Ints] = merged(sizes, steps, target_steps) or [(1, 0, 0)]
    manner = manner_of(lines[-1], x.strides[dim], shape[dim], reduced)
    count, record = rows_record(lines, _STRIP if manner == ACROSS else _ABREAST) if prod(shape) else (0, (1, 0, 0, 0, 0, 0, 0, 0))
    numbers = (shape[dim], x.strides[dim], 0 if reduced else strides[dim], *record)
    largest = name != "reduce_argmin" and (name != "running_position" or s.attrs[1])
    text = _text(name, kind, bool(largest), manner, native.target())
    return (*x.tasks, Task(text, (x.at,), (At(s),), numbers, count, s.inputs[0].numel * 2))


def manner_of(lines: Ints, step: int, length: int, reduced: bool) -> str:
    """How lines are done: so many of them, their stride from one to the next in both places; the stride along them, and their length."""
    if lines[1:] == (1, 1):
        return ACROSS
    return ALONG if reduced and step == 1 and length >= 64 else ABREAST


@cache
def _text(op: str, kind: np.dtype, largest: bool, manner: str, target: Target) -> str:
    """Numbers: the length of a line, the strides along it, the record of the lines."""
    scan, reduced = _scan(op, kind, largest), op.startswith("reduce_")
    f = Function("kernel", HEAD, target.lanes(kind), attributes="")
    x, out = (f.pointer("%pointers", k) for k in range(2))
    along = tuple(f.number("%numbers", k) for k in range(3))
    with each_row(f, *units(f), f.at("%numbers", 3, "i64"), 2) as row:

        def ends(i: Value) -> tuple[str, str]:
            """Where line `i` of the row begins in both places."""
            there, here = (offset + i * step for offset, step in zip(row.offsets, row.steps, strict=True))
            return f.at(x, there, kind), f.at(out, here, scan.result)

        if manner == ALONG:
            with f.loop(0, row.length) as i:
                _search(f, scan, kind, *ends(i), along[0])
        else:
            abreast = f.lanes if manner == ACROSS else _ABREAST
            whole = row.length - (row.length & (abreast - 1))
            with f.loop(0, whole, abreast) as i:
                lines = [ends(i)] if manner == ACROSS else [ends(i + k) for k in range(_ABREAST)]
                _run(f, scan, kind, lines, along, reduced, manner == ACROSS)
            with f.loop(whole, row.length) as i:
                _run(f, scan, kind, [ends(i)], along, reduced, False)
    return module(f)


def _run(f: Function, scan: Scan, kind: np.dtype, lines: list[tuple[str, str]], along: Any, reduced: bool, many: bool) -> None:
    """Go along some lines, or along a vector of them."""
    length, *steps = along
    states = [[f.cell(k, start, many) for k, start in zip(scan.kinds, scan.start, strict=True)] for _ in lines]
    zero = f.int(0)
    with stepping(f, 0, length, [zero, zero, zero], [f.int(1), *steps]) as (k, at, to):
        for (there, here), cells in zip(lines, states, strict=True):
            element = f.load(f.at(there, at, kind), kind, f.lanes if many else 1)
            state = scan.step([cell.get() for cell in cells], element, f.splat(k) if many else k)
            for cell, value in zip(cells, state, strict=True):
                cell.set(value)
            if not reduced:
                f.store(state[-1].astype(scan.result), f.at(here, to, scan.result))
    if reduced:
        for (_, here), cells in zip(lines, states, strict=True):
            f.store(cells[-1].get(), here)


def _search(f: Function, scan: Scan, kind: np.dtype, line: str, out: str, length: Value) -> None:
    """The position of the first extreme of a line: each lane looks at every so many elements, then the lanes are compared."""
    cells = [f.cell(k, start, many=True) for k, start in zip(scan.kinds, scan.start, strict=True)]
    lanes = Value(f.many, "<" + ", ".join(f"i64 {k}" for k in range(f.lanes)) + ">", I64)
    cells[1].set(lanes)
    whole = length - (length & (f.lanes - 1))
    with f.loop(0, whole, f.lanes) as k:
        state = scan.step([c.get() for c in cells], f.load(f.at(line, k, kind), kind, f.lanes), lanes + f.splat(k))
        for cell, value in zip(cells, state, strict=True):
            cell.set(value)
    bests, places = f.buffer(kind, f.lanes), f.buffer(I64, f.lanes)
    f.store(cells[0].get(), bests)
    f.store(cells[1].get(), places)
    best, at = f.cell(kind, scan.start[0]), f.cell(I64, 0)
    best.set(f.load(bests, kind))
    at.set(f.load(places, I64))
    with f.loop(1, f.lanes) as k:
        _keep_first(scan, best, at, f.load(f.at(bests, k, kind), kind), f.load(f.at(places, k, I64), I64))
    with f.loop(whole, length) as k:
        state = scan.step([best.get(), at.get()], f.load(f.at(line, k, kind), kind), k)
        best.set(state[0])
        at.set(state[1])
    f.store(at.get(), out)


def _keep_first(scan: Scan, best: Cell, at: Cell, other: Value, place: Value) -> None:
    """Keep the better of two, or of equals (or nans) the one that comes first."""
    old, old_place = best.get(), at.get()
    better, better_place = scan.step([old, old_place], other, place)
    equal = (other == old) | ((other != other) & (old != old)) if other.kind.kind == "f" else other == old
    first = equal & (place < old_place)
    best.set(better)
    at.set(_SCALARS.where(first, place, better_place))
