"""Train a small convolutional network on handwritten digits, or on a folder of your own images.

    powerhouse train digits
    powerhouse train digits --data photos --epochs 20

This file is an ordinary training script: copy it, change it, and run the copy with `python digits.py`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import closing
from math import isfinite
from pathlib import Path
from typing import Any

import powerhouse as torch
import powerhouse.nn.functional as F
from powerhouse import nn
from powerhouse.recipes._common import (
    INTERRUPTED,
    CommandParser,
    Interrupt,
    UserError,
    counted,
    first_line,
    positive_number,
    read_checkpoint,
    require_writable,
    run_command,
    whole,
    write_checkpoint,
)
from powerhouse.recipes._images import ImageSet, describe_left_out, load_digits, load_folder, load_image
from powerhouse.recipes._report import Report, confusion_table, save_curve

__all__ = ["DigitsNet", "evaluate", "main", "predict"]

DEFAULTS = {"epochs": 10, "lr": 0.003, "batch_size": 32, "seed": 0, "data": None, "size": 32}
HELD_OUT = 0.2  # the part of the images that is never trained on
LR_DECAY = 0.85  # an epoch
_NOTHING_YET = {"seen": 0, "loss": 0.0, "correct": 0}


# --- the model -----------------------------------------------------------------------------------------------------------------


class DigitsNet(nn.Module):
    """Three 3 x 3 convolutions and one linear layer: images (n, channels, size, size) to logits (n, classes)."""

    def __init__(self, channels: int, size: int, classes: int, width: int = 16) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *self._convolution(channels, width),
            *self._convolution(width, 2 * width),
            nn.MaxPool2d(2),  # (n, 2 width, size/2, size/2)
            *self._convolution(2 * width, 2 * width),
            nn.MaxPool2d(2),  # (n, 2 width, size/4, size/4)
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(0.25), nn.Linear(2 * width * (size // 4) ** 2, classes))

    @staticmethod
    def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
        # No bias: the normalization that follows would take it away again.
        return [nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(images))


# --- the data ------------------------------------------------------------------------------------------------------------------


def load_data(settings: dict[str, Any]) -> ImageSet:
    """The shipped digits, or the images below the folder `settings["data"]`."""
    if settings["data"] is None:
        return load_digits()
    return load_folder(settings["data"], settings["size"], settings.get("channels"), settings.get("classes"))


def to_float(images: torch.Tensor) -> torch.Tensor:
    """uint8 pixels to float32 between 0 and 1."""
    return images.float() / 255


def split(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Which images to train on and which to hold out: a random choice, but the same one in every run."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    held_out = max(1, int(count * HELD_OUT))
    return order[held_out:], order[:held_out]


def refuse_too_few(data: ImageSet, folder: str | None) -> None:
    """Raise `UserError` unless each class has an image to hold out and one to train on."""
    train_on, _ = split(len(data.labels))
    training = set(data.labels[train_on.numpy()].tolist())
    for label, name in enumerate(data.classes):
        count = int((data.labels == label).sum())
        has = f"{folder}: too few images to hold a fifth out: class {name!r} has {counted(count, 'image')}"
        if count < 2:
            raise UserError(f"{has}; expected 2 or more in each class")
        if label not in training:
            raise UserError(f"{has}, and the draw leaves none of them to train on; add images")


def epoch_batches(indices: torch.Tensor, settings: dict[str, Any], epoch: int) -> Sequence[torch.Tensor]:
    """The batches of an epoch, shuffled; the order depends on the seed and the epoch only, so a resumed epoch finds its place."""
    generator = torch.Generator().manual_seed(settings["seed"] * 100_003 + epoch)
    return indices[torch.randperm(len(indices), generator=generator)].split(settings["batch_size"])


# --- training ------------------------------------------------------------------------------------------------------------------


def train_step(model: nn.Module, optimizer: Any, images: torch.Tensor, labels: torch.Tensor) -> tuple[float, int]:
    """One update; returns the mean loss of the batch and how many images were classified correctly."""
    optimizer.zero_grad()
    logits = model(images)  # (n, classes)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    optimizer.step()
    return loss.item(), int((logits.argmax(1) == labels).sum().item())


def measure(model: nn.Module, images: torch.Tensor, labels: torch.Tensor, classes: int) -> tuple[float, float, list[list[int]]]:
    """Mean loss, accuracy and confusion matrix (row: true class) over all the images."""
    model.eval()
    matrix, loss = [[0] * classes for _ in range(classes)], 0.0
    with torch.no_grad():
        for some, truth in zip(images.split(256), labels.split(256)):
            logits = model(to_float(some))
            loss += F.cross_entropy(logits, truth, reduction="sum").item()
            for true, predicted in zip(truth.tolist(), logits.argmax(1).tolist()):
                matrix[true][predicted] += 1
    correct = sum(matrix[i][i] for i in range(classes))
    return loss / len(labels), correct / len(labels), matrix


class Run:
    """A training run: what it learns, and where it stands. A checkpoint holds its state; the run goes on from there to the same numbers."""

    def __init__(self, settings: dict[str, Any], data: ImageSet) -> None:
        torch.manual_seed(settings["seed"])
        self.settings = {**settings, **data.description()}
        self.images, self.labels = torch.from_numpy(data.images), torch.from_numpy(data.labels)
        self.train_on, self.held_out = split(len(data.labels))
        self.model = build(self.settings)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=settings["lr"])
        self.scheduler = torch.optim.lr_scheduler.ExponentialLR(self.optimizer, LR_DECAY)
        # Finished epochs, finished batches of the current one, what those batches added up to, and a row for each finished epoch.
        self.place: dict[str, Any] = {"epoch": 0, "batch": 0, "totals": _NOTHING_YET.copy(), "history": []}

    def state_dict(self) -> dict[str, Any]:
        states = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "scheduler": self.scheduler.state_dict()}
        return {"recipe": "digits", "settings": self.settings, "place": self.place, "rng": torch.get_rng_state(), **states}

    def load_state_dict(self, checkpoint: dict[str, Any]) -> None:
        if checkpoint["settings"]["images"] != self.settings["images"]:
            raise UserError("the images are not those that the checkpoint was trained on: files were added, removed or renamed")
        self.model.load_state_dict(checkpoint["model"])
        self.optimizer.load_state_dict(checkpoint["optimizer"])
        self.scheduler.load_state_dict(checkpoint["scheduler"])
        self.place = checkpoint["place"]
        torch.set_rng_state(checkpoint["rng"])

    def measure(self) -> tuple[float, float, list[list[int]]]:
        return measure(self.model, self.images[self.held_out], self.labels[self.held_out], len(self.settings["classes"]))


def train_epoch(run: Run, report: Report, interrupt: Interrupt) -> bool:
    """Train on the batches of the current epoch that are still to do; False if an interrupt left some undone."""
    place, totals, last = run.place, run.place["totals"], run.settings["epochs"]
    batches = epoch_batches(run.train_on, run.settings, place["epoch"])
    clock, seen_before = time.perf_counter(), totals["seen"]
    run.model.train()
    with closing(report.batches(batches, place["batch"], f"{place['epoch'] + 1:>3}/{last:<3}", totals)) as remaining:
        for batch in remaining:
            loss, correct = train_step(run.model, run.optimizer, to_float(run.images[batch]), run.labels[batch])
            if not isfinite(loss):
                raise UserError(f"the loss became {loss} in epoch {place['epoch'] + 1}: try an --lr below {run.settings['lr']:g}")
            totals["seen"] += len(batch)
            totals["loss"] += loss * len(batch)
            totals["correct"] += correct
            place["batch"] += 1
            if interrupt.requested and place["batch"] < len(batches):
                return False
    rate = (totals["seen"] - seen_before) / (time.perf_counter() - clock)
    run.scheduler.step()
    held_out_loss, held_out_accuracy, _ = run.measure()
    row = {"epoch": place["epoch"] + 1, "loss": totals["loss"] / totals["seen"], "accuracy": totals["correct"] / totals["seen"]}
    place["history"].append({**row, "held_out_loss": held_out_loss, "held_out_accuracy": held_out_accuracy})
    place.update(epoch=place["epoch"] + 1, batch=0, totals=_NOTHING_YET.copy())
    report.epoch(place["history"][-1], last, rate)
    return True


def train(settings: dict[str, Any], out: Path, checkpoint: dict[str, Any] | None, report: Report) -> int:
    """Train, or train on from `checkpoint`; writes `out`/checkpoint.pt after every epoch. Returns the exit status."""
    started, path = time.perf_counter(), out / "checkpoint.pt"
    data = load_data(settings)
    if left_out := describe_left_out(data):
        print(left_out, file=sys.stderr)
    run = Run(settings, data)
    if checkpoint:
        _load(run, checkpoint)
    refuse_too_few(data, settings["data"])
    require_writable(out)
    _introduce(report, run)
    with Interrupt() as interrupt:
        while run.place["epoch"] < settings["epochs"]:
            whole_epoch = train_epoch(run, report, interrupt)
            write_checkpoint(run.state_dict(), path)
            if not whole_epoch or (interrupt.requested and run.place["epoch"] < settings["epochs"]):
                return _interrupted(run, path)
    _conclude(report, run, out, time.perf_counter() - started)
    return 0


def build(settings: dict[str, Any]) -> DigitsNet:
    """The model that a checkpoint's settings describe."""
    return DigitsNet(settings["channels"], settings["size"], len(settings["classes"]))


