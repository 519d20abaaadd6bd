"""Saving and loading in PyTorch's file formats, with no PyTorch installed.

`save` writes the zip format of `torch.save`; `load` reads it, the format before it, and safetensors. `load` executes
nothing that a file names unless `weights_only=False` is given, which runs whatever the file says.
"""

from __future__ import annotations

from . import safetensors
from ._globals import SafeGlobal, add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from ._load import get_unsafe_globals_in_checkpoint, load
from ._save import save
from ._storages import LoadedStorage, MapLocation

__all__ = [
    "LoadedStorage",
    "MapLocation",
    "SafeGlobal",
    "add_safe_globals",
    "clear_safe_globals",
    "get_safe_globals",
    "get_unsafe_globals_in_checkpoint",
    "load",
    "safe_globals",
    "safetensors",
    "save",
]
