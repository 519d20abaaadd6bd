"""Helpers around training that are not part of the tensor itself; :mod:`powerhouse.utils.data` loads data."""

from ..tensors.functions import install as _install

_install(__name__, "utils", ("checkpoint", "data", "dlpack", "hooks"))
