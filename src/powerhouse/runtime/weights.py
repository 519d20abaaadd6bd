"""Arrays that stay the same from run to run, so that what is made of them can be kept."""

from __future__ import annotations

import weakref
from typing import Any

from ..graph.symbol import Symbol

_REPEATS = 2  # times in succession that an array must be seen again before it is expected to stay


class Weights:
    """The arrays that some leaves of a program are. One that is remembered lives no longer for that; and whoever would write to it sees
    by the weak reference that somebody relies on its content (`memory.is_ours`).
    """

    __slots__ = ("symbols", "is_watched", "known", "runs")

    def __init__(self, symbols: tuple[Symbol, ...] = (), is_watched: bool = False) -> None:
        self.symbols = symbols
        self.is_watched = is_watched and bool(symbols)  # it is not known yet which of them stay
        self.known: list[weakref.ref[Any]] = []
        self.runs = 0

    def are(self, leaves: list[Any]) -> bool:
        """Whether the arrays are those that are remembered."""
        return bool(self.known) and all([leaves[s.attrs[0]] is array() for s, array in zip(self.symbols, self.known)])

    def remember(self, leaves: list[Any]) -> None:
        """The arrays are now these."""
        self.known = [weakref.ref(leaves[s.attrs[0]]) for s in self.symbols]

    def forget(self) -> None:
        """There are none."""
        self.known = []

    def settled(self, leaves: list[Any]) -> bool:
        """Watch one more run; whether some leaves, which are then the only `symbols`, have stayed for as many runs as it takes."""
        if self.known:
            self.symbols = tuple(s for s, array in zip(self.symbols, self.known, strict=True) if leaves[s.attrs[0]] is array())
        self.runs += 1
        self.is_watched = self.runs <= _REPEATS and bool(self.symbols)
        if self.is_watched:
            self.remember(leaves)
        else:
            self.forget()
        return not self.is_watched and bool(self.symbols)


NO_WEIGHTS = Weights()
