"""The weight's gradient: for each position in the window a matrix product, gradient (rows, pixels) times input (pixels, channels).

The input is first laid out with its channels last and zeros around it, so that what one pixel's window reads in one row is a stretch of
memory: the product then needs no patches. A unit of work takes a group of pixels and some rows; the groups' results are added last.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod
from typing import NamedTuple

import numpy as np

from ..core import dtypes as dt
from ..graph.symbol import Symbol
from ..runtime import native
from . import conv_fast
from .conv_depthwise import weights_text
from .conv_kernel import name_of, tile_for, tiles_of
from .conv_layout import channels_last_text
from .conv_small_window import MOST, Dense
from .conv_small_window import weights_text as small_window
from .conv_walk import KERNEL, as_written, in_tiles, larger
from .function import Function
from .gemm_pack import NEITHER, STEPS, pack, padded, transposed
from .lowering import lowers
from .micro import Tile
from .target import Target
from .task import At, Lowering, Place, Task, Temp
from .values import I64, Value

Ints = tuple[int, ...]
_UNITS = 8  # units of work that there should be at least
_BLOCK = 256  # pixels multiplied at a time, about
_PARTIAL = 1 << 20  # elements of partial results that there should be at most, beyond one


class Windows(NamedTuple):
    """The geometry in three dims: windows, their size and steps; the padding before; the input's sizes."""

    count: Ints
    kernel: Ints
    stride: Ints
    dilation: Ints
    before: Ints
    size: Ints

    @property
    def reach(self) -> Ints:
        """The sizes of the input that the windows see, with its zeros."""
        return tuple((n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(self.count, self.stride, self.kernel, self.dilation))


@lowers("conv_weight_gradient")
def lower_weight_gradient(s: Symbol, place: Callable[[Symbol], Place | None]) -> Lowering | None:
    """The tasks of a weight's gradient. Left to the reference: dtypes other than float32 and float64, gradients whose pixels are not
    at equal distances in memory.
    """
    (g, x), (kernel, stride, padding, dilation, groups) = s.inputs, s.attrs
    its, source = place(g), place(x)
    if s.dtype not in (dt.float32, dt.float64) or its is None or source is None or 0 in (s.numel, g.numel, x.numel):
        return None
    if any(its.strides[i] != its.strides[i + 1] * g.shape[i + 1] for i in range(2, g.ndim - 1)):
        return None
    w = _windows(g.shape[2:], kernel, stride, dilation, tuple(b for b, _ in padding), x.shape[2:], source.strides[2:])
    kind, target = s.dtype.numpy, native.target()
    channels, rows, images = x.shape[1] // groups, g.shape[1] // groups, g.shape[0]
    if channels == 1 < groups and its.strides[-1] == 1:
        return (_planes(s, w, its, source, images, rows, kind, target),)
    if conv_fast.suits(kernel, stride, dilation, groups):
        before = tuple(b for b, _ in padding)
        c = conv_fast.Same(images, channels, rows, g.shape[2:], x.shape[2:], before, source.strides, False, 0, 0)
        if size := conv_fast.tile_size(c, kind, target):
            at_g, at_x = (At(p.base, p.offset * kind.itemsize) for p in (its, source))
            return conv_fast.weight_tasks(s, at_g, its.strides, at_x, c, size)
    last = Temp((images * groups * prod(w.reach) * channels + 4 * target.lanes(kind)) * kind.itemsize)
    return (
        _channels_last(w, source, images, groups, channels, last, kind, target),
        *_products(s, w, its, last, images, groups, channels, rows, kind, target),
    )


def _windows(count: Ints, kernel: Ints, stride: Ints, dilation: Ints, before: Ints, size: Ints, over: Ints) -> Windows:
    """In three dims; one long row where windows are single pixels and rows adjacent."""
    adjacent = {*stride} == {1} and count == size and not any(before)
    if prod(kernel) == 1 and adjacent and all(a == b * n for a, b, n in zip(over, over[1:], size[1:])):
        n = prod(count)
        return Windows((1, 1, n), (1, 1, 1), (1, 1, 1), (1, 1, 1), (0, 0, 0), (1, 1, n))
    more = 3 - len(count)
    return Windows(*((fill,) * more + tuple(v) for v, fill in zip((count, kernel, stride, dilation, before, size), (1, 1, 1, 1, 0, 1))))


def _planes(s: Symbol, w: Windows, its: Place, source: Place, images: int, rows: int, kind: np.dtype, target: Target) -> Task:
    """The task where each group has one channel."""
    over_g, over_x = (_over(w, p) for p in (its, source))
    numbers = (images, rows, *w, *its.strides[:2], *over_g[:2], *source.strides[:2], *over_x)
    numbers = tuple(x for n in numbers for x in (n if isinstance(n, tuple) else (n,)))
    distance = over_x[2] * w.stride[2]
    distance = distance if distance in (1, 2) else 0
    text = weights_text(kind, target, distance)
    flat = w.kernel[0] == w.count[0] == w.size[0] == 1 and not w.before[0]
    if flat and w.dilation[1:] == (1, 1) and 1 < prod(w.kernel) <= MOST and w.stride[1] <= 2:
        text = small_window(Dense(w.kernel[1], w.kernel[2], w.stride[1], distance), kind, target)
    reads = tuple(At(p.base, p.offset * kind.itemsize) for p in (its, source))
    count = s.shape[0]
    return Task(text, reads, (At(s),), numbers, count, count * images * prod(w.count) * (prod(w.kernel) + 1))


def _over(w: Windows, place: Place) -> Ints:
    """The distances along three dims."""
    if w.kernel == (1, 1, 1) and w.count[:2] == (1, 1):
        return (0, 0, place.strides[-1])
    return (*(0,) * (5 - len(place.strides)), *place.strides[2:])


def _channels_last(w: Windows, source: Place, images: int, groups: int, channels: int, last: Temp, kind: np.dtype, target: Target) -> Task:
    over = _over(w, source)
    numbers = (groups, channels, *w.reach, *w.before, *w.size, *source.strides[:2], *over)
    count = images * groups * w.reach[0] * w.reach[1]
    text = channels_last_text(kind, target, over[2] == 1)
    start = At(source.base, source.offset * kind.itemsize)
    return Task(text, (start,), (At(last),), numbers, count, count * w.reach[2] * channels)


# --- products ------------------------------------------------------------------------------------------------------------------------

PRODUCT = (
    "images groups rows count0 count1 count2 reach0 reach1 reach2 stride0 stride1 stride2 channels taps length "
    "group_rows block_rows row_block g_images g_rows g_pixels".split()
)
"""Sizes of the gradient; of the input that is laid out; steps of windows; how many taps (rows of windows, or positions) there are and
how long a stretch each reads; rows of pixels in a group and in a block, rows of the result in a unit; the gradient's distances."""


def _products(
    s: Symbol, w: Windows, its: Place, last: Temp, images: int, groups: int, channels: int, rows: int, kind: np.dtype, target: Target
) -> Lowering:
    tile = tile_for(rows, target)
    each = prod(w.kernel)
    joined = w.dilation[2] == 1  # a row of a window is one stretch
    kernel = (*w.kernel[:2], 1) if joined else w.kernel
    length = channels * w.kernel[2] if joined else channels
    lines = images * w.count[0] * w.count[1]
    block = min(lines, max(1, _BLOCK // w.count[2]))
    size = groups * rows * each * channels
    parts = min(-(-lines // block), max(1, min(_UNITS, _PARTIAL // size)))
    group = -(-lines // (parts * block)) * block
    parts = -(-lines // group)
    row_block = rows if parts * groups >= _UNITS else -(-rows // (tile.rows * -(-_UNITS // (parts * groups)))) * tile.rows
    over = (w.reach[1] * w.reach[2] * channels, w.reach[2] * channels, channels)
    taps = [sum(k * d * n for k, d, n in zip(at, w.dilation, over)) for at in np.ndindex(*kernel)]
    partial = Temp((parts * size + 4 * target.lanes(kind)) * kind.itemsize)
    numbers = (
        images, groups, rows, *w.count, *w.reach, *w.stride, channels, len(taps), length, group, block, row_block,
        its.strides[0], its.strides[1], its.strides[-1], *taps,
    )  # fmt: skip
    row_blocks = -(-rows // row_block)
    work = images * prod(w.count) * size
    scratch = (block + block * w.count[2] * padded(tile.rows, kind, target) * -(-row_block // tile.rows)) * max(8, kind.itemsize)
    start = At(its.base, its.offset * kind.itemsize)
    text = product_text(tile, kind, target, its.strides[-1] == 1)
    multiply = Task(text, (start, At(last)), (At(partial),), numbers, parts * groups * row_blocks, work, scratch=scratch)
    add = (parts, groups * rows, each, channels)
    return multiply, Task(sum_text(kind, target), (At(partial),), (At(s),), add, groups * rows, size * (parts + 1))


def _tile(tile: Tile, height: int, kind: np.dtype, target: Target) -> Function:
    """The function

        void tile_R_V(ptr lines, i64 count, i64 pixels, ptr a, ptr b, i64 b_step, ptr c, i64 c_step, i64 columns, i64 add, i64 rows)

    which is the micro-kernel of matrix products for panels of `height` rows and a B in pieces: `count` of them, of `pixels` steps each,
    which begin where `lines` says.
    """
    lanes = target.lanes(kind)
    parameters = "ptr %lines, i64 %count, i64 %pixels, ptr %a, ptr %b, i64 %b_step, ptr noalias %c, i64 %c_step, i64 %columns, i64 %add"
    f = Function(name_of(tile), parameters + ", i64 %rows", lanes)
    count, pixels, b_step, c_step, columns, add, rows = f.ints("count pixels b_step c_step columns add rows")
    a_step = padded(height, kind, target)
    sums = [[f.cell(kind, 0.0, many=True) for _ in range(tile.vectors)] for _ in range(tile.rows)]
    with f.loop(0, count) as line:
        source = f.at("%b", f.load(f.at("%lines", line, I64), I64), kind)
        first = f.at("%a", line * pixels * a_step, kind)
        with f.loop(0, pixels) as step:
            a, b = f.at(first, step * a_step, kind), f.at(source, step * b_step, kind)
            row = [f.load(f.at(b, v * lanes, kind), kind, lanes) for v in range(tile.vectors)]
            for i in range(tile.rows):
                element = f.splat(f.load(f.at(a, i, kind), kind))
                for v in range(tile.vectors):
                    sums[i][v].set(f.fma(element, row[v], sums[i][v].get()))
    masks = [f.first(columns - v * lanes) for v in range(tile.vectors)]
    for i in range(tile.rows):
        with f.when(rows > i):
            for v in range(tile.vectors):
                place = f.at(f.at("%c", c_step * i, kind), v * lanes, kind)
                before = f.load_masked(place, kind, masks[v] & f.splat(add != 0))
                f.store_masked(before + sums[i][v].get(), place, masks[v])
    return f


def _multiply(tile: Tile, kind: np.dtype, target: Target) -> Function:
    """Panels of the gradient with a stretch of the input."""
    parameters = "ptr %panels, i64 %rows, ptr %lines, i64 %count, i64 %pixels, ptr %b, i64 %b_step, ptr %c, i64 %c_step, "
    f = Function("multiply", parameters + "i64 %columns, i64 %add")
    rows, count, pixels, b_step, c_step, columns, add = f.ints("rows count pixels b_step c_step columns add")
    _, _, narrow = tiles_of(tile)
    panel_size = count * pixels * padded(tile.rows, kind, target)

    def call(tile_rows: int, vectors: int, row: Value, some: Value) -> None:
        panel = f.quotient(row, tile.rows)
        a = f.at("%panels", panel * panel_size + (row - panel * tile.rows), kind)
        name, c = name_of(Tile(tile_rows, vectors)), f.at("%c", row * c_step, kind)
        f.call(name, "%lines", count, pixels, a, "%b", b_step, c, c_step, columns, add, some)

    wide = columns > target.lanes(kind)
    with f.when(wide):
        in_tiles(f, rows, tile.rows, lambda tile_rows, row, some: call(tile_rows, tile.vectors, row, some))
    with f.when(~wide), f.loop(0, rows, narrow.rows) as row:
        call(narrow.rows, narrow.vectors, row, rows - row)
    return f


@cache
def product_text(tile: Tile, kind: np.dtype, target: Target, adjacent: bool) -> str:
    """The module that multiplies; the gradient's pixels may be adjacent."""
    functions = [_tile(t, tile.rows, kind, target) for t in tiles_of(tile)]
    functions.append(_multiply(tile, kind, target))
    functions.append(pack("pack", STEPS if adjacent else NEITHER, tile.rows, kind, target))
    return as_written(*functions, _kernel(tile, kind, target))


def _kernel(tile: Tile, kind: np.dtype, target: Target) -> Function:
    f = Function("kernel", KERNEL, attributes="")
    n = {name: f.number("%numbers", i) for i, name in enumerate(PRODUCT)}
    g, x, partial = (f.pointer("%pointers", i) for i in range(3))
    width, a_step = tile.vectors * target.lanes(kind), padded(tile.rows, kind, target)
    lines_of_image = n["count0"] * n["count1"]
    lines, pixels, steps = n["images"] * lines_of_image, n["count2"], n["taps"] * n["length"]
    table, panels = "%scratch", f.at("%scratch", n["block_rows"], I64)
    row_blocks = f.ratio_up(n["rows"], n["row_block"])
    line_size = n["reach2"] * n["channels"]
    image_size = n["reach0"] * n["reach1"] * line_size
    with f.loop(*f.ints("begin end")) as unit:
        both = f.quotient(unit, row_blocks)
        part = f.quotient(both, n["groups"])
        row, group = (unit - both * row_blocks) * n["row_block"], both - part * n["groups"]
        rows = f.smaller(n["row_block"], n["rows"] - row)
        first, last = part * n["group_rows"], f.smaller((part + 1) * n["group_rows"], lines)
        whole_row = group * n["rows"] + row
        c = f.at(partial, (part * n["groups"] * n["rows"] + whole_row) * steps, kind)
        source = f.at(g, whole_row * n["g_rows"], kind)
        with f.loop(first, last, n["block_rows"]) as line:
            count = f.smaller(n["block_rows"], last - line)
            with f.loop(0, count) as i:  # where the windows of each row of pixels begin
                image = f.quotient(line + i, lines_of_image)
                at = line + i - image * lines_of_image
                plane = f.quotient(at, n["count1"])
                down = plane * n["stride0"] * n["reach1"] + (at - plane * n["count1"]) * n["stride1"]
                f.store((image * n["groups"] + group) * image_size + down * line_size, f.at(table, i, I64))
            with f.loop(f.quotient(line, lines_of_image), f.ratio_up(line + count, lines_of_image)) as image:
                start = larger(f, line - image * lines_of_image, f.int(0))
                end = f.smaller(line + count - image * lines_of_image, lines_of_image)
                before = image * lines_of_image + start - line
                with f.loop(0, rows, tile.rows) as r:
                    from_ = f.at(source, image * n["g_images"] + r * n["g_rows"] + start * pixels * n["g_pixels"], kind)
                    panel = f.at(panels, (f.quotient(r, tile.rows) * count + before) * pixels * a_step, kind)
                    f.call("pack", from_, f.smaller(f.int(tile.rows), rows - r), (end - start) * pixels, n["g_rows"], n["g_pixels"], panel)
            add = f.either(line == first, 0, 1)
            with f.loop(0, n["taps"]) as tap, f.loop(0, n["length"], width) as column:
                columns = f.smaller(f.int(width), n["length"] - column)
                b = f.at(x, f.number(f.at("%numbers", tap + len(PRODUCT), I64), 0) + column, kind)
                out = f.at(c, tap * n["length"] + column, kind)
                f.call("multiply", panels, rows, table, count, pixels, b, n["stride2"] * n["channels"], out, steps, columns, add)
    return f


# --- sums ----------------------------------------------------------------------------------------------------------------------------


@cache
def sum_text(kind: np.dtype, target: Target) -> str:
    """The module that adds the groups' results (rows, taps, channels) and lays them out as (rows, channels, taps). A unit is a row."""
    lanes = target.lanes(kind)
    f = Function("kernel", KERNEL, lanes, attributes="")
    parts, rows, taps, channels = (f.number("%numbers", i) for i in range(4))
    partial, out = (f.pointer("%pointers", i) for i in range(2))
    size = taps * channels
    with f.loop(*f.ints("begin end")) as row:
        first, to = f.at(partial, row * size, kind), f.at(out, row * size, kind)
        with f.when(taps == 1), f.loop(0, channels, lanes) as channel:
            mask = f.first(channels - channel)
            total = _sums(f, kind, parts, rows * size, [f.at(first, channel, kind)], mask)[0]
            f.store_masked(total, f.at(to, channel, kind), mask)
        with f.when(taps > 1), f.loop(0, channels, lanes) as channel, f.loop(0, taps, lanes) as tap:
            sources = [f.at(first, f.smaller(tap + j, taps - 1) * channels + channel, kind) for j in range(lanes)]
            mask = f.first(taps - tap)
            columns = transposed(f, _sums(f, kind, parts, rows * size, sources, f.first(channels - channel)))
            for i, column in enumerate(columns):
                f.store_masked(column, f.at(to, (channel + i) * taps + tap, kind), mask & f.splat(channel + i < channels))
    return as_written(f)


def _sums(f: Function, kind: np.dtype, parts: Value, apart: Value, sources: list[str], mask: Value) -> list[Value]:
    """The sums over all groups of vectors at `sources`."""
    sums = [f.cell(kind, 0.0, many=True) for _ in sources]
    for total, source in zip(sums, sources):
        total.set(f.load_masked(source, kind, mask))
    with f.loop(1, parts) as part:
        for total, source in zip(sums, sources):
            total.set(total.get() + f.load_masked(f.at(source, part * apart, kind), kind, mask))
    return [total.get() for total in sums]
