"""Mixtures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.shapes import Size
from ..tensors import Tensor, no_grad
from . import constraints
from .categorical import Categorical
from .distribution import Distribution

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A mixture: a `Categorical` chooses among the components, the last batch dimension of `component_distribution`.

    >>> D = torch.distributions
    >>> d = D.MixtureSameFamily(D.Categorical(torch.ones(2)), D.Normal(torch.tensor([-1.0, 1.0]), 0.1))
    >>> d.mean, d.variance
    (tensor(0.), tensor(1.0100))
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(
        self, mixture_distribution: Categorical, component_distribution: Distribution, validate_args: bool | None = None
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution needs to be an instance of torch.distributions.Distribution")
        ours, theirs = mixture_distribution.batch_shape, component_distribution.batch_shape[:-1]
        if any(i != j and 1 not in (i, j) for i, j in zip(reversed(ours), reversed(theirs), strict=False)):
            raise ValueError(
                f"`mixture_distribution.batch_shape` ({ours}) is not compatible with `component_distribution.batch_shape`({theirs})"
            )
        km, kc = mixture_distribution.param_shape[-1], component_distribution.batch_shape[-1]
        if km != kc:
            raise ValueError(f"`mixture_distribution component` ({km}) does not equal `component_distribution.batch_shape[-1]` ({kc})")
        self.mixture_distribution, self.component_distribution, self._num_component = mixture_distribution, component_distribution, km
        super().__init__(theirs, component_distribution.event_shape, validate_args)

    def _expanded(self, name: str, value: Any, batch_shape: Size) -> Any:
        if name == "component_distribution":
            return value.expand(Size((*batch_shape, self._num_component)))
        return super()._expanded(name, value, batch_shape)

    @constraints.dependent_property
    def support(self) -> Any:
        return constraints.MixtureSameFamilyConstraint(self.component_distribution.support)

    def _pad(self, x: Tensor) -> Tensor:
        """`x` (samples, batch, event) with a dimension for the components before the event."""
        return x.unsqueeze(-1 - len(self._event_shape))

    def _weights(self) -> Tensor:
        """The components' probabilities (batch, components, 1, ...)."""
        probs = self.mixture_distribution.probs
        return probs.reshape((*probs.shape, *[1] * len(self._event_shape)))

    @property
    def mean(self) -> Tensor:
        return (self._weights() * self.component_distribution.mean).sum(-1 - len(self._event_shape))

    @property
    def variance(self) -> Tensor:
        dim, weights = -1 - len(self._event_shape), self._weights()
        within = (weights * self.component_distribution.variance).sum(dim)
        return within + (weights * (self.component_distribution.mean - self._pad(self.mean)).pow(2)).sum(dim)

    def cdf(self, value: Tensor) -> Tensor:
        return (self.component_distribution.cdf(self._pad(value)) * self.mixture_distribution.probs).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        of_components = self.component_distribution.log_prob(self._pad(value))  # (samples, batch, components)
        return (of_components + self.mixture_distribution.logits.log_softmax(-1)).logsumexp(-1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with no_grad():
            choice = self.mixture_distribution.sample(sample_shape)  # (samples, batch)
            draws = self.component_distribution.sample(sample_shape)  # (samples, batch, components, event)
            choice = choice.reshape((*choice.shape, *[1] * (1 + len(self._event_shape)))).expand((*choice.shape, 1, *self._event_shape))
            dim = len(sample_shape) + len(self._batch_shape)
            return draws.gather(dim, choice).squeeze(dim)

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
