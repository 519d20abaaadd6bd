"""Fusion: which symbols are computed in one loop nest.

A **group** is a set of elementwise ops and reductions over one domain (a shape). All its reductions are over the same dims of the domain;
what is left of a domain when they are reduced is its *rows*, and a value for each row may be broadcast back over the domain: a softmax, a
layer norm or a batch norm is one group. Symbols are grouped by domain and *epoch*. An edge that cannot stay inside a loop nest (to another
domain, to a reduction over other dims, through another op) raises the epoch, so that no path leaves a group and comes back.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import NamedTuple

from ..core import dtypes as dt
from ..core.shapes import contiguous_strides
from ..graph.op import cast, const, leaf, number
from ..graph.symbol import Symbol
from .task import Place

_SMALL = 8  # what is so many times smaller than a part that reads it counts for little
_DEPTH = 64  # ops on a path through a group: longer kernels take long to compile
KINDS = frozenset({dt.bool_, dt.uint8, dt.int8, dt.int16, dt.int32, dt.int64, dt.float32, dt.float64, dt.float16, dt.bfloat16})
REDUCTIONS = {"reduce_sum": "sum", "reduce_max": "max", "reduce_min": "min"}
Shape = tuple[int, ...]
Dims = tuple[int, ...]
Resolve = Callable[[Symbol], Symbol]  # a symbol, or the one whose value it has


class Group:
    """Symbols of one loop nest. `dims` of the domain are reduced; `rows` are the members that have one value a row."""

    def __init__(self, domain: Shape, dims: Dims) -> None:
        self.domain, self.dims = domain, dims
        self.members: list[Symbol] = []
        self.rows: set[Symbol] = set()
        self.outputs: list[Symbol] = []
        self.places: dict[Symbol, Place] = {}  # operands read from memory, as they are named by the members


class Fusion(NamedTuple):
    """The groups, and the group of each member."""

    groups: list[Group]
    group_of: dict[Symbol, Group]
    scalars: frozenset[Symbol]


def is_pointwise(s: Symbol) -> bool:
    """Whether the value is computed element by element."""
    return s.op is cast or getattr(s.op, "body", None) is not None


def reduced_dims(s: Symbol) -> Dims:
    """The dims that a symbol reduces; none if it is not a reduction that a kernel can hold."""
    return tuple(sorted(s.attrs[0])) if s.op.name in REDUCTIONS and s.inputs[0].numel else ()


def without(shape: Shape, dims: Dims) -> Shape:
    """A shape without `dims`."""
    return tuple(n for d, n in enumerate(shape) if d not in dims)


def is_view(s: Symbol) -> bool:
    """Whether the value is another's, under other strides."""
    return s.op.layout is not None and s.op.name != "bitcast"


def peel(s: Symbol, value_of: Resolve) -> tuple[Symbol, list[Symbol]]:
    """The symbol under a chain of views, and the chain from the inside out."""
    chain = []
    s = value_of(s)
    while is_view(s):
        chain.append(s)
        s = value_of(s.inputs[0])
    return s, chain[::-1]


def place_of(s: Symbol, value_of: Resolve) -> Place | None:
    """Where the elements of `s` lie in the (row-major) memory of the symbol under its views."""
    base, chain = peel(s, value_of)
    at = (base.shape, contiguous_strides(base.shape), 0)
    for v in chain:
        at = v.op.layout(*at, *v.attrs)
        if at is None:
            return None
    return Place(base, tuple(at[1]), at[2])


