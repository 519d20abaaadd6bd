"""Joining, copying and repeating: new tensors made of whole old ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import COMPLEX
from ..core.promotion import result_type
from ..core.shapes import as_shape, wrap_dim
from ..graph.op import Bad, Operand, Sample, Symbols, Type, as_symbol, composite, constant, expand, fit, primitive, rank_of
from ..graph.symbol import Symbol
from .arithmetic import where
from .shape import listed, pieces, spread, unsqueeze, with_size
from .views import reshape_to, slice_put, zeros

# --- joining ---------------------------------------------------------------------------------------------------------------------


@primitive(linear=True)
def concat(parts: Symbols, dim: int) -> Type:
    """`parts`, of one dtype and of the same shape but for `dim`, one after another along `dim`."""
    return Type(with_size(parts[0].shape, dim, sum(p.shape[dim] for p in parts)), parts[0].dtype)


concat.reference(lambda parts, dim: np.concatenate(parts, axis=dim))
concat.vjp(lambda g, out, parts, dim: pieces(g, dim, [p.shape[dim] for p in parts]))


def joined(parts: Symbols, dim: int) -> Symbol:
    """`parts` cast to their common dtype and joined along `dim`."""
    target = result_type((p.dtype, rank_of(p)) for p in parts)
    cast_parts = tuple(fit(p, target, p.shape) for p in parts)
    return concat(cast_parts, dim) if len(cast_parts) > 1 else copied(cast_parts[0])


@composite(names=("cat", "concat", "concatenate"), autocast="widest")
def cat(tensors: Symbols, dim: int = 0) -> Symbol:
    """`tensors` joined along the existing dim `dim`; the other sizes must agree, and dtypes are promoted.

    A 1-d tensor without elements is skipped, whatever the others' shape.

    >>> import powerhouse as torch
    >>> torch.cat([torch.zeros(1, 2), torch.ones(2, 2)])
    tensor([[0., 0.],
            [1., 1.],
            [1., 1.]])
    """
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for i, s in enumerate(tensors):
        if s is None:
            raise TypeError(f"cat: expected Tensor as element {i} of the list, but got NoneType")
        if s.ndim == 0:
            raise RuntimeError(f"cat: zero-dimensional tensor (at position {i}) cannot be concatenated")
    parts = tuple(s for s in tensors if s.shape != (0,))
    if not parts:
        wrap_dim(dim, 1, "cat")
        return joined(tensors, 0)
    first, ndim = parts[0], parts[0].ndim
    d = wrap_dim(dim, ndim, "cat")
    for i, s in enumerate(tensors):
        if s.shape == (0,):
            continue
        if s.ndim != ndim:
            raise RuntimeError(f"cat: Tensors must have same number of dimensions: got {ndim} and {s.ndim} (tensor number {i} in the list)")
        if with_size(s.shape, d, 0) != with_size(first.shape, d, 0):
            raise RuntimeError(
                f"cat: Sizes of tensors must match except in dimension {d}. Expected {list(first.shape)} but got "
                f"{list(s.shape)} for tensor number {i} in the list."
            )
    target = result_type((s.dtype, rank_of(s)) for s in tensors)
    return joined(tuple(fit(s, target, s.shape) for s in parts), d)


@cat.samples
def _(draw: Any) -> Any:
    yield Sample(([draw(2, 3), draw(1, 3)],))
    yield Sample(([draw(2, 3), draw(2, 1), draw(2, 3)], -1))
    yield Sample(([draw(0), draw(2, 3)],))
    yield Sample(([draw(2, dtype="int64"), draw(2)],))
    yield Sample(([draw(2, 3)],))


@cat.errors
def _(draw: Any) -> Any:
    yield Bad(([draw(2, 3), draw(2, 4)],), {}, RuntimeError, "Sizes of tensors must match except in dimension 0")
    yield Bad(([draw(2, 3), draw(3)],), {}, RuntimeError, "same number of dimensions")
    yield Bad(([draw(), draw(3)],), {}, RuntimeError, "zero-dimensional")
    yield Bad(([],), {}, ValueError, "non-empty")


@composite(names=("stack",), autocast="widest")
def stack(tensors: Symbols, dim: int = 0) -> Symbol:
    """`tensors`, all of one shape, joined along a new dim `dim`.

    >>> import powerhouse as torch
    >>> torch.stack([torch.tensor([1, 2]), torch.tensor([3, 4])], dim=1)
    tensor([[1, 3],
            [2, 4]])
    """
    if not tensors:
        raise RuntimeError("stack expects a non-empty TensorList")
    first = tensors[0]
    d = wrap_dim(dim, first.ndim + 1, "stack")
    for i, s in enumerate(tensors):
        if s.shape != first.shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(first.shape)} at entry 0 and {list(s.shape)} at entry {i}"
            )
    return joined(tuple(unsqueeze(s, d) for s in tensors), d)


@stack.samples
def _(draw: Any) -> Any:
    yield Sample(([draw(2, 3), draw(2, 3)],))
    yield Sample(([draw(2, 3), draw(2, 3)], -1))
    yield Sample(([draw(), draw()],))


stack.errors(lambda draw: iter([Bad(([draw(2), draw(3)],), {}, RuntimeError, "equal size"), Bad(([],), {}, RuntimeError, "non-empty")]))


def at_least(s: Symbol, ndim: int) -> Symbol:
    """`s` with at least `ndim` dims, added as NumPy's `atleast_nd` adds them."""
    if s.ndim >= ndim:
        return s
    shapes = {(0, 1): (1,), (0, 2): (1, 1), (0, 3): (1, 1, 1), (1, 2): (1, *s.shape), (1, 3): (1, *s.shape, 1), (2, 3): (*s.shape, 1)}
    return reshape_to(s, shapes[s.ndim, ndim])


