"""Batches a second of the DataLoader, next to PyTorch's where it is installed.

    python benchmarks/dataloader.py [--batches 1000] [--repeats 3]

Batches of 64 images (3 x 32 x 32 float32) with labels, in shuffled order: from a TensorDataset, and from a dataset
written in Python that returns one image and one int a call; in this process and with two workers. The best of the
repeats counts; the libraries take turns.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import time
import warnings
from types import ModuleType
from typing import Any

import numpy as np

BATCH = 64
IMAGES = 4096  # visited in as many passes as the number of batches needs: 48 MiB
LIBRARIES = {"powerhouse": "powerhouse", "pytorch": "torch"}


def tensor_dataset(library: ModuleType, images: np.ndarray, labels: np.ndarray) -> Any:
    return library.utils.data.TensorDataset(library.tensor(images), library.tensor(labels))


def python_dataset(library: ModuleType, images: np.ndarray, labels: np.ndarray) -> Any:
    class Images(library.utils.data.Dataset):
        def __init__(self) -> None:
            self.images = library.tensor(images)

        def __len__(self) -> int:
            return len(images)

        def __getitem__(self, index: int) -> tuple[Any, int]:
            return self.images[index], int(labels[index])

    return Images()


def numpy_dataset(library: ModuleType, images: np.ndarray, labels: np.ndarray) -> Any:
    class Images(library.utils.data.Dataset):
        def __len__(self) -> int:
            return len(images)

        def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
            return images[index], int(labels[index])

    return Images()


DATASETS = {"TensorDataset": tensor_dataset, "Python, tensors": python_dataset, "Python, arrays": numpy_dataset}


def rate(library: ModuleType, dataset: Any, workers: int, batches: int) -> float:
    """Batches a second over passes of one loader, without the first batch (which starts the workers)."""
    loader = library.utils.data.DataLoader(
        dataset, batch_size=BATCH, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0
    )
    for _ in loader:
        pass
    seen, start = 0, time.perf_counter()
    while seen < batches:
        for images, _ in loader:
            assert tuple(images.shape) == (BATCH, 3, 32, 32)
            seen += 1
    return seen / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    libraries = {name: importlib.import_module(module) for name, module in LIBRARIES.items() if importlib.util.find_spec(module)}
    for library in libraries.values():
        importlib.import_module(f"{library.__name__}.utils.data")

    generator = np.random.default_rng(0)
    images = generator.standard_normal((IMAGES, 3, 32, 32), dtype=np.float32)
    labels = generator.integers(0, 10, IMAGES)
    print(f"{'batches/s':18}{'workers':>8}" + "".join(f"{name:>14}" for name in libraries))
    for name, make in DATASETS.items():
        for workers in (0, 2):
            rates = dict.fromkeys(libraries, 0.0)
            for _ in range(options.repeats):
                for each, library in libraries.items():
                    rates[each] = max(rates[each], rate(library, make(library, images, labels), workers, options.batches))
            print(f"{name:18}{workers:8}" + "".join(f"{value:14.0f}" for value in rates.values()))


if __name__ == "__main__":
    main()
