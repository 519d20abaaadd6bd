"""The tables behind "the second time is free": interned symbols and memoized answers, bounded together."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..core import config

symbols: dict[tuple[Any, ...], Any] = {}
answers: dict[tuple[Any, ...], Any] = {}
_cleared = [0]


def memoize(function: Callable[..., Any]) -> Callable[..., Any]:
    """Ask `function` once for each tuple of (hashable, positional) arguments. Its exceptions are not kept."""

    @wraps(function)
    def ask(*args: Any) -> Any:
        key = (function, *args)
        found = answers.get(key, answers)
        if found is answers:
            found = answers[key] = function(*args)
        return found

    return ask


def clear() -> None:
    """Forget every symbol and every answer. Safe at any time: symbols still in use stay valid, they only stop merging with new ones."""
    symbols.clear()
    answers.clear()
    _cleared[0] += 1


def clear_if_full() -> None:
    """Called between segments: keeps the tables within the flag `symbol_limit`."""
    if len(symbols) + len(answers) > config.values["symbol_limit"]:
        clear()


def stats() -> dict[str, int]:
    """Counts for tests and `explain`: a repeated step changes none of them."""
    return {"symbols": len(symbols), "answers": len(answers), "cleared": _cleared[0]}
