"""Datasets: objects that give a sample for an index, or that are iterated for samples."""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from powerhouse.tensors import Generator, Tensor
from powerhouse.tensors.generator import stream_of
from powerhouse.utils.data._arrays import array_of, is_plain, tensor_of
from powerhouse.utils.data._shared import batch_buffer

Sample = TypeVar("Sample", covariant=True)


class Dataset(Generic[Sample]):
    """A map from an index to a sample.

    A subclass defines ``__getitem__(index)`` and, for samplers and ``len(loader)``, ``__len__()``. It may define
    ``__getitems__(indices)``, which receives the list of indices of a whole batch and returns the list of its samples.

    Example:
        >>> class Squares(Dataset):
        ...     def __len__(self): return 4
        ...     def __getitem__(self, index): return index ** 2
        >>> squares = Squares() + Squares()
        >>> len(squares), squares[7]
        (8, 9)
    """

    def __getitem__(self, index: Any) -> Sample:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other: Dataset[Sample]) -> ConcatDataset[Sample]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[Sample], Iterable[Sample]):
    """A stream of samples: a subclass defines ``__iter__()``.

    With ``num_workers > 0`` every worker process iterates over its own copy, so ``__iter__`` (or the loader's
    ``worker_init_fn``) should split the work by :func:`get_worker_info`; otherwise each sample comes once per worker.

    Example:
        >>> class Countdown(IterableDataset):
        ...     def __iter__(self): return iter([3, 2, 1])
        >>> list(Countdown() + Countdown())
        [3, 2, 1, 3, 2, 1]
    """

    def __add__(self, other: Dataset[Sample]) -> ChainDataset:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Sample ``i`` is the tuple of ``tensor[i]`` for each tensor.

    Args:
        *tensors: tensors with the same size in dimension 0.

    Raises:
        AssertionError: ``Size mismatch between tensors``.

    Example:
        >>> import powerhouse as ph
        >>> pairs = TensorDataset(ph.arange(3), ph.arange(3) * 10)
        >>> pairs[2]
        (tensor(2), tensor(20))
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor) -> None:
        if any(tensor.size(0) != tensors[0].size(0) for tensor in tensors):
            raise AssertionError("Size mismatch between tensors")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].size(0)


