"""What losses share: the reduction, its deprecated spelling, and checks of targets."""

from __future__ import annotations

import warnings
from typing import Any

from ...core.shapes import broadcast
from ...graph.op import constant
from ...graph.symbol import Symbol
from ..views import reduce_sum


def reduction_of(reduction: str, size_average: Any, reduce: Any, op: str) -> str:
    """`reduction`, or what the arguments that came before it say."""
    if size_average is not None or reduce is not None:
        size_average, reduce = size_average is not False, reduce is not False
        reduction = ("mean" if size_average else "sum") if reduce else "none"
        warnings.warn(
            f"{op}: size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.", UserWarning, stacklevel=2
        )
    return reduction


def reduced_by(loss: Symbol, reduction: str) -> Symbol:
    """The mean or sum of `loss`, or itself for "none". Raises ValueError for another word."""
    if reduction == "none":
        return loss
    if reduction not in ("mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    total = reduce_sum(loss, tuple(range(loss.ndim)))
    return total if reduction == "sum" else total / constant(float(loss.numel))


def same_shape(op: str, input: Symbol, target: Symbol) -> None:
    """Raises ValueError unless the two have one shape."""
    if input.shape != target.shape:
        raise ValueError(f"{op}: Target size ({list(target.shape)}) must be the same as input size ({list(input.shape)})")


def warn_of_broadcast(op: str, input: Symbol, target: Symbol) -> None:
    """Broadcasting a target is nearly always a mistake."""
    broadcast((input.shape, target.shape), op)
    if input.shape != target.shape:
        warnings.warn(
            f"{op}: Using a target size ({list(target.shape)}) that is different to the input size "
            f"({list(input.shape)}). This will likely lead to "
            "incorrect results due to broadcasting. Please ensure they have the same size.",
            UserWarning,
            stacklevel=2,
        )


def need_float(op: str, *operands: Symbol) -> None:
    """Raises NotImplementedError unless all are floating-point tensors."""
    for s in operands:
        if not s.dtype.is_floating_point:
            raise NotImplementedError(f"{op}: not implemented for dtype {s.dtype}; expected a floating-point tensor")
