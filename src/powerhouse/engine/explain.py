"""What ran, for how long, from which lines, and why it was new: what `powerhouse explain` reports and the flag `debug` prints.

Nothing is watched by default. While something is (`watches()`), the engine builds programs through `build` and runs them through `run`.
Within `recording()` the lines of the user's code are remembered too, and from time to time a program is run kernel by kernel.
"""

from __future__ import annotations

import difflib
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from ..codegen import show
from ..codegen.cost import flops_of, price_of
from ..codegen.fuse import fuse
from ..codegen.plan import Node, fusable, size_of
from ..codegen.simplify import simplify
from ..core import config
from ..graph import memo, symbol
from ..graph.op import leaf, number
from ..graph.symbol import Symbol
from ..graph.walk import postorder
from ..runtime import native as machine
from ..runtime import reference, team
from ..runtime.reference import order_of, value_of
from . import native

_PACKAGE = __name__.partition(".")[0]
_USERS = f"{_PACKAGE}.recipes"  # ordinary scripts, though they lie in the package
_PASSED_OVER = {"contextlib", "functools", "runpy", "threading"}  # of the standard library: they call what their caller gave them
_OPERANDS = {"leaf", "number", "const"}
_ALIKE = 0.5  # the share of ops in common from which a program is like another


class Line(NamedTuple):
    """A line of the user's code; `is_backward` where its gradient is computed."""

    file: str
    number: int
    is_backward: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.number}" + (" (backward)" if self.is_backward else "")


class Enough(BaseException):
    """Stops the user's script: the program that was waited for has run as often as was asked."""


# --- lines ------------------------------------------------------------------------------------------------------------------------

_lines: WeakKeyDictionary[Symbol, Line] = WeakKeyDictionary()


class _Origin(threading.local):
    """The line that symbols belong to which are made on behalf of another symbol: in its gradient, or in its place."""

    line: Line | None = None
    is_planning = False  # what is made then is of no line but its origin's


_origin = _Origin()


def line_of(s: Symbol) -> Line | None:
    """The line on which a symbol was first recorded; None where nobody looked."""
    return _lines.get(s)


def user_line() -> Line | None:
    """The innermost line outside this package."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if (name.partition(".")[0] != _PACKAGE or name.startswith(_USERS)) and name not in _PASSED_OVER:
            return Line(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return None


def _noting(build: Callable[..., Symbol]) -> Callable[..., Symbol]:
    """`symbol._build`, which is called for every symbol at first sight, with a note of the line."""

    def noted(*args: Any) -> Symbol:
        s = build(*args)
        line = _origin.line or (None if _origin.is_planning else user_line())
        if line is not None:
            _lines[s] = line
        return s

    return noted


def _inheriting(function: Callable[..., Any], is_backward: bool) -> Callable[..., Any]:
    """A function of a symbol; what it makes belongs to the symbol's line."""

    def call(*args: Any) -> Any:
        before = _origin.line
        line = next((_lines.get(a) for a in args if isinstance(a, Symbol)), None)
        _origin.line = line._replace(is_backward=is_backward or line.is_backward) if line is not None else before
        try:
            return function(*args)
        finally:
            _origin.line = before

    return call


# --- what was seen ----------------------------------------------------------------------------------------------------------------


class Cost(NamedTuple):
    """What one node moves and computes in a run, and its time in seconds (0 where it was not measured)."""

    bytes: int
    flops: int
    seconds: float


