"""The format of `torch.save` before version 1.6: pickles one after another, then the storages.

    magic number | protocol version | system information | the object | the storages' keys | for each key: length, data

All but the last are pickles. The length is an int64 in elements, and the size of an element stands only in the object's
pickle; so that pickle is first read by an interpreter that makes nothing, for what it says about its storages.
"""

from __future__ import annotations

import io
import pickle
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ._pickle import SavedStorage
from ._rebuild import StorageType
from ._storages import LoadedStorage, Locate
from ._unpickle import Unpickler

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
_LENGTH = struct.Struct("<q")

Load = Callable[[bytes, int, Callable[[Any], Any]], Any]  # (data, position, persistent_load) -> object


class Survey(Unpickler):
    """Reads a pickle without making anything: every call gives a blank. Records the globals and persistent ids."""

    def __init__(self, data: bytes, position: int = 0) -> None:
        super().__init__(data, lambda module, name: None, lambda reference: None, "latin1", position)
        self.globals: list[tuple[str, str]] = []
        self.references: list[tuple[Any, ...]] = []
        self.persistent_load = self._note

    def _note(self, reference: Any) -> Blank:
        if isinstance(reference, tuple):
            self.references.append(reference)
        return Blank()

    def find_class(self, module: str, name: str) -> Any:
        self.globals.append((module, name))
        return f"{module}.{name}"

    def reduce(self, function: Any, args: Any) -> Any:
        return Blank()

    def new(self, kind: Any, args: Any, kwargs: Any) -> Any:
        return Blank()

    def build(self, target: Any, state: Any) -> None: ...

    def set_items(self, target: Any, items: list[Any]) -> None: ...

    def extend(self, target: Any, items: list[Any]) -> None: ...


class Blank:
    """Stands for an object that a survey did not make."""


def looks_legacy(data: bytes) -> bool:
    """Whether `data` begins as a pickle of protocol 2 or later does."""
    return data[:1] == pickle.PROTO and len(data) > 1 and data[1] <= pickle.HIGHEST_PROTOCOL


def read(data: bytes, load_object: Load, find_class: Callable[[str, str], Any], locate: Locate) -> Any:
    """The object of a whole file `data`. `find_class` gives the storage types, `load_object` unpickles."""
    head = _Pickles(data)
    magic = head.next()
    if magic != MAGIC_NUMBER:
        raise RuntimeError("Invalid magic number; corrupt file?")
    version = head.next()
    if version != PROTOCOL_VERSION:
        raise RuntimeError(f"Invalid protocol version: {version}")
    system = head.next()
    start = head.position
    survey = Survey(data, start)
    survey.load()
    head.position = survey.position
    keys = head.next()
    if not isinstance(keys, list):
        raise pickle.UnpicklingError("the list of storage keys is missing")
    kinds = _kinds(survey.references, find_class)
    foreign = isinstance(system, dict) and system.get("little_endian", True) != (sys.byteorder == "little")
    storages = _read_storages(data, head.position, keys, kinds, foreign)
    views: dict[str, LoadedStorage] = {}

    def persistent_load(reference: Any) -> Any:
        kind, *fields = _fields(reference)
        if kind == "module":
            return fields[0]
        _, key, tag, _, view = fields
        if _text(key) not in storages:
            raise pickle.UnpicklingError(f"the file has no storage '{key}'")
        storage = storages[_text(key)]
        if view is None:
            return locate(storage, _text(tag))
        if not isinstance(view, tuple) or len(view) != 3:
            raise pickle.UnpicklingError("unsupported persistent id encountered")
        name, offset, length = _text(view[0]), *view[1:]
        if name not in views:
            views[name] = locate(_part(storage, offset, length), _text(tag))
        return views[name]

    return load_object(data, start, persistent_load)


