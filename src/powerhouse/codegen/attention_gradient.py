"""The gradient of attention lowered to tasks: the weights are made again from the scores and their log-sum-exp.

One unit is a head, or a part of its keys where heads are few. For each block of queries it goes past the keys once: five products a
block, with gradients for keys and values added up in memory, and the one for the queries in the cache. Parts of it are summed by a
second task. With weights W, dW = g v^T and D = the rows' sums of g * out, the gradient for the scores is W (dW - D).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import prod
from typing import Any

from ..core import dtypes as dt
from ..graph.op import results
from ..graph.symbol import Symbol
from ..runtime import native
from . import attention_parts as parts
from .attention import mask_functions, shade_scores
from .attention_parts import ADDED, CAUSAL, HEAD, KEYS, TRUTHS, Part, Tile
from .attention_rows import few_queries, lower_rows_gradient
from .function import Function, module
from .lowering import lowers
from .task import At, Lowering, Place, Task, Temp
from .values import F32

NUMBERS = (
    "queries keys size values wide deep chunks span part scale "
    "g_row g_step q_row q_step k_row k_step v_row v_step o_row o_step l_step m_row m_step "
    "at_queries at_gradients at_turned at_sloped at_weights at_slopes at_sums at_rows at_mask at_levels at_means at_ones dims"
)
_UNITS = 8  # heads fewer than these are cut into parts, so that threads have work


@lowers("attention_gradient")
def lower_attention_gradient(s: Symbol, place: Callable[[Symbol], Place | None]) -> Lowering | None:
    """The tasks of `attention_gradient`. Left to the reference: dtypes other than float32 and float64."""
    (scale, causal), (_, q, _, v, _, _, *mask) = s.attrs, s.inputs
    found = [place(i) for i in s.inputs]
    if q.dtype not in (dt.float32, dt.float64) or None in found:
        return None
    places: list[Any] = found
    kind, target = q.dtype.numpy, native.target()
    *batch, queries, size = q.shape
    keys, values = v.shape[-2:]
    heads = prod(batch)
    if few_queries(queries, causal, places[1:], kind, target):
        return lower_rows_gradient(s, places, target)
    tile = parts.tile_of(kind, target, parts.vectors_for((queries,), kind, target, causal))
    across = parts.tile_of(kind, target, parts.vectors_for((size, values), kind, target))
    wide, deep = (-(-n // across.width) * across.width for n in (size, values))
    room = {
        "queries": tile.width * wide,
        "gradients": tile.width * deep,
        "turned": wide * tile.width,
        "sloped": deep * tile.width,
        "weights": KEYS * tile.width,
        "slopes": KEYS * tile.width,
        "sums": tile.padded(wide) * tile.width,
        "rows": max(KEYS, tile.width) * max(wide, deep, KEYS),
        "mask": KEYS * tile.width if mask else 0,
        **{name: tile.width for name in ("levels", "means", "ones")},
    }
    at, scratch = parts.spread(room, kind.itemsize)
    chunks = max(1, min(-(-_UNITS // max(1, heads)), keys // (4 * KEYS)))
    span = -(-keys // (chunks * KEYS)) * KEYS
    strides = [p.strides[-2:] for p in places]
    strides[5] = strides[5][-1:]  # of the log-sum-exp, a number a row
    steps = [x for pair in strides for x in pair] + ([] if mask else [0, 0])
    sizes = (queries, keys, size, values, wide, deep, chunks, span, heads * queries * size)
    numbers = (*sizes, parts.bits_of(scale), *steps, *at, *parts.over_heads(tuple(batch), places))
    dq, dk, dv = results(s)
    reads = tuple(parts.address(p, i) for p, i in zip(places, s.inputs, strict=True))
    partial = At(dq) if chunks == 1 else At(Temp(chunks * dq.numel * kind.itemsize))
    work = heads * queries * keys * (3 * size + 2 * values + 24) // (2 if causal else 1)
    text = gradient_text(tile, across, parts.mask_of(tuple(mask), causal))
    first = Task(text, reads, (partial, At(dk), At(dv)), numbers, heads * chunks, work, scratch=scratch)
    if chunks == 1:
        return (first,)
    return first, Task(sum_text(tile), (partial,), (At(dq),), (chunks, dq.numel), -(-dq.numel // _PIECE), chunks * dq.numel)


@cache
def gradient_text(tile: Tile, across: Tile, mask: str) -> str:
    """The module of the first task's kernel."""
    functions = [
        parts.rows_in("rows_in", tile),
        parts.turn("turn", tile),
        *(parts.product(_product(t), t) for t in dict.fromkeys((tile, across))),
        parts.rows_out("rows_out", tile),
        _add_out(tile),
        parts.clear(tile),
        parts.prepare(tile),
        _slopes(tile),
        _across(tile, across),
        *mask_functions(tile, mask),
    ]
    return module(*functions, _kernel(tile, mask))


