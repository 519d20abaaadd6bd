"""The folder of machine code: what is not what this process would have written is ignored and made again, and the folder is bounded."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import powerhouse as torch
from powerhouse.codegen import target as targets
from powerhouse.core import config
from powerhouse.runtime import disk, native

KERNEL = """define void @kernel(ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr %scratch) {
  %p = load ptr, ptr %pointers
  store i64 NUMBER, ptr %p
  ret void
}
"""
HERE = [t.name for t in targets.runnable(native._llvm().get_process_triple(), native._llvm().get_host_cpu_features())]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder, and a process that knows no kernel yet."""
    monkeypatch.setenv("POWERHOUSE_CACHE", str(tmp_path))
    monkeypatch.setattr(native, "_known", {})
    disk._trim.cache_clear()
    yield tmp_path / "kernels"
    disk._trim.cache_clear()


def stored(number):
    """What a kernel writes that writes this number, made or read as if this process had not seen it."""
    native._known.clear()
    out = np.zeros(1, np.int64)
    pointer = np.array([out.ctypes.data], np.uint64)
    native.function(KERNEL.replace("NUMBER", str(number)))(pointer.ctypes.data, 0, 0, 1, 0)
    return int(out[0])


def emitted(monkeypatch):
    """A list that grows with each kernel that LLVM makes, rather than the folder gives."""
    calls = []
    optimize = native._optimize
    monkeypatch.setattr(native, "_optimize", lambda *args: (calls.append(1), optimize(*args)))
    return calls


def test_found_again(folder, monkeypatch):
    """The second process does not compile."""
    calls = emitted(monkeypatch)
    assert stored(1) == stored(1) == 1
    assert len(calls) == 1 and len(list(folder.iterdir())) == 1


def test_a_file_of_another_kernel(folder):
    """A whole file under the wrong name is no file: it would run the wrong kernel."""
    stored(1)
    (one,) = folder.iterdir()
    stored(2)
    (two,) = set(folder.iterdir()) - {one}
    two.write_bytes(one.read_bytes())
    assert stored(2) == 2
    one.write_bytes(b"\0" * one.stat().st_size)
    assert stored(1) == 1


def test_another_target_has_files_of_its_own(folder):
    """The same text for another processor is another file."""
    if len(HERE) < 2:
        pytest.skip("this processor can run one target")
    for n, name in enumerate(HERE, 1):
        with config.override(target=name):
            assert stored(3) == 3
        assert len(list(folder.iterdir())) == n


def test_another_version_of_llvm_has_files_of_its_own(folder, monkeypatch):
    """What another LLVM has made is not used."""
    calls = emitted(monkeypatch)
    stored(4)
    here = native.facts()
    monkeypatch.setattr(native, "facts", lambda: here._replace(version="(99, 0, 0)"))
    assert stored(4) == 4 and len(calls) == 2 and len(list(folder.iterdir())) == 2


def test_another_processor_has_files_of_its_own(folder, monkeypatch):
    """A folder that two machines share: what is made for one's features is not run on the other."""
    calls = emitted(monkeypatch)
    stored(5)
    cpu, features = native._identity(native.target())
    monkeypatch.setattr(native, "_identity", lambda _: (cpu, features + ",-sse4a"))
    assert stored(5) == 5 and len(calls) == 2 and len(list(folder.iterdir())) == 2


def test_what_is_left_of_a_process_that_died(folder):
    """A file that was being written is in nobody's way."""
    folder.mkdir(parents=True)
    (folder / "half.12345.678").write_bytes(b"half")
    assert stored(7) == 7 and stored(7) == 7


WORK = """
import numpy as np, powerhouse as torch
x = torch.tensor(np.linspace(-1, 1, 3000, dtype=np.float32).reshape(30, 100))
print((torch.softmax(x, 0) @ x.T).sum().item(), torch.nn.functional.gelu(x).sum().item())
"""


def test_processes_at_once(folder):
    """Four processes fill the folder and read from it: the same results, and only whole files."""
    environment = {**os.environ, "POWERHOUSE_TIER": "native"}
    running = [subprocess.Popen([sys.executable, "-c", WORK], env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    outputs = {p.communicate(timeout=120)[0] for p in running}
    assert [p.returncode for p in running] == [0] * 4 and len(outputs) == 1 and outputs.pop().strip()
    files = list(folder.iterdir())
    assert files and all(disk.read(f) is not None for f in files)


# --- the bound ------------------------------------------------------------------------------------------------------------------------


def filled(folder, ages):
    """Files of a thousand bytes, last used so many days ago."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, days in ages.items():
        path = folder / name
        path.write_bytes(b"x" * 1000)
        when = path.stat().st_mtime - 86400 * days
        os.utime(path, (when, when))


def test_what_was_used_longest_ago_goes(folder):
    """Down to the bound, once."""
    filled(folder, {"a": 5, "b": 1, "c": 9, "d": 3})
    with config.override(cache_limit=4050):
        stored(8)
        names = {p.name for p in folder.iterdir()}
        assert "c" not in names and "b" in names and sum(p.stat().st_size for p in folder.iterdir()) <= 4050
        filled(folder, {"e": 9, "f": 9})
        stored(9)
        assert {"e", "f"} <= {p.name for p in folder.iterdir()}, "the folder is looked at once in a process"


def test_reading_is_use(folder):
    """A kernel that is read is the last to go."""
    stored(10)
    (path,) = folder.iterdir()
    os.utime(path, (0, 0))
    assert stored(10) == 10
    assert path.stat().st_mtime > 1e9


def test_a_folder_within_the_bound_is_left_alone(folder):
    """Nothing goes without need."""
    filled(folder, {"a": 500})
    stored(11)
    assert (folder / "a").exists()


def test_a_bound_smaller_than_one_kernel(folder):
    """What has just been made may go too; it runs all the same."""
    with config.override(cache_limit=10):
        assert stored(12) == 12
        x = torch.ones(10)
        with config.override(tier="native"):
            assert (x * 2).sum().item() == 20


def texts(count):
    """Kernels that nobody has made yet."""
    return [KERNEL.replace("NUMBER", str(1000 + k)) for k in range(count)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_many_kernels_are_made_on_all_processors(folder, monkeypatch):
    """This process makes its share only, and finds the others'."""
    monkeypatch.setattr(native, "processors", lambda: 3)
    calls = emitted(monkeypatch)
    native.prepare(texts(9))
    assert len(list(folder.iterdir())) == 9 and len(calls) == 3
    assert [stored(1000 + k) for k in range(9)] == list(range(1000, 1009))
    assert len(calls) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_what_a_child_could_not_make_is_made_here(folder, monkeypatch):
    """A text that LLVM refuses ends a child; the rest of its share is made when it is asked for."""
    monkeypatch.setattr(native, "processors", lambda: 2)
    good = texts(5)
    native.prepare([*good, "no module at all" * 100, "nor this" * 100])
    with pytest.raises(RuntimeError):
        native.addresses("no module at all" * 100)
    assert [stored(1000 + k) for k in range(5)] == list(range(1000, 1005))


def test_few_kernels_and_folders_that_cannot_be_written_need_no_children(folder, monkeypatch):
    """Nothing is forked."""
    monkeypatch.setattr(os, "fork", None, raising=False)
    monkeypatch.setattr(native, "processors", lambda: 4)
    native.prepare(texts(2))
    monkeypatch.setattr(disk, "can_write", lambda folder: False)
    native.prepare(texts(9))
    assert not folder.exists()