class _Grouping:
    """The state of one fusion: epochs, depths, and the parts that grow into groups.

    A part is known by one of its members, its root; `dims` of a root are the dims that the part reduces, None while it reduces nothing.
    """

    def __init__(self, order: list[Symbol], fusable: Callable[[Symbol], bool], value_of: Resolve) -> None:
        self.order, self.fusable, self.value_of = order, fusable, value_of
        self.scalars = self._scalars()
        self.epoch: dict[Symbol, int] = {}
        self.depth: dict[Symbol, int] = {}  # of members, within their epoch
        self.domain: dict[Symbol, Shape] = {}  # of members
        self.rows: set[Symbol] = set()
        self.parent: dict[Symbol, Symbol] = {}
        self.dims: dict[Symbol, Dims | None] = {}
        self.floating: dict[Symbol, list[Symbol]] = {}  # by root, the members of parts that can be computed later
        self._bases: dict[Symbol, Symbol] = {}
        self._are_rows: dict[tuple[Symbol, bool], bool] = {}

    def _scalars(self) -> frozenset[Symbol]:
        """Expressions of numbers alone, and their views."""
        found: set[Symbol] = set()
        for s in self.order:
            if s.op is number or s.op is const:
                found.add(s)
            elif s.inputs and s.shape is not None and all(self.value_of(i) in found for i in s.inputs):
                if is_view(s) or (s.shape == () and is_pointwise(s) and self.fusable(s)):
                    found.add(s)
        return frozenset(found)

    def base(self, i: Symbol) -> Symbol:
        """The symbol under the views of `i`."""
        found = self._bases.get(i)
        if found is None:
            found = self._bases[i] = peel(i, self.value_of)[0]
        return found

    def root(self, s: Symbol) -> Symbol:
        """The member by which a part is known."""
        while self.parent[s] is not s:
            self.parent[s] = self.parent[self.parent[s]]
            s = self.parent[s]
        return s

    def run(self) -> None:
        """Give every symbol an epoch, and every member a part."""
        for s in self.order:
            inputs = [self.value_of(i) for i in s.inputs]
            self.epoch[s] = max((self.epoch[self.base(i)] for i in inputs), default=0)
            if s in self.scalars or s.shape is None or s.numel == 0 or s.op is leaf:
                for i in inputs:
                    self._hold(i)
                continue
            if dims := reduced_dims(s):
                if self.fusable(s):
                    self._join(s, inputs, inputs[0].shape, dims, False)
                    self.rows.add(s)
            elif is_pointwise(s) and self.fusable(s):
                host = self._host(s, inputs)
                if host is not None and self._join(s, inputs, self.domain[host], self.dims[self.root(host)], True):
                    self.rows.add(s)
                else:
                    self._join(s, inputs, s.shape, None, False)
            if s not in self.domain and not is_view(s):
                for i in inputs:
                    self._hold(i)

    def _hold(self, i: Symbol) -> None:
        """What is read from memory is computed in the epoch that its readers go by."""
        if (base := self.base(i)) in self.parent:
            self.floating.pop(self.root(base), None)

    def _join(self, s: Symbol, inputs: list[Symbol], domain: Shape, dims: Dims | None, at_row: bool) -> bool:
        """Make `s` a member. One that is computed a row is refused (False) where it would be cut off from the rows it goes with."""
        links, epoch, floats = [], 0, True
        for i in inputs:
            if i in self.scalars:
                continue
            member = self.inside(i, domain, dims, at_row)
            if member is not None:
                links.append(member)
                epoch, floats = max(epoch, self.epoch[member]), floats and self.root(member) in self.floating
            elif (base := self.base(i)).op is not leaf:
                epoch, floats = max(epoch, self.epoch[base] + 1), floats and base.numel * _SMALL <= prod(domain)
                self._hold(base)
        self._settle(links, epoch)
        links = [m for m in links if self.epoch[m] == epoch]
        depth = max((self.depth[m] + 1 for m in links), default=0)
        found = {d for m in links if (d := self.dims[self.root(m)]) is not None} | ({dims} if dims is not None else set())
        if len(found) > 1 or depth >= _DEPTH:
            for m in links:
                self._hold(m)
            links, depth, epoch, floats = [], 0, epoch + 1, False
            found = {dims} if dims is not None else set()
        if at_row and not links:
            return False
        self.domain[s], self.epoch[s], self.depth[s] = domain, epoch, depth
        self.parent[s] = s
        self.dims[s] = next(iter(found), None)
        roots = {self.root(m) for m in links}
        members = [s, *(m for root in roots for m in self.floating.pop(root, ()))]
        if floats:
            self.floating[s] = members
        for root in roots:
            self.parent[root] = s
        return True

    def _settle(self, links: list[Symbol], epoch: int) -> None:
        """Parts that take little but leaves from memory are computed where they are first needed, not ahead of it."""
        for m in links:
            for member in self.floating.get(self.root(m), ()):
                self.epoch[member] = epoch

    def inside(self, i: Symbol, domain: Shape, dims: Dims | None, at_row: bool) -> Symbol | None:
        """The member whose value an operand has in a loop nest over `domain`; None where it must come from memory."""
        if self.domain.get(i) == domain and (i in self.rows) == at_row and (not at_row or self.dims[self.root(i)] == dims):
            return i
        base = self.base(i)
        if base not in self.rows or self.domain[base] != domain:
            return None
        own = self.dims[self.root(base)]
        if own is None or dims not in (None, own):
            return None
        if (i, at_row) not in self._are_rows:
            self._are_rows[i, at_row] = self._broadcasts(i, base, domain, own, at_row)
        return base if self._are_rows[i, at_row] else None

    def _broadcasts(self, i: Symbol, base: Symbol, domain: Shape, dims: Dims, at_row: bool) -> bool:
        """Whether `i` is the row's value `base`, over its row or with size-1 dims in place of the reduced ones."""
        place = place_of(i, self.value_of)
        if place is None or place.offset:
            return False
        rows = without(domain, dims)
        steps = contiguous_strides(rows)
        if at_row:
            own = [s for s, n in zip(place.strides, i.shape, strict=True) if n != 1]
            return i.numel == base.numel and own == [s for s, n in zip(steps, rows, strict=True) if n != 1]
        kept = iter(steps)
        want = [0 if d in dims else next(kept) for d in range(len(domain))]
        return i.shape == domain and all(n == 1 or a == b for a, b, n in zip(place.strides, want, domain, strict=True))

    def _host(self, s: Symbol, inputs: list[Symbol]) -> Symbol | None:
        """A row's value among the operands, in whose rows `s` can be computed: the others can be had there too."""
        for i in inputs:
            base = self.base(i)
            if base not in self.rows:
                continue
            domain, dims = self.domain[base], self.dims[self.root(base)]
            assert dims is not None
            if [n for n in s.shape if n != 1] == [n for n in without(domain, dims) if n != 1] and all(
                j in self.scalars or self.inside(j, domain, dims, True) is not None or self._is_ready(j, base) for j in inputs
            ):
                return base
        return None

    def _is_ready(self, j: Symbol, member: Symbol) -> bool:
        """Whether `j` is in memory before the group of `member` begins."""
        base = self.base(j)
        return (base.op is leaf or self.epoch[base] < self.epoch[member]) and place_of(j, self.value_of) is not None

    def source(self, i: Symbol, s: Symbol) -> Symbol | None:
        """The member of its own group from which `s` has its operand `i`; None where that is read from memory."""
        at_row = s in self.rows and not reduced_dims(s)
        member = self.inside(i, self.domain[s], self.dims[self.root(s)], at_row)
        return member if member is not None and self.root(member) is self.root(s) else None


