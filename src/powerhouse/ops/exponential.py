"""Exponentials and logarithms."""

from __future__ import annotations

from math import log as _log
from math import nan
from typing import Any

from ..core.dtypes import COMPLEX
from ..graph.op import Bad, Sample, composite, elementwise, to_float
from ..graph.symbol import Symbol
from .arithmetic import conj, eq, sigmoid, where
from .views import zeros


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

# --- of two operands --------------------------------------------------------------------------------------------------------------


@elementwise(operands=to_float)
def logaddexp(s, input: Symbol, other: Symbol):
    """`log(exp(input) + exp(other))`, without overflow.

    >>> import powerhouse as torch
    >>> torch.logaddexp(torch.tensor(100.0), torch.tensor(100.0))
    tensor(100.6931)
    """
    first = s.real(input) >= s.real(other)
    large, small = s.where(first, input, other), s.where(first, other, input)
    gap = s.where(input == other, s.like(0, input), small - large)
    return large + s.log1p(s.exp(gap))


@elementwise(operands=to_float, refuse=(COMPLEX,))
def logaddexp2(s, input: Symbol, other: Symbol):
    """`log2(2**input + 2**other)`, without overflow."""
    gap = s.where(input == other, s.like(0, input), -s.abs(input - other))
    return s.maximum(input, other) + s.log1p(s.exp2(gap)) * (1 / _log(2))


def _share(g: Symbol, a: Symbol, b: Symbol, rate: float = 1.0) -> tuple[Symbol, Symbol]:
    """A gradient divided in the proportion of `exp(a)` to `exp(b)`."""
    gap = where(eq(a, b), 0.0, a - b)
    return g * conj(sigmoid(gap * rate)), g * conj(sigmoid(gap * -rate))


logaddexp.vjp(lambda g, out, a, b: _share(g, a, b))
logaddexp2.vjp(lambda g, out, a, b: _share(g, a, b, _log(2)))


@elementwise(operands=to_float, refuse=(COMPLEX,), domain=(0.1, 2), names=("xlogy", "Tensor.xlogy", "special.xlogy"))
def xlogy(s, input, other):
    """`input * log(other)`, which is 0 where `input` is 0 and `other` is not nan.

    >>> import powerhouse as torch
    >>> torch.xlogy(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 2.0]))
    tensor([0.0000, 0.6931])
    """
    return s.where((input == 0) & ~s.isnan(other), s.like(0, input), input * s.log(other))


@elementwise(operands=to_float, refuse=(COMPLEX,), domain=(0.1, 2), names=("special.xlog1py",))
def xlog1py(s, input, other):
    """`input * log(1 + other)`, which is 0 where `input` is 0 and `other` is not nan."""
    return s.where((input == 0) & ~s.isnan(other), s.like(0, input), input * s.log1p(other))


@xlogy.vjp
def _(g: Symbol, out: Symbol, x: Symbol, y: Symbol) -> Any:
    return where(eq(x, 0) & (y <= 0), zeros(g.shape, g.dtype), xlogy(g, y)), g * x / y


@xlog1py.vjp
def _(g: Symbol, out: Symbol, x: Symbol, y: Symbol) -> Any:
    return where(eq(x, 0) & (y <= -1), zeros(g.shape, g.dtype), xlog1py(g, y)), g * x / (y + 1)


# --- the inverse of the sigmoid ---------------------------------------------------------------------------------------------------


@elementwise(public=False, operands=to_float, refuse=(COMPLEX,), domain=(0.1, 0.9))
def log_odds(s, input):
    """`log(input / (1 - input))`."""
    return s.log(input / (1 - input))


log_odds.vjp(lambda g, out, x: (where((x < 0) | (x > 1), nan, g / (x * (1 - x))),))


@elementwise(public=False, operands=to_float, refuse=(COMPLEX,), domain=(0.1, 0.9))
def bounded_log_odds(s, input, eps):
    """`log_odds` of the input held between `eps` and `1 - eps`."""
    held = s.minimum(s.maximum(input, eps), 1 - eps)
    return s.log(held / (1 - held))


bounded_log_odds.vjp(lambda g, out, x, eps: (where((x < eps) | (x > 1 - eps), zeros(g.shape, g.dtype), g / (x * (1 - x))), None))


@composite(names=("logit", "Tensor.logit", "special.logit"), inplace=True)
def logit(input: Symbol, eps: float | None = None) -> Symbol:
    """`log(input / (1 - input))`, the inverse of `sigmoid`; with `eps`, of the input held between `eps` and `1 - eps`.

    >>> import powerhouse as torch
    >>> torch.logit(torch.tensor([0.5, 0.9]))
    tensor([0.0000, 2.1972])
    """
    return log_odds(input) if eps is None else bounded_log_odds(input, float(eps))


@logit.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3, low=0.05, high=0.95),))
    yield Sample((draw(2, 3, low=-0.5, high=1.5), 0.1))


logit.errors(lambda draw: iter([Bad((draw(3, dtype="complex64"),), {}, RuntimeError, "not implemented for dtype")]))
