"""Pseudo-inverses and least squares, by singular values.

Gradients: Golub and Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems, 1973.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.returns import named_results
from ..core.shapes import broadcast
from ..graph.op import Bad, Sample, as_symbol, cast, composite, expand, primitive, results
from ..graph.symbol import Symbol, Type
from . import _lapack
from .arithmetic import conj, real_part
from .linear_algebra import adjoint, matrix, times
from .shape import span
from .views import reduce_sum, reshape_to, zeros

LeastSquares = named_results("linalg_lstsq", "solution residuals rank singular_values")


@primitive
def pseudo_inverse(a: Symbol, atol: Symbol, rtol: Symbol, hermitian: bool) -> Type:
    """The Moore-Penrose inverse: singular values up to `max(atol, rtol * largest)` count as 0."""
    return Type((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)


@pseudo_inverse.reference
def _(a: Any, atol: Any, rtol: Any, hermitian: bool) -> Any:
    if hermitian:
        lower = np.tril(a, -1)
        a = np.where(np.eye(a.shape[-1], dtype=bool), a.real, lower + np.conj(np.swapaxes(lower, -1, -2))).astype(a.dtype)
    u, s, vh, _ = _lapack.svd(a, False)
    largest = s[..., :1].sum(-1)
    cut = np.maximum(atol, rtol * largest)[..., None]
    inverse = np.where(s > cut, 1 / np.where(s > cut, s, 1), 0)
    return (np.conj(np.swapaxes(vh, -1, -2)) * inverse[..., None, :] @ np.conj(np.swapaxes(u, -1, -2))).astype(a.dtype)


@pseudo_inverse.vjp
def _(g: Symbol, out: Symbol, a: Symbol, atol: Symbol, rtol: Symbol, hermitian: bool) -> Any:
    return _pinv_gradient(g, out, a), None, None


def _pinv_gradient(g: Symbol, x: Symbol, a: Symbol) -> Symbol:
    xh, gh = adjoint(x), adjoint(g)
    left = times(gh, x, xh)
    right = times(xh, x, gh)
    return left - times(a, x, left) + right - times(right, x, a) - times(xh, g, xh)


def tolerances(A: Symbol, atol: Any, rtol: Any) -> tuple[Symbol, Symbol]:
    """`atol` and `rtol` as symbols that broadcast over the batch; by default `rtol` is eps * max(m, n) unless `atol` is given."""
    real = A.dtype.to_real()
    if rtol is None:
        rtol = np.finfo(real.numpy).eps.item() * max(A.shape[-2:]) if atol is None or atol == 0.0 else 0.0
    return tuple(cast(as_symbol(0.0 if t is None else t), real).plain for t in (atol, rtol))  # type: ignore[return-value]


@composite(names=("linalg.pinv",))
def pinv(A: Symbol, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Symbol:
    """The Moore-Penrose inverses of matrices; singular values up to `max(atol, rtol * largest)` count as 0. `rcond` is `rtol`.

    >>> import powerhouse as torch
    >>> torch.linalg.pinv(torch.tensor([[2.0], [0.0]]))
    tensor([[0.5000, 0.0000]])
    """
    matrix(A, "linalg.pinv", square=hermitian)
    return pseudo_inverse(A, *tolerances(A, atol, rtol if rcond is None else rcond), hermitian)


@composite(names=("pinverse", "Tensor.pinverse"), autocast="float32")
def pinverse(input: Symbol, rcond: float = 1e-15) -> Symbol:
    """The older form of `linalg.pinv`."""
    return pseudo_inverse(matrix(input, "pinverse", "input"), *tolerances(input, None, rcond), False)


pinv.samples(lambda draw: iter([Sample((draw(*s),)) for s in ((3, 3), (4, 2), (2, 2, 4), (0, 3))]
                               + [Sample((draw(3, 2),), {"rtol": 0.1, "atol": 0.01})]))
pinverse.samples(lambda draw: iter([Sample((draw(4, 2),))]))
for _op in (pinv, pinverse):
    _op.errors(lambda draw: iter([Bad((draw(3),), {}, RuntimeError, "at least 2 dim"),
                                  Bad((draw(2, 2, dtype="int64"),), {}, RuntimeError, "floating point or complex")]))


@primitive
def least_squares(a: Symbol, b: Symbol, rcond: float) -> tuple[Type, ...]:
    """The `x` of least norm that minimizes `|a x - b|`; the rank of `a`, and its singular values."""
    *batch, m, n = a.shape
    return Type((*batch, n, b.shape[-1]), a.dtype), Type(tuple(batch), dt.int64), Type((*batch, min(m, n)), a.dtype.to_real())


@least_squares.reference
def _(a: Any, b: Any, rcond: float) -> Any:
    u, s, vh, _ = _lapack.svd(a, False)
    counts = s > rcond * s[..., :1]
    scaled = (np.conj(np.swapaxes(u, -1, -2)) @ b) * np.where(counts, 1 / np.where(counts, s, 1), 0)[..., None]
    return (np.conj(np.swapaxes(vh, -1, -2)) @ scaled).astype(a.dtype), counts.sum(-1), s


@least_squares.vjp
def _(g: Any, out: Symbol, a: Symbol, b: Symbol, rcond: float) -> Any:
    inverse = pseudo_inverse(a, *tolerances(a, None, rcond), False)
    gx = g[0] if g[0] is not None else zeros(results(out)[0].shape, a.dtype)
    return _pinv_gradient(times(gx, adjoint(b)), inverse, a), times(adjoint(inverse), gx)


_DRIVERS = ("gelsy", "gels", "gelsd", "gelss")


@composite(names=("linalg.lstsq",), returns=LeastSquares, out=False, autocast="float32")
def lstsq(A: Symbol, B: Symbol, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """X that minimizes `|A X - B|`, of least norm: (solution, residuals, rank, singular_values).

    A (..., m, n), B (..., m, k) or (..., m). `residuals` has values where m > n (full rank is assumed) and the driver is not "gelsy" (the
    default), `rank` but for driver "gels", `singular_values` for "gelsd" and "gelss"; else they are empty. All drivers compute by singular
    values, with those up to `rcond * largest` counted as 0.
    """
    op = "linalg.lstsq"
    if driver is not None and driver not in _DRIVERS:
        raise RuntimeError(f"{op}: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got {driver!r}")
    m, n = matrix(A, op, "input").shape[-2:]
    if A.dtype is not B.dtype:
        raise RuntimeError(
            f"{op}: Expected input and other to have the same dtype, but got input's dtype {A.dtype} and other's dtype {B.dtype}"
        )
    vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1])
    b = reshape_to(B, (*B.shape, 1)) if vector else B
    if b.ndim < 2 or b.shape[-2] != m:
        raise RuntimeError(f"{op}: input.size(-2) should match other.size({-1 if vector else -2}); got {list(A.shape)} and {list(B.shape)}")
    batch = broadcast((A.shape[:-2], b.shape[:-2]), op)
    a, b = expand(A, (*batch, m, n)), expand(b, (*batch, *b.shape[-2:]))
    x, rank, s = least_squares(a, b, np.finfo(A.dtype.to_real().numpy).eps.item() * max(m, n) if rcond is None else float(rcond))
    apart = times(a, x) - b
    squares = real_part(apart * conj(apart))
    full = m > n and n and driver not in (None, "gelsy")
    residuals = reduce_sum(squares, (apart.ndim - 2,)) if full else span(reshape_to(squares, (squares.numel,)), 0, 0, 0)
    return (
        reshape_to(x, x.shape[:-1]) if vector else x, residuals, zeros((0,), dt.int64) if driver == "gels" else rank,
        s if driver in ("gelsd", "gelss") else zeros((0,), s.dtype),
    )


lstsq.samples(lambda draw: iter([Sample((draw(*a), draw(*b)), only="forward") for a,
                                 b in (((4, 2), (4, 3)), ((3, 3), (3, 1)), ((2, 4), (2, 2)), ((2, 4, 2), (2, 4, 1)))]))
lstsq.errors(lambda draw: iter([Bad((draw(3), draw(3)), {}, RuntimeError, "at least 2 dim"),
                                Bad((draw(3, 2), draw(2, 2)), {}, RuntimeError, "should match"),
                                Bad((draw(3, 2), draw(3, 2)), {"driver": "qr"}, RuntimeError, "driver")]))

__all__ = ["least_squares", "lstsq", "pinv", "pinverse", "pseudo_inverse", "tolerances"]
