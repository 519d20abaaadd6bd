"""Linear systems: determinants, inverses, solvers, and the matrix exponential.

Matrices and batches of them, as in `linear_algebra`. Where a matrix is singular the ops give nan; the functions of
`tensors.linear_algebra` raise. Gradients: Giles 2008.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.returns import named_results
from ..core.shapes import broadcast
from ..graph.op import Bad, Sample, cast, composite, expand, primitive, results
from ..graph.symbol import Symbol, Type
from . import _lapack
from .arithmetic import conj, log, select
from .complex import imag_of
from .joining import concat
from .linear_algebra import (
    adjoint,
    columns,
    eye,
    matrix,
    not_square,
    order_of,
    permutation_matrix,
    rows,
    solution,
    times,
    triangular_solution,
)
from .matmul import turned
from .views import permute_dims, reduce_sum, reshape_to, restore, slice_of, zeros

SlogDet = named_results("linalg_slogdet", "sign logabsdet")
OldSlogDet = named_results("slogdet", "sign logabsdet")
InvEx = named_results("linalg_inv_ex", "inverse info")
SolveEx = named_results("linalg_solve_ex", "result info")
TriangularSolve = named_results("triangular_solve", "solution cloned_coefficient")

# --- determinants ---------------------------------------------------------------------------------------------------------------


@primitive
def determinant(a: Symbol) -> Type:
    """The determinants of square matrices."""
    return Type(a.shape[:-2], a.dtype)


determinant.reference(lambda a: np.linalg.det(a).astype(a.dtype))
determinant.vjp(lambda g, out, a: (restore(g, (a.ndim - 2, a.ndim - 1), a.shape) * conj(cofactors(a)),))


@primitive
def cofactors(a: Symbol) -> Type:
    """`det(a) a^-T`, which exists for singular matrices, too: the derivative of the determinant."""
    return a.type


@cofactors.reference
def _(a: Any) -> Any:
    u, s, vh, _ = _lapack.svd(a, True)
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1)  # the product of the other singular values
    signs = np.linalg.det(u) * np.linalg.det(vh)
    return (signs[..., None, None] * (np.conj(u) * others[..., None, :]) @ np.conj(vh)).astype(a.dtype)


@cofactors.vjp
def _(g: Symbol, out: Symbol, a: Symbol) -> Any:
    dims = (a.ndim - 2, a.ndim - 1)
    inverse = conj(turned(inverted(a)[0]))
    along = restore(reduce_sum(conj(out) * g, dims), dims, a.shape)
    return (along * inverse - times(conj(out), turned(g), inverse),)


@composite(names=("linalg.det", "det", "Tensor.det"))
def det(A: Symbol) -> Symbol:
    """The determinants of square matrices: the batch's shape.

    >>> import powerhouse as torch
    >>> torch.linalg.det(torch.tensor([[2.0, 0.0], [1.0, 3.0]]))
    tensor(6.)
    """
    return determinant(matrix(A, "linalg.det", square=True))


@primitive
def log_determinant(a: Symbol) -> tuple[Type, Type]:
    """The determinant as its sign (of modulus 1, or 0) and the logarithm of its modulus."""
    return Type(a.shape[:-2], a.dtype), Type(a.shape[:-2], a.dtype.to_real())


@log_determinant.reference
def _(a: Any) -> Any:
    sign, size = np.linalg.slogdet(a)
    return np.asarray(sign, a.dtype), np.asarray(size, a.real.dtype)


@log_determinant.vjp
def _(g: Any, out: Symbol, a: Symbol) -> Any:
    sign, size = results(out)
    factor = cast(zeros(size.shape, size.dtype) if g[1] is None else g[1], a.dtype)
    if g[0] is not None and a.dtype.is_complex:
        factor = factor + cast(imag_of(g[0] * conj(sign)), a.dtype) * 1j
    return (restore(factor, (a.ndim - 2, a.ndim - 1), a.shape) * adjoint(inverted(a)[0]),)


@composite(names=("linalg.slogdet",), returns=SlogDet, name="linalg_slogdet")
def linalg_slogdet(A: Symbol) -> Any:
    """(sign, logabsdet) with `sign * exp(logabsdet)` the determinant; where it is 0, (0, -inf)."""
    return log_determinant(matrix(A, "linalg.slogdet", square=True))


@composite(names=("slogdet", "Tensor.slogdet"), returns=OldSlogDet)
def slogdet(input: Symbol) -> Any:
    """The older name of `linalg.slogdet`."""
    return log_determinant(matrix(input, "slogdet", square=True))


@composite
def logdet(input: Symbol) -> Symbol:
    """The logarithm of the determinant; nan where it is negative."""
    sign, size = log_determinant(matrix(input, "logdet", square=True))
    return size + log(sign)


def _well_conditioned(draw: Any, *shape: int, dtype: str = "float32") -> Any:
    return (draw(*shape, dtype=dtype) + 5 * np.eye(shape[-1])).astype(dtype)


for _op in (det, linalg_slogdet, slogdet, logdet):
    _op.samples(lambda draw: iter([Sample((_well_conditioned(draw, *s),)) for s in ((3, 3), (2, 2, 2))]))
    not_square(_op)

# --- inverses -------------------------------------------------------------------------------------------------------------------


@primitive
def inverted(a: Symbol) -> tuple[Type, Type]:
    """The inverses of square matrices, and LAPACK's info."""
    return a.type, Type(a.shape[:-2], dt.int32)


