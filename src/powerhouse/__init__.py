"""Powerhouse: PyTorch's API and dynamic graphs in pure Python, on kernels that it generates itself.

import powerhouse as torch
"""

from . import autograd, tensors, version
from .amp.autocast_mode import *  # noqa: F403
from .compiler import compile
from .core import dtypes as _dtypes
from .core.device import device
from .core.dtypes import dtype
from .core.errors import OutOfMemoryError
from .core.promotion import promote as promote_types
from .core.shapes import Size
from .tensors import *  # noqa: F403
from .tensors.functions import install as _install

__version__ = version.__version__

# Parts that are loaded when they are first used.
_SUBMODULES = (
    "nn",
    "optim",
    "utils",
    "serialization",
    "linalg",
    "fft",
    "special",
    "random",
    "quantization",
    "cuda",
    "backends",
    "amp",
    "testing",
    "multiprocessing",
    "recipes",
    "accelerator",
    "compiler",
    "masked",
    "return_types",
    "mps",
    "signal",
    "xpu",
    "distributions",
)

for _d in _dtypes.ALL:
    globals()[_d.name] = _d
for _name, _d in _dtypes.ALIASES.items():
    globals()[_name] = _d
_install(__name__, "", _SUBMODULES)


def save(obj, f, *args, **kwargs):
    """Write `obj` (tensors, state dicts, containers of them) to a file that PyTorch can read; see `serialization.save`."""
    from .serialization import save as write

    return write(obj, f, *args, **kwargs)


def load(f, *args, **kwargs):
    """Read what `save` (ours or PyTorch's) wrote; see `serialization.load`."""
    from .serialization import load as read

    return read(f, *args, **kwargs)


__all__ = ["OutOfMemoryError", "Size", "autograd", "compile", "device", "dtype", "load", "promote_types", "save", "tensors", "version"]
