"""The convolutions that are generated, against NumPy in float64: all geometries, views, targets; the same bits for any shares."""

from __future__ import annotations

from itertools import count
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("llvmlite")

from powerhouse.codegen import conv as conv_module
from powerhouse.codegen import conv_fast, testing
from powerhouse.codegen.conv_weight import lower_weight_gradient
from powerhouse.codegen.task import At, Epilogue, Place
from powerhouse.core import config
from powerhouse.core import dtypes as dt
from powerhouse.graph.op import leaf
from powerhouse.graph.symbol import Type, make
from powerhouse.ops import _correlation as reference
from powerhouse.ops.convolution import conv, conv_input_gradient, conv_weight_gradient
from powerhouse.runtime import native

_slots = count()
DTYPES = {np.dtype(np.float32): dt.float32, np.dtype(np.float64): dt.float64}
LOWERS = {conv: conv_module.lower_conv, conv_input_gradient: conv_module.lower_input_gradient, conv_weight_gradient: lower_weight_gradient}
VALUES = {conv: reference.correlate, conv_input_gradient: reference.input_gradient, conv_weight_gradient: reference.weight_gradient}


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


def lowered(op, views, attrs, shares=1, epilogue=None):
    """The op's value by its lowering; with an epilogue, what that has written too. None where it is left to the reference."""
    symbols, places, arrays = [], {}, {}
    for view in views:
        base, strides, offset = place_of(view)
        own, seen = symbol(base), symbol(view)
        symbols.append(seen)
        places[seen] = Place(own, strides, offset)
        arrays[own] = base
    s = make(op, tuple(symbols), attrs)
    more = ()
    if epilogue:
        extra, out = epilogue(s)
        more, arrays = (extra,), arrays | {out: np.zeros(s.shape, views[0].dtype)}
    lowering = LOWERS[op](s, places.__getitem__, *more)
    if lowering is None:
        return None
    written = testing.run(lowering, arrays, shares)
    return (written[s], written[out]) if epilogue else written[s]


def calls(x, weight, how, seed=0):
    """The three ops of one convolution, each with its inputs and attributes."""
    out = reference.correlate(x, weight, *how)
    g = np.random.default_rng(seed).standard_normal(out.shape).astype(x.dtype)
    return [
        (conv, (x, weight), how),
        (conv_input_gradient, (g, weight), (x.shape[2:], *how)),
        (conv_weight_gradient, (g, x), (weight.shape[2:], *how)),
    ]


def assert_value(got, op, views, attrs, slack=1.0):
    """Equal to the value in float64, but for rounding: errors are measured by the value of the absolutes."""
    wide = [v.astype(np.float64) for v in views]
    want, size = VALUES[op](*wide, *attrs), VALUES[op](*map(np.abs, wide), *attrs)
    assert got.shape == want.shape and got.dtype == views[0].dtype
    most = size if slack == 1.0 else size.max(initial=0)
    assert (np.abs(got - want) <= slack * 8 * np.finfo(got.dtype).eps * (most + 1e-3)).all()


@st.composite
def geometries(draw):
    """Stride, padding, dilation, groups with shapes of input and weight."""
    n = draw(st.integers(1, 3))

    def each(values):
        return tuple(draw(st.lists(values, min_size=n, max_size=n)))

    kernel, stride, dilation = each(st.integers(1, 4)), each(st.sampled_from((1, 1, 2, 2, 3))), each(st.sampled_from((1, 1, 2)))
    padding = tuple(zip(each(st.integers(-1, 3)), each(st.integers(0, 3)), strict=True))
    least = [max(1, (k - 1) * d + 1 - sum(p), 1 - min(p)) for k, d, p in zip(kernel, dilation, padding, strict=True)]
    size = tuple(m + draw(st.integers(0, (70, 24, 9)[n - 1])) for m in least)
    groups, channels, outs = draw(st.sampled_from((1, 1, 2, 3, 5))), draw(st.integers(1, 9)), draw(st.sampled_from((1, 2, 3, 14, 15, 29)))
    if draw(st.booleans()):
        channels = 1  # depthwise, if there are groups
    return (draw(st.integers(1, 4)), channels * groups, *size), (outs * groups, channels, *kernel), (stride, padding, dilation, groups)


@settings(max_examples=60, deadline=None)
@given(geometry=geometries(), dtype=st.sampled_from(sorted(DTYPES, key=str)), seed=st.integers(0, 1000))
def test_convolutions(geometry, dtype, seed):
    """All three are right, and of the same bits however the work is shared out."""
    shape, weight, how = geometry
    rng = np.random.default_rng(seed)
    x, weight = (rng.standard_normal(s).astype(dtype) for s in (shape, weight))
    for op, views, attrs in calls(x, weight, how, seed):
        got = lowered(op, views, attrs)
        assert_value(got, op, views, attrs)
        for shares in (2, 3):
            np.testing.assert_array_equal(lowered(op, views, attrs, shares), got)


