"""Multi-head attention."""

from __future__ import annotations

import contextlib
import enum
import math
from collections.abc import Iterator
from typing import Any

from ..core.dtypes import bool_
from ..tensors import Tensor
from ..tensors import functions as ph
from . import functional as F
from . import init
from .linear import NonDynamicallyQuantizableLinear
from .module import Module
from .parameter import Parameter

__all__ = ["MultiheadAttention", "SDPBackend", "sdpa_kernel"]


class SDPBackend(enum.IntEnum):
    """PyTorch's names for ways to compute scaled dot-product attention."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextlib.contextmanager
def sdpa_kernel(backends: SDPBackend | list[SDPBackend], set_priority: bool = False) -> Iterator[None]:
    """Say which backends may compute attention in this context. Here all are one, so the choice changes nothing.

    Errors: TypeError for anything but a backend or a list of them.
    """
    for backend in backends if isinstance(backends, list) else [backends]:
        if not isinstance(backend, SDPBackend):
            raise TypeError(f"sdpa_kernel: backends must be an SDPBackend or a list of them, got {type(backend).__name__}")
    yield


class MultiheadAttention(Module):
    """Attention in several heads (Vaswani et al. 2017).

    Arguments: `embed_dim`, of queries and output, a multiple of `num_heads`; `dropout` on the attention weights; `bias`, of
    the projections; `add_bias_kv`, append a learned key and value; `add_zero_attn`, append a key and value of zeros; `kdim`,
    `vdim`, sizes of keys and values, `embed_dim` where None; `batch_first`, (N, L, E) rather than (L, N, E).

    >>> import powerhouse as torch
    >>> x = torch.zeros(5, 2, 16)
    >>> output, weights = torch.nn.MultiheadAttention(16, 4)(x, x, x)
    >>> output.shape, weights.shape
    (torch.Size([5, 2, 16]), torch.Size([2, 5, 5]))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        if embed_dim % num_heads:
            raise AssertionError("embed_dim must be divisible by num_heads")
        super().__init__()
        self.embed_dim, self.num_heads, self.head_dim = embed_dim, num_heads, embed_dim // num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.dropout, self.batch_first, self.add_zero_attn = dropout, batch_first, add_zero_attn

        def parameter(*shape: int) -> Parameter:
            return Parameter(ph.empty(shape, device=device, dtype=dtype))

        same = self._qkv_same_embed_dim
        widths = {"q_proj_weight": embed_dim, "k_proj_weight": self.kdim, "v_proj_weight": self.vdim}
        if same:
            self.in_proj_weight = parameter(3 * embed_dim, embed_dim)
        for name, width in widths.items():
            self.register_parameter(name, None if same else parameter(embed_dim, width))
        if not same:
            self.register_parameter("in_proj_weight", None)
        self.register_parameter("in_proj_bias", parameter(3 * embed_dim) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, device=device, dtype=dtype)
        self.bias_k: Any = parameter(1, 1, embed_dim) if add_bias_kv else None
        self.bias_v: Any = parameter(1, 1, embed_dim) if add_bias_kv else None
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            if self._parameters[name] is not None:
                init.xavier_uniform_(self._parameters[name])
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.setdefault("_qkv_same_embed_dim", True)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend.

        Arguments: query (L, N, E), key (S, N, kdim), value (S, N, vdim), or without N; `key_padding_mask` (N, S), True (or a
        number that is added) for keys to leave out; `attn_mask` (L, S) or (N * heads, L, S), likewise; `need_weights`, return
        the attention weights, (N, L, S), or (N, heads, L, S) without `average_attn_weights`; `is_causal`, a hint that
        `attn_mask` is the causal mask.
        """
        self._check_inputs(query, key, value, key_padding_mask)
        if is_causal and attn_mask is None:
            raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
        batched = query.dim() == 3
        q, k, v = self._projected(*_batch_major((query, key, value), batched, self.batch_first))  # (N, L or S, E)
        batch, length = q.shape[0], q.shape[1]
        padding = None if key_padding_mask is None else _additive(key_padding_mask, "key_padding_mask", q.dtype)
        if padding is not None:
            padding = padding if batched else padding.unsqueeze(0)
            _check_mask_shape("key_padding_mask", padding, [(batch, k.shape[1])])
        causal = is_causal and padding is None and not need_weights and self.bias_k is None and not self.add_zero_attn
        mask = None if attn_mask is None or causal else _additive(attn_mask, "attn_mask", q.dtype)
        if mask is not None:
            _check_mask_shape("attn_mask", mask, [(length, k.shape[1]), (batch * self.num_heads, length, k.shape[1])])
            mask = mask if mask.dim() == 2 else mask.reshape(batch, self.num_heads, length, k.shape[1])
        if padding is not None:
            padding = padding.reshape(batch, 1, 1, k.shape[1])
            mask = padding if mask is None else mask + padding
        if self.bias_k is not None:
            k, v = (ph.cat([x, bias.expand(batch, 1, self.embed_dim)], 1) for x, bias in ((k, self.bias_k), (v, self.bias_v)))
        if self.add_zero_attn:
            k, v = (F.pad(x, (0, 0, 0, 1)) for x in (k, v))
        if mask is not None and k.shape[1] > mask.shape[-1]:
            mask = F.pad(mask, (0, k.shape[1] - mask.shape[-1]))
        q, k, v = (self._split(x) for x in (q, k, v))  # (N, heads, L or S, E / heads)
        heads, weights = self._attend(q, k, v, mask, causal, need_weights)
        output = self.out_proj(heads.permute(2, 0, 1, 3).reshape(length, batch, self.embed_dim))
        if weights is not None and average_attn_weights:
            weights = weights.mean(dim=1)
        if not batched:
            return output.squeeze(1), None if weights is None else weights.squeeze(0)
        return (output.transpose(0, 1) if self.batch_first else output), weights

    def _attend(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, causal: bool, need_weights: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Scaled dot-product attention of each head, with its weights where they are needed."""
        dropout = self.dropout if self.training else 0.0
        if not need_weights:
            return F.scaled_dot_product_attention(q, k, v, mask, dropout, causal), None
        scores = ph.matmul(q * math.sqrt(1.0 / self.head_dim), k.transpose(-2, -1))  # (N, heads, L, S)
        weights = F.softmax(scores if mask is None else scores + mask, dim=-1)
        if dropout > 0.0:
            weights = F.dropout(weights, dropout)
        return ph.matmul(weights, v), weights

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        """Query, key and value through the input projection, in one product where they are the same tensor."""
        bias = self.in_proj_bias
        if self._qkv_same_embed_dim:
            if query is key and key is value:
                return F.linear(query, self.in_proj_weight, bias).chunk(3, -1)
            weights = self.in_proj_weight.chunk(3)
            if key is value:
                e = self.embed_dim
                both = F.linear(key, self.in_proj_weight[e:], None if bias is None else bias[e:])
                return F.linear(query, weights[0], None if bias is None else bias[:e]), *both.chunk(2, -1)
        else:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        return tuple(F.linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True))

    def _split(self, x: Tensor) -> Tensor:
        """(N, L, E) to (N, heads, L, E / heads)."""
        return x.reshape(x.shape[0], x.shape[1], self.num_heads, self.head_dim).transpose(1, 2)

    def _check_inputs(self, query: Tensor, key: Tensor, value: Tensor, key_padding_mask: Tensor | None) -> None:
        if query.dim() not in (2, 3):
            raise AssertionError(f"query should be unbatched 2D or batched 3D tensor but received {query.dim()}-D query tensor")
        kind = "batched (3-D)" if query.dim() == 3 else "unbatched (2-D)"
        if key.dim() != query.dim() or value.dim() != query.dim():
            raise AssertionError(
                f"For {kind} `query`, expected `key` and `value` to be {query.dim()}-D but found {key.dim()}-D and "
                f"{value.dim()}-D tensors respectively"
            )
        if key_padding_mask is not None and key_padding_mask.dim() != query.dim() - 1:
            raise AssertionError(
                f"For {kind} `query`, expected `key_padding_mask` to be `None` or {query.dim() - 1}-D but found "
                f"{key_padding_mask.dim()}-D tensor instead"
            )
        if query.shape[-1] != self.embed_dim:
            raise AssertionError(f"was expecting embedding dimension of {self.embed_dim}, but got {query.shape[-1]}")
        if key.shape[:-1] != value.shape[:-1]:
            raise AssertionError(f"key's sequence and batch dims {key.shape[:-1]} do not match value's {value.shape[:-1]}")


def _batch_major(inputs: tuple[Tensor, ...], batched: bool, batch_first: bool) -> tuple[Tensor, ...]:
    """The inputs as (N, L, E); what was one tensor stays one tensor."""
    if batched and batch_first:
        return inputs
    moved: dict[int, Tensor] = {}
    for x in inputs:
        if id(x) not in moved:
            moved[id(x)] = x.transpose(0, 1) if batched else x.unsqueeze(0)
    return tuple(moved[id(x)] for x in inputs)


def _additive(mask: Tensor, name: str, dtype: Any) -> Tensor:
    """A mask as numbers to add to the scores: minus infinity where a boolean mask is True."""
    if mask.dtype is bool_:
        return ph.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(mask, -math.inf)
    if not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {name} are supported")
    return mask.to(dtype)


def _check_mask_shape(name: str, mask: Tensor, allowed: list[tuple[int, ...]]) -> None:
    if tuple(mask.shape) not in allowed:
        expected = " or ".join(str(shape) for shape in allowed)
        raise RuntimeError(f"The shape of the {name} is {tuple(mask.shape)}, but should be {expected}.")
