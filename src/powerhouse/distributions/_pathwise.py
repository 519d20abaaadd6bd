"""Gamma and Dirichlet draws that are differentiable in their concentrations, by implicit reparametrisation.

A draw x with distribution function F(x; a) moves with its parameter so that F stays: dx/da = -(dF/da) / p(x). The derivatives of F come
from its power series, term by term in float64. Second derivatives of draws are not given (the first is a constant to autograd).
Source: M. Figurnov, S. Mohamed, A. Mnih, Implicit reparameterization gradients, 2018.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..tensors import Tensor, from_numpy
from ..tensors.generator import stream_of

_LARGE = 1e4  # a gamma of this concentration is nearly normal
_PRECISION = 1e-17


def standard_gamma(concentration: Tensor) -> Tensor:
    """Gamma numbers of scale 1, one for each concentration."""
    values = stream_of(None).standard_gamma(_drawable(concentration))
    x = from_numpy(values).to(concentration.dtype)
    if not concentration.requires_grad:
        return x
    slope = from_numpy(gamma_slope(values.astype(np.float64), _float64(concentration))).to(concentration.dtype)
    return x + slope * (concentration - concentration.detach())


def dirichlet(concentration: Tensor) -> Tensor:
    """Points of the simplex (..., categories), one for each row of concentrations."""
    values = stream_of(None).dirichlet(_drawable(concentration))
    x = from_numpy(values).to(concentration.dtype)
    if not concentration.requires_grad:
        return x
    a = _float64(concentration)
    slope = from_numpy(beta_slope(values.astype(np.float64), a, a.sum(-1, keepdims=True) - a)).to(concentration.dtype)
    moved = slope * (concentration - concentration.detach())  # each coordinate by itself ...
    return x + (moved - x * moved.sum(-1, keepdim=True))  # ... and the others give way in proportion


def gamma_slope(x: np.ndarray, a: np.ndarray) -> np.ndarray:
    """dx/da of gamma numbers x of concentration a."""
    small = np.minimum(a, _LARGE)
    total, derivative = _series(np.minimum(x, 2 * small + 60), lambda k: 1 / (small + 1 + k), lambda k: -1 / (small + 1 + k))
    with np.errstate(divide="ignore"):
        exact = -x / small * (total * (np.log(x) - _digamma(small + 1)) + derivative)
    return np.where(a < _LARGE, exact, _near_normal_slope(x, a))


def _near_normal_slope(x: np.ndarray, a: np.ndarray) -> np.ndarray:
    """dx/da for large a: x is a + z sqrt(a) + (z^2 - 1) / 3 + (z^3 - 7 z) / (36 sqrt(a)) + ... with z normal (Cornish and Fisher, 1938)."""
    root = np.sqrt(a)
    z = (x - a) / root
    for _ in range(3):
        z = (x - a - (z * z - 1) / 3 - (z**3 - 7 * z) / (36 * root)) / root
    return 1 + z / (2 * root) - (z**3 - 7 * z) / (72 * a * root)


def beta_slope(x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(dx/da) / (1 - x) of beta numbers x of concentrations a and b."""
    left = x < 0.5  # the series in x converges fast here; on the other side that of 1 - x
    y, near = np.where(left, x, 1 - x), np.where(left, a, b)
    total, derivative = _series(
        y,
        lambda k: (a + b + k) / (near + 1 + k),
        lambda k: 1 / (a + b + k) - np.where(left, 1 / (near + 1 + k), 0),
    )
    drift = np.log(x) + _digamma(a + b) - _digamma(np.where(left, a + 1, a))
    moved = total * drift + derivative
    return np.where(left, -x / a * moved, x / b * moved)


def _series(
    x: np.ndarray, ratio: Callable[[int], np.ndarray], log_derivative: Callable[[int], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """The sum of t_n, where t_0 = 1 and t_(n+1) = t_n x ratio(n), and its derivative, where `log_derivative` is that of log ratio(n)."""
    term, slope = np.ones_like(x), np.zeros_like(x)
    total, derivative = term.copy(), slope.copy()
    for k in range(1_000_000):
        growth = x * ratio(k)
        term, slope = term * growth, slope + log_derivative(k)
        total, derivative = total + term, derivative + term * slope
        if not np.any((growth >= 1) | (term * (1 + np.abs(slope)) > _PRECISION * total * (1 - growth))):  # so NaN ends it too
            break
    return total, derivative


def _digamma(a: np.ndarray) -> np.ndarray:
    return from_numpy(np.ascontiguousarray(a)).digamma().numpy()


def _float64(t: Tensor) -> np.ndarray:
    return t.detach().double().numpy()


def _drawable(concentration: Tensor) -> np.ndarray:
    """The concentrations as an array of float32 or float64, which are what the streams draw."""
    t = concentration.detach()
    return (t if t.dtype.itemsize >= 4 else t.float()).numpy()
