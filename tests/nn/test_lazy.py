"""Lazy modules: saving, loading, copying and moving them before and after their shapes are known."""

from __future__ import annotations

import copy
import pickle

import pytest

import powerhouse as ph
from powerhouse import nn


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))], ids=["deepcopy", "pickle"])
def test_copies_stay_lazy(duplicate):
    net = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())
    twin = duplicate(net)
    assert twin(ph.ones(2, 5)).shape == (2, 3)
    assert type(twin[0]) is nn.Linear and type(net[0]) is nn.LazyLinear and net[0].has_uninitialized_params()
    assert not twin[0]._forward_pre_hooks and net[0]._forward_pre_hooks


def test_loading_gives_the_shapes():
    source, net = nn.Linear(4, 2), nn.LazyLinear(2)
    net.load_state_dict(source.state_dict())
    assert type(net) is nn.LazyLinear and net.weight.shape == (2, 4)
    assert (net(ph.ones(1, 4)) == source(ph.ones(1, 4))).all() and type(net) is nn.Linear


def test_before_the_first_call():
    net = nn.LazyLinear(2)
    assert isinstance(net.weight, nn.UninitializedParameter) and net.weight.requires_grad
    assert repr(net.weight) == "<UninitializedParameter>" and list(net.state_dict()) == ["weight", "bias"]
    with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized parameter or buffer"):
        _ = net.weight.shape
    net.to(ph.float64)
    assert net(ph.ones(1, 4, dtype=ph.float64)).dtype is ph.float64


def test_optimizing_after_the_first_call():
    net = nn.Sequential(nn.LazyConv1d(4, 3), nn.Flatten(), nn.LazyLinear(1))
    net(ph.ones(2, 3, 8)).sum().backward()
    assert [tuple(parameter.grad.shape) for parameter in net.parameters()] == [(4, 3, 3), (4,), (1, 24), (1,)]


def test_wrong_input():
    with pytest.raises(RuntimeError, match="Expected 3D .unbatched. or 4D .batched. input to LazyConv2d"):
        nn.LazyConv2d(3, 2)(ph.ones(2, 2))
