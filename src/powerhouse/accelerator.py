"""`torch.accelerator`: whichever device computes beside the CPU; none, here."""

from __future__ import annotations

from typing import Any

from .cuda import device_count, empty_cache, is_available, max_memory_allocated, memory_allocated, reset_peak_memory_stats, synchronize


def current_accelerator(check_available: bool = False) -> Any:
    """The accelerator as a device; None where there is none."""
    return None


def current_device_index() -> int:
    """The number of the accelerator in use; RuntimeError where there is none."""
    raise RuntimeError("current_device_index: Cannot access accelerator device when none is available.")


def set_device_index(device: Any) -> None:
    """Choose an accelerator; RuntimeError where there is none."""
    raise RuntimeError("set_device_index: Cannot access accelerator device when none is available.")


__all__ = [
    "current_accelerator",
    "current_device_index",
    "device_count",
    "empty_cache",
    "is_available",
    "max_memory_allocated",
    "memory_allocated",
    "reset_peak_memory_stats",
    "set_device_index",
    "synchronize",
]
