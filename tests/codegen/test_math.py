"""The functions of native kernels over the whole range of their operands: the error in units in the last place, and the special values."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from powerhouse.codegen.body import SCALARS
from powerhouse.codegen.math import FUNCTIONS
from powerhouse.codegen.values import BOOL, F32, F64, Builder, Value, llvm_type
from powerhouse.graph.scalar import BINARY, UNARY
from powerhouse.runtime import native

LANES = 16
F32_BITS = np.concatenate(
    [np.arange(0, 1 << 32, 104729, dtype=np.uint64), np.arange(0x3F000000, 0x40800000, 991), np.arange(0xBF000000, 0xC0800000, 991)]
).astype(np.uint32)
SPECIALS = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    -2.0,
    3.0,
    10.0,
    1000.0,
    math.inf,
    -math.inf,
    math.nan,
    math.pi,
    math.pi / 2,
    -math.pi / 4,
    math.log(2),
]

# Bounds of the error in ulp, for float32 and float64.
ULP = {
    "exp": (1, 1),
    "exp2": (1, 1),
    "expm1": (2, 2),
    "tanh": (3, 3),
    "sinh": (1, 3),
    "cosh": (1, 2),
    "log": (1, 1),
    "log2": (1, 1),
    "log10": (1, 2),
    "log1p": (2, 2),
    "asinh": (1, 3),
    "acosh": (1, 3),
    "atanh": (1, 3),
    "sin": (1, 1),
    "cos": (1, 1),
    "tan": (1, 2),
    "asin": (1, 3),
    "acos": (1, 3),
    "atan": (1, 2),
    "sqrt": (0.5, 0.5),
    "floor": (0, 0),
    "ceil": (0, 0),
    "trunc": (0, 0),
    "rint": (0, 0),
    "abs": (0, 0),
    "conj": (0, 0),
    "real": (0, 0),
    "imag": (0, 0),
}
TESTS = ("isnan", "isinf", "isfinite", "signbit", "logical_not")
ULP_OF_TWO = {
    "atan2": (1, 2),
    "hypot": (1, 2),
    "power": (1, 2),
    "fmod": (0, 0),
    "remainder": (0, 0),
    "floor_divide": (0, 0),
    "minimum": (0, 0),
    "maximum": (0, 0),
    "fmin": (0, 0),
    "fmax": (0, 0),
    "copysign": (0, 0),
}
NUMPY_NAMES = {
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
    "atan2": "arctan2",
}
ABOVE_SCALARS = {"fma"}  # functions of the codegen alone


@pytest.fixture(autouse=True, scope="module")
def _cache_apart(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POWERHOUSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def run(body, *arrays, out=None):
    """A body of the vocabulary on flat arrays, in one kernel."""
    size = arrays[0].size
    padded = [np.concatenate([a, np.ones(-size % LANES, a.dtype)]) for a in arrays]
    kinds = [a.dtype for a in arrays]
    b = Builder(LANES)
    b.is_avx512 = native.target().name == "avx512"
    b.lines += ["entry:", "  br label %loop", "loop:", "  %i = phi i64 [ %begin, %entry ], [ %next, %loop ]"]
    values = []
    for k, kind in enumerate(kinds):
        cell = b.load(f"getelementptr ptr, ptr %pointers, i64 {k}")
        memory = np.dtype(np.uint8) if kind == BOOL else kind
        at = b.load(f"getelementptr {llvm_type(memory)}, ptr {b.load(f'load ptr, ptr {cell}')}, i64 %i")
        values.append(Value(b, b.load(f"load {b.vector(memory)}, ptr {at}, align {kind.itemsize}"), memory).astype(kind))
    result = body(SCALARS, *values)
    truth = result.kind == BOOL
    kind = np.dtype(np.uint8) if truth else result.kind
    result = result.astype(kind)
    cell = b.load(f"getelementptr ptr, ptr %pointers, i64 {len(kinds)}")
    at = b.load(f"getelementptr {llvm_type(kind)}, ptr {b.load(f'load ptr, ptr {cell}')}, i64 %i")
    b.emit(f"store {b.vector(kind)} {result.name}, ptr {at}, align {kind.itemsize}")
    b.lines += [
        f"  %next = add i64 %i, {LANES}",
        "  %more = icmp slt i64 %next, %end",
        "  br i1 %more, label %loop, label %leave",
        "leave:",
        "  ret void",
    ]
    head = "define void @kernel(ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr %scratch) {"
    text = "\n".join([*sorted(b.declarations), head, *b.lines, "}"])
    answer = np.empty(padded[0].size, kind)
    pointers = np.array([a.ctypes.data for a in (*padded, answer)], np.uint64)
    native.function(text)(pointers.ctypes.data, 0, 0, answer.size, 0)
    return answer[:size].astype(bool) if truth else answer[:size]


def singles():
    """Every 104729th float32, more of them near 1, and the special ones."""
    return np.concatenate([F32_BITS.view(np.float32), np.array(SPECIALS, np.float32)])


def doubles(count=30000):
    """float64 of every size."""
    rng = np.random.default_rng(7)
    bits = rng.integers(0, 1 << 64, count, dtype=np.uint64).view(np.float64)
    sizes = rng.uniform(-1, 1, count) * 2.0 ** rng.uniform(-60, 12, count)
    near = rng.uniform(-4, 4, count)
    multiples = rng.integers(1, 1 << 30, 2000) * (math.pi / 2)
    return np.concatenate([bits, sizes, near, multiples, 1 + rng.uniform(-1, 1, 2000) * 2.0 ** rng.uniform(-50, -2, 2000), SPECIALS])


def ulps(got, want, kind):
    """The largest error in units in the last place of `kind`; infinite where nan, infinities or zeros' signs differ."""
    with np.errstate(all="ignore"):
        near = want.astype(kind)
        special = ~np.isfinite(near) | ~np.isfinite(got)
        tiny, digits = np.finfo(kind).smallest_subnormal, np.finfo(kind).nmant
        unit = np.maximum(np.ldexp(want.dtype.type(1), np.frexp(np.abs(want))[1] - 1 - digits), want.dtype.type(tiny))
        error = np.abs(got.astype(want.dtype) - want) / unit
        limit = np.finfo(kind).max
        edge = (
            special & (np.abs(got) >= limit) & (np.abs(near) >= limit) & (np.sign(got) == np.sign(near))
        )  # rounded to infinity, or just not
        wrong = special & ~edge & ~((got == near) | (np.isnan(got) & np.isnan(near)))
        wrong |= (got == 0) & (want == 0) & (np.signbit(got) != np.signbit(want))
        error = np.where(special, 0, error)
    return np.where(wrong, np.inf, error.astype(np.float64))


