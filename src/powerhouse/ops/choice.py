"""Choosing between values: bounds, tests, interpolation, logic and integer operations."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import BOOL, COMPLEX
from ..core.promotion import result_type
from ..core.shapes import broadcast
from ..graph.op import Bad, Operand, Sample, boolean, cast, composite, constant, elementwise, fit, primitive, rank_of
from ..graph.symbol import Symbol, Type
from .arithmetic import abs, conj, eq, logical_not, minus, select, sub, times, where
from .complex import complex, imag_of, real_of
from .views import zeros


def _nothing(g: Symbol) -> Symbol:
    return zeros(g.shape, g.dtype)


# --- bounds -----------------------------------------------------------------------------------------------------------------------


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


for _op, _bound in ((clamp_min, -0.5), (clamp_max, 0.5)):
    _op.samples(lambda draw, _bound=_bound: iter([Sample((draw(2, 3), _bound)), Sample((draw(2, 3), draw(3)))]))

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
def logical_and(s, input: Symbol, other: Symbol):
    """Whether both elements are nonzero."""
    return (input != 0) & (other != 0)


@elementwise(result=boolean, differentiable=False)
def logical_or(s, input: Symbol, other: Symbol):
    """Whether either element is nonzero."""
    return (input != 0) | (other != 0)


@elementwise(result=boolean, differentiable=False)
def logical_xor(s, input: Symbol, other: Symbol):
    """Whether exactly one of the elements is nonzero."""
    return (input != 0) ^ (other != 0)


# --- filling, interpolating, multiplying and adding -------------------------------------------------------------------------------


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
    if value.dtype.category > input.dtype.category > BOOL:
        raise RuntimeError(f"masked_fill: value cannot be converted to type {input.dtype} without overflow; got type {value.dtype}")
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


@elementwise(public=False)
def plus_product(s, input, tensor1, tensor2, value):
    """`input + value * tensor1 * tensor2`, rounded once in half precision."""
    return input + value * tensor1 * tensor2


@elementwise(public=False)
def plus_quotient(s, input, tensor1, tensor2, value):
    """`input + value * tensor1 / tensor2`, rounded once in half precision."""
    return input + value * tensor1 / tensor2


@plus_product.vjp
def _(g: Symbol, out: Symbol, x: Symbol, a: Symbol, b: Symbol, value: Symbol) -> Any:
    return g, g * conj(b * value), g * conj(a * value), g * conj(a * b)


@plus_quotient.vjp
def _(g: Symbol, out: Symbol, x: Symbol, a: Symbol, b: Symbol, value: Symbol) -> Any:
    scaled = conj(value / b)
    return g, g * scaled, -(g * scaled * conj(a / b)), g * conj(a / b)


@composite(inplace=True)
def addcmul(input: Symbol, tensor1: Symbol, tensor2: Symbol, *, value: Operand = 1) -> Symbol:
    """`input + value * tensor1 * tensor2`.

    >>> import powerhouse as torch
    >>> torch.addcmul(torch.ones(2), torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]), value=0.5)
    tensor([2.5000, 5.0000])
    """
    return plus_product(input, tensor1, tensor2, value)


@composite(inplace=True)
def addcdiv(input: Symbol, tensor1: Symbol, tensor2: Symbol, *, value: Operand = 1) -> Symbol:
    """`input + value * tensor1 / tensor2`, for floating-point and complex tensors."""
    if tensor1.dtype.category <= dt.INTEGER and tensor2.dtype.category <= dt.INTEGER:
        raise RuntimeError(f"addcdiv: Integer division with addcdiv is no longer supported; got {tensor1.dtype} / {tensor2.dtype}")
    return plus_quotient(input, tensor1, tensor2, value)


@addcmul.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3), draw(3), draw(2, 1)), {"value": 0.3})


@addcdiv.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3), draw(3), draw(2, 1, low=0.5)), {"value": 0.3})


addcdiv.errors(lambda draw: iter([Bad((draw(3), draw(3, dtype="int64"), draw(3, dtype="int64")), {}, RuntimeError, "Integer division")]))


# --- bounds and tests that treat nan and infinity apart ---------------------------------------------------------------------------


@elementwise(refuse=(COMPLEX,))
def fmax(s, input: Symbol, other: Symbol):
    """The larger of two elements; the other one where one is nan."""
    return s.fmax(input, other)


@elementwise(refuse=(COMPLEX,))
def fmin(s, input: Symbol, other: Symbol):
    """The smaller of two elements; the other one where one is nan."""
    return s.fmin(input, other)


def _to_chosen(g: Symbol, first: Symbol) -> tuple[Symbol, Symbol]:
    return where(first, g, _nothing(g)), where(first, _nothing(g), g)


fmax.vjp(lambda g, out, a, b: _to_chosen(g, (a >= b) | isnan(b)))
fmin.vjp(lambda g, out, a, b: _to_chosen(g, (a <= b) | isnan(b)))


@elementwise(refuse=(COMPLEX,), **_TEST)
def isposinf(s, input):
    """Whether each element is positive infinity."""
    return s.isinf(input) & (input > 0)


@elementwise(refuse=(COMPLEX,), **_TEST)
def isneginf(s, input):
    """Whether each element is negative infinity."""
    return s.isinf(input) & (input < 0)


@elementwise(**_TEST)
def isreal(s, input):
    """Whether each element has no imaginary part."""
    return s.imag(input) == 0


@elementwise(public=False, refuse=(COMPLEX,))
def finite_stand_in(s, input, nan, posinf, neginf):
    """The input, with stand-ins for nan and the infinities."""
    return s.where(s.isnan(input), nan, s.where(s.isinf(input), s.where(input > 0, posinf, neginf), input))


finite_stand_in.vjp(lambda g, out, x, *stand_ins: (where(isfinite(x), g, _nothing(g)), None, None, None))


@composite(inplace=True)
def nan_to_num(input: Symbol, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> Symbol:
    """`input` with nan replaced by `nan` (default 0) and the infinities by `posinf`, `neginf` (default: the largest finite numbers).

    >>> import powerhouse as torch
    >>> torch.nan_to_num(torch.tensor([float("nan"), float("inf")]), posinf=9.0)
    tensor([0., 9.])
    """
    if input.dtype.category < dt.FLOAT:
        return times(input, constant(1)) if input.dtype is not dt.bool_ else input
    if input.dtype.is_complex:
        return complex(*(nan_to_num(part(input), nan, posinf, neginf) for part in (real_of, imag_of)))
    largest = float(ml_dtypes.finfo(input.dtype.numpy).max)
    above, below = largest if posinf is None else posinf, -largest if neginf is None else neginf
    return finite_stand_in(input, 0.0 if nan is None else nan, above, below)


@composite(names=("isclose", "Tensor.isclose"))
def isclose(input: Symbol, other: Symbol, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Symbol:
    """Whether `|input - other| <= atol + rtol * |other|`; infinities are close to themselves only, nan to nan if `equal_nan`.

    >>> import powerhouse as torch
    >>> torch.isclose(torch.tensor([1.0, 2.0]), torch.tensor([1.0 + 1e-7, 2.1]))
    tensor([ True, False])
    """
    if input.dtype is not other.dtype:
        raise RuntimeError(f"isclose: {input.dtype} did not match {other.dtype}")
    if rtol < 0 or atol < 0:
        raise RuntimeError(f"isclose: rtol and atol must be greater than or equal to zero, but got rtol={rtol}, atol={atol}")
    same = eq(input, other)
    if equal_nan:
        same = same | (isnan(input) & isnan(other))
    if rtol == 0 and atol == 0:
        return same
    if input.dtype is dt.bool_:
        input, other = cast(input, dt.int64), cast(other, dt.int64)
    gap = abs(minus(input, other))
    return same | (isfinite(gap) & (gap <= abs(other * rtol) + atol))


@isclose.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3), draw(3), 0.5, 0.1), only="forward")


isclose.errors(lambda draw: iter([Bad((draw(3), draw(3, dtype="float64")), {}, RuntimeError, "did not match")]))

# --- integers ---------------------------------------------------------------------------------------------------------------------

_WHOLE = {"refuse": (BOOL, dt.FLOAT, COMPLEX), "differentiable": False}


@elementwise(**_WHOLE)
def gcd(s, input: Symbol, other: Symbol):
    """The greatest common divisor, never negative; gcd(0, 0) is 0."""
    return s.gcd(input, other)


@elementwise(**_WHOLE)
def lcm(s, input: Symbol, other: Symbol):
    """The least common multiple, never negative."""
    return s.lcm(input, other)


@elementwise(names=("bitwise_left_shift", "Tensor.bitwise_left_shift"), **_WHOLE)
def bitwise_left_shift(s, input, other):
    """`input << other`; 0 where the shift is not within the number's width."""
    return input << other


