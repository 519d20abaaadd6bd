"""Choosing between values: bounds, tests, interpolation, logic, and the parts of complex numbers."""

from __future__ import annotations

from typing import Any

from ..core import dtypes as dt
from ..core.dtypes import BOOL, COMPLEX
from ..core.shapes import broadcast
from ..graph.op import Bad, Operand, Sample, as_symbol, boolean, composite, constant_value, elementwise, fit
from ..graph.symbol import Symbol
from .arithmetic import conj, over, plus, select, times, where
from .views import zeros


def _nothing(g: Symbol) -> Symbol:
    return zeros(g.shape, g.dtype)


# --- bounds ---------------------------------------------------------------------------------------------------------------------


@elementwise(public=False, refuse=(COMPLEX,))
def at_least(s, input, low):
    """The input, or `low` where that is larger; nan if either is."""
    return s.maximum(input, low)


@elementwise(public=False, refuse=(COMPLEX,))
def at_most(s, input, high):
    """The input, or `high` where that is smaller; nan if either is."""
    return s.minimum(input, high)


@elementwise(public=False, refuse=(COMPLEX,))
def between(s, input, low, high):
    """The input held between two bounds; the upper one wins if they cross."""
    return s.minimum(s.maximum(input, low), high)


at_least.vjp(lambda g, out, x, low: (where(x >= low, g, _nothing(g)), where(x < low, g, _nothing(g))))
at_most.vjp(lambda g, out, x, high: (where(x <= high, g, _nothing(g)), where(x > high, g, _nothing(g))))


@between.vjp
def _(g: Symbol, out: Symbol, x: Symbol, low: Symbol, high: Symbol) -> Any:
    none = _nothing(g)
    return (where((x >= low) & (x <= high), g, none), where((low < high) & (x < low), g, none), where((x > high) | (high < low), g, none))


