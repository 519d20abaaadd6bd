"""Arithmetic: what Python's operators say, and the scalar functions that nearly everything is made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import BOOL, COMPLEX, FLOAT, INTEGER
from ..core.promotion import result_type
from ..core.shapes import broadcast
from ..graph.op import (
    Bad,
    Operand,
    Sample,
    Static,
    as_symbol,
    boolean,
    cast,
    composite,
    constant,
    constant_value,
    elementwise,
    expand,
    fit,
    primitive,
    rank_of,
    to_float,
)
from ..graph.symbol import Symbol, Type
from .views import zeros

# --- division by zero ------------------------------------------------------------------------------------------------------------


@primitive(differentiable=False)
def nonzero_divisor(x: Symbol, op: str) -> Type:
    """`x`, after a check that none of it is zero."""
    return x.type


@nonzero_divisor.reference
def _(x: Any, op: str) -> Any:
    if not np.all(x):
        raise RuntimeError(f"{op}: ZeroDivisionError: an integer was divided by zero")
    return x


def whole_division(op: str, input: Symbol, other: Symbol) -> tuple[Symbol, Symbol]:
    """The operands of a division; integers are refused if they divide by zero, which is an error there and no infinity."""
    if other.dtype.category != INTEGER:
        return input, other
    source = other.inputs[0] if other.op is expand else other
    return input, fit(nonzero_divisor(source, op), other.dtype, other.shape)


# --- the four operations --------------------------------------------------------------------------------------------------------


@elementwise(public=False, linear=True, label="add")
def plus(s, input, other):
    """`input + other`."""
    return input + other


plus.vjp(lambda g, out, a, b: (g, g))


@elementwise(public=False, linear=True, refuse=(BOOL,), label="sub")
def minus(s, input, other):
    """`input - other`."""
    return input - other


minus.vjp(lambda g, out, a, b: (g, negate(g)))


@elementwise(public=False, label="mul")
def times(s, input, other):
    """`input * other`."""
    return input * other


times.vjp(lambda g, out, a, b: (times(g, conj(b)), times(g, conj(a))))


@elementwise(public=False, operands=to_float, domain=(0.5, 2), label="div")
def over(s, input, other):
    """`input / other`; integers become floats."""
    return input / other


@over.vjp
def _(g: Symbol, out: Symbol, a: Symbol, b: Symbol) -> Any:
    ga = over(g, conj(b))
    return ga, negate(times(ga, conj(out)))


@elementwise(public=False, linear=True, refuse=(BOOL,), label="neg")
def negate(s, input):
    """`-input`."""
    return -input


negate.vjp(lambda g, out, x: (negate(g),))


@elementwise(
    names=("conj_physical", "Tensor.conj_physical", "conj", "Tensor.conj"),
    name="conjugate",
    linear=True,
    inplace=("Tensor.conj_physical_",),
)
def conjugate(s, input):
    """The complex conjugate; a real input is itself."""
    return s.conj(input)


@composite
def resolve_conj(input: Symbol) -> Symbol:
    """`input`: conjugates are never lazy here."""
    return input


@composite
def resolve_neg(input: Symbol) -> Symbol:
    """`input`: negatives are never lazy here."""
    return input


for _op in (resolve_conj, resolve_neg):
    _op.samples(lambda draw: iter([Sample((draw(2, 3),))]))


conjugate.vjp(lambda g, out, x: (conj(g),))


def conj(x: Symbol) -> Symbol:
    """The conjugate where there is one: rules for complex gradients are written with it, and cost real ones nothing."""
    return conjugate(x) if x.dtype.category == COMPLEX else x


def _scaled(other: Symbol, alpha: Any, op: str) -> Symbol:
    if isinstance(alpha, Symbol) or alpha == 1:
        return other if not isinstance(alpha, Symbol) else times(other, alpha)
    if isinstance(alpha, float) and as_symbol(other).dtype.category < FLOAT:
        raise RuntimeError(f"{op}: For integral input tensors, argument alpha must not be a floating point number.")
    return times(other, constant(alpha))


@composite(inplace=True)
def add(input: Operand, other: Operand, *, alpha: Any = 1) -> Symbol:
    """`input + alpha * other`, with broadcasting and type promotion.

    >>> import powerhouse as torch
    >>> torch.add(torch.tensor([1, 2]), 0.5)
    tensor([1.5000, 2.5000])
    """
    return plus(input, _scaled(other, alpha, "add"))


@composite(names=("sub", "Tensor.sub", "subtract", "Tensor.subtract"), inplace=True)
def sub(input: Operand, other: Operand, *, alpha: Any = 1) -> Symbol:
    """`input - alpha * other`."""
    if BOOL in (as_symbol(input).dtype.category, as_symbol(other).dtype.category):
        if as_symbol(input).dtype is dt.bool_ and as_symbol(other).dtype is dt.bool_:
            raise RuntimeError(
                "sub: Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
                "`logical_xor()` operator instead."
            )
    return minus(input, _scaled(other, alpha, "sub"))


@composite(names=("mul", "Tensor.mul", "multiply", "Tensor.multiply"), inplace=True)
def mul(input: Operand, other: Operand) -> Symbol:
    """`input * other`."""
    return times(input, other)


@composite(names=("div", "Tensor.div", "divide", "Tensor.divide"), inplace=True)
def div(input: Operand, other: Operand, *, rounding_mode: str | None = None) -> Symbol:
    """`input / other`; `rounding_mode` "trunc" rounds towards zero, "floor" down, both keeping integer dtypes."""
    if rounding_mode is None:
        return over(input, other)
    if rounding_mode == "floor":
        return floor_divide(input, other)
    if rounding_mode == "trunc":
        return truncated_division(input, other)
    raise RuntimeError(f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'")


@composite(names=("true_divide", "Tensor.true_divide"), inplace=True)
def true_divide(input: Operand, other: Operand) -> Symbol:
    """`input / other`."""
    return over(input, other)


@elementwise(public=False, domain=(0.5, 2), guard=whole_division, label="div")
def truncated_division(s, input, other):
    """The quotient rounded towards zero."""
    return (input - s.fmod(input, other)) // other if input.dtype.kind in "iu" else s.trunc(input / other)


truncated_division.vjp(lambda g, out, a, b: (None, None))


@elementwise(names=("floor_divide", "Tensor.floor_divide"), domain=(0.5, 2), guard=whole_division)
def floor_divide(s, input, other):
    """The quotient rounded down."""
    return s.floor_divide(input, other)


floor_divide.vjp(lambda g, out, a, b: (None, None))


@composite(names=("neg", "Tensor.neg", "negative", "Tensor.negative"), inplace=True)
def neg(input: Symbol) -> Symbol:
    """`-input`. A bool tensor has no negative."""
    if input.dtype is dt.bool_:
        raise RuntimeError(
            "neg: Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a "
            "mask, use the `~` or `logical_not()` operator instead."
        )
    return negate(input)


for _op in (add, sub, mul, div, true_divide, neg):
    _op.samples(lambda draw, _op=_op: (Sample((draw(2, 3), *([draw(3, low=0.5)] if _op is not neg else []))) for _ in range(1)))


@add.errors
def _(draw: Any) -> Any:
    yield Bad((draw(2, 3), draw(4)), {}, RuntimeError, "must match the size of tensor b")


# --- powers, exponentials, roots ---------------------------------------------------------------------------------------------------


@elementwise(operands=to_float)
def exp(s, input):
    """e to the power of each element.

    >>> import powerhouse as torch
    >>> torch.exp(torch.zeros(2))
    tensor([1., 1.])
    """
    return s.exp(input)


exp.vjp(lambda g, out, x: (g * conj(out),))


@elementwise(operands=to_float, domain=(0.1, 3))
def log(s, input):
    """The natural logarithm; nan below zero."""
    return s.log(input)


log.vjp(lambda g, out, x: (g / conj(x),))


@elementwise(operands=to_float, domain=(0.1, 3))
def sqrt(s, input):
    """The square root; nan below zero."""
    return s.sqrt(input)


sqrt.vjp(lambda g, out, x: (g / conj(out * 2),))


@elementwise(operands=to_float, domain=(0.1, 3))
def rsqrt(s, input):
    """`1 / sqrt(input)`."""
    return 1 / s.sqrt(input)


rsqrt.vjp(lambda g, out, x: (g * conj(out * out * out) * -0.5,))


@elementwise(operands=to_float, also=("nn.functional.tanh",))
def tanh(s, input):
    """The hyperbolic tangent."""
    return s.tanh(input)


tanh.vjp(lambda g, out, x: (g * (1 - conj(out * out)),))


@elementwise(operands=to_float, also=("special.expit", "nn.functional.sigmoid"))
def sigmoid(s, input):
    """`1 / (1 + exp(-input))`."""
    return 1 / (1 + s.exp(-input))


sigmoid.vjp(lambda g, out, x: (g * conj(out * (1 - out)),))


@elementwise(public=False, domain=(0.3, 2), name="power")
def power(s, input, other):
    """`input` to the power `other`. The reciprocal of an integer is 0, but for 1 and -1."""
    if input.dtype.kind not in "iu":
        return s.power(input, other)
    whole = s.power(input, s.where(other < 0, other & 1, other))
    return s.where((other < 0) & (input * input != 1), s.like(0, input), whole)


@power.vjp
def _(g: Symbol, out: Symbol, a: Symbol, b: Symbol) -> Any:
    ga = where(eq(b, 0), zeros(g.shape, g.dtype), g * conj(b * power(a, b - 1)))
    flat = eq(a, 0) & (real_part(b) >= 0)
    gb = g * conj(where(flat, zeros(out.shape, out.dtype), out * log(where(flat, constant(1), a))))
    return ga, gb


def real_part(x: Symbol) -> Symbol:
    """The real part, in the real dtype."""
    return cast(x, x.dtype.to_real()) if x.dtype.is_complex else x


@composite(inplace=True, numbers_alone=False)
def pow(input: Static, exponent: Static) -> Symbol:
    """`input ** exponent`. Squares, roots and reciprocals with a Python exponent are computed as such."""
    input, exponent = as_symbol(input), as_symbol(exponent)
    p = constant_value(exponent)
    if input.dtype.category == INTEGER and isinstance(p, int) and p < 0 and not isinstance(p, bool):
        raise RuntimeError("pow: Integers to negative integer powers are not allowed.")
    if isinstance(p, (int, float)) and input.dtype.category >= FLOAT:
        special = {
            1: lambda x: times(x, constant(1)),
            2: lambda x: times(x, x),
            3: lambda x: times(times(x, x), x),
            0.5: sqrt,
            -0.5: rsqrt,
            -1: reciprocal,
        }
        if p in special:
            return special[p](input)
    return power(input, exponent)


@pow.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3), 3))
    yield Sample((draw(2, 3, low=0.3), 1.7))
    yield Sample((draw(2, 3, low=0.3), draw(3)))
    yield Sample((2.5, draw(3)))


@pow.errors
def _(draw: Any) -> Any:
    yield Bad((2, 3), {}, TypeError, "expected a Tensor")
    yield Bad((draw(3, dtype="int64"), -1), {}, RuntimeError, "Integers to negative integer powers")


@elementwise(operands=to_float, domain=(0.3, 2))
def reciprocal(s, input):
    """`1 / input`."""
    return 1 / input


reciprocal.vjp(lambda g, out, x: (negate(g * conj(out * out)),))


@composite(inplace=True)
def square(input: Symbol) -> Symbol:
    """`input * input`; of a bool tensor, in int64."""
    return pow(input, constant(2))


square.samples(lambda draw: iter([Sample((draw(2, 3),))]))

# --- comparison and choice ------------------------------------------------------------------------------------------------------

_COMPARE = {"result": boolean, "differentiable": False}


@elementwise(**_COMPARE)
def eq(s, input: Symbol, other):
    """Whether elements are equal."""
    return input == other


@elementwise(names=("ne", "Tensor.ne", "not_equal", "Tensor.not_equal"), **_COMPARE)
def ne(s, input: Symbol, other):
    """Whether elements differ."""
    return input != other


@elementwise(names=("lt", "Tensor.lt", "less", "Tensor.less"), refuse=(COMPLEX,), **_COMPARE)
def lt(s, input: Symbol, other):
    """Whether `input < other`."""
    return input < other


@elementwise(names=("le", "Tensor.le", "less_equal", "Tensor.less_equal"), refuse=(COMPLEX,), **_COMPARE)
def le(s, input: Symbol, other):
    """Whether `input <= other`."""
    return input <= other


@elementwise(names=("gt", "Tensor.gt", "greater", "Tensor.greater"), refuse=(COMPLEX,), **_COMPARE)
def gt(s, input: Symbol, other):
    """Whether `input > other`."""
    return input > other


@elementwise(names=("ge", "Tensor.ge", "greater_equal", "Tensor.greater_equal"), refuse=(COMPLEX,), **_COMPARE)
def ge(s, input: Symbol, other):
    """Whether `input >= other`."""
    return input >= other


@primitive(cheap=True, label="where")
def select(condition: Symbol, a: Symbol, b: Symbol) -> Type:
    """Elementwise `a if condition else b`; all three of one shape."""
    return a.type


_CHOOSE_BITS_FROM = 1 << 15  # elements


@select.reference
def _(condition: Any, a: Any, b: Any) -> Any:
    if a.size < _CHOOSE_BITS_FROM or a.dtype.itemsize != 4:
        return np.where(condition, a, b)
    mask = -condition.view(np.int8).astype(np.int32)  # all bits or none: no branch to miss, 6 times as fast on a random condition
    chosen = a.view(np.int32) ^ b.view(np.int32)
    chosen &= mask
    chosen ^= b.view(np.int32)
    return chosen.view(a.dtype)


select.body = lambda s, condition, a, b: s.where(condition, a, b)
select.vjp(lambda g, out, c, a, b: (None, select(c, g, zeros(g.shape, g.dtype)), select(c, zeros(g.shape, g.dtype), g)))


def where(condition: Any, a: Any, b: Any) -> Symbol:
    """`a` where `condition` holds, else `b`; promoted and broadcast."""
    a, b = as_symbol(a), as_symbol(b)
    common = result_type((s.dtype, rank_of(s)) for s in (a, b))
    shape = broadcast((condition.shape, a.shape, b.shape), "where")
    return select(fit(condition, dt.bool_, shape), fit(a, common, shape), fit(b, common, shape))


@composite(names=("where",), name="where", inplace=())
def where_(condition: Symbol, input: Operand | None = None, other: Operand | None = None) -> Symbol:
    """`input` where `condition` holds, else `other`. With `condition` alone: its nonzero indices.

    >>> import powerhouse as torch
    >>> torch.where(torch.tensor([True, False]), 1.0, 2.0)
    tensor([1., 2.])
    """
    if condition.dtype not in (dt.bool_, dt.uint8):
        raise RuntimeError(f"where expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype}")
    return where(condition, input, other)


@where_.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3) > 0, draw(3), draw(2, 1)))
    yield Sample((draw(2, 3) > 0, draw(2, 3), 0.5))


for _op in (eq, ne, lt, le, gt, ge):
    _op.errors(
        lambda draw: iter([Bad((2, draw(3)), {}, TypeError, "must be Tensor"), Bad((draw(2), draw(3)), {}, RuntimeError, "must match")])
    )

# --- minimum, maximum, absolute value ---------------------------------------------------------------------------------------------


def _share_ties(g: Symbol, a: Symbol, b: Symbol, a_loses: Symbol, b_loses: Symbol) -> tuple[Symbol, Symbol]:
    """The gradient goes to the chosen operand; ties share it, and beside a nan both get all of it, as PyTorch has it."""
    shared = where(eq(a, b), g * 0.5, g)
    none = zeros(g.shape, g.dtype)
    return where(a_loses, none, shared), where(b_loses, none, shared)


@elementwise(refuse=(COMPLEX,))
def maximum(s, input: Symbol, other: Symbol):
    """The larger of two elements; nan if either is."""
    return s.maximum(input, other)


maximum.vjp(lambda g, out, a, b: _share_ties(g, a, b, a < b, a > b))


@elementwise(refuse=(COMPLEX,))
def minimum(s, input: Symbol, other: Symbol):
    """The smaller of two elements; nan if either is."""
    return s.minimum(input, other)


minimum.vjp(lambda g, out, a, b: _share_ties(g, a, b, a > b, a < b))
for _op in (maximum, minimum):
    _op.errors(lambda draw: iter([Bad((draw(3), 2), {}, TypeError, "must be Tensor"), Bad((2, draw(3)), {}, TypeError, "must be Tensor")]))


@elementwise(names=("abs", "Tensor.abs", "absolute", "Tensor.absolute"), result=lambda d: d.to_real())
def abs(s, input):
    """The absolute value; of complex elements, the magnitude."""
    return s.abs(input)


@abs.vjp
def _(g: Symbol, out: Symbol, x: Symbol) -> Any:
    return (g * sgn(x),)


@elementwise(names=("sgn", "Tensor.sgn"))
def sgn(s, input):
    """The sign; of complex elements, the unit vector in their direction."""
    if input.dtype.kind == "b":
        return input
    if input.dtype.kind == "u":
        return s.minimum(input, s.like(1, input))
    if input.dtype.kind != "c":  # nan gives 0
        return s.where(input > 0, s.like(1, input), s.where(input < 0, s.like(-1, input), s.like(0, input)))
    size = s.abs(input)
    return s.where(size == 0, input * 0, input / s.where(size == 0, 1, size))


@sgn.vjp
def _(g: Symbol, out: Symbol, x: Symbol) -> Any:
    if not x.dtype.is_complex:
        return (zeros(g.shape, g.dtype),)
    size = abs(x)
    along = real_part(conj(out) * g)
    return (where(eq(size, 0), zeros(g.shape, g.dtype), (g - along * out) / where(eq(size, 0), constant(1.0), size)),)


@elementwise(names=("logical_not", "Tensor.logical_not"), result=boolean, differentiable=False)
def logical_not(s, input):
    """Whether elements are zero."""
    return s.logical_not(input)


@elementwise(names=("bitwise_and", "Tensor.bitwise_and"), refuse=(FLOAT, COMPLEX), differentiable=False, domain=(-5, 5))
def bitwise_and(s, input, other):
    """Bitwise (for bool: logical) and."""
    return input & other


@elementwise(names=("bitwise_or", "Tensor.bitwise_or"), refuse=(FLOAT, COMPLEX), differentiable=False)
def bitwise_or(s, input, other):
    """Bitwise (for bool: logical) or."""
    return input | other


@elementwise(names=("bitwise_xor", "Tensor.bitwise_xor"), refuse=(FLOAT, COMPLEX), differentiable=False)
def bitwise_xor(s, input, other):
    """Bitwise (for bool: logical) exclusive or."""
    return input ^ other


@elementwise(names=("bitwise_not", "Tensor.bitwise_not"), refuse=(FLOAT, COMPLEX), differentiable=False)
def bitwise_not(s, input):
    """Bitwise (for bool: logical) negation."""
    return ~input


for _op in (bitwise_and, bitwise_or, bitwise_xor, bitwise_not):
    _op.samples(lambda draw, _op=_op: iter([Sample(tuple(draw(2, 3, dtype="int64", low=-9, high=9) for _ in range(_op.arity)))]))


@elementwise(refuse=(COMPLEX,), domain=(0.5, 2), guard=whole_division)
def remainder(s, input, other):
    """The remainder with the sign of the divisor, as Python's `%`."""
    return s.remainder(input, other)


