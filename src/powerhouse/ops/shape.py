"""Shapes: dims added, dropped, merged, exchanged, and tensors cut into pieces. Every op here is a view of its input."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ..core.promotion import accumulator
from ..core.shapes import as_shape, infer_shape, wrap_dim, wrap_dims
from ..graph.op import Bad, Sample, cast, composite, view
from ..graph.symbol import Symbol
from .arithmetic import conj
from .views import diagonal_of, expand_, permute_dims, reshape_to, slice_of, strided, sum_to, transpose, windows_of


def spread(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments given one by one or as one sequence."""
    return tuple(values[0]) if len(values) == 1 and isinstance(values[0], (tuple, list)) else values


def listed(first: Any, more: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments given as `f(x, 0, 1)`, `f(x, (0, 1))` or `f(x, name=(0, 1))`, where `first` is the first of them."""
    return tuple(first) if isinstance(first, (tuple, list)) else (first, *spread(more))


def span(x: Symbol, dim: int, start: int, length: int, step: int = 1) -> Symbol:
    """`length` elements of `x` along `dim` from `start` on, `step` apart."""
    if (start, length, step) == (0, x.shape[dim], 1):
        return x
    return slice_of(x, tuple((start, length, step) if i == dim else (0, n, 1) for i, n in enumerate(x.shape)))


def with_size(shape: Sequence[int], dim: int, *sizes: int) -> tuple[int, ...]:
    """`shape` with the size at `dim` replaced by `sizes`."""
    return (*shape[:dim], *sizes, *shape[dim + 1 :])


def pieces(input: Symbol, dim: int, lengths: Sequence[int]) -> tuple[Symbol, ...]:
    """Consecutive spans of `input` along `dim`."""
    found, start = [], 0
    for length in lengths:
        found.append(span(input, dim, start, length))
        start += length
    return tuple(found)


# --- size-1 dims -----------------------------------------------------------------------------------------------------------------


@view
def squeeze(input: Symbol, dim: Any = None) -> Symbol:
    """`input` without its dims of size 1; with `dim` (an int or several), without those of them that have size 1.

    >>> import powerhouse as torch
    >>> torch.zeros(1, 2, 1).squeeze().shape
    torch.Size([2])
    """
    dims = () if dim == () else wrap_dims(dim, input.ndim, "squeeze")
    return reshape_to(input, tuple(n for i, n in enumerate(input.shape) if n != 1 or i not in dims))


@squeeze.samples
def _(draw: Any) -> Any:
    yield Sample((draw(1, 2, 1, 3),))
    yield Sample((draw(1, 2, 1, 3), 2))
    yield Sample((draw(1, 2, 1, 3), (0, 1, -2)))
    yield Sample((draw(), 0))


@squeeze.errors
def _(draw: Any) -> Any:
    yield Bad((draw(1, 2), 2), {}, IndexError, "Dimension out of range")
    yield Bad((draw(1, 2), (0, 0)), {}, RuntimeError, "appears multiple times")


@view
def unsqueeze(input: Symbol, dim: int) -> Symbol:
    """`input` with a new dim of size 1 at `dim`, from -(ndim + 1) to ndim.

    >>> import powerhouse as torch
    >>> torch.zeros(2, 3).unsqueeze(1).shape
    torch.Size([2, 1, 3])
    """
    d = wrap_dim(dim, input.ndim + 1, "unsqueeze")
    return reshape_to(input, (*input.shape[:d], 1, *input.shape[d:]))


@unsqueeze.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3), 1))
    yield Sample((draw(2, 3), -1))
    yield Sample((draw(), 0))


unsqueeze.errors(lambda draw: iter([Bad((draw(2, 3), 3), {}, IndexError, "Dimension out of range")]))

# --- merging and splitting dims --------------------------------------------------------------------------------------------------


@view
def flatten(input: Symbol, start_dim: int = 0, end_dim: int = -1) -> Symbol:
    """`input` with the dims from `start_dim` to `end_dim` (inclusive) merged into one; a copy only where strides demand it.

    >>> import powerhouse as torch
    >>> torch.zeros(2, 3, 4).flatten(1).shape
    torch.Size([2, 12])
    """
    a, b = wrap_dim(start_dim, input.ndim, "flatten"), wrap_dim(end_dim, input.ndim, "flatten")
    if a > b:
        raise RuntimeError(f"flatten() has invalid args: start_dim cannot come after end_dim; got {start_dim} and {end_dim}")
    if input.ndim and a == b:
        return input
    return reshape_to(input, (*input.shape[:a], prod(input.shape[a : b + 1]), *input.shape[b + 1 :]))


@flatten.samples
def _(draw: Any) -> Any:
    for args in ((), (1,), (0, 1), (-1, -1)):
        yield Sample((draw(2, 3, 4), *args))
    yield Sample((draw(),))


flatten.errors(lambda draw: iter([Bad((draw(2, 3, 4), 2, 1), {}, RuntimeError, "start_dim cannot come after end_dim")]))


@view
def ravel(input: Symbol) -> Symbol:
    """The elements of `input` in one dim."""
    return flatten(input)


ravel.samples(lambda draw: iter([Sample((draw(2, 3),)), Sample((draw(),))]))


@view
def unflatten(input: Symbol, dim: int, sizes: Any) -> Symbol:
    """`input` with `dim` split into dims of `sizes`, one of which may be -1.

    >>> import powerhouse as torch
    >>> torch.zeros(2, 12).unflatten(1, (3, -1)).shape
    torch.Size([2, 3, 4])
    """
    d = wrap_dim(dim, input.ndim, "unflatten")
    if isinstance(sizes, int):
        sizes = (sizes,)
    if len(sizes) == 0:
        raise RuntimeError("unflatten: sizes must be non-empty")
    try:
        new = infer_shape(sizes, input.shape[d], "unflatten")
    except RuntimeError:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} ({input.shape[d]}) in the input tensor"
        ) from None
    return reshape_to(input, with_size(input.shape, d, *new))


unflatten.samples(lambda draw: iter([Sample((draw(2, 12), 1, (3, -1))), Sample((draw(6, 2), -2, (2, 3)))]))
unflatten.errors(lambda draw: iter([Bad((draw(2, 5), 1, (2, 2)), {}, RuntimeError, "don't multiply up to the size of dim")]))


@view(names=("Tensor.view_as",))
def view_as(input: Symbol, other: Symbol) -> Symbol:
    """`input` in the shape of `other`."""
    return reshape_to(input, infer_shape(other.shape, input.numel, "view_as"))


@view(names=("Tensor.reshape_as",))
def reshape_as(input: Symbol, other: Symbol) -> Symbol:
    """`input` in the shape of `other`."""
    return reshape_to(input, infer_shape(other.shape, input.numel, "reshape_as"))


@view(names=("Tensor.expand_as",))
def expand_as(input: Symbol, other: Symbol) -> Symbol:
    """`input` expanded to the shape of `other`."""
    return expand_(input, *other.shape) if other.ndim else expand_(input, ())


for _op in (view_as, reshape_as):
    _op.samples(lambda draw: iter([Sample((draw(2, 6), draw(3, 4)))]))
    _op.errors(lambda draw: iter([Bad((draw(2, 3), draw(4)), {}, RuntimeError, "is invalid for input of size 6")]))
expand_as.samples(lambda draw: iter([Sample((draw(3, 1), draw(2, 3, 4)))]))
expand_as.errors(lambda draw: iter([Bad((draw(2, 3), draw(2, 4)), {}, RuntimeError, "expand")]))


@view
def broadcast_to(input: Symbol, size: Any) -> Symbol:
    """`input` expanded to the shape `size`.

    >>> import powerhouse as torch
    >>> torch.broadcast_to(torch.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return expand_(input, tuple(size))


broadcast_to.samples(lambda draw: iter([Sample((draw(3, 1), (2, 3, 4))), Sample((draw(), (2,)))]))
broadcast_to.errors(lambda draw: iter([Bad((draw(2, 3), (2, 4)), {}, RuntimeError, "expand")]))

# --- exchanging dims -------------------------------------------------------------------------------------------------------------


def reversed_dims(x: Symbol) -> Symbol:
    """`x` with all its dims in the opposite order."""
    return permute_dims(x, tuple(reversed(range(x.ndim))))


@view
def t(input: Symbol) -> Symbol:
    """The transpose of a matrix; a vector or scalar as it is.

    >>> import powerhouse as torch
    >>> torch.zeros(2, 3).t().shape
    torch.Size([3, 2])
    """
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return reversed_dims(input)


t.samples(lambda draw: iter([Sample((draw(2, 3),)), Sample((draw(3),))]))
t.errors(lambda draw: iter([Bad((draw(2, 3, 4),), {}, RuntimeError, "expects a tensor with <= 2 dimensions")]))


@view(names=())
def numpy_transpose(input: Symbol) -> Symbol:
    """`x.T`: all dims in the opposite order."""
    return reversed_dims(input)


@view(names=())
def matrix_transpose(input: Symbol) -> Symbol:
    """`x.mT`: the last two dims exchanged."""
    if input.ndim < 2:
        raise RuntimeError(f"tensor.mT is only supported on matrices or batches of matrices. Got {input.ndim}-D tensor.")
    return transpose(input, -2, -1)


@view(names=())
def conjugate_transpose(input: Symbol) -> Symbol:
    """`x.H`: the conjugate transpose of a matrix."""
    if input.ndim not in (0, 2):
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {input.ndim}-D tensor.")
    return conj(reversed_dims(input))


@view
def adjoint(input: Symbol) -> Symbol:
    """The conjugate of `input` with its last two dims exchanged; of a real tensor, a view."""
    if input.ndim < 2:
        raise RuntimeError(f"tensor.adjoint() is only supported on matrices or batches of matrices. Got {input.ndim}-D tensor.")
    return conj(transpose(input, -2, -1))


for _op in (numpy_transpose, conjugate_transpose):
    _op.samples(lambda draw: iter([Sample((draw(2, 3),))]))
for _op in (matrix_transpose, adjoint):
    _op.samples(lambda draw: iter([Sample((draw(2, 3, 4),)), Sample((draw(2, 3, dtype="complex64"),))]))
    _op.errors(lambda draw: iter([Bad((draw(3),), {}, RuntimeError, "only supported on matrices or batches of matrices")]))
conjugate_transpose.errors(lambda draw: iter([Bad((draw(3),), {}, RuntimeError, "only supported on matrices")]))


@view(names=("movedim", "Tensor.movedim", "moveaxis", "Tensor.moveaxis"))
def movedim(input: Symbol, source: Any, destination: Any) -> Symbol:
    """`input` with the dims `source` moved to the places `destination`; the others keep their order.

    >>> import powerhouse as torch
    >>> torch.zeros(2, 3, 4).movedim(0, -1).shape
    torch.Size([3, 4, 2])
    """
    given = [(s,) if isinstance(s, int) else tuple(s) for s in (source, destination)]
    if len(given[0]) != len(given[1]):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(given[0])} dims) should contain the same number of dims as "
            f"destination ({list(given[1])} dims)"
        )
    origin, goal = (tuple(wrap_dim(d, input.ndim, "movedim") for d in dims) for dims in given)
    for name, dims in (("source", origin), ("destination", goal)):
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(dims)})")
    if not input.ndim:
        return input
    place = dict(zip(goal, origin, strict=True))
    rest = iter(d for d in range(input.ndim) if d not in origin)
    return permute_dims(input, tuple(place[i] if i in place else next(rest) for i in range(input.ndim)))


