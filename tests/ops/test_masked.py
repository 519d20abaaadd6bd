"""Masked reductions against NumPy's masked arrays, covariances against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse as ph
from powerhouse import masked

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 6))
MASK = RNG.random((4, 6)) < 0.6
MASK[:, 0] = True
OURS, THEIRS = ph.tensor(X), np.ma.array(X, mask=~MASK)
REDUCTIONS = {
    "sum": (lambda a, d: a.sum(d), {}),
    "prod": (lambda a, d: a.prod(d), {}),
    "amax": (lambda a, d: a.max(d), {}),
    "amin": (lambda a, d: a.min(d), {}),
    "mean": (lambda a, d: a.mean(d), {}),
    "var": (lambda a, d: a.var(d, ddof=1), {}),
    "std": (lambda a, d: a.std(d, ddof=0), {"correction": 0}),
    "norm": (lambda a, d: np.ma.sqrt((a**2).sum(d)), {}),
    "logsumexp": (lambda a, d: np.ma.log(np.ma.exp(a).sum(d)), {}),
}


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("dim", [0, 1])
def test_masked_reductions_are_those_of_masked_arrays(name, dim):
    reduce, options = REDUCTIONS[name]
    got = getattr(masked, name)(OURS, dim=dim, mask=ph.tensor(MASK), **options)
    want = reduce(THEIRS, dim)
    seen = ~np.ma.getmaskarray(want)
    np.testing.assert_allclose(got.numpy()[seen], np.asarray(want)[seen], rtol=1e-10)


def test_masked_softmax_gives_nothing_to_what_is_left_out():
    got = masked.softmax(OURS, 1, mask=ph.tensor(MASK)).numpy()
    e = np.where(MASK, np.exp(X), 0)
    np.testing.assert_allclose(got, e / e.sum(1, keepdims=True), rtol=1e-12)


def test_what_is_left_out_gets_no_gradient():
    for name in REDUCTIONS:
        x = ph.tensor(X, requires_grad=True)
        getattr(masked, name)(x, dim=1, mask=ph.tensor(MASK)).sum().backward()
        assert not x.grad.numpy()[~MASK].any(), name


def test_a_mask_that_does_not_fit_is_refused():
    with pytest.raises((IndexError, RuntimeError), match="mask|must match"):
        masked.sum(OURS, mask=ph.ones(5, dtype=ph.bool))


@pytest.mark.parametrize(
    "options", [{}, {"correction": 0}, {"fweights": np.array([1, 2, 1, 3, 1, 1])}, {"aweights": np.linspace(0.5, 1, 6)}]
)
def test_covariance_is_that_of_numpy(options):
    theirs = {"ddof" if k == "correction" else k: v for k, v in options.items()}
    got = ph.cov(OURS, **{k: ph.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()})
    np.testing.assert_allclose(got.numpy(), np.cov(X, **theirs), rtol=1e-10)


def test_correlation_is_that_of_numpy():
    np.testing.assert_allclose(ph.corrcoef(OURS).numpy(), np.corrcoef(X), rtol=1e-10)
