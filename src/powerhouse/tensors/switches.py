"""Switches that scripts set: kept and told, and without effect where there is nothing to switch."""

from __future__ import annotations

from typing import Any

from ..core.device import CPU, device

_PRECISIONS = ("highest", "high", "medium")
_DEBUG_MODES = ("default", "warn", "error")
_state: dict[str, Any] = {"precision": "highest", "deterministic": False, "warn_only": False, "warn_always": False, "interop_threads": 1}


def get_default_device() -> device:
    """The device of new tensors."""
    return CPU


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` has set."""
    return _state["precision"]


def set_float32_matmul_precision(precision: str) -> None:
    """Accepted ("highest", "high" or "medium"); float32 products are always computed in float32 here."""
    if precision not in _PRECISIONS:
        raise RuntimeError(f"set_float32_matmul_precision: expected one of {', '.join(_PRECISIONS)}, got {precision!r}")
    _state["precision"] = precision


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Accepted; every op here is deterministic."""
    _state["deterministic"], _state["warn_only"] = bool(mode), bool(warn_only)


def are_deterministic_algorithms_enabled() -> bool:
    """What `use_deterministic_algorithms` has set."""
    return _state["deterministic"]


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """The `warn_only` that `use_deterministic_algorithms` has set."""
    return _state["warn_only"]


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """`use_deterministic_algorithms` by a mode: 0 or "default", 1 or "warn", 2 or "error"."""
    mode = _DEBUG_MODES.index(debug_mode) if debug_mode in _DEBUG_MODES else debug_mode
    if mode not in (0, 1, 2):
        raise RuntimeError(f"set_deterministic_debug_mode: expected 0, 1, 2 or one of {', '.join(_DEBUG_MODES)}, got {debug_mode!r}")
    use_deterministic_algorithms(mode > 0, warn_only=mode == 1)


def get_deterministic_debug_mode() -> int:
    """The mode as 0, 1 or 2."""
    return 0 if not _state["deterministic"] else 1 if _state["warn_only"] else 2


def set_warn_always(mode: bool) -> None:
    """Accepted; warnings follow Python's filters."""
    _state["warn_always"] = bool(mode)


def is_warn_always_enabled() -> bool:
    """What `set_warn_always` has set."""
    return _state["warn_always"]


def get_num_interop_threads() -> int:
    """What `set_num_interop_threads` has set."""
    return _state["interop_threads"]


def set_num_interop_threads(n: int) -> None:
    """Accepted; ops do not run side by side here."""
    if not isinstance(n, int) or n < 1:
        raise RuntimeError(f"set_num_interop_threads expects a positive integer, got {n!r}")
    _state["interop_threads"] = n


def set_flush_denormal(mode: bool) -> bool:
    """Whether denormal numbers can be flushed to zero: no, here."""
    return False


def compiled_with_cxx11_abi() -> bool:
    """False: nothing here is compiled with C++."""
    return False


__all__ = [
    "are_deterministic_algorithms_enabled",
    "compiled_with_cxx11_abi",
    "get_default_device",
    "get_deterministic_debug_mode",
    "get_float32_matmul_precision",
    "get_num_interop_threads",
    "is_deterministic_algorithms_warn_only_enabled",
    "is_warn_always_enabled",
    "set_deterministic_debug_mode",
    "set_float32_matmul_precision",
    "set_flush_denormal",
    "set_num_interop_threads",
    "set_warn_always",
    "use_deterministic_algorithms",
]
