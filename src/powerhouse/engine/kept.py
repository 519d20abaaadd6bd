"""Recipes on disk: what one process has planned, the next need not plan.

A recipe is found by a name that says what its program computes (every symbol, with its op, inputs and attributes), for which processor,
and which state of this package's source made it. Programs with ops from elsewhere are not kept.
"""

from __future__ import annotations

import os
import pickle
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ..core import config
from ..core.device import device
from ..core.dtypes import dtype
from ..graph import memo
from ..graph.loop import Body
from ..graph.op import Op
from ..graph.symbol import Symbol, Type
from ..graph.walk import postorder
from ..runtime import disk, native
from .assembly import Recipe

_PACKAGE = Path(__file__).parents[1]
_ATOMS = frozenset({int, bool, float, complex, str, bytes, type(None)})
_Symbols = tuple[Symbol, ...]


def read(outputs: _Symbols, lasting: frozenset[Symbol], is_often_run: bool) -> Recipe | None:
    """The recipe of a program, if an earlier process has left it."""
    path = _path(outputs, lasting, is_often_run)
    content = disk.read(path) if path is not None else None
    if content is None:
        return None
    try:
        found = pickle.loads(content)
    except Exception:  # whatever a foreign file can bring about
        return None
    return found if isinstance(found, Recipe) else None


def write(outputs: _Symbols, lasting: frozenset[Symbol], is_often_run: bool, recipe: Recipe) -> None:
    """Leave a recipe for later processes."""
    path = _path(outputs, lasting, is_often_run)
    if path is not None:
        with suppress(pickle.PicklingError, TypeError, AttributeError):  # an attribute of a call may be what cannot be written
            disk.write(path, pickle.dumps(recipe))


def _path(outputs: _Symbols, lasting: frozenset[Symbol], is_often_run: bool) -> Path | None:
    flags = tuple(config.values[name] for name in ("tier", "target", "packed_limit", "memory_budget"))
    name = _name(outputs, lasting, (*flags, is_often_run))
    return disk.folder("programs") / f"{name}.recipe" if name else None


@memo.memoize
def _name(outputs: _Symbols, lasting: frozenset[Symbol], how: tuple[Any, ...]) -> str:
    """The name of a program; empty for one that cannot be kept. `how` it was asked for decides whether it is compiled at all."""
    try:
        structure, source = described(outputs, lasting), _source()
    except TypeError:
        return ""
    return disk.name_of(structure, repr(how), native.name_of(""), source)


def described(outputs: _Symbols, lasting: frozenset[Symbol]) -> str:
    """A text that is the same for the same graph in any process. Raises TypeError where there is none."""
    index: dict[Symbol, int] = {}
    lines = []
    for k, s in enumerate(postorder(outputs, lambda s: s.inputs)):
        index[s] = k
        if not _is_ours(s.op):
            raise TypeError(s.op.name)
        lines.append(f"{s.op.name}{[index[i] for i in s.inputs]}{_plain(s.attrs)}")
    asked, stay = ([index[s] for s in symbols if s in index] for symbols in (outputs, lasting))
    return "\n".join([*lines, str(asked), str(sorted(stay))])


@cache
def _is_ours(op: Op) -> bool:
    """Whether an op is one of this package's, which its name says all of."""
    return op.function.__module__.startswith(f"{__package__.partition('.')[0]}.")


def _plain(x: Any) -> str:
    """An attribute as text. Raises TypeError for one of which text does not say all."""
    kind = x.__class__
    if kind in _ATOMS:
        return repr(x)
    if isinstance(x, Body):  # as one graph
        return f"{{{described(x.outputs, frozenset())}}}{x.constants},{x.states}"
    if isinstance(x, tuple):
        return f"{kind.__name__}({','.join(map(_plain, x))})"
    if kind is dtype:
        return x.name
    if kind is Type:
        return f"{x.dtype.name}{x.shape}{x.device}"
    if kind is device:
        return str(x)
    raise TypeError(kind.__name__)


@cache
def _source() -> str:
    """The state of this package's source, and what else reads a recipe: whoever edits it has programs of his own.

    Raises TypeError where the source is not in files.
    """
    files = []
    for folder, folders, names in os.walk(_PACKAGE):
        folders[:] = [f for f in folders if f != "__pycache__"]
        for name in names:
            facts = os.stat(os.path.join(folder, name))
            files.append(f"{folder[len(str(_PACKAGE)) :]}/{name} {facts.st_size} {facts.st_mtime_ns}")
    if not files:
        raise TypeError(str(_PACKAGE))
    return "\n".join([*sorted(files), sys.version, np.__version__])
