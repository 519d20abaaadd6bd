"""The scalar vocabulary on LLVM vectors: a body that is run on `Value`s writes instructions.

A value has a kind (a NumPy dtype: float32, float64, an integer or bool) and a number of lanes. Python's operators and the vocabulary's
functions append instructions to the builder. Python numbers take the kind of the value they meet, or the one that NumPy gives the two.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np

from ..graph.scalar import Scalars

BOOL, F32, F64 = np.dtype(bool), np.dtype(np.float32), np.dtype(np.float64)
I32, I64 = np.dtype(np.int32), np.dtype(np.int64)


class Unsupported(Exception):
    """A body says what this interpreter cannot; the op is then left to the reference tier."""


def llvm_type(kind: np.dtype) -> str:
    """The LLVM type of one lane in a register."""
    return "i1" if kind == BOOL else {"f2": "half", "f4": "float", "f8": "double"}.get(kind.str[1:]) or f"i{kind.itemsize * 8}"


def literal(number: Any, kind: np.dtype) -> str:
    """A constant as LLVM text. Floats are written in hexadecimal, so that no digit is lost."""
    if kind == BOOL:
        return "true" if number else "false"
    if kind.kind == "f":
        with np.errstate(over="ignore"):
            exact = float(np.float32(number)) if kind == F32 else float(number)
        return f"0x{struct.unpack('<Q', struct.pack('<d', exact))[0]:016X}"
    return str(int(np.asarray(int(number) & (2 ** (8 * kind.itemsize) - 1), np.dtype(f"u{kind.itemsize}")).astype(f"i{kind.itemsize}")))


_OF_BOOL = {"add": "or", "mul": "and"}  # sums and products of truth values


class Builder:
    """Instructions in order. Equal instructions are written once. Builders `beside` one another write one text, with other lanes."""

    def __init__(self, lanes: int, beside: Builder | None = None) -> None:
        self.lanes = lanes
        self.lines: list[str] = beside.lines if beside else []
        self.declarations: set[str] = beside.declarations if beside else set()
        self._known: dict[str, str] = beside._known if beside else {}
        self._count = beside._count if beside else count(1)
        self.has_half = True  # whether float16 can be converted
        self.is_avx512 = False  # whether instructions of that processor may be used

    def fresh(self, hint: str = "v") -> str:
        """A new register name."""
        return f"%{hint}{next(self._count)}"

    @contextmanager
    def scope(self) -> Iterator[None]:
        """What is computed within is not reused behind it; what was computed before is reused within."""
        before = dict(self._known)
        yield
        self._known.clear()
        self._known.update(before)

    def block(self, label: str) -> None:
        """Begin a basic block: what was computed before may not dominate it, so nothing is reused."""
        self.lines.append(f"{label}:")
        self._known.clear()

    def emit(self, text: str) -> None:
        """An instruction without a result."""
        self.lines.append("  " + text)

    def define(self, text: str, hint: str = "v") -> str:
        """The register that holds the result of a pure instruction."""
        found = self._known.get(text)
        if found is None:
            found = self._known[text] = self.load(text, hint)
        return found

    def load(self, text: str, hint: str = "v") -> str:
        """The register of an instruction that is not pure (a load, a phi)."""
        name = self.fresh(hint)
        self.lines.append(f"  {name} = {text}")
        return name

    def vector(self, kind: np.dtype) -> str:
        """The type of a value of this builder."""
        return f"<{self.lanes} x {llvm_type(kind)}>" if self.lanes > 1 else llvm_type(kind)

    def constant(self, number: Any, kind: np.dtype) -> Value:
        """A constant in all lanes."""
        one = literal(number, kind)
        text = one if self.lanes == 1 else f"splat ({llvm_type(kind)} {one})"
        return Value(self, text, kind)

    def splat(self, scalar: str, kind: np.dtype) -> Value:
        """A scalar register in all lanes."""
        if self.lanes == 1:
            return Value(self, scalar, kind)
        t, v = llvm_type(kind), self.vector(kind)
        one = self.define(f"insertelement {v} poison, {t} {scalar}, i64 0")
        return Value(self, self.define(f"shufflevector {v} {one}, {v} poison, <{self.lanes} x i32> zeroinitializer"), kind)

    def intrinsic(self, name: str, *args: Value, kind: np.dtype | None = None) -> Value:
        """A call of an LLVM intrinsic that is overloaded on its vector type."""
        kind = kind or args[0].kind
        element = llvm_type(args[0].kind)
        full = f"@llvm.{name}." + ("" if self.lanes == 1 else f"v{self.lanes}") + {"float": "f32", "double": "f64"}.get(element, element)
        self.declarations.add(f"declare {self.vector(kind)} {full}({', '.join(self.vector(a.kind) for a in args)})")
        given = ", ".join(f"{self.vector(a.kind)} {a.name}" for a in args)
        return Value(self, self.define(f"call {self.vector(kind)} {full}({given})"), kind)

    def can_scale(self, kind: np.dtype) -> bool:
        """Whether there is an instruction for `scaled`."""
        return self.is_avx512 and self.lanes * kind.itemsize == 64

    def scaled(self, x: Value, n: Value) -> Value:
        """`x * 2**n`, rounded once, for a whole number n."""
        t, short = self.vector(x.kind), "ps" if x.kind == F32 else "pd"
        name, mask = f"@llvm.x86.avx512.mask.scalef.{short}.512", f"i{self.lanes}"
        self.declarations.add(f"declare {t} {name}({t}, {t}, {t}, {mask}, i32)")
        return Value(self, self.define(f"call {t} {name}({t} {x.name}, {t} {n.name}, {t} {x.name}, {mask} -1, i32 4)"), x.kind)


class Value:
    """A vector in a register, or a constant one."""

    __slots__ = ("b", "name", "kind")

    def __init__(self, builder: Builder, name: str, kind: np.dtype) -> None:
        self.b, self.name, self.kind = builder, name, kind

    @property
    def dtype(self) -> np.dtype:
        """The kind, under the name that NumPy's arrays have it."""
        return self.kind

    @property
    def is_constant(self) -> bool:
        """Whether this is a constant that is known here, and no nan."""
        return not self.name.startswith("%") and "0x7FF8" not in self.name

    # --- conversions ------------------------------------------------------------------------------------------------------------

    def astype(self, kind: Any) -> Value:
        """This value converted as C converts it; to bool, whether it differs from zero."""
        kind = np.dtype(kind)
        if kind == self.kind:
            return self
        if kind == BOOL:
            return self != self.b.constant(0, self.kind)
        a, z = self.kind, kind
        if a.kind == "f" and z.kind == "f":
            op = "fpext" if z.itemsize > a.itemsize else "fptrunc"
        elif a.kind == "f":
            return self._float_to_integer(z)
        elif z.kind == "f":
            op = "sitofp" if a.kind == "i" else "uitofp"
        elif z.itemsize == a.itemsize and a != BOOL:
            return Value(self.b, self.name, z)
        else:
            op = "trunc" if a != BOOL and z.itemsize < a.itemsize else "sext" if a.kind == "i" else "zext"
        return self._convert(op, z)

    def _float_to_integer(self, z: np.dtype) -> Value:
        wide = self._convert("fptosi", I64)
        return wide.astype(z) if z != I64 else wide

    def _convert(self, op: str, kind: np.dtype) -> Value:
        return Value(self.b, self.b.define(f"{op} {self.b.vector(self.kind)} {self.name} to {self.b.vector(kind)}"), kind)

    def bits(self) -> Value:
        """The bits of a float as an integer."""
        return self._convert("bitcast", I32 if self.kind == F32 else I64)

    def as_float(self) -> Value:
        """The bits of an integer as a float."""
        return self._convert("bitcast", F32 if self.kind == I32 else F64)

    # --- operators --------------------------------------------------------------------------------------------------------------

    def _other(self, other: Any) -> tuple[Value, Value]:
        """Both operands in one kind."""
        if isinstance(other, Value):
            if other.kind == self.kind:
                return self, other
            kind = np.result_type(self.kind, other.kind)
            return self.astype(kind), other.astype(kind)
        if isinstance(other, (bool, np.bool_)):
            return self, self.b.constant(other, self.kind)
        if isinstance(other, (int, float, np.integer, np.floating)):
            kind = self.kind
            if isinstance(other, (float, np.floating)) and kind.kind != "f":
                kind = F64
            elif kind == BOOL:
                kind = I64
            return self.astype(kind), self.b.constant(other, kind)
        raise Unsupported(f"an operand of type {type(other).__name__}")

    def _binary(self, other: Any, floating: str, integer: str, swap: bool = False) -> Value:
        a, b = self._other(other)
        if swap:
            a, b = b, a
        if a.kind == BOOL:
            integer = _OF_BOOL.get(integer, integer)
        op = floating if a.kind.kind == "f" else integer
        if not op or (a.kind == BOOL and op not in ("and", "or", "xor")):
            raise Unsupported(f"{floating or integer} on {a.kind}")
        return Value(self.b, self.b.define(f"{op} {self.b.vector(a.kind)} {a.name}, {b.name}"), a.kind)

    def _ratio(self, other: Any, swap: bool = False) -> Value:
        """The quotient; of integers, in float64."""
        a, b = self._other(other)
        if a.kind.kind != "f":
            a, b = a.astype(F64), b.astype(F64)
        return a._binary(b, "fdiv", "", swap)

    def _compare(self, other: Any, ordered: str, signed: str, unsigned: str) -> Value:
        a, b = self._other(other)
        op = f"fcmp {ordered}" if a.kind.kind == "f" else f"icmp {signed if a.kind.kind == 'i' else unsigned}"
        return Value(self.b, self.b.define(f"{op} {self.b.vector(a.kind)} {a.name}, {b.name}"), BOOL)

    def __add__(self, o: Any) -> Value:
        return self._binary(o, "fadd contract", "add")

    def __radd__(self, o: Any) -> Value:
        return self._binary(o, "fadd contract", "add", True)

    def __sub__(self, o: Any) -> Value:
        return self._binary(o, "fsub contract", "sub")

    def __rsub__(self, o: Any) -> Value:
        return self._binary(o, "fsub contract", "sub", True)

    def __mul__(self, o: Any) -> Value:
        return self._binary(o, "fmul", "mul")

    def __rmul__(self, o: Any) -> Value:
        return self._binary(o, "fmul", "mul", True)

    def __truediv__(self, o: Any) -> Value:
        return self._ratio(o)

    def __rtruediv__(self, o: Any) -> Value:
        return self._ratio(o, True)

    def __floordiv__(self, o: Any) -> Value:
        return floored_quotient(*self._other(o))

    def __and__(self, o: Any) -> Value:
        return self._binary(o, "", "and")

    def __or__(self, o: Any) -> Value:
        return self._binary(o, "", "or")

    def __xor__(self, o: Any) -> Value:
        return self._binary(o, "", "xor")

    def __lshift__(self, o: Any) -> Value:
        return self._binary(o, "", "shl")

    def __rshift__(self, o: Any) -> Value:
        return self._binary(o, "", "ashr" if self.kind.kind == "i" else "lshr")

    def __lt__(self, o: Any) -> Value:
        return self._compare(o, "olt", "slt", "ult")

    def __le__(self, o: Any) -> Value:
        return self._compare(o, "ole", "sle", "ule")

    def __gt__(self, o: Any) -> Value:
        return self._compare(o, "ogt", "sgt", "ugt")

    def __ge__(self, o: Any) -> Value:
        return self._compare(o, "oge", "sge", "uge")

    def __eq__(self, o: Any) -> Value:
        return self._compare(o, "oeq", "eq", "eq")  # type: ignore[override]

    def __ne__(self, o: Any) -> Value:
        return self._compare(o, "une", "ne", "ne")  # type: ignore[override]

    __hash__ = None  # type: ignore[assignment]

    def __neg__(self) -> Value:
        if self.kind.kind == "f":
            return Value(self.b, self.b.define(f"fneg {self.b.vector(self.kind)} {self.name}"), self.kind)
        return self.b.constant(0, self.kind) - self

    def __invert__(self) -> Value:
        return self ^ self.b.constant(True if self.kind == BOOL else -1, self.kind)

    def __pow__(self, o: Any) -> Value:
        raise Unsupported("power")

    def __bool__(self) -> bool:
        raise Unsupported("a branch on a value")


