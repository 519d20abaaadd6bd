"""Worker processes: what they are given, how their batches travel, and how everything ends."""

from __future__ import annotations

import gc
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from multiprocessing import resource_tracker
from pathlib import Path

import numpy as np
import pytest

import powerhouse as ph
from powerhouse.tensors import Tensor
from powerhouse.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, default_collate, get_worker_info

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

BIG = 100_000  # elements: travels through shared memory, not through the socket


class Make(Dataset):
    """Samples made by a function of the index."""

    def __init__(self, function, size=8):
        self.function, self.size = function, size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return self.function(index)


class Counting(IterableDataset):
    """Worker k gives sizes[k] numbers starting at 100 * k."""

    def __init__(self, *sizes):
        self.sizes = sizes

    def __iter__(self):
        worker = get_worker_info().id
        return iter(range(100 * worker, 100 * worker + self.sizes[worker]))


def lists(loader):
    return [batch.tolist() for batch in loader]


def blocks_mapped():
    return Path("/proc/self/maps").read_text().count("powerhouse-batch")


def descriptors():
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(autouse=True)
def nothing_is_left():
    """Whatever happens in a test, no process, descriptor or block of memory may stay."""
    resource_tracker.ensure_running()  # Python's helper process for spawning stays by itself
    before = descriptors()
    yield
    ph.synchronize()  # what has been recorded keeps its operands
    if multiprocessing.active_children() or blocks_mapped() or descriptors() > before:
        gc.collect()  # what an exception's traceback refers to
    assert multiprocessing.active_children() == []
    assert blocks_mapped() == 0
    assert descriptors() <= before


# ---- batches -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("num_workers", [1, 2])
def test_order(num_workers):
    loader = DataLoader(range(11), batch_size=2, num_workers=num_workers)
    assert lists(loader) == lists(loader) == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10]]


def test_shared_memory_is_turned_over():
    data = TensorDataset(ph.arange(20).reshape(20, 1) * ph.ones(1, BIG, dtype=ph.int64), ph.arange(20))
    most = 0
    for number, (big, small) in enumerate(DataLoader(data, batch_size=2, num_workers=1)):
        assert big[:, -1].tolist() == small.tolist() == [2 * number, 2 * number + 1]
        ph.synchronize()  # as an optimizer's step does: what has been recorded keeps its operands
        most = max(most, blocks_mapped())
    assert 1 <= most <= 5  # two ahead, one in the works, one or two here
    del big, small


def test_batches_outlive_the_workers():
    batches = list(DataLoader(Make(lambda i: ph.full((BIG,), i), size=4), num_workers=2))
    assert multiprocessing.active_children() == []
    assert [batch.sum().item() for batch in batches] == [0, BIG, 2 * BIG, 3 * BIG]
    batches[1].add_(1)  # they are ours to change
    assert [batch.sum().item() for batch in batches] == [0, 2 * BIG, 2 * BIG, 3 * BIG]
    view = batches[3][0, 5:]
    del batches
    assert view.sum().item() == 3 * (BIG - 5)
    del view


def test_many_batches_can_be_kept():
    batches = list(DataLoader(Make(lambda i: ph.full((5000,), i), size=300), num_workers=1))
    assert [batch[0, -1].item() for batch in batches] == list(range(300))
    assert blocks_mapped() <= 150  # the rest were copied: mappings are limited


def test_structures_travel():
    def sample(i):
        return {
            "big": np.full((BIG, 2), i, np.float32),
            "strided": np.full((200, 300), i).T[::2],
            "text": f"{i}" * 20_000,
            "half": ph.full((16_384,), i, dtype=ph.bfloat16),
            "none": ph.zeros(0, 3),
            "scalar": ph.tensor(i),
            "mask": ph.tensor([True, False]),
        }

    (batch,) = DataLoader(Make(sample, size=2), batch_size=2, num_workers=1)
    assert batch["big"][:, -1].tolist() == [[0, 0], [1, 1]]
    assert tuple(batch["strided"].shape) == (2, 150, 200) and batch["strided"][1].sum().item() == 150 * 200
    assert batch["text"] == ["0" * 20_000, "1" * 20_000]
    assert batch["half"].dtype == ph.bfloat16 and batch["half"].sum().item() == 16_384
    assert tuple(batch["none"].shape) == (2, 0, 3)
    assert batch["scalar"].tolist() == [0, 1] and batch["scalar"].dtype == ph.int64
    assert batch["mask"].tolist() == [[True, False]] * 2
    del batch


