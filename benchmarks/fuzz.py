"""Random programs, run in the native tier, in the reference tier and, where it is installed, in PyTorch.

    python benchmarks/fuzz.py [--minutes 10] [--seed 1] [--count N] [--no-torch]

All values that a program (see `random_programs.py`) leaves behind must be the same in both tiers but for rounding, and the same bit for bit
with 1, 2 and 3 threads. A program that fails is shrunk (statements are dropped while it still fails) and printed as a script.

Rounding can be magnified (by a comparison, or a difference of large numbers). So a result that differs is excused if it moves as much when
the result of every op in the reference tier is moved by its last bits.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))  # for those who load this file by its path
from random_programs import Program, environment, program_of

import powerhouse
from powerhouse.core import config
from powerhouse.engine import assembly, kept
from powerhouse.graph import memo
from powerhouse.runtime import memory, reference

try:
    import torch as pytorch
except ImportError:
    pytorch = None

THREADS = (1, 2, 3)
_GUARD = 256  # bytes before and behind each result
_LAST_BITS = {"float64": 4e-16, "float32": 2e-7, "bfloat16": 8e-3}
_LIFE = 300  # programs of one child: machine code lives as long as its process


# --- running them ---------------------------------------------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """What a program leaves behind, by name, and the type of the error of each statement that raised one."""

    values: dict[str, Any]
    errors: dict[int, str]


def seen(t: Any) -> Any:
    """The value of a tensor (or a number, or what stands for a missing gradient)."""
    if t is None or isinstance(t, (np.ndarray, float, int)):
        return t
    t = t.detach()
    return (t.float() if str(t.dtype).endswith("bfloat16") else t).numpy()


def outcome(program: Program, torch: Any = powerhouse, **flags: Any) -> Outcome:
    """Run a program. Statements that fail are passed over; what is looked at later fails likewise."""
    errors: dict[int, str] = {}
    found: dict[str, Any] = {}
    with config.override(**flags), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        env = environment(torch)
        for k, statement in enumerate(program.statements):
            try:
                exec(statement, env)
            except Exception as error:
                errors[k] = f"{type(error).__name__}: {error}"
        live = {name: eval(name, env) for name in program.names if _exists(name, env)}
        for name, t in live.items():
            try:
                found[name] = seen(t)
            except Exception as error:
                found[name] = f"{type(error).__name__}: {error}"
    return Outcome({name: np.array(v) if isinstance(v, np.ndarray) else v for name, v in found.items()}, errors)


def _exists(name: str, env: dict[str, Any]) -> bool:
    base, _, grad = name.partition(".")
    return base in env and (not grad or isinstance(env[base], (powerhouse.Tensor, *([pytorch.Tensor] if pytorch else []))))


def distance(got: Any, want: Any) -> float:
    """How far apart two values are, measured against the largest; infinite where they are not of one kind."""
    if not (isinstance(got, np.ndarray) and isinstance(want, np.ndarray)):
        if got is None and isinstance(want, np.ndarray):  # a gradient that is zero may be missing
            return 0.0 if not want.any() else np.inf
        same = type(got) is type(want) and (not isinstance(got, str) or got.split(":")[0] == want.split(":")[0])
        return 0.0 if same else np.inf
    if got.shape != want.shape or got.dtype != want.dtype:
        return np.inf
    if want.dtype.kind != "f":
        return 0.0 if np.array_equal(got, want) else np.inf
    finite = np.isfinite(want)
    if not np.array_equal(got[~finite], want[~finite], equal_nan=True) or not np.isfinite(got[finite]).all():
        return np.inf
    if not finite.any():
        return 0.0
    scale = max(1.0, float(np.abs(want[finite]).max()))
    return float(np.abs(got[finite].astype(np.float64) - want[finite]).max()) / scale


def jittered(program: Program, seed: int) -> Outcome:
    """A program run in the reference tier with results of ops that are moved by their last bits, equal values alike."""
    plain = reference.kernel

    def moved(a: Any) -> Any:
        size = _LAST_BITS.get(str(getattr(a, "dtype", "")))
        if size is None:
            return a
        wide = np.asarray(a, np.float64)
        return np.where(np.isfinite(wide), wide * (1 + size * np.sin(1e4 * wide + seed)), wide).astype(a.dtype)

    def kernel(s: Any) -> Any:
        run = plain(s)
        return lambda *arrays: moved(run(*arrays))

    memo.clear()
    try:
        with mock.patch.object(reference, "kernel", kernel):
            return outcome(program, tier="reference")
    finally:
        memo.clear()


def difference(program: Program, got: Outcome, want: Outcome) -> str:
    """The first name of which the values are too far apart (or an error that only one has), or nothing."""
    for k in sorted(got.errors.keys() ^ want.errors.keys()):
        return f"statement {program.statements[k]!r}: {got.errors.get(k, 'runs')}, should be: {want.errors.get(k, 'runs')}"
    near = 1e-9 if program.exact else 3e-2 if "bfloat16" in "".join(program.statements) else 2e-4
    moved: list[Outcome] | None = None
    for name in want.values:
        apart = distance(got.values.get(name), want.values[name])
        if apart <= near:
            continue
        if moved is None:  # how far rounding takes it
            moved = [jittered(program, k) for k in (1, 2, 3, 4)]
        if (
            max(distance(m.values.get(name), want.values[name]) for m in moved) * 10 < apart
            or apart == np.inf
            and _differ_in_kind(got, want, name)
        ):
            return f"{name}: off by {apart:.2g} of its size"
    return ""


def _differ_in_kind(got: Outcome, want: Outcome, name: str) -> bool:
    """Whether two values differ in more than numbers."""
    a, b = got.values.get(name), want.values[name]
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype != b.dtype
    return type(a) is not type(b)


def bits(found: Outcome) -> dict[str, Any]:
    """What must be equal bit for bit."""
    return {name: (v.dtype, v.shape, v.tobytes()) if isinstance(v, np.ndarray) else v for name, v in found.values.items()}


@contextmanager
def shared_in_small_pieces() -> Iterator[None]:
    """Programs are shared by the team, and kernels in many chunks, however small they are."""
    saved = assembly._CHUNK, assembly._SHARED, kept.read
    assembly._CHUNK, assembly._SHARED, kept.read = 64, 1, lambda *_: None
    memo.clear()
    try:
        yield
    finally:
        assembly._CHUNK, assembly._SHARED, kept.read = saved
        memo.clear()


@contextmanager
def guarded() -> Iterator[list[Any]]:
    """What kernels write lies between guards, and fresh memory is full of NaNs. Yields the blocks, to be looked at with `is_whole`."""
    blocks: list[Any] = []
    arena = memory.arena

    def empty(shape: tuple[int, ...], dtype: Any) -> Any:
        count = int(np.prod(shape)) * dtype.itemsize
        block = np.full(count + 2 * _GUARD, 0xFF, np.uint8)
        blocks.append(block)
        return block[_GUARD : _GUARD + count].view(dtype).reshape(shape)

    def spoiled(count: int) -> Any:
        found = arena(count)
        found[:] = 0xFF
        return found

    with mock.patch.object(memory, "empty", empty), mock.patch.object(memory, "small", empty), mock.patch.object(memory, "arena", spoiled):
        yield blocks


def is_whole(block: Any) -> bool:
    """Whether nothing was written to a block's guards."""
    return bool((block[:_GUARD] == 0xFF).all() and (block[-_GUARD:] == 0xFF).all())