class Seen:
    """One program: how it came about, and its runs."""

    def __init__(self, index: int, program: Any, outputs: tuple[Symbol, ...]) -> None:
        self.index, self.program, self.outputs = index, program, outputs
        self.is_native = not isinstance(program, reference.Program)
        self.nodes: tuple[Node, ...] = program.plan.nodes if self.is_native else tuple(map(_step_node, _computed(outputs)))
        self.tier = ("native" if self.is_native else "reference", _reason(self, outputs))
        self.ops = Counter(s.op.name for s in _order(outputs))
        self.asked_at: Line | None = None  # the line that needed its values first
        self.cause = ""  # why it was new, though one like it was known
        self.seconds_to_build = 0.0
        self.kernels = Counter[str]()  # where they were found: "in memory", "on disk", "compiled"
        self.seconds_to_compile = 0.0
        self.times: list[float] = []  # of all runs, in seconds
        self.is_stepped: list[bool] = []  # whether that run was one kernel after the other
        self.node_times: list[list[float]] = [[] for _ in self.nodes]

    # --- time

    @property
    def total(self) -> float:
        """Seconds in all runs."""
        return sum(self.times)

    @property
    def median(self) -> float:
        """Seconds of an ordinary run: not the first, nor one that was measured kernel by kernel, if there are others."""
        whole = [t for t, stepped in zip(self.times, self.is_stepped, strict=True) if not stepped]
        return median(whole or self.times[1:] or self.times or [0.0])

    # --- memory

    @property
    def arena_bytes(self) -> int:
        """Bytes of intermediate results: the arena's, or at most alive at once in the reference tier."""
        return self.program.arena_size if self.is_native else _alive_at_once(self.nodes, self.outputs)

    @property
    def result_bytes(self) -> int:
        """Bytes of the results."""
        return sum(map(size_of, dict.fromkeys(map(value_of, self.outputs))))

    @property
    def taken_over_bytes(self) -> int:
        """Bytes of results that need no memory of their own where the caller gives up what they replace."""
        return sum(size_of(o) for o in self.program.plan.layout.donors) if self.is_native else 0

    @property
    def peak_bytes(self) -> int:
        """Bytes in use at most, besides those that the program was given."""
        return self.arena_bytes + self.result_bytes - self.taken_over_bytes

    # --- kernels

    def contents(self) -> list[show.Content]:
        """What each node computes."""
        return [show.content(n, value_of) for n in self.nodes]

    def costs(self) -> list[Cost]:
        """What each node costs in a run."""
        found = []
        for n, inner, times in zip(self.nodes, self.contents(), self.node_times, strict=True):
            found.append(Cost(show.bytes_of(n, inner, value_of), flops_of(inner.members), median(times[1:] or times or [0.0])))
        return found

    def lines(self) -> list[Counter[Line]]:
        """For each node, the user's lines, with how many of its members come from each."""
        return [Counter(line for s in inner.members if (line := _lines.get(s)) is not None) for inner in self.contents()]

    def line_times(self) -> Counter[Line]:
        """Seconds of a run by the user's line: a kernel's time goes to the lines of its members, to each as much as it has elements."""
        found: Counter[Line] = Counter()
        for inner, cost in zip(self.contents(), self.costs(), strict=True):
            weights = Counter[Line]()
            for s in inner.members:
                if (line := _lines.get(s)) is not None:
                    weights[line] += max(s.numel if s.shape is not None else 1, 1)
            for line, weight in weights.items():
                found[line] += cost.seconds * weight / weights.total()  # type: ignore[assignment]
        return found


def _order(outputs: tuple[Symbol, ...]) -> list[Symbol]:
    """Every symbol that `outputs` need, as recorded."""
    return order_of([value_of(s) for s in outputs])


def _computed(outputs: tuple[Symbol, ...]) -> list[Symbol]:
    return [s for s in _order(outputs) if s.op is not leaf and s.op is not number]


def _step_node(s: Symbol) -> Node:
    """A step of the reference tier as a node."""
    return Node((), s, tuple(map(value_of, s.inputs)), (s,), s.op.name)


def _reason(seen: Seen, outputs: tuple[Symbol, ...]) -> str:
    """Why a program is of its tier."""
    if seen.is_native:
        left = sum(n.step is not None for n in seen.nodes)
        return f"{left} of {len(seen.nodes)} nodes in NumPy" if left else ""
    if config.values["tier"] == "reference":
        return "the flag `tier` says so"
    order = order_of(list(simplify(outputs).values()))
    if config.values["tier"] == "auto" and native.is_cheap(order):
        return f"cheap: about {price_of(order):.0f} us, compiled from {native._WORTH:.0f} us"
    return "there is a kernel for none of its ops"


def _alive_at_once(nodes: Sequence[Node], outputs: tuple[Symbol, ...]) -> int:
    """Bytes of the values between the steps of the reference tier that are alive at once."""
    kept = set(map(value_of, outputs))
    last = {s: k for k, n in enumerate(nodes) for s in n.reads}
    alive: set[Symbol] = set()
    most = 0
    for k, n in enumerate(nodes):
        alive |= {s for s in n.writes if s not in kept and s.op.layout is None}  # a view has no memory of its own
        most = max(most, sum(map(size_of, alive)))
        alive = {s for s in alive if last.get(s, 0) > k}
    return most


