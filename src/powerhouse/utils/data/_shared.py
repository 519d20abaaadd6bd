"""How batches travel from a worker process to its parent: through anonymous shared memory, copied at most once.

A message is pickled with its large buffers left out. Each of them goes into a **block**: a piece of memory behind an
unlinked file descriptor, which both processes map. The descriptor crosses the worker's socket once; from then on the
socket carries the block's number. The parent's arrays lie directly over the block. When the last of them dies, the
block's number goes back to the worker with the next task, so an epoch turns over a handful of blocks: no page faults,
no descriptors piling up. (Where the system has no ``memfd``, that is outside Linux, whole messages go through the pipe.)

A block has no name in any file system: the kernel frees it with the last mapping, however the processes end.
"""

from __future__ import annotations

import copyreg
import io
import mmap
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from powerhouse.tensors import Tensor
from powerhouse.utils.data._arrays import array_of, tensor_of

_SMALL = 16 * 1024  # bytes; below it, copying through the socket is cheaper than turning over a block
_MOST_LEASES = 128  # blocks of one worker that the parent may hold before it copies: bounds the mappings of `list(loader)`
_CAN_SHARE = hasattr(os, "memfd_create")


class _Lease:
    """Memory of a block as NumPy sees it; calls ``on_end`` when the last array over it is gone."""

    __slots__ = ("__array_interface__", "_memory", "_on_end")

    def __init__(self, memory: np.ndarray, size: int, on_end: Callable[[], None]) -> None:
        address, readonly = memory.__array_interface__["data"]
        self.__array_interface__ = {"version": 3, "shape": (size,), "typestr": "|u1", "data": (address, readonly)}
        self._memory = memory  # keeps the mapping
        self._on_end = on_end

    def __del__(self) -> None:
        self._on_end()


class _Block:
    """A worker's side of a block. It is free when neither an array of the worker nor the parent uses it."""

    __slots__ = ("number", "memory", "descriptor", "used_here", "used_there")

    def __init__(self, number: int, size: int) -> None:
        self.number = number
        self.descriptor: int | None = os.memfd_create("powerhouse-batch")  # None once it has been sent
        os.ftruncate(self.descriptor, size)
        self.memory = _mapped(self.descriptor, size)
        self.used_here = self.used_there = False

    @property
    def free(self) -> bool:
        return not (self.used_here or self.used_there)

    def lease(self, size: int) -> np.ndarray:
        """``size`` bytes of the block as an array of uint8."""
        self.used_here = True
        return np.asarray(_Lease(self.memory, size, self._end_use_here))

    def _end_use_here(self) -> None:
        self.used_here = False


def _mapped(descriptor: int, size: int) -> np.ndarray:
    return np.frombuffer(mmap.mmap(descriptor, size), dtype=np.uint8)


class Sender:
    """The worker's end.

    Args:
        connection: the worker's end of a socket pair.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._blocks: list[_Block] = []
        self._by_address: dict[int, _Block] = {}

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """An uninitialised array that :meth:`send` will not have to copy."""
        size = int(np.prod(shape)) * dtype.itemsize
        if not _CAN_SHARE or size < _SMALL:
            return np.empty(shape, dtype)
        return self._free_block(size).lease(size).view(dtype).reshape(shape)

    def send(self, tag: tuple[int, ...], message: Any) -> None:
        """Sends a picklable object, its tensors and arrays through shared memory; the tag can be read without unpickling."""
        buffers: list[memoryview] = []
        payload = dumps(message, buffers if _CAN_SHARE else None)
        if _CAN_SHARE and len(payload) >= _SMALL:
            buffers.append(memoryview(payload))
            payload = b""
        places = [(self._placed(buffer), buffer.nbytes) for buffer in buffers]
        header = [(block.number, size, len(block.memory)) for block, size in places]
        self._connection.send_bytes(pickle.dumps((tag, payload, header), protocol=5))
        for block, _ in places:
            if block.descriptor is not None:
                reduction.send_handle(self._connection, block.descriptor, None)  # type: ignore[arg-type]
                os.close(block.descriptor)
                block.descriptor = None

    def release(self, numbers: list[int]) -> None:
        """The parent no longer uses these blocks."""
        for number in numbers:
            self._blocks[number].used_there = False

    def _placed(self, buffer: memoryview) -> _Block:
        """The block that holds the buffer: the one it was made in by :meth:`empty`, or a free one that it is copied to."""
        source = np.frombuffer(buffer, dtype=np.uint8)
        block = self._by_address.get(source.__array_interface__["data"][0])
        # What was sent before is a value that the parent may since have changed or given back.
        if block is None or block.used_there:
            block = self._free_block(len(source))
            block.memory[: len(source)] = source
        block.used_there = True
        return block

    def _free_block(self, size: int) -> _Block:
        fitting = [block for block in self._blocks if block.free and len(block.memory) >= size]
        if fitting:
            return min(fitting, key=lambda block: len(block.memory))
        # The unused tail of a power of two costs address space, no memory, and lets batches of similar sizes share blocks.
        block = _Block(len(self._blocks), 1 << max(size - 1, mmap.PAGESIZE - 1).bit_length())
        self._blocks.append(block)
        self._by_address[block.memory.__array_interface__["data"][0]] = block
        return block


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message that has come but has not been unpickled."""

    payload: Any
    buffers: list[np.ndarray]

    def open(self) -> Any:
        """The message. Its arrays and tensors lie in shared memory, which is theirs while they live."""
        return pickle.loads(self.payload, buffers=self.buffers)


