"""More reductions: products, truth of all or any, counts, sums that leave nan out, both extremes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import FLOAT
from ..core.promotion import accumulator
from ..core.returns import named_results
from ..core.shapes import wrap_dim, wrap_dims
from ..graph.op import Bad, Sample, cast, composite, constant, expand, primitive, with_value
from ..graph.symbol import Symbol, Type
from .arithmetic import conj, eq, ne, where
from .reduction import amax, amin, keep_dims, reduce_max, reduce_min, reduced
from .reduction import sum as total
from .views import reduce_sum, restore, zeros

AminmaxResult = named_results("aminmax", "min max")


@primitive
def reduce_prod(x: Symbol, dims: tuple[int, ...]) -> Type:
    """The product over `dims`, which are dropped. Half precision is multiplied in float32."""
    return Type(reduced(x.shape, dims), x.dtype)


@reduce_prod.reference
def _(x: Any, dims: tuple[int, ...]) -> Any:
    if x.dtype.itemsize == 2 and x.dtype.kind not in "iu":
        return np.multiply.reduce(x.astype(np.float32), axis=dims).astype(x.dtype)
    return np.multiply.reduce(x, axis=dims, dtype=x.dtype)


@reduce_prod.vjp
def _(g: Symbol, out: Symbol, x: Symbol, dims: tuple[int, ...]) -> Any:
    """Each element's gradient is the product of the others, which is 0 where one of them is; but that one's derivative is not."""
    zero = eq(x, 0)
    safe = where(zero, constant(1), x)
    rest = _spread(reduce_prod(safe, dims), dims, x) / safe
    zeros_there = _spread(reduce_sum(cast(zero, dt.int64), dims), dims, x) - cast(zero, dt.int64)
    vanishing = where(zero, x, zeros((), x.dtype))
    the_zero = _spread(reduce_sum(vanishing, dims), dims, x) - vanishing
    none = zeros(x.shape, x.dtype)
    others = where(eq(zeros_there, 0), rest, with_value(where(eq(zeros_there, 1), rest * the_zero, none), none))
    return (_spread(g, dims, x) * conj(others),)


def _spread(total: Symbol, dims: tuple[int, ...], x: Symbol) -> Symbol:
    return restore(total, dims, x.shape)


@composite(autocast="float32")
def prod(input: Symbol, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Symbol:
    """The product of all elements, or along `dim`. Integers and bool multiply in int64.

    >>> import powerhouse as torch
    >>> torch.prod(torch.tensor([2.0, 3.0]))
    tensor(6.)
    """
    x = cast(input, accumulator(input.dtype) if dtype is None else dt.as_dtype(dtype, "prod"))
    dims = tuple(range(x.ndim)) if dim is None else wrap_dims(wrap_dim(dim, x.ndim, "prod"), x.ndim, "prod")
    return keep_dims(reduce_prod(x, dims), dims, x.shape, keepdim)


@prod.samples
def _(draw: Any) -> Any:
    for args in ((), (1,), (-1, True)):
        yield Sample((draw(2, 3, 4), *args))
    yield Sample((np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 1.0]], np.float32), 1))
    yield Sample((draw(0, 3), 0))
    yield Sample((draw(2, 3, dtype="int64", low=-9, high=9),))


prod.errors(
    lambda draw: iter(
        [Bad((draw(2, 3), 2), {}, IndexError, "Dimension out of range"), Bad((draw(2, 3), (0, 1)), {}, TypeError, "must be int")]
    )
)

# --- truth ------------------------------------------------------------------------------------


def _truth(input: Symbol, dim: Any, keepdim: bool, rule: Any, of_none: bool, op: str) -> Symbol:
    x = cast(input, dt.bool_)
    dims = wrap_dims(dim, x.ndim, op)
    if 0 in [x.shape[d] for d in dims]:
        out = expand(cast(constant(of_none), dt.bool_), reduced(x.shape, dims))
    else:
        out = rule(x, dims)
    return cast(keep_dims(out, dims, x.shape, keepdim), dt.uint8 if input.dtype is dt.uint8 else dt.bool_)


@composite
def all_(input: Symbol, dim: Any = None, keepdim: bool = False) -> Symbol:
    """Whether all elements (over `dim`) are nonzero; nan is. Of uint8, the result is uint8.

    >>> import powerhouse as torch
    >>> torch.all(torch.tensor([[True, False], [True, True]]), dim=1)
    tensor([False,  True])
    """
    return _truth(input, dim, keepdim, reduce_min, True, "all")


@composite
def any_(input: Symbol, dim: Any = None, keepdim: bool = False) -> Symbol:
    """Whether any element (over `dim`) is nonzero; nan is. Of uint8, the result is uint8.

    >>> import powerhouse as torch
    >>> torch.any(torch.tensor([[False, False], [True, True]]), dim=1)
    tensor([False,  True])
    """
    return _truth(input, dim, keepdim, reduce_max, False, "any")


for _op in (all_, any_):
    _op.samples(
        lambda draw: iter(
            [
                Sample((draw(2, 3) > 0,)),
                Sample((draw(2, 3) > 0, 1)),
                Sample((draw(2, 3, 4), (0, -1), True)),
                Sample((draw(0, 3), 0)),
                Sample((draw(2, 3, dtype="uint8", low=0, high=2), 0)),
            ]
        )
    )
    _op.errors(lambda draw: iter([Bad((draw(2, 3), 2), {}, IndexError, "Dimension out of range")]))

# --- counts, and sums without nan ------------------------------------------------------------------------------------


@composite
def count_nonzero(input: Symbol, dim: Any = None) -> Symbol:
    """How many elements (over `dim`) are nonzero: int64."""
    return reduce_sum(cast(ne(input, 0), dt.int64), wrap_dims(dim, input.ndim, "count_nonzero"))


count_nonzero.samples(lambda draw: iter([Sample((draw(2, 3, dtype="int64", low=-2, high=2),)), Sample((draw(2, 3, 4), (0, 1)))]))
count_nonzero.errors(lambda draw: iter([Bad((draw(2, 3), 2), {}, IndexError, "Dimension out of range")]))


@composite
def nansum(input: Symbol, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Symbol:
    """The sum over `dim` of the elements that are not nan."""
    if input.dtype.is_complex:
        raise RuntimeError(f"nansum: does not support complex inputs, got {input.dtype}")
    present = input if input.dtype.category < FLOAT else where(eq(input, input), input, zeros(input.shape, input.dtype))
    return total(present, dim, keepdim, dtype=dtype)


@composite
def nanmean(input: Symbol, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Symbol:
    """The mean over `dim` of the elements that are not nan; nan where there is none."""
    if input.dtype.category < FLOAT:
        raise RuntimeError(f"nanmean: expected input to have floating point or complex dtype but got {input.dtype}")
    count = total(cast(eq(input, input), dt.int64), dim, keepdim)
    present = where(eq(input, input), input, zeros(input.shape, input.dtype))
    return total(present, dim, keepdim, dtype=dtype) / count


for _op in (nansum, nanmean):
    _op.samples(lambda draw: iter([Sample((np.where(draw(2, 3) > 0.5, np.float32(np.nan), draw(2, 3)), 1)), Sample((draw(2, 3),))]))

# --- both extremes ------------------------------------------------------------------------------------


@composite(returns=AminmaxResult)
def aminmax(input: Symbol, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """`(min, max)` of all elements, or along `dim`.

    >>> import powerhouse as torch
    >>> torch.aminmax(torch.tensor([3.0, 1.0, 2.0])).max
    tensor(3.)
    """
    dims = None if dim is None else wrap_dim(dim, input.ndim, "aminmax")
    if input.numel == 0 and (dims is None or input.shape[dims] == 0):
        raise RuntimeError(
            f"aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity; got shape {list(input.shape)}"
        )
    return amin(input, dims, keepdim), amax(input, dims, keepdim)


aminmax.samples(lambda draw: iter([Sample((draw(2, 3),)), Sample((draw(2, 3),), {"dim": 1, "keepdim": True})]))
aminmax.errors(
    lambda draw: iter(
        [
            Bad((draw(0, 3),), {"dim": 0}, RuntimeError, "empty dimension"),
            Bad((draw(2, 3),), {"dim": 2}, IndexError, "Dimension out of range"),
        ]
    )
)

__all__ = ["all_", "aminmax", "any_", "count_nonzero", "nanmean", "nansum", "prod", "reduce_prod"]
