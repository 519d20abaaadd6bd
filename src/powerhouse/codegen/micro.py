"""The micro-kernel of matrix products: a tile of the result is kept in registers while outer products are added to it."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from .function import Function
from .target import Target
from .values import Value


class Tile(NamedTuple):
    """A piece of a result that fits into registers: so many rows of so many vectors."""

    rows: int
    vectors: int


def tile_of(target: Target) -> Tile:
    """The tile of most use: its accumulators, a row of B's vectors and a broadcast element of A fill the registers."""
    if target.registers < 32:
        return Tile(6, 2)
    return Tile(14, 2) if target.vector_bytes == 64 else Tile(8, 3)


@cache
def micro_kernel(name: str, tile: Tile, kind: np.dtype, target: Target, ahead: int = 0, some_rows: bool = False) -> Function:
    """The function

        void name(i64 k, ptr a, i64 a_step, ptr b, i64 b_step, ptr c, i64 c_step, i64 columns, i64 add)

    which computes C = A B, or C += A B where `add` is not 0, for a tile of C: `tile.rows` rows, `c_step` elements apart, of which the
    first `columns` columns (up to the tile's `vectors` vectors) are stored. For each of the `k` steps, A has `tile.rows` adjacent
    elements, B `tile.vectors` adjacent vectors, all of which may be read; from step to step lie `a_step` and `b_step` elements.
    With `ahead`, B is asked for so many steps before it is needed: for a B that does not come from the cache.
    With `some_rows`, there is a last parameter `i64 rows`: only so many rows are stored.
    """
    lanes = target.lanes(kind)
    parameters = "i64 %k, ptr %a, i64 %a_step, ptr %b, i64 %b_step, ptr noalias %c, i64 %c_step, i64 %columns, i64 %add"
    f = Function(name, parameters + ", i64 %rows" * some_rows, lanes, "internal")
    k, a_step, b_step, c_step, columns, add = f.ints("k a_step b_step c_step columns add")
    sums = [[f.cell(kind, 0.0, many=True) for _ in range(tile.vectors)] for _ in range(tile.rows)]
    with f.loop(0, k) as step:
        a, b = f.at("%a", step * a_step, kind), f.at("%b", step * b_step, kind)
        row = [f.load(f.at(b, v * lanes, kind), kind, lanes) for v in range(tile.vectors)]
        if ahead:
            for v in range(tile.vectors):
                f.prefetch(f.at(b, b_step * ahead + v * lanes, kind))
        for i in range(tile.rows):
            element = f.splat(f.load(f.at(a, i, kind), kind))
            for v in range(tile.vectors):
                sums[i][v].set(f.fma(element, row[v], sums[i][v].get()))
    totals = [[cell.get() for cell in cells] for cells in sums]
    _store(f, totals, columns, c_step, add != 0, f.int("rows") if some_rows else f.int(tile.rows))
    return f


def _store(f: Function, totals: list[list[Value]], columns: Value, c_step: Value, add: Value, rows: Value) -> None:
    """Store a tile, or add it to what is there; under masks where it is not full."""
    lanes, kind = f.lanes, totals[0][0].kind
    places = [[f.at(f.at("%c", c_step * i, kind), v * lanes, kind) for v in range(len(row))] for i, row in enumerate(totals)]
    full = (columns == len(totals[0]) * lanes) & (rows >= len(totals))
    each = [pair for row, at in zip(totals, places) for pair in zip(row, at)]
    with f.when(full & ~add):
        for total, place in each:
            f.store(total, place)
    with f.when(full & add):
        for total, place in each:
            f.store(f.load(place, kind, lanes) + total, place)
    with f.when(~full):
        masks = [f.first(columns - v * lanes) for v in range(len(totals[0]))]
        added = [mask & f.splat(add) for mask in masks]
        for i, (row, at) in enumerate(zip(totals, places)):
            with f.when(rows > i):
                for total, place, mask, old in zip(row, at, masks, added):
                    f.store_masked(f.load_masked(place, kind, old) + total, place, mask)