class Log:
    """The programs that were seen."""

    def __init__(self) -> None:
        self.programs: dict[int, Seen] = {}  # by id; each holds its program, so that ids stay its own
        self.is_recording = False
        self.enough = 0  # runs of one program after which the script is stopped; 0: never

    def of(self, program: Any, outputs: tuple[Symbol, ...]) -> Seen:
        """What is known of a program."""
        found = self.programs.get(id(program))
        if found is None:
            found = self.programs[id(program)] = Seen(len(self.programs) + 1, program, outputs)
        return found

    def by_time(self) -> list[Seen]:
        """The programs that ran, the most expensive first."""
        return sorted((p for p in self.programs.values() if p.times), key=lambda p: -p.total)


_log = Log()


def watches() -> bool:
    """Whether programs are to be built and run through this module."""
    return _log.is_recording or config.values["debug"] > 0


@contextmanager
def recording(on_behalf: Iterable[tuple[Any, str, bool]] = (), enough: int = 0) -> Iterator[Log]:
    """Record, in the block, what runs and from which lines it comes.

    `on_behalf` names functions (an owner and the name, and whether they make gradients) that make symbols for a symbol that they are given.
    With `enough`, Enough is raised when a program has run that often.
    """
    global _log
    before = _log
    swapped = [(symbol, "_build", _noting(symbol._build))]
    swapped += [(owner, name, _inheriting(getattr(owner, name), is_backward)) for owner, name, is_backward in on_behalf]
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in swapped]
    memo.clear()  # what is known already would not be noted
    _log = Log()
    _log.is_recording, _log.enough = True, enough
    try:
        for owner, name, function in swapped:
            setattr(owner, name, function)
        yield _log
    finally:
        for owner, name, function in originals:
            setattr(owner, name, function)
        _log = before


# --- building ---------------------------------------------------------------------------------------------------------------------


def build(make: Callable[[tuple[Symbol, ...]], Any], outputs: tuple[Symbol, ...]) -> Any:
    """The program that computes `outputs`, with a note of what making it took; with `debug`, checked and printed."""
    kernels: list[tuple[str, float, bool]] = []
    before, machine.built = machine.built, lambda *kernel: kernels.append(kernel)
    _origin.is_planning = True
    begin = perf_counter()
    try:
        program = make(outputs)
    finally:
        machine.built, _origin.is_planning = before, False
    seconds = perf_counter() - begin
    known = [p for p in _log.programs.values() if p.program is not program]
    seen = _log.of(program, outputs)
    seen.seconds_to_build, seen.seconds_to_compile = seconds, sum(s for _, s, _ in kernels)
    texts = {t.text for n in seen.nodes for t in n.tasks}
    found = Counter("on disk" if from_disk else "compiled" for text, _, from_disk in kernels if text in texts)
    seen.kernels = Counter({"in memory": len(texts) - found.total()}) + found
    seen.asked_at, seen.cause = user_line(), _cause(seen, known)
    if config.values["debug"]:
        check(program)
        _tell_new(seen)
    return program


def check(program: Any) -> None:
    """Check every pass that made a native program. Raises BrokenPlan."""
    if isinstance(program, reference.Program):
        return
    plan = program.plan
    order = order_of(plan.results)
    show.check_fusion(_fused(program, order), order, value_of)
    show.check_schedule(plan.nodes, plan.results)
    show.check_memory(*plan)
    show.check_tasks(plan.nodes)


def _fused(program: Any, order: list[Symbol]) -> Any:
    return fuse(order, program.plan.results, fusable, value_of)


# --- why it was new ---------------------------------------------------------------------------------------------------------------


def _cause(new: Seen, known: Sequence[Seen]) -> str:
    """Why none of the known programs would do, compared with the nearest (of those, the latest); empty where none is like it."""
    if new.is_native and new.program.packed is not None:
        return "made anew: its weights stay the same, and are packed once for all runs"
    alike = [((new.ops & p.ops).total() / max((new.ops | p.ops).total(), 1), p.index, p) for p in known]
    likeness, index, nearest = max(alike, default=(0.0, 0, new))
    return f"like program {index}, but {difference(new.outputs, nearest.outputs)}" if likeness >= _ALIKE else ""


