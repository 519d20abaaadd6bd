"""What a training run shows: a live progress bar on a terminal, one plain line an epoch, a confusion matrix, a curve as PNG."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from powerhouse.recipes._common import UserError

__all__ = ["Report", "confusion_table", "save_curve"]

Item = TypeVar("Item")

_WIDEST_MATRIX = 20  # classes; above that the most frequent confusions are listed instead


class Report:
    """Prints a run's progress. Colours and the live bar appear on a terminal only; `quiet` leaves only results."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.console = Console(highlight=False)
        self.live = self.console.is_terminal and not quiet

    def note(self, text: str | Text) -> None:
        """Print a line that `quiet` suppresses."""
        if not self.quiet:
            self.result(text)

    def result(self, text: str | Text) -> None:
        """Print a line always."""
        self.console.print(text, soft_wrap=True, markup=False)

    def header(self) -> None:
        """The titles of the columns that `epoch` fills."""
        self.note(Text("  epoch      loss   accuracy   held-out loss   held-out accuracy   images/s", style="bold"))

    def epoch(self, row: dict[str, float], epochs: int, rate: float) -> None:
        """One line for a finished epoch; `rate` is in images a second."""
        self.note(
            f"{row['epoch']:>3.0f}/{epochs:<3} {row['loss']:>9.4f} {row['accuracy']:>9.2%} "
            f"{row['held_out_loss']:>15.4f} {row['held_out_accuracy']:>19.2%} {rate:>10,.0f}"
        )

    def batches(self, batches: Sequence[Item], done: int, title: str, totals: dict[str, float]) -> Generator[Item, None, None]:
        """Yield the batches after the first `done` ones, with a bar that shows the running `totals` (seen, loss, correct)."""
        columns = (TextColumn("{task.description}"), BarColumn(30), TextColumn("{task.percentage:>3.0f}%  {task.fields[figures]}"))
        started, seen_before = time.perf_counter(), totals["seen"]
        with Progress(*columns, console=self.console, disable=not self.live, transient=True) as bar:
            task = bar.add_task(title, total=len(batches), completed=done, figures="")
            for batch in batches[done:]:
                yield batch
                if self.live:
                    rate = (totals["seen"] - seen_before) / (time.perf_counter() - started)
                    bar.update(task, advance=1, figures=_figures(totals, rate))


def _figures(totals: dict[str, float], rate: float) -> str:
    return f"loss {totals['loss'] / totals['seen']:.4f}   accuracy {totals['correct'] / totals['seen']:.2%}   {rate:,.0f} images/s"


def confusion_table(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> Text:
    """The confusion matrix as text: a row for each true class, a column for each predicted one, `.` for none.

    >>> print(confusion_table([[3, 0], [1, 2]], ["cat", "dog"]).plain)
    true \\ predicted   cat  dog   right
                cat     3    .   100.0 %
                dog     1    2    66.7 %
    """
    if len(classes) > _WIDEST_MATRIX:
        return _worst_confusions(matrix, classes)
    corner = "true \\ predicted"
    names = [name if len(name) <= 12 else name[:11] + "~" for name in classes]
    widths = [max(len(name), *(len(str(count)) for count in column)) + 2 for name, column in zip(names, zip(*matrix))]
    table = Text(corner + " " + "".join(name.rjust(width) for name, width in zip(names, widths)) + "   right", style="")
    for true, (name, row) in enumerate(zip(names, matrix)):
        table.append("\n" + name.rjust(len(corner)) + " ")
        for predicted, (count, width) in enumerate(zip(row, widths)):
            style = "green" if true == predicted else "bold red" if count else "dim"
            table.append(str(count or ".").rjust(width), style=style)
        table.append(f"   {100 * row[true] / sum(row):5.1f} %" if sum(row) else "       -")
    return table


def _worst_confusions(matrix: Sequence[Sequence[int]], classes: Sequence[str], most: int = 15) -> Text:
    wrong = [(count, t, p) for t, row in enumerate(matrix) for p, count in enumerate(row) if count and t != p]
    wrong.sort(reverse=True)
    lines = [f"{count:>5}  {classes[t]} taken for {classes[p]}" for count, t, p in wrong[:most]]
    return Text("\n".join([f"most frequent confusions among {len(classes)} classes:", *(lines or ["    none"])]))


def save_curve(history: Sequence[dict[str, Any]], path: Path, title: str) -> None:
    """Draw loss and accuracy over epochs into a PNG. Raises `UserError` where matplotlib is not installed."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UserError("no training curve: it needs matplotlib (pip install 'powerhouse[viz]')") from error
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    epochs = [row["epoch"] for row in history]
    panels = (("loss", 1, "loss (cross entropy)"), ("accuracy", 100, "accuracy (%)"))
    for axes, (key, scale, label) in zip(figure.subplots(1, 2), panels):
        axes.plot(epochs, [scale * row[key] for row in history], marker=".", label="training")
        axes.plot(epochs, [scale * row[f"held_out_{key}"] for row in history], marker=".", label="held out")
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=120)
