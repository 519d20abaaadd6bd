"""Random functions of tensors: in-place fills, draws whose probabilities are tensors, the relatives of dropout.

All draw at the call, from the stream of a generator: under the same seed, PyTorch's numbers.
"""

from __future__ import annotations

import warnings
from math import sqrt
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.shapes import broadcast
from ..engine.segment import RECORDER
from ..graph.op import Operand, Sample, composite
from ..graph.symbol import Symbol, Type
from ..ops.activation import rrelu as mean_rrelu
from ..ops.arithmetic import where
from ..ops.composite.softmax import narrow, wide
from ._tensor import Tensor
from .apply import apply, assign, check_leaf, is_tensor, wrap_array
from .generator import Generator, stream_of
from .random import dropped, keep_mask

# --- in place ------------------------------------------------------------------------------------


def _new(values: Any, kind: dt.dtype) -> Any:
    values = np.ascontiguousarray(values.astype(kind.numpy, copy=False)).reshape(values.shape)
    return wrap_array(values, Type(values.shape, kind))


def _fill(x: Any, method: str, generator: Generator | None, *parameters: Any) -> Any:
    """Fill `x` with numbers of the stream's `method`, in its shape and dtype."""
    name = method + "_"
    if RECORDER.now.grad and x._lens is not None:
        check_leaf(x, name)
    values = getattr(stream_of(generator), method)(tuple(x.shape), x.dtype, *parameters)
    assign(x, _new(values, x.dtype), name)
    return x


