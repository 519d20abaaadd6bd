"""Rounding, signs, and the pieces of floating-point numbers. Gradients that vanish almost everywhere are zeros, as PyTorch has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import BOOL, COMPLEX, FLOAT
from ..core.promotion import result_type
from ..core.returns import named_results
from ..core.shapes import broadcast
from ..graph.op import Bad, Operand, Sample, Static, as_symbol, boolean, composite, constant, elementwise, fit, primitive, rank_of, to_float
from ..graph.symbol import Symbol, Type
from ._underived import underived
from .arithmetic import eq, negate, pow, times, where, whole_division
from .views import zeros

Frexp = named_results("frexp", "mantissa exponent")

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
    if input.dtype.kind in "bu":
        return s.minimum(input, s.like(1, input))
    return s.where(input > 0, s.like(1, input), s.where(input < 0, s.like(-1, input), s.like(0, input)))


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
    tensor([ 0.,  2., -2.])
    """
    if decimals == 0:
        return rounded(input)
    if input.dtype.category < FLOAT:
        raise RuntimeError(f"round: decimals={decimals} is not implemented for dtype {input.dtype}")
    scale = 10.0 ** (decimals if decimals > 0 else -decimals)
    return rounded(input * scale) / scale if decimals > 0 else rounded(input / scale) * scale


@round.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3, low=-5, high=5),))
    yield Sample((draw(2, 3, low=-5, high=5),), {"decimals": 1})


round.errors(lambda draw: iter([Bad((draw(3, dtype="int64"),), {"decimals": 1}, RuntimeError, "decimals=1 is not implemented")]))

# --- signs, steps and remainders of two operands ----------------------------------------------------------------------------------


@elementwise(operands=to_float, refuse=(COMPLEX,))
def copysign(s, input: Symbol, other):
    """The magnitude of `input` with the sign of `other`; the sign of -0.0 and of nan counts.

    >>> import powerhouse as torch
    >>> torch.copysign(torch.tensor([1.0, -2.0]), torch.tensor(-0.0))
    tensor([-1., -2.])
    """
    return s.copysign(input, other)


@copysign.vjp
def _(g: Symbol, out: Symbol, a: Symbol, b: Symbol) -> Any:
    none = zeros(g.shape, g.dtype)
    return where(eq(a, 0), none, g * out / a), none


@elementwise(public=False, refuse=(COMPLEX,))
def unit_step(s, input, values):
    """0 below zero, 1 above it, `values` at it."""
    return s.where(input == 0, values, s.where(input > 0, s.like(1, input), s.like(0, input)))


unit_step.vjp(lambda g, out, x, values: (underived(g, "heaviside: the derivative is not implemented"),) * 2)


@composite(inplace=True)
def heaviside(input: Symbol, values: Symbol) -> Symbol:
    """The step function: 0 below zero, 1 above it, and `values` at it. Both operands must have one dtype."""
    if input.dtype is not values.dtype:
        raise RuntimeError(f"heaviside: not implemented for tensors with different dtypes; got {input.dtype} and {values.dtype}")
    return unit_step(input, values)


heaviside.samples(lambda draw: iter([Sample((draw(2, 3), draw(3)), only="forward")]))
heaviside.errors(lambda draw: iter([Bad((draw(3), draw(3, dtype="int64")), {}, RuntimeError, "different dtypes")]))


@elementwise(public=False, refuse=(BOOL, COMPLEX), domain=(0.5, 2), guard=whole_division, label="fmod")
def truncated_remainder(s, input, other):
    """The remainder with the sign of the dividend."""
    return s.fmod(input, other)


truncated_remainder.vjp(lambda g, out, a, b: (g, negate(g * trunc(a / b))))


@composite(inplace=True)
def fmod(input: Symbol, other: Operand) -> Symbol:
    """The remainder of `input / other` with the sign of `input`, as C has it.

    >>> import powerhouse as torch
    >>> torch.fmod(torch.tensor([-3.0, 5.0]), 2)
    tensor([-1.,  1.])
    """
    return truncated_remainder(input, other)


