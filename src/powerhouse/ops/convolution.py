"""Convolutions of any rank: one primitive and its two gradients, which are the gradients of one another."""

from __future__ import annotations

from typing import Any

from ..core.dtypes import BOOL
from ..core.errors import require
from ..graph.op import Bad, Sample, composite, primitive
from ..graph.symbol import Symbol, Type
from ._correlation import Pairs, correlate, input_gradient, weight_gradient
from ._windows import Ints, per_dim, windows_along
from .arithmetic import conj
from .views import reshape_to

# --- the primitives -------------------------------------------------------------------------------------------------------------


@primitive
def conv(x: Symbol, weight: Symbol, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> Type:
    """`x` (batch, channels, *sizes) correlated with `weight` (out, channels / groups, *kernel), zeros around it: (before, after) a dim."""
    return Type((x.shape[0], weight.shape[0], *_counts(x.shape, weight.shape[2:], stride, padding, dilation)), x.dtype)


@primitive
def conv_input_gradient(g: Symbol, weight: Symbol, sizes: Ints, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> Type:
    """The gradient of `conv` for an input of spatial `sizes`: what is also called a transposed convolution of `g`."""
    return Type((g.shape[0], weight.shape[1] * groups, *sizes), g.dtype)


@primitive
def conv_weight_gradient(g: Symbol, x: Symbol, kernel: Ints, stride: Ints, padding: Pairs, dilation: Ints, groups: int) -> Type:
    """The gradient of `conv` for a weight of spatial size `kernel`."""
    return Type((g.shape[1], x.shape[1] // groups, *kernel), g.dtype)


@conv.vjp
def _(g: Symbol, out: Symbol, x: Symbol, weight: Symbol, *how: Any) -> Any:
    return conv_input_gradient(g, conj(weight), x.shape[2:], *how), conv_weight_gradient(g, conj(x), weight.shape[2:], *how)


@conv_input_gradient.vjp
def _(g: Symbol, out: Symbol, grad: Symbol, weight: Symbol, sizes: Ints, *how: Any) -> Any:
    return conv(g, conj(weight), *how), conv_weight_gradient(conj(grad), g, weight.shape[2:], *how)


@conv_weight_gradient.vjp
def _(g: Symbol, out: Symbol, grad: Symbol, x: Symbol, kernel: Ints, *how: Any) -> Any:
    return conv(conj(x), g, *how), conv_input_gradient(conj(grad), g, x.shape[2:], *how)


def _counts(shape: Ints, kernel: Ints, stride: Ints, padding: Pairs, dilation: Ints) -> Ints:
    return tuple(windows_along(n, k, s, sum(p), d) for n, k, s, p, d in zip(shape[2:], kernel, stride, padding, dilation, strict=True))


conv.reference(correlate)
conv_input_gradient.reference(input_gradient)
conv_weight_gradient.reference(weight_gradient)

# --- public convolutions ---------------------------------------------------------------------------------------------------------


def _batched(input: Symbol, n: int, op: str) -> Symbol:
    """`input` with a batch dim."""
    if input.ndim not in (n + 1, n + 2):
        raise RuntimeError(
            f"{op}: Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {op}, but got input of size: {list(input.shape)}"
        )
    return input if input.ndim == n + 2 else reshape_to(input, (1, *input.shape))


def _check(input: Symbol, weight: Symbol, bias: Symbol | None, stride: Ints, dilation: Ints, groups: int, outs: int, op: str) -> None:
    """What all convolutions refuse."""
    require(
        weight.ndim == input.ndim,
        op,
        f"expected a weight of {input.ndim} dims to match input {list(input.shape)}, but got weight of size {list(weight.shape)}",
    )
    require(all(s > 0 for s in stride), op, f"non-positive stride is not supported, got {list(stride)}")
    require(all(d > 0 for d in dilation), op, f"dilation should be greater than zero, but got {list(dilation)}")
    require(groups > 0, op, f"non-positive groups is not supported, got {groups}")
    require(
        all(k > 0 for k in weight.shape[2:]), op, f"kernel size should be greater than zero, but got weight of size {list(weight.shape)}"
    )
    if input.dtype is not weight.dtype:
        raise RuntimeError(
            f"{op}: expected scalar type {input.dtype.name} but found {weight.dtype.name}: input is {input.dtype}, weight is {weight.dtype}"
        )
    if bias is not None:
        require(
            bias.shape == (outs,),
            op,
            f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with {outs} elements, "
            f"but got bias of size {list(bias.shape)} instead",
        )
        require(bias.dtype is input.dtype, op, f"Input type ({input.dtype.name}) and bias type ({bias.dtype.name}) should be the same")
    if input.dtype.category == BOOL:
        raise NotImplementedError(f"{op}: \"{op}\" not implemented for 'Bool'")
    require(
        weight.shape[0] >= groups and weight.shape[0] % groups == 0,
        op,
        f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, "
        f"but got weight of size [{list(weight.shape)}] instead",
    )


def _paddings(padding: Any, kernel: Ints, stride: Ints, dilation: Ints, op: str) -> Pairs:
    """(before, after) for each dim, from numbers, 'valid' or 'same'."""
    if padding == "same":
        require(all(s == 1 for s in stride), op, "padding='same' is not supported for strided convolutions")
        total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple((t // 2, t - t // 2) for t in total)
    if isinstance(padding, str):
        require(padding == "valid", op, f"Invalid padding string: '{padding}', expected 'valid' or 'same'")
        padding = 0
    sizes = per_dim(padding, len(kernel), "padding", op)
    require(all(p >= 0 for p in sizes), op, f"negative padding is not supported, got {list(sizes)}")
    return tuple((p, p) for p in sizes)


def _by(sizes: Any) -> str:
    return " x ".join(map(str, sizes))


def _with_bias(out: Symbol, bias: Symbol | None, unbatched: bool) -> Symbol:
    if bias is not None:
        out = out + reshape_to(bias, (1, bias.shape[0], *(1,) * (out.ndim - 2)))
    return reshape_to(out, out.shape[1:]) if unbatched else out


def _convolve(n: int, input: Symbol, weight: Symbol, bias: Symbol | None, stride: Any, padding: Any, dilation: Any, groups: int) -> Symbol:
    op = f"conv{n}d"
    x = _batched(input, n, op)
    stride, dilation = per_dim(stride, n, "stride", op), per_dim(dilation, n, "dilation", op)
    _check(x, weight, bias, stride, dilation, groups, weight.shape[0] if weight.ndim else 0, op)
    kernel = weight.shape[2:]
    pairs = _paddings(padding, kernel, stride, dilation, op)
    expected = weight.shape[1] * groups
    require(
        x.shape[1] == expected,
        op,
        f"Given groups={groups}, weight of size {list(weight.shape)}, "
        f"expected input{list(x.shape)} to have {expected} channels, but got {x.shape[1]} channels instead",
    )
    padded = [m + sum(p) for m, p in zip(x.shape[2:], pairs, strict=True)]
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    require(
        all(a >= b for a, b in zip(padded, reach, strict=True)),
        op,
        f"Calculated padded input size per channel: ({_by(padded)}). Kernel size: ({_by(reach)}). "
        "Kernel size can't be greater than actual input size",
    )
    return _with_bias(conv(x, weight, stride, pairs, dilation, groups), bias, input.ndim == n + 1)


def _convolve_transposed(
    n: int, input: Symbol, weight: Symbol, bias: Symbol | None, stride: Any, padding: Any, output_padding: Any, groups: int, dilation: Any
) -> Symbol:
    op = f"conv_transpose{n}d"
    x = _batched(input, n, op)
    stride, dilation, extra = (
        per_dim(stride, n, "stride", op),
        per_dim(dilation, n, "dilation", op),
        per_dim(output_padding, n, "output_padding", op),
    )
    _check(x, weight, bias, stride, dilation, groups, weight.shape[1] * groups if weight.ndim > 1 else 0, op)
    pads = per_dim(padding, n, "padding", op)
    require(all(p >= 0 for p in pads), op, f"negative padding is not supported, got {list(pads)}")
    require(all(e >= 0 for e in extra), op, f"negative output_padding is not supported, got {list(extra)}")
    require(
        x.shape[1] == weight.shape[0],
        op,
        f"Given transposed=1, weight of size {list(weight.shape)}, "
        f"expected input{list(x.shape)} to have {weight.shape[0]} channels, but got {x.shape[1]} channels instead",
    )
    require(
        all(e < max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)),
        op,
        f"output padding must be smaller than either stride or dilation, "
        f"but got output_padding {list(extra)}, stride {list(stride)}, dilation {list(dilation)}",
    )
    sizes = tuple(
        (m - 1) * s - 2 * p + d * (k - 1) + e + 1
        for m, s, p, d, k, e in zip(x.shape[2:], stride, pads, dilation, weight.shape[2:], extra, strict=True)
    )
    require(
        all(m > 0 for m in sizes),
        op,
        f"Given input size per channel: ({_by(x.shape[2:])}). Calculated output size per channel: ({_by(sizes)}). Output size is too small",
    )
    # As the gradient of a convolution over `sizes`: what the windows do not reach at the end is the output padding.
    pairs = tuple((p, p - e) for p, e in zip(pads, extra, strict=True))
    return _with_bias(conv_input_gradient(x, weight, sizes, stride, pairs, dilation, groups), bias, input.ndim == n + 1)


@composite(names=("conv1d", "nn.functional.conv1d"), label="convolution", autocast="lower")
def conv1d(
    input: Symbol, weight: Symbol, bias: Symbol | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Symbol:
    """Correlation of `input` (N, C, L) or (C, L) with `weight` (O, C / groups, K); see `conv2d`.

    >>> import powerhouse as torch
    >>> torch.nn.functional.conv1d(torch.ones(1, 1, 4), torch.ones(1, 1, 2))
    tensor([[[2., 2., 2.]]])
    """
    return _convolve(1, input, weight, bias, stride, padding, dilation, groups)


@composite(names=("conv2d", "nn.functional.conv2d"), label="convolution", autocast="lower")
def conv2d(
    input: Symbol, weight: Symbol, bias: Symbol | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Symbol:
    """Correlation of `input` (N, C, H, W) or (C, H, W) with `weight` (O, C / groups, KH, KW), plus `bias` (O,).

    `stride`, `padding`, `dilation` are a number or one a dim; `padding` may be 'valid' or 'same' (stride 1). Output sizes are
    `(size + 2 padding - dilation (K - 1) - 1) // stride + 1`. RuntimeError for channels, dtypes or sizes that do not fit.

    >>> import powerhouse as torch
    >>> torch.nn.functional.conv2d(torch.ones(2, 3, 8, 8), torch.ones(4, 3, 3, 3), stride=2, padding=1).shape
    torch.Size([2, 4, 4, 4])
    """
    return _convolve(2, input, weight, bias, stride, padding, dilation, groups)


@composite(names=("conv3d", "nn.functional.conv3d"), label="convolution", autocast="lower")
def conv3d(
    input: Symbol, weight: Symbol, bias: Symbol | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Symbol:
    """Correlation of `input` (N, C, D, H, W) or (C, D, H, W) with `weight` (O, C / groups, KD, KH, KW); see `conv2d`."""
    return _convolve(3, input, weight, bias, stride, padding, dilation, groups)


@composite(names=("conv_transpose1d", "nn.functional.conv_transpose1d"), label="convolution", autocast="lower")
def conv_transpose1d(
    input: Symbol,
    weight: Symbol,
    bias: Symbol | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Symbol:
    """Transposed convolution of `input` (N, C, L) or (C, L) with `weight` (C, O / groups, K); see `conv_transpose2d`."""
    return _convolve_transposed(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@composite(names=("conv_transpose2d", "nn.functional.conv_transpose2d"), label="convolution", autocast="lower")
def conv_transpose2d(
    input: Symbol,
    weight: Symbol,
    bias: Symbol | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Symbol:
    """Transposed convolution of `input` (N, C, H, W) or (C, H, W) with `weight` (C, O / groups, KH, KW), plus `bias` (O,).

    It is the gradient of a convolution by its input, as a function of its own.

    Output sizes are `(size - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1`.

    >>> import powerhouse as torch
    >>> torch.nn.functional.conv_transpose2d(torch.ones(1, 2, 4, 4), torch.ones(2, 3, 3, 3), stride=2, padding=1, output_padding=1).shape
    torch.Size([1, 3, 8, 8])
    """
    return _convolve_transposed(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


@composite(names=("conv_transpose3d", "nn.functional.conv_transpose3d"), label="convolution", autocast="lower")
def conv_transpose3d(
    input: Symbol,
    weight: Symbol,
    bias: Symbol | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Symbol:
    """Transposed convolution of `input` (N, C, D, H, W) with `weight` (C, O / groups, KD, KH, KW); see `conv_transpose2d`."""
    return _convolve_transposed(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


@conv1d.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3, 7), draw(4, 3, 3), draw(4)), {"stride": 2, "padding": 1})
    yield Sample((draw(4, 8), draw(6, 2, 2)), {"groups": 2, "dilation": 3})
    yield Sample((draw(1, 2, 5), draw(2, 2, 4)), {"padding": "same"})


@conv2d.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3, 6, 5), draw(4, 3, 3, 2), draw(4)))
    yield Sample((draw(2, 3, 6, 5), draw(4, 3, 3, 3), draw(4)), {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)})
    yield Sample((draw(1, 4, 5, 5), draw(8, 1, 3, 3)), {"groups": 4, "stride": 2})
    yield Sample((draw(3, 4, 4), draw(2, 3, 1, 1)), {"stride": 2})
    yield Sample((draw(0, 3, 4, 4), draw(2, 3, 1, 1)))


conv3d.samples(
    lambda draw: iter([Sample((draw(1, 2, 3, 4, 4), draw(3, 2, 2, 2, 3), draw(3)), {"padding": (1, 0, 1), "stride": (1, 2, 1)})])
)
conv_transpose1d.samples(
    lambda draw: iter([Sample((draw(2, 4, 5), draw(4, 3, 3), draw(6)), {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2})])
)


@conv_transpose2d.samples
def _(draw: Any) -> Any:
    yield Sample((draw(2, 3, 4, 3), draw(3, 2, 3, 2), draw(2)))
    yield Sample((draw(3, 4, 3), draw(3, 2, 3, 3)), {"stride": (2, 3), "padding": (1, 2), "output_padding": (1, 0), "dilation": (1, 2)})


conv_transpose3d.samples(
    lambda draw: iter([Sample((draw(1, 2, 3, 2, 3), draw(2, 2, 2, 2, 3), draw(2)), {"padding": (1, 0, 1), "stride": (1, 2, 1)})])
)


def _bad_convolutions(n: int) -> Any:
    def refuse(draw: Any) -> Any:
        x, w = draw(1, 3, *(8,) * n), draw(4, 3, *(3,) * n)
        yield Bad((draw(2), w), {}, RuntimeError, "Expected .*unbatched")
        yield Bad((draw(1, 2, *(8,) * n), w), {}, RuntimeError, "to have 3 channels, but got 2 channels instead")
        yield Bad((draw(1, 3, *(2,) * n), w), {}, RuntimeError, "Kernel size can't be greater than actual input size")
        yield Bad((x, draw(4, 3, *(3,) * n, dtype="float64")), {}, RuntimeError, "expected scalar type")
        yield Bad((x, w, draw(3)), {}, RuntimeError, "expected bias to be 1-dimensional with 4 elements")
        yield Bad((x, w), {"stride": 0}, RuntimeError, "non-positive stride")
        yield Bad((x, w), {"stride": (1,) * (n + 1)}, RuntimeError, "expected stride to be a single int")
        yield Bad((x, w), {"padding": "same", "stride": 2}, RuntimeError, "not supported for strided")
        yield Bad((x, w), {"padding": -1}, RuntimeError, "negative padding")
        yield Bad((x, w), {"groups": 3}, RuntimeError, "divisible by 3 at dimension 0")

    return refuse


def _bad_transposed(n: int) -> Any:
    def refuse(draw: Any) -> Any:
        x, w = draw(1, 3, *(8,) * n), draw(3, 4, *(3,) * n)
        yield Bad((draw(1, 2, *(8,) * n), w), {}, RuntimeError, "to have 3 channels, but got 2 channels instead")
        yield Bad((x, w), {"output_padding": 1}, RuntimeError, "output padding must be smaller than either stride or dilation")
        yield Bad((x, w), {"padding": 9}, RuntimeError, "Output size is too small")

    return refuse


for _n, (_plain, _transposed) in enumerate(((conv1d, conv_transpose1d), (conv2d, conv_transpose2d), (conv3d, conv_transpose3d)), 1):
    _plain.errors(_bad_convolutions(_n))
    _transposed.errors(_bad_transposed(_n))
