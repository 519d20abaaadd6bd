"""The inert constructors behind the names in a checkpoint: what `torch._utils._rebuild_tensor_v2` and its like mean here."""

from __future__ import annotations

import pickle
from collections import Counter, OrderedDict
from typing import Any, NamedTuple

from powerhouse.core import dtypes
from powerhouse.core.device import device
from powerhouse.core.shapes import Size

from . import _bridge
from ._storages import LoadedStorage
from ._unpickle import check_key

_MAX_ELEMENTS = 2**63 - 1


class StorageType(NamedTuple):
    """What `torch.FloatStorage` stands for in a persistent id."""

    name: str
    dtype: dtypes.dtype


class TypeMark(NamedTuple):
    """A tensor class that a file names as an argument; it is never called."""

    name: str


def rebuild_tensor(storage: LoadedStorage, offset: int, size: Any, stride: Any) -> Any:
    """A tensor on `storage`, in its dtype."""
    return _tensor(storage, storage.dtype, offset, size, stride, False)


def rebuild_tensor_v2(
    storage: LoadedStorage, offset: int, size: Any, stride: Any, requires_grad: bool, hooks: Any, metadata: Any = None
) -> Any:
    """A tensor on `storage`, in its dtype; `metadata` says whether it is lazily conjugated or negated."""
    return _tensor(storage, _typed(storage).dtype, offset, size, stride, requires_grad, metadata)


def rebuild_tensor_v3(
    storage: LoadedStorage, offset: int, size: Any, stride: Any, requires_grad: bool, hooks: Any, dtype: Any, metadata: Any = None
) -> Any:
    """A tensor on an untyped `storage`, in `dtype`."""
    if not isinstance(dtype, dtypes.dtype):
        raise pickle.UnpicklingError(f"a tensor's dtype is {type(dtype).__name__}, not a dtype")
    return _tensor(storage, dtype, offset, size, stride, requires_grad, metadata)


def rebuild_parameter(data: Any, requires_grad: bool, hooks: Any) -> Any:
    """A Parameter around the tensor `data`."""
    return _bridge.make_parameter(_tensor_argument(data), bool(requires_grad))


def rebuild_parameter_with_state(data: Any, requires_grad: bool, hooks: Any, state: Any) -> Any:
    """A Parameter around the tensor `data`, with the Python attributes `state`."""
    return _bridge.set_attributes(rebuild_parameter(data, requires_grad, hooks), _attributes(state))


def rebuild_from_type(function: Any, kind: Any, args: tuple[Any, ...], state: Any) -> Any:
    """A tensor of a subclass or with Python attributes: `function(*args)`, one of the functions of this module, then its `state`."""
    if function not in _TENSOR_CONSTRUCTORS or not (isinstance(kind, TypeMark) or _bridge.is_tensor_class(kind)):
        raise pickle.UnpicklingError("a tensor is to be rebuilt by something that does not make tensors")
    tensor = function(*args)
    plain = isinstance(kind, TypeMark) or isinstance(tensor, kind)
    return _bridge.set_attributes(tensor if plain else _bridge.of_class(tensor, kind), _attributes(state))


def rebuild_device_tensor(data: Any, dtype: Any, place: Any, requires_grad: bool) -> Any:
    """A tensor of a device without storages of its own, saved through main memory, where it stays."""
    tensor = _tensor_argument(data).to(dtype)
    return tensor.requires_grad_(bool(requires_grad))


def _tensor(storage: Any, dtype: dtypes.dtype, offset: Any, size: Any, stride: Any, requires_grad: Any, metadata: Any = None) -> Any:
    size, stride = _sizes(size), _sizes(stride)
    _check_bounds(_typed(storage), dtype, offset, size, stride)
    if requires_grad and not (dtype.is_floating_point or dtype.is_complex):
        raise pickle.UnpicklingError(f"a tensor of {dtype} cannot require grad")
    marks = {str(key) for key, value in (metadata or {}).items() if value}
    return _bridge.make_tensor(storage, dtype, offset, size, stride, bool(requires_grad), marks)


