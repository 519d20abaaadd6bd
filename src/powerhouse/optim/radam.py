"""RAdam."""

from __future__ import annotations

from math import sqrt as root
from typing import Any

from ..graph.op import Op
from ..ops.arithmetic import sqrt
from .optimizer import Optimizer, Params, floats, require_betas, require_non_negative, rule


@rule
def radam(p: Any, g: Any, m: Any, v: Any, *rest: Any) -> Any:
    """One parameter: Adam's running means; the second one is used once its variance is tractable."""
    lr, step_size, beta1, beta2, eps, weight_decay, tractable, decays, decoupled, maximize = rest
    g = -g if maximize else g
    if decays:
        p, g = (p * (1 - lr * weight_decay), g) if decoupled else (p, g + p * weight_decay)
    m = m + (g - m) * (1 - beta1)
    v = v * beta2 + g * g * (1 - beta2)
    return p - (m / (sqrt(v) + eps) if tractable else m) * step_size, m, v


class RAdam(Optimizer):
    """Adam whose adaptive rate is rectified for its variance in the first steps (Liu et al., 2020).

    Args:
        params: parameters or groups of them.
        lr: the learning rate.
        betas: decay of the running means of the gradient and of its square.
        decoupled_weight_decay: take the decay off the parameter, as AdamW does.
    """

    state_names = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Params,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
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
                maximize=maximize,
                foreach=foreach,
                capturable=capturable,
                decoupled_weight_decay=decoupled_weight_decay,
                differentiable=differentiable,
            ),
        )

    def update(self, group: dict[str, Any], step: int) -> tuple[Op, tuple[float, ...], tuple[Any, ...]]:
        lr, beta1, beta2 = floats(group["lr"], *group["betas"])
        correction = 1 - beta2**step
        rectifier = _rectifier(beta2, step)
        step_size = lr / (1 - beta1**step) * (1.0 if rectifier is None else rectifier * root(correction))
        flags = (rectifier is not None, bool(group["weight_decay"]), group["decoupled_weight_decay"], group["maximize"])
        return radam, (lr, step_size, beta1, beta2, *floats(group["eps"], group["weight_decay"])), flags


def _rectifier(beta2: float, step: int) -> float | None:
    """The paper's `r_t`; None while the length of the approximated moving average is at most 5."""
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * step * beta2**step / (1 - beta2**step)
    if length <= 5:
        return None
    return root((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