class _Pickles:
    """The plain pickles of the file's head, one after another."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def next(self) -> Any:
        reader = Unpickler(self.data, _no_global, _no_reference, position=self.position)
        found = reader.load()
        self.position = reader.position
        return found


def _no_global(module: str, name: str) -> Any:
    raise pickle.UnpicklingError(f"the head of the file names the global {module}.{name}")


def _no_reference(reference: Any) -> Any:
    raise pickle.UnpicklingError("the head of the file refers to a storage")


def _text(value: Any) -> str:
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)


def _fields(reference: Any) -> tuple[Any, ...]:
    """A persistent id, checked: ("module", class, file, source) or ("storage", type, key, device, length, view)."""
    if isinstance(reference, tuple) and reference:
        kind = _text(reference[0])
        if (kind, len(reference)) in (("module", 4), ("storage", 6), ("storage", 5)):
            return (kind, *reference[1:], *((None,) if len(reference) == 5 else ()))
    raise pickle.UnpicklingError("unsupported persistent id encountered")


def _kinds(references: list[tuple[Any, ...]], find_class: Callable[[str, str], Any]) -> dict[str, StorageType]:
    """The type of each storage that the survey met, by key."""
    kinds: dict[str, StorageType] = {}
    for reference in references:
        kind, name, *rest = _fields(reference)
        if kind == "storage" and isinstance(name, str):
            module, _, short = name.rpartition(".")
            found = find_class(module, short)
            if not isinstance(found, StorageType):
                raise pickle.UnpicklingError(f"{name} is not a storage type")
            kinds.setdefault(_text(rest[0]), found)
    return kinds


def _read_storages(data: bytes, at: int, keys: list[Any], kinds: dict[str, StorageType], foreign: bool) -> dict[str, LoadedStorage]:
    storages: dict[str, LoadedStorage] = {}
    for key in map(_text, keys):
        if key not in kinds:
            raise pickle.UnpicklingError(f"storage '{key}' is in the file, but no tensor refers to it")
        dtype = kinds[key].dtype
        if at + _LENGTH.size > len(data):
            raise EOFError(f"the file ends before the length of storage '{key}'")
        (length,) = _LENGTH.unpack_from(data, at)
        at += _LENGTH.size
        nbytes = length * dtype.itemsize
        if length < 0 or nbytes > len(data) - at:
            raise EOFError(f"the file ends within storage '{key}': {length} elements of {dtype} wanted, {len(data) - at} bytes left")
        raw = np.frombuffer(data, np.uint8, nbytes, at).copy()
        storages[key] = LoadedStorage(raw, dtype, swapped=foreign)
        at += nbytes
    return storages


def _part(storage: LoadedStorage, offset: Any, length: Any) -> LoadedStorage:
    """The elements from `offset` on of a storage, as a storage of its own over the same memory."""
    unit = storage.dtype.itemsize
    if not (type(offset) is type(length) is int and 0 <= offset and 0 <= length and (offset + length) * unit <= storage.nbytes()):
        raise pickle.UnpicklingError("a view of a storage reaches beyond it")
    whole = storage.numbers(storage.dtype).view(np.uint8)
    return LoadedStorage(whole[offset * unit : (offset + length) * unit], storage.dtype)


def write(data: bytes, storages: list[SavedStorage], protocol: int) -> bytes:
    """A whole file: the pickle `data` of an object, made with `legacy` persistent ids, and its storages."""
    file = io.BytesIO()
    sizes = {"short": 2, "int": 4, "long": 4}
    system = {"protocol_version": PROTOCOL_VERSION, "little_endian": sys.byteorder == "little", "type_sizes": sizes}
    for part in (MAGIC_NUMBER, PROTOCOL_VERSION, system):
        pickle.dump(part, file, protocol)
    file.write(data)
    by_key = {storage.key: storage for storage in storages}
    pickle.dump(sorted(by_key), file, protocol)
    for _, storage in sorted(by_key.items()):
        file.write(_LENGTH.pack(storage.flat.nbytes // storage.unit))
        file.write(storage.flat.view(np.uint8).data)
    return file.getvalue()
