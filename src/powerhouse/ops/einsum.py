"""`einsum`: sums of products, written as an equation over dims."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import prod
from typing import Any

from ..graph.op import Bad, Sample, Symbols, composite
from ..graph.symbol import Symbol
from .matmul import same_dtype
from .products import contract, ordered
from .views import diagonal_of, reduce_sum, reshape_to

ELLIPSIS = "..."
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
Term = tuple[str, ...]  # the subscripts of one operand: letters, and at most one ELLIPSIS


def _cast_contracted(args: tuple[Any, ...], lower: Any, float32: Any) -> tuple[Any, ...]:
    """Under autocast, what contains a matrix product is lowered, as it is."""
    terms, output = parse(args[0])
    shared = {letter for i, term in enumerate(terms) for letter in term if any(letter in other for other in terms[:i])}
    return args if shared <= set(output) else (args[0], lower(args[1]))


@composite(names=("einsum",), out=False, autocast=_cast_contracted)
def einsum(equation: str, *operands: Symbols) -> Symbol:
    """Sums of products by an equation such as "ij,jk->ik": see `tensors.einsum`, which also takes lists of subscripts.

    More than two operands are contracted pair by pair, each time the pair whose result is smallest.
    """
    same_dtype("einsum", *operands)
    terms, output = parse(equation)
    if len(terms) != len(operands):
        which = "fewer" if len(operands) < len(terms) else "more"
        raise RuntimeError(f"einsum(): {which} operands were provided than specified in the equation; got {len(operands)} for {equation!r}")
    return _evaluate(operands, terms, output)


def parse(equation: str) -> tuple[list[Term], Term]:
    """The subscripts of the operands and of the output; the output is spelled out where the equation leaves it implicit."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = [_subscripts(text, f"operand {i}") for i, text in enumerate(left.split(","))]
    seen = [x for term in terms for x in term]
    if not arrow:
        once = sorted(x for x in set(seen) if x != ELLIPSIS and seen.count(x) == 1)
        return terms, ((ELLIPSIS,) if ELLIPSIS in seen else ()) + tuple(once)
    output = _subscripts(right, "output")
    for x in output:
        if output.count(x) > 1:
            raise RuntimeError(f"einsum(): output subscript {x} appears more than once in the output")
        if x not in seen and x != ELLIPSIS:
            raise RuntimeError(f"einsum(): output subscript {x} does not appear in the equation for any input operand")
    return terms, output


def _subscripts(text: str, where: str) -> Term:
    head, dots, tail = text.partition(ELLIPSIS)
    for part in (head, tail):
        for x in part:
            if x == ".":
                raise RuntimeError(f"einsum(): found '.' for {where} " + ("for which an ellipsis was already found" if dots
                                                                          else "that is not part of any ellipsis"))
            if x not in _LETTERS:
                raise RuntimeError(f"einsum(): invalid subscript given in {text!r} for {where}: subscripts must be in [a-zA-Z], got {x!r}")
    return (*head, *((ELLIPSIS,) if dots else ()), *tail)


def _evaluate(operands: Sequence[Symbol], terms: Sequence[Term], output: Term) -> Symbol:
    # Dims under an ellipsis are labelled by their distance from its right end, so that they align as in broadcasting.
    hidden = [_hidden_dims(s, term, i) for i, (s, term) in enumerate(zip(operands, terms, strict=True))]
    labelled = [_without_repeats(s, _labels(term, n), i) for i, (s, term, n) in enumerate(zip(operands, terms, hidden, strict=True))]
    final = _labels(output, max(hidden, default=0))
    sizes = _sizes(labelled)
    pending = [_squeezed(s, labels, sizes) for s, labels in labelled]
    while len(pending) > 1:
        i, j = _cheapest_pair(pending, final, sizes)
        a, b = pending[i], pending[j]
        pending = [x for k, x in enumerate(pending) if k not in (i, j)]
        keep = {*final, *(label for _, labels in pending for label in labels)}
        pending.append(contract(*a, *b, keep))
    s, labels = pending[0]
    s = reduce_sum(s, tuple(i for i, x in enumerate(labels) if x not in final)) if set(labels) - set(final) else s
    left = [x for x in labels if x in final]
    s = ordered(s, left, [x for x in final if x in left])
    shape = tuple(sizes.get(x, 1) for x in final)
    return s if s.shape == shape else reshape_to(s, shape)


def _hidden_dims(s: Symbol, term: Term, i: int) -> int:
    """The number of dims that the ellipsis of a term stands for."""
    letters = len(term) - (ELLIPSIS in term)
    if ELLIPSIS not in term and letters != s.ndim:
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({letters}) does not match the number of dimensions ({s.ndim}) "
            f"for operand {i} and no ellipsis was given"
        )
    if letters > s.ndim:
        raise RuntimeError(
            f"einsum(): the number of subscripts in the equation ({letters}) is more than the number of dimensions ({s.ndim}) for "
            f"operand {i}"
        )
    return s.ndim - letters


