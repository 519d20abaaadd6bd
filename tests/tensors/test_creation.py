"""New tensors: sizes in all their forms, dtypes, and the random streams."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse as torch


@pytest.mark.parametrize("make", [torch.zeros, torch.ones, torch.empty, torch.rand, torch.randn])
def test_sizes(make):
    """One by one, as one sequence, by name; none at all gives a 0-d tensor."""
    for t in (make(2, 3), make((2, 3)), make([2, 3]), make(torch.Size([2, 3])), make(size=(2, 3))):
        assert t.shape == (2, 3) and t.dtype is torch.float32
    assert make(()).shape == () and make(0).shape == (0,)
    with pytest.raises(RuntimeError, match="negative dimension -1"):
        make(-1)
    with pytest.raises(TypeError):
        make("2")


def test_dtypes_of_data():
    """Python numbers get the default types, arrays keep theirs, and what does not fit is refused."""
    assert torch.tensor(1).dtype is torch.int64 and torch.tensor(1.0).dtype is torch.float32
    assert torch.tensor([True, False]).dtype is torch.bool and torch.tensor(1j).dtype is torch.complex64
    assert torch.tensor(np.ones(2)).dtype is torch.float64 and torch.tensor([]).dtype is torch.float32
    assert torch.tensor([[1, 2.5]]).tolist() == [[1, 2.5]]
    assert torch.tensor([torch.ones(2), torch.zeros(2)]).tolist() == [[1, 1], [0, 0]]
    with pytest.raises(ValueError, match="expected sequences of equal length"):
        torch.tensor([[1, 2], [3]])
    with pytest.raises(TypeError, match="invalid data type 'str'"):
        torch.tensor(["a"])
    with pytest.raises(RuntimeError, match="Overflow"):
        torch.tensor([2**70])


def test_counting():
    """`arange` and `linspace` at their edges."""
    assert torch.arange(5).tolist() == [0, 1, 2, 3, 4] and torch.arange(1, 2, 0.25).tolist() == [1, 1.25, 1.5, 1.75]
    assert torch.arange(5, 0, -2).tolist() == [5, 3, 1] and torch.arange(0).shape == (0,)
    assert torch.linspace(0, 1, 5).tolist() == [0, 0.25, 0.5, 0.75, 1] and torch.linspace(3, 7, 1).tolist() == [3]
    with pytest.raises(RuntimeError, match="inconsistent with step sign"):
        torch.arange(0, 5, -1)


def test_filled_tensors_are_independent():
    """Two equal constants are two tensors."""
    a, b = torch.zeros(3), torch.zeros(3)
    a[0] = 1
    assert b.tolist() == [0, 0, 0]
    c = torch.full_like(a, 7)
    c += 1
    assert torch.full_like(a, 7).tolist() == [7, 7, 7] and c.tolist() == [8, 8, 8]


def test_streams_are_pytorchs():
    """A few numbers of PyTorch's CPU generator, and the state that goes on from where it was."""
    torch.manual_seed(0)
    assert torch.rand(3).tolist() == pytest.approx([0.49625658988952637, 0.7682217955589294, 0.08847743272781372])
    torch.manual_seed(0)
    assert torch.randint(0, 100, (4,)).tolist() == [44, 39, 33, 60]
    state = torch.get_rng_state()
    first = torch.randn(20).tolist()
    torch.set_rng_state(state)
    assert torch.randn(20).tolist() == first
    g = torch.Generator().manual_seed(3)
    assert torch.randperm(5, generator=g).tolist() == torch.randperm(5, generator=torch.Generator().manual_seed(3)).tolist()
