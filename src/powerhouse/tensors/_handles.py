"""Hooks by id, and the handles that take them off again: of tensors, modules and optimizers."""

from __future__ import annotations

import itertools
import weakref
from collections import OrderedDict
from typing import Any

_ids = itertools.count()


class RemovableHandle:
    """What a `register_*` call gives back; `remove()` takes the hook off again. Works as a context manager too.

    Arguments: `hooks`, the table that holds the hook; `extra_dict`, one or several tables with flags under the same id, cleaned with it.
    """

    def __init__(self, hooks: OrderedDict[int, Any], extra_dict: Any = ()) -> None:
        self.id = next(_ids)
        extra = extra_dict if isinstance(extra_dict, (list, tuple)) else () if extra_dict is None else (extra_dict,)
        self._tables = [weakref.ref(table) for table in (hooks, *extra)]

    def remove(self) -> None:
        """Take the hook off; a second call does nothing."""
        for table in self._tables:
            entries = table()
            if entries is not None:
                entries.pop(self.id, None)

    def __getstate__(self) -> tuple[int, list[Any]]:
        return self.id, [table() for table in self._tables]

    def __setstate__(self, state: tuple[int, list[Any]]) -> None:
        self.id, tables = state
        self._tables = [weakref.ref(table) for table in tables if table is not None]

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.remove()


class HookTable(OrderedDict):
    """An ordered table of hooks by id, which weak references can point at."""

    def __reduce__(self) -> Any:
        return HookTable, (list(self.items()),)


def add_hook(table: HookTable, hook: Any, *flags: HookTable, prepend: bool = False) -> RemovableHandle:
    """Put `hook` into `table`, mark it in each table of `flags`, and return its handle."""
    handle = RemovableHandle(table, flags)
    table[handle.id] = hook
    if prepend:
        table.move_to_end(handle.id, last=False)
    for flag in flags:
        flag[handle.id] = True
    return handle
