"""Every family against PyTorch: draws under one seed, densities, moments, gradients, errors, divergences."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse

torch = pytest.importorskip("torch")

# Families by constructor: name -> (values of the parameters, values to score).
A, B, C = [0.5, 1.5, 3.0], [1.0, 2.0, 0.7], [0.2, 0.5, 0.9]
ROWS = [[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]
REAL, POSITIVE, UNIT = [-1.2, 0.3, 2.0], [0.2, 1.1, 2.5], [0.1, 0.4, 0.8]
FAMILIES = {
    "Normal": ({"loc": A, "scale": B}, REAL),
    "LogNormal": ({"loc": A, "scale": B}, POSITIVE),
    "Uniform": ({"low": [-2.0, 0.0, 1.0], "high": [1.0, 1.0, 4.0]}, [-1.0, 0.5, 2.0]),
    "Bernoulli": ({"probs": C}, [0.0, 1.0, 1.0]),
    "Categorical": ({"probs": ROWS}, [2.0, 0.0]),
    "OneHotCategorical": ({"logits": ROWS}, [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
    "Multinomial": ({"total_count": 5, "probs": ROWS}, [[1.0, 2.0, 2.0], [5.0, 0.0, 0.0]]),
    "Binomial": ({"total_count": 5, "probs": C}, [0.0, 2.0, 5.0]),
    "Geometric": ({"probs": C}, [0.0, 2.0, 5.0]),
    "Poisson": ({"rate": A}, [0.0, 2.0, 5.0]),
    "Exponential": ({"rate": A}, POSITIVE),
    "Gamma": ({"concentration": A, "rate": B}, POSITIVE),
    "Chi2": ({"df": A}, POSITIVE),
    "Beta": ({"concentration1": A, "concentration0": B}, UNIT),
    "Dirichlet": ({"concentration": [A, B]}, ROWS),
    "Laplace": ({"loc": A, "scale": B}, REAL),
    "Cauchy": ({"loc": A, "scale": B}, REAL),
    "HalfNormal": ({"scale": B}, POSITIVE),
    "Gumbel": ({"loc": A, "scale": B}, REAL),
    "StudentT": ({"df": [0.9, 1.5, 4.0], "loc": A, "scale": B}, REAL),
    "MultivariateNormal": ({"loc": [0.5, 1.0], "covariance_matrix": [[2.0, 0.5], [0.5, 1.0]]}, [0.1, -0.4]),
    "RelaxedBernoulli": ({"temperature": 0.7, "probs": C}, UNIT),
    "RelaxedOneHotCategorical": ({"temperature": 0.7, "probs": ROWS}, ROWS),
}
DISCRETE = ("Bernoulli", "Categorical", "OneHotCategorical", "Multinomial", "Binomial", "Geometric", "Poisson")
TRANSFORMED = ("LogNormal", "HalfNormal", "RelaxedBernoulli", "RelaxedOneHotCategorical")
WITH_RSAMPLE = [n for n in FAMILIES if n not in DISCRETE]


def tensors(lib, parameters, grad=False):
    return {
        k: v if isinstance(v, int) else lib.tensor(v, requires_grad=grad and k != "temperature") for k, v in parameters.items()
    }


def make(lib, name, grad=False):
    parameters = tensors(lib, FAMILIES[name][0], grad)
    return getattr(lib.distributions, name)(**parameters), parameters


def same(ours, theirs, **tolerance):
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(ours.dtype) == str(theirs.dtype)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), **{"rtol": 2e-5, "atol": 2e-6, **tolerance})


def outcome(lib, call):
    """What a call gives, or the kind of error."""
    try:
        return call(lib)
    except (NotImplementedError, ValueError) as error:
        return type(error)


def compare(call):
    ours, theirs = outcome(powerhouse, call), outcome(torch, call)
    if isinstance(theirs, type):
        assert ours is theirs or theirs is NotImplementedError
    else:
        assert not isinstance(ours, type), ours
        same(ours, theirs)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("shape", [(), (4,), (2, 3)])
def test_draws_are_those_of_pytorch(name, shape):
    for lib in (powerhouse, torch):
        lib.manual_seed(3)
    ours, theirs = make(powerhouse, name)[0].sample(shape), make(torch, name)[0].sample(shape)
    same(ours, theirs)
    assert not ours.requires_grad
    same(powerhouse.rand(3), torch.rand(3), rtol=0, atol=0)  # both streams stand at the same place


@pytest.mark.parametrize("name", WITH_RSAMPLE)
def test_differentiable_draws(name):
    """Same draws, same gradients. PyTorch's own for gamma, beta, Dirichlet are approximations, good to about one part in a thousand."""
    found = []
    for lib in (powerhouse, torch):
        lib.manual_seed(5)
        d, parameters = make(lib, name, grad=True)
        assert d.has_rsample
        x = d.rsample((6,))
        (x * lib.arange(x.numel()).reshape(x.shape)).sum().backward()
        found.append((x, [p.grad for p in parameters.values() if getattr(p, "grad", None) is not None]))
    same(found[0][0], found[1][0])
    assert len(found[0][1]) == len(found[1][1]) > 0
    loose = name in ("Gamma", "Chi2", "Beta", "Dirichlet", "StudentT")
    for ours, theirs in zip(found[0][1], found[1][1], strict=True):
        same(ours, theirs, **({"rtol": 5e-3, "atol": 5e-2} if loose else {"rtol": 1e-4, "atol": 1e-4}))