@pytest.mark.parametrize("sizes", [(2,), (3, 2), (2, 2, 3)])
def test_as_many_windows_as_pixels_though_they_are_apart(sizes):
    """With zeros behind the input, windows of one pixel and a step of two are as many as pixels."""
    rng, n = np.random.default_rng(0), len(sizes)
    x, weight = rng.standard_normal((2, 3, *sizes)).astype(np.float32), rng.standard_normal((4, 3, *(1,) * n)).astype(np.float32)
    for op, views, attrs in calls(x, weight, ((2,) * n, tuple((0, m - 1) for m in sizes), (1,) * n, 1)):
        assert_value(lowered(op, views, attrs), op, views, attrs)


# Batch, channels, sizes; out channels, kernel; stride, padding, groups.
LAYERS = [
    ((2, 64, 13, 17), (33, 3), 1, 1, 1), ((1, 16, 40, 41), (40, 3), 1, 1, 1), ((3, 40, 4, 4), (70, 3), 1, 1, 1),
    ((5, 600, 2, 2), (20, 3), 1, 1, 1), ((2, 30, 21, 20), (31, 3), 2, 1, 1), ((9, 20, 7, 7), (50, 1), 1, 0, 1),
    ((2, 3, 33, 37), (20, 7), 2, 3, 1), ((3, 70, 6, 6), (15, 1), 2, 0, 1), ((2, 24, 20, 20), (24, 3), 1, 1, 24),
    ((2, 24, 21, 9), (48, 3), 2, 1, 24), ((1, 32, 8, 8), (64, 3), 1, 1, 4), ((4, 3, 12, 12), (6, 5), 1, 0, 1),
]  # fmt: skip


