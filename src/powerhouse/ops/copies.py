"""`narrow_copy`, `squeeze_copy` ...: what a view op shows, in memory of its own. Each is derived from the view op."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..graph.op import Op, Sample, composite
from ..graph.symbol import Symbol
from .joining import copied
from .shape import as_strided, diagonal, narrow, select, squeeze, t, unfold, unsqueeze
from .splitting import split_with_sizes, unbind
from .views import expand_, permute, transpose, view_

VIEWS = {
    "as_strided": as_strided,
    "diagonal": diagonal, "expand": expand_, "narrow": narrow, "permute": permute, "select": select, "split_with_sizes": split_with_sizes,
    "squeeze": squeeze, "t": t, "transpose": transpose, "unbind": unbind, "unfold": unfold, "unsqueeze": unsqueeze, "view": view_,
}  # fmt: skip


def _copying(op: Op) -> Callable[..., Any]:
    @wraps(op.function)
    def copy(*args: Any, **kwargs: Any) -> Any:
        found = op.function(*args, **kwargs)
        return copied(found) if isinstance(found, Symbol) else tuple(map(copied, found))

    copy.__doc__ = f"A copy of what the view `{op.name}` shows.\n\n{op.doc.partition(chr(10))[0]}"
    return copy


# Where the view's own samples will not do: sizes that PyTorch's copies take as one tuple, and an empty result that it has no gradient for.
_SAMPLES = {
    "diagonal": lambda draw: iter([Sample((draw(3, 4),)), Sample((draw(2, 3, 4),), {"offset": 1, "dim1": 0, "dim2": -1})]),
    "expand": lambda draw: iter([Sample((draw(3, 1), (2, 3, 4)))]),
    "narrow": lambda draw: iter([Sample((draw(4, 3), 0, 1, 2))]),
    "permute": lambda draw: iter([Sample((draw(2, 3, 4), (2, 0, -2)))]),
    "view": lambda draw: iter([Sample((draw(2, 6), (3, -1)))]),
}
for _name, _op in VIEWS.items():
    _made = composite(_copying(_op), name=f"{_name}_copy", names=(f"{_name}_copy", *(("Tensor.narrow_copy",) if _name == "narrow" else ())))
    _made.sampler = _SAMPLES.get(_name) or _op.sampler


@composite(names=("alias_copy",))
def alias_copy(input: Symbol) -> Symbol:
    """A copy of `input`."""
    return copied(input)


alias_copy.samples(lambda draw: iter([Sample((draw(2, 3),))]))

__all__ = ["VIEWS"]
