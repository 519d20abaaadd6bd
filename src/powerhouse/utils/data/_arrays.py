"""Tensors as NumPy arrays, for code that moves samples about; the one place here that knows how a tensor holds its values."""

from __future__ import annotations

import numpy as np

from powerhouse.core import dtypes
from powerhouse.graph.symbol import Type
from powerhouse.tensors import Tensor
from powerhouse.tensors.apply import wrap_array


def is_plain(tensor: Tensor) -> bool:
    """Whether a tensor is no more than its array: not of a subclass, in host memory, without a gradient."""
    return type(tensor) is Tensor and not tensor.requires_grad and tensor.device.type == "cpu"


def array_of(tensor: Tensor) -> np.ndarray:
    """The values, to be read at once. (``Tensor.numpy()`` would mark the tensor as shared, which slows its later uses.)

    Example:
        >>> import powerhouse as ph
        >>> array_of(ph.arange(3))
        array([0, 1, 2])
    """
    return tensor._array()


def tensor_of(array: np.ndarray) -> Tensor:
    """A tensor that takes over the memory of an array which nobody else writes to from now on.

    Raises:
        TypeError: the array's dtype has no counterpart.

    Example:
        >>> tensor_of(np.zeros(2))
        tensor([0., 0.], dtype=torch.float64)
    """
    return wrap_array(array, Type(array.shape, dtypes.from_numpy(array.dtype)))
