from __future__ import annotations

import pytest

import powerhouse as ph
import powerhouse.utils.data
from powerhouse.tensors import Generator
from powerhouse.utils.data import (
    BatchSampler,
    DistributedSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    WeightedRandomSampler,
)
from powerhouse.utils.data.sampler import use_process_group

SAME_AS_PYTORCH = {
    "random": lambda lib, data: data.RandomSampler(range(100)),
    "random, more than there are": lambda lib, data: data.RandomSampler(range(7), num_samples=17),
    "random, fewer than there are": lambda lib, data: data.RandomSampler(range(7), num_samples=4),
    "random with replacement": lambda lib, data: data.RandomSampler(range(50), replacement=True, num_samples=71),
    "random, own generator": lambda lib, data: data.RandomSampler(range(20), generator=lib.Generator().manual_seed(9)),
    "subset": lambda lib, data: data.SubsetRandomSampler([3, 1, 4, 1, 5, 9]),
    "weighted": lambda lib, data: data.WeightedRandomSampler([0.1, 0.9, 0.4, 0.7, 3.0, 0.6], 20),
    "weighted without replacement": lambda lib, data: data.WeightedRandomSampler([0.9, 0.4, 0.05, 0.2, 0.3], 5, replacement=False),
    "batches": lambda lib, data: data.BatchSampler(data.RandomSampler(range(10)), 3, False),
    "distributed": lambda lib, data: data.DistributedSampler(range(11), 3, 1, seed=5),
}


@pytest.mark.parametrize("name", SAME_AS_PYTORCH)
def test_random_streams_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    torch.manual_seed(1234)
    theirs = SAME_AS_PYTORCH[name](torch, torch.utils.data)
    expected = [list(theirs), list(theirs), torch.rand(2).tolist()]
    ph.manual_seed(1234)
    ours = SAME_AS_PYTORCH[name](ph, powerhouse.utils.data)
    assert [list(ours), list(ours), ph.rand(2).tolist()] == expected
    assert len(ours) == len(theirs) == len(expected[0])


def test_sequential():
    assert list(SequentialSampler("abc")) == [0, 1, 2] and len(SequentialSampler("abc")) == 3
    with pytest.raises(NotImplementedError):
        iter(Sampler())


def test_random_follows_a_growing_dataset():
    data = [0, 0]
    sampler = RandomSampler(data)
    data.append(0)
    assert sorted(sampler) == [0, 1, 2] and len(sampler) == 3


def test_random_generator_goes_on():
    generator = Generator().manual_seed(0)
    sampler = RandomSampler(range(100), generator=generator)
    assert list(sampler) != list(sampler)


@pytest.mark.parametrize(
    ("error", "message", "make"),
    [
        (TypeError, "replacement should be a boolean value, but got replacement=1", lambda: RandomSampler("ab", replacement=1)),
        (ValueError, "num_samples should be a positive integer value, but got num_samples=0", lambda: RandomSampler([])),
        (ValueError, "num_samples should be a positive integer", lambda: RandomSampler("ab", num_samples=2.0)),
        (ValueError, "num_samples should be a positive integer", lambda: WeightedRandomSampler([1.0], True)),
        (ValueError, "replacement should be a boolean", lambda: WeightedRandomSampler([1.0], 1, replacement=0)),
        (ValueError, r"weights should be a 1d sequence but given weights have shape \(1, 2\)", lambda: WeightedRandomSampler([[1, 2]], 1)),
        (ValueError, "batch_size should be a positive integer value, but got batch_size=0", lambda: BatchSampler([], 0, False)),
        (ValueError, "drop_last should be a boolean value, but got drop_last=2", lambda: BatchSampler([], 1, 2)),
        (ValueError, r"Invalid rank 2, rank should be in the interval \[0, 1\]", lambda: DistributedSampler([], 2, 2)),
        (ValueError, "Default process group has not been initialized", lambda: DistributedSampler([])),
    ],
)
def test_errors(error, message, make):
    with pytest.raises(error, match=message):
        make()


def test_batches():
    assert list(BatchSampler(range(7), 3, False)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(BatchSampler(range(7), 3, True)) == [[0, 1, 2], [3, 4, 5]]
    assert len(BatchSampler(range(7), 3, False)) == 3 and len(BatchSampler(range(7), 3, True)) == 2


@pytest.mark.parametrize("size", [0, 1, 2, 7, 8, 9])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_distributed_shares(size, drop_last, shuffle):
    shares = [list(DistributedSampler(range(size), 4, rank, shuffle, drop_last=drop_last)) for rank in range(4)]
    assert len({len(share) for share in shares}) == 1
    together = [index for row in zip(*shares) for index in row]
    if drop_last:
        assert len(together) == size // 4 * 4 == len(set(together))
    else:
        assert set(together) == set(range(size))


def test_distributed_epochs():
    sampler = DistributedSampler(range(100), 2, 0)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    assert list(sampler) != first


def test_distributed_asks_the_process_group():
    use_process_group(lambda: (3, 2))
    try:
        sampler = DistributedSampler(range(9), shuffle=False)
        assert (sampler.num_replicas, sampler.rank, list(sampler)) == (3, 2, [2, 5, 8])
    finally:
        use_process_group(None)


def test_pytorchs_module_names():
    from powerhouse.utils.data import dataloader, distributed

    assert distributed.DistributedSampler is DistributedSampler
    assert dataloader.DataLoader is powerhouse.utils.data.DataLoader
