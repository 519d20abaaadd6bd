"""`save` and `load`: round trips, sharing, devices, mapped files, safe globals, atomic writes; no PyTorch needed."""

from __future__ import annotations

import io
import os
import pickle
import stat
import threading
from collections import OrderedDict

import numpy as np
import pytest

import powerhouse as ph
from powerhouse.core import dtypes
from powerhouse.serialization import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    get_unsafe_globals_in_checkpoint,
    safe_globals,
)


def round_trip(thing, **options):
    buffer = io.BytesIO()
    ph.save(thing, buffer)
    buffer.seek(0)
    return ph.load(buffer, **options)


def same(a, b):
    return a.dtype is b.dtype and a.shape == b.shape and a._array().tobytes() == b._array().tobytes()


class Settings:
    def __init__(self, depth=0):
        self.depth = depth


# --- what comes back


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=lambda d: d.name)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)], ids=str)
def test_every_dtype_and_shape(dtype, shape):
    tensor = ph.from_numpy(np.arange(np.prod(shape, dtype=int)).reshape(shape)).to(dtype)
    assert same(round_trip(tensor), tensor)


@pytest.mark.parametrize("compact", [True, False])
def test_every_format_keeps_values(compact, tmp_path):
    value = {"w": ph.arange(6.0).view(2, 3), "n": [1, 2.5, "x", None, True, b"b", 1j, {3}, (4,)]}
    ph.save(value, tmp_path / "f.pt", _use_new_zipfile_serialization=compact)
    found = ph.load(tmp_path / "f.pt")
    assert same(found["w"], value["w"])
    assert found["n"] == value["n"]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol(protocol):
    buffer = io.BytesIO()
    ph.save({"w": ph.ones(2), "d": ph.float32, "s": ph.Size([2])}, buffer, pickle_protocol=protocol)
    buffer.seek(0)
    assert ph.load(buffer)["d"] is ph.float32


def test_objects_of_the_library():
    found = round_trip({"dtype": ph.bfloat16, "device": ph.device("cpu"), "size": ph.Size([2, 3]), "cuda": ph.device("cuda", 1)})
    assert found == {"dtype": ph.bfloat16, "device": ph.device("cpu"), "size": ph.Size([2, 3]), "cuda": ph.device("cuda", 1)}
    assert type(found["size"]) is ph.Size


def test_state_dict_of_a_module():
    model = ph.nn.Sequential(ph.nn.Linear(3, 4), ph.nn.BatchNorm1d(4))
    state = round_trip(model.state_dict())
    assert type(state) is OrderedDict
    assert state._metadata == model.state_dict()._metadata
    other = ph.nn.Sequential(ph.nn.Linear(3, 4), ph.nn.BatchNorm1d(4))
    other.load_state_dict(state)
    x = ph.ones(2, 3)
    assert same(model.eval()(x).detach(), other.eval()(x).detach())


def test_state_of_an_optimizer():
    model = ph.nn.Linear(2, 2)
    optimizer = ph.optim.Adam(model.parameters(), lr=0.1)
    model(ph.ones(1, 2)).sum().backward()
    optimizer.step()
    state = round_trip(optimizer.state_dict())
    other = ph.optim.Adam(model.parameters())
    other.load_state_dict(state)
    assert other.param_groups[0]["lr"] == 0.1


def test_parameters_and_requires_grad():
    found = round_trip(
        [ph.nn.Parameter(ph.ones(2)), ph.nn.Parameter(ph.ones(2), requires_grad=False), ph.ones(2, requires_grad=True), ph.ones(2)]
    )
    assert [type(t) for t in found] == [ph.nn.Parameter] * 2 + [ph.Tensor] * 2
    assert [t.requires_grad for t in found] == [True, False, True, False]
    assert all(t.is_leaf for t in found)


def test_results_that_are_still_pending_are_saved():
    x = ph.arange(4.0)
    y = x * 2 + 1
    assert round_trip(y).tolist() == [1.0, 3.0, 5.0, 7.0]


def test_attributes_of_a_tensor():
    tensor = ph.ones(2)
    tensor.note = "kept"
    assert round_trip(tensor).note == "kept"
    parameter = ph.nn.Parameter(ph.ones(2))
    parameter.note = "kept too"
    found = round_trip(parameter)
    assert found.note == "kept too" and type(found) is ph.nn.Parameter


class Length(ph.Tensor):
    """A subclass of a user."""


