"""The cache on disk: files that know whether they are whole, in folders that are bounded."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path

from ..core import config

_DIGEST = 20  # bytes


def folder(kind: str) -> Path:
    """Where files of one kind are kept between processes."""
    base = os.environ.get("POWERHOUSE_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "powerhouse"
    )
    return Path(base) / kind


def name_of(*parts: str) -> str:
    """A name for what is known by some texts."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=_DIGEST).hexdigest()


def read(path: Path) -> bytes | None:
    """The content of a file; None where there is none, or not the one that was written."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, content = data[:_DIGEST], data[_DIGEST:]
    if digest != _digest(path, content):
        return None
    with suppress(OSError):
        os.utime(path)  # used now, see `_trim`: not every file system keeps the times of reading
    return content


def write(path: Path, content: bytes) -> None:
    """Written aside and renamed, so that another process never reads half a file; a cache that cannot be written is done without."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
        aside.write_bytes(_digest(path, content) + content)
        aside.replace(path)
    except OSError:
        return
    _trim(path.parent)


def _digest(path: Path, content: bytes) -> bytes:
    """What a file begins with: of its name too, so that one file is not taken for another."""
    return hashlib.blake2b(path.stem.encode() + content, digest_size=_DIGEST).digest()


@cache
def _trim(folder: Path) -> None:
    """Once in a process, after its first write: files used longest ago go, until the rest is within the flag `cache_limit`."""
    with suppress(OSError):  # another process is at it too
        files = sorted((e.stat().st_mtime, e.stat().st_size, e.path) for e in os.scandir(folder))
        excess = sum(size for _, size, _ in files) - config.values["cache_limit"]
        for _, size, path in files:
            if excess <= 0:
                return
            os.unlink(path)
            excess -= size


def can_write(folder: Path) -> bool:
    """Whether files can be put there."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return os.access(folder, os.W_OK)
