"""What changes a tensor's own shape, properties that are views, and functions that give views of several tensors."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.shapes import Size, as_shape, broadcast, contiguous_strides
from ..engine.segment import RECORDER, Storage, settle
from ..graph.op import REGISTRY
from ..graph.symbol import Type
from ._tensor import Tensor
from .apply import apply, check_leaf, is_tensor, wrap_array


def _op(name: str, *args: Any) -> Any:
    return apply(REGISTRY[name], args)


# --- properties -------------------------------------------------------------------------------------------------------------------

# Properties of Tensor that are view ops.
PROPERTIES = {"T": "numpy_transpose", "mT": "matrix_transpose", "H": "conjugate_transpose", "mH": "adjoint"}


def _property(op: str) -> property:
    return property(lambda self: apply(REGISTRY[op], (self,)), doc=REGISTRY[op].doc)


# --- other ways to look at the storage --------------------------------------------------------------------------------------------


def as_strided(input: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A view of the storage of `input`: element `index` lies at `storage_offset + sum(index * stride)`.

    Args:
        size, stride: ints, one a dim; elements may overlap.
        storage_offset: the offset of `input` itself where None.

    >>> import powerhouse as torch
    >>> torch.arange(5).as_strided((3, 2), (1, 2))
    tensor([[0, 2],
            [1, 3],
            [2, 4]])
    """
    offset = input.storage_offset() if storage_offset is None else storage_offset
    base = input if input._base is None else input._base
    if base is not input and base.requires_grad and not input.requires_grad:
        base = base.detach()
    return _op("as_strided", base, size, stride, offset)


def _looks_as(x: Tensor, view: Tensor) -> Tensor:
    """Have `x` look at its storage as `view`, which is a view of it, does."""
    x._lens, x._base = view._lens, view._base
    return x


def _in_place(name: str) -> Callable[..., Tensor]:
    """The method that turns a tensor into its own view by the op `name`."""

    def method(self: Tensor, *args: Any) -> Tensor:
        if RECORDER.now.grad:
            check_leaf(self, name + "_")
        view = getattr(self, name)(*args)
        if view._storage is not self._storage:
            raise RuntimeError(f"{name}_: the result cannot be a view of shape {list(view.shape)} of this tensor's memory")
        return _looks_as(self, view)

    method.__name__ = method.__qualname__ = name + "_"
    method.__doc__ = f"`{name}` in place: the tensor looks at the same memory in its new shape."
    return method


IN_PLACE = ("squeeze", "unsqueeze", "transpose", "swapaxes", "swapdims", "t", "as_strided")


def resize_(self: Tensor, *sizes: Any, memory_format: Any = None) -> Tensor:
    """Change the shape in place; elements keep their order in memory, and new ones are zero."""
    shape = as_shape(sizes[0] if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes, "resize_")
    if self.requires_grad:
        raise RuntimeError("resize_: cannot resize variables that require grad")
    if shape == tuple(self.shape):
        return self
    st, offset = self._storage, self.storage_offset()
    settle(st)
    memory = np.ascontiguousarray(st.buffer).reshape(-1)
    missing = offset + prod(shape) - memory.size
    if missing > 0 and st.is_shared:
        raise RuntimeError(
            f"resize_: Trying to resize storage that is not resizable: {memory.size} elements shared with NumPy, "
            f"{offset + prod(shape)} needed"
        )
    if self._lens is None and missing <= 0 and prod(shape) == memory.size:
        st.buffer, st.type = st.buffer.reshape(shape), Type(shape, self.dtype)
    else:
        st.buffer = np.concatenate([memory, np.zeros(max(missing, 0), memory.dtype)])
        st.type = Type(st.buffer.shape, self.dtype)
        view = _op("as_strided", wrap_around(st), shape, contiguous_strides(shape), offset)
        self._lens = view._lens
    st.token = object()
    return self


def wrap_around(st: Storage) -> Tensor:
    """A tensor that is the whole of a storage."""
    t = object.__new__(Tensor)
    t._storage, t._lens = st, None
    return t


