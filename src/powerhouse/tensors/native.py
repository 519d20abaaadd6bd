"""Functions of `torch` that are those of `nn.functional` with the argument order of PyTorch's kernels."""

from __future__ import annotations

from typing import Any

from ..graph.op import Sample, composite
from ..graph.symbol import Symbol
from ..ops.arithmetic import rsqrt
from ..ops.composite.softmax import wide
from ..ops.reduction import moments
from ..ops.views import reshape_to
from . import functional, random_functional
from .apply import apply
from .creation import empty


@composite(names=(), name="batch_statistics", out=False, returns=tuple)
def batch_statistics(input: Symbol, eps: float) -> tuple[Symbol, Symbol]:
    """The mean and `1 / sqrt(var + eps)` of each channel of `input` (N, C, ...), without gradient."""
    x = wide(input).plain
    var, mean = moments(x, (0, *range(2, x.ndim)), 0)
    return reshape_to(mean, (x.shape[1],)), reshape_to(rsqrt(var + eps), (x.shape[1],))


batch_statistics.samples(lambda draw: iter([Sample((draw(3, 2, 4), 0.1))]))


def native_batch_norm(
    input: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool, momentum: float, eps: float
) -> tuple[Any, Any, Any]:
    """`(batch_norm, mean, 1 / sqrt(var + eps))`; the statistics (C,) are empty when not training."""
    out = functional.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    if not training:
        return out, empty(0, dtype=input.dtype), empty(0, dtype=input.dtype)
    return out, *apply(batch_statistics, (input, eps))


def batch_norm(
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = False,
) -> Any:
    """`nn.functional.batch_norm` in the argument order of PyTorch's kernel."""
    return functional.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = False,
) -> Any:
    """`nn.functional.instance_norm` in the argument order of PyTorch's kernel."""
    return functional.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


def embedding(weight: Any, indices: Any, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False) -> Any:
    """`nn.functional.embedding` in the argument order of PyTorch's kernel; here -1 is no padding."""
    return functional.embedding(indices, weight, None if padding_idx < 0 else padding_idx, None, 2.0, scale_grad_by_freq, sparse)


def alpha_dropout(input: Any, p: float, train: bool) -> Any:
    """`nn.functional.alpha_dropout`."""
    return random_functional.alpha_dropout(input, p, train)


def feature_alpha_dropout(input: Any, p: float, train: bool) -> Any:
    """`nn.functional.feature_alpha_dropout`."""
    return random_functional.feature_alpha_dropout(input, p, train)


__all__ = ["alpha_dropout", "batch_norm", "embedding", "feature_alpha_dropout", "instance_norm", "native_batch_norm"]
