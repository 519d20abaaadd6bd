"""Pooling: maxima, averages and p-norms over windows, windows that adapt to an output size, and unpooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensors import Tensor
from . import functional as F
from ._fractional import fractional_max_pool2d, fractional_max_pool3d
from ._sizes import tuple_of
from .module import Module

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]


def _function(name: str, ndim: int) -> Callable[..., Any]:
    """The functional form for this number of dimensions: `max_pool` and 2 give `F.max_pool2d`."""
    return getattr(F, f"{name}{ndim}d")


class _MaxPoolNd(Module):
    """The maximum of each window; `_ndim` is the number of pooled dimensions."""

    _ndim: int

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding, self.dilation = padding, dilation
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, input: Tensor) -> Any:
        return _function("max_pool", self._ndim)(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )

    def extra_repr(self) -> str:
        window = f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return f"{window}, dilation={self.dilation}, ceil_mode={self.ceil_mode}"


class MaxPool1d(_MaxPoolNd):
    """The maximum of each window of (N, C, L) or (C, L).

    Arguments: `kernel_size`; `stride`, the kernel size where None; `padding` with minus infinity; `dilation`;
    `return_indices`, return where the maxima stand too; `ceil_mode`, keep a window that is cut off at the end.
    """

    _ndim = 1


class MaxPool2d(_MaxPoolNd):
    """The maximum of each window of (N, C, H, W) or (C, H, W); arguments as for `MaxPool1d`.

    >>> import powerhouse as torch
    >>> torch.nn.MaxPool2d(3, stride=2)(torch.zeros(20, 16, 50, 32)).shape
    torch.Size([20, 16, 24, 15])
    """

    _ndim = 2


class MaxPool3d(_MaxPoolNd):
    """The maximum of each window of (N, C, D, H, W) or (C, D, H, W); arguments as for `MaxPool1d`."""

    _ndim = 3


class _MaxUnpoolNd(Module):
    """Puts pooled maxima back where they stood, zeros elsewhere."""

    _ndim: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = tuple_of(kernel_size, self._ndim)
        self.stride = tuple_of(stride if stride is not None else kernel_size, self._ndim)
        self.padding = tuple_of(padding, self._ndim)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return _function("max_unpool", self._ndim)(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """The inverse of `MaxPool1d` with `return_indices`, as far as there is one; call it with the pooled values and indices."""

    _ndim = 1


class MaxUnpool2d(_MaxUnpoolNd):
    """The inverse of `MaxPool2d` with `return_indices`."""

    _ndim = 2


class MaxUnpool3d(_MaxUnpoolNd):
    """The inverse of `MaxPool3d` with `return_indices`."""

    _ndim = 3


class AvgPool1d(Module):
    """The average of each window of (N, C, L) or (C, L).

    Arguments: `kernel_size`; `stride`, the kernel size where None; `padding` with zeros; `ceil_mode`, keep a window that is
    cut off at the end; `count_include_pad`, whether padded zeros count.
    """

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True
    ) -> None:
        super().__init__()
        self.kernel_size = tuple_of(kernel_size, 1)
        self.stride = tuple_of(stride if stride is not None else kernel_size, 1)
        self.padding = tuple_of(padding, 1)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPoolNd(Module):
    """The average of each window in two or three dimensions."""

    _ndim: int

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.ceil_mode, self.count_include_pad, self.divisor_override = ceil_mode, count_include_pad, divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return _function("avg_pool", self._ndim)(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad, self.divisor_override
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(_AvgPoolNd):
    """The average of each window of (N, C, H, W) or (C, H, W).

    Arguments as for `AvgPool1d`, and `divisor_override`, what the sum is divided by instead of the window's size.
    """

    _ndim = 2


class AvgPool3d(_AvgPoolNd):
    """The average of each window of (N, C, D, H, W) or (C, D, H, W); arguments as for `AvgPool2d`."""

    _ndim = 3


class _LPPoolNd(Module):
    """The p-norm of each window, without taking absolute values."""

    _ndim: int

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        return _function("lp_pool", self._ndim)(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        window = f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}"
        return f"{window}, ceil_mode={self.ceil_mode}"


class LPPool1d(_LPPoolNd):
    """`(sum of x^p)^(1/p)` over each window of (N, C, L) or (C, L).

    Arguments: `norm_type`, p; `kernel_size`; `stride`, the kernel size where None; `ceil_mode`.
    """

    _ndim = 1


class LPPool2d(_LPPoolNd):
    """`(sum of x^p)^(1/p)` over each window of (N, C, H, W); arguments as for `LPPool1d`."""

    _ndim = 2


class LPPool3d(_LPPoolNd):
    """`(sum of x^p)^(1/p)` over each window of (N, C, D, H, W); arguments as for `LPPool1d`."""

    _ndim = 3


class _AdaptiveAvgPoolNd(Module):
    """Averages over windows that are chosen to give the wanted output size."""

    _ndim: int

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        return _function("adaptive_avg_pool", self._ndim)(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Averages of (N, C, L) or (C, L) down (or up) to length `output_size`."""

    _ndim = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Averages of (N, C, H, W) or (C, H, W) to `output_size`: a number, or a pair in which None keeps a size.

    >>> import powerhouse as torch
    >>> torch.nn.AdaptiveAvgPool2d((5, None))(torch.zeros(1, 64, 8, 9)).shape
    torch.Size([1, 64, 5, 9])
    """

    _ndim = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Averages of (N, C, D, H, W) or (C, D, H, W) to `output_size`."""

    _ndim = 3


class _AdaptiveMaxPoolNd(Module):
    """Maxima over windows that are chosen to give the wanted output size."""

    _ndim: int

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, input: Tensor) -> Any:
        return _function("adaptive_max_pool", self._ndim)(input, self.output_size, return_indices=self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Maxima of (N, C, L) or (C, L) to length `output_size`; with `return_indices`, where they stand too."""

    _ndim = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Maxima of (N, C, H, W) or (C, H, W) to `output_size`."""

    _ndim = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Maxima of (N, C, D, H, W) or (C, D, H, W) to `output_size`."""

    _ndim = 3


class _FractionalMaxPool(Module):
    """Maxima over windows whose places are drawn at random (Graham 2014)."""

    _ndim: int

    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.kernel_size = tuple_of(kernel_size, self._ndim)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else tuple_of(output_size, self._ndim)
        self.output_ratio = None if output_ratio is None else tuple_of(output_ratio, self._ndim)
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output size, or a pooling ratio")
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        pool = fractional_max_pool2d if self._ndim == 2 else fractional_max_pool3d
        return pool(
            input,
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            _random_samples=self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPool):
    """Fractional max pooling of (N, C, H, W) or (C, H, W).

    Arguments: `kernel_size`; either `output_size` or `output_ratio` (in (0, 1)); `return_indices`.
    """

    _ndim = 2


class FractionalMaxPool3d(_FractionalMaxPool):
    """Fractional max pooling of (N, C, D, H, W) or (C, D, H, W); arguments as for `FractionalMaxPool2d`."""

    _ndim = 3
