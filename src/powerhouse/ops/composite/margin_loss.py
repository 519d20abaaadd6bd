"""Losses of rankings, embeddings and margins, and the soft ones of several labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core import dtypes as dt
from ...graph.op import Bad, Sample, cast, composite, constant
from ...graph.symbol import Symbol
from ..activation import log_sigmoid
from ..arithmetic import eq, ge, minimum, ne, negate, sqrt, where
from ..embedding import checked_index
from ..indexing import index_get
from ..reduction import iota_along
from ..reduction import sum as total
from ..views import reduce_sum, reshape_to, zeros
from ._losses import need_float, reduced_by, reduction_of
from .cross_entropy import pick_class
from .distance import pairwise_distance


def positive(x: Symbol) -> Symbol:
    """`max(x, 0)`, with gradient 0 at 0."""
    return where(x > 0, x, zeros((), x.dtype))


@composite(names=("nn.functional.hinge_embedding_loss",), autocast="float32")
def hinge_embedding_loss(
    input: Symbol,
    target: Symbol,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Symbol:
    """`input` where `target` is 1, `max(0, margin - input)` where it is -1."""
    none = zeros((), input.dtype)
    loss = where(ne(target, 1), positive(margin - input), none) + where(ne(target, -1), input, none)
    return reduced_by(loss, reduction_of(reduction, size_average, reduce, "hinge_embedding_loss"))


def _signs(*shape: int) -> Any:
    return np.where(np.arange(np.prod(shape, dtype=int)) % 3 == 0, 1.0, -1.0).reshape(shape).astype(np.float32)


hinge_embedding_loss.samples(
    lambda draw: iter(Sample((draw(2, 3), _signs(2, 3)), {"reduction": r, "margin": 0.5}) for r in ("mean", "sum", "none"))
)
hinge_embedding_loss.errors(lambda draw: iter([Bad((draw(2), _signs(2)), {"reduction": "avg"}, ValueError, "not a valid value")]))


@composite(names=("nn.functional.margin_ranking_loss",), label="mean", autocast="float32")
def margin_ranking_loss(
    input1: Symbol,
    input2: Symbol,
    target: Symbol,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Symbol:
    """`max(0, -target (input1 - input2) + margin)`: `target` 1 where the first input should rank higher, else -1."""
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            f"margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: {list(input1.shape)}, "
            f"input2: {list(input2.shape)}, target: {list(target.shape)} "
        )
    loss = positive(negate(target) * (input1 - input2) + margin)
    return reduced_by(loss, reduction_of(reduction, size_average, reduce, "margin_ranking_loss"))


margin_ranking_loss.samples(
    lambda draw: iter(Sample((draw(2, 3), draw(2, 3), _signs(2, 3)), {"reduction": r, "margin": 0.5}) for r in ("mean", "sum", "none"))
)
margin_ranking_loss.errors(lambda draw: iter([Bad((draw(2, 3), draw(2, 3), _signs(3)), {}, RuntimeError, "same dimension")]))


@composite(names=("nn.functional.cosine_embedding_loss",), autocast="float32")
def cosine_embedding_loss(
    input1: Symbol,
    input2: Symbol,
    target: Symbol,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Symbol:
    """`1 - cos` where `target` is 1, `max(0, cos - margin)` where it is -1; inputs (N, D) and target (N,), or (D,) and ()."""
    if target.ndim not in (0, 1):
        raise RuntimeError(f"cosine_embedding_loss: 0D or 1D target tensor expected, multi-target not supported; got {list(target.shape)}")
    if input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        raise RuntimeError(
            f"cosine_embedding_loss: {target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs with sizes "
            f"{list(input1.shape)} and {list(input2.shape)}."
        )
    dim = (target.ndim,)
    size1, size2 = (total(x * x, dim) + 1e-12 for x in (input1, input2))
    cos = total(input1 * input2, dim) / sqrt(size1 * size2)
    none = zeros((), cos.dtype)
    loss = where(eq(target, 1), 1 - cos, none) + where(eq(target, -1), positive(cos - margin), none)
    return reduced_by(loss, reduction_of(reduction, size_average, reduce, "cosine_embedding_loss"))


cosine_embedding_loss.samples(
    lambda draw: iter(
        [
            *(Sample((draw(5, 3), draw(5, 3), _signs(5)), {"reduction": r, "margin": 0.1}) for r in ("mean", "sum", "none")),
            Sample((draw(3), draw(3), np.array(1.0, np.float32))),
        ]
    )
)
cosine_embedding_loss.errors(
    lambda draw: iter(
        [
            Bad((draw(5, 3), draw(5, 3), _signs(5, 1)), {}, RuntimeError, "multi-target"),
            Bad((draw(3), draw(3), _signs(5)), {}, RuntimeError, "expects 2D input"),
        ]
    )
)


@composite(names=("nn.functional.triplet_margin_loss",), label="mean", autocast="float32")
def triplet_margin_loss(
    anchor: Symbol,
    positive: Symbol,
    negative: Symbol,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Symbol:
    """`max(|anchor - positive| - |anchor - negative| + margin, 0)` in the `p`-norm over the last dim.

    `swap`: the negative's distance is the smaller of those to the anchor and to the positive. Source: Balntas et al., 2016.
    """
    if margin <= 0:
        raise ValueError(f"triplet_margin_loss: margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "triplet_margin_loss: The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = minimum(far, pairwise_distance(positive, negative, p, eps))
    gap = near - far + margin
    loss = where(gap > 0, gap, zeros((), gap.dtype))
    return reduced_by(loss, reduction_of(reduction, size_average, reduce, "triplet_margin_loss"))


triplet_margin_loss.samples(
    lambda draw: iter(
        [
            *(Sample((draw(5, 3), draw(5, 3), draw(5, 3)), {"reduction": r, "swap": True}) for r in ("mean", "sum", "none")),
            Sample((draw(3), draw(3), draw(3)), {"p": 1, "margin": 2.0}),
        ]
    )
)
triplet_margin_loss.errors(lambda draw: iter([Bad((draw(5, 3), draw(5, 3), draw(3)), {}, RuntimeError, "same number of dimensions")]))

# --- margins against the other classes ------------------------------------------------------------------------------------


def _rows(x: Symbol, op: str) -> Symbol:
    """`x` (N, C), or (C,) as one row."""
    if x.ndim not in (0, 1, 2) or (x.ndim and x.shape[-1] == 0):
        raise RuntimeError(f"{op}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(x.shape)}")
    return x if x.ndim == 2 else reshape_to(x, (1, x.numel))


@composite(names=("nn.functional.multi_margin_loss",), autocast="float32")
def multi_margin_loss(
    input: Symbol,
    target: Symbol,
    p: int = 1,
    margin: float = 1.0,
    weight: Symbol | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Symbol:
    """`sum over i != t of weight[t] max(0, margin - x[t] + x[i]) ** p / C`.

    `input` (N, C) or (C,), class indices `target` (N,) or (), `weight` (C,).
    """
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: only p == 1 and p == 2 supported; got {p}")
    need_float("multi_margin_loss", input)
    x = _rows(input, "multi_margin_loss")
    rows, classes = x.shape
    if target.numel != rows or target.ndim > 1:
        raise RuntimeError(f"multi_margin_loss: inconsistent target size, expected {rows} but got {list(target.shape)}")
    if weight is not None and weight.ndim != 1:
        raise ValueError(f"multi_margin_loss: weight must be one-dimensional, got {list(weight.shape)}")
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(f"multi_margin_loss: inconsistent weight size, expected {classes} but got {list(weight.shape)}")
    t = checked_index(reshape_to(target, (rows,)), classes, f"multi_margin_loss: Target {{}} is out of bounds for {classes} classes.")
    own = reshape_to(pick_class(x, t, -1), (rows, 1))
    gap = positive(margin - own + x)
    each = gap if p == 1 else gap * gap
    if weight is not None:
        each = each * reshape_to(index_get((weight, t), (0,)), (rows, 1))
    others = ne(iota_along(classes, 1, x.shape), reshape_to(t, (rows, 1)))
    loss = reduce_sum(where(others, each, zeros((), x.dtype)), (1,)) / constant(float(classes))
    return reduced_by(
        reshape_to(loss, target.shape) if reduction == "none" else loss, reduction_of(reduction, size_average, reduce, "multi_margin_loss")
    )


@multi_margin_loss.samples
def _(draw: Any) -> Any:
    for reduction in ("mean", "sum", "none"):
        yield Sample((draw(4, 3), np.array([0, 2, 1, 1])), {"reduction": reduction})
    yield Sample((draw(4, 3), np.array([0, 2, 1, 1]), 2, 0.5))
    yield Sample((draw(3), np.array(2)))


@multi_margin_loss.errors
def _(draw: Any) -> Any:
    yield Bad((draw(4, 3), np.array([0, 2, 1, 1]), 3), {}, ValueError, "only p == 1 and p == 2")
    yield Bad((draw(4, 3), np.array([0, 2])), {}, RuntimeError, "inconsistent target size")


@composite(names=("nn.functional.multilabel_margin_loss",), autocast="float32")
def multilabel_margin_loss(
    input: Symbol, target: Symbol, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Symbol:
    """`sum over labels t and other classes i of max(0, 1 - (x[t] - x[i])) / C`, for `input` (N, C) or (C,).

    `target`: int64 shaped as `input`; the labels of a row stand before its first -1.
    """
    need_float("multilabel_margin_loss", input)
    if target.shape != input.shape:
        raise RuntimeError(f"multilabel_margin_loss: inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}")
    x, labels = _rows(input, "multilabel_margin_loss"), _rows(target, "multilabel_margin_loss")
    rows, classes = x.shape
    cube = (rows, classes, classes)  # (N, label's place k, class or place c)
    earlier = ge(iota_along(classes, 1, cube), iota_along(classes, 2, cube))
    ends = cast(reshape_to(labels < 0, (rows, 1, classes)), dt.int64) * cast(earlier, dt.int64)
    given = eq(reduce_sum(ends, (2,)), 0)  # (N, k): no -1 up to here
    safe = checked_index(
        where(given, labels, constant(0)), classes, f"multilabel_margin_loss: Target {{}} is out of bounds for {classes} classes."
    )
    at = eq(reshape_to(safe, (rows, classes, 1)), iota_along(classes, 2, cube)) & reshape_to(
        given, (rows, classes, 1)
    )  # (N, k, c): label k is class c
    among = reduce_sum(cast(at, dt.int64), (1,)) > 0  # (N, c)
    own = index_get((x, iota_along(rows, 0, (rows, classes)), safe), (0, 1))  # (N, k)
    gap = positive(1 - (reshape_to(own, (rows, classes, 1)) - reshape_to(x, (rows, 1, classes))))
    counted = reshape_to(given, (rows, classes, 1)) & reshape_to(~among, (rows, 1, classes))
    loss = reduce_sum(where(counted, gap, zeros((), x.dtype)), (1, 2)) / constant(float(classes))
    return reduced_by(
        reshape_to(loss, input.shape[:-1]) if reduction == "none" else loss,
        reduction_of(reduction, size_average, reduce, "multilabel_margin_loss"),
    )


@multilabel_margin_loss.samples
def _(draw: Any) -> Any:
    for reduction in ("mean", "sum", "none"):
        yield Sample((draw(3, 4), np.array([[3, 0, -1, 1], [-1, 0, 1, 2], [0, 1, 2, 3]])), {"reduction": reduction})
    yield Sample((draw(4), np.array([3, 0, -1, 1])))


multilabel_margin_loss.errors(
    lambda draw: iter([Bad((draw(3, 4), np.zeros((3, 3), np.int64)), {}, RuntimeError, "inconsistent target size")])
)

# --- soft margins ------------------------------------------------------------------------------------


@composite(names=("nn.functional.soft_margin_loss",), autocast="float32")
def soft_margin_loss(
    input: Symbol, target: Symbol, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Symbol:
    """`log(1 + exp(-target input))` for targets 1 and -1."""
    loss = negate(log_sigmoid(target * input))
    need_float("soft_margin_loss", loss)
    return reduced_by(loss, reduction_of(reduction, size_average, reduce, "soft_margin_loss"))


soft_margin_loss.samples(
    lambda draw: iter(Sample((draw(2, 3), _signs(2, 3).astype(np.int64)), {"reduction": r}) for r in ("mean", "sum", "none"))
)
soft_margin_loss.errors(lambda draw: iter([Bad((draw(2), _signs(2)), {"reduction": "avg"}, ValueError, "not a valid value")]))


@composite(names=("nn.functional.multilabel_soft_margin_loss",))
def multilabel_soft_margin_loss(
    input: Symbol,
    target: Symbol,
    weight: Symbol | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Symbol:
    """`-(target log(sigmoid(input)) + (1 - target) log(sigmoid(-input)))`, averaged over the last dim.

    `input` (..., C), `target` of 0 and 1 in the same shape.
    """
    reduction = reduction_of(reduction, size_average, reduce, "multilabel_soft_margin_loss")
    if input.ndim < 1:
        raise IndexError("multilabel_soft_margin_loss: Dimension specified as -1 but tensor has no dimensions")
    loss = negate(target * log_sigmoid(input) + (1 - target) * log_sigmoid(negate(input)))
    loss = loss if weight is None else loss * weight
    return reduced_by(reduce_sum(loss, (loss.ndim - 1,)) / constant(float(input.shape[-1])), reduction)


multilabel_soft_margin_loss.samples(
    lambda draw: iter(Sample((draw(2, 3), draw(2, 3, low=0, high=1), draw(3, low=0.5)), {"reduction": r}) for r in ("mean", "sum", "none"))
)
multilabel_soft_margin_loss.errors(lambda draw: iter([Bad((draw(2), draw(2)), {"reduction": "avg"}, ValueError, "not a valid value")]))

__all__ = [
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
]