for _op in (floor_divide, remainder):
    _op.errors(
        lambda draw: iter(
            [
                Bad((2, 3), {}, TypeError, "expected a Tensor"),
                Bad((np.array([1, 2]), np.array([1, 0])), {}, RuntimeError, "ZeroDivision"),
                Bad((np.array([1, 2]), 0), {}, RuntimeError, "ZeroDivision"),
            ]
        )
    )
remainder.vjp(lambda g, out, a, b: (g, negate(g * floor_divide(a, b))))

# Inside composites and rules, symbols take Python's operators, but for `==`: symbols are equal when they are the same (use `eq`).
OPERATORS = {
    "add": plus,
    "sub": minus,
    "mul": times,
    "truediv": over,
    "pow": pow,
    "mod": remainder,
    "lt": lt,
    "le": le,
    "gt": gt,
    "ge": ge,
    "and": bitwise_and,
    "or": bitwise_or,
    "xor": bitwise_xor,
    "floordiv": floor_divide,
}
for _name, _op in OPERATORS.items():
    setattr(Symbol, f"__{_name}__", lambda a, b, _op=_op: _op(a, b))
    setattr(Symbol, f"__r{_name}__", lambda a, b, _op=_op: _op(b, a))
Symbol.__neg__ = lambda x: negate(x)  # type: ignore[attr-defined]
Symbol.__invert__ = lambda x: bitwise_not(x)  # type: ignore[attr-defined]
