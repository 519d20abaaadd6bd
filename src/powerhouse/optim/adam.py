"""Adam and AdamW."""

from __future__ import annotations

from math import sqrt as root
from typing import Any

from ..graph.op import Op
from ..ops.arithmetic import maximum, sqrt
from .optimizer import Optimizer, Params, floats, require_betas, require_non_negative, rule


@rule
def adam(p: Any, g: Any, m: Any, v: Any, *rest: Any) -> Any:
    """One parameter: running means `m` of the gradient and `v` of its square; with amsgrad, the largest `v` so far."""
    *largest, lr, step_size, beta1, beta2, correction, eps, weight_decay, decays, decoupled, maximize = rest
    g = -g if maximize else g
    if decays:
        p, g = (p * (1 - lr * weight_decay), g) if decoupled else (p, g + p * weight_decay)
    m = m + (g - m) * (1 - beta1)
    v = v * beta2 + g * g * (1 - beta2)
    largest = [maximum(x, v) for x in largest]
    spread = sqrt(largest[0] if largest else v) / correction + eps
    return (p - m / spread * step_size, m, v, *largest)


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015).

    Args:
        params: parameters or groups of them.
        lr: the learning rate.
        betas: decay of the running means of the gradient and of its square.
        eps: added to the denominator.
        weight_decay: added to the gradient, times the parameter (with `decoupled_weight_decay`, taken off the parameter: AdamW).
        amsgrad: divide by the largest second moment so far (Reddi et al., 2018).

    >>> import powerhouse as torch
    >>> p = torch.ones(1, requires_grad=True)
    >>> opt = torch.optim.Adam([p], lr=0.1)
    >>> (p * 3).sum().backward(); opt.step(); p.detach()
    tensor([0.9000])
    """

    _decoupled = False

    def __init__(
        self,
        params: Params,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
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
                amsgrad=amsgrad,
                maximize=maximize,
                foreach=foreach,
                capturable=capturable,
                differentiable=differentiable,
                fused=fused,
                decoupled_weight_decay=decoupled_weight_decay or self._decoupled,
            ),
        )

    def columns(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if group["amsgrad"] else ("exp_avg", "exp_avg_sq")

    def init(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {name: p.detach().new_zeros(tuple(p.shape)) for name in self.columns(group)}

    def update(self, group: dict[str, Any], step: int) -> tuple[Op, tuple[float, ...], tuple[Any, ...]]:
        lr, beta1, beta2 = floats(group["lr"], *group["betas"])
        numbers = (lr, lr / (1 - beta1**step), beta1, beta2, root(1 - beta2**step), *floats(group["eps"], group["weight_decay"]))
        return adam, numbers, (bool(group["weight_decay"]), group["decoupled_weight_decay"], group["maximize"])


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019); as `Adam`, but `weight_decay` defaults to 0.01."""

    _decoupled = True

    def __init__(
        self,
        params: Params,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        flags = dict(maximize=maximize, foreach=foreach, capturable=capturable, differentiable=differentiable, fused=fused)
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, **flags)
