"""Discrete Fourier transforms: fft and its relatives for real signals and spectra, in one, two and n dims.

Three unnormalized primitives carry all of them; each one's gradient is its adjoint, another of the three. Half precision is refused, as
PyTorch does on the CPU; integers become floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt
from typing import Any, NamedTuple

import numpy as np

from ..core import dtypes as dt
from ..core.dtypes import FLOAT
from ..core.shapes import wrap_dim
from ..graph.op import Bad, Op, Sample, cast, composite, constant, primitive
from ..graph.symbol import Symbol, Type
from .arithmetic import conj, real_part, where
from .joining import joined
from .reduction import iota_along
from .shape import span, with_size
from .turning import roll
from .views import zeros

# --- primitives -----------------------------------------------------------------------------------------------------------------


@primitive(linear=True)
def spectrum(x: Symbol, dims: tuple[int, ...], inverse: bool) -> Type:
    """The unnormalized transform of complex `x` over `dims`, with `exp(-2 pi i j k / n)`, or its conjugate for the inverse."""
    return x.type


@spectrum.reference
def _(x: Any, dims: tuple[int, ...], inverse: bool) -> Any:
    for d in dims:
        x = np.fft.ifft(x, axis=d, norm="forward") if inverse else np.fft.fft(x, axis=d)
    return x


spectrum.vjp(lambda g, out, x, dims, inverse: (spectrum(g, dims, not inverse),))


@primitive(linear=True)
def half_spectrum(x: Symbol, dim: int) -> Type:
    """The first n / 2 + 1 values of the transform of real `x` along `dim`; the others are their conjugates."""
    return Type(with_size(x.shape, dim, x.shape[dim] // 2 + 1), x.dtype.to_complex())


half_spectrum.reference(lambda x, dim: np.fft.rfft(x, axis=dim))
half_spectrum.vjp(lambda g, out, x, dim: (real_part(spectrum(resized(g, dim, x.shape[dim]), (dim,), True)),))


@primitive(linear=True)
def real_signal(x: Symbol, dim: int, n: int) -> Type:
    """The real signal of length n whose unnormalized half spectrum along `dim` is `x`."""
    return Type(with_size(x.shape, dim, n), x.dtype.to_real())


real_signal.reference(lambda x, dim, n: np.fft.irfft(x, n, axis=dim, norm="forward"))


@real_signal.vjp
def _(g: Symbol, out: Symbol, x: Symbol, dim: int, n: int) -> Any:
    # Every value but the first (and for even n the last) stands for its conjugate, too.
    k = iota_along(n // 2 + 1, dim, x.shape)
    single = (k < 1) | (k * 2 >= n)
    return (half_spectrum(g, dim) * where(single, constant(1.0), constant(2.0)),)


def resized(x: Symbol, dim: int, n: int) -> Symbol:
    """`x` cut or extended with zeros to size n along `dim`."""
    have = x.shape[dim]
    if n <= have:
        return span(x, dim, 0, n)
    return joined((x, zeros(with_size(x.shape, dim, n - have), x.dtype)), dim)


# --- the six transforms -----------------------------------------------------------------------------------------------------------


class Kind(NamedTuple):
    """A transform: what goes in and out, its direction, and what it does."""

    real_in: bool
    real_out: bool
    inverse: bool
    doc: str


KINDS = {
    "fft": Kind(False, False, False, "The discrete Fourier transform"),
    "ifft": Kind(False, False, True, "The inverse of the discrete Fourier transform"),
    "rfft": Kind(True, False, False,
                 "The transform of a real signal: the first n / 2 + 1 values of the last dim, which determine the others"),
    "irfft": Kind(False, True, True,
                  "The real signal whose half spectrum is given: the inverse of `rfft`; the size of the last dim is even by default"),
    "hfft": Kind(False, True, False,
                 "The (real) transform of a signal with Hermitian symmetry, of which the first half of the last dim is given"),
    "ihfft": Kind(True, False, True, "The inverse of `hfft`: the first half of a signal with Hermitian symmetry"),
}


def transform(x: Symbol, sizes: Sequence[int | None], dims: tuple[int, ...], norm: str | None, kind: Kind, op: str) -> Symbol:
    """Transform `x` over `dims` after resizing them to `sizes` (None and -1 keep a size); the last dim is the halved one."""
    x = _operand(x, kind.real_in, op)
    if not dims:
        if kind.real_in or kind.real_out:
            raise RuntimeError(f"{op}: must transform at least one axis")
        return x * 1
    last, rest = dims[-1], dims[:-1]
    given = [None if n == -1 else n for n in sizes]
    usual = [2 * (x.shape[d] - 1) if kind.real_out and d == last else x.shape[d] for d in dims]
    lengths = [u if n is None else n for n, u in zip(given, usual, strict=True)]
    for n in lengths:
        if n < 1:
            raise RuntimeError(f"{op}: Invalid number of data points ({n}) specified")
    for d, n in zip(dims, lengths, strict=True):
        x = resized(x, d, n // 2 + 1 if kind.real_out and d == last else n)
    if kind.real_in:
        half = half_spectrum(x, last)
        out = conj(half) if kind.inverse else half
        out = spectrum(out, rest, kind.inverse) if rest else out
    elif kind.real_out:
        out = spectrum(x, rest, kind.inverse) if rest else x
        out = real_signal(out if kind.inverse else conj(out), last, lengths[-1])
    else:
        out = spectrum(x, dims, kind.inverse)
    factor = _factor(norm, kind.inverse, prod(lengths), op)
    return out if factor == 1 else out * constant(factor)


def _operand(x: Symbol, real: bool, op: str) -> Symbol:
    if x.dtype in (dt.float16, dt.bfloat16):
        raise RuntimeError(f"{op}: Unsupported dtype {x.dtype}")
    if real and x.dtype.is_complex:
        raise RuntimeError(f"{op} expects a real input tensor, but got {x.dtype}")
    x = cast(x, dt.default_float()) if x.dtype.category < FLOAT else x
    return x if real else cast(x, x.dtype.to_complex())


def _factor(norm: str | None, inverse: bool, n: int, op: str) -> float:
    if norm not in (None, "backward", "forward", "ortho"):
        raise RuntimeError(f'{op}: Invalid normalization mode: "{norm}"; expected "forward", "backward" or "ortho"')
    if norm == "ortho":
        return 1 / sqrt(n)
    return 1 / n if inverse == (norm != "forward") else 1.0


def _dims_and_sizes(x: Symbol, s: Any, dim: Any, op: str) -> tuple[tuple[int, ...], tuple[int | None, ...]]:
    """The dims of an n-dim transform and their sizes: all of `x`, the last ones if only `s` is given."""
    s = (s,) if isinstance(s, int) else s
    dim = (dim,) if isinstance(dim, int) else dim
    if s is not None and len(s) > x.ndim:
        raise RuntimeError(f"{op}: Got shape with {len(s)} values but input tensor only has {x.ndim} dimensions.")
    if dim is None:
        dim = tuple(range(x.ndim - len(s), x.ndim)) if s is not None else tuple(range(x.ndim))
    dims = tuple(wrap_dim(d, x.ndim, op) for d in dim)
    if len(set(dims)) != len(dims):
        raise RuntimeError(f"{op}: FFT dims must be unique, got {dim}")
    if s is not None and len(s) != len(dims):
        raise RuntimeError(f"{op}: When given, dim and shape arguments must have the same length; got dim={dim} and s={s}")
    return dims, (None,) * len(dims) if s is None else tuple(s)


# --- their public names -------------------------------------------------------------------------------------------------------------


def _along_one(name: str, kind: Kind) -> Op:
    op = f"fft.{name}"

    def function(input: Symbol, n: int | None = None, dim: int = -1, norm: str | None = None) -> Symbol:
        if not input.ndim:
            raise IndexError(f"{op}: Dimension specified as {dim} but tensor has no dimensions")
        return transform(input, (n,), (wrap_dim(dim, input.ndim, op),), norm, kind, op)

    function.__doc__ = f"{kind.doc}, along `dim`.\n\n{_NOTES.format('`n` cuts `dim` or pads it with zeros')}"
    return composite(function, name=f"fft_{name}", names=(op,), label=f"fft_{name}", autocast="float32")


def _along_two(name: str, kind: Kind) -> Op:
    op = f"fft.{name}2"

    def function(input: Symbol, s: Any = None, dim: Any = (-2, -1), norm: str | None = None) -> Symbol:
        dims, sizes = _dims_and_sizes(input, s, dim, op)
        return transform(input, sizes, dims, norm, kind, op)

    function.__doc__ = f"{kind.doc}, over two dims.\n\n{_NOTES.format('`s` cuts the dims or pads them with zeros')}"
    return composite(function, name=f"fft_{name}2", names=(op,), label=f"fft_{name}2", autocast="float32")


def _along_many(name: str, kind: Kind) -> Op:
    op = f"fft.{name}n"

    def function(input: Symbol, s: Any = None, dim: Any = None, norm: str | None = None) -> Symbol:
        dims, sizes = _dims_and_sizes(input, s, dim, op)
        return transform(input, sizes, dims, norm, kind, op)

    function.__doc__ = f"{kind.doc}, over `dim` (by default all dims).\n\n{_NOTES.format('`s` cuts the dims or pads them with zeros')}"
    return composite(function, name=f"fft_{name}n", names=(op,), label=f"fft_{name}n", autocast="float32")


_NOTES = """{} first. `norm`: "backward" (the default) divides inverses by the number of elements, "forward" forward transforms,
"ortho" both by its root. Raises RuntimeError for half precision and for sizes below 1."""


def _spectrum_sample(kind: Kind, draw: Any, *shape: int) -> Any:
    """A sample; half spectra are complex."""
    return draw(*shape) if kind.real_in or not kind.real_out else draw(*shape, dtype="complex64")


def _one_samples(kind: Kind) -> Any:
    def samples(draw: Any) -> Any:
        for shape, kw in (((5,), {}), ((2, 4), {}), ((4, 3), {"dim": 0, "norm": "ortho"}), ((2, 4), {"n": 6, "norm": "forward"}),
                          ((2, 4), {"n": 3})):
            yield Sample((_spectrum_sample(kind, draw, *shape),), kw)

    return samples


def _many_samples(kind: Kind) -> Any:
    def samples(draw: Any) -> Any:
        for shape, kw in (((3, 4), {}), ((2, 3, 4), {"norm": "ortho"}), ((3, 4), {"s": (4, 3), "norm": "forward"}),
                          ((2, 4, 3), {"dim": (0, 1)})):
            yield Sample((_spectrum_sample(kind, draw, *shape),), kw)

    return samples


def _declare(name: str, kind: Kind) -> None:
    one, two, many = _along_one(name, kind), _along_two(name, kind), _along_many(name, kind)
    one.samples(_one_samples(kind))
    one.errors(lambda draw: iter([Bad((draw(3),), {"n": 0}, RuntimeError, "Invalid number of data points"),
                                  Bad((draw(3),), {"norm": "x"}, RuntimeError, "normalization mode"),
                                  Bad((draw(),), {}, IndexError, "no dimensions"), Bad((draw(3, dtype="float16"),), {}, RuntimeError,
                                      "Unsupported dtype"),
                                  Bad((draw(3),), {"dim": 1}, IndexError, "out of range")]))
    for op in (two, many):
        op.samples(_many_samples(kind))
        op.errors(lambda draw: iter([Bad((draw(3, 3),), {"dim": (0, 0)}, RuntimeError, "must be unique"),
                                     Bad((draw(3, 3),), {"s": (2, 2), "dim": (0,)}, RuntimeError, "same length"),
                                     Bad((draw(3, 3),), {"s": (2, 2, 2)}, RuntimeError, "only has 2 dimensions")]))


for _name, _kind in KINDS.items():
    _declare(_name, _kind)

# --- order of frequencies -----------------------------------------------------------------------------------------------------------


def _shifted(input: Symbol, dim: Any, back: bool, op: str) -> Symbol:
    dims = range(input.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    dims = tuple(wrap_dim(d, input.ndim, op) for d in dims)
    if not dims:
        return input * 1
    return roll(input, tuple((input.shape[d] + back) // 2 for d in dims), dims)


@composite(names=("fft.fftshift",), out=False)
def fftshift(input: Symbol, dim: Any = None) -> Symbol:
    """A spectrum with frequency 0 moved from the start to the middle of `dim` (by default of all dims)."""
    return _shifted(input, dim, False, "fft.fftshift")


@composite(names=("fft.ifftshift",), out=False)
def ifftshift(input: Symbol, dim: Any = None) -> Symbol:
    """The inverse of `fftshift`."""
    return _shifted(input, dim, True, "fft.ifftshift")


for _op in (fftshift, ifftshift):
    _op.samples(lambda draw: iter([Sample((draw(5),)), Sample((draw(3, 4),)), Sample((draw(3, 4),), {"dim": 1})]))
    _op.errors(lambda draw: iter([Bad((draw(3),), {"dim": 1}, IndexError, "out of range")]))

__all__ = ["KINDS", "fftshift", "half_spectrum", "ifftshift", "real_signal", "resized", "spectrum", "transform"]
