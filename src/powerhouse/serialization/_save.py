"""`save`: an object and its tensors to a file in PyTorch's format."""

from __future__ import annotations

import os
import pickle
import sys
from typing import Any

import numpy as np

from . import _legacy
from ._files import FileLike, is_path, writing
from ._pickle import dumps
from ._zipformat import ALIGNMENT, ArchiveWriter

DEFAULT_PROTOCOL = 2


def save(
    obj: Any,
    f: FileLike,
    pickle_module: Any = pickle,
    pickle_protocol: int = DEFAULT_PROTOCOL,
    _use_new_zipfile_serialization: bool = True,
    _disable_byteorder_record: bool = False,
) -> None:
    """Save an object, with all tensors in it, to a file that `torch.load` can read.

    Arguments: `obj`, anything that can be pickled; `f`, a path or a file-like object with `write`; `pickle_protocol`, 2 to 5
    (PyTorch reads 2 with `weights_only=True`); `_use_new_zipfile_serialization`, False for the format before PyTorch 1.6.
    Tensors that share memory are saved once and share it again when loaded.
    A file at a path is replaced in one step once the new one is complete: an interrupted `save` leaves the old one.
    Raises RuntimeError where the directory does not exist, AttributeError for another kind of `f`.

    >>> import io, powerhouse
    >>> buffer = io.BytesIO()
    >>> powerhouse.save({"step": 3, "weight": powerhouse.ones(2)}, buffer)
    >>> _ = buffer.seek(0)
    >>> powerhouse.load(buffer)
    {'step': 3, 'weight': tensor([1., 1.])}
    """
    if pickle_module is not pickle:
        raise NotImplementedError("save: only the standard pickle module can be used, since PyTorch's names have to be written for ours")
    if not 2 <= pickle_protocol <= pickle.HIGHEST_PROTOCOL:
        raise ValueError(f"save: pickle_protocol must be 2 to {pickle.HIGHEST_PROTOCOL}, got {pickle_protocol}")
    data, storages = dumps(obj, pickle_protocol, legacy=not _use_new_zipfile_serialization)
    with writing(f) as file:
        if not _use_new_zipfile_serialization:
            file.write(_legacy.write(data, storages, pickle_protocol))
            return
        archive = ArchiveWriter(file, _archive_name(f))
        archive.write("data.pkl", data)
        archive.write(".format_version", b"1")
        archive.write(".storage_alignment", str(ALIGNMENT).encode())
        if not _disable_byteorder_record:
            archive.write("byteorder", sys.byteorder.encode())
        for storage in storages:
            archive.write(f"data/{storage.key}", storage.flat.view(np.uint8))
        archive.close()


def _archive_name(f: FileLike) -> str:
    """The name of the folder within the archive: the file's name without its ending."""
    name = os.path.basename(os.fspath(f)) if is_path(f) else ""
    stem = os.path.splitext(name)[0]
    return stem if stem.isascii() and stem else "archive"
