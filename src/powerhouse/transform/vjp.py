"""Reverse-mode gradients: a memoized function from symbols to symbols.

`gradients(roots, seeds)` walks the graph of the roots once, in reverse, applying each primitive's rule. There is no tape: the symbols
are the graph, so the answer for a repeated step is one look-up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ..core import dtypes as dt
from ..graph.memo import memoize
from ..graph.op import IDENTITIES, cast, constant, fence, fit, item, variable
from ..graph.symbol import Symbol
from ..graph.walk import postorder

Seeds = tuple[Symbol, ...]


class Gradients(NamedTuple):
    """What a backward pass found: the variables reached, their gradients, and the symbols it went through."""

    variables: tuple[Symbol, ...]
    grads: tuple[Symbol | None, ...]
    wanted: tuple[Symbol | None, ...]
    used: frozenset[Symbol]


def flows_to(s: Symbol) -> list[Symbol]:
    """The inputs of `s` that its gradient goes to."""
    return [] if s.op is variable else [i for i in s.inputs if i.needs_grad]


@memoize
def gradients(roots: Seeds, seeds: Seeds, wanted: tuple[Symbol, ...] = ()) -> Gradients:
    """Gradients of `sum(root * seed)` with respect to every variable reached, and to the symbols `wanted`."""
    order = postorder((r for r in roots if r.needs_grad), flows_to)
    grads = Accumulator(zip(roots, seeds, strict=True))
    for s in reversed(order):
        if s.op is not variable:
            grads.propagate(s)
    variables = tuple(s for s in order if s.op is variable)
    used = frozenset(s for s in order if s.op is not variable)
    return Gradients(variables, tuple(map(grads.get, variables)), tuple(map(grads.get, wanted)), used)


class Accumulator:
    """The gradients collected so far, by symbol; a node with several results has a list of them."""

    def __init__(self, start: Iterable[tuple[Symbol, Symbol]] = ()) -> None:
        self._sums: dict[Symbol, Any] = {}
        for s, g in start:
            self.add(s, g)

    def get(self, s: Symbol) -> Any:
        """The gradient of `s`, None where nothing has arrived."""
        return self._sums.get(s)

    def items(self) -> list[tuple[Symbol, Any]]:
        """Every symbol with its gradient."""
        return list(self._sums.items())

    def put(self, s: Symbol, g: Symbol) -> None:
        """Replace the gradient of `s`."""
        self._sums[s] = g

    def add(self, s: Symbol, g: Symbol | None) -> None:
        """Add `g` to the gradient of `s`."""
        if g is None or not s.needs_grad:
            return
        if g.dtype is not s.dtype:
            g = cast(g, s.dtype)
        have = self._sums.get(s)
        self._sums[s] = g if have is None else have + g

    def propagate(self, s: Symbol) -> None:
        """Hand the gradient of `s` to its inputs by its op's rule."""
        g = self._sums.get(s)
        if g is None:
            return
        if s.op is item:
            node, index = s.inputs[0], s.attrs[0]
            self._sums.setdefault(node, [None] * len(node.type))[index] = g
            return
        for i, gi in zip(s.inputs, vjp(s, g), strict=True):
            self.add(i, gi)


def vjp(s: Symbol, g: Any) -> tuple[Symbol | None, ...]:
    """One gradient an input of `s`, by its op's rule."""
    rule = s.op.gradient
    if rule is None:
        raise RuntimeError(f"{s.op.name}: the derivative is not implemented")
    out = rule(g, s, s.inputs, *s.attrs) if s.op.variadic else rule(g, s, *s.inputs, *s.attrs)
    return tuple(out)


@cast.vjp
def _(g: Symbol, out: Symbol, x: Symbol, target: dt.dtype) -> Any:
    return (cast(g, x.dtype),)


def strip(s: Symbol) -> Symbol:
    """`s` without the marks that do not change its value."""
    while s.op in IDENTITIES:
        s = s.inputs[0]
    return s


@memoize
def saved(roots: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    """The results of their forward pass to keep for a later backward of `roots`.

    Results of expensive ops are kept; cheap ones, and those behind a fence (`utils.checkpoint`), are recomputed from what is kept.
    """
    order = postorder(roots, lambda s: s.inputs)
    forward = set(order)
    fenced: set[Symbol] = set()
    for s in order:
        if s.op is fence or not fenced.isdisjoint(s.inputs):
            fenced.add(s)
    found = gradients(roots, tuple(fit(constant(1), r.dtype, r.shape) for r in roots))
    backward = postorder([g for g in found.grads if g is not None], lambda s: [i for i in s.inputs if i not in forward])
    keep: dict[Symbol, None] = {}
    queue = [i for s in backward for i in s.inputs if i in forward] + [g for g in found.grads if g in forward]
    seen: set[Symbol] = set()
    while queue:
        s = strip(queue.pop())
        if s in seen:
            continue
        seen.add(s)
        if s in fenced or s.op.cheap or not s.inputs or s.shape is None:
            queue.extend(s.inputs)
        else:
            keep[s] = None
    return tuple(keep)


__all__ = ["Accumulator", "Gradients", "flows_to", "gradients", "saved", "vjp"]