def test_subclasses_of_a_tensor():
    tensor = ph.serialization._bridge.of_class(ph.ones(2), Length)
    tensor.unit = "m"
    with pytest.raises(pickle.UnpicklingError, match="GLOBAL .*Length"):
        round_trip(tensor)
    with safe_globals([Length]):
        found = round_trip(tensor)
    assert type(found) is Length and found.unit == "m" and found.tolist() == [1.0, 1.0]
    assert type(round_trip(tensor, weights_only=False)) is Length


# --- sharing


def test_views_share_their_storage_again():
    base = ph.arange(12.0)
    found = round_trip({"base": base, "part": base[2:5], "grid": base.view(3, 4), "across": base.view(3, 4).t()})
    found["base"][3] = 100.0
    assert found["part"].tolist() == [2.0, 100.0, 4.0]
    assert found["grid"].tolist()[0] == [0.0, 1.0, 2.0, 100.0]
    assert found["across"].stride() == (1, 4)
    assert found["across"].tolist()[3][0] == 100.0


def test_a_storage_is_saved_once():
    base = ph.arange(1000.0)
    buffer = io.BytesIO()
    ph.save([base, base.view(10, 100), base[10:20]], buffer)
    assert 4000 < len(buffer.getvalue()) < 8000


def test_one_tensor_twice_is_one_tensor():
    tensor = ph.ones(2)
    found = round_trip([tensor, tensor])
    assert found[0] is found[1]


def test_tied_parameters_stay_tied():
    weight = ph.nn.Parameter(ph.ones(2, 2))
    found = round_trip({"a": weight, "b": weight.t().detach()})
    with ph.no_grad():
        found["a"].mul_(3.0)
    assert found["b"].tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_equal_tensors_stay_apart():
    a, b = round_trip([ph.zeros(3), ph.zeros(3)])
    a.add_(1.0)
    assert b.tolist() == [0.0, 0.0, 0.0]


def test_strides_are_kept():
    for tensor in (
        ph.arange(6.0).view(2, 3).t(),
        ph.arange(10.0)[::3],
        ph.ones(1).expand(5),
        ph.arange(24.0).view(2, 3, 4).permute(2, 0, 1)[1:, :, ::2],
    ):
        found = round_trip(tensor)
        assert found.tolist() == tensor.tolist()
        assert found.stride() == tensor.stride()


def test_memory_of_a_strided_array():
    numbers = np.arange(12.0).reshape(3, 4)[:, ::2]
    tensor = ph.from_numpy(numbers)
    assert round_trip([tensor, tensor[1]])[1].tolist() == [4.0, 6.0]


def test_one_memory_under_two_dtypes_is_refused():
    base = ph.arange(4.0)
    with pytest.raises(RuntimeError, match="view the same data as different types"):
        round_trip([base, base.view(ph.int32)])


# --- where from, where to


def test_paths_of_all_kinds(tmp_path):
    for path in (tmp_path / "a.pt", str(tmp_path / "b.pt"), tmp_path / "no ending", tmp_path / "ünï.pt"):
        ph.save([1, ph.ones(1)], path)
        assert ph.load(path)[0] == 1


def test_files_that_are_open(tmp_path):
    with open(tmp_path / "f.pt", "wb") as file:
        ph.save(ph.ones(2), file)
    with open(tmp_path / "f.pt", "rb") as file:
        assert ph.load(file).tolist() == [1.0, 1.0]


def test_an_archive_in_the_middle_of_a_file():
    buffer = io.BytesIO()
    buffer.write(b"prefix")
    ph.save(ph.ones(2), buffer)
    buffer.seek(6)
    assert ph.load(buffer).tolist() == [1.0, 1.0]


def test_mapped_files(tmp_path):
    path = tmp_path / "f.pt"
    ph.save({"w": ph.arange(100.0), "v": ph.ones(3, dtype=ph.bfloat16)}, path)
    found = ph.load(path, mmap=True)
    assert found["w"].tolist() == list(map(float, range(100)))
    found["w"][0] = 5.0
    assert found["w"][0].item() == 5.0
    assert ph.load(path)["w"][0].item() == 0.0  # the file is as it was


