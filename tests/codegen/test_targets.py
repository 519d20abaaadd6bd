"""Kernels for other processors than the best: run where this one can, and emitted and checked where it cannot."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import llvmlite.binding as llvm

import powerhouse as torch
from powerhouse.codegen import target as targets
from powerhouse.core import config
from powerhouse.graph import memo
from powerhouse.runtime import native


def _beside(name, path):
    """A module of tests that stands in this folder."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tier = _beside("native_tier", "test_native_tier.py")
golden = _beside("golden_graphs", "golden/graphs.py")

TRIPLE, FEATURES = llvm.get_process_triple(), llvm.get_host_cpu_features()
HERE = [t.name for t in targets.runnable(TRIPLE, FEATURES)]
X86 = {"avx2": True, "fma": True, "f16c": True, "bmi": True, "bmi2": True, "lzcnt": True, "movbe": True, "sse2": True}


@pytest.fixture(autouse=True, scope="module")
def _cache_apart(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POWERHOUSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def on(request):
    """The native tier for a target that this processor can run."""
    name = request.param
    if name not in HERE:
        pytest.skip(f"this processor cannot run {name}")
    with config.override(tier="native", target=name):
        memo.clear()
        yield name
    memo.clear()


# --- the table ------------------------------------------------------------------------------------------------------------------------


def test_table():
    """Names are keys, sizes are powers of two, and each vector holds whole elements."""
    for name, t in targets.TARGETS.items():
        assert t.name == name and t.vector_bytes & (t.vector_bytes - 1) == 0 and t.l1 < t.l2
        assert t.lanes(np.dtype(np.float32)) * 4 == t.vector_bytes
        assert t._replace(vector_bytes=4).lanes(np.dtype(np.float64)) == 1


@pytest.mark.parametrize(
    "triple, features, want",
    [
        (
            "x86_64-unknown-linux-gnu",
            X86 | dict.fromkeys(("avx512f", "avx512vl", "avx512bw", "avx512dq", "avx512cd"), True),
            ["avx512", "avx2", "sse2"],
        ),
        ("x86_64-unknown-linux-gnu", X86 | {"avx512f": True}, ["avx2", "sse2"]),
        ("x86_64-apple-darwin", X86, ["avx2", "sse2"]),
        ("x86_64-unknown-linux-gnu", {"sse2": True, "avx2": False}, ["sse2"]),
        ("aarch64-unknown-linux-gnu", {"neon": True}, ["neon"]),
        ("arm64-apple-darwin", {}, ["neon"]),
        ("riscv64-unknown-linux-gnu", {}, []),
    ],
)
def test_runnable(triple, features, want):
    """What a processor can run follows from its architecture and features, the best first."""
    assert [t.name for t in targets.runnable(triple, features)] == want


def test_unknown_target():
    """The error lists the names."""
    with pytest.raises(ValueError, match=r"POWERHOUSE_TARGET='avx1024': no such target; there are avx512, avx2, sse2, neon"):
        targets.named("avx1024")


def test_impossible_target():
    """The error says what is missing, and what can be had."""
    with pytest.raises(ValueError, match=r"'avx512'.*lacks avx512vl.*can run: avx2, sse2"):
        targets.require(targets.named("avx512"), "x86_64-unknown-linux-gnu", X86 | {"avx512f": True})
    with pytest.raises(ValueError, match=r"'neon'.*it is x86_64-unknown-linux-gnu.*can run: sse2"):
        targets.require(targets.named("neon"), "x86_64-unknown-linux-gnu", {"sse2": True})
    targets.require(targets.named("sse2"), "x86_64-unknown-linux-gnu", X86)


FLAGGED = """
import powerhouse as torch
print(torch.ones(1000).exp().sum().item())
"""


@pytest.mark.parametrize("name", ["avx1024", "neon" if "x86" in TRIPLE else "avx2", "nvptx"])
def test_the_flag_is_checked(name, tmp_path, monkeypatch):
    """A program does not run in another tier, or for another processor, than it was told to."""
    monkeypatch.setenv("POWERHOUSE_TARGET", name)
    monkeypatch.setenv("POWERHOUSE_TIER", "native")
    done = subprocess.run([sys.executable, "-c", FLAGGED], capture_output=True, text=True)
    assert done.returncode and f"POWERHOUSE_TARGET={name!r}" in done.stderr.splitlines()[-1], done.stdout + done.stderr


# --- run ------------------------------------------------------------------------------------------------------------------------------

INITIALS = sorted({op.name[0] for op in tier.SAMPLED})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("initial", INITIALS)
@pytest.mark.parametrize("on", [t for t in ("avx512", "avx2") if t != native.host()], indirect=True)
def test_samples(on, initial):
    """The first sample of every op, forward, on a target other than the best (which `test_native_tier` walks)."""
    for op in tier.SAMPLED:
        if op.name[0] != initial or op.name in tier.SLOW:
            continue
        for sample in islice(op.sampler(tier.draw_from(0)), 1):
            sample = sample._replace(only="forward")
            want, got = (tier.outcome(op, sample, name) for name in ("reference", "native"))
            if isinstance(want, type) or isinstance(got, type):
                assert got is want, op.name
                continue
            for a, b in zip(got, want, strict=True):
                tier.assert_close(a, b, 1e-5, f"{op.name} on {on}")


@pytest.mark.parametrize("name", golden.GRAPHS)
@pytest.mark.parametrize("on", [t for t in ("avx512", "avx2", "sse2") if t != native.host()], indirect=True)
def test_graphs(on, name):
    """The golden graphs, gradients and optimizers among them, have the reference tier's results."""

    def values():
        torch.manual_seed(0)
        found = golden.GRAPHS[name]()
        return [t.detach().double().numpy() for t in (found if isinstance(found, tuple) else (found,))]

    with config.override(tier="reference"), golden.varied():
        want = values()
    with golden.varied():
        got = values()
    for a, b in zip(got, want, strict=True):
        tier.assert_close(a, b, 2e-2 if name == "bfloat16" else 1e-4, f"{name} on {on}")


def test_programs_follow_the_flag(monkeypatch):
    """The same graph again for another target has kernels of that target's."""
    if len(HERE) < 2:
        pytest.skip("this processor can run one target")
    x = torch.tensor(np.linspace(-1, 1, 100, dtype=np.float32))
    with config.override(tier="native"):
        (x * 3).tanh().numpy()
        seen, names = set(native._known), []
        name_of = native.name_of
        monkeypatch.setattr(native, "name_of", lambda text: names.append((native.target().name, name_of(text))) or names[-1][1])
        with config.override(target=HERE[1]):
            np.testing.assert_allclose((x * 3).tanh().numpy(), np.tanh(x.numpy() * 3), rtol=1e-5)
    assert {target for target, name in names if name not in seen} == {HERE[1]}


# --- emitted --------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def machines():
    """LLVM's machines for all targets."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()

    def machine(t):
        return llvm.Target.from_triple(t.triple).create_target_machine(cpu=t.cpu, features=t.features, opt=2)

    return {name: machine(t) for name, t in targets.TARGETS.items()}


def assembly(text, target, machine):
    """The assembly of a kernel's text, which is parsed and verified."""
    module = llvm.parse_assembly(text)
    module.triple, module.data_layout = target.triple, str(machine.target_data)
    module.verify()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(module, builder)
    return machine.emit_assembly(module)


def widest(text):
    """The bytes of the widest vector of floating point in a text."""
    sizes = {"float": 4, "double": 8}
    return max((int(n) * sizes[t] for n, t in re.findall(r"<(\d+) x (float|double)>", text)), default=0)


def test_neon(machines):
    """Every kernel of the golden graphs can be made for AArch64, with its vectors, and without calls of what is not there."""
    t, seen = targets.TARGETS["neon"], set()
    for name in golden.GRAPHS:
        for kernel in golden.kernels(name, "neon"):
            if kernel.text in seen:
                continue
            seen.add(kernel.text)
            label = f"{name}: {kernel.label}"
            assert "llvm.x86" not in kernel.text, label
            assert widest(kernel.text) <= 4 * t.vector_bytes, label  # a tile may be loaded as a few registers at once
            code = assembly(kernel.text, t, machines["neon"])
            assert "kernel:" in code, label
            called = set(re.findall(r"\bbl\s+(\w+)", code))
            assert called <= {"memcpy", "memset", "memmove", *re.findall(r"define[^@]*@(\w+)", kernel.text)}, f"{label}: calls {called}"
    assert len(seen) > 60


FUSED = (
    "add_mul gelu gelu_backward gated where_mask whole_numbers doubles sum_all sum_columns variance softmax softmax_columns "
    "softmax_backward layer_norm layer_norm_backward rms_norm batch_norm batch_norm_backward dropout adam sgd_momentum"
).split()


@pytest.mark.parametrize("lanes", [1, 4])
def test_nvptx(machines, lanes, monkeypatch):
    """The fused kernels can be made for NVIDIA's GPUs, as device functions that call no other."""
    t = targets.TARGETS["nvptx"]._replace(vector_bytes=4 * lanes)
    monkeypatch.setitem(targets.TARGETS, "nvptx", t)
    seen = set()
    for name in FUSED:
        for kernel in golden.kernels(name, "nvptx"):
            if kernel.text in seen:
                continue
            seen.add(kernel.text)
            label = f"{name}: {kernel.label}"
            assert widest(kernel.text) <= 8 * lanes, label
            code = assembly(kernel.text, t, machines["nvptx"])
            assert re.search(r"\.visible \.func kernel\(", code), label
            assert not re.search(r"\.extern \.func", code), label
    assert len(seen) > 15
