"""The zip container of `save` and `load`: stored (uncompressed) records, each aligned to 64 bytes.

Layout of a file, as PyTorch writes it (every record name is prefixed with the archive's name and a slash):

    data.pkl  .format_version  .storage_alignment  byteorder  data/0  data/1 ...  version  .data/serialization_id

A record is: local header (30 bytes) | name | extra field `FB` that pads the data to 64 bytes | data | data descriptor.
Sizes and checksums stand in the descriptor and in the central directory at the end of the file.
Source: APPNOTE.TXT 6.3.10 (PKWARE), sections 4.3 and 4.5.3.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

import numpy as np

ALIGNMENT = 64
LOCAL_SIGNATURE = b"PK\x03\x04"

_CENTRAL_SIGNATURE, _DESCRIPTOR_SIGNATURE = b"PK\x01\x02", b"PK\x07\x08"
_LOCAL = struct.Struct("<4s5H3I2H")  # signature, version, flags, method, time, date, crc, packed, size, name, extra
_CENTRAL = struct.Struct("<4s6H3I5H2I")  # ... two versions first; then comment, disk, attributes (2), header offset
_END = struct.Struct("<4s4H2IH")  # signature, disk, disk, entries, entries, directory size, directory offset, comment
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_UTF8, _DESCRIPTOR = 0x0800, 0x0008
_END64_VERSION = 0x031E
_LIMIT = 0xFFFFFFFF  # sizes and offsets from here on are written in 64-bit fields
_LIMIT16 = 0xFFFF
_CHUNK = 1 << 24
_LONGEST_END = _END.size + _LIMIT16


class Record(NamedTuple):
    """One entry of the central directory; `header` is the offset of the local header from the archive's start."""

    name: bytes
    crc: int
    size: int
    header: int
    is_stored: bool = True  # neither compressed nor encrypted


class ArchiveWriter:
    """Writes records to `file`, which needs `write` only. `close` writes the directory and leaves `file` open."""

    def __init__(self, file: IO[bytes], prefix: str) -> None:
        self._file = file
        self._prefix = prefix
        self._position = 0
        self._records: list[Record] = []

    def write(self, name: str, data: Any) -> None:
        """Append the record `name` with the bytes of `data`, any C-contiguous buffer."""
        view = memoryview(data).cast("B")
        encoded = f"{self._prefix}/{name}".encode()
        header, size = self._position, len(view)
        flags = _UTF8 | (_DESCRIPTOR if size else 0)
        extra = _wide_fields(size, header)
        extra += _padding(header + _LOCAL.size + len(encoded) + len(extra))
        self._put(_LOCAL.pack(LOCAL_SIGNATURE, 0, flags, 0, 0, 0, 0, 0, 0, len(encoded), len(extra)) + encoded + extra)
        crc = 0
        for start in range(0, size, _CHUNK):
            crc = zlib.crc32(view[start : start + _CHUNK], crc)
            self._put(view[start : start + _CHUNK])
        if size:
            widths = "<4sIQQ" if size >= _LIMIT or header >= _LIMIT else "<4sIII"
            self._put(struct.pack(widths, _DESCRIPTOR_SIGNATURE, crc, size, size))
        self._records.append(Record(encoded, crc, size, header))

    def close(self) -> None:
        """Write `version`, the identity of the contents and the central directory."""
        self.write("version", b"3\n")
        self.write(".data/serialization_id", self._identity().encode())
        start = self._position
        for record in self._records:
            self._put(_central_entry(record))
        size, count = self._position - start, len(self._records)
        end64 = self._position
        self._put(_END64.pack(b"PK\x06\x06", _END64.size - 12, _END64_VERSION, 45, 0, 0, count, count, size, start))
        self._put(_LOCATOR64.pack(b"PK\x06\x07", 0, end64, 1))
        entries = min(count, _LIMIT16)
        self._put(_END.pack(b"PK\x05\x06", 0, 0, entries, entries, min(size, _LIMIT), min(start, _LIMIT), 0))

    def _identity(self) -> str:
        """40 decimal digits that depend on the names and checksums of all records: equal contents, equal identity."""
        digest = hashlib.blake2b(digest_size=16)
        for record in self._records:
            digest.update(record.name + struct.pack("<IQ", record.crc, record.size))
        return f"{int.from_bytes(digest.digest(), 'little'):040d}"

    def _put(self, data: Any) -> None:
        self._file.write(data)
        self._position += len(data)


