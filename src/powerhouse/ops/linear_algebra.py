"""Matrix decompositions: Cholesky, LU and QR, and what all of linear algebra shares.

Every function takes a matrix or a batch of them: the last two dims are the matrix, those before the batch. Real and complex floats of
32 and 64 bits. A primitive whose LAPACK routine fails on a matrix gives nan for it (and an `info`, where there is one); the functions
of `tensors.linear_algebra` read that and raise. Gradients: Giles, An extended collection of matrix derivative results, 2008; Townsend,
Differentiating the singular value decomposition, 2016; Murray, Differentiation of the Cholesky decomposition, 2016.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import FLOAT
from ..core.returns import named_results
from ..graph.op import Bad, Sample, cast, composite, primitive, results
from ..graph.symbol import Symbol, Type
from . import _lapack
from .arithmetic import conj, eq, real_part, select, where
from .joining import concat, joined
from .matmul import batched_matmul, turned
from .reduction import iota_along
from .shape import span
from .triangles import on_diagonal, tril, triu
from .views import diagonal_of, expand, reshape_to, zeros

CholeskyEx = named_results("linalg_cholesky_ex", "L info")
QR = named_results("linalg_qr", "Q R")
LU = named_results("linalg_lu", "P L U")
Factor = named_results("linalg_lu_factor", "LU pivots")
FactorEx = named_results("linalg_lu_factor_ex", "LU pivots info")
Unpacked = named_results("lu_unpack", "P L U")
Reflectors = named_results("geqrf", "a tau")

# --- what all share -------------------------------------------------------------------------------------------------------------


def matrix(x: Symbol, op: str, name: str = "A", square: bool = False) -> Symbol:
    """`x`, which must be a matrix or a batch of them, of a dtype that LAPACK knows."""
    if not isinstance(x, Symbol):
        raise TypeError(f"{op}(): argument '{name}' must be Tensor, not {type(x).__name__}")
    if x.ndim < 2:
        raise RuntimeError(f"{op}: The input tensor {name} must have at least 2 dimensions; got shape {list(x.shape)}")
    if x.dtype.category < FLOAT:
        raise RuntimeError(f"{op}: Expected a floating point or complex tensor as input. Got {x.dtype}")
    if x.dtype.itemsize < 4:
        raise RuntimeError(f"{op}: Low precision dtypes not supported. Got {x.dtype}")
    if square and x.shape[-1] != x.shape[-2]:
        raise RuntimeError(f"{op}: {name} must be batches of square matrices, but they are {x.shape[-2]} by {x.shape[-1]} matrices")
    return x


def adjoint(x: Symbol) -> Symbol:
    """The conjugate transpose."""
    return turned(conj(x))


def eye(n: int, m: int, dtype: dt.dtype) -> Symbol:
    """The n x m matrix with ones on the diagonal."""
    return cast(eq(iota_along(n, 0, (n, m)), iota_along(m, 1, (n, m))), dtype)


def times(*matrices: Symbol) -> Symbol:
    """The product of matrices with equal batch dims; a plain matrix is repeated over the batch."""
    out, *rest = matrices
    for m in rest:
        batch = max(out.shape[:-2], m.shape[:-2], key=len)
        out = batched_matmul(expand(out, (*batch, *out.shape[-2:])), expand(m, (*batch, *m.shape[-2:])))
    return out


def main_diagonal(x: Symbol) -> Symbol:
    """The diagonal of matrices, as a last dim."""
    return diagonal_of(x, 0, x.ndim - 2, x.ndim - 1)


def as_row(x: Symbol) -> Symbol:
    """Vectors (..., n) as matrices (..., 1, n): multiplied with a matrix, they scale its columns."""
    return reshape_to(x, (*x.shape[:-1], 1, x.shape[-1]))


def as_column(x: Symbol) -> Symbol:
    """Vectors (..., n) as matrices (..., n, 1): multiplied with a matrix, they scale its rows."""
    return reshape_to(x, (*x.shape, 1))


def columns(x: Symbol, start: int, stop: int) -> Symbol:
    """Columns `start` to `stop` of matrices."""
    return span(x, x.ndim - 1, start, stop - start)


def rows(x: Symbol, start: int, stop: int) -> Symbol:
    """Rows `start` to `stop` of matrices."""
    return span(x, x.ndim - 2, start, stop - start)


def off_diagonal_quotient(x: Symbol, values: Symbol) -> Symbol:
    """`x[i, j] / (values[j] - values[i])`, and 0 on the diagonal: `values` are those of a decomposition."""
    n = x.shape[-1]
    on = eye(n, n, dt.bool_)
    apart = as_row(values) - as_column(values)
    return where(on, zeros(x.shape, x.dtype), x / where(on, cast(on, apart.dtype), apart))


def or_zeros(g: Symbol | None, like: Symbol) -> Symbol:
    """A gradient that may be missing."""
    return zeros(like.shape, like.dtype) if g is None else g


@primitive(differentiable=False)
def underivable(x: Symbol, message: str) -> Type:
    """A gradient of the type of `x` that nobody may ask the value of."""
    return x.type


@underivable.reference
def _(x: Any, message: str) -> Any:
    raise RuntimeError(message)


def positive(draw: Any, *shape: int, dtype: str = "float32") -> Any:
    """Sample matrices that are Hermitian and positive definite."""
    a = draw(*shape, dtype=dtype)
    return (a @ np.conj(np.swapaxes(a, -1, -2)) + np.eye(shape[-1])).astype(dtype)


def not_square(op: Any) -> None:
    """Bad inputs that all functions of square matrices refuse."""
    op.errors(lambda draw: iter([Bad((draw(2, 3),), {}, RuntimeError, "square"), Bad((draw(3),), {}, RuntimeError, "at least 2 dim"),
                                 Bad((draw(2, 2, dtype="int64"),), {}, RuntimeError, "floating point or complex")]))


# --- Cholesky -------------------------------------------------------------------------------------------------------------------


@primitive
def lower_cholesky(a: Symbol) -> tuple[Type, Type]:
    """The lower triangular L with L L^H = a, of which the lower triangle is read; and LAPACK's info."""
    return a.type, Type(a.shape[:-2], dt.int32)


