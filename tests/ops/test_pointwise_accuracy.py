"""Pointwise ops: special functions in ulp against stored high-precision values, edge values, kinks, dtypes, in-place variants."""

from __future__ import annotations

import json
from math import inf, nan, pi
from pathlib import Path

import numpy as np
import pytest

import powerhouse as torch
from powerhouse.nn import functional as F

VALUES = json.loads((Path(__file__).parent / "data" / "special_values.json").read_text())
# What is allowed beyond 4 ulp, and why: values near a zero or far down a tail, where rounding inside is magnified.
ULPS = {
    "i1": 10, "i1e": 10, "modified_bessel_k0": 6, "scaled_modified_bessel_k0": 8, "bessel_j1": 8, "gammainc": 80, "gammaincc": 80,
    "airy_ai": 30, "zeta": 8, "digamma": 8, "gammaln": 8, "log_ndtr": 6,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", VALUES)
def test_values_in_ulp(name, dtype):
    """The stored values (mpmath, 40 digits), to a few units in the last place."""
    *operands, want = np.array(VALUES[name]).T
    got = getattr(torch.special, name)(*[torch.tensor(x, dtype=getattr(torch, dtype)) for x in operands]).numpy()
    assert got.dtype == dtype
    scale = np.spacing(np.abs(want).astype(dtype)).astype("float64")
    worst = np.max(np.abs(got.astype("float64") - want) / scale)
    assert worst <= ULPS.get(name, 4), f"{name}: {worst:.1f} ulp"


EDGES = [
    ("erf", [0.0, -0.0, inf, -inf, nan], [0.0, -0.0, 1.0, -1.0, nan]),
    ("erfc", [inf, -inf, nan, 0.0], [0.0, 2.0, nan, 1.0]),
    ("erfcx", [inf, -inf, nan, -30.0], [0.0, inf, nan, inf]),
    ("erfinv", [-1.0, 1.0, 1.5, -1.5, nan, 0.0], [-inf, inf, nan, nan, nan, 0.0]),
    ("ndtr", [-inf, inf, nan, 0.0], [0.0, 1.0, nan, 0.5]),
    ("ndtri", [0.0, 1.0, 0.5, 1.5, -0.5, nan], [-inf, inf, 0.0, nan, nan, nan]),
    ("log_ndtr", [-inf, inf, nan], [-inf, 0.0, nan]),
    ("entr", [0.0, -1.0, inf, nan, 1.0], [0.0, -inf, -inf, nan, 0.0]),
    ("gammaln", [0.0, -1.0, -2.0, 1.0, 2.0, inf, -inf, nan], [inf, inf, inf, 0.0, 0.0, inf, inf, nan]),
    ("digamma", [0.0, -0.0, -1.0, -2.0, inf, nan], [-inf, inf, nan, nan, inf, nan]),
    ("i0e", [0.0, inf, -inf, nan], [1.0, 0.0, 0.0, nan]),
    ("i1e", [0.0, inf, nan], [0.0, 0.0, nan]),
    ("modified_bessel_k0", [0.0, -1.0, inf, nan], [inf, nan, 0.0, nan]),
    ("scaled_modified_bessel_k1", [0.0, -1.0, inf, nan], [inf, nan, 0.0, nan]),
    ("bessel_j0", [0.0, nan], [1.0, nan]),
    ("bessel_y0", [0.0, -1.0, nan], [-inf, nan, nan]),
    ("bessel_y1", [0.0, -1.0, nan], [-inf, nan, nan]),
    ("spherical_bessel_j0", [0.0, inf, nan], [1.0, 0.0, nan]),
    ("logit", [0.0, 1.0, 0.5, 2.0, nan], [-inf, inf, 0.0, nan, nan]),
    ("expm1", [0.0, -inf, inf, nan], [0.0, -1.0, inf, nan]),
    ("log1p", [-1.0, -2.0, inf], [-inf, nan, inf]),
    ("sinc", [0.0, 1.0, 0.5], [1.0, 0.0, 2 / pi]),
    ("round", [0.5, 1.5, -0.5, -2.5, inf, nan], [0.0, 2.0, -0.0, -2.0, inf, nan]),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "points", "values"), EDGES, ids=[e[0] for e in EDGES])
def test_edges(name, points, values, dtype):
    """Ends of domains, infinities, nan, zeros with their signs."""
    got = getattr(torch.special, name)(torch.tensor(points, dtype=getattr(torch, dtype))).numpy()
    np.testing.assert_allclose(got, np.array(values), rtol=0, atol=1e-7)


