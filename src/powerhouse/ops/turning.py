"""Turning and shuffling: the same elements in other places."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.shapes import wrap_dim, wrap_dims
from ..graph.op import Bad, Sample, Type, composite, primitive
from ..graph.symbol import Symbol
from .joining import concat, copied
from .shape import listed, span, transpose
from .views import permute_dims, reshape_to

# --- turning ---------------------------------------------------------------------------------------------------------------------


@primitive(linear=True)
def reversed_order(x: Symbol, dims: tuple[int, ...]) -> Type:
    """`x` with the order of its elements along `dims`, none of size 1, reversed."""
    return x.type


reversed_order.reference(np.flip)
reversed_order.vjp(lambda g, out, x, dims: (reversed_order(g, dims),))


def flipped(x: Symbol, dims: tuple[int, ...]) -> Symbol:
    """`x` with the order of its elements along `dims` reversed: always a copy."""
    longer = tuple(d for d in dims if x.shape[d] > 1)
    return reversed_order(x, longer) if longer else copied(x)


@composite
def flip(input: Symbol, dims: Any, *more: Any) -> Symbol:
    """A copy of `input` with the order along `dims` reversed.

    >>> import powerhouse as torch
    >>> torch.arange(4).view(2, 2).flip(0, 1)
    tensor([[3, 2],
            [1, 0]])
    """
    given = listed(dims, more)
    return flipped(input, wrap_dims(given, input.ndim, "flip")) if given else copied(input)


@composite
def fliplr(input: Symbol) -> Symbol:
    """`input` with its columns in the opposite order."""
    if input.ndim < 2:
        raise RuntimeError(f"fliplr: Input must be >= 2-d, got {input.ndim}-d.")
    return flipped(input, (1,))


@composite
def flipud(input: Symbol) -> Symbol:
    """`input` with its rows in the opposite order."""
    if input.ndim < 1:
        raise RuntimeError("flipud: Input must be >= 1-d, got 0-d.")
    return flipped(input, (0,))


flip.samples(lambda draw: iter([Sample((draw(2, 3), (0,))), Sample((draw(2, 3), (0, -1)))]))
flip.errors(
    lambda draw: iter(
        [Bad((draw(2, 3), (0, 0)), {}, RuntimeError, "appears multiple times"), Bad((draw(2, 3), (2,)), {}, IndexError, "out of range")]
    )
)
for _op in (fliplr, flipud):
    _op.samples(lambda draw: iter([Sample((draw(2, 3),))]))
    _op.errors(lambda draw: iter([Bad((draw(),), {}, RuntimeError, "Input must be")]))


@composite
def rot90(input: Symbol, k: int = 1, dims: Any = (0, 1)) -> Symbol:
    """`input` turned by 90 degrees `k` times, from the first of `dims` towards the second."""
    if len(dims) != 2:
        raise RuntimeError(f"rot90: expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"rot90: expected total dims >= 2, but got total dims = {input.ndim}")
    a, b = wrap_dims(tuple(dims), input.ndim, "rot90")
    turns = k % 4
    if turns == 2:
        return flipped(input, (a, b))
    if turns == 0:
        return copied(input)
    return copied(transpose(flipped(input, (b if turns == 1 else a,)), a, b))


rot90.samples(lambda draw: iter([Sample((draw(2, 3, 4), k, (0, 2))) for k in range(-1, 4)]))
rot90.errors(
    lambda draw: iter([Bad((draw(2, 3), 1, (0,)), {}, RuntimeError, "rotation dims"), Bad((draw(2),), {}, RuntimeError, "total dims")])
)


@composite
def roll(input: Symbol, shifts: Any, dims: Any = None) -> Symbol:
    """`input` with its elements moved by `shifts` along `dims`; those that leave at the end come in at the start.

    >>> import powerhouse as torch
    >>> torch.arange(5).roll(2)
    tensor([3, 4, 0, 1, 2])
    """
    if dims is None or dims == ():
        if not isinstance(shifts, int) and len(shifts) != 1:
            raise RuntimeError(f"roll: shifts and dimensions must align. shifts: {len(shifts)}, dims: 0")
        return reshape_to(roll(reshape_to(input, (input.numel,)), shifts, 0), input.shape)
    by = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    along = (dims,) if isinstance(dims, int) else tuple(dims)
    if len(by) != len(along) or not by:
        raise RuntimeError(f"roll: shifts and dimensions must align. shifts: {len(by)}, dims:{len(along)}")
    if not input.ndim:
        raise IndexError(f"roll: Dimension specified as {along[0]} but tensor has no dimensions")
    out = input
    for shift, dim in zip(by, along, strict=True):
        d = wrap_dim(dim, input.ndim, "roll")
        n = out.shape[d]
        if n and shift % n:
            at = n - shift % n
            out = concat((span(out, d, at, n - at), span(out, d, 0, at)), d)
    return copied(input) if out is input else out


roll.samples(lambda draw: iter([Sample((draw(2, 3), 2)), Sample((draw(2, 3), (1, -4), (0, 1))), Sample((draw(2, 3), 0, 0))]))
roll.errors(lambda draw: iter([Bad((draw(2, 3), (1, 2), 0), {}, RuntimeError, "must align")]))

# --- channels and pixels ---------------------------------------------------------------------------------------------------------


def _shuffle_parts(input: Symbol, factor: int, ndim: int, op: str) -> tuple[int, ...]:
    if input.ndim < ndim:
        raise RuntimeError(f"{op} expects input to have at least {ndim} dimensions, but got input with {input.ndim} dimension(s)")
    if factor <= 0:
        raise RuntimeError(f"{op} expects a positive factor, but got {factor}")
    return input.shape[:-3]


@composite(names=("pixel_shuffle", "nn.functional.pixel_shuffle"))
def pixel_shuffle(input: Symbol, upscale_factor: int) -> Symbol:
    """`(..., c * r * r, h, w)` to `(..., c, h * r, w * r)`: channels become pixels (Shi et al., 2016, arXiv:1609.05158)."""
    r = upscale_factor
    lead = _shuffle_parts(input, r, 3, "pixel_shuffle")
    channels, h, w = input.shape[-3:]
    if channels % (r * r):
        raise RuntimeError(
            "pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
            f"input.size(-3)={channels} is not divisible by {r * r}"
        )
    n, c = len(lead), channels // (r * r)
    x = reshape_to(input, (*lead, c, r, r, h, w))
    x = permute_dims(x, (*range(n), n, n + 3, n + 1, n + 4, n + 2))  # (..., c, h, r, w, r)
    return reshape_to(x, (*lead, c, h * r, w * r))


@composite(names=("pixel_unshuffle", "nn.functional.pixel_unshuffle"))
def pixel_unshuffle(input: Symbol, downscale_factor: int) -> Symbol:
    """`(..., c, h * r, w * r)` to `(..., c * r * r, h, w)`: the inverse of `pixel_shuffle`."""
    r = downscale_factor
    lead = _shuffle_parts(input, r, 3, "pixel_unshuffle")
    c, h, w = input.shape[-3:]
    if h % r or w % r:
        raise RuntimeError(
            f"pixel_unshuffle expects height and width to be divisible by downscale_factor, but input {list(input.shape)} is "
            f"not divisible by {r}"
        )
    n = len(lead)
    x = reshape_to(input, (*lead, c, h // r, r, w // r, r))
    x = permute_dims(x, (*range(n), n, n + 2, n + 4, n + 1, n + 3))  # (..., c, r, r, h, w)
    return reshape_to(x, (*lead, c * r * r, h // r, w // r))


@composite(names=("channel_shuffle", "nn.functional.channel_shuffle", "nn.functional.native_channel_shuffle"))
def channel_shuffle(input: Symbol, groups: int) -> Symbol:
    """`(n, groups * c, ...)` with the channels of the groups taken in turn (Zhang et al., 2017, arXiv:1707.01083)."""
    if input.ndim < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    if groups <= 0 or input.shape[1] % groups:
        raise RuntimeError(
            f"channel_shuffle: number of channels must be divisible by groups. Got {input.shape[1]} channels and {groups} groups."
        )
    n, channels, *rest = input.shape
    x = reshape_to(input, (n, groups, channels // groups, *rest))
    return reshape_to(transpose(x, 1, 2), input.shape)


pixel_shuffle.samples(lambda draw: iter([Sample((draw(2, 8, 2, 3), 2)), Sample((draw(4, 2, 3), 2))]))
pixel_shuffle.errors(
    lambda draw: iter(
        [Bad((draw(3, 2, 2), 2), {}, RuntimeError, "divisible by the square"), Bad((draw(2, 2), 2), {}, RuntimeError, "at least 3")]
    )
)
pixel_unshuffle.samples(lambda draw: iter([Sample((draw(1, 2, 4, 6), 2))]))
pixel_unshuffle.errors(lambda draw: iter([Bad((draw(3, 3, 2), 2), {}, RuntimeError, "divisible by downscale_factor")]))
channel_shuffle.samples(lambda draw: iter([Sample((draw(2, 6, 2, 2), 3))]))
channel_shuffle.errors(lambda draw: iter([Bad((draw(2, 5, 2), 2), {}, RuntimeError, "divisible by groups")]))
