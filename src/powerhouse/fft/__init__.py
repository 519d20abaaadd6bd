"""`fft`: discrete Fourier transforms."""

from ..tensors.functions import install as _install

_install(__name__, "fft")
