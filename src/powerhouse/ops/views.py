"""View ops: other ways to look at the same elements.

A view primitive has, beside its value and gradient, a `layout` (what it does to strides, None where the result cannot be a view) and
a `put` (its base after the view has been written), so that tensors which are views read and write through their base.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.shapes import as_shape, contiguous_strides, infer_shape, wrap_dim, wrap_dims
from ..graph.op import Bad, Sample, Type, constant, expand, fit, primitive, view
from ..graph.symbol import Symbol

# --- primitives -----------------------------------------------------------------------------------------------------------------


@primitive(linear=True, cheap=True, label="view")
def reshape_to(x: Symbol, shape: tuple[int, ...]) -> Type:
    """The elements of `x` in row-major order, in another shape."""
    return Type(shape, x.dtype)


reshape_to.reference(lambda x, shape: x.reshape(shape))
reshape_to.vjp(lambda g, out, x, shape: (reshape_to(g, x.shape),))
reshape_to.put = lambda base, value, shape: reshape_to(value, base.shape)


def _reshape_layout(shape: Any, strides: Any, offset: int, new: tuple[int, ...]) -> Any:
    """Strides of the reshaped view: runs of dims that lie contiguously in memory may be split and merged; None where they do not."""
    if prod(shape) == 0:
        return new, contiguous_strides(new), offset
    runs: list[list[int]] = []  # [numel, stride of the innermost]
    for n, s in zip(shape, strides, strict=True):
        if n == 1:
            continue
        if runs and runs[-1][1] == n * s:
            runs[-1] = [runs[-1][0] * n, s]
        else:
            runs.append([n, s])
    out: list[int] = []
    run = len(runs) - 1
    left, step = runs[run] if runs else (1, 1)
    for n in reversed(new):
        if n == 1:
            out.append(step)
            continue
        if left == 1:
            run -= 1
            left, step = runs[run]
        if left % n:
            return None
        out.append(step)
        left, step = left // n, step * n
    return new, tuple(reversed(out)), offset


reshape_to.layout = _reshape_layout


@primitive(linear=True, cheap=True, label="permute")
def permute_dims(x: Symbol, dims: tuple[int, ...]) -> Type:
    """`x` with its dims in the order `dims`."""
    return Type(tuple(x.shape[d] for d in dims), x.dtype)


def inverse(dims: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes `dims`."""
    return tuple(sorted(range(len(dims)), key=dims.__getitem__))


permute_dims.reference(lambda x, dims: x.transpose(dims))
permute_dims.vjp(lambda g, out, x, dims: (permute_dims(g, inverse(dims)),))
permute_dims.layout = lambda shape, strides, offset, dims: (tuple(shape[d] for d in dims), tuple(strides[d] for d in dims), offset)
permute_dims.put = lambda base, value, dims: permute_dims(value, inverse(dims))


def _expand_value(x: Any, shape: tuple[int, ...]) -> Any:
    if not isinstance(x, np.ndarray):
        return np.broadcast_to(x, shape)
    if x.shape == shape:
        return x
    if not x.flags.c_contiguous:
        return np.broadcast_to(x, shape)
    lead = len(shape) - x.ndim  # the same without NumPy's generality, which takes ten times as long
    strides = [0] * lead + [0 if n == 1 else step for n, step in zip(x.shape, x.strides, strict=True)]
    return np.ndarray(shape, x.dtype, x, 0, strides)


def _expand_layout(shape: Any, strides: Any, offset: int, new: tuple[int, ...]) -> Any:
    lead = len(new) - len(shape)
    return new, (0,) * lead + tuple(0 if n == 1 and m != 1 else s for n, m, s in zip(shape, new[lead:], strides, strict=True)), offset


def _expand_put(base: Symbol, value: Symbol, shape: tuple[int, ...]) -> Symbol:
    if prod(shape) != base.numel:
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory location. "
            f"Please clone() the tensor before performing the operation. Got a view of {list(base.shape)} expanded to {list(shape)}"
        )
    return reshape_to(value, base.shape)


def sum_to(g: Symbol, shape: tuple[int, ...]) -> Symbol:
    """`g` summed over the dims that expanding from `shape` added or repeated."""
    from_front = len(g.shape) - len(shape)
    dims = tuple(range(from_front)) + tuple(i + from_front for i, n in enumerate(shape) if n == 1 and g.shape[i + from_front] != 1)
    if dims:
        g = reduce_sum(g, dims)
    return g if g.shape == shape else reshape_to(g, shape)


expand.reference(_expand_value)
expand.vjp(lambda g, out, x, shape: (sum_to(g, x.shape),))
expand.layout = _expand_layout
expand.put = _expand_put


@primitive(linear=True, label="sum")
def reduce_sum(x: Symbol, dims: tuple[int, ...]) -> Type:
    """The sum over `dims`, which are dropped. Half precision is summed in float32."""
    return Type(tuple(n for i, n in enumerate(x.shape) if i not in dims), x.dtype)


