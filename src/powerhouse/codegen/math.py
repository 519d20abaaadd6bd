"""Exponentials, logarithms and powers on LLVM values: polynomials after range reduction, a few ulp, the same on every target.

Sources: Cody and Waite, "Software Manual for the Elementary Functions", 1980; Dekker, "A floating-point technique for extending the
available precision", 1971. Special values (nan, infinities, signed zeros) are those of C's library. The rarer functions of float32 are
computed in float64 and rounded.
"""

from __future__ import annotations

from math import factorial, inf, log, nan
from typing import Any

from . import angles
from .values import BOOL, F32, F64, Value
from .vocabulary import _WHOLE, FUNCTIONS, abs, floats_only, fma, function, horner, in_double, to_integer, two_sum

# --- exponentials -----------------------------------------------------------------------------------------------------------------

# Taylor's coefficients: for these degrees within an ulp of the best ones on |r| <= log(2) / 2.
_EXP = {F32: tuple(1 / factorial(k) for k in range(7, -1, -1)), F64: tuple(1 / factorial(k) for k in range(13, -1, -1))}
# The best ones of degree 6 (Remez's algorithm), the first two held at 1: within 0.72 ulp in all.
_EXP_BEST = {
    F32: (0.0013814609264954925, 0.008368710055947304, 0.04166838899254799, 0.1666652113199234, 0.4999999403953552, 1.0, 1.0),
    F64: _EXP[F64],
}
# The first part is short: n times it is exact.
_LN2 = {F32: (0.693359375, -2.12194440054690583e-4), F64: (0.6931471787393093, 1.8206359985041462e-09)}
_EXP_RANGE = {F32: (-104.0, 88.7228394), F64: (-745.2, 709.782712893384)}
_EXP_BOUNDS = {F32: (-104.0, 88.73), F64: (-745.2, 709.79)}
_MANTISSA = {F32: 23, F64: 52}
_BIAS = {F32: 127, F64: 1023}


def _power_of_two(n: Value, kind: Any) -> Value:
    """2 to an integer power within the normal range, by its bits."""
    return ((n + _BIAS[kind]) << _MANTISSA[kind]).as_float()


def _scaled(value: Value, n: Value) -> Value:
    """`value * 2**n`, in two steps so that results below the normal range are right."""
    half = n >> 1
    return value * _power_of_two(half, value.kind) * _power_of_two(n - half, value.kind)


def _within(s: Any, x: Value, low: float, high: float) -> Value:
    """x held between two bounds, and 0 for nan."""
    inside = s.where(x > high, s.like(high, x), s.where(x < low, s.like(low, x), x))
    return s.where(x != x, s.like(0.0, x), inside)


def _less_logs(inside: Value) -> tuple[Value, Value]:
    """`(n, r)` with x = n log 2 + r and |r| at most log(2) / 2."""
    n = inside.b.intrinsic("roundeven", inside * (1 / log(2)))
    r = fma(n, -_LN2[inside.kind][0], inside)
    return n, fma(n, -_LN2[inside.kind][1], r)


def _split_exponent(x: Value) -> tuple[Value, Value]:
    """`(n, bits)`: x / log 2 rounded to a whole number, by adding a number so large that fractions are lost; and its low bits, which
    are those of n plus twice the bias."""
    shift = x.b.constant(_WHOLE[x.kind] + 2 * _BIAS[x.kind], x.kind)
    shifted = fma(x, 1 / log(2), shift)
    return shifted - shift, shifted.bits()


@function
def exp(s: Any, x: Value) -> Value:
    """e to the power x: x = n log 2 + r, a polynomial in r, times 2**n in two steps, so that results below the normal range are right.

    The bounds are where the steps overflow or come to zero by themselves; nan passes through.
    """
    floats_only(x, "exp")
    low, high = _EXP_BOUNDS[x.kind]
    inside = s.where(x > high, s.like(high, x), x)
    inside = s.where(inside < low, s.like(low, x), inside)
    n, bits = _split_exponent(inside)
    r = fma(n, -_LN2[x.kind][1], fma(n, -_LN2[x.kind][0], inside))
    series = horner(r, _EXP_BEST[x.kind])
    if x.b.can_scale(x.kind):
        return x.b.scaled(series, n)
    half = bits >> 1
    mantissa = _MANTISSA[x.kind]
    return series * (half << mantissa).as_float() * ((bits - half) << mantissa).as_float()


