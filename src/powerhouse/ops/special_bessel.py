"""Bessel functions of orders 0 and 1, their modified and spherical kin, and the Airy function.

Each is a few elementary factors times smooth functions, whose Chebyshev coefficients are in `_chebyshev_tables`.
"""

from __future__ import annotations

from math import inf, nan, pi, sqrt
from typing import Any

from ..core.dtypes import COMPLEX
from ..graph.op import elementwise, to_float
from . import _chebyshev_tables as tables
from .arithmetic import eq, sgn, where
from .special_gamma import chebyshev, distance

_REAL = {"operands": to_float, "refuse": (COMPLEX,)}
_PLAIN = {**_REAL, "differentiable": False, "inplace": False}
# The first zeros of J0 and J1, each the sum of its parts, of which the first two are exact in float32.
_ZERO_OF_J0 = (2.404825448989868, 1.087059047222283e-07, -1.176691651530894e-16)
_ZERO_OF_J1 = (3.8317060470581055, -7.685058989181925e-08, -3.261316309851319e-15)
_AIRY_EDGE = 2.09
_AIRY_EDGE_Z = 2.0143186330756007  # 2/3 * 2.09**1.5


# --- modified functions of the first kind -----------------------------------------------------------------------------------------


def _i0e_body(s: Any, x: Any) -> Any:
    size = s.abs(x)
    near = chebyshev(s.minimum(size, s.like(8, x)) * 0.25 - 1, tables.I0_SMALL)
    far = s.maximum(size, s.like(8, x))
    return s.where(size <= 8, near, chebyshev(16 / far - 1, tables.I0_LARGE) / s.sqrt(far))


def _i1e_body(s: Any, x: Any) -> Any:
    size = s.abs(x)
    near = x * chebyshev(s.minimum(size, s.like(8, x)) * 0.25 - 1, tables.I1_SMALL)
    far = s.maximum(size, s.like(8, x))
    return s.where(size <= 8, near, s.copysign(chebyshev(16 / far - 1, tables.I1_LARGE) / s.sqrt(far), x))


def _unscaled(s: Any, scaled: Any, x: Any) -> Any:
    """`scaled * exp(|x|)`; the exponential is taken in two steps, so that it does not overflow before the product does."""
    half = s.exp(s.abs(x) * 0.5)
    return scaled * half * half


@elementwise(names=("special.i0e",), **_REAL)
def i0e(s, input):
    """`exp(-|input|) * i0(input)`."""
    return _i0e_body(s, input)


@elementwise(names=("special.i1e",), **_REAL)
def i1e(s, input):
    """`exp(-|input|) * i1(input)`."""
    return _i1e_body(s, input)


@elementwise(names=("i0", "Tensor.i0", "special.i0"), **_REAL)
def i0(s, input):
    """The modified Bessel function of the first kind, of order 0.

    >>> import powerhouse as torch
    >>> torch.special.i0(torch.tensor([0.0, 1.0]))
    tensor([1.0000, 1.2661])
    """
    return _unscaled(s, _i0e_body(s, input), input)


@elementwise(names=("special.i1",), **_REAL)
def i1(s, input):
    """The modified Bessel function of the first kind, of order 1."""
    return _unscaled(s, _i1e_body(s, input), input)


i0.vjp(lambda g, out, x: (g * i1(x),))
i0e.vjp(lambda g, out, x: (g * (i1e(x) - sgn(x) * out),))
i1.vjp(lambda g, out, x: (g * where(eq(x, 0), 0.5, i0(x) - out / where(eq(x, 0), 1.0, x)),))
i1e.vjp(lambda g, out, x: (g * where(eq(x, 0), 0.5, i0e(x) - out * (sgn(x) + 1 / where(eq(x, 0), 1.0, x))),))


@elementwise(names=("special.modified_bessel_i0",), **_PLAIN)
def modified_bessel_i0(s, input):
    """The modified Bessel function of the first kind, of order 0."""
    return _unscaled(s, _i0e_body(s, input), input)


@elementwise(names=("special.modified_bessel_i1",), **_PLAIN)
def modified_bessel_i1(s, input):
    """The modified Bessel function of the first kind, of order 1."""
    return _unscaled(s, _i1e_body(s, input), input)


# --- modified functions of the second kind ----------------------------------------------------------------------------------------


def _second_kind(s: Any, x: Any, order: int, scaled: bool) -> Any:
    """K0 or K1, times exp(x) if `scaled`: infinite at 0, nan below."""
    near = s.minimum(s.maximum(x, s.like(0, x)), s.like(2, x))
    logarithm = s.log(near * 0.5)
    if order == 0:
        small = chebyshev(near * near * 0.5 - 1, tables.K0_SMALL) - logarithm * _unscaled(s, _i0e_body(s, near), near)
    else:
        small = chebyshev(near * near * 0.5 - 1, tables.K1_SMALL) / near + logarithm * _unscaled(s, _i1e_body(s, near), near)
    far = s.maximum(x, s.like(2, x))
    large = chebyshev(4 / far - 1, tables.K1_LARGE if order else tables.K0_LARGE) / s.sqrt(far)
    value = s.where(x <= 2, small * s.exp(near), large) if scaled else s.where(x <= 2, small, large * s.exp(-far))
    return s.where(x > 0, value, s.where(x == 0, s.like(inf, x), s.like(nan, x)))


@elementwise(names=("special.modified_bessel_k0",), domain=(0.1, 5), **_PLAIN)
def modified_bessel_k0(s, input):
    """The modified Bessel function of the second kind, of order 0: infinite at 0, nan below."""
    return _second_kind(s, input, 0, False)