@pytest.mark.parametrize(("target", "dtype"), [("", np.float32), ("avx2", np.float32), ("sse2", np.float64)])
def test_layers_on_every_target(target, dtype):
    """Layers of known networks in small, on processors with shorter vectors too."""
    if native.host() == "neon" and target:
        pytest.skip("another kind of processor")
    rng = np.random.default_rng(1)
    with config.override(target=target):
        for shape, (outs, k), stride, padding, groups in LAYERS:
            x, weight = rng.standard_normal(shape).astype(dtype), rng.standard_normal((outs, shape[1] // groups, k, k)).astype(dtype)
            for op, views, attrs in calls(x, weight, ((stride,) * 2, ((padding,) * 2,) * 2, (1, 1), groups)):
                got = lowered(op, views, attrs)
                assert_value(got, op, views, attrs, 4.0)
                np.testing.assert_array_equal(lowered(op, views, attrs, 3), got)


@pytest.mark.parametrize("size", [2, 4])
@settings(max_examples=15, deadline=None)
@given(
    images=st.integers(1, 3),
    sizes=st.tuples(st.integers(3, 19), st.integers(3, 19)),
    channels=st.sampled_from((1, 3, 16, 33, 70, 530)),
    outs=st.sampled_from((1, 16, 40, 65)),
    padding=st.tuples(*[st.tuples(st.integers(0, 3), st.integers(0, 3))] * 2),
    dtype=st.sampled_from(sorted(DTYPES, key=str)),
)
def test_fast_convolutions(size, images, sizes, channels, outs, padding, dtype):
    """Winograd's method with either tile, also where it would not be chosen."""
    rng = np.random.default_rng(channels)
    x, weight = rng.standard_normal((images, channels, *sizes)).astype(dtype), rng.standard_normal((outs, channels, 3, 3)).astype(dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conv_fast, "tile_size", lambda *_: size)
        for op, views, attrs in calls(x, weight, ((1, 1), padding, (1, 1), 1)):
            got = lowered(op, views, attrs)
            assert_value(got, op, views, attrs, 4.0)
            np.testing.assert_array_equal(lowered(op, views, attrs, 3), got)


def test_errors_of_fast_convolutions_are_small():
    """At most 1e-5 of the largest result, for as many channels as networks have."""
    rng = np.random.default_rng(3)
    x, weight = rng.standard_normal((2, 512, 12, 12)).astype(np.float32), rng.standard_normal((64, 512, 3, 3)).astype(np.float32)
    for op, views, attrs in calls(x, weight, ((1, 1), ((1, 1), (1, 1)), (1, 1), 1)):
        want = VALUES[op](*(v.astype(np.float64) for v in views), *attrs)
        assert np.abs(lowered(op, views, attrs) - want).max() < 1e-5 * np.abs(want).max()


def test_views():
    """Inputs that are slices, transposes and broadcasts; weights that are slices."""
    rng = np.random.default_rng(4)
    how = ((1, 1), ((1, 1), (0, 2)), (1, 1), 1)
    for channels, outs in ((5, 7), (32, 40)):
        weight = rng.standard_normal((3, outs, channels, 3, 3)).astype(np.float32)[1]
        base = rng.standard_normal((3, channels + 4, 9, 8, 2)).astype(np.float32)
        one = rng.standard_normal((1, channels, 1, 1)).astype(np.float32)
        for x in (base[1:, 2:-2, :, :, 1], base.swapaxes(2, 3)[:, :channels, 1:, ::2, 0], np.broadcast_to(one, (2, channels, 6, 7))):
            for op, views, attrs in calls(x, weight, how):
                got = lowered(op, views, attrs)
                assert_value(got, op, views, attrs, 4.0)
            g = np.broadcast_to(np.float32(2.0), reference.correlate(x, weight, *how).shape)
            broadcast = ((conv_input_gradient, (g, weight), (x.shape[2:], *how)), (conv_weight_gradient, (g, x), ((3, 3), *how)))
            for op, views, attrs in broadcast:
                assert_value(lowered(op, views, attrs), op, views, attrs, 4.0)


def test_infinities_and_nans_reach_no_further_than_their_windows():
    """A direct convolution keeps what is not finite to the windows that see it."""
    rng = np.random.default_rng(5)
    x, weight = rng.standard_normal((2, 3, 9, 10)).astype(np.float32), rng.standard_normal((4, 3, 3, 3)).astype(np.float32)
    x[1, 2, 4, 5], x[0, 0, 0, 0] = np.nan, np.inf
    for stride in (1, 2):
        how = ((stride, stride), ((1, 1), (1, 1)), (1, 1), 1)
        with np.errstate(invalid="ignore"):
            for op, views, attrs in calls(x, weight, how)[::2]:
                want = VALUES[op](*(v.astype(np.float64) for v in views), *attrs)
                np.testing.assert_array_equal(np.isfinite(lowered(op, views, attrs)), np.isfinite(want))


def test_left_to_the_reference():
    """Half precision, empty operands, weights with strides."""
    x, weight, how = np.zeros((2, 3, 4, 4), np.float32), np.zeros((5, 3, 2, 2), np.float32), ((1, 1), ((0, 0), (0, 0)), (1, 1), 1)
    assert lowered(conv, (x, weight), how) is not None
    assert lowered(conv, (x[:0], weight), how) is None
    assert lowered(conv, (x, weight.swapaxes(2, 3)), how) is None


@pytest.mark.parametrize("whole_rows", [False, True])
def test_epilogue_sees_every_finished_element_once(whole_rows):
    """An epilogue that adds the result to memory: every element must have been added once, and be final by then."""
    rng = np.random.default_rng(6)

    def adding(s):
        out = symbol(np.empty(s.shape, np.float32))
        return Epilogue(testing.ADD_WHOLE_ROWS if whole_rows else testing.ADD, (At(s),), (At(out),), (prod(s.shape[2:]),), whole_rows), out

    for shape, (outs, k), stride, padding, groups in [*LAYERS[::2], ((1, 3, 40, 40), (4, 3), 1, 1, 1), ((1, 40, 60, 60), (40, 3), 1, 1, 1)]:
        x, weight = (rng.standard_normal(s).astype(np.float32) for s in (shape, (outs, shape[1] // groups, k, k)))
        for op, views, attrs in calls(x, weight, ((stride,) * 2, ((padding,) * 2,) * 2, (1, 1), groups))[:2]:
            for shares in (1, 2):
                found = lowered(op, views, attrs, shares, adding)
                if found is None:
                    assert stride > 1 and op is conv_input_gradient
                    continue
                np.testing.assert_array_equal(found[1], found[0])
                assert_value(found[0], op, views, attrs, 4.0)


def test_epilogue_of_a_transposed_convolution_is_refused_for_strides_alone():
    """Where the result is computed in parts, its fused group becomes a kernel of its own."""
    g, weight, how = np.ones((1, 4, 5, 5), np.float32), np.ones((4, 3, 3, 3), np.float32), ((2, 2), ((1, 1), (1, 1)), (1, 1), 1)
    touch = Epilogue(testing.ADD, (), (), ())
    assert lowered(conv_input_gradient, (g, weight), ((9, 9), *how), 1, lambda s: (touch, symbol(np.empty(s.shape, np.float32)))) is None
