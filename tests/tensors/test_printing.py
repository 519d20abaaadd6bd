"""Printed tensors: a table of expected texts, and the same texts as PyTorch over many arrays, options and suffixes."""

from __future__ import annotations

import math
import time
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from powerhouse.core import dtypes
from powerhouse.tensors.printing import format_tensor, get_printoptions, printoptions, set_printoptions

INF, NAN = math.inf, math.nan
DEFAULTS = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}


@pytest.fixture(autouse=True, scope="module")
def _options_unchanged():
    yield
    assert get_printoptions() == DEFAULTS


# Expected texts, no PyTorch needed ------------------------------------------------------------------------------------

TABLE = [
    (3.14, "float32", "tensor(3.1400)"),
    (2.0, "float32", "tensor(2.)"),
    (7, "int64", "tensor(7)"),
    (True, "bool", "tensor(True)"),
    (1 + 2j, "complex64", "tensor(1.+2.j)"),
    ([1.0, 2.0], "float32", "tensor([1., 2.])"),
    ([1.5, -2.25], "float32", "tensor([ 1.5000, -2.2500])"),
    ([1.5], "float64", "tensor([1.5000], dtype=torch.float64)"),
    ([1.5], "bfloat16", "tensor([1.5000], dtype=torch.bfloat16)"),
    ([1.5], "float16", "tensor([1.5000], dtype=torch.float16)"),
    ([0.5, 448.0], "float8_e4m3fn", "tensor([  0.5000, 448.0000], dtype=torch.float8_e4m3fn)"),
    ([1, -20], "int64", "tensor([  1, -20])"),
    ([1, 2], "uint8", "tensor([1, 2], dtype=torch.uint8)"),
    ([True, False], "bool", "tensor([ True, False])"),
    ([0.0, -0.0], "float32", "tensor([0., -0.])"),
    ([INF, -INF, NAN], "float32", "tensor([inf, -inf, nan])"),
    ([1.0, INF], "float32", "tensor([1., inf])"),
    ([1.5, NAN], "float32", "tensor([1.5000,    nan])"),
    ([1e-5, 1.0], "float32", "tensor([1.0000e-05, 1.0000e+00])"),
    ([1.0, 1001.0], "float32", "tensor([1.0000e+00, 1.0010e+03])"),
    ([1.0, 1000.0], "float32", "tensor([   1., 1000.])"),
    ([2e8], "float32", "tensor([2.0000e+08])"),
    ([1 - 2.5j, 3 + 0.5j], "complex64", "tensor([1.-2.5000j, 3.+0.5000j])"),
    ([1j], "complex128", "tensor([0.+1.j], dtype=torch.complex128)"),
    ([[1, 2], [3, 4]], "int64", "tensor([[1, 2],\n        [3, 4]])"),
    ([[[1], [2]], [[3], [4]]], "int64", "tensor([[[1],\n         [2]],\n\n        [[3],\n         [4]]])"),
    ([], "float32", "tensor([])"),
    ([], "int64", "tensor([], dtype=torch.int64)"),
    (np.zeros((0, 3)), "float32", "tensor([], size=(0, 3))"),
    (np.zeros((2, 0)), "bool", "tensor([], size=(2, 0), dtype=torch.bool)"),
    (np.arange(1001), "int64", "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    (
        np.zeros((1001, 7)),
        "float32",
        "tensor([[0., 0., 0.,  ..., 0., 0., 0.],\n" + "        [0., 0., 0.,  ..., 0., 0., 0.],\n" * 2
        + "        ...,\n" + "        [0., 0., 0.,  ..., 0., 0., 0.],\n" * 2 + "        [0., 0., 0.,  ..., 0., 0., 0.]])",
    ),
    (
        np.arange(30),
        "int64",
        "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n"
        "        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29])",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("values", "dtype_name", "expected"), TABLE)
def test_table(values: Any, dtype_name: str, expected: str) -> None:
    dtype = dtypes.BY_NAME[dtype_name]
    assert format_tensor(np.asarray(values).astype(dtype.numpy), dtype) == expected


SUFFIX_TABLE = [
    ({"requires_grad": True}, "tensor([1., 2.], requires_grad=True)"),
    ({"grad_fn": "MulBackward0"}, "tensor([1., 2.], grad_fn=<MulBackward0>)"),
    ({"grad_fn": "MulBackward0", "requires_grad": True}, "tensor([1., 2.], grad_fn=<MulBackward0>)"),
    ({"device": "cuda:0"}, "tensor([1., 2.], device='cuda:0')"),
    ({"device": "cpu:0"}, "tensor([1., 2.])"),
    ({"device": "cuda:1", "requires_grad": True}, "tensor([1., 2.], device='cuda:1', requires_grad=True)"),
    ({"device": "meta"}, "tensor(..., device='meta', size=(2,))"),
    ({"default_dtype": dtypes.float64}, "tensor([1., 2.], dtype=torch.float32)"),
    ({"name": "Weight"}, "Weight([1., 2.])"),
]


@pytest.mark.parametrize(("keywords", "expected"), SUFFIX_TABLE)
def test_suffixes(keywords: dict[str, Any], expected: str) -> None:
    assert format_tensor(np.array([1, 2], np.float32), dtypes.float32, **keywords) == expected


def test_suffix_wraps_to_a_line_of_its_own() -> None:
    text = format_tensor(np.arange(16) + 0.5, dtypes.float64, requires_grad=True)
    assert text.endswith("15.5000],\n       dtype=torch.float64, requires_grad=True)")


def test_default_float_is_followed() -> None:
    dtypes.set_default_float(dtypes.float64)
    try:
        assert format_tensor(np.array([1.0]), dtypes.float64) == "tensor([1.])"
        assert format_tensor(np.array([1j]), dtypes.complex128) == "tensor([0.+1.j])"
    finally:
        dtypes.set_default_float(dtypes.float32)


def test_large_arrays_are_not_read() -> None:
    array = np.broadcast_to(np.float32(1.5), (1 << 20, 1 << 20))  # 4 TiB, were it read
    start = time.perf_counter()
    text = format_tensor(array, dtypes.float32)
    assert time.perf_counter() - start < 1
    assert text.count("1.5000") == 36


# Options --------------------------------------------------------------------------------------------------------------


def test_profiles_and_overrides() -> None:
    with printoptions(profile="short"):
        assert get_printoptions() == {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80, "sci_mode": None}
        set_printoptions(profile="full", precision=7)
        assert get_printoptions() == DEFAULTS | {"precision": 7, "threshold": INF}


def test_sci_mode_returns_to_automatic_when_not_given() -> None:
    with printoptions(sci_mode=True):
        assert format_tensor(np.array([1.0], np.float32), dtypes.float32) == "tensor([1.0000e+00])"
        set_printoptions(precision=2)
        assert get_printoptions()["sci_mode"] is None


def test_options_are_restored_after_an_error() -> None:
    with pytest.raises(KeyError), printoptions(precision=1):
        raise KeyError
    assert get_printoptions() == DEFAULTS


def test_no_edge_items() -> None:
    with printoptions(edgeitems=0, threshold=2):
        assert format_tensor(np.arange(3), dtypes.int64) == "tensor([...], size=(3,))"
        assert format_tensor(np.arange(2), dtypes.int64) == "tensor([0, 1], size=(2,))"


def test_endless_line() -> None:
    with printoptions(linewidth=INF):
        assert "\n" not in format_tensor(np.arange(1000), dtypes.int64)


# The same as PyTorch --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch")


def _to_torch(torch: ModuleType, array: np.ndarray, dtype: dtypes.dtype) -> Any:
    """A PyTorch tensor with the very bits of `array`."""
    bits = {"bfloat16": np.int16, "float8_e4m3fn": np.uint8, "float8_e5m2": np.uint8}.get(dtype.name, dtype.numpy)
    return torch.from_numpy(np.array(array).view(bits)).view(getattr(torch, dtype.name))


def _assert_same(torch: ModuleType, array: np.ndarray, dtype: dtypes.dtype, **options: Any) -> None:
    assert array.dtype == dtype.numpy
    tensor = _to_torch(torch, array, dtype)
    torch.set_printoptions(**(DEFAULTS | options))
    try:
        expected = repr(tensor)
    finally:
        torch.set_printoptions(**DEFAULTS)
    with printoptions(**(DEFAULTS | options)):
        assert format_tensor(array, dtype) == expected


def _random_array(rng: np.random.Generator, dtype: dtypes.dtype, shape: tuple[int, ...], scale: int, integral: bool, special: bool):
    """Normal numbers times 10**scale, perhaps rounded, perhaps with zeros, infinities and nans among them."""

    def part() -> np.ndarray:
        values = np.asarray(rng.standard_normal(shape) * 10.0**scale)
        values = np.round(values) if integral else values
        chosen = np.asarray(rng.random(shape) < 0.2) & special
        return np.where(chosen, rng.choice([0.0, -0.0, INF, -INF, NAN, 1.0, 1e-7], size=shape), values)

    with np.errstate(all="ignore"):
        if dtype.is_complex:
            return (part() + 1j * part()).astype(dtype.numpy)
        if dtype.is_floating_point:
            return part().astype(dtype.numpy)
        return np.nan_to_num(part(), posinf=0, neginf=0).astype(np.int64).astype(dtype.numpy)


ARRAYS = st.builds(
    _random_array,
    st.integers(0, 2**32 - 1).map(np.random.default_rng),
    st.shared(st.sampled_from(dtypes.ALL), key="dtype"),
    st.one_of(
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=9),
        st.sampled_from([(1000,), (1001,), (3000,), (7, 200), (200, 7), (2, 600), (600, 2), (11, 12, 13), (1, 5, 1, 300), (2,) * 10]),
    ),
    st.integers(-9, 12),
    st.booleans(),
    st.booleans(),
)
DTYPE = st.shared(st.sampled_from(dtypes.ALL), key="dtype")
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "precision": st.integers(0, 8),
        "threshold": st.sampled_from([0, 1, 5, 40, 1000, INF]),
        "edgeitems": st.integers(0, 5),
        "linewidth": st.sampled_from([1, 9, 20, 40, 80, 120, 300]),
        "sci_mode": st.sampled_from([None, True, False]),
    },
)
relaxed = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@settings(relaxed, max_examples=150)
@given(array=ARRAYS, dtype=DTYPE)
def test_same_as_torch(torch: ModuleType, array: np.ndarray, dtype: dtypes.dtype) -> None:
    _assert_same(torch, array, dtype)


