"""Reading images: the shipped digits, folders, single files."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

import numpy as np
import pytest

from powerhouse.recipes._common import UserError
from powerhouse.recipes._images import ImageSet, describe_left_out, digit_image, load_digits, load_folder, load_image

Image = pytest.importorskip("PIL.Image")


def test_shipped_digits_are_those_of_the_source_note():
    data = files("powerhouse.recipes").joinpath("data")
    packed = data.joinpath("digits.csv.gz").read_bytes()
    assert hashlib.sha256(packed).hexdigest() in data.joinpath("SOURCE.md").read_text()
    assert len(packed) < 60_000 and "CC BY 4.0" in data.joinpath("LICENSE.md").read_text()
    digits = load_digits()
    assert digits.images.shape == (1797, 1, 8, 8) and digits.images.dtype == np.uint8 and digits.images.max() == 255
    assert np.bincount(digits.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def _save(path, size=(9, 7), mode="RGB", colour=128):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


def test_any_size_and_mode_is_resized(tmp_path):
    _save(tmp_path / "a" / "wide.png", (30, 3))
    _save(tmp_path / "a" / "palette.gif", (8, 8), "P")
    _save(tmp_path / "b" / "tall.jpg", (3, 40), "L")
    _save(tmp_path / "b" / "deep" / "sixteen_bits.png", (5, 5), "I;16", 128 * 257)
    _save(tmp_path / "b" / "glass.png", (5, 5), "RGBA", (0, 0, 0, 0))
    found = load_folder(tmp_path, 6)
    assert found.images.shape == (5, 3, 6, 6) and found.images.dtype == np.uint8
    assert found.classes == ["a", "b"] and found.labels.tolist() == [0, 0, 1, 1, 1] and found.skipped == []
    assert (found.images[found.labels == 1][0] == 128).all(), "16 bits a pixel become 8"
    assert (found.images[found.labels == 1][1] == 255).all(), "what shows through is white"
    assert load_folder(tmp_path, 6, channels=1).images.shape == (5, 1, 6, 6)


def test_grey_images_have_one_channel(tmp_path):
    _save(tmp_path / "a" / "1.png", mode="L")
    _save(tmp_path / "b" / "1.png", mode="1", colour=1)
    assert load_folder(tmp_path, 4).images.shape == (2, 1, 4, 4)
    assert load_image(tmp_path / "a" / "1.png", 4, 1).tolist() == [[[128] * 4] * 4]


def test_unreadable_files_are_skipped_and_hidden_ones_ignored(tmp_path):
    for name in ("a", "b"):
        _save(tmp_path / name / "fine.png")
    (tmp_path / "a" / "cut.png").write_bytes((tmp_path / "a" / "fine.png").read_bytes()[:50])
    (tmp_path / "b" / "text.jpg").write_text("no image")
    (tmp_path / "b" / ".DS_Store").write_bytes(b"\0")
    (tmp_path / ".git").mkdir()
    (tmp_path / "loose.png").write_bytes(b"\0")
    found = load_folder(tmp_path, 4)
    assert len(found.labels) == 2 and [name.rpartition("/")[2] for name in found.skipped] == ["cut.png", "text.jpg"]
    assert describe_left_out(found).startswith("skipped 2 unreadable files:\n")
    twelve = ImageSet(found.images, found.labels, found.classes, 0, ["x"] * 12)
    assert describe_left_out(twelve).endswith("\n  and 2 more")


def test_empty_class_folders_are_named(tmp_path):
    for name in ("a", "b"):
        _save(tmp_path / name / "fine.png")
    assert describe_left_out(load_folder(tmp_path, 4)) == ""
    (tmp_path / "c").mkdir()
    found = load_folder(tmp_path, 4)
    assert found.classes == ["a", "b"] and found.empty == ["c"]
    assert describe_left_out(found) == "warning: 1 class folder without a readable image:\n  c"
    (tmp_path / "d" / "deep").mkdir(parents=True)
    assert describe_left_out(load_folder(tmp_path, 4)) == "warning: 2 class folders without a readable image:\n  c\n  d"


def test_the_identity_tells_sets_of_images_apart(tmp_path):
    for name in ("a/1.png", "b/1.png", "b/2.png"):
        _save(tmp_path / name)
    before = load_folder(tmp_path, 4).identity
    assert load_folder(tmp_path, 4).identity == before
    (tmp_path / "b" / "2.png").rename(tmp_path / "b" / "3.png")
    assert load_folder(tmp_path, 4).identity != before


def test_expected_classes_keep_their_order(tmp_path):
    _save(tmp_path / "b" / "1.png")
    assert load_folder(tmp_path, 4, classes=["a", "b"]).labels.tolist() == [1]
    with pytest.raises(UserError, match=re.escape("class 'b' is none of the model's classes: x, y")):
        load_folder(tmp_path, 4, classes=["x", "y"])


def test_a_digit_is_cropped_centred_and_bright():
    for paper, ink in ((255, 0), (0, 255), (200, 60)):
        page = np.full((50, 80), paper, np.uint8)
        page[10:42, 60:68] = ink  # a bar, 32 high and 8 wide
        prepared = digit_image(Image.fromarray(page), 8)
        assert prepared.shape == (1, 8, 8) and prepared.dtype == np.uint8
        assert prepared[0].tolist() == [[0, 0, 0, 255, 255, 0, 0, 0]] * 8


def test_a_blank_page_is_no_error():
    assert digit_image(Image.new("L", (20, 10), 255), 8).tolist() == [[[0] * 8] * 8]
