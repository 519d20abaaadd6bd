"""Skinny products: a few rows with many rows, each row's elements side by side. Vectors run along the common dim, and nothing is packed."""

from __future__ import annotations

from functools import cache

import numpy as np

from .function import Cell, Function, module
from .gemm_product import UNITS, Call, batch_offsets, call_epilogue, numbers_of, part
from .target import Target
from .task import Task
from .values import Value

NUMBERS = "few many k x_row x_step w_row c_few c_many rows_are_few block"  # then the batch's


def sums_of(target: Target) -> int:
    """Dot products that are computed at a time, each in a register."""
    return 16 if target.registers >= 32 else 8


def is_skinny(few: tuple[int, int], count: int, many: tuple[int, int], k: int, kind: np.dtype) -> bool:
    """Whether `count` rows with strides `few` are best multiplied with many that have strides `many` as they lie."""
    room = few[1] == 1 or count * k * kind.itemsize <= 1 << 20  # the few must be copied, if they are not as the many are
    return many[1] == 1 and count <= max(1, min(32, k // 16)) and room


def dots(call: Call, rows_are_few: bool = True) -> Task:
    """The task of a product with few rows of A; or, of a product turned, with few columns of B."""
    p, kind = call.product, call.kind
    group = sums_of(call.target)
    block = part(p.n, min(16 * group, max(group, p.n // -(-UNITS // p.count))), group)
    c = (p.n, 1) if rows_are_few else (1, p.m)
    numbers = (p.m, p.n, p.k, *p.a, p.b[0], *c, int(rows_are_few), block, *p.dims)
    scratch = 0 if p.a[1] == 1 else p.m * p.k * kind.itemsize
    text = dot_text(kind, call.target, call.epilogue_text)
    count = p.count * -(-p.n // block)
    return Task(text, call.reads, (call.out,), numbers, count, p.work, scratch=scratch, epilogue=call.epilogue)


@cache
def dot_text(kind: np.dtype, target: Target, epilogue: str) -> str:
    """The module of skinny products. A unit of work is a block of the many rows with all of the few."""
    tiles = [(few, sums_of(target) // few) for few in (4, 2, 1) if few * 4 <= sums_of(target)]
    functions = [_dots(few, many, kind, target) for few, many in tiles]
    functions += [_side_by_side(kind), _tiles(tiles, kind, target), _kernel(kind, target, bool(epilogue))]
    return module(*functions, epilogue, few_passes=True)


def _dots(few: int, many: int, kind: np.dtype, target: Target) -> Function:
    """The dot products of `few` rows at x with up to `many` rows at w."""
    lanes = target.lanes(kind)
    parameters = "i64 %k, ptr %x, i64 %x_row, ptr %w, i64 %w_row, i64 %left, ptr noalias %c, i64 %c_few, i64 %c_many"
    f = Function(f"dots_{few}", parameters, lanes, "internal")
    k, x_row, w_row, left, c_few, c_many = f.ints("k x_row w_row left c_few c_many")
    sums = [[f.cell(kind, 0.0, many=True) for _ in range(many)] for _ in range(few)]
    x = [f.at("%x", x_row * i, kind) for i in range(few)]
    w = [f.at("%w", f.smaller(f.int(j), left - 1) * w_row, kind) for j in range(many)]
    whole = f.quotient(k, 2 * lanes) * (2 * lanes)
    ahead = w_row * sums_of(target)  # the next group of the many is asked for while this one is in the cache
    with f.loop(0, whole, 2 * lanes) as at:
        for here in (at, at + lanes):
            if few == 4:
                for row in w:
                    f.prefetch(f.at(row, ahead + here, kind))
            _add(f, sums, *([f.load(f.at(row, here, kind), kind, lanes) for row in rows] for rows in (x, w)))
    with f.loop(whole, k, lanes) as at:
        mask = f.first(k - at)
        _add(f, sums, *([f.load_masked(f.at(row, at, kind), kind, mask) for row in rows] for rows in (x, w)))
    totals = [cell.get() for row in sums for cell in row]
    results = f.buffer(kind, len(totals))
    for at in range(0, len(totals), lanes):
        f.store(_across(f, totals[at : at + lanes]), f.at(results, at, kind))
    with f.loop(0, f.smaller(left, many)) as j:
        for i in range(few):
            f.store(f.load(f.at(results, j + i * many, kind), kind), f.at("%c", c_few * i + c_many * j, kind))
    return f


def _add(f: Function, sums: list[list[Cell]], x: list[Value], w: list[Value]) -> None:
    for i, row in enumerate(sums):
        for j, cell in enumerate(row):
            cell.set(f.fma(x[i], w[j], cell.get()))


def _across(f: Function, rows: list[Value]) -> Value:
    """The sums over the lanes of as many vectors, side by side: pairs are interleaved and added until all have met."""
    half = f.lanes // 2
    low = [x for i in range(half) for x in (i, f.lanes + i)]
    high = [x + half for x in low]
    while len(rows) > 1:
        half = len(rows) // 2
        rows = [f.shuffle(a, b, low) + f.shuffle(a, b, high) for a, b in zip(rows[:half], rows[half:])]
    return rows[0]


def _side_by_side(kind: np.dtype) -> Function:
    """Copy the few rows so that each one's elements are adjacent."""
    f = Function("side_by_side", "ptr %x, i64 %few, i64 %k, i64 %x_row, i64 %x_step, ptr noalias %to")
    few, k, x_row, x_step = f.ints("few k x_row x_step")
    with f.loop(0, k) as step, f.loop(0, few) as i:
        f.store(f.load(f.at("%x", i * x_row + step * x_step, kind), kind), f.at("%to", i * k + step, kind))
    return f


def _tiles(tiles: list[tuple[int, int]], kind: np.dtype, target: Target) -> Function:
    """All of the few rows with a group of the many. The first two go first: with them, more of the many are read from memory at once."""
    parameters = "i64 %few, i64 %k, ptr %x, i64 %x_row, ptr %w, i64 %w_row, i64 %left, ptr %c, i64 %c_few, i64 %c_many"
    f = Function("tiles", parameters)
    few, k, x_row, w_row, left, c_few, c_many = f.ints("few k x_row w_row left c_few c_many")
    done = f.int(0)
    for n, (rows, many) in enumerate([(2, sums_of(target) // 2), *tiles]):
        end = done + f.quotient(few - done, rows) * rows if n else f.either(few > 1, 2, 0)
        with f.loop(done, end, rows) as i, f.loop(0, left, many) as j:
            x, w, c = f.at("%x", i * x_row, kind), f.at("%w", j * w_row, kind), f.at("%c", i * c_few + j * c_many, kind)
            f.call(f"dots_{rows}", k, x, x_row, w, w_row, left - j, c, c_few, c_many)
        done = end
    return f


def _kernel(kind: np.dtype, target: Target, epilogue: bool) -> Function:
    f = Function("kernel", "ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr noalias %scratch", attributes="")
    few, many, k, x_row, x_step, w_row, c_few, c_many, rows_are_few, block = numbers_of(f, NUMBERS)
    x, w, c = (f.pointer("%pointers", i) for i in range(3))
    blocks = f.ratio_up(many, block)
    adjacent, group = x_step == 1, sums_of(target)
    copied = f.cell(start=-1)
    with f.loop(*f.ints("begin end")) as unit:
        batch = f.quotient(unit, blocks)
        first = (unit - batch * blocks) * block
        last = f.smaller(first + block, many)
        over_x, over_w = batch_offsets(f, batch, NUMBERS)
        matrix = f.at(x, over_x, kind)
        with f.when(~adjacent & (copied.get() != batch)):
            f.call("side_by_side", matrix, few, k, x_row, x_step, "%scratch")
            copied.set(batch)
        rows, row = f.either(adjacent, matrix, "%scratch"), f.either(adjacent, x_row, k)
        results = f.at(c, batch * few * many, kind)
        with f.loop(first, last, group) as j:
            left = f.smaller(last - j, group)
            others, at = f.at(f.at(w, over_w, kind), j * w_row, kind), f.at(results, j * c_many, kind)
            f.call("tiles", few, k, rows, row, others, w_row, left, at, c_few, c_many)
        if epilogue:
            with f.when(rows_are_few != 0), f.loop(0, few) as i:
                call_epilogue(f, NUMBERS, batch * few + i, first, last)
            with f.when(rows_are_few == 0), f.loop(first, last) as i:
                call_epilogue(f, NUMBERS, batch * many + i, f.int(0), few)
    return f
