"""`torch.cuda` where there is no CUDA device: it says so, and what a script does to be tidy is accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..engine.segment import realize
from . import amp


def is_available() -> bool:
    """Whether a CUDA device can be used."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether the CUDA device computes in bfloat16."""
    return False


def is_initialized() -> bool:
    """Whether CUDA has been used."""
    return False


def device_count() -> int:
    """The number of CUDA devices."""
    return 0


def synchronize(device: Any = None) -> None:
    """Run everything that is pending in this thread."""
    realize()


# --- accepted: there is nothing to do --------------------------------------------------------------------------------------------


def _nothing(name: str, doc: str) -> Callable[..., None]:
    def accept(*args: Any, **kwargs: Any) -> None:
        return None

    accept.__name__ = accept.__qualname__ = name
    accept.__doc__ = doc
    return accept


manual_seed = _nothing("manual_seed", "Accepted; CUDA has no stream of random numbers here.")
manual_seed_all = _nothing("manual_seed_all", "Accepted; CUDA has no stream of random numbers here.")
seed = _nothing("seed", "Accepted; CUDA has no stream of random numbers here.")
seed_all = _nothing("seed_all", "Accepted; CUDA has no stream of random numbers here.")
set_rng_state_all = _nothing("set_rng_state_all", "Accepted; CUDA has no stream of random numbers here.")
empty_cache = _nothing("empty_cache", "Accepted; there is no cache.")
ipc_collect = _nothing("ipc_collect", "Accepted; there is nothing to collect.")
reset_peak_memory_stats = _nothing("reset_peak_memory_stats", "Accepted; nothing is counted.")
reset_max_memory_allocated = _nothing("reset_max_memory_allocated", "Accepted; nothing is counted.")
set_per_process_memory_fraction = _nothing("set_per_process_memory_fraction", "Accepted; there is no memory.")


def get_rng_state_all() -> list[Any]:
    """The states of the devices' random streams: none."""
    return []


def _zero(name: str) -> Callable[..., int]:
    def count(device: Any = None) -> int:
        return 0

    count.__name__ = count.__qualname__ = name
    count.__doc__ = f"`{name}` in bytes: 0 without a device."
    return count


memory_allocated, max_memory_allocated = _zero("memory_allocated"), _zero("max_memory_allocated")
memory_reserved, max_memory_reserved = _zero("memory_reserved"), _zero("max_memory_reserved")


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """A table of the memory in use: empty without a device."""
    return ""


# --- refused: they need a device ----------------------------------------------------------------------------------------------------


def _refused(name: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"{name}: no CUDA device is available (torch.cuda.is_available() is False)")

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"`{name}` needs a CUDA device; AssertionError without one."
    return refuse


init, current_device, get_device_name = _refused("init"), _refused("current_device"), _refused("get_device_name")
get_device_properties, get_device_capability = _refused("get_device_properties"), _refused("get_device_capability")
set_device, current_stream, get_rng_state, set_rng_state = (
    _refused("set_device"),
    _refused("current_stream"),
    _refused("get_rng_state"),
    _refused("set_rng_state"),
)
mem_get_info, Stream, Event, CUDAGraph, graph = (
    _refused("mem_get_info"),
    _refused("Stream"),
    _refused("Event"),
    _refused("CUDAGraph"),
    _refused("graph"),
)


class device:  # noqa: N801 (PyTorch's name)
    """`with cuda.device(i)`: accepted for None and negative numbers, which mean no device."""

    def __init__(self, device: Any) -> None:
        if device is not None and not (isinstance(device, int) and device < 0):
            set_device(device)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


__all__ = [
    "amp",
    "CUDAGraph",
    "Event",
    "Stream",
    "current_device",
    "current_stream",
    "device",
    "device_count",
    "empty_cache",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_rng_state",
    "get_rng_state_all",
    "graph",
    "init",
    "ipc_collect",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_reserved",
    "memory_summary",
    "reset_max_memory_allocated",
    "reset_peak_memory_stats",
    "seed",
    "seed_all",
    "set_device",
    "set_per_process_memory_fraction",
    "set_rng_state",
    "set_rng_state_all",
    "synchronize",
]
