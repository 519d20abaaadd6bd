"""The scalar vocabulary: what the body of an elementwise op may say.

A body is a function `(s, x, ...)` where `x` is a scalar value of one interpreter (a NumPy array, an LLVM vector) and `s` that interpreter.
Values have Python's arithmetic and comparison operators (`+ - * / % // ** & | ^ ~ << >> < <= > >= == !=`, unary `-`), among
themselves and with Python numbers; what operators cannot say is a method here. Angles are in radians.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

UNARY = (
    "abs",
    "floor",
    "ceil",
    "trunc",
    "rint",
    "sqrt",
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "isnan",
    "isinf",
    "isfinite",
    "signbit",
    "logical_not",
    "conj",
    "real",
    "imag",
    "angle",
    "erf",
    "lgamma",
)
BINARY = (
    "minimum",
    "maximum",
    "fmin",
    "fmax",
    "atan2",
    "copysign",
    "nextafter",
    "hypot",
    "fmod",
    "remainder",
    "floor_divide",
    "power",
    "gcd",
    "lcm",
    "ldexp",
    "complex",
)


class Scalars(ABC):
    """An interpreter of scalar bodies. The methods named in UNARY and BINARY are reached as attributes."""

    @abstractmethod
    def __getattr__(self, name: str) -> Any:
        """The function called `name`, one of UNARY or BINARY."""

    @abstractmethod
    def where(self, condition: Any, a: Any, b: Any) -> Any:
        """`a` where `condition` holds, else `b`."""

    @abstractmethod
    def like(self, value: float, x: Any) -> Any:
        """The constant `value` in the type of `x`."""
