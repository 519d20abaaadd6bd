"""What a run prints and draws."""

from __future__ import annotations

import io
import signal

import pytest
from rich.console import Console

from powerhouse.recipes._common import Interrupt
from powerhouse.recipes._report import Report, confusion_table


def test_confusion_table_columns_line_up():
    table = confusion_table([[100, 0, 2], [0, 0, 0], [1, 0, 9]], ["cat", "a very long class name", "b"]).plain.splitlines()
    assert len({line.index("right") + 5 if "right" in line else len(line) for line in table[:1]}) == 1
    assert "a very long~" in table[0] and table[1].endswith("98.0 %") and table[2].endswith("-") and table[3].endswith("90.0 %")
    assert [line[:16].strip() for line in table[1:]] == ["cat", "a very long~", "b"]


def test_many_classes_list_the_worst_confusions():
    matrix = [[5 if i == j else 0 for j in range(30)] for i in range(30)]
    matrix[3][4], matrix[7][1] = 2, 9
    lines = confusion_table(matrix, [f"c{i}" for i in range(30)]).plain.splitlines()
    assert lines[1:] == ["    9  c7 taken for c1", "    2  c3 taken for c4"]


@pytest.mark.parametrize("terminal", [True, False])
def test_the_bar_shows_on_a_terminal_only(terminal):
    report, screen = Report(), io.StringIO()
    report.console, report.live = Console(file=screen, force_terminal=terminal, width=100), terminal
    totals = {"seen": 0, "loss": 0.0, "correct": 0}
    done = []
    for batch in report.batches(["a", "b", "c"], 1, "1/2", totals):
        done.append(batch)
        totals.update(seen=totals["seen"] + 4, loss=totals["loss"] + 2.0, correct=totals["correct"] + 3)
    assert done == ["b", "c"], "the first batch was done before"
    assert ("loss 0.5000   accuracy 75.00%" in screen.getvalue()) == terminal and ("images/s" in screen.getvalue()) == terminal


def test_the_first_interrupt_is_noted_and_the_second_stops():
    with Interrupt() as interrupt:
        assert not interrupt.requested
        signal.raise_signal(signal.SIGINT)
        assert interrupt.requested
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
