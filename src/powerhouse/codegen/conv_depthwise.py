"""Convolutions in which each result has one input channel, or each channel one result: planes, row after row, without packing.

A unit of work is a plane of the result. A few rows are computed together, vectors along them, so that a weight is fetched once for all.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from .conv_walk import KERNEL, TAP, WALK, WINDOW, as_written, below, every_second, gather, lanes_of, masks_of, scatter, spread, sum_of_lanes
from .function import Cell, Function
from .target import Target
from .values import I64, Value

SIZES = (
    "rows channels taps over_channels weight_groups weight_rows weight_channels out_images out_planes out0 out1 out2 out_start "
    "planes pixels".split()
)
"""The numbers of a plane's kernel: rows of the result and channels of each group, taps; the input's distance from channel to channel, the
weight's between groups, rows and channels; the result's distances and where it begins; its planes in an image, and their pixels. Then the
walk over the input, the window, and each tap with the weight that it has."""
WALK_AT = len(SIZES)
WINDOW_AT = WALK_AT + len(WALK)
TAPS = WINDOW_AT + len(WINDOW)
_ROWS = 4  # rows computed together


@cache
def planes_text(kind: np.dtype, target: Target, distance: int, apart: int, epilogue: str) -> str:
    """The module of planes. `distance` is that between the inputs of adjacent pixels, `apart` between their results (1, 2; 0: any)."""
    f = Function("kernel", KERNEL, target.lanes(kind), attributes="")
    n = {name: f.number("%numbers", i) for i, name in enumerate(SIZES)}
    x, weights, out = (f.pointer("%pointers", i) for i in range(3))
    grid0, grid1, grid2, over_images, over0, over1, over2, _ = (f.number("%numbers", WALK_AT + i) for i in range(len(WALK)))
    step0, step1, step2, size0, size1, size2 = (f.number("%numbers", WINDOW_AT + i) for i in range(len(WINDOW)))
    lanes = lanes_of(f)
    index = lanes * spread(f, over2)
    with f.loop(*f.ints("begin end")) as unit:
        image = f.quotient(unit, n["planes"])
        plane = unit - image * n["planes"]
        group = f.quotient(plane, n["rows"])
        source = f.at(x, image * over_images + group * n["channels"] * n["over_channels"], kind)
        factor = f.at(weights, group * n["weight_groups"] + (plane - group * n["rows"]) * n["weight_rows"], kind)
        to = f.at(out, image * n["out_images"] + plane * n["out_planes"] + n["out_start"], kind)
        with f.loop(0, grid0) as z, f.loop(0, grid1, _ROWS) as y, f.loop(0, grid2, f.lanes) as column:
            sums = [f.cell(kind, 0.0, many=True) for _ in range(_ROWS)]
            for total in sums:
                total.set(0.0)
            last = f.smaller(f.int(_ROWS), grid1 - y)
            ys = [f.smaller(y + r, grid1 - 1) for r in range(_ROWS)]
            starts = [z * over0 + row * over1 + column * over2 for row in ys]
            columns = (lanes + spread(f, column)) * spread(f, step2)
            some = lanes < spread(f, grid2 - column)
            with f.loop(0, n["channels"]) as channel, f.loop(0, n["taps"]) as tap:
                at0, at1, at2, away, weight = (f.number(f.at("%numbers", tap * (len(TAP) + 1) + TAPS, I64), i) for i in range(len(TAP) + 1))
                inside = below(columns + spread(f, at2), spread(f, size2)) & some
                element = f.splat(f.load(f.at(factor, channel * n["weight_channels"] + weight, kind), kind))
                its = f.at(source, channel * n["over_channels"] + away, kind)
                there = below(z * step0 + at0, size0)
                first, final = (below(ys[r] * step1 + at1, size1) for r in (0, -1))
                whole = there & first & final
                with f.when(whole):
                    masks = masks_of(f, inside, distance)
                    for start, total in zip(starts, sums):
                        total.set(f.fma(element, load_columns(f, f.at(its, start, kind), kind, masks, distance, index), total.get()))
                with f.when(there & ~whole):
                    for row, start, total in zip(ys, starts, sums):
                        with f.when(below(row * step1 + at1, size1)):
                            masks = masks_of(f, inside, distance)
                            total.set(f.fma(element, load_columns(f, f.at(its, start, kind), kind, masks, distance, index), total.get()))
            for r, total in enumerate(sums):
                with f.when(last > r):
                    place = f.at(to, z * n["out0"] + (y + r) * n["out1"] + column * n["out2"], kind)
                    store_columns(f, total.get(), place, some, apart, n["out2"])
        if epilogue:
            pointers, numbers = f.at("%pointers", 3, "ptr"), f.at("%numbers", n["taps"] * (len(TAP) + 1) + TAPS, "i64")
            f.call("epilogue", pointers, numbers, unit, f.int(0), n["pixels"])
    return as_written(f, epilogue=epilogue)


def load_columns(f: Function, source: str, kind: np.dtype, masks: list[Value], distance: int, index: Value) -> Value:
    """The elements of a row that are `distance` apart, or at `index`; zeros outside of the masks."""
    if distance == 0:
        return gather(f, source, kind, index, masks[0])
    if distance == 1:
        return f.load_masked(source, kind, masks[0])
    low, high = (f.load_masked(f.at(source, half * f.lanes, kind), kind, masks[half]) for half in range(2))
    return f.shuffle(low, high, list(range(0, 2 * f.lanes, 2)))


def store_columns(f: Function, value: Value, place: str, mask: Value, apart: int, over: Value) -> None:
    """Store lanes `apart` elements from one another, or `over` of them where that is 0."""
    if apart == 0:
        scatter(f, place, lanes_of(f) * spread(f, over), mask, value)
    elif apart == 1:
        f.store_masked(value, place, mask)
    else:
        for half, its in enumerate(masks_of(f, mask, 2)[:2]):
            f.store_masked(f.shuffle(value, value, every_second(f.lanes, half)), f.at(place, half * f.lanes, value.kind), its)


# --- the weight's gradient -------------------------------------------------------------------------------------------------------------

WEIGHT = (
    "images rows count0 count1 count2 kernel0 kernel1 kernel2 stride0 stride1 stride2 dilation0 dilation1 dilation2 "
    "before0 before1 before2 size0 size1 size2 g_images g_planes g0 g1 x_images x_planes x0 x1 x2".split()
)
"""Numbers of the kernel of the weight's gradient: images, results of each group; the geometry; distances in gradient and input."""
_TAPS = 3  # taps of a row of the window that are summed together


