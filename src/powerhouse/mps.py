"""`torch.mps` where there is no Apple GPU."""

from .cuda import device_count, empty_cache, is_available, manual_seed, seed, set_per_process_memory_fraction, synchronize
from .cuda import memory_allocated as current_allocated_memory

__all__ = [
    "current_allocated_memory",
    "device_count",
    "empty_cache",
    "is_available",
    "manual_seed",
    "seed",
    "set_per_process_memory_fraction",
    "synchronize",
]
