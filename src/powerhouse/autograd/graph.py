"""What can be seen of the backward graph."""

from ..tensors._gradient import GradFn as Node
from ..tensors._handles import RemovableHandle

__all__ = ["Node", "RemovableHandle"]
