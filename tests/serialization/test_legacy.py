"""The format before PyTorch 1.6, from bytes made by hand."""

from __future__ import annotations

import io
import pickle
import struct

import numpy as np
import pytest

import powerhouse as ph
from powerhouse.serialization import _legacy

FOUR = np.arange(4, dtype="<f4").tobytes()
V2 = b"ctorch._utils\n_rebuild_tensor_v2\n"


def storage_id(key=b"7", kind=b"FloatStorage", length=4, view=b"N"):
    """("storage", torch.FloatStorage, "7", "cpu", 4, None), pushed and made a persistent id."""
    text = b"".join(b"X" + struct.pack("<I", len(t)) + t for t in (b"storage",))
    rest = b"".join(b"X" + struct.pack("<I", len(t)) + t for t in (key, b"cpu"))
    return b"(" + text + b"ctorch\n" + kind + b"\n" + rest + b"J" + struct.pack("<i", length) + view + b"tQ"


def tensor(reference, offset=0, size=4):
    return V2 + b"(" + reference + bytes([ord("K"), offset, ord("K"), size]) + b"\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR"


def legacy_file(body, keys=("7",), data=FOUR, length=4, magic=_legacy.MAGIC_NUMBER, version=1001, little=True):
    head = [magic, version, {"protocol_version": version, "little_endian": little, "type_sizes": {"short": 2, "int": 4, "long": 4}}]
    parts = [pickle.dumps(part, 2) for part in head] + [b"\x80\x02" + body + b".", pickle.dumps(list(keys), 2)]
    return b"".join(parts) + b"".join(struct.pack("<q", length) + data for _ in keys)


def load(data, **options):
    return ph.load(io.BytesIO(data), **options)


@pytest.mark.parametrize("safe", [True, False])
def test_a_tensor(safe):
    found = load(legacy_file(tensor(storage_id())), weights_only=safe)
    assert found.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_tensors_of_one_storage_share_it():
    body = b"]" + tensor(storage_id()) + b"a" + tensor(storage_id(), offset=1, size=2) + b"a"
    whole, part = load(legacy_file(body))
    whole[1] = 9.0
    assert part.tolist() == [9.0, 2.0]


def test_a_view_of_a_storage():
    view = b"X\x01\x00\x00\x008K\x01K\x02\x87"  # ("8", offset 1, length 2)
    found = load(legacy_file(tensor(storage_id(view=view), size=2)))
    assert found.tolist() == [1.0, 2.0]
    with pytest.raises(pickle.UnpicklingError, match="reaches beyond"):
        load(legacy_file(tensor(storage_id(view=view.replace(b"K\x02", b"K\x09")), size=2)))


def test_the_other_byte_order():
    found = load(legacy_file(tensor(storage_id()), data=np.arange(4, dtype=">f4").tobytes(), little=False))
    assert found.tolist() == [0.0, 1.0, 2.0, 3.0]


def test_heads_that_are_wrong():
    with pytest.raises(RuntimeError, match="Invalid magic number; corrupt file"):
        load(legacy_file(b"N", magic=1))
    with pytest.raises(RuntimeError, match="Invalid protocol version: 9"):
        load(legacy_file(b"N", version=9))


def test_lengths_that_lie():
    with pytest.raises(EOFError, match="within storage '7'"):
        load(legacy_file(tensor(storage_id()), length=2**60))
    with pytest.raises(EOFError, match="within storage '7'"):
        load(legacy_file(tensor(storage_id()), length=-1))
    with pytest.raises(EOFError, match="before the length"):
        load(legacy_file(tensor(storage_id()))[:-24])
    with pytest.raises(pickle.UnpicklingError, match="out of bounds"):
        load(legacy_file(tensor(storage_id(), size=5)))


def test_storages_that_are_missing_or_unknown():
    with pytest.raises(pickle.UnpicklingError, match="no storage '6'"):
        load(legacy_file(b"]" + tensor(storage_id()) + b"a" + tensor(storage_id(key=b"6")) + b"a"))
    with pytest.raises(pickle.UnpicklingError, match="no tensor refers to it"):
        load(legacy_file(b"N"))
    with pytest.raises(pickle.UnpicklingError, match="GLOBAL torch.BogusStorage"):
        load(legacy_file(tensor(storage_id(kind=b"BogusStorage"))))


def test_globals_are_refused_as_in_the_zip_format():
    with pytest.raises(pickle.UnpicklingError, match="GLOBAL os.system"):
        load(legacy_file(b"cos\nsystem\nX\x04\x00\x00\x00true\x85R", keys=()))


def test_tar_files_are_named():
    data = bytearray(512)
    data[257:262] = b"ustar"
    with pytest.raises(pickle.UnpicklingError, match="tar archive"):
        load(bytes(data))
