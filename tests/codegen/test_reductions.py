"""Groups with reductions over any dims: grouping, the three kinds of nests, parts, rewriting."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from powerhouse.codegen import gemm  # noqa: F401 (declares its lowerings)
from powerhouse.codegen import nest as nests
from powerhouse.codegen.emit import emit_epilogue, lower
from powerhouse.codegen.fuse import fuse, peel, place_of
from powerhouse.codegen.lowering import LOWERINGS
from powerhouse.codegen.plan import fusable
from powerhouse.codegen.simplify import simplify
from powerhouse.codegen.target import TARGETS
from powerhouse.codegen.testing import run
from powerhouse.core import config
from powerhouse.core import dtypes as dt
from powerhouse.graph.op import REGISTRY, constant, expand, leaf
from powerhouse.graph.symbol import Type
from powerhouse.runtime import native, reference

R = REGISTRY
KINDS = {"f4": dt.float32, "f8": dt.float64, "i8": dt.int64, "i4": dt.int32, "u1": dt.uint8, "b1": dt.bool_}


@pytest.fixture(autouse=True, scope="module")
def _cache_apart(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POWERHOUSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def drawn(*shapes, kind="f4"):
    """Arrays, and leaves for them."""
    rng = np.random.default_rng(sum(map(sum, shapes)))
    arrays = []
    for s in shapes:
        a = rng.standard_normal(s) if kind[0] == "f" else rng.integers(0, 2 if kind[0] == "b" else 40, s)
        arrays.append(a.astype(kind))
    return arrays, [leaf(k, Type(s, KINDS[kind])) for k, s in enumerate(shapes)]


def fused(outputs):
    """The fusion of a program."""
    values = [reference.value_of(o) for o in outputs]
    return fuse(reference.order_of(values), values, fusable, reference.value_of)


def check(outputs, arrays, leaves, rtol=1e-5, groups=1, name=None):
    """All outputs are one group, whose tasks give the reference's values, to the bit the same for 1, 2 and 3 threads."""
    outputs = [peel(o, reference.value_of)[0] for o in outputs]
    fusion = fused(outputs)
    assert len(fusion.groups) == groups
    target = TARGETS[name] if name else native.target()
    found = []
    with config.override(target=name or config.values["target"]):
        for threads in (1, 2, 3):
            memory = dict(zip(leaves, arrays, strict=True))
            for group in fusion.groups:
                memory |= run(lower(group, fusion.scalars, reference.value_of, target), memory, threads)
            found.append([memory[o] for o in outputs])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            assert a.tobytes() == b.tobytes()
    wants = reference.program(tuple(outputs)).run(arrays, False)
    for got, want in zip(found[0], wants, strict=True):
        assert got.dtype == want.dtype
        if want.dtype.itemsize == 2:
            got, want = got.astype(np.float32), want.astype(np.float32)
        scale = max(1.0, float(np.abs(np.where(np.isfinite(want), want, 0)).max(initial=0))) if want.dtype.kind == "f" else 1.0
        np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * scale)


SHAPES = [
    ((5,), 0), ((1, 1), 1), ((3, 7), 0), ((3, 7), 1), ((33, 50), 0), ((33, 50), 1), ((40, 10), 1), ((4, 5, 6), 1), ((4, 5, 6), (0, 2)),
    ((2, 17, 3, 19), (0, 2, 3)), ((2, 17, 3, 19), (1, 2)), ((70, 1), 1), ((1, 70), 0), ((16, 1, 40), 0), ((5, 16, 3), 2),
]  # fmt: skip


@pytest.mark.parametrize("shape,dims", SHAPES)
@pytest.mark.parametrize("kind", ["f4", "f8", "i8", "u1"])
def test_sums_and_extremes(shape, dims, kind):
    """Over any dims, of any kind, together in one group."""
    dims = dims if isinstance(dims, tuple) else (dims,)
    arrays, (x,) = drawn(shape, kind=kind)
    check([R["reduce_sum"](x, dims), R["reduce_max"](x, dims), R["reduce_min"](x, dims)], arrays, [x], groups=3)


