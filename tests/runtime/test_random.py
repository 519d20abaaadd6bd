"""Random streams: stored numbers of PyTorch 2.13, then PyTorch itself where it is installed, then what holds of any stream."""

from __future__ import annotations

import copy
import math
import pickle
import zlib
from fractions import Fraction

import numpy as np
import pytest

from powerhouse.core import dtypes as dt
from powerhouse.runtime import _random_integers as integers
from powerhouse.runtime import _random_math as rm
from powerhouse.runtime import random as module
from powerhouse.runtime.random import Mt19937

SIZES = (0, 1, 5, 15, 16, 17, 100, 1000, 10001)
REALS = (dt.float16, dt.bfloat16, dt.float32, dt.float64)
INTEGERS = (dt.uint8, dt.int8, dt.int16, dt.int32, dt.int64)


def ids(dtype: dt.dtype) -> str:
    return dtype.name


# ---- stored numbers: each from a fresh generator of seed 42 ----------------------------------------------------------------

STORED = {
    "uniform": (lambda g: g.uniform((4,)), [0.8822692632675171, 0.9150039553642273, 0.38286375999450684, 0.9593056440353394]),
    "uniform float64": (lambda g: g.uniform((3,), dt.float64), [0.05815448596142969, 0.06291016742457756, 0.12358607277440903]),
    "uniform bfloat16": (lambda g: g.uniform((4,), dt.bfloat16), [0.8828125, 0.9140625, 0.3828125, 0.9609375]),
    "uniform bounds": (
        lambda g: g.uniform((4,), dt.float32, -0.3, 0.3),
        [0.22936156392097473, 0.2490023821592331, -0.0702817440032959, 0.2755833864212036],
    ),
    "normal, by pairs": (lambda g: g.normal((3,)), [0.33669036626815796, 0.12880940735340118, 0.23446236550807953]),
    "normal, by groups": (lambda g: g.normal((17,))[[0, 14, 15, 16]], [1.926915287, -0.2515752911, 0.859858512878, -0.3097267746925]),
    "normal float16": (lambda g: g.normal((17,), dt.float16)[-3:], [0.041748046875, -0.25146484375, 0.85986328125]),
    "normal float64": (lambda g: g.normal((17,), dt.float64)[-2:], [0.855215961472287, 0.2494118796915765]),
    "randint": (lambda g: g.randint((6,), 0, 100), [42, 67, 76, 14, 26, 35]),
    "randint, 64-bit draws": (lambda g: g.randint((3,), -(2**40), 2**40), [-658003837517, 395924837646, -640896347065]),
    "random uint8": (lambda g: g.random((5,), dt.uint8), [102, 179, 92, 14, 106]),
    "randperm": (lambda g: g.randperm(10), [2, 6, 1, 8, 4, 5, 0, 9, 3, 7]),
    "bernoulli_p": (lambda g: g.bernoulli_p((12,), 0.4), [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]),
    "bernoulli": (lambda g: g.bernoulli(np.full(12, 0.4, np.float32)), [0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 0]),
    "exponential": (lambda g: g.exponential((3,), rate=2.0), [0.029957007616758347, 0.03248806297779083, 0.06595838814973831]),
    "cauchy": (lambda g: g.cauchy((3,), median=1.0, sigma=2.0), [-9.82497501373291, -8.987401962280273, -3.8897485733032227]),
    "log_normal": (lambda g: g.log_normal((3,), mean=0.0, std=0.5), [1.1833449602127075, 1.0665239095687866, 1.124379277229309]),
    "geometric": (lambda g: g.geometric((6,), p=0.2), [13, 13, 10, 14, 3, 4]),
    "multinomial": (lambda g: g.multinomial(np.arange(1, 7, dtype=np.float32), 8, True), [1, 1, 1, 1, 4, 4, 5, 5]),
    "multinomial, distinct": (lambda g: g.multinomial(np.arange(1, 7, dtype=np.float32), 4), [3, 1, 2, 0]),
    "poisson": (lambda g: g.poisson(np.array([0.5, 3, 9.9, 10, 50], np.float32)), [0, 1, 7, 9, 59]),
    "standard_gamma": (lambda g: g.standard_gamma(np.array([0.3, 1, 4], np.float32)), [1.23799443244, 0.8415495753288, 0.6815980076789]),
    "binomial": (lambda g: g.binomial(np.array([10, 50, 100], np.float32), np.array([0.3, 0.9, 0.5], np.float32)), [1, 48, 59]),
}