@elementwise(names=("bitwise_right_shift", "Tensor.bitwise_right_shift"), **_WHOLE)
def bitwise_right_shift(s, input, other):
    """`input >> other`, keeping the sign."""
    return input >> other


for _op in (gcd, lcm, bitwise_left_shift, bitwise_right_shift):
    _op.samples(lambda draw: iter([Sample((draw(2, 3, dtype="int64", low=0, high=40), draw(3, dtype="int64", low=0, high=9)))]))
    _op.errors(
        lambda draw: iter([Bad((draw(3), draw(3)), {}, RuntimeError, "not implemented for dtype"), Bad((2, 3), {}, TypeError, "Tensor")])
    )

# --- the rest ---------------------------------------------------------------------------------------------------------------------


@composite
def rsub(input: Symbol, other: Operand, *, alpha: Any = 1) -> Symbol:
    """`other - alpha * input`."""
    return sub(other, input, alpha=alpha)


@composite
def positive(input: Symbol) -> Symbol:
    """`input` itself; bool tensors are refused, as by `-`."""
    if input.dtype is dt.bool_:
        raise RuntimeError("positive: The `+` operator, on a bool tensor is not supported.")
    return input


@composite(names=("isin",))
def isin(elements: Operand, test_elements: Operand, *, assume_unique: bool = False, invert: bool = False) -> Symbol:
    """Whether each element of `elements` occurs in `test_elements` (does not, if `invert`); either may be a number.

    >>> import powerhouse as torch
    >>> torch.isin(torch.tensor([1, 2, 3]), torch.tensor([3, 1]))
    tensor([ True, False,  True])
    """
    common = result_type((x.dtype, rank_of(x)) for x in (elements, test_elements))
    found = member(fit(elements, common, elements.shape), fit(test_elements, common, test_elements.shape))
    return logical_not(found) if invert else found


@primitive(differentiable=False)
def member(x: Symbol, among: Symbol) -> Type:
    """Whether each element of `x` is one of `among`."""
    return Type(x.shape, dt.bool_)


member.reference(np.isin)


@isin.samples
def _(draw: Any) -> Any:
    for invert in (False, True):
        yield Sample((draw(2, 3, dtype="int64", low=0, high=5), draw(4, dtype="int64", low=0, high=5)), {"invert": invert})


nan_to_num.samples(lambda draw: iter([Sample((draw(2, 3),))]))
rsub.samples(lambda draw: iter([Sample((draw(2, 3), draw(3)), {"alpha": 2}), Sample((draw(2, 3), 0.5))]))
positive.samples(lambda draw: iter([Sample((draw(2, 3),))]))
positive.errors(lambda draw: iter([Bad((draw(3, dtype="bool"),), {}, RuntimeError, "on a bool tensor")]))
