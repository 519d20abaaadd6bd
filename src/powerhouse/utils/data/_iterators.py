"""One pass over the data: in the main process, or by a team of worker processes."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import sys
import time
import warnings
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from powerhouse.utils.data import _shared, worker
from powerhouse.utils.data._fetch import fetcher
from powerhouse.utils.data.sampler import random_seed

if TYPE_CHECKING:
    from powerhouse.utils.data.loader import DataLoader

_CHECK_SECONDS = 1.0  # how often, while waiting, the workers are looked at in case the system did not report a death
_PATIENCE_SECONDS = 1.0  # how long a worker may take to leave before it gets a signal, and then a harder one


class LoaderIterator:
    """What ``iter(loader)`` gives. Subclasses define ``_next_batch``.

    It keeps no reference to its loader, so that dropping a loader with persistent workers ends them at once.
    """

    def __init__(self, loader: DataLoader) -> None:
        self._recipe = loader._recipe()
        # The order is part of the random stream: a sampler that draws as soon as it is iterated comes before the base
        # seed, one that draws with its first index (all of ours do) after it.
        self._reset(loader)
        self._base_seed = random_seed(loader.generator)

    def _reset(self, loader: DataLoader) -> None:
        self._sampler = loader._index_sampler
        self._indices = iter(self._sampler)
        self._promised = loader._promised_length
        self._count = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __len__(self) -> int:
        return len(self._sampler)

    def __next__(self) -> Any:
        batch = self._next_batch()
        self._count += 1
        if self._promised is not None and self._count > self._promised:
            self._warn_of_length()
        return batch

    def _next_batch(self) -> Any:
        raise NotImplementedError

    def _warn_of_length(self) -> None:
        warnings.warn(
            f"Length of IterableDataset {self._recipe.dataset} was reported to be {self._promised} "
            f"(when accessing len(dataloader)), but {self._count} samples have been fetched. With worker processes, "
            "this happens when each of them iterates over the whole dataset: see powerhouse.utils.data.get_worker_info.",
            stacklevel=3,
        )

    def __getstate__(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled")


class SingleProcessIterator(LoaderIterator):
    """Makes each batch when it is asked for."""

    def __init__(self, loader: DataLoader) -> None:
        if loader.timeout != 0:
            raise AssertionError("DataLoader: a timeout needs num_workers > 0")
        super().__init__(loader)
        self._fetch = fetcher(self._recipe)

    def _next_batch(self) -> Any:
        return self._fetch(next(self._indices))


class _Worker:
    """The parent's view of a worker process."""

    def __init__(self, context: Any, job: worker.Job) -> None:
        self.connection, theirs = multiprocessing.Pipe()
        _parent_ends.add(self.connection)
        self.receiver = _shared.Receiver(self.connection)
        self.process = context.Process(target=worker.run, args=(theirs, job), daemon=True)
        try:
            with warnings.catch_warnings():
                # Python's warning is about locks that threads hold at the fork. The engine renews its own in the child.
                warnings.filterwarnings("ignore", r"This process .* is multi-threaded, use of fork\(\)", DeprecationWarning)
                self.process.start()
        finally:
            theirs.close()  # the worker alone holds it, so its death closes the connection
        self.working = True  # in this epoch: its stream has not ended
        self.tasks = 0  # outstanding

    def give(self, epoch: int, number: int, index: Any) -> None:
        """Sends a task; raises OSError when the worker is gone."""
        task = worker.Task(epoch, number, index, self.receiver.take_released())
        self.connection.send_bytes(_shared.dumps(task))
        self.tasks += 1


# A worker ends when the last copy of the parent's end of its connection is closed: a fork must not keep one.
_parent_ends: weakref.WeakSet[Connection] = weakref.WeakSet()


def _close_parent_ends() -> None:
    for connection in list(_parent_ends):
        connection.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_parent_ends)


@dataclass(slots=True)
class _Ticket:
    """A task that has been dealt out, and what came of it."""

    owner: _Worker
    parcel: _shared.Parcel | None = None  # None until it has come


