"""Gradient clipping, and parameters as a vector."""

from __future__ import annotations

import math

import pytest

import powerhouse as ph
from powerhouse import nn
from powerhouse.nn import utils


def with_grads(*grads):
    parameters = [nn.Parameter(ph.zeros(len(grad))) for grad in grads]
    for parameter, grad in zip(parameters, grads, strict=True):
        parameter.grad = ph.tensor(grad)
    return [*parameters, nn.Parameter(ph.zeros(2))]  # the last has no gradient


def grads(parameters):
    return [parameter.grad.tolist() for parameter in parameters if parameter.grad is not None]


@pytest.mark.parametrize("norm_type, total", [(2.0, 13.0), (1, 19.0), ("inf", 12.0), (math.inf, 12.0)])
def test_total_norm(norm_type, total):
    tensors = [ph.tensor([3.0, -4.0]), ph.tensor([12.0])]
    assert utils.get_total_norm(tensors, norm_type).item() == pytest.approx(total)
    assert utils.get_total_norm([]).item() == 0.0


def test_clip_grad_norm():
    parameters = with_grads([3.0, 4.0], [12.0])
    assert utils.clip_grad_norm_(parameters, 6.5).item() == pytest.approx(13.0)
    assert grads(parameters)[0] == pytest.approx([1.5, 2.0]) and grads(parameters)[1] == pytest.approx([6.0])
    assert utils.clip_grad_norm_(parameters, 100.0).item() == pytest.approx(6.5)
    assert grads(parameters)[1] == pytest.approx([6.0])
    assert utils.clip_grad_norm_(parameters[0], 1.0).item() == pytest.approx(2.5)
    utils.clip_grads_with_norm_(parameters[1], 1.0, ph.tensor(2.0))
    assert grads(parameters)[1] == pytest.approx([3.0], rel=1e-5)


def test_clip_grad_norm_of_infinite_gradients():
    parameters = with_grads([math.inf, 1.0])
    with pytest.raises(RuntimeError, match="total norm of order 2.0 for gradients from `parameters` is non-finite"):
        utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    with pytest.warns(UserWarning, match="`parameters` is an empty generator"):
        assert utils.clip_grad_norm_([], 1.0).item() == 0.0
    with pytest.warns(FutureWarning, match="deprecated in favor of torch.nn.utils.clip_grad_norm_"):
        utils.clip_grad_norm(with_grads([1.0]), 1.0)


def test_clip_grad_value():
    parameters = with_grads([3.0, -4.0], [0.5])
    utils.clip_grad_value_(parameters, 1)
    assert grads(parameters) == [[1.0, -1.0], [0.5]]


def test_parameters_as_a_vector():
    net = nn.Linear(2, 2)
    vector = utils.parameters_to_vector(net.parameters())
    assert vector.shape == (6,) and vector[4:].tolist() == net.bias.tolist()
    utils.vector_to_parameters(ph.arange(6.0), net.parameters())
    assert net.weight.tolist() == [[0.0, 1.0], [2.0, 3.0]] and net.bias.tolist() == [4.0, 5.0] and net.weight.requires_grad
    with pytest.raises(TypeError, match="expected torch.Tensor, but got: <class 'list'>"):
        utils.vector_to_parameters([1], net.parameters())
