"""Moves: the elements of a box go from one place with strides to another.

A task does any number of moves of one width of element and of one manner:

- rows:       the innermost dim is contiguous at both ends: vectors
- splat:      the source's innermost stride is 0: one element in all lanes
- backwards:  it is -1: vectors, with their lanes in the opposite order
- second:     it is 2: every second lane of two vectors
- scattered:  any other strides: element by element
- turned:     another dim is contiguous in the source: square tiles are transposed in registers

Kernels know no shapes: sizes and strides are **records** among their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import accumulate
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..runtime import native
from .function import Function, module
from .target import Target
from .task import At, Lowering, Task
from .values import BOOL, I64, Value

Ints = tuple[int, ...]

HEAD = "ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr %scratch"
MOVE = "ptr %source, ptr noalias %target, ptr %record, i64 %begin, i64 %end"
ROWS, SPLAT, BACKWARDS, SECOND, SCATTERED, TURNED = "rows", "splat", "backwards", "second", "scattered", "turned"
_KINDS = {w: np.dtype(f"i{w}") for w in (1, 2, 4, 8)}
_PIECE = 1 << 14  # bytes of a long row that make one unit
_ENDLESS = 1 << 62
_BLOCK = 64  # short rows of which the same vector is moved, one row after the other

# --- moves ------------------------------------------------------------------------------------------------------------------------


class Move(NamedTuple):
    """The elements of a box go from one place to another."""

    shape: Ints
    source: At
    source_strides: Ints
    target: At
    target_strides: Ints


_MANNERS = {1: ROWS, 0: SPLAT, -1: BACKWARDS, 2: SECOND}  # by the source's stride, where the target's is 1


class Plan(NamedTuple):
    """How a move is done: its manner, how many units it has, and its record of numbers."""

    manner: str
    count: int
    record: Ints


def moves_to_tasks(width: int, moves: Iterable[Move]) -> Lowering:
    """Tasks for moves that touch no element twice, elements being `width` bytes wide: one for each manner that is needed.

    A move onto itself is left out when the program runs: a result may take over the memory of an operand.
    """
    if width == 16:  # complex128: two numbers each
        width, moves = 8, [_in_halves(m) for m in moves]
    target = native.target()
    found: dict[str, list[tuple[Move, Plan]]] = {}
    for m in moves:
        plan = _planned(m, width, target)
        found.setdefault(plan.manner, []).append((m, plan))
    return tuple(_task(width, manner, planned, target) for manner, planned in found.items())


def _in_halves(m: Move) -> Move:
    source, target = (tuple(2 * x for x in strides) for strides in (m.source_strides, m.target_strides))
    return Move((*m.shape, 2), m.source, (*source, 1), m.target, (*target, 1))


def _task(width: int, manner: str, planned: list[tuple[Move, Plan]], target: Target) -> Task:
    """Numbers: how many moves; the first unit of each, and of what follows the last; where each record begins; the records."""
    many, plans = len(planned), [p for _, p in planned]
    firsts = list(accumulate((p.count for p in plans), initial=0))
    homes = list(accumulate((len(p.record) for p in plans), initial=2 + 2 * many))
    numbers = (many, *firsts, *homes[:-1], *(x for p in plans for x in p.record))
    reads, writes = tuple(m.source for m, _ in planned), tuple(m.target for m, _ in planned)
    work = sum(prod(m.shape) for m, _ in planned) * (2 if manner == SCATTERED else 1)
    return Task(_text(width, manner, target), reads, writes, numbers, firsts[-1], work)


def _planned(m: Move, width: int, target: Target) -> Plan:
    """The manner and the record of a move: see `rows_record` and `_turned` for what the records hold."""
    dims = merged(m.shape, m.source_strides, m.target_strides)
    if not prod(m.shape):
        return Plan(ROWS, 0, (1, 0, 0, 0, 0, 1, 1, 0))
    *outer, (n, step, target_step) = dims or [(1, 1, 1)]
    if target_step == 1 and step not in (0, 1) and n >= 4:
        lined = [k for k, (size, s, _) in enumerate(outer) if s == 1 and size >= 4]
        if lined:
            columns, _, apart = outer.pop(lined[0])
            tiles = -(-columns // tile_side(width, target))
            return Plan(TURNED, tiles * prod(size for size, _, _ in outer), (tiles, columns, n, step, apart, *_odometer(outer)))
    manner = _MANNERS.get(step, SCATTERED) if target_step == 1 else SCATTERED
    return Plan(manner, *rows_record([*outer, (n, step, target_step)], _PIECE // width))


def rows_record(dims: list[Ints], piece: int) -> tuple[int, Ints]:
    """How many units rows make, and their record, for `each_row`: dims are (size, stride in each place); long rows are cut into pieces.

    A record: how many rows follow one another, how long they are, where the last one ends; for each place the stride from row to row and
    that inside; the odometer of the dims outside.
    """
    *outer, (n, *steps) = dims
    if n >= 2 * piece:
        rows, limit, n, apart = -(-n // piece), n, piece, [piece * step for step in steps]
    else:
        rows, *apart = outer.pop() if outer else (1, *(0 for _ in steps))
        limit = _ENDLESS
    strides = (x for pair in zip(apart, steps, strict=True) for x in pair)
    return rows * prod(dim[0] for dim in outer), (rows, n, limit, *strides, *_odometer(outer))


def _odometer(dims: list[Ints]) -> Ints:
    """The number of dims, then (size, stride in each place) of each, from the inside out."""
    return (len(dims), *(x for dim in reversed(dims) for x in dim))


def merged(shape: Ints, *strides: Ints) -> list[Ints]:
    """(size, stride, stride, ...) of each dim, where dims that lie as one in all places have become one, and those of size 1 are gone."""
    dims: list[Ints] = []
    for n, *steps in zip(shape, *strides, strict=True):
        if n == 1:
            continue
        if dims and all(before == n * step for before, step in zip(dims[-1][1:], steps, strict=True)):
            dims[-1] = (dims[-1][0] * n, *steps)
        else:
            dims.append((n, *steps))
    return dims


# --- kernels ----------------------------------------------------------------------------------------------------------------------


def tile_side(width: int, target: Target) -> int:
    """How many elements a side a tile has that is transposed in registers."""
    return min(16, max(4, target.lanes(_KINDS[width]))) if target.vector_bytes > 16 else 4


def masks_pay(width: int, target: Target) -> bool:
    """Whether the processor has masked loads and stores of elements so wide."""
    return target.vector_bytes >= 64 or (target.vector_bytes == 32 and width >= 4)


@cache
def _text(width: int, manner: str, target: Target) -> str:
    """A kernel that does its moves one after the other, each from the unit at which this call begins to that at which it ends."""
    parts = _turned(width, target) if manner == TURNED else [_rows(width, manner, target)]
    f = Function("kernel", HEAD, attributes="")
    begin, end = f.ints("begin end")
    many = f.number("%numbers", 0)
    with f.loop(0, many) as m:
        first, last = (f.number(f.at("%numbers", m, "i64"), k) for k in (1, 2))
        low, high = larger(f, begin, first), f.smaller(end, last)
        source, target_at = f.pointer("%pointers", m), f.pointer("%pointers", m + many)
        differ = Value(f.one, f.one.define(f"icmp ne ptr {source}, {target_at}"), BOOL)
        with f.when((low < high) & differ):
            record = f.at("%numbers", f.number(f.at("%numbers", m + many, "i64"), 2), "i64")
            f.call("move", source, target_at, record, low - first, high - first)
    return module(*parts, f)


def larger(f: Function, a: Value, b: Value | int) -> Value:
    """The larger of two integers."""
    return f.one.intrinsic("smax", a, b if isinstance(b, Value) else f.int(b))


def units(f: Function) -> tuple[Value, Value]:
    """The first unit of a call, and the one behind the last."""
    return f.int("begin"), f.int("end")


class Row(NamedTuple):
    """A row in the making: where it begins in each place, how long it is, and its stride in each place."""

    offsets: list[Value]
    length: Value
    steps: list[Value]

    def moved(self, *by: Value) -> Row:
        """The same row further on in each place."""
        return self._replace(offsets=[offset + more for offset, more in zip(self.offsets, by, strict=True)])


class Run(NamedTuple):
    """Rows that follow one another at equal strides."""

    starts: list[Value]  # of row 0, in each place
    first: Value
    last: Value
    apart: list[Value]
    length: Value
    limit: Value
    steps: list[Value]


@contextmanager
def each_run(f: Function, begin: Value, end: Value, table: str, places: int) -> Iterator[Run]:
    """What is done for each run of the rows `begin` to `end`, whose record is at `table`: see `rows_record`."""
    rows, length, limit = (f.number(table, k) for k in range(3))
    apart, steps = ([f.number(table, 3 + 2 * k + which) for k in range(places)] for which in (0, 1))
    with f.loop(f.quotient(begin, rows), f.ratio_up(end, rows)) as outer:
        starts = _offsets(f, outer, f.at(table, 3 + 2 * places, "i64"), places)
        first, last = larger(f, begin - outer * rows, 0), f.smaller(rows, end - outer * rows)
        yield Run(starts, first, last, apart, length, limit, steps)


@contextmanager
def rows_of(f: Function, run: Run) -> Iterator[Row]:
    """What is done for each row of a run."""
    with f.loop(run.first, run.last) as row:
        at = [start + row * step for start, step in zip(run.starts, run.apart, strict=True)]
        yield Row(at, f.smaller(run.length, run.limit - row * run.length), run.steps)


@contextmanager
def each_row(f: Function, begin: Value, end: Value, table: str, places: int) -> Iterator[Row]:
    """What is done for each of the rows `begin` to `end`, whose record is at `table`."""
    with each_run(f, begin, end, table, places) as run, rows_of(f, run) as row:
        yield row


@contextmanager
def stepping(f: Function, first: Value | int, last: Value, starts: list[Value], steps: list[Value]) -> Iterator[list[Value]]:
    """Count from `first` to below `last`: offsets that begin at `starts` and move on by `steps`."""
    cells = [f.cell(I64, start) for start in starts]
    with f.loop(first, last):
        at = [cell.get() for cell in cells]
        yield at
        for cell, offset, step in zip(cells, at, steps, strict=True):
            cell.set(offset + step)


@contextmanager
def each_element(f: Function, row: Row) -> Iterator[list[Value]]:
    """What is done for each element of a row: where it is in each place."""
    with stepping(f, 0, row.length, row.offsets, row.steps) as at:
        yield at


def _offsets(f: Function, unit: Value, table: str, places: int) -> list[Value]:
    """The offsets of a unit in so many places: `table` holds the number of dims, then each dim's size and strides, from the inside out."""
    rest = f.cell(I64, unit)
    found = [f.cell() for _ in range(places)]
    with f.loop(0, f.number(table, 0)) as d:
        dim = f.at(table, d * (places + 1) + 1, "i64")
        whole, size = rest.get(), f.number(dim, 0)
        above = f.quotient(whole, size)
        rest.set(above)
        for k, cell in enumerate(found):
            cell.set(cell.get() + (whole - above * size) * f.number(dim, k + 1))
    return [cell.get() for cell in found]