@composite(names=("hstack",))
def hstack(tensors: Symbols) -> Symbol:
    """`tensors` joined side by side: vectors along dim 0, others along dim 1."""
    parts = tuple(at_least(s, 1) for s in _some(tensors, "hstack"))
    return cat(parts, 0 if parts[0].ndim == 1 else 1)


@composite(names=("vstack", "row_stack"))
def vstack(tensors: Symbols) -> Symbol:
    """`tensors` joined one below the other; vectors count as rows."""
    return cat(tuple(at_least(s, 2) for s in _some(tensors, "vstack")), 0)


@composite(names=("dstack",))
def dstack(tensors: Symbols) -> Symbol:
    """`tensors` joined along the third dim."""
    return cat(tuple(at_least(s, 3) for s in _some(tensors, "dstack")), 2)


@composite(names=("column_stack",))
def column_stack(tensors: Symbols) -> Symbol:
    """`tensors` joined side by side; vectors count as columns."""
    return cat(tuple(reshape_to(s, (s.numel, 1)) if s.ndim < 2 else s for s in _some(tensors, "column_stack")), 1)


def _some(tensors: Symbols, op: str) -> Symbols:
    if not tensors:
        raise RuntimeError(f"{op} expects a non-empty TensorList")
    return tensors


for _op in (hstack, vstack, dstack, column_stack):
    _op.samples(lambda draw: iter([Sample(([draw(3), draw(3)],)), Sample(([draw(2, 3), draw(2, 3)],)), Sample(([draw(), draw()],))]))
    _op.errors(lambda draw: iter([Bad(([],), {}, RuntimeError, "non-empty")]))


