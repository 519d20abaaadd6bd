"""Folding: sliding windows of an image as columns, and columns added up into an image."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..core.dtypes import INTEGER
from ..core.errors import require
from ..graph.op import Bad, Sample, composite, primitive
from ..graph.symbol import Symbol, Type
from ._windows import Ints, Windows, per_dim, spans, windows_along
from .views import reshape_to


@primitive(linear=True)
def window_columns(x: Symbol, windows: Windows) -> Type:
    """`x` (batch, channels, *sizes) as (batch, channels, positions in a window, *counts); zeros outside."""
    return Type((*x.shape[:2], prod(windows.kernel), *windows.count), x.dtype)


@primitive(linear=True)
def add_columns(columns: Symbol, sizes: Ints, windows: Windows) -> Type:
    """The gradient of `window_columns`: columns added up where windows overlap, in (batch, channels, *sizes)."""
    return Type((*columns.shape[:2], *sizes), columns.dtype)


window_columns.vjp(lambda g, out, x, windows: (add_columns(g, x.shape[2:], windows),))
add_columns.vjp(lambda g, out, columns, sizes, windows: (window_columns(g, windows),))


@window_columns.reference
def _(x: Any, windows: Windows) -> Any:
    out = np.zeros((*x.shape[:2], prod(windows.kernel), *windows.count), x.dtype)
    for at, (read, having) in enumerate(spans(windows, x.shape[2:])):
        out[:, :, at][having] = x[read]
    return out


@add_columns.reference
def _(columns: Any, sizes: Ints, windows: Windows) -> Any:
    wide = np.float32 if columns.dtype.itemsize == 2 else columns.dtype
    out = np.zeros((*columns.shape[:2], *sizes), wide)
    for at, (read, having) in enumerate(spans(windows, sizes)):
        out[read] += columns[:, :, at][having]
    return out.astype(columns.dtype, copy=False)


def _image_windows(sizes: Ints, kernel_size: Any, dilation: Any, padding: Any, stride: Any, op: str) -> Windows:
    kernel, dilation = per_dim(kernel_size, 2, "kernel_size", op), per_dim(dilation, 2, "dilation", op)
    padding, stride = per_dim(padding, 2, "padding", op), per_dim(stride, 2, "stride", op)
    for name, values in (("kernel size", kernel), ("dilation", dilation), ("stride", stride)):
        require(all(v > 0 for v in values), op, f"{name} should be greater than zero, but got {list(values)}")
    require(all(p >= 0 for p in padding), op, f"padding should be non-negative, but got {list(padding)}")
    count = tuple(windows_along(n, k, s, 2 * p, d) for n, k, s, p, d in zip(sizes, kernel, stride, padding, dilation, strict=True))
    return Windows(kernel, stride, padding, dilation, count)


def _refuse_integers(x: Symbol, op: str) -> None:
    if x.dtype.category == INTEGER:
        raise NotImplementedError(f"{op}: not implemented for '{x.dtype.name}', expected a floating-point or complex tensor")


@composite(names=("nn.functional.unfold",))
def unfold(input: Symbol, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Symbol:
    """The windows of `input` (N, C, H, W) or (C, H, W) as columns: (N, C * window size, number of windows), also called im2col.

    >>> import powerhouse as torch
    >>> torch.nn.functional.unfold(torch.ones(1, 3, 8, 8), 3, padding=1, stride=2).shape
    torch.Size([1, 27, 16])
    """
    if input.ndim not in (3, 4) or 0 in input.shape[input.ndim - 3 :]:
        raise RuntimeError(
            "unfold: Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, "
            f"but got: {list(input.shape)}"
        )
    _refuse_integers(input, "unfold")
    sizes = input.shape[-2:]
    windows = _image_windows(sizes, kernel_size, dilation, padding, stride, "unfold")
    if min(windows.count) < 1:
        raise RuntimeError(
            f"unfold: Given input with spatial size {sizes}, kernel_size={windows.kernel}, "
            f"dilation={windows.dilation}, padding={windows.start}, "
            f"calculated shape of the array of sliding blocks as {windows.count}, but its components must be at least one."
        )
    x = reshape_to(input, (1, *input.shape)) if input.ndim == 3 else input
    columns = (x.shape[1] * prod(windows.kernel), prod(windows.count))
    return reshape_to(window_columns(x, windows), columns if input.ndim == 3 else (x.shape[0], *columns))


@composite(names=("nn.functional.fold",))
def fold(input: Symbol, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Symbol:
    """Columns `input` (N, C * window size, number of windows), or without N, added up into images (N, C, *output_size).

    >>> import powerhouse as torch
    >>> torch.nn.functional.fold(torch.ones(1, 4, 4), (3, 3), 2)
    tensor([[[[1., 2., 1.],
              [2., 4., 2.],
              [1., 2., 1.]]]])
    """
    if input.ndim not in (2, 3) or 0 in input.shape[input.ndim - 2 :]:
        raise RuntimeError(
            "fold: Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, "
            f"but got: {list(input.shape)}"
        )
    _refuse_integers(input, "fold")
    sizes = per_dim(output_size, 2, "output_size", "fold")
    windows = _image_windows(sizes, kernel_size, dilation, padding, stride, "fold")
    members, (rows, blocks) = prod(windows.kernel), input.shape[-2:]
    require(
        rows % members == 0,
        "fold",
        f"Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
        f"but got input.size(1)={rows} and kernel_size={windows.kernel}.",
    )
    require(
        min(windows.count) > 0 and prod(windows.count) == blocks,
        "fold",
        f"Given output_size={sizes}, kernel_size={windows.kernel}, dilation={windows.dilation}, padding={windows.start}, "
        f"stride={windows.stride}, expected size of input's "
        f"dimension 2 to match the calculated number of sliding blocks {' * '.join(map(str, windows.count))} = {prod(windows.count)}, "
        f"but got input.size(2)={blocks}.",
    )
    batch = input.shape[0] if input.ndim == 3 else 1
    image = add_columns(reshape_to(input, (batch, rows // members, members, *windows.count)), sizes, windows)
    return image if input.ndim == 3 else reshape_to(image, image.shape[1:])


@unfold.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3, 5, 6), 3))
    yield Sample((draw(2, 6, 5), (2, 3)), {"dilation": (2, 1), "padding": (1, 2), "stride": (2, 1)})


@unfold.errors
def _(draw: Any) -> Any:
    yield Bad((draw(3, 3), 2), {}, RuntimeError, "Expected 3D or 4D")
    yield Bad((draw(1, 3, 4, 4), 9), {}, RuntimeError, "components must be at least one")
    yield Bad((draw(1, 3, 4, 4), 2), {"stride": 0}, RuntimeError, "stride should be greater than zero")


@fold.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 8, 9), (4, 4), 2))
    yield Sample((draw(12, 4), (5, 4), (2, 3)), {"padding": (0, 1), "stride": (2, 2), "dilation": (2, 1)})


@fold.errors
def _(draw: Any) -> Any:
    yield Bad((draw(1, 7, 9), 4, 2), {}, RuntimeError, "divisible by the product of kernel_size")
    yield Bad((draw(1, 8, 8), 4, 2), {}, RuntimeError, "calculated number of sliding blocks")
