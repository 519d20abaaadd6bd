"""Parametrizations: a parameter computed from others by modules, at every use."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from typing import Any

from ...autograd import no_grad
from ...tensors import Tensor
from ..containers import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "type_before_parametrizations",
]

_cache: dict[tuple[int, str], Tensor] = {}
_cache_users = 0


@contextlib.contextmanager
def cached() -> Iterator[None]:
    """Within this context every parametrized tensor is computed once."""
    global _cache_users
    _cache_users += 1
    try:
        yield
    finally:
        _cache_users -= 1
        if not _cache_users:
            _cache.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in order, and what they start from: `original`, or `original0`, `original1`, ...

    Arguments: `modules`; `original`, the tensor to parametrize; `unsafe`, do not check that shape and dtype stay.
    """

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        start = self._inverse(original)
        self.is_tensor = isinstance(start, Tensor)
        starts = {"original": start} if self.is_tensor else {f"original{i}": part for i, part in enumerate(start)}
        self.ntensors = len(starts)
        for name, part in starts.items():
            if part is None:
                continue
            if isinstance(original, Parameter):
                part = original if part is original else Parameter(part.detach(), requires_grad=original.requires_grad)
                self.register_parameter(name, part)
            else:
                self.register_buffer(name, part)
        if not unsafe:
            _check_same_kind(self(), original, "The parametrized tensor")

    def _inverse(self, value: Tensor) -> Any:
        """What the parametrizations must start from to give `value`, as far as they have a `right_inverse`."""
        result: Any = value
        with no_grad():
            for module in reversed(list(self)):
                if hasattr(module, "right_inverse"):
                    result = module.right_inverse(result)
        return result

    def _starts(self) -> list[Tensor]:
        names = ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]
        return [getattr(self, name, None) for name in names]

    def right_inverse(self, value: Tensor) -> None:
        """Set what the parametrizations start from so that they give `value`, where they can be inverted."""
        start = self._inverse(value)
        with no_grad():
            for target, part in zip(self._starts(), [start] if self.is_tensor else start, strict=True):
                target.copy_(part)

    def forward(self) -> Tensor:
        result: Any = self[0](*self._starts())
        for module in list(self)[1:]:
            result = module(result)
        return result


def _check_same_kind(got: Any, wanted: Tensor, what: str) -> None:
    if not isinstance(got, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(got).__name__}.")
    if got.shape != wanted.shape or got.dtype != wanted.dtype:
        raise ValueError(
            f"{what} must keep shape and dtype unless unsafe=True: got {tuple(got.shape)}, {got.dtype}, "
            f"expected {tuple(wanted.shape)}, {wanted.dtype}"
        )


def register_parametrization(module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False) -> Module:
    """Make the parameter or buffer `tensor_name` of `module` the output of `parametrization` of what it was.

    A `right_inverse` of the parametrization, where it has one, finds what to start from, so that the value stays; it may
    return several tensors, which `forward` then takes. Returns the module, whose class becomes `Parametrized...`.

    >>> import powerhouse as torch
    >>> class Symmetric(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).transpose(-1, -2)
    >>> layer = register_parametrization(torch.nn.Linear(3, 3), "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.t()).all())
    True
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        existing = module.parametrizations[tensor_name]
        before = getattr(module, tensor_name)
        if not unsafe:
            _check_same_kind(parametrization(before), before, "The parametrized tensor")
        if hasattr(parametrization, "right_inverse"):
            existing.right_inverse(parametrization.right_inverse(before.detach()))
        existing.append(parametrization)
        existing.unsafe |= unsafe
        return module
    if tensor_name not in module._parameters and tensor_name not in module._buffers:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name '{tensor_name}'"
        )
    chain = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        module.__class__ = _parametrized_class(type(module))
        module.parametrizations = ModuleDict()
    setattr(type(module), tensor_name, _computed(tensor_name))
    module.parametrizations[tensor_name] = chain
    return module


def _parametrized_class(base: type) -> type:
    """A subclass for one module, which can carry that module's properties."""

    def refuse(self: Any, protocol: Any) -> Any:
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict(). See the documentation of "
            "`Module.load_state_dict`."
        )

    def copied(self: Any, memo: dict[int, Any]) -> Any:
        return _copied(self, memo)

    return type(f"Parametrized{base.__name__}", (base,), {"__reduce_ex__": refuse, "__deepcopy__": copied, "_unparametrized": base})


def _copied(module: Any, memo: dict[int, Any]) -> Any:
    """A deep copy with a class of its own."""
    twin = module.__new__(type(module)._unparametrized)
    memo[id(module)] = twin
    twin.__dict__.update({name: copy.deepcopy(value, memo) for name, value in module.__dict__.items()})
    twin.__class__ = _parametrized_class(type(module)._unparametrized)
    for name in twin.parametrizations:
        setattr(type(twin), name, _computed(name))
    return twin


def _computed(name: str) -> property:
    """The property that stands for a parametrized tensor."""

    def get(self: Any) -> Tensor:
        chain = self.parametrizations[name]
        if not _cache_users:
            return chain()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = chain()
        return _cache[key]

    def set(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(get, set)


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether the module, or its tensor of this name, is parametrized."""
    chains = module._modules.get("parametrizations")
    if not isinstance(chains, ModuleDict):
        return False
    return len(chains) > 0 if tensor_name is None else tensor_name in chains


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make `tensor_name` an ordinary parameter or buffer again, with its present value or (else) with the original one.

    Errors: ValueError where it is not parametrized, or where the original cannot be kept because it is several tensors.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    chain = module.parametrizations[tensor_name]
    if not leave_parametrized and not chain.is_tensor:
        raise ValueError("leave_parametrized=False is only supported for parametrizations that start from one tensor")
    start = chain._starts()[0]
    with no_grad():
        value = getattr(module, tensor_name).detach().clone() if leave_parametrized else start
    if isinstance(start, Parameter):
        value = value if value is start else Parameter(value, requires_grad=start.requires_grad)
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    if not len(module.parametrizations):
        delattr(module, "parametrizations")
        module.__class__ = type(module)._unparametrized
    if isinstance(value, Parameter):
        module.register_parameter(tensor_name, value)
    else:
        module.register_buffer(tensor_name, value)
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class of the module without its parametrizations."""
    return type(module)._unparametrized if is_parametrized(module) else type(module)
