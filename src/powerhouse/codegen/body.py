"""The body of a group: what its loop nest computes, without sizes or names, so that groups which differ in those alone are equal.

A body is a list of nodes in which each comes after its inputs. A node has a value once a call (a scalar), once a row, or for each element
of the domain (full).
"""

from __future__ import annotations

import struct
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from ..core import dtypes as dt
from ..graph.op import cast, const, number
from ..graph.symbol import Symbol
from .access import HALVES, register_kind
from .fuse import REDUCTIONS, Group, Resolve, is_view, peel, reduced_dims
from .math import FUNCTIONS
from .values import Builder, LlvmScalars, Unsupported, Value

SCALAR, ROW, FULL = range(3)
_COMMON = frozenset({0, 1, -1, 2, -2, 0.5, -0.5})

SCALARS = LlvmScalars(FUNCTIONS)
_SLOW = 8
_KEPT = 8  # instructions: a value that costs so much is kept for a later pass, not computed again


class Node(NamedTuple):
    """One value: `what` is load, number, const, op or reduce; `detail` is an operand's or number's index, a constant, an op, or how to
    reduce."""

    what: str
    dtype: dt.dtype
    at: int
    inputs: tuple[int, ...]
    detail: Any


class Body(NamedTuple):
    """The nodes, those that are written to memory, and whether anything is reduced."""

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]

    def cost(self, wanted: tuple[int, ...]) -> int:
        """Roughly how many instructions it takes to compute (or load) nodes for one vector."""
        return sum(self._cost_of(self.nodes[n]) for n in wanted)

    def _cost_of(self, node: Node) -> int:
        if node.what != "op":
            return 1
        return instructions(node.detail, tuple(register_kind(self.nodes[i].dtype) for i in node.inputs)) or 1


@lru_cache(maxsize=4096)
def instructions(op: Any, kinds: tuple[Any, ...]) -> int | None:
    """How many instructions an elementwise op is for operands of such kinds; a division counts as several. None if it cannot be written."""
    if op is cast:
        return 1
    b = Builder(4)
    try:
        op.body(SCALARS, *[Value(b, f"%x{k}", kind) for k, kind in enumerate(kinds)])
    except (Unsupported, TypeError, ValueError, AttributeError, KeyError):
        return None
    return sum(_SLOW if " = fdiv " in line or "@llvm.sqrt" in line else 1 for line in b.lines)


class Operands(NamedTuple):
    """What a body's indices stand for in one group: the operands that are loaded, and the numbers."""

    loads: tuple[Symbol, ...]
    numbers: tuple[Symbol | int, ...]  # symbols of numbers, or the 64 bits of constants


class _Reader:
    """Reads a group into a body."""

    def __init__(self, group: Group, scalars: frozenset[Symbol], value_of: Resolve) -> None:
        self.group, self.scalars, self.value_of = group, scalars, value_of
        self.nodes: list[Node] = []
        self.index: dict[Any, int] = {}  # of members, of (operand, level) and of scalars
        self.loads: list[Symbol] = []
        self.numbers: list[Symbol | int] = []

    def read(self) -> tuple[Body, Operands]:
        """The body of what the group's outputs need, and its operands."""
        for s in self._needed():
            self.index[s] = self._member(s)
        body = Body(tuple(self.nodes), tuple(self.index[s] for s in self.group.outputs))
        return body, Operands(tuple(self.loads), tuple(self.numbers))

    def _needed(self) -> list[Symbol]:
        members = set(self.group.members)
        found = set(self.group.outputs)
        for s in reversed(self.group.members):
            if s in found:
                for i in map(self.value_of, s.inputs):
                    member = i if i in members else self._under(i)
                    if member in members:
                        found.add(member)
        return [s for s in self.group.members if s in found]

    def _under(self, i: Symbol) -> Symbol | None:
        return None if i in self.group.places or i in self.scalars else peel(i, self.value_of)[0]

    def _add(self, key: Any, node: Node) -> int:
        found = self.index.get(key)
        if found is None:
            found = self.index[key] = len(self.nodes)
            self.nodes.append(node)
        return found

    def _member(self, s: Symbol) -> int:
        if reduced_dims(s):
            inputs = (self._operand(self.value_of(s.inputs[0]), FULL),)
            return self._add(s, Node("reduce", s.dtype, ROW, inputs, REDUCTIONS[s.op.name]))
        at = ROW if s in self.group.rows else FULL
        inputs = tuple(self._operand(self.value_of(i), at) for i in s.inputs)
        return self._add(s, Node("op", s.dtype, at, inputs, s.op))

    def _operand(self, i: Symbol, at: int) -> int:
        """The node of an operand of a member that is computed at `at`."""
        if i in self.scalars:
            return self._scalar(i)
        if i in self.group.places:
            if (i, at) not in self.index:
                self.loads.append(i)
            return self._add((i, at), Node("load", i.dtype, at, (), len(self.loads) - 1))
        return self.index[i] if i in self.index else self.index[peel(i, self.value_of)[0]]

    def _scalar(self, s: Symbol) -> int:
        if s in self.index:
            return self.index[s]
        if s.op is number:
            self.numbers.append(s)
            node = Node("number", s.dtype, SCALAR, (), (len(self.numbers) - 1, s.attrs[1]))
        elif s.op is const:
            node = self._constant(Node("const", s.dtype, SCALAR, (), s.attrs))
        elif is_view(s):
            self.index[s] = self._scalar(self.value_of(s.inputs[0]))
            return self.index[s]
        else:
            node = self._literal(s)
            if node is None:
                node = Node("op", s.dtype, SCALAR, tuple(self._scalar(self.value_of(i)) for i in s.inputs), s.op)
        return self._add(s, node)

    def _literal(self, s: Symbol) -> Node | None:
        """A constant that is cast, at once; None for another expression."""
        inner = s
        while inner.op is cast or is_view(inner):
            inner = self.value_of(inner.inputs[0])
        if inner.op is not const or s.op is not cast or self.value_of(s.inputs[0]).op is cast:
            return None
        return self._constant(_cast_constant(Node("const", inner.dtype, SCALAR, (), inner.attrs), s.dtype))

    def _constant(self, node: Node) -> Node:
        """A constant that is part of the text; or, if it may stem from a size, a number that the kernel is given."""
        value = constant_of(node)
        if node.dtype is dt.bool_ or value in _COMMON or value != value or abs(value) >= 2**53:
            return node
        kind = "float" if isinstance(value, float) else "int"
        self.numbers.append(struct.unpack("<q", struct.pack("<d" if kind == "float" else "<q", value))[0])
        self.nodes.append(Node("number", node.dtype, SCALAR, (), (len(self.numbers) - 1, kind)))
        return Node("op", node.dtype, SCALAR, (len(self.nodes) - 1,), cast)


