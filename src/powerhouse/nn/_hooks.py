"""Hooks of modules: their registration, and the call of a module that has some.

A module without hooks never enters this file: `Module.__call__` looks at the hook tables and calls `forward`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..autograd import Function
from ..tensors import Tensor
from ..tensors._handles import HookTable, RemovableHandle, add_hook

# ---- hooks on every module -------------------------------------------------------------------------------------------

GLOBAL_FORWARD_PRE = HookTable()
GLOBAL_FORWARD = HookTable()
GLOBAL_BACKWARD_PRE = HookTable()
GLOBAL_BACKWARD = HookTable()
GLOBAL_ANY = HookTable()  # the ids of all of these, so that a call has one table to look at
GLOBAL_REGISTRATION = {"buffer": HookTable(), "module": HookTable(), "parameter": HookTable()}
_global_with_kwargs = HookTable()
_global_always_called = HookTable()


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, args)` before the forward of every module."""
    return add_hook(GLOBAL_FORWARD_PRE, hook, GLOBAL_ANY)


def register_module_forward_hook(hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False) -> RemovableHandle:
    """Call `hook(module, args, output)` (`hook(module, args, kwargs, output)` with kwargs) after the forward of every module."""
    flags = [table for table, on in ((_global_with_kwargs, with_kwargs), (_global_always_called, always_call)) if on]
    return add_hook(GLOBAL_FORWARD, hook, GLOBAL_ANY, *flags)


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_output)` before the gradient of every module's inputs is computed."""
    return add_hook(GLOBAL_BACKWARD_PRE, hook, GLOBAL_ANY)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, grad_input, grad_output)` after the gradient of every module's inputs is computed."""
    return add_hook(GLOBAL_BACKWARD, hook, GLOBAL_ANY)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, buffer)` whenever a module registers a buffer; what it returns replaces the buffer."""
    return add_hook(GLOBAL_REGISTRATION["buffer"], hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, submodule)` whenever a submodule is registered; what it returns replaces the submodule."""
    return add_hook(GLOBAL_REGISTRATION["module"], hook)


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call `hook(module, name, parameter)` whenever a parameter is registered; what it returns replaces the parameter."""
    return add_hook(GLOBAL_REGISTRATION["parameter"], hook)


def run_registration_hooks(kind: str, module: Any, name: str, value: Any) -> Any:
    """The value to register, after the global hooks of this kind have seen it."""
    for hook in GLOBAL_REGISTRATION[kind].values():
        replacement = hook(module, name, value)
        value = value if replacement is None else replacement
    return value


# ---- backward hooks --------------------------------------------------------------------------------------------------


