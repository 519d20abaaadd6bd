"""Samplers that throw draws away, one number at a time: how many uniforms a sample takes depends on the uniforms.

Each sampler has the signature `sampler(stream, *parameters) -> float` and consumes a `ScalarStream` in PyTorch's order.

Sources: W. Hoermann, The transformed rejection method for generating Poisson random variables (1993), and The generation of
binomial random variates (1993); G. Marsaglia and W. W. Tsang, A simple method for generating gamma variables (2000).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

_BATCH = 1024
_SQUEEZE = float(np.float32(0.0331))  # PyTorch's constant is a float32 literal


class ScalarStream:
    """Standard uniform and normal numbers, one at a time, taken from draws made in bulk.

    Args:
        draw: `draw(n)` gives the next n float64 uniforms in [0, 1).
        cached: the sine half of the last Box-Muller pair, if it has not been used.

    Attributes: `used`, how many uniforms were handed out; `cached` as above, for the next user.
    """

    __slots__ = ("_draw", "_ready", "used", "cached")

    def __init__(self, draw: Callable[[int], np.ndarray], cached: float | None) -> None:
        self._draw = draw
        self._ready: list[float] = []
        self.used = 0
        self.cached = cached

    def uniform(self) -> float:
        """The next number in [0, 1)."""
        if not self._ready:
            self._ready = self._draw(_BATCH)[::-1].tolist()
        self.used += 1
        return self._ready.pop()

    def normal(self) -> float:
        """The next number of mean 0 and standard deviation 1."""
        if self.cached is not None:
            sample, self.cached = self.cached, None
            return sample
        angle = 2 * math.pi * self.uniform()
        radius = math.sqrt(-2 * math.log1p(-self.uniform()))
        self.cached = radius * math.sin(angle)
        return radius * math.cos(angle)


def poisson(stream: ScalarStream, rate: float) -> float:
    """The number of events in a unit of time at `rate` events a unit."""
    if rate >= 10:
        return _poisson_by_rejection(stream, rate)
    if rate == 0:
        return 0.0
    floor = math.exp(-rate)
    events, product = 0, stream.uniform()
    while product > floor:
        events += 1
        product *= stream.uniform()
    return float(events)


def _poisson_by_rejection(stream: ScalarStream, rate: float) -> float:
    """Hoermann's PTRS. The names are those of the paper."""
    log_rate = math.log(rate)
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    log_inverse_alpha = math.log(1.1239 + 1.1328 / (b - 3.4))
    v_r = 0.9277 - 3.6224 / (b - 2)
    while True:
        u = stream.uniform() - 0.5
        v = stream.uniform()
        us = 0.5 - abs(u)
        if us == 0:
            continue
        k = math.floor((2 * a / us + b) * u + rate + 0.43)
        if us >= 0.07 and v <= v_r:
            return float(k)
        if k < 0 or (us < 0.013 and v > us):
            continue
        if _log(v) + log_inverse_alpha - math.log(a / (us * us) + b) <= -rate + k * log_rate - math.lgamma(k + 1):
            return float(k)


def gamma(stream: ScalarStream, alpha: float, boost: float, d: float) -> float:
    """A gamma sample of unit scale. `boost` is 1 / shape for shapes below 1 and else 0; `d` is the (boosted) shape less 1/3."""
    if alpha == 0:
        return 0.0
    scale = (1 - stream.uniform()) ** boost if boost else 1.0
    c = 1 / math.sqrt(9 * d)
    while True:
        x = stream.normal()
        root = 1 + c * x
        while root <= 0:
            x = stream.normal()
            root = 1 + c * x
        v = root * root * root
        u = 1 - stream.uniform()
        square = x * x
        if u < 1 - _SQUEEZE * square * square or math.log(u) < 0.5 * square + d * (1 - v + math.log(v)):
            return scale * d * v


def binomial(stream: ScalarStream, count: float, probability: float, real: type) -> float:
    """Successes in `count` trials. `real` is the NumPy scalar type of the tensors, in which PyTorch does part of the sums."""
    if count <= 0 or probability <= 0:
        return 0.0
    if probability >= 1:
        return count
    if math.isnan(probability):
        return math.nan
    flipped = probability > 0.5
    p = float(real(1 - probability)) if flipped else probability
    sampler = _binomial_by_rejection if float(real(count) * real(p)) >= 10 else _binomial_by_inversion
    successes = sampler(stream, count, p, real)
    return count - successes if flipped else successes


def _binomial_by_inversion(stream: ScalarStream, count: float, p: float, real: type) -> float:
    log_failure = float(np.log1p(-real(p)))
    successes, trials = 0, 0.0
    while True:
        u = stream.uniform()
        trials += math.ceil(math.log(u) / log_failure) if u else math.inf
        if trials > count:
            return float(successes)
        successes += 1


def _binomial_by_rejection(stream: ScalarStream, count: float, p: float, real: type) -> float:
    """Hoermann's BTRS. The names are those of the paper."""
    narrow_count, narrow_p = real(count), real(p)
    spread = float(np.sqrt(narrow_count * narrow_p * (1 - narrow_p)))
    odds = float(narrow_p / (1 - narrow_p))
    mode = float(np.floor((narrow_count + 1) * narrow_p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    centre = float(narrow_count * narrow_p) + 0.5
    v_r = 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * spread
    while True:
        u = stream.uniform() - 0.5
        v = stream.uniform()
        us = 0.5 - abs(u)
        if us == 0:
            continue
        k = math.floor((2 * a / us + b) * u + centre)
        if k < 0 or k > count:
            continue
        if us >= 0.07 and v <= v_r:
            return float(k)
        bound = (
            (mode + 0.5) * math.log((mode + 1) / (odds * (count - mode + 1)))
            + (count + 1) * math.log((count - mode + 1) / (count - k + 1))
            + (k + 0.5) * math.log(odds * (count - k + 1) / (k + 1))
            + _stirling_error(mode) + _stirling_error(count - mode) - _stirling_error(k) - _stirling_error(count - k)
        )
        if _log(v * alpha / (a / (us * us) + b)) <= bound:
            return float(k)


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def _stirling_error(k: float) -> float:
    """log(k!) less Stirling's formula for it: the series for large k, exact for small."""
    if k < 10:
        return math.lgamma(k + 1) - (k + 0.5) * math.log(k + 1) + (k + 1) - 0.5 * math.log(2 * math.pi)
    inverse_square = 1 / ((k + 1) * (k + 1))
    return (1 / 12 - (1 / 360 - inverse_square / 1260) * inverse_square) / (k + 1)