def _rows(width: int, manner: str, target: Target) -> Function:
    """`move` for units that are rows."""
    kind = _KINDS[width]
    f = Function("move", MOVE, target.lanes(kind))
    with each_run(f, *units(f), "%record", 2) as run:
        if manner != ROWS:
            with rows_of(f, run) as row:
                _move_row(f, row, manner, kind, target)
        else:
            whole = run.length - (run.length & (f.lanes - 1))
            short = (run.length <= 4 * f.lanes) & (run.limit == _ENDLESS)
            if not masks_pay(width, target):
                short = short & (whole == run.length)
            with f.when(short):
                _short_rows(f, run, whole, kind, target)
            with f.when(~short), rows_of(f, run) as row:
                there, here = (f.at(p, offset, kind) for p, offset in zip(("%source", "%target"), row.offsets, strict=True))
                copy_row(f, there, here, row.length, kind, target)
    return f


def _short_rows(f: Function, run: Run, whole: Value, kind: np.dtype, target: Target) -> None:
    """The first vector of some rows, then the second, and so on."""
    with f.loop(run.first, run.last, _BLOCK) as first:
        last = f.smaller(first + _BLOCK, run.last)
        starts = [start + first * step for start, step in zip(run.starts, run.apart, strict=True)]
        with f.loop(0, whole, f.lanes) as i, stepping(f, first, last, [start + i for start in starts], run.apart) as (there, here):
            f.store(f.load(f.at("%source", there, kind), kind, f.lanes), f.at("%target", here, kind))
        if masks_pay(kind.itemsize, target):
            with f.when(whole < run.length):
                mask = f.first(run.length - whole)
                with stepping(f, first, last, [start + whole for start in starts], run.apart) as (there, here):
                    f.store_masked(f.load_masked(f.at("%source", there, kind), kind, mask), f.at("%target", here, kind), mask)