class _Watch(Function):
    """The identity on some tensors; on the way back, `on_grad` sees their gradients and may replace them."""

    @staticmethod
    def forward(ctx: Any, on_grad: Callable[..., Any], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.on_grad = on_grad
        ctx.set_materialize_grads(False)
        return tuple(tensor.view_as(tensor) for tensor in tensors)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        return (None, *ctx.on_grad(grads))


class _BackwardHooks:
    """One call's backward hooks: identities around the module report the gradients of its outputs and of its inputs."""

    def __init__(self, module: Any, hooks: list[Any], pre_hooks: list[Any]) -> None:
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.grad_output: tuple[Any, ...] | None = None
        self.input_count = 0
        self.watched_inputs: list[int] = []

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.input_count = len(args)
        watched, self.watched_inputs = _watch(args, self._on_input_grads)
        return watched

    def watch_outputs(self, result: Any) -> Any:
        single = not isinstance(result, tuple)
        outputs = (result,) if single else result
        self.output_count = len(outputs)
        watched, self.watched_outputs = _watch(outputs, self._on_output_grads)
        return watched[0] if single else watched

    def _on_output_grads(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        full = _spread(grads, self.watched_outputs, self.output_count)
        for hook in self.pre_hooks:
            answer = hook(self.module, full)
            full = full if answer is None else _as_grads(answer, full, "full_backward_pre_hook")
        self.grad_output = full
        if not self.watched_inputs:
            self._run_hooks((None,) * self.input_count)
        return tuple(full[index] for index in self.watched_outputs)

    def _on_input_grads(self, grads: tuple[Any, ...]) -> tuple[Any, ...]:
        if self.grad_output is None:
            raise RuntimeError(
                "Module backward hook for grad_input is called before the grad_output one. This happens because the gradient in "
                "your nn.Module flows to the Module's input without passing through the Module's output. Make sure that the output "
                "depends on the input and that the loss is computed based on the output."
            )
        full = self._run_hooks(_spread(grads, self.watched_inputs, self.input_count))
        return tuple(full[index] for index in self.watched_inputs)

    def _run_hooks(self, grad_input: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.hooks:
            answer = hook(self.module, grad_input, self.grad_output)
            grad_input = grad_input if answer is None else _as_grads(answer, grad_input, "full_backward_hook")
        self.grad_output = None
        return grad_input


def _watch(values: tuple[Any, ...], on_grad: Callable[..., Any]) -> tuple[tuple[Any, ...], list[int]]:
    """`values` with the tensors that need a gradient passed through `_Watch`, and the places of those."""
    places = [index for index, value in enumerate(values) if isinstance(value, Tensor) and value.requires_grad]
    if not places:
        return values, places
    watched = list(values)
    for index, tensor in zip(places, _Watch.apply(on_grad, *(values[index] for index in places)), strict=True):
        watched[index] = tensor
    return type(values)(*watched) if hasattr(values, "_fields") else tuple(watched), places


def _spread(grads: tuple[Any, ...], places: list[int], count: int) -> tuple[Any, ...]:
    """The gradients at their places among `count` values, None elsewhere."""
    full: list[Any] = [None] * count
    for index, grad in zip(places, grads, strict=True):
        full[index] = grad
    return tuple(full)


def _as_grads(answer: Any, expected: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    answer = answer if isinstance(answer, tuple) else (answer,)
    if len(answer) != len(expected):
        raise RuntimeError(f"{name}: hook returned an invalid number of gradients, got {len(answer)}, but expected {len(expected)}")
    return answer


# ---- the call --------------------------------------------------------------------------------------------------------


def call_with_hooks(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`module.forward(*args, **kwargs)` with every hook run in its place."""
    done: set[int] = set()
    result: Any = None
    try:
        args, kwargs = _run_forward_pre_hooks(module, args, kwargs)
        backward_hooks = [*GLOBAL_BACKWARD.values(), *module._backward_hooks.values()]
        backward_pre_hooks = [*GLOBAL_BACKWARD_PRE.values(), *module._backward_pre_hooks.values()]
        watcher = _BackwardHooks(module, backward_hooks, backward_pre_hooks) if backward_hooks or backward_pre_hooks else None
        if watcher:
            args = watcher.watch_inputs(args)
        result = module.forward(*args, **kwargs)
        for key, hook, with_kwargs, _ in _forward_hooks(module):
            done.add(key)
            answer = hook(module, args, kwargs, result) if with_kwargs else hook(module, args, result)
            result = result if answer is None else answer
        if watcher:
            _check_watchable(result)
            result = watcher.watch_outputs(result)
        return result
    except Exception:
        for key, hook, with_kwargs, always in _forward_hooks(module):
            if always and key not in done:
                _run_silently(lambda call=(hook, with_kwargs): _late_call(call, module, args, kwargs, result))
        raise


def _run_forward_pre_hooks(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    for key, hook in [*GLOBAL_FORWARD_PRE.items(), *module._forward_pre_hooks.items()]:
        if key not in module._forward_pre_hooks_with_kwargs:
            answer = hook(module, args)
            if answer is not None:
                args = answer if isinstance(answer, tuple) else (answer,)
            continue
        answer = hook(module, args, kwargs)
        if answer is None:
            continue
        if not (isinstance(answer, tuple) and len(answer) == 2):
            raise RuntimeError(f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {answer}.")
        args, kwargs = answer
    return args, kwargs


def _forward_hooks(module: Any) -> list[tuple[int, Any, bool, bool]]:
    """(id, hook, with kwargs?, called after errors too?) of the global and of the module's own forward hooks."""
    shared = [(key, hook, key in _global_with_kwargs, key in _global_always_called) for key, hook in GLOBAL_FORWARD.items()]
    own = module._forward_hooks.items()
    return shared + [(key, hook, key in module._forward_hooks_with_kwargs, key in module._forward_hooks_always_called) for key, hook in own]


def _late_call(call: tuple[Any, bool], module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
    hook, with_kwargs = call
    if with_kwargs:
        hook(module, args, kwargs, result)
    else:
        hook(module, args, result)


def _run_silently(call: Callable[[], None]) -> None:
    """Run a hook after another error: its own error becomes a warning, so that the first one is seen."""
    try:
        call()
    except Exception as error:
        warnings.warn(
            "module forward hook with ``always_call=True`` raised an exception that was silenced as another error was raised in "
            f"forward: {error}",
            stacklevel=3,
        )


def _check_watchable(result: Any) -> None:
    if not isinstance(result, Tensor | tuple):
        warnings.warn(
            "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but received "
            f"{type(result)}",
            stacklevel=4,
        )
