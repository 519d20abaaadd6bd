"""`nn.functional`: the ops of that namespace, and the functions that draw random numbers, keep statistics or read values."""

from ..tensors.fractional import *  # noqa: F403
from ..tensors.functional import *  # noqa: F403
from ..tensors.functions import install as _install
from ..tensors.multihead import *  # noqa: F403
from ..tensors.random import dropout as dropout
from ..tensors.random_functional import *  # noqa: F403

_install(__name__, "nn.functional")