@settings(relaxed, max_examples=100)
@given(array=ARRAYS, dtype=DTYPE, options=OPTIONS)
def test_same_as_torch_with_options(torch: ModuleType, array: np.ndarray, dtype: dtypes.dtype, options: dict[str, Any]) -> None:
    _assert_same(torch, array, dtype, **options)


@settings(relaxed, max_examples=100)
@given(data=st.data(), dtype=st.sampled_from([d for d in dtypes.ALL if d.numpy.kind in "biufc" and d.numpy.isbuiltin == 1]))
def test_same_as_torch_on_any_bits(torch: ModuleType, data: st.DataObject, dtype: dtypes.dtype) -> None:
    shape = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
    _assert_same(torch, data.draw(hnp.arrays(dtype.numpy, shape)), dtype)


BOUNDARIES = [
    [1.0, 1000.0], [1.0, 1000.5], [1e8], [1.0000001e8], [1e-4], [9.9e-5], [0.5, 500.0], [0.5, 500.1], [0.99999], [9.99999, 0.1],
    [99999999.0, 99999.0], [1e-45], [5e-324, 1.7e308], [2.0**53, 2.0**52], [0.0, 0.5], [-0.0, 0.5], [NAN, 0.25, -INF], [NAN, 3.0, -INF],
    [0.0, INF], [123456.789, 999.9], [1e-4, 1e-1], [1e-4, 1.0001e-1], [-0.00001, 0.5], [65504.0, 1.0], [1e8, -1e8, 99999.5],
]  # fmt: skip