@lower_cholesky.reference
def _(a: Any) -> Any:
    (l,), failed = _lapack.marking_failures(np.linalg.cholesky, a)
    return l, _lapack.info_of(failed, a, _lapack.bad_minor)


@lower_cholesky.vjp
def _(g: Any, out: Symbol, a: Symbol) -> Any:
    lower = results(out)[0]
    phi = tril(times(adjoint(lower), g[0]))
    middle = (phi + adjoint(tril(phi, -1))) * 0.5
    right = triangular_solution(adjoint(lower), middle, True, False)  # L^-H middle
    return (adjoint(triangular_solution(adjoint(lower), adjoint(right), True, False)),)


@composite(names=("linalg.cholesky_ex",), returns=CholeskyEx, autocast="float32")
def cholesky_ex(A: Symbol, *, upper: bool = False, check_errors: bool = False) -> Any:
    """`linalg.cholesky`, and an int32 `info` instead of an error: 0, or the order of the first minor that is not positive definite."""
    lower, info = lower_cholesky(adjoint(matrix(A, "linalg.cholesky_ex", square=True)) if upper
                                 else matrix(A, "linalg.cholesky_ex", square=True))
    return (adjoint(lower) if upper else lower), info


@composite(names=("linalg.cholesky",), name="linalg_cholesky", autocast="float32")
def linalg_cholesky(A: Symbol, *, upper: bool = False) -> Symbol:
    """The lower triangular L with L L^H = A (or, with `upper`, U with U^H U = A) of Hermitian positive definite matrices.

    Raises LinAlgError where one is not positive definite.

    >>> import powerhouse as torch
    >>> torch.linalg.cholesky(torch.tensor([[4.0, 2.0], [2.0, 5.0]]))
    tensor([[2., 0.],
            [1., 2.]])
    """
    lower = lower_cholesky(matrix(A, "linalg.cholesky", square=True))[0]
    return adjoint(lower) if upper else lower


@composite(names=("cholesky", "Tensor.cholesky"), autocast="float32")
def cholesky(input: Symbol, upper: bool = False) -> Symbol:
    """The older name of `linalg.cholesky`."""
    lower = lower_cholesky(matrix(input, "cholesky", square=True))[0]
    return adjoint(lower) if upper else lower


for _op in (cholesky_ex, linalg_cholesky, cholesky):
    _op.samples(lambda draw: iter([Sample((positive(draw, *s),), kw, only="forward") for s in ((3, 3), (2, 3, 3), (0, 0))
                                   for kw in ({}, {"upper": True})]))
    not_square(_op)