@inverted.reference
def _(a: Any) -> Any:
    (x,), failed = _lapack.marking_failures(np.linalg.inv, a)
    return x, _lapack.info_of(failed, a, _lapack.zero_pivot)


@inverted.vjp
def _(g: Any, out: Symbol, a: Symbol) -> Any:
    x = adjoint(results(out)[0])
    return (-times(x, g[0], x),)


@composite(names=("linalg.inv_ex",), returns=InvEx, autocast="float32")
def inv_ex(A: Symbol, *, check_errors: bool = False) -> Any:
    """`linalg.inv`, and an int32 `info` instead of an error: 0, or the position of a zero pivot."""
    return inverted(matrix(A, "linalg.inv_ex", square=True))


@composite(names=("linalg.inv", "inverse", "Tensor.inverse"), autocast="float32")
def inv(A: Symbol) -> Symbol:
    """The inverses of square matrices. Raises LinAlgError where one is singular.

    >>> import powerhouse as torch
    >>> torch.linalg.inv(torch.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor([[0.5000, 0.0000],
            [0.0000, 0.2500]])
    """
    return inverted(matrix(A, "linalg.inv", square=True))[0]


@composite(names=("linalg.matrix_power", "matrix_power", "Tensor.matrix_power"))
def matrix_power(A: Symbol, n: int) -> Symbol:
    """`A` multiplied with itself `n` times; negative `n` inverts, 0 gives the identity."""
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"linalg.matrix_power: A must be batches of square matrices with at least 2 dimensions; got shape {list(A.shape)}"
        )
    if n == 0:
        return select(expand(eye(1, 1, dt.bool_), A.shape), expand(eye(A.shape[-1], A.shape[-1], A.dtype), A.shape),
                      A)  # depends on A, in name
    base = inverted(matrix(A, "linalg.matrix_power"))[0] if n < 0 else A
    out, n = None, abs(n)
    while n:
        if n & 1:
            out = base if out is None else times(out, base)
        n >>= 1
        base = times(base, base) if n else base
    return out * 1 if out is A else out


for _op in (inv_ex, inv):
    _op.samples(lambda draw: iter([Sample((_well_conditioned(draw, *s),)) for s in ((3, 3), (2, 2, 2), (0, 0))]))
    not_square(_op)
matrix_power.samples(lambda draw: iter([Sample((_well_conditioned(draw, 2, 2) / 5, n)) for n in (0, 1, 2, 5, -1, -3)]))
matrix_power.errors(lambda draw: iter([Bad((draw(2, 3), 2), {}, RuntimeError, "square")]))