def test_mapping_needs_a_path_and_the_zip_format(tmp_path):
    buffer = io.BytesIO()
    ph.save(1, buffer)
    buffer.seek(0)
    with pytest.raises(ValueError, match="file path"):
        ph.load(buffer, mmap=True)
    ph.save(1, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(RuntimeError, match="mmap can only be used"):
        ph.load(tmp_path / "old.pt", mmap=True)


@pytest.mark.parametrize(
    "place",
    [
        "cpu",
        b"cpu",
        ph.device("cpu"),
        {"cpu": "cpu"},
        {"cuda:0": "cpu"},
        lambda storage, tag: storage,
        lambda storage, tag: None,
        lambda s, t: s.cpu(),
    ],
)
def test_map_location(place):
    assert round_trip(ph.ones(2), map_location=place).tolist() == [1.0, 1.0]


def test_devices_that_are_not_there_are_named():
    for place in ("cuda", ph.device("cuda", 0), {"cpu": "cuda:1"}, lambda storage, tag: storage.cuda(0)):
        with pytest.raises(RuntimeError, match="deserialize object on a CUDA device but"):
            round_trip(ph.ones(2), map_location=place)
    with pytest.raises(RuntimeError, match=r"don't know how to restore data location .*\(tagged with bogus\)"):
        round_trip(ph.ones(2), map_location="bogus")
    with pytest.raises(TypeError, match="map_location"):
        round_trip(ph.ones(2), map_location=3)
    with pytest.raises(TypeError, match="must return a storage or None"):
        round_trip(ph.ones(2), map_location=lambda storage, tag: 1)


# --- what is allowed


def test_other_classes_are_refused_and_can_be_allowed():
    with pytest.raises(pickle.UnpicklingError, match=r"<BytesIO>.*(?s:.)*GLOBAL .*\.Settings was not an allowed global.*add_safe_globals"):
        round_trip({"s": Settings(3)})
    with safe_globals([Settings]):
        assert round_trip({"s": Settings(3)})["s"].depth == 3
    assert Settings not in get_safe_globals()
    add_safe_globals([Settings])
    try:
        assert round_trip(Settings(4)).depth == 4
    finally:
        clear_safe_globals()


def test_a_safe_global_can_have_the_name_of_its_former_place():
    buffer = io.BytesIO()
    ph.save(Settings(5), buffer)
    data = buffer.getvalue()
    name = f"{Settings.__module__}.Settings"
    with safe_globals([(Settings, name)]):
        assert ph.load(io.BytesIO(data)).depth == 5
    with pytest.raises(TypeError, match="add_safe_globals"):
        add_safe_globals(["text"])


def test_unsafe_globals_are_listed_without_running_them(tmp_path):
    ph.save({"w": ph.ones(1), "s": Settings(1)}, tmp_path / "f.pt")
    assert get_unsafe_globals_in_checkpoint(tmp_path / "f.pt") == [f"{Settings.__module__}.Settings"]
    with safe_globals([Settings]):
        assert get_unsafe_globals_in_checkpoint(tmp_path / "f.pt") == []


@pytest.mark.parametrize("compact", [True, False])
def test_whole_modules(compact, tmp_path):
    model = ph.nn.Sequential(ph.nn.Linear(3, 4), ph.nn.ReLU(), ph.nn.Dropout(0.5))
    ph.save(model, tmp_path / "f.pt", _use_new_zipfile_serialization=compact)
    with pytest.raises(pickle.UnpicklingError, match=r"GLOBAL torch\.nn.*Sequential"):
        ph.load(tmp_path / "f.pt")
    found = ph.load(tmp_path / "f.pt", weights_only=False)
    assert type(found[0]) is ph.nn.Linear
    assert same(found.eval()(ph.ones(1, 3)).detach(), model.eval()(ph.ones(1, 3)).detach())


def test_code_in_a_file_runs_only_when_asked_for(tmp_path):
    trace = tmp_path / "trace"

    class Harmful:
        def __reduce__(self):
            return os.mkdir, (str(trace),)

    ph.save([Harmful()], tmp_path / "f.pt")
    with pytest.raises(pickle.UnpicklingError, match="blocked|not an allowed"):
        ph.load(tmp_path / "f.pt")
    assert not trace.exists()
    ph.load(tmp_path / "f.pt", weights_only=False)
    assert trace.exists()


def test_names_that_have_no_counterpart():
    data = _checkpoint(b"\x80\x02ctorch.nn.modules.bogus\nBogus\n.")
    with pytest.raises(pickle.UnpicklingError, match=r"torch\.nn\.modules\.bogus\.Bogus has no counterpart"):
        ph.load(io.BytesIO(data), weights_only=False)
    data = _checkpoint(b"\x80\x02ctorch._utils\n_rebuild_qtensor\n)R.")
    with pytest.raises(pickle.UnpicklingError, match="a quantized tensor, for which Powerhouse has no counterpart"):
        ph.load(io.BytesIO(data))


# --- claims that are not true


def _checkpoint(data, storages=()):
    from powerhouse.serialization._zipformat import ArchiveWriter

    file = io.BytesIO()
    archive = ArchiveWriter(file, "archive")
    archive.write("data.pkl", data)
    for key, raw in enumerate(storages):
        archive.write(f"data/{key}", raw)
    archive.close()
    return file.getvalue()


def _tensor_pickle(length=4, offset=0, size=(4,), stride=(1,), kind="FloatStorage"):
    from powerhouse.serialization._pickle import _REBUILD_V2, Pickler, TorchName

    class Reference:
        pass

    class ClaimPickler(Pickler):
        def persistent_id(self, thing):
            return ("storage", TorchName("torch", kind), "0", "cpu", length) if isinstance(thing, Reference) else None

        def reducer_override(self, thing):
            return (_REBUILD_V2, (Reference(), offset, size, stride, False, OrderedDict())) if thing is marker else NotImplemented

    marker = object()
    file = io.BytesIO()
    ClaimPickler(file, 2).dump([marker])
    return file.getvalue()


def test_a_tensor_within_its_storage_is_read():
    data = _checkpoint(_tensor_pickle(), [np.arange(4, dtype=np.float32).tobytes()])
    assert ph.load(io.BytesIO(data))[0].tolist() == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ({"size": (5,)}, "out of bounds"),
        ({"size": (2, 2), "stride": (3, 1)}, "out of bounds"),
        ({"offset": 1}, "out of bounds"),
        ({"size": (2**40, 2**40), "stride": (0, 0)}, "out of bounds"),
        ({"offset": -1}, "impossible layout"),
        ({"size": (2, 2)}, "impossible layout"),
        ({"size": (-4,)}, "non-negative"),
        ({"stride": (-1,)}, "non-negative"),
        ({"size": ("4",)}, "non-negative"),
        ({"size": 4}, "tuples"),
        ({"length": 2**60}, "has 16 bytes in the file"),
        ({"length": -4}, "has 16 bytes in the file"),
        ({"kind": "DoubleStorage"}, "has 16 bytes in the file"),
        ({"kind": "float32"}, "unsupported persistent id"),
        ({"kind": "QInt8Storage"}, "no counterpart"),
    ],
)
def test_layouts_that_lie(claim, message):
    data = _checkpoint(_tensor_pickle(**claim), [np.arange(4, dtype=np.float32).tobytes()])
    with pytest.raises(pickle.UnpicklingError, match=message):
        ph.load(io.BytesIO(data))