def _sum_value(x: Any, dims: tuple[int, ...]) -> Any:
    if x.dtype.itemsize == 2 and x.dtype.kind not in "iu":
        return np.add.reduce(x.astype(np.float32), axis=dims).astype(x.dtype)
    return np.add.reduce(x, axis=dims, dtype=x.dtype)


def restore(g: Symbol, dims: tuple[int, ...], shape: tuple[int, ...]) -> Symbol:
    """`g`, from which `dims` were reduced away, expanded back to `shape`."""
    return expand(reshape_to(g, tuple(1 if i in dims else n for i, n in enumerate(shape))), shape)


reduce_sum.reference(_sum_value)
reduce_sum.vjp(lambda g, out, x, dims: (restore(g, dims, x.shape),))

Bounds = tuple[tuple[int, int, int], ...]  # (start, length, step) of each dim


@primitive(linear=True, cheap=True, label="slice")
def slice_of(x: Symbol, bounds: Bounds) -> Type:
    """A strided box of `x`: `(start, length, step)` for each dim."""
    return Type(tuple(n for _, n, _ in bounds), x.dtype)


def _slices(bounds: Bounds) -> tuple[slice, ...]:
    return tuple(slice(start, start + (n - 1) * step + 1 if n else start, step) for start, n, step in bounds)


def _slice_layout(shape: Any, strides: Any, offset: int, bounds: Bounds) -> Any:
    at = offset + sum(start * s for (start, _, _), s in zip(bounds, strides, strict=True))
    return tuple(n for _, n, _ in bounds), tuple(s * step for (_, _, step), s in zip(bounds, strides, strict=True)), at


slice_of.reference(lambda x, bounds: x[_slices(bounds)])
slice_of.vjp(lambda g, out, x, bounds: (slice_put(zeros(x.shape, x.dtype), g, bounds),))
slice_of.layout = _slice_layout
slice_of.put = lambda base, value, bounds: slice_put(base, value, bounds)


@primitive(linear=True)
def slice_put(base: Symbol, value: Symbol, bounds: Bounds) -> Type:
    """`base` with the strided box `bounds` replaced by `value`."""
    return base.type


@slice_put.reference
def _(base: Any, value: Any, bounds: Bounds) -> Any:
    return _put_slice(np.array(base), value, bounds)


def _put_slice(base: Any, value: Any, bounds: Bounds) -> Any:
    base[_slices(bounds)] = value
    return base


slice_put.overwrite = _put_slice


@slice_put.vjp
def _(g: Symbol, out: Symbol, base: Symbol, value: Symbol, bounds: Bounds) -> Any:
    return slice_put(g, zeros(value.shape, g.dtype), bounds), slice_of(g, bounds)


def zeros(shape: tuple[int, ...], dtype: dt.dtype) -> Symbol:
    """A symbol of zeros."""
    return fit(constant(0), dtype, shape)


@primitive(linear=True, cheap=True, label="as_strided")
def strided(x: Symbol, size: tuple[int, ...], stride: tuple[int, ...], offset: int) -> Type:
    """Elements of row-major `x` at `offset + sum(index * stride)`; indices may overlap."""
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if prod(size) and (offset < 0 or last >= x.numel or last < 0):
        raise RuntimeError(
            f"as_strided: size {list(size)}, stride {list(stride)} and offset {offset} reach outside a storage of {x.numel} elements"
        )
    return Type(size, x.dtype)


def _strided_view(x: Any, size: Any, stride: Any, offset: int) -> Any:
    if not prod(size):
        return np.empty(size, x.dtype)
    return np.ndarray(size, x.dtype, np.ascontiguousarray(x), offset * x.dtype.itemsize, [s * x.dtype.itemsize for s in stride])


strided.reference(_strided_view)
strided.vjp(lambda g, out, x, *at: (strided_put(zeros(x.shape, x.dtype), g, *at, True),))


def _strided_layout(shape: Any, strides: Any, offset: int, size: Any, stride: Any, at: int) -> Any:
    """Of a row-major `x`, wherever it begins; elements of another are not where `stride` counts them."""
    row_major = all(n == 1 or s == w for n, s, w in zip(shape, strides, contiguous_strides(shape), strict=True))
    return (size, stride, offset + at) if row_major else None


strided.layout = _strided_layout
strided.put = lambda base, value, *at: strided_put(base, value, *at, False)


@primitive(linear=True)
def strided_put(base: Symbol, value: Symbol, size: tuple[int, ...], stride: tuple[int, ...], offset: int, accumulate: bool) -> Type:
    """`base` with `value` written (or added) at the elements that `strided` reads."""
    return base.type


