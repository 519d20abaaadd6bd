"""Attention in one step, and its gradient: primitives that never hand out the matrix of scores, so that a kernel can stream it.

Operands have the same batch dims: q (..., L, E), k (..., S, E), v (..., S, V), and perhaps a mask (..., L, S), bool (True takes part) or
added to the scores. Beside the means the op gives the logarithm of each row's sum of exponentials, from which the gradient makes the
weights again. Sources: Vaswani et al., Attention is all you need, 2017; Dao et al., FlashAttention, 2022.
"""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..graph.op import Symbols, constant, primitive, with_value
from ..graph.symbol import Symbol, Type
from .arithmetic import eq, exp, ge, where
from .matmul import batched_matmul, turned
from .reduction import iota_along, reduce_max
from .views import reduce_sum, restore, zeros


@primitive(differentiable=False)
def attention(operands: Symbols, scale: float, causal: bool) -> tuple[Type, Type]:
    """`softmax(q k^T * scale + mask) v` (..., L, V) of (q, k, v[, mask]), and the log-sum-exp of its rows (..., L).

    `causal`: no key comes after its query. A row that is masked entirely gives zeros, and -inf.
    """
    q, _, v = operands[:3]
    return Type((*q.shape[:-1], v.shape[-1]), q.dtype), Type(q.shape[:-1], q.dtype)


@primitive(label="scaled_dot_product_attention")
def attended(operands: Symbols, scale: float, causal: bool) -> Type:
    """The mean again, of (q, k, v, mean, lse[, mask]) with the results of `attention`; its gradient is that of attention."""
    return operands[3].type


@primitive(label="scaled_dot_product_attention_backward")
def attention_gradient(operands: Symbols, scale: float, causal: bool) -> tuple[Type, ...]:
    """The gradients for q, k and v, of (g, q, k, v, mean, lse[, mask])."""
    return tuple(x.type for x in operands[1:4])


def attend(operands: tuple[Symbol, ...], scale: float, causal: bool) -> Symbol:
    """Attention of (q, k, v[, mask]). What a later backward keeps is the mean and the log-sum-exp, which are operands of its gradient."""
    mean, lse = attention(tuple(x.plain for x in operands), scale, causal)
    if not any(x.needs_grad for x in operands):
        return mean
    return with_value(attended((*operands[:3], mean, lse, *operands[3:]), scale, causal), mean)


# --- values ---------------------------------------------------------------------------------------------------------------------


def _scores(q: Any, k: Any, mask: Any, scale: float, causal: bool) -> Any:
    """What the softmax is taken of, (..., L, S)."""
    scores = np.matmul(q, k.swapaxes(-1, -2))
    scores *= scale
    if causal:
        mask = np.tri(*scores.shape[-2:], dtype=bool)
    if mask is None:
        return scores
    if mask.dtype != bool:
        return np.add(scores, mask, out=scores)
    np.copyto(scores, -inf, where=~mask)
    return scores


@attention.reference
def _(operands: Any, scale: float, causal: bool) -> Any:
    q, k, v, *mask = operands
    weights = _scores(q, k, mask[0] if mask else None, scale, causal)
    top = weights.max(-1, keepdims=True, initial=-inf)
    weights -= np.maximum(top, np.finfo(top.dtype).min)  # of a row without a key, the greatest is -inf
    total = np.exp(weights, out=weights).sum(-1, keepdims=True)
    mean = np.matmul(weights, v)
    mean /= np.maximum(total, 1)  # each sum but that of no keys has exp(0) in it
    return mean, (top + np.log(total))[..., 0]


attended.reference(lambda operands, scale, causal: operands[3])


