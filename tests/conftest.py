"""Settings for all tests."""

from __future__ import annotations

import os

if os.environ.get("POWERHOUSE_TESTS_NEED_TORCH"):
    import torch  # noqa: F401  the comparisons with PyTorch must run: without it, fail here instead of skipping them
