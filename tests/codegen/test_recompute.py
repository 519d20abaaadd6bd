"""The memory budget: less memory, more work, the same bits."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import powerhouse as torch
from powerhouse.codegen import show
from powerhouse.core import config
from powerhouse.engine import explain, native
from powerhouse.graph import memo

F, nn = torch.nn.functional, torch.nn


class Block(nn.Module):
    """Attention and a perceptron, with dropout."""

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(32), nn.LayerNorm(32)])
        self.qkv, self.out = nn.Linear(32, 96), nn.Linear(32, 32)
        self.mlp = nn.Sequential(nn.Linear(32, 128), nn.GELU(), nn.Linear(128, 32), nn.Dropout(0.2))

    def forward(self, x):
        q, k, v = (t.reshape(*t.shape[:2], 4, 8).transpose(1, 2) for t in self.qkv(self.norms[0](x)).chunk(3, -1))
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(x.shape)
        x = x + self.out(a)
        return x + self.mlp(self.norms[1](x))


def transformer():
    """A net on tokens."""
    return nn.Sequential(nn.Embedding(50, 32), *(Block() for _ in range(4)), nn.Linear(32, 50)), (4, 16)


def convolutions():
    """A net on images."""
    layers = [m for k in range(5) for m in (nn.Conv2d(8 if k else 3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * 144, 50)), (4, 3, 12, 12)


def recurrence():
    """A net over time."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.lstm, self.head = nn.Embedding(50, 16), nn.LSTM(16, 24, 2), nn.Linear(24, 50)

        def forward(self, x):
            return self.head(self.lstm(self.embedding(x))[0])

    return Net(), (9, 4)


def trained(make, budget, monkeypatch):
    """The losses and weights after some steps, and the program that trains."""
    programs, run = [], native.Program._run
    monkeypatch.setattr(native.Program, "_run", lambda self, *a: programs.append(self) or run(self, *a))
    memo.clear()
    with config.override(tier="native", memory_budget=budget):
        torch.manual_seed(0)
        net, shape = make()
        x = torch.randn(*shape) if len(shape) == 4 else torch.randint(0, 50, shape)
        y = torch.randint(0, 50, shape[:1] if len(shape) == 4 else shape)
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
        losses = []
        for _ in range(3):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x).reshape(-1, 50), y.reshape(-1))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    monkeypatch.setattr(native.Program, "_run", run)
    return losses, [p.detach().numpy() for p in net.parameters()], max(programs, key=lambda p: len(p.steps))


@pytest.mark.parametrize("make, part", [(transformer, 0.6), (convolutions, 0.9), (recurrence, 0.95)])
def test_less_memory_and_the_same_bits(make, part, monkeypatch):
    """Down to what is asked for, or (a byte is never enough) as far as it goes."""
    losses, weights, whole = trained(make, 0, monkeypatch)
    for budget in (int(part * whole.arena_size), 1):
        other_losses, other_weights, program = trained(make, budget, monkeypatch)
        assert losses == other_losses
        for a, b in zip(weights, other_weights, strict=True):
            np.testing.assert_array_equal(a, b)
        assert program.arena_size <= (budget if budget > 1 else part * whole.arena_size)
        assert any("(again)" in step for step in program.steps) and not any("(again)" in step for step in whole.steps)
        plan = program.plan
        show.check_schedule(plan.nodes, plan.results)
        show.check_memory(*plan)
        show.check_tasks(plan.nodes)


def test_what_is_within_the_budget_is_left_alone(monkeypatch):
    _, _, whole = trained(transformer, 0, monkeypatch)
    _, _, program = trained(transformer, whole.arena_size, monkeypatch)
    assert program.steps == whole.steps


def test_what_may_refuse_is_not_repeated(monkeypatch):
    """A bad index is found once, before anything is overwritten."""
    with config.override(tier="native", memory_budget=1):
        memo.clear()
        weight = torch.randn(20, 64, requires_grad=True)
        index = torch.randint(0, 20, (300,))
        x = weight[index]
        loss = (x.exp() * x.sin()).cumsum(0).tanh().sum()
        loss.backward()
        assert weight.grad.isfinite().all()
        with pytest.raises(IndexError):
            (weight[index + 1000].exp() * 2).sum().item()


def test_repeated_kernels_are_shown():
    """In what `explain` says, and counted."""
    with explain.recording() as log, config.override(tier="native", memory_budget=1):
        torch.manual_seed(0)
        net, shape = convolutions()
        loss = net(torch.randn(*shape)).square().mean()
        loss.backward()
        [p.grad.sum().item() for p in net.parameters()]
    seen = max(log.by_time(), key=lambda p: len(p.nodes))
    again = [k for k, n in enumerate(seen.nodes) if n.label.endswith("(again)")]
    assert again and all(seen.costs()[k].bytes > 0 for k in again)
