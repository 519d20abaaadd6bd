"""The gamma function's family: lgamma, digamma, polygamma, the Hurwitz zeta function, the incomplete gamma functions."""

from __future__ import annotations

from math import gamma, inf, log, nan, pi
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import COMPLEX, FLOAT
from ..core.promotion import result_type
from ..core.shapes import broadcast
from ..graph.op import Bad, Sample, Type, cast, composite, elementwise, fit, primitive, rank_of, to_float
from ..graph.symbol import Symbol
from ._chebyshev_tables import DIGAMMA_1, LGAMMA_2
from ._underived import underived
from .arithmetic import exp, times, where
from .arithmetic import log as log_of
from .special import erfc_body, polynomial

_REAL = {"operands": to_float, "refuse": (COMPLEX,)}
# Stirling's series in 1/x**2, and its derivative's, highest power first (NIST DLMF 5.11.1 and 5.11.2).
_STIRLING = (-3617 / 122400, 1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12)
_DIGAMMA_SERIES = (-3617 / 8160, 1 / 12, -691 / 32760, 1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12)
_DIGAMMA_ZERO = (1.4616321325302124, 1.243815006546356e-08, -1.2654465062537432e-16)  # their sum; the first two are exact in float32
# B(2k) / (2k)!, for the Euler-Maclaurin formula.
_EULER_MACLAURIN = (
    1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600, -3617 / 10670622842880000,
    43867 / 5109094217170944000, -174611 / 802857662698291200000, 77683 / 14101100039391805440000,
    -236364091 / 1693824136731743669452800000,
)


def chebyshev(t: Any, coefficients: tuple[float, ...]) -> Any:
    """The sum of Chebyshev polynomials with the given coefficients, lowest order first, by Clenshaw's recurrence."""
    twice = t * 2
    ahead, value = coefficients[-1], twice * coefficients[-1] + coefficients[-2]
    for c in coefficients[-3:0:-1]:
        following = twice * value
        following -= ahead
        following += c
        ahead, value = value, following
    return t * value - ahead + coefficients[0]


def distance(x: Any, point: tuple[float, ...]) -> Any:
    """`x` minus a point given as a sum of parts, so that the difference is accurate close to it."""
    for part in point:
        x = x - part
    return x


# --- the logarithm of gamma, and its derivative -----------------------------------------------------------------------------------


def _lgamma_up_to_8(s: Any, x: Any) -> Any:
    """log gamma on (0, 8]: brought to (1.5, 2.5] by the recurrence, where it is `z * smooth(z)` with `z = x - 2`."""
    product = s.like(1, x)
    for _ in range(6):
        large = x > 2.5
        x = s.where(large, x - 1, x)
        product = s.where(large, product * x, product)
    z = s.where(x > 1.5, x - 2, s.where(x > 0.5, x - 1, x))
    raised = s.where(x > 1.5, s.like(0, x), s.where(x > 0.5, s.log1p(s.where(x > 0.5, z, s.like(0, x))), s.log(x + x * x)))
    return z * chebyshev(z * 2, LGAMMA_2) - raised + s.log(product)


def lgamma_body(s: Any, x: Any) -> Any:
    """log |gamma(x)|."""
    from_nearest = x - s.rint(x)
    size = s.where(x < 0, 1 - x, x)
    large = s.maximum(size, s.like(8, x))
    inverse = 1 / large
    stirling = (large - 0.5) * (s.log(large) - 1) + (0.5 * log(2 * pi) - 0.5) + inverse * polynomial(inverse * inverse, _STIRLING)
    value = s.where(size > 8, stirling, _lgamma_up_to_8(s, s.minimum(size, s.like(8, x))))
    reflected = log(pi) - s.log(s.abs(s.sin(from_nearest * pi))) - value
    return s.where(s.isinf(x), s.like(inf, x), s.where(x < 0, reflected, value))


