"""Muon."""

from __future__ import annotations

from math import sqrt as root
from typing import Any

from ..core import dtypes as dt
from ..graph.op import Op, cast
from ..ops.arithmetic import maximum, sqrt
from ..ops.matmul import matmul
from ..ops.products import addmm
from ..ops.reduction import sum as total
from ..ops.views import transpose
from .optimizer import Optimizer, Params, floats, require_non_negative, rule

_LR_ADJUSTMENTS = {
    None: lambda rows, columns: root(max(1, rows / columns)),
    "original": lambda rows, columns: root(max(1, rows / columns)),
    "match_rms_adamw": lambda rows, columns: 0.2 * root(max(rows, columns)),
}


@rule
def muon(p: Any, g: Any, buffer: Any, *rest: Any) -> Any:
    """One matrix: the running mean of the gradient; the step is its orthogonal factor."""
    lr, weight_decay, momentum, nesterov, adjustment, eps, steps, a, b, c = rest
    buffer = buffer + (g - buffer) * (1 - momentum)
    step = orthogonalized(g + (buffer - g) * momentum if nesterov else buffer, (a, b, c), steps, eps)
    return p * (1 - lr * weight_decay) - cast(step, p.dtype) * (lr * _LR_ADJUSTMENTS[adjustment](*p.shape)), buffer


def orthogonalized(g: Any, coefficients: tuple[float, float, float], steps: int, eps: float) -> Any:
    """`U V^T` of `g = U S V^T`, roughly: Newton-Schulz steps `x <- a x + (b x x^T + c (x x^T)^2) x` in bfloat16."""
    a, b, c = coefficients
    x = cast(g, dt.bfloat16)
    tall = g.shape[0] > g.shape[1]
    x = transpose(x, 0, 1) if tall else x
    x = x / maximum(sqrt(total(x * x)), eps)
    for _ in range(steps):
        gram = matmul(x, transpose(x, 0, 1))
        x = addmm(x, addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return transpose(x, 0, 1) if tall else x


class Muon(Optimizer):
    """Momentum, orthogonalized by Newton-Schulz steps (Jordan et al., 2024). For matrices; train the rest with AdamW.

    Args:
        params: two-dimensional parameters or groups of them.
        lr: the learning rate.
        weight_decay: taken off the parameter, times the learning rate.
        momentum: decay of the running mean of the gradient.
        nesterov: step along the gradient mixed with the mean.
        ns_coefficients, ns_steps, eps: of the Newton-Schulz steps.
        adjust_lr_fn: None or "original", which scales with sqrt(rows / columns); "match_rms_adamw" (Liu et al., 2025).
    """

    state_names = ("momentum_buffer",)

    def __init__(
        self,
        params: Params,
        lr: Any = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        require_non_negative(lr=lr, weight_decay=weight_decay, momentum=momentum)
        if adjust_lr_fn not in _LR_ADJUSTMENTS:
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        if ns_steps >= 100:
            raise ValueError("Number of steps must be less than 100 for computational efficiency")
        if len(ns_coefficients) != 3:
            raise ValueError("Coefficients must be a tuple of exactly 3 values")
        super().__init__(
            params,
            dict(
                lr=lr,
                weight_decay=weight_decay,
                momentum=momentum,
                nesterov=nesterov,
                ns_coefficients=ns_coefficients,
                eps=eps,
                ns_steps=ns_steps,
                adjust_lr_fn=adjust_lr_fn,
            ),
        )
        for p in (p for group in self.param_groups for p in group["params"]):
            if p.ndim != 2:
                raise ValueError(f"Muon only supports 2D parameters whereas we found a parameter with size: {p.size()}")

    def update(self, group: dict[str, Any], step: int) -> tuple[Op, tuple[float, ...], tuple[Any, ...]]:
        numbers = floats(group["lr"], group["weight_decay"], group["momentum"])
        return muon, numbers, (group["nesterov"], group["adjust_lr_fn"], group["eps"], group["ns_steps"], *group["ns_coefficients"])
