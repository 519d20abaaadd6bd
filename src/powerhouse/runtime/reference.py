"""The reference tier: a program is a list of NumPy calls over numbered registers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from sys import getrefcount
from typing import Any, NamedTuple
from weakref import getweakrefcount

import numpy as np

from ..core import dtypes as dt
from ..core.errors import OutOfMemoryError
from ..graph.loop import Body, loop
from ..graph.memo import memoize
from ..graph.op import IDENTITIES, LAST, REGISTRY, Elementwise, cast, const, fence, item, leaf, number
from ..graph.symbol import Symbol
from ..graph.walk import postorder
from ._numpy_scalars import NUMPY
from .watch import NO_WATCH, Watch


class Step(NamedTuple):
    """One call: `registers[out] = run(*registers[inputs])` (several registers for a kernel), after which those in `free` are dropped."""

    run: Callable[..., Any]
    inputs: tuple[int, ...]
    out: int | tuple[int, ...]
    free: tuple[int, ...]
    name: str


class Program(NamedTuple):
    """Steps from leaves to outputs.

    `copies` says of each output whether it may share memory: NEVER, with a leaf or another output (SHARES), or only the op's code
    knows (UNKNOWN). `donated` leaves are written to by a step: they are copied first, unless the caller gives them up.
    """

    leaves: tuple[tuple[int, int], ...]  # (slot, register)
    steps: tuple[Step, ...]
    outputs: tuple[int, ...]
    registers: int
    dtypes: tuple[Any, ...]
    copies: tuple[int, ...]
    donated: tuple[tuple[int, int], ...] = ()  # (slot, register)
    watch: Watch = NO_WATCH

    @property
    def stopped(self) -> None:
        """An interrupt that came when it was too late to stop: there is none, calls of NumPy stop at once."""
        return None

    def run(self, leaves: Sequence[Any], donate: bool = False) -> list[Any]:
        """The outputs, each an array that owns its memory. Errors name the op in which they arose."""
        r: list[Any] = [None] * self.registers
        for slot, register in self.leaves:
            r[register] = leaves[slot]
        for slot, register in self.donated:
            r[register] = None
            references = getrefcount(leaves[slot])
            r[register] = leaves[slot] if donate and _is_ours(leaves[slot], references) else np.array(leaves[slot])
        step = None
        try:
            with np.errstate(all="ignore"):
                for step in self.steps:
                    run, inputs, out, free, _ = step
                    made = run(*[r[i] for i in inputs])
                    if out.__class__ is int:
                        r[out] = made
                    else:
                        for i, value in zip(out, made, strict=True):
                            r[i] = value
                    for i in free:
                        r[i] = None
        except MemoryError as error:
            raise OutOfMemoryError(f"{step.name if step else 'program'}: {error}") from error
        known = {id(x) for x in leaves} if UNKNOWN in self.copies else frozenset()
        return [owned(r[i], d, copy, known) for i, d, copy in zip(self.outputs, self.dtypes, self.copies, strict=True)]

    def salvage(self, leaves: Sequence[Any], donated: bool) -> list[Any]:
        """The outputs after `run` has failed: where an op that an output needs fails, its exception stands for it."""
        r: list[Any] = [None] * self.registers
        for slot, register in self.leaves:
            r[register] = leaves[slot]
        for slot, register in self.donated:
            r[register] = (
                RuntimeError("the tensor's value was lost: the op that wrote to it was interrupted") if donated else np.array(leaves[slot])
            )
        with np.errstate(all="ignore"):
            for run, inputs, out, free, _ in self.steps:
                several = out.__class__ is not int
                made = next((r[i] for i in inputs if isinstance(r[i], Exception)), None)
                if made is None:
                    try:
                        made = run(*[r[i] for i in inputs])
                    except Exception as error:
                        made = error
                places = out if several else (out,)
                for i, value in zip(places, made if several and not isinstance(made, Exception) else (made,) * len(places), strict=True):
                    r[i] = value
                for i in free:
                    r[i] = None
        known = {id(x) for x in leaves}
        found = zip(self.outputs, self.dtypes, self.copies, strict=True)
        return [r[i] if isinstance(r[i], Exception) else owned(r[i], d, copy, known) for i, d, copy in found]


NEVER, SHARES, UNKNOWN = range(3)


def _is_ours(buffer: Any, references: int) -> bool:
    """Whether nothing but the list of leaves holds the buffer, and nobody relies on its content, so that it may be written to."""
    return (
        references == 2 and buffer.base is None and buffer.flags.c_contiguous and buffer.flags.writeable and not getweakrefcount(buffer)
    )


def owned(value: Any, dtype: Any, copy: int, leaves: Any = frozenset()) -> Any:
    """A result as an array that owns its memory."""
    a = np.asarray(value, dtype, order="C")
    if copy == NEVER or (a is not value and a.base is None):
        return a
    return a.copy() if copy == SHARES or a.base is not None or id(a) in leaves else a


def program(outputs: tuple[Symbol, ...]) -> Program:
    """The program that computes `outputs`."""
    values = [value_of(s) for s in outputs]
    order = order_of(values)
    register = {s: i for i, s in enumerate(order)}
    last = _last_uses(order, values)
    alone = used_once(order, values)
    steps = tuple(_step(s, register, last, alone) for s in order if s.op is not leaf and s.op is not number)
    leaves = tuple((s.attrs[0], register[s]) for s in order if s.op is leaf or s.op is number)
    donated = tuple((b.attrs[0], register[b]) for s in order if overwrites(s, alone) and (b := value_of(s.inputs[0])).op is leaf)
    return Program(
        leaves, steps, tuple(register[s] for s in values), len(order), tuple(s.dtype.numpy for s in outputs), sharing(values), donated
    )


def sharing(values: list[Symbol]) -> tuple[int, ...]:
    """Of each output, whether its memory may be another's."""
    roots = [memory_of(s) for s in values]
    return tuple(
        SHARES
        if root.op is leaf or roots.index(root) < i or s is not root
        else NEVER
        if isinstance(s.op, Elementwise) or s.op.overwrite is not None
        else UNKNOWN
        for i, (s, root) in enumerate(zip(values, roots, strict=True))
    )


def used_once(order: list[Symbol], values: list[Symbol]) -> frozenset[Symbol]:
    """Symbols with one use, which is not to be an output."""
    uses = Counter(value_of(i) for s in order for i in s.inputs)
    uses.update(values)
    return frozenset(s for s, n in uses.items() if n == 1) - set(values)


def overwrites(s: Symbol, alone: frozenset[Symbol]) -> bool:
    """Whether a write to a part of a tensor can be done in its own memory: a leaf, or the result of such a write, that has no other use."""
    if s.op.overwrite is None:
        return False
    base = value_of(s.inputs[0])
    return base in alone and (base.op is leaf or base.op.overwrite is not None)


def value_of(s: Symbol) -> Symbol:
    """The symbol that holds the value of `s`, behind marks and kept values."""
    while s.op in IDENTITIES or s.op in LAST:
        s = s.inputs[-1]
    return s


def memory_of(s: Symbol) -> Symbol:
    """The symbol whose memory `s` may share: views and casts can be their input's memory."""
    while s.op in IDENTITIES or s.op in LAST or s.op.layout is not None or s.op in (cast, fence):
        s = s.inputs[-1] if s.op in LAST else s.inputs[0]
    return s


def order_of(values: list[Symbol]) -> list[Symbol]:
    """Every symbol that `values` need, each after its inputs, behind marks."""
    return postorder(values, lambda s: map(value_of, s.inputs))


def _last_uses(order: list[Symbol], values: list[Symbol]) -> dict[Symbol, int]:
    last = {value_of(i): n for n, s in enumerate(order) for i in s.inputs}
    for s in values:
        last.pop(s, None)
    return last


def _step(s: Symbol, register: dict[Symbol, int], last: dict[Symbol, int], alone: frozenset[Symbol]) -> Step:
    inputs = tuple(value_of(i) for i in s.inputs)
    at = register[s]
    free = tuple({register[i] for i in inputs if last.get(i) == at})
    return Step(overwriter(s) if overwrites(s, alone) else kernel(s), tuple(register[i] for i in inputs), at, free, s.op.name)


def overwriter(s: Symbol) -> Callable[..., Any]:
    """The NumPy function of a write to a part of a tensor, in the tensor's memory."""
    overwrite, attrs = s.op.overwrite, s.attrs
    assert overwrite is not None
    return (lambda *arrays: overwrite(arrays, *attrs)) if s.op.variadic else (lambda *arrays: overwrite(*arrays, *attrs))


