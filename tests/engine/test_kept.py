"""Programs on disk: a second process plans nothing and gives the same; what is not whole, or another's, is not used."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import powerhouse as torch
from powerhouse.core import config
from powerhouse.engine import assembly, kept, native
from powerhouse.graph import memo
from powerhouse.graph.op import REGISTRY, Primitive, leaf
from powerhouse.graph.symbol import Symbol, Type, make
from powerhouse.runtime import image
from powerhouse.runtime import native as machine

F, nn = torch.nn.functional, torch.nn


@pytest.fixture
def planned():
    """Instead of the fixture for all tests of the engine: here programs are read."""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty folder, the native tier, and a process that knows nothing yet."""
    monkeypatch.setenv("POWERHOUSE_CACHE", str(tmp_path))
    forget()
    with config.override(tier="native"):
        yield tmp_path / "programs"
    forget()


@pytest.fixture
def plans(monkeypatch):
    """A list that grows with every program that is planned."""
    found, recipe = [], assembly.Assembly.recipe
    monkeypatch.setattr(assembly.Assembly, "recipe", lambda self: found.append(self) or recipe(self))
    return found


def forget():
    """As if this process had just begun."""
    memo.clear()
    machine._known.clear()


def train(steps=4):
    """The losses and the last weights of a small net: programs with donated leaves, numbers, reductions and products."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 10))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
    x, y = torch.randn(8, 1, 8, 8), torch.randint(0, 10, (8,))
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, [p.detach().numpy().copy() for p in net.parameters()]


def infer():
    """A net whose weights are packed at the third run, from which on a second program runs."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(200, 150), nn.GELU(), nn.Linear(150, 30))
    x = torch.randn(20, 200)
    with torch.no_grad():
        return [net(x).numpy().copy() for _ in range(5)]


def calls():
    """A program with calls of the reference tier between kernels, which read leaves, results and pieces of the arena."""
    x = torch.arange(400, dtype=torch.float32).reshape(20, 20) / 100
    order = torch.sort(torch.sin(x * 3), 1)
    y = (order.values.exp() + order.indices).cumsum(0)
    return [y.numpy(), torch.linalg.inv(x @ x.T / 100 + torch.eye(20)).tanh().numpy()]


@pytest.mark.parametrize("work", [train, infer, calls])
def test_the_second_process_plans_nothing(work, plans, folder):
    """And has the same bits."""
    first = work()
    assert plans and any(folder.iterdir())
    plans.clear()
    forget()
    second = work()
    assert not plans
    for a, b in zip(flat(first), flat(second), strict=True):
        np.testing.assert_array_equal(a, b)


def flat(x):
    """The arrays in lists of lists."""
    return [a for i in x for a in flat(i)] if isinstance(x, (list, tuple)) else [x]


DAMAGES = {"empty": lambda b: b"", "short": lambda b: b[:50], "bit": lambda b: b[:90] + bytes([b[90] ^ 1]) + b[91:]}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_files_are_made_again(damage, plans, folder):
    first = train(2)
    for path in folder.iterdir():
        path.write_bytes(damage(path.read_bytes()))
    plans.clear()
    forget()
    second = train(2)
    assert plans and first[0] == second[0]
    plans.clear()
    forget()
    train(2)
    assert not plans, "they were replaced"


@pytest.mark.parametrize("content", [b"no pickle", pickle.dumps(("another", "thing"))])
def test_a_whole_file_with_something_else(content, plans, folder):
    """It is ignored."""
    train(1)
    for path in folder.iterdir():
        kept.disk.write(path, content)
    plans.clear()
    forget()
    train(1)
    assert plans


def test_missing_kernels(plans, folder):
    """Kernels that are gone from the disk are made again, with the program."""
    train(2)
    for path in (folder.parent / "kernels").iterdir():
        path.unlink()
    plans.clear()
    forget()
    train(2)
    assert plans


