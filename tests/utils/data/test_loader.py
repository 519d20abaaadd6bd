"""The loader in one process: options, order, random streams."""

from __future__ import annotations

import multiprocessing
import pickle
import warnings

import numpy as np
import pytest

import powerhouse as ph
import powerhouse.utils.data
from powerhouse.tensors import Generator, Tensor
from powerhouse.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset, get_worker_info


class Stream(IterableDataset):
    def __init__(self, size, claimed=None):
        self.size, self.claimed = size, size if claimed is None else claimed

    def __iter__(self):
        return iter(range(self.size))

    def __len__(self):
        return self.claimed


def lists(loader):
    return [batch.tolist() for batch in loader]


def test_batches():
    assert lists(DataLoader(range(5), batch_size=2)) == [[0, 1], [2, 3], [4]]
    assert lists(DataLoader(range(5), batch_size=2, drop_last=True)) == [[0, 1], [2, 3]]
    assert lists(DataLoader(range(2))) == [[0], [1]]
    assert lists(DataLoader([])) == []
    assert len(DataLoader(range(5), batch_size=2)) == 3 and len(DataLoader(range(5), batch_size=2, drop_last=True)) == 2


def test_no_batching():
    assert list(DataLoader(range(3), batch_size=None)) == [0, 1, 2]
    arrays = list(DataLoader([np.zeros(2), np.ones(2)], batch_size=None, sampler=[1]))
    assert isinstance(arrays[0], Tensor) and arrays[0].tolist() == [1, 1]
    assert list(DataLoader(Stream(3), batch_size=None)) == [0, 1, 2]


def test_samplers():
    assert lists(DataLoader(range(5), batch_size=2, sampler=[4, 0, 2])) == [[4, 0], [2]]
    loader = DataLoader(range(5), batch_sampler=[[4], [0, 2]])
    assert lists(loader) == [[4], [0, 2]] and len(loader) == 2 and loader.batch_size is None
    assert lists(DataLoader({"a": 1, "b": 2}, sampler="ba")) == [[2], [1]]


def test_own_collate_gets_a_list_of_samples():
    seen = []
    data = TensorDataset(ph.arange(3), ph.arange(3))
    list(DataLoader(data, batch_size=2, collate_fn=lambda samples: seen.append(samples)))
    assert [len(samples) for samples in seen] == [2, 1]
    assert type(seen[0]) is list and type(seen[0][0]) is tuple


def test_getitems_is_called_once_a_batch():
    class AtOnce(Dataset):
        def __len__(self):
            return 4

        def __getitems__(self, indices):
            return [10 * index for index in indices]

    assert lists(DataLoader(AtOnce(), batch_size=2)) == [[0, 10], [20, 30]]
    assert lists(DataLoader(Subset(AtOnce(), [3, 1]), batch_size=2)) == [[30, 10]]


def test_fast_path_gives_what_the_slow_path_gives():
    class Slow(TensorDataset):
        def __getitem__(self, index):
            return super().__getitem__(index)

    tensors = ph.arange(24).reshape(6, 2, 2), ph.arange(6) / 7
    order = [5, 0, 3, -1]
    fast = list(DataLoader(TensorDataset(*tensors), batch_size=3, sampler=order))
    slow = list(DataLoader(Slow(*tensors), batch_size=3, sampler=order))
    for left, right in zip(fast, slow, strict=True):
        assert isinstance(left, list) and isinstance(right, list)
        assert [(x.dtype, x.tolist()) for x in left] == [(x.dtype, x.tolist()) for x in right]


def test_streams():
    assert lists(DataLoader(Stream(5), batch_size=2)) == [[0, 1], [2, 3], [4]]
    assert lists(DataLoader(Stream(4), batch_size=2)) == [[0, 1], [2, 3]]
    assert lists(DataLoader(Stream(5), batch_size=2, drop_last=True)) == [[0, 1], [2, 3]]
    assert len(DataLoader(Stream(5), batch_size=2)) == 3 and len(DataLoader(Stream(5), batch_size=2, drop_last=True)) == 2
    assert len(DataLoader(Stream(5), batch_size=None)) == 5


def test_stream_longer_than_it_says():
    loader = DataLoader(Stream(3, claimed=2))
    assert len(loader) == 2
    with pytest.warns(UserWarning, match="was reported to be 2 .* but 3 samples have been fetched"):
        list(loader)


def test_iterators_are_independent():
    loader = DataLoader(range(4), batch_size=2)
    first, second = iter(loader), iter(loader)
    assert next(first).tolist() == next(second).tolist() == [0, 1]
    assert next(first).tolist() == [2, 3]
    with pytest.raises(StopIteration):
        next(first)
    assert next(second).tolist() == [2, 3] and len(first) == 2


