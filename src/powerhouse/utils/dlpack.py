"""DLPack: tensors of other libraries on the same memory."""

from __future__ import annotations

from typing import Any

from ..tensors import from_dlpack


def to_dlpack(tensor: Any) -> Any:
    """A DLPack capsule of a tensor's memory, for another library."""
    return tensor.__dlpack__()


__all__ = ["from_dlpack", "to_dlpack"]
