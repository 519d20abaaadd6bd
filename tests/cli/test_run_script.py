"""`powerhouse run SCRIPT`: unchanged PyTorch scripts, with `import torch` resolved to Powerhouse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from powerhouse.recipes import digits
from powerhouse.torch import install

SCRIPT = """
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
from torch.utils.data import DataLoader
import powerhouse, powerhouse.nn.functional
from helper import double

assert torch is powerhouse and nn is powerhouse.nn and F is powerhouse.nn.functional
assert sys.modules["torch.utils.data"] is sys.modules["powerhouse.utils.data"]
assert nn.__name__ == "powerhouse.nn" and nn.__spec__.name == "powerhouse.nn"
assert __name__ == "__main__"
try:
    import torch.no_such_module
except ModuleNotFoundError as error:
    print(error)
print(sys.argv, double(torch.ones(2)).tolist())
"""


def test_runs_unchanged_with_its_arguments(start, tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "script.py").write_text(SCRIPT)
    (folder / "helper.py").write_text("def double(x):\n    return 2 * x\n")
    for command in ("run", "train"):
        printed, errors = start(command, "project/script.py", "--steps", "3").communicate(timeout=30)
        assert errors == ""
        assert printed == "No module named 'torch.no_such_module'\n['project/script.py', '--steps', '3'] [2.0, 2.0]\n"


def test_errors_of_the_script_show_its_own_lines_only(start, tmp_path):
    (tmp_path / "script.py").write_text("import torch\n\ndef f():\n    return 1 / 0\n\nf()\n")
    process = start("run", "script.py")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors.startswith('Traceback (most recent call last):\n  File "script.py", line 6, in <module>')
    assert errors.endswith("ZeroDivisionError: division by zero\n")


def test_exit_status_of_the_script(start, tmp_path):
    (tmp_path / "script.py").write_text("raise SystemExit(7)\n")
    assert start("run", "script.py").wait(timeout=30) == 7


def test_install_and_uninstall():
    """In a process of its own, since other tests may have imported PyTorch."""
    code = """
import sys, powerhouse
from powerhouse.torch import install, uninstall
install()
import torch
assert torch is powerhouse
uninstall()
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_install_refuses_when_pytorch_is_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", type(sys)("torch"))
    with pytest.raises(RuntimeError, match="imported already"):
        install()


def test_a_copy_of_the_shipped_recipe_runs_by_itself(tmp_path, photos):
    (tmp_path / "mine.py").write_bytes(Path(digits.__file__).read_bytes())
    command = [sys.executable, "mine.py", "--data", str(photos), "--size", "8", "--epochs", "1", "--quiet"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "" and done.stdout.startswith("held-out accuracy")
    failed = subprocess.run([*command, "--epochs", "none"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert failed.returncode == 2 and failed.stderr.startswith("mine.py: error: argument --epochs: 'none' is not a whole number")