def _move_row(f: Function, row: Row, manner: str, kind: np.dtype, target: Target) -> None:
    """Move a row whose elements are not adjacent at both ends: what of it are not whole vectors, element by element."""
    there, here = (f.at(p, offset, kind) for p, offset in zip(("%source", "%target"), row.offsets, strict=True))
    if manner == SPLAT:
        fill_row(f, f.load(there, kind), here, row.length, target)
        return
    whole = f.int(0)
    if manner == BACKWARDS:
        whole = row.length - (row.length & (f.lanes - 1))
        with f.loop(0, whole, f.lanes) as i:
            vector = f.load(f.at(there, 1 - i - f.lanes, kind), kind, f.lanes)
            f.store(f.shuffle(vector, vector, list(reversed(range(f.lanes)))), f.at(here, i, kind))
    elif manner == SECOND:
        before = larger(f, row.length - 1, 0)  # the last element may have none behind it
        whole = before - (before & (f.lanes - 1))
        with f.loop(0, whole, f.lanes) as i:
            near, far = (f.load(f.at(there, i * 2 + k, kind), kind, f.lanes) for k in (0, f.lanes))
            f.store(f.shuffle(near, far, list(range(0, 2 * f.lanes, 2))), f.at(here, i, kind))
    starts = [offset + whole * step for offset, step in zip(row.offsets, row.steps, strict=True)]
    with stepping(f, whole, row.length, starts, row.steps) as (at, to):
        f.store(f.load(f.at("%source", at, kind), kind), f.at("%target", to, kind))


