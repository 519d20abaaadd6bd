"""The loop nest of a group: which dims units, loops and lanes run over, and the numbers that its kernels are given.

    units   the kept dims (in `columns`, without the last), flattened: one unit is one row, or one block of columns
    loops   the reduced dims that are walked within a unit
    lane    the dim along which a vector lies

Adjacent dims that all operands step through as through one are merged first. What the text of a kernel depends on is the nest's `Form`;
sizes, strides and offsets are numbers.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from ..core.shapes import contiguous_strides
from ..graph.symbol import Symbol
from .access import register_kind
from .body import FULL, Body, Operands, Pass, Schedule
from .fuse import Group, without
from .target import Target

FLAT, ROWS, COLUMNS = "flat", "rows", "columns"
_LONG = 1 << 16  # elements from which a nest of few units is split into parts
_PART = 1 << 13  # elements of a part, at least
_FEW, _MANY = 12, 32  # units that are few enough for splitting, and how many parts there are then to be
_COPIES = 4
_ROOM = 1 << 18  # bytes of scratch memory


class Axis(NamedTuple):
    """A loop's length, and each operand's stride along it."""

    size: int
    strides: tuple[int, ...]


class Form(NamedTuple):
    """What a kernel's text depends on, beside its body: how operands move, not how far.

    For each slot (operand): whether it moves along each unit dim and each loop, how along the lanes (0, 1, or 2 for any other stride),
    and whether it has an offset. At most `copies` vectors are worked on at a time. `narrow`: the lane dim does not fill a vector.
    `split`: the loop (or the lane dim, behind them) that is cut into parts, -1 where none is. `keep`: there is room for values from pass
    to pass.
    """

    mode: str
    units: tuple[tuple[bool, ...], ...]
    loops: tuple[tuple[bool, ...], ...]
    lane: tuple[int, ...]
    offset: tuple[bool, ...]
    lanes: int
    target: str
    copies: int
    narrow: bool
    split: int
    keep: bool


class Nest(NamedTuple):
    """The loops of one group, with their sizes."""

    form: Form
    units: tuple[Axis, ...]
    loops: tuple[Axis, ...]
    lane: Axis
    offsets: tuple[int, ...]
    parts: int
    chunk: int  # of the split dim, in one part

    @property
    def rows(self) -> int:
        """How many units there are before splitting."""
        kept = prod(a.size for a in self.units)
        return kept * self.blocks if self.form.mode == COLUMNS else kept

    @property
    def block(self) -> int:
        """Columns in a block."""
        return self.form.lanes * self.form.copies

    @property
    def blocks(self) -> int:
        """Blocks of columns."""
        return -(-self.lane.size // self.block)

    @property
    def length(self) -> int:
        """Elements that are walked in a row, or in a column."""
        inner = prod(a.size for a in self.loops)
        return inner if self.form.mode == COLUMNS else inner * self.lane.size

    def size(self, name: tuple[Any, ...]) -> int:
        """The number that the text calls by this name."""
        what, *at = name
        if what == "unit":
            return self.units[at[0]].size
        if what == "loop":
            return self.loops[at[0]].size
        if what == "unit stride":
            return self.units[at[0]].strides[at[1]]
        if what == "loop stride":
            return self.loops[at[0]].strides[at[1]]
        if what == "kept stride":  # of a loop, in scratch memory
            inner = prod(a.size for a in self.loops[at[0] + 1 :])
            return inner * (self.block if self.form.mode == COLUMNS else self.lane.size)
        if what == "kept size":
            return self.kept_size
        return {
            "lane": lambda: self.lane.size,
            "lane stride": lambda: self.lane.strides[at[0]],
            "offset": lambda: self.offsets[at[0]],
            "parts": lambda: self.parts,
            "chunk": lambda: self.chunk,
            "blocks": lambda: self.blocks,
        }[what]()

    @property
    def kept_size(self) -> int:
        """Elements of a value that is kept from pass to pass, in whole cache lines."""
        return -(-self.length * (self.block if self.form.mode == COLUMNS else 1) // 64) * 64


def _merged(sizes: list[int], strides: list[tuple[int, ...]]) -> list[Axis]:
    """Dims of size 1 dropped, and neighbours made one where every operand allows it."""
    out: list[Axis] = []
    for n, steps in zip(sizes, strides, strict=True):
        if n == 1:
            continue
        if out and all(a == b * n for a, b in zip(out[-1].strides, steps, strict=True)):
            out[-1] = Axis(out[-1].size * n, steps)
        else:
            out.append(Axis(n, steps))
    return out


def _over_domain(s: Symbol, strides: tuple[int, ...], group: Group, full: bool) -> tuple[int, ...]:
    """An operand's strides over the domain; a row's operand does not move along the reduced dims."""
    if full:
        return strides
    own = iter([st for st, n in zip(strides, s.shape, strict=True) if n != 1])
    return tuple(0 if d in group.dims or n == 1 else next(own) for d, n in enumerate(group.domain))


def _slots(group: Group, body: Body, operands: Operands) -> tuple[list[tuple[int, ...]], tuple[int, ...]]:
    """Every operand's strides over the domain (what is loaded, then what is written), and the offsets."""
    slots: list[tuple[int, ...]] = []
    offsets: list[int] = []
    loads = [n for n in body.nodes if n.what == "load"]
    for s, node in zip(operands.loads, loads, strict=True):
        place = group.places[s]
        slots.append(_over_domain(s, place.strides, group, node.at == FULL))
        offsets.append(place.offset)
    rows = iter(contiguous_strides(without(group.domain, group.dims)))
    by_row = tuple(0 if d in group.dims else next(rows) for d in range(len(group.domain)))
    whole = contiguous_strides(group.domain)
    slots += [whole if body.nodes[o].at == FULL else by_row for o in body.outputs]
    return slots, (*offsets, *(0 for _ in body.outputs))


