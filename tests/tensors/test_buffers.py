"""`asarray` and `frombuffer`."""

from __future__ import annotations

import array

import numpy as np
import pytest

import powerhouse as torch


def test_asarray_shares_where_it_can():
    """Arrays, tensors, buffers; copies where asked."""
    a = np.zeros(3)
    torch.asarray(a)[0] = 1
    assert a.tolist() == [1, 0, 0]
    t = torch.zeros(2)
    assert torch.asarray(t) is t and torch.asarray(t, copy=True) is not t and torch.asarray(a, copy=True).add_(1) is not None and a[1] == 0
    raw = bytearray([1, 2])
    torch.asarray(raw)[0] = 7
    assert raw[0] == 7 and torch.asarray([1, 2.5]).tolist() == [1, 2.5] and torch.asarray(3).shape == ()
    assert torch.asarray(a, dtype=torch.float32).dtype is torch.float32 and torch.asarray(a, requires_grad=True).requires_grad
    for bad in (lambda: torch.asarray([1], copy=False), lambda: torch.asarray(a, dtype=torch.int8, copy=False)):
        with pytest.raises(ValueError, match="asarray: a copy is needed"):
            bad()


def test_frombuffer_shares():
    """With counts and offsets."""
    a = array.array("i", [1, 2, 3, 4])
    t = torch.frombuffer(a, dtype=torch.int32)
    t[1] = 20
    a[2] = 30
    assert t.tolist() == [1, 20, 30, 4] and a[1] == 20
    assert torch.frombuffer(a, dtype=torch.int32, count=2, offset=4).tolist() == [20, 30]
    assert torch.frombuffer(a, dtype=torch.uint8).shape == (16,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"offset": 20}, "offset"),
        ({"count": 0}, "must not be 0"),
        ({"count": 5}, "must not be greater"),
        ({"offset": 2}, "multiple of element size"),
    ],
)
def test_frombuffer_refuses(options, message):
    """What does not fit."""
    with pytest.raises(ValueError, match=f"frombuffer: .*{message}"):
        torch.frombuffer(bytearray(16), dtype=torch.int32, **options)
