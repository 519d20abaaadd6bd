"""Splitting: a tensor cut into pieces, all of them views."""

from __future__ import annotations

from typing import Any

from ..core.shapes import wrap_dim
from ..graph.op import Bad, Sample, view
from ..graph.symbol import Symbol
from .shape import pieces, select, span


def _some_dims(input: Symbol, op: str) -> None:
    if input.ndim == 0:
        raise RuntimeError(f"{op} expects at least a 1-dimensional tensor")


def _split(input: Symbol, size: Any, dim: int) -> tuple[Symbol, ...]:
    _some_dims(input, "split")
    d = wrap_dim(dim, input.ndim, "split")
    n = input.shape[d]
    if not isinstance(size, int):
        if any(s < 0 for s in size) or sum(size) != n:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to be non-negative and to sum exactly to {n} "
                f"(input tensor's size at dimension {dim}), but got split_sizes={list(size)}"
            )
        return pieces(input, d, size)
    if size < 0:
        raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
    if size == 0:
        if n:
            raise RuntimeError(f"split: split_size can only be 0 if dimension size is 0, but got dimension size of {n}")
        return (input,)
    return pieces(input, d, [min(size, n - start) for start in range(0, n, size)] or [0])


@view(names=("split", "unsafe_split"))
def split(tensor: Symbol, split_size_or_sections: Any, dim: int = 0) -> tuple[Symbol, ...]:
    """Consecutive pieces of `tensor` along `dim`: of one size (the last may be smaller), or of the sizes given.

    >>> import powerhouse as torch
    >>> torch.arange(5).split(2)
    (tensor([0, 1]), tensor([2, 3]), tensor([4]))
    """
    return _split(tensor, split_size_or_sections, dim)


@view(names=("Tensor.split", "Tensor.unsafe_split"))
def split_method(input: Symbol, split_size: Any, dim: int = 0) -> tuple[Symbol, ...]:
    """Consecutive pieces of `input` along `dim`: of one size (the last may be smaller), or of the sizes given."""
    return _split(input, split_size, dim)


@view(names=("split_with_sizes", "Tensor.split_with_sizes"))
def split_with_sizes(input: Symbol, split_sizes: Any, dim: int = 0) -> tuple[Symbol, ...]:
    """Consecutive pieces of `input` along `dim`, of the sizes given."""
    return _split(input, tuple(split_sizes), dim)


for _op in (split, split_method):
    _op.samples(lambda draw: iter([Sample((draw(5, 3), 2)), Sample((draw(5, 3), [1, 0, 2], -1)), Sample((draw(0, 3), 2))]))
    _op.errors(
        lambda draw: iter(
            [
                Bad((draw(5), [2, 2]), {}, RuntimeError, "sum exactly"),
                Bad((draw(5), -1), {}, RuntimeError, "non-negative"),
                Bad((draw(5), 0), {}, RuntimeError, "can only be 0"),
            ]
        )
    )
split_with_sizes.samples(lambda draw: iter([Sample((draw(5, 3), [1, 4]))]))


