"""Mixing along a dim, as resampling does: every filter and its transpose, along inner dims and the last, against the reference."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from powerhouse.codegen.mixing import _LARGEST
from powerhouse.ops.mixing import _FILTERS, Taps, mix_along
from powerhouse.ops.views import permute_dims


@pytest.mark.parametrize("turned", (False, True))
@pytest.mark.parametrize("kind", sorted(_FILTERS))
def test_filters(lowered, kind, turned):
    """To more elements, to fewer, to as many, and from one."""
    rng = np.random.default_rng(0)
    for source, target in ((5, 10), (13, 7), (40, 40), (1, 3)):
        for corners, dtype in ((False, "float32"), (True, "float64")):
            taps = Taps(kind, source, target, source / target, corners, turned)
            n = target if turned else source
            planes = lowered.leaf(rng.standard_normal((2, 3, n, 37)).astype(dtype))
            lowered.check(mix_along(planes, 2, taps), 1e-5)
            lowered.check(mix_along(permute_dims(planes, (0, 1, 3, 2)), 3, taps), 1e-5)
            lowered.check(mix_along(lowered.leaf(rng.standard_normal((2, 70, n)).astype(dtype)), 2, taps), 1e-5)


def test_what_is_left_to_the_reference(lowered):
    """Integers, and large tables."""
    assert lowered.tasks(mix_along(lowered.leaf(np.arange(5)), 0, Taps("nearest", 5, 10, 0.5, False))) is None
    many = 2 * _LARGEST
    assert lowered.tasks(mix_along(lowered.leaf(np.ones(5, np.float32)), 0, Taps("nearest", 5, many, 5 / many, False))) is None


def test_infinities_stay_where_they_are(lowered):
    """An infinity is in the outputs that it is part of, and in no others."""
    x = np.ones(8, np.float32)
    x[3] = np.inf
    lowered.check(mix_along(lowered.leaf(x), 0, Taps("nearest", 8, 16, 0.5, False)))
