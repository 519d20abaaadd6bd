"""Products of larger matrices: rows of A and columns of B are packed into panels, and tiles of the result computed from a panel of each."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from .function import Function, module
from .gemm_pack import ITEMS, STEPS, order_of, pack, padded
from .gemm_product import UNITS, Call, batch_offsets, call_epilogue, numbers_of, part
from .micro import Tile, micro_kernel, tile_of
from .target import Target
from .task import At, Lowering, Task, Temp
from .values import Value

NUMBERS = "m n k a_row a_step b_column b_step row_block column_block step_block"  # then the batch's
_AHEAD_NUMBERS = "items k over_items over_steps step_block chunk"  # of the task that packs; then the batch's
AHEAD = "ahead"  # the order of an operand that a task of its own has packed
_HEIGHTS = (14, 10, 8, 6, 4)  # rows of tiles
_ALONE = 256  # rows of A up to which each unit packs what it needs of B, or reads it as it lies
_WORTH = 1 << 20  # work from which it is worth to pack A ahead
_SOON = 16  # steps before which a panel of B that comes from memory is asked for
_CHUNK = 4  # panels that a unit of packing lays out, at most
_SHARES = 4  # units that there should be at least
_LINE = 64  # bytes of a cache line


class Blocks(NamedTuple):
    """How a product is cut: a unit of work is `rows` x `columns` of the result; it takes `steps` of the common dim at a time."""

    rows: int
    columns: int
    steps: int


def height_of(m: int, target: Target) -> int:
    """The rows of a tile: of the heights that are almost as fast as the highest one, that which `m` rows fill best."""
    return min((h for h in _HEIGHTS if h <= tile_of(target).rows), key=lambda h: -(-m // h) * (h + 0.1))


def width_of(kind: np.dtype, target: Target) -> int:
    """The columns of a tile."""
    return tile_of(target).vectors * target.lanes(kind)


def blocks_of(call: Call, height: int) -> Blocks:
    """Blocks such that a unit's rows of A stay in the second-level cache, with room for B and the result."""
    p, width, shared = call.product, width_of(call.kind, call.target), call.product.m > _ALONE
    room = call.target.l2 // 2 // call.kind.itemsize
    steps = part(p.k, min(4096 // call.kind.itemsize, room // (8 * height if shared else padded(p.m, call.kind, call.target))), 1)
    most = min(p.m, room // steps, -(-p.m * p.count // (2 * UNITS))) if shared or call.whole_rows else p.m
    rows = part(p.m, max(height if shared else 4 * height, most), height)
    units = p.count * -(-p.m // rows)
    columns = p.n if call.whole_rows else max(width, p.n // -(-UNITS // units))
    return Blocks(rows, part(p.n, columns if shared or call.whole_rows else min(columns, 8 * width), width), steps)


def packed(call: Call) -> Lowering:
    """The tasks of a product: one that packs the operand that several units of work share, if there is one, and one that multiplies."""
    p, kind, target = call.product, call.kind, call.target
    height, width = height_of(p.m, target), width_of(kind, target)
    blocks = blocks_of(call, height)
    a_order, b_order = order_of(*p.a), order_of(*p.b)
    row_units, column_units = -(-p.m // blocks.rows), -(-p.n // blocks.columns)
    reads, tasks = list(call.reads), []
    if p.k and (p.m > _ALONE or call.again[1]):
        task, reads[1] = _pack_ahead(call.turned(), width, blocks.steps)
        tasks, b_order = [task], AHEAD
    if p.k and (call.again[0] or (column_units > 1 and p.work >= _WORTH and p.m <= _ALONE)):
        task, reads[0] = _pack_ahead(call, height, blocks.steps)
        tasks, a_order = [*tasks, task], AHEAD
    room = blocks.rows // height * padded(height, kind, target) + width
    numbers = (p.m, p.n, p.k, *p.a, *p.b, *blocks, *p.dims)
    text = packed_text(kind, target, height, a_order, b_order, call.epilogue_text, p.m <= _ALONE)
    count, scratch = p.count * row_units * column_units, blocks.steps * room * kind.itemsize
    return (*tasks, Task(text, tuple(reads), (call.out,), numbers, count, p.work, scratch=scratch, epilogue=call.epilogue))


def _pack_ahead(call: Call, width: int, steps: int) -> tuple[Task, At]:
    """The task that packs all of A into panels of `width` rows, and where they are. A unit is a few panels of one block of steps."""
    p, row = call.product, padded(width, call.kind, call.target)
    rows = -(-p.m // width)
    panels = Temp(p.count * p.k * rows * row * call.kind.itemsize)
    chunk = width * min(_CHUNK, -(-rows // _SHARES))
    count = p.count * -(-p.k // steps) * -(-p.m // chunk)
    text = pack_text(call.kind, call.target, order_of(*p.a), width)
    numbers = (p.m, p.k, *p.a, steps, chunk, len(p.batch), *(x for size, over, _ in p.batch for x in (size, over, 0)))
    return Task(text, call.reads[:1], (At(panels),), numbers, count, p.count * p.k * p.m, packs=call.again[0]), At(panels)


@cache
def pack_text(kind: np.dtype, target: Target, order: str, width: int) -> str:
    """The module that packs all of an operand: for each matrix, for each block of steps, panel after panel."""
    f = Function("kernel", "ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr %scratch", attributes="")
    items, k, over_items, over_steps, step_block, chunk = numbers_of(f, _AHEAD_NUMBERS)
    source, panels = (f.pointer("%pointers", i) for i in range(2))
    blocks, chunks = f.ratio_up(k, step_block), f.ratio_up(items, chunk)
    with f.loop(*f.ints("begin end")) as unit:
        block = f.quotient(unit, chunks)
        batch = f.quotient(block, blocks)
        item, step = (unit - block * chunks) * chunk, (block - batch * blocks) * step_block
        at, _ = batch_offsets(f, batch, _AHEAD_NUMBERS)
        steps = f.smaller(step_block, k - step)
        here = f.at(f.at(source, at, kind), item * over_items + step * over_steps, kind)
        to = _panel(f, panels, batch * k + step, items, item, steps, width, kind, target)
        f.call("pack", here, f.smaller(items - item, chunk), steps, over_items, over_steps, to)
    return module(pack("pack", order, width, kind, target), f, few_passes=True)


def _panel(
    f: Function, panels: str, step: Value, items: Value, item: Value, steps: Value, width: int, kind: np.dtype, target: Target
) -> str:
    """Where, in an operand packed ahead, the panel of `item` is, in the block of `steps` steps before which there are `step`."""
    row = padded(width, kind, target)
    return f.at(panels, step * f.ratio_up(items, width) * row + f.quotient(item, width) * steps * row, kind)


@cache
def packed_text(kind: np.dtype, target: Target, height: int, a_order: str, b_order: str, epilogue: str, is_streamed: bool = False) -> str:
    """The module of products by tiles of `height` rows. Operands are packed as they are needed, unless that was done ahead.

    With `is_streamed`, B's panels are read once or a few times only, so that they come from memory.
    """
    tiles = [Tile(height, vectors) for vectors in sorted({1, tile_of(target).vectors})]
    ahead = _SOON if b_order == AHEAD and is_streamed else 0
    functions = [micro_kernel(f"tile_{t.vectors}", t, kind, target, ahead, some_rows=True) for t in tiles]
    for name, order, width in (("pack_a", a_order, height), ("pack_b", b_order, width_of(kind, target))):
        if order != AHEAD:
            functions.append(pack(name, order, width, kind, target))
    functions += [_ask(b_order, kind, target), _multiply_rows(tiles, kind, target)]
    return module(*functions, _kernel(height, kind, target, a_order, b_order, bool(epilogue)), epilogue, few_passes=True)


def _multiply_rows(tiles: list[Tile], kind: np.dtype, target: Target) -> Function:
    """Panels of A with a panel of B: `rows` x `columns` of the result. Meanwhile what will be the next panel of B is asked for."""
    parameters = (
        "ptr %panels, i64 %rows, i64 %k, ptr %b, i64 %b_step, ptr %c, i64 %c_step, i64 %columns, i64 %add, "
        "ptr %next, i64 %next_stride, i64 %next_count"
    )
    f = Function("multiply_rows", parameters)
    rows, k, b_step, c_step, columns, add, next_stride, next_count = f.ints("rows k b_step c_step columns add next_stride next_count")
    height, narrow = tiles[0].rows, columns <= target.lanes(kind)
    a_step = padded(height, kind, target)
    share = f.ratio_up(next_count, f.ratio_up(rows, height))
    for tile, fits in ((tiles[0], narrow), (tiles[-1], ~narrow)):
        with f.when(fits), f.loop(0, rows, height) as row:
            index = f.quotient(row, height)
            f.call("ask", "%next", next_stride, index * share, f.smaller(index * share + share, next_count), k)
            panel, c = f.at("%panels", index * k * a_step, kind), f.at("%c", row * c_step, kind)
            f.call(f"tile_{tile.vectors}", k, panel, f.int(a_step), "%b", b_step, c, c_step, columns, add, rows - row)
    return f


def _ask(b_order: str, kind: np.dtype, target: Target) -> Function:
    """Ask for lines of memory: of steps of a panel of B, or of its columns, as they lie."""
    f = Function("ask", "ptr %b, i64 %stride, i64 %begin, i64 %end, i64 %k")
    stride, begin, end, k = f.ints("stride begin end k")
    length = f.int(width_of(kind, target)) if b_order == ITEMS else k
    if b_order in (ITEMS, STEPS):
        with f.loop(begin, end) as i, f.loop(0, length, _LINE // kind.itemsize) as j:
            f.prefetch(f.at("%b", i * stride + j, kind))
    return f


def _kernel(height: int, kind: np.dtype, target: Target, a_order: str, b_order: str, epilogue: bool) -> Function:
    f = Function("kernel", "ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr noalias %scratch", attributes="")
    m, n, k, a_row, a_step, b_column, b_step, row_block, column_block, step_block = numbers_of(f, NUMBERS)
    a, b, c = (f.pointer("%pointers", i) for i in range(3))
    width = width_of(kind, target)
    row_blocks, column_blocks = f.ratio_up(m, row_block), f.ratio_up(n, column_block)
    own = f.at("%scratch", f.quotient(row_block, height) * padded(height, kind, target) * step_block, kind)
    packed = f.cell(start=-1)  # the rows and steps of A that are in scratch memory
    with f.loop(*f.ints("begin end")) as unit:
        matrix = f.quotient(unit, column_blocks)
        batch = f.quotient(matrix, row_blocks)
        row = (matrix - batch * row_blocks) * row_block
        first = (unit - matrix * column_blocks) * column_block
        a_at, b_at = batch_offsets(f, batch, NUMBERS)
        rows, last = f.smaller(row_block, m - row), f.smaller(first + column_block, n)
        c_rows = f.at(c, (batch * m + row) * n, kind)
        with f.loop(0, f.either(k == 0, 1, k), step_block) as step:
            steps = f.smaller(step_block, k - step)
            if a_order == AHEAD:
                panels = _panel(f, a, batch * k + step, m, row, steps, height, kind, target)
            else:
                panels, mark = "%scratch", matrix * k + step
                with f.when(packed.get() != mark):
                    f.call("pack_a", f.at(a, a_at + row * a_row + step * a_step, kind), rows, steps, a_row, a_step, panels)
                    packed.set(mark)
            add = f.either(step != 0, 1, 0)
            with f.loop(first, last, width) as column:
                columns = f.smaller(f.int(width), last - column)
                source, panel, distance = f.at(b, b_at + step * b_step + column * b_column, kind), own, f.int(width)
                more = n - column - width
                lines = steps if b_order == ITEMS else f.smaller(more, width)
                stride, count = b_step if b_order == ITEMS else b_column, f.either(more > 0, lines, 0)
                if b_order == AHEAD:
                    panel = _panel(f, b, batch * k + step, n, column, steps, width, kind, target)
                elif b_order == ITEMS:  # whole panels can be read as they lie
                    whole = columns == width
                    with f.when(~whole):
                        f.call("pack_b", source, columns, steps, b_column, b_step, own)
                    panel, distance = f.either(whole, source, own), f.either(whole, b_step, width)
                else:
                    f.call("pack_b", source, columns, steps, b_column, b_step, own)
                following, to = f.at(source, b_column * width, kind), f.at(c_rows, column, kind)
                f.call("multiply_rows", panels, rows, steps, panel, distance, to, n, columns, add, following, stride, count)
        if epilogue:
            with f.loop(0, rows) as r:
                call_epilogue(f, NUMBERS, batch * m + row + r, first, last)
    return f
