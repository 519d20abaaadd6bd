"""The matrix products that are generated, against NumPy in float64: all strides, batches, targets; the same bits for any shares."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite")

from powerhouse.codegen import testing
from powerhouse.codegen.gemm import lower_matmul
from powerhouse.codegen.task import At, Epilogue, Place
from powerhouse.core import config
from powerhouse.core import dtypes as dt
from powerhouse.graph.op import leaf
from powerhouse.graph.symbol import Type, make
from powerhouse.ops.matmul import batched_matmul
from powerhouse.runtime import native

_slots = count()
DTYPES = {np.dtype(np.float32): dt.float32, np.dtype(np.float64): dt.float64}


@pytest.fixture(autouse=True, scope="module")
def _cache_apart(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POWERHOUSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def symbol(array):
    """A leaf for an array."""
    return make(leaf, (), (next(_slots), Type(array.shape, DTYPES[array.dtype])))


def place_of(view):
    """The array that a view is of, and where it lies in it."""
    base = view
    while isinstance(base.base, np.ndarray):
        base = base.base
    offset = (view.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // view.itemsize
    return base, tuple(s // view.itemsize for s in view.strides), offset


def multiply(a, b, shares=1, epilogue=None):
    """The product of two views, by the lowering; with an epilogue, what that has written too."""
    symbols, places, arrays = [], {}, {}
    for view in (a, b):
        base, strides, offset = place_of(view)
        assert base.flags.c_contiguous
        own, seen = symbol(base), symbol(view)
        symbols.append(seen)
        places[seen] = Place(own, strides, offset)
        arrays[own] = base
    s = make(batched_matmul, tuple(symbols))
    extra, out = epilogue(s) if epilogue else (None, None)
    arrays |= {out: np.zeros(s.shape, a.dtype)} if epilogue else {}
    lowering = lower_matmul(s, places.__getitem__, extra)
    if extra is not None and extra.whole_rows and np.prod(s.shape[:-1]) < 16:
        assert lowering is None
        lowering = lower_matmul(s, places.__getitem__, extra._replace(text=testing.ADD, whole_rows=False))
    assert lowering is not None
    written = testing.run(lowering, arrays, shares)
    return (written[s], written[out]) if epilogue else written[s]


def assert_product(got, a, b):
    """Equal to the product in float64, but for rounding."""
    want = a.astype(np.float64) @ b.astype(np.float64)
    size = np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64)
    assert got.shape == want.shape and got.dtype == a.dtype
    assert (np.abs(got - want) <= 4 * np.finfo(a.dtype).eps * (size + a.shape[-1] ** 0.5)).all()


def laid_out(rng, dtype, shape, layout):
    """An array of a shape whose elements lie in memory as `layout` says."""
    *batch, rows, columns = shape
    if layout == "plain":
        return rng.standard_normal(shape).astype(dtype)
    if layout == "turned":
        return rng.standard_normal((*batch, columns, rows)).astype(dtype).swapaxes(-1, -2)
    if layout == "heads":  # the last dim of the batch lies between the matrix's dims
        array = rng.standard_normal((*batch[:-1], rows, *batch[-1:], columns)).astype(dtype)
        return np.moveaxis(array, -2, -3) if batch else array
    if layout == "sparse":
        return rng.standard_normal((*batch, 2 * rows + 1, 3 * columns)).astype(dtype)[..., 1 : 2 * rows + 1 : 2, ::3]
    assert layout == "one"  # one row, or one matrix, for all
    return np.broadcast_to(rng.standard_normal((rows, columns) if batch else (1, columns)).astype(dtype), shape)


LAYOUTS = ("plain", "turned", "heads", "sparse", "one")
SIZES = st.one_of(st.integers(1, 9), st.sampled_from((14, 15, 16, 17, 28, 31, 32, 33, 45, 64, 65, 100, 130)))


@settings(max_examples=40, deadline=None)
@given(
    m=SIZES,
    n=SIZES,
    k=st.one_of(SIZES, st.sampled_from((0, 257, 1000, 1100, 2100))),
    batch=st.lists(st.integers(1, 3), max_size=3),
    layouts=st.tuples(st.sampled_from(LAYOUTS), st.sampled_from(LAYOUTS)),
    dtype=st.sampled_from(sorted(DTYPES, key=str)),
    seed=st.integers(0, 1000),
)
def test_products(m, n, k, batch, layouts, dtype, seed):
    """Right, and of the same bits however the work is shared out."""
    rng = np.random.default_rng(seed)
    a, b = laid_out(rng, dtype, (*batch, m, k), layouts[0]), laid_out(rng, dtype, (*batch, k, n), layouts[1])
    got = multiply(a, b)
    assert_product(got, a, b)
    for shares in (2, 3):
        np.testing.assert_array_equal(multiply(a, b, shares), got)


LARGE = [
    (300, 40, 1030), (257, 1000, 5), (3, 300, 600), (1, 777, 1234), (700, 3, 90), (1000, 1, 100), (40, 20, 5000), (600, 600, 7),
    (33, 2000, 64), (2, 1, 3000), (16, 16, 8200),
]  # fmt: skip


@pytest.mark.parametrize("target", ["", "avx2", "sse2"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True), (True, True)])
def test_large_products_on_every_target(target, dtype, turned):
    """Several blocks in each dim, on processors with shorter vectors too."""
    if native.host() == "neon" and target:
        pytest.skip("another kind of processor")
    rng = np.random.default_rng(1)
    with config.override(target=target):
        for m, n, k in LARGE:
            a = laid_out(rng, dtype, (m, k), "turned" if turned[0] else "plain")
            b = laid_out(rng, dtype, (k, n), "turned" if turned[1] else "plain")
            got = multiply(a, b)
            assert_product(got, a, b)
            np.testing.assert_array_equal(multiply(a, b, 3), got)


def test_infinities_and_nans_stay_in_their_rows_and_columns():
    """What is not a number spreads as far as the product says, and no further."""
    rng = np.random.default_rng(2)
    for m, n, k in ((30, 70, 50), (3, 70, 50), (1, 100, 300), (70, 2, 40)):
        a, b = rng.standard_normal((m, k)).astype(np.float32), rng.standard_normal((k, n)).astype(np.float32)
        a[m - 1, k // 2], b[k - 1, n // 2] = np.inf, np.nan
        for x, y in ((a, b), (a, np.ascontiguousarray(b.T).T), (np.ascontiguousarray(a.T).T, b)):
            with np.errstate(invalid="ignore"):
                np.testing.assert_array_equal(np.isfinite(multiply(x, y)), np.isfinite(x @ y))




@pytest.mark.parametrize("whole_rows", [False, True])
@pytest.mark.parametrize(
    "shape",
    [(1, 30, 70, 40), (3, 40, 100, 20), (1, 300, 700, 30), (1, 2, 600, 64), (1, 1, 3000, 128), (1, 700, 3, 64), (2, 5, 9, 9001)],
)
def test_epilogue_sees_every_finished_element_once(shape, whole_rows):
    """An epilogue that adds the result to memory: every element must have been added once, and be final by then."""
    batch, m, n, k = shape
    rng = np.random.default_rng(3)
    a = rng.standard_normal((batch, m, k)).astype(np.float32)
    for layout in ("plain", "turned"):
        b = laid_out(rng, np.float32, (batch, k, n), layout)
        out = symbol(np.empty((batch, m, n), np.float32))

        def adding(s, out=out):
            return Epilogue(testing.ADD_WHOLE_ROWS if whole_rows else testing.ADD, (At(s),), (At(out),), (n,), whole_rows), out

        for shares in (1, 2):
            result, touched = multiply(a, b, shares, adding)
            np.testing.assert_array_equal(touched, result)
            assert_product(result, a, b)
