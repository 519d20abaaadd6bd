"""Adaptive pooling: windows that divide the input as evenly as can be into a wanted number of parts."""

from __future__ import annotations

from math import prod
from typing import Any

from ...core.dtypes import BOOL, COMPLEX, INTEGER
from ...core.errors import require
from ...graph.op import Bad, Sample, cast, composite, constant
from ...graph.symbol import Symbol
from .._windows import AdaptiveWindows
from ..arithmetic import floor_divide
from ..pooling import divided, max_and_positions, outer_shape, refuse, window_sum
from ..reduction import iota
from ..views import reduce_sum, reshape_to


def _adaptive(n: int, input: Symbol, output_size: Any, op: str) -> AdaptiveWindows:
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(f"{op}(): Expected {n + 1}D or {n + 2}D tensor, but got: {list(input.shape)}")
    refuse(input, op, BOOL, INTEGER, COMPLEX)
    sizes = input.shape[input.ndim - n :]
    wanted = (output_size,) * n if output_size is None or isinstance(output_size, int) else tuple(output_size)
    require(len(wanted) == n, op, f"output_size must be {n} sizes, but got {list(wanted)}")
    count = tuple(size if want is None else want for size, want in zip(sizes, wanted, strict=True))
    require(all(c >= 0 for c in count), op, f"elements of output_size must be greater than or equal to 0 but received {list(count)}")
    for dim in range(input.ndim - n - 1, input.ndim):
        require(
            input.shape[dim] > 0,
            op,
            f"Expected input to have non-zero size for non-batch dimensions, "
            f"but input has sizes {list(input.shape)} with dimension {dim} being empty",
        )
    return AdaptiveWindows(sizes, count)


def _even(windows: AdaptiveWindows) -> bool:
    """Whether the windows are all of one size and lie side by side."""
    return all(c and size % c == 0 for size, c in zip(windows.sizes, windows.count, strict=True))


def _adaptive_mean(n: int, input: Symbol, output_size: Any) -> Symbol:
    windows = _adaptive(n, input, output_size, f"adaptive_avg_pool{n}d")
    wide = cast(input, input.dtype.compute)
    if _even(windows):
        kernel = tuple(size // c for size, c in zip(windows.sizes, windows.count, strict=True))
        parts = reshape_to(wide, (*outer_shape(wide, windows), *(m for pair in zip(windows.count, kernel, strict=True) for m in pair)))
        total = reduce_sum(parts, tuple(range(parts.ndim - 2 * n + 1, parts.ndim, 2)))
        return divided(total, constant(prod(kernel)), input.dtype)
    return divided(window_sum(wide, windows), _adaptive_members(windows), input.dtype)


def _adaptive_members(windows: AdaptiveWindows) -> Symbol:
    """How many elements each window has: a tensor of shape `windows.count`."""
    members = constant(1)
    for dim, (size, count) in enumerate(zip(windows.sizes, windows.count, strict=True)):
        i = iota(count)
        along = floor_divide((i + 1) * size + (count - 1), max(count, 1)) - floor_divide(i * size, max(count, 1))
        members = members * reshape_to(along, (count, *(1,) * (len(windows.count) - 1 - dim)))
    return members


@composite(names=("nn.functional.adaptive_avg_pool1d", "adaptive_avg_pool1d"))
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


@composite(names=("nn.functional.adaptive_avg_pool3d",), autocast="float32")
def adaptive_avg_pool3d(input: Symbol, output_size: Any) -> Symbol:
    """The means of windows that cover `input` (N, C, D, H, W) or (C, D, H, W); see `adaptive_avg_pool2d`."""
    return _adaptive_mean(3, input, output_size)


@composite(names=("nn.functional.adaptive_max_pool1d", "adaptive_max_pool1d"))
def adaptive_max_pool1d(input: Symbol, output_size: Any, return_indices: bool = False) -> Any:
    """The maxima of `output_size` windows that cover `input` (N, C, L) or (C, L); see `adaptive_max_pool2d`."""
    return max_and_positions(input, _adaptive(1, input, output_size, "adaptive_max_pool1d"), return_indices)


@composite(names=("nn.functional.adaptive_max_pool2d",))
def adaptive_max_pool2d(input: Symbol, output_size: Any, return_indices: bool = False) -> Any:
    """The maxima of windows that cover `input` (N, C, H, W) or (C, H, W), which lie as `adaptive_avg_pool2d`'s do."""
    return max_and_positions(input, _adaptive(2, input, output_size, "adaptive_max_pool2d"), return_indices)


@composite(names=("nn.functional.adaptive_max_pool3d",), autocast="float32")
def adaptive_max_pool3d(input: Symbol, output_size: Any, return_indices: bool = False) -> Any:
    """The maxima of windows that cover `input` (N, C, D, H, W) or (C, D, H, W); see `adaptive_max_pool2d`."""
    return max_and_positions(input, _adaptive(3, input, output_size, "adaptive_max_pool3d"), return_indices)


# --- samples ----------------------------------------------------------------------------------------------------------------------------


def _bad_adaptive(n: int) -> Any:
    def errors(draw: Any) -> Any:
        yield Bad((draw(2), 2), {}, RuntimeError, f"Expected {n + 1}D or {n + 2}D")
        yield Bad((draw(1, 3, *(8,) * n), (1,) * (n + 1)), {}, RuntimeError, "output_size must be")
        yield Bad((draw(1, 3, *(0,) * n), 2), {}, RuntimeError, "non-zero size for non-batch dimensions")

    return errors


_BY_DIMS = {
    1: (adaptive_avg_pool1d, adaptive_max_pool1d),
    2: (adaptive_avg_pool2d, adaptive_max_pool2d),
    3: (adaptive_avg_pool3d, adaptive_max_pool3d),
}


def _adaptive_samples(n: int) -> Any:
    def samples(draw: Any) -> Any:
        yield Sample((draw(2, 3, *range(6, 6 + n)), 3))
        yield Sample((draw(2, *range(5, 5 + n)), tuple(range(2, 2 + n))))

    return samples


for _n, _ops in _BY_DIMS.items():
    for _op in _ops:
        _op.samples(_adaptive_samples(_n))
        _op.errors(_bad_adaptive(_n))
