"""Marks in a model where quantized arithmetic begins and ends."""

from __future__ import annotations

from typing import Any

from ..nn.module import Module
from ..tensors import Tensor

__all__ = ["DeQuantStub", "QuantStub"]


class QuantStub(Module):
    """Marks where float tensors become quantized ones; in a model that has not been converted it returns its input.

    >>> import powerhouse as torch
    >>> QuantStub()(torch.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, qconfig: Any = None) -> None:
        super().__init__()
        if qconfig is not None:
            self.qconfig = qconfig

    def forward(self, x: Tensor) -> Tensor:
        return x


class DeQuantStub(QuantStub):
    """Marks where quantized tensors become float ones again; in a model that has not been converted it returns its input."""
