"""Padding: elements added around a tensor, or cut from it."""

from __future__ import annotations

from typing import Any

from ..graph.op import Bad, Sample, Static, as_symbol, composite, constant, expand, fit
from ..graph.symbol import Symbol
from .joining import concat, copied
from .shape import span, with_size
from .turning import flipped
from .views import slice_put

Pads = tuple[tuple[int, int], ...]  # (before, after) of each dim


def cut(x: Symbol, pads: Pads) -> Symbol:
    """`x` without what the negative ones of `pads` take away."""
    for d, (before, after) in enumerate(pads):
        x = span(x, d, max(-before, 0), x.shape[d] - max(-before, 0) - max(-after, 0))
    return x


def padded(x: Symbol, pads: Pads, value: Symbol) -> Symbol:
    """`x` with `(before, after)` elements of `value` around each dim; negative ones cut."""
    x = cut(x, pads)
    grown = tuple(n + max(a, 0) + max(b, 0) for n, (a, b) in zip(x.shape, pads, strict=True))
    if grown == x.shape:
        return copied(x)
    return slice_put(fit(value, x.dtype, grown), x, tuple((max(a, 0), n, 1) for n, (a, _) in zip(x.shape, pads, strict=True)))


def _reflected(x: Symbol, d: int, before: int, after: int) -> list[Symbol]:
    n = x.shape[d]
    if max(before, after) >= n:
        raise RuntimeError(
            f"pad: Padding size should be less than the corresponding input dimension, but got: padding ({before}, {after}) "
            f"at dimension {d} of input {list(x.shape)}"
        )
    return [flipped(span(x, d, 1, before), (d,)), x, flipped(span(x, d, n - 1 - after, after), (d,))]


def _replicated(x: Symbol, d: int, before: int, after: int) -> list[Symbol]:
    n = x.shape[d]
    if n == 0:
        raise RuntimeError(f"pad: Expected non-zero size at dimension {d} of input {list(x.shape)} for replicate padding")
    first, last = (expand(span(x, d, at, 1), with_size(x.shape, d, count)) for at, count in ((0, before), (n - 1, after)))
    return [first, x, last]


def _wrapped(x: Symbol, d: int, before: int, after: int) -> list[Symbol]:
    n = x.shape[d]
    if max(before, after) > n:
        raise RuntimeError(
            f"pad: Padding value causes wrapping around more than once: padding ({before}, {after}) at dimension {d} of input "
            f"{list(x.shape)}"
        )
    return [span(x, d, n - before, before), x, span(x, d, 0, after)]


_AROUND = {"reflect": _reflected, "replicate": _replicated, "circular": _wrapped}


@composite
def constant_pad_nd(input: Symbol, pad: Any, value: Static = 0) -> Symbol:
    """`input` with `value` around its last dims: `pad` is `(before, after)` of the last dim, then of the one before it, and so on."""
    return padded(input, _pairs(input, pad), as_symbol(value))


def _pairs(input: Symbol, pad: Any) -> Pads:
    """`(before, after)` for each dim of `input`, after PyTorch's checks."""
    if len(pad) % 2:
        raise RuntimeError(f"pad: Padding length must be divisible by 2, got {list(pad)}")
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(
            "pad: Padding length should be less than or equal to two times the input dimension "
            f"but got padding length {len(pad)} and input of dimension {input.ndim}"
        )
    pads = ((0, 0),) * (input.ndim - len(pad) // 2) + tuple((pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2))
    for d, (n, both) in enumerate(zip(input.shape, pads, strict=True)):
        if n + sum(both) < 0:
            raise RuntimeError(
                f"pad: The input size {n}, plus negative padding {both[0]} and {both[1]}, resulted in a negative output size, "
                f"at dimension {d} of {list(input.shape)}"
            )
    return pads


constant_pad_nd.samples(lambda draw: iter([Sample((draw(2, 3), (1, 2))), Sample((draw(2, 3), (1, -2, -1, 2), 0.5))]))
constant_pad_nd.errors(lambda draw: iter([Bad((draw(2, 3), (1,)), {}, RuntimeError, "divisible by 2")]))


def _cast_edges(args: tuple[Any, ...], lower: Any, float32: Any) -> tuple[Any, ...]:
    """Under autocast, what reads the edges of `input` runs in float32."""
    return (float32(args[0]), *args[1:]) if args[2] in ("reflect", "replicate") else args


@composite(names=("nn.functional.pad",), label="constant_pad_nd", autocast=_cast_edges)
def pad(input: Symbol, pad: Any, mode: str = "constant", value: Static | None = None) -> Symbol:
    """`input` with elements added (or, where negative, cut) around its last dims.

    Args:
        pad: `(before, after)` of the last dim, then of the one before it, and so on.
        mode: "constant" (any dims), "reflect", "replicate" or "circular" (the last 1 to 3 dims of an input with one or two dims more).
        value: what a constant padding holds; 0 by default.

    >>> import powerhouse as torch
    >>> torch.nn.functional.pad(torch.ones(1, 2), (1, 0, 0, 1), value=3.0)
    tensor([[3., 1., 1.],
            [3., 3., 3.]])
    """
    pads = _pairs(input, pad)
    if mode == "constant":
        return padded(input, pads, constant(0) if value is None else as_symbol(value))
    if mode not in _AROUND:
        raise NotImplementedError(f"pad: Unrecognised padding mode {mode}")
    if value is not None and value is not constant(0) and value is not constant(0.0):
        raise ValueError(f'pad: Padding mode "{mode}" doesn\'t take in value argument')
    if len(pad) // 2 not in (input.ndim - 1, input.ndim - 2) or not 2 <= len(pad) <= 6:
        raise NotImplementedError(
            f"pad: Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now; got padding {list(pad)} and "
            f"input {list(input.shape)}"
        )
    out = cut(input, pads) if mode == "circular" else input
    for d, (before, after) in enumerate(pads):
        if before > 0 or after > 0:
            out = concat(tuple(_AROUND[mode](out, d, max(before, 0), max(after, 0))), d)
    return out if mode == "circular" else cut(out, pads)


@pad.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3), (1, 2)), {"value": 0.5})
    yield Sample((draw(2, 3), (1, -2, -1, 2)))
    yield Sample((draw(2, 3, 4), (2, 1)), {"mode": "reflect"})
    yield Sample((draw(2, 3, 4), (2, 1, 1, 0)), {"mode": "replicate"})
    yield Sample((draw(1, 2, 3, 4), (2, 1, 1, 0)), {"mode": "circular"})


@pad.errors
def _(draw: Any) -> Any:
    yield Bad((draw(2, 3), (1,)), {}, RuntimeError, "divisible by 2")
    yield Bad((draw(2, 3), (3, 3)), {"mode": "reflect"}, RuntimeError, "less than the corresponding input dimension")
    yield Bad((draw(2, 3), (-2, -2)), {}, RuntimeError, "negative output size")
    yield Bad((draw(2, 3), (1, 1)), {"mode": "none"}, NotImplementedError, "padding mode")
