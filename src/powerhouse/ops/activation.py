"""Activation functions: elementwise nonlinearities, under the names that `nn.functional` gives them.

Each is a public composite around a private elementwise op. Gradients at kinks follow PyTorch's choice of side.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

from ..core.dtypes import BOOL, COMPLEX, FLOAT, INTEGER
from ..core.shapes import wrap_dim
from ..graph.op import Bad, Operand, Sample, composite, elementwise
from ..graph.symbol import Symbol
from .arithmetic import abs, exp, sigmoid, tanh, times, where
from .special import erf, erf_body
from .views import reshape_to, slice_of, zeros

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def _functional(name: str, *, top: bool = False, methods: bool = False) -> dict[str, Any]:
    """The public names of an activation that has an in-place variant: in `nn.functional`, and at the top or on `Tensor` if so said."""
    names = (f"nn.functional.{name}", *((name,) if top else ()), *((f"Tensor.{name}",) if methods else ()))
    return {"names": names, "inplace": tuple(n + "_" for n in names)}


def _nothing(g: Symbol) -> Symbol:
    return zeros(g.shape, g.dtype)


def _need_float(x: Symbol, op: str) -> Symbol:
    if x.dtype.category != FLOAT:
        raise RuntimeError(f"{op}: not implemented for dtype {x.dtype}; expected a floating-point tensor, got shape {list(x.shape)}")
    return x


# --- rectifiers -------------------------------------------------------------------------------------------------------------------


@elementwise(public=False, refuse=(COMPLEX,))
def rectified(s, input):
    """The input where positive, else 0; nan stays."""
    return s.maximum(input, s.like(0, input))


rectified.vjp(lambda g, out, x: (where(out <= 0, _nothing(g), g),))


@composite(**_functional("relu", top=True, methods=True))
def relu(input: Symbol, inplace: bool = False) -> Symbol:
    """`max(input, 0)` of each element; the gradient at 0 is 0.

    >>> import powerhouse as torch
    >>> torch.relu(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    if input.dtype.category == BOOL:
        raise RuntimeError("relu: Boolean inputs not supported for relu; expected a number dtype, got torch.bool")
    return rectified(input)


relu.errors(lambda draw: iter([Bad((draw(3, dtype="bool"),), {}, RuntimeError, "Boolean inputs not supported")]))


@elementwise(public=False, refuse=(COMPLEX,))
def hard_tanh(s, input, low, high):
    """The input held between two bounds; no gradient at or beyond them."""
    return s.minimum(s.maximum(input, low), high)


hard_tanh.vjp(lambda g, out, x, low, high: (where((x > low) & (x < high), g, _nothing(g)), None, None))


@composite(**_functional("hardtanh"))
def hardtanh(input: Symbol, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Symbol:
    """`input` held between `min_val` and `max_val`.

    >>> import powerhouse as torch
    >>> torch.nn.functional.hardtanh(torch.tensor([-2.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val cannot be greater than max_val; got {min_val} and {max_val}")
    if input.dtype.category <= INTEGER:
        min_val, max_val = int(min_val), int(max_val)
    return hard_tanh(input, min_val, max_val)


hardtanh.errors(lambda draw: iter([Bad((draw(3), 1.0, -1.0), {}, ValueError, "min_val cannot be greater than max_val")]))


@composite(names=("nn.functional.relu6",))
def relu6(input: Symbol, inplace: bool = False) -> Symbol:
    """`min(max(input, 0), 6)`, as in MobileNet (Howard et al., 2017)."""
    return hard_tanh(input, 0, 6)


@elementwise(public=False, refuse=(COMPLEX,))
def leak(s, input, slope):
    """The input, times `slope` where negative."""
    zero = s.like(0, input)
    return s.maximum(input, zero) + s.minimum(input, zero) * slope


leak.vjp(lambda g, out, x, slope: (where(x > 0, g, g * slope), where(x > 0, _nothing(g), g * x)))


@composite(**_functional("leaky_relu"))
def leaky_relu(input: Symbol, negative_slope: Operand = 0.01, inplace: bool = False) -> Symbol:
    """`input` where positive, else `negative_slope * input` (Maas et al., 2013).

    >>> import powerhouse as torch
    >>> torch.nn.functional.leaky_relu(torch.tensor([-2.0, 1.0]), 0.25)
    tensor([-0.5000,  1.0000])
    """
    return leak(_need_float(input, "leaky_relu"), negative_slope)


@composite(names=("prelu", "Tensor.prelu", "nn.functional.prelu"), autocast="lower")
def prelu(input: Symbol, weight: Symbol) -> Symbol:
    """`leaky_relu` with a learned slope: one for all, or one for each channel (dim 1) of `input` (He et al., 2015)."""
    if weight.dtype is not input.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {input.dtype} and {weight.dtype}")
    if weight.numel != 1:
        if not input.ndim:
            raise RuntimeError("prelu: Not allow zero-dim input tensor.")
        channels = input.shape[1] if input.ndim > 1 else 1
        if channels != weight.numel:
            found = f"Found parameter numbers = {weight.numel} and channel size = {channels}."
            raise RuntimeError(f"prelu: Mismatch of parameter numbers and input channel size. {found}")
    if weight.ndim > 1:
        raise RuntimeError(f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    shape = tuple(weight.numel if i == 1 else 1 for i in range(input.ndim)) if weight.numel != 1 else (1,) * input.ndim
    return leak(input, reshape_to(weight, shape))


@composite(**_functional("rrelu", top=True))
def rrelu(input: Symbol, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False) -> Symbol:
    """`leaky_relu` with the mean of the slopes `lower` and `upper` (Xu et al., 2015); random slopes while training are not an op."""
    if lower > upper:
        raise RuntimeError(f"rrelu: Lower bound should be less than or equal to the upper bound; got {lower} and {upper}")
    if training:
        raise NotImplementedError("rrelu: random slopes (training=True) are drawn by powerhouse.tensors, not by this op")
    return leak(_need_float(input, "rrelu"), (lower + upper) / 2)


@elementwise(public=False, refuse=(COMPLEX,))
def above(s, input, threshold, value):
    """The input where above `threshold`, else `value`."""
    return s.where(input <= threshold, value, input)


above.vjp(lambda g, out, x, threshold, value: (where(x <= threshold, _nothing(g), g), None, None))


@composite(**_functional("threshold", top=True))
def threshold(input: Symbol, threshold: Operand, value: Operand, inplace: bool = False) -> Symbol:
    """`input` where above `threshold`, else `value`."""
    return above(input, threshold, value)


# --- exponential units ------------------------------------------------------------------------------------------------------------


def _below(x: Symbol) -> Symbol:
    """The input where not positive, else 0: what may safely be exponentiated."""
    return where(x > 0, zeros(x.shape, x.dtype), x)


@elementwise(public=False, refuse=(COMPLEX,))
def exponential_unit(s, input, alpha, rate):
    """The input where positive, else `alpha * (exp(input * rate) - 1)`."""
    zero = s.like(0, input)
    return s.maximum(input, zero) + s.expm1(s.minimum(input, zero) * rate) * alpha


exponential_unit.vjp(lambda g, out, x, alpha, rate: (where(x > 0, g, g * (alpha * rate * exp(_below(x) * rate))), None, None))


@composite(**_functional("elu"))
def elu(input: Symbol, alpha: Operand = 1.0, inplace: bool = False) -> Symbol:
    """`input` where positive, else `alpha * (exp(input) - 1)` (Clevert et al., 2016).

    >>> import powerhouse as torch
    >>> torch.nn.functional.elu(torch.tensor([-1.0, 1.0]))
    tensor([-0.6321,  1.0000])
    """
    return exponential_unit(_need_float(input, "elu"), alpha, 1.0)


@composite(**_functional("selu", top=True))
def selu(input: Symbol, inplace: bool = False) -> Symbol:
    """The self-normalizing `elu`, with the constants of Klambauer et al. (2017)."""
    return exponential_unit(_need_float(input, "selu"), _SELU_ALPHA, 1.0) * _SELU_SCALE


@composite(**_functional("celu", top=True))
def celu(input: Symbol, alpha: float = 1.0, inplace: bool = False) -> Symbol:
    """`input` where positive, else `alpha * (exp(input / alpha) - 1)`: continuously differentiable (Barron, 2017)."""
    if alpha == 0:
        raise RuntimeError("celu: ZeroDivisionError: alpha cannot be 0 for CELU")
    return exponential_unit(_need_float(input, "celu"), alpha, 1.0 / alpha)


@elementwise(public=False, refuse=(COMPLEX,))
def soft_plus(s, input, beta, threshold):
    """`log(1 + exp(beta * input)) / beta`, the input itself where `beta * input > threshold`."""
    scaled = input * beta
    return s.where(scaled > threshold, input, s.log1p(s.exp(s.minimum(scaled, threshold))) / beta)


soft_plus.vjp(lambda g, out, x, beta, threshold: (where(x * beta > threshold, g, g * sigmoid(x * beta)), None, None))


@composite(names=("nn.functional.softplus",))
def softplus(input: Symbol, beta: Operand = 1, threshold: Operand = 20) -> Symbol:
    """`log(1 + exp(beta * input)) / beta`, a smooth `relu`; linear where `beta * input > threshold`.

    >>> import powerhouse as torch
    >>> torch.nn.functional.softplus(torch.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.0000])
    """
    return soft_plus(_need_float(input, "softplus"), beta, threshold)


@elementwise(public=False, refuse=(COMPLEX,))
def log_sigmoid(s, input):
    """`log(1 / (1 + exp(-input)))`, without overflow."""
    return s.minimum(input, s.like(0, input)) - s.log1p(s.exp(-s.abs(input)))


log_sigmoid.vjp(lambda g, out, x: (g * sigmoid(-x),))


@composite(names=("nn.functional.logsigmoid",))
def logsigmoid(input: Symbol) -> Symbol:
    """`log(sigmoid(input))`, accurate at both ends."""
    return log_sigmoid(_need_float(input, "logsigmoid"))


# --- sigmoid-weighted units -------------------------------------------------------------------------------------------------------


@elementwise(public=False)
def sigmoid_weighted(s, input):
    """`input / (1 + exp(-input))`."""
    return input / (1 + s.exp(-input))


@sigmoid_weighted.vjp
def _(g: Symbol, out: Symbol, x: Symbol) -> Any:
    p = sigmoid(x)
    return (g * (p * (1 + x * (1 - p))),)


@composite(names=("nn.functional.silu",))
def silu(input: Symbol, inplace: bool = False) -> Symbol:
    """`input * sigmoid(input)`, also called swish (Hendrycks & Gimpel, 2016; Elfwing et al., 2017).

    >>> import powerhouse as torch
    >>> torch.nn.functional.silu(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.7311])
    """
    if input.dtype.category < FLOAT:
        raise RuntimeError(f"silu: not implemented for dtype {input.dtype}; expected a floating-point or complex tensor")
    return sigmoid_weighted(input)


@elementwise(public=False, refuse=(COMPLEX,))
def gaussian_error_unit(s, input):
    """`input * Phi(input)`, with the normal distribution function `Phi`."""
    return input * 0.5 * (1 + erf_body(s, input * sqrt(0.5)))


@gaussian_error_unit.vjp
def _(g: Symbol, out: Symbol, x: Symbol) -> Any:
    cdf = (erf(x * sqrt(0.5)) + 1) * 0.5
    pdf = exp(x * x * -0.5) * (1 / sqrt(2 * pi))
    return (g * (cdf + x * pdf),)


@elementwise(public=False, refuse=(COMPLEX,))
def gaussian_error_unit_by_tanh(s, input):
    """`gaussian_error_unit`, with `Phi` approximated by a tanh."""
    return input * 0.5 * (1 + s.tanh((input + input * input * input * 0.044715) * sqrt(2 / pi)))


@gaussian_error_unit_by_tanh.vjp
def _(g: Symbol, out: Symbol, x: Symbol) -> Any:
    square = x * x
    t = tanh((x + x * square * 0.044715) * sqrt(2 / pi))
    slope = (1 + square * (3 * 0.044715)) * sqrt(2 / pi)
    return (g * ((t + 1) * 0.5 + x * (1 - t * t) * slope * 0.5),)


@composite(names=("nn.functional.gelu",))
def gelu(input: Symbol, approximate: str = "none") -> Symbol:
    """`input * Phi(input)` (Hendrycks & Gimpel, 2016); `approximate="tanh"` replaces the normal distribution function by a tanh.

    >>> import powerhouse as torch
    >>> torch.nn.functional.gelu(torch.tensor([-1.0, 1.0]))
    tensor([-0.1587,  0.8413])
    """
    _need_float(input, "gelu")
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"gelu: approximate argument must be either none or tanh, got {approximate!r}")
    return gaussian_error_unit(input) if approximate == "none" else gaussian_error_unit_by_tanh(input)


@elementwise(public=False, refuse=(COMPLEX,))
def mish_unit(s, input):
    """`input * tanh(log(1 + exp(input)))`."""
    return input * s.tanh(s.maximum(input, s.like(0, input)) + s.log1p(s.exp(-s.abs(input))))


@mish_unit.vjp
def _(g: Symbol, out: Symbol, x: Symbol) -> Any:
    t = tanh(soft_plus(x, 1.0, 20.0))
    return (g * (t + x * sigmoid(x) * (1 - t * t)),)


@composite(names=("nn.functional.mish",))
def mish(input: Symbol, inplace: bool = False) -> Symbol:
    """`input * tanh(softplus(input))` (Misra, 2019)."""
    return mish_unit(_need_float(input, "mish"))


@elementwise(public=False, refuse=(COMPLEX,))
def hard_sigmoid(s, input):
    """`input / 6 + 1/2`, held between 0 and 1."""
    return s.minimum(s.maximum(input + 3, s.like(0, input)), s.like(6, input)) / 6


hard_sigmoid.vjp(lambda g, out, x: (where((x > -3) & (x < 3), g / 6, _nothing(g)),))


@composite(names=("nn.functional.hardsigmoid",))
def hardsigmoid(input: Symbol, inplace: bool = False) -> Symbol:
    """`relu6(input + 3) / 6`, a sigmoid of straight lines."""
    return hard_sigmoid(_need_float(input, "hardsigmoid"))


@elementwise(public=False, refuse=(COMPLEX,))
def hard_swish(s, input):
    """The input times its `hard_sigmoid`."""
    return input * s.minimum(s.maximum(input + 3, s.like(0, input)), s.like(6, input)) / 6


hard_swish.vjp(lambda g, out, x: (where(x <= -3, _nothing(g), where(x >= 3, g, g * (x / 3 + 0.5))),))


@composite(names=("nn.functional.hardswish",))
def hardswish(input: Symbol, inplace: bool = False) -> Symbol:
    """`input * hardsigmoid(input)` (Howard et al., 2019)."""
    return hard_swish(_need_float(input, "hardswish"))


# --- shrinkage and the like -------------------------------------------------------------------------------------------------------


@elementwise(public=False, refuse=(COMPLEX,))
def hard_shrink(s, input, lambd):
    """0 within `lambd` of 0, else the input."""
    return s.where((input >= -lambd) & (input <= lambd), s.like(0, input), input)


hard_shrink.vjp(lambda g, out, x, lambd: (where((x > lambd) | (x < -lambd), g, _nothing(g)), None))


@composite(names=("hardshrink", "Tensor.hardshrink", "nn.functional.hardshrink"))
def hardshrink(input: Symbol, lambd: Operand = 0.5) -> Symbol:
    """0 where `|input| <= lambd`, else `input`."""
    return hard_shrink(_need_float(input, "hardshrink"), lambd)


@elementwise(public=False, refuse=(COMPLEX,))
def soft_shrink(s, input, lambd):
    """The input moved by `lambd` towards 0, which it does not pass; nan stays."""
    return s.where(input > lambd, input - lambd, s.where(input < -lambd, input + lambd, input * 0))


soft_shrink.vjp(lambda g, out, x, lambd: (where((x > lambd) | (x < -lambd), g, _nothing(g)), None))


@composite(names=("nn.functional.softshrink",))
def softshrink(input: Symbol, lambd: float = 0.5) -> Symbol:
    """`input` moved by `lambd` towards 0, and 0 within `lambd` of it."""
    if lambd < 0:
        raise RuntimeError(f"softshrink: lambda must be greater or equal to 0, but found to be {lambd}.")
    return soft_shrink(_need_float(input, "softshrink"), lambd)


@composite(names=("nn.functional.tanhshrink",))
def tanhshrink(input: Symbol) -> Symbol:
    """`input - tanh(input)`."""
    return input - tanh(input)


@composite(names=("nn.functional.softsign",))
def softsign(input: Symbol) -> Symbol:
    """`input / (1 + |input|)`."""
    return input / (1 + abs(input))


@composite(names=("nn.functional.glu",))
def glu(input: Symbol, dim: int = -1) -> Symbol:
    """The first half of `input` along `dim`, times the sigmoid of the second (Dauphin et al., 2017). That dim must be even."""
    if not input.ndim:
        raise RuntimeError("glu: does not support 0-dimensional tensors")
    at = wrap_dim(dim, input.ndim, "glu")
    size = input.shape[at]
    if size % 2:
        raise RuntimeError(f"glu: Halving dimension must be even, but dimension {at} is size {size}")
    half = [[(0, n, 1) for n in input.shape] for _ in range(2)]
    half[0][at], half[1][at] = (0, size // 2, 1), (size // 2, size // 2, 1)
    return times(slice_of(input, tuple(half[0])), sigmoid(slice_of(input, tuple(half[1]))))


# --- samples and bad inputs -------------------------------------------------------------------------------------------------------

for _op in (relu, hardtanh, relu6, leaky_relu, rrelu, elu, selu, celu, softplus, logsigmoid, silu, gelu, mish, hardsigmoid, hardswish,
            hardshrink, softshrink, tanhshrink, softsign):
    _op.samples(lambda draw: iter([Sample((draw(2, 3, low=-7, high=7),)), Sample((draw(2, 3),)), Sample((draw(),)), Sample((draw(0, 3),))]))
for _op in (leaky_relu, rrelu, elu, selu, celu, softplus, logsigmoid, gelu, mish, hardsigmoid, hardswish, hardshrink, softshrink, silu):
    _op.errors(lambda draw: iter([Bad((draw(3, dtype="int64"),), {}, RuntimeError, "not implemented for dtype")]))
threshold.samples(lambda draw: iter([Sample((draw(2, 3), 0.1, -0.5))]))
prelu.samples(lambda draw: iter([Sample((draw(2, 3), draw(1))), Sample((draw(2, 3, 4), draw(3)))]))
prelu.errors(lambda draw: iter([Bad((draw(2, 3), draw(2)), {}, RuntimeError, "Mismatch of parameter numbers")]))
glu.samples(lambda draw: iter([Sample((draw(2, 4),)), Sample((draw(4, 3), 0))]))
glu.errors(lambda draw: iter([Bad((draw(2, 3),), {}, RuntimeError, "Halving dimension must be even")]))