@cache
def weights_text(kind: np.dtype, target: Target, distance: int) -> str:
    """The module of the weight's gradient, for one channel a group. A unit is one result channel: the sums of its taps."""
    f = Function("kernel", KERNEL, target.lanes(kind), attributes="")
    n = {name: f.number("%numbers", i) for i, name in enumerate(WEIGHT)}
    g, x, out = (f.pointer("%pointers", i) for i in range(3))
    lanes = lanes_of(f)
    index = lanes * spread(f, n["x2"])
    taps = n["kernel0"] * n["kernel1"] * n["kernel2"]
    with f.loop(*f.ints("begin end")) as plane:
        gradient, source = f.at(g, plane * n["g_planes"], kind), f.at(x, f.quotient(plane, n["rows"]) * n["x_planes"], kind)
        with f.loop(0, n["kernel0"]) as k0, f.loop(0, n["kernel1"]) as k1, f.loop(0, n["kernel2"], _TAPS) as k2:
            at0, at1 = (k * n[f"dilation{d}"] - n[f"before{d}"] for d, k in enumerate((k0, k1)))
            at2 = [(k2 + i) * n["dilation2"] - n["before2"] for i in range(_TAPS)]
            sums = [f.cell(kind, 0.0, many=True) for _ in range(_TAPS)]
            for total in sums:
                total.set(0.0)
            zs, ys = (_range(f, at, n[f"stride{d}"], n[f"size{d}"], n[f"count{d}"]) for d, at in enumerate((at0, at1)))
            with f.loop(0, n["images"]) as image, f.loop(*zs) as z, f.loop(0, n["count2"], f.lanes) as column:
                columns = (lanes + spread(f, column)) * spread(f, n["stride2"])
                some = lanes < spread(f, n["count2"] - column)
                masks = [masks_of(f, below(columns + spread(f, at), spread(f, n["size2"])) & some, distance) for at in at2]
                from_g = f.at(gradient, image * n["g_images"] + z * n["g0"] + column, kind)
                from_x = f.at(source, image * n["x_images"] + (z * n["stride0"] + at0) * n["x0"] + column * n["stride2"] * n["x2"], kind)
                with f.loop(*ys) as y:
                    value = f.load_masked(f.at(from_g, y * n["g1"], kind), kind, some)
                    line = f.at(from_x, (y * n["stride1"] + at1) * n["x1"], kind)
                    for at, its, total in zip(at2, masks, sums):
                        seen = load_columns(f, f.at(line, at * n["x2"], kind), kind, its, distance, index * spread(f, n["stride2"]))
                        total.set(f.fma(value, seen, total.get()))
            store_sums(f, sums, f.at(out, plane * taps + (k0 * n["kernel1"] + k1) * n["kernel2"] + k2, kind), n["kernel2"] - k2)
    return as_written(f)


def _range(f: Function, at: Value, stride: Value, size: Value, count: Value) -> tuple[Value, Value]:
    """From which to before which window `window * stride + at` lies in the input."""
    begin = f.quotient(f.either(at < 0, f.int(0) - at, 0) + stride - 1, stride)
    end = f.quotient(f.either(at < size, size - at, 0) + stride - 1, stride)
    return begin, f.smaller(end, count)


def store_sums(f: Function, sums: list[Cell], place: str, count: Value) -> None:
    """Store the sums over the lanes of the first `count` vectors."""
    for i, total in enumerate(sums):
        with f.when(count > i):
            f.store(sum_of_lanes(f, total.get()), f.at(place, i, total.kind))
