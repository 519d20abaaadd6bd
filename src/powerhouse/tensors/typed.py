"""`FloatTensor`, `LongTensor`, ...: the old names of tensors by their dtype, as constructors and for `isinstance`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.dtypes import dtype
from ..core.shapes import Size, as_shape
from ._construct import TYPE_NAMES, dtype_of_type_name, tensor
from ._settings import set_default_dtype
from .apply import is_tensor
from .creation import zeros


class _TypedTensor(type):
    """The class of the typed constructors: `typed_dtype` is their dtype."""

    typed_dtype: dtype

    def __call__(cls, *data: Any) -> Any:
        if len(data) == 1 and is_tensor(data[0]):
            if data[0].dtype is not cls.typed_dtype:
                raise TypeError(f"{cls.__name__}: expected a tensor of {cls.typed_dtype}, got {data[0].dtype}")
            return data[0]
        if len(data) == 1 and not isinstance(data[0], (int, np.integer, Size)):
            return tensor(data[0], dtype=cls.typed_dtype)
        sizes = data[0] if len(data) == 1 and isinstance(data[0], Size) else data or (0,)
        return zeros(as_shape(sizes, cls.__name__), dtype=cls.typed_dtype)

    def __instancecheck__(cls, instance: object) -> bool:
        return is_tensor(instance) and instance.dtype is cls.typed_dtype  # type: ignore[attr-defined]


def _typed(name: str, kind: dtype) -> _TypedTensor:
    doc = f"A tensor of {kind.name}: `{name}(2, 3)` of that size, `{name}([1, 2])` of those values."
    return _TypedTensor(name, (), {"typed_dtype": kind, "__doc__": doc, "__module__": "torch"})


def set_default_tensor_type(t: Any) -> None:
    """Set the dtype of new floating-point tensors by a tensor class or its name, such as "torch.DoubleTensor"."""
    if isinstance(t, str) and t.startswith("torch.cuda."):
        raise TypeError(f"set_default_tensor_type: type {t} not available: there is no CUDA device")
    set_default_dtype(dtype_of_type_name(t))


_NAMES = (
    "FloatTensor",
    "DoubleTensor",
    "HalfTensor",
    "BFloat16Tensor",
    "ByteTensor",
    "CharTensor",
    "ShortTensor",
    "IntTensor",
    "LongTensor",
    "BoolTensor",
)
for _kind, _name in TYPE_NAMES.items():
    if _name in _NAMES:
        globals()[_name] = _typed(_name, _kind)

__all__ = [*_NAMES, "set_default_tensor_type"]
