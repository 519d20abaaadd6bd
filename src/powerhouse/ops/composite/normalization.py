"""Normalizations: subtract a mean, divide by a standard deviation, scale and shift. Variances are biased; `eps` is added under the root."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ...core.dtypes import FLOAT
from ...graph.op import Bad, Operand, Sample, composite, constant
from ...graph.symbol import Symbol
from ..arithmetic import maximum, power, rsqrt, truncated_division
from ..reduction import moments
from ..views import reduce_sum, reshape_to, slice_put, windows_of, zeros
from .distance import vector_norm
from .softmax import narrow, wide


def _check_floating(input: Symbol, op: str, *others: Symbol | None) -> None:
    if not input.dtype.is_floating_point:
        raise NotImplementedError(f"{op}: not implemented for dtype {input.dtype}; expected a floating-point tensor")
    for other in others:
        if other is not None and other.dtype not in (input.dtype, input.dtype.compute):
            raise RuntimeError(f"{op}: expected scalar type {input.dtype} but found {other.dtype}")


def _affine(x: Symbol, weight: Symbol | None, bias: Symbol | None, shape: tuple[int, ...]) -> Symbol:
    """`x * weight + bias`, the two reshaped to `shape`."""
    if weight is not None:
        x = x * reshape_to(wide(weight), shape)
    return x if bias is None else x + reshape_to(wide(bias), shape)


def _check_normalized_shape(input: Symbol, shape: Any, op: str, **given: Symbol | None) -> tuple[int, ...]:
    """The dims to normalize over: the last ones, whose sizes are `shape`."""
    if not isinstance(shape, tuple):
        raise TypeError(f"{op}(): argument 'normalized_shape' must be tuple of ints, not {type(shape).__name__}")
    if not shape:
        raise RuntimeError(
            f"{op}: Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but "
            "got normalized_shape = []"
        )
    for name, t in given.items():
        if t is not None and t.shape != shape:
            raise RuntimeError(
                f"{op}: Expected {name} to be of same shape as normalized_shape, but got {name} of shape {list(t.shape)} "
                f"and normalized_shape = {list(shape)}"
            )
    if input.shape[-len(shape) :] != shape:
        raise RuntimeError(
            f"{op}: Given normalized_shape={list(shape)}, expected input with shape [*, {', '.join(map(str, shape))}], "
            f"but got input of size{list(input.shape)}"
        )
    return tuple(range(input.ndim - len(shape), input.ndim))


@composite(names=("nn.functional.layer_norm", "layer_norm"), label="native_layer_norm")
def layer_norm(input: Symbol, normalized_shape: Any, weight: Symbol | None = None, bias: Symbol | None = None, eps: float = 1e-5) -> Symbol:
    """`(input - mean) / sqrt(var + eps) * weight + bias` over the last dims, whose sizes are `normalized_shape`.

    Source: Ba, Kiros and Hinton, 2016.

    >>> import powerhouse as torch
    >>> torch.nn.functional.layer_norm(torch.tensor([[-1.0, 1.0]]), (2,))
    tensor([[-1.0000,  1.0000]])
    """
    _check_floating(input, "layer_norm", weight, bias)
    dims = _check_normalized_shape(input, normalized_shape, "layer_norm", weight=weight, bias=bias)
    x = wide(input)
    var, mean = moments(x, dims, 0)
    return narrow(_affine((x - mean) * rsqrt(var + eps), weight, bias, normalized_shape), input.dtype)


@layer_norm.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3, 4), (4,), draw(4), draw(4)))
    yield Sample((draw(2, 3, 4), (3, 4)), {"eps": 0.5})
    yield Sample((draw(0, 4), (4,), draw(4)))


@layer_norm.errors
def _(draw: Any) -> Any:
    yield Bad((draw(2, 3), (4,)), {}, RuntimeError, "normalized_shape")
    yield Bad((draw(2, 3), (3,), draw(2)), {}, RuntimeError, "same shape as normalized_shape")
    yield Bad((draw(2, 3), ()), {}, RuntimeError, "at least 1-dimensional")


@composite(names=("rms_norm", "nn.functional.rms_norm"), label="mul")
def rms_norm(input: Symbol, normalized_shape: Any, weight: Symbol | None = None, eps: float | None = None) -> Symbol:
    """`input / sqrt(mean(input ** 2) + eps) * weight` over the last dims, whose sizes are `normalized_shape`.

    `eps` None is the spacing of numbers at 1 in the dtype of the computation. Source: Zhang and Sennrich, 2019.
    """
    if input.dtype.category < FLOAT:
        raise NotImplementedError(f"rms_norm: not implemented for dtype {input.dtype}; expected a floating-point or complex tensor")
    dims = _check_normalized_shape(input, normalized_shape, "rms_norm", weight=weight)
    x = wide(input)
    kept = tuple(1 if d in dims else n for d, n in enumerate(x.shape))
    square = reshape_to(reduce_sum(x * x, dims), kept) / constant(float(prod(normalized_shape)))
    return narrow(
        _affine(x * rsqrt(square + (float(np.finfo(x.dtype.to_real().numpy).eps) if eps is None else eps)), weight, None, normalized_shape),
        input.dtype,
    )


rms_norm.samples(lambda draw: iter([Sample((draw(2, 3, 4), (4,), draw(4))), Sample((draw(2, 3, 4), (3, 4)), {"eps": 0.5})]))
rms_norm.errors(lambda draw: iter([Bad((draw(2, 3), (4,)), {}, RuntimeError, "normalized_shape")]))

# --- per channel: statistics of dim 1, or of groups of it ------------------------------------------


def _channels(input: Symbol) -> tuple[int, ...]:
    """The shape in which a tensor with one value a channel broadcasts against `input` (N, C, ...)."""
    return (1, input.shape[1]) + (1,) * (input.ndim - 2)


def _check_channels(input: Symbol, op: str, **given: Symbol | None) -> None:
    for name, t in given.items():
        if t is not None and t.shape != (input.shape[1],):
            raise RuntimeError(
                f"{op}: {name} should contain {input.shape[1]} elements not {t.numel}; got input {list(input.shape)} and "
                f"{name} {list(t.shape)}"
            )


def _scaled(off: Symbol, var: Symbol, weight: Symbol | None, bias: Symbol | None, eps: float) -> Symbol:
    """`off / sqrt(var + eps) * weight + bias`, multiplying the large tensor once."""
    shape = _channels(off)
    return _affine(off * _affine(rsqrt(var + eps), weight, None, shape), None, bias, shape)


def _moved(running: Symbol | None, new: Symbol, momentum: Symbol) -> Symbol | None:
    """The running statistic after it has moved by `momentum` towards `new`."""
    if running is None:
        return None
    old = wide(running)
    return narrow(old + (reshape_to(new.plain, running.shape) - old) * momentum, running.dtype)


Moved = tuple[Symbol, Symbol | None, Symbol | None]


@composite(names=(), name="batch_norm", returns=tuple, out=False)
def batch_norm(
    input: Symbol,
    running_mean: Symbol | None,
    running_var: Symbol | None,
    weight: Symbol | None = None,
    bias: Symbol | None = None,
    training: bool = False,
    momentum: Operand = 0.1,
    eps: float = 1e-5,
) -> Moved:  # type: ignore[assignment]
    """`input` (N, C, ...) normalized per channel, and the new running mean and (unbiased) variance (None where there are none).

    In training the statistics are the batch's own; otherwise the running ones, which stay (None is returned for them).
    Source: Ioffe and Szegedy, 2015.
    """
    _check_floating(input, "batch_norm")
    if input.ndim < 2 and input.numel:
        raise RuntimeError(f"batch_norm: expected an input with at least 2 dims (N, C, ...), got {list(input.shape)}")
    if input.numel == 0:  # no batch to normalize, nor to learn statistics from
        return (_affine(input + 0, weight, bias, _channels(input)) if input.ndim > 1 else input + 0), None, None
    _check_channels(input, "batch_norm", running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    x = wide(input)
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("batch_norm: Expected running_mean and running_var to be defined when training=False")
        return _labelled(narrow(_by_running(x, running_mean, running_var, weight, bias, eps), input.dtype)), None, None
    dims = (0, *range(2, x.ndim))
    count = prod(x.shape[d] for d in dims)
    if count == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {list(input.shape)}")
    var, mean = moments(x, dims, 0)
    out = narrow(_scaled(x - mean, var, weight, bias, eps), input.dtype)
    unbiased = var * (count / max(count - 1, 1))
    return _labelled(out), _moved(running_mean, mean, momentum), _moved(running_var, unbiased, momentum)


def _labelled(out: Symbol) -> Symbol:
    """`out` with the name that its `grad_fn` shows: composites with several results are not labelled as a whole."""
    out.label = out.label or "native_batch_norm"
    return out


def _by_running(x: Symbol, mean: Symbol, var: Symbol, weight: Symbol | None, bias: Symbol | None, eps: float) -> Symbol:
    shape = _channels(x)
    return _scaled(x - reshape_to(wide(mean), shape), reshape_to(wide(var), shape), weight, bias, eps)


@batch_norm.samples
def _(draw: Any) -> Any:
    yield Sample((draw(3, 2, 4), draw(2), draw(2, low=0.5), draw(2), draw(2), True, 0.3))
    yield Sample((draw(5, 2), None, None, None, None, True))
    yield Sample((draw(3, 2, 4), draw(2), draw(2, low=0.5), draw(2), draw(2)))
    yield Sample((draw(0, 2), draw(2), draw(2, low=0.5), draw(2), draw(2), True))


@batch_norm.errors
def _(draw: Any) -> Any:
    yield Bad((draw(1, 2), None, None, None, None, True), {}, ValueError, "more than 1 value per channel")
    yield Bad((draw(3, 2), draw(3), draw(3)), {}, RuntimeError, "running_mean should contain 2 elements not 3")
    yield Bad((draw(3, 2), None, None), {}, RuntimeError, "to be defined")


@composite(names=(), name="instance_norm", returns=tuple, out=False)
def instance_norm(
    input: Symbol,
    running_mean: Symbol | None = None,
    running_var: Symbol | None = None,
    weight: Symbol | None = None,
    bias: Symbol | None = None,
    use_input_stats: bool = True,
    momentum: Operand = 0.1,
    eps: float = 1e-5,
) -> Moved:  # type: ignore[assignment]
    """`input` (N, C, ...) normalized per sample and channel, and the new running mean and (unbiased) variance.

    Source: Ulyanov, Vedaldi and Lempitsky, 2016.
    """
    _check_floating(input, "instance_norm")
    if input.ndim < 2:
        raise RuntimeError(f"instance_norm: expected an input with at least 2 dims (N, C, ...), got {list(input.shape)}")
    _check_channels(input, "instance_norm", running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    x = wide(input)
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise RuntimeError("instance_norm: Expected running_mean and running_var to be defined when use_input_stats=False")
        return narrow(_by_running(x, running_mean, running_var, weight, bias, eps), input.dtype), None, None
    dims = tuple(range(2, x.ndim))
    count = prod(x.shape[d] for d in dims)
    if count == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {list(input.shape)}")
    var, mean = moments(x, dims, 0)  # (N, C, 1, ...)
    out = narrow(_scaled(x - mean, var, weight, bias, eps), input.dtype)
    unbiased = var * (count / max(count - 1, 1))
    return out, _moved(running_mean, _over_batch(mean), momentum), _moved(running_var, _over_batch(unbiased), momentum)


def _over_batch(x: Symbol) -> Symbol:
    return reduce_sum(x, (0,)) / constant(float(max(x.shape[0], 1)))


@instance_norm.samples
def _(draw: Any) -> Any:
    yield Sample((draw(3, 2, 4), draw(2), draw(2, low=0.5), draw(2), draw(2), True, 0.3))
    yield Sample((draw(3, 2, 4, 2),))
    yield Sample((draw(3, 2, 4), draw(2), draw(2, low=0.5), None, None, False))


instance_norm.errors(lambda draw: iter([Bad((draw(3, 2, 1),), {}, ValueError, "more than 1 spatial element")]))


@composite(names=("nn.functional.group_norm", "group_norm"), label="native_group_norm")
def group_norm(input: Symbol, num_groups: int, weight: Symbol | None = None, bias: Symbol | None = None, eps: float = 1e-5) -> Symbol:
    """`input` (N, C, ...) normalized per sample over each of `num_groups` groups of channels; `weight` and `bias` (C,).

    Source: Wu and He, 2018.
    """
    if input.ndim < 2:
        raise RuntimeError(f"group_norm: Expected at least 2 dimensions for input tensor but received {input.ndim}")
    _check_floating(input, "group_norm", weight, bias)
    if num_groups <= 0 or input.shape[1] % num_groups:
        raise RuntimeError(
            "group_norm: Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(input.shape)} and num_groups={num_groups}"
        )
    _check_channels(input, "group_norm", weight=weight, bias=bias)
    per_group = prod(input.shape[1:]) // num_groups
    x = reshape_to(wide(input), (input.shape[0], num_groups, per_group))
    var, mean = moments(x, (2,), 0)
    out = reshape_to((x - mean) * rsqrt(var + eps), input.shape)
    return narrow(_affine(out, weight, bias, _channels(input)), input.dtype)


group_norm.samples(lambda draw: iter([Sample((draw(2, 6, 3), 2, draw(6), draw(6))), Sample((draw(2, 6), 3))]))
group_norm.errors(
    lambda draw: iter(
        [Bad((draw(2, 5, 3), 2), {}, RuntimeError, "divisible by num_groups"), Bad((draw(5), 1), {}, RuntimeError, "at least 2 dimensions")]
    )
)


@composite(names=("nn.functional.local_response_norm",), label="div")
def local_response_norm(input: Symbol, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Symbol:
    """`input / (k + alpha * mean of squares over size neighbouring channels) ** beta`; zeros stand beyond the channels.

    Source: Krizhevsky, Sutskever and Hinton, 2012.
    """
    if input.ndim < 3:
        raise ValueError(f"local_response_norm: Expected 3D or higher dimensionality input (got {input.ndim} dimensions)")
    if input.numel == 0:
        return input + 0
    n, channels, *rest = input.shape
    padded = zeros((n, channels + size - 1, *rest), input.dtype)
    place = tuple((size // 2 if d == 1 else 0, m, 1) for d, m in enumerate(input.shape))
    windows = windows_of(slice_put(padded, input * input, place), 1, size, 1)  # (N, C, ..., size)
    total = reduce_sum(windows, (windows.ndim - 1,))
    mean = total / size if total.dtype.category >= FLOAT else truncated_division(total, constant(size))
    return input / power(mean * alpha + k, constant(float(beta)))


local_response_norm.samples(
    lambda draw: iter(
        [
            Sample((draw(2, 5, 3), 3), {"alpha": 0.5}),
            Sample((draw(2, 5, 3, 2), 2, 1.0, 0.5, 2.0)),
            Sample((draw(2, 5, 3, dtype="int64"), 2)),
        ]
    )
)
local_response_norm.errors(lambda draw: iter([Bad((draw(2, 3), 2), {}, ValueError, "Expected 3D")]))


@composite(names=("nn.functional.normalize",), label="div")
def normalize(input: Symbol, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Symbol:
    """`input / max(norm(input, p), eps)` along `dim`.

    >>> import powerhouse as torch
    >>> torch.nn.functional.normalize(torch.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    return input / maximum(vector_norm(input, p, dim, True), eps)


normalize.samples(lambda draw: iter([Sample((draw(2, 3),)), Sample((draw(2, 3, 4), 1.0, (0, 2))), Sample((draw(2, 3), 3.0, -1, 0.1))]))

# --- the same with their statistics, under the names of PyTorch's kernels -------------------------------------------------


@composite(names=("native_layer_norm",), returns=tuple, out=False)
def native_layer_norm(input: Symbol, normalized_shape: Any, weight: Symbol | None, bias: Symbol | None, eps: float) -> tuple[Symbol, ...]:
    """`(layer_norm, mean, 1 / sqrt(var + eps))`; the statistics keep their dims and carry no gradient."""
    out = layer_norm(input, normalized_shape, weight, bias, eps)
    var, mean = moments(wide(input), tuple(range(input.ndim - len(normalized_shape), input.ndim)), 0)
    return out, mean.plain, rsqrt(var + eps).plain


native_layer_norm.samples(lambda draw: iter([Sample((draw(2, 3, 4), (4,), draw(4), draw(4), 0.1), only="forward")]))


@composite(names=("native_group_norm",), returns=tuple, out=False)
def native_group_norm(
    input: Symbol, weight: Symbol | None, bias: Symbol | None, N: int, C: int, HxW: int, group: int, eps: float
) -> tuple[Symbol, ...]:
    """`(group_norm, mean, 1 / sqrt(var + eps))`, the statistics (N, groups)."""
    if input.numel != N * C * HxW:
        raise RuntimeError(f"native_group_norm: expected an input of {N} x {C} x {HxW} elements, got {list(input.shape)}")
    out = group_norm(reshape_to(input, (N, C, HxW)), group, weight, bias, eps)
    var, mean = moments(reshape_to(wide(input), (N, group, C * HxW // group)), (2,), 0)
    return reshape_to(out, input.shape), reshape_to(mean, (N, group)), reshape_to(rsqrt(var + eps), (N, group))


native_group_norm.samples(lambda draw: iter([Sample((draw(2, 6, 3), draw(6), draw(6), 2, 6, 3, 2, 0.1))]))
native_group_norm.errors(lambda draw: iter([Bad((draw(2, 6, 3), None, None, 2, 6, 4, 2, 0.1), {}, RuntimeError, "expected an input of")]))

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "normalize", "rms_norm"]