def _cast_constant(node: Node, dtype: dt.dtype) -> Node:
    """A constant that is cast, at once."""
    value = constant_of(node)
    if dtype.numpy.kind in "iu":
        if not isfinite(value):
            raise Unsupported("a constant that is no integer")
        value = int(value)
    elif dtype is dt.bool_:
        value = bool(value)
    elif dtype in HALVES:
        value = float(np.asarray(value, np.float32).astype(dtype.numpy))
    return Node("const", dtype, SCALAR, (), (repr(value), type(value).__name__))


def constant_of(node: Node) -> Any:
    """The Python number of a constant. Nodes have it as text, so that 0.0 and -0.0, 1 and True stay apart."""
    text, kind = node.detail
    if kind == "complex":
        raise Unsupported("a complex constant")
    return text == "True" if kind == "bool" else int(text) if kind == "int" else float(text)


def body_of(group: Group, scalars: frozenset[Symbol], value_of: Resolve) -> tuple[Body, Operands]:
    """The body of a group, and what its indices stand for."""
    return _Reader(group, scalars, value_of).read()


# --- passes -------------------------------------------------------------------------------------------------------------------------


class Pass(NamedTuple):
    """One pass over the elements of a row: the full nodes it computes (loads and earlier results among them), what it reduces and stores,
    and the values of rows that it takes."""

    values: tuple[int, ...]
    reductions: tuple[int, ...]
    stores: tuple[int, ...]
    rows: tuple[int, ...]


class Schedule(NamedTuple):
    """The passes, the full nodes that they keep for one another, the level of each node (the first pass that can compute it), and what
    all passes cost for one vector."""

    passes: tuple[Pass, ...]
    kept: tuple[int, ...]
    level: tuple[int, ...]
    cost: int


@lru_cache(maxsize=4096)
def schedule_of(body: Body, keep: bool) -> Schedule:
    """As many passes as reductions depend on one another; with `keep`, what is dear to compute is kept from pass to pass."""
    level: list[int] = []
    for n in body.nodes:
        level.append(max((level[i] for i in n.inputs), default=0) + (n.what == "reduce"))
    count = max(level, default=0) + 1
    reductions = [tuple(k for k, n in enumerate(body.nodes) if n.what == "reduce" and level[k] == p + 1) for p in range(count)]
    stores = [[o for o in dict.fromkeys(body.outputs) if body.nodes[o].at == FULL and level[o] == p] for p in range(count)]
    roots = [[*(body.nodes[r].inputs[0] for r in reductions[p]), *stores[p]] for p in range(count)]
    kept = _worth_keeping(body, roots, level) if keep else ()
    for k in kept:
        stores[level[k]].append(k)
        roots[level[k]].append(k)
    stored = frozenset((*body.outputs, *kept))
    passes = []
    for p in range(count):
        values, rows = _closure(body, roots[p], lambda n, p=p: n in stored and level[n] < p)
        passes.append(Pass(values, reductions[p], tuple(stores[p]), rows))
    return Schedule(tuple(passes), kept, tuple(level), sum(body.cost(p.values) for p in passes))


def _closure(body: Body, roots: list[int], is_stored: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The full nodes that `roots` need, in order, and the rows' values among their inputs."""
    values: set[int] = set()
    rows: set[int] = set()
    stack = list(roots)
    while stack:
        n = stack.pop()
        if body.nodes[n].at == ROW:
            rows.add(n)
        elif body.nodes[n].at == FULL and n not in values:
            values.add(n)
            if not is_stored(n):
                stack.extend(body.nodes[n].inputs)
    return tuple(sorted(values)), tuple(sorted(rows))


def _worth_keeping(body: Body, roots: list[list[int]], level: list[int]) -> tuple[int, ...]:
    """Full nodes that a later pass needs again and that cost more to compute than to load."""
    found: set[int] = set()
    outputs = set(body.outputs)
    for p, wanted in enumerate(roots):
        stack = list(wanted)
        while stack:
            n = stack.pop()
            node = body.nodes[n]
            if node.at != FULL or node.what == "load" or n in found or (n in outputs and level[n] < p):
                continue
            if level[n] < p and body.cost(_closure(body, [n], lambda m: m in outputs)[0]) >= _KEPT:
                found.add(n)
            else:
                stack.extend(node.inputs)
    return tuple(sorted(found - outputs))
