"""Native code: LLVM IR text in, callable machine code out. Kernels are kept by their text, in memory and on disk."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import threading
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from ..codegen.function import FEW_PASSES
from ..codegen.target import Target, named, require, runnable
from ..core import config
from ..core.forking import renew_in_child
from . import disk, image

_SHARE = 2  # kernels that are worth a process
_PATIENCE = 120  # seconds after which a child that compiles is ended
_lock = threading.Lock()
renew_in_child(globals(), _lock=threading.Lock)
_known: dict[str, tuple[int, ...]] = {}  # by name, see `name_of`
_helped: set[Path] = set()  # made by children of this process
_engines: list[Any] = []  # machine code lives as long as the process
built: Callable[[str, float, bool], None] | None = None  # told of kernels that were not in memory: text, seconds, whether from disk
SIGNATURE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


@cache
def _llvm() -> Any:
    """llvmlite's binding, loaded when the first kernel is compiled."""
    import llvmlite.binding

    llvmlite.binding.initialize_native_target()
    llvmlite.binding.initialize_native_asmprinter()
    return llvmlite.binding


class Facts(NamedTuple):
    """What LLVM says of this processor, and of itself."""

    triple: str
    cpu: str
    features: str
    version: str


@cache
def facts() -> Facts:
    """Asked of LLVM; or read from disk, where an earlier process has asked the same LLVM on the same processor."""
    path = _path_of_facts()
    content = disk.read(path) if path is not None else None
    if content is not None:
        return Facts(*json.loads(content))
    llvm = _llvm()
    found = Facts(
        llvm.get_process_triple(), llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(), str(llvm.llvm_version_info)
    )
    if path is not None:
        disk.write(path, json.dumps(found).encode())
    return found


_OF_PROCESSOR = ("vendor_id", "cpu family", "model", "stepping", "flags", "CPU ", "Features")  # lines that say which one it is


def _path_of_facts() -> Path | None:
    """Where the facts are kept; None where the system does not say what processor it has."""
    try:
        with open("/proc/cpuinfo") as file:
            lines = [line for line in file.read().partition("\n\n")[0].splitlines() if line.startswith(_OF_PROCESSOR)]
        origin = find_spec("llvmlite").origin  # type: ignore[union-attr]
        return disk.folder("processors") / f"{disk.name_of(*lines, str(origin), str(os.stat(origin).st_mtime_ns))}.json"  # type: ignore[arg-type]
    except (OSError, AttributeError, TypeError):
        return None


@cache
def host() -> str:
    """The name of the best target that this processor can run."""
    found = runnable(facts().triple, _features())
    if not found:
        raise RuntimeError(f"there are no kernels for {facts().triple}")
    return found[0].name


def _features() -> dict[str, bool]:
    """The processor's features, and whether it has them."""
    return {f[1:]: f[0] == "+" for f in facts().features.split(",") if f}


def target() -> Target:
    """The target that kernels are made for: the flag's, or the host's. Raises ValueError for a name that no target has."""
    return named(config.values["target"] or host())


@cache
def _machine(target: Target) -> Any:
    require(target, facts().triple, _features())
    cpu, features = _identity(target)
    return _llvm().Target.from_default_triple().create_target_machine(cpu=cpu, features=features, opt=3, reloc="pic", codemodel="small")


@cache
def _identity(target: Target) -> tuple[str, str]:
    """The processor and features that LLVM is told: the host's own where the target is what it is best at."""
    if target.name != host():
        return target.cpu, target.features
    return facts().cpu, facts().features + ",-prefer-256-bit"


def addresses(text: str, names: tuple[str, ...] = ("kernel",)) -> tuple[int, ...]:
    """The addresses of functions of a module, compiled at first sight of the text."""
    name = name_of(text)
    found = _known.get(name)
    if found is None:
        with _lock:
            found = _known.get(name) or _build(text, names)
            _known[name] = found
    return found


def kept(name: str) -> int | None:
    """The address of a kernel of which the name is known; None if it is neither in memory nor on disk."""
    found = _known.get(name)
    if found is None:
        with _lock:
            content = disk.read(_path(name))
            found = _known.get(name) or (_placed(content, ("kernel",)) if content is not None else None)
            if found is not None:
                _known[name] = found
    return found[0] if found is not None else None


def function(text: str) -> Any:
    """The `kernel` of a module, as a function of Python's: `(pointers, numbers, begin, end, scratch)`, addresses and integers."""
    return SIGNATURE(addresses(text)[0])


def spin_hint() -> str:
    """The intrinsic that a thread calls while it spins."""
    return "x86.sse2.pause" if facts().triple.startswith("x86_64") else "donothing"


def _build(text: str, names: tuple[str, ...]) -> tuple[int, ...]:
    begin = perf_counter()
    path = _path(name_of(text))
    content = disk.read(path)
    is_kept = content is not None and path not in _helped
    found = _placed(content, names) if content is not None else None
    if found is None:
        is_kept, found = False, _placed(_compiled(text, path), names)
        assert found is not None
    if built is not None:
        built(text, perf_counter() - begin, is_kept)
    return found


def _placed(content: bytes, names: tuple[str, ...]) -> tuple[int, ...] | None:
    """The addresses of functions of machine code, brought into memory; None for an image where the system maps none."""
    if content.startswith(image.MAGIC):
        entries = image.mapped(image.unpacked(content)) if _maps() else None
        return entries and tuple(entries[name] for name in names)
    llvm = _llvm()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), llvm.Target.from_default_triple().create_target_machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(content))
    engine.finalize_object()
    _engines.append(engine)
    return tuple(engine.get_function_address(name) for name in names)


@cache
def _maps() -> bool:
    """Whether images can be used here: else machine code is left to LLVM."""
    return image.mapped(image.Image(b"\xc3", [], [], {"kernel": 0})) is not None


def name_of(text: str) -> str:
    """The name under which a kernel is known: its text's, for the target, its processor and LLVM's version."""
    return _name_of(text, *_identity(target()), facts().version, "4")


_name_of = cache(disk.name_of)  # asked for often


def _path(name: str) -> Path:
    """Where the machine code of a kernel is kept."""
    return disk.folder("kernels") / f"{name}.o"


def _compiled(text: str, path: Path) -> bytes:
    """The image of a kernel, or the object that LLVM makes where there can be none."""
    code = _machine(target()).emit_object(_optimized(text))
    linked = image.linked(code) if _maps() else None
    content = linked.packed() if linked is not None else code
    disk.write(path, content)
    return content


def prepare(texts: Iterable[str]) -> None:
    """Compile what is missing of many kernels, on all processors: forked children leave their share in the folder.

    Threads would not do: llvmlite runs one at a time. What a child could not make is made when it is asked for.
    """
    missing = [text for text in dict.fromkeys(texts) if (name := name_of(text)) not in _known and not _path(name).exists()]
    count = min(processors(), len(missing) // _SHARE)
    if count < 2 or not hasattr(os, "fork") or not disk.can_write(disk.folder("kernels")):
        return
    missing.sort(key=len, reverse=True)
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: the child does nothing but compile
        _machine(target())
        children = [_forked(missing[k::count]) for k in range(1, count)]
        _helped.update(_path(name_of(text)) for k in range(1, count) for text in missing[k::count])
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
            _compiled(text, _path(name_of(text)))
    finally:
        os._exit(0)


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
