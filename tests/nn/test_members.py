"""Registered members as attributes: the class learns their names, the tables say what they are."""

import pytest

import powerhouse as torch
from powerhouse import nn


def test_another_instance_may_lack_a_member():
    class Net(nn.Module):
        def __init__(self, with_bias):
            super().__init__()
            if with_bias:
                self.bias = nn.Parameter(torch.zeros(2))

    assert Net(True).bias.shape == (2,)
    assert not hasattr(Net(False), "bias") and not hasattr(Net, "bias")
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'bias'"):
        _ = Net(False).bias


def test_plain_attribute_takes_the_place():
    net = nn.Linear(2, 2)
    del net.weight
    assert not hasattr(net, "weight")
    net.weight = "plain"
    assert net.weight == "plain" and nn.Linear(2, 2).weight.shape == (2, 2)


def test_tables_are_the_truth():
    net = nn.Linear(2, 2)
    net._parameters["weight"] = None
    assert net.weight is None
    del net._parameters["weight"]
    net.register_buffer("weight", torch.ones(1))
    assert net.weight.shape == (1,)


def test_property_of_a_subclass_wins():
    class Doubled(nn.Linear):
        def __init__(self):
            nn.Module.__init__(self)
            self.halved = nn.Parameter(torch.ones(2, 2))

        @property
        def weight(self):
            return self.halved * 2

    assert type(nn.Linear(2, 2).weight) is nn.Parameter
    assert Doubled().weight.tolist() == [[2.0, 2.0], [2.0, 2.0]]


def test_own_getattr_is_still_asked():
    class Wrapper(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(self.inner, name)

    assert Wrapper(nn.Linear(2, 3)).weight.shape == (3, 2)


def test_what_stands_behind_the_class_is_found():
    class Helper:
        def extra(self):
            return 7

    class Net(nn.Module, Helper):
        pass

    plain = nn.Module()
    plain.extra = nn.Linear(2, 2)
    assert isinstance(plain.extra, nn.Linear) and Net().extra() == 7
    net = nn.Linear(2, 2)
    del net._parameters["weight"]
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'weight'"):
        _ = net.weight