# --- triangular systems -----------------------------------------------------------------------------------------------------------


@primitive
def triangular_solution(a: Symbol, b: Symbol, upper: bool, unit: bool) -> Type:
    """`x` with `a x = b` for triangular `a` of the same batch dims; `unit`: the diagonal counts as ones."""
    return b.type


triangular_solution.reference(_lapack.solve_triangular)


@triangular_solution.vjp
def _(g: Symbol, out: Symbol, a: Symbol, b: Symbol, upper: bool, unit: bool) -> Any:
    gb = triangular_solution(adjoint(a), g, not upper, unit)
    ga = -times(gb, adjoint(out))
    return (triu(ga, int(unit)) if upper else tril(ga, -int(unit))), gb


# --- LU -----------------------------------------------------------------------------------------------------------------------------


@primitive
def packed_lu(a: Symbol, pivot: bool) -> tuple[Type, ...]:
    """LU with row exchanges: L below and U on and above the diagonal of one matrix, the exchanges, the permutation, and LAPACK's info."""
    *batch, m, n = a.shape
    return a.type, Type((*batch, min(m, n)), dt.int32), Type((*batch, m), dt.int64), Type(tuple(batch), dt.int32)


packed_lu.reference(_lapack.lu)


@packed_lu.vjp
def _(g: Any, out: Symbol, a: Symbol, pivot: bool) -> Any:
    packed, _, order, _ = results(out)
    m, n = a.shape[-2:]
    k = min(m, n)
    # Square blocks come first, what is left of a wide U or a tall L second.
    square, gsquare = columns(rows(packed, 0, k), 0, k), columns(rows(g[0], 0, k), 0, k)
    lower, upper = unit_lower(square), triu(square)
    low = times(adjoint(lower), tril(gsquare, -1))
    up = times(triu(gsquare), adjoint(upper))
    if n > k:
        u2, g2 = columns(packed, k, n), columns(g[0], k, n)
        low = low - times(g2, adjoint(u2))
    if m > k:
        l2, g2 = rows(packed, k, m), rows(g[0], k, m)
        up = up - times(adjoint(l2), g2)
    middle = tril(low, -1) + triu(up)
    ga = _solve_upper_right(triangular_solution(adjoint(lower), middle, True, True), upper)  # L^-H middle U^-H
    if n > k:
        ga = concat((ga, triangular_solution(adjoint(lower), columns(g[0], k, n), True, True)), a.ndim - 1)
    if m > k:
        ga = concat((ga, _solve_upper_right(rows(g[0], k, m), upper)), a.ndim - 2)
    return (times(permutation_matrix(order, a.dtype), ga),)


def _solve_upper_right(x: Symbol, upper: Symbol) -> Symbol:
    """`x U^-H`."""
    return adjoint(triangular_solution(upper, adjoint(x), True, False))


def unit_lower(packed: Symbol) -> Symbol:
    """The L of a packed LU: (m, min(m, n)), with ones on the diagonal."""
    m, n = packed.shape[-2:]
    k = min(m, n)
    return tril(columns(packed, 0, k), -1) + eye(m, k, packed.dtype)


def permutation_matrix(order: Symbol, dtype: dt.dtype) -> Symbol:
    """P with `P[order[r], r] = 1`: the rows `order` of P X are those of X."""
    m = order.shape[-1]
    return cast(eq(iota_along(m, order.ndim - 1, (*order.shape, 1)), as_row(order)), dtype)


@primitive(differentiable=False)
def order_of(pivots: Symbol, m: int) -> Type:
    """The permutation of m rows that 1-based exchanges amount to."""
    return Type((*pivots.shape[:-1], m), dt.int64)


order_of.reference(_lapack.permutation)


