"""Softmax and its relatives. All subtract the maximum first, through which no gradient needs to flow: it cancels."""

from __future__ import annotations

import warnings
from typing import Any

from ...core import dtypes as dt
from ...core.dtypes import FLOAT
from ...core.shapes import wrap_dims
from ...graph.op import Bad, Sample, cast, composite, constant
from ...graph.symbol import Symbol
from ..arithmetic import abs as magnitude
from ..arithmetic import exp, log, negate, real_part, where
from ..reduction import reduce_max
from ..views import reduce_sum, reshape_to, restore


def wide(x: Symbol) -> Symbol:
    """`x` in the dtype in which it is computed with: float32 for the half types."""
    return cast(x, x.dtype.compute) if x.dtype.compute is not x.dtype else x


def narrow(x: Symbol, target: dt.dtype) -> Symbol:
    """`x` rounded back to `target`."""
    return cast(x, target) if x.dtype is not target else x


def _operand(input: Symbol, dtype: Any, op: str) -> Symbol:
    x = input if dtype is None else cast(input, dt.as_dtype(dtype, op))
    if not x.dtype.is_floating_point:
        raise NotImplementedError(f"{op}: not implemented for dtype {x.dtype}; expected a floating-point tensor, or dtype= one")
    return x


def shifted(x: Symbol, dims: tuple[int, ...]) -> Symbol:
    """`x` minus its maximum over `dims`."""
    return x - restore(reduce_max(x.plain, dims), dims, x.shape)


def _is_empty(x: Symbol, dims: tuple[int, ...]) -> bool:
    return any(x.shape[d] == 0 for d in dims)


@composite(names=("softmax", "Tensor.softmax", "special.softmax"))
def softmax(input: Symbol, dim: int, dtype: Any = None) -> Symbol:
    """`exp(input) / sum(exp(input))` along `dim`. `dtype`: convert to it first.

    >>> import powerhouse as torch
    >>> torch.softmax(torch.zeros(2), 0)
    tensor([0.5000, 0.5000])
    """
    x = _operand(input, dtype, "softmax")
    dims = wrap_dims(dim, x.ndim, "softmax")
    if _is_empty(x, dims):
        return x + 0
    e = exp(shifted(wide(x), dims))
    return narrow(e / restore(reduce_sum(e, dims), dims, x.shape), x.dtype)


@composite(names=("log_softmax", "Tensor.log_softmax", "special.log_softmax"))
def log_softmax(input: Symbol, dim: int, dtype: Any = None) -> Symbol:
    """The logarithm of `softmax(input, dim)`, computed without its underflow.

    >>> import powerhouse as torch
    >>> torch.log_softmax(torch.zeros(2), 0)
    tensor([-0.6931, -0.6931])
    """
    x = _operand(input, dtype, "log_softmax")
    dims = wrap_dims(dim, x.ndim, "log_softmax")
    if _is_empty(x, dims):
        return x + 0
    z = shifted(wide(x), dims)
    return narrow(z - restore(log(reduce_sum(exp(z), dims)), dims, x.shape), x.dtype)


def _implicit_dim(input: Symbol, dim: int | None, op: str) -> int:
    """The dim that `nn.functional` takes where none is given: deprecated, kept."""
    if dim is not None:
        return dim
    warnings.warn(
        f"Implicit dimension choice for {op} has been deprecated. Change the call to include dim=X as an argument.",
        UserWarning,
        stacklevel=2,
    )
    return 0 if input.ndim in (0, 1, 3) else 1


@composite(names=("nn.functional.softmax",), name="softmax_function", label="softmax")
def softmax_function(input: Symbol, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Symbol:
    """`exp(input) / sum(exp(input))` along `dim`. `dtype`: convert to it first."""
    return softmax(input, _implicit_dim(input, dim, "softmax"), dtype)


@composite(names=("nn.functional.log_softmax",), name="log_softmax_function", label="log_softmax")
def log_softmax_function(input: Symbol, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Symbol:
    """The logarithm of `softmax(input, dim)`, computed without its underflow."""
    return log_softmax(input, _implicit_dim(input, dim, "log_softmax"), dtype)


@composite(names=("nn.functional.softmin",), label="softmax")
def softmin(input: Symbol, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Symbol:
    """`softmax(-input, dim)`."""
    return softmax(negate(input), _implicit_dim(input, dim, "softmin"), dtype)


for _op in (softmax, log_softmax, softmax_function, log_softmax_function, softmin):
    _op.samples(
        lambda draw: iter(
            [
                Sample((draw(2, 3), 1)),
                Sample((draw(2, 3, 4), 0)),
                Sample((draw(2, 0), -1)),
                Sample((draw(), 0)),
                Sample((draw(2, 3, dtype="int64", low=-9, high=9), 1), {"dtype": dt.float64}),
            ]
        )
    )
    _op.errors(
        lambda draw: iter(
            [
                Bad((draw(2, 3), 2), {}, IndexError, "Dimension out of range"),
                Bad((draw(2, 3, dtype="int64", low=0, high=9), 1), {}, NotImplementedError, "not implemented for"),
            ]
        )
    )


@composite(names=("_softmax_backward_data",), label="softmax_backward_data")
def _softmax_backward_data(grad_output: Symbol, output: Symbol, dim: int, input_dtype: Any) -> Symbol:
    """The gradient of a softmax along `dim` whose result was `output`."""
    dims = wrap_dims(dim, output.ndim, "_softmax_backward_data")
    along = reduce_sum(grad_output * output, dims)
    return narrow(output * (grad_output - restore(along, dims, output.shape)), dt.as_dtype(input_dtype, "_softmax_backward_data"))


_softmax_backward_data.samples(lambda draw: iter([Sample((draw(2, 3), draw(2, 3), 1, dt.float32), only="forward")]))


@composite(names=("logsumexp", "Tensor.logsumexp", "special.logsumexp"))
def logsumexp(input: Symbol, dim: Any, keepdim: bool = False) -> Symbol:
    """`log(sum(exp(input)))` over `dim`, computed without its overflow. Integers become floats.

    >>> import powerhouse as torch
    >>> torch.logsumexp(torch.zeros(2, 2), 1)
    tensor([0.6931, 0.6931])
    """
    x = wide(input if input.dtype.category >= FLOAT else cast(input, dt.default_float()))
    dims = wrap_dims(dim, x.ndim, "logsumexp")
    kept = tuple(1 if i in dims else n for i, n in enumerate(x.shape))
    if _is_empty(x, dims):
        out = log(reduce_sum(exp(x), dims))
    else:
        top = reduce_max(real_part(x).plain, dims)
        top = where(magnitude(top) < float("inf"), top, constant(0.0))
        out = log(reduce_sum(exp(x - restore(top, dims, x.shape)), dims)) + top
    out = narrow(out, input.dtype if input.dtype.category >= FLOAT else x.dtype)
    return reshape_to(out, kept) if keepdim else out


@logsumexp.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3, 4), 1))
    yield Sample((draw(2, 3, 4), (0, -1), True))
    yield Sample((draw(2, 0), 1), only="forward")
    yield Sample((draw(2, 3, dtype="int64", low=-9, high=9), 0))


logsumexp.errors(lambda draw: iter([Bad((draw(2, 3), 2), {}, IndexError, "Dimension out of range")]))

__all__ = ["log_softmax", "logsumexp", "narrow", "shifted", "softmax", "wide"]
