"""The handles by which hooks are removed."""

from ..tensors._gradient import RemovableHandle

__all__ = ["RemovableHandle"]
