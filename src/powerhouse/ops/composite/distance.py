"""Norms of vectors, and distances between them."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from ...core import dtypes as dt
from ...core.dtypes import FLOAT
from ...core.shapes import broadcast, wrap_dim, wrap_dims
from ...graph.op import Bad, Sample, Type, cast, composite, constant, expand, primitive, with_value
from ...graph.symbol import Symbol
from ..arithmetic import abs as magnitude
from ..arithmetic import conj, eq, maximum, power, real_part, sqrt, where
from ..indexing import index_get
from ..matmul import matmul, turned
from ..reduction import keep_dims, reduce_max, reduce_min
from ..views import reduce_sum, reshape_to, restore, zeros
from .softmax import narrow, wide


def root(x: Symbol, p: float = 2.0) -> Symbol:
    """The `p`-th root of `x` >= 0, with gradient 0 at 0."""
    none = eq(x, 0)
    safe = where(none, constant(1.0), x)
    return where(none, zeros(x.shape, x.dtype), sqrt(safe) if p == 2 else power(safe, constant(1.0 / p)))


def _square(x: Symbol) -> Symbol:
    return real_part(x * conj(x)) if x.dtype.is_complex else x * x


def _powers(x: Symbol, p: float) -> Symbol:
    """`|x| ** p`; where `p` < 1 its gradient at 0, which is infinite, counts as 0."""
    size = magnitude(x)
    if p >= 1:
        return power(size, constant(p))
    none = eq(size, 0)
    return where(none, zeros(size.shape, size.dtype), power(where(none, constant(1.0), size), constant(p)))


def norm_over(x: Symbol, p: float, dims: tuple[int, ...]) -> Symbol:
    """The `p`-norm of `x` over `dims`, which are dropped."""
    if p == 2:
        return root(reduce_sum(_square(x), dims))
    if p == 1:
        return reduce_sum(magnitude(x), dims)
    if p == 0:
        size = magnitude(x)
        return reduce_sum(where(eq(size, 0), size, constant(1.0)), dims)
    if p in (inf, -inf):
        return (reduce_max if p > 0 else reduce_min)(magnitude(x), dims)
    return root(reduce_sum(_powers(x, p), dims), p)


@composite(names=("linalg.vector_norm",), label="linalg_vector_norm")
def vector_norm(x: Symbol, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Symbol:
    """The norm `sum(|x| ** ord) ** (1 / ord)` of `x`, flattened or over `dim`; `ord` may be 0 (a count of nonzeros) and +-inf.

    >>> import powerhouse as torch
    >>> torch.linalg.vector_norm(torch.tensor([3.0, 4.0]))
    tensor(5.)
    """
    if x.dtype.category < FLOAT:
        raise RuntimeError(f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {x.dtype}")
    if dtype is not None:
        target = dt.as_dtype(dtype, "linalg.vector_norm")
        if target.category < FLOAT or target.is_complex != x.dtype.is_complex:
            raise RuntimeError(
                f"linalg.vector_norm: the dtype of the input {x.dtype} should be convertible without narrowing to the "
                f"specified dtype {target}"
            )
        x = cast(x, target)
    if isinstance(ord, (bool, str)) or not isinstance(ord, (int, float)):
        raise TypeError(f"linalg.vector_norm(): argument 'ord' must be Number, not {type(ord).__name__}")
    dims = wrap_dims(dim, x.ndim, "linalg.vector_norm")
    empty = any(x.shape[d] == 0 for d in dims)
    if empty and (ord < 0 or ord == inf):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor because the operation does not have an identity"
        )
    return keep_dims(narrow(norm_over(wide(x), float(ord), dims), x.dtype.to_real()), dims, x.shape, keepdim)


@vector_norm.samples
def _(draw: Any) -> Any:
    for p in (2, 1, 0, inf, -inf, 3, 0.5, -1):
        yield Sample((draw(2, 3, low=0.5), p))
    yield Sample((draw(2, 3, 4), 2, (0, -1), True))
    yield Sample((draw(0, 3), 2, 0))


vector_norm.errors(
    lambda draw: iter(
        [
            Bad((draw(2, 3), 2, 2), {}, IndexError, "Dimension out of range"),
            Bad((draw(0),), {"ord": -1}, RuntimeError, "does not have an identity"),
            Bad((draw(3, dtype="int64", low=0, high=5),), {}, RuntimeError, "floating point or complex"),
        ]
    )
)


@composite(names=("dist", "Tensor.dist"))
def dist(input: Symbol, other: Symbol, p: float = 2) -> Symbol:
    """The `p`-norm of `input - other`."""
    return vector_norm(input - other, p)


dist.samples(lambda draw: iter([Sample((draw(2, 3), draw(3))), Sample((draw(2, 3), draw(2, 3), 1))]))


@composite(names=("renorm", "Tensor.renorm"), inplace=True)
def renorm(input: Symbol, p: float, dim: int, maxnorm: float) -> Symbol:
    """`input` with each slice along `dim` whose `p`-norm exceeds `maxnorm` scaled down to it."""
    if p <= 0:
        raise RuntimeError(f"renorm: non-positive-norm not supported, got p={p}")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    d = wrap_dim(dim, input.ndim, "renorm")
    dims = tuple(i for i in range(input.ndim) if i != d)
    size = restore(norm_over(wide(input), float(p), dims), dims, input.shape)
    scale = where(size > maxnorm, maxnorm / (size + 1e-7), constant(1.0))
    return narrow(wide(input) * scale, input.dtype)


renorm.samples(lambda draw: iter([Sample((draw(3, 4), 2, 0, 1.0)), Sample((draw(2, 3, 4), 1, 1, 5.0))]))
renorm.errors(
    lambda draw: iter(
        [
            Bad((draw(3, 4), -1, 0, 1.0), {}, RuntimeError, "non-positive-norm"),
            Bad((draw(3), 2, 0, 1.0), {}, RuntimeError, "at least 2 dimensions"),
        ]
    )
)

# --- distances ------------------------------------------------------------------------------------


@composite(names=("pairwise_distance", "nn.functional.pairwise_distance"), label="linalg_vector_norm")
def pairwise_distance(x1: Symbol, x2: Symbol, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Symbol:
    """The `p`-norm of `x1 - x2 + eps` over the last dim."""
    broadcast((x1.shape, x2.shape), "pairwise_distance")
    return vector_norm(x1 - x2 + eps, p, -1, keepdim)


pairwise_distance.samples(lambda draw: iter([Sample((draw(2, 3), draw(2, 3))), Sample((draw(2, 3), draw(3)), {"p": 1.0, "keepdim": True})]))
pairwise_distance.errors(lambda draw: iter([Bad((draw(2, 3), draw(4)), {}, RuntimeError, "must match the size")]))


@composite(names=("cosine_similarity", "nn.functional.cosine_similarity"), label="sum")
def cosine_similarity(x1: Symbol, x2: Symbol, dim: int = 1, eps: float = 1e-8) -> Symbol:
    """`sum(x1 * x2) / (max(|x1|, eps) * max(|x2|, eps))` along `dim` of the broadcast tensors."""
    shape = broadcast((x1.shape, x2.shape), "cosine_similarity")
    common = (x1 * zeros((), x2.dtype)).dtype
    if not common.is_floating_point:
        raise RuntimeError(f"cosine_similarity: expected common dtype to be floating point, yet common dtype is {common}")
    d = wrap_dims(dim, len(shape), "cosine_similarity")
    a, b = (_unit(wide(expand(narrow(x, common), shape)), d, eps) for x in (x1, x2))
    return narrow(reduce_sum(a * b, d), common)


def _unit(x: Symbol, dims: tuple[int, ...], eps: float) -> Symbol:
    """`x` divided by its norm, or by `eps` where that is larger: to gradients, always by its norm."""
    size = norm_over(x, 2, dims)
    return x / restore(with_value(size, maximum(size.plain, eps)), dims, x.shape)


cosine_similarity.samples(lambda draw: iter([Sample((draw(2, 3), draw(2, 3))), Sample((draw(2, 3, 4), draw(3, 1)), {"dim": 0})]))
cosine_similarity.errors(lambda draw: iter([Bad((draw(2, 3), draw(4)), {}, RuntimeError, "must match the size")]))

_PRODUCT_FROM = 25  # rows beyond which PyTorch, too, computes Euclidean distances by a matrix product
_COMPUTE_MODES: dict[Any, bool | None] = {  # whether by a matrix product; None: where there are many rows
    None: None,
    "use_mm_for_euclid_dist_if_necessary": None,
    "use_mm_for_euclid_dist": True,
    "donot_use_mm_for_euclid_dist": False,
}


@composite(names=("cdist",), autocast="float32")
def cdist(x1: Symbol, x2: Symbol, p: float = 2.0, compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary") -> Symbol:
    """The `p`-norm distances between the rows of `x1` (..., P, M) and of `x2` (..., R, M): (..., P, R).

    `compute_mode`: "use_mm_for_euclid_dist" computes `p` = 2 by a matrix product (less exact), "donot_use_mm_for_euclid_dist" never
    does, the default does for more than 25 rows.
    """
    if x1.ndim < 2 or x2.ndim < 2:
        raise RuntimeError(f"cdist only supports at least 2D tensors, X1 got: {x1.ndim}D, X2 got: {x2.ndim}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"cdist: X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if not (x1.dtype.is_floating_point and x2.dtype.is_floating_point):
        raise RuntimeError(f"cdist only supports floating-point dtypes, X1 got: {x1.dtype}, X2 got: {x2.dtype}")
    if p < 0:
        raise RuntimeError(f"cdist only supports non-negative p values, got {p}")
    many = x1.shape[-2] > _PRODUCT_FROM or x2.shape[-2] > _PRODUCT_FROM
    if compute_mode not in _COMPUTE_MODES:
        raise ValueError(f"cdist: {compute_mode} is not a valid value for compute_mode")
    by_product = _COMPUTE_MODES[compute_mode]
    if p == 2 and (many if by_product is None else by_product):
        return _euclidean_by_product(x1, x2)
    a = reshape_to(x1, (*x1.shape[:-1], 1, x1.shape[-1]))  # (..., P, 1, M)
    b = reshape_to(x2, (*x2.shape[:-2], 1, *x2.shape[-2:]))  # (..., 1, R, M)
    apart = a - b
    if 0 in apart.shape:
        return reduce_sum(apart, (apart.ndim - 1,))
    return norm_over(apart, float(p), (apart.ndim - 1,))


def _euclidean_by_product(x1: Symbol, x2: Symbol) -> Symbol:
    """The root of `|a|^2 + |b|^2 - 2 a b`."""
    a = reshape_to(reduce_sum(x1 * x1, (x1.ndim - 1,)), (*x1.shape[:-1], 1))
    b = reshape_to(reduce_sum(x2 * x2, (x2.ndim - 1,)), (*x2.shape[:-2], 1, x2.shape[-2]))
    squares = a + b - matmul(x1, turned(x2)) * 2.0
    return root(maximum(squares, constant(0.0)))


@cdist.samples
def _(draw: Any) -> Any:
    for p in (2.0, 1.0, 3.0, inf, 0.0):
        yield Sample((draw(3, 2), draw(4, 2), p))
    yield Sample((draw(5, 3, 2), draw(4, 2)))
    yield Sample((draw(3, 2), draw(4, 2)), {"compute_mode": "use_mm_for_euclid_dist"})


cdist.errors(
    lambda draw: iter(
        [
            Bad((draw(2), draw(3, 2)), {}, RuntimeError, "at least 2D"),
            Bad((draw(2, 3), draw(3, 2)), {}, RuntimeError, "same number of columns"),
            Bad((draw(2, 3), draw(2, 3), -1.0), {}, RuntimeError, "non-negative p"),
        ]
    )
)


@primitive(differentiable=False)
def upper_pairs(n: int) -> tuple[Type, Type]:
    """The row and the column of each element above the diagonal of an `n` x `n` matrix, row by row."""
    kind = Type((n * (n - 1) // 2,), dt.int64)
    return kind, kind


upper_pairs.reference(lambda n: np.triu_indices(n, 1))


@composite(names=("pdist", "nn.functional.pdist"))
def pdist(input: Symbol, p: float = 2.0) -> Symbol:
    """The `p`-norm distances between all pairs of rows of `input` (N, M): (N (N - 1) / 2,), in the order 0-1, 0-2, ..."""
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError(f"pdist only supports non-negative p values, got {p}")
    first, second = upper_pairs(input.shape[0])
    apart = index_get((input, first), (0,)) - index_get((input, second), (0,))
    if 0 in apart.shape:
        return reduce_sum(apart, (1,))
    return norm_over(apart, float(p), (1,))


pdist.samples(lambda draw: iter([Sample((draw(4, 3), p)) for p in (2.0, 1.0, 3.0, inf)]))
pdist.errors(
    lambda draw: iter([Bad((draw(4),), {}, RuntimeError, "2D tensors"), Bad((draw(4, 3), -1.0), {}, RuntimeError, "non-negative p")])
)

__all__ = ["cdist", "cosine_similarity", "norm_over", "pairwise_distance", "pdist", "root", "vector_norm"]
