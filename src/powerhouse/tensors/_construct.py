"""Tensors from Python and NumPy data, and the arguments of conversions."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.device import as_device, device
from ..core.dtypes import dtype
from ..core.shapes import as_shape, wrap_dim
from ..engine.segment import Storage
from ..graph.symbol import Type
from ..runtime.memory import copy_of
from ._lens import Lens
from .apply import is_tensor, wrap_array

deepcopy = copy.deepcopy


class layout:  # noqa: N801 (PyTorch's name)
    """How elements lie in memory."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


class memory_format(layout):  # noqa: N801 (PyTorch's name)
    """An order of dims in memory. Accepted everywhere; new tensors are always row-major."""


strided = layout("strided")
sparse_coo = layout("sparse_coo")
contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
channels_last, channels_last_3d = memory_format("channels_last"), memory_format("channels_last_3d")

TYPE_NAMES = {
    dt.float32: "FloatTensor",
    dt.float64: "DoubleTensor",
    dt.float16: "HalfTensor",
    dt.bfloat16: "BFloat16Tensor",
    dt.uint8: "ByteTensor",
    dt.int8: "CharTensor",
    dt.int16: "ShortTensor",
    dt.int32: "IntTensor",
    dt.int64: "LongTensor",
    dt.bool_: "BoolTensor",
    dt.complex64: "ComplexFloatTensor",
    dt.complex128: "ComplexDoubleTensor",
    dt.uint16: "UInt16Tensor",
    dt.uint32: "UInt32Tensor",
    dt.uint64: "UInt64Tensor",
    dt.float8_e4m3fn: "Float8_e4m3fnTensor",
    dt.float8_e5m2: "Float8_e5m2Tensor",
}
_BY_TYPE_NAME = {name: d for d, name in TYPE_NAMES.items()}


def dtype_of_type_name(target: Any) -> dtype:
    """The dtype meant by `x.type(target)`: a dtype, a tensor class or a name such as "torch.FloatTensor"."""
    if isinstance(target, str):
        name = target.rpartition(".")[2]
        if name not in _BY_TYPE_NAME:
            raise ValueError(f"type: invalid type: '{target}'")
        return _BY_TYPE_NAME[name]
    return getattr(target, "typed_dtype", None) or dt.as_dtype(target, "type")


def dim_index(dim: int, ndim: int, op: str) -> int:
    """`dim` counted from the front; a 0-d tensor has no sizes."""
    if ndim == 0:
        raise IndexError(f"{op}: dimension specified as {dim} but tensor has no dimensions")
    return wrap_dim(dim, ndim, op)


def is_channels_last(shape: tuple[int, ...], strides: tuple[int, ...]) -> bool:
    """Whether the channel dim (1) is innermost in memory."""
    step = 1
    for d in (1, *range(len(shape) - 1, 1, -1), 0):
        if shape[d] != 1 and strides[d] != step:
            return False
        step *= shape[d]
    return True


