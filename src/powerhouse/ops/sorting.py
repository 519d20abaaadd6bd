"""Order: sorting, selecting by rank, searching. NaN counts as larger than everything; equal elements keep their order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import COMPLEX
from ..core.returns import named_results
from ..core.shapes import wrap_dim
from ..graph.op import Bad, Sample, Type, cast, composite, primitive
from ..graph.symbol import Symbol
from .arithmetic import eq, ne, where
from .gather import gather_along
from .reduction import reduce_sum
from .shape import squeeze, with_size
from .views import reshape_to, zeros

SortResult = named_results("sort", "values indices")
TopkResult = named_results("topk", "values indices")
KthvalueResult = named_results("kthvalue", "values indices")
MedianResult = named_results("median", "values indices")
NanmedianResult = named_results("nanmedian", "values indices")
ModeResult = named_results("mode", "values indices")

# --- positions in order ----------------------------------------------------------------------------------------------------------


def comparable(x: Any) -> Any:
    """`x` in a dtype that NumPy sorts by value: half types as float32, with one kind of NaN."""
    return x.astype(np.float32) if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else x


def _order(x: Any, dim: int, descending: bool) -> Any:
    """Stable positions; a stable descending order is the ascending one of the reversed array, read backwards."""
    x = comparable(x)
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
    x = np.moveaxis(comparable(x), dim, -1)
    candidates = _in_best_blocks(x, k, largest) if x.shape[-1] // _BLOCK > 4 * k else _past_threshold(x, k, largest)
    if candidates is None:
        found = _order(x, -1, largest)[..., :k]
    else:
        order = _order(np.take_along_axis(x, candidates, -1), -1, largest)[..., :k]
        found = np.take_along_axis(candidates, order, -1)
    return np.moveaxis(found, -1, dim)


def _past_threshold(x: Any, k: int, largest: bool) -> Any:
    """Ascending positions of the top `k` along the last dim; None where equal elements or NaN leave that to the order.

    NumPy's partition of values is several times faster than its argpartition: the `k`-th best value is looked for, not its position.
    """
    rank = x.shape[-1] - k if largest else k - 1
    threshold = np.partition(x, rank, -1)[..., rank, None]
    chosen = ~(x < threshold) if largest else x <= threshold  # NaN is the largest
    if not (np.count_nonzero(chosen, axis=-1) == k).all():
        return None
    return np.nonzero(chosen)[-1].reshape(*x.shape[:-1], k)


_BLOCK = 32


def _in_best_blocks(x: Any, k: int, largest: bool) -> Any:
    """Ascending positions along the last dim among which the top `k` are.

    The top `k` lie in the `k` blocks with the best peaks: any other block has `k` peaks, each an element, above all it holds.
    """
    n = x.shape[-1]
    blocks = n // _BLOCK
    peaks = (np.maximum if largest else np.fmin).reduce(x[..., : blocks * _BLOCK].reshape(*x.shape[:-1], blocks, _BLOCK), axis=-1)
    best = np.argpartition(peaks, blocks - k, -1)[..., blocks - k :] if largest else np.argpartition(peaks, k - 1, -1)[..., :k]
    inside = np.sort(best, -1)[..., None] * _BLOCK + np.arange(_BLOCK)  # (..., k, block)
    rest = np.broadcast_to(np.arange(blocks * _BLOCK, n), (*x.shape[:-1], n - blocks * _BLOCK))
    return np.concatenate([inside.reshape(*x.shape[:-1], k * _BLOCK), rest], -1)


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
    _op.samples(
        lambda draw: iter(
            [
                Sample((draw(3, 4),)),
                Sample((draw(3, 4), 0, True)),
                Sample((draw(5, low=0, high=2, dtype="int64"), 0, True)),
                Sample((draw(),)),
            ]
        )
    )
    _op.errors(lambda draw: iter([Bad((draw(3), 1), {}, IndexError, "out of range")]))
msort.samples(lambda draw: iter([Sample((draw(3, 4),))]))
topk.samples(
    lambda draw: iter([Sample((draw(3, 5), 2)), Sample((draw(5, 3), 2, 0, False)), Sample((draw(2, 700), 3)), Sample((draw(3, 5), 1))])
)
topk.errors(lambda draw: iter([Bad((draw(3, 4), 5), {}, RuntimeError, "k out of range")]))

# --- one element by rank ---------------------------------------------------------------------------------------------------------


@primitive(differentiable=False)
def ranked_position(x: Symbol, dim: int, rank: int) -> Type:
    """The position along `dim`, kept with size 1, of the element that a stable sort would bring to place `rank`."""
    _refuse_complex(x, "kthvalue")
    return Type(with_size(x.shape, dim, 1), dt.int64)


@ranked_position.reference
def _(x: Any, dim: int, rank: int) -> Any:
    x = comparable(x)
    if x.dtype.kind == "f" and np.isnan(x).any():
        return np.take(np.argsort(x, axis=dim, kind="stable"), [rank], axis=dim)
    value = np.take(np.partition(x, rank, axis=dim), [rank], axis=dim)
    equals_before = rank - (x < value).sum(axis=dim, keepdims=True)
    return (np.cumsum(x == value, axis=dim, dtype=np.int32) > equals_before).argmax(axis=dim, keepdims=True)


@primitive(differentiable=False)
def middle_position(x: Symbol, dim: int, skip_nan: bool) -> Type:
    """The position of the lower median along `dim`, kept with size 1: the first NaN where there is one, unless `skip_nan`."""
    _refuse_complex(x, "median")
    return Type(with_size(x.shape, dim, 1), dt.int64)


@middle_position.reference
def _(x: Any, dim: int, skip_nan: bool) -> Any:
    x, n = comparable(x), x.shape[dim]
    nans = np.isnan(x) if x.dtype.kind == "f" else None
    if nans is None or not nans.any():
        return ranked_position.value(x, dim, (n - 1) // 2)
    count = n - nans.sum(axis=dim, keepdims=True)
    rank = (count - 1) // 2 if skip_nan else np.where(count == n, (count - 1) // 2, count)
    return np.take_along_axis(np.argsort(x, axis=dim, kind="stable"), np.maximum(rank, 0), axis=dim)


@primitive
def middle(x: Symbol, skip_nan: bool) -> Type:
    """The lower median of a vector."""
    _refuse_complex(x, "median")
    return Type((), x.dtype)


@middle.reference
def _(x: Any, skip_nan: bool) -> Any:
    if x.size == 0:
        return np.asarray(np.nan if x.dtype.kind not in "iub" else np.iinfo(x.dtype).min, x.dtype)
    nans = np.isnan(x) if x.dtype.kind not in "iub" else np.zeros(1, bool)
    if nans.any():
        return x[middle_position.value(x, 0, skip_nan)[0]]
    return np.partition(comparable(x), (x.size - 1) // 2)[(x.size - 1) // 2].astype(x.dtype)


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
    x = np.moveaxis(comparable(x), dim, -1)
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
    return _one(input, d, keepdim, *picked(input, ranked_position, d, k - 1))


for _op in (median, nanmedian):
    _op.samples(lambda draw: iter([Sample((draw(3, 4),)), Sample((draw(3, 4), 1)), Sample((draw(3, 4), 0, True)), Sample((draw(), 0))]))
    _op.errors(lambda draw: iter([Bad((draw(3, 0), 1), {}, IndexError, "non-zero size")]))
mode.samples(lambda draw: iter([Sample((draw(3, 5, dtype="int64", low=0, high=3),)), Sample((draw(3, 4), 0, True))]))
mode.errors(lambda draw: iter([Bad((draw(3, 0), 1), {}, IndexError, "non-zero size")]))
kthvalue.samples(lambda draw: iter([Sample((draw(3, 4), 2)), Sample((draw(3, 4), 1, 0, True))]))
kthvalue.errors(lambda draw: iter([Bad((draw(3), 4), {}, RuntimeError, "k out of range")]))