class LlvmScalars(Scalars):
    """The vocabulary's functions on values. Intrinsics where the hardware has them; the others are in `math.py`."""

    def __init__(self, functions: dict[str, Any]) -> None:
        self._functions = functions

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        function = self._functions.get(name)
        if function is None:
            raise Unsupported(f"the function {name}")
        return lambda *args: function(self, *args)

    def where(self, condition: Any, a: Any, b: Any) -> Value:
        value = next(v for v in (a, b, condition) if isinstance(v, Value))
        if not isinstance(a, Value):
            a = value.b.constant(a, b.kind if isinstance(b, Value) else _kind_of(a))
        if not isinstance(b, Value):
            b = value.b.constant(b, a.kind)
        if a.kind != b.kind:
            kind = np.result_type(a.kind, b.kind)
            a, b = a.astype(kind), b.astype(kind)
        t = value.b.vector(a.kind)
        return Value(value.b, value.b.define(f"select {value.b.vector(BOOL)} {condition.name}, {t} {a.name}, {t} {b.name}"), a.kind)

    def like(self, value: float, x: Any) -> Value:
        return x.b.constant(value, x.kind)


def _kind_of(number: Any) -> np.dtype:
    return BOOL if isinstance(number, bool) else I64 if isinstance(number, int) else F32


_PLAIN = LlvmScalars({})


def quotient(a: Value, b: Value) -> Value:
    """Integer division towards zero that cannot trap: by 0 it gives 0, and the least number by -1 itself."""
    signed = a.kind.kind == "i"
    special = (b == 0) | (b == -1) if signed else b == 0
    out = a._binary(_PLAIN.where(special, _PLAIN.like(1, b), b), "", "sdiv" if signed else "udiv")
    if signed:
        out = _PLAIN.where(b == -1, -a, out)
    return _PLAIN.where(b == 0, _PLAIN.like(0, a), out)


def floored_quotient(a: Value, b: Value) -> Value:
    """Integer division that rounds down; by 0 it gives 0."""
    out = quotient(a, b)
    if a.kind.kind == "u":
        return out
    inexact = (a != out * b) & (b != 0)
    return _PLAIN.where(inexact & ((a < 0) ^ (b < 0)), out - 1, out)
