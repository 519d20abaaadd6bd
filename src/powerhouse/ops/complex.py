"""Complex numbers: their parts, and making them."""

from __future__ import annotations

from math import pi
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import BOOL, COMPLEX
from ..graph.op import Bad, Sample, cast, composite, elementwise, primitive, to_float
from ..graph.symbol import Symbol, Type
from .arithmetic import conj, eq, where
from .trigonometry import cos, sin
from .views import zeros

_PART = {"public": False, "linear": True, "result": lambda d: d.to_real()}


@elementwise(**_PART)
def real_of(s, input):
    """The real part."""
    return s.real(input)


@elementwise(**_PART)
def imag_of(s, input):
    """The imaginary part."""
    return s.imag(input)


real_of.vjp(lambda g, out, x: (cast(g, x.dtype),))
imag_of.vjp(lambda g, out, x: (cast(g, x.dtype) * 1j,))


@composite(names=("real",))
def real(input: Symbol) -> Symbol:
    """The real part; a real tensor is its own."""
    return real_of(input) if input.dtype.is_complex else input


@composite(names=("imag",))
def imag(input: Symbol) -> Symbol:
    """The imaginary part of a complex tensor."""
    if not input.dtype.is_complex:
        raise RuntimeError(f"imag: is not implemented for tensors with non-complex dtypes, got {input.dtype}")
    return imag_of(input)


@elementwise(public=False, refuse=(BOOL, dt.INTEGER, COMPLEX), result=dt.COMPLEX_OF.__getitem__, linear=True)
def complex_of(s, input, other):
    """The complex number of two real parts."""
    return s.complex(input, other)


complex_of.vjp(lambda g, out, re, im: (real_of(g), imag_of(g)))


@composite(names=("complex",))
def complex(real: Symbol, imag: Symbol) -> Symbol:
    """The complex tensor of two floating-point tensors of one dtype.

    >>> import powerhouse as torch
    >>> torch.complex(torch.tensor(1.0), torch.tensor(2.0))
    tensor(1.+2.j)
    """
    for part in (real, imag):
        if part.dtype not in dt.COMPLEX_OF:
            raise RuntimeError(f"complex: Expected both inputs to be Half, Float or Double tensors but got {real.dtype} and {imag.dtype}")
    if real.dtype is not imag.dtype:
        raise RuntimeError(f"complex: Expected object of scalar type {real.dtype} but got scalar type {imag.dtype} for second argument")
    return complex_of(real, imag)


complex.samples(lambda draw: iter([Sample((draw(2, 3), draw(3)))]))
complex.errors(lambda draw: iter([Bad((draw(3), draw(3, dtype="float64")), {}, RuntimeError, "Expected object of scalar type")]))


@composite(names=("polar",), autocast="float32")
def polar(abs: Symbol, angle: Symbol) -> Symbol:
    """The complex tensor with magnitude `abs` and angle `angle`, in radians."""
    if abs.dtype is not angle.dtype:
        raise RuntimeError(f"polar: Expected object of scalar type {abs.dtype} but got scalar type {angle.dtype} for second argument")
    return complex(abs * cos(angle), abs * sin(angle))


polar.samples(lambda draw: iter([Sample((draw(2, 3, low=0.1), draw(3)))]))
polar.errors(lambda draw: iter([Bad((draw(3), draw(3, dtype="float64")), {}, RuntimeError, "Expected object of scalar type")]))


@elementwise(operands=to_float, result=lambda d: d.to_real(), inplace=False)
def angle(s, input):
    """The angle of each element in the complex plane, in radians; of real elements 0, or pi where negative."""
    if input.dtype.kind == "c":
        return s.atan2(s.imag(input), s.real(input))
    return s.where(s.isnan(input), input, s.where(input < 0, s.like(pi, input), s.like(0, input)))


@angle.vjp
def _(g: Symbol, out: Symbol, x: Symbol) -> Any:
    if not x.dtype.is_complex:
        return (zeros(g.shape, g.dtype),)
    square = real_of(x * conj(x))
    return (where(eq(square, 0), zeros(x.shape, x.dtype), x * (g / square) * 1j),)


def _complex_like(x: Any) -> Any:
    return np.complex128 if x.dtype.itemsize == 8 else np.complex64


@primitive(linear=True, cheap=True)
def pairs_of(x: Symbol) -> Type:
    """Complex elements as pairs (real, imaginary) in a new last dim."""
    return Type((*x.shape, 2), x.dtype.to_real())


@primitive(linear=True, cheap=True)
def of_pairs(x: Symbol) -> Type:
    """Pairs (real, imaginary) in the last dim as complex elements."""
    return Type(x.shape[:-1], dt.COMPLEX_OF[x.dtype])


pairs_of.reference(lambda x: np.stack((x.real, x.imag), -1))
of_pairs.reference(lambda x: np.ascontiguousarray(x, np.float64 if x.dtype.itemsize == 8 else np.float32).view(_complex_like(x))[..., 0])
pairs_of.vjp(lambda g, out, x: (of_pairs(g),))
of_pairs.vjp(lambda g, out, x: (pairs_of(g),))


@composite
def view_as_real(input: Symbol) -> Symbol:
    """The complex tensor `input` as real pairs: shape `[..., 2]`. A copy."""
    if not input.dtype.is_complex:
        raise RuntimeError(f"view_as_real: is only supported for complex tensors, got {input.dtype}")
    return pairs_of(input)


@composite(autocast="float32")
def view_as_complex(input: Symbol) -> Symbol:
    """The real pairs in the last dim of `input` as complex numbers. A copy."""
    if input.dtype not in dt.COMPLEX_OF:
        raise RuntimeError(f"view_as_complex: is only supported for half, float and double tensors, got {input.dtype}")
    if not input.ndim or input.shape[-1] != 2:
        raise RuntimeError(f"view_as_complex: Tensor must have a last dimension of size 2, got shape {list(input.shape)}")
    return of_pairs(input)


for _op in (real, imag, view_as_real):
    _op.samples(lambda draw: iter([Sample((draw(2, 3, dtype="complex64"),))]))
view_as_complex.samples(lambda draw: iter([Sample((draw(3, 2),))]))
imag.errors(lambda draw: iter([Bad((draw(3),), {}, RuntimeError, "non-complex dtypes")]))
view_as_real.errors(lambda draw: iter([Bad((draw(3),), {}, RuntimeError, "only supported for complex tensors")]))
view_as_complex.errors(lambda draw: iter([Bad((draw(3),), {}, RuntimeError, "last dimension of size 2")]))
