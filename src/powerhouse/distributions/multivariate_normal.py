"""The normal distribution of vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .. import linalg
from ..core.shapes import Size
from ..tensors import Tensor, broadcast_shapes, eye
from . import constraints
from .distribution import Distribution
from .normal import standard_normal
from .utils import lazy_property

__all__ = ["MultivariateNormal"]

_MATRICES = ("covariance_matrix", "precision_matrix", "scale_tril")


def squared_distance(tril: Tensor, x: Tensor) -> Tensor:
    """x' (L L')^-1 x for L (..., n, n) and x (..., n), which broadcast: the squared Mahalanobis distance."""
    return linalg.solve_triangular(tril, x.unsqueeze(-1), upper=False).pow(2).sum((-2, -1))


def half_log_determinant(tril: Tensor) -> Tensor:
    """Half the logarithm of the determinant of L L'."""
    return tril.diagonal(0, -2, -1).log().sum(-1)


def _tril_of_inverse(precision: Tensor) -> Tensor:
    """L with L L' = P^-1. P upside down is M M'; so P = U U' with U = M upside down, and L is the inverse of U'."""
    upper = linalg.cholesky(precision.flip((-2, -1))).flip((-2, -1))
    return linalg.solve_triangular(upper.mT, eye(precision.shape[-1], dtype=precision.dtype), upper=False)


class MultivariateNormal(Distribution):
    """Normal vectors of mean `loc` (..., n) with a covariance (..., n, n), given by one of `covariance_matrix`, `precision_matrix` (its
    inverse) and `scale_tril` (its Cholesky factor); ValueError for none or several.

    >>> d = torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
    >>> d.log_prob(torch.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        given = {n: m for n, m in zip(_MATRICES, (covariance_matrix, precision_matrix, scale_tril), strict=True) if m is not None}
        if len(given) != 1:
            raise ValueError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        ((name, matrix),) = given.items()
        if matrix.dim() < 2:
            kind = "scale_tril matrix" if name == "scale_tril" else name
            raise ValueError(f"{kind} must be at least two-dimensional, with optional leading batch dimensions")
        batch, n = broadcast_shapes(matrix.shape[:-2], loc.shape[:-1]), loc.shape[-1]
        self.loc = loc.expand((*batch, n))
        self.__dict__[name] = matrix.expand((*batch, *matrix.shape[-2:]))
        super().__init__(Size(batch), Size((n,)), validate_args)
        self._unbroadcasted_scale_tril = {
            "scale_tril": lambda: matrix,
            "covariance_matrix": lambda: linalg.cholesky(matrix),
            "precision_matrix": lambda: _tril_of_inverse(matrix),
        }[name]()

    def _square(self) -> tuple[int, ...]:
        return (*self._batch_shape, *self._event_shape, *self._event_shape)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance."""
        return self._unbroadcasted_scale_tril.expand(self._square())

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        tril = self._unbroadcasted_scale_tril
        return (tril @ tril.mT).expand(self._square())

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        tril = self._unbroadcasted_scale_tril
        inverse = linalg.solve_triangular(tril, eye(tril.shape[-1], dtype=tril.dtype), upper=False)
        return (inverse.mT @ inverse).expand(self._square())

    mean = property(lambda self: self.loc)
    mode = property(lambda self: self.loc)
    variance = property(lambda self: self._unbroadcasted_scale_tril.pow(2).sum(-1).expand(self.loc.shape))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        eps = standard_normal(self._extended_shape(sample_shape), self.loc)
        return self.loc + (self._unbroadcasted_scale_tril @ eps.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        tril = self._unbroadcasted_scale_tril
        distance = squared_distance(tril, value - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + distance) - half_log_determinant(tril)

    def entropy(self) -> Tensor:
        entropy = 0.5 * self._event_shape[0] * (1 + math.log(2 * math.pi)) + half_log_determinant(self._unbroadcasted_scale_tril)
        return entropy.expand(self._batch_shape)
