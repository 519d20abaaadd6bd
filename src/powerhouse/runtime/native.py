"""Native code: LLVM IR text in, callable machine code out. Kernels are kept by their text, in memory and on disk."""

from __future__ import annotations

import ctypes
import hashlib
import os
import threading
from functools import cache
from pathlib import Path
from typing import Any

_lock = threading.Lock()
_functions: dict[str, Any] = {}
_engines: list[Any] = []  # machine code lives as long as the process
SIGNATURE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


@cache
def _llvm() -> Any:
    """llvmlite's binding, loaded when the first kernel is."""
    import llvmlite.binding

    llvmlite.binding.initialize_native_target()
    llvmlite.binding.initialize_native_asmprinter()
    return llvmlite.binding


@cache
def _machine() -> Any:
    llvm = _llvm()
    return llvm.Target.from_default_triple().create_target_machine(cpu=_cpu(), features=_features(), opt=3)


@cache
def _cpu() -> str:
    return _llvm().get_host_cpu_name()


@cache
def _features() -> str:
    return _llvm().get_host_cpu_features().flatten() + ",-prefer-256-bit"


def function(text: str, name: str) -> Any:
    """The function `name` of a module: `(pointers, numbers, begin, end)`, compiled at first sight of the text."""
    found = _functions.get(text)
    if found is None:
        with _lock:
            found = _functions.get(text) or _build(text, name)
            _functions[text] = found
    return found


def _build(text: str, name: str) -> Any:
    llvm, machine = _llvm(), _machine()
    key = hashlib.blake2b("\0".join((text, _cpu(), _features(), str(llvm.llvm_version_info), "1")).encode(), digest_size=20).hexdigest()
    path = cache_folder() / f"{key}.o"
    code = _read(path)
    if code is None:
        module = llvm.parse_assembly(text)
        module.verify()
        _optimize(module, machine)
        code = machine.emit_object(module)
        _write(path, code)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), llvm.Target.from_default_triple().create_target_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _engines.append(engine)
    return SIGNATURE(engine.get_function_address(name))


def _optimize(module: Any, machine: Any) -> None:
    llvm = _llvm()
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(module, builder)


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
