"""`autocast`: in its region matrix products and convolutions run in a lower precision, losses and decompositions in float32.

Which op does what is said in the op's block (`autocast=`), after PyTorch's lists for the CPU; an op that says nothing runs in the
dtype of its inputs. In-place ops and `out=` follow too, and their results are cast to the tensor that is written.
Source: Micikevicius et al., "Mixed Precision Training", 2018.
"""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from ..core import dtypes as dt
from ..engine.segment import RECORDER
from ..graph.op import Op
from ..tensors.apply import apply, is_tensor
from ._casting import is_eligible, under_autocast

_SUPPORTED = (dt.bfloat16, dt.float16)
_DEFAULTS = {"cpu": dt.bfloat16, "cuda": dt.float16, "mps": dt.float16, "xpu": dt.float16}


class _State(threading.local):
    """This thread's autocast settings, by device type; `saved` are those that open regions will restore."""

    def __init__(self) -> None:
        self.enabled = dict.fromkeys(_DEFAULTS, False)
        self.dtypes = dict(_DEFAULTS)
        self.caches = True
        self.saved: list[tuple[str, bool, dt.dtype, bool]] = []


_STATE = _State()


def _follow(op: Op, args: tuple[Any, ...]) -> Any:
    """`apply`, with the op's arguments cast as its block says."""
    now = RECORDER.now
    modes = now.modes
    now.modes = modes[: modes.index(_follow)]
    try:
        return apply(under_autocast(op, _STATE.dtypes["cpu"]), args)
    finally:
        now.modes = modes


def _known(device_type: str, function: str) -> str:
    if device_type not in _DEFAULTS:
        raise RuntimeError(f"{function}: expected one of {', '.join(_DEFAULTS)} as device type, got {device_type!r}")
    return device_type


class autocast:  # noqa: N801 (PyTorch's name)
    """A region, or a decorated function, whose ops run in the dtype that suits each. It holds for this thread; regions nest.

    Args:
        device_type: "cpu"; a region for a device that is not there is warned of and does nothing.
        dtype: the lower precision, bfloat16 (the default for "cpu") or float16; another is warned of and disables the region.
        enabled: False runs the region without autocast, also inside another one.
        cache_enabled: accepted. Weights are cast once for each recorded step, whatever this says.

    >>> import powerhouse as torch
    >>> x = torch.ones(2, 2)
    >>> with torch.autocast("cpu"):
    ...     y = x @ x
    ...     print(y.dtype, torch.nn.functional.mse_loss(y, x).dtype)
    torch.bfloat16 torch.float32
    """

    def __init__(self, device_type: str, dtype: dt.dtype | None = None, enabled: bool = True, cache_enabled: bool | None = None) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"autocast: Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if not is_autocast_available(device_type):
            raise RuntimeError(
                f"autocast: User specified an unsupported autocast device_type '{device_type}', expected one of {', '.join(_DEFAULTS)}"
            )
        self.device = device_type
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        self._cache_enabled = _STATE.caches if cache_enabled is None else cache_enabled
        self._enabled = enabled and not self._warned()

    def _warned(self) -> bool:
        """Whether the region cannot be had; says why."""
        if self.device == "cuda":
            warnings.warn("autocast: CUDA is not available. Disabling autocast.", stacklevel=3)
            return True
        if self.fast_dtype not in _SUPPORTED:
            names = ", ".join(map(str, _SUPPORTED))
            warnings.warn(
                f"autocast: {self.device.upper()} Autocast only supports dtypes of {names}, got {self.fast_dtype}. Disabling autocast.",
                stacklevel=3,
            )
            return True
        return False

    def __enter__(self) -> autocast:
        _STATE.saved.append((self.device, _STATE.enabled[self.device], _STATE.dtypes[self.device], _STATE.caches))
        _set(self.device, self._enabled, self.fast_dtype, self._cache_enabled)
        return self

    def __exit__(self, *_: object) -> None:
        _set(*_STATE.saved.pop())

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(function):
            raise TypeError(
                f"autocast: a decorated object must be callable, got {type(function).__name__}; for a region write `with autocast(...):`"
            )

        @functools.wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return inner


def _set(device_type: str, enabled: bool, dtype: dt.dtype, caches: bool) -> None:
    set_autocast_enabled(device_type, enabled)
    set_autocast_dtype(device_type, dtype)
    set_autocast_cache_enabled(caches)


# --- the settings, one by one ---------------------------------------------------------------------------------------------------------


