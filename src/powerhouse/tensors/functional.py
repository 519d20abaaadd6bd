"""Functions of `nn.functional` that do more than record an op: they keep statistics, change a table, draw a mask, read lengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.shapes import broadcast
from ..ops.composite import attention, normalization
from ..ops.composite.cross_entropy import linear_cross_entropy as linear_cross_entropy_op
from ..ops.composite.ctc import ctc_loss as ctc_op
from ..ops.embedding import embedding as embedding_op
from ..ops.embedding import embedding_bag as embedding_bag_op
from ..ops.embedding import embedding_renorm
from ..ops.embedding import one_hot as one_hot_op
from ._gradient import no_grad
from .apply import apply, is_tensor, read, write
from .interop import from_numpy
from .random import keep_mask

# --- normalization ------------------------------------------------------------------------------------


def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """`input` (N, C, ...) normalized per channel, scaled by `weight` (C,) and shifted by `bias` (C,).

    In training with the batch's statistics, towards which the running ones (C,) move in place by `momentum`; otherwise with the running
    ones. Raises ValueError in training for a single value a channel. Source: Ioffe and Szegedy, 2015.

    >>> import powerhouse as torch
    >>> mean, var = torch.zeros(1), torch.ones(1)
    >>> torch.nn.functional.batch_norm(torch.tensor([[1.0], [3.0]]), mean, var, training=True)
    tensor([[-1.0000],
            [ 1.0000]])
    >>> mean
    tensor([0.2000])
    """
    return _with_statistics(normalization.batch_norm, input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """`input` (N, C, ...) normalized per sample and channel; arguments as for `batch_norm`. Source: Ulyanov et al., 2016."""
    return _with_statistics(normalization.instance_norm, input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def _with_statistics(
    op: Any, input: Any, running_mean: Any, running_var: Any, weight: Any, bias: Any, own: bool, momentum: float, eps: float
) -> Any:
    """The normalized input; the moved statistics are written where autograd does not look."""
    out, *moved = apply(op, (input, running_mean, running_var, weight, bias, bool(own), 0.0 if momentum is None else momentum, eps))
    with no_grad():
        for running, new in zip((running_mean, running_var), moved, strict=True):
            if new is not None:
                write(running, read(new), op.name)
    return out


# --- tables ------------------------------------------------------------------------------------


def _renorm(weight: Any, input: Any, max_norm: float | None, norm_type: float) -> None:
    if max_norm is not None:
        with no_grad():
            write(weight, read(apply(embedding_renorm, (weight, input, max_norm, norm_type))), "embedding_renorm_")


def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    _renorm(weight, input, max_norm, norm_type)
    return apply(embedding_op, (input, weight, padding_idx, None, norm_type, scale_grad_by_freq, sparse))


embedding.__doc__ = embedding_op.doc


def embedding_bag(
    input: Any,
    weight: Any,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:
    _renorm(weight, input, max_norm, norm_type)
    return apply(
        embedding_bag_op,
        (input, weight, offsets, None, norm_type, scale_grad_by_freq, mode, sparse, per_sample_weights, include_last_offset, padding_idx),
    )


embedding_bag.__doc__ = embedding_bag_op.doc


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """(*tensor, num_classes) in int64: 1 at each class of `tensor` (int64), 0 elsewhere. By default as many classes as it takes.

    Raises RuntimeError for classes below 0 or not below `num_classes`.

    >>> import powerhouse as torch
    >>> torch.nn.functional.one_hot(torch.tensor([0, 2]))
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    if tensor.dtype is not dt.int64:
        raise RuntimeError(f"one_hot is only applicable to index tensor of type LongTensor; got {tensor.dtype}")
    classes = tensor._array()
    if not classes.size:
        if num_classes <= 0:
            raise RuntimeError("one_hot: Can not infer total number of classes from empty tensor.")
        return apply(one_hot_op, (tensor, num_classes))
    if classes.min() < 0:
        raise RuntimeError(f"one_hot: Class values must be non-negative; got {classes.min()}.")
    if num_classes == -1:
        num_classes = int(classes.max()) + 1
    elif num_classes < 1:
        raise RuntimeError(f"one_hot: num_classes should be positive; got {num_classes}")
    elif classes.max() >= num_classes:
        raise RuntimeError(f"one_hot: Class values must be smaller than num_classes; got {classes.max()} for {num_classes}.")
    return apply(one_hot_op, (tensor, num_classes))


