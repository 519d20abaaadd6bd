"""Questions about tensors that read no values, and other names for a tensor."""

from __future__ import annotations

from typing import Any

from ..core.errors import describe
from ..graph.op import REGISTRY
from . import creation
from ._construct import TYPE_NAMES, tensor
from ._settings import can_cast
from ._tensor import Tensor
from .apply import apply, is_tensor


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether the shapes are the same."""
    return input.is_same_size(other)


def is_signed(input: Tensor) -> bool:
    """Whether the dtype has negative values."""
    return input.is_signed()


def is_inference(input: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    return input.is_inference()


def is_conj(input: Tensor) -> bool:
    """Whether the tensor is a lazy conjugate; never, here: `conj` is recorded as an op."""
    return False


def is_neg(input: Tensor) -> bool:
    """Whether the tensor is a lazy negation; never, here."""
    return False


def get_device(input: Tensor) -> int:
    """-1 on the CPU."""
    return input.get_device()


def typename(obj: Any) -> str:
    """The name of a tensor's type, such as "torch.FloatTensor", or of an object's or a class's.

    >>> import powerhouse as torch
    >>> torch.typename(torch.zeros(1))
    'torch.FloatTensor'
    """
    if is_tensor(obj):
        return f"torch.{TYPE_NAMES[obj.dtype]}"
    kind = obj if hasattr(obj, "__qualname__") else type(obj)
    return kind.__qualname__ if kind.__module__ in (None, "builtins") else f"{kind.__module__}.{kind.__qualname__}"


def detach(input: Tensor) -> Tensor:
    """The same memory, through which no gradient flows."""
    return input.detach()


def detach_(input: Tensor) -> Tensor:
    """Detach in place."""
    return input.detach_()


def scalar_tensor(
    s: Any, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False
) -> Tensor:
    """A 0-d tensor of a number, in the default float dtype unless `dtype` is given.

    >>> import powerhouse as torch
    >>> torch.scalar_tensor(3)
    tensor(3.)
    """
    if isinstance(s, (list, tuple)) or (is_tensor(s) and s.ndim):
        raise TypeError(f"scalar_tensor(): argument 's' must be Number, got {describe(s)}")
    return creation.full(
        (), s.item() if is_tensor(s) else s, dtype=dtype or creation.dt.default_float(), device=device, requires_grad=requires_grad
    )


def as_subclass(self: Tensor, cls: type) -> Any:
    """The same memory as a tensor of class `cls`; gradients flow through.

    >>> import powerhouse as torch
    >>> class Named(torch.Tensor): pass
    >>> type(torch.zeros(2).as_subclass(Named)).__name__
    'Named'
    """
    if not (isinstance(cls, type) and issubclass(cls, Tensor)):
        raise RuntimeError(f"as_subclass: the class must be a subclass of Tensor, got {cls!r}")
    whole = apply(REGISTRY["view"], (self, tuple(self.shape)))
    t = object.__new__(cls)
    t._storage, t._lens, t._base = whole._storage, whole._lens, whole._base
    return t


def _make_subclass(cls: type, data: Tensor, require_grad: bool = False) -> Any:
    """A tensor of class `cls` on the memory of `data`, as a leaf."""
    return as_subclass(data.detach(), cls).requires_grad_(require_grad)


def new(self: Tensor, *data: Any) -> Tensor:
    """A tensor of this one's dtype: of a size, or of data (the old form of `new_tensor` and `new_empty`)."""
    if len(data) == 1 and not isinstance(data[0], int) and type(data[0]).__name__ != "Size":
        return tensor(data[0], dtype=self.dtype)
    return self.new_zeros(*(data or (0,)))


def dim_order(self: Tensor, *, ambiguity_check: Any = False) -> tuple[int, ...]:
    """The dims from the outermost in memory to the innermost."""
    return tuple(sorted(range(self.ndim), key=lambda d: -self.stride(d)))


def to_dense(self: Tensor, dtype: Any = None, *, masked_grad: bool = True) -> Tensor:
    """This tensor: all are dense here."""
    return self if dtype is None else self.to(dtype)


METHODS = {
    "as_subclass": as_subclass,
    "new": new,
    "dim_order": dim_order,
    "to_dense": to_dense,
    "is_conj": is_conj,
    "is_neg": is_neg,
    "_make_subclass": staticmethod(_make_subclass),
}
for _name, _method in METHODS.items():
    setattr(Tensor, _name, _method)
for _name in ("is_sparse_csr", "is_xla", "is_ipu", "is_mtia", "is_vulkan", "is_maia"):
    setattr(Tensor, _name, False)
for _name in ("name", "volatile"):
    setattr(Tensor, _name, property(lambda self: None))

__all__ = [
    "can_cast",
    "detach",
    "detach_",
    "get_device",
    "is_conj",
    "is_inference",
    "is_neg",
    "is_same_size",
    "is_signed",
    "scalar_tensor",
    "typename",
]