def reference(name):
    return getattr(np, NUMPY_NAMES.get(name, name))


def check(name, kind, bound, *x):
    with np.errstate(all="ignore"):
        want = reference(name)(*[a.astype(np.float64 if kind == F32 else np.longdouble) for a in x])
    got = run(FUNCTIONS[name], *x)
    assert got.dtype == kind
    error = ulps(got, want, kind)
    worst = int(np.argmax(error))
    assert error[worst] <= bound + 0.5, (
        f"{name} {kind}: {error[worst]:.2f} ulp at {[a[worst] for a in x]}: {got[worst]!r}, should be {want[worst]!r}"
    )


@pytest.mark.parametrize("kind", [F32, F64], ids=str)
@pytest.mark.parametrize("name", ULP)
def test_error_in_ulp(name, kind):
    """Functions of one operand."""
    check(name, kind, ULP[name][kind == F64], singles() if kind == F32 else doubles())


@pytest.mark.parametrize("kind", [F32, F64], ids=str)
@pytest.mark.parametrize("name", TESTS)
def test_tests(name, kind):
    """Functions that give a truth value."""
    x = singles() if kind == F32 else doubles()
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(run(FUNCTIONS[name], x), reference(name)(x))


@np.errstate(over="ignore")
def pairs(name, kind):
    rng = np.random.default_rng(3)
    edges = np.array([*SPECIALS, 1e-300, 1e300, 5e-324, 7.0, -3.0], kind)
    a, b = (g.ravel() for g in np.meshgrid(edges, edges))
    n = 20000
    size = {F32: 30, F64: 200}[kind]
    x, y = rng.uniform(-1, 1, (2, n)) * 2.0 ** rng.uniform(-size, size, (2, n))
    if name == "power":
        x, y = np.abs(x), rng.uniform(-1, 1, n) * 700 / np.maximum(np.abs(np.log(np.abs(x))), 1e-3)
        x[: n // 4], y[: n // 4] = rng.uniform(0.5, 2, n // 4), rng.uniform(-100, 100, n // 4)
        x[-n // 4 :], y[-n // 4 :] = rng.uniform(-9, 9, n // 4), rng.integers(-30, 30, n // 4)
    if name in ("fmod", "remainder", "floor_divide"):
        y = x * rng.uniform(-1, 1, n) * 2.0 ** rng.uniform(-12, 2, n)
    return np.concatenate([a, x.astype(kind)]), np.concatenate([b, y.astype(kind)])


@pytest.mark.parametrize("kind", [F32, F64], ids=str)
@pytest.mark.parametrize("name", ULP_OF_TWO)
def test_error_in_ulp_of_two(name, kind):
    """Functions of two operands, with all pairs of special values."""
    a, b = pairs(name, kind)
    if name in ("minimum", "maximum", "fmin", "fmax"):  # which of two zeros is the smaller is left open
        a, b = a + np.asarray(0, kind), b + np.asarray(0, kind)
    if name in ("remainder", "floor_divide", "fmod"):  # NumPy's own rule, in the same kind
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(run(FUNCTIONS[name], a, b), reference(name)(a, b))
        return
    check(name, kind, ULP_OF_TWO[name][kind == F64], a, b)


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint8"])
@pytest.mark.parametrize("name", ["fmod", "remainder", "floor_divide", "power", "minimum", "maximum", "fmin", "fmax"])
def test_integers(name, kind):
    """Integers wrap, and division by zero gives zero and no trap."""
    limits = np.iinfo(kind)
    rng = np.random.default_rng(5)
    edges = np.array([0, 1, 2, 3, 7, limits.max, limits.min, limits.max - 1, limits.min + 1, *([-1, -2, -7] if limits.min else [])], kind)
    a, b = (np.concatenate([g.ravel(), rng.integers(limits.min, limits.max, 500, kind, True)]) for g in np.meshgrid(edges, edges))
    b[-100:] = rng.integers(1, 9, 100)
    if name == "power":
        b = np.where(b < 0, 0, b)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(run(FUNCTIONS[name], a, b), reference(name)(a, b))


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "int64", "uint8"])
@pytest.mark.parametrize(
    "name", ["abs", "signbit", "logical_not", "isnan", "isinf", "isfinite", "floor", "ceil", "trunc", "rint", "conj", "real", "imag"]
)
def test_integers_of_one(name, kind):
    """The functions of one operand that integers have."""
    limits = np.iinfo(kind)
    x = np.array([0, 1, 2, limits.max, limits.min, limits.min + 1], kind)
    want = x < 0 if name == "signbit" else reference(name)(x)
    np.testing.assert_array_equal(run(FUNCTIONS[name], x), want)