@pytest.mark.parametrize("dtype", [d for d in dtypes.ALL if d.is_floating_point or d.is_complex], ids=lambda d: d.name)
def test_same_as_torch_at_the_boundaries(torch: ModuleType, dtype: dtypes.dtype) -> None:
    for values in BOUNDARIES:
        with np.errstate(all="ignore"):
            array = np.array(values).astype(dtype.numpy)
        _assert_same(torch, array, dtype)
        for i in range(len(array)):
            _assert_same(torch, array[i : i + 1].reshape(()), dtype)


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=lambda d: d.name)
def test_same_suffixes_as_torch_at_every_length(torch: ModuleType, dtype: dtypes.dtype) -> None:
    differentiable = dtype in (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64, dtypes.complex64, dtypes.complex128)
    for length in range(30):
        array = np.full(length, 1.5).astype(dtype.numpy)
        tensor = _to_torch(torch, array, dtype)
        assert format_tensor(array, dtype) == repr(tensor)
        if differentiable:
            tensor.requires_grad_()
            assert format_tensor(array, dtype, requires_grad=True) == repr(tensor)
            assert format_tensor(array, dtype, requires_grad=True, grad_fn="CloneBackward0") == repr(tensor.clone())


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,), (0, 4)])
@pytest.mark.parametrize("dtype", dtypes.ALL, ids=lambda d: d.name)
def test_same_as_torch_on_meta(torch: ModuleType, dtype: dtypes.dtype, shape: tuple[int, ...]) -> None:
    tensor = torch.empty(shape, dtype=getattr(torch, dtype.name), device="meta")
    assert format_tensor(np.zeros(shape, dtype.numpy), dtype, device="meta") == repr(tensor)