@strided_put.reference
def _(base: Any, value: Any, size: Any, stride: Any, offset: int, accumulate: bool) -> Any:
    return _put_strided(np.array(base, order="C"), value, size, stride, offset, accumulate)


def _put_strided(base: Any, value: Any, size: Any, stride: Any, offset: int, accumulate: bool) -> Any:
    at = _strided_view(np.arange(base.size), size, stride, offset)
    if accumulate:
        np.add.at(base.reshape(-1), at.reshape(-1), value.reshape(-1))
    else:
        base.reshape(-1)[at] = value
    return base


strided_put.overwrite = _put_strided


@strided_put.vjp
def _(g: Symbol, out: Symbol, base: Symbol, value: Symbol, size: Any, stride: Any, offset: int, accumulate: bool) -> Any:
    at = (size, stride, offset)
    return g if accumulate else strided_put(g, zeros(value.shape, g.dtype), *at, False), strided(g, *at)


@primitive(linear=True, cheap=True, label="diagonal")
def diagonal_of(x: Symbol, offset: int, dim1: int, dim2: int) -> Type:
    """The diagonal of the matrix in `dim1` and `dim2`, as a last dim."""
    return Type(_diagonal_layout(x.shape, contiguous_strides(x.shape), 0, offset, dim1, dim2)[0], x.dtype)


def _diagonal_layout(shape: Any, strides: Any, start: int, offset: int, dim1: int, dim2: int) -> Any:
    rest = [i for i in range(len(shape)) if i not in (dim1, dim2)]
    n = max(min(shape[dim1] + min(offset, 0), shape[dim2] - max(offset, 0)), 0)
    if n:
        start += offset * strides[dim2] if offset >= 0 else -offset * strides[dim1]
    return tuple(shape[i] for i in rest) + (n,), tuple(strides[i] for i in rest) + (strides[dim1] + strides[dim2],), start


def _diagonal_place(x: Symbol, *attrs: int) -> Any:
    return _diagonal_layout(x.shape, contiguous_strides(x.shape), 0, *attrs)


diagonal_of.reference(lambda x, offset, dim1, dim2: np.diagonal(x, offset, dim1, dim2))
diagonal_of.vjp(lambda g, out, x, *attrs: (strided_put(zeros(x.shape, x.dtype), g, *_diagonal_place(x, *attrs), False),))
diagonal_of.layout = _diagonal_layout
diagonal_of.put = lambda base, value, *attrs: strided_put(base, value, *_diagonal_place(base, *attrs), False)


@primitive(linear=True, cheap=True, label="unfold")
def windows_of(x: Symbol, dim: int, size: int, step: int) -> Type:
    """Windows of `size` along `dim`, `step` apart, as a last dim."""
    return Type(_windows_layout(x.shape, contiguous_strides(x.shape), 0, dim, size, step)[0], x.dtype)


def _windows_layout(shape: Any, strides: Any, offset: int, dim: int, size: int, step: int) -> Any:
    count = (shape[dim] - size) // step + 1
    return (*shape[:dim], count, *shape[dim + 1 :], size), (*strides[:dim], strides[dim] * step, *strides[dim + 1 :], strides[dim]), offset


def _windows_place(x: Symbol, *attrs: int) -> Any:
    return _windows_layout(x.shape, contiguous_strides(x.shape), 0, *attrs)


windows_of.reference(
    lambda x, dim, size, step: _strided_view(x, *_windows_layout(x.shape, contiguous_strides(x.shape), 0, dim, size, step))
)
windows_of.vjp(lambda g, out, x, *attrs: (strided_put(zeros(x.shape, x.dtype), g, *_windows_place(x, *attrs), True),))
windows_of.layout = _windows_layout
windows_of.put = lambda base, value, *attrs: strided_put(base, value, *_windows_place(base, *attrs), False)


# --- public views ---------------------------------------------------------------------------------------------------------------


@view(names=("Tensor.view",), name="view", must_view=True)
def view_(input: Symbol, *shape: Any) -> Symbol:
    """The same elements in another shape, without a copy; or, given a dtype of the same size, the same bytes as that dtype.

    >>> import powerhouse as torch
    >>> torch.arange(6).view(2, -1).shape
    torch.Size([2, 3])
    """
    sizes = _sizes(shape)
    if len(sizes) == 1 and isinstance(sizes[0], dt.dtype):
        return bitcast(input, sizes[0])
    return reshape_to(input, infer_shape(sizes, input.numel, "view"))


