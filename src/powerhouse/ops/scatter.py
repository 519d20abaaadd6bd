"""Scatter: writing and combining elements at positions given by integer tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..graph.op import Bad, Operand, Sample, as_symbol, composite, constant, fit
from ..graph.symbol import Symbol
from .arithmetic import eq, where
from .gather import aligned, scatter_along
from .shape import span
from .views import reshape_to, zeros


def _scatter(input: Symbol, dim: int, index: Symbol, src: Symbol, mode: str, op: str) -> Symbol:
    """`input` with `src` (a tensor) scattered; `src` may be larger than `index`."""
    x, i, d = aligned(input, dim, index, op, src)
    if src.dtype is not input.dtype:
        raise RuntimeError(f"{op}(): Expected self.dtype to be equal to src.dtype, got {input.dtype} and {src.dtype}")
    if index.numel == 0:
        return input
    s = reshape_to(src, (1,)) if src.ndim == 0 else src
    for k, n in enumerate(i.shape):
        s = span(s, k, 0, n)
    return reshape_to(scatter_along(x, i, s, d, mode), input.shape)


_REDUCE = {None: "set", "add": "sum", "multiply": "prod"}


@composite(inplace=True)
def scatter(
    input: Symbol, dim: int, index: Symbol, src: Operand | None = None, *, reduce: str | None = None, value: Operand | None = None
) -> Symbol:
    """`input` with `src` (a tensor of the same dtype, or a number) written at `index` along `dim`: the inverse of `gather`.

    Args:
        reduce: "add" or "multiply" combines instead of writing.

    >>> import powerhouse as torch
    >>> torch.zeros(2, 3).scatter(1, torch.tensor([[2], [0]]), 5.0)
    tensor([[0., 0., 5.],
            [5., 0., 0.]])
    """
    if reduce not in _REDUCE:
        raise RuntimeError(f"scatter: reduce argument must be either add or multiply, got {reduce!r}")
    given = value if src is None else src
    if given is None:
        raise TypeError("scatter() missing 1 required positional arguments: 'src' or 'value'")
    given = as_symbol(given)
    if given.weak or (src is None and given.ndim == 0):
        aligned(input, dim, index, "scatter")
        given = fit(given, input.dtype, index.shape)
    return _scatter(input, dim, index, given, _REDUCE[reduce], "scatter")


@scatter.samples
def _(draw: Any) -> Any:
    yield Sample((draw(3, 4), 1, np.array([[1, 0], [3, 2]]), draw(2, 2)))
    yield Sample((draw(3, 4), 1, np.array([[1, 0], [3, 2]]), draw(2, 3)), only="forward")  # PyTorch has no gradient for a larger src
    yield Sample((draw(3, 4), 0, np.array([[1, 0], [2, 2]]), 1.5))
    yield Sample((draw(3, 4), 0, np.array([[1, 0], [1, 2]]), draw(2, 2)), {"reduce": "add"})


@scatter.errors
def _(draw: Any) -> Any:
    yield Bad((draw(3, 4), 0, np.zeros((2, 5), np.int64), draw(2, 5)), {}, RuntimeError, "no larger than self")
    yield Bad((draw(3, 4), 0, np.zeros((2, 4), np.int64), draw(1, 4)), {}, RuntimeError, "no larger than src")
    yield Bad((draw(3, 4), 0, np.zeros((2, 4), np.int64), draw(2, 4, dtype="float64")), {}, RuntimeError, "equal to src.dtype")


@composite(inplace=True)
def scatter_add(input: Symbol, dim: int, index: Symbol, src: Symbol) -> Symbol:
    """`input` with `src` added at `index` along `dim`; positions may repeat.

    >>> import powerhouse as torch
    >>> torch.zeros(3).scatter_add(0, torch.tensor([0, 0, 2]), torch.ones(3))
    tensor([2., 0., 1.])
    """
    return _scatter(input, dim, index, src, "sum", "scatter_add")


scatter_add.samples(lambda draw: iter([Sample((draw(3, 4), 0, np.array([[1, 0], [1, 2]]), draw(2, 2)))]))
scatter_add.errors(lambda draw: iter([Bad((draw(3), 0, np.array([0.5]), draw(1)), {}, RuntimeError, "dtype")]))

_NEUTRAL = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "amax": float("-inf"), "amin": float("inf")}


def _neutral(reduce: str, d: dt.dtype) -> Symbol:
    """What leaves a reduction as it is, in dtype `d`."""
    value = _NEUTRAL[reduce]
    if d.category < dt.FLOAT and value in (float("inf"), float("-inf")):
        low, high = (0, 1) if d is dt.bool_ else (np.iinfo(d.numpy).min, np.iinfo(d.numpy).max)
        value = int(low if value < 0 else high)
    return constant(value)


def reduce_into(input: Symbol, dim: int, index: Symbol, src: Symbol, reduce: str, include_self: bool, op: str) -> Symbol:
    """`src` reduced into `input` at `index` along `dim`."""
    if reduce not in _NEUTRAL:
        raise RuntimeError(f"{op}: reduce argument must be either sum, prod, mean, amax or amin, got {reduce!r}.")
    base = input
    if not include_self:
        fresh = fit(_neutral(reduce, input.dtype), input.dtype, index.shape)
        base = _scatter(input, dim, index, fresh, "set", op)
    if reduce != "mean":
        return _scatter(base, dim, index, src, reduce, op)
    total = _scatter(base, dim, index, src, "sum", op)
    ones = fit(constant(1), input.dtype, input.shape)
    if not include_self:
        ones = _scatter(ones, dim, index, zeros(index.shape, input.dtype), "set", op)
    count = _scatter(ones, dim, index, fit(constant(1), src.dtype, src.shape), "sum", op)
    count = where(eq(count, 0), fit(constant(1), input.dtype, input.shape), count)
    return total / count if input.dtype.category >= dt.FLOAT else total // count


@composite(inplace=True)
def scatter_reduce(input: Symbol, dim: int, index: Symbol, src: Symbol, reduce: str, *, include_self: bool = True) -> Symbol:
    """`input` with `src` combined at `index` along `dim` by `reduce`: "sum", "prod", "mean", "amax" or "amin".

    Args:
        include_self: whether the old elements of `input` take part where something arrives.

    >>> import powerhouse as torch
    >>> torch.zeros(2).scatter_reduce(0, torch.tensor([0, 0, 1]), torch.tensor([1.0, 3.0, 5.0]), "mean", include_self=False)
    tensor([2., 5.])
    """
    return reduce_into(input, dim, index, src, reduce, include_self, "scatter_reduce")


@scatter_reduce.samples
def _(draw: Any) -> Any:
    for reduce in _NEUTRAL:
        for include in (True, False):
            yield Sample((draw(3, 4), 0, np.array([[1, 0], [1, 2]]), draw(2, 2), reduce), {"include_self": include})


scatter_reduce.errors(lambda draw: iter([Bad((draw(3), 0, np.array([0]), draw(1), "max"), {}, RuntimeError, "reduce argument")]))
