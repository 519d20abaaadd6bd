"""Safetensors files: against the reference library, and damaged ones."""

from __future__ import annotations

import json
import os
import struct

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError

import powerhouse as ph
from powerhouse.core import dtypes
from powerhouse.serialization.safetensors import load, load_file, save, save_file

DTYPES = [d for d in dtypes.ALL if d is not ph.complex128]


def state():
    return {"weight": ph.arange(6.0).view(2, 3), "half": ph.ones(4, dtype=ph.bfloat16), "count": ph.tensor(3), "none": ph.zeros(0, 2)}


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_every_dtype(dtype, tmp_path):
    tensor = ph.arange(6).view(2, 3).to(dtype)
    save_file({"x": tensor}, tmp_path / "f.safetensors")
    found = load_file(tmp_path / "f.safetensors")["x"]
    assert found.dtype is dtype
    assert found._array().tobytes() == tensor._array().tobytes()


def test_the_reference_library_reads_ours(tmp_path):
    save_file({"x": ph.arange(6.0).view(2, 3).t()}, tmp_path / "f.safetensors", metadata={"format": "pt"})
    assert safetensors.numpy.load_file(tmp_path / "f.safetensors")["x"].tolist() == [[0, 3], [1, 4], [2, 5]]
    with safetensors.safe_open(tmp_path / "f.safetensors", "np") as file:
        assert file.metadata() == {"format": "pt"}


def test_we_read_the_reference_librarys():
    found = load(safetensors.numpy.save({"x": np.arange(3, dtype=np.int16), "y": np.ones((2, 2))}))
    assert found["x"].tolist() == [0, 1, 2] and found["x"].dtype is ph.int16
    assert found["y"].tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_names_and_shapes_come_back(tmp_path):
    save_file(state(), tmp_path / "f.safetensors")
    for found in (load_file(str(tmp_path / "f.safetensors")), ph.load(tmp_path / "f.safetensors"), load(save(state()))):
        assert {name: t.shape for name, t in found.items()} == {name: t.shape for name, t in state().items()}
        found["weight"].add_(1.0)  # memory of its own
        assert found["weight"].tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def test_what_cannot_be_saved(tmp_path):
    base = ph.arange(4.0)
    with pytest.raises(RuntimeError, match=r"share memory.*\('a', 'b'\)"):
        save({"a": base, "b": base[1:]})
    save({"a": base[:2], "b": base[2:]})  # two halves of one storage
    with pytest.raises(ValueError, match="Key `a` is invalid, expected a Tensor but received int"):
        save({"a": 1})
    with pytest.raises(ValueError, match="complex128"):
        save({"a": ph.ones(1, dtype=ph.complex128)})
    with pytest.raises(RuntimeError, match="Parent directory"):
        save_file({}, tmp_path / "none" / "f.safetensors")
    assert os.listdir(tmp_path) == []


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "f.safetensors"
    save_file({"a": ph.ones(1)}, path)
    with pytest.raises(Exception, match="metadata"):
        save_file({"a": ph.zeros(1)}, path, metadata={"number": 1})
    assert load_file(path)["a"].tolist() == [1.0]
    assert os.listdir(tmp_path) == ["f.safetensors"]


def file_of(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "header"),
        (b"1234567", "header"),
        (struct.pack("<Q", 2**63), "header"),
        (file_of(b"{"), "not JSON"),
        (file_of(b"[" * 100_000), "not JSON"),
        (file_of([]), "not an object"),
        (file_of({"a": {}}), "entry for 'a'"),
        (file_of({"a": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)), "entry for 'a'"),
        (file_of({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, bytes(4)), "natural number"),
        (file_of({"a": {"dtype": "F32", "shape": [2**61], "data_offsets": [0, 2**63]}}, bytes(4)), "does not fit"),
        (file_of({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, bytes(4)), "does not fit"),
        (file_of({"a": {"dtype": "F32", "shape": [1], "data_offsets": [1, 5]}}, bytes(5)), "does not fit"),
        (file_of({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(5)), "belong to no tensor"),
    ],
)
def test_damaged_files_are_refused(data, message, tmp_path):
    with pytest.raises(SafetensorError, match=message):
        load(data)
    path = tmp_path / "mine.safetensors"
    path.write_bytes(data)
    with pytest.raises(SafetensorError, match=rf"mine\.safetensors.*(?s:.)*{message}"):
        load_file(path)


@settings(max_examples=100, deadline=2000)
@given(st.integers(0, 400), st.integers(1, 255))
def test_flipped_bits_give_an_error_or_tensors(at, mask):
    data = bytearray(save({"a": ph.arange(8.0), "b": ph.ones(3, dtype=ph.int8)}))
    data[at % len(data)] ^= mask
    try:
        load(bytes(data))
    except SafetensorError:
        pass


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_file(tmp_path / "nowhere.safetensors")


def test_devices(tmp_path):
    save_file({"a": ph.ones(1)}, tmp_path / "f.safetensors")
    assert load_file(tmp_path / "f.safetensors", device=ph.device("cpu"))["a"].tolist() == [1.0]
    with pytest.raises(RuntimeError, match="CUDA"):
        load_file(tmp_path / "f.safetensors", device="cuda")
    with pytest.raises(RuntimeError, match="dict or function"):
        ph.load(tmp_path / "f.safetensors", map_location={"cpu": "cpu"})
