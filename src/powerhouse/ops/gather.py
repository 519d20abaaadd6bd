"""Gather and scatter: reading and writing elements at positions given by integer tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import COMPLEX
from ..core.shapes import wrap_dim
from ..graph.op import Bad, Operand, Sample, Symbols, Type, as_symbol, cast, composite, constant, fit, primitive
from ..graph.symbol import Symbol
from .arithmetic import eq, where
from .indexing import index_get, index_put, trim
from .shape import as_strided, diagonal, select, span, with_size
from .views import reshape_to, slice_put, strided_put, zeros

# --- primitives -----------------------------------------------------------------------------------------------------------------


def _grid(index: Any, dim: int) -> tuple[Any, ...]:
    """NumPy indices of `x[i, ..., index[i, ..., k], ...]`."""
    return tuple(index if d == dim else np.arange(n).reshape([-1 if i == d else 1 for i in range(index.ndim)]) for d, n in enumerate(index.shape))


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


# --- gather ---------------------------------------------------------------------------------------------------------------------


def _index(index: Symbol, op: str) -> Symbol:
    if index.dtype not in (dt.int64, dt.int32):
        raise RuntimeError(f"{op}(): Expected dtype int32/int64 for index, got {index.dtype}")
    return index


def _aligned(input: Symbol, dim: int, index: Symbol, op: str, source: Symbol | None = None) -> tuple[Symbol, Symbol, int]:
    """`input` and `index` with at least one dim, and `dim` from the front, after PyTorch's size checks."""
    d = wrap_dim(dim, input.ndim, op)
    if index.numel:
        _index(index, op)
    x, i = (reshape_to(s, (1,)) if s.ndim == 0 else s for s in (input, index))
    if index.numel and i.ndim != x.ndim:
        raise RuntimeError(f"{op}: Index tensor must have the same number of dimensions as {'input' if source is None else 'self'} tensor, got {list(index.shape)} and {list(input.shape)}")
    for k, n in enumerate(i.shape if index.numel else ()):
        if k != d and n > x.shape[k]:
            raise RuntimeError(f"{op}: Size does not match at dimension {k} expected index {list(index.shape)} to be no larger than self {list(input.shape)} apart from dimension {d}")
        if source is not None and (source.ndim or 1) == i.ndim and n > (source.shape or (1,))[k]:
            raise RuntimeError(f"{op}: Expected index {list(index.shape)} to be no larger than src {list(source.shape)}")
    if source is not None and index.numel and (source.ndim or 1) != i.ndim:
        raise RuntimeError(f"{op}: Index tensor must have the same number of dimensions as src tensor, got {list(index.shape)} and {list(source.shape)}")
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
    x, i, d = _aligned(input, dim, index, "gather")
    if index.numel == 0:
        return zeros(index.shape, input.dtype)
    return reshape_to(gather_along(x, i, d), index.shape)


@gather.samples
def _(draw: Any) -> Any:
    yield Sample((draw(3, 4), 1, draw(3, 2, dtype="int64", low=0, high=3)))
    yield Sample((draw(3, 4), 0, draw(2, 3, dtype="int64", low=0, high=2)))
    yield Sample((draw(), 0, np.array(0)))


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
        raise RuntimeError(f"take_along_dim(): input and indices should have the same number of dimensions, but got {input.ndim} dimensions for input, and {indices.ndim} dimensions for indices")
    d = wrap_dim(dim, input.ndim, "take_along_dim")
    rest = [max(a, b) for a, b in zip(input.shape, indices.shape, strict=True)]
    x = fit(input, input.dtype, with_size(rest, d, input.shape[d]))
    return gather_along(x, wrapped(fit(indices, indices.dtype, with_size(rest, d, indices.shape[d])), input.shape[d]), d)


def wrapped(index: Symbol, size: int) -> Symbol:
    """`index` with negative positions counted from the end."""
    return where(index < 0, index + size, index)


take_along_dim.samples(lambda draw: iter([Sample((draw(3, 4), draw(1, 2, dtype="int64", low=0, high=3), 1)), Sample((draw(3, 4), draw(5, dtype="int64", low=0, high=11)))]))
take_along_dim.errors(lambda draw: iter([Bad((draw(3, 4), draw(3, 4), 0), {}, RuntimeError, "dtype"), Bad((draw(3, 4), np.array([0]), 0), {}, RuntimeError, "same number")]))


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
        raise RuntimeError(f"put_(): self and source expected to have the same dtype, but got self.dtype = {input.dtype} and source.dtype = {source.dtype}")
    if index.numel != source.numel:
        raise RuntimeError(f"put_(): Expected source and index to have the same number of elements, but got source.numel() = {source.numel}, index.numel() = {index.numel}")
    flat = reshape_to(input, (input.numel,))
    return reshape_to(index_put((flat, reshape_to(source, (source.numel,)), reshape_to(index, (index.numel,))), (0,), accumulate), input.shape)


