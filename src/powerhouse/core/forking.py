"""What a forked child starts with anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def renew_in_child(namespace: dict[str, Any], **makers: Callable[[], Any]) -> None:
    """In a forked child, make these names of a module anew: the thread that holds a lock may not be there to release it."""

    def renew() -> None:
        namespace.update({name: make() for name, make in makers.items()})

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=renew)


__all__ = ["renew_in_child"]
