"""Loops lowered to tasks: those of one step, planned once for all loops with this body, again for each step with other addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..core.shapes import contiguous_strides
from ..graph.loop import Body
from ..graph.memo import memoize
from ..graph.op import fence, results
from ..graph.op import leaf as leaf_op
from ..graph.symbol import Symbol
from ..runtime import native
from ..runtime.reference import order_of, value_of
from .emit import same_steps
from .lowering import lowers
from .moves import Move, moves_to_tasks
from .plan import Planner, fusable, schedule, size_of
from .simplify import simplify
from .target import Target
from .task import At, Lowering, Place, Task, Temp, moved


class Step(NamedTuple):
    """The tasks of one step, and before them those that lay constants out for all steps; where each output is had."""

    first: Lowering
    tasks: Lowering
    values: tuple[Symbol, ...]


@memoize
def step_of(body: Body, target: Target) -> Step | None:
    """The plan of one step; None where there is no kernel for some op of it."""
    simple, value = simplify(body.outputs), {}
    for s in dict.fromkeys(body.outputs):
        v = value_of(simple[s])
        is_made = v.inputs and v.op.layout is None and v not in value.values()
        value[s] = v if is_made else fence(simple[s])  # memory of its own, which a leaf, a view or a constant has not
    values = [value[s] for s in body.outputs]
    order = order_of(values)
    constants = frozenset(s for s in order if s.op is leaf_op and s.attrs[0] < body.constants)
    planner = Planner(order, values, fusable, value_of, target, lasting=constants, steady=constants)
    nodes = planner.plan()
    if planner.failed or any(n.step is not None for n in nodes):
        return None
    tasks = tuple(t for n in schedule(nodes, values) for t in n.tasks)
    first = tuple(t for t in tasks if t.packs and all(at.base in constants for at in t.reads))
    return Step(first, tuple(t for t in tasks if t not in first), tuple(values))


@lowers("loop")
def lower_loop(s: Symbol, place: Callable[[Symbol], Place | None]) -> Lowering | None:
    """The tasks of all steps. Left to the reference: bodies with ops that have no kernel."""
    body, steps, backwards = s.attrs
    step = step_of(body, native.target())
    if step is None:
        return None
    n, m = body.constants, body.states
    tasks: list[Task] = []
    operands: list[At] = []
    for i in s.inputs:
        its = place(i)
        if its is None:
            return None
        operands.append(_adjacent(i, its, tasks))
    final, given = results(s)[:m], dict(zip(step.values[m:], results(s)[m:], strict=True))
    own: dict[Symbol | Temp, Temp] = {}  # memory of this loop's, for what is between the tasks of a step
    turns = [(Temp(size_of(v)), Temp(size_of(v))) for v in step.values[:m]]  # states that are not given lie here and there by turns

    def after(k: int, count: int, t: int) -> At:
        """Where state k is after the step that is done as number `count`."""
        v = step.values[k]
        if v in given:
            return At(given[v], t * size_of(v))
        k = step.values.index(v)  # of states that are one value
        return At(final[k]) if count == steps - 1 else At(turns[k][count % 2])

    def homes(count: int, t: int, before: int) -> Callable[[At], At]:
        """Where a step finds and leaves everything."""
        written = {v: At(to, t * size_of(v)) for v, to in given.items()}
        written |= {v: after(k, count, t) for k, v in enumerate(step.values[:m]) if v not in given}

        def home(at: At) -> At:
            base, more = at
            if base in written:
                found = written[base]  # type: ignore[index]
            elif isinstance(base, Symbol) and base.op is leaf_op:
                k = base.attrs[0]
                if n <= k < n + m and count:
                    found = after(k - n, count - 1, before)
                else:
                    found = operands[k]
                    more += t * size_of(base) if k >= n + m else 0
            else:
                found = At(own.setdefault(base, Temp(size_of(base) if isinstance(base, Symbol) else base.bytes)))
            return At(found.base, found.offset + more)

        return home

    tasks += [moved(task, homes(0, 0, 0)) for task in step.first]
    before = 0
    for count, t in enumerate(reversed(range(steps)) if backwards else range(steps)):
        home = homes(count, t, before)
        tasks += [moved(task, home) for task in step.tasks]
        before = t
    for k, v in enumerate(step.values[:m]):
        last = after(k, steps - 1, before)
        if last.base is not final[k]:  # but the last of a sequence, or another state
            tasks += _copied(v, last, contiguous_strides(v.shape), At(final[k]))
    return tuple(tasks)


def _adjacent(s: Symbol, its: Place, tasks: list[Task]) -> At:
    """Where the elements of an operand lie in row-major order: where they are, or where further tasks copy them to."""
    source = At(its.base, its.offset * s.dtype.numpy.itemsize)
    if same_steps(its.strides, contiguous_strides(s.shape), s.shape):
        return source
    to = At(Temp(size_of(s)))
    tasks += _copied(s, source, its.strides, to)
    return to


def _copied(s: Symbol, source: At, strides: tuple[int, ...], to: At) -> Lowering:
    return moves_to_tasks(s.dtype.numpy.itemsize, [Move(s.shape, source, strides, to, contiguous_strides(s.shape))])

