"""Losses of classifiers: cross entropy of class indices or probabilities, and the negative log likelihood below it."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ...core import dtypes as dt
from ...graph.op import Bad, Sample, cast, composite, constant, primitive
from ...graph.symbol import Symbol, Type
from ..arithmetic import eq, ne, negate, where
from ..embedding import checked_index
from ..indexing import index_get
from ..matmul import linear
from ..reduction import iota_along
from ..views import reduce_sum, reshape_to, zeros
from ._losses import need_float, reduced_by, reduction_of
from .softmax import log_softmax, narrow


@primitive(linear=True)
def pick_class(x: Symbol, target: Symbol, ignored: int) -> Type:
    """`x[n, target[n, ...], ...]` for `x` (N, C, ...); 0 where the target is `ignored`.

    Running it raises IndexError for other targets outside 0 ... C - 1.
    """
    return Type(target.shape, x.dtype)


@pick_class.reference
def _(x: Any, target: Any, ignored: int) -> Any:
    classes = x.shape[1]
    if target.size and 0 <= target.min() and target.max() < classes and not 0 <= ignored < classes:
        return np.take_along_axis(x, np.expand_dims(target, 1), 1).squeeze(1)
    left_out = target == ignored
    outside = ((target < 0) | (target >= classes)) & ~left_out
    if outside.any():
        raise IndexError(f"nll_loss: Target {target[outside].flat[0]} is out of bounds for {classes} classes.")
    safe = np.where(left_out, 0, target)
    if not classes:
        return np.zeros(target.shape, x.dtype)
    return np.where(left_out, x.dtype.type(0), np.take_along_axis(x, np.expand_dims(safe, 1), 1).squeeze(1))


@pick_class.vjp
def _(g: Symbol, out: Symbol, x: Symbol, target: Symbol, ignored: int) -> Any:
    kept = (x.shape[0], 1, *x.shape[2:])
    hit = eq(iota_along(x.shape[1], 1, x.shape), reshape_to(target, kept))  # (N, C, ...)
    if 0 <= ignored < x.shape[1]:
        hit = hit & reshape_to(ne(target, ignored), kept)
    return where(hit, reshape_to(g, kept), zeros((), g.dtype)), None


def _checked_indices(x: Symbol, target: Symbol, weight: Symbol | None, op: str) -> Symbol:
    """The class indices `target` (N, ...) for `x` (N, C, ...) in int64."""
    if x.shape[0] != target.shape[0]:
        raise ValueError(f"{op}: Expected input batch_size ({x.shape[0]}) to match target batch_size ({target.shape[0]}).")
    if target.dtype not in (dt.int64, dt.uint8):
        raise RuntimeError(f"{op}: expected scalar type Long but found {target.dtype}; class indices must be int64")
    if x.ndim == 2 and target.ndim != 1:
        raise RuntimeError(
            f"{op}: 0D or 1D target tensor expected, multi-target not supported; got input {list(x.shape)} and target {list(target.shape)}"
        )
    if target.shape != (x.shape[0], *x.shape[2:]):
        raise RuntimeError(f"{op}: Expected target size {[x.shape[0], *x.shape[2:]]}, got {list(target.shape)}")
    _check_weight(x, weight, op)
    return narrow(target, dt.int64)


def _check_weight(x: Symbol, weight: Symbol | None, op: str) -> None:
    if weight is not None and weight.shape != (x.shape[1],):
        raise RuntimeError(
            f"{op}: weight tensor should be defined either for all {x.shape[1]} classes or no classes but got weight "
            f"tensor of shape: {list(weight.shape)}"
        )


def _batched(input: Symbol, target: Symbol, op: str) -> tuple[Symbol, Symbol]:
    """A single input (C,) as a batch of one."""
    if input.ndim < 1:
        raise ValueError(f"{op}: Expected 1 or more dimensions (got {input.ndim})")
    if input.ndim == 1:
        if target.numel != 1 or target.ndim > 1:
            raise RuntimeError(f"{op}: size mismatch (got input: {list(input.shape)}, target: {list(target.shape)})")
        return reshape_to(input, (1, *input.shape)), reshape_to(target, (1,))
    if target.ndim == 0:
        raise ValueError(
            f"{op}: Expected input batch_size ({input.shape[0]}) to match target batch_size (); got input "
            f"{list(input.shape)} and a 0-d target"
        )
    return input, target


def _target_weights(x: Symbol, target: Symbol, weight: Symbol | None, ignored: int) -> Symbol:
    """The weight of each target: that of its class, 0 where it is ignored."""
    counts = ne(target, ignored)
    if weight is None:
        return cast(counts, x.dtype)
    safe = checked_index(
        where(counts, target, constant(0)), x.shape[1], f"nll_loss: Target {{}} is out of bounds for {x.shape[1]} classes."
    )
    return where(counts, index_get((weight, safe), (0,)), zeros((), weight.dtype))


def _weighted_nll(logp: Symbol, target: Symbol, weight: Symbol | None, ignored: int, reduction: str) -> Symbol:
    """The loss of `logp` (N, C, ...) at `target` (N, ...); the mean is that of the targets' weights."""
    loss = negate(pick_class(logp, target, ignored))
    if weight is not None:
        loss = loss * _target_weights(logp, target, weight, ignored)
    if reduction != "mean":
        return reduced_by(loss, reduction)
    return _total(loss) / _total(_target_weights(logp, target, weight, ignored))


