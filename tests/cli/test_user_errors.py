"""A user's mistake gives one clear line on stderr and exit status 2, never a traceback."""

from __future__ import annotations

import tempfile

import numpy as np
import pytest

import powerhouse as torch
from powerhouse.recipes import digits
from powerhouse.recipes._common import UserError
from powerhouse.recipes._images import ImageSet


def _one_line(outcome, *words) -> None:
    status, _, errors = outcome
    assert status == 2
    assert errors.count("\n") == 1 and errors.startswith("powerhouse") and ": error: " in errors, errors
    for word in words:
        assert str(word) in errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian", "digits"], ["no command 'trian'", "did you mean 'train'?"]),
        (["train", "digit"], ["no recipe or script 'digit'", "did you mean 'digits'?"]),
        (["train", "nowhere.py"], ["no such script: nowhere.py"]),
        (["run", "nowhere.py"], ["no such script: nowhere.py"]),
        (["train", "digits", "--epochs", "0"], ["--epochs", "'0' is not a whole number of 1 or more"]),
        (["train", "digits", "--lr", "-1"], ["--lr", "'-1' is not a number above zero"]),
        (["train", "digits", "--lr", "nan"], ["--lr", "'nan'"]),
        (["train", "digits", "--batch-size", "many"], ["--batch-size", "'many'"]),
        (["train", "digits", "--frobnicate"], ["--frobnicate"]),
        (["train", "digits", "--size", "16"], ["--size goes with --data"]),
        (["train", "digits", "--data", "nowhere"], ["nowhere: no such folder"]),
        (["train", "digits", "--resume", "nowhere.pt"], ["nowhere.pt: no such checkpoint"]),
        (["evaluate", "nowhere.pt"], ["nowhere.pt: no such checkpoint"]),
        (["evaluate"], ["checkpoint"]),
        (["predict", "nowhere.pt"], ["IMAGE"]),
    ],
    ids=" ".join,
)
def test_bad_arguments(run, arguments, words):
    _one_line(run(*arguments), *words)


def test_bad_folders(run, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    _one_line(run("train", "digits", "--data", folder), folder, "no sub-folders")
    (folder / "cat").mkdir()
    (folder / "cat" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 and then nothing")
    _one_line(run("train", "digits", "--data", folder), folder, "no readable image in its 1 sub-folder (1 unreadable file)")
    pytest.importorskip("PIL.Image").new("RGB", (5, 5)).save(folder / "cat" / "fine.png")
    _one_line(run("train", "digits", "--data", folder), "images of one class only ('cat')")


def test_too_few_images_to_hold_some_out(run, tmp_path):
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path / "photos"
    for path in ("cat/1.png", "cat/2.png", "cat/3.png", "dog/1.png"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        image.new("RGB", (5, 5)).save(folder / path)
    _one_line(run("train", "digits", "--data", folder, "--size", 4), "too few images", "class 'dog' has 1 image; expected 2 or more")
    for number in range(2, 4):
        image.new("RGB", (5, 5)).save(folder / "dog" / f"{number}.png")
    status, printed, errors = run("train", "digits", "--data", folder, "--size", 4, "--epochs", 1, "--out", tmp_path)
    assert (status, errors) == (0, "") and "5 images to train on, 1 held out" in printed
    assert " of 1 image) after 1 epoch, " in printed


def test_a_class_that_the_draw_leaves_nothing_of_is_refused(monkeypatch):
    labels = np.array([0, 0, 0, 1, 1])
    data = ImageSet(np.zeros((5, 1, 4, 4), np.uint8), labels, ["cat", "dog"], 0)
    monkeypatch.setattr(digits, "split", lambda count: (torch.arange(3), torch.arange(3, 5)))
    with pytest.raises(UserError, match="class 'dog' has 2 images, and the draw leaves none of them to train on"):
        digits.refuse_too_few(data, "photos")


def test_a_folder_that_cannot_be_written_to_is_refused_before_training(run, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(digits, "train_epoch", lambda *_: pytest.fail("training began"))
    _one_line(run("train", "digits", "--out", tmp_path / "file" / "out"), "cannot write to this folder: Not a directory")

    def refuse(dir):
        raise PermissionError(13, "Permission denied", str(dir))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    _one_line(run("train", "digits", "--out", tmp_path), tmp_path, "cannot write to this folder: Permission denied")


def test_bad_checkpoints(run, tmp_path):
    path = tmp_path / "checkpoint.pt"
    for content in (b"", b"PK\x03\x04 a broken zip", b"plain text\n"):
        path.write_bytes(content)
        for arguments in (["evaluate", path], ["predict", path, "x.png"], ["train", "digits", "--resume", path]):
            _one_line(run(*arguments), path, "not a readable checkpoint")
    torch.save({"weight": torch.zeros(2)}, path)
    _one_line(run("evaluate", path), "not a checkpoint of a recipe")
    torch.save({"recipe": "poetry"}, path)
    _one_line(run("evaluate", path), "its recipe 'poetry' is none of this version's: digits")
    torch.save({"recipe": "digits", "settings": {"classes": ["a", "b"], "channels": 1, "size": 8}, "model": {}}, path)
    _one_line(run("evaluate", path), "does not fit this recipe")
    _one_line(run("train", "digits", "--resume", path, "--out", tmp_path), "does not fit this recipe")
    torch.save({"recipe": "digits", "settings": 5}, path)
    for arguments in (["evaluate", path], ["train", "digits", "--resume", path]):
        _one_line(run(*arguments), "it holds no settings of a digits run")


def test_truncated_checkpoint(run, photos, tmp_path):
    options = ("--data", photos, "--size", 8, "--epochs", 1, "--out", tmp_path)
    assert run("train", "digits", *options)[0] == 0
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:-300])
    _one_line(run("evaluate", path), path, "not a readable checkpoint")


def test_resuming_with_other_settings_or_images(run, photos, tmp_path):
    path = tmp_path / "checkpoint.pt"
    assert run("train", "digits", "--data", photos, "--size", 8, "--epochs", 1, "--out", tmp_path)[0] == 0
    _one_line(run("train", "digits", "--resume", path, "--lr", 0.5), "--lr cannot change when resuming: the run began with 0.003")
    _one_line(run("evaluate", path, "--data", photos.parent), "class 'photos' is none of the model's classes: above, below")
    (photos / "above" / "01.png").unlink()
    _one_line(run("train", "digits", "--resume", path, "--epochs", 2), "the images are not those that the checkpoint was trained on")
    _one_line(run("evaluate", path), "changed since training")


def test_a_loss_that_overflows_says_so(run, photos, tmp_path):
    outcome = run("train", "digits", "--data", photos, "--size", 8, "--lr", 1e30, "--out", tmp_path, "--quiet")
    _one_line(outcome, "the loss became", "try an --lr below 1e+30")


def test_help(run):
    status, printed, _ = run("--help")
    assert status == 0 and all(word in printed for word in ("train", "evaluate", "predict", "run", "digits"))
    status, printed, _ = run("train", "digits", "--help")
    options = ("--epochs", "--lr", "--batch-size", "--seed", "--data", "--out", "--resume", "--threads", "--quiet")
    assert status == 0 and all(option in printed for option in options)
    for command in ("train", "evaluate", "predict", "run"):
        assert run(command, "--help")[0] == 0
    assert run("--version")[1] == f"powerhouse {torch.__version__}\n"
