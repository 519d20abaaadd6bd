"""Searching in sorted tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..graph.op import Bad, Operand, Sample, Type, as_symbol, cast, composite, primitive
from ..graph.symbol import Symbol
from .gather import gather_along
from .sorting import comparable


@primitive(differentiable=False)
def search(sequence: Symbol, values: Symbol, right: bool) -> Type:
    """Where `values` would be inserted in `sequence` (sorted along its last dim) to keep it sorted."""
    return Type(values.shape, dt.int64)


@search.reference
def _(sequence: Any, values: Any, right: bool) -> Any:
    side = "right" if right else "left"
    sequence, values = comparable(sequence), comparable(np.asarray(values))
    if sequence.ndim == 1:
        return np.searchsorted(sequence, values, side)
    out = np.empty(values.shape, np.int64)
    for row in np.ndindex(*values.shape[:-1]):
        out[row] = np.searchsorted(sequence[row], values[row], side)
    return out


def _search(sequence: Symbol, values: Symbol, right: bool, out_int32: bool, op: str) -> Symbol:
    if sequence.ndim == 0:
        raise RuntimeError(f"torch.{op}(): boundary tensor should have positive dimension, but got 0 dimension")
    if sequence.ndim > 1 and sequence.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(
            f"torch.{op}(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries tensor and "
            "input value tensor must match, "
            f"but we got boundaries tensor {list(sequence.shape)} and input value tensor {list(values.shape)}"
        )
    if not values.weak and values.dtype is not sequence.dtype:
        raise RuntimeError(
            f"torch.{op}(): input value tensor and boundary tensor should have same dtype, but got {values.dtype} and {sequence.dtype}"
        )
    if values.weak and sequence.ndim > 1:
        raise RuntimeError(
            f"torch.{op}(): input value can be a scalar only when boundaries tensor dimension is 1, but we got boundaries "
            f"tensor dim({sequence.ndim})"
        )
    found = search(sequence, values, right)
    return cast(found, dt.int32) if out_int32 else found


@composite
def searchsorted(
    sorted_sequence: Symbol,
    input: Operand,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Symbol | None = None,
) -> Symbol:
    """Where `input` would be inserted in `sorted_sequence` to keep it sorted along its last dim.

    Before elements that are equal, or after them if `right`.

    Args:
        sorter: positions that sort `sorted_sequence`, where it is not sorted.

    >>> import powerhouse as torch
    >>> torch.searchsorted(torch.tensor([1, 3, 5]), torch.tensor([3, 6]))
    tensor([1, 3])
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError("torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True")
    sequence = sorted_sequence
    if sorter is not None:
        if sorter.shape != sequence.shape:
            raise RuntimeError(
                "torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor "
                f"{list(sequence.shape)} and got sorter tensor {list(sorter.shape)}"
            )
        if sorter.dtype is not dt.int64:
            raise RuntimeError(f"torch.searchsorted(): sorter must be a tensor of long dtype but got dtype {sorter.dtype}")
        sequence = gather_along(sequence, sorter, sequence.ndim - 1)
    return _search(sequence, as_symbol(input), right or side == "right", out_int32, "searchsorted")


@composite
def bucketize(input: Operand, boundaries: Symbol, *, out_int32: bool = False, right: bool = False) -> Symbol:
    """The bucket of each element among sorted `boundaries`: an element equal to one belongs below it, or above it if `right`.

    >>> import powerhouse as torch
    >>> torch.bucketize(torch.tensor([0.5, 2.0]), torch.tensor([1.0, 2.0]))
    tensor([0, 1])
    """
    if boundaries.ndim != 1:
        raise RuntimeError(f"bucketize: boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return _search(boundaries, as_symbol(input), right, out_int32, "searchsorted")


searchsorted.samples(
    lambda draw: iter([Sample((np.array([1, 3, 5]), np.array([[0, 3], [5, 7]])), {"right": True}), Sample((np.array([1.0, 3.0]), 2.0))])
)
searchsorted.errors(
    lambda draw: iter(
        [
            Bad((draw(2, 3), draw(3, 3)), {}, RuntimeError, "must match"),
            Bad((draw(3), draw(3)), {"side": "left", "right": True}, RuntimeError, "opposites"),
        ]
    )
)
bucketize.samples(
    lambda draw: iter([Sample((draw(2, 3), np.array([-1.0, 0.0, 1.0], np.float32))), Sample((0.5, np.array([-1.0, 0.0, 1.0])))])
)
bucketize.errors(lambda draw: iter([Bad((draw(2), draw(2, 2)), {}, RuntimeError, "1 dimension")]))