@function
def exp2(s: Any, x: Value) -> Value:
    """2 to the power x: as `exp`, with a remainder that is exact."""
    floats_only(x, "exp2")
    low, high = {F32: (-150.0, 128.0), F64: (-1075.0, 1024.0)}[x.kind]
    inside = _within(s, x, low, high)
    n = x.b.intrinsic("roundeven", inside)
    out = _scaled(horner((inside - n) * log(2), _EXP[x.kind]), to_integer(n))
    out = s.where(x >= high, s.like(inf, x), s.where(x <= low, s.like(0.0, x), out))
    return s.where(x != x, x, out)


@function
def expm1(s: Any, x: Value) -> Value:
    """exp(x) - 1, accurate near zero."""
    floats_only(x, "expm1")
    high = _EXP_RANGE[x.kind][1]
    n, r = _less_logs(_within(s, x, -50.0, high))
    series = fma(horner(r, _EXP[x.kind][:-2]) * r, r, r)  # exp(r) - 1
    integer = to_integer(n)
    half = integer >> 1
    a, b = _power_of_two(half, x.kind), _power_of_two(integer - half, x.kind)
    out = fma(series, a, a - _power_of_two(half - integer, x.kind)) * b
    out = s.where(integer == 0, series, out)
    out = s.where(x > high, s.like(inf, x), out)
    return s.where(x != x, x, s.where(x == 0, x, out))


@function
def tanh(s: Any, x: Value) -> Value:
    """tanh |x| = e / (e + 2) with e = exp(2 |x|) - 1, which is 2**n p + (2**n - 1) with p = exp(r) - 1.

    From 20 on it is 1; nan passes through.
    """
    floats_only(x, "tanh")
    size = abs(s, x)
    size = s.where(size > 20.0, s.like(20.0, x), size)
    n, bits = _split_exponent(size + size)
    r = fma(n, -_LN2[x.kind][1], fma(n, -_LN2[x.kind][0], size + size))
    p = fma(horner(r, _EXP_BEST[x.kind][:-2]) * r, r, r)
    scale = ((bits - _BIAS[x.kind]) << _MANTISSA[x.kind]).as_float()
    e = fma(p, scale, scale - 1.0)
    return x.b.intrinsic("copysign", e / (e + 2.0), x)


def _half_exp(s: Any, size: Value) -> Value:
    """exp(size) / 2 for size >= 0, infinite only where that is."""
    high = 710.4758600739439
    n, r = _less_logs(_within(s, size, 0.0, high))
    out = _scaled(horner(r, _EXP[size.kind]), to_integer(n) - 1)
    return s.where(size > high, s.like(inf, size), s.where(size != size, size, out))


@function
@in_double
def sinh(s: Any, x: Value) -> Value:
    """The hyperbolic sine: by expm1 up to 1, by exp beyond."""
    size = abs(s, x)
    h = _half_exp(s, size)
    e = expm1(s, s.where(size > 1.0, s.like(1.0, x), size))
    out = s.where(size > 1.0, h - 0.25 / h, (e + e / (e + 1)) * 0.5)
    return x.b.intrinsic("copysign", out, x)


@function
@in_double
def cosh(s: Any, x: Value) -> Value:
    """The hyperbolic cosine."""
    h = _half_exp(s, abs(s, x))
    return h + 0.25 / h


# --- logarithms ---------------------------------------------------------------------------------------------------------------------

_TINY = {F32: (1.17549435e-38, 32), F64: (2.2250738585072014e-308, 64)}  # the smallest normal number, and what lifts others above it
_ONE_OVER_LN2 = {F32: (1.4426950216293335, 1.9259629891e-08), F64: (1.4426950408889634, 2.0355273740931033e-17)}
_ROOT_HALF = {F32: 0x3F3504F3, F64: 0x3FE6A09E667F3BCD}


