"""Checkpointing: a backward that computes part of its forward pass again, instead of keeping that part's results.

Source: Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..graph.op import composite, fence, with_value
from ..graph.symbol import Symbol
from ..tensors import Tensor, get_rng_state, is_grad_enabled, no_grad, set_rng_state
from ..tensors.apply import apply

__all__ = ["checkpoint", "checkpoint_sequential"]


@composite(names=(), out=False)
def fenced(input: Symbol) -> Symbol:
    """`input`, behind a fence."""
    return fence(input)


@composite(names=(), out=False)
def kept_apart(input: Symbol, value: Symbol) -> Symbol:
    """The value of `value` with the gradient of `input`."""
    return with_value(input, value)


for _op in (fenced, kept_apart):
    _op.samples(lambda draw: iter(()))


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Any = None,
    determinism_check: str = "default",
    debug: bool = False,
    preserve_rng_state: bool = True,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """`function(*args, **kwargs)`, whose inner results are computed again in backward rather than kept.

    The function is called twice: for its values, and for the graph that backward goes through. With `preserve_rng_state`
    both calls draw the same random numbers.

    >>> import powerhouse as torch
    >>> from powerhouse.utils.checkpoint import checkpoint
    >>> x = torch.ones(2, requires_grad=True)
    >>> checkpoint(torch.exp, x).sum().backward(); x.grad
    tensor([2.7183, 2.7183])
    """
    if not is_grad_enabled():
        return function(*args, **kwargs)
    state = get_rng_state() if preserve_rng_state else None
    with no_grad():
        values = function(*args, **kwargs)
    after = get_rng_state() if state is not None else None
    if state is not None:
        set_rng_state(state)
    graph = function(*_map(_fence, args), **{k: _map(_fence, v) for k, v in kwargs.items()})
    if after is not None:
        set_rng_state(after)
    return _join(graph, values)


def _fence(t: Any) -> Any:
    return apply(fenced, (t,)) if isinstance(t, Tensor) and (t.is_floating_point() or t.is_complex()) else t


def _map(function: Callable[[Any], Any], x: Any) -> Any:
    return type(x)(_map(function, i) for i in x) if type(x) in (list, tuple) else function(x)


def _join(graph: Any, values: Any) -> Any:
    """The values of the first call with the gradients of the second."""
    if isinstance(graph, Tensor):
        return apply(kept_apart, (graph, values)) if graph.requires_grad else values
    if type(graph) in (list, tuple):
        return type(graph)(_join(g, v) for g, v in zip(graph, values, strict=True))
    return values


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, preserve_rng_state: bool = True
) -> Any:
    """Run a list of functions (or an `nn.Sequential`) in `segments` checkpointed pieces; the last piece is not checkpointed."""
    steps = list(functions.children()) if hasattr(functions, "children") else list(functions)
    if not 1 <= segments <= len(steps):
        raise ValueError(f"checkpoint_sequential: segments must be from 1 to {len(steps)}, got {segments}")
    size = len(steps) // segments
    for i in range(segments - 1):
        input = checkpoint(_run, steps[i * size : (i + 1) * size], input, preserve_rng_state=preserve_rng_state)
    return _run(steps[(segments - 1) * size :], input)


def _run(steps: Sequence[Callable[[Any], Any]], x: Any) -> Any:
    for step in steps:
        x = step(x)
    return x