@composite(names=("clamp", "Tensor.clamp", "clip", "Tensor.clip"), inplace=True)
def clamp(input: Symbol, min: Operand | None = None, max: Operand | None = None) -> Symbol:
    """`input` held between `min` and `max`, numbers or tensors, of which one may be None. The gradient passes at the bounds.

    >>> import powerhouse as torch
    >>> torch.clamp(torch.tensor([-2.0, 0.5, 3.0]), -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min is None and max is None:
        raise RuntimeError("clamp: At least one of 'min' or 'max' must not be None")
    if max is None:
        return at_least(input, min)
    return at_most(input, max) if min is None else between(input, min, max)


@clamp.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3), -0.5, 0.7))
    yield Sample((draw(2, 3),), {"max": 0.2})
    yield Sample((draw(2, 3), draw(3, low=-2, high=0), draw(2, 1, low=0, high=2)))


clamp.errors(lambda draw: iter([Bad((draw(3),), {}, RuntimeError, "At least one of 'min' or 'max'")]))


@composite(inplace=True)
def clamp_min(input: Symbol, min: Operand) -> Symbol:
    """`clamp` with a lower bound only."""
    return at_least(input, min)


@composite(inplace=True)
def clamp_max(input: Symbol, max: Operand) -> Symbol:
    """`clamp` with an upper bound only."""
    return at_most(input, max)


# --- tests ------------------------------------------------------------------------------------------------------------------------

_TEST = {"result": boolean, "differentiable": False, "inplace": False}


@elementwise(**_TEST)
def isnan(s, input):
    """Whether each element is nan."""
    return s.isnan(input)


@elementwise(**_TEST)
def isinf(s, input):
    """Whether each element is infinite, of either sign."""
    return s.isinf(input)


@elementwise(**_TEST)
def isfinite(s, input):
    """Whether each element is neither infinite nor nan.

    >>> import powerhouse as torch
    >>> torch.isfinite(torch.tensor([1.0, float("inf"), float("nan")]))
    tensor([ True, False, False])
    """
    return s.isfinite(input)


@elementwise(result=boolean, differentiable=False)
def logical_and(s, input, other):
    """Whether both elements are nonzero."""
    return (input != 0) & (other != 0)


@elementwise(result=boolean, differentiable=False)
def logical_or(s, input, other):
    """Whether either element is nonzero."""
    return (input != 0) | (other != 0)


@elementwise(result=boolean, differentiable=False)
def logical_xor(s, input, other):
    """Whether exactly one of the elements is nonzero."""
    return (input != 0) ^ (other != 0)


# --- filling, interpolating, multiplying and adding ---------------------------------------------------------------------------------


@composite(inplace=True)
def masked_fill(input: Symbol, mask: Symbol, value: Operand) -> Symbol:
    """`input` with `value` (a number or 0-d tensor, cast to its dtype) where the bool `mask` holds; the two are broadcast.

    >>> import powerhouse as torch
    >>> torch.zeros(3).masked_fill(torch.tensor([True, False, True]), 1.5)
    tensor([1.5000, 0.0000, 1.5000])
    """
    if mask.dtype is not dt.bool_:
        raise RuntimeError(f"masked_fill: only supports boolean masks, but got mask with dtype {mask.dtype}")
    if value.ndim:
        raise RuntimeError(f"masked_fill: only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s).")
    if value.dtype.category > input.dtype.category:
        raise RuntimeError(f"masked_fill: value cannot be converted to type {input.dtype} without overflow; got a value of type {value.dtype}")
    shape = broadcast((input.shape, mask.shape), "masked_fill")
    return select(fit(mask, dt.bool_, shape), fit(value, input.dtype, shape), fit(input, input.dtype, shape))


@masked_fill.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3), draw(3) > 0, 0.25))
    yield Sample((draw(3), draw(2, 3) > 0, draw()))


@masked_fill.errors
def _(draw: Any) -> Any:
    yield Bad((draw(3), draw(3), 0.0), {}, RuntimeError, "only supports boolean masks")
    yield Bad((draw(3), draw(3) > 0, draw(3)), {}, RuntimeError, "0-dimensional value tensor")


@elementwise
def lerp(s, input, end, weight):
    """`input + weight * (end - input)`, exact at both ends.

    >>> import powerhouse as torch
    >>> torch.lerp(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]), 0.5)
    tensor([2., 3.])
    """
    step = end - input
    return s.where(s.abs(weight) < 0.5, input + weight * step, end - step * (1 - weight))


lerp.vjp(lambda g, out, a, b, w: (g * conj(1 - w), g * conj(w), g * conj(b - a)))


@composite(inplace=True)
def addcmul(input: Symbol, tensor1: Symbol, tensor2: Symbol, *, value: Operand = 1) -> Symbol:
    """`input + value * tensor1 * tensor2`.

    >>> import powerhouse as torch
    >>> torch.addcmul(torch.ones(2), torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]), value=0.5)
    tensor([2.5000, 5.0000])
    """
    return plus(input, times(times(tensor1, tensor2), value))


@composite(inplace=True)
def addcdiv(input: Symbol, tensor1: Symbol, tensor2: Symbol, *, value: Operand = 1) -> Symbol:
    """`input + value * tensor1 / tensor2`, for floating-point and complex tensors."""
    if as_symbol(tensor1).dtype.category <= dt.INTEGER and tensor2.dtype.category <= dt.INTEGER:
        raise RuntimeError(f"addcdiv: Integer division with addcdiv is no longer supported; got {tensor1.dtype} / {tensor2.dtype}")
    return plus(input, times(over(tensor1, tensor2), value))


@addcmul.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3), draw(3), draw(2, 1)), {"value": 0.3})


@addcdiv.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3), draw(3), draw(2, 1, low=0.5)), {"value": 0.3})


addcdiv.errors(lambda draw: iter([Bad((draw(3), draw(3, dtype="int64"), draw(3, dtype="int64")), {}, RuntimeError, "Integer division")]))
