"""The weight's gradient by Winograd's method: the transforms of gradient and input are multiplied, tile by tile, and summed.

    dw = G' (sum over tiles of (A dy A') * (B' d B)) G

For each element of a tile this is a matrix product: results by tiles times tiles by channels. Tiles are taken some at a time, so that
their transforms stay in the cache.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from .conv_kernel import name_of, tiles_of
from .conv_walk import KERNEL, as_written, in_tiles
from .conv_winograd import WINDOW, Matrix, position, transform_tile, transforming, transforms
from .function import Function
from .gemm_pack import transposed
from .micro import Tile, micro_kernel, tile_of
from .target import Target
from .values import Value

TILES = "first count tiles0 tiles1 input0 input1 channels rows channel_pitch row_pitch most".split()
"""The tiles of this time: the first and how many; tiles along an image's dims; the input's sizes; channels and rows of the result, and
the distances of their transforms from tile to tile; how many tiles there can be."""


def turned(matrix: Matrix) -> Matrix:
    """Columns for rows."""
    return tuple(zip(*matrix))


@cache
def tiles_text(size: int, kind: np.dtype, target: Target) -> str:
    """The module that transforms tiles of the gradient and of the input, both with channels last. A unit is a tile."""
    f = Function("kernel", KERNEL, attributes="")
    n = {name: f.number("%numbers", i) for i, name in enumerate(TILES)}
    g, x, to_g, to_x = (f.pointer("%pointers", i) for i in range(4))
    edge = size + WINDOW - 1
    with f.loop(*f.ints("begin end")) as unit:
        image, y, column = position(f, n["first"] + unit, n)
        start = ((image * n["input0"] + y * size) * n["input1"] + column * size) * n["channels"]
        over, apart = n["input1"] * n["channels"], n["most"] * n["channel_pitch"]
        its = f.at(to_x, unit * n["channel_pitch"], kind)
        f.call("transform_input", f.at(x, start, kind), over, n["channels"], n["channels"], its, apart * edge, apart)
        start = ((image * n["tiles0"] + y) * n["tiles1"] * size + column) * (n["rows"] * size)
        over, apart = n["tiles1"] * n["rows"] * size, n["most"] * n["row_pitch"]
        its = f.at(to_g, unit * n["row_pitch"], kind)
        f.call("transform_gradient", f.at(g, start, kind), over, n["rows"], n["rows"], its, apart * edge, apart)
    return as_written(
        transforming("transform_input", transforms(size).input, kind, target),
        transforming("transform_gradient", turned(transforms(size).out), kind, target),
        f,
    )


PRODUCTS = "tiles rows channels row_pitch channel_pitch most row_block add".split()


@cache
def products_text(kind: np.dtype, target: Target) -> str:
    """The module of products: for each element, rows by tiles times tiles by channels. A unit is a block of rows of one element."""
    width = tile_of(target).vectors * target.lanes(kind)
    f = Function("kernel", KERNEL, attributes="")
    n = {name: f.number("%numbers", i) for i, name in enumerate(PRODUCTS)}
    g, x, out = (f.pointer("%pointers", i) for i in range(3))
    blocks = f.ratio_up(n["rows"], n["row_block"])
    with f.loop(*f.ints("begin end")) as unit:
        element = f.quotient(unit, blocks)
        row = (unit - element * blocks) * n["row_block"]
        rows = f.smaller(n["row_block"], n["rows"] - row)
        a = f.at(g, element * n["most"] * n["row_pitch"] + row, kind)
        b = f.at(x, element * n["most"] * n["channel_pitch"], kind)
        c = f.at(out, (element * n["rows"] + row) * n["channels"], kind)
        with f.loop(0, n["channels"], width) as column:
            columns = f.smaller(f.int(width), n["channels"] - column)
            f.call("multiply", rows, a, f.at(b, column, kind), f.at(c, column, kind), columns, "%numbers")
    functions = [micro_kernel(name_of(t), t, kind, target, some_rows=True) for t in tiles_of(tile_of(target))[:2]]
    return as_written(*functions, _multiply(kind, target), f)


def _multiply(kind: np.dtype, target: Target) -> Function:
    """Rows of the gradient with a panel of the input."""
    f = Function("multiply", "i64 %rows, ptr %a, ptr %b, ptr %c, i64 %columns, ptr %numbers")
    n = {name: f.number("%numbers", i) for i, name in enumerate(PRODUCTS)}
    rows, columns = f.ints("rows columns")
    tile = tile_of(target)

    def call(tile_rows: int, row: Value, some: Value) -> None:
        name, a, c = name_of(Tile(tile_rows, tile.vectors)), f.at("%a", row, kind), f.at("%c", row * n["channels"], kind)
        f.call(name, n["tiles"], a, n["row_pitch"], "%b", n["channel_pitch"], c, n["channels"], columns, n["add"], some)

    in_tiles(f, rows, tile.rows, call)
    return f


@cache
def weights_text(size: int, kind: np.dtype, target: Target) -> str:
    """The module that transforms sums of products to weights (rows, channels, window). A unit is a row."""
    lanes = target.lanes(kind)
    f = Function("kernel", KERNEL, lanes, attributes="")
    rows, channels = (f.number("%numbers", i) for i in range(2))
    x, out = (f.pointer("%pointers", i) for i in range(2))
    edge, taps, apart = size + WINDOW - 1, WINDOW * WINDOW, rows * channels
    with f.loop(*f.ints("begin end")) as row, f.loop(0, channels, lanes) as channel:
        source, mask = f.at(x, row * channels + channel, kind), f.first(channels - channel)
        tile = [[f.load_masked(f.at(source, apart * (i * edge + j), kind), kind, mask) for j in range(edge)] for i in range(edge)]
        found = [x for line in transform_tile(f, turned(transforms(size).weight), tile) for x in line]
        for tap in range(0, taps, lanes):
            some = found[tap : tap + lanes]
            its = f.first(f.int(taps - tap))
            for i, vector in enumerate(transposed(f, some + [some[0]] * (lanes - len(some)))):
                with f.when(channel + i < channels):
                    f.store_masked(vector, f.at(out, (row * channels + channel + i) * taps + tap, kind), its)
    return as_written(f)
