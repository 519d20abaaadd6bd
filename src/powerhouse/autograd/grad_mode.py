"""The gradient modes under their PyTorch module name."""

from ..tensors._gradient import enable_grad, inference_mode, no_grad, set_grad_enabled

__all__ = ["enable_grad", "inference_mode", "no_grad", "set_grad_enabled"]
