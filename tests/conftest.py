"""Settings for all tests."""

from __future__ import annotations

import os

import pytest

if os.environ.get("POWERHOUSE_TESTS_NEED_TORCH"):
    import torch  # noqa: F401  the comparisons with PyTorch must run: without it, fail here instead of skipping them


@pytest.fixture(autouse=True)
def planned(request, monkeypatch):
    """Tests of the engine and of code generation plan every program, whatever earlier processes have left on disk."""
    if {"codegen", "engine"} & set(request.path.parts):
        from powerhouse.engine import kept

        monkeypatch.setattr(kept, "read", lambda *_: None)
