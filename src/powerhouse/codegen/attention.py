"""Attention lowered to one task: blocks of queries, past which the keys stream, with running maxima and sums.

Source: Dao et al., FlashAttention, 2022; Milakov and Gimelshein, Online normalizer calculation for softmax, 2018.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import inf, prod
from typing import Any

from ..core import dtypes as dt
from ..graph.op import results
from ..graph.symbol import Symbol
from ..runtime import native
from . import attention_parts as parts
from .attention_parts import ADDED, CAUSAL, HEAD, KEYS, NONE, SCALARS, TRUTHS, Part, Tile
from .attention_rows import few_queries, lower_rows
from .function import Function, module
from .lowering import lowers
from .task import At, Lowering, Place, Task
from .values import Value

NUMBERS = (
    "queries keys size values blocks scale q_row q_step k_row k_step v_row v_step m_row m_step "
    "at_turned at_scores at_means at_rows at_mask at_tops at_totals at_factors dims"
)


@lowers("attention")
def lower_attention(s: Symbol, place: Callable[[Symbol], Place | None]) -> Lowering | None:
    """The task of `attention`. Left to the reference: dtypes other than float32 and float64."""
    (scale, causal), (q, _, v, *mask) = s.attrs, s.inputs
    found = [place(i) for i in s.inputs]
    if q.dtype not in (dt.float32, dt.float64) or None in found:
        return None
    places: list[Any] = found
    kind, target = q.dtype.numpy, native.target()
    *batch, queries, size = q.shape
    keys, values = v.shape[-2:]
    if few_queries(queries, causal, places, kind, target):
        return lower_rows(s, places, target)
    tile = parts.tile_of(kind, target, parts.vectors_for((queries,), kind, target, causal))
    heads, blocks = prod(batch), -(-queries // tile.width)
    room = {
        "turned": tile.padded(size) * tile.width,
        "scores": KEYS * tile.width,
        "means": tile.padded(values) * tile.width,
        "rows": tile.width * max(tile.padded(size), tile.padded(values), KEYS),
        "mask": KEYS * tile.width if mask else 0,
        **{name: tile.width for name in ("tops", "totals", "factors")},
    }
    at, scratch = parts.spread(room, kind.itemsize)
    steps = [x for p in places for x in p.strides[-2:]] + ([] if mask else [0, 0])
    dims = parts.over_heads(tuple(batch), places)
    numbers = (queries, keys, size, values, blocks, parts.bits_of(scale), *steps, *at, *dims)
    out, lse = results(s)
    reads = tuple(parts.address(p, i) for p, i in zip(places, s.inputs, strict=True))
    work = heads * queries * keys * (size + values + 16) // (2 if causal else 1)
    text = attention_text(tile, parts.mask_of(tuple(mask), causal))
    return (Task(text, reads, (At(out), At(lse)), numbers, heads * blocks, work, scratch=scratch),)


@cache
def attention_text(tile: Tile, mask: str) -> str:
    """The module of the kernel."""
    functions = [
        parts.rows_in("rows_in", tile),
        parts.turn("turn", tile),
        parts.product("product", tile),
        parts.rows_out("rows_out", tile, _scaled, ", ptr %factors"),
        _begin(tile),
        _weigh(tile),
        _finish(tile),
    ]
    functions += mask_functions(tile, mask)
    return module(*functions, _kernel(tile, mask))


def mask_functions(tile: Tile, mask: str) -> list[Function]:
    """What a text needs for its mask."""
    if mask == NONE:
        return []
    if mask == CAUSAL:
        return [parts.hide_later_keys("hide_later_keys", tile)]
    return [*([parts.rows_in("mask_in", tile, truths=True)] if mask == TRUTHS else []), parts.apply_mask("apply_mask", tile, mask)]


def _kernel(tile: Tile, mask: str) -> Function:
    f = Part("kernel", HEAD, tile.lanes, attributes="")
    kind, width = tile.kind, f.int(tile.width)
    n = parts.numbers_of(f, NUMBERS)
    q, k, v, *masks, out, lse = (f.pointer("%pointers", i) for i in range(6 if mask in (TRUTHS, ADDED) else 5))
    turned, scores, means, rows, shade, tops, totals, factors = parts.scratch_of(f, n)
    with f.loop(*f.ints("begin end")) as unit:
        head = f.quotient(unit, n["blocks"])
        first = (unit - head * n["blocks"]) * width
        count = f.smaller(width, n["queries"] - first)
        q_at, k_at, v_at, *m_at = parts.offsets(f, head, len(NUMBERS.split()), n["dims"], 3 + len(masks))
        wide, deep = parts.padded(f, n["size"], tile), parts.padded(f, n["values"], tile)
        f.call("rows_in", f.at(q, q_at + first * n["q_row"], kind), n["q_row"], n["q_step"], count, n["size"], rows, width, wide)
        f.call("turn", rows, width, wide, parts.real(n["scale"], kind), turned)
        f.call("begin", tops, totals)
        seen = f.smaller(n["keys"], first + count) if mask == CAUSAL else n["keys"]
        with f.loop(0, f.either(seen == 0, 1, seen), KEYS) as key:
            some = f.smaller(f.int(KEYS), seen - key)
            source = f.at(k, k_at + key * n["k_row"], kind)
            f.call("product", source, n["k_row"], n["k_step"], some, n["size"], turned, width, scores, width, f.int(0), factors)
            if masks:
                source = f.at(masks[0], m_at[0] + first * n["m_row"] + key * n["m_step"], parts.mask_kind(kind, mask))
                shade_scores(f, tile, mask, source, n, count, some, rows, shade, scores)
            if mask == CAUSAL:
                with f.when(key + some > first + 1):
                    f.call("hide_later_keys", scores, some, key - first)
            f.call("weigh", scores, some, tops, totals, factors)
            source = f.at(v, v_at + key * n["v_row"], kind)
            f.call("product", source, n["v_step"], n["v_row"], n["values"], some, scores, width, means, width, key, factors)
        row = head * n["queries"] + first
        f.call("finish", tops, totals, count, f.at(lse, row, kind))
        f.call("turn", means, deep, width, f.one.constant(1.0, kind), rows)
        f.call("rows_out", rows, deep, count, n["values"], f.at(out, row * n["values"], kind), totals)
    return f


def shade_scores(
    f: Function, tile: Tile, mask: str, source: str, n: dict[str, Value], queries: Value, keys: Value, rows: str, shade: str, scores: str
) -> None:
    """Mask a block of scores: the block of the mask is turned as they are."""
    width, high = f.int(tile.width), f.int(KEYS)
    f.call("mask_in" if mask == TRUTHS else "rows_in", source, n["m_row"], n["m_step"], queries, keys, rows, width, high)
    f.call("turn", rows, width, high, f.one.constant(1.0, tile.kind), shade)
    f.call("apply_mask", scores, shade, keys)


def _scaled(f: Function, value: Value, place: str, mask: Value, row: Value) -> Value:
    """A row times its factor."""
    return value * f.splat(f.load(f.at("%factors", row, value.kind), value.kind))


def _begin(tile: Tile) -> Function:
    """`void begin(ptr tops, ptr totals)`: nothing has been seen."""
    f = Part("begin", "ptr noalias %tops, ptr noalias %totals", tile.lanes)
    with f.loop(0, tile.width, tile.lanes) as at:
        f.store(f.many.constant(-inf, tile.kind), f.at("%tops", at, tile.kind))
        f.store(f.many.constant(0.0, tile.kind), f.at("%totals", at, tile.kind))
    return f


def _weigh(tile: Tile) -> Function:
    """The function

        void weigh(ptr scores, i64 keys, ptr tops, ptr totals, ptr factors)

    which replaces a block of scores by their exponentials, relative to the maxima so far, and brings maxima and sums up to date.
    `factors` are what was summed before is to be multiplied with.
    """
    f = Part("weigh", "ptr noalias %scores, i64 %keys, ptr noalias %tops, ptr noalias %totals, ptr noalias %factors", tile.lanes)
    kind, lanes, keys = tile.kind, tile.lanes, f.int("keys")
    with f.loop(0, tile.width, lanes) as at:
        column, tops, totals, factors = (f.at(p, at, kind) for p in ("%scores", "%tops", "%totals", "%factors"))
        before = f.load(tops, kind, lanes)
        top = f.cell(kind, before, many=True)
        with f.loop(0, keys) as k:
            x = f.load(f.at(column, k * tile.width, kind), kind, lanes)
            top.set(SCALARS.where(x > top.get(), x, top.get()))
        f.store(top.get(), tops)
        least = SCALARS.where(top.get() == -inf, 0.0, top.get())
        factor = parts.fallen(before - least)
        f.store(factor, factors)
        total = f.cell(kind, f.load(totals, kind, lanes) * factor, many=True)
        with f.loop(0, keys) as k:
            place = f.at(column, k * tile.width, kind)
            weight = parts.fallen(f.load(place, kind, lanes) - least)
            f.store(weight, place)
            total.set(total.get() + weight)
        f.store(total.get(), totals)
    return f


def _finish(tile: Tile) -> Function:
    """`void finish(ptr tops, ptr totals, i64 count, ptr lse)`: the log-sum-exp of each query; what its mean is to be multiplied with."""
    f = Part("finish", "ptr %tops, ptr noalias %totals, i64 %count, ptr noalias %lse", tile.lanes)
    kind, count = tile.kind, f.int("count")
    with f.loop(0, tile.width, tile.lanes) as at:
        place = f.at("%totals", at, kind)
        top, total = f.load(f.at("%tops", at, kind), kind, tile.lanes), f.load(place, kind, tile.lanes)
        f.store_masked(top + SCALARS.log(total), f.at("%lse", at, kind), f.first(count - at))
        f.store(SCALARS.where(total == 0, total, 1 / total), place)
    return f
