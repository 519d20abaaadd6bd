"""Window functions; symmetric ones, for filters, unless `sym=False` (periodic ones, for spectra).

Every one takes the number of samples M and gives a tensor of shape (M,). Sources: Harris, 1978; Nuttall, 1981.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..tensors._construct import strided
from ..tensors.windows import BLACKMAN, HANN, Shape, _window, cosines
from ..tensors.windows import bartlett as _triangle
from ..tensors.windows import kaiser as _kaiser

NUTTALL = (0.3635819, 0.4891775, 0.1365995, 0.0106411)


def _function(name: str, doc: str, shape: Callable[..., Shape]) -> Callable[..., Any]:
    def window(
        M: int,
        *args: Any,
        sym: bool = True,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        **options: Any,
    ) -> Any:
        _check(name, M, dtype, layout)
        if sym and options.get("center") is not None:
            raise ValueError(f"{name}: Center must be None for symmetric windows, got {options['center']}")
        return _window(name, M, not sym, shape(*args, **options), dtype, device, requires_grad)

    window.__name__ = window.__qualname__ = name
    window.__doc__ = doc
    return window


def _check(name: str, length: int, dtype: Any, layout: Any) -> None:
    if length < 0:
        raise ValueError(f"{name} requires non-negative window length, got M={length}")
    if layout is not None and layout is not strided:
        raise ValueError(f"{name} is implemented for strided tensors only, got: {layout}")
    if dtype is not None and dtype not in (dt.float32, dt.float64):
        raise ValueError(f"{name} expects float32 or float64 dtypes, got: {dtype}")


def _half_sine(n: np.ndarray, last: int) -> np.ndarray:
    return np.sin(np.pi * (n + 0.5) / (last + 1))


def _exponential(center: float | None = None, tau: float = 1.0) -> Shape:
    if tau <= 0:
        raise ValueError(f"exponential: Tau must be positive, got: {tau} instead.")
    return lambda n, last: np.exp(-np.abs(n - (last / 2 if center is None else center)) / tau)


def _gaussian(std: float = 1.0) -> Shape:
    if std <= 0:
        raise ValueError(f"gaussian: Standard deviation must be positive, got: {std} instead.")
    return lambda n, last: np.exp(-(((n - last / 2) / std) ** 2) / 2)


def _nonnegative_kaiser(beta: float) -> Shape:
    if beta < 0:
        raise ValueError(f"kaiser: beta must be non-negative, got: {beta} instead.")
    return _kaiser(beta)


def _general_cosine(a: Iterable[float]) -> Shape:
    weights = tuple(a)
    if not weights:
        raise ValueError("general_cosine: Coefficients cannot be empty")
    return cosines(weights)


bartlett = _function("bartlett", "A triangle.", lambda: _triangle)
blackman = _function("blackman", "Blackman's window: two cosines.", lambda: cosines(BLACKMAN))
cosine = _function("cosine", "Half a sine wave.", lambda: _half_sine)
exponential = _function(
    "exponential",
    "A decay with time constant `tau` on both sides of `center` (the middle unless given).",
    lambda *, center=None, tau=1.0: _exponential(center, tau),
)
gaussian = _function("gaussian", "A bell of standard deviation `std`, in samples.", lambda *, std=1.0: _gaussian(std))
general_cosine = _function("general_cosine", "A sum of cosines with the weights `a`, alternating in sign.", lambda *, a: _general_cosine(a))
general_hamming = _function("general_hamming", "`alpha - (1 - alpha) * cos`.", lambda *, alpha=0.54: cosines((alpha, 1 - alpha)))
hamming = _function("hamming", "`alpha - (1 - alpha) * cos`.", lambda *, alpha=0.54: cosines((alpha, 1 - alpha)))
hann = _function("hann", "A raised cosine.", lambda: cosines(HANN))
kaiser = _function("kaiser", "Kaiser's window: the larger `beta`, the narrower.", lambda *, beta=12.0: _nonnegative_kaiser(beta))
nuttall = _function("nuttall", "Nuttall's window: three cosines.", lambda: cosines(NUTTALL))

__all__ = [
    "bartlett",
    "blackman",
    "cosine",
    "exponential",
    "gaussian",
    "general_cosine",
    "general_hamming",
    "hamming",
    "hann",
    "kaiser",
    "nuttall",
]
