"""Averages of a model's weights along training: SWA (Izmailov et al., 2018) and exponential moving averages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from math import cos, pi
from typing import Any

from ..nn import Module
from ..nn.normalization import _BatchNorm
from ..tensors import no_grad, tensor
from .lr_scheduler.base import LRScheduler, for_each_group
from .optimizer import Optimizer

Average = Callable[[Any, Any, Any], Any]


def get_swa_avg_fn() -> Average:
    """The equal mean: a function of the average so far, the new value, and how many were averaged."""

    def mean(averaged: Any, current: Any, num_averaged: Any) -> Any:
        with no_grad():
            return averaged + (current - averaged) / (num_averaged + 1)

    return mean


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The exponential mean: `decay` of the average so far, the rest of the new value."""
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")

    def mean(averaged: Any, current: Any, num_averaged: Any) -> Any:
        with no_grad():
            return averaged * decay + current * (1 - decay)

    return mean


def _for_lists(average: Average) -> Callable[[Any, Any, Any], None]:
    """The in-place form of an average, for lists of tensors."""

    def update(averaged: Iterable[Any], current: Iterable[Any], num_averaged: Any) -> None:
        with no_grad():
            for a, c in zip(averaged, current, strict=True):
                a.copy_(average(a, c, num_averaged))

    return update


def get_swa_multi_avg_fn() -> Callable[[Any, Any, Any], None]:
    """The equal mean for lists of tensors, in place."""
    return _for_lists(get_swa_avg_fn())


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[Any, Any, Any], None]:
    """The exponential mean for lists of tensors, in place."""
    return _for_lists(get_ema_avg_fn(decay))


class AveragedModel(Module):
    """A copy of a model, whose weights are averages of those that the model has at each `update_parameters(model)`.

    Args:
        model: the model to follow.
        device: where the averages are kept.
        avg_fn: gives the new average from the average so far, the new value and the count; the equal mean unless given.
        multi_avg_fn: the same for lists of tensors, in place.
        use_buffers: average the buffers too; else they are copied.

    >>> import powerhouse as torch
    >>> model = torch.nn.Linear(2, 1)
    >>> swa = torch.optim.swa_utils.AveragedModel(model)
    >>> swa.update_parameters(model); swa.n_averaged
    tensor(1)
    """

    n_averaged: Any

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Average | None = None,
        multi_avg_fn: Callable[[Any, Any, Any], None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the present weights of `model` into the averages."""
        average = self.multi_avg_fn or _for_lists(self.avg_fn or get_swa_avg_fn())
        own, other = self._averaged(self.module), self._averaged(model)
        if self.n_averaged == 0:
            average = _copy
        by_dtype: dict[Any, tuple[list[Any], list[Any]]] = {}
        for a, b in zip(own, other, strict=True):
            columns = by_dtype.setdefault(a.dtype, ([], []))
            columns[0].append(a)
            columns[1].append(b)
        for averaged, current in by_dtype.values():
            average(averaged, current, self.n_averaged)
        if not self.use_buffers:
            _copy(list(self.module.buffers()), list(model.buffers()), None)
        self.n_averaged += 1

    def _averaged(self, model: Module) -> list[Any]:
        tensors = chain(model.parameters(), model.buffers()) if self.use_buffers else model.parameters()
        return [t.detach() for t in tensors]


def _copy(targets: list[Any], sources: list[Any], _: Any) -> None:
    with no_grad():
        for target, source in zip(targets, sources, strict=True):
            target.detach().copy_(source.detach())


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute anew the running statistics of a model's batch norms, as the mean over `loader`.

    Args:
        loader: gives batches: tensors, or sequences whose first element is the model's input.
        device: where the batches are moved first.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    if not norms:
        return
    momenta, was_training = [m.momentum for m in norms], model.training
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # all batches weigh the same
    model.train()
    with no_grad():
        for batch in loader:
            batch = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(batch if device is None else batch.to(device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.train(was_training)


_ANNEALING: dict[str, Callable[[float], float]] = {"cos": lambda t: (1 - cos(pi * t)) / 2, "linear": lambda t: t}


class SWALR(LRScheduler):
    """From the present rate to `swa_lr` in `anneal_epochs` epochs, then constant.

    Args:
        swa_lr: the rate to go to, for all groups or one for each.
        anneal_epochs: how long it takes.
        anneal_strategy: "cos" or "linear".
    """

    def __init__(
        self, optimizer: Optimizer, swa_lr: Any, anneal_epochs: int = 10, anneal_strategy: str = "cos", last_epoch: int = -1
    ) -> None:
        for group, rate in zip(optimizer.param_groups, for_each_group("swa_lr", optimizer, swa_lr), strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in _ANNEALING:
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy, self.anneal_epochs = anneal_strategy, anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _part(self, step: int) -> float:
        """How much of the way to `swa_lr` is gone at a step."""
        return _ANNEALING[self._anneal_strategy](max(0.0, min(1.0, step / max(1, self.anneal_epochs))))

    def get_lr(self) -> list[Any]:
        self._check_inside_step()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._part(step - 1), self._part(step)
        rates = []
        for group in self.optimizer.param_groups:
            target = group["swa_lr"]
            start = target if before == 1 else (group["lr"] - before * target) / (1 - before)
            rates.append(target * now + start * (1 - now))
        return rates


__all__ = ["AveragedModel", "SWALR", "get_ema_avg_fn", "get_ema_multi_avg_fn", "get_swa_avg_fn", "get_swa_multi_avg_fn", "update_bn"]
