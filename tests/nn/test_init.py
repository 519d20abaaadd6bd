"""Initial values: the numbers that PyTorch draws, and what they are drawn from."""

from __future__ import annotations

import math

import numpy as np
import pytest

import powerhouse as ph
from powerhouse import nn
from powerhouse.nn import init

CASES = [
    ("uniform_", (4, 5), (-1.0, 3.0), {}),
    ("normal_", (40, 5), (1.0, 0.5), {}),
    ("normal_", (3,), (), {}),
    ("trunc_normal_", (40, 5), (), {"std": 1.5}),
    ("trunc_normal_", (20, 5), (0.0, 1.0, 1.5, 2.5), {}),
    ("constant_", (4,), (0.3,), {}),
    ("ones_", (4,), (), {}),
    ("zeros_", (4,), (), {}),
    ("eye_", (3, 5), (), {}),
    ("dirac_", (4, 2, 3, 3), (2,), {}),
    ("dirac_", (2, 3, 5), (), {}),
    ("xavier_uniform_", (4, 5, 3, 3), (), {"gain": 2.0}),
    ("xavier_normal_", (4, 5), (), {}),
    ("kaiming_uniform_", (4, 5), (), {"a": math.sqrt(5)}),
    ("kaiming_uniform_", (4, 5, 3), (), {"mode": "fan_out", "nonlinearity": "relu"}),
    ("kaiming_normal_", (4, 5, 3), (), {"nonlinearity": "tanh"}),
    ("orthogonal_", (4, 3, 2), (), {}),
    ("orthogonal_", (6, 4), (2.0,), {}),
    ("sparse_", (10, 4), (0.3,), {"std": 0.5}),
]


@pytest.mark.parametrize("name, shape, args, kwargs", CASES)
def test_same_numbers_as_torch(name, shape, args, kwargs):
    torch = pytest.importorskip("torch")
    torch.manual_seed(8)
    expected = getattr(torch.nn.init, name)(torch.empty(shape), *args, **kwargs).numpy()
    ph.manual_seed(8)
    given = ph.empty(shape, requires_grad=True)
    assert getattr(init, name)(given, *args, **kwargs) is given and given.requires_grad and given.is_leaf
    np.testing.assert_allclose(given.detach().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_ranges():
    ph.manual_seed(0)
    assert init.trunc_normal_(ph.empty(1000), a=-0.5, b=0.5).abs().max().item() <= 0.5
    assert 2.0 <= init.trunc_normal_(ph.empty(1000), a=2.0, b=3.5).min().item()
    q = init.orthogonal_(ph.empty(5, 5)).numpy()
    np.testing.assert_allclose(q @ q.T, np.eye(5), atol=1e-5)
    assert ((init.sparse_(ph.empty(10, 4), 0.25) == 0).sum(0) == 3).all()
    bound = 1 / math.sqrt(16)
    assert nn.Linear(16, 50).weight.abs().max().item() <= bound
    assert init.calculate_gain("leaky_relu", 1.0) == 1.0 and init.calculate_gain("selu") == 0.75


@pytest.mark.parametrize("make, message", [
    (lambda: init.kaiming_uniform_(ph.empty(3)), "can not be computed for tensor with fewer than 2 dimensions"),
    (lambda: init.kaiming_uniform_(ph.empty(3, 3), mode="x"), r"Mode x not supported, please use one of \['fan_in', 'fan_out'\]"),
    (lambda: init.calculate_gain("x"), "Unsupported nonlinearity x"),
    (lambda: init.calculate_gain("leaky_relu", True), "negative_slope True not a valid number"),
    (lambda: init.eye_(ph.empty(3)), "Only tensors with 2 dimensions are supported"),
    (lambda: init.dirac_(ph.empty(3, 3)), "Only tensors with 3, 4, or 5 dimensions are supported"),
    (lambda: init.dirac_(ph.empty(3, 3, 3), 2), "dim 0 must be divisible by groups"),
    (lambda: init.orthogonal_(ph.empty(3)), "Only tensors with 2 or more dimensions are supported"),
])  # fmt: skip
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_old_names_and_empty_tensors_warn():
    with pytest.warns(FutureWarning, match="`nn.init.xavier_normal` is now deprecated in favor of `nn.init.xavier_normal_`"):
        init.xavier_normal(ph.empty(2, 2))
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
        init.kaiming_normal_(ph.empty(0, 2))
    with pytest.warns(UserWarning, match="mean is more than 2 std"):
        init.trunc_normal_(ph.empty(3), mean=4.0, std=0.5)
