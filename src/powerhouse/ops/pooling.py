"""Pooling: the maximum, mean or norm of windows."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import BOOL, COMPLEX, FLOAT
from ..core.errors import require
from ..graph.op import Bad, Sample, cast, composite, constant, primitive
from ..graph.symbol import Symbol, Type
from ._windows import AdaptiveWindows, Ints, Windows, per_dim, spans, windows_along
from .arithmetic import maximum, minimum, truncated_division
from .reduction import iota
from .views import reshape_to

Pool = Windows | AdaptiveWindows

# --- the primitives: windows over the last dims -----------------------------------------------------------------------------------


def outer_shape(x: Symbol, windows: Pool) -> Ints:
    """The dims before those that the windows are over."""
    return x.shape[: x.ndim - len(windows.count)]


def _sizes(x: Any, windows: Pool) -> Ints:
    return tuple(x.shape[x.ndim - len(windows.count) :])


def _pooled(x: Any, windows: Pool) -> Ints:
    return (*x.shape[: x.ndim - len(windows.count)], *windows.count)


@primitive
def window_max(x: Symbol, windows: Pool) -> Type:
    """The maximum of each window; nan where it has one. Padding counts as less than anything."""
    return Type(_pooled(x, windows), x.dtype)


@window_max.reference
def _(x: Any, windows: Pool) -> Any:
    lowest = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -np.inf
    out = np.full_like(x, lowest, shape=_pooled(x, windows))
    for read, having in spans(windows, _sizes(x, windows)):
        out[having] = np.maximum(out[having], x[read])
    return out


@window_max.vjp
def _(g: Symbol, out: Symbol, x: Symbol, windows: Pool) -> Any:
    return (window_spread(g, window_argmax(x, out, windows), _sizes(x, windows), windows),)


@primitive(differentiable=False)
def window_argmax(x: Symbol, best: Symbol, windows: Pool) -> Type:
    """The position inside its window, counted in row-major order, of the first element that equals `best`, or of the last nan."""
    return Type(best.shape, dt.uint8 if prod(windows.kernel) <= 256 else dt.int32)


@window_argmax.reference
def _(x: Any, best: Any, windows: Pool) -> Any:
    missing = np.ones_like(best, bool)  # the windows in which it has not been met yet
    choice = np.zeros_like(best, np.uint8 if prod(windows.kernel) <= 256 else np.int32)
    positions = list(enumerate(spans(windows, _sizes(x, windows))))
    for _, (read, having) in positions[:-1]:
        missing[having] &= x[read] != best[having]
        choice += missing
    if x.dtype.kind not in "iu" and np.isnan(best).any():
        for at, (read, having) in positions:
            choice[having] = np.where(np.isnan(x[read]), choice.dtype.type(at), choice[having])
    return choice


@primitive(linear=True)
def window_pick(x: Symbol, choice: Symbol, windows: Pool) -> Type:
    """The element at position `choice` of each window."""
    return Type(choice.shape, x.dtype)


@window_pick.reference
def _(x: Any, choice: Any, windows: Pool) -> Any:
    out = np.zeros_like(choice, x.dtype)
    for at, (read, having) in enumerate(spans(windows, _sizes(x, windows))):
        out[having] += _only(x[read], choice[having] == at)
    return out


@primitive(linear=True)
def window_spread(g: Symbol, choice: Symbol, sizes: Ints, windows: Pool) -> Type:
    """Zeros of `sizes`, with each window's `g` added at its position `choice`: the gradient of `window_pick`."""
    return Type((*outer_shape(g, windows), *sizes), g.dtype)


@window_spread.reference
def _(g: Any, choice: Any, sizes: Ints, windows: Pool) -> Any:
    out = np.zeros_like(g, shape=(*g.shape[: g.ndim - len(sizes)], *sizes))
    for at, (read, having) in enumerate(spans(windows, sizes)):
        _add(out, read, _only(g[having], choice[having] == at), windows)
    return out