def _product(tile: Tile) -> str:
    return f"product_{tile.vectors}"


def _kernel(tile: Tile, mask: str) -> Function:
    f = Part("kernel", HEAD, tile.lanes, attributes="")
    kind, width, product = tile.kind, f.int(tile.width), _product(tile)
    n = parts.numbers_of(f, NUMBERS)
    g, q, k, v, o, lse, *masks, dq, dk, dv = (f.pointer("%pointers", i) for i in range(10 if mask in (TRUTHS, ADDED) else 9))
    queries, gradients, turned, sloped, weights, slopes, sums, rows, shade, levels, means, ones = parts.scratch_of(f, n)
    scale, one = parts.real(n["scale"], kind), f.one.constant(1.0, kind)
    with f.loop(0, width, tile.lanes) as at:
        f.store(f.many.constant(1.0, kind), f.at(ones, at, kind))
    with f.loop(*f.ints("begin end")) as unit:
        head = f.quotient(unit, n["chunks"])
        chunk = unit - head * n["chunks"]
        start, stop = (f.smaller(c * n["span"], n["keys"]) for c in (chunk, chunk + 1))
        g_at, q_at, k_at, v_at, o_at, l_at, *m_at = parts.offsets(f, head, len(NUMBERS.split()), n["dims"], 6 + len(masks))
        key_grads, value_grads = f.at(dk, head * n["keys"] * n["size"], kind), f.at(dv, head * n["keys"] * n["values"], kind)
        f.call("clear", f.at(key_grads, start * n["size"], kind), (stop - start) * n["size"])
        f.call("clear", f.at(value_grads, start * n["values"], kind), (stop - start) * n["values"])
        with f.loop(0, n["queries"], width) as first:
            count = f.smaller(width, n["queries"] - first)
            for source, x, at, size, whole, out, out_turned, factor in (
                (q, "q", q_at, n["size"], n["wide"], queries, turned, scale),
                (g, "g", g_at, n["values"], n["deep"], gradients, sloped, one),
            ):
                begin = f.at(source, at + first * n[f"{x}_row"], kind)
                f.call("rows_in", begin, n[f"{x}_row"], n[f"{x}_step"], count, size, out, width, whole)
                f.call("turn", out, width, whole, factor, out_turned)
            begin = f.at(o, o_at + first * n["o_row"], kind)
            f.call("rows_in", begin, n["o_row"], n["o_step"], count, n["values"], rows, width, n["deep"])
            begin = f.at(lse, l_at + first * n["l_step"], kind)
            f.call("rows_in", begin, f.int(0), n["l_step"], f.int(1), count, levels, f.int(1), width)
            f.call("prepare", gradients, rows, n["deep"], width, levels, means)
            seen = f.smaller(stop, first + count) if mask == CAUSAL else stop
            with f.loop(start, f.either(start < seen, seen, start + 1), KEYS) as key:
                some = f.either(key < seen, f.smaller(f.int(KEYS), seen - key), 0)
                k_block, v_block = f.at(k, k_at + key * n["k_row"], kind), f.at(v, v_at + key * n["v_row"], kind)
                f.call(product, k_block, n["k_row"], n["k_step"], some, n["size"], turned, width, weights, width, f.int(0), ones)
                if masks:
                    source = f.at(masks[0], m_at[0] + first * n["m_row"] + key * n["m_step"], parts.mask_kind(kind, mask))
                    shade_scores(f, tile, mask, source, n, count, some, rows, shade, weights)
                if mask == CAUSAL:
                    with f.when(key + some > first + 1):
                        f.call("hide_later_keys", weights, some, key - first)
                f.call(product, v_block, n["v_row"], n["v_step"], some, n["values"], sloped, width, slopes, width, f.int(0), ones)
                f.call("slopes", weights, slopes, some, levels, means, scale)
                f.call(product, k_block, n["k_step"], n["k_row"], n["size"], some, slopes, width, sums, width, key - start, ones)
                f.call("across", slopes, some, count, queries, n["wide"], n["size"], rows, f.at(key_grads, key * n["size"], kind))
                f.call("across", weights, some, count, gradients, n["deep"], n["values"], rows, f.at(value_grads, key * n["values"], kind))
            f.call("turn", sums, n["wide"], width, one, rows)
            place = f.at(dq, chunk * n["part"] + (head * n["queries"] + first) * n["size"], kind)
            f.call("rows_out", rows, n["wide"], count, n["size"], place)
    return f