def _bounds(name: str, given: tuple[Any, ...], named: dict[str, Any], default: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments `from` (a Python keyword, which no parameter can be called) and `to`."""
    found = dict(zip(("from", "to"), default, strict=True))
    found.update(zip(("from", "to"), given, strict=False))
    if len(given) > 2 or set(named) - set(found):
        raise TypeError(f"{name}(): expected at most the arguments (from, to, generator), got {given} and {named}")
    found.update(named)
    return found["from"], found["to"]


def uniform_(self: Any, *bounds: float, generator: Generator | None = None, **named: Any) -> Any:
    """Fill with uniform numbers from [`from`=0, `to`=1).

    >>> import powerhouse as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.empty(2).uniform_(0, 10)
    tensor([4.9626, 7.6822])
    """
    return _fill(self, "uniform", generator, *map(float, _bounds("uniform_", bounds, named, (0.0, 1.0))))


def normal_(self: Any, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Any:
    """Fill with normal numbers."""
    return _fill(self, "normal", generator, float(mean), float(std))


def exponential_(self: Any, lambd: float = 1.0, *, generator: Generator | None = None) -> Any:
    """Fill with exponential numbers of rate `lambd`, so of mean `1 / lambd`."""
    return _fill(self, "exponential", generator, float(lambd))


def cauchy_(self: Any, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None) -> Any:
    """Fill with Cauchy numbers of the given median and half-width at half height."""
    return _fill(self, "cauchy", generator, float(median), float(sigma))


def log_normal_(self: Any, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None) -> Any:
    """Fill with exponentials of normal numbers of the given mean and standard deviation."""
    return _fill(self, "log_normal", generator, float(mean), float(std))


def geometric_(self: Any, p: float, *, generator: Generator | None = None) -> Any:
    """Fill with the numbers of trials up to the first success, each of which has probability `p`."""
    return _fill(self, "geometric", generator, float(p))


def random_(self: Any, *bounds: int, generator: Generator | None = None, **named: Any) -> Any:
    """Fill with integers: `random_(to)` from [0, to), `random_(from, to)`, or `random_()` up to the largest that the dtype holds."""
    if len(bounds) == 1 and not named:
        bounds = (0, bounds[0])
    low, high = _bounds("random_", bounds, named, (None, None))
    if RECORDER.now.grad and self._lens is not None:
        check_leaf(self, "random_")
    stream, shape = stream_of(generator), tuple(self.shape)
    values = stream.random(shape, self.dtype, low) if high is None else stream.randint(shape, int(low or 0), int(high), self.dtype)
    assign(self, _new(values, self.dtype), "random_")
    return self


def bernoulli_(self: Any, p: Any = 0.5, *, generator: Generator | None = None) -> Any:
    """Fill with ones with probability `p` (a number, or a tensor that broadcasts to this one), else zeros."""
    if RECORDER.now.grad and self._lens is not None:
        check_leaf(self, "bernoulli_")
    stream, shape = stream_of(generator), tuple(self.shape)
    values = (
        stream.bernoulli(np.broadcast_to(_probabilities(p, "bernoulli_"), shape)) if is_tensor(p) else stream.bernoulli_p(shape, float(p))
    )
    assign(self, _new(values, self.dtype), "bernoulli_")
    return self


# --- new tensors from tensors of parameters ------------------------------------------------------------------------------------


def _probabilities(t: Any, op: str) -> Any:
    if not t.dtype.is_floating_point:
        raise NotImplementedError(f"{op}: not implemented for dtype {t.dtype}; expected a floating-point tensor")
    return t._array()


def _to_out(t: Any, out: Any) -> Any:
    return t if out is None else out.copy_(t)


def bernoulli(input: Any, p: float | None = None, *, generator: Generator | None = None, out: Any = None) -> Any:
    """Ones with the probabilities `input` (or all with `p`), else zeros, in the shape and dtype of `input`.

    Raises RuntimeError for a probability outside [0, 1].

    >>> import powerhouse as torch
    >>> torch.bernoulli(torch.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    stream = stream_of(generator)
    values = stream.bernoulli(_probabilities(input, "bernoulli")) if p is None else stream.bernoulli_p(tuple(input.shape), float(p))
    return _to_out(_new(values, input.dtype), out)


def multinomial(input: Any, num_samples: int, replacement: bool = False, *, generator: Generator | None = None, out: Any = None) -> Any:
    """`num_samples` indices a row, drawn with the weights `input` (categories,) or (rows, categories): int64.

    Weights are >= 0 and need not add up to 1. Raises RuntimeError for others, and for more samples than categories without `replacement`.

    >>> import powerhouse as torch
    >>> torch.multinomial(torch.tensor([0.0, 1.0, 0.0]), 1)
    tensor([1])
    """
    if out is not None and out.dtype is not dt.int64:
        raise RuntimeError(f"multinomial expects Long tensor out, got: {out.dtype}")
    if not input.dtype.is_floating_point:
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {input.dtype}")
    return _to_out(_new(stream_of(generator).multinomial(input._array(), num_samples, replacement), dt.int64), out)


def poisson(input: Any, generator: Generator | None = None) -> Any:
    """Counts of events at the rates `input`, in its shape and dtype. Raises RuntimeError for rates below 0."""
    return _new(stream_of(generator).poisson(_probabilities(input, "poisson")), input.dtype)


def binomial(count: Any, prob: Any, generator: Generator | None = None) -> Any:
    """Successes in `count` trials of probability `prob`; the two broadcast and have one floating dtype."""
    if count.dtype is not prob.dtype:
        raise ValueError(f"binomial: Found dtype {count.dtype} for count but expected {prob.dtype}")
    shape = broadcast((tuple(count.shape), tuple(prob.shape)), "binomial")
    n, p = (np.broadcast_to(_probabilities(t, "binomial"), shape) for t in (count, prob))
    return _new(stream_of(generator).binomial(n, p), prob.dtype)


# --- the relatives of dropout ------------------------------------------------------------------------------------


def _checked(p: float) -> float:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    return p


def _channel_mask(input: Any, p: float, op: str) -> Any:
    """A mask for whole channels: (N, C, 1, ...)."""
    if input.ndim < 2:
        raise RuntimeError(f"{op}: Feature dropout requires at least 2 dimensions in the input; got {list(input.shape)}")
    return keep_mask((*input.shape[:2], *[1] * (input.ndim - 2)), 1 - p)


def _given(input: Any, out: Any, inplace: bool, op: str) -> Any:
    if not inplace:
        return out
    assign(input, out, op + "_")
    return input


def _drop_channels(input: Any, p: float, training: bool, inplace: bool, batched: bool, op: str) -> Any:
    if not training or _checked(p) == 0.0:
        return input
    x = input if batched else input.unsqueeze(0)
    out = apply(dropped, (x, _channel_mask(x, p, op), 0.0 if p == 1 else 1 / (1 - p)))
    return _given(input, out if batched else out.squeeze(0), inplace, op)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero whole channels of (N, C, L) or (C, L) with probability `p`, and scale the others by `1 / (1 - p)`.

    Source: Tompson et al., 2015.
    """
    _checked(p)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that dropout1d exists to "
            "provide channel-wise dropout on "
            "inputs with 1 spatial dimension, a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    return _drop_channels(input, p, training, inplace, input.ndim == 3, "dropout1d")


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero whole channels of (N, C, H, W) with probability `p`, and scale the others. As in PyTorch, 3 dims are taken as (N, C, L)."""
    _checked(p)
    if input.ndim not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {input.ndim}-D input to dropout2d, which is deprecated and will result in an error "
            "in a future release.",
            UserWarning,
            stacklevel=2,
        )
    return _drop_channels(input, p, training, inplace, True, "dropout2d")


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Zero whole channels of (N, C, D, H, W) or (C, D, H, W) with probability `p`, and scale the others."""
    _checked(p)
    if input.ndim not in (4, 5):
        warnings.warn(
            f"dropout3d: Received a {input.ndim}-D input to dropout3d, which is deprecated and will result in an error "
            "in a future release.",
            UserWarning,
            stacklevel=2,
        )
    return _drop_channels(input, p, training, inplace, input.ndim == 5, "dropout3d")


@composite(names=(), name="alpha_dropped", out=False, label="add")
def alpha_dropped(input: Symbol, mask: Symbol, scale: Operand, shift: Operand, low: Operand) -> Symbol:
    """`input * scale + shift` where `mask`, else `low`: what keeps mean 0 and variance 1 under SELU."""
    return where(mask, input * scale + shift, input * 0 + low)


alpha_dropped.samples(lambda draw: iter([Sample((draw(2, 3), draw(2, 3) > 0, 0.9, 0.1, -1.5))]))

_SELU_LIMIT = 1.7580993408473766  # SELU of minus infinity, negated


def _alpha_drop(input: Any, mask: Any, p: float, inplace: bool, op: str) -> Any:
    if p == 1.0:
        return _given(input, input * 0, inplace, op)
    scale = 1 / sqrt((_SELU_LIMIT**2 * p + 1) * (1 - p))
    shift = _SELU_LIMIT * scale * p
    return _given(input, apply(alpha_dropped, (input, mask, scale, shift, shift - _SELU_LIMIT * scale)), inplace, op)


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropout for SELU: dropped elements take its lower limit, and mean and variance are kept. Source: Klambauer et al., 2017."""
    if not training or _checked(p) == 0.0:
        return input
    return _alpha_drop(input, keep_mask(tuple(input.shape), 1 - p), p, inplace, "alpha_dropout")


def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """`alpha_dropout` of whole channels: input (N, C, ...)."""
    if not training or _checked(p) == 0.0:
        return input
    return _alpha_drop(input, _channel_mask(input, p, "feature_alpha_dropout"), p, inplace, "feature_alpha_dropout")


def feature_dropout(input: Any, p: float, train: bool) -> Any:
    """Dropout of whole channels: input (N, C, ...)."""
    return _drop_channels(input, _checked(p), train, False, True, "feature_dropout")


# --- random activations ------------------------------------------------------------------------------------


def gumbel_softmax(logits: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    """A softmax of `logits` with Gumbel noise at temperature `tau`: a differentiable draw from their distribution.

    `hard`: one-hot, with the gradient of the soft draw. Source: Jang, Gu and Poole, 2017.
    """
    noise = stream_of(None).exponential(tuple(logits.shape), logits.dtype)
    gumbels = -_new(noise, logits.dtype).log()
    soft = ((logits + gumbels) / tau).softmax(dim)
    if not hard:
        return soft
    d = dim % max(soft.ndim, 1)
    choices = wrap_array(np.arange(soft.shape[d]), Type((soft.shape[d],), dt.int64)).reshape(
        [-1 if i == d else 1 for i in range(soft.ndim)]
    )
    one_hot = (choices == soft.detach().argmax(dim, keepdim=True)).to(soft.dtype)
    return one_hot - soft.detach() + soft


@composite(names=(), name="random_leak", out=False, label="rrelu_with_noise")
def random_leak(input: Symbol, slopes: Symbol) -> Symbol:
    """`input * slopes`, with slopes in the dtype of the computation."""
    return narrow(wide(input) * slopes, input.dtype)


random_leak.samples(lambda draw: iter([Sample((draw(2, 3), draw(2, 3, low=0.1)))]))


def rrelu(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, inplace: bool = False) -> Any:
    """`input` where positive, else times a slope: drawn uniformly from [lower, upper] for each element in training, else their mean.

    Source: Xu et al., 2015.
    """
    if lower > upper:
        raise RuntimeError(f"rrelu: Lower bound should be less than or equal to the upper bound; got {lower} and {upper}")
    if not training:
        return _given(input, apply(mean_rrelu, (input, lower, upper, False, False)), inplace, "rrelu")
    slopes = np.ones(tuple(input.shape), np.float64)
    negative = np.asarray(input._array() <= 0)
    slopes[negative] = stream_of(None).uniform((int(negative.sum()),), dt.float64, lower, upper)
    return _given(input, apply(random_leak, (input, _new(slopes, input.dtype.compute))), inplace, "rrelu")


def rrelu_(input: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Any:
    """`rrelu` in place."""
    return rrelu(input, lower, upper, training, True)


METHODS = (
    "bernoulli",
    "bernoulli_",
    "cauchy_",
    "exponential_",
    "geometric_",
    "log_normal_",
    "multinomial",
    "normal_",
    "random_",
    "uniform_",
)
for _name in METHODS:
    setattr(Tensor, _name, globals()[_name])

__all__ = ["alpha_dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout", "gumbel_softmax", "rrelu", "rrelu_"]
