"""Lenses: how a tensor looks at its storage when it is not simply the whole of it."""

from __future__ import annotations

from math import prod
from typing import Any

from ..core.shapes import contiguous_strides
from ..graph.memo import memoize
from ..graph.op import Primitive
from ..graph.symbol import Symbol, Type, make

Steps = tuple[tuple[Primitive, tuple[Any, ...]], ...]


class View:
    """A chain of view primitives over a base, and where its elements lie in the base's row-major memory. Compared by value."""

    __slots__ = ("steps", "type", "strides", "offset", "is_piece", "_hash")

    def __init__(self, steps: Steps, type: Type, strides: tuple[int, ...], offset: int, is_piece: bool = False) -> None:
        self.steps, self.type, self.strides, self.offset = steps, type, strides, offset
        self.is_piece = is_piece  # some of the base's elements, which lie side by side
        self._hash = 0

    def __hash__(self) -> int:
        if not self._hash:
            self._hash = hash((self.steps, self.strides, self.offset))
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, View)
            and self.offset == other.offset
            and self.strides == other.strides
            and self.type is other.type
            and self.steps == other.steps
        )


class Lens:
    """What a tensor adds to its storage: a view, the identity of a variable, a stop for gradients. Caches its last reading.

    `path` leads to the tensor's elements from the storage, or from `root` where the tensor is a view of a variable: it reads
    through the variable, so that its gradient arrives there.
    """

    __slots__ = ("view", "variable", "detached", "root", "path", "token", "symbol", "version", "is_piece")

    def __init__(
        self, view: View | None, detached: bool = False, root: Any = None, path: Steps | None = None, variable: bool = False
    ) -> None:
        self.view, self.detached, self.root, self.variable = view, detached, root, variable
        self.path: Steps = path if path is not None else view.steps if view is not None else ()
        self.is_piece = view is not None and view.is_piece and root is None and not variable  # read as a leaf of its own, if it can be
        self.token: Any = None
        self.symbol: Symbol | None = None
        self.version = -1  # of the storage, when a piece of it was read


@memoize
def read_steps(base: Symbol, steps: Steps) -> Symbol:
    """The elements at the end of a chain of views."""
    for op, attrs in steps:
        base = make(op, (base,), attrs)
    return base


def write_view(base: Symbol, steps: Steps, value: Symbol) -> Symbol:
    """`base` after `value` has been written to the view."""
    if not steps:
        return value
    (op, attrs), rest = steps[0], steps[1:]
    inner = write_view(make(op, (base,), attrs), rest, value) if rest else value
    assert op.put is not None
    return op.put(base, inner, *attrs)


def steps_between(result: Symbol, source: Symbol) -> Steps | None:
    """The view primitives that lead from `source` to `result`; None where something else lies between."""
    steps = []
    while result is not source:
        if result.op.layout is None or len(result.inputs) != 1:
            return None
        steps.append((result.op, result.attrs))
        result = result.inputs[0]
    return tuple(reversed(steps))


@memoize
def compose(base: Type, parent: View | None, steps: Steps, result: Type) -> View | None:
    """The view by `steps` of the view `parent` of a storage of type `base`; None where its elements cannot lie in the base's memory."""
    whole = View((), base, contiguous_strides(base.shape), 0)
    parent = parent or whole
    place: Any = (parent.type.shape, parent.strides, parent.offset)
    for op, attrs in steps:
        if op.name == "strided":  # speaks of the storage, not of the view
            return _view(((op, attrs),), Type(attrs[0], base.dtype), attrs[1], attrs[2], base)
        if op.name == "bitcast":
            if parent.strides != contiguous_strides(parent.type.shape):
                return None
            place = (result.shape, contiguous_strides(result.shape), parent.offset * base.dtype.itemsize // result.dtype.itemsize)
        else:
            assert op.layout is not None
            place = op.layout(*place, *attrs)
        if place is None:
            return None
    return _view(parent.steps + steps, result, place[1], place[2], base)


def _view(steps: Steps, type: Type, strides: tuple[int, ...], offset: int, base: Type) -> View:
    size, whole = prod(type.shape), prod(base.shape)
    return View(steps, type, strides, offset, 0 < size < whole and type.dtype is base.dtype and strides == contiguous_strides(type.shape))
