"""The loader: a dataset, an order, and a way to make batches, joined into an iterable."""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterable
from multiprocessing.context import BaseContext
from typing import Any, Generic, TypeVar

from powerhouse.tensors import Generator
from powerhouse.utils.data._fetch import Recipe
from powerhouse.utils.data._iterators import LoaderIterator, MultiProcessIterator, SingleProcessIterator
from powerhouse.utils.data.collate import default_collate, default_convert
from powerhouse.utils.data.dataset import Dataset, IterableDataset
from powerhouse.utils.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

Sample = TypeVar("Sample", covariant=True)

_FIXED = frozenset({"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"})


class _Endless(Sampler):
    """Stands in for the sampler of a stream: a stream alone knows when it ends."""

    def __iter__(self) -> Any:
        while True:
            yield None


class DataLoader(Generic[Sample]):
    """Iterates over a dataset in batches, in this process or ahead of it in worker processes.

    Args:
        dataset: map-style (``dataset[index]``) or an :class:`IterableDataset`.
        batch_size: samples a batch; None switches automatic batching off: each item is one sample (or one
            ready-made batch), converted by ``collate_fn``.
        shuffle: a new random order in each pass.
        sampler: iterable of indices; not together with ``shuffle``.
        batch_sampler: iterable of lists of indices; not together with ``batch_size``, ``shuffle``, ``sampler``, ``drop_last``.
        num_workers: how many processes load; 0 loads in this one.
        collate_fn: from the list of samples to the batch; :func:`default_collate`, without batching :func:`default_convert`.
        pin_memory: accepted; without an accelerator it only warns.
        drop_last: leave out the last batch when it is smaller.
        timeout: seconds to wait for a batch of the workers; 0 waits for ever.
        worker_init_fn: called with the worker's number in each worker after it has been seeded.
        multiprocessing_context: a start method or a context of :mod:`multiprocessing`. By default the method that the
            program has set, else fork on Linux.
        generator: source of the shuffling and of the workers' base seed; the default generator when None.
        prefetch_factor: batches that each worker makes ahead; 2 unless given.
        persistent_workers: keep the workers, with their datasets, from one pass to the next.
        pin_memory_device: accepted for compatibility, deprecated.
        in_order: give the batches in the order of the sampler; else as they come from the workers.

    Worker ``k`` seeds ``random`` and the default generator with the base seed plus ``k``, and ``np.random`` from the
    same two numbers; the base seed is drawn at each pass (at the first one, with ``persistent_workers``).

    Raises:
        ValueError, TypeError: options that contradict each other.
        RuntimeError: during a pass: a worker died, or ``timeout`` ran out. An exception in a worker is raised here
            with its own type, the worker's traceback in the message.

    Example:
        >>> loader = DataLoader([0.5, 1.5, 2.5], batch_size=2)
        >>> len(loader), list(loader)
        (2, [tensor([0.5000, 1.5000], dtype=torch.float64), tensor([2.5000], dtype=torch.float64)])
    """

    _initialized = False

    def __init__(
        self,
        dataset: Dataset[Sample],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler | Iterable | None = None,
        batch_sampler: Sampler[list] | Iterable[list] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: str | BaseContext | None = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_worker_options(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order
        self.persistent_workers = persistent_workers
        self.generator = generator

        self._is_stream = isinstance(dataset, IterableDataset)
        if self._is_stream:
            _check_stream_options(shuffle, sampler, batch_sampler)
        _check_order_options(batch_size, bool(shuffle), sampler, batch_sampler, drop_last)
        if sampler is None:
            sampler = self._default_sampler(bool(shuffle))
        if batch_sampler is not None:
            batch_size = None
        elif batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.collate_fn = collate_fn or (default_collate if self._auto_collation else default_convert)

        self._promised_length: int | None = None  # what len() said of a stream
        self._iterator: MultiProcessIterator | None = None
        self._initialized = True
        self.check_worker_number_rationality()

    def _default_sampler(self, shuffle: bool) -> Sampler:
        if self._is_stream:
            return _Endless()
        return RandomSampler(self.dataset, generator=self.generator) if shuffle else SequentialSampler(self.dataset)  # type: ignore[arg-type]

    def __setattr__(self, name: str, value: Any) -> None:
        if self._initialized and name in _FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    @property
    def multiprocessing_context(self) -> BaseContext | None:
        """The context that starts the workers; None for the default one."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: str | BaseContext | None) -> None:
        self._context = None if context is None else _valid_context(context, self.num_workers)

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        return self.batch_sampler if self._auto_collation else self.sampler

    def _recipe(self) -> Recipe:
        return Recipe(self.dataset, self._is_stream, self._auto_collation, self.drop_last, self.collate_fn)

    def __iter__(self) -> LoaderIterator:
        _warn_of_pinning(self.pin_memory, self.pin_memory_device)
        if self.num_workers == 0:
            return SingleProcessIterator(self)
        if not self.persistent_workers:
            return MultiProcessIterator(self)
        if self._iterator is not None and self._iterator.alive:
            self._iterator.restart(self)
        else:
            self._iterator = MultiProcessIterator(self)
        return self._iterator

    def __len__(self) -> int:
        """Batches in a pass. For a stream an estimate from ``len(dataset)``, since each worker may cut its last batch short."""
        if not self._is_stream:
            return len(self._index_sampler)
        size = self._promised_length = len(self.dataset)  # type: ignore[arg-type]
        if self.batch_size is None:
            return size
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)

    def check_worker_number_rationality(self) -> None:
        """Warns when there are more workers than processors for this process."""
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        if self.num_workers > usable:
            warnings.warn(
                f"This DataLoader will create {self.num_workers} worker processes in total. Our suggested max number of worker in "
                f"current system is {usable}, which is smaller than what this DataLoader is going to create. Please be aware that "
                "excessive worker creation might get DataLoader running slow or even freeze, lower the worker number to avoid "
                "potential slowness/freeze if necessary.",
                stacklevel=3,
            )


def _check_worker_options(num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool) -> None:
    if num_workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if prefetch_factor == 0:
        raise ValueError(f"prefetch_factor option should be positive, but got prefetch_factor={prefetch_factor}")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")


def _check_stream_options(shuffle: bool | None, sampler: Any, batch_sampler: Any) -> None:
    """A stream decides its order itself."""
    given = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
    for name, value in given.items():
        if value is not None:
            raise ValueError(f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}={value}")


def _check_order_options(batch_size: int | None, shuffle: bool, sampler: Any, batch_sampler: Any, drop_last: bool) -> None:
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError("batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last")
    if batch_sampler is None and batch_size is None and drop_last:
        raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")


def _valid_context(context: str | BaseContext, num_workers: int) -> BaseContext:
    if num_workers == 0:
        raise ValueError(
            f"multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got num_workers={num_workers}"
        )
    if isinstance(context, str):
        methods = multiprocessing.get_all_start_methods()
        if context not in methods:
            raise ValueError(
                "multiprocessing_context option should specify a valid start method "
                f"in {methods!r}, but got multiprocessing_context={context!r}"
            )
        return multiprocessing.get_context(context)
    if not isinstance(context, BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string specifying the start method, "
            f"but got multiprocessing_context={context}"
        )
    return context


def _warn_of_pinning(pin_memory: bool, device: str) -> None:
    if pin_memory and device:
        warnings.warn(
            "pin_memory_device is deprecated, the current accelerator will be used as the device,"
            f"ignore pin_memory_device='{device}'.",
            stacklevel=3,
        )
    if pin_memory:
        warnings.warn(
            "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory won't be used.", stacklevel=3
        )
