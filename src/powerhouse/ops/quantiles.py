"""Quantiles: sorting, then interpolating between neighbours."""

from __future__ import annotations

from typing import Any

from ..core import dtypes as dt
from ..core.shapes import wrap_dim
from ..graph.op import Bad, Sample, Static, Type, as_symbol, cast, composite, constant, constant_value, fit, primitive
from ..graph.symbol import Symbol
from .arithmetic import eq, where
from .gather import gather_along
from .reduction import reduce_sum
from .shape import movedim, with_size
from .sorting import lined, sort
from .views import reshape_to, zeros


@primitive(linear=True)
def unit_interval(q: Symbol, op: str) -> Type:
    """`q`, after a check that all of it lies in [0, 1]."""
    return q.type


unit_interval.vjp(lambda g, out, q, op: (g,))


@unit_interval.reference
def _(q: Any, op: str) -> Any:
    if not ((q >= 0) & (q <= 1)).all():
        raise RuntimeError(f"{op}() q values must be in the range [0, 1]")
    return q


_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _checked_q(input: Symbol, q: Symbol, interpolation: str, op: str) -> Symbol:
    if input.dtype not in (dt.float32, dt.float64):
        raise RuntimeError(f"{op}() input tensor must be either float or double dtype, got {input.dtype}")
    if q.ndim > 1:
        raise RuntimeError(f"{op}() q must be a scalar or 1D tensor, got {list(q.shape)}")
    if input.numel == 0:
        raise RuntimeError(f"{op}() input tensor must be non-empty")
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(f"{op}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}")
    value = constant_value(q)
    if value is not None:
        if not 0 <= value <= 1:
            raise RuntimeError(f"{op}() q must be in the range [0, 1] but got {value}")
        return fit(q, input.dtype, ())
    if q.dtype is not input.dtype:
        raise RuntimeError(f"{op}() q tensor must be same dtype as the input tensor, got {q.dtype} and {input.dtype}")
    return unit_interval(q, op)


def _quantile(input: Symbol, q: Symbol, dim: int | None, keepdim: bool, interpolation: str, skip_nan: bool, op: str) -> Symbol:
    q = _checked_q(input, q, interpolation, op)
    d = wrap_dim(dim, input.ndim, op) if dim is not None else 0
    x = reshape_to(input, (input.numel,)) if dim is None else movedim(lined(input), d, -1)
    n = x.shape[-1]
    ordered = sort(x, -1)[0]  # (..., n)
    flat_q = reshape_to(q, (q.numel,))
    valid = reshape_to(reduce_sum(cast(eq(x, x), x.dtype), (x.ndim - 1,)), (*x.shape[:-1], 1))  # elements that are not NaN
    if skip_nan:
        last = where(eq(valid, 0), zeros(valid.shape, x.dtype), valid - 1)
        rank = flat_q * last
    else:
        shape = (*x.shape[:-1], q.numel)
        rank = where(eq(valid, n), flat_q * float(n - 1), fit(constant(n - 1), x.dtype, shape))
    below = cast(rank, dt.int64)
    part = rank - cast(below, x.dtype)
    up = cast(part > 0, dt.int64)
    if interpolation == "nearest":  # halves go to the even rank
        half_odd = eq(part, 0.5) & eq(below % 2, 1)
        below, up = below + cast((part > 0.5) | half_odd, dt.int64), None
    elif interpolation == "lower":
        up = None
    elif interpolation == "higher":
        below, up = below + up, None
    low = gather_along(ordered, below, x.ndim - 1)
    if up is None:
        out = low
    else:
        high = gather_along(ordered, below + up, x.ndim - 1)
        out = _lerp(low, high, part if interpolation == "linear" else fit(constant(0.5), x.dtype, part.shape))
    kept = (1,) * input.ndim if dim is None else with_size(input.shape, d, 1) if input.ndim else ()
    shape = kept if keepdim else (() if dim is None else with_size(input.shape, d) if input.ndim else ())
    return reshape_to(movedim(out, -1, 0), (*q.shape, *shape))


def _lerp(low: Symbol, high: Symbol, weight: Symbol) -> Symbol:
    """`low + weight * (high - low)`, from the nearer end."""
    return where(weight < 0.5, low + weight * (high - low), high - (high - low) * (1 - weight))


@composite(autocast="float32")
def quantile(input: Symbol, q: Static, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Symbol:
    """The `q`-th quantiles along `dim` (or of all elements), a first dim for each of a vector `q`. NaN where there is one.

    Args:
        q: a number in [0, 1], or a 0-d or 1-d tensor of them in the dtype of `input`.
        interpolation: between neighbours: "linear", "lower", "higher", "midpoint" or "nearest".

    >>> import powerhouse as torch
    >>> torch.quantile(torch.tensor([0.0, 1.0, 2.0, 3.0]), 0.5)
    tensor(1.5000)
    """
    return _quantile(input, as_symbol(q), dim, keepdim, interpolation, False, "quantile")


@composite(autocast="float32")
def nanquantile(input: Symbol, q: Static, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Symbol:
    """`quantile` of the elements that are not NaN."""
    return _quantile(input, as_symbol(q), dim, keepdim, interpolation, True, "nanquantile")


for _op in (quantile, nanquantile):
    _op.samples(
        lambda draw: iter(
            [
                Sample((draw(3, 5), 0.3)),
                Sample((draw(3, 4), draw(2, low=0, high=1), 1)),
                Sample((draw(3, 4), 0.6, 0, True), {"interpolation": "nearest"}),
            ]
        )
    )
    _op.errors(
        lambda draw: iter(
            [
                Bad((draw(3), 1.5), {}, RuntimeError, "range"),
                Bad((draw(3), draw(2, 2)), {}, RuntimeError, "scalar or 1D"),
                Bad((draw(3, dtype="int64"), 0.5), {}, RuntimeError, "float or double"),
            ]
        )
    )
