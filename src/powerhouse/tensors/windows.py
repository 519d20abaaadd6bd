"""Window functions of signal processing, computed in float64 and rounded once.

Sources: Harris, "On the use of windows for harmonic analysis with the discrete Fourier transform", 1978; Nuttall, 1981.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.device import as_device
from ..graph.symbol import Type
from .apply import wrap_array

Shape = Callable[[np.ndarray, int], np.ndarray]  # of the sample numbers 0 ... n - 1, and of the last one


def _window(name: str, length: int, periodic: bool, shape: Shape, dtype: Any, device: Any, requires_grad: bool) -> Any:
    """A window of `length` samples; a periodic one is a symmetric one of one sample more, without its last."""
    as_device(device, name)
    kind = dt.default_float() if dtype is None else dt.as_dtype(dtype, name)
    if not kind.is_floating_point:
        raise RuntimeError(f"{name} expects floating point dtypes, got: {kind}")
    if length < 0:
        raise RuntimeError(f"{name}: requires non-negative window length, got window_length={length}")
    last = length - 1 + periodic
    values = shape(np.arange(length, dtype=np.float64), last) if length > 1 else np.ones(length)
    t = wrap_array(values.astype(kind.numpy), Type((length,), kind))
    return t.requires_grad_() if requires_grad else t


def cosines(weights: Sequence[float]) -> Shape:
    """The shape `sum((-1)**k * weights[k] * cos(2 pi k n / last))`."""
    return lambda n, last: sum((-1) ** k * w * np.cos(2 * np.pi * k * n / last) for k, w in enumerate(weights))


def bartlett(n: np.ndarray, last: int) -> np.ndarray:
    """A triangle."""
    return 1 - np.abs(2 * n / last - 1)


def kaiser(beta: float) -> Shape:
    """A Bessel function of half an ellipse."""
    return lambda n, last: np.i0(beta * np.sqrt(np.maximum(1 - (2 * n / last - 1) ** 2, 0))) / np.i0(beta)


HANN, HAMMING, BLACKMAN = (0.5, 0.5), (0.54, 0.46), (0.42, 0.5, 0.08)


def hann_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """Hann's window, (window_length,): a raised cosine.

    >>> import powerhouse as torch
    >>> torch.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _window("hann_window", window_length, periodic, cosines(HANN), dtype, device, requires_grad)


def hamming_window(
    window_length: int,
    periodic: bool = True,
    alpha: float = 0.54,
    beta: float = 0.46,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Hamming's window, (window_length,): `alpha - beta * cos`."""
    return _window("hamming_window", window_length, periodic, cosines((alpha, beta)), dtype, device, requires_grad)


def blackman_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """Blackman's window, (window_length,): two cosines."""
    return _window("blackman_window", window_length, periodic, cosines(BLACKMAN), dtype, device, requires_grad)


def bartlett_window(
    window_length: int, periodic: bool = True, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """Bartlett's window, (window_length,): a triangle."""
    return _window("bartlett_window", window_length, periodic, bartlett, dtype, device, requires_grad)


def kaiser_window(
    window_length: int,
    periodic: bool = True,
    beta: float = 12.0,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """Kaiser's window, (window_length,): the larger `beta`, the narrower."""
    return _window("kaiser_window", window_length, periodic, kaiser(beta), dtype, device, requires_grad)


__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"]
