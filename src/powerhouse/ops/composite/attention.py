"""Attention: scores, mask, softmax, weighted mean. One op, so that a compiler can stream it."""

from __future__ import annotations

from math import inf, sqrt
from typing import Any

from ...core import dtypes as dt
from ...core.shapes import broadcast
from ...graph.op import Bad, Operand, Sample, composite, constant, expand
from ...graph.symbol import Symbol
from ..arithmetic import eq, exp, ge, where
from ..matmul import product, turned
from ..reduction import iota_along, reduce_max
from ..views import reduce_sum, reshape_to, restore
from .softmax import narrow, softmax, wide


def causal_mask(length: int, keys: int) -> Symbol:
    """(length, keys), True where the key does not come after the query."""
    shape = (length, keys)
    return ge(iota_along(length, 0, shape), iota_along(keys, 1, shape))


def masked_softmax(scores: Symbol) -> Symbol:
    """The softmax over the last dim; rows in which all is -inf give zeros."""
    dims = (scores.ndim - 1,)
    top = reduce_max(scores.plain, dims)
    e = exp(scores - restore(where(eq(top, -inf), constant(0.0), top), dims, scores.shape))
    total = reduce_sum(e, dims)
    return e / restore(where(eq(total, 0), constant(1.0), total), dims, scores.shape)


def _check(query: Symbol, key: Symbol, value: Symbol, mask: Symbol | None, causal: bool) -> None:
    if not query.dtype is key.dtype is value.dtype:
        raise RuntimeError(
            "scaled_dot_product_attention: Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{query.dtype} key.dtype: {key.dtype} and value.dtype: {value.dtype} instead."
        )
    if min(query.ndim, key.ndim, value.ndim) < 2:
        raise RuntimeError(
            "scaled_dot_product_attention: Expected query, key, and value to all be at least 2 dimensional, but got "
            f"query.dim: {query.ndim}, key.dim: {key.ndim} and value.dim: {value.ndim} instead."
        )
    if key.shape[-2] != value.shape[-2]:
        raise RuntimeError(
            f"scaled_dot_product_attention: Expected key and value to have the same length; got key {list(key.shape)} "
            f"and value {list(value.shape)}"
        )
    if mask is not None and causal:
        raise RuntimeError("scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    if mask is not None and mask.dtype not in (dt.bool_, query.dtype, dt.float32):
        raise RuntimeError(
            "scaled_dot_product_attention: Expected attn_mask dtype to be bool or float or to match query dtype, but got "
            f"attn_mask.dtype: {mask.dtype} and query.dtype: {query.dtype} instead."
        )


def _shared_heads(x: Symbol, heads: int, name: str) -> Symbol:
    """`x` (..., H, S, E) with each head repeated for the query heads that share it."""
    if x.shape[-3] == heads:
        return x
    if heads % x.shape[-3]:
        raise RuntimeError(
            f"scaled_dot_product_attention: Number of heads in {name} must divide the number of heads in query; got "
            f"{x.shape[-3]} and {heads}"
        )
    *batch, few, length, width = x.shape
    split = expand(reshape_to(x, (*batch, few, 1, length, width)), (*batch, few, heads // few, length, width))
    return reshape_to(split, (*batch, heads, length, width))


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
    if enable_gqa:
        key, value = (_shared_heads(x, query.shape[-3], name) for x, name in ((key, "key"), (value, "value")))
    kind = query.dtype
    query, key, value = wide(query), wide(key), wide(value)
    factor = 1.0 / sqrt(query.shape[-1]) if scale is None and query.shape[-1] else 1.0 if scale is None else scale
    scores = product(query, turned(key), "scaled_dot_product_attention") * factor  # (..., L, S)
    mask = causal_mask(*scores.shape[-2:]) if is_causal else attn_mask
    if mask is None or 0 in scores.shape:
        weights = softmax(scores, -1)
    else:
        scores = where(mask, scores, constant(-inf)) if mask.dtype is dt.bool_ else scores + narrow(mask, scores.dtype)
        weights = masked_softmax(scores)
    if keep is not None:
        weights = where(keep, weights * keep_scale, constant(0.0))
    if weights.ndim > 2 or value.ndim > 2:
        batch = broadcast((weights.shape[:-2], value.shape[:-2]), "scaled_dot_product_attention")
        weights, value = expand(weights, (*batch, *weights.shape[-2:])), expand(value, (*batch, *value.shape[-2:]))
    return narrow(product(weights, value, "scaled_dot_product_attention"), kind)


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


__all__ = ["causal_mask", "masked_softmax", "scaled_dot_product_attention"]
