"""The examples in the documentation of every module run and print what they say."""

from __future__ import annotations

import builtins
import doctest
import importlib
import pkgutil

import numpy
import pytest

import powerhouse
from powerhouse.graph.op import REGISTRY

_FOUND = pkgutil.walk_packages(powerhouse.__path__, "powerhouse.")
MODULES = ["powerhouse", *(found.name for found in _FOUND if not found.name.endswith("__main__"))]
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
NAMES = {"powerhouse": powerhouse, "torch": powerhouse, "np": numpy}  # what an example may use without importing it
NAMES |= {name: getattr(builtins, name) for name in ("bool", "float", "int")}  # in the package itself they are dtypes


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=OPTIONS, extraglobs=NAMES)
    assert not failed, f"{failed} examples in {name} failed (see the captured output)"


@pytest.mark.parametrize("op", [op for op in REGISTRY.values() if ">>>" in op.doc], ids=lambda op: op.name)
def test_examples_of_ops(op):
    test = doctest.DocTestParser().get_doctest(op.doc, dict(NAMES), op.name, None, 0)
    failed, _ = doctest.DocTestRunner(optionflags=OPTIONS).run(test)
    assert not failed, f"{failed} examples of {op.name} failed (see the captured output)"


def test_modules_were_found():
    assert {"powerhouse.nn", "powerhouse.recipes.digits", "powerhouse.recipes._report"} <= set(MODULES)