def test_samples_travel_uncollated():
    out = list(DataLoader(Make(lambda i: (np.full(BIG, i), {"i": i}), size=2), batch_size=None, num_workers=1, collate_fn=lambda x: x))
    assert [type(array) for array, _ in out] == [np.ndarray, np.ndarray]
    assert out[1][0].sum() == BIG and out[1][1] == {"i": 1}
    del out


def test_gradients_do_not_travel():
    (leaf,) = DataLoader(Make(lambda i: ph.ones(BIG, requires_grad=True), size=1), batch_size=None, num_workers=1)
    assert leaf.requires_grad and leaf.is_leaf
    with pytest.raises(RuntimeError, match="refusing to serialize non-leaf tensor"):
        list(DataLoader(Make(lambda i: ph.ones(2, requires_grad=True) * 2, size=1), num_workers=1))
    del leaf


def test_a_batch_that_the_worker_keeps_is_not_overwritten():
    class Remembering:
        def __init__(self):
            self.kept = []

        def __call__(self, samples):
            self.kept.append(self.kept[0] if self.kept else default_collate(samples))
            return self.kept[0], ph.full((BIG,), len(self.kept))

    loader = DataLoader(Make(lambda i: ph.full((BIG,), i + 1)), num_workers=1, collate_fn=Remembering())
    assert [first.sum().item() for first, _ in loader] == [BIG] * 8


def test_large_indices_and_large_answers_do_not_block_each_other():
    keys = ["k" * 3000 + str(i) for i in range(600)]
    data = {key: key for key in keys}
    loader = DataLoader(data, batch_sampler=[keys[i : i + 20] for i in range(0, 600, 20)], num_workers=1, prefetch_factor=30)
    assert [key for batch in loader for key in batch] == keys


# ---- streams -------------------------------------------------------------------------------------------------------------


def test_streams_end_one_by_one():
    loader = DataLoader(Counting(5, 1), batch_size=2, num_workers=2)
    assert lists(loader) == [[0, 1], [100], [2, 3], [4]]
    assert lists(DataLoader(Counting(0, 3), num_workers=2)) == [[100], [101], [102]]
    assert lists(DataLoader(Counting(0, 0), num_workers=2)) == []
    assert lists(DataLoader(Counting(5, 3), batch_size=2, drop_last=True, num_workers=2)) == [[0, 1], [100, 101], [2, 3]]


def test_persistent_streams_start_again():
    loader = DataLoader(Counting(3, 1), num_workers=2, persistent_workers=True)
    assert lists(loader) == lists(loader) == [[0], [100], [1], [2]]
    del loader


# ---- what a worker is given ------------------------------------------------------------------------------------------------


def worker_facts(_):
    info = get_worker_info()
    return info.id, info.num_workers, info.seed, len(info.dataset), random.random(), np.random.rand(), ph.rand(1).item(), os.getpid()


def facts(**options):
    ph.manual_seed(5)
    loader = DataLoader(Make(worker_facts, size=4), batch_size=None, num_workers=2, collate_fn=tuple, **options)
    return list(loader)


def test_worker_info_and_seeds():
    first, second = facts(), facts()
    assert [row[0] for row in first] == [0, 1, 0, 1]
    assert all(row[1] == 2 and row[3] == 4 for row in first)
    assert first[1][2] == first[0][2] + 1
    assert [row[:-1] for row in first] == [row[:-1] for row in second]
    assert len({row[4:7] for row in first}) == 4  # no two samples see the same numbers
    assert len({row[-1] for row in first} | {os.getpid()}) == 3


def test_worker_seeds_are_pytorchs():
    torch = pytest.importorskip("torch")

    def their_facts(_):
        info = torch.utils.data.get_worker_info()
        return info.id, info.num_workers, info.seed, random.random(), np.random.rand(), torch.rand(1).item()

    torch.manual_seed(5)
    theirs = list(torch.utils.data.DataLoader(Make(their_facts, size=4), batch_size=None, num_workers=2, collate_fn=tuple))
    assert [(*row[:3], *row[4:7]) for row in facts()] == theirs


def test_init_function():
    def initialize(worker):
        get_worker_info().dataset.function = lambda i: 10 * worker + i

    loader = DataLoader(Make(None, size=4), num_workers=2, worker_init_fn=initialize)
    assert lists(loader) == [[0], [11], [2], [13]]


