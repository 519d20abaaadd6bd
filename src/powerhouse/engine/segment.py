"""Segments and storages: what is recorded, and the cells that tensors look at."""

from __future__ import annotations

import itertools
import os
import threading
import weakref
from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from ..core import config
from ..graph import memo
from ..graph.op import alias, leaf, number, variable
from ..graph.symbol import Symbol, Type, make
from ..graph.walk import postorder
from ..runtime import reference
from ..transform.vjp import flows_to, saved
from . import explain, native

_serials = itertools.count()


class Storage:
    """A tensor's cell: a buffer, or a symbol that is pending in a segment. Several tensors (views) can look at one storage.

    `token` changes whenever a cached reading of the storage becomes stale. `history` says how the value depends on variables of
    earlier segments. `outside` is set while memory is shared with NumPy: `True` when NumPy owns it, else a weak reference to the
    exported view.
    """

    __slots__ = ("symbol", "segment", "token", "buffer", "type", "version", "__dict__", "__weakref__")

    history: History | None = None
    is_variable = False  # whether a tensor on it has required grad
    outside: Any = None
    target: Any = None  # shared memory that the pending value is to be written to
    error: BaseException | None = None
    before: Any = None  # what a pending write replaces, should the write fail: a buffer, or its leaf in the segment

    def __init__(self, buffer: Any, kind: Type) -> None:
        self.symbol: Symbol | None = None
        self.segment: Segment | None = None
        self.token: Any = None
        self.buffer = buffer
        self.type = kind
        self.version = 0

    @property
    def is_shared(self) -> bool:
        """Whether someone outside can see or change the buffer."""
        outside = self.outside
        if outside is None or outside is True:
            return outside is True
        if outside() is None:
            self.outside = None
            return False
        return True


class Bundle:
    """Private storages that are read and written only together, such as an optimizer's state: they enter a segment, are written and are
    realized as one, so that a step does not pay for each. Their `segment` is the bundle; whoever looks at one of them dissolves it first.

    `storages`: the members, none when dissolved. `buffers` or `symbols`: their values, realized or pending in `segment`, where they
    replace the leaves `before`.
    """

    __slots__ = ("storages", "types", "buffers", "symbols", "segment", "before")

    def __init__(self, storages: list[Storage]) -> None:
        self.storages = storages
        self.types = tuple([st.type for st in storages])
        self.buffers: list[Any] | None = [st.buffer for st in storages]
        self.symbols: tuple[Symbol, ...] | None = None
        self.segment: Segment | None = None
        for st in storages:
            st.segment, st.symbol, st.buffer = self, None, None

    def enter(self, segment: Segment) -> tuple[Symbol, ...]:
        """The leaves of the members, which must be realized, in `segment`."""
        self.before = leaves_from(len(segment.leaves), self.types)
        segment.leaves += self.buffers
        return self.before

    def write(self, values: tuple[Symbol, ...], segment: Segment) -> None:
        """The members, which have entered `segment`, hold these values from now on."""
        self.symbols, self.segment, self.buffers = values, segment, None
        segment.bundles.append(self)

    def settle(self, values: Sequence[Any]) -> None:
        """The members' values are there."""
        self.buffers, self.symbols, self.segment = list(values), None, None

    def dissolve(self) -> None:
        """Make the members ordinary storages."""
        storages, self.storages, segment = self.storages, [], self.segment
        token = object()
        for i, st in enumerate(storages):
            st.token = token
            st.version += 1
            if segment is None:
                st.buffer, st.segment = self.buffers[i], None
            else:
                st.symbol, st.segment, st.before = self.symbols[i], segment, self.before[i]
                segment.live.append(weakref.ref(st))
        if segment is not None:
            segment.bundles.remove(self)


@memo.memoize
def leaves_from(slot: int, types: tuple[Type, ...]) -> tuple[Symbol, ...]:
    """Leaves of these types, from `slot` on."""
    return tuple([make(leaf, (), (i, kind)) for i, kind in enumerate(types, slot)])


