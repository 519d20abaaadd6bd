"""Assembly: a plan becomes a recipe, the plain data from which a program is made."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from ..codegen import loops  # noqa: F401 -- declares how loops are lowered
from ..codegen.plan import Layout, Node, Planner, arrange, fusable, only_multiplied, schedule, share_packings, size_of
from ..codegen.recompute import within
from ..codegen.task import At, Task, numbers_of, pointers_of
from ..core import config
from ..graph.op import item, leaf, number
from ..graph.symbol import Symbol, Type
from ..runtime import native, reference
from ..runtime.reference import value_of

_CHUNK = 1 << 15  # work that is worth a chunk of its own
_LARGE = 1 << 14  # bytes of a result from which its memory is had from a leaf, or used again: below, a new array costs less
_SHARED = 1 << 19  # work from which a program is shared by the team
_SHARES = (1.0, 0.85, 0.7, 0.5, 0.3)  # of a memory budget that results may fill, tried in turn
_STRETCH = 1 << 31  # work after which the team comes back to Python, so that Ctrl-C is answered: some hundredths of a second
ARENA, PACKED, CELLS = range(3)  # the cells of the arena and of what stays from run to run; how many cells are no value's


class Part(NamedTuple):
    """A stretch of a program: records `first` to `last` for the team, or one call of the reference tier."""

    first: int
    last: int
    shared: bool
    call: reference.Call | None = None
    inputs: tuple[int, ...] = ()
    out: int = 0
    free: tuple[int, ...] = ()
    dtype: Any = None  # of a result that kernels read


Leaf = tuple[int, Type]  # a leaf's slot and its type


class Recipe(NamedTuple):
    """All of a program but addresses: numbers, names and types, which another process can read from disk.

    A **cell** is a numbered address: the arena's, that of what is packed for all runs, a leaf's, that of an output or of an array that a
    reference call made. Each pointer of each kernel is a cell and an offset. Tables are lists of pairs.
    """

    steps: tuple[str, ...]  # what runs, by name
    kernels: tuple[str, ...]  # by name, see `runtime.native.name_of`
    records: list[tuple[int, ...]]  # (index of the kernel, of its first pointer, of its first number, count, grain, chunks)
    pool: list[tuple[int, int]]  # (cell, offset) of each pointer; (0, -1): the status
    numbers: list[int]
    floats: list[tuple[int, int]]  # (slot, index) of numbers that are leaves
    integers: list[tuple[int, int]]  # (index, slot) of those that are not floats
    parts: tuple[Part, ...]
    made: tuple[tuple[Any, Any, bool, int], ...]  # of outputs that kernels write: shape, dtype, is it large, a donor or -1
    values: tuple[tuple[int, int, Any, int], ...]  # (index in made or -1, cell, dtype, copy) of each output
    called: tuple[tuple[str, int, int], ...]  # ("leaf", slot, cell) or ("made", index, cell): what reference calls read
    views: tuple[tuple[int, int, Any, Any, int], ...]  # likewise, in the arena: (cell, offset, shape, dtype, bytes)
    slots: list[tuple[int, int]]  # (slot, cell) of leaves
    results: list[tuple[int, int]]  # (index in made, cell)
    cells: int
    arena: int  # bytes
    scratch: int
    lasting: int
    firm: int  # records before the first that may overwrite what the caller gave up
    weights: tuple[Leaf, ...]  # the leaves of which something is kept from run to run
    multiplied: tuple[Leaf, ...]  # leaves of which something could be kept, if they stay


class Plan(NamedTuple):
    """What a recipe was made of: the nodes in their order, where everything lies, and the values of the outputs."""

    nodes: tuple[Node, ...]
    layout: Layout
    results: list[Symbol]


def _steady(order: list[Symbol], outputs: tuple[Symbol, ...]) -> frozenset[Symbol]:
    """Leaves that seem to be weights, in a program that no gradient flows through; none where they would be too many to be kept packed."""
    found = frozenset() if any(s.needs_grad for s in outputs) else only_multiplied(order, value_of)
    return found if sum(map(size_of, found)) <= config.values["packed_limit"] else frozenset()


class Assembly:
    """Makes the recipe of a program."""

    def __init__(self, outputs: tuple[Symbol, ...], values: list[Symbol], order: list[Symbol], lasting: frozenset[Symbol]) -> None:
        self.outputs, self.values, self.order, self.lasting = outputs, values, order, lasting
        self.multiplied: tuple[Symbol, ...] = ()
        self.cell: dict[Symbol, int] = {}
        self.target = native.target()
        self.steady = _steady(order, outputs)

    def recipe(self) -> Recipe | None:
        """The recipe; None where there is a kernel for nothing."""
        nodes = self._nodes()
        if not any(n.tasks for n in nodes):
            return None
        order = schedule(nodes, self.values)
        self._lay_out(order, self.lasting)
        if self.layout.lasting_size > config.values["packed_limit"]:
            self._lay_out(order, frozenset())
        self.plan = Plan(tuple(self.nodes), self.layout, self.values)
        return self._recipe()

    def _lay_out(self, order: list[Node], lasting: frozenset[Symbol]) -> None:
        """The nodes in their order, and where everything lies, if what is packed of `lasting` leaves is kept."""
        nodes, kept, leaves = share_packings(order, lasting), set(self.values), {s for s in self.values if s.op is leaf}
        self.nodes, self.layout = nodes, arrange(nodes, kept, leaves)
        budget = config.values["memory_budget"]
        for share in _SHARES if budget else ():  # what lies in the arena does not fill it without gaps
            if self.layout.size <= budget:
                return
            fewer = within(nodes, kept, int(budget * share))
            layout = arrange(fewer, kept, leaves)
            if layout.size < self.layout.size:
                self.nodes, self.layout = fewer, layout

    def _nodes(self) -> list[Node]:
        """The nodes of the plan. Groups that have no kernel are left to the reference tier, member by member."""
        refused: set[Symbol] = set()
        while True:
            planner = Planner(self.order, self.values, fusable, value_of, self.target, frozenset(refused), self.lasting, self.steady)
            nodes = planner.plan()
            native.prepare(t.text for n in nodes for t in n.tasks)
            failed = set(planner.failed)
            for n in nodes:
                if n.tasks and not all(_compiles(t) for t in n.tasks):
                    failed |= set(n.writes) | {i for s in n.writes if s.op is item for i in s.inputs}
                    failed |= {m for s in n.writes if s in planner.fusion.group_of for m in planner.fusion.group_of[s].members}
            if not failed - refused:
                self.multiplied = planner.multiplied
                return nodes
            refused |= failed

    # --- cells ------------------------------------------------------------------------------------------------------------------

    def _cell(self, s: Symbol) -> int:
        """The cell of a value."""
        return self.cell.setdefault(s, len(self.cell) + CELLS)

    def _pointer(self, at: At) -> tuple[int, int]:
        """A cell and an offset."""
        at = At(self.layout.homes.get(at.base, at.base), at.offset)  # type: ignore[arg-type]
        if at.base in self.layout.lasting:
            return PACKED, self.layout.lasting[at.base] + at.offset
        inside = self.layout.offsets.get(at.base)
        return (ARENA, inside + at.offset) if inside is not None else (self._cell(at.base), at.offset)  # type: ignore[arg-type]

    # --- tables -----------------------------------------------------------------------------------------------------------------

    def _recipe(self) -> Recipe:
        stepped = {i: None for n in self.nodes if n.step is not None for i in n.reads}
        by_kernels = {s for n in self.nodes if n.step is None for s in n.writes}
        records = self._records()
        made = [s for s in dict.fromkeys(self.values) if s in by_kernels]
        index = {s: k for k, s in enumerate(made)}
        donors = self.layout.donors
        values = self._values(index)
        called = tuple(
            ("leaf", s.attrs[0], self._cell(s)) if s.op is leaf or s.op is number else ("made", index[s], self._cell(s))
            for s in stepped
            if s.op is leaf or s.op is number or s in index
        )
        views = tuple(
            (self._cell(s), self.layout.offsets[s], s.shape, s.dtype.numpy, size_of(s)) for s in stepped if s in self.layout.offsets
        )
        return Recipe(
            steps=tuple(n.label for n in self.nodes),
            kernels=tuple(self.kernels),
            records=records,
            pool=self.pool,
            numbers=self.numbers,
            floats=self.floats,
            integers=self.integers,
            parts=self.parts,
            made=tuple((s.shape, s.dtype.numpy, size_of(s) >= _LARGE, donors[s].attrs[0] if s in donors else -1) for s in made),
            values=values,
            called=called,
            views=views,
            slots=[(s.attrs[0], c) for s, c in self.cell.items() if s.op is leaf],
            results=[(index[s], c) for s, c in self.cell.items() if s in index],
            cells=len(self.cell) + CELLS,
            arena=self.layout.size,
            scratch=self.scratch,
            lasting=self.layout.lasting_size,
            firm=self.firm,
            weights=_leaves(self.nodes[0].reads if self.layout.lasting_size else ()),
            multiplied=_leaves(() if self.layout.lasting_size or self.lasting else self.multiplied),
        )

    def _records(self) -> list[tuple[int, ...]]:
        """The records, and in `self` what their pointers and numbers are, and the parts that they make."""
        for_memory = {at.base for n in self.nodes for t in n.tasks for at in pointers_of(t)}
        last = {s: k for k, n in enumerate(self.nodes) for s in n.reads}
        kept = set(self.values)
        parts: list[Part] = []
        self.kernels: dict[str, int] = {}
        self.pool: list[tuple[int, int]] = []
        self.numbers: list[int] = []
        self.floats: list[tuple[int, int]] = []
        self.integers: list[tuple[int, int]] = []
        self.scratch, self.firm, work = 0, -1, 0
        records: list[tuple[int, ...]] = []
        for k, n in enumerate(self.nodes):
            if self.firm < 0 and any(s in self.layout.donors for s in n.writes):
                self.firm = len(records)
            if n.step is not None:
                free = tuple(self._cell(i) for i in n.reads if last[i] == k and i not in kept)
                dtype = n.step.dtype.numpy if n.step in for_memory else None
                call, inputs = reference.call_of(n.step), tuple(map(self._cell, n.reads))
                parts.append(Part(0, 0, False, call, inputs, self._cell(n.step), free, dtype))
                continue
            for t in n.tasks:
                kernel = self.kernels.setdefault(native.name_of(t.text), len(self.kernels))
                records.append((kernel, len(self.pool), len(self.numbers), t.count, t.grain, max(1, t.work // _CHUNK)))
                self.pool += [self._pointer(at) for at in pointers_of(t)]
                if t.refuse is not None:
                    self.pool.append((0, -1))  # the status
                for x in numbers_of(t):
                    if isinstance(x, Symbol):
                        (slot, kind), index = x.attrs, len(self.numbers)
                        self.floats.append((slot, index)) if kind == "float" else self.integers.append((index, slot))
                    self.numbers.append(0 if isinstance(x, Symbol) else x)
                self.scratch = max(self.scratch, t.scratch)
            more = sum(t.work for t in n.tasks)
            goes_on = parts and parts[-1].call is None and work + more < _STRETCH
            goes_on = goes_on and not self.nodes[k - 1].lasts
            first = parts.pop().first if goes_on else len(records) - len(n.tasks)
            work = work + more if goes_on else more
            if len(records) > first:
                parts.append(Part(first, len(records), work >= _SHARED))
        self.parts = tuple(parts[1:] if self.nodes[0].lasts else parts)
        return records

    def _values(self, index: dict[Symbol, int]) -> tuple[tuple[int, int, Any, int], ...]:
        """How each output is had: from what kernels made, from a leaf (as ~slot), or from a call; a second time only as a copy.

        NEVER copied is a leaf only where the caller gives it up.
        """
        seen: set[Symbol] = set()
        found = []
        for s, o in zip(self.values, self.outputs, strict=True):
            fresh = s not in seen
            seen.add(s)
            if s in index:
                found.append((index[s], -1, None, reference.NEVER if fresh else reference.SHARES))
            elif s.op is leaf or s.op is number:
                found.append((-1, ~s.attrs[0], o.dtype.numpy, reference.NEVER if fresh else reference.SHARES))
            else:
                found.append((-1, self._cell(s), o.dtype.numpy, reference.UNKNOWN if fresh else reference.SHARES))
        return tuple(found)


def _leaves(symbols: tuple[Symbol, ...]) -> tuple[Leaf, ...]:
    return tuple((s.attrs[0], s.type) for s in symbols)


def _compiles(task: Task) -> bool:
    """Whether LLVM takes the text of a kernel."""
    try:
        native.addresses(task.text)
        return True
    except RuntimeError as error:
        if config.values["debug"]:
            print(f"powerhouse: no kernel: {error}", file=sys.stderr)
        return False
