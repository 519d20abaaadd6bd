"""Files between PyTorch and Powerhouse, both ways."""

from __future__ import annotations

import io
import math
import pickle
from collections import Counter, OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import powerhouse as ph
from powerhouse.core import dtypes

torch = pytest.importorskip("torch")

DTYPES = [d.name for d in dtypes.ALL]
FORMATS = pytest.mark.parametrize("compact", [True, False], ids=["zip", "legacy"])


def from_torch(thing, compact=True, **options):
    buffer = io.BytesIO()
    torch.save(thing, buffer, _use_new_zipfile_serialization=compact)
    buffer.seek(0)
    return ph.load(buffer, **options)


def to_torch(thing, compact=True, **options):
    buffer = io.BytesIO()
    ph.save(thing, buffer, _use_new_zipfile_serialization=compact)
    buffer.seek(0)
    return torch.load(buffer, **options)


def same(theirs, ours):
    """Whether a tensor of PyTorch and one of ours agree in bits, dtype, shape, strides, place in the storage, and flags."""
    bits = theirs.detach().clone(memory_format=torch.contiguous_format).resolve_conj().reshape(-1).view(torch.uint8).numpy().tobytes()
    return (
        bits == ours._array().tobytes()
        and str(theirs.dtype) == str(ours.dtype)
        and tuple(theirs.shape) == tuple(ours.shape)
        and theirs.stride() == tuple(ours.stride())
        and theirs.storage_offset() == ours.storage_offset()
        and theirs.requires_grad == ours.requires_grad
        and isinstance(theirs, torch.nn.Parameter) == isinstance(ours, ph.nn.Parameter)
    )


# --- tensors of all kinds


@FORMATS
@pytest.mark.parametrize("name", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3)], ids=str)
def test_every_dtype_both_ways(name, shape, compact):
    theirs = torch.arange(math.prod(shape)).to(getattr(torch, name)).reshape(shape)
    untyped = name.startswith("float8") or name in ("uint16", "uint32", "uint64")
    ours = from_torch(theirs, compact)
    assert same(theirs, ours)
    # PyTorch cannot read its own legacy files of untyped storages with weights_only=True.
    back = to_torch(ours, compact, weights_only=compact or not untyped) if not (untyped and not compact) else theirs
    assert same(back, ours)


VIEWS = {
    "transposed": lambda t, x: x.reshape(3, 4).t(),
    "permuted": lambda t, x: x.reshape(2, 3, 2).permute(2, 0, 1),
    "stepped": lambda t, x: x[1::3],
    "part": lambda t, x: x[2:7],
    "row": lambda t, x: x.reshape(3, 4)[1],
    "column": lambda t, x: x.reshape(3, 4)[:, 2],
    "expanded": lambda t, x: x[:1].expand(5),
    "scalar": lambda t, x: x[7],
    "requires grad": lambda t, x: x.clone().requires_grad_(),
    "parameter": lambda t, x: t.nn.Parameter(x.clone()),
    "frozen parameter": lambda t, x: t.nn.Parameter(x.clone(), requires_grad=False),
    "empty": lambda t, x: x[:0],
}


@FORMATS
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_views_both_ways(view, compact):
    theirs, ours = view(torch, torch.arange(12.0)), view(ph, ph.arange(12.0))
    assert same(theirs, from_torch(theirs, compact))
    assert same(to_torch(ours, compact), ours)


@FORMATS
def test_sharing_both_ways(compact):
    def shared(lib):
        base = lib.arange(12.0)
        return [base, base[2:5], base.reshape(3, 4).t()]

    ours, theirs = from_torch(shared(torch), compact), to_torch(shared(ph), compact)
    for found in (ours, theirs):
        found[0][3] = 100.0
        assert found[1].tolist() == [2.0, 100.0, 4.0]
        assert found[2].tolist()[3][0] == 100.0


def test_conjugates_and_negatives():
    z = torch.tensor([1 + 2j, 3 - 4j])
    assert from_torch(z.conj()).tolist() == [1 - 2j, 3 + 4j]
    assert from_torch(z.conj().imag).tolist() == [-2.0, 4.0]


def test_attributes():
    theirs = torch.ones(2)
    theirs.note = "kept"
    assert from_torch(theirs).note == "kept"
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.note = "kept"
    assert from_torch(parameter).note == "kept"
    ours = ph.nn.Parameter(ph.ones(2))
    ours.note = "kept"
    assert to_torch(ours).note == "kept"
    ours = ph.ones(2)
    ours.note = "kept"
    assert to_torch(ours).note == "kept"


def test_buffers():
    assert type(to_torch(ph.nn.Buffer(ph.ones(2)))) is torch.Tensor
    assert from_torch(torch.nn.Buffer(torch.ones(2))).tolist() == [1.0, 1.0]


# --- other values