def is_autocast_available(device_type: str) -> bool:
    """Whether `autocast` knows this type of device."""
    return device_type in _DEFAULTS


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether this thread is in an enabled region for `device_type`.

    >>> import powerhouse as torch
    >>> with torch.autocast("cpu"):
    ...     torch.is_autocast_enabled("cpu")
    True
    """
    return _STATE.enabled[_known(device_type, "is_autocast_enabled")]


def set_autocast_enabled(device_type: str | bool, enabled: bool | None = None) -> None:
    """Turn autocast on or off in this thread for `device_type`; given one bool, for "cuda"."""
    if enabled is None:
        device_type, enabled = "cuda", bool(device_type)
    _STATE.enabled[_known(str(device_type), "set_autocast_enabled")] = bool(enabled)
    if device_type == "cpu":
        others = tuple(m for m in RECORDER.now.modes if m is not _follow)
        RECORDER.now.modes = (*others, _follow) if enabled else others


def get_autocast_dtype(device_type: str) -> dt.dtype:
    """The lower precision of this thread's regions for `device_type`."""
    return _STATE.dtypes[_known(device_type, "get_autocast_dtype")]


def set_autocast_dtype(device_type: str, dtype: dt.dtype) -> None:
    """Set the lower precision for `device_type` in this thread."""
    if not isinstance(dtype, dt.dtype):
        raise TypeError(f"set_autocast_dtype(): argument 'dtype' must be a dtype, not {type(dtype).__name__}")
    _STATE.dtypes[_known(device_type, "set_autocast_dtype")] = dtype


def is_autocast_cache_enabled() -> bool:
    """What was last set by `set_autocast_cache_enabled`, or by a region; nothing depends on it."""
    return _STATE.caches


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Accepted: casts of weights are interned like all else, so there is no other cache."""
    _STATE.caches = bool(enabled)


def clear_autocast_cache() -> None:
    """Accepted: there is nothing to clear."""


is_autocast_cpu_enabled = functools.partial(is_autocast_enabled, "cpu")
set_autocast_cpu_enabled = functools.partial(set_autocast_enabled, "cpu")
get_autocast_cpu_dtype = functools.partial(get_autocast_dtype, "cpu")
set_autocast_cpu_dtype = functools.partial(set_autocast_dtype, "cpu")
get_autocast_gpu_dtype = functools.partial(get_autocast_dtype, "cuda")
set_autocast_gpu_dtype = functools.partial(set_autocast_dtype, "cuda")


# --- for `autograd.Function` ------------------------------------------------------------------------------------------------------------


def _cast_inputs(x: Any, dtype: dt.dtype) -> Any:
    """`x`, with the eligible tensors in it (in lists, tuples and mappings too) in `dtype`."""
    if is_tensor(x):
        return x.to(dtype) if is_eligible(x.dtype) else x
    if isinstance(x, Mapping):
        return {_cast_inputs(k, dtype): _cast_inputs(v, dtype) for k, v in x.items()}
    return type(x)(_cast_inputs(i, dtype) for i in x) if type(x) in (list, tuple) else x


def custom_fwd(fwd: Callable[..., Any] | None = None, *, device_type: str, cast_inputs: dt.dtype | None = None) -> Any:
    """Decorator for the `forward` of an `autograd.Function` that is used under autocast.

    With `cast_inputs`, the tensors it is given are cast to that dtype and it runs without autocast; otherwise it runs as its caller does.
    Outside a region it does nothing.
    """
    if not isinstance(device_type, str):
        raise ValueError(f"custom_fwd: Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        enabled = is_autocast_enabled(device_type)
        ctx._dtype = get_autocast_dtype(device_type)
        ctx._fwd_used_autocast = enabled and cast_inputs is None
        if not enabled or cast_inputs is None:
            return fwd(ctx, *args, **kwargs)
        with autocast(device_type, enabled=False):
            return fwd(ctx, *_cast_inputs(args, cast_inputs), **_cast_inputs(kwargs, cast_inputs))

    return forward


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Any:
    """Decorator for the `backward` of an `autograd.Function`: it runs in the autocast state in which its `forward` ran."""
    if not isinstance(device_type, str):
        raise ValueError(f"custom_bwd: Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def backward(ctx: Any, *args: Any) -> Any:
        with autocast(device_type, enabled=ctx._fwd_used_autocast, dtype=ctx._dtype):
            return bwd(ctx, *args)

    return backward


# What PyTorch has at its root too.
__all__ = [
    "autocast",
    "clear_autocast_cache",
    "get_autocast_cpu_dtype",
    "get_autocast_dtype",
    "get_autocast_gpu_dtype",
    "is_autocast_cache_enabled",
    "is_autocast_cpu_enabled",
    "is_autocast_enabled",
    "set_autocast_cache_enabled",
    "set_autocast_cpu_dtype",
    "set_autocast_cpu_enabled",
    "set_autocast_dtype",
    "set_autocast_enabled",
    "set_autocast_gpu_dtype",
]
