"""The gradient of a loop: a loop the other way round, whose body is the gradient of the body."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..core import dtypes as dt
from ..graph.loop import Body, leaf, loop, looped, rebuilt
from ..graph.memo import memoize
from ..graph.op import expand, results, variable
from ..graph.op import leaf as leaf_op
from ..graph.symbol import Symbol, Type, make
from ..graph.walk import postorder
from ..ops.joining import concat
from ..ops.matmul import batched_matmul, turned
from ..ops.shape import span
from ..ops.views import permute_dims, reduce_sum, reshape_to, zeros
from .vjp import gradients

Symbols = tuple[Symbol, ...]


class Backward(NamedTuple):
    """The body of the gradient, and what it is given: constants by number; sequences as `(kind, number)`, where the kinds are "input" (a
    sequence of the loop's), "before" (a state before each step), "given" (what the loop gave) and "gradient" (of that).
    """

    body: Body
    constants: tuple[int, ...]
    sequences: tuple[tuple[str, int], ...]
    of_sequences: tuple[int | None, ...]  # where the gradient of each of the loop's sequences is among what the body gives
    of_constants: tuple[Any, ...]  # of each constant: None, the number of its gradient in each step, or a Product


class Product(NamedTuple):
    """A sum of products over the steps, which is one product of the joined factors: turned(left) @ right.

    A factor is the number of what the body gives, or the sequence that it is given. `turns`: the result is turned.
    """

    left: Any
    right: Any
    turns: bool


@loop.vjp
def _(g: list[Symbol | None], out: Symbol, inputs: Symbols, body: Body, steps: int, backwards: bool) -> tuple[Symbol | None, ...]:
    n, m = body.constants, body.states
    wanted = tuple(i.needs_grad for i in inputs)
    arrived = tuple(k for k, gk in enumerate(g[m:]) if gk is not None)
    backward = _backward(body, wanted, arrived)
    forward = results(out)
    has = {
        "input": lambda k: inputs[n + m + k],
        "before": lambda k: _before(forward[m + body.given.index(body.state[k])], inputs[n + k], backwards),
        "given": lambda k: forward[m + k],
        "gradient": lambda k: g[m + k],
    }
    sequences = {at: has[at[0]](at[1]) for at in backward.sequences}
    start = (zeros(s.shape, s.dtype) if gk is None else gk for s, gk in zip(body.state, g[:m], strict=False))
    found = looped(backward.body, (*(inputs[k] for k in backward.constants), *start, *sequences.values()), steps, not backwards)
    of_start, given = found[:m], found[m:]
    of_constants = (_of_constant(how, inputs[k].shape, given, sequences) for k, how in enumerate(backward.of_constants))
    return (*of_constants, *of_start, *(None if k is None else given[k] for k in backward.of_sequences))


def _before(after: Symbol, start: Symbol, backwards: bool) -> Symbol:
    """The states before each step, of those after each step."""
    first, steps = reshape_to(start, (1, *start.shape)), after.shape[0]
    if steps == 1:
        return first
    return concat((span(after, 0, 1, steps - 1), first) if backwards else (first, span(after, 0, 0, steps - 1)), 0)


def _of_constant(how: Any, shape: tuple[int, ...], given: Symbols, sequences: dict[Any, Symbol]) -> Symbol | None:
    """The gradient of a constant: a sum over the steps."""
    if how is None:
        return None
    if not isinstance(how, Product):
        return reduce_sum(given[how], (0,))
    left, right = (given[f] if isinstance(f, int) else sequences[f] for f in (how.left, how.right))
    left, right = (reshape_to(f, (f.shape[0] * f.shape[1], f.shape[2])) for f in (left, right))
    product = batched_matmul(turned(left), right)
    return turned(product) if how.turns else product


@memoize
def _backward(body: Body, wanted: tuple[bool, ...], arrived: tuple[int, ...]) -> Backward:
    """The gradient of one step. `wanted`: of which of the loop's inputs; `arrived`: which of what the steps gave has a gradient."""
    n, m = body.constants, body.states
    old = sorted({s for s in postorder(body.outputs, lambda s: s.inputs) if s.op is leaf_op}, key=lambda s: s.attrs[0])
    variables = {s: make(variable, (s,), (s.attrs[0], 0)) for s in old if s.dtype.category >= dt.FLOAT}
    outputs = rebuilt(body.outputs, variables)  # type: ignore[arg-type]
    slots = iter(range(len(wanted) + m, 1 << 30))  # leaves of the new body, to be numbered once it is known which are read

    class Read(NamedTuple):
        role: tuple[str, int]
        place: Symbol

    constants = {k: leaf(k, s.type) for s in old if (k := s.attrs[0]) < n}
    into: dict[Symbol, Symbol] = {variables.get(s, s): constants[s.attrs[0]] for s in old if s.attrs[0] < n}
    reads: list[Read] = []

    def sequence(kind: str, number: int, of: Type) -> Symbol:
        reads.append(Read((kind, number), leaf(next(slots), of)))
        return reads[-1].place

    for s in old:
        if (k := s.attrs[0]) >= n:
            into[variables.get(s, s)] = sequence("before", k - n, s.type) if k < n + m else sequence("input", k - n - m, s.type)
    for k, s in enumerate(outputs[m:]):
        if s not in into:
            into[s] = sequence("given", k, s.type)
    states = tuple(leaf(len(wanted) + k, s.type) for k, s in enumerate(body.state))  # the gradient of the state
    roots = [(s, seed) for s, seed in zip(outputs[:m], states, strict=True) if s.needs_grad]
    roots += [(outputs[m + k], sequence("gradient", k, outputs[m + k].type)) for k in arrived if outputs[m + k].needs_grad]
    found = gradients(tuple(r for r, _ in roots), tuple(s for _, s in roots))
    by_slot = {v.inputs[0].attrs[0]: g for v, g in zip(found.variables, found.grads, strict=True) if g is not None}
    wanted_slots = [k for k in by_slot if n <= k < n + m or wanted[k]]
    slopes = dict(zip(wanted_slots, rebuilt((by_slot[k] for k in wanted_slots), into), strict=True))

    given: dict[Symbol, int] = {}
    roles = {r.place: r.role for r in reads}

    def give(s: Symbol) -> int:
        return given.setdefault(s, len(given))

    def factor(s: Symbol) -> Any:
        while s.op is expand and s.type is s.inputs[0].type:
            s = s.inputs[0]
        return roles[s] if s in roles else give(s)

    def of_constant(s: Symbol | None) -> Any:
        if s is None:
            return None
        turns = s.op is permute_dims and s.ndim == 2 and s.attrs[0] == (1, 0)
        product = s.inputs[0] if turns else s
        if product.op is batched_matmul and product.ndim == 2 and product.inputs[0].op is permute_dims:
            return Product(factor(product.inputs[0].inputs[0]), factor(product.inputs[1]), turns)
        return give(s)

    of_sequences = tuple(give(slopes[k]) if k in slopes else None for k in range(n + m, len(wanted)))
    of_constants = tuple(of_constant(slopes.get(k)) for k in range(n))
    after = tuple(slopes[n + k] if n + k in slopes else zeros(s.shape, s.dtype) for k, s in enumerate(body.state))
    return _numbered((*after, *given), m, constants, states, reads, of_sequences, of_constants)


def _numbered(
    outputs: Symbols, m: int, constants: dict[int, Symbol], states: Symbols, reads: list[Any], of_sequences: Any, of_constants: Any
) -> Backward:
    """The body with its leaves in order, those alone that it reads or that are factors of a constant's gradient."""
    live = {s for s in postorder(outputs, lambda s: s.inputs) if s.op is leaf_op}
    outside = {f for how in of_constants if isinstance(how, Product) for f in (how.left, how.right) if not isinstance(f, int)}
    kept = [k for k, s in constants.items() if s in live]
    used = [r for r in reads if r.place in live or r.role in outside]
    order = (*(constants[k] for k in kept), *states, *(r.place for r in used))
    outputs = rebuilt(outputs, {s: leaf(k, s.type) for k, s in enumerate(order)})
    return Backward(Body(outputs, len(kept), m), tuple(kept), tuple(r.role for r in used), of_sequences, of_constants)
