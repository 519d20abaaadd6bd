"""The main job: train, evaluate, predict, interrupt and resume."""

from __future__ import annotations

import re
import signal

import numpy as np
import pytest

import powerhouse as torch
from powerhouse.recipes import digits
from powerhouse.recipes._common import read_checkpoint

QUICK = ("--size", 8, "--batch-size", 8)  # with the `photos` folder: 48 images to train on, 6 batches an epoch


def _same(a, b) -> bool:
    """Whether two checkpoints hold the same numbers, to the last bit."""
    if isinstance(a, torch.Tensor):
        return np.array_equal(a.numpy(), b.numpy())
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    return a == b


def test_reaches_98_percent_on_held_out_digits(run, tmp_path):
    status, printed, _ = run("train", "digits", "--epochs", 3, "--out", tmp_path)
    assert status == 0
    accuracy, correct, count = re.search(r"held-out accuracy (\S+)% \((\d+) of (\d+) images\)", printed).groups()
    assert float(accuracy) >= 98 and count == "359" and f"{int(correct) / 359:.2%}" == f"{accuracy}%"
    assert re.findall(r"^ +(\d)/3 ", printed, re.MULTILINE) == ["1", "2", "3"]
    assert "true \\ predicted    0   1" in printed and "\x1b" not in printed, "plain text where stdout is no terminal"

    status, printed, _ = run("evaluate", tmp_path / "checkpoint.pt")
    assert status == 0 and f"accuracy {accuracy}% ({correct} of 359 held-out images)" in printed


def test_held_out_images_are_a_fifth_and_never_trained_on():
    train_on, held_out = (set(part.tolist()) for part in digits.split(1797))
    assert len(held_out) == 359 and train_on | held_out == set(range(1797)) and not train_on & held_out
    seen = [index for batch in digits.epoch_batches(digits.split(1797)[0], digits.DEFAULTS, 4) for index in batch.tolist()]
    assert sorted(seen) == sorted(train_on)


def test_own_images_in_folders(run, photos, tmp_path):
    (photos / "above" / "broken.png").write_bytes(b"not an image")
    (photos / "below" / "notes.txt").write_text("neither")
    status, printed, errors = run("train", "digits", "--data", photos, *QUICK, "--epochs", 12, "--out", tmp_path / "out")
    assert status == 0 and "48 images to train on, 12 held out, 8 x 8 pixels, 2 classes" in printed
    assert "skipped 2 unreadable files:" in errors and "broken.png" in errors and "notes.txt" in errors
    assert "held-out accuracy 100.00% (12 of 12 images)" in printed

    checkpoint = tmp_path / "out" / "checkpoint.pt"
    status, printed, _ = run("evaluate", checkpoint, "--data", photos)
    assert status == 0 and "(60 of 60 images below" in printed
    status, printed, errors = run("predict", checkpoint, photos / "above" / "01.png", photos / "below" / "00.png", photos / "nothing.png")
    assert status == 2 and "nothing.png: no such file" in errors, "the readable ones are still classified"
    assert re.findall(r"\.png +(\w+) +\d+\.\d\d%", printed) == ["above", "below"]


def test_predicts_drawn_digits_whatever_their_size_and_colour(run, tmp_path):
    image = pytest.importorskip("PIL.Image")
    assert run("train", "digits", "--epochs", 2, "--quiet", "--out", tmp_path)[0] == 0
    shipped = digits.load_digits()
    paths, truth = [], []
    for index in digits.split(1797)[1].tolist()[:20]:
        ink = image.fromarray(shipped.images[index, 0]).resize((64, 64), image.Resampling.BICUBIC)
        paper = image.new("RGB", (120, 90), (250, 240, 220))
        paper.paste((20, 20, 80), (30, 10), mask=ink)  # dark ink on bright paper, off-centre
        paths.append(tmp_path / f"{index}.png")
        paper.save(paths[-1])
        truth.append(str(shipped.labels[index]))
    _, printed, _ = run("predict", tmp_path / "checkpoint.pt", *paths)
    predicted = re.findall(r"\.png +(\d) +", printed)
    assert sum(map(str.__eq__, predicted, truth)) >= 18


