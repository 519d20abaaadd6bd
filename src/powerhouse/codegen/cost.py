"""How much an op computes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import prod

from ..graph.loop import loop
from ..graph.op import item
from ..graph.symbol import Symbol
from ..graph.walk import postorder
from .fuse import REDUCTIONS, is_pointwise

_SPEED = 1e5  # FLOPs a microsecond


def _convolved(s: Symbol) -> int:
    return 2 * s.numel * prod(s.inputs[1].shape[1:])


def _windowed(s: Symbol) -> int:
    return s.numel * prod(s.attrs[-1].kernel)


def _attended(products: int) -> Callable[[Symbol], int]:
    def count(s: Symbol) -> int:
        q, k = s.inputs[:2] if products == 2 else s.inputs[1:3]
        seen = q.numel * k.shape[-2]
        return 2 * products * (seen // 2 if s.attrs[-1] else seen)

    return count


# Floating-point operations of what is neither pointwise (one an element) nor a reduction (one an element reduced).
FLOPS: dict[str, Callable[[Symbol], int]] = {
    "batched_matmul": lambda s: 2 * s.numel * s.inputs[0].shape[-1],
    "conv": _convolved,
    "conv_input_gradient": lambda s: 2 * s.inputs[0].numel * prod(s.inputs[1].shape[1:]),
    "conv_weight_gradient": lambda s: 2 * s.inputs[0].numel * prod(s.shape[1:]),
    "attention": _attended(2),
    "attention_gradient": _attended(5),
    "window_max": _windowed,
    "window_sum": _windowed,
    "running_sum": lambda s: s.numel,
    "running_product": lambda s: s.numel,
    "loop": lambda s: s.attrs[1] * flops_of(_step(s)),
}


def flops_of(members: Iterable[Symbol]) -> int:
    """Floating-point operations, roughly: a function such as `exp` counts as one."""
    return sum(map(_flops, origins(members)))


def origins(members: Iterable[Symbol]) -> dict[Symbol, None]:
    """What gives some symbols, in order: several results of one op come of one."""
    return dict.fromkeys(s.inputs[0] if s.op is item else s for s in members)


def _step(node: Symbol) -> list[Symbol]:
    """The symbols of one step of a loop."""
    return postorder(node.attrs[0].outputs, lambda s: s.inputs)


def price_of(order: Iterable[Symbol]) -> float:
    """Roughly the microseconds that the reference tier takes for some symbols; leaves and views are free."""
    calls = [s for s in order if s.inputs and s.op.layout is None]
    steps = sum(s.attrs[1] * price_of(_step(s)) for s in calls if s.op is loop)
    return steps + sum(1.0 + (s.numel if s.shape is not None else 0) / 2000 for s in calls) + flops_of(calls) / _SPEED


def _flops(s: Symbol) -> int:
    if s.op.name in FLOPS:
        return FLOPS[s.op.name](s)
    if s.op.name in REDUCTIONS:
        return s.inputs[0].numel
    return s.numel if s.shape is not None and is_pointwise(s) and s.op.name != "cast" else 0


__all__ = ["flops_of", "origins", "price_of"]
