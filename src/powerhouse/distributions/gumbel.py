"""The Gumbel distribution."""

from __future__ import annotations

import math
from typing import Any

from ..core.shapes import Size
from ..tensors import Tensor, finfo, full_like, ones_like
from . import constraints
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, ExpTransform
from .uniform import Uniform
from .utils import broadcast_all, euler_constant

__all__ = ["Gumbel"]


class Gumbel(TransformedDistribution):
    """The greatest of many independent numbers: loc - scale * log(-log(u)) for uniform u.

    >>> torch.distributions.Gumbel(0.0, 1.0).mean
    tensor(0.5772)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_all(loc, scale)
        info = finfo(self.loc.dtype)
        base = Uniform(full_like(self.loc, info.tiny), full_like(self.loc, 1 - info.eps), validate_args=validate_args)
        super().__init__(base, self._chain(self.loc, self.scale), validate_args=validate_args)

    @staticmethod
    def _chain(loc: Tensor, scale: Tensor) -> list[Any]:
        log = ExpTransform().inv
        return [log, AffineTransform(0, -ones_like(scale)), log, AffineTransform(loc, -scale)]

    def _expanded(self, name: str, value: Any, batch_shape: Size) -> Any:
        if name == "transforms":
            return self._chain(self.loc.expand(batch_shape), self.scale.expand(batch_shape))
        return super()._expanded(name, value, batch_shape)

    mean = property(lambda self: self.loc + self.scale * euler_constant)
    mode = property(lambda self: self.loc)
    stddev = property(lambda self: math.pi / math.sqrt(6) * self.scale)
    variance = property(lambda self: self.stddev.pow(2))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        y = (self.loc - value) / self.scale
        return (y - y.exp()) - self.scale.log()

    def entropy(self) -> Tensor:
        return self.scale.log() + (1 + euler_constant)