def resize_as_(self: Tensor, other: Tensor, memory_format: Any = None) -> Tensor:
    """Change the shape in place to that of `other`."""
    return resize_(self, tuple(other.shape))


def set_(self: Tensor, source: Tensor) -> Tensor:
    """Have this tensor look at the memory of `source`, as `source` does."""
    if source.dtype is not self.dtype:
        raise RuntimeError(f"set_: Could not set tensor of type {source.dtype} to a tensor of type {self.dtype}")
    if self.requires_grad:
        raise RuntimeError("set_: cannot set the memory of a variable that requires grad")
    self._storage, self._lens, self._base = source._storage, source._lens, source._base
    return self


def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both tensors look at the same memory in the same way."""
    return (
        self._storage is tensor._storage
        and self.shape == tensor.shape
        and self.stride() == tensor.stride()
        and self.storage_offset() == tensor.storage_offset()
    )


def is_view(self: Tensor) -> bool:
    """Whether this tensor looks at the memory of another."""
    return self._base is not None


def fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Write `fill_value` on the main diagonal (of all dims, which must then be equal); `wrap` starts it again below a tall matrix.

    >>> import powerhouse as torch
    >>> torch.zeros(2, 3).fill_diagonal_(5)
    tensor([[5., 0., 0.],
            [0., 5., 0.]])
    """
    if self.ndim < 2:
        raise RuntimeError(f"fill_diagonal_: dimensions must larger than 1, got {self.ndim}")
    if self.ndim > 2 and len(set(self.shape)) != 1:
        raise RuntimeError(f"fill_diagonal_: all dimensions of input must be of equal length, got {list(self.shape)}")
    strides = self.stride()
    step, n = sum(strides), min(self.shape)
    as_strided(self, (n,), (step,)).fill_(fill_value)
    if wrap and self.ndim == 2 and self.shape[0] > self.shape[1] + 1:
        for row in range(self.shape[1] + 1, self.shape[0], self.shape[1] + 1):
            self[row:].fill_diagonal_(fill_value)
    return self


# --- several tensors --------------------------------------------------------------------------------------------------------------


def _all(tensors: tuple[Any, ...], op: str) -> tuple[Tensor, ...]:
    given = tuple(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)) else tensors
    for t in given:
        if not is_tensor(t):
            raise TypeError(f"{op}(): expected Tensors, got {type(t).__name__}")
    return given


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """`tensors` expanded to the shape they broadcast to, as views.

    >>> import powerhouse as torch
    >>> [t.shape for t in torch.broadcast_tensors(torch.zeros(2, 1), torch.zeros(3))]
    [torch.Size([2, 3]), torch.Size([2, 3])]
    """
    given = _all(tensors, "broadcast_tensors")
    shape = broadcast((tuple(t.shape) for t in given), "broadcast_tensors")
    return tuple(t.expand(shape) for t in given)  # type: ignore[attr-defined]


def broadcast_shapes(*shapes: Any) -> Any:
    """The shape that `shapes` (sequences or ints) broadcast to.

    >>> import powerhouse as torch
    >>> torch.broadcast_shapes((2, 1), (3,))
    torch.Size([2, 3])
    """
    from_ints = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    return Size(broadcast(from_ints, "broadcast_shapes"))


def _at_least(ndim: int) -> Callable[..., Any]:
    def function(*tensors: Any) -> Any:
        given = _all(tensors, f"atleast_{ndim}d")
        shaped = tuple(_grown(t, ndim) for t in given)
        return shaped[0] if len(tensors) == 1 and is_tensor(tensors[0]) else shaped

    function.__name__ = function.__qualname__ = f"atleast_{ndim}d"
    function.__doc__ = f"A view of the tensor (or a tuple of views of several) with at least {ndim} dim{'s' * (ndim > 1)}."
    return function


def _grown(t: Tensor, ndim: int) -> Tensor:
    shapes = {(0, 1): (1,), (0, 2): (1, 1), (0, 3): (1, 1, 1), (1, 2): (1, *t.shape), (1, 3): (1, *t.shape, 1), (2, 3): (*t.shape, 1)}
    return t if t.ndim >= ndim else t.reshape(shapes[t.ndim, ndim])  # type: ignore[attr-defined]