def test_iterator_cannot_be_pickled():
    with pytest.raises(NotImplementedError, match="cannot be pickled"):
        pickle.dumps(iter(DataLoader(range(4))))


def test_fixed_attributes():
    loader = DataLoader(range(4))
    for name in ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"):
        with pytest.raises(ValueError, match=f"{name} attribute should not be set after DataLoader is initialized"):
            setattr(loader, name, None)
    loader.collate_fn = tuple
    assert list(loader)[0] == (0,)


def test_main_process_is_no_worker():
    assert get_worker_info() is None


def test_pinning_only_warns():
    with pytest.warns(UserWarning, match="'pin_memory' argument is set as true but no accelerator is found"):
        assert lists(DataLoader(range(2), pin_memory=True)) == [[0], [1]]


@pytest.mark.parametrize(
    ("error", "message", "options"),
    [
        (ValueError, "num_workers option should be non-negative", {"num_workers": -1}),
        (ValueError, "timeout option should be non-negative", {"timeout": -1}),
        (ValueError, "prefetch_factor option could only be specified in multiprocessing", {"prefetch_factor": 2}),
        (ValueError, "prefetch_factor option should be non-negative", {"prefetch_factor": -1, "num_workers": 1}),
        (ValueError, "prefetch_factor option should be positive", {"prefetch_factor": 0, "num_workers": 1}),
        (ValueError, "persistent_workers option needs num_workers > 0", {"persistent_workers": True}),
        (ValueError, "sampler option is mutually exclusive with shuffle", {"sampler": [0], "shuffle": True}),
        (ValueError, "batch_sampler option is mutually exclusive", {"batch_sampler": [[0]], "batch_size": 2}),
        (ValueError, "batch_sampler option is mutually exclusive", {"batch_sampler": [[0]], "drop_last": True}),
        (ValueError, "batch_size=None option disables auto-batching", {"batch_size": None, "drop_last": True}),
        (ValueError, "batch_size should be a positive integer value", {"batch_size": 0}),
        (ValueError, "can only be used with multi-process loading", {"multiprocessing_context": "fork"}),
        (ValueError, "should specify a valid start method in", {"multiprocessing_context": "teleport", "num_workers": 1}),
        (TypeError, "should be a valid context object or a string", {"multiprocessing_context": 3, "num_workers": 1}),
    ],
)
def test_contradicting_options(error, message, options):
    with pytest.raises(error, match=message):
        DataLoader(range(3), **options)


@pytest.mark.parametrize("options", [{"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}])
def test_streams_take_no_order(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"DataLoader with IterableDataset: expected unspecified {name} option, but got {name}="):
        DataLoader(Stream(3), **options)
    DataLoader(Stream(3), shuffle=False)


def test_context_is_kept():
    loader = DataLoader(range(3), num_workers=1, multiprocessing_context="spawn")
    assert loader.multiprocessing_context is multiprocessing.get_context("spawn")


def test_too_many_workers_warn():
    with pytest.warns(UserWarning, match="This DataLoader will create 5000 worker processes in total"):
        DataLoader(range(3), num_workers=5000)


@pytest.mark.parametrize(
    "options",
    [
        {"shuffle": True},
        {"shuffle": True, "batch_size": None},
        {"shuffle": True, "batch_size": 3, "drop_last": True},
        {"batch_size": 3},
        {"sampler": "eager", "batch_size": None},
        {"shuffle": True, "generator": 7},
    ],
    ids=str,
)
@pytest.mark.parametrize("num_workers", [0, 1])
def test_random_streams_are_pytorchs(options, num_workers):
    torch = pytest.importorskip("torch")
    def passes(lib, data_module, generator_type):
        """Two passes, and what the default generator gives after them."""

        class Eager:
            def __iter__(self):  # draws before the first index is asked for
                return iter(lib.randperm(10).tolist())

        chosen = dict(options, num_workers=num_workers)
        if "sampler" in chosen:
            chosen["sampler"] = Eager()
        if "generator" in chosen:
            chosen["generator"] = generator_type().manual_seed(chosen["generator"])
        lib.manual_seed(99)
        loader = data_module.DataLoader(list(range(10)), **chosen)
        return [lib.as_tensor(batch).tolist() for _ in range(2) for batch in loader], lib.rand(1).item()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about forking, from PyTorch
        expected = passes(torch, torch.utils.data, torch.Generator)
    assert passes(ph, powerhouse.utils.data, Generator) == expected
