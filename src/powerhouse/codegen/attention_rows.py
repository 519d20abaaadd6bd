"""Attention of few queries, and its gradient, row by row: keys and values are read along their rows, as fast as memory gives them.

Scores lie along vectors of keys, each of which is a sum over the lanes of a product of rows. A unit is a head.
"""

from __future__ import annotations

from functools import cache
from math import inf, prod
from typing import Any

import numpy as np

from ..graph.op import results
from ..graph.symbol import Symbol
from . import attention_parts as parts
from .attention_parts import ADDED, HEAD, KEYS, SCALARS, TRUTHS, Part, Tile
from .function import Function, module
from .target import Target
from .task import At, Lowering, Place, Task
from .values import F32, Value

_SIZES = "queries keys size values wide deep scale "
NUMBERS = _SIZES + (
    "q_row q_step k_row k_step v_row v_step m_row m_step at_queries at_scores at_means at_mask at_tops at_totals at_factor dims"
)
GRADIENT_NUMBERS = _SIZES + (
    "g_row g_step q_row q_step k_row k_step v_row v_step o_row o_step l_step m_row m_step "
    "at_queries at_gradients at_weights at_slopes at_sums at_rows at_mask at_levels at_tops at_ones dims"
)


def few_queries(queries: int, causal: bool, places: list[Place], kind: np.dtype, target: Target) -> bool:
    """Whether this way is the better one; `places` begins with those of q, k and v."""
    return 0 < queries <= target.lanes(kind) // 2 and not causal and all(p.strides[-1] == 1 for p in places[1:3])


def _tile(kind: np.dtype, target: Target, sizes: tuple[int, ...]) -> Tile:
    return parts.tile_of(kind, target, parts.vectors_for(sizes, kind, target))


