"""Random integers from raw draws: what a range means in each dtype, and shuffling without a Python loop."""

from __future__ import annotations

import warnings

import numpy as np

from powerhouse.core import dtypes
from powerhouse.core.dtypes import dtype as DType

INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1

# dtype: (bits of precision, largest finite number)
REALS = {
    dtypes.float16: (11, 65504.0),
    dtypes.bfloat16: (8, float.fromhex("0x1.fep127")),
    dtypes.float32: (24, float(np.finfo(np.float32).max)),
    dtypes.float64: (53, float(np.finfo(np.float64).max)),
}
HALVES = (dtypes.float16, dtypes.bfloat16)


def remainder(draws: np.ndarray, divisor: np.unsignedinteger) -> np.ndarray:
    """draws % divisor, faster: NumPy vectorizes only the division."""
    return draws - draws // divisor * divisor


def shuffle(targets: np.ndarray) -> np.ndarray:
    """The order after swapping item i with item targets[i] for each i in turn, all at once; i <= targets[i] < n, shape (n,).

    Swap i takes the item at its target for good and puts there the item that had come to place i. So what a swap takes is what the
    swap before it at the same target put there, or the target itself; and what it puts is found by following the swaps that
    targeted place i, then their places, down to a place that none had targeted.
    """
    n = len(targets)
    swaps = np.arange(n)
    by_target = _stable_argsort(targets)
    same = targets[by_target[1:]] == targets[by_target[:-1]]
    before = np.full(n, -1)  # the previous swap with the same target
    before[by_target[1:]] = np.where(same, by_target[:-1], -1)
    onward = targets != swaps
    put = swaps.copy()  # the last swap that targeted place i, before swap i
    put[targets[onward]] = swaps[onward]  # NumPy keeps the last of several
    while not np.array_equal(put, put := put[put]):
        pass
    return np.where(before >= 0, put[before], targets)


def _stable_argsort(keys: np.ndarray) -> np.ndarray:
    """np.argsort(keys, kind="stable") of integers in [0, 2^32), six times as fast: NumPy's radix sort is for 16-bit keys only."""
    order = np.argsort(keys.astype(np.uint16), kind="stable")
    if len(keys) > 1 << 16:
        order = order[np.argsort((keys >> 16).astype(np.uint16)[order], kind="stable")]
    return order


def shuffle_inside_out(draws: np.ndarray) -> np.ndarray:
    """The inside-out Fisher-Yates: item i goes to one of the places 0 to i, whose item moves to place i. draws: uint64, shape (n,)."""
    order = np.empty(len(draws), np.int64)
    places = draws % np.arange(1, len(draws) + 1, dtype=np.uint64)
    for i, j in enumerate(places):
        order[i] = i
        order[i] = order[j]
        order[j] = i
    return order


def largest_integer(dtype: DType) -> int:
    """The largest of `dtype`, or 2^p for a real dtype of precision p."""
    if dtype in REALS:
        return 1 << REALS[dtype][0]
    return 1 if dtype is dtypes.bool_ else int(np.iinfo(dtype.numpy).max)


def _rounded(value: int, dtype: DType) -> int:
    """`value` stored as a real `dtype` and read back; itself where that leaves the dtype or int64."""
    if abs(value) > REALS[dtype][1]:
        return value
    stored = int(dtype.numpy.type(np.float32(value) if dtype in HALVES else value))
    return stored if stored <= INT64_MAX else value


def representable_from(low: int, dtype: DType) -> int:
    """`low`, moved up to the next number of `dtype` if rounding low + 1 would fall below it."""
    rounded = _rounded(low + 1, dtype)
    return rounded + _gap(low + 1, dtype) if rounded < low else low


def representable_to(high: int, dtype: DType) -> int:
    """`high`, moved down to the next number of `dtype` if rounding high - 1 would reach it."""
    rounded = _rounded(high - 1, dtype)
    return rounded - _gap(high - 1, dtype) if rounded >= high else high


def _gap(value: int, dtype: DType) -> int:
    """The distance of neighbours in `dtype` about a large `value`."""
    return 1 << (abs(value).bit_length() - REALS[dtype][0])


def check_integers(dtype: DType, low: int, last: int) -> None:
    """RuntimeError unless `dtype` reaches from `low` to `last`; a warning, as PyTorch's, where it does so with gaps."""
    if dtype.is_complex or dtype not in REALS and dtype.is_floating_point:
        raise NotImplementedError(f'random_: "random_from_to_kernel_cpu" not implemented for {dtype}')
    least, greatest = _limits(dtype)
    for name, value in (("from", low), ("to - 1", last)):
        if not least <= value <= greatest:
            raise RuntimeError(f"random_: {name} is out of bounds for {dtype}: got {value}, expected {least} to {greatest}")
        if dtype in REALS and abs(value) > largest_integer(dtype):
            digits = REALS[dtype][0]
            message = f"random_: {name}={value} is out of bounds [-(2^{digits}), 2^{digits}], beyond which {dtype} skips integers"
            warnings.warn(message, UserWarning, stacklevel=4)


def _limits(dtype: DType) -> tuple[float, float]:
    if dtype in REALS:
        return -REALS[dtype][1], REALS[dtype][1]
    if dtype is dtypes.bool_:
        return 0, 1
    return int(np.iinfo(dtype.numpy).min), min(largest_integer(dtype), INT64_MAX)