put.samples(lambda draw: iter([Sample((draw(3, 4), np.array([0, 5]), draw(2))), Sample((draw(3, 4), np.array([[0, 0]]), draw(2), True))]))
put.errors(lambda draw: iter([Bad((draw(3), np.array([0]), draw(2)), {}, RuntimeError, "same number of elements")]))

# --- scatter --------------------------------------------------------------------------------------------------------------------


def _scatter(input: Symbol, dim: int, index: Symbol, src: Symbol, mode: str, op: str) -> Symbol:
    """`input` with `src` (a tensor) scattered; `src` may be larger than `index`."""
    x, i, d = _aligned(input, dim, index, op, src)
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
def scatter(input: Symbol, dim: int, index: Symbol, src: Operand | None = None, *, reduce: str | None = None, value: Operand | None = None) -> Symbol:
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
        _aligned(input, dim, index, "scatter")
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


scatter_add.samples(lambda draw: iter([Sample((draw(3, 4), 0, np.array([[1, 0], [1, 2]]), draw(2, 3)))]))
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

# --- whole slices by a vector of positions ----------------------------------------------------------------------------------------


def _positions(input: Symbol, dim: int, index: Symbol, op: str) -> tuple[Symbol, Symbol, int]:
    """`input` with at least one dim, the checked vector of positions, and `dim` from the front."""
    d = wrap_dim(dim, input.ndim, op)
    if index.ndim > 1:
        raise IndexError(f"{op}(): Index is supposed to be a vector, but got dim: {index.ndim} with shape {list(index.shape)}")
    if index.dtype is not dt.int64 and (index.dtype is not dt.int32 or op == "index_fill"):
        error = IndexError if op == "index_fill" else RuntimeError
        raise error(f"{op}(): Expected dtype int32 or int64 for index, but got {index.dtype}")
    x = reshape_to(input, (1,)) if input.ndim == 0 else input
    flat = index if index.ndim == 1 else reshape_to(index, (1,))
    return x, within(flat, x.shape[d], op), d


@composite
def index_select(input: Symbol, dim: int, index: Symbol) -> Symbol:
    """The positions `index` (a vector of ints) along `dim`.

    >>> import powerhouse as torch
    >>> torch.index_select(torch.tensor([[1, 2], [3, 4]]), 1, torch.tensor([1, 1]))
    tensor([[2, 2],
            [4, 4]])
    """
    x, i, d = _positions(input, dim, index, "index_select")
    out = index_get((x, i), (d,))
    return reshape_to(out, ()) if input.ndim == 0 and out.numel == 1 else out


index_select.samples(lambda draw: iter([Sample((draw(3, 4), 0, np.array([2, 0, 2]))), Sample((draw(3, 4), -1, np.array([1])))]))
index_select.errors(lambda draw: iter([Bad((draw(3), 0, np.zeros((1, 1), np.int64)), {}, IndexError, "vector"), Bad((draw(3), 0, draw(2)), {}, RuntimeError, "dtype int32 or int64")]))


def _write_positions(input: Symbol, dim: int, index: Symbol, value: Symbol, accumulate: bool, op: str) -> Symbol:
    """`input` with `value` written (or added) at the positions `index` along `dim`."""
    x, i, d = _positions(input, dim, index, op)
    v = reshape_to(value, (1,)) if value.ndim == 0 else value
    if v.ndim != x.ndim or v.shape[d] != i.numel:
        raise IndexError(f"{op}(): Number of indices ({i.numel}) should be equal to source.size(dim), got a source of shape {list(value.shape)} for dim {d}")
    if with_size(v.shape, d, 0) != with_size(x.shape, d, 0):
        raise RuntimeError(f"{op}(): source shape must match self shape, excluding the specified dimension. Got self.shape = {list(input.shape)} source.shape = {list(value.shape)}")
    if value.dtype is not input.dtype:
        raise RuntimeError(f"{op}(): self ({input.dtype}) and source ({value.dtype}) must have the same scalar type")
    return reshape_to(index_put((x, v, i), (d,), accumulate), input.shape)


