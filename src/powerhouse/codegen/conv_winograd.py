"""Winograd's convolutions with windows of 3 x 3: each tile of m x m results costs (m + 2)^2 products a channel instead of 9 m^2.

A result tile is A' ((G w G') * (B' d B)) A, where d is the tile of (m + 2) x (m + 2) inputs, w the weight, and * multiplies element
by element. Summed over channels, each of the elements is a matrix product: tiles by channels times channels by results. Channels lie
last, so that the transforms work on vectors of channels.

The matrices come from the points at which polynomials are multiplied. Those of the tiles of 4 x 4 are chosen such that rounding errors
are those of a direct sum of 100 terms; with the customary 0, 1, -1, 2, -2 they would be three times as large.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import prod
from typing import NamedTuple

import numpy as np

from .conv_walk import KERNEL, SMALL, as_written, in_tiles
from .function import Function
from .gemm_pack import transposed
from .micro import Tile
from .target import Target
from .values import Value

Matrix = tuple[tuple[float, ...], ...]
POINTS = {2: ("0", "1", "-1"), 4: ("0", "3/4", "-3/4", "3/2", "-3/2")}  # by the size of a result tile; infinity is one more
WINDOW = 3
TAPS = WINDOW * WINDOW


class Transforms(NamedTuple):
    """The matrices A', G and B'."""

    out: Matrix
    weight: Matrix
    input: Matrix


@cache
def transforms(size: int) -> Transforms:
    """The matrices for tiles of `size` results."""
    points = [Fraction(p) for p in POINTS[size]]
    scale = [prod((p - q for q in points if q != p), start=Fraction(1)) for p in points]
    out = [[p**i for p in points] + [Fraction(i == size - 1)] for i in range(size)]
    weight = [[p**j / s for j in range(WINDOW)] for p, s in zip(points, scale)] + [[Fraction(j == WINDOW - 1) for j in range(WINDOW)]]
    rows = [_polynomial([q for q in points if q != p]) + [Fraction(0)] for p in points] + [_polynomial(points)]
    return Transforms(*(tuple(tuple(float(x) for x in row) for row in m) for m in (out, weight, rows)))


def _polynomial(roots: list[Fraction]) -> list[Fraction]:
    """Coefficients, constant first."""
    found = [Fraction(1)]
    for root in roots:
        found = [a - root * b for a, b in zip([Fraction(0), *found], [*found, Fraction(0)])]
    return found


# --- transforming --------------------------------------------------------------------------------------------------------------------


def transform(f: Function, matrix: Matrix, xs: list[Value]) -> list[Value]:
    """The matrix times a column of vectors. Rows, or columns, that differ only in the sign of every second element share their work."""
    matrix, xs = _pair_columns(matrix, xs)
    found: dict[int, Value] = {}
    for i, row in enumerate(matrix):
        mirrored = tuple(x * (-1) ** j for j, x in enumerate(row))
        twin = next((k for k in range(i + 1, len(matrix)) if matrix[k] == mirrored and mirrored != row), None)
        if i not in found and twin is not None:
            even, odd = (_combine(f, [x if j % 2 == part else 0.0 for j, x in enumerate(row)], xs) for part in range(2))
            found[i], found[twin] = even + odd, even - odd
        elif i not in found:
            found[i] = _combine(f, list(row), xs)
    return [found[i] for i in range(len(matrix))]


def _pair_columns(matrix: Matrix, xs: list[Value]) -> tuple[Matrix, list[Value]]:
    """Sum and difference take the place of two vectors whose columns differ only in the sign of every second element."""
    columns, xs = [list(c) for c in zip(*matrix)], list(xs)
    for j, column in enumerate(columns):
        mirrored = [x * (-1) ** i for i, x in enumerate(column)]
        k = next((k for k in range(j + 1, len(columns)) if columns[k] == mirrored and mirrored != column and column[0]), None)
        if k is not None:
            xs[j], xs[k] = xs[j] + xs[k], xs[j] - xs[k]
            columns[j], columns[k] = ([x if i % 2 == part else 0.0 for i, x in enumerate(column)] for part in range(2))
    return tuple(zip(*columns)), xs


def _combine(f: Function, factors: list[float], xs: list[Value]) -> Value:
    """The sum of vectors times factors."""
    terms = sorted(((a, x) for a, x in zip(factors, xs) if a), key=lambda term: term[0] != 1)
    (first, x), *rest = terms
    total = x if first == 1 else x * first
    for factor, x in rest:
        total = total + x if factor == 1 else total - x if factor == -1 else f.fma(f.many.constant(factor, x.kind), x, total)
    return total


def transform_tile(f: Function, matrix: Matrix, tile: list[list[Value]]) -> list[list[Value]]:
    """The matrix times a tile (rows of vectors) times the matrix turned."""
    columns = [transform(f, matrix, list(column)) for column in zip(*tile)]
    return [transform(f, matrix, list(row)) for row in zip(*columns)]


# --- weights -------------------------------------------------------------------------------------------------------------------------

WEIGHTS = "rows channels over_rows over_channels".split()


@cache
def weights_text(size: int, kind: np.dtype, target: Target, turned: bool) -> str:
    """The module that transforms weights to (elements, panels, channels, columns of a panel). A unit is a vector of rows of the result.

    `turned`: the window is reversed.
    """
    lanes, width = target.lanes(kind), panel_width(kind, target)
    f = Function("kernel", KERNEL, attributes="")
    rows, channels, over_rows, over_channels = (f.number("%numbers", i) for i in range(len(WEIGHTS)))
    weights, out = (f.pointer("%pointers", i) for i in range(2))
    apart = f.ratio_up(rows, width) * channels * width + lanes
    with f.loop(*f.ints("begin end")) as unit:
        row = unit * lanes
        panel = f.quotient(row, width)
        to = f.at(out, panel * channels * width + (row - panel * width), kind)
        f.call("transform_weights", f.at(weights, row * over_rows, kind), rows - row, channels, over_rows, over_channels, to, apart)
    return as_written(_transforming_weights(size, kind, target, turned), f)


def _transforming_weights(size: int, kind: np.dtype, target: Target, turned: bool) -> Function:
    """The transform of a vector of rows, of which there are `rows`, for all channels."""
    lanes, width = target.lanes(kind), panel_width(kind, target)
    parameters = "ptr %weights, i64 %rows, i64 %channels, i64 %over_rows, i64 %over_channels, ptr noalias %to, i64 %apart"
    f = Function("transform_weights", parameters, lanes)
    rows, channels, over_rows, over_channels, apart = f.ints("rows channels over_rows over_channels apart")
    starts = [f.at("%weights", f.smaller(rows - 1, i) * over_rows, kind) for i in range(lanes)]
    if turned:
        with f.loop(0, channels) as channel:
            taps = _taps_of_channel(f, kind, starts, channel * over_channels, over_channels)
            _store_transformed(f, size, taps[::-1], f.at("%to", channel * width, kind), apart)
        return f
    with f.loop(0, channels, lanes) as block:
        buffer = _taps_of_block(f, kind, starts, block, channels)
        with f.loop(0, f.smaller(f.int(lanes), channels - block)) as channel:
            taps = [f.load(f.at(buffer, (channel * TAPS + tap) * lanes, kind), kind, lanes) for tap in range(TAPS)]
            _store_transformed(f, size, taps, f.at("%to", (block + channel) * width, kind), apart)
    return f


def _taps_of_channel(f: Function, kind: np.dtype, starts: list[str], at: Value, over: Value) -> list[Value]:
    """A channel's taps, in vectors of rows. Taps lie side by side; the next channel, which lies far away, is asked for."""
    vectors: list[Value] = []
    for tap in range(0, TAPS, f.lanes):
        mask = f.first(f.int(TAPS - tap))
        vectors += transposed(f, [f.load_masked(f.at(start, at + tap, kind), kind, mask) for start in starts])[: TAPS - tap]
    for start in starts[::2]:
        f.prefetch(f.at(start, at + over * 2, kind))
    return vectors


