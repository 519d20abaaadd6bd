"""`linalg`: matrix decompositions, solvers, norms and products."""

from ..tensors.functions import install as _install
from ..tensors.linear_algebra import LINALG as _LINALG

globals().update(_LINALG)
_install(__name__, "linalg")