def nest_of(group: Group, body: Body, operands: Operands, schedule: Schedule, target: Target) -> Nest:
    """The nest of a group: merged dims, the mode that suits them, and how much is done at a time."""
    slots, offsets = _slots(group, body, operands)
    across = list(zip(*slots, strict=True)) if group.domain else []

    def axes(dims: list[int]) -> list[Axis]:
        return _merged([group.domain[d] for d in dims], [across[d] for d in dims])

    kept = axes([d for d in range(len(group.domain)) if d not in group.dims])
    inner = axes(list(group.dims))
    still = Axis(1, (1,) * len(slots))
    lanes = target.lanes(_widest_common(body))
    mode = _mode(group, kept, inner, lanes)
    if mode == COLUMNS:
        units, loops, lane = kept[:-1], inner, kept[-1]
    elif group.dims:
        units, loops, lane = kept, inner[:-1], (inner or [still])[-1]
    else:
        units, loops, lane = kept[:-1], [], (kept or [still])[-1]
    form = _form(mode, units, loops, lane, offsets, body, target)
    form = form._replace(copies=_copies(body, schedule, mode, lane.size, lanes), narrow=mode != FLAT and lane.size < lanes)
    nest = Nest(form, tuple(units), tuple(loops), lane, offsets, 1, 0)
    if group.dims and nest.rows <= _FEW and nest.rows * nest.length * (nest.block if mode == COLUMNS else 1) >= _LONG:
        return _split(nest)
    return nest._replace(form=form._replace(keep=nest.kept_size * 8 * len(schedule.kept) <= _ROOM))


def _form(mode: str, units: list[Axis], loops: list[Axis], lane: Axis, offsets: tuple[int, ...], body: Body, target: Target) -> Form:
    """The form of a nest of which one vector at a time is done."""
    return Form(
        mode,
        tuple(tuple(st != 0 for st in a.strides) for a in units),
        tuple(tuple(st != 0 for st in a.strides) for a in loops),
        tuple(min(st, 2) if st >= 0 else 2 for st in lane.strides),
        tuple(o != 0 for o in offsets),
        target.lanes(_widest_common(body)),
        target.name,
        1,
        False,
        -1,
        False,
    )