@composite(names=("linalg.lu_factor_ex",), returns=FactorEx)
def lu_factor_ex(A: Symbol, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """`linalg.lu_factor`, and an int32 `info`: 0, or the position of the first zero on the diagonal of U."""
    packed, pivots, _, info = packed_lu(matrix(A, "linalg.lu_factor_ex"), pivot)
    return packed, pivots, info


@composite(names=("linalg.lu_factor",), returns=Factor)
def lu_factor(A: Symbol, *, pivot: bool = True) -> Any:
    """The LU decomposition in packed form, for `linalg.lu_solve`: (LU, pivots), the row exchanges counted from 1."""
    return packed_lu(matrix(A, "linalg.lu_factor"), pivot)[:2]


@composite(names=("linalg.lu",), returns=LU, name="linalg_lu")
def linalg_lu(A: Symbol, *, pivot: bool = True) -> Any:
    """P, L, U with A = P L U: a permutation, a lower triangle with ones on its diagonal, an upper triangle.

    >>> import powerhouse as torch
    >>> P, L, U = torch.linalg.lu(torch.tensor([[1.0, 2.0], [2.0, 2.0]]))
    >>> U
    tensor([[2., 2.],
            [0., 1.]])
    """
    packed, _, order, _ = packed_lu(matrix(A, "linalg.lu"), pivot)
    k = min(A.shape[-2:])
    return permutation_matrix(order, A.dtype), unit_lower(packed), triu(rows(packed, 0, k))


@composite(names=("lu", "Tensor.lu"), autocast="float32")
def lu(A: Symbol, pivot: bool = True, get_infos: bool = False) -> Any:
    """The older form of `linalg.lu_factor`: (LU, pivots), with `get_infos` also the info."""
    packed, pivots, _, info = packed_lu(matrix(A, "lu"), pivot)
    return (packed, pivots, info) if get_infos else (packed, pivots)


@composite(names=("lu_unpack",), returns=Unpacked)
def lu_unpack(LU_data: Symbol, LU_pivots: Symbol, unpack_data: bool = True, unpack_pivots: bool = True) -> Any:
    """P, L, U from a packed LU and its pivots; what is not asked for is empty."""
    if LU_pivots.dtype is not dt.int32:
        raise RuntimeError(f"lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype, got {LU_pivots.dtype}")
    m, n = matrix(LU_data, "lu_unpack", "LU_data").shape[-2:]
    none = zeros((0,), LU_data.dtype)
    p = permutation_matrix(order_of(LU_pivots, m), LU_data.dtype) if unpack_pivots else none
    return (p, unit_lower(LU_data), triu(rows(LU_data, 0, min(m, n)))) if unpack_data else (p, none, none)


for _op in (lu_factor_ex, lu_factor, linalg_lu, lu):
    _op.samples(lambda draw: iter([Sample((draw(*s),)) for s in ((3, 3), (2, 3, 3), (2, 4), (4, 2), (0, 3, 3))]))
    _op.errors(lambda draw: iter([Bad((draw(3),), {}, RuntimeError, "at least 2 dim"),
                                  Bad((draw(2, 2, dtype="int64"),), {}, RuntimeError, "floating point or complex")]))
lu_unpack.samples(lambda draw: iter([Sample((draw(2, 3, 3), np.array([[2, 3, 3], [1, 2, 3]], np.int32))),
                                     Sample((draw(2, 3), np.array([2, 2], np.int32)))]))
lu_unpack.errors(lambda draw: iter([Bad((draw(3, 3), np.array([2, 3, 3], np.int64)), {}, RuntimeError, "torch.int32")]))

# --- QR -------------------------------------------------------------------------------------------------------------------------


@primitive
def qr_of(a: Symbol, complete: bool) -> tuple[Type, Type]:
    """Q with orthonormal columns and upper triangular R, Q R = a. `complete`: Q is square."""
    *batch, m, n = a.shape
    k = m if complete else min(m, n)
    return Type((*batch, m, k), a.dtype), Type((*batch, k, n), a.dtype)


@qr_of.reference
def _(a: Any, complete: bool) -> Any:
    return tuple(np.linalg.qr(a, mode="complete" if complete else "reduced"))


@qr_of.vjp
def _(g: Any, out: Symbol, a: Symbol, complete: bool) -> Any:
    q, r = results(out)
    m, n = a.shape[-2:]
    k = min(m, n)
    gq, gr = or_zeros(g[0], q), or_zeros(g[1], r)
    q, gq, r, gr = columns(q, 0, k), columns(gq, 0, k), rows(r, 0, k), rows(gr, 0, k)
    if m >= n:
        return (_qr_gradient(q, r, gq, gr),)
    # a = (X | Y) and R = (U | W), with Q U = X and W = Q^H Y
    u, gu, gw, y = columns(r, 0, m), columns(gr, 0, m), columns(gr, m, n), columns(a, m, n)
    gx = _qr_gradient(q, u, gq + times(y, adjoint(gw)), gu)
    return (joined((gx, times(q, gw)), a.ndim - 1),)


def _qr_gradient(q: Symbol, r: Symbol, gq: Symbol, gr: Symbol) -> Symbol:
    m = triu(times(gr, adjoint(r)) - times(adjoint(q), gq))
    mirrored = triu(m, 1) + adjoint(triu(m, 1)) + on_diagonal(cast(real_part(main_diagonal(m)), m.dtype))
    return _solve_upper_right(gq + times(q, mirrored), r)


@composite(names=("linalg.qr",), returns=QR, name="linalg_qr", autocast="float32")
def linalg_qr(A: Symbol, mode: str = "reduced") -> Any:
    """Q with orthonormal columns and upper triangular R with Q R = A. `mode`: "reduced", "complete" (square Q), "r" (Q is empty).

    The columns that "complete" adds to Q carry no gradient: they are arbitrary.

    >>> import powerhouse as torch
    >>> Q, R = torch.linalg.qr(torch.ones(3, 2))
    >>> Q.shape, R.shape
    (torch.Size([3, 2]), torch.Size([2, 2]))
    """
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"linalg.qr: unrecognized mode '{mode}', expected one of 'reduced' (default), 'r', or 'complete'")
    q, r = qr_of(matrix(A, "linalg.qr"), mode == "complete")
    return (zeros((0,), A.dtype) if mode == "r" else q), r


