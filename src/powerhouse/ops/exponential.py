"""Exponentials and logarithms."""

from __future__ import annotations

from math import log as _log

from ..graph.op import elementwise, to_float
from .arithmetic import conj


@elementwise(operands=to_float, also=("special.expm1",))
def expm1(s, input):
    """`exp(input) - 1`, accurate near 0.

    >>> import powerhouse as torch
    >>> torch.expm1(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 1.7183])
    """
    return s.expm1(input)


@elementwise(operands=to_float, also=("special.exp2",))
def exp2(s, input):
    """2 to the power of each element."""
    return s.exp2(input)


@elementwise(operands=to_float, domain=(-0.9, 3), also=("special.log1p",))
def log1p(s, input):
    """`log(1 + input)`, accurate near 0; nan below -1."""
    return s.log1p(input)


@elementwise(operands=to_float, domain=(0.1, 3))
def log2(s, input):
    """The logarithm to base 2."""
    return s.log2(input)


@elementwise(operands=to_float, domain=(0.1, 3))
def log10(s, input):
    """The logarithm to base 10."""
    return s.log10(input)


expm1.vjp(lambda g, out, x: (g * conj(out + 1),))
exp2.vjp(lambda g, out, x: (g * conj(out) * _log(2),))
log1p.vjp(lambda g, out, x: (g / conj(x + 1),))
log2.vjp(lambda g, out, x: (g / (conj(x) * _log(2)),))
log10.vjp(lambda g, out, x: (g / (conj(x) * _log(10)),))
