"""Memory for native programs: the arena, and buffers of results that are used again when nobody holds them."""

from __future__ import annotations

import ctypes
import threading
from sys import getrefcount
from typing import Any
from weakref import getweakrefcount

import numpy as np

from ..core.forking import renew_in_child

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
        _arena = carved(count) if count >= _LARGE else aligned(count)
    return _arena


_PAGE = 1 << 21  # bytes of a huge page
_SLAB = 1 << 25  # bytes that are taken from the system at a time, for blocks of up to a quarter of that
_slab: Any = memoryview(b"")
_slab_at = 0
_taking = threading.RLock()
renew_in_child(globals(), _taking=threading.RLock)


def carved(count: int) -> Any:
    """So many bytes (at least one), uninitialized, aligned to a cache line, on huge pages where the system has them.

    NumPy asks for huge pages from 4 MiB on; smaller pieces are cut from memory of that size. What goes through tens of MiB in pieces takes
    half the time so: the processor remembers where a few thousand pages lie.
    """
    global _slab, _slab_at
    if count > _SLAB // 4:
        return np.frombuffer(_paged(count), np.uint8)  # which has a memory of its own, of which views are views
    with _taking:
        if _slab_at + count > len(_slab):
            _slab, _slab_at = _paged(_SLAB), 0
        begin, _slab_at = _slab_at, _slab_at + -(-count // 64) * 64
        return np.frombuffer(_slab[begin : begin + count], np.uint8)


def _paged(count: int) -> Any:
    """Memory that begins with a huge page."""
    whole = np.empty(count + _PAGE, np.uint8)
    skip = -address(whole) % _PAGE
    return memoryview(whole)[skip : skip + count]  # type: ignore[arg-type]


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
    with _taking:  # until the array holds the block
        block = _block(count)
        if block is not None:
            return block[:count].view(dtype).reshape(shape)
    return np.empty(shape, dtype)


def copy_of(a: Any) -> Any:
    """A row-major copy of an array."""
    copy = empty(a.shape, a.dtype)
    np.copyto(copy, a)
    return copy


def _block(count: int) -> Any:
    """A block of `count` bytes that no array uses; None where enough is kept already."""
    global _held
    blocks = _blocks.setdefault(count, [])
    for block in blocks:
        if getrefcount(block) == 3:  # the list, the loop, the call
            return block
    if _held + count > _BOUND:
        release()
        if _held + count > _BOUND:
            return None
    block = carved(count)
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
