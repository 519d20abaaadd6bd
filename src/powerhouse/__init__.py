"""Powerhouse: PyTorch's API and dynamic graphs in pure Python, on kernels that it generates itself.

    import powerhouse as torch
"""

from .core import dtypes as _dtypes
from .core.device import device
from .core.dtypes import ALIASES as _ALIASES
from .core.dtypes import ALL as _ALL
from .core.dtypes import dtype
from .core.promotion import promote as promote_types
from .core.shapes import Size
from .tensors import *  # noqa: F403
from .tensors import functions as _functions
from . import autograd  # noqa: E402

__version__ = "0.1.0"
for _d in _ALL:
    globals()[_d.name] = _d
for _name, _d in _ALIASES.items():
    globals()[_name] = _d
_functions.install(__name__, "")