@elementwise(names=("lgamma", "Tensor.lgamma", "special.gammaln"), domain=(0.2, 4), **_REAL)
def lgamma(s, input):
    """The logarithm of the gamma function's magnitude; infinite at 0 and the negative integers.

    >>> import powerhouse as torch
    >>> torch.lgamma(torch.tensor([1.0, 4.0]))
    tensor([0.0000, 1.7918])
    """
    return lgamma_body(s, input)


def _digamma_up_to_10(s: Any, x: Any) -> Any:
    """The digamma function on (0, 10], brought to [1, 2] by its recurrence."""
    total = s.where(x < 1, -1 / x, s.like(0, x))
    x = s.where(x < 1, x + 1, x)
    for _ in range(8):
        large = x > 2
        x = s.where(large, x - 1, x)
        total = total + s.where(large, 1 / x, s.like(0, x))
    return total + distance(x, _DIGAMMA_ZERO) * chebyshev(x * 2 - 3, DIGAMMA_1)


@elementwise(names=("digamma", "Tensor.digamma", "special.digamma", "special.psi"), domain=(0.2, 4), **_REAL)
def digamma(s, input):
    """The derivative of `lgamma`; nan at the negative integers, infinite at 0.

    >>> import powerhouse as torch
    >>> torch.digamma(torch.tensor([1.0, 0.5]))
    tensor([-0.5772, -1.9635])
    """
    from_nearest = input - s.rint(input)
    size = s.where(input < 0, 1 - input, input)
    large = s.maximum(size, s.like(10, input))
    square = 1 / (large * large)
    asymptotic = s.log(large) - 0.5 / large - square * polynomial(square, _DIGAMMA_SERIES)
    value = s.where(size > 10, asymptotic, _digamma_up_to_10(s, s.minimum(size, s.like(10, input))))
    reflected = s.where(from_nearest == 0, s.like(nan, input), value - pi / s.tan(from_nearest * pi))
    return s.where(input == 0, s.copysign(s.like(inf, input), -input), s.where(input < 0, reflected, value))


lgamma.vjp(lambda g, out, x: (g * digamma(x),))
digamma.vjp(lambda g, out, x: (g * zeta(2.0, x),))


@composite(names=("mvlgamma", "Tensor.mvlgamma", "special.multigammaln"), inplace=True)
def mvlgamma(input: Symbol, p: int) -> Symbol:
    """The logarithm of the multivariate gamma function of dimension `p`, for `input > (p - 1) / 2`."""
    if p < 1:
        raise RuntimeError(f"mvlgamma: p has to be greater than or equal to 1, but got {p}")
    if input.dtype.is_complex or input.dtype.category == 0:
        raise RuntimeError(f"mvlgamma: not implemented for dtype {input.dtype}")
    total = lgamma(input)
    for i in range(1, p):
        total = total + lgamma(input - i / 2)
    return total + p * (p - 1) / 4 * log(pi)


mvlgamma.samples(lambda draw: iter([Sample((draw(2, 3, low=1.2, high=4), p)) for p in (1, 3)]))
mvlgamma.errors(lambda draw: iter([Bad((draw(3), 0), {}, RuntimeError, "greater than or equal to 1")]))

# --- the Hurwitz zeta function and the polygamma functions ------------------------------------------------------------------------


def _zeta_of_positive(s: Any, x: Any, q: Any) -> Any:
    """The sum over k of `(q + k) ** -x` for x > 1, q > 0: ten terms, and the rest by the Euler-Maclaurin formula."""
    total = s.power(q, -x)
    for k in range(1, 10):
        total = total + s.power(q + k, -x)
    start = q + 10
    power = s.power(start, -x)
    total = total + s.power(start, 1 - x) / (x - 1) + power * 0.5
    term = power * (x / start)
    for k, coefficient in enumerate(_EULER_MACLAURIN):
        total = total + term * coefficient
        term = term * ((x + (2 * k + 1)) / start) * ((x + (2 * k + 2)) / start)
    return total