@pytest.mark.parametrize("shape,dims", SHAPES)
def test_normalization(shape, dims):
    """Two reductions that depend on one another, with what leads to them and what they are for: one group."""
    dims = dims if isinstance(dims, tuple) else (dims,)
    arrays, (x, y) = drawn(shape, shape)
    z = R["plus"](R["exp"](x), y)
    centred = R["minus"](z, R["mean"](z, dims, True))
    spread = R["mean"](R["times"](centred, centred), dims, True)
    check([R["over"](centred, R["sqrt"](R["plus"](spread, constant(1e-5)))), spread], arrays, [x, y], 2e-5)


LONG = [
    ((300000,), (0,)), ((700, 333), (0, 1)), ((4, 90001), (1,)), ((90001, 4), (0,)), ((9000, 20), (0,)), ((3, 200, 3, 150), (0, 1, 3)),
    ((2, 3, 300, 77), (0, 2, 3)), ((300, 2, 150), (0,)), ((1, 65537), (1,)),
]  # fmt: skip


@pytest.mark.parametrize("shape,dims", LONG)
def test_parts(shape, dims):
    """Few long rows are done in parts, whose number depends on the shape alone; each pass is a task."""
    arrays, (x,) = drawn(shape)
    total = R["reduce_sum"](x, dims)
    check([total], arrays, [x], 2e-5)
    fusion = fused([total])
    tasks = lower(fusion.groups[0], fusion.scalars, reference.value_of)
    assert len(tasks) == 2 and 2 <= tasks[0].count <= 8 * nests._MANY
    v, m = R["var"](x, dims), R["reduce_max"](x, dims)
    check([R["exp"](R["minus"](x, R["mean"](x, dims, True))), v], arrays, [x], 5e-5)
    check([m], arrays, [x])


@pytest.mark.parametrize("d", [dt.float16, dt.bfloat16], ids=str)
@pytest.mark.parametrize("dims", [(0,), (1,), (0, 1)])
def test_half_precision(d, dims):
    """Computed in float32, rounded where it is stored or cast."""
    arrays = [np.random.default_rng(k).standard_normal((37, 70)).astype(d.numpy) for k in range(2)]
    x, y = (leaf(k, Type((37, 70), d)) for k in range(2))
    check([R["softmax"](x, dims[0]), R["relu"](R["softmax"](x, dims[0]))], arrays, [x, y], 2e-2)
    check([R["reduce_sum"](x, dims)], arrays, [x, y], 2e-2)
    check([R["reduce_max"](R["times"](x, y), dims)], arrays, [x, y], 2e-2)
    check([R["cast"](x, dt.float32), R["cast"](R["cast"](x, dt.float64), d)], arrays, [x, y], groups=2)


@pytest.mark.parametrize("d", [dt.float16, dt.bfloat16], ids=str)
def test_rounding_to_half_precision(d):
    """To the nearest, ties to even, for numbers of every size, infinities and nan."""
    a = np.random.default_rng(0).integers(0, 1 << 32, 100000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 65519.9, 65520, 1 + 2**-8, 1 + 3 * 2**-8, 1e-40, 6e-8]
    a = np.concatenate([a, np.array(special, np.float32)])
    x = leaf(0, Type(a.shape, dt.float32))
    y = R["cast"](x, d)
    fusion = fused([y])
    got = run(lower(fusion.groups[0], fusion.scalars, reference.value_of, native.target()), {x: a})[y]
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got.astype(np.float32), a.astype(d.numpy).astype(np.float32))


def test_nan_and_infinities():
    """Extremes give nan where there is one; sums of both infinities too."""
    a = np.zeros((4, 100), np.float32)
    a[0, 50], a[1, 3], a[2, 7], a[2, 90] = np.nan, np.inf, np.inf, -np.inf
    x = leaf(0, Type(a.shape, dt.float32))
    for dims in ((0,), (1,), (0, 1)):
        for op in ("reduce_sum", "reduce_max", "reduce_min"):
            check([R[op](x, dims)], [a], [x])


