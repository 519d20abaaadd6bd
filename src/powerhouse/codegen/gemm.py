"""Matrix products: `batched_matmul` lowered to tasks."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from ..core import dtypes as dt
from ..graph.symbol import Symbol
from ..runtime import native
from .function import Function, module
from .gemm_dot import dots, is_skinny
from .gemm_packed import packed
from .gemm_product import UNITS, Call, Product, call_epilogue, numbers_of, part, product_of
from .gemm_rows import has_few_rows, rows
from .lowering import lowers
from .target import Target
from .task import At, Epilogue, Lowering, Place, Task, Temp

_PARTS = 16  # of a long common dim, which are multiplied apart and added
_LONG = 8192  # what that is
_FEW = 4  # rows of A up to which B is read as fast as it lies as from panels


@lowers("batched_matmul", epilogue=True)
def lower_matmul(s: Symbol, place: Callable[[Symbol], Place | None], epilogue: Epilogue | None = None) -> Lowering | None:
    """The tasks of one (batched) matrix product.

    Left to the reference: dtypes other than float32 and float64. An epilogue that needs whole rows is refused where there would be too
    few units of work.
    """
    a, b = (place(i) for i in s.inputs)
    if s.dtype not in (dt.float32, dt.float64) or a is None or b is None or s.numel == 0:
        return None
    kind = s.dtype.numpy
    p = product_of(s.shape, s.inputs[0].shape[-1], a.strides, b.strides)
    reads = At(a.base, a.offset * kind.itemsize), At(b.base, b.offset * kind.itemsize)
    call = Call(p, reads, At(s), kind, native.target(), epilogue, _again(a, b, p), b.at_once and _FEW < p.m <= p.n)
    if call.whole_rows and p.count * p.m < UNITS:
        return None
    return _in_parts(call) if p.k >= _LONG and p.count * p.m * p.n <= 1 << 16 else _multiply(call)


def _again(a: Place, b: Place, p: Product) -> tuple[bool, bool]:
    """Which operand is to be packed for others too: of two, the larger one."""
    both = a.again and b.again
    return a.again and (p.m > p.n or not both), b.again and (p.m <= p.n or not both)


def _multiply(call: Call) -> Lowering:
    """The tasks of a product, by its shape and strides."""
    p = call.product
    turned = call.turned()
    few_rows = is_skinny(p.a, p.m, p.b, p.k, call.kind) and not call.whole_rows
    if call.at_once and (few_rows or has_few_rows(call)):
        return packed(call._replace(again=(call.again[0], True)))
    if is_skinny(p.b, p.n, p.a, p.k, call.kind) and (p.n < p.m or not few_rows):
        return (dots(turned, rows_are_few=False),)
    if few_rows:
        return (dots(call),)
    if has_few_rows(call) and not call.whole_rows:
        return (rows(call),)
    if p.n == 1 and p.a[0] == 1 and call.epilogue is None:  # a vector is its own turned one
        return (rows(turned),)
    return packed(call)


def _in_parts(call: Call) -> Lowering:
    """The tasks of a product with a long common dim: parts of it are a further dim of the batch. What is left over is a part too."""
    p = call.product
    steps = p.k // _PARTS
    rest = p.k - _PARTS * steps
    size = p.count * p.m * p.n
    sums = Temp((_PARTS + (rest > 0)) * size * call.kind.itemsize)
    cut = p._replace(k=steps, batch=((_PARTS, p.a[1] * steps, p.b[1] * steps), *p.batch))
    call_alone = call._replace(epilogue=None, again=(False, False), at_once=False)
    tasks = _multiply(call_alone._replace(product=cut, out=At(sums)))
    if rest:
        reads = tuple(At(at.base, at.offset + over[1] * _PARTS * steps * call.kind.itemsize) for at, over in zip(call.reads, (p.a, p.b)))
        out = At(sums, _PARTS * size * call.kind.itemsize)
        tasks += _multiply(call_alone._replace(product=p._replace(k=rest), reads=reads, out=out))
    return (*tasks, _sum(call, sums, _PARTS + (rest > 0)))


_SUM = "parts rows n block"


def _sum(call: Call, sums: Temp, parts: int) -> Task:
    """The task that adds the parts of a result: a unit is a block of rows."""
    p = call.product
    height = part(p.count * p.m, max(1, p.count * p.m // UNITS), 1)
    numbers = (parts, p.count * p.m, p.n, height, 0)
    text = sum_text(call.kind, call.target, call.epilogue_text)
    work = parts * p.count * p.m * p.n
    return Task(text, (At(sums), At(sums)), (call.out,), numbers, -(-p.count * p.m // height), work, epilogue=call.epilogue)


@cache
def sum_text(kind: np.dtype, target: Target, epilogue: str) -> str:
    """The module that adds the parts of a result."""
    f = Function("kernel", "ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr %scratch", target.lanes(kind), attributes="")
    parts, rows, n, block = numbers_of(f, _SUM)
    source, to = f.pointer("%pointers", 0), f.pointer("%pointers", 2)
    begin, end = f.ints("begin end")
    with f.loop(begin * block, f.smaller(end * block, rows)) as row:
        with f.loop(0, n, f.lanes) as j:
            mask, total = f.first(n - j), f.cell(kind, 0.0, many=True)
            with f.loop(0, parts) as i:
                total.set(total.get() + f.load_masked(f.at(source, (i * rows + row) * n + j, kind), kind, mask))
            f.store_masked(total.get(), f.at(to, row * n + j, kind), mask)
        if epilogue:
            call_epilogue(f, _SUM, row, f.int(0), n)
    return module(f, epilogue, few_passes=True)