def _padding(position: int) -> bytes:
    """The extra field after which the data starts at a multiple of ALIGNMENT; `position` is where the field starts."""
    room = -(position + 4) % ALIGNMENT
    return b"FB" + struct.pack("<H", room) + b"Z" * room


def _wide_fields(size: int, header: int) -> bytes:
    """The extra field with the 64-bit sizes and offset of a record that needs them, else nothing."""
    wide = struct.pack("<QQ", size, size) if size >= _LIMIT else b""
    wide += struct.pack("<Q", header) if header >= _LIMIT else b""
    return struct.pack("<HH", 1, len(wide)) + wide if wide else b""


def _central_entry(record: Record) -> bytes:
    extra = _wide_fields(record.size, record.header)
    flags = _UTF8 | (_DESCRIPTOR if record.size else 0)
    size, header = min(record.size, _LIMIT), min(record.header, _LIMIT)
    fields = (0, 0, flags, 0, 0, 0, record.crc, size, size, len(record.name), len(extra), 0, 0, 0, 0, header)
    return _CENTRAL.pack(_CENTRAL_SIGNATURE, *fields) + record.name + extra


class ArchiveReader:
    """Reads the archive that starts at the current position of the seekable `file` and ends at its end.

    Every size and offset is checked against the length of the file before anything is allocated. RuntimeError, naming
    `label`, for whatever is not a complete archive of stored records.
    """

    def __init__(self, file: IO[bytes], label: str) -> None:
        self._file = file
        self._label = label
        self.start = file.tell()
        self._size = file.seek(0, 2) - self.start
        self._records: dict[str, Record] = {}
        for record in self._directory():
            try:
                prefix, _, name = record.name.decode().partition("/")
            except UnicodeDecodeError:
                raise self._error(f"the record name {record.name!r} is not UTF-8") from None
            if name in self._records:
                raise self._error(f"it holds two records named '{name}'")
            self._records[name] = record
        if sum(record.size for record in self._records.values() if record.is_stored) > self._size:
            raise self._error("its records overlap: together they are larger than the file")

    def __contains__(self, name: str) -> bool:
        return name in self._records

    def names(self) -> list[str]:
        """The names of the records, without the archive's prefix, in the order of the directory."""
        return list(self._records)

    def size(self, name: str) -> int:
        """The length of record `name` in bytes."""
        return self._record(name).size

    def offset(self, name: str) -> int:
        """Where the data of record `name` starts, counted from the start of the archive."""
        record = self._record(name)
        header = self._read(record.header, _LOCAL.size)
        fields = _LOCAL.unpack(header) if len(header) == _LOCAL.size else (b"",)
        if fields[0] != LOCAL_SIGNATURE:
            raise self._error(f"no record header where the directory says that record '{name}' starts")
        length, extra = fields[-2:]
        if self._read(record.header + _LOCAL.size, length) != record.name:
            raise self._error(f"the header of record '{name}' has another name than the directory")
        offset = record.header + _LOCAL.size + length + extra
        if offset + record.size > self._size:
            raise self._error(f"record '{name}' ({record.size} bytes at {offset}) reaches beyond the file ({self._size} bytes)")
        return offset

    def read(self, name: str) -> np.ndarray:
        """The data of record `name` as a fresh uint8 array; RuntimeError if its CRC-32 is not the recorded one."""
        offset, record = self.offset(name), self._record(name)
        data = np.empty(record.size, np.uint8)
        self._file.seek(self.start + offset)
        view, crc = data.data, 0
        for start in range(0, record.size, _CHUNK):
            piece = view[start : start + _CHUNK]
            if not _fill(self._file, piece):
                raise self._error(f"record '{name}' ends early")
            crc = zlib.crc32(piece, crc)
        if crc != record.crc and record.crc != 0:  # PyTorch writes 0 where checksums are switched off
            raise self._error(f"record '{name}' is damaged (CRC-32 {crc:08x}, recorded {record.crc:08x})")
        return data

    def _record(self, name: str) -> Record:
        if name not in self._records:
            raise self._error(f"it has no record '{name}'")
        if not self._records[name].is_stored:
            raise self._error(f"record '{name}' is compressed or encrypted; torch.save writes neither")
        return self._records[name]

    def _directory(self) -> Iterator[Record]:
        count, size, start = self._end()
        if start + size > self._size or count * _CENTRAL.size > size:
            raise self._error("the central directory reaches beyond the file")
        data, at = self._read(start, size), 0
        for _ in range(count):
            record, at = self._entry(data, at)
            yield record

    def _end(self) -> tuple[int, int, int]:
        """Entries, size and offset of the central directory."""
        tail_start = max(0, self._size - _LONGEST_END)
        tail = self._read(tail_start, self._size - tail_start)
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) - at < _END.size:
            raise self._error("failed finding central directory; the file is truncated or is no zip archive")
        *_, count, size, start, comment = _END.unpack_from(tail, at)
        if at + _END.size + comment != len(tail):
            raise self._error("failed finding central directory; there are bytes after the end of the archive")
        end = tail_start + at
        if start + size == end and start != _LIMIT:
            return count, size, start
        return self._end64(end)

    def _end64(self, end: int) -> tuple[int, int, int]:
        locator = self._read(end - _LOCATOR64.size, _LOCATOR64.size) if end >= _LOCATOR64.size else b""
        if locator[:4] == b"PK\x06\x07":
            at = _LOCATOR64.unpack(locator)[2]
            fields = self._read(at, _END64.size) if at + _END64.size <= self._size else b""
            if fields[:4] == b"PK\x06\x06":
                *_, count, size, start = _END64.unpack(fields)
                if start + size == at:
                    return count, size, start
        raise self._error("the central directory is not where the end of the archive says; the file is damaged")

    def _entry(self, data: bytes, at: int) -> tuple[Record, int]:
        if len(data) - at < _CENTRAL.size or data[at : at + 4] != _CENTRAL_SIGNATURE:
            raise self._error("an entry of the central directory is damaged")
        (_, _, _, flags, method, _, _, crc, packed, size, length, extra, comment, _, _, _, header) = _CENTRAL.unpack_from(data, at)
        at += _CENTRAL.size
        name, fields = data[at : at + length], data[at + length : at + length + extra]
        if len(fields) != extra:
            raise self._error("an entry of the central directory is cut off")
        wide = _wide_values(fields)
        try:
            size = next(wide) if size == _LIMIT else size
            packed = next(wide) if packed == _LIMIT else packed
            header = next(wide) if header == _LIMIT else header
        except StopIteration:
            raise self._error(f"record {name!r} lacks its 64-bit sizes") from None
        is_stored = method == 0 and not flags & 1 and packed == size
        return Record(name, crc, size, header, is_stored), at + length + extra + comment

    def _read(self, offset: int, size: int) -> bytes:
        self._file.seek(self.start + offset)
        return self._file.read(min(size, max(0, self._size - offset)))

    def _error(self, what: str) -> RuntimeError:
        return RuntimeError(f"load: failed reading zip archive {self._label}: {what}")


def _wide_values(extra: bytes) -> Iterator[int]:
    """The 64-bit numbers in the zip64 field among the `extra` fields."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            whole = extra[at + 4 : at + 4 + size]
            yield from (value for (value,) in struct.iter_unpack("<Q", whole[: len(whole) // 8 * 8]))
        at += 4 + size


def _fill(file: IO[bytes], target: memoryview) -> bool:
    """Read exactly `len(target)` bytes into `target`; False if the file ends before."""
    readinto = getattr(file, "readinto", None)
    done = 0
    while done < len(target):
        if readinto is not None:
            got = readinto(target[done:])
        else:
            piece = file.read(len(target) - done)
            got = len(piece)
            target[done : done + got] = piece
        if not got:
            return False
        done += got
    return True