@pytest.mark.parametrize("name", ["avx2", "sse2"])
def test_other_targets(name):
    """The same for narrower vectors."""
    if native.host() == "neon":
        pytest.skip("another architecture")
    arrays, (x,) = drawn((37, 21))
    check([R["softmax"](x, 1)], arrays, [x], name=name)
    for dims in ((0,), (1,), (0, 1)):
        check([R["reduce_sum"](x, dims)], arrays, [x], name=name)


def test_batch_norm_is_one_group():
    """Statistics, normalization, scale and ReLU."""
    arrays, leaves = drawn((4, 6, 5, 7), (6,), (6,), (6,), (6,))
    x, w, b, mean, var = leaves
    y, mean, var = R["batch_norm"](x, mean, var, w, b, True, constant(0.1), 1e-5)
    check([R["relu"](y), mean, var], arrays, leaves)


def test_layer_norm_and_column_sums():
    """A row reduction and column reductions of the same domain are groups of their own."""
    arrays, (x, g) = drawn((50, 24), (50, 24))
    y = R["softmax"](x, 1)
    check([R["times"](y, g), R["reduce_sum"](R["times"](y, g), (0,))], arrays, [x, g], groups=2)


def test_another_shape_has_the_same_text():
    """Sizes, and constants that come from them, are numbers that kernels are given."""
    texts = []
    for shape in ((64, 200), (80, 300), (128, 1000)):
        x = leaf(0, Type(shape, dt.float32))
        fusion = fused([R["layer_norm"](x, shape[-1:])])
        texts.append([t.text for t in lower(fusion.groups[0], fusion.scalars, reference.value_of)])
    assert texts[0] == texts[1] == texts[2]


def test_reductions_of_strided_operands():
    """Transposed, sliced and expanded operands are read where they lie."""
    arrays, (x, y) = drawn((12, 30), (30, 24))
    t = R["permute_dims"](x, (1, 0))
    part = R["slice_of"](y, ((0, 30, 1), (1, 12, 2)))
    for dims in ((0,), (1,), (0, 1)):
        check([R["reduce_sum"](R["times"](t, part), dims)], arrays, [x, y], 2e-5)


# --- epilogues ------------------------------------------------------------------------------------------------------------------------


def place(i):
    """Where an input lies."""
    return place_of(i, reference.value_of)


