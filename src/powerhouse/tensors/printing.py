"""Text of a tensor: the words, widths and line breaks of PyTorch's `repr(tensor)`.

A tensor is written in four steps: keep the items that will be shown, write each as text, pad the texts to one width,
join them row by row. What follows the values (device, size, dtype, gradient) is a list of suffixes that wraps as well.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from powerhouse.core import dtypes


@dataclasses.dataclass
class _PrintOptions:
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_options = _PrintOptions()

_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Choose how tensors are printed. What is None stays as it is, except `sci_mode`, which becomes automatic.

    Args:
        precision: digits after the decimal point (4 at start).
        threshold: a tensor with more elements than this is summarised (1000).
        edgeitems: items shown at each end of a summarised dimension (3); 0 shows `...` alone.
        linewidth: characters a line before it wraps (80).
        profile: "default", "short" or "full" sets the four above at once; they override it. Other names are ignored, as in PyTorch.
        sci_mode: True or False forces or forbids `1.0000e+00`; None lets the values decide.

    >>> from powerhouse.core import dtypes
    >>> values = np.array([0.12345, 1.5], dtype=np.float32)
    >>> set_printoptions(precision=2)
    >>> format_tensor(values, dtypes.float32)
    'tensor([0.12, 1.50])'
    >>> set_printoptions(profile="default")
    >>> format_tensor(values, dtypes.float32)
    'tensor([0.1235, 1.5000])'
    """
    chosen = dict(precision=precision, threshold=threshold, edgeitems=edgeitems, linewidth=linewidth)
    changes = _PROFILES.get(profile, {}) if profile is not None else {}
    changes = changes | {option: value for option, value in chosen.items() if value is not None}
    for option, value in changes.items():
        setattr(_options, option, value)
    _options.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The options in force, as keyword arguments for `set_printoptions`.

    >>> get_printoptions()["edgeitems"]
    3
    """
    return dataclasses.asdict(_options)


@contextlib.contextmanager
def printoptions(**options: Any) -> Iterator[None]:
    """Print with other options inside a `with` block; takes the arguments of `set_printoptions`.

    >>> with printoptions(precision=1):
    ...     format_tensor(np.array([0.25]), dtypes.float64)
    'tensor([0.2], dtype=torch.float64)'
    """
    before = get_printoptions()
    set_printoptions(**options)
    try:
        yield
    finally:
        set_printoptions(**before)


def format_tensor(
    array: np.ndarray,
    dtype: dtypes.dtype,
    *,
    device: str = "cpu",
    requires_grad: bool = False,
    grad_fn: str | None = None,
    name: str = "tensor",
    default_dtype: dtypes.dtype | None = None,
) -> str:
    """What PyTorch's `repr` gives for a dense tensor with these values.

    Args:
        array: the values, any shape, stored as `dtype.numpy`. Of a large one only the shown corners are read; of a
            tensor on the device "meta" only the shape.
        dtype: the element type; named in the text unless the values alone imply it.
        device: such as "cpu", "cuda:0" or "meta"; all but the CPU are named in the text.
        requires_grad: whether the tensor is a leaf that records gradients; not mentioned when there is a `grad_fn`.
        grad_fn: name of the function that made the tensor, such as "MulBackward0".
        name: the word before the parenthesis, a subclass's name for instance.
        default_dtype: the floating-point type that goes without saying; the current default if None.

    >>> format_tensor(np.array([[1, 2], [3, 40]]), dtypes.int64)
    'tensor([[ 1,  2],\\n        [ 3, 40]])'
    >>> format_tensor(np.array(3.14, dtype=np.float32), dtypes.float32, grad_fn="MulBackward0")
    'tensor(3.1400, grad_fn=<MulBackward0>)'
    """
    indent = len(name) + 1
    contents = "..." if device == "meta" else _contents(array, dtype, indent)
    suffixes = [
        *_device_suffix(device),
        *_size_suffix(array, device),
        *_dtype_suffix(array, dtype, device, default_dtype or dtypes.default_float()),
        *_gradient_suffix(requires_grad, grad_fn),
    ]
    return _append_suffixes(f"{name}({contents}", suffixes, indent)


# Values ---------------------------------------------------------------------------------------------------------------


def _contents(array: np.ndarray, dtype: dtypes.dtype, indent: int) -> str:
    """The bracketed values, for a text whose first bracket stands in column `indent`."""
    if array.size == 0:
        return "[]"
    summarised = array.size > _options.threshold and array.ndim > 0
    if summarised and not _options.edgeitems:
        return "[...]"
    cut = tuple(summarised and size > 2 * _options.edgeitems for size in array.shape)
    shown = _corners(array, cut)
    texts, width = _item_texts(shown, dtype)
    return _join(texts, shown.shape, cut, width, indent)


def _corners(array: np.ndarray, cut: tuple[bool, ...]) -> np.ndarray:
    """The first and last `edgeitems` entries along each dimension that is `cut`, everything along the others."""
    if not any(cut):
        return array
    edge = _options.edgeitems
    kept = [np.r_[:edge, size - edge : size] if is_cut else np.arange(size) for size, is_cut in zip(array.shape, cut, strict=True)]
    return array[np.ix_(*kept)]


def _item_texts(items: np.ndarray, dtype: dtypes.dtype) -> tuple[list[str], int]:
    """Each item's padded text in row-major order, and the width that a line reserves for an item."""
    flat = items.reshape(-1)
    if dtype.is_complex:
        return _complex_texts(flat.astype(np.complex128))
    # float64 holds every value of the narrower types exactly
    texts, width = _float_texts(flat.astype(np.float64)) if dtype.is_floating_point else _exact_texts(flat)
    return [text.rjust(width) for text in texts], width


