"""The kernel of mixing along a dim: every output a weighted sum of a few elements, by a table that is among the numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod

import numpy as np

from ..core.shapes import contiguous_strides
from ..graph.symbol import Symbol
from ..ops.mixing import table
from ..runtime import native
from .function import Function, module
from .lowering import lowers
from .movement import Placer, operand
from .moves import HEAD, Ints, by_vectors, each_row, masks_pay, merged, rows_record, units
from .target import Target
from .task import At, Lowering, Task
from .values import F64, Value

_STRIP = 64  # adjacent elements that make one unit
_LARGEST = 1 << 14  # weights in a table


@lowers("mix_along")
def _lower_mix(s: Symbol, place: Placer) -> Lowering | None:
    """Of floats; integers are left to the reference, and so is what needs a large table."""
    x, (dim, taps), kind = operand(s, 0, place), s.attrs, s.dtype.numpy
    index, weights, members = table(taps)
    if x is None or kind not in (np.float32, np.float64) or index.size > _LARGEST:
        return None
    shape, strides = s.inputs[0].shape, contiguous_strides(s.shape)
    others = tuple(d for d in range(len(shape)) if d != dim)
    lines: list[Ints] = merged(*(tuple(v[d] for d in others) for v in (shape, x.strides, strides))) or [(1, 0, 0)]
    count, record = rows_record(lines, _STRIP) if s.numel and prod(shape) else (0, (1, 0, 0, 0, 0, 0, 0, 0))
    bits = weights.astype(np.float64).view(np.int64)
    rows = (int(v) for j, many in enumerate(members) for v in (many, *(v for pair in zip(index[j], bits[j], strict=True) for v in pair)))
    numbers = (s.shape[dim], index.shape[1], x.strides[dim], strides[dim], 5 + len(record), *record, *rows)
    text = _mixed_text(kind, lines[-1][1:] == (1, 1), native.target())
    return (*x.tasks, Task(text, (x.at,), (At(s),), numbers, count, 2 * s.numel * index.shape[1]))


@cache
def _mixed_text(kind: np.dtype, close: bool, target: Target) -> str:
    """Numbers: outputs along the dim, taps of each at most, strides along it (2), where the table begins, the lines' record, the table."""
    f = Function("kernel", HEAD, target.lanes(kind), attributes="")
    x, out = (f.pointer("%pointers", k) for k in range(2))
    outputs, taps, step, apart, behind = (f.number("%numbers", k) for k in range(5))
    rows = f.at("%numbers", behind, "i64")
    with each_row(f, *units(f), f.at("%numbers", 5, "i64"), 2) as row, f.loop(0, outputs) as j:
        entry = f.at(rows, j * (taps * 2 + 1), "i64")
        (there, here), steps = row.moved(f.int(0), j * apart).offsets, row.steps

        def whole(i: Value, mask: Value | None) -> None:
            def read(k: Value) -> Value:
                at = f.at(x, there + i + k * step, kind)
                return f.load(at, kind, f.lanes) if mask is None else f.load_masked(at, kind, mask)

            at = f.at(out, here + i, kind)
            if mask is None:
                f.store(_weighted(f, kind, entry, read), at)
            else:
                f.store_masked(_weighted(f, kind, entry, read), at, mask)

        def one(i: Value) -> None:
            def read(k: Value) -> Value:
                return f.load(f.at(x, there + i * steps[0] + k * step, kind), kind)

            f.store(_weighted(f, kind, entry, read, many=False), f.at(out, here + i * steps[1], kind))

        if close:
            by_vectors(f, row.length, whole, None if masks_pay(kind.itemsize, target) else one)
        else:
            with f.loop(0, row.length) as i:
                one(i)
    return module(f)


def _weighted(f: Function, kind: np.dtype, entry: str, read: Callable[[Value], Value], many: bool = True) -> Value:
    """The sum of what is read for each tap, times its weight. An entry of the table: how many taps, then the element and weight of each."""
    total = f.cell(kind, 0, many)
    with f.loop(0, f.number(entry, 0)) as tap:
        at = f.at(entry, tap * 2 + 1, "i64")
        weight = f.load(f.at(at, 1, "i64"), F64).astype(kind)
        total.set(total.get() + read(f.number(at, 0)) * (f.splat(weight) if many else weight))
    return total.get()
