"""Fractional max pooling: the windows' places are drawn at the call."""

from __future__ import annotations

from typing import Any

from ..ops._windows import per_dim
from ..ops.composite.pooling import fractional_pool
from .apply import apply
from .creation import rand


def _fractional(n: int, input: Any, kernel_size: Any, output_size: Any, output_ratio: Any, samples: Any) -> Any:
    op = f"fractional_max_pool{n}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{op} requires specifying either an output_size or an output_ratio")
    if input.dim() not in (n + 1, n + 2):
        raise RuntimeError(f"{op}(): Expected {n + 1}D or {n + 2}D tensor, but got: {list(input.shape)}")
    if output_size is None:
        ratios = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,) * n
        output_size = tuple(int(size * ratio) for size, ratio in zip(input.shape[-n:], ratios, strict=True))
    if samples is None:
        samples = rand((1 if input.dim() == n + 1 else input.shape[0], input.shape[-n - 1], n), dtype=input.dtype)
    return apply(
        fractional_pool, (input, samples, per_dim(kernel_size, n, "kernel_size", op), per_dim(output_size, n, "output_size", op), op)
    )


def fractional_max_pool2d(
    input: Any,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:
    """Maxima of windows at random places, which give a result of any `output_size` (or `output_ratio` of the input's size).

    `input` (N, C, H, W) or (C, H, W); with `return_indices` also the positions in the flattened plane. Source: Graham, 2014.

    >>> import powerhouse as torch
    >>> fractional_max_pool2d(torch.ones(1, 3, 9, 9), 2, output_size=(5, 6)).shape
    torch.Size([1, 3, 5, 6])
    """
    values, indices = _fractional(2, input, kernel_size, output_size, output_ratio, _random_samples)
    return (values, indices) if return_indices else values


def fractional_max_pool3d(
    input: Any,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Any = None,
) -> Any:
    """`fractional_max_pool2d` over (N, C, D, H, W) or (C, D, H, W)."""
    values, indices = _fractional(3, input, kernel_size, output_size, output_ratio, _random_samples)
    return (values, indices) if return_indices else values


__all__ = ["fractional_max_pool2d", "fractional_max_pool3d"]
