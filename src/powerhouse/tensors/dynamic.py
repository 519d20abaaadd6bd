"""Functions whose output shape depends on values: they realize, and find positions with NumPy; gradients are recorded as usual."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.returns import named_results
from ..core.shapes import broadcast, wrap_dim
from ..graph.op import REGISTRY
from ..graph.symbol import Type
from ._tensor import Tensor
from .apply import apply, assign, is_tensor, wrap_array
from .indexing import _mask_to_indices as mask_to_indices

HistogramResult = named_results("histogram", "hist bin_edges")
HistogramddResult = named_results("histogramdd", "hist bin_edges")


def _op(name: str, *args: Any) -> Any:
    return apply(REGISTRY[name], args)


def _tensor(array: Any, dtype: Any = None) -> Tensor:
    """A tensor around a new array."""
    found = dtype or dt.from_numpy(array.dtype, "tensor")
    return wrap_array(np.ascontiguousarray(array, found.numpy).reshape(array.shape), Type(array.shape, found))


def _require_tensor(op: str, **given: Any) -> None:
    for name, x in given.items():
        if not is_tensor(x):
            raise TypeError(f"{op}(): argument '{name}' must be Tensor, not {type(x).__name__}")


def _finish(result: Tensor, out: Tensor | None) -> Tensor:
    """`result`, or `out` resized to hold it."""
    if out is None:
        return result
    return out.resize_(result.shape).copy_(result)  # type: ignore[attr-defined]


# --- positions of what is not zero ------------------------------------------------------------------------------------------------


def nonzero(input: Tensor, *, out: Tensor | None = None, as_tuple: bool = False) -> Any:
    """The positions of the elements that are not zero, in row-major order: int64 (count, ndim), or a tuple of a vector a dim.

    >>> import powerhouse as torch
    >>> torch.nonzero(torch.tensor([[0, 1], [2, 0]]))
    tensor([[0, 1],
            [1, 0]])
    """
    _require_tensor("nonzero", input=input)
    array = input._array()
    if as_tuple:
        return tuple(_tensor(i) for i in np.nonzero(np.atleast_1d(array)))
    return _finish(_tensor(np.argwhere(array)), out)


def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1, out: Tensor | None = None) -> Tensor:
    """`nonzero` in exactly `size` rows: cut, or filled up with `fill_value`."""
    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    found = np.argwhere(input._array())[:size]
    rows = np.full((size, input.ndim), fill_value, np.int64)
    rows[: len(found)] = found
    return _finish(_tensor(rows), out)


def argwhere(input: Tensor) -> Tensor:
    """The positions of the elements that are not zero: int64 (count, ndim)."""
    return nonzero(input)


def where(condition: Tensor, input: Any = None, other: Any = None, *, out: Tensor | None = None) -> Any:
    """`input` where `condition` holds, else `other`; with `condition` alone, `nonzero(condition, as_tuple=True)`.

    >>> import powerhouse as torch
    >>> torch.where(torch.tensor([0, 1, 1]))
    (tensor([1, 2]),)
    >>> torch.where(torch.tensor([True, False]), 1.0, 2.0)
    tensor([1., 2.])
    """
    _require_tensor("where", condition=condition)
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if input is None or other is None:
        raise TypeError("where(): expected both `input` and `other`, or neither")
    result = _op("where", condition, input, other)
    return result if out is None else _finish(result, out)


def where_method(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """`self` where `condition` holds, else `other`."""
    return where(condition, self, other)


def masked_select(input: Tensor, mask: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The elements of `input` where `mask` (bool, broadcast against it) holds, as a vector.

    >>> import powerhouse as torch
    >>> torch.masked_select(torch.tensor([1, 2, 3]), torch.tensor([True, False, True]))
    tensor([1, 3])
    """
    _require_tensor("masked_select", input=input, mask=mask)
    if mask.dtype is not dt.bool_:
        raise RuntimeError(f"masked_select: expected BoolTensor for mask, got {mask.dtype}")
    shape = broadcast((tuple(input.shape), tuple(mask.shape)), "masked_select")
    positions = np.flatnonzero(np.broadcast_to(mask._array(), shape))
    return _finish(_op("take", _op("broadcast_to", input, shape), _tensor(positions)), out)


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """`input` with its elements where `mask` holds replaced by those of `source`, in order."""
    _require_tensor("masked_scatter", input=input, mask=mask, source=source)
    if mask.dtype is not dt.bool_:
        raise RuntimeError(f"masked_scatter_: expected BoolTensor for mask, got {mask.dtype}")
    if source.dtype is not input.dtype:
        raise RuntimeError(f"masked_scatter_: expected self and source to have same dtypes but got {input.dtype} and {source.dtype}")
    shape = broadcast((tuple(input.shape), tuple(mask.shape)), "masked_scatter")
    positions = np.flatnonzero(np.broadcast_to(mask._array(), shape))
    if len(positions) > source.numel():
        raise RuntimeError(
            f"masked_scatter: Number of elements of source < number of ones in mask: got {source.numel()} for {len(positions)}"
        )
    values = _op("flatten", source)[: len(positions)]
    return _op("put", _op("broadcast_to", input, shape), _tensor(positions), values)


