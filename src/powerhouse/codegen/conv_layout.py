"""Convolutions' operands with their channels last, and results with channels first again."""

from __future__ import annotations

from functools import cache

import numpy as np

from .conv_walk import KERNEL, as_written, gather, lanes_of, spread
from .function import Function
from .gemm_pack import transposed
from .target import Target
from .values import I64, Value

LAST = "groups channels reach0 reach1 reach2 before0 before1 before2 size0 size1 size2 images_over channels_over over0 over1 over2".split()
"""The numbers of the laying out: groups and their channels; sizes with the zeros, zeros before, sizes in memory; distances in memory."""


@cache
def channels_last_text(kind: np.dtype, target: Target, adjacent: bool) -> str:
    """The module that lays an input out as (images, groups, *sizes, channels). A unit is a row of pixels."""
    lanes = target.lanes(kind)
    f = Function("kernel", KERNEL, lanes, attributes="")
    n = {name: f.number("%numbers", i) for i, name in enumerate(LAST)}
    x, out = (f.pointer("%pointers", i) for i in range(2))
    zero = f.many.constant(0.0, kind)
    length = n["reach2"] * n["channels"]
    with f.loop(*f.ints("begin end")) as unit:
        slices = f.quotient(unit, n["reach1"])
        both = f.quotient(slices, n["reach0"])
        image = f.quotient(both, n["groups"])
        row, plane = unit - slices * n["reach1"] - n["before1"], slices - both * n["reach0"] - n["before0"]
        to = f.at(out, unit * length, kind)
        there = _inside(row, n["size1"]) & _inside(plane, n["size0"])
        with f.when(~there), f.loop(0, length, lanes) as at:
            f.store_masked(zero, f.at(to, at, kind), f.first(length - at))
        first = (both - image * n["groups"]) * n["channels"]
        source = f.at(x, image * n["images_over"] + first * n["channels_over"] + plane * n["over0"] + row * n["over1"], kind)
        with f.when(there), f.loop(0, n["reach2"], lanes) as at, f.loop(0, n["channels"], lanes) as channel:
            column = at - n["before2"]
            mask = _columns(f, column, n["size2"])
            here = f.at(source, column * n["over2"], kind)
            rows = []
            for i in range(lanes):
                from_ = f.at(here, f.smaller(channel + i, n["channels"] - 1) * n["channels_over"], kind)
                index = lanes_of(f) * spread(f, n["over2"])
                rows.append(f.load_masked(from_, kind, mask) if adjacent else gather(f, from_, kind, index, mask))
            its = f.first(n["channels"] - channel)
            pixels = transposed(f, rows)
            whole = (n["channels"] - channel >= lanes) & (n["reach2"] - at >= lanes)
            places = [f.at(to, (at + i) * n["channels"] + channel, kind) for i in range(lanes)]
            with f.when(whole):
                for pixel, place in zip(pixels, places):
                    f.store(pixel, place)
            with f.when(~whole):
                for i, (pixel, place) in enumerate(zip(pixels, places)):
                    f.store_masked(pixel, place, its & f.splat(at + i < n["reach2"]))
    return as_written(f)


PAD = "channels padded0 padded1 padded2 before0 before1 before2 size0 size1 size2 images_over channels_over over0 over1 over2".split()
"""The numbers of padding: channels; sizes with the zeros, zeros before, sizes in memory; distances in memory."""


@cache
def pad_text(kind: np.dtype, target: Target, adjacent: bool) -> str:
    """The module that lays an input out with zeros around it. A unit is a slice of an image's channel."""
    lanes = target.lanes(kind)
    f = Function("kernel", KERNEL, lanes, attributes="")
    n = {name: f.number("%numbers", i) for i, name in enumerate(PAD)}
    x, out = (f.pointer("%pointers", i) for i in range(2))
    index = lanes_of(f) * spread(f, n["over2"])
    with f.loop(*f.ints("begin end")) as unit:
        both = f.quotient(unit, n["padded0"])
        image = f.quotient(both, n["channels"])
        plane = unit - both * n["padded0"] - n["before0"]
        from_plane = image * n["images_over"] + (both - image * n["channels"]) * n["channels_over"] + plane * n["over0"]
        to = f.at(out, unit * n["padded1"] * n["padded2"], kind)
        with f.loop(0, n["padded2"], lanes) as at:
            some, column = f.first(n["padded2"] - at), at - n["before2"]
            columns, source = _columns(f, column, n["size2"]), f.at(x, from_plane + column * n["over2"], kind)
            with f.loop(0, n["padded1"]) as y:
                row = y - n["before1"]
                mask = columns & f.splat(_inside(row, n["size1"]) & _inside(plane, n["size0"]))
                here = f.at(source, row * n["over1"], kind)
                value = f.load_masked(here, kind, mask) if adjacent else gather(f, here, kind, index, mask)
                f.store_masked(value, f.at(to, y * n["padded2"] + at, kind), some)
    return as_written(f)


def _inside(at: Value, size: Value) -> Value:
    return (at >= 0) & (at < size)


def _columns(f: Function, column: Value, size: Value) -> Value:
    """The mask of the columns that there are, of those from `column` on."""
    at = lanes_of(f) + spread(f, column)
    return (at >= 0) & (at < spread(f, size))


RESULTS = "rows pitch size0 size1 input0 input1 unit_pixels".split()


@cache
def channels_first_text(kind: np.dtype, target: Target, epilogue: str) -> str:
    """The module that lays results (images, *sizes, channels) out with channels first. A unit is some pixels of an image."""
    lanes = target.lanes(kind)
    f = Function("kernel", KERNEL, lanes, attributes="")
    rows, pitch, size0, size1, input0, input1, unit_pixels = (f.number("%numbers", i) for i in range(len(RESULTS)))
    x, out = (f.pointer("%pointers", i) for i in range(2))
    pixels = size0 * size1
    units = f.ratio_up(pixels, unit_pixels)
    with f.loop(*f.ints("begin end")) as unit:
        image = f.quotient(unit, units)
        begin = (unit - image * units) * unit_pixels
        end = f.smaller(begin + unit_pixels, pixels)
        source, to = f.at(x, image * input0 * input1 * pitch, kind), f.at(out, image * rows * pixels, kind)
        with f.loop(begin, end, lanes) as pixel:
            mask = f.first(end - pixel)
            starts = []
            for i in range(lanes):
                at = f.smaller(pixel + i, end - 1)
                line = f.quotient(at, size1)
                starts.append(f.at(source, (line * input1 + at - line * size1) * pitch, kind))
            with f.loop(0, rows, lanes) as row:
                vectors = transposed(f, [f.load(f.at(start, row, kind), kind, lanes) for start in starts])
                for i, vector in enumerate(vectors):
                    with f.when(row + i < rows):
                        f.store_masked(vector, f.at(to, (row + i) * pixels + pixel, kind), mask)
        if epilogue:
            pointers, numbers = f.at("%pointers", 2, "ptr"), f.at("%numbers", len(RESULTS), I64)
            with f.loop(0, rows) as row:
                f.call("epilogue", pointers, numbers, image * rows + row, begin, end)
    return as_written(f, epilogue=epilogue)