def _sizes(s: Symbol, q: Symbol, v: Symbol, tile: Tile) -> tuple[int, ...]:
    """The first numbers."""
    queries, size = q.shape[-2:]
    keys, values = v.shape[-2:]
    wide, deep = (-(-n // tile.lanes) * tile.lanes for n in (size, values))
    return queries, keys, size, values, wide, deep, parts.bits_of(s.attrs[0])


def _ahead(s: Symbol, target: Target) -> bool:
    """Whether operands are so large that they come from memory."""
    return sum(i.numel for i in s.inputs) * s.inputs[0].dtype.numpy.itemsize > 4 * target.l2


def lower_rows(s: Symbol, places: list[Any], target: Target) -> Lowering:
    """The task of `attention`."""
    q, _, v, *mask = s.inputs
    kind, batch = q.dtype.numpy, q.shape[:-2]
    tile = _tile(kind, target, (v.shape[-1],))
    queries, keys, size, values, wide, deep, *_ = sizes = _sizes(s, q, v, tile)
    room = {
        "queries": queries * wide,
        "scores": KEYS,
        "means": queries * deep,
        "mask": queries * KEYS if mask else 0,
        "tops": queries * tile.lanes,
        "totals": queries * tile.lanes,
        "factor": tile.lanes,
    }
    at, scratch = parts.spread(room, kind.itemsize)
    steps = [x for p in places for x in p.strides[-2:]] + ([] if mask else [0, 0])
    numbers = (*sizes, *steps, *at, *parts.over_heads(tuple(batch), places))
    reads = tuple(parts.address(p, i) for p, i in zip(places, s.inputs, strict=True))
    out, lse = results(s)
    work = prod(batch) * queries * keys * (size + values + 16)
    text = rows_text(tile, parts.mask_of(tuple(mask), False), _ahead(s, target))
    return (Task(text, reads, (At(out), At(lse)), numbers, prod(batch), work, scratch=scratch),)


def lower_rows_gradient(s: Symbol, places: list[Any], target: Target) -> Lowering:
    """The task of `attention_gradient`."""
    _, q, _, v, _, _, *mask = s.inputs
    kind, batch = q.dtype.numpy, q.shape[:-2]
    tile = _tile(kind, target, (q.shape[-1], v.shape[-1]))
    queries, keys, size, values, wide, deep, *_ = sizes = _sizes(s, q, v, tile)
    rows = -(-queries // tile.lanes) * tile.lanes
    room = {
        "queries": queries * wide,
        "gradients": queries * deep,
        "weights": KEYS,
        "slopes": KEYS,
        "sums": queries * wide,
        "rows": queries * deep,
        "mask": queries * KEYS if mask else 0,
        "levels": rows,
        "tops": rows,
        "ones": tile.lanes,
    }
    at, scratch = parts.spread(room, kind.itemsize)
    strides = [p.strides[-2:] for p in places]
    strides[5] = strides[5][-1:]  # of the log-sum-exp, a number a row
    steps = [x for pair in strides for x in pair] + ([] if mask else [0, 0])
    numbers = (*sizes, *steps, *at, *parts.over_heads(tuple(batch), places))
    reads = tuple(parts.address(p, i) for p, i in zip(places, s.inputs, strict=True))
    work = prod(batch) * queries * keys * (3 * size + 2 * values + 24)
    text = rows_gradient_text(tile, parts.mask_of(tuple(mask), False), _ahead(s, target))
    return (Task(text, reads, tuple(map(At, results(s))), numbers, prod(batch), work, scratch=scratch),)


# --- kernels ----------------------------------------------------------------------------------------------------------------------


@cache
def rows_text(tile: Tile, mask: str, ahead: bool) -> str:
    """The module of `attention`."""
    functions = [parts.rows_in("rows_in", tile), parts.clear(tile), _dots(tile, ahead), _weigh(tile), _mix(tile), _finish(tile)]
    return module(*functions, *_mask_functions(tile, mask), _kernel(tile, mask))


@cache
def rows_gradient_text(tile: Tile, mask: str, ahead: bool) -> str:
    """The module of `attention_gradient`."""
    functions = [parts.rows_in("rows_in", tile), parts.rows_out("rows_out", tile), parts.clear(tile), parts.prepare(tile)]
    functions += [_dots(tile, ahead), _slopes(tile), _mix(tile), _outer(tile)]
    return module(*functions, *_mask_functions(tile, mask), _gradient_kernel(tile, mask))


def _mask_functions(tile: Tile, mask: str) -> list[Function]:
    if mask not in (TRUTHS, ADDED):
        return []
    apply = parts.apply_mask("apply_mask", tile._replace(vectors=1), mask)
    return [parts.rows_in("mask_in", tile, truths=mask == TRUTHS), apply]


def _kernel(tile: Tile, mask: str) -> Function:
    f = Part("kernel", HEAD, tile.lanes, attributes="")
    kind, lanes = tile.kind, tile.lanes
    n = parts.numbers_of(f, NUMBERS)
    q, k, v, *masks, out, lse = (f.pointer("%pointers", i) for i in range(6 if mask in (TRUTHS, ADDED) else 5))
    queries, scores, means, shade, tops, totals, factor = parts.scratch_of(f, n)
    with f.loop(*f.ints("begin end")) as head:
        q_at, k_at, v_at, *m_at = parts.offsets(f, head, len(NUMBERS.split()), n["dims"], 3 + len(masks))
        f.call("rows_in", f.at(q, q_at, kind), n["q_row"], n["q_step"], n["queries"], n["size"], queries, n["queries"], n["wide"])
        f.call("clear", means, n["queries"] * n["deep"])
        f.call("clear", totals, n["queries"] * lanes)
        with f.loop(0, n["queries"] * lanes, lanes) as at:
            f.store(f.many.constant(-inf, kind), f.at(tops, at, kind))
        with f.loop(0, n["keys"], KEYS) as key:
            some = f.smaller(n["keys"] - key, KEYS)
            k_block, v_block = f.at(k, k_at + key * n["k_row"], kind), f.at(v, v_at + key * n["v_row"], kind)
            if masks:
                _mask_in(f, f.at(masks[0], m_at[0] + key * n["m_step"], parts.mask_kind(kind, mask)), n, some, shade)
            with f.loop(0, n["queries"]) as row:
                query = f.at(queries, row * n["wide"], kind)
                f.call("dots", k_block, n["k_row"], some, n["size"], query, parts.real(n["scale"], kind), scores)
                if masks:
                    f.call("apply_mask", scores, f.at(shade, row * KEYS, kind), f.ratio_up(some, lanes))
                f.call("weigh", scores, some, f.at(tops, row * lanes, kind), f.at(totals, row * lanes, kind), factor)
                f.call("mix", scores, some, v_block, n["v_row"], n["values"], factor, f.at(means, row * n["deep"], kind))
        with f.loop(0, n["queries"]) as row:
            top, total, mean = f.at(tops, row * lanes, kind), f.at(totals, row * lanes, kind), f.at(means, row * n["deep"], kind)
            place = head * n["queries"] + row
            f.call("finish", top, total, mean, n["values"], f.at(lse, place, kind), f.at(out, place * n["values"], kind))
    return f


def _mask_in(f: Function, source: str, n: dict[str, Value], keys: Value, shade: str) -> None:
    f.call("mask_in", source, n["m_row"], n["m_step"], n["queries"], keys, shade, n["queries"], f.int(KEYS))


def _gradient_kernel(tile: Tile, mask: str) -> Function:
    f = Part("kernel", HEAD, tile.lanes, attributes="")
    kind, one = tile.kind, f.one.constant(1.0, tile.kind)
    n = parts.numbers_of(f, GRADIENT_NUMBERS)
    g, q, k, v, o, lse, *masks, dq, dk, dv = (f.pointer("%pointers", i) for i in range(10 if mask in (TRUTHS, ADDED) else 9))
    queries, gradients, weights, slopes, sums, rows, shade, levels, tops, ones = parts.scratch_of(f, n)
    f.store(f.many.constant(1.0, kind), ones)
    with f.loop(*f.ints("begin end")) as head:
        g_at, q_at, k_at, v_at, o_at, l_at, *m_at = parts.offsets(f, head, len(GRADIENT_NUMBERS.split()), n["dims"], 6 + len(masks))
        for source, x, size, out, whole in (
            (f.at(q, q_at, kind), "q", n["size"], queries, n["wide"]),
            (f.at(g, g_at, kind), "g", n["values"], gradients, n["deep"]),
            (f.at(o, o_at, kind), "o", n["values"], rows, n["deep"]),
        ):
            f.call("rows_in", source, n[f"{x}_row"], n[f"{x}_step"], n["queries"], size, out, n["queries"], whole)
        f.call("rows_in", f.at(lse, l_at, kind), f.int(0), n["l_step"], f.int(1), n["queries"], levels, f.int(1), n["queries"])
        f.call("prepare", gradients, rows, n["deep"], n["queries"], levels, tops)
        f.call("clear", sums, n["queries"] * n["wide"])
        with f.loop(0, n["keys"], KEYS) as key:
            some, row_of_key = f.smaller(n["keys"] - key, KEYS), head * n["keys"] + key
            k_block, v_block = f.at(k, k_at + key * n["k_row"], kind), f.at(v, v_at + key * n["v_row"], kind)
            if masks:
                _mask_in(f, f.at(masks[0], m_at[0] + key * n["m_step"], parts.mask_kind(kind, mask)), n, some, shade)
            with f.loop(0, n["queries"]) as row:
                query, gradient = f.at(queries, row * n["wide"], kind), f.at(gradients, row * n["deep"], kind)
                f.call("dots", k_block, n["k_row"], some, n["size"], query, parts.real(n["scale"], kind), weights)
                if masks:
                    f.call("apply_mask", weights, f.at(shade, row * KEYS, kind), f.ratio_up(some, tile.lanes))
                f.call("dots", v_block, n["v_row"], some, n["values"], gradient, one, slopes)
                level, mean = (f.load(f.at(p, row, kind), kind) for p in (levels, tops))
                f.call("slopes", weights, slopes, some, level, mean, parts.real(n["scale"], kind))
                f.call("mix", slopes, some, k_block, n["k_row"], n["size"], ones, f.at(sums, row * n["wide"], kind))
                f.call("outer", slopes, some, query, n["size"], row, f.at(dk, row_of_key * n["size"], kind))
                f.call("outer", weights, some, gradient, n["values"], row, f.at(dv, row_of_key * n["values"], kind))
        f.call("rows_out", sums, n["wide"], n["queries"], n["size"], f.at(dq, head * n["queries"] * n["size"], kind))
    return f


# --- parts ------------------------------------------------------------------------------------------------------------------------


def _scalar(kind: np.dtype) -> str:
    return "float" if kind == F32 else "double"


def _dots(tile: Tile, ahead: bool) -> Function:
    """The function

        void dots(ptr rows, i64 row_step, i64 count, i64 size, ptr vector, T factor, ptr out)

    which multiplies rows of `size` elements with a vector, behind which are zeros: a number for each of `count` rows, times a factor. The
    numbers are made a vector at a time: what is behind the last is overwritten. With `ahead`, the rows that follow are asked for.
    """
    kind, lanes = tile.kind, tile.lanes
    parameters = f"ptr %rows, i64 %row_step, i64 %count, i64 %size, ptr %vector, {_scalar(kind)} %factor, ptr noalias %out"
    f = Part("dots", parameters, lanes)
    row_step, count, size = f.ints("row_step count size")
    whole = f.quotient(size, lanes) * lanes
    with f.loop(0, count, lanes) as first:
        rows = [f.at("%rows", f.smaller(first + i, count - 1) * row_step, kind) for i in range(lanes)]
        sums = [f.cell(kind, 0.0, many=True) for _ in rows]
        with f.loop(0, whole, lanes) as at:
            vector = f.load(f.at("%vector", at, kind), kind, lanes)
            for cell, row in zip(sums, rows, strict=True):
                if ahead:
                    f.prefetch(f.at(row, row_step * lanes + at, kind))
                cell.set(f.fma(f.load(f.at(row, at, kind), kind, lanes), vector, cell.get()))
        with f.when(whole < size):
            vector, mask = f.load(f.at("%vector", whole, kind), kind, lanes), f.first(size - whole)
            for cell, row in zip(sums, rows, strict=True):
                cell.set(f.fma(f.load_masked(f.at(row, whole, kind), kind, mask), vector, cell.get()))
        total = _sums_of(f, [cell.get() for cell in sums]) * f.splat(parts.argument(f, "factor", kind))
        f.store(total, f.at("%out", first, kind))
    return f


def _sums_of(f: Function, vectors: list[Value]) -> Value:
    """The sums over the lanes of as many vectors as there are lanes: neighbours are added up, until each vector is one lane."""
    even, odd = ([2 * i + k for i in range(f.lanes)] for k in range(2))
    while len(vectors) > 1:
        pairs = zip(vectors[::2], vectors[1::2], strict=True)
        vectors = [f.shuffle(a, b, even) + f.shuffle(a, b, odd) for a, b in pairs]
    return vectors[0]


def _mix(tile: Tile) -> Function:
    """The function

        void mix(ptr weights, i64 count, ptr rows, i64 row_step, i64 columns, ptr factor, ptr out)

    which computes `out` = `out` times a factor + the sum of the weighted rows.
    """
    kind, lanes = tile.kind, tile.lanes
    f = Part("mix", "ptr %weights, i64 %count, ptr %rows, i64 %row_step, i64 %columns, ptr %factor, ptr noalias %out", lanes)
    count, row_step, columns = f.ints("count row_step columns")
    with f.loop(0, columns, tile.width) as at:
        places = [f.at("%out", at + v * lanes, kind) for v in range(tile.vectors)]
        masks = [f.first(columns - at - v * lanes) for v in range(tile.vectors)]
        full = columns - at >= tile.width
        for condition, load, store in (
            (full, lambda place, _: f.load(place, kind, lanes), lambda value, place, _: f.store(value, place)),
            (~full, lambda place, mask: f.load_masked(place, kind, mask), f.store_masked),
        ):
            with f.when(condition):
                factor = f.load("%factor", kind, lanes)
                sums = [f.cell(kind, load(place, mask) * factor, many=True) for place, mask in zip(places, masks, strict=True)]
                with f.loop(0, count) as i:
                    weight = f.splat(f.load(f.at("%weights", i, kind), kind))
                    for v, (cell, mask) in enumerate(zip(sums, masks, strict=True)):
                        place = f.at("%rows", i * row_step + at + v * lanes, kind)
                        cell.set(f.fma(weight, load(place, mask), cell.get()))
                for cell, place, mask in zip(sums, places, masks, strict=True):
                    store(cell.get(), place, mask)
    return f


def _outer(tile: Tile) -> Function:
    """The function

        void outer(ptr weights, i64 count, ptr vector, i64 columns, i64 add, ptr out)

    which stores in `out` [count][columns], or adds to it, the products of weights with the elements of a vector.
    """
    kind, lanes = tile.kind, tile.lanes
    f = Part("outer", "ptr %weights, i64 %count, ptr %vector, i64 %columns, i64 %add, ptr noalias %out", lanes)
    count, columns, add = f.ints("count columns add")
    with f.loop(0, columns, lanes) as at:
        vector, mask = f.load(f.at("%vector", at, kind), kind, lanes), f.first(columns - at)
        for before in (False, True):
            with f.when((add != 0) if before else (add == 0)), f.loop(0, count) as i:
                product, place = vector * f.splat(f.load(f.at("%weights", i, kind), kind)), f.at("%out", i * columns + at, kind)
                f.store_masked(product + f.load_masked(place, kind, mask) if before else product, place, mask)
    return f


def _weigh(tile: Tile) -> Function:
    """The function

        void weigh(ptr scores, i64 keys, ptr top, ptr total, ptr factor)

    which replaces scores by their exponentials, relative to the greatest so far (in all lanes of `top`), and adds them up in the lanes of
    `total`. `factor` is what was summed before is to be multiplied with.
    """
    kind, lanes = tile.kind, tile.lanes
    f = Part("weigh", "ptr noalias %scores, i64 %keys, ptr noalias %top, ptr noalias %total, ptr noalias %factor", lanes)
    keys = f.int("keys")
    before = f.load("%top", kind, lanes)
    top = f.cell(kind, before, many=True)
    with f.loop(0, keys, lanes) as at:
        place = f.at("%scores", at, kind)
        x = SCALARS.where(f.first(keys - at), f.load(place, kind, lanes), -inf)
        f.store(x, place)
        top.set(SCALARS.where(x > top.get(), x, top.get()))
    greatest = parts.in_all_lanes(f, top.get(), lambda a, b: SCALARS.where(a > b, a, b))
    least = SCALARS.where(greatest == -inf, 0.0, greatest)
    factor = parts.fallen(before - least)
    total = f.cell(kind, f.load("%total", kind, lanes) * factor, many=True)
    with f.loop(0, keys, lanes) as at:
        place = f.at("%scores", at, kind)
        weight = parts.fallen(f.load(place, kind, lanes) - least)
        f.store(weight, place)
        total.set(total.get() + weight)
    f.store(greatest, "%top")
    f.store(factor, "%factor")
    f.store(total.get(), "%total")
    return f


def _finish(tile: Tile) -> Function:
    """`void finish(ptr top, ptr total, ptr mean, i64 columns, ptr lse, ptr out)`: the log-sum-exp of a row, and its mean."""
    kind, lanes = tile.kind, tile.lanes
    f = Part("finish", "ptr %top, ptr %total, ptr %mean, i64 %columns, ptr noalias %lse, ptr noalias %out", lanes)
    columns = f.int("columns")
    total = parts.lane_sum(f, f.load("%total", kind, lanes))
    f.store(f.load("%top", kind) + SCALARS.log(total), "%lse")
    factor = f.splat(SCALARS.where(total == 0, total, 1 / total))
    with f.loop(0, columns, lanes) as at:
        f.store_masked(f.load(f.at("%mean", at, kind), kind, lanes) * factor, f.at("%out", at, kind), f.first(columns - at))
    return f


def _slopes(tile: Tile) -> Function:
    """The function

        void slopes(ptr weights, ptr slopes, i64 keys, T level, T mean, T scale)

    which replaces scores by weights, and the gradients for weights by those for scores, times the scale.
    """
    kind, lanes = tile.kind, tile.lanes
    t = _scalar(kind)
    f = Part("slopes", f"ptr noalias %weights, ptr noalias %slopes, i64 %keys, {t} %level, {t} %mean, {t} %scale", lanes)
    level, mean, scale = (f.splat(parts.argument(f, name, kind)) for name in ("level", "mean", "scale"))
    with f.loop(0, f.int("keys"), lanes) as at:
        place, slope_place = (f.at(p, at, kind) for p in ("%weights", "%slopes"))
        weight = parts.weight(f.load(place, kind, lanes) - level)
        f.store(weight, place)
        f.store(weight * (f.load(slope_place, kind, lanes) - mean) * scale, slope_place)
    return f
