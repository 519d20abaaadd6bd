"""The arithmetic behind PyTorch's CPU random numbers, bit for bit.

PyTorch's kernels are compiled with fused multiply-add, its float32 normals use the Cephes polynomials for log, sin and cos,
and its float64 distributions call the C library. NumPy offers none of the three, so they are rebuilt here.

Sources: S. L. Moshier, Cephes Mathematical Library (logf, sinf, cosf); T. J. Dekker, A floating-point technique for
extending the available precision, Numer. Math. 18 (1971); G. E. P. Box and M. E. Muller, Ann. Math. Stat. 29 (1958).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

F32, F64 = np.float32, np.float64


def lift(function: Callable[[float], float]) -> Callable[[np.ndarray], np.ndarray]:
    """`function` applied to every element of a float64 array: the C library's last bit, where NumPy's SIMD one may differ."""

    def mapped(x: np.ndarray) -> np.ndarray:
        return np.fromiter(map(function, x.ravel().tolist()), F64, x.size).reshape(x.shape)

    return mapped


log, log1p, sin, cos, tan, exp = map(lift, (math.log, math.log1p, math.sin, math.cos, math.tan, math.exp))


def _split(x: np.ndarray | float) -> tuple[np.ndarray | float, np.ndarray | float]:
    """Veltkamp's split: x = high + low, each of 26 bits, so that products of the parts are exact."""
    scaled = x * 134217729.0  # 2^27 + 1
    high = scaled - (scaled - x)
    return high, x - high


def fma(a: np.ndarray, b: float, c: float) -> np.ndarray:
    """a * b + c rounded once. `a` is float32 or float64, `b` and `c` are numbers of the same precision.

    Exact but for ties that need more than the double width to break: about once in 2^29 elements.
    """
    if a.dtype == F32:
        wide = np.multiply(a, F64(b), dtype=F64)
        wide += F64(c)
        return wide.astype(F32)
    product = a * b
    (a_high, a_low), (b_high, b_low) = _split(a), _split(b)
    lost = a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)
    total = product + c
    back = total - product
    return total + ((product - (total - back)) + (c - back) + lost)


def _constants(*values: float) -> tuple[np.float64, ...]:
    """float32 constants, held in float64 for `_fused`."""
    return tuple(F64(F32(v)) for v in values)


_LOG = _constants(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
                  -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
_LN2_LOW, _LN2_HIGH = _constants(-2.12194440e-4, 0.693359375)
_MINUS_QUARTER_PI = _constants(-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)  # three parts
_SIN = _constants(-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS = _constants(2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_SQRT_HALF = F32(0.707106781186547524)
_FOUR_OVER_PI = F32(4 / math.pi)
_TWO_PI = F32(2 * math.pi)


def _fused(a: np.ndarray, b: np.ndarray | np.float64, c: np.ndarray | np.float64) -> np.ndarray:
    """float32 a * b + c rounded once. Operands hold float32 values in any type, so that the float64 product is exact."""
    return np.add(np.multiply(a, b, dtype=F64), c, out=np.empty(a.shape, F32))


def _horner(coefficients: tuple[np.float64, ...], x: np.ndarray) -> np.ndarray:
    """The polynomial with these coefficients, highest power first, one fused step a coefficient. x: float32 values in float64."""
    first, *middle, last = coefficients
    wide, y = x * first, np.empty(x.shape, F32)
    for c in middle:
        np.add(wide, c, out=y)
        np.multiply(y, x, out=wide)
    return np.add(wide, last, out=y)


def _log32(x: np.ndarray) -> np.ndarray:
    """Cephes logf of positive normal float32, in the order of operations that a fusing compiler makes of it."""
    bits = x.view(np.int32)
    mantissa = ((bits & 0x007FFFFF) | 0x3F000000).view(F32)  # [0.5, 1)
    small = mantissa < _SQRT_HALF
    exponent = ((bits >> 23) - np.int32(126) - small).astype(F32)
    x = (mantissa - F32(1)) + mantissa * small
    square = x * x
    y = _horner(_LOG, x.astype(F64)) * x
    y = _fused(y, square, exponent * F32(_LN2_LOW))
    y = _fused(square, F64(-0.5), y)
    return _fused(exponent, _LN2_HIGH, x + y)


def _sincos32(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cephes sinf and cosf of float32 in [0, 8192), fused like `_log32`."""
    octant = (x * _FOUR_OVER_PI).astype(np.int32)
    octant = (octant + 1) & ~1
    for part in _MINUS_QUARTER_PI:
        x = _fused(octant, part, x)
    square = x * x
    wide = square.astype(F64)
    cosine = _fused(_horner(_COS, wide) * square, wide, square * F32(-0.5)) + F32(1)
    sine = _fused(_horner(_SIN, wide) * square, x, x)
    sine_bits, cosine_bits = sine.view(np.int32), cosine.view(np.int32)
    exchange = (sine_bits ^ cosine_bits) & -((octant >> 1) & 1)  # the two change places in every second quadrant
    sine_bits ^= exchange ^ (octant & 4) << 29
    cosine_bits ^= exchange ^ (~(octant - 2) & 4) << 29
    return sine, cosine


def box_muller(uniforms: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Normal numbers from uniform ones in [0, 1), in PyTorch's groups of 16: eight radii, then eight angles.

    Args:
        uniforms: shape (16 k,), float32 or float64.
        mean, std: of the result, numbers of the same precision.

    Returns:
        Shape (16 k,), the dtype of `uniforms`. Of each group the cosines come first, then the sines.
    """
    groups = uniforms.reshape(-1, 2, 8)
    first, second = np.ascontiguousarray(groups[:, 0]), np.ascontiguousarray(groups[:, 1])  # (k, 8) each
    if uniforms.dtype == F32:
        radius = np.sqrt(F32(-2) * _log32(F32(1) - first))
        sine, cosine = _sincos32(_TWO_PI * second)
    else:
        radius = np.sqrt(-2 * log(1 - first))
        angle = 2 * math.pi * second
        sine, cosine = sin(angle), cos(angle)
    normals = np.stack((radius * cosine, radius * sine), axis=1)  # (k, 2, 8)
    return affine(normals.reshape(-1), std, mean)


def affine(x: np.ndarray, scale: float, shift: float) -> np.ndarray:
    """x * scale + shift rounded once; `x` itself for the identity."""
    return x if scale == 1 and shift == 0 else fma(x, scale, shift)