def test_persistent_workers():
    loader = DataLoader(Make(lambda i: os.getpid(), size=4), batch_size=2, num_workers=2, persistent_workers=True)
    first = {pid for batch in lists(loader) for pid in batch}
    for _ in loader:
        break  # leaves results of an abandoned pass under way
    assert {pid for batch in lists(loader) for pid in batch} == first and len(first) == 2
    del loader
    assert multiprocessing.active_children() == []


def test_spawned_workers():
    data = TensorDataset(ph.arange(4), ph.ones(4, 5000))
    loader = DataLoader(data, batch_size=2, num_workers=1, multiprocessing_context="spawn")
    assert [(x.tolist(), y.sum().item()) for x, y in loader] == [([0, 1], 10_000), ([2, 3], 10_000)]


def test_out_of_order():
    def sample(i):
        time.sleep(0.5 if i == 0 else 0)
        return i

    loader = DataLoader(Make(sample), num_workers=2, in_order=False)
    numbers = [batch.item() for batch in loader]
    assert sorted(numbers) == list(range(8)) and numbers[0] != 0


def test_iterators_side_by_side():
    loader = DataLoader(range(6), num_workers=1)
    pairs = [(a.item(), b.item()) for a, b in zip(loader, loader, strict=True)]
    assert pairs == [(i, i) for i in range(6)]


# ---- exceptions --------------------------------------------------------------------------------------------------------------


class TwoArguments(Exception):
    def __init__(self, first, second):
        super().__init__(first, second)


def raising(make):
    def sample(i):
        if i == 3:
            raise make()
        return i

    return Make(sample)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: ValueError("no such thing"), ValueError),
        (lambda: KeyError("no such thing"), KeyError),
        (lambda: TwoArguments("no such thing", 2), RuntimeError),  # cannot be made from a message
        (lambda: type("Local", (Exception,), {})("no such thing"), RuntimeError),  # cannot be pickled
    ],
)
def test_exceptions_come_in_their_turn(make, kind):
    iterator = iter(DataLoader(raising(make), num_workers=2))
    assert [next(iterator).item() for _ in range(3)] == [0, 1, 2]
    with pytest.raises(kind) as caught:
        next(iterator)
    text = str(caught.value)
    assert text.startswith("Caught ") and "in DataLoader worker process 1.\nOriginal Traceback (most recent call last):\n" in text
    assert "raise make()" in text and "no such thing" in text
    assert next(iterator).item() == 4  # and the pass goes on


def test_exception_in_init_function():
    def initialize(worker):
        raise ValueError("bad start")

    with pytest.raises(ValueError, match="(?s)Caught ValueError in DataLoader worker process 0.*bad start"):
        list(DataLoader(range(3), num_workers=1, worker_init_fn=initialize))


def test_exception_in_stream():
    class Broken(IterableDataset):
        def __iter__(self):
            yield 1
            raise OSError("disk on fire")

    iterator = iter(DataLoader(Broken(), num_workers=1))
    assert next(iterator).item() == 1
    with pytest.raises(OSError, match="disk on fire"):
        next(iterator)
    with pytest.raises(StopIteration):
        next(iterator)


def test_batch_that_cannot_be_pickled():
    with pytest.raises(RuntimeError, match="(?s)Caught .* in DataLoader worker process 0.*pickle"):
        list(DataLoader(Make(lambda i: lambda: i), num_workers=1, collate_fn=list))


class Unwelcome:
    def __setstate__(self, state):
        raise OSError("cannot be unpickled")

    def __getstate__(self):
        return {"some": "state"}


def test_batch_that_cannot_be_unpickled():
    iterator = iter(DataLoader(Make(lambda i: Unwelcome() if i == 1 else i, size=3), batch_size=None, num_workers=1))
    assert next(iterator) == 0
    with pytest.raises(OSError, match="cannot be unpickled"):
        next(iterator)
    assert next(iterator) == 2


def test_index_that_cannot_be_unpickled(capfd):
    with pytest.raises(RuntimeError, match="exited unexpectedly: exit code 1"):
        list(DataLoader(Make(lambda i: i), sampler=[Unwelcome()], num_workers=1))
    assert "cannot be unpickled" in capfd.readouterr().err


# ---- ends ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["killed by SIGKILL", "exit code 3"])
@pytest.mark.parametrize("persistent", [False, True])
def test_death_of_a_worker(how, persistent):
    def sample(i):
        if i == 5:
            os.kill(os.getpid(), signal.SIGKILL) if "SIGKILL" in how else os._exit(3)
        return ph.full((BIG,), i)

    loader = DataLoader(Make(sample), num_workers=2, persistent_workers=persistent)
    start = time.monotonic()
    with pytest.raises(RuntimeError, match=rf"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly: {how}"):
        list(loader)
    assert time.monotonic() - start < 5
    assert multiprocessing.active_children() == []
    loader.dataset.function = lambda i: i
    assert len(list(loader)) == 8  # a new pass starts new workers