@pytest.mark.parametrize("files", [["another.py"], []], ids=["changed", "in no files"])
def test_another_source_has_programs_of_its_own(files, plans, monkeypatch, tmp_path):
    """Whoever changes the package does not run what was planned before."""
    source = tmp_path / "source"
    source.mkdir()
    for name in files:
        (source / name).write_text("changed")
    train(1)
    plans.clear()
    forget()
    kept._source.cache_clear()
    monkeypatch.setattr(kept, "_PACKAGE", source)
    try:
        train(1)
    finally:
        kept._source.cache_clear()
    assert plans


def test_what_a_program_says_of_itself_is_planned_again(plans):
    """The plan of a program that was read."""

    def program():
        x = make(leaf, (), (0, Type((30, 40), torch.float32)))
        return native.known_program((REGISTRY["softmax"](x, 1),))

    first = program()
    forget()
    plans.clear()
    second = program()
    assert not plans and first is not second
    assert [n.label for n in second.plan.nodes] == [n.label for n in first.plan.nodes] and len(plans) == 1


def test_the_tier_does_not_depend_on_what_is_on_disk(folder):
    """A cheap program that another process has compiled, for a flag or because it ran often, is left to NumPy all the same."""

    def cheap():
        with torch.no_grad():
            x = make(leaf, (), (0, Type((5,), torch.float32)))
            return native.known_program((REGISTRY["exp"](x),))

    assert isinstance(cheap(), native.Program) and any(folder.iterdir())
    with config.override(tier="auto"):
        x = make(leaf, (), (0, Type((5,), torch.float32)))
        assert isinstance(native.known_program((REGISTRY["exp"](x),), is_often_run=True), native.Program)
        assert not isinstance(cheap(), native.Program)


# --- names ---------------------------------------------------------------------------------------------------------------------------


def test_names_tell_programs_apart():
    """By ops, operands, attributes, dtypes, what is asked for and in which order."""
    x, y = (make(leaf, (), (k, Type((6, 7), torch.float32))) for k in range(2))
    z = make(leaf, (), (0, Type((6, 7), torch.float64)))
    add, softmax, exp = REGISTRY["add"], REGISTRY["softmax"], REGISTRY["exp"]
    programs = [(exp(x),), (exp(y),), (exp(z),), (softmax(x, 0),), (softmax(x, 1),), (add(x, y),), (add(y, x),)]
    programs += [(exp(x), exp(y)), (exp(y), exp(x)), (exp(exp(x)),), (exp(x), exp(x))]
    texts = {kept.described(p, frozenset()) for p in programs} | {kept.described((exp(x),), frozenset({x}))}
    assert len(texts) == len(programs) + 1


def test_names_are_the_same_in_another_process(tmp_path):
    code = """
import powerhouse as torch
from powerhouse.engine import kept
from powerhouse.graph.op import REGISTRY, leaf
from powerhouse.graph.symbol import Symbol, Type, make
x = make(leaf, (), (0, Type((6, 7), torch.bfloat16)))
print(kept._name((REGISTRY["softmax"](REGISTRY["gelu"](x), 1),), frozenset(), ("auto", 5)))
"""
    found = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(2)}
    assert len(found) == 1 and len(found.pop().strip()) == 40


def test_ops_from_elsewhere_are_not_kept(folder):
    """What a user's op computes is not known by its name."""

    def thrice_of_kept_test(input: Symbol):
        return input.type

    op = Primitive(thrice_of_kept_test, names=()).reference(lambda x: x * 3)
    try:
        x = make(leaf, (), (0, Type((500,), torch.float32)))
        program = native.known_program((REGISTRY["exp"](op(x)),))
        np.testing.assert_allclose(program.run([np.ones(500, np.float32)])[0], np.exp(np.float32(3)) * np.ones(500), rtol=1e-6)
        assert not folder.exists() or not list(folder.iterdir())
    finally:
        del REGISTRY["thrice_of_kept_test"]


