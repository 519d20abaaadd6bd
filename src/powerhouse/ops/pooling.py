"""Pooling: the maximum, mean or norm of windows."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import BOOL, COMPLEX, FLOAT, INTEGER
from ..core.errors import require
from ..graph.op import Bad, Sample, cast, composite, constant, primitive
from ..graph.symbol import Symbol, Type
from ._windows import AdaptiveWindows, Ints, Windows, per_dim, spans, windows_along
from .arithmetic import floor_divide, maximum, minimum, truncated_division
from .reduction import iota
from .views import reduce_sum, reshape_to

Pool = Windows | AdaptiveWindows

# --- the primitives: windows over the last dims -----------------------------------------------------------------------------------


def _rest(x: Symbol, windows: Pool) -> Ints:
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
    choice = np.zeros_like(best, np.uint8 if prod(windows.kernel) <= 256 else np.int32)
    positions = list(enumerate(spans(windows, _sizes(x, windows))))
    for at, (read, having) in reversed(positions):
        choice[having] = np.where(x[read] == best[having], choice.dtype.type(at), choice[having])
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
        out[having] = np.where(choice[having] == at, x[read], out[having])
    return out


@primitive(linear=True)
def window_spread(g: Symbol, choice: Symbol, sizes: Ints, windows: Pool) -> Type:
    """Zeros of `sizes`, with each window's `g` added at its position `choice`: the gradient of `window_pick`."""
    return Type((*_rest(g, windows), *sizes), g.dtype)


@window_spread.reference
def _(g: Any, choice: Any, sizes: Ints, windows: Pool) -> Any:
    out = np.zeros_like(g, shape=(*g.shape[: g.ndim - len(sizes)], *sizes))
    for at, (read, having) in enumerate(spans(windows, sizes)):
        _add(out, read, np.where(choice[having] == at, g[having], g.dtype.type(0)), windows)
    return out


def _add(out: Any, read: Any, value: Any, windows: Pool) -> None:
    if windows.repeats:
        np.add.at(out, read, value)
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
    return Type((*_rest(g, windows), *sizes), g.dtype)


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
        raise RuntimeError(f"{op}: Expected {n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch size for input, but got:{list(input.shape)}")


def _refuse(input: Symbol, op: str, *categories: int) -> None:
    if input.dtype.category in categories:
        raise NotImplementedError(f'{op}: "{op}" not implemented for \'{input.dtype.name}\'')


