"""Trigonometric functions and their inverses on LLVM values.

Source: Cody and Waite, "Software Manual for the Elementary Functions", 1980, for the reduction of angles; see `far_angles` for large ones.
"""

from __future__ import annotations

from math import factorial, inf, nan, pi
from typing import Any

from .far_angles import FAR_ALL, FAR_ONE, TABLE
from .values import F32, F64, I64, Value
from .vocabulary import abs, floats_only, fma, function, horner, in_double, to_integer, two_sum

_PI_2 = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)  # pi / 2, in three parts


def _far(x: Value, n: Value, r: Value, low: Value) -> tuple[Value, Value, Value]:
    """The given `(n, r, low)`, but exact ones where x is large."""
    b, lanes = x.b, x.b.lanes
    vectors = [
        v if lanes > 1 else b.define(f"insertelement <1 x {t}> poison, {t} {v.name}, i64 0")
        for v, t in zip((x, n, r, low), ("double", "i64", "double", "double"), strict=True)
    ]
    result = f"{{ <{lanes} x i64>, <{lanes} x double>, <{lanes} x double> }}"
    b.declarations |= {
        TABLE,
        FAR_ONE,
        FAR_ALL.replace("{T}", result).replace("{N}", str(lanes)),
        "declare double @llvm.fma.f64(double, double, double)",
        f"declare <{lanes} x double> @llvm.fabs.v{lanes}f64(<{lanes} x double>)",
        f"declare i1 @llvm.vector.reduce.or.v{lanes}i1(<{lanes} x i1>)",
    }
    names = [v.name if isinstance(v, Value) else v for v in vectors]
    kinds = (F64, I64, F64, F64)
    given = ", ".join(f"<{lanes} x {'i64' if k == I64 else 'double'}> {name}" for k, name in zip(kinds, names, strict=True))
    call = b.define(f"call {result} @far_{lanes}({given})")
    parts = [b.define(f"extractvalue {result} {call}, {k}") for k in range(3)]
    if lanes == 1:
        parts = [b.define(f"extractelement <1 x {t}> {p}, i64 0") for p, t in zip(parts, ("i64", "double", "double"), strict=True)]
    return Value(b, parts[0], I64), Value(b, parts[1], F64), Value(b, parts[2], F64)


def _quadrant(x: Value) -> tuple[Value, Value, Value]:
    """`(n, r, low)` with x = n pi/2 + r + low, for float64; n only modulo 4."""
    n = x.b.intrinsic("roundeven", x * (2 / pi))
    a = fma(n, -_PI_2[0], x)
    p = n * _PI_2[1]
    r = a - p
    back = r - a
    lost = (a - (r - back)) - (p + back)
    low = fma(n, -_PI_2[2], lost - fma(n, _PI_2[1], -p))
    return _far(x, to_integer(n), r, low)


def _sin_series(r: Value, low: Value) -> Value:
    terms = 5 if r.kind == F32 else 9
    w = r * r
    return r + fma(horner(w, tuple((-1) ** k / factorial(2 * k + 1) for k in range(terms - 1, 0, -1))) * w, r, low)


def _cos_series(r: Value, low: Value) -> Value:
    terms = 6 if r.kind == F32 else 10
    w = r * r
    half = w * 0.5
    one = 1 - half
    rest = horner(w, tuple((-1) ** k / factorial(2 * k) for k in range(terms - 1, 1, -1))) * w
    return one + ((1 - one) - half + fma(rest, w, -r * low))


def _sine_and_cosine(x: Value) -> tuple[Value, Value, Value]:
    """`(n, sin r, cos r)` with x = n pi/2 + r, the reduction in float64."""
    n, r, low = _quadrant(x.astype(F64))
    if x.kind == F32:
        short = r.astype(F32)
        low = (r - short.astype(F64)).astype(F32)
        r = short
    return n, _sin_series(r, low), _cos_series(r, low)


