"""The two programs of the PyTorch books run as printed: unchanged under `powerhouse run`, and with only the imports' names changed."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROGRAMS = ["simple_cnn", "quant_transformer"]


def _run(*command: str) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _losses(printed: str) -> list[float]:
    return [float(loss) for loss in re.findall(r"loss: (\S+)", printed)]


@pytest.fixture(scope="module")
def printed() -> dict[str, str]:
    return {program: _run("-m", "powerhouse", "run", str(HERE / f"{program}.py")) for program in PROGRAMS}


def test_simple_cnn_runs_unchanged(printed):
    assert len(_losses(printed["simple_cnn"])) == 6
    assert printed["simple_cnn"].endswith("Finished Training\n")
    assert all(2.2 < loss < 2.5 for loss in _losses(printed["simple_cnn"])), "ten classes at random: about log 10"


def test_quant_transformer_runs_unchanged_and_learns(printed):
    losses = _losses(printed["quant_transformer"])
    assert len(losses) == 4 and losses[-1] < losses[0]
    assert printed["quant_transformer"].endswith("(5, 4, 20)\n")


@pytest.mark.parametrize("program", PROGRAMS)
def test_with_the_import_lines_changed(program, printed, tmp_path):
    text = (HERE / f"{program}.py").read_text()
    text = re.sub(r"^import torch$", "import powerhouse as torch", text, flags=re.MULTILINE)
    text = re.sub(r"^(import|from) torch\b", r"\1 powerhouse", text, flags=re.MULTILINE)
    changed = tmp_path / f"{program}.py"
    changed.write_text(text)
    assert _run(str(changed)) == printed[program]


@pytest.mark.parametrize("program", PROGRAMS)
def test_prints_what_pytorch_prints(program, printed):
    if importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")
    expected = _run(str(HERE / f"{program}.py"))
    assert _losses(printed[program]) == pytest.approx(_losses(expected), abs=2e-4)
    without_numbers = [re.sub(r"loss: \S+", "loss", text) for text in (printed[program], expected)]
    assert without_numbers[0] == without_numbers[1]
