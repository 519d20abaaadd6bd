"""The zip container: what it writes, what it refuses."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest

from powerhouse.serialization import _zipformat
from powerhouse.serialization._zipformat import ALIGNMENT, ArchiveReader, ArchiveWriter

RECORDS = {"data.pkl": b"\x80\x02}.", "data/0": b"", "data/1": bytes(range(100)), "byteorder": b"little"}


def archive(records=RECORDS, prefix="model"):
    file = io.BytesIO()
    writer = ArchiveWriter(file, prefix)
    for name, data in records.items():
        writer.write(name, data)
    writer.close()
    return file.getvalue()


def reader(data):
    return ArchiveReader(io.BytesIO(data), "<test>")


def test_records_come_back_and_are_aligned():
    found = reader(archive())
    for name, data in RECORDS.items():
        assert found.read(name).tobytes() == data
        assert found.offset(name) % ALIGNMENT == 0
    assert found.read("version").tobytes() == b"3\n"
    assert "data/7" not in found


def test_the_standard_library_reads_it():
    with zipfile.ZipFile(io.BytesIO(archive())) as found:
        assert found.testzip() is None
        assert found.read("model/data/1") == RECORDS["data/1"]


def test_equal_contents_give_equal_files():
    assert archive() == archive()
    assert archive() != archive({**RECORDS, "data/1": b"other"})


def test_large_files_use_64_bit_fields(monkeypatch):
    monkeypatch.setattr(_zipformat, "_LIMIT", 90)  # as if 4 GiB were 90 bytes
    data = archive()
    found = reader(data)
    assert found.read("data/1").tobytes() == RECORDS["data/1"]
    assert found.read("byteorder").tobytes() == b"little"


def test_arrays_are_records_too():
    numbers = np.arange(6, dtype=np.float32)
    assert reader(archive({"data/0": numbers.view(np.uint8)})).read("data/0").view(np.float32).tolist() == numbers.tolist()


@pytest.mark.parametrize("keep", [0, 3, 30, 200, -1, -22, -60, -200])
def test_truncated_archives_are_refused(keep):
    with pytest.raises(RuntimeError, match="failed reading zip archive <test>: .*central directory"):
        reader(archive()[:keep])


def test_damaged_data_is_refused_by_checksum():
    data = bytearray(archive())
    data[data.index(RECORDS["data/1"]) + 50] ^= 1
    with pytest.raises(RuntimeError, match=r"record 'data/1' is damaged \(CRC-32"):
        reader(bytes(data)).read("data/1")


def test_a_record_without_a_checksum_is_read():
    data = bytearray(archive())
    crc = reader(bytes(data))._records["data/1"].crc
    data = bytes(data).replace(struct.pack("<I", crc), bytes(4))  # as torch.serialization.set_crc32_options(False) writes it
    assert reader(data).read("data/1").tobytes() == RECORDS["data/1"]


def test_missing_records_are_named():
    with pytest.raises(RuntimeError, match="no record 'data/9'"):
        reader(archive()).read("data/9")


def test_compressed_records_are_refused_before_they_are_unpacked():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("model/data.pkl", b"\0" * 10_000_000)
    with pytest.raises(RuntimeError, match="'data.pkl' is compressed"):
        reader(file.getvalue()).read("data.pkl")


def test_sizes_that_lie_are_refused_before_allocation():
    data = bytearray(archive({"data.pkl": b"x" * 40}))
    entry = data.index(b"PK\x01\x02")
    data[entry + 20 : entry + 28] = struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFF0)
    with pytest.raises(RuntimeError, match="larger than the file"):
        reader(bytes(data))


def test_overlapping_records_are_refused():
    data = archive({"a": b"x" * 900})
    entry = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x01\x02", entry + 4)
    one = data[entry:end]
    copies = b"".join(one.replace(b"model/a", f"model/{name}".encode()) for name in "bcdefgh")
    directory = one + copies
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 8, 8, len(directory), entry, 0)
    with pytest.raises(RuntimeError, match="overlap"):
        reader(data[:entry] + directory + tail)


def test_two_records_of_one_name_are_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as twice, pytest.warns(UserWarning, match="Duplicate"):
        twice.writestr("model/data.pkl", b"1")
        twice.writestr("model/data.pkl", b"2")
    with pytest.raises(RuntimeError, match="two records named 'data.pkl'"):
        reader(file.getvalue())


def test_archives_from_other_writers_are_read():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as other:
        other.writestr("any/data.pkl", b"hello")
    assert reader(file.getvalue()).read("data.pkl").tobytes() == b"hello"


def test_an_archive_may_start_within_a_file():
    file = io.BytesIO(b"before" + archive())
    file.seek(6)
    assert ArchiveReader(file, "<test>").read("data/1").tobytes() == RECORDS["data/1"]
