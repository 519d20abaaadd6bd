"""`GradScaler`: losses are multiplied before backward, so that small gradients survive in float16, and gradients divided before the step.

Source: Micikevicius et al., "Mixed Precision Training", 2018, section 3.2; the scale adapts as PyTorch's does.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from enum import Enum
from typing import Any, NamedTuple

from ..core import dtypes as dt
from ..tensors import full, functions, no_grad, tensor
from ..tensors.apply import is_tensor

_UNUSED = "This may indicate your script did not use scaler.scale(loss or outputs) earlier in the iteration."


class OptState(Enum):
    """How far an optimizer is since the last `update`."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


class _Progress(NamedTuple):
    """An optimizer since the last `update`: its stage, and whether its gradients are all finite (a bool tensor), if it has any."""

    stage: OptState = OptState.READY
    finite: Any = None


class GradScaler:
    """Scales losses up and gradients down again, skips steps whose gradients are not finite, and adapts the scale.

    After a skipped step the scale is multiplied by `backoff_factor`; after `growth_interval` steps in a row without one, by
    `growth_factor`. The default device, "cuda", is not there: it is warned of, and the scaler disabled.

    Args:
        device: "cpu", for a scaler that scales.
        init_scale: the scale at the start.
        enabled: False makes `scale` give back what it is given, `step` only step, and `update` nothing.

    >>> import powerhouse as torch
    >>> w = torch.nn.Parameter(torch.ones(2))
    >>> optimizer, scaler = torch.optim.SGD([w], lr=0.5), torch.amp.GradScaler("cpu")
    >>> scaler.scale((w * w).sum()).backward()
    >>> _ = scaler.step(optimizer)
    >>> scaler.update()
    >>> w.detach()
    tensor([0., 0.])
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        self._device = device
        self._enabled = enabled
        if enabled and device == "cuda":
            warnings.warn("GradScaler: enabled for CUDA, which is not available. Disabling.", stacklevel=2)
            self._enabled = False
        if not self._enabled:
            return
        if growth_factor <= 1.0:
            raise AssertionError(f"GradScaler: The growth factor must be > 1.0, got {growth_factor}")
        if backoff_factor >= 1.0:
            raise AssertionError(f"GradScaler: The backoff factor must be < 1.0, got {backoff_factor}")
        self._value = _rounded(init_scale)
        self._factor: Any = None  # the scale as a tensor, once it has been used
        self._growth_factor, self._backoff_factor, self._growth_interval = growth_factor, backoff_factor, growth_interval
        self._good_steps = 0
        self._progress: dict[int, _Progress] = {}

    # --- a step of training ---------------------------------------------------------------------------------------------------

    def scale(self, outputs: Any) -> Any:
        """A tensor, or tensors in a list, tuple or other iterable, times the scale."""
        if not self._enabled:
            return outputs
        if self._factor is None:
            self._factor = full((), self._value, dtype=dt.float32)
        if is_tensor(outputs):
            return outputs * self._factor
        if isinstance(outputs, Iterable) and not isinstance(outputs, str):
            scaled = map(self.scale, outputs)
            return type(outputs)(scaled) if isinstance(outputs, (list, tuple)) else scaled  # type: ignore[call-arg]
        raise ValueError(f"scale: outputs must be a Tensor or an iterable of Tensors, got {type(outputs).__name__}")

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of the optimizer's parameters by the scale: for what looks at them before `step`, such as clipping.

        RuntimeError where it is called twice for a step, or after it; ValueError for float16
        gradients, in which the division loses what was saved.
        """
        if not self._enabled:
            return
        self._check_used("unscale_")
        stage = self._of(optimizer).stage
        if stage is OptState.UNSCALED:
            raise RuntimeError("unscale_: unscale_() has already been called on this optimizer since the last update().")
        if stage is OptState.STEPPED:
            raise RuntimeError("unscale_: unscale_() is being called after step().")
        self._progress[id(optimizer)] = _Progress(OptState.UNSCALED, _unscale(_gradients(optimizer), 1.0 / self._value))

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Unscale, unless that was done, and call `optimizer.step(*args, **kwargs)` if all gradients are finite; gives what that gives."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("step: Closure use is not currently supported if GradScaler is enabled.")
        self._check_used("step")
        if self._of(optimizer).stage is OptState.STEPPED:
            raise RuntimeError("step: step() has already been called since the last update().")
        if self._of(optimizer).stage is OptState.READY:
            self.unscale_(optimizer)
        finite = self._of(optimizer).finite
        if finite is None:
            raise AssertionError("step: No inf checks were recorded for this optimizer.")
        self._progress[id(optimizer)] = _Progress(OptState.STEPPED, finite)
        return optimizer.step(*args, **kwargs) if finite.item() else None

    def update(self, new_scale: Any = None) -> None:
        """Adapt the scale to the steps since the last call, or set it to `new_scale`, a float or a tensor of one element."""
        if not self._enabled:
            return
        self._check_used("update")
        if new_scale is not None:
            self._set_scale(_given_scale(new_scale))
        else:
            self._adapt([p.finite for p in self._progress.values() if p.finite is not None])
        self._progress = {}

    def _adapt(self, checks: list[Any]) -> None:
        if not checks:
            raise AssertionError("update: No inf checks were recorded prior to update.")
        if not all(finite.item() for finite in checks):
            self._set_scale(self._value * self._backoff_factor)
            self._good_steps = 0
            return
        self._good_steps += 1
        if self._good_steps == self._growth_interval:
            grown = _rounded(self._value * self._growth_factor)
            self._set_scale(grown if grown < float("inf") else self._value)
            self._good_steps = 0

    def _set_scale(self, value: float) -> None:
        if self._factor is not None and value != self._value:
            self._factor = full((), value, dtype=dt.float32)
        self._value = _rounded(value)

    def _of(self, optimizer: Any) -> _Progress:
        return self._progress.get(id(optimizer), _Progress())

    def _check_used(self, function: str) -> None:
        if self._factor is None:
            raise AssertionError(f"{function}: Attempted {function} but _scale is None.  {_UNUSED}")

    # --- settings and state -----------------------------------------------------------------------------------------------------

    def is_enabled(self) -> bool:
        """Whether this scaler scales."""
        return self._enabled

    def get_scale(self) -> float:
        """The scale; 1.0 for a disabled scaler."""
        return self._value if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """What the scale is multiplied by after `growth_interval` good steps."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set what `get_growth_factor` gives."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """What the scale is multiplied by after a step that was skipped."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set what `get_backoff_factor` gives."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """The number of good steps in a row after which the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set what `get_growth_interval` gives."""
        self._growth_interval = new_interval

    def _get_growth_tracker(self) -> int:
        return self._good_steps if self._enabled else 0

    def state_dict(self) -> dict[str, Any]:
        """The scale, the settings and the number of good steps, as Python numbers; empty for a disabled scaler."""
        if not self._enabled:
            return {}
        return {
            "scale": self._value,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._good_steps,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave. RuntimeError where it came from a disabled scaler."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "load_state_dict: The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler."
            )
        self._set_scale(float(state_dict["scale"]))
        self._growth_factor, self._backoff_factor = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._growth_interval, self._good_steps = state_dict["growth_interval"], state_dict["_growth_tracker"]

    def __getstate__(self) -> dict[str, Any]:
        if self._enabled and self._progress:
            raise AssertionError("GradScaler: may only be pickled at the beginning of an iteration, or at the end after scaler.update().")
        return {**self.__dict__, "_factor": None} if self._enabled else dict(self.__dict__)


def _rounded(value: float) -> float:
    """`value` in float32, in which the scale is kept."""
    return float(tensor(value, dtype=dt.float32).item())


def _given_scale(new_scale: Any) -> float:
    if isinstance(new_scale, (int, float)):
        return float(new_scale)
    if not is_tensor(new_scale) or new_scale.numel() != 1 or new_scale.requires_grad:
        raise AssertionError(
            f"update: new_scale should be a float or a 1-element FloatTensor with requires_grad=False, got {type(new_scale).__name__}"
        )
    return float(new_scale.item())


def _gradients(optimizer: Any) -> list[Any]:
    """The gradients of an optimizer's parameters, where there are any."""
    found = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
    if any(g.dtype is dt.float16 for g in found):
        raise ValueError("unscale_: Attempting to unscale FP16 gradients.")
    return found


def _unscale(gradients: list[Any], inverse: float) -> Any:
    """Multiply gradients in place; gives whether all of them were finite, as a bool tensor, or None if there are none."""
    if not gradients:
        return None
    with no_grad():
        finite = functions.stack([g.isfinite().all() for g in gradients]).all()
        for g in gradients:
            g.mul_(inverse)
    return finite
