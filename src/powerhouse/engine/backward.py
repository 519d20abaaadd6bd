"""Backward: gradients across segments.

Within the current segment the gradient is `transform.vjp.gradients`, one look-up. A variable that stands for a value realized earlier
leads into that segment's record, which is **replanted**: its graph is recorded anew in the current segment, with what was kept as
leaves, and backward goes on in it. Where hooks or `autograd.Function`s take part, the graph is walked instead, calling them on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any, NamedTuple

from ..graph.op import leaf, number, variable, with_value
from ..graph.symbol import Symbol, make
from ..graph.walk import postorder
from ..transform.vjp import Accumulator, Gradients, flows_to, gradients
from . import anomaly
from .segment import RECORDER, History, Record, Segment


class Found(NamedTuple):
    """The outcome: `(owner, gradient)` of every leaf tensor reached, and the gradient of each wanted symbol."""

    leaves: list[tuple[Any, Symbol]]
    wanted: list[Symbol | None]


class Node:
    """User code in the graph: an `autograd.Function` at work. `inputs` are the symbols its gradients go to, None where they stop."""

    def __init__(self, inputs: Sequence[Symbol | None]) -> None:
        self.inputs = list(inputs)

    def backward(self, grads: dict[int, Symbol], create_graph: bool) -> Sequence[Symbol | None]:
        """Gradients of the inputs from those of the outputs, by output number."""
        raise NotImplementedError

    def replanted(self, inputs: Sequence[Symbol | None]) -> Node:
        """The same node over symbols of another segment."""
        raise NotImplementedError


class Output(NamedTuple):
    """The owner of a variable symbol that is output `index` of a node."""

    node: Node
    index: int


def backward(roots: Sequence[Symbol], seeds: Sequence[Symbol], wanted: Sequence[Symbol], retain: bool, create_graph: bool) -> Found:
    """Gradients of the roots, of this thread's segment, through this and earlier segments. `wanted` may be any symbols of the segment."""
    segment = RECORDER.now.segment
    owners = segment.owners
    leaves: dict[int, tuple[Any, Symbol]] = {}
    histories: dict[Record, Accumulator] = {}
    targets = [_Target(w, segment) for w in wanted]
    visited: set[Symbol] = set()  # in this backward: a graph planted twice over is no reuse
    frontier = _merge(zip(roots, seeds))
    while frontier:
        inner = tuple(dict.fromkeys([s for t in targets for s in t.symbols])) if targets else ()
        found = _walk(segment, frontier, inner, create_graph)
        _refuse_reuse(found.used, segment.used)
        for t in targets:
            t.collect(inner, found.wanted)
        for v, g in zip(found.variables, found.grads):
            if g is None:
                continue
            owner = owners[v]
            kind = owner.__class__
            if kind is History:
                if owner.record.is_spent:
                    raise _second_time(owner.symbol)
                histories.setdefault(owner.record, Accumulator()).add(owner.symbol, g)
            elif kind is not Output and owner.requires_grad:
                have = leaves.get(id(owner))
                leaves[id(owner)] = (owner, g if have is None else have[1] + g)
        visited |= found.used
        frontier = _next_record(histories, segment, targets, retain) if histories else {}
    if not retain:
        segment.used |= visited
        segment.generation += 1
    return Found(
        list(leaves.values()),
        [t.total if t.leaf is None else leaves.get(id(t.leaf), (None, None))[1] for t in targets],
    )


class _Target:
    """A symbol whose gradient is wanted: itself, and what it was in the records that are replanted."""

    def __init__(self, s: Symbol, segment: Segment) -> None:
        self.symbols = [s]
        self.totals: dict[Symbol, Symbol] = {}
        owner = segment.owners.get(s)
        self.history = owner if isinstance(owner, History) else None
        if self.history is not None and (early := segment.replants.get(self.history.record, {}).get(self.history.symbol)) is not None:
            self.symbols.append(early)
        self.leaf = None if owner is None or isinstance(owner, (History, Output)) else owner  # may stand in several records

    def collect(self, inner: tuple[Symbol, ...], grads: tuple[Symbol | None, ...]) -> None:
        """Add what a walk found; each symbol counts once a walk."""
        for s, g in zip(inner, grads, strict=True):
            if s in self.symbols and g is not None:
                self.totals[s] = self.totals[s] + g if s in self.totals else g

    def planted(self, s: Symbol) -> None:
        """The record behind the target's variable is planted, with `s` for the target: what arrived at the variable arrives there again."""
        self.totals.pop(self.symbols[0], None)
        self.symbols = [s]

    @property
    def total(self) -> Symbol | None:
        """All of the gradient."""
        return reduce(add, self.totals.values()) if self.totals else None


def _merge(pairs: Any) -> dict[Symbol, Symbol]:
    out: dict[Symbol, Symbol] = {}
    for s, g in pairs:
        if s.needs_grad:
            out[s] = out[s] + g if s in out else g
    return out


def _refuse_reuse(visited: frozenset[Symbol], used: set[Symbol]) -> None:
    if used.isdisjoint(visited):
        return
    again = next((s for s in visited if s in used and not s.op.linear), None)
    if again is not None:
        raise _second_time(again)


def _second_time(s: Symbol) -> RuntimeError:
    return RuntimeError(
        f"backward: Trying to backward through the graph a second time (at op {s.label or s.op.label}), but its saved values "
        "have already been freed. "
        "Specify retain_graph=True if you need to backward through the graph a second time."
    )