def fuse(order: list[Symbol], outputs: list[Symbol], fusable: Callable[[Symbol], bool], value_of: Resolve) -> Fusion:
    """The groups of a program whose symbols are `order`; `outputs` must be in memory at its end."""
    g = _Grouping(order, fusable, value_of)
    g.run()
    groups: dict[Symbol, Group] = {}
    group_of: dict[Symbol, Group] = {}
    for s in g.domain:
        root = g.root(s)
        if root not in groups:
            groups[root] = Group(g.domain[s], g.dims[root] or ())
        group = group_of[s] = groups[root]
        group.members.append(s)
        if s in g.rows:
            group.rows.add(s)
    _connect(g, group_of, order, outputs)
    return Fusion(list(groups.values()), group_of, g.scalars)


def _connect(g: _Grouping, group_of: dict[Symbol, Group], order: list[Symbol], outputs: list[Symbol]) -> None:
    """Note what each group reads from memory, and what it must write there: what is asked for, from the outputs down."""
    wanted = {g.base(s) for s in outputs} | {s for s in outputs if s in group_of}
    stack = list(wanted)
    visited: set[int] = set()
    while stack:
        s = stack.pop()
        group = group_of.get(s)
        if group is None:
            found = [g.base(g.value_of(i)) for i in s.inputs]
        elif id(group) not in visited:
            visited.add(id(group))
            found = _read(g, group)
        else:
            continue
        for i in found:
            if i not in wanted and i not in g.scalars:
                wanted.add(i)
                stack.append(i)
    for s in order:
        if s in wanted and s in group_of:
            group_of[s].outputs.append(s)


def _read(g: _Grouping, group: Group) -> list[Symbol]:
    """The symbols in whose memory a group's operands lie."""
    found = []
    for s in group.members:
        for i in map(g.value_of, s.inputs):
            if i in g.scalars or i in group.places or g.source(i, s) is not None:
                continue
            place = place_of(i, g.value_of)
            if place is None or place.base in g.scalars:
                place = Place(i, contiguous_strides(i.shape), 0)
            group.places[i] = place
            found.append(g.base(i))
    return found