def row_nest(group: Group, body: Body, operands: Operands, target: Target, length: int) -> Nest | None:
    """The nest of a group whose domain is seen as rows of `length` elements, one unit each; None where its dims do not allow it."""
    dims = list(range(len(group.domain)))
    first = next((d for d in reversed(range(len(dims) + 1)) if prod(group.domain[d:]) >= length), 0)
    while first and group.domain[first - 1] == 1 and first - 1 in group.dims:
        first -= 1
    if prod(group.domain[first:]) != length or (group.dims and group.dims != tuple(dims[first:])):
        return None
    slots, offsets = _slots(group, body, operands)
    across = list(zip(*slots, strict=True))
    units = _merged([group.domain[d] for d in dims[:first]], [across[d] for d in dims[:first]])
    inner = _merged([group.domain[d] for d in dims[first:]], [across[d] for d in dims[first:]])
    if len(inner) > 1:
        return None
    lane = inner[0] if inner else Axis(1, (1,) * len(slots))
    form = _form(ROWS, units, [], lane, offsets, body, target)
    return Nest(form, tuple(units), (), lane, offsets, 1, 0)


def _mode(group: Group, kept: list[Axis], inner: list[Axis], lanes: int) -> str:
    """Rows where the innermost dim is reduced and long enough for a vector; else columns."""
    if not group.dims:
        return FLAT if len(kept) < 2 else ROWS
    last = max((d for d, n in enumerate(group.domain) if n > 1), default=0)
    if last in group.dims and inner:
        short = inner[-1].size <= lanes and kept and kept[-1].size >= lanes
        return COLUMNS if short else ROWS
    return COLUMNS if kept else ROWS


def _widest_common(body: Body) -> Any:
    """The kind that decides how many lanes a vector has: one of four bytes if there is any, else the widest."""
    kinds = [register_kind(n.dtype) for n in body.nodes if n.at == FULL]
    return min(kinds, key=lambda k: (k.itemsize != 4, -k.itemsize), default=register_kind(body.nodes[-1].dtype))


def _copies(body: Body, schedule: Schedule, mode: str, length: int, lanes: int) -> int:
    """How many vectors may be worked on at a time: as many as the dim is long enough for; in columns, as suits the longest pass."""
    copies = min(_copies_for(body.cost(p.values)) for p in schedule.passes) if mode == COLUMNS else _COPIES
    while copies > 1 and length < copies * lanes:
        copies //= 2
    return copies


def copies_of(body: Body, plan: Pass, form: Form) -> int:
    """How many vectors one pass works on at a time."""
    return form.copies if form.mode == COLUMNS else min(form.copies, _copies_for(body.cost(plan.values)))


def _copies_for(cost: int) -> int:
    """More of a short body, so that its loads and sums overlap."""
    return _COPIES if cost <= 10 else 2 if cost <= 20 else 1


def _split(nest: Nest) -> Nest:
    """The longest reduced dim cut into parts."""
    axes = [*nest.loops] if nest.form.mode == COLUMNS else [*nest.loops, nest.lane]
    at = max(range(len(axes)), key=lambda k: axes[k].size)
    n = axes[at].size
    is_lane = at == len(nest.loops)
    work = nest.length * (nest.block if nest.form.mode == COLUMNS else 1)
    parts = max(1, min(_MANY // nest.rows, n // (64 if is_lane else 1), work // _PART))
    step = nest.block if is_lane else 1
    chunk = -(-n // (parts * step)) * step
    return nest._replace(form=nest.form._replace(split=at), parts=-(-n // chunk), chunk=chunk)


__all__ = ["COLUMNS", "FLAT", "ROWS", "Axis", "Form", "Nest", "copies_of", "nest_of", "row_nest"]
