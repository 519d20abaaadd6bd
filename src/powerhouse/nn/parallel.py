"""One model on several devices."""

from __future__ import annotations

from typing import Any

from .module import Module

__all__ = ["DataParallel"]


class DataParallel(Module):
    """`module` under PyTorch's name for running it on several GPUs at once.

    One process drives one device here, which its own threads fill, so a call is a call of the module. What stays is that
    names in the state dict begin with `module.`. Arguments: `module`; the others are kept as attributes.
    """

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0) -> None:
        super().__init__()
        self.module = module
        self.device_ids = [] if device_ids is None else list(device_ids)
        self.output_device, self.dim = output_device, dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)
