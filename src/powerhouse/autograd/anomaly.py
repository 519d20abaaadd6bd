"""Anomaly mode: finds the op in which a backward pass made a nan, and the user's line that called it."""

from __future__ import annotations

from typing import Any

from ..engine import anomaly
from ..engine.segment import RECORDER
from ..graph.op import Op
from ..tensors.apply import apply, is_tensor, read


def _trace(op: Op, args: tuple[Any, ...]) -> Any:
    """`apply`, noting where it was called."""
    modes = RECORDER.now.modes
    RECORDER.now.modes = modes[: modes.index(_trace)]
    try:
        result = apply(op, args)
        for t in result if isinstance(result, tuple) else (result,):
            if is_tensor(t):
                anomaly.note(read(t))
    finally:
        RECORDER.now.modes = modes
    return result


def _set(enabled: bool, check_nan: bool) -> None:
    anomaly.STATE.enabled, anomaly.STATE.check_nan = enabled, check_nan
    others = tuple(m for m in RECORDER.now.modes if m is not _trace)
    RECORDER.now.modes = (*others, _trace) if enabled else others
    if not enabled:
        anomaly.STATE.lines.clear()


class set_detect_anomaly:  # noqa: N801 (PyTorch's name)
    """Turn anomaly mode on or off, from the call on; as a context manager, until its end."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = anomaly.STATE.enabled, anomaly.STATE.check_nan
        _set(mode, check_nan)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        _set(*self._before)


class detect_anomaly(set_detect_anomaly):  # noqa: N801 (PyTorch's name)
    """In the block, a backward that makes a nan raises RuntimeError naming the op and the line that called it.

    Slow: every op notes where it was called, and every gradient is computed and looked at.
    """

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__(True, check_nan)


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on in this thread."""
    return anomaly.STATE.enabled