def _load(run: Run, checkpoint: dict[str, Any]) -> None:
    try:
        run.load_state_dict(checkpoint)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"the checkpoint does not fit this recipe: {first_line(error)}") from error


def _introduce(report: Report, run: Run) -> None:
    settings, place, size = run.settings, run.place, run.settings["size"]
    parameters = sum(parameter.numel() for parameter in run.model.parameters())
    report.note(
        f"data   {settings['data'] or 'UCI optical digits'}: {counted(len(run.train_on), 'image')} to train on, "
        f"{len(run.held_out):,} held out, {size} x {size} pixels, {counted(len(settings['classes']), 'class')}"
    )
    choices = f"learning rate {settings['lr']:g}, batches of {settings['batch_size']}, seed {settings['seed']}"
    report.note(f"model  {counted(parameters, 'parameter')}; Adam, {choices}")
    if place["epoch"] >= settings["epochs"]:
        report.note(f"nothing left to train: {counted(place['epoch'], 'epoch')} done (--epochs N trains on, up to epoch N)")
        return
    if place["history"] or place["batch"]:
        report.note(f"resumed after epoch {place['epoch']}, batch {place['batch']}")
    report.note("")
    report.header()


def _conclude(report: Report, run: Run, out: Path, seconds: float) -> None:
    _, accuracy, matrix = run.measure()
    count, epochs = len(run.held_out), counted(run.place["epoch"], "epoch")
    report.note("")
    report.note(confusion_table(matrix, run.settings["classes"]))
    report.note("")
    correct = f"{round(accuracy * count):,} of {counted(count, 'image')}"
    report.result(f"held-out accuracy {accuracy:.2%} ({correct}) after {epochs}, {seconds:.1f} s")
    report.note(f"checkpoint  {out / 'checkpoint.pt'}")
    try:
        save_curve(run.place["history"], out / "curve.png", f"digits: {accuracy:.2%} on held-out images")
        report.note(f"curve       {out / 'curve.png'}")
    except UserError as error:
        report.note(str(error))
    report.note(f"\nnext: powerhouse evaluate {out / 'checkpoint.pt'}\n      powerhouse predict {out / 'checkpoint.pt'} IMAGE...")


