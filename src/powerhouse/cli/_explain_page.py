"""Programs as pictures (SVG) and as a page (HTML) that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from powerhouse.cli._explain_tables import KERNEL_COLUMNS, PROGRAM_COLUMNS, Row, describe, how_made, kernel_rows, program_row
from powerhouse.cli._peaks import Peaks
from powerhouse.codegen import show
from powerhouse.engine.explain import Log, Seen
from powerhouse.graph.symbol import Symbol

__all__ = ["page", "picture"]

_WIDTH, _HEIGHT, _ACROSS, _DOWN = 210, 58, 26, 46  # of a node, and between nodes
_MOST_ABREAST = 7
_MOST_LABELS = 120  # edges up to which each says its shape
_MOST_PICTURES = 8
_STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1500px; padding: 0 1em; color: #1b2733; }
table { border-collapse: collapse; margin: 1em 0; font-size: 13px; }
th, td { padding: .25em .7em; text-align: right; border-bottom: 1px solid #dde4ea; vertical-align: top; }
th:nth-child(2), td:nth-child(2), th:nth-child(3), td:nth-child(3), td:last-child { text-align: left; }
.picture { overflow: auto; max-height: 80vh; border: 1px solid #dde4ea; }
p.how { white-space: pre-line; }
"""


class Box(NamedTuple):
    """Where a node is drawn."""

    x: float
    y: float


def page(script: str, log: Log, peaks: Peaks, seconds: float) -> str:
    """A self-contained page on a run."""
    programs = log.by_time()
    parts = [_html_table(PROGRAM_COLUMNS, [(program_row(p), "") for p in programs])]
    for seen in programs[:_MOST_PICTURES]:
        rows = kernel_rows(seen, peaks)
        most = max((r.seconds for r in rows), default=0.0)
        parts += [
            f"<h2>Program {seen.index}</h2><p class='how'>{escape(how_made(seen))}</p>",
            f"<div class='picture'>{picture(seen, peaks)}</div>",
            _html_table(KERNEL_COLUMNS, [(r.cells, colour(r.seconds, most)) for r in sorted(rows, key=lambda r: -r.seconds)]),
        ]
    title = escape(f"powerhouse explain {script}")
    head = f"<head><meta charset='utf-8'><title>{title}</title><style>{_STYLE}</style></head>"
    how = f"<p class='how'>{escape(describe(log, peaks, seconds))}</p>"
    return f"<!DOCTYPE html>\n<html lang='en'>{head}\n<body><h1>{title}</h1>{how}\n" + "\n".join(parts) + "\n</body></html>\n"


def _html_table(columns: Iterable[str], rows: Iterable[tuple[tuple[str, ...], str]]) -> str:
    head = "".join(f"<th>{escape(c)}</th>" for c in columns)
    body = "\n".join(f"<tr{f' style=background:{fill}' if fill else ''}>{_cells(cells)}</tr>" for cells, fill in rows)
    return f"<table><tr>{head}</tr>\n{body}</table>"


def _cells(cells: Iterable[str]) -> str:
    return "".join(f"<td>{escape(c)}</td>" for c in cells)


def colour(seconds: float, most: float) -> str:
    """From white to red, by the share of the longest time.

    >>> colour(0.0, 1.0), colour(1.0, 1.0)
    ('#f6f8fa', '#ef6a4c')
    """
    share = (seconds / most) ** 0.5 if most else 0.0
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip((0xF6, 0xF8, 0xFA), (0xEF, 0x6A, 0x4C)))


# --- pictures ---------------------------------------------------------------------------------------------------------------------


def picture(seen: Seen, peaks: Peaks) -> str:
    """A program as SVG: kernels by what they need from each other, coloured by time; edges are values with their shapes."""
    rows = kernel_rows(seen, peaks)
    edges = _edges(seen)
    boxes = _placed(len(seen.nodes), edges)
    most = max((r.seconds for r in rows), default=0.0)
    width = max((b.x for b in boxes), default=0) + _WIDTH + _ACROSS
    height = max((b.y for b in boxes), default=0) + _HEIGHT + _DOWN
    results = {id(s) for s in _kept(seen)}
    drawn = [_edge(boxes[a], boxes[b], s, len(edges) <= _MOST_LABELS) for a, b, s in edges]
    drawn += [_node(seen, k, boxes[k], rows[k], colour(rows[k].seconds, most), results) for k in range(len(boxes))]
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width:.0f}' height='{height:.0f}' viewBox='0 0 {width:.0f} {height:.0f}' "
        "font-family='system-ui, sans-serif' font-size='11'>\n<defs><marker id='tip' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' "
        "markerHeight='7' orient='auto'><path d='M0 0 L8 4 L0 8 z' fill='#8397a8'/></marker></defs>\n" + "\n".join(drawn) + "\n</svg>"
    )


def _kept(seen: Seen) -> list[Symbol]:
    return seen.program.plan.results if seen.is_native else [n.writes[0] for n in seen.nodes if n.writes[0] in set(seen.outputs)]


