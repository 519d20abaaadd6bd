"""Losses of regression and of binary and probabilistic targets: one elementwise expression and a reduction each."""

from __future__ import annotations

from math import log as log_of
from math import pi
from typing import Any

import numpy as np

from ...graph.op import Bad, Operand, Sample, composite, constant, elementwise, expand, primitive
from ...graph.symbol import Symbol, Type
from ..activation import log_sigmoid
from ..arithmetic import abs as magnitude
from ..arithmetic import eq, exp, log, maximum, minimum, where
from ..views import reduce_sum, reshape_to, zeros
from ._losses import need_float, reduced_by, reduction_of, same_shape, warn_of_broadcast


def _weighted(loss: Symbol, input: Symbol, weight: Symbol | None, reduction: str, op: str) -> Symbol:
    """`loss` reduced; with weights, the mean is weighted."""
    if weight is None:
        return reduced_by(loss, reduction)
    if weight.shape != input.shape:
        raise ValueError(f"{op}: Weights and input must have the same size; got {list(weight.shape)} and {list(input.shape)}")
    total = reduced_by(loss * weight, "sum" if reduction == "mean" else reduction)
    return total / reduce_sum(weight, tuple(range(weight.ndim))) if reduction == "mean" else total


@composite(names=("nn.functional.mse_loss",), autocast="float32")
def mse_loss(
    input: Symbol,
    target: Symbol,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Symbol | None = None,
) -> Symbol:
    """`(input - target) ** 2`, averaged; tensors broadcast, with a warning. With `weight` (shaped as `input`) the mean is weighted.

    >>> import powerhouse as torch
    >>> torch.nn.functional.mse_loss(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(2.)
    """
    warn_of_broadcast("mse_loss", input, target)
    off = input - target
    need_float("mse_loss", off)
    return _weighted(off * off, input, weight, reduction_of(reduction, size_average, reduce, "mse_loss"), "mse_loss")


@composite(names=("nn.functional.l1_loss",), label="mean", autocast="float32")
def l1_loss(
    input: Symbol,
    target: Symbol,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Symbol | None = None,
) -> Symbol:
    """`|input - target|`, averaged; tensors broadcast, with a warning. With `weight` (shaped as `input`) the mean is weighted."""
    warn_of_broadcast("l1_loss", input, target)
    return _weighted(magnitude(input - target), input, weight, reduction_of(reduction, size_average, reduce, "l1_loss"), "l1_loss")


def _rounded_corner(d: Symbol, width: float) -> Symbol:
    """`d**2 / 2` up to `width`, a straight line beyond: no square of a large `d` is formed."""
    near = minimum(d, width)
    return near * (d - near * 0.5)


@composite(names=("nn.functional.smooth_l1_loss",), autocast="float32")
def smooth_l1_loss(
    input: Symbol, target: Symbol, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean", beta: float = 1.0
) -> Symbol:
    """With `d = |input - target|`: `d**2 / (2 beta)` where `d < beta`, else `d - beta / 2`; averaged. Source: Girshick, 2015."""
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta; got {beta}")
    warn_of_broadcast("smooth_l1_loss", input, target)
    reduction = reduction_of(reduction, size_average, reduce, "smooth_l1_loss")
    d = magnitude(input - target)
    need_float("smooth_l1_loss", d)
    return reduced_by(d if beta == 0 else _rounded_corner(d, beta) / beta, reduction)


@composite(names=("nn.functional.huber_loss",), autocast="float32")
def huber_loss(input: Symbol, target: Symbol, reduction: str = "mean", delta: float = 1.0, weight: Symbol | None = None) -> Symbol:
    """With `d = |input - target|`: `d**2 / 2` where `d <= delta`, else `delta (d - delta / 2)`; averaged. Source: Huber, 1964."""
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta; got {delta}")
    warn_of_broadcast("huber_loss", input, target)
    d = magnitude(input - target)
    need_float("huber_loss", d)
    return _weighted(_rounded_corner(d, delta), input, weight, reduction, "huber_loss")


for _op in (mse_loss, l1_loss, smooth_l1_loss, huber_loss):
    _op.samples(lambda draw: iter(Sample((draw(2, 3), draw(2, 3)), {"reduction": r}) for r in ("mean", "sum", "none")))
    _op.errors(
        lambda draw: iter(
            [
                Bad((draw(2, 3), draw(2, 3)), {"reduction": "avg"}, ValueError, "not a valid value"),
                Bad((draw(2, 3), draw(2, 4)), {}, RuntimeError, "must match the size"),
            ]
        )
    )

