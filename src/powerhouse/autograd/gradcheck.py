"""`gradcheck`: analytic gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..tensors._gradient import enable_grad, grad, no_grad
from ..tensors.apply import is_tensor
from ..tensors.functions import tensor


class GradcheckError(RuntimeError):
    """Analytic and numerical gradients differ."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    fast_mode: bool = False,
    masked: Any = None,
) -> bool:
    """Whether gradients of `func(*inputs)` agree with central differences of step `eps`, for every input that requires grad.

    Inputs should be float64 or complex128. Raises RuntimeError where they disagree, or returns False if `raise_exception` is False.

    >>> import powerhouse as torch
    >>> torch.autograd.gradcheck(torch.sin, torch.ones(3, dtype=torch.float64, requires_grad=True))
    True
    """
    args = (inputs,) if is_tensor(inputs) else tuple(inputs)
    try:
        _check(func, args, eps, atol, rtol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _outputs(func: Callable[..., Any], args: Sequence[Any]) -> list[Any]:
    out = func(*args)
    return [o for o in (out if isinstance(out, (tuple, list)) else (out,)) if is_tensor(o) and o.dtype.category >= dt.FLOAT]


def _check(func: Callable[..., Any], args: tuple[Any, ...], eps: float, atol: float, rtol: float) -> None:
    wanted = [i for i, a in enumerate(args) if is_tensor(a) and a.requires_grad]
    if not wanted:
        raise ValueError("gradcheck expects at least one input tensor to require gradient, but none of the them have requires_grad=True.")
    rng = np.random.default_rng(0)
    outputs = _outputs(func, args)
    weights = [_random_like(o, rng) for o in outputs]
    live = [(o, w) for o, w in zip(outputs, weights, strict=True) if o.requires_grad]
    if live:
        found = grad([o for o, _ in live], [args[i] for i in wanted], [w for _, w in live], allow_unused=True, create_graph=True)
    else:
        found = (None,) * len(wanted)
    for i, g in zip(wanted, found, strict=True):
        analytic = np.zeros(tuple(args[i].shape), args[i].dtype.numpy) if g is None else np.array(g._array())
        numeric = _numeric(func, args, i, weights, eps)
        if not np.allclose(analytic, numeric, rtol, atol):
            worst = np.abs(analytic - numeric).max()
            raise GradcheckError(
                f"gradcheck: Jacobian mismatch for input {i} (largest difference "
                f"{worst:.3g}),\nnumerical:\n{numeric}\nanalytical:\n{analytic}"
            )


def _random_like(o: Any, rng: Any) -> Any:
    values = rng.uniform(0.5, 1.5, tuple(o.shape))
    if o.dtype.is_complex:
        values = values + 1j * rng.uniform(0.5, 1.5, tuple(o.shape))
    return tensor(values, dtype=o.dtype)


def _numeric(func: Callable[..., Any], args: tuple[Any, ...], which: int, weights: list[Any], eps: float) -> np.ndarray:
    base = np.array(args[which]._array())
    out = np.zeros(base.shape, base.dtype)
    ways = (eps, eps * 1j) if base.dtype.kind == "c" else (eps,)

    def value(at: np.ndarray) -> float:
        changed = tensor(at, dtype=args[which].dtype)
        with no_grad():
            results = _outputs(func, [changed.requires_grad_() if i == which else a for i, a in enumerate(args)])
        return sum(
            float(np.real(np.vdot(np.asarray(w._array(), np.complex128), np.asarray(o._array(), np.complex128))))
            for o, w in zip(results, weights, strict=True)
        )

    for at in np.ndindex(*base.shape):
        for step in ways:
            up, down = base.copy(), base.copy()
            up[at] += step
            down[at] -= step
            slope = (value(up) - value(down)) / (2 * eps)
            out[at] += slope * (1j if isinstance(step, complex) else 1)
    return out


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    **_: Any,
) -> bool:
    """`gradcheck` of the gradient of `func`."""
    args = (inputs,) if is_tensor(inputs) else tuple(inputs)
    wanted = [i for i, a in enumerate(args) if is_tensor(a) and a.requires_grad]

    def gradient(*given: Any) -> tuple[Any, ...]:
        from_graph = _outputs(
            func, [g.detach().requires_grad_() if i in wanted and not g.requires_grad else g for i, g in enumerate(given)]
        )
        rng = np.random.default_rng(1)
        weights = [_random_like(o, rng) for o in from_graph]
        return tuple(
            g for g in grad(from_graph, [given[i] for i in wanted], weights, create_graph=True, allow_unused=True) if g is not None
        )

    return gradcheck(enable_grad()(gradient), args, eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception)
