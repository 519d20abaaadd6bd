"""The gradient of a loop: a loop the other way round, whose body is the gradient of the body."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

from ..core import dtypes as dt
from ..graph.loop import Body, leaf, loop, looped, rebuilt
from ..graph.memo import memoize
from ..graph.op import expand, results, variable
from ..graph.op import leaf as leaf_op
from ..graph.symbol import Symbol, Type, make
from ..graph.walk import postorder
from ..ops.joining import concat
from ..ops.matmul import batched_matmul, is_turned, turned
from ..ops.shape import span
from ..ops.views import reduce_sum, reshape_to, zeros
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

    A factor is the number of what the body gives, or a sequence. `turns`: the result is turned.
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
    sources = {
        "input": lambda k: inputs[n + m + k],
        "before": lambda k: _before(forward[m + body.given.index(body.state[k])], inputs[n + k], backwards),
        "given": lambda k: forward[m + k],
        "gradient": lambda k: g[m + k],
    }

    def sequence(at: tuple[str, int]) -> Symbol:
        return sources[at[0]](at[1])  # type: ignore[no-any-return]

    start = (zeros(s.shape, s.dtype) if gk is None else gk for s, gk in zip(body.state, g[:m], strict=False))
    read = map(sequence, backward.sequences)
    found = looped(backward.body, (*(inputs[k] for k in backward.constants), *start, *read), steps, not backwards)
    of_start, given = found[:m], found[m:]
    of_constants = (_of_constant(how, given, sequence) for how in backward.of_constants)
    return (*of_constants, *of_start, *(None if k is None else given[k] for k in backward.of_sequences))


def _before(after: Symbol, start: Symbol, backwards: bool) -> Symbol:
    """The states before each step, of those after each step."""
    first, steps = reshape_to(start, (1, *start.shape)), after.shape[0]
    if steps == 1:
        return first
    return concat((span(after, 0, 1, steps - 1), first) if backwards else (first, span(after, 0, 0, steps - 1)), 0)


def _of_constant(how: Any, given: Symbols, sequence: Callable[[tuple[str, int]], Symbol]) -> Symbol | None:
    """The gradient of a constant: a sum over the steps."""
    if how is None:
        return None
    if not isinstance(how, Product):
        return reduce_sum(given[how], (0,))
    left, right = (given[f] if isinstance(f, int) else sequence(f) for f in (how.left, how.right))
    left, right = (reshape_to(f, (f.shape[0] * f.shape[1], f.shape[2])) for f in (left, right))
    product = batched_matmul(turned(left), right)
    return turned(product) if how.turns else product


@memoize
def _backward(body: Body, wanted: tuple[bool, ...], arrived: tuple[int, ...]) -> Backward:
    """The gradient of one step. `wanted`: of which of the loop's inputs; `arrived`: which of what the steps gave has a gradient."""
    return _Reversal(body, wanted, arrived).backward()


class _Reversal:
    """Puts the gradient of one step together: the body with variables for leaves, its gradients, and these in terms of what is read."""

    def __init__(self, body: Body, wanted: tuple[bool, ...], arrived: tuple[int, ...]) -> None:
        self.body, self.wanted, self.arrived = body, wanted, arrived
        self.slots = count(len(wanted) + body.states)  # of new leaves, which are numbered anew once it is known which are read
        self.states = tuple(leaf(len(wanted) + k, s.type) for k, s in enumerate(body.state))  # the gradient of the state
        self.constants: dict[int, Symbol] = {}
        self.reads: dict[Symbol, tuple[str, int]] = {}  # by leaf: which sequence it is an element of
        self.given: dict[Symbol, int] = {}

    def backward(self) -> Backward:
        n, m = self.body.constants, self.body.states
        slopes = self._slopes()
        of_sequences = tuple(self._give(slopes[k]) if k in slopes else None for k in range(n + m, len(self.wanted)))
        of_constants = tuple(self._of_constant(slopes.get(k)) for k in range(n))
        before = (slopes.get(n + k, zeros(s.shape, s.dtype)) for k, s in enumerate(self.body.state))
        outputs = (*before, *self.given)
        live = {s for s in postorder(outputs, lambda s: s.inputs) if s.op is leaf_op}
        constants = {k: s for k, s in self.constants.items() if s in live}
        reads = {s: role for s, role in self.reads.items() if s in live}
        order = {s: leaf(k, s.type) for k, s in enumerate((*constants.values(), *self.states, *reads))}
        new = Body(rebuilt(outputs, order), len(constants), m)
        return Backward(new, tuple(constants), tuple(reads.values()), of_sequences, of_constants)

    def _slopes(self) -> dict[int, Symbol]:
        """The gradients that are wanted, by the number of the leaf."""
        n, m = self.body.constants, self.body.states
        leaves = {s.attrs[0]: s for s in postorder(self.body.outputs, lambda s: s.inputs) if s.op is leaf_op}
        variables = {s: make(variable, (s,), (k, 0)) for k, s in leaves.items() if s.dtype.category >= dt.FLOAT}
        outputs = rebuilt(self.body.outputs, variables)
        values = {variables.get(s, s): self._value(k, s.type) for k, s in sorted(leaves.items())}
        for k, s in enumerate(outputs[m:]):
            if s not in values:
                values[s] = self._read("given", k, s.type)
        roots = [(s, seed) for s, seed in zip(outputs[:m], self.states, strict=True) if s.needs_grad]
        roots += [(s, self._read("gradient", k, s.type)) for k in self.arrived if (s := outputs[m + k]).needs_grad]
        found = gradients(tuple(root for root, _ in roots), tuple(seed for _, seed in roots))
        slopes = {v.inputs[0].attrs[0]: g for v, g in zip(found.variables, found.grads, strict=True) if g is not None}
        asked = [k for k in slopes if n <= k < n + m or self.wanted[k]]
        return dict(zip(asked, rebuilt((slopes[k] for k in asked), values), strict=True))

    def _value(self, k: int, kind: Type) -> Symbol:
        """What stands for leaf number `k` of the body."""
        n, m = self.body.constants, self.body.states
        if k < n:
            self.constants[k] = leaf(k, kind)
            return self.constants[k]
        return self._read("before", k - n, kind) if k < n + m else self._read("input", k - n - m, kind)

    def _read(self, kind: str, number: int, of: Type) -> Symbol:
        """An element of a sequence."""
        s = leaf(next(self.slots), of)
        self.reads[s] = kind, number
        return s

    def _give(self, s: Symbol) -> int:
        return self.given.setdefault(s, len(self.given))

    def _of_constant(self, s: Symbol | None) -> Any:
        """How the gradient of a constant, which is `s` in one step, is summed over the steps."""
        if s is None:
            return None
        turns = is_turned(s)
        product = s.inputs[0] if turns else s
        if product.op is batched_matmul and product.ndim == 2 and is_turned(product.inputs[0]):
            return Product(self._factor(product.inputs[0].inputs[0]), self._factor(product.inputs[1]), turns)
        return self._give(s)

    def _factor(self, s: Symbol) -> Any:
        while s.op is expand and s.type is s.inputs[0].type:
            s = s.inputs[0]
        return self.reads[s] if s in self.reads else self._give(s)
