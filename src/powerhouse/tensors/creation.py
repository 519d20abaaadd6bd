"""New tensors: filled, counted, random. Filled ones are symbols; random ones are drawn at the call, from PyTorch's CPU stream."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.device import as_device
from ..core.dtypes import FLOAT, INTEGER, dtype
from ..core.shapes import as_shape
from ..graph.op import Operand, composite, fit
from ..graph.symbol import Symbol, Type
from ..ops.reduction import iota
from ._construct import parse_memory
from .apply import apply, is_tensor, wrap_array
from .generator import Generator, stream_of

_NUMBER_DTYPES: dict[type, Callable[[], dtype]] = {
    bool: lambda: dt.bool_,
    int: lambda: dt.int64,
    float: dt.default_float,
    complex: dt.default_complex,
}


def _sizes(size: tuple[Any, ...], op: str) -> tuple[int, ...]:
    return as_shape(size[0] if len(size) == 1 and not isinstance(size[0], int) and not is_tensor(size[0]) else size, op)


def _finish(t: Any, requires_grad: bool) -> Any:
    return t.requires_grad_() if requires_grad else t


@composite(names=(), name="full", out=False)
def filled_with(value: Operand, shape: tuple[int, ...], kind: dtype) -> Symbol:
    """`value` in every element."""
    return fit(value, kind, shape)


filled_with.samples(lambda draw: iter(()))


def full(
    size: Any, fill_value: Any, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """A tensor of `size` with `fill_value` in every element; the dtype is inferred from the value where not given.

    >>> import powerhouse as torch
    >>> torch.full((2,), 7)
    tensor([7, 7])
    """
    as_device(device, "full")
    if is_tensor(fill_value):
        kind = fill_value.dtype if dtype is None else dt.as_dtype(dtype, "full")
    else:
        fill_value = fill_value.item() if isinstance(fill_value, np.generic) else fill_value
        base = next((t for t in _NUMBER_DTYPES if isinstance(fill_value, t)), None)
        if base is None:
            raise TypeError(f"full(): argument 'fill_value' (position 2) must be Number, not {type(fill_value).__name__}")
        kind = _NUMBER_DTYPES[base]() if dtype is None else dt.as_dtype(dtype, "full")
    t = apply(filled_with, (fill_value, as_shape(size, "full"), kind))
    if out is not None:
        return out.copy_(t)
    return _finish(t, requires_grad)


def _filled(name: str, value: float) -> Any:
    def make(
        *sizes: Any,
        size: Any = None,
        out: Any = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        pin_memory: bool = False,
        requires_grad: bool = False,
        names: Any = None,
        memory_format: Any = None,
    ) -> Any:
        return full(
            _sizes(sizes if size is None else (size,), name),
            value,
            out=out,
            dtype=dt.default_float() if dtype is None else dtype,
            device=device,
            requires_grad=requires_grad,
        )

    make.__name__ = make.__qualname__ = name
    content = "memory that nobody has set (zeros)" if name == "empty" else name
    make.__doc__ = f"A tensor of the given sizes filled with {content}; the default float dtype unless `dtype` is given."
    return make


zeros, ones, empty = _filled("zeros", 0), _filled("ones", 1), _filled("empty", 0)


def _filled_like(name: str, value: float) -> Any:
    def make(
        input: Any,
        *,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        memory_format: Any = None,
        pin_memory: bool = False,
    ) -> Any:
        if not is_tensor(input):
            raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
        return full(tuple(input.shape), value, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"`{name[:-5]}` with the shape and dtype of `input`."
    return make


zeros_like, ones_like, empty_like = _filled_like("zeros_like", 0), _filled_like("ones_like", 1), _filled_like("empty_like", 0)


def full_like(
    input: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Any:
    """`full` with the shape and dtype of `input`."""
    return full(tuple(input.shape), fill_value, dtype=dtype or input.dtype, device=device, requires_grad=requires_grad)


def empty_strided(
    size: Any,
    stride: Any,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """An unset tensor whose elements lie at the given strides."""
    size, stride = as_shape(size, "empty_strided"), tuple(stride)
    if len(size) != len(stride):
        raise RuntimeError(f"empty_strided: dimensionality of sizes ({len(size)}) must match dimensionality of strides ({len(stride)})")
    span = 0 if 0 in size else 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    return _finish(empty(span, dtype=dtype, device=device).as_strided(size, stride), requires_grad)


@composite(names=(), name="arange", out=False)
def counted(start: Operand, step: Operand, n: int, kind: dtype) -> Symbol:
    """`start + i * step` for i in 0 ... n - 1, computed in float64 or int64."""
    wide = kind if kind.category == dt.COMPLEX else dt.float64 if kind.category == FLOAT else dt.int64
    i = fit(iota(n), wide, (n,))
    return fit(fit(start, wide, (n,)) + i * fit(step, wide, (n,)), kind, (n,))


counted.samples(lambda draw: iter(()))


def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """The numbers from `start` (default 0) up to but not including `end`, `step` apart; int64 unless a float takes part.

    >>> import powerhouse as torch
    >>> torch.arange(1, 4)
    tensor([1, 2, 3])
    """
    as_device(device, "arange")
    if end is None:
        start, end = 0, start
    start, end, step = (x.item() if is_tensor(x) or isinstance(x, np.generic) else x for x in (start, end, step))
    if step == 0:
        raise RuntimeError("arange: step must be nonzero")
    if (step > 0) != (end >= start) and end != start:
        raise RuntimeError(f"arange: upper bound and lower bound inconsistent with step sign; got start {start}, end {end}, step {step}")
    kind = (
        dt.as_dtype(dtype, "arange")
        if dtype is not None
        else dt.int64
        if all(isinstance(x, int) for x in (start, end, step))
        else dt.default_float()
    )
    if kind is dt.int64:  # PyTorch counts in this dtype
        start, end, step = int(start), int(end), int(step)
    n = ceil((end - start) / step)
    t = apply(counted, (start, step, n, kind))
    return out.copy_(t) if out is not None else _finish(t, requires_grad)


def range_(start: Any, end: Any = None, step: Any = 1, **options: Any) -> Any:
    """As `arange`, but with `end` included, and floats by default. Deprecated in PyTorch, kept working."""
    start, end = (0, start) if end is None else (start, end)
    options.setdefault("dtype", dt.default_float())
    return arange(start, start + (int((end - start) / step) + 0.5) * step, step, **options)


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """`steps` numbers evenly spaced from `start` to `end`, both included.

    >>> import powerhouse as torch
    >>> torch.linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if steps < 0:
        raise RuntimeError(f"linspace: number of steps must be non-negative, got {steps}")
    start, end = (x.item() if is_tensor(x) else x for x in (start, end))
    kind = (
        dt.as_dtype(dtype, "linspace")
        if dtype is not None
        else dt.default_complex()
        if isinstance(start + end, complex)
        else dt.default_float()
    )
    t = _finish(_array(_spaced(start, end, steps, kind), kind), requires_grad)
    return out.copy_(t) if out is not None else t


