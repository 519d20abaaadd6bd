"""Random functions of tensors: dropout, in-place fills, draws from distributions. All draw at the call, from PyTorch's CPU stream."""

from __future__ import annotations

from typing import Any

from ..core import dtypes as dt
from ..graph.op import Operand, cast, composite
from ..graph.symbol import Symbol, Type
from .apply import apply, assign, wrap_array
from .generator import Generator, stream_of


def keep_mask(shape: tuple[int, ...], keep: float, generator: Generator | None = None) -> Any:
    """A bool tensor, True with probability `keep`."""
    mask = stream_of(generator).bernoulli_p(shape, keep)
    return wrap_array(mask, Type(mask.shape, dt.bool_))


@composite(names=(), name="dropped", out=False, label="mul")
def dropped(input: Symbol, mask: Symbol, scale: Operand) -> Symbol:
    """`input` where `mask`, scaled; zero elsewhere."""
    return input * (cast(mask, input.dtype) * scale)


dropped.samples(lambda draw: iter(()))


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero elements with probability `p` and scale the others by `1 / (1 - p)`; nothing unless `training`.

    Under the same seed, PyTorch's very mask. Source: Srivastava et al., 2014.
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0.0:
        return input
    mask = keep_mask(tuple(input.shape), 1 - p)
    out = apply(dropped, (input, mask, 0.0 if p == 1 else 1 / (1 - p)))
    if inplace:
        assign(input, out, "dropout_")
        return input
    return out


__all__ = ["dropout", "keep_mask"]