# --- binary targets ------------------------------------------------------------------------------------


@elementwise(public=False, domain=(0.1, 0.9))
def binary_entropy(s, input, target):
    """`-target log(input) - (1 - target) log(1 - input)`, logarithms not below -100."""
    low = s.like(-100, input)
    return (target - 1) * s.maximum(s.log1p(-input), low) - target * s.maximum(s.log(input), low)


@binary_entropy.vjp
def _(g: Symbol, out: Symbol, x: Symbol, t: Symbol) -> Any:
    gt = maximum(log(1 - x), -100.0) - maximum(log(x), -100.0)
    return g * (x - t) / maximum((1 - x) * x, 1e-12), g * gt


@primitive(linear=True)
def checked_probability(x: Symbol) -> Type:
    """`x`; running it raises RuntimeError unless all is in [0, 1]."""
    return x.type


@checked_probability.reference
def _(x: Any) -> Any:
    if not ((x >= 0) & (x <= 1)).all():
        raise RuntimeError(f"binary_cross_entropy: all elements of input should be between 0 and 1; got values from {x.min()} to {x.max()}")
    return x


checked_probability.vjp(lambda g, out, x: (g,))


@composite(names=("nn.functional.binary_cross_entropy",), autocast="float32")
def binary_cross_entropy(
    input: Symbol,
    target: Symbol,
    weight: Symbol | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Symbol:
    """`-target log(input) - (1 - target) log(1 - input)`, averaged, for probabilities `input`; logarithms are not below -100.

    `target` is shaped as `input`; `weight` broadcasts against it. A probability outside [0, 1] raises RuntimeError when the
    values are computed.
    """
    reduction = reduction_of(reduction, size_average, reduce, "binary_cross_entropy")
    need_float("binary_cross_entropy", input)
    if input.shape != target.shape:
        raise ValueError(
            f"binary_cross_entropy: Using a target size ({list(target.shape)}) that is different to the input size "
            f"({list(input.shape)}) is deprecated. "
            "Please ensure they have the same size."
        )
    if target.dtype is not input.dtype:
        raise RuntimeError(f"binary_cross_entropy: Found dtype {target.dtype} but expected {input.dtype}")
    loss = binary_entropy(checked_probability(input), target)
    return reduced_by(loss if weight is None else loss * weight, reduction)


@binary_cross_entropy.samples
def _(draw: Any) -> Any:
    for reduction in ("mean", "sum", "none"):
        yield Sample((draw(2, 3, low=0.1, high=0.9), draw(2, 3, low=0.1, high=0.9)), {"reduction": reduction})
    yield Sample((np.array([0.0, 1.0, 0.5], np.float32), np.array([0.0, 0.0, 1.0], np.float32)), only="forward")


@binary_cross_entropy.errors
def _(draw: Any) -> Any:
    yield Bad((draw(2, 3, low=0.1, high=0.9), draw(2, low=0.1, high=0.9)), {}, ValueError, "different to the input size")
    yield Bad((np.array([0.5, 1.5], np.float32), np.array([0.0, 1.0], np.float32)), {}, RuntimeError, "between 0 and 1")


@composite(names=("nn.functional.binary_cross_entropy_with_logits",), autocast="float32")
def binary_cross_entropy_with_logits(
    input: Symbol,
    target: Symbol,
    weight: Symbol | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Symbol | None = None,
) -> Symbol:
    """`binary_cross_entropy(sigmoid(input), target)` without overflow; `pos_weight` multiplies the term of the positive targets.

    >>> import powerhouse as torch
    >>> torch.nn.functional.binary_cross_entropy_with_logits(torch.zeros(2), torch.tensor([0.0, 1.0]))
    tensor(0.6931)
    """
    reduction = reduction_of(reduction, size_average, reduce, "binary_cross_entropy_with_logits")
    same_shape("binary_cross_entropy_with_logits", input, target)
    need_float("binary_cross_entropy_with_logits", input - target)
    positive = log_sigmoid(input)
    if pos_weight is not None:
        positive = positive * ((pos_weight - 1) * target + 1)
    loss = (1 - target) * input - positive
    return reduced_by(loss if weight is None else loss * weight, reduction)


@binary_cross_entropy_with_logits.samples
def _(draw: Any) -> Any:
    for reduction in ("mean", "sum", "none"):
        yield Sample((draw(2, 3), draw(2, 3, low=0, high=1)), {"reduction": reduction})
    yield Sample((np.array([-100.0, 100.0], np.float32), np.array([0.0, 1.0], np.float32)))


binary_cross_entropy_with_logits.errors(lambda draw: iter([Bad((draw(2, 3), draw(2)), {}, ValueError, "must be the same as input size")]))

# --- probabilistic targets ------------------------------------------------------------------------------------


def entropy_term(t: Symbol) -> Symbol:
    """`t log(t)`; 0 at 0."""
    none = eq(t, 0)
    safe = where(none, constant(1.0), t)
    return where(none, zeros((), t.dtype), t * log(safe))


@composite(names=("nn.functional.kl_div",), label="mean", autocast="float32")
def kl_div(
    input: Symbol,
    target: Symbol,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Symbol:
    """The pointwise Kullback-Leibler divergence `target (log(target) - input)` of log-probabilities `input`.

    `log_target`: the targets are log-probabilities too. `reduction` "batchmean" is the sum divided by the first size.
    """
    reduction = reduction_of(reduction, size_average, reduce, "kl_div")
    need_float("kl_div", input - target)
    loss = exp(target) * (target - input) if log_target else entropy_term(target) - target * input
    if reduction == "batchmean":
        return reduced_by(loss, "sum") / constant(float(input.shape[0] if input.ndim else 1))
    return reduced_by(loss, reduction)


@kl_div.samples
def _(draw: Any) -> Any:
    for reduction in ("mean", "sum", "none", "batchmean"):
        yield Sample((draw(2, 3), draw(2, 3, low=0.1)), {"reduction": reduction})
    yield Sample((draw(2, 3), draw(2, 3)), {"log_target": True})


kl_div.errors(lambda draw: iter([Bad((draw(2, 3), draw(2, 3)), {"reduction": "avg"}, ValueError, "not a valid value")]))


@composite(names=("nn.functional.poisson_nll_loss",), label="mean", autocast="float32")
def poisson_nll_loss(
    input: Symbol,
    target: Symbol,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Symbol:
    """`exp(input) - target input`, or without `log_input` `input - target log(input + eps)`.

    `full` adds Stirling's term for targets above 1.
    """
    reduction = reduction_of(reduction, size_average, reduce, "poisson_nll_loss")
    loss = exp(input) - target * input if log_input else input - target * log(input + eps)
    if full:
        above = target > 1
        safe = where(above, target, constant(1.0))
        loss = loss + where(above, safe * log(safe) - safe + 0.5 * log(safe * (2 * pi)), zeros((), loss.dtype))
    return reduced_by(loss, reduction)


@poisson_nll_loss.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3), draw(2, 3, low=0)))
    yield Sample((draw(2, 3, low=0.1), draw(2, 3, low=0, high=4)), {"log_input": False, "full": True, "reduction": "none"})


