"""Adamax."""

from __future__ import annotations

from typing import Any

from ..graph.op import Op
from ..ops.arithmetic import abs as magnitude
from ..ops.arithmetic import maximum
from .optimizer import Optimizer, Params, floats, require_betas, require_non_negative, rule


@rule
def adamax(p: Any, g: Any, m: Any, largest: Any, *rest: Any) -> Any:
    """One parameter: the running mean of the gradient, and the decaying maximum of its magnitude."""
    step_size, beta1, beta2, eps, weight_decay, decays, maximize = rest
    g = -g if maximize else g
    g = g + p * weight_decay if decays else g
    m = m + (g - m) * (1 - beta1)
    largest = maximum(largest * beta2, magnitude(g) + eps)
    return p - m / largest * step_size, m, largest


class Adamax(Optimizer):
    """Adam with the maximum norm in place of the second moment (Kingma and Ba, 2015, section 7.1).

    Args:
        params: parameters or groups of them.
        lr: the learning rate.
        betas: decay of the running mean and of the maximum.
        eps: added to the gradient's magnitude.
    """

    state_names = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params: Params,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        require_non_negative(lr=lr, eps=eps, weight_decay=weight_decay)
        require_betas(betas)
        super().__init__(
            params,
            dict(
                lr=lr,
                betas=betas,
                eps=eps,
                weight_decay=weight_decay,
                foreach=foreach,
                maximize=maximize,
                differentiable=differentiable,
                capturable=capturable,
            ),
        )

    def update(self, group: dict[str, Any], step: int) -> tuple[Op, tuple[float, ...], tuple[Any, ...]]:
        lr, beta1, beta2 = floats(group["lr"], *group["betas"])
        numbers = (lr / (1 - beta1**step), beta1, beta2, *floats(group["eps"], group["weight_decay"]))
        return adamax, numbers, (bool(group["weight_decay"]), group["maximize"])