def _across(tile: Tile, across: Tile) -> Function:
    """The function

        void across(ptr a, i64 keys, i64 queries, ptr b, i64 width, i64 columns, ptr rows, ptr out)

    which adds A B to `out` [keys][columns], for A [keys][queries] and B [queries][width]; `rows` is for the product.
    """
    f = Part("across", "ptr %a, i64 %keys, i64 %queries, ptr %b, i64 %width, i64 %columns, ptr %rows, ptr %out")
    keys, queries, width, columns = f.ints("keys queries width columns")
    with f.loop(0, width, across.width) as at:
        b, c = f.at("%b", at, tile.kind), f.at("%rows", at, tile.kind)
        f.call(_product(across), "%a", f.int(tile.width), f.int(1), keys, queries, b, width, c, width, f.int(0), b)
    f.call("add_out", "%rows", width, keys, columns, "%out")
    return f


def _add_out(tile: Tile) -> Function:
    """`void add_out(ptr source, i64 width, i64 rows, i64 columns, ptr out)`: as `rows_out`, added to what is there."""
    return parts.rows_out("add_out", tile, lambda f, value, place, mask, row: value + f.load_masked(place, tile.kind, mask))


def _slopes(tile: Tile) -> Function:
    """The function

        void slopes(ptr weights, ptr slopes, i64 keys, ptr levels, ptr means, T scale)

    which replaces scores by weights, and the gradients for weights by those for scores, times the scale.
    """
    kind, lanes = tile.kind, tile.lanes
    t = "float" if kind == F32 else "double"
    f = Part("slopes", f"ptr noalias %weights, ptr noalias %slopes, i64 %keys, ptr %levels, ptr %means, {t} %scale", lanes)
    keys, scale = f.int("keys"), f.splat(parts.argument(f, "scale", kind))
    with f.loop(0, tile.width, lanes) as at:
        level, mean = (f.load(f.at(p, at, kind), kind, lanes) for p in ("%levels", "%means"))
        with f.loop(0, keys) as k:
            place, slope_place = (f.at(p, at + k * tile.width, kind) for p in ("%weights", "%slopes"))
            weight = parts.weight(f.load(place, kind, lanes) - level)
            f.store(weight, place)
            f.store(weight * (f.load(slope_place, kind, lanes) - mean) * scale, slope_place)
    return f


_PIECE = 4096  # elements of a unit of the second task


@cache
def sum_text(tile: Tile) -> str:
    """The module of the second task's kernel: parts of the queries' gradient are summed, in order."""
    f = Part("kernel", HEAD, tile.lanes, attributes="")
    chunks, size = (f.number("%numbers", i) for i in range(2))
    source, out = (f.pointer("%pointers", i) for i in range(2))
    begin, end = f.ints("begin end")
    last = f.smaller(end * _PIECE, size)
    with f.loop(begin * _PIECE, last, tile.lanes) as at:
        mask = f.first(last - at)
        total = f.cell(tile.kind, 0.0, many=True)
        with f.loop(0, chunks) as c:
            total.set(total.get() + f.load_masked(f.at(source, c * size + at, tile.kind), tile.kind, mask))
        f.store_masked(total.get(), f.at(out, at, tile.kind), mask)
    return module(f)
