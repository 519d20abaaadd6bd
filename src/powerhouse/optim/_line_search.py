"""A line search for a step that satisfies the strong Wolfe conditions (Nocedal and Wright, 2006, algorithms 3.5 and 3.6)."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any, NamedTuple

SUFFICIENT_DECREASE = 1e-4
CURVATURE = 0.9
TOLERANCE = 1e-9  # of the change of the parameters
MAX_TRIALS = 25


class Trial(NamedTuple):
    """A point on the line: how far along, the loss, its gradient, and its slope along the line."""

    at: float
    loss: float
    grad: Any
    slope: float


def strong_wolfe(
    evaluate: Callable[[float], tuple[float, Any]], length: float, direction: Any, loss: float, grad: Any, slope: float
) -> tuple[float, Any, float, int]:
    """Search along `direction`, from a first trial of `length`.

    Args:
        evaluate: gives loss and gradient at a length.
        loss, grad, slope: those of the start; the slope is negative.

    Returns loss, gradient and length of the point found, and how often `evaluate` was called.
    """

    def look(at: float) -> Trial:
        loss, grad = evaluate(at)
        return Trial(at, loss, grad, float(grad.dot(direction)))

    start = Trial(0.0, loss, grad, slope)
    ends, trials = _bracket(look, start, length)
    if len(ends) == 1:
        best = ends[0]
    else:
        best, trials = _refine(look, start, ends, trials, float(direction.abs().max()))
    return best.loss, best.grad, best.at, trials + 1


def _descends(trial: Trial, start: Trial) -> bool:
    return not trial.loss > start.loss + SUFFICIENT_DECREASE * trial.at * start.slope


def _is_flat(trial: Trial, start: Trial) -> bool:
    return abs(trial.slope) <= -CURVATURE * start.slope


def _bracket(look: Callable[[float], Trial], start: Trial, length: float) -> tuple[list[Trial], int]:
    """Go outward until a point is good (it is given alone) or an interval must hold one (its ends); and the number of moves."""
    before, new = start, look(length)
    for moves in range(MAX_TRIALS):
        if not _descends(new, start) or (moves > 1 and new.loss >= before.loss):
            return [before, new], moves
        if _is_flat(new, start):
            return [new], moves
        if new.slope >= 0:
            return [before, new], moves
        at = _cubic_minimum(before, new, new.at + 0.01 * (new.at - before.at), new.at * 10)
        before, new = new, look(at)
    return [start, new], MAX_TRIALS


def _refine(look: Callable[[float], Trial], start: Trial, ends: list[Trial], trials: int, reach: float) -> tuple[Trial, int]:
    """Shrink the interval until its lower end is good; `reach` is the largest change of a parameter for a unit length."""
    low, high = sorted(ends, key=lambda t: t.loss)
    stalled = False
    while trials < MAX_TRIALS and abs(high.at - low.at) * reach >= TOLERANCE:
        left, right = sorted((low.at, high.at))
        at, stalled = _away_from_ends(_cubic_minimum(low, high, left, right), left, right, stalled)
        new = look(at)
        trials += 1
        if not _descends(new, start) or new.loss >= low.loss:
            low, high = sorted((low, new), key=lambda t: t.loss)
            continue
        if _is_flat(new, start):
            return new, trials
        if new.slope * (high.at - low.at) >= 0:
            high = low
        low = new
    return low, trials


def _away_from_ends(at: float, left: float, right: float, stalled: bool) -> tuple[float, bool]:
    """A trial too near an end for the second time running (or on it) is moved inward by a tenth of the interval."""
    margin = 0.1 * (right - left)
    if min(right - at, at - left) >= margin:
        return at, False
    if not (stalled or at >= right or at <= left):
        return at, True
    return (right - margin if right - at < at - left else left + margin), False


def _cubic_minimum(a: Trial, b: Trial, lowest: float, highest: float) -> float:
    """Where the cubic through two points with their slopes has its minimum, kept between bounds; their middle where it has none."""
    a, b = sorted((a, b), key=lambda t: t.at)
    mean = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.at - b.at)
    square = mean * mean - a.slope * b.slope
    if square >= 0:
        root = sqrt(square)
        below = b.slope - a.slope + 2 * root
        if below:
            at = b.at - (b.at - a.at) * ((b.slope + root - mean) / below)
            return min(max(at, lowest), highest)
    return (lowest + highest) / 2
