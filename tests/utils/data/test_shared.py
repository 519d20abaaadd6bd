"""The transport of batches, with both ends in this process."""

from __future__ import annotations

import gc
import multiprocessing
import pickle
import sys

import numpy as np
import pytest

import powerhouse as ph
from powerhouse.tensors import Tensor
from powerhouse.utils.data._shared import Receiver, Sender, dumps

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="without memfd everything goes through the pipe")

SIZE = 50_000


@pytest.fixture
def ends():
    ours, theirs = multiprocessing.Pipe()
    yield Sender(theirs), Receiver(ours)
    ours.close()
    theirs.close()


def sent(ends, message):
    sender, receiver = ends
    sender.send((7,), message)
    tag, parcel = receiver.receive()
    assert tag == (7,)
    return parcel.open()


def blocks(ends):
    return len(ends[0]._blocks)


def test_small_messages_need_no_block(ends):
    out = sent(ends, {"a": np.arange(5), "t": ph.arange(3), "s": "x"})
    assert out["a"].tolist() == [0, 1, 2, 3, 4] and out["t"].tolist() == [0, 1, 2] and out["s"] == "x"
    out["a"][0] = 9  # writable
    assert blocks(ends) == 0


def test_array_made_in_place_is_not_copied(ends):
    array = ends[0].empty((SIZE, 2), np.dtype(np.float32))
    array[:] = 1
    out = sent(ends, array)
    assert blocks(ends) == 1 and out.shape == (SIZE, 2) and out.dtype == np.float32
    array[3] = 5
    assert out[3].tolist() == [5, 5]


def test_tensor_made_in_place_is_not_copied(ends):
    from powerhouse.utils.data._arrays import tensor_of

    array = ends[0].empty((SIZE,), np.dtype(np.int64))
    array[:] = 1
    out = sent(ends, [tensor_of(array)])[0]
    assert isinstance(out, Tensor)
    array[3] = 5
    assert out[3].item() == 5 and blocks(ends) == 1


def test_other_arrays_are_copied(ends):
    array = np.arange(SIZE)
    out = sent(ends, array)
    array[:] = 0
    assert out[-1] == SIZE - 1
    inside = ends[0].empty((2 * SIZE,), np.dtype(np.int64))
    inside[:] = np.arange(2 * SIZE)
    tail = sent(ends, inside[SIZE:])
    inside[:] = 0
    assert tail[0] == SIZE


def test_what_was_sent_is_copied_the_second_time(ends):
    array = ends[0].empty((SIZE,), np.dtype(np.int64))
    array[:] = 1
    first, second = sent(ends, array), sent(ends, array)
    first[:] = 2
    assert second.max() == 1


def test_large_pickles_go_through_a_block(ends):
    words = ["word" * 100 + str(i) for i in range(1000)]
    assert sent(ends, words) == words and blocks(ends) == 1


def test_a_block_is_free_when_nobody_uses_it(ends):
    sender, receiver = ends
    out = sent(ends, np.arange(SIZE))
    row = out[5:10]
    del out
    gc.collect()
    assert receiver.take_released() == []  # a view still looks at it
    sent(ends, np.arange(SIZE))
    assert blocks(ends) == 2
    released = receiver.take_released()
    assert released == [1]
    sender.release(released)
    sent(ends, np.arange(SIZE // 2))
    assert blocks(ends) == 2  # the second one again, for something smaller
    assert row.tolist() == [5, 6, 7, 8, 9]
    del row
    assert sorted(receiver.take_released()) == [0, 1]


def test_a_block_in_use_by_the_sender_is_not_given_out(ends):
    sender, receiver = ends
    mine = sender.empty((SIZE,), np.dtype(np.int64))
    mine[:] = 3
    sent(ends, mine)
    sender.release(receiver.take_released())
    sent(ends, np.zeros(SIZE, np.int64))
    assert mine.min() == 3 and blocks(ends) == 2


def test_blocks_of_similar_sizes_are_shared(ends):
    sender, receiver = ends
    for size in (SIZE, SIZE + 1, SIZE + 500, SIZE - 500):
        assert len(sent(ends, np.zeros(size))) == size
        sender.release(receiver.take_released())
    assert blocks(ends) == 1


def test_dtypes(ends):
    for dtype in (ph.float16, ph.bfloat16, ph.complex64, ph.bool, ph.uint8):
        tensor = ph.ones(40_000, dtype=dtype)
        out = sent(ends, tensor)
        assert out.dtype == dtype and out.shape == tensor.shape and out.to(ph.float32).sum().item() == 40_000


def test_dumps_without_buffers():
    message = {"t": ph.arange(SIZE), "a": np.arange(SIZE)}
    out = pickle.loads(dumps(message))
    assert out["t"][-1].item() == out["a"][-1] == SIZE - 1
    out["t"].add_(1)
    assert out["t"][-1].item() == SIZE