class StackDataset(Dataset):
    """Sample ``i`` is the tuple (or the dict) of the samples ``i`` of several datasets.

    Args:
        *args: datasets of equal length; samples are tuples.
        **kwargs: datasets of equal length; samples are dicts under the same names. Not together with ``args``.

    Raises:
        ValueError: no dataset, both kinds, or different lengths.

    Example:
        >>> StackDataset([1, 2], [3, 4])[0]
        (1, 3)
        >>> StackDataset(image=[1, 2], text=["a", "b"])[1]
        {'image': 2, 'text': 'b'}
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Dataset, **kwargs: Dataset) -> None:
        if args and kwargs:
            raise ValueError(
                "Supported either ``tuple``- (via ``args``) or``dict``- (via ``kwargs``) like input/output, but both types are given."
            )
        if not args and not kwargs:
            raise ValueError("At least one dataset should be passed")
        self.datasets = args or kwargs
        sizes = {len(dataset) for dataset in self._parts()}  # type: ignore[arg-type]
        if len(sizes) > 1:
            raise ValueError("Size mismatch between datasets")
        self._length = sizes.pop()

    def _parts(self) -> list[Dataset]:
        return list(self.datasets.values() if isinstance(self.datasets, dict) else self.datasets)

    def _sample(self, parts: Iterable[Any]) -> Any:
        return dict(zip(self.datasets, parts, strict=True)) if isinstance(self.datasets, dict) else tuple(parts)

    def __getitem__(self, index: Any) -> Any:
        return self._sample(dataset[index] for dataset in self._parts())

    def __getitems__(self, indices: list) -> list:
        columns = [_samples(dataset, indices) for dataset in self._parts()]
        for column in columns:
            if len(column) != len(indices):
                raise ValueError(f"Nested dataset's output size mismatch. Expected {len(indices)}, got {len(column)}")
        return [self._sample(row) for row in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[Sample]):
    """Map-style datasets one after the other.

    Args:
        datasets: the datasets; at least one, none of them an :class:`IterableDataset`.

    Raises:
        AssertionError: no dataset, or an iterable one.

    Example:
        >>> joined = ConcatDataset([range(3), range(10, 12)])
        >>> [joined[i] for i in (2, 3, -1)]
        [2, 10, 11]
    """

    datasets: list[Dataset[Sample]]
    cumulative_sizes: list[int]

    @staticmethod
    def cumsum(sequence: Iterable[Any]) -> list[int]:
        """Running totals of the lengths of the items."""
        return list(itertools.accumulate(len(item) for item in sequence))

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset")
        self.cumulative_sizes = self.cumsum(self.datasets)

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx: int) -> Sample:
        if idx < 0:
            if -idx > len(self):
                raise ValueError("absolute value of index should not exceed dataset length")
            idx += len(self)
        part = bisect.bisect_right(self.cumulative_sizes, idx)
        before = self.cumulative_sizes[part - 1] if part else 0
        return self.datasets[part][idx - before]

    @property
    def cummulative_sizes(self) -> list[int]:
        """Deprecated spelling of ``cumulative_sizes``."""
        warnings.warn("`cummulative_sizes` attribute is renamed to `cumulative_sizes`", FutureWarning, stacklevel=2)
        return self.cumulative_sizes


class ChainDataset(IterableDataset):
    """Iterable datasets one after the other, each opened when its turn comes.

    Args:
        datasets: iterable of :class:`IterableDataset`.

    Raises:
        AssertionError: on iteration, when one of them is not an :class:`IterableDataset`.
    """

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self.datasets = datasets

    def _parts(self) -> Iterator[IterableDataset]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise AssertionError("ChainDataset only supports IterableDataset")
            yield dataset

    def __iter__(self) -> Iterator[Any]:
        return itertools.chain.from_iterable(self._parts())

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self._parts())  # type: ignore[arg-type]


class Subset(Dataset[Sample]):
    """The samples of a dataset at some indices.

    A subclass that overrides ``__getitem__`` has to override ``__getitems__`` too, because the loader calls the latter.

    Args:
        dataset: the whole dataset.
        indices: positions in it.

    Raises:
        NotImplementedError: a subclass overrides only ``__getitem__``.

    Example:
        >>> evens = Subset(range(10), [0, 2, 4])
        >>> evens[2], len(evens)
        (4, 3)
    """

    dataset: Dataset[Sample]
    indices: Sequence[int]

    def __init__(self, dataset: Dataset[Sample], indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices
        if type(self).__getitem__ is not Subset.__getitem__ and type(self).__getitems__ is Subset.__getitems__:
            raise NotImplementedError(
                f"{type(self).__name__} overrides __getitem__ but not __getitems__. "
                "When subclassing Subset and overriding __getitem__, you must also override "
                "__getitems__ to ensure DataLoader works correctly with your custom logic. "
                "A simple implementation:\n\n"
                "def __getitems__(self, indices):\n"
                "    return [self.__getitem__(idx) for idx in indices]"
            )

    def __getitem__(self, idx: Any) -> Any:
        if isinstance(idx, list):
            return self.dataset[[self.indices[i] for i in idx]]
        return self.dataset[self.indices[idx]]

    def __getitems__(self, indices: list[int]) -> list[Sample]:
        return _samples(self.dataset, [self.indices[index] for index in indices])

    def __len__(self) -> int:
        return len(self.indices)


def _samples(dataset: Any, indices: list) -> list:
    """The samples at ``indices``, all at once where the dataset knows how."""
    if callable(getattr(dataset, "__getitems__", None)):
        return dataset.__getitems__(indices)
    return [dataset[index] for index in indices]


def gather(dataset: Any, indices: list[int]) -> list[Tensor] | None:
    """What ``default_collate`` makes of the samples at ``indices``, without ever making the samples.

    Args:
        dataset: any dataset.
        indices: positions in it.

    Returns:
        For a :class:`TensorDataset` (or a :class:`Subset` of one) whose tensors lie in host memory and need no gradient:
        one tensor of shape ``(len(indices), *tensor.shape[1:])`` a tensor. For every other dataset None.

    Raises:
        IndexError: an index is out of range.

    Example:
        >>> import powerhouse as ph
        >>> gather(TensorDataset(ph.arange(4) * 5), [3, 1])
        [tensor([15,  5])]
        >>> gather([10, 11], [0]) is None
        True
    """
    kind = type(dataset)
    if isinstance(dataset, Subset) and kind.__getitems__ is Subset.__getitems__:
        return gather(dataset.dataset, [dataset.indices[index] for index in indices])
    if not isinstance(dataset, TensorDataset) or kind.__getitem__ is not TensorDataset.__getitem__ or hasattr(kind, "__getitems__"):
        return None
    if not all(is_plain(tensor) for tensor in dataset.tensors):
        return None
    return [_take_rows(tensor, indices) for tensor in dataset.tensors]


def _take_rows(tensor: Tensor, indices: list[int]) -> Tensor:
    rows = array_of(tensor)
    chosen = np.asarray(indices, dtype=np.intp)
    outside = (chosen < -len(rows)) | (chosen >= len(rows))
    if outside.any():
        raise IndexError(f"TensorDataset: index {chosen[outside][0]} is out of bounds for dimension 0 with size {len(rows)}")
    out = batch_buffer((len(indices), *rows.shape[1:]), rows.dtype)
    # The bounds are checked, so "wrap" only resolves negative indices; the default mode would gather into a copy first.
    np.take(rows, chosen, axis=0, out=out, mode="wrap")
    return tensor_of(out)


def random_split(dataset: Dataset[Sample], lengths: Sequence[int | float], generator: Generator | None = None) -> list[Subset[Sample]]:
    """Splits a dataset at random into subsets that do not overlap.

    Args:
        dataset: the dataset to split.
        lengths: the sizes, which add up to ``len(dataset)``; or fractions that add up to 1: each gives
            ``floor(fraction * len(dataset))`` samples, and what is left goes to the subsets in turn, one each.
        generator: source of the permutation; the default generator when None.

    Returns:
        One :class:`Subset` a length.

    Raises:
        ValueError: a fraction outside [0, 1], or lengths that do not add up.

    Example:
        >>> parts = random_split(range(10), [0.7, 0.3], Generator().manual_seed(42))
        >>> [len(part) for part in parts]
        [7, 3]
    """
    size = len(dataset)  # type: ignore[arg-type]
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = _lengths_of_fractions(lengths, size)
    if sum(lengths) != size:
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    indices = stream_of(generator).randperm(size).tolist()
    ends = itertools.accumulate(lengths)
    return [Subset(dataset, indices[end - length : end]) for end, length in zip(ends, lengths, strict=True)]  # type: ignore[misc]


def _lengths_of_fractions(fractions: Sequence[float], size: int) -> list[int]:
    for position, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ValueError(f"Fraction at index {position} is not between 0 and 1")
    lengths = [math.floor(size * fraction) for fraction in fractions]
    for position in range(size - sum(lengths)):
        lengths[position % len(lengths)] += 1
    for position, length in enumerate(lengths):
        if length == 0:
            warnings.warn(f"Length of split at index {position} is 0. This might result in an empty dataset.", stacklevel=3)
    return lengths
