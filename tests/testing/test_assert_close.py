"""`testing.assert_close` and `testing.make_tensor`."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse as torch
from powerhouse.testing import assert_allclose, assert_close, make_tensor


@pytest.mark.parametrize(
    ("a", "b", "options"),
    [
        (1.0, 1.0 + 1e-9, {}),
        (3, 3, {}),
        (True, True, {}),
        (None, None, {}),
        (1 + 2j, 1 + 2j, {}),
        ([1.0, {"x": 2}], [1.0, {"x": 2}], {}),
        (np.ones(2), np.ones(2), {}),
        (float("nan"), float("nan"), {"equal_nan": True}),
        (1, 1.2, {"rtol": 0.5, "atol": 0}),
    ],
)
def test_close_python_values(a, b, options):
    """Numbers, arrays and containers that are close."""
    assert_close(a, b, **options)


def test_tolerances_follow_the_dtype():
    """A difference that float16 forgives, float64 does not."""
    for kind in (torch.float16, torch.bfloat16):
        assert_close(torch.tensor([1.0], dtype=kind), torch.tensor([1.0009], dtype=kind))
    x = torch.tensor([1.0, 2.0], dtype=torch.float64)
    with pytest.raises(AssertionError, match=r"Mismatched elements: 1 / 2 \(50.0%\)"):
        assert_close(x, x + torch.tensor([0, 1e-5], dtype=torch.float64))
    assert_close(x, x.float(), check_dtype=False)
    assert_close(torch.tensor([1, 2]), torch.tensor([1, 2]))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (torch.zeros(2), torch.zeros(3), "attribute 'shape' do not match"),
        (torch.zeros(2), torch.zeros(2, dtype=torch.float64), "attribute 'dtype' do not match"),
        (
            torch.zeros(2, 2),
            torch.tensor([[0, 0], [0, 0.5]]),
            r"Greatest absolute difference: 0.5 at index \(1, 1\) \(up to 1e-05 allowed\)",
        ),
        (torch.tensor([1, 2]), torch.tensor([1, 3]), "Tensor-likes are not equal"),
        (torch.tensor([float("nan")]), torch.tensor([float("nan")]), "not close"),
        (1.0, 2.0, "Expected 2.0 but got 1.0"),
        (1, 2, "Scalars are not equal"),
        ([1.0, 2.0], [1.0], "length of the sequences mismatch: 2 != 1"),
        ({"a": 1}, {"b": 1}, "keys of the mappings"),
        ({"a": [1.0, torch.zeros(1)]}, {"a": [1.0, torch.ones(1)]}, r"occurred for item \['a'\]\[1\]"),
        (None, 1, "None mismatch"),
        (torch.tensor([2**62]), torch.tensor([2**62 + 1]), "not equal"),
    ],
)
def test_messages(a, b, message):
    """What is different, and where."""
    with pytest.raises(AssertionError, match=message):
        assert_close(a, b)


def test_options():
    """Own messages, strides, refused arguments."""
    with pytest.raises(AssertionError, match="^mine$"):
        assert_close(1, 2, msg="mine")
    with pytest.raises(AssertionError, match="^mine: Scalars"):
        assert_close(1, 2, msg=lambda m: "mine: " + m)
    with pytest.raises(AssertionError, match="stride"):
        assert_close(torch.zeros(2, 3).T, torch.zeros(3, 2), check_stride=True)
    with pytest.raises(ValueError, match="must both be specified"):
        assert_close(1, 1, rtol=1)
    with pytest.raises(TypeError, match="No comparison pair"):
        assert_close("a", "a")
    assert_allclose(torch.tensor([1.0]), [1.0])
    assert_close(torch.ones(1, requires_grad=True), torch.ones(1))


@pytest.mark.parametrize("kind", ["float32", "float64", "bfloat16", "int8", "uint8", "int64", "bool", "complex64"])
def test_make_tensor(kind):
    """Shape, dtype, range, gaps."""
    dtype = getattr(torch, kind)
    x = make_tensor(40, 50, dtype=dtype)
    assert (
        x.shape == (40, 50)
        and x.dtype is dtype
        and x.is_contiguous()
        and len(x.reshape(-1).unique() if kind != "complex64" else x.real.unique()) > 1
    )
    assert not make_tensor((4, 5), dtype=dtype, noncontiguous=True).is_contiguous()
    if kind != "bool" and kind != "complex64":
        y = make_tensor((1000,), dtype=dtype, low=2, high=5)
        assert y.min() >= 2 and (y.max() <= 5 if kind == "bfloat16" else y.max() < 5)
        assert (make_tensor((1000,), dtype=dtype, low=0, high=2, exclude_zero=True) != 0).all()
    if x.is_floating_point():
        assert make_tensor(2, dtype=dtype, requires_grad=True).requires_grad
    else:
        with pytest.raises(ValueError, match="low"):
            make_tensor(2, dtype=dtype, low=3, high=1)
