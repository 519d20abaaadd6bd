"""`Tensor`: a handle on a storage. What it can do comes from the ops; what it *is* is here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.device import as_device, device
from ..core.dtypes import dtype
from ..core.shapes import Size, contiguous_strides
from ..engine.segment import Storage, settle
from ..graph.memo import memoize
from ..graph.op import cast
from ..graph.symbol import Symbol, Type
from . import _construct, printing
from ._gradient import Gradient
from ._lens import Lens
from .apply import bind, read, view_array, wrap, wrap_array, write
from .conversions import Conversions
from .indexing import Indexing
from .interop import Interop


class Tensor(Gradient, Indexing, Interop, Conversions):
    """A multi-dimensional array with PyTorch's API.

    Made by functions such as `tensor`, `zeros` and `randn`; `Tensor(data)` and `Tensor(2, 3)` give the default float dtype.
    """

    __slots__ = ("_storage", "_lens", "__dict__", "__weakref__")
    _storage: Storage
    _lens: Lens | None
    _grad: Tensor | None = None
    _base: Tensor | None = None
    _hooks: Any = None
    _accumulated_hooks: Any = None
    _retains_grad = False
    __array_priority__ = 1000

    def __new__(cls, *data: Any, **kwargs: Any) -> Any:
        t = object.__new__(cls)
        source = _construct.legacy(data)
        t._storage, t._lens = source if isinstance(source, tuple) else (source._storage, source._lens)
        return t

    def __init__(self, *data: Any, **kwargs: Any) -> None:
        pass

    # --- what it is -----------------------------------------------------------------------------------------------------------

    @property
    def _type(self) -> Type:
        lens = self._lens
        return self._storage.type if lens is None or lens.view is None else lens.view.type

    @property
    def shape(self) -> Size:
        """The size of each dim."""
        return Size(self._type.shape)

    @property
    def dtype(self) -> dtype:
        """The element type."""
        return self._type.dtype

    @property
    def device(self) -> device:
        """Where the memory is."""
        return self._type.device

    @property
    def layout(self) -> Any:
        """Always `strided`."""
        return _construct.strided

    @property
    def ndim(self) -> int:
        """The number of dims."""
        return len(self._type.shape)

    @property
    def itemsize(self) -> int:
        """Bytes an element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.numel() * self.dtype.itemsize

    @property
    def names(self) -> tuple[None, ...]:
        """Names of dims; always unnamed."""
        return (None,) * self.ndim

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dim."""
        return self.shape if dim is None else self.shape[_construct.dim_index(dim, self.ndim, "size")]

    def dim(self) -> int:
        """The number of dims."""
        return self.ndim

    ndimension = dim

    def numel(self) -> int:
        """The number of elements."""
        return self.shape.numel()

    nelement = numel

    def element_size(self) -> int:
        """Bytes an element."""
        return self.dtype.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """Elements to step over in memory for the next index of each dim (or of one)."""
        strides = self._strides()
        return strides if dim is None else strides[_construct.dim_index(dim, self.ndim, "stride")]

    def _strides(self) -> tuple[int, ...]:
        lens = self._lens
        return lens.view.strides if lens is not None and lens.view is not None else contiguous_strides(self._storage.type.shape)

    def storage_offset(self) -> int:
        """Where the first element lies in the storage, in elements."""
        lens = self._lens
        return lens.view.offset if lens is not None and lens.view is not None else 0

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether elements lie in row-major order without gaps."""
        shape = self.shape
        if memory_format is not None and str(memory_format).startswith("torch.channels_last"):
            return False if self.ndim < 4 else _construct.is_channels_last(shape, self._strides())
        return 0 in shape or all(n == 1 or a == b for n, a, b in zip(shape, self._strides(), contiguous_strides(shape), strict=True))

    def is_floating_point(self) -> bool:
        """Whether the dtype is a real floating-point one."""
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return self.dtype.is_complex

    def is_signed(self) -> bool:
        """Whether the dtype has negative values."""
        return self.dtype.is_signed

    is_cuda = is_sparse = is_quantized = is_mps = is_xpu = is_meta = is_nested = is_mkldnn = False
    is_cpu = True

    def is_inference(self) -> bool:
        """Whether the tensor was made in inference mode."""
        return False

    def is_pinned(self) -> bool:
        """Whether the memory is page-locked; never, on the CPU."""
        return False

    def is_shared(self) -> bool:
        """Whether the memory is shared between processes."""
        return bool(self.__dict__.get("_process_shared"))

    def data_ptr(self) -> int:
        """The address of the first element."""
        settle(self._storage)
        return self._storage.buffer.ctypes.data + self.storage_offset() * self.dtype.itemsize

    def get_device(self) -> int:
        """-1 on the CPU."""
        return -1

    @property
    def _version(self) -> int:
        return self._storage.version

    # --- autograd -------------------------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to or through this tensor."""
        lens = self._lens
        if lens is not None:
            if lens.variable:
                return True
            if lens.detached or self.dtype.category < dt.FLOAT:
                return False
            if lens.root is not None:
                return True
        st = self._storage
        return st.symbol.needs_grad if st.symbol is not None else st.history is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Make this leaf a variable (or no longer one). Only floating and complex tensors can be.

        >>> import powerhouse as torch
        >>> torch.zeros(2).requires_grad_().requires_grad
        True
        """
        if requires_grad == self.requires_grad:
            return self
        lens = self._lens
        if not requires_grad:
            if not self.is_leaf:
                raise RuntimeError("requires_grad_: you can only change requires_grad flags of leaf variables. Use detach() instead.")
            assert lens is not None
            self._lens = Lens(lens.view, detached=True) if lens.view is not None or self._storage.history is not None else None
            return self
        if self.dtype.category < dt.FLOAT:
            raise RuntimeError(f"requires_grad_: only Tensors of floating point and complex dtype can require gradients, got {self.dtype}")
        self._lens = Lens(lens.view if lens is not None else None, variable=True)
        self._storage.is_variable = True
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether this tensor was not made by an op that gradients flow through."""
        lens = self._lens
        return (lens is not None and lens.variable) or not self.requires_grad

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient; None until a backward has reached this tensor."""
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"grad: assigned grad expected to be a Tensor or None but got {type(value).__name__}")
            if value.shape != self.shape:
                raise RuntimeError(
                    f"grad: assigned grad has data of a different size: got {list(value.shape)}, expected {list(self.shape)}"
                )
            if value.dtype is not self.dtype:
                raise RuntimeError(f"grad: assigned grad has data of a different type: got {value.dtype}, expected {self.dtype}")
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def output_nr(self) -> int:
        """Which output of its op this tensor is."""
        return 0

    @property
    def data(self) -> Tensor:
        """This tensor's memory without its history."""
        return self.detach()

    @data.setter
    def data(self, other: Tensor) -> None:
        lens = other._lens
        variable = self._lens is not None and self._lens.variable
        self._storage = other._storage
        view = lens.view if lens is not None else None
        self._lens = Lens(view, variable=variable, detached=True) if variable or view is not None or other.requires_grad else None
        self._storage.is_variable |= variable

    def detach(self) -> Tensor:
        """The same memory, through which no gradient flows.

        >>> import powerhouse as torch
        >>> torch.ones(2, requires_grad=True).detach().requires_grad
        False
        """
        t = object.__new__(Tensor)
        t._storage = self._storage
        t._lens = Lens(self._lens.view if self._lens is not None else None, detached=True)
        t._base = self._base
        return t

    def detach_(self) -> Tensor:
        """Detach in place."""
        self._lens = Lens(self._lens.view if self._lens is not None else None, detached=True)
        return self

    # --- its values -----------------------------------------------------------------------------------------------------------

    def _array(self) -> Any:
        """The values as a NumPy array, possibly sharing memory: for reading only, at once."""
        settle(self._storage)
        buffer, lens = self._storage.buffer, self._lens
        return buffer if lens is None or lens.view is None else view_array(buffer, lens.view)

    def item(self) -> Any:
        """The only element as a Python number. Raises RuntimeError where there is not exactly one.

        >>> import powerhouse as torch
        >>> torch.tensor([2.5]).item()
        2.5
        """
        if self.numel() != 1:
            raise RuntimeError(f"item: a Tensor with {self.numel()} elements cannot be converted to Scalar")
        value = self._array().reshape(-1)[0]
        return value.item() if self.dtype.itemsize > 2 or self.dtype.category < dt.FLOAT else float(value)

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        a = self._array()
        return (a.astype(np.float32) if self.dtype.compute is not self.dtype else a).tolist()

    def __bool__(self) -> bool:
        if self.numel() != 1:
            what = (
                "Boolean value of Tensor with no values is ambiguous"
                if self.numel() == 0
                else "Boolean value of Tensor with more than one value is ambiguous"
            )
            raise RuntimeError(what)
        return bool(self._array().reshape(-1)[0])

    def __int__(self) -> int:
        return int(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __complex__(self) -> complex:
        return complex(self.item())

    def __index__(self) -> int:
        if self.dtype.category > dt.INTEGER or self.numel() != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self._type.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, element: Any) -> bool:
        return bool((self == element).any())

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        grad_fn = self.grad_fn
        return printing.format_tensor(
            self._array(),
            self.dtype,
            requires_grad=self.requires_grad,
            grad_fn=grad_fn.name() if grad_fn is not None else None,
            default_dtype=dt.default_float(),
        )

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.ndim == 0 and type(self) is Tensor else object.__format__(self, spec)

    # --- copies and conversions -----------------------------------------------------------------------------------------------

    def to(self, *args: Any, **kwargs: Any) -> Tensor:
        """This tensor with another dtype (or device, or those of another tensor); itself where nothing changes.

        >>> import powerhouse as torch
        >>> torch.arange(2).to(torch.float64)
        tensor([0., 1.], dtype=torch.float64)
        """
        target, copy = _construct.parse_to(args, kwargs)
        if target is not None and target is not self.dtype:
            return self._cast(target)
        return self.clone() if copy else self

    def _cast(self, target: dtype) -> Tensor:
        return wrap(_cast(read(self), target))

    def type(self, target: Any = None) -> Any:
        """The name of the tensor's type, or this tensor in another dtype."""
        if target is None:
            return f"torch.{_construct.TYPE_NAMES[self.dtype]}"
        return self.to(_construct.dtype_of_type_name(target))

    def cpu(self, memory_format: Any = None) -> Tensor:
        """This tensor on the CPU."""
        return self

    def cuda(self, device: Any = None, non_blocking: bool = False) -> Tensor:
        """This tensor on a GPU; refused where there is none."""
        as_device("cuda" if device is None else device, "cuda")
        return self

    def contiguous(self, memory_format: Any = None) -> Tensor:
        """This tensor if it lies in row-major order, else a copy that does."""
        return self if self.is_contiguous() else self.clone()

    def new_tensor(self, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        """A tensor of `data` with this one's dtype."""
        return _construct.tensor(data, dtype=dtype or self.dtype, requires_grad=requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if id(self) in memo:
            return memo[id(self)]
        if not self.is_leaf:
            raise RuntimeError(
                "deepcopy: only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment"
            )
        t = object.__new__(type(self))
        source = wrap_array(np.array(self._array(), order="C"), Type(tuple(self.shape), self.dtype))
        t._storage, t._lens = source._storage, Lens(None, variable=True) if self.requires_grad else None
        t._storage.is_variable = self.requires_grad
        memo[id(self)] = t
        for name, value in self.__dict__.items():
            if name not in ("_hooks", "_base", "_accumulated_hooks") and not (name == "_grad" and isinstance(self, Parameter)):
                t.__dict__[name] = _construct.deepcopy(value, memo)
        return t

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _construct.rebuild, (type(self), np.array(self._array(), order="C"), self.dtype, self.requires_grad and self.is_leaf)

    # --- the base of in-place ops -----------------------------------------------------------------------------------------------

    def _set(self, value: Symbol, op: str) -> Tensor:
        write(self, value, op)
        return self

    def _accumulate(self, g: Symbol, create_graph: bool) -> None:
        """Add a gradient to `.grad`: how `backward` ends at a leaf."""
        if self._lens is not None:
            self._lens.token = None  # a later use is a new variable: its graph is not the freed one
        have = self._grad
        if have is None:
            self._grad = wrap(g)
        elif create_graph or have.requires_grad:
            self._grad = wrap(read(have) + g)
        else:
            write(have, read(have) + g, "grad")


@memoize
def _cast(s: Symbol, target: dtype) -> Symbol:
    return cast(s, target)


class Parameter(Tensor):
    """A tensor that is a module's parameter: it appears in `Module.parameters()`, and requires grad by default.

    >>> import powerhouse as torch
    >>> torch.nn.Parameter(torch.zeros(2)).requires_grad
    True
    """

    __slots__ = ()

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
        if data is None:
            data = _construct.tensor([], dtype=dt.default_float())
        if not isinstance(data, Tensor):
            raise TypeError(f"Parameter: data must be a Tensor, got {type(data).__name__}")
        t = object.__new__(cls)
        view = data._lens.view if data._lens is not None else None
        t._storage = data._storage
        if requires_grad and data.dtype.category < dt.FLOAT:
            raise RuntimeError(f"Parameter: only Tensors of floating point and complex dtype can require gradients, got {data.dtype}")
        t._lens = Lens(view, variable=requires_grad, detached=True) if requires_grad or view is not None or data.requires_grad else None
        t._storage.is_variable |= requires_grad
        return t

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return "Parameter containing:\n" + super().__repr__()


bind(Tensor, Parameter)
__all__ = ["Parameter", "Tensor"]
