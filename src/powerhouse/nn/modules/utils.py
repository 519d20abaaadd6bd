"""Sizes as tuples, under the names that PyTorch's own layers and many scripts use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .._sizes import tuple_of

__all__ = ["consume_prefix_in_state_dict_if_present"]


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    """The function that gives a number as `n` of it, and an iterable as a tuple."""
    return lambda value: tuple_of(value, n)


_single, _pair, _triple, _quadruple = map(_ntuple, (1, 2, 3, 4))


def _reverse_repeat_tuple(sizes: tuple[int, ...], n: int) -> tuple[int, ...]:
    """The sizes in reverse, each `n` times."""
    return tuple(size for size in reversed(sizes) for _ in range(n))


def consume_prefix_in_state_dict_if_present(state_dict: dict[str, Any], prefix: str) -> None:
    """Take `prefix` (such as `module.`) off the names of a state dict, in place, and off those of its metadata.

    >>> state = {"module.weight": 1, "other": 2}
    >>> consume_prefix_in_state_dict_if_present(state, "module.")
    >>> sorted(state)
    ['other', 'weight']
    """
    for table in (state_dict, getattr(state_dict, "_metadata", None) or {}):
        for name in list(table):
            if name.startswith(prefix):
                table[name.removeprefix(prefix)] = table.pop(name)
            elif name and name == prefix.rstrip(".") and table is not state_dict:
                table[""] = table.pop(name)
