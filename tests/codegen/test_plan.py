"""The plan of a program: pieces of the arena never overlap while both are in use; the order keeps dependencies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("llvmlite")

import powerhouse as torch
from powerhouse.codegen.plan import ALIGN, Arena
from powerhouse.core import config
from powerhouse.engine import native
from powerhouse.engine.segment import RECORDER


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5)), max_size=60))
def test_pieces_in_use_do_not_overlap(steps):
    """Whatever is taken and given back; and no more is taken than all sizes together."""
    arena, used = Arena(), []
    for size, back in steps:
        at = arena.take(size)
        assert at % ALIGN == 0 and at + size <= arena.top
        assert all(at + max(size, 1) <= a or a + max(n, 1) <= at for a, n in used)
        used.append((at, size))
        for _ in range(min(back, len(used)) // 2):
            arena.give(*used.pop(len(used) // 2))
    assert arena.top <= sum(max(ALIGN, -(-n // ALIGN) * ALIGN) for n, _ in steps)


def test_all_given_back_is_one_piece():
    """Neighbours that are free become one."""
    arena = Arena()
    pieces = [(arena.take(100), 100) for _ in range(5)]
    for k in (3, 0, 4, 1, 2):
        arena.give(*pieces[k])
    assert arena.free == [(0, arena.top)]


def program_of(*tensors):
    """The native program that would compute the tensors."""
    with config.override(tier="native"):
        return native.program(tuple(RECORDER.now.segment.enter(t._storage) for t in tensors))


def test_an_update_in_place_takes_over_its_leaf():
    """What an elementwise kernel writes lies where the leaf was that dies."""
    x, g = torch.randn(100), torch.randn(100)
    float((x + g).sum())
    x.sub_(g * 0.1)
    (made,) = program_of(x).made
    assert made[3] >= 0


def test_a_leaf_that_is_read_elsewhere_is_not_overwritten():
    """The matrix product reads x after or before; either way both results are right."""
    with config.override(tier="native"):
        x = torch.randn(64, 64)
        before = x.numpy().copy()
        y = x @ x
        x.mul_(2.0)
        torch.synchronize() if hasattr(torch, "synchronize") else None
        np.testing.assert_allclose(y.numpy(), before @ before, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(x.numpy(), before * 2)


def test_chains_need_little_memory():
    """A chain of products needs two or three of its many results at once, and its operands packed."""
    a = torch.randn(128, 128)
    y = a
    for _ in range(20):
        y = (y @ a) * 0.1
    assert program_of(y).arena_size <= 6 * 128 * 128 * 4


def test_operands_of_a_concatenation_are_written_in_place():
    """No copy is made of pieces that kernels write."""
    with config.override(tier="native"):
        a, b = torch.randn(30, 40), torch.randn(20, 40)
        y = torch.cat([a * 2, b + 1, a - 1])
        p = program_of(y)
        assert len(p.code) == 3
        np.testing.assert_array_equal(y.numpy(), np.concatenate([a.numpy() * 2, b.numpy() + 1, a.numpy() - 1]))


def test_long_chains_of_leaves_do_not_need_themselves():
    """More ops on leaves than a group takes: the part that is read from memory is made before its readers (once, planning never ended)."""
    with config.override(tier="native"):
        x = torch.randn(5, 31, 31)
        y = torch.nn.LSTM(31, 4, batch_first=True)(x)[0]
        z = y.abs().log1p()
        torch.ones(3).sum().item()
        (z.mean() + y.mean()).backward()
        assert np.isfinite(z.sum().item())


def test_a_cycle_among_groups_ends(monkeypatch):
    """Should groups need one another, one of them is left to the reference tier."""
    from powerhouse.codegen import fuse

    monkeypatch.setattr(fuse._Grouping, "_hold", lambda self, s: None)
    test_long_chains_of_leaves_do_not_need_themselves()


def test_strides_count_in_what_they_are_taken_of():
    """`as_strided` of a value that is itself a view counts in that value's own order, not in the memory under it."""
    with config.override(tier="native"):
        x = torch.arange(24.0).reshape(4, 6).requires_grad_()
        y = (x * 1.0).as_strided((2, 3), (1, 2), 7)
        (y * y).sum().backward()
        want = np.zeros(24, np.float32)
        for i in range(2):
            for j in range(3):
                want[7 + i + 2 * j] += 2 * (7 + i + 2 * j)
        np.testing.assert_array_equal(x.grad.numpy().ravel(), want)


def test_what_takes_little_from_memory_is_computed_where_it_is_needed():
    """The one-hot targets of a cross entropy's gradient are never written: they are part of the kernel that goes over the logits."""
    x, target = torch.randn(64, 200), torch.randint(0, 200, (64,))
    weights = [torch.randn(200, 200).requires_grad_() for _ in range(3)]
    h = x
    for w in weights:
        h = torch.relu(h @ w)
    torch.nn.functional.cross_entropy(h, target).backward()
    program = program_of(*[w.grad for w in weights])
    one_hot = [n for n in program.plan.nodes if "eq" in n.label.split("+")]
    assert len(one_hot) == 1
    assert "exp" in one_hot[0].label.split("+")
