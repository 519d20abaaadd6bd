"""The error function and its kin: erfc, erfcx, erfinv, the normal distribution functions, the entropy."""

from __future__ import annotations

from math import inf, pi, sqrt
from typing import Any

from ..core.dtypes import COMPLEX
from ..graph.op import elementwise, to_float
from ..graph.symbol import Symbol
from .arithmetic import exp, log

# W. J. Cody, "Rational Chebyshev approximation for the error function", Math. Comp. 23 (1969).
# Numerator and denominator, highest power first.
_ERF_SMALL = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
_ERFCX_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1, 2.98635138197400131e2,
     8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)
_ERFCX_LARGE = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1, 1.60837851487422766e-2,
     6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2, 2.33520497626869185e-3),
)
_SMALL = 0.46875
# For float32: erf(x) / x as a function of x**2 on [0, 3.93**2], within 2**-25; a Lawson-weighted least-squares fit made for this project.
_ERF_FLOAT32 = (
    (2.0418672944e-06, 2.8479379559e-4, 3.7794050298e-3, 5.2789643735e-2, 1.9078050864e-1, 1.1283791455),
    (3.8002216891e-05, 1.165143624e-3, 1.4997044512e-2, 1.142559635e-1, 5.0240754541e-1, 1.0),
)
_ERF_FLOAT32_END = 4.1  # the quotient has passed 1 here, and is cut

# M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37 (1988).
_QUANTILE_CENTRE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4, 1.3731693765509461125e4,
     1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4, 5.3941960214247511077e3,
     6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)
_QUANTILE_MIDDLE = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258, 3.64784832476320460504,
     5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940, 2.05319162663775882187, 1.0),
)
_QUANTILE_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580, 5.46378491116411436990, 6.65790464350110377720),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
)

_REAL = {"operands": to_float, "refuse": (COMPLEX,)}


def polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    """The polynomial with the given coefficients, highest power first, by Horner's rule.

    Augmented assignment lets an interpreter whose values are arrays work in place; the first product is a new array.
    """
    value = x * coefficients[0]
    value += coefficients[1]
    for c in coefficients[2:]:
        value *= x
        value += c
    return value


def ratio(x: Any, table: tuple[tuple[float, ...], tuple[float, ...]]) -> Any:
    """The quotient of two polynomials."""
    value = polynomial(x, table[0])
    value /= polynomial(x, table[1])
    return value


# --- bodies, in the scalar vocabulary ---------------------------------------------------------------------------------------------


def _erfcx_tail(s: Any, size: Any) -> Any:
    """`exp(x**2) * erfc(x)` from 0.46875."""
    size = s.maximum(size, s.like(_SMALL, size))
    inverse = 1 / (size * size)
    large = (sqrt(1 / pi) - inverse * ratio(inverse, _ERFCX_LARGE)) / size
    return s.where(size <= 4, ratio(s.minimum(size, s.like(4, size)), _ERFCX_MIDDLE), large)


def _exp_of_square(s: Any, x: Any, factor: float) -> Any:
    """`exp(factor * x**2)` for x >= 0, to full relative accuracy: the square is split in an exact part and a small one."""
    x = s.minimum(x, s.like(60, x))
    exact = s.trunc(x * 16) / 16
    return s.exp(exact * exact * factor) * s.exp((x - exact) * (x + exact) * factor)


def _erf_near_zero(s: Any, x: Any) -> Any:
    return x * ratio(s.minimum(x * x, s.like(1, x)), _ERF_SMALL)


def erf_body(s: Any, x: Any) -> Any:
    """The error function."""
    if x.dtype.itemsize == 4:
        x = s.minimum(s.maximum(x, s.like(-_ERF_FLOAT32_END, x)), s.like(_ERF_FLOAT32_END, x))
        return s.minimum(s.maximum(x * ratio(x * x, _ERF_FLOAT32), s.like(-1, x)), s.like(1, x))
    size = s.abs(x)
    tail = 1 - _exp_of_square(s, size, -1.0) * _erfcx_tail(s, size)
    return s.where(size <= _SMALL, _erf_near_zero(s, x), s.copysign(tail, x))


def erfc_body(s: Any, x: Any) -> Any:
    """1 minus the error function."""
    size = s.abs(x)
    tail = _exp_of_square(s, size, -1.0) * _erfcx_tail(s, size)
    return s.where(size <= _SMALL, 1 - _erf_near_zero(s, x), s.where(x < 0, 2 - tail, tail))


def _ndtr_body(s: Any, x: Any) -> Any:
    """The normal distribution function, accurate in its lower tail."""
    size = s.abs(x)
    tail = _exp_of_square(s, size, -0.5) * _erfcx_tail(s, size * sqrt(0.5)) * 0.5
    centre = 0.5 + 0.5 * _erf_near_zero(s, x * sqrt(0.5))
    return s.where(size <= _SMALL * sqrt(2), centre, s.where(x > 0, 1 - tail, tail))


