"""Spectral normalization by a hook, with `weight_orig`, `weight_u` and `weight_v`; the newer way is `parametrizations.spectral_norm`."""

from __future__ import annotations

from typing import Any

from ...autograd import no_grad
from ...tensors import Tensor
from .. import functional as F
from ..conv import _ConvTransposeNd
from ..module import Module
from ..parameter import Parameter, is_lazy

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]


class SpectralNorm:
    """The forward pre-hook that computes the weight `name` from the parameter `name`_orig, by power iteration."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        if n_power_iterations <= 0:
            raise ValueError(f"spectral_norm: Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
        self.name, self.n_power_iterations, self.dim, self.eps = name, n_power_iterations, dim, eps

    def matrix(self, weight: Tensor) -> Tensor:
        """The weight as (outputs, everything else)."""
        return weight.movedim(self.dim, 0).flatten(1)

    def unit(self, x: Tensor) -> Tensor:
        """`x` with Euclidean norm 1."""
        return F.normalize(x, dim=0, eps=self.eps)

    def compute_weight(self, module: Module, iterate: bool) -> Tensor:
        """The original weight over its largest singular value `u W v`; with `iterate`, `u` and `v` come nearer to that value's vectors."""
        weight, u, v = (getattr(module, self.name + suffix) for suffix in ("_orig", "_u", "_v"))
        matrix = self.matrix(weight)
        if iterate:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(self.unit(matrix.t() @ u))
                    u.copy_(self.unit(matrix @ v))
        u, v = u.clone(), v.clone()  # the buffers change at the next call, maybe before this call's backward
        return weight / (u @ (matrix @ v))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


class _WriteVersion:
    """After `state_dict`: note in the metadata that `name`_v is part of the state, as PyTorch's files do."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, module: Module, state_dict: Any, prefix: str, local_metadata: dict[str, Any]) -> None:
        local_metadata.setdefault("spectral_norm", {})[f"{self.name}.version"] = 1


def spectral_norm(module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None) -> Module:
    """Divide a weight by its largest singular value before every forward (Miyato et al. 2018).

    Arguments: `module`; `name` of its weight; `n_power_iterations` before each forward while training; `eps`, against division by zero;
    `dim`, of the outputs: 0, or 1 for transposed convolutions, where None. Returns the module, with the parameter `weight_orig` and the
    buffers `weight_u` (outputs,) and `weight_v` (everything else,).

    Errors: ValueError for no iterations, or a weight that is None or not initialized yet; RuntimeError where `name` is normalized already.

    >>> import powerhouse as torch
    >>> layer = spectral_norm(torch.nn.Linear(20, 40))
    >>> sorted(layer.state_dict()), layer.weight_u.shape
    (['bias', 'weight_orig', 'weight_u', 'weight_v'], torch.Size([40]))
    """
    if any(isinstance(hook, SpectralNorm) and hook.name == name for hook in module._forward_pre_hooks.values()):
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    if dim is None:
        dim = 1 if isinstance(module, _ConvTransposeNd) else 0
    hook = SpectralNorm(name, n_power_iterations, dim, eps)
    weight = module._parameters[name]
    if weight is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    if is_lazy(weight):
        raise ValueError(
            "The module passed to `SpectralNorm` can't have uninitialized parameters. "
            "Make sure to run the dummy forward before applying spectral normalization"
        )
    with no_grad():
        u, v = (hook.unit(weight.new_empty(size).normal_(0, 1)) for size in hook.matrix(weight).shape)
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.data)  # until the first forward, and no parameter
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)
    module._register_state_dict_hook(_WriteVersion(name))
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Undo `spectral_norm`: the weight with its present value becomes a parameter again. ValueError where there is none."""
    for key, hook in list(module._forward_pre_hooks.items()):
        if isinstance(hook, SpectralNorm) and hook.name == name:
            with no_grad():
                weight = hook.compute_weight(module, False)
            for part in (name, name + "_u", name + "_v", name + "_orig"):
                delattr(module, part)
            module.register_parameter(name, Parameter(weight))
            del module._forward_pre_hooks[key]
            for number, writer in list(module._state_dict_hooks.items()):
                if isinstance(writer, _WriteVersion) and writer.name == name:
                    del module._state_dict_hooks[number]
            return module
    raise ValueError(f"spectral_norm of '{name}' not found in {module}")