class Receiver:
    """The parent's end.

    Args:
        connection: the parent's end of a socket pair.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._blocks: dict[int, np.ndarray] = {}
        self._released: list[int] = []  # only appended to by leases, which end in any thread at any time
        self._leased = 0

    def receive(self) -> tuple[tuple[int, ...], Parcel]:
        """The tag and the content of the next message.

        Raises:
            EOFError, OSError: the worker is gone.
        """
        tag, payload, header = pickle.loads(self._connection.recv_bytes())
        for number, _, capacity in header:
            if number not in self._blocks:
                self._blocks[number] = self._new_block(capacity)
        buffers = [self._lease(number, size) for number, size, _ in header]
        return tag, Parcel(payload or buffers.pop(), buffers)

    def take_released(self) -> list[int]:
        """Numbers of the blocks that came free since the last call, to be passed to :meth:`Sender.release`."""
        numbers = [self._released.pop() for _ in range(len(self._released))]
        self._leased -= len(numbers)
        return numbers

    def _new_block(self, capacity: int) -> np.ndarray:
        descriptor = reduction.recv_handle(self._connection)
        try:
            return _mapped(descriptor, capacity)
        finally:
            os.close(descriptor)

    def _lease(self, number: int, size: int) -> np.ndarray:
        self._leased += 1
        released = self._released
        lease = np.asarray(_Lease(self._blocks[number], size, lambda: released.append(number)))
        return lease.copy() if self._leased > _MOST_LEASES else lease


# ---- pickling --------------------------------------------------------------------------------------------------------


def dumps(message: Any, buffers: list[memoryview] | None = None) -> bytes:
    """Pickles an object in which tensors are pickled as their arrays.

    Args:
        message: what to pickle.
        buffers: receives the large buffers, which are then left out of the result; when None they are part of it.

    Returns:
        The pickle, for ``pickle.loads(result, buffers=buffers)``.
    """
    stream = io.BytesIO()
    pickler = pickle.Pickler(stream, protocol=5, buffer_callback=None if buffers is None else _keeper(buffers))
    pickler.dispatch_table = copyreg.dispatch_table | {Tensor: _reduced_tensor}
    pickler.dump(message)
    return stream.getvalue()


def _keeper(buffers: list[memoryview]) -> Callable[[pickle.PickleBuffer], bool]:
    def keep_out(buffer: pickle.PickleBuffer) -> bool:  # its result: "pickle it in-band"
        raw = buffer.raw()
        if raw.nbytes >= _SMALL:
            buffers.append(raw)
        return raw.nbytes < _SMALL

    return keep_out


def _reduced_tensor(tensor: Tensor) -> tuple[Any, ...]:
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not support crossing "
            "process boundaries. If you just want to transfer the data, call detach() on the tensor before serializing."
        )
    array = np.require(array_of(tensor), requirements=("C", "W"))
    buffer = pickle.PickleBuffer(array.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
    return _rebuilt_tensor, (buffer, array.dtype, tuple(tensor.shape), tensor.requires_grad)


def _rebuilt_tensor(buffer: Any, dtype: np.dtype, shape: tuple[int, ...], requires_grad: bool) -> Tensor:
    tensor = tensor_of(np.frombuffer(buffer, dtype=dtype).reshape(shape))
    return tensor.requires_grad_() if requires_grad else tensor


# ---- for the code that makes batches ---------------------------------------------------------------------------------

_sender: Sender | None = None  # of this process, when it is a worker


def use_sender(sender: Sender) -> None:
    """Makes :func:`batch_buffer` give memory of this worker's blocks."""
    global _sender
    _sender = sender


def batch_buffer(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An uninitialised array for a batch; in a worker process it lies in the memory in which the batch will travel."""
    return np.empty(shape, dtype) if _sender is None else _sender.empty(shape, dtype)
