"""Samplers: the order in which a loader visits a dataset.

The random ones give PyTorch's permutations for the same ``manual_seed``, so they draw exactly the numbers that it draws.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

from powerhouse.core import dtypes
from powerhouse.tensors import Generator, Tensor, as_tensor
from powerhouse.tensors.generator import stream_of
from powerhouse.utils.data._arrays import array_of

Index = TypeVar("Index", covariant=True)

_DRAWS_AT_ONCE = 32  # part of the random stream: sampling with replacement draws its indices in groups of this size


class Sampler(Generic[Index]):
    """An iterable of indices (or of lists of indices); subclasses define ``__iter__`` and, where it is known, ``__len__``.

    Example:
        >>> class Backwards(Sampler):
        ...     def __init__(self, data): self.data = data
        ...     def __len__(self): return len(self.data)
        ...     def __iter__(self): return iter(range(len(self.data) - 1, -1, -1))
        >>> list(Backwards("abc"))
        [2, 1, 0]
    """

    def __iter__(self) -> Iterator[Index]:
        raise NotImplementedError


class SequentialSampler(Sampler[int]):
    """``0, 1, ..., len(data_source) - 1``.

    Args:
        data_source: anything with a length.
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Indices in random order; a fresh order for each iteration.

    Args:
        data_source: anything with a length.
        replacement: draw each index independently instead of permuting.
        num_samples: how many indices; ``len(data_source)`` when None. Without replacement, more than that means
            several permutations one after the other.
        generator: source of the numbers. When None, each iteration seeds a generator of its own from the default one.

    Raises:
        TypeError: ``replacement`` is not a bool.
        ValueError: ``num_samples`` is not a positive int.

    Example:
        >>> sorted(RandomSampler("abcd"))
        [0, 1, 2, 3]
    """

    def __init__(
        self, data_source: Sized, replacement: bool = False, num_samples: int | None = None, generator: Generator | None = None
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        _check_positive("num_samples", self.num_samples)

    @property
    def num_samples(self) -> int:
        """How many indices an iteration gives; follows the length of the data where no number was given."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        size = len(self.data_source)
        stream = stream_of(self.generator or Generator().manual_seed(random_seed()))
        at_once = _DRAWS_AT_ONCE if self.replacement else size
        groups, rest = divmod(self.num_samples, at_once)
        for count in [at_once] * groups + [rest]:
            indices = stream.randint((count,), 0, size) if self.replacement else stream.randperm(size)[:count]
            yield from indices.tolist()

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given indices in random order, without replacement.

    Args:
        indices: the indices to draw from.
        generator: source of the permutation; the default generator when None.
    """

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for position in stream_of(self.generator).randperm(len(self.indices)).tolist():
            yield self.indices[position]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices ``0 .. len(weights) - 1``, each with a probability in proportion to its weight.

    Args:
        weights: one non-negative weight an index; they need not add up to one.
        num_samples: how many indices to draw.
        replacement: whether an index can be drawn again.
        generator: source of the numbers; the default generator when None.

    Raises:
        ValueError: ``num_samples`` is not a positive int, ``replacement`` not a bool, ``weights`` not one-dimensional.

    Example:
        >>> list(WeightedRandomSampler([0.0, 1.0, 0.0], 3))
        [1, 1, 1]
    """

    weights: Tensor

    def __init__(
        self, weights: Sequence[float], num_samples: int, replacement: bool = True, generator: Generator | None = None
    ) -> None:
        _check_positive("num_samples", num_samples)
        _check_bool("replacement", replacement)
        self.weights = as_tensor(weights, dtype=dtypes.float64)
        if self.weights.ndim != 1:
            raise ValueError(f"weights should be a 1d sequence but given weights have shape {tuple(self.weights.shape)}")
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        yield from stream_of(self.generator).multinomial(array_of(self.weights), self.num_samples, self.replacement).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Groups the indices of another sampler into lists.

    Args:
        sampler: iterable of indices.
        batch_size: indices a list.
        drop_last: leave out the last list when it is shorter than ``batch_size``.

    Raises:
        ValueError: ``batch_size`` is not a positive int, or ``drop_last`` not a bool.

    Example:
        >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
        [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Sampler[int] | Iterable[int], batch_size: int, drop_last: bool) -> None:
        _check_positive("batch_size", batch_size)
        _check_bool("drop_last", drop_last)
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield batch

    def __len__(self) -> int:
        size = len(self.sampler)  # type: ignore[arg-type]
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)


class DistributedSampler(Sampler[int]):
    """The share of one process: every ``num_replicas``-th index of an order that is the same in all processes.

    Args:
        dataset: the dataset, of the same length in every process.
        num_replicas: number of processes; of the process group when None.
        rank: number of this process; in the process group when None.
        shuffle: permute, by ``seed`` plus the epoch.
        seed: the same number in every process.
        drop_last: drop the tail so that all shares are equal; otherwise the first indices are repeated for that.

    Raises:
        ValueError: ``rank`` is out of range, or left out while there is no process group.

    Call :meth:`set_epoch` before each epoch, or every epoch has the same order.

    Example:
        >>> [list(DistributedSampler(range(5), 2, rank, shuffle=False)) for rank in (0, 1)]
        [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None or rank is None:
            world_size, own_rank = _process_group()
            num_replicas = world_size if num_replicas is None else num_replicas
            rank = own_rank if rank is None else rank
        if not 0 <= rank < num_replicas:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.epoch = 0
        size = len(dataset)
        self.num_samples = size // num_replicas if drop_last else math.ceil(size / num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        order = self._order()
        if not self.drop_last:
            # Whole copies of the order where there are more processes than samples.
            order = order * math.ceil(self.total_size / max(1, len(order)))
        return iter(order[self.rank : self.total_size : self.num_replicas])

    def _order(self) -> list[int]:
        size = len(self.dataset)
        if not self.shuffle:
            return list(range(size))
        return stream_of(Generator().manual_seed(self.seed + self.epoch)).randperm(size).tolist()

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Makes the next iteration use the order of this epoch (the same number in every process)."""
        self.epoch = epoch


_process_group_source: Callable[[], tuple[int, int]] | None = None


def use_process_group(source: Callable[[], tuple[int, int]] | None) -> None:
    """Tells :class:`DistributedSampler` where its defaults come from; the distributed package, which is above this one, calls it.

    Args:
        source: gives (number of processes, rank of this process); None when there is no process group (any more).
    """
    global _process_group_source
    _process_group_source = source


def _process_group() -> tuple[int, int]:
    if _process_group_source is None:
        raise ValueError("Default process group has not been initialized, please make sure to call init_process_group.")
    return _process_group_source()


def random_seed(generator: Generator | None = None) -> int:
    """One draw of a 63-bit seed from a generator (the default one when None), as PyTorch's loaders and samplers make it."""
    return int(stream_of(generator).random((), dtypes.int64))


def _check_positive(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")


def _check_bool(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{name} should be a boolean value, but got {name}={value}")
