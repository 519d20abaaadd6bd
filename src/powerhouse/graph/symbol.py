"""Symbols: the immutable, interned nodes of the graph. Same structure, same object."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from ..core import dtypes as dt
from ..core.device import CPU, device
from ..core.dtypes import dtype
from ..core.shapes import Shape
from . import memo

if TYPE_CHECKING:
    from .op import Primitive


class Type:
    """What is known of a value before it is computed: its shape, dtype and device. Interned, so that it is compared by identity."""

    __slots__ = ("shape", "dtype", "device")

    shape: Shape
    dtype: dtype
    device: device

    def __new__(cls, shape: Shape, dtype: dtype, device: device = CPU) -> Type:
        key = (cls, shape, dtype, device)
        found = memo.symbols.get(key)
        if found is None:
            found = object.__new__(cls)
            found.shape, found.dtype, found.device = tuple(shape), dtype, device
            memo.symbols[key] = found  # last: another thread may find it at once
        return found

    def __repr__(self) -> str:
        return f"{self.dtype.name}{list(self.shape)}"

    def __reduce__(self) -> Any:
        return Type, (self.shape, self.dtype, self.device)


class Symbol:
    """One value of a graph: an op applied to symbols and attributes.

    A node of an op with several results has `types`, a tuple; its results are `item` symbols over it. `weak` marks a Python
    number, which gives way in type promotion. `needs_grad`: a gradient can flow through to a variable.
    """

    __slots__ = ("op", "inputs", "attrs", "type", "shape", "dtype", "needs_grad", "weak", "label", "_plain", "_own", "__weakref__")

    op: Primitive
    inputs: tuple[Symbol, ...]
    attrs: tuple[Any, ...]
    type: Any
    shape: Shape
    dtype: dtype
    needs_grad: bool
    weak: bool
    label: str
    _plain: Symbol | None
    _own: Symbol | None

    @property
    def ndim(self) -> int:
        """The number of dims."""
        return len(self.shape)

    @property
    def numel(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def plain(self) -> Symbol:
        """The same value, through which no gradient flows."""
        if not self.needs_grad:
            return self
        if self._plain is None:
            self._plain = detach(self)
        return self._plain

    @property
    def own(self) -> Symbol:
        """The same value as a tensor's: with an identity apart from equal symbols inside composites."""
        if self._own is None:
            self._own = identify(self)
        return self._own

    def __repr__(self) -> str:
        args = ", ".join([*(f"%{id(i) & 0xFFFFF:x}" for i in self.inputs), *map(repr, self.attrs)])
        return f"{self.op.name}({args}): {getattr(self, 'dtype', None)}{list(self.shape) if self.shape is not None else ''}"


def make(op: Primitive, inputs: tuple[Symbol, ...] = (), attrs: tuple[Any, ...] = ()) -> Symbol:
    """The symbol of `op` on `inputs` and `attrs`. At first sight the op's type rule is asked, and may refuse."""
    key = (op, inputs, attrs)
    found = memo.symbols.get(key)
    if found is None:
        found = _build(op, inputs, attrs)
        memo.symbols[key] = found
    return found


def _build(op: Primitive, inputs: tuple[Symbol, ...], attrs: tuple[Any, ...]) -> Symbol:
    s = Symbol()
    s.op, s.inputs, s.attrs = op, inputs, attrs
    s.type = op.infer(*inputs, *attrs) if not op.variadic else op.infer(inputs, *attrs)
    single = isinstance(s.type, Type)
    s.shape = s.type.shape if single else None  # type: ignore[assignment]
    s.dtype = s.type.dtype if single else None  # type: ignore[assignment]
    s.needs_grad = op.is_variable or (
        op.differentiable and any(i.needs_grad for i in inputs) and (not single or s.dtype.category >= dt.FLOAT)
    )
    s.weak = op.is_number
    s.label = ""
    s._plain = s._own = None
    return s


def identify(s: Symbol) -> Symbol:
    """`s` under an alias. Replaced when `graph.op` is loaded."""
    raise RuntimeError("ops are not loaded")


def detach(s: Symbol) -> Symbol:
    """`s` behind a mark that stops gradients. Replaced by the op of that name when `ops.identity` is loaded."""
    raise RuntimeError("ops are not loaded")
