"""Filling in a program's tables from Python's objects, in native code.

In CPython a list holds the address of its items behind its header and length; a NumPy array the address of its elements, and a float its
value, behind the header. Reading them natively costs a nanosecond each; asking Python for them, most of a microsecond.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np

from . import native
from .memory import HEADER, address

# Words of a frame, the argument of `fill`.
(LEAVES, LEAF_TABLE, LEAF_COUNT, MADE, MADE_TABLE, MADE_COUNT) = range(6)
(FLOAT_TABLE, FLOAT_COUNT, LINK_TABLE, LINK_COUNT, CELLS, NUMBERS, POOL) = range(6, 13)
FRAME = 13

_LOOP = """
{name}_start:
  %{name}_table = load ptr, ptr %{name}_table_cell
  %{name}_count = load i64, ptr %{name}_count_cell
{setup}  %{name}_any = icmp sgt i64 %{name}_count, 0
  br i1 %{name}_any, label %{name}_loop, label %{name}_end
{name}_loop:
  %{name}_k = phi i64 [ 0, %{name}_start ], [ %{name}_k1, %{name}_loop ]
  %{name}_2k = shl i64 %{name}_k, 1
  %{name}_acell = getelementptr i64, ptr %{name}_table, i64 %{name}_2k
  %{name}_a = load i64, ptr %{name}_acell
  %{name}_bcell = getelementptr i64, ptr %{name}_acell, i64 1
  %{name}_b = load i64, ptr %{name}_bcell
{body}  %{name}_k1 = add i64 %{name}_k, 1
  %{name}_more = icmp slt i64 %{name}_k1, %{name}_count
  br i1 %{name}_more, label %{name}_loop, label %{name}_end
{name}_end:
"""


def _items(name: str, word: int) -> str:
    """The address of the items of the list whose address is in a word of the frame."""
    return f"""  %{name}_listcell = getelementptr i64, ptr %frame, i64 {word}
  %{name}_list = load ptr, ptr %{name}_listcell
  %{name}_itemscell = getelementptr i8, ptr %{name}_list, i64 {HEADER + 8}
  %{name}_items = load ptr, ptr %{name}_itemscell
"""


def _content(name: str) -> str:
    """The word behind the header of item `a`, stored in entry `b` of a table."""
    return f"""  %{name}_itemcell = getelementptr ptr, ptr %{name}_items, i64 %{name}_a
  %{name}_item = load ptr, ptr %{name}_itemcell
  %{name}_wordcell = getelementptr i8, ptr %{name}_item, i64 {HEADER}
  %{name}_word = load i64, ptr %{name}_wordcell
  %{name}_to = getelementptr i64, ptr %{"numbers" if name == "float" else "cells"}, i64 %{name}_b
  store i64 %{name}_word, ptr %{name}_to
"""


_LINK = """  %link_from = getelementptr i64, ptr %cells, i64 %link_a
  %link_base = load i64, ptr %link_from
  %link_address = add i64 %link_base, %link_b
  %link_to = getelementptr i64, ptr %pool, i64 %link_k
  store i64 %link_address, ptr %link_to
"""


def _text() -> str:
    loops = (("leaf", LEAF_TABLE), ("made", MADE_TABLE), ("float", FLOAT_TABLE), ("link", LINK_TABLE))
    setup = {"leaf": _items("leaf", LEAVES), "made": _items("made", MADE), "float": _items("float", LEAVES), "link": ""}
    body = {"leaf": _content("leaf"), "made": _content("made"), "float": _content("float"), "link": _LINK}
    lines = ["define void @fill(ptr %frame) nounwind {", "entry:"]
    for name, word in (("cells", CELLS), ("numbers", NUMBERS), ("pool", POOL)):
        lines += [f"  %{name}_cell = getelementptr i64, ptr %frame, i64 {word}", f"  %{name} = load ptr, ptr %{name}_cell"]
    for name, word in loops:
        lines += [
            f"  %{name}_table_cell = getelementptr i64, ptr %frame, i64 {word}",
            f"  %{name}_count_cell = getelementptr i64, ptr %frame, i64 {word + 1}",
        ]
    for name, _ in loops:
        lines += [f"  br label %{name}_start", _LOOP.format(name=name, setup=setup[name], body=body[name])]
    return "\n".join([*lines, "  ret void", "}"])


@cache
def fill() -> Any:
    """`fill(address of a frame)`: leaves and made arrays to cells, floats to numbers, cells and offsets to the pool of pointers.

    Each table has two words an entry: (item of the list, cell), (item of the list, number), (cell, offset).
    """
    return ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(native.addresses(_text(), ("fill",))[0])


@cache
def is_cpython() -> bool:
    """Whether Python's objects lie as this module expects."""
    try:
        cells, numbers, pool = np.zeros(2, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64)
        leaves, made = [np.arange(3), 2.5], [np.arange(4)]
        tables = [np.array(t, np.int64) for t in ([0, 0], [0, 1], [1, 0], [1, 8])]
        frame = np.zeros(FRAME, np.int64)
        frame[[LEAVES, MADE]] = id(leaves), id(made)
        frame[[LEAF_TABLE, MADE_TABLE, FLOAT_TABLE, LINK_TABLE]] = [address(t) for t in tables]
        frame[[LEAF_COUNT, MADE_COUNT, FLOAT_COUNT, LINK_COUNT]] = 1
        frame[[CELLS, NUMBERS, POOL]] = address(cells), address(numbers), address(pool)
        fill()(address(frame))
        want = [a.__array_interface__["data"][0] for a in (leaves[0], made[0])]
        return cells.tolist() == want and numbers.view(np.float64)[0] == 2.5 and pool[0] == want[1] + 8
    except (RuntimeError, OSError):
        return False
