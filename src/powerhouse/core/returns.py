"""The types of results with names: `torch.max(x, 0).values`."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

TYPES: dict[str, type] = {}


def named_results(name: str, fields: str) -> Any:
    """A named tuple type that prints as PyTorch's: its name, then a line a field.

    >>> named_results("pair", "first second")(1, 2)
    torch.return_types.pair(
    first=1,
    second=2)
    """
    kind = type(name, (namedtuple(name, fields),), {"__slots__": (), "__repr__": _show, "__module__": "powerhouse.return_types"})  # type: ignore[misc]
    return TYPES.setdefault(name, kind)


def _show(self: Any) -> str:
    fields = ",\n".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
    return f"torch.return_types.{type(self).__name__}(\n{fields})"