@pytest.mark.parametrize("name", STORED)
def test_stored_numbers(name):
    sample, expected = STORED[name]
    ours = sample(Mt19937(42)).astype(np.float64)
    np.testing.assert_allclose(ours, expected, rtol=1e-14 if "float64" in name else 2e-7)


def test_stored_checksums():
    generator = Mt19937(42)
    assert zlib.crc32(generator.bernoulli_p((10001,), 0.1).tobytes()) == 2512372492
    assert zlib.crc32(generator.normal((10001,)).tobytes()) == 80754104
    assert zlib.crc32(generator.randperm(70000).tobytes()) == 3257420118


def test_stored_states():
    generator = Mt19937(42)
    assert zlib.crc32(generator.get_state().tobytes()) == 3998256470
    generator.uniform((700,))
    generator.normal((3,))
    assert zlib.crc32(generator.get_state().tobytes()) == 3925547571


# ---- against PyTorch -------------------------------------------------------------------------------------------------------


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    before = torch.get_rng_state()
    yield torch
    torch.set_rng_state(before)


def as_numpy(tensor) -> np.ndarray:
    """bfloat16, which torch cannot hand over, as float32."""
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()


def assert_same(torch, generator: Mt19937, ours: np.ndarray, theirs, ulp: int = 0) -> None:
    """The same numbers, and generators that stand at the same place.

    PyTorch fuses and vectorizes only on processors that can; elsewhere its last bits are others.
    """
    theirs = as_numpy(theirs)
    ours = ours.astype(theirs.dtype) if ours.dtype == dt.bfloat16.numpy else ours
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    if ours.dtype.kind not in "fc" or torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512") and not ulp:
        np.testing.assert_array_equal(ours, theirs)
    else:
        np.testing.assert_allclose(ours, theirs, rtol=max(ulp, 8) * np.finfo(ours.dtype).eps, atol=np.finfo(ours.dtype).eps)
    np.testing.assert_array_equal(generator.get_state(), torch.get_rng_state().numpy())


def seeded(torch, seed: int = 5) -> Mt19937:
    torch.manual_seed(seed)
    return Mt19937(seed)


@pytest.mark.parametrize("dtype", [*REALS, dt.complex64, dt.complex128], ids=ids)
def test_uniform_is_torchs(torch, dtype):
    generator, theirs = seeded(torch), getattr(torch, dtype.name)
    for n in SIZES:
        assert_same(torch, generator, generator.uniform((n,), dtype), torch.rand(n, dtype=theirs))
        for low, high in ((-0.3, 0.3), (0.1, 3.7), (-2, 1000), (4, 4)):
            assert_same(torch, generator, generator.uniform((n,), dtype, low, high), torch.empty(n, dtype=theirs).uniform_(low, high))
    assert_same(torch, generator, generator.uniform((2, 0, 3), dtype), torch.rand(2, 0, 3, dtype=theirs))
    assert_same(torch, generator, generator.uniform((), dtype), torch.rand((), dtype=theirs))


@pytest.mark.parametrize("dtype", [*REALS, dt.complex64, dt.complex128], ids=ids)
def test_normal_is_torchs(torch, dtype):
    generator, theirs = seeded(torch), getattr(torch, dtype.name)
    ulp = 4 if dtype in (dt.float64, dt.complex128) else 0
    for n in SIZES:
        for mean, std in ((0, 1), (0.3, 0.02), (-1, 4), (2, 0)):
            ours = generator.normal((n,), dtype, mean, std)
            assert_same(torch, generator, ours, torch.empty(n, dtype=theirs).normal_(mean, std), ulp)


