"""Gather: reading elements at positions given by integer tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.shapes import wrap_dim
from ..graph.op import Bad, Sample, Type, cast, composite, constant, fit, primitive
from ..graph.symbol import Symbol
from .arithmetic import eq, where
from .indexing import index_get, index_put
from .shape import span, with_size
from .views import reshape_to, zeros

# --- primitives ------------------------------------------------------------------------------------------------------------------


def _grid(index: Any, dim: int) -> tuple[Any, ...]:
    """NumPy indices of `x[i, ..., index[i, ..., k], ...]`."""
    return tuple(
        index if d == dim else np.arange(n).reshape([-1 if i == d else 1 for i in range(index.ndim)]) for d, n in enumerate(index.shape)
    )


def _check(index: Any, size: int, dim: int, op: str, error: type[Exception] = RuntimeError) -> None:
    if index.size and (index.min() < 0 or index.max() >= size):
        bad = index.max() if index.max() >= size else index.min()
        raise error(f"{op}: index {bad} is out of bounds for dimension {dim} with size {size}")


@primitive
def gather_along(x: Symbol, index: Symbol, dim: int) -> Type:
    """`x[i, ..., index[i, ..., k], ...]`: along `dim`, the positions `index`; in other dims `index` may be smaller than `x`."""
    return Type(index.shape, x.dtype)


@gather_along.reference
def _(x: Any, index: Any, dim: int) -> Any:
    _check(index, x.shape[dim], dim, "gather")
    if dim == x.ndim - 1 and index.shape[:-1] == x.shape[:-1] and x.flags.c_contiguous and x.size:
        starts = np.arange(0, x.size, x.shape[-1]).reshape(*x.shape[:-1], 1)
        return x.reshape(-1).take(index + starts)
    return x[_grid(index, dim)]


gather_along.vjp(lambda g, out, x, index, dim: (scatter_along(zeros(x.shape, x.dtype), index, g, dim, "sum"), None))

_SCATTERS = {"sum": np.add, "prod": np.multiply, "amax": np.maximum, "amin": np.minimum}


@primitive
def scatter_along(base: Symbol, index: Symbol, value: Symbol, dim: int, mode: str) -> Type:
    """`base` with `value` written ("set") or combined ("sum", "prod", "amax", "amin") where `gather_along` would read."""
    return base.type


@scatter_along.reference
def _(base: Any, index: Any, value: Any, dim: int, mode: str) -> Any:
    _check(index, base.shape[dim], dim, "scatter")
    out = np.array(base, order="C")
    if mode == "set":
        out[_grid(index, dim)] = value
        return out
    half = out.dtype.itemsize == 2 and out.dtype.kind not in "iu"
    wide = out.astype(np.float32) if half else out
    if mode == "sum" and out.dtype == np.bool_:
        np.logical_or.at(wide, _grid(index, dim), value)
    else:
        flat = np.ravel_multi_index(_grid(index, dim), out.shape) if out.ndim else index
        _SCATTERS[mode].at(wide.reshape(-1), np.broadcast_to(flat, value.shape).reshape(-1), value.reshape(-1).astype(wide.dtype))
    return wide.astype(out.dtype) if half else out


@scatter_along.vjp
def _(g: Symbol, out: Symbol, base: Symbol, index: Symbol, value: Symbol, dim: int, mode: str) -> Any:
    if mode == "set":
        return scatter_along(g, index, zeros(index.shape, g.dtype), dim, "set"), None, gather_along(g, index, dim)
    if mode == "sum":
        return g, None, gather_along(g, index, dim)
    if mode == "prod":
        return _product_vjp(g, out, base, index, value, dim)
    return _extreme_vjp(g, out, base, index, value, dim)


def _product_vjp(g: Symbol, out: Symbol, base: Symbol, index: Symbol, value: Symbol, dim: int) -> Any:
    """Each factor's gradient is the product of the others; where one factor alone is zero, it is the product of the rest."""
    flags = [cast(eq(x, 0), g.dtype) for x in (base, value)]
    count = scatter_along(flags[0], index, flags[1], dim, "sum")  # zeros among the factors of each element
    rest = scatter_along(where(eq(base, 0), constant(1), base), index, where(eq(value, 0), constant(1), value), dim, "prod")

    def factor(x: Symbol, n: Symbol, others: Symbol) -> Symbol:
        alone = where(eq(x, 0) & eq(n, 1), others, zeros(x.shape, x.dtype))
        return where(eq(n, 0), others / where(eq(x, 0), constant(1), x), alone)

    from_value = factor(value, gather_along(count, index, dim), gather_along(rest, index, dim))
    return g * factor(base, count, rest), None, gather_along(g, index, dim) * from_value