def _only(x: Any, chosen: Any) -> Any:
    """`x` where `chosen`, else zero. Multiplying bits is several times faster than `np.where`, and keeps infinities in their place."""
    if x.dtype.itemsize > 8:
        return np.where(chosen, x, x.dtype.type(0))
    bits = f"u{x.dtype.itemsize}"
    return np.multiply(x.view(bits), chosen, dtype=bits).view(x.dtype)


def _add(out: Any, read: Any, value: Any, windows: Pool) -> None:
    if windows.repeats:
        np.add.at(out, read, value)
    elif windows.disjoint:
        out[read] = value
    else:
        out[read] += value


window_pick.vjp(lambda g, out, x, choice, windows: (window_spread(g, choice, _sizes(x, windows), windows), None))
window_spread.vjp(lambda g, out, grad, choice, sizes, windows: (window_pick(g, choice, windows), None))


@primitive(differentiable=False)
def window_positions(choice: Symbol, sizes: Ints, windows: Pool) -> Type:
    """`choice` as positions in the flattened plane of `sizes`: the indices that max pooling returns."""
    return Type(choice.shape, dt.int64)


@window_positions.reference
def _(choice: Any, sizes: Ints, windows: Pool) -> Any:
    out = np.zeros(choice.shape, np.int64)
    at = np.unravel_index(choice, windows.kernel)
    for dim, size in enumerate(sizes):
        window = np.arange(windows.count[dim]).reshape(-1, *(1,) * (len(sizes) - 1 - dim))
        out = out * size + windows.elements(dim, size)[window, at[dim]]
    return out


@primitive(linear=True)
def window_sum(x: Symbol, windows: Pool) -> Type:
    """The sum of each window."""
    return Type(_pooled(x, windows), x.dtype)


@primitive(linear=True)
def window_unsum(g: Symbol, sizes: Ints, windows: Pool) -> Type:
    """Zeros of `sizes`, with each window's `g` added to all of its elements: the gradient of `window_sum`."""
    return Type((*outer_shape(g, windows), *sizes), g.dtype)


window_sum.vjp(lambda g, out, x, windows: (window_unsum(g, _sizes(x, windows), windows),))
window_unsum.vjp(lambda g, out, grad, sizes, windows: (window_sum(g, windows),))


@window_sum.reference
def _(x: Any, windows: Pool) -> Any:
    n = len(windows.count)
    for dim, size in enumerate(_sizes(x, windows)):
        axis = x.ndim - n + dim
        out = np.zeros_like(x, shape=(*x.shape[:axis], windows.count[dim], *x.shape[axis + 1 :]))
        for read, having in windows.along(dim, size):
            out[_at(axis, having)] += x[_at(axis, read)]
        x = out
    return x


@window_unsum.reference
def _(g: Any, sizes: Ints, windows: Pool) -> Any:
    for dim, size in enumerate(sizes):
        axis = g.ndim - len(sizes) + dim
        out = np.zeros_like(g, shape=(*g.shape[:axis], size, *g.shape[axis + 1 :]))
        for read, having in windows.along(dim, size):
            _add(out, _at(axis, read), g[_at(axis, having)], windows)
        g = out
    return g


def _at(axis: int, index: Any) -> tuple[Any, ...]:
    return (*(slice(None),) * axis, index)


# --- windows from arguments --------------------------------------------------------------------------------------------------------


def _check_input(input: Symbol, n: int, op: str) -> None:
    if input.ndim not in (n + 1, n + 2) or 0 in input.shape[input.ndim - n - 1 :]:
        raise RuntimeError(
            f"{op}: Expected {n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch size for input, but got:{list(input.shape)}"
        )


def refuse(input: Symbol, op: str, *categories: int) -> None:
    """NotImplementedError for dtypes of these categories."""
    if input.dtype.category in categories:
        raise NotImplementedError(f"{op}: \"{op}\" not implemented for '{input.dtype.name}'")


