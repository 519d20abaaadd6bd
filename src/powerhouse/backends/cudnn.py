"""Flags of cuDNN, which is not used here."""

from __future__ import annotations

from contextlib import AbstractContextManager

from ._flags import set_for_block

enabled = True
deterministic = False
benchmark = False
benchmark_limit: int | None = 10
allow_tf32 = True


def is_available() -> bool:
    """Whether cuDNN can be used."""
    return False


def version() -> int | None:
    """The version of cuDNN; None without it."""
    return None


def is_acceptable(tensor: object) -> bool:
    """Whether cuDNN would take a tensor."""
    return False


def flags(
    enabled: bool | None = False,
    benchmark: bool | None = False,
    benchmark_limit: int | None = 10,
    deterministic: bool | None = False,
    allow_tf32: bool | None = True,
) -> AbstractContextManager[None]:
    """A block in which the flags are set."""
    return set_for_block(
        __name__, enabled=enabled, benchmark=benchmark, benchmark_limit=benchmark_limit, deterministic=deterministic, allow_tf32=allow_tf32
    )