def _extreme_vjp(g: Symbol, out: Symbol, base: Symbol, index: Symbol, value: Symbol, dim: int) -> Any:
    """The gradient is shared evenly by all that equal the extreme."""
    from_base = cast(eq(base, out), g.dtype)
    from_value = cast(eq(value, gather_along(out, index, dim)), g.dtype)
    share = g / scatter_along(from_base, index, from_value, dim, "sum")
    share = where(eq(share, share), share, zeros(g.shape, g.dtype))
    return share * from_base, None, gather_along(share, index, dim) * from_value


@primitive(differentiable=False)
def within(index: Symbol, size: int, op: str) -> Type:
    """`index`, after a check that all of it lies in [0, size)."""
    return index.type


@within.reference
def _(index: Any, size: int, op: str) -> Any:
    if index.size and (index.min() < 0 or index.max() >= size):
        raise IndexError(f"{op}: index out of range in self: got {index.min()} to {index.max()} for a size of {size}")
    return index


# --- gather ----------------------------------------------------------------------------------------------------------------------


def _index(index: Symbol, op: str) -> Symbol:
    if index.dtype not in (dt.int64, dt.int32):
        raise RuntimeError(f"{op}(): Expected dtype int32/int64 for index, got {index.dtype}")
    return index


def aligned(input: Symbol, dim: int, index: Symbol, op: str, source: Symbol | None = None) -> tuple[Symbol, Symbol, int]:
    """`input` and `index` with at least one dim, and `dim` from the front, after PyTorch's size checks."""
    d = wrap_dim(dim, input.ndim, op)
    if index.numel:
        _index(index, op)
    x, i = (reshape_to(s, (1,)) if s.ndim == 0 else s for s in (input, index))
    if index.numel and i.ndim != x.ndim:
        raise RuntimeError(
            f"{op}: Index tensor must have the same number of dimensions as {'input' if source is None else 'self'} tensor, "
            f"got {list(index.shape)} and {list(input.shape)}"
        )
    for k, n in enumerate(i.shape if index.numel else ()):
        if k != d and n > x.shape[k]:
            raise RuntimeError(
                f"{op}: Size does not match at dimension {k} expected index {list(index.shape)} to be no larger than self "
                f"{list(input.shape)} apart from dimension {d}"
            )
        if source is not None and (source.ndim or 1) == i.ndim and n > (source.shape or (1,))[k]:
            raise RuntimeError(f"{op}: Expected index {list(index.shape)} to be no larger than src {list(source.shape)}")
    if source is not None and index.numel and (source.ndim or 1) != i.ndim:
        raise RuntimeError(
            f"{op}: Index tensor must have the same number of dimensions as src tensor, got {list(index.shape)} and {list(source.shape)}"
        )
    return x, i, d


@composite
def gather(input: Symbol, dim: int, index: Symbol, *, sparse_grad: bool = False) -> Symbol:
    """`out[i][j][k] = input[index[i][j][k]][j][k]` for dim 0, and likewise for the others.

    Args:
        index: int64, with as many dims as `input`, and not larger than it but along `dim`. Its shape is the result's.

    >>> import powerhouse as torch
    >>> torch.gather(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([[0, 0], [1, 0]]))
    tensor([[1, 1],
            [4, 3]])
    """
    x, i, d = aligned(input, dim, index, "gather")
    if index.numel == 0:
        return reshape_to(span(reshape_to(input, (input.numel,)), 0, 0, 0), index.shape)
    return reshape_to(gather_along(x, i, d), index.shape)


@gather.samples
def _(draw: Any) -> Any:
    yield Sample((draw(3, 4), 1, draw(3, 2, dtype="int64", low=0, high=3)))
    yield Sample((draw(3, 4), 0, draw(2, 3, dtype="int64", low=0, high=2)))
    yield Sample((draw(), 0, np.array(0)))
    yield Sample((draw(3, 4), 1, np.zeros((3, 0), np.int64)))


