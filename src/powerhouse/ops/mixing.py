"""Mixing along a dim: every output a weighted sum of a few elements, chosen by geometry alone. What resampling is made of."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..graph.op import primitive
from ..graph.symbol import Symbol, Type


class Taps(NamedTuple):
    """Which elements make an output, and with what weights: `kind` names the filter, `step` is the distance of outputs in elements.

    `corners`: the first and last elements of both sides lie on one another. `turned`: the transpose of this mixing.
    """

    kind: str
    source: int
    target: int
    step: float
    corners: bool
    turned: bool = False


class Table(NamedTuple):
    """Output i is `sum(weights[i, k] * x[index[i, k]] for k < members[i])`."""

    index: Any
    weights: Any
    members: Any


@primitive(linear=True)
def mix_along(x: Symbol, dim: int, taps: Taps) -> Type:
    """`x` with `dim` mixed by `taps`."""
    return Type((*x.shape[:dim], taps.source if taps.turned else taps.target, *x.shape[dim + 1 :]), x.dtype)


mix_along.vjp(lambda g, out, x, dim, taps: (mix_along(g, dim, taps._replace(turned=not taps.turned)),))


@mix_along.reference
def _(x: Any, dim: int, taps: Taps) -> Any:
    index, weights, members = table(taps)
    if index.shape[1] == 1 and np.all(weights == 1) and np.all(members == 1):
        return x.take(index[:, 0], dim)
    wide = x.astype(np.float32) if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else x
    # As a product with a matrix of mostly zeros where that is faster; an infinity or nan would spread through its zeros.
    dense = x.shape[dim] <= _DENSE and np.isfinite(wide.sum())
    return (_by_matrix if dense else _by_taps)(wide, dim, taps).astype(x.dtype, copy=False)


_DENSE = 256


def _by_matrix(x: Any, dim: int, taps: Taps) -> Any:
    weights = _matrix(taps).astype(x.dtype)
    if dim == x.ndim - 1:
        return np.matmul(x, weights.T)
    flat = x.reshape(*x.shape[: dim + 1], -1)
    return np.matmul(weights, flat).reshape(*x.shape[:dim], len(weights), *x.shape[dim + 1 :])


def _by_taps(x: Any, dim: int, taps: Taps) -> Any:
    index, weights, members = table(taps)
    weights = weights.astype(x.dtype)
    out = np.zeros((*x.shape[:dim], len(members), *x.shape[dim + 1 :]), x.dtype)
    column = (-1, *(1,) * (x.ndim - dim - 1))
    for k in range(index.shape[1]):
        rows = np.flatnonzero(members > k)
        out[(*(slice(None),) * dim, rows)] += x.take(index[rows, k], dim) * weights[rows, k].reshape(column)
    return out


@lru_cache(maxsize=256)
def _matrix(taps: Taps) -> Any:
    """The weights as a matrix (outputs, elements)."""
    index, weights, members = table(taps)
    out = np.zeros((len(members), taps.target if taps.turned else taps.source))
    for k in range(index.shape[1]):
        rows = np.flatnonzero(members > k)
        out[rows, index[rows, k]] += weights[rows, k]
    return out


@lru_cache(maxsize=256)
def table(taps: Taps) -> Table:
    """The elements and weights of `taps`."""
    if taps.turned:
        return _turned(table(taps._replace(turned=False)), taps.source)
    return _FILTERS[taps.kind](taps)


def _turned(forward: Table, source: int) -> Table:
    """The transpose: for each element, the outputs that it is part of."""
    live = np.arange(forward.index.shape[1]) < forward.members[:, None]
    outputs, elements, weights = np.nonzero(live)[0], forward.index[live], forward.weights[live]
    order = np.argsort(elements, kind="stable")
    outputs, elements, weights = outputs[order], elements[order], weights[order]
    members = np.bincount(elements, minlength=source)
    rank = np.arange(len(elements)) - np.repeat(np.cumsum(members) - members, members)
    index = np.zeros((source, max(int(members.max(initial=0)), 1)), np.int64)
    mixed = np.zeros(index.shape)
    index[elements, rank], mixed[elements, rank] = outputs, weights
    return Table(index, mixed, members)


def _all_members(index: Any, weights: Any) -> Table:
    return Table(index, weights, np.full(len(index), index.shape[1]))


def _nearest(taps: Taps) -> Table:
    # In float32, as PyTorch rounds: at ratios such as 1 / 3 the chosen element depends on it.
    shift = np.float32(0.5 if taps.kind == "nearest-exact" else 0)
    index = np.floor((np.arange(taps.target, dtype=np.float32) + shift) * np.float32(taps.step)).astype(np.int64)
    return _all_members(np.minimum(index, taps.source - 1)[:, None], np.ones((taps.target, 1)))


def _centers(taps: Taps) -> Any:
    """Where each output lies among the elements."""
    i = np.arange(taps.target, dtype=np.float64)
    return i * taps.step if taps.corners else (i + 0.5) * taps.step - 0.5


def _linear(taps: Taps) -> Table:
    at = np.maximum(_centers(taps), 0)
    low = np.minimum(np.floor(at).astype(np.int64), taps.source - 1)
    upper = np.minimum(at - low, 1)
    return _all_members(np.stack([low, np.minimum(low + 1, taps.source - 1)], 1), np.stack([1 - upper, upper], 1))


def cubic_kernel(a: float) -> Callable[[Any], Any]:
    """The cubic convolution kernel with slope `a` at 1. Source: Keys, 1981."""

    def kernel(distance: Any) -> Any:
        t = np.abs(distance)
        near = ((a + 2) * t - (a + 3)) * t * t + 1
        far = ((t - 5) * t + 8) * t * a - 4 * a
        return np.where(t <= 1, near, np.where(t < 2, far, 0.0))

    return kernel


def _cubic(taps: Taps) -> Table:
    at = _centers(taps)
    index = np.floor(at).astype(np.int64)[:, None] + np.arange(-1, 3)
    return _all_members(np.clip(index, 0, taps.source - 1), cubic_kernel(-0.75)(at[:, None] - index))


def _hat(distance: Any) -> Any:
    return np.maximum(1 - np.abs(distance), 0)


def _lanczos3(distance: Any) -> Any:
    return np.where(np.abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0.0)


def _smooth(radius: float, kernel: Callable[[Any], Any]) -> Callable[[Taps], Table]:
    """A filter that widens with the step when the result is smaller than the source, so that nothing is skipped (antialiasing)."""

    def build(taps: Taps) -> Table:
        widen = max(taps.step, 1.0)
        center = (np.arange(taps.target) + 0.5) * taps.step
        first = np.maximum((center - radius * widen + 0.5).astype(np.int64), 0)
        last = np.minimum((center + radius * widen + 0.5).astype(np.int64), taps.source)
        at = np.arange(int(np.max(last - first, initial=1)))
        weights = np.where(at < (last - first)[:, None], kernel((at + (first - center)[:, None] + 0.5) / widen), 0.0)
        return Table(np.minimum(first[:, None] + at, taps.source - 1), weights / weights.sum(1, keepdims=True), last - first)

    return build


_FILTERS: dict[str, Callable[[Taps], Table]] = {
    "nearest": _nearest,
    "nearest-exact": _nearest,
    "linear": _linear,
    "cubic": _cubic,
    "smooth linear": _smooth(1, _hat),
    "smooth cubic": _smooth(2, cubic_kernel(-0.5)),
    "smooth lanczos": _smooth(3, _lanczos3),
}
