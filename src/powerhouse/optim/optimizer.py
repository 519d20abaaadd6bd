"""The base of optimizers: parameter groups, state, and a step that updates all parameters in one program."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from ..engine.segment import realize
from ..graph.op import Op, composite
from ..tensors import Tensor, enable_grad, functions, no_grad
from ..tensors._handles import HookTable, RemovableHandle, add_hook
from ..tensors.apply import update


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def rule(function: Callable[..., Any]) -> Op:
    """Declare an optimizer's rule: a function of the symbols of one parameter, its gradient, its state, and of numbers and flags.

    It gives `(new parameter, *new state)`. The op made of it does so for all parameters at once.
    """

    def step_all(params: Any, grads: Any, *rest: Any) -> Any:
        states = [r for r in rest if isinstance(r, tuple)]
        numbers = [r for r in rest if not isinstance(r, tuple)]
        rows = [function(*row, *numbers) for row in zip(params, grads, *states, strict=True)]
        return tuple(x for column in zip(*rows, strict=True) for x in column)

    step_all.__doc__ = function.__doc__
    op = composite(step_all, name=function.__name__, names=(), out=False)
    op.samples(lambda draw: iter(()))
    return op


class Optimizer:
    """Base of the optimizers. A subclass names its state, and gives its rule and the rule's numbers.

    Args:
        params: an iterable of tensors, of `(name, tensor)` pairs, or of dicts with key "params" and options of their own.
        defaults: options of groups that do not set them.
    """

    state_names: tuple[str, ...] = ()

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._step_pre_hooks = HookTable()
        self._step_post_hooks = HookTable()
        self.state: dict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        if isinstance(params, Tensor):
            raise TypeError(
                f"params argument given to the optimizer should be an iterable of Tensors or dicts, but got {type(params).__name__}"
            )
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group: a dict with key "params" and options. Refuses non-leaves, non-tensors and parameters that are in a group already."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        given = param_group["params"]
        if isinstance(given, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets will "
                "change between runs. Please use a list instead."
            )
        given = [given] if isinstance(given, Tensor) else list(given)
        group = {**param_group, "params": given}
        if given and isinstance(given[0], tuple):
            group["params"], group["param_names"] = [p for _, p in given], [n for n, _ in given]
        for p in group["params"]:
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(p).__name__}")
            if not (p.is_leaf or p.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            group.setdefault(name, default)
        taken = {id(p) for g in self.param_groups for p in g["params"]}
        if any(id(p) in taken for p in group["params"]):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(group)

    # --- what a subclass says -------------------------------------------------------------------------------------------------

    def init(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """The state of a parameter before its first step: zeros for each name in `state_names`."""
        return {name: functions.zeros_like(p) for name in self.state_names}

    def update(self, group: dict[str, Any], step: int) -> tuple[Op, tuple[float, ...], tuple[Any, ...]]:
        """The rule of this step, the numbers that change from step to step, and the flags that do not."""
        raise NotImplementedError(f"{type(self).__name__} gives no update rule")

    # --- steps ----------------------------------------------------------------------------------------------------------------

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zero."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p._grad = None
                elif p._grad is not None:
                    p._grad = p._grad.detach() if p._grad.requires_grad else p._grad
                    p._grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient. `closure`, if given, computes the loss first, and it is returned."""
        for pre in tuple(self._step_pre_hooks.values()) if self._step_pre_hooks else ():
            pre(self, (closure,), {})
        loss = self._step(closure)
        for post in tuple(self._step_post_hooks.values()) if self._step_post_hooks else ():
            post(self, (closure,), {})
        return loss

    def _step(self, closure: Callable[[], Any] | None) -> Any:
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._step_group(group)
        realize()
        return loss

    def _step_group(self, group: dict[str, Any]) -> None:
        params = [p for p in group["params"] if p._grad is not None]
        states = [self.state.get(p) or self._begin(p, group) for p in params]
        for state in states:
            state["step"] += 1
        steps = {state["step"] for state in states}
        if len(steps) == 1:  # no parameter was left out of a step
            return self._update_all(group, steps.pop(), params, states)
        for step in sorted(steps):
            members = [(p, state) for p, state in zip(params, states, strict=True) if state["step"] == step]
            self._update_all(group, step, [p for p, _ in members], [state for _, state in members])

    def _begin(self, p: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        """The new state of a parameter at its first step."""
        state = self.state[p] = {"step": 0, **self.init(p, group)}
        return state

    def _update_all(self, group: dict[str, Any], step: int, params: list[Tensor], states: list[dict[str, Any]]) -> None:
        """Step number `step` of these parameters."""
        op, numbers, flags = self.update(group, step)
        kept = [state[name] for name in self.columns(group) for state in states]
        update(op, params, [p._grad for p in params], kept, numbers, flags)

    def columns(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The names of the state tensors that the rule takes and gives."""
        return self.state_names

    # --- state ----------------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """`{"state": {index: state}, "param_groups": [options with parameter indices]}`, in PyTorch's form."""
        index = {id(p): i for i, p in enumerate(p for g in self.param_groups for p in g["params"])}
        groups = [
            {**{k: v for k, v in g.items() if k != "params"}, "params": [index[id(p)] for p in g["params"]]} for g in self.param_groups
        ]
        state = {index[id(p)] if isinstance(p, Tensor) else p: _packed(s) for p, s in self.state.items()}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave (this optimizer's or PyTorch's). ValueError where the groups do not match."""
        saved = deepcopy(state_dict["param_groups"])
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(a["params"]) != len(b["params"]) for a, b in zip(saved, self.param_groups, strict=True)):
            raise ValueError("loaded state dict contains a parameter group that doesn't match the size of optimizer's group")
        order = {i: p for a, b in zip(saved, self.param_groups, strict=True) for i, p in zip(a["params"], b["params"], strict=True)}
        self.state = defaultdict(dict)
        for key, state in state_dict["state"].items():
            self.state[order.get(key, key)] = _unpacked(state, order.get(key))
        self.param_groups = [{**b, **{k: v for k, v in a.items() if k != "params"}} for a, b in zip(saved, self.param_groups, strict=True)]

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._step_pre_hooks, self._step_post_hooks = HookTable(), HookTable()

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before every step."""
        return add_hook(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after every step."""
        return add_hook(self._step_post_hooks, hook)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += [f"Parameter Group {i}"] + [f"    {k}: {group[k]}" for k in sorted(group) if k != "params"]
        return "\n".join([*lines, ")"])


def _packed(state: Any) -> Any:
    """A parameter's state as PyTorch writes it: the step count is a tensor."""
    if not isinstance(state, dict):
        return state
    return {k: functions.tensor(float(v)) if k == "step" else v for k, v in state.items()}


def _unpacked(state: Any, p: Any) -> Any:
    if not isinstance(state, dict):
        return state
    if any(v is None for v in state.values()):
        return {}  # PyTorch's SGD before its first step
    with no_grad():
        return {"step": 1} | {
            k: int(v)
            if k == "step"
            else v.to(p.dtype).clone()
            if isinstance(v, Tensor) and p is not None and v.is_floating_point()
            else deepcopy(v)
            for k, v in state.items()
        }


_WORDS = {
    "lr": "learning rate",
    "eps": "epsilon value",
    "momentum": "momentum value",
    "weight_decay": "weight_decay value",
    "alpha": "alpha value",
}


def require_non_negative(**options: Any) -> None:
    """ValueError, in PyTorch's words, for a negative (or nan) option."""
    for name, value in options.items():
        if not float(value) >= 0.0:
            raise ValueError(f"Invalid {_WORDS.get(name, name)}: {value}")


def require_betas(betas: Any) -> None:
    """ValueError unless every beta is in [0, 1)."""
    for i, beta in enumerate(betas):
        if not 0.0 <= float(beta) < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")


def floats(*values: Any) -> tuple[float, ...]:
    """Options as Python floats; a tensor (a learning rate that is one) is read."""
    return tuple(map(float, values))


Params = Iterable[Any]