@pytest.mark.parametrize("default", [dtypes.float16, dtypes.bfloat16, dtypes.float64], ids=lambda d: d.name)
@pytest.mark.parametrize("dtype", dtypes.ALL, ids=lambda d: d.name)
def test_same_as_torch_with_another_default(torch: ModuleType, dtype: dtypes.dtype, default: dtypes.dtype) -> None:
    torch.set_default_dtype(getattr(torch, default.name))
    try:
        for array in (np.ones(3, dtype.numpy), np.ones((0, 2), dtype.numpy)):
            assert format_tensor(array, dtype, default_dtype=default) == repr(_to_torch(torch, array, dtype))
    finally:
        torch.set_default_dtype(torch.float32)


def test_same_subclass_name_as_torch(torch: ModuleType) -> None:
    weight = type("LongNameOfAWeight", (torch.Tensor,), {})
    array = np.arange(60, dtype=np.float32).reshape(2, 30)
    theirs = _to_torch(torch, array, dtypes.float32).as_subclass(weight)
    assert format_tensor(array, dtypes.float32, name="LongNameOfAWeight") == repr(theirs)


OPTION_CALLS = [{"profile": "short"}, {"profile": "full", "edgeitems": 1}, {"precision": 3}, {"sci_mode": False}, {"profile": "none"}]


@pytest.mark.parametrize("call", OPTION_CALLS, ids=str)
def test_same_option_semantics_as_torch(torch: ModuleType, call: dict[str, Any]) -> None:
    theirs = torch._tensor_str
    with printoptions(sci_mode=True, threshold=9, linewidth=33), theirs.printoptions(sci_mode=True, threshold=9, linewidth=33):
        set_printoptions(**call)
        theirs.set_printoptions(**call)
        assert get_printoptions() == theirs.get_printoptions()