def _next_record(histories: dict[Record, Accumulator], segment: Segment, targets: list[_Target], retain: bool) -> dict[Symbol, Symbol]:
    """The latest record that gradients have arrived at, replanted: its symbols with their gradients."""
    record = max(histories, key=lambda r: r.serial)
    arrived = histories.pop(record).items()
    extra = [t.history.symbol for t in targets if t.history is not None and t.history.record is record]
    visited = frozenset(s for s in postorder([s for s, _ in arrived], flows_to) if s.op is not variable)
    _refuse_reuse(visited, record.used)
    planted = replant(record, [s for s, _ in arrived] + extra, segment)
    if not retain:
        record.used |= visited
    for t in targets:
        if t.history is not None and t.history.record is record:
            t.planted(planted[t.history.symbol])
    return _merge((planted[s], g) for s, g in arrived)


def replant(record: Record, roots: Sequence[Symbol], segment: Segment) -> dict[Symbol, Symbol]:
    """Record the graph of `roots` in `segment`; returns what each symbol became. What was kept is not computed again."""
    planted = segment.replants.setdefault(record, {})

    def children(s: Symbol) -> list[Symbol]:
        if s in planted or (s in record.kept and not s.needs_grad):
            return []
        owner = record.owners.get(s) if s.op is variable else None
        behind = [i for i in owner.node.inputs if i is not None] if isinstance(owner, Output) else []
        return [*s.inputs, *behind]

    nodes: dict[Node, Node] = {}
    for s in postorder(roots, children):
        if s not in planted:
            planted[s] = _plant(s, record, planted, nodes, segment)
    for s in record.cuts.keys() & planted.keys():
        segment.cuts[planted[s]] = record.cuts[s]
        segment.walked = True
    return planted


def _plant(s: Symbol, record: Record, planted: dict[Symbol, Symbol], nodes: dict[Node, Node], segment: Segment) -> Symbol:
    if s.op is leaf:
        return segment.leaf(record.leaves[s.attrs[0]], s.attrs[1])
    if s.op is number:
        return segment.number(record.leaves[s.attrs[0]], s.attrs[1])
    if s in record.kept:
        value = segment.leaf(record.kept[s], s.type)
        return with_value(make(s.op, tuple(planted[i] for i in s.inputs), s.attrs), value) if s.needs_grad else value
    inputs = tuple(planted[i] for i in s.inputs)
    if s.op is not variable:
        return make(s.op, inputs, s.attrs)
    owner = record.owners[s]
    if isinstance(owner, Output):
        node = owner.node
        if node not in nodes:
            nodes[node] = node.replanted([None if i is None else planted[i] for i in node.inputs])
        owner = Output(nodes[node], owner.index)
        segment.walked = True
    return segment.variable(inputs[0], owner)


def _walk(segment: Segment, frontier: dict[Symbol, Symbol], wanted: tuple[Symbol, ...], create_graph: bool) -> Gradients:
    if not segment.walked and not anomaly.STATE.enabled:
        return gradients(tuple(frontier), tuple(frontier.values()), wanted)
    RECORDER.now.hold += 1
    try:
        return _walk_calling(segment, frontier, wanted, create_graph)
    finally:
        RECORDER.now.hold -= 1


def _walk_calling(segment: Segment, frontier: dict[Symbol, Symbol], wanted: tuple[Symbol, ...], create_graph: bool) -> Gradients:
    """As `gradients`, but hooks and nodes run when all of their gradient has arrived."""

    def children(v: Symbol | Node) -> Sequence[Any]:
        if isinstance(v, Node):
            return [i for i in v.inputs if i is not None and i.needs_grad]
        owner = segment.owners.get(v) if v.op is variable else None
        return [owner.node] if isinstance(owner, Output) else flows_to(v)

    order: list[Any] = postorder(frontier, children)  # type: ignore[arg-type]
    grads = Accumulator(frontier.items())
    arrived: dict[Node, dict[int, Symbol]] = {}
    for v in reversed(order):
        if isinstance(v, Node):
            for i, g in zip(v.inputs, v.backward(arrived.get(v, {}), create_graph), strict=True) if v in arrived else ():
                if i is not None:
                    grads.add(i, g)
            continue
        g = grads.get(v)
        if isinstance(g, Symbol) and not create_graph:
            g = g.plain
            grads.put(v, g)
        for hook in segment.cuts.get(v, ()) if g is not None and isinstance(g, Symbol) else ():
            g = hook(g)
            grads.put(v, g)
        owner = segment.owners.get(v) if v.op is variable else None
        if isinstance(owner, Output):
            if g is not None:
                have = arrived.setdefault(owner.node, {})  # a saved output is a second variable for the same output
                have[owner.index] = have[owner.index] + g if owner.index in have else g
        elif v.op is not variable:
            if anomaly.STATE.enabled and anomaly.STATE.check_nan and g is not None:
                anomaly.check(v, g, segment.leaves)
            grads.propagate(v)
    variables = tuple(s for s in order if isinstance(s, Symbol) and s.op is variable)
    used = frozenset(s for s in order if isinstance(s, Symbol) and s.op is not variable)
    return Gradients(variables, tuple(map(grads.get, variables)), tuple(map(grads.get, wanted)), used)


__all__ = ["Found", "Node", "Output", "backward", "replant"]