def _edges(seen: Seen) -> list[tuple[int, int, Symbol]]:
    """(from, to, value) between nodes."""
    writer = {s: k for k, n in enumerate(seen.nodes) for s in n.writes}
    return [(writer[s], k, s) for k, n in enumerate(seen.nodes) for s in n.reads if s in writer and writer[s] != k]


def _placed(count: int, edges: list[tuple[int, int, Symbol]]) -> list[Box]:
    """Nodes in layers: each below all that it needs; in a layer, below the middle of them."""
    before: list[list[int]] = [[] for _ in range(count)]
    behind: list[list[int]] = [[] for _ in range(count)]
    for a, b, _ in edges:
        before[b].append(a)
        behind[a].append(b)
    layer = [0] * count
    for k in range(count):  # in the order of the program, so that what is needed has its layer
        layer[k] = max((layer[i] + 1 for i in before[k]), default=0)
    for k in reversed(range(count)):  # down to where it is needed: short edges
        layer[k] = min((layer[i] - 1 for i in behind[k]), default=layer[k])
    places = [Box(0, 0)] * count
    y = float(_DOWN) / 2
    for depth in range(max(layer, default=-1) + 1):
        members = [k for k in range(count) if layer[k] == depth]
        members.sort(key=lambda k: sum(places[i].x for i in before[k]) / len(before[k]) if before[k] else k * 1e-3)
        for start in range(0, len(members), _MOST_ABREAST):
            abreast = members[start : start + _MOST_ABREAST]
            left = (_MOST_ABREAST - len(abreast)) * (_WIDTH + _ACROSS) / 2 if count > _MOST_ABREAST else 0.0
            for j, k in enumerate(abreast):
                places[k] = Box(_ACROSS / 2 + left + j * (_WIDTH + _ACROSS), y)
            y += _HEIGHT + _DOWN
    return _moved_left(places)


def _moved_left(places: list[Box]) -> list[Box]:
    margin = min((p.x for p in places), default=0.0) - _ACROSS / 2
    return [Box(p.x - margin, p.y) for p in places]


def _node(seen: Seen, k: int, box: Box, row: Row, fill: str, results: set[int]) -> str:
    n = seen.nodes[k]
    cells = dict(zip(KERNEL_COLUMNS, row.cells, strict=True))
    is_numpy = n.step is not None
    kept = [s for s in n.writes if id(s) in results]
    figures = f"{cells['time']} · {cells['of the roofline']} of the roofline" if row.seconds else "not timed"
    tip = "\n".join(
        [
            f"{k}: {cells['computes']}",
            f"from {cells['from'] or 'lines unknown'}",
            f"reads {', '.join(map(show.type_text, n.reads)) or 'nothing'}",
            f"writes {', '.join(map(show.type_text, n.writes))}",
            f"{cells['moved']}, {cells['FLOPs']} FLOPs, {cells['GB/s']} GB/s, {cells['GFLOP/s']} GFLOP/s",
        ]
    )
    lines = [(cells["computes"], "#1b2733", 600), (cells["from"], "#51606e", 400), (figures, "#51606e", 400)]
    text = "".join(
        f"<text x='{box.x + 8:.0f}' y='{box.y + 17 + 16 * i:.0f}' fill='{ink}' font-weight='{weight}'>{escape(_cut(line))}</text>"
        for i, (line, ink, weight) in enumerate(lines)
    )
    border = "stroke-dasharray='5 3' " if is_numpy else ""
    frame = "#2b6cb0" if kept else "#9fb1c1"
    return (
        f"<g><title>{escape(tip)}</title><rect x='{box.x:.0f}' y='{box.y:.0f}' width='{_WIDTH}' height='{_HEIGHT}' rx='6' fill='{fill}' "
        f"{border}stroke='{frame}' stroke-width='{2 if kept else 1}'/>{text}</g>"
    )


def _edge(a: Box, b: Box, s: Symbol, is_labelled: bool) -> str:
    x0, y0, x1, y1 = a.x + _WIDTH / 2, a.y + _HEIGHT, b.x + _WIDTH / 2, b.y
    bend = max((y1 - y0) / 2, 20.0)
    kind = escape(show.type_text(s))
    path = f"M{x0:.0f} {y0:.0f} C{x0:.0f} {y0 + bend:.0f} {x1:.0f} {y1 - bend:.0f} {x1:.0f} {y1:.0f}"
    at = f"x='{(x0 + x1) / 2 + 4:.0f}' y='{(y0 + y1) / 2:.0f}' font-size='10'"
    label = f"<text {at} stroke='white' stroke-width='3'>{kind}</text><text {at} fill='#6b7d8d'>{kind}</text>" if is_labelled else ""
    return f"<g><title>{kind}</title><path d='{path}' fill='none' stroke='#8397a8' marker-end='url(#tip)'/>{label}</g>"


def _cut(text: str, most: int = 34) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
