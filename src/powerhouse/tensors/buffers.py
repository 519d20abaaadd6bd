"""Tensors on memory that is there already."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ._tensor import Tensor
from .apply import is_tensor
from .interop import as_tensor, from_dlpack, from_numpy


def asarray(obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False) -> Tensor:
    """`obj` (a tensor, an array, anything that speaks DLPack or the buffer protocol, numbers, sequences) as a tensor.

    Args:
        copy: None shares memory where possible, True always copies, False raises ValueError where a copy would be needed.
        requires_grad: whether the result is a variable.

    >>> import numpy as np, powerhouse as torch
    >>> a = np.zeros(2); torch.asarray(a)[0] = 3; a
    array([3., 0.])
    """
    shared = obj if is_tensor(obj) else _shared(obj)
    if shared is None or (dtype is not None and dt.as_dtype(dtype, "asarray") is not shared.dtype):
        if copy is False:
            raise ValueError(f"asarray: a copy is needed to make a tensor of {type(obj).__name__}, but copy=False")
        shared = as_tensor(obj if shared is None else shared, dtype=dtype, device=device)
    elif copy:
        shared = shared.clone()
    return shared.requires_grad_(requires_grad) if shared.is_leaf or not requires_grad else shared


def _shared(obj: Any) -> Tensor | None:
    """A tensor on the memory of `obj`; None where there is none."""
    if isinstance(obj, np.ndarray):
        return from_numpy(obj)
    if hasattr(obj, "__dlpack__") and not isinstance(obj, np.generic):
        return from_dlpack(obj)
    if isinstance(obj, (bytes, bytearray, memoryview)):
        return from_numpy(np.asarray(memoryview(obj)))
    return None


def frombuffer(buffer: Any, *, dtype: dt.dtype, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A one-dimensional tensor on the memory of an object with the buffer protocol, such as `bytes` or `array.array`.

    Args:
        count: the number of elements; -1 for all that fit.
        offset: bytes to skip.

    >>> import powerhouse as torch
    >>> torch.frombuffer(bytearray([1, 0, 2, 0]), dtype=torch.int16)
    tensor([1, 2], dtype=torch.int16)
    """
    size, kind = memoryview(buffer).nbytes, dt.as_dtype(dtype, "frombuffer")
    if not 0 <= offset < max(size, 1):
        raise ValueError(
            f"frombuffer: offset ({offset} bytes) must be non-negative and no greater than buffer length ({size} bytes) minus 1"
        )
    left = size - offset
    if count == 0 or count < -1 or size == 0:
        raise ValueError(f"frombuffer: both buffer length ({size}) and count ({count}) must not be 0")
    if count == -1 and left % kind.itemsize:
        raise ValueError(
            f"frombuffer: buffer length ({left} bytes) after offset ({offset} bytes) must be a multiple of element size ({kind.itemsize})"
        )
    if count * kind.itemsize > left:
        raise ValueError(
            f"frombuffer: requested buffer length ({count} * {kind.itemsize} bytes) after offset must not be greater than "
            f"actual buffer length ({left} bytes)"
        )
    array = np.frombuffer(buffer, np.uint8, left if count == -1 else count * kind.itemsize, offset).view(kind.numpy)
    return from_numpy(array).requires_grad_(requires_grad)


__all__ = ["asarray", "frombuffer"]
