"""State dicts of modules: collecting, checking and loading the parameters and buffers by name."""

from __future__ import annotations

import itertools
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from ..autograd import no_grad
from ..tensors import Tensor
from ._hooks import RemovableHandle, add_hook
from .parameter import Parameter, is_lazy

EXTRA_STATE_KEY = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` returns: the keys that were missing and the keys that were not expected."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class StateDictMixin:
    """The part of `Module` that saves and loads its state."""

    _version: int = 1
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _state_dict_hooks: Any
    _state_dict_pre_hooks: Any
    _load_state_dict_pre_hooks: Any
    _load_state_dict_post_hooks: Any

    # ---- saving ----

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """An ordered dict from names to parameters and persistent buffers, which share memory with the module.

        Arguments: `destination`, a dict to fill and return; `prefix`, put before every name; `keep_vars`, give the
        parameters themselves rather than detached tensors. (Positional arguments in this order still work.)

        >>> import powerhouse as torch
        >>> list(torch.nn.Linear(2, 3).state_dict())
        ['weight', 'bias']
        """
        destination, prefix, keep_vars = (*args, *(destination, prefix, keep_vars)[len(args) :])
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            answer = hook(self, destination, prefix, local_metadata)
            if answer is None:
                continue
            if getattr(hook, "_from_public_api", False):
                raise RuntimeError("state_dict post-hook must return None")
            destination = answer
        return destination

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Put this module's own tensors, not its children's, into `destination`."""
        for name, tensor in self._local_state().items():
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
        if self._has_extra_state("get_extra_state"):
            destination[prefix + EXTRA_STATE_KEY] = self.get_extra_state()

    def _local_state(self) -> dict[str, Any]:
        """This module's own parameters and persistent buffers."""
        buffers = ((name, b) for name, b in self._buffers.items() if name not in self._non_persistent_buffers_set)
        return {name: tensor for name, tensor in itertools.chain(self._parameters.items(), buffers) if tensor is not None}

    def _has_extra_state(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(StateDictMixin, method)

    def get_extra_state(self) -> Any:
        """State beyond tensors, for subclasses to override together with `set_extra_state`."""
        raise RuntimeError("Reached a code path in Module.get_extra_state() that should never be called.")

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` gave."""
        raise RuntimeError("Reached a code path in Module.set_extra_state() that should never be called.")

    # ---- loading ----

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> _IncompatibleKeys:
        """Copy the tensors of `state_dict` into this module and its descendants.

        Arguments: `strict`, names must match exactly; `assign`, take the given tensors themselves (with their dtype and
        device) rather than copy their values. Returns the missing and the unexpected keys.
        Errors: TypeError where `state_dict` is no mapping; RuntimeError with every mismatch listed.

        >>> import powerhouse as torch
        >>> net = torch.nn.Linear(2, 3)
        >>> net.load_state_dict(torch.nn.Linear(2, 3).state_dict())
        <All keys matched successfully>
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        metadata = getattr(state_dict, "_metadata", None)
        state_dict = OrderedDict(state_dict)
        if metadata is not None:
            state_dict._metadata = metadata
        report = _IncompatibleKeys([], [])
        errors: list[str] = []
        _load(self, state_dict, "", metadata, assign, report, errors)
        if strict:
            errors[:0] = _key_errors(report)
        if errors:
            lines = "\n\t".join(errors)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{lines}")
        return report

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Load this module's own tensors, not its children's, from the names under `prefix`."""
        for hook in self._load_state_dict_pre_hooks.values():
            hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        local_state = self._local_state()
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, target in local_state.items():
            key = prefix + name
            if key in state_dict:
                _load_tensor(self, name, key, target, state_dict[key], assign, error_msgs)
            elif strict:
                missing_keys.append(key)
        self._load_extra_state(state_dict, prefix + EXTRA_STATE_KEY, strict, missing_keys, unexpected_keys)
        if strict:
            unexpected_keys.extend(self._foreign_keys(state_dict, prefix, local_state))

    def _load_extra_state(self, state_dict: Any, key: str, strict: bool, missing: list[str], unexpected: list[str]) -> None:
        if self._has_extra_state("set_extra_state"):
            if key in state_dict:
                self.set_extra_state(state_dict[key])
            elif strict:
                missing.append(key)
        elif strict and key in state_dict:
            unexpected.append(key)

    def _foreign_keys(self, state_dict: Any, prefix: str, local_state: dict[str, Any]) -> list[str]:
        """The keys under `prefix` that name neither a tensor of this module nor something in a child."""
        foreign = []
        for key in state_dict:
            if not key.startswith(prefix) or key == prefix + EXTRA_STATE_KEY:
                continue
            head, dot, _ = key[len(prefix) :].partition(".")
            if head not in (self._modules if dot else local_state):
                foreign.append(key)
        return foreign

    # ---- hooks ----

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, prefix, keep_vars)` before the state dict is collected."""
        return add_hook(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata)` after it; the hook edits the dict and returns None."""
        hook._from_public_api = True  # type: ignore[attr-defined]
        return add_hook(self._state_dict_hooks, hook)

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """As `register_state_dict_post_hook`, but the hook may return a dict that replaces the one collected."""
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError(
                "Cannot register the same function as the state dict post hook that was previously registered "
                "via register_state_dict_post_hook"
            )
        return add_hook(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)` before loading."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(self, hook: Callable[..., Any], with_module: bool = False) -> RemovableHandle:
        return add_hook(self._load_state_dict_pre_hooks, _BoundHook(hook, self) if with_module else hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(module, incompatible_keys)` after loading; the hook may edit the lists in place."""
        return add_hook(self._load_state_dict_post_hooks, hook)


class _BoundHook:
    """A hook that gets its module as first argument; picklable and copied with the module."""

    def __init__(self, hook: Callable[..., Any], module: Any) -> None:
        self.hook, self.module = hook, module

    def __call__(self, *args: Any) -> Any:
        return self.hook(self.module, *args)


def _load(
    module: Any, state_dict: Any, prefix: str, metadata: Any, assign: bool, report: _IncompatibleKeys, errors: list[str]
) -> None:
    """Load `module` and its descendants from the names under `prefix`; what does not match goes into `report` in any case."""
    local_metadata = {} if metadata is None else metadata.get(prefix[:-1], {})
    if assign:
        local_metadata = {**local_metadata, "assign_to_params_buffers": True}
    module._load_from_state_dict(state_dict, prefix, local_metadata, True, report.missing_keys, report.unexpected_keys, errors)
    for name, child in module._modules.items():
        if child is not None:
            child_prefix = f"{prefix}{name}."
            child_state = OrderedDict((key, value) for key, value in state_dict.items() if key.startswith(child_prefix))
            _load(child, child_state, child_prefix, metadata, assign, report, errors)
    for hook in module._load_state_dict_post_hooks.values():
        if hook(module, report) is not None:
            raise AssertionError(
                "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new values, "
                "if incompatible_keys need to be modified, it should be done inplace."
            )


def _load_tensor(module: Any, name: str, key: str, target: Any, given: Any, assign: bool, errors: list[str]) -> None:
    """Copy `given` into the parameter or buffer `target` (or put it in its place), noting what is wrong in `errors`."""
    if not isinstance(given, Tensor):
        expected = "expected torch.Tensor or Tensor-like object from checkpoint"
        errors.append(f'While copying the parameter named "{key}", {expected} but received {type(given)}')
        return
    lazy = is_lazy(target)
    if not lazy and target.dim() == 0 and given.dim() == 1:
        given = given[0]  # scalars were saved with shape (1,) before PyTorch 0.4
    if not lazy and tuple(given.shape) != tuple(target.shape):
        errors.append(
            f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, "
            f"the shape in current model is {target.shape}."
        )
        return
    try:
        with no_grad():
            if assign:
                setattr(module, name, _as_kind_of(target, given))
            else:
                target.copy_(given)
    except Exception as error:
        errors.append(
            f'While copying the parameter named "{key}", whose dimensions in the model are {target.size()} and whose dimensions in '
            f"the checkpoint are {given.size()}, an exception occurred : {error.args}."
        )


def _as_kind_of(target: Any, given: Any) -> Any:
    """`given` as a parameter where `target` is one."""
    if not isinstance(target, Parameter):
        return given
    if not isinstance(given, Parameter):
        return Parameter(given, requires_grad=target.requires_grad)
    given.requires_grad_(target.requires_grad)
    return given


def _key_errors(report: _IncompatibleKeys) -> list[str]:
    kinds = (("Missing", report.missing_keys), ("Unexpected", report.unexpected_keys))
    return [f"{kind} key(s) in state_dict: " + ", ".join(f'"{key}"' for key in keys) + ". " for kind, keys in kinds if keys]