def _interrupted(run: Run, path: Path) -> int:
    where = f"epoch {run.place['epoch']}" + (f", batch {run.place['batch']}" if run.place["batch"] else "")
    print(f"interrupted after {where}; continue with --resume {path}", file=sys.stderr)
    return INTERRUPTED


# --- the three commands --------------------------------------------------------------------------------------------------------


def evaluate(checkpoint: dict[str, Any], data: str | None = None) -> int:
    """Measure a trained model on its own held-out images, or on every image below the folder `data`."""
    settings, model = _restore(checkpoint)
    report, classes = Report(), settings["classes"]
    if data is None:
        found = load_data(settings)
        if found.identity != settings["images"]:
            raise UserError(f"the images below {settings['data']} changed since training: which were held out is lost; give --data FOLDER")
    else:
        found = load_folder(data, settings["size"], settings["channels"], classes, digits=settings["data"] is None)
    if left_out := describe_left_out(found):
        print(left_out, file=sys.stderr)
    images, labels = torch.from_numpy(found.images), torch.from_numpy(found.labels)
    if data is None:
        _, held_out = split(len(labels))
        images, labels = images[held_out], labels[held_out]
    loss, accuracy, matrix = measure(model, images, labels, len(classes))
    report.note(confusion_table(matrix, classes))
    total = counted(len(labels), "held-out image") if data is None else f"{counted(len(labels), 'image')} below {data}"
    report.result(f"\naccuracy {accuracy:.2%} ({round(accuracy * len(labels)):,} of {total}), loss {loss:.4f}")
    return 0


