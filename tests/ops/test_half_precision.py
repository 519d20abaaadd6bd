"""Half-precision reductions round once, at the end; integer division by zero; matrices of different dtypes."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse as ph


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_means_and_variances_against_torch(dtype):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).normal(300, 20, (20, 33)).astype(np.float32)
    ours, theirs = (module.tensor(x, dtype=getattr(module, dtype), requires_grad=True) for module in (ph, torch))
    for call in (lambda t: t.mean(), lambda t: t.mean(0), lambda t: t.var(1), lambda t: t.std(), lambda t: t.sum(1)):
        got, expected = call(ours), call(theirs)
        assert got.dtype is getattr(ph, dtype)
        np.testing.assert_allclose(got.float().tolist(), expected.float().tolist(), rtol={"float16": 1e-3, "bfloat16": 8e-3}[dtype])
    (ours.mean() * 330).backward(), (theirs.mean() * 330).backward()
    assert ours.grad.dtype is getattr(ph, dtype)
    np.testing.assert_allclose(ours.grad.float().tolist(), theirs.grad.float().tolist(), rtol=1e-2)


def test_what_overflows_on_the_way_only_does_not():
    x = ph.full((3, 40), 60000.0, dtype=ph.float16)
    assert x.mean().item() == 60000 and x.mean(1, keepdim=True).tolist() == [[60000.0]] * 3
    assert x.var().item() == 0 and x.std(1).tolist() == [0.0] * 3
    assert x.sum().item() == float("inf"), "the sum itself is out of range"


@pytest.mark.parametrize(
    ("op", "call"),
    [
        ("floor_divide", lambda x, y: x // y),
        ("remainder", lambda x, y: x % y),
        ("fmod", ph.fmod),
        ("floor_divide", lambda x, y: ph.div(x, y, rounding_mode="floor")),
        ("div", lambda x, y: ph.div(x, y, rounding_mode="trunc")),
        ("floor_divide", lambda x, y: x.clone().floor_divide_(y)),
    ],
)
def test_integers_divided_by_zero(op, call):
    for zero in (0, ph.tensor(0), ph.tensor([1, 0])):
        with pytest.raises(RuntimeError, match=f"{op}: ZeroDivisionError"):
            call(ph.tensor([4, 5]), zero).tolist()
    assert not ph.isfinite(call(ph.tensor([4.0, 5.0]), 0)).any()


def test_matrices_of_different_dtypes():
    layer = ph.nn.Linear(3, 4)
    with pytest.raises(RuntimeError, match="^linear: expected mat1 and mat2 to have the same dtype, but got: long int != float$"):
        layer(ph.ones(2, 3, dtype=ph.int64))
    with pytest.raises(RuntimeError, match="^matmul: expected mat1 and mat2 to have the same dtype, but got: float != c10::Half$"):
        ph.ones(2, 3) @ ph.ones(3, 2).half()
