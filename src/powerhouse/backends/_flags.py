"""Setting flags for the length of a block."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def set_for_block(module: str, **values: Any) -> Iterator[None]:
    """Set attributes of a module; those given as None are left alone."""
    target = sys.modules[module]
    saved = {name: getattr(target, name) for name, value in values.items() if value is not None}
    try:
        for name in saved:
            setattr(target, name, values[name])
        yield
    finally:
        for name, value in saved.items():
            setattr(target, name, value)