@pytest.mark.filterwarnings("ignore:.*is out of bounds:UserWarning")
@pytest.mark.parametrize("dtype", [*REALS, *INTEGERS, dt.bool_], ids=ids)
def test_integers_are_torchs(torch, dtype):
    generator, theirs = seeded(torch), getattr(torch, dtype.name)
    bounds = [(0, 1), (0, 2)] if dtype is dt.bool_ else [(0, 1), (0, 2), (0, 10), (3, 100)]
    if dtype in (dt.int32, dt.int64, dt.float32, dt.float64, dt.bfloat16):
        bounds += [(-300, 70000), (0, 2**28 - 1), (0, 2**28), (-(2**31), 2**31 - 1)]
    if dtype in (dt.int64, dt.float64, dt.float32):
        bounds += [(-(2**62), 2**62 + 5), (-(2**63), 2**63 - 1), (0, 2**24 + 3)]
    if dtype is dt.float16:
        bounds += [(0, 65504), (-5000, 5000)]
    for n in SIZES:
        assert_same(torch, generator, generator.random((n,), dtype), torch.empty(n, dtype=theirs).random_())
        assert_same(torch, generator, generator.random((n,), dtype, 1), torch.empty(n, dtype=theirs).random_(1, None))
        for low, high in bounds:
            assert_same(torch, generator, generator.randint((n,), low, high, dtype), torch.empty(n, dtype=theirs).random_(low, high))
    if dtype in (dt.int64, dt.float32, dt.float64, dt.bfloat16):
        assert_same(torch, generator, generator.random((9,), dtype, -(2**63)), torch.empty(9, dtype=theirs).random_(-(2**63), None))


@pytest.mark.parametrize("dtype", [*REALS, *INTEGERS], ids=ids)
def test_randperm_is_torchs(torch, dtype):
    generator, theirs = seeded(torch), getattr(torch, dtype.name)
    for n in (*range(6), 17, 100, 1000, 10001, 70000):
        if n <= integers.largest_integer(dtype) + 1:
            assert_same(torch, generator, generator.randperm(n, dtype), torch.randperm(n, dtype=theirs))


@pytest.mark.parametrize("dtype", [*REALS, *INTEGERS, dt.bool_], ids=ids)
def test_bernoulli_p_is_torchs(torch, dtype):
    generator, theirs = seeded(torch), getattr(torch, dtype.name)
    for n in SIZES:
        for p in (0, 0.1, 0.5, 1 / 3, 0.9, 1):
            ours = generator.bernoulli_p((n,), p).astype(dtype.numpy)
            assert_same(torch, generator, ours, torch.empty(n, dtype=theirs).bernoulli_(p))


def test_dropout_mask_is_torchs(torch):
    generator = seeded(torch)
    kept = torch.nn.functional.dropout(torch.ones(37, 41), 0.3) != 0
    np.testing.assert_array_equal(generator.bernoulli_p((37, 41), 1 - 0.3), kept.numpy())


@pytest.mark.parametrize("dtype", REALS, ids=ids)
def test_bernoulli_is_torchs(torch, dtype):
    generator = seeded(torch)
    for n in SIZES:
        probability = np.linspace(0, 1, n).astype(dtype.numpy)
        theirs = torch.bernoulli(torch.from_numpy(probability.astype(np.float64)).to(getattr(torch, dtype.name)))
        assert_same(torch, generator, generator.bernoulli(probability).astype(dtype.numpy), theirs)


@pytest.mark.parametrize("dtype", REALS, ids=ids)
def test_continuous_distributions_are_torchs(torch, dtype):
    generator, theirs = seeded(torch), getattr(torch, dtype.name)
    ulp = 4 if dtype is dt.float64 else 1
    for n in SIZES:
        empty = torch.empty(n, dtype=theirs)
        assert_same(torch, generator, generator.exponential((n,), dtype, 1.7), empty.exponential_(1.7), ulp)
        assert_same(torch, generator, generator.cauchy((n,), dtype, 0.5, 1.7), empty.cauchy_(0.5, 1.7), 64 * ulp)
        assert_same(torch, generator, generator.log_normal((n,), dtype, 0.5, 0.7), empty.log_normal_(0.5, 0.7), ulp)


@pytest.mark.parametrize("dtype", [*REALS, *INTEGERS], ids=ids)
def test_geometric_is_torchs(torch, dtype):
    generator = seeded(torch)
    for n in SIZES:
        theirs = torch.empty(n, dtype=getattr(torch, dtype.name)).geometric_(0.2)
        assert_same(torch, generator, generator.geometric((n,), dtype, 0.2), theirs)