def _spaced(start: Any, end: Any, steps: int, kind: dtype) -> np.ndarray:
    """Counted from both ends, as PyTorch does, in the dtype itself."""
    wide = kind.compute.numpy if kind.category >= FLOAT else np.dtype(np.float64)
    if steps < 2:
        return np.full(steps, start).astype(kind.numpy)
    step = wide.type((wide.type(end) - wide.type(start)) / wide.type(steps - 1))
    i = np.arange(steps)
    out = np.where(i < steps // 2, wide.type(start) + step * i.astype(wide), wide.type(end) - step * (steps - 1 - i).astype(wide))
    return (np.trunc(out) if kind.category == INTEGER else out).astype(kind.numpy)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    out: Any = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Any:
    """`base` to the powers of `linspace(start, end, steps)`."""
    start, end, base = (x.item() if is_tensor(x) else x for x in (start, end, base))
    kind = dt.default_float() if dtype is None else dt.as_dtype(dtype, "logspace")
    if kind.category < dt.FLOAT:  # PyTorch spaces the exponents in this dtype
        start, end = int(start), int(end)
    wide = np.complex128 if any(isinstance(x, complex) for x in (start, end)) else np.float64
    powers = np.power(wide(base), _spaced(start, end, steps, dt.from_numpy(np.dtype(wide))))
    t = _finish(_array(powers.astype(kind.numpy), kind), requires_grad)
    return out.copy_(t) if out is not None else t


def eye(
    n: int, m: int | None = None, *, out: Any = None, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Any:
    """The `n` x `m` matrix with ones on its diagonal."""
    m = n if m is None else m
    if n < 0 or m < 0:
        raise RuntimeError(f"eye: n must be greater or equal to 0, got {n} x {m}")
    kind = dt.default_float() if dtype is None else dt.as_dtype(dtype, "eye")
    t = _finish(_array(np.eye(n, m, dtype=np.float32).astype(kind.numpy), kind), requires_grad)
    return out.copy_(t) if out is not None else t


def _array(a: np.ndarray, kind: dtype) -> Any:
    return wrap_array(np.ascontiguousarray(a).reshape(a.shape), Type(a.shape, kind))


# --- random ---------------------------------------------------------------------------------------------------------------------


def _random_float(name: str, draw: Callable[..., np.ndarray]) -> Any:
    def make(
        *sizes: Any,
        size: Any = None,
        generator: Generator | None = None,
        out: Any = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        names: Any = None,
    ) -> Any:
        as_device(device, name)
        kind = dt.default_float() if dtype is None else dt.as_dtype(dtype, name)
        if kind.category < FLOAT:
            raise RuntimeError(f"{name}: not implemented for dtype {kind}")
        t = _array(draw_complex(draw, generator, _sizes(sizes if size is None else (size,), name), kind), kind)
        return out.copy_(t) if out is not None else _finish(t, requires_grad)

    make.__name__ = make.__qualname__ = name
    return make


def draw_complex(draw: Callable[..., np.ndarray], generator: Any, shape: tuple[int, ...], kind: dtype) -> np.ndarray:
    """`draw`, with complex numbers drawn as pairs; a complex normal has variance 1."""
    if not kind.is_complex:
        return draw(stream_of(generator), shape, kind)
    pairs = draw(stream_of(generator), (*shape, 2), kind.to_real())
    return ((pairs[..., 0] + 1j * pairs[..., 1]) * (np.sqrt(0.5) if draw is _normal else 1)).astype(kind.numpy)


def _uniform(stream: Any, shape: tuple[int, ...], kind: dtype) -> np.ndarray:
    return stream.uniform(shape, kind, 0.0, 1.0)


def _normal(stream: Any, shape: tuple[int, ...], kind: dtype) -> np.ndarray:
    return stream.normal(shape, kind, 0.0, 1.0)


rand = _random_float("rand", _uniform)
rand.__doc__ = """Uniform numbers in [0, 1). Under `manual_seed`, PyTorch's very numbers.

    >>> import powerhouse as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.rand(2)
    tensor([0.4963, 0.7682])
    """
randn = _random_float("randn", _normal)
randn.__doc__ = """Normal numbers with mean 0 and variance 1. Under `manual_seed`, PyTorch's very numbers.

    >>> import powerhouse as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.randn(2)
    tensor([ 1.5410, -0.2934])
    """


def randint(
    *args: Any,
    generator: Generator | None = None,
    out: Any = None,
    dtype: Any = dt.int64,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    low: Any = None,
    high: Any = None,
    size: Any = None,
) -> Any:
    """`randint([low=0,] high, size)`: integers from `low` up to but not including `high`."""
    given = list(args)
    if size is None:
        size = given.pop()
    high = given.pop() if high is None else high
    low = (given.pop() if given else 0) if low is None else low
    kind = dt.as_dtype(dtype, "randint")
    if low >= high:
        raise RuntimeError(f"randint: random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    t = _array(stream_of(generator).randint(as_shape(size, "randint"), int(low), int(high), kind), kind)
    return out.copy_(t) if out is not None else _finish(t, requires_grad)


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    out: Any = None,
    dtype: Any = dt.int64,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Any:
    """A random order of 0 ... n - 1."""
    if n < 0:
        raise RuntimeError(f"randperm: n must be non-negative, got {n}")
    kind = dt.as_dtype(dtype, "randperm")
    t = _array(np.asarray(stream_of(generator).randperm(n)).astype(kind.numpy), kind)
    return out.copy_(t) if out is not None else _finish(t, requires_grad)


def rand_like(input: Any, **options: Any) -> Any:
    """`rand` with the shape and dtype of `input`."""
    return rand(tuple(input.shape), **_like(input, options))


def randn_like(input: Any, **options: Any) -> Any:
    """`randn` with the shape and dtype of `input`."""
    return randn(tuple(input.shape), **_like(input, options))


def randint_like(input: Any, *bounds: Any, **options: Any) -> Any:
    """`randint` with the shape and dtype of `input`."""
    return randint(*bounds, size=tuple(input.shape), **_like(input, options))


def _like(input: Any, options: dict[str, Any]) -> dict[str, Any]:
    options = parse_memory(options)
    options["dtype"] = options.get("dtype") or input.dtype
    return options


def normal(
    mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None, out: Any = None, **options: Any
) -> Any:
    """Normal numbers with the given means and standard deviations (numbers or tensors)."""
    if size is None:
        shape = (mean + std).shape if is_tensor(mean) or is_tensor(std) else ()
        kind = (mean if is_tensor(mean) else std).dtype
        t = randn(tuple(shape), generator=generator, dtype=kind) * std + mean
    else:
        kind = dt.as_dtype(options["dtype"], "normal") if options.get("dtype") else dt.default_float()
        t = _array(stream_of(generator).normal(as_shape(size, "normal"), kind, float(mean), float(std)), kind)
    return out.copy_(t) if out is not None else _finish(t, options.get("requires_grad", False))
