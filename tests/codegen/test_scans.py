"""Running sums, products and extremes, and positions of extremes: the reference's, to the bit."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from powerhouse.codegen.scans import ABREAST, ACROSS, ALONG, manner_of
from powerhouse.ops.reduction import reduce_argmax, reduce_argmin
from powerhouse.ops.scan import running_position, running_product, running_sum
from powerhouse.ops.views import permute_dims

SHAPES = ((5,), (1,), (1000,), (37, 130), (3, 70, 41), (0, 3), (2, 200, 1))


def values(shape, dtype):
    """Random values, with equals; for floats, with nans, and with nothing but -inf."""
    rng = np.random.default_rng(shape)
    a = rng.standard_normal(shape) * 3
    if dtype == "bool":
        yield a > 0
        return
    a = np.round(a) + 0.0
    yield a.astype(dtype) if dtype[0] != "u" else np.abs(a).astype(dtype)
    if dtype[0] == "f":
        yield (rng.standard_normal(shape) / 3).astype(dtype)
        a[rng.random(shape) < 0.05] = np.nan
        yield a.astype(dtype)
        yield np.full(shape, -np.inf, dtype)


@pytest.mark.parametrize("dtype", ("float32", "float64", "int64", "uint8", "bool"))
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_scans(lowered, shape, dtype):
    """Along each dim, of tensors and of views."""
    with np.errstate(all="ignore"):
        for array in values(shape, dtype):
            x = lowered.leaf(array)
            for view in (x, permute_dims(x, tuple(reversed(range(x.ndim))))):
                for dim in range(x.ndim):
                    check_along(lowered, view, dim)


def check_along(lowered, x, dim):
    """All scans along one dim."""
    if x.dtype.name != "bool":
        lowered.check(running_sum(x, dim))
        lowered.check(running_product(x, dim))
    if x.numel:
        for largest in (True, False):
            lowered.check(running_position(x, dim, largest))
        lowered.check(reduce_argmax(x, dim))
        lowered.check(reduce_argmin(x, dim))


def test_the_first_of_many(lowered):
    """Of equals in different lanes, and of nans, the first."""
    a = np.zeros((6, 203), np.float32)
    for row, places in enumerate(([77, 78, 130], [202], [0], [16, 15], [64, 200], [])):
        a[row, places] = 1 if row % 2 else np.nan
    lowered.check(reduce_argmax(lowered.leaf(a), 1))
    lowered.check(reduce_argmin(lowered.leaf(-a), 1))


def test_manners():
    """Adjacent lines go a vector at a time; a search goes along a long one."""
    assert manner_of((10, 1, 1), 1, 100, False) == ACROSS
    assert manner_of((10, 100, 1), 1, 100, False) == ABREAST
    assert manner_of((10, 100, 1), 1, 100, True) == ALONG
    assert manner_of((10, 100, 1), 2, 100, True) == ABREAST


def test_what_is_left_to_the_reference(lowered):
    """Half precision and complex numbers."""
    for dtype in ("float16", "complex64"):
        assert lowered.tasks(running_sum(lowered.leaf(np.ones((3, 4), dtype)), 0)) is None