def copy_row(f: Function, source: str, target_at: str, n: Value, kind: np.dtype, target: Target) -> None:
    """Copy `n` adjacent elements."""

    def move(i: Value, mask: Value | None) -> None:
        a, b = f.at(source, i, kind), f.at(target_at, i, kind)
        if mask is None:
            f.store(f.load(a, kind, f.lanes), b)
        else:
            f.store_masked(f.load_masked(a, kind, mask), b, mask)

    def one(i: Value) -> None:
        f.store(f.load(f.at(source, i, kind), kind), f.at(target_at, i, kind))

    by_vectors(f, n, move, None if masks_pay(kind.itemsize, target) else one)


def fill_row(f: Function, value: Value, target_at: str, n: Value, target: Target) -> None:
    """Store one value in `n` adjacent elements."""
    kind = value.kind
    all_lanes = f.splat(value)

    def fill(i: Value, mask: Value | None) -> None:
        at = f.at(target_at, i, kind)
        if mask is None:
            f.store(all_lanes, at)
        else:
            f.store_masked(all_lanes, at, mask)

    by_vectors(f, n, fill, None if masks_pay(kind.itemsize, target) else lambda i: f.store(value, f.at(target_at, i, kind)))


def by_vectors(f: Function, n: Value, vector: Callable[[Value, Value | None], Any], one: Callable[[Value], Any] | None = None) -> None:
    """Do whole vectors of `n` elements, then the rest: under a mask, or one by one if `one` says how."""
    whole = n - (n & (f.lanes - 1))
    with f.loop(0, whole, f.lanes) as i:
        vector(i, None)
    if one is not None:
        with f.loop(whole, n) as i:
            one(i)
    else:
        with f.when(whole < n):
            vector(whole, f.first(n - whole))


