"""The matrix-product family: products that are added to something, products of vectors, chains, tensors and Kronecker products."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from ..core.dtypes import FLOAT
from ..core.promotion import result_type
from ..core.shapes import broadcast, wrap_dim
from ..graph.op import Bad, Sample, Symbols, cast, composite, constant
from ..graph.symbol import Symbol
from .arithmetic import conj
from .joining import joined
from .matmul import batched_matmul, mm, product, same_dtype
from .shape import span
from .views import permute_dims, reduce_sum, reshape_to

# --- contraction, of which everything here is a case --------------------------------------------------------------------------------


def contract(a: Symbol, a_labels: Sequence[Any], b: Symbol, b_labels: Sequence[Any], keep: Sequence[Any]) -> tuple[Symbol, tuple[Any, ...]]:
    """The product of `a` and `b` summed over all labels not in `keep`, as one batched matrix product.

    Every dim has a label, distinct within one operand; dims with the same label have the same size. Returns the result and its labels.
    """
    a, a_labels = _sum_out(a, a_labels, {*b_labels, *keep})
    b, b_labels = _sum_out(b, b_labels, {*a_labels, *keep})
    size = dict(zip((*a_labels, *b_labels), (*a.shape, *b.shape), strict=True))
    shared = [x for x in a_labels if x in b_labels]
    batch, inner = [x for x in shared if x in keep], [x for x in shared if x not in keep]
    rows, columns = [x for x in a_labels if x not in shared], [x for x in b_labels if x not in shared]
    labels = (*batch, *rows, *columns)
    shape = tuple(size[x] for x in labels)
    n, k, m = (prod(size[x] for x in group) for group in (rows, inner, columns))
    lead = (prod(size[x] for x in batch),) if batch else ()
    left = ordered(a, a_labels, [*batch, *rows, *inner])
    right = ordered(b, b_labels, [*batch, *inner, *columns])
    if not inner:
        return reshape_to(reshape_to(left, (*lead, n, 1)) * reshape_to(right, (*lead, 1, m)), shape), labels
    return reshape_to(batched_matmul(reshape_to(left, (*lead, n, k)), reshape_to(right, (*lead, k, m))), shape), labels


def _sum_out(x: Symbol, labels: Sequence[Any], keep: set[Any]) -> tuple[Symbol, tuple[Any, ...]]:
    dims = tuple(i for i, label in enumerate(labels) if label not in keep)
    return (reduce_sum(x, dims) if dims else x), tuple(label for label in labels if label in keep)


def ordered(x: Symbol, labels: Sequence[Any], order: Sequence[Any]) -> Symbol:
    """`x`, whose dims are called `labels`, with its dims in the order `order`."""
    dims = tuple(labels.index(label) for label in order)
    return x if dims == tuple(range(x.ndim)) else permute_dims(x, dims)


# --- products that are added to something ----------------------------------------------------------------------------------------------


def _plus_product(input: Symbol, result: Symbol, beta: Any, alpha: Any, op: str) -> Symbol:
    """`beta * input + alpha * result`; with `beta` 0 even a nan of `input` is ignored. For integers the factors are truncated."""
    same_dtype(op, input, result)
    if broadcast((input.shape, result.shape), op) != result.shape:
        raise RuntimeError(
            f"{op}: The expanded size of the tensor {list(result.shape)} must match the existing size {list(input.shape)}: "
            "input is not expandable to the product"
        )
    if result.dtype.category < FLOAT:
        beta, alpha = int(beta), int(alpha)
    scaled = result if alpha == 1 else result * constant(alpha)
    if beta == 0:
        return scaled
    return (input if beta == 1 else input * constant(beta)) + scaled


@composite(inplace=True, autocast="lower")
def addmm(input: Symbol, mat1: Symbol, mat2: Symbol, *, beta: Any = 1, alpha: Any = 1) -> Symbol:
    """`beta * input + alpha * mat1 @ mat2` for matrices; `input` broadcasts to (n, m).

    >>> import powerhouse as torch
    >>> torch.addmm(torch.ones(2), torch.eye(2), torch.eye(2), alpha=3)
    tensor([[4., 1.],
            [1., 4.]])
    """
    _ranks("addmm", mat1=(mat1, 2), mat2=(mat2, 2))
    same_dtype("addmm", mat1, mat2)
    return _plus_product(input, product(mat1, mat2, "addmm"), beta, alpha, "addmm")


@composite(inplace=True, autocast="lower")
def baddbmm(input: Symbol, batch1: Symbol, batch2: Symbol, *, beta: Any = 1, alpha: Any = 1) -> Symbol:
    """`beta * input + alpha * batch1 @ batch2` for batches of matrices; `input` broadcasts to (b, n, m)."""
    return _plus_product(input, _batches(batch1, batch2, "baddbmm"), beta, alpha, "baddbmm")


@composite(inplace=True, autocast="lower")
def addbmm(input: Symbol, batch1: Symbol, batch2: Symbol, *, beta: Any = 1, alpha: Any = 1) -> Symbol:
    """`beta * input` plus `alpha` times the sum of the products of two batches of matrices; `input` broadcasts to (n, m)."""
    _batches(batch1, batch2, "addbmm")
    total, _ = contract(batch1, "bnk", batch2, "bkm", "nm")
    return _plus_product(input, total, beta, alpha, "addbmm")


def _batches(a: Symbol, b: Symbol, op: str) -> Symbol:
    _ranks(op, batch1=(a, 3), batch2=(b, 3))
    same_dtype(op, a, b)
    if a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        raise RuntimeError(
            f"{op}: Expected size for first two dimensions of batch2 tensor to be: [{a.shape[0]}, {a.shape[2]}] but got: "
            f"{list(b.shape[:2])}."
        )
    return product(a, b, op)


@composite(inplace=True)
def addmv(input: Symbol, mat: Symbol, vec: Symbol, *, beta: Any = 1, alpha: Any = 1) -> Symbol:
    """`beta * input + alpha * mat @ vec`; `input` broadcasts to (n,)."""
    return _plus_product(input, _matrix_vector(mat, vec, "addmv"), beta, alpha, "addmv")


@composite(inplace=True)
def addr(input: Symbol, vec1: Symbol, vec2: Symbol, *, beta: Any = 1, alpha: Any = 1) -> Symbol:
    """`beta * input` plus `alpha` times the outer product of two vectors; `input` broadcasts to (n, m)."""
    _ranks("addr", vec1=(vec1, 1), vec2=(vec2, 1))
    common = result_type((s.dtype, 2) for s in (input, vec1, vec2))
    for name, factor in (("alpha", alpha), ("beta", beta)):
        if common.category < FLOAT and isinstance(factor, float):
            raise RuntimeError(f"addr: For integral input tensors, argument {name} must not be a floating point number.")
    x, a, b = (cast(s, common.compute) for s in (input, vec1, vec2))
    return cast(_plus_product(x, outer(a, b), beta, alpha, "addr"), common)


def _ranks(op: str, **operands: tuple[Symbol, int]) -> None:
    for name, (s, ndim) in operands.items():
        if s.ndim != ndim:
            what = {1: "a 1-D vector", 2: "a matrix", 3: "a 3D tensor"}[ndim]
            raise RuntimeError(f"{op}: {name} must be {what} ({ndim}D tensors expected), got {s.ndim}D with shape {list(s.shape)}")


@composite
def mv(input: Symbol, vec: Symbol) -> Symbol:
    """The product of a matrix (n, k) and a vector (k,)."""
    return _matrix_vector(input, vec, "mv")


def _matrix_vector(mat: Symbol, vec: Symbol, op: str) -> Symbol:
    if mat.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"{op}: vector + matrix @ vector expected, got {mat.ndim}D {list(mat.shape)} and {vec.ndim}D {list(vec.shape)}")
    if mat.shape[1] != vec.shape[0]:
        raise RuntimeError(f"{op}: size mismatch, got input ({mat.shape[0]}), mat ({mat.shape[0]}x{mat.shape[1]}), vec ({vec.shape[0]})")
    same_dtype(op, mat, vec)
    return reshape_to(batched_matmul(mat, reshape_to(vec, (vec.shape[0], 1))), (mat.shape[0],))


def _add_samples(op: Any, *shapes: tuple[int, ...]) -> None:
    """Samples with a full and a broadcast `input`, with and without factors."""
    full, *rest = shapes

    @op.samples
    def _(draw: Any) -> Any:
        yield Sample((draw(*full), *(draw(*s) for s in rest)))
        yield Sample((draw(*full[-1:]), *(draw(*s) for s in rest)), {"beta": 0.5, "alpha": 2})
        yield Sample((draw(), *(draw(*s) for s in rest)), {"beta": 0})

    @op.errors
    def _(draw: Any) -> Any:
        yield Bad((draw(*full[:-1], 7), *(draw(*s) for s in rest)), {}, RuntimeError, op.name)
        yield Bad((draw(*full), *(draw(1, *s) for s in rest)), {}, RuntimeError, op.name)


_add_samples(addmm, (2, 4), (2, 3), (3, 4))
_add_samples(baddbmm, (5, 2, 4), (5, 2, 3), (5, 3, 4))
_add_samples(addbmm, (2, 4), (5, 2, 3), (5, 3, 4))
_add_samples(addmv, (2,), (2, 3), (3,))
_add_samples(addr, (2, 4), (2,), (4,))
mv.samples(lambda draw: iter([Sample((draw(2, 3), draw(3))), Sample((draw(2, 0), draw(0)))]))
mv.errors(lambda draw: iter([Bad((draw(2, 3), draw(2)), {}, RuntimeError, "size mismatch"),
                             Bad((draw(3), draw(3)), {}, RuntimeError, "mv")]))

# --- products of vectors ------------------------------------------------------------------------------------------------------------


def _dot(a: Symbol, b: Symbol, op: str) -> Symbol:
    if a.ndim != 1 or b.ndim != 1:
        raise RuntimeError(f"{op}: 1D tensors expected, but got {a.ndim}D and {b.ndim}D tensors")
    if a.dtype is not b.dtype:
        raise RuntimeError(f"{op}: expected both vectors to have same dtype, but found {a.dtype} and {b.dtype}")
    if a.shape != b.shape:
        raise RuntimeError(
            f"{op}: inconsistent tensor size, expected tensor {list(a.shape)} and src {list(b.shape)} to have the same number of elements, "
            f"but got {a.numel} and {b.numel} elements respectively"
        )
    return contract(conj(a) if op == "vdot" else a, "i", b, "i", "")[0]


@composite
def dot(input: Symbol, tensor: Symbol) -> Symbol:
    """The sum of the products of two vectors' elements, of the same size and dtype.

    >>> import powerhouse as torch
    >>> torch.dot(torch.tensor([2, 3]), torch.tensor([2, 1]))
    tensor(7)
    """
    return _dot(input, tensor, "dot")


@composite
def vdot(input: Symbol, other: Symbol) -> Symbol:
    """The dot product of two vectors, the first conjugated."""
    return _dot(input, other, "vdot")


for _op in (dot, vdot):
    _op.samples(lambda draw: iter([Sample((draw(3), draw(3))), Sample((draw(3, dtype="complex64"), draw(3, dtype="complex64"))),
                                   Sample((draw(0), draw(0)))]))
    _op.errors(lambda draw: iter([Bad((draw(2, 3), draw(3)), {}, RuntimeError, "1D tensors expected"),
                                  Bad((draw(2), draw(3)), {}, RuntimeError, "inconsistent tensor size")]))


@composite(names=("linalg.vecdot",), autocast="lower")
def vecdot(x: Symbol, y: Symbol, *, dim: int = -1) -> Symbol:
    """The dot products along `dim` of two broadcast tensors, the first conjugated."""
    if x.dtype.category < FLOAT:
        raise RuntimeError(f"linalg.vecdot: Expected a floating point or complex tensor as input. Got {x.dtype}")
    same_dtype("linalg.vecdot", x, y)
    shape = broadcast((x.shape, y.shape), "linalg.vecdot")
    d = wrap_dim(dim, len(shape), "linalg.vecdot")
    return reduce_sum(conj(x) * y, (d,) if shape else ())


vecdot.samples(lambda draw: iter([Sample((draw(2, 3), draw(3))),
                                  Sample((draw(2, 3, dtype="complex64"), draw(2, 3, dtype="complex64")), {"dim": 0})]))
vecdot.errors(lambda draw: iter([Bad((draw(2, 3), draw(4)), {}, RuntimeError, "must match the size"),
                                 Bad((draw(3), draw(3, dtype="float64")), {}, RuntimeError, "same dtype")]))


def _cast_matrices(args: tuple[Any, ...], lower: Any, float32: Any) -> tuple[Any, ...]:
    """Under autocast, a product of matrices is lowered; one of vectors, or with a number, is not."""
    return lower(args) if all(s.ndim for s in args) and any(s.ndim > 1 for s in args) else args


@composite(autocast=_cast_matrices)
def inner(input: Symbol, other: Symbol) -> Symbol:
    """The sums of products over the last dims: (..., k) and (---, k) give (..., ---). A 0-d operand multiplies."""
    same_dtype("inner", input, other)
    if not input.ndim or not other.ndim:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            f"inner: inner() the last dimension must match on both input tensors but got shapes {list(input.shape)} and {list(other.shape)}"
        )
    a, b = [("a", i) for i in range(input.ndim - 1)], [("b", i) for i in range(other.ndim - 1)]
    return contract(input, (*a, "k"), other, (*b, "k"), (*a, *b))[0]


inner.samples(lambda draw: iter([Sample((draw(2, 3), draw(4, 5, 3))), Sample((draw(3), draw(3))), Sample((draw(), draw(2)))]))
inner.errors(lambda draw: iter([Bad((draw(2, 3), draw(2)), {}, RuntimeError, "last dimension must match")]))


@composite(names=("outer", "Tensor.outer", "ger", "Tensor.ger"), label="mul")
def outer(input: Symbol, vec2: Symbol) -> Symbol:
    """The products of all pairs of elements of two vectors: (n,) and (m,) give (n, m).

    >>> import powerhouse as torch
    >>> torch.outer(torch.tensor([1, 2]), torch.tensor([3, 4, 5]))
    tensor([[ 3,  4,  5],
            [ 6,  8, 10]])
    """
    for name, s in (("self", input), ("vec2", vec2)):
        if s.ndim != 1:
            raise RuntimeError(f"outer: Expected 1-D argument {name}, but got {s.ndim}-D")
    return reshape_to(input, (*input.shape, 1)) * vec2


outer.samples(lambda draw: iter([Sample((draw(2), draw(3))), Sample((draw(0), draw(3)))]))
outer.errors(lambda draw: iter([Bad((draw(2, 3), draw(3)), {}, RuntimeError, "Expected 1-D argument")]))


@composite(names=("cross", "Tensor.cross"), label="linalg_cross")
def cross(input: Symbol, other: Symbol, dim: int | None = None) -> Symbol:
    """The cross products of 3-vectors along `dim` (by default the first dim of size 3)."""
    shape = broadcast((input.shape, other.shape), "cross")
    if dim is None:
        dim = next((i for i, n in enumerate(shape) if n == 3), None)
        if dim is None:
            raise RuntimeError(f"cross: no dimension of size 3 in input; got shapes {list(input.shape)} and {list(other.shape)}")
    return _cross(input, other, dim, "cross")


@composite(names=("linalg.cross",))
def linalg_cross(input: Symbol, other: Symbol, *, dim: int = -1) -> Symbol:
    """The cross products of 3-vectors along `dim`; the other dims broadcast.

    >>> import powerhouse as torch
    >>> torch.linalg.cross(torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    return _cross(input, other, dim, "linalg.cross")


def _cross(a: Symbol, b: Symbol, dim: int, op: str) -> Symbol:
    if a.ndim != b.ndim:
        raise RuntimeError(f"{op}: inputs must have the same number of dimensions; got {list(a.shape)} and {list(b.shape)}")
    d = wrap_dim(dim, a.ndim, op)
    if not a.ndim or a.shape[d] != 3 or b.shape[d] != 3:
        raise RuntimeError(f"{op}: inputs dimension {dim} must have length 3. Got {list(a.shape)} and {list(b.shape)}")
    return _rotated(a, d, 1) * _rotated(b, d, 2) - _rotated(a, d, 2) * _rotated(b, d, 1)


def _rotated(x: Symbol, dim: int, by: int) -> Symbol:
    return joined((span(x, dim, by, 3 - by), span(x, dim, 0, by)), dim)


cross.samples(lambda draw: iter([Sample((draw(2, 3, 3), draw(2, 3, 3))), Sample((draw(3, 2), draw(3, 1), 0))]))
linalg_cross.samples(lambda draw: iter([Sample((draw(2, 3), draw(1, 3)))]))
cross.errors(lambda draw: iter([Bad((draw(2, 2), draw(2, 2)), {}, RuntimeError, "no dimension of size 3")]))
linalg_cross.errors(lambda draw: iter([Bad((draw(2, 2), draw(2, 2)), {}, RuntimeError, "must have length 3")]))

# --- chains, tensors, Kronecker -------------------------------------------------------------------------------------------------------


def best_order(sizes: tuple[int, ...]) -> list[list[int]]:
    """Where to split each run of matrices so that their product costs least: `sizes` are the n + 1 sizes of n matrices.

    Cormen et al., Introduction to Algorithms, section 15.2.
    """
    n = len(sizes) - 1
    cost = [[0] * n for _ in range(n)]
    split = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            choices = [(cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)]
            cost[i][j], split[i][j] = min(choices)
    return split


def _chain(matrices: Sequence[Symbol], op: str) -> Symbol:
    for a, b in zip(matrices, matrices[1:], strict=False):
        if a.shape[1] != b.shape[0]:
            raise RuntimeError(f"{op}: tensors cannot be multiplied, shapes {[list(m.shape) for m in matrices]} do not chain")
    split = best_order((matrices[0].shape[0], *(m.shape[1] for m in matrices)))

    def multiply(i: int, j: int) -> Symbol:
        return matrices[i] if i == j else mm(multiply(i, split[i][j]), multiply(split[i][j] + 1, j))

    return multiply(0, len(matrices) - 1)


@composite(names=("linalg.multi_dot",), autocast="lower")
def multi_dot(tensors: Symbols) -> Symbol:
    """The product of two or more matrices in the cheapest order; the first and the last may be vectors."""
    op = "linalg.multi_dot"
    if len(tensors) < 2:
        raise RuntimeError(f"{op}: expected at least 2 tensors but got {len(tensors)}")
    first, last = tensors[0], tensors[-1]
    for i, s in enumerate(tensors):
        if s.ndim != 2 and not (s.ndim == 1 and i in (0, len(tensors) - 1)):
            raise RuntimeError(f"{op}: the tensor {i} must be 2D{' or 1D' if i in (0, len(tensors) - 1) else ''} but got {s.ndim}D")
    same_dtype(op, *tensors)
    matrices = list(tensors)
    if first.ndim == 1:
        matrices[0] = reshape_to(first, (1, *first.shape))
    if last.ndim == 1:
        matrices[-1] = reshape_to(last, (*last.shape, 1))
    shape = (*first.shape[:-1], *last.shape[1:])
    return reshape_to(_chain(matrices, op), shape)


@composite(names=("chain_matmul",), out=False, autocast="lower")
def chain_matmul(*matrices: Symbols) -> Symbol:
    """The product of matrices in the cheapest order; see `linalg.multi_dot`."""
    for i, s in enumerate(matrices):
        if s.ndim != 2:
            raise RuntimeError(f"chain_matmul: Tensor {i} must be 2D but got {s.ndim}D")
    if not matrices:
        raise RuntimeError("chain_matmul(): Expected one or more matrices")
    return _chain(matrices, "chain_matmul")


multi_dot.samples(lambda draw: iter([Sample(([draw(2, 3), draw(3, 4), draw(4, 2)],)), Sample(([draw(3), draw(3, 4), draw(4)],))]))
multi_dot.errors(lambda draw: iter([Bad(([draw(2, 3)],), {}, RuntimeError, "at least 2 tensors"),
                                    Bad(([draw(2, 3), draw(2, 3)],), {}, RuntimeError, "cannot be multiplied")]))
chain_matmul.samples(lambda draw: iter([Sample((draw(2, 3), draw(3, 4), draw(4, 2)))]))
chain_matmul.errors(lambda draw: iter([Bad((draw(2, 3), draw(2, 3)), {}, RuntimeError, "cannot be multiplied")]))


@composite(names=("tensordot",), autocast="lower")
def tensordot(a: Symbol, b: Symbol, dims: Any = 2) -> Symbol:
    """The product summed over `dims`: the last n of `a` with the first n of `b` (an int), or two lists of dims.

    >>> import powerhouse as torch
    >>> torch.tensordot(torch.ones(3, 4, 5), torch.ones(4, 3, 2), dims=([1, 0], [0, 1])).shape
    torch.Size([5, 2])
    """
    if isinstance(dims, Symbol):
        raise RuntimeError("tensordot: dims must be an int or two lists of ints, got a tensor: use dims.tolist()")
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(
                f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims} for shapes {list(a.shape)} and {list(b.shape)}"
            )
        dims = (tuple(range(a.ndim - dims, a.ndim)), tuple(range(dims)))
    left, right = (tuple(wrap_dim(d, s.ndim, "tensordot") for d in (group if isinstance(group, tuple) else (group,))) for group,
                   s in zip(dims, (a, b), strict=True))
    if len(left) != len(right):
        raise RuntimeError(f"tensordot: both dimension lists should have same length, got {list(left)} and {list(right)}")
    for i, j in zip(left, right, strict=True):
        if a.shape[i] != b.shape[j] and 1 not in (a.shape[i], b.shape[j]):
            raise RuntimeError(
                f"tensordot: contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} and second has size "
                f"{b.shape[j]} in dim {j}"
            )
    same_dtype("tensordot", a, b)
    for i, j in zip(left, right, strict=True):  # a size of 1 stands for all: the other is summed
        if a.shape[i] != b.shape[j]:
            a, b = (a, _summed(b, j)) if a.shape[i] == 1 else (_summed(a, i), b)
    a_labels = [("k", left.index(i)) if i in left else ("a", i) for i in range(a.ndim)]
    b_labels = [("k", right.index(j)) if j in right else ("b", j) for j in range(b.ndim)]
    return contract(a, a_labels, b, b_labels, [x for x in (*a_labels, *b_labels) if x[0] != "k"])[0]


