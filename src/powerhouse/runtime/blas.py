"""How many threads the BLAS inside NumPy's wheel uses: it starts with one a core, whatever `set_num_threads` said."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

import numpy as np

__all__ = ["set_blas_threads"]

# OpenBLAS as NumPy's wheels carry it (64-bit or 32-bit integers), and as systems build it.
_SETTERS = (
    "scipy_openblas_set_num_threads64_",
    "scipy_openblas_set_num_threads",
    "openblas_set_num_threads64_",
    "openblas_set_num_threads",
)


def set_blas_threads(count: int) -> bool:
    """Let matrix products use `count` threads. Returns False where the library that NumPy uses offers no such setting.

    >>> set_blas_threads(1) in (True, False)
    True
    """
    setter = _setter()
    if setter is not None:
        setter(count)
    return setter is not None


@cache
def _setter() -> ctypes._CFuncPtr | None:
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):  # Linux and Windows, macOS
        for path in sorted(folder.glob("*openblas*")):
            library = ctypes.CDLL(str(path))  # already loaded by NumPy: this is the same one
            for name in _SETTERS:
                if hasattr(library, name):
                    function = getattr(library, name)
                    function.argtypes, function.restype = [ctypes.c_int], None
                    return function
    return None