def difference(new: tuple[Symbol, ...], old: tuple[Symbol, ...]) -> str:
    """In what the graph of `new` outputs differs from that of `old` ones."""
    a, b = _order(new), _order(old)
    if _structure(a) == _structure(b):
        return _difference_of_types(a, b)
    added, missing = (Counter(s.op.name for s in x) - Counter(s.op.name for s in y) for x, y in ((a, b), (b, a)))
    found = [f"{word} {_counted(ops)}" for word, ops in (("with", added), ("without", missing)) if ops.keys() - _OPERANDS]
    if len(new) != len(old):
        found.append(f"{len(new)} results are asked for, not {len(old)}")
    return "; ".join(found or ["its ops are connected otherwise"]) + _where(_first_change(a, b))


def _first_change(a: list[Symbol], b: list[Symbol]) -> Symbol | None:
    """The first symbol of `a` that `b` has not."""
    matcher = difflib.SequenceMatcher(None, [s.op.name for s in a], [s.op.name for s in b], autojunk=False)
    return next((a[i] for what, i, j, _, _ in matcher.get_opcodes() if what in ("replace", "delete") and a[i].op is not leaf), None)


def _structure(order: list[Symbol]) -> list[tuple[str, tuple[int, ...]]]:
    """The ops and their edges."""
    index = {s: k for k, s in enumerate(order)}
    return [(s.op.name, tuple(index[value_of(i)] for i in s.inputs)) for s in order]


def _difference_of_types(a: list[Symbol], b: list[Symbol]) -> str:
    """For graphs of the same ops: the leaves, or else the first attributes, that differ."""
    pairs = [(x, y) for x, y in zip(a, b, strict=True) if x is not y]
    readers = {value_of(i): s for s in reversed(a) for i in s.inputs}
    types = [(x, y) for x, y in pairs if x.op is leaf and x.type is not y.type]
    if types:
        x, _ = types[0]
        changes = dict.fromkeys(f"{show.type_text(x)} is read where it was {show.type_text(y)}" for x, y in types)
        return "; ".join(list(changes)[:3]) + _where(readers.get(x))
    changed = next(((x, y) for x, y in pairs if x.op is not leaf and x.op is not number and x.attrs != y.attrs), None)
    if changed is not None:
        x, y = changed
        return f"{x.op.name} has {_listed(x.attrs)} where it had {_listed(y.attrs)}" + _where(x)
    if any(x.attrs != y.attrs for x, y in pairs):
        return "what it reads comes in another order"
    return "the tables of known programs had been emptied" if pairs else "other values are asked for"


def _where(s: Symbol | None) -> str:
    line = _lines.get(s) if s is not None else None
    return f" ({line})" if line is not None else ""


def _listed(attrs: tuple[Any, ...]) -> str:
    return ", ".join(map(repr, attrs))


def _counted(ops: Counter[str]) -> str:
    told = [f"{n} {name}" if n > 1 else name for name, n in ops.most_common() if name not in _OPERANDS]
    return ", ".join(told[:4]) + (" ..." if len(told) > 4 else "")


# --- running ----------------------------------------------------------------------------------------------------------------------


def run(program: Any, outputs: tuple[Symbol, ...], leaves: list[Any], donate: bool) -> list[Any]:
    """Run a program, with a note of the time."""
    seen = _log.of(program, outputs)
    count = len(seen.times)
    if _log.enough and count == _log.enough:
        _log.enough = 0
        raise Enough
    is_stepped = _log.is_recording and count & (count - 1) == 0  # the runs 0, 1, 2, 4, 8 ...
    begin = perf_counter()
    try:
        return _run_stepped(seen, leaves, donate) if is_stepped else program.run(leaves, donate)
    finally:
        seen.times.append(perf_counter() - begin)
        seen.is_stepped.append(is_stepped)
        if config.values["debug"]:
            _tell(f"program {seen.index} ({seen.tier[0]}), run {count + 1}: {seen.times[-1] * 1e3:.3f} ms")


def _run_stepped(seen: Seen, leaves: list[Any], donate: bool) -> list[Any]:
    """Run a program and take the time of every node."""
    spent = [0.0] * len(seen.nodes)
    run = _stepped_native if seen.is_native else _stepped_reference
    found = run(seen, spent, leaves, donate)
    for times, seconds in zip(seen.node_times, spent, strict=True):
        times.append(seconds)
    return found


