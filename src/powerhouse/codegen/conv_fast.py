"""Which convolutions are computed by Winograd's method, and their tasks."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import NamedTuple

import numpy as np

from ..graph.symbol import Symbol
from ..runtime import native
from .conv_layout import channels_first_text, channels_last_text
from .conv_walk import SMALL
from .conv_winograd import POINTS, WINDOW, panel_width, product_text, tile_rows, weights_text
from .conv_winograd_weight import products_text, tiles_text
from .conv_winograd_weight import weights_text as sums_text
from .target import Target
from .task import At, Epilogue, Lowering, Task, Temp

Ints = tuple[int, ...]
_UNITS = 4  # units of work that there should be at least
_PIXELS = 256  # pixels of the result that are turned around at a time
_SCRATCH = 5 << 18  # bytes of transformed tiles and their products
_TRANSFORMED = 1 << 22  # bytes of transformed tiles, for the weight's gradient
_LEAST = 64  # tiles transformed at a time, at least
_FEW, _SOME = 16, 64  # tiles up to which units transform the weights that they need; up to which they do if weights are large
_LARGE = 12 << 20  # bytes of transformed weights that do not stay in the cache
_PITCHES = (64, 128, 256, 512)  # channels multiplied at a time


class Same(NamedTuple):
    """A convolution with steps of 1 and a window of 3 x 3, of one group."""

    images: int
    channels: int
    rows: int
    size: Ints  # of the result
    input: Ints  # sizes of the input
    before: Ints  # zeros before it
    over: Ints  # the input's distances in memory, along all its dims
    turned: bool  # the window is reversed
    weight_rows: int  # the weight's distances from row to row and from channel to channel
    weight_channels: int
    again: bool = False  # whether others, or later runs, have the same weight

    def tiles(self, size: int) -> Ints:
        """Tiles along each dim."""
        return tuple(-(-n // size) for n in self.size)


def suits(kernel: Ints, stride: Ints, dilation: Ints, groups: int) -> bool:
    """Whether a convolution can be computed so."""
    return groups == 1 and kernel == (WINDOW, WINDOW) and {*stride, *dilation} == {1}


def tile_size(c: Same, kind: np.dtype, target: Target) -> int:
    """The size of the tiles with which the least work has to be done; 0: of single pixels, without transforms."""
    lanes, rows = target.lanes(kind), -(-c.rows // panel_width(kind, target)) * panel_width(kind, target)
    if c.channels < lanes or c.rows < lanes:
        return 0
    pixels = c.images * -(-c.size[0] * c.size[1] // lanes)
    costs = {0: (pixels + 1) * c.rows * c.channels * WINDOW**2}
    for size in POINTS:
        elements = (size + WINDOW - 1) ** 2
        tiles = c.images * c.tiles(size)[0] * c.tiles(size)[1]
        of_weights = elements * c.channels * rows * (1 if c.again else 14 / lanes)  # to read them, or to transform them
        costs[size] = tiles * elements * (c.channels * rows + 5 * (c.channels + rows)) // lanes + int(of_weights)
    return min(costs, key=lambda size: costs[size])


def tasks(s: Symbol, source: At, weight: At, c: Same, size: int, epilogue: Epilogue | None) -> Lowering:
    """Lay the input out, transform the weight, multiply, lay the result out."""
    kind, target = s.dtype.numpy, native.target()
    lanes, width, elements = target.lanes(kind), panel_width(kind, target), (size + WINDOW - 1) ** 2
    tiles0, tiles1 = c.tiles(size)
    tiles, panels = c.images * tiles0 * tiles1, -(-c.rows // width)
    reach = tuple(n * size + WINDOW - 1 for n in (tiles0, tiles1))
    pitch = next((p for p in _PITCHES if c.channels <= p), _PITCHES[-1])
    block = -(-c.channels // -(-c.channels // pitch))
    large = elements * c.channels * panels * width * kind.itemsize > _LARGE
    few = tiles <= (_SOME if large else _FEW)  # to fetch transformed weights from memory would take longer than to transform them
    own = few and not c.again
    unit, unit_panels = (
        (tiles, max(1, panels // 8)) if own else _units(c, tiles, panels, elements * kind.itemsize, pitch + lanes, width, target)
    )
    wide = panels * width
    sizes = (c.images * prod(reach) * c.channels + lanes, elements * (c.channels * wide + lanes), tiles * size * size * wide)
    last, transformed, result = (Temp(n * kind.itemsize) for n in sizes)
    lay_out = (1, c.channels, 1, *reach, 0, *c.before, 1, *c.input, *c.over[:2], 0, *c.over[2:])
    lines = c.images * reach[0]
    multiply = (tiles, c.rows, c.channels, tiles0, tiles1, *reach, unit, unit_panels, block, wide, c.weight_rows, c.weight_channels)
    pixels = c.size[0] * c.size[1]
    turn = (c.rows, wide, *c.size, tiles0 * size, tiles1 * size, pixels if epilogue and epilogue.whole_rows else _PIXELS)
    count = -(-tiles // unit) * -(-panels // unit_panels)
    scratch = (unit + SMALL - 1) * elements * (pitch + 2 * lanes + unit_panels * width)
    scratch += elements * (unit_panels * c.channels * width + lanes) if own else 0
    over_weight = (c.rows, c.channels, c.weight_rows, c.weight_channels)
    work = tiles * elements * c.channels * c.rows
    lay = Task(channels_last_text(kind, target, c.over[3] == 1), (source,), (At(last),), lay_out, lines, lines * reach[1] * c.channels)
    text, size_of_weight = weights_text(size, kind, target, c.turned), elements * c.channels * c.rows
    change = Task(text, (weight,), (At(transformed),), over_weight, -(-c.rows // lanes), size_of_weight, packs=c.again)
    reads = (At(last), weight if own else At(transformed))
    text = product_text(size, pitch + lanes, kind, target, c.turned if own else None)
    product = Task(text, reads, (At(result),), multiply, count, work, scratch=scratch * kind.itemsize)
    text, units = channels_first_text(kind, target, epilogue.text if epilogue else ""), c.images * -(-pixels // turn[-1])
    back = Task(text, (At(result),), (At(s),), turn, units, s.numel, epilogue=epilogue)
    return (lay, product, back) if own else (lay, change, product, back)


def weight_tasks(s: Symbol, g: At, over_g: Ints, x: At, c: Same, size: int) -> Lowering:
    """The tasks of the weight's gradient: lay both out, then multiply some tiles at a time, transform what has been summed."""
    kind, target = s.dtype.numpy, native.target()
    lanes, elements = target.lanes(kind), (size + WINDOW - 1) ** 2
    tiles0, tiles1 = c.tiles(size)
    tiles = c.images * tiles0 * tiles1
    reach, covered = tuple(n * size + WINDOW - 1 for n in (tiles0, tiles1)), (tiles0 * size, tiles1 * size)
    pitches = [(-(-n // lanes) | 1) * lanes for n in (c.rows, c.channels)]
    most = min(tiles, max(_LEAST, _TRANSFORMED // (elements * sum(pitches) * kind.itemsize)))
    most = -(-tiles // -(-tiles // most))
    room = most | 1  # odd: the elements' parts would crowd in a few lines of the cache
    lasts = [Temp((c.images * prod(n) * m + lanes) * kind.itemsize) for n, m in ((covered, c.rows), (reach, c.channels))]
    parts = [Temp((elements * room * p + lanes) * kind.itemsize) for p in pitches]
    sums = Temp(elements * c.rows * c.channels * kind.itemsize)
    lay_g = (1, c.rows, 1, *covered, 0, 0, 0, 1, *c.size, *over_g[:2], 0, *over_g[2:])
    lay_x = (1, c.channels, 1, *reach, 0, *c.before, 1, *c.input, *c.over[:2], 0, *c.over[2:])
    lay_out = [
        Task(channels_last_text(kind, target, n[-1] == 1), (at,), (At(last),), n, c.images * n[3], c.images * n[3] * n[4] * n[1])
        for at, last, n in zip((g, x), lasts, (lay_g, lay_x))
    ]
    texts = [text(kind, target) for text in (partial(tiles_text, size), products_text, partial(sums_text, size))]
    row_block = -(-c.rows // 4) if elements < 32 and c.rows >= 64 else c.rows
    tasks: list[Task] = []
    for first in range(0, tiles, most):
        count = min(most, tiles - first)
        numbers = (first, count, tiles0, tiles1, *reach, c.channels, c.rows, pitches[1], pitches[0], room)
        work = 8 * count * elements * sum(pitches) // lanes
        tasks.append(Task(texts[0], tuple(map(At, lasts)), tuple(map(At, parts)), numbers, count, work))
        numbers = (count, c.rows, c.channels, *pitches, room, row_block, int(first > 0))
        units = elements * -(-c.rows // row_block)
        tasks.append(Task(texts[1], tuple(map(At, parts)), (At(sums),), numbers, units, count * elements * c.rows * c.channels))
    tasks.append(Task(texts[2], (At(sums),), (At(s),), (c.rows, c.channels), c.rows, elements * c.rows * c.channels))
    return (*lay_out, *tasks)


def _units(c: Same, tiles: int, panels: int, element: int, pitch: int, width: int, target: Target) -> tuple[int, int]:
    """Tiles and panels of a unit of work."""
    rows = tile_rows(target)
    most = max(rows, _SCRATCH // (element * (pitch + panels * width)) // rows * rows)
    unit = min(most, max(rows, -(-tiles // (2 * _UNITS * rows)) * rows))
    units = -(-tiles // unit)
    return min(unit, tiles), max(1, panels // -(-_UNITS // units))


__all__ = ["Same", "suits", "tasks", "tile_size", "weight_tasks"]
