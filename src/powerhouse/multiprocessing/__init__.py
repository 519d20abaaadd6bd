"""Python's `multiprocessing`, with PyTorch's additions: tensors travel as copies; `spawn` runs a function in several processes."""

from __future__ import annotations

from multiprocessing import *  # noqa: F403
from multiprocessing import __all__ as _pythons
from multiprocessing import current_process

from .spawning import ProcessContext, ProcessException, ProcessExitedException, ProcessRaisedException, spawn, start_processes

_STRATEGIES = {"file_descriptor", "file_system"}
_strategy = ["file_system"]


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepted ("file_descriptor" or "file_system"): tensors are copied to other processes when sent."""
    if new_strategy not in _STRATEGIES:
        raise AssertionError(f"set_sharing_strategy: expected one of {sorted(_STRATEGIES)}, got {new_strategy!r}")
    _strategy[0] = new_strategy


def get_sharing_strategy() -> str:
    """What `set_sharing_strategy` has set."""
    return _strategy[0]


def get_all_sharing_strategies() -> set[str]:
    """The names that `set_sharing_strategy` accepts."""
    return set(_STRATEGIES)


__all__ = [
    "ProcessContext",
    "ProcessException",
    "ProcessExitedException",
    "ProcessRaisedException",
    "current_process",
    "get_all_sharing_strategies",
    "get_sharing_strategy",
    "set_sharing_strategy",
    "spawn",
    "start_processes",
]
__all__ += _pythons