@composite(inplace=True)
def index_add(input: Symbol, dim: int, index: Symbol, source: Symbol, *, alpha: Any = 1) -> Symbol:
    """`input` with `alpha * source` added at the positions `index` along `dim`; positions may repeat."""
    value = source if not isinstance(alpha, Symbol) and alpha == 1 else cast(source * alpha, source.dtype)
    return _write_positions(input, dim, index, value, True, "index_add")


@composite(inplace=True)
def index_copy(input: Symbol, dim: int, index: Symbol, source: Symbol) -> Symbol:
    """`input` with `source` written at the positions `index` along `dim`."""
    return _write_positions(input, dim, index, source, False, "index_copy")


@composite(inplace=True)
def index_fill(input: Symbol, dim: int, index: Symbol, value: Operand) -> Symbol:
    """`input` with `value` (a number or 0-d tensor) at the positions `index` along `dim`."""
    if value.ndim:
        raise RuntimeError(f"index_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} dimension(s).")
    if value.dtype.category == COMPLEX > input.dtype.category:
        raise RuntimeError("index_fill_(): Converting complex Scalar to non-complex type is not supported")
    x, i, d = _positions(input, dim, index, "index_fill")
    hit = index_put((zeros((x.shape[d],), dt.bool_), fit(constant(True), dt.bool_, i.shape), i), (0,), False)
    along = reshape_to(hit, tuple(n if k == d else 1 for k, n in enumerate(x.shape)))
    return reshape_to(where(along, fit(value, input.dtype, x.shape), x), input.shape)


for _op in (index_add, index_copy):
    _op.samples(lambda draw: iter([Sample((draw(3, 4), 0, np.array([2, 0]), draw(2, 4))), Sample((draw(3, 4), 1, np.array([3, 1]), draw(3, 2)))]))
    _op.errors(lambda draw: iter([Bad((draw(3, 4), 0, np.array([0]), draw(2, 4)), {}, IndexError, "Number of indices"),
                                  Bad((draw(3, 4), 0, np.array([0]), draw(1, 3)), {}, RuntimeError, "source shape must match")]))
index_fill.samples(lambda draw: iter([Sample((draw(3, 4), 1, np.array([2, 0]), 2.5)), Sample((draw(3, 4), 0, np.array([1]), draw()))]))
index_fill.errors(lambda draw: iter([Bad((draw(3), 0, np.array([0]), draw(2)), {}, RuntimeError, "0-dimensional value")]))


@composite(inplace=True)
def index_reduce(input: Symbol, dim: int, index: Symbol, source: Symbol, reduce: str, *, include_self: bool = True) -> Symbol:
    """`input` with `source` combined at the positions `index` along `dim` by `reduce`: "prod", "mean", "amax" or "amin"."""
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    x, i, d = _positions(input, dim, index, "index_reduce")
    s = reshape_to(source, (1,)) if source.ndim == 0 else source
    if s.ndim != x.ndim or s.shape[d] != i.numel:
        raise RuntimeError(f"index_reduce(): Number of indices ({i.numel}) should be equal to source.size(dim), got a source of shape {list(source.shape)}")
    grid = fit(reshape_to(i, tuple(i.numel if k == d else 1 for k in range(x.ndim))), i.dtype, s.shape)
    return reshape_to(reduce_into(x, d, grid, s, reduce, include_self, "index_reduce"), input.shape)


@index_reduce.samples
def _(draw: Any) -> Any:
    for reduce in ("prod", "mean", "amax", "amin"):
        yield Sample((draw(3, 4), 0, np.array([2, 0, 2]), draw(3, 4), reduce))


index_reduce.errors(lambda draw: iter([Bad((draw(3), 0, np.array([0]), draw(1), "sum"), {}, RuntimeError, "Expected reduce to be one of")]))


@composite(name="index_put_function", names=(), label="index_put")
def index_put_function(input: Symbol, indices: Symbols, values: Symbol, accumulate: bool = False) -> Symbol:
    """`input` after `input[indices] = values` (or `+=` where `accumulate`), for integer tensors `indices` of the first dims; None skips a dim."""
    dims = tuple(d for d, i in enumerate(indices) if i is not None)
    given = tuple(i for i in indices if i is not None)
    if len(indices) > input.ndim:
        raise IndexError(f"index_put_: too many indices for tensor of dimension {input.ndim} (got {len(indices)})")
    if values.dtype is not input.dtype:
        raise RuntimeError(f"index_put_: Index put requires the source and destination dtypes match, got {input.dtype} for the destination and {values.dtype} for the source.")
    shape = index_get((input, *given), dims).shape
    return index_put((input, fit(trim(values, shape), input.dtype, shape), *given), dims, accumulate)