@elementwise(names=("special.modified_bessel_k1",), domain=(0.1, 5), **_PLAIN)
def modified_bessel_k1(s, input):
    """The modified Bessel function of the second kind, of order 1: infinite at 0, nan below."""
    return _second_kind(s, input, 1, False)


@elementwise(names=("special.scaled_modified_bessel_k0",), domain=(0.1, 5), **_PLAIN)
def scaled_modified_bessel_k0(s, input):
    """`exp(input) * modified_bessel_k0(input)`."""
    return _second_kind(s, input, 0, True)


@elementwise(names=("special.scaled_modified_bessel_k1",), domain=(0.1, 5), **_PLAIN)
def scaled_modified_bessel_k1(s, input):
    """`exp(input) * modified_bessel_k1(input)`."""
    return _second_kind(s, input, 1, True)


# --- the oscillating ones ---------------------------------------------------------------------------------------------------------


def _wave(s: Any, x: Any, order: int) -> tuple[Any, Any]:
    """(J, Y) of order 0 or 1 for x >= 5: amplitude times cosine and sine of a phase, taken without rounding `x - pi/4`."""
    t = 50 / (x * x) - 1
    p = chebyshev(t, tables.H1_P if order else tables.H0_P)
    q = chebyshev(t, tables.H1_Q if order else tables.H0_Q) / x
    sine, cosine = s.sin(x), s.cos(x)
    along, across = (sine - cosine, -(sine + cosine)) if order else (sine + cosine, sine - cosine)
    size = 1 / s.sqrt(x * pi)
    return (p * along - q * across) * size, (p * across + q * along) * size


def _first_kind_near(s: Any, x: Any, order: int) -> Any:
    """J of order 0 or 1 for 0 <= x <= 5, accurate also near its zero."""
    zero = _ZERO_OF_J1 if order else _ZERO_OF_J0
    factor = distance(x, zero) * (x + (zero[0] + zero[1]))
    smooth = chebyshev(x * x * (2 / 25) - 1, tables.J1_SMALL if order else tables.J0_SMALL)
    return factor * smooth * x if order else factor * smooth


def _first_kind(s: Any, x: Any, order: int) -> Any:
    size = s.abs(x)
    near = _first_kind_near(s, s.minimum(size, s.like(5, x)), order)
    value = s.where(size <= 5, near, _wave(s, s.maximum(size, s.like(5, x)), order)[0])
    return s.where(x < 0, -value, value) if order else value


def _bessel_y(s: Any, x: Any, order: int) -> Any:
    near = s.minimum(s.maximum(x, s.like(0, x)), s.like(5, x))
    smooth = chebyshev(near * near * (2 / 25) - 1, tables.Y1_SMALL if order else tables.Y0_SMALL)
    shared = _first_kind_near(s, near, order) * s.log(near)
    small = smooth * near + (shared - 1 / near) * (2 / pi) if order else smooth + shared * (2 / pi)
    value = s.where(x <= 5, small, _wave(s, s.maximum(x, s.like(5, x)), order)[1])
    return s.where(x > 0, value, s.where(x == 0, s.like(-inf, x), s.like(nan, x)))


@elementwise(names=("special.bessel_j0",), **_PLAIN)
def bessel_j0(s, input):
    """The Bessel function of the first kind, of order 0."""
    return _first_kind(s, input, 0)


@elementwise(names=("special.bessel_j1",), **_PLAIN)
def bessel_j1(s, input):
    """The Bessel function of the first kind, of order 1."""
    return _first_kind(s, input, 1)


@elementwise(names=("special.bessel_y0",), domain=(0.1, 9), **_PLAIN)
def bessel_y0(s, input):
    """The Bessel function of the second kind, of order 0: minus infinity at 0, nan below."""
    return _bessel_y(s, input, 0)


@elementwise(names=("special.bessel_y1",), domain=(0.1, 9), **_PLAIN)
def bessel_y1(s, input):
    """The Bessel function of the second kind, of order 1: minus infinity at 0, nan below."""
    return _bessel_y(s, input, 1)


@elementwise(names=("special.spherical_bessel_j0",), **_PLAIN)
def spherical_bessel_j0(s, input):
    """`sin(input) / input`, and 1 at 0."""
    safe = s.where(input == 0, s.like(1, input), input)
    return s.where(s.isinf(input), s.like(0, input), s.where(input == 0, s.like(1, input), s.sin(safe) / safe))


@elementwise(names=("special.airy_ai",), **_PLAIN)
def airy_ai(s, input):
    """The Airy function Ai, the solution of `y'' = x y` that vanishes at infinity."""
    edge = s.like(_AIRY_EDGE, input)
    middle = chebyshev(s.minimum(s.maximum(input, -edge), edge) * (1 / _AIRY_EDGE), tables.AIRY_MIDDLE)
    size = s.maximum(s.abs(input), edge)
    z = size * s.sqrt(size) * (2 / 3)
    scale = 1 / s.sqrt(s.sqrt(size) * pi)
    decaying = s.exp(-z) * scale * 0.5 * chebyshev(2 * _AIRY_EDGE_Z / z - 1, tables.AIRY_LARGE)
    t = 2 * (_AIRY_EDGE_Z / z) * (_AIRY_EDGE_Z / z) - 1
    p, q = chebyshev(t, tables.AIRY_P), chebyshev(t, tables.AIRY_Q) / z
    sine, cosine = (s.sin(z) + s.cos(z)) * sqrt(0.5), (s.cos(z) - s.sin(z)) * sqrt(0.5)  # of z + pi/4
    oscillating = scale * (sine * p - cosine * q)
    value = s.where(input > edge, decaying, s.where(input < -edge, oscillating, middle))
    return s.where(s.isfinite(input), value, s.like(nan, input))
