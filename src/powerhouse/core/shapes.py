"""Shapes: sizes, dims, broadcasting, strides. All are plain tuples of ints."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

Shape = tuple[int, ...]


class Size(tuple):
    """The shape of a tensor: a tuple of ints that prints as PyTorch's.

    >>> Size((2, 3)).numel()
    6
    """

    __slots__ = ()

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return prod(self)

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, tuple(other)))

    def __reduce__(self) -> Any:
        return Size, (tuple(self),)


def wrap_dim(dim: Any, ndim: int, op: str) -> int:
    """`dim` counted from the front. A 0-d tensor is treated as having one dim, as PyTorch does."""
    try:
        d = operator.index(dim)
    except TypeError:
        raise TypeError(f"{op}(): argument 'dim' must be int, not {type(dim).__name__}") from None
    n = max(ndim, 1)
    if not -n <= d < n:
        raise IndexError(f"{op}: Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {d})")
    return d % n


def wrap_dims(dims: Any, ndim: int, op: str) -> tuple[int, ...]:
    """`None`, an int or a sequence of ints as a tuple of distinct non-negative dims; `None` and `()` mean all."""
    if dims is None:
        return tuple(range(ndim))
    if not isinstance(dims, (tuple, list)):
        return (wrap_dim(dims, ndim, op),) if ndim else _scalar_dims((dims,), op)
    if len(dims) == 0:
        return tuple(range(ndim))
    if ndim == 0:
        return _scalar_dims(dims, op)
    found = tuple(wrap_dim(d, ndim, op) for d in dims)
    if len(set(found)) != len(found):
        raise RuntimeError(f"{op}: dim {next(d for d in found if found.count(d) > 1)} appears multiple times in the list of dims")
    return found


def _scalar_dims(dims: Sequence[int], op: str) -> tuple[int, ...]:
    for d in dims:
        wrap_dim(d, 0, op)
    return ()


def broadcast(shapes: Iterable[Shape], op: str) -> Shape:
    """The common shape of `shapes` under NumPy's rule; RuntimeError in PyTorch's words where there is none."""
    shapes = list(shapes)
    ndim = max((len(s) for s in shapes), default=0)
    out = [1] * ndim
    for s in shapes:
        lead = ndim - len(s)
        for i, n in enumerate(s):
            have = out[lead + i]
            if n != 1 and have != n:
                if have != 1:
                    raise RuntimeError(
                        f"{op}: The size of tensor a ({have}) must match the size of tensor b ({n}) at non-singleton dimension {lead + i}; "
                        f"got shapes {', '.join(str(list(x)) for x in shapes)}"
                    )
                out[lead + i] = n
    return tuple(out)


def contiguous_strides(shape: Shape) -> tuple[int, ...]:
    """Row-major strides, in elements, as PyTorch computes them (a dim of size 0 counts as 1)."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def as_shape(sizes: Any, op: str) -> Shape:
    """Sizes as given by a user (ints, one sequence, a Size) as a tuple of non-negative ints."""
    if isinstance(sizes, int):
        sizes = (sizes,)
    try:
        shape = tuple(operator.index(n) for n in sizes)
    except TypeError:
        raise TypeError(f"{op}(): argument 'size' must be a tuple of ints, got {sizes!r}") from None
    if any(n < 0 for n in shape):
        raise RuntimeError(f"{op}: Trying to create tensor with negative dimension {min(shape)}: {list(shape)}")
    return shape


def infer_shape(shape: Any, numel: int, op: str) -> Shape:
    """`shape` with its one -1 replaced by what makes it hold `numel` elements."""
    shape = tuple(operator.index(n) for n in shape)
    unknown = [i for i, n in enumerate(shape) if n == -1]
    if len(unknown) > 1:
        raise RuntimeError(f"{op}: only one dimension can be inferred")
    if any(n < -1 for n in shape):
        raise RuntimeError(f"{op}: invalid shape dimension {min(shape)}")
    known = prod(n for n in shape if n != -1)
    if unknown:
        if known == 0:
            raise RuntimeError(
                f"{op}: cannot reshape tensor of {numel} elements into shape {list(shape)} because the unspecified dimension "
                "size -1 can be any value"
            )
        if numel % known == 0:
            i = unknown[0]
            return shape[:i] + (numel // known,) + shape[i + 1 :]
    elif known == numel:
        return shape
    raise RuntimeError(f"{op}: shape '{list(shape)}' is invalid for input of size {numel}")
