"""Fusion: which symbols are computed in one loop nest.

A **group** is a set of elementwise ops and trailing reductions over one domain (a shape), in which a value per row (what is left of the
trailing dims when they are reduced) may be broadcast back over its row: a softmax or a layer norm is one group. Symbols are grouped by
domain and *epoch*. An edge that cannot stay inside a loop nest (to another domain, through another op) raises the epoch, so that no path
leaves a group and comes back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from ..core import dtypes as dt
from ..core.shapes import contiguous_strides
from ..graph.op import cast, const, expand, leaf, number
from ..graph.symbol import Symbol

_DEPTH = 64  # ops on a path through a group: longer kernels take long to compile
KINDS = frozenset({dt.bool_, dt.uint8, dt.int8, dt.int16, dt.int32, dt.int64, dt.float32, dt.float64})
REDUCTIONS = {"reduce_sum": "sum", "reduce_max": "max", "reduce_min": "min"}
Shape = tuple[int, ...]


class Place(NamedTuple):
    """Where a loop finds an operand's element: strides over the domain and an offset, in elements of its base."""

    base: Symbol
    strides: tuple[int, ...]
    offset: int


class Group:
    """Symbols of one loop nest. `inner` trailing dims of the domain are reduced; `rows` are the members that have one value a row."""

    def __init__(self, domain: Shape, inner: int) -> None:
        self.domain, self.inner = domain, inner
        self.members: list[Symbol] = []
        self.rows: set[Symbol] = set()
        self.outputs: list[Symbol] = []
        self.places: dict[Symbol, Place] = {}  # operands read from memory, as they are named by the members

    @property
    def row_shape(self) -> Shape:
        """The domain without the reduced dims."""
        return self.domain[: len(self.domain) - self.inner]


class Fusion(NamedTuple):
    """The groups, and the group of each member."""

    groups: list[Group]
    group_of: dict[Symbol, Group]
    scalars: frozenset[Symbol]


def is_pointwise(s: Symbol) -> bool:
    """Whether the value is computed element by element."""
    return s.op is cast or getattr(s.op, "body", None) is not None


def trailing(s: Symbol) -> int:
    """How many trailing dims a reduction reduces; 0 if it is not a reduction of trailing dims."""
    if s.op.name not in REDUCTIONS or s.inputs[0].numel == 0:
        return 0
    dims, n = s.attrs[0], s.inputs[0].ndim
    return len(dims) if tuple(sorted(dims)) == tuple(range(n - len(dims), n)) else 0


def peel(s: Symbol, value_of: Callable[[Symbol], Symbol]) -> tuple[Symbol, list[Symbol]]:
    """The symbol under a chain of views, and the chain from the inside out."""
    chain = []
    s = value_of(s)
    while s.op.layout is not None and s.op.name != "bitcast":
        chain.append(s)
        s = value_of(s.inputs[0])
    return s, chain[::-1]


def place_of(s: Symbol, value_of: Callable[[Symbol], Symbol]) -> Place | None:
    """Where the elements of `s` lie in the (row-major) memory of the symbol under its views."""
    base, chain = peel(s, value_of)
    at = (base.shape, contiguous_strides(base.shape), 0)
    for v in chain:
        at = v.op.layout(*at, *v.attrs)
        if at is None:
            return None
    return Place(base, tuple(at[1]), at[2])


