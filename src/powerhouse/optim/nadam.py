"""NAdam."""

from __future__ import annotations

from typing import Any

from ..graph.op import Op
from ..ops.arithmetic import sqrt
from ..tensors import functions
from .optimizer import Optimizer, Params, floats, require_betas, require_non_negative, rule


@rule
def nadam(p: Any, g: Any, m: Any, v: Any, product: Any, *rest: Any) -> Any:
    """One parameter: Adam's running means, and the product of the momenta so far."""
    lr, mu, mu_next, beta1, beta2, correction, eps, weight_decay, decays, decoupled, maximize = rest
    g = -g if maximize else g
    if decays:
        p, g = (p * (1 - lr * weight_decay), g) if decoupled else (p, g + p * weight_decay)
    product = product * mu
    m = m + (g - m) * (1 - beta1)
    v = v * beta2 + g * g * (1 - beta2)
    spread = sqrt(v / correction) + eps
    p = p - g / spread * (lr * (1 - mu) / (1 - product))
    return p - m / spread * (lr * mu_next / (1 - product * mu_next)), m, v, product


class NAdam(Optimizer):
    """Adam with Nesterov's momentum (Dozat, 2016).

    Args:
        params: parameters or groups of them.
        lr: the learning rate.
        betas: decay of the running means of the gradient and of its square.
        momentum_decay: the momentum of step t is `beta1 * (1 - 0.96 ** (t * momentum_decay) / 2)`.
        decoupled_weight_decay: take the decay off the parameter, as AdamW does.
    """

    state_names = ("exp_avg", "exp_avg_sq", "mu_product")

    def __init__(
        self,
        params: Params,
        lr: Any = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        require_non_negative(lr=lr, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay)
        require_betas(betas)
        super().__init__(
            params,
            dict(
                lr=lr,
                betas=betas,
                eps=eps,
                weight_decay=weight_decay,
                momentum_decay=momentum_decay,
                decoupled_weight_decay=decoupled_weight_decay,
                maximize=maximize,
                foreach=foreach,
                capturable=capturable,
                differentiable=differentiable,
            ),
        )

    def init(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"mu_product": functions.ones(()), "exp_avg": functions.zeros_like(p), "exp_avg_sq": functions.zeros_like(p)}

    def update(self, group: dict[str, Any], step: int) -> tuple[Op, tuple[float, ...], tuple[Any, ...]]:
        lr, beta1, beta2 = floats(group["lr"], *group["betas"])
        mu, mu_next = (beta1 * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"])) for t in (step, step + 1))
        numbers = (lr, mu, mu_next, beta1, beta2, 1 - beta2**step, *floats(group["eps"], group["weight_decay"]))
        return nadam, numbers, (bool(group["weight_decay"]), group["decoupled_weight_decay"], group["maximize"])