def test_incomplete_gamma_at_the_ends():
    """At 0 and infinity, and outside the domain."""
    a, x = torch.tensor([2.0, 2.0, 0.0, -1.0, 2.0, inf]), torch.tensor([0.0, inf, 1.0, 1.0, -1.0, 1.0])
    np.testing.assert_array_equal(torch.special.gammainc(a, x).numpy(), [0, 1, 1, nan, nan, 0])
    np.testing.assert_array_equal(torch.special.gammaincc(a, x).numpy(), [1, 0, 0, nan, nan, 1])


@pytest.mark.parametrize("a", [30.0, 999.0, 1e3, 1e5, 1e9])
def test_incomplete_gamma_adds_up(a):
    """Lower and upper parts are found by different expansions; together they make 1, also for large orders."""
    x, order = torch.linspace(0.8 * a, 1.2 * a, 41, dtype=torch.float64), torch.tensor(a, dtype=torch.float64)
    total = torch.special.gammainc(order, x) + torch.special.gammaincc(order, x)
    assert torch.allclose(total, torch.ones(41, dtype=torch.float64), rtol=1e-12)


def test_zeta_and_polygamma_of_negative_arguments():
    """The recurrence `zeta(s, q) = q**-s + zeta(s, q + 1)` leads from negative arguments to positive ones."""
    q = torch.tensor([-3.3, -0.5, -7.75], dtype=torch.float64)
    for s in (2, 3, 6):
        want = sum((q + k) ** -s for k in range(9)) + torch.special.zeta(torch.tensor(float(s), dtype=torch.float64), q + 9)
        assert torch.allclose(torch.special.zeta(torch.tensor(float(s), dtype=torch.float64), q), want, rtol=1e-12)
    assert torch.special.zeta(torch.tensor(1.0), torch.tensor(2.0)).item() == inf
    assert np.isnan(torch.special.zeta(torch.tensor(0.5), torch.tensor(2.0)).item())
    assert torch.polygamma(1, torch.tensor(1.0, dtype=torch.float64)).item() == pytest.approx(pi**2 / 6, rel=1e-15)


@pytest.mark.parametrize(("name", "basis"), [
    ("chebyshev_polynomial_t", np.polynomial.Chebyshev), ("hermite_polynomial_h", np.polynomial.Hermite),
    ("hermite_polynomial_he", np.polynomial.HermiteE), ("laguerre_polynomial_l", np.polynomial.Laguerre),
    ("legendre_polynomial_p", np.polynomial.Legendre),
])
def test_polynomials(name, basis):
    """Every degree up to 12, inside and outside (-1, 1), against NumPy's polynomials."""
    x = np.linspace(-1.5, 1.5, 13)
    for n in range(13):
        got = getattr(torch.special, name)(torch.tensor(x), n).numpy()
        np.testing.assert_allclose(got, basis.basis(n)(x), rtol=1e-10, atol=1e-10)
    assert getattr(torch.special, name)(torch.tensor(0.5), -1).item() == 0


# name, operands, value: what PyTorch's documentation says of ties, signed zeros, nan and infinities
CASES = [
    ("sign", ([-2.0, -0.0, 0.0, nan, inf],), [-1, 0, 0, 0, 1]),
    ("copysign", ([1.0, -2.0, 0.0], [-0.0, 0.0, -1.0]), [-1.0, 2.0, -0.0]),
    ("fmax", ([nan, 1.0, nan], [2.0, nan, nan]), [2, 1, nan]),
    ("fmin", ([nan, 1.0, nan], [2.0, nan, nan]), [2, 1, nan]),
    ("maximum", ([nan, 1.0], [2.0, nan]), [nan, nan]),
    ("xlogy", ([0.0, 0.0, 0.0, 2.0], [0.0, nan, -1.0, 1.0]), [0, nan, 0, 0]),
    ("logaddexp", ([-inf, inf, inf, 1000.0], [-inf, inf, -inf, 1000.0]), [-inf, inf, inf, 1000 + np.log(2)]),
    ("logaddexp2", ([-inf, inf, 3.0], [-inf, 1.0, 3.0]), [-inf, inf, 4]),
    ("heaviside", ([-1.0, 0.0, 1.0], [0.5, 0.25, 0.5]), [0, 0.25, 1]),
    ("fmod", ([-3.0, 3.0, 5.5], [2.0, -2.0, 2.0]), [-1, 1, 1.5]),
    ("remainder", ([-3.0, 3.0, 5.5], [2.0, -2.0, 2.0]), [1, -1, 1.5]),
    ("hypot", ([3e38, 0.0, inf], [1e38, -0.0, nan]), [np.float32(np.hypot(3e38, 1e38)), 0, inf]),
    ("atan2", ([0.0, 0.0, -0.0], [1.0, -1.0, -1.0]), [0, pi, -pi]),
    ("nan_to_num", ([nan, inf, -inf, 1.0],), [0, np.finfo("float32").max, np.finfo("float32").min, 1]),
    ("frac", ([-1.75, 2.5],), [-0.75, 0.5]),
    ("trunc", ([-1.75, 2.5],), [-1, 2]),
    ("ldexp", ([1.0, 3.0], [3.0, -1.0]), [8, 1.5]),
    ("angle", ([1.0, -1.0, nan, -0.0],), [0, pi, nan, 0]),
    ("deg2rad", ([180.0, -90.0],), [pi, -pi / 2]),
]


