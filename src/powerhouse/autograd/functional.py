"""Jacobians, Hessians and their products with vectors, by reverse mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensors import functions as ph
from ..tensors._gradient import enable_grad, grad
from ..tensors.apply import is_tensor


def _as_tuple(x: Any) -> tuple[Any, ...]:
    return (x,) if is_tensor(x) else tuple(x)


def _variables(inputs: Any, create_graph: bool) -> tuple[Any, ...]:
    return tuple(x.clone() if create_graph and x.requires_grad else x.detach().requires_grad_() for x in _as_tuple(inputs))


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of `func`: for an output of shape `o` and an input of shape `i`, a tensor of shape `o + i`.

    Tuples of outputs or inputs give nested tuples.

    >>> import powerhouse as torch
    >>> torch.autograd.functional.jacobian(lambda x: x * x, torch.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    with enable_grad():
        xs = _variables(inputs, create_graph)
        out = func(*xs)
        rows = tuple(_jacobian_of(o, xs, create_graph) for o in _as_tuple(out))
    if is_tensor(inputs):
        rows = tuple(r[0] for r in rows)  # type: ignore[assignment]
    return rows[0] if is_tensor(out) else rows


def _jacobian_of(out: Any, xs: tuple[Any, ...], create_graph: bool) -> tuple[Any, ...]:
    if not out.requires_grad:
        return tuple(ph.zeros((*out.shape, *x.shape), dtype=out.dtype) for x in xs)
    rows = [grad(o, xs, retain_graph=True, create_graph=create_graph, materialize_grads=True) for o in out.reshape(-1)]
    return tuple(
        ph.stack([r[i] for r in rows]).reshape(*out.shape, *x.shape) if rows else ph.zeros((*out.shape, *x.shape)) for i, x in enumerate(xs)
    )


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a function of one-element output: for inputs of shapes `i` and `j`, a tensor of shape `i + j`."""
    single = is_tensor(inputs)

    def gradient(*xs: Any) -> Any:
        with enable_grad():
            xs = tuple(x if x.requires_grad else x.detach().requires_grad_() for x in xs)
            out = func(*xs)
            if out.numel() != 1:
                raise RuntimeError(
                    "hessian: The Tensor returned by the function given to hessian should contain a single element, got shape "
                    f"{list(out.shape)}"
                )
            found = grad(out.reshape(()), xs, create_graph=True, materialize_grads=True)
        return found[0] if single else found

    return jacobian(gradient, inputs, create_graph)


def vjp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """`(func(inputs), v @ Jacobian)`; `v` has the shape of the output and may be left out where that has one element."""
    with enable_grad():
        xs = _variables(inputs, create_graph)
        out = func(*xs)
        found = grad(_as_tuple(out), xs, None if v is None else _as_tuple(v), create_graph=create_graph, materialize_grads=True)
    return out if create_graph else _detached(out), found[0] if is_tensor(inputs) else found


def jvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """`(func(inputs), Jacobian @ v)`, by differentiating the vjp with respect to its weights."""
    with enable_grad():
        xs = _variables(inputs, create_graph)
        out = func(*xs)
        weights = tuple(ph.zeros_like(o).requires_grad_() for o in _as_tuple(out))
        back = grad(_as_tuple(out), xs, weights, create_graph=True, materialize_grads=True)
        directions = tuple(ph.ones_like(x) for x in xs) if v is None else _as_tuple(v)
        found = grad(back, weights, directions, create_graph=create_graph, materialize_grads=True)
    return out if create_graph else _detached(out), found[0] if is_tensor(out) else found


def hvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> tuple[Any, Any]:
    """`(func(inputs), Hessian @ v)`."""
    with enable_grad():
        xs = _variables(inputs, create_graph)
        out = func(*xs)
        first = grad(out, xs, create_graph=True, materialize_grads=True)
        live = [(g, w) for g, w in zip(first, _as_tuple(v), strict=True) if g.requires_grad]
        found = (
            grad([g for g, _ in live], xs, [w for _, w in live], create_graph=create_graph, materialize_grads=True)
            if live
            else tuple(map(ph.zeros_like, xs))
        )
    return out if create_graph else _detached(out), found[0] if is_tensor(inputs) else found


vhp = hvp  # the Hessian is symmetric


def _detached(out: Any) -> Any:
    return out.detach() if is_tensor(out) else tuple(o.detach() for o in out)


__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
