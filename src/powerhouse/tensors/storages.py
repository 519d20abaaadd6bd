"""A tensor's storage as users see it: an object with an address and a size."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.device import CPU, device
from ..core.dtypes import dtype
from ..engine.segment import Storage, settle
from ._tensor import Tensor


class UntypedStorage:
    """The bytes that a tensor, and all views of it, lie in. Made by `Tensor.untyped_storage()`.

    >>> import powerhouse as torch
    >>> torch.zeros(3)[1:].untyped_storage().nbytes()
    12
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def _memory(self) -> np.ndarray:
        settle(self._storage)
        return self._storage.buffer.reshape(-1)

    @property
    def device(self) -> device:
        """Where the memory is."""
        return CPU

    def data_ptr(self) -> int:
        """The address of the first byte."""
        return self._memory().ctypes.data

    def nbytes(self) -> int:
        """The size in bytes."""
        return self._memory().nbytes

    def size(self) -> int:
        """The number of elements; those of an untyped storage are bytes."""
        return len(self)

    def element_size(self) -> int:
        """Bytes an element."""
        return 1

    def is_shared(self) -> bool:
        """Whether the memory is shared between processes."""
        return False

    def tolist(self) -> list[Any]:
        """The elements."""
        return self._memory().view(np.uint8).tolist()

    def __len__(self) -> int:
        return self.nbytes() // self.element_size()

    def __getitem__(self, index: Any) -> Any:
        return self.tolist()[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UntypedStorage) and other._storage is self._storage

    def __hash__(self) -> int:
        return id(self._storage)

    def __repr__(self) -> str:
        return "\n".join(
            [*(f" {x}" for x in self.tolist()), f"[torch.storage.{type(self).__name__}(device={self.device}) of size {len(self)}]"]
        )


class TypedStorage(UntypedStorage):
    """A storage whose elements have the tensor's dtype. Made by `Tensor.storage()`."""

    @property
    def dtype(self) -> dtype:
        """The element type."""
        return self._storage.type.dtype

    def element_size(self) -> int:
        return self.dtype.itemsize

    def tolist(self) -> list[Any]:
        memory = self._memory()
        return (memory.astype(np.float32) if self.dtype.compute is not self.dtype else memory).tolist()

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return UntypedStorage(self._storage)


def storage(self: Tensor) -> TypedStorage:
    """The storage of this tensor, in elements of its dtype."""
    return TypedStorage(self._storage)


def untyped_storage(self: Tensor) -> UntypedStorage:
    """The storage of this tensor, in bytes."""
    return UntypedStorage(self._storage)


def is_storage(obj: Any) -> bool:
    """Whether `obj` is a storage object."""
    return isinstance(obj, UntypedStorage)


for _method in (storage, untyped_storage):
    setattr(Tensor, _method.__name__, _method)

__all__ = ["TypedStorage", "UntypedStorage", "is_storage"]
