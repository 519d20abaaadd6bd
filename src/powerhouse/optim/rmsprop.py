"""RMSprop."""

from __future__ import annotations

from typing import Any

from ..graph.op import Op
from ..ops.arithmetic import sqrt
from .optimizer import Optimizer, Params, floats, require_non_negative, rule


@rule
def rmsprop(p: Any, g: Any, square: Any, *rest: Any) -> Any:
    """One parameter: the running mean of the squared gradient, then (if kept) the momentum buffer and the mean gradient."""
    *kept, lr, alpha, eps, momentum, weight_decay, decays, has_momentum, centered, maximize = rest
    g = -g if maximize else g
    g = g + p * weight_decay if decays else g
    square = square * alpha + g * g * (1 - alpha)
    out, spread = [square], square
    if centered:
        average = kept[-1] + (g - kept[-1]) * (1 - alpha)
        spread = square - average * average
    step = g / (sqrt(spread) + eps)
    if has_momentum:
        step = kept[0] * momentum + step
        out.append(step)
    if centered:
        out.append(average)
    return p - step * lr, *out


class RMSprop(Optimizer):
    """Gradients divided by the root of their running mean square (Hinton, Coursera lecture 6, 2012).

    Args:
        params: parameters or groups of them.
        lr: the learning rate.
        alpha: decay of the mean square.
        eps: added to the denominator.
        momentum: decay of a buffer of steps.
        centered: subtract the squared mean gradient (Graves, 2013).
    """

    def __init__(
        self,
        params: Params,
        lr: Any = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        require_non_negative(lr=lr, eps=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
        super().__init__(
            params,
            dict(
                lr=lr,
                alpha=alpha,
                eps=eps,
                weight_decay=weight_decay,
                momentum=momentum,
                centered=centered,
                capturable=capturable,
                foreach=foreach,
                maximize=maximize,
                differentiable=differentiable,
            ),
        )

    def columns(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("square_avg", *(("momentum_buffer",) if group["momentum"] > 0 else ()), *(("grad_avg",) if group["centered"] else ()))

    def init(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {name: p.detach().new_zeros(tuple(p.shape)) for name in self.columns(group)}

    def update(self, group: dict[str, Any], step: int) -> tuple[Op, tuple[float, ...], tuple[Any, ...]]:
        numbers = floats(group["lr"], group["alpha"], group["eps"], group["momentum"], group["weight_decay"])
        return rmsprop, numbers, (bool(group["weight_decay"]), group["momentum"] > 0, group["centered"], group["maximize"])
