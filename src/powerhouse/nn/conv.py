"""Convolutions, transposed convolutions, and their lazy versions; sliding windows as columns."""

from __future__ import annotations

import math
from typing import Any

from ..tensors import Tensor
from ..tensors import functions as ph
from . import functional as F
from . import init
from ._sizes import reversed_twice, tuple_of
from .lazy import LazyModuleMixin
from .module import Module
from .parameter import Parameter, UninitializedParameter, is_lazy

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Fold",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
    "Unfold",
]

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What convolutions of any number of dimensions share. `_ndim` is the number of window dimensions."""

    _ndim: int
    _transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        output_padding: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any,
        dtype: Any,
    ) -> None:
        super().__init__()
        n = self._ndim
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride, self.dilation = (tuple_of(value, n) for value in (kernel_size, stride, dilation))
        self.padding = padding if isinstance(padding, str) else tuple_of(padding, n)
        self.output_padding = tuple_of(output_padding, n)
        self.transposed = self._transposed
        self.groups = groups
        self.padding_mode = padding_mode
        self._check()
        self._reversed_padding_repeated_twice = self._both_sides()
        channels = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        self.weight = Parameter(ph.empty((channels[0], channels[1] // groups, *self.kernel_size), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(ph.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _check(self) -> None:
        if self.groups <= 0:
            raise ValueError("groups must be a positive integer")
        if self.in_channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        if self.out_channels % self.groups:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {self.padding!r}, should be one of {{'same', 'valid'}}")
            if self.padding == "same" and any(step != 1 for step in self.stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        if self.padding_mode not in _PADDING_MODES:
            raise ValueError(f"padding_mode must be one of {set(_PADDING_MODES)}, but got padding_mode='{self.padding_mode}'")
        if self.transposed and self.padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')

    def _both_sides(self) -> list[int]:
        """The padding as `F.pad` takes it: (before, after) from the last dimension to the first."""
        if self.padding == "valid":
            return [0] * (2 * self._ndim)
        if not isinstance(self.padding, str):
            return list(reversed_twice(self.padding))
        pads = []
        for dilation, window in reversed(list(zip(self.dilation, self.kernel_size, strict=True))):
            total = dilation * (window - 1)
            pads += [total // 2, total - total // 2]
        return pads

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, from U(-k, k) with k = 1 / sqrt(fan_in)."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        nothing = (0,) * self._ndim
        shown = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        shown += [f"padding={self.padding}"] if self.padding != nothing else []
        shown += [f"dilation={self.dilation}"] if self.dilation != (1,) * self._ndim else []
        shown += [f"output_padding={self.output_padding}"] if self.output_padding != nothing else []
        shown += [f"groups={self.groups}"] if self.groups != 1 else []
        shown += ["bias=False"] if self.bias is None else []
        shown += [f"padding_mode={self.padding_mode}"] if self.padding_mode != "zeros" else []
        return ", ".join(shown)


class _Conv(_ConvNd):
    """Cross-correlation of the input with a learned window."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode, device, dtype
        )

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        convolve = getattr(F, f"conv{self._ndim}d")
        if self.padding_mode == "zeros":
            return convolve(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)
        padded = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        return convolve(padded, weight, bias, self.stride, 0, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Conv):
    """Convolution over (N, C_in, L) or (C_in, L).

    Arguments: channels in and out; `kernel_size`, `stride`, `padding` (a number, a tuple, 'same' or 'valid'), `dilation`;
    `groups` into which the channels are split; `bias`; `padding_mode`: 'zeros', 'reflect', 'replicate' or 'circular'.
    Output length: (L + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1. Weight: (C_out, C_in / groups, kernel_size).

    >>> import powerhouse as torch
    >>> torch.nn.Conv1d(16, 33, 3, stride=2)(torch.zeros(20, 16, 50)).shape
    torch.Size([20, 33, 24])
    """

    _ndim = 1


class Conv2d(_Conv):
    """Convolution over (N, C_in, H, W) or (C_in, H, W); arguments as for `Conv1d`, sizes as numbers or pairs.

    >>> import powerhouse as torch
    >>> torch.nn.Conv2d(3, 8, 3, padding="same")(torch.zeros(2, 3, 10, 12)).shape
    torch.Size([2, 8, 10, 12])
    """

    _ndim = 2


class Conv3d(_Conv):
    """Convolution over (N, C_in, D, H, W) or (C_in, D, H, W); arguments as for `Conv1d`, sizes as numbers or triples."""

    _ndim = 3


