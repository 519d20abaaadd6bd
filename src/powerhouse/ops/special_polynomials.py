"""Orthogonal polynomials whose degree is an operand too. A degree is truncated to an integer; below 0 the value is 0.

Each family is three terms: the polynomial of degree 1, and the recurrence `p[k+1] = step(k, x, p[k], p[k-1])`
(NIST DLMF chapter 18).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..core.dtypes import COMPLEX
from ..core.promotion import result_type, to_float
from ..core.shapes import broadcast
from ..graph.op import Bad, Operand, Sample, Type, composite, fit, primitive, rank_of
from ..graph.symbol import Symbol


class Family(NamedTuple):
    """A family of polynomials: its first, its recurrence, and where trigonometry gives it in one step."""

    first: Callable[[Any], Any]
    step: Callable[[int, Any, Any, Any], Any]
    closed: Callable[[Any, Any], Any] | None = None  # (x, n) for |x| < 1


def _twice_x(k: int, x: Any, p: Any, before: Any) -> Any:
    return 2 * x * p - before


def _chebyshev_families() -> dict[str, Family]:
    angle = np.arccos
    return {
        "t": Family(lambda x: x, _twice_x, lambda x, n: np.cos(n * angle(x))),
        "u": Family(lambda x: 2 * x, _twice_x, lambda x, n: np.sin((n + 1) * angle(x)) / np.sin(angle(x))),
        "v": Family(lambda x: 2 * x - 1, _twice_x, lambda x, n: np.cos((n + 0.5) * angle(x)) / np.cos(angle(x) / 2)),
        "w": Family(lambda x: 2 * x + 1, _twice_x, lambda x, n: np.sin((n + 0.5) * angle(x)) / np.sin(angle(x) / 2)),
    }


FAMILIES = {
    **{f"chebyshev_polynomial_{k}": f for k, f in _chebyshev_families().items()},
    "hermite_polynomial_h": Family(lambda x: 2 * x, lambda k, x, p, before: 2 * x * p - 2 * k * before),
    "hermite_polynomial_he": Family(lambda x: x, lambda k, x, p, before: x * p - k * before),
    "laguerre_polynomial_l": Family(lambda x: 1 - x, lambda k, x, p, before: ((2 * k + 1 - x) * p - k * before) / (k + 1)),
    "legendre_polynomial_p": Family(lambda x: x, lambda k, x, p, before: ((2 * k + 1) * x * p - k * before) / (k + 1)),
}
_CLOSED_FROM = 7  # the degree from which the closed form is used inside (-1, 1)


@primitive(differentiable=False)
def polynomial_of_degree(x: Symbol, n: Symbol, family: str) -> Type:
    """The polynomial of a family with degree `n` at `x`; both of one shape and floating-point dtype."""
    return x.type


@polynomial_of_degree.reference
def _(x: Any, n: Any, family: str) -> Any:
    wide = x.astype(np.float32) if x.dtype.itemsize == 2 else x
    degree = np.trunc(n.astype(np.float64))
    return _evaluate(FAMILIES[family], wide, degree).astype(x.dtype)


def _evaluate(family: Family, x: Any, degree: Any) -> Any:
    before, value = np.ones_like(x), family.first(x)
    out = np.where(degree == 0, before, np.where(degree == 1, value, np.zeros_like(x)))
    closed = (degree >= _CLOSED_FROM) & (np.abs(x) < 1) if family.closed else np.zeros(x.shape, bool)
    last = degree[~closed & ~np.isnan(x)]
    for k in range(1, int(last.max()) if last.size else 0):
        before, value = value, family.step(k, x, value, before)
        out = np.where(degree == k + 1, value, out)
    if closed.any():
        out[closed] = family.closed(x[closed], degree[closed].astype(x.dtype))
    return np.where(np.isnan(x) & (degree > 0), x, out)


def _declare(name: str, family: str, shifted: bool) -> None:
    text = name.replace("_polynomial_", " polynomial of kind ").replace("_", " ")

    def value(input: Operand, n: Operand) -> Symbol:
        common = to_float(result_type((s.dtype, rank_of(s)) for s in (input, n)))
        if common.category == COMPLEX:
            raise RuntimeError(f"{name}: not implemented for dtype {common}")
        shape = broadcast((input.shape, n.shape), name)
        x = fit(input, common, shape)
        return polynomial_of_degree(x * 2 - 1 if shifted else x, fit(n, common, shape), family)

    value.__doc__ = f"The {text}, of degree `n` at `input`; either may be a number."
    op = composite(value, name=name, names=(f"special.{name}",), numbers_alone=False)
    op.samples(lambda draw: iter([Sample((draw(2, 3), draw(3, dtype="int64", low=0, high=9)), only="forward")]))
    op.errors(
        lambda draw: iter(
            [
                Bad((draw(3, dtype="complex64"), 2), {}, RuntimeError, "not implemented for dtype"),
                Bad((2, 3), {}, TypeError, "expected a Tensor"),
            ]
        )
    )


for _name in FAMILIES:
    _declare(_name, _name, False)
    if _name.startswith("chebyshev"):
        _declare("shifted_" + _name, _name, True)