def _pool_windows(input: Symbol, n: int, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, op: str) -> tuple[Windows, Ints]:
    """The windows, and the padding of each dim."""
    _check_input(input, n, op)
    kernel = per_dim(kernel, n, "kernel_size", op)
    stride = kernel if stride is None or stride == () else per_dim(stride, n, "stride", op)
    padding, dilation = per_dim(padding, n, "padding", op), per_dim(dilation, n, "dilation", op)
    require(all(k > 0 for k in kernel), op, f"kernel_size must be greater than zero, but got {list(kernel)}")
    require(all(s > 0 for s in stride), op, f"stride should not be zero, it must be greater than zero, but got {list(stride)}")
    require(all(d > 0 for d in dilation), op, f"dilation should be greater than zero, but got {list(dilation)}")
    require(all(p >= 0 for p in padding), op, f"pad must be non-negative, but got pad: {list(padding)}")
    require(all(p <= (d * (k - 1) + 1) // 2 for p, k, d in zip(padding, kernel, dilation, strict=True)), op,
            f"pad should be at most half of effective kernel size, but got pad={list(padding)}, kernel_size={list(kernel)} and dilation={list(dilation)}")
    sizes = input.shape[input.ndim - n :]
    count = tuple(_count(*along, ceil_mode) for along in zip(sizes, kernel, stride, padding, dilation, strict=True))
    if any(c < 1 for c in count):
        plane, pooled = ("x".join(map(str, (input.shape[-n - 1], *s))) for s in (sizes, count))
        raise RuntimeError(f"{op}: Given input size: ({plane}). Calculated output size: ({pooled}). Output size is too small: Invalid computed output size")
    return Windows(kernel, stride, padding, dilation, count), padding


def _count(size: int, kernel: int, stride: int, padding: int, dilation: int, ceil_mode: bool) -> int:
    count = windows_along(size + (stride - 1 if ceil_mode else 0), kernel, stride, 2 * padding, dilation)
    # A last partial window must start inside the tensor or its left padding.
    return count - 1 if ceil_mode and (count - 1) * stride >= size + padding else count


# --- maxima ------------------------------------------------------------------------------------------------------------------------


def _max_pool(input: Symbol, windows: Pool, return_indices: bool) -> Any:
    best = window_max(input, windows)
    if not return_indices:
        return best
    choice = window_argmax(input.plain, best.plain, windows)
    return best, window_positions(choice, _sizes(input, windows), windows)


def _max(n: int, input: Symbol, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, return_indices: bool) -> Any:
    op = f"max_pool{n}d"
    _refuse(input, op, BOOL, COMPLEX)
    windows, _ = _pool_windows(input, n, kernel_size, stride, padding, dilation, ceil_mode, op)
    return _max_pool(input, windows, return_indices)


@composite(names=("max_pool1d", "nn.functional.max_pool1d"))
def max_pool1d(input: Symbol, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """The maxima of windows of `input` (N, C, L) or (C, L); see `max_pool2d`."""
    return _max(1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@composite(names=("max_pool2d", "nn.functional.max_pool2d"))
def max_pool2d(input: Symbol, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """The maxima of windows of `input` (N, C, H, W) or (C, H, W); with `return_indices` also their positions in the flattened plane.

    `stride` defaults to `kernel_size`; padding counts as -inf; `ceil_mode` keeps a last partial window.

    >>> import powerhouse as torch
    >>> torch.nn.functional.max_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 5.,  7.],
             [13., 15.]]])
    """
    return _max(2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@composite(names=("max_pool3d", "nn.functional.max_pool3d"))
def max_pool3d(input: Symbol, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
    """The maxima of windows of `input` (N, C, D, H, W) or (C, D, H, W); see `max_pool2d`."""
    return _max(3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


# --- means -------------------------------------------------------------------------------------------------------------------------


def _mean(n: int, input: Symbol, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool, divisor_override: Any) -> Symbol:
    op = f"avg_pool{n}d"
    _refuse(input, op, BOOL, COMPLEX)
    require(divisor_override != 0, op, "divisor must be not zero")
    windows, padding = _pool_windows(input, n, kernel_size, stride, padding, 1, ceil_mode, op)
    total = window_sum(cast(input, input.dtype.compute), windows)
    if divisor_override is not None:
        return _divided(total, constant(divisor_override), input.dtype)
    whole = not ceil_mode and (count_include_pad or not any(padding))
    divisor = constant(prod(windows.kernel)) if whole else _members(windows, _sizes(input, windows), padding if count_include_pad else (0,) * n)
    return _divided(total, divisor, input.dtype)


def _divided(total: Symbol, divisor: Symbol, dtype: dt.dtype) -> Symbol:
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


@composite(names=("avg_pool1d", "nn.functional.avg_pool1d"))
def avg_pool1d(input: Symbol, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True) -> Symbol:
    """The means of windows of `input` (N, C, L) or (C, L); see `avg_pool2d`."""
    return _mean(1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@composite(names=("nn.functional.avg_pool2d",))
def avg_pool2d(input: Symbol, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: Any = None) -> Symbol:
    """The means of windows of `input` (N, C, H, W) or (C, H, W).

    Zeros of the padding count as members unless `count_include_pad` is False; `divisor_override` replaces the number of members.

    >>> import powerhouse as torch
    >>> torch.nn.functional.avg_pool2d(torch.arange(16.0).reshape(1, 4, 4), 2)
    tensor([[[ 2.5000,  4.5000],
             [10.5000, 12.5000]]])
    """
    return _mean(2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


@composite(names=("nn.functional.avg_pool3d",))
def avg_pool3d(input: Symbol, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: Any = None) -> Symbol:
    """The means of windows of `input` (N, C, D, H, W) or (C, D, H, W); see `avg_pool2d`."""
    return _mean(3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


# --- adaptive windows ----------------------------------------------------------------------------------------------------------------


def _adaptive(n: int, input: Symbol, output_size: Any, op: str) -> AdaptiveWindows:
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"{op}(): Expected {n + 1}D or {n + 2}D tensor, but got: {list(input.shape)}")
    _refuse(input, op, BOOL, INTEGER, COMPLEX)
    sizes = input.shape[input.ndim - n :]
    wanted = (output_size,) * n if output_size is None or isinstance(output_size, int) else tuple(output_size)
    require(len(wanted) == n, op, f"output_size must be {n} sizes, but got {list(wanted)}")
    count = tuple(size if want is None else want for size, want in zip(sizes, wanted, strict=True))
    require(all(c >= 0 for c in count), op, f"elements of output_size must be greater than or equal to 0 but received {list(count)}")
    for dim in range(input.ndim - n - 1, input.ndim):
        require(input.shape[dim] > 0, op, f"Expected input to have non-zero size for non-batch dimensions, but input has sizes {list(input.shape)} with dimension {dim} being empty")
    return AdaptiveWindows(sizes, count)


def _even(windows: AdaptiveWindows) -> bool:
    """Whether the windows are all of one size and lie side by side."""
    return all(c and size % c == 0 for size, c in zip(windows.sizes, windows.count, strict=True))


def _adaptive_mean(n: int, input: Symbol, output_size: Any) -> Symbol:
    windows = _adaptive(n, input, output_size, f"adaptive_avg_pool{n}d")
    wide = cast(input, input.dtype.compute)
    if _even(windows):
        kernel = tuple(size // c for size, c in zip(windows.sizes, windows.count, strict=True))
        parts = reshape_to(wide, (*_rest(wide, windows), *(m for pair in zip(windows.count, kernel, strict=True) for m in pair)))
        total = reduce_sum(parts, tuple(range(parts.ndim - 2 * n + 1, parts.ndim, 2)))
        return _divided(total, constant(prod(kernel)), input.dtype)
    return _divided(window_sum(wide, windows), _adaptive_members(windows), input.dtype)


def _adaptive_members(windows: AdaptiveWindows) -> Symbol:
    """How many elements each window has: a tensor of shape `windows.count`."""
    members = constant(1)
    for dim, (size, count) in enumerate(zip(windows.sizes, windows.count, strict=True)):
        i = iota(count)
        along = floor_divide((i + 1) * size + (count - 1), max(count, 1)) - floor_divide(i * size, max(count, 1))
        members = members * reshape_to(along, (count, *(1,) * (len(windows.count) - 1 - dim)))
    return members


@composite(names=("adaptive_avg_pool1d", "nn.functional.adaptive_avg_pool1d"))
def adaptive_avg_pool1d(input: Symbol, output_size: Any) -> Symbol:
    """The means of `output_size` windows that cover `input` (N, C, L) or (C, L); see `adaptive_avg_pool2d`."""
    return _adaptive_mean(1, input, output_size)


@composite(names=("nn.functional.adaptive_avg_pool2d",))
def adaptive_avg_pool2d(input: Symbol, output_size: Any) -> Symbol:
    """The means of windows that cover `input` (N, C, H, W) or (C, H, W) so evenly that there are `output_size` of them.

    `output_size` is a number or a pair; None keeps a size. Window i reaches from floor(i size / out) to ceil((i + 1) size / out).

    >>> import powerhouse as torch
    >>> torch.nn.functional.adaptive_avg_pool2d(torch.ones(1, 2, 7, 5), (3, None)).shape
    torch.Size([1, 2, 3, 5])
    """
    return _adaptive_mean(2, input, output_size)


@composite(names=("nn.functional.adaptive_avg_pool3d",))
def adaptive_avg_pool3d(input: Symbol, output_size: Any) -> Symbol:
    """The means of windows that cover `input` (N, C, D, H, W) or (C, D, H, W); see `adaptive_avg_pool2d`."""
    return _adaptive_mean(3, input, output_size)


@composite(names=("adaptive_max_pool1d", "nn.functional.adaptive_max_pool1d"))
def adaptive_max_pool1d(input: Symbol, output_size: Any, return_indices: bool = False) -> Any:
    """The maxima of `output_size` windows that cover `input` (N, C, L) or (C, L); see `adaptive_max_pool2d`."""
    return _max_pool(input, _adaptive(1, input, output_size, "adaptive_max_pool1d"), return_indices)


@composite(names=("nn.functional.adaptive_max_pool2d",))
def adaptive_max_pool2d(input: Symbol, output_size: Any, return_indices: bool = False) -> Any:
    """The maxima of windows that cover `input` (N, C, H, W) or (C, H, W), which lie as `adaptive_avg_pool2d`'s do."""
    return _max_pool(input, _adaptive(2, input, output_size, "adaptive_max_pool2d"), return_indices)


@composite(names=("nn.functional.adaptive_max_pool3d",))
def adaptive_max_pool3d(input: Symbol, output_size: Any, return_indices: bool = False) -> Any:
    """The maxima of windows that cover `input` (N, C, D, H, W) or (C, D, H, W); see `adaptive_max_pool2d`."""
    return _max_pool(input, _adaptive(3, input, output_size, "adaptive_max_pool3d"), return_indices)


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


def _bad_adaptive(n: int) -> Any:
    def errors(draw: Any) -> Any:
        yield Bad((draw(2), 2), {}, RuntimeError, f"Expected {n + 1}D or {n + 2}D")
        yield Bad((draw(1, 3, *(8,) * n), (1,) * (n + 1)), {}, RuntimeError, "output_size must be")
        yield Bad((draw(1, 3, *(0,) * n), 2), {}, RuntimeError, "non-zero size for non-batch dimensions")

    return errors


for _n, (_op, _mean_op, _max_adaptive, _mean_adaptive) in enumerate((
    (max_pool1d, avg_pool1d, adaptive_max_pool1d, adaptive_avg_pool1d),
    (max_pool2d, avg_pool2d, adaptive_max_pool2d, adaptive_avg_pool2d),
    (max_pool3d, avg_pool3d, adaptive_max_pool3d, adaptive_avg_pool3d),
), 1):
    _op.samples(_pool_samples(_n, {"return_indices": True}, True))
    _mean_op.samples(_pool_samples(_n, {"count_include_pad": False}, False))
    for _each in (_max_adaptive, _mean_adaptive):
        _each.samples(lambda draw, n=_n: iter([Sample((draw(2, 3, *range(6, 6 + n)), 3)), Sample((draw(2, *range(5, 5 + n)), tuple(range(2, 2 + n))))]))
        _each.errors(_bad_adaptive(_n))
    _op.errors(_bad_pools(_n))
    _mean_op.errors(_bad_pools(_n))
