"""`Module`, the base of all layers and models: a tree of named parameters, buffers and submodules with a `forward`."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from typing import Any

from ..autograd import no_grad
from ..core.dtypes import dtype as DType
from ..tensors import Tensor
from ..tensors import functions as ph
from . import _hooks
from ._hooks import (
    GLOBAL_ANY,
    HookTable,
    RemovableHandle,
    add_hook,
    call_with_hooks,
    register_module_buffer_registration_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from ._state_dict import StateDictMixin
from ._traversal import TraversalMixin
from .parameter import Buffer, Parameter

__all__ = [
    "Module",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

_HOOK_TABLES = (
    "_backward_pre_hooks",
    "_backward_hooks",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)


class _Member:
    """A registered parameter, buffer or submodule, as a class knows it that has seen one of that name: see `Module._learn`."""

    __slots__ = ("kind", "table", "name")

    def __init__(self, kind: builtins.type, table: str, name: str) -> None:
        self.kind, self.table, self.name = kind, table, name

    def __get__(self, module: Any, owner: Any = None) -> Any:
        if module is None:
            raise AttributeError(f"type object '{owner.__name__}' has no attribute '{self.name}'")
        try:
            return module.__dict__[self.table][self.name]
        except KeyError:  # not a member here: look on as if this did not stand in the class
            return getattr(super(self.kind, module), self.name)


class Module(TraversalMixin, StateDictMixin):
    """Base class of every layer and model.

    Parameters, buffers and modules that are assigned as attributes are registered under the attribute's name. A subclass
    defines `forward`; calling the module runs it, together with the hooks that are registered.

    >>> import powerhouse as torch
    >>> class Net(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.layer = torch.nn.Linear(2, 1)
    ...     def forward(self, x):
    ...         return self.layer(x).relu()
    >>> Net()(torch.zeros(5, 2)).shape
    torch.Size([5, 1])
    """

    dump_patches = False
    call_super_init = False
    training: bool
    _is_full_backward_hook: bool | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init and (args or kwargs):
            name = f"{type(self).__name__}.__init__()"
            if kwargs:
                raise TypeError(f"{name} got an unexpected keyword argument '{next(iter(kwargs))}'")
            raise TypeError(f"{name} takes 1 positional argument but {len(args) + 1} were given")
        attributes = self.__dict__
        attributes["training"] = True
        attributes["_parameters"] = {}
        attributes["_buffers"] = {}
        attributes["_non_persistent_buffers_set"] = set()
        attributes["_is_full_backward_hook"] = None
        for name in _HOOK_TABLES:
            attributes[name] = HookTable()
        attributes["_modules"] = {}
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def forward(self, *args: Any) -> Any:
        """What the module computes; every subclass defines it."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._forward_hooks or self._forward_pre_hooks or self._backward_hooks or self._backward_pre_hooks or GLOBAL_ANY:
            return call_with_hooks(self, args, kwargs)
        return self.forward(*args, **kwargs)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to do: every repeated step is compiled anyway. Kept so that scripts that call it run."""

    # ---- registration ------------------------------------------------------------------------------------------------

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Make `param` this module's parameter `name` (None reserves the name).

        Errors: KeyError for a bad or taken name; TypeError where `param` is no Parameter; ValueError where it has a history.
        """
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name("parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"cannot assign '{_typename(param)}' object to parameter '{name}' (torch.nn.Parameter or None required)")
        if param is not None and param.grad_fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly. "
                f"To express '{name}' as a function of another Tensor, compute the value in the forward() method."
            )
        self._learn("_parameters", name)
        self._parameters[name] = _hooks.run_registration_hooks("parameter", self, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Make `tensor` this module's buffer `name`: state that is no parameter, such as running statistics.

        A buffer that is not `persistent` is left out of the state dict.
        """
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{_typename(tensor)}' object to buffer '{name}' (torch Tensor or None required)")
        self._learn("_buffers", name)
        self._buffers[name] = _hooks.run_registration_hooks("buffer", self, name, tensor)
        (self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Make `module` the child `name`."""
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{_typename(module)} is not a Module subclass")
        self._check_name("module", name, self._modules)
        self._learn("_modules", name)
        self._modules[name] = _hooks.run_registration_hooks("module", self, name, module)

    register_module = add_module

    def _check_name(self, kind: str, name: Any, taken: Mapping[str, Any]) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_typename(name)}")
        if hasattr(self, name) and name not in taken:
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."' + (f", got: {name}" if kind == "module" else ""))
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')

    # ---- attributes --------------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        # Reached only for what is no plain attribute. No loop: this stands before every use of a parameter.
        attributes = self.__dict__
        if "_modules" in attributes:
            if name in (table := attributes["_parameters"]):
                return table[name]
            if name in (table := attributes["_modules"]):
                return table[name]
            if name in (table := attributes["_buffers"]):
                return table[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        attributes = self.__dict__
        if isinstance(value, Parameter):
            self._require_init("parameters")
            self._forget(name, keep="_parameters")
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            self._require_init("module")
            self._forget(name, keep="_modules")
            self._learn("_modules", name)
            self._modules[name] = _hooks.run_registration_hooks("module", self, name, value)
        elif isinstance(value, Buffer):
            self._require_init("buffers")
            self._forget(name, keep="_buffers")
            self.register_buffer(name, value, value.persistent)
        elif name in attributes.get("_parameters", ()):
            self._expect_none(value, "parameter", name, "torch.nn.Parameter or None expected")
            self.register_parameter(name, None)
        elif name in attributes.get("_modules", ()):
            self._expect_none(value, "child module", name, "torch.nn.Module or None expected")
            self._modules[name] = _hooks.run_registration_hooks("module", self, name, None)
        elif name in attributes.get("_buffers", ()):
            if not isinstance(value, Tensor):
                self._expect_none(value, "buffer", name, "torch.nn.Buffer, torch.Tensor or None expected")
            self._buffers[name] = _hooks.run_registration_hooks("buffer", self, name, value)
        else:
            object.__setattr__(self, name, value)

    def _learn(self, table: str, name: str) -> None:
        """Let the class know that modules of its kind have a member `name`.

        Python asks `__getattr__` only after it has looked in vain and made an error of that, 0.4 us for every use of a layer or a
        parameter: so the class gets a descriptor, which is a shorter way to the tables and no truth of its own.
        """
        kind = builtins.type(self)
        if name.isidentifier() and not any(name in base.__dict__ for base in kind.__mro__):
            builtins.type.__setattr__(kind, name, _Member(kind, table, name))

    def _require_init(self, what: str) -> None:
        if "_modules" not in self.__dict__:
            raise AttributeError(f"cannot assign {what} before Module.__init__() call")

    def _expect_none(self, value: Any, kind: str, name: str, expected: str) -> None:
        if value is not None:
            raise TypeError(f"cannot assign '{_typename(value)}' as {kind} '{name}' ({expected})")

    def _forget(self, name: str, keep: str) -> None:
        """Drop whatever goes by this name, except in the table `keep`, so that a new kind of attribute can take it."""
        attributes = self.__dict__
        attributes.pop(name, None)
        for table in ("_parameters", "_buffers", "_modules"):
            if table != keep:
                attributes[table].pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __delattr__(self, name: str) -> None:
        for table in (self._parameters, self._buffers, self._modules):
            if name in table:
                del table[name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = [*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers]
        return sorted({name for name in names if not name[:1].isdigit()})

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        for name in _HOOK_TABLES:
            if not isinstance(self.__dict__.get(name), HookTable):
                self.__dict__[name] = HookTable(self.__dict__.get(name, ()))
        self.__dict__.setdefault("_non_persistent_buffers_set", set())
        self.__dict__.setdefault("_is_full_backward_hook", None)
        for table in ("_parameters", "_buffers", "_modules"):
            for name in self.__dict__.get(table, ()):
                self._learn(table, name)

    # ---- doing something to all --------------------------------------------------------------------------------------

    def apply(self, fn: Callable[[Module], None]) -> Module:
        """Call `fn` on every descendant, then on this module; returns the module."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Module:
        """Replace the values of all parameters, gradients and buffers by `fn` of them; parameters stay the same objects."""
        for module in self.children() if recurse else ():
            module._apply(fn)
        for param in self._parameters.values():
            if param is None:
                continue
            with no_grad():
                param.data = fn(param)
                if param.grad is not None:
                    gradient = fn(param.grad).requires_grad_(param.grad.requires_grad)
                    param.grad = gradient
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Module:
        """Move and cast all parameters and buffers: `to(device)`, `to(dtype)`, `to(device, dtype)`, `to(tensor)`.

        Only floating-point and complex tensors are cast. Keyword `non_blocking` and `memory_format` are passed on.
        Errors: TypeError for a dtype that is neither floating-point nor complex.

        >>> import powerhouse as torch
        >>> torch.nn.Linear(2, 3).to(torch.float64).weight.dtype
        torch.float64
        """
        device, dtype, options = _parse_to(args, kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}")

        def convert(tensor: Tensor) -> Tensor:
            target = dtype if tensor.is_floating_point() or tensor.is_complex() else None
            changes = {"device": device, "dtype": target, **options}
            return tensor.to(**{name: value for name, value in changes.items() if value is not None})

        return self._apply(convert)

    def to_empty(self, *, device: Any, recurse: bool = True) -> Module:
        """Move to `device` without copying the values."""
        return self._apply(lambda tensor: ph.empty_like(tensor, device=device), recurse=recurse)

    def type(self, dst_type: Any) -> Module:
        """Cast all parameters and buffers to `dst_type`."""
        return self._apply(lambda tensor: tensor.type(dst_type))

    def float(self) -> Module:
        """Cast floating-point parameters and buffers to float32."""
        return self._cast_floats("float")

    def double(self) -> Module:
        """Cast floating-point parameters and buffers to float64."""
        return self._cast_floats("double")

    def half(self) -> Module:
        """Cast floating-point parameters and buffers to float16."""
        return self._cast_floats("half")

    def bfloat16(self) -> Module:
        """Cast floating-point parameters and buffers to bfloat16."""
        return self._cast_floats("bfloat16")

    def _cast_floats(self, method: str) -> Module:
        return self._apply(lambda tensor: getattr(tensor, method)() if tensor.is_floating_point() else tensor)

    def cpu(self) -> Module:
        """Move to the CPU."""
        return self._apply(lambda tensor: tensor.cpu())

    def cuda(self, device: Any = None) -> Module:
        """Move to a CUDA device."""
        return self._apply(lambda tensor: tensor.cuda(device))

    def share_memory(self) -> Module:
        """Move all parameters and buffers to shared memory."""
        return self._apply(lambda tensor: tensor.share_memory_())

    def train(self, mode: bool = True) -> Module:
        """Set training mode, here and in all descendants."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Module:
        """Set evaluation mode: `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Say for all parameters whether they need gradients."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop all gradients, or fill them with zeros."""
        for parameter in self.parameters():
            if parameter.grad is None:
                continue
            if set_to_none:
                parameter.grad = None
            else:
                parameter.grad = ph.zeros_like(parameter.grad)

    # ---- hooks -------------------------------------------------------------------------------------------------------

    def register_forward_pre_hook(self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False) -> RemovableHandle:
        """Call `hook(module, args)` (with kwargs: `hook(module, args, kwargs)`) before forward; it may return new ones."""
        flags = [self._forward_pre_hooks_with_kwargs] if with_kwargs else []
        return add_hook(self._forward_pre_hooks, hook, *flags, prepend=prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after forward; it may return a new output.

        `with_kwargs` adds the keyword arguments after `args`; with `always_call` it is called after an error too.
        """
        choices = ((self._forward_hooks_with_kwargs, with_kwargs), (self._forward_hooks_always_called, always_call))
        return add_hook(self._forward_hooks, hook, *(table for table, on in choices if on), prepend=prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` once the inputs' gradients are there; it may return new ones."""
        return self._add_backward_hook(hook, full=True, prepend=prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """The old name of `register_full_backward_hook`; here it sees the whole module's gradients too."""
        return self._add_backward_hook(hook, full=False, prepend=False)

    def _add_backward_hook(self, hook: Callable[..., Any], full: bool, prepend: bool) -> RemovableHandle:
        if self._is_full_backward_hook is (not full):
            raise RuntimeError(
                "Cannot use both regular backward hooks and full backward hooks on a single Module. Please use only one of them."
            )
        self._is_full_backward_hook = full
        return add_hook(self._backward_hooks, hook, prepend=prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` before the inputs' gradients are computed; it may return a new grad_output."""
        return add_hook(self._backward_pre_hooks, hook, prepend=prepend)

    # ---- printing ----------------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the parentheses of the printed module, for subclasses to override."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        extra_lines = extra.split("\n") if extra else []
        child_lines = [f"({name}): " + _indented(repr(module)) for name, module in self._modules.items()]
        if not child_lines and len(extra_lines) <= 1:
            return f"{self._get_name()}({extra})"
        body = "".join(f"  {line}\n" for line in extra_lines + child_lines)
        return f"{self._get_name()}(\n{body})"


def _indented(text: str) -> str:
    """`text` with every line but the first moved two places to the right."""
    return text.replace("\n", "\n  ")


def _typename(value: Any) -> str:
    """The name of a value's type in error messages, with its module unless that is `builtins`."""
    if isinstance(value, Tensor):
        return value.type()
    kind = value if isinstance(value, builtins.type) else type(value)
    return kind.__qualname__ if kind.__module__ in ("builtins", None) else f"{kind.__module__}.{kind.__qualname__}"


def _parse_to(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any, dict[str, Any]]:
    """(device, dtype, other options) of a call of `to`."""
    options = dict(kwargs)
    device, dtype, other = options.pop("device", None), options.pop("dtype", None), options.pop("tensor", None)
    flags = []
    for arg in args:
        if isinstance(arg, DType):
            dtype = arg
        elif isinstance(arg, Tensor):
            other = arg
        elif isinstance(arg, bool):
            flags.append(arg)
        elif arg is not None:
            device = arg
    if flags:
        options.setdefault("non_blocking", flags[0])
    if other is not None:
        device, dtype = other.device, other.dtype
    return device, dtype, options
