"""Numerical gradients of sampled functions."""

from __future__ import annotations

from typing import Any

from ..core.shapes import wrap_dims
from ..graph.op import Bad, Sample, as_symbol, composite, constant
from ..graph.symbol import Symbol
from .joining import joined
from .scan import diff
from .shape import span
from .views import reshape_to


@composite(names=("gradient",))
def gradient(input: Symbol, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Symbol, ...]:
    """Estimated derivatives of the function whose samples are `input`, one a dim: central differences, exact for parabolas.

    Args:
        spacing: the distance of samples, or one for each dim; or the coordinates along each dim, as vectors.
        dim: the dims to differentiate along; all of them where None.
        edge_order: 1 or 2, the order of the one-sided differences at both ends.

    Source: Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids" (1988).

    >>> import powerhouse as torch
    >>> torch.gradient(torch.tensor([1.0, 4.0, 9.0]))
    (tensor([3., 4., 5.]),)
    """
    dims = wrap_dims(dim, input.ndim, "gradient")
    if edge_order not in (1, 2):
        raise RuntimeError(f"torch.gradient only supports edge_order=1 and edge_order=2, got {edge_order}")
    spacings = spacing if isinstance(spacing, tuple) else (1 if spacing is None else spacing,) * len(dims)
    if len(spacings) != len(dims):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar or a list of length {len(dims)}, got a list of length "
            f"{len(spacings)}"
        )
    for d in dims:
        if input.shape[d] <= edge_order:
            raise RuntimeError(
                f"torch.gradient expected each dimension size to be at least edge_order+1={edge_order + 1}, got "
                f"{list(input.shape)} along dim {d}"
            )
    return tuple(_along(input, d, s, edge_order) for d, s in zip(dims, spacings, strict=True))


def _along(x: Symbol, d: int, spacing: Any, edge_order: int) -> Symbol:
    """The derivative along one dim."""
    n = x.shape[d]
    if isinstance(spacing, Symbol) and spacing.ndim:
        if spacing.shape != (n,):
            raise RuntimeError(
                f"torch.gradient expected each element of spacing to have the length of its dim, got {list(spacing.shape)} for {n} samples"
            )
        steps = reshape_to(diff(spacing), tuple(n - 1 if i == d else 1 for i in range(x.ndim)))
    else:
        steps = as_symbol(spacing)
    uneven = steps.ndim > 0

    def step(start: int, length: int) -> Symbol:
        return span(steps, d, start, length) if uneven else steps

    slopes = diff(x, 1, d) / steps  # between neighbours
    before, after = step(0, n - 2), step(1, n - 2)
    inner = (span(slopes, d, 0, n - 2) * after + span(slopes, d, 1, n - 2) * before) / (before + after)
    ends = [span(slopes, d, at, 1) for at in (0, n - 2)]
    if edge_order == 2:  # the parabola through the three outermost samples
        near = [(step(0, 1), step(1, 1)), (step(n - 2, 1), step(n - 3, 1))]
        further = [span(slopes, d, at, 1) for at in (1, n - 3)]
        ends = [e * (constant(1) + a / (a + b)) - f * (a / (a + b)) for e, f, (a, b) in zip(ends, further, near, strict=True)]
    return joined((ends[0], inner, ends[1]), d)


gradient.samples(
    lambda draw: iter([
        Sample((draw(4, 5),)), Sample((draw(4, 5),), {"spacing": 0.5, "dim": 1, "edge_order": 2}), Sample((draw(4),), {"spacing": (2.0,)}),
    ])
)  # fmt: skip
gradient.errors(
    lambda draw: iter(
        [Bad((draw(1),), {}, RuntimeError, "at least edge_order"), Bad((draw(4),), {"edge_order": 3}, RuntimeError, "edge_order=1")]
    )
)

__all__ = ["gradient"]
