"""`special`: mathematical functions beyond the elementary ones."""

from ..tensors.functions import install as _install

_install(__name__, "special")
