"""Multi-head attention as one function of all its weights: `nn.functional.multi_head_attention_forward`."""

from __future__ import annotations

from math import inf, sqrt
from typing import Any

from ..core import dtypes as dt
from ..graph.op import REGISTRY
from .creation import zeros
from .functional import scaled_dot_product_attention
from .functions import function_of
from .random import dropout

cat, linear, pad = (function_of(REGISTRY[name], name) for name in ("cat", "linear", "pad"))


def multi_head_attention_forward(
    query: Any,
    key: Any,
    value: Any,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Any,
    in_proj_bias: Any,
    bias_k: Any,
    bias_v: Any,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Any,
    out_proj_bias: Any,
    training: bool = True,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Any = None,
    k_proj_weight: Any = None,
    v_proj_weight: Any = None,
    static_k: Any = None,
    static_v: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Any, Any]:
    """Attention of `num_heads` heads between linear projections: `(output, weights or None)`.

    Shapes: `query` (L, N, E) or (L, E), `key` and `value` (S, N, ...) or (S, ...); `in_proj_weight` (3 E, E), or with
    `use_separate_proj_weight` the three of (E, ...); `in_proj_bias` (3 E,); `out_proj_weight` (E, E); `bias_k` and `bias_v` (1, 1, E),
    appended to keys and values; `key_padding_mask` (N, S) and `attn_mask` (L, S) or (N * heads, L, S): True leaves a key out, numbers are
    added. Output (L, N, E) or (L, E); weights (N, L, S), or for each head without `average_attn_weights`. Source: Vaswani et al., 2017.
    """
    batched = query.ndim == 3
    _check(query, key, value, embed_dim_to_check, num_heads, key_padding_mask)
    if is_causal and attn_mask is None:
        raise RuntimeError("multi_head_attention_forward: Need attn_mask if specifying the is_causal hint.")
    if not batched:
        query, key, value = (x.unsqueeze(1) for x in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, width = query.shape
    weights = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else in_proj_weight.chunk(3)
    biases = (None,) * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
    q, k, v = (linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))
    mask = _mask(attn_mask, key_padding_mask, q, k.shape[0], num_heads)
    if bias_k is not None and bias_v is not None:
        k, v = (cat([x, bias.expand(1, batch, width)]) for x, bias in ((k, bias_k), (v, bias_v)))
        mask = _wider(mask)
    q, k, v = (_heads(x, num_heads) for x in (q, k, v))  # (N, heads, L or S, E / heads)
    k, v = (x if given is None else given.reshape(batch, num_heads, -1, width // num_heads) for x, given in ((k, static_k), (v, static_v)))
    if add_zero_attn:
        k, v, mask = pad(k, (0, 0, 0, 1)), pad(v, (0, 0, 0, 1)), _wider(mask)
    drop = dropout_p if training else 0.0
    if need_weights:
        scores = (q * sqrt(num_heads / width)) @ k.transpose(-2, -1)  # (N, heads, L, S)
        attention = dropout((scores if mask is None else scores + mask).softmax(-1), drop)
        out = attention @ v
    else:
        attention, out = None, scaled_dot_product_attention(q, k, v, mask, drop)
    out = linear(out.permute(2, 0, 1, 3).reshape(length, batch, width), out_proj_weight, out_proj_bias)
    if attention is not None and average_attn_weights:
        attention = attention.mean(1)
    if batched:
        return out, attention
    return out.squeeze(1), None if attention is None else attention.squeeze(0)


def _check(query: Any, key: Any, value: Any, width: int, heads: int, padding: Any) -> None:
    name = "multi_head_attention_forward"
    if query.ndim not in (2, 3) or not query.ndim == key.ndim == value.ndim:
        raise AssertionError(
            f"{name}: query, key and value should be unbatched 2D or batched 3D tensors; got {query.ndim}D, {key.ndim}D, {value.ndim}D"
        )
    if query.shape[-1] != width:
        raise AssertionError(f"{name}: was expecting embedding dimension of {width}, but got {query.shape[-1]}")
    if width % heads:
        raise AssertionError(f"{name}: embed_dim {width} not divisible by num_heads {heads}")
    if key.shape[:-1] != value.shape[:-1]:
        raise AssertionError(f"{name}: key's sequence and batch dims {key.shape[:-1]} do not match value's {value.shape[:-1]}")
    if padding is not None and padding.ndim != query.ndim - 1:
        raise AssertionError(f"{name}: expected key_padding_mask to be {query.ndim - 1}-D, got {padding.ndim}-D")


def _heads(x: Any, heads: int) -> Any:
    """(S, N, E) as (N, heads, S, E / heads)."""
    return x.reshape(x.shape[0], x.shape[1], heads, x.shape[2] // heads).permute(1, 2, 0, 3)


def _wider(mask: Any) -> Any:
    """A mask that lets one more key through."""
    return None if mask is None else pad(mask, (0, 1))


def _additive(mask: Any, like: Any) -> Any:
    """A mask as numbers to add to the scores."""
    if mask.dtype is dt.bool_:
        return zeros(tuple(mask.shape), dtype=like.dtype).masked_fill(mask, -inf)
    if not mask.is_floating_point():
        raise AssertionError(f"multi_head_attention_forward: only bool and floating types of masks are supported, got {mask.dtype}")
    return mask.to(like.dtype)


def _mask(attn_mask: Any, padding: Any, q: Any, keys: int, heads: int) -> Any:
    """Both masks as one, of dims (N or 1, heads or 1, L or 1, S); None where there is none."""
    length, batch = q.shape[:2]
    total = None
    if attn_mask is not None:
        if tuple(attn_mask.shape) not in ((length, keys), (batch * heads, length, keys)):
            raise RuntimeError(
                f"multi_head_attention_forward: The shape of the attn_mask is {list(attn_mask.shape)}, but should be "
                f"{[length, keys]} or {[batch * heads, length, keys]}."
            )
        total = _additive(attn_mask, q).reshape(-1 if attn_mask.ndim == 3 else 1, heads if attn_mask.ndim == 3 else 1, length, keys)
    if padding is not None:
        if tuple(padding.shape) != (batch, keys):
            raise AssertionError(
                f"multi_head_attention_forward: expecting key_padding_mask shape of {(batch, keys)}, but got {tuple(padding.shape)}"
            )
        added = _additive(padding, q).reshape(batch, 1, 1, keys)
        total = added if total is None else total + added
    return total


__all__ = ["multi_head_attention_forward"]