def _labels(term: Term, hidden: int) -> tuple[Any, ...]:
    return tuple(label for x in term for label in (range(-hidden, 0) if x == ELLIPSIS else (x,)))


def _without_repeats(s: Symbol, labels: tuple[Any, ...], operand: int) -> tuple[Symbol, tuple[Any, ...]]:
    """Repeated labels become a diagonal, which is the last dim."""
    while len(set(labels)) < len(labels):
        x = next(label for label in labels if labels.count(label) > 1)
        i = labels.index(x)
        j = labels.index(x, i + 1)
        if s.shape[i] != s.shape[j]:
            raise RuntimeError(
                f"einsum(): subscript {x} is repeated for operand {operand} but the sizes don't match, {s.shape[j]} != {s.shape[i]}"
            )
        s = diagonal_of(s, 0, i, j)
        labels = (*(label for k, label in enumerate(labels) if k not in (i, j)), x)
    return s, labels


def _sizes(labelled: Sequence[tuple[Symbol, tuple[Any, ...]]]) -> dict[Any, int]:
    """The size of every label; sizes of 1 broadcast."""
    sizes: dict[Any, int] = {}
    for i, (s, labels) in enumerate(labelled):
        for x, n in zip(labels, s.shape, strict=True):
            have = sizes.get(x, 1)
            if n not in (1, have) and have != 1:
                what = f"subscript {x}" if isinstance(x, str) else f"dimension {x} of the ellipsis"
                raise RuntimeError(
                    f"einsum(): {what} has size {n} for operand {i} which does not broadcast with previously seen size {have}"
                )
            sizes[x] = n if have == 1 else have
    return sizes


def _squeezed(s: Symbol, labels: tuple[Any, ...], sizes: dict[Any, int]) -> tuple[Symbol, tuple[Any, ...]]:
    """An operand without the size-1 dims that broadcast."""
    kept = [i for i, x in enumerate(labels) if s.shape[i] == sizes[x]]
    if len(kept) == s.ndim:
        return s, labels
    return reshape_to(s, tuple(s.shape[i] for i in kept)), tuple(labels[i] for i in kept)


def _cheapest_pair(pending: Sequence[tuple[Symbol, tuple[Any, ...]]], final: tuple[Any, ...], sizes: dict[Any, int]) -> tuple[int, int]:
    """The pair whose contraction shrinks the total size most (the greedy order of opt_einsum)."""

    def growth(pair: tuple[int, int]) -> int:
        elsewhere = {*final, *(x for k, (_, labels) in enumerate(pending) if k not in pair for x in labels)}
        both = {x for k in pair for x in pending[k][1]}
        return prod(sizes[x] for x in both & elsewhere) - sum(pending[k][0].numel for k in pair)

    return min(combinations(range(len(pending)), 2), key=growth)


@einsum.samples
def _(draw: Any) -> Any:
    for equation, *shapes in (
        ("ij,jk->ik", (2, 3), (3, 4)), ("bij,bjk", (5, 2, 3), (5, 3, 4)), ("ii->i", (3, 3)), ("ii", (3, 3)), ("...ij->...ji",
            (2, 3, 4)), ("ij->", (2, 3)),
        ("i,j", (2,), (3,)), ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)), ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)), ("...a,...a->...",
            (2, 3, 4), (3, 4)),
        ("ij,ij->ij", (2, 1), (1, 3)), ("ba", (2, 3)), ("iij,jk->ik", (2, 2, 3), (3, 2)), ("a...->...", (2, 3)), ("i,ij,j->", (2,), (2, 3),
            (3,)),
    ):
        yield Sample((equation, *(draw(*s) for s in shapes)))


@einsum.errors
def _(draw: Any) -> Any:
    yield Bad(("ij,jk", draw(2, 3)), {}, RuntimeError, "fewer operands were provided")
    yield Bad(("ij", draw(2, 3), draw(2, 3)), {}, RuntimeError, "more operands were provided")
    yield Bad(("ijk", draw(2, 3)), {}, RuntimeError, "does not match the number of dimensions")
    yield Bad(("ij->ik", draw(2, 3)), {}, RuntimeError, "does not appear in the equation")
    yield Bad(("ij->ii", draw(2, 3)), {}, RuntimeError, "appears more than once in the output")
    yield Bad(("i1", draw(2, 3)), {}, RuntimeError, r"subscripts must be in \[a-zA-Z\]")
    yield Bad(("ii", draw(2, 3)), {}, RuntimeError, "sizes don't match")
    yield Bad(("ij,jk", draw(2, 3), draw(2, 3)), {}, RuntimeError, "does not broadcast with previously seen size")
    yield Bad(("..ij", draw(2, 3)), {}, RuntimeError, "found '.'")


__all__ = ["einsum", "parse"]
