"""Parametrizations, weight and spectral norm, and folding batch normalization."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import powerhouse as ph
from powerhouse import nn
from powerhouse.nn.utils import fusion, parametrizations, parametrize, remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).transpose(-1, -2)

    def right_inverse(self, x):
        return x.triu()


class Counting(nn.Module):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return 2 * x


def test_register_use_and_remove():
    layer = nn.Linear(3, 3)
    value = layer.weight.detach().clone()
    assert parametrize.register_parametrization(layer, "weight", Symmetric()) is layer
    assert type(layer).__name__ == "ParametrizedLinear" and isinstance(layer, nn.Linear)
    assert parametrize.type_before_parametrizations(layer) is nn.Linear
    assert parametrize.is_parametrized(layer, "weight") and not parametrize.is_parametrized(layer, "bias")
    assert (layer.weight == Symmetric()(value)).all()
    assert [name for name, _ in layer.named_parameters()] == ["bias", "parametrizations.weight.original"]
    layer(ph.ones(2, 3)).sum().backward()
    assert layer.parametrizations.weight.original.grad.tril(-1).abs().sum().item() == 0
    layer.weight = ph.ones(3, 3)
    assert (layer.weight == 1).all() and layer.parametrizations.weight.original.tolist()[2] == [0.0, 0.0, 1.0]
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear and isinstance(layer.weight, nn.Parameter) and (layer.weight == 1).all()


def test_several_and_cached():
    layer = nn.Linear(2, 2)
    value = layer.weight.detach().clone()
    counting = Counting()
    parametrize.register_parametrization(layer, "weight", counting)
    parametrize.register_parametrization(layer, "weight", counting)
    np.testing.assert_allclose(layer.weight.detach().numpy(), 4 * value.numpy(), rtol=1e-6)
    before = counting.calls
    with parametrize.cached():
        assert layer.weight is layer.weight
    assert counting.calls == before + 2
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    assert (layer.weight == value).all()


def test_copies_and_errors():
    layer = nn.Linear(2, 2)
    parametrize.register_parametrization(layer, "weight", Counting())
    twin = copy.deepcopy(layer)
    with ph.no_grad():
        twin.parametrizations.weight.original.fill_(1)
    assert (twin.weight == 2).all() and not (layer.weight == 2).any()
    with pytest.raises(RuntimeError, match="Serialization of parametrized modules is only supported through state_dict"):
        pickle.dumps(layer)
    with pytest.raises(ValueError, match="does not have a parameter, a buffer, or a parametrized element with name 'x'"):
        parametrize.register_parametrization(nn.Linear(2, 2), "x", Counting())
    with pytest.raises(ValueError, match="does not have a parametrization on bias"):
        parametrize.remove_parametrizations(layer, "bias")
    with pytest.raises(ValueError, match="must keep shape and dtype unless unsafe=True"):
        parametrize.register_parametrization(nn.Linear(2, 3), "weight", nn.Flatten(0))


def weights_from(theirs, ours):
    ours.load_state_dict({key: ph.tensor(value.numpy()) for key, value in theirs.state_dict().items()})


@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm"])
def test_norms_against_torch(name):
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    theirs = getattr(torch.nn.utils.parametrizations, name)(torch.nn.Conv1d(3, 4, 2))
    ph.manual_seed(1)
    ours = getattr(parametrizations, name)(nn.Conv1d(3, 4, 2))
    assert list(ours.state_dict()) == list(theirs.state_dict()) and repr(ours) == repr(theirs)
    np.testing.assert_allclose(ours.weight.detach().numpy(), theirs.weight.detach().numpy(), rtol=1e-4, atol=1e-5)
    weights_from(theirs, ours)
    x = np.random.default_rng(0).normal(size=(2, 3, 5)).astype(np.float32)
    for _ in range(2):
        expected, got = theirs(torch.tensor(x)), ours(ph.tensor(x))
        np.testing.assert_allclose(got.detach().numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-5)
    expected.square().sum().backward()
    got.square().sum().backward()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-3, atol=1e-3)


def test_old_weight_norm():
    layer = nn.Linear(3, 2)
    value, x = layer.weight.detach().clone(), ph.ones(1, 3)
    expected = layer(x)
    with pytest.warns(FutureWarning, match="deprecated in favor of"):
        weight_norm(layer)
    assert [name for name, _ in layer.named_parameters()] == ["bias", "weight_g", "weight_v"] and layer.weight_g.shape == (2, 1)
    np.testing.assert_allclose(layer(x).detach().numpy(), expected.detach().numpy(), rtol=1e-5)
    layer(x).sum().backward()
    assert layer.weight_g.grad is not None and layer.weight_v.grad is not None
    new = parametrizations.weight_norm(nn.Linear(3, 2))
    new.load_state_dict(layer.state_dict())
    np.testing.assert_allclose(new(x).detach().numpy(), expected.detach().numpy(), rtol=1e-5)
    remove_weight_norm(layer)
    np.testing.assert_allclose(layer.weight.detach().numpy(), value.numpy(), rtol=1e-5)
    with pytest.raises(ValueError, match="weight_norm of 'weight' not found"):
        remove_weight_norm(layer)


@pytest.mark.parametrize(("layer", "shape"), [("Conv1d", (2, 3, 5)), ("ConvTranspose2d", (2, 3, 5, 5))])
def test_old_spectral_norm_against_torch(layer, shape):
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    theirs = torch.nn.utils.spectral_norm(getattr(torch.nn, layer)(3, 4, 2), n_power_iterations=2)
    ph.manual_seed(1)
    ours = spectral_norm(getattr(nn, layer)(3, 4, 2), n_power_iterations=2)
    assert list(ours.state_dict()) == list(theirs.state_dict()) == ["bias", "weight_orig", "weight_u", "weight_v"]
    assert ours.state_dict()._metadata == theirs.state_dict()._metadata and repr(ours) == repr(theirs)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for mode in (True, True, False):
        ours.train(mode), theirs.train(mode)
        expected, got = theirs(torch.tensor(x)), ours(ph.tensor(x))
        np.testing.assert_allclose(got.detach().numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-5)
        expected.square().sum().backward()
        got.square().sum().backward()
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key].numpy(), value.numpy(), rtol=1e-4, atol=1e-5)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-3, atol=1e-3)
    weights_from(theirs, ours)
    torch.nn.utils.remove_spectral_norm(theirs), remove_spectral_norm(ours)
    np.testing.assert_allclose(ours.weight.detach().numpy(), theirs.weight.detach().numpy(), rtol=1e-4, atol=1e-5)
    assert list(ours.state_dict()) == list(theirs.state_dict()) and not ours._forward_pre_hooks and not ours._state_dict_hooks


def test_old_spectral_norm_errors():
    layer = spectral_norm(nn.Linear(3, 2))
    first, second = layer(ph.ones(1, 3)).sum(), layer(ph.ones(1, 3)).sum()
    (first + second).backward()  # though the second forward changed `weight_u`
    assert layer.weight_orig.grad is not None
    with pytest.raises(RuntimeError, match="Cannot register two spectral_norm hooks"):
        spectral_norm(layer)
    with pytest.raises(ValueError, match="n_power_iterations to be positive"):
        spectral_norm(nn.Linear(3, 2), n_power_iterations=0)
    with pytest.raises(ValueError, match="parameter `bias` is None"):
        spectral_norm(nn.Linear(3, 2, bias=False), "bias")
    with pytest.raises(ValueError, match="can't have uninitialized parameters"):
        spectral_norm(nn.LazyLinear(2))
    with pytest.raises(ValueError, match="spectral_norm of 'weight' not found"):
        remove_spectral_norm(nn.Linear(3, 2))


@pytest.mark.parametrize("make, shape, fuse", [
    (lambda: nn.Conv2d(3, 4, 2), (2, 3, 5, 5), fusion.fuse_conv_bn_eval),
    (lambda: nn.ConvTranspose2d(3, 4, 2, bias=False), (2, 3, 5, 5), lambda conv, bn: fusion.fuse_conv_bn_eval(conv, bn, transpose=True)),
    (lambda: nn.Linear(3, 4), (6, 3), fusion.fuse_linear_bn_eval),
])  # fmt: skip
def test_fusion(make, shape, fuse):
    layer, x = make(), ph.randn(*shape)
    bn = (nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d)(4)
    with pytest.raises(RuntimeError, match="only for evaluation"):
        fuse(layer, bn)
    bn(layer(x) * 3 + 1)  # some statistics
    layer.eval(), bn.eval()
    np.testing.assert_allclose(fuse(layer, bn)(x).detach().numpy(), bn(layer(x)).detach().numpy(), rtol=1e-4, atol=1e-5)
