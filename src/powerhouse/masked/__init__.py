"""`masked`: reductions and normalizations that leave elements out where a mask is False."""

from ..tensors.functions import install as _install

_install(__name__, "masked")