@elementwise(names=("special.zeta",), **_REAL)
def zeta(s, input, other):
    """The Hurwitz zeta function: the sum over k >= 0 of `(other + k) ** -input`.

    Infinite for `input` 1 and where `other` is 0 or a negative integer; nan for `input` below 1.
    """
    exact = s.floor(other)
    part = other - exact
    positive = other > 0
    # for negative `other`, the terms on the negative side are those of two zeta functions of positive arguments
    head = s.where(positive, other, part)
    value = _zeta_of_positive(s, input, head)
    back = s.where(positive, s.like(1, other), 1 - part)
    ahead = s.where(positive, s.like(1, other), 1 - other)
    sign = s.where(s.remainder(input, s.like(2, input)) == 0, s.like(1, input), s.like(-1, input))
    mirrored = value + sign * (_zeta_of_positive(s, input, back) - _zeta_of_positive(s, input, ahead))
    below = s.where(part == 0, s.like(inf, other), s.where(s.floor(input) == input, mirrored, s.like(nan, input)))
    value = s.where(positive, value, s.where(other <= 0, below, other))
    return s.where(input == 1, s.like(inf, input), s.where(input < 1, s.like(nan, input), value))


@zeta.vjp
def _(g: Symbol, out: Symbol, x: Symbol, q: Symbol) -> Any:
    return underived(g, "zeta: the derivative with respect to 'input' is not implemented"), g * x * zeta(x + 1, q) * -1


zeta.samples(lambda draw: iter([Sample((draw(2, 3, low=1.2, high=5), draw(3, low=0.3, high=5)), only="forward")]))


@composite(names=("polygamma", "special.polygamma"))
def polygamma(n: int, input: Symbol) -> Symbol:
    """The `n`-th derivative of `digamma`.

    >>> import powerhouse as torch
    >>> torch.polygamma(1, torch.tensor([1.0, 0.5]))
    tensor([1.6449, 4.9348])
    """
    if n < 0:
        raise RuntimeError(f"polygamma: polygamma(n, x) does not support negative n; got n={n}")
    if n == 0:
        return digamma(input)
    factorial = gamma(n + 1) if n < 171 else inf
    return times(zeta(n + 1, input), factorial if n % 2 else -factorial)


@composite(names=("Tensor.polygamma",), name="polygamma_method", label="polygamma", inplace=("Tensor.polygamma_",))
def polygamma_method(input: Symbol, n: int) -> Symbol:
    """The `n`-th derivative of `digamma`."""
    return polygamma(n, input)


polygamma.samples(lambda draw: iter([Sample((n, draw(2, 3, low=0.3, high=4))) for n in (0, 1, 3)]))
polygamma_method.samples(lambda draw: iter([Sample((draw(2, 3, low=0.3, high=4), 1))]))
polygamma.errors(lambda draw: iter([Bad((-1, draw(3)), {}, RuntimeError, "does not support negative n")]))
polygamma_method.errors(lambda draw: iter([Bad((draw(3), -1), {}, RuntimeError, "does not support negative n")]))

# --- the incomplete gamma functions -----------------------------------------------------------------------------------------------

_LARGE_ORDER = 1000.0  # from here, Temme's uniform expansion; below, a series or a continued fraction
# Its coefficients, by powers of 1/a and of eta, highest first (N. M. Temme 1979; NIST DLMF 8.12.11), from their recurrence with mpmath.
_TEMME = (
    (-4.382036018453353e-09, 1.0261809784240309e-08, 6.707853543401498e-09, -1.7665952736826078e-07, 8.296711340953087e-07,
     -1.85406221071516e-06, -2.185448510679992e-06, 3.919263178522438e-05, -0.0001787551440329218, 0.0003527336860670194,
     0.0011574074074074073, -0.014814814814814815, 0.08333333333333333, -0.3333333333333333),
    (4.647127802807434e-09, -1.6120900894563446e-06, 7.64916091608111e-06, -1.8098550334489977e-05, -4.018775720164609e-07,
     0.00020576131687242798, -0.0009902263374485596, 0.0026455026455026454, -0.003472222222222222, -0.001851851851851852),
    (5.2923448829120125e-05, -0.0001073665322636516, 2.0093878600823047e-06, 0.0007716049382716049, -0.0026813271604938273,
     0.004133597883597883),
    (-0.0004691894943952557, 0.00022947209362139917, 0.0006494341563786008),
)