class _ConvTransposeNd(_ConvNd):
    """The gradient of a convolution with respect to its input, as a layer."""

    _transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups, bias, padding_mode, device, dtype
        )

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        output_padding = self.output_padding if output_size is None else self._padding_for(input, list(output_size))
        transpose = getattr(F, f"conv_transpose{self._ndim}d")
        return transpose(input, self.weight, self.bias, self.stride, self.padding, output_padding, self.groups, self.dilation)

    def _padding_for(self, input: Tensor, output_size: list[int]) -> tuple[int, ...]:
        """The output padding that gives `output_size` (with or without batch and channels). ValueError out of range."""
        n = self._ndim
        extra = input.dim() - n
        if len(output_size) == extra + n:
            output_size = output_size[extra:]
        if len(output_size) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.dim()}D input, output_size must have {n} or {extra + n} elements (got {len(output_size)})"
            )
        geometry = zip(input.shape[extra:], self.stride, self.padding, self.dilation, self.kernel_size, strict=True)
        least = [(size - 1) * stride - 2 * pad + dilation * (window - 1) + 1 for size, stride, pad, dilation, window in geometry]
        most = [size + stride - 1 for size, stride in zip(least, self.stride, strict=True)]
        if not all(low <= size <= high for low, size, high in zip(least, output_size, most, strict=True)):
            raise ValueError(
                f"requested an output size of {output_size}, but valid sizes range from {least} to {most} "
                f"(for an input of {input.size()[2:]})"
            )
        return tuple(size - low for size, low in zip(output_size, least, strict=True))


class ConvTranspose1d(_ConvTransposeNd):
    """Transposed convolution over (N, C_in, L) or (C_in, L).

    Arguments as for `Conv1d`, and `output_padding`, extra length on one side of the output. Calling it with `output_size`
    chooses that padding. Output length: (L - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1.
    Weight: (C_in, C_out / groups, kernel_size).
    """

    _ndim = 1


class ConvTranspose2d(_ConvTransposeNd):
    """Transposed convolution over (N, C_in, H, W) or (C_in, H, W); arguments as for `ConvTranspose1d`.

    >>> import powerhouse as torch
    >>> torch.nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1)(torch.zeros(1, 4, 6, 6), output_size=[12, 12]).shape
    torch.Size([1, 2, 12, 12])
    """

    _ndim = 2


class ConvTranspose3d(_ConvTransposeNd):
    """Transposed convolution over (N, C_in, D, H, W) or (C_in, D, H, W); arguments as for `ConvTranspose1d`."""

    _ndim = 3


class _LazyConv(LazyModuleMixin):
    """A convolution that finds `in_channels` at its first call."""

    def __init__(self, out_channels: int, kernel_size: Any, *args: Any, **kwargs: Any) -> None:
        options = _named_options(self._transposed, args, kwargs)
        bias, device, dtype = options.pop("bias", True), options.get("device"), options.get("dtype")
        super().__init__(0, 0, kernel_size, bias=False, **options)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, once they have a shape."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor, *args: Any, **kwargs: Any) -> None:
        """Take the shapes from the first input."""
        if not self.has_uninitialized_params():
            return
        batched, single = self._ndim + 2, self._ndim + 1
        if input.dim() not in (batched, single):
            raise RuntimeError(
                f"Expected {single}D (unbatched) or {batched}D (batched) input to {type(self).__name__}, "
                f"but got input of size: {input.shape}"
            )
        self.in_channels = input.shape[-self._ndim - 1]
        if self.in_channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        channels = (self.in_channels, self.out_channels) if self.transposed else (self.out_channels, self.in_channels)
        self.weight.materialize((channels[0], channels[1] // self.groups, *self.kernel_size))
        if self.bias is not None and is_lazy(self.bias):
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()


def _named_options(transposed: bool, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The options after `kernel_size`, by name."""
    direct = ("stride", "padding", "dilation", "groups", "bias", "padding_mode", "device", "dtype")
    reverse = ("stride", "padding", "output_padding", "groups", "bias", "dilation", "padding_mode", "device", "dtype")
    return {**dict(zip(reverse if transposed else direct, args, strict=False)), **kwargs}


class LazyConv1d(_LazyConv, Conv1d):
    """A `Conv1d` that finds `in_channels` at its first call."""

    cls_to_become = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """A `Conv2d` that finds `in_channels` at its first call."""

    cls_to_become = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """A `Conv3d` that finds `in_channels` at its first call."""

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConv, ConvTranspose1d):
    """A `ConvTranspose1d` that finds `in_channels` at its first call."""

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConv, ConvTranspose2d):
    """A `ConvTranspose2d` that finds `in_channels` at its first call."""

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConv, ConvTranspose3d):
    """A `ConvTranspose3d` that finds `in_channels` at its first call."""

    cls_to_become = ConvTranspose3d


class Unfold(Module):
    """Sliding windows of (N, C, H, W) as columns: (N, C * window size, number of windows).

    Arguments: `kernel_size`, `dilation`, `padding`, `stride`: numbers or pairs.
    """

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Module):
    """The sum of overlapping windows, given as columns (N, C * window size, number of windows), into (N, C, *output_size).

    Arguments: `output_size`, and those of `Unfold`.
    """

    def __init__(self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def forward(self, input: Tensor) -> Tensor:
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        window = f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"
        return f"output_size={self.output_size}, {window}"
