"""What code generation knows of a processor: data, from which the generators choose tiles, lanes and blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Target(NamedTuple):
    """A processor: the width of its vectors, how many vector registers it has, the sizes of its caches, and what LLVM is told of it.

    A host can run a target's code if it is of the architecture that the triple begins with and has all features in `needs`.
    """

    name: str
    triple: str
    cpu: str
    features: str
    vector_bytes: int
    registers: int
    l1: int = 32 << 10  # bytes of data cache
    l2: int = 512 << 10
    needs: tuple[str, ...] = ()

    def lanes(self, kind: np.dtype) -> int:
        """Elements in one vector register."""
        return max(1, self.vector_bytes // kind.itemsize)

    @property
    def architecture(self) -> str:
        """The first word of the triple."""
        return self.triple.partition("-")[0]


_AVX2 = ("avx2", "fma", "f16c", "bmi", "bmi2", "lzcnt", "movbe")  # what the processor "haswell" is, beside SSE
_AVX512 = ("avx512f", "avx512vl", "avx512bw", "avx512dq", "avx512cd")

# From the best to the plainest of each architecture.
#
# nvptx is written and checked, not run. The kernels of elementwise groups and reductions are device functions there as they stand: a
# thread that calls one does the units from `begin` to `end`, in order. What the contract of tasks must be on a GPU is different in six
# points: neighbouring threads take neighbouring units, not ranges, so that their loads make whole cache lines; a long row is one block's,
# with its reduction by shuffles in a fixed order (now it is one thread's); loads of vectors must be known to be aligned to the vector
# (now they fall apart into loads of elements, so that vectors of one do as well); `scratch` is shared memory, an address space of its
# own; the barrier between tasks is the end of a launch; and a refusal is stored atomically.
TARGETS = {
    t.name: t
    for t in (
        Target(
            "avx512",
            "x86_64-unknown-linux-gnu",
            "skylake-avx512",
            "+avx512f,+avx512vl,-prefer-256-bit",
            64,
            32,
            l2=1 << 20,
            needs=(*_AVX512, *_AVX2),
        ),
        Target("avx2", "x86_64-unknown-linux-gnu", "haswell", "+avx2,+fma,-avx512f", 32, 16, needs=_AVX2),
        Target("sse2", "x86_64-unknown-linux-gnu", "x86-64", "", 16, 16, needs=("sse2",)),
        Target("neon", "aarch64-unknown-linux-gnu", "", "+neon", 16, 32, l1=64 << 10),
        Target("nvptx", "nvptx64-nvidia-cuda", "sm_80", "+ptx75", 16, 64, l1=128 << 10),
    )
}


def named(name: str) -> Target:
    """The target of this name. Raises ValueError where there is none."""
    if name not in TARGETS:
        raise ValueError(f"POWERHOUSE_TARGET={name!r}: no such target; there are {', '.join(TARGETS)}")
    return TARGETS[name]


def runnable(triple: str, features: Mapping[str, bool]) -> tuple[Target, ...]:
    """The targets whose code a processor can run that has this triple and these features, the best first."""
    architecture = {"arm64": "aarch64"}.get(first := triple.partition("-")[0], first)
    return tuple(t for t in TARGETS.values() if t.architecture == architecture and all(features.get(f) for f in t.needs))


def require(target: Target, triple: str, features: Mapping[str, bool]) -> None:
    """Raise ValueError if a processor with this triple and these features cannot run the target's code."""
    found = runnable(triple, features)
    if target not in found:
        names = ", ".join(t.name for t in found) or "none of the targets"
        missing = [f for f in target.needs if not features.get(f)]
        why = f"it lacks {', '.join(missing)}" if missing and target.architecture == triple.partition("-")[0] else f"it is {triple}"
        raise ValueError(f"POWERHOUSE_TARGET={target.name!r}: this processor cannot run it ({why}); it can run: {names}")