def _summed(x: Symbol, dim: int) -> Symbol:
    return reshape_to(reduce_sum(x, (dim,)), (*x.shape[:dim], 1, *x.shape[dim + 1 :]))


tensordot.samples(lambda draw: iter([Sample((draw(2, 3, 4), draw(3, 4, 5))), Sample((draw(3, 4, 5), draw(4, 3, 2), ([1, 0], [0, 1]))),
                                     Sample((draw(2), draw(3), 0))]))
tensordot.errors(lambda draw: iter([Bad((draw(2, 3), draw(4, 2), 1), {}, RuntimeError, "contracted dimensions need to match"),
                                    Bad((draw(2), draw(2), 2), {}, RuntimeError, "tensordot expects dims"),
                                    Bad((draw(2, 3), draw(2, 3), ([0], [0, 1])), {}, RuntimeError, "same length")]))


@composite
def kron(input: Symbol, other: Symbol) -> Symbol:
    """The Kronecker product: every element of `input` times the whole of `other`.

    >>> import powerhouse as torch
    >>> torch.kron(torch.tensor([[1, 2]]), torch.tensor([[1], [3]]))
    tensor([[1, 2],
            [3, 6]])
    """
    ndim = max(input.ndim, other.ndim)
    a, b = ((1,) * (ndim - s.ndim) + tuple(s.shape) for s in (input, other))
    wide_a = reshape_to(input, tuple(n for size in a for n in (size, 1)))
    wide_b = reshape_to(other, tuple(n for size in b for n in (1, size)))
    return reshape_to(wide_a * wide_b, tuple(n * m for n, m in zip(a, b, strict=True)))


kron.samples(lambda draw: iter([Sample((draw(2, 3), draw(3, 2))), Sample((draw(2), draw(3, 2, 2))), Sample((draw(), draw(2)))]))

__all__ = ["addbmm", "addmm", "addmv", "addr", "baddbmm", "chain_matmul", "contract", "cross", "dot", "inner", "kron", "linalg_cross",
           "multi_dot", "mv",
           "ordered", "outer", "tensordot", "vdot", "vecdot"]
