"""The short-time Fourier transform and its inverse."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core import dtypes as dt
from ...core.dtypes import FLOAT
from ...graph.op import Bad, Sample, composite, constant, expand, fit
from ...graph.symbol import Symbol
from ..complex import view_as_real
from ..fourier import KINDS, resized, transform
from ..joining import joined
from ..padding import pad
from ..shape import span
from ..views import permute_dims, reshape_to, strided_put, windows_of, zeros


def _window_of(window: Symbol | None, n_fft: int, win_length: int, dtype: dt.dtype, op: str) -> Symbol:
    """The window, of ones if None, in the middle of `n_fft` places."""
    if window is None:
        window = fit(constant(1), dtype, (win_length,))
    if window.shape != (win_length,):
        raise RuntimeError(
            f"{op}: expected a 1D window tensor of size equal to win_length={win_length}, but got window with size {list(window.shape)}"
        )
    before = (n_fft - win_length) // 2
    after = n_fft - win_length - before
    parts = tuple(zeros((n,), window.dtype) for n in (before, after))
    return window if n_fft == win_length else joined((parts[0], window, parts[1]), 0)


def _checked_sizes(n_fft: int, hop_length: int | None, win_length: int | None, op: str) -> tuple[int, int]:
    hop = n_fft // 4 if hop_length is None else hop_length
    width = n_fft if win_length is None else win_length
    if hop <= 0:
        raise RuntimeError(f"{op}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < width <= n_fft:
        raise RuntimeError(f"{op}: expected 0 < win_length <= n_fft, but got win_length={width} and n_fft={n_fft}")
    return hop, width


@composite(names=("stft", "Tensor.stft"), out=False, autocast="float32")
def stft(input: Symbol, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Symbol | None = None,
         center: bool = True,
         pad_mode: str = "reflect", normalized: bool = False, onesided: bool | None = None, return_complex: bool | None = None,
         align_to_window: bool | None = None) -> Symbol:
    """The short-time Fourier transform of signals (L,) or (batch, L): (batch, frequencies, frames), complex.

    Frames of `n_fft` samples, `hop_length` apart (by default n_fft // 4), times `window` (`win_length` samples, zeros around it), are
    transformed. `center` pads the signal by n_fft // 2 on both sides in `pad_mode`. `onesided` (the default for real signals) keeps
    n_fft // 2 + 1 frequencies; `normalized` divides by the root of n_fft. `return_complex=False` gives real pairs in a last dim.
    """
    if input.ndim not in (1, 2) or input.dtype.category < FLOAT:
        raise RuntimeError(
            f"stft: expected a 1D or 2D tensor of floating-point or complex values, but got {input.dtype} {list(input.shape)}"
        )
    if return_complex is None:
        if not input.dtype.is_complex and (window is None or not window.dtype.is_complex):
            raise RuntimeError("stft: stft requires the return_complex parameter be given for real inputs; pass return_complex=True")
        return_complex = True
    hop, width = _checked_sizes(n_fft, hop_length, win_length, "stft")
    batch = input if input.ndim == 2 else reshape_to(input, (1, input.numel))
    if center:
        batch = pad(batch, (n_fft // 2, n_fft // 2), pad_mode)
    length = batch.shape[1]
    if not 0 < n_fft <= length:
        raise RuntimeError(f"stft: expected 0 < n_fft <= {length}, but got n_fft={n_fft} for an input of size {list(input.shape)}")
    frames = windows_of(batch, 1, n_fft, hop)  # (batch, frames, n_fft)
    frames = frames * _window_of(window, n_fft, width, input.dtype.to_real(), "stft")
    half = not frames.dtype.is_complex if onesided is None else onesided
    if half and frames.dtype.is_complex:
        raise RuntimeError("stft: Cannot have onesided output if window or input is complex")
    out = transform(frames, (None,), (2,), "ortho" if normalized else None, KINDS["rfft" if half else "fft"], "stft")
    out = permute_dims(out, (0, 2, 1))  # (batch, frequencies, frames)
    out = out if input.ndim == 2 else reshape_to(out, out.shape[1:])
    return out if return_complex else view_as_real(out)


@composite(names=("istft", "Tensor.istft"), out=False)
def istft(input: Symbol, n_fft: int, hop_length: int | None = None, win_length: int | None = None, window: Symbol | None = None,
          center: bool = True,
          normalized: bool = False, onesided: bool | None = None, length: int | None = None, return_complex: bool = False) -> Symbol:
    """The signal (L,) or (batch, L) of least squared distance to a short-time Fourier transform (batch, frequencies, frames).

    Arguments as for `stft`. The squared windows must not add up to 0 anywhere (there the result is nan or infinite). `length` cuts or
    extends the signal. Source: Griffin and Lim, Signal estimation from modified short-time Fourier transform, 1984.
    """
    if not input.dtype.is_complex:
        raise RuntimeError(
            f"istft: requires a complex-valued input tensor matching the output from stft with return_complex=True; got {input.dtype}"
        )
    if input.ndim not in (2, 3) or not input.numel:
        raise RuntimeError(f"istft: expected a tensor with 2 or 3 dimensions and at least one element, got {list(input.shape)}")
    hop, width = _checked_sizes(n_fft, hop_length, win_length, "istft")
    spectra = permute_dims(input if input.ndim == 3 else reshape_to(input, (1, *input.shape)), (0, 2, 1))  # (batch, frames, frequencies)
    count, frequencies = spectra.shape[1:]
    half = frequencies != n_fft if onesided is None else onesided
    if frequencies != (n_fft // 2 + 1 if half else n_fft):
        raise RuntimeError(
            f"istft: expected the frequency dimension (3rd to the last) of the input tensor to match n_fft={n_fft}, got {frequencies}"
        )
    if return_complex and half:
        raise RuntimeError("istft: cannot have onesided output if window or input is complex")
    taper = _window_of(window, n_fft, width, input.dtype.to_real(), "istft")
    frames = transform(spectra, (n_fft,), (2,), "ortho" if normalized else None, KINDS["ifft" if return_complex else "irfft"], "istft")
    full = n_fft + hop * (count - 1)
    signal = _overlapped(frames * taper, hop, full)
    weight = _overlapped(expand(reshape_to(taper * taper, (1, 1, n_fft)), (1, count, n_fft)), hop, full)
    start = n_fft // 2 if center else 0
    stop = full if length is not None else full - start
    wanted = stop - start if length is None else length
    kept = min(stop, start + wanted) - start
    out = resized(span(signal, 1, start, kept) / span(weight, 1, start, kept), 1, wanted)
    return out if input.ndim == 3 else reshape_to(out, (wanted,))


def _overlapped(frames: Symbol, hop: int, length: int) -> Symbol:
    """Frames (batch, count, n), `hop` apart, added up to signals (batch, length)."""
    batch = frames.shape[0]
    return strided_put(zeros((batch, length), frames.dtype), frames, frames.shape, (length, hop, 1), 0, True)


def _tapers(draw: Any) -> Any:
    return np.abs(draw(8)) + np.float32(0.5)


@stft.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 20), 8), {"window": _tapers(draw), "return_complex": True})
    yield Sample((draw(20), 8, 3), {"window": _tapers(draw)[:6], "win_length": 6, "return_complex": True, "normalized": True,
                                    "center": False})
    yield Sample((draw(20), 8), {"window": _tapers(draw), "return_complex": True, "onesided": False, "pad_mode": "constant"})
    yield Sample((draw(20, dtype="complex64"), 8), {"window": _tapers(draw)})


@istft.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 5, 6, dtype="complex64"), 8), {"window": _tapers(draw)})
    yield Sample((draw(5, 6, dtype="complex64"), 8, 3), {"window": _tapers(draw), "length": 17, "normalized": True})
    yield Sample((draw(8, 6, dtype="complex64"), 8), {"window": _tapers(draw), "onesided": False, "return_complex": True, "center": False})


@stft.errors
def _(draw: Any) -> Any:
    yield Bad((draw(20), 8), {}, RuntimeError, "return_complex")
    yield Bad((draw(4), 8), {"return_complex": True, "center": False}, RuntimeError, "0 < n_fft")
    yield Bad((draw(20), 8), {"return_complex": True, "window": draw(5)}, RuntimeError, "1D window")


@istft.errors
def _(draw: Any) -> Any:
    yield Bad((draw(5, 6), 8), {}, RuntimeError, "complex-valued input")
    yield Bad((draw(7, 6, dtype="complex64"), 8), {"onesided": True}, RuntimeError, "frequency dimension")


__all__ = ["istft", "stft"]
