"""Element types, under PyTorch's names."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

# Categories in promotion order.
BOOL, INTEGER, FLOAT, COMPLEX = range(4)


class dtype:  # noqa: N801 (PyTorch's name)
    """An element type such as `float32`: one object each, compared by identity.

    Attributes: `name`; `numpy`, the NumPy dtype that stores it; `itemsize` in bytes; `category`, one of BOOL, INTEGER,
    FLOAT, COMPLEX; `compute`, the dtype in which elementwise arithmetic is done (float32 for the half types).
    """

    __slots__ = ("name", "numpy", "itemsize", "category", "is_floating_point", "is_complex", "is_signed", "compute", "rank", "max", "min")

    def __init__(self, name: str, numpy_type: Any, category: int, rank: int) -> None:
        self.name = name
        self.numpy = np.dtype(numpy_type)
        self.itemsize = self.numpy.itemsize
        self.category = category
        self.rank = rank
        self.is_floating_point = category == FLOAT
        self.is_complex = category == COMPLEX
        self.is_signed = category in (FLOAT, COMPLEX) or (category == INTEGER and self.numpy.kind == "i")
        self.compute: dtype = self

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return "bool_" if self.category == BOOL else self.name  # its name in this module

    def to_real(self) -> dtype:
        """The dtype of the real part: `complex64.to_real()` is `float32`."""
        return REAL_OF.get(self, self)

    def to_complex(self) -> dtype:
        """The complex dtype with this one as its real part."""
        if self.is_complex:
            return self
        if self not in COMPLEX_OF:
            raise RuntimeError(f"to_complex: {self} has no complex counterpart")
        return COMPLEX_OF[self]


bool_ = dtype("bool", np.bool_, BOOL, 0)
uint8 = dtype("uint8", np.uint8, INTEGER, 1)
int8 = dtype("int8", np.int8, INTEGER, 2)
int16 = dtype("int16", np.int16, INTEGER, 3)
int32 = dtype("int32", np.int32, INTEGER, 4)
int64 = dtype("int64", np.int64, INTEGER, 5)
uint16 = dtype("uint16", np.uint16, INTEGER, 3)
uint32 = dtype("uint32", np.uint32, INTEGER, 4)
uint64 = dtype("uint64", np.uint64, INTEGER, 5)
float8_e4m3fn = dtype("float8_e4m3fn", ml_dtypes.float8_e4m3fn, FLOAT, 5)
float8_e5m2 = dtype("float8_e5m2", ml_dtypes.float8_e5m2, FLOAT, 5)
float16 = dtype("float16", np.float16, FLOAT, 6)
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, FLOAT, 6)
float32 = dtype("float32", np.float32, FLOAT, 7)
float64 = dtype("float64", np.float64, FLOAT, 8)
complex64 = dtype("complex64", np.complex64, COMPLEX, 9)
complex128 = dtype("complex128", np.complex128, COMPLEX, 10)

ALL = (
    bool_,
    uint8,
    int8,
    int16,
    int32,
    int64,
    uint16,
    uint32,
    uint64,
    float16,
    bfloat16,
    float32,
    float64,
    complex64,
    complex128,
    float8_e4m3fn,
    float8_e5m2,
)
for _half in (float16, bfloat16, float8_e4m3fn, float8_e5m2):
    _half.compute = float32

REAL_OF = {complex64: float32, complex128: float64}
COMPLEX_OF = {float16: complex64, bfloat16: complex64, float32: complex64, float64: complex128}
BY_NAME = {d.name: d for d in ALL}
ALIASES = {
    "float": float32,
    "double": float64,
    "half": float16,
    "int": int32,
    "long": int64,
    "short": int16,
    "cfloat": complex64,
    "cdouble": complex128,
}
_BY_NUMPY = {d.numpy: d for d in ALL}
_BY_PYTHON = {bool: bool_, int: int64, complex: complex64}


def from_numpy(numpy_type: Any, op: str = "from_numpy") -> dtype:
    """The dtype that a NumPy dtype stands for. Raises TypeError where there is none (strings, objects, dates)."""
    found = _BY_NUMPY.get(np.dtype(numpy_type).newbyteorder("="))
    if found is None:
        names = ", ".join(d.name for d in ALL)
        raise TypeError(f"{op}: can't convert np.ndarray of type {np.dtype(numpy_type)}. The only supported types are: {names}.")
    return found


def as_dtype(value: Any, op: str) -> dtype:
    """`value` as a dtype; Python's `float`, `int`, `bool`, `complex` are accepted as PyTorch accepts them."""
    if value.__class__ is dtype:
        return value
    if value is float:
        return default_float()
    if value in _BY_PYTHON:
        return _BY_PYTHON[value]
    raise TypeError(f"{op}(): argument 'dtype' must be torch.dtype, not {type(value).__name__}")


_default = [float32]


def default_float() -> dtype:
    """The dtype of Python floats and of integer division's results."""
    return _default[0]


def set_default_float(d: dtype) -> None:
    """Set what `default_float` returns. Only floating-point dtypes are accepted."""
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise TypeError(f"set_default_dtype: only floating-point types are supported as the default type, got {d!r}")
    _default[0] = d


def default_complex() -> dtype:
    """The dtype of Python complex numbers."""
    return COMPLEX_OF[default_float()]
