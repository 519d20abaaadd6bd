"""Checkpointing: the same numbers, less kept."""

from __future__ import annotations

import numpy as np

import powerhouse as torch
from powerhouse.engine import segment
from powerhouse.utils.checkpoint import checkpoint, checkpoint_sequential


def block(x, w):
    """Several results that backward needs."""
    for _ in range(3):
        x = torch.tanh(x @ w)
    return x


def gradients(run, read_first):
    """Gradients of a two-block net."""
    torch.manual_seed(0)
    x, w = torch.randn(4, 4, requires_grad=True), torch.randn(4, 4, requires_grad=True)
    loss = run(run(x, w), w).sum()
    if read_first:
        loss.item()
    loss.backward()
    return loss.item(), x.grad.tolist(), w.grad.tolist()


def test_same_values_and_gradients():
    """With and without a realization before backward."""
    for read_first in (False, True):
        for got, want in zip(gradients(lambda x, w: checkpoint(block, x, w), read_first), gradients(block, read_first), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-5)


def test_inner_results_are_not_kept():
    """The record of a realized segment holds no result from inside a checkpoint."""
    w = torch.ones(4, 4, requires_grad=True)
    x = torch.ones(4, 4)

    def kept(run):
        loss = run(x, w).sum()
        loss.item()
        return len(loss._storage.history.record.kept)

    assert kept(block) == 3
    assert kept(lambda x, w: checkpoint(block, x, w)) == 0


def test_random_numbers_are_the_same_in_both_passes():
    """Dropout inside a checkpoint."""

    def noisy(x):
        return torch.nn.functional.dropout(x, 0.5) * x

    torch.manual_seed(1)
    x = torch.ones(100, requires_grad=True)
    y = checkpoint(noisy, x)
    y.sum().backward()
    assert (x.grad == y.detach() * 2).all()
    after = torch.rand(1)
    torch.manual_seed(1)
    noisy(x)
    assert torch.rand(1).item() == after.item()


def test_sequential():
    """A list of layers in pieces."""
    x = torch.ones(3, requires_grad=True)
    out = checkpoint_sequential([torch.exp, torch.sin, torch.tanh, torch.cos], 2, x)
    out.sum().backward()
    y = torch.ones(3, requires_grad=True)
    torch.cos(torch.tanh(torch.sin(torch.exp(y)))).sum().backward()
    assert x.grad.tolist() == y.grad.tolist()
    assert segment.RECORDER.now.hold == 0
