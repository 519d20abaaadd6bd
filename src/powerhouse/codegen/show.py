"""Looking at a plan: what each node computes and how much that is, every pass as text, and for every pass a check of what it promises.

The checks (`check_fusion`, `check_schedule`, `check_memory`, `check_tasks`) raise `BrokenPlan`. They are written without the passes'
own helpers where that is possible, so that a mistake there is not repeated here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ..graph.op import const, leaf, number
from ..graph.symbol import Symbol
from ..graph.walk import postorder
from .fuse import Fusion, Resolve, is_view, peel
from .plan import ALIGN, Layout, Node, size_of
from .task import Temp, numbers_of, pointers_of


class BrokenPlan(RuntimeError):
    """A pass did not keep a promise: a defect of Powerhouse, not of the program that it ran."""


# --- what a node does -------------------------------------------------------------------------------------------------------------


class Content(NamedTuple):
    """What a node computes: its members, each after those that it uses, and the values from memory as the members name them (views)."""

    members: tuple[Symbol, ...]
    operands: tuple[Symbol, ...]


def content(node: Node, value_of: Resolve) -> Content:
    """The members and operands of a node: from what it writes down to what it reads."""
    if node.step is not None:
        return Content((node.step,), node.reads)
    known, written = set(node.reads) - set(node.writes), set(node.writes)

    def is_operand(s: Symbol) -> bool:
        if s in written:
            return False
        return s in known or s.op in (leaf, number, const) or (is_view(s) and peel(s, value_of)[0] in known)

    inner = postorder(node.writes, lambda s: [] if is_operand(s) else [value_of(i) for i in s.inputs])
    members = tuple(s for s in inner if not is_operand(s) and s.shape is not None and (not is_view(s) or s in written))
    return Content(members, tuple(s for s in inner if is_operand(s) and s.op not in (number, const)))


def bytes_of(node: Node, found: Content, value_of: Resolve) -> int:
    """Bytes that a node reads and writes, each element once."""
    read: dict[Symbol, int] = {}
    for i in found.operands:
        base = peel(i, value_of)[0]
        read[base] = min(size_of(base), read.get(base, 0) + size_of(i))
    return sum(read.values()) + sum(map(size_of, node.writes))


# --- text -------------------------------------------------------------------------------------------------------------------------


class Names:
    """Short names of symbols, in the order in which they are asked for."""

    def __init__(self) -> None:
        self.known: dict[Symbol | Temp, str] = {}

    def __call__(self, s: Symbol | Temp) -> str:
        """`leaf3`, `%7`, `temp2`."""
        if s not in self.known:
            if isinstance(s, Symbol) and s.op in (leaf, number):
                self.known[s] = f"{s.op.name}{s.attrs[0]}"
            else:
                self.known[s] = f"{'temp' if isinstance(s, Temp) else '%'}{len(self.known)}"
        return self.known[s]

    def typed(self, s: Symbol) -> str:
        """The name, with the type."""
        return f"{self(s)}: {type_text(s)}"


def type_text(s: Symbol) -> str:
    """`float32[2, 3]`."""
    return f"{s.dtype.name}{list(s.shape)}" if s.shape is not None else "several"


def symbol_lines(order: Iterable[Symbol], value_of: Resolve, names: Names) -> Iterator[str]:
    """A graph, one line a symbol."""
    for s in order:
        if s.op is not leaf and s.op is not number:
            arguments = ", ".join([*(names(value_of(i)) for i in s.inputs), *map(repr, s.attrs)])
            yield f"{names.typed(s)} = {s.op.name}({arguments})"


def fusion_lines(fusion: Fusion, names: Names) -> Iterator[str]:
    """The groups with what they reduce and what must be in memory."""
    for k, g in enumerate(fusion.groups):
        reduced = f", reduces dims {list(g.dims)}" if g.dims else ""
        yield f"group {k} over {list(g.domain)}{reduced}: reads {_names(g.places, names)} -> {_names(g.outputs, names)}"
        for s in g.members:
            yield f"    {names.typed(s)} = {s.op.name}{' (a row)' if s in g.rows else ''}"


def lowering_lines(nodes: Iterable[Node], names: Names) -> Iterator[str]:
    """The nodes with their tasks."""
    for n in nodes:
        kind = "NumPy" if n.step is not None else f"{len(n.tasks)} tasks" if n.tasks else "nothing to do"
        yield f"{n.label} ({kind}): {_names(n.reads, names)} -> {_names(n.writes, names)}"
        for t in n.tasks:
            more = ", epilogue" if t.epilogue else ""
            yield f"    {t.count} units in multiples of {t.grain}, work {t.work}, scratch {t.scratch}{more}, text of {len(t.text)} bytes"


def schedule_lines(nodes: Iterable[Node], names: Names) -> Iterator[str]:
    """The order, and how many bytes wait for a reader after each node."""
    nodes = list(nodes)
    last = {s: k for k, n in enumerate(nodes) for s in (*n.writes, *n.reads)}
    waiting: set[Symbol] = set()
    for k, n in enumerate(nodes):
        waiting |= set(n.writes)
        waiting = {s for s in waiting if last[s] > k}
        yield f"{k}: {n.label}, {sum(map(size_of, waiting)):,} bytes are to be read"


def memory_lines(nodes: Sequence[Node], layout: Layout, names: Names) -> Iterator[str]:
    """Who lies where in the arena, and when; which results take over the memory of a leaf."""
    yield f"arena of {layout.size:,} bytes"
    for p in _pieces(nodes, layout):
        where = "arena" if p.home is None else f"result {names(p.home)}"
        yield f"    {where:<14} {p.begin:>12,} - {p.end:>12,}  nodes {p.first} to {p.last}  {names(p.what)}"
    for o, i in layout.donors.items():
        yield f"    {names(o)} lies where {names(i)} was, if that is given up"


def _names(symbols: Iterable[Symbol], names: Names) -> str:
    return ", ".join(names(s) for s in symbols) or "nothing"


# --- checks -----------------------------------------------------------------------------------------------------------------------


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise BrokenPlan(what)


def check_fusion(fusion: Fusion, order: Iterable[Symbol], value_of: Resolve) -> None:
    """Every member is in one group; no group needs, through another, what it computes itself."""
    for k, g in enumerate(fusion.groups):
        for s in g.members:
            _require(fusion.group_of.get(s) is g, f"fusion: {s.op.name} is in group {k}, and in another")
    _require(sum(len(g.members) for g in fusion.groups) == len(fusion.group_of), "fusion: a symbol is in no group, or in one twice")
    home: dict[Symbol, object] = {}  # a group's id, or the symbol; a view is where what it views is
    for s in order:
        base = peel(s, value_of)[0]
        home[s] = id(fusion.group_of[base]) if base in fusion.group_of else base
    needs: dict[object, set[object]] = {}
    for s, at in home.items():
        needs.setdefault(at, set()).update(home[i] for i in map(value_of, s.inputs) if home[i] != at)
    done: set[object] = set()
    begun: set[object] = set()
    for start in needs:
        stack = [(start, False)]
        while stack:
            at, is_end = stack.pop()
            if is_end:
                done.add(at)
            elif at not in done:
                _require(at not in begun, "fusion: groups need each other in a cycle")
                begun.add(at)
                stack.append((at, True))
                stack += [(i, False) for i in needs[at] if i not in done]


def check_schedule(nodes: Sequence[Node], kept: Iterable[Symbol]) -> None:
    """Whatever is read has been written, once; whatever is asked for is there at the end."""
    written: set[Symbol] = set()
    for k, n in enumerate(nodes):
        for s in n.reads:
            _require(s in written or s.op in (leaf, number), f"schedule: node {k} ({n.label}) reads {s!r} before it is written")
        for s in n.writes:
            _require(s not in written, f"schedule: node {k} ({n.label}) writes {s!r} a second time")
        written.update(n.writes)
    for s in kept:
        _require(s in written or s.op in (leaf, number), f"schedule: nothing writes the result {s!r}")


class _Piece(NamedTuple):
    """Bytes that hold something from one node to another: of a result's memory, or (`home` is None) of the arena."""

    home: Symbol | None
    begin: int
    end: int
    first: int
    last: int
    what: Symbol | Temp

    def meets(self, other: _Piece) -> bool:
        """Whether some bytes are the same."""
        return self.home is other.home and self.begin < other.end and other.begin < self.end


