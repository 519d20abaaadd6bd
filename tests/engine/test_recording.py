"""Recording and realization: the second time is free, memory is flat, errors come at the call, threads and forks are safe."""

from __future__ import annotations

import gc
import os
import threading
import tracemalloc

import numpy as np
import pytest

import powerhouse as torch
from powerhouse.core import config
from powerhouse.engine import segment
from powerhouse.graph import memo


def training_step():
    """A step of a small network, and its function."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(16, 4))
    opt = torch.optim.Adam(net.parameters(), lr=1e-2)
    x, y = torch.randn(5, 8), torch.randint(0, 4, (5,))

    def step(x=x, y=y):
        opt.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
        return loss

    return step


def test_a_repeated_step_misses_nothing():
    """After the second step no symbol is made and no question is asked that has not been asked before."""
    step = training_step()
    for _ in range(3):
        step().item()
    before = memo.stats()
    for _ in range(50):
        step().item()
    assert memo.stats() == before


def test_item_before_backward_misses_nothing():
    """The same when the loss is read before its backward, so that history is replanted at every step."""
    w = torch.ones(3, requires_grad=True)

    def step():
        loss = (w * w).sum()
        loss.item()
        loss.backward()
        w.grad = None

    for _ in range(3):
        step()
    before = memo.stats()
    for _ in range(20):
        step()
    assert memo.stats() == before


def grown_after(steps, function) -> int:
    """Bytes that Python's memory grows by over `steps` calls, after as many to warm up."""
    for i in range(steps // 5):
        function(i)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for i in range(steps):
        function(i)
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return after - before


def test_memory_is_flat_over_many_steps():
    """No reference is kept from step to step."""
    step = training_step()
    assert grown_after(400, lambda i: step()) < 100_000


def test_memory_is_flat_with_random_shapes():
    """The tables are bounded: shapes that never come again are forgotten."""
    step = training_step()
    rng = np.random.default_rng(0)
    with config.override(symbol_limit=4000):

        def random_step(i):
            n = int(rng.integers(1, 5000))
            step(torch.ones(n, 8), torch.zeros(n, dtype=torch.int64))
            assert len(memo.symbols) + len(memo.answers) < 8000

        for i in range(60):
            random_step(i)
        assert memo.stats()["cleared"] > 0


def test_dead_results_are_not_computed(monkeypatch):
    """Only what is alive when a segment is realized is computed."""
    x = torch.ones(3)
    torch.synchronize()
    seen = []
    original = segment._program
    monkeypatch.setattr(segment, "_program", lambda outputs, *how: seen.append(outputs) or original(outputs, *how))
    dead = x * 3
    alive = x * 2
    del dead
    torch.synchronize()
    assert [len(o) for o in seen] == [1]
    assert alive.tolist() == [2, 2, 2]


def test_scalars_are_not_part_of_the_structure():
    """A Python number that changes adds no symbol."""
    x = torch.ones(3)
    torch.synchronize()
    (x * 0.5).tolist()
    before = memo.stats()["symbols"]
    assert (x * 0.25).tolist() == [0.25] * 3
    assert memo.stats()["symbols"] == before


def test_numbers_of_different_type_are_told_apart():
    """1, 1.0 and True are equal in Python, but not in a graph."""
    x = torch.ones(2, dtype=torch.int64)
    assert (x + 1).dtype is torch.int64
    assert (x + 1.0).dtype is torch.float32
    assert (x**2).dtype is torch.int64
    assert (x**2.0).dtype is torch.float32
    assert torch.full((1,), True).dtype is torch.bool
    assert torch.full((1,), 1).dtype is torch.int64


def test_equal_parameters_keep_their_identity():
    """Two parameters with the same value and history are two variables."""
    a = torch.zeros(2, requires_grad=True)
    b = torch.zeros(2, requires_grad=True)
    (a * 2 + b * 3).sum().backward()
    assert a.grad.tolist() == [2, 2] and b.grad.tolist() == [3, 3]


def test_equal_results_keep_their_identity():
    """Two results of the same op on the same input are two tensors, for autograd too."""
    x = torch.ones(2, requires_grad=True)
    y1, y2 = x * 2, x * 2
    g1, g2 = torch.autograd.grad((y1 + 3 * y2).sum(), (y1, y2))
    assert g1.tolist() == [1, 1] and g2.tolist() == [3, 3]


def test_errors_come_at_the_call_and_name_the_op():
    """Shape and dtype errors are not late."""
    with pytest.raises(RuntimeError, match=r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 2x3\)"):
        torch.ones(2, 3) @ torch.ones(2, 3)
    with pytest.raises(RuntimeError, match=r"The size of tensor a \(3\) must match the size of tensor b \(4\)"):
        torch.ones(2, 3) + torch.ones(4)
    with pytest.raises(TypeError):
        torch.exp("a")


def test_a_failed_op_spoils_only_what_depends_on_it():
    """A value-dependent error names its op; the other results of the segment are there, and later work goes on."""
    table = torch.ones(3, 2)
    torch.synchronize()
    bad = table[torch.tensor([0, 7])]
    other = table + 1
    with pytest.raises(IndexError, match="index 7 is out of bounds for dimension 0 with size 3"):
        bad.tolist()
    with pytest.raises(IndexError):
        (bad * 2).tolist()
    assert other.tolist() == [[2, 2]] * 3
    assert (table + 1).tolist() == [[2, 2]] * 3


def test_eager_mode_runs_every_op_at_once():
    """With the flag `mode`, nothing is pending after a call."""
    with config.override(mode="eager"):
        torch.synchronize()
        x = torch.ones(3) * 2
        assert x._storage.buffer is not None
    torch.synchronize()


def test_threads_record_separately():
    """Each thread has a segment; tensors may be handed from one to another."""
    results, shared = {}, torch.ones(4) * 3

    def work(k):
        total = torch.zeros(4)
        for _ in range(50):
            total = total + shared * k
        results[k] = total.tolist()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {k: [150.0 * k] * 4 for k in range(4)}


def test_a_pending_tensor_of_another_thread_can_be_read():
    """Reading a tensor that is pending in another thread's segment realizes that segment."""
    box = {}
    ready, done = threading.Event(), threading.Event()

    def work():
        box["t"] = torch.ones(2) * 5
        ready.set()
        done.wait(10)
        box["after"] = (box["t"] + 1).tolist()

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(10)
    assert box["t"].tolist() == [5, 5]
    done.set()
    thread.join(10)
    assert box["after"] == [6, 6]


def test_fork_keeps_pending_work():
    """A forked child may go on with what was pending, and realize it by itself."""
    x = torch.ones(3) * 4
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(w, repr((x + 1).tolist()).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(r, 100) == b"[5.0, 5.0, 5.0]"
    assert x.tolist() == [4, 4, 4]


def test_long_chains_are_realized_in_pieces():
    """A segment is bounded, and deep graphs need no deep recursion."""
    with config.override(segment_limit=500):
        torch.synchronize()
        x = torch.zeros(2)
        for _ in range(3000):
            x = x + 1
        assert x.tolist() == [3000, 3000]
    y = torch.ones(1, requires_grad=True)
    z = y
    for _ in range(3000):
        z = z * 1.0
    z.sum().backward()
    assert y.grad.tolist() == [1]


def test_gradients_accumulate_in_eager_mode():
    """Writing one gradient realizes; the others must not be lost with their segment."""
    with config.override(mode="eager"):
        torch.synchronize()
        a, b = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
        for _ in range(2):
            (a * a + b * b * b * 2).sum().backward()
        assert a.grad.tolist() == [4] * 3 and b.grad.tolist() == [12] * 3
    torch.synchronize()


def test_gradients_survive_hooks_that_read_values():
    """A hook that realizes does not spoil the gradients that come after it."""
    seen = []
    a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    for t in (a, b):
        t.register_hook(lambda g: seen.append(g.tolist()))
        t.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.tolist()))
    (a * 2 + b * b * 3).sum().backward()
    assert sorted(seen) == [[2, 2], [2, 2], [6, 6], [6, 6]]
    assert [g.tolist() for g in torch.autograd.grad((a * 2 + b * b * 3).sum(), (a, b))] == [[2, 2], [6, 6]]


