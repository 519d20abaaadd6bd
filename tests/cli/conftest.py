"""A tiny folder of images, and the command line in this process and in its own."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import powerhouse as torch
from powerhouse.cli import main


@pytest.fixture
def photos(tmp_path):
    """Sixty images of two classes that a network tells apart at once: bright above, or bright below."""
    image = pytest.importorskip("PIL.Image")
    random = np.random.default_rng(0)
    for number in range(60):
        pixels = random.integers(0, 90, (10 + number % 5, 12, 3), dtype=np.uint8)
        name = "above" if number % 2 else "below"
        half = len(pixels) // 2
        pixels[(slice(half) if name == "above" else slice(half, None))] += 150
        (tmp_path / "photos" / name).mkdir(parents=True, exist_ok=True)
        image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number:02}.png")
    return tmp_path / "photos"


@pytest.fixture
def run(capsys):
    """Call the command line in this process: returns (exit status, stdout, stderr)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse
            status = stop.code
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    threads = torch.get_num_threads()
    yield call
    torch.set_num_threads(threads)


@pytest.fixture
def start(tmp_path):
    """Start the command line as a process of its own, in an empty folder."""
    started = []

    def call(*arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "powerhouse", *map(str, arguments)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        started.append(process)
        return process

    yield call
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