def fault(program: Program, with_torch: bool = True) -> str:
    """What is wrong with the native tier's results of a program, or nothing."""
    want = outcome(program, tier="reference")
    first: dict[str, Any] = {}
    for threads in THREADS:
        got = outcome(program, tier="native", threads=threads)
        if threads == THREADS[0]:
            first = bits(got)
            if found := difference(program, got, want):
                return f"native against reference: {found}"
        elif bits(got) != first:
            name = next(n for n, v in bits(got).items() if v != first.get(n))
            return f"{name}: other bits with {threads} threads"
    with guarded() as blocks:
        if bits(outcome(program, tier="native", threads=2)) != first:
            return "other bits where fresh memory holds NaNs"
    if not all(map(is_whole, blocks)):
        return "bits outside of a result are written"
    if with_torch and pytorch is not None:
        theirs = outcome(program, pytorch)
        lenient = theirs.errors.keys() - want.errors.keys()  # PyTorch refuses some reads of what has been written to since
        if not lenient and (found := difference(program, want, theirs)):
            return f"reference against PyTorch: {found}"
    return ""


# --- shrinking ------------------------------------------------------------------------------------------------------------------------


def shrunk(program: Program, fails: Callable[[Program], bool]) -> Program:
    """The program with statements and names dropped, as long as it fails."""
    size = len(program.statements) // 2
    while size:
        k = len(program.statements) - size
        while k > -size:
            at = max(k, 0)
            less = program._replace(statements=program.statements[:at] + program.statements[at + size :])
            if less.statements != program.statements and fails(less):
                program = less
            k -= size
        size //= 2
    for name in program.names:
        less = program._replace(names=tuple(n for n in program.names if n != name))
        if fails(less):
            program = less
    return program


