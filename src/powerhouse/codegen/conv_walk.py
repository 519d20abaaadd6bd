"""Pixels of an output in vectors: where their inputs lie and which of them there are.

The pixels of all images, row after row, are numbered; a vector holds adjacent ones. A **run** is a stretch of a vector's lanes that lies in
one row of one image, so that its elements have a constant distance in memory. Runs are found once for a vector; for each position in the
window (a **tap**) only their masks change, and for each channel only an offset that they have in common.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np

from .function import ATTRIBUTES, Function, memory_type, module
from .target import Target
from .values import BOOL, I32, I64, Value

KERNEL = "ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr noalias %scratch"
U32, U64 = np.dtype(np.uint32), np.dtype(np.uint64)
SMALL = 4  # rows of the tiles that end a block of rows
_LOOP = 1 << 20  # the number of a remark on loops, beyond those of epilogues
_FEW = (1, 2, 4)  # so many runs in a vector are loaded one by one; from more, single elements are gathered

# A walk over a grid of pixels: its sizes; distances from image to image, slice to slice, row to row, pixel to pixel; where it begins.
WALK = "grid0 grid1 grid2 over_images over0 over1 over2 start".split()
# What the taps are told: the input's coordinates are so many times the grid's plus the tap's, and must be below the sizes.
WINDOW = "step0 step1 step2 size0 size1 size2".split()
TAP = "at0 at1 at2 distance".split()


class Runs(NamedTuple):
    """The runs of one vector: how many, and tables on the stack with a number for each."""

    count: Value
    offset: str  # where lane 0 would be
    begin: str  # lanes
    end: str
    slice: str  # coordinates
    row: str
    shift: str  # the column of lane 0


def lanes_of(f: Function) -> Value:
    """0, 1, 2, ..."""
    return Value(f.many, "<" + ", ".join(f"i32 {k}" for k in range(f.lanes)) + ">", I32)


def spread(f: Function, number: Value) -> Value:
    """An integer in all lanes, as 32 bits."""
    return f.splat(number.astype(I32))


def find_runs(f: Function, walk: list[Value], pixel: Value, end: Value) -> Runs:
    """The runs of the vector that begins with `pixel`; from `end` on there are no pixels."""
    grid0, grid1, grid2, over_images, over0, over1, over2, start = walk
    total = f.smaller(end - pixel, f.lanes)
    line = f.quotient(pixel, grid2)
    plane = f.quotient(line, grid1)
    image = f.quotient(plane, grid0)
    x, y, z, n = (f.cell(start=v) for v in (pixel - line * grid2, line - plane * grid1, plane - image * grid0, image))
    lane = f.cell()
    runs = Runs(f.quotient(x.get() + total - 1, grid2) + 1, *(f.buffer(I64, max(f.lanes, _FEW[-1])) for _ in range(6)))
    for table in runs[1:]:
        for r in range(min(f.lanes, _FEW[-1])):
            f.store(f.int(0), f.at(table, r, I64))
    with f.loop(0, runs.count) as r:
        first, shift = lane.get(), x.get() - lane.get()
        last = f.smaller(first + grid2 - x.get(), total)
        offset = n.get() * over_images + z.get() * over0 + y.get() * over1 + shift * over2 + start
        for table, number in zip(runs[1:], (offset, first, last, z.get(), y.get(), shift)):
            f.store(number, f.at(table, r, I64))
        lane.set(last)
        x.set(0)
        y.set(y.get() + 1)
        with f.when(y.get() == grid1):
            y.set(0)
            z.set(z.get() + 1)
        with f.when(z.get() == grid0):
            z.set(0)
            n.set(n.get() + 1)
    return runs


def entry(f: Function, table: str, r: Value | int) -> Value:
    """A number of a table."""
    return f.load(f.at(table, r, I64), I64)


def between(f: Function, begin: Value, end: Value) -> Value:
    """The mask of the lanes from `begin` to before `end`."""
    lanes = lanes_of(f)
    return (lanes >= spread(f, begin)) & (lanes < spread(f, end))


def in_lanes(f: Function, runs: Runs, number: object) -> Value:
    """In each lane, what `number(r)` is for the run that the lane is in: a vector of 32 bits."""
    found = f.cell(I32, 0, many=True)
    with f.loop(0, runs.count) as r:
        here = lanes_of(f) >= spread(f, entry(f, runs.begin, r))
        found.set(select(f, here, number(r), found.get()))  # type: ignore[operator]
    return found.get()


def select(f: Function, mask: Value, a: Value, b: Value) -> Value:
    """Lanes of `a` where the mask is set, else of `b`."""
    v = f.many.vector(a.kind)
    return Value(f.many, f.many.define(f"select {f.many.vector(BOOL)} {mask.name}, {v} {a.name}, {v} {b.name}"), a.kind)


def merge(f: Function, pointer: str, mask: Value, into: Value) -> Value:
    """`into`, with the elements from memory where the mask is set."""
    v, m, kind = f.many.vector(into.kind), f.many.vector(BOOL), into.kind
    name = f"@llvm.masked.load.v{f.lanes}f{8 * kind.itemsize}.p0"
    f.one.declarations.add(f"declare {v} {name}(ptr, i32, {m}, {v})")
    return Value(f.many, f.many.load(f"call {v} {name}(ptr {pointer}, i32 {kind.itemsize}, {m} {mask.name}, {v} {into.name})"), kind)


def sum_of_lanes(f: Function, value: Value) -> Value:
    """The sum over all lanes, by halves."""
    element, v = memory_type(value.kind), f.many.vector(value.kind)
    name = f"@llvm.vector.reduce.fadd.v{f.lanes}f{8 * value.kind.itemsize}"
    f.one.declarations.add(f"declare {element} {name}({element}, {v})")
    return Value(f.one, f.one.load(f"call reassoc {element} {name}({element} 0.0, {v} {value.name})"), value.kind)


def _addresses(f: Function, pointer: str, kind: np.dtype, index: Value) -> str:
    return f.many.define(f"getelementptr {memory_type(kind)}, ptr {pointer}, {f.many.vector(I32)} {index.name}")


def gather(f: Function, pointer: str, kind: np.dtype, index: Value, mask: Value) -> Value:
    """The elements at `index` where the mask is set, zeros elsewhere."""
    v, m = f.many.vector(kind), f.many.vector(BOOL)
    name = f"@llvm.masked.gather.v{f.lanes}f{8 * kind.itemsize}.v{f.lanes}p0"
    f.one.declarations.add(f"declare {v} {name}(<{f.lanes} x ptr>, i32, {m}, {v})")
    at = _addresses(f, pointer, kind, index)
    call = f"call {v} {name}(<{f.lanes} x ptr> {at}, i32 {kind.itemsize}, {m} {mask.name}, {v} zeroinitializer)"
    return Value(f.many, f.many.load(call), kind)


def scatter(f: Function, pointer: str, index: Value, mask: Value, value: Value) -> None:
    """Store lanes at `index` where the mask is set."""
    v, m, kind = f.many.vector(value.kind), f.many.vector(BOOL), value.kind
    name = f"@llvm.masked.scatter.v{f.lanes}f{8 * kind.itemsize}.v{f.lanes}p0"
    f.one.declarations.add(f"declare void {name}({v}, <{f.lanes} x ptr>, i32, {m})")
    at = _addresses(f, pointer, kind, index)
    f.one.emit(f"call void {name}({v} {value.name}, <{f.lanes} x ptr> {at}, i32 {kind.itemsize}, {m} {mask.name})")


def in_tiles(f: Function, rows: Value, first: int, call: Callable[[int, Value, Value], None]) -> None:
    """Cut rows into tiles of `first` rows, and what is left into small ones: `call(rows of a tile, where it begins, rows that it has)`."""
    whole = f.quotient(rows, first) * first
    with f.loop(0, whole, first) as row:
        call(first, row, f.int(first))
    with f.loop(whole, rows, SMALL) as row:
        call(SMALL, row, rows - row)


def as_written(*functions: Function, epilogue: str = "") -> str:
    """The text of a module whose functions are not merged and whose loops are not unrolled: LLVM would take three times as long."""
    text = module(*functions).replace(f") {ATTRIBUTES} {{", f") noinline {ATTRIBUTES} {{")
    text = re.sub(r"br label %(head\d+)", rf"br label %\1, !llvm.loop !{_LOOP}", text)
    text += f'!{_LOOP} = distinct !{{!{_LOOP}, !{_LOOP + 1}}}\n!{_LOOP + 1} = !{{!"llvm.loop.unroll.disable"}}\n'
    return module(text, epilogue) if epilogue else text


# --- gathering -----------------------------------------------------------------------------------------------------------------------


@cache
def gatherer(name: str, kind: np.dtype, target: Target, distance: int) -> Function:
    """The function

        void name(ptr walk, ptr taps, i64 tap_count, ptr x, i64 pixel, i64 end, i64 channels, i64 plane, ptr panel, i64 row)

    which stores, for each channel, for each tap, the inputs of the vector of pixels that begins with `pixel`: vectors `row` elements
    apart. `distance` is that between adjacent pixels' inputs (0: any), `taps` the distances from a pixel's place to its window's elements.
    """
    parameters = "ptr %walk, ptr %taps, i64 %tap_count, ptr %x, i64 %pixel, i64 %end, i64 %channels, i64 %plane, "
    f = Function(name, parameters + "ptr noalias %panel, i64 %row", target.lanes(kind))
    pixel, end = f.ints("pixel end")
    walk = [f.number("%walk", i) for i in range(len(WALK))]
    runs = find_runs(f, walk, pixel, end)
    for less, count in zip((0, *_FEW), _FEW) if distance else ():
        with f.when((runs.count > less) & (runs.count <= count)):
            places = []
            for r in range(count):
                begin, last = (entry(f, table, r) * distance for table in (runs.begin, runs.end))
                places.append((f.at("%x", entry(f, runs.offset, r), kind), _range_masks(f, begin, last - (distance - 1), distance)))
            _gather_taps(f, kind, lambda at, places=places: _load_runs(f, kind, places, at))
    with f.when(runs.count > (_FEW[-1] if distance else 0)):
        lanes, first = lanes_of(f), entry(f, runs.offset, 0)
        index = in_lanes(f, runs, lambda r: spread(f, entry(f, runs.offset, r) - first) + lanes * spread(f, walk[6]))
        mask, source = lanes < spread(f, f.smaller(end - pixel, f.lanes)), f.at("%x", first, kind)
        _gather_taps(f, kind, lambda at: gather(f, f.at(source, at, kind), kind, index, mask))
    return f


def _gather_taps(f: Function, kind: np.dtype, load: Callable[[Value], Value]) -> None:
    """Store what `load` finds at the distance of each tap and channel."""
    tap_count, channels, plane, row = f.ints("tap_count channels plane row")
    with f.loop(0, tap_count) as tap:
        away, out, step = f.number(f.at("%taps", tap, I64), 0), f.at("%panel", tap * row, kind), tap_count * row
        with f.loop(0, channels) as channel:
            f.store(load(channel * plane + away), f.at(out, channel * step, kind))


def _load_runs(f: Function, kind: np.dtype, places: list[tuple[str, list[Value]]], at: Value) -> Value:
    """A vector, put together from its runs."""
    value = f.many.constant(0.0, kind)
    for place, masks in places:
        source = f.at(place, at, kind)
        if len(masks) == 1:
            value = merge(f, source, masks[0], value)
        else:
            low, high = (f.load_masked(f.at(source, half * f.lanes, kind), kind, mask) for half, mask in enumerate(masks))
            value = f.shuffle(low, high, list(range(0, 2 * f.lanes, 2))) + value
    return value


def _range_masks(f: Function, begin: Value, end: Value, vectors: int) -> list[Value]:
    """The masks of so many vectors whose elements from `begin` to before `end` are set; of none if that is not above 0."""
    up_to, below_first = (f.one.define(f"shl i64 1, {larger(f, at, f.int(0)).name}") for at in (end, begin))
    bits = (Value(f.one, up_to, I64) - 1) & ~(Value(f.one, below_first, I64) - 1)
    masks = []
    for v in range(vectors):
        shifted = f.one.define(f"lshr i64 {bits.name}, {v * f.lanes}")
        some = f.one.define(f"trunc i64 {shifted} to i{f.lanes}")
        masks.append(Value(f.many, f.many.define(f"bitcast i{f.lanes} {some} to {f.many.vector(BOOL)}"), BOOL))
    return masks


def larger(f: Function, a: Value, b: Value) -> Value:
    """The larger of two integers."""
    return f.either(a > b, a, b)


def below(a: Value, b: Value) -> Value:
    """Whether `0 <= a < b`."""
    unsigned = U32 if a.kind == I32 else U64
    return a.astype(unsigned) < b.astype(unsigned)


def masks_of(f: Function, mask: Value, distance: int) -> list[Value]:
    """The masks with which elements `distance` apart are loaded; where that takes two, then that of the lanes."""
    if distance != 2:
        return [mask]
    return [*_apart(f, mask), mask]


def _apart(f: Function, mask: Value) -> list[Value]:
    """A mask for every second element of two vectors: element 2 i where lane i is set."""
    none = f.many.constant(False, BOOL)
    return [f.shuffle(mask, none, every_second(f.lanes, half)) for half in range(2)]


def every_second(lanes: int, half: int) -> list[int]:
    """The picks that spread one half of a vector's lanes to every second lane."""
    return [half * lanes // 2 + j // 2 if j % 2 == 0 else lanes for j in range(lanes)]


# --- scattering ----------------------------------------------------------------------------------------------------------------------


@cache
def scatterer(name: str, kind: np.dtype, target: Target, distance: int) -> Function:
    """The function

        void name(ptr walk, ptr out, i64 pixel, i64 end, i64 rows, i64 plane, ptr c, i64 c_step)

    which stores vectors of pixels, one for each row at `c`, where the walk says, for each row `plane` elements further.
    """
    parameters = "ptr %walk, ptr %out, i64 %pixel, i64 %end, i64 %rows, i64 %plane, ptr noalias %c, i64 %c_step"
    f = Function(name, parameters, target.lanes(kind))
    pixel, end, rows, plane, c_step = f.ints("pixel end rows plane c_step")
    walk = [f.number("%walk", i) for i in range(len(WALK))]
    runs = find_runs(f, walk, pixel, end)
    lanes, total = lanes_of(f), f.smaller(end - pixel, f.lanes)
    if not distance:
        first = entry(f, runs.offset, 0)
        index = in_lanes(f, runs, lambda r: spread(f, entry(f, runs.offset, r) - first) + lanes * spread(f, walk[6]))
        mask = lanes < spread(f, total)
        with f.loop(0, rows) as row:
            value = f.load(f.at("%c", row * c_step, kind), kind, f.lanes)
            scatter(f, f.at("%out", first + row * plane, kind), index, mask, value)
        return f
    with f.loop(0, runs.count) as r:
        mask = between(f, entry(f, runs.begin, r), entry(f, runs.end, r))
        masks = masks_of(f, mask, distance)[:distance]
        there = f.at("%out", entry(f, runs.offset, r), kind)
        with f.loop(0, rows) as row:
            value = f.load(f.at("%c", row * c_step, kind), kind, f.lanes)
            out = f.at(there, row * plane, kind)
            parts = [value] if distance == 1 else [f.shuffle(value, value, every_second(f.lanes, half)) for half in range(2)]
            for half, (part, its) in enumerate(zip(parts, masks)):
                f.store_masked(part, f.at(out, half * f.lanes, kind), its)
    return f