def predict(checkpoint: dict[str, Any], paths: Sequence[str]) -> int:
    """Print class and probability of each image; unreadable ones are named on stderr, and make the exit status 2."""
    settings, model = _restore(checkpoint)
    report, status = Report(), 0
    width = max(len(str(path)) for path in paths)
    model.eval()
    for path in paths:
        try:
            image = load_image(path, settings["size"], settings["channels"], digits=settings["data"] is None)
        except UserError as error:
            print(f"powerhouse predict: error: {error}", file=sys.stderr)
            status = 2
            continue
        with torch.no_grad():
            probabilities = model(to_float(torch.from_numpy(image.copy()))[None]).softmax(1)[0].tolist()  # (classes,)
        best = max(range(len(probabilities)), key=probabilities.__getitem__)
        report.result(f"{path!s:<{width}}  {settings['classes'][best]}  {probabilities[best]:.2%}")
    return status


def _restore(checkpoint: dict[str, Any]) -> tuple[dict[str, Any], DigitsNet]:
    try:
        settings = _settings_of(checkpoint)
        model = build(settings)
        model.load_state_dict(checkpoint["model"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise UserError(f"the checkpoint does not fit this recipe: {first_line(error)}") from error
    return settings, model


def _settings_of(checkpoint: dict[str, Any]) -> dict[str, Any]:
    if checkpoint["recipe"] != "digits" or not isinstance(checkpoint.get("settings"), dict):
        raise UserError("the checkpoint does not fit this recipe: it holds no settings of a digits run")
    return checkpoint["settings"]


def main(arguments: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Train from the command line; returns the exit status."""
    prog = prog or Path(sys.argv[0]).name
    return run_command(prog, _train_command, arguments, prog)


def _train_command(arguments: Sequence[str] | None, prog: str) -> int:
    given = vars(_parser(prog).parse_args(arguments))
    out, resume, threads, quiet = given.pop("out"), given.pop("resume"), given.pop("threads"), given.pop("quiet")
    given = {name: value for name, value in given.items() if value is not None}
    if "data" in given:
        given["data"] = str(Path(given["data"]).resolve())
    elif "size" in given and resume is None:
        raise UserError("--size goes with --data: the shipped digits are 8 x 8 pixels")
    checkpoint = read_checkpoint(resume) if resume else None
    settings = {**DEFAULTS, **(_settings_of(checkpoint) if checkpoint else {}), **given}
    if checkpoint:
        _refuse_changes(checkpoint["settings"], settings)
    if threads or settings["data"] is None:  # the shipped images are so small that sharing the work out costs more than the work
        torch.set_num_threads(threads or 1)
    return train(settings, Path(out or (Path(resume).parent if resume else "runs/digits")), checkpoint, Report(quiet))


def _refuse_changes(before: dict[str, Any], now: dict[str, Any]) -> None:
    for name in ("lr", "batch_size", "seed", "size"):
        if name in before and now[name] != before[name]:
            raise UserError(f"--{name.replace('_', '-')} cannot change when resuming: the run began with {before[name]}")


def _parser(prog: str) -> CommandParser:
    parser = CommandParser(
        prog=prog,
        description="Train a convolutional network on 1,797 images of handwritten digits (8 x 8 pixels, shipped with the package), "
        "or on your own images. A fifth of the images is held out to measure accuracy. Ctrl-C saves a checkpoint; --resume continues it.",
        epilog="Writes OUT/checkpoint.pt (torch.save format) after every epoch and OUT/curve.png at the end.",
    )
    add = parser.add_argument
    add("--epochs", type=whole(1), metavar="N", help="passes over the training images (default: 10)")
    add("--lr", type=positive_number, metavar="RATE", help="Adam's learning rate in the first epoch; x 0.85 an epoch (default: 0.003)")
    add("--batch-size", type=whole(1), metavar="N", help="images an update (default: 32)")
    add("--seed", type=whole(0), metavar="N", help="of initial weights, order of the images and dropout (default: 0)")
    add("--data", metavar="FOLDER", help="your own images: one sub-folder a class, any size; they are resized (needs Pillow)")
    add("--size", type=whole(4), metavar="PIXELS", help="with --data: side that the images are resized to, 4 or more (default: 32)")
    add("--out", metavar="FOLDER", help="where to write (default: runs/digits, or the folder of the resumed checkpoint)")
    add("--resume", metavar="CHECKPOINT", help="continue a run from its checkpoint, with its settings")
    add("--threads", type=whole(1), metavar="N", help="threads to compute with (default: 1; with --data: all cores)")
    add("--quiet", action="store_true", help="print only the result")
    return parser


if __name__ == "__main__":
    sys.exit(main())
