"""NumPy values for the linear algebra ops: what `numpy.linalg` lacks, and runs that mark failures instead of raising.

All arrays are batches: the last two dims are matrices, those before are the batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

LinAlgError = np.linalg.LinAlgError


def marking_failures(function: Callable[..., Any], a: Any, *rest: Any) -> tuple[tuple[Any, ...], Any]:
    """The results of `function(a, *rest)`, and which matrices failed: their results are nan."""
    try:
        return _as_tuple(function(a, *rest)), np.zeros(a.shape[:-2], bool)
    except LinAlgError:
        pass
    failed = np.zeros(a.shape[:-2], bool)
    for i in np.ndindex(failed.shape):
        failed[i] = _fails(function, a[i], *(r[i] for r in rest))
    harmless = np.where(failed[..., None, None], np.eye(*a.shape[-2:], dtype=a.dtype), a)
    out = tuple(np.array(x) for x in _as_tuple(function(harmless, *rest)))
    for x in out:
        x[failed] = np.nan
    return out, failed


def _as_tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, tuple) else (x,)


def _fails(function: Callable[..., Any], *arrays: Any) -> bool:
    try:
        function(*arrays)
    except LinAlgError:
        return True
    return False


def info_of(failed: Any, a: Any, position: Callable[[Any], int]) -> Any:
    """LAPACK's `info`: 0, or for a matrix that failed the (1-based) position where it did."""
    info = np.zeros(failed.shape, np.int32)
    for i in zip(*np.nonzero(failed), strict=True) if failed.ndim else [()] * bool(failed):
        info[i] = position(a[i])
    return info


def bad_minor(a: Any) -> int:
    """The order of the first leading minor of a matrix that is not positive definite."""
    n = a.shape[-1]
    return next((k for k in range(1, n + 1) if _fails(np.linalg.cholesky, a[:k, :k])), n)


def zero_pivot(a: Any) -> int:
    """The position of the first zero pivot of a matrix."""
    return int(lu(a)[3]) or a.shape[-1]


def lu(a: Any, pivot: bool = True) -> tuple[Any, Any, Any, Any]:
    """The LU decomposition with row exchanges, as LAPACK's `getrf` packs it: (LU, pivots, permutation, info).

    `pivots` are 1-based exchanges; row r of L U is row `permutation[r]` of `a`. Blocked: a panel of columns, then one product.
    """
    *batch, m, n = a.shape
    k = min(m, n)
    count = int(np.prod(batch))
    x = np.array(a).reshape(count, m, n)
    rows = np.arange(count)
    order = np.tile(np.arange(m), (count, 1))
    pivots = np.zeros((count, k), np.int32)
    for start in range(0, k, _PANEL):
        end = min(start + _PANEL, k)
        for j in range(start, end):
            p = j + np.argmax(_size(x[:, j:, j]), 1) if pivot else np.full(count, j)
            pivots[:, j] = p + 1
            x[rows, j], x[rows, p] = x[rows, p], x[rows, j]
            order[rows, j], order[rows, p] = order[rows, p], order[rows, j]
            d = x[:, j, j]
            x[:, j + 1 :, j] /= np.where(d == 0, 1, d)[:, None]
            x[:, j + 1 :, j + 1 : end] -= x[:, j + 1 :, j, None] * x[:, j, None, j + 1 : end]
        if end < n:
            x[:, start:end, end:] = solve_triangular(x[:, start:end, start:end], x[:, start:end, end:], upper=False, unit=True)
            x[:, end:, end:] -= x[:, end:, start:end] @ x[:, start:end, end:]
    zero = np.diagonal(x, axis1=1, axis2=2) == 0
    info = np.where(zero.any(1), zero.argmax(1) + 1 if k else 0, 0).astype(np.int32)
    return x.reshape(a.shape), pivots.reshape(*batch, k), order.reshape(*batch, m), info.reshape(batch)


_PANEL = 32


def _size(x: Any) -> Any:
    """The size by which LAPACK chooses pivots."""
    return np.abs(x.real) + np.abs(x.imag) if x.dtype.kind == "c" else np.abs(x)


