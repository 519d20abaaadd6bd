"""Images: machine code as it will lie in memory, made once of what LLVM writes and mapped by any later process without LLVM.

An ELF object for x86-64 with position-independent code is linked with itself: its sections are laid out behind one another and the
references between them are filled in. What stays open are absolute addresses within the image, and functions of the C library, which are
called through slots. Source: System V ABI, AMD64 supplement, chapter 4 (object files, relocation).
"""

from __future__ import annotations

import ctypes
import json
import mmap
import struct
from functools import cache
from typing import Any, NamedTuple

MAGIC = b"powerhouse image\n"
_SKIPPED = (".eh_frame", ".rela.eh_frame")  # for exceptions, of which there are none
_ALLOCATED, _WRITABLE = 2, 1  # flags of sections
_TABLE, _RELOCATIONS, _EMPTY = 2, 4, 8  # types of sections
_ABSOLUTE, _ENTRIES = 1, (9, 41, 42)  # types of relocations: S + A; the slot of S, from the place
_RELATIVE = {2: "<i", 4: "<i", 24: "<q"}  # S + A - P: how it is written
_STUB = b"\xff\x25\0\0\0\0"  # jmp *0(%rip): to the address that stands behind it
_READ_EXECUTE = 5  # PROT_READ | PROT_EXEC


class Image(NamedTuple):
    """`code` with the open addresses: `(place, offset into the image)`, `(place, name of a function)`; where its functions begin."""

    code: bytes
    absolute: list[tuple[int, int]]
    outside: list[tuple[int, str]]
    entries: dict[str, int]

    def packed(self) -> bytes:
        """The image as a file's content."""
        return MAGIC + json.dumps(self[1:]).encode() + b"\n" + self.code


def unpacked(content: bytes) -> Image:
    """The image that a file holds."""
    head, _, code = content[len(MAGIC) :].partition(b"\n")
    return Image(code, *json.loads(head))


class _Section(NamedTuple):
    """A section's header, with its name."""

    name: str
    kind: int
    flags: int
    offset: int
    size: int
    link: int
    info: int
    align: int


def linked(data: bytes) -> Image | None:
    """The image of an ELF object; None for one of another kind, or with what is not known here."""
    if data[:6] != b"\x7fELF\2\1" or struct.unpack_from("<H", data, 18) != (62,):  # 64 bits, little end first; x86-64
        return None
    sections = _sections(data)
    code, begins = bytearray(), {}
    for k, s in enumerate(sections):
        if s.flags & _ALLOCATED and s.name not in _SKIPPED and s.size:
            if s.flags & _WRITABLE and not s.name.startswith(".data.rel.ro"):
                return None
            code += bytes(-len(code) % max(1, s.align))
            begins[k] = len(code)
            code += bytes(s.size) if s.kind == _EMPTY else data[s.offset : s.offset + s.size]
    symbols = _symbols(data, sections)
    image = Image(b"", [], [], {name: begins[at] + value for name, at, value in symbols if name and at in begins})
    code += bytes(-len(code) % 8)
    slots: dict[tuple[int, bool], int] = {}  # by symbol, and whether the slot is jumped to

    def place_of(index: int, jumps: bool) -> int:
        """Where a symbol lies in the image; for one outside, or where its address is read, where its slot does."""
        name, at, value = symbols[index]
        if at in begins and jumps:
            return begins[at] + value
        if (index, jumps) not in slots:
            code.extend(_STUB if jumps else b"")
            (image.absolute if at in begins else image.outside).append((len(code), begins[at] + value if at in begins else name))  # type: ignore[arg-type]
            slots[index, jumps] = len(code) - len(_STUB) * jumps
            code.extend(bytes(8))
        return slots[index, jumps]

    for s in sections:
        if s.kind != _RELOCATIONS or s.info not in begins:
            continue
        for at in range(s.offset, s.offset + s.size, 24):
            where, info, addend = struct.unpack_from("<QQq", data, at)
            where, index, kind = begins[s.info] + where, info >> 32, info & 0xFFFFFFFF
            if kind == _ABSOLUTE:
                name, of, value = symbols[index]
                if of in begins:
                    image.absolute.append((where, begins[of] + value + addend))
                elif addend == 0:
                    image.outside.append((where, name))
                else:
                    return None
            elif kind in _RELATIVE or kind in _ENTRIES:
                target = place_of(index, kind in _RELATIVE)
                struct.pack_into(_RELATIVE.get(kind, "<i"), code, where, target + addend - where)
            else:
                return None
    return image._replace(code=bytes(code))


def _sections(data: bytes) -> list[_Section]:
    start, size, count, names = struct.unpack_from("<Q10xHHH", data, 40)
    heads = [struct.unpack_from("<IIQQQQIIQQ", data, start + k * size) for k in range(count)]
    text = heads[names][4]
    return [_Section(_name(data, text + h[0]), h[1], h[2], h[4], h[5], h[6], h[7], h[8]) for h in heads]


def _symbols(data: bytes, sections: list[_Section]) -> list[tuple[str, int, int]]:
    """For each symbol: its name, the section that it is in, and where."""
    found = []
    for s in sections:
        if s.kind == _TABLE:
            for at in range(s.offset, s.offset + s.size, 24):
                name, section, value = struct.unpack_from("<I2xHQ", data, at)
                found.append((_name(data, sections[s.link].offset + name), section, value))
    return found


def _name(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode()


def mapped(image: Image) -> dict[str, int] | None:
    """The addresses of an image's functions, once it is in memory, where it stays; None where the system does not allow that."""
    try:
        memory = mmap.mmap(-1, len(image.code), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE)
        base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        memory[:] = image.code
        for place, offset in image.absolute:
            struct.pack_into("<Q", memory, place, base + offset)
        for place, name in image.outside:
            struct.pack_into("<Q", memory, place, _outside(name))
        if _library().mprotect(ctypes.c_void_p(base), ctypes.c_size_t(len(image.code)), _READ_EXECUTE):
            return None
    except (OSError, AttributeError, ValueError):
        return None
    _kept.append(memory)
    return {name: base + at for name, at in image.entries.items()}


_kept: list[Any] = []  # code lives as long as the process


@cache
def _library() -> Any:
    """What the process has been linked with: the C library and its mathematical functions."""
    return ctypes.CDLL(None)


def _outside(name: str) -> int:
    return ctypes.cast(getattr(_library(), name), ctypes.c_void_p).value or 0
