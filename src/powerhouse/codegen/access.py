"""How elements lie in memory and in registers, and the instructions that move vectors of them.

Half precision is float32 in registers, bool is one byte in memory.
"""

from __future__ import annotations

import numpy as np

from ..core import dtypes as dt
from .values import BOOL, F32, I64, Builder, Unsupported, Value, llvm_type

U16, U32, F16 = np.dtype(np.uint16), np.dtype(np.uint32), np.dtype(np.float16)
HALVES = frozenset({dt.float16, dt.bfloat16})


def memory_kind(d: dt.dtype) -> np.dtype:
    """How an element lies in memory: bool as a byte, bfloat16 as its bits."""
    return np.dtype(np.uint8) if d is dt.bool_ else U16 if d is dt.bfloat16 else d.numpy


def register_kind(d: dt.dtype) -> np.dtype:
    """The kind in which a value is computed."""
    return F32 if d in HALVES else d.numpy


def from_memory(v: Value, d: dt.dtype) -> Value:
    """What was loaded, as it is computed with."""
    if d is dt.bool_:
        return v != 0
    if d is dt.bfloat16:
        return Value(v.b, (v.astype(U32) << 16).name, U32)._convert("bitcast", F32)
    if d is dt.float16:
        _need_half(v.b)
        return v._convert("fpext", F32)
    return v


def _need_half(b: Builder) -> None:
    if not b.has_half:
        raise Unsupported("float16 on this target")


def to_memory(v: Value, d: dt.dtype) -> Value:
    """What was computed, as it is stored: half precision rounded to the nearest, ties to even."""
    if d is dt.bfloat16:
        v = v.astype(F32)
        bits = v._convert("bitcast", U32)
        upper = bits >> 16
        rounded = (bits + ((upper & 1) + 0x7FFF)) >> 16
        quiet = upper | 0x40
        t = v.b.vector(U32)
        name = v.b.define(f"select {v.b.vector(BOOL)} {(v != v).name}, {t} {quiet.name}, {t} {rounded.name}")
        return Value(v.b, name, U32).astype(U16)
    if d is dt.float16:
        _need_half(v.b)
        return v.astype(F32)._convert("fptrunc", F16)
    return v.astype(memory_kind(d))


def rounded(v: Value, d: dt.dtype) -> Value:
    """A value as it is after a trip to memory."""
    return from_memory(to_memory(v, d), d) if d in HALVES else v


def load_run(b: Builder, d: dt.dtype, pointer: str, mask: Value | None) -> Value:
    """Elements that lie side by side."""
    kind = memory_kind(d)
    t = b.vector(kind)
    if mask is None:
        return from_memory(Value(b, b.load(f"load {t}, ptr {pointer}, align {kind.itemsize}"), kind), d)
    name = f"@llvm.masked.load.v{b.lanes}{_suffix(kind)}.p0"
    b.declarations.add(f"declare {t} {name}(ptr, i32, {b.vector(BOOL)}, {t})")
    call = f"call {t} {name}(ptr {pointer}, i32 {kind.itemsize}, {b.vector(BOOL)} {mask.name}, {t} zeroinitializer)"
    return from_memory(Value(b, b.load(call), kind), d)


def store_run(v: Value, d: dt.dtype, pointer: str, mask: Value | None) -> None:
    """A vector to elements that lie side by side."""
    kind = memory_kind(d)
    v = to_memory(v, d)
    b, t = v.b, v.b.vector(kind)
    if mask is None:
        b.emit(f"store {t} {v.name}, ptr {pointer}, align {kind.itemsize}")
        return
    name = f"@llvm.masked.store.v{b.lanes}{_suffix(kind)}.p0"
    b.declarations.add(f"declare void {name}({t}, ptr, i32, {b.vector(BOOL)})")
    b.emit(f"call void {name}({t} {v.name}, ptr {pointer}, i32 {kind.itemsize}, {b.vector(BOOL)} {mask.name})")


def gather(b: Builder, d: dt.dtype, pointer: str, step: str, mask: Value | None) -> Value:
    """Elements that lie `step` apart."""
    kind = memory_kind(d)
    t, at = b.vector(kind), _apart(b, kind, pointer, step)
    name = f"@llvm.masked.gather.v{b.lanes}{_suffix(kind)}.v{b.lanes}p0"
    b.declarations.add(f"declare {t} {name}(<{b.lanes} x ptr>, i32, {b.vector(BOOL)}, {t})")
    call = f"call {t} {name}(<{b.lanes} x ptr> {at}, i32 {kind.itemsize}, {b.vector(BOOL)} {_on(mask)}, {t} zeroinitializer)"
    return from_memory(Value(b, b.load(call), kind), d)


def scatter(v: Value, d: dt.dtype, pointer: str, step: str, mask: Value | None) -> None:
    """A vector to elements that lie `step` apart."""
    kind = memory_kind(d)
    v = to_memory(v, d)
    b = v.b
    t, at = b.vector(kind), _apart(b, kind, pointer, step)
    name = f"@llvm.masked.scatter.v{b.lanes}{_suffix(kind)}.v{b.lanes}p0"
    b.declarations.add(f"declare void {name}({t}, <{b.lanes} x ptr>, i32, {b.vector(BOOL)})")
    b.emit(f"call void {name}({t} {v.name}, <{b.lanes} x ptr> {at}, i32 {kind.itemsize}, {b.vector(BOOL)} {_on(mask)})")


def _apart(b: Builder, kind: np.dtype, pointer: str, step: str) -> str:
    lanes = Value(b, f"<{numbers(0, b.lanes, 'i64')}>", I64)
    steps = lanes * b.splat(step, I64)
    return b.define(f"getelementptr {llvm_type(kind)}, ptr {pointer}, <{b.lanes} x i64> {steps.name}", "p")


def numbers(first: int, count: int, type: str = "i32") -> str:
    """The elements of a constant vector that counts up."""
    return ", ".join(f"{type} {k}" for k in range(first, first + count))


def _suffix(kind: np.dtype) -> str:
    return {"float": "f32", "double": "f64", "half": "f16"}.get(llvm_type(kind), llvm_type(kind))


def _on(mask: Value | None) -> str:
    return mask.name if mask is not None else "splat (i1 true)"