index_put_function.samples(lambda draw: iter([Sample((draw(3, 4), (np.array([0, 2]), np.array([1, 1])), draw(2))), Sample((draw(3, 4), (np.array([0, 0]),), draw(4), True))]))
index_put_function.errors(lambda draw: iter([Bad((draw(3), (np.array([0]), np.array([0])), draw(1)), {}, IndexError, "too many indices")]))

# --- writes of parts --------------------------------------------------------------------------------------------------------------


def _fitting(src: Symbol, part: Symbol, input: Symbol, op: str) -> Symbol:
    if src.shape != part.shape:
        raise RuntimeError(f"{op}: expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(part.shape)}")
    return fit(src, input.dtype, src.shape)


@composite
def select_scatter(input: Symbol, src: Symbol, dim: int, index: int) -> Symbol:
    """`input` with `src` in place of `input.select(dim, index)`."""
    value = _fitting(src, select(input, dim, index), input, "select_scatter")
    d = wrap_dim(dim, input.ndim, "select_scatter")
    bounds = tuple((index % n, 1, 1) if k == d else (0, n, 1) for k, n in enumerate(input.shape))
    return slice_put(input, reshape_to(value, with_size(input.shape, d, 1)), bounds)


@composite
def slice_scatter(input: Symbol, src: Symbol, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Symbol:
    """`input` with `src` in place of the slice `start:end:step` along `dim`."""
    d = wrap_dim(dim, input.ndim, "slice_scatter")
    if step <= 0:
        raise RuntimeError(f"slice_scatter: step must be positive, got {step}")
    r = range(input.shape[d])[slice(start, end, step)]
    at = (r.start if len(r) else 0, len(r), step)
    value = _fitting(src, span(input, d, *at), input, "slice_scatter")
    return slice_put(input, value, tuple(at if k == d else (0, n, 1) for k, n in enumerate(input.shape)))


@composite
def diagonal_scatter(input: Symbol, src: Symbol, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Symbol:
    """`input` with `src` in place of `input.diagonal(offset, dim1, dim2)`."""
    part = diagonal(input, offset, dim1, dim2)
    return part.op.put(input, _fitting(src, part, input, "diagonal_scatter"), *part.attrs)


@composite
def as_strided_scatter(input: Symbol, src: Symbol, size: Any, stride: Any, storage_offset: int | None = 0) -> Symbol:
    """`input` with `src` in place of `input.as_strided(size, stride, storage_offset)`."""
    part = as_strided(input, size, stride, storage_offset or 0)
    return strided_put(input, _fitting(src, part, input, "as_strided_scatter"), *part.attrs, False)


select_scatter.samples(lambda draw: iter([Sample((draw(3, 4), draw(3), 1, -1))]))
select_scatter.errors(lambda draw: iter([Bad((draw(3, 4), draw(4), 1, 0), {}, RuntimeError, "expected src to have a size")]))
slice_scatter.samples(lambda draw: iter([Sample((draw(5, 2), draw(2, 2), 0, 1, 5, 2)), Sample((draw(5, 2), draw(5, 1), 1, -1))]))
slice_scatter.errors(lambda draw: iter([Bad((draw(3, 4), draw(4), 1, 0), {}, RuntimeError, "expected src to have a size")]))
diagonal_scatter.samples(lambda draw: iter([Sample((draw(3, 4), draw(3))), Sample((draw(3, 4), draw(2), -1))]))
diagonal_scatter.errors(lambda draw: iter([Bad((draw(3, 3), draw(4)), {}, RuntimeError, "expected src to have a size")]))
# PyTorch's gradient of this op with respect to `input` keeps what was overwritten and drops the rest: not compared.
as_strided_scatter.samples(lambda draw: iter([Sample((draw(3, 4), draw(2, 2), (2, 2), (1, 2), 1), only="forward")]))
as_strided_scatter.errors(lambda draw: iter([Bad((draw(3, 4), draw(3), (2, 2), (1, 2)), {}, RuntimeError, "expected src to have a size")]))

__all__ = ["gather", "gather_along", "index_add", "index_select", "scatter", "scatter_add", "scatter_along", "within", "wrapped"]
