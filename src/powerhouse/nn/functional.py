"""`nn.functional`: the ops of that namespace, and the functions that draw random numbers or keep running statistics."""

from importlib import import_module as _import
from importlib.util import find_spec as _find

from ..tensors.functions import install as _install
from ..tensors.random import dropout

for _name in ("functional", "random_functional"):
    if _find(f"powerhouse.tensors.{_name}"):
        _m = _import(f"powerhouse.tensors.{_name}")
        globals().update({n: getattr(_m, n) for n in _m.__all__})

__all__ = ["dropout"]
_install(__name__, "nn.functional")