def _taps_of_block(f: Function, kind: np.dtype, starts: list[str], block: Value, channels: Value) -> str:
    """The taps of a block of channels, which lie side by side, in vectors of rows on the stack."""
    lanes = f.lanes
    buffer = f.buffer(kind, TAPS * lanes * lanes)
    with f.loop(0, TAPS) as part:
        at = block * TAPS + part * lanes
        mask = f.first(channels * TAPS - at)
        for j, vector in enumerate(transposed(f, [f.load_masked(f.at(start, at, kind), kind, mask) for start in starts])):
            f.store(vector, f.at(buffer, (part * lanes + j) * lanes, kind))
    return buffer


def _store_transformed(f: Function, size: int, taps: list[Value], to: str, apart: Value) -> None:
    tile = transform_tile(f, transforms(size).weight, [taps[i : i + WINDOW] for i in range(0, TAPS, WINDOW)])
    for element, vector in enumerate(x for line in tile for x in line):
        f.store(vector, f.at(to, apart * element, vector.kind))


def panel_width(kind: np.dtype, target: Target) -> int:
    """Columns of a panel of transformed weights."""
    return 2 * target.lanes(kind)


# --- products ------------------------------------------------------------------------------------------------------------------------

SIZES = "tiles rows channels tiles0 tiles1 input0 input1 unit_tiles unit_panels channel_block out_pitch over_rows over_channels".split()
"""Tiles in all; rows of the result and channels; tiles along an image's dims; sizes of the input as it is laid out; tiles and panels of a
unit; channels multiplied at a time; elements of a pixel of the result; the weight's distances, where it has not been transformed."""


