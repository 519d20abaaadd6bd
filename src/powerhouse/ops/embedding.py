"""Tables looked up by index: embeddings, bags of them, one-hot vectors. Also the bilinear form."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import FLOAT, INTEGER
from ..graph.op import Bad, Sample, cast, composite, constant, fit, primitive, with_value
from ..graph.symbol import Symbol, Type
from .arithmetic import eq, maximum, ne, where
from .composite.distance import norm_over
from .indexing import index_get, index_put
from .matmul import product, turned
from .reduction import iota_along
from .views import reduce_sum, reshape_to, restore, zeros


@primitive(differentiable=False, cheap=True)
def checked_index(index: Symbol, size: int, message: str) -> Type:
    """`index`; running it raises IndexError with `message` (of `{}`, an offender) unless each is in 0 ... `size` - 1."""
    return index.type


@checked_index.reference
def _(index: Any, size: int, message: str) -> Any:
    if index.size and (index.min() < 0 or index.max() >= size):
        raise IndexError(message.format(index[(index < 0) | (index >= size)].flat[0]))
    return index


def _rows(weight: Symbol, index: Symbol, op: str) -> Symbol:
    """`weight[index]` for flat `index`: one row each."""
    found = checked_index(index, weight.shape[0], f"{op}: index out of range in self: got {{}} for a table of {weight.shape[0]} rows")
    return index_get((weight, found), (0,))


def _check_table(input: Symbol, weight: Symbol, op: str) -> None:
    if weight.ndim != 2:
        raise RuntimeError(f"{op}: 'weight' must be 2-D, got {list(weight.shape)}")
    if input.dtype not in (dt.int64, dt.int32):
        raise RuntimeError(
            f"{op}: Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but "
            f"got {input.dtype} instead"
        )


def _wrapped(padding_idx: int | None, rows: int, op: str) -> int | None:
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise AssertionError(f"{op}: Padding_idx must be within num_embeddings; got {padding_idx} for {rows} rows")
    return padding_idx % rows


def _counts(index: Symbol, rows: int, kind: dt.dtype) -> Symbol:
    """How often each of `rows` numbers is in the flat `index`."""
    return index_put((zeros((rows,), kind), fit(constant(1), kind, index.shape), index), (0,), True)


@composite(names=("nn.functional.embedding",))
def embedding(
    input: Symbol,
    weight: Symbol,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Symbol:
    """The rows of `weight` (num, dim) at the indices `input` (int64 or int32, any shape): (*input, dim).

    Rows at `padding_idx` get no gradient; `scale_grad_by_freq` divides gradients by how often the index is in `input`. `sparse` is
    accepted, the gradient is dense. `max_norm` (rows with a larger `norm_type`-norm are scaled down in place) is done by
    `nn.functional.embedding`. An index out of range raises IndexError when the values are computed.

    >>> import powerhouse as torch
    >>> torch.nn.functional.embedding(torch.tensor([1, 0]), torch.eye(2))
    tensor([[0., 1.],
            [1., 0.]])
    """
    _check_table(input, weight, "embedding")
    padding = _wrapped(padding_idx, weight.shape[0], "embedding")
    flat = reshape_to(input, (input.numel,))
    out = _rows(weight, flat, "embedding")
    share = out
    if scale_grad_by_freq:
        often = index_get((_counts(flat, weight.shape[0], weight.dtype), flat), (0,))
        share = share / reshape_to(often, (flat.numel, 1))
    if padding is not None:
        share = where(reshape_to(eq(flat, padding), (flat.numel, 1)), zeros(out.shape, out.dtype), share)
    if share is not out:
        out = with_value(share, out)
    return reshape_to(out, (*input.shape, weight.shape[1]))


@embedding.samples
def _(draw: Any) -> Any:
    yield Sample((np.array([[1, 0, 2], [2, 2, 3]]), draw(4, 3)))
    yield Sample((np.array([1, 3, 3]), draw(4, 3)), {"padding_idx": -1}, only="forward")
    yield Sample((np.array([1, 3, 3], np.int32), draw(4, 3)), {"scale_grad_by_freq": True}, only="forward")
    yield Sample((np.array(2), draw(4, 3)))
    yield Sample((np.zeros((0,), np.int64), draw(4, 3)))


@embedding.errors
def _(draw: Any) -> Any:
    yield Bad((draw(3), draw(4, 3)), {}, RuntimeError, "Long, Int")
    yield Bad((np.array([4]), draw(4, 3)), {}, IndexError, "out of range")
    yield Bad((np.array([-1]), draw(4, 3)), {}, IndexError, "out of range")
    yield Bad((np.array([1]), draw(4, 3), 4), {}, AssertionError, "within num_embeddings")
    yield Bad((np.array([1]), draw(4)), {}, RuntimeError, "2-D")


@composite(names=(), name="embedding_renorm", out=False)
def embedding_renorm(weight: Symbol, index: Symbol, max_norm: float, norm_type: float = 2.0) -> Symbol:
    """`weight` with those of its rows that are in `index` and have a norm above `max_norm` scaled down to it."""
    _check_table(index, weight, "embedding_renorm")
    used = _counts(reshape_to(index, (index.numel,)), weight.shape[0], dt.int64) > 0
    size = norm_over(weight, float(norm_type), (1,))
    scale = where(used & (size > max_norm), max_norm / (size + 1e-7), constant(1.0))
    return weight * restore(scale, (1,), weight.shape)


embedding_renorm.samples(lambda draw: iter([Sample((draw(4, 3), np.array([1, 3]), 1.0))]))

# --- bags ------------------------------------------------------------------------------------


@primitive(differentiable=False)
def bag_of(offsets: Symbol, n: int) -> Type:
    """The bag of each of `n` positions, when bag `b` begins at `offsets[b]`."""
    return Type((n,), dt.int64)


@bag_of.reference
def _(offsets: Any, n: int) -> Any:
    if offsets.size and offsets[0] != 0:
        raise RuntimeError(
            "embedding_bag: offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from "
            f"position 0. However, got {offsets[0]}"
        )
    if offsets.size and offsets[-1] > n:
        raise RuntimeError(f"embedding_bag: offsets[-1] can not be greater than input's length {n}, but got {offsets[-1]}")
    return np.searchsorted(offsets, np.arange(n), "right") - 1


@primitive(differentiable=False)
def bag_argmax(rows: Symbol, bag: Symbol, kept: Symbol, bags: int) -> Type:
    """For each bag and column, the first row of the maximum among the rows of the bag that are kept; -1 where there is none."""
    return Type((bags, rows.shape[1]), dt.int64)


@bag_argmax.reference
def _(rows: Any, bag: Any, kept: Any, bags: int) -> Any:
    best = np.full((bags, rows.shape[1]), -1, np.int64)
    at = np.flatnonzero(kept)
    if at.size:
        filled, starts, place = np.unique(bag[at], return_index=True, return_inverse=True)
        values = rows[at]
        largest = np.maximum.reduceat(values, starts, axis=0)[place]
        first = np.where((values == largest) | (values != values), at[:, None], len(rows))
        best[filled] = np.minimum.reduceat(first, starts, axis=0)
    return best


def _bags(input: Symbol, offsets: Symbol | None, last: bool) -> tuple[Symbol, int]:
    """The bag of each index, and how many bags there are."""
    if input.ndim == 2:
        if offsets is not None:
            raise ValueError(
                "embedding_bag: if input is 2D, then offsets has to be None, as input is treated is a mini-batch of "
                "fixed length sequences. "
                f"However, found offsets of shape {list(offsets.shape)}"
            )
        bags, length = input.shape
        each = fit(iota_along(bags, 0, (bags, length)), dt.int64, (bags, length))
        return reshape_to(each, (bags * length,)), bags
    if input.ndim != 1:
        raise ValueError(f"embedding_bag: input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if offsets is None or offsets.ndim != 1:
        raise ValueError(
            f"embedding_bag: offsets has to be a 1D Tensor, as input is 1D; got {None if offsets is None else list(offsets.shape)}"
        )
    return bag_of(offsets, input.shape[0]), offsets.shape[0] - last


@composite(names=("nn.functional.embedding_bag",))
def embedding_bag(
    input: Symbol,
    weight: Symbol,
    offsets: Symbol | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Symbol | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Symbol:
    """Sums, means or maxima of bags of rows of `weight` (num, dim): (bags, dim). Empty bags give zeros.

    `input`: (bags, length), or all indices in one dim with `offsets` (bags,), where each bag begins (`include_last_offset`: and where the
    last one ends). `per_sample_weights`, shaped as `input`, weighs a "sum". Indices equal to `padding_idx` are left out. `sparse` is
    accepted, the gradient is dense; `max_norm` is done by `nn.functional.embedding_bag`.
    """
    if weight.dtype.category == INTEGER and input.dtype.category >= FLOAT:
        input, weight = weight, input  # the order of the first PyTorch
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode has to be one of sum, mean or max; got {mode!r}")
    _check_table(input, weight, "embedding_bag")
    if per_sample_weights is not None:
        if mode != "sum":
            raise NotImplementedError(
                f"embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got mode='{mode}')"
            )
        if per_sample_weights.shape != input.shape:
            raise ValueError(
                f"embedding_bag: If per_sample_weights ({list(per_sample_weights.shape)}) is not None, then it must have "
                f"the same shape as the input ({list(input.shape)})"
            )
    padding = _wrapped(padding_idx, weight.shape[0], "embedding_bag")
    bag, bags = _bags(input, offsets, include_last_offset)
    flat = reshape_to(input, (input.numel,))
    if include_last_offset:
        bag = where(bag < bags, bag, constant(max(bags - 1, 0)))
    rows = embedding(flat, weight, scale_grad_by_freq=scale_grad_by_freq)
    kept = eq(flat, flat) if padding is None else ne(flat, padding)
    if mode == "max":
        return _maxima(rows, bag, kept, bags)
    if per_sample_weights is not None:
        rows = rows * reshape_to(per_sample_weights, (flat.numel, 1))
    if padding is not None:
        rows = where(reshape_to(kept, (flat.numel, 1)), rows, zeros(rows.shape, rows.dtype))
    out = index_put((zeros((bags, weight.shape[1]), rows.dtype), rows, bag), (0,), True)
    if mode == "sum":
        return out
    count = index_put((zeros((bags,), dt.int64), cast(kept, dt.int64), bag), (0,), True)
    return out / restore(cast(maximum(count, 1), out.dtype), (1,), out.shape)


def _maxima(rows: Symbol, bag: Symbol, kept: Symbol, bags: int) -> Symbol:
    if 0 in rows.shape:
        return zeros((bags, rows.shape[1]), rows.dtype)
    best = bag_argmax(rows.plain, bag, kept, bags)
    columns = iota_along(rows.shape[1], 1, best.shape)
    found = index_get((rows, maximum(best, 0), columns), (0, 1))
    return where(best >= 0, found, zeros(found.shape, found.dtype))


@embedding_bag.samples
def _(draw: Any) -> Any:
    index = np.array([1, 3, 3, 0, 2, 1])
    for mode in ("sum", "mean", "max"):
        yield Sample((index, draw(4, 3), np.array([0, 2, 2])), {"mode": mode})
        yield Sample((index.reshape(2, 3), draw(4, 3)), {"mode": mode, "padding_idx": 3})
    yield Sample((index, draw(4, 3), np.array([0, 2, 6])), {"mode": "sum", "per_sample_weights": draw(6), "include_last_offset": True})


@embedding_bag.errors
def _(draw: Any) -> Any:
    index = np.array([1, 3, 3, 0])
    yield Bad((index, draw(4, 3)), {}, ValueError, "offsets has to be a 1D Tensor")
    yield Bad((index, draw(4, 3), np.array([0, 2])), {"mode": "min"}, ValueError, "mode has to be one of")
    yield Bad((index, draw(4, 3), np.array([0, 2])), {"per_sample_weights": draw(4)}, NotImplementedError, "only supported for mode='sum'")
    yield Bad((index, draw(4, 3), np.array([1, 2])), {}, RuntimeError, r"offsets\[0\] has to be 0")


# --- one-hot, bilinear ---------------------------------------------------------------------------------------------------------------


@composite(names=(), name="one_hot", out=False)
def one_hot(tensor: Symbol, num_classes: int) -> Symbol:
    """(*tensor, num_classes) in int64: 1 where the class is, 0 elsewhere."""
    if tensor.dtype is not dt.int64:
        raise RuntimeError(f"one_hot is only applicable to index tensor of type LongTensor; got {tensor.dtype}")
    shape = (*tensor.shape, num_classes)
    return cast(eq(reshape_to(tensor, (*tensor.shape, 1)), iota_along(num_classes, tensor.ndim, shape)), dt.int64)


one_hot.samples(lambda draw: iter([Sample((np.array([[1, 0], [2, 2]]), 4))]))


@composite(names=("nn.functional.bilinear", "bilinear"))
def bilinear(input1: Symbol, input2: Symbol, weight: Symbol, bias: Symbol | None = None) -> Symbol:
    """`input1[i] weight[o, i, j] input2[j] + bias[o]`: inputs (..., in1) and (..., in2), weight (out, in1, in2), bias (out,)."""
    if input1.ndim != input2.ndim or input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(f"bilinear(): input batch dimensions do not match: got {list(input1.shape)} and {list(input2.shape)}")
    if weight.ndim != 3 or input1.shape[-1] != weight.shape[1] or input2.shape[-1] != weight.shape[2]:
        raise RuntimeError(
            f"bilinear(): input sizes do not match weight size: got {list(input1.shape)}, {list(input2.shape)} and "
            f"weight {list(weight.shape)}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise RuntimeError(f"bilinear(): bias size does not match weight size: got {list(bias.shape)} and {weight.shape[0]} outputs")
    (outs, ins, _), batch = weight.shape, input1.shape[:-1]
    n = prod(batch)
    first, second = reshape_to(input1, (n, ins)), reshape_to(input2, (n, weight.shape[2]))
    half = product(second, turned(reshape_to(weight, (outs * ins, weight.shape[2]))), "bilinear")  # (n, outs * ins)
    half = reshape_to(half, (n, outs, ins))
    out = reshape_to(reduce_sum(half * reshape_to(first, (n, 1, ins)), (2,)), (*batch, outs))
    return out if bias is None else out + bias


bilinear.samples(lambda draw: iter([Sample((draw(5, 2), draw(5, 3), draw(4, 2, 3), draw(4))), Sample((draw(2), draw(3), draw(4, 2, 3)))]))
bilinear.errors(
    lambda draw: iter(
        [
            Bad((draw(5, 2), draw(4, 3), draw(4, 2, 3)), {}, RuntimeError, "batch dimensions do not match"),
            Bad((draw(5, 2), draw(5, 2), draw(4, 2, 3)), {}, RuntimeError, "do not match weight size"),
        ]
    )
)

__all__ = ["bag_argmax", "bag_of", "bilinear", "checked_index", "embedding", "embedding_bag", "embedding_renorm", "one_hot"]
