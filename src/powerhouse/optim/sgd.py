"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from ..graph.op import Op
from .optimizer import Optimizer, Params, floats, require_non_negative, rule


@rule
def sgd(p: Any, g: Any, *rest: Any) -> Any:
    """One parameter without momentum."""
    lr, weight_decay, decays, maximize = rest
    g = -g if maximize else g
    g = g + p * weight_decay if decays else g
    return (p - g * lr,)


@rule
def sgd_momentum(p: Any, g: Any, buffer: Any, *rest: Any) -> Any:
    """One parameter with momentum; the buffer starts as the first gradient."""
    lr, weight_decay, momentum, damp, decays, first, nesterov, maximize = rest
    g = -g if maximize else g
    g = g + p * weight_decay if decays else g
    buffer = g if first else buffer * momentum + g * damp
    g = g + buffer * momentum if nesterov else buffer
    return p - g * lr, buffer


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum (Sutskever et al., 2013), Nesterov's form of it, and weight decay.

    Args:
        params: parameters or groups of them.
        lr: the learning rate.
        momentum, dampening: `buffer = momentum * buffer + (1 - dampening) * grad`.
        weight_decay: added to the gradient, times the parameter.
        nesterov: step along `grad + momentum * buffer`.
        maximize: ascend instead.

    >>> import powerhouse as torch
    >>> p = torch.ones(1, requires_grad=True)
    >>> opt = torch.optim.SGD([p], lr=0.1)
    >>> (p * 3).sum().backward(); opt.step(); p.detach()
    tensor([0.7000])
    """

    def __init__(
        self,
        params: Params,
        lr: Any = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        require_non_negative(lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(
            params,
            dict(
                lr=lr,
                momentum=momentum,
                dampening=dampening,
                weight_decay=weight_decay,
                nesterov=nesterov,
                maximize=maximize,
                foreach=foreach,
                differentiable=differentiable,
                fused=fused,
            ),
        )

    def columns(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] else ()

    def init(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"momentum_buffer": p._grad.detach().clone()} if group["momentum"] else {}

    def update(self, group: dict[str, Any], step: int) -> tuple[Op, tuple[float, ...], tuple[Any, ...]]:
        decays, maximize = bool(group["weight_decay"]), group["maximize"]
        if not group["momentum"]:
            return sgd, floats(group["lr"], group["weight_decay"]), (decays, maximize)
        numbers = floats(group["lr"], group["weight_decay"], group["momentum"], 1 - group["dampening"])
        return sgd_momentum, numbers, (decays, step == 1, group["nesterov"], maximize)
