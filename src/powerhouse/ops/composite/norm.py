"""`norm` and its deprecated relatives: one name for the norms of vectors and of matrices."""

from __future__ import annotations

from typing import Any

from ...graph.op import Bad, Sample, composite
from ...graph.symbol import Symbol
from .distance import vector_norm
from .matrix_norm import matrix_norm


@composite(label="linalg_vector_norm", names=("norm", "Tensor.norm"))
def norm(input: Symbol, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Symbol:
    """The `p`-norm of `input`, flattened or over `dim`; "fro" (or None) is the 2-norm, "nuc" the nuclear norm of matrices.

    >>> import powerhouse as torch
    >>> torch.tensor([3.0, 4.0]).norm()
    tensor(5.)
    """
    if p == "nuc":
        return matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim, dtype=dtype)
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"norm: expected p to be a number, 'fro' or 'nuc', got {p!r}")
    return vector_norm(input, 2 if p in ("fro", None) else p, dim, keepdim, dtype=dtype)


norm.samples(
    lambda draw: iter(
        [Sample((draw(2, 3),)), Sample((draw(2, 3), 1, 0)), Sample((draw(2, 3), "fro", (0, 1), True)), Sample((draw(2, 3), "nuc"))]
    )
)
norm.errors(lambda draw: iter([Bad((draw(2, 3), "two"), {}, RuntimeError, "expected p")]))


@composite(names=("frobenius_norm",), label="linalg_vector_norm")
def frobenius_norm(input: Symbol, dim: Any = (), keepdim: bool = False) -> Symbol:
    """The 2-norm over `dim` (one or two dims; none given: all)."""
    return vector_norm(input, 2, dim, keepdim)


frobenius_norm.samples(lambda draw: iter([Sample((draw(2, 3), (0, 1)))]))


@composite(names=("nuclear_norm",))
def nuclear_norm(input: Symbol, dim: Any = (-2, -1), keepdim: bool = False) -> Symbol:
    """The sum of the singular values of the matrices in the dims `dim`."""
    return matrix_norm(input, "nuc", dim, keepdim)


nuclear_norm.samples(lambda draw: iter([Sample((draw(2, 3),))]))

__all__ = ["frobenius_norm", "norm", "nuclear_norm"]
