"""Joining, repeating, turning and padding: new tensors made of pieces of old ones."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import COMPLEX, INTEGER
from ..core.promotion import result_type
from ..core.shapes import as_shape, wrap_dim, wrap_dims
from ..graph.op import Bad, Operand, Sample, Static, Symbols, Type, as_symbol, composite, constant, expand, fit, primitive, rank_of
from ..graph.symbol import Symbol
from .arithmetic import where
from .reduction import iota_along
from .shape import diagonal as _diagonal  # `diagonal` is also the name of parameters here
from .shape import flatten, listed, pieces, span, spread, transpose, unsqueeze, with_size
from .views import permute_dims, reduce_sum, reshape_to, slice_put, strided_put, zeros

# --- joining --------------------------------------------------------------------------------------------------------------------


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


@composite(names=("cat", "concat", "concatenate"))
def cat(tensors: Symbols, dim: int = 0) -> Symbol:
    """`tensors` joined along the existing dim `dim`; the other sizes must agree. dtypes are promoted. 1-d tensors without elements are skipped.

    >>> import powerhouse as torch
    >>> torch.cat([torch.zeros(1, 2), torch.ones(2, 2)])
    tensor([[0., 0.],
            [1., 1.],
            [1., 1.]])
    """
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for i, s in enumerate(tensors):
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
            raise RuntimeError(f"cat: Sizes of tensors must match except in dimension {d}. Expected {list(first.shape)} but got {list(s.shape)} for tensor number {i} in the list.")
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


@composite(names=("stack",))
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
            raise RuntimeError(f"stack expects each tensor to be equal size, but got {list(first.shape)} at entry 0 and {list(s.shape)} at entry {i}")
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

# --- copies ---------------------------------------------------------------------------------------------------------------------


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
    return replacing(input, fit(src, input.dtype, input.shape))


def replacing(input: Symbol, value: Symbol) -> Symbol:
    """`value`, which takes the place of `input`: where gradients flow through `input`, it gets one of zeros."""
    return where(fit(constant(False), dt.bool_, input.shape), input, value) if input.needs_grad else value


@composite(names=("fill",), inplace=("Tensor.fill_", "fill_"))
def fill(input: Symbol, value: Operand) -> Symbol:
    """`value` (a number or a 0-d tensor) in the shape and dtype of `input`.

    >>> import powerhouse as torch
    >>> torch.zeros(2).fill_(7)
    tensor([7., 7.])
    """
    if value.ndim:
        raise RuntimeError(f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions.")
    if value.dtype.category == COMPLEX > input.dtype.category:
        raise RuntimeError(f"fill_: a complex value cannot be converted to {input.dtype} without overflow")
    return replacing(input, fit(value, input.dtype, input.shape))


@composite(names=(), inplace=("Tensor.zero_", "zero_"))
def zero(input: Symbol) -> Symbol:
    """Zeros in the shape and dtype of `input`: what `input.zero_()` writes."""
    return replacing(input, zeros(input.shape, input.dtype))


clone.samples(lambda draw: iter([Sample((draw(2, 3),))]))
copy.samples(lambda draw: iter([Sample((draw(2, 3), draw(3, dtype="int64")))]))
copy.errors(lambda draw: iter([Bad((draw(2, 3), draw(2)), {}, RuntimeError, "expand")]))
fill.samples(lambda draw: iter([Sample((draw(2, 3), 1.5)), Sample((draw(2, 3), draw()))]))
fill.errors(lambda draw: iter([Bad((draw(2, 3), draw(2)), {}, RuntimeError, "0-dimension value")]))
zero.samples(lambda draw: iter([Sample((draw(2, 3),))]))

# --- repeating ------------------------------------------------------------------------------------------------------------------


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
        raise RuntimeError(f"repeat: Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor, got {list(counts)} for {list(input.shape)}")
    return _repeated(reshape_to(input, (1,) * lead + input.shape), counts)


@composite
def tile(input: Symbol, dims: Any, *more: Any) -> Symbol:
    """`input` repeated `dims` times; missing dims in front count as 1."""
    counts = as_shape(listed(dims, more), "tile")
    ndim = max(len(counts), input.ndim)
    counts = (1,) * (ndim - len(counts)) + counts
    return _repeated(reshape_to(input, (1,) * (ndim - input.ndim) + input.shape), counts)


repeat.samples(lambda draw: iter([Sample((draw(2, 3), 2, 1)), Sample((draw(3), (2, 2))), Sample((draw(2, 3), 0, 1)), Sample((draw(), 3))]))
repeat.errors(lambda draw: iter([Bad((draw(2, 3), 2), {}, RuntimeError, "can not be smaller"), Bad((draw(2), -1), {}, RuntimeError, "negative")]))
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
repeat_interleave.errors(lambda draw: iter([Bad((draw(2), -1), {}, RuntimeError, "positive"), Bad((draw(2), 2, 1), {}, IndexError, "out of range")]))

# --- turning --------------------------------------------------------------------------------------------------------------------


@primitive(linear=True)
def flipped(x: Symbol, dims: tuple[int, ...]) -> Type:
    """`x` with the order of its elements along `dims` reversed."""
    return x.type


flipped.reference(np.flip)
flipped.vjp(lambda g, out, x, dims: (flipped(g, dims),))


@composite
def flip(input: Symbol, dims: Any, *more: Any) -> Symbol:
    """A copy of `input` with the order along `dims` reversed.

    >>> import powerhouse as torch
    >>> torch.arange(4).view(2, 2).flip(0, 1)
    tensor([[3, 2],
            [1, 0]])
    """
    given = listed(dims, more)
    return flipped(input, wrap_dims(given, input.ndim, "flip")) if given else copied(input)


@composite
def fliplr(input: Symbol) -> Symbol:
    """`input` with its columns in the opposite order."""
    if input.ndim < 2:
        raise RuntimeError(f"fliplr: Input must be >= 2-d, got {input.ndim}-d.")
    return flipped(input, (1,))


@composite
def flipud(input: Symbol) -> Symbol:
    """`input` with its rows in the opposite order."""
    if input.ndim < 1:
        raise RuntimeError("flipud: Input must be >= 1-d, got 0-d.")
    return flipped(input, (0,))


flip.samples(lambda draw: iter([Sample((draw(2, 3), (0,))), Sample((draw(2, 3), (0, -1)))]))
flip.errors(lambda draw: iter([Bad((draw(2, 3), (0, 0)), {}, RuntimeError, "appears multiple times"), Bad((draw(2, 3), (2,)), {}, IndexError, "out of range")]))
for _op in (fliplr, flipud):
    _op.samples(lambda draw: iter([Sample((draw(2, 3),))]))
    _op.errors(lambda draw: iter([Bad((draw(),), {}, RuntimeError, "Input must be")]))


@composite
def rot90(input: Symbol, k: int = 1, dims: Any = (0, 1)) -> Symbol:
    """`input` turned by 90 degrees `k` times, from the first of `dims` towards the second."""
    if len(dims) != 2:
        raise RuntimeError(f"rot90: expected total rotation dims == 2, but got dims = {len(dims)}")
    if input.ndim < 2:
        raise RuntimeError(f"rot90: expected total dims >= 2, but got total dims = {input.ndim}")
    a, b = wrap_dims(tuple(dims), input.ndim, "rot90")
    turns = k % 4
    if turns == 2:
        return flipped(input, (a, b))
    if turns == 0:
        return copied(input)
    return copied(transpose(flipped(input, (b if turns == 1 else a,)), a, b))


rot90.samples(lambda draw: iter([Sample((draw(2, 3, 4), k, (0, 2))) for k in range(-1, 4)]))
rot90.errors(lambda draw: iter([Bad((draw(2, 3), 1, (0,)), {}, RuntimeError, "rotation dims"), Bad((draw(2),), {}, RuntimeError, "total dims")]))


@composite
def roll(input: Symbol, shifts: Any, dims: Any = None) -> Symbol:
    """`input` with its elements moved by `shifts` along `dims`; those that leave at the end come in at the start.

    >>> import powerhouse as torch
    >>> torch.arange(5).roll(2)
    tensor([3, 4, 0, 1, 2])
    """
    if dims is None or dims == ():
        if not isinstance(shifts, int) and len(shifts) != 1:
            raise RuntimeError(f"roll: shifts and dimensions must align. shifts: {len(shifts)}, dims: 0")
        return reshape_to(roll(reshape_to(input, (input.numel,)), shifts, 0), input.shape)
    by = (shifts,) if isinstance(shifts, int) else tuple(shifts)
    along = (dims,) if isinstance(dims, int) else tuple(dims)
    if len(by) != len(along) or not by:
        raise RuntimeError(f"roll: shifts and dimensions must align. shifts: {len(by)}, dims:{len(along)}")
    out = input
    for shift, dim in zip(by, along, strict=True):
        d = wrap_dim(dim, input.ndim, "roll")
        n = out.shape[d] if out.ndim else 0
        if n and shift % n:
            at = n - shift % n
            out = concat((span(out, d, at, n - at), span(out, d, 0, at)), d)
    return copied(input) if out is input else out


roll.samples(lambda draw: iter([Sample((draw(2, 3), 2)), Sample((draw(2, 3), (1, -4), (0, 1))), Sample((draw(2, 3), 0, 0))]))
roll.errors(lambda draw: iter([Bad((draw(2, 3), (1, 2), 0), {}, RuntimeError, "must align")]))

# --- triangles and diagonals ----------------------------------------------------------------------------------------------------


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


@composite
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

# --- padding --------------------------------------------------------------------------------------------------------------------


Pads = tuple[tuple[int, int], ...]  # (before, after) of each dim


def cut(x: Symbol, pads: Pads) -> Symbol:
    """`x` without what the negative ones of `pads` take away."""
    for d, (before, after) in enumerate(pads):
        x = span(x, d, max(-before, 0), x.shape[d] - max(-before, 0) - max(-after, 0))
    return x


def padded(x: Symbol, pads: Pads, value: Symbol) -> Symbol:
    """`x` with `(before, after)` elements of `value` around each dim; negative ones cut."""
    x = cut(x, pads)
    grown = tuple(n + max(a, 0) + max(b, 0) for n, (a, b) in zip(x.shape, pads, strict=True))
    if grown == x.shape:
        return copied(x)
    return slice_put(fit(value, x.dtype, grown), x, tuple((max(a, 0), n, 1) for n, (a, _) in zip(x.shape, pads, strict=True)))


def _reflected(x: Symbol, d: int, before: int, after: int) -> list[Symbol]:
    n = x.shape[d]
    if max(before, after) >= n:
        raise RuntimeError(f"pad: Padding size should be less than the corresponding input dimension, but got: padding ({before}, {after}) at dimension {d} of input {list(x.shape)}")
    return [flipped(span(x, d, 1, before), (d,)), x, flipped(span(x, d, n - 1 - after, after), (d,))]


def _replicated(x: Symbol, d: int, before: int, after: int) -> list[Symbol]:
    n = x.shape[d]
    if n == 0:
        raise RuntimeError(f"pad: Expected non-zero size at dimension {d} of input {list(x.shape)} for replicate padding")
    first, last = (expand(span(x, d, at, 1), with_size(x.shape, d, count)) for at, count in ((0, before), (n - 1, after)))
    return [first, x, last]


def _wrapped(x: Symbol, d: int, before: int, after: int) -> list[Symbol]:
    n = x.shape[d]
    if max(before, after) > n:
        raise RuntimeError(f"pad: Padding value causes wrapping around more than once: padding ({before}, {after}) at dimension {d} of input {list(x.shape)}")
    return [span(x, d, n - before, before), x, span(x, d, 0, after)]


_AROUND = {"reflect": _reflected, "replicate": _replicated, "circular": _wrapped}


@composite(names=("nn.functional.pad",), label="constant_pad_nd")
def pad(input: Symbol, pad: Any, mode: str = "constant", value: Static | None = None) -> Symbol:
    """`input` with elements added (or, where negative, cut) around its last dims.

    Args:
        pad: `(before, after)` of the last dim, then of the one before it, and so on.
        mode: "constant" (any dims), "reflect", "replicate" or "circular" (the last 1 to 3 dims of an input with one or two dims more).
        value: what a constant padding holds; 0 by default.

    >>> import powerhouse as torch
    >>> torch.nn.functional.pad(torch.ones(1, 2), (1, 0, 0, 1), value=3.0)
    tensor([[3., 1., 1.],
            [3., 3., 3.]])
    """
    if len(pad) % 2:
        raise RuntimeError(f"pad: Padding length must be divisible by 2, got {list(pad)}")
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(f"pad: Padding length should be less than or equal to two times the input dimension but got padding length {len(pad)} and input of dimension {input.ndim}")
    pads = ((0, 0),) * (input.ndim - len(pad) // 2) + tuple((pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2))
    for d, (n, both) in enumerate(zip(input.shape, pads, strict=True)):
        if n + sum(both) < 0:
            raise RuntimeError(f"pad: The input size {n}, plus negative padding {both[0]} and {both[1]}, resulted in a negative output size, at dimension {d} of {list(input.shape)}")
    if mode == "constant":
        return padded(input, pads, constant(0) if value is None else as_symbol(value))
    if mode not in _AROUND:
        raise NotImplementedError(f"pad: Unrecognised padding mode {mode}")
    if value is not None and value is not constant(0) and value is not constant(0.0):
        raise ValueError(f'pad: Padding mode "{mode}" doesn\'t take in value argument')
    if len(pad) // 2 not in (input.ndim - 1, input.ndim - 2) or not 2 <= len(pad) <= 6:
        raise NotImplementedError(f"pad: Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now; got padding {list(pad)} and input {list(input.shape)}")
    out = cut(input, pads) if mode == "circular" else input
    for d, (before, after) in enumerate(pads):
        if before > 0 or after > 0:
            out = concat(tuple(_AROUND[mode](out, d, max(before, 0), max(after, 0))), d)
    return out if mode == "circular" else cut(out, pads)


@pad.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3), (1, 2)), {"value": 0.5})
    yield Sample((draw(2, 3), (1, -2, -1, 2)))
    yield Sample((draw(2, 3, 4), (2, 1)), {"mode": "reflect"})
    yield Sample((draw(2, 3, 4), (2, 1, 1, 0)), {"mode": "replicate"})
    yield Sample((draw(1, 2, 3, 4), (2, 1, 1, 0)), {"mode": "circular"})


@pad.errors
def _(draw: Any) -> Any:
    yield Bad((draw(2, 3), (1,)), {}, RuntimeError, "divisible by 2")
    yield Bad((draw(2, 3), (3, 3)), {"mode": "reflect"}, RuntimeError, "less than the corresponding input dimension")
    yield Bad((draw(2, 3), (-2, -2)), {}, RuntimeError, "negative output size")
    yield Bad((draw(2, 3), (1, 1)), {"mode": "none"}, NotImplementedError, "padding mode")


# --- channels and pixels --------------------------------------------------------------------------------------------------------


def _shuffle_parts(input: Symbol, factor: int, ndim: int, op: str) -> tuple[int, ...]:
    if input.ndim < ndim:
        raise RuntimeError(f"{op} expects input to have at least {ndim} dimensions, but got input with {input.ndim} dimension(s)")
    if factor <= 0:
        raise RuntimeError(f"{op} expects a positive factor, but got {factor}")
    return input.shape[:-3]


@composite(names=("pixel_shuffle", "nn.functional.pixel_shuffle"))
def pixel_shuffle(input: Symbol, upscale_factor: int) -> Symbol:
    """`(..., c * r * r, h, w)` to `(..., c, h * r, w * r)`: channels become pixels (Shi et al., 2016, arXiv:1609.05158)."""
    r = upscale_factor
    lead = _shuffle_parts(input, r, 3, "pixel_shuffle")
    channels, h, w = input.shape[-3:]
    if channels % (r * r):
        raise RuntimeError(f"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}")
    n, c = len(lead), channels // (r * r)
    x = reshape_to(input, (*lead, c, r, r, h, w))
    x = permute_dims(x, (*range(n), n, n + 3, n + 1, n + 4, n + 2))  # (..., c, h, r, w, r)
    return reshape_to(x, (*lead, c, h * r, w * r))


@composite(names=("pixel_unshuffle", "nn.functional.pixel_unshuffle"))
def pixel_unshuffle(input: Symbol, downscale_factor: int) -> Symbol:
    """`(..., c, h * r, w * r)` to `(..., c * r * r, h, w)`: the inverse of `pixel_shuffle`."""
    r = downscale_factor
    lead = _shuffle_parts(input, r, 3, "pixel_unshuffle")
    c, h, w = input.shape[-3:]
    if h % r or w % r:
        raise RuntimeError(f"pixel_unshuffle expects height and width to be divisible by downscale_factor, but input {list(input.shape)} is not divisible by {r}")
    n = len(lead)
    x = reshape_to(input, (*lead, c, h // r, r, w // r, r))
    x = permute_dims(x, (*range(n), n, n + 2, n + 4, n + 1, n + 3))  # (..., c, r, r, h, w)
    return reshape_to(x, (*lead, c * r * r, h // r, w // r))


@composite(names=("channel_shuffle", "nn.functional.channel_shuffle", "nn.functional.native_channel_shuffle"))
def channel_shuffle(input: Symbol, groups: int) -> Symbol:
    """`(n, groups * c, ...)` with the channels of the groups taken in turn (Zhang et al., 2017, arXiv:1707.01083)."""
    if input.ndim < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    if groups <= 0 or input.shape[1] % groups:
        raise RuntimeError(f"channel_shuffle: number of channels must be divisible by groups. Got {input.shape[1]} channels and {groups} groups.")
    n, channels, *rest = input.shape
    x = reshape_to(input, (n, groups, channels // groups, *rest))
    return reshape_to(transpose(x, 1, 2), input.shape)


pixel_shuffle.samples(lambda draw: iter([Sample((draw(2, 8, 2, 3), 2)), Sample((draw(4, 2, 3), 2))]))
pixel_shuffle.errors(lambda draw: iter([Bad((draw(3, 2, 2), 2), {}, RuntimeError, "divisible by the square"), Bad((draw(2, 2), 2), {}, RuntimeError, "at least 3")]))
pixel_unshuffle.samples(lambda draw: iter([Sample((draw(1, 2, 4, 6), 2))]))
pixel_unshuffle.errors(lambda draw: iter([Bad((draw(3, 3, 2), 2), {}, RuntimeError, "divisible by downscale_factor")]))
channel_shuffle.samples(lambda draw: iter([Sample((draw(2, 6, 2, 2), 3))]))
channel_shuffle.errors(lambda draw: iter([Bad((draw(2, 5, 2), 2), {}, RuntimeError, "divisible by groups")]))

__all__ = ["at_least", "cat", "clone", "concat", "copied", "flip", "flipped", "joined", "on_diagonal", "pad", "padded", "repeat", "repeat_each", "roll", "stack", "tril", "triu"]
