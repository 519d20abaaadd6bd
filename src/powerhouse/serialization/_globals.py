"""Globals in checkpoints: which may be loaded, what a PyTorch name means here, and under which name our objects are written."""

from __future__ import annotations

import importlib
import pickle
import sys
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from powerhouse.core import dtypes
from powerhouse.core.device import device
from powerhouse.core.shapes import Size

from . import _rebuild

OURS, THEIRS = "powerhouse", "torch"

# Modules that no allow-list opens: what they hold acts on the machine.
_BLOCKED = frozenset({"sys", "os", "posix", "nt"})
_PYTHON_2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}
_PUBLIC = (OURS, f"{OURS}.nn", f"{OURS}.optim", f"{OURS}.utils.data")  # where a class from a private module is looked for first
_MOVED = {"torch.tensor": "torch._tensor"}

SafeGlobal = Callable[..., Any] | tuple[Callable[..., Any], str]

_user_allowed: list[SafeGlobal] = []


def add_safe_globals(safe_globals: Iterable[SafeGlobal]) -> None:
    """Allow `load(..., weights_only=True)` to construct these classes and call these functions.

    Each is a class or function, or a pair of it and the full name under which files call it. Allow only what you would
    run on any arguments: a file chooses them.

    >>> class Settings: ...
    >>> add_safe_globals([Settings])
    >>> get_safe_globals()[-1].__name__
    'Settings'
    >>> clear_safe_globals()
    """
    added = list(safe_globals)
    for entry in added:
        _names(entry)
    _user_allowed.extend(entry for entry in added if entry not in _user_allowed)


def get_safe_globals() -> list[SafeGlobal]:
    """What `add_safe_globals` has allowed."""
    return list(_user_allowed)


def clear_safe_globals() -> None:
    """Take back all that `add_safe_globals` has allowed."""
    _user_allowed.clear()


class safe_globals:  # noqa: N801 (PyTorch's name)
    """A context in which `globals_` are allowed as `add_safe_globals` allows them.

    >>> with safe_globals([slice]):
    ...     slice in get_safe_globals()
    True
    >>> slice in get_safe_globals()
    False
    """

    def __init__(self, globals_: Iterable[SafeGlobal]) -> None:
        self._globals = list(globals_)
        self._before: list[SafeGlobal] = []

    def __enter__(self) -> None:
        self._before = get_safe_globals()
        add_safe_globals(self._globals)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _user_allowed[:] = self._before


def _names(entry: SafeGlobal) -> tuple[Any, list[str]]:
    """The object of an entry and the names by which files may call it."""
    if isinstance(entry, tuple):
        if len(entry) != 2 or not callable(entry[0]) or not isinstance(entry[1], str):
            raise ValueError(f"add_safe_globals: expected a pair of a class or function and its full name, got {entry!r}")
        return entry[0], [entry[1]]
    if not callable(entry) or not hasattr(entry, "__qualname__"):
        raise TypeError(f"add_safe_globals: expected a class, a function or a pair, got {type(entry).__name__}")
    own = f"{entry.__module__}.{entry.__qualname__}"
    theirs = torch_name(entry)
    return entry, [own] if theirs is None else [own, ".".join(theirs)]


def safe_class(module: str, name: str) -> Any:
    """What the global `module.name` means under `weights_only=True`; UnpicklingError, as PyTorch words it, if it is not allowed."""
    module = _MOVED.get(_PYTHON_2.get(module, module), _PYTHON_2.get(module, module))
    full = f"{module}.{name}"
    if module.partition(".")[0] in _BLOCKED:
        raise pickle.UnpicklingError(f"Trying to load unsupported GLOBAL {full} whose module {module} is blocked.")
    try:
        return _rebuild.allowed(full)
    except KeyError:
        pass
    for entry in _user_allowed:
        found, names = _names(entry)
        if full in names or (full.startswith(f"{THEIRS}.") and _public(module, name, sys.modules.get) is found):
            return found
    raise pickle.UnpicklingError(
        f"Unsupported global: GLOBAL {full} was not an allowed global by default. Please use "
        f"`torch.serialization.add_safe_globals([{name}])` or the `torch.serialization.safe_globals([{name}])` "
        "context manager to allowlist this global if you trust this class/function."
    )


def any_class(module: str, name: str, importer: Callable[[str, str], Any]) -> Any:
    """What the global `module.name` means under `weights_only=False`: PyTorch's names are ours, the rest is imported."""
    moved = _MOVED.get(module, module)
    full = f"{_PYTHON_2.get(moved, moved)}.{name}"
    if full.startswith(f"{THEIRS}."):
        marked = _rebuild.ALLOWED.get(full)
        if marked is not None and not isinstance(marked, _rebuild.TypeMark):
            return marked
        found = _public(moved, name, _import)
        if found is None:
            raise pickle.UnpicklingError(f"{full} has no counterpart in Powerhouse")
        return found
    return importer(module, name)


def _public(module: str, name: str, find: Callable[[str], Any]) -> Any:
    """Our object for PyTorch's `module.name`, or None: `torch.nn.modules.linear` `Linear` is `powerhouse.nn.Linear`.

    The module's path is tried whole and then cut from its end, since we have the public names but not the private files.
    `find` gives a module by its name, or None.
    """
    path = module.split(".")[1:]
    for depth in range(len(path), -1, -1):
        found = find(".".join([OURS, *path[:depth]]))
        for part in name.split("."):
            found = getattr(found, part, None)
        if found is not None:
            return found
    return None


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        return None


def torch_name(thing: Any, name: str | None = None) -> tuple[str, str] | None:
    """The module and name under which PyTorch has `thing`; None for what is not ours, which keeps its own name."""
    if isinstance(thing, dtypes.dtype):
        return THEIRS, thing.name
    if thing is Size or thing is device:
        return THEIRS, thing.__name__
    module: str = getattr(thing, "__module__", None) or ""
    if module != OURS and not module.startswith(f"{OURS}."):
        return None
    wanted = str(name or getattr(thing, "__qualname__", type(thing).__name__))
    inner, _, short = wanted.rpartition(".")
    if inner and f"{module}.{inner}" in sys.modules:  # a function derived from an op: `powerhouse`, `nn.functional.relu`
        module, wanted = f"{module}.{inner}", short
    path = module.split(".")
    for package in (*_PUBLIC, *(".".join(path[:depth]) for depth in range(2, len(path)))):
        if getattr(sys.modules.get(package), wanted, None) is thing:
            return _renamed(package), wanted
    return _renamed(module), wanted


def _renamed(module: str) -> str:
    return THEIRS + module[len(OURS) :]
