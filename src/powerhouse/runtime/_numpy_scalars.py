"""The scalar vocabulary on NumPy arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..graph.scalar import Scalars

_RENAMED = {
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "atan2": np.arctan2,
}


class NumpyScalars(Scalars):
    """NumPy's functions under the vocabulary's names."""

    def __getattr__(self, name: str) -> Any:
        found = _RENAMED.get(name) or getattr(np, name)
        setattr(self, name, found)
        return found

    def where(self, condition: Any, a: Any, b: Any) -> Any:
        return np.where(condition, a, b)

    def like(self, value: float, x: Any) -> Any:
        return np.asarray(value, x.dtype)

    def complex(self, re: Any, im: Any) -> Any:
        """The complex number of two real parts."""
        out = np.empty(np.broadcast_shapes(np.shape(re), np.shape(im)), np.result_type(re.dtype, np.complex64))
        out.real, out.imag = re, im
        return out

    def lgamma(self, x: Any) -> Any:
        """log |gamma(x)|, by the C library, one value at a time."""
        return _vectorized(_lgamma, x)

    def erf(self, x: Any) -> Any:
        """The error function, by the C library, one value at a time."""
        return _vectorized(math.erf, x)


def _lgamma(x: float) -> float:
    if math.isinf(x) or (x <= 0 and x == math.floor(x)):
        return math.inf
    return math.lgamma(x) if x == x else x


def _vectorized(function: Any, x: Any) -> Any:
    flat = np.asarray(x)
    return np.fromiter(map(function, flat.ravel().tolist()), flat.dtype, flat.size).reshape(flat.shape)


NUMPY = NumpyScalars()
