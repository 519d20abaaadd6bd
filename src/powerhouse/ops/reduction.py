"""Reductions: sums, means, extremes, their positions."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import COMPLEX, FLOAT
from ..core.promotion import accumulator
from ..core.returns import named_results
from ..core.shapes import wrap_dim, wrap_dims
from ..graph.op import Bad, Sample, cast, composite, constant, primitive
from ..graph.symbol import Symbol, Type
from .arithmetic import conj, eq, maximum, minimum, real_part, sqrt, where
from .indexing import index_get
from .views import reduce_sum, reshape_to, restore, zeros

MaxResult = named_results("max", "values indices")
MinResult = named_results("min", "values indices")


def reduced(shape: tuple[int, ...], dims: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` without `dims`."""
    return tuple(n for i, n in enumerate(shape) if i not in dims)


def keep_dims(result: Symbol, dims: tuple[int, ...], shape: tuple[int, ...], keepdim: bool) -> Symbol:
    """`result`, with size-1 dims in place of the reduced ones if `keepdim`."""
    return reshape_to(result, tuple(1 if i in dims else n for i, n in enumerate(shape))) if keepdim else result


def with_dtype(input: Symbol, dtype: Any, op: str) -> Symbol:
    """`input` in the dtype given by a `dtype=` argument, if any."""
    return input if dtype is None else cast(input, dt.as_dtype(dtype, op))


