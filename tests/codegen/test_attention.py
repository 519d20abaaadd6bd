"""The kernels of attention and of its gradient, by themselves: against the references in float64."""

from __future__ import annotations

import numpy as np
import pytest

from powerhouse.codegen import attention as kernels
from powerhouse.codegen import attention_gradient as gradient_kernels
from powerhouse.codegen.task import Place
from powerhouse.codegen.testing import run
from powerhouse.core import config
from powerhouse.core import dtypes as dt
from powerhouse.graph.op import leaf, results
from powerhouse.graph.symbol import Type, make
from powerhouse.ops.attention import attention, attention_gradient

pytest.importorskip("llvmlite")

MASKS = ("none", "causal", "truths", "added", "padding")
SHAPES = [  # batch, L, S, E, V
    ((2, 3), 5, 7, 4, 6),
    ((2,), 65, 129, 33, 17),
    ((), 128, 128, 64, 64),
    ((1, 2), 10, 10, 64, 64),
    ((3,), 1, 129, 64, 64),
    ((2, 2), 7, 70, 20, 130),
    ((2,), 40, 3, 8, 1),
    ((1,), 23, 600, 16, 48),
]


def symbol_of(array, slot, places, memory):
    """A symbol for an array, which lies where it is a view of."""
    base = array
    while isinstance(base.base, np.ndarray):
        base = base.base
    kinds = {"f": (dt.float32, dt.float64)[array.itemsize // 8], "b": dt.bool_}
    owner = make(leaf, (), (2 * slot, Type(base.shape, kinds[base.dtype.kind])))
    s = make(leaf, (), (2 * slot + 1, Type(array.shape, kinds[array.dtype.kind])))
    offset = (array.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // array.itemsize
    places[s] = Place(owner, tuple(n // array.itemsize for n in array.strides), offset)
    memory[owner] = base
    return s


def lowered(op, arrays, scale=0.3, causal=False):
    """A node of `op` on arrays, its lowering and the memory of its operands."""
    places, memory = {}, {}
    node = make(op, tuple(symbol_of(a, i, places, memory) for i, a in enumerate(arrays)), (scale, causal))
    lower = kernels.lower_attention if op is attention else gradient_kernels.lower_attention_gradient
    return node, lower(node, places.get), memory


def compute(op, arrays, scale=0.3, causal=False, threads=1):
    """The results of the kernels."""
    node, lowering, memory = lowered(op, arrays, scale, causal)
    values = run(lowering, memory, threads)
    return [values[s] for s in results(node)]


def expected(op, arrays, scale=0.3, causal=False):
    """The reference's results in float64."""
    with np.errstate(all="ignore"):
        return op.value([a if a.dtype == bool else a.astype(np.float64) for a in arrays], scale, causal)


def operands(batch, length, keys, size, values, kind="float32", mask="none"):
    """(q, k, v[, mask]), views of one tensor as a model makes them, with a row that is masked entirely."""
    rng = np.random.default_rng(0)
    whole = rng.normal(size=(*batch, max(length, keys), 3, max(size, values))).astype(kind)
    q, k, v = whole[..., :length, 0, :size], whole[..., :keys, 1, :size], whole[..., :keys, 2, :values]
    if mask in ("none", "causal"):
        return q, k, v
    if mask == "padding":
        m = rng.random((*batch, 1, keys)) < 0.7
    else:
        m = rng.normal(size=(length, keys)).astype(kind)
        m[rng.random((length, keys)) < 0.3] = -np.inf
        m[length // 2] = -np.inf
        m = m if mask == "added" else m > -1
    return q, k, v, np.broadcast_to(m, (*batch, length, keys))


def with_results(arrays, causal):
    """The operands of the gradient, for those of attention."""
    mean, lse = (np.ascontiguousarray(x, arrays[0].dtype) for x in expected(attention, arrays, causal=causal))
    g = np.random.default_rng(1).normal(size=mean.swapaxes(-1, -2).shape).astype(mean.dtype).swapaxes(-1, -2)
    return (g, *arrays[:3], mean, lse, *arrays[3:])


def check(op, arrays, causal=False, tolerance=None):
    """The kernels' results are the reference's, and the same for any number of threads."""
    tolerance = tolerance or {4: 2e-5, 8: 1e-12}[arrays[0].itemsize]
    once = compute(op, arrays, causal=causal)
    for got, want in zip(once, expected(op, arrays, causal=causal), strict=True):
        size = np.abs(want[np.isfinite(want)]).max(initial=1.0)
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * size)
    for threads in (2, 3):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(once, compute(op, arrays, causal=causal, threads=threads), strict=True))


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_attention_and_its_gradient(shape, mask):
    arrays = operands(*shape, mask=mask)
    check(attention, arrays, mask == "causal")
    check(attention_gradient, with_results(arrays, mask == "causal"), mask == "causal")


@pytest.mark.parametrize("mask", ["none", "causal", "added"])
@pytest.mark.parametrize("shape", [((2,), 37, 70, 20, 9), ((2,), 2, 70, 20, 9)], ids=str)
def test_double_precision(shape, mask):
    arrays = operands(*shape, kind="float64", mask=mask)
    check(attention, arrays, mask == "causal")
    check(attention_gradient, with_results(arrays, mask == "causal"), mask == "causal")


@pytest.mark.parametrize("target", ["avx2", "sse2"])
@pytest.mark.parametrize("shape", [((2,), 37, 70, 20, 9), ((2,), 2, 70, 20, 9)], ids=str)
def test_other_targets(shape, target, monkeypatch):
    monkeypatch.setitem(config.values, "target", target)
    arrays = operands(*shape, mask="added")
    check(attention, arrays)
    check(attention_gradient, with_results(arrays, False))


@pytest.mark.parametrize("length", [1, 20])
def test_operands_in_any_layout(length):
    """Elements of a row apart, heads that share keys, a mask across: all are read where they are."""
    rng = np.random.default_rng(2)
    q = rng.normal(size=(2, 4, 8, length)).astype(np.float32).swapaxes(-1, -2)
    k = np.broadcast_to(rng.normal(size=(2, 1, 8, 30)).astype(np.float32).swapaxes(-1, -2), (2, 4, 30, 8))
    v = np.broadcast_to(rng.normal(size=(2, 1, 30, 16)).astype(np.float32)[..., ::2], (2, 4, 30, 8))
    mask = np.broadcast_to((rng.random((30, length)) < 0.8).T, (2, 4, length, 30))
    check(attention, (q, k, v, mask))
    check(attention_gradient, with_results((q, k, v, mask), False))
    g, *rest = with_results((q, k, v), False)
    check(attention_gradient, (np.broadcast_to(g[..., :1, :1], g.shape), *rest))


EMPTY = [((2,), 4, 0, 3, 5), ((2,), 0, 4, 3, 5), ((0,), 4, 4, 3, 5), ((2,), 20, 9, 0, 5), ((2,), 3, 9, 0, 5)]


@pytest.mark.parametrize("shape", EMPTY, ids=str)
def test_empty_operands(shape):
    arrays = operands(*shape)
    check(attention, arrays)
    check(attention_gradient, with_results(arrays, False))


@pytest.mark.parametrize("length", [2, 20])
def test_rows_without_keys_give_zeros(length):
    q, k, v, mask = operands((), length, 9, 4, 4, mask="truths")
    mean, lse = compute(attention, (q, k, v, mask))
    assert not mean[length // 2].any() and lse[length // 2] == -np.inf
    dq, *others = compute(attention_gradient, with_results((q, k, v, mask), False))
    assert not dq[length // 2].any() and all(np.isfinite(x).all() for x in others)


@pytest.mark.parametrize("length", [3, 20])
def test_rows_under_a_large_finite_mask_are_plain_means(length):
    """The least number does not become -inf on the way: where all scores drown in it, the weights are equal."""
    q, k, v = operands((), length, 70, 4, 4)
    mask = np.zeros((length, 70), np.float32)
    mask[1] = mask[2, 5:] = np.finfo(np.float32).min
    check(attention, (q, k, v, mask))
    check(attention_gradient, with_results((q, k, v, mask), False))
    np.testing.assert_allclose(compute(attention, (q, k, v, mask))[0][1], v.mean(0), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("length", [3, 20])
def test_a_nan_spoils_its_own_row(length):
    q, k, v = (a.copy() for a in operands((), length, 70, 4, 4))
    clean = compute(attention, (q, k, v))[0]
    q[1, 2] = np.nan
    mean, lse = compute(attention, (q, k, v))
    assert np.isnan(mean[1]).all() and np.isnan(lse[1])
    np.testing.assert_array_equal(np.delete(mean, 1, 0), np.delete(clean, 1, 0))
    k[69, 0] = np.inf
    assert np.isnan(compute(attention, (np.abs(clean), k, v))[0]).all()


@pytest.mark.parametrize("length", [3, 20])
def test_large_scores_do_not_overflow(length):
    q, k, v = operands((), length, 70, 4, 4)
    for scale in (1e4, -1e4):
        mean, lse = compute(attention, (q, k, v), scale)
        want = expected(attention, (q, k, v), scale)
        np.testing.assert_allclose(lse, want[1], rtol=1e-5)
        gap = np.sort(np.float64(q) @ np.float64(k).T * scale)
        clear = gap[:, -1] - gap[:, -2] > 50  # of other rows, rounding decides
        assert clear.any()
        np.testing.assert_allclose(mean[clear], want[0][clear], rtol=1e-5)


def test_other_sizes_use_the_same_text():
    def texts(op, length, keys, size):
        arrays = operands((2,), length, keys, size, size)
        return [t.text for t in lowered(op, arrays if op is attention else with_results(arrays, False))[1]]

    for op in (attention, attention_gradient):
        assert texts(op, 64, 50, 64) == texts(op, 128, 300, 60) == texts(op, 60, 7, 64)


def test_few_heads_are_shared_out_in_parts():
    """The gradient of one head over many keys has several units."""
    tasks = lowered(attention_gradient, with_results(operands((), 20, 1024, 8, 8), False))[1]
    assert len(tasks) == 2 and tasks[0].count > 1
    check(attention_gradient, with_results(operands((), 20, 1024, 8, 8), False))
    check(attention_gradient, with_results(operands((), 600, 600, 8, 8), True), causal=True)


def test_half_precision_is_left_to_the_reference():
    x = make(leaf, (), (0, Type((2, 3), dt.float16)))
    assert kernels.lower_attention(make(attention, (x, x, x), (1.0, False)), lambda s: Place(s, (3, 1), 0)) is None
