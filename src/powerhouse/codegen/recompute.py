"""A bound on the memory of intermediate results: what lies idle where memory is scarcest is computed again when it is needed."""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

from ..graph.op import fence
from ..graph.symbol import Symbol
from .plan import Node, size_of, temps_of, written_by
from .task import At, Temp, moved

_MOST = 4  # nodes may be so many times what they were


class _Again(NamedTuple):
    """A node to be run again before node number `at`, for the readers from there on of some of its results."""

    node: Node
    at: int
    results: tuple[Symbol, ...]


def within(nodes: list[Node], kept: set[Symbol], budget: int) -> list[Node]:
    """The nodes, in order, with some of them repeated, so that intermediate results take at most `budget` bytes at a time; if that cannot
    be, as few as can be found. `kept` bases are the caller's. Results have the same bits as without.
    """
    most = _MOST * len(nodes)
    while len(nodes) < most:
        lives = _Lives(nodes, kept)
        if lives.bytes[lives.peak] <= budget:
            break
        again = lives.best()
        if again is None:
            break
        nodes = _repeated(nodes, again)
    return nodes


class _Lives:
    """Which intermediate results there are at each node, and where they take the most memory."""

    def __init__(self, nodes: list[Node], kept: set[Symbol]) -> None:
        self.nodes = nodes
        self.writers: dict[Symbol, list[int]] = {}
        self.readers: dict[Symbol, list[int]] = {}
        for k, n in enumerate(nodes):
            for s in dict.fromkeys((*n.writes, *written_by(n))):
                self.writers.setdefault(s, []).append(k)
            for s in n.reads:
                self.readers.setdefault(s, []).append(k)
        self.inner = {s for s in self.writers if s not in kept}
        self.last = {s: max(at[-1], self.readers.get(s, at)[-1]) for s, at in self.writers.items()}
        self.touch: dict[Temp, list[int]] = {}
        for temp, k in temps_of(nodes):
            if not nodes[k].lasts:
                self.touch.setdefault(temp, []).append(k)
        stays = [(size_of(s), self.writers[s][0], self.last[s]) for s in self.inner]
        stays += [(temp.bytes, at[0], at[-1]) for temp, at in self.touch.items()]
        change = [0] * (len(nodes) + 1)
        for count, begin, end in stays:
            change[begin] += count
            change[end + 1] -= count
        self.bytes = list(accumulate(change[:-1]))
        self.peak = max(range(len(nodes)), key=self.bytes.__getitem__)

    def _is_whole(self, s: Symbol) -> bool:
        """Whether one node writes all of it."""
        return len(self.writers[s]) == 1

    def best(self) -> _Again | None:
        """What frees the most bytes at the peak for its work; None if nothing does."""
        busy = {*self.nodes[self.peak].reads, *self.nodes[self.peak].writes}
        found: list[tuple[float, int, tuple[Symbol, ...]]] = []
        for k, n in enumerate(self.nodes[: self.peak]):
            idle = tuple(s for s in n.writes if s in self.inner and self.last[s] > self.peak and s not in busy and self._is_whole(s))
            if not idle or n.step is not None or n.lasts or any(t.refuse for t in n.tasks):
                continue
            if any(len(self.touch.get(temp, (0, 0))) > 1 for temp, _ in temps_of([n])):  # packed for others too, or by others
                continue
            needs = [s for s in n.reads if s in self.inner and self.last[s] < self.peak]  # they would have to stay
            gain = sum(map(size_of, idle)) - sum(map(size_of, needs))
            if gain > 0 and all(self._is_whole(s) for s in n.reads if s in self.inner):
                found.append((gain / (1 + sum(t.work for t in n.tasks)), k, idle))
        if not found:
            return None
        _, k, idle = max(found, key=lambda each: each[:2])
        return _Again(self.nodes[k], min(r for s in idle for r in self.readers[s] if r > self.peak), idle)


def _repeated(nodes: list[Node], again: _Again) -> list[Node]:
    """The nodes with one of them repeated; who reads its results later reads those of the second run."""
    taken = {s for n in nodes for s in n.writes}
    second = {s: _another(s, taken) for s in again.node.writes}
    temps = {temp: Temp(temp.bytes) for temp, _ in temps_of([again.node])}
    copy = _with(again.node, {**second, **temps})._replace(label=f"{again.node.label} (again)")
    late = {s: second[s] for s in again.results}
    return [*nodes[: again.at], copy, *(_with(n, late) for n in nodes[again.at :])]


def _another(s: Symbol, taken: set[Symbol]) -> Symbol:
    """A symbol of the same value that no node writes yet."""
    while s in taken:
        s = fence(s)
    return s


def _with(n: Node, instead: dict[Symbol | Temp, Symbol | Temp] | dict[Symbol, Symbol]) -> Node:
    """A node that reads and writes other memory."""

    def at(place: At) -> At:
        return At(instead.get(place.base, place.base), place.offset)  # type: ignore[arg-type, call-overload]

    def of(symbols: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
        return tuple(instead.get(s, s) for s in symbols)  # type: ignore[arg-type, misc, call-overload]

    if not any(s in instead for s in (*n.reads, *n.writes)):
        return n
    pairs = tuple((instead.get(o, o), instead.get(i, i)) for o, i in n.in_place)  # type: ignore[call-overload]
    return n._replace(tasks=tuple(moved(t, at) for t in n.tasks), reads=of(n.reads), writes=of(n.writes), in_place=pairs)


__all__ = ["within"]
