"""Distributions without PyTorch: known values, moments of draws, pathwise gradients, transforms, the divergence table."""

from __future__ import annotations

import math

import numpy as np
import pytest

import powerhouse as torch
from powerhouse import distributions as D
from powerhouse.distributions._pathwise import beta_slope, gamma_slope

t = torch.tensor
CONTINUOUS = [
    D.Normal(1.0, 2.0), D.LogNormal(0.0, 0.3), D.Uniform(-1.0, 3.0), D.Exponential(2.0), D.Gamma(3.0, 2.0), D.Beta(2.0, 3.0),
    D.Chi2(t(3.0)), D.Laplace(1.0, 0.5), D.HalfNormal(2.0), D.Gumbel(1.0, 0.5), D.StudentT(t(8.0)),
    D.MixtureSameFamily(D.Categorical(t([1.0, 3.0])), D.Normal(t([-1.0, 2.0]), t([0.5, 1.0]))),
]  # fmt: skip
DISCRETE = [D.Bernoulli(0.3), D.Binomial(6, t(0.3)), D.Geometric(0.4), D.Poisson(3.0)]
VECTORS = [
    D.Dirichlet(t([1.0, 2.0, 4.0])), D.OneHotCategorical(t([1.0, 2.0, 4.0])), D.Multinomial(4, t([1.0, 2.0, 4.0])),
    D.MultivariateNormal(t([1.0, -1.0]), t([[2.0, 0.5], [0.5, 1.0]])),
]  # fmt: skip


def name(d):
    return type(d).__name__


@pytest.mark.parametrize("d", CONTINUOUS + DISCRETE + VECTORS, ids=name)
def test_moments_of_draws(d):
    torch.manual_seed(0)
    x = d.sample((4000,)).double()
    deviation = d.variance.double().sqrt().numpy()
    np.testing.assert_allclose(x.mean(0).numpy(), d.mean.numpy(), atol=0.08 * deviation.max() + 1e-6)
    np.testing.assert_allclose(x.std(0).numpy(), deviation, rtol=0.15)


@pytest.mark.parametrize("d", CONTINUOUS, ids=name)
def test_densities_add_up_to_one(d):
    low, high = (float(d.mean + s * 14 * d.variance.sqrt()) for s in (-1, 1))
    x = torch.linspace(low, high, 40001)
    x = x[d.support.check(x)]
    if isinstance(d, D.Beta):
        x = x[(x > 0) & (x < 1)]
    mass = torch.trapezoid(d.log_prob(x).double().exp(), x.double())
    assert float(mass) == pytest.approx(1, abs=5e-3)