def _taken_apart(s: Any, x: Value) -> tuple[Value, Value]:
    """`(n, m)` with x = 2**n m and m in [sqrt(1/2), sqrt(2)); n in the kind of x."""
    kind = x.kind
    tiny, lift = _TINY[kind]
    small = x < tiny
    bits = s.where(small, x * 2.0**lift, x).bits()
    n = (bits - _ROOT_HALF[kind]) >> _MANTISSA[kind]
    m = (bits - (n << _MANTISSA[kind])).as_float()
    return (n - s.where(small, s.like(lift, n), s.like(0, n)))._convert("sitofp", kind), m


def _log_of_part(m: Value) -> tuple[Value, Value]:
    """`(f, g)` with log m = f + g, by the series of atanh."""
    f = m - 1
    z = f / (f + 2)
    w = z * z
    terms = 5 if m.kind == F32 else 11
    series = horner(w, tuple(2 / (2 * k + 1) for k in range(terms, 0, -1))) * w
    half = f * f * 0.5
    return f, z * (half + series) - half


def _log_edges(s: Any, x: Value, out: Value) -> Value:
    """A logarithm's values at infinity, at zero, and below it."""
    out = s.where(x == inf, x, out)
    out = s.where(x == 0, s.like(-inf, x), out)
    return s.where((x < 0) | (x != x), s.like(nan, x), out)


@function
def log_(s: Any, x: Value) -> Value:
    """The natural logarithm: x = 2**n m with m near 1, and the series of atanh."""
    floats_only(x, "log")
    n, m = _taken_apart(s, x)
    f, g = _log_of_part(m)
    return _log_edges(s, x, fma(n, _LN2[x.kind][0], f + fma(n, _LN2[x.kind][1], g)))


@function
def log2(s: Any, x: Value) -> Value:
    """The logarithm to base 2, exact for powers of 2."""
    floats_only(x, "log2")
    n, m = _taken_apart(s, x)
    f, g = _log_of_part(m)
    high, low = _ONE_OVER_LN2[x.kind]
    return _log_edges(s, x, n + fma(f, high, fma(f, low, g * high)))


@function
@in_double
def log10(s: Any, x: Value) -> Value:
    """The logarithm to base 10."""
    n, m = _taken_apart(s, x)
    f, g = _log_of_part(m)
    part = fma(f, 1.098319650216765e-17, g * 0.4342944819032518)
    return _log_edges(s, x, fma(n, 0.3010299950838089, fma(f, 0.4342944819032518, fma(n, 5.801722962879576e-10, part))))


@function
def log1p(s: Any, x: Value) -> Value:
    """log(1 + x), corrected for the rounding of the sum."""
    floats_only(x, "log1p")
    u = x + 1
    big = u - 1
    rest = (x - big) + (1 - (u - big))
    out = log_(s, u) + s.where((u == 0) | (x == inf), s.like(0.0, x), rest / u)
    return s.where(x == 0, x, out)


@function
@in_double
def asinh(s: Any, x: Value) -> Value:
    """The inverse of sinh: log1p(a + a a / (1 + sqrt(1 + a a))); beyond 2**28, log(2 a)."""
    size = abs(s, x)
    a = s.where(size > 2.0**28, s.like(1.0, x), size)
    square = a * a
    near = log1p(s, a + square / (x.b.intrinsic("sqrt", square + 1) + 1))
    out = s.where(size > 2.0**28, log_(s, size) + log(2), near)
    return s.where(x != x, x, x.b.intrinsic("copysign", out, x))


@function
@in_double
def acosh(s: Any, x: Value) -> Value:
    """The inverse of cosh; nan below 1; beyond 2**28, log(2 x)."""
    t = s.where(x > 2.0**28, s.like(1.0, x), x - 1)
    near = log1p(s, t + x.b.intrinsic("sqrt", t * t + t * 2))
    return s.where(x < 1, s.like(nan, x), s.where(x > 2.0**28, log_(s, x) + log(2), near))


@function
@in_double
def atanh(s: Any, x: Value) -> Value:
    """The inverse of tanh: log1p(2 a / (1 - a)) / 2; nan beyond 1."""
    size = abs(s, x)
    return x.b.intrinsic("copysign", log1p(s, (size + size) / (1 - size)) * 0.5, x)


# --- powers and roots ---------------------------------------------------------------------------------------------------------------


