"""What a program is watched for from run to run: for a reason to make it anew."""

from __future__ import annotations

import weakref
from typing import Any

from ..graph.symbol import Symbol

_REPEATS = 2  # times in succession that an array must be seen again before it is expected to stay
_OFTEN = 30  # runs after which a program is expected to be run on and on


class Watch:
    """Nothing is watched for."""

    __slots__ = ("is_on",)

    def __init__(self) -> None:
        self.is_on = False

    def settled(self, leaves: list[Any]) -> bool:
        """Called before a run, as long as `is_on`: whether the program is to be made anew, as `reasons` say."""
        return False

    @property
    def reasons(self) -> dict[str, Any]:
        """Arguments of `engine.native.program` for the new program."""
        return {}


class Often(Watch):
    """Whether a cheap program is run often."""

    __slots__ = ("runs",)

    def __init__(self) -> None:
        self.is_on, self.runs = True, 0

    def settled(self, leaves: list[Any]) -> bool:
        """Whether it has been."""
        self.runs += 1
        self.is_on = self.runs < _OFTEN
        return not self.is_on

    @property
    def reasons(self) -> dict[str, Any]:
        """It is compiled, whatever its price."""
        return {"is_often_run": True}


class Weights(Watch):
    """The arrays that some leaves of a program are. One that is remembered lives no longer for that; and whoever would write to it sees
    by the weak reference that somebody relies on its content (`memory.is_ours`).
    """

    __slots__ = ("symbols", "known", "runs")

    def __init__(self, symbols: tuple[Symbol, ...] = (), is_on: bool = False) -> None:
        self.symbols = symbols
        self.is_on = is_on and bool(symbols)  # it is not known yet which of them stay
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
        """Whether some leaves, which are then the only `symbols`, have stayed for as many runs as it takes."""
        if self.known:
            self.symbols = tuple(s for s, array in zip(self.symbols, self.known, strict=True) if leaves[s.attrs[0]] is array())
        self.runs += 1
        self.is_on = self.runs <= _REPEATS and bool(self.symbols)
        if self.is_on:
            self.remember(leaves)
        else:
            self.forget()
        return not self.is_on and bool(self.symbols)

    @property
    def reasons(self) -> dict[str, Any]:
        """What is packed of them is kept."""
        return {"lasting": frozenset(self.symbols)}


NO_WATCH = Watch()
