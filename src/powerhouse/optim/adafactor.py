"""Adafactor."""

from __future__ import annotations

from typing import Any

from ..graph.op import Op
from ..ops.arithmetic import maximum, rsqrt, sqrt
from ..ops.reduction import mean
from ..tensors import finfo
from .optimizer import Optimizer, Params, floats, require_non_negative, rule


@rule
def adafactor(p: Any, g: Any, *rest: Any) -> Any:
    """One parameter: the running mean of the squared gradient; of a matrix only its means by row and by column."""
    *variances, lr, rate, weight, eps1, eps2, threshold, weight_decay, decays, maximize = rest
    g = -g if maximize else g
    size = maximum(_rms(p), eps2) * rate
    p = p * (1 - lr * weight_decay) if decays else p
    square = g * g
    news = [square] if len(variances) == 1 else [mean(square, -1, keepdim=True), mean(square, -2, keepdim=True)]
    variances = [v + (new - v) * weight for v, new in zip(variances, news, strict=True)]
    if len(variances) == 1:
        spread = variances[0]
    else:
        rows, columns = variances
        spread = rows * columns / maximum(mean(rows, -2, keepdim=True), eps1)
    step = rsqrt(maximum(spread, eps1 * eps1)) * g
    return p - step / maximum(_rms(step) / threshold, 1.0) * size, *variances


def _rms(x: Any) -> Any:
    """The root mean square."""
    return sqrt(mean(x * x))


class Adafactor(Optimizer):
    """Adam's denominator kept by row and column, steps relative to the parameter's size (Shazeer and Stern, 2018).

    Args:
        params: parameters or groups of them.
        lr: the largest relative step.
        beta2_decay: the mean square of step t decays by `1 - t ** beta2_decay`.
        eps: below the mean square (the dtype's `eps` where None), and the smallest size of a parameter.
        d: the threshold of the step's root mean square.
        weight_decay: taken off the parameter, times the learning rate.
    """

    def __init__(
        self,
        params: Params,
        lr: Any = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        require_non_negative(lr=lr, epsilon1=eps[0] or 0.0, epsilon2=eps[1], weight_decay=weight_decay)
        if not beta2_decay <= 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if not d >= 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        super().__init__(
            params, dict(lr=lr, beta2_decay=beta2_decay, eps=eps, d=d, weight_decay=weight_decay, foreach=foreach, maximize=maximize)
        )

    def _step_group(self, group: dict[str, Any]) -> None:
        """Matrices, which keep two means, and vectors, which keep one, each in one update."""
        for members in ([p for p in group["params"] if p.ndim > 1], [p for p in group["params"] if p.ndim <= 1]):
            if members:
                super()._step_group({**group, "params": members})

    def columns(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("row_var", "col_var") if group["params"][0].ndim > 1 else ("variance",)

    def init(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        shape = tuple(p.shape)
        shapes = {"row_var": (*shape[:-1], 1), "col_var": (*shape[:-2], 1, *shape[-1:]), "variance": shape}
        return {name: p.detach().new_zeros(shapes[name]) for name in self.columns(group)}

    def update(self, group: dict[str, Any], step: int) -> tuple[Op, tuple[float, ...], tuple[Any, ...]]:
        eps1, eps2 = group["eps"]
        lr, threshold, weight_decay = floats(group["lr"], group["d"], group["weight_decay"])
        eps1 = finfo(group["params"][0].dtype).eps if eps1 is None else float(eps1)
        numbers = (lr, min(lr, step**-0.5), float(step) ** group["beta2_decay"], eps1, float(eps2), threshold, weight_decay)
        return adafactor, numbers, (bool(weight_decay), group["maximize"])
