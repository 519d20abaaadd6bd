"""Parametrizations of weights: by direction and length, and by spectral norm."""

from __future__ import annotations

from typing import Any

from ...autograd import no_grad
from ...tensors import Tensor
from .. import functional as F
from ..conv import _ConvTransposeNd
from ..module import Module
from .parametrize import register_parametrization

__all__ = ["spectral_norm", "weight_norm"]


def norm_except_dim(weight: Tensor, dim: int | None) -> Tensor:
    """The Euclidean norm over all dimensions but `dim` (over all where None), broadcastable with `weight`."""
    if dim is None or dim == -1:
        return weight.norm()
    others = [other for other in range(weight.dim()) if other != dim % weight.dim()]
    return (weight * weight).sum(dim=others, keepdim=True).sqrt()


class _WeightNorm(Module):
    """`g v / |v|` from g and v."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        return v * (g / norm_except_dim(v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Split a weight into length and direction (Salimans and Kingma 2016).

    Arguments: `module`; `name` of its weight; `dim`, along which each slice has a length of its own, None for one length.
    Returns the module, with parameters `parametrizations.weight.original0` (length) and `original1` (direction).

    >>> import powerhouse as torch
    >>> layer = weight_norm(torch.nn.Linear(20, 40))
    >>> layer.parametrizations.weight.original0.shape
    torch.Size([40, 1])
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    module._register_load_state_dict_pre_hook(_OldNames(name))
    return module


class _OldNames:
    """Before loading: the names that the older `weight_norm` gave, `weight_g` and `weight_v`, become the present ones."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, state_dict: Any, prefix: str, *_: Any) -> None:
        for place, suffix in enumerate(("_g", "_v")):
            old = f"{prefix}{self.name}{suffix}"
            if old in state_dict:
                state_dict[f"{prefix}parametrizations.{self.name}.original{place}"] = state_dict.pop(old)


class _SpectralNorm(Module):
    """A weight divided by its largest singular value, which power iteration estimates (Miyato et al. 2018)."""

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if n_power_iterations <= 0:
            raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
        if not -weight.dim() <= dim < weight.dim():
            raise IndexError(f"Dimension out of range (expected to be in [-{weight.dim()}, {weight.dim() - 1}] but got {dim})")
        self.dim, self.eps, self.n_power_iterations = dim % weight.dim(), eps, n_power_iterations
        if weight.dim() > 1:
            with no_grad():
                matrix = self._matrix(weight.detach())
                rows, columns = (matrix.new_empty(size).normal_(0, 1) for size in matrix.shape)
                self.register_buffer("_u", F.normalize(rows, dim=0, eps=eps))
                self.register_buffer("_v", F.normalize(columns, dim=0, eps=eps))
                self._iterate(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        """The weight as a matrix with `dim` as its rows."""
        return weight.permute(self.dim, *(dim for dim in range(weight.dim()) if dim != self.dim)).flatten(1)

    def _iterate(self, matrix: Tensor, times: int) -> None:
        """Power iteration, in place, from the vectors of the last time."""
        with no_grad():
            for _ in range(times):
                self._u.copy_(F.normalize(matrix @ self._v, dim=0, eps=self.eps))
                self._v.copy_(F.normalize(matrix.t() @ self._u, dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.dim() == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._iterate(matrix.detach(), self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()
        return weight / (u @ (matrix @ v))


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Divide a weight by its largest singular value at every use.

    Arguments: `module`; `name` of its weight; `n_power_iterations` a use while training; `eps`, against division by zero;
    `dim`, of the outputs: 0, or 1 for transposed convolutions, where None. Returns the module.
    """
    if dim is None:
        dim = 1 if isinstance(module, _ConvTransposeNd) else 0
    register_parametrization(module, name, _SpectralNorm(getattr(module, name), n_power_iterations, dim, eps))
    return module
