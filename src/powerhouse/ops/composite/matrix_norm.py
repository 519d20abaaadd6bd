"""Norms of matrices, and what is computed from singular values: rank and condition number."""

from __future__ import annotations

from math import inf
from typing import Any

from ...core import dtypes as dt
from ...core.dtypes import FLOAT
from ...core.shapes import wrap_dim
from ...graph.op import Bad, Sample, cast, composite, constant, expand
from ...graph.symbol import Symbol
from ..arithmetic import abs as magnitude
from ..arithmetic import maximum, where
from ..least_squares import tolerances
from ..linear_algebra import matrix
from ..linear_solve import inverted
from ..reduction import keep_dims, reduce_max, reduce_min
from ..shape import span
from ..spectral import eigh_values, singular_values
from ..views import permute_dims, reduce_sum, reshape_to, zeros
from .distance import norm_over, vector_norm


def _extreme(x: Symbol, dims: tuple[int, ...], largest: bool) -> Symbol:
    """The largest or smallest of non-negative values; the largest of none is 0."""
    if largest and any(x.shape[d] == 0 for d in dims):
        return reduce_sum(x, dims)
    return (reduce_max if largest else reduce_min)(x, dims)


def _of_matrices(x: Symbol, ord: Any, op: str) -> Symbol:
    """The norm `ord` over the last two dims."""
    row, column = (x.ndim - 2,), (x.ndim - 1,)
    if ord == "fro":
        return norm_over(x, 2, row + column)
    if ord in ("nuc", 2, -2):
        values = singular_values(matrix(x, op))
        return reduce_sum(values, row) if ord == "nuc" else _extreme(values, row, ord > 0)
    if ord in (1, -1):
        return _extreme(reduce_sum(magnitude(x), row), row, ord > 0)
    if ord in (inf, -inf):
        return _extreme(reduce_sum(magnitude(x), column), row, ord > 0)
    kind = ValueError if isinstance(ord, str) else RuntimeError
    raise kind(f"{op}: Order {ord} not supported; expected 'fro', 'nuc', or one of inf, -inf, 1, -1, 2, -2")


