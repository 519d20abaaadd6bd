"""Running a lowering by itself, for its tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph.symbol import Symbol
from ..runtime import native, team
from .task import At, Lowering, Temp, numbers_of, pointers_of, writes_of


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
        written |= {at.base: memory[at.base] for at in writes_of(task) if isinstance(at.base, Symbol)}
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


# An epilogue that adds a result, in float32, to what memory holds: an element that is seen twice, or too early, shows.
ADD = """
define internal void @epilogue(ptr %pointers, ptr %numbers, i64 %row, i64 %begin, i64 %end) nounwind {
entry:
  %from = load ptr, ptr %pointers
  %tocell = getelementptr ptr, ptr %pointers, i64 1
  %to = load ptr, ptr %tocell
  %width = load i64, ptr %numbers
  %start = mul i64 %row, %width
  br label %test
test:
  %i = phi i64 [ %begin, %entry ], [ %i1, %body ]
  %more = icmp slt i64 %i, %end
  br i1 %more, label %body, label %leave
body:
  %at = add i64 %start, %i
  %p = getelementptr float, ptr %from, i64 %at
  %q = getelementptr float, ptr %to, i64 %at
  %x = load float, ptr %p
  %y = load float, ptr %q
  %z = fadd float %x, %y
  store float %z, ptr %q
  %i1 = add i64 %i, 1
  br label %test
leave:
  ret void
}
"""
_CHECK = """
  %part = icmp ne i64 %begin, 0
  %less = icmp ne i64 %end, %width
  %no = or i1 %part, %less
  br i1 %no, label %leave, label %fine
fine:
  %start = mul"""
# The same, leaving out what is not a whole row.
ADD_WHOLE_ROWS = ADD.replace("\n  %start = mul", _CHECK).replace("%begin, %entry", "%begin, %fine")

__all__ = ["ADD", "ADD_WHOLE_ROWS", "At", "run"]
