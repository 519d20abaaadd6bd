"""Running a lowering by itself, for its tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.symbol import Symbol
from ..runtime import native, team
from .task import At, Lowering, Temp, numbers_of, pointers_of


def run(lowering: Lowering, arrays: dict[Symbol, Any], threads: int = 1) -> dict[Symbol, Any]:
    """The values of all symbols that the tasks write. Units are given out in `threads` shares (one after the other), the last share first.

    Every array is row-major; missing ones are made and filled with a pattern, so that what is not written shows.
    """
    memory: dict[Any, Any] = dict(arrays)
    written: dict[Symbol, Any] = {}
    for task in lowering:
        for at in pointers_of(task):
            base = at.base
            if isinstance(base, Temp):
                if base not in memory:
                    memory[base] = team.aligned(base.bytes)
                    memory[base][:] = 0x7B
            elif base not in memory:
                pattern = bytearray(b"\x7b" * (base.numel * base.dtype.numpy.itemsize))
                memory[base] = np.frombuffer(pattern, base.dtype.numpy).reshape(base.shape)
        writes = (*task.writes, *(task.epilogue.writes if task.epilogue else ()))
        written |= {at.base: memory[at.base] for at in writes if isinstance(at.base, Symbol)}
        _execute(task, memory, threads)
    return written


def _execute(task: Any, memory: dict[Any, Any], threads: int) -> None:
    status = np.zeros(1, np.int64)
    pointers = [team.address(memory[at.base]) + at.offset for at in pointers_of(task)]
    if task.refuse is not None:
        pointers.append(team.address(status))
    table = np.array([*pointers, 0], np.uint64)
    numbers = np.array([*numbers_of(task), 0], np.int64)
    scratch = team.aligned(max(64, task.scratch))
    call = native.function(task.text)
    grains = -(-task.count // task.grain)
    for k in reversed(range(threads)):
        begin, end = (min(task.count, grains * j // threads * task.grain) for j in (k, k + 1))
        if begin < end:
            scratch[:] = 0x7B
            call(team.address(table), team.address(numbers), begin, end, team.address(scratch))
    if task.refuse is not None and status[0]:
        raise task.refuse(int(status[0]))


__all__ = ["At", "run"]
