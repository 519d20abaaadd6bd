"""Emission: a group of symbols becomes the text of one function, `kernel(ptr pointers, ptr numbers, i64 begin, i64 end)`.

The function computes rows (or, where there is nothing to reduce, elements) `begin` to `end`. For each row it makes as many passes over the
row as reductions depend on one another: a softmax makes three. Elements are taken 16 at a time; the last ones of a row under a mask.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, prod
from typing import Any, NamedTuple

import numpy as np

from ..core import dtypes as dt
from ..graph.op import cast, const, expand, number
from ..graph.symbol import Symbol
from .fuse import REDUCTIONS, Group, Place, trailing
from .math import FUNCTIONS
from .values import BOOL, F64, I64, Builder, LlvmScalars, Unsupported, Value, llvm_type

LANES = 16
_SCRATCH = 1 << 15  # elements that are kept from pass to pass on the stack
DEAR = frozenset({"exp", "log", "tanh", "sigmoid", "erf", "sqrt", "rsqrt", "over", "sin", "cos", "log1p", "expm1", "power"})
SCALARS = LlvmScalars(FUNCTIONS)


class Loop(NamedTuple):
    """The dims of a kernel's loops after merging: row dims, the length of the inner loop, and each operand's strides over them."""

    rows: tuple[int, ...]
    length: int
    strides: dict[Symbol, tuple[tuple[int, ...], int]]  # operand: (row strides, inner stride)


class Kernel(NamedTuple):
    """The text, what its pointers are (operands, then outputs), its numbers, and how much there is to do.

    The text knows no size: lengths, strides and offsets are `sizes`, handed over behind the numbers, so that tensors of other shapes
    use the same machine code.
    """

    text: str
    inputs: tuple[Symbol, ...]
    outputs: tuple[Symbol, ...]
    numbers: tuple[Symbol, ...]
    sizes: tuple[int, ...]
    count: int  # rows, or elements where `flat`
    flat: bool
    work: int  # elements touched, to decide on threads


def memory_kind(d: dt.dtype) -> np.dtype:
    """How an element lies in memory: bool as a byte."""
    return np.dtype(np.uint8) if d is dt.bool_ else d.numpy


def loops_of(group: Group, operands: list[Symbol]) -> Loop:
    """Adjacent dims that all operands step through as through one are merged. Raises Unsupported where reduced dims are not one loop."""
    outer = len(group.domain) - group.inner
    strides = {s: _over_domain(s, group) for s in operands}
    parts = []
    for dims in (range(outer), range(outer, len(group.domain))) if group.inner else (range(len(group.domain)),):
        merged: list[list[Any]] = []  # [size, {operand: stride}]
        for d in dims:
            n = group.domain[d]
            if n == 1:
                continue
            here = {s: st[d] for s, st in strides.items()}
            if merged and all(merged[-1][1][s] == here[s] * n for s in strides):
                merged[-1] = [merged[-1][0] * n, here]
            else:
                merged.append([n, here])
        parts.append(merged)
    rows, inner = (parts[0], parts[1]) if group.inner else (parts[0][:-1], parts[0][-1:])
    if len(inner) > 1:
        raise Unsupported("reduced dims that are not one run in memory")
    length, last = inner[0] if inner else (1, {s: 0 for s in strides})
    return Loop(tuple(n for n, _ in rows), length, {s: (tuple(st[s] for _, st in rows), last[s]) for s in strides})


def _over_domain(s: Symbol, group: Group) -> tuple[int, ...]:
    """An operand's strides over the domain; a row's operand does not move along the row."""
    place = group.places[s]
    if s.shape == group.domain:
        return place.strides
    own = iter([st for st, n in zip(place.strides, s.shape, strict=True) if n != 1])
    return tuple(0 if n == 1 else next(own) for n in group.row_shape) + (0,) * group.inner


class _Emitter:
    """Writes one kernel."""

    def __init__(self, group: Group, scalars: frozenset[Symbol], value_of: Callable[[Symbol], Symbol]) -> None:
        self.group, self.scalars, self.value_of = group, scalars, value_of
        self.inputs = list(group.places)
        self.loop = loops_of(group, self.inputs)
        self.flat = not group.inner and not self.loop.rows
        self.one = Builder(1)
        self.many = Builder(LANES)
        self.many.lines, self.many.declarations = self.one.lines, self.one.declarations
        self.many.fresh, self.many._known = self.one.fresh, self.one._known  # type: ignore[method-assign]
        self.numbers: list[Symbol] = []
        self.sizes: list[int] = []
        self._size_names: dict[Any, str] = {}
        self.row_values: dict[Symbol, Value] = {}
        self.level = self._levels()
        self.kept = self._kept_for_later()

    # --- levels -----------------------------------------------------------------------------------------------------------------

    def _levels(self) -> dict[Symbol, int]:
        """In which pass a member can be computed: after all reductions that it depends on."""
        level: dict[Symbol, int] = {}
        for s in self.group.members:
            level[s] = max((self._level_of(i, level) for i in map(self.value_of, s.inputs)), default=0) + (1 if trailing(s) else 0)
        return level

    def _level_of(self, i: Symbol, level: dict[Symbol, int]) -> int:
        member = self._member(i, level)
        return level[member] if member is not None else 0

    def _kept_for_later(self) -> list[Symbol]:
        """Full members that a later pass needs again and that cost more to compute than to load: kept in a row of scratch memory."""
        found: dict[Symbol, None] = {}
        for s in self.group.members:
            passes = self._passes_of(s)
            stack = [self.value_of(i) for i in s.inputs] if s not in self.group.rows or trailing(s) else []
            while stack:
                i = stack.pop()
                if i not in self.level or i in self.group.rows or i in found:
                    continue
                if any(p > self.level[i] for p in passes) and self._is_dear(i):
                    found[i] = None
                else:
                    stack.extend(self.value_of(x) for x in i.inputs)
        kept = [s for s in self.group.members if s in found and s not in self.group.outputs]
        if self.loop.length * len(kept) > _SCRATCH:  # too much for the stack: they go to memory, as outputs that nobody asked for
            self.group.outputs += kept
            return []
        return kept

    def _passes_of(self, s: Symbol) -> list[int]:
        """The passes in which a member is computed for its own sake: to be reduced, or to be stored."""
        if trailing(s):
            return [self.level[s] - 1]
        return [self.level[s]] if s in self.group.outputs and s not in self.group.rows else []

    def _is_dear(self, s: Symbol) -> bool:
        """Whether a value takes more than an operation or two on loaded ones."""
        if s.op is cast:
            return False
        inner = [self.value_of(i) for i in s.inputs]
        return s.op.name in DEAR or any(i in self.level and i not in self.group.rows for i in inner)

    def _member(self, i: Symbol, among: Any) -> Symbol | None:
        """The member of the group that an operand is, or whose row value it broadcasts; None for one read from memory."""
        if i in among:
            return i
        if i in self.group.places or i in self.scalars:
            return None
        while i.op.layout is not None:
            i = self.value_of(i.inputs[0])
        return i

    # --- text -------------------------------------------------------------------------------------------------------------------

    def kernel(self) -> Kernel:
        """The whole function."""
        body = self._body()
        head = "\n".join(sorted(self.one.declarations))
        signature = "define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end) nounwind"
        text = f"{head}\n{signature} {{\nentry:\n{body}\n}}\n"
        rows = prod(self.loop.rows)
        count = self.loop.length if self.flat else rows
        return Kernel(
            text,
            tuple(self.inputs),
            tuple(self.group.outputs),
            tuple(self.numbers),
            tuple(self.sizes),
            count,
            self.flat,
            rows * self.loop.length * (1 + len(self.group.members) // 8),
        )

    def _body(self) -> str:
        one = self.one
        self.base = {s: self._pointer(k) for k, s in enumerate([*self.inputs, *self.group.outputs])}
        self.scratch = {s: self._scratch(s) for s in self.kept}
        at = len(one.lines)
        if self.flat:
            self.row_base = self.base
            self._pass(0, 0, "%begin", "%end")
            one.emit("ret void")
        else:
            one.emit("%any = icmp slt i64 %begin, %end")
            one.emit("br i1 %any, label %rows, label %leave")
            one.block("rows")
            one.emit("%row = phi i64 [ %begin, %entry ], [ %row_next, %row_done ]")
            self._row_bases()
            passes = max(self.level.values(), default=0)
            for p in range(passes + 1):
                self._pass(p, passes, "0", self._size("length", self.loop.length))
                self._row_members(p + 1)
            self._store_rows()
            one.emit("br label %row_done")
            one.block("row_done")
            one.emit("%row_next = add i64 %row, 1")
            one.emit("%more = icmp slt i64 %row_next, %end")
            one.emit("br i1 %more, label %rows, label %leave")
            one.block("leave")
            one.emit("ret void")
        body, one.lines[at:] = one.lines[at:], []
        setup = one.lines[:]
        return "\n".join(self._number_lines() + setup + body)

    def _pointer(self, k: int) -> str:
        cell = self.one.define(f"getelementptr ptr, ptr %pointers, i64 {k}")
        return self.one.load(f"load ptr, ptr {cell}", "base")

    def _scratch(self, s: Symbol) -> str:
        return self.one.load(f"alloca {llvm_type(memory_kind(s.dtype))}, i64 {self._size('length', self.loop.length)}, align 64", "scratch")

    def _size(self, what: Any, value: int) -> str:
        """The register of a length, stride or offset of this call."""
        if what not in self._size_names:
            self._size_names[what] = f"%size{len(self.sizes)}"
            self.sizes.append(value)
        return self._size_names[what]

    def _number_lines(self) -> list[str]:
        """Loads of the numbers, which are found while the body is written and belong before it."""
        lines = []
        for k, s in enumerate(self.numbers):
            t = {"float": "double", "bool": "i64", "int": "i64"}[s.attrs[1]]
            lines += [f"  %numcell{k} = getelementptr i64, ptr %numbers, i64 {k}", f"  %num{k} = load {t}, ptr %numcell{k}"]
        for k in range(len(self.sizes)):
            lines += [
                f"  %sizecell{k} = getelementptr i64, ptr %numbers, i64 {len(self.numbers) + k}",
                f"  %size{k} = load i64, ptr %sizecell{k}",
            ]
        return lines

    def _row_bases(self) -> None:
        """Pointers to this row of every operand: the row number taken apart into indices."""
        one, rest, indices = self.one, "%row", []
        for k in range(len(self.loop.rows) - 1, -1, -1):
            n = self._size(("rows", k), self.loop.rows[k]) if k else ""
            if k == 0:
                indices.append(rest)
            else:
                indices.append(one.define(f"urem i64 {rest}, {n}"))
                rest = one.define(f"udiv i64 {rest}, {n}")
        indices.reverse()
        self.row_base = {}
        for s in self.inputs:
            steps = [self._size((s, k), st) if st else "" for k, st in enumerate(self.loop.strides[s][0])]
            self.row_base[s] = self._offset(self.base[s], memory_kind(s.dtype), zip(indices, steps, strict=True))
        for s in self.group.outputs:
            step = "1" if s in self.group.rows else self._size("length", self.loop.length)
            self.row_base[s] = self._offset(self.base[s], memory_kind(s.dtype), [("%row", step)])

    def _offset(self, pointer: str, kind: np.dtype, terms: Any) -> str:
        one = self.one
        for index, stride in terms:
            if stride:
                step = one.define(f"mul i64 {index}, {stride}")
                pointer = one.define(f"getelementptr {llvm_type(kind)}, ptr {pointer}, i64 {step}", "p")
        return pointer

    # --- one pass over a row ----------------------------------------------------------------------------------------------------

    def _pass(self, p: int, passes: int, begin: str, end: str) -> None:
        reductions = [s for s in self.group.members if trailing(s) and self.level[s] == p + 1]
        stores = [s for s in (*self.group.outputs, *self.kept) if s not in self.group.rows and self.level[s] == p]
        self.now = p
        if not reductions and not stores:
            return
        one, name = self.one, f"p{p}"
        before = one.fresh("before")[1:]
        one.emit(f"br label %{before}")
        one.block(before)
        full_end = one.define(f"sub i64 {end}, {begin}")
        full = one.define(f"and i64 {full_end}, {-LANES}")
        stop = one.define(f"add i64 {begin}, {full}")
        some = one.define(f"icmp ne i64 {full}, 0")
        start = [self._identity(r) for r in reductions]
        one.emit(f"br i1 {some}, label %{name}_loop, label %{name}_tail")
        one.block(f"{name}_loop")
        i = f"%{name}_i"
        one.emit(f"{i} = phi i64 [ {begin}, %{before} ], [ {i}_next, %{name}_loop ]")
        sums = [
            self._phi(r, [(z.name, before), (f"%{name}_s{k}", f"{name}_loop")])
            for k, (r, z) in enumerate(zip(reductions, start, strict=True))
        ]
        known: dict[Symbol, Value] = {}
        for k, (r, total) in enumerate(zip(reductions, sums, strict=True)):
            value = self._combine(r, total, self._value(self.value_of(r.inputs[0]), known, i, None))
            one.lines.append(
                f"  %{name}_s{k} = select i1 true, {self.many.vector(value.kind)} {value.name}, {self.many.vector(value.kind)} {value.name}"
            )
        for s in stores:
            self._store(s, self._value(s, known, i, None), i, None)
        one.emit(f"{i}_next = add i64 {i}, {LANES}")
        one.emit(f"{i}_more = icmp slt i64 {i}_next, {stop}")
        one.emit(f"br i1 {i}_more, label %{name}_loop, label %{name}_tail")
        one.block(f"{name}_tail")
        sums = [
            self._phi(r, [(z.name, before), (f"%{name}_s{k}", f"{name}_loop")])
            for k, (r, z) in enumerate(zip(reductions, start, strict=True))
        ]
        left = one.define(f"icmp slt i64 {stop}, {end}")
        one.emit(f"br i1 {left}, label %{name}_rest, label %{name}_done")
        one.block(f"{name}_rest")
        mask = self._mask(stop, end)
        known = {}
        ends = []
        for r, total in zip(reductions, sums, strict=True):
            value = self._value(self.value_of(r.inputs[0]), known, stop, mask)
            ends.append(self._combine(r, total, SCALARS.where(mask, value, self._identity(r))))
        for s in stores:
            self._store(s, self._value(s, known, stop, mask), stop, mask)
        one.emit(f"br label %{name}_done")
        one.block(f"{name}_done")
        sums = [self._phi(r, [(t.name, f"{name}_tail"), (e.name, f"{name}_rest")]) for r, t, e in zip(reductions, sums, ends, strict=True)]
        for r, total in zip(reductions, sums, strict=True):
            self.row_values[r] = self._across(r, total)

    def _phi(self, r: Symbol, sources: list[tuple[str, str]]) -> Value:
        kind = r.dtype.numpy
        arms = ", ".join(f"[ {value}, %{block} ]" for value, block in sources)
        return Value(self.many, self.one.load(f"phi {self.many.vector(kind)} {arms}"), kind)

    def _mask(self, stop: str, end: str) -> Value:
        count = self.one.define(f"sub i64 {end}, {stop}")
        lanes = Value(self.many, "<" + ", ".join(f"i64 {k}" for k in range(LANES)) + ">", I64)
        return lanes < self.many.splat(count, I64)

    def _identity(self, r: Symbol) -> Value:
        kind, how = r.dtype.numpy, REDUCTIONS[r.op.name]
        if how == "sum":
            return self.many.constant(0, kind)
        if kind.kind == "f":
            return self.many.constant(-inf if how == "max" else inf, kind)
        limits = np.iinfo(kind) if kind != BOOL else None
        low, high = (limits.min, limits.max) if limits else (False, True)
        return self.many.constant(low if how == "max" else high, kind)

    def _combine(self, r: Symbol, a: Value, b: Value) -> Value:
        how = REDUCTIONS[r.op.name]
        if how == "sum":
            return a + b if a.kind != BOOL else a | b
        return FUNCTIONS["maximum" if how == "max" else "minimum"](SCALARS, a, b)

    def _across(self, r: Symbol, total: Value) -> Value:
        """The lanes combined, in a fixed tree."""
        kind = total.kind
        t = self.many.vector(kind)
        lanes = [Value(self.one, self.one.define(f"extractelement {t} {total.name}, i64 {k}"), kind) for k in range(LANES)]
        while len(lanes) > 1:
            half = len(lanes) // 2
            lanes = [self._combine(r, a, b) for a, b in zip(lanes[:half], lanes[half:], strict=True)]
        return lanes[0]

    # --- values -----------------------------------------------------------------------------------------------------------------

    def _value(self, s: Symbol, known: dict[Symbol, Value], i: str, mask: Value | None) -> Value:
        """The value of a full member (or operand) at elements `i` ..., as a vector."""
        if s in known:
            return known[s]
        if s in self.scalars:
            out = self._splat(self._scalar(s))
        elif s in self.group.places:
            out = self._load(s, i, mask)
        elif self.level.get(s, self.now) < self.now and (s in self.scratch or (s in self.group.outputs and s not in self.group.rows)):
            out = self._load_kept(s, i, mask)
        elif (member := self._member(s, self.level)) is not None and member in self.group.rows:
            out = self._splat(self._row(member))
        else:
            out = self._compute(s, [self._value(self.value_of(x), known, i, mask) for x in s.inputs])
        known[s] = out
        return out

    def _splat(self, v: Value) -> Value:
        return (
            self.many.splat(v.name, v.kind) if v.name.startswith("%") else Value(self.many, f"splat ({llvm_type(v.kind)} {v.name})", v.kind)
        )

    def _compute(self, s: Symbol, inputs: list[Value]) -> Value:
        kind = s.dtype.numpy
        if s.op is cast:
            return inputs[0].astype(kind)
        out = s.op.body(SCALARS, *inputs)
        return out.astype(kind) if isinstance(out, Value) else inputs[0].b.constant(out, kind)

    def _scalar(self, s: Symbol) -> Value:
        """A number, or an expression of numbers, computed once a call."""
        if s.op is number:
            if s not in self.numbers:
                self.numbers.append(s)
            k = self.numbers.index(s)
            kind = {"float": F64, "int": I64, "bool": I64}[s.attrs[1]]
            return Value(self.one, f"%num{k}", kind)
        if s.op is const:
            value = s.op.value(*s.attrs)
            return self.one.constant(value, {"float": F64, "int": I64, "bool": BOOL}[s.attrs[1]])
        if s.op is expand:
            return self._scalar(self.value_of(s.inputs[0]))
        inputs = [self._scalar(self.value_of(i)) for i in s.inputs]
        if s.op is cast and inputs[0].name[0] != "%":
            return self._literal(inputs[0], s)
        return self._compute(s, inputs)

    def _literal(self, v: Value, s: Symbol) -> Value:
        """A constant that is cast, at once."""
        inner = self.value_of(s.inputs[0])
        while inner.op is not const:
            inner = self.value_of(inner.inputs[0])
        value = inner.op.value(*inner.attrs)
        if s.dtype.numpy.kind in "iu" and isinstance(value, float):
            value = int(value)
        return self.one.constant(value, s.dtype.numpy)

    def _row(self, s: Symbol) -> Value:
        """The value of a row member, or of an operand that a row member reads."""
        if s in self.row_values:
            return self.row_values[s]
        if s in self.scalars:
            return self._scalar(s)
        if s in self.group.places:
            out = self._load_one(s)
        else:
            member = self._member(s, self.level)
            if member is not s and member is not None:
                return self._row(member)
            out = self._compute(s, [self._row(self.value_of(i)) for i in s.inputs])
        self.row_values[s] = out
        return out

    def _row_members(self, level: int) -> None:
        for s in self.group.members:
            if s in self.group.rows and self.level[s] <= level and not trailing(s):
                self._row(s)

    # --- memory -----------------------------------------------------------------------------------------------------------------

    def _load(self, s: Symbol, i: str, mask: Value | None) -> Value:
        place, kind = self.group.places[s], memory_kind(s.dtype)
        stride = self.loop.strides[s][1]
        base = self._start(s, place, kind)
        if stride == 0:
            one = self.one.load(f"load {llvm_type(kind)}, ptr {base}")
            return self._from_memory(self.many.splat(one, kind), s)
        if stride == 1:
            at = self.one.define(f"getelementptr {llvm_type(kind)}, ptr {base}, i64 {i}", "p")
            if mask is None:
                return self._from_memory(
                    Value(self.many, self.one.load(f"load {self.many.vector(kind)}, ptr {at}, align {kind.itemsize}"), kind), s
                )
            return self._from_memory(self._masked_load(at, kind, mask), s)
        return self._from_memory(self._gather(base, kind, self._size((s, "inner"), stride), i, mask), s)

    def _load_kept(self, s: Symbol, i: str, mask: Value | None) -> Value:
        """A value that an earlier pass has stored."""
        kind = memory_kind(s.dtype)
        at = self.one.define(f"getelementptr {llvm_type(kind)}, ptr {self._target(s)}, i64 {i}", "p")
        if mask is not None:
            return self._from_memory(self._masked_load(at, kind, mask), s)
        return self._from_memory(
            Value(self.many, self.one.load(f"load {self.many.vector(kind)}, ptr {at}, align {kind.itemsize}"), kind), s
        )

    def _target(self, s: Symbol) -> str:
        return self.scratch[s] if s in self.scratch else self.row_base[s]

    def _masked_load(self, at: str, kind: np.dtype, mask: Value) -> Value:
        t = self.many.vector(kind)
        name = f"@llvm.masked.load.v{LANES}{self._suffix(kind)}.p0"
        self.one.declarations.add(f"declare {t} {name}(ptr, i32, {self.many.vector(BOOL)}, {t})")
        return Value(
            self.many,
            self.one.load(f"call {t} {name}(ptr {at}, i32 {kind.itemsize}, {self.many.vector(BOOL)} {mask.name}, {t} zeroinitializer)"),
            kind,
        )

    def _gather(self, base: str, kind: np.dtype, stride: str, i: str, mask: Value | None) -> Value:
        """Elements that do not lie side by side."""
        lanes = Value(self.many, "<" + ", ".join(f"i64 {k}" for k in range(LANES)) + ">", I64)
        offsets = (lanes + self.many.splat(i, I64)) * self.many.splat(stride, I64)
        v, t = self.many, self.many.vector(kind)
        at = v.define(f"getelementptr {llvm_type(kind)}, ptr {base}, <{LANES} x i64> {offsets.name}", "p")
        name = f"@llvm.masked.gather.v{LANES}{self._suffix(kind)}.v{LANES}p0"
        self.one.declarations.add(f"declare {t} {name}(<{LANES} x ptr>, i32, {v.vector(BOOL)}, {t})")
        on = mask.name if mask is not None else "splat (i1 true)"
        return Value(
            v,
            self.one.load(f"call {t} {name}(<{LANES} x ptr> {at}, i32 {kind.itemsize}, {v.vector(BOOL)} {on}, {t} zeroinitializer)"),
            kind,
        )

    def _suffix(self, kind: np.dtype) -> str:
        return {"float": "f32", "double": "f64"}.get(llvm_type(kind), llvm_type(kind))

    def _start(self, s: Symbol, place: Place, kind: np.dtype) -> str:
        """The first element of an operand in this row."""
        return self._offset(self.row_base[s], kind, [("1", self._size((s, "offset"), place.offset) if place.offset else "")])

    def _load_one(self, s: Symbol) -> Value:
        place, kind = self.group.places[s], memory_kind(s.dtype)
        at = self._start(s, place, kind)
        v = Value(self.one, self.one.load(f"load {llvm_type(kind)}, ptr {at}"), kind)
        return self._from_memory(v, s)

    def _from_memory(self, v: Value, s: Symbol) -> Value:
        return (v != 0) if s.dtype is dt.bool_ else v

    def _store(self, s: Symbol, v: Value, i: str, mask: Value | None) -> None:
        kind = memory_kind(s.dtype)
        v = v.astype(kind)
        at = self.one.define(f"getelementptr {llvm_type(kind)}, ptr {self._target(s)}, i64 {i}", "p")
        t = self.many.vector(kind)
        if mask is None:
            self.one.emit(f"store {t} {v.name}, ptr {at}, align {kind.itemsize}")
            return
        name = f"@llvm.masked.store.v{LANES}{self._suffix(kind)}.p0"
        self.one.declarations.add(f"declare void {name}({t}, ptr, i32, {self.many.vector(BOOL)})")
        self.one.emit(f"call void {name}({t} {v.name}, ptr {at}, i32 {kind.itemsize}, {self.many.vector(BOOL)} {mask.name})")

    def _store_rows(self) -> None:
        for s in self.group.outputs:
            if s in self.group.rows:
                kind = memory_kind(s.dtype)
                self.one.emit(f"store {llvm_type(kind)} {self._row(s).astype(kind).name}, ptr {self.row_base[s]}, align {kind.itemsize}")


def emit(group: Group, scalars: frozenset[Symbol], value_of: Callable[[Symbol], Symbol]) -> Kernel:
    """The kernel of a group. Raises Unsupported where a body or a layout cannot be written."""
    return _Emitter(group, scalars, value_of).kernel()


def can_emit(s: Symbol) -> bool:
    """Whether the body of a pointwise symbol can be written for its operands' kinds."""
    b = Builder(LANES)
    try:
        if s.op is not cast:
            s.op.body(SCALARS, *[Value(b, f"%x{k}", i.dtype.numpy) for k, i in enumerate(s.inputs)])
        return True
    except (Unsupported, TypeError, ValueError, AttributeError, KeyError):
        return False