@view(names=("chunk", "Tensor.chunk", "unsafe_chunk", "Tensor.unsafe_chunk"))
def chunk(input: Symbol, chunks: int, dim: int = 0) -> tuple[Symbol, ...]:
    """At most `chunks` pieces of equal size along `dim`; the last may be smaller.

    >>> import powerhouse as torch
    >>> [len(c) for c in torch.arange(5).chunk(3)]
    [2, 2, 1]
    """
    _some_dims(input, "chunk")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    d = wrap_dim(dim, input.ndim, "chunk")
    n = input.shape[d]
    return _split(input, -(-n // chunks), d) if n else pieces(input, d, [0] * chunks)


chunk.samples(lambda draw: iter([Sample((draw(5, 3), 3)), Sample((draw(5, 3), 2, -1)), Sample((draw(0, 3), 2))]))
chunk.errors(lambda draw: iter([Bad((draw(5), 0), {}, RuntimeError, "greater than 0")]))


def _tensor_split(input: Symbol, at: Any, d: int, op: str) -> tuple[Symbol, ...]:
    n = input.shape[d]
    if isinstance(at, int):
        if at <= 0:
            raise RuntimeError(f"{op}: number of sections must be larger than 0, got {at}")
        return pieces(input, d, [n // at + (i < n % at) for i in range(at)])
    if isinstance(at, Symbol):
        raise TypeError(f"{op}: the positions to split at must be ints")
    edges = [range(n)[slice(a, b)] for a, b in zip((0, *at), (*at, n), strict=True)]
    return tuple(span(input, d, e.start if len(e) else 0, len(e)) for e in edges)


@view
def tensor_split(input: Symbol, indices_or_sections: Any, dim: int = 0) -> tuple[Symbol, ...]:
    """Pieces of `input` along `dim`: a number of nearly equal ones, or those between the given positions.

    >>> import powerhouse as torch
    >>> [len(c) for c in torch.arange(5).tensor_split(3)]
    [2, 2, 1]
    """
    if input.ndim == 0:
        raise RuntimeError("tensor_split: expected at least a 1-dimensional tensor, but got a tensor with 0 dimensions")
    return _tensor_split(input, indices_or_sections, wrap_dim(dim, input.ndim, "tensor_split"), "tensor_split")


tensor_split.samples(lambda draw: iter([Sample((draw(5, 3), 3)), Sample((draw(5, 3), (1, 2), -1)), Sample((draw(5), (3, 1, -1)))]))
tensor_split.errors(lambda draw: iter([Bad((draw(5), 0), {}, RuntimeError, "larger than 0")]))


def _split_along(input: Symbol, at: Any, dim: int, ndim: int, op: str) -> tuple[Symbol, ...]:
    if input.ndim < ndim:
        raise RuntimeError(
            f"torch.{op} requires a tensor with at least {ndim} dimension{'s' * (ndim > 1)}, but got a tensor with {input.ndim} dimensions!"
        )
    if isinstance(at, int) and (at <= 0 or input.shape[dim] % at):
        raise RuntimeError(
            f"torch.{op} attempted to split along dimension {dim}, but the size of the dimension {input.shape[dim]} is not "
            f"divisible by the split_size {at}!"
        )
    return _tensor_split(input, at, dim, op)


@view
def hsplit(input: Symbol, indices_or_sections: Any) -> tuple[Symbol, ...]:
    """`tensor_split` into columns (of a vector: into parts); sections must be equal."""
    return _split_along(input, indices_or_sections, int(input.ndim > 1), 1, "hsplit")


@view
def vsplit(input: Symbol, indices_or_sections: Any) -> tuple[Symbol, ...]:
    """`tensor_split` into rows; sections must be equal."""
    return _split_along(input, indices_or_sections, 0, 2, "vsplit")


@view
def dsplit(input: Symbol, indices_or_sections: Any) -> tuple[Symbol, ...]:
    """`tensor_split` along the third dim; sections must be equal."""
    return _split_along(input, indices_or_sections, 2, 3, "dsplit")


for _op in (hsplit, vsplit, dsplit):
    _op.samples(lambda draw: iter([Sample((draw(4, 4, 4), 2)), Sample((draw(4, 4, 4), (1, 3)))]))
    _op.errors(
        lambda draw: iter(
            [
                Bad((draw(4, 4, 4), 3), {}, RuntimeError, "not divisible"),
                Bad((draw(), 2), {}, RuntimeError, "requires a tensor with at least"),
            ]
        )
    )


@view
def unbind(input: Symbol, dim: int = 0) -> tuple[Symbol, ...]:
    """Every position along `dim`, as a tuple.

    >>> import powerhouse as torch
    >>> torch.tensor([[1, 2], [3, 4]]).unbind()
    (tensor([1, 2]), tensor([3, 4]))
    """
    if input.ndim == 0:
        raise IndexError(f"unbind: Dimension specified as {dim} but tensor has no dimensions")
    d = wrap_dim(dim, input.ndim, "unbind")
    return tuple(select(input, d, i) for i in range(input.shape[d]))


unbind.samples(lambda draw: iter([Sample((draw(2, 3),)), Sample((draw(2, 3), -1))]))
unbind.errors(lambda draw: iter([Bad((draw(),), {}, IndexError, "no dimensions")]))