def _total(x: Symbol) -> Symbol:
    return reduce_sum(x, tuple(range(x.ndim)))


@composite(names=("nn.functional.nll_loss",), autocast="float32")
def nll_loss(
    input: Symbol,
    target: Symbol,
    weight: Symbol | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Symbol:
    """The negative log likelihood `-weight[t] * input[n, t]` of class indices `t = target[n]`.

    `input`: log-probabilities (N, C, ...) or (C,); `target`: int64, (N, ...) or (), each in [0, C) or `ignore_index`; `weight` (C,).
    The mean is weighted. A target out of range raises IndexError when the values are computed.
    """
    reduction = reduction_of(reduction, size_average, reduce, "nll_loss")
    need_float("nll_loss", input)
    x, t = _batched(input, target, "nll_loss")
    t = _checked_indices(x, t, weight, "nll_loss")
    loss = _weighted_nll(x, t, weight, ignore_index, reduction)
    return reshape_to(loss, target.shape) if reduction == "none" else loss


def _indices(shape: tuple[int, ...], classes: int) -> Any:
    return (np.arange(np.prod(shape, dtype=int)) * 7 % classes).reshape(shape)


@nll_loss.samples
def _(draw: Any) -> Any:
    for reduction in ("mean", "sum", "none"):
        yield Sample((draw(5, 3), _indices((5,), 3)), {"reduction": reduction, "ignore_index": 1})
        yield Sample((draw(2, 3, 4), _indices((2, 4), 3)), {"reduction": reduction})
    yield Sample((draw(3), np.array(2)))
    yield Sample((draw(2, 3), np.array([-100, 1])))


@nll_loss.errors
def _(draw: Any) -> Any:
    yield Bad((draw(5, 3), _indices((4,), 3)), {}, ValueError, r"batch_size \(5\) to match target batch_size \(4\)")
    yield Bad((draw(5, 3), _indices((5, 3), 3)), {}, RuntimeError, "multi-target not supported")
    yield Bad((draw(5, 3), draw(5)), {}, RuntimeError, "expected scalar type Long")
    yield Bad((draw(5, 3), _indices((5,), 3), draw(2)), {}, RuntimeError, "weight tensor should be defined")
    yield Bad((draw(5, 3), _indices((5,), 3)), {"reduction": "avg"}, ValueError, "not a valid value")
    yield Bad((draw(2, 3), np.array([0, 3])), {}, IndexError, "Target 3 is out of bounds")
    yield Bad((draw(2, 3), np.array([0, -1])), {}, IndexError, "Target -1 is out of bounds")


@composite(names=("nn.functional.cross_entropy",), label="nll_loss", autocast="float32")
def cross_entropy(
    input: Symbol,
    target: Symbol,
    weight: Symbol | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Symbol:
    """The cross entropy between the logits `input` and the classes `target`.

    Shapes: `input` (N, C, ...) or (C,). `target`: class indices, int64 (N, ...) or (), each in [0, C) or `ignore_index`; or class
    probabilities, floating, shaped as `input`. `weight` (C,). `label_smoothing` in [0, 1] mixes the targets with the uniform distribution.
    A target out of range raises IndexError when the values are computed.

    >>> import powerhouse as torch
    >>> torch.nn.functional.cross_entropy(torch.zeros(2, 4), torch.tensor([0, 3]))
    tensor(1.3863)
    """
    reduction = reduction_of(reduction, size_average, reduce, "cross_entropy")
    need_float("cross_entropy", input)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"cross_entropy: label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    if target.shape == input.shape and input.ndim:
        return _of_probabilities(input, target, weight, ignore_index, reduction, label_smoothing)
    x, t = _batched(input, target, "cross_entropy")
    t = _checked_indices(x, t, weight, "cross_entropy")
    logp = log_softmax(x, 1)
    loss = _weighted_nll(logp, t, weight, ignore_index, reduction)
    if label_smoothing > 0.0:
        smooth = _uniform_loss(logp, t, weight, ignore_index, reduction)
        loss = loss * (1 - label_smoothing) + smooth * (label_smoothing / x.shape[1])
    return reshape_to(loss, target.shape) if reduction == "none" else loss


def _uniform_loss(logp: Symbol, target: Symbol, weight: Symbol | None, ignored: int, reduction: str) -> Symbol:
    """The loss of all classes together, where the target is not ignored."""
    each = logp if weight is None else logp * _per_class(weight, logp)
    loss = where(ne(target, ignored), negate(reduce_sum(each, (1,))), zeros((), logp.dtype))
    return _total(loss) / _total(_target_weights(logp, target, weight, ignored)) if reduction == "mean" else reduced_by(loss, reduction)


def _per_class(weight: Symbol, x: Symbol) -> Symbol:
    return reshape_to(weight, (1, x.shape[1]) + (1,) * (x.ndim - 2))


def _of_probabilities(input: Symbol, target: Symbol, weight: Symbol | None, ignored: int, reduction: str, smoothing: float) -> Symbol:
    if not target.dtype.is_floating_point:
        raise RuntimeError(f"cross_entropy: Expected floating point type for target with class probabilities, got {target.dtype}")
    if ignored >= 0:
        raise RuntimeError("cross_entropy: ignore_index is not supported for floating point target")
    x, t = (reshape_to(s, (1, *s.shape)) if s.ndim == 1 else s for s in (input, target))
    _check_weight(x, weight, "cross_entropy")
    if smoothing > 0.0:
        t = t * (1 - smoothing) + smoothing / x.shape[1]
    each = log_softmax(x, 1) * t  # (N, C, ...)
    loss = negate(reduce_sum(each if weight is None else each * _per_class(weight, x), (1,)))
    return reduced_by(reshape_to(loss, ()) if input.ndim == 1 else loss, reduction)


@cross_entropy.samples
def _(draw: Any) -> Any:
    for reduction in ("mean", "sum", "none"):
        yield Sample((draw(5, 3), _indices((5,), 3)), {"reduction": reduction, "ignore_index": 1, "label_smoothing": 0.2})
        yield Sample((draw(2, 3, 4), _indices((2, 4), 3)), {"reduction": reduction})
        yield Sample((draw(5, 3), draw(5, 3, low=0)), {"reduction": reduction, "label_smoothing": 0.1})
    yield Sample((draw(3), np.array(2)))
    yield Sample((draw(3), draw(3, low=0)))
    yield Sample((draw(2, 3), np.array([-100, 1])))


@cross_entropy.errors
def _(draw: Any) -> Any:
    yield Bad((draw(5, 3), _indices((4,), 3)), {}, ValueError, r"batch_size \(5\) to match target batch_size \(4\)")
    yield Bad((draw(5, 3), _indices((5, 2), 3)), {}, RuntimeError, "multi-target not supported")
    yield Bad((draw(5, 3), draw(5)), {}, RuntimeError, "expected scalar type Long")
    yield Bad((draw(5, 3), _indices((5, 3), 3)), {}, RuntimeError, "Expected floating point type for target")
    yield Bad((draw(5, 3), _indices((5,), 3)), {"label_smoothing": 1.5}, RuntimeError, "label_smoothing must be between")
    yield Bad((draw(5, 3), draw(5, 3)), {"ignore_index": 1}, RuntimeError, "ignore_index is not supported")
    yield Bad((draw(2, 3, 4), _indices((2, 3), 3)), {}, RuntimeError, "Expected target size")
    yield Bad((draw(2, 3), np.array([0, 3])), {}, IndexError, "Target 3 is out of bounds")


@composite(names=(), name="linear_cross_entropy", label="nll_loss", out=False)
def linear_cross_entropy(
    input: Symbol,
    linear_weight: Symbol,
    target: Symbol,
    linear_bias: Symbol | None = None,
    weight: Symbol | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> Symbol:
    """`cross_entropy` of the logits `input @ linear_weight.T + linear_bias`; input (N, in) or (in,), linear_weight (C, ..., in)."""
    op = "linear_cross_entropy"
    if input.ndim not in (1, 2) or linear_weight.ndim < 2:
        raise RuntimeError(
            f"{op}: expected input with dimensionality 1 or 2 and linear_weight with at least 2, got {input.ndim} and {linear_weight.ndim}"
        )
    if input.shape[-1] != linear_weight.shape[-1]:
        raise RuntimeError(
            f"{op}: expected equal input and linear_weight last dimensions (in_features), got {input.shape[-1]} and "
            f"{linear_weight.shape[-1]}"
        )
    outs = linear_weight.shape[:-1]  # (C, ...)
    if linear_bias is not None and linear_bias.shape != outs:
        raise RuntimeError(f"{op}: expected linear_bias shape {outs}, got {linear_bias.shape}")
    if len(outs) > 1 and input.ndim == 1:
        raise RuntimeError(
            f"{op}: K-dimensional loss defined by linear_weight shape {linear_weight.shape} requires batched input, got {input.shape}"
        )
    logits_shape = (*input.shape[:-1], *outs)
    if target.shape == logits_shape and ignore_index is not None:
        raise RuntimeError(f"{op}: ignore_index cannot be specified when target contains probabilities")
    flat = reshape_to(linear_weight, (prod(outs), input.shape[-1]))
    logits = linear(input, flat, None if linear_bias is None else reshape_to(linear_bias, (prod(outs),)))
    ignored = -100 if ignore_index is None else ignore_index
    return cross_entropy(
        reshape_to(logits, logits_shape), target, weight, ignore_index=ignored, reduction=reduction, label_smoothing=label_smoothing
    )


linear_cross_entropy.samples(
    lambda draw: iter(
        [Sample((draw(4, 2), draw(3, 2), _indices((4,), 3), draw(3))), Sample((draw(4, 2), draw(3, 5, 2), _indices((4, 5), 3)))]
    )
)
linear_cross_entropy.errors(
    lambda draw: iter(
        [
            Bad((draw(4, 2), draw(3, 3), _indices((4,), 3)), {}, RuntimeError, "in_features"),
            Bad((draw(2), draw(3, 5, 2), _indices((5,), 3)), {}, RuntimeError, "requires batched input"),
        ]
    )
)

__all__ = ["cross_entropy", "linear_cross_entropy", "nll_loss", "pick_class"]
