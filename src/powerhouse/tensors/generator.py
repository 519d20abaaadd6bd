"""Generators: the random streams as users see them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.device import CPU, as_device
from ..graph.symbol import Type
from ..runtime.random import Mt19937
from .apply import wrap_array

_DEFAULT_SEED = 67280421310721


class Generator:
    """A stream of random numbers: PyTorch's CPU generator (Mersenne Twister), number for number.

    >>> import powerhouse as torch
    >>> g = torch.Generator().manual_seed(0)
    >>> torch.randperm(4, generator=g)
    tensor([0, 1, 3, 2])
    """

    def __init__(self, device: Any = "cpu") -> None:
        self.device = as_device(device, "Generator")
        self._stream = Mt19937(_DEFAULT_SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream anew from `seed`."""
        self._stream.seed(_checked(seed))
        return self

    def seed(self) -> int:
        """Start the stream anew from a seed of the operating system's, which is returned."""
        seed = int.from_bytes(os.urandom(8), "little") >> 1
        self.manual_seed(seed)
        return seed

    def initial_seed(self) -> int:
        """The seed from which the stream was started."""
        return self._stream.initial_seed()

    def get_state(self) -> Any:
        """The state, as a uint8 tensor that PyTorch understands."""
        state = np.array(self._stream.get_state(), np.uint8)
        return wrap_array(state, Type(state.shape, dt.uint8))

    def set_state(self, state: Any) -> Generator:
        """Continue from a state given by `get_state`."""
        self._stream.set_state(np.asarray(state._array(), np.uint8))
        return self

    def clone_state(self) -> Generator:
        """A generator that continues from here on its own."""
        other = Generator()
        return other.set_state(self.get_state())

    def __getstate__(self) -> Any:
        return {"state": np.array(self._stream.get_state(), np.uint8)}

    def __setstate__(self, state: Any) -> None:
        self.device, self._stream = CPU, Mt19937(_DEFAULT_SEED)
        self._stream.set_state(state["state"])


def _checked(seed: Any) -> int:
    try:
        seed = int(seed)
    except (TypeError, ValueError):
        raise TypeError(f"manual_seed(): argument 'seed' must be int, not {type(seed).__name__}") from None
    if not -0x8000000000000000 <= seed <= 0xFFFFFFFFFFFFFFFF:
        raise RuntimeError(f"manual_seed: Overflow when unpacking long long: {seed}")
    return seed & 0xFFFFFFFFFFFFFFFF


default_generator = Generator()


def stream_of(generator: Generator | None) -> Mt19937:
    """The stream of a generator; None is the default one."""
    if generator is not None and not isinstance(generator, Generator):
        raise TypeError(f"argument 'generator' must be torch.Generator, not {type(generator).__name__}")
    return (generator or default_generator)._stream


def manual_seed(seed: int) -> Generator:
    """Start the default stream from `seed`: the same script then draws the same numbers, and PyTorch's."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Start the default stream from a seed of the operating system's, which is returned."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed of the default stream."""
    return default_generator.initial_seed()


def get_rng_state() -> Any:
    """The state of the default stream, as a uint8 tensor."""
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    """Continue the default stream from a state given by `get_rng_state`."""
    default_generator.set_state(new_state)