class History:
    """How a realized value came about: its symbol in an earlier segment's record."""

    __slots__ = ("record", "symbol")

    def __init__(self, record: Record, symbol: Symbol) -> None:
        self.record, self.symbol = record, symbol


class Record:
    """What stays of a realized segment for a later backward of `roots`: the leaves and kept results it needs, and who its variables are.

    Nothing stays where there are no roots: a backward has used up the graph.
    """

    __slots__ = ("serial", "leaves", "kept", "owners", "cuts", "used", "is_spent")

    def __init__(self, segment: Segment, roots: tuple[Symbol, ...], kept: dict[Symbol, Any]) -> None:
        self.serial = segment.serial
        self.kept = kept
        self.is_spent = not roots
        self.leaves: dict[int, Any] = {}
        self.owners: dict[Symbol, Any] = {}
        self.cuts: dict[Symbol, list[Any]] = {}
        self.used: set[Symbol] = set()
        if roots:
            whole = segment.walked  # user code may lead anywhere in the segment
            slots, variables = (range(len(segment.leaves)), segment.owners) if whole else needed(roots, tuple(kept))
            self.leaves = {slot: segment.leaves[slot] for slot in slots}
            self.owners = {v: segment.owners[v] for v in variables if v in segment.owners}
            self.cuts, self.used = segment.cuts, segment.used


@memo.memoize
def needed(roots: tuple[Symbol, ...], kept: tuple[Symbol, ...]) -> tuple[tuple[int, ...], tuple[Symbol, ...]]:
    """The slots and the variables that replanting `roots` asks for, where `kept` are leaves."""
    stops = frozenset(s for s in kept if not s.needs_grad)
    order = postorder(roots, lambda s: () if s in stops else s.inputs)
    return tuple(s.attrs[0] for s in order if s.op is leaf or s.op is number), tuple(s for s in order if s.op is variable)


@memo.memoize
def uses_values(s: Symbol) -> bool:
    """Whether the gradient of `s` needs values of its forward pass, so that its graph can be used up."""
    return any(not i.op.linear for i in postorder([s], flows_to))


