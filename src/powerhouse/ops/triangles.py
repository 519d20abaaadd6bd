"""Triangles and diagonals of matrices."""

from __future__ import annotations

from math import prod

from ..core.dtypes import INTEGER
from ..core.shapes import wrap_dim
from ..graph.op import Bad, Sample, composite, constant, fit
from ..graph.symbol import Symbol
from .arithmetic import where
from .joining import copied
from .reduction import iota_along
from .shape import diagonal as _diagonal  # `diagonal` is also the name of parameters here
from .shape import flatten
from .views import permute_dims, reduce_sum, strided_put, zeros


def _triangle(input: Symbol, diagonal: int, upper: bool, op: str) -> Symbol:
    if input.ndim < 2:
        raise RuntimeError(f"{op}: input tensor must have at least 2 dimensions, got {list(input.shape)}")
    rows, columns = input.shape[-2:]
    if rows == 0 or columns == 0:
        return copied(input)
    above = iota_along(columns, 1, (rows, columns)) - iota_along(rows, 0, (rows, columns))  # (rows, columns): how far right of the diagonal
    keep = above >= diagonal if upper else above <= diagonal
    return where(keep, input, zeros(input.shape, input.dtype))


@composite(inplace=True)
def tril(input: Symbol, diagonal: int = 0) -> Symbol:
    """The lower triangle of a matrix or of a batch of them, up to `diagonal` above the main one; zero elsewhere.

    >>> import powerhouse as torch
    >>> torch.tril(torch.ones(2, 3))
    tensor([[1., 0., 0.],
            [1., 1., 0.]])
    """
    return _triangle(input, diagonal, False, "tril")


@composite(inplace=True)
def triu(input: Symbol, diagonal: int = 0) -> Symbol:
    """The upper triangle of a matrix or of a batch of them, from `diagonal` above the main one on; zero elsewhere.

    >>> import powerhouse as torch
    >>> torch.triu(torch.ones(2, 3), diagonal=1)
    tensor([[0., 1., 1.],
            [0., 0., 1.]])
    """
    return _triangle(input, diagonal, True, "triu")


for _op in (tril, triu):
    _op.samples(lambda draw: iter([Sample((draw(3, 4),)), Sample((draw(2, 3, 3), 1)), Sample((draw(3, 3), -1)), Sample((draw(0, 3),))]))
    _op.errors(lambda draw: iter([Bad((draw(3),), {}, RuntimeError, "at least 2 dimensions")]))


def on_diagonal(x: Symbol, offset: int = 0) -> Symbol:
    """Square matrices in two new last dims, with the last dim of `x` on the diagonal `offset` above the main one."""
    size = x.shape[-1] + abs(offset)
    base = zeros((*x.shape[:-1], size, size), x.dtype)
    start = offset if offset >= 0 else -offset * size
    lead = [prod(base.shape[i + 1 :]) for i in range(x.ndim - 1)]
    return strided_put(base, x, x.shape, (*lead, size + 1), start, False)


@composite
def diag_embed(input: Symbol, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Symbol:
    """Square matrices in the new dims `dim1` and `dim2`, with the last dim of `input` on a diagonal and zero elsewhere.

    >>> import powerhouse as torch
    >>> torch.diag_embed(torch.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    ndim = input.ndim + 1
    a, b = wrap_dim(dim1, ndim, "diag_embed"), wrap_dim(dim2, ndim, "diag_embed")
    if a == b:
        raise RuntimeError(f"diag_embed: diagonal dimensions cannot be identical {dim1}, {dim2}")
    if input.ndim == 0:
        raise IndexError("diag_embed: Dimension out of range: the input needs at least one dim")
    out = on_diagonal(input, offset)
    rest = iter(range(ndim - 2))
    return permute_dims(out, tuple(ndim - 2 if i == a else ndim - 1 if i == b else next(rest) for i in range(ndim)))


@composite
def diag(input: Symbol, diagonal: int = 0) -> Symbol:
    """Of a vector, the matrix that has it on a diagonal; of a matrix, that diagonal (a copy).

    >>> import powerhouse as torch
    >>> torch.diag(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    if input.ndim == 1:
        return on_diagonal(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return copied(_diagonal(input, diagonal))


@composite
def diagflat(input: Symbol, offset: int = 0) -> Symbol:
    """The matrix with the elements of `input`, flattened, on a diagonal."""
    return on_diagonal(flatten(input), offset)


@composite(autocast="float32")
def trace(input: Symbol) -> Symbol:
    """The sum of a matrix's diagonal; integers sum in int64."""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    on = _diagonal(input)
    if input.dtype.category <= INTEGER:
        on = fit(on, constant(0).dtype, on.shape)
    return reduce_sum(on, (0,))


diag_embed.samples(lambda draw: iter([Sample((draw(2, 3),)), Sample((draw(2, 3), 1, 0, 2)), Sample((draw(3), -1))]))
diag_embed.errors(lambda draw: iter([Bad((draw(3), 0, 1, 1), {}, RuntimeError, "identical")]))
diag.samples(lambda draw: iter([Sample((draw(3),)), Sample((draw(3), -1)), Sample((draw(3, 4), 1))]))
diag.errors(lambda draw: iter([Bad((draw(2, 2, 2),), {}, RuntimeError, "1D or 2D")]))
diagflat.samples(lambda draw: iter([Sample((draw(2, 2),)), Sample((draw(), 1))]))
trace.samples(lambda draw: iter([Sample((draw(3, 4),))]))
trace.errors(lambda draw: iter([Bad((draw(3),), {}, RuntimeError, "expected a matrix")]))
