"""Connectionist temporal classification: the likelihood of a label sequence, summed over all its alignments to the frames."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...graph.op import Sample, cast, composite, primitive
from ...graph.symbol import Symbol, Type
from .._underived import underived
from ..arithmetic import maximum, over, times
from ..views import restore
from ._losses import reduced_by


@primitive
def ctc(
    log_probs: Symbol, targets: Symbol, input_lengths: Symbol, target_lengths: Symbol, blank: int, zero_infinity: bool
) -> tuple[Type, Type]:
    """The losses (N,) of `log_probs` (T, N, C) for `targets` (N, S), and their gradient (T, N, C).

    The gradient takes `log_probs` for the result of a log-softmax, as PyTorch does: probability minus posterior.
    """
    return Type(log_probs.shape[1:2], log_probs.dtype), log_probs.type


@ctc.reference
def _(log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int, zero_infinity: bool) -> Any:
    emitted = log_probs.astype(np.float64)
    labels = _with_blanks(targets, target_lengths, blank)  # (N, L = 2 S + 1)
    scores = np.take_along_axis(emitted, np.broadcast_to(labels, (len(emitted), *labels.shape)), 2)  # (T, N, L)
    skips = np.zeros(labels.shape, bool)  # a label may follow the one before it without a blank if it differs
    skips[:, 2:] = (labels[:, 2:] != labels[:, :-2]) & (labels[:, 2:] != blank)
    forward, losses = _forward(scores, skips, input_lengths, target_lengths)
    both = forward + _backward(scores, skips, input_lengths, target_lengths)
    top = np.max(both, axis=2, keepdims=True, initial=-np.inf)  # (T, N, 1)
    shares = np.exp(both - np.where(np.isfinite(top), top, 0))
    by_class = (np.expand_dims(labels, 2) == np.arange(emitted.shape[2])).astype(np.float64)  # (N, L, C)
    posterior = np.matmul(shares.transpose(1, 0, 2), by_class).transpose(1, 0, 2)  # (T, N, C)
    grad = np.exp(emitted) - posterior * np.exp(top + losses[:, None] - emitted)
    grad[np.arange(len(emitted))[:, None] >= input_lengths] = 0
    if zero_infinity:
        grad[:, np.isinf(losses)] = 0
        losses = np.where(np.isinf(losses), 0, losses)
    return losses.astype(log_probs.dtype), grad.astype(log_probs.dtype)


def _with_blanks(targets: Any, lengths: Any, blank: int) -> Any:
    """Labels with a blank before, between and after them."""
    labels = np.full((len(targets), 2 * targets.shape[1] + 1), blank, np.int64)
    labels[:, 1::2] = np.where(np.arange(targets.shape[1]) < lengths[:, None], targets, blank)
    return labels


def _shifted(x: Any, by: int) -> Any:
    """`x` (N, L) moved `by` places along L; -inf comes in."""
    out = np.full_like(x, -np.inf)
    out[:, max(by, 0) : x.shape[1] + min(by, 0)] = x[:, max(-by, 0) : x.shape[1] - max(by, 0)]
    return out


def _forward(scores: Any, skips: Any, frames: Any, lengths: Any) -> tuple[Any, Any]:
    """Log-probabilities (T, N, L) of the first frames ending in each state, and the losses (N,)."""
    alphas = np.full(scores.shape, -np.inf)
    n, states = scores.shape[1:]
    now = np.where(np.arange(states) < np.where(lengths > 0, 2, 1)[:, None], 0.0, -np.inf)  # before the first frame
    for t, score in enumerate(scores):
        if t:
            now = np.logaddexp(np.logaddexp(now, _shifted(now, 1)), np.where(skips, _shifted(now, 2), -np.inf))
        now = alphas[t] = now + score
    rows, last = np.arange(n), np.maximum(frames - 1, 0)
    ends = alphas[last, rows] if len(scores) else np.full((n, states), -np.inf)
    total = np.logaddexp(ends[rows, 2 * lengths], np.where(lengths > 0, ends[rows, np.maximum(2 * lengths - 1, 0)], -np.inf))
    return alphas, np.where(frames > 0, -total, np.where(lengths > 0, np.inf, 0.0))


def _backward(scores: Any, skips: Any, frames: Any, lengths: Any) -> Any:
    """Log-probabilities (T, N, L) of the last frames beginning in each state."""
    betas = np.full(scores.shape, -np.inf)
    states = np.arange(scores.shape[2])
    ends = np.where((states == 2 * lengths[:, None]) | ((states == 2 * lengths[:, None] - 1) & (lengths > 0)[:, None]), 0.0, -np.inf)
    now = np.full(scores.shape[1:], -np.inf)
    for t in reversed(range(len(scores))):
        leaping = np.where(_shifted(np.where(skips, 0.0, -np.inf), -2) == 0, _shifted(now, -2), -np.inf)
        now = np.logaddexp(np.logaddexp(now, _shifted(now, -1)), leaping)
        now = betas[t] = np.where((frames - 1 == t)[:, None], ends, now) + scores[t]
    return betas


@ctc.vjp
def _(g: Any, out: Symbol, log_probs: Symbol, *rest: Any) -> Any:
    of_losses, of_gradient = g
    if of_gradient is not None:
        return underived(of_gradient, "ctc_loss: the second derivative is not implemented"), None, None, None
    return times(restore(of_losses, (0, 2), log_probs.shape), ctc(log_probs, *rest)[1]), None, None, None


@composite(names=(), name="ctc_loss", out=False, autocast="float32")
def ctc_loss(
    log_probs: Symbol,
    targets: Symbol,
    input_lengths: Symbol,
    target_lengths: Symbol,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Symbol:
    """The negative log-likelihood of `targets` (N, S) given `log_probs` (T, N, C); lengths (N,). The mean divides by target lengths first.

    Source: Graves et al., 2006.
    """
    losses, _ = ctc(log_probs, targets, input_lengths, target_lengths, blank, zero_infinity)
    if reduction == "mean":
        losses = over(losses, cast(maximum(target_lengths, 1), losses.dtype))
    return reduced_by(losses, reduction)


@ctc_loss.samples
def _(draw: Any) -> Any:
    scores = draw(6, 2, 4)
    logp = scores - np.log(np.exp(scores).sum(2, keepdims=True))
    for reduction in ("mean", "sum", "none"):
        yield Sample((logp, np.array([[1, 2, 2], [3, 1, 0]]), np.array([6, 5]), np.array([3, 2])), {"reduction": reduction}, only="forward")


__all__ = ["ctc", "ctc_loss"]
