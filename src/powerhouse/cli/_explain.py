"""`powerhouse explain SCRIPT`: run a script, then say what ran: programs, kernels, the lines they come from, and how fast they are."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from rich.console import Console

from powerhouse.cli._explain_page import page, picture
from powerhouse.cli._explain_tables import print_report
from powerhouse.cli._peaks import measure_peaks
from powerhouse.cli._script import run_script
from powerhouse.codegen import simplify
from powerhouse.engine import backward, explain
from powerhouse.recipes._common import INTERRUPTED, CommandParser, UserError, positive_number, whole
from powerhouse.transform.vjp import Accumulator

__all__ = ["explain_script"]

# Functions that make symbols on behalf of a symbol that they are given: (owner, name, whether they make gradients).
ON_BEHALF = (
    (Accumulator, "propagate", True),
    (simplify, "_rewritten", False),
    (simplify, "_turned", False),
    (backward, "_plant", False),
)


def explain_script(arguments: Sequence[str], description: str) -> int:
    """The command; returns the exit status of the script."""
    given = _parse(arguments, description)
    _require_writable(given.html, given.svg)
    begin = perf_counter()
    with explain.recording(ON_BEHALF, given.steps or 0) as log:
        status = _run(given.script, given.arguments)
        seconds = perf_counter() - begin
        if not log.by_time():
            print("powerhouse explain: the script ran nothing in Powerhouse", file=sys.stderr)
            return status
        peaks = measure_peaks(given.bandwidth and given.bandwidth * 1e9, given.peak and given.peak * 1e9)
        if given.html:
            given.html.write_text(page(given.script, log, peaks, seconds), encoding="utf-8")
        if given.svg:
            given.svg.write_text(picture(log.by_time()[0], peaks), encoding="utf-8")
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=160)
        print_report(console, log, peaks, seconds)  # last: its reader may go away, as `head` does
    return status


def _parse(arguments: Sequence[str], description: str) -> argparse.Namespace:
    parser = CommandParser(prog="powerhouse explain", description=description, usage="%(prog)s [options] SCRIPT.py [arguments]")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with tables and a picture of each program")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="write a picture of the program that took the most time")
    parser.add_argument("--steps", type=whole(1), metavar="N", help="stop the script when a program has run N times")
    parser.add_argument("--bandwidth", type=positive_number, metavar="GB/S", help="what memory can do (default: measured)")
    parser.add_argument("--peak", type=positive_number, metavar="GFLOP/S", help="what the processor can do in float32 (default: measured)")
    parser.add_argument("script", metavar="SCRIPT.py", help="the script; what follows it are its own arguments")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _require_writable(*paths: Path | None) -> None:
    """Better to know now than after the run."""
    for path in paths:
        if path is not None and not path.parent.is_dir():
            raise UserError(f"{path}: there is no folder {path.parent}")


def _run(script: str, arguments: Sequence[str]) -> int:
    """Run the script; however it ends, there is something to report."""
    try:
        return run_script(script, arguments)
    except explain.Enough:
        return 0
    except KeyboardInterrupt:
        print("powerhouse explain: interrupted", file=sys.stderr)
        return INTERRUPTED
    except SystemExit as stop:
        return _status(stop.code)


def _status(code: object) -> int:
    """The exit status of `sys.exit(code)`."""
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)
    return 1