def _exact_texts(values: np.ndarray) -> tuple[list[str], int]:
    texts = [str(value) for value in values.tolist()]
    return texts, max(map(len, texts))


def _float_texts(values: np.ndarray) -> tuple[list[str], int]:
    """Unpadded texts of float64 `values`, and the widest among the nonzero finite ones: the others do not set the width."""
    counted = np.isfinite(values) & (values != 0)
    write = _float_writer(np.abs(values[counted]))
    texts = [write(value) for value in values.tolist()]
    width = max((len(text) for text, counts in zip(texts, counted.tolist(), strict=True) if counts), default=1)
    return texts, width


def _float_writer(magnitudes: np.ndarray) -> Callable[[float], str]:
    """One notation for a whole tensor, chosen from the absolute values of its nonzero finite items."""
    if magnitudes.size == 0:
        return _write_integral
    if _is_scientific(float(magnitudes.min()), float(magnitudes.max())):
        return f"{{:.{_options.precision}e}}".format
    if (magnitudes == np.floor(magnitudes)).all():
        return _write_integral
    return f"{{:.{_options.precision}f}}".format


def _is_scientific(smallest: float, largest: float) -> bool:
    if _options.sci_mode is not None:
        return _options.sci_mode
    return largest / smallest > 1e3 or largest > 1e8 or smallest < 1e-4


def _write_integral(value: float) -> str:
    """`2.` for 2.0: the point says that the tensor is a floating-point one."""
    return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"


def _complex_texts(values: np.ndarray) -> tuple[list[str], int]:
    """Texts such as ` 1.0000-2.0000j`: both parts have their own notation, only the real part is padded."""
    real_texts, real_width = _float_texts(values.real)
    imag_texts, imag_width = _float_texts(values.imag)
    texts = [
        f"{real.rjust(real_width)}{'' if imag.startswith('-') else '+'}{imag}j" for real, imag in zip(real_texts, imag_texts, strict=True)
    ]
    return texts, real_width + imag_width + len("j")


def _join(texts: list[str], shape: tuple[int, ...], cut: tuple[bool, ...], width: int, indent: int) -> str:
    """Row-major `texts` of an array of this shape in nested brackets, `...` in the middle of each dimension that is cut."""
    if not shape:
        return texts[0]
    if len(shape) == 1:
        return _join_row(texts, cut[0], width, indent)
    step = len(texts) // shape[0]
    blocks = [_join(texts[i : i + step], shape[1:], cut[1:], width, indent + 1) for i in range(0, len(texts), step)]
    if cut[0]:
        blocks.insert(len(blocks) // 2, "...")
    line_breaks = "\n" * (len(shape) - 1)
    return "[" + f",{line_breaks}{' ' * (indent + 1)}".join(blocks) + "]"


def _join_row(texts: list[str], is_cut: bool, width: int, indent: int) -> str:
    """One innermost dimension, wrapped so that its lines stay within `linewidth`."""
    half = len(texts) // 2
    items = [*texts[:half], " ...", *texts[half:]] if is_cut else texts
    room = (_options.linewidth - indent) / (width + len(", "))
    per_line = max(1, int(min(room, len(items))))
    lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    return "[" + f",\n{' ' * (indent + 1)}".join(lines) + "]"


# Suffixes -------------------------------------------------------------------------------------------------------------


def _device_suffix(device: str) -> list[str]:
    return [] if device.partition(":")[0] == "cpu" else [f"device='{device}'"]


def _size_suffix(array: np.ndarray, device: str) -> list[str]:
    """The shape, where the brackets do not show it: `[]` stands for `size=(0,)`."""
    hidden = array.ndim != 1 if array.size == 0 else not _options.edgeitems
    return [f"size={array.shape}"] if hidden or device == "meta" else []


def _dtype_suffix(array: np.ndarray, dtype: dtypes.dtype, device: str, default: dtypes.dtype) -> list[str]:
    """The dtype, unless the written values imply it; where none are written only the default is implied."""
    implied = {default}
    if array.size > 0 and device != "meta":
        default_complex = dtypes.complex128 if default is dtypes.float64 else dtypes.complex64
        implied |= {default_complex, dtypes.int64, dtypes.bool_}
    return [] if dtype in implied else [f"dtype={dtype!r}"]


def _gradient_suffix(requires_grad: bool, grad_fn: str | None) -> list[str]:
    if grad_fn is not None:
        return [f"grad_fn=<{grad_fn}>"]
    return ["requires_grad=True"] if requires_grad else []


def _append_suffixes(text: str, suffixes: list[str], indent: int) -> str:
    """Close the parenthesis after the suffixes; each begins a new line where it would pass `linewidth`."""
    # one or two more than the true length: PyTorch counts so, and thus wraps a little early
    last_line = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if last_line + len(suffix) + len(", ") > _options.linewidth:
            text += f",\n{' ' * indent}{suffix}"
            last_line = indent + len(suffix)
        else:
            text += f", {suffix}"
            last_line += len(suffix) + len(", ")
    return text + ")"
