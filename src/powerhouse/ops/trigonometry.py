"""Trigonometric and hyperbolic functions, and their inverses. Angles are in radians."""

from __future__ import annotations

from math import pi
from typing import Any

from ..core.dtypes import COMPLEX
from ..graph.op import elementwise, to_float
from ..graph.symbol import Symbol
from .arithmetic import conj, eq, rsqrt, where
from .views import zeros


@elementwise(operands=to_float)
def sin(s, input):
    """The sine.

    >>> import powerhouse as torch
    >>> torch.sin(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8415])
    """
    return s.sin(input)


@elementwise(operands=to_float)
def cos(s, input):
    """The cosine.

    >>> import powerhouse as torch
    >>> torch.cos(torch.tensor([0.0, 1.0]))
    tensor([1.0000, 0.5403])
    """
    return s.cos(input)


@elementwise(operands=to_float, domain=(-1.5, 1.5))
def tan(s, input):
    """The tangent."""
    return s.tan(input)


@elementwise(operands=to_float, domain=(-0.9, 0.9), names=("asin", "Tensor.asin", "arcsin", "Tensor.arcsin"))
def asin(s, input):
    """The angle, in -pi/2 ... pi/2, that has this sine; nan beyond 1."""
    return s.asin(input)


@elementwise(operands=to_float, domain=(-0.9, 0.9), names=("acos", "Tensor.acos", "arccos", "Tensor.arccos"))
def acos(s, input):
    """The angle, in 0 ... pi, that has this cosine; nan beyond 1."""
    return s.acos(input)


@elementwise(operands=to_float, names=("atan", "Tensor.atan", "arctan", "Tensor.arctan"))
def atan(s, input):
    """The angle, in -pi/2 ... pi/2, that has this tangent."""
    return s.atan(input)


@elementwise(operands=to_float, refuse=(COMPLEX,), names=("atan2", "Tensor.atan2", "arctan2", "Tensor.arctan2"))
def atan2(s, input: Symbol, other: Symbol):
    """The angle, in -pi ... pi, of the point with ordinate `input` and abscissa `other`.

    >>> import powerhouse as torch
    >>> torch.atan2(torch.tensor(1.0), torch.tensor(-1.0))
    tensor(2.3562)
    """
    return s.atan2(input, other)


@elementwise(operands=to_float)
def sinh(s, input):
    """The hyperbolic sine."""
    return s.sinh(input)


@elementwise(operands=to_float)
def cosh(s, input):
    """The hyperbolic cosine."""
    return s.cosh(input)


@elementwise(operands=to_float, names=("asinh", "Tensor.asinh", "arcsinh", "Tensor.arcsinh"))
def asinh(s, input):
    """The inverse of the hyperbolic sine."""
    return s.asinh(input)


@elementwise(operands=to_float, domain=(1.1, 3), names=("acosh", "Tensor.acosh", "arccosh", "Tensor.arccosh"))
def acosh(s, input):
    """The inverse of the hyperbolic cosine; nan below 1."""
    return s.acosh(input)


@elementwise(operands=to_float, domain=(-0.9, 0.9), names=("atanh", "Tensor.atanh", "arctanh", "Tensor.arctanh"))
def atanh(s, input):
    """The inverse of the hyperbolic tangent; nan beyond 1."""
    return s.atanh(input)


sin.vjp(lambda g, out, x: (g * conj(cos(x)),))
cos.vjp(lambda g, out, x: (-g * conj(sin(x)),))
tan.vjp(lambda g, out, x: (g * conj(1 + out * out),))
asin.vjp(lambda g, out, x: (g * conj(rsqrt(1 - x * x)),))
acos.vjp(lambda g, out, x: (-g * conj(rsqrt(1 - x * x)),))
atan.vjp(lambda g, out, x: (g / conj(1 + x * x),))
sinh.vjp(lambda g, out, x: (g * conj(cosh(x)),))
cosh.vjp(lambda g, out, x: (g * conj(sinh(x)),))
asinh.vjp(lambda g, out, x: (g * conj(rsqrt(1 + x * x)),))
acosh.vjp(lambda g, out, x: (g * conj(rsqrt(x - 1) * rsqrt(x + 1)),))
atanh.vjp(lambda g, out, x: (g / conj(1 - x * x),))


@atan2.vjp
def _(g: Symbol, out: Symbol, y: Symbol, x: Symbol) -> Any:
    square = y * y + x * x
    scale = where(eq(square, 0), zeros(g.shape, g.dtype), g / square)
    return scale * x, -(scale * y)


@elementwise(operands=to_float, also=("special.sinc",))
def sinc(s, input):
    """The normalized cardinal sine, `sin(pi x) / (pi x)`, and 1 at 0."""
    angle = input * pi
    return s.where(angle == 0, s.like(1, input), s.sin(angle) / s.where(angle == 0, s.like(1, input), angle))


@sinc.vjp
def _(g: Symbol, out: Symbol, x: Symbol) -> Any:
    angle = x * pi
    safe = where(eq(x, 0), 1.0, x)
    slope = (cos(angle) * angle - sin(angle)) / (safe * safe * pi)
    return (where(eq(x, 0), zeros(g.shape, g.dtype), g * conj(slope)),)


@elementwise(operands=to_float, refuse=(COMPLEX,), linear=True)
def deg2rad(s, input):
    """Degrees to radians."""
    return input * (pi / 180)


@elementwise(operands=to_float, refuse=(COMPLEX,), linear=True)
def rad2deg(s, input):
    """Radians to degrees."""
    return input * (180 / pi)


deg2rad.vjp(lambda g, out, x: (deg2rad(g),))
rad2deg.vjp(lambda g, out, x: (rad2deg(g),))


@elementwise(refuse=(COMPLEX,))
def hypot(s, input: Symbol, other: Symbol):
    """`sqrt(input**2 + other**2)`, without overflow on the way.

    >>> import powerhouse as torch
    >>> torch.hypot(torch.tensor(3.0), torch.tensor(4.0))
    tensor(5.)
    """
    return s.hypot(input, other)


hypot.vjp(lambda g, out, a, b: (g * (a / out), g * (b / out)))
