"""Memory for native programs: the arena, and buffers of results that are used again when nobody holds them."""

from __future__ import annotations

import ctypes
from sys import getrefcount
from typing import Any
from weakref import getweakrefcount

import numpy as np

HEADER = object.__basicsize__  # in CPython a NumPy array begins with the object's header; the address of its elements comes next
_word = ctypes.c_void_p.from_address


def address(a: Any) -> int:
    """Where an array's elements begin."""
    return _word(id(a) + HEADER).value or 0


def _slow_address(a: Any) -> int:
    return a.__array_interface__["data"][0]


if address(_probe := np.zeros(3)) != _slow_address(_probe):  # another interpreter, another layout
    address = _slow_address


def aligned(count: int) -> Any:
    """So many bytes, uninitialized, aligned to a cache line."""
    block = np.empty(count + 64, np.uint8)
    skip = -address(block) % 64
    return block[skip : skip + count]


_arena = aligned(0)


def arena(count: int) -> Any:
    """The block in which the intermediate results of the program that runs now lie."""
    global _arena
    if _arena.size < count:
        _arena = aligned(count)
    return _arena


_LARGE = 1 << 18  # bytes from which a buffer is kept for the next result of its size
_BOUND = 1 << 31  # bytes kept in all
_blocks: dict[int, list[Any]] = {}
_ours: set[int] = set()  # the ids of those blocks
_held = 0


small = np.empty  # an uninitialized array that is not worth more thought


def empty(shape: tuple[int, ...], dtype: Any) -> Any:
    """An uninitialized array. A large one gets the memory of an earlier one that nobody holds any more: the system need not clear it."""
    count = dtype.itemsize
    for n in shape:
        count *= n
    if count < _LARGE:
        return np.empty(shape, dtype)
    block = _block(count)
    if block is None:
        return np.empty(shape, dtype)
    skip = -address(block) % 64
    return block[skip : skip + count].view(dtype).reshape(shape)


def _block(count: int) -> Any:
    """A block that no array uses, of `count` bytes after alignment; None where enough is kept already."""
    global _held
    blocks = _blocks.setdefault(count, [])
    for block in blocks:
        if getrefcount(block) == 3:  # the list, the loop, the call
            return block
    if _held + count > _BOUND:
        release()
        if _held + count > _BOUND:
            return None
    block = np.empty(count + 64, np.uint8)
    _blocks.setdefault(count, []).append(block)
    _ours.add(id(block))
    _held += count
    return block


def release() -> None:
    """Give memory that no array uses back to the system."""
    global _held, _arena
    for count, blocks in list(_blocks.items()):
        _blocks[count] = [block for block in blocks if getrefcount(block) > 3]
    _ours.clear()
    _ours.update(id(block) for blocks in _blocks.values() for block in blocks)
    _held = sum(count * len(blocks) for count, blocks in _blocks.items())
    _arena = aligned(0)


def is_ours(leaves: Any, slot: int) -> bool:
    """Whether nothing but the list of leaves holds the buffer in `slot`, and nobody relies on its content, so that it may be written to."""
    return is_alone(leaves, slot) and not getweakrefcount(leaves[slot])


def is_alone(leaves: Any, slot: int) -> bool:
    """Whether nothing but the list of leaves holds the buffer in `slot`, nor the memory that it is a view of."""
    a = leaves[slot]
    if getrefcount(a) != 3 or not a.flags.writeable:  # the list, this function's name, the call
        return False
    base = a.base
    if base is None:
        return True
    if id(base) in _ours:
        return getrefcount(base) == 4  # its list, the array, this function's name, the call
    return type(base) is np.ndarray and base.base is None and getrefcount(base) == 3 and not getweakrefcount(base)
