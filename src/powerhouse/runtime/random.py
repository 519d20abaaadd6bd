"""PyTorch's CPU random numbers in NumPy: the same Mersenne Twister, the same draws in the same order, the same numbers.

A 32-bit draw gives a float32 uniform (its low 24 bits), two draws a float64 one (high word first, low 53 bits). Every
distribution is a function of those. Half-precision numbers are made in float32 and rounded at the end. Nothing here knows
tensors: shapes and dtypes go in, contiguous arrays come out.

Equal to PyTorch 2.13 bit for bit: states, integers, permutations, Bernoulli masks, uniforms, float32 and half normals. Functions of
float64 results come from the C library, as PyTorch's do; float32 results of the other distributions may differ in the last bit, about
once in 2^29. Older builds of PyTorch drew `bernoulli_(p)` and `exponential_` from Intel MKL; those streams are not made here.

Source: M. Matsumoto and T. Nishimura, Mersenne Twister, ACM TOMACS 8 (1998); behaviour as observed in PyTorch 2.13.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from powerhouse.core import dtypes
from powerhouse.core.dtypes import dtype as DType
from powerhouse.runtime import _random_integers as integers
from powerhouse.runtime import _random_math as rm
from powerhouse.runtime import _rejection as rejection
from powerhouse.runtime import memory
from powerhouse.runtime._random_integers import HALVES, REALS

Shape = Sequence[int]
ArrayFunction = Callable[[np.ndarray], np.ndarray]

DEFAULT_SEED = 67280421310721  # of a generator that nobody seeded
_BLOCK = 1 << 14  # numbers made at a time: they and their temporaries stay in the cache
_WORDS = 624
_MASK32, _MASK64 = (1 << 32) - 1, (1 << 64) - 1
_MASK24, _MASK53 = np.uint32((1 << 24) - 1), np.uint64((1 << 53) - 1)
_WIDE_RANGE = 1 << 28  # integers from a range this wide or wider take 64-bit draws
_WIDE_PERMUTATION = _MASK32 // 20

# The bytes of torch.get_rng_state(): a C struct of the first PyTorch, kept since.
_STATE = np.dtype({
    "names": ["seed", "left", "seeded", "next", "words", "next_normal", "has_normal", "next_float_normal", "has_float_normal"],
    "formats": ["<u8", "<i4", "<i4", "<u8", ("<u8", _WORDS), "<f8", "<i4", "<f4", "?"],
    "offsets": [0, 8, 12, 16, 24, 5024, 5040, 5048, 5052],
    "itemsize": 5056,
})  # fmt: skip


class Mt19937:
    """A generator with PyTorch's CPU streams.

    Args:
        seed: any integer from -2^63 to 2^64 - 1; negative ones stand for themselves plus 2^64. Only the low 32 bits choose the stream.

    Methods take `shape` (a sequence of int) and `dtype` (a `powerhouse.core.dtypes.dtype`) and return a new contiguous array.

    >>> from powerhouse.core.dtypes import float32
    >>> Mt19937(0).uniform((3,), float32)
    array([0.4962566 , 0.7682218 , 0.08847743], dtype=float32)
    """

    __slots__ = ("_bits", "_generator", "_initial_seed", "_next_normal", "_next_float_normal")

    def __init__(self, seed: int = DEFAULT_SEED) -> None:
        self._bits = np.random.MT19937(0)
        self._generator = np.random.Generator(self._bits)
        self.seed(seed)

    # ---- seed and state -------------------------------------------------------------------------------------------------

    def seed(self, n: int | None = None) -> int:
        """Start the stream of seed `n`, or of one that the operating system draws; return it. ValueError if out of range."""
        if n is None:
            n = int.from_bytes(os.urandom(8), "little") >> 11
        if not integers.INT64_MIN <= n <= _MASK64:
            raise ValueError(f"manual_seed: expected a seed from -2^63 to 2^64 - 1, got {n}")
        self._initial_seed = n & _MASK64
        self._next_normal: float | None = None
        self._next_float_normal: float | None = None
        np.random.RandomState(self._bits).seed(n & _MASK32)
        return self._initial_seed

    def initial_seed(self) -> int:
        """The seed of the stream, from 0 to 2^64 - 1."""
        return self._initial_seed

    def get_state(self) -> np.ndarray:
        """The state as PyTorch stores it: uint8, shape (5056,). `torch.set_rng_state` accepts it."""
        twister = self._bits.state["state"]
        words, position = twister["key"], twister["pos"]
        untouched = position == _WORDS and int(words[0]) == self._initial_seed & _MASK32
        state = np.zeros((), _STATE)
        state["seed"], state["seeded"], state["words"] = self._initial_seed, 1, words
        state["left"], state["next"] = (1, 0) if untouched else (_WORDS + 1 - position, position)
        if self._next_normal is not None:
            state["next_normal"], state["has_normal"] = self._next_normal, 1
        if self._next_float_normal is not None:
            state["next_float_normal"], state["has_float_normal"] = self._next_float_normal, True
        return state.reshape(1).view(np.uint8)

    def set_state(self, state: np.ndarray) -> None:
        """Continue from what `get_state` (or `torch.get_rng_state`) gave.

        Raises TypeError unless uint8, RuntimeError unless of shape (5056,) and a state of the twister.
        """
        state = np.asarray(state)
        if state.dtype != np.uint8:
            raise TypeError(f"set_state: RNG state must be a torch.ByteTensor, got an array of {state.dtype}")
        if state.shape != (_STATE.itemsize,):
            raise RuntimeError(f"set_state: expected an RNG state of shape ({_STATE.itemsize},), got {tuple(state.shape)}")
        fields = np.ascontiguousarray(state).view(_STATE)[0]
        left, following = int(fields["left"]), int(fields["next"])
        if not fields["seeded"] or not 0 < left <= _WORDS or following > _WORDS:
            raise RuntimeError(f"set_state: invalid mt19937 state (seeded={fields['seeded']}, left={left}, next={following})")
        position = _WORDS if left == 1 else following
        self._bits.state = {"bit_generator": "MT19937", "state": {"key": fields["words"].astype(np.uint32), "pos": position}}
        self._initial_seed = int(fields["seed"])
        self._next_normal = float(fields["next_normal"]) if fields["has_normal"] else None
        self._next_float_normal = float(fields["next_float_normal"]) if fields["has_float_normal"] else None

    def clone(self) -> Mt19937:
        """A generator that goes on from here by itself."""
        return _from_state(self.get_state())

    def __reduce__(self) -> tuple[Callable[[np.ndarray], Mt19937], tuple[np.ndarray]]:
        return _from_state, (self.get_state(),)

    # ---- raw draws ------------------------------------------------------------------------------------------------------

    def random32(self, n: int) -> np.ndarray:
        """The next `n` draws: uint32, shape (n,)."""
        return self._generator.integers(0, _MASK32, size=n, dtype=np.uint32, endpoint=True)

    def random64(self, n: int) -> np.ndarray:
        """The next `2 n` draws as `n` numbers, the first of each pair on top: uint64, shape (n,)."""
        return self._generator.integers(0, _MASK64, size=n, dtype=np.uint64, endpoint=True)

    def _unit32(self, n: int) -> np.ndarray:
        """[0, 1) in steps of 2^-24: float32, shape (n,)."""
        draws = self.random32(n)
        draws &= _MASK24
        unit = draws.view(np.int32).astype(np.float32)
        unit *= np.float32(2.0**-24)
        return unit

    def _unit64(self, n: int) -> np.ndarray:
        """[0, 1) in steps of 2^-53: float64, shape (n,)."""
        draws = self.random64(n)
        draws &= _MASK53
        unit = draws.view(np.int64).astype(np.float64)
        unit *= 2.0**-53
        return unit

    def _fill(self, shape: Shape, dtype: DType, draw: Callable[[int], np.ndarray], function: ArrayFunction) -> np.ndarray:
        """An array whose elements are `function` of one draw each, in order."""
        out = memory.empty((math.prod(shape),), dtype.numpy)
        for block in _blocks(out.size):
            out[block] = _narrow(function(draw(block.stop - block.start)), dtype)
        return out.reshape(shape)

    # ---- uniform --------------------------------------------------------------------------------------------------------

    def uniform(self, shape: Shape, dtype: DType = dtypes.float32, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """Real numbers in [low, high). Complex dtypes draw their two parts one after the other.

        Raises RuntimeError if low > high or if a bound or the width is not finite in `dtype`.
        """
        if dtype.is_complex:
            return self.uniform((*shape, 2), dtype.to_real(), low, high).view(dtype.numpy)[..., 0]
        _check_uniform(dtype, low, high)
        real = dtype.compute.numpy.type
        draw = self._unit64 if real is np.float64 else self._unit32
        width, shift = real(high) - real(low), real(low)
        lowest, never = (dtype.numpy.type(real(bound)) for bound in (low, high))

        def stretch(unit: np.ndarray) -> np.ndarray:
            numbers = _narrow(rm.affine(unit, width, shift), dtype).astype(dtype.numpy, copy=False)
            rounded_up = numbers == never
            return np.where(rounded_up, lowest, numbers) if rounded_up.any() else numbers

        return self._fill(shape, dtype, draw, stretch)

    # ---- integers -------------------------------------------------------------------------------------------------------

    def randint(self, shape: Shape, low: int, high: int, dtype: DType = dtypes.int64) -> np.ndarray:
        """Integers in [low, high), of any dtype that is not complex. Raises RuntimeError if there are none or `dtype` cannot hold them."""
        if low >= high:
            raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
        if dtype in REALS:
            low, high = integers.representable_from(low, dtype), integers.representable_to(high, dtype)
            if low >= high:
                raise RuntimeError(f"random_ expects 'from' to be less than 'to' also in {dtype}, but got from={low} >= to={high}")
        integers.check_integers(dtype, low, high - 1)
        return self._integers(shape, low, high - low, dtype)

    def random(self, shape: Shape, dtype: DType, low: int | None = None) -> np.ndarray:
        """`Tensor.random_` without an upper bound: integers from `low`, or from 0, to the largest that `dtype` holds.

        For real dtypes that is 2^p, the last integer before precision p leaves gaps. `low` = -2^63 means all 64-bit integers.
        """
        if low is None:
            return self._all_integers(shape, dtype)
        if low == integers.INT64_MIN:
            if dtype not in (dtypes.int64, dtypes.float64, dtypes.float32, dtypes.bfloat16):
                raise RuntimeError(f"random_: from=-2^63 needs int64, float64, float32 or bfloat16, got {dtype}")
            return self._fill(shape, dtype, self.random64, lambda draws: draws.view(np.int64))
        last = integers.largest_integer(dtype)
        if dtype in REALS:
            low = integers.representable_from(low, dtype)
            if low >= last:
                raise RuntimeError(f"random_ expects 'from' to be less than {last} in {dtype}, but got from={low}")
        integers.check_integers(dtype, low, last)
        return self._integers(shape, low, last - low + 1, dtype)

    def _integers(self, shape: Shape, base: int, count: int, dtype: DType) -> np.ndarray:
        """base + draw % count. From 64-bit draws the sum wraps, as int64 does in C."""
        if count >= _WIDE_RANGE:
            wide, shift = np.uint64(count), np.uint64(base & _MASK64)
            return self._fill(shape, dtype, self.random64, lambda draws: (integers.remainder(draws, wide) + shift).view(np.int64))
        divisor = np.uint32(count)
        return self._fill(shape, dtype, self.random32, lambda draws: integers.remainder(draws, divisor).astype(np.int64) + base)

    def _all_integers(self, shape: Shape, dtype: DType) -> np.ndarray:
        if dtype in (dtypes.uint16, dtypes.uint32, dtypes.uint64) or dtype.is_complex:
            raise NotImplementedError(f'random_: "random_kernel_cpu" not implemented for {dtype}')
        count = integers.largest_integer(dtype) + 1
        if dtype in (dtypes.int64, dtypes.float64):
            return self._fill(shape, dtype, self.random64, lambda draws: integers.remainder(draws, np.uint64(count)).view(np.int64))
        return self._fill(shape, dtype, self.random32, lambda draws: integers.remainder(draws, np.uint32(count)))

    def randperm(self, n: int, dtype: DType = dtypes.int64) -> np.ndarray:
        """The numbers 0 to n - 1 in random order, shape (n,). Raises RuntimeError if n < 0 or `dtype` cannot hold them."""
        if n < 0:
            raise RuntimeError(f"randperm: n must be non-negative, got {n}")
        if n > integers.largest_integer(dtype) + 1:
            raise RuntimeError(f"randperm: n is too large for {dtype}: at most {integers.largest_integer(dtype) + 1}, got {n}")
        if n < _WIDE_PERMUTATION:
            draws = np.append(self.random32(max(n - 1, 0)), np.zeros(min(n, 1), np.uint32))  # the last item stays
            order = integers.shuffle(np.arange(n) + draws % np.arange(n, 0, -1))
        else:
            order = integers.shuffle_inside_out(self.random64(n))
        return _narrow(order, dtype).astype(dtype.numpy)

    # ---- normal ---------------------------------------------------------------------------------------------------------

    def normal(self, shape: Shape, dtype: DType = dtypes.float32, mean: float = 0.0, std: float = 1.0) -> np.ndarray:
        """Normal numbers. Complex ones have `std` in all, std / sqrt(2) in each part.

        From 16 numbers on they are made in groups of 16, a ragged last group anew; fewer come from the cached pairs.
        Raises RuntimeError if std < 0.
        """
        if not std >= 0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
        if dtype.is_complex:
            return self.normal((*shape, 2), dtype.to_real(), mean, std / math.sqrt(2)).view(dtype.numpy)[..., 0]
        _require_real("normal", dtype)
        n = math.prod(shape)
        if n < 16:
            return _narrow(rm.affine(self._standard_normals(n), std, mean), dtype).astype(dtype.numpy).reshape(shape)
        return self._normal_fill(n, dtype, mean, std).reshape(shape)

    def _normal_fill(self, n: int, dtype: DType, mean: float, std: float) -> np.ndarray:
        real = dtype.compute.numpy.type
        draw = self._unit64 if real is np.float64 else self._unit32

        def group(size: int) -> np.ndarray:
            return _narrow(rm.box_muller(draw(size), real(mean), real(std)), dtype)

        out = memory.empty((n,), dtype.numpy)
        for block in _blocks(n - n % 16):
            out[block] = group(block.stop - block.start)
        if n % 16:
            if dtype not in HALVES:
                draw(n % 16)  # PyTorch fills the ragged end with uniforms before it overwrites it
            out[-16:] = group(16)
        return out

    def _standard_normals(self, n: int) -> np.ndarray:
        """Mean 0, standard deviation 1, by pairs of which the second half is kept for the next call: float64, shape (n,)."""
        out = np.empty(n)
        start = 0
        if n and self._next_normal is not None:
            out[0], self._next_normal, start = self._next_normal, None, 1
        u = self._unit64((n - start + 1) // 2 * 2).reshape(-1, 2)
        radius = np.sqrt(-2 * rm.log1p(-u[:, 1]))
        angle = 2 * math.pi * u[:, 0]
        pairs = np.stack((radius * rm.cos(angle), radius * rm.sin(angle)), axis=1).reshape(-1)
        out[start:] = pairs[: n - start]
        if pairs.size > n - start:
            self._next_normal = float(pairs[-1])
        return out

    # ---- other distributions of one draw ----------------------------------------------------------------------------------

    def bernoulli(self, probability: np.ndarray) -> np.ndarray:
        """True with the given probability, element by element: bool, the shape of `probability` (any real dtype).

        float64 probabilities take 64-bit draws, all others 32-bit ones. Raises RuntimeError for a probability outside [0, 1].
        """
        if probability.size and not ((probability >= 0) & (probability <= 1)).all():
            raise RuntimeError("bernoulli: expected probabilities in [0, 1]")
        unit = self._unit64(probability.size) if probability.dtype == np.float64 else self._unit32(probability.size)
        return unit.reshape(probability.shape) < probability.astype(unit.dtype)

    def bernoulli_p(self, shape: Shape, p: float = 0.5) -> np.ndarray:
        """True with probability `p`: bool. The mask of `tensor.bernoulli_(p)` and so of dropout, whatever the tensor's dtype.

        Element i is True where the low 53 bits of the i-th 64-bit draw are below p 2^53. Raises RuntimeError for p outside [0, 1].

        >>> Mt19937(1).bernoulli_p((6,), 0.3).astype(int)
        array([1, 1, 1, 1, 0, 1])
        """
        if not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        threshold = np.uint64(math.ceil(p * 2.0**53))
        return self._fill(shape, dtypes.bool_, self.random64, lambda draws: (draws & _MASK53) < threshold)

    def exponential(self, shape: Shape, dtype: DType = dtypes.float32, rate: float = 1.0) -> np.ndarray:
        """Waiting times of mean 1 / rate. Raises RuntimeError if rate <= 0 or `dtype` is not real."""
        if not rate > 0:
            raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={rate}")
        _require_real("exponential_", dtype, RuntimeError)
        log1p = rm.log1p if dtype is dtypes.float64 else np.log1p
        return self._fill(shape, dtype, self._unit64, lambda u: -1.0 / rate * log1p(-u))

    def cauchy(self, shape: Shape, dtype: DType = dtypes.float32, median: float = 0.0, sigma: float = 1.0) -> np.ndarray:
        """Cauchy numbers with half-width `sigma` at half height. Raises RuntimeError if sigma <= 0 or `dtype` is not real."""
        if not sigma > 0:
            raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
        _require_real("cauchy_", dtype, RuntimeError)
        tan = rm.tan if dtype is dtypes.float64 else np.tan
        return self._fill(shape, dtype, self._unit64, lambda u: rm.affine(tan(math.pi * (u - 0.5)), sigma, median))

    def log_normal(self, shape: Shape, dtype: DType = dtypes.float32, mean: float = 1.0, std: float = 2.0) -> np.ndarray:
        """exp of normal numbers of this mean and std. Raises RuntimeError if std <= 0."""
        if not std > 0:
            raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
        _require_real("log_normal_", dtype)
        return self._fill(shape, dtype, self._standard_normals, lambda z: rm.exp(rm.affine(z, std, mean)))

    def geometric(self, shape: Shape, dtype: DType = dtypes.float32, p: float = 0.5) -> np.ndarray:
        """Trials up to the first success, 1 or more. Raises RuntimeError for p outside (0, 1)."""
        if not 0 < p < 1:
            raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
        if dtype is dtypes.bool_ or dtype.is_complex:
            raise NotImplementedError(f'geometric_: "geometric_cpu" not implemented for {dtype}')
        log_failure = math.log1p(-p)
        with np.errstate(divide="ignore", invalid="ignore"):  # a draw of 0 is infinite
            return self._fill(shape, dtype, self._unit64, lambda u: np.ceil(np.log(u) / log_failure))

    def multinomial(self, probabilities: np.ndarray, num_samples: int, replacement: bool = False) -> np.ndarray:
        """Indices drawn with the weights of each row.

        Args:
            probabilities: weights >= 0 that need not add up to 1, shape (categories,) or (rows, categories), real.
            num_samples: draws a row; without `replacement` at most `categories`.

        Returns:
            int64, shape (num_samples,) or (rows, num_samples). Without replacement, equal scores (rows in which fewer than
            `num_samples` weights are positive) come in order of index, where PyTorch leaves the order open.

        Raises RuntimeError for weights that are negative, not finite or all zero, and for sizes that do not fit.
        """
        _check_multinomial(probabilities, num_samples, replacement)
        rows = probabilities.reshape(-1, probabilities.shape[-1])
        pick = self._pick_with_replacement if replacement and num_samples > 1 else self._pick_without_replacement
        return pick(rows, num_samples).reshape(*probabilities.shape[:-1], num_samples)

    def _pick_with_replacement(self, rows: np.ndarray, num_samples: int) -> np.ndarray:
        weights = rows if rows.dtype == np.float64 else rows.astype(np.float32)
        cumulative = np.cumsum(weights, axis=1)  # (rows, categories), added up from the left in the weights' precision
        cumulative /= cumulative[:, -1:].copy()
        cumulative[:, -1] = 1
        draws = self._unit64(len(rows) * num_samples).reshape(-1, num_samples)
        return np.stack([np.searchsorted(c, u) for c, u in zip(cumulative, draws, strict=True)]).astype(np.int64)

    def _pick_without_replacement(self, rows: np.ndarray, num_samples: int) -> np.ndarray:
        """The largest weight / Exp(1), the second largest, and so on."""
        scores = rows / self.exponential(rows.shape, dtypes.from_numpy(rows.dtype))
        if num_samples == 1:
            return scores.argmax(axis=1, keepdims=True)
        return np.argsort(-scores, axis=1, kind="stable")[:, :num_samples]

    # ---- distributions by rejection -----------------------------------------------------------------------------------------

    def poisson(self, rate: np.ndarray) -> np.ndarray:
        """Counts of events at the given rates, in the shape and real dtype of `rate`. Raises RuntimeError for rates below 0."""
        if not (rate >= 0).all():
            raise RuntimeError("poisson: invalid Poisson rate, expected rate to be non-negative")
        return self._sample_each(rejection.poisson, rate.dtype, rate)

    def standard_gamma(self, alpha: np.ndarray) -> np.ndarray:
        """Gamma numbers of shape `alpha` and scale 1, none below the least normal number.

        The result has the shape and the dtype of `alpha`, float32 or float64.
        """
        real = alpha.dtype.type
        boost = np.divide(real(1), alpha, out=np.zeros(alpha.shape, real), where=(alpha < 1) & (alpha != 0))
        boosted = np.where(alpha < 1, alpha + real(1), alpha)
        third = np.float32(1) / np.float32(3)  # PyTorch's literal is float32 also among float64
        samples = self._sample_each(rejection.gamma, alpha.dtype, alpha, boost, boosted - real(third))
        return np.maximum(samples, np.finfo(alpha.dtype).tiny)

    def dirichlet(self, alpha: np.ndarray) -> np.ndarray:
        """Points of the simplex with concentrations `alpha`, shape (..., categories): gamma numbers divided by their sum."""
        gammas = self.standard_gamma(alpha.astype(np.float64))
        points = (gammas / gammas.sum(axis=-1, keepdims=True)).astype(alpha.dtype)
        return np.clip(points, np.finfo(alpha.dtype).tiny, np.nextafter(alpha.dtype.type(1), alpha.dtype.type(0)))

    def binomial(self, count: np.ndarray, probability: np.ndarray) -> np.ndarray:
        """Successes in `count` trials. Both arrays have one shape and one dtype, float32 or float64; so has the result."""
        real = probability.dtype.type
        return self._sample_each(lambda stream, n, p: rejection.binomial(stream, n, p, real), probability.dtype, count, probability)

    def _sample_each(self, sampler: Callable[..., float], result: np.dtype, *parameters: np.ndarray) -> np.ndarray:
        """`sampler` at every element in turn; the draws that it did not use are given back."""
        before = self._bits.state
        stream = rejection.ScalarStream(self._unit64, self._next_normal)
        rows = zip(*(p.astype(np.float64).ravel().tolist() for p in parameters), strict=True)
        samples = np.array([sampler(stream, *row) for row in rows], np.float64)
        self._bits.state = before
        self.random64(stream.used)
        self._next_normal = stream.cached
        return samples.reshape(parameters[0].shape).astype(result)


def _from_state(state: np.ndarray) -> Mt19937:
    generator = Mt19937()
    generator.set_state(state)
    return generator


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, min(start + _BLOCK, n)) for start in range(0, n, _BLOCK))


def _narrow(x: np.ndarray, dtype: DType) -> np.ndarray:
    """`x` ready to be stored as `dtype`: C++ reaches the half types through float32, which rounds twice."""
    return x.astype(np.float32) if dtype in HALVES else x


def _require_real(op: str, dtype: DType, error: type[Exception] = NotImplementedError) -> None:
    if dtype not in REALS:
        raise error(f"{op}: expected float16, bfloat16, float32 or float64, got {dtype}")


def _check_uniform(dtype: DType, low: float, high: float) -> None:
    _require_real("uniform_", dtype)
    greatest = REALS[dtype][1]
    for name, value in (("from", low), ("to", high)):
        if not -greatest <= value <= greatest:
            raise RuntimeError(f"uniform_: {name} is out of bounds for {dtype}: got {value}")
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}")
    if high - low > greatest:
        raise RuntimeError(f"uniform_ expects to - from to be finite in {dtype}, but found to={high} and from={low}")


def _check_multinomial(probabilities: np.ndarray, num_samples: int, replacement: bool) -> None:
    if probabilities.ndim not in (1, 2):
        raise RuntimeError(f"multinomial: prob_dist must be 1 or 2 dim, got shape {probabilities.shape}")
    if dtypes.from_numpy(probabilities.dtype) not in REALS:
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {probabilities.dtype}")
    if num_samples <= 0:
        raise RuntimeError(f"multinomial: cannot sample n_sample <= 0 samples, got {num_samples}")
    categories = probabilities.shape[-1]
    if not replacement and num_samples > categories:
        excess = f"{num_samples} > {categories}"
        raise RuntimeError(f"multinomial: cannot sample n_sample > prob_dist.size(-1) samples without replacement, got {excess}")
    if categories > 1 << 24:
        raise RuntimeError(f"multinomial: number of categories cannot exceed 2^24, got {categories}")
    weights = probabilities.astype(np.float64)
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise RuntimeError("multinomial: probability tensor contains either `inf`, `nan` or element < 0")
    if not (weights.sum(axis=-1) > 0).all():
        raise RuntimeError("multinomial: invalid multinomial distribution (sum of probabilities <= 0)")
