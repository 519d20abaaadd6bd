"""Images as uint8 arrays: the digits that ship with the package, and folders with one sub-folder a class."""

from __future__ import annotations

import gzip
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from powerhouse.recipes._common import UserError, counted

__all__ = ["ImageSet", "describe_left_out", "digit_image", "load_digits", "load_folder", "load_image", "require_pillow"]


@dataclass
class ImageSet:
    """Labelled images: `images` is uint8 (count, channels, height, width), `labels` int64 (count,), `classes` the labels' names."""

    images: np.ndarray
    labels: np.ndarray
    classes: list[str]
    identity: int  # a checksum of the images' names: the same set gives the same number
    skipped: list[str] = field(default_factory=list)  # files that cannot be read
    empty: list[str] = field(default_factory=list)  # sub-folders without a readable image

    def description(self) -> dict[str, Any]:
        """What a checkpoint keeps of the set: enough to build the model, and to know the set again."""
        return {"classes": self.classes, "channels": self.images.shape[1], "size": self.images.shape[2], "images": self.identity}


def load_digits() -> ImageSet:
    """The UCI optical digits (see data/SOURCE.md): 1,797 images, 1 x 8 x 8, ink is 255.

    >>> load_digits().images.shape
    (1797, 1, 8, 8)
    """
    packed = files("powerhouse.recipes").joinpath("data/digits.csv.gz").read_bytes()
    table = np.loadtxt(gzip.decompress(packed).decode("ascii").splitlines(), delimiter=",", dtype=np.int64)
    pixels, labels = table[:, :64], table[:, 64]  # pixels: 0 to 16
    images = (pixels * 255 // 16).astype(np.uint8).reshape(-1, 1, 8, 8)
    return ImageSet(images, labels, [str(digit) for digit in range(10)], zlib.crc32(packed))


def load_folder(
    folder: str | Path, size: int, channels: int | None = None, classes: Sequence[str] | None = None, digits: bool = False
) -> ImageSet:
    """Read every image below `folder`'s sub-folders, one sub-folder a class, resized to `size` x `size` pixels.

    `channels`: 1 (grey), 3 (colour), or None: 3 if any image has colour. `classes`: the classes to expect, in order; None: the
    sub-folders' names, sorted. `digits`: prepare each image as `digit_image` does. Files that cannot be read are left out and
    named in `skipped`, sub-folders without an image in `empty`. Raises `UserError` where the folder cannot be used.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    found = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not found:
        raise UserError(f"{folder}: no sub-folders; expected one sub-folder a class, with that class's images in it")
    if classes is not None and (strange := sorted(set(found) - set(classes))):
        raise UserError(f"{folder}: class {strange[0]!r} is none of the model's classes: {', '.join(classes)}")
    require_pillow()
    arrays, paths, skipped, colour = [], [], [], False
    for path in sorted(path for name in found for path in (folder / name).rglob("*") if path.is_file() and not path.name.startswith(".")):
        try:
            picture = _open(path)
        except UserError:
            skipped.append(str(path))
            continue
        arrays.append(_to_array(picture, size, channels or 3, digits))
        paths.append(path.relative_to(folder).as_posix())
        colour = colour or not _is_grey(picture)
    if not arrays:
        unreadable = counted(len(skipped), "unreadable file")
        raise UserError(f"{folder}: no readable image in its {counted(len(found), 'sub-folder')} ({unreadable})")
    names = [path.partition("/")[0] for path in paths]
    classes = list(classes) if classes is not None else sorted(set(names))
    if len(classes) < 2:
        raise UserError(f"{folder}: images of one class only ({classes[0]!r}); expected two or more sub-folders with images")
    images = np.stack(arrays)  # (count, channels, size, size)
    if channels is None and not colour:
        images = images[:, :1]
    labels = np.array([classes.index(name) for name in names], dtype=np.int64)
    return ImageSet(images, labels, classes, zlib.crc32("\n".join(paths).encode()), skipped, sorted(set(found) - set(names)))


def load_image(path: str | Path, size: int, channels: int, digits: bool = False) -> np.ndarray:
    """Read one image file as uint8 (channels, size, size). Raises `UserError` if it cannot be read."""
    require_pillow()
    return _to_array(_open(Path(path)), size, channels, digits)


def require_pillow() -> None:
    """Raises `UserError` where Pillow, which reads image files, is not installed."""
    if find_spec("PIL") is None:
        raise UserError("reading image files needs Pillow (pip install 'powerhouse[vision]')")


def describe_left_out(data: ImageSet) -> str:
    """The unreadable files and the empty class folders, each list under a line with its count; "" where there are none.

    >>> print(describe_left_out(ImageSet(np.zeros(1), np.zeros(1), [], 0, ["cat/a.jpg"], ["dog"])))
    skipped 1 unreadable file:
      cat/a.jpg
    warning: 1 class folder without a readable image:
      dog
    """
    return "\n".join(
        _listed("skipped " + counted(len(data.skipped), "unreadable file"), data.skipped)
        + _listed(f"warning: {counted(len(data.empty), 'class folder')} without a readable image", data.empty)
    )


def _listed(title: str, names: Sequence[str], most: int = 10) -> list[str]:
    """Lines: a title, then the first `most` names and the count of the others. None at all where there are no names."""
    more = [f"  and {len(names) - most:,} more"] if len(names) > most else []
    return [f"{title}:", *(f"  {name}" for name in names[:most]), *more] if names else []


def digit_image(picture: Any, size: int) -> np.ndarray:
    """Prepare a picture of one digit as the UCI digits were: bright ink on black, cropped to the ink, centred; uint8 (1, size, size)."""
    from PIL import Image

    grey = np.asarray(picture.convert("L"), dtype=np.float32)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    ink = np.abs(grey - np.median(border))  # the paper's grey becomes 0, whether it was dark or bright
    ink = ink / max(ink.max(), 1.0)
    rows, columns = np.nonzero((ink > 0.3).any(1))[0], np.nonzero((ink > 0.3).any(0))[0]
    if len(rows):
        ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = ink.shape
    side = max(height, width)
    square = np.zeros((side, side), np.float32)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = ink
    small = Image.fromarray((square * 255).astype(np.uint8)).resize((size, size), Image.Resampling.BOX)
    return np.asarray(small)[None]


def _open(path: Path) -> Any:
    """The decoded picture, turned upright. Raises `UserError`."""
    from PIL import Image, ImageOps

    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata warns, and does not matter here
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                upright = ImageOps.exif_transpose(picture)
                upright.load()
    except Exception as error:  # Pillow's decoders raise many types for a damaged file
        raise UserError(f"{path}: not a readable image") from error
    if upright.mode.startswith("I"):  # 16 bits a pixel
        return Image.fromarray((np.asarray(upright, dtype=np.int64) >> 8).clip(0, 255).astype(np.uint8))
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", upright.size, "white"), upright).convert("RGB")
    return upright


def _is_grey(picture: Any) -> bool:
    return picture.mode in ("1", "L", "F")


def _to_array(picture: Any, size: int, channels: int, digits: bool) -> np.ndarray:
    """uint8 (channels, size, size)."""
    from PIL import Image

    if digits:
        return digit_image(picture, size)
    mode = "L" if channels == 1 else "RGB"
    pixels = np.asarray(picture.convert(mode).resize((size, size), Image.Resampling.BILINEAR))
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)