@composite
def sum(input: Symbol, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Symbol:
    """The sum over `dim` (an int, several, or None for all). Integers and bool sum in int64.

    >>> import powerhouse as torch
    >>> torch.sum(torch.ones(2, 3), dim=1)
    tensor([3., 3.])
    """
    x = with_dtype(input, dtype, "sum")
    x = x if dtype is not None else cast(x, accumulator(x.dtype))
    dims = wrap_dims(dim, x.ndim, "sum")
    return keep_dims(reduce_sum(x, dims), dims, x.shape, keepdim)


@sum.samples
def _(draw: Any) -> Any:
    for args in ((), (1,), ((0, -1),), (-1, True), ((),)):
        yield Sample((draw(2, 3, 4), *args))
    yield Sample((draw(0, 3), 0))
    yield Sample((draw(),))


@sum.errors
def _(draw: Any) -> Any:
    yield Bad((draw(2, 3), 2), {}, IndexError, "Dimension out of range")
    yield Bad((draw(2, 3), (0, 0)), {}, RuntimeError, "appears multiple times")


@composite
def mean(input: Symbol, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Symbol:
    """The mean over `dim`; floating and complex tensors only, unless `dtype` says otherwise. Half precision is rounded at the end only.

    >>> import powerhouse as torch
    >>> torch.mean(torch.tensor([1.0, 2.0]))
    tensor(1.5000)
    """
    x = with_dtype(input, dtype, "mean")
    if x.dtype.category < FLOAT:
        raise RuntimeError(
            f"mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: {x.dtype}"
        )
    dims = wrap_dims(dim, x.ndim, "mean")
    total = keep_dims(reduce_sum(cast(x, x.dtype.compute), dims), dims, x.shape, keepdim)
    count = prod(x.shape[d] for d in dims)
    return cast(total / constant(float(count) if count else 0.0), x.dtype)


mean.samples(lambda draw: iter([Sample((draw(2, 3, 4),)), Sample((draw(2, 3, 4), (0, 2), True)), Sample((draw(3), -1))]))


def _extreme_vjp(g: Symbol, out: Symbol, x: Symbol, dims: tuple[int, ...]) -> Any:
    """The gradient is shared evenly by all elements that equal the extreme."""
    hit = cast(eq(x, restore(out, dims, x.shape)), g.dtype)
    return (restore(g / reduce_sum(hit, dims), dims, x.shape) * hit,)


def _refuse_empty(x: Symbol, dims: tuple[int, ...], op: str) -> None:
    if any(x.shape[d] == 0 for d in dims):
        raise IndexError(f"{op}(): Expected reduction dim to have non-zero size; got shape {list(x.shape)} and dims {list(dims)}")
    if x.dtype.category == COMPLEX:
        raise RuntimeError(f"{op}: not implemented for dtype {x.dtype}")


@primitive
def reduce_max(x: Symbol, dims: tuple[int, ...]) -> Type:
    """The maximum over `dims`; nan where there is one."""
    _refuse_empty(x, dims, "amax")
    return Type(reduced(x.shape, dims), x.dtype)


@primitive
def reduce_min(x: Symbol, dims: tuple[int, ...]) -> Type:
    """The minimum over `dims`; nan where there is one."""
    _refuse_empty(x, dims, "amin")
    return Type(reduced(x.shape, dims), x.dtype)


reduce_max.reference(lambda x, dims: np.max(x, axis=dims))
reduce_min.reference(lambda x, dims: np.min(x, axis=dims))
reduce_max.vjp(_extreme_vjp)
reduce_min.vjp(_extreme_vjp)


@primitive(differentiable=False)
def reduce_argmax(x: Symbol, dim: int) -> Type:
    """The position of the first maximum (or nan) along `dim`."""
    return Type(reduced(x.shape, (dim,)), dt.int64)


@primitive(differentiable=False)
def reduce_argmin(x: Symbol, dim: int) -> Type:
    """The position of the first minimum (or nan) along `dim`."""
    return Type(reduced(x.shape, (dim,)), dt.int64)


reduce_argmax.reference(lambda x, dim: np.argmax(x, axis=dim))
reduce_argmin.reference(lambda x, dim: np.argmin(x, axis=dim))


def _extreme_dims(input: Symbol, dim: Any, op: str) -> tuple[int, ...]:
    if input.numel == 0 and dim in (None, ()):
        raise RuntimeError(
            f"{op}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument."
        )
    return wrap_dims(dim, input.ndim, op)


@composite
def amax(input: Symbol, dim: Any = (), keepdim: bool = False) -> Symbol:
    """The maximum over `dim`; ties share the gradient evenly."""
    dims = _extreme_dims(input, dim, "amax")
    return keep_dims(reduce_max(input, dims), dims, input.shape, keepdim)


@composite
def amin(input: Symbol, dim: Any = (), keepdim: bool = False) -> Symbol:
    """The minimum over `dim`; ties share the gradient evenly."""
    dims = _extreme_dims(input, dim, "amin")
    return keep_dims(reduce_min(input, dims), dims, input.shape, keepdim)


for _op in (amax, amin):
    _op.samples(lambda draw: iter([Sample((draw(2, 3, 4),)), Sample((draw(2, 3, 4), (0, -1), True)), Sample((draw(0, 3), 1))]))
    _op.errors(
        lambda draw: iter(
            [Bad((draw(0, 3),), {}, RuntimeError, "dim to be specified"), Bad((draw(0, 3), 0), {}, IndexError, "non-zero size")]
        )
    )


@composite
def argmax(input: Symbol, dim: int | None = None, keepdim: bool = False) -> Symbol:
    """The position of the maximum along `dim`, or in the flattened tensor."""
    return _position(input, dim, keepdim, reduce_argmax, "argmax")


@composite
def argmin(input: Symbol, dim: int | None = None, keepdim: bool = False) -> Symbol:
    """The position of the minimum along `dim`, or in the flattened tensor."""
    return _position(input, dim, keepdim, reduce_argmin, "argmin")


def _position(input: Symbol, dim: int | None, keepdim: bool, rule: Any, op: str) -> Symbol:
    if dim is None:
        if input.numel == 0:
            raise IndexError(
                f"{op}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument."
            )
        flat = rule(reshape_to(input, (input.numel,)), 0)
        return reshape_to(flat, (1,) * input.ndim) if keepdim else flat
    d = wrap_dim(dim, input.ndim, op)
    if input.ndim == 0:
        return reshape_to(rule(reshape_to(input, (1,)), 0), ())
    _refuse_empty(input, (d,), op)
    return keep_dims(rule(input, d), (d,), input.shape, keepdim)


for _op in (argmax, argmin):
    _op.samples(lambda draw: iter([Sample((draw(2, 3, 4),)), Sample((draw(2, 3, 4), 1)), Sample((draw(2, 3), -1, True))]))


def pick_along(x: Symbol, index: Symbol, dim: int) -> Symbol:
    """`x` at the positions `index` along `dim`, where `index` lacks that dim: how `max(dim)` gets its values and gradient."""
    from_iota = [iota_along(n, i, index.shape) for i, n in enumerate(index.shape)]
    return index_get((x, *from_iota[:dim], index, *from_iota[dim:]), tuple(range(x.ndim)))


@primitive(differentiable=False)
def iota(n: int) -> Type:
    """0, 1, ... n - 1 in int64."""
    return Type((n,), dt.int64)


iota.reference(lambda n: np.arange(n))


def iota_along(n: int, dim: int, shape: tuple[int, ...]) -> Symbol:
    """0 ... n - 1 along `dim`, of size 1 in the other dims of `shape`."""
    return reshape_to(iota(n), tuple(n if i == dim else 1 for i in range(len(shape))))


def _extreme(input: Symbol, dim: Any, keepdim: bool, whole: Any, position: Any, pairwise: Any, op: str) -> Any:
    if isinstance(dim, Symbol):
        return pairwise(input, dim)
    if dim is None:
        if input.numel == 0:
            raise RuntimeError(
                f"{op}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the 'dim' argument."
            )
        return whole(input, tuple(range(input.ndim)))
    d = wrap_dim(dim, input.ndim, op)
    if input.ndim == 0:
        return whole(input, ()), zeros((), dt.int64)
    _refuse_empty(input, (d,), op)
    index = position(input, d)
    values = pick_along(input, index, d)
    return tuple(keep_dims(r, (d,), input.shape, keepdim) for r in (values, index))


@composite(returns=MaxResult)
def max(input: Symbol, dim: Any = None, keepdim: bool = False) -> Any:
    """The maximum of all elements; with `dim`, `(values, indices)` along it; with a tensor, the elementwise maximum."""
    return _extreme(input, dim, keepdim, reduce_max, reduce_argmax, maximum, "max")


@composite(returns=MinResult)
def min(input: Symbol, dim: Any = None, keepdim: bool = False) -> Any:
    """The minimum of all elements; with `dim`, `(values, indices)` along it; with a tensor, the elementwise minimum."""
    return _extreme(input, dim, keepdim, reduce_min, reduce_argmin, minimum, "min")


for _op in (max, min):
    _op.samples(
        lambda draw: iter(
            [
                Sample((draw(2, 3, 4),)),
                Sample((draw(2, 3, 4), 1)),
                Sample((draw(2, 3), -1, True)),
                Sample((draw(2, 3), draw(3))),
                Sample((draw(), 0)),
                Sample((np.array(True), 0)),
            ]
        )
    )


def moments(x: Symbol, dims: tuple[int, ...], correction: float) -> tuple[Symbol, Symbol]:
    """Variance and mean over `dims`, which are kept with size 1."""
    count = prod(x.shape[d] for d in dims)
    center = keep_dims(reduce_sum(x, dims), dims, x.shape, True) / constant(float(count) if count else 0.0)
    off = x - center
    squares = real_part(off * conj(off)) if x.dtype.is_complex else off * off
    left = count - correction
    return keep_dims(reduce_sum(squares, dims), dims, x.shape, True) / constant(float(left) if left > 0 else 0.0), center


def _variance_args(dim: Any, unbiased: Any, correction: Any) -> tuple[Any, float]:
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(bool(unbiased))
    return dim, correction


@composite
def var(input: Symbol, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None) -> Symbol:
    """The variance over `dim`, divided by `n - correction` (default 1)."""
    dim, correction = _variance_args(dim, unbiased, correction)
    dims = wrap_dims(dim, input.ndim, "var")
    v = cast(moments(cast(input, input.dtype.compute), dims, correction)[0], input.dtype.to_real())
    return v if keepdim else reshape_to(v, reduced(input.shape, dims))


@composite
def std(input: Symbol, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None) -> Symbol:
    """The square root of the variance over `dim`, divided by `n - correction` (default 1)."""
    v = var(input, dim, unbiased, keepdim, correction=correction)
    return where(eq(v, 0), zeros(v.shape, v.dtype), sqrt(where(eq(v, 0), constant(1.0), v)))


@composite(returns=tuple)
def var_mean(input: Symbol, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None) -> Any:
    """`(variance, mean)` over `dim`."""
    plain = None if isinstance(dim, bool) else dim
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, plain, keepdim)


@composite(returns=tuple)
def std_mean(input: Symbol, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: Any = None) -> Any:
    """`(standard deviation, mean)` over `dim`."""
    plain = None if isinstance(dim, bool) else dim
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, plain, keepdim)


for _op in (var, std, var_mean, std_mean):
    _op.samples(lambda draw: iter([Sample((draw(2, 3, 4),)), Sample((draw(2, 3, 4), (0, 2)), {"correction": 0, "keepdim": True})]))
