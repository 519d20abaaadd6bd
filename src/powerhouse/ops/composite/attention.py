"""Attention as users call it: scores, mask, softmax, weighted mean. One primitive where it can be, ordinary ops where not."""

from __future__ import annotations

from math import sqrt
from typing import Any

from ...core import dtypes as dt
from ...core.shapes import broadcast
from ...graph.op import Bad, Operand, Sample, composite, constant, expand
from ...graph.symbol import Symbol
from ..arithmetic import where
from ..attention import attend, softmax_of
from ..matmul import product, turned
from ..views import reshape_to
from .softmax import narrow, wide

_NAME = "scaled_dot_product_attention"


def _check(query: Symbol, key: Symbol, value: Symbol, mask: Symbol | None, causal: bool) -> None:
    if not query.dtype is key.dtype is value.dtype:
        raise RuntimeError(
            f"{_NAME}: Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{query.dtype} key.dtype: {key.dtype} and value.dtype: {value.dtype} instead."
        )
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            f"{_NAME}: Expected query, key, and value to all be at least 2 dimensional, but got "
            f"query.dim: {query.ndim}, key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if key.shape[-2] != value.shape[-2]:
        raise RuntimeError(
            f"{_NAME}: Expected key and value to have the same length; got key {list(key.shape)} "
            f"and value {list(value.shape)}"
        )
    if query.shape[-1] != key.shape[-1]:
        raise RuntimeError(
            f"{_NAME}: mat1 and mat2 shapes cannot be multiplied ({query.shape[-2]}x{query.shape[-1]} and "
            f"{key.shape[-1]}x{key.shape[-2]}); got query {list(query.shape)} and key {list(key.shape)}"
        )
    if mask is not None and causal:
        raise RuntimeError(f"{_NAME}: Explicit attn_mask should not be set when is_causal=True")
    if mask is not None and mask.dtype not in (dt.bool_, query.dtype, dt.float32):
        raise RuntimeError(
            f"{_NAME}: Expected attn_mask dtype to be bool or float or to match query dtype, but got "
            f"attn_mask.dtype: {mask.dtype} and query.dtype: {query.dtype} instead."
        )


def _one_batch(query: Symbol, key: Symbol, value: Symbol, mask: Symbol | None) -> tuple[Symbol, ...]:
    """The operands expanded to the same batch dims."""
    operands = [query, key, value]
    if mask is not None:
        scores = broadcast((mask.shape, (query.shape[-2], key.shape[-2])), _NAME)
        operands.append(expand(mask, scores))
    batch = broadcast((x.shape[:-2] for x in operands), _NAME)
    return tuple(expand(x, (*batch, *x.shape[-2:])) for x in operands)


def _grouped(query: Symbol, key: Symbol, value: Symbol, mask: Symbol | None) -> tuple[Symbol, ...]:
    """The operands with a dim of key heads and one of the query heads that share each: (..., H, m, n) as (..., few, H / few, m, n)."""
    heads = query.shape[-3]
    for name, x in (("key", key), ("value", value)):
        if x.shape[-3] == 0 or heads % x.shape[-3]:
            raise RuntimeError(
                f"{_NAME}: Number of heads in {name} must divide the number of heads in query; got {x.shape[-3]} and {heads}"
            )
    if key.shape[-3] != value.shape[-3]:
        key, value = _repeated(key, heads), _repeated(value, heads)
    few = key.shape[-3]
    if mask is not None and mask.ndim > 2:
        mask = _split(mask, few if mask.shape[-3] == heads else 1)
    return _split(query, few), _split(key, few), _split(value, few), mask  # type: ignore[return-value]


