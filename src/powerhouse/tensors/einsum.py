"""`einsum` as it is called: with an equation, or with lists of subscripts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..graph.op import REGISTRY
from ._tensor import Tensor
from .apply import apply, is_tensor

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # the subscripts 0 to 51
_NOTHING = "einsum(): must specify the equation string and at least one operand, or at least one operand and its subscripts list"


def einsum(*args: Any) -> Tensor:
    """Sums of products by an equation such as "ij,jk->ik": one letter a dim, letters that are not in the output are summed.

    A letter repeated in one operand takes its diagonal; "..." stands for any dims, which broadcast; without "->" the output has
    the letters that occur once, in alphabetical order. Operands, all of one dtype, come one by one or as a list. Also called with
    lists of subscripts, numbers below 52: `einsum(a, [0, 1], b, [1, 2], [0, 2])`. Raises RuntimeError for an equation that does not
    fit the operands, ValueError for subscripts out of range.

    >>> import powerhouse as torch
    >>> torch.einsum("ij,j->i", torch.tensor([[1, 2], [3, 4]]), torch.tensor([1, 1]))
    tensor([3, 7])
    >>> torch.einsum(torch.eye(3), [0, 0])
    tensor(3.)
    """
    if len(args) < 2:
        raise ValueError(_NOTHING)
    equation, *operands = args if isinstance(args[0], str) else _of_sublists(args)
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = operands[0]
    if not operands:
        raise ValueError(_NOTHING)
    for i, x in enumerate(operands):
        if not is_tensor(x):
            raise TypeError(f"einsum(): expected Tensor as operand {i}, but got {type(x).__name__}")
    return apply(REGISTRY["einsum"], (equation, tuple(operands)))


def _of_sublists(args: Sequence[Any]) -> list[Any]:
    """The equation and the operands of a call `operand, subscripts, operand, subscripts, ... [output subscripts]`."""
    paired = len(args) // 2 * 2
    equation = ",".join(map(_letters, args[1:paired:2]))
    return [equation + (f"->{_letters(args[-1])}" if len(args) > paired else ""), *args[:paired:2]]


def _letters(sublist: Sequence[Any]) -> str:
    for x in sublist:
        if x is not Ellipsis and not (isinstance(x, int) and 0 <= x < len(_LETTERS)):
            raise ValueError(f"einsum(): subscripts in subscript list are not within the valid range [0, {len(_LETTERS)}); got {x!r}")
    return "".join("..." if x is Ellipsis else _LETTERS[x] for x in sublist)


__all__ = ["einsum"]