atleast_1d, atleast_2d, atleast_3d = map(_at_least, (1, 2, 3))


def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """Coordinate grids of vectors: output `i` has the elements of vector `i` along dim `i`, as a view.

    Args:
        indexing: "ij" (matrix order, the default), or "xy", which exchanges the first two dims.

    >>> import powerhouse as torch
    >>> torch.meshgrid(torch.tensor([1, 2]), torch.tensor([3, 4]), indexing="ij")[1]
    tensor([[3, 4],
            [3, 4]])
    """
    given = _all(tensors, "meshgrid")
    if not given:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    for t in given:
        if t.ndim > 1:
            raise RuntimeError(f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {list(t.shape)}")
        if t.dtype is not given[0].dtype:
            raise RuntimeError(f"torch.meshgrid expects all tensors to have the same dtype, got {t.dtype} and {given[0].dtype}")
    swap = indexing == "xy" and len(given) >= 2
    if swap:
        given = (given[1], given[0], *given[2:])
    shape = tuple(t.numel() for t in given)
    grids = [t.reshape(tuple(n if k == i else 1 for k, n in enumerate(shape))).expand(shape) for i, t in enumerate(given)]  # type: ignore[attr-defined]
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


def cartesian_prod(*tensors: Any) -> Tensor:
    """Every choice of one element of each vector: (product of sizes, number of vectors); one vector alone as it is.

    >>> import powerhouse as torch
    >>> torch.cartesian_prod(torch.tensor([1, 2]), torch.tensor([3, 4]))
    tensor([[1, 3],
            [1, 4],
            [2, 3],
            [2, 4]])
    """
    given = _all(tensors, "cartesian_prod")
    for t in given:
        if t.ndim != 1:
            raise RuntimeError(f"cartesian_prod: Expect a 1D vector, but got shape {list(t.shape)}")
    if len(given) == 1:
        return given[0]
    return _op("stack", [_op("flatten", g) for g in meshgrid(*given, indexing="ij")], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """Every combination of `r` elements of a vector, in the order of `itertools.combinations`: (count, r).

    >>> import powerhouse as torch
    >>> torch.combinations(torch.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    if input.ndim != 1:
        raise RuntimeError(f"combinations: Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"combinations: Expect a non-negative number, but got {r}")
    if r == 0:
        return wrap_array(np.empty(0, input.dtype.numpy), Type((0,), input.dtype))
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = np.array(list(choose(range(len(input)), r)), np.int64).reshape(-1, r)
    return _op("take", input, wrap_array(rows, Type(rows.shape, dt.int64)))


def _triangle_indices(name: str, lower: bool) -> Callable[..., Tensor]:
    def function(row: int, col: int, offset: int = 0, *, dtype: Any = dt.int64, device: Any = None, layout: Any = None) -> Tensor:
        if row < 0 or col < 0:
            raise RuntimeError(f"{name}: row and col must be non-negative, got {row} and {col}")
        found = dt.as_dtype(dtype, name)
        place = np.stack(np.tril_indices(row, offset, col) if lower else np.triu_indices(row, offset, col))
        return wrap_array(place.astype(found.numpy), Type(place.shape, found))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The positions of the {'lower' if lower else 'upper'} triangle of a `row` x `col` matrix, row by row: (2, count)."
    return function


tril_indices, triu_indices = _triangle_indices("tril_indices", True), _triangle_indices("triu_indices", False)

for _name, _operation in PROPERTIES.items():
    setattr(Tensor, _name, _property(_operation))
for _name in IN_PLACE:
    setattr(Tensor, _name + "_", _in_place(_name))
for _method in (as_strided, resize_, resize_as_, fill_diagonal_, set_, is_set_to):
    setattr(Tensor, _method.__name__, _method)
Tensor._is_view = is_view  # type: ignore[attr-defined]

__all__ = [
    "as_strided",
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_shapes",
    "broadcast_tensors",
    "cartesian_prod",
    "combinations",
    "meshgrid",
    "tril_indices",
    "triu_indices",
]
