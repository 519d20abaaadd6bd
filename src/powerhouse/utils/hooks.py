"""The handles by which hooks are removed."""

from ..tensors._handles import RemovableHandle

__all__ = ["RemovableHandle"]
