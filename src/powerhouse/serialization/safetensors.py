"""Safetensors files: named tensors and a little text, nothing that could execute.

    length of the header (uint64) | header (JSON: name -> dtype, shape, data_offsets) | the tensors' bytes

Source of the format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from powerhouse.core import dtypes

from . import _bridge
from ._files import PathLike, label_of, reading, writing
from ._storages import LoadedStorage, locator

__all__ = ["load", "load_file", "save", "save_file"]

_DTYPES = {
    "F64": dtypes.float64, "F32": dtypes.float32, "F16": dtypes.float16, "BF16": dtypes.bfloat16,
    "F8_E4M3": dtypes.float8_e4m3fn, "F8_E5M2": dtypes.float8_e5m2, "C64": dtypes.complex64, "BOOL": dtypes.bool_,
    "I64": dtypes.int64, "I32": dtypes.int32, "I16": dtypes.int16, "I8": dtypes.int8,
    "U64": dtypes.uint64, "U32": dtypes.uint32, "U16": dtypes.uint16, "U8": dtypes.uint8,
}  # fmt: skip
_LENGTH = struct.Struct("<Q")
_LONGEST_HEADER = 100_000_000


def save_file(tensors: Mapping[str, Any], filename: PathLike, metadata: Mapping[str, str] | None = None) -> None:
    """Write named tensors to a file, which is replaced in one step.

    Arguments: `tensors`, name -> Tensor of any shape (written row by row) and any dtype but complex128; `metadata`, text by text.
    RuntimeError for tensors that share memory, which the format cannot express; ValueError for what is no Tensor.

    >>> import os, tempfile, powerhouse
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.safetensors")
    ...     save_file({"weight": powerhouse.ones(2)}, path)
    ...     load_file(path)
    {'weight': tensor([1., 1.])}
    """
    arrays = _arrays(tensors, "save_file")
    with writing(filename, "save_file") as file:
        safetensors.numpy.save_file(arrays, file.name, metadata=dict(metadata) if metadata else None)


def save(tensors: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> bytes:
    """Named tensors as the bytes of a safetensors file; see `save_file`."""
    return safetensors.numpy.save(_arrays(tensors, "save"), metadata=dict(metadata) if metadata else None)


def load_file(filename: PathLike, device: Any = "cpu") -> dict[str, Any]:
    """The tensors of a safetensors file by name, on `device`. SafetensorError, naming the file, for a damaged one."""
    with reading(filename, "load_file") as file:
        empty = not file.read(1)
    data = np.empty(0, np.uint8) if empty else np.memmap(filename, np.uint8, mode="r")
    return _tensors(data, device, f"load_file: {label_of(filename)}")


def load(data: bytes, device: Any = "cpu") -> dict[str, Any]:
    """The tensors in the bytes of a safetensors file by name, on `device`; SafetensorError for damaged ones."""
    return _tensors(np.frombuffer(data, np.uint8), device, "load")


def _arrays(tensors: Mapping[str, Any], op: str) -> dict[str, np.ndarray]:
    """Row-major arrays of the tensors' values."""
    arrays: dict[str, np.ndarray] = {}
    spans: dict[int, list[tuple[int, int, str]]] = {}
    for name, tensor in tensors.items():
        if not _bridge.is_tensor(tensor):
            raise ValueError(f"{op}: Key `{name}` is invalid, expected a Tensor but received {type(tensor).__name__}")
        view = _bridge.layout_of(tensor)
        if view.dtype not in _DTYPES.values():
            raise ValueError(f"{op}: Key `{name}` is {view.dtype}, which safetensors has no name for")
        unit = view.dtype.itemsize
        steps = tuple(step * unit for step in view.stride)
        seen = np.ndarray(view.size, view.dtype.numpy, view.flat, view.offset * unit, steps)
        arrays[name] = np.ascontiguousarray(seen).reshape(view.size)  # a 0-d array would become 1-d
        if math.prod(view.size):
            last = view.offset + sum((n - 1) * step for n, step in zip(view.size, view.stride, strict=True))
            spans.setdefault(id(view.owner), []).append((view.offset, last, name))
    shared = [pair for group in spans.values() for pair in _overlaps(sorted(group))]
    if shared:
        raise RuntimeError(f"{op}: Some tensors share memory, which safetensors cannot express: {shared}. Clone one of each pair.")
    return arrays


def _overlaps(spans: list[tuple[int, int, str]]) -> Iterator[tuple[str, str]]:
    for (_, last, name), (first, _, other) in zip(spans, spans[1:], strict=False):
        if first <= last:
            yield name, other


def _tensors(data: np.ndarray, place: Any, where: str) -> dict[str, Any]:
    header, start = _header(data, where)
    locate = locator(place, where)
    found, end = {}, 0
    for name, (kind, size, first, last) in sorted(_entries(header, where), key=lambda item: item[1][2:]):
        if first != end or last - first != math.prod(size) * kind.itemsize or last > data.size - start:
            raise SafetensorError(f"{where}: tensor '{name}' ({kind} {list(size)} in bytes {first} to {last}) does not fit into the file")
        end = last
        raw = np.array(data[start + first : start + last])
        storage = locate(LoadedStorage(raw, kind), "cpu")
        found[name] = _bridge.make_tensor(storage, kind, 0, size, _bridge.contiguous_strides(size), False, set())
    if end != data.size - start:
        raise SafetensorError(f"{where}: {data.size - start - end} bytes of the file belong to no tensor")
    return {name: found[name] for name in header if name in found}


def _header(data: np.ndarray, where: str) -> tuple[dict[str, Any], int]:
    """The header and where the tensors' bytes start."""
    length = _LENGTH.unpack(data[: _LENGTH.size].tobytes())[0] if data.size >= _LENGTH.size else -1
    start = _LENGTH.size + length
    if not 0 <= length <= _LONGEST_HEADER or start > data.size:
        raise SafetensorError(f"{where}: the header is said to be {length} bytes long, in a file of {data.size} bytes")
    try:
        header = json.loads(data[_LENGTH.size : start].tobytes())
    except (ValueError, RecursionError) as error:
        raise SafetensorError(f"{where}: the header is not JSON: {error}") from None
    if not isinstance(header, dict):
        raise SafetensorError(f"{where}: the header is a {type(header).__name__}, not an object")
    return header, start


def _entries(header: dict[str, Any], where: str) -> Iterator[tuple[str, tuple[dtypes.dtype, tuple[int, ...], int, int]]]:
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            kind, size, (first, last) = _DTYPES[entry["dtype"]], tuple(entry["shape"]), entry["data_offsets"]
        except (KeyError, TypeError, ValueError) as error:
            raise SafetensorError(f"{where}: the header's entry for '{name}' is wrong: {error!r}") from None
        if any(type(n) is not int or n < 0 for n in (*size, first, last)):
            raise SafetensorError(f"{where}: the header's entry for '{name}' has a size or offset that is no natural number")
        yield name, (kind, size, first, last)