movedim.samples(lambda draw: iter([Sample((draw(2, 3, 4), 0, -1)), Sample((draw(2, 3, 4), (0, 1), (2, 0)))]))
movedim.errors(
    lambda draw: iter(
        [
            Bad((draw(2, 3), (0, 1), (0,)), {}, RuntimeError, "should contain the same number of dims"),
            Bad((draw(2, 3), (0, 0), (0, 1)), {}, RuntimeError, "repeated dim"),
        ]
    )
)

# --- parts -----------------------------------------------------------------------------------------------------------------------


@view(name="select_view", names=("select", "Tensor.select"))
def select(input: Symbol, dim: int, index: int) -> Symbol:
    """Position `index` along `dim`, which is dropped.

    >>> import powerhouse as torch
    >>> torch.arange(6).view(2, 3).select(1, -1)
    tensor([2, 5])
    """
    if input.ndim == 0:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    d = wrap_dim(dim, input.ndim, "select")
    n = input.shape[d]
    if not -n <= index < n:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {dim}")
    return reshape_to(span(input, d, index % n, 1), with_size(input.shape, d))


@select.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3, 4), 1, -1))
    yield Sample((draw(3), 0, 2))


select.errors(lambda draw: iter([Bad((draw(2, 3), 1, 3), {}, IndexError, "out of range"), Bad((draw(), 0, 0), {}, IndexError, "0-dim")]))