@pytest.mark.parametrize(("name", "operands", "value"), CASES, ids=[c[0] for c in CASES])
def test_special_cases(name, operands, value):
    """Signed zeros, nan and infinities, by value and by sign."""
    got = getattr(torch, name)(*map(torch.tensor, operands)).numpy()
    want = np.array(value, got.dtype)
    np.testing.assert_allclose(got, want, rtol=1e-6)
    zero = want == 0
    if name in ("copysign",):
        np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(want[zero]))


def slope(function, at):
    """The gradient of `function` at the points `at`."""
    x = torch.tensor(at, requires_grad=True)
    function(x).sum().backward()
    return x.grad.tolist()


@pytest.mark.parametrize(("function", "at", "want"), [
    (F.relu, [0.0, 1.0, -1.0], [0, 1, 0]),
    (F.relu6, [0.0, 6.0, 3.0], [0, 0, 1]),
    (F.hardtanh, [-1.0, 1.0, 0.5], [0, 0, 1]),
    (lambda x: F.leaky_relu(x, 0.25), [0.0, 1.0], [0.25, 1]),
    (F.elu, [0.0, 2.0], [1, 1]),
    (F.hardsigmoid, [-3.0, 3.0, 0.0], [0, 0, np.float32(1 / 6)]),
    (F.hardswish, [-3.0, 3.0], [0, 1]),
    (lambda x: F.hardshrink(x, 0.5), [0.5, -0.5, 1.0], [0, 0, 1]),
    (lambda x: F.softshrink(x, 0.5), [0.5, -0.5, 1.0], [0, 0, 1]),
    (lambda x: F.threshold(x, 0.5, 9.0), [0.5, 0.75], [0, 1]),
    (lambda x: torch.clamp(x, -1, 1), [-1.0, 1.0, 2.0], [1, 1, 0]),
    (lambda x: torch.clamp_min(x, 0), [0.0, -1.0], [1, 0]),
    (lambda x: torch.maximum(x, torch.zeros(2)), [0.0, 1.0], [0.5, 1]),
    (torch.floor, [0.5, 1.0], [0, 0]),
    (torch.sign, [0.0, 1.0], [0, 0]),
    (torch.nan_to_num, [nan, inf, 1.0], [0, 0, 1]),
    (torch.special.sinc, [0.0], [0]),
    (torch.special.i1, [0.0], [0.5]),
])
def test_gradients_at_kinks(function, at, want):
    """PyTorch's choice where the derivative jumps."""
    assert slope(function, at) == want


def test_gradients_far_out_stay_finite():
    """Branches that are not taken do not leak nan or inf into gradients."""
    for function in (F.elu, F.softplus, F.logsigmoid, F.mish, F.silu, F.gelu, torch.special.log_ndtr):
        assert np.isfinite(slope(function, [-200.0, 200.0])).all(), function


