"""`linalg`: matrix decompositions, solvers, norms and products."""

from ..tensors.functions import install as _install

_install(__name__, "linalg")