# --- solvers --------------------------------------------------------------------------------------------------------------------


def _system(A: Symbol, B: Symbol, left: bool, op: str) -> tuple[Symbol, Symbol, bool]:
    """A and B with equal batch dims, B with columns for right sides; and whether B came as vectors."""
    matrix(A, op, square=True)
    if B.dtype is not A.dtype:
        raise RuntimeError(f"{op}: Expected A and B to have the same dtype, but found A of type {A.dtype} and B of type {B.dtype} instead")
    vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1])
    if vector and not left:
        raise RuntimeError(
            f"{op}: Vector broadcasting of the left hand side is not supported for left=False. In this case linalg.solve is equivalent "
            "to B / A.squeeze(-1)"
        )
    if B.ndim == 0:
        raise RuntimeError(f"{op}: The tensor B must have at least 1 dimension")
    b = reshape_to(B, (*B.shape, 1)) if vector else B
    if b.shape[-2 if left else -1] != A.shape[-1]:
        raise RuntimeError(
            f"{op}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} ({A.shape[-2]}x{A.shape[-1]} and "
            f"{b.shape[-2]}x{b.shape[-1]})"
        )
    batch = broadcast((A.shape[:-2], b.shape[:-2]), op)
    return expand(A, (*batch, *A.shape[-2:])), expand(b, (*batch, *b.shape[-2:])), vector


def _solve(A: Symbol, B: Symbol, left: bool, op: str) -> tuple[Symbol, Symbol]:
    a, b, vector = _system(A, B, left, op)
    x, info = solution(a, b) if left else solution(turned(a), turned(b))
    x = x if left else turned(x)
    return (reshape_to(x, x.shape[:-1]) if vector else x), _unbroadcast(info, A.shape[:-2])


def _unbroadcast(x: Symbol, shape: tuple[int, ...]) -> Symbol:
    """What `x` was before it was expanded from `shape`."""
    lead = x.ndim - len(shape)
    kept = tuple((0, 1 if i < lead else min(n, shape[i - lead]), 1) for i, n in enumerate(x.shape))
    return x if x.shape == shape else reshape_to(slice_of(x, kept), shape)