class Segment:
    """What has been recorded since the last realization, in one thread.

    `leaves`: buffers and numbers by slot. `live`: weak references to pending storages. `bundles`: those that are pending. `owners`: who
    each variable symbol is (a tensor, a History, a node of user code). `cuts`: hooks on inner symbols. `used`: symbols whose saved values
    a backward used up.
    """

    __slots__ = (
        "serial",
        "leaves",
        "live",
        "bundles",
        "produced",
        "owners",
        "cuts",
        "generation",
        "ordinal",
        "aliases",
        "used",
        "flush",
        "walked",
        "lock",
        "replants",
        "limit",
        "held",
    )

    def __init__(self) -> None:
        self.serial = next(_serials)
        self.leaves: list[Any] = []
        self.live: list[weakref.ref[Storage]] = []
        self.bundles: list[Bundle] = []
        self.produced: set[Symbol] = set()
        self.owners: dict[Symbol, Any] = {}
        self.cuts: dict[Symbol, list[Any]] = {}
        self.generation = 0
        self.ordinal = 0
        self.aliases = 0
        self.used: set[Symbol] = set()
        self.flush = config.values["mode"] == "eager"
        self.walked = False  # user code takes part in backward
        self.limit = config.values["segment_limit"]
        self.held = 0  # bytes of the buffers in `leaves`
        self.lock = threading.RLock()
        self.replants: dict[Record, dict[Symbol, Symbol]] = {}

    def number(self, value: Any, kind: str) -> Symbol:
        """A slot for a Python number."""
        slot = len(self.leaves)
        self.leaves.append(value)
        return make(number, (), (slot, kind))

    def leaf(self, buffer: Any, kind: Type) -> Symbol:
        """A slot for a buffer."""
        slot = len(self.leaves)
        self.leaves.append(buffer)
        self.held += buffer.nbytes
        if self.held > config.values["held_limit"]:
            self.flush = True
        return make(leaf, (), (slot, kind))

    def variable(self, value: Symbol, owner: Any) -> Symbol:
        """`value` with an identity, owned by `owner`."""
        s = make(variable, (value,), (self.ordinal, self.generation))
        self.ordinal += 1
        self.owners[s] = owner
        return s

    def enter(self, st: Storage) -> Symbol:
        """The symbol of a storage in this segment."""
        pending = st.segment
        if pending is self and st.symbol is not None:
            return st.symbol
        if st.buffer is None:
            if pending.__class__ is Bundle:
                pending.dissolve()
                return self.enter(st)
            settle(st)
        if st.outside is not None and st.is_shared:
            return self._enter_shared(st)
        s = self.leaf(st.buffer, st.type)
        if st.history is not None:
            s = self.variable(s, st.history)
        st.symbol, st.segment, st.token = s, self, self
        return s

    def _enter_shared(self, st: Storage) -> Symbol:
        """Shared memory can change under us: a use copies it, or runs at once where it is large. Nothing is cached on the storage."""
        st.symbol = st.segment = None
        st.token = object()
        s = self.snapshot(st.buffer, st.type)
        return s if st.history is None else self.variable(s, st.history)

    def snapshot(self, array: Any, kind: Type) -> Symbol:
        """A slot for memory that others can write to."""
        if array.nbytes <= config.values["snapshot_limit"]:
            return self.leaf(array.copy(), kind)
        self.flush = True
        return self.leaf(array.view(), kind)  # an array of its own, since its content may be another next time

    def unique(self, s: Symbol) -> Symbol:
        """`s` as the value of a tensor: with an identity apart from that of any other tensor, and of the same symbol inside a composite."""
        if s in self.produced:
            return self.alias(s)
        self.produced.add(s)
        return s.own

    def alias(self, s: Symbol) -> Symbol:
        """`s` with another identity."""
        self.aliases += 1
        return make(alias, (s,), (self.aliases,))

    def write(self, st: Storage, value: Symbol) -> None:
        """`st` holds `value` from now on."""
        if st.segment.__class__ is Bundle:
            st.segment.dissolve()
        if st.outside is not None and st.is_shared:
            st.target, self.flush = st.buffer, True
        if st.segment is not self or st.buffer is not None or st.symbol is None:
            self.live.append(weakref.ref(st))
            if st.buffer is not None:
                st.before = st.symbol if st.segment is self and st.symbol is not None and st.symbol.op is leaf else st.buffer
        st.symbol, st.segment, st.buffer = value, self, None
        if st.history is not None:
            st.history = None
        st.type = value.type
        st.token = object()
        st.version += 1


class Recorder:
    """What is being recorded in one thread, and how."""

    __slots__ = ("segment", "grad", "inference", "modes", "hold")

    def __init__(self) -> None:
        self.segment = Segment()
        self.grad = True
        self.inference = False
        self.modes: tuple[Any, ...] = ()
        self.hold = 0  # while user code runs inside a backward, realizing does not end the segment


class _Threads(threading.local):
    """The recorder of this thread, as `now`."""

    def __init__(self) -> None:
        self.now = Recorder()


RECORDER = _Threads()


def _after_fork() -> None:
    """The child starts with a lock of its own; what was pending stays pending."""
    RECORDER.now.segment.lock = threading.RLock()


os.register_at_fork(after_in_child=_after_fork)


def realize() -> None:
    """Run this thread's segment for all live pending tensors, and start a new one."""
    segment = RECORDER.now.segment
    if RECORDER.now.hold:
        return run(segment)
    RECORDER.now.segment = Segment()
    try:
        run(segment, ended=True)
    finally:
        memo.clear_if_full()


def settle(st: Storage) -> None:
    """Make sure that `st` has a buffer; realizes the segment in which it is pending."""
    if st.buffer is not None:
        return
    if st.segment.__class__ is Bundle:
        st.segment.dissolve()
        return settle(st)
    if st.segment is RECORDER.now.segment:
        realize()
    elif st.segment is not None:
        run(st.segment)  # pending in another thread
    if st.buffer is None:
        if st.error is not None:
            raise st.error
        raise RuntimeError("the tensor's value was lost: its segment failed")