def _log1p_less(mu: Any) -> Any:
    """`log(1 + mu) - mu` for |mu| < 0.4, by the series of the inverse hyperbolic tangent of `mu / (2 + mu)`."""
    r = mu / (2 + mu)
    return r * r * r * 2 * polynomial(r * r, tuple(1 / (2 * k + 3) for k in range(14, -1, -1))) - mu * r


def _uniform(s: Any, a: Any, x: Any, sign: float) -> Any:
    """The upper (`sign` 1) or lower (-1) function of a large order."""
    a = s.maximum(a, s.like(_LARGE_ORDER, a))
    mu = s.minimum(s.maximum((x - a) / a, s.like(-0.99, a)), s.like(9, a))
    near = s.abs(mu) < 0.4
    half_square = s.where(near, -_log1p_less(s.where(near, mu, s.like(0, a))), mu - s.log1p(mu))
    eta = s.copysign(s.sqrt(half_square * 2), mu)
    correction = polynomial(eta, _TEMME[-1])
    for row in _TEMME[-2::-1]:
        correction = correction / a + polynomial(eta, row)
    bulk = 0.5 * erfc_body(s, eta * s.sqrt(a * 0.5) * sign)
    return bulk + sign * s.exp(-a * half_square) / s.sqrt(a * (2 * pi)) * correction


@elementwise(public=False)
def lower_of_large_order(s, input, other):
    """The regularized lower incomplete gamma function, for orders from 1000 on."""
    return _uniform(s, input, other, -1.0)


@elementwise(public=False)
def upper_of_large_order(s, input, other):
    """The regularized upper incomplete gamma function, for orders from 1000 on."""
    return _uniform(s, input, other, 1.0)


def _power_term(a: Any, x: Any, log_gamma: Any) -> Any:
    """`x**a * exp(-x) / gamma(a + 1)`; for large `a` by Stirling's series, with `log(x/a) - (x-a)/a` taken accurately near x = a."""
    small = np.exp(a * np.log(x) - x - log_gamma)
    mu = (x - a) / a
    exponent = a * np.where(np.abs(mu) < 0.4, _log1p_less(mu), np.log(x / a) - mu)
    inverse = 1 / np.maximum(a, 8)
    large = np.exp(exponent - inverse * polynomial(inverse * inverse, _STIRLING)) / np.sqrt(2 * pi * np.maximum(a, 8))
    return np.where(a > 8, large, small)


def _lower_series(a: Any, x: Any, log_gamma: Any) -> Any:
    """The lower function by its power series (NIST DLMF 8.7.1); converges fast for x < a + 1."""
    term = np.ones_like(x)
    total, k = term.copy(), a.copy()
    while np.any(term > total * 1e-17):
        k += 1
        term *= x / k
        total += term
    return total * _power_term(a, x, log_gamma)


def _upper_fraction(a: Any, x: Any, log_gamma: Any) -> Any:
    """The upper function by its continued fraction (NIST DLMF 8.9.2) in Lentz's form; converges fast for x > a + 1."""
    b = x + 1 - a
    c, d = np.full_like(x, 1e300), 1 / b
    total, going, i = d.copy(), np.ones(x.shape, bool), 0
    while going.any():
        i += 1
        b += 2
        numerator = i * (a - i)
        d, c = 1 / (numerator * d + b), b + numerator / c
        total = np.where(going, total * (c * d), total)
        going &= np.abs(c * d - 1) > 4e-16
    return total * a * _power_term(a, x, log_gamma)


def _upper_near_zero(a: Any, x: Any, log_gamma: Any) -> Any:
    """The upper function for small `a` and `x`, where it is not near 1."""
    term, total = np.ones_like(x), np.zeros_like(x)
    for k in range(1, 25):
        term = term * (-x / k)
        total += term / (a + k)
    exponent = a * np.log(x) - log_gamma
    return -np.expm1(exponent) - np.exp(exponent) * a * total


