"""The kernels of some forty small graphs, kept for review: a change of code generation shows in the diff.

Of short ones the whole text stands in `golden/NAME.ll`, of the others a line in `golden/digests.txt`. To write them anew:

    POWERHOUSE_REGENERATE=1 python -m pytest tests/codegen/test_golden.py
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import os
import sys
from pathlib import Path

import pytest

pytest.importorskip("llvmlite")

FOLDER = Path(__file__).parent / "golden"
TARGET = "avx512"
WHOLE = (
    "adam add_mul dropout gelu largest layer_norm rms_norm running_sum sgd_momentum softmax softmax_columns sum_all sum_columns "
    "where_mask whole_numbers"
).split()
REGENERATE = bool(os.environ.get("POWERHOUSE_REGENERATE"))
HINT = "if this is meant, run POWERHOUSE_REGENERATE=1 python -m pytest tests/codegen/test_golden.py and review the diff"


def _graphs():
    """The module of graphs, which stands with what is kept of them."""
    spec = importlib.util.spec_from_file_location("golden_graphs", FOLDER / "graphs.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


graphs = _graphs()


def whole(kernels):
    """The text of a file: every kernel under its label."""
    return "\n".join(f"; {k.label}\n{k.text.strip()}\n" for k in kernels)


def digests(name, kernels):
    """One line a kernel: the graph, the kernel's label, its lines and its digest."""
    return [
        f"{name} {k.label} {k.text.count(chr(10))} {hashlib.blake2b(k.text.strip().encode(), digest_size=8).hexdigest()}" for k in kernels
    ]


def kept_digests():
    """The lines of `digests.txt`, by graph."""
    kept: dict[str, list[str]] = {}
    for line in (FOLDER / "digests.txt").read_text().splitlines():
        kept.setdefault(line.split()[0], []).append(line)
    return kept


@pytest.fixture(scope="module", autouse=True)
def _regenerated():
    """Everything is written anew before the tests, if that is asked for."""
    if not REGENERATE:
        return
    for old in (*FOLDER.glob("*.ll"), *FOLDER.glob("digests.txt")):
        old.unlink()
    lines = []
    for name in graphs.GRAPHS:
        kernels = graphs.kernels(name, TARGET)
        if name in WHOLE:
            (FOLDER / f"{name}.ll").write_text(whole(kernels))
        else:
            lines += digests(name, kernels)
    (FOLDER / "digests.txt").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("name", graphs.GRAPHS)
def test_kernels_are_as_kept(name):
    """Which kernels a graph has, and every line of them."""
    kernels = graphs.kernels(name, TARGET)
    if name in WHOLE:
        kept, got = (FOLDER / f"{name}.ll").read_text(), whole(kernels)
        difference = difflib.unified_diff(kept.splitlines(), got.splitlines(), "kept", "now", lineterm="", n=1)
        assert kept == got, "\n".join([*list(difference)[:60], HINT])
    else:
        kept, got = kept_digests().get(name, []), digests(name, kernels)
        assert kept == got, "\n".join([*(f"- {k}" for k in kept if k not in got), *(f"+ {k}" for k in got if k not in kept), HINT])


def test_nothing_else_is_kept():
    """Every file and line is of a graph that there is."""
    assert {p.stem for p in FOLDER.glob("*.ll")} == set(WHOLE) <= set(graphs.GRAPHS)
    assert set(kept_digests()) == set(graphs.GRAPHS) - set(WHOLE)


def test_texts_are_the_same_each_time():
    """No address, counter or order of a set gets into a text."""
    for name in ("adam", "attention_backward", "conv_backward", "embedding_backward"):
        assert graphs.kernels(name, TARGET) == graphs.kernels(name, TARGET), name


@pytest.mark.parametrize("shapes", [((64, 300), (65, 302)), ((64, 300), (1000, 514))], ids=str)
def test_texts_know_no_sizes(shapes, monkeypatch):
    """Another shape, as far from the limits of tiles, has the same texts."""
    F = graphs.F

    def make(rows, columns):
        def graph():
            x, w = graphs.leaf(rows, columns), graphs.leaf(columns)
            return F.softmax(x, -1), F.layer_norm(x * 2, (columns,), w, w), F.gelu(x).sum(0), (x * w).t().contiguous() + 1, x[1:, ::2] * 3

        return graph

    texts = []
    for shape in shapes:
        monkeypatch.setitem(graphs.GRAPHS, "any", make(*shape))
        texts.append({k.text for k in graphs.kernels("any", TARGET)})
    assert texts[0] == texts[1]