@view
def narrow(input: Symbol, dim: int, start: int, length: int) -> Symbol:
    """`length` positions along `dim`, from `start` on.

    >>> import powerhouse as torch
    >>> torch.arange(5).narrow(0, 1, 3)
    tensor([1, 2, 3])
    """
    if input.ndim == 0:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, got {length}.")
    d = wrap_dim(dim, input.ndim, "narrow")
    n = input.shape[d]
    if not -n <= start <= n:
        raise IndexError(f"narrow: start out of range (expected to be in range of [{-n}, {n}], but got {start})")
    start = start + n if start < 0 else start
    if start + length > n:
        raise RuntimeError(f"narrow: start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return span(input, d, start, length)


narrow.samples(lambda draw: iter([Sample((draw(4, 3), 0, 1, 2)), Sample((draw(4, 3), -1, -2, 2)), Sample((draw(4), 0, 4, 0))]))
narrow.errors(
    lambda draw: iter(
        [
            Bad((draw(4), 0, 2, 3), {}, RuntimeError, "exceeds dimension size"),
            Bad((draw(4), 0, 5, 0), {}, IndexError, "out of range"),
            Bad((draw(4), 0, 0, -1), {}, RuntimeError, "non-negative"),
        ]
    )
)


@view
def diagonal(input: Symbol, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Symbol:
    """The diagonal of the matrices in `dim1` and `dim2`, `offset` above the main one, as a last dim.

    >>> import powerhouse as torch
    >>> torch.arange(9).view(3, 3).diagonal()
    tensor([0, 4, 8])
    """
    a, b = wrap_dim(dim1, input.ndim, "diagonal"), wrap_dim(dim2, input.ndim, "diagonal")
    if a == b:
        raise RuntimeError(f"diagonal: diagonal dimensions cannot be identical {dim1}, {dim2}")
    return diagonal_of(input, offset, a, b)


@view(names=("linalg.diagonal",))
def linalg_diagonal(A: Symbol, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Symbol:
    """The diagonal of a matrix or of a batch of matrices."""
    return diagonal(A, offset, dim1, dim2)


diagonal.samples(lambda draw: iter([Sample((draw(3, 4), *args)) for args in ((), (1,), (-1,), (5,))] + [Sample((draw(2, 3, 4), 1, -1, 0))]))
diagonal.errors(
    lambda draw: iter(
        [Bad((draw(3, 3), 0, 1, -1), {}, RuntimeError, "cannot be identical"), Bad((draw(3),), {}, IndexError, "out of range")]
    )
)
linalg_diagonal.samples(lambda draw: iter([Sample((draw(2, 3, 4),), {"offset": 1})]))


@view(name="unfold_view", names=("Tensor.unfold",))
def unfold(input: Symbol, dimension: int, size: int, step: int) -> Symbol:
    """Windows of `size` along `dimension`, `step` apart, as a last dim.

    >>> import powerhouse as torch
    >>> torch.arange(5).unfold(0, 3, 2)
    tensor([[0, 1, 2],
            [2, 3, 4]])
    """
    d = wrap_dim(dimension, input.ndim, "unfold")
    n = input.shape[d] if input.ndim else 1
    if not 0 <= size <= n:
        raise RuntimeError(f"unfold: maximum size for tensor at dimension {dimension} is {n} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"unfold: step is {step} but must be > 0")
    return windows_of(input, d, size, step) if input.ndim else span(reshape_to(input, (1,)), 0, 0, size)


unfold.samples(lambda draw: iter([Sample((draw(2, 5), 1, 3, 2)), Sample((draw(5, 2), 0, 2, 1))]))
unfold.errors(
    lambda draw: iter([Bad((draw(3), 0, 4, 1), {}, RuntimeError, "maximum size"), Bad((draw(3), 0, 2, 0), {}, RuntimeError, "step is 0")])
)


@view(name="as_strided", names=())
def as_strided(input: Symbol, size: Any, stride: Any, storage_offset: int = 0) -> Symbol:
    """The elements of a whole storage at `storage_offset + sum(index * stride)`: a view; indices may overlap."""
    size = as_shape(size, "as_strided")
    if len(size) != len(stride):
        raise RuntimeError(f"as_strided: mismatch in length of strides and shape: got {list(size)} and {list(stride)}")
    if any(s < 0 for s in stride) or storage_offset < 0:
        raise RuntimeError(
            f"as_strided: Negative strides or offsets are not supported, got strides {list(stride)} and offset {storage_offset}"
        )
    return strided(input, size, tuple(stride), storage_offset)


as_strided.samples(lambda draw: iter([Sample((draw(3, 4), (2, 2), (1, 2), 1)), Sample((draw(5), (3, 2), (1, 1)))]))
as_strided.errors(
    lambda draw: iter(
        [Bad((draw(3), (2, 2), (2, 1)), {}, RuntimeError, "outside a storage"), Bad((draw(3), (2,), (1, 1)), {}, RuntimeError, "mismatch")]
    )
)


@composite(names=("Tensor.sum_to_size",))
def sum_to_size(input: Symbol, size: Any = (), *more: Any) -> Symbol:
    """`input` summed to the shape `size`, to which it must be possible to expand: the inverse of `expand`."""
    target = as_shape(listed(size, more), "sum_to_size")
    lead = input.ndim - len(target)
    if lead < 0 or any(n not in (1, m) for n, m in zip(target, input.shape[lead:], strict=True)):
        raise RuntimeError(f"sum_to_size: size {list(target)} is not expandable to size {list(input.shape)}.")
    whole = target == input.shape and target != ()
    return input if whole else sum_to(cast(input, accumulator(input.dtype)), target)


sum_to_size.samples(
    lambda draw: iter([Sample((draw(2, 3, 4), (3, 1))), Sample((draw(2, 3, dtype="bool"), (1, 3))), Sample((draw(2, dtype="int32"), ()))])
)
sum_to_size.errors(lambda draw: iter([Bad((draw(2, 3), (2, 2)), {}, RuntimeError, "not expandable")]))
