"""Settings and questions: default dtype, threads, what a dtype can hold."""

from __future__ import annotations

import os
from typing import Any

import ml_dtypes
import numpy as np

from ..core import config, promotion
from ..core import dtypes as dt
from ..core.device import as_device
from ..core.dtypes import dtype
from ..engine.segment import realize
from ..graph import memo
from ..runtime.blas import set_blas_threads
from .apply import is_tensor as _is_tensor


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a tensor."""
    return _is_tensor(obj)


def is_floating_point(input: Any) -> bool:
    """Whether the dtype is a real floating-point one."""
    return input.dtype.is_floating_point


def is_complex(input: Any) -> bool:
    """Whether the dtype is complex."""
    return input.dtype.is_complex


def numel(input: Any) -> int:
    """The number of elements."""
    return input.numel()


def get_default_dtype() -> dtype:
    """The dtype of new floating-point tensors."""
    return dt.default_float()


def set_default_dtype(d: dtype) -> None:
    """Set the dtype of new floating-point tensors. What was memoized under the old one is forgotten."""
    realize()
    dt.set_default_float(d)
    memo.clear()


def set_default_device(device: Any) -> None:
    """Set the device of new tensors; only the CPU is there."""
    as_device(device, "set_default_device")


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype of an arithmetic result of two operands (tensors or numbers)."""
    return promotion.result_type(map(_ranked, (tensor1, tensor2)))


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether a result of dtype `from_` may be written to a tensor of dtype `to`."""
    return from_.category <= to.category


def _ranked(x: Any) -> tuple[dtype, int]:
    if _is_tensor(x):
        return x.dtype, 2 if x.ndim else 1
    kinds = ((bool, dt.bool_), (int, dt.int64), (float, dt.default_float()), (complex, dt.default_complex()))
    return next(d for t, d in kinds if isinstance(x, t)), 0


def get_num_threads() -> int:
    """The number of threads that kernels use."""
    return config.values["threads"] or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def set_num_threads(n: int) -> None:
    """Set the number of threads that kernels use."""
    if not isinstance(n, int) or n < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, got {n!r}")
    config.values["threads"] = n
    set_blas_threads(n)


def synchronize(device: Any = None) -> None:
    """Run everything that is pending in this thread."""
    realize()


class finfo:  # noqa: N801 (PyTorch's name)
    """The limits of a floating-point dtype: `eps`, `max`, `min`, `tiny`, `smallest_normal`, `resolution`, `bits`, `dtype`."""

    def __init__(self, type: dtype | None = None) -> None:
        kind = (type or dt.default_float()).to_real()
        if not kind.is_floating_point:
            raise TypeError(f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle '{kind}'")
        info: Any = ml_dtypes.finfo(kind.numpy) if kind.itemsize < 4 else np.finfo(kind.numpy)
        self.bits, self.dtype = kind.itemsize * 8, kind.name
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.smallest_normal)
        self.resolution = float(info.resolution)

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{n}={getattr(self, n):g}' for n in names)}, dtype={self.dtype})"


class iinfo:  # noqa: N801 (PyTorch's name)
    """The limits of an integer dtype: `max`, `min`, `bits`, `dtype`."""

    def __init__(self, type: dtype) -> None:
        if type.category != dt.INTEGER:
            raise TypeError(f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{type}'")
        info = np.iinfo(type.numpy)
        self.bits, self.dtype, self.max, self.min = info.bits, type.name, int(info.max), int(info.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
