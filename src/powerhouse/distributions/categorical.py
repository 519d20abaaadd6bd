"""The categorical distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..core.shapes import Size
from ..tensors import Tensor, arange, broadcast_tensors, finfo, multinomial
from . import constraints
from .distribution import Distribution
from .utils import exactly_one, lazy_property, logits_to_probs, probs_to_logits

__all__ = ["Categorical"]


class CategoricalParameters(Distribution):
    """`probs` and `logits` over a last dimension of categories, each computed from the other when first asked for."""

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def _set_parameters(self, probs: Tensor | None, logits: Tensor | None) -> None:
        exactly_one(probs, logits)
        name, given = ("logits", logits) if probs is None else ("probs", probs)
        if given.dim() < 1:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        self.__dict__[name] = given - given.logsumexp(-1, keepdim=True) if probs is None else given / given.sum(-1, keepdim=True)

    @lazy_property
    def logits(self) -> Tensor:
        """Log probabilities of the categories."""
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self) -> Tensor:
        """Probabilities of the categories."""
        return logits_to_probs(self.logits)

    @property
    def _param(self) -> Tensor:
        return self.__dict__["probs"] if "probs" in self.__dict__ else self.logits

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter."""
        return self._param.size()


class Categorical(CategoricalParameters):
    """An index of one of the categories, with weights `probs` (..., categories) or log weights `logits`; either is normalised.

    >>> d = torch.distributions.Categorical(torch.tensor([1.0, 1.0, 2.0]))
    >>> d.log_prob(torch.tensor(2)).exp()
    tensor(0.5000)
    """

    has_enumerate_support = True

    def __init__(self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None) -> None:
        self._set_parameters(probs, logits)
        self._num_events = self._param.shape[-1]
        super().__init__(self._param.shape[:-1], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True)
    def support(self) -> Any:
        return constraints.integer_interval(0, self._num_events - 1)

    mean = property(lambda self: self.probs.new_full(self._batch_shape, math.nan))
    variance = property(lambda self: self.probs.new_full(self._batch_shape, math.nan))
    mode = property(lambda self: self.probs.argmax(-1))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        rows = self.probs.detach().reshape(-1, self._num_events)  # (batch, categories)
        draws = multinomial(rows, math.prod(sample_shape), True).T  # (samples, batch)
        return draws.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        index, log_probs = broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return log_probs.gather(-1, index[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)  # 0 * -inf would be NaN
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        return self._enumerated(arange(self._num_events), expand)