def legacy(data: tuple[Any, ...]) -> Any:
    """`Tensor(...)`: sizes, or data, as default float; returns `(storage, lens)`."""
    d = dt.default_float()
    if len(data) == 1 and is_tensor(data[0]):
        return data[0]
    if len(data) == 1 and not isinstance(data[0], (int, np.integer)):
        if type(data[0]).__name__ == "Size":
            return Storage(np.zeros(data[0], d.numpy), Type(tuple(data[0]), d)), None
        array = to_array(data[0], d, "Tensor")
    else:
        array = np.zeros(as_shape(data if data else (0,), "Tensor"), d.numpy)
    return Storage(array, Type(array.shape, d)), None


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False) -> Any:
    """A new tensor with a copy of `data` (numbers, nested sequences, an array, a tensor).

    Args:
        dtype: inferred where None: bool, int64, the default float or complex for Python data; an array's own.
        requires_grad: whether the tensor is a variable.

    >>> import powerhouse as torch
    >>> torch.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    as_device(device, "tensor")
    wanted = None if dtype is None else dt.as_dtype(dtype, "tensor")
    array = to_array(data, wanted, "tensor")
    if np.may_share_memory(array, data) if isinstance(data, np.ndarray) else is_tensor(data):
        array = copy_of(array)
    found = wanted or dt.from_numpy(array.dtype, "tensor")
    t = wrap_array(array, Type(array.shape, found))
    return t.requires_grad_() if requires_grad else t


def to_array(data: Any, wanted: dtype | None, op: str) -> np.ndarray:
    """`data` as a row-major array of the wanted (or inferred) dtype; it may share memory with an array or tensor given."""
    if is_tensor(data):
        array = data._array()
        return np.array(array if wanted is None else _cast(array, wanted.numpy), order="C")
    if isinstance(data, (np.ndarray, np.generic)) or hasattr(data, "__array__"):
        array = np.asarray(data)
        if wanted is None:
            dt.from_numpy(array.dtype, op)
            return np.ascontiguousarray(array, array.dtype.newbyteorder("=")).reshape(array.shape)
        return np.ascontiguousarray(_cast(array, wanted.numpy)).reshape(array.shape)
    return _from_sequence(data, wanted, op)


def _from_sequence(data: Any, wanted: dtype | None, op: str) -> np.ndarray:
    plain = _plain(data)
    try:
        array = np.array(plain)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{op}: expected sequences of equal length at every depth: {error}") from None
    if array.dtype == object or array.dtype.kind in "USV":
        kind = next(
            (
                type(x).__name__
                for x in np.ravel(np.array(plain, dtype=object))
                if not isinstance(x, (bool, int, float, complex, np.generic))
            ),
            None,
        )
        if kind is None:
            raise RuntimeError(f"{op}: Overflow when unpacking long: an integer does not fit into int64")
        raise TypeError(f"{op}: new(): invalid data type '{kind}'")
    if wanted is not None:
        return np.asarray(_cast(array, wanted.numpy), order="C")
    return np.asarray(array.astype(_python_dtype(array, data).numpy), order="C")


def _python_dtype(array: np.ndarray, data: Any) -> dtype:
    """The dtype of Python data: numbers have the default types; NumPy scalars inside keep theirs."""
    first = data
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    if isinstance(first, (np.ndarray, np.generic)) or is_tensor(first):
        return dt.from_numpy(first.dtype if isinstance(first, (np.ndarray, np.generic)) else first.dtype.numpy)
    if array.size == 0:
        return dt.default_float()
    return {"b": dt.bool_, "i": dt.int64, "u": dt.int64, "f": dt.default_float(), "c": dt.default_complex()}[array.dtype.kind]


def _plain(data: Any) -> Any:
    if isinstance(data, (list, tuple)):
        return [_plain(x) for x in data]
    if is_tensor(data):
        return data.tolist() if data.ndim else data.item()
    if hasattr(data, "__len__") and hasattr(data, "__getitem__") and not isinstance(data, (str, bytes, dict, np.ndarray)):
        return [_plain(data[i]) for i in range(len(data))]
    return data


def _cast(array: np.ndarray, to: np.dtype) -> np.ndarray:
    if array.dtype.kind == "c" and to.kind != "c":
        array = array.real
    with np.errstate(all="ignore"):
        return array.astype(to, copy=False)


def parse_to(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[dtype | None, bool]:
    """The target dtype (None: unchanged) and whether to copy, from the arguments of `Tensor.to`."""
    target, copy = kwargs.get("dtype"), bool(kwargs.get("copy", False))
    if kwargs.get("device") is not None:
        as_device(kwargs["device"], "to")
    other = kwargs.get("other")
    flags = []
    for x in (*args, other):
        if isinstance(x, dtype):
            target = x
        elif is_tensor(x):
            target = x.dtype
        elif isinstance(x, bool):
            flags.append(x)
        elif isinstance(x, (str, device, int)):
            as_device(x, "to")
        elif x in (float, int, bool, complex) and isinstance(x, type):
            target = dt.as_dtype(x, "to")
        elif x is not None:
            raise TypeError(
                f"to() received an invalid combination of arguments: got {type(x).__name__}, expected a dtype, a device or a tensor"
            )
    if len(flags) > 1:
        copy = flags[1]
    return (None if target is None else dt.as_dtype(target, "to")), copy


def rebuild(cls: type, array: np.ndarray, kind: dtype, requires_grad: bool) -> Any:
    """A tensor from its pickled parts."""
    t = object.__new__(cls)
    t._storage = Storage(array, Type(array.shape, kind))
    t._lens = Lens(None, variable=True) if requires_grad else None
    t._storage.is_variable = requires_grad
    return t


def parse_memory(options: dict[str, Any]) -> dict[str, Any]:
    """Keyword options of a creation function, without those that say nothing on the CPU."""
    return {k: v for k, v in options.items() if k not in ("memory_format", "layout", "pin_memory")}
