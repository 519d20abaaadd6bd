"""Floor 3: functions from symbols to symbols."""

from . import loop  # noqa: F401 -- declares the gradient of loops