def _split(x: Symbol, few: int) -> Symbol:
    """`x` (..., H, m, n) as (..., few, H / few, m, n)."""
    return reshape_to(x, (*x.shape[:-3], few, x.shape[-3] // few, *x.shape[-2:]))


def _repeated(x: Symbol, heads: int) -> Symbol:
    """`x` (..., H, m, n) with each head repeated, `heads` in all."""
    *batch, few, m, n = x.shape
    return reshape_to(expand(_split(x, few), (*batch, few, heads // few, m, n)), (*batch, heads, m, n))


@composite(names=(), name="scaled_dot_product_attention", out=False, autocast="lower")
def scaled_dot_product_attention(
    query: Symbol,
    key: Symbol,
    value: Symbol,
    attn_mask: Symbol | None = None,
    keep: Symbol | None = None,
    keep_scale: Operand = 1.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Symbol:  # type: ignore[assignment]
    """`softmax(query key^T * scale + mask) value`; query (..., L, E), key (..., S, E), value (..., S, V): (..., L, V).

    `attn_mask` broadcasts to (..., L, S): bool (True takes part) or numbers that are added. `scale` defaults to `1 / sqrt(E)`.
    `keep` (bool, shaped as the weights) and `keep_scale` are dropout's mask and factor. `enable_gqa`: query heads share key heads.
    Source: Vaswani et al., 2017.
    """
    _check(query, key, value, attn_mask, is_causal)
    kind, heads = query.dtype, query.shape[:-2]
    query, key, value = wide(query), wide(key), wide(value)
    if attn_mask is not None and attn_mask.dtype is not dt.bool_:
        attn_mask = narrow(attn_mask, query.dtype)
    if enable_gqa:
        query, key, value, attn_mask = _grouped(query, key, value, attn_mask)
    factor = 1.0 / sqrt(query.shape[-1]) if scale is None and query.shape[-1] else 1.0 if scale is None else scale
    if keep is None and query.dtype.is_floating_point and not (attn_mask is not None and attn_mask.needs_grad):
        out = attend(_one_batch(query, key, value, attn_mask), float(factor), is_causal)
    else:
        out = _in_parts(query, key, value, attn_mask, keep, keep_scale, is_causal, factor)
    if enable_gqa:
        out = reshape_to(out, (*out.shape[:-4], heads[-1], *out.shape[-2:]))
    return narrow(out, kind)


def _in_parts(
    query: Symbol, key: Symbol, value: Symbol, mask: Symbol | None, keep: Symbol | None, keep_scale: Symbol, causal: bool, scale: Any
) -> Symbol:
    """Attention by ordinary ops, with dropout and a gradient for the mask."""
    scores = product(query, turned(key), _NAME) * scale  # (..., L, S)
    weights = softmax_of(scores, mask, causal)
    if keep is not None:
        weights = where(reshape_to(keep, weights.shape), weights * keep_scale, constant(0.0))
    batch = broadcast((weights.shape[:-2], value.shape[:-2]), _NAME)
    return product(expand(weights, (*batch, *weights.shape[-2:])), value, _NAME)


@scaled_dot_product_attention.samples
def _(draw: Any) -> Any:
    qkv = (draw(2, 3, 4), draw(2, 5, 4), draw(2, 5, 6))
    yield Sample(qkv)
    yield Sample(qkv, {"is_causal": True, "scale": 0.3})
    yield Sample((*qkv, draw(3, 5) > 0))
    yield Sample((*qkv, draw(2, 3, 5)))
    yield Sample((draw(2, 4, 3, 4), draw(2, 2, 5, 4), draw(2, 2, 5, 6)), {"enable_gqa": True})


@scaled_dot_product_attention.errors
def _(draw: Any) -> Any:
    yield Bad(
        (draw(2, 3, 4), draw(2, 5, 4), draw(2, 5, 6), draw(3, 5) > 0, None, 1.0, True), {}, RuntimeError, "should not be set when is_causal"
    )
    yield Bad((draw(4), draw(5, 4), draw(5, 4)), {}, RuntimeError, "at least 2 dimensional")
    yield Bad((draw(3, 4), draw(5, 3), draw(5, 4)), {}, RuntimeError, "cannot be multiplied")
    yield Bad((draw(3, 4), draw(5, 4), draw(5, 4, dtype="float64")), {}, RuntimeError, "same dtype")


__all__ = ["scaled_dot_product_attention"]
