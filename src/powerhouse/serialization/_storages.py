"""Storages while a file is read or written, and where `map_location` puts them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from powerhouse.core import dtypes
from powerhouse.core.device import device

from . import _bridge

MapLocation = Any  # None, a string, a device, a dict of them, or a function of (storage, location)


@dataclass
class LoadedStorage:
    """One storage of a file: its bytes, the dtype under which it was saved, and the device it will be on.

    `map_location` functions receive it; `cpu()` and `cuda()` are how they answer.
    """

    raw: np.ndarray  # (nbytes,) uint8
    dtype: dtypes.dtype
    device: device = field(default_factory=lambda: device("cpu"))
    swapped: bool = False  # the bytes have the other byte order than this machine
    base: Any = None  # the first tensor that `_bridge` made on it: the others share its memory

    def nbytes(self) -> int:
        """The size in bytes."""
        return self.raw.size

    def cpu(self) -> LoadedStorage:
        """This storage, to be in main memory."""
        return self.to(device("cpu"))

    def cuda(self, index: int | None = None) -> LoadedStorage:
        """This storage, to be on a CUDA device."""
        return self.to(device("cuda", index))

    def to(self, target: Any) -> LoadedStorage:
        """This storage, to be on `target`."""
        self.device = device(target)
        return self

    def numbers(self, dtype: dtypes.dtype) -> np.ndarray:
        """The contents as a flat array of `dtype` over the same memory: (nbytes // itemsize,)."""
        if self.swapped:
            self.raw, self.swapped = _swap_bytes(self.raw, dtype), False
        if self.raw.ctypes.data % dtype.itemsize:
            self.raw = self.raw.copy()  # a mapped file whose records are not aligned
        return self.raw[: self.raw.size // dtype.itemsize * dtype.itemsize].view(dtype.numpy)


def _swap_bytes(raw: np.ndarray, dtype: dtypes.dtype) -> np.ndarray:
    unit = dtype.to_real().itemsize
    even = raw[: raw.size // unit * unit]
    return even.view(f"u{unit}").byteswap().view(np.uint8)


def is_foreign(byte_order: str) -> bool:
    """Whether numbers written in `byte_order` ("little", "big") have to be swapped here; ValueError for another word."""
    if byte_order not in ("little", "big"):
        raise ValueError(f"Unknown endianness type: {byte_order}")
    return byte_order != sys.byteorder


Locate = Callable[[LoadedStorage, str], LoadedStorage]


def locator(map_location: MapLocation, where: str) -> Locate:
    """`map_location` as a function of a storage and its tag in the file ("cpu", "cuda:0") that gives the placed storage.

    Error messages begin with `where`: RuntimeError, in PyTorch's words, for a device that is not available here; TypeError for
    another kind of argument.
    """

    def place(storage: LoadedStorage, tag: str) -> LoadedStorage:
        return storage.to(_available(tag, where))

    def place_by_function(storage: LoadedStorage, tag: str) -> LoadedStorage:
        placed = map_location(storage, tag)
        if placed is not None and not isinstance(placed, LoadedStorage):
            raise TypeError(f"{where}: a map_location function must return a storage or None, not {type(placed).__name__}")
        return place(storage, tag) if placed is None else place(placed, str(placed.device))

    if map_location is None:
        return place
    if isinstance(map_location, (str, bytes, device)):
        target = map_location.decode() if isinstance(map_location, bytes) else str(map_location)
        return lambda storage, tag: place(storage, target)
    if isinstance(map_location, dict):
        return lambda storage, tag: place(storage, str(map_location.get(tag, tag)))
    if not callable(map_location):
        kind = type(map_location).__name__
        raise TypeError(f"{where}: map_location must be a string, a device, a dict or a function, not {kind}")
    return place_by_function


def _available(tag: str, where: str) -> device:
    try:
        target = device(tag)
    except RuntimeError:
        raise RuntimeError(f"{where}: don't know how to restore data location of a storage (tagged with {tag})") from None
    if not _bridge.is_available(target):
        raise RuntimeError(
            f"{where}: Attempting to deserialize object on a {target.type.upper()} device but {target.type} is not available here. "
            "If you are running on a CPU-only machine, please use torch.load with map_location=torch.device('cpu') "
            "to map your storages to the CPU."
        )
    return target
