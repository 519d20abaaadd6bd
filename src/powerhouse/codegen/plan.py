"""The plan of a program: which kernels and calls run in which order, and where each value lies.

    symbols -> nodes (`Planner`) -> an order (`schedule`) -> places in one arena (`arrange`)

A **node** is one kernel group, one lowered op, or one symbol that is left to the reference tier. Values that nodes write are *bases*;
views of them (strides and an offset) need no node where their readers can follow strides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from math import prod
from typing import NamedTuple

from ..core.shapes import contiguous_strides
from ..graph.op import item, leaf, number
from ..graph.symbol import Symbol
from . import (  # noqa: F401 -- each declares how its ops are lowered
    attention,
    attention_gradient,
    conv,
    conv_weight,
    gathering,
    gemm,
    mixing,
    movement,
    pooling,
    scans,
)
from .emit import can_emit, emit_epilogue, same_steps
from .emit import lower as lower_group
from .fuse import KINDS, Fusion, Group, fuse, peel, place_of
from .lowering import LOWERINGS, WITH_EPILOGUE
from .target import Target
from .task import At, Lowering, Place, Task, Temp, moved, numbers_of, pointers_of, reads_of, writes_of
from .values import Unsupported

ALIGN = 64
_WEIGHTY = 1 << 14  # bytes of an operand from which it may pay to keep it packed
_PRODUCTS = ("batched_matmul", "conv", "conv_input_gradient")  # ops whose operands may be packed


class Node(NamedTuple):
    """Tasks (in order), or one symbol for the reference tier; the bases (or, there, the inputs) it reads, and those it writes.

    `in_place` pairs a base that is written with one that is read at the same elements only.
    """

    tasks: Lowering
    step: Symbol | None
    reads: tuple[Symbol, ...]
    writes: tuple[Symbol, ...]
    label: str
    in_place: tuple[tuple[Symbol, Symbol], ...] = ()
    group: Group | None = None  # that the tasks are
    lasts: bool = False  # what the tasks pack stays from run to run


def size_of(s: Symbol) -> int:
    """Bytes of a value."""
    return s.numel * s.dtype.numpy.itemsize if s.shape is not None else 0


def fusable(s: Symbol) -> bool:
    """Whether a pointwise op or reduction can be a member of a kernel."""
    if s.dtype not in KINDS or any(i.dtype not in KINDS for i in s.inputs):
        return False
    return s.op.name.startswith("reduce_") or can_emit(s)


class Planner:
    """Makes the nodes that `outputs` need. `refused` symbols are left to the reference tier; `fusable` says which a kernel may hold.

    `lasting` leaves have been the same run after run, `steady` ones are expected to be.
    """

    def __init__(
        self,
        order: list[Symbol],
        outputs: list[Symbol],
        fusable: Callable[[Symbol], bool],
        value_of: Callable[[Symbol], Symbol],
        target: Target,
        refused: frozenset[Symbol] = frozenset(),
        lasting: frozenset[Symbol] = frozenset(),
        steady: frozenset[Symbol] = frozenset(),
    ) -> None:
        self.outputs, self.value_of, self.target, self.refused = outputs, value_of, target, refused
        self.lasting, self.steady = lasting, steady
        self.kept = frozenset(outputs)
        self.places_pieces = True
        self.fusion: Fusion = fuse(order, outputs, lambda s: s not in refused and fusable(s), value_of)
        self.order = order
        operands = [(s.op, self._place(value_of(i))) for s in order if s.op.name in _PRODUCTS for i in s.inputs[:2]]
        self.again = frozenset(place for (_, place), count in Counter(operands).items() if count > 1)  # several products read them so
        self.multiplied = tuple(dict.fromkeys(p.base for _, p in operands if p.base.op is leaf and size_of(p.base) >= _WEIGHTY))
        self.failed: set[Symbol] = set()  # members of groups that could not be emitted
        self._kernels: dict[int, Node | None] = {}
        self._lowered: dict[Symbol, Lowering | None] = {}
        self.nodes: dict[Symbol, Node] = {}  # by each base written
        self.inside: dict[Symbol, At] = {}  # bases that are written where they are a piece of another: the operands of a concatenation
        self.wholes: dict[Symbol, Node] = {}  # such concatenations

    def plan(self) -> list[Node]:
        """The nodes, each after those that it reads."""
        nodes = self._ordered()
        if self.failed:
            return nodes  # to be planned again without them
        if any(i in self.inside for n in nodes if n.step is not None for i in n.reads):  # a call wants an array: no piece of one
            self.nodes, self.inside, self.wholes, self.places_pieces = {}, {}, {}, False
            nodes = self._ordered()
        nodes = self._with_epilogues(nodes)
        return [_moved(n, self.inside) for n in nodes] if self.inside else nodes

    def _with_epilogues(self, nodes: list[Node]) -> list[Node]:
        """The nodes, where a group that goes on with a result while it is in the cache is part of the node that makes the result.

        What else such a group reads must have been made before that node: it stays where it is in the order.
        """
        position = {s: k for k, n in enumerate(nodes) for s in n.writes}
        readers: dict[Symbol, list[int]] = {}
        for k, n in enumerate(nodes):
            for s in n.reads:
                readers.setdefault(s, []).append(k)
        merged: dict[int, Node] = {}
        for k, n in enumerate(nodes):
            if n.label not in WITH_EPILOGUE or len(n.writes) != 1:
                continue
            (result,) = n.writes
            for r in readers.get(result, ()):
                group = nodes[r].group
                ready = all(i is result or position.get(i, -1) < k for i in nodes[r].reads)
                if group is not None and ready and r not in merged and (whole := self._merged(result, group)) is not None:
                    if len(readers[result]) == 1 and result not in self.kept and result not in self.inside:
                        whole = _overlaid(whole, result, group, self.kept)
                    merged[k], merged[r] = whole, Node((), None, (), (), "")
                    break
        return [n for k, old in enumerate(nodes) if (n := merged.get(k, old)).writes]

    def _merged(self, result: Symbol, group: Group) -> Node | None:
        length = prod(result.shape[2:]) if result.op.name.startswith("conv") else None
        try:
            epilogue = emit_epilogue(group, result, self.fusion.scalars, self.value_of, self.target, length)
        except Unsupported:
            return None
        lowering = LOWERINGS[result.op.name](result, self.place, epilogue) if epilogue is not None else None
        if lowering is None:
            return None
        label = "+".join(dict.fromkeys((result.op.name, *(s.op.name for s in group.members))))
        operands = {at.base for t in lowering for at in t.reads}  # read elsewhere than at the epilogue's elements
        return _lowered_node(label, lowering, tuple((o, i) for o, i in _in_place(group, self.kept) if i not in operands))

    def _ordered(self) -> list[Node]:
        """The nodes that the outputs need. A group that needs itself, by way of others, counts as one that could not be emitted."""
        found: list[Node] = []
        waiting: dict[Symbol, Node] = {}  # what is written by nodes whose needs are being looked for
        stack: list[tuple[Symbol, bool]] = [(s, False) for s in reversed(self.outputs)]
        while stack:
            s, ready = stack.pop()
            if s in self.nodes or s.op is leaf or s.op is number:
                continue
            node = self._node(s)
            if s in waiting and not ready:
                groups = [n.group for n in (node, *waiting.values()) if n.group is not None]
                self.failed.update(groups[0].members)
                return found
            needs = [] if ready else [i for i in node.reads if i not in self.nodes and i.op is not leaf and i.op is not number]
            needs.sort(key=size_of)  # small ones first: they are there when a large one is made, and can be part of its epilogue
            if needs:
                waiting.update(dict.fromkeys(node.writes, node))
                stack.append((s, True))
                stack.extend((i, False) for i in reversed(needs))
                continue
            found.append(node)
            for o in node.writes:
                waiting.pop(o, None)
            self.nodes.update(dict.fromkeys(node.writes, node))
        return found

    # --- what computes a symbol ---------------------------------------------------------------------------------------------------

    def _node(self, s: Symbol) -> Node:
        group = self.fusion.group_of.get(s)
        node = self._group_node(group) if group is not None else None
        if node is not None and s in node.writes:
            return node
        if s in self.wholes:
            return self.wholes[s]
        if s.op.name == "concat" and self.places_pieces and (pieces := self._pieces(s)):
            self.inside |= pieces
            return self.wholes.setdefault(s, Node((), None, tuple(pieces), (s,), s.op.name))
        origin = s.inputs[0] if s.op is item else s
        lowering = self._lower(origin)
        if lowering is not None:
            return _lowered_node(origin.op.name, lowering, self._overwritten(origin))
        return Node((), s, tuple(self.value_of(i) for i in s.inputs), (s,), s.op.name)

    def _pieces(self, s: Symbol) -> dict[Symbol, At]:
        """The operands of a concatenation, where each can be written in its place at once; none, if one of them cannot."""
        pieces: dict[Symbol, At] = {}
        offset = 0
        for i in map(self.value_of, s.inputs):
            whole_rows = s.shape[: s.attrs[0]].count(1) == s.attrs[0]
            if not whole_rows or i in pieces or i in self.inside or i in self.kept or not self._by_tasks(i):
                return {}
            pieces[i] = At(s, offset)
            offset += size_of(i)
        return pieces

    def _by_tasks(self, i: Symbol) -> bool:
        """Whether tasks write a base."""
        return i.op is not leaf and i.op is not number and i not in self.fusion.scalars and bool(self._node(i).tasks)

    def _group_node(self, group: Group) -> Node | None:
        if id(group) not in self._kernels:
            try:
                lowering = lower_group(group, self.fusion.scalars, self.value_of, self.target)
            except Unsupported:
                lowering = ()
            if not lowering:
                self.failed.update(group.members)
            self._kernels[id(group)] = _group_node(group, lowering, self.kept) if lowering else None
        return self._kernels[id(group)]

    def _lower(self, s: Symbol) -> Lowering | None:
        if s not in self._lowered:
            lower = LOWERINGS.get(s.op.name) if s not in self.refused else None
            self._lowered[s] = lower(s, self.place) if lower is not None else None
        return self._lowered[s]

    def _overwritten(self, s: Symbol) -> tuple[tuple[Symbol, Symbol], ...]:
        """A write to a part of a tensor can be done in its memory, if no other operand lies there."""
        if s.op.overwrite is None:
            return ()
        whole, *others = [self.place(i) for i in s.inputs]
        is_whole = whole.offset == 0 and whole.base.shape == s.shape and same_steps(whole.strides, contiguous_strides(s.shape), s.shape)
        return ((s, whole.base),) if is_whole and all(o.base is not whole.base for o in others) else ()

    def place(self, i: Symbol) -> Place:
        """Where the elements of an input lie. Numbers are in no memory: a tensor that is made of one is a base of its own."""
        i = self.value_of(i)
        found = self._place(i)
        again, at_once = found in self.again, found.base in self.steady
        return found._replace(again=again or found.base in self.lasting, at_once=again or at_once)

    def _place(self, i: Symbol) -> Place:
        found = place_of(i, self.value_of)
        if found is None or found.base in self.fusion.scalars or found.base.op is number:
            return Place(i, contiguous_strides(i.shape), 0)
        return found


def _moved(n: Node, inside: dict[Symbol, At]) -> Node:
    """A node whose tasks find pieces inside the whole."""

    def home(at: At) -> At:
        while at.base in inside:
            whole = inside[at.base]  # type: ignore[index]
            at = At(whole.base, whole.offset + at.offset)
        return at

    tasks = tuple(moved(t, home) if any(at.base in inside for at in pointers_of(t)) else t for t in n.tasks)
    free = tuple((o, i) for o, i in n.in_place if o not in inside and i not in inside)
    return n._replace(tasks=tasks, in_place=free)


def _group_node(group: Group, lowering: Lowering, kept: frozenset[Symbol]) -> Node:
    label = "+".join(dict.fromkeys(s.op.name for s in group.members))
    return _lowered_node(label, lowering, _in_place(group, kept) if len(lowering) == 1 else ())._replace(group=group)


def _overlaid(n: Node, result: Symbol, group: Group, kept: frozenset[Symbol]) -> Node:
    """A node with an epilogue whose first output of the result's size lies where the result did, which nobody else reads.

    Not an output that can take over a leaf: the result would overwrite the leaf before the epilogue reads it.
    """
    if group.dims:
        return n
    heirs = {o for o, i in n.in_place if i.op is leaf and o in kept}
    fits = (o for o in group.outputs if o.numel == result.numel and o.dtype.numpy.itemsize == result.dtype.numpy.itemsize)
    over = next((o for o in fits if o not in heirs), None)
    if over is None:
        return n
    moved = _moved(n, {result: At(over)})
    in_place = tuple((o, i) for o, i in n.in_place if o is not over and i is not result)
    return moved._replace(writes=tuple(s for s in n.writes if s is not result), in_place=in_place)


def _in_place(group: Group, kept: frozenset[Symbol]) -> tuple[tuple[Symbol, Symbol], ...]:
    """Pairs (output, input) that may share memory: where nothing is reduced, and the input is read at the output's elements only.

    What is kept is the caller's: it best takes the place of a leaf, which is the caller's too.
    """
    if group.dims:
        return ()
    whole = contiguous_strides(group.domain)
    aligned: dict[Symbol, bool] = {}
    for i, place in group.places.items():
        same = i.shape == place.base.shape == group.domain and place.offset == 0 and same_steps(place.strides, whole, group.domain)
        aligned[place.base] = aligned.get(place.base, True) and same
    free = [b for b, same in aligned.items() if same]
    pairs = []
    for o in group.outputs:
        fits = [b for b in free if b.dtype.numpy.itemsize == o.dtype.numpy.itemsize]
        match = min(fits, key=lambda b: (b.op is leaf) is not (o in kept), default=None)
        if match is not None and o.shape == group.domain:
            free.remove(match)
            pairs.append((o, match))
    return tuple(pairs)


def _lowered_node(label: str, lowering: Lowering, in_place: tuple[tuple[Symbol, Symbol], ...] = ()) -> Node:
    reads: dict[Symbol, None] = {}
    writes: dict[Symbol, None] = {}
    for task in lowering:
        reads.update(dict.fromkeys(at.base for at in reads_of(task) if isinstance(at.base, Symbol)))
        writes.update(dict.fromkeys(at.base for at in writes_of(task) if isinstance(at.base, Symbol)))
        reads.update(dict.fromkeys(n for n in numbers_of(task) if isinstance(n, Symbol)))
    shared = tuple(pair for pair in in_place if pair[1] in reads)
    return Node(lowering, None, tuple(r for r in reads if r not in writes), tuple(writes), label, shared)


# --- order ------------------------------------------------------------------------------------------------------------------------


def schedule(nodes: list[Node], kept: Iterable[Symbol]) -> list[Node]:
    """An order that needs little memory: of the nodes that could run, the one first that frees the most bytes for those it takes.

    Nodes that may refuse (a bad index) and what they need come first, as written: behind the last of them, memory that belongs to the
    caller can be overwritten.
    """
    made = {s: k for k, n in enumerate(nodes) for s in n.writes}
    readers: dict[Symbol, set[int]] = {}
    for k, n in enumerate(nodes):
        for s in n.reads:
            readers.setdefault(s, set()).add(k)
    kept = set(kept)
    waiting = [len({made[s] for s in n.reads if s in made}) for n in nodes]
    heap: list[tuple[int, int]] = []
    price = [0] * len(nodes)

    def push(k: int) -> None:
        freed = sum(size_of(s) for s in nodes[k].reads if s not in kept and s in made and readers[s] == {k})
        price[k] = sum(size_of(s) for s in nodes[k].writes) - freed
        heappush(heap, (price[k], k))

    for k, count in enumerate(waiting):
        if not count:
            push(k)
    done: list[Node] = []
    finished = [False] * len(nodes)
    while heap:
        cost, k = heappop(heap)
        if finished[k] or cost != price[k]:
            continue
        finished[k] = True
        done.append(nodes[k])
        for s in nodes[k].reads:
            if s in made:
                readers[s].discard(k)
                if len(readers[s]) == 1:
                    (last,) = readers[s]
                    if not waiting[last]:
                        push(last)
        ready = {r for s in nodes[k].writes for r in readers.get(s, ())}
        for r in ready:
            waiting[r] -= 1
            if not waiting[r]:
                push(r)
    return done


def layers_of(order: list[Symbol], value_of: Callable[[Symbol], Symbol]) -> int:
    """How many layers with weights there seem to be: products and convolutions that read a leaf, each another one."""
    leaves = [{b for i in s.inputs[:2] if (b := peel(i, value_of)[0]).op is leaf} for s in order if s.op.name in _PRODUCTS]
    return min(sum(map(bool, leaves)), len(set().union(*leaves)))


def only_multiplied(order: list[Symbol], value_of: Callable[[Symbol], Symbol]) -> frozenset[Symbol]:
    """Leaves that matrix products read, or views of them, and nothing else."""
    read: dict[bool, set[Symbol]] = {True: set(), False: set()}  # by whether products read them
    for s in order:
        if s.op.layout is None:
            read[s.op.name == "batched_matmul"] |= {peel(i, value_of)[0] for i in s.inputs}
    return frozenset(s for s in read[True] - read[False] if s.op is leaf)


def share_packings(nodes: list[Node], lasting: frozenset[Symbol]) -> list[Node]:
    """The nodes, in order, where no operand is packed twice in the same way; what is packed of `lasting` leaves is a node at the start."""
    packed: dict[tuple[object, ...], Temp] = {}
    instead: dict[Temp, Temp] = {}  # of those that are not written any more
    first: list[Task] = []
    found = []
    for n in nodes:
        tasks = []
        for t in n.tasks:
            if t.packs:
                (own,) = (at.base for at in t.writes)
                assert isinstance(own, Temp)
                shared = packed.setdefault((t.text, t.reads, t.numbers), own)
                if shared is not own:
                    instead[own] = shared
                else:
                    (first if t.reads[0].base in lasting else tasks).append(t)
                continue
            if instead and any(at.base in instead for at in t.reads):
                t = t._replace(reads=tuple(At(instead.get(at.base, at.base), at.offset) for at in t.reads))  # type: ignore[call-overload]
            tasks.append(t)
        found.append(n._replace(tasks=tuple(tasks)) if len(tasks) < len(n.tasks) or instead else n)
    if first:
        reads = dict.fromkeys(at.base for t in first for at in t.reads if isinstance(at.base, Symbol))
        found.insert(0, Node(tuple(first), None, tuple(reads), (), "pack weights", lasts=True))
    return found


# --- memory -----------------------------------------------------------------------------------------------------------------------


class Arena:
    """Offsets in one block of memory: pieces are taken and given back; neighbours that are free are one."""

    def __init__(self) -> None:
        self.free: list[tuple[int, int]] = []  # (offset, bytes), in order
        self.top = 0

    def take(self, count: int) -> int:
        """The offset of a free piece, the smallest that fits."""
        count = max(ALIGN, -(-count // ALIGN) * ALIGN)
        fits = [(n, k) for k, (_, n) in enumerate(self.free) if n >= count]
        if not fits:
            if self.free and sum(self.free[-1]) == self.top:  # the last piece can be made longer
                at, n = self.free.pop()
            else:
                at, n = self.top, 0
            self.top = at + count
            return at
        n, k = min(fits)
        at = self.free[k][0]
        self.free[k : k + 1] = [(at + count, n - count)] if n > count else []
        return at

    def give(self, at: int, count: int) -> None:
        """A piece is free again."""
        count = max(ALIGN, -(-count // ALIGN) * ALIGN)
        k = next((k for k, (a, _) in enumerate(self.free) if a > at), len(self.free))
        if k < len(self.free) and at + count == self.free[k][0]:
            count += self.free.pop(k)[1]
        if k and sum(self.free[k - 1]) == at:
            k -= 1
            at, count = self.free[k][0], count + self.free.pop(k)[1]
        self.free.insert(k, (at, count))


class Layout(NamedTuple):
    """Where values lie: offsets in the arena of bases and temporaries; for bases that have memory of their own, the leaves whose memory
    they may take over if the caller gives it up; bases that lie where another does that is made from them in place; and offsets in the
    memory of what stays from run to run."""

    offsets: dict[Symbol | Temp, int]
    size: int
    donors: dict[Symbol, Symbol]
    homes: dict[Symbol, Symbol]
    lasting: dict[Symbol | Temp, int]
    lasting_size: int


def arrange(nodes: list[Node], kept: set[Symbol], leaves_kept: set[Symbol]) -> Layout:
    """The memory plan. `kept` bases are the caller's, in memory of their own; `leaves_kept` leaves may not be overwritten."""
    touched = [_touched(n) for n in nodes]
    last = {s: k for k, bases in enumerate(touched) for s in bases}
    firm = max((k for k, n in enumerate(nodes) if any(t.refuse for t in n.tasks)), default=-1)
    holders = _held_by_steps(nodes, last, kept)
    homes = _homes(nodes, kept, last, holders)
    arena, lasting = Arena(), Arena()
    stays: dict[Symbol | Temp, int] = {}
    for temp, _ in temps_of(n for n in nodes if n.lasts):
        stays[temp] = lasting.take(temp.bytes)
    ends = dict(temps_of(nodes))
    offsets: dict[Symbol | Temp, int] = {}
    donors: dict[Symbol, Symbol] = {}
    given: set[Symbol] = set()
    dying: dict[int, list[Symbol]] = {}
    for s, k in last.items():
        dying.setdefault(max(k, holders.get(s, 0)), []).append(s)
    for k, n in enumerate(nodes):
        moved: dict[Symbol, Symbol] = {}
        for o, i in n.in_place:
            if last.get(i) == k and i not in given and homes.get(i) is not homes.get(o, o):
                home = homes.get(o, o)
                if home in kept and i.op is leaf and i.dtype is home.dtype and i not in leaves_kept and k > firm:
                    donors[home] = i
                    given.add(i)
                elif home not in kept and i in offsets and holders.get(i, 0) <= k:
                    moved[o] = i
        for s in written_by(n):
            if s not in offsets and s not in kept and s not in homes:
                offsets[s] = offsets[moved[s]] if s in moved else arena.take(size_of(s))
        temps = [temp for temp, _ in temps_of([n]) if temp not in stays]
        for temp in temps:
            if temp not in offsets:
                offsets[temp] = arena.take(temp.bytes)
        for temp in temps:
            if ends[temp] == k:
                arena.give(offsets[temp], temp.bytes)
        taken_over = set(moved.values())
        for s in dying.get(k, ()):
            if s in offsets and s not in taken_over:
                arena.give(offsets[s], size_of(s))
    return Layout(offsets, arena.top, donors, homes, stays, lasting.top)