class MultiProcessIterator(LoaderIterator):
    """Deals out tasks to worker processes ahead of time, and gives the batches in the order of the tasks."""

    def __init__(self, loader: DataLoader) -> None:
        super().__init__(loader)
        self._timeout = loader.timeout
        self._in_order = loader.in_order
        self._persistent = loader.persistent_workers
        self._epoch = -1
        self._workers: list[_Worker] = []
        self._stop = weakref.finalize(self, _stop, self._workers, os.getpid())
        self._start_workers(loader)
        self._most_tasks = loader.prefetch_factor * len(self._workers)
        self.restart(loader)

    def _start_workers(self, loader: DataLoader) -> None:
        context = loader.multiprocessing_context or _default_context()
        try:
            for number in range(loader.num_workers):
                job = worker.Job(self._recipe, number, loader.num_workers, self._base_seed, loader.worker_init_fn)
                self._workers.append(_Worker(context, job))
        except BaseException:
            self._stop()
            raise

    @property
    def alive(self) -> bool:
        """Whether the workers are still there for another pass."""
        return self._stop.alive

    def restart(self, loader: DataLoader) -> None:
        """Begins a pass; what the workers still had to do for an earlier one is forgotten."""
        self._reset(loader)
        self._epoch += 1
        self._dealt = 0
        self._tickets: dict[int, _Ticket] = {}  # by task number, oldest first
        self._turns = itertools.cycle(self._workers)
        for each in self._workers:
            each.working, each.tasks = True, 0
        for _ in range(self._most_tasks):
            self._deal()

    # ---- dealing out ----

    def _deal(self) -> None:
        """Gives the next index, if there is one, to the worker whose turn it is."""
        chosen = self._next_worker()
        if chosen is None:
            return
        try:
            index = next(self._indices)
        except StopIteration:
            return
        try:
            chosen.give(self._epoch, self._dealt, index)
        except OSError:
            self._fail([chosen])
        self._tickets[self._dealt] = _Ticket(chosen)
        self._dealt += 1

    def _next_worker(self) -> _Worker | None:
        working = sum(each.working for each in self._workers)
        for each in itertools.islice(self._turns, len(self._workers)):
            if each.working and (self._in_order or each.tasks < self._most_tasks // working):
                return each
        return None

    # ---- taking in ----

    def _next_batch(self) -> Any:
        try:
            return self._next_result()
        except KeyboardInterrupt:
            self._shut_down()  # a message may have been read by half
            raise

    def _next_result(self) -> Any:
        while self._tickets:
            number = self._due()
            if number is None:
                self._receive()
                continue
            ticket = self._tickets.pop(number)
            ticket.owner.tasks -= 1
            result = ticket.parcel.open()  # type: ignore[union-attr]
            if isinstance(result, worker.End):
                self._retire(ticket.owner)
            self._deal()
            if isinstance(result, worker.Failure):
                raise result.error()
            if not isinstance(result, worker.End):
                return result
        if not self._persistent:
            self._shut_down()
        raise StopIteration

    def _due(self) -> int | None:
        """The task whose batch is to be given now; None when it has not come yet."""
        candidates = itertools.islice(self._tickets.items(), 1 if self._in_order else None)
        return next((number for number, ticket in candidates if ticket.parcel is not None), None)

    def _retire(self, ended: _Worker) -> None:
        """The worker's stream has ended, and with it its other tasks."""
        ended.working = False
        self._tickets = {number: ticket for number, ticket in self._tickets.items() if ticket.owner is not ended}

    def _receive(self) -> None:
        """Waits for a message, and takes in one from each worker that has sent any."""
        by_connection = {each.connection: each for each in self._workers}
        ready = wait(list(by_connection), self._timeout or _CHECK_SECONDS)
        for connection in ready:
            self._take(by_connection[connection])  # type: ignore[index]
        if not ready:
            if dead := [each for each in self._workers if not each.process.is_alive()]:
                self._fail(dead)
            if self._timeout:
                raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")

    def _take(self, sender: _Worker) -> None:
        try:
            (epoch, number), parcel = sender.receiver.receive()
        except (EOFError, OSError):
            self._fail([sender])
        if epoch == self._epoch and number in self._tickets:
            self._tickets[number].parcel = parcel

    # ---- ending ----

    def _fail(self, dead: list[_Worker]) -> None:
        for each in dead:
            each.process.join(_PATIENCE_SECONDS)  # a connection closes a moment before its process has ended
        pids = ", ".join(str(each.process.pid) for each in dead)
        reasons = ", ".join(_reason(each.process.exitcode) for each in dead)
        self._shut_down()
        raise RuntimeError(f"DataLoader worker (pid(s) {pids}) exited unexpectedly: {reasons}") from None

    def _shut_down(self) -> None:
        self._tickets.clear()
        self._stop()


def _reason(exitcode: int | None) -> str:
    if exitcode is None:
        return "closed its connection"
    return f"killed by {signal.Signals(-exitcode).name}" if exitcode < 0 else f"exit code {exitcode}"


def _default_context() -> Any:
    """The start method that the program has chosen; else fork on Linux (a dataset need not be picklable), else the system's."""
    if multiprocessing.get_start_method(allow_none=True) is None and sys.platform == "linux":
        return multiprocessing.get_context("fork")
    return multiprocessing.get_context()


def _stop(workers: list[_Worker], owner: int) -> None:
    """Ends worker processes: first by closing their connections, which lets them finish what they are at."""
    if os.getpid() != owner:
        return  # in a fork of the owner, where the workers are someone else's
    for each in workers:
        each.connection.close()
    for send_signal in ("terminate", "kill", None):
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for each in workers:
            each.process.join(max(0.0, deadline - time.monotonic()))
        staying = [each.process for each in workers if each.process.is_alive()]
        if not staying or send_signal is None:
            return
        for process in staying:
            getattr(process, send_signal)()
