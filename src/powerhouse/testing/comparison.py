"""`assert_close`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..core import dtypes as dt
from ..core.promotion import promote
from ..tensors import Tensor, tensor

# (rtol, atol) by dtype; others compare exactly
TOLERANCES = {
    dt.float16: (1e-3, 1e-5),
    dt.bfloat16: (1.6e-2, 1e-5),
    dt.float32: (1.3e-6, 1e-5),
    dt.float64: (1e-7, 1e-7),
    dt.complex64: (1.3e-6, 1e-5),
    dt.complex128: (1e-7, 1e-7),
}
Message = str | Callable[[str], str] | None
_NUMBERS = (bool, int, float, complex, np.number, np.bool_)


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: Message = None,
) -> None:
    """Assert that `|actual - expected| <= atol + rtol * |expected|` for all elements.

    Args:
        actual, expected: tensors, arrays, numbers, or sequences and mappings of them, with the same structure.
        rtol, atol: both or neither; by default those of the dtype (the wider of two dtypes), 0 for integers and bool.
        equal_nan: whether nan equals nan.
        check_dtype, check_stride: whether these must be the same.
        msg: replaces the message, or is a function of it.

    Raises AssertionError where they are not close, ValueError for one tolerance without the other, TypeError for what cannot be compared.

    >>> import powerhouse as torch
    >>> torch.testing.assert_close(torch.tensor([1.0]), torch.tensor([1.0 + 1e-7]))
    """
    if (rtol is None) != (atol is None):
        raise ValueError(f"assert_close: rtol and atol must both be specified or both be unspecified, got rtol={rtol}, atol={atol}")

    def compare(a: Any, b: Any, where: str) -> None:
        message = _difference(a, b, rtol, atol, equal_nan, check_dtype, check_stride, allow_subclasses)
        if message:
            message += f"\n\nThe failure occurred for item {where}" if where else ""
            raise AssertionError(msg(message) if callable(msg) else msg or message)

    _walk(actual, expected, "", compare)


def _walk(a: Any, b: Any, where: str, compare: Callable[[Any, Any, str], None]) -> None:
    """Call `compare` on each pair of leaves of two structures."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        if a.keys() != b.keys():
            raise AssertionError(
                f"The keys of the mappings do not match:\nMissing keys in the actual mapping: {sorted(b.keys() - a.keys(), key=str)}\n"
                f"Missing keys in the expected mapping: {sorted(a.keys() - b.keys(), key=str)}"
            )
        for key in b:
            _walk(a[key], b[key], f"{where}[{key!r}]", compare)
    elif _is_sequence(a) and _is_sequence(b):
        if len(a) != len(b):
            raise AssertionError(f"The length of the sequences mismatch: {len(a)} != {len(b)}")
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            _walk(x, y, f"{where}[{i}]", compare)
    else:
        compare(a, b, where)


def _is_sequence(x: Any) -> bool:
    return isinstance(x, Sequence) and not isinstance(x, str)


def _as_tensor(x: Any) -> Tensor | None:
    """A leaf as a tensor; numbers in their widest dtype, so that they are compared as Python compares them."""
    if isinstance(x, Tensor):
        return x.detach()
    if isinstance(x, _NUMBERS):
        return tensor(
            x, dtype={bool: dt.bool_, int: dt.int64, float: dt.float64}.get(type(x), dt.complex128 if isinstance(x, complex) else None)
        )
    return tensor(x) if isinstance(x, np.ndarray) else None


def _difference(
    a: Any, b: Any, rtol: float | None, atol: float | None, equal_nan: bool, check_dtype: bool, check_stride: bool, subclasses: bool
) -> str | None:
    """What is different between two leaves; None where they are close."""
    if a is None or b is None:
        return None if a is b else f"None mismatch: {a!r} is not {b!r}"
    x, y = _as_tensor(a), _as_tensor(b)
    if x is None or y is None or (not subclasses and type(a) is not type(b)):
        raise TypeError(f"assert_close: No comparison pair was able to handle inputs of type {type(a)} and {type(b)}.")
    numbers = isinstance(a, _NUMBERS) and isinstance(b, _NUMBERS)
    if tuple(x.shape) != tuple(y.shape):
        return f"The values for attribute 'shape' do not match: {x.shape} != {y.shape}."
    if check_dtype and not numbers and x.dtype is not y.dtype:
        return f"The values for attribute 'dtype' do not match: {x.dtype} != {y.dtype}."
    if check_stride and x.stride() != y.stride():
        return f"The values for attribute 'stride()' do not match: {x.stride()} != {y.stride()}."
    if rtol is None or atol is None:
        pairs = [TOLERANCES.get(t.dtype, (0.0, 0.0)) for t in (x, y)]
        rtol, atol = max(p[0] for p in pairs), max(p[1] for p in pairs)
    kind = promote(x.dtype, y.dtype)
    return _far(_wide(x.to(kind)), _wide(y.to(kind)), rtol, atol, equal_nan, "Scalars" if numbers else "Tensor-likes")


def _wide(t: Tensor) -> np.ndarray:
    """The values in a dtype of NumPy in which differences can be taken."""
    a = np.asarray(t._array())
    return (
        a
        if t.dtype.category == dt.INTEGER and t.dtype.is_signed
        else a.astype({dt.COMPLEX: np.complex128, dt.FLOAT: np.float64}.get(t.dtype.category, np.int64))
    )


def _far(x: np.ndarray, y: np.ndarray, rtol: float, atol: float, equal_nan: bool, what: str) -> str | None:
    """The message for arrays that are not close."""
    if np.isclose(x, y, rtol, atol, equal_nan).all() if rtol or atol else np.array_equal(x, y, equal_nan and x.dtype.kind in "fc"):
        return None
    close = np.isclose(x, y, rtol, atol, equal_nan) if rtol or atol else (x == y) | (equal_nan & (x != x) & (y != y))
    with np.errstate(all="ignore"):
        absolute = np.where(close, 0, np.abs(x - y)).astype(np.float64)
        relative = np.where(close, 0, absolute / np.abs(y))
    how = "close" if rtol or atol else "equal"
    if x.ndim == 0:
        lines = [f"{what} are not {how}!\n", f"Expected {y.item()} but got {x.item()}."]
        lines.append(f"Absolute difference: {absolute.item()} (up to {atol} allowed)")
        lines.append(f"Relative difference: {relative.item()} (up to {rtol} allowed)")
        return "\n".join(lines)
    wrong = int((~close).sum())
    lines = [f"{what} are not {how}!\n", f"Mismatched elements: {wrong} / {close.size} ({wrong / close.size:.1%})"]
    for name, values, allowed in (("absolute", absolute, atol), ("relative", relative, rtol)):
        at = int(np.argmax(np.where(np.isnan(values), np.inf, values)))
        index = tuple(int(i) for i in np.unravel_index(at, values.shape))
        lines.append(f"Greatest {name} difference: {values.reshape(-1)[at]} at index {index} (up to {allowed} allowed)")
    return "\n".join(lines)


def assert_allclose(
    actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None, equal_nan: bool = True, msg: str = ""
) -> None:
    """The older form of `assert_close`: nan equals nan, dtypes may differ, and `expected` may be data."""
    actual, expected = (x if isinstance(x, Tensor) else tensor(x) for x in (actual, expected))
    assert_close(actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_dtype=False, msg=msg or None)
