"""Pooling written over other ops: norms of windows, unpooling, windows at random places."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ...core import dtypes as dt
from ...core.errors import require
from ...graph.op import Bad, Sample, cast, composite, constant
from ...graph.symbol import Symbol
from .._windows import Ints, per_dim
from ..activation import relu
from ..arithmetic import abs
from ..arithmetic import pow as raise_to
from ..indexing import index_get, index_put
from ..pooling import means
from ..reduction import iota, iota_along, pick_along, reduce_argmax
from ..rounding import sign
from ..views import reshape_to, slice_of, zeros

# --- norms of windows --------------------------------------------------------------------------------------------------------------


def _norm(n: int, input: Symbol, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Symbol:
    op = f"lp_pool{n}d"
    kernel = per_dim(kernel_size, n, "kernel_size", op)
    mean = means(op, n, raise_to(input, constant(norm_type)), kernel, stride, ceil_mode=ceil_mode)
    return raise_to(sign(mean) * relu(abs(mean)) * float(prod(kernel)), constant(1.0 / norm_type))


@composite(names=("nn.functional.lp_pool1d",))
def lp_pool1d(input: Symbol, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Symbol:
    """The p-norms of windows of `input` (N, C, L) or (C, L): `(sum x ** p) ** (1 / p)`, p = `norm_type`."""
    return _norm(1, input, norm_type, kernel_size, stride, ceil_mode)


@composite(names=("nn.functional.lp_pool2d",))
def lp_pool2d(input: Symbol, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Symbol:
    """The p-norms of windows of `input` (N, C, H, W) or (C, H, W): `(sum x ** p) ** (1 / p)`, p = `norm_type`.

    >>> import powerhouse as torch
    >>> torch.nn.functional.lp_pool2d(torch.tensor([[[3.0, 4.0]]]), 2, (1, 2))
    tensor([[[5.]]])
    """
    return _norm(2, input, norm_type, kernel_size, stride, ceil_mode)


@composite(names=("nn.functional.lp_pool3d",), autocast="float32")
def lp_pool3d(input: Symbol, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Symbol:
    """The p-norms of windows of `input` (N, C, D, H, W) or (C, D, H, W): `(sum x ** p) ** (1 / p)`, p = `norm_type`."""
    return _norm(3, input, norm_type, kernel_size, stride, ceil_mode)


# --- unpooling -----------------------------------------------------------------------------------------------------------------------


def _unpool(n: int, input: Symbol, indices: Symbol, kernel_size: Any, stride: Any, padding: Any, output_size: Any) -> Symbol:
    op = f"max_unpool{n}d"
    if input.ndim not in (n + 1, n + 2) or 0 in input.shape[input.ndim - n - 1 :]:
        raise RuntimeError(
            f"{op}: Input to max_unpooling{n}d should be a {n + 1}d or {n + 2}d Tensor with non-zero sizes, "
            f"but got shape {list(input.shape)}"
        )
    require(indices.dtype is dt.int64, op, f"elements in indices should be type int64 but got: {indices.dtype.name}")
    require(
        indices.shape == input.shape,
        op,
        f"Expected shape of indices to be same as that of the input tensor ({list(input.shape)}) "
        f"but got indices tensor with shape: {list(indices.shape)}",
    )
    kernel, padding = per_dim(kernel_size, n, "kernel_size", op), per_dim(padding, n, "padding", op)
    stride = kernel if stride is None or stride == () else per_dim(stride, n, "stride", op)
    require(all(s > 0 for s in stride), op, f"strides should be greater than zero, but got {list(stride)}")
    sizes = _unpooled_sizes(input.shape[input.ndim - n :], kernel, stride, padding, output_size, op)
    rows, pooled = prod(input.shape[: input.ndim - n]), prod(input.shape[input.ndim - n :])
    plane = zeros((rows, prod(sizes)), input.dtype)
    at = (iota_along(rows, 0, (rows, 1)), reshape_to(indices, (rows, pooled)))
    out = index_put((plane, reshape_to(input, (rows, pooled)), *at), (0, 1), False)
    return reshape_to(out, (*input.shape[: input.ndim - n], *sizes))


def _unpooled_sizes(sizes: Ints, kernel: Ints, stride: Ints, padding: Ints, output_size: Any, op: str) -> Ints:
    default = tuple((m - 1) * s + k - 2 * p for m, s, k, p in zip(sizes, stride, kernel, padding, strict=True))
    if output_size is None:
        return default
    n, wanted = len(sizes), tuple(output_size)
    wanted = wanted[2:] if len(wanted) == n + 2 else wanted
    require(
        len(wanted) == n,
        op,
        f"output_size should be a sequence containing {n} or {n + 2} elements, but it has a length of '{len(output_size)}'",
        ValueError,
    )
    for dim, (want, size, step) in enumerate(zip(wanted, default, stride, strict=True)):
        require(
            size - step < want < size + step,
            op,
            f'invalid output_size "{wanted}" (dim {dim} must be between {size - step} and {size + step})',
            ValueError,
        )
    return wanted


@composite(names=("nn.functional.max_unpool1d",), autocast="float32")
def max_unpool1d(input: Symbol, indices: Symbol, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None) -> Symbol:
    """The inverse of `max_pool1d` as far as there is one; see `max_unpool2d`."""
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


@composite(names=("nn.functional.max_unpool2d",), autocast="float32")
def max_unpool2d(input: Symbol, indices: Symbol, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None) -> Symbol:
    """Zeros, with `input` (N, C, H, W) or (C, H, W) at the `indices` that `max_pool2d(..., return_indices=True)` gave.

    `output_size` chooses among the sizes that pool to this one. Indices outside the plane raise IndexError when the result is computed.

    >>> import powerhouse as torch
    >>> x, i = torch.nn.functional.max_pool2d(torch.arange(4.0).reshape(1, 2, 2), 2, return_indices=True)
    >>> torch.nn.functional.max_unpool2d(x, i, 2)
    tensor([[[0., 0.],
             [0., 3.]]])
    """
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


@composite(names=("nn.functional.max_unpool3d",), autocast="float32")
def max_unpool3d(input: Symbol, indices: Symbol, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None) -> Symbol:
    """The inverse of `max_pool3d` as far as there is one; see `max_unpool2d`."""
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size)


# --- windows at random places --------------------------------------------------------------------------------------------------------


@composite(names=(), name="fractional_pool", autocast="float32")
def fractional_pool(input: Symbol, samples: Symbol, kernel_size: Ints, output_size: Ints, op: str) -> Any:
    """`(maxima, their positions in the flattened plane)` of windows whose places follow from `samples` (N, C, number of dims) in [0, 1).

    Window i of a dim starts at `floor((i + u) a) - floor(u a)`, a = (size - kernel) / (windows - 1). Source: Graham, 2014.
    """
    n = len(kernel_size)
    sizes, lead = input.shape[input.ndim - n :], input.shape[: input.ndim - n]
    for size, kernel, count in zip(sizes, kernel_size, output_size, strict=True):
        require(
            count + kernel - (n == 2) <= size, op, f"pool size {kernel} and output size {count} are too large relative to input size {size}"
        )
    rows, order = prod(lead), range(n) if n == 3 else (1, 0)  # which sample a dim has
    flat = None  # (rows, *out, *kernel): the plane's elements in each window
    for dim, (size, kernel, count) in enumerate(zip(sizes, kernel_size, output_size, strict=True)):
        u = reshape_to(slice_of(samples, (*((0, m, 1) for m in samples.shape[:2]), (order[dim], 1, 1))), (rows, 1))
        along = _starts(u, size, kernel, count)
        shape = (rows, *(count if d == dim else 1 for d in range(n)), *(1,) * n)
        inner = reshape_to(iota(kernel), tuple(kernel if d == dim else 1 for d in range(n)))
        along = reshape_to(along, shape) + inner
        flat = along if flat is None else flat * size + along
    flat = reshape_to(flat, (rows, prod(output_size), prod(kernel_size)))
    plane = reshape_to(input, (rows, prod(sizes)))
    seen = index_get((plane.plain, iota_along(rows, 0, (rows, 1, 1)), flat), (0, 1))
    index = pick_along(flat, reduce_argmax(seen, 2), 2)
    values = index_get((plane, iota_along(rows, 0, (rows, 1)), index), (0, 1))
    return reshape_to(values, (*lead, *output_size)), reshape_to(index, (*lead, *output_size))


def _starts(u: Symbol, size: int, kernel: int, count: int) -> Symbol:
    """Where the windows of each row start: (rows, count)."""
    last = constant(size - kernel)
    if count == 1:
        return zeros((u.shape[0], 1), dt.int64) + last
    a = (size - kernel) / (count - 1)
    i = cast(iota(count), u.dtype)
    starts = cast((i + u) * a, dt.int64) - cast(u * a, dt.int64)
    is_last = cast(iota(count) + (1 - count), dt.bool_)  # False at the last window alone
    return starts * is_last + last * (1 - cast(is_last, dt.int64))


# --- samples ---------------------------------------------------------------------------------------------------------------------------


for _op, _n in ((lp_pool1d, 1), (lp_pool2d, 2), (lp_pool3d, 3)):
    _op.samples(
        lambda draw, n=_n: iter(
            [
                Sample((draw(1, 2, *(5,) * n, low=0.5), 2, 2)),
                Sample((draw(2, *(4,) * n, low=0.5), 3.0, 3), {"stride": 1, "ceil_mode": True}),
            ]
        )
    )
    _op.errors(
        lambda draw, n=_n: iter(
            [
                Bad((draw(2), 2, 2), {}, RuntimeError, "Expected"),
                Bad((draw(1, 2, *(5,) * n), 2, 9), {}, RuntimeError, "Output size is too small"),
            ]
        )
    )


def _places(draw: Any, n: int) -> Any:
    """Where 2 ** n windows of size 2 had their maxima, in planes of size 4."""
    corners = np.stack(np.meshgrid(*[np.array([0, 2])] * n, indexing="ij"), -1).reshape(-1, n)
    flat = corners @ np.array([4 ** (n - 1 - d) for d in range(n)])
    return np.broadcast_to(flat.reshape((2,) * n), (1, 3, *(2,) * n)).astype(np.int64)


for _op, _n in ((max_unpool1d, 1), (max_unpool2d, 2), (max_unpool3d, 3)):
    _op.samples(
        lambda draw, n=_n: iter(
            [
                Sample((draw(1, 3, *(2,) * n), _places(draw, n), 2)),
                Sample((draw(1, 3, *(2,) * n), _places(draw, n), 2), {"output_size": (5,) * n}),
            ]
        )
    )
    _op.errors(
        lambda draw, n=_n: iter(
            [
                Bad((draw(1, 3, *(2,) * n), _places(draw, n).astype(np.int32), 2), {}, RuntimeError, "should be type int64"),
                Bad((draw(1, 2, *(2,) * n), _places(draw, n), 2), {}, RuntimeError, "Expected shape of indices"),
                Bad((draw(1, 3, *(2,) * n), _places(draw, n), 2), {"output_size": (9,) * n}, ValueError, "invalid output_size"),
            ]
        )
    )
fractional_pool.samples(
    lambda draw: iter([Sample((draw(2, 3, 7, 6), draw(2, 3, 2, low=0, high=1), (2, 3), (3, 2), "fractional_max_pool2d"))])
)
fractional_pool.errors(
    lambda draw: iter(
        [Bad((draw(2, 3, 4, 4), draw(2, 3, 2, low=0, high=1), (3, 3), (3, 3), "fractional_max_pool2d"), {}, RuntimeError, "too large")]
    )
)