def test_partial_writes_reuse_memory_that_nothing_else_holds():
    """Filling a tensor row by row does not copy it, unless someone else sees the old value."""
    x = torch.zeros(4, 3)
    torch.synchronize()
    x[0] = 1.0
    torch.synchronize()
    address = x.data_ptr()
    x[1] = 2.0
    x[2] = 3.0
    torch.synchronize()
    assert x.data_ptr() == address
    x[2] = x[1] * 2
    before = x * 1
    old = x.clone()
    x[3] = 9.0
    assert before.tolist() == old.tolist() == [[1] * 3, [2] * 3, [4] * 3, [0] * 3]
    w = torch.ones(3, requires_grad=True)
    loss = (x * w).sum()
    loss.item()
    x[0] = 100.0
    torch.synchronize()
    loss.backward()
    assert w.grad.tolist() == [16] * 3, "a record of history keeps the value it needs"


def test_losses_in_a_list_keep_no_step_alive():
    """Keeping `loss` (or `loss.detach()`) of each step does not keep the step's inputs and old parameters."""
    w = torch.ones(100, 100, requires_grad=True)
    opt = torch.optim.SGD([w], lr=1e-3)
    losses = []

    def step(i):
        opt.zero_grad()
        loss = (torch.full((100,), 1.0 + i) @ w).square().mean()
        loss.backward()
        opt.step()
        losses.append(loss if i % 2 else loss.detach())

    assert grown_after(50, step) < 200_000
    with pytest.raises(RuntimeError, match="second time"):
        next(loss for loss in losses if loss.requires_grad).backward()


def test_detached_state_does_not_chain_steps():
    """A state that is detached at every step keeps one step alive, not all."""
    w = torch.ones(50, 50, requires_grad=True)
    state = [torch.ones(50, 50)]

    def step(i):
        state[0] = torch.tanh(state[0] @ w).detach()
        state[0].sum().item()

    assert grown_after(50, step) < 100_000
