"""Order: sorting, selecting by rank, searching. NaN counts as larger than everything; equal elements keep their order."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import COMPLEX
from ..core.shapes import wrap_dim
from ..graph.op import Bad, Operand, Sample, Static, Type, as_symbol, cast, composite, constant, constant_value, fit, primitive
from ..graph.symbol import Symbol
from .arithmetic import eq, ne, where
from .gather import gather_along
from .reduction import reduce_sum
from .shape import movedim, span, squeeze, with_size
from .views import reshape_to, zeros

SortResult = namedtuple("sort", "values indices")
TopkResult = namedtuple("topk", "values indices")
KthvalueResult = namedtuple("kthvalue", "values indices")
MedianResult = namedtuple("median", "values indices")
NanmedianResult = namedtuple("nanmedian", "values indices")
ModeResult = namedtuple("mode", "values indices")

# --- positions in order ---------------------------------------------------------------------------------------------------------


def _comparable(x: Any) -> Any:
    """`x` in a dtype that NumPy sorts by value: half types as float32, with one kind of NaN."""
    return x.astype(np.float32) if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else x


def _order(x: Any, dim: int, descending: bool) -> Any:
    """Stable positions; a stable descending order is the ascending one of the reversed array, read backwards."""
    x = _comparable(x)
    if not descending:
        return np.argsort(x, axis=dim, kind="stable")
    return x.shape[dim] - 1 - np.flip(np.argsort(np.flip(x, dim), axis=dim, kind="stable"), dim)


def _refuse_complex(x: Symbol, op: str) -> None:
    if x.dtype.category == COMPLEX:
        raise RuntimeError(f"{op}: complex tensors have no order; got {x.dtype}")


@primitive(differentiable=False)
def sorted_positions(x: Symbol, dim: int, descending: bool) -> Type:
    """The positions along `dim` that sort `x`, stably."""
    _refuse_complex(x, "sort")
    return Type(x.shape, dt.int64)


sorted_positions.reference(_order)


@primitive(differentiable=False)
def top_positions(x: Symbol, k: int, dim: int, largest: bool) -> Type:
    """The positions along `dim` of the `k` largest (or smallest) elements, in order."""
    _refuse_complex(x, "topk")
    return Type(with_size(x.shape, dim, k), dt.int64)


@top_positions.reference
def _(x: Any, k: int, dim: int, largest: bool) -> Any:
    if k == 1:
        return np.expand_dims((np.argmax if largest else np.argmin)(_comparable(x), axis=dim), dim) if largest or x.dtype.kind in "iub" else _first(_order(x, dim, False), 1, dim)
    return _first(_order(x, dim, largest), k, dim)


def _first(x: Any, k: int, dim: int) -> Any:
    return x[(slice(None),) * dim + (slice(k),)]


def lined(x: Symbol) -> Symbol:
    """`x` with at least one dim."""
    return reshape_to(x, (1,)) if x.ndim == 0 else x


def picked(input: Symbol, positions: Any, *args: Any) -> tuple[Symbol, Symbol]:
    """Values of `input` at the positions that a primitive finds along a dim, and those positions."""
    x = lined(input)
    index = positions(x, *args)
    values = gather_along(x, index, args[0] if positions is not top_positions else args[1])
    return (values, index) if input.ndim else (reshape_to(values, ()), reshape_to(index, ()))


@composite(returns=SortResult)
def sort(input: Symbol, dim: int = -1, descending: bool = False, *, stable: bool | None = None) -> Any:
    """`(values, indices)` in order along `dim`; always stable, NaN last (first where `descending`).

    >>> import powerhouse as torch
    >>> torch.sort(torch.tensor([3, 1, 2]), descending=True).indices
    tensor([0, 2, 1])
    """
    return picked(input, sorted_positions, wrap_dim(dim, input.ndim, "sort"), bool(descending))


@composite
def argsort(input: Symbol, dim: int = -1, descending: bool = False, stable: bool = False) -> Symbol:
    """The positions that sort `input` along `dim`.

    >>> import powerhouse as torch
    >>> torch.argsort(torch.tensor([3, 1, 2]))
    tensor([1, 2, 0])
    """
    return sort(input, dim, descending)[1]


@composite
def msort(input: Symbol) -> Symbol:
    """`input` sorted along its first dim."""
    return sort(input, 0)[0]


@composite(returns=TopkResult)
def topk(input: Symbol, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """`(values, indices)` of the `k` largest (or smallest) elements along `dim`, in order.

    >>> import powerhouse as torch
    >>> torch.topk(torch.tensor([1.0, 4.0, 2.0]), 2).values
    tensor([4., 2.])
    """
    d = wrap_dim(dim, input.ndim, "topk")
    if not 0 <= k <= (input.shape[d] if input.ndim else 1):
        raise RuntimeError(f"topk: selected index k out of range: got k={k} for dim {dim} of {list(input.shape)}")
    if k == 0 and input.ndim:
        return zeros(with_size(input.shape, d, 0), input.dtype), zeros(with_size(input.shape, d, 0), dt.int64)
    return picked(input, top_positions, k, d, bool(largest))


for _op in (sort, argsort):
    _op.samples(lambda draw: iter([Sample((draw(3, 4),)), Sample((draw(3, 4), 0, True)), Sample((draw(5, low=0, high=2, dtype="int64"), 0, True)), Sample((draw(),))]))
    _op.errors(lambda draw: iter([Bad((draw(3), 1), {}, IndexError, "out of range")]))
msort.samples(lambda draw: iter([Sample((draw(3, 4),))]))
topk.samples(lambda draw: iter([Sample((draw(3, 5), 2)), Sample((draw(5, 3), 2, 0, False)), Sample((draw(3, 5), 5)), Sample((draw(3, 5), 1))]))
topk.errors(lambda draw: iter([Bad((draw(3, 4), 5), {}, RuntimeError, "k out of range")]))

# --- one element by rank --------------------------------------------------------------------------------------------------------


@primitive(differentiable=False)
def middle_position(x: Symbol, dim: int, skip_nan: bool) -> Type:
    """The position of the lower median along `dim`, kept with size 1: the first NaN where there is one, unless `skip_nan`."""
    _refuse_complex(x, "median")
    return Type(with_size(x.shape, dim, 1), dt.int64)


@middle_position.reference
def _(x: Any, dim: int, skip_nan: bool) -> Any:
    x = _comparable(x)
    order, nans = np.argsort(x, axis=dim, kind="stable"), np.isnan(x) if x.dtype.kind == "f" else np.zeros(x.shape, bool)
    count = x.shape[dim] - nans.sum(axis=dim, keepdims=True)
    rank = (count - 1) // 2 if skip_nan else np.where(count == x.shape[dim], (count - 1) // 2, count)
    return np.take_along_axis(order, np.maximum(rank, 0), axis=dim)


@primitive
def middle(x: Symbol, skip_nan: bool) -> Type:
    """The lower median of a vector."""
    _refuse_complex(x, "median")
    return Type((), x.dtype)


@middle.reference
def _(x: Any, skip_nan: bool) -> Any:
    if x.size == 0:
        return np.asarray(np.nan if x.dtype.kind not in "iub" else np.iinfo(x.dtype).min, x.dtype)
    return x[middle_position.value(x, 0, skip_nan)[0]]


@middle.vjp
def _(g: Symbol, out: Symbol, x: Symbol, skip_nan: bool) -> Any:
    """The gradient is shared evenly by all elements that equal the median."""
    same = where(eq(out, out), cast(eq(x, out), g.dtype), cast(ne(x, x), g.dtype))
    return (same * (g / reduce_sum(same, (0,))),)


def _rank_args(input: Symbol, dim: int, op: str) -> int:
    d = wrap_dim(dim, input.ndim, op)
    if input.ndim and input.shape[d] == 0:
        raise IndexError(f"{op}(): Expected reduction dim {dim} to have non-zero size; got shape {list(input.shape)}")
    return d


def _one(input: Symbol, d: int, keepdim: bool, values: Symbol, index: Symbol) -> tuple[Symbol, Symbol]:
    """Results kept with size 1 along `d`, which is dropped unless `keepdim`."""
    if keepdim or not input.ndim:
        return values, index
    return squeeze(values, d), squeeze(index, d)


def _median(input: Symbol, dim: int | None, keepdim: bool, skip_nan: bool, op: str) -> Any:
    if dim is None:
        return middle(reshape_to(input, (input.numel,)), skip_nan)
    d = _rank_args(input, dim, op)
    return _one(input, d, keepdim, *picked(input, middle_position, d, skip_nan))


@composite(returns=MedianResult)
def median(input: Symbol, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower of the middle elements of all; with `dim`, `(values, indices)` along it. NaN where there is one.

    >>> import powerhouse as torch
    >>> torch.median(torch.tensor([4.0, 1.0, 3.0, 2.0]))
    tensor(2.)
    """
    return _median(input, dim, keepdim, False, "median")


