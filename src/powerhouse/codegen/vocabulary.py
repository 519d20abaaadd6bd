"""The scalar vocabulary on LLVM values: the table of its functions, and those that take an instruction or two."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import inf
from typing import Any

from .values import BOOL, F32, F64, Unsupported, Value, floored_quotient, quotient

FUNCTIONS: dict[str, Any] = {}
_WHOLE = {F32: 1.5 * 2.0**23, F64: 1.5 * 2.0**52}  # added to a small whole number, it leaves it in the low bits


def function(f: Any) -> Any:
    """Declare a function of the vocabulary: `(s, x, ...)` on values."""
    FUNCTIONS[f.__name__.rstrip("_")] = f
    return f


def _intrinsic(name: str, llvm: str) -> None:
    def call(s: Any, *args: Value) -> Value:
        if args[0].kind.kind in "iu" and name in _ROUNDING:
            return args[0]
        floats_only(args[0], name)
        return args[0].b.intrinsic(llvm, *args)

    FUNCTIONS[name] = call


_ROUNDING = frozenset({"floor", "ceil", "trunc", "rint"})
for _name in ("floor", "ceil", "trunc", "sqrt", "copysign", "fma"):
    _intrinsic(_name, _name)
_intrinsic("rint", "roundeven")


def fma(a: Any, b: Any, c: Any) -> Value:
    """`a * b + c`, rounded once."""
    x = next(v for v in (a, b, c) if isinstance(v, Value))
    a, b, c = (v if isinstance(v, Value) else x.b.constant(v, x.kind) for v in (a, b, c))
    return x.b.intrinsic("fma", a, b, c)


def horner(x: Value, coefficients: tuple[float, ...]) -> Value:
    """The polynomial with these coefficients, highest power first."""
    total: Any = coefficients[0]
    for c in coefficients[1:]:
        total = fma(total, x, c)
    return total


def to_integer(x: Value) -> Value:
    """A whole number, below 2**22 (float32) or 2**51 (float64) in size, as an integer of the same width."""
    shift = x.b.constant(_WHOLE[x.kind], x.kind)
    return (x + shift).bits() - shift.bits()


def two_sum(a: Value, b: Value) -> tuple[Value, Value]:
    """The sum, and what its rounding lost, for |a| >= |b|."""
    total = a + b
    return total, b - (total - a)


def floats_only(x: Value, name: str) -> None:
    if x.kind.kind != "f":
        raise Unsupported(f"{name} on {x.kind}")


def in_double(f: Callable[..., Value]) -> Callable[..., Value]:
    """A function of floats that computes float32 in float64."""

    @wraps(f)
    def call(s: Any, x: Value, *rest: Value) -> Value:
        floats_only(x, f.__name__)
        if x.kind == F64:
            return f(s, x, *rest)
        return f(s, *[v.astype(F64) for v in (x, *rest)]).astype(F32)

    return call


@function
def abs(s: Any, x: Value) -> Value:
    """The absolute value."""
    if x.kind.kind == "f":
        return x.b.intrinsic("fabs", x)
    if x.kind.kind == "u" or x.kind == BOOL:
        return x
    return s.where(x < 0, -x, x)


@function
def isnan(s: Any, x: Value) -> Value:
    """Whether x is nan."""
    return x != x if x.kind.kind == "f" else x.b.constant(False, BOOL)


@function
def isinf(s: Any, x: Value) -> Value:
    """Whether x is an infinity."""
    return abs(s, x) == inf if x.kind.kind == "f" else x.b.constant(False, BOOL)


@function
def isfinite(s: Any, x: Value) -> Value:
    """Whether x is neither nan nor an infinity."""
    return abs(s, x) < inf if x.kind.kind == "f" else x.b.constant(True, BOOL)


@function
def signbit(s: Any, x: Value) -> Value:
    """Whether the sign bit is set."""
    return x.bits() < 0 if x.kind.kind == "f" else x < 0 if x.kind.kind == "i" else x.b.constant(False, BOOL)


@function
def logical_not(s: Any, x: Value) -> Value:
    """Whether x is zero."""
    return ~x if x.kind == BOOL else x == 0


@function
def conj(s: Any, x: Value) -> Value:
    """A real number is its own conjugate."""
    return x


@function
def real(s: Any, x: Value) -> Value:
    """A real number is its own real part."""
    return x


@function
def imag(s: Any, x: Value) -> Value:
    """The imaginary part of a real number: 0."""
    return s.like(0, x)


@function
def minimum(s: Any, a: Value, b: Value) -> Value:
    """The smaller; nan if either is."""
    if b.is_constant:
        return s.where(a >= b, b, a)
    if a.kind.kind == "f":
        return s.where((a < b) | (a != a), a, b)
    return s.where(a < b, a, b)


@function
def maximum(s: Any, a: Value, b: Value) -> Value:
    """The larger; nan if either is."""
    if b.is_constant:
        return s.where(a <= b, b, a)
    if a.kind.kind == "f":
        return s.where((a > b) | (a != a), a, b)
    return s.where(a > b, a, b)


@function
def fmin(s: Any, a: Value, b: Value) -> Value:
    """The smaller; the other if one is nan."""
    return s.where((a <= b) | (b != b), a, b) if a.kind.kind == "f" else minimum(s, a, b)


@function
def fmax(s: Any, a: Value, b: Value) -> Value:
    """The larger; the other if one is nan."""
    return s.where((a >= b) | (b != b), a, b) if a.kind.kind == "f" else maximum(s, a, b)


# --- division with remainder --------------------------------------------------------------------------------------------------------


@function
def fmod(s: Any, a: Value, b: Value) -> Value:
    """The remainder with the sign of `a`; of integers by zero, 0."""
    if a.kind.kind != "f":
        return s.where(b == 0, s.like(0, a), a - quotient(a, b) * b)
    return a._binary(b, "frem", "")


@function
def remainder(s: Any, a: Value, b: Value) -> Value:
    """The remainder with the sign of `b`; of integers by zero, 0."""
    r = fmod(s, a, b)
    if r.kind.kind == "u":
        return r
    shifted = s.where((r != 0) & ((r < 0) ^ (b < 0)), r + b, r)
    return shifted if r.kind.kind != "f" else s.where(r == 0, r.b.intrinsic("copysign", s.like(0.0, r), b), shifted)


@function
def floor_divide(s: Any, a: Value, b: Value) -> Value:
    """The quotient rounded down; of integers by zero, 0."""
    if a.kind.kind != "f":
        return floored_quotient(a, b)
    r = fmod(s, a, b)
    below = (r != 0) & ((r < 0) ^ (b < 0))
    near = (a - r) / b
    near = s.where(below, near - 1, near)
    down = near.b.intrinsic("floor", near)
    down = s.where(near - down > 0.5, down + 1, down)
    ratio = a / b
    down = s.where(near == 0, near.b.intrinsic("copysign", s.like(0.0, near), ratio), down)
    return s.where(b == 0, ratio, down)