@FORMATS
def test_containers_and_scalars_both_ways(compact):
    value = {
        "scalars": [None, True, False, 0, -1, 255, 65536, 2**31, -(2**63), 2**80, 1.5, float("inf"), "text", "ünï", b"bytes", 2 - 3j],
        "nested": {"a": [{"b": (1, (2, [3]))}], 5: (), "set": {1, 2}, "list": [[]]},
        "od": OrderedDict([("z", 1), ("a", 2)]),
        "counter": Counter("abca"),
        "bytearray": bytearray(b"ab"),
    }
    for found in (from_torch(value, compact), to_torch(value, compact)):
        assert found == value
        assert type(found["od"]) is OrderedDict and type(found["counter"]) is Counter


def test_dtypes_sizes_and_devices_both_ways():
    def things(lib):
        return [lib.Size([2, 3]), lib.device("cpu"), lib.device("cuda", 1), *(getattr(lib, name) for name in DTYPES)]

    assert from_torch(things(torch)) == things(ph)
    assert to_torch(things(ph)) == things(torch)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.binary(min_size=1),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=4) | st.tuples(inner, inner)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(plain)
def test_any_nesting_both_ways(value):
    assert from_torch(value) == value
    assert to_torch(value) == value


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.data())
def test_any_strided_layout_both_ways(numel, data):
    ndim = data.draw(st.integers(0, 3))
    size = data.draw(st.lists(st.integers(1, 4), min_size=ndim, max_size=ndim))
    stride = data.draw(st.lists(st.integers(0, 4), min_size=ndim, max_size=ndim))
    reach = sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    offset = data.draw(st.integers(0, 5))
    base = torch.arange(float(offset + reach + numel))
    theirs = base.as_strided(size, stride, offset)
    ours = from_torch([base, theirs])
    assert same(theirs, ours[1])
    assert same(to_torch(ours)[1], ours[1])


# --- state


def test_a_state_dict_both_ways():
    def model(lib):
        return lib.nn.Sequential(lib.nn.Conv2d(1, 2, 3), lib.nn.BatchNorm2d(2), lib.nn.Flatten(), lib.nn.Linear(2, 3))

    theirs, ours = model(torch), model(ph)
    ours.load_state_dict(from_torch(theirs.state_dict()))
    x = np.random.default_rng(0).normal(size=(2, 1, 3, 3)).astype(np.float32)
    expected = theirs.eval()(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(ours.eval()(ph.from_numpy(x)).detach().numpy(), expected, rtol=1e-5, atol=1e-6)
    again = model(torch)
    again.load_state_dict(to_torch(ours.state_dict()))
    np.testing.assert_allclose(again.eval()(torch.from_numpy(x)).detach().numpy(), expected)
    assert to_torch(ours.state_dict())._metadata == theirs.state_dict()._metadata


def test_the_state_of_an_optimizer_both_ways():
    def trained(lib):
        parameter = lib.nn.Parameter(lib.ones(3))
        optimizer = lib.optim.Adam([parameter], lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            (parameter * parameter).sum().backward()
            optimizer.step()
        return parameter, optimizer

    (p_theirs, theirs), (p_ours, ours) = trained(torch), trained(ph)
    fresh = ph.optim.Adam([ph.nn.Parameter(ph.from_numpy(p_theirs.detach().numpy().copy()))])
    fresh.load_state_dict(from_torch(theirs.state_dict()))
    other = torch.optim.Adam([torch.nn.Parameter(torch.from_numpy(p_ours.detach().numpy().copy()))])
    other.load_state_dict(to_torch(ours.state_dict()))
    for optimizer in (fresh, other):
        parameter = optimizer.param_groups[0]["params"][0]
        (parameter * parameter).sum().backward()
        optimizer.step()
    expected = p_theirs
    theirs.zero_grad()
    (expected * expected).sum().backward()
    theirs.step()
    for optimizer in (fresh, other):
        np.testing.assert_allclose(optimizer.param_groups[0]["params"][0].detach().numpy(), expected.detach().numpy(), rtol=1e-5)


@FORMATS
@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
def test_whole_modules_of_pytorch(compact):
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    found = from_torch(theirs, compact, weights_only=False)
    assert type(found) is ph.nn.Sequential and type(found[0]) is ph.nn.Linear
    x = torch.ones(1, 3)
    np.testing.assert_allclose(found(ph.ones(1, 3)).detach().numpy(), theirs(x).detach().numpy(), rtol=1e-6)


@FORMATS
def test_whole_modules_of_ours(compact):
    ours = ph.nn.Sequential(ph.nn.Linear(3, 4), ph.nn.ReLU(), ph.nn.BatchNorm1d(4), ph.nn.Dropout(0.1), ph.nn.Linear(4, 2)).eval()
    found = to_torch(ours, compact, weights_only=False)
    assert type(found) is torch.nn.Sequential and type(found[0]) is torch.nn.Linear
    np.testing.assert_allclose(found(torch.ones(1, 3)).detach().numpy(), ours(ph.ones(1, 3)).detach().numpy(), rtol=1e-5)


def test_functions_and_classes_both_ways():
    def things(lib):
        return [lib.nn.functional.relu, lib.nn.Linear, lib.optim.Adam, lib.Tensor, lib.nn.Parameter]

    assert to_torch(things(ph), weights_only=False) == things(torch)
    assert [found.__name__ for found in from_torch(things(torch), weights_only=False)] == [thing.__name__ for thing in things(ph)]


# --- the file itself


def state(lib):
    base = lib.arange(10.0)
    half = lib.ones(3, dtype=lib.bfloat16)
    return OrderedDict(
        base=base, part=base[2:5], half=half, u=lib.zeros(2, dtype=lib.uint16), p=lib.nn.Parameter(half.float()), empty=lib.zeros(0)
    )


@pytest.mark.parametrize("name", ["model.pt", "a.b.pth", "plain"])
def test_the_file_is_pytorchs_byte_by_byte(name, tmp_path):
    (tmp_path / "ours").mkdir()
    (tmp_path / "theirs").mkdir()
    torch.save(state(torch), tmp_path / "theirs" / name)
    ph.save(state(ph), tmp_path / "ours" / name)
    theirs, ours = ((tmp_path / lib / name).read_bytes() for lib in ("theirs", "ours"))
    mark = b".data/serialization_id"
    assert len(ours) == len(theirs)
    assert ours[: ours.index(mark)] == theirs[: theirs.index(mark)]  # the identity after it is random in PyTorch


@pytest.mark.parametrize("calculate", [True, False])
def test_pytorch_maps_our_files(calculate, tmp_path):
    from torch.utils.serialization import config

    ph.save(state(ph), tmp_path / "f.pt")
    before = config.load.calculate_storage_offsets
    config.load.calculate_storage_offsets = calculate
    try:
        found = torch.load(tmp_path / "f.pt", mmap=True)
    finally:
        config.load.calculate_storage_offsets = before
    assert found["base"].tolist() == list(map(float, range(10)))
    assert found["half"].tolist() == [1.0] * 3


def test_we_map_pytorchs_files(tmp_path):
    torch.save(state(torch), tmp_path / "f.pt")
    found = ph.load(tmp_path / "f.pt", mmap=True)
    for name, theirs in state(torch).items():
        assert same(theirs, found[name])


def test_files_without_checksums_or_byte_order(tmp_path):
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(state(torch), tmp_path / "f.pt", _disable_byteorder_record=True)
    finally:
        torch.serialization.set_crc32_options(True)
    assert ph.load(tmp_path / "f.pt")["base"].tolist() == list(map(float, range(10)))


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_other_protocols_of_pytorch(protocol):
    buffer = io.BytesIO()
    torch.save(state(torch), buffer, pickle_protocol=protocol)
    buffer.seek(0)
    assert ph.load(buffer)["part"].tolist() == [2.0, 3.0, 4.0]


def test_a_scripted_module_is_not_a_checkpoint():
    buffer = io.BytesIO()
    with pytest.warns(DeprecationWarning):
        torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), buffer)
    buffer.seek(0)
    with pytest.raises(RuntimeError, match="TorchScript archive"):
        ph.load(buffer)


