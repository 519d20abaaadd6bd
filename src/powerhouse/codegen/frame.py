"""The frame of a kernel: a function's registers for sizes and pointers, its variables and loops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import numpy as np

from .values import Builder, llvm_type

_LOOPS = 1000  # the first number of the loops' metadata: other functions of a module may have some of their own


class Frame:
    """A function that is written from the inside: what its body asks for (sizes, pointers, variables) is set up before it.

    A size is a number that the function is given behind its numbers, known by a name.
    """

    def __init__(self, lanes: int) -> None:
        self.one = Builder(1)
        self.many = Builder(lanes, self.one)
        self.setup: dict[str, None] = {}
        self.sizes: list[tuple[Any, ...]] = []
        self._labels = count()

    def function(self, name: str, parameters: str, linkage: str, numbers: list[np.dtype]) -> str:
        """The module: declarations, the function, and a note that its loops are not to be unrolled further."""
        lines = []
        for k, kind in enumerate([*numbers, *(None for _ in self.sizes)]):
            register = f"%num{k}" if kind is not None else f"%size{k - len(numbers)}"
            lines += [
                f"  {register}_cell = getelementptr i64, ptr %numbers, i64 {k}",
                f"  {register} = load {llvm_type(kind) if kind is not None else 'i64'}, ptr {register}_cell",
            ]
        inside = "\n".join([*lines, *self.setup, *self.one.lines])
        head = "\n".join(sorted(self.one.declarations))
        text = f"{head}\ndefine {linkage}void @{name}({parameters}) nounwind {{\nentry:\n{inside}\n  ret void\n}}\n"
        loops = next(self._labels)
        if loops:
            text += f'!{_LOOPS} = !{{!"llvm.loop.unroll.disable"}}\n'
        return text + "".join(f"!{k} = distinct !{{!{k}, !{_LOOPS}}}\n" for k in range(_LOOPS + 1, _LOOPS + 1 + loops))

    @contextmanager
    def loop(self, begin: str, end: str, step: str = "1") -> Iterator[str]:
        """`for (i = begin; i < end; i += step)`."""
        one, k = self.one, next(self._labels)
        i = f"%i{k}"
        one.lines += [f"  br label %enter{k}", f"enter{k}:", f"  br label %head{k}", f"head{k}:"]
        one.lines.append(f"  {i} = phi i64 [ {begin}, %enter{k} ], [ {i}_next, %latch{k} ]")
        one.lines += [f"  {i}_on = icmp slt i64 {i}, {end}", f"  br i1 {i}_on, label %body{k}, label %exit{k}", f"body{k}:"]
        with one.scope():
            yield i
        one.lines += [f"  br label %latch{k}", f"latch{k}:", f"  {i}_next = add nsw i64 {i}, {step}"]
        one.lines += [f"  br label %head{k}, !llvm.loop !{_LOOPS + 1 + k}", f"exit{k}:"]

    def size(self, *name: Any) -> str:
        """The register of a length, stride or offset of this call."""
        if name not in self.sizes:
            self.sizes.append(name)
        return f"%size{self.sizes.index(name)}"

    def base(self, k: int) -> str:
        """The register of pointer `k`."""
        name = f"%base{k}"
        self.setup |= dict.fromkeys((f"  {name}_cell = getelementptr ptr, ptr %pointers, i64 {k}", f"  {name} = load ptr, ptr {name}_cell"))
        return name

    def variable(self, name: str, type: str) -> str:
        """Memory of the function's own, which LLVM makes a register."""
        self.setup[f"  {name} = alloca {type}"] = None
        return name

    def add(self, a: str, b: str) -> str:
        """`a + b`."""
        return a if b == "0" else b if a == "0" else self.one.define(f"add nsw i64 {a}, {b}")

    def mul(self, a: str, b: str) -> str:
        """`a * b`."""
        return "0" if "0" in (a, b) else self.one.define(f"mul nsw i64 {a}, {b}")

    def min(self, a: str, b: str) -> str:
        """The smaller."""
        self.one.declarations.add("declare i64 @llvm.smin.i64(i64, i64)")
        return self.one.define(f"call i64 @llvm.smin.i64(i64 {a}, i64 {b})")

    def at(self, pointer: str, kind: np.dtype, index: str) -> str:
        """The address of element `index`."""
        return pointer if index == "0" else self.one.define(f"getelementptr {llvm_type(kind)}, ptr {pointer}, i64 {index}", "p")
