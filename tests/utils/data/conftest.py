"""A hard time limit for each test of this folder: a loader that hangs must fail, not block."""

from __future__ import annotations

import faulthandler
import signal
from collections.abc import Iterator
from typing import Any

import pytest

_LIMIT_SECONDS = 20


@pytest.fixture(autouse=True)
def time_limit() -> Iterator[None]:
    def give_up(*_: Any) -> None:
        raise TimeoutError(f"the test took more than {_LIMIT_SECONDS} s")

    previous = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(_LIMIT_SECONDS)
    faulthandler.dump_traceback_later(2 * _LIMIT_SECONDS, exit=True)  # in case it hangs where no handler can run
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
