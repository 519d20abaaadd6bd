"""Resilient backpropagation."""

from __future__ import annotations

from typing import Any

from ..graph.op import Op
from ..ops.arithmetic import where
from ..ops.choice import clamp
from ..ops.rounding import sign
from ..tensors import functions
from .optimizer import Optimizer, Params, floats, require_non_negative, rule


@rule
def rprop(p: Any, g: Any, before: Any, size: Any, *rest: Any) -> Any:
    """One parameter: the gradient of the step before, and the size of the step of each element."""
    shrink, grow, smallest, largest, maximize = rest
    g = -g if maximize else g
    agreement = g * before
    turned = agreement < 0
    size = clamp(where(agreement > 0, size * grow, where(turned, size * shrink, size)), smallest, largest)
    g = where(turned, 0.0, g)
    return p - sign(g) * size, g, size


class Rprop(Optimizer):
    """Steps whose sizes depend on the signs of the gradients alone (Riedmiller and Braun, 1993); for full batches.

    Args:
        params: parameters or groups of them.
        lr: the size of the first step.
        etas: the factors of a step size where the gradient's sign turned, and where it did not.
        step_sizes: the smallest and the largest step size.
    """

    state_names = ("prev", "step_size")

    def __init__(
        self,
        params: Params,
        lr: Any = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        require_non_negative(lr=lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(
            params,
            dict(
                lr=lr,
                etas=etas,
                step_sizes=step_sizes,
                foreach=foreach,
                maximize=maximize,
                differentiable=differentiable,
                capturable=capturable,
            ),
        )

    def init(self, p: Any, group: dict[str, Any]) -> dict[str, Any]:
        return {"prev": functions.zeros_like(p), "step_size": functions.full_like(p.detach(), float(group["lr"]))}

    def update(self, group: dict[str, Any], step: int) -> tuple[Op, tuple[float, ...], tuple[Any, ...]]:
        return rprop, floats(*group["etas"], *group["step_sizes"]), (group["maximize"],)
