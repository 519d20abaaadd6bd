"""What `powerhouse explain` prints."""

from __future__ import annotations

import linecache
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from powerhouse.cli._peaks import Peaks
from powerhouse.codegen.cost import origins
from powerhouse.engine.explain import Cost, Line, Log, Seen
from powerhouse.graph.loop import loop
from powerhouse.graph.symbol import Symbol
from powerhouse.recipes._common import counted
from powerhouse.runtime.reference import order_of

__all__ = ["KERNEL_COLUMNS", "PROGRAM_COLUMNS", "Row", "describe", "how_made", "kernel_rows", "print_report", "program_row"]

_MOST_PROGRAMS, _MOST_KERNELS, _MOST_LINES = 20, 40, 12
_UNSEEN = {"cast", "expand", "reshape_to", "item"}  # ops that are not worth a mention beside others

PROGRAM_COLUMNS = ("program", "tier", "runs", "total", "median", "first run", "made in", "outputs", "arena", "results", "peak", "kernels")
KERNEL_COLUMNS = ("#", "computes", "from", "ops", "moved", "FLOPs", "time", "share", "GB/s", "GFLOP/s", "of the roofline")


class Row(NamedTuple):
    """One kernel or NumPy step of a program, as text, and its time."""

    cells: tuple[str, ...]
    seconds: float


def print_report(console: Console, log: Log, peaks: Peaks, seconds: float) -> None:
    """All programs, then each with its kernels, the most expensive first."""
    programs = log.by_time()
    console.print(describe(log, peaks, seconds), markup=False)
    console.print(_table("", PROGRAM_COLUMNS, map(program_row, programs[:_MOST_PROGRAMS])))
    if len(programs) > _MOST_PROGRAMS:
        console.print(f"and {counted(len(programs) - _MOST_PROGRAMS, 'program')} more that took less time")
    for seen in programs[:_MOST_PROGRAMS]:
        rows = sorted(kernel_rows(seen, peaks), key=lambda r: -r.seconds)
        title = f"program {seen.index}: {how_made(seen)}"
        console.print()
        console.print(_table(title, KERNEL_COLUMNS, (r.cells for r in rows[:_MOST_KERNELS])))
        if len(rows) > _MOST_KERNELS:
            console.print(f"and {counted(len(rows) - _MOST_KERNELS, 'kernel')} more that took less time")
    _print_lines(console, programs)


def describe(log: Log, peaks: Peaks, seconds: float) -> str:
    """The run as a whole, in a few lines."""
    programs = log.by_time()
    running, building = sum(p.total for p in programs), sum(p.seconds_to_build for p in programs)
    runs = sum(len(p.times) for p in programs)
    return (
        f"{seconds:.2f} s in all, of which {running:.2f} s in {counted(runs, 'run')} of {counted(len(programs), 'program')}, "
        f"and {building:.2f} s in making them (compiling: {sum(p.seconds_to_compile for p in programs):.2f} s)\n"
        f"the roofline: {peaks.bandwidth / 1e9:.1f} GB/s of memory, {peaks.flops / 1e9:.0f} GFLOP/s in float32\n"
    )


def how_made(seen: Seen) -> str:
    """The tier of a program and why, where its values were asked for, and why none that was known would do."""
    tier, reason = seen.tier
    asked = f", first asked for at {lines_text([seen.asked_at])}" if seen.asked_at else ""
    return f"{tier}{' (' + reason + ')' if reason else ''}{asked}" + (f"\nnew because it is {seen.cause}" if seen.cause else "")


def program_row(seen: Seen) -> tuple[str, ...]:
    """The cells of PROGRAM_COLUMNS."""
    found = ", ".join(f"{n} {where}" for where, n in seen.kernels.items() if n)
    return (
        str(seen.index),
        seen.tier[0],
        f"{len(seen.times):,}",
        time_text(seen.total),
        time_text(seen.median),
        time_text(seen.times[0]),
        time_text(seen.seconds_to_build),
        str(len(seen.outputs)),
        size_text(seen.arena_bytes),
        size_text(seen.result_bytes),
        size_text(seen.peak_bytes),
        found or "-",
    )


