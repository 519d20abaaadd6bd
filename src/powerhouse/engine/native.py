"""The native tier: a segment's program as a list of kernels, with calls of the reference tier between them where there is no kernel."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np

from ..codegen.cost import price_of
from ..codegen.plan import layers_of
from ..codegen.simplify import simplify, turn_products
from ..core import config
from ..core.errors import OutOfMemoryError
from ..core.forking import renew_in_child
from ..graph.loop import pruned
from ..graph.op import leaf
from ..graph.symbol import Symbol, make
from ..runtime import memory, native, objects, reference, team
from ..runtime.reference import order_of, value_of
from ..runtime.watch import NO_WATCH, Often, Watch, Weights
from . import kept
from .assembly import ARENA, PACKED, Assembly, Leaf, Plan, Recipe

_WORTH = 60.0  # microseconds, as estimated, from which the tier "auto" compiles a program
_NET = 2  # layers, from which a program is a net


@contextmanager
def _without_collection() -> Iterator[None]:
    """Nearly all that planning makes lives on: Python's collector would look through it again and again, for a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_without_collection()
def program(
    outputs: tuple[Symbol, ...], lasting: frozenset[Symbol] = frozenset(), is_inference: bool = False, is_often_run: bool = False
) -> Any:
    """The program that computes `outputs`. It keeps what it packs of `lasting` leaves as long as they are the same arrays.

    With the tier "auto", a program that is cheap is left to the reference tier; in `inference_mode` until it has often been run.
    Elsewhere numbers are not to depend on how often a run was interrupted.
    """
    assembly = _assembly(outputs, lasting)
    if config.values["tier"] == "auto" and not is_often_run and not lasting and is_cheap(assembly.order):
        return reference.program(outputs)._replace(watch=Often() if is_inference else NO_WATCH)
    recipe = assembly.recipe()
    if recipe is None:
        return reference.program(outputs)
    kept.write(outputs, lasting, is_often_run, recipe)
    made = Program(outputs, recipe, lasting, [native.kept(name) for name in recipe.kernels])  # type: ignore[misc]
    made.plan = assembly.plan
    return made


def known_program(
    outputs: tuple[Symbol, ...], lasting: frozenset[Symbol] = frozenset(), is_inference: bool = False, is_often_run: bool = False
) -> Any:
    """As `program`; without planning where an earlier process has made it, and its kernels are there."""
    recipe = kept.read(outputs, lasting, is_often_run)
    kernels = [native.kept(name) for name in recipe.kernels] if recipe is not None else [None]
    if None in kernels:
        return program(outputs, lasting, is_inference, is_often_run)
    return Program(outputs, recipe, lasting, kernels)  # type: ignore[arg-type]


def _assembly(outputs: tuple[Symbol, ...], lasting: frozenset[Symbol]) -> Assembly:
    simple = simplify(outputs)
    values = turn_products(pruned([simple[s] for s in outputs]))
    return Assembly(outputs, values, order_of(values), lasting)


def is_cheap(order: list[Symbol]) -> bool:
    """Whether a program is not worth to be compiled. One with several layers is a net, which is run on and on."""
    return price_of(order) < _WORTH and layers_of(order, value_of) < _NET


