"""The worker process of a loader: receives tasks, sends batches, and ends with its parent."""

from __future__ import annotations

import os
import pickle
import queue
import random
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from powerhouse.tensors import manual_seed, set_num_threads
from powerhouse.utils.data import _shared
from powerhouse.utils.data._fetch import Recipe, fetcher

_WATCH_SECONDS = 1.0  # how often a worker looks whether it has become an orphan
_GRACE_SECONDS = 1.0  # how long a worker whose parent is gone may go on with the batch in hand


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """What a worker process knows of itself.

    Args:
        id: its number, from 0.
        num_workers: how many workers the iterator has.
        seed: what ``random`` and the default generator were seeded with: the base seed of the iterator plus ``id``.
        dataset: this process's copy of the dataset.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Describes the worker process that calls it; None in every other process.

    Use it in ``IterableDataset.__iter__`` or in a ``worker_init_fn`` to give each worker its part of the data.

    Example:
        >>> get_worker_info() is None
        True
    """
    return _info


@dataclass(frozen=True)
class Job:
    """Everything that a worker is started with."""

    recipe: Recipe
    id: int
    num_workers: int
    base_seed: int
    init_fn: Callable[[int], None] | None


@dataclass(frozen=True)
class Task:
    """One batch to make: ``index`` as the sampler gave it; ``released`` blocks may be used again."""

    epoch: int
    number: int
    index: Any
    released: list[int]


@dataclass(frozen=True)
class End:
    """Takes the place of a batch when the worker's stream has ended."""


@dataclass(frozen=True)
class Failure:
    """An exception on its way to another process.

    Args:
        kind: its type.
        text: its traceback, as Python prints it.
        where: where it happened.
    """

    kind: type[Exception]
    text: str
    where: str

    def error(self) -> Exception:
        """An exception of the original type with the original traceback in its message.

        For a type that cannot be made from a message alone it is a RuntimeError. (The caller raises it: raised in here,
        it would be held by this frame, which its traceback holds.)
        """
        message = f"Caught {self.kind.__name__} {self.where}.\nOriginal {self.text}"
        try:
            return self.kind(_Verbatim(message) if self.kind is KeyError else message)
        except Exception:
            return RuntimeError(message)


class _Verbatim(str):
    """A message for KeyError, which shows the repr of its argument and would escape the line breaks of a traceback."""

    def __repr__(self) -> str:
        return str(self)


def run(connection: Connection, job: Job) -> None:
    """The main function of a worker process.

    Args:
        connection: gives :class:`Task` s; takes batches, each tagged with the epoch and number of its task.
        job: what to do.
    """
    # Ctrl-C reaches the whole process group; the parent decides what becomes of its workers. (An ignored signal would
    # be inherited by the programs that a dataset starts, a handler is not.)
    signal.signal(signal.SIGINT, lambda *_: None)
    inbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_read_tasks, args=(connection, inbox), daemon=True).start()
    sender = _shared.Sender(connection)
    _shared.use_sender(sender)
    try:
        _serve(_tasks(inbox, sender), sender, job)
    except (BrokenPipeError, ConnectionResetError):
        pass  # the parent closed while a batch was on its way


def _read_tasks(connection: Connection, inbox: queue.SimpleQueue[bytes | None]) -> None:
    """Moves pickled tasks to the inbox, so that the parent never waits for a busy worker, until the parent closes or dies.

    A worker that is then stuck in the middle of a batch is ended: nobody waits for that batch.
    """
    parent = os.getppid()
    try:
        while True:
            while not connection.poll(_WATCH_SECONDS):
                if os.getppid() != parent:  # the socket may still be open in some other child of the parent
                    raise EOFError
            inbox.put(connection.recv_bytes())
    except (EOFError, OSError):
        inbox.put(None)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)


def _tasks(inbox: queue.SimpleQueue[bytes | None], sender: _shared.Sender) -> Iterator[Task]:
    """The tasks of the newest epoch in their order; ends when the parent has closed, whatever is still waiting."""
    waiting: deque[Task] = deque()
    while True:
        while not waiting or not inbox.empty():
            message = inbox.get()
            if message is None:
                return
            task: Task = pickle.loads(message)
            sender.release(task.released)
            if waiting and waiting[0].epoch != task.epoch:
                waiting.clear()
            waiting.append(task)
        yield waiting.popleft()


def _serve(tasks: Iterable[Task], sender: _shared.Sender, job: Job) -> None:
    failure = _attempt(_prepare, job, where=_where(job))
    epoch, fetch = -1, failure
    for task in tasks:
        if task.epoch != epoch:
            epoch = task.epoch
            fetch = failure or _attempt(fetcher, job.recipe, where=_where(job))
        batch = fetch if isinstance(fetch, Failure) else _batch(fetch, task.index, job)
        _send(sender, (task.epoch, task.number), batch, _where(job))


def _prepare(job: Job) -> None:
    global _info
    set_num_threads(1)  # the workers share the machine
    seed = job.base_seed + job.id
    random.seed(seed)
    manual_seed(seed)
    np.random.seed(_numpy_seed(job.base_seed, job.id))
    _info = WorkerInfo(job.id, job.num_workers, seed, job.recipe.dataset)
    if job.init_fn is not None:
        job.init_fn(job.id)


def _numpy_seed(base_seed: int, worker: int) -> np.ndarray:
    """Four words that depend on every bit of the base seed, as in PyTorch: np.random takes no seed above 32 bits."""
    low, high = base_seed & 0xFFFFFFFF, base_seed >> 32
    return np.random.SeedSequence([worker, low, high, 0]).generate_state(4)


def _batch(fetch: Callable[[Any], Any], index: Any, job: Job) -> Any:
    try:
        return fetch(index)
    except StopIteration as stop:
        return End() if job.recipe.iterable else _failure(stop, _where(job))
    except Exception as error:
        return _failure(error, _where(job))


def _attempt(function: Callable[[Any], Any], argument: Any, where: str) -> Any:
    """The function's result, or the :class:`Failure` that its exception makes."""
    try:
        return function(argument)
    except Exception as error:
        return _failure(error, where)


def _send(sender: _shared.Sender, tag: tuple[int, int], batch: Any, where: str) -> None:
    try:
        sender.send(tag, batch)
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:  # the batch, or the type of the exception in it, cannot be pickled
        problem = batch if isinstance(batch, Failure) else _failure(error, where)
        sender.send(tag, Failure(RuntimeError, problem.text, problem.where))


def _failure(error: Exception, where: str) -> Failure:
    return Failure(type(error), "".join(traceback.format_exception(error)), where)


def _where(job: Job) -> str:
    return f"in DataLoader worker process {job.id}"
