"""Plane by plane convolutions with small windows, such as 3 x 3: whole windows are kept in registers.

A row of the input is loaded once for each column of the window, and added to the results of all rows whose windows it is in.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np

from .conv_depthwise import SIZES, TAPS, WALK_AT, WEIGHT, WINDOW_AT, load_columns, store_columns, store_sums
from .conv_walk import KERNEL, TAP, WALK, WINDOW, as_written, below, lanes_of, masks_of, spread
from .function import Function
from .target import Target
from .values import I64

MOST = 9  # elements of a window that fit into registers
_ROWS = 8  # rows of results computed together
_GRADIENT_ROWS = 4


class Dense(NamedTuple):
    """A window without gaps, and the steps between windows down and along a row (along: that in memory; 0: any)."""

    rows: int
    columns: int
    down: int
    along: int

    def pairs(self, results: int) -> list[list[tuple[int, int]]]:
        """For each row of the input that `results` rows of windows read: which of them have it at which of their rows."""
        found: list[list[tuple[int, int]]] = [[] for _ in range((results - 1) * self.down + self.rows)]
        for result, row in product(range(results), range(self.rows)):
            found[result * self.down + row].append((result, row))
        return found


@cache
def planes_text(window: Dense, kind: np.dtype, target: Target, apart: int, epilogue: str) -> str:
    """The module of planes: `conv_depthwise.planes_text` for one window, whose taps are told in order, and images of one slice."""
    f = Function("kernel", KERNEL, target.lanes(kind), attributes="")
    n = {name: f.number("%numbers", i) for i, name in enumerate(SIZES)}
    x, weights, out = (f.pointer("%pointers", i) for i in range(3))
    _, grid1, grid2, over_images, _, over1, over2, _ = (f.number("%numbers", WALK_AT + i) for i in range(len(WALK)))
    _, step1, step2, _, size1, size2 = (f.number("%numbers", WINDOW_AT + i) for i in range(len(WINDOW)))
    numbers = len(TAP) + 1
    taps = [[f.number("%numbers", TAPS + tap * numbers + i) for i in range(numbers)] for tap in range(window.rows * window.columns)]
    first_row, distances = taps[0][1], [tap[3] for tap in taps[: window.columns]]
    lanes, over_row = lanes_of(f), f.quotient(over1, step1)
    index = lanes * spread(f, over2)
    with f.loop(*f.ints("begin end")) as unit:
        image = f.quotient(unit, n["planes"])
        plane = unit - image * n["planes"]
        group = f.quotient(plane, n["rows"])
        source = f.at(x, image * over_images + group * n["channels"] * n["over_channels"], kind)
        factors = f.at(weights, group * n["weight_groups"] + (plane - group * n["rows"]) * n["weight_rows"], kind)
        to = f.at(out, image * n["out_images"] + plane * n["out_planes"] + n["out_start"], kind)
        with f.loop(0, grid2, f.lanes) as column:
            columns = (lanes + spread(f, column)) * spread(f, step2)
            some = lanes < spread(f, grid2 - column)
            ats = [tap[2] for tap in taps[: window.columns]]
            masks = [masks_of(f, below(columns + spread(f, at), spread(f, size2)) & some, window.along) for at in ats]
            with f.loop(0, grid1, _ROWS) as y:
                sums = [f.cell(kind, 0.0, many=True) for _ in range(_ROWS)]
                for total in sums:
                    total.set(0.0)
                count = f.smaller(f.int(_ROWS), grid1 - y)
                seen = (count - 1) * window.down + window.rows
                with f.loop(0, n["channels"]) as channel:
                    mine = f.at(factors, channel * n["weight_channels"], kind)
                    weight = [f.splat(f.load(f.at(mine, tap[4], kind), kind)) for tap in taps]
                    start = f.at(source, channel * n["over_channels"] + y * over1 + column * over2, kind)
                    for row, pairs in enumerate(window.pairs(_ROWS)):
                        with f.when(below(y * step1 + first_row + row, size1) & (seen > row)):
                            for j, (distance, its) in enumerate(zip(distances, masks)):
                                vector = load_columns(f, f.at(start, over_row * row + distance, kind), kind, its, window.along, index)
                                for result, i in pairs:
                                    sums[result].set(f.fma(weight[i * window.columns + j], vector, sums[result].get()))
                for r, total in enumerate(sums):
                    with f.when(count > r):
                        store_columns(f, total.get(), f.at(to, (y + r) * n["out1"] + column * n["out2"], kind), some, apart, n["out2"])
        if epilogue:
            pointers, its = f.at("%pointers", 3, "ptr"), f.at("%numbers", n["taps"] * numbers + TAPS, I64)
            f.call("epilogue", pointers, its, unit, f.int(0), n["pixels"])
    return as_written(f, epilogue=epilogue)


@cache
def weights_text(window: Dense, kind: np.dtype, target: Target) -> str:
    """The module of the weight's gradient: `conv_depthwise.weights_text` for one window, and images of one slice."""
    f = Function("kernel", KERNEL, target.lanes(kind), attributes="")
    n = {name: f.number("%numbers", i) for i, name in enumerate(WEIGHT)}
    g, x, out = (f.pointer("%pointers", i) for i in range(3))
    lanes = lanes_of(f)
    index = lanes * spread(f, n["x2"] * n["stride2"])
    with f.loop(*f.ints("begin end")) as plane:
        gradient, source = f.at(g, plane * n["g_planes"], kind), f.at(x, f.quotient(plane, n["rows"]) * n["x_planes"], kind)
        sums = [[f.cell(kind, 0.0, many=True) for _ in range(window.columns)] for _ in range(window.rows)]
        for total in (c for line in sums for c in line):
            total.set(0.0)
        with f.loop(0, n["count2"], f.lanes) as column:
            columns = (lanes + spread(f, column)) * spread(f, n["stride2"])
            some = lanes < spread(f, n["count2"] - column)
            ats = [f.int(j) - n["before2"] for j in range(window.columns)]
            masks = [masks_of(f, below(columns + spread(f, at), spread(f, n["size2"])) & some, window.along) for at in ats]
            with f.loop(0, n["images"]) as image, f.loop(0, n["count1"], _GRADIENT_ROWS) as y:
                from_g = f.at(gradient, image * n["g_images"] + y * n["g1"] + column, kind)
                top = y * n["stride1"] - n["before1"]
                from_x = f.at(source, image * n["x_images"] + top * n["x1"] + column * n["stride2"] * n["x2"], kind)
                there = [some & f.splat(y + r < n["count1"]) for r in range(_GRADIENT_ROWS)]
                values = [f.load_masked(f.at(from_g, n["g1"] * r, kind), kind, its) for r, its in enumerate(there)]
                for row, pairs in enumerate(window.pairs(_GRADIENT_ROWS)):
                    with f.when(below(top + row, n["size1"])):
                        for j, (at, its) in enumerate(zip(ats, masks)):
                            vector = load_columns(f, f.at(from_x, n["x1"] * row + at * n["x2"], kind), kind, its, window.along, index)
                            for result, i in pairs:
                                sums[i][j].set(f.fma(values[result], vector, sums[i][j].get()))
        taps = [total for line in sums for total in line]
        store_sums(f, taps, f.at(out, plane * len(taps), kind), f.int(len(taps)))
    return as_written(f)
