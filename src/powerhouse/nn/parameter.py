"""Parameters and buffers, and their kinds without a shape yet, for lazy modules."""

from __future__ import annotations

from typing import Any

from ..autograd import no_grad
from ..tensors import Parameter, Tensor
from ..tensors import functions as ph

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "is_lazy"]


class Buffer(Tensor):
    """A tensor that a module registers as a buffer when it is assigned as an attribute.

    Arguments: `data`, its values (empty where None); `persistent`, whether it belongs to the state dict.
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        buffer = Tensor.__new__(cls, (ph.empty(0) if data is None else data).detach())
        buffer.persistent = persistent
        return buffer

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        """All is done by `__new__`."""


class _Uninitialized:
    """What a tensor without a shape can and cannot do: `materialize` gives it a shape, and with it its real class."""

    __slots__ = ()
    _becomes: type
    data: Any

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Allocate the values and turn into an ordinary parameter or buffer.

        Arguments: `shape`; `device` and `dtype`, those given at creation where None.
        """
        with no_grad():
            self.data = ph.empty(shape, device=device or self.data.device, dtype=dtype or self.data.dtype)
        self.__class__ = self._becomes

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in `load_state_dict` when "
            "trying to load an uninitialized parameter into an initialized one. Call `forward` to initialize the parameters before "
            "accessing their attributes."
        )

    def share_memory_(self) -> Any:
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize the parameters before calling "
            "`module.share_memory()`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            kind: Any = type(self)
            memo[id(self)] = kind(self.requires_grad, self.data.device, self.data.dtype)
        return memo[id(self)]


class UninitializedParameter(_Uninitialized, Parameter):
    """A parameter whose shape is found out at the first call of its lazy module."""

    __slots__ = ()
    _becomes = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> UninitializedParameter:
        return Parameter.__new__(cls, ph.empty(0, device=device, dtype=dtype), requires_grad)

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        """All is done by `__new__`."""


class UninitializedBuffer(_Uninitialized, Tensor):
    """A buffer whose shape is found out at the first call of its lazy module."""

    __slots__ = ()
    _becomes = Tensor

    def __new__(cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True) -> UninitializedBuffer:
        buffer = Tensor.__new__(cls, ph.empty(0, device=device, dtype=dtype))
        buffer.persistent = persistent
        return buffer

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True) -> None:
        """All is done by `__new__`."""


def is_lazy(tensor: Any) -> bool:
    """Whether a parameter or buffer has no shape yet."""
    return isinstance(tensor, _Uninitialized)
