"""Windows over the last dims of a tensor: the geometry that convolution, pooling and folding share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from ..core.errors import require

Ints = tuple[int, ...]


def per_dim(value: Any, n: int, what: str, op: str) -> Ints:
    """A size for each of `n` dims, from an int, a sequence of one, or a sequence of `n`."""
    if isinstance(value, bool) or not isinstance(value, (int, tuple, list)):
        raise TypeError(f"{op}(): argument '{what}' must be int or tuple of {n} ints, not {type(value).__name__}")
    sizes = (value,) * n if isinstance(value, int) else tuple(value)
    sizes = sizes * n if len(sizes) == 1 else sizes
    if not all(isinstance(v, int) for v in sizes):
        raise TypeError(f"{op}(): argument '{what}' must be tuple of ints, got {value!r}")
    require(
        len(sizes) == n,
        op,
        f"expected {what} to be a single int or a tuple of {n} ints to match the window's dims, but got {what}={list(sizes)}",
    )
    return sizes


def windows_along(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """How many windows fit along a dim that is padded by `padding` in all."""
    return (size + padding - dilation * (kernel - 1) - 1) // stride + 1


# The elements read by one position inside each window, and the windows in which it lies inside the tensor.
Span = tuple[Any, Any]


class Windows(NamedTuple):
    """Equal windows at equal steps. One entry a dim: `start` is the padding before the first element, `count` the number of windows."""

    kernel: Ints
    stride: Ints
    start: Ints
    dilation: Ints
    count: Ints

    @property
    def repeats(self) -> bool:
        """Whether two windows can have the same element at the same position."""
        return False

    @property
    def disjoint(self) -> bool:
        """Whether no element is in two windows."""
        return all(s > d * (k - 1) for s, d, k in zip(self.stride, self.dilation, self.kernel, strict=True))

    def along(self, dim: int, size: int) -> list[Span]:
        """The span of each position along `dim`, as slices."""
        return [self._span(dim, at * self.dilation[dim] - self.start[dim], size) for at in range(self.kernel[dim])]

    def _span(self, dim: int, offset: int, size: int) -> Span:
        step = self.stride[dim]
        first = max(0, -(offset // step))
        last = min(self.count[dim], (size - 1 - offset) // step + 1)
        if last <= first:
            return slice(0, 0), slice(0, 0)
        return slice(first * step + offset, (last - 1) * step + offset + 1, step), slice(first, last)

    def elements(self, dim: int, size: int) -> Any:
        """The element that each position of each window reads along `dim`: an array (window, position)."""
        starts = np.arange(self.count[dim]) * self.stride[dim] - self.start[dim]
        return starts[:, None] + np.arange(self.kernel[dim]) * self.dilation[dim]


class AdaptiveWindows(NamedTuple):
    """Windows that divide each of `sizes` into `count` parts as evenly as can be.

    Window i reaches from floor(i size / count) to ceil((i + 1) size / count).
    """

    sizes: Ints
    count: Ints

    disjoint = False  # whether no element is in two windows: not said of these

    @property
    def kernel(self) -> Ints:
        """The size of the largest window along each dim."""
        return tuple(int(np.max(end - start, initial=1)) for start, end in map(self._bounds, range(len(self.count))))

    @property
    def repeats(self) -> bool:
        """Whether two windows can have the same element at the same position."""
        return any(n > m for n, m in zip(self.count, self.sizes, strict=True))

    def _bounds(self, dim: int) -> tuple[Any, Any]:
        size, count = self.sizes[dim], self.count[dim]
        i = np.arange(count)
        return i * size // max(count, 1), ((i + 1) * size + count - 1) // max(count, 1)

    def along(self, dim: int, size: int) -> list[Span]:
        """The span of each position along `dim`, as arrays of positions."""
        start, end = self._bounds(dim)
        inside = [np.flatnonzero(start + at < end) for at in range(self.kernel[dim])]
        return [(start[windows] + at, windows) for at, windows in enumerate(inside)]

    def elements(self, dim: int, size: int) -> Any:
        """The element that each position of each window reads along `dim`: an array (window, position)."""
        return self._bounds(dim)[0][:, None] + np.arange(self.kernel[dim])


def spans(windows: Windows | AdaptiveWindows, sizes: Ints) -> Iterator[Span]:
    """The span of each position inside a window, in row-major order, as indices of whole arrays."""
    box = _outer if isinstance(windows, AdaptiveWindows) else _plain
    for chosen in product(*[windows.along(dim, n) for dim, n in enumerate(sizes)]):
        yield box([read for read, _ in chosen]), box([having for _, having in chosen])


def _outer(positions: list[Any]) -> tuple[Any, ...]:
    return (..., *np.ix_(*positions))


def _plain(slices: list[slice]) -> tuple[Any, ...]:
    return (..., *slices)