@pytest.mark.parametrize("stop_at", [4, 6, 9], ids=["in-the-first-epoch", "between-epochs", "in-the-second-epoch"])
def test_interrupted_and_resumed_is_the_same_run(run, photos, tmp_path, monkeypatch, stop_at):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert run("train", "digits", "--data", photos, *QUICK, "--epochs", 3, "--out", whole)[0] == 0

    step, calls = digits.train_step, []

    def interrupted_step(*arguments):
        calls.append(1)
        if len(calls) == stop_at:
            signal.raise_signal(signal.SIGINT)  # in the middle of a batch
        return step(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(digits, "train_step", interrupted_step)
        status, _, errors = run("train", "digits", "--data", photos, *QUICK, "--epochs", 3, "--out", parts)
    assert status == 130 and len(calls) == stop_at and f"--resume {parts / 'checkpoint.pt'}" in errors
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, "the handler is put back"
    assert run("evaluate", parts / "checkpoint.pt")[0] == 0, "an interrupted checkpoint is usable"

    torch.manual_seed(123)  # resuming restores the stream of random numbers, whatever happened to it
    assert run("train", "digits", "--resume", parts / "checkpoint.pt")[0] == 0
    assert _same(read_checkpoint(whole / "checkpoint.pt"), read_checkpoint(parts / "checkpoint.pt"))
    assert not list(parts.glob(".*")), "no temporary file is left"


def test_ctrl_c_on_a_real_process(run, start, photos, tmp_path):
    process = start("train", "digits", "--data", photos, *QUICK, "--epochs", 5000, "--out", "out")
    for line in process.stdout:
        if re.match(r" *2/5000", line):
            break
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and "interrupted after epoch" in errors and "Traceback" not in errors

    place = read_checkpoint(tmp_path / "out" / "checkpoint.pt")["place"]
    epochs = place["epoch"] + 1
    assert run("train", "digits", "--resume", tmp_path / "out" / "checkpoint.pt", "--epochs", epochs)[0] == 0
    assert run("train", "digits", "--data", photos, *QUICK, "--epochs", epochs, "--out", tmp_path / "whole")[0] == 0
    whole, resumed = (read_checkpoint(tmp_path / name / "checkpoint.pt") for name in ("whole", "out"))
    assert _same(whole, resumed)


def test_the_same_seed_gives_the_same_run_and_another_seed_another(run, photos, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        assert run("train", "digits", "--data", photos, *QUICK, "--epochs", 1, "--seed", seed, "--out", tmp_path / name)[0] == 0
    a, b, c = (read_checkpoint(tmp_path / name / "checkpoint.pt") for name in "abc")
    assert _same(a, b) and not _same(a["model"], c["model"])


def test_a_failed_save_leaves_the_old_checkpoint(run, photos, tmp_path, monkeypatch):
    options = ("--data", photos, *QUICK, "--epochs", 1, "--out", tmp_path / "out")
    assert run("train", "digits", *options)[0] == 0
    before = (tmp_path / "out" / "checkpoint.pt").read_bytes()

    def full_disk(state, file):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    status, _, errors = run("train", "digits", *options, "--seed", 1)
    assert status == 2 and errors == "powerhouse train digits: error: No space left on device\n"
    assert (tmp_path / "out" / "checkpoint.pt").read_bytes() == before
    assert not list((tmp_path / "out").glob(".*"))


def test_curve(run, photos, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    run("train", "digits", "--data", photos, *QUICK, "--epochs", 2, "--out", tmp_path)
    with image.open(tmp_path / "curve.png") as curve:
        assert curve.format == "PNG" and curve.width > 500


def test_without_matplotlib_the_rest_still_works(run, photos, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    status, printed, _ = run("train", "digits", "--data", photos, *QUICK, "--epochs", 1, "--out", tmp_path)
    assert status == 0 and "no training curve: it needs matplotlib (pip install 'powerhouse[viz]')" in printed
    assert not (tmp_path / "curve.png").exists()


def test_threads(run, photos, tmp_path):
    options = ("train", "digits", "--data", photos, *QUICK, "--epochs", 1, "--quiet", "--out", tmp_path)
    assert run(*options, "--threads", 3)[0] == 0
    assert torch.get_num_threads() == 3


def test_quiet_prints_the_result_only(run, photos, tmp_path):
    _, printed, errors = run("train", "digits", "--data", photos, *QUICK, "--epochs", 1, "--out", tmp_path, "--quiet")
    assert re.fullmatch(r"held-out accuracy .*\n", printed) and errors == ""
