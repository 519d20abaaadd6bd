"""Convolution in NumPy: the values of `conv` and its gradients.

Arrays here are (batch, *sizes, channels): a window's rows then lie contiguously, so that a batch of windows becomes a matrix by
copying whole rows, and each value is one matrix product a group. Results stay channels last in memory under their channels-first
shape. Weights are (out, channels / groups, *kernel). Where there are few windows and many weights, the matrix of windows is laid
out as the weights are (channels before positions) instead, which is then less to copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from ._windows import Ints, Windows, spans, windows_along

Pairs = tuple[tuple[int, int], ...]
_CHUNK = 1 << 17  # elements of the matrix of windows made at a time: half of what a core's cache holds
_SMALL = 1 << 14  # elements of a weight of which a copy costs nothing


def correlate(x: Any, weight: Any, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> Any:
    """The value of `conv`."""
    padded = _pad(_channels_last(_wide(x)), padding)
    return _channels_first(_correlate(padded, _wide(weight), stride, dilation, groups)).astype(x.dtype, copy=False)


def input_gradient(g: Any, weight: Any, sizes: Ints, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> Any:
    """The value of `conv_input_gradient`."""
    windows = Windows(weight.shape[2:], stride, tuple(before for before, _ in padding), dilation, g.shape[2:])
    scatter = any(s > 1 for s in stride) or _few(g, weight.shape[0])
    run = _scatter_windows if scatter else _correlate_turned
    return _channels_first(run(_channels_last(_wide(g)), _wide(weight), sizes, windows, groups)).astype(g.dtype, copy=False)


def weight_gradient(g: Any, x: Any, kernel: Ints, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> Any:
    """The value of `conv_weight_gradient`."""
    last, padded = _channels_last(_wide(g)), _pad(_channels_last(_wide(x)), padding)
    outs, channels = g.shape[1] // groups, x.shape[1] // groups
    out = np.empty((g.shape[1], channels, *kernel), last.dtype)
    if channels == 1 and groups > 1:
        _weight_by_positions(last, padded, out, stride, dilation)
    else:
        for i in range(groups):
            mine, its = slice(i * outs, (i + 1) * outs), slice(i * channels, (i + 1) * channels)
            _weight_by_windows(last[..., mine], padded[..., its], out[mine], stride, dilation)
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


# --- matrices of windows ---------------------------------------------------------------------------------------------------------


def _windows_of(x: Any, kernel: Ints, stride: Ints, dilation: Ints) -> Any:
    """The windows of padded `x` as a view (batch, *counts, *kernel, channels)."""
    counts = tuple(windows_along(n, k, s, 0, d) for n, k, s, d in zip(x.shape[1:-1], kernel, stride, dilation, strict=True))
    between = (a * s for a, s in zip(x.strides[1:-1], stride, strict=True))
    inside = (a * d for a, d in zip(x.strides[1:-1], dilation, strict=True))
    strides = (x.strides[0], *between, *inside, x.strides[-1])
    return np.lib.stride_tricks.as_strided(x, (x.shape[0], *counts, *kernel, x.shape[-1]), strides, writeable=False)


def _few(g: Any, outs: int) -> bool:
    """Whether there are few windows: copying weights would cost more than copying windows."""
    return prod(g.shape[2:]) * g.shape[0] < 2 * outs


def _chunks(batch: int, row: int, least: int = 0) -> Iterator[slice]:
    """Slices of the batch, whose items have `row` elements, of about a cache's size or `least` elements each."""
    step = max(1, max(_CHUNK, least) // max(row, 1))
    return (slice(i, min(i + step, batch)) for i in range(0, batch, step))


def _matrices(windows: Any, n: int, channels_first: bool, least: int) -> Iterator[tuple[slice, Any]]:
    """Views (batch, *counts, *kernel, channels) with `n` counts, a slice of the batch at a time, as matrices (batch * counts, rest)."""
    if channels_first:
        windows = np.moveaxis(windows, -1, n + 1)
    columns = prod(windows.shape[n + 1 :])
    if windows.flags.c_contiguous:
        yield slice(0, windows.shape[0]), windows.reshape(prod(windows.shape[: n + 1]), columns)
        return
    buffer: Any = None
    for part in _chunks(windows.shape[0], prod(windows.shape[1:]), least):
        some = windows[part]
        buffer = np.empty(some.shape, some.dtype) if buffer is None else buffer
        matrix = buffer[: some.shape[0]]
        np.copyto(matrix, some)
        yield part, matrix.reshape(prod(some.shape[: n + 1]), columns)


def _as_matrix(weight: Any, channels_first: bool) -> Any:
    """A weight as a matrix (out, kernel * channels), or (out, channels * kernel)."""
    return (weight if channels_first else _channels_last(weight)).reshape(weight.shape[0], -1)


# --- the value ---------------------------------------------------------------------------------------------------------------------


def _correlate(x: Any, weight: Any, stride: Ints, dilation: Ints, groups: int) -> Any:
    """Padded `x` correlated with `weight`."""
    windows, n = _windows_of(x, weight.shape[2:], stride, dilation), x.ndim - 2
    if groups > 1 and weight.shape[1] == 1:
        return _correlate_depthwise(windows, weight)
    out = np.empty((*windows.shape[: n + 1], weight.shape[0]), x.dtype)
    outs, channels = weight.shape[0] // groups, weight.shape[1]
    few = _few(_channels_first(out), outs)
    for i in range(groups):
        mine, its = slice(i * outs, (i + 1) * outs), slice(i * channels, (i + 1) * channels)
        matrix = _as_matrix(weight[mine], few).T
        matrix = np.ascontiguousarray(matrix) if matrix.size < _SMALL else matrix  # BLAS reads small ones faster so
        for part, rows in _matrices(windows[..., its], n, few, 2 * matrix.size):
            here = out[part][..., mine]
            if groups == 1:
                np.matmul(rows, matrix, out=here.reshape(-1, outs))
            else:
                here[...] = np.matmul(rows, matrix).reshape(here.shape)
    return out


def _correlate_depthwise(windows: Any, weight: Any) -> Any:
    """One input channel a group: a sum over the window's positions, vectorised over channels, or over rows where they lie together."""
    n, channels = weight.ndim - 2, windows.shape[-1]
    times, width = weight.shape[0] // channels, windows.shape[n]
    whole_rows = times == 1 and windows.strides[n] == channels * windows.strides[-1]
    out = np.zeros((*windows.shape[: n + 1], weight.shape[0]), windows.dtype)
    for part in _chunks(out.shape[0], prod(out.shape[1:])):
        here = out[part]
        product = np.empty_like(here)
        for at in np.ndindex(weight.shape[2:]):
            seen, factor = windows[(part, *(slice(None),) * n, *at)], weight[(slice(None), 0, *at)]
            if whole_rows:
                row = (*here.shape[:n], width * channels)
                np.multiply(seen.reshape(row), np.tile(factor, width), out=product.reshape(row))
            else:
                np.multiply(seen if times == 1 else np.repeat(seen, times, -1), factor, out=product)
            here += product
    return out


# --- the input's gradient ------------------------------------------------------------------------------------------------------------


def _correlate_turned(g: Any, weight: Any, sizes: Ints, windows: Windows, groups: int) -> Any:
    """For stride 1: `g` correlated with the weight turned around, its channels exchanged."""
    reach = [d * (k - 1) for k, d in zip(windows.kernel, windows.dilation, strict=True)]
    padding = tuple((r - p, n - count + p) for r, p, n, count in zip(reach, windows.start, sizes, windows.count, strict=True))
    split = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
    turned = np.flip(split.swapaxes(1, 2), tuple(range(3, split.ndim))).reshape(-1, split.shape[1], *windows.kernel)
    return _correlate(_pad(g, padding), turned, (1,) * len(sizes), windows.dilation, groups)


def _scatter_windows(g: Any, weight: Any, sizes: Ints, windows: Windows, groups: int) -> Any:
    """For any stride: each output's share of its window, added up where windows overlap."""
    outs, channels = weight.shape[0] // groups, weight.shape[1]
    out = np.zeros((g.shape[0], *sizes, channels * groups), g.dtype)
    positions = list(enumerate(spans(windows, sizes)))
    few = _few(_channels_first(g), outs)
    inside = (channels, len(positions)) if few else (len(positions), channels)
    for i in range(groups):
        mine = np.ascontiguousarray(g[..., i * outs : (i + 1) * outs])
        its = out[..., i * channels : (i + 1) * channels]
        matrix = _as_matrix(weight[i * outs : (i + 1) * outs], few)
        for part in _chunks(g.shape[0], prod(windows.count) * matrix.shape[1], 2 * matrix.size):
            shares = np.matmul(mine[part].reshape(-1, outs), matrix).reshape(-1, *windows.count, *inside)
            shares = np.moveaxis(shares, -1 if few else -2, 0)  # (positions, batch, *counts, channels)
            for at, ((_, *read), (_, *having)) in positions:
                its[(part, *read)] += shares[(at, slice(None), *having)]
    return out


# --- the weight's gradient -------------------------------------------------------------------------------------------------------------


def _weight_by_windows(g: Any, x: Any, out: Any, stride: Ints, dilation: Ints) -> None:
    """The gradient of one group, written to `out`: `g` against matrices of windows."""
    windows, outs, total = _windows_of(x, out.shape[2:], stride, dilation), out.shape[0], None
    few = _few(_channels_first(g), outs)
    for part, rows in _matrices(windows, x.ndim - 2, few, 4 * out.size):
        share = np.matmul(g[part].reshape(-1, outs).T, rows)
        total = share if total is None else np.add(total, share, out=total)
    if total is None:
        out[...] = 0
    else:
        out[...] = total.reshape(out.shape) if few else _channels_first(total.reshape(outs, *out.shape[2:], out.shape[1]))


def _weight_by_positions(g: Any, x: Any, out: Any, stride: Ints, dilation: Ints) -> None:
    """The gradient where each group has one input channel, written to `out`: a sum over the batch for each position."""
    windows, channels = _windows_of(x, out.shape[2:], stride, dilation), x.shape[-1]
    split = g.reshape(-1, channels, g.shape[-1] // channels)
    for at in np.ndindex(out.shape[2:]):
        seen = windows[(..., *at, slice(None))].reshape(-1, channels)
        out[(slice(None), 0, *at)] = np.einsum("pc,pcm->cm", seen, split).reshape(-1)
