"""Messages for refused arguments, in one wording: the op, what came, what was expected."""

from __future__ import annotations

from typing import Any


class OutOfMemoryError(RuntimeError):
    """An allocation failed; the message names the op and the bytes asked for."""


def describe(value: Any) -> str:
    """A short description of an argument for an error message: shape and dtype where it has them."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{value.dtype} {list(value.shape)}"
    return f"{type(value).__name__} {value!r}"[:80]


def require(condition: Any, op: str, message: str, kind: type[Exception] = RuntimeError) -> None:
    """Raise `kind("op: message")` unless `condition` holds."""
    if not condition:
        raise kind(f"{op}: {message}")
