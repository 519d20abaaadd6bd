"""What code generation gives to the run time: tasks, each a kernel with its operands and its units of work.

Every kernel has one signature:

    void kernel(ptr pointers, ptr numbers, i64 begin, i64 end, ptr scratch)

It does units `begin` to `end` of its work, which `count` units make up in all. `pointers` are the addresses of its operands, `numbers`
64-bit numbers (integers, or the bits of doubles), `scratch` is memory of the calling thread's own, aligned to 64 bytes, of undefined
content. Other threads do other units at the same time. What is computed must not depend on how the units are shared out, so that results
are the same for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..graph.symbol import Symbol


class Temp:
    """Memory that the tasks of one lowering share: packed operands, partial results. Equal only to itself.

    What a task with `packs` writes may be read by the tasks of other lowerings too.
    """

    __slots__ = ("bytes",)

    def __init__(self, bytes: int) -> None:
        self.bytes = bytes


class At(NamedTuple):
    """An address: so many bytes into the memory of a symbol's value, or of a temporary."""

    base: Symbol | Temp
    offset: int = 0


class Place(NamedTuple):
    """Where the elements of a value lie: strides over its shape and an offset, in elements of its base, which is row-major in memory.

    `again`: several products read the value so, or this one does run after run, so that it pays to pack it. `at_once`: that is so, or
    likely to be, before the program has been run, so that kernels may be chosen by it.
    """

    base: Symbol
    strides: tuple[int, ...]
    offset: int
    again: bool = False
    at_once: bool = False


class Epilogue(NamedTuple):
    """What is done with a piece of a result while it is in the cache: a fused group, as the text of

        void epilogue(ptr pointers, ptr numbers, i64 row, i64 begin, i64 end)

    for the elements `begin` to `end` of one row (the last dim, or an image's pixels) of the result, once they have been stored. The
    result itself is among `reads`. With `whole_rows` it must be called for whole rows (it reduces them).
    """

    text: str
    reads: tuple[At, ...]
    writes: tuple[At, ...]
    numbers: tuple[int | Symbol, ...]
    whole_rows: bool = False


class Task(NamedTuple):
    """One kernel over its units. Its pointers are `reads`, then `writes`, then the epilogue's reads and writes; its numbers end with the
    epilogue's. A temporary may be read or written.

    `numbers` are integers (sizes, strides), or symbols of numbers that are known when the program runs. `work` says roughly how many
    instructions' worth of vector work (FLOPs, or elements moved) the task is, to decide on threads. With `refuse`, the last pointer is
    that of an i64, zero at first; what the kernel stores there is made an exception by `refuse`. With `packs`, the task lays one operand
    out in a temporary for those who multiply with it: it need not be done twice.
    """

    text: str
    reads: tuple[At, ...]
    writes: tuple[At, ...]
    numbers: tuple[int | Symbol, ...]
    count: int
    work: int
    grain: int = 1  # units are shared out in multiples of this
    scratch: int = 0  # bytes
    refuse: Callable[[int], Exception] | None = None
    epilogue: Epilogue | None = None
    packs: bool = False


Lowering = tuple[Task, ...]  # in order: each begins when the one before has ended


def reads_of(task: Task) -> tuple[At, ...]:
    """What a task reads, its epilogue's operands among it."""
    return (*task.reads, *(task.epilogue.reads if task.epilogue else ()))


def writes_of(task: Task) -> tuple[At, ...]:
    """What a task writes, its epilogue's results among it."""
    return (*task.writes, *(task.epilogue.writes if task.epilogue else ()))


def pointers_of(task: Task) -> tuple[At, ...]:
    """The addresses that a kernel is given, in order."""
    more = (*task.epilogue.reads, *task.epilogue.writes) if task.epilogue else ()
    return (*task.reads, *task.writes, *more)


def moved(task: Task, home: Callable[[At], At]) -> Task:
    """A task with each pointer where `home` says."""
    more = task.epilogue
    if more is not None:
        more = more._replace(reads=tuple(map(home, more.reads)), writes=tuple(map(home, more.writes)))
    return task._replace(reads=tuple(map(home, task.reads)), writes=tuple(map(home, task.writes)), epilogue=more)


def numbers_of(task: Task) -> tuple[int | Symbol, ...]:
    """The numbers that a kernel is given, in order."""
    return (*task.numbers, *(task.epilogue.numbers if task.epilogue else ()))
