"""Windows: their maxima, sums, positions and what is given back, against the reference, for windows of all kinds."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from powerhouse.codegen.target import TARGETS
from powerhouse.core import config
from powerhouse.ops._windows import AdaptiveWindows, Windows, windows_along
from powerhouse.ops.folding import add_columns, window_columns
from powerhouse.ops.pooling import (
    window_argmax,
    window_max,
    window_pick,
    window_positions,
    window_spread,
    window_sum,
    window_unsum,
)
from powerhouse.ops.views import permute_dims
from powerhouse.runtime import native


def equal(sizes, kernel, stride, padding, dilation):
    """Equal windows."""
    along = zip(sizes, kernel, stride, padding, dilation, strict=True)
    return Windows(kernel, stride, padding, dilation, tuple(windows_along(n, k, s, 2 * p, d) for n, k, s, p, d in along))


POOLS = {
    "2x2": ((28, 28), equal((28, 28), (2, 2), (2, 2), (0, 0), (1, 1))),
    "3x3 two apart": ((13, 47), equal((13, 47), (3, 3), (2, 2), (1, 1), (1, 1))),
    "3x3 one apart": ((9, 40), equal((9, 40), (3, 3), (1, 1), (1, 1), (1, 1))),
    "dilated": ((13, 40), equal((13, 40), (3, 3), (2, 2), (1, 1), (2, 2))),
    "three apart": ((13, 40), equal((13, 40), (3, 2), (2, 3), (1, 1), (2, 1))),
    "gaps": ((13, 40), equal((13, 40), (1, 1), (2, 2), (0, 0), (1, 1))),
    "line": ((50,), equal((50,), (5,), (3,), (2,), (1,))),
    "dilated line": ((50,), equal((50,), (5,), (1,), (2,), (2,))),
    "block": ((5, 6, 21), equal((5, 6, 21), (2, 3, 2), (2, 2, 2), (1, 1, 1), (1, 1, 1))),
    "one": ((1, 1), equal((1, 1), (1, 1), (1, 1), (0, 0), (1, 1))),
    "evenly": ((28, 28), AdaptiveWindows((28, 28), (7, 7))),
    "unevenly": ((10, 13), AdaptiveWindows((10, 13), (3, 4))),
    "repeated": ((3, 4), AdaptiveWindows((3, 4), (5, 6))),
    "uneven line": ((7,), AdaptiveWindows((7,), (3,))),
    "uneven block": ((4, 5, 6), AdaptiveWindows((4, 5, 6), (3, 2, 4))),
}


def whole(*shape, dtype="float32", seed=0):
    """Random small integers, so that there are equals, and sums are exact."""
    values = np.random.default_rng((seed, *shape)).integers(-3, 9, shape)
    return np.abs(values).astype(dtype) if dtype[0] == "u" else values.astype(dtype)


def check_pool(lowered, x, sizes, windows, seed=1):
    """All that is done with the windows of `x`."""
    best = window_max(x, windows)
    choice = window_argmax(x, best, windows)
    g = lowered.leaf(whole(*best.shape, dtype=lowered.value(x).dtype.str[1:], seed=seed))
    for s in (
        best,
        choice,
        window_pick(x, choice, windows),
        window_positions(choice, sizes, windows),
        window_spread(g, choice, sizes, windows),
        window_sum(x, windows),
        window_unsum(g, sizes, windows),
    ):
        lowered.check(s, None if lowered.value(s).dtype.kind in "iu" else 1e-6)


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("dtype", ("f4", "f8"))
def test_floats(lowered, pool, dtype):
    """Of planes in a batch, of one plane, and of a view."""
    sizes, windows = POOLS[pool]
    for outer in ((2, 3), (1,), ()):
        check_pool(lowered, lowered.leaf(whole(*outer, *sizes, dtype=dtype)), sizes, windows)
    turned = lowered.leaf(whole(*sizes, 3, dtype=dtype))
    check_pool(lowered, permute_dims(turned, (len(sizes), *range(len(sizes)))), sizes, windows)


@pytest.mark.parametrize("dtype", ("u1", "i8"))
def test_integers(lowered, dtype):
    """Of integers, to the bit."""
    for pool in ("3x3 two apart", "3x3 one apart", "unevenly"):
        sizes, windows = POOLS[pool]
        check_pool(lowered, lowered.leaf(whole(2, *sizes, dtype=dtype)), sizes, windows)


@pytest.mark.parametrize("pool", POOLS)
def test_nan_and_infinity(lowered, pool):
    """A window with a nan has a nan, the last one; one of -inf alone has its first position."""
    sizes, windows = POOLS[pool]
    a = whole(4, *sizes)
    rng = np.random.default_rng(1)
    a[rng.random(a.shape) < 0.1] = np.nan
    a[2:][rng.random(a[2:].shape) < 0.8] = -np.inf
    x = lowered.leaf(a)
    best = window_max(x, windows)
    lowered.check(best)
    lowered.check(window_argmax(x, best, windows))


def test_empty(lowered):
    """No planes at all."""
    sizes, windows = POOLS["2x2"]
    check_pool(lowered, lowered.leaf(whole(0, 3, *sizes)), sizes, windows)


@pytest.mark.parametrize("pool", [name for name, (_, windows) in POOLS.items() if isinstance(windows, Windows)])
def test_columns(lowered, pool):
    """Windows as columns, and back."""
    sizes, windows = POOLS[pool]
    x = lowered.leaf(whole(2, 3, *sizes))
    columns = window_columns(x, windows)
    lowered.check(columns)
    lowered.check(add_columns(lowered.leaf(whole(*columns.shape, seed=2)), sizes, windows), 1e-6)


def test_large_windows(lowered):
    """Positions beyond a byte."""
    sizes = (20, 40)
    windows = equal(sizes, (18, 17), (1, 2), (0, 0), (1, 1))
    check_pool(lowered, lowered.leaf(whole(2, *sizes)), sizes, windows)


@pytest.mark.parametrize("target", ("sse2", "avx2"))
def test_targets(lowered, target):
    """The kernels for other processors."""
    if list(TARGETS).index(native.host()) > list(TARGETS).index(target):
        pytest.skip("the processor cannot run it")
    with config.override(target=target):
        for pool in ("3x3 two apart", "three apart"):
            sizes, windows = POOLS[pool]
            check_pool(lowered, lowered.leaf(whole(2, *sizes)), sizes, windows)
