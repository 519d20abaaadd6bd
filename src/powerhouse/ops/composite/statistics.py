"""Covariances and correlations of several variables."""

from __future__ import annotations

import warnings
from typing import Any

from ...core import dtypes as dt
from ...core.dtypes import FLOAT, INTEGER
from ...graph.op import Bad, Sample, cast, composite, constant
from ...graph.symbol import Symbol
from ..arithmetic import conj, maximum, real_part, sqrt
from ..choice import clamp
from ..complex import complex as of_parts
from ..complex import imag, real
from ..matmul import product, turned
from ..views import diagonal_of, reduce_sum, reshape_to
from .softmax import narrow, wide


def _check_weights(weights: Symbol | None, n: int, category: int, name: str) -> None:
    if weights is None:
        return
    if weights.ndim > 1:
        raise RuntimeError(f"cov(): expected {name} to have one or fewer dimensions but got {name} with {weights.ndim} dimensions")
    if weights.dtype.category != category:
        raise RuntimeError(
            f"cov(): expected {name} to have {'integral' if category == INTEGER else 'floating point'} dtype but got {weights.dtype}"
        )
    if weights.numel != n:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the input but got {weights.numel} for {n}"
        )


@composite(autocast="lower")
def cov(input: Symbol, *, correction: int = 1, fweights: Symbol | None = None, aweights: Symbol | None = None) -> Symbol:
    """The covariance matrix of the variables `input` (variables, observations), or the variance of (observations,).

    Divided by the weight of the observations less `correction`. `fweights`: how often each observation was made (integers);
    `aweights`: how important it is (floats).

    >>> import powerhouse as torch
    >>> torch.cov(torch.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    if input.ndim > 2:
        raise RuntimeError(f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions")
    if input.dtype is dt.bool_:
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = reshape_to(input, (1, input.numel)) if input.ndim < 2 else input
    x = wide(x if x.dtype.category >= FLOAT else cast(x, dt.default_float()))
    n = x.shape[1]
    _check_weights(fweights, n, INTEGER, "fweights")
    _check_weights(aweights, n, FLOAT, "aweights")
    given = [cast(reshape_to(w, (n,)), x.dtype) for w in (fweights, aweights) if w is not None]
    if given:
        w = given[0] if len(given) == 1 else given[0] * given[1]
        whole = reduce_sum(w, (0,))
        mean = reshape_to(reduce_sum(x * w, (1,)), (x.shape[0], 1)) / whole
        excess = whole if aweights is None else reduce_sum(w * given[-1], (0,)) / whole
        left = whole - (constant(float(correction)) if aweights is None else excess * correction)
        left = maximum(real_part(left), constant(0.0))
    else:
        if n <= correction:
            warnings.warn(
                "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of observations.", stacklevel=2
            )
        w, left = constant(1), constant(float(max(n - correction, 0)))
        mean = reshape_to(reduce_sum(x, (1,)), (x.shape[0], 1)) / constant(float(n))
    off = x - mean
    c = product(off, turned(conj(off * w)), "cov") / left
    c = reshape_to(c, ()) if c.shape == (1, 1) else c
    return narrow(c, input.dtype) if input.dtype.category >= FLOAT else c


@cov.samples
def _(draw: Any) -> Any:
    yield Sample((draw(3, 5),))
    yield Sample((draw(5),), {"correction": 0})
    yield Sample((draw(3, 5),), {"fweights": draw(5, dtype="int64", low=1, high=4)})


@cov.errors
def _(draw: Any) -> Any:
    yield Bad((draw(2, 3, 4),), {}, RuntimeError, "two or fewer dimensions")
    yield Bad((draw(3, 5),), {"fweights": draw(5)}, RuntimeError, "integral dtype")
    yield Bad((draw(3, 5),), {"aweights": draw(4)}, RuntimeError, "same numel")


@composite(autocast="lower")
def corrcoef(input: Symbol) -> Symbol:
    """The matrix of Pearson correlations of the variables `input` (variables, observations), clipped to [-1, 1].

    >>> import powerhouse as torch
    >>> torch.corrcoef(torch.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    if input.ndim > 2:
        raise RuntimeError(f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions")
    c = cov(input)
    if c.ndim == 0:
        return c / c
    size = sqrt(real_part(diagonal_of(c, 0, 0, 1)))  # (variables,)
    return _clipped(c / reshape_to(size, (size.numel, 1)) / size)


def _clipped(x: Symbol) -> Symbol:
    """`x` with (both parts) clipped to [-1, 1], which rounding may have left."""
    return clamp(x, -1, 1) if not x.dtype.is_complex else of_parts(clamp(real(x), -1, 1), clamp(imag(x), -1, 1))


corrcoef.samples(lambda draw: iter([Sample((draw(3, 5),)), Sample((draw(5),), only="forward")]))
corrcoef.errors(lambda draw: iter([Bad((draw(2, 3, 4),), {}, RuntimeError, "two or fewer dimensions")]))

__all__ = ["corrcoef", "cov"]
