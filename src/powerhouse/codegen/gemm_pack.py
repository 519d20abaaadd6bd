"""Packing: rows of A or columns of B are laid out in panels, in the order in which the micro-kernel reads them."""

from __future__ import annotations

from functools import cache

import numpy as np

from .function import Function
from .target import Target
from .values import Value

# How an operand lies in memory: the items of a panel (rows of A, columns of B) side by side, or each item's elements, or neither.
ITEMS, STEPS, NEITHER = "items", "steps", "neither"
_STEPS = 8  # of all panels that are copied at a time


def order_of(item_stride: int, step_stride: int) -> str:
    """Which way an operand is packed, from the strides between its items and between the elements of one item."""
    return ITEMS if item_stride == 1 else STEPS if step_stride == 1 else NEITHER


def padded(width: int, kind: np.dtype, target: Target) -> int:
    """Elements from step to step of a panel of `width` items: whole vectors."""
    return -(-width // target.lanes(kind)) * target.lanes(kind)


@cache
def pack(name: str, order: str, width: int, kind: np.dtype, target: Target) -> Function:
    """The function

        void name(ptr source, i64 items, i64 steps, i64 item_stride, i64 step_stride, ptr panels)

    which lays `items` items out in panels of `width` items, one panel behind the other. In a panel lies step after step, each in whole
    vectors. What stands in place of items that there are not is of no account.
    """
    parameters = "ptr %source, i64 %items, i64 %steps, i64 %item_stride, i64 %step_stride, ptr noalias %panels"
    f = Function(name, parameters, target.lanes(kind))
    {ITEMS: _copy, STEPS: _transpose, NEITHER: _gather}[order](f, kind, width, padded(width, kind, target))
    return f


def _copy(f: Function, kind: np.dtype, width: int, row: int) -> None:
    """A few steps of all panels at a time, so that memory is read along the items."""
    items, steps, step_stride = f.ints("items steps step_stride")
    with f.loop(0, steps, _STEPS) as begin, f.loop(0, items, width) as item:
        end = f.smaller(begin + _STEPS, steps)
        source, panel = f.at("%source", item, kind), f.at("%panels", _panel(f, item, width, row), kind)
        whole = items - item >= row
        with f.when(whole), f.loop(begin, end) as k:
            for g in range(0, row, f.lanes):
                f.store(f.load(f.at(source, k * step_stride + g, kind), kind, f.lanes), f.at(panel, k * row + g, kind))
        with f.when(~whole):
            masks = [f.first(items - item - g) for g in range(0, row, f.lanes)]
            with f.loop(begin, end) as k:
                for g, mask in enumerate(masks):
                    read, write = (f.at(p, at + g * f.lanes, kind) for p, at in ((source, k * step_stride), (panel, k * row)))
                    f.store(f.load_masked(read, kind, mask), write)


def _transpose(f: Function, kind: np.dtype, width: int, row: int) -> None:
    """Squares of vectors are read along the steps and stored along the items. The last one ends with the last step."""
    items, steps, item_stride = f.ints("items steps item_stride")
    enough = steps >= f.lanes
    with f.when(enough), f.loop(0, items, width) as item, f.loop(0, row, f.lanes) as group:
        panel = f.at(f.at("%panels", _panel(f, item, width, row), kind), group, kind)
        sources = [f.at("%source", f.smaller(item + group + i, items - 1) * item_stride, kind) for i in range(f.lanes)]
        with f.loop(0, steps, f.lanes) as k:
            at = f.smaller(k, steps - f.lanes)
            for j, column in enumerate(transposed(f, [f.load(f.at(s, at, kind), kind, f.lanes) for s in sources])):
                f.store(column, f.at(panel, (at + j) * row, kind))
    with f.when(~enough):
        _gather(f, kind, width, row)


def _panel(f: Function, item: Value, width: int, row: int) -> Value:
    """Where the panel that begins with `item` begins, in elements."""
    return f.quotient(item, width) * f.int("steps") * row


def transposed(f: Function, rows: list[Value]) -> list[Value]:
    """The columns of a square of vectors: rows half the square apart are interleaved, until all have met."""
    lanes, half = len(rows), len(rows) // 2
    low = [x for i in range(half) for x in (i, lanes + i)]
    high = [x + half for x in low]
    for _ in range(lanes.bit_length() - 1):
        rows = [f.shuffle(rows[i], rows[i + half], picked) for i in range(half) for picked in (low, high)]
    return rows


def _gather(f: Function, kind: np.dtype, width: int, row: int) -> None:
    items, steps, item_stride, step_stride = f.ints("items steps item_stride step_stride")
    with f.loop(0, items, width) as item:
        panel = f.at("%panels", _panel(f, item, width, row), kind)
        with f.loop(0, steps) as k, f.loop(item, f.smaller(item + width, items)) as i:
            f.store(f.load(f.at("%source", i * item_stride + k * step_stride, kind), kind), f.at(panel, k * row + (i - item), kind))