def test_what_pytorch_refuses_is_refused():
    class Local:
        pass

    Local.__qualname__, Local.__module__ = "Settings", "__main__"
    import __main__

    __main__.Settings = Local
    buffer = io.BytesIO()
    try:
        torch.save(Local(), buffer)
    finally:
        del __main__.Settings
    message = r"GLOBAL __main__\.Settings was not an allowed global by default"
    for lib in (torch, ph):
        buffer.seek(0)
        with pytest.raises(pickle.UnpicklingError, match=message):
            lib.load(buffer)


def test_sparse_and_quantized_tensors_are_named():
    with pytest.raises(pickle.UnpicklingError, match="sparse"):
        from_torch(torch.eye(2).to_sparse())
    with pytest.raises(pickle.UnpicklingError, match="meta tensor"):
        from_torch(torch.ones(2, device="meta"))


def test_all_that_pytorch_allows_is_known():
    """Every name that `torch.load` allows is read here, or refused as having no counterpart; none is unknown."""
    from torch._weights_only_unpickler import _get_allowed_globals

    from powerhouse.serialization._rebuild import _UNSUPPORTED, ALLOWED

    legacy_classes = {
        name for name in _get_allowed_globals() if name.endswith("Tensor") and name.count(".") in (1, 2, 3) and not name.endswith(".Tensor")
    }
    assert set(_get_allowed_globals()) - set(ALLOWED) - set(_UNSUPPORTED) - legacy_classes == set()


def test_a_tensor_subclass():
    add = torch.Tensor._make_subclass
    assert from_torch(add(torch.nn.Parameter, torch.ones(2), True)).requires_grad


def test_safetensors_both_ways(tmp_path):
    st_torch = pytest.importorskip("safetensors.torch")
    ph.serialization.safetensors.save_file({"a": ph.ones(2, dtype=ph.bfloat16), "b": ph.arange(3)}, tmp_path / "f.safetensors")
    found = st_torch.load_file(tmp_path / "f.safetensors")
    assert found["a"].dtype is torch.bfloat16 and found["b"].tolist() == [0, 1, 2]
    st_torch.save_file({"a": torch.full((2,), 1.5, dtype=torch.float8_e5m2)}, tmp_path / "g.safetensors")
    assert ph.load(tmp_path / "g.safetensors")["a"].tolist() == [1.5, 1.5]
