"""The kernels of convolutions as implicit matrix products: weights (rows, steps) times patches (steps, pixels).

A step is a channel and a tap. Weights are packed once; patches are gathered as they are needed, a block of channels and pixels at a time,
and stay in the cache while all rows are multiplied with them.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from .conv_walk import KERNEL, SMALL, WALK, as_written, gatherer, in_tiles, scatterer
from .function import Function
from .gemm_pack import STEPS, pack, padded, transposed
from .micro import Tile, micro_kernel, tile_of
from .target import Target
from .values import I64, Value

SIZES = (
    "groups channels rows taps span spans unit_pixels block_pixels row_block channel_block plane out_plane pixels whole_rows "
    "weights over_groups out_over_groups".split()
)
"""What a kernel is told first: the groups; channels, rows (of the result) and taps of each; the pixels of a span (an image, or all of
them) and how many spans; the pixels of a unit of work, and of the blocks in which it does them; rows of a unit; channels gathered at a
time; distances from channel to channel of the input and of the result; the pixels of an image of the result; how many rows of the result
an image has; where the weights begin; distances from group to group."""
WALK_IN = len(SIZES)
WALK_OUT = WALK_IN + len(WALK)
TAPS = WALK_OUT + len(WALK)


@cache
def product_text(tile: Tile, kind: np.dtype, target: Target, distance: int, out: int | None, epilogue: str) -> str:
    """The module that multiplies. `distance` is that between the inputs of adjacent pixels (0: any), `out` between their results (None:
    a unit lies within one image of the result, whose pixels are adjacent).
    """
    functions = [micro_kernel(name_of(t), t, kind, target, some_rows=True) for t in tiles_of(tile)]
    functions.append(_multiply(tile, kind, target))
    functions.append(gatherer("gather", kind, target, distance))
    if out is not None:
        functions.append(scatterer("scatter", kind, target, out))
    functions.append(_kernel(tile, kind, target, out is None, bool(epilogue)))
    return as_written(*functions, epilogue=epilogue)


def tile_for(rows: int, target: Target) -> Tile:
    """The tile with which so many rows are cut up with the least waste."""
    most = tile_of(target)
    heights = [h for h in (most.rows, 2 * SMALL) if h <= most.rows and h <= max(rows, 2 * SMALL)] or [most.rows]

    def cost(height: int) -> float:
        computed = rows // height * height - -(rows % height) // SMALL * SMALL
        return computed * (1 + 1 / height)  # a high tile loads less

    return Tile(min(heights, key=cost), most.vectors)


def tiles_of(tile: Tile) -> tuple[Tile, Tile, Tile]:
    """The tile that is used most; a small one, for the last rows; a narrow one, for the last columns."""
    return tile, Tile(SMALL, tile.vectors), Tile(tile.rows, 1)


def name_of(tile: Tile) -> str:
    """The name of a tile's micro-kernel."""
    return f"tile_{tile.rows}_{tile.vectors}"


def _multiply(tile: Tile, kind: np.dtype, target: Target) -> Function:
    """Panels of weights with one of patches: `rows` x `columns` of the result."""
    f = Function("multiply", "ptr %panels, i64 %rows, i64 %k, ptr %b, i64 %b_step, ptr %c, i64 %c_step, i64 %columns, i64 %add")
    rows, k, b_step, c_step, columns, add = f.ints("rows k b_step c_step columns add")
    _, _, narrow = tiles_of(tile)
    a_step = padded(tile.rows, kind, target)

    def call(tile_rows: int, vectors: int, row: Value, some: Value) -> None:
        panel = f.quotient(row, tile.rows)
        a = f.at("%panels", panel * k * a_step + (row - panel * tile.rows), kind)
        name, c = name_of(Tile(tile_rows, vectors)), f.at("%c", row * c_step, kind)
        f.call(name, k, a, f.int(a_step), "%b", b_step, c, c_step, columns, add, some)

    wide = columns > target.lanes(kind)
    with f.when(wide):
        in_tiles(f, rows, tile.rows, lambda tile_rows, row, some: call(tile_rows, tile.vectors, row, some))
    with f.when(~wide), f.loop(0, rows, narrow.rows) as row:
        call(narrow.rows, narrow.vectors, row, rows - row)
    return f


