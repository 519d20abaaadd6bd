"""Lowerings by themselves: their results against the reference's, for any number of shares."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest

from powerhouse.codegen import testing
from powerhouse.codegen.fuse import place_of
from powerhouse.codegen.lowering import LOWERINGS
from powerhouse.codegen.task import Place
from powerhouse.core.dtypes import from_numpy
from powerhouse.core.shapes import contiguous_strides
from powerhouse.graph.op import leaf, results
from powerhouse.graph.symbol import Symbol, Type, make
from powerhouse.runtime.reference import kernel, value_of

_slots = count()


class Lowered:
    """Makes leaves for arrays, and compares what kernels and the reference tier compute from them."""

    def __init__(self):
        self.arrays = {}

    def leaf(self, array):
        """A symbol for an array."""
        array = np.ascontiguousarray(array)
        s = make(leaf, (), (next(_slots), Type(array.shape, from_numpy(array.dtype))))
        self.arrays[s] = array
        return s

    def value(self, s):
        """What the reference tier computes for a symbol."""
        s = value_of(s)
        if s not in self.arrays:
            self.arrays[s] = kernel(s)(*[self.value(i) for i in s.inputs])
        return self.arrays[s]

    def tasks(self, s):
        """The lowering of a symbol, whose operands may be views."""

        def place(i):
            i = value_of(i)
            return place_of(i, value_of) or Place(i, contiguous_strides(i.shape), 0)

        return LOWERINGS[s.op.name](s, place)

    def run(self, s, shares=1, lowering=None):
        """The results that kernels compute: one, or a tuple."""
        lowering = lowering if lowering is not None else self.tasks(s)
        bases = {at.base for t in lowering for at in t.reads if isinstance(at.base, Symbol)}
        written = {at.base for t in lowering for at in t.writes}
        arrays = {b: np.ascontiguousarray(self.value(b)).reshape(b.shape) for b in bases - written}
        found = testing.run(lowering, arrays, shares)
        return found[s] if isinstance(s.type, Type) else tuple(found[r] for r in results(s))

    def check(self, s, rtol=None):
        """Kernels and the reference agree on `s`: on every bit, or but for rounding; and all shares give the same bits."""
        want = self.value(s)
        lowering = self.tasks(s)
        assert lowering is not None, f"{s.op.name} has no lowering"
        first = None
        for shares in (1, 2, 3):
            got = self.run(s, shares, lowering)
            for a, b in zip(*((x if isinstance(x, tuple) else (x,)) for x in (got, want)), strict=True):
                b = np.asarray(b)
                assert a.shape == b.shape and a.dtype == b.dtype, f"{s}: {a.dtype}{a.shape}, should be {b.dtype}{b.shape}"
                if rtol is None:
                    assert a.tobytes() == np.ascontiguousarray(b).tobytes(), f"{s} with {shares} shares\n{a}\n{b}"
                else:
                    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol, err_msg=str(s))
            bits = [a.tobytes() for a in (got if isinstance(got, tuple) else (got,))]
            first = first or bits
            assert bits == first, f"{s}: {shares} shares give other bits"
        return got


@pytest.fixture
def lowered(tmp_path_factory, monkeypatch):
    """A table of leaves; kernels are kept in a folder of the session's own."""
    monkeypatch.setenv("POWERHOUSE_CACHE", str(tmp_path_factory.getbasetemp() / "kernels"))
    return Lowered()
