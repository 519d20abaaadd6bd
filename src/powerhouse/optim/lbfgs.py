"""Limited-memory BFGS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engine.segment import realize
from ..tensors import enable_grad, functions, no_grad
from ._line_search import strong_wolfe
from .optimizer import Optimizer, Params, require_non_negative


class LBFGS(Optimizer):
    """Quasi-Newton steps from the last `history_size` changes of the gradient (Nocedal and Wright, 2006, algorithm 7.5).

    A step calls the closure, which computes the loss and its gradients, several times. One parameter group only.

    Args:
        params: an iterable of parameters.
        lr: the length of the first trial of each step.
        max_iter: iterations a step.
        max_eval: calls of the closure a step; `max_iter * 5 // 4` unless given.
        tolerance_grad: stop when no element of the gradient is larger.
        tolerance_change: stop when neither the parameters nor the loss change by more.
        history_size: how many changes are remembered.
        line_search_fn: None, or "strong_wolfe" for a line search.

    >>> import powerhouse as torch
    >>> p = torch.zeros(2, requires_grad=True)
    >>> opt = torch.optim.LBFGS([p], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     opt.zero_grad()
    ...     loss = ((p - 3) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> _ = opt.step(closure); p.detach()
    tensor([3., 3.])
    """

    def __init__(
        self,
        params: Params,
        lr: Any = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        require_non_negative(lr=lr)
        super().__init__(
            params,
            dict(
                lr=lr,
                max_iter=max_iter,
                max_eval=max_iter * 5 // 4 if max_eval is None else max_eval,
                tolerance_grad=tolerance_grad,
                tolerance_change=tolerance_change,
                history_size=history_size,
                line_search_fn=line_search_fn,
            ),
        )
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        if line_search_fn not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")

    @property
    def _params(self) -> list[Any]:
        return self.param_groups[0]["params"]

    def _step(self, closure: Callable[[], Any] | None) -> Any:
        if closure is None:
            raise TypeError("LBFGS.step() missing 1 required positional argument: 'closure'")
        with no_grad():
            return self._minimize(closure)

    def _minimize(self, closure: Callable[[], Any]) -> Any:
        group = self.param_groups[0]
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first = self._evaluate(closure)
        loss, evaluations = float(first), 1
        state["func_evals"] += 1
        grad = self._flat_grad()
        if _largest(grad) <= group["tolerance_grad"]:
            return first
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            self._turn(state, grad, group["history_size"])
            state["prev_flat_grad"], state["prev_loss"] = grad.clone(), loss
            before, direction = loss, state["d"]
            length = float(group["lr"])
            if state["n_iter"] == 1:
                length *= min(1.0, 1.0 / float(grad.abs().sum()))
            state["t"] = length
            slope = float(grad.dot(direction))
            if slope > -group["tolerance_change"]:
                break
            if group["line_search_fn"] is None:
                self._move(length, direction)
                calls = 0
                if iteration != group["max_iter"]:
                    loss, calls = float(self._evaluate(closure)), 1
                    grad = self._flat_grad()
            else:
                start = [p.clone() for p in self._params]
                loss, grad, length, calls = strong_wolfe(
                    lambda t, s=start, d=direction: self._at(closure, s, t, d), length, direction, loss, grad, slope
                )
                self._move(length, direction)
                state["t"] = length
            evaluations += calls
            state["func_evals"] += calls
            if iteration == group["max_iter"] or evaluations >= group["max_eval"] or _largest(grad) <= group["tolerance_grad"]:
                break
            if _largest(direction * length) <= group["tolerance_change"] or abs(loss - before) < group["tolerance_change"]:
                break
        realize()
        return first

    def _turn(self, state: dict[str, Any], grad: Any, history_size: int) -> None:
        """Set the direction from the new gradient, after remembering how it has changed."""
        if state["n_iter"] == 1:
            state.update(d=-grad, old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return
        change, moved = grad - state["prev_flat_grad"], state["d"] * state["t"]
        curvature = float(change.dot(moved))
        if curvature > 1e-10:
            for name, value in (("old_dirs", change), ("old_stps", moved), ("ro", 1.0 / curvature)):
                state[name] = [*state[name], value][-history_size:]
            state["H_diag"] = curvature / float(change.dot(change))
        state["d"] = _times_inverse_hessian(-grad, state["old_dirs"], state["old_stps"], state["ro"], state["H_diag"])

    # --- the parameters as one vector -------------------------------------------------------------------------------------------

    def _evaluate(self, closure: Callable[[], Any]) -> Any:
        with enable_grad():
            return closure()

    def _flat_grad(self) -> Any:
        return functions.cat([(functions.zeros_like(p) if p._grad is None else p._grad).reshape(-1) for p in self._params])

    def _move(self, length: float, direction: Any) -> None:
        at = 0
        for p in self._params:
            p.add_(direction[at : at + p.numel()].view(*p.shape), alpha=length)
            at += p.numel()

    def _at(self, closure: Callable[[], Any], start: list[Any], length: float, direction: Any) -> tuple[float, Any]:
        """Loss and gradient `length` along the direction; the parameters stay at the start."""
        self._move(length, direction)
        loss = float(self._evaluate(closure))
        grad = self._flat_grad()
        for p, value in zip(self._params, start, strict=True):
            p.copy_(value)
        return loss, grad


def _largest(x: Any) -> float:
    return float(x.abs().max())


def _times_inverse_hessian(q: Any, changes: list[Any], moves: list[Any], ro: list[float], diagonal: float) -> Any:
    """The approximated inverse Hessian times `q`: the two-loop recursion."""
    weights = []
    for y, s, r in zip(reversed(changes), reversed(moves), reversed(ro), strict=True):
        weights.append(s.dot(q) * r)
        q = q - y * weights[-1]
    out = q * diagonal
    for y, s, r, w in zip(changes, moves, ro, reversed(weights), strict=True):
        out = out + s * (w - y.dot(out) * r)
    return out
