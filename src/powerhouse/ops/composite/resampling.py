"""Resampling of images: to another size, or at the points of a grid."""

from __future__ import annotations

from itertools import product
from math import floor as round_down
from typing import Any

import numpy as np

from ...core import dtypes as dt
from ...core.dtypes import COMPLEX, FLOAT
from ...core.errors import require
from ...graph.op import Bad, Sample, cast, composite
from ...graph.symbol import Symbol
from .._windows import Ints
from ..arithmetic import abs, where
from ..choice import clamp
from ..indexing import index_get
from ..mixing import Taps, mix_along
from ..reduction import iota, iota_along
from ..rounding import floor, rounded
from ..views import permute_dims, reshape_to, slice_of
from .adaptive_pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d

# --- to another size ------------------------------------------------------------------------------------------------------------------

_ANY = (1, 2, 3)
# The filter along each dim, and the numbers of dims for which PyTorch has it.
_MODES: dict[str, tuple[str, Ints]] = {
    "nearest": ("nearest", _ANY),
    "nearest-exact": ("nearest-exact", _ANY),
    "area": ("area", _ANY),
    "linear": ("linear", (1,)),
    "bilinear": ("linear", (2,)),
    "trilinear": ("linear", (3,)),
    "bicubic": ("cubic", (2,)),
    "lanczos": ("lanczos", (2,)),
}
_SMOOTH = ("bilinear", "bicubic", "lanczos")  # the modes that can antialias
_CORNERS = ("linear", "bilinear", "trilinear", "bicubic")  # the modes that know align_corners
_INEXACT = ("nearest", "nearest-exact", "cubic")  # the filters that a given scale moves even where the size stays
_AREA = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}


