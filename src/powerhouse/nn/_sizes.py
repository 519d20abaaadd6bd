"""Sizes that may be given as one number or as one number a dimension."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def tuple_of(value: Any, n: int) -> tuple[Any, ...]:
    """`value` as a tuple: a number `n` times, or the numbers of an iterable."""
    return tuple(value) if isinstance(value, Iterable) else (value,) * n


def reversed_twice(padding: tuple[int, ...]) -> tuple[int, ...]:
    """Padding that is the same on both sides, from the last dimension to the first: (p, q) to (q, q, p, p)."""
    return tuple(pad for pad in reversed(padding) for _ in range(2))
