"""What saving and loading need to know of tensors, and all they know: a tensor as a view of a flat storage, and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from powerhouse.core.device import CPU, device
from powerhouse.core.dtypes import dtype
from powerhouse.core.shapes import contiguous_strides
from powerhouse.engine.segment import settle
from powerhouse.graph.symbol import Type
from powerhouse.tensors._tensor import Parameter, Tensor
from powerhouse.tensors.apply import wrap_array
from powerhouse.tensors.reshaping import wrap_around

if TYPE_CHECKING:
    from ._storages import LoadedStorage


class Layout(NamedTuple):
    """A tensor as a strided view of its storage. `owner` is the same object for all tensors that share memory."""

    owner: Any
    flat: np.ndarray  # (n,) the whole storage, C-contiguous
    tag: str  # the device, as files name it
    dtype: dtype
    offset: int  # in elements, like the strides
    size: tuple[int, ...]
    stride: tuple[int, ...]
    requires_grad: bool


def is_tensor(thing: Any) -> bool:
    """Whether `thing` is a Tensor or Parameter."""
    return isinstance(thing, Tensor)


def is_tensor_class(thing: Any) -> bool:
    """Whether `thing` is a class of tensors."""
    return isinstance(thing, type) and issubclass(thing, Tensor)


def is_parameter(tensor: Tensor) -> bool:
    """Whether a tensor is a Parameter."""
    return isinstance(tensor, Parameter)


def is_available(place: device) -> bool:
    """Whether tensors can be on `place`."""
    return place.type == CPU.type


def layout_of(tensor: Tensor) -> Layout:
    """The memory of a tensor, realized, and where its elements lie in it."""
    storage, size = tensor._storage, tuple(tensor.shape)
    settle(storage)
    buffer = storage.buffer
    if buffer.flags.c_contiguous:
        owner, offset, stride = storage, tensor.storage_offset(), tuple(tensor.stride())
    else:  # the memory of a strided NumPy array: written row by row, each view of it for itself
        buffer, offset, stride = np.ascontiguousarray(tensor._array()), 0, contiguous_strides(size)
        owner = storage if tensor._lens is None else buffer
    return Layout(owner, buffer.reshape(-1), str(tensor.device), tensor.dtype, offset, size, stride, tensor.requires_grad)


def attributes_of(tensor: Tensor) -> dict[str, Any]:
    """What the user has set on a tensor; the class's own attributes are left out."""
    return {name: value for name, value in vars(tensor).items() if not name.startswith("_") and not hasattr(Tensor, name)}


def make_tensor(
    storage: LoadedStorage, kind: dtype, offset: int, size: tuple[int, ...], stride: tuple[int, ...], requires_grad: bool, marks: set[str]
) -> Tensor:
    """A tensor on `storage`; all tensors made on one storage share its memory.

    `marks`: "conj" and "neg" ask for the conjugate or negative, which is a tensor of its own.
    """
    numbers = storage.numbers(kind)
    whole = offset == 0 and stride == contiguous_strides(size) and numbers.size == math.prod(size)
    if storage.base is None:
        shape = size if whole else numbers.shape
        storage.base = wrap_array(numbers.reshape(shape), Type(shape, kind))
    base = storage.base if storage.base.dtype is kind else storage.base.view(kind)
    if whole and tuple(base.shape) == size:
        tensor = wrap_around(base._storage)
    else:
        tensor = base.as_strided(size, stride, offset).detach()
    for mark in marks:
        tensor = {"conj": tensor.conj, "neg": tensor.neg}[mark]().detach()
    return tensor.requires_grad_(requires_grad)


def make_parameter(data: Tensor, requires_grad: bool) -> Parameter:
    """A Parameter that shares the memory of `data`."""
    return Parameter(data, requires_grad)


def of_class(tensor: Tensor, kind: type[Tensor]) -> Tensor:
    """A tensor of the subclass `kind` on the memory of `tensor`."""
    found = object.__new__(kind)
    found._storage, found._lens = tensor._storage, tensor._lens
    return found


def set_attributes(tensor: Tensor, attributes: dict[str, Any]) -> Tensor:
    """Set what `attributes_of` gave; the class's own attributes cannot be replaced."""
    for name, value in attributes.items():
        if hasattr(Tensor, name):
            raise ValueError(f"a tensor's attribute '{name}' would hide one of its class")
        setattr(tensor, name, value)
    return tensor
