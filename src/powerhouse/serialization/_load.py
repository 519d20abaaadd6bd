"""`load`: what PyTorch or `save` wrote, back to objects."""

from __future__ import annotations

import io
import os
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _legacy, _rebuild, safetensors
from ._files import FileLike, is_path, label_of, reading
from ._globals import any_class, safe_class
from ._storages import LoadedStorage, Locate, MapLocation, is_foreign, locator
from ._unpickle import Unpickler
from ._zipformat import LOCAL_SIGNATURE, ArchiveReader


def load(
    f: FileLike,
    map_location: MapLocation = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Load what `save` or `torch.save` wrote, in either of PyTorch's formats, or a `.safetensors` file.

    Arguments: `f`, a path or a seekable file-like object; `map_location`, the device for the tensors, as a string, a device, a
    dict from saved to wanted devices, or a function of a storage and its saved device; `mmap`, map the file into memory instead
    of reading it (a path is needed; checksums are then not checked; writing to the tensors does not change the file).

    `weights_only` is True unless given: tensors, containers, numbers, strings and what `add_safe_globals` allows. With False
    the file can import and run anything: only for files that you would run as a program.

    Raises FileNotFoundError; EOFError for an empty or cut-off file; RuntimeError for a damaged archive or an unavailable
    device; pickle.UnpicklingError for a damaged pickle and for a global that is not allowed.
    """
    if weights_only and pickle_module is not None:
        raise RuntimeError("load: Can not safely load weights when explicit pickle_module is specified")
    safe = pickle_module is None if weights_only is None else weights_only
    if safe and set(pickle_load_args) - {"encoding"}:
        warnings.warn("load: pickle_load_args only works if `weights_only=False`.", stacklevel=2)
    if is_path(f) and os.fspath(f).endswith(".safetensors"):
        return safetensors.load_file(os.fspath(f), device=_plain_device(map_location))
    unpickle = _reader(safe, {"encoding": "utf-8", **pickle_load_args}, pickle_module or pickle)
    label = label_of(f)
    locate = locator(map_location, f"load: {label}")
    with reading(f) as file:
        start = file.tell()
        head = file.read(len(LOCAL_SIGNATURE))
        file.seek(start)
        if not head:
            raise EOFError(f"load: Ran out of input: {label} is empty")
        try:
            if head == LOCAL_SIGNATURE:
                return _load_archive(ArchiveReader(file, label), f if mmap else None, unpickle, locate)
            if mmap:
                raise RuntimeError("mmap can only be used with files saved with `torch.save(_use_new_zipfile_serialization=True)`")
            return _load_legacy(file, unpickle, locate)
        except pickle.UnpicklingError as error:
            raise pickle.UnpicklingError(f"load: {label}: {_advice(str(error)) if safe else error}") from None
        except EOFError as error:
            raise EOFError(f"load: {label}: {error}") from None
        except (RuntimeError, ValueError) as error:
            if type(error) not in (RuntimeError, ValueError) or str(error).startswith("load"):
                raise
            raise type(error)(f"load: {label}: {error}") from None


def _advice(error: str) -> str:
    """PyTorch's advice where the trouble is what the file names, plain words where it is damage."""
    if "GLOBAL" not in error:
        return f"Weights only load failed. {error}"
    return (
        "Weights only load failed. This file can still be loaded, to do so you have two options, do those steps only if you trust the "
        "source of the checkpoint.\n\t(1) `weights_only=False` will likely succeed, but it can result in arbitrary code execution.\n"
        f"\t(2) To load with `weights_only=True` please check the recommended steps in the following error message.\n\t{error}"
    )


def _reader(safe: bool, options: dict[str, Any], pickle_module: Any) -> _legacy.Load:
    """How a pickle is read: by our interpreter, or by `pickle_module` with PyTorch's names given our meaning."""
    if safe:
        return lambda data, start, persistent_load: Unpickler(data, safe_class, persistent_load, options["encoding"], start).load()

    class AnyUnpickler(pickle_module.Unpickler):  # type: ignore[misc, name-defined]
        def find_class(self, module: str, name: str) -> Any:
            return any_class(module, name, super().find_class)

    def unpickle(data: bytes, start: int, persistent_load: Callable[[Any], Any]) -> Any:
        file = io.BytesIO(data)
        file.seek(start)
        unpickler = AnyUnpickler(file, **options)
        unpickler.persistent_load = persistent_load
        return unpickler.load()

    return unpickle


def _load_archive(archive: ArchiveReader, mapped: Any, unpickle: _legacy.Load, locate: Locate) -> Any:
    if "constants.pkl" in archive:
        raise RuntimeError("this is a TorchScript archive; torch.load cannot read it, torch.jit.load reads it")
    foreign = is_foreign(bytes(archive.read("byteorder")).decode("ascii", "replace") if "byteorder" in archive else "little")
    whole = None if mapped is None else _map_file(mapped)[archive.start :]
    storages: dict[str, LoadedStorage] = {}

    def persistent_load(reference: Any) -> LoadedStorage:
        kind, key, tag, length = _reference(reference)
        if key not in storages:
            name = f"data/{key}"
            size = archive.size(name)
            if size != length * kind.dtype.itemsize:
                raise pickle.UnpicklingError(f"storage '{key}' has {size} bytes in the file, not {length} elements of {kind.dtype}")
            raw = archive.read(name) if whole is None else whole[archive.offset(name) :][:size]
            storages[key] = locate(LoadedStorage(raw, kind.dtype, swapped=foreign), tag)
        return storages[key]

    return unpickle(archive.read("data.pkl").tobytes(), 0, persistent_load)


def _reference(reference: Any) -> tuple[_rebuild.StorageType, str, str, int]:
    """A persistent id, checked: ("storage", type, key, device, length)."""
    if isinstance(reference, tuple) and len(reference) == 5 and reference[0] in ("storage", b"storage"):
        _, kind, key, tag, length = (part.decode("ascii", "replace") if isinstance(part, bytes) else part for part in reference)
        if isinstance(kind, _rebuild.StorageType) and isinstance(key, str) and isinstance(tag, str) and type(length) is int:
            return kind, key, tag, length
    raise pickle.UnpicklingError("unsupported persistent id encountered")


def _map_file(path: Any) -> np.ndarray:
    if not is_path(path):
        raise ValueError("f must be a file path in order to use the mmap argument")
    return np.asarray(np.memmap(path, np.uint8, mode="c"))


def _load_legacy(file: Any, unpickle: _legacy.Load, locate: Locate) -> Any:
    data = file.read()
    if not _legacy.looks_legacy(data):
        what = "a tar archive, as PyTorch before 0.1.10 wrote" if data[257:262] == b"ustar" else "neither a zip archive nor a pickle"
        raise pickle.UnpicklingError(f"the file was not written by torch.save: it is {what}")
    return _legacy.read(data, unpickle, safe_class, locate)


def _plain_device(map_location: MapLocation) -> Any:
    if isinstance(map_location, dict) or callable(map_location):
        raise RuntimeError("load: a dict or function as map_location is not supported for safetensors files; use a device string or device")
    return "cpu" if map_location is None else map_location


def get_unsafe_globals_in_checkpoint(f: FileLike) -> list[str]:
    """The globals in a file that `load(..., weights_only=True)` would refuse, by full name; nothing of the file is executed.

    ValueError for a file that is not in the zip format.
    """
    label = label_of(f)
    with reading(f, "get_unsafe_globals_in_checkpoint") as file:
        start = file.tell()
        if file.read(len(LOCAL_SIGNATURE)) != LOCAL_SIGNATURE:
            raise ValueError(f"get_unsafe_globals_in_checkpoint: Expected input to be a checkpoint returned by torch.save, got {label}")
        file.seek(start)
        survey = _legacy.Survey(ArchiveReader(file, label).read("data.pkl").tobytes())
    survey.load()
    return [f"{module}.{name}" for module, name in dict.fromkeys(survey.globals) if not _is_safe(module, name)]


def _is_safe(module: str, name: str) -> bool:
    try:
        safe_class(module, name)
    except pickle.UnpicklingError:
        return False
    return True
