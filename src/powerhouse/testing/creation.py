"""`make_tensor`."""

from __future__ import annotations

from typing import Any

from ..core import dtypes as dt
from ..core.shapes import as_shape
from ..graph.op import REGISTRY
from ..tensors import Tensor, empty, rand, randint
from ..tensors._settings import iinfo
from ..tensors.apply import apply


def make_tensor(
    *shape: Any,
    dtype: dt.dtype,
    device: Any = "cpu",
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of random values, uniform in [low, high).

    Args:
        dtype: for floating and complex dtypes the range is [-9, 9) unless given, for uint8 [0, 10), for other integers [-9, 10).
        noncontiguous: with gaps between the elements.
        exclude_zero: zeros become the smallest number above (1 for integers).

    >>> import powerhouse as torch
    >>> torch.testing.make_tensor(2, 3, dtype=torch.float32).shape
    torch.Size([2, 3])
    """
    if requires_grad and dtype.category < dt.FLOAT:
        raise ValueError(f"make_tensor: `requires_grad` must be False for boolean and integral dtypes, but got {dtype}")
    size = as_shape(shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape, "make_tensor")
    if low is not None and high is not None and low > high:
        raise ValueError(f"make_tensor: `low` must be less than `high`, but got {low} > {high}")
    drawn = (*size[:-1], 2 * size[-1]) if noncontiguous and size else size
    t = _drawn(drawn, dtype, low, high)
    if noncontiguous and size:
        t = t[..., ::2]
    if exclude_zero and dtype is not dt.bool_:
        smallest = 1 if dtype.category == dt.INTEGER else 2.0**-14
        t = t.masked_fill_(t == 0, smallest)
    if memory_format is not None:
        t = t.contiguous(memory_format=memory_format)
    return t.requires_grad_(requires_grad)


def _drawn(size: tuple[int, ...], dtype: dt.dtype, low: float | None, high: float | None) -> Tensor:
    if dtype is dt.bool_:
        return randint(0, 2, size, dtype=dtype)
    if dtype.category == dt.INTEGER:
        start = int((0 if not dtype.is_signed else -9) if low is None else low)
        end = int(10 if high is None else high)
        return randint(max(start, iinfo(dtype).min), max(end, start + 1), size, dtype=dtype) if size != (0,) else empty(size, dtype=dtype)
    start, end = (-9.0 if low is None else low), (9.0 if high is None else high)
    if dtype.is_complex:
        real = dtype.to_real()
        return apply(REGISTRY["complex"], tuple(rand(size, dtype=real) * (end - start) + start for _ in range(2)))
    drawn = rand(size, dtype=dt.float64 if dtype is dt.float64 else dt.float32)
    return (drawn * (end - start) + start).to(dtype)