def _kernel(tile: Tile, kind: np.dtype, target: Target, direct: bool, epilogue: bool) -> Function:
    f = Function("kernel", KERNEL, attributes="")
    n = {name: f.number("%numbers", i) for i, name in enumerate(SIZES)}
    x, weights, out = (f.pointer("%pointers", i) for i in range(3))
    walk_in, walk_out, taps = (f.at("%numbers", i, I64) for i in (WALK_IN, WALK_OUT, TAPS))
    lanes = target.lanes(kind)
    width, a_step = tile.vectors * lanes, padded(tile.rows, kind, target)
    packed_rows = f.ratio_up(n["rows"], tile.rows) * a_step
    patches, results = "%scratch", f.at("%scratch", n["channel_block"] * n["taps"] * n["block_pixels"], kind)
    row_blocks, pixel_blocks = f.ratio_up(n["rows"], n["row_block"]), f.ratio_up(n["span"], n["unit_pixels"])
    with f.loop(*f.ints("begin end")) as unit:
        block, row = _split(f, unit, row_blocks, n["row_block"])
        whole, begin = _split(f, block, pixel_blocks, n["unit_pixels"])
        group, span = _split(f, whole, n["spans"], n["span"])
        begin, end = span + begin, span + f.smaller(begin + n["unit_pixels"], n["span"])
        rows = f.smaller(n["row_block"], n["rows"] - row)
        own = f.at(weights, n["weights"] + packed_rows * group * n["channels"] * n["taps"], kind)
        source = f.at(x, group * n["over_groups"], kind)
        first_row = group * n["rows"] + row
        with f.loop(begin, end, n["block_pixels"]) as pixel:
            pixels = f.smaller(n["block_pixels"], end - pixel)
            if direct:
                image = f.quotient(pixel, n["pixels"])
                c = f.at(out, (image * n["whole_rows"] + first_row) * n["out_plane"] + (pixel - image * n["pixels"]), kind)
                c_step = n["out_plane"]
            else:
                c, c_step = results, n["block_pixels"]
            with f.loop(0, n["channels"], n["channel_block"]) as channel:
                channels = f.smaller(n["channel_block"], n["channels"] - channel)
                steps = channels * n["taps"]
                there = f.at(source, channel * n["plane"], kind)
                panels = f.at(own, packed_rows * channel * n["taps"] + f.quotient(row, tile.rows) * steps * a_step, kind)
                add = f.either(channel == 0, 0, 1)
                with f.loop(0, pixels, width) as column:
                    panel = f.at(patches, column * steps, kind)
                    columns = f.smaller(f.int(width), pixels - column)
                    with f.loop(0, columns, lanes) as at:
                        pixels_at, to = pixel + column + at, f.at(panel, at, kind)
                        f.call("gather", walk_in, taps, n["taps"], there, pixels_at, end, channels, n["plane"], to, f.int(width))
                    f.call("multiply", panels, rows, steps, panel, f.int(width), f.at(c, column, kind), c_step, columns, add)
            if not direct:
                there = f.at(out, first_row * n["out_plane"], kind)
                with f.loop(0, pixels, lanes) as at:
                    f.call("scatter", walk_out, there, pixel + at, end, rows, n["out_plane"], f.at(c, at, kind), c_step)
        if epilogue:
            _call_epilogue(f, n, first_row, rows, begin, end)
    return f


def _split(f: Function, index: Value, count: Value, size: Value) -> tuple[Value, Value]:
    """An index over two dims: the first, and where the second begins in steps of `size`."""
    first = f.quotient(index, count)
    return first, (index - first * count) * size


def _call_epilogue(f: Function, n: dict[str, Value], row: Value, rows: Value, begin: Value, end: Value) -> None:
    """Call the epilogue for the pixels of each image."""
    pointers, numbers = f.at("%pointers", 3, "ptr"), f.at("%numbers", n["taps"] + TAPS, "i64")
    pixels = n["pixels"]
    with f.loop(f.quotient(begin, pixels), f.ratio_up(end, pixels)) as image:
        first, last = begin - image * pixels, f.smaller(end - image * pixels, pixels)
        with f.loop(0, rows) as r:
            f.call("epilogue", pointers, numbers, image * n["whole_rows"] + row + r, f.either(first < 0, 0, first), last)


