"""Let an unchanged PyTorch script run: after `install()`, `import torch` gives Powerhouse.

`torch`, `torch.nn` and every other `torch.x.y` become second names of the very modules `powerhouse`, `powerhouse.nn`, `powerhouse.x.y`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

__all__ = ["install", "uninstall"]

_REAL, _ALIAS = "powerhouse", "torch"


class _AliasLoader(Loader):
    """Loads `torch.x` by importing `powerhouse.x`."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(_real_name(spec.name))
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._own_spec  # the import system has just overwritten it with the alias's


class _AliasFinder(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != _ALIAS and not name.startswith(_ALIAS + "."):
            return None
        return ModuleSpec(name, _AliasLoader()) if find_spec(_real_name(name)) else None


_FINDER = _AliasFinder()


def _real_name(alias: str) -> str:
    return _REAL + alias[len(_ALIAS) :]


def install() -> None:
    """From now on `import torch` gives Powerhouse. Raises `RuntimeError` where PyTorch itself is imported already."""
    loaded = sys.modules.get(_ALIAS)
    if loaded is not None and loaded is not sys.modules[_REAL]:
        raise RuntimeError("powerhouse.torch.install: PyTorch itself is imported already; install() must come before `import torch`")
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def uninstall() -> None:
    """Undo `install()`: `import torch` finds PyTorch again, where there is one."""
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
    for name in [name for name, module in sys.modules.items() if name.partition(".")[0] == _ALIAS and _is_ours(module)]:
        del sys.modules[name]


def _is_ours(module: ModuleType) -> bool:
    return getattr(module, "__name__", "").partition(".")[0] == _REAL
