"""Devices: where a tensor's memory is."""

from __future__ import annotations

from typing import Any

KINDS = ("cpu", "cuda", "meta", "mps", "xpu")


class device:  # noqa: N801 (PyTorch's name)
    """A device such as `device("cpu")` or `device("cuda", 0)`.

    Attributes: `type`, the kind as a string; `index`, the ordinal or None. Raises RuntimeError for an unknown kind.

    >>> device("cpu")
    device(type='cpu')
    """

    __slots__ = ("type", "index")

    def __init__(self, kind: Any, index: int | None = None) -> None:
        if isinstance(kind, device):
            kind, index = kind.type, kind.index if index is None else index
        if isinstance(kind, int):
            kind, index = "cuda", kind
        if not isinstance(kind, str):
            raise TypeError(f"device(): argument must be a string, an int or a device, not {type(kind).__name__}")
        name, _, ordinal = kind.partition(":")
        if name not in KINDS or (ordinal and not ordinal.isdigit()):
            raise RuntimeError(f"Expected one of {', '.join(KINDS)} device type at start of device string: {kind}")
        self.type = name
        self.index = int(ordinal) if ordinal else index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __repr__(self) -> str:
        return f"device(type='{self.type}'" + (f", index={self.index})" if self.index is not None else ")")

    def __str__(self) -> str:
        return self.type + (f":{self.index}" if self.index is not None else "")

    def __reduce__(self) -> Any:
        return device, (self.type, self.index)


CPU = device("cpu")


def as_device(value: Any, op: str) -> device:
    """`value` (None, a string, a device) as a device on which tensors can be; only the CPU is, on this tier."""
    found = CPU if value is None else value if isinstance(value, device) else device(value)
    if found.type != "cpu":
        raise RuntimeError(f"{op}: device '{found}' is not available in this build of Powerhouse; available: cpu")
    return CPU