def tile_rows(target: Target) -> int:
    """Rows of the register tile: tiles of an image."""
    return 14 if target.registers >= 32 else 6


@cache
def product_text(size: int, pitch: int, kind: np.dtype, target: Target, turned: bool | None = None) -> str:
    """The module of products, for tiles whose transformed inputs lie `pitch` elements apart.

    Weights have been transformed, or, with `turned`, each unit transforms those that it needs.
    """
    functions = [_micro_kernel(r, pitch, kind, target) for r in (tile_rows(target), SMALL)]
    functions += [_multiply(pitch, kind, target), transforming("transform_inputs", transforms(size).input, kind, target)]
    functions.append(transforming("transform_results", transforms(size).out, kind, target))
    if turned is not None:
        functions.append(_transforming_weights(size, kind, target, turned))
    return as_written(*functions, _kernel(size, pitch, kind, target, turned is not None))


def _micro_kernel(rows: int, pitch: int, kind: np.dtype, target: Target) -> Function:
    """C = A B, or C += A B, for `rows` rows of A that lie `pitch` elements apart, and a panel B."""
    lanes, tile = target.lanes(kind), Tile(rows, 2)
    f = Function(f"tile_{rows}", "i64 %k, ptr %a, ptr %b, ptr noalias %c, i64 %c_step, i64 %add", lanes)
    k, c_step, add = f.ints("k c_step add")
    sums = [[f.cell(kind, 0.0, many=True) for _ in range(tile.vectors)] for _ in range(rows)]
    with f.loop(0, k) as step:
        a, b = f.at("%a", step, kind), f.at("%b", step * (tile.vectors * lanes), kind)
        row = [f.load(f.at(b, v * lanes, kind), kind, lanes) for v in range(tile.vectors)]
        for i in range(rows):
            element = f.splat(f.load(f.at(a, i * pitch, kind), kind))
            for v in range(tile.vectors):
                sums[i][v].set(f.fma(element, row[v], sums[i][v].get()))
    for again in (False, True):
        with f.when((add != 0) if again else (add == 0)):
            for i in range(rows):
                for v in range(tile.vectors):
                    place = f.at(f.at("%c", c_step * i, kind), v * lanes, kind)
                    total = sums[i][v].get()
                    f.store(f.load(place, kind, lanes) + total if again else total, place)
    return f


def _multiply(pitch: int, kind: np.dtype, target: Target) -> Function:
    """All tiles of a unit with one panel. Up to SMALL - 1 rows behind the last are computed, too."""
    f = Function("multiply", "i64 %count, i64 %k, ptr %a, ptr %b, ptr %c, i64 %c_step, i64 %add")
    count, k, c_step, add = f.ints("count k c_step add")

    def call(rows: int, row: Value, _: Value) -> None:
        f.call(f"tile_{rows}", k, f.at("%a", row * pitch, kind), "%b", f.at("%c", row * c_step, kind), c_step, add)

    in_tiles(f, count, tile_rows(target), call)
    return f