class _Grouping:
    """The state of one fusion: epochs, positions, and which symbols are scalars known before the loops."""

    def __init__(self, order: list[Symbol], fusable: Callable[[Symbol], bool], value_of: Callable[[Symbol], Symbol]) -> None:
        self.order, self.fusable, self.value_of = order, fusable, value_of
        self.scalars = self._scalars()
        self.inner = self._inner_of_domains()
        self.epoch: dict[Symbol, int] = {}
        self.depth: dict[Symbol, int] = {}  # of members, within their epoch
        self.domain: dict[Symbol, Shape] = {}  # of members
        self.rows: set[Symbol] = set()

    def _scalars(self) -> frozenset[Symbol]:
        """Expressions of numbers alone."""
        found: set[Symbol] = set()
        for s in self.order:
            if (
                s.op is number
                or s.op is const
                or (
                    s.inputs
                    and all(self.value_of(i) in found for i in s.inputs)
                    and s.shape is not None
                    and (s.op is expand or (s.shape == () and is_pointwise(s) and self.fusable(s)))
                )
            ):
                found.add(s)
        return frozenset(found)

    def _inner_of_domains(self) -> dict[Shape, int]:
        votes: dict[Shape, Counter[int]] = {}
        for s in self.order:
            if n := trailing(s):
                votes.setdefault(s.inputs[0].shape, Counter())[n] += 1
        return {shape: counts.most_common(1)[0][0] for shape, counts in votes.items()}

    def run(self) -> None:
        """Give every symbol an epoch, and every member a domain."""
        for s in self.order:
            inputs = [self.value_of(i) for i in s.inputs]
            self.epoch[s] = max((self.epoch[i] for i in inputs), default=0)
            if s in self.scalars or s.shape is None or s.numel == 0 or s.op is leaf:
                continue
            if (n := trailing(s)) and self.inner[inputs[0].shape] == n and self.fusable(s):
                self._join(s, inputs[0].shape, row=True)
            elif is_pointwise(s) and self.fusable(s):
                host = self._row_host(s, inputs)
                self._join(s, host if host is not None else s.shape, row=host is not None)

    def _join(self, s: Symbol, domain: Shape, row: bool) -> None:
        self.domain[s] = domain
        if row:
            self.rows.add(s)
        epoch, depth = 0, 0
        for i in s.inputs:
            i = self.value_of(i)
            if i not in self.scalars:
                inside = self.inside(i, domain, row and trailing(s) == 0)
                base = i if inside == "direct" else peel(i, self.value_of)[0]
                at = (self.epoch[base] + (0 if inside or base.op is leaf else 1), self.depth.get(base, 0) + 1 if inside else 0)
                epoch, depth = max((epoch, depth), at)
        self.epoch[s], self.depth[s] = (epoch, depth) if depth < _DEPTH else (epoch + 1, 0)

    def inside(self, i: Symbol, domain: Shape, at_row: bool) -> str:
        """How an operand can be had inside the loop nest over `domain`: "direct", "row" (a row's value), or "" (from memory)."""
        if i in self.domain and self.domain[i] == domain and (i in self.rows) == at_row:
            return "direct"
        base, chain = peel(i, self.value_of)
        if base in self.rows and self.domain.get(base) == domain and self._broadcasts_rows(i, base, domain, at_row):
            return "row"
        return ""

    def _broadcasts_rows(self, i: Symbol, base: Symbol, domain: Shape, at_row: bool) -> bool:
        """Whether `i` is the row's value `base`, over its row or with size-1 dims in place of the reduced ones."""
        place = place_of(i, self.value_of)
        inner = self.inner[domain]
        rows = domain[: len(domain) - inner]
        if place is None or place.offset:
            return False
        want = contiguous_strides(rows)
        if at_row:
            return i.numel == base.numel and [s for s, n in zip(place.strides, i.shape, strict=True) if n != 1] == [
                s for s, n in zip(want, rows, strict=True) if n != 1
            ]
        return i.shape == domain and all(n == 1 or a == b for a, b, n in zip(place.strides, want + (0,) * inner, domain, strict=True))

    def _row_host(self, s: Symbol, inputs: list[Symbol]) -> Shape | None:
        """The domain whose rows `s` is computed for: one of its operands is a row's value, and the others can be read for a row."""
        for i in inputs:
            base, _ = peel(i, self.value_of)
            if base not in self.rows:
                continue
            domain = self.domain[base]
            inner = self.inner[domain]
            rows = domain[: len(domain) - inner]
            if [n for n in s.shape if n != 1] != [n for n in rows if n != 1]:
                continue
            if all(
                j in self.scalars or self.inside(j, domain, True) or (peel(j, self.value_of)[0].op is leaf and place_of(j, self.value_of))
                for j in inputs
            ):
                return domain
        return None


def fuse(order: list[Symbol], outputs: list[Symbol], fusable: Callable[[Symbol], bool], value_of: Callable[[Symbol], Symbol]) -> Fusion:
    """The groups of a program whose symbols are `order`; `outputs` must be in memory at its end."""
    g = _Grouping(order, fusable, value_of)
    g.run()
    parent = {s: s for s in g.domain}

    def find(s: Symbol) -> Symbol:
        while parent[s] is not s:
            parent[s] = parent[parent[s]]
            s = parent[s]
        return s

    for s in g.domain:
        for i in s.inputs:
            i = value_of(i)
            inside = "" if i in g.scalars else g.inside(i, g.domain[s], s in g.rows and trailing(s) == 0)
            base = i if inside == "direct" else peel(i, value_of)[0]
            if inside and g.epoch[base] == g.epoch[s]:
                parent[find(base)] = find(s)
    groups: dict[Symbol, Group] = {}
    group_of: dict[Symbol, Group] = {}
    for s in g.domain:
        root = find(s)
        if root not in groups:
            domain = g.domain[s]
            groups[root] = Group(domain, g.inner.get(domain, 0))
        group = group_of[s] = groups[root]
        group.members.append(s)
        if s in g.rows:
            group.rows.add(s)
    _connect(g, group_of, order, outputs)
    return Fusion(list(groups.values()), group_of, g.scalars)


def _connect(g: _Grouping, group_of: dict[Symbol, Group], order: list[Symbol], outputs: list[Symbol]) -> None:
    """Note what each group reads from memory, and what it must write there."""
    written = {s for s in outputs if s in group_of}
    for s in order:
        home = group_of.get(s)
        for i in s.inputs:
            i = g.value_of(i)
            if i in g.scalars:
                continue
            base, _ = peel(i, g.value_of)
            inside = g.inside(i, home.domain, s in home.rows and trailing(s) == 0) if home is not None else ""
            source = i if inside == "direct" else base
            if home is not None and inside and group_of.get(source) is home:
                continue
            if i in group_of:
                written.add(i)
            elif base in group_of and (home is not None or i is base):
                written.add(base)
            if home is not None and i not in home.places:
                place = place_of(i, g.value_of)
                home.places[i] = (
                    place
                    if place is not None and (place.base in group_of or place.base.op is leaf)
                    else Place(i, contiguous_strides(i.shape), 0)
                )
    for s in order:  # a view that is computed by itself reads what lies under it from memory
        if s not in group_of and s not in g.scalars:
            written |= {g.value_of(i) for i in s.inputs if g.value_of(i) in group_of}
    for s in order:
        if s in written:
            group_of[s].outputs.append(s)
