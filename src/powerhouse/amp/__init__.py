"""Mixed precision: `autocast` chooses the dtype in which each op runs, `GradScaler` keeps small float16 gradients from vanishing."""

from .autocast_mode import autocast, custom_bwd, custom_fwd, is_autocast_available
from .grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