def masked_scatter_(self: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """Replace the elements where `mask` (broadcast to this tensor) holds by those of `source`, in order."""
    return self.copy_(masked_scatter(self, mask, source))  # type: ignore[attr-defined]


# --- distinct elements, counts ----------------------------------------------------------------------------------------------------


def _several(values: Any, inverse: Any, counts: Any, dtype: Any, return_inverse: bool, return_counts: bool) -> Any:
    results = [_tensor(values, dtype)] + ([_tensor(inverse)] if return_inverse else []) + ([_tensor(counts)] if return_counts else [])
    return results[0] if len(results) == 1 else tuple(results)


def _sortable(x: Any) -> Any:
    """Half types as float32: NumPy's `unique` knows nothing of them."""
    return x.astype(np.float32) if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else x


def unique(input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
    """The distinct elements of `input`, sorted; with `dim`, its distinct slices along it.

    Args:
        return_inverse: also where each element of `input` went (the shape of `input`, or a vector with `dim`).
        return_counts: also how often each occurs.

    Every NaN is distinct.

    >>> import powerhouse as torch
    >>> torch.unique(torch.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    _require_tensor("unique", input=input)
    array = _sortable(input._array())
    axis = None if dim is None else wrap_dim(dim, input.ndim, "unique")
    if axis is not None and array.ndim and 0 in array.shape:
        if array.shape[axis]:
            raise RuntimeError(
                f"unique: There are 0 sized dimensions, and they aren't selected, so unique cannot be applied; got {list(array.shape)}"
            )
        empty = np.zeros(0, np.int64)
        return _several(array, empty, empty, input.dtype, return_inverse, return_counts)
    values, inverse, counts = np.unique(
        array if array.ndim or axis is None else array[None], return_inverse=True, return_counts=True, axis=axis, equal_nan=False
    )
    return _several(
        values if array.ndim or axis is None else values.reshape(()),
        inverse.reshape(array.shape if axis is None else -1),
        counts,
        input.dtype,
        return_inverse,
        return_counts,
    )


def unique_consecutive(input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> Any:
    """The first of each run of equal elements (with `dim`, of equal slices along it).

    >>> import powerhouse as torch
    >>> torch.unique_consecutive(torch.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    _require_tensor("unique_consecutive", input=input)
    array = _sortable(input._array())
    axis = None if dim is None else wrap_dim(dim, input.ndim, "unique_consecutive")
    lines = array.reshape(-1) if axis is None else np.moveaxis(np.atleast_1d(array), axis, 0)
    n = len(lines)
    differs = (lines[1:] != lines[:-1]).any(axis=tuple(range(1, lines.ndim)))
    first = np.concatenate([np.ones(min(n, 1), bool), differs])
    starts = np.flatnonzero(first)
    values = lines[starts] if axis is None else np.moveaxis(lines[starts], 0, axis)
    inverse = (np.cumsum(first) - 1).reshape(array.shape if axis is None else -1)
    return _several(values, inverse, np.diff(np.append(starts, n)), input.dtype, return_inverse, return_counts)


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2, ... occurs in a vector of non-negative integers, or the sum of its `weights`.

    >>> import powerhouse as torch
    >>> torch.bincount(torch.tensor([1, 1, 3]))
    tensor([0, 2, 0, 1])
    """
    _require_tensor("bincount", input=input)
    array = input._array()
    if input.dtype.category != dt.INTEGER:
        raise RuntimeError(f"bincount: input must be an integer tensor, got {input.dtype}")
    if minlength < 0:
        raise RuntimeError(f"bincount: minlength should be >= 0, got {minlength}")
    if array.ndim != 1 or (array.size and array.min() < 0):
        raise RuntimeError(f"bincount only supports 1-d non-negative integral inputs; got {list(array.shape)}")
    if weights is None:
        return _tensor(np.bincount(array, minlength=minlength).astype(np.int64))
    if tuple(weights.shape) != tuple(input.shape):
        raise RuntimeError(
            f"bincount: weights should be 1-d and have the same length as input, got {list(weights.shape)} and {list(input.shape)}"
        )
    result = dt.float32 if weights.dtype is dt.float32 else dt.float64
    return _tensor(np.bincount(array, weights._array().astype(np.float64), minlength), result)


def _bounds(array: Any, low: float, high: float, margin: float, op: str) -> tuple[float, float]:
    """The range of a histogram: the elements' own where `low` equals `high`, widened by `margin` where it is a point."""
    if low == high and array.size:
        low, high = float(array.min()), float(array.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RuntimeError(f"{op}: range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"{op}: max must be larger than min, got {low} and {high}")
    return (low - margin, high + margin) if low == high else (low, high)


def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0, *, out: Tensor | None = None) -> Tensor:
    """How many elements lie in each of `bins` equal parts of [min, max] (of the elements' own range where the two are equal).

    >>> import powerhouse as torch
    >>> torch.histc(torch.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3)
    tensor([0., 2., 1., 0.])
    """
    _require_tensor("histc", input=input)
    if bins <= 0:
        raise RuntimeError(f"histc: bins must be > 0, got {bins}")
    if input.dtype.category not in (dt.FLOAT, dt.INTEGER):
        raise RuntimeError(f"histc: not implemented for {input.dtype}")
    array = _sortable(input._array()).reshape(-1)
    low, high = _bounds(array, min, max, 1.0, "histc")
    inside = array[(array >= low) & (array <= high)].astype(np.float64)
    place = np.minimum(((inside - low) * bins / (high - low)).astype(np.int64), bins - 1)
    return _finish(_tensor(np.bincount(place, minlength=bins), input.dtype), out)


def histogram(
    input: Tensor, bins: Any, *, range: tuple[float, float] | None = None, weight: Tensor | None = None, density: bool = False
) -> Any:
    """`(hist, bin_edges)`: how many elements (or the sum of their `weight`) lie in each bin; the last bin holds its right edge.

    Args:
        bins: a number of equal bins, or a vector of increasing edges.
        range: the first and last edge, for a number of bins.
        density: divide by the total and the bins' widths.
    """
    _require_tensor("histogram", input=input)
    if input.dtype.category != dt.FLOAT:
        raise RuntimeError(f"histogram: input must be a floating point tensor, got {input.dtype}")
    array = input._array().reshape(-1)
    if is_tensor(bins):
        if bins.dtype is not input.dtype:
            raise RuntimeError(f"torch.histogram: bins tensor and input should have the same dtype, but got {bins.dtype} and {input.dtype}")
        edges = bins._array()
    else:
        if bins <= 0:
            raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins}")
        low, high = _bounds(array, *(range or (0.0, 0.0 if array.size else 1.0)), 0.5, "torch.histogram")
        edges = np.linspace(low, high, bins + 1).astype(input.dtype.numpy)
    weights = None if weight is None else weight._array().reshape(-1).astype(np.float64)
    place = np.searchsorted(edges, array, "right") - 1
    place = np.where(array == edges[-1], len(edges) - 2, place)
    inside = (place >= 0) & (place < len(edges) - 1) & (array == array)
    hist = np.bincount(place[inside], None if weights is None else weights[inside], minlength=len(edges) - 1).astype(np.float64)
    if density:
        hist = hist / hist.sum() / np.diff(edges)
    return HistogramResult(_tensor(hist, input.dtype), _tensor(edges, input.dtype))


def histogramdd(input: Tensor, bins: Any, *, range: Any = None, weight: Tensor | None = None, density: bool = False) -> Any:
    """`(hist, bin_edges)` of points, the rows of `input` (..., dims), in the boxes of a grid.

    Args:
        bins: a number of bins for all dims or for each, or a vector of edges for each.
        range: first and last edge of every dim, one after another.
    """
    _require_tensor("histogramdd", input=input)
    if input.ndim < 2:
        raise RuntimeError(f"torch.histogramdd(): input tensor should have at least 2 dimensions, but got {input.ndim}")
    points = input._array().reshape(-1, input.shape[-1]).astype(np.float64)
    if is_tensor(bins) or isinstance(bins, int):
        bins = [bins] * points.shape[1]
    edges = [b._array().astype(np.float64) if is_tensor(b) else int(b) for b in bins]
    limits = None if range is None else np.reshape(range, (-1, 2))
    weights = None if weight is None else weight._array().reshape(-1).astype(np.float64)
    hist, found = np.histogramdd(points, edges, limits, density, weights)
    return HistogramddResult(_tensor(hist, input.dtype), tuple(_tensor(e, input.dtype) for e in found))


# --- repeats by a tensor, membership --------------------------------------------------------------------------------------------


def repeat_interleave(input: Tensor, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
    """Each position along `dim` as often as `repeats` (a number, or an int tensor with one count a position) says.

    With `dim=None`, `input` is flattened. Given one tensor alone, position `i` occurs `input[i]` times.

    >>> import powerhouse as torch
    >>> torch.tensor([1, 2]).repeat_interleave(torch.tensor([2, 1]))
    tensor([1, 1, 2])
    """
    _require_tensor("repeat_interleave", input=input)
    if repeats is None:
        return _tensor(np.repeat(np.arange(input.numel()), _counts(input)))
    if not is_tensor(repeats):
        return _op("repeat_interleave", input, int(repeats), dim)
    x = _op("flatten", input) if dim is None or input.ndim == 0 else input
    d = wrap_dim(dim or 0, x.ndim, "repeat_interleave")
    counts, n = _counts(repeats), x.shape[d]
    if counts.size not in (1, n):
        raise RuntimeError(
            f"repeat_interleave: repeats must have the same size as input along dim, but got repeats.size(0) = {counts.size} "
            f"and input.size({d}) = {n}"
        )
    return _op("index_select", x, d, _tensor(np.repeat(np.arange(n), np.broadcast_to(counts, n))))


def _counts(repeats: Tensor) -> Any:
    if repeats.dtype not in (dt.int32, dt.int64):
        raise RuntimeError(f"repeat_interleave: repeats has to be Long or Int tensor, got {repeats.dtype}")
    counts = repeats._array()
    if counts.ndim > 1:
        raise RuntimeError(f"repeat_interleave: repeats must be 0-dim or 1-dim tensor, got {list(counts.shape)}")
    if counts.size and counts.min() < 0:
        raise RuntimeError("repeat_interleave: repeats can not be negative")
    return counts


def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each element occurs (or, with `invert`, does not occur) among `test_elements`. One of the two may be a number.

    >>> import powerhouse as torch
    >>> torch.isin(torch.tensor([1, 2, 3]), torch.tensor([2, 5]))
    tensor([False,  True, False])
    """
    a, b = (_sortable(x._array()) if is_tensor(x) else np.asarray(x) for x in (elements, test_elements))
    return _tensor(np.isin(a, b, assume_unique=False, invert=invert))


def tensor_split(
    input: Tensor, indices_or_sections: Any = None, dim: int = 0, *, sections: int | None = None, indices: Any = None
) -> Sequence[Tensor]:
    """Pieces of `input` along `dim`: a number of nearly equal ones, or those between the given positions (ints or a tensor).

    >>> import powerhouse as torch
    >>> torch.tensor_split(torch.arange(4), (1, 2))
    (tensor([0]), tensor([1]), tensor([2, 3]))
    """
    at = next((a for a in (indices_or_sections, sections, indices) if a is not None), None)
    if at is None:
        raise TypeError("tensor_split() missing 1 required positional arguments: 'indices_or_sections'")
    if is_tensor(at):
        if at.ndim > 1 or at.dtype is not dt.int64:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional long tensor, "
                f"got {at.dtype} {list(at.shape)}"
            )
        at = at.tolist()
    return _op("tensor_split", input, at, dim)


def index_put(input: Tensor, indices: Sequence[Any], values: Tensor, accumulate: bool = False) -> Tensor:
    """`input` after `input[indices] = values` (or `+=` where `accumulate`); `indices` are int or bool tensors, None for a whole dim.

    >>> import powerhouse as torch
    >>> torch.zeros(3).index_put((torch.tensor([0, 0]),), torch.tensor(1.0), accumulate=True)
    tensor([2., 0., 0.])
    """
    found: list[Any] = []
    for i in indices:
        masks = i is not None and i.dtype in (dt.bool_, dt.uint8)
        found += mask_to_indices(i, tuple(input.shape[len(found) : len(found) + i.ndim]), len(found)) if masks else [i]
    return _op("index_put_function", input, tuple(found), values, bool(accumulate))


def index_put_(self: Tensor, indices: Sequence[Any], values: Tensor, accumulate: bool = False) -> Tensor:
    """`self[indices] = values`, or `+=` where `accumulate`."""
    assign(self, index_put(self, indices, values, accumulate), "index_put_")
    return self


# --- Python functions of elements -------------------------------------------------------------------------------------------------


def is_nonzero(input: Tensor) -> bool:
    """Whether the only element of `input` is not zero."""
    if input.numel() != 1:
        raise RuntimeError(f"is_nonzero: Boolean value of Tensor with {input.numel()} values is ambiguous")
    return bool(input)


def apply_(self: Tensor, function: Callable[[Any], Any]) -> Tensor:
    """Replace each element by `function(element)`: Python, one element at a time."""
    return _mapped(self, function, (self,), "apply_")


def map_(self: Tensor, tensor: Tensor, function: Callable[[Any, Any], Any]) -> Tensor:
    """Replace each element by `function(element, element of tensor)`."""
    return _mapped(self, function, (self, tensor), "map_")


def map2_(self: Tensor, x: Tensor, y: Tensor, function: Callable[[Any, Any, Any], Any]) -> Tensor:
    """Replace each element by `function(element, element of x, element of y)`."""
    return _mapped(self, function, (self, x, y), "map2_")


def _mapped(x: Tensor, function: Callable[..., Any], sources: tuple[Tensor, ...], op: str) -> Tensor:
    if any(s.requires_grad for s in sources):
        raise TypeError(f"Can't call {op}() on Variable that requires grad. Use var.detach().{op}() instead.")
    columns = [np.broadcast_to(s._array(), tuple(x.shape)).reshape(-1).tolist() for s in sources]
    values = np.array(list(map(function, *columns)), x.dtype.numpy).reshape(tuple(x.shape))
    return x.copy_(_tensor(values, x.dtype))  # type: ignore[attr-defined]


# Methods of Tensor by name.
METHODS = {
    "nonzero": nonzero,
    "argwhere": argwhere,
    "where": where_method,
    "masked_select": masked_select,
    "masked_scatter": masked_scatter,
    "masked_scatter_": masked_scatter_,
    "unique": unique,
    "unique_consecutive": unique_consecutive,
    "bincount": bincount,
    "histc": histc,
    "histogram": histogram,
    "repeat_interleave": repeat_interleave,
    "isin": isin,
    "tensor_split": tensor_split,
    "nonzero_static": nonzero_static,
    "is_nonzero": is_nonzero,
    "apply_": apply_,
    "map_": map_,
    "map2_": map2_,
    "index_put": index_put,
    "index_put_": index_put_,
}
for _name, _method in METHODS.items():
    setattr(Tensor, _name, _method)

__all__ = [
    "argwhere",
    "bincount",
    "histc",
    "histogram",
    "histogramdd",
    "index_put",
    "index_put_",
    "is_nonzero",
    "isin",
    "masked_scatter",
    "masked_select",
    "nonzero",
    "nonzero_static",
    "repeat_interleave",
    "tensor_split",
    "unique",
    "unique_consecutive",
    "where",
]
