"""A loop as one symbol: the graph of one step, and how often it is done.

`inputs` are the constants, which every step reads whole; the state before the first step; and the sequences, of which step t reads
element t. The results are the state after the last step, and the sequences of what the steps give. So a recurrent net over a hundred
steps is as large a graph as one over two, and what is planned for one step serves for all (Source: Lax's `scan`; Bradbury et al., JAX).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .op import item, primitive, results
from .op import leaf as leaf_op
from .symbol import Symbol, Type, make
from .walk import postorder

Symbols = tuple[Symbol, ...]


class Body(NamedTuple):
    """One step. Its leaves are numbered: constants, the state before the step, elements of the sequences.

    `outputs`: the state after the step, then what the step gives, each symbol once.
    """

    outputs: Symbols
    constants: int
    states: int

    @property
    def state(self) -> Symbols:
        """The state after the step."""
        return self.outputs[: self.states]

    @property
    def given(self) -> Symbols:
        """What the step gives."""
        return self.outputs[self.states :]


@primitive(names=())
def loop(inputs: Symbols, body: Body, steps: int, backwards: bool) -> tuple[Type, ...]:
    """`steps` steps (at least one), of which each has the state that the one before has left; `backwards` from the last to the first."""
    sequences = (Type((steps, *s.shape), s.dtype) for s in body.given)
    return (*(s.type for s in body.state), *sequences)


def leaf(slot: int, kind: Type) -> Symbol:
    """Leaf number `slot` of a body."""
    return make(leaf_op, (), (slot, kind))


def looped(body: Body, inputs: Symbols, steps: int, backwards: bool) -> Symbols:
    """The results of a loop. With what `body` gives, it gives what its gradient may need; what nobody reads is not computed."""
    return results(make(loop, inputs, (_with_kept(body), steps, backwards)))


def _with_kept(body: Body) -> Body:
    """A body that gives the state after each step too, and the results of expensive ops; the whole of what is only cut up."""
    expensive: list[Symbol] = []
    for s in postorder(body.outputs, lambda s: s.inputs):
        if s.op is item and s.inputs[0].op.linear:
            expensive += s.inputs[0].inputs
        elif s.inputs and s.shape is not None and not s.op.cheap:
            expensive.append(s)
    given = dict.fromkeys((*body.given, *body.state, *(s for s in expensive if s.inputs)))
    return body._replace(outputs=(*body.state, *given))


def rebuilt(symbols: Iterable[Symbol], instead: dict[Symbol, Symbol]) -> Symbols:
    """The symbols on other inputs: each that `instead` names is replaced, and what depends on it made anew."""
    symbols, done = tuple(symbols), dict(instead)
    for s in postorder(symbols, lambda s: () if s in instead else s.inputs):
        if s not in done:
            inputs = tuple([done[i] for i in s.inputs])
            done[s] = s if inputs == s.inputs else make(s.op, inputs, s.attrs)
    return tuple(done[s] for s in symbols)


def pruned(values: Iterable[Symbol]) -> list[Symbol]:
    """The symbols, with loops that give only what is read."""
    values = list(values)
    order = postorder(values, lambda s: s.inputs)
    nodes = [s for s in order if s.op is loop]
    if not nodes:
        return values
    left = {s: set(range(s.attrs[0].states)) for s in nodes}  # the results that stay
    for s in order:
        if s.op is item and s.inputs[0] in left:
            left[s.inputs[0]].add(s.attrs[0])
    new: dict[Symbol, Symbol] = {}
    for s in order:
        attrs = s.attrs
        if s in left:
            body, steps, backwards = attrs
            attrs = (body._replace(outputs=tuple(body.outputs[k] for k in sorted(left[s]))), steps, backwards)
        elif s.op is item and s.inputs[0] in left:
            attrs = (sorted(left[s.inputs[0]]).index(attrs[0]),)
        inputs = tuple([new[i] for i in s.inputs])
        new[s] = s if (inputs, attrs) == (s.inputs, s.attrs) else make(s.op, inputs, attrs)
    return [new[s] for s in values]


__all__ = ["Body", "leaf", "loop", "looped", "pruned", "rebuilt"]
