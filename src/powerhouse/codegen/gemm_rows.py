"""Products with few rows of A, and adjacent columns of B: rows of B are read as they lie and added, times numbers, to rows of C."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from .function import Function, module
from .gemm_product import UNITS, Call, batch_offsets, call_epilogue, numbers_of, part
from .target import Target
from .task import Task

NUMBERS = "m n k a_row a_step b_step block"  # then the batch's
_PAGE = 4096  # bytes
_TILES = {32: ((2, 8), (1, 8), (4, 4), (2, 4), (1, 4), (4, 1), (2, 1), (1, 1)), 16: ((2, 4), (1, 4), (2, 1), (1, 1))}
"""By registers: of how many rows of C, and how many of B that are added to them at a time."""


def has_few_rows(call: Call) -> bool:
    """Whether a product is best computed so: with more rows, B is better read from memory once, if it is too large for the cache."""
    p = call.product
    large = p.k * p.n * call.kind.itemsize > call.target.l2
    return p.b[0] == 1 and p.m <= (16 if large else 4)


def rows(call: Call) -> Task:
    """The task of a product with few rows of A, whose B has adjacent columns."""
    p, lanes = call.product, call.target.lanes(call.kind)
    block = part(p.n, min(4096, max(1024, p.n * p.count // UNITS)), lanes)
    numbers = (p.m, p.n, p.k, *p.a, p.b[1], block, *p.dims)
    scratch = p.m * _row(block, lanes) * call.kind.itemsize + _PAGE
    text = rows_text(call.kind, call.target, call.epilogue_text)
    return Task(text, call.reads, (call.out,), numbers, p.count * -(-p.n // block), p.work, scratch=scratch, epilogue=call.epilogue)


@cache
def rows_text(kind: np.dtype, target: Target, epilogue: str) -> str:
    """The module of such products. A unit of work is a block of columns."""
    tiles = _TILES[target.registers]
    functions = [_update(rows, steps, kind, target) for rows, steps in tiles]
    functions += [_updates(tiles, kind), _clear(kind, target), _copy(kind, target), _kernel(kind, target, bool(epilogue))]
    return module(*functions, epilogue, few_passes=True)


def _name(rows: int, steps: int) -> str:
    return f"update_{rows}_{steps}"


def _update(rows: int, steps: int, kind: np.dtype, target: Target) -> Function:
    """Add `steps` rows of B, times numbers of A, to each of `rows` rows of C."""
    parameters = "ptr %a, i64 %a_row, i64 %a_step, ptr %b, i64 %b_step, ptr noalias %c, i64 %c_row, i64 %columns"
    f = Function(_name(rows, steps), parameters, target.lanes(kind), "internal")
    a_row, a_step, b_step, c_row, columns = f.ints("a_row a_step b_step c_row columns")
    a = [[f.splat(f.load(f.at("%a", a_row * i + a_step * s, kind), kind)) for s in range(steps)] for i in range(rows)]
    b, c = [f.at("%b", b_step * s, kind) for s in range(steps)], [f.at("%c", c_row * i, kind) for i in range(rows)]
    whole = f.quotient(columns, f.lanes) * f.lanes
    with f.loop(0, whole, f.lanes) as j:
        if rows == 4 and steps > 1:
            for row in b:
                f.prefetch(f.at(row, b_step * steps + j, kind))
        vectors = [f.load(f.at(row, j, kind), kind, f.lanes) for row in b]
        for numbers, row in zip(a, c):
            total = f.load(f.at(row, j, kind), kind, f.lanes)
            for number, vector in zip(numbers, vectors):
                total = f.fma(number, vector, total)
            f.store(total, f.at(row, j, kind))
    with f.when(whole < columns):
        mask = f.first(columns - whole)
        vectors = [f.load_masked(f.at(row, whole, kind), kind, mask) for row in b]
        for numbers, row in zip(a, c):
            total = f.load_masked(f.at(row, whole, kind), kind, mask)
            for number, vector in zip(numbers, vectors):
                total = f.fma(number, vector, total)
            f.store_masked(total, f.at(row, whole, kind), mask)
    return f


def _updates(tiles: tuple[tuple[int, int], ...], kind: np.dtype) -> Function:
    """All rows of C: a few rows of B are added to all of them before the next are read."""
    parameters = "i64 %m, i64 %k, ptr %a, i64 %a_row, i64 %a_step, ptr %b, i64 %b_step, ptr %c, i64 %c_row, i64 %columns"
    f = Function("updates", parameters)
    m, k, a_row, a_step, b_step, c_row, columns = f.ints("m k a_row a_step b_step c_row columns")
    taken = f.int(0)
    for count in sorted({steps for _, steps in tiles}, reverse=True):
        heights = [rows for rows, steps in tiles if steps == count]
        end = taken + f.quotient(k - taken, count) * count
        if count > 4:  # for one or two rows only: with more, fewer steps are faster
            end = f.either(m <= heights[0], end, taken)
        with f.loop(taken, end, count) as step:
            done = f.int(0)
            for rows in heights:
                stop = done + f.quotient(m - done, rows) * rows
                with f.loop(done, stop, rows) as i:
                    a, b, c = f.at("%a", i * a_row + step * a_step, kind), f.at("%b", step * b_step, kind), f.at("%c", i * c_row, kind)
                    f.call(_name(rows, count), a, a_row, a_step, b, b_step, c, c_row, columns)
                done = stop
        taken = end
    return f


def _clear(kind: np.dtype, target: Target) -> Function:
    """Set elements to 0, whole vectors of them."""
    f = Function("clear", "ptr %c, i64 %count", target.lanes(kind))
    with f.loop(0, f.int("count"), f.lanes) as j:
        f.store(f.many.constant(0.0, kind), f.at("%c", j, kind))
    return f


def _copy(kind: np.dtype, target: Target) -> Function:
    """Copy elements."""
    f = Function("copy", "ptr %source, ptr noalias %to, i64 %count", target.lanes(kind))
    count = f.int("count")
    with f.loop(0, count, f.lanes) as j:
        mask = f.first(count - j)
        f.store_masked(f.load_masked(f.at("%source", j, kind), kind, mask), f.at("%to", j, kind), mask)
    return f


def _kernel(kind: np.dtype, target: Target, epilogue: bool) -> Function:
    f = Function("kernel", "ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr noalias %scratch", attributes="")
    m, n, k, a_row, a_step, b_step, block = numbers_of(f, NUMBERS)
    a, b, c = (f.pointer("%pointers", i) for i in range(3))
    blocks, row = f.ratio_up(n, block), _row(block, target.lanes(kind))
    with f.loop(*f.ints("begin end")) as unit:
        batch = f.quotient(unit, blocks)
        first = (unit - batch * blocks) * block
        last = f.smaller(first + block, n)
        over_a, over_b = batch_offsets(f, batch, NUMBERS)
        source = f.at(b, over_b + first, kind)
        results = _apart(f, source)
        f.call("clear", results, m * row)
        f.call("updates", m, k, f.at(a, over_a, kind), a_row, a_step, source, b_step, results, row, last - first)
        with f.loop(0, m) as i:
            at = batch * m + i
            f.call("copy", f.at(results, i * row, kind), f.at(c, at * n + first, kind), last - first)
            if epilogue:
                call_epilogue(f, NUMBERS, at, first, last)
    return f


def _apart(f: Function, source: str) -> str:
    """A place in scratch memory whose distance from `source` is a quarter page, and whole pages: a processor compares the lowest bits of
    addresses to see whether a load depends on a store before it."""
    return f.at("%scratch", (f.address(source) - f.address("%scratch") + _PAGE // 4) & (_PAGE - 64), "i8")


def _row(block: Any, lanes: int) -> Any:
    """Elements from row to row of a unit's results in scratch memory: a vector more than there are, so that rows share no cache sets."""
    return block + lanes