@composite(names=("qr", "Tensor.qr"), returns=named_results("qr", "Q R"), autocast="float32")
def qr(input: Symbol, some: bool = True) -> Any:
    """The older form of `linalg.qr`: `some=False` is mode "complete"."""
    return qr_of(matrix(input, "qr"), not some)


linalg_qr.samples(lambda draw: iter([Sample((draw(*s),)) for s in ((3, 3), (4, 2), (2, 4), (2, 3, 2))]
                                    + [Sample((draw(4, 2), "complete"), only="forward"), Sample((draw(2, 4), "complete"))]))
linalg_qr.errors(lambda draw: iter([Bad((draw(3, 3), "full"), {}, RuntimeError, "unrecognized mode"),
                                    Bad((draw(3),), {}, RuntimeError, "at least 2 dim")]))
qr.samples(lambda draw: iter([Sample((draw(4, 2),)), Sample((draw(3, 3), False))]))
qr.errors(lambda draw: iter([Bad((draw(3),), {}, RuntimeError, "at least 2 dim")]))


@primitive
def raw_qr(a: Symbol) -> tuple[Type, Type]:
    """QR as LAPACK's `geqrf` packs it: R above, the reflectors below the diagonal, and their factors."""
    return a.type, Type((*a.shape[:-2], min(a.shape[-2:])), a.dtype)


@raw_qr.reference
def _(a: Any) -> Any:
    packed, factors = np.linalg.qr(a, mode="raw")
    return np.swapaxes(packed, -1, -2), factors


raw_qr.vjp(lambda g, out, a: (underivable(a.plain, "geqrf: the derivative is not implemented; linalg.qr has one"),))


@composite(names=("geqrf", "Tensor.geqrf"), returns=Reflectors, autocast="float32")
def geqrf(input: Symbol) -> Any:
    """QR in LAPACK's packed form (a, tau), for `householder_product` and `ormqr`. Not differentiable."""
    return raw_qr(matrix(input, "geqrf"))


geqrf.samples(lambda draw: iter([Sample((draw(*s),), only="forward") for s in ((3, 3), (2, 4, 2), (2, 4))]))
geqrf.errors(lambda draw: iter([Bad((draw(3),), {}, RuntimeError, "at least 2 dim")]))


def reflected(x: Symbol, packed: Symbol, tau: Symbol, transposed: bool) -> Symbol:
    """`H_1 H_2 ... H_k x` for the reflectors `H_i = 1 - tau_i v_i v_i^H` (or the adjoint of their product applied to `x`)."""
    k = tau.shape[-1]
    vectors = unit_lower(packed) if packed.shape[-1] <= packed.shape[-2] else unit_lower(columns(packed, 0, packed.shape[-2]))
    for i in range(k) if transposed else reversed(range(k)):
        v = columns(vectors, i, i + 1)
        factor = as_column(span(tau, tau.ndim - 1, i, 1))
        x = x - (conj(factor) if transposed else factor) * times(v, times(adjoint(v), x))
    return x


