"""Folding batch normalization into the layer before it, for evaluation."""

from __future__ import annotations

import copy
from typing import Any

from ...tensors import Tensor
from ...tensors import functions as ph
from ..module import Module
from ..parameter import Parameter

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A copy of the convolution that does what convolution and batch normalization do one after the other.

    Both must be in evaluation mode (RuntimeError); `transpose` says that the convolution is a transposed one.
    """
    return _fused(conv, bn, lambda *tensors: fuse_conv_bn_weights(*tensors, transpose=transpose))


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A copy of the linear layer that does what it and the batch normalization after it do; both in evaluation mode."""
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise AssertionError("To fuse, linear.out_features == bn.num_features or bn.num_features == 1")
    return _fused(linear, bn, fuse_linear_bn_weights)


def _fused(layer: Any, bn: Any, fuse: Any) -> Module:
    if layer.training or bn.training:
        raise RuntimeError("fuse: only for evaluation: call eval() on both modules first")
    if bn.running_mean is None or bn.running_var is None:
        raise ValueError("fuse: bn must have running_mean and running_var")
    fused = copy.deepcopy(layer)
    fused.weight, fused.bias = fuse(layer.weight, layer.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias)
    return fused


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a convolution followed by batch normalization with these statistics, scale and shift."""
    scale, shift = _scale_and_shift(conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)
    shape = [1] * conv_w.dim()
    shape[1 if transpose else 0] = -1
    return _parameters(conv_w * scale.reshape(shape), shift, conv_w, conv_b)


def fuse_linear_bn_weights(
    linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Tensor | None, bn_b: Tensor | None
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a linear layer followed by batch normalization with these statistics, scale and shift."""
    scale, shift = _scale_and_shift(linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)
    return _parameters(linear_w * scale.unsqueeze(-1), shift, linear_w, linear_b)


def _scale_and_shift(bias: Any, mean: Tensor, var: Tensor, eps: float, weight: Any, shift: Any) -> tuple[Tensor, Tensor]:
    scale = (var + eps).rsqrt() * (1.0 if weight is None else weight)
    moved = (ph.zeros_like(mean) if bias is None else bias) - mean
    return scale, moved * scale + (0.0 if shift is None else shift)


def _parameters(weight: Tensor, bias: Tensor, old_weight: Tensor, old_bias: Tensor | None) -> tuple[Parameter, Parameter]:
    trained = old_weight.requires_grad
    bias_trained = trained if old_bias is None else old_bias.requires_grad
    return Parameter(weight.detach(), trained), Parameter(bias.detach(), bias_trained)