def permutation(pivots: Any, m: int) -> Any:
    """The permutation that 1-based exchanges amount to."""
    *batch, k = pivots.shape
    exchanges = pivots.reshape(int(np.prod(batch)), k)
    rows = np.arange(len(exchanges))
    order = np.tile(np.arange(m), (len(exchanges), 1))
    for j in range(k):
        p = exchanges[:, j] - 1
        order[rows, j], order[rows, p] = order[rows, p], order[rows, j]
    return order.reshape(*batch, m)


def solve_triangular(a: Any, b: Any, upper: bool, unit: bool) -> Any:
    """`x` with `a x = b` for triangular `a`; the other triangle (with `unit` also the diagonal, taken as 1) is not read."""
    if not upper:  # turned by half a turn, a lower triangle is an upper one
        return solve_triangular(a[..., ::-1, ::-1], b[..., ::-1, :], True, unit)[..., ::-1, :]
    n = a.shape[-1]
    if n <= _PANEL:
        return _back_substitution(a, b, unit)
    h = n // 2
    low = solve_triangular(a[..., h:, h:], b[..., h:, :], True, unit)
    high = solve_triangular(a[..., :h, :h], b[..., :h, :] - a[..., :h, h:] @ low, True, unit)
    return np.concatenate((high, low), -2)


def _back_substitution(a: Any, b: Any, unit: bool) -> Any:
    x = np.array(b)
    for i in range(a.shape[-1] - 1, -1, -1):
        x[..., i, :] -= (a[..., i, None, i + 1 :] @ x[..., i + 1 :, :])[..., 0, :]
        if not unit:
            x[..., i, :] /= a[..., i, i, None]
    return x


def svd(a: Any, full: bool) -> tuple[Any, Any, Any, Any]:
    """U, S, Vh of the singular value decomposition, and which failed."""
    if a.size == 0 and min(a.shape[-2:]) == 0:
        *batch, m, n = a.shape
        u, vh = (np.broadcast_to(np.eye(p, p if full else 0, dtype=a.dtype), (*batch, p, p if full else 0)) for p in (m, n))
        return u, np.zeros((*batch, 0), a.real.dtype), np.swapaxes(vh, -1, -2), np.zeros(batch, bool)
    (u, s, vh), failed = marking_failures(lambda x: tuple(np.linalg.svd(x, full_matrices=full)), a)
    return u, s, vh, failed


def matrix_exp(a: Any) -> Any:
    """The matrix exponential, by scaling and squaring with the Padé approximant of degree 13 (Higham 2005)."""
    if a.size == 0:
        return np.array(a)
    norm = np.abs(a).sum(-2).max(-1)
    norm = np.where(np.isfinite(norm), norm, 0)
    times = np.maximum(np.ceil(np.log2(np.maximum(norm, 1e-300) / 5.371920351148152)), 0).astype(int)  # halvings of each matrix
    wide = np.complex128 if a.dtype.kind == "c" else np.float64
    x = a.astype(wide) / (2.0 ** times)[..., None, None]
    out = _pade13(x)
    for i in range(int(times.max())):
        out = np.where((times > i)[..., None, None], out @ out, out)
    return out.astype(a.dtype)


_PADE = (
    64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0, 10559470521600.0,
    670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
)


def _pade13(x: Any) -> Any:
    c = _PADE
    eye = np.eye(x.shape[-1])
    x2 = x @ x
    x4 = x2 @ x2
    x6 = x4 @ x2
    odd = x @ (x6 @ (c[13] * x6 + c[11] * x4 + c[9] * x2) + c[7] * x6 + c[5] * x4 + c[3] * x2 + c[1] * eye)
    even = x6 @ (c[12] * x6 + c[10] * x4 + c[8] * x2) + c[6] * x6 + c[4] * x4 + c[2] * x2 + c[0] * eye
    (out,), _ = marking_failures(lambda d, u: np.linalg.solve(d, u), even - odd, even + odd)
    return out
