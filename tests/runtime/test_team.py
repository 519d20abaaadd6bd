"""The team of threads: every unit once, in order of the records, for any number of threads; forks, threads and refusals."""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from powerhouse.core import config
from powerhouse.runtime import memory, native, objects, team

# Adds 1 to each of its units' elements; where numbers[0] is not zero, it is stored in the status.
COUNT = """
define void @kernel(ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr %scratch) {
entry:
  %x = load ptr, ptr %pointers
  %refusal = load i64, ptr %numbers
  %refused = icmp ne i64 %refusal, 0
  br i1 %refused, label %refuse, label %loop
refuse:
  %cell = getelementptr ptr, ptr %pointers, i64 1
  %status = load ptr, ptr %cell
  store i64 %refusal, ptr %status
  ret void
loop:
  %i = phi i64 [ %begin, %entry ], [ %next, %loop ]
  %at = getelementptr i64, ptr %x, i64 %i
  %v = load i64, ptr %at
  %w = add i64 %v, 1
  store i64 %w, ptr %at
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %end
  br i1 %more, label %loop, label %leave
leave:
  ret void
}
"""


# Each unit waits, some seconds at most, until another one has begun in another thread; numbers[0] counts those that met nobody.
MEET = """
define void @kernel(ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr %scratch) {
entry:
  %begun = load ptr, ptr %pointers
  %before = atomicrmw add ptr %begun, i64 1 seq_cst
  br label %wait
wait:
  %n = phi i64 [ 0, %entry ], [ %n1, %again ]
  %now = load atomic i64, ptr %begun seq_cst, align 8
  %met = icmp sge i64 %now, 2
  br i1 %met, label %leave, label %again
again:
  %n1 = add i64 %n, 1
  %late = icmp sgt i64 %n1, 4000000000
  br i1 %late, label %alone, label %wait
alone:
  %old = atomicrmw add ptr %numbers, i64 1 seq_cst
  br label %leave
leave:
  ret void
}
"""


class Counting:
    """A program of `records` records over an array of `units`."""

    def __init__(self, records: int, units: int, grain: int = 1, refused: int = -1) -> None:
        self.x, self.status = np.zeros(units, np.int64), np.zeros(8, np.int64)
        self.pointers = np.array([memory.address(self.x), memory.address(self.status)])
        self.numbers = np.zeros(records, np.int64)
        if refused >= 0:
            self.numbers[refused] = 7
        function = native.addresses(COUNT)[0]
        at = memory.address(self.numbers)
        self.code = np.array([[function, memory.address(self.pointers), at + 8 * k, units, grain, 64] for k in range(records)])

    def run(self, shared: bool = True) -> None:
        """Run it."""
        team.run(self.code, 0, len(self.code), 64, shared, self.status)


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("units,grain", [(1, 1), (2, 1), (7, 1), (1000, 16), (1001, 64)])
def test_every_unit_is_done_once(threads, units, grain):
    """However the units are shared out."""
    with config.override(threads=threads):
        p = Counting(9, units, grain)
        for _ in range(20):
            p.run()
    assert (p.x == 9 * 20).all()


def test_threads_that_sleep_are_woken():
    """A member that has gone to sleep takes part in the next program."""
    with config.override(threads=3):
        p = Counting(3, 100)
        for pause in (0, 0.0005, 0.002, 0.01, 0.03):
            for _ in range(10):
                p.run()
                time.sleep(pause)
    assert (p.x == 150).all()


def test_threads_that_wait_for_pythons_lock_take_part():
    """A member that gives up spinning while Python runs, and has no lock to say so with, is not left asleep when a program begins."""
    begun, numbers, status = np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(8, np.int64)
    pointers = np.array([memory.address(begun)])
    code = np.array([[native.addresses(MEET)[0], memory.address(pointers), memory.address(numbers), 2, 1, 2]])
    interval = sys.getswitchinterval()
    sys.setswitchinterval(10)
    try:
        with config.override(threads=2):
            Counting(1, 100).run()
            until = time.perf_counter() + 0.1
            while time.perf_counter() < until:  # with Python's lock
                pass
            team.run(code, 0, 1, 64, True, status)
    finally:
        sys.setswitchinterval(interval)
    assert begun[0] == 2
    assert numbers[0] == 0, "the leader did all of the work"


def test_a_refusal_stops_the_program():
    """No record behind the one that refuses is run."""
    for threads in (1, 2):
        with config.override(threads=threads):
            p = Counting(5, 64, refused=2)
            p.run()
        assert p.status[0] == 7
        assert (p.x == 2).all()


def test_two_threads_at_once():
    """Programs of several Python threads do not disturb one another; who finds the team busy works alone."""
    with config.override(threads=2):
        programs = [Counting(50, 4096) for _ in range(3)]
        threads = [threading.Thread(target=lambda p=p: [p.run() for _ in range(50)]) for p in programs]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert all((p.x == 2500).all() for p in programs)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_has_a_team_of_its_own():
    """The threads of the parent are not in the child."""
    with config.override(threads=2):
        p = Counting(3, 1000)
        p.run()
        child = os.fork()
        if not child:
            p.run()
            os._exit(0 if (p.x == 6).all() else 1)
        assert os.waitpid(child, 0)[1] == 0
        p.run()
    assert (p.x == 6).all()


def test_addresses_are_those_of_numpy():
    """Read from the objects themselves, and filled in natively."""
    for a in (np.zeros(5), np.zeros((2, 3))[1:], np.array(3.0), np.zeros(0)):
        assert memory.address(a) == a.__array_interface__["data"][0]
    assert objects.is_cpython()


def test_large_buffers_are_used_again_when_nobody_holds_them():
    """A view keeps its memory; what is free comes back."""
    first = memory.empty((512, 512), np.dtype(np.float32))
    at, view = memory.address(first), first[3:]
    del first
    other = memory.empty((512, 512), np.dtype(np.float32))
    assert memory.address(other) != at
    del view
    assert memory.address(memory.empty((512 * 512,), np.dtype(np.int32))) == at


def test_only_what_nobody_else_holds_is_ours():
    """Buffers that may be overwritten: held by the list of leaves alone."""
    for shape in ((10,), (512, 512)):
        leaves = [memory.empty(shape, np.dtype(np.float32))]
        assert memory.is_ours(leaves, 0)
        view = leaves[0][1:]
        assert not memory.is_ours(leaves, 0)
        del view
        assert memory.is_ours(leaves, 0)
        held = leaves[0]
        assert not memory.is_ours(leaves, 0)
        assert held is leaves[0]
    assert memory.is_ours([np.arange(10)[2:]], 0)
    base = np.arange(10)
    assert not memory.is_ours([base[2:]], 0)
    assert not memory.is_ours([np.frombuffer(bytearray(40), np.float32)], 0)


def test_what_somebody_relies_on_is_not_written_to():
    """A weak reference says so."""
    leaves = [np.zeros((3, 4))]
    watched = weakref.ref(leaves[0])
    assert memory.is_alone(leaves, 0) and not memory.is_ours(leaves, 0)
    del watched
    assert memory.is_ours(leaves, 0)
