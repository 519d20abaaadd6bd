"""Gradients that nobody has derived: recording goes on, and the error comes when such a gradient's value is needed."""

from __future__ import annotations

from typing import Any

from ..graph.op import Type, primitive
from ..graph.symbol import Symbol


@primitive(differentiable=False)
def underived(g: Symbol, message: str) -> Type:
    """Stands for a gradient that does not exist; computing it raises RuntimeError."""
    return g.type


@underived.reference
def _(g: Any, message: str) -> Any:
    raise RuntimeError(message)