class Program:
    """A recipe with its kernels: native code and tables. `run` fills in the addresses of this run's buffers and starts the team."""

    def __init__(self, outputs: tuple[Symbol, ...], recipe: Recipe, lasting: frozenset[Symbol], kernels: Sequence[int]) -> None:
        self.symbols, self.lasting, self.recipe = outputs, lasting, recipe
        self.steps, self.made, self.values, self.integers = recipe.steps, recipe.made, recipe.values, recipe.integers
        self.gives_made = [(k, copy) for k, _, _, copy in recipe.values] == [(k, reference.NEVER) for k in range(len(recipe.made))]
        self.arena_size, self.scratch = recipe.arena, recipe.scratch
        self.arena: Any = None
        self.parts = recipe.parts
        self.calls = tuple(None if part.call is None else reference.function_of(part.call) for part in recipe.parts)
        self.watch: Watch = NO_WATCH
        self.weights = Weights()  # the leaves of which something is kept
        self.packed: Any = None  # memory of what stays from run to run
        self.stopped: KeyboardInterrupt | None = None  # came when it was too late to stop: to be raised once the results are stored
        self._fill_tables(kernels)
        if recipe.lasting:
            self.packed, self.weights = memory.carved(recipe.lasting), Weights(_symbols(recipe.weights))
            self.cells[PACKED] = memory.address(self.packed)
        elif recipe.multiplied:
            self.watch = Weights(_symbols(recipe.multiplied), is_on=True)

    def _fill_tables(self, kernels: Sequence[int]) -> None:
        """The code, and the tables from which its pointers and numbers are filled in. `kernels` are addresses."""
        r = self.recipe
        self.status = np.zeros(8, np.int64)
        self.cells = np.zeros(r.cells + 1, np.int64)
        self.cells[-1] = memory.address(self.status)
        links = [(c, o) if o >= 0 else (r.cells, 0) for c, o in r.pool]
        tables = [np.array(t or [(0, 0)], np.int64) for t in (r.slots, r.results, r.floats, links)]
        counts = [len(t) for t in (r.slots, r.results, r.floats, links)]
        pool = np.zeros(len(links) + 1, np.int64)
        self.numbers = np.array([*r.numbers, 0], np.int64)
        self.code = np.array(r.records, np.int64).reshape(len(r.records), team.RECORD)
        self.code[:, 0] = np.array(kernels, np.int64)[self.code[:, 0]]
        self.code[:, 1] = memory.address(pool) + 8 * self.code[:, 1]
        self.code[:, 2] = memory.address(self.numbers) + 8 * self.code[:, 2]
        self.frame = np.zeros(objects.FRAME, np.int64)
        words = (objects.LEAF_TABLE, objects.MADE_TABLE, objects.FLOAT_TABLE, objects.LINK_TABLE)
        for word, table, count in zip(words, tables, counts, strict=True):
            self.frame[word], self.frame[word + 1] = memory.address(table), count
        at = memory.address(self.cells), memory.address(self.numbers), memory.address(pool)
        self.frame[[objects.CELLS, objects.NUMBERS, objects.POOL]] = at
        self.frame_at, self.tables = memory.address(self.frame), (*tables, pool)

    @cached_property
    def plan(self) -> Plan:
        """What the recipe was made of; planned again where it was read from disk."""
        assembly = _assembly(self.symbols, self.lasting)
        assembly.recipe()
        return assembly.plan

    def run(self, leaves: Any, donate: bool = False) -> list[Any]:
        """The outputs. Errors name the op in which they arose."""
        with _running:
            return self._run(leaves, donate)

    def _run(self, leaves: list[Any], donate: bool) -> list[Any]:
        arena = memory.arena(self.arena_size)
        if arena is not self.arena:
            self.arena, self.cells[ARENA] = arena, memory.address(arena)
        made = [
            (leaves[donor] if donor >= 0 and donate and memory.is_ours(leaves, donor) else memory.empty(shape, dtype))
            if is_large
            else memory.small(shape, dtype)
            for shape, dtype, is_large, donor in self.made
        ]
        for index, slot in self.integers:
            self.numbers[index] = leaves[slot]
        self.frame[objects.LEAVES], self.frame[objects.MADE] = id(leaves), id(made)
        fill = objects.fill()
        fill(self.frame_at)
        self.status[:3] = 0
        arrays: list[Any] = []
        try:
            if self.packed is not None and not self.weights.are(leaves):
                self._pack(leaves)
            if len(self.parts) == 1:
                part = self.parts[0]
                team.run(self.code, part.first, part.last, self.scratch, part.shared, self.status)
            else:
                arrays = self._arrays(leaves, made)
                self._run_parts(arrays, fill)
        except MemoryError as error:
            raise OutOfMemoryError(str(error)) from error
        except KeyboardInterrupt as stop:
            if not donate or self.status[_PROGRESS] <= self.recipe.firm:
                raise  # nothing that the caller holds has been overwritten: the program can be run again
            self._run_parts(arrays, fill)
            self.stopped = stop
        if self.status[0]:
            return reference.program(self.symbols).run(leaves, False)  # says what is wrong
        if self.gives_made:
            return made
        return [
            (made[k] if copy == reference.NEVER else made[k].copy())
            if k >= 0
            else reference.owned(arrays[cell], dtype, copy)
            if cell >= 0
            else _taken(leaves, ~cell, dtype, donate and copy == reference.NEVER)
            for k, cell, dtype, copy in self.values
        ]

    def _pack(self, leaves: list[Any]) -> None:
        """Pack weights, and remember which they were."""
        first = self.parts[0].first
        self.weights.forget()
        team.run(self.code, 0, first, self.scratch, True, self.status)
        self.weights.remember(leaves)

    def _arrays(self, leaves: list[Any], made: list[Any]) -> list[Any]:
        """What calls of the reference tier read, by cell."""
        arrays: list[Any] = [None] * self.recipe.cells
        for kind, index, cell in self.recipe.called:
            arrays[cell] = leaves[index] if kind == "leaf" else made[index]
        for cell, offset, shape, dtype, count in self.recipe.views:
            arrays[cell] = self.arena[offset : offset + count].view(dtype).reshape(shape)
        return arrays

    def _run_parts(self, arrays: list[Any], fill: Any) -> None:
        """Kernels and calls of the reference tier, in turn; those that have been run are passed over."""
        status = self.status
        with np.errstate(all="ignore"):
            for k, (part, call) in enumerate(zip(self.parts, self.calls, strict=True)):
                if call is None:
                    if part.last > status[_PROGRESS]:
                        team.run(self.code, part.first, part.last, self.scratch, part.shared, status)
                    if status[0]:
                        return
                elif k >= status[_CALLED]:
                    result = call(*[arrays[i] for i in part.inputs])
                    if part.dtype is not None:
                        result = np.ascontiguousarray(result, part.dtype).reshape(np.shape(result))
                        self.cells[part.out] = memory.address(result)
                        fill(self.frame_at)
                    arrays[part.out] = result
                    status[_CALLED] = k + 1
                    for i in part.free:
                        arrays[i] = None

    def salvage(self, leaves: Sequence[Any], donated: bool) -> list[Any]:
        """The outputs after `run` has failed: where an op that an output needs fails, its exception stands for it."""
        return reference.program(self.symbols).salvage(leaves, False)


_PROGRESS, _CALLED = 1, 2  # words of the status: records run, parts up to the last call of the reference tier
_running = threading.RLock()
renew_in_child(globals(), _running=threading.RLock)


def _symbols(leaves: tuple[Leaf, ...]) -> tuple[Symbol, ...]:
    return tuple(make(leaf, (), at) for at in leaves)


def _taken(leaves: list[Any], slot: int, dtype: Any, is_given: bool) -> Any:
    """An output that is a leaf: its very buffer, if the caller gives up all leaves and nobody else holds this one."""
    if is_given and memory.is_alone(leaves, slot) and leaves[slot].flags.c_contiguous and leaves[slot].dtype == dtype:
        return leaves[slot]
    return reference.owned(leaves[slot], dtype, reference.SHARES)
