"""Pruning: masks, their accumulation, making them permanent."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse as ph
from powerhouse import nn
from powerhouse.nn.utils import prune


def layer_of(values):
    layer = nn.Linear(len(values[0]), len(values), bias=False)
    with ph.no_grad():
        layer.weight.copy_(ph.tensor(values))
    return layer


VALUES = [[1.0, -2.0, 3.0], [-4.0, 5.0, -6.0]]


def test_l1_and_again_and_remove():
    layer = prune.l1_unstructured(layer_of(VALUES), "weight", amount=2)
    assert layer.weight.tolist() == [[0.0, 0.0, 3.0], [-4.0, 5.0, -6.0]]
    assert [name for name, _ in layer.named_parameters()] == ["weight_orig"] and list(layer.state_dict()) == ["weight_orig", "weight_mask"]
    assert prune.is_pruned(nn.Sequential(layer))
    prune.l1_unstructured(layer, "weight", amount=0.5)
    assert layer.weight_mask.tolist() == [[0.0, 0.0, 0.0], [0.0, 1.0, 1.0]]
    layer(ph.ones(1, 3)).sum().backward()
    assert layer.weight_orig.grad.tolist() == layer.weight_mask.tolist()
    with ph.no_grad():
        layer.weight_orig.fill_(2.0)
    assert layer(ph.ones(1, 3)).tolist() == [[0.0, 4.0]]
    prune.remove(layer, "weight")
    assert isinstance(layer.weight, nn.Parameter) and layer.weight.tolist() == [[0.0, 0.0, 0.0], [0.0, 2.0, 2.0]]
    assert not prune.is_pruned(layer) and list(layer.state_dict()) == ["weight"]
    with pytest.raises(ValueError, match="has to be pruned before pruning can be removed"):
        prune.remove(layer, "weight")


def test_structured_and_custom():
    layer = prune.ln_structured(layer_of(VALUES), "weight", amount=1, n=2, dim=1)
    assert layer.weight.tolist() == [[0.0, -2.0, 3.0], [0.0, 5.0, -6.0]]
    prune.custom_from_mask(layer, "weight", ph.tensor([[1, 0, 1], [1, 1, 1]]))
    assert layer.weight.tolist() == [[0.0, 0.0, 3.0], [0.0, 5.0, -6.0]]
    ph.manual_seed(0)
    layer = prune.random_structured(layer_of(VALUES), "weight", amount=0.5, dim=0)
    assert sorted((layer.weight == 0).sum(1).tolist()) == [0, 3]
    assert (prune.random_unstructured(layer_of(VALUES), "weight", amount=4).weight == 0).sum().item() == 4
    assert (prune.identity(layer_of(VALUES), "weight").weight == ph.tensor(VALUES)).all()


def test_several_parameters_together():
    net = nn.Sequential(layer_of(VALUES), layer_of([[0.5, 10.0]]))
    prune.global_unstructured([(net[0], "weight"), (net[1], "weight")], prune.l1_unstructured, amount=3)
    assert net[0].weight.tolist() == [[0.0, 0.0, 3.0], [-4.0, 5.0, -6.0]] and net[1].weight.tolist() == [[0.0, 10.0]]


@pytest.mark.parametrize("call", [
    lambda prune, layer: prune.l1_unstructured(layer, "weight", amount=0.3),
    lambda prune, layer: prune.ln_structured(layer, "weight", amount=0.4, n=1, dim=0),
    lambda prune, layer: prune.l1_unstructured(prune.ln_structured(layer, "weight", amount=1, n=2, dim=1), "weight", amount=3),
])  # fmt: skip
def test_masks_against_torch(call):
    torch = pytest.importorskip("torch")
    import torch.nn.utils.prune as theirs_prune

    values = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    theirs = torch.nn.Linear(4, 5, bias=False)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(values))
    ours = call(prune, layer_of(values.tolist()))
    np.testing.assert_array_equal(ours.weight.detach().numpy(), call(theirs_prune, theirs).weight.detach().numpy())


def test_errors_and_state():
    layer = layer_of(VALUES)
    with pytest.raises(ValueError, match="should be smaller than the number of parameters to prune=6"):
        prune.l1_unstructured(layer, "weight", amount=7)
    with pytest.raises(ValueError, match="should either be a float in the range"):
        prune.l1_unstructured(layer, "weight", amount=1.5)
    with pytest.raises(TypeError, match="Invalid type for amount"):
        prune.l1_unstructured(layer, "weight", amount="all")
    assert list(layer.state_dict()) == ["weight"]
    twin = prune.identity(layer_of(VALUES), "weight")
    twin.load_state_dict(prune.custom_from_mask(layer, "weight", ph.zeros(2, 3)).state_dict())
    assert twin(ph.ones(1, 3)).tolist() == [[0.0, 0.0]]
