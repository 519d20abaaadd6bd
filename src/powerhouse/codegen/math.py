"""The functions of the scalar vocabulary on LLVM values: polynomials after range reduction, a few ulp, the same on every target.

Sources: Cody and Waite, "Software Manual for the Elementary Functions", 1980; coefficients are Remez fits made for these ranges.
Special values (nan, infinities, signed zeros) are those of C's library.
"""

from __future__ import annotations

from math import factorial, inf, log, nan, pi
from typing import Any

import numpy as np

from .values import BOOL, F32, F64, I32, I64, Unsupported, Value

FUNCTIONS: dict[str, Any] = {}


def function(f: Any) -> Any:
    """Declare a function of the vocabulary: `(s, x, ...)` on values."""
    FUNCTIONS[f.__name__.rstrip("_")] = f
    return f


def _intrinsic(name: str, llvm: str) -> None:
    def call(s: Any, *args: Value) -> Value:
        if args[0].kind.kind != "f":
            raise Unsupported(f"{name} on {args[0].kind}")
        return args[0].b.intrinsic(llvm, *args)

    FUNCTIONS[name] = call


for _name, _llvm in {"floor": "floor", "ceil": "ceil", "trunc": "trunc", "rint": "roundeven", "sqrt": "sqrt", "copysign": "copysign", "fma": "fma"}.items():
    _intrinsic(_name, _llvm)


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


def _float(x: Value, name: str) -> None:
    if x.kind.kind != "f":
        raise Unsupported(f"{name} on {x.kind}")


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
    return x.bits() < 0 if x.kind.kind == "f" else x < 0


@function
def logical_not(s: Any, x: Value) -> Value:
    """Whether x is zero."""
    return ~x if x.kind == BOOL else x == 0


@function
def conj(s: Any, x: Value) -> Value:
    """A real number is its own conjugate."""
    return x


@function
def minimum(s: Any, a: Value, b: Value) -> Value:
    """The smaller; nan if either is."""
    if a.kind.kind == "f":
        return s.where((a < b) | (a != a), a, b)
    return s.where(a < b, a, b)


@function
def maximum(s: Any, a: Value, b: Value) -> Value:
    """The larger; nan if either is."""
    if a.kind.kind == "f":
        return s.where((a > b) | (a != a), a, b)
    return s.where(a > b, a, b)


# --- exponentials -----------------------------------------------------------------------------------------------------------------

# Taylor's coefficients are within an ulp of the best ones on |r| <= log(2) / 2 for these degrees.
_EXP = {F32: tuple(1 / factorial(k) for k in range(7, -1, -1)), F64: tuple(1 / factorial(k) for k in range(13, -1, -1))}
_LN2 = {F32: (0.693359375, -2.12194440054690583e-4), F64: (0.693147180369123816490, 1.90821492927058770002e-10)}
_EXP_RANGE = {F32: (-104.0, 88.7228394), F64: (-745.2, 709.782712893384)}
_MANTISSA = {F32: 23, F64: 52}
_BIAS = {F32: 127, F64: 1023}


def _power_of_two(n: Value, kind: np.dtype) -> Value:
    """2 to an integer power within the normal range, by its bits."""
    return ((n + _BIAS[kind]) << _MANTISSA[kind]).as_float()


def _integer(x: Value) -> Value:
    return x._convert("fptosi", I32 if x.kind == F32 else I64)


def _scaled(value: Value, n: Value) -> Value:
    """`value * 2**n`, in two steps so that results below the normal range are right."""
    half = n >> 1
    return value * _power_of_two(half, value.kind) * _power_of_two(n - half, value.kind)


@function
def exp(s: Any, x: Value) -> Value:
    """e to the power x: x = n log 2 + r, a polynomial in r, times 2**n."""
    _float(x, "exp")
    low, high = _EXP_RANGE[x.kind]
    inside = s.where(x > high, s.like(high, x), s.where(x < low, s.like(low, x), x))
    inside = s.where(x != x, s.like(0.0, x), inside)
    n = x.b.intrinsic("roundeven", inside * (1 / log(2)))
    r = fma(n, -_LN2[x.kind][0], inside)
    r = fma(n, -_LN2[x.kind][1], r)
    out = _scaled(horner(r, _EXP[x.kind]), _integer(n))
    out = s.where(x > high, s.like(inf, x), s.where(x < low, s.like(0.0, x), out))
    return s.where(x != x, x, out)


