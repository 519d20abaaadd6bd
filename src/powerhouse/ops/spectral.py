"""Singular values and eigenvalues. See `linear_algebra` for the conventions."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.returns import named_results
from ..graph.op import Bad, Sample, cast, composite, primitive, results
from ..graph.symbol import Symbol, Type
from . import _lapack
from .arithmetic import conj, real_part
from .linear_algebra import (
    adjoint,
    as_column,
    as_row,
    columns,
    main_diagonal,
    matrix,
    not_square,
    off_diagonal_quotient,
    or_zeros,
    positive,
    rows,
    solution,
    times,
)
from .triangles import on_diagonal
from .views import zeros

SVD = named_results("linalg_svd", "U S Vh")
OldSVD = named_results("svd", "U S V")
Eig = named_results("linalg_eig", "eigenvalues eigenvectors")
Eigh = named_results("linalg_eigh", "eigenvalues eigenvectors")

# --- singular values ------------------------------------------------------------------------------------------------------------


@primitive
def svd_of(a: Symbol, full: bool) -> tuple[Type, ...]:
    """U, S, Vh with U S Vh = a, S descending. `full`: U and Vh are square."""
    *batch, m, n = a.shape
    k = min(m, n)
    return Type((*batch, m, m if full else k), a.dtype), Type((*batch, k), a.dtype.to_real()), Type((*batch, n if full else k, n), a.dtype)


svd_of.reference(lambda a, full: _lapack.svd(a, full)[:3])


@svd_of.vjp
def _(g: Any, out: Symbol, a: Symbol, full: bool) -> Any:
    u, s, vh = results(out)
    m, n = a.shape[-2:]
    k = min(m, n)
    u, vh = columns(u, 0, k), rows(vh, 0, k)
    gu = None if g[0] is None else columns(g[0], 0, k)
    gvh = None if g[2] is None else rows(g[2], 0, k)
    middle = on_diagonal(cast(or_zeros(g[1], s), a.dtype))
    if gu is not None:
        turn = _skew(times(adjoint(u), gu))
        middle = middle + off_diagonal_quotient(turn, s * s) * as_row(s)
        if a.dtype.is_complex:
            middle = middle + on_diagonal(main_diagonal(turn) / (s * 2.0))
    if gvh is not None:
        middle = middle + as_column(s) * off_diagonal_quotient(_skew(times(vh, adjoint(gvh))), s * s)
    ga = times(u, middle, vh)
    if gu is not None and m > k:
        outside = gu / as_row(s)
        ga = ga + times(outside - times(u, adjoint(u), outside), vh)
    if gvh is not None and n > k:
        outside = gvh / as_column(s)
        ga = ga + times(u, outside - times(outside, adjoint(vh), vh))
    return (ga,)


def _skew(x: Symbol) -> Symbol:
    return x - adjoint(x)


@primitive
def singular_values(a: Symbol) -> Type:
    """The singular values, descending."""
    return Type((*a.shape[:-2], min(a.shape[-2:])), a.dtype.to_real())


@singular_values.reference
def _(a: Any) -> Any:
    if not min(a.shape[-2:]):
        return np.zeros((*a.shape[:-2], 0), a.real.dtype)
    return _lapack.marking_failures(lambda x: np.linalg.svd(x, compute_uv=False), a)[0][0]


@singular_values.vjp
def _(g: Symbol, out: Symbol, a: Symbol) -> Any:
    u, _, vh = svd_of(a, False)
    return (times(u * as_row(g), vh),)


@composite(names=("linalg.svd",), returns=SVD, name="linalg_svd", autocast="float32")
def linalg_svd(A: Symbol, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """U, S, Vh with U diag(S) Vh = A and S descending; `full_matrices=False` keeps the first min(m, n) columns of U and rows of Vh.

    `driver` is accepted and ignored. Gradients need distinct singular values; the columns that `full_matrices` adds carry none.

    >>> import powerhouse as torch
    >>> torch.linalg.svd(torch.diag(torch.tensor([1.0, 3.0]))).S
    tensor([3., 1.])
    """
    return svd_of(matrix(A, "linalg.svd"), full_matrices)


@composite(names=("linalg.svdvals",), autocast="float32")
def svdvals(A: Symbol, *, driver: str | None = None) -> Symbol:
    """The singular values of A, descending."""
    return singular_values(matrix(A, "linalg.svdvals"))


@composite(names=("svd", "Tensor.svd"), returns=OldSVD, autocast="float32")
def svd(input: Symbol, some: bool = True, compute_uv: bool = True) -> Any:
    """The older form of `linalg.svd`: U, S, V with U diag(S) V^H = input; without `compute_uv`, U and V are zeros."""
    *batch, m, n = matrix(input, "svd", "input").shape
    if not compute_uv:
        return zeros((*batch, m, m), input.dtype), singular_values(input), zeros((*batch, n, n), input.dtype)
    u, s, vh = svd_of(input, not some)
    return u, s, adjoint(vh)


linalg_svd.samples(lambda draw: iter([Sample((draw(*s), False), only="forward") for s in ((0, 3),)]
                                     + [Sample((draw(3, 3),), only="forward")]))
svd.samples(lambda draw: iter([Sample((draw(3, 2), True, False), only="forward")]))
svdvals.samples(lambda draw: iter([Sample((draw(*s),)) for s in ((3, 3), (2, 4), (2, 4, 2))]))
for _op in (linalg_svd, svd, svdvals):
    _op.errors(lambda draw: iter([Bad((draw(3),), {}, RuntimeError, "at least 2 dim"),
                                  Bad((draw(2, 2, dtype="int64"),), {}, RuntimeError, "floating point or complex")]))

# --- eigenvalues ----------------------------------------------------------------------------------------------------------------


@primitive
def eigh_of(a: Symbol, side: str) -> tuple[Type, Type]:
    """Eigenvalues, ascending, and eigenvectors of Hermitian matrices, of which the triangle `side` ("L" or "U") is read."""
    return Type(a.shape[:-1], a.dtype.to_real()), a.type


@eigh_of.reference
def _(a: Any, side: str) -> Any:
    return _lapack.marking_failures(lambda x: tuple(np.linalg.eigh(x, side)), a)[0]


@eigh_of.vjp
def _(g: Any, out: Symbol, a: Symbol, side: str) -> Any:
    values, vectors = results(out)
    middle = on_diagonal(cast(or_zeros(g[0], values), a.dtype))
    if g[1] is not None:
        middle = middle + off_diagonal_quotient(times(adjoint(vectors), g[1]), values)
    return (times(vectors, middle, adjoint(vectors)),)


@primitive
def eigh_values(a: Symbol, side: str) -> Type:
    """The eigenvalues of Hermitian matrices, ascending."""
    return Type(a.shape[:-1], a.dtype.to_real())


@eigh_values.reference
def _(a: Any, side: str) -> Any:
    return _lapack.marking_failures(lambda x: np.linalg.eigvalsh(x, side), a)[0][0]


@eigh_values.vjp
def _(g: Symbol, out: Symbol, a: Symbol, side: str) -> Any:
    vectors = eigh_of(a, side)[1]
    return (times(vectors * as_row(g), adjoint(vectors)),)


def _side(A: Symbol, UPLO: str, op: str) -> str:
    if UPLO not in ("L", "U", "l", "u"):
        raise RuntimeError(f"{op}: Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    matrix(A, op, square=True)
    return UPLO.upper()


@composite(names=("linalg.eigh",), returns=Eigh, autocast="float32")
def eigh(A: Symbol, UPLO: str = "L") -> Any:
    """Eigenvalues, real and ascending, and orthonormal eigenvectors (columns) of Hermitian matrices; `UPLO` says which triangle is read.

    >>> import powerhouse as torch
    >>> torch.linalg.eigh(torch.tensor([[2.0, 1.0], [1.0, 2.0]])).eigenvalues
    tensor([1., 3.])
    """
    return eigh_of(A, _side(A, UPLO, "linalg.eigh"))


@composite(names=("linalg.eigvalsh",), autocast="float32")
def eigvalsh(A: Symbol, UPLO: str = "L") -> Symbol:
    """The eigenvalues, real and ascending, of Hermitian matrices."""
    return eigh_values(A, _side(A, UPLO, "linalg.eigvalsh"))


@primitive
def eig_of(a: Symbol) -> tuple[Type, Type]:
    """Complex eigenvalues and eigenvectors of square matrices, in LAPACK's order."""
    wide = a.dtype.to_complex()
    return Type(a.shape[:-1], wide), Type(a.shape, wide)