# --- images --------------------------------------------------------------------------------------------------------------------------

CONSTANTS = """
@table = private constant [4 x double] [double 1.5, double 2.5, double 3.5, double 4.5]
@places = private constant [2 x ptr] [ptr @first, ptr @second]
declare double @fmod(double, double)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
define internal double @first(double %x) noinline {
  %y = call double @fmod(double %x, double 2.0)
  ret double %y
}
define internal double @second(double %x) noinline {
  %y = fadd double %x, 10.0
  ret double %y
}
define void @kernel(ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr %scratch) {
  %to = load ptr, ptr %pointers
  call void @llvm.memset.p0.i64(ptr %to, i8 0, i64 %end, i1 false)
  %cell = getelementptr double, ptr @table, i64 %begin
  %x = load double, ptr %cell
  %which = and i64 %begin, 1
  %place = getelementptr ptr, ptr @places, i64 %which
  %f = load ptr, ptr %place
  %y = call double %f(double %x)
  store double %y, ptr %to
  ret void
}
"""


def values(make_function):
    """What the module above computes for each index, and whether it cleared what lies behind."""
    found = []
    for k in range(4):
        out = np.ones(4)
        pointer = np.array([out.ctypes.data], np.uint64)
        make_function()(pointer.ctypes.data, 0, k, 32, 0)
        assert not out[1:].any()
        found.append(out[0])
    return found


@pytest.mark.skipif(not machine.facts().triple.startswith("x86_64") or not machine._maps(), reason="images are for x86-64")
def test_images_refer_to_tables_functions_and_the_library():
    """Constants, addresses in constants, calls within and of the C library: as LLVM's own loader has them."""
    machine.addresses(CONSTANTS)
    (path,) = (kept.disk.folder("kernels")).iterdir()
    content = kept.disk.read(path)
    assert content.startswith(image.MAGIC)
    found = image.unpacked(content)
    assert found.absolute and {name for _, name in found.outside} >= {"fmod", "memset"}
    assert values(lambda: machine.function(CONSTANTS)) == [1.5, 12.5, 1.5, 14.5]


def test_without_images_llvm_loads(monkeypatch):
    """Where the system maps none, objects are kept."""
    monkeypatch.setattr(machine, "_maps", lambda: False)
    assert values(lambda: machine.function(CONSTANTS)) == [1.5, 12.5, 1.5, 14.5]
    (path,) = (kept.disk.folder("kernels")).iterdir()
    assert not kept.disk.read(path).startswith(image.MAGIC)
    forget()
    assert values(lambda: machine.function(CONSTANTS)) == [1.5, 12.5, 1.5, 14.5]


def test_images_are_not_used_where_none_can_be_mapped(monkeypatch):
    """One that was kept is made again as an object."""
    machine.addresses(CONSTANTS)
    forget()
    monkeypatch.setattr(machine, "_maps", lambda: False)
    assert values(lambda: machine.function(CONSTANTS)) == [1.5, 12.5, 1.5, 14.5]


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"\x7fELF\2\1" + bytes(100), b"MZ" + bytes(200)])
def test_what_is_no_object_has_no_image(data):
    assert image.linked(data) is None


def test_a_warm_process_does_without_llvm(tmp_path):
    """It is not even loaded."""
    code = """
import sys, powerhouse as torch
x = torch.linspace(0, 1, 3000).reshape(30, 100)
print((torch.softmax(x, 0) @ x.T).sum().item(), "llvmlite.binding" in sys.modules)
"""
    environment = {**os.environ, "POWERHOUSE_CACHE": str(tmp_path), "POWERHOUSE_TIER": "native"}
    outputs = [
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout for _ in range(2)
    ]
    assert outputs[0].split()[0] == outputs[1].split()[0] and outputs[0].split()[1] == "True"
    if machine._maps() and machine.facts().triple.startswith("x86_64") and sys.platform == "linux":
        assert outputs[1].split()[1] == "False"