def _turned(width: int, target: Target) -> list[Function]:
    """`move` for units that are strips of tiles. Record: strips, columns (contiguous in the source), rows, the source's stride from row to
    row, the target's from column to column, odometer."""
    kind, side = _KINDS[width], tile_side(width, target)
    f = Function("move", MOVE, side)
    begin, end = f.ints("begin end")
    strips, columns, rows, step, apart = (f.number("%record", k) for k in range(5))
    with f.loop(begin, end) as unit:
        outer = f.quotient(unit, strips)
        there, here = _offsets(f, outer, f.at("%record", 5, "i64"), 2)
        column = (unit - outer * strips) * side
        left = columns - column
        with f.loop(0, rows, side) as row:
            source = f.at("%source", there + row * step + column, kind)
            target_at = f.at("%target", here + column * apart + row, kind)
            whole = (rows - row >= side) & (left >= side)
            with f.when(whole):
                f.call("tile", source, target_at, step, apart)
            with f.when(~whole):
                f.call("edge", source, target_at, step, apart, rows - row, left)
    return [_tile(kind, side), _edge(kind, side, target), f]


def _tile(kind: np.dtype, side: int) -> Function:
    """Transpose a whole tile."""
    f = Function("tile", "ptr %source, ptr noalias %target, i64 %step, i64 %apart", side)
    step, apart = f.ints("step apart")
    lines = [f.load(f.at("%source", step * i, kind), kind, side) for i in range(side)]
    for i, line in enumerate(transposed(f, lines)):
        f.store(line, f.at("%target", apart * i, kind))
    return f


def _edge(kind: np.dtype, side: int, target: Target) -> Function:
    """Transpose a tile of which only so many rows and columns are there."""
    f = Function("edge", "ptr %source, ptr noalias %target, i64 %step, i64 %apart, i64 %rows, i64 %columns", side)
    step, apart, rows, columns = f.ints("step apart rows columns")
    if not masks_pay(kind.itemsize, target):
        with f.loop(0, f.smaller(columns, side)) as j, f.loop(0, f.smaller(rows, side)) as i:
            f.store(f.load(f.at("%source", step * i + j, kind), kind), f.at("%target", apart * j + i, kind))
        return f
    across, down = f.first(columns), f.first(rows)
    lines = [f.load_masked(f.at("%source", step * i, kind), kind, across & f.splat(rows > i)) for i in range(side)]
    for i, line in enumerate(transposed(f, lines)):
        f.store_masked(line, f.at("%target", apart * i, kind), down & f.splat(columns > i))
    return f


def transposed(f: Function, lines: list[Value]) -> list[Value]:
    """The columns of a square of vectors: blocks off the diagonal change places, then the blocks inside them, and so on."""
    side = len(lines)
    half = side // 2
    while half:
        upper = [k if not k & half else side + k - half for k in range(side)]
        lower = [k + half if not k & half else side + k for k in range(side)]
        for i in range(side):
            if not i & half:
                a, b = lines[i], lines[i + half]
                lines[i], lines[i + half] = f.shuffle(a, b, upper), f.shuffle(a, b, lower)
        half //= 2
    return lines