def run(segment: Segment, ended: bool = False) -> None:
    """Realize every live pending storage of `segment`. One that has ended gives up the buffers that only it holds."""
    with segment.lock:
        pending = [st for ref in segment.live if (st := ref()) is not None and st.segment is segment and st.buffer is None]
        bundles = segment.bundles
        if not pending and not bundles:
            segment.live = []
            return
        outputs = tuple(chain([st.symbol for st in pending], *[bundle.symbols for bundle in bundles]))
        tracked = _tracked(outputs)
        roots = tuple([s for s in tracked if not (s in segment.used and uses_values(s))])
        keep = saved(roots) if roots else ()
        asked = outputs + keep
        program = _program(asked, segment.leaves)
        donate = ended and not roots
        failure = None
        try:
            if explain.watches():
                values = explain.run(program, asked, segment.leaves, donate)
            else:
                values = program.run(segment.leaves, donate)
        except Exception as error:
            failure, values = error, program.salvage(segment.leaves, donate)
            for bundle in list(bundles):
                pending += bundle.storages
                bundle.dissolve()
        segment.live = []  # not before: what was interrupted from the keyboard can be run again
        record = spent = None
        if tracked:
            kept = {s: value for s, value in zip(keep, values[len(outputs) :]) if not isinstance(value, Exception)} if keep else {}
            record = Record(segment, roots, kept) if roots else None
            spent = Record(segment, (), {})
        alive = frozenset(roots)
        token = object()  # tokens are compared for one storage at a time
        for st, s, value in zip(pending, outputs, values, strict=False):
            if failure is not None and isinstance(value, Exception):
                _restore(st, segment, value)
                continue
            st.before = None
            if st.target is not None:
                np.copyto(st.target, value)
                value, st.target = st.target, None
            if s.needs_grad:
                st.history = History(record if s in alive else spent, s)  # type: ignore[arg-type]
            st.buffer = value
            st.symbol = st.segment = None
            st.token = token
        at = len(pending)
        for bundle in bundles:
            bundle.settle(values[at : at + len(bundle.types)])
            at += len(bundle.types)
        segment.bundles = []
        if failure is not None:
            raise failure
        if program.stopped is not None:
            stop, program.stopped = program.stopped, None
            raise stop


@memo.memoize
def _tracked(outputs: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
    """Those that gradients flow through."""
    return tuple(s for s in outputs if s.needs_grad)


def _restore(st: Storage, segment: Segment, error: Exception) -> None:
    """A result that cannot be computed raises `error` when it is read; a write that fails leaves the value from before."""
    before, st.before, st.target = st.before, None, None
    if before is None:
        st.error = error
        return
    st.buffer = segment.leaves[before.attrs[0]] if isinstance(before, Symbol) else before
    st.type = before.type if isinstance(before, Symbol) else st.type
    st.symbol = st.segment = None
    st.token = object()


def _program(outputs: tuple[Symbol, ...], leaves: list[Any]) -> reference.Program:
    """The program of these outputs, made at first sight; and made anew when what it is watched for has been seen."""
    tier, inference = config.values["tier"], RECORDER.now.inference
    key = (_program, outputs, tier, config.values["target"], config.values["memory_budget"], inference)
    known = memo.answers.get(key)
    if known is not None and not (known.watch.is_on and known.watch.settled(leaves)):
        return known
    is_watched = explain.watches()
    build = native.program if is_watched else native.known_program
    build = partial(build, **known.watch.reasons) if known is not None else partial(build, is_inference=inference)
    if tier == "reference":
        build = reference.program
    found = memo.answers[key] = explain.build(build, outputs) if is_watched else build(outputs)
    if known is None and found.watch.is_on:
        found.watch.settled(leaves)
    return found


__all__ = ["Bundle", "History", "RECORDER", "Record", "Segment", "Storage", "realize", "run", "settle"]
