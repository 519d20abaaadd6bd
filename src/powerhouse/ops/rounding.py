"""Rounding, signs, and the pieces of floating-point numbers. Gradients that vanish almost everywhere are zeros, as PyTorch has them."""

from __future__ import annotations

from typing import Any

from ..core.dtypes import BOOL, COMPLEX
from ..graph.op import boolean, composite, elementwise
from ..graph.symbol import Symbol
from .views import zeros

_REAL_NUMBERS = {"refuse": (BOOL, COMPLEX), "linear": True}


def _flat(g: Symbol, *_: Symbol) -> tuple[Symbol]:
    return (zeros(g.shape, g.dtype),)


@elementwise(**_REAL_NUMBERS)
def floor(s, input):
    """The largest integer not above each element.

    >>> import powerhouse as torch
    >>> torch.floor(torch.tensor([-0.5, 1.7]))
    tensor([-1.,  1.])
    """
    return s.floor(input)


@elementwise(**_REAL_NUMBERS)
def ceil(s, input):
    """The smallest integer not below each element."""
    return s.ceil(input)


@elementwise(names=("trunc", "Tensor.trunc", "fix", "Tensor.fix"), **_REAL_NUMBERS)
def trunc(s, input):
    """The integer part of each element: rounding towards zero."""
    return s.trunc(input)


@elementwise(public=False, **_REAL_NUMBERS)
def rounded(s, input):
    """The nearest integer; halves go to the even one."""
    return s.rint(input)


@elementwise(refuse=(BOOL, COMPLEX), linear=True)
def frac(s, input):
    """The fractional part, `input - trunc(input)`, with the sign of `input`."""
    return input - s.trunc(input)


frac.vjp(lambda g, out, x: (g,))


@elementwise(refuse=(COMPLEX,), linear=True)
def sign(s, input):
    """-1, 0 or 1; nan gives 0.

    >>> import powerhouse as torch
    >>> torch.sign(torch.tensor([-2.0, 0.0, 3.0]))
    tensor([-1.,  0.,  1.])
    """
    return s.where(input > 0, s.like(1, input), s.where(input < 0, s.like(-1, input), s.like(0, input))) if input.dtype.kind != "b" else input


for _op in (floor, ceil, trunc, rounded, sign):
    _op.vjp(_flat)


@elementwise(result=boolean, refuse=(COMPLEX,), differentiable=False, inplace=False, also=("special.signbit",))
def signbit(s, input):
    """Whether the sign bit is set: of negative numbers, and of -0.0."""
    return s.signbit(input) if input.dtype.kind == "f" else input < 0


@composite(names=("round", "Tensor.round", "special.round"), inplace=True)
def round(input: Symbol, *, decimals: int = 0) -> Symbol:
    """The nearest number with `decimals` digits after the point (before it, if negative); halves go to the even digit.

    >>> import powerhouse as torch
    >>> torch.round(torch.tensor([0.5, 1.5, -2.5]))
    tensor([0., 2., -2.])
    """
    if decimals == 0:
        return rounded(input)
    scale = 10.0 ** abs(decimals)
    return rounded(input * scale) / scale if decimals > 0 else rounded(input / scale) * scale
