"""`powerhouse explain SCRIPT`: what it prints, draws and leaves alone."""

from __future__ import annotations

import signal
import time
from xml.etree import ElementTree

import pytest

pytest.importorskip("llvmlite")

SCRIPT = """import sys
import torch

weight = torch.nn.Parameter(torch.ones(200, 100))
optimizer = torch.optim.SGD([weight], lr=0.1)
for n in (50, 50, 50, 40):
    x = torch.randn(n, 200)
    y = x @ weight
    loss = y.square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"{loss.item():.1f}")
print(sys.argv[1:])
"""
PEAKS = "--bandwidth", "20", "--peak", "200"


@pytest.fixture
def explain(start, tmp_path):
    """Explain a script in a process of its own: returns (exit status, stdout, stderr)."""

    def call(text: str, *options: str, after: tuple[str, ...] = ()) -> tuple[int, str, str]:
        (tmp_path / "script.py").write_text(text)
        process = start("explain", *options, "script.py", *after)
        out, errors = process.communicate(timeout=60)
        return process.returncode, out, errors

    return call


def test_programs_kernels_and_lines(explain, tmp_path):
    status, out, errors = explain(SCRIPT, *PEAKS, "--html", "out.html", "--svg", "out.svg", after=("--steps", "3"))
    assert (status, errors) == (0, "")
    assert "\n['--steps', '3']\n" in out  # what follows the script is the script's
    assert "the roofline: 20.0 GB/s of memory, 200 GFLOP/s in float32" in out
    assert "is read where it was float32[50, 200]" in out and "(script.py:8)" in out
    rows = [line.split() for line in out.splitlines() if "batched_matmul" in line]
    assert {tuple(row[-7:-5]) for row in rows if "backward" in row} and any("script.py:8" in row for row in rows)
    assert "backward of script.py:8" in out and "x = " not in out and "y = x @ weight" in out
    picture = ElementTree.parse(tmp_path / "out.svg").getroot()
    boxes = picture.findall(".//{*}rect")
    assert len(boxes) >= 3 and len(picture.findall(".//{*}path[@marker-end]")) >= 2
    assert any("float32[50, 100]" in (text.text or "") for text in picture.iter("{http://www.w3.org/2000/svg}text"))
    page = (tmp_path / "out.html").read_text()
    assert page.startswith("<!DOCTYPE html>") and page.count("<svg") == page.count("</svg>") >= 2
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "") and "<script" not in page


def test_a_table_of_kernels_adds_up(explain):
    """Shares of a program's kernels make the whole; FLOPs are those of the product."""
    _, out, _ = explain("import torch\nx = torch.ones(64, 32)\nfor _ in range(3): (x @ x.t()).relu().sum().item()\n", *PEAKS)
    rows = [line for line in out.splitlines() if "script.py" in line and line.split()[0].isdigit()]
    shares = [float(word.rstrip("%")) for row in rows for word in row.split() if word.endswith("%") and "." in word]
    programs = sum(line.startswith("program ") and ":" in line for line in out.splitlines())
    assert len(shares) == len(rows) and sum(shares) == pytest.approx(100 * programs, abs=0.5)
    assert any("batched_matmul" in row and any(f"{count} k" in row for count in (262, 266, 270)) for row in rows), rows


def test_the_peaks_are_measured(explain):
    _, out, _ = explain("import torch\n(torch.ones(500, 500) @ torch.ones(500, 500)).sum().item()\n")
    line = next(line for line in out.splitlines() if line.startswith("the roofline: "))
    bandwidth, flops = (float(word) for word in line.split() if word.replace(".", "").isdigit())
    assert 0.5 < bandwidth < 2000 and 1 < flops < 100_000


def test_stops_after_so_many_runs(explain):
    text = "import torch\nwhile True: torch.ones(300, 300).exp().sum().item()\n"
    status, out, errors = explain(text, *PEAKS, "--steps", "5")
    assert (status, errors) == (0, "")
    assert "in 5 runs of 1 program," in out


def test_reports_after_an_error_of_the_script(explain):
    status, out, errors = explain("import torch\ntorch.ones(900).exp().sum().item()\nraise SystemExit('enough')\n", *PEAKS)
    assert status == 1 and errors == "enough\n" and "1 program" in out
    status, out, errors = explain("import torch\ntorch.ones(900).exp().sum().item()\n1 / 0\n", *PEAKS)
    assert status == 1 and errors.endswith("ZeroDivisionError: division by zero\n") and "1 program" in out


def test_reports_after_an_interrupt(start, tmp_path):
    (tmp_path / "script.py").write_text(
        "import torch, pathlib, time\ntorch.ones(900).exp().sum().item()\npathlib.Path('begun').touch()\nwhile True: time.sleep(0.01)\n"
    )
    process = start("explain", *PEAKS, "script.py")
    for _ in range(600):
        if (tmp_path / "begun").exists():
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and errors == "powerhouse explain: interrupted\n" and "in 1 run of 1 program," in out


def test_a_script_that_computes_nothing(explain):
    assert explain("print('hello')\n") == (0, "hello\n", "powerhouse explain: the script ran nothing in Powerhouse\n")


def test_mistakes_on_the_command_line(run):
    assert run("explain", "nothing.py")[::2] == (2, "powerhouse explain: error: no such script: nothing.py\n")
    status, _, errors = run("explain", "--svg", "no/such/folder.svg", "nothing.py")
    assert status == 2 and "there is no folder no/such" in errors
    assert run("explain")[0] == 2
    status, out, _ = run("explain", "--help")
    assert status == 0 and "--html FILE" in out and "SCRIPT.py" in out
    assert "explain" in run("--help")[1]
