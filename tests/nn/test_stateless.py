"""Modules called with other parameters."""

from __future__ import annotations

import pytest

import powerhouse as torch
from powerhouse.nn.utils.stateless import functional_call


def test_given_parameters_are_used_and_get_the_gradients():
    """The module's own stay as they are, also after an error."""
    model = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False), torch.nn.BatchNorm1d(2))
    own = model[0].weight
    w = torch.eye(2, requires_grad=True)
    x = torch.tensor([[1.0, 2.0], [3.0, 5.0]])
    model.eval()
    out = functional_call(model, {"0.weight": w, "1.running_mean": torch.ones(2)}, (x,))
    assert torch.allclose(out, (x - 1) / (1 + 1e-5) ** 0.5)
    out.sum().backward()
    assert w.grad is not None and own.grad is None and model[0].weight is own and model[1].running_mean.tolist() == [0, 0]
    with pytest.raises(RuntimeError):
        functional_call(model, {"0.weight": w}, torch.ones(3, 3))
    assert model[0].weight is own


def test_tied_weights():
    """Replaced under all of their names, unless told otherwise."""
    model = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False))
    model[1].weight = model[0].weight
    with torch.no_grad():
        model[0].weight.fill_(2.0)
    x, w = torch.ones(1, 1), torch.full((1, 1), 3.0)
    assert functional_call(model, {"0.weight": w}, x).item() == 9
    assert functional_call(model, {"0.weight": w}, x, tie_weights=False).item() == 6


def test_refusals():
    """Unknown, missing and doubled names."""
    layer = torch.nn.Linear(1, 1)
    with pytest.raises(KeyError, match="no parameter or buffer"):
        functional_call(layer, {"wait": torch.ones(1)}, torch.ones(1))
    with pytest.raises(RuntimeError, match=r"Missing key\(s\): \['bias'\]"):
        functional_call(layer, {"weight": torch.ones(1, 1)}, torch.ones(1), strict=True)
    with pytest.raises(ValueError, match="multiple dictionaries"):
        functional_call(layer, ({"bias": torch.ones(1)}, {"bias": torch.ones(1)}), torch.ones(1))