@pytest.mark.parametrize("d", DISCRETE, ids=name)
def test_probabilities_add_up_to_one(d):
    values = d.enumerate_support() if d.has_enumerate_support else torch.arange(60.0)
    assert float(d.log_prob(values).exp().sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("d", [D.Normal(1.0, 2.0), D.Uniform(-1.0, 3.0), D.Exponential(2.0), D.Laplace(1.0, 0.5), D.Cauchy(0.0, 2.0),
                               D.HalfNormal(2.0), D.LogNormal(0.0, 0.3), D.Gumbel(1.0, 0.5)], ids=name)  # fmt: skip
def test_icdf_undoes_cdf(d):
    p = t([0.1, 0.5, 0.9])
    np.testing.assert_allclose(d.cdf(d.icdf(p)).numpy(), p.numpy(), rtol=1e-4)


@pytest.mark.parametrize("a", [0.05, 0.7, 3.0, 40.0, 900.0])
def test_gamma_draws_move_along_their_quantile(a):
    x = np.random.default_rng(0).gamma(a, size=50) + 1e-12
    slope, h = gamma_slope(x, np.full(50, a)), 1e-5 * a
    cdf = lambda x, a: torch.special.gammainc(torch.full((50,), a, dtype=torch.float64), torch.from_numpy(x)).numpy()  # noqa: E731
    pdf = np.exp((a - 1) * np.log(x) - x - math.lgamma(a))
    np.testing.assert_allclose(slope, -(cdf(x, a + h) - cdf(x, a - h)) / (2 * h) / pdf, rtol=2e-4, atol=1e-7)


def test_gamma_slope_is_continuous_where_the_normal_limit_begins():
    x = 1e4 + np.linspace(-400, 400, 9)
    np.testing.assert_allclose(gamma_slope(x, np.full(9, 9999.999)), gamma_slope(x, np.full(9, 10000.0)), rtol=1e-6)


@pytest.mark.parametrize("a", [0.3, 1.0, 5.0])
def test_beta_draws_move_along_their_quantile(a):
    x = np.linspace(0.02, 0.98, 25)
    ones = np.ones(25)
    np.testing.assert_allclose(beta_slope(x, a * ones, ones) * (1 - x), -x * np.log(x) / a, rtol=1e-8)  # F is x^a


def test_gradient_of_the_mean_of_draws():
    """The mean of a gamma is concentration / rate."""
    torch.manual_seed(0)
    a, b = t(2.0, requires_grad=True), t(4.0, requires_grad=True)
    D.Gamma(a, b).rsample((3000,)).mean().backward()
    assert float(a.grad) == pytest.approx(0.25, abs=0.02)
    assert float(b.grad) == pytest.approx(-0.125, abs=0.01)


def test_known_divergences():
    assert float(D.kl_divergence(D.Normal(0.0, 1.0), D.Normal(1.0, 1.0))) == pytest.approx(0.5)
    assert float(D.kl_divergence(D.Bernoulli(0.5), D.Bernoulli(0.0))) == math.inf
    assert float(D.kl_divergence(D.Uniform(0.0, 1.0), D.Uniform(0.0, 2.0))) == pytest.approx(math.log(2))
    with pytest.raises(NotImplementedError, match="p type Normal and q type Dirichlet"):
        D.kl_divergence(D.Normal(0.0, 1.0), D.Dirichlet(torch.ones(2)))


def test_own_pairs_can_be_registered():
    class Mine(D.Normal):
        pass

    assert float(D.kl_divergence(Mine(0.0, 1.0), Mine(0.0, 1.0))) == 0  # the formula of the parents
    D.register_kl(Mine, Mine)(lambda p, q: t(7.0))
    assert float(D.kl_divergence(Mine(0.0, 1.0), Mine(0.0, 1.0))) == 7
    with pytest.raises(TypeError, match="type_q"):
        D.register_kl(Mine, int)


@pytest.mark.parametrize("transform", [D.ExpTransform(), D.AffineTransform(1.0, -3.0), D.SigmoidTransform(), D.TanhTransform(),
                                       D.SoftplusTransform(), D.ExpTransform().inv, D.PowerTransform(2.0)], ids=repr)  # fmt: skip
def test_transforms_and_their_jacobians(transform):
    x = t([0.2, 0.7, 1.5], dtype=torch.float64, requires_grad=True)
    y = transform(x)
    (slope,) = torch.autograd.grad(y.sum(), x, retain_graph=True)
    np.testing.assert_allclose(transform.inv(y).detach().numpy(), x.detach().numpy(), rtol=1e-9)
    np.testing.assert_allclose(transform.log_abs_det_jacobian(x, y).detach().numpy(), slope.abs().log().numpy(), rtol=1e-7, atol=1e-9)


def test_memory_of_a_transform():
    x = t([30.0])
    assert float(D.TanhTransform().inv(D.TanhTransform()(x))) == math.inf
    kept = D.TanhTransform(cache_size=1)
    assert kept.inv(kept(x)) is x


def test_validation_can_be_turned_off():
    assert math.isnan(float(D.Normal(0.0, -1.0, validate_args=False).entropy()))
    D.Distribution.set_default_validate_args(False)
    try:
        D.Normal(0.0, -1.0)
    finally:
        D.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="Expected parameter scale"):
        D.Normal(0.0, -1.0)


def test_discrete_families_refuse_differentiable_draws():
    assert not D.Categorical(torch.ones(2)).has_rsample
    with pytest.raises(NotImplementedError):
        D.Categorical(torch.ones(2)).rsample()


def test_parameters_computed_while_drawing_keep_their_gradient():
    logits = t([0.0, 1.0], requires_grad=True)
    d = D.Bernoulli(logits=logits)
    d.sample()  # computes the probabilities, under no_grad
    d.probs.sum().backward()
    assert logits.grad is not None
