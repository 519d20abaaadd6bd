"""Comparisons of whole tensors: their answer is a Python bool, so they read values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.errors import describe
from ..graph.op import REGISTRY
from ._tensor import Tensor
from .apply import apply, is_tensor


def _need_tensors(op: str, *operands: Any) -> None:
    for x in operands:
        if not is_tensor(x):
            raise TypeError(f"{op}(): expected Tensor arguments, got {describe(x)}")


def equal(input: Any, other: Any) -> bool:
    """Whether two tensors have the same shape and the same elements; nan equals nothing.

    >>> import powerhouse as torch
    >>> torch.equal(torch.tensor([1, 2]), torch.tensor([1, 2]))
    True
    """
    _need_tensors("equal", input, other)
    if tuple(input.shape) != tuple(other.shape):
        return False
    return bool(np.all(input._array() == other._array()))


def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements satisfy `|input - other| <= atol + rtol * |other|`; shapes are broadcast.

    >>> import powerhouse as torch
    >>> torch.allclose(torch.tensor([1.0]), torch.tensor([1.0 + 1e-7]))
    True
    """
    _need_tensors("allclose", input, other)
    return bool(apply(REGISTRY["isclose"], (input, other, rtol, atol, equal_nan))._array().all())


Tensor.equal, Tensor.allclose = equal, allclose  # type: ignore[method-assign]
__all__ = ["allclose", "equal"]
