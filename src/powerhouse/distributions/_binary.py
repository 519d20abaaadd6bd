"""What families with one probability an element share: `probs` and `logits`, each computed from the other when first asked for."""

from __future__ import annotations

from ..core.shapes import Size
from ..tensors import Tensor
from .distribution import Distribution
from .utils import broadcast_all, exactly_one, lazy_property, logits_to_probs, probs_to_logits, shape_of


class BinaryDistribution(Distribution):
    """Base of Bernoulli, geometric and their relatives. One of `probs` and `logits` (log odds) must be given (ValueError)."""

    def __init__(
        self, probs: Tensor | float | None = None, logits: Tensor | float | None = None, validate_args: bool | None = None
    ) -> None:
        exactly_one(probs, logits)
        (self.__dict__["logits" if probs is None else "probs"],) = broadcast_all(logits if probs is None else probs)
        super().__init__(shape_of(probs, logits), validate_args=validate_args)

    @lazy_property
    def logits(self) -> Tensor:
        """Log odds of a success."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """Probabilities of a success."""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def _param(self) -> Tensor:
        return self.__dict__["probs"] if "probs" in self.__dict__ else self.logits

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter."""
        return self._param.size()