# --- attention ------------------------------------------------------------------------------------


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """`softmax(query key^T * scale + mask) value`; query (..., L, E), key (..., S, E), value (..., S, V): (..., L, V).

    `attn_mask` broadcasts to (..., L, S): bool (True takes part) or numbers that are added; `is_causal`: no key after its query. `scale`
    defaults to `1 / sqrt(E)`; `dropout_p`: weights are dropped, always. `enable_gqa`: groups of query heads share a key head.
    Source: Vaswani et al., 2017.

    >>> import powerhouse as torch
    >>> x = torch.eye(2)
    >>> torch.nn.functional.scaled_dot_product_attention(x, x, x, is_causal=True, scale=0.0)
    tensor([[1.0000, 0.0000],
            [0.5000, 0.5000]])
    """
    keep, keep_scale = None, 1.0
    if not 0.0 <= dropout_p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    if dropout_p > 0.0:
        heads = query.shape[:-2] if enable_gqa else broadcast((query.shape[:-2], key.shape[:-2]), "scaled_dot_product_attention")
        keep = keep_mask((*heads, query.shape[-2], key.shape[-2]), 1 - dropout_p)
        keep_scale = 0.0 if dropout_p == 1.0 else 1 / (1 - dropout_p)
    return apply(attention.scaled_dot_product_attention, (query, key, value, attn_mask, keep, keep_scale, is_causal, scale, enable_gqa))


# --- losses with callbacks and lengths ------------------------------------------------------------------------------------


def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """`max(d(anchor, positive) - d(anchor, negative) + margin, 0)` for any distance `d` (Euclidean by default).

    `swap`: the negative's distance is the smaller of those to the anchor and to the positive.
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if margin <= 0:
        raise ValueError(f"triplet_margin_with_distance_loss: margin must be greater than 0, got {margin}")
    d = distance_function or (lambda a, b: (a - b + 1e-6).norm(2, -1))
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "triplet_margin_with_distance_loss: The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )
    near, far = d(anchor, positive), d(anchor, negative)
    if swap:
        far = far.minimum(d(positive, negative))
    loss = (near - far + margin).clamp_min(0)
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    """The negative log-likelihood of label sequences, summed over all alignments to the frames.

    Shapes: `log_probs` (T, N, C) or (T, C), after a log-softmax; `targets` (N, S), or all of them in one dim; lengths (N,),
    tensors or tuples of ints. `reduction` "mean" divides each loss by its target's length first. `zero_infinity`: impossible
    targets count 0.
    Source: Graves et al., 2006.
    """
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    single = log_probs.ndim == 2
    x = log_probs.unsqueeze(1) if single else log_probs
    frames, batch, classes = x.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"ctc_loss: blank must be in label range; got {blank} for {classes} classes")
    from_lengths, to_lengths = (
        _lengths(v, batch, name) for v, name in ((input_lengths, "input_lengths"), (target_lengths, "target_lengths"))
    )
    if from_lengths.size and not 0 <= from_lengths.min() <= from_lengths.max() <= frames:
        raise RuntimeError(f"ctc_loss: Expected input_lengths to have value at most {frames}, but got value {from_lengths.max()}")
    padded = _padded(targets._array().astype(np.int64), to_lengths, batch)
    loss = apply(ctc_op, (x, *map(from_numpy, (padded, from_lengths, to_lengths)), blank, reduction, zero_infinity))
    return loss.squeeze(0) if single and reduction == "none" else loss


def _lengths(given: Any, batch: int, name: str) -> Any:
    lengths = np.array(given._array() if is_tensor(given) else given, np.int64).reshape(-1)
    if lengths.size != batch:
        raise RuntimeError(f"ctc_loss: {name} must be of size batch_size; got {lengths.size} for a batch of {batch}")
    return lengths


def _padded(targets: Any, lengths: Any, batch: int) -> Any:
    """Targets as (N, S)."""
    longest = int(lengths.max(initial=0))
    if targets.ndim == 2 and len(targets) == batch and targets.shape[1] >= longest:
        return targets
    if targets.ndim != 1 or targets.size < lengths.sum():
        raise RuntimeError(
            f"ctc_loss: Expected targets of shape ({batch}, S >= {longest}) or ({lengths.sum()},), but got {list(targets.shape)}"
        )
    out = np.zeros((batch, longest), np.int64)
    out[np.arange(longest) < lengths[:, None]] = targets[: lengths.sum()]
    return out


def linear_cross_entropy(
    input: Any,
    linear_weight: Any,
    target: Any,
    *,
    linear_bias: Any = None,
    weight: Any = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Any:
    """`cross_entropy(input @ linear_weight.T + linear_bias, target)`.

    `input` (N, in) or (in,), `linear_weight` (C, ..., in), `linear_bias` (C, ...), other arguments as for `cross_entropy`.

    `options` ask PyTorch for a way to save memory; they do not change the result, and are not needed here.
    """
    return apply(linear_cross_entropy_op, (input, linear_weight, target, linear_bias, weight, reduction, ignore_index, label_smoothing))


__all__ = [
    "batch_norm",
    "ctc_loss",
    "embedding",
    "embedding_bag",
    "instance_norm",
    "linear_cross_entropy",
    "one_hot",
    "scaled_dot_product_attention",
    "triplet_margin_with_distance_loss",
]
