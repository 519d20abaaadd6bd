"""The `powerhouse` command: `train`, `evaluate`, `predict`, `run` and `explain`."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import powerhouse
from powerhouse import recipes
from powerhouse.cli._script import run_script
from powerhouse.recipes._common import CommandParser, UserError, read_checkpoint, run_command

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (default: this process's own) and return its exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    name, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if name in ("-h", "--help", "help"):
        print(_overview())
        return 0
    if name in ("-V", "--version"):
        print(f"powerhouse {powerhouse.__version__}")
        return 0
    if name not in COMMANDS:
        print(f"powerhouse: error: no command {name!r}{_suggestion(name, COMMANDS)} (see powerhouse --help)", file=sys.stderr)
        return 2
    command, _ = COMMANDS[name]
    return run_command(f"powerhouse {name}", command, rest)


def _overview() -> str:
    commands = "\n".join(f"  {name:<9} {line}" for name, (_, line) in COMMANDS.items())
    return (
        "usage: powerhouse COMMAND ...\n\nDeep learning with PyTorch's API, in Python.\n\n"
        f"commands:\n{commands}\n\n{_recipe_list()}\n\n"
        "powerhouse COMMAND --help explains a command, powerhouse train RECIPE --help a recipe, powerhouse --version tells the version."
    )


def _recipe_list() -> str:
    return "recipes:\n" + "\n".join(f"  {name:<9} {line}" for name, line in recipes.RECIPES.items())


def _suggestion(name: str, known: Sequence[str] | dict) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _train(arguments: list[str]) -> int:
    """`powerhouse train RECIPE-or-SCRIPT ...`: what follows the name belongs to the recipe or the script."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: powerhouse train RECIPE [options]\n       powerhouse train SCRIPT.py [arguments]")
        print(f"\n{COMMANDS['train'][1]}\n\n{_recipe_list()}\n\npowerhouse train RECIPE --help tells the recipe's options.")
        return 0 if arguments else 2
    name, rest = arguments[0], arguments[1:]
    if name in recipes.RECIPES:
        return recipes.load(name).main(rest, f"powerhouse train {name}")
    if not name.endswith(".py") and not Path(name).is_file():
        known = ", ".join(recipes.RECIPES)
        raise UserError(f"no recipe or script {name!r}{_suggestion(name, recipes.RECIPES)} (recipes: {known})")
    return run_script(name, rest)


def _run(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(f"usage: powerhouse run SCRIPT.py [arguments]\n\n{COMMANDS['run'][1]}")
        return 0 if arguments else 2
    return run_script(arguments[0], arguments[1:])


def _explain(arguments: list[str]) -> int:
    from powerhouse.cli._explain import explain_script  # here, since the other commands do without rich's tables and the compiler

    return explain_script(arguments, COMMANDS["explain"][1])


def _evaluate(arguments: list[str]) -> int:
    parser = CommandParser(prog="powerhouse evaluate", description=COMMANDS["evaluate"][1])
    parser.add_argument("checkpoint", help="a checkpoint that powerhouse train wrote")
    parser.add_argument("--data", metavar="FOLDER", help="measure on all images in its sub-folders (default: the held-out images)")
    given = parser.parse_args(arguments)
    checkpoint = read_checkpoint(given.checkpoint)
    return _recipe_of(checkpoint, given.checkpoint).evaluate(checkpoint, given.data)


def _predict(arguments: list[str]) -> int:
    parser = CommandParser(prog="powerhouse predict", description=COMMANDS["predict"][1])
    parser.add_argument("checkpoint", help="a checkpoint that powerhouse train wrote")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="image files")
    given = parser.parse_args(arguments)
    checkpoint = read_checkpoint(given.checkpoint)
    return _recipe_of(checkpoint, given.checkpoint).predict(checkpoint, given.images)


def _recipe_of(checkpoint: dict, path: str):
    if checkpoint["recipe"] not in recipes.RECIPES:
        raise UserError(f"{path}: its recipe {checkpoint['recipe']!r} is none of this version's: {', '.join(recipes.RECIPES)}")
    return recipes.load(checkpoint["recipe"])


COMMANDS: dict[str, tuple[Callable[[list[str]], int], str]] = {
    "train": (_train, "train a recipe's model, or run your own training script"),
    "evaluate": (_evaluate, "measure the model in a checkpoint on held-out or other images"),
    "predict": (_predict, "classify images with the model in a checkpoint"),
    "run": (_run, "run an unchanged PyTorch script: its `import torch` gets Powerhouse"),
    "explain": (_explain, "run a script and tell what was compiled, from which lines, and how fast each kernel is"),
}
