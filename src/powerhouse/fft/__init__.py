"""`fft`: discrete Fourier transforms."""

from ..tensors.frequency import fftfreq, rfftfreq
from ..tensors.functions import install as _install

__all__ = ["fftfreq", "rfftfreq"]
_install(__name__, "fft")