def test_death_of_an_idle_worker():
    loader = DataLoader(Make(lambda i: i, size=50), num_workers=2)
    iterator = iter(loader)
    next(iterator)
    for process in multiprocessing.active_children():
        process.kill()
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        list(iterator)
    assert list(iterator) == []


def test_timeout():
    def sample(i):
        time.sleep(60)

    with pytest.raises(RuntimeError, match="DataLoader timed out after 0.2 seconds"):
        next(iter(DataLoader(Make(sample), num_workers=1, timeout=0.2)))


def test_leaving_early_is_quick():
    def sample(i):
        time.sleep(0.01)
        return ph.full((BIG,), i)

    loader = DataLoader(Make(sample, size=1000), batch_size=2, num_workers=2)
    start = time.monotonic()
    for _ in loader:
        break
    del _
    assert multiprocessing.active_children() == []
    assert time.monotonic() - start < 5


def test_leaving_stuck_workers():
    iterator = iter(DataLoader(Make(lambda i: time.sleep(60) if i else i), num_workers=2))
    next(iterator)
    start = time.monotonic()
    del iterator
    assert multiprocessing.active_children() == []
    assert time.monotonic() - start < 5


def test_a_fork_of_the_parent_leaves_the_workers_alone():
    loader = DataLoader(range(8), num_workers=1)
    iterator = iter(loader)
    assert next(iterator).item() == 0
    child = os.fork()
    if child == 0:
        del iterator
        os._exit(0)
    os.waitpid(child, 0)
    assert [batch.item() for batch in iterator] == list(range(1, 8))


def test_a_fork_of_the_parent_does_not_keep_workers_alive():
    iterator = iter(DataLoader(range(8), num_workers=1))
    child = os.fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    start = time.monotonic()
    assert len(list(iterator)) == 8
    assert multiprocessing.active_children() == [] and time.monotonic() - start < 5
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


SCRIPT = """
    import os, time
    from powerhouse.utils.data import DataLoader, Dataset

    class Slow(Dataset):
        def __len__(self):
            return 1000
        def __getitem__(self, index):
            if index:
                time.sleep({seconds})
            return os.getpid()

    def say(word):
        os.write(1, f"{{word}}\\n".encode())  # in one piece, whoever else writes

    for batch in DataLoader(Slow(), num_workers=2, worker_init_fn=lambda _: say(os.getpid())):
        say("first")
        {after}
"""


def started(seconds, after="pass"):
    """A program that is in the middle of loading, in a session of its own, and the ids of its workers."""
    script = textwrap.dedent(SCRIPT).format(seconds=seconds, after=after)
    pipe = subprocess.PIPE
    program = subprocess.Popen([sys.executable, "-c", script], stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    lines = [program.stdout.readline().strip() for _ in range(3)]
    if "first" not in lines:
        program.kill()
        pytest.fail(f"the program wrote {lines} and {program.communicate()[1]!r}")
    return program, [int(line) for line in lines if line != "first"]


def gone(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


def all_gone(pids, seconds=8):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not all(gone(pid) for pid in pids):
        time.sleep(0.05)
    return all(gone(pid) for pid in pids)


@pytest.mark.parametrize("seconds", [0.01, 60])
def test_orphans_end(seconds):
    program, workers = started(seconds)
    program.kill()
    program.communicate()
    assert all_gone(workers)


def test_interrupt_from_the_keyboard():
    program, workers = started(60)
    os.killpg(program.pid, signal.SIGINT)  # as a terminal does: to the workers too
    _, errors = program.communicate(timeout=10)
    assert all_gone([program.pid, *workers])
    assert errors.count("Traceback") == 1 and errors.strip().endswith("KeyboardInterrupt")


def test_end_of_the_program_in_the_middle_of_a_pass():
    program, workers = started(0.01, after="raise SystemExit(7)")
    _, errors = program.communicate(timeout=10)
    assert program.returncode == 7 and errors == ""
    assert all_gone(workers)


def test_tensors_are_tensors():
    (batch,) = DataLoader(Make(lambda i: np.zeros(BIG), size=1), num_workers=1)
    assert isinstance(batch, Tensor) and batch.dtype == ph.float64
    del batch
