from __future__ import annotations

from collections import OrderedDict, UserDict, UserList, namedtuple

import numpy as np
import pytest

import powerhouse as ph
from powerhouse.tensors import Tensor
from powerhouse.utils.data import default_collate, default_convert
from powerhouse.utils.data.collate import collate

Point = namedtuple("Point", ["x", "y"])


def check(tensor, values, dtype):
    assert isinstance(tensor, Tensor) and tensor.dtype == dtype
    assert tensor.tolist() == values


def test_numbers():
    check(default_collate([1, 2]), [1, 2], ph.int64)
    check(default_collate([0.5, 2.0]), [0.5, 2.0], ph.float64)
    check(default_collate([True, False]), [True, False], ph.bool)
    check(default_collate([np.float32(1), np.float32(2)]), [1, 2], ph.float32)
    check(default_collate([np.bool_(True)]), [True], ph.bool)


def test_tensors_and_arrays():
    check(default_collate([ph.tensor([1.0, 2.0]), ph.tensor([3.0, 4.0])]), [[1, 2], [3, 4]], ph.float32)
    check(default_collate([ph.tensor(1), ph.tensor(2)]), [1, 2], ph.int64)
    check(default_collate([ph.ones(2, dtype=ph.bfloat16)] * 2), [[1, 1], [1, 1]], ph.bfloat16)
    check(default_collate([np.zeros((1, 2), np.int16), np.ones((1, 2), np.int16)]), [[[0, 0]], [[1, 1]]], ph.int16)
    check(default_collate([np.array(1.5), np.array(2.5)]), [1.5, 2.5], ph.float64)
    check(default_collate([np.zeros((2, 3)).T, np.ones((2, 3)).T]), [[[0, 0]] * 3, [[1, 1]] * 3], ph.float64)
    assert tuple(default_collate([ph.zeros(0, 3)] * 2).shape) == (2, 0, 3)


def test_batches_own_their_memory():
    sample = ph.zeros(2)
    default_collate([sample]).add_(1)
    assert sample.tolist() == [0, 0]


def test_gradients_pass_through():
    sample = ph.ones(2, requires_grad=True)
    default_collate([sample, sample]).sum().backward()
    assert sample.grad.tolist() == [2, 2]


def test_strings_stay():
    assert default_collate(["a", "b"]) == ["a", "b"]
    assert default_collate([(b"a", 1), (b"b", 2)])[0] == (b"a", b"b")


def test_structures():
    out = default_collate([{"x": 1, "y": [1.0, "a"]}, {"x": 2, "y": [2.0, "b"]}])
    check(out["x"], [1, 2], ph.int64)
    check(out["y"][0], [1, 2], ph.float64)
    assert list(out["y"][1]) == ["a", "b"]
    point = default_collate([Point(1, 2), Point(3, 4)])
    assert isinstance(point, Point)
    check(point.y, [2, 4], ph.int64)
    assert isinstance(default_collate([(1, 2), (3, 4)]), list)


@pytest.mark.parametrize("kind", [OrderedDict, UserDict])
def test_kinds_of_mappings_are_kept(kind):
    sample = kind(a=1)
    out = default_collate([sample, kind(a=2)])
    assert type(out) is kind and out["a"].tolist() == [1, 2]
    assert sample["a"] == 1


def test_kinds_of_sequences_are_kept():
    sample = UserList([1, 2])
    out = default_collate([sample, UserList([3, 4])])
    assert type(out) is UserList and out[0].tolist() == [1, 3]
    assert sample == [1, 2]
    assert [part.tolist() for part in default_collate([range(2), range(2)])] == [[0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("error", "message", "batch"),
    [
        (TypeError, "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found <class 'set'>", [{1}]),
        (TypeError, "default_collate: .* found <U1", [np.array(["a"])]),
        (TypeError, "default_collate: .* found object", [np.array([None])]),
        (TypeError, "found <class 'NoneType'>", [{"x": None}]),
        (RuntimeError, "each element in list of batch should be of equal size", [[1], [1, 2]]),
        (RuntimeError, "(?i)stack.*equal size", [ph.zeros(2), ph.zeros(3)]),
        (RuntimeError, "(?i)stack.*equal size", [np.zeros(2), np.zeros(3)]),
    ],
)
def test_errors(error, message, batch):
    with pytest.raises(error, match=message):
        default_collate(batch)


def test_own_table():
    table = {str: lambda batch, *, collate_fn_map: "".join(batch), (int, float): lambda batch, *, collate_fn_map: sum(batch)}
    assert collate([("a", 1), ("b", 2.5)], collate_fn_map=table) == ["ab", 3.5]
    assert collate([True], collate_fn_map=table) == 1  # an instance of int
    tensors = {np.ndarray: default_table()[np.ndarray], Tensor: lambda batch, *, collate_fn_map: len(batch)}
    assert collate([np.zeros(2), np.zeros(3)], collate_fn_map=tensors) == 2


def default_table():
    from powerhouse.utils.data.collate import default_collate_fn_map

    return default_collate_fn_map


def test_convert():
    check(default_convert(np.array([1, 2])), [1, 2], ph.int64)
    assert default_convert(np.float64(1.5)).item() == 1.5
    assert default_convert("a") == "a" and default_convert(3) == 3 and default_convert(np.str_("a")) == "a"
    words = np.array(["a"])
    assert default_convert(words) is words
    out = default_convert({"p": Point(np.zeros(1), 0), "t": (np.ones(1), "b")})
    assert isinstance(out["p"], Point) and out["p"].x.tolist() == [0]
    assert isinstance(out["t"], list) and out["t"][0].tolist() == [1] and out["t"][1] == "b"
