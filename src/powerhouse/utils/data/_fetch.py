"""Fetching: from what the sampler gives to a finished batch, the same in the main process and in a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from powerhouse.tensors import Tensor
from powerhouse.utils.data.collate import collate_tensor_fn, default_collate, default_collate_fn_map
from powerhouse.utils.data.dataset import gather


@dataclass(frozen=True)
class Recipe:
    """How a loader makes a batch.

    Args:
        dataset: the dataset.
        iterable: the dataset is a stream; an index says no more than how many samples are wanted.
        batched: an index is a list of indices (automatic batching), not a single one.
        drop_last: leave out a last batch of a stream that is too short.
        collate_fn: from the list of samples (or the sample, when not batched) to the batch.
    """

    dataset: Any
    iterable: bool
    batched: bool
    drop_last: bool
    collate_fn: Callable[[Any], Any]


def fetcher(recipe: Recipe) -> Callable[[Any], Any]:
    """A function from an index to its batch, good for one epoch; raises StopIteration when a stream has ended."""
    if recipe.iterable:
        return _stream_fetcher(recipe)
    return _batch_fetcher(recipe) if recipe.batched else lambda index: recipe.collate_fn(recipe.dataset[index])


def _batch_fetcher(recipe: Recipe) -> Callable[[list], Any]:
    dataset, collate_fn = recipe.dataset, recipe.collate_fn

    def fetch(indices: list) -> Any:
        batch = gather(dataset, indices) if _collates_by_default(collate_fn) else None
        if batch is not None:
            return batch
        if getattr(dataset, "__getitems__", None):
            return collate_fn(dataset.__getitems__(indices))
        return collate_fn([dataset[index] for index in indices])

    return fetch


def _collates_by_default(collate_fn: Callable[[Any], Any]) -> bool:
    return collate_fn is default_collate and default_collate_fn_map.get(Tensor) is collate_tensor_fn


def _stream_fetcher(recipe: Recipe) -> Callable[[Any], Any]:
    stream = iter(recipe.dataset)
    ended = False

    def fetch(index: Any) -> Any:
        nonlocal ended
        if ended:
            raise StopIteration
        if not recipe.batched:
            return recipe.collate_fn(next(stream))
        samples = [sample for _, sample in zip(index, stream)]
        ended = len(samples) < len(index)
        if not samples or (ended and recipe.drop_last):
            raise StopIteration
        return recipe.collate_fn(samples)

    return fetch
