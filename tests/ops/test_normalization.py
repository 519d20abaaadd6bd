"""Normalizations: against their formulas in NumPy, running statistics, and softmax's edges."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse as ph
from powerhouse.nn import functional as F

RNG = np.random.default_rng(0)
X = RNG.normal(2, 3, (4, 6, 5))


def normalized(x, axes, eps=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def test_layer_norm():
    w, b = RNG.normal(size=(6, 5)), RNG.normal(size=(6, 5))
    got = F.layer_norm(ph.tensor(X), (6, 5), ph.tensor(w), ph.tensor(b), 0.1)
    np.testing.assert_allclose(got.numpy(), normalized(X, (1, 2), 0.1) * w + b, rtol=1e-12)


def test_rms_norm():
    w = RNG.normal(size=5)
    got = F.rms_norm(ph.tensor(X), (5,), ph.tensor(w), 0.1)
    np.testing.assert_allclose(got.numpy(), X / np.sqrt((X**2).mean(-1, keepdims=True) + 0.1) * w, rtol=1e-12)


def test_group_norm():
    w, b = RNG.normal(size=6), RNG.normal(size=6)
    got = F.group_norm(ph.tensor(X), 2, ph.tensor(w), ph.tensor(b))
    want = normalized(X.reshape(4, 2, 3, 5), (2, 3)).reshape(X.shape) * w[:, None] + b[:, None]
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-12)


def test_batch_norm_in_training_moves_the_running_statistics():
    mean, var = RNG.normal(size=6), RNG.uniform(1, 2, 6)
    w, b = RNG.normal(size=6), RNG.normal(size=6)
    running_mean, running_var = ph.tensor(mean), ph.tensor(var)
    got = F.batch_norm(ph.tensor(X), running_mean, running_var, ph.tensor(w), ph.tensor(b), True, 0.3)
    np.testing.assert_allclose(got.numpy(), normalized(X, (0, 2)) * w[:, None] + b[:, None], rtol=1e-12)
    np.testing.assert_allclose(running_mean.numpy(), 0.7 * mean + 0.3 * X.mean((0, 2)), rtol=1e-12)
    np.testing.assert_allclose(running_var.numpy(), 0.7 * var + 0.3 * X.var((0, 2), ddof=1), rtol=1e-12)


def test_batch_norm_in_evaluation_uses_them_and_leaves_them():
    mean, var = RNG.normal(size=6), RNG.uniform(1, 2, 6)
    running_mean, running_var = ph.tensor(mean), ph.tensor(var)
    got = F.batch_norm(ph.tensor(X), running_mean, running_var)
    np.testing.assert_allclose(got.numpy(), (X - mean[:, None]) / np.sqrt(var + 1e-5)[:, None], rtol=1e-12)
    np.testing.assert_array_equal(running_mean.numpy(), mean)
    assert not running_mean.requires_grad


def test_batch_norm_statistics_carry_no_gradient():
    x = ph.tensor(X, requires_grad=True)
    running_mean, running_var = ph.zeros(6, dtype=ph.float64), ph.ones(6, dtype=ph.float64)
    out = F.batch_norm(x, running_mean, running_var, training=True)
    assert out.requires_grad and not running_mean.requires_grad and not running_var.requires_grad
    assert ph.autograd.gradcheck(lambda x: F.batch_norm(x, None, None, training=True), (ph.tensor(X[:, :2, :2], requires_grad=True),))


def test_instance_norm():
    running_mean, running_var = ph.zeros(6, dtype=ph.float64), ph.ones(6, dtype=ph.float64)
    got = F.instance_norm(ph.tensor(X), running_mean, running_var, momentum=0.5)
    np.testing.assert_allclose(got.numpy(), normalized(X, 2), rtol=1e-12)
    np.testing.assert_allclose(running_mean.numpy(), 0.5 * X.mean((0, 2)), rtol=1e-12)
    np.testing.assert_allclose(running_var.numpy(), 0.5 + 0.5 * X.var(2, ddof=1).mean(0), rtol=1e-12)


def test_half_precision_is_computed_in_single_and_rounded_once():
    x = ph.tensor(X).to(ph.bfloat16)
    for call in (lambda x: F.layer_norm(x, (5,)), lambda x: x.softmax(-1), lambda x: F.group_norm(x, 2), lambda x: x.log_softmax(1)):
        assert ph.equal(call(x), call(x.float()).to(ph.bfloat16))


def test_bad_shapes_are_refused_at_the_call():
    with pytest.raises(RuntimeError, match="normalized_shape"):
        F.layer_norm(ph.zeros(2, 3), (4,))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        F.batch_norm(ph.zeros(1, 3), None, None, training=True)
    with pytest.raises(RuntimeError, match="running_mean should contain 3 elements not 2"):
        F.batch_norm(ph.zeros(2, 3), ph.zeros(2), ph.zeros(2))
    with pytest.raises(RuntimeError, match="divisible by num_groups"):
        F.group_norm(ph.zeros(2, 5), 2)


def test_softmax_of_extremes():
    assert ph.tensor([1e30, 0.0]).softmax(0).tolist() == [1, 0]
    assert ph.tensor([-np.inf, 0.0]).softmax(0).tolist() == [0, 1]
    assert ph.tensor([-np.inf, -np.inf]).softmax(0).isnan().all()
    assert ph.tensor([-np.inf, -np.inf]).logsumexp(0).item() == -np.inf
    assert ph.zeros(3, 0).softmax(1).shape == (3, 0)
    np.testing.assert_allclose(ph.tensor([-200.0, 0.0]).log_softmax(0).numpy(), [-200, 0])


def test_softmax_without_a_dim_warns():
    with pytest.warns(UserWarning, match="Implicit dimension"):
        F.softmax(ph.zeros(2, 7))


def test_norms_at_zero_have_gradient_zero():
    for p in (2, 1, 3, 0.5):
        x = ph.zeros(3, requires_grad=True)
        x.norm(p).backward()
        assert x.grad.tolist() == [0, 0, 0], p


def test_products_with_zeros():
    for row, want in (([2.0, 3.0, 4.0], [12, 8, 6]), ([0.0, 3.0, 4.0], [12, 0, 0]), ([0.0, 3.0, 0.0], [0, 0, 0])):
        x = ph.tensor(row, requires_grad=True)
        x.prod().backward()
        assert x.grad.tolist() == want


def test_truth_of_nothing():
    assert ph.zeros(0).all().item() is True and ph.zeros(0).any().item() is False
    assert ph.tensor([np.nan]).all().item() is True
    assert ph.zeros(2, dtype=ph.uint8).any().dtype is ph.uint8
