"""Distributions of transformed draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.shapes import Size
from ..tensors import Tensor, no_grad
from . import constraints
from .distribution import Distribution
from .independent import Independent
from .transforms import ComposeTransform, Transform
from .utils import sum_rightmost

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """The distribution of `transforms` (one, or a list applied in turn) of a draw of `base_distribution`.

    >>> D = torch.distributions
    >>> d = D.TransformedDistribution(D.Uniform(0.0, 1.0), D.AffineTransform(1.0, 4.0))
    >>> d.log_prob(torch.tensor(2.0)).exp()
    tensor(0.2500)
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(self, base_distribution: Distribution, transforms: Transform | list[Transform], validate_args: bool | None = None) -> None:
        self.transforms = [transforms] if isinstance(transforms, Transform) else transforms
        if not isinstance(self.transforms, list) or not all(isinstance(t, Transform) for t in self.transforms):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        chain = ComposeTransform(self.transforms)
        base_shape = Size((*base_distribution.batch_shape, *base_distribution.event_shape))
        domain_dim, codomain_dim = chain.domain.event_dim, chain.codomain.event_dim
        if len(base_shape) < domain_dim:
            raise ValueError(
                f"base_distribution needs to have shape with size at least {domain_dim}, but got {base_shape}."
            )
        shape = Size(chain.forward_shape(base_shape))
        wide = Size(chain.inverse_shape(shape))  # the parameters of the transforms may broadcast the base
        if wide != base_shape:
            base_distribution = base_distribution.expand(wide[: len(wide) - len(base_distribution.event_shape)])
        missing = domain_dim - len(base_distribution.event_shape)
        self.base_dist = Independent(base_distribution, missing) if missing > 0 else base_distribution
        event_dim = max(len(self.base_dist.event_shape) + codomain_dim - domain_dim, codomain_dim)
        super().__init__(shape[: len(shape) - event_dim], shape[len(shape) - event_dim :], validate_args)

    has_rsample = property(lambda self: self.base_dist.has_rsample)

    @constraints.dependent_property
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        last = self.transforms[-1].codomain
        extra = len(self._event_shape) - last.event_dim
        return constraints.independent(last, extra) if extra else last

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            return self._forward(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self._forward(self.base_dist.rsample(sample_shape))

    def _forward(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        total, event_dim = 0.0, len(self._event_shape)
        for transform in reversed(self.transforms):
            x = transform._inv_call(value)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            total = total - sum_rightmost(transform.log_abs_det_jacobian(x, value), event_dim - transform.domain.event_dim)
            value = x
        return total + sum_rightmost(self.base_dist.log_prob(value), event_dim - len(self.base_dist.event_shape))

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        for transform in reversed(self.transforms):
            value = transform._inv_call(value)
        sign = self._sign()
        return sign * (self.base_dist.cdf(value) - 0.5) + 0.5  # F, or 1 - F where the transforms decrease

    def icdf(self, value: Tensor) -> Tensor:
        return self._forward(self.base_dist.icdf(self._sign() * (value - 0.5) + 0.5))

    def _sign(self) -> Any:
        return ComposeTransform(self.transforms).sign
