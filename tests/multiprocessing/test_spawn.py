"""`multiprocessing`: Python's, and `start_processes`."""

from __future__ import annotations

import os
import signal
import time

import pytest

import powerhouse
from powerhouse import multiprocessing as mp


def _put_sum(rank, queue, x):
    queue.put((rank, (x + rank).sum().item()))


def _fail_at_one(rank):
    if rank == 1:
        raise ValueError("rank one is unwell")
    time.sleep(20)


def _kill_self(rank):
    os.kill(os.getpid(), signal.SIGKILL)


def _exit(rank):
    os._exit(7)


def test_tensors_reach_the_processes():
    """And their results come back."""
    queue = mp.get_context("fork").SimpleQueue()
    assert mp.start_processes(_put_sum, (queue, powerhouse.ones(3)), nprocs=2, start_method="fork") is None
    assert sorted(queue.get() for _ in range(2)) == [(0, 3.0), (1, 6.0)]


def test_the_first_failure_ends_all():
    """With the traceback of the process that raised."""
    began = time.monotonic()
    with pytest.raises(mp.ProcessRaisedException, match="Process 1 terminated with the following error:(.|\n)*rank one is unwell"):
        mp.start_processes(_fail_at_one, nprocs=2, start_method="fork")
    assert time.monotonic() - began < 15


def test_exits_are_told():
    """By signal and by code."""
    with pytest.raises(mp.ProcessExitedException, match="process 0 terminated with signal SIGKILL") as caught:
        mp.start_processes(_kill_self, start_method="fork")
    assert caught.value.signal_name == "SIGKILL" and caught.value.error_index == 0
    with pytest.raises(mp.ProcessExitedException, match="exit code 7"):
        mp.start_processes(_exit, start_method="fork")


def test_join_later():
    """`join=False` gives the context."""
    queue = mp.get_context("fork").SimpleQueue()
    context = mp.start_processes(_put_sum, (queue, powerhouse.ones(1)), join=False, start_method="fork")
    assert len(context.pids()) == 1
    while not context.join():
        pass
    assert queue.get() == (0, 1.0)


def test_sharing_strategy():
    """Kept; unknown ones are refused."""
    before = mp.get_sharing_strategy()
    mp.set_sharing_strategy("file_descriptor")
    assert mp.get_sharing_strategy() == "file_descriptor" and before in mp.get_all_sharing_strategies()
    mp.set_sharing_strategy(before)
    with pytest.raises(AssertionError, match="set_sharing_strategy"):
        mp.set_sharing_strategy("carrier pigeon")
    assert mp.Queue and mp.Process and mp.cpu_count() > 0
