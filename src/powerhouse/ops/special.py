"""Special functions: the error function and its kin."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

from ..core.dtypes import COMPLEX
from ..graph.op import elementwise, to_float
from .arithmetic import exp

# W. J. Cody, "Rational Chebyshev approximation for the error function", Math. Comp. 23 (1969): highest power first.
_ERF_SMALL = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
_ERFC_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2,
     1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3, 3.29079923573345963e3,
     4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)
_ERFC_LARGE = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2, 2.33520497626869185e-3),
)


def polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    """The polynomial with the given coefficients, highest power first, by Horner's rule."""
    value = x * 0 + coefficients[0]
    for c in coefficients[1:]:
        value = value * x + c
    return value


def ratio(x: Any, table: tuple[tuple[float, ...], tuple[float, ...]]) -> Any:
    """The quotient of two polynomials."""
    return polynomial(x, table[0]) / polynomial(x, table[1])


def _erfcx_tail(s: Any, size: Any) -> Any:
    """`exp(x**2) * erfc(x)` for x >= 0.46875."""
    size = s.maximum(size, s.like(0.46875, size))
    inverse = 1 / (size * size)
    large = (sqrt(1 / pi) - inverse * ratio(inverse, _ERFC_LARGE)) / size
    return s.where(size <= 4, ratio(s.minimum(size, s.like(4, size)), _ERFC_MIDDLE), large)


def _exp_of_minus_square(s: Any, x: Any) -> Any:
    """`exp(-x**2)` to full relative accuracy: the square is split in an exact part and a small one."""
    x = s.minimum(x, s.like(30, x))
    exact = s.trunc(x * 16) / 16
    return s.exp(-exact * exact) * s.exp((exact - x) * (exact + x))


def erf_body(s: Any, x: Any) -> Any:
    """The error function in the scalar vocabulary."""
    size = s.abs(x)
    small = x * ratio(s.minimum(x * x, s.like(1, x)), _ERF_SMALL)
    tail = 1 - _exp_of_minus_square(s, size) * _erfcx_tail(s, size)
    return s.where(size <= 0.46875, small, s.copysign(tail, x))


@elementwise(operands=to_float, refuse=(COMPLEX,), also=("special.erf",))
def erf(s, input):
    """The error function, `2/sqrt(pi)` times the integral of `exp(-t**2)` from 0 to `input`.

    >>> import powerhouse as torch
    >>> torch.erf(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8427])
    """
    return erf_body(s, input)


erf.vjp(lambda g, out, x: (g * exp(-x * x) * (2 / sqrt(pi)),))


@elementwise(operands=to_float, refuse=(COMPLEX,), also=("special.erfc",))
def erfc(s, input):
    """`1 - erf(input)`, accurate where that is small."""
    size = s.abs(input)
    tail = _exp_of_minus_square(s, size) * _erfcx_tail(s, size)
    return s.where(size <= 0.46875, 1 - erf_body(s, input), s.where(input < 0, 2 - tail, tail))


erfc.vjp(lambda g, out, x: (g * exp(-x * x) * (-2 / sqrt(pi)),))
