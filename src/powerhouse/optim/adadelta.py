"""Adadelta."""

from __future__ import annotations

from typing import Any

from ..graph.op import Op
from ..ops.arithmetic import sqrt
from .optimizer import Optimizer, Params, floats, require_non_negative, rule


@rule
def adadelta(p: Any, g: Any, square: Any, moved: Any, *rest: Any) -> Any:
    """One parameter: running means of the squared gradient and of the squared step."""
    lr, rho, eps, weight_decay, decays, maximize = rest
    g = -g if maximize else g
    g = g + p * weight_decay if decays else g
    square = square * rho + g * g * (1 - rho)
    step = sqrt(moved + eps) / sqrt(square + eps) * g
    moved = moved * rho + step * step * (1 - rho)
    return p - step * lr, square, moved


class Adadelta(Optimizer):
    """Steps in the unit of the parameters: root mean square of past steps over that of the gradients (Zeiler, 2012).

    Args:
        params: parameters or groups of them.
        lr: a factor of the step.
        rho: decay of both running means.
        eps: added below both roots.
    """

    state_names = ("square_avg", "acc_delta")

    def __init__(
        self,
        params: Params,
        lr: Any = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        require_non_negative(lr=lr, eps=eps, weight_decay=weight_decay)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        super().__init__(
            params,
            dict(
                lr=lr,
                rho=rho,
                eps=eps,
                weight_decay=weight_decay,
                maximize=maximize,
                capturable=capturable,
                foreach=foreach,
                differentiable=differentiable,
            ),
        )

    def update(self, group: dict[str, Any], step: int) -> tuple[Op, tuple[float, ...], tuple[Any, ...]]:
        return (
            adadelta,
            floats(group["lr"], group["rho"], group["eps"], group["weight_decay"]),
            (bool(group["weight_decay"]), group["maximize"]),
        )
