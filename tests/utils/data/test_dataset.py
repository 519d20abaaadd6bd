from __future__ import annotations

import pytest

import powerhouse as ph
from powerhouse.tensors import Generator
from powerhouse.utils.data import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from powerhouse.utils.data.dataset import gather


class Stream(IterableDataset):
    def __init__(self, *items):
        self.items = items

    def __iter__(self):
        return iter(self.items)

    def __len__(self):
        return len(self.items)


class Logged(Dataset):
    """Notes whether it was asked for samples one by one or at once."""

    def __init__(self, answer=None):
        self.calls, self.answer = [], answer

    def __len__(self):
        return 10

    def __getitem__(self, index):
        self.calls.append(index)
        return index

    def __getitems__(self, indices):
        self.calls.append(list(indices))
        return [10 * index for index in indices] if self.answer is None else self.answer


def test_dataset_is_abstract():
    with pytest.raises(NotImplementedError, match="Subclasses of Dataset should implement __getitem__"):
        Dataset()[0]
    with pytest.raises(TypeError):
        iter(IterableDataset())


def test_tensor_dataset():
    data = TensorDataset(ph.arange(6).reshape(3, 2), ph.arange(3))
    assert len(data) == 3
    row, label = data[1]
    assert row.tolist() == [2, 3] and label.item() == 1
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        TensorDataset(ph.zeros(3), ph.zeros(4))


def test_concat():
    both = Logged() + Logged()
    assert isinstance(both, ConcatDataset) and len(both) == 20
    assert [both[i] for i in (0, 9, 10, 19, -1, -20)] == [0, 9, 0, 9, 9, 0]
    with pytest.raises(ValueError, match="absolute value of index should not exceed dataset length"):
        both[-21]
    with pytest.raises(AssertionError, match="should not be an empty iterable"):
        ConcatDataset([])
    with pytest.raises(AssertionError, match="does not support IterableDataset"):
        ConcatDataset([Stream()])
    with pytest.warns(FutureWarning, match="renamed"):
        assert both.cummulative_sizes == [10, 20]


def test_chain():
    chained = Stream(1, 2) + Stream(3)
    assert isinstance(chained, ChainDataset)
    assert list(chained) == [1, 2, 3] and len(chained) == 3
    with pytest.raises(AssertionError, match="only supports IterableDataset"):
        list(ChainDataset([[1]]))


def test_stack():
    assert StackDataset([1, 2], "ab")[1] == (2, "b")
    assert StackDataset(number=[1, 2], letter="ab")[0] == {"number": 1, "letter": "a"}
    assert StackDataset(Logged(), range(10)).__getitems__([1, 2]) == [(10, 1), (20, 2)]
    assert StackDataset(x=range(10), y=Logged()).__getitems__([3]) == [{"x": 3, "y": 30}]
    assert len(StackDataset(Logged())) == 10


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: StackDataset(), "At least one dataset"),
        (lambda: StackDataset([1], x=[1]), "both types are given"),
        (lambda: StackDataset([1], [1, 2]), "Size mismatch"),
        (lambda: StackDataset(x=[1], y=[1, 2]), "Size mismatch"),
        (lambda: StackDataset(Logged(answer=[1])).__getitems__([1, 2]), "Expected 2, got 1"),
    ],
)
def test_stack_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_subset_asks_for_a_batch_at_once():
    logged = Logged()
    subset = Subset(logged, [4, 5, 6])
    assert subset[2] == 6 and subset.__getitems__([0, 1]) == [40, 50] and len(subset) == 3
    assert logged.calls == [6, [4, 5]]
    assert Subset(range(10), [4, 5]).__getitems__([1, 0]) == [5, 4]


def test_subset_must_be_overridden_whole():
    class Half(Subset):
        def __getitem__(self, idx):
            return -1

    with pytest.raises(NotImplementedError, match="Half overrides __getitem__ but not __getitems__"):
        Half(range(3), [0])


def test_random_split_lengths():
    sizes = [len(part) for part in random_split(range(11), [0.5, 0.3, 0.2])]
    assert sizes == [6, 3, 2]
    parts = random_split(range(10), [3, 7], Generator().manual_seed(0))
    assert sorted(i for part in parts for i in part) == list(range(10))
    with pytest.raises(ValueError, match="Sum of input lengths does not equal"):
        random_split(range(10), [3, 8])
    with pytest.raises(ValueError, match="Fraction at index 0 is not between 0 and 1"):
        random_split(range(10), [-0.5, 1.5])
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        random_split(range(2), [1.0, 0.0])


def test_random_split_is_pytorchs():
    torch = pytest.importorskip("torch")
    ours = random_split(range(30), [0.3, 0.3, 0.4], Generator().manual_seed(42))
    theirs = torch.utils.data.random_split(range(30), [0.3, 0.3, 0.4], torch.Generator().manual_seed(42))
    assert [part.indices for part in ours] == [part.indices for part in theirs]


# ---- the fast path -----------------------------------------------------------------------------------------------------


def test_gather_takes_rows_through_subsets():
    data = TensorDataset(ph.arange(12).reshape(4, 3), ph.arange(4) * 10)
    rows, labels = gather(Subset(data, [3, 1, 0]), [0, 2, -1])
    assert rows.tolist() == [[9, 10, 11], [0, 1, 2], [0, 1, 2]]
    assert labels.tolist() == [30, 0, 0]
    with pytest.raises(IndexError, match="index 4 is out of bounds for dimension 0 with size 4"):
        gather(data, [0, 4])
    with pytest.raises(IndexError, match="index -5 is out of bounds"):
        gather(data, [-5])


def test_gather_makes_a_copy():
    data = TensorDataset(ph.zeros(2, 3))
    gather(data, [0, 1])[0].add_(1)
    assert data.tensors[0].tolist() == [[0, 0, 0], [0, 0, 0]]


def test_gather_leaves_special_datasets_alone():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            return tuple(2 * part for part in super().__getitem__(index))

    class AtOnce(TensorDataset):
        def __getitems__(self, indices):
            return [self[i] for i in indices]

    assert gather(Doubled(ph.arange(3)), [0]) is None
    assert gather(AtOnce(ph.arange(3)), [0]) is None
    assert gather(TensorDataset(ph.zeros(3, requires_grad=True)), [0]) is None
    assert gather(Subset(range(3), [1]), [0]) is None
