"""Padding of the last one, two or three dimensions.

Each takes `padding`: one number for all sides, or (before, after) pairs from the last dimension to the first.
"""

from __future__ import annotations

from typing import Any

from ..tensors import Tensor
from . import functional as F
from ._sizes import tuple_of
from .module import Module

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _Pad(Module):
    """Padding with values taken from the input; `_ndim` dimensions, by `_mode`."""

    _ndim: int
    _mode: str

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = tuple_of(padding, 2 * self._ndim)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _Circular(_Pad):
    _mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in (self._ndim + 1, self._ndim + 2):
            raise ValueError(f"expected {self._ndim + 1}D or {self._ndim + 2}D input (got {input.dim()}D input)")
        return super().forward(input)


class CircularPad1d(_Circular):
    """Pads (N, C, L) or (C, L) as if it went round."""

    _ndim = 1


class CircularPad2d(_Circular):
    """Pads (N, C, H, W) or (C, H, W) as if it went round."""

    _ndim = 2


class CircularPad3d(_Circular):
    """Pads (N, C, D, H, W) or (C, D, H, W) as if it went round."""

    _ndim = 3


class ReflectionPad1d(_Pad):
    """Pads (N, C, L) or (C, L) with its mirror image, the border itself not repeated."""

    _ndim, _mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Pads (N, C, H, W) or (C, H, W) with its mirror image, the border itself not repeated."""

    _ndim, _mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """Pads (N, C, D, H, W) or (C, D, H, W) with its mirror image, the border itself not repeated."""

    _ndim, _mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """Pads (N, C, L) or (C, L) with its border."""

    _ndim, _mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Pads (N, C, H, W) or (C, H, W) with its border."""

    _ndim, _mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """Pads (N, C, D, H, W) or (C, D, H, W) with its border."""

    _ndim, _mode = 3, "replicate"


class _ConstantPadNd(Module):
    """Padding with `value`."""

    _ndim: int

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__()
        self.padding = tuple_of(padding, 2 * self._ndim)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """Pads the last dimension with `value`."""

    _ndim = 1


class ConstantPad2d(_ConstantPadNd):
    """Pads the last two dimensions with `value`.

    >>> import powerhouse as torch
    >>> torch.nn.ConstantPad2d((1, 0, 0, 2), 3.5)(torch.zeros(1, 2, 2)).shape
    torch.Size([1, 4, 3])
    """

    _ndim = 2


class ConstantPad3d(_ConstantPadNd):
    """Pads the last three dimensions with `value`."""

    _ndim = 3


class _ZeroPad(_ConstantPadNd):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_ZeroPad):
    """Pads the last dimension with zeros."""

    _ndim = 1


class ZeroPad2d(_ZeroPad):
    """Pads the last two dimensions with zeros."""

    _ndim = 2


class ZeroPad3d(_ZeroPad):
    """Pads the last three dimensions with zeros."""

    _ndim = 3
