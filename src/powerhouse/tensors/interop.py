"""Sharing memory with NumPy and DLPack, both ways, without ever showing a stale or a future value."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..core import dtypes as dt
from ..core.device import as_device
from ..engine.segment import Storage, realize, settle
from ..graph.symbol import Type
from ..ops.views import strided
from ._construct import tensor
from ._lens import Lens, compose
from .apply import is_tensor, wrap_array


class _Export:
    """Keeps a shared buffer alive; it dies with the last outside view of it, and the storage is private again."""

    def __init__(self, view: np.ndarray) -> None:
        self._view = view
        self.__array_interface__ = view.__array_interface__


def from_numpy(array: np.ndarray) -> Any:
    """A tensor on the memory of a NumPy array: writes to either are seen by both. The array's dtype must have a counterpart.

    >>> import numpy as np, powerhouse as torch
    >>> a = np.zeros(2); t = torch.from_numpy(a); a[0] = 5
    >>> t
    tensor([5., 0.], dtype=torch.float64)
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: expected np.ndarray (got {type(array).__name__})")
    kind = dt.from_numpy(array.dtype, "from_numpy")
    if any(s < 0 for s in array.strides):
        raise ValueError(
            "from_numpy: at least one stride in the given numpy array is negative, and tensors with negative strides are not "
            "supported; use array.copy()"
        )
    if not array.dtype.isnative:
        raise ValueError(
            "from_numpy: given numpy array has byte order different from the native byte order. Conversion between byte "
            "orders is currently not supported."
        )
    t = wrap_array(array, Type(array.shape, kind)) if array.flags.c_contiguous else _strided_view(array, kind)
    t._storage.outside = True
    return t


def _strided_view(array: np.ndarray, kind: dt.dtype) -> Any:
    """A view of the memory over which an array's elements are spread: a storage is always row-major."""
    size = array.dtype.itemsize
    if any(s % size for s in array.strides):
        raise ValueError(
            "from_numpy: given numpy array strides not a multiple of the element byte size. Copy the numpy array to reallocate the memory."
        )
    strides = tuple(s // size for s in array.strides)
    extent = 1 + sum((n - 1) * s for n, s in zip(array.shape, strides, strict=True))
    memory = as_strided(array.view(f"V{size}"), (extent,), (size,)).view(array.dtype)  # as raw bytes: as_strided refuses foreign dtypes
    base, steps = Type((extent,), kind), ((strided, (array.shape, strides, 0)),)
    t = wrap_array(memory, base)
    t._lens = Lens(compose(base, None, steps, Type(array.shape, kind)))
    return t


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Any:
    """`data` as a tensor, sharing its memory where it is a tensor or an array of the wanted dtype."""
    as_device(device, "as_tensor")
    if is_tensor(data):
        return data if dtype is None else data.to(dtype)
    if (
        isinstance(data, np.ndarray)
        and (dtype is None or dt.as_dtype(dtype, "as_tensor").numpy == data.dtype)
        and data.dtype.isnative
        and min(data.strides, default=0) >= 0
    ):
        return from_numpy(data)
    return tensor(data, dtype=dtype)


def export(x: Any) -> np.ndarray:
    """The NumPy view of a tensor's memory; from now on the storage knows that it is seen."""
    st: Storage = x._storage
    if st.buffer is None or st.segment is not None:
        realize()
    settle(st)
    if st.outside is True:
        return x._array()
    if not st.buffer.flags.writeable:
        st.buffer = st.buffer.copy()
    exporter = st.outside() if st.outside is not None else None
    if exporter is None:
        st.buffer = st.buffer.view()  # an array that no program has seen: its content may be changed from outside
        exporter = _Export(x._array() if x._lens is None or x._lens.view is None else st.buffer)
    st.outside = weakref.ref(exporter)
    st.segment, st.symbol = None, None
    st.token = object()
    if st.buffer.dtype.kind == "V" or st.type.dtype.compute is not st.type.dtype and st.type.dtype is not dt.float16:
        return x._array()
    whole = np.asarray(exporter)
    if x._lens is None or x._lens.view is None:
        return whole
    seen = x._array()
    if 0 in seen.shape:
        return seen
    start = whole.reshape(-1).view(np.uint8)[seen.ctypes.data - whole.ctypes.data :]
    return np.ndarray(seen.shape, seen.dtype, start, 0, seen.strides)


class Interop:
    """The part of `Tensor` that shares memory with others."""

    __slots__ = ()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """A NumPy array on this tensor's memory. Refused for a tensor that requires grad, unless `force` (which detaches).

        >>> import powerhouse as torch
        >>> t = torch.zeros(2); t.numpy()[0] = 3
        >>> t
        tensor([3., 0.])
        """
        t: Any = self
        if t.requires_grad:
            if not force:
                raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
            t = t.detach()
        if t.dtype is dt.bfloat16 and not force:
            raise TypeError("numpy: Got unsupported ScalarType BFloat16; use tensor.float().numpy()")
        return export(t)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        a = self.numpy()
        if dtype is not None and a.dtype != dtype:
            return a.astype(dtype)
        return a.copy() if copy else a

    def __dlpack__(self, **kwargs: Any) -> Any:
        t: Any = self
        if t.requires_grad:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return export(t).__dlpack__(**kwargs)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)


def from_dlpack(source: Any) -> Any:
    """A tensor on the memory of anything that speaks DLPack."""
    return from_numpy(np.from_dlpack(source))


__all__ = ["Interop", "as_tensor", "export", "from_dlpack", "from_numpy"]
