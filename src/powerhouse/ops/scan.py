"""Scans: running sums, products and extremes along a dim, and what is written with them."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import BOOL, FLOAT, INTEGER
from ..core.promotion import accumulator
from ..core.returns import named_results
from ..core.shapes import wrap_dim
from ..graph.op import Bad, Operand, Sample, Type, as_symbol, cast, composite, constant, fit, primitive
from ..graph.symbol import Symbol
from .arithmetic import bitwise_xor, conj, eq, exp, log, where
from .joining import concat, copied, joined
from .reduction import reduce_sum
from .shape import span, with_size
from .sorting import lined, picked
from .turning import flipped
from .views import reshape_to, zeros

CummaxResult = named_results("cummax", "values indices")
CumminResult = named_results("cummin", "values indices")

# --- primitives -----------------------------------------------------------------------------------------------------------------


_CHUNK = 1 << 15  # elements that are accumulated at a time: their wide copies stay in the cache


def _accumulated(ufunc: Any, x: Any, dim: int) -> Any:
    """Running `ufunc` along `dim`; real floats accumulate in float64, as PyTorch's do."""
    if x.dtype.kind != "f" and (x.dtype.itemsize != 2 or x.dtype.kind in "iu"):
        return ufunc.accumulate(x, axis=dim, dtype=x.dtype)
    outer, inner = prod(x.shape[:dim]), prod(x.shape[dim + 1 :])
    apart = 0 if outer >= inner else -1  # the dim of which parts are done one after the other
    out = np.empty((outer, x.shape[dim], inner), x.dtype)
    count = max(1, min(out.shape[apart], out.size // _CHUNK))
    for whole, part in zip(np.array_split(out, count, apart), np.array_split(x.reshape(out.shape), count, apart)):
        whole[...] = ufunc.accumulate(part.astype(np.float64), axis=1)
    return out.reshape(x.shape)


@primitive(linear=True)
def running_sum(x: Symbol, dim: int) -> Type:
    """The sum of each element and those before it along `dim`."""
    return x.type


running_sum.reference(lambda x, dim: _accumulated(np.add, x, dim))
running_sum.vjp(lambda g, out, x, dim: (sum_from(g, dim),))


def sum_from(g: Symbol, dim: int) -> Symbol:
    """The sum of each element and those after it along `dim`."""
    return flipped(running_sum(flipped(g, (dim,)), dim), (dim,))


@primitive
def running_product(x: Symbol, dim: int) -> Type:
    """The product of each element and those before it along `dim`."""
    return x.type


running_product.reference(lambda x, dim: _accumulated(np.multiply, x, dim))


@running_product.vjp
def _(g: Symbol, out: Symbol, x: Symbol, dim: int) -> Any:
    """Up to the first zero, `sum_from(g * out) / x`; at the first zero, with that zero taken as 1; 0 after it."""
    zero = eq(x, 0)
    one = fit(constant(1), x.dtype, x.shape)
    first = zero & eq(running_sum(cast(zero, dt.int64), dim), 1)
    without = running_product(where(first, one, x), dim)
    before = sum_from(g * conj(out), dim) / conj(where(zero, one, x))
    return (where(first, sum_from(g * conj(without), dim), before),)


@primitive
def running_logsumexp(x: Symbol, dim: int) -> Type:
    """The logarithm of the sum of exponentials of each element and those before it along `dim`."""
    return x.type


running_logsumexp.reference(lambda x, dim: _accumulated(np.logaddexp, x, dim))


@running_logsumexp.vjp
def _(g: Symbol, out: Symbol, x: Symbol, dim: int) -> Any:
    """`sum of g[j] * exp(x[i] - out[j])` for j >= i, in logarithms so that nothing overflows: for positive and negative `g` apart."""

    def part(positive: Symbol) -> Symbol:
        size = where(positive > 0, positive, constant(1.0))
        logs = where(positive > 0, log(size) - out, fit(constant(float("-inf")), g.dtype, g.shape))
        return exp(flipped(running_logsumexp(flipped(logs, (dim,)), dim), (dim,)) + x)

    return (part(g) - part(-g),)


@primitive(differentiable=False)
def running_position(x: Symbol, dim: int, largest: bool) -> Type:
    """The position of the extreme so far along `dim`: the last of equals, or the last NaN."""
    return Type(x.shape, dt.int64)


@running_position.reference
def _(x: Any, dim: int, largest: bool) -> Any:
    wide = x.astype(np.float32) if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else x
    extreme = (np.maximum if largest else np.minimum).accumulate(wide, axis=dim)
    steps = np.arange(x.shape[dim]).reshape([-1 if i == dim else 1 for i in range(x.ndim)])
    positions = np.where((wide == extreme) | (wide != wide), steps, 0)
    return np.maximum.accumulate(positions, axis=dim, out=positions)


# --- scans ----------------------------------------------------------------------------------------------------------------------


def _scan(input: Symbol, dim: int, dtype: Any, rule: Any, op: str) -> Symbol:
    x = cast(input, accumulator(input.dtype) if dtype is None else dt.as_dtype(dtype, op))
    d = wrap_dim(dim, x.ndim, op)
    return rule(x, d) if x.ndim else reshape_to(rule(reshape_to(x, (1,)), 0), ())


@composite(inplace=True)
def cumsum(input: Symbol, dim: int, *, dtype: Any = None) -> Symbol:
    """The running sum along `dim`; integers and bool sum in int64 unless `dtype` says otherwise.

    >>> import powerhouse as torch
    >>> torch.cumsum(torch.tensor([1, 2, 3]), 0)
    tensor([1, 3, 6])
    """
    return _scan(input, dim, dtype, running_sum, "cumsum")


@composite(inplace=True)
def cumprod(input: Symbol, dim: int, *, dtype: Any = None) -> Symbol:
    """The running product along `dim`; integers and bool multiply in int64 unless `dtype` says otherwise.

    >>> import powerhouse as torch
    >>> torch.cumprod(torch.tensor([1, 2, 3]), 0)
    tensor([1, 2, 6])
    """
    return _scan(input, dim, dtype, running_product, "cumprod")


@composite
def logcumsumexp(input: Symbol, dim: int) -> Symbol:
    """The logarithm of the running sum of exponentials along `dim`, without overflow."""
    if input.dtype.category != FLOAT:
        raise RuntimeError(f"logcumsumexp: not implemented for dtype {input.dtype}")
    return _scan(input, dim, None, running_logsumexp, "logcumsumexp")


for _op in (cumsum, cumprod, logcumsumexp):
    _op.samples(lambda draw: iter([Sample((draw(3, 4), 0)), Sample((draw(3, 4), -1)), Sample((draw(), 0)), Sample((draw(0, 3), 0))]))
    _op.errors(lambda draw: iter([Bad((draw(3), 1), {}, IndexError, "out of range")]))


def _cumulative_extreme(input: Symbol, dim: int, largest: bool, op: str) -> Any:
    if input.dtype.is_complex:
        raise RuntimeError(f"{op}: complex tensors have no order; got {input.dtype}")
    return picked(input, running_position, wrap_dim(dim, input.ndim, op), largest)


@composite(returns=CummaxResult)
def cummax(input: Symbol, dim: int) -> Any:
    """`(values, indices)` of the running maximum along `dim`; of equals the last.

    >>> import powerhouse as torch
    >>> torch.cummax(torch.tensor([1, 3, 2]), 0).values
    tensor([1, 3, 3])
    """
    return _cumulative_extreme(input, dim, True, "cummax")


@composite(returns=CumminResult)
def cummin(input: Symbol, dim: int) -> Any:
    """`(values, indices)` of the running minimum along `dim`; of equals the last."""
    return _cumulative_extreme(input, dim, False, "cummin")


for _op in (cummax, cummin):
    _op.samples(lambda draw: iter([Sample((draw(3, 4), 0)), Sample((draw(6, low=0, high=3, dtype="int64"), -1))]))
    _op.errors(lambda draw: iter([Bad((draw(3), 1), {}, IndexError, "out of range")]))

# --- differences and integrals ----------------------------------------------------------------------------------------------------


@composite
def diff(input: Symbol, n: int = 1, dim: int = -1, prepend: Symbol | None = None, append: Symbol | None = None) -> Symbol:
    """The `n`-th differences of neighbours along `dim`, after joining `prepend` and `append` to the ends; of bool, whether they differ.

    >>> import powerhouse as torch
    >>> torch.diff(torch.tensor([1, 4, 9]))
    tensor([3, 5])
    """
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"diff: order must be non-negative but got {n}")
    d = wrap_dim(dim, input.ndim, "diff")
    for end in (prepend, append):
        if end is not None and (end.ndim != input.ndim or with_size(end.shape, d, 0) != with_size(input.shape, d, 0)):
            raise RuntimeError(
                f"diff expects prepend or append to be the same size as the input except along dim {dim}, got "
                f"{list(end.shape)} for {list(input.shape)}"
            )
    if n == 0:
        return copied(input)
    parts = tuple(s for s in (prepend, input, append) if s is not None)
    x = joined(parts, d) if len(parts) > 1 else input
    for _ in range(n):
        m = max(x.shape[d] - 1, 0)
        after, before = span(x, d, x.shape[d] - m, m), span(x, d, 0, m)
        x = bitwise_xor(after, before) if x.dtype is dt.bool_ else after - before
    return x


diff.samples(lambda draw: iter([Sample((draw(3, 5),)), Sample((draw(3, 5), 2, 0)), Sample((draw(3, 5), 1, 1, draw(3, 1), draw(3, 2)))]))
diff.errors(
    lambda draw: iter(
        [
            Bad((draw(),), {}, RuntimeError, "at least one-dimensional"),
            Bad((draw(2, 3), 1, 0, draw(2, 2)), {}, RuntimeError, "prepend or append"),
        ]
    )
)


def _trapezoids(y: Symbol, x: Symbol | None, dx: Any, dim: int, op: str) -> tuple[Symbol | None, int]:
    """The areas between neighbours along `dim` (None where there are none), and `dim` from the front."""
    if y.dtype is dt.bool_ or (x is not None and x.dtype is dt.bool_):
        raise RuntimeError(f"{op}: received a bool input for `x` or `y`, but bool is not supported")
    d = wrap_dim(dim, y.ndim, op)
    n = y.shape[d] if y.ndim else 1
    width = as_symbol(dx)
    if x is not None:
        if x.ndim == 1 and y.ndim:
            if x.shape[0] != n:
                raise RuntimeError(f"{op}: There must be one `x` value for each sample point; got {x.shape[0]} for {n}")
            x = reshape_to(x, with_size((1,) * y.ndim, d, n))
        x = reshape_to(x, (1,) * (y.ndim - x.ndim) + x.shape)
        width = diff(x, 1, d - y.ndim) if x.ndim else x
    if n <= 1:
        return None, d
    return (span(y, d, 1, n - 1) + span(y, d, 0, n - 1)) * width * 0.5, d


@composite(names=("trapezoid", "trapz"))
def trapezoid(y: Symbol, x: Symbol | None = None, *, dx: Operand = 1, dim: int = -1) -> Symbol:
    """The integral of `y` along `dim` by the trapezoidal rule, at points `x` or `dx` apart.

    >>> import powerhouse as torch
    >>> torch.trapezoid(torch.tensor([1.0, 2.0, 3.0]))
    tensor(4.)
    """
    areas, d = _trapezoids(y, x, dx, dim, "trapezoid")
    if areas is None:
        return zeros(with_size(y.shape, d) if y.ndim else (), _area_dtype(y, x))
    return reduce_sum(areas, (d,))


@composite(names=("cumulative_trapezoid",))
def cumulative_trapezoid(y: Symbol, x: Symbol | None = None, *, dx: Operand = 1, dim: int = -1) -> Symbol:
    """The running integral of `y` along `dim` by the trapezoidal rule, at points `x` or `dx` apart."""
    areas, d = _trapezoids(y, x, dx, dim, "cumulative_trapezoid")
    if areas is None:
        return zeros(with_size(y.shape, d, 0) if y.ndim else (0,), _area_dtype(y, x))
    return running_sum(areas, d)


def _area_dtype(y: Symbol, x: Symbol | None) -> dt.dtype:
    return (reshape_to(y, (y.numel,)) * 0.5).dtype if x is None else (y * 0.5 * reshape_to(x, (x.numel, *(1,) * y.ndim))).dtype


for _op in (trapezoid, cumulative_trapezoid):
    _op.samples(
        lambda draw: iter(
            [
                Sample((draw(3, 4),)),
                Sample((draw(3, 4), draw(4))),
                Sample((draw(3, 4), draw(3, 4)), {"dim": 0}),
                Sample((draw(3, 4),), {"dx": 0.5}),
            ]
        )
    )
    _op.errors(lambda draw: iter([Bad((draw(3, 4), draw(3)), {}, RuntimeError, "one `x` value")]))

# --- powers -----------------------------------------------------------------------------------------------------------------------


def powers(x: Symbol, count: int) -> Symbol:
    """`x ** 0, x ** 1, ...` in a new last dim of size `count`."""
    first = fit(constant(1), x.dtype, (*x.shape, min(count, 1)))
    if count <= 1:
        return first
    rest = running_product(fit(reshape_to(x, (*x.shape, 1)), x.dtype, (*x.shape, count - 1)), x.ndim)
    return concat((first, rest), x.ndim)


@composite(names=("vander",))
def vander(x: Symbol, N: int | None = None, increasing: bool = False) -> Symbol:
    """The Vandermonde matrix: columns are powers of the vector `x`, the highest first unless `increasing`."""
    if x.ndim != 1:
        raise RuntimeError(f"vander: x must be a one-dimensional tensor, got {list(x.shape)}")
    count = x.shape[0] if N is None else N
    if count < 0:
        raise RuntimeError(f"vander: N must be non-negative, got {count}")
    wide = cast(x, dt.int64) if x.dtype.category in (BOOL, INTEGER) else x
    out = powers(wide, count)
    return out if increasing else flipped(out, (1,))


@composite(names=("linalg.vander",))
def linalg_vander(x: Symbol, *, N: int | None = None) -> Symbol:
    """Vandermonde matrices: `x ** 0, x ** 1, ... x ** (N - 1)` in a new last dim."""
    x = lined(x)
    count = x.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError(f"linalg.vander: N must be greater than 1, got {count}")
    return powers(cast(x, dt.int64) if x.dtype.category in (BOOL, INTEGER) else x, count)


vander.samples(
    lambda draw: iter([Sample((draw(3),), only="forward"), Sample((draw(3), 2, True), only="forward")])
)  # PyTorch's own gradient fails
vander.errors(lambda draw: iter([Bad((draw(2, 2),), {}, RuntimeError, "one-dimensional")]))
linalg_vander.samples(lambda draw: iter([Sample((draw(2, 3),), {"N": 4})]))
linalg_vander.errors(lambda draw: iter([Bad((draw(),), {}, RuntimeError, "greater than 1")]))

__all__ = ["cumsum", "diff", "powers", "running_product", "running_sum", "sum_from", "vander"]