def _timed(function: Callable[..., Any], spent: list[float], k: int) -> Callable[..., Any]:
    """A function whose time is added to `spent[k]`."""

    def call(*args: Any) -> Any:
        begin = perf_counter()
        try:
            return function(*args)
        finally:
            spent[k] += perf_counter() - begin

    return call


def _stepped_reference(seen: Seen, spent: list[float], leaves: list[Any], donate: bool) -> list[Any]:
    program = seen.program
    steps = tuple(s._replace(run=_timed(s.run, spent, k)) for k, s in enumerate(program.steps))
    return program._replace(steps=steps).run(leaves, donate)


def _stepped_native(seen: Seen, spent: list[float], leaves: list[Any], donate: bool) -> list[Any]:
    """Records one by one. The program runs as always, but what it calls takes the time."""
    program = seen.program
    of_record = [k for k, n in enumerate(seen.nodes) for _ in n.tasks]
    of_call = iter([k for k, n in enumerate(seen.nodes) if n.step is not None])
    run_all, calls = team.run, program.calls

    def one_by_one(code: Any, first: int, last: int, scratch: int, shared: bool, status: Any) -> None:
        for k in range(first, last):
            begin = perf_counter()
            run_all(code, k, k + 1, scratch, shared and bool(code[k][team.RECORD - 1] > 1), status)
            spent[of_record[k]] += perf_counter() - begin
            if status[0]:
                return

    with native._running:  # nobody else is running a program
        try:
            team.run = one_by_one
            program.calls = tuple(None if call is None else _timed(call, spent, next(of_call)) for call in calls)
            return program.run(leaves, donate)
        finally:
            team.run, program.calls = run_all, calls


# --- what `debug` prints ----------------------------------------------------------------------------------------------------------


def _tell(text: str) -> None:
    print(f"powerhouse: {text}", file=sys.stderr)


def _tell_new(seen: Seen) -> None:
    level = config.values["debug"]
    tier, reason = seen.tier
    found = ", ".join(f"{n} {where}" for where, n in seen.kernels.items())
    what = f"{len(seen.nodes)} nodes, {len(seen.outputs)} outputs"
    where = f", asked for at {seen.asked_at}" if seen.asked_at else ""
    _tell(f"new program {seen.index} ({tier}{': ' if reason else ''}{reason}), {what}, made in {seen.seconds_to_build * 1e3:.1f} ms{where}")
    if seen.cause:
        _tell(f"    it is {seen.cause}")
    if level < 2:
        return
    if seen.is_native:
        _tell(f"    kernels {found}; arena of {seen.arena_bytes:,} bytes")
    for k, (n, cost) in enumerate(zip(seen.nodes, seen.costs(), strict=True)):
        kind = " (NumPy)" if n.step is not None else ""
        _tell(f"    {k}: {n.label}{kind} -> {', '.join(map(show.type_text, n.writes))}; {cost.bytes:,} bytes, {cost.flops:,} FLOPs")
    if seen.is_native:
        for title, lines in _passes(seen.program, level):
            _tell(f"    {title}")
            print(*lines, sep="\n", file=sys.stderr)


def _passes(program: Any, level: int) -> Iterator[tuple[str, Iterable[str]]]:
    """What each pass made of a program, as titles and lines."""
    if level < 3:
        return
    names = show.Names()
    order = order_of(program.plan.results)
    recorded = len(postorder(program.symbols, lambda s: s.inputs))
    yield f"simplify: {recorded} symbols as recorded, {len(order)} to compute", show.symbol_lines(order, value_of, names)
    yield "fuse", show.fusion_lines(_fused(program, order), names)
    yield "lower", show.lowering_lines(program.plan.nodes, names)
    yield "schedule", show.schedule_lines(program.plan.nodes, names)
    yield "memory plan", show.memory_lines(program.plan.nodes, program.plan.layout, names)
    texts = {t.text: n.label for n in reversed(program.plan.nodes) for t in n.tasks}
    for text, label in texts.items() if level >= 4 else ():
        yield f"LLVM text of {label}", text.splitlines()
        if level >= 5:
            yield f"machine code of {label}", machine.assembly(text).splitlines()


__all__ = ["Cost", "Enough", "Line", "Log", "Seen", "build", "check", "difference", "line_of", "recording", "run", "user_line", "watches"]