def crashes(program: Program) -> bool:
    """Whether a process that runs the program in the native tier dies."""
    text = f"from fuzz import *\nfault(Program(*{tuple(program)!r}), False)"
    with_this = {"cwd": __file__.rpartition("/")[0] or ".", "capture_output": True}
    return subprocess.run([sys.executable, "-c", text], **with_this).returncode < 0  # type: ignore[call-overload]


def report(seed: int, program: Program, what: str, fails: Callable[[Program], bool]) -> None:
    """Print a failing program, shrunk."""
    print(f"\nseed {seed}: {what}", flush=True)
    less = shrunk(program, fails)
    rule = "# " + "-" * 100
    print(f"{rule}\n# {fault(less) if fails is not crashes else what}\n{less.script()}{rule}", flush=True)


def check(seed: int, with_torch: bool = True) -> bool:
    """Whether program `seed` is right; if not, it is reported."""
    program = program_of(seed)
    what = fault(program, with_torch)
    if what:
        kind = what.split(":")[0]
        report(
            seed, program, what, lambda p: fault(p, with_torch).split(":")[0] == kind if " against " in kind else "bits" in fault(p, False)
        )
    return not what


def work(first: int, until: float, count: int, with_torch: bool) -> int:
    """Programs from `first` on, each announced before it runs, until the time is over; how many failed."""
    failed = 0
    with shared_in_small_pieces():
        for seed in range(first, first + min(count, _LIFE)):
            if time.time() > until:
                break
            print(f"at {seed}", flush=True)
            failed += not check(seed, with_torch)
    return failed


def main() -> int:
    """Programs in a child process, so that one that dies is found and the next goes on."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="number of the first program")
    parser.add_argument("--count", type=int, default=1 << 30, help="programs at most")
    parser.add_argument("--no-torch", action="store_true", help="leave PyTorch out")
    parser.add_argument("--child", type=float, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        return min(work(args.seed, args.child, args.count, not args.no_torch), 100)
    until, seed, end, failed = time.time() + 60 * args.minutes, args.seed, args.seed + args.count, 0
    start = seed
    while time.time() < until and seed < end:
        more = ["--no-torch"] if args.no_torch else []
        command = [sys.executable, __file__, "--child", str(until), "--seed", str(seed), "--count", str(end - seed), *more]
        before = seed
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            for line in child.stdout or ():
                if line.startswith("at "):
                    seed = int(line[3:]) + 1
                else:
                    print(line, end="", flush=True)
        if child.returncode < 0:
            program = program_of(seed - 1)
            report(seed - 1, program, f"the process died of signal {-child.returncode}", crashes)
            failed += 1
        else:
            failed += child.returncode
            if seed == before:
                break
    print(f"{seed - start} programs, seeds {start} to {seed - 1}: {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
