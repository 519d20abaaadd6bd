"""Losses. Most are one elementwise expression and a reduction."""

from __future__ import annotations

from math import log as log_of
from math import pi
from typing import Any

import numpy as np

from ...core import dtypes as dt
from ...core.dtypes import COMPLEX, FLOAT
from ...core.promotion import to_float
from ...graph.op import Bad, Operand, Sample, cast, composite, constant, elementwise, expand, primitive
from ...graph.symbol import Symbol, Type
from ..arithmetic import abs as magnitude
from ..arithmetic import eq, exp, log, maximum, minimum, ne, negate, where
from ..embedding import checked_index
from ..exponential import log1p
from ..indexing import index_get
from ..reduction import iota_along, reduced
from ..views import reduce_sum, reshape_to, restore, zeros
from .distance import norm_over, pairwise_distance
from .softmax import log_softmax, narrow, wide