@eig_of.reference
def _(a: Any) -> Any:
    wide = np.result_type(a.dtype, np.complex64)
    return tuple(x.astype(wide) for x in _lapack.marking_failures(lambda x: tuple(np.linalg.eig(x)), a)[0])


@eig_of.vjp
def _(g: Any, out: Symbol, a: Symbol) -> Any:
    values, vectors = results(out)
    middle = on_diagonal(or_zeros(g[0], values))
    if g[1] is not None:
        turn = times(adjoint(vectors), g[1])
        along = times(adjoint(vectors), vectors * as_row(cast(real_part(main_diagonal(turn)), turn.dtype)))
        middle = middle + off_diagonal_quotient(turn - along, conj(values))
    ga = solution(adjoint(vectors), times(middle, adjoint(vectors)))[0]
    return (ga if a.dtype.is_complex else real_part(ga),)


@composite(names=("linalg.eig",), returns=Eig, autocast="float32")
def eig(A: Symbol) -> Any:
    """Eigenvalues and eigenvectors (columns of norm 1) of square matrices, both complex, in no particular order."""
    return eig_of(matrix(A, "linalg.eig", square=True))


@composite(names=("linalg.eigvals",), autocast="float32")
def eigvals(A: Symbol) -> Symbol:
    """The eigenvalues of square matrices, complex, in no particular order."""
    return eig_of(matrix(A, "linalg.eigvals", square=True))[0]


eigh.samples(lambda draw: iter([Sample((np.zeros((0, 0), np.float32),), only="forward")]))
eigvalsh.samples(lambda draw: iter([Sample((positive(draw, *s),), only="forward") for s in ((3, 3), (2, 3, 3))]))
eig.samples(lambda draw: iter([Sample((np.zeros((0, 0), np.float32),), only="forward")]))
eigvals.samples(lambda draw: iter([Sample((positive(draw, 2, 2),), only="forward")]))
for _op in (eigh, eigvalsh, eig, eigvals):
    not_square(_op)

__all__ = ["eig", "eigh", "eigh_values", "linalg_svd", "singular_values", "svd_of"]
