"""Cross entropy of a linear layer's output, as one layer: the head of a model with many classes."""

from __future__ import annotations

import math
from typing import Any

from ..tensors import Tensor
from . import functional as F
from .linear import Linear
from .loss import _WeightedLoss

__all__ = ["LinearCrossEntropyLoss"]


class LinearCrossEntropyLoss(_WeightedLoss):
    """`CrossEntropyLoss` of `linear(input)`: input (N, in_features) or (in_features,), target classes or probabilities.

    Arguments: `in_features`; `num_classes`, C; `out_features`, extra dimensions (d1, ...) of the logits, which are then
    (N, C, d1, ...); `bias` of the linear layer; `reduction`, `weight`, `ignore_index`, `label_smoothing` as for
    `CrossEntropyLoss`. `options`, PyTorch's choice of chunks, is kept and changes no number.
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: Any = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: Any = None,
    ) -> None:
        super().__init__(weight, reduction=reduction)
        self.num_classes, self.out_features = num_classes, tuple(out_features)
        self.ignore_index, self.label_smoothing, self.options = ignore_index, label_smoothing, options
        self.linear = Linear(in_features, math.prod(self.out_features, start=num_classes), bias=bias, device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw the linear layer anew."""
        self.linear.reset_parameters()

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        if self.out_features and input.dim() == 1:
            raise RuntimeError(f"LinearCrossEntropyLoss: out_features requires batched input, got shape {tuple(input.shape)}")
        logits = self.linear(input).reshape(*input.shape[:-1], self.num_classes, *self.out_features)
        if self.ignore_index is not None and target.shape == logits.shape:
            raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
        return F.cross_entropy(
            logits,
            target,
            weight=self.weight,
            ignore_index=-100 if self.ignore_index is None else self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )

    def extra_repr(self) -> str:
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, out_features={self.out_features}, "
            f"bias={self.linear.bias is not None}, reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )
