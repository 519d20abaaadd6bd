"""What code generation knows of a processor: data, from which the generators choose tiles, lanes and blocks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Target(NamedTuple):
    """A processor: the width of its vectors, how many vector registers it has, the sizes of its caches, and what LLVM is told of it."""

    name: str
    triple: str
    cpu: str
    features: str
    vector_bytes: int
    registers: int
    l1: int = 32 << 10  # bytes of data cache
    l2: int = 512 << 10

    def lanes(self, kind: np.dtype) -> int:
        """Elements in one vector register."""
        return max(1, self.vector_bytes // kind.itemsize)


TARGETS = {
    t.name: t
    for t in (
        Target("avx512", "x86_64-unknown-linux-gnu", "skylake-avx512", "+avx512f,+avx512vl,-prefer-256-bit", 64, 32, l2=1 << 20),
        Target("avx2", "x86_64-unknown-linux-gnu", "haswell", "+avx2,+fma,-avx512f", 32, 16),
        Target("sse2", "x86_64-unknown-linux-gnu", "x86-64", "", 16, 16),
        Target("neon", "aarch64-unknown-linux-gnu", "", "+neon", 16, 32),
    )
}