@pytest.mark.parametrize("dtype", [dt.float16, dt.float32, dt.float64], ids=ids)
@pytest.mark.parametrize("shape", [(7,), (1, 7), (3, 50)])
def test_multinomial_is_torchs(torch, dtype, shape):
    generator = seeded(torch)
    weights = np.random.default_rng(0).random(shape).astype(dtype.numpy)
    weights[..., 2] = 0
    for count, replacement in ((1, False), (1, True), (4, False), (4, True), (90, True)):
        theirs = torch.multinomial(torch.from_numpy(weights), count, replacement)
        assert_same(torch, generator, generator.multinomial(weights, count, replacement), theirs)


@pytest.mark.parametrize("dtype", [dt.float32, dt.float64], ids=ids)
def test_rejection_samplers_are_torchs(torch, dtype):
    generator, source = seeded(torch), np.random.default_rng(0)
    for n in (0, 1, 5, 300):
        rate = (source.random(n) * 40).astype(dtype.numpy)
        rate[1:4] = [0, 10, 1][: max(n - 1, 0)]
        assert_same(torch, generator, generator.poisson(rate), torch.poisson(torch.from_numpy(rate)))
        alpha = (source.random(n) * 3).astype(dtype.numpy)
        assert_same(torch, generator, generator.standard_gamma(alpha), torch._standard_gamma(torch.from_numpy(alpha)), 8)
        count = source.integers(0, 200, n).astype(dtype.numpy)
        chance = source.random(n).astype(dtype.numpy)
        assert_same(torch, generator, generator.binomial(count, chance), torch.binomial(torch.from_numpy(count), torch.from_numpy(chance)))
    alpha = (source.random((20, 4)) + 0.1).astype(dtype.numpy)
    assert_same(torch, generator, generator.dirichlet(alpha), torch._sample_dirichlet(torch.from_numpy(alpha)), 8)


@pytest.mark.parametrize("seed", [0, 1, -1, 42, 2**32, 2**40 + 3, 2**64 - 1, -(2**63)])
def test_seeds_are_torchs(torch, seed):
    generator = seeded(torch, seed)
    assert generator.initial_seed() == torch.initial_seed()
    assert_same(torch, generator, generator.uniform((5,)), torch.rand(5))


def test_default_seed_is_torchs(torch):
    assert Mt19937().initial_seed() == torch.Generator().initial_seed()


@pytest.mark.parametrize("draws", [0, 1, 3, 623, 624, 625, 1248])
@pytest.mark.parametrize("normals", [0, 1, 2])
def test_states_go_both_ways(torch, draws, normals):
    ours = seeded(torch, 9)
    ours.uniform((draws,))
    ours.normal((normals,))
    torch.rand(draws)
    torch.randn(normals)
    theirs = torch.get_rng_state().numpy()
    np.testing.assert_array_equal(ours.get_state(), theirs)

    other = Mt19937(1)
    other.set_state(theirs)
    torch.manual_seed(2)
    torch.set_rng_state(torch.from_numpy(ours.get_state()))
    assert other.initial_seed() == 9
    assert_same(torch, other, other.normal((3,)), torch.randn(3))
    assert_same(torch, other, other.normal((700,)), torch.randn(700))


# ---- of any stream ---------------------------------------------------------------------------------------------------------


def test_copies_go_on_alike_and_apart():
    generator = Mt19937(3)
    generator.normal((5,))
    copies = [generator.clone(), copy.deepcopy(generator), pickle.loads(pickle.dumps(generator))]
    expected = generator.normal((40,))
    for other in copies:
        np.testing.assert_array_equal(other.normal((40,)), expected)


def test_blocks_do_not_show():
    n = module._BLOCK + 35
    whole, parts = Mt19937(8), Mt19937(8)
    expected = np.concatenate([parts.uniform((17,)), parts.uniform((n - 17,))])
    np.testing.assert_array_equal(whole.uniform((n,)), expected)
    np.testing.assert_array_equal(whole.get_state(), parts.get_state())


def test_seed_without_a_number_draws_one():
    generator = Mt19937(0)
    first, second = generator.seed(), generator.seed()
    assert first != second and generator.initial_seed() == second


