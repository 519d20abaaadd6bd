"""Window functions."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse

ROOT = [
    ("hann_window", {}),
    ("hamming_window", {}),
    ("hamming_window", {"alpha": 0.5, "beta": 0.4}),
    ("blackman_window", {}),
    ("bartlett_window", {}),
    ("kaiser_window", {}),
    ("kaiser_window", {"beta": 5.0}),
]
SIGNAL = [
    ("bartlett", {}),
    ("blackman", {}),
    ("cosine", {}),
    ("exponential", {}),
    ("exponential", {"tau": 3.0}),
    ("gaussian", {}),
    ("gaussian", {"std": 0.9}),
    ("general_cosine", {"a": [0.4, 0.3, 0.2, 0.1]}),
    ("general_hamming", {"alpha": 0.6}),
    ("hamming", {}),
    ("hann", {}),
    ("kaiser", {"beta": 3.0}),
    ("nuttall", {}),
]


@pytest.mark.parametrize(("name", "options"), ROOT)
@pytest.mark.parametrize("periodic", [True, False])
def test_root_windows(name, options, periodic):
    """PyTorch's values, for several lengths."""
    torch = pytest.importorskip("torch")
    for n in (0, 1, 2, 7, 16):
        ours = getattr(powerhouse, name)(n, periodic, **options, dtype=powerhouse.float64)
        theirs = getattr(torch, name)(n, periodic, **options, dtype=torch.float64)
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6, atol=1e-7)
    assert getattr(powerhouse, name)(4).dtype is powerhouse.float32


@pytest.mark.parametrize(("name", "options"), SIGNAL)
@pytest.mark.parametrize("sym", [True, False])
def test_signal_windows(name, options, sym):
    """PyTorch's values, symmetric and periodic."""
    torch = pytest.importorskip("torch")
    for n in (1, 2, 5, 8):
        ours = getattr(powerhouse.signal.windows, name)(n, **options, sym=sym, dtype=powerhouse.float64)
        theirs = getattr(torch.signal.windows, name)(n, **options, sym=sym, dtype=torch.float64)
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6, atol=1e-7)


def test_refusals():
    """Integer dtypes, negative lengths, bad shapes."""
    with pytest.raises(RuntimeError, match="hann_window expects floating point dtypes"):
        powerhouse.hann_window(3, dtype=powerhouse.int64)
    with pytest.raises(RuntimeError, match="non-negative"):
        powerhouse.kaiser_window(-1)
    with pytest.raises(ValueError, match="Tau must be positive"):
        powerhouse.signal.windows.exponential(3, tau=-1.0)
    with pytest.raises(ValueError, match="Standard deviation must be positive"):
        powerhouse.signal.windows.gaussian(3, std=0.0)
