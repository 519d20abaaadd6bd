"""Fourier transforms: their frequencies, and the inverse short-time transform, which looks at its window."""

from __future__ import annotations

import operator
from functools import wraps
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..graph.op import REGISTRY
from ._construct import tensor
from ._tensor import Tensor
from .functions import function_of


def fftfreq(n: int, d: float = 1.0, *, out: Tensor | None = None, dtype: Any = None, layout: Any = None, device: Any = None,
            requires_grad: bool = False) -> Tensor:
    """The frequencies of `fft.fft` of n samples, `d` apart, in cycles per unit of `d`: (n,), first those from 0 up, then the negative.

    >>> import powerhouse as torch
    >>> torch.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    n = _count(n, "fft.fftfreq")
    steps = np.concatenate((np.arange((n + 1) // 2), np.arange(-(n // 2), 0)))
    return _frequencies(steps, n, d, out, dtype, device, requires_grad, "fft.fftfreq")


def rfftfreq(n: int, d: float = 1.0, *, out: Tensor | None = None, dtype: Any = None, layout: Any = None, device: Any = None,
             requires_grad: bool = False) -> Tensor:
    """The frequencies of `fft.rfft` of n samples, `d` apart, in cycles per unit of `d`: (n // 2 + 1,)."""
    n = _count(n, "fft.rfftfreq")
    return _frequencies(np.arange(n // 2 + 1), n, d, out, dtype, device, requires_grad, "fft.rfftfreq")


def _count(n: Any, op: str) -> int:
    n = operator.index(n)
    if n < 1:
        raise RuntimeError(f"{op}: the number of samples n must be positive, got {n}")
    return n


def _frequencies(steps: Any, n: int, d: float, out: Any, dtype: Any, device: Any, requires_grad: bool, op: str) -> Tensor:
    kind = dt.default_float() if dtype is None else dt.as_dtype(dtype, op)
    if kind.category < dt.FLOAT:
        raise RuntimeError(f"{op}: requires a floating point or complex dtype, got {kind}")
    wide = kind.to_real().compute.numpy
    values = tensor(steps.astype(wide) * wide.type(1.0 / (n * d)), dtype=kind, device=device, requires_grad=requires_grad)
    return values if out is None else out.resize_(values.shape).copy_(values)  # type: ignore[attr-defined]


_istft = function_of(REGISTRY["istft"], "istft")


@wraps(_istft)
def istft(*args: Any, **kwargs: Any) -> Tensor:
    out = _istft(*args, **kwargs)
    if not np.isfinite(out._array()).all() and np.isfinite(args[0]._array()).all():
        raise RuntimeError("istft: window overlap add min is 0: the squared windows add up to 0 somewhere in the signal")
    return out


Tensor.istft = istft  # type: ignore[attr-defined]
__all__ = ["fftfreq", "istft", "rfftfreq"]