@pytest.mark.parametrize("n", [0, 1, 2, 3, 50, 3000])
def test_shuffles_are_their_textbook_loops(n):
    source = np.random.default_rng(n)
    targets = source.integers(np.arange(n), n) if n else np.zeros(0, np.int64)
    expected = list(range(n))
    for i, j in enumerate(targets):
        expected[i], expected[j] = expected[j], expected[i]
    np.testing.assert_array_equal(integers.shuffle(targets), expected)

    draws, expected = source.integers(0, 2**63, n).astype(np.uint64), []
    for i, draw in enumerate(draws.tolist()):
        expected.append(i)
        j = draw % (i + 1)
        expected[i], expected[j] = expected[j], i
    np.testing.assert_array_equal(integers.shuffle_inside_out(draws), expected)


@pytest.mark.parametrize("real", [np.float32, np.float64])
def test_fma_rounds_once(real):
    source = np.random.default_rng(0)
    a = source.standard_normal(2000).astype(real)
    b, c = real(0.7236), real(-1.1)
    exact = [Fraction(float(x)) * Fraction(float(b)) + Fraction(float(c)) for x in a]
    np.testing.assert_array_equal(rm.fma(a, b, c), [_nearest(x, real) for x in exact])


def _nearest(x: Fraction, real: type) -> np.floating:
    guess = real(float(x))
    return min((np.nextafter(guess, real(-np.inf)), guess, np.nextafter(guess, real(np.inf))), key=lambda y: abs(Fraction(float(y)) - x))


