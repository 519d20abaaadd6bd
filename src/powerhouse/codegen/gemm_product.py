"""What is to be multiplied, as data; and what all kernels of matrix products are told of it."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from .function import Function
from .target import Target
from .task import At, Epilogue
from .values import Value

UNITS = 16  # of work that there should be at least, to share them out


class Product(NamedTuple):
    """For each index of the batch, `m` rows of `k` times `k` rows of `n` elements. Strides in elements."""

    m: int
    n: int
    k: int
    a: tuple[int, int]  # strides of A: from row to row, from step to step (of the common dim)
    b: tuple[int, int]  # of B: from column to column, from step to step
    batch: tuple[tuple[int, int, int], ...]  # of each dim: size, A's stride, B's stride

    @property
    def count(self) -> int:
        """Matrices in the batch."""
        return prod(size for size, _, _ in self.batch)

    @property
    def work(self) -> int:
        """Multiplications."""
        return self.count * self.m * self.n * self.k

    @property
    def dims(self) -> tuple[int, ...]:
        """The numbers that tell a kernel of the batch."""
        return (len(self.batch), *(x for dim in self.batch for x in dim))

    def turned(self) -> Product:
        """The operands turned and exchanged: their product is the result turned."""
        return Product(self.n, self.m, self.k, self.b, self.a, tuple((size, b, a) for size, a, b in self.batch))


class Call(NamedTuple):
    """A product with its operands, and what is done with the result."""

    product: Product
    reads: tuple[At, At]
    out: At
    kind: np.dtype
    target: Target
    epilogue: Epilogue | None
    again: tuple[bool, bool] = (False, False)  # whether it pays to pack A, or B
    at_once: bool = False  # whether B is better packed than read as it lies

    def turned(self) -> Call:
        """The operands turned and exchanged."""
        return self._replace(product=self.product.turned(), reads=self.reads[::-1], again=self.again[::-1])

    @property
    def epilogue_text(self) -> str:
        """The text of the epilogue; empty if there is none."""
        return self.epilogue.text if self.epilogue else ""

    @property
    def whole_rows(self) -> bool:
        """Whether rows of the result must be finished as a whole."""
        return self.epilogue is not None and self.epilogue.whole_rows


def product_of(shape: tuple[int, ...], k: int, a: tuple[int, ...], b: tuple[int, ...]) -> Product:
    """The product with a result of `shape`, of operands with strides `a` and `b`.

    Dims of the batch that are one in memory are merged; into A's rows, where B is the same for all.
    """
    m, n = shape[-2:]
    batch: list[tuple[int, int, int]] = []
    for size, over_a, over_b in zip(shape[:-2], a, b):
        if size == 1:
            continue
        if batch and batch[-1][1:] == (over_a * size, over_b * size):
            size *= batch.pop()[0]
        batch.append((size, over_a, over_b))
    if len(batch) == 1 and batch[0][2] == 0 and batch[0][1] == m * a[-2]:
        m, batch = m * batch[0][0], []
    return Product(m, n, k, (a[-2], a[-1]), (b[-1], b[-2]), tuple(batch))


def part(size: int, most: int, unit: int) -> int:
    """The size of equal parts of about `most` elements, a multiple of `unit`."""
    parts = -(-max(1, size) // max(1, most))
    return -(-max(1, size) // (parts * unit)) * unit


def numbers_of(f: Function, names: str) -> list[Value]:
    """The numbers that a kernel is given, one for each name."""
    return [f.number("%numbers", i) for i in range(len(names.split()))]


def batch_offsets(f: Function, index: Value, names: str) -> tuple[Value, Value]:
    """Where A's and B's matrices of one index of the batch begin, in elements. Behind the numbers with `names` stand the batch's."""
    at = len(names.split())
    dims, rest, a, b = f.number("%numbers", at), f.cell(start=index), f.cell(), f.cell()
    with f.loop(0, dims) as back:
        dim = f.at("%numbers", (dims - 1 - back) * 3 + (at + 1), "i64")
        size, over_a, over_b = (f.number(dim, i) for i in range(3))
        now = rest.get()
        left = f.quotient(now, size)
        a.set(a.get() + (now - left * size) * over_a)
        b.set(b.get() + (now - left * size) * over_b)
        rest.set(left)
    return a.get(), b.get()


def call_epilogue(f: Function, names: str, row: Value, begin: Value, end: Value) -> None:
    """Call the epilogue for elements of a row. Its pointers stand behind A, B and C, its numbers behind the batch's."""
    at = len(names.split())
    numbers = f.at("%numbers", f.number("%numbers", at) * 3 + (at + 1), "i64")
    f.call("epilogue", f.at("%pointers", 3, "ptr"), numbers, row, begin, end)
