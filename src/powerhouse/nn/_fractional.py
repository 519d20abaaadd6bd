"""Fractional max pooling (Graham 2014): maxima over windows that start at random places, so that any output size is possible."""

from __future__ import annotations

from typing import Any

from ..core.dtypes import int64
from ..tensors import Tensor
from ..tensors import functions as ph
from ._sizes import tuple_of

__all__ = ["fractional_max_pool2d", "fractional_max_pool3d"]


def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Fractional max pooling of (N, C, H, W) or (C, H, W).

    Arguments: `kernel_size`; either `output_size` or `output_ratio`, by which sizes are multiplied; `return_indices`, give where
    in the flattened image the maxima stand too; `_random_samples` (N, C, 2) in [0, 1), drawn where None.
    Errors: ValueError unless one of size and ratio is given; RuntimeError where the windows do not fit.
    """
    return _pool(input, 2, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Fractional max pooling of (N, C, D, H, W) or (C, D, H, W); arguments as for `fractional_max_pool2d`, samples (N, C, 3)."""
    return _pool(input, 3, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def _pool(input: Tensor, n: int, kernel_size: Any, output_size: Any, output_ratio: Any, return_indices: bool, samples: Any) -> Any:
    name = f"fractional_max_pool{n}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    if input.dim() not in (n + 1, n + 2):
        raise RuntimeError(f"{name}: Expected {n + 1}D or {n + 2}D tensor, but got: {list(input.shape)}")
    batched = input.dim() == n + 2
    x = input if batched else input.unsqueeze(0)
    sizes, windows = tuple(x.shape[2:]), tuple_of(kernel_size, n)
    if output_size is None:
        outputs = tuple(int(size * ratio) for size, ratio in zip(sizes, tuple_of(output_ratio, n), strict=True))
    else:
        outputs = tuple_of(output_size, n)
    if any(output + window - 1 > size for output, window, size in zip(outputs, windows, sizes, strict=True)):
        raise RuntimeError(f"{name}: pool size {windows} with output size {outputs} is too large relative to input size {sizes}")
    if samples is None:
        samples = ph.rand(x.shape[0], x.shape[1], n, dtype=x.dtype, device=x.device)
    places = _window_places(samples, sizes, outputs, windows)  # (N, C, outputs, elements of a window)
    flat = places.flatten(2)
    values = x.flatten(2).gather(2, flat).reshape(places.shape)
    best, which = values.max(dim=-1)
    indices = places.gather(-1, which.unsqueeze(-1)).squeeze(-1)
    if not batched:
        best, indices = best.squeeze(0), indices.squeeze(0)
    return (best, indices) if return_indices else best


def _window_places(samples: Tensor, sizes: tuple[int, ...], outputs: tuple[int, ...], windows: tuple[int, ...]) -> Tensor:
    """Where in the flattened image the elements of each window stand."""
    n = len(sizes)
    order = (1, 0) if n == 2 else (0, 1, 2)  # in two dimensions PyTorch takes the first sample for the width
    places: Any = 0
    for dim, (size, output, window) in enumerate(zip(sizes, outputs, windows, strict=True)):
        starts = _starts(samples[:, :, order[dim]], size, output, window)  # (N, C, output)
        along = starts.unsqueeze(-1) + ph.arange(window)  # (N, C, output, window)
        shape = [*along.shape[:2], *(1,) * (2 * n)]
        shape[2 + dim], shape[2 + n + dim] = output, window
        places = places * size + along.reshape(shape)  # (N, C, outputs, windows), sizes 1 for the dimensions to come
    return places.flatten(2 + n)


def _starts(samples: Tensor, size: int, output: int, window: int) -> Tensor:
    """The first element of each window along one dimension: (N, C) samples to (N, C, output) places; the last touches the end."""
    last = samples.new_full((*samples.shape, 1), size - window, dtype=int64)
    if output == 1:
        return last
    step = (size - window) / (output - 1)
    sample = samples.unsqueeze(-1)
    places = ((sample + ph.arange(output - 1)) * step).to(int64) - (sample * step).to(int64)
    return ph.cat([places, last], -1)