def _check_bounds(storage: LoadedStorage, dtype: dtypes.dtype, offset: Any, size: tuple[int, ...], stride: tuple[int, ...]) -> None:
    """Refuse a tensor that would reach beyond its storage: the numbers in the file are claims."""
    if type(offset) is not int or offset < 0 or len(size) != len(stride):
        raise pickle.UnpicklingError(f"a tensor has the impossible layout offset={offset!r}, size={size}, stride={stride}")
    count, last = 1, offset
    for n, step in zip(size, stride, strict=True):
        count, last = count * n, last + (n - 1) * step
    available = storage.nbytes() // dtype.itemsize
    if count > _MAX_ELEMENTS or (count and last >= available):
        raise pickle.UnpicklingError(
            f"a tensor of size {list(size)}, stride {list(stride)}, storage offset {offset} and {dtype} "
            f"is out of bounds for its storage of {storage.nbytes()} bytes"
        )


def _sizes(values: Any) -> tuple[int, ...]:
    if not isinstance(values, (tuple, list)) or any(type(n) is not int or n < 0 for n in values):
        raise pickle.UnpicklingError("a tensor's size and stride must be tuples of non-negative ints")
    return tuple(values)


def _typed(storage: Any) -> LoadedStorage:
    if not isinstance(storage, LoadedStorage):
        raise pickle.UnpicklingError(f"a tensor's storage is {type(storage).__name__}, not a storage")
    return storage


def _tensor_argument(data: Any) -> Any:
    if not _bridge.is_tensor(data):
        raise pickle.UnpicklingError(f"a Parameter's data is {type(data).__name__}, not a Tensor")
    return data


def _attributes(state: Any) -> dict[str, Any]:
    """The attributes in a pickled state, a dict or a pair of dicts."""
    parts = state if isinstance(state, tuple) else (state,)
    found: dict[str, Any] = {}
    for part in parts:
        if part is not None and not (isinstance(part, dict) and all(type(name) is str for name in part)):
            raise pickle.UnpicklingError(f"a tensor's state is {type(part).__name__}, not a dict of attributes")
        found.update(part or {})
    return found


def _set_of(items: Any = ()) -> set[Any]:
    for item in items:
        check_key(item)
    return set(items)


def _ordered_dict(pairs: Any = ()) -> OrderedDict[Any, Any]:
    found: OrderedDict[Any, Any] = OrderedDict()
    for key, value in pairs:
        check_key(key)
        found[key] = value
    return found


def _counter(counts: dict[Any, int] | None = None) -> Counter[Any]:
    if counts is not None and type(counts) is not dict:
        raise pickle.UnpicklingError("a Counter is made of a dict")
    return Counter(counts or {})


def _bytearray(data: bytes = b"", encoding: str | None = None) -> bytearray:
    """`bytearray(n)` would allocate what the file says, so only the bytes themselves are taken."""
    if encoding is not None and isinstance(data, str):
        data = _encode(data, encoding)
    if not isinstance(data, bytes):
        raise pickle.UnpicklingError("a bytearray is made of bytes")
    return bytearray(data)


