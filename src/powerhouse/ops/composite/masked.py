"""Masked reductions and normalizations: elements where `mask` is False take no part.

A mask is bool and broadcasts to the input; None leaves everything in. What is left out is replaced by the identity of the op.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

import numpy as np

from ...core import dtypes as dt
from ...core.dtypes import FLOAT, INTEGER
from ...core.promotion import to_float
from ...core.shapes import broadcast, wrap_dims
from ...graph.op import Bad, Op, Sample, cast, composite, constant, expand, fit
from ...graph.symbol import Symbol
from ..arithmetic import conj, maximum, negate, over, real_part, sqrt, where
from ..exponential import logaddexp
from ..more_reductions import reduce_prod
from ..reduction import amax, amin, argmax, argmin, keep_dims, with_dtype
from ..reduction import sum as total
from ..scan import cumprod, cumsum
from ..sorting import nanmedian
from ..views import reduce_sum, reshape_to
from .distance import vector_norm
from .softmax import log_softmax, logsumexp, narrow, softmax


def _filled(input: Symbol, mask: Symbol | None, value: float | int, op: str) -> Symbol:
    """`input` with `value` where the mask is False."""
    if mask is None:
        return input
    if mask.ndim > input.ndim or broadcast((input.shape, mask.shape), op) != input.shape:
        raise IndexError(f"{op}: expected a mask that broadcasts to the input, got mask {list(mask.shape)} and input {list(input.shape)}")
    return where(cast(mask, dt.bool_), input, cast(constant(value), input.dtype))


def _limit(d: dt.dtype, sign: int) -> float | int:
    """The largest value of a dtype, or the smallest for `sign` -1."""
    if d.category >= FLOAT:
        return sign * inf
    if d is dt.bool_:
        return int(sign > 0)
    return int(np.iinfo(d.numpy).max if sign > 0 else np.iinfo(d.numpy).min)


def _product(x: Symbol, dim: Any, keepdim: bool) -> Symbol:
    x = cast(x, dt.int64) if x.dtype.category <= INTEGER else x
    dims = wrap_dims(dim, x.ndim, "masked.prod")
    return keep_dims(reduce_prod(x, dims), dims, x.shape, keepdim)


# name: (reduction, what is left out counts as, documentation)
REDUCTIONS: dict[str, tuple[Callable[..., Any], Callable[[dt.dtype], Any], str]] = {
    "sum": (total, lambda d: 0, "The sum over `dim` of the elements that `mask` lets through."),
    "prod": (_product, lambda d: 1, "The product over `dim` of the elements that `mask` lets through."),
    "amax": (amax, lambda d: _limit(d, -1), "The maximum over `dim` of the elements that `mask` lets through."),
    "amin": (amin, lambda d: _limit(d, 1), "The minimum over `dim` of the elements that `mask` lets through."),
    "argmax": (
        argmax,
        lambda d: _limit(d, -1),
        "The position along `dim` of the maximum of the elements that `mask` lets through, in the dtype of `input`.",
    ),
    "argmin": (
        argmin,
        lambda d: _limit(d, 1),
        "The position along `dim` of the minimum of the elements that `mask` lets through, in the dtype of `input`.",
    ),
    "logsumexp": (logsumexp, lambda d: -inf, "`log(sum(exp(input)))` over `dim` of the elements that `mask` lets through."),
}


def _reduction(short: str) -> Op:
    reduce, identity, doc = REDUCTIONS[short]
    name = f"masked.{short}"

    def masked(input: Symbol, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Symbol | None = None) -> Symbol:
        x = with_dtype(input, dtype, name)
        dim = tuple(range(x.ndim)) if dim is None and short == "logsumexp" else dim
        out = reduce(_filled(x, mask, identity(x.dtype), name), dim, bool(keepdim))
        return cast(out, x.dtype) if short in ("argmax", "argmin", "logsumexp") else out

    masked.__doc__ = doc
    op = composite(masked, name=f"masked_{short}", names=(name,), out=False)
    op.samples(lambda draw: _samples(draw, () if short in ("amax", "amin", "argmax", "argmin", "logsumexp") else ((0, 1),)))
    op.errors(lambda draw: iter([Bad((draw(2, 3),), {"mask": draw(2) > 0}, (IndexError, RuntimeError), "mask|must match the size")]))
    return op


MASK = np.array([[True, False, True], [True, True, False]])


def _samples(draw: Any, dims: Any = ()) -> Any:
    for dim in (1, *dims):
        yield Sample((draw(2, 3), dim), {"mask": MASK})
    yield Sample((draw(2, 3), 0), {"keepdim": True})


for _name in REDUCTIONS:
    _reduction(_name)

# --- moments, norms, medians -----------------------------------------------------------------------------------------------


def _count(input: Symbol, mask: Symbol | None, dims: tuple[int, ...]) -> Symbol:
    """How many elements take part, in int64, with `dims` kept."""
    here = fit(constant(True), dt.bool_, input.shape) if mask is None else expand(cast(mask, dt.bool_), input.shape)
    return keep_dims(reduce_sum(cast(here, dt.int64), dims), dims, input.shape, True)


def _mean(x: Symbol, mask: Symbol | None, dims: tuple[int, ...], op: str) -> Symbol:
    sums = keep_dims(reduce_sum(_filled(x, mask, 0, op), dims), dims, x.shape, True)
    return over(sums, _count(x, mask, dims))


def _dropped(x: Symbol, dims: tuple[int, ...], keepdim: bool) -> Symbol:
    """`x`, whose `dims` have size 1, with or without them."""
    return x if keepdim else reshape_to(x, tuple(n for i, n in enumerate(x.shape) if i not in dims))


@composite(name="masked_mean", names=("masked.mean",), out=False)
def masked_mean(input: Symbol, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Symbol | None = None) -> Symbol:
    """The mean over `dim` of the elements that `mask` lets through; nan where there is none."""
    x = with_dtype(input, dtype, "masked.mean")
    if x.dtype.category < FLOAT and dtype is None:
        x = cast(x, dt.int64)
    dims = wrap_dims(dim, x.ndim, "masked.mean")
    return _dropped(_mean(x, mask, dims, "masked.mean"), dims, keepdim)


def _variance(input: Symbol, dim: Any, unbiased: Any, correction: Any, keepdim: bool, dtype: Any, mask: Symbol | None, op: str) -> Symbol:
    if unbiased is not None and correction is not None:
        raise ValueError(f"{op}: Only one argument of unbiased and correction can be set")
    correction = correction if correction is not None else int(unbiased is not False)
    x = with_dtype(input, dtype, op)
    x = cast(x, to_float(x.dtype))
    dims = wrap_dims(dim, x.ndim, op)
    off = x - _mean(x, mask, dims, op)
    squares = _filled(real_part(off * conj(off)), mask, 0, op)
    left = maximum(_count(x, mask, dims) - correction, constant(0))
    variance = over(keep_dims(reduce_sum(squares, dims), dims, x.shape, True), cast(left, squares.dtype))
    return narrow(_dropped(variance, dims, keepdim), x.dtype)


@composite(name="masked_var", names=("masked.var",), out=False)
def masked_var(
    input: Symbol,
    dim: Any = None,
    unbiased: bool | None = None,
    *,
    correction: Any = None,
    keepdim: bool = False,
    dtype: Any = None,
    mask: Symbol | None = None,
) -> Symbol:
    """The variance over `dim` of the elements that `mask` lets through, divided by their count less `correction` (by default 1)."""
    return _variance(input, dim, unbiased, correction, keepdim, dtype, mask, "masked.var")


@composite(name="masked_std", names=("masked.std",), out=False)
def masked_std(
    input: Symbol,
    dim: Any = None,
    unbiased: bool | None = None,
    *,
    correction: Any = None,
    keepdim: bool = False,
    dtype: Any = None,
    mask: Symbol | None = None,
) -> Symbol:
    """The square root of `masked.var`."""
    return sqrt(_variance(input, dim, unbiased, correction, keepdim, dtype, mask, "masked.std"))


@composite(name="masked_norm", names=("masked.norm",), out=False)
def masked_norm(
    input: Symbol, ord: float | None = 2.0, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Symbol | None = None
) -> Symbol:
    """The `ord`-norm over `dim` of the elements that `mask` lets through."""
    x = with_dtype(input, dtype, "masked.norm")
    identity = inf if ord is not None and ord < 0 else 0
    return vector_norm(_filled(x, mask, identity, "masked.norm"), 2 if ord is None else ord, dim, keepdim)


@composite(name="masked_median", names=("masked.median",), out=False)
def masked_median(input: Symbol, dim: int = -1, *, keepdim: bool = False, dtype: Any = None, mask: Symbol | None = None) -> Symbol:
    """The (lower) median along `dim` of the elements that `mask` lets through; nan where there is none."""
    x = with_dtype(input, dtype, "masked.median")
    if x.dtype.category < FLOAT:
        raise ValueError(f"masked.median: expected a floating-point tensor, got {x.dtype}")
    return nanmedian(_filled(x, mask, nan, "masked.median"), dim, keepdim)[0]


masked_mean.samples(lambda draw: _samples(draw, ((0, 1),)))
masked_median.samples(_samples)
for _op in (masked_var, masked_std):
    _op.samples(
        lambda draw: iter(
            [
                Sample((draw(2, 3), 1, False), {"mask": np.array([[True, False, True], [True, True, True]])}),
                Sample((draw(2, 3), 0), {"correction": 1}),
            ]
        )
    )
    _op.errors(lambda draw: iter([Bad((draw(2, 3), 0, True), {"correction": 1}, ValueError, "Only one argument")]))
masked_norm.samples(lambda draw: iter(Sample((draw(2, 3), p, 1), {"mask": MASK}) for p in (2.0, 1.0, 3.0, inf, -inf)))

# --- normalizations and scans ----------------------------------------------------------------------------------------------


@composite(name="masked_softmax", names=("masked.softmax",), out=False)
def masked_softmax(input: Symbol, dim: int, *, dtype: Any = None, mask: Symbol | None = None) -> Symbol:
    """The softmax along `dim` of the elements that `mask` lets through; the others are 0."""
    return softmax(_filled(with_dtype(input, dtype, "masked.softmax"), mask, -inf, "masked.softmax"), dim)


@composite(name="masked_log_softmax", names=("masked.log_softmax",), out=False)
def masked_log_softmax(input: Symbol, dim: int, *, dtype: Any = None, mask: Symbol | None = None) -> Symbol:
    """The logarithm of `masked.softmax`."""
    return log_softmax(_filled(with_dtype(input, dtype, "masked.log_softmax"), mask, -inf, "masked.log_softmax"), dim)


@composite(name="masked_softmin", names=("masked.softmin",), out=False)
def masked_softmin(input: Symbol, dim: int, *, dtype: Any = None, mask: Symbol | None = None) -> Symbol:
    """The softmax of `-input` along `dim` of the elements that `mask` lets through; the others are 0."""
    return softmax(negate(_filled(with_dtype(input, dtype, "masked.softmin"), mask, inf, "masked.softmin")), dim)


@composite(name="masked_cumsum", names=("masked.cumsum",), out=False)
def masked_cumsum(input: Symbol, dim: int, *, dtype: Any = None, mask: Symbol | None = None) -> Symbol:
    """The running sum along `dim` of the elements that `mask` lets through."""
    return cumsum(_filled(with_dtype(input, dtype, "masked.cumsum"), mask, 0, "masked.cumsum"), dim)


@composite(name="masked_cumprod", names=("masked.cumprod",), out=False)
def masked_cumprod(input: Symbol, dim: int, *, dtype: Any = None, mask: Symbol | None = None) -> Symbol:
    """The running product along `dim` of the elements that `mask` lets through."""
    return cumprod(_filled(with_dtype(input, dtype, "masked.cumprod"), mask, 1, "masked.cumprod"), dim)


for _op in (masked_softmax, masked_log_softmax, masked_softmin, masked_cumsum, masked_cumprod):
    _finite = "forward" if _op is masked_log_softmax else ""  # differences of minus infinities are nan
    _op.samples(lambda draw, _only=_finite: iter([Sample((draw(2, 3), 1), {"mask": MASK}, _only), Sample((draw(2, 3), 0))]))
    _op.errors(lambda draw: iter([Bad((draw(2, 3), 2), {}, IndexError, "Dimension out of range")]))


@composite(name="masked_normalize", names=("masked.normalize",), out=False)
def masked_normalize(input: Symbol, ord: float, dim: int, *, eps: float = 1e-12, dtype: Any = None, mask: Symbol | None = None) -> Symbol:
    """`input / max(norm(input, ord), eps)` along `dim` of the elements that `mask` lets through; the others are 0."""
    x = with_dtype(input, dtype, "masked.normalize")
    return _filled(x, mask, 0, "masked.normalize") / maximum(masked_norm(x, ord, dim, keepdim=True, mask=mask), eps)


masked_normalize.samples(lambda draw: iter([Sample((draw(2, 3), 2.0, 1), {"mask": MASK})]))


@composite(name="masked_logaddexp", names=("masked.logaddexp",), out=False)
def masked_logaddexp(
    input: Symbol, other: Symbol, *, dtype: Any = None, input_mask: Symbol | None = None, other_mask: Symbol | None = None
) -> Symbol:
    """`log(exp(input) + exp(other))`, where what a mask leaves out adds nothing."""
    a, b = (with_dtype(x, dtype, "masked.logaddexp") for x in (input, other))
    return logaddexp(_filled(a, input_mask, -inf, "masked.logaddexp"), _filled(b, other_mask, -inf, "masked.logaddexp"))


masked_logaddexp.samples(lambda draw: iter([Sample((draw(2, 3), draw(2, 3)), {"input_mask": MASK})]))

__all__: list[str] = []
