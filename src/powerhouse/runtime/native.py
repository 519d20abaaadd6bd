"""Native code: LLVM IR text in, callable machine code out. Kernels are kept by their text, in memory and on disk."""

from __future__ import annotations

import ctypes
import hashlib
import os
import threading
from functools import cache
from pathlib import Path
from typing import Any

from ..codegen.function import FEW_PASSES
from ..codegen.target import TARGETS, Target
from ..core import config

_lock = threading.Lock()
_known: dict[tuple[str, str], tuple[int, ...]] = {}
_engines: list[Any] = []  # machine code lives as long as the process
SIGNATURE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


@cache
def _llvm() -> Any:
    """llvmlite's binding, loaded when the first kernel is."""
    import llvmlite.binding

    llvmlite.binding.initialize_native_target()
    llvmlite.binding.initialize_native_asmprinter()
    return llvmlite.binding


@cache
def host() -> str:
    """The name of the best target that this processor can run."""
    llvm = _llvm()
    if not llvm.get_process_triple().startswith("x86_64"):
        return "neon"
    features = llvm.get_host_cpu_features()
    return "avx512" if features.get("avx512f") and features.get("avx512vl") else "avx2" if features.get("avx2") else "sse2"


def target() -> Target:
    """The target that kernels are made for: the flag's, or the host's."""
    return TARGETS[config.values["target"] or host()]


@cache
def _machine(target: Target) -> Any:
    llvm = _llvm()
    cpu, features = _identity(target)
    return llvm.Target.from_default_triple().create_target_machine(cpu=cpu, features=features, opt=3)


@cache
def _identity(target: Target) -> tuple[str, str]:
    """The processor and features that LLVM is told: the host's own where the target is what it is best at."""
    llvm = _llvm()
    if target.name != host():
        return target.cpu, target.features
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten() + ",-prefer-256-bit"


def addresses(text: str, names: tuple[str, ...] = ("kernel",)) -> tuple[int, ...]:
    """The addresses of functions of a module, compiled at first sight of the text."""
    key = (config.values["target"], text)
    found = _known.get(key)
    if found is None:
        with _lock:
            found = _known.get(key) or _build(text, names)
            _known[key] = found
    return found


def function(text: str) -> Any:
    """The `kernel` of a module, as a function of Python's: `(pointers, numbers, begin, end, scratch)`, addresses and integers."""
    return SIGNATURE(addresses(text)[0])


def spin_hint() -> str:
    """The intrinsic that a thread calls while it spins."""
    return "x86.sse2.pause" if _llvm().get_process_triple().startswith("x86_64") else "donothing"


def _build(text: str, names: tuple[str, ...]) -> tuple[int, ...]:
    llvm, machine = _llvm(), _machine(target())
    key = hashlib.blake2b("\0".join((text, *_identity(target()), str(llvm.llvm_version_info), "3")).encode(), digest_size=20).hexdigest()
    path = cache_folder() / f"{key}.o"
    code = _read(path)
    if code is None:
        module = llvm.parse_assembly(text)
        module.verify()
        _optimize(module, machine, text.startswith(FEW_PASSES))
        code = machine.emit_object(module)
        _write(path, code)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), llvm.Target.from_default_triple().create_target_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _engines.append(engine)
    return tuple(engine.get_function_address(name) for name in names)


def _optimize(module: Any, machine: Any, few_passes: bool) -> None:
    llvm = _llvm()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    passes = llvm.create_new_module_pass_manager() if few_passes else builder.getModulePassManager()
    if few_passes:
        passes.add_sroa_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
    passes.run(module, builder)


def cache_folder() -> Path:
    """Where machine code is kept between processes."""
    base = os.environ.get("POWERHOUSE_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "powerhouse"
    )
    return Path(base) / "kernels"


def _read(path: Path) -> bytes | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, code = data[:20], data[20:]
    return code if hashlib.blake2b(code, digest_size=20).digest() == digest else None


def _write(path: Path, code: bytes) -> None:
    """Written aside and renamed, so that another process never reads half a file; a cache that cannot be written is done without."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
        aside.write_bytes(hashlib.blake2b(code, digest_size=20).digest() + code)
        aside.replace(path)
    except OSError:
        pass