@composite(names=("linalg.solve",), autocast="float32")
def solve(A: Symbol, B: Symbol, *, left: bool = True) -> Symbol:
    """X with A X = B (or X A = B with `left=False`) for square A; B holds columns (..., n, k) or is a vector (..., n).

    Raises LinAlgError where A is singular.

    >>> import powerhouse as torch
    >>> torch.linalg.solve(torch.tensor([[2.0, 0.0], [0.0, 4.0]]), torch.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    return _solve(A, B, left, "linalg.solve")[0]


@composite(names=("linalg.solve_ex",), returns=SolveEx)
def solve_ex(A: Symbol, B: Symbol, *, left: bool = True, check_errors: bool = False) -> Any:
    """`linalg.solve`, and an int32 `info` instead of an error: 0, or the position of a zero pivot."""
    return _solve(A, B, left, "linalg.solve_ex")


for _op in (solve, solve_ex):
    _op.samples(lambda draw: iter([Sample((_well_conditioned(draw, *a), draw(*b)), kw) for a, b, kw in (
        ((3, 3), (3, 2), {}), ((3, 3), (3,), {}), ((2, 3, 3), (3, 2), {}), ((2, 3, 3), (2, 3), {}), ((3, 3), (2, 3),
            {"left": False}), ((2, 1, 3, 3), (2, 3, 1), {}))]))
    _op.errors(lambda draw: iter([Bad((draw(2, 3), draw(2)), {}, RuntimeError, "square"),
                                  Bad((draw(3, 3), draw(2, 2)), {}, RuntimeError, "Incompatible shapes"),
                                  Bad((draw(2, 2), draw(2, dtype="float64")), {}, RuntimeError, "same dtype")]))


def _triangular(A: Symbol, B: Symbol, upper: bool, left: bool, unit: bool, op: str) -> Symbol:
    """X with A X = B (or X A = B) for triangular A; B holds columns."""
    matrix(B, op, "B")
    if not left:
        return turned(_triangular(turned(matrix(A, op)), turned(B), not upper, True, unit, op))
    a, b, _ = _system(A, B, True, op) if B.ndim != A.ndim - 1 else _system(A, reshape_to(B, (1, *B.shape)), True, op)
    return triangular_solution(a, b, upper, unit)


@composite(names=("linalg.solve_triangular",))
def solve_triangular(A: Symbol, B: Symbol, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Symbol:
    """X with A X = B (or X A = B) for triangular A, of which one triangle is read; `unitriangular`: its diagonal counts as ones."""
    return _triangular(A, B, upper, left, unitriangular, "linalg.solve_triangular")


@composite(names=("triangular_solve", "Tensor.triangular_solve"), returns=TriangularSolve, autocast="float32")
def triangular_solve(b: Symbol, A: Symbol, upper: bool = True, transpose: bool = False, unitriangular: bool = False) -> Any:
    """The older form of `linalg.solve_triangular`: (solution, A), for A^T with `transpose`."""
    a = turned(matrix(A, "triangular_solve")) if transpose else A
    return _triangular(a, b, upper != transpose, True, unitriangular, "triangular_solve"), A * 1


solve_triangular.samples(lambda draw: iter([Sample((_well_conditioned(draw, *a), draw(*b)), kw) for a, b, kw in (
    ((3, 3), (3, 2), {"upper": True}), ((2, 3, 3), (3, 2), {"upper": False}), ((3, 3), (2, 3),
        {"upper": True, "left": False, "unitriangular": True}))]))
triangular_solve.samples(lambda draw: iter([Sample((draw(3, 2), _well_conditioned(draw, 3, 3), *args))
                                            for args in ((), (False,), (True, True))]))
for _op in (solve_triangular, triangular_solve):
    _op.errors(lambda draw, _op=_op: iter([Bad((draw(2, 3), draw(2, 3)), {"upper": True}, RuntimeError, "square"),
                                           Bad((draw(2, 2), draw(2)), {"upper": True}, RuntimeError, "at least 2 dim")]))


@composite(names=("linalg.lu_solve",), name="linalg_lu_solve")
def linalg_lu_solve(LU: Symbol, pivots: Symbol, B: Symbol, *, left: bool = True, adjoint: bool = False) -> Symbol:
    """X with A X = B (X A = B with `left=False`; A^H in place of A with `adjoint`), given `linalg.lu_factor(A)`."""
    return _lu_solve(LU, pivots, B, left, adjoint, "linalg.lu_solve")


@composite(names=("lu_solve", "Tensor.lu_solve"), autocast="float32")
def lu_solve(b: Symbol, LU_data: Symbol, LU_pivots: Symbol) -> Symbol:
    """The older form of `linalg.lu_solve`."""
    return _lu_solve(LU_data, LU_pivots, b, True, False, "lu_solve")


def _lu_solve(packed: Symbol, pivots: Symbol, B: Symbol, left: bool, hermitian: bool, op: str) -> Symbol:
    if pivots.dtype is not dt.int32:
        raise RuntimeError(f"{op}: pivots should be a Tensor of scalar type torch.int32; got {pivots.dtype}")
    if pivots.shape != matrix(packed, op, "LU").shape[:-1]:
        raise RuntimeError(
            f"{op}: Number of pivots per batch should be same as the dimension of the matrix; got {list(pivots.shape)} for "
            f"{list(packed.shape)}"
        )
    if not left:
        return adjoint(_lu_solve(packed, pivots, adjoint(B), True, not hermitian, op))
    matrix(B, op, "B")
    a, b, _ = _system(packed, B if B.ndim != packed.ndim - 1 else reshape_to(B, (1, *B.shape)), True, op)
    p = permutation_matrix(order_of(pivots, packed.shape[-1]), packed.dtype)
    if hermitian:
        return times(p, triangular_solution(adjoint(a), triangular_solution(adjoint(a), b, False, False), True, True))
    return triangular_solution(a, triangular_solution(a, times(turned(p), b), False, True), True, False)


linalg_lu_solve.samples(lambda draw: iter([Sample((_well_conditioned(draw, 3, 3), np.array([2, 3, 3], np.int32), draw(3, 2)), kw)
                                           for kw in ({}, {"adjoint": True})]))
lu_solve.samples(lambda draw: iter([Sample((draw(3, 2), _well_conditioned(draw, 3, 3), np.array([2, 3, 3], np.int32)))]))
linalg_lu_solve.errors(lambda draw: iter([Bad((draw(2, 2), np.array([1, 2]), draw(2, 2)), {}, RuntimeError, "torch.int32")]))
lu_solve.errors(lambda draw: iter([Bad((draw(2, 2), draw(2, 2), np.array([1, 2])), {}, RuntimeError, "torch.int32")]))


@primitive
def cholesky_solution(factor: Symbol, b: Symbol, upper: bool) -> Type:
    """`x` with `a x = b` for a = L L^H (or U^H U). As in PyTorch, the gradient of the factor is that of this product: dense."""
    return b.type


@cholesky_solution.reference
def _(factor: Any, b: Any, upper: bool) -> Any:
    turned_factor = np.conj(np.swapaxes(factor, -1, -2))
    first, second = (turned_factor, factor) if upper else (factor, turned_factor)
    return _lapack.solve_triangular(second, _lapack.solve_triangular(first, b, False, False), True, False)


@cholesky_solution.vjp
def _(g: Symbol, out: Symbol, factor: Symbol, b: Symbol, upper: bool) -> Any:
    gb = cholesky_solution(factor, g, upper)
    ga = times(gb, adjoint(out))
    both = -(ga + adjoint(ga))
    return (times(factor, both) if upper else times(both, factor)), gb


@composite(autocast="float32")
def cholesky_solve(input: Symbol, L: Symbol, upper: bool = False) -> Symbol:
    """X with A X = input, given the Cholesky factor L of A = L L^H (or U of U^H U with `upper`); `input` holds columns."""
    matrix(input, "cholesky_solve", "input")
    a, b, _ = _system(L, input if input.ndim != L.ndim - 1 else reshape_to(input, (1, *input.shape)), True, "cholesky_solve")
    return cholesky_solution(a, b, upper)


@composite(autocast="float32")
def cholesky_inverse(L: Symbol, upper: bool = False) -> Symbol:
    """The inverse of A, given its Cholesky factor: L of A = L L^H, or U of U^H U with `upper`."""
    n = matrix(L, "cholesky_inverse", square=True).shape[-1]
    return cholesky_solution(L, expand(eye(n, n, L.dtype), L.shape), upper)


cholesky_solve.samples(lambda draw: iter([Sample((draw(3, 2), _well_conditioned(draw, *s), up), only="forward") for s in ((3, 3), (2, 3, 3))
                                          for up in (False, True)]))
cholesky_solve.errors(lambda draw: iter([Bad((draw(3), draw(3, 3)), {}, RuntimeError, "at least 2 dim"),
                                         Bad((draw(2, 2), draw(3, 3)), {}, RuntimeError, "Incompatible")]))
cholesky_inverse.samples(lambda draw: iter([Sample((_well_conditioned(draw, 3, 3), up), only="forward") for up in (False, True)]))
not_square(cholesky_inverse)

# --- tensors as matrices ----------------------------------------------------------------------------------------------------------------


@composite(names=("linalg.tensorinv",), autocast="float32")
def tensorinv(A: Symbol, ind: int = 2) -> Symbol:
    """The inverse of the map that `tensordot(A, x)` is: the first `ind` dims of A are the outputs."""
    if ind <= 0:
        raise RuntimeError(f"linalg.tensorinv: Expected a strictly positive integer for 'ind', got {ind}")
    n, m = prod(A.shape[:ind]), prod(A.shape[ind:])
    if n != m:
        raise RuntimeError(
            f"linalg.tensorinv: Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got {m} "
            f"!= {n}"
        )
    return reshape_to(inverted(matrix(reshape_to(A, (n, n)), "linalg.tensorinv"))[0], (*A.shape[ind:], *A.shape[:ind]))


@composite(names=("linalg.tensorsolve",), autocast="float32")
def tensorsolve(A: Symbol, B: Symbol, dims: Any = None) -> Symbol:
    """X with `tensordot(A, X, X.ndim) == B`; `dims` of A are moved to its end first."""
    if dims:
        moved = tuple(d % A.ndim for d in dims)
        A = permute_dims(A, (*(i for i in range(A.ndim) if i not in moved), *moved))
    shape = A.shape[B.ndim :]
    if prod(shape) != B.numel:
        raise RuntimeError(
            "linalg.tensorsolve: Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {list(A.shape)} and {list(B.shape)}"
        )
    x = solution(matrix(reshape_to(A, (B.numel, B.numel)), "linalg.tensorsolve"), reshape_to(B, (B.numel, 1)))[0]
    return reshape_to(x, shape)


tensorinv.samples(lambda draw: iter([Sample((_well_conditioned(draw, 6, 6).reshape(2, 3, 6), 2)),
                                     Sample((_well_conditioned(draw, 4, 4).reshape(4, 2, 2), 1))]))
tensorinv.errors(lambda draw: iter([Bad((draw(2, 3, 4),), {}, RuntimeError, "requirement"),
                                    Bad((draw(2, 2), 0), {}, RuntimeError, "strictly positive")]))
tensorsolve.samples(lambda draw: iter([Sample((_well_conditioned(draw, 6, 6).reshape(2, 3, 6), draw(2, 3))),
                                       Sample((_well_conditioned(draw, 4, 4).reshape(2, 4, 2), draw(4)), {"dims": (0, 2)},
                                              only="forward")]))
tensorsolve.errors(lambda draw: iter([Bad((draw(2, 3, 4), draw(2, 3)), {}, RuntimeError, "requirement")]))

# --- the exponential ------------------------------------------------------------------------------------------------------------------


@primitive
def matrix_exponential(a: Symbol) -> Type:
    """The exponential of square matrices."""
    return a.type


matrix_exponential.reference(_lapack.matrix_exp)


@matrix_exponential.vjp
def _(g: Symbol, out: Symbol, a: Symbol) -> Any:
    # The derivative at a in the direction g stands in the corner of exp([[a, g], [0, a]]) (Mathias 1996).
    n = a.shape[-1]
    top = concat((adjoint(a), g), a.ndim - 1)
    bottom = concat((zeros(a.shape, a.dtype), adjoint(a)), a.ndim - 1)
    return (columns(rows(matrix_exponential(concat((top, bottom), a.ndim - 2)), 0, n), n, 2 * n),)


@composite(names=("linalg.matrix_exp", "matrix_exp", "Tensor.matrix_exp"))
def matrix_exp(A: Symbol) -> Symbol:
    """The exponential `1 + A + A^2 / 2 + ...` of square matrices, by scaling and squaring (Higham 2005).

    >>> import powerhouse as torch
    >>> torch.linalg.matrix_exp(torch.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    half = isinstance(A, Symbol) and A.dtype in (dt.float16, dt.bfloat16)
    out = matrix_exponential(matrix(cast(A, dt.float32) if half else A, "linalg.matrix_exp", square=True))
    return cast(out, A.dtype) if half else out


matrix_exp.samples(lambda draw: iter([Sample((draw(*s),)) for s in ((3, 3), (2, 2, 2), (1, 1), (0, 0))]))
not_square(matrix_exp)

__all__ = ["cholesky_solution", "det", "inv", "inverted", "matrix_exp", "matrix_power", "slogdet", "solve"]
