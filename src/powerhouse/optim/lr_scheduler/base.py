"""The base of schedules: what a schedule keeps, and when it changes the learning rates."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from types import FunctionType
from typing import Any

from ...tensors import Tensor, no_grad
from ..optimizer import Optimizer

_HOW_TO = "See more details at https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"
_TOO_EARLY = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, you should call them in the "
    "opposite order: `optimizer.step()` before `lr_scheduler.step()`.  Failure to do this will result in PyTorch skipping the first "
    "value of the learning rate schedule. "
) + _HOW_TO
_OVERRIDDEN = (
    "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. "
    "Please, make sure to call `optimizer.step()` before `lr_scheduler.step()`. "
) + _HOW_TO
EPOCH_IS_DEPRECATED = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. "
    "Please use `scheduler.step()` to step the scheduler."
)


class LRScheduler:
    """Base of the schedules. A subclass gives the learning rates of `self.last_epoch` in `get_lr`, one for each parameter group.

    Args:
        optimizer: whose groups' `lr` is changed at every `step()`.
        last_epoch: the epoch to resume from; -1 starts anew, and keeps each group's rate as its `initial_lr`.

    Rates may be formed from those of the epoch before (the chainable form, so that schedules can be combined). A subclass that can
    also tell the rates of any epoch does so in `_get_closed_form_lr`.
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = require_optimizer(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(f"param 'initial_lr' is not specified in param_groups[{i}] when resuming an optimizer")
        self.base_lrs = [copied(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        _watch(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        """Set the rates of the first epoch."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    # --- what a subclass says -------------------------------------------------------------------------------------------------

    def get_lr(self) -> list[Any]:
        """The learning rates of the epoch `last_epoch`. Users ask `get_last_lr()`."""
        raise NotImplementedError(f"{type(self).__name__} gives no get_lr()")

    # --- steps ----------------------------------------------------------------------------------------------------------------

    def get_last_lr(self) -> list[Any]:
        """The learning rates set last, one for each parameter group."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go on to the next epoch (or to `epoch`): set the groups' learning rates. Called after `optimizer.step()`."""
        if self._step_count == 1:
            if not hasattr(self.optimizer.step, "_wrapped_by_lr_sched"):
                warnings.warn(_OVERRIDDEN, UserWarning, stacklevel=2)
            elif not getattr(self.optimizer, "_opt_called", False):
                warnings.warn(_TOO_EARLY, UserWarning, stacklevel=2)
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_IS_DEPRECATED, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        with self._inside_step():
            form = self.get_lr if epoch is None else getattr(self, "_get_closed_form_lr", self.get_lr)
            self._set(form())

    def _set(self, rates: Sequence[Any]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            set_rate(group, rate)
        self._last_lr = self._current()

    def _current(self) -> list[Any]:
        return current(self.optimizer)

    @contextmanager
    def _inside_step(self) -> Iterator[None]:
        self._get_lr_called_within_step = True
        try:
            yield
        finally:
            self._get_lr_called_within_step = False

    def _check_inside_step(self) -> None:
        if not self._get_lr_called_within_step:
            warnings.warn("To get the last learning rate computed by the scheduler, please use `get_last_lr()`.", UserWarning, stacklevel=3)

    # --- state ----------------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """All that the schedule keeps, except the optimizer."""
        return {name: value for name, value in self.__dict__.items() if name != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.__dict__.update(state_dict)


class ByFactor(LRScheduler):
    """A schedule that multiplies: each rate is that of the epoch before times `_ratio()`, or the initial one times `_product()`."""

    def _ratio(self) -> float:
        raise NotImplementedError

    def _product(self) -> float:
        raise NotImplementedError

    def get_lr(self) -> list[Any]:
        self._check_inside_step()
        ratio = self._ratio()
        return [rate * ratio for rate in self._current()]

    def _get_closed_form_lr(self) -> list[Any]:
        product = self._product()
        return [rate * product for rate in self.base_lrs]


# --- helpers --------------------------------------------------------------------------------------------------------------------


def copied(value: Any) -> Any:
    """A rate that is a tensor is copied, since it is changed in place."""
    return value.detach().clone() if isinstance(value, Tensor) else value


def current(optimizer: Optimizer) -> list[Any]:
    """The learning rates of an optimizer's groups."""
    return [copied(group["lr"]) for group in optimizer.param_groups]


def set_rate(group: dict[str, Any], rate: Any) -> None:
    """Set a group's learning rate; one that is a tensor keeps its identity."""
    if isinstance(group["lr"], Tensor):
        with no_grad():
            group["lr"].fill_(float(rate))
    else:
        group["lr"] = rate


def require_optimizer(optimizer: Any) -> Optimizer:
    """`optimizer`, or TypeError where it is not one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
    return optimizer


def for_each_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """An option given once, or once for each group, as one for each group."""
    groups = optimizer.param_groups
    if not isinstance(value, (list, tuple)):
        return [copied(value) for _ in groups]
    if len(value) != len(groups):
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, param_groups has {len(groups)}."
        )
    return [copied(v) for v in value]


def function_state(function: Any) -> dict[str, Any] | None:
    """What a state dict keeps of a user's function: nothing of a plain one, the attributes of a callable object."""
    return None if isinstance(function, FunctionType) else function.__dict__.copy()


def _watch(optimizer: Optimizer) -> None:
    """Have the optimizer remember that its `step` was called."""
    if hasattr(optimizer.step, "_wrapped_by_lr_sched"):
        return
    step: Callable[..., Any] = optimizer.step.__func__  # type: ignore[attr-defined]

    @wraps(step)
    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._opt_called = True
        return step(self, *args, **kwargs)

    counted._wrapped_by_lr_sched = True  # type: ignore[attr-defined]
    optimizer.step = counted.__get__(optimizer)  # type: ignore[method-assign]