class Call(NamedTuple):
    """What one symbol computes, apart from its operands: the op by name, its attributes, the dtypes of the first operand and the result."""

    op: str
    attrs: tuple[Any, ...]
    source: dt.dtype | None
    dtype: dt.dtype | None


def call_of(s: Symbol) -> Call:
    """What a symbol computes."""
    return Call(s.op.name, s.attrs, s.inputs[0].dtype if s.inputs else None, s.dtype)


def kernel(s: Symbol) -> Callable[..., Any]:
    """The NumPy function of one symbol: arrays in, array (or a tuple of arrays) out."""
    return function_of(call_of(s))


def function_of(call: Call) -> Callable[..., Any]:
    """The NumPy function of a call."""
    op, attrs = REGISTRY[call.op], call.attrs
    if op is item:
        index = attrs[0]
        return lambda node: node[index]
    if op is cast:
        return _caster(call.source, attrs[0])  # type: ignore[arg-type]
    if isinstance(op, Elementwise):
        return _elementwise(op, call)
    value = op.value  # type: ignore[attr-defined]
    if value is None:
        raise RuntimeError(f"{op.name}: has no reference value")
    if op is const:
        constant = value(*attrs)
        return lambda: constant
    if op.variadic:  # type: ignore[attr-defined]
        return lambda *arrays: value(arrays, *attrs)
    return (lambda *arrays: value(*arrays, *attrs)) if attrs else value


@loop.reference
def _looped(arrays: Sequence[Any], body: Body, steps: int, backwards: bool) -> tuple[Any, ...]:
    one, n, m = _step_program(body.outputs), body.constants, body.states
    constants, state, sequences = arrays[:n], arrays[n : n + m], arrays[n + m :]
    given: list[list[Any]] = [[None] * steps for _ in body.given]
    for t in reversed(range(steps)) if backwards else range(steps):
        values = one.run([*constants, *state, *(np.asarray(x[t]) for x in sequences)], False)
        state = values[:m]
        for row, value in zip(given, values[m:], strict=True):
            row[t] = value
    return (*state, *map(np.stack, given))


_step_program = memoize(program)


def _caster(source: dt.dtype, target: dt.dtype) -> Callable[..., Any]:
    to = target.numpy
    if source.is_complex and not target.is_complex:
        return lambda x: (np.asarray(x) != 0) if target is dt.bool_ else np.asarray(x).real.astype(to)
    if source.is_floating_point and target.category == dt.INTEGER:
        return lambda x: _truncate(np.asarray(x), to)
    return lambda x: x.astype(to) if isinstance(x, (np.ndarray, np.generic)) else _number(x, to)


def _truncate(x: Any, to: np.dtype) -> Any:
    """Floats to integers as x86 hardware does: through int64, so that what does not fit wraps."""
    return x.astype(np.int64).astype(to) if to.itemsize < 8 else x.astype(to)


def _number(x: Any, to: np.dtype) -> Any:
    """A Python number in dtype `to`; integers wrap, as PyTorch's do."""
    if to.kind in "iu" and not isinstance(x, bool):
        return np.asarray(int(x.real if isinstance(x, complex) else x) & 0xFFFFFFFFFFFFFFFF, np.uint64).astype(to)
    return np.asarray(x).astype(to)


def _elementwise(op: Elementwise, call: Call) -> Callable[..., Any]:
    source, out = call.source, call.dtype.numpy  # type: ignore[union-attr]
    body, wide = op.body, source.compute.numpy  # type: ignore[union-attr]
    if wide is source.numpy:  # type: ignore[union-attr]
        return lambda *x: _as(body(NUMPY, *x), out)
    return lambda *x: _as(body(NUMPY, *[np.asarray(i).astype(wide) for i in x]), out)


def _as(value: Any, to: np.dtype) -> Any:
    return value if value.__class__ is np.ndarray and value.dtype == to else np.asarray(value).astype(to)


__all__ = [
    "Call",
    "Program",
    "Step",
    "call_of",
    "function_of",
    "kernel",
    "order_of",
    "overwriter",
    "overwrites",
    "program",
    "sharing",
    "used_once",
    "value_of",
]
