"""Windows in kernels: where they lie, and vectors of what they see.

Windows are over three dims: where there are fewer, dims of size 1 are put in front. Equal windows are worked on a vector at a time, along
the last dim; windows of unequal sizes (adaptive pooling) one by one, with their bounds among the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from ..ops._windows import AdaptiveWindows, Windows
from .function import Function, memory_type
from .math import FUNCTIONS
from .moves import Ints, stepping
from .values import BOOL, I32, I64, LlvmScalars, Value

Pool = Windows | AdaptiveWindows
Triple = tuple[Value, Value, Value]

SCALARS = LlvmScalars(FUNCTIONS)
DIMS = 3
_BOUND = 1 << 30  # sizes are below it, so that positions along a dim fit 32 bits

# --- geometry ---------------------------------------------------------------------------------------------------------------------


class Layout(NamedTuple):
    """Windows as numbers, and which kernel can do them: the stride of the last dim (0 where not 1 or 2), or that of `unequal` ones."""

    numbers: Ints
    stride: int
    unequal: bool


def layout_of(windows: Pool, sizes: Ints) -> Layout | None:
    """Six numbers for each of three dims: size, count, kernel, stride, start, dilation; then, of unequal windows, their bounds."""
    if max((*sizes, *windows.count, *windows.kernel), default=0) >= _BOUND or not 0 < len(sizes) <= DIMS:
        return None
    even = _evenly(windows)
    lead = DIMS - len(sizes)
    if even is not None:
        rows = zip(sizes, even.count, even.kernel, even.stride, even.start, even.dilation, strict=True)
        stride = even.stride[-1] if even.stride[-1] <= 2 else 0
        return Layout((*(1, 1, 1, 1, 0, 1) * lead, *(x for row in rows for x in row)), stride, False)
    bounds = [windows._bounds(d) for d in range(len(sizes))]  # type: ignore[union-attr]
    rows = ((n, m, k, 0, 0, 1) for n, m, k in zip(sizes, windows.count, windows.kernel, strict=True))
    tables = (int(x) for start, end in bounds for pair in zip(start, end - start, strict=True) for x in pair)
    return Layout((*(1, 1, 1, 1, 0, 1) * lead, *(x for row in rows for x in row), *(0, 1) * lead, *tables), 0, True)


def _evenly(windows: Pool) -> Windows | None:
    """The windows, if they are all equal."""
    if isinstance(windows, Windows):
        return windows
    if any(m == 0 or n % m for n, m in zip(windows.sizes, windows.count, strict=True)):
        return None
    each = tuple(n // m for n, m in zip(windows.sizes, windows.count, strict=True))
    return Windows(each, each, (0,) * len(each), (1,) * len(each), windows.count)


class Geometry:
    """The windows as a kernel knows them: numbers behind `%numbers`, as `layout_of` lists them."""

    def __init__(self, f: Function, unequal: bool) -> None:
        self.f, self.unequal = f, unequal
        self.size, self.count, self.kernel, self.stride, self.start, self.dilation = (
            [f.number("%numbers", 6 * d + k) for d in range(DIMS)] for k in range(6)
        )
        self.plane = self.size[0] * self.size[1] * self.size[2]

    def first(self, d: int, window: Value) -> Value:
        """The first element of a window along a dim; it may lie outside."""
        return self._bound(d, window, 0) if self.unequal else window * self.stride[d] - self.start[d]

    def length(self, d: int, window: Value) -> Value:
        """How many elements a window has along a dim."""
        return self._bound(d, window, 1) if self.unequal else self.kernel[d]

    def _bound(self, d: int, window: Value, which: int) -> Value:
        before = self.f.int(6 * DIMS + which)
        for count in self.count[:d]:
            before = before + count * 2
        return self.f.number("%numbers", before + window * 2)

    @contextmanager
    def along(self, d: int, window: Value) -> Iterator[tuple[Value, Value]]:
        """What is done for each element of a window along a dim that lies inside: given its place in the window, and where it is."""
        first = self.first(d, window)
        with self.f.loop(0, self.length(d, window)) as k:
            at = first + k * self.dilation[d]
            with self.f.when(inside(at, self.size[d])):
                yield k, at

    def origin(self, depth: Value, height: Value) -> Value:
        """Where in the plane a row of windows begins, if they begin at the first column."""
        return (self.first(0, depth) * self.size[1] + self.first(1, height)) * self.size[2]

    @contextmanager
    def each_column(self) -> Iterator[tuple[Value, Value]]:
        """What is done for each window of a row: given its place, and its first element along the last dim."""
        if self.unequal:
            with self.f.loop(0, self.count[2]) as column:
                yield column, self.first(2, column)
        else:
            with stepping(self.f, 0, self.count[2], [self.f.int(0), -self.start[2]], [self.f.int(1), self.stride[2]]) as (column, first):
                yield column, first

    def position(self, i: Value, j: Value, k: Value) -> Value:
        """The number of a place in a window."""
        return (i * self.kernel[1] + j) * self.kernel[2] + k

    @contextmanager
    def each_row(self, begin: Value, end: Value) -> Iterator[tuple[Value, Triple]]:
        """What is done for each row of windows: given its number, and its plane and place along the two outer dims."""
        f = self.f
        with f.when(begin < end):
            outer = f.quotient(begin, self.count[1])
            first = f.quotient(outer, self.count[0])
            cells = [f.cell(I64, x) for x in (first, outer - first * self.count[0], begin - outer * self.count[1])]
            with f.loop(begin, end) as unit:
                plane, depth, height = (cell.get() for cell in cells)
                yield unit, (plane, depth, height)
                over = height + 1 == self.count[1]
                cells[2].set(f.either(over, 0, height + 1))
                deeper = f.either(over, depth + 1, depth)
                over = deeper == self.count[0]
                cells[1].set(f.either(over, 0, deeper))
                cells[0].set(f.either(over, plane + 1, plane))


Read = Callable[[str], Value]  # of a row


def inside(at: Value, size: Value) -> Value:
    """Whether 0 <= at < size."""
    return at.astype(np.uint64) < size.astype(np.uint64)


# --- vectors of windows -----------------------------------------------------------------------------------------------------------


def between(f: Function, low: Value, high: Value, step: int = 1) -> Value:
    """The mask of the lanes k with low <= k step < high."""
    if f.lanes == 1:
        return (low <= 0) & (high > 0)
    each = Value(f.many, "<" + ", ".join(f"i32 {k * step}" for k in range(f.lanes)) + ">", I32)
    low, high = (f.one.intrinsic("smax", f.one.intrinsic("smin", x, f.int(_BOUND)), f.int(-_BOUND)) for x in (low, high))
    low, high = (f.splat(x.astype(I32)) for x in (low, high))
    return (each >= low) & (each < high)


def _reader(f: Function, at: Value, size: Value, stride: Value, known: int, kind: np.dtype) -> tuple[Read, Value]:
    """How the elements at `at`, `at + stride`, ... of a row of `size` are read, one a lane, 0 where outside; the mask of those inside."""
    if f.lanes == 1:
        fits = inside(at, size)
        safe = f.either(fits, at, 0)
        return lambda row: SCALARS.where(fits, f.load(f.at(row, safe, kind), kind), f.one.constant(0, kind)), fits
    left = size - at
    if known == 1:
        mask = between(f, -at, left)
        return lambda row: f.load_masked(f.at(row, at, kind), kind, mask), mask
    if known == 2:
        halves = [(k, between(f, -at - k, left - k)) for k in (0, f.lanes)]

        def read(row: str) -> Value:
            near, far = (f.load_masked(f.at(row, at + k, kind), kind, mask) for k, mask in halves)
            return f.shuffle(near, far, list(range(0, 2 * f.lanes, 2)))

        return read, between(f, -at, left, 2)
    each = Value(f.many, "<" + ", ".join(f"i64 {k}" for k in range(f.lanes)) + ">", I64)
    index = each * f.splat(stride) + f.splat(at)
    mask = index.astype(np.uint64) < f.splat(size).astype(np.uint64)
    return lambda row: _gather(f, row, index, mask, kind), mask


def _gather(f: Function, row: str, index: Value, mask: Value, kind: np.dtype) -> Value:
    """The elements at a vector of places, 0 where the mask is not set."""
    b, n = f.many, f.lanes
    v, m = b.vector(kind), b.vector(BOOL)
    pointers = b.define(f"getelementptr {memory_type(kind)}, ptr {row}, {b.vector(I64)} {index.name}")
    suffix = f"v{n}{'f' if kind.kind == 'f' else 'i'}{8 * kind.itemsize}"
    b.declarations.add(f"declare {v} @llvm.masked.gather.{suffix}.v{n}p0(<{n} x ptr>, i32, {m}, {v})")
    given = f"<{n} x ptr> {pointers}, i32 {kind.itemsize}, {m} {mask.name}, {v} zeroinitializer"
    return Value(b, b.load(f"call {v} @llvm.masked.gather.{suffix}.v{n}p0({given})"), kind)


def load(f: Function, pointer: str, kind: np.dtype, mask: Value) -> Value:
    return f.load(pointer, kind) if f.lanes == 1 else f.load_masked(pointer, kind, mask)


def store(f: Function, value: Value, pointer: str, mask: Value) -> None:
    if f.lanes == 1:
        f.store(value, pointer)
    else:
        f.store_masked(value, pointer, mask)


class Vector(NamedTuple):
    """Some adjacent windows of a row: the place of the first, its number among all, and the mask of those that are there."""

    column: Value
    number: Value
    mask: Value


@contextmanager
def vectors(f: Function, w: Geometry, unit: Value) -> Iterator[Vector]:
    """What is done for each vector of a row of windows."""
    count = w.count[2]
    with f.loop(0, count, f.lanes) as column:
        yield Vector(column, unit * count + column, between(f, f.int(0), count - column))


@contextmanager
def seen(f: Function, w: Geometry, x: str, kind: np.dtype, known_stride: int, where: Triple, column: Value) -> Iterator[Triple]:
    """What is done for each position in the windows from `column` on: given it, what is there, and the mask of what lies inside.

    The last dim comes first, so that masks are made once for it: positions do not come in order.
    """
    plane, depth, height = where
    with f.loop(0, w.length(2, column)) as k:
        read, mask = _reader(f, w.first(2, column) + k * w.dilation[2], w.size[2], w.stride[2], known_stride, kind)
        with w.along(0, depth) as (i, z), w.along(1, height) as (j, y):
            row = f.at(x, ((plane * w.size[0] + z) * w.size[1] + y) * w.size[2], kind)
            yield w.position(i, j, k), read(row), mask
