"""`torch.compile` and `torch.compiler`. Everything is compiled as it is used, so they change nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_MODES = (None, "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str | Callable[..., Any] = "inductor",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
    recompile_limit: int | None = None,
    isolate_recompiles: bool = False,
) -> Any:
    """`model` (a function or a module) unchanged, since graphs are recorded and compiled as they are used; without one, a decorator.

    Raises RuntimeError for an unknown `mode`, or where both `mode` and `options` are given.

    >>> import powerhouse as torch
    >>> @torch.compile(mode="reduce-overhead")
    ... def double(x): return x * 2
    >>> double(torch.ones(1))
    tensor([2.])
    """
    if mode is not None and options is not None:
        raise RuntimeError("compile: Either mode or options can be specified, but both can't be specified at the same time.")
    if mode not in _MODES:
        raise RuntimeError(f"compile: Unrecognized mode={mode}, should be one of: {', '.join(map(str, _MODES[1:]))}")
    if model is None:
        return lambda model: compile(model)
    if not callable(model):
        raise RuntimeError(f"compile: Model can't be None or not callable, got {type(model).__name__}")
    return model


def is_compiling() -> bool:
    """Whether the code runs to be traced; it always runs."""
    return False


is_dynamo_compiling = is_exporting = is_compiling


def reset() -> None:
    """Accepted; there is nothing to forget."""


def list_backends(exclude_tags: Any = ()) -> list[str]:
    """The names that `compile` knows as its backend; all mean the same."""
    return ["inductor"]


def cudagraph_mark_step_begin() -> None:
    """Accepted; there are no CUDA graphs."""


def _unchanged(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    return (lambda fn: fn) if fn is None else fn


disable = _unchanged
allow_in_graph = assume_constant_result = _unchanged


@contextmanager
def set_stance(stance: str = "default", **options: Any) -> Iterator[None]:
    """Accepted; a context in which nothing changes."""
    yield


__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "compile",
    "cudagraph_mark_step_begin",
    "disable",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "list_backends",
    "reset",
    "set_stance",
]