def test_a_huge_expanded_tensor_takes_no_memory():
    data = _checkpoint(_tensor_pickle(length=1, size=(10**12,), stride=(0,)), [bytes(4)])
    assert ph.load(io.BytesIO(data))[0].shape == (10**12,)


# --- writing


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "f.pt"
    ph.save({"old": 1}, path)
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        ph.save({"new": threading.Lock()}, path)
    assert ph.load(path) == {"old": 1}
    assert os.listdir(tmp_path) == ["f.pt"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "f.pt"
    ph.save({"old": 1}, path)

    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr("powerhouse.serialization._zipformat.ArchiveWriter.close", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ph.save({"new": 2}, path)
    assert ph.load(path) == {"old": 1}
    assert os.listdir(tmp_path) == ["f.pt"]


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_permissions_and_links_are_kept(tmp_path):
    path, link = tmp_path / "f.pt", tmp_path / "link.pt"
    ph.save(1, path)
    path.chmod(0o640)
    link.symlink_to(path)
    ph.save(2, link)
    assert link.is_symlink()
    assert ph.load(path) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_file_has_the_usual_permissions(tmp_path):
    ph.save(1, tmp_path / "ours.pt")
    (tmp_path / "usual").touch()
    assert (tmp_path / "ours.pt").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(RuntimeError, match="Parent directory .* does not exist"):
        ph.save(1, tmp_path / "none" / "f.pt")
    with pytest.raises(RuntimeError, match="cannot be opened"):
        ph.save(1, tmp_path)
    with pytest.raises(AttributeError, match="'write'"):
        ph.save(1, 3)
    with pytest.raises(ValueError, match="pickle_protocol"):
        ph.save(1, tmp_path / "f.pt", pickle_protocol=0)
    assert os.listdir(tmp_path) == []
