"""The types of results with names, such as `torch.return_types.max`.

>>> import powerhouse as torch
>>> isinstance(torch.max(torch.ones(2), 0), torch.return_types.max)
True
"""

from __future__ import annotations

from .core.returns import TYPES

globals().update(TYPES)