@composite(names=("linalg.matrix_norm",))
def matrix_norm(A: Symbol, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Symbol:
    """A norm of the matrices in the two dims `dim`.

    `ord`: "fro" the root of the sum of squares, "nuc" the sum of singular values, 2 and -2 the largest and smallest of them, 1 and -1
    the largest and smallest sum of a column's magnitudes, inf and -inf those of a row's.

    >>> import powerhouse as torch
    >>> torch.linalg.matrix_norm(torch.tensor([[3.0, 0.0], [4.0, 0.0]]), ord=1)
    tensor(7.)
    """
    op = "linalg.matrix_norm"
    if A.ndim < 2:
        raise RuntimeError(f"{op}: The input tensor A must have at least 2 dimensions; got shape {list(A.shape)}")
    if A.dtype.category < FLOAT:
        raise RuntimeError(f"{op}: Expected a floating point or complex tensor as input. Got {A.dtype}")
    if not isinstance(dim, tuple) or len(dim) != 2:
        raise RuntimeError(f"{op}: dim must be a 2-tuple. Got {dim}")
    dims = tuple(wrap_dim(d, A.ndim, op) for d in dim)
    if dims[0] == dims[1]:
        raise RuntimeError(f"{op}: dims must be different. Got {dim}")
    x = A if dtype is None else cast(A, _wider(A.dtype, dtype, op))
    order = (*(i for i in range(A.ndim) if i not in dims), *dims)
    moved = x if order == tuple(range(A.ndim)) else permute_dims(x, order)
    half = x.dtype.compute is not x.dtype
    out = _of_matrices(cast(moved, x.dtype.compute) if half else moved, ord, op)
    return keep_dims(cast(out, x.dtype) if half else out, dims, A.shape, keepdim)


def _wider(have: dt.dtype, given: Any, op: str) -> dt.dtype:
    target = dt.as_dtype(given, op)
    if target.category < FLOAT or target.is_complex < have.is_complex:
        raise RuntimeError(f"{op}: the dtype of the input {have} should be convertible without narrowing to the specified dtype {target}")
    return target.to_complex() if have.is_complex else target


@composite(names=("linalg.norm",), name="linalg_norm")
def linalg_norm(A: Symbol, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Symbol:
    """A vector norm (`dim` an int, or A a vector) or a matrix norm (`dim` two dims, or A a matrix); without `ord` the 2-norm of all.

    See `linalg.vector_norm` and `linalg.matrix_norm` for `ord`.
    """
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None and A.ndim not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D.")
    dims = (dim,) if isinstance(dim, int) else dim
    if len(dims) not in (1, 2) if dims is not None else False:
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}")
    if (A.ndim if dims is None else len(dims)) == 2:
        return matrix_norm(A, ord, dims or (0, 1), keepdim, dtype=dtype)
    return vector_norm(A, ord, dims, keepdim, dtype=dtype)


_ORDERS = ("fro", "nuc", 1, -1, 2, -2, inf, -inf)
matrix_norm.samples(lambda draw: iter([Sample((draw(3, 2), p)) for p in _ORDERS]
                                      + [Sample((draw(2, 3, 4), "fro", (0, 2), True)), Sample((draw(2, 3, 4), 1, (2, 0)))]))
matrix_norm.errors(lambda draw: iter([Bad((draw(3),), {}, RuntimeError, "at least 2 dim"),
                                      Bad((draw(2, 2), 3), {}, RuntimeError, "not supported"),
                                      Bad((draw(2, 2), "fro", (0, 0)), {}, RuntimeError, "must be different")]))
linalg_norm.samples(lambda draw: iter([Sample((draw(2, 3),)), Sample((draw(2, 3, 4), 2, 1)), Sample((draw(2, 3), "nuc")),
                                       Sample((draw(3), 1)), Sample((draw(2, 3, 4), inf, (0, 2)))]))
linalg_norm.errors(lambda draw: iter([Bad((draw(2, 2, 2), 2), {}, RuntimeError, "1D or 2D"),
                                      Bad((draw(2, 2, 2), 2, (0, 1, 2)), {}, RuntimeError, "length 1 or 2")]))


@composite(names=("linalg.cond",), autocast="float32")
def cond(A: Symbol, p: Any = None) -> Symbol:
    """The condition number `norm(A, p) * norm(inv(A), p)`; for `p` None, 2 and -2 from the singular values. Singular matrices: inf."""
    op = "linalg.cond"
    if p in (None, 2, -2):
        values = singular_values(matrix(A, op))
        d = values.ndim - 1
        if not values.shape[d]:
            return zeros(values.shape[:-1], values.dtype)
        first, last = span(values, d, 0, 1), span(values, d, values.shape[d] - 1, 1)
        return reshape_to(last / first if p == -2 else first / last, values.shape[:-1])
    matrix(A, op, square=True)
    if not A.shape[-1]:
        return zeros(A.shape[:-2], A.dtype.to_real())
    inverse, info = inverted(A)
    number = _of_matrices(A, p, op) * _of_matrices(inverse, p, op)
    return where(info > 0, expand(constant(inf), number.shape), number)


cond.samples(lambda draw: iter([Sample((draw(3, 3), p)) for p in (None, 2, -2)] + [Sample((draw(2, 3, 4),))]
                               + [Sample((draw(3, 3), p), only="forward") for p in ("fro", "nuc", 1, -1, inf, -inf)]))
cond.errors(lambda draw: iter([Bad((draw(2, 3), "fro"), {}, RuntimeError, "square"), Bad((draw(3),), {}, RuntimeError, "at least 2 dim")]))


@composite(names=("linalg.matrix_rank",), autocast="float32")
def matrix_rank(A: Symbol, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Symbol:
    """The number of singular values (of eigenvalues' magnitudes if `hermitian`) above `max(atol, rtol * largest)`, int64.

    `rtol` is eps * max(m, n) by default; `tol` is an `atol` that leaves `rtol` 0.

    >>> import powerhouse as torch
    >>> torch.linalg.matrix_rank(torch.ones(3, 3))
    tensor(1)
    """
    matrix(A, "linalg.matrix_rank", square=hermitian)
    values = magnitude(eigh_values(A, "L")) if hermitian else singular_values(A)
    if not values.shape[-1]:
        return zeros(values.shape[:-1], dt.int64)
    low, share = tolerances(A, atol, rtol) if tol is None else tolerances(A, tol, 0.0)
    cut = maximum(low, share * reduce_max(values, (values.ndim - 1,)))
    return reduce_sum(cast(values > reshape_to(cut, (*cut.shape, 1)), dt.int64), (values.ndim - 1,))


matrix_rank.samples(lambda draw: iter([Sample((draw(2, 4, 3),)), Sample((draw(3, 3), 1.5)),
                                       Sample((draw(3, 3),), {"atol": 0.5, "rtol": 0.1})]))
matrix_rank.errors(lambda draw: iter([Bad((draw(3),), {}, RuntimeError, "at least 2 dim")]))

__all__ = ["cond", "linalg_norm", "matrix_norm", "matrix_rank"]