def transforming(name: str, matrix: Matrix, kind: np.dtype, target: Target) -> Function:
    """The function

        void name(ptr x, i64 x_row, i64 x_column, i64 channels, ptr to, i64 to_row, i64 to_column)

    which transforms a tile for all channels: its elements lie `x_row` and `x_column` elements apart, those of its transform `to_row` and
    `to_column`.
    """
    parameters = "ptr %x, i64 %x_row, i64 %x_column, i64 %channels, ptr noalias %to, i64 %to_row, i64 %to_column"
    f = Function(name, parameters, target.lanes(kind))
    x_row, x_column, channels, to_row, to_column = f.ints("x_row x_column channels to_row to_column")
    edge = range(len(matrix[0]))
    with f.loop(0, channels, f.lanes) as channel:
        x, to = f.at("%x", channel, kind), f.at("%to", channel, kind)
        tile = [[f.load(f.at(x, x_row * i + x_column * j, kind), kind, f.lanes) for j in edge] for i in edge]
        for i, line in enumerate(transform_tile(f, matrix, tile)):
            for j, vector in enumerate(line):
                f.store(vector, f.at(to, to_row * i + to_column * j, kind))
    return f


def _kernel(size: int, pitch: int, kind: np.dtype, target: Target, own: bool) -> Function:
    """Tiles are transformed, multiplied with panels of weights, and transformed back. The result has its channels last."""
    f = Function("kernel", KERNEL, attributes="")
    n = {name: f.number("%numbers", i) for i, name in enumerate(SIZES)}
    x, weights, out = (f.pointer("%pointers", i) for i in range(3))
    lanes, width, edge = target.lanes(kind), panel_width(kind, target), size + WINDOW - 1
    elements, apart = edge**2, n["unit_tiles"] + (SMALL - 1)
    panels = f.ratio_up(n["rows"], width)
    panel_size = n["channels"] * width
    matrix = (
        n["unit_panels"] if own else panels
    ) * panel_size + lanes  # not a power of two: the elements' parts would crowd in a few lines of the cache
    inputs, results = "%scratch", f.at("%scratch", apart * (elements * pitch), kind)
    over_input, over_out = n["input1"] * n["channels"], n["tiles1"] * n["out_pitch"] * size
    blocks = f.ratio_up(panels, n["unit_panels"])
    with f.loop(*f.ints("begin end")) as unit:
        block = f.quotient(unit, blocks)
        panel, tile = (unit - block * blocks) * n["unit_panels"], block * n["unit_tiles"]
        count, last = f.smaller(n["unit_tiles"], n["tiles"] - tile), f.smaller(panel + n["unit_panels"], panels)
        columns = (last - panel) * width
        wide = columns + lanes
        if own:
            its, first = f.at(results, apart * elements * wide, kind), panel
            with f.loop(panel * width, f.smaller(last * width, n["rows"]), lanes) as row:
                p = f.quotient(row, width)
                to = f.at(its, (p - panel) * panel_size + (row - p * width), kind)
                there, over = f.at(weights, row * n["over_rows"], kind), (n["over_rows"], n["over_channels"])
                f.call("transform_weights", there, n["rows"] - row, n["channels"], *over, to, matrix)
        else:
            its, first = weights, f.int(0)
        with f.loop(0, n["channels"], n["channel_block"]) as channel:
            channels, add = f.smaller(n["channel_block"], n["channels"] - channel), f.either(channel == 0, 0, 1)
            with f.loop(0, count) as i:
                image, y, column = position(f, tile + i, n)
                start = ((image * n["input0"] + y * size) * n["input1"] + column * size) * n["channels"] + channel
                there = f.at(inputs, i * pitch, kind)
                tile_at, over = f.at(x, start, kind), apart * pitch
                f.call("transform_inputs", tile_at, over_input, n["channels"], channels, there, over * edge, over)
            with f.loop(0, elements) as element, f.loop(panel, last) as p:
                b = f.at(its, element * matrix + (p - first) * panel_size + channel * width, kind)
                c = f.at(results, element * apart * wide + (p - panel) * width, kind)
                f.call("multiply", count, channels, f.at(inputs, element * apart * pitch, kind), b, c, wide, add)
        with f.loop(0, count) as i:
            image, y, column = position(f, tile + i, n)
            start = ((image * n["tiles0"] + y) * n["tiles1"] * size + column) * (n["out_pitch"] * size) + panel * width
            tile_at, over = f.at(results, i * wide, kind), apart * wide
            f.call("transform_results", tile_at, over * edge, over, columns, f.at(out, start, kind), over_out, n["out_pitch"])
    return f


def position(f: Function, tile: Value, n: dict[str, Value]) -> tuple[Value, Value, Value]:
    """The image of a tile, and where in it."""
    line = f.quotient(tile, n["tiles1"])
    image = f.quotient(line, n["tiles0"])
    return image, line - image * n["tiles0"], tile - line * n["tiles1"]