@gather.errors
def _(draw: Any) -> Any:
    yield Bad((draw(3, 4), 0, np.zeros((2, 5), np.int64)), {}, RuntimeError, "Size does not match at dimension 1")
    yield Bad((draw(3, 4), 0, np.zeros(2, np.int64)), {}, RuntimeError, "same number of dimensions")
    yield Bad((draw(3, 4), 0, draw(2, 2)), {}, RuntimeError, "Expected dtype int32/int64 for index")


@composite
def take_along_dim(input: Symbol, indices: Symbol, dim: int | None = None) -> Symbol:
    """`gather` with `input` and `indices` broadcast against each other but along `dim`; `dim=None` flattens both."""
    if indices.dtype is not dt.int64:
        raise RuntimeError(f"torch.take_along_dim(): dtype of indices should be Long but got {indices.dtype}")
    if dim is None:
        return gather_along(reshape_to(input, (input.numel,)), wrapped(reshape_to(indices, (indices.numel,)), input.numel), 0)
    if input.ndim != indices.ndim:
        raise RuntimeError(
            f"take_along_dim(): input and indices should have the same number of dimensions, but got {input.ndim} dimensions "
            f"for input, and {indices.ndim} dimensions for indices"
        )
    d = wrap_dim(dim, input.ndim, "take_along_dim")
    rest = [max(a, b) for a, b in zip(input.shape, indices.shape, strict=True)]
    x = fit(input, input.dtype, with_size(rest, d, input.shape[d]))
    return gather_along(x, wrapped(fit(indices, indices.dtype, with_size(rest, d, indices.shape[d])), input.shape[d]), d)


def wrapped(index: Symbol, size: int) -> Symbol:
    """`index` with negative positions counted from the end."""
    return where(index < 0, index + size, index)


take_along_dim.samples(
    lambda draw: iter(
        [Sample((draw(3, 4), draw(1, 2, dtype="int64", low=0, high=3), 1)), Sample((draw(3, 4), draw(5, dtype="int64", low=0, high=11)))]
    )
)
take_along_dim.errors(
    lambda draw: iter(
        [Bad((draw(3, 4), draw(3, 4), 0), {}, RuntimeError, "dtype"), Bad((draw(3, 4), np.array([0]), 0), {}, RuntimeError, "same number")]
    )
)


@composite
def take(input: Symbol, index: Symbol) -> Symbol:
    """The elements of `input`, seen as one-dimensional, at `index`; negative positions count from the end.

    >>> import powerhouse as torch
    >>> torch.take(torch.tensor([[1, 2], [3, 4]]), torch.tensor([0, -1]))
    tensor([1, 4])
    """
    if index.dtype is not dt.int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {index.dtype}")
    if input.numel == 0 and index.numel:
        raise IndexError("take(): tried to take from an empty tensor")
    return index_get((reshape_to(input, (input.numel,)), index), (0,))


take.samples(lambda draw: iter([Sample((draw(3, 4), np.array([[0, -1], [5, 5]])))]))
take.errors(lambda draw: iter([Bad((draw(3), draw(3)), {}, RuntimeError, "long tensor")]))


@composite(inplace=True)
def put(input: Symbol, index: Symbol, source: Symbol, accumulate: bool = False) -> Symbol:
    """`input` with `source` written (or added) at `index`, both seen as one-dimensional."""
    if index.dtype is not dt.int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {index.dtype}")
    if source.dtype is not input.dtype:
        raise RuntimeError(
            f"put_(): self and source expected to have the same dtype, but got self.dtype = {input.dtype} and source.dtype = {source.dtype}"
        )
    if index.numel != source.numel:
        raise RuntimeError(
            f"put_(): Expected source and index to have the same number of elements, but got source.numel() = {source.numel}, "
            f"index.numel() = {index.numel}"
        )
    flat = reshape_to(input, (input.numel,))
    return reshape_to(
        index_put((flat, reshape_to(source, (source.numel,)), reshape_to(index, (index.numel,))), (0,), accumulate), input.shape
    )


put.samples(lambda draw: iter([Sample((draw(3, 4), np.array([0, 5]), draw(2))), Sample((draw(3, 4), np.array([[0, 0]]), draw(2), True))]))
put.errors(lambda draw: iter([Bad((draw(3), np.array([0]), draw(2)), {}, RuntimeError, "same number of elements")]))
