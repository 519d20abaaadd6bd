"""What this machine can do at most, measured by two small kernels: bytes a second from memory, and float32 operations a second."""

from __future__ import annotations

from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from powerhouse.runtime import native, team
from powerhouse.runtime.memory import address

__all__ = ["Peaks", "measure_peaks"]

_BLOCK = 1 << 14  # bytes that one unit of the copy moves
_BYTES = 1 << 26  # bytes that are copied: more than caches hold
_UNITS, _ROUNDS = 64, 20_000
_TRIES = 5
_HEAD = "define void @kernel(ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr %scratch)"


class Peaks(NamedTuple):
    """Bytes a second, read and written together, and float32 operations a second."""

    bandwidth: float
    flops: float

    def seconds(self, bytes: float, flops: float) -> float:
        """The least time for so much work: the roofline."""
        return max(bytes / self.bandwidth, flops / self.flops)


def measure_peaks(bandwidth: float | None = None, flops: float | None = None) -> Peaks:
    """The peaks of this machine with the threads that programs use; what is given is not measured."""
    return Peaks(bandwidth or _measure_bandwidth(), flops or _measure_flops())


def _measure_bandwidth() -> float:
    source, target = np.ones(_BYTES // 4, np.float32), np.zeros(_BYTES // 4, np.float32)
    seconds = _best(_adding_text(), [address(source), address(target)], [_BLOCK // 4], _BYTES // _BLOCK)
    return 2 * _BYTES / seconds


def _measure_flops() -> float:
    lanes, accumulators = _shape()
    return 2 * lanes * accumulators * _UNITS * _ROUNDS / _best(_multiplying_text(), [], [_ROUNDS], _UNITS)


def _best(text: str, pointers: list[int], numbers: list[int], count: int) -> float:
    """The least time of a kernel that all threads share."""
    tables = np.array([*pointers, 0], np.int64), np.array(numbers, np.int64)
    code = np.array([[native.addresses(text)[0], *map(address, tables), count, 1, count]], np.int64)
    return min(_seconds(code) for _ in range(_TRIES))


def _seconds(code: Any) -> float:
    status = np.zeros(8, np.int64)
    begin = perf_counter()
    team.run(code, 0, 1, 1 << 16, True, status)
    return perf_counter() - begin


def _shape() -> tuple[int, int]:
    """Lanes of a register, and registers to accumulate in: enough to hide the latency."""
    target = native.target()
    return target.lanes(np.dtype(np.float32)), target.registers * 3 // 4


def _adding_text() -> str:
    """b = a + 1, in units of so many elements: a plain copy would become a call of memcpy, which goes past the caches."""
    lanes, _ = _shape()
    vector = f"<{lanes} x float>"
    one = f"{vector} splat (float 1.0)"
    return f"""
{_HEAD} {{
entry:
  %length = load i64, ptr %numbers
  %from = mul i64 %begin, %length
  %to = mul i64 %end, %length
  %a = load ptr, ptr %pointers
  %b_at = getelementptr ptr, ptr %pointers, i64 1
  %b = load ptr, ptr %b_at
  br label %loop
loop:
  %i = phi i64 [ %from, %entry ], [ %next, %loop ]
  %source = getelementptr float, ptr %a, i64 %i
  %x = load {vector}, ptr %source, align 4
  %y = fadd {one}, %x
  %target = getelementptr float, ptr %b, i64 %i
  store {vector} %y, ptr %target, align 4
  %next = add i64 %i, {lanes}
  %more = icmp slt i64 %next, %to
  br i1 %more, label %loop, label %leave
leave:
  ret void
}}
"""


def _multiplying_text() -> str:
    """Chains of fused multiply-adds that do not wait for each other; a unit is so many rounds."""
    lanes, accumulators = _shape()
    vector = f"<{lanes} x float>"
    half, one = (f"{vector} splat (float {x})" for x in ("0.5", "1.0"))
    every = range(accumulators)
    start = "\n".join(f"  %x{k} = phi {vector} [ splat (float {k}.0), %entry ], [ %y{k}, %loop ]" for k in every)
    steps = "\n".join(f"  %y{k} = call {vector} @llvm.fma.v{lanes}f32({vector} %x{k}, {half}, {one})" for k in every)
    places = "\n".join(f"  %s{k} = getelementptr float, ptr %scratch, i64 {lanes * k}" for k in every)
    stores = "\n".join(f"  store {vector} %y{k}, ptr %s{k}, align 4" for k in every)
    return f"""
declare {vector} @llvm.fma.v{lanes}f32({vector}, {vector}, {vector})

{_HEAD} {{
entry:
  %rounds = load i64, ptr %numbers
  %units = sub i64 %end, %begin
  %total = mul i64 %units, %rounds
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
{start}
{steps}
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %total
  br i1 %more, label %loop, label %leave
leave:
{places}
{stores}
  ret void
}}
"""
