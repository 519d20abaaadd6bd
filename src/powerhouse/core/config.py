"""Every flag of Powerhouse: name, type, default and one line of documentation, read from the environment once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Flag:
    """One flag; the environment variable is `POWERHOUSE_` and the name in capitals."""

    name: str
    kind: type
    default: Any
    doc: str


FLAGS = (
    Flag("mode", str, "lazy", "'lazy' records ops and runs segments; 'eager' runs every op as it is called"),
    Flag(
        "tier",
        str,
        "auto",
        "'reference' runs programs op by op in NumPy, 'native' as kernels compiled for this processor; 'auto' compiles a program that "
        "would take the reference tier some time",
    ),
    Flag("target", str, "", "the processor that kernels are made for: avx512, avx2, sse2, neon; empty: the best that this one can run"),
    Flag("threads", int, 0, "threads that native kernels use; 0: one for each processor that the process may run on"),
    Flag(
        "debug",
        int,
        0,
        "on stderr: 1 every realization, with all passes checked; 2 the kernels of new programs; 3 what each pass did; 4 LLVM text; "
        "5 machine code",
    ),
    Flag("cache_limit", int, 512 << 20, "bytes of machine code kept on disk; what was used longest ago goes first"),
    Flag(
        "memory_budget",
        int,
        0,
        "bytes of intermediate results of one program above which some are computed again rather than kept; 0: all are kept",
    ),
    Flag("packed_limit", int, 1 << 30, "bytes of packed weights that one program keeps from run to run while they do not change"),
    Flag("symbol_limit", int, 250_000, "interned symbols and memo entries kept before the tables are emptied at the next realization"),
    Flag("segment_limit", int, 20_000, "results recorded in one segment before it is realized"),
    Flag("held_limit", int, 8 << 30, "bytes of buffers that one segment reads before it is realized"),
    Flag(
        "snapshot_limit", int, 64 << 20, "bytes of memory shared with NumPy up to which a pending use copies it instead of running at once"
    ),
)
_BY_NAME = {f.name: f for f in FLAGS}


def _read(flag: Flag) -> Any:
    text = os.environ.get(f"POWERHOUSE_{flag.name.upper()}")
    if text is None:
        return flag.default
    try:
        return flag.kind(text)
    except ValueError:
        raise ValueError(f"POWERHOUSE_{flag.name.upper()}={text!r}: expected {flag.kind.__name__}; {flag.doc}") from None


values: dict[str, Any] = {f.name: _read(f) for f in FLAGS}
if values["mode"] not in ("lazy", "eager"):
    raise ValueError(f"POWERHOUSE_MODE={values['mode']!r}: expected 'lazy' or 'eager'")


@contextmanager
def override(**flags: Any) -> Iterator[None]:
    """Set flags for the length of a `with` block. Raises KeyError for an unknown flag."""
    saved = {name: values[_BY_NAME[name].name] for name in flags}
    values.update(flags)
    try:
        yield
    finally:
        values.update(saved)
