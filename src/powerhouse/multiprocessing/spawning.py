"""`spawn`: one function in several processes, of which the first failure ends all."""

from __future__ import annotations

import multiprocessing as mp
import multiprocessing.connection
import signal
import traceback
import warnings
from collections.abc import Callable
from typing import Any


class ProcessException(Exception):
    """A process that was spawned has failed; `error_index` says which, `error_pid` its number with the system."""

    def __init__(self, message: str, error_index: int, pid: int | None) -> None:
        super().__init__(message)
        self.msg, self.error_index, self.error_pid, self.pid = message, error_index, pid, pid


class ProcessRaisedException(ProcessException):
    """A process has raised; the message holds its traceback."""


class ProcessExitedException(ProcessException):
    """A process has ended by a signal (`signal_name`) or with an exit code (`exit_code`)."""

    def __init__(self, message: str, error_index: int, pid: int | None, exit_code: int, signal_name: str | None = None) -> None:
        super().__init__(message, error_index, pid)
        self.exit_code, self.signal_name = exit_code, signal_name


def _run(function: Callable[..., Any], rank: int, args: tuple[Any, ...], errors: Any) -> None:
    try:
        function(rank, *args)
    except KeyboardInterrupt:
        pass  # the parent says so
    except Exception:
        errors.put((rank, traceback.format_exc()))
        raise SystemExit(1) from None


class ProcessContext:
    """Processes that were started together: `processes`, `pids()`, `join()`."""

    def __init__(self, processes: list[Any], errors: Any) -> None:
        self.processes, self._errors = processes, errors

    def pids(self) -> list[int]:
        """The processes' numbers with the system."""
        return [int(p.pid) for p in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Wait for a process to end, at most `timeout` seconds; True once all have ended well.

        Where one has failed, the others are ended, and a ProcessRaisedException or ProcessExitedException says why.
        """
        running = {p.sentinel: p for p in self.processes if p.is_alive()}
        ended = mp.connection.wait(list(running), timeout) if running else []
        for sentinel in ended:
            running[sentinel].join()
        failed = next((i for i, p in enumerate(self.processes) if not p.is_alive() and p.exitcode), None)
        if failed is None:
            return len(ended) == len(running)
        for p in self.processes:
            if p.is_alive():
                p.terminate()
        for p in self.processes:
            p.join(grace_period)
        raise self._failure(failed)

    def _failure(self, index: int) -> ProcessException:
        process = self.processes[index]
        if not self._errors.empty():
            index, text = self._errors.get()
            return ProcessRaisedException(
                f"\n\n-- Process {index} terminated with the following error:\n{text}", index, self.processes[index].pid
            )
        code = process.exitcode
        if code < 0:
            name = signal.Signals(-code).name
            return ProcessExitedException(f"process {index} terminated with signal {name}", index, process.pid, code, name)
        return ProcessExitedException(f"process {index} terminated with exit code {code}", index, process.pid, code)


def start_processes(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Call `fn(rank, *args)` in `nprocs` processes, ranks 0 to `nprocs - 1`, started by `start_method`.

    Returns None once all have ended, or, with `join=False`, the ProcessContext to wait for.
    """
    context = mp.get_context(start_method)
    errors = context.SimpleQueue()
    processes = [context.Process(target=_run, args=(fn, rank, args, errors), daemon=daemon) for rank in range(nprocs)]
    for p in processes:
        p.start()
    started = ProcessContext(processes, errors)
    if not join:
        return started
    while not started.join():
        pass
    return None


def spawn(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """`start_processes` by the method "spawn", in fresh interpreters."""
    if start_method != "spawn":
        warnings.warn(
            f"spawn: always uses the start method 'spawn', not {start_method!r}; call start_processes for another",
            FutureWarning,
            stacklevel=2,
        )
    return start_processes(fn, args, nprocs, join, daemon, "spawn")


__all__ = ["ProcessContext", "ProcessException", "ProcessExitedException", "ProcessRaisedException", "spawn", "start_processes"]
