"""The native tier: a segment's program as a list of kernels, with calls of the reference tier between them where there is no kernel."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..codegen.cost import flops_of
from ..codegen.emit import can_emit
from ..codegen.fuse import KINDS, peel
from ..codegen.plan import Layout, Node, Planner, arrange, schedule, share_packings, size_of
from ..codegen.simplify import simplify, turn_products
from ..codegen.task import At, Task, numbers_of, pointers_of
from ..core import config
from ..core.errors import OutOfMemoryError
from ..core.forking import renew_in_child
from ..graph.op import item, leaf, number
from ..graph.symbol import Symbol
from ..runtime import memory, native, objects, reference, team
from ..runtime.reference import order_of, value_of
from ..runtime.watch import NO_WATCH, Often, Watch, Weights

_CHUNK = 1 << 15  # work that is worth a chunk of its own
_LARGE = 1 << 14  # bytes of a result from which its memory is had from a leaf, or used again: below, a new array costs less
_SHARED = 1 << 19  # work from which a program is shared by the team
_SPEED = 1e5  # FLOPs a microsecond
_WORTH = 60.0  # microseconds, as estimated, from which the tier "auto" compiles a program


def fusable(s: Symbol) -> bool:
    """Whether a pointwise op or reduction can be a member of a kernel."""
    if s.dtype not in KINDS or any(i.dtype not in KINDS for i in s.inputs):
        return False
    return s.op.name.startswith("reduce_") or can_emit(s)


def program(
    outputs: tuple[Symbol, ...], lasting: frozenset[Symbol] = frozenset(), is_inference: bool = False, is_often_run: bool = False
) -> Any:
    """The program that computes `outputs`. It keeps what it packs of `lasting` leaves as long as they are the same arrays.

    With the tier "auto", a program that is cheap is left to the reference tier; in inference until it has often been run. Elsewhere
    numbers are not to depend on how often a run was interrupted.
    """
    simple = simplify(outputs)
    values = turn_products([simple[s] for s in outputs])
    order = order_of(values)
    if config.values["tier"] == "auto" and not is_often_run and _price(order) < _WORTH:
        return reference.program(outputs)._replace(watch=Often() if is_inference else NO_WATCH)
    return _Assembly(outputs, values, order, lasting).program()


def _price(order: list[Symbol]) -> float:
    """Roughly the microseconds that the reference tier takes."""
    calls = [s for s in order if s.inputs and s.op.layout is None]
    return sum(1.0 + (s.numel if s.shape is not None else 0) / 2000 for s in calls) + flops_of(calls) / _SPEED


class Part(NamedTuple):
    """A stretch of a program: records `first` to `last` for the team, or one call of the reference tier."""

    first: int
    last: int
    shared: bool
    run: Callable[..., Any] | None = None
    inputs: tuple[int, ...] = ()
    out: int = 0
    free: tuple[int, ...] = ()
    dtype: Any = None  # of a result that kernels read


class Program:
    """Native code with its tables. `run` fills in the addresses of this run's buffers and starts the team.

    A **cell** is a numbered address: the arena's, that of what is packed for all runs, a leaf's, that of an output or of an array that a
    reference call made. Each pointer of each kernel is a cell and an offset.
    """

    def __init__(self, outputs: tuple[Symbol, ...], steps: tuple[str, ...]) -> None:
        self.symbols = outputs
        self.steps = steps  # what runs, by name
        self.nodes: tuple[Node, ...] = ()  # the plan, in order: records are the tasks of its nodes
        self.results: list[Symbol] = []  # the values of the outputs, as the plan has them
        self.layout: Layout | None = None
        self.parts: tuple[Part, ...] = ()
        self.made: tuple[tuple[Any, Any, bool, int], ...] = ()  # of outputs that kernels write: shape, dtype, is it large, a donor or -1
        self.values: tuple[tuple[int, int, Any, int], ...] = ()  # (index in made or -1, cell, dtype, copy) of each output
        self.gives_made = False  # the outputs are what kernels write, in order
        self.integers: tuple[tuple[int, int], ...] = ()  # (index, slot) of numbers that are not floats
        self.called: tuple[tuple[str, int, int], ...] = ()  # ("leaf", slot, cell) or ("made", index, cell): what reference calls read
        self.views: tuple[tuple[int, int, Any, Any, int], ...] = ()  # likewise, in the arena: (cell, offset, shape, dtype, bytes)
        self.arena_size = self.scratch = self.cell_count = 0
        self.arena: Any = None
        self.code = self.numbers = self.status = self.frame = self.cells = _NONE
        self.frame_at = 0
        self.tables: tuple[Any, ...] = ()  # the memory that the frame refers to
        self.watch: Watch = NO_WATCH
        self.weights = Weights()  # the leaves of which something is kept
        self.packed: Any = None  # memory of what stays from run to run
        self.firm = 0  # records before the first that may overwrite what the caller gave up
        self.stopped: KeyboardInterrupt | None = None  # came when it was too late to stop: to be raised once the results are stored

    def run(self, leaves: Any, donate: bool = False) -> list[Any]:
        """The outputs. Errors name the op in which they arose."""
        with _running:
            return self._run(leaves, donate)

    def _run(self, leaves: list[Any], donate: bool) -> list[Any]:
        arena = memory.arena(self.arena_size)
        if arena is not self.arena:
            self.arena, self.cells[_ARENA] = arena, memory.address(arena)
        made = [
            (leaves[donor] if donor >= 0 and donate and memory.is_ours(leaves, donor) else memory.empty(shape, dtype))
            if is_large
            else memory.small(shape, dtype)
            for shape, dtype, is_large, donor in self.made
        ]
        for index, slot in self.integers:
            self.numbers[index] = leaves[slot]
        self.frame[objects.LEAVES], self.frame[objects.MADE] = id(leaves), id(made)
        fill = objects.fill()
        fill(self.frame_at)
        self.status[:3] = 0
        arrays: list[Any] = []
        try:
            if self.packed is not None and not self.weights.are(leaves):
                self._pack(leaves)
            if len(self.parts) == 1:
                part = self.parts[0]
                team.run(self.code, part.first, part.last, self.scratch, part.shared, self.status)
            else:
                arrays = self._arrays(leaves, made)
                self._run_parts(arrays, fill)
        except MemoryError as error:
            raise OutOfMemoryError(str(error)) from error
        except KeyboardInterrupt as stop:
            if not donate or self.status[_PROGRESS] <= self.firm:
                raise  # nothing that the caller holds has been overwritten: the program can be run again
            self._run_parts(arrays, fill)
            self.stopped = stop
        if self.status[0]:
            return reference.program(self.symbols).run(leaves, False)  # says what is wrong
        if self.gives_made:
            return made
        return [
            (made[k] if copy == reference.NEVER else made[k].copy())
            if k >= 0
            else reference.owned(arrays[cell], dtype, copy)
            if cell >= 0
            else _taken(leaves, ~cell, dtype, donate and copy == reference.NEVER)
            for k, cell, dtype, copy in self.values
        ]

    def _pack(self, leaves: list[Any]) -> None:
        """Pack weights, and remember which they were."""
        first = self.parts[0].first
        self.weights.forget()
        team.run(self.code, 0, first, self.scratch, True, self.status)
        self.weights.remember(leaves)

    def _arrays(self, leaves: list[Any], made: list[Any]) -> list[Any]:
        """What calls of the reference tier read, by cell."""
        arrays: list[Any] = [None] * self.cell_count
        for kind, index, cell in self.called:
            arrays[cell] = leaves[index] if kind == "leaf" else made[index]
        for cell, offset, shape, dtype, count in self.views:
            arrays[cell] = self.arena[offset : offset + count].view(dtype).reshape(shape)
        return arrays

    def _run_parts(self, arrays: list[Any], fill: Any) -> None:
        """Kernels and calls of the reference tier, in turn; those that have been run are passed over."""
        status = self.status
        with np.errstate(all="ignore"):
            for k, part in enumerate(self.parts):
                if part.run is None:
                    if part.last > status[_PROGRESS]:
                        team.run(self.code, part.first, part.last, self.scratch, part.shared, status)
                    if status[0]:
                        return
                elif k >= status[_CALLED]:
                    result = part.run(*[arrays[i] for i in part.inputs])
                    if part.dtype is not None:
                        result = np.ascontiguousarray(result, part.dtype).reshape(np.shape(result))
                        self.cells[part.out] = memory.address(result)
                        fill(self.frame_at)
                    arrays[part.out] = result
                    status[_CALLED] = k + 1
                    for i in part.free:
                        arrays[i] = None

    def salvage(self, leaves: Sequence[Any], donated: bool) -> list[Any]:
        """The outputs after `run` has failed: where an op that an output needs fails, its exception stands for it."""
        return reference.program(self.symbols).salvage(leaves, False)


_NONE = np.zeros(0, np.int64)
_ARENA, _PACKED, _CELLS = range(3)  # the cells of the arena and of what stays from run to run; how many cells are no value's
_PROGRESS, _CALLED = 1, 2  # words of the status: records run, parts up to the last call of the reference tier
_STRETCH = 1 << 31  # work after which the team comes back to Python, so that Ctrl-C is answered: some hundredths of a second
_running = threading.RLock()
renew_in_child(globals(), _running=threading.RLock)


def _taken(leaves: list[Any], slot: int, dtype: Any, is_given: bool) -> Any:
    """An output that is a leaf: its very buffer, if the caller gives up all leaves and nobody else holds this one."""
    if is_given and memory.is_alone(leaves, slot) and leaves[slot].flags.c_contiguous and leaves[slot].dtype == dtype:
        return leaves[slot]
    return reference.owned(leaves[slot], dtype, reference.SHARES)


def _steady(order: list[Symbol], outputs: tuple[Symbol, ...]) -> frozenset[Symbol]:
    """Leaves that are multiplied and not computed with otherwise, in a program that no gradient flows through: weights, so it seems.

    None where they would be too many to be kept packed.
    """
    if any(s.needs_grad for s in outputs):
        return frozenset()
    read: dict[bool, set[Symbol]] = {True: set(), False: set()}  # by whether products read them
    for s in order:
        if s.op.layout is None:
            read[s.op.name == "batched_matmul"] |= {peel(i, value_of)[0] for i in s.inputs}
    found = frozenset(s for s in read[True] - read[False] if s.op is leaf)
    return found if sum(map(size_of, found)) <= config.values["packed_limit"] else frozenset()


class _Assembly:
    """Puts a program together from its plan."""

    def __init__(self, outputs: tuple[Symbol, ...], values: list[Symbol], order: list[Symbol], lasting: frozenset[Symbol]) -> None:
        self.outputs, self.values, self.order, self.lasting = outputs, values, order, lasting
        self.multiplied: tuple[Symbol, ...] = ()
        self.cell: dict[Symbol, int] = {}
        self.target = native.target()
        self.steady = _steady(order, outputs)

    def program(self) -> Program | reference.Program:
        nodes = self._nodes()
        if not any(n.tasks for n in nodes):
            return reference.program(self.outputs)
        order = schedule(nodes, self.values)
        self._lay_out(order, self.lasting)
        if self.layout.lasting_size > config.values["packed_limit"]:
            self._lay_out(order, frozenset())
        return self._assemble()

    def _lay_out(self, order: list[Node], lasting: frozenset[Symbol]) -> None:
        """The nodes in their order, and where everything lies, if what is packed of `lasting` leaves is kept."""
        self.nodes = share_packings(order, lasting)
        self.layout: Layout = arrange(self.nodes, set(self.values), {s for s in self.values if s.op is leaf})

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
        return self.cell.setdefault(s, len(self.cell) + _CELLS)

    def _pointer(self, at: At) -> tuple[int, int]:
        """A cell and an offset."""
        at = At(self.layout.homes.get(at.base, at.base), at.offset)  # type: ignore[arg-type]
        if at.base in self.layout.lasting:
            return _PACKED, self.layout.lasting[at.base] + at.offset
        inside = self.layout.offsets.get(at.base)
        return (_ARENA, inside + at.offset) if inside is not None else (self._cell(at.base), at.offset)  # type: ignore[arg-type]

    # --- tables -----------------------------------------------------------------------------------------------------------------

    def _assemble(self) -> Program:
        p = Program(self.outputs, tuple(n.label for n in self.nodes))
        p.nodes, p.results, p.layout = tuple(self.nodes), self.values, self.layout
        stepped = {i: None for n in self.nodes if n.step is not None for i in n.reads}
        by_kernels = {s for n in self.nodes if n.step is None for s in n.writes}
        self._records(p)
        made = [s for s in dict.fromkeys(self.values) if s in by_kernels]
        index = {s: k for k, s in enumerate(made)}
        donors = self.layout.donors
        p.made = tuple((s.shape, s.dtype.numpy, size_of(s) >= _LARGE, donors[s].attrs[0] if s in donors else -1) for s in made)
        p.values = self._values(index)
        p.gives_made = [(k, copy) for k, _, _, copy in p.values] == [(k, reference.NEVER) for k in range(len(made))]
        p.called = tuple(
            ("leaf", s.attrs[0], self._cell(s)) if s.op is leaf or s.op is number else ("made", index[s], self._cell(s))
            for s in stepped
            if s.op is leaf or s.op is number or s in index
        )
        p.views = tuple(
            (self._cell(s), self.layout.offsets[s], s.shape, s.dtype.numpy, size_of(s)) for s in stepped if s in self.layout.offsets
        )
        p.cell_count = len(self.cell) + _CELLS
        p.arena_size = self.layout.size
        self._frame(p, index)
        if self.layout.lasting_size:
            p.packed, p.weights = memory.carved(self.layout.lasting_size), Weights(self.nodes[0].reads)
            p.cells[_PACKED] = memory.address(p.packed)
        elif not self.lasting:
            p.watch = Weights(self.multiplied, is_on=True)
        return p

    def _records(self, p: Program) -> None:
        """The code, and in `self` what its pointers and numbers are."""
        for_memory = {at.base for n in self.nodes for t in n.tasks for at in pointers_of(t)}
        last = {s: k for k, n in enumerate(self.nodes) for s in n.reads}
        kept = set(self.values)
        parts: list[Part] = []
        self.pool: list[tuple[int, int]] = []  # (cell, offset)
        self.numbers: list[int] = []
        self.floats: list[tuple[int, int]] = []  # (slot, index)
        integers: list[tuple[int, int]] = []
        records: list[list[int]] = []
        p.status, p.firm, work = np.zeros(8, np.int64), -1, 0
        for k, n in enumerate(self.nodes):
            if p.firm < 0 and any(s in self.layout.donors for s in n.writes):
                p.firm = len(records)
            if n.step is not None:
                free = tuple(self._cell(i) for i in n.reads if last[i] == k and i not in kept)
                dtype = n.step.dtype.numpy if n.step in for_memory else None
                run, inputs = reference.kernel(n.step), tuple(map(self._cell, n.reads))
                parts.append(Part(0, 0, False, run, inputs, self._cell(n.step), free, dtype))
                continue
            for t in n.tasks:
                chunks = max(1, t.work // _CHUNK)
                records.append([native.addresses(t.text)[0], len(self.pool), len(self.numbers), t.count, t.grain, chunks])
                self.pool += [self._pointer(at) for at in pointers_of(t)]
                if t.refuse is not None:
                    self.pool.append((0, -1))  # the status, see `_frame`
                for x in numbers_of(t):
                    if isinstance(x, Symbol):
                        slot, kind = x.attrs
                        (self.floats.append((slot, len(self.numbers))) if kind == "float" else integers.append((len(self.numbers), slot)))
                    self.numbers.append(0 if isinstance(x, Symbol) else x)
                p.scratch = max(p.scratch, t.scratch)
            more = sum(t.work for t in n.tasks)
            goes_on = parts and parts[-1].run is None and work + more < _STRETCH
            goes_on = goes_on and not self.nodes[k - 1].lasts
            first = parts.pop().first if goes_on else len(records) - len(n.tasks)
            work = work + more if goes_on else more
            if len(records) > first:
                parts.append(Part(first, len(records), work >= _SHARED))
        p.parts, p.integers = tuple(parts[1:] if p.nodes[0].lasts else parts), tuple(integers)
        p.code = np.array(records, np.int64).reshape(len(records), team.RECORD)

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

    def _frame(self, p: Program, index: dict[Symbol, int]) -> None:
        """The tables from which pointers and numbers are filled in."""
        slots = [(s.attrs[0], c) for s, c in self.cell.items() if s.op is leaf]
        results = [(index[s], c) for s, c in self.cell.items() if s in index]
        p.cells = np.zeros(p.cell_count + 1, np.int64)
        p.cells[-1] = memory.address(p.status)
        links = [(c, o) if o >= 0 else (p.cell_count, 0) for c, o in self.pool]
        tables = [np.array(t or [(0, 0)], np.int64) for t in (slots, results, self.floats, links)]
        counts = [len(t) for t in (slots, results, self.floats, links)]
        p.numbers = np.array([*self.numbers, 0], np.int64)
        pool = np.zeros(len(links) + 1, np.int64)
        p.code[:, 1] = memory.address(pool) + 8 * p.code[:, 1]
        p.code[:, 2] = memory.address(p.numbers) + 8 * p.code[:, 2]
        p.frame = np.zeros(objects.FRAME, np.int64)
        words = (objects.LEAF_TABLE, objects.MADE_TABLE, objects.FLOAT_TABLE, objects.LINK_TABLE)
        for word, table, count in zip(words, tables, counts, strict=True):
            p.frame[word], p.frame[word + 1] = memory.address(table), count
        p.frame[[objects.CELLS, objects.NUMBERS, objects.POOL]] = memory.address(p.cells), memory.address(p.numbers), memory.address(pool)
        p.frame_at, p.tables = memory.address(p.frame), (*tables, pool)


def _compiles(task: Task) -> bool:
    """Whether LLVM takes the text of a kernel."""
    try:
        native.addresses(task.text)
        return True
    except RuntimeError as error:
        if config.values["debug"]:
            print(f"powerhouse: no kernel: {error}", file=sys.stderr)
        return False