@pytest.mark.parametrize("name", FAMILIES)
def test_densities_and_their_gradients(name):
    found = []
    for lib in (powerhouse, torch):
        d, parameters = make(lib, name, grad=True)
        out = d.log_prob(lib.tensor(FAMILIES[name][1]))
        out.sum().backward()
        found.append((out, [p.grad for p in parameters.values() if getattr(p, "grad", None) is not None]))
    same(found[0][0], found[1][0])
    for ours, theirs in zip(found[0][1], found[1][1], strict=True):
        same(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("what", ["mean", "variance", "stddev", "mode", "entropy", "perplexity", "cdf", "icdf", "enumerate_support"])
@pytest.mark.parametrize("name", FAMILIES)
def test_moments(name, what):
    def call(lib):
        value = getattr(make(lib, name)[0], what)
        scored = {"cdf": FAMILIES[name][1], "icdf": UNIT}
        return value(lib.tensor(scored[what])) if what in scored else value() if callable(value) else value

    compare(call)


@pytest.mark.parametrize("name", FAMILIES)
def test_expand(name):
    def call(lib, view):
        d = make(lib, name)[0]
        return view(d.expand((2, *d.batch_shape)), lib)

    for view in (lambda d, _: d.batch_shape, lambda d, _: d.event_shape):
        assert tuple(call(powerhouse, view)) == tuple(call(torch, view))
    score = lambda d, lib: d.log_prob(lib.tensor(FAMILIES[name][1]))  # noqa: E731
    same(call(powerhouse, score), call(torch, score))
    for lib in (powerhouse, torch):
        lib.manual_seed(1)
    same(call(powerhouse, lambda d, _: d.sample((2,))), call(torch, lambda d, _: d.sample((2,))))


@pytest.mark.parametrize("name", [n for n in FAMILIES if n not in TRANSFORMED])
def test_repr(name):
    assert repr(make(powerhouse, name)[0]) == repr(make(torch, name)[0])


WRONG = {
    "scale": lambda lib: lib.distributions.Normal(0.0, lib.tensor([-1.0])),
    "both": lambda lib: lib.distributions.Bernoulli(probs=lib.tensor(0.5), logits=lib.tensor(0.5)),
    "flat": lambda lib: lib.distributions.Categorical(lib.tensor(0.5)),
    "bounds": lambda lib: lib.distributions.Uniform(1.0, 0.0),
    "simplex": lambda lib: lib.distributions.Normal(0.0, 1.0).log_prob(3.0),
    "support": lambda lib: lib.distributions.Exponential(1.0).log_prob(lib.tensor(-1.0)),
    "integer": lambda lib: lib.distributions.Categorical(lib.ones(3)).log_prob(lib.tensor(3)),
    "shape": lambda lib: lib.distributions.Dirichlet(lib.ones(3)).log_prob(lib.ones(2)),
    "broadcast": lambda lib: lib.distributions.Normal(lib.zeros(3), 1.0).log_prob(lib.zeros(2)),
    "covariances": lambda lib: lib.distributions.MultivariateNormal(lib.zeros(2)),
    "definite": lambda lib: lib.distributions.MultivariateNormal(lib.zeros(2), -lib.eye(2)),
    "independent": lambda lib: lib.distributions.Independent(lib.distributions.Normal(0.0, 1.0), 1),
    "mixture": lambda lib: lib.distributions.MixtureSameFamily(
        lib.distributions.Categorical(lib.ones(2)), lib.distributions.Normal(lib.zeros(3), 1.0)
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_error_texts(name):
    with pytest.raises(ValueError) as theirs:
        WRONG[name](torch)
    with pytest.raises(ValueError) as ours:
        WRONG[name](powerhouse)
    assert str(ours.value) == str(theirs.value).replace("torch.distributions.torch", "torch")


def other(lib, name):
    """A second member of a family."""
    parameters = tensors(lib, FAMILIES[name][0])
    for key, value in parameters.items():
        if key in ("loc", "scale", "rate", "concentration", "concentration0", "high"):
            parameters[key] = value * 1.5
        elif key in ("probs", "logits"):
            parameters[key] = value.flip(-1)
    return getattr(lib.distributions, name)(**parameters)


SELF_PAIRS = [n for n in FAMILIES if n not in ("Chi2", "Multinomial", "StudentT", "RelaxedBernoulli", "RelaxedOneHotCategorical")]
PAIRS = [(n, n) for n in SELF_PAIRS] + [
    ("Exponential", "Gamma"), ("Gamma", "Exponential"), ("Exponential", "Normal"), ("Gamma", "Normal"), ("Gumbel", "Normal"),
    ("Laplace", "Normal"), ("Uniform", "Normal"), ("Normal", "Laplace"), ("Chi2", "Gamma"), ("Normal", "Gamma"), ("Gamma", "Uniform"),
    ("Poisson", "Binomial"),
]  # fmt: skip


@pytest.mark.parametrize("p, q", PAIRS)
def test_divergences(p, q):
    compare(lambda lib: lib.distributions.kl_divergence(make(lib, p)[0], other(lib, q)))


COMPOUNDS = {
    "independent": lambda D, lib: D.Independent(D.Normal(lib.zeros(2, 3), lib.tensor(B)), 1),
    "mixture": lambda D, lib: D.MixtureSameFamily(D.Categorical(lib.tensor(C)), D.Normal(lib.tensor(A), lib.tensor(B))),
    "mixture of vectors": lambda D, lib: D.MixtureSameFamily(
        D.Categorical(lib.tensor(C)), D.Independent(D.Normal(lib.tensor([[0.5, 1.0]] * 3), lib.ones(3, 2)), 1)
    ),
    "tanh": lambda D, lib: D.TransformedDistribution(D.Normal(lib.tensor(A), lib.tensor(B)), [D.TanhTransform(cache_size=1)]),
    "chain": lambda D, lib: D.TransformedDistribution(
        D.Uniform(lib.zeros(3), 1.0),
        [D.SigmoidTransform().inv, D.AffineTransform(lib.tensor(A), -2.0), D.ExpTransform(), D.PowerTransform(0.5)],
    ),
    "events": lambda D, lib: D.TransformedDistribution(
        D.Normal(lib.zeros(3), 1.0), D.AffineTransform(lib.tensor(A), lib.tensor(B), event_dim=1)
    ),
    "softplus": lambda D, lib: D.TransformedDistribution(D.Normal(0.0, lib.tensor(B)), D.SoftplusTransform()),
    "straight through": lambda D, lib: D.OneHotCategoricalStraightThrough(lib.tensor(ROWS)),
    "precision": lambda D, lib: D.MultivariateNormal(lib.zeros(2), precision_matrix=lib.tensor([[2.0, 0.5], [0.5, 1.0]])),
    "batched tril": lambda D, lib: D.MultivariateNormal(lib.zeros(4, 2), scale_tril=lib.tensor([[2.0, 0.0], [0.5, 1.0]])),
}


@pytest.mark.parametrize("name", COMPOUNDS)
def test_compounds(name):
    ours, theirs = (COMPOUNDS[name](lib.distributions, lib) for lib in (powerhouse, torch))
    assert (tuple(ours.batch_shape), tuple(ours.event_shape)) == (tuple(theirs.batch_shape), tuple(theirs.event_shape))
    for lib in (powerhouse, torch):
        lib.manual_seed(7)
    x, y = ours.sample((3,)), theirs.sample((3,))
    same(x, y)
    same(ours.log_prob(x), theirs.log_prob(y), rtol=1e-4, atol=1e-5)
    for what in ("mean", "variance"):
        compare(lambda lib: getattr(COMPOUNDS[name](lib.distributions, lib), what))  # noqa: B023
    grown = [d.expand((3, *d.batch_shape)).log_prob(v) for d, v in ((ours, x), (theirs, y))]
    same(*grown, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_dtypes(dtype):
    for lib in (powerhouse, torch):
        lib.manual_seed(2)
    ours, theirs = (lib.distributions.Normal(lib.zeros(3, dtype=getattr(lib, dtype)), 2.0).rsample((2,)) for lib in (powerhouse, torch))
    same(ours, theirs)