@composite(returns=NanmedianResult)
def nanmedian(input: Symbol, dim: int | None = None, keepdim: bool = False) -> Any:
    """`median` of the elements that are not NaN."""
    return _median(input, dim, keepdim, True, "nanmedian")


@primitive(differentiable=False)
def mode_position(x: Symbol, dim: int) -> Type:
    """The last position along `dim` of the most frequent element (the smallest of several), kept with size 1."""
    return Type(with_size(x.shape, dim, 1), dt.int64)


@mode_position.reference
def _(x: Any, dim: int) -> Any:
    x = np.moveaxis(_comparable(x), dim, -1)
    order = np.argsort(x, axis=-1, kind="stable")
    ranked, n = np.take_along_axis(x, order, -1), x.shape[-1]
    change = ranked[..., 1:] != ranked[..., :-1]
    edge = np.ones((*x.shape[:-1], 1), bool)
    starts = np.maximum.accumulate(np.where(np.concatenate([edge, change], -1), np.arange(n), 0), axis=-1)
    lengths = np.where(np.concatenate([change, edge], -1), np.arange(n) - starts + 1, 0)  # of each run, at its end
    return np.moveaxis(np.take_along_axis(order, lengths.argmax(-1)[..., None], -1), -1, dim)


@composite(returns=ModeResult)
def mode(input: Symbol, dim: int = -1, keepdim: bool = False) -> Any:
    """`(values, indices)` of the most frequent element along `dim`; of several, the smallest.

    >>> import powerhouse as torch
    >>> torch.mode(torch.tensor([1, 2, 2, 3])).values
    tensor(2)
    """
    _refuse_complex(input, "mode")
    d = _rank_args(input, dim, "mode")
    return _one(input, d, keepdim, *picked(input, mode_position, d))


