"""What an op does with its arguments under autocast, from what its block says of it."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from typing import Any

from ..core import dtypes as dt
from ..graph.op import Op, cast
from ..graph.symbol import Symbol


def is_eligible(dtype: dt.dtype) -> bool:
    """Whether autocast casts tensors of this dtype: floats do, except doubles, which someone has chosen for a reason."""
    return dtype.is_floating_point and dtype is not dt.float64


def _to(target: dt.dtype, x: Any) -> Any:
    """`x`, or what is in the tuple `x`, cast to `target` where eligible."""
    if isinstance(x, tuple):
        return tuple(_to(target, i) for i in x)
    if isinstance(x, Symbol) and not x.weak and is_eligible(x.dtype) and x.dtype is not target:
        return cast(x, target)
    return x


def _dtypes(x: Any) -> Iterator[dt.dtype]:
    """The dtypes of the eligible tensors in `x`."""
    if isinstance(x, tuple):
        for i in x:
            yield from _dtypes(i)
    elif isinstance(x, Symbol) and not x.weak and is_eligible(x.dtype):
        yield x.dtype


def _widest(op: Op, args: tuple[Any, ...], lower: dt.dtype) -> tuple[Any, ...]:
    """All floats in float32 if one is, else in `lower`."""
    found = set(_dtypes(args))
    if strange := found - {lower, dt.float32}:
        names = ", ".join(sorted(d.name for d in strange))
        raise RuntimeError(f"{op.name}: unexpected floating dtype under autocast: got {names}, expected {lower.name}, float32 or float64")
    return _to(dt.float32 if dt.float32 in found else lower, args)


_POLICIES: dict[str, Callable[[Op, tuple[Any, ...], dt.dtype], tuple[Any, ...]]] = {
    "lower": lambda op, args, lower: _to(lower, args),
    "float32": lambda op, args, lower: _to(dt.float32, args),
    "widest": _widest,
}


@functools.cache
def under_autocast(op: Op, lower: dt.dtype) -> Op:
    """The op that `op` is where autocast lowers to `lower`: the same, on arguments cast as its block says.

    The casts are part of what is recorded for the op, so a call costs the one look-up that it costs elsewhere.
    """
    if not op.autocast:
        return op
    policy = _POLICIES.get(op.autocast) if isinstance(op.autocast, str) else None

    def invoke(args: tuple[Any, ...]) -> Any:
        if policy is not None:
            return op.invoke(policy(op, args, lower))
        return op.invoke(op.autocast(args, functools.partial(_to, lower), functools.partial(_to, dt.float32)))  # type: ignore[operator]

    variant = copy.copy(op)
    variant.invoke = invoke  # type: ignore[method-assign]
    return variant