def _pieces(nodes: Sequence[Node], layout: Layout) -> list[_Piece]:
    """All that lies somewhere by the plan's choice, in order of place. A leaf that gives up its memory was there before the first node."""
    first, last = _lives(nodes)
    found = []
    for what, at in layout.offsets.items():
        if what in first:
            size = what.bytes if isinstance(what, Temp) else size_of(what)
            found.append(_Piece(None, at, at + max(size, 1), first[what], last[what], what))
    for home in dict.fromkeys((*layout.homes.values(), *layout.donors)):
        found.append(_Piece(home, 0, size_of(home), first[home], len(nodes), home))
        found += [_Piece(home, 0, size_of(i), first[i], last[i], i) for i, own in layout.homes.items() if own is home]
        if home in layout.donors:
            donor = layout.donors[home]
            found.append(_Piece(home, 0, size_of(donor), -1, last.get(donor, -1), donor))
    return sorted(found, key=lambda p: (p.begin, p.first))


def _lives(nodes: Sequence[Node]) -> tuple[dict[Symbol | Temp, int], dict[Symbol | Temp, int]]:
    """The nodes that first and last touch each base and temporary. What a NumPy step reads lives as long as its result, a view perhaps."""
    first: dict[Symbol | Temp, int] = {}
    last: dict[Symbol | Temp, int] = {}
    for k, n in enumerate(nodes):
        for what in (*(at.base for t in n.tasks for at in pointers_of(t)), *n.reads, *n.writes):
            first.setdefault(what, k)
            last[what] = k
    for n in reversed(nodes):
        if n.step is not None:
            for i in n.reads:
                last[i] = max(last[i], *(last[s] for s in n.writes))
    return first, last