@composite(names=("linalg.householder_product", "orgqr", "Tensor.orgqr"), autocast="float32")
def householder_product(input: Symbol, tau: Symbol) -> Symbol:
    """The first n columns of the product of the reflectors in `input` (..., m, n) with factors `tau` (..., k)."""
    op = "linalg.householder_product"
    m, n = matrix(input, op, "input").shape[-2:]
    if m < n:
        raise RuntimeError(f"{op}: input.shape[-2] must be greater than or equal to input.shape[-1]; got {list(input.shape)}")
    if tau.ndim != input.ndim - 1 or tau.shape[-1] > n or tau.shape[:-1] != input.shape[:-2]:
        raise RuntimeError(
            f"{op}: input.shape[-1] must be greater than or equal to tau.shape[-1], with equal batch dims; got {list(input.shape)} and "
            f"{list(tau.shape)}"
        )
    if tau.dtype is not input.dtype:
        raise RuntimeError(f"{op}: tau dtype {tau.dtype} does not match input dtype {input.dtype}")
    start = expand(eye(m, n, input.dtype), input.shape)
    return reflected(start, input, tau, False) if tau.shape[-1] else select(expand(eye(1, 1, dt.bool_), input.shape), start, input)


@composite(names=("ormqr", "Tensor.ormqr"), autocast="float32")
def ormqr(input: Symbol, tau: Symbol, other: Symbol, left: bool = True, transpose: bool = False) -> Symbol:
    """The product of Q, given by its reflectors (`input`, `tau`), with `other`: Q C, or C Q with `left=False`; `transpose` takes Q^H."""
    matrix(input, "ormqr", "input")
    matrix(other, "ormqr", "other")
    if other.shape[-2 if left else -1] != input.shape[-2]:
        raise RuntimeError(
            f"ormqr: other.shape[{-2 if left else -1}] must be equal to input.shape[-2]; got {list(other.shape)} and {list(input.shape)}"
        )
    if tau.shape[-1] > input.shape[-2]:
        raise RuntimeError(
            f"ormqr: other.shape[-2] must be greater than or equal to tau.shape[-1]; got {list(other.shape)} and {list(tau.shape)}"
        )
    return reflected(other, input, tau, transpose) if left else adjoint(reflected(adjoint(other), input, tau, not transpose))


householder_product.samples(lambda draw: iter([Sample((draw(4, 3), draw(3))), Sample((draw(2, 3, 2), draw(2, 1)))]))
householder_product.errors(lambda draw: iter([Bad((draw(2, 3), draw(2)), {}, RuntimeError, "greater than or equal"),
                                              Bad((draw(3, 2), draw(3)), {}, RuntimeError, "tau")]))
ormqr.samples(lambda draw: iter([Sample((draw(4, 3), draw(3), draw(4, 2))), Sample((draw(4, 3), draw(3), draw(2, 4), False, True))]))
ormqr.errors(lambda draw: iter([Bad((draw(4, 3), draw(3), draw(3, 2)), {}, RuntimeError, "must be equal")]))

# --- general systems --------------------------------------------------------------------------------------------------------------


@primitive
def solution(a: Symbol, b: Symbol) -> tuple[Type, Type]:
    """`x` with `a x = b` for square matrices `a` of the same batch dims, and LAPACK's info."""
    return b.type, Type(a.shape[:-2], dt.int32)


@solution.reference
def _(a: Any, b: Any) -> Any:
    (x,), failed = _lapack.marking_failures(lambda m, y: np.linalg.solve(m, y), a, b)
    return x, _lapack.info_of(failed, a, _lapack.zero_pivot)


@solution.vjp
def _(g: Any, out: Symbol, a: Symbol, b: Symbol) -> Any:
    gb = solution(adjoint(a), g[0])[0]
    return -times(gb, adjoint(results(out)[0])), gb


__all__ = [
    "adjoint", "as_column", "as_row", "cholesky", "columns", "eye", "main_diagonal", "matrix", "not_square", "off_diagonal_quotient",
    "or_zeros", "order_of", "packed_lu", "permutation_matrix", "positive", "rows", "solution", "times", "triangular_solution", "unit_lower",
]
