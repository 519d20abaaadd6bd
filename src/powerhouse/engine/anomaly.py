"""Anomaly mode: where each symbol was recorded, and a look at every gradient as it is made."""

from __future__ import annotations

import linecache
import sys
import threading
from typing import Any

import numpy as np

from ..graph.symbol import Symbol
from ..graph.walk import postorder
from ..runtime import reference
from ..transform.vjp import vjp

_PACKAGE = __name__.partition(".")[0]


class State(threading.local):
    """Whether anomaly mode is on in this thread, whether nans are looked for, and where symbols were recorded."""

    def __init__(self) -> None:
        self.enabled = False
        self.check_nan = True
        self.lines: dict[Symbol, str] = {}


STATE = State()


def note(result: Symbol) -> None:
    """Remember the user's line for `result` and for what it was made of."""
    line = user_line()
    for s in postorder([result], lambda s: [i for i in s.inputs if i not in STATE.lines]):
        STATE.lines.setdefault(s, line)


def user_line() -> str:
    """The innermost line outside this package, as `file:line: code`."""
    frame: Any = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        frame = frame.f_back
    if frame is None:
        return "unknown line"
    name, number = frame.f_code.co_filename, frame.f_lineno
    return f"{name}:{number}: {linecache.getline(name, number).strip()}"


def check(s: Symbol, g: Any, leaves: list[Any]) -> None:
    """Raise RuntimeError if the rule of `s` makes a nan from a gradient that has none."""
    if not isinstance(g, Symbol) or _has_nan(g, leaves):
        return
    for i, gi in enumerate(vjp(s, g)):
        if gi is not None and _has_nan(gi, leaves):
            raise RuntimeError(
                f"backward: Function '{s.label or s.op.name}' returned nan values in its {i}th output; "
                f"inputs {[list(x.shape) for x in s.inputs]}. The op was called at "
                f"{STATE.lines.get(s, 'a line recorded before anomaly mode was on')}"
            )


def _has_nan(s: Symbol, leaves: list[Any]) -> bool:
    (value,) = reference.program((s,)).run(leaves)
    return value.dtype.kind not in "iub" and bool(
        np.isnan(np.asarray(value, np.complex128 if value.dtype.kind == "c" else np.float64)).any()
    )
