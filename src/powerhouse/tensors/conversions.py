"""Methods that convert and create: `x.float()`, `x.new_zeros(...)`, `x.type_as(y)`."""

from __future__ import annotations

from typing import Any

from ..core import dtypes as dt
from . import creation

_BY_METHOD = {
    "float": dt.float32,
    "double": dt.float64,
    "half": dt.float16,
    "bfloat16": dt.bfloat16,
    "int": dt.int32,
    "long": dt.int64,
    "short": dt.int16,
    "char": dt.int8,
    "byte": dt.uint8,
    "bool": dt.bool_,
    "cfloat": dt.complex64,
    "cdouble": dt.complex128,
}


def _converter(name: str, target: dt.dtype) -> Any:
    def convert(self: Any, memory_format: Any = None) -> Any:
        return self.to(target)

    convert.__name__ = convert.__qualname__ = name
    convert.__doc__ = f"This tensor in {target.name}; itself where it already is."
    return convert


def _creator(name: str) -> Any:
    make = getattr(creation, name)

    def create(
        self: Any,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        layout: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        size: Any = None,
        **more: Any,
    ) -> Any:
        args = args if size is None else (size, *args)
        return make(*args, dtype=dtype or self.dtype, requires_grad=requires_grad, **more)

    create.__name__ = create.__qualname__ = f"new_{name}"
    create.__doc__ = f"`{name}` with this tensor's dtype unless `dtype` is given."
    return create


class Conversions:
    """The part of `Tensor` that makes other tensors like it."""

    __slots__ = ()

    def type_as(self, other: Any) -> Any:
        """This tensor in the dtype of `other`."""
        return self.to(other.dtype)  # type: ignore[attr-defined]

    def is_same_size(self, other: Any) -> bool:
        """Whether the shapes are the same."""
        return self.shape == other.shape  # type: ignore[attr-defined]

    def share_memory_(self) -> Any:
        """Accepted: tensors are copied to other processes when sent."""
        return self

    def pin_memory(self, device: Any = None) -> Any:
        """This tensor; there is no page-locked memory on the CPU."""
        return self


for _name, _dtype in _BY_METHOD.items():
    setattr(Conversions, _name, _converter(_name, _dtype))
for _name in ("zeros", "ones", "empty", "full", "empty_strided"):
    setattr(Conversions, f"new_{_name}", _creator(_name))