def temps_of(nodes: Iterable[Node]) -> Iterator[tuple[Temp, int]]:
    """The temporaries that tasks touch, with the index of the node, in order."""
    for k, n in enumerate(nodes):
        for temp in dict.fromkeys(at.base for t in n.tasks for at in pointers_of(t) if isinstance(at.base, Temp)):
            yield temp, k


def _homes(nodes: list[Node], kept: set[Symbol], last: dict[Symbol, int], holders: dict[Symbol, int]) -> dict[Symbol, Symbol]:
    """Results that die where one of the caller's is made from them in place: they can lie there from the beginning."""
    by_tasks = {s for n in nodes if n.step is None for s in n.writes} - {s for n in nodes if n.step is not None for s in n.reads}
    homes: dict[Symbol, Symbol] = {}
    taken: set[Symbol] = set()
    for k, n in reversed(list(enumerate(nodes))):
        for o, i in n.in_place:
            home = homes.get(o, o)
            free = i in by_tasks and i not in kept and i not in homes and last.get(i) == k and holders.get(i, 0) <= k
            if home in kept and o not in taken and free and i.dtype is home.dtype and i.numel == home.numel:
                homes[i] = home
                taken.add(o)
    return homes


def _touched(n: Node) -> tuple[Symbol, ...]:
    """The bases whose memory a node reads or writes."""
    bases = [at.base for t in n.tasks for at in pointers_of(t) if isinstance(at.base, Symbol)]
    return tuple(dict.fromkeys((*bases, *n.reads, *n.writes)))


def written_by(n: Node) -> dict[Symbol, None]:
    """The bases that a node's tasks write to, themselves or a piece of them."""
    return dict.fromkeys(at.base for t in n.tasks for at in writes_of(t) if isinstance(at.base, Symbol))


def _held_by_steps(nodes: list[Node], last: dict[Symbol, int], kept: set[Symbol]) -> dict[Symbol, int]:
    """How long bases must stay that calls of the reference tier read: their results may be views of them."""
    holders: dict[Symbol, int] = {}
    for n in reversed(nodes):
        if n.step is not None:
            until = max(len(nodes) if s in kept else max(last[s], holders.get(s, 0)) for s in n.writes)
            for s in n.reads:
                holders[s] = max(holders.get(s, 0), until)
    return holders


__all__ = [
    "Arena",
    "Layout",
    "Node",
    "Planner",
    "arrange",
    "fusable",
    "layers_of",
    "only_multiplied",
    "schedule",
    "share_packings",
    "size_of",
    "temps_of",
    "written_by",
]