@composite(returns=KthvalueResult)
def kthvalue(input: Symbol, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """`(values, indices)` of the `k`-th smallest element along `dim`, counted from 1.

    >>> import powerhouse as torch
    >>> torch.kthvalue(torch.tensor([3.0, 1.0, 2.0]), 2).values
    tensor(2.)
    """
    d = wrap_dim(dim, input.ndim, "kthvalue")
    x = lined(input)
    if not 1 <= k <= x.shape[d]:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {dim}: got k={k} for {list(input.shape)}")
    index = span(sorted_positions(x, d, False), d, k - 1, 1)
    values = gather_along(x, index, d)
    if not input.ndim:
        return reshape_to(values, ()), reshape_to(index, ())
    return _one(input, d, keepdim, values, index)


for _op in (median, nanmedian):
    _op.samples(lambda draw: iter([Sample((draw(3, 4),)), Sample((draw(3, 4), 1)), Sample((draw(3, 4), 0, True)), Sample((draw(), 0))]))
    _op.errors(lambda draw: iter([Bad((draw(3, 0), 1), {}, IndexError, "non-zero size")]))
mode.samples(lambda draw: iter([Sample((draw(3, 5, dtype="int64", low=0, high=3),)), Sample((draw(3, 4), 0, True))]))
mode.errors(lambda draw: iter([Bad((draw(3, 0), 1), {}, IndexError, "non-zero size")]))
kthvalue.samples(lambda draw: iter([Sample((draw(3, 4), 2)), Sample((draw(3, 4), 1, 0, True))]))
kthvalue.errors(lambda draw: iter([Bad((draw(3), 4), {}, RuntimeError, "k out of range")]))

# --- quantiles ------------------------------------------------------------------------------------------------------------------


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


@composite
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


@composite
def nanquantile(input: Symbol, q: Static, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear") -> Symbol:
    """`quantile` of the elements that are not NaN."""
    return _quantile(input, as_symbol(q), dim, keepdim, interpolation, True, "nanquantile")


for _op in (quantile, nanquantile):
    _op.samples(lambda draw: iter([Sample((draw(3, 5), 0.3)), Sample((draw(3, 4), draw(2, low=0, high=1), 1)), Sample((draw(3, 4), 0.6, 0, True), {"interpolation": "nearest"})]))
    _op.errors(lambda draw: iter([Bad((draw(3), 1.5), {}, RuntimeError, "range"), Bad((draw(3), draw(2, 2)), {}, RuntimeError, "scalar or 1D"),
                                  Bad((draw(3, dtype="int64"), 0.5), {}, RuntimeError, "float or double")]))

# --- searching ------------------------------------------------------------------------------------------------------------------


@primitive(differentiable=False)
def search(sequence: Symbol, values: Symbol, right: bool) -> Type:
    """Where `values` would be inserted in `sequence` (sorted along its last dim) to keep it sorted."""
    return Type(values.shape, dt.int64)


@search.reference
def _(sequence: Any, values: Any, right: bool) -> Any:
    side = "right" if right else "left"
    sequence, values = _comparable(sequence), _comparable(np.asarray(values))
    if sequence.ndim == 1:
        return np.searchsorted(sequence, values, side)
    out = np.empty(values.shape, np.int64)
    for row in np.ndindex(*values.shape[:-1]):
        out[row] = np.searchsorted(sequence[row], values[row], side)
    return out


def _search(sequence: Symbol, values: Symbol, right: bool, out_int32: bool, op: str) -> Symbol:
    if sequence.ndim == 0:
        raise RuntimeError(f"torch.{op}(): boundary tensor should have positive dimension, but got 0 dimension")
    if sequence.ndim > 1 and sequence.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(f"torch.{op}(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and input value tensor must match, "
                           f"but we got boundaries tensor {list(sequence.shape)} and input value tensor {list(values.shape)}")
    if not values.weak and values.dtype is not sequence.dtype:
        raise RuntimeError(f"torch.{op}(): input value tensor and boundary tensor should have same dtype, but got {values.dtype} and {sequence.dtype}")
    if values.weak and sequence.ndim > 1:
        raise RuntimeError(f"torch.{op}(): input value can be a scalar only when boundaries tensor dimension is 1, but we got boundaries tensor dim({sequence.ndim})")
    found = search(sequence, values, right)
    return cast(found, dt.int32) if out_int32 else found


@composite
def searchsorted(sorted_sequence: Symbol, input: Operand, *, out_int32: bool = False, right: bool = False, side: str | None = None, sorter: Symbol | None = None) -> Symbol:
    """Where `input` would be inserted in `sorted_sequence` to keep it sorted along its last dim: before equal elements, or after them if `right`.

    Args:
        sorter: positions that sort `sorted_sequence`, where it is not sorted.

    >>> import powerhouse as torch
    >>> torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([3, 6]))
    tensor([1, 3])
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError("torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True")
    sequence = sorted_sequence
    if sorter is not None:
        if sorter.shape != sequence.shape:
            raise RuntimeError(f"torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor {list(sequence.shape)} and got sorter tensor {list(sorter.shape)}")
        if sorter.dtype is not dt.int64:
            raise RuntimeError(f"torch.searchsorted(): sorter must be a tensor of long dtype but got dtype {sorter.dtype}")
        sequence = gather_along(sequence, sorter, sequence.ndim - 1)
    return _search(sequence, as_symbol(input), right or side == "right", out_int32, "searchsorted")


@composite
def bucketize(input: Operand, boundaries: Symbol, *, out_int32: bool = False, right: bool = False) -> Symbol:
    """The bucket of each element among sorted `boundaries`: an element equal to one belongs below it, or above it if `right`.

    >>> import powerhouse as torch
    >>> torch.bucketize(torch.tensor([0.5, 2.0]), torch.tensor([1.0, 2.0]))
    tensor([0, 1])
    """
    if boundaries.ndim != 1:
        raise RuntimeError(f"bucketize: boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return _search(boundaries, as_symbol(input), right, out_int32, "searchsorted")


searchsorted.samples(lambda draw: iter([Sample((np.array([1, 3, 5]), np.array([[0, 3], [5, 7]])), {"right": True}), Sample((np.array([1.0, 3.0]), 2.0))]))
searchsorted.errors(lambda draw: iter([Bad((draw(2, 3), draw(3, 3)), {}, RuntimeError, "must match"), Bad((draw(3), draw(3)), {"side": "left", "right": True}, RuntimeError, "opposites")]))
bucketize.samples(lambda draw: iter([Sample((draw(2, 3), np.array([-1.0, 0.0, 1.0], np.float32))), Sample((0.5, np.array([-1.0, 0.0, 1.0])))]))
bucketize.errors(lambda draw: iter([Bad((draw(2), draw(2, 2)), {}, RuntimeError, "1 dimension")]))

__all__ = ["lined", "picked", "sort", "sorted_positions", "topk"]
