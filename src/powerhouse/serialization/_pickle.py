"""The pickle writer of `save`: PyTorch's names for our objects, and storages by reference.

It extends the standard library's pickler in Python, since the one in C lets nobody choose the name of a global.
"""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from types import FunctionType
from typing import Any, ClassVar

import numpy as np

from powerhouse.core import dtypes
from powerhouse.core.device import device

from . import _bridge
from ._globals import torch_name
from ._rebuild import STORAGE_TYPE_OF


class TorchName:
    """A global that is written by PyTorch's name and has no object here."""

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def __call__(self, *args: Any) -> Any:
        """Pickle wants the functions it writes to be callable; this one is only a name."""
        raise TypeError(f"{self.module}.{self.name} is a name in a file, not a function")


_REBUILD_V2 = TorchName("torch._utils", "_rebuild_tensor_v2")
_REBUILD_V3 = TorchName("torch._utils", "_rebuild_tensor_v3")
_REBUILD_PARAMETER = TorchName("torch._utils", "_rebuild_parameter")
_REBUILD_PARAMETER_WITH_STATE = TorchName("torch._utils", "_rebuild_parameter_with_state")
_REBUILD_FROM_TYPE = TorchName("torch._tensor", "_rebuild_from_type_v2")
_TENSOR = TorchName("torch", "Tensor")
_UNTYPED = TorchName("torch.storage", "UntypedStorage")
_STORAGE_TYPES = {dtype: TorchName("torch", name) for dtype, name in STORAGE_TYPE_OF.items()}


class SavedStorage:
    """A storage met while pickling: `key` is the name of its record, `dtype` that of the first tensor on it."""

    def __init__(self, key: str, owner: Any, flat: np.ndarray, dtype: dtypes.dtype, tag: str) -> None:
        self.key = key
        self.owner = owner  # kept alive, so that its identity stays its own
        self.flat = flat
        self.tag = tag
        self.dtype = dtype

    @property
    def unit(self) -> int:
        """The bytes of an element, 1 for the dtypes that PyTorch keeps in untyped storages."""
        return self.dtype.itemsize if self.dtype in _STORAGE_TYPES else 1

    def reference(self) -> tuple[Any, ...]:
        """The persistent id by which the pickle names this storage: its kind, key, device and length."""
        return "storage", _STORAGE_TYPES.get(self.dtype, _UNTYPED), self.key, self.tag, self.flat.nbytes // self.unit


class Pickler(pickle._Pickler):
    """Pickles one object; afterwards `storages` holds what the file must hold beside it, by key."""

    dispatch: ClassVar[dict[Any, Any]] = dict(pickle._Pickler.dispatch)

    def __init__(self, file: Any, protocol: int, legacy: bool = False) -> None:
        super().__init__(file, protocol)
        self.storages: list[SavedStorage] = []
        self._by_owner: dict[int, SavedStorage] = {}
        self._legacy = legacy

    def persistent_id(self, thing: Any) -> Any:
        if type(thing) is not SavedStorage:
            return None
        return (*thing.reference(), None) if self._legacy else thing.reference()

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, device):
            return device, (thing.type,) if thing.index is None else (thing.type, thing.index)
        if isinstance(thing, OrderedDict) and type(thing) is not OrderedDict and torch_name(type(thing)):
            # A private kind of table: PyTorch has plain ones there, and a module makes its own of them as it is loaded.
            return OrderedDict, (), None, None, iter(thing.items())
        return self._reduce_tensor(thing) if _bridge.is_tensor(thing) else NotImplemented

    def save_global(self, thing: Any, name: str | None = None) -> None:
        known = torch_name(thing, name)
        if known is None:
            super().save_global(thing, name)
        else:
            self._write_name(*known)
            self.memoize(thing)

    dispatch[FunctionType] = save_global

    def save_torch_name(self, thing: TorchName) -> None:
        """Write the name itself."""
        self._write_name(thing.module, thing.name)
        self.memoize(thing)

    dispatch[TorchName] = save_torch_name

    def _write_name(self, module: str, name: str) -> None:
        if self.proto >= 4:
            self.save(module)
            self.save(name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())

    def _reduce_tensor(self, tensor: Any) -> tuple[Any, ...]:
        attributes = _bridge.attributes_of(tensor)
        if _bridge.is_parameter(tensor):
            base: tuple[Any, ...] = (tensor.data, tensor.requires_grad, OrderedDict())
            return (_REBUILD_PARAMETER_WITH_STATE, (*base, attributes)) if attributes else (_REBUILD_PARAMETER, base)
        function, args = self._reduce_data(tensor)
        kind = _TENSOR if torch_name(type(tensor)) else type(tensor)  # our own subclasses are plain tensors in PyTorch
        return (_REBUILD_FROM_TYPE, (function, kind, args, attributes)) if attributes or kind is not _TENSOR else (function, args)

    def _reduce_data(self, tensor: Any) -> tuple[Any, tuple[Any, ...]]:
        view = _bridge.layout_of(tensor)
        storage = self._storage(view)
        args: tuple[Any, ...] = (storage, view.offset, view.size, view.stride, view.requires_grad, OrderedDict())
        return (_REBUILD_V2, args) if view.dtype in _STORAGE_TYPES else (_REBUILD_V3, (*args, view.dtype))

    def _storage(self, view: _bridge.Layout) -> SavedStorage:
        known = self._by_owner.get(id(view.owner))
        if known is None:
            known = SavedStorage(str(len(self.storages)), view.owner, view.flat, view.dtype, view.tag)
            self._by_owner[id(view.owner)] = known
            self.storages.append(known)
        if known.dtype is not view.dtype:
            raise RuntimeError(
                "save: Cannot save multiple tensors or storages that view the same data as different types: "
                f"{known.dtype} and {view.dtype}; clone one of them"
            )
        return known


def dumps(thing: Any, protocol: int, legacy: bool = False) -> tuple[bytes, list[SavedStorage]]:
    """The pickle of `thing` and the storages that it refers to, in the order in which it met them."""
    buffer = io.BytesIO()
    pickler = Pickler(buffer, protocol, legacy)
    pickler.dump(thing)
    return buffer.getvalue(), pickler.storages
