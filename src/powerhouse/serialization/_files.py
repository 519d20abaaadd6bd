"""Opening what `save` and `load` are given: paths and file-like objects, and replacing a file in one step."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeGuard

PathLike = str | os.PathLike[str]
FileLike = PathLike | IO[bytes]


def is_path(target: Any) -> TypeGuard[PathLike]:
    """Whether `target` names a file."""
    return isinstance(target, (str, os.PathLike))


def label_of(source: Any) -> str:
    """How error messages call a file: its path in quotes, or the type of the file-like object."""
    if is_path(source):
        return repr(os.fspath(source))
    name = getattr(source, "name", None)
    return repr(name) if isinstance(name, str) else f"<{type(source).__name__}>"


@contextmanager
def reading(source: Any, op: str = "load") -> Iterator[IO[bytes]]:
    """The file at a path, or a seekable file-like object as it is. FileNotFoundError, IsADirectoryError as `open` raises them."""
    if is_path(source):
        with open(source, "rb") as file:
            yield file
        return
    for method in ("read", "seek", "tell"):
        if not callable(getattr(source, method, None)):
            raise AttributeError(
                f"{op}: {type(source).__name__!r} object has no method '{method}'. You can only torch.load from a file that is seekable. "
                "Please pre-load the data into a buffer like io.BytesIO and try to load from it instead."
            )
    try:
        source.seek(source.tell())
    except OSError as error:  # io.UnsupportedOperation
        advice = "You can only torch.load from a file that is seekable; read it into an io.BytesIO first."
        raise type(error)(f"{op}: {error}. {advice}") from None
    yield source


@contextmanager
def writing(target: Any, op: str = "save") -> Iterator[IO[bytes]]:
    """A file to write to. A path gets its new contents in one step when the block ends, and keeps the old ones if it fails."""
    if not is_path(target):
        if not callable(getattr(target, "write", None)):
            kind = type(target).__name__
            raise AttributeError(f"{op}: expected 'f' to be string, path, or a file-like object with a 'write' attribute, got {kind}")
        yield target
        if callable(getattr(target, "flush", None)):
            target.flush()
        return
    path = Path(os.path.realpath(target))
    if not path.parent.is_dir():
        raise RuntimeError(f"{op}: Parent directory {path.parent} does not exist.")
    if path.is_dir():
        raise RuntimeError(f"{op}: File {path} cannot be opened: it is a directory")
    if path.exists() and not path.is_file():
        with path.open("wb") as file:  # a device or a pipe: nothing there to replace
            yield file
        return
    with _replacing(path) as file:
        yield file


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A new file beside `path` that takes its place, with its permissions, once it is complete and on the disk."""
    beside = path.with_name(f".{path.name[:200]}.{secrets.token_hex(6)}.tmp")
    try:
        with open(beside, "xb") as file:
            if path.exists():
                os.chmod(beside, stat.S_IMODE(path.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
