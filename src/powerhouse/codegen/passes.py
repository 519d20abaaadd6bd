"""The text of a loop nest: what a kernel does for its units, pass by pass."""

from __future__ import annotations

from math import inf, nan
from typing import Any, NamedTuple

import numpy as np

from ..graph.op import cast
from .access import gather, load_run, memory_kind, numbers, register_kind, rounded, scatter, store_run
from .body import FULL, ROW, SCALAR, SCALARS, Body, Node, Pass, Schedule, constant_of
from .frame import Frame
from .math import FUNCTIONS
from .nest import COLUMNS, FLAT, Form, copies_of
from .values import BOOL, F64, I32, I64, Builder, Value, llvm_type

_NUMBER_KINDS = {"float": F64, "int": I64, "bool": I64}


class Spot(NamedTuple):
    """Where a vector of elements lies along the lane dim: which copy of the body works on it, its first index, and a mask or None."""

    copy: int
    index: str
    mask: Value | None


class Text(NamedTuple):
    """A module, and the names of the numbers that its kernel takes behind the body's own."""

    text: str
    sizes: tuple[tuple[Any, ...], ...]


class Writer(Frame):
    """Writes one function: all passes (`only` is None), or pass `only`, or (-1) the rows' values alone, where reductions are split."""

    def __init__(self, body: Body, form: Form, schedule: Schedule, only: int | None = None) -> None:
        self.body, self.form, self.schedule, self.only = body, form, schedule, only
        self.nodes = body.nodes
        super().__init__(form.lanes)
        self.one.has_half = self.many.has_half = form.target != "sse2"
        self.many.is_avx512 = form.target == "avx512"
        self.rows: dict[Any, Value] = {}  # of row nodes; by copy in columns
        self.scalars: dict[int, Value] = {}
        self.is_split = form.split >= 0
        loads = [k for k, n in enumerate(self.nodes) if n.what == "load"]
        self.slot = {n: k for k, n in enumerate(loads)}  # where a node is read
        self.home = {n: len(loads) + k for k, n in enumerate(body.outputs)}  # where it is written
        self.kept = {n: len(loads) + len(body.outputs) + k for k, n in enumerate(schedule.kept)}
        self.pointers = len(loads) + len(body.outputs)
        self.partial = {r: self.pointers + k for k, r in enumerate(k for k, n in enumerate(self.nodes) if n.what == "reduce")}
        self.dtype_of_slot = {k: self.nodes[n].dtype for n, k in (*self.slot.items(), *self.home.items())}
        self.dtype_of_slot |= {k: self.nodes[n].dtype.compute for n, k in self.kept.items()}
        self.origin: dict[int, str] = {}  # of each slot, in this unit
        self.spots: list[Spot] = []  # of a block of columns
        self.low, self.high = "0", ""  # of the part
        self.part = self.row = ""
        self.copies = form.copies  # in this pass

    # --- functions --------------------------------------------------------------------------------------------------------------

    def kernel(self) -> Text:
        """The function `kernel`, which does units `begin` to `end`."""
        self._scalars()
        if self.form.mode == FLAT:
            self._point(())
            self._pass(0, ("%begin", "%end"))
        else:
            with self.loop("%begin", "%end") as unit:
                self._unit(unit)
        return self._text("kernel", "ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch")

    def epilogue(self) -> Text:
        """The function `epilogue`, which does elements `begin` to `end` of one row."""
        self._scalars()
        self._point(self._indices("%row"))
        self._passes(("%begin", "%end"))
        return self._text("epilogue", "ptr noalias %pointers, ptr noalias %numbers, i64 %row, i64 %begin, i64 %end", "internal ")

    def _text(self, name: str, parameters: str, linkage: str = "") -> Text:
        kinds = {n.detail[0]: _NUMBER_KINDS[n.detail[1]] for n in self.nodes if n.what == "number"}
        return Text(self.function(name, parameters, linkage, [kinds[k] for k in range(len(kinds))]), tuple(self.sizes))

    # --- units ------------------------------------------------------------------------------------------------------------------

    def _unit(self, unit: str) -> None:
        """One row, or block of columns, or part of one."""
        one, rest = self.one, unit
        if self.is_split and self.only != -1:
            self.part = one.define(f"urem i64 {rest}, {self.size('parts')}")
            rest = one.define(f"udiv i64 {rest}, {self.size('parts')}")
            chunk, split = self.size("chunk"), self.form.split
            whole = self.size("lane") if split == len(self.form.loops) else self.size("loop", split)
            self.low = self.mul(self.part, chunk)
            self.high = self.min(self.add(self.low, chunk), whole)
        if self.form.mode == COLUMNS:
            block, rest = self._divided(rest, self.size("blocks")) if self.form.units else (rest, "0")
            self._columns(block)
        self.row = rest
        self._point(self._indices(rest))
        self._passes(None)

    def _passes(self, lane_bounds: tuple[str, str] | None) -> None:
        self.rows.clear()
        for p in range(len(self.schedule.passes)):
            if self.only in (None, p):
                self._pass(p, lane_bounds)
        if self.only in (None, -1):
            self._store_rows()

    def _divided(self, a: str, b: str) -> tuple[str, str]:
        """Remainder and quotient."""
        return self.one.define(f"urem i64 {a}, {b}"), self.one.define(f"udiv i64 {a}, {b}")

    def _columns(self, block: str) -> None:
        """The spots of a block of columns. The last block ends with the last column: it may overlap the one before."""
        lanes, copies = self.form.lanes, self.form.copies
        if self.form.narrow:
            self.spots = [Spot(0, "0", self._mask("0", self.size("lane")))]
            return
        last = self.one.define(f"sub nsw i64 {self.size('lane')}, {lanes * copies}")
        start = self.min(self.mul(block, str(lanes * copies)), last)
        self.spots = [Spot(c, self.add(start, str(c * lanes)), None) for c in range(copies)]

    def _indices(self, unit: str) -> tuple[str, ...]:
        """A unit's number taken apart into the indices of the unit dims."""
        indices: list[str] = []
        for k in range(len(self.form.units) - 1, 0, -1):
            index, unit = self._divided(unit, self.size("unit", k))
            indices.append(index)
        return tuple(reversed([*indices, unit])) if self.form.units else ()

    def _point(self, indices: tuple[str, ...]) -> None:
        """Pointers to this unit's elements of every operand."""
        for slot in range(self.pointers):
            kind = memory_kind(self.dtype_of_slot[slot])
            at = self.size("offset", slot) if self.form.offset[slot] else "0"
            for d, index in enumerate(indices):
                if self.form.units[d][slot]:
                    at = self.add(at, self.mul(index, self.size("unit stride", d, slot)))
            self.origin[slot] = self.at(self.base(slot), kind, at)
        for k, slot in enumerate(self.kept.values()):
            kind = memory_kind(self.dtype_of_slot[slot])
            bytes = self.mul(self.size("kept size"), str(8 * k))
            pointer = self.at("%scratch", np.dtype(np.uint8), bytes)
            if self.form.mode == COLUMNS and self.spots[0].index != "0":
                pointer = self.at(pointer, kind, self.one.define(f"sub nsw i64 0, {self.spots[0].index}"))
            self.origin[slot] = pointer

    # --- one pass ---------------------------------------------------------------------------------------------------------------

    def _pass(self, p: int, lane_bounds: tuple[str, str] | None) -> None:
        plan = self.schedule.passes[p]
        if not plan.reductions and not plan.stores:
            return
        self.copies = copies_of(self.body, plan, self.form)
        for r in plan.reductions:
            for c in range(self.copies):
                self._set(r, c, self._identity(self.nodes[r], self.many))
                if self._has_flag(r):
                    self._set_flag(r, c, self.many.constant(False, BOOL))
        for n in plan.rows:
            for c in range(len(self.spots) or 1):
                self._row(n, c)
        slots = [self._read_from(n, p) for n in plan.values if self._read_from(n, p) is not None]
        slots += [self._written_to(n) for n in plan.stores]
        origins = {slot: self.origin[slot] for slot in slots}
        self._nest(0, p, origins, {}, lane_bounds)
        for r in plan.reductions:
            self._finish(r)

    def _read_from(self, n: int, p: int) -> Any:
        """The slot from which pass `p` reads a full node; None if it computes it."""
        if n in self.slot:
            return self.slot[n]
        if self.schedule.level[n] < p:
            return self.kept.get(n, self.home.get(n))
        return None

    def _written_to(self, n: int) -> int:
        return self.kept[n] if n in self.kept else self.home[n]

    def _moves(self, slot: int, d: int) -> bool:
        """Whether a slot moves along loop `d`."""
        return slot >= self.pointers or self.form.loops[d][slot]

    def _lane_step(self, slot: int) -> int:
        return 1 if slot >= self.pointers else self.form.lane[slot]

    def _nest(self, d: int, p: int, origins: dict[int, str], known: dict[Any, Value], lane_bounds: Any) -> None:
        """The loops from the `d`th inwards. What moves along none of them is loaded before them."""
        known = known | self._loaded_before(d, p, origins)
        if d == len(self.form.loops):
            return self._inner(p, origins, known, lane_bounds)
        low, high = (self.low, self.high) if self.is_split and self.form.split == d else ("0", self.size("loop", d))
        with self.loop(low, high) as k:
            moved = {}
            for slot, pointer in origins.items():
                if self._moves(slot, d):
                    name = ("kept stride", d) if slot >= self.pointers else ("loop stride", d, slot)
                    pointer = self.at(pointer, memory_kind(self.dtype_of_slot[slot]), self.mul(k, self.size(*name)))
                moved[slot] = pointer
            self._nest(d + 1, p, moved, known, lane_bounds)
        return None

    def _loaded_before(self, d: int, p: int, origins: dict[int, str]) -> dict[Any, Value]:
        """Loads that move along loop `d - 1` and none further in (nor, in rows, along the lanes)."""
        found: dict[Any, Value] = {}
        for n in self.schedule.passes[p].values:
            slot = self._read_from(n, p)
            if slot is None or any(self._moves(slot, e) for e in range(d, len(self.form.loops))):
                continue
            if d and not self._moves(slot, d - 1):
                continue
            if self._lane_step(slot) == 0:
                value = self._load(slot, origins[slot], Spot(0, "0", None))
                found |= {(n, c): value for c in range(self.copies)}
            elif self.form.mode == COLUMNS and d < len(self.form.loops):
                found |= {(n, s.copy): self._load(slot, origins[slot], s) for s in self.spots}
        return found

    def _inner(self, p: int, origins: dict[int, str], known: dict[Any, Value], lane_bounds: tuple[str, str] | None) -> None:
        """The innermost part: vectors along the lane dim, or one block of columns."""
        if self.form.mode == COLUMNS:
            for spot in self.spots:
                self._elements(p, spot, origins, known)
            return
        lanes, copies = self.form.lanes, self.copies
        if lane_bounds is not None:
            low, high = lane_bounds
        elif self.is_split and self.form.split == len(self.form.loops):
            low, high = self.low, self.high
        else:
            low, high = "0", self.size("lane")
        if self.form.narrow:
            return self._elements(p, Spot(0, "0", self._mask("0", high)), origins, known)
        length = self.one.define(f"sub nsw i64 {high}, {low}") if low != "0" else high
        stop = self.add(low, self.one.define(f"and i64 {length}, {-lanes * copies}"))
        with self.loop(low, stop, str(lanes * copies)) as i:
            for c in range(copies):
                self._elements(p, Spot(c, self.add(i, str(c * lanes)), None), origins, known)
        with self.loop(stop, high, str(lanes)) as i:
            self._elements(p, Spot(0, i, self._mask(i, high)), origins, known)
        return None

    def _mask(self, index: str, end: str) -> Value | None:
        """The lanes from `index` that are before `end`; a single lane is never behind it."""
        if self.form.lanes == 1:
            return None
        left = self.min(self.one.define(f"sub nsw i64 {end}, {index}"), str(self.form.lanes))
        left = self.one.define(f"trunc i64 {left} to i32")
        lanes = Value(self.many, f"<{numbers(0, self.form.lanes)}>", I32)
        return lanes < self.many.splat(left, I32)

    def _elements(self, p: int, spot: Spot, origins: dict[int, str], known: dict[Any, Value]) -> None:
        """The body at one spot."""
        plan: Pass = self.schedule.passes[p]
        values: dict[int, Value] = {}
        for n in plan.values:
            slot = self._read_from(n, p)
            if (n, spot.copy) in known:
                values[n] = known[n, spot.copy]
            elif slot is not None:
                values[n] = self._load(slot, origins[slot], spot)
            else:
                values[n] = self._compute(self.nodes[n], [self._full(i, values, spot.copy) for i in self.nodes[n].inputs])
        for r in plan.reductions:
            value = self._full(self.nodes[r].inputs[0], values, spot.copy)
            if spot.mask is not None and self.form.mode != COLUMNS:
                value = SCALARS.where(spot.mask, value, self._identity(self.nodes[r], self.many))
            self._accumulate(r, spot.copy, value)
        for n in plan.stores:
            slot = self._written_to(n)
            self._store(values[n], slot, origins[slot], spot)

    def _full(self, n: int, values: dict[int, Value], copy: int) -> Value:
        """A node's value as a vector of elements."""
        at = self.nodes[n].at
        if at == FULL:
            return values[n]
        if at == SCALAR:
            return self._splat(self.scalars[n])
        value = self.rows[n, copy] if self.form.mode == COLUMNS else self.rows[n, 0]
        return value if value.b is self.many else self._splat(value)

    # --- reductions -------------------------------------------------------------------------------------------------------------

    def _accumulator(self, r: int, copy: int) -> tuple[str, str]:
        type = self.many.vector(register_kind(self.nodes[r].dtype))
        return self.variable(f"%sum{r}_{copy}", type), type

    def _set(self, r: int, copy: int, value: Value) -> None:
        name, type = self._accumulator(r, copy)
        self.one.emit(f"store {type} {value.name}, ptr {name}")

    def _get(self, r: int, copy: int) -> Value:
        name, type = self._accumulator(r, copy)
        return Value(self.many, self.one.load(f"load {type}, ptr {name}"), register_kind(self.nodes[r].dtype))

    def _accumulate(self, r: int, copy: int, value: Value) -> None:
        """One more value. Extremes of floats look for the extreme and for nan apart, which takes less time than both at once."""
        before = self._get(r, copy)
        if not self._has_flag(r):
            return self._set(r, copy, self._combine(self.nodes[r], before, value))
        better = before > value if self.nodes[r].detail == "max" else before < value
        self._set(r, copy, SCALARS.where(better, before, value))
        return self._set_flag(r, copy, self._flag(r, copy) | (value != value))

    def _has_flag(self, r: int) -> bool:
        return self.nodes[r].detail != "sum" and register_kind(self.nodes[r].dtype).kind == "f"

    def _set_flag(self, r: int, copy: int, value: Value) -> None:
        type = self.many.vector(BOOL)
        self.one.emit(f"store {type} {value.name}, ptr {self.variable(f'%nan{r}_{copy}', type)}")

    def _flag(self, r: int, copy: int) -> Value:
        type = self.many.vector(BOOL)
        return Value(self.many, self.one.load(f"load {type}, ptr {self.variable(f'%nan{r}_{copy}', type)}"), BOOL)

    def _identity(self, node: Node, b: Builder) -> Value:
        kind, how = register_kind(node.dtype), node.detail
        if how == "sum":
            return b.constant(0, kind)
        if kind.kind == "f":
            return b.constant(-inf if how == "max" else inf, kind)
        limits = np.iinfo(kind) if kind != BOOL else None
        low, high = (limits.min, limits.max) if limits else (False, True)
        return b.constant(low if how == "max" else high, kind)

    def _combine(self, node: Node, a: Value, b: Value) -> Value:
        if node.detail == "sum":
            return a + b if a.kind != BOOL else a | b
        return FUNCTIONS["maximum" if node.detail == "max" else "minimum"](SCALARS, a, b)

    def _finish(self, r: int) -> None:
        """What the pass has summed up: a row's value, or a part's, which goes to memory."""
        totals = [self._get(r, c) for c in range(self.copies)]
        if self._has_flag(r):
            unknown = self.many.constant(nan, register_kind(self.nodes[r].dtype))
            totals = [SCALARS.where(self._flag(r, c), unknown, t) for c, t in enumerate(totals)]
        if self.form.mode == COLUMNS:
            self.rows |= {(r, c): t for c, t in enumerate(totals)}
        else:
            while len(totals) > 1:
                half = len(totals) // 2
                totals = [self._combine(self.nodes[r], a, b) for a, b in zip(totals[:half], totals[half:], strict=True)]
            self.rows[r, 0] = self._across(self.nodes[r], totals[0])
        if self.is_split:
            for spot in self.spots or [Spot(0, "0", None)]:
                pointer = self._partial(r, self.part, spot)
                store_run(self.rows[r, spot.copy], self.nodes[r].dtype.compute, pointer, spot.mask)

    def _across(self, node: Node, total: Value) -> Value:
        """The lanes combined in a fixed tree: the upper half with the lower, and so on."""
        while total.b.lanes > 1:
            wide, half = total.b, total.b.lanes // 2
            narrow = Builder(half, self.one)
            t = wide.vector(total.kind)
            halves = [
                Value(narrow, wide.define(f"shufflevector {t} {total.name}, {t} poison, <{half} x i32> <{numbers(at, half)}>"), total.kind)
                for at in (0, half)
            ]
            if half == 1:
                halves = [Value(self.one, self.one.define(f"extractelement {t} {total.name}, i64 {k}"), total.kind) for k in (0, 1)]
            total = self._combine(node, *halves)
        return total

    def _partial(self, r: int, part: str, spot: Spot) -> str:
        """Where a part's result lies: by row, then part, then column."""
        at = self.add(self.mul(self.row, self.size("parts")), part)
        if self.form.mode == COLUMNS:
            at = self.add(self.mul(at, self.size("lane")), spot.index)
        return self.at(self.base(self.partial[r]), memory_kind(self.nodes[r].dtype.compute), at)

    def _gathered(self, r: int, copy: int) -> Value:
        """The parts' results combined, in order."""
        node = self.nodes[r]
        columns = self.form.mode == COLUMNS
        b = self.many if columns else self.one
        spot = self.spots[copy] if columns else Spot(0, "0", None)
        type = b.vector(register_kind(node.dtype))
        cell = self.variable(f"%parts{r}_{copy}", type)
        self.one.emit(f"store {type} {self._identity(node, b).name}, ptr {cell}")
        with self.loop("0", self.size("parts")) as k:
            before = Value(b, self.one.load(f"load {type}, ptr {cell}"), register_kind(node.dtype))
            after = self._combine(node, before, load_run(b, node.dtype.compute, self._partial(r, k, spot), spot.mask))
            self.one.emit(f"store {type} {after.name}, ptr {cell}")
        return Value(b, self.one.load(f"load {type}, ptr {cell}"), register_kind(node.dtype))

    # --- values -----------------------------------------------------------------------------------------------------------------

    def _splat(self, v: Value) -> Value:
        if v.name.startswith("%"):
            return self.many.splat(v.name, v.kind)
        return Value(self.many, f"splat ({llvm_type(v.kind)} {v.name})", v.kind) if self.many.lanes > 1 else v

    def _compute(self, node: Node, inputs: list[Value]) -> Value:
        kind = register_kind(node.dtype)
        if node.detail is cast:
            return rounded(inputs[0].astype(kind), node.dtype)
        out = node.detail.body(SCALARS, *inputs)
        return out.astype(kind) if isinstance(out, Value) else inputs[0].b.constant(out, kind)

    def _scalars(self) -> None:
        """Numbers, and expressions of numbers: once a call."""
        for n, node in enumerate(self.nodes):
            if node.at != SCALAR:
                continue
            if node.what == "number":
                self.scalars[n] = Value(self.one, f"%num{node.detail[0]}", _NUMBER_KINDS[node.detail[1]])
            elif node.what == "const":
                self.scalars[n] = self.one.constant(constant_of(node), register_kind(node.dtype))
            else:
                self.scalars[n] = self._compute(node, [self.scalars[i] for i in node.inputs])

    def _row(self, n: int, copy: int) -> Value:
        """A row node's value: one for the row, or a vector of columns."""
        found = self.rows.get((n, copy))
        if found is not None:
            return found
        node = self.nodes[n]
        columns = self.form.mode == COLUMNS
        if node.at == SCALAR:
            return self._splat(self.scalars[n]) if columns else self.scalars[n]
        if node.what == "reduce":
            out = self._gathered(n, copy)
        elif node.what == "load":
            slot = self.slot[n]
            if columns:
                out = self._load(slot, self.origin[slot], self.spots[copy])
            else:
                out = load_run(self.one, node.dtype, self.origin[slot], None)
        else:
            out = self._compute(node, [self._row(i, copy) for i in node.inputs])
        self.rows[n, copy] = out
        return out

    def _store_rows(self) -> None:
        for n, slot in self.home.items():
            if self.nodes[n].at != ROW:
                continue
            for spot in self.spots or [Spot(0, "0", None)]:
                value = self._row(n, spot.copy)
                if self.form.mode == COLUMNS:
                    self._store(value, slot, self.origin[slot], spot)
                else:
                    store_run(value, self.nodes[n].dtype, self.origin[slot], None)

    # --- memory -----------------------------------------------------------------------------------------------------------------

    def _load(self, slot: int, pointer: str, spot: Spot) -> Value:
        """A vector of a slot's elements at a spot."""
        d, step = self.dtype_of_slot[slot], self._lane_step(slot)
        if step == 0:
            return self._splat(load_run(self.one, d, pointer, None))
        at = self._at_spot(slot, pointer, spot)
        if step == 1 or self.many.lanes == 1:
            return load_run(self.many, d, at, spot.mask)
        return gather(self.many, d, at, self.size("lane stride", slot), spot.mask)

    def _store(self, v: Value, slot: int, pointer: str, spot: Spot) -> None:
        """A vector to a slot's elements at a spot."""
        d, at = self.dtype_of_slot[slot], self._at_spot(slot, pointer, spot)
        if self._lane_step(slot) == 1 or self.many.lanes == 1:
            store_run(v, d, at, spot.mask)
        else:
            scatter(v, d, at, self.size("lane stride", slot), spot.mask)

    def _at_spot(self, slot: int, pointer: str, spot: Spot) -> str:
        index = spot.index if self._lane_step(slot) == 1 else self.mul(spot.index, self.size("lane stride", slot))
        return self.at(pointer, memory_kind(self.dtype_of_slot[slot]), index)