fmod.errors(lambda draw: iter([Bad((np.array([1, 2]), np.array([1, 0])), {}, RuntimeError, "fmod: ZeroDivision")]))
fmod.samples(lambda draw: iter([Sample((draw(2, 3), draw(3, low=0.5))), Sample((draw(2, 3), 0.7))]))

# --- powers in double precision, and numbers taken apart --------------------------------------------------------------------------


@composite(inplace=True, numbers_alone=False)
def float_power(input: Static, exponent: Static) -> Symbol:
    """`input ** exponent`, computed in float64 (complex128 if either is complex) whatever the operands are."""
    input, exponent = as_symbol(input), as_symbol(exponent)
    target = dt.complex128 if COMPLEX in (input.dtype.category, exponent.dtype.category) else dt.float64
    return pow(fit(input, target, input.shape), fit(exponent, target, exponent.shape))


float_power.samples(lambda draw: iter([Sample((draw(2, 3, low=0.3), draw(3))), Sample((draw(3), 2))]))


@composite(inplace=True)
def ldexp(input: Symbol, other: Symbol) -> Symbol:
    """`input * 2**other`.

    >>> import powerhouse as torch
    >>> torch.ldexp(torch.tensor([1.0, 3.0]), torch.tensor([2, -1]))
    tensor([4.0000, 1.5000])
    """
    return times(input, pow(constant(2.0), other))


ldexp.samples(lambda draw: iter([Sample((draw(2, 3), draw(3)))]))


@primitive
def mantissa_and_exponent(x: Symbol) -> tuple[Type, Type]:
    """`x` as `mantissa * 2**exponent`, the mantissa's magnitude in [0.5, 1)."""
    return x.type, Type(x.shape, dt.int32)


@mantissa_and_exponent.reference
def _(x: Any) -> Any:
    mantissa, exponent = np.frexp(x.astype(np.float32) if x.dtype.itemsize == 2 else x)
    return np.asarray(mantissa, x.dtype), np.asarray(exponent, np.int32)


@mantissa_and_exponent.vjp
def _(g: Any, out: Symbol, x: Symbol) -> Any:
    exponent = mantissa_and_exponent(x)[1]
    return (None if g[0] is None else g[0] * pow(constant(2.0), negate(exponent)),)


@composite(returns=Frexp)
def frexp(input: Symbol) -> tuple[Symbol, Symbol]:
    """`(mantissa, exponent)` with `input = mantissa * 2**exponent`, the mantissa's magnitude in [0.5, 1), the exponent int32.

    >>> import powerhouse as torch
    >>> torch.frexp(torch.tensor(6.0)).exponent
    tensor(3, dtype=torch.int32)
    """
    if input.dtype.category != FLOAT:
        raise RuntimeError(f"frexp: only supports floating-point dtypes, got {input.dtype}")
    return mantissa_and_exponent(input)


frexp.samples(lambda draw: iter([Sample((draw(2, 3),))]))
frexp.errors(lambda draw: iter([Bad((draw(3, dtype="int64"),), {}, RuntimeError, "only supports floating-point dtypes")]))


@primitive(cheap=True)
def neighbour(x: Symbol, towards: Symbol) -> Type:
    """The next representable number after `x` in the direction of `towards`."""
    return x.type


neighbour.vjp(lambda g, out, x, towards: (where(eq(x, towards), zeros(g.shape, g.dtype), g), zeros(g.shape, g.dtype)))
neighbour.reference(lambda x, towards: np.nextafter(x, towards))


@composite(inplace=True)
def nextafter(input: Symbol, other: Symbol) -> Symbol:
    """The next representable number after `input` towards `other`, in their common floating-point dtype."""
    common = result_type((s.dtype, rank_of(s)) for s in (input, other))
    if common.category != FLOAT:
        raise RuntimeError(f"nextafter: not implemented for dtype {common}")
    shape = broadcast((input.shape, other.shape), "nextafter")
    return neighbour(fit(input, common, shape), fit(other, common, shape))


nextafter.samples(lambda draw: iter([Sample((draw(2, 3), draw(3)), only="forward")]))
nextafter.errors(lambda draw: iter([Bad((draw(3, dtype="int64"), draw(3, dtype="int64")), {}, RuntimeError, "not implemented for dtype")]))
