"""Floor 2: the ops, one block each, and the composites over them. Importing this package fills the registry."""

from importlib import import_module
from pkgutil import iter_modules

from . import composite

for _package in (f"{__name__}", composite.__name__):
    _path = __path__ if _package == __name__ else composite.__path__
    for _module in sorted(m.name for m in iter_modules(_path)):
        if _module != "composite":
            import_module(f"{_package}.{_module}")