@composite(names=("nn.functional.interpolate",))
def interpolate(
    input: Symbol,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Symbol:
    """`input` (N, C, L), (N, C, H, W) or (N, C, D, H, W) resampled to `size`, or by `scale_factor`.

    `mode` is "nearest" (PyTorch's historical rounding), "nearest-exact", "linear" (3-D input), "bilinear", "bicubic", "lanczos"
    (4-D), "trilinear" (5-D), or "area" (adaptive means). `align_corners` lets the corner elements of both sides lie on one another;
    `antialias` widens the filter when the result is smaller. ValueError or NotImplementedError for arguments that do not fit.

    >>> import powerhouse as torch
    >>> torch.nn.functional.interpolate(torch.tensor([[[0.0, 1.0]]]), 4, mode="linear", align_corners=True)
    tensor([[[0.0000, 0.3333, 0.6667, 1.0000]]])
    """
    n = input.ndim - 2
    kind = _checked_mode(input, mode, align_corners, antialias)
    sizes, scales = _sizes_and_scales(input, size, scale_factor, recompute_scale_factor)
    if kind == "area":
        return _AREA[n](input, sizes)
    if 0 in (*sizes, *input.shape[2:]):
        raise RuntimeError(
            f"interpolate: Input and output sizes should be greater than 0, but got input {list(input.shape[2:])} output {list(sizes)}"
        )
    if kind in ("nearest", "nearest-exact"):
        _refuse_but_bytes(input, mode)
        return _resample(input, kind, sizes, scales, False)
    _refuse_but_bytes(input, mode, n == 2)
    wide = cast(input, dt.float32 if input.dtype is dt.uint8 else input.dtype.compute)
    return cast(_resample(wide, kind, sizes, scales, bool(align_corners), input.dtype is dt.uint8), input.dtype)


def _refuse_but_bytes(input: Symbol, mode: str, bytes_too: bool = True) -> None:
    if input.dtype.category != FLOAT and not (bytes_too and input.dtype is dt.uint8):
        raise NotImplementedError(f"interpolate: mode {mode!r} is not implemented for '{input.dtype.name}'")


def _checked_mode(input: Symbol, mode: str, align_corners: bool | None, antialias: bool) -> str:
    """The filter of `mode`."""
    n = input.ndim - 2
    if mode not in _MODES or n not in _ANY or (mode in ("bicubic", "lanczos") and n != 2):
        raise NotImplementedError(
            f"interpolate: Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) "
            f"for the modes: {' | '.join(_MODES)} (got {mode})"
        )
    kind, ranks = _MODES[mode]
    if n not in ranks:
        raise NotImplementedError(f"interpolate: Got {input.ndim}D input, but {mode} mode needs {ranks[0] + 2}D input")
    require(
        align_corners is None or mode in _CORNERS,
        "interpolate",
        f"align_corners option can only be set with the interpolating modes: {' | '.join(_CORNERS)}, got {mode}",
        ValueError,
    )
    require(
        not antialias or (mode in _SMOOTH and n == 2),
        "interpolate",
        "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor as input",
        ValueError,
    )
    require(antialias or mode != "lanczos", "interpolate", "lanczos mode requires antialias=True", ValueError)
    return f"smooth {kind}" if antialias else kind


def _sizes_and_scales(input: Symbol, size: Any, scale_factor: Any, recompute: bool | None) -> tuple[Ints, tuple[float | None, ...]]:
    """The result's sizes, and the scales to be used where they were given rather than the sizes."""
    n, source = input.ndim - 2, input.shape[2:]
    require(size is not None or scale_factor is not None, "interpolate", "either size or scale_factor should be defined", ValueError)
    require(size is None or scale_factor is None, "interpolate", "only one of size or scale_factor should be defined", ValueError)
    if size is not None:
        sizes = _each(size, n, source, "output size")
        if not all(isinstance(s, int) for s in sizes):
            raise TypeError(f"interpolate: expected size to be a tuple of ints, got {size!r}")
        require(not recompute, "interpolate", "recompute_scale_factor is not meaningful with an explicit size.", ValueError)
        return sizes, (None,) * n
    scales = _each(scale_factor, n, source, "scale_factor")
    sizes = tuple(round_down(m * s) for m, s in zip(source, scales, strict=True))
    return sizes, (None,) * n if recompute else tuple(float(s) for s in scales)


def _each(value: Any, n: int, source: Ints, what: str) -> tuple[Any, ...]:
    if not isinstance(value, (tuple, list)):
        return (value,) * n
    require(
        len(value) == n,
        "interpolate",
        f"Input and {what} must have the same number of spatial dimensions, "
        f"but got input with spatial dimensions of {list(source)} and {what} of {tuple(value)}",
        ValueError,
    )
    return tuple(value)


def _resample(x: Symbol, kind: str, sizes: Ints, scales: tuple[float | None, ...], corners: bool, bytes: bool = False) -> Symbol:
    """`x` resampled dim by dim; `bytes`: each result rounded to 0 ... 255."""
    for dim in reversed(range(2, x.ndim)):
        source, target, scale = x.shape[dim], sizes[dim - 2], scales[dim - 2]
        if corners:
            step = (source - 1) / (target - 1) if target > 1 else 0.0
        else:
            step = 1 / scale if scale else source / target
        if target == source and (step == 1 or kind not in _INEXACT):
            continue
        x = mix_along(x, dim, Taps(kind, source, target, step, corners))
        if bytes:
            x = clamp(floor(x + 0.5), 0.0, 255.0)
    return x


@composite(names=("nn.functional.upsample",))
def upsample(input: Symbol, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None) -> Symbol:
    """`interpolate` under its former name."""
    return interpolate(input, size, scale_factor, mode, align_corners)


@composite(names=("nn.functional.upsample_nearest",))
def upsample_nearest(input: Symbol, size: Any = None, scale_factor: Any = None) -> Symbol:
    """`interpolate` with mode "nearest"."""
    return interpolate(input, size, scale_factor, "nearest")


@composite(names=("nn.functional.upsample_bilinear",))
def upsample_bilinear(input: Symbol, size: Any = None, scale_factor: Any = None) -> Symbol:
    """`interpolate` with mode "bilinear" and aligned corners."""
    return interpolate(input, size, scale_factor, "bilinear", True)


# --- at the points of a grid ------------------------------------------------------------------------------------------------------------


@composite(names=("nn.functional.grid_sample",), autocast="float32")
def grid_sample(
    input: Symbol, grid: Symbol, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Symbol:
    """`input` (N, C, H, W) at the points `grid` (N, h, w, 2), or (N, C, D, H, W) at (N, d, h, w, 3).

    The result is (N, C, h, w) or (N, C, d, h, w).
    Points are (x, y[, z]) with -1 and 1 at the borders, or at the centers of the corner elements if `align_corners`. `mode` is
    "bilinear", "nearest" or "bicubic" (4-D only); outside, `padding_mode` is "zeros", "border" or "reflection".

    >>> import powerhouse as torch
    >>> torch.nn.functional.grid_sample(torch.arange(4.0).reshape(1, 1, 2, 2), torch.zeros(1, 1, 1, 2), align_corners=False)
    tensor([[[[1.5000]]]])
    """
    return _sample_grid(input, grid, mode, padding_mode, bool(align_corners))


_GRID_MODES, _GRID_PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


@composite(names=("grid_sampler", "grid_sampler_2d", "grid_sampler_3d"), autocast="float32")
def grid_sampler(input: Symbol, grid: Symbol, interpolation_mode: int, padding_mode: int, align_corners: bool) -> Symbol:
    """`grid_sample` with modes by number: 0 bilinear, 1 nearest, 2 bicubic; padding 0 zeros, 1 border, 2 reflection."""
    return _sample_grid(input, grid, _GRID_MODES[interpolation_mode], _GRID_PADDINGS[padding_mode], align_corners)


def _sample_grid(input: Symbol, grid: Symbol, mode: str, padding_mode: str, corners: bool) -> Symbol:
    _check_grid(input, grid, mode, padding_mode)
    n = input.ndim - 2
    sizes, points = input.shape[2:], grid.shape[:-1]
    at = [_unnormalized(_component(grid, n - 1 - d), size, corners) for d, size in enumerate(sizes)]
    if mode != "bicubic":
        at = [_placed(a, size, padding_mode, corners) for a, size in zip(at, sizes, strict=True)]
    taps = [_TAPS[mode](a) for a in at]
    if mode == "bicubic":
        taps = [[(_placed(i, size, padding_mode, corners), w) for i, w in along] for along, size in zip(taps, sizes, strict=True)]
    rows = reshape_to(
        permute_dims(input, (0, *range(2, n + 2), 1)), (input.numel // max(input.shape[1], 1), input.shape[1])
    )  # (N * sizes, C)
    start = iota_along(points[0], 0, points) * int(np.prod(sizes))
    out: Any = None
    for chosen in product(*taps):
        part = _weighted_rows(rows, start, chosen, sizes)
        out = part if out is None else out + part
    return permute_dims(reshape_to(out, (*points, input.shape[1])), (0, n + 1, *range(1, n + 1)))


def _check_grid(input: Symbol, grid: Symbol, mode: str, padding_mode: str) -> None:
    require(
        mode in _TAPS,
        "grid_sample",
        f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'",
        ValueError,
    )
    require(
        padding_mode in ("zeros", "border", "reflection"),
        "grid_sample",
        f"nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: '{padding_mode}'",
        ValueError,
    )
    received = f"input with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}"
    require(
        input.ndim in (4, 5) and grid.ndim == input.ndim,
        "grid_sample",
        f"grid_sampler(): expected {input.ndim}D input and grid with same number of dimensions, but got {received}",
    )
    require(
        input.shape[0] == grid.shape[0],
        "grid_sample",
        f"grid_sampler(): expected grid and input to have same batch size, but got {received}",
    )
    require(
        grid.shape[-1] == input.ndim - 2,
        "grid_sample",
        f"grid_sampler(): expected grid to have size {input.ndim - 2} in last dimension, but got grid with sizes {list(grid.shape)}",
    )
    for dim in range(2, input.ndim):
        require(
            input.shape[dim] > 0,
            "grid_sample",
            f"grid_sampler(): expected input to have non-empty spatial dimensions, "
            f"but input has sizes {list(input.shape)} with dimension {dim} being empty",
        )
    require(mode != "bicubic" or input.ndim == 4, "grid_sample", "grid_sampler(): bicubic interpolation only supports 4D input")
    require(
        input.dtype is grid.dtype,
        "grid_sample",
        f"expected scalar type {input.dtype.name} but found {grid.dtype.name}: grid must have the input's dtype",
    )
    if input.dtype.category in (COMPLEX,) or input.dtype.category < FLOAT:
        raise NotImplementedError(f"grid_sample: not implemented for '{input.dtype.name}'")


def _component(grid: Symbol, i: int) -> Symbol:
    bounds = (*((0, m, 1) for m in grid.shape[:-1]), (i, 1, 1))
    return reshape_to(slice_of(grid, bounds), grid.shape[:-1])


def _unnormalized(x: Symbol, size: int, corners: bool) -> Symbol:
    """Coordinates from -1 ... 1 to elements."""
    return (x + 1) * ((size - 1) / 2) if corners else ((x + 1) * float(size) - 1) / 2


def _placed(x: Symbol, size: int, padding_mode: str, corners: bool) -> Symbol:
    """Coordinates outside as the padding mode has them; their gradient is that of the way back in."""
    if padding_mode == "zeros":
        return x
    if padding_mode == "reflection":
        x = _reflected(x, 0, 2 * (size - 1)) if corners else _reflected(x, -1, 2 * size - 1)
    return _held(x, size)


def _held(x: Symbol, size: int) -> Symbol:
    """`x` held between the first and last elements, without gradient where it was not inside; nan goes to the first."""
    inside = (x > 0) & (x < size - 1)
    return where(inside, x, cast(where(x.plain >= size - 1, float(size - 1), 0.0), x.dtype))


def _reflected(x: Symbol, twice_low: int, twice_high: int) -> Symbol:
    """`x` reflected at both ends of twice_low / 2 ... twice_high / 2 until it lies between them."""
    if twice_low == twice_high:
        return x * 0.0
    low, span = twice_low / 2, (twice_high - twice_low) / 2
    off = abs(x - low)
    flips = floor(off.plain / span)
    rest = off - flips * span
    even = floor(flips / 2) * 2 >= flips
    return where(even, rest + low, span - rest + low)


Neighbours = list[tuple[Symbol, Symbol]]  # (element, weight)


def _nearest_taps(x: Symbol) -> Neighbours:
    return [(rounded(x.plain), rounded(x) * 0 + 1)]  # a weight of one, through which the grid gets its gradient: zeros


def _linear_taps(x: Symbol) -> Neighbours:
    low = floor(x.plain)
    upper = x - low
    return [(low, 1 - upper), (low + 1, upper)]


def _cubic_taps(x: Symbol) -> Neighbours:
    low = floor(x.plain)
    t = x - low
    return [(low - 1, _far(t + 1)), (low, _near(t)), (low + 1, _near(1 - t)), (low + 2, _far(2 - t))]


def _near(t: Symbol, a: float = -0.75) -> Symbol:
    return ((a + 2) * t - (a + 3)) * t * t + 1


def _far(t: Symbol, a: float = -0.75) -> Symbol:
    return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a


_TAPS = {"bilinear": _linear_taps, "nearest": _nearest_taps, "bicubic": _cubic_taps}


def _weighted_rows(rows: Symbol, start: Symbol, chosen: tuple[tuple[Symbol, Symbol], ...], sizes: Ints) -> Symbol:
    """One neighbour of every point, times its weight: (points, channels). Neighbours outside count as zeros."""
    flat: Any = None
    weight: Any = None
    inside: Any = None
    for (element, share), size in zip(chosen, sizes, strict=True):
        here = (element >= 0) & (element <= size - 1)
        inside = here if inside is None else inside & here
        index = cast(where(here, element, 0.0), dt.int64)
        flat = index if flat is None else flat * size + index
        weight = share if weight is None else weight * share
    count = flat.numel
    found = index_get((rows, reshape_to(flat + start, (count,))), (0,))
    return found * reshape_to(where(inside, weight, 0.0), (count, 1))


@composite(names=("nn.functional.affine_grid",), autocast="lower")
def affine_grid(theta: Symbol, size: Any, align_corners: bool | None = None) -> Symbol:
    """The grid (N, H, W, 2) at which `grid_sample` transforms images of `size` (N, C, H, W) by the matrices `theta` (N, 2, 3).

    With `size` (N, C, D, H, W) and `theta` (N, 3, 4) the grid is (N, D, H, W, 3). ValueError for other shapes.

    >>> import powerhouse as torch
    >>> torch.nn.functional.affine_grid(torch.tensor([[[1.0, 0, 0], [0, 1, 0]]]), (1, 1, 1, 2), align_corners=True)
    tensor([[[[-1.,  0.],
              [ 1.,  0.]]]])
    """
    size = tuple(size)
    require(theta.dtype.category == FLOAT, "affine_grid", f"Expected theta to have floating point type, but got {theta.dtype}", ValueError)
    if len(size) not in (4, 5):
        raise NotImplementedError(
            f"affine_grid: affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size {size}."
        )
    n = len(size) - 2
    require(
        theta.ndim == 3 and theta.shape[1:] == (n, n + 1),
        "affine_grid",
        f"Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size {size}. Got {list(theta.shape)}.",
        ValueError,
    )
    require(min(size) > 0, "affine_grid", f"Expected non-zero, positive output size. Got {size}", ValueError)
    require(
        size[0] == theta.shape[0],
        "affine_grid",
        f"Expected size for first two dimensions of batch2 tensor to be: [{size[0]}, {n + 1}] but got: [{theta.shape[0]}, {n + 1}].",
    )
    out = _column(theta, n, n)
    for d, m in enumerate(size[2:]):
        along = reshape_to(_evenly(m, bool(align_corners), theta.dtype), tuple(m if i == d + 1 else 1 for i in range(n + 2)))
        out = out + along * _column(theta, n - 1 - d, n)
    return out


def _column(theta: Symbol, i: int, n: int) -> Symbol:
    """Column `i` of each matrix as (N, 1, ..., n)."""
    picked = slice_of(theta, ((0, theta.shape[0], 1), (0, n, 1), (i, 1, 1)))
    return reshape_to(picked, (theta.shape[0], *(1,) * n, n))


def _evenly(m: int, corners: bool, dtype: dt.dtype) -> Symbol:
    """Coordinates of `m` elements, from -1 to 1 between their outer edges, or between the corner elements' centers."""
    if m == 1:
        return cast(iota(1), dtype)
    reach = 1.0 if corners else (m - 1) / m
    return cast(cast(iota(m), dt.float64) * (2 * reach / (m - 1)) - reach, dtype)


# --- samples -----------------------------------------------------------------------------------------------------------------------


@interpolate.samples
def _(draw: Any) -> Any:
    for mode in ("nearest", "nearest-exact", "area", "bilinear", "bicubic"):
        yield Sample((draw(2, 3, 5, 4),), {"size": (7, 3), "mode": mode})
        yield Sample((draw(1, 2, 4, 6),), {"scale_factor": 1.7, "mode": mode})
    yield Sample((draw(2, 3, 5),), {"size": 8, "mode": "linear", "align_corners": True})
    yield Sample((draw(1, 2, 3, 4, 3),), {"scale_factor": (2, 1, 1.5), "mode": "trilinear"})
    yield Sample((draw(1, 2, 9, 8),), {"size": (4, 5), "mode": "bicubic", "antialias": True})
    yield Sample((draw(1, 2, 9, 8),), {"size": (4, 12), "mode": "bilinear", "antialias": True, "align_corners": False})


@interpolate.errors
def _(draw: Any) -> Any:
    x = draw(1, 3, 8, 8)
    yield Bad((x,), {}, ValueError, "either size or scale_factor should be defined")
    yield Bad((x, 4, 2.0), {}, ValueError, "only one of size or scale_factor")
    yield Bad((x, (4, 4, 4)), {}, ValueError, "same number of spatial dimensions")
    yield Bad((x, 4), {"mode": "linear"}, NotImplementedError, "Got 4D input, but linear mode needs 3D input")
    yield Bad((x, 4), {"align_corners": True}, ValueError, "align_corners option can only be set")
    yield Bad((x, 0), {}, RuntimeError, "Input and output sizes should be greater than 0")
    yield Bad((x, 4), {"antialias": True}, ValueError, "Anti-alias option is restricted")
    yield Bad((draw(3, 8), 4), {}, NotImplementedError, "Only 3D, 4D and 5D input")


upsample.samples(
    lambda draw: iter([Sample((draw(1, 2, 3, 4),), {"scale_factor": 2}), Sample((draw(1, 2, 3, 4),), {"size": (5, 2), "mode": "bilinear"})])
)
upsample_nearest.samples(lambda draw: iter([Sample((draw(1, 2, 3, 4),), {"scale_factor": 2})]))
upsample_bilinear.samples(lambda draw: iter([Sample((draw(1, 2, 3, 4),), {"size": (5, 7)})]))


for _op in (upsample, upsample_nearest, upsample_bilinear):
    _op.errors(lambda draw: iter([Bad((draw(1, 2, 3, 4), 4, 2.0), {}, ValueError, "only one of size or scale_factor")]))


@grid_sample.samples
def _(draw: Any) -> Any:
    for mode, padding_mode, corners in product(("bilinear", "bicubic", "nearest"), ("zeros", "border", "reflection"), (False, True)):
        # Nearest neighbours jump, so their gradient by the grid is not compared.
        yield Sample(
            (draw(2, 3, 4, 5), draw(2, 3, 2, 2, low=-1.3, high=1.3), mode, padding_mode, corners),
            only="forward" if mode == "nearest" else "",
        )
    yield Sample((draw(1, 2, 3, 4, 3), draw(1, 2, 2, 3, 3, low=-1.1, high=1.1)), {"align_corners": False})


grid_sampler.samples(lambda draw: iter([Sample((draw(2, 3, 4, 5), draw(2, 3, 2, 2, low=-1.3, high=1.3), 0, 1, False))]))


grid_sampler.errors(lambda draw: iter([Bad((draw(1, 3, 8, 8), draw(2, 4, 4, 2), 0, 0, False), {}, RuntimeError, "same batch size")]))


@grid_sample.errors
def _(draw: Any) -> Any:
    x = draw(1, 3, 8, 8)
    yield Bad((x, draw(2, 4, 4, 2)), {}, RuntimeError, "same batch size")
    yield Bad((x, draw(1, 4, 4, 3)), {}, RuntimeError, "expected grid to have size 2 in last dimension")
    yield Bad((x, draw(1, 4, 2)), {}, RuntimeError, "same number of dimensions")
    yield Bad((x, draw(1, 4, 4, 2), "cubic"), {}, ValueError, "expected mode to be")
    yield Bad((x, draw(1, 4, 4, 2), "bilinear", "wrap"), {}, ValueError, "expected padding_mode to be")


@affine_grid.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 2, 3), (2, 1, 3, 4)), {"align_corners": False})
    yield Sample((draw(2, 2, 3), (2, 1, 1, 4)), {"align_corners": True})
    yield Sample((draw(1, 3, 4), (1, 1, 2, 3, 4)), {"align_corners": False})


@affine_grid.errors
def _(draw: Any) -> Any:
    yield Bad((draw(1, 2, 3), (1, 3, 4)), {}, NotImplementedError, "only supports 4D and 5D sizes")
    yield Bad((draw(1, 3, 4), (1, 3, 4, 4)), {}, ValueError, "Expected a batch of 2D affine matrices")
    yield Bad((draw(1, 2, 3), (1, 3, 0, 4)), {}, ValueError, "Expected non-zero, positive output size")