def test_second_derivatives_far_out_stay_finite():
    """The same for gradients of gradients."""
    for function in (F.elu, F.softplus, F.logsigmoid, F.silu, F.gelu):
        x = torch.tensor([-90.0, 90.0, 1.0], requires_grad=True)
        (g,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
        (h,) = torch.autograd.grad(g.sum(), x)
        assert torch.isfinite(h).all(), function


def test_a_gradient_that_does_not_exist_is_refused():
    """The forward pass works; only asking for the missing gradient raises."""
    order = torch.tensor([2.0, 3.0], requires_grad=True)
    y = torch.special.zeta(order, torch.tensor([1.0, 2.0]))
    assert y[0].item() == pytest.approx(pi**2 / 6)
    with pytest.raises(RuntimeError, match="derivative with respect to 'input' is not implemented"):
        y.sum().backward()
        order.grad.tolist()


def test_dtypes():
    """Integers become floats where they must, stay integers where they can; comparisons give bool."""
    whole = torch.tensor([1, 2, -3])
    assert torch.sin(whole).dtype is torch.float32
    assert torch.floor(whole).dtype is torch.int64
    assert torch.clamp(whole, 0, 2).dtype is torch.int64
    assert torch.clamp(whole, 0.5, 2).dtype is torch.float32
    assert torch.isfinite(whole).dtype is torch.bool
    assert torch.float_power(torch.tensor([2.0]), 3).dtype is torch.float64
    assert torch.frexp(torch.tensor([6.0])).exponent.dtype is torch.int32
    assert torch.erf(torch.ones(1, dtype=torch.bfloat16)).dtype is torch.bfloat16
    assert F.hardtanh(whole).tolist() == [1, 1, -1]
    assert torch.gcd(torch.tensor([12, -8]), torch.tensor([18, 12])).tolist() == [6, 4]
    assert torch.bitwise_left_shift(torch.tensor([1, 3]), torch.tensor([4, 70])).tolist() == [16, 0]


def test_neighbours_of_half_types():
    """`nextafter` steps in the operands' own dtype."""
    one = torch.ones(1, dtype=torch.bfloat16)
    assert torch.nextafter(one, one * 2).item() == 1 + 2**-7
    assert torch.nextafter(one.to(torch.float16), one.to(torch.float16) * 2).item() == 1 + 2**-10


def test_in_place_variants():
    """`x_` methods and functions write to their tensor; the values are those of the ordinary op."""
    one = torch.ones(3)
    for name, args in (("relu", ()), ("clamp", (-0.5, 0.5)), ("sin", ()), ("round", ()), ("lerp", (one, 0.3)), ("addcmul", (one, one))):
        x = torch.tensor([-1.5, 0.25, 2.0])
        want = getattr(x, name)(*args).tolist()
        assert getattr(x, name + "_")(*args) is x
        assert x.tolist() == want, name
    x = torch.tensor([-1.0, 2.0])
    assert F.relu(x, inplace=True) is x
    assert x.tolist() == [0, 2]
    y = torch.tensor([-1.0, 2.0])
    assert F.leaky_relu_(y, 0.5).tolist() == y.tolist() == [-0.5, 2]


def test_masked_fill_and_lerp():
    """Values are cast to the tensor's dtype; `lerp` is exact at both ends."""
    x = torch.tensor([1, 2, 3])
    assert x.masked_fill(torch.tensor([True, False, True]), 7).tolist() == [7, 2, 7]
    with pytest.raises(RuntimeError, match="without overflow"):
        x.masked_fill(torch.tensor([True, False, True]), 0.5)
    a, b = torch.tensor([0.1, 0.3]), torch.tensor([0.7, 1e8])
    assert torch.lerp(a, b, 1.0).tolist() == b.tolist()
    assert torch.lerp(a, b, 0.0).tolist() == a.tolist()


def test_complex_parts():
    """Parts of complex tensors, and gradients through them."""
    z = torch.tensor([3 + 4j, -1j], requires_grad=True)
    assert torch.real(z).tolist() == [3, 0]
    assert torch.imag(z).tolist() == [4, -1]
    assert torch.view_as_complex(torch.view_as_real(z)).tolist() == z.tolist()
    torch.abs(z).sum().backward()
    np.testing.assert_allclose(z.grad.numpy(), [0.6 + 0.8j, -1j], rtol=1e-6)
    assert torch.complex(torch.tensor([inf]), torch.tensor([1.0])).tolist() == [complex(inf, 1)]


def test_closeness():
    """`isclose` and `allclose`: infinities, nan, tolerances."""
    a, b = torch.tensor([1.0, inf, nan, inf]), torch.tensor([1.0 + 1e-6, inf, nan, -inf])
    assert torch.isclose(a, b).tolist() == [True, True, False, False]
    assert torch.isclose(a, b, equal_nan=True).tolist() == [True, True, True, False]
    assert not torch.allclose(a[:1], torch.tensor([1.1]))
    assert torch.equal(a[:2], a[:2]) and not torch.equal(a, a)