@attention_gradient.reference
def _(operands: Any, scale: float, causal: bool) -> Any:
    g, q, k, v, mean, lse, *mask = operands
    weights = _scores(q, k, mask[0] if mask else None, scale, causal)
    weights -= np.where(lse == -inf, inf, lse)[..., None]  # a row without a key has no weights
    np.exp(weights, out=weights)
    scores = np.matmul(g, v.swapaxes(-1, -2))  # what follows is the gradient for the scores, with the scale
    scores -= (g * mean).sum(-1, keepdims=True)
    scores *= weights
    scores *= scale
    return np.matmul(scores, k), np.matmul(scores.swapaxes(-1, -2), q), np.matmul(weights.swapaxes(-1, -2), g)


# --- gradients ------------------------------------------------------------------------------------------------------------------


@attended.vjp
def _(g: Symbol, out: Symbol, operands: Symbols, scale: float, causal: bool) -> Any:
    if any(m.needs_grad for m in operands[5:]):
        raise RuntimeError("attention: the derivative for a mask is not implemented")
    return (*attention_gradient((g, *operands), scale, causal), *(None for _ in operands[3:]))


@attention_gradient.vjp
def _(given: Any, out: Symbol, operands: Symbols, scale: float, causal: bool) -> Any:
    """By ordinary ops, with `mean` and `lse` as the functions of q, k and v that they are.

    With weights W = softmax(s), and the gradients dW = g v^T, ds = W (dW - D), D the rows' sums of W dW:

        dq = scale ds k        dk = scale ds^T q        dv = W^T g
    """
    g, q, k, v, _, _, *mask = operands
    for_q, for_k, for_v = (zeros(x.shape, x.dtype) if u is None else u for u, x in zip(given, (q, k, v), strict=True))
    weights = softmax_of(batched_matmul(q, turned(k)) * constant(scale), mask[0] if mask else None, causal)
    upstream = batched_matmul(g, turned(v))
    slope = weights * _less_mean(upstream, weights)  # ds
    rate = (batched_matmul(for_q, turned(k)) + batched_matmul(q, turned(for_k))) * constant(scale)  # what ds is multiplied with
    for_upstream = weights * _less_mean(rate, weights)
    for_weights = (
        rate * _less_mean(upstream, weights)
        - upstream * _row_sums(weights * rate)
        + batched_matmul(g, turned(for_v))
    )
    for_scores = weights * _less_mean(for_weights, weights) * constant(scale)
    slope = slope * constant(scale)
    return (
        batched_matmul(for_upstream, v) + batched_matmul(weights, for_v),
        batched_matmul(slope, for_k) + batched_matmul(for_scores, k),
        batched_matmul(turned(slope), for_q) + batched_matmul(turned(for_scores), q),
        batched_matmul(turned(for_upstream), g),
        *(None for _ in operands[4:]),
    )


def _row_sums(x: Symbol) -> Symbol:
    dims = (x.ndim - 1,)
    return restore(reduce_sum(x, dims), dims, x.shape)


def _less_mean(x: Symbol, weights: Symbol) -> Symbol:
    """`x` less its rows' means under the weights."""
    return x - _row_sums(weights * x)


# --- in terms of other ops ------------------------------------------------------------------------------------------------------


def causal_mask(length: int, keys: int) -> Symbol:
    """(length, keys), True where the key does not come after the query."""
    shape = (length, keys)
    return ge(iota_along(length, 0, shape), iota_along(keys, 1, shape))


def softmax_of(scores: Symbol, mask: Symbol | None, causal: bool) -> Symbol:
    """The weights: the softmax over the last dim of the masked scores; rows in which all is -inf give zeros."""
    mask = causal_mask(*scores.shape[-2:]) if causal else mask
    if mask is not None:
        scores = where(mask, scores, constant(-inf)) if mask.dtype is dt.bool_ else scores + mask
    if scores.numel == 0:
        return scores
    dims = (scores.ndim - 1,)
    top = reduce_max(scores.plain, dims)
    e = exp(scores - restore(where(eq(top, -inf), constant(0.0), top), dims, scores.shape))
    total = reduce_sum(e, dims)
    return e / restore(where(eq(total, 0), constant(1.0), total), dims, scores.shape)


__all__ = ["attend", "attended", "attention", "attention_gradient", "causal_mask", "softmax_of"]