def _normal_quantile(s: Any, offset: Any, rest: Any) -> Any:
    """Where the normal distribution function is `0.5 + offset`; `rest` is the smaller of that and what is left to 1."""
    depth = s.sqrt(-s.log(rest))
    outer = s.where(depth <= 5, ratio(depth - 1.6, _QUANTILE_MIDDLE), ratio(s.minimum(depth, s.like(40, depth)) - 5, _QUANTILE_TAIL))
    outer = s.where(rest == 0, s.like(inf, depth), outer)
    return s.where(s.abs(offset) <= 0.425, offset * ratio(0.180625 - offset * offset, _QUANTILE_CENTRE), s.copysign(outer, offset))


# --- the error function -----------------------------------------------------------------------------------------------------------


@elementwise(names=("erf", "Tensor.erf", "special.erf"), **_REAL)
def erf(s, input):
    """The error function, `2/sqrt(pi)` times the integral of `exp(-t**2)` from 0 to `input`.

    >>> import powerhouse as torch
    >>> torch.erf(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8427])
    """
    return erf_body(s, input)


@elementwise(names=("erfc", "Tensor.erfc", "special.erfc"), **_REAL)
def erfc(s, input):
    """`1 - erf(input)`, accurate where that is small."""
    return erfc_body(s, input)


@elementwise(names=("special.erfcx",), **_REAL)
def erfcx(s, input):
    """`exp(input**2) * erfc(input)`, which neither overflows nor vanishes for large `input`."""
    size = s.abs(input)
    grown = _exp_of_square(s, size, 1.0)
    centre = grown * (1 - _erf_near_zero(s, input))
    tail = _erfcx_tail(s, size)
    return s.where(size <= _SMALL, centre, s.where(input < 0, 2 * grown - tail, tail))


@elementwise(names=("erfinv", "Tensor.erfinv", "special.erfinv"), domain=(-0.95, 0.95), **_REAL)
def erfinv(s, input):
    """Where the error function is `input`; infinite at -1 and 1, nan beyond.

    >>> import powerhouse as torch
    >>> torch.erfinv(torch.tensor([0.0, 0.5]))
    tensor([0.0000, 0.4769])
    """
    return _normal_quantile(s, input * 0.5, (1 - s.abs(input)) * 0.5) * sqrt(0.5)


erf.vjp(lambda g, out, x: (g * exp(x * x * -1) * (2 / sqrt(pi)),))
erfc.vjp(lambda g, out, x: (g * exp(x * x * -1) * (-2 / sqrt(pi)),))
erfcx.vjp(lambda g, out, x: (g * (x * out * 2 - 2 / sqrt(pi)),))
erfinv.vjp(lambda g, out, x: (g * exp(out * out) * (sqrt(pi) / 2),))

# --- the normal distribution ------------------------------------------------------------------------------------------------------


@elementwise(names=("special.ndtr",), **_REAL)
def ndtr(s, input):
    """The distribution function of the standard normal distribution.

    >>> import powerhouse as torch
    >>> torch.special.ndtr(torch.tensor([0.0, 1.0]))
    tensor([0.5000, 0.8413])
    """
    return _ndtr_body(s, input)


@elementwise(names=("special.log_ndtr",), **_REAL)
def log_ndtr(s, input):
    """The logarithm of `ndtr`, accurate in both tails."""
    size = s.abs(input)
    below = s.log(_erfcx_tail(s, size * sqrt(0.5)) * 0.5) - input * input * 0.5
    return s.where(input < -1, below, s.log1p(-_ndtr_body(s, -input)))


@elementwise(names=("special.ndtri",), domain=(0.02, 0.98), **_REAL)
def ndtri(s, input):
    """Where `ndtr` is `input`; infinite at 0 and 1, nan beyond."""
    return _normal_quantile(s, input - 0.5, s.minimum(input, 1 - input))


ndtr.vjp(lambda g, out, x: (g * exp(x * x * -0.5) * (1 / sqrt(2 * pi)),))
log_ndtr.vjp(lambda g, out, x: (g / erfcx(x * -sqrt(0.5)) * sqrt(2 / pi),))
ndtri.vjp(lambda g, out, x: (g * exp(out * out * 0.5) * sqrt(2 * pi),))


@elementwise(names=("special.entr",), domain=(0.1, 2), **_REAL)
def entr(s, input):
    """The entropy term `-input * log(input)`: 0 at 0, minus infinity below."""
    outside = s.where(input < 0, s.like(-inf, input), input)  # 0 and nan stay
    return s.where(input > 0, -input * s.log(s.where(input > 0, input, s.like(1, input))), outside)


@entr.vjp
def _(g: Symbol, out: Symbol, x: Symbol) -> Any:
    return (g * (-1 - log(x)),)
