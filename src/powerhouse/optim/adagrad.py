"""Adagrad."""

from __future__ import annotations

from typing import Any

from ..graph.op import Op
from ..ops.arithmetic import sqrt
from ..tensors import functions
from .optimizer import Optimizer, Params, floats, require_non_negative, rule


@rule
def adagrad(p: Any, g: Any, total: Any, *rest: Any) -> Any:
    """One parameter: the sum of squared gradients."""
    lr, eps, weight_decay, decays, maximize = rest
    g = -g if maximize else g
    g = g + p * weight_decay if decays else g
    total = total + g * g
    return p - g / (sqrt(total) + eps) * lr, total


class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of their squares (Duchi et al., 2011).

    Args:
        params: parameters or groups of them.
        lr: the learning rate, divided by `1 + (step - 1) * lr_decay`.
        initial_accumulator_value: where the sums start.
    """

    def __init__(
        self,
        params: Params,
        lr: Any = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        require_non_negative(
            lr=lr, lr_decay=lr_decay, weight_decay=weight_decay, initial_accumulator_value=initial_accumulator_value, eps=eps
        )
        super().__init__(
            params,
            dict(
                lr=lr,
                lr_decay=lr_decay,
                eps=eps,
                weight_decay=weight_decay,
                initial_accumulator_value=initial_accumulator_value,
                foreach=foreach,
                maximize=maximize,
                differentiable=differentiable,
                fused=fused,
            ),
        )
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p] = {"step": 0, **self.init(p, group)}

    def columns(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("sum",)

    def init(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"sum": functions.full_like(p.detach(), group["initial_accumulator_value"])}

    def update(self, group: dict[str, Any], step: int) -> tuple[Op, tuple[float, ...], tuple[Any, ...]]:
        lr = float(group["lr"]) / (1 + (step - 1) * group["lr_decay"])
        return adagrad, (lr, *floats(group["eps"], group["weight_decay"])), (bool(group["weight_decay"]), group["maximize"])
