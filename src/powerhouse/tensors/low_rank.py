"""Singular values and principal components of large matrices, a few of them, by random projection.

Source: Halko, Martinsson and Tropp, Finding structure with randomness, 2009, algorithms 4.4 and 5.1.
"""

from __future__ import annotations

from typing import Any

from ..core.dtypes import FLOAT
from ..graph.op import REGISTRY
from ._tensor import Tensor
from .apply import apply, is_tensor
from .creation import randn


def svd_lowrank(A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """U (..., m, q), S (..., q), V (..., n, q) with A - M about U diag(S) V^H: the `q` largest singular values, nearly.

    `niter` rounds of subspace iteration sharpen them; the random directions come from the default generator.

    >>> import powerhouse as torch
    >>> U, S, V = torch.svd_lowrank(torch.ones(20, 1) @ torch.ones(1, 30), q=2)
    >>> U.shape, V.shape
    (torch.Size([20, 2]), torch.Size([30, 2]))
    """
    _require_matrix(A, "svd_lowrank")
    return _few_singular_values(A if M is None else A - M, 6 if q is None else q, 2 if niter is None else niter)


def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    """The `q` (by default at most 6) first principal components of the rows of A: U, S, V as `svd_lowrank` has them.

    With `center` the mean of the rows is taken off first; `A @ V` are the rows in the new coordinates.
    """
    _require_matrix(A, "pca_lowrank")
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ValueError(f"pca_lowrank: q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if niter < 0:
        raise ValueError(f"pca_lowrank: niter(={niter}) must be non-negative integer")
    return _few_singular_values(A - A.mean(-2, True) if center else A, q, niter)


def _require_matrix(A: Any, op: str) -> None:
    if not is_tensor(A):
        raise TypeError(f"{op}(): argument 'A' must be Tensor, not {type(A).__name__}")
    if A.ndim < 2 or A.dtype.category < FLOAT:
        raise ValueError(f"{op}: expected a floating-point or complex tensor of at least 2 dimensions, got {A.dtype} {list(A.shape)}")


def _few_singular_values(A: Any, q: int, rounds: int) -> tuple[Any, Any, Any]:
    wide = A.shape[-2] < A.shape[-1]
    a = A.mH if wide else A  # tall
    basis = _basis(a, q, rounds)  # (..., rows, q)
    u, s, vh = apply(REGISTRY["linalg_svd"], (basis.mH @ a, False, None))
    left, right = basis @ u, vh.mH
    return (right, s, left) if wide else (left, s, right)


def _basis(a: Any, q: int, rounds: int) -> Any:
    """Orthonormal columns that span nearly what the `q` largest singular vectors of `a` span."""
    basis = _orthonormal(a @ randn(a.shape[-1], q, dtype=a.dtype))
    for _ in range(rounds):
        basis = _orthonormal(a @ _orthonormal(a.mH @ basis))
    return basis


def _orthonormal(x: Any) -> Any:
    return apply(REGISTRY["linalg_qr"], (x, "reduced"))[0]


__all__ = ["pca_lowrank", "svd_lowrank"]
