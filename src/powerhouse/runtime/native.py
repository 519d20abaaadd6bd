"""Native code: LLVM IR text in, callable machine code out. Kernels are kept by their text, in memory and on disk."""

from __future__ import annotations

import ctypes
import hashlib
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

from ..codegen.function import FEW_PASSES
from ..codegen.target import Target, named, require, runnable
from ..core import config
from ..core.forking import renew_in_child

_DIGEST = 20  # bytes
_SHARE = 2  # kernels that are worth a process
_PATIENCE = 120  # seconds after which a child that compiles is ended
_lock = threading.Lock()
renew_in_child(globals(), _lock=threading.Lock)
_known: dict[tuple[str, str], tuple[int, ...]] = {}
_helped: set[Path] = set()  # made by children of this process
_engines: list[Any] = []  # machine code lives as long as the process
built: Callable[[str, float, bool], None] | None = None  # told of kernels that were not in memory: text, seconds, whether from disk
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
    found = runnable(llvm.get_process_triple(), llvm.get_host_cpu_features())
    if not found:
        raise RuntimeError(f"there are no kernels for {llvm.get_process_triple()}")
    return found[0].name


def target() -> Target:
    """The target that kernels are made for: the flag's, or the host's. Raises ValueError for a name that no target has."""
    return named(config.values["target"] or host())


@cache
def _machine(target: Target) -> Any:
    llvm = _llvm()
    require(target, llvm.get_process_triple(), llvm.get_host_cpu_features())
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
    begin = perf_counter()
    llvm, path = _llvm(), _path(text)
    code = _read(path)
    is_kept = code is not None and path not in _helped
    if code is None:
        code = _compiled(text, path)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), llvm.Target.from_default_triple().create_target_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _engines.append(engine)
    if built is not None:
        built(text, perf_counter() - begin, is_kept)
    return tuple(engine.get_function_address(name) for name in names)


def _path(text: str) -> Path:
    """Where the machine code of a kernel is kept."""
    return cache_folder() / f"{_name_of(text, *_identity(target()), str(_llvm().llvm_version_info), '3')}.o"


@cache
def _name_of(*parts: str) -> str:
    """A name for a kernel that is known by its text, its processor and LLVM's version; asked for twice of one that is not in memory."""
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=20).hexdigest()


def _compiled(text: str, path: Path) -> bytes:
    code = _machine(target()).emit_object(_optimized(text))
    _write(path, code)
    return code


def prepare(texts: Iterable[str]) -> None:
    """Compile what is missing of many kernels, on all processors: forked children leave their share in the folder.

    Threads would not do: llvmlite runs one at a time. What a child could not make is made when it is asked for.
    """
    flag = config.values["target"]
    missing = [text for text in dict.fromkeys(texts) if (flag, text) not in _known and not _path(text).exists()]
    count = min(processors(), len(missing) // _SHARE)
    if count < 2 or not hasattr(os, "fork") or not _can_write(cache_folder()):
        return
    missing.sort(key=len, reverse=True)
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: the child does nothing but compile
        _machine(target())
        children = [_forked(missing[k::count]) for k in range(1, count)]
        _helped.update(_path(text) for k in range(1, count) for text in missing[k::count])
    for text in missing[::count]:
        with suppress(RuntimeError):
            addresses(text)
    for child in children:
        with suppress(ChildProcessError):
            os.waitpid(child, 0)


def _forked(texts: list[str]) -> int:
    """The number of a child process that compiles some kernels and ends."""
    child = os.fork()
    if child:
        return child
    try:
        signal.alarm(_PATIENCE)
        for text in texts:
            _compiled(text, _path(text))
    finally:
        os._exit(0)


def _can_write(folder: Path) -> bool:
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return os.access(folder, os.W_OK)


@cache
def processors() -> int:
    """Processors that this process may use: its affinity, and the quota of its control group."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
        if quota != "max":
            count = min(count, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return count


def assembly(text: str) -> str:
    """The machine code of a module, as text."""
    return _machine(target()).emit_assembly(_optimized(text))


def _optimized(text: str) -> Any:
    module = _llvm().parse_assembly(text)
    module.verify()
    _optimize(module, _machine(target()), text.startswith(FEW_PASSES))
    return module


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
    digest, code = data[:_DIGEST], data[_DIGEST:]
    if digest != _digest(path, code):
        return None
    with suppress(OSError):
        os.utime(path)  # used now, see `_trim`: not every file system keeps the times of reading
    return code


def _write(path: Path, code: bytes) -> None:
    """Written aside and renamed, so that another process never reads half a file; a cache that cannot be written is done without."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}")
        aside.write_bytes(_digest(path, code) + code)
        aside.replace(path)
    except OSError:
        return
    _trim(path.parent)


def _digest(path: Path, code: bytes) -> bytes:
    """What a file begins with: of its name too, so that one kernel's file is not taken for another's."""
    return hashlib.blake2b(path.stem.encode() + code, digest_size=_DIGEST).digest()


@cache
def _trim(folder: Path) -> None:
    """Once in a process, after its first write: files used longest ago go, until the rest is within the flag `cache_limit`."""
    with suppress(OSError):  # another process is at it too
        files = sorted((e.stat().st_mtime, e.stat().st_size, e.path) for e in os.scandir(folder))
        excess = sum(size for _, size, _ in files) - config.values["cache_limit"]
        for _, size, path in files:
            if excess <= 0:
                return
            os.unlink(path)
            excess -= size
