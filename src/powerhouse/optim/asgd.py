"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from ..graph.op import Op
from ..tensors import functions
from .optimizer import Optimizer, Params, floats, require_non_negative, rule


@rule
def asgd(p: Any, g: Any, eta: Any, mu: Any, average: Any, *rest: Any) -> Any:
    """One parameter: the rate `eta` and the weight `mu` of this step, and the average of the parameter."""
    eta_next, mu_next, lambd, weight_decay, averages, decays, maximize = rest
    g = -g if maximize else g
    g = g + p * weight_decay if decays else g
    p = p * (1 - lambd * eta) - g * eta
    average = average + (p - average) * mu if averages else p
    return p, eta * 0 + eta_next, mu * 0 + mu_next, average


class ASGD(Optimizer):
    """Stochastic gradient descent that keeps the mean of the parameters (Polyak and Juditsky, 1992) as `state[p]["ax"]`.

    Args:
        params: parameters or groups of them.
        lr: the first learning rate; it decays as `lr / (1 + lambd * lr * t) ** alpha`.
        lambd: decay of the parameters and of the rate.
        alpha: power of the rate's decay.
        t0: the step at which averaging begins.
    """

    state_names = ("eta", "mu", "ax")

    def __init__(
        self,
        params: Params,
        lr: Any = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        require_non_negative(lr=lr, weight_decay=weight_decay)
        super().__init__(
            params,
            dict(
                lr=lr,
                lambd=lambd,
                alpha=alpha,
                t0=t0,
                weight_decay=weight_decay,
                foreach=foreach,
                maximize=maximize,
                differentiable=differentiable,
                capturable=capturable,
            ),
        )

    def init(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"eta": functions.full((), float(group["lr"])), "mu": functions.ones(()), "ax": functions.zeros_like(p)}

    def update(self, group: dict[str, Any], step: int) -> tuple[Op, tuple[float, ...], tuple[Any, ...]]:
        lr, lambd, alpha, t0, weight_decay = floats(*(group[name] for name in ("lr", "lambd", "alpha", "t0", "weight_decay")))
        numbers = (lr / (1 + lambd * lr * step) ** alpha, 1 / max(1.0, step - t0), lambd, weight_decay)
        return asgd, numbers, (step - 1 - t0 > 1, bool(weight_decay), group["maximize"])
