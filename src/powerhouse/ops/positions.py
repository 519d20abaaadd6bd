"""Writing whole slices by vectors of positions, and other parts of a tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import COMPLEX, INTEGER
from ..core.shapes import as_shape, wrap_dim
from ..graph.op import Bad, Operand, Sample, Symbols, cast, composite, constant, fit
from ..graph.symbol import Symbol
from .arithmetic import where
from .gather import within
from .indexing import index_get, index_put, trim
from .scatter import reduce_into
from .shape import as_strided, diagonal, movedim, select, span, with_size
from .views import reshape_to, slice_put, strided_put, zeros

# --- whole slices by a vector of positions ---------------------------------------------------------------------------------------


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
index_select.errors(
    lambda draw: iter(
        [
            Bad((draw(3), 0, np.zeros((1, 1), np.int64)), {}, IndexError, "vector"),
            Bad((draw(3), 0, draw(2)), {}, RuntimeError, "dtype int32 or int64"),
        ]
    )
)


def _write_positions(input: Symbol, dim: int, index: Symbol, value: Symbol, accumulate: bool, op: str) -> Symbol:
    """`input` with `value` written (or added) at the positions `index` along `dim`."""
    x, i, d = _positions(input, dim, index, op)
    v = reshape_to(value, (1,)) if value.ndim == 0 else value
    if v.ndim != x.ndim or with_size(v.shape, d, 0) != with_size(x.shape, d, 0):
        raise RuntimeError(
            f"{op}(): source shape must match self shape, excluding the specified dimension. "
            f"Got self.shape = {list(input.shape)} source.shape = {list(value.shape)}"
        )
    if v.shape[d] != i.numel:
        raise IndexError(
            f"{op}(): Number of indices ({i.numel}) should be equal to source.size(dim), got a source of shape "
            f"{list(value.shape)} for dim {d}"
        )
    if value.dtype is not input.dtype:
        raise RuntimeError(f"{op}(): self ({input.dtype}) and source ({value.dtype}) must have the same scalar type")
    if accumulate and d:  # rows are added faster than columns
        return movedim(index_put((movedim(x, d, 0), movedim(v, d, 0), i), (0,), True), 0, d)
    return reshape_to(index_put((x, v, i), (d,), accumulate), input.shape)


@composite(inplace=True)
def index_add(input: Symbol, dim: int, index: Symbol, source: Symbol, *, alpha: Any = 1) -> Symbol:
    """`input` with `alpha * source` added at the positions `index` along `dim`; positions may repeat."""
    value = source if not isinstance(alpha, Symbol) and alpha == 1 else cast(source * alpha, source.dtype)
    return _write_positions(input, dim, index, value, True, "index_add")


@composite(inplace=True, autocast="widest")
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
    _op.samples(
        lambda draw: iter([Sample((draw(3, 4), 0, np.array([2, 0]), draw(2, 4))), Sample((draw(3, 4), 1, np.array([3, 1]), draw(3, 2)))])
    )
    _op.errors(
        lambda draw: iter(
            [
                Bad((draw(3, 4), 0, np.array([0]), draw(2, 4)), {}, IndexError, "Number of indices"),
                Bad((draw(3, 4), 0, np.array([0]), draw(1, 3)), {}, RuntimeError, "source shape must match"),
            ]
        )
    )
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
        raise RuntimeError(
            f"index_reduce(): Number of indices ({i.numel}) should be equal to source.size(dim), got a source of shape {list(source.shape)}"
        )
    grid = fit(reshape_to(i, tuple(i.numel if k == d else 1 for k in range(x.ndim))), i.dtype, s.shape)
    return reshape_to(reduce_into(x, d, grid, s, reduce, include_self, "index_reduce"), input.shape)


@index_reduce.samples
def _(draw: Any) -> Any:
    for reduce in ("prod", "mean", "amax", "amin"):
        yield Sample((draw(3, 4), 0, np.array([2, 0, 2]), draw(3, 4), reduce))


index_reduce.errors(lambda draw: iter([Bad((draw(3), 0, np.array([0]), draw(1), "sum"), {}, RuntimeError, "Expected reduce to be one of")]))


@composite(name="index_put_function", names=(), label="index_put")
def index_put_function(input: Symbol, indices: Symbols, values: Symbol, accumulate: bool = False) -> Symbol:
    """`input` after `input[indices] = values` (or `+=` where `accumulate`), for int tensors `indices` (None skips a dim)."""
    dims = tuple(d for d, i in enumerate(indices) if i is not None)
    given = tuple(i for i in indices if i is not None)
    if len(indices) > input.ndim:
        raise IndexError(f"index_put_: too many indices for tensor of dimension {input.ndim} (got {len(indices)})")
    if values.dtype is not input.dtype:
        raise RuntimeError(
            f"index_put_: Index put requires the source and destination dtypes match, got {input.dtype} for the destination "
            f"and {values.dtype} for the source."
        )
    shape = index_get((input, *given), dims).shape
    return index_put((input, fit(trim(values, shape), input.dtype, shape), *given), dims, accumulate)


index_put_function.samples(
    lambda draw: iter(
        [Sample((draw(3, 4), (np.array([0, 2]), np.array([1, 1])), draw(2))), Sample((draw(3, 4), (np.array([0, 0]),), draw(4), True))]
    )
)
index_put_function.errors(lambda draw: iter([Bad((draw(3), (np.array([0]), np.array([0])), draw(1)), {}, IndexError, "too many indices")]))

# --- writes of parts -------------------------------------------------------------------------------------------------------------


def _fitting(src: Symbol, part: Symbol, input: Symbol, op: str) -> Symbol:
    if src.shape != part.shape:
        raise RuntimeError(
            f"{op}: expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(part.shape)}"
        )
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


# --- positions in a flattened tensor ------------------------------------------------------------------------------------------------


@composite(names=("unravel_index",))
def unravel_index(indices: Symbol, shape: Any) -> tuple[Symbol, ...]:
    """The coordinates in a tensor of `shape` of positions in that tensor flattened: one tensor a dim.

    >>> import powerhouse as torch
    >>> torch.unravel_index(torch.tensor([1, 5]), (2, 3))
    (tensor([0, 1]), tensor([1, 2]))
    """
    if indices.dtype.category != INTEGER:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    sizes = as_shape(shape, "unravel_index")
    found, rest = [], indices
    for n in reversed(sizes):
        found.append(rest % n)
        rest = rest // n
    return tuple(reversed(found))


unravel_index.samples(lambda draw: iter([Sample((np.array([[1, 5], [0, 23]]), (2, 3, 4)))]))
unravel_index.errors(lambda draw: iter([Bad((draw(2), (2, 3)), {}, TypeError, "integer dtype")]))
