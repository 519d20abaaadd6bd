"""Emission: a group of symbols becomes kernels.

A group is read into a body (`body.py`), its dims into a nest (`nest.py`); body and the nest's form make the text (`passes.py`), which is
written once for all sizes. Where few rows are long, each pass over them is a task of its own, shared out in parts: see `lower`.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import NamedTuple

from ..core.shapes import contiguous_strides
from ..graph.symbol import Symbol
from .access import memory_kind, register_kind
from .body import ROW, Body, Operands, Schedule, body_of, instructions, schedule_of
from .fuse import Group, Resolve
from .nest import COLUMNS, FLAT, Form, Nest, nest_of, row_nest
from .passes import Text, Writer
from .target import TARGETS, Target
from .task import At, Epilogue, Lowering, Task, Temp

_DEFAULT = TARGETS["avx512"]


class _Plan(NamedTuple):
    """A group, read: what it computes, with which operands, in which passes over which loops."""

    body: Body
    operands: Operands
    schedule: Schedule
    nest: Nest


def _plan(group: Group, scalars: frozenset[Symbol], value_of: Resolve, target: Target) -> _Plan:
    body, operands = body_of(group, scalars, value_of)
    schedule = schedule_of(body, True)
    nest = nest_of(group, body, operands, schedule, target)
    return _Plan(body, operands, schedule if nest.form.keep else schedule_of(body, False), nest)


@lru_cache(maxsize=4096)
def _write(body: Body, form: Form, schedule: Schedule, only: int | None) -> Text:
    return Writer(body, form, schedule, only).kernel()


def lower(group: Group, scalars: frozenset[Symbol], value_of: Resolve, target: Target = _DEFAULT) -> Lowering:
    """The tasks of a group: one, or, where reductions are split, one for each pass and one for the rows' values.

    The texts know no size: lengths, strides and offsets are numbers, so that tensors of other shapes use the same machine code. A task of a
    pass leaves what its parts have summed up in a temporary; those behind it combine the parts, in order.
    """
    plan = _plan(group, scalars, value_of, target)
    if plan.nest.form.split < 0:
        return (_task(group, plan, None, ()),)
    itemsize = max((memory_kind(n.dtype.compute).itemsize for n in plan.body.nodes if n.what == "reduce"), default=8)
    nest = plan.nest
    rows = prod(a.size for a in nest.units) * (nest.lane.size if nest.form.mode == COLUMNS else 1)
    temps = tuple(Temp(rows * nest.parts * itemsize) for n in plan.body.nodes if n.what == "reduce")
    passes = [k for k, p in enumerate(plan.schedule.passes) if p.reductions or p.stores]
    if any(plan.body.nodes[o].at == ROW for o in plan.body.outputs):
        passes.append(-1)
    return tuple(_task(group, plan, only, temps) for only in passes)


def _task(group: Group, plan: _Plan, only: int | None, temps: tuple[Temp, ...]) -> Task:
    text, nest = _write(plan.body, plan.nest.form, plan.schedule, only), plan.nest
    flat = nest.form.mode == FLAT
    count = nest.lane.size if flat else nest.rows * (nest.parts if only not in (None, -1) else 1)
    return Task(
        text.text,
        tuple(At(group.places[i].base) for i in plan.operands.loads),
        (*(At(o) for o in group.outputs), *(At(t) for t in temps)),
        (*plan.operands.numbers, *(nest.size(name) for name in text.sizes)),
        count,
        (nest.rows if only == -1 else prod(group.domain)) * (1 + plan.schedule.cost // 8),
        64 if flat else 1,
        _scratch(plan),
    )


def _scratch(plan: _Plan) -> int:
    return len(plan.schedule.kept) * plan.nest.kept_size * 8


@lru_cache(maxsize=4096)
def _write_epilogue(body: Body, form: Form, schedule: Schedule) -> Text:
    return Writer(body, form, schedule).epilogue()


def emit_epilogue(
    group: Group,
    result: Symbol,
    scalars: frozenset[Symbol],
    value_of: Resolve,
    target: Target = _DEFAULT,
    length: int | None = None,
) -> Epilogue | None:
    """A group as what is done with pieces of `result`, which is seen as rows of `length` elements (by default, of its last dim).

    None where the group reads other elements of the result than those it is given, or its rows are not the result's.
    """
    if prod(group.domain) != result.numel or not group.domain:
        return None
    whole = contiguous_strides(group.domain)
    for i, place in group.places.items():
        here = i.shape == group.domain and place.offset == 0
        if place.base is result and not (here and same_steps(place.strides, whole, group.domain)):
            return None
    body, operands = body_of(group, scalars, value_of)
    nest = row_nest(group, body, operands, target, length if length is not None else result.shape[-1])
    if nest is None:
        return None
    text = _write_epilogue(body, nest.form, schedule_of(body, False))
    return Epilogue(
        text.text,
        tuple(At(group.places[i].base) for i in operands.loads),
        tuple(At(o) for o in group.outputs),
        (*operands.numbers, *(nest.size(name) for name in text.sizes)),
        bool(group.dims),
    )


def same_steps(a: tuple[int, ...], b: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether strides mean the same for a shape."""
    return all(x == y or n == 1 for x, y, n in zip(a, b, shape, strict=True))


def can_emit(s: Symbol) -> bool:
    """Whether the body of a pointwise symbol can be written for its operands' kinds."""
    return instructions(s.op, tuple(register_kind(i.dtype) for i in s.inputs)) is not None


__all__ = ["can_emit", "emit_epilogue", "lower", "memory_kind", "same_steps"]