def _sizes(sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sizes given one by one or as one sequence."""
    while len(sizes) == 1 and isinstance(sizes[0], (tuple, list)):
        sizes = tuple(sizes[0])
    return sizes


@primitive(cheap=True, differentiable=False)
def bitcast(x: Symbol, target: dt.dtype) -> Type:
    """The bytes of `x` read as `target`; the last dim grows or shrinks with the item size."""
    a, b = x.dtype.itemsize, target.itemsize
    if a == b:
        return Type(x.shape, target)
    if not x.shape or (x.shape[-1] * a) % b:
        raise RuntimeError(f"view: cannot view {x.dtype} {list(x.shape)} as {target}: the last dim must hold whole elements")
    return Type((*x.shape[:-1], x.shape[-1] * a // b), target)


bitcast.reference(lambda x, target: np.ascontiguousarray(x).view(target.numpy).reshape(*((x.shape[:-1] + (-1,)) if x.ndim else ())))
bitcast.layout = lambda shape, strides, offset, target: None
bitcast.put = lambda base, value, target: bitcast(value, base.dtype)


@view_.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 6), 3, -1))
    yield Sample((draw(2, 6), dt.int32), {}, "forward")


@view_.errors
def _(draw: Any) -> Any:
    yield Bad((draw(2, 3), 4, 2), {}, RuntimeError, "shape '.*' is invalid for input of size 6")


@view
def reshape(input: Symbol, *shape: Any) -> Symbol:
    """The same elements in another shape: a view where strides allow it, else a copy. One size may be -1.

    >>> import powerhouse as torch
    >>> torch.arange(6).reshape(3, 2).shape
    torch.Size([3, 2])
    """
    return reshape_to(input, infer_shape(_sizes(shape), input.numel, "reshape"))


@reshape.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 6), (3, -1)))
    yield Sample((draw(0, 3), (3, 0)))


@reshape.errors
def _(draw: Any) -> Any:
    yield Bad((draw(2, 3), (4, 2)), {}, RuntimeError, "shape '.*' is invalid for input of size 6")
    yield Bad((draw(2, 3), (-1, -1)), {}, RuntimeError, "only one dimension can be inferred")


@view
def permute(input: Symbol, *dims: Any) -> Symbol:
    """`input` with its dims in the order `dims`: a view.

    >>> import powerhouse as torch
    >>> torch.zeros(2, 3, 4).permute(2, 0, 1).shape
    torch.Size([4, 2, 3])
    """
    dims = _sizes(dims)
    if len(dims) != input.ndim:
        raise RuntimeError(f"permute: input.dim() = {input.ndim} is not equal to len(dims) = {len(dims)}")
    return permute_dims(input, wrap_dims(dims, input.ndim, "permute") if dims else ())


@permute.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3, 4), (2, 0, -2)))


@permute.errors
def _(draw: Any) -> Any:
    yield Bad((draw(2, 3), (0, 0)), {}, RuntimeError, "appears multiple times|repeated dim")
    yield Bad((draw(2, 3), (0,)), {}, RuntimeError, "not equal")


@view(names=("transpose", "Tensor.transpose", "swapaxes", "Tensor.swapaxes", "swapdims", "Tensor.swapdims"))
def transpose(input: Symbol, dim0: int, dim1: int) -> Symbol:
    """`input` with two dims exchanged: a view.

    >>> import powerhouse as torch
    >>> torch.zeros(2, 3).transpose(0, 1).shape
    torch.Size([3, 2])
    """
    a, b = wrap_dim(dim0, input.ndim, "transpose"), wrap_dim(dim1, input.ndim, "transpose")
    dims = list(range(input.ndim))
    if dims:
        dims[a], dims[b] = b, a
    return permute_dims(input, tuple(dims))


@transpose.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3, 4), 0, -1))
    yield Sample((draw(), 0, 0))


@transpose.errors
def _(draw: Any) -> Any:
    yield Bad((draw(2, 3), 0, 2), {}, IndexError, "Dimension out of range")


@view(names=("Tensor.expand",), name="expand_view")
def expand_(input: Symbol, *size: Any) -> Symbol:
    """`input` with size-1 dims repeated, and new dims in front: a view; -1 keeps a size."""
    size = _sizes(size)
    lead = len(size) - input.ndim
    if lead < 0:
        raise RuntimeError(
            f"expand: the number of sizes provided ({len(size)}) must be greater or equal to the number of dimensions in the "
            f"tensor ({input.ndim})"
        )
    shape = tuple(input.shape[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(size))
    for i, (n, m) in enumerate(zip(input.shape, shape[lead:], strict=True)):
        if n not in (1, m):
            raise RuntimeError(
                f"expand: The expanded size of the tensor ({m}) must match the existing size ({n}) at non-singleton dimension {lead + i}. "
                f"Target sizes: {list(size)}. Tensor sizes: {list(input.shape)}"
            )
    return expand(input, as_shape(shape, "expand"))


@expand_.samples
def _(draw: Any) -> Any:
    yield Sample((draw(3, 1), 2, -1, 4))


@expand_.errors
def _(draw: Any) -> Any:
    yield Bad((draw(3, 2), 3, 4), {}, RuntimeError, "must match the existing size")