def check_memory(nodes: Sequence[Node], layout: Layout, kept: Iterable[Symbol]) -> None:
    """What is in use at the same time lies apart, but for a result in place of its operand; an overwritten leaf is not needed any more."""
    kept = set(kept)
    swaps = {(o, i) for n in nodes for o, i in n.in_place}
    open_pieces: list[_Piece] = []
    for p in _pieces(nodes, layout):
        _require(p.home is not None or p.end <= max(layout.size, ALIGN), f"memory: {p.what!r} does not lie in the arena")
        _require((p.what in kept) == (p.what is p.home), f"memory: {p.what!r} does not lie where results do, or is none and does")
        open_pieces = [q for q in open_pieces if q.end > p.begin]
        for q in filter(p.meets, open_pieces):
            a, b = (p, q) if p.first >= q.first else (q, p)  # b was there before
            apart = b.last < a.first or (b.last == a.first and (a.what, b.what) in swaps and a.begin == b.begin)
            _require(apart, f"memory: {a.what!r} lies over {b.what!r} from node {a.first} to {min(a.last, b.last)}")
        open_pieces.append(p)
    _check_donors(nodes, layout)


def _check_donors(nodes: Sequence[Node], layout: Layout) -> None:
    """Leaves are given up once, and not before it is known that no index is bad."""
    first, _ = _lives(nodes)
    firm = max((k for k, n in enumerate(nodes) if any(t.refuse for t in n.tasks)), default=-1)
    _require(len(set(layout.donors.values())) == len(layout.donors), "memory: two results take over the same leaf")
    for home, i in layout.donors.items():
        _require(i.op is leaf, f"memory: {home!r} takes over {i!r}, which is no leaf")
        begin = min(first[s] for s in (home, *(s for s, own in layout.homes.items() if own is home)))
        _require(begin > firm, f"memory: {i!r} is overwritten before all indices are known to be good")


_FUNCTION = re.compile(r"^define [^@\n]*@(\w+)\(.*?^\}", re.MULTILINE | re.DOTALL)
_POINTER = re.compile(r"ptr %pointers, i64 (\d+)")
_NUMBER = re.compile(r"ptr %numbers, i64 (\d+)")


def check_tasks(nodes: Iterable[Node]) -> None:
    """A kernel's text asks for no more pointers and numbers than the task has."""
    for n in nodes:
        for t in n.tasks:
            for name, text in _functions(t.text).items():
                more = t.epilogue if name == "epilogue" else None
                pointers = (*more.reads, *more.writes) if more else (*pointers_of(t), *((None,) if t.refuse else ()))
                numbers = more.numbers if more else numbers_of(t)
                _fits(n, name, "pointers", _POINTER, text, len(pointers))
                _fits(n, name, "numbers", _NUMBER, text, len(numbers))
            _require(t.count >= 0 and t.grain > 0, f"tasks: {n.label} has {t.count} units in multiples of {t.grain}")


def _functions(text: str) -> dict[str, str]:
    """The functions of a module that get the tables of pointers and numbers."""
    return {m[1]: m[0] for m in _FUNCTION.finditer(text) if m[1] in ("kernel", "epilogue")}


def _fits(n: Node, function: str, what: str, pattern: re.Pattern[str], text: str, count: int) -> None:
    """The end of a table may be named: where an epilogue's begins."""
    used = max((int(k) for k in pattern.findall(text)), default=-1)
    _require(used < count + (function == "kernel"), f"tasks: the {function} of {n.label} uses {used + 1} {what} of {count}")


__all__ = [
    "BrokenPlan",
    "Content",
    "Names",
    "bytes_of",
    "check_fusion",
    "check_memory",
    "check_schedule",
    "check_tasks",
    "content",
    "fusion_lines",
    "lowering_lines",
    "memory_lines",
    "schedule_lines",
    "symbol_lines",
    "type_text",
]