def kernel_rows(seen: Seen, peaks: Peaks) -> list[Row]:
    """The cells of KERNEL_COLUMNS for each node, in the order in which they run."""
    costs = seen.costs()
    total = sum(c.seconds for c in costs) or 1.0
    found = []
    for k, (n, inner, cost, lines) in enumerate(zip(seen.nodes, seen.contents(), costs, seen.lines(), strict=True)):
        members = [s for s in inner.members if s.shape is not None]
        names = ops_text(map(_name, origins(inner.members))) or n.label
        what = names + (" (NumPy)" if n.step is not None and seen.is_native else "")
        found.append(Row((str(k), what, lines_text(lines), str(len(members)), *_figures(cost, total, peaks)), cost.seconds))
    return found


def _name(s: Symbol) -> str:
    """What a symbol computes; of a loop, in how many steps."""
    if s.op is not loop:
        return s.op.name
    body, steps, _ = s.attrs
    return f"{steps} steps of ({ops_text(t.op.name for t in order_of(list(body.outputs)) if t.inputs)})"


def _figures(cost: Cost, total: float, peaks: Peaks) -> tuple[str, ...]:
    time = cost.seconds
    rates = (f"{cost.bytes / time / 1e9:.1f}", f"{cost.flops / time / 1e9:.1f}", f"{peaks.seconds(cost.bytes, cost.flops) / time:.0%}")
    return (
        size_text(cost.bytes),
        count_text(cost.flops),
        time_text(time) if time else "-",
        f"{time / total:.1%}",
        *(rates if time else ("-", "-", "-")),
    )


def ops_text(names: Iterable[str]) -> str:
    """Names of ops, each once, with how often it comes.

    >>> ops_text(["plus", "cast", "exp", "plus"])
    'plus x2, exp'
    """
    counts = Counter(names)
    worth = {name: n for name, n in counts.items() if name not in _UNSEEN} or counts
    return ", ".join(f"{name} x{n}" if n > 1 else name for name, n in worth.items())


def lines_text(lines: Iterable[Line]) -> str:
    """Lines of the user's files, those of one file together.

    >>> lines_text([Line("a.py", 3), Line("a.py", 1), Line("b.py", 2, True)])
    'a.py:1,3; backward of b.py:2'
    """
    grouped: dict[tuple[bool, str], set[int]] = {}
    for line in lines:
        grouped.setdefault((line.is_backward, _short(line.file)), set()).add(line.number)
    found = sorted(grouped.items())
    return "; ".join(f"{'backward of ' if back else ''}{file}:{','.join(map(str, sorted(numbers)))}" for (back, file), numbers in found)


def _short(file: str) -> str:
    """A path as seen from here, where it lies below; else its name."""
    try:
        return str(Path(file).resolve().relative_to(Path.cwd()))
    except ValueError:
        return Path(file).name


def _print_lines(console: Console, programs: list[Seen]) -> None:
    """Where the time went, by line of the user's code."""
    spent = Counter[Line]()
    for seen in programs:
        for line, seconds in seen.line_times().items():
            spent[line] += seconds * len(seen.times)  # type: ignore[assignment]
    if not spent:
        return
    total = sum(spent.values())
    rows = [(lines_text([line]), time_text(t), f"{t / total:.1%}", _code(line)) for line, t in spent.most_common(_MOST_LINES)]
    console.print()
    console.print(_table("time by line", ("line", "time", "share", "code"), rows))


def _code(line: Line) -> str:
    return linecache.getline(line.file, line.number).strip()


_LEFT = {"tier", "kernels", "computes", "from", "line", "code"}


def _table(title: str, columns: Iterable[str], rows: Iterable[tuple[str, ...]]) -> Table:
    table = Table(title=escape(title) if title else None, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name in columns:
        wraps = name in ("computes", "from", "kernels")
        table.add_column(name, justify="left" if name in _LEFT else "right", no_wrap=not wraps, overflow="fold" if wraps else "ellipsis")
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _scaled(value: float, units: Iterable[tuple[float, str]]) -> Iterator[str]:
    for scale, unit in units:
        if value >= scale:
            yield f"{value / scale:.3g} {unit}" if value < 999.5 * scale else f"{value / scale:,.0f} {unit}"


def time_text(seconds: float) -> str:
    """A time with its unit.

    >>> time_text(0.00123), time_text(0.0)
    ('1.23 ms', '0')
    """
    return next(_scaled(seconds, ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))), "0")


def size_text(count: float) -> str:
    """Bytes with their unit.

    >>> size_text(2_500_000), size_text(12)
    ('2.5 MB', '12 B')
    """
    return next(_scaled(count, ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B"))), "0")


def count_text(count: float) -> str:
    """A large count.

    >>> count_text(3_612_672), count_text(0)
    ('3.61 M', '0')
    """
    return next(_scaled(count, ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""))), "0").strip()