@composite(names=("block_diag",))
def block_diag(*tensors: Symbols) -> Symbol:
    """The matrix with `tensors` (matrices; vectors count as rows) along its diagonal, zero elsewhere.

    >>> import powerhouse as torch
    >>> torch.block_diag(torch.tensor([[1, 2]]), torch.tensor(3))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    blocks = [at_least(s, 2) for s in spread(tensors)]
    for i, b in enumerate(blocks):
        if b.ndim > 2:
            raise RuntimeError(f"block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {b.ndim} dimensions")
    if not blocks:
        return zeros((1, 0), as_symbol(0.0).dtype)
    target = result_type((b.dtype, rank_of(b)) for b in blocks)
    out = zeros((sum(b.shape[0] for b in blocks), sum(b.shape[1] for b in blocks)), target)
    row = column = 0
    for b in blocks:
        out = slice_put(out, fit(b, target, b.shape), ((row, b.shape[0], 1), (column, b.shape[1], 1)))
        row, column = row + b.shape[0], column + b.shape[1]
    return out


block_diag.samples(lambda draw: iter([Sample((draw(2, 3), draw(2), draw())), Sample((draw(2, 2),))]))
block_diag.errors(lambda draw: iter([Bad((draw(2, 2, 2),), {}, RuntimeError, "2 or fewer")]))

# --- copies ----------------------------------------------------------------------------------------------------------------------


@primitive(linear=True, cheap=True)
def copied(x: Symbol) -> Type:
    """The same elements in memory of their own."""
    return x.type


copied.reference(np.array)
copied.vjp(lambda g, out, x: (g,))


@composite
def clone(input: Symbol, *, memory_format: Any = None) -> Symbol:
    """A copy of `input`, through which gradients flow.

    >>> import powerhouse as torch
    >>> x = torch.zeros(2); y = x.clone(); y += 1; x
    tensor([0., 0.])
    """
    return copied(input)


@composite(names=(), inplace=("Tensor.copy_",))
def copy(input: Symbol, src: Symbol, non_blocking: bool = False) -> Symbol:
    """`src` broadcast to the shape of `input` and cast to its dtype: what `input.copy_(src)` writes.

    >>> import powerhouse as torch
    >>> torch.zeros(2).copy_(torch.tensor([3, 4]))
    tensor([3., 4.])
    """
    return fit(src, input.dtype, input.shape)


def _filler(input: Symbol, value: Symbol) -> Symbol:
    if value.ndim:
        raise RuntimeError(f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions.")
    if value.dtype.category == COMPLEX > input.dtype.category:
        raise RuntimeError(f"fill_: a complex value cannot be converted to {input.dtype} without overflow")
    return fit(value, input.dtype, input.shape)


@composite(name="full_of", names=(), inplace=("Tensor.fill_", "fill_"), label="fill")
def full_of(input: Symbol, value: Operand) -> Symbol:
    """`value` (a number or a 0-d tensor) in the shape and dtype of `input`: what `input.fill_(value)` writes.

    >>> import powerhouse as torch
    >>> torch.zeros(2).fill_(7)
    tensor([7., 7.])
    """
    return _filler(input, value)


@composite(names=("fill",))
def fill(input: Symbol, value: Operand) -> Symbol:
    """`value` (a number or a 0-d tensor) in the shape and dtype of `input`, whose gradient is zero."""
    filled = _filler(input, value)
    return where(fit(constant(False), dt.bool_, input.shape), input, filled) if input.needs_grad else filled


@composite(names=(), inplace=("Tensor.zero_", "zero_"))
def zero(input: Symbol) -> Symbol:
    """Zeros in the shape and dtype of `input`: what `input.zero_()` writes."""
    return zeros(input.shape, input.dtype)


clone.samples(lambda draw: iter([Sample((draw(2, 3),))]))
copy.samples(lambda draw: iter([Sample((draw(2, 3), draw(3, dtype="int64")))]))
copy.errors(lambda draw: iter([Bad((draw(2, 3), draw(2)), {}, RuntimeError, "expand")]))
for _op in (fill, full_of):
    _op.samples(lambda draw: iter([Sample((draw(2, 3), 1.5)), Sample((draw(2, 3), draw()))]))
    _op.errors(lambda draw: iter([Bad((draw(2, 3), draw(2)), {}, RuntimeError, "0-dimension value")]))
zero.samples(lambda draw: iter([Sample((draw(2, 3),))]))

# --- repeating -------------------------------------------------------------------------------------------------------------------


def _repeated(x: Symbol, counts: tuple[int, ...]) -> Symbol:
    """`x`, as often as `counts` says along each dim."""
    if all(c == 1 for c in counts):
        return copied(x)
    split = tuple(m for n in x.shape for m in (1, n))
    grown = tuple(m for c, n in zip(counts, x.shape, strict=True) for m in (c, n))
    return reshape_to(expand(reshape_to(x, split), grown), tuple(c * n for c, n in zip(counts, x.shape, strict=True)))


@composite(names=("Tensor.repeat",))
def repeat(input: Symbol, repeats: Any = (), *more: Any) -> Symbol:
    """`input` repeated along each dim; further `repeats` in front add dims.

    >>> import powerhouse as torch
    >>> torch.tensor([1, 2]).repeat(2, 2)
    tensor([[1, 2, 1, 2],
            [1, 2, 1, 2]])
    """
    counts = as_shape(listed(repeats, more), "repeat")
    lead = len(counts) - input.ndim
    if lead < 0:
        raise RuntimeError(
            "repeat: Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor, got "
            f"{list(counts)} for {list(input.shape)}"
        )
    return _repeated(reshape_to(input, (1,) * lead + input.shape), counts)


@composite
def tile(input: Symbol, dims: Any, *more: Any) -> Symbol:
    """`input` repeated `dims` times; missing dims in front count as 1."""
    counts = as_shape(listed(dims, more), "tile")
    ndim = max(len(counts), input.ndim)
    counts = (1,) * (ndim - len(counts)) + counts
    return _repeated(reshape_to(input, (1,) * (ndim - input.ndim) + input.shape), counts)


repeat.samples(lambda draw: iter([Sample((draw(2, 3), 2, 1)), Sample((draw(3), (2, 2))), Sample((draw(2, 3), 0, 1)), Sample((draw(), 3))]))
repeat.errors(
    lambda draw: iter([Bad((draw(2, 3), 2), {}, RuntimeError, "can not be smaller"), Bad((draw(2), -1), {}, RuntimeError, "negative")])
)
tile.samples(lambda draw: iter([Sample((draw(2, 3), (2,))), Sample((draw(3), (2, 2))), Sample((draw(2, 3), (1, 1)))]))
tile.errors(lambda draw: iter([Bad((draw(2), (-1,)), {}, RuntimeError, "negative")]))


def repeat_each(input: Symbol, repeats: int, dim: int | None) -> Symbol:
    """Each position along `dim` (or each element, of the flattened tensor) `repeats` times in a row."""
    if repeats < 0:
        raise RuntimeError(f"repeat_interleave: repeats has to be positive, got {repeats}")
    x = input if dim is not None else reshape_to(input, (input.numel,))
    x = reshape_to(x, (1,)) if not x.ndim else x
    d = wrap_dim(dim or 0, x.ndim, "repeat_interleave")
    n = x.shape[d]
    grown = expand(reshape_to(x, with_size(x.shape, d, n, 1)), with_size(x.shape, d, n, repeats))
    return reshape_to(grown, with_size(x.shape, d, n * repeats))


@composite(names=(), name="repeat_interleave")
def repeat_interleave(input: Symbol, repeats: int, dim: int | None = None) -> Symbol:
    """Each position along `dim` `repeats` times in a row; `dim=None` flattens first."""
    return repeat_each(input, repeats, dim)


repeat_interleave.samples(lambda draw: iter([Sample((draw(2, 3), 2)), Sample((draw(2, 3), 3, 1)), Sample((draw(2, 3), 0, 0))]))
repeat_interleave.errors(
    lambda draw: iter([Bad((draw(2), -1), {}, RuntimeError, "positive"), Bad((draw(2), 2, 1), {}, IndexError, "out of range")])
)
