"""Run a user's script as `python SCRIPT` would, except that `import torch` gives it Powerhouse."""

from __future__ import annotations

import runpy
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from powerhouse.recipes._common import UserError
from powerhouse.torch import install

__all__ = ["run_script"]


def run_script(script: str, arguments: Sequence[str]) -> int:
    """Run `script` as `__main__` with `arguments`. Its own errors show their traceback, from the script's line on; status 1."""
    path = Path(script)
    if not path.is_file():
        raise UserError(f"no such script: {script}")
    install()
    sys.argv = [script, *arguments]
    sys.path[0:0] = [str(path.resolve().parent)]
    try:
        runpy.run_path(str(path), run_name="__main__")
    except Exception as error:
        traceback.print_exception(error.with_traceback(_from_script(error.__traceback__, str(path))))
        return 1
    return 0


def _from_script(tb, path: str):
    """The traceback without the frames that lead to the script: they are ours, and tell a user nothing."""
    start = tb
    while start is not None and start.tb_frame.f_code.co_filename != path:
        start = start.tb_next
    return start