MOMENTS = {
    "uniform": (lambda g, n: g.uniform((n,), dt.float32, -1, 3), 1, 16 / 12),
    "normal": (lambda g, n: g.normal((n,), dt.float32, 2, 3), 2, 9),
    "normal float64": (lambda g, n: g.normal((n,), dt.float64, 2, 3), 2, 9),
    "exponential": (lambda g, n: g.exponential((n,), rate=2), 0.5, 0.25),
    "geometric": (lambda g, n: g.geometric((n,), p=0.25), 4, 12),
    "log_normal": (lambda g, n: np.log(g.log_normal((n,), mean=1, std=0.5)), 1, 0.25),
    "cauchy, as angles": (lambda g, n: np.arctan(g.cauchy((n,))), 0, math.pi**2 / 12),
    "poisson, small": (lambda g, n: g.poisson(np.full(n, 3.0)), 3, 3),
    "poisson, large": (lambda g, n: g.poisson(np.full(n, 30.0)), 30, 30),
    "gamma, small": (lambda g, n: g.standard_gamma(np.full(n, 0.4)), 0.4, 0.4),
    "gamma, large": (lambda g, n: g.standard_gamma(np.full(n, 5.0)), 5, 5),
    "binomial, small": (lambda g, n: g.binomial(np.full(n, 12.0), np.full(n, 0.3)), 3.6, 2.52),
    "binomial, large": (lambda g, n: g.binomial(np.full(n, 100.0), np.full(n, 0.7)), 70, 21),
    "randint": (lambda g, n: g.randint((n,), -3, 4), 0, 4),
    "bernoulli": (lambda g, n: g.bernoulli_p((n,), 0.2), 0.2, 0.16),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_moments(name):
    sample, mean, variance = MOMENTS[name]
    n = 20000
    x = sample(Mt19937(11), n).astype(np.float64)
    assert abs(x.mean() - mean) < 5 * math.sqrt(variance / n)
    assert abs(x.var() / variance - 1) < 0.12


def test_multinomial_follows_the_weights():
    weights = np.array([[1, 2, 0, 5], [3, 0, 3, 2]], np.float32)
    counts = np.stack([np.bincount(row, minlength=4) for row in Mt19937(1).multinomial(weights, 20000, True)])
    np.testing.assert_allclose(counts / 20000, weights / 8, atol=0.015)
    distinct = Mt19937(1).multinomial(np.ones((100, 5)), 5)
    assert (np.sort(distinct, axis=1) == np.arange(5)).all()


FAULTS = {
    "std": (lambda g: g.normal((3,), dt.float32, 0, -1), RuntimeError, "normal expects std >= 0.0, but found std -1"),
    "normal of int": (lambda g: g.normal((3,), dt.int64), NotImplementedError, "normal: expected float16.*got torch.int64"),
    "uniform of int": (lambda g: g.uniform((3,), dt.int64), NotImplementedError, "uniform_: expected float16.*got torch.int64"),
    "uniform order": (lambda g: g.uniform((3,), dt.float32, 2, 1), RuntimeError, r"uniform_ expects to return a \[from, to\) range"),
    "uniform bound": (lambda g: g.uniform((3,), dt.float16, 0, 1e6), RuntimeError, "uniform_: to is out of bounds for torch.float16"),
    "uniform width": (lambda g: g.uniform((3,), dt.float16, -6e4, 6e4), RuntimeError, "uniform_ expects to - from to be finite"),
    "randint order": (lambda g: g.randint((3,), 5, 5), RuntimeError, "random_ expects 'from' to be less than 'to', but got from=5 >= to=5"),
    "randint uint8": (lambda g: g.randint((3,), 0, 300, dt.uint8), RuntimeError, "random_: to - 1 is out of bounds for torch.uint8"),
    "randint low": (lambda g: g.randint((3,), -1, 3, dt.uint8), RuntimeError, "random_: from is out of bounds for torch.uint8"),
    "random uint32": (lambda g: g.random((3,), dt.uint32), NotImplementedError, "not implemented for torch.uint32"),
    "random complex": (lambda g: g.random((3,), dt.complex64), NotImplementedError, "not implemented for torch.complex64"),
    "randint complex": (lambda g: g.randint((3,), 0, 2, dt.complex64), NotImplementedError, "not implemented for torch.complex64"),
    "randperm": (lambda g: g.randperm(-1), RuntimeError, "randperm: n must be non-negative, got -1"),
    "randperm uint8": (lambda g: g.randperm(300, dt.uint8), RuntimeError, "randperm: n is too large for torch.uint8"),
    "p": (lambda g: g.bernoulli_p((3,), 1.5), RuntimeError, r"bernoulli_ expects p to be in \[0, 1\], but got p=1.5"),
    "nan p": (lambda g: g.bernoulli(np.array([math.nan])), RuntimeError, "bernoulli: expected probabilities"),
    "rate": (lambda g: g.exponential((3,), rate=0), RuntimeError, "exponential_ expects lambda > 0.0"),
    "exponential of int": (lambda g: g.exponential((3,), dt.int32), RuntimeError, "exponential_: expected float16"),
    "sigma": (lambda g: g.cauchy((3,), sigma=0), RuntimeError, "cauchy_ expects sigma > 0.0"),
    "log_normal": (lambda g: g.log_normal((3,), std=0), RuntimeError, "log_normal_ expects std > 0.0"),
    "geometric": (lambda g: g.geometric((3,), p=1), RuntimeError, r"geometric_ expects p to be in \(0, 1\)"),
    "too many": (lambda g: g.multinomial(np.ones(3), 4), RuntimeError, "without replacement, got 4 > 3"),
    "no weight": (lambda g: g.multinomial(np.zeros(3), 1), RuntimeError, "sum of probabilities <= 0"),
    "negative weight": (lambda g: g.multinomial(np.array([1.0, -1]), 1), RuntimeError, "element < 0"),
    "no samples": (lambda g: g.multinomial(np.ones(3), 0), RuntimeError, "cannot sample n_sample <= 0 samples"),
    "int weights": (lambda g: g.multinomial(np.ones(3, int), 1), RuntimeError, "only supports floating-point"),
    "3-d weights": (lambda g: g.multinomial(np.ones((1, 1, 3)), 1), RuntimeError, "1 or 2 dim"),
    "poisson": (lambda g: g.poisson(np.array([-1.0])), RuntimeError, "poisson: invalid Poisson rate"),
    "seed": (lambda g: g.seed(2**64), ValueError, "manual_seed: expected a seed from"),
    "state dtype": (lambda g: g.set_state(np.zeros(5056)), TypeError, "must be a torch.ByteTensor"),
    "state size": (lambda g: g.set_state(np.zeros(100, np.uint8)), RuntimeError, r"expected an RNG state of shape \(5056,\)"),
    "state": (lambda g: g.set_state(np.zeros(5056, np.uint8)), RuntimeError, "invalid mt19937 state"),
}


def test_integers_with_gaps_warn():
    with pytest.warns(UserWarning, match=r"random_: to - 1=4995 is out of bounds \[-\(2\^11\), 2\^11\]"):
        Mt19937(0).randint((3,), 0, 5000, dt.float16)


@pytest.mark.parametrize("name", FAULTS)
def test_faults(name):
    call, error, message = FAULTS[name]
    with pytest.raises(error, match=message):
        call(Mt19937(0))
