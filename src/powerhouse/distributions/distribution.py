"""`Distribution`: what all families share, namely shapes, validation, expansion and printing.

A family states its parameters in `arg_constraints`. From these the base class checks them, prints them, and expands them to a larger batch:
a constraint's `event_dim` says how many trailing dimensions of the parameter belong to one event.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from ..core.shapes import Size
from ..tensors import Tensor, is_tensor, no_grad
from . import constraints
from .utils import lazy_property

__all__ = ["Distribution"]


class Distribution:
    """A batch of probability distributions.

    Arguments: `batch_shape`, the shape of the batch; `event_shape`, that of one sample of one of them; `validate_args`, whether parameters
    and values are checked (ValueError), by default what `set_default_validate_args` said.
    """

    arg_constraints: Any
    support: Any
    has_rsample = False
    has_enumerate_support = False
    _validate_args = __debug__

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions made from now on check their arguments."""
        if value not in (True, False):
            raise ValueError(f"set_default_validate_args: expected a bool, got {value!r}")
        Distribution._validate_args = value

    def __init__(self, batch_shape: Size = Size(), event_shape: Size = Size(), validate_args: bool | None = None) -> None:  # noqa: B008
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._validate_parameters()

    # --- shapes ---

    @property
    def batch_shape(self) -> Size:
        """The shape of the batch of distributions."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one sample of one distribution."""
        return self._event_shape

    def _extended_shape(self, sample_shape: Sequence[int] = ()) -> Size:
        """The shape of a draw: samples, batch, event."""
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """The same distributions with batch dimensions expanded to `batch_shape`; no memory is copied."""
        shape = Size(batch_shape)
        new = type(self).__new__(type(self)) if _instance is None else _instance
        new.__dict__.update({name: self._expanded(name, value, shape) for name, value in self.__dict__.items()})
        new._batch_shape = shape
        return new

    def _expanded(self, name: str, value: Any, batch_shape: Size) -> Any:
        """An attribute for the larger batch: parameters and inner distributions grow, all else stays."""
        if isinstance(value, Distribution):
            return value.expand(batch_shape)
        if name not in self.arg_constraints or not is_tensor(value):
            return value
        event_dim = self.arg_constraints[name].event_dim
        return value.expand(Size((*batch_shape, *value.shape[value.dim() - event_dim :])))

    # --- validation ---

    def _validate_parameters(self) -> None:
        try:
            parameters = self.arg_constraints
        except (AttributeError, NotImplementedError):
            parameters = {}
            warnings.warn(
                f"{self.__class__} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or initialize the distribution "
                "with `validate_args=False` to turn off validation.",
                stacklevel=4,
            )
        for name, constraint in parameters.items():
            derived = name not in self.__dict__ and isinstance(getattr(type(self), name, None), lazy_property)
            if derived or constraints.is_dependent(constraint):
                continue
            value = getattr(self, name)
            if not bool(constraint.check(value).all()):
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution {self!r} "
                    f"to satisfy the constraint {constraint!r}, but found invalid values:\n{value}"
                )

    def _validate_sample(self, value: Any) -> None:
        """ValueError unless `value` has a fitting shape and lies in the support; nothing where validation is off."""
        if not self._validate_args:
            return
        if not is_tensor(value):
            raise ValueError("The value argument to log_prob must be a Tensor")
        shape, expected = Size(value.shape), Size((*self._batch_shape, *self._event_shape))
        if shape[max(len(shape) - len(self._event_shape), 0) :] != self._event_shape:
            raise ValueError(f"The right-most size of value must match event_shape: {shape} vs {self._event_shape}.")
        if any(i != j and 1 not in (i, j) for i, j in zip(reversed(shape), reversed(expected), strict=False)):
            raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {shape} vs {expected}.")
        try:
            support = self.support
        except (AttributeError, NotImplementedError):
            warnings.warn(
                f"{self.__class__} does not define `support` to enable sample validation. Please initialize the distribution with "
                "`validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        if not bool(support.check(value).all()):
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be within the support "
                f"({support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    # --- draws and densities ---

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """A draw of shape `sample_shape + batch_shape + event_shape`, without gradients."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """A draw that is a differentiable function of the parameters; where `has_rsample`."""
        raise NotImplementedError(f"{type(self).__name__}: has no rsample; expected a distribution with has_rsample")

    def sample_n(self, n: int) -> Tensor:
        """Deprecated name of `sample((n,))`."""
        warnings.warn("`sample_n(n)` will be deprecated. Use `sample((n,))` instead.", FutureWarning, stacklevel=2)
        return self.sample((n,))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density (or of the probability) at `value`."""
        raise NotImplementedError(f"{type(self).__name__}: log_prob is not implemented")

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a sample <= `value`."""
        raise NotImplementedError(f"{type(self).__name__}: cdf is not implemented")

    def icdf(self, value: Tensor) -> Tensor:
        """The sample whose `cdf` is `value`."""
        raise NotImplementedError(f"{type(self).__name__}: icdf is not implemented")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution, along dimension 0; `expand`: in the batch's shape, else with dimensions of size 1."""
        raise NotImplementedError(f"{type(self).__name__}: enumerate_support is not implemented")

    def _enumerated(self, values: Tensor, expand: bool) -> Tensor:
        """The values (n, *event) as (n, *batch, *event), or (n, 1, ..., *event)."""
        events = tuple(values.shape[1:])
        values = values.reshape((-1, *[1] * len(self._batch_shape), *events))
        return values.expand((-1, *self._batch_shape, *events)) if expand else values

    # --- moments ---

    @property
    def mean(self) -> Tensor:
        """The expected value."""
        raise NotImplementedError(f"{type(self).__name__}: mean is not implemented")

    @property
    def mode(self) -> Tensor:
        """The value of greatest density."""
        raise NotImplementedError(f"{self.__class__} does not implement mode")

    @property
    def variance(self) -> Tensor:
        """The expected square of the distance to the mean."""
        raise NotImplementedError(f"{type(self).__name__}: variance is not implemented")

    @property
    def stddev(self) -> Tensor:
        """The square root of the variance."""
        return self.variance.sqrt()

    def entropy(self) -> Tensor:
        """The entropy in nats, of shape `batch_shape`."""
        raise NotImplementedError(f"{type(self).__name__}: entropy is not implemented")

    def perplexity(self) -> Tensor:
        """The exponential of the entropy."""
        return self.entropy().exp()

    def __repr__(self) -> str:
        given = {name: self.__dict__[name] for name in self.arg_constraints if name in self.__dict__}
        return f"{type(self).__name__}({', '.join(f'{n}: {v if v.numel() == 1 else v.size()}' for n, v in given.items())})"
