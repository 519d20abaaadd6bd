"""The multinomial distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core.shapes import Size
from ..tensors import Tensor, broadcast_tensors, ones_like
from . import constraints
from .binomial import Binomial
from .categorical import Categorical
from .distribution import Distribution

__all__ = ["Multinomial"]


class Multinomial(Distribution):
    """Counts of the categories in `total_count` draws, with weights `probs` (..., categories) or log weights `logits`.

    >>> torch.distributions.Multinomial(4, torch.tensor([1.0, 1.0])).log_prob(torch.tensor([2.0, 2.0])).exp()
    tensor(0.3750)
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}

    def __init__(
        self, total_count: int = 1, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs, logits)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        return constraints.multinomial(self.total_count)

    probs = property(lambda self: self._categorical.probs)
    logits = property(lambda self: self._categorical.logits)
    mean = property(lambda self: self.total_count * self.probs)
    variance = property(lambda self: self.total_count * self.probs * (1 - self.probs))
    _param = property(lambda self: self._categorical._param)

    @property
    def param_shape(self) -> Size:
        """The shape of the parameter."""
        return self._categorical.param_shape

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        draws = self._categorical.sample((self.total_count, *sample_shape))  # (total_count, samples, batch)
        draws = draws.movedim(0, -1)  # (samples, batch, total_count)
        counts = draws.new_zeros(self._extended_shape(sample_shape)).scatter_add(-1, draws, ones_like(draws))
        return counts.to(self.probs.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        logits, value = broadcast_tensors(self.logits, value)
        logits = logits.masked_fill((value == 0) & (logits == float("-inf")), 0)  # 0 * log 0 is 0 here
        return (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1) + (logits * value).sum(-1)

    def entropy(self) -> Tensor:
        n = self.probs.new_tensor(float(self.total_count))
        one = Binomial(self.total_count, self.probs)  # the count of each category by itself
        counts = one.enumerate_support(expand=False)[1:]
        return n * self._categorical.entropy() - (n + 1).lgamma() + (one.log_prob(counts).exp() * (counts + 1).lgamma()).sum((0, -1))
