"""Flags of oneDNN, which is not used here."""

from __future__ import annotations

from contextlib import AbstractContextManager

from ._flags import set_for_block

enabled = True
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """Whether oneDNN is used."""
    return False


def flags(enabled: bool | None = False, deterministic: bool | None = False, allow_tf32: bool | None = True) -> AbstractContextManager[None]:
    """A block in which the flags are set."""
    return set_for_block(__name__, enabled=enabled, deterministic=deterministic, allow_tf32=allow_tf32)