def _log_pair(s: Any, x: Value) -> tuple[Value, Value]:
    """The logarithm of a positive float64 as the sum of two, to about 65 bits."""
    n, m = _taken_apart(s, x)
    f, d = m - 1, m + 1
    z = f / d
    z_low = (fma(-z, d, f) - z * (m - (d - 1))) / d
    square = z * z
    square_low = fma(z, z, -square) + z * z_low * 2
    third = 2 / 3
    c = square * third
    c_low = fma(square, third, -c) + (square_low * third + square * 3.700743415417188e-17)
    cube = z * c  # 2/3 z**3
    cube_low = fma(z, c, -cube) + (z * c_low + z_low * c)
    rest = horner(square, tuple(2 / (2 * k + 1) for k in range(11, 1, -1))) * square * square * z
    high, low = two_sum(z + z, cube)
    low = low + (cube_low + (z_low * 2 + rest))
    whole = n * _LN2[F64][0]
    total, lost = two_sum(whole, high)
    total, lost = s.where(n == 0, high, total), s.where(n == 0, s.like(0.0, x), lost)
    return two_sum(total, lost + fma(n, _LN2[F64][1], low))


def _power_of_size(s: Any, size: Value, y: Value) -> Value:
    """`size ** y` for float64 and size > 0."""
    high, low = _log_pair(s, size)
    p = y * high
    p_low = fma(y, high, -p) + y * low
    bounds = _EXP_RANGE[F64]
    finite = (p >= bounds[0]) & (p <= 710.0)
    n, r = _less_logs(s.where(finite, p, s.like(0.0, p)))
    value = _scaled(horner(r + s.where(finite, p_low, s.like(0.0, p)), _EXP[F64]), to_integer(n))
    return s.where(finite, value, s.where(p > 0, s.like(inf, p), s.where(p != p, p, s.like(0.0, p))))


def _float_power(s: Any, x: Value, y: Value) -> Value:
    """`x ** y` of float64, with C's special values."""
    size = abs(s, x)
    plain = (size > 0) & (size < inf)
    value = _power_of_size(s, s.where(plain, size, s.like(1.0, x)), y)
    limit = s.where((size > 1) ^ (y < 0), s.like(inf, x), s.like(0.0, x))
    value = s.where(abs(s, y) == inf, s.where(size == 1, s.like(1.0, x), limit), value)
    edge = s.where((size == 0) ^ (y < 0), s.like(0.0, x), s.like(inf, x))  # of 0 and infinity
    value = s.where(plain, value, edge)
    half = y * 0.5
    whole, even = y.b.intrinsic("floor", y) == y, y.b.intrinsic("floor", half) == half
    negative = x.bits() < 0
    value = s.where(negative & whole & ~even, -value, value)
    value = s.where((x < 0) & ~whole & plain, s.like(nan, x), value)
    value = s.where((x != x) | (y != y), s.like(nan, x), value)
    return s.where((y == 0) | (x == 1), s.like(1.0, x), value)


def _whole_power(s: Any, x: Value, n: Value) -> Value:
    """`x ** n` of integers, n >= 0, by squaring; it wraps as products do."""
    out, square = s.like(1, x), x
    for k in range(8 * x.kind.itemsize):
        out = s.where((n & (1 << k) if k < 63 else n & -(1 << 63)) != 0, out * square, out)
        square = square * square
    return out


@function
def power(s: Any, x: Value, y: Value) -> Value:
    """x to the power y."""
    if x.kind == BOOL:
        return x | ~y
    if x.kind.kind != "f":
        return _whole_power(s, x, y)
    return in_double(_float_power)(s, x, y)


@function
@in_double
def hypot(s: Any, a: Value, b: Value) -> Value:
    """sqrt(a a + b b), scaled so that it overflows only if the result does; an infinity wins over nan."""
    a, b = abs(s, a), abs(s, b)
    large, small = s.where(a > b, a, b), s.where(a > b, b, a)
    ratio = s.where(large == 0, large, small / large)
    out = large * a.b.intrinsic("sqrt", fma(ratio, ratio, 1.0))
    out = s.where((a != a) | (b != b), s.like(nan, a), out)
    return s.where((a == inf) | (b == inf), s.like(inf, a), out)


__all__ = ["FUNCTIONS", "angles"]