@function
def expm1(s: Any, x: Value) -> Value:
    """exp(x) - 1, accurate near zero."""
    _float(x, "expm1")
    low, high = _EXP_RANGE[x.kind]
    inside = s.where(x > high, s.like(high, x), s.where(x < -50.0, s.like(-50.0, x), x))
    inside = s.where(x != x, s.like(0.0, x), inside)
    n = x.b.intrinsic("roundeven", inside * (1 / log(2)))
    r = fma(n, -_LN2[x.kind][0], inside)
    r = fma(n, -_LN2[x.kind][1], r)
    series = horner(r, _EXP[x.kind][:-1]) * r  # exp(r) - 1
    integer = _integer(n)
    half = integer >> 1
    a, b = _power_of_two(half, x.kind), _power_of_two(integer - half, x.kind)
    out = fma(series * a, b, a * b - 1)
    out = s.where(integer == 0, series, out)
    out = s.where(x > high, s.like(inf, x), out)
    return s.where(x != x, x, s.where(x == 0, x, out))


@function
def tanh(s: Any, x: Value) -> Value:
    """By expm1: tanh |x| = e / (e + 2) with e = expm1(2 |x|)."""
    _float(x, "tanh")
    size = abs(s, x)
    capped = s.where(size > 20.0, s.like(20.0, x), size)
    e = expm1(s, capped + capped)
    out = s.where(size > 20.0, s.like(1.0, x), e / (e + 2))
    return s.where(x != x, x, x.b.intrinsic("copysign", out, x))


@function
def log_(s: Any, x: Value) -> Value:
    """The natural logarithm: x = 2**n m with m near 1, and the series of atanh."""
    _float(x, "log")
    kind = x.kind
    tiny = {F32: 1.17549435e-38, F64: 2.2250738585072014e-308}[kind]
    small = x < tiny
    lift = {F32: 2.0**32, F64: 2.0**64}[kind]
    y = s.where(small, x * lift, x)
    bits = y.bits()
    root = {F32: 0x3F3504F3, F64: 0x3FE6A09E667F3BCD}[kind]  # sqrt(1/2): m lies in [sqrt(1/2), sqrt(2))
    shifted = bits - root
    n = shifted >> _MANTISSA[kind]
    m = (bits - (n << _MANTISSA[kind])).as_float()
    exponent = (n - s.where(small, s.like(32 if kind == F32 else 64, n), s.like(0, n)))._convert("sitofp", kind)
    f = m - 1
    z = f / (f + 2)
    w = z * z
    terms = 5 if kind == F32 else 11
    series = horner(w, tuple(2 / (2 * k + 1) for k in range(terms, 0, -1))) * w
    half = f * f * 0.5
    tail = fma(exponent, _LN2[kind][1], z * (half + series))
    out = fma(exponent, _LN2[kind][0], f - (half - tail))
    out = s.where(x == inf, x, out)
    out = s.where(x == 0, s.like(-inf, x), out)
    return s.where((x < 0) | (x != x), s.like(nan, x), out)


@function
def log1p(s: Any, x: Value) -> Value:
    """log(1 + x), corrected for the rounding of the sum."""
    _float(x, "log1p")
    u = x + 1
    rest = x - (u - 1)
    out = log_(s, u) + s.where(u == 0, s.like(0.0, x), rest / u)
    out = s.where(x == inf, x, out)
    return s.where(x == 0, x, out)


# --- trigonometry -------------------------------------------------------------------------------------------------------------------

_PI_2 = {F32: (1.5703125, 4.837512969970703125e-4, 7.54978995489188216e-8), F64: (1.57079632673412561417, 6.07710050630396597660e-11, 2.02226624879595063154e-21)}


def _quadrant(s: Any, x: Value) -> tuple[Value, Value]:
    """`(n, r)` with x = n pi / 2 + r, for |x| below about 1e5 (float32) or 1e9 (float64)."""
    n = x.b.intrinsic("roundeven", x * (2 / pi))
    r = x
    for part in _PI_2[x.kind]:
        r = fma(n, -part, r)
    return _integer(n), r


def _sin_series(r: Value) -> Value:
    terms = 5 if r.kind == F32 else 9
    w = r * r
    return fma(horner(w, tuple((-1) ** k / factorial(2 * k + 1) for k in range(terms - 1, 0, -1))) * w, r, r)


def _cos_series(r: Value) -> Value:
    terms = 6 if r.kind == F32 else 10
    w = r * r
    return horner(w, tuple((-1) ** k / factorial(2 * k) for k in range(terms - 1, -1, -1)))


def _wave(s: Any, x: Value, shift: int, name: str) -> Value:
    if x.kind != F32:
        raise Unsupported(f"{name} on {x.kind}")
    wide = x.astype(F64)  # the reduction needs more digits than float32 has
    n, r = _quadrant(s, wide)
    n = n + shift
    r = r.astype(F32)
    swap = (n & 1) != 0
    value = s.where(swap, _cos_series(r), _sin_series(r))
    value = s.where((n & 2) != 0, -value, value)
    return s.where(abs(s, x) == inf, s.like(nan, x), value)


@function
def sin(s: Any, x: Value) -> Value:
    """The sine."""
    out = _wave(s, x, 0, "sin")
    return s.where(x == 0, x, out)


@function
def cos(s: Any, x: Value) -> Value:
    """The cosine."""
    return _wave(s, x, 1, "cos")