# --- weights -------------------------------------------------------------------------------------------------------------------------

PACKING = "groups rows channels taps row_over channel_over group_over channel_block".split()
"""The numbers of the packing of weights: sizes of a group, distances in memory, channels in a block. Then for each tap that there is
where it goes: the first step of its part of the result, how many taps that part has (0: it is not needed), and which it is among them."""


@cache
def pack_text(rows: int, kind: np.dtype, target: Target, order: str) -> str:
    """The module that packs weights whose steps, or whose rows are adjacent in memory, in panels of `rows`. A unit is a panel."""
    f = Function("kernel", KERNEL, attributes="")
    n = {name: f.number("%numbers", i) for i, name in enumerate(PACKING)}
    weights, packed = (f.pointer("%pointers", i) for i in range(2))
    panels = f.ratio_up(n["rows"], rows)
    step = padded(rows, kind, target)
    with f.loop(*f.ints("begin end")) as unit:
        group, row = _split(f, unit, panels, f.int(rows))
        source = f.at(weights, group * n["group_over"] + row * n["row_over"], kind)
        its = f.at(packed, group * panels * n["channels"] * n["taps"] * step, kind)
        items = f.smaller(f.int(rows), n["rows"] - row)
        with f.loop(0, n["channels"], n["channel_block"]) as channel:
            steps = f.smaller(n["channel_block"], n["channels"] - channel) * n["taps"]
            panel = f.at(its, (channel * n["taps"] * panels + f.quotient(row, rows) * steps) * step, kind)
            over = f.int(1) if order == STEPS else n["channel_over"]
            f.call("pack", f.at(source, channel * n["channel_over"], kind), items, steps, n["row_over"], over, panel)
    return as_written(pack("pack", order, rows, kind, target), f)


@cache
def pack_turned_text(rows: int, kind: np.dtype, target: Target) -> str:
    """The module that packs weights whose taps are adjacent in memory, for rows and channels in any order. A unit is a panel of rows.

    Taps are divided into parts (which have products of their own).
    """
    lanes = target.lanes(kind)
    f = Function("kernel", KERNEL, lanes, attributes="")
    n = {name: f.number("%numbers", i) for i, name in enumerate(PACKING)}
    weights, packed = (f.pointer("%pointers", i) for i in range(2))
    panels, step = f.ratio_up(n["rows"], rows), padded(rows, kind, target)
    with f.loop(*f.ints("begin end")) as unit:
        group, row = _split(f, unit, panels, f.int(rows))
        source = f.at(weights, group * n["group_over"] + row * n["row_over"], kind)
        last = n["rows"] - row - 1
        with f.loop(0, n["channels"]) as channel:
            block = f.quotient(channel, n["channel_block"]) * n["channel_block"]
            channels = f.smaller(n["channel_block"], n["channels"] - block)
            first = f.at(source, channel * n["channel_over"], kind)
            with f.loop(0, n["taps"], lanes) as tap, f.loop(0, step, lanes) as part:
                mask = f.first(n["taps"] - tap)
                from_rows = [f.at(f.at(first, f.smaller(part + i, last) * n["row_over"], kind), tap, kind) for i in range(lanes)]
                for j, column in enumerate(transposed(f, [f.load_masked(p, kind, mask) for p in from_rows])):
                    with f.when(tap + j < n["taps"]):
                        where = f.at("%numbers", (tap + j) * 3 + len(PACKING), I64)
                        start, taps, place = (f.number(where, i) for i in range(3))
                        here = (
                            (start + group * n["channels"] * taps + block * taps) * panels
                            + f.quotient(row, rows) * channels * taps
                            + (channel - block) * taps
                            + place
                        )
                        with f.when(taps > 0):
                            f.store(column, f.at(packed, here * step + part, kind))
    return as_written(f)