def _pool_windows(
    input: Symbol, n: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, op: str
) -> tuple[Windows, Ints]:
    """The windows, and the padding of each dim."""
    _check_input(input, n, op)
    kernel = per_dim(kernel, n, "kernel_size", op)
    stride = kernel if stride is None or stride == () else per_dim(stride, n, "stride", op)
    padding, dilation = per_dim(padding, n, "padding", op), per_dim(dilation, n, "dilation", op)
    require(all(k > 0 for k in kernel), op, f"kernel_size must be greater than zero, but got {list(kernel)}")
    require(all(s > 0 for s in stride), op, f"stride should not be zero, it must be greater than zero, but got {list(stride)}")
    require(all(d > 0 for d in dilation), op, f"dilation should be greater than zero, but got {list(dilation)}")
    require(all(p >= 0 for p in padding), op, f"pad must be non-negative, but got pad: {list(padding)}")
    require(
        all(p <= (d * (k - 1) + 1) // 2 for p, k, d in zip(padding, kernel, dilation, strict=True)),
        op,
        f"pad should be at most half of effective kernel size, "
        f"but got pad={list(padding)}, kernel_size={list(kernel)} and dilation={list(dilation)}",
    )
    sizes = input.shape[input.ndim - n :]
    count = tuple(_count(*along, ceil_mode) for along in zip(sizes, kernel, stride, padding, dilation, strict=True))
    if any(c < 1 for c in count):
        plane, pooled = ("x".join(map(str, (input.shape[-n - 1], *s))) for s in (sizes, count))
        raise RuntimeError(
            f"{op}: Given input size: ({plane}). Calculated output size: ({pooled}). Output size is too small: Invalid computed output size"
        )
    return Windows(kernel, stride, padding, dilation, count), padding


def _count(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    count = windows_along(size + (stride - 1 if ceil_mode else 0), kernel, stride, 2 * padding, dilation)
    # A last partial window must start inside the tensor or its left padding.
    return count - 1 if ceil_mode and (count - 1) * stride >= size + padding else count


# --- maxima ------------------------------------------------------------------------------------------------------------------------


def max_and_positions(input: Symbol, windows: Pool, return_indices: bool) -> Any:
    """The maxima of windows, with their positions in the flattened plane if wanted."""
    best = window_max(input, windows)
    if not return_indices:
        return best
    choice = window_argmax(input.plain, best.plain, windows)
    return best, window_positions(choice, _sizes(input, windows), windows)


def _max(n: int, input: Symbol, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, return_indices: bool) -> Any:
    op = f"max_pool{n}d"
    refuse(input, op, BOOL, COMPLEX)
    windows, _ = _pool_windows(input, n, kernel_size, stride, padding, dilation, ceil_mode, op)
    return max_and_positions(input, windows, return_indices)


@composite(names=("nn.functional.max_pool1d", "max_pool1d"))
def max_pool1d(
    input: Symbol,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maxima of windows of `input` (N, C, L) or (C, L); see `max_pool2d`."""
    return _max(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@composite(names=("nn.functional.max_pool2d", "max_pool2d"))
def max_pool2d(
    input: Symbol,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maxima of windows of `input` (N, C, H, W) or (C, H, W); with `return_indices` also their positions in the flattened plane.

    `stride` defaults to `kernel_size`; padding counts as -inf; `ceil_mode` keeps a last partial window.

    >>> import powerhouse as torch
    >>> torch.nn.functional.max_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    return _max(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@composite(names=("nn.functional.max_pool3d", "max_pool3d"), autocast="float32")
def max_pool3d(
    input: Symbol,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """The maxima of windows of `input` (N, C, D, H, W) or (C, D, H, W); see `max_pool2d`."""
    return _max(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


# --- means -------------------------------------------------------------------------------------------------------------------------


def means(
    op: str,
    n: int,
    input: Symbol,
    kernel_size: Any,
    stride: Any,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Symbol:
    """The means of windows over the last `n` dims; errors name `op`."""
    refuse(input, op, BOOL, COMPLEX)
    require(divisor_override != 0, op, "divisor must be not zero")
    windows, padding = _pool_windows(input, n, kernel_size, stride, padding, 1, ceil_mode, op)
    total = window_sum(cast(input, input.dtype.compute), windows)
    if divisor_override is not None:
        return divided(total, constant(divisor_override), input.dtype)
    whole = not ceil_mode and (count_include_pad or not any(padding))
    divisor = (
        constant(prod(windows.kernel)) if whole else _members(windows, _sizes(input, windows), padding if count_include_pad else (0,) * n)
    )
    return divided(total, divisor, input.dtype)


def divided(total: Symbol, divisor: Symbol, dtype: dt.dtype) -> Symbol:
    """The mean in the input's dtype; integers are divided as integers."""
    if dtype.category < FLOAT:
        return truncated_division(total, divisor)
    return cast(total / cast(divisor, total.dtype), dtype)


def _members(windows: Windows, sizes: Ints, padding: Ints) -> Symbol:
    """How many elements each window has, of those inside the tensor and `padding` around it: a tensor of shape `windows.count`."""
    members = None
    for dim, (size, pad) in enumerate(zip(sizes, padding, strict=True)):
        start = iota(windows.count[dim]) * windows.stride[dim] - windows.start[dim]
        along = minimum(start + windows.kernel[dim], size + pad) - maximum(start, -pad)
        along = reshape_to(along, (windows.count[dim], *(1,) * (len(sizes) - 1 - dim)))
        members = along if members is None else members * along
    return members


@composite(names=("nn.functional.avg_pool1d", "avg_pool1d"))
def avg_pool1d(
    input: Symbol, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True
) -> Symbol:
    """The means of windows of `input` (N, C, L) or (C, L); see `avg_pool2d`."""
    return means("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad)


@composite(names=("nn.functional.avg_pool2d",))
def avg_pool2d(
    input: Symbol,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Symbol:
    """The means of windows of `input` (N, C, H, W) or (C, H, W).

    Zeros of the padding count as members unless `count_include_pad` is False; `divisor_override` replaces the number of members.

    >>> import powerhouse as torch
    >>> torch.nn.functional.avg_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    return means("avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@composite(names=("nn.functional.avg_pool3d",), autocast="float32")
def avg_pool3d(
    input: Symbol,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Symbol:
    """The means of windows of `input` (N, C, D, H, W) or (C, D, H, W); see `avg_pool2d`."""
    return means("avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


# --- samples ---------------------------------------------------------------------------------------------------------------------------


def _pool_samples(n: int, extra: dict[str, Any], dilated: bool) -> Any:
    def samples(draw: Any) -> Any:
        yield Sample((draw(2, 3, *(6,) * n), 2))
        yield Sample((draw(3, *(7,) * n), 3), {"stride": 2, "padding": 1, "ceil_mode": True, **extra})
        yield Sample((draw(1, 2, *range(5, 5 + n)), tuple(range(2, 2 + n)), 1), {"dilation": 2} if dilated else {})

    return samples


def _bad_pools(n: int) -> Any:
    def errors(draw: Any) -> Any:
        x = draw(1, 3, *(8,) * n)
        yield Bad((draw(2), 2), {}, RuntimeError, f"Expected {n + 1}D or {n + 2}D")
        yield Bad((x, 9), {}, RuntimeError, "Output size is too small")
        yield Bad((x, 2), {"padding": 2}, RuntimeError, "pad should be at most half of effective kernel size")
        yield Bad((x, 2), {"stride": 0}, RuntimeError, "stride should not be zero")
        yield Bad((x, (2,) * (n + 1)), {}, RuntimeError, "expected kernel_size to be a single int")

    return errors


for _n, (_largest, _average) in enumerate(((max_pool1d, avg_pool1d), (max_pool2d, avg_pool2d), (max_pool3d, avg_pool3d)), 1):
    _largest.samples(_pool_samples(_n, {"return_indices": True}, True))
    _largest.errors(_bad_pools(_n))
    _average.samples(_pool_samples(_n, {"count_include_pad": False}, False))
    _average.errors(_bad_pools(_n))