def _incomplete_gamma(a: Any, x: Any, log_gamma: Any, upper: bool) -> Any:
    """The regularized function of float64 arrays; each element by the expansion that suits it. Large orders are left nan."""
    out = np.full(x.shape, nan)
    regular = (a > 0) & (x > 0) & (a < _LARGE_ORDER) & np.isfinite(x)
    tiny = regular & (x <= 1.1) & (a < 1) & upper
    low = regular & ~tiny & (x < a + 1)
    high = regular & ~tiny & ~low
    out[tiny] = _upper_near_zero(a[tiny], x[tiny], log_gamma[tiny])
    for chosen, function, is_upper in ((low, _lower_series, False), (high, _upper_fraction, True)):
        value = function(a[chosen], x[chosen], log_gamma[chosen])
        out[chosen] = value if is_upper == upper else 1 - value
    all_below = ((a == 0) & (x > 0)) | ((x == inf) & (a >= 0) & np.isfinite(a))
    none_below = ((x == 0) & (a > 0)) | ((a == inf) & (x >= 0) & np.isfinite(x))
    out[all_below], out[none_below] = (0, 1) if upper else (1, 0)
    return out


@primitive
def incomplete_gamma(a: Symbol, x: Symbol, log_gamma: Symbol, upper: bool) -> Type:
    """The regularized lower (or upper) incomplete gamma function; three float64 operands of one shape, the last `lgamma(a + 1)`."""
    return x.type


incomplete_gamma.reference(_incomplete_gamma)


def _incomplete_vjp(g: Symbol, a: Symbol, x: Symbol, sign: int) -> tuple[Symbol, Symbol]:
    density = exp((a - 1) * log_of(x) - x - lgamma(a))
    return underived(g, "gammainc: the derivative with respect to 'input' is not implemented"), g * density * sign


incomplete_gamma.vjp(lambda g, out, a, x, log_gamma, upper: (*_incomplete_vjp(g, a, x, -1 if upper else 1), None))
lower_of_large_order.vjp(lambda g, out, a, x: _incomplete_vjp(g, a, x, 1))
upper_of_large_order.vjp(lambda g, out, a, x: _incomplete_vjp(g, a, x, -1))


def _of_two(a: Symbol, x: Symbol, upper: bool, op: str) -> Symbol:
    common = result_type((s.dtype, rank_of(s)) for s in (a, x))
    if common.category != FLOAT:
        raise RuntimeError(f"{op}: not implemented for dtype {common}; expected floating-point tensors")
    shape = broadcast((a.shape, x.shape), op)
    a, x = fit(a, dt.float64, shape), fit(x, dt.float64, shape)
    large = (a >= _LARGE_ORDER) & (a < inf) & (x >= 0) & (x < inf)
    value = incomplete_gamma(a, x, lgamma(a + 1), upper)
    return cast(where(large, (upper_of_large_order if upper else lower_of_large_order)(a, x), value), common)


@composite(names=("special.gammainc", "igamma", "Tensor.igamma"), inplace=True)
def gammainc(input: Symbol, other: Symbol) -> Symbol:
    """The regularized lower incomplete gamma function of order `input` up to `other`: 0 at 0, 1 at infinity.

    >>> import powerhouse as torch
    >>> torch.special.gammainc(torch.tensor(2.0), torch.tensor([1.0, 4.0]))
    tensor([0.2642, 0.9084])
    """
    return _of_two(input, other, False, "gammainc")


@composite(names=("special.gammaincc", "igammac", "Tensor.igammac"), inplace=True)
def gammaincc(input: Symbol, other: Symbol) -> Symbol:
    """`1 - gammainc(input, other)`, accurate where that is small."""
    return _of_two(input, other, True, "gammaincc")


for _op in (gammainc, gammaincc):
    _op.samples(lambda draw: iter([Sample((draw(2, 3, low=0.3, high=5), draw(3, low=0.1, high=8)), only="forward")]))
    _op.errors(lambda draw: iter([Bad((draw(3, dtype="int64"), draw(3, dtype="int64")), {}, RuntimeError, "not implemented for dtype")]))
