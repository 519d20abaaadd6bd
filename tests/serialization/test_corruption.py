"""Damaged files: one clear error that names the file, or the right values; never wrong ones, a crash or a hang."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import powerhouse as ph

ERRORS = (RuntimeError, pickle.UnpicklingError, EOFError, ValueError)
NUMBERS = np.arange(64, dtype=np.float32)


def checkpoint(compact=True):
    buffer = io.BytesIO()
    base = ph.from_numpy(NUMBERS.copy())
    state = {"weight": base, "part": base[8:16], "half": ph.ones(5, dtype=ph.bfloat16), "step": 7, "names": ["a", "b"]}
    ph.save(state, buffer, _use_new_zipfile_serialization=compact)
    return buffer.getvalue()


ZIP, LEGACY = checkpoint(), checkpoint(compact=False)


def load_or_error(data):
    try:
        return ph.load(io.BytesIO(data))
    except ERRORS as error:
        assert str(error).startswith("load")
        assert "<BytesIO>" in str(error)
        return None


def is_right(found):
    return (
        sorted(found) == ["half", "names", "part", "step", "weight"]
        and found["weight"].tolist() == NUMBERS.tolist()
        and found["part"].tolist() == NUMBERS[8:16].tolist()
        and found["half"].tolist() == [1.0] * 5
        and (found["step"], found["names"]) == (7, ["a", "b"])
    )


@settings(max_examples=150, deadline=2000)
@given(st.integers(0, len(ZIP) - 1))
def test_a_truncated_archive_is_always_refused(length):
    assert load_or_error(ZIP[:length]) is None


@settings(max_examples=150, deadline=2000)
@given(st.integers(0, len(LEGACY) - 1))
def test_a_truncated_legacy_file_is_always_refused(length):
    assert load_or_error(LEGACY[:length]) is None


@settings(max_examples=200, deadline=2000)
@given(st.lists(st.tuples(st.integers(0, len(ZIP) - 1), st.integers(1, 255)), min_size=1, max_size=4))
def test_flipped_bits_are_refused_or_do_not_matter(flips):
    data = bytearray(ZIP)
    for at, mask in flips:
        data[at] ^= mask
    found = load_or_error(bytes(data))
    assert found is None or is_right(found)


@settings(max_examples=150, deadline=2000)
@given(st.lists(st.tuples(st.integers(0, len(LEGACY) - 1), st.integers(1, 255)), min_size=1, max_size=4))
def test_flipped_bits_of_a_legacy_file_give_an_error_or_an_object(flips):
    data = bytearray(LEGACY)
    for at, mask in flips:
        data[at] ^= mask
    load_or_error(bytes(data))  # the format has no checksum: values may differ, nothing worse


@settings(max_examples=100, deadline=2000)
@given(st.binary(max_size=200), st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", LEGACY[:40]]))
def test_other_files_are_refused(tail, head):
    assert load_or_error(head + tail) is None


@settings(max_examples=100, deadline=2000)
@given(st.integers(0, len(ZIP)), st.integers(1, 300))
def test_pieces_that_are_missing_are_noticed(start, length):
    found = load_or_error(ZIP[:start] + ZIP[start + length :])
    assert found is None or is_right(found)


def test_the_error_names_the_file(tmp_path):
    path = tmp_path / "mine.pt"
    path.write_bytes(b"")
    with pytest.raises(EOFError, match=r"load: Ran out of input: .*mine\.pt' is empty"):
        ph.load(path)
    path.write_bytes(ZIP[:-30])
    with pytest.raises(RuntimeError, match=r"mine\.pt': failed finding central directory"):
        ph.load(path)
    path.write_bytes(b"some text, not a checkpoint")
    with pytest.raises(pickle.UnpicklingError, match=r"mine\.pt': .*neither a zip archive nor a pickle"):
        ph.load(path)
    path.write_bytes(pickle.dumps({"a": 1}, 2))
    with pytest.raises(RuntimeError, match=r"mine\.pt': Invalid magic number; corrupt file\?"):
        ph.load(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        ph.load(tmp_path / "nowhere.pt")
    with pytest.raises(IsADirectoryError):
        ph.load(tmp_path)
    with pytest.raises(AttributeError, match="has no method 'read'.*seekable"):
        ph.load(3)


def test_streams_that_cannot_seek_are_named():
    class Stream(io.RawIOBase):
        def readable(self):
            return True

    with pytest.raises(io.UnsupportedOperation, match="seekable"):
        ph.load(Stream())