def _bytes() -> bytes:
    """How pickle protocol 2 writes empty bytes."""
    return b""


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """How pickle protocol 2 writes bytes."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"_codecs.encode is allowed for latin1, not for {encoding!r}")
    return text.encode(encoding)


_TENSOR_CONSTRUCTORS = (rebuild_tensor, rebuild_tensor_v2, rebuild_tensor_v3, rebuild_parameter)

_STORAGE_NAMES = {
    "Double": dtypes.float64, "Float": dtypes.float32, "Half": dtypes.float16, "BFloat16": dtypes.bfloat16,
    "Long": dtypes.int64, "Int": dtypes.int32, "Short": dtypes.int16, "Char": dtypes.int8, "Byte": dtypes.uint8,
    "Bool": dtypes.bool_, "ComplexDouble": dtypes.complex128, "ComplexFloat": dtypes.complex64,
}  # fmt: skip
STORAGE_TYPE_OF = {dtype: f"{name}Storage" for name, dtype in _STORAGE_NAMES.items()}

# Allowed by PyTorch, harmless, but there is nothing here that they could become.
_UNSUPPORTED = {
    "torch._utils._rebuild_sparse_tensor": "a sparse tensor",
    "torch._utils._rebuild_nested_tensor": "a nested tensor",
    "torch._utils._rebuild_meta_tensor_no_storage": "a meta tensor",
    "torch._utils._rebuild_qtensor": "a quantized tensor",
    "torch._utils._rebuild_wrapper_subclass": "a tensor wrapper subclass",
    "torch._utils._rebuild_device_tensor_from_numpy": "a tensor of a device without storages",
    "torch.serialization._get_layout": "a sparse layout",
    **{f"torch.per_{scheme}": "a quantized tensor" for scheme in (
        "tensor_affine", "tensor_symmetric", "channel_affine", "channel_symmetric", "channel_affine_float_qparams",
    )},
    **{f"torch.{kind}Storage": "a quantized storage" for kind in ("QInt8", "QUInt8", "QInt32", "QUInt4x2", "QUInt2x4")},
    **{f"torch.{name}": f"the dtype torch.{name}" for name in (
        "complex32", "qint8", "quint8", "qint32", "quint4x2", "quint2x4", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu",
        "float4_e2m1fn_x2", "bits8", "bits16", "bits1x8", "bits2x4", "bits4x2", *(f"int{n}" for n in range(1, 8)),
        *(f"uint{n}" for n in range(1, 8)),
    )},
}  # fmt: skip

# The whole allow-list: full name in a file -> what it means here. Nothing in it has an effect outside its result.
ALLOWED: dict[str, Any] = {
    "collections.OrderedDict": _ordered_dict,
    "collections.Counter": _counter,
    "builtins.set": _set_of,
    "builtins.bytearray": _bytearray,
    "builtins.bytes": _bytes,
    "builtins.complex": complex,
    "_codecs.encode": _encode,
    "torch.Size": Size,
    "torch.device": device,
    "torch.Tensor": TypeMark("torch.Tensor"),
    "torch._tensor.Tensor": TypeMark("torch.Tensor"),
    "torch.nn.parameter.Parameter": TypeMark("torch.nn.parameter.Parameter"),
    "torch.storage.UntypedStorage": StorageType("UntypedStorage", dtypes.uint8),
    "torch.storage.TypedStorage": StorageType("TypedStorage", dtypes.uint8),
    "torch._utils._rebuild_tensor": rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": rebuild_tensor_v2,
    "torch._utils._rebuild_tensor_v3": rebuild_tensor_v3,
    "torch._utils._rebuild_parameter": rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": rebuild_parameter_with_state,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": rebuild_device_tensor,
    "torch._tensor._rebuild_from_type_v2": rebuild_from_type,
    **{f"torch.{name}": dtype for name, dtype in dtypes.BY_NAME.items()},
    **{f"torch.{name}Storage": StorageType(f"{name}Storage", dtype) for name, dtype in _STORAGE_NAMES.items()},
    **{f"torch.cuda.{name}Storage": StorageType(f"{name}Storage", dtype) for name, dtype in _STORAGE_NAMES.items()},
}


def allowed(name: str) -> Any:
    """What the global `name` of a checkpoint means here; KeyError if it is not on the list, UnpicklingError if it has no meaning here."""
    if name in _UNSUPPORTED and name not in ALLOWED:
        raise pickle.UnpicklingError(f"{name}: the file holds {_UNSUPPORTED[name]}, for which Powerhouse has no counterpart")
    return ALLOWED[name]
