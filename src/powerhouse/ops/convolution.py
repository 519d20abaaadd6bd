"""Convolutions of any rank: one primitive and its two gradients, which are the gradients of one another.

The NumPy values work with channels last: a window's rows then lie contiguously, a batch of windows becomes a matrix by copying whole
rows, and each value is one matrix product a group. Results stay channels last in memory under their channels-first shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from ..core.dtypes import BOOL
from ..core.errors import require
from ..graph.op import Bad, Sample, composite, primitive
from ..graph.symbol import Symbol, Type
from ._windows import Ints, Windows, per_dim, spans, windows_along
from .arithmetic import conj
from .views import reshape_to

Pairs = tuple[tuple[int, int], ...]

# --- the primitives -------------------------------------------------------------------------------------------------------------


@primitive
def conv(x: Symbol, weight: Symbol, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> Type:
    """`x` (batch, channels, *sizes) correlated with `weight` (out, channels / groups, *kernel), zeros around it: (before, after) a dim."""
    return Type((x.shape[0], weight.shape[0], *_counts(x.shape, weight.shape[2:], stride, padding, dilation)), x.dtype)


@primitive
def conv_input_gradient(g: Symbol, weight: Symbol, sizes: Ints, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> Type:
    """The gradient of `conv` for an input of spatial `sizes`: what is also called a transposed convolution of `g`."""
    return Type((g.shape[0], weight.shape[1] * groups, *sizes), g.dtype)


@primitive
def conv_weight_gradient(g: Symbol, x: Symbol, kernel: Ints, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> Type:
    """The gradient of `conv` for a weight of spatial size `kernel`."""
    return Type((g.shape[1], x.shape[1] // groups, *kernel), g.dtype)


@conv.vjp
def _(g: Symbol, out: Symbol, x: Symbol, weight: Symbol, *how: Any) -> Any:
    return conv_input_gradient(g, conj(weight), x.shape[2:], *how), conv_weight_gradient(g, conj(x), weight.shape[2:], *how)


@conv_input_gradient.vjp
def _(g: Symbol, out: Symbol, grad: Symbol, weight: Symbol, sizes: Ints, *how: Any) -> Any:
    return conv(g, conj(weight), *how), conv_weight_gradient(conj(grad), g, weight.shape[2:], *how)


@conv_weight_gradient.vjp
def _(g: Symbol, out: Symbol, grad: Symbol, x: Symbol, kernel: Ints, *how: Any) -> Any:
    return conv(conj(x), g, *how), conv_input_gradient(conj(grad), g, x.shape[2:], *how)


def _counts(shape: Ints, kernel: Ints, stride: Ints, padding: Pairs, dilation: Ints) -> Ints:
    return tuple(windows_along(n, k, s, sum(p), d) for n, k, s, p, d in zip(shape[2:], kernel, stride, padding, dilation, strict=True))


# --- their values in NumPy: below, arrays are (batch, *sizes, channels) and weights (out, channels / groups, *kernel) --------------

_CHUNK = 1 << 19  # elements of the matrix of windows made at a time: about what the cache holds


@conv.reference
def _(x: Any, weight: Any, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> Any:
    padded = _pad(_channels_last(_wide(x)), padding)
    return _channels_first(_correlate(padded, _wide(weight), stride, dilation, groups)).astype(x.dtype, copy=False)


@conv_input_gradient.reference
def _(g: Any, weight: Any, sizes: Ints, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> Any:
    last, wide = _channels_last(_wide(g)), _wide(weight)
    windows = Windows(weight.shape[2:], stride, tuple(before for before, _ in padding), dilation, g.shape[2:])
    run = _correlate_turned if all(s == 1 for s in stride) else _scatter_windows
    return _channels_first(run(last, wide, sizes, windows, groups)).astype(g.dtype, copy=False)


@conv_weight_gradient.reference
def _(g: Any, x: Any, kernel: Ints, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> Any:
    last, padded = _channels_last(_wide(g)), _pad(_channels_last(_wide(x)), padding)
    per_group = x.shape[1] // groups
    run = _weight_by_taps if per_group == 1 and groups > 1 else _weight_by_windows
    outs = g.shape[1] // groups
    out = np.empty((g.shape[1], per_group, *kernel), last.dtype)
    if run is _weight_by_taps:
        return run(last, padded, out, stride, dilation).astype(g.dtype, copy=False)
    for i in range(groups):
        mine, its = slice(i * outs, (i + 1) * outs), slice(i * per_group, (i + 1) * per_group)
        run(last[..., mine], padded[..., its], out[mine], stride, dilation)
    return out.astype(g.dtype, copy=False)


def _wide(x: Any) -> Any:
    """Half precision is computed in float32."""
    return x.astype(np.float32) if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else x


def _channels_last(x: Any) -> Any:
    return np.moveaxis(x, 1, -1)


def _channels_first(x: Any) -> Any:
    return np.moveaxis(x, -1, 1)


def _pad(x: Any, padding: Pairs) -> Any:
    """`x` in row-major memory with zeros around its sizes; a negative padding takes elements away."""
    grown = [(max(a, 0), max(b, 0)) for a, b in padding]
    cut = tuple(slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(padding, x.shape[1:-1], strict=True))
    x = x[(slice(None), *cut)]
    if not any(map(sum, grown)):
        return np.ascontiguousarray(x)
    out = np.zeros((x.shape[0], *(n + a + b for (a, b), n in zip(grown, x.shape[1:-1], strict=True)), x.shape[-1]), x.dtype)
    out[(slice(None), *(slice(a, a + n) for (a, _), n in zip(grown, x.shape[1:-1], strict=True)))] = x
    return out


def _windows_of(x: Any, kernel: Ints, stride: Ints, dilation: Ints) -> Any:
    """The windows of padded `x` as a view (batch, *counts, *kernel, channels)."""
    counts = tuple(windows_along(n, k, s, 0, d) for n, k, s, d in zip(x.shape[1:-1], kernel, stride, dilation, strict=True))
    steps = x.strides[1:-1]
    strides = (x.strides[0], *(a * s for a, s in zip(steps, stride, strict=True)), *(a * d for a, d in zip(steps, dilation, strict=True)), x.strides[-1])
    return np.lib.stride_tricks.as_strided(x, (x.shape[0], *counts, *kernel, x.shape[-1]), strides, writeable=False)


def _chunks(batch: int, row: int, least: int) -> Iterator[slice]:
    """Slices of the batch, whose items have `row` elements, of about a cache's size and at least `least` elements each."""
    step = max(1, max(_CHUNK, least) // max(row, 1))
    return (slice(i, min(i + step, batch)) for i in range(0, batch, step))


def _matrices(x: Any, kernel: Ints, stride: Ints, dilation: Ints, least: int = 0) -> Iterator[tuple[slice, Any]]:
    """The windows of padded `x`, a slice of the batch at a time, as matrices (batch * counts, kernel * channels)."""
    windows = _windows_of(x, kernel, stride, dilation)
    columns = prod(kernel) * x.shape[-1]
    if prod(kernel) == 1 and windows.flags.c_contiguous:
        yield slice(0, x.shape[0]), windows.reshape(-1, columns)
        return
    buffer: Any = None
    for part in _chunks(x.shape[0], prod(windows.shape[1:]), least):
        some = windows[part]
        if buffer is None:
            buffer = np.empty(some.shape, x.dtype)
        matrix = buffer[: some.shape[0]]
        np.copyto(matrix, some)
        yield part, matrix.reshape(-1, columns)


def _as_matrix(weight: Any) -> Any:
    """A weight (out, channels, *kernel) as a matrix (out, kernel * channels)."""
    return _channels_last(weight).reshape(weight.shape[0], -1)


def _correlate(x: Any, weight: Any, stride: Ints, dilation: Ints, groups: int) -> Any:
    """Padded `x` correlated with `weight`."""
    if groups > 1 and weight.shape[1] == 1:
        return _correlate_depthwise(x, weight, stride, dilation)
    counts = _windows_of(x, weight.shape[2:], stride, dilation).shape[1 : x.ndim - 1]
    out = np.empty((x.shape[0], *counts, weight.shape[0]), x.dtype)
    outs, per_group = weight.shape[0] // groups, weight.shape[1]
    for i in range(groups):
        mine = slice(i * outs, (i + 1) * outs)
        matrix = _as_matrix(weight[mine]).T
        for part, windows in _matrices(x[..., i * per_group : (i + 1) * per_group], weight.shape[2:], stride, dilation):
            here = out[part][..., mine]
            if groups == 1:
                np.matmul(windows, matrix, out=here.reshape(-1, outs))
            else:
                here[...] = np.matmul(windows, matrix).reshape(here.shape)
    return out


def _correlate_depthwise(x: Any, weight: Any, stride: Ints, dilation: Ints) -> Any:
    """One input channel a group: sums over the window's positions, vectorised over channels."""
    windows = _windows_of(x, weight.shape[2:], stride, dilation)
    times = weight.shape[0] // x.shape[-1]
    out = np.zeros((*windows.shape[: x.ndim - 1], weight.shape[0]), x.dtype)
    for part in _chunks(x.shape[0], prod(out.shape[1:]), 0):
        for at in np.ndindex(weight.shape[2:]):
            seen = windows[(part, *(slice(None),) * (x.ndim - 2), *at)]
            out[part] += (seen if times == 1 else np.repeat(seen, times, -1)) * weight[(slice(None), 0, *at)]
    return out


def _correlate_turned(g: Any, weight: Any, sizes: Ints, windows: Windows, groups: int) -> Any:
    """The input's gradient for stride 1: `g` correlated with the weight turned around, its channels exchanged."""
    reach = [d * (k - 1) for k, d in zip(windows.kernel, windows.dilation, strict=True)]
    padding = tuple((r - p, n - count + p) for r, p, n, count in zip(reach, windows.start, sizes, windows.count, strict=True))
    split = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
    turned = np.flip(split.swapaxes(1, 2), tuple(range(3, split.ndim))).reshape(-1, split.shape[1], *windows.kernel)
    return _correlate(_pad(g, padding), turned, (1,) * len(sizes), windows.dilation, groups)


def _scatter_windows(g: Any, weight: Any, sizes: Ints, windows: Windows, groups: int) -> Any:
    """The input's gradient for any stride: each output's share of its window, added up where windows overlap."""
    outs, per_group = weight.shape[0] // groups, weight.shape[1]
    out = np.zeros((g.shape[0], *sizes, per_group * groups), g.dtype)
    positions = list(spans(windows, sizes))
    for i in range(groups):
        mine = np.ascontiguousarray(g[..., i * outs : (i + 1) * outs])
        its = out[..., i * per_group : (i + 1) * per_group]
        matrix = _as_matrix(weight[i * outs : (i + 1) * outs])
        for part in _chunks(g.shape[0], prod(windows.count) * matrix.shape[1], 0):
            shares = np.matmul(mine[part].reshape(-1, outs), matrix).reshape(-1, *windows.count, len(positions), per_group)
            for at, ((_, *read), (_, *having)) in enumerate(positions):
                its[(part, *read)] += shares[(slice(None), *having, at)]
    return out


def _weight_by_windows(g: Any, x: Any, out: Any, stride: Ints, dilation: Ints) -> None:
    """The weight's gradient of one group, written to `out`: `g` against matrices of windows."""
    outs, total = out.shape[0], None
    for part, windows in _matrices(x, out.shape[2:], stride, dilation, least=4 * out.size):
        share = np.matmul(g[part].reshape(-1, outs).T, windows)
        total = share if total is None else np.add(total, share, out=total)
    out[...] = 0 if total is None else _channels_first(total.reshape(outs, *out.shape[2:], out.shape[1]))


def _weight_by_taps(g: Any, x: Any, out: Any, stride: Ints, dilation: Ints) -> Any:
    """The weight's gradient where each group has one input channel: a sum over the batch for each position."""
    windows = _windows_of(x, out.shape[2:], stride, dilation)
    channels = x.shape[-1]
    split = g.reshape(-1, channels, g.shape[-1] // channels)
    for at in np.ndindex(out.shape[2:]):
        seen = windows[(..., *at, slice(None))].reshape(-1, channels)
        out[(slice(None), 0, *at)] = np.einsum("pc,pcm->cm", seen, split).reshape(-1)
    return out


# --- public convolutions ---------------------------------------------------------------------------------------------------------


def _batched(input: Symbol, n: int, op: str) -> Symbol:
    """`input` with a batch dim."""
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"{op}: Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {op}, but got input of size: {list(input.shape)}")
    return input if input.ndim == n + 2 else reshape_to(input, (1, *input.shape))


def _check(input: Symbol, weight: Symbol, bias: Symbol | None, stride: Ints, dilation: Ints, groups: int, outs: int, op: str) -> None:
    """What all convolutions refuse."""
    require(weight.ndim == input.ndim, op, f"expected a weight of {input.ndim} dims to match input {list(input.shape)}, but got weight of size {list(weight.shape)}")
    require(all(s > 0 for s in stride), op, f"non-positive stride is not supported, got {list(stride)}")
    require(all(d > 0 for d in dilation), op, f"dilation should be greater than zero, but got {list(dilation)}")
    require(groups > 0, op, f"non-positive groups is not supported, got {groups}")
    require(all(k > 0 for k in weight.shape[2:]), op, f"kernel size should be greater than zero, but got weight of size {list(weight.shape)}")
    if input.dtype is not weight.dtype:
        raise RuntimeError(f"{op}: expected scalar type {input.dtype.name} but found {weight.dtype.name}: input is {input.dtype}, weight is {weight.dtype}")
    if bias is not None:
        require(bias.shape == (outs,), op, f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with {outs} elements, but got bias of size {list(bias.shape)} instead")
        require(bias.dtype is input.dtype, op, f"Input type ({input.dtype.name}) and bias type ({bias.dtype.name}) should be the same")
    if input.dtype.category == BOOL:
        raise NotImplementedError(f'{op}: "{op}" not implemented for \'Bool\'')
    require(weight.shape[0] >= groups and weight.shape[0] % groups == 0, op,
            f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of size [{list(weight.shape)}] instead")


def _paddings(padding: Any, kernel: Ints, stride: Ints, dilation: Ints, op: str) -> Pairs:
    """(before, after) for each dim, from numbers, 'valid' or 'same'."""
    if padding == "same":
        require(all(s == 1 for s in stride), op, "padding='same' is not supported for strided convolutions")
        total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple((t // 2, t - t // 2) for t in total)
    if isinstance(padding, str):
        require(padding == "valid", op, f"Invalid padding string: '{padding}', expected 'valid' or 'same'")
        padding = 0
    sizes = per_dim(padding, len(kernel), "padding", op)
    require(all(p >= 0 for p in sizes), op, f"negative padding is not supported, got {list(sizes)}")
    return tuple((p, p) for p in sizes)


def _by(sizes: Any) -> str:
    return " x ".join(map(str, sizes))


def _with_bias(out: Symbol, bias: Symbol | None, unbatched: bool) -> Symbol:
    if bias is not None:
        out = out + reshape_to(bias, (1, bias.shape[0], *(1,) * (out.ndim - 2)))
    return reshape_to(out, out.shape[1:]) if unbatched else out


def _convolve(n: int, input: Symbol, weight: Symbol, bias: Symbol | None, stride: Any, padding: Any, dilation: Any, groups: int) -> Symbol:
    op = f"conv{n}d"
    x = _batched(input, n, op)
    stride, dilation = per_dim(stride, n, "stride", op), per_dim(dilation, n, "dilation", op)
    _check(x, weight, bias, stride, dilation, groups, weight.shape[0] if weight.ndim else 0, op)
    kernel = weight.shape[2:]
    pairs = _paddings(padding, kernel, stride, dilation, op)
    expected = weight.shape[1] * groups
    require(x.shape[1] == expected, op, f"Given groups={groups}, weight of size {list(weight.shape)}, expected input{list(x.shape)} to have {expected} channels, but got {x.shape[1]} channels instead")
    padded = [m + sum(p) for m, p in zip(x.shape[2:], pairs, strict=True)]
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    require(all(a >= b for a, b in zip(padded, reach, strict=True)), op,
            f"Calculated padded input size per channel: ({_by(padded)}). Kernel size: ({_by(reach)}). Kernel size can't be greater than actual input size")
    return _with_bias(conv(x, weight, stride, pairs, dilation, groups), bias, input.ndim == n + 1)


def _convolve_transposed(n: int, input: Symbol, weight: Symbol, bias: Symbol | None, stride: Any, padding: Any, output_padding: Any, groups: int, dilation: Any) -> Symbol:
    op = f"conv_transpose{n}d"
    x = _batched(input, n, op)
    stride, dilation, extra = per_dim(stride, n, "stride", op), per_dim(dilation, n, "dilation", op), per_dim(output_padding, n, "output_padding", op)
    _check(x, weight, bias, stride, dilation, groups, weight.shape[1] * groups if weight.ndim > 1 else 0, op)
    pads = per_dim(padding, n, "padding", op)
    require(all(p >= 0 for p in pads), op, f"negative padding is not supported, got {list(pads)}")
    require(all(e >= 0 for e in extra), op, f"negative output_padding is not supported, got {list(extra)}")
    require(x.shape[1] == weight.shape[0], op, f"Given transposed=1, weight of size {list(weight.shape)}, expected input{list(x.shape)} to have {weight.shape[0]} channels, but got {x.shape[1]} channels instead")
    require(all(e < max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)), op,
            f"output padding must be smaller than either stride or dilation, but got output_padding {list(extra)}, stride {list(stride)}, dilation {list(dilation)}")
    sizes = tuple((m - 1) * s - 2 * p + d * (k - 1) + e + 1 for m, s, p, d, k, e in zip(x.shape[2:], stride, pads, dilation, weight.shape[2:], extra, strict=True))
    require(all(m > 0 for m in sizes), op, f"Given input size per channel: ({_by(x.shape[2:])}). Calculated output size per channel: ({_by(sizes)}). Output size is too small")
    # As the gradient of a convolution over `sizes`: what the windows do not reach at the end is the output padding.
    pairs = tuple((p, p - e) for p, e in zip(pads, extra, strict=True))
    return _with_bias(conv_input_gradient(x, weight, sizes, stride, pairs, dilation, groups), bias, input.ndim == n + 1)


@composite(names=("conv1d", "nn.functional.conv1d"), label="convolution")
def conv1d(input: Symbol, weight: Symbol, bias: Symbol | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Symbol:
    """Correlation of `input` (N, C, L) or (C, L) with `weight` (O, C / groups, K); see `conv2d`.

    >>> import powerhouse as torch
    >>> torch.nn.functional.conv1d(torch.ones(1, 1, 4), torch.ones(1, 1, 2))
    tensor([[[2., 2., 2.]]])
    """
    return _convolve(1, input, weight, bias, stride, padding, dilation, groups)


@composite(names=("conv2d", "nn.functional.conv2d"), label="convolution")
def conv2d(input: Symbol, weight: Symbol, bias: Symbol | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Symbol:
    """Correlation of `input` (N, C, H, W) or (C, H, W) with `weight` (O, C / groups, KH, KW), plus `bias` (O,).

    `stride`, `padding`, `dilation` are a number or one a dim; `padding` may be 'valid' or 'same' (stride 1). Output sizes are
    `(size + 2 padding - dilation (K - 1) - 1) // stride + 1`. RuntimeError for channels, dtypes or sizes that do not fit.

    >>> import powerhouse as torch
    >>> torch.nn.functional.conv2d(torch.ones(2, 3, 8, 8), torch.ones(4, 3, 3, 3), stride=2, padding=1).shape
    torch.Size([2, 4, 4, 4])
    """
    return _convolve(2, input, weight, bias, stride, padding, dilation, groups)


@composite(names=("conv3d", "nn.functional.conv3d"), label="convolution")
def conv3d(input: Symbol, weight: Symbol, bias: Symbol | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Symbol:
    """Correlation of `input` (N, C, D, H, W) or (C, D, H, W) with `weight` (O, C / groups, KD, KH, KW); see `conv2d`."""
    return _convolve(3, input, weight, bias, stride, padding, dilation, groups)


@composite(names=("conv_transpose1d", "nn.functional.conv_transpose1d"), label="convolution")
def conv_transpose1d(input: Symbol, weight: Symbol, bias: Symbol | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Symbol:
    """The gradient of `conv1d` as a function of its own: `input` (N, C, L), `weight` (C, O / groups, K); see `conv_transpose2d`."""
    return _convolve_transposed(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@composite(names=("conv_transpose2d", "nn.functional.conv_transpose2d"), label="convolution")
def conv_transpose2d(input: Symbol, weight: Symbol, bias: Symbol | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Symbol:
    """Transposed convolution of `input` (N, C, H, W) or (C, H, W) with `weight` (C, O / groups, KH, KW), plus `bias` (O,).

    Output sizes are `(size - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1`.

    >>> import powerhouse as torch
    >>> torch.nn.functional.conv_transpose2d(torch.ones(1, 2, 4, 4), torch.ones(2, 3, 3, 3), stride=2, padding=1, output_padding=1).shape
    torch.Size([1, 3, 8, 8])
    """
    return _convolve_transposed(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


@composite(names=("conv_transpose3d", "nn.functional.conv_transpose3d"), label="convolution")
def conv_transpose3d(input: Symbol, weight: Symbol, bias: Symbol | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Symbol:
    """The gradient of `conv3d` as a function of its own: `input` (N, C, D, H, W), `weight` (C, O / groups, KD, KH, KW); see `conv_transpose2d`."""
    return _convolve_transposed(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


@conv1d.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3, 7), draw(4, 3, 3), draw(4)), {"stride": 2, "padding": 1})
    yield Sample((draw(4, 8), draw(6, 2, 2)), {"groups": 2, "dilation": 3})
    yield Sample((draw(1, 2, 5), draw(2, 2, 4)), {"padding": "same"})


@conv2d.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3, 6, 5), draw(4, 3, 3, 2), draw(4)))
    yield Sample((draw(2, 3, 6, 5), draw(4, 3, 3, 3), draw(4)), {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)})
    yield Sample((draw(1, 4, 5, 5), draw(8, 1, 3, 3)), {"groups": 4, "stride": 2})
    yield Sample((draw(3, 4, 4), draw(2, 3, 1, 1)), {"stride": 2})
    yield Sample((draw(0, 3, 4, 4), draw(2, 3, 1, 1)))


conv3d.samples(lambda draw: iter([Sample((draw(1, 2, 3, 4, 4), draw(3, 2, 2, 2, 3), draw(3)), {"padding": (1, 0, 1), "stride": (1, 2, 1)})]))
conv_transpose1d.samples(lambda draw: iter([Sample((draw(2, 4, 5), draw(4, 3, 3), draw(6)), {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2})]))


@conv_transpose2d.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3, 4, 3), draw(3, 2, 3, 2), draw(2)))
    yield Sample((draw(3, 4, 3), draw(3, 2, 3, 3)), {"stride": (2, 3), "padding": (1, 2), "output_padding": (1, 0), "dilation": (1, 2)})


conv_transpose3d.samples(lambda draw: iter([Sample((draw(1, 2, 3, 2, 3), draw(2, 2, 2, 2, 3), draw(2)), {"padding": (1, 0, 1), "stride": (1, 2, 1)})]))


def _bad_convolutions(n: int) -> Any:
    def refuse(draw: Any) -> Any:
        x, w = draw(1, 3, *(8,) * n), draw(4, 3, *(3,) * n)
        yield Bad((draw(2), w), {}, RuntimeError, "Expected .*unbatched")
        yield Bad((draw(1, 2, *(8,) * n), w), {}, RuntimeError, "to have 3 channels, but got 2 channels instead")
        yield Bad((draw(1, 3, *(2,) * n), w), {}, RuntimeError, "Kernel size can't be greater than actual input size")
        yield Bad((x, draw(4, 3, *(3,) * n, dtype="float64")), {}, RuntimeError, "expected scalar type")
        yield Bad((x, w, draw(3)), {}, RuntimeError, "expected bias to be 1-dimensional with 4 elements")
        yield Bad((x, w), {"stride": 0}, RuntimeError, "non-positive stride")
        yield Bad((x, w), {"stride": (1,) * (n + 1)}, RuntimeError, "expected stride to be a single int")
        yield Bad((x, w), {"padding": "same", "stride": 2}, RuntimeError, "not supported for strided")
        yield Bad((x, w), {"padding": -1}, RuntimeError, "negative padding")
        yield Bad((x, w), {"groups": 3}, RuntimeError, "divisible by 3 at dimension 0")

    return refuse


def _bad_transposed(n: int) -> Any:
    def refuse(draw: Any) -> Any:
        x, w = draw(1, 3, *(8,) * n), draw(3, 4, *(3,) * n)
        yield Bad((draw(1, 2, *(8,) * n), w), {}, RuntimeError, "to have 3 channels, but got 2 channels instead")
        yield Bad((x, w), {"output_padding": 1}, RuntimeError, "output padding must be smaller than either stride or dilation")
        yield Bad((x, w), {"padding": 9}, RuntimeError, "Output size is too small")

    return refuse


for _n, (_plain, _transposed) in enumerate(((conv1d, conv_transpose1d), (conv2d, conv_transpose2d), (conv3d, conv_transpose3d)), 1):
    _plain.errors(_bad_convolutions(_n))
    _transposed.errors(_bad_transposed(_n))
