"""Which ops have kernels of their own: a table from an op's name to the function that lowers a symbol of it to tasks."""

from __future__ import annotations

from collections.abc import Callable

from .task import Lowering

Lower = Callable[..., "Lowering | None"]  # (symbol, place of an input[, epilogue])

LOWERINGS: dict[str, Lower] = {}
WITH_EPILOGUE: set[str] = set()


def lowers(*names: str, epilogue: bool = False) -> Callable[[Lower], Lower]:
    """Declare how symbols of the ops `names` are lowered, and whether a fused group can be called on the pieces of their results."""

    def declare(lower: Lower) -> Lower:
        for name in names:
            LOWERINGS[name] = lower
            if epilogue:
                WITH_EPILOGUE.add(name)
        return lower

    return declare
