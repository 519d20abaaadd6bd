"""Containers behave as the lists and dicts they stand for, and register what they hold."""

from __future__ import annotations

from collections import OrderedDict

import pytest

import powerhouse as ph
from powerhouse import nn


def layers(*sizes):
    return [nn.Linear(size, size) for size in sizes]


def sizes(container):
    return [layer.in_features for layer in container]


def test_sequential_as_a_list():
    net = nn.Sequential(*layers(1, 2, 3))
    assert len(net) == 3 and sizes(net[1:]) == [2, 3] and net[-1].in_features == 3
    net.append(nn.Linear(4, 4)).insert(0, nn.Linear(0 + 9, 9)).extend(layers(5))
    assert sizes(net) == [9, 1, 2, 3, 4, 5] and list(net._modules) == list("012345")
    del net[0]
    del net[-2:]
    assert sizes(net) == [1, 2, 3] and sizes(net + net) == [1, 2, 3, 1, 2, 3] and sizes(net * 2) == sizes(2 * net) == [1, 2, 3] * 2
    assert net.pop(1).in_features == 2 and sizes(net) == [1, 3]
    net[0] = nn.Linear(8, 8)
    net *= 2
    net += nn.Sequential(nn.Linear(7, 7))
    assert sizes(net) == [8, 3, 8, 3, 7]
    with pytest.raises(IndexError, match="index 9 is out of range"):
        net[9]
    with pytest.raises(ValueError, match="add operator supports only objects of Sequential class"):
        net + layers(1)
    with pytest.raises(ValueError, match="Non-positive multiplication factor 0"):
        net * 0


def test_sequential_with_names():
    net = nn.Sequential(OrderedDict(a=nn.Linear(2, 3), b=nn.ReLU()))
    assert net.a.out_features == 3 and list(net[:1]._modules) == ["a"] and net(ph.ones(4, 2)).shape == (4, 3)


def test_module_list():
    row = nn.ModuleList(layers(1, 2, 3))
    assert sizes(row[1:]) == [2, 3] and isinstance(row[1:], nn.ModuleList)
    row.insert(1, nn.Linear(5, 5))
    row += layers(6)
    row[-1] = nn.Linear(7, 7)
    assert sizes(row) == [1, 5, 2, 3, 7] and sizes(row + layers(8)) == [1, 5, 2, 3, 7, 8] and len(list(row.parameters())) == 10
    del row[::2]
    assert sizes(row) == [5, 3] and list(row._modules) == ["0", "1"] and row.pop(-1).in_features == 3
    with pytest.raises(TypeError, match="ModuleList.extend should be called with an iterable, but got int"):
        row.extend(3)
    assert repr(nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()])) == "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n)"
    assert repr(nn.ModuleList()) == "ModuleList()"


def test_module_dict():
    table = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Linear(2, 2)})
    table["c"] = nn.Tanh()
    table.update([("d", nn.GELU())])
    assert list(table) == list(table.keys()) == ["a", "b", "c", "d"] and "c" in table and len(table) == 4
    assert isinstance(table.pop("a"), nn.ReLU) and [type(m).__name__ for m in table.values()] == ["Linear", "Tanh", "GELU"]
    assert dict(table.items())["b"] is table.b
    with pytest.raises(ValueError, match="sequence element #0 has length 1; 2 is required"):
        table.update([("x",)])
    table.clear()
    assert len(table) == 0


def test_parameter_list():
    row = nn.ParameterList([nn.Parameter(ph.zeros(2)), ph.ones(3)])
    row.append(ph.ones(4, 1))
    assert all(isinstance(parameter, nn.Parameter) for parameter in row) and len(row) == 3
    assert [tuple(parameter.shape) for parameter in row[1:]] == [(3,), (4, 1)]
    row[0] = ph.zeros(5)
    assert list(row.state_dict()) == ["0", "1", "2"] and row[-3].shape == (5,)
    assert repr(row).splitlines()[3] == "    (2): Parameter containing: [torch.float32 of size 4x1]"
    with pytest.raises(IndexError, match="index 3 is out of range"):
        row[3]
    with pytest.raises(RuntimeError, match="ParameterList should not be called"):
        row()


def test_parameter_dict():
    table = nn.ParameterDict({"a": ph.zeros(2), "b": 3})
    table["c"] = nn.Parameter(ph.ones(1))
    assert list(table) == ["a", "b", "c"] and list(dict(table.named_parameters())) == ["a", "c"] and table["b"] == 3
    assert table.get("x", 5) == 5 and table.pop("b") == 3 and table.setdefault("a") is table["a"]
    other = nn.ParameterDict([("z", ph.zeros(1))])
    assert list(table | other) == ["a", "c", "z"] and list(table.copy()) == ["a", "c"]
    table |= other
    assert table.popitem()[0] == "z" and list(reversed(table)) == ["c", "a"]
    assert repr(table).splitlines()[1] == "    (a): Parameter containing: [torch.FloatTensor of size 2]"
    with pytest.raises(TypeError, match="not a string"):
        table[3]
    table.clear()
    assert len(table) == 0 and not list(table.parameters())


def test_data_parallel_adds_a_prefix():
    net = nn.DataParallel(nn.Linear(2, 3))
    assert net(ph.ones(1, 2)).shape == (1, 3) and list(net.state_dict()) == ["module.weight", "module.bias"]
