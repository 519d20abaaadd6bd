"""Convolutions and their input gradients, lowered to tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np

from ..core import dtypes as dt
from ..graph.symbol import Symbol
from ..runtime import native
from . import conv_fast, conv_weight  # noqa: F401 -- declares how the gradient of a weight is lowered
from .conv_depthwise import planes_text
from .conv_kernel import pack_text, pack_turned_text, product_text, tile_for
from .conv_layout import pad_text
from .conv_small_window import MOST, Dense
from .conv_small_window import planes_text as small_window
from .gemm_pack import ITEMS, STEPS, padded
from .lowering import lowers
from .task import At, Epilogue, Lowering, Place, Task, Temp

Ints = tuple[int, ...]
_UNITS = 8  # units of work that there should be at least
_STEPS = 512  # steps gathered at a time, about
_PANELS = 4  # panels of patches that lie in the cache


class Tap(NamedTuple):
    """One position of the window: which, and the input's coordinates less the grid's times its step."""

    index: int
    at: Ints


class Part(NamedTuple):
    """Some pixels of a result, at equal distances, and the taps from which they are computed: a convolution with no gaps.

    Pixel i of the grid is pixel `first + i * apart` of the result, and its window begins with pixel `i * step` of the input.
    """

    grid: Ints
    first: Ints
    apart: Ints
    step: Ints
    taps: tuple[Tap, ...]


class Weights(NamedTuple):
    """How a weight is read: rows and channels of each group; distances from row to row, channel to channel, group to group."""

    rows: int
    channels: int
    over_rows: int
    over_channels: int
    over_groups: int


class Source(NamedTuple):
    """How an input lies in memory: its sizes; the distances from image to image, channel to channel, and along each dim."""

    size: Ints
    over_images: int
    over_channels: int
    over: Ints
    at: At


def forward_part(counts: Ints, kernel: Ints, stride: Ints, before: Ints, dilation: Ints) -> Part:
    """The whole result of a convolution."""
    taps = (tuple(k * d - b for k, d, b in zip(at, dilation, before)) for at in np.ndindex(*kernel))
    return Part(counts, (0,) * len(counts), (1,) * len(counts), stride, tuple(Tap(i, at) for i, at in enumerate(taps)))


def gradient_parts(sizes: Ints, kernel: Ints, stride: Ints, before: Ints, dilation: Ints) -> Iterator[Part]:
    """The input's gradient: a part for each residue by the stride. Pixel y was read by window (y + before - k * dilation) / stride."""
    for first in product(*(range(min(s, n)) for s, n in zip(stride, sizes))):
        grid = tuple(-(-(n - f) // s) for n, f, s in zip(sizes, first, stride))
        taps = []
        for index, at in enumerate(np.ndindex(*kernel)):
            reach = [f + b - k * d for f, b, k, d in zip(first, before, at, dilation)]
            if all(r % s == 0 for r, s in zip(reach, stride)):
                taps.append(Tap(index, tuple(r // s for r, s in zip(reach, stride))))
        yield Part(grid, first, stride, (1,) * len(grid), tuple(taps))


@lowers("conv", epilogue=True)
def lower_conv(s: Symbol, place: Callable[[Symbol], Place | None], epilogue: Epilogue | None = None) -> Lowering | None:
    """The tasks of a convolution. Left to the reference: dtypes other than float32 and float64, weights that are strided views."""
    stride, padding, dilation, groups = s.attrs
    (x, weight), kernel = s.inputs, s.inputs[1].shape[2:]
    its, source = place(weight), _source(x, place)
    if not _supported(s, its) or source is None:
        return None
    each = prod(kernel)
    channels = weight.shape[1]
    rows = weight.shape[0] // groups
    how = Weights(rows, channels, channels * each, each, rows * channels * each)
    part = forward_part(s.shape[2:], kernel, stride, tuple(b for b, _ in padding), dilation)
    if conv_fast.suits(kernel, stride, dilation, groups):
        before, over = tuple(b for b, _ in padding), (source.over_images, source.over_channels, *source.over)
        over_weight = (how.over_rows, how.over_channels)
        c = conv_fast.Same(s.shape[0], channels, rows, s.shape[2:], source.size, before, over, False, *over_weight, its.again)
        if size := conv_fast.tile_size(c, s.dtype.numpy, native.target()):
            return conv_fast.tasks(s, source.at, _start(its, s), c, size, epilogue)
    return _tasks(s, source, _start(its, s), how, groups, each, [part], epilogue, its.again)


@lowers("conv_input_gradient", epilogue=True)
def lower_input_gradient(s: Symbol, place: Callable[[Symbol], Place | None], epilogue: Epilogue | None = None) -> Lowering | None:
    """The tasks of an input's gradient. Left to the reference: as for `conv`; epilogues where there is a stride."""
    sizes, stride, padding, dilation, groups = s.attrs
    (g, weight), kernel = s.inputs, s.inputs[1].shape[2:]
    its, source = place(weight), _source(g, place)
    if not _supported(s, its) or source is None:
        return None
    each = prod(kernel)
    rows = weight.shape[1]
    channels = weight.shape[0] // groups
    how = Weights(rows, channels, each, rows * each, channels * rows * each)
    parts = list(gradient_parts(sizes, kernel, stride, tuple(b for b, _ in padding), dilation))
    if epilogue is not None and len(parts) > 1:
        return None
    if conv_fast.suits(kernel, stride, dilation, groups):
        before, over = tuple(2 - b for b, _ in padding), (source.over_images, source.over_channels, *source.over)
        over_weight = (how.over_rows, how.over_channels)
        c = conv_fast.Same(s.shape[0], channels, rows, s.shape[2:], source.size, before, over, True, *over_weight, its.again)
        if size := conv_fast.tile_size(c, s.dtype.numpy, native.target()):
            return conv_fast.tasks(s, source.at, _start(its, s), c, size, epilogue)
    return _tasks(s, source, _start(its, s), how, groups, each, parts, epilogue, its.again)


def _supported(s: Symbol, weight: Place | None) -> bool:
    if s.dtype not in (dt.float32, dt.float64) or weight is None or s.numel == 0 or s.inputs[0].numel == 0:
        return False
    return weight.strides == _row_major(s.inputs[1].shape)


def _row_major(shape: Ints) -> Ints:
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))


def _start(place: Place, s: Symbol) -> At:
    return At(place.base, place.offset * s.dtype.numpy.itemsize)


def _source(x: Symbol, place: Callable[[Symbol], Place | None]) -> Source | None:
    its = place(x)
    return None if its is None else Source(x.shape[2:], its.strides[0], its.strides[1], its.strides[2:], _start(its, x))


# --- tasks ---------------------------------------------------------------------------------------------------------------------------


def _tasks(
    s: Symbol,
    source: Source,
    weight: At,
    how: Weights,
    groups: int,
    each: int,
    parts: list[Part],
    epilogue: Epilogue | None,
    again: bool,
) -> Lowering:
    kind, target = s.dtype.numpy, native.target()
    if how.channels == 1 < groups or how.rows == 1 < groups:
        return tuple(_planes(s, source, weight, how, groups, p, epilogue) for p in parts)
    source, tasks = _padded(s, source, parts, groups * how.channels)
    tile = tile_for(how.rows, target)
    panels = -(-how.rows // tile.rows)
    packed_row = padded(tile.rows, kind, target) * panels
    packed = Temp(groups * how.channels * each * packed_row * kind.itemsize)
    most = max(len(p.taps) for p in parts)
    block = _even(how.channels, max(1, _STEPS // max(1, most)))
    numbers: tuple[int, ...] = (groups, how.rows, how.channels, each, how.over_rows, how.over_channels, how.over_groups, block)
    is_whole = len(parts) == 1 and len(parts[0].taps) == each
    if is_whole and each in (how.over_channels, how.over_rows):
        text = pack_text(tile.rows, kind, target, STEPS if how.over_channels == each else ITEMS)
    if how.over_channels != each and each > 1 or not is_whole:
        text = pack_turned_text(tile.rows, kind, target)
        where: dict[int, Ints] = {}
        start = 0
        for p in parts:
            where |= {tap.index: (start, len(p.taps), i) for i, tap in enumerate(p.taps)}
            start += groups * how.channels * len(p.taps)
        numbers += tuple(x for index in range(each) for x in where.get(index, (0, 0, 0)))
    work = groups * how.rows * how.channels * each
    tasks.append(Task(text, (weight,), (At(packed),), numbers, groups * panels, work, packs=again))
    start = 0
    for p in parts:
        tasks.append(_product(s, source, packed, start * packed_row, how, groups, p, block, epilogue))
        start += groups * how.channels * len(p.taps)
    return tuple(tasks)


def _padded(s: Symbol, source: Source, parts: list[Part], channels: int) -> tuple[Source, list[Task]]:
    """The input with as many zeros around it as its windows see, and the task that lays it out so, if there are any."""
    dims, kind, target = range(len(source.size)), s.dtype.numpy, native.target()
    first = [min((t.at[d] for p in parts for t in p.taps), default=0) for d in dims]
    last = [max(((p.grid[d] - 1) * p.step[d] + t.at[d] for p in parts for t in p.taps), default=0) for d in dims]
    before = tuple(max(0, -n) for n in first)
    size = tuple(b + max(m, n + 1) for b, m, n in zip(before, source.size, last))
    if size == source.size:
        return source, []
    over, items = _row_major(size), s.shape[0] * channels
    memory = Temp(items * prod(size) * kind.itemsize)
    sizes = (*_three(size, 1), *_three(before, 0), *_three(source.size, 1))
    numbers = (channels, *sizes, source.over_images, source.over_channels, *_three(source.over, 0))
    count = items * _three(size, 1)[0]
    task = Task(pad_text(kind, target, source.over[-1] == 1), (source.at,), (At(memory),), numbers, count, items * prod(size))
    at = At(memory, sum(b * o for b, o in zip(before, over)) * kind.itemsize)
    return Source(source.size, channels * prod(size), prod(size), over, at), [task]


def _three(values: Ints | list[int], fill: int) -> Ints:
    """The values of three dims."""
    return (*(fill,) * (3 - len(values)), *values)


def _even(size: int, most: int, unit: int = 1) -> int:
    """The size of equal parts of about `most` elements, in multiples of `unit`."""
    parts = -(-max(1, size) // max(1, most))
    return -(-max(1, size) // (parts * unit)) * unit


def _product(
    s: Symbol,
    source: Source,
    packed: Temp,
    start: int,
    how: Weights,
    groups: int,
    part: Part,
    channel_block: int,
    epilogue: Epilogue | None,
) -> Task:
    """The task that computes one part."""
    kind, target = s.dtype.numpy, native.target()
    tile, lanes = tile_for(how.rows, target), target.lanes(kind)
    width = tile.vectors * lanes
    images, plane = s.shape[0], prod(s.shape[2:])
    grid_in, grid_out, _, taps = _geometry(source, part, s.shape, join=True)
    pixels = prod(part.grid)
    contiguous = part.apart == (1,) * len(part.apart)
    crossing = not contiguous or (images > 1 and pixels * 10 < 9 * -(-pixels // lanes) * lanes)
    span, spans = (images * pixels, 1) if crossing else (pixels, images)
    block = min(_PANELS * width, -(-span // width) * width)
    unit, row_block = block, how.rows
    units = groups * spans * -(-span // unit)
    if units < _UNITS:
        unit = block = _even(span, -(-span * units // _UNITS), width)
        units = groups * spans * -(-span // unit)
    if units < _UNITS:
        row_block = _even(how.rows, -(-how.rows * units // _UNITS), tile.rows)
    if epilogue is not None and epilogue.whole_rows:
        unit = span if not crossing else _even(span, max(unit, pixels), pixels)
    numbers = (
        groups, how.channels, how.rows, len(taps), span, spans, unit, block, row_block, channel_block, source.over_channels, plane, pixels,
        groups * how.rows, start, how.channels * source.over_channels, how.rows * plane, *grid_in, *grid_out,
        *(away for *_, away in taps),
    )  # fmt: skip
    count = groups * spans * -(-span // unit) * -(-how.rows // row_block)
    distance, apart = grid_in[6], grid_out[6] if crossing else None
    text = product_text(
        tile, kind, target, distance if distance in (1, 2) else 0, apart if apart in (None, 1, 2) else 0, epilogue.text if epilogue else ""
    )
    scratch = (channel_block * len(taps) + row_block) * block * kind.itemsize
    work = images * pixels * groups * how.rows * how.channels * len(taps)
    return Task(text, (source.at, At(packed)), (At(s),), numbers, count, work, scratch=scratch, epilogue=epilogue)


def _planes(s: Symbol, source: Source, weight: At, how: Weights, groups: int, part: Part, epilogue: Epilogue | None) -> Task:
    """The task that computes one part of a result plane by plane."""
    kind = s.dtype.numpy
    grid_in, grid_out, window, taps = _geometry(source, part, s.shape, join=False)
    order = sorted(range(len(taps)), key=lambda i: taps[i])
    out, pixels, planes = grid_out[3:], prod(part.grid), groups * how.rows
    numbers = (
        how.rows, how.channels, len(taps), source.over_channels, how.over_groups, how.over_rows, how.over_channels, out[0],
        prod(s.shape[2:]), *out[1:], planes, pixels, *grid_in, *window, *(x for i in order for x in (*taps[i], part.taps[i].index)),
    )  # fmt: skip
    distance, apart = (d if d in (1, 2) else 0 for d in (grid_in[6], grid_out[6]))
    target, more = native.target(), epilogue.text if epilogue else ""
    dense = _dense(taps, window, distance) if grid_in[0] == 1 else None
    text = small_window(dense, kind, target, apart, more) if dense else planes_text(kind, target, distance, apart, more)
    count = s.shape[0] * planes
    return Task(text, (source.at, weight), (At(s),), numbers, count, count * pixels * how.channels * (len(taps) + 1), epilogue=epilogue)


def _dense(taps: list[Ints], window: Ints, distance: int) -> Dense | None:
    """The window that taps make, if it is small and has no gaps."""
    rows, columns = (sorted({tap[d] for tap in taps}) for d in (1, 2))
    if not 1 < len(taps) <= MOST or len({tap[0] for tap in taps}) > 1 or len(taps) != len(rows) * len(columns):
        return None
    if taps[0][0] or any(n != found[0] + i for found in (rows, columns) for i, n in enumerate(found)) or window[1] > 2:
        return None
    return Dense(len(rows), len(columns), window[1], distance)


def _geometry(source: Source, part: Part, shape: Ints, join: bool) -> tuple[Ints, Ints, Ints, list[Ints]]:
    """The walks over input and result, the window and the taps, all in three dims.

    With `join`, rows that are one in memory are made one; then no window may reach out of the input.
    """
    over, out = source.over, _row_major(shape)
    grid, first, apart, step = part.grid, part.first, part.apart, part.step
    taps = [t.at for t in part.taps]
    grid_in, grid_out = list(grid), list(grid)
    over_in = [o * s for o, s in zip(over, step)]
    over_out = [o * a for o, a in zip(out[2:], apart)]
    start = sum(o * f for o, f in zip(out[2:], first))
    away = [sum(t * o for t, o in zip(at, over)) for at in taps]
    while join and len(grid_in) > 1 and over_in[-2] == grid_in[-1] * over_in[-1]:
        _join(grid_in, over_in)
    while join and len(grid_out) > 1 and over_out[-2] == grid_out[-1] * over_out[-1]:
        _join(grid_out, over_out)

    walk_in = (*_three(grid_in, 1), source.over_images, *_three(over_in, 0), 0)
    walk_out = (*_three(grid_out, 1), out[0], *_three(over_out, 0), start)
    window = (*_three(step, 1), *_three(source.size, 1))
    return walk_in, walk_out, window, [(*_three(at, 0), far) for at, far in zip(taps, away)]


def _join(sizes: list[int], over: list[int]) -> None:
    """Make one dim of the last two."""
    sizes[-2:] = [sizes[-2] * sizes[-1]]
    del over[-2]