def check_epilogue(result, outputs, arrays, leaves, length=None, whole=False):
    """A matrix product with a group as its epilogue, against the reference."""
    fusion = fused(outputs)
    (group,) = fusion.groups
    for target, name in ((native.target(), None), (TARGETS["avx2"], "avx2")):
        epilogue = emit_epilogue(group, result, fusion.scalars, reference.value_of, target, length)
        assert epilogue is not None and epilogue.whole_rows == whole
        with config.override(target=name or config.values["target"]):
            tasks = LOWERINGS[result.op.name](result, place, epilogue)
            got = run(tasks, dict(zip(leaves, arrays, strict=True)), 2)
        wants = reference.program((result, *outputs)).run(arrays, False)
        for s, want in zip((result, *outputs), wants, strict=True):
            np.testing.assert_allclose(got[peel(s, reference.value_of)[0]].reshape(want.shape), want, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("shape", [(37, 19, 53), (64, 64, 128), (35, 100, 70)])
def test_epilogues(shape):
    """Bias and activation with two results; a residual in another shape; a softmax of whole rows."""
    m, k, n = shape
    arrays, (a, b, bias, more) = drawn((m, k), (k, n), (n,), (m, n))
    result = R["matmul"](a, b)
    h = R["plus"](result, bias)
    check_epilogue(result, [h, R["relu"](R["plus"](h, more))], arrays, [a, b, bias, more])
    check_epilogue(result, [R["softmax"](R["times"](h, constant(0.5)), 1)], arrays, [a, b, bias, more], whole=True)


def test_epilogues_by_channel():
    """Rows that are images of channels: a scale and a shift by channel."""
    arrays, (a, b, scale, shift) = drawn((12, 5), (5, 42), (4, 1, 1), (4, 1, 1))
    result = R["matmul"](a, b)
    images = R["reshape_to"](result, (3, 4, 6, 7))
    check_epilogue(result, [R["plus"](R["times"](images, scale), shift)], arrays, [a, b, scale, shift], 42)


def test_groups_that_are_no_epilogue():
    """Groups that read the result transposed, or reduce it over its rows."""
    arrays, (a, b) = drawn((8, 5), (5, 8))
    result = R["matmul"](a, b)
    for output in (R["plus"](result, R["permute_dims"](result, (1, 0))), R["reduce_sum"](R["exp"](result), (0,))):
        fusion = fused([output])
        (group,) = fusion.groups
        assert emit_epilogue(group, result, fusion.scalars, reference.value_of, native.target()) is None


# --- rewriting ------------------------------------------------------------------------------------------------------------------------


def _simple(s):
    return simplify([s])[s]


def test_rules():
    """What each rule makes of its pattern."""
    x = leaf(0, Type((4, 6, 5), dt.float32))
    k = leaf(1, Type((4, 6, 5), dt.int64))
    one = expand(R["cast"](constant(1.0), dt.float32), (3, 4))
    assert _simple(R["negate"](R["negate"](x))) is x
    assert _simple(R["times"](x, constant(1.0))) is x and _simple(R["over"](x, constant(1))) is x
    assert _simple(R["minus"](x, constant(0.0))) is x and _simple(R["plus"](k, constant(0))) is k
    for kept in (R["minus"](x, constant(-0.0)), R["plus"](x, constant(0.0)), R["plus"](x, constant(0)), R["times"](x, constant(2.0))):
        assert _simple(kept) is kept
    assert _simple(R["permute_dims"](R["permute_dims"](x, (2, 0, 1)), (1, 2, 0))) is x
    assert _simple(R["reshape_to"](R["reshape_to"](x, (24, 5)), (4, 6, 5))) is x
    assert _simple(expand(expand(R["reshape_to"](x, (1, 4, 6, 5)), (2, 4, 6, 5)), (2, 4, 6, 5))).inputs[0] is x
    assert _simple(R["cast"](R["cast"](x, dt.float64), dt.int64)) is R["cast"](x, dt.int64)
    narrowed = R["cast"](R["cast"](x, dt.int32), dt.float32)
    assert _simple(narrowed) is narrowed
    assert _simple(R["reduce_sum"](R["reshape_to"](x, (24, 5)), (0,))) is R["reduce_sum"](x, (0, 1))
    assert _simple(R["reduce_sum"](R["permute_dims"](x, (2, 0, 1)), (0,))) is R["reduce_sum"](x, (2,))
    assert _simple(R["reduce_max"](R["reshape_to"](x, (4, 30)), (1,))) is R["reduce_max"](x, (1, 2))
    split = R["reduce_sum"](R["reshape_to"](x, (4, 2, 3, 5)), (1,))
    assert _simple(split) is split
    assert R["reduce_sum"].name not in [s.op.name for s in reference.order_of([_simple(R["reduce_sum"](one, (0,)))])]


@pytest.mark.parametrize("dims", [(0,), (1,), (0, 2), (0, 1, 2, 3), (3,)])
def test_rules_keep_the_numbers(dims):
    """Reductions of permuted, reshaped and repeated values."""
    (a,), (x,) = drawn((4, 1, 6, 1))
    big = expand(x, (4, 7, 6, 2))
    outputs = []
    for v in (big, R["permute_dims"](big, (2, 3, 0, 1)), R["reshape_to"](big, (2, 2, 7, 12)), R["reshape_to"](x, (2, 1, 12, 1))):
        outputs += [R[op](v, dims) for op in ("reduce_sum", "reduce_max")]
    simple = tuple(simplify(outputs)[o] for o in outputs)
    for got, want in zip(reference.program(simple).run([a], False), reference.program(tuple(outputs)).run([a], False), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