poisson_nll_loss.errors(lambda draw: iter([Bad((draw(2), draw(2)), {"reduction": "avg"}, ValueError, "not a valid value")]))


@composite(names=("nn.functional.gaussian_nll_loss",))
def gaussian_nll_loss(
    input: Symbol, target: Symbol, var: Operand, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Symbol:
    """`(log(var) + (input - target)**2 / var) / 2`, `var` not below `eps`; `full` adds the constant. Source: Nix and Weigend, 1994.

    `var` is a number, or shaped as `input` (its last dim may be 1 or absent).
    """
    var = _variance_for(input, expand(var, input.shape) if var.ndim == 0 else var)
    low = var < eps
    var = where(low, constant(eps), var)
    off = input - target
    loss = 0.5 * (log(var) + off * off / var)
    return reduced_by(loss + 0.5 * log_of(2 * pi) if full else loss, reduction)


def _variance_for(input: Symbol, var: Symbol) -> Symbol:
    if var.shape == input.shape or (var.ndim == input.ndim and var.shape[:-1] == input.shape[:-1] and var.shape[-1] == 1):
        return var
    if input.shape[:-1] == var.shape:
        return reshape_to(var, (*var.shape, 1))
    if var.ndim == input.ndim and all(n in (1, m) for n, m in zip(var.shape, input.shape, strict=True)):
        return var
    raise ValueError(f"gaussian_nll_loss: var is of incorrect size; got {list(var.shape)} for input {list(input.shape)}")


@gaussian_nll_loss.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3), draw(2, 3), draw(2, 3, low=0.5)))
    yield Sample((draw(2, 3), draw(2, 3), draw(2, low=0.5)), {"full": True, "reduction": "none"})
    yield Sample((draw(2, 3), draw(2, 3), 0.7))


gaussian_nll_loss.errors(lambda draw: iter([Bad((draw(2, 3), draw(2, 3), draw(4, low=0.5)), {}, ValueError, "incorrect size")]))

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "gaussian_nll_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
]
