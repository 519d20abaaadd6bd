"""Helpers of the families: parameters brought to one shape, probabilities and their logits, attributes computed when first read."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from numbers import Number
from typing import Any

from ..core.shapes import Size
from ..tensors import Tensor, broadcast_tensors, enable_grad, finfo, get_default_dtype, is_tensor, tensor

__all__ = ["broadcast_all", "clamp_probs", "lazy_property", "logits_to_probs", "probs_to_logits"]

euler_constant = 0.57721566490153286060


def broadcast_all(*values: Tensor | float) -> tuple[Tensor, ...]:
    """The values as tensors of one shape; numbers take the dtype of the first tensor. ValueError for anything else.

    >>> broadcast_all(torch.zeros(2), 1.0)
    (tensor([0., 0.]), tensor([1., 1.]))
    """
    if not all(is_tensor(v) or isinstance(v, Number) for v in values):
        raise ValueError("Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__.")
    kind = next((v.dtype for v in values if is_tensor(v)), get_default_dtype())
    return tuple(broadcast_tensors(*(v if is_tensor(v) else tensor(v, dtype=kind) for v in values)))


def shape_of(*parameters: Any) -> Size:
    """The batch shape of broadcast parameters: that of the first tensor, or () where all were numbers."""
    return next((Size(p.shape) for p in parameters if is_tensor(p)), Size())


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities kept off 0 and 1 by the dtype's epsilon, so that their logits are finite."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Log odds to probabilities where `is_binary`, else a softmax of the last dimension."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities to log odds where `is_binary`, else their logarithms."""
    clamped = clamp_probs(probs)
    return clamped.log() - (-clamped).log1p() if is_binary else clamped.log()


def sum_rightmost(value: Tensor, dims: int) -> Tensor:
    """The sum over the last `dims` dimensions."""
    return value.sum(tuple(range(-dims, 0))) if dims else value


def exactly_one(probs: Any, logits: Any) -> None:
    """ValueError unless one of the two is given."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


class lazy_property:  # PyTorch's name
    """A property computed at its first use and kept on the instance; with gradients, even when first read under `no_grad`."""

    def __init__(self, function: Callable[[Any], Tensor]) -> None:
        self._function = function
        update_wrapper(self, function)

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self._function(instance)
        instance.__dict__[self._function.__name__] = value
        return value
