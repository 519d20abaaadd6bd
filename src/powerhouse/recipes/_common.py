"""What recipes share: one-line errors, checkpoints written atomically, Ctrl-C that stops between two batches."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import powerhouse as torch

__all__ = [
    "CommandParser",
    "Interrupt",
    "UserError",
    "counted",
    "first_line",
    "positive_number",
    "read_checkpoint",
    "require_writable",
    "run_command",
    "whole",
    "write_checkpoint",
]

INTERRUPTED = 130  # the exit status that shells give to a program stopped by Ctrl-C


class UserError(Exception):
    """A mistake that the user can mend: shown as one line, with exit status 2."""


class CommandParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def run_command(prog: str, command: Callable[..., int], *arguments: Any) -> int:
    """Call `command(*arguments)`; a `UserError`, a refused file or Ctrl-C becomes one line on stderr and an exit status."""
    try:
        return command(*arguments)
    except UserError as error:
        print(f"{prog}: error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader of our output went away, as in `powerhouse ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"{prog}: error: {where}{error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{prog}: interrupted", file=sys.stderr)
        return INTERRUPTED


def first_line(error: Exception) -> str:
    """What an error says, in one line.

    >>> first_line(ValueError("the shape is wrong\\nand more"))
    'the shape is wrong'
    """
    return str(error).strip().partition("\n")[0] or type(error).__name__


def counted(count: int, noun: str) -> str:
    """A count and its noun, in the plural unless the count is 1.

    >>> counted(1, "image"), counted(1797, "image"), counted(2, "class")
    ('1 image', '1,797 images', '2 classes')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "es" if noun.endswith("s") else "s")


def require_writable(folder: Path) -> None:
    """Make `folder` if it is not there. Raises `UserError` where it cannot be made or written to: better now than after an epoch."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"{folder}: cannot write to this folder: {error.strerror or error}") from error


def positive_number(text: str) -> float:
    """An argparse type: a finite number above zero.

    >>> positive_number("0.1")
    0.1
    """
    with contextlib.suppress(ValueError):
        if 0 < float(text) < float("inf"):
            return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a number above zero")


def whole(least: int) -> Callable[[str], int]:
    """An argparse type: a whole number, `least` or more.

    >>> whole(1)("3")
    3
    """

    def parse(text: str) -> int:
        with contextlib.suppress(ValueError):
            if int(text) >= least:
                return int(text)
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of {least} or more")

    return parse


class Interrupt:
    """A context in which the first Ctrl-C (or SIGTERM) is only noted, in `requested`; the second one stops the program at once.

    A signal may arrive in the middle of an update. Noting it lets the loop finish its batch and save a state that can be resumed.
    """

    _SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[signal.Signals, Any] = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():  # only the main thread may set handlers
            self._previous = {number: signal.signal(number, self._note) for number in self._SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)


def write_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Save `state` in `torch.save`'s format so that `path` always holds a whole checkpoint: the old one, or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint that a recipe wrote. Raises `UserError` when the file is missing, damaged, or something else."""
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such checkpoint")
    try:
        state = torch.load(path)
    except Exception as error:  # whatever a damaged file raises, the user needs the same line
        raise UserError(f"{path}: not a readable checkpoint: {first_line(error)}") from error
    if not isinstance(state, dict) or "recipe" not in state:
        raise UserError(f"{path}: not a checkpoint of a recipe (it holds no 'recipe' entry)")
    return state