def _wave(s: Any, x: Value, shift: int) -> Value:
    n, sine, cosine = _sine_and_cosine(x)
    n = n + shift
    value = s.where((n & 1) != 0, cosine, sine)
    value = s.where((n & 2) != 0, -value, value)
    return s.where(abs(s, x) < inf, value, s.like(nan, x))


@function
def sin(s: Any, x: Value) -> Value:
    """The sine."""
    floats_only(x, "sin")
    return s.where(x == 0, x, _wave(s, x, 0))


@function
def cos(s: Any, x: Value) -> Value:
    """The cosine."""
    floats_only(x, "cos")
    return _wave(s, x, 1)


@function
@in_double
def tan(s: Any, x: Value) -> Value:
    """The tangent."""
    n, sine, cosine = _sine_and_cosine(x)
    odd = (n & 1) != 0
    value = s.where(odd, -cosine, sine) / s.where(odd, sine, cosine)
    return s.where(x == 0, x, s.where(abs(s, x) < inf, value, s.like(nan, x)))


# atan(t) = t + t w P(w), w = t t, for t up to tan(pi / 8): the Chebyshev interpolant in 60 digits; its error is below 2e-18.
_ATAN = (
    0.01628574303651472,
    -0.034570549512274305,
    0.0455159273578562,
    -0.052304541643613894,
    0.05878928983403345,
    -0.0666642488448313,
    0.07692296374962261,
    -0.0909090875349846,
    0.11111111105155398,
    -0.14285714285659828,
    0.19999999999999804,
    -0.3333333333333333,
)
_PI_4 = (0.7853981633974483, 3.061616997868383e-17)


def _atan_to_one(s: Any, t: Value) -> tuple[Value, Value]:
    """atan for 0 <= t <= 1, as a large part and a small one."""
    far = t > 0.41421356237309503
    u = s.where(far, (t - 1) / (t + 1), t)
    w = u * u
    series = horner(w, _ATAN) * w * u
    high, low = two_sum(s.where(far, s.like(_PI_4[0], t), u), s.where(far, u, s.like(0.0, t)))
    return high, low + (series + s.where(far, s.like(_PI_4[1], t), s.like(0.0, t)))


def _turned(s: Any, condition: Value, angle: float, rest: float, value: tuple[Value, Value]) -> tuple[Value, Value]:
    """`angle - value` where the condition holds."""
    high, low = two_sum(s.like(angle, value[0]), -value[0])
    return s.where(condition, high, value[0]), s.where(condition, low + (rest - value[1]), value[1])


@function
@in_double
def atan(s: Any, x: Value) -> Value:
    """The inverse of tan."""
    size = abs(s, x)
    steep = size > 1
    high, low = _turned(s, steep, _PI_2[0], _PI_2[1], _atan_to_one(s, s.where(steep, 1 / size, size)))
    return x.b.intrinsic("copysign", high + low, x)


@function
@in_double
def atan2(s: Any, y: Value, x: Value) -> Value:
    """The angle of the point (x, y), with C's special values."""
    a, b = abs(s, y), abs(s, x)
    steep = a > b
    large, small = s.where(steep, a, b), s.where(steep, b, a)
    t = s.where(large == 0, s.like(0.0, x), s.where(small == inf, s.like(1.0, x), small / large))
    angle = _turned(s, steep, _PI_2[0], _PI_2[1], _atan_to_one(s, t))
    high, low = _turned(s, x.bits() < 0, pi, 2 * _PI_2[1], angle)
    return s.where((x != x) | (y != y), s.like(nan, x), x.b.intrinsic("copysign", high + low, y))


@function
@in_double
def asin(s: Any, x: Value) -> Value:
    """The inverse of sin; nan beyond 1."""
    return atan(s, x / x.b.intrinsic("sqrt", (1 - x) * (1 + x)))


@function
@in_double
def acos(s: Any, x: Value) -> Value:
    """The inverse of cos; nan beyond 1."""
    return atan(s, x.b.intrinsic("sqrt", (1 - x) / (1 + x))) * 2
