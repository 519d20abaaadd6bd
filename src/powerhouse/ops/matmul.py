"""Matrix products: one batched primitive, and everything written over it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.shapes import broadcast
from ..graph.op import Bad, Sample, composite, expand, primitive
from ..graph.symbol import Symbol, Type
from .arithmetic import conj
from .views import permute_dims, reshape_to


@primitive(label="bmm")
def batched_matmul(a: Symbol, b: Symbol) -> Type:
    """Matrices `a[..., n, k] @ b[..., k, m]`, of the same dtype and batch dims."""
    return Type((*a.shape[:-1], b.shape[-1]), a.dtype)


@batched_matmul.reference
def _(a: Any, b: Any) -> Any:
    if a.dtype.itemsize == 2 and a.dtype.kind not in "iu":
        return np.matmul(a.astype(np.float32), b.astype(np.float32)).astype(a.dtype)
    return np.matmul(a, b)


def turned(x: Symbol) -> Symbol:
    """`x` with its last two dims exchanged."""
    return permute_dims(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def is_turned(s: Symbol) -> bool:
    """Whether `s` is its input with the last two dims exchanged."""
    n = len(s.shape) if s.shape is not None else 0
    return s.op is permute_dims and n > 1 and s.attrs[0] == (*range(n - 2), n - 1, n - 2)


batched_matmul.vjp(lambda g, out, a, b: (batched_matmul(g, turned(conj(b))), batched_matmul(turned(conj(a)), g)))


# The names that PyTorch's messages about matrices use, where they are not ours.
_C_NAMES = {
    "float16": "c10::Half", "bfloat16": "c10::BFloat16", "float32": "float", "float64": "double",
    "int8": "signed char", "int16": "short int", "int32": "int", "int64": "long int", "uint8": "unsigned char",
    "complex64": "c10::complex<float>", "complex128": "c10::complex<double>",
}  # fmt: skip


def same_dtype(op: str, *operands: Symbol) -> None:
    """Matrix products do not promote."""
    found = list(dict.fromkeys(s.dtype.name for s in operands))
    if len(found) > 1:
        names = " != ".join(_C_NAMES.get(name, name) for name in found)
        raise RuntimeError(f"{op}: expected mat1 and mat2 to have the same dtype, but got: {names}")


def product(a: Symbol, b: Symbol, op: str) -> Symbol:
    """`a @ b` for two operands of at least 2 dims, batch dims broadcast. A shared matrix on the right folds the batch into rows."""
    if a.shape[-1] != b.shape[-2]:
        raise RuntimeError(
            f"{op}: mat1 and mat2 shapes cannot be multiplied ({_mat(a)} and {_mat(b)}); got {list(a.shape)} and {list(b.shape)}"
        )
    if b.ndim == 2 and a.ndim > 2:
        flat = reshape_to(a, (a.numel // a.shape[-1] if a.shape[-1] else _rows(a), a.shape[-1]))
        return reshape_to(batched_matmul(flat, b), (*a.shape[:-1], b.shape[-1]))
    batch = broadcast((a.shape[:-2], b.shape[:-2]), op)
    return batched_matmul(expand(a, (*batch, *a.shape[-2:])), expand(b, (*batch, *b.shape[-2:])))


def _rows(a: Symbol) -> int:
    rows = 1
    for n in a.shape[:-1]:
        rows *= n
    return rows


def _mat(s: Symbol) -> str:
    return f"{s.shape[-2]}x{s.shape[-1]}"


_LABELS = {(1, 1): "dot", (2, 1): "mv", (2, 2): "mm", (1, 2): "squeeze"}  # PyTorch's name of the last step, by the operands' ranks


def labelled(s: Symbol, label: str) -> Symbol:
    """`s`, to be printed as the result of `label` where nothing says otherwise yet."""
    s.label = s.label or label
    return s


@composite(names=("matmul", "Tensor.matmul", "linalg.matmul"), autocast="lower")
def matmul(input: Symbol, other: Symbol) -> Symbol:
    """The matrix product: vectors, matrices, and batches of matrices (broadcast), as Python's `@`.

    >>> import powerhouse as torch
    >>> (torch.ones(2, 3) @ torch.ones(3, 4)).shape
    torch.Size([2, 4])
    """
    same_dtype("matmul", input, other)
    if input.ndim == 0 or other.ndim == 0:
        raise RuntimeError(f"matmul: both arguments to matmul need to be at least 1D, but they are {input.ndim}D and {other.ndim}D")
    a = reshape_to(input, (1, *input.shape)) if input.ndim == 1 else input
    b = reshape_to(other, (*other.shape, 1)) if other.ndim == 1 else other
    out = product(a, b, "matmul")
    shape = list(out.shape)
    if other.ndim == 1:
        del shape[-1]
    if input.ndim == 1:
        del shape[len(shape) - (1 if other.ndim == 1 else 2)]
    out = out if tuple(shape) == out.shape else reshape_to(out, tuple(shape))
    return labelled(out, _LABELS.get((input.ndim, other.ndim), "unsafe_view"))


@matmul.samples
def _(draw: Any) -> Any:
    for a, b in (
        ((2, 3), (3, 4)),
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (3, 4)),
        ((5, 2, 3), (3, 4)),
        ((5, 2, 3), (5, 3, 4)),
        ((2, 1, 2, 3), (5, 3, 4)),
        ((3,), (2, 3, 4)),
        ((0, 3), (3, 4)),
        ((2, 0), (0, 4)),
    ):
        yield Sample((draw(*a), draw(*b)))


@matmul.errors
def _(draw: Any) -> Any:
    yield Bad((draw(2, 3), draw(2, 3)), {}, RuntimeError, "matmul")
    yield Bad((draw(2, 3), draw(3, 2, dtype="float64")), {}, RuntimeError, "dtype")


def _exact(op: str, a: Symbol, b: Symbol, ndim: int, name: str) -> None:
    for i, s in enumerate((a, b)):
        if s.ndim != ndim:
            raise RuntimeError(f"{op}: expected {name}, but argument {i + 1} has shape {list(s.shape)}")


@composite(autocast="lower")
def mm(input: Symbol, mat2: Symbol) -> Symbol:
    """The product of two matrices."""
    _exact("mm", input, mat2, 2, "2D tensors")
    same_dtype("mm", input, mat2)
    return product(input, mat2, "mm")


@composite(autocast="lower")
def bmm(input: Symbol, mat2: Symbol) -> Symbol:
    """The products of two batches of matrices, of the same batch size."""
    _exact("bmm", input, mat2, 3, "3D tensors")
    same_dtype("bmm", input, mat2)
    if input.shape[0] != mat2.shape[0]:
        raise RuntimeError(
            "bmm: Expected size for first two dimensions of batch2 tensor to be: "
            f"[{input.shape[0]}, {input.shape[2]}] but got: {list(mat2.shape[:2])}."
        )
    return product(input, mat2, "bmm")


mm.samples(lambda draw: iter([Sample((draw(2, 3), draw(3, 4)))]))
bmm.samples(lambda draw: iter([Sample((draw(5, 2, 3), draw(5, 3, 4)))]))
mm.errors(
    lambda draw: iter(
        [Bad((draw(3), draw(3, 4)), {}, RuntimeError, "2D"), Bad((draw(2, 3), draw(2, 3)), {}, RuntimeError, "cannot be multiplied")]
    )
)


@composite(names=("nn.functional.linear",), autocast="lower")
def linear(input: Symbol, weight: Symbol, bias: Symbol | None = None) -> Symbol:
    """`input @ weight.T + bias`; `input` (..., in), `weight` (out, in) or (in,), `bias` (out,).

    >>> import powerhouse as torch
    >>> torch.nn.functional.linear(torch.ones(2, 3), torch.ones(4, 3)).shape
    torch.Size([2, 4])
    """
    if not weight.ndim or not input.ndim or input.shape[-1] != weight.shape[-1]:
        raise RuntimeError(
            f"linear: mat1 and mat2 shapes cannot be multiplied; got input {list(input.shape)} and weight {list(weight.shape)}, "
            "expected the last sizes to match"
        )
    same_dtype("linear", input, weight, *(() if bias is None else (bias,)))
    out = matmul(input, turned(weight) if weight.ndim == 2 else weight)
    return out if bias is None else labelled(out + bias, "addmm" if input.ndim == 2 else "view")


@linear.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3), draw(4, 3), draw(4)))
    yield Sample((draw(5, 2, 3), draw(4, 3)))
    yield Sample((draw(3), draw(4, 3), draw(4)))


@linear.errors
def _(draw: Any) -> Any:
    yield Bad((draw(2, 5), draw(4, 3)), {}, RuntimeError, "linear")