def test_fma_rounds_once():
    """The product is not rounded before the sum."""
    x = np.array([1 + 2.0**-30])
    assert run(FUNCTIONS["fma"], x, x, -x * x)[0] == 2.0**-60


def test_operators():
    """Operators of mixed kinds and with Python's numbers give what NumPy's give."""
    rng = np.random.default_rng(1)
    i, u, t = rng.integers(-9, 9, 64), rng.integers(0, 255, 64).astype(np.uint8), rng.random(64) < 0.5
    bodies = [
        (lambda s, a: a / 3, i),
        (lambda s, a: 3 / a, i),
        (lambda s, a: a * 0.5, i),
        (lambda s, a: a // 4, i),
        (lambda s, a: a // 4, u),
        (lambda s, a: a != 0, t),
        (lambda s, a: a + a, t),
        (lambda s, a: a * a, t),
        (lambda s, a: a * 2, t),
        (lambda s, a: a + 0.25, t),
        (lambda s, a: a >> 1, i),
        (lambda s, a: ~a, u),
    ]
    for body, x in bodies:
        with np.errstate(all="ignore"):
            want = body(None, x)
        got = run(body, x)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


def test_large_angles():
    """The reduction of large angles is exact: against sines worked out with hundreds of digits."""
    x = np.array([1e22, 2.0**1023, -1.7976931348623157e308, 6381956970095103 * 2.0**797])
    np.testing.assert_array_max_ulp(run(FUNCTIONS["sin"], x), np.array(SINES), 1)
    np.testing.assert_array_max_ulp(run(FUNCTIONS["cos"], x), np.array(COSINES), 1)


SINES = [-0.8522008497671888, 0.563127779850884, -0.004961954789184062, 1.0]
COSINES = [0.523214785395139, -0.826369834614148, -0.9999876894265599, -4.687165924254628e-19]


def test_every_function_is_tested():
    """A function that is added needs a bound."""
    assert set(FUNCTIONS) - ABOVE_SCALARS == {*ULP, *ULP_OF_TWO, *TESTS}
    assert set(FUNCTIONS) - ABOVE_SCALARS <= {*UNARY, *BINARY}
