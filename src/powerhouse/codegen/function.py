"""Writing functions with loops: the text of an LLVM function, instruction by instruction.

Numbers and vectors are `Value`s, so that arithmetic is written with operators; pointers are the names of registers. What changes from
turn to turn of a loop is kept in a `Cell`, which LLVM moves into registers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from .values import BOOL, I64, Builder, Value, literal, llvm_type

ATTRIBUTES = "nounwind"


class Cell(NamedTuple):
    """A variable: a value that is replaced as the function runs."""

    function: Function
    builder: Builder
    kind: np.dtype
    name: str

    def get(self) -> Value:
        """The present value."""
        return Value(self.builder, self.builder.load(f"load {self.builder.vector(self.kind)}, ptr {self.name}"), self.kind)

    def set(self, value: Value | float) -> None:
        """Replace the value."""
        value = value if isinstance(value, Value) else self.builder.constant(value, self.kind)
        self.builder.emit(f"store {self.builder.vector(self.kind)} {value.name}, ptr {self.name}")


class Function:
    """A function in the making. `parameters` is LLVM's text of them, such as `ptr noalias %a, i64 %k`; vectors have `lanes` lanes."""

    def __init__(self, name: str, parameters: str, lanes: int = 1, attributes: str = "internal") -> None:
        self.name, self.parameters, self.attributes = name, parameters, attributes
        self.one, self.many = Builder(1), Builder(lanes)
        self.many.lines, self.many.declarations, self.many._known = self.one.lines, self.one.declarations, self.one._known
        self.many.fresh = self.one.fresh  # type: ignore[method-assign]
        self._cells: list[str] = []
        self.lanes = lanes

    def text(self) -> str:
        """The whole function, with the declarations that it needs."""
        head = f"define {self.attributes} void @{self.name}({self.parameters}) {ATTRIBUTES} {{\nentry:"
        return "\n".join([head, *self._cells, *self.one.lines, "  ret void", "}"])

    # --- values -----------------------------------------------------------------------------------------------------------------

    def int(self, name: str | int) -> Value:
        """An integer: a parameter by its name, or a constant."""
        return self.one.constant(name, I64) if isinstance(name, int) else Value(self.one, f"%{name}", I64)

    def ints(self, names: str) -> list[Value]:
        """Integer parameters by their names."""
        return [self.int(n) for n in names.split()]

    def smaller(self, a: Value, b: Value | int) -> Value:
        """The smaller of two integers."""
        return self.one.intrinsic("smin", a, b if isinstance(b, Value) else self.int(b))

    def quotient(self, a: Value, b: Value | int) -> Value:
        """`a // b` of integers that are not negative."""
        b = b if isinstance(b, Value) else self.int(b)
        return Value(self.one, self.one.define(f"udiv i64 {a.name}, {b.name}"), I64)

    def ratio_up(self, a: Value, b: Value | int) -> Value:
        """The quotient, rounded up."""
        return self.quotient(a + (b - 1), b)

    def either(self, condition: Value, a: Any, b: Any) -> Any:
        """`a` where the condition holds, else `b`: two integers or two pointers."""
        if isinstance(a, str):
            return self.one.define(f"select i1 {condition.name}, ptr {a}, ptr {b}")
        a, b = (x if isinstance(x, Value) else self.int(x) for x in (a, b))
        return Value(self.one, self.one.define(f"select i1 {condition.name}, i64 {a.name}, i64 {b.name}"), I64)

    def cell(self, kind: np.dtype = I64, start: Value | float = 0, many: bool = False) -> Cell:
        """A variable, of a vector where `many`."""
        builder = self.many if many else self.one
        name = self.one.fresh("cell")
        self._cells.append(f"  {name} = alloca {builder.vector(kind)}")
        found = Cell(self, builder, kind, name)
        found.set(start)
        return found

    def buffer(self, kind: np.dtype, count: int) -> str:
        """Memory on the stack."""
        name = self.one.fresh("buffer")
        self._cells.append(f"  {name} = alloca [{count} x {memory_type(kind)}], align 64")
        return name

    # --- memory -----------------------------------------------------------------------------------------------------------------

    def at(self, pointer: str, index: Value | int, kind: np.dtype | str) -> str:
        """The address of element `index`."""
        kind = kind if isinstance(kind, str) else memory_type(kind)
        index = index if isinstance(index, Value) else self.int(index)
        return self.one.define(f"getelementptr {kind}, ptr {pointer}, i64 {index.name}", "p")

    def address(self, pointer: str) -> Value:
        """A pointer as a number."""
        return Value(self.one, self.one.define(f"ptrtoint ptr {pointer} to i64"), I64)

    def pointer(self, table: str, index: Value | int) -> str:
        """The pointer at `index` of a table of pointers."""
        return self.one.load(f"load ptr, ptr {self.at(table, index, 'ptr')}", "p")

    def number(self, table: str, index: int) -> Value:
        """The number at `index` of a table of integers."""
        return Value(self.one, self.one.load(f"load i64, ptr {self.at(table, index, 'i64')}", "n"), I64)

    def load(self, pointer: str, kind: np.dtype, lanes: int = 1) -> Value:
        """One element, or a vector of adjacent ones."""
        b = self._builder(lanes)
        return Value(b, b.load(f"load {b.vector(kind)}, ptr {pointer}, align {kind.itemsize}"), kind)

    def store(self, value: Value, pointer: str) -> None:
        """Store an element or a vector."""
        self.one.emit(f"store {value.b.vector(value.kind)} {value.name}, ptr {pointer}, align {value.kind.itemsize}")

    def load_masked(self, pointer: str, kind: np.dtype, mask: Value) -> Value:
        """The elements of a vector where the mask is set, zeros elsewhere."""
        v, suffix, m = self._masked(kind)
        self.one.declarations.add(f"declare {v} @llvm.masked.load.{suffix}.p0(ptr, i32, {m}, {v})")
        text = f"call {v} @llvm.masked.load.{suffix}.p0(ptr {pointer}, i32 {kind.itemsize}, {m} {mask.name}, {v} zeroinitializer)"
        return Value(self.many, self.many.load(text), kind)

    def store_masked(self, value: Value, pointer: str, mask: Value) -> None:
        """Store the elements of a vector where the mask is set."""
        v, suffix, m = self._masked(value.kind)
        self.one.declarations.add(f"declare void @llvm.masked.store.{suffix}.p0({v}, ptr, i32, {m})")
        self.one.emit(
            f"call void @llvm.masked.store.{suffix}.p0({v} {value.name}, ptr {pointer}, i32 {value.kind.itemsize}, {m} {mask.name})"
        )

    def prefetch(self, pointer: str) -> None:
        """Ask for a cache line that will be read."""
        self.one.declarations.add("declare void @llvm.prefetch.p0(ptr, i32, i32, i32)")
        self.one.emit(f"call void @llvm.prefetch.p0(ptr {pointer}, i32 0, i32 3, i32 1)")

    def _masked(self, kind: np.dtype) -> tuple[str, str, str]:
        return self.many.vector(kind), f"v{self.lanes}{kind.str[1]}{8 * kind.itemsize}", f"<{self.lanes} x i1>"

    def _builder(self, lanes: int) -> Builder:
        return self.one if lanes == 1 else self.many

    # --- vectors ----------------------------------------------------------------------------------------------------------------

    def fma(self, a: Value, b: Value, c: Value) -> Value:
        """`a * b + c`, rounded once where the processor can."""
        return self.many.intrinsic("fmuladd", a, b, c)

    def splat(self, value: Value) -> Value:
        """A number in all lanes."""
        return self.many.splat(value.name, value.kind)

    def first(self, count: Value) -> Value:
        """The mask of a vector's first `count` lanes."""
        lanes = ", ".join(f"i64 {k}" for k in range(self.lanes))
        v = self.many.vector(I64)
        return Value(self.many, self.many.define(f"icmp slt {v} <{lanes}>, {self.splat(count).name}"), BOOL)

    def shuffle(self, a: Value, b: Value, lanes: list[int]) -> Value:
        """Lanes picked from two vectors laid end to end."""
        v = self.many.vector(a.kind)
        picked = ", ".join(f"i32 {k}" for k in lanes)
        return Value(self.many, self.many.define(f"shufflevector {v} {a.name}, {v} {b.name}, <{len(lanes)} x i32> <{picked}>"), a.kind)

    # --- control ----------------------------------------------------------------------------------------------------------------

    @contextmanager
    def loop(self, begin: Value | int, end: Value | int, step: Value | int = 1) -> Iterator[Value]:
        """Count from `begin` to below `end`."""
        counter = self.cell(I64, begin if isinstance(begin, Value) else self.int(begin))
        head, body, leave = self._labels("head", "body", "leave")
        self._jump(head)
        at = counter.get()
        self._branch(at < end, body, leave)
        yield at
        counter.set(at + step)
        self.one.emit(f"br label %{head}")
        self.one.block(leave)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """What is done if the condition holds."""
        then, leave = self._labels("then", "leave")
        self._branch(condition, then, leave)
        yield
        self._jump(leave)

    def call(self, name: str, *arguments: Value | str) -> None:
        """Call a function without a result."""
        given = ", ".join(f"ptr {a}" if isinstance(a, str) else f"{a.b.vector(a.kind)} {a.name}" for a in arguments)
        self.one.emit(f"call void @{name}({given})")

    def _labels(self, *hints: str) -> list[str]:
        return [self.one.fresh(h)[1:] for h in hints]

    def _jump(self, label: str) -> None:
        self.one.emit(f"br label %{label}")
        self.one.block(label)

    def _branch(self, condition: Value, then: str, other: str) -> None:
        self.one.emit(f"br i1 {condition.name}, label %{then}, label %{other}")
        self.one.block(then)


def memory_type(kind: np.dtype) -> str:
    """The LLVM type of an element in memory."""
    return "i8" if kind == BOOL else llvm_type(kind)


FEW_PASSES = "; few passes\n"  # heads a text that is as its author wants it: most of LLVM's passes would take time for nothing


def module(*functions: Function | str, few_passes: bool = False) -> str:
    """The text of a module: the functions, and what they declare."""
    declarations: set[str] = set()
    bodies = []
    for f in functions:
        if isinstance(f, Function):
            declarations |= f.one.declarations
            bodies.append(f.text())
        else:  # text with declarations of its own, of which a module can have but one each
            lines = f.split("\n")
            declarations |= {line for line in lines if line.startswith("declare ")}
            bodies.append("\n".join(line for line in lines if not line.startswith("declare ")))
    return (FEW_PASSES if few_passes else "") + "\n\n".join([*sorted(declarations), *bodies]) + "\n"


__all__ = ["FEW_PASSES", "Cell", "Function", "literal", "memory_type", "module"]
