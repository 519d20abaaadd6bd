"""Training recipes: ordinary scripts that run by name (`powerhouse train NAME`), or copied and changed, by themselves.

A recipe is a module with three functions, all of which return an exit status:
`main(arguments, prog)` trains, `evaluate(checkpoint, data)` measures, `predict(checkpoint, images)` classifies.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

__all__ = ["RECIPES", "load"]

RECIPES = {
    "digits": "a convolutional network on 1,797 images of handwritten digits, or on your own folder of images",
}


def load(name: str) -> ModuleType:
    """The recipe's module. Raises `KeyError` for a name that is not in `RECIPES`.

    >>> load("digits").__name__
    'powerhouse.recipes.digits'
    """
    if name not in RECIPES:
        raise KeyError(name)
    return import_module(f"{__name__}.{name}")
