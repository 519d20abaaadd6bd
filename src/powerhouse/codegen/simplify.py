"""Simplification: rewrite rules on symbols, before fusion.

A rule is given a symbol whose inputs are simple already, and gives a simpler one of the same value, or None. Only rules that keep the
numbers stand here, up to the order of a sum. Marks (variables, aliases, kept values) are looked through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod

from ..core import dtypes as dt
from ..graph import memo
from ..graph.op import IDENTITIES, LAST, cast, constant, constant_value, expand, fit
from ..graph.symbol import Symbol, make
from ..graph.walk import postorder
from ..ops.arithmetic import times
from ..ops.matmul import batched_matmul, is_turned, turned
from ..ops.shape import span
from ..ops.views import permute_dims, reduce_sum, reshape_to
from .fuse import REDUCTIONS

Rule = Callable[[Symbol], "Symbol | None"]
RULES: dict[str, list[Rule]] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Declare a rule for the ops `names`."""

    def declare(function: Rule) -> Rule:
        for name in names:
            RULES.setdefault(name, []).append(function)
        return function

    return declare


def simplify(outputs: Sequence[Symbol]) -> dict[Symbol, Symbol]:
    """For each of `outputs`, the simplest known symbol of the same value."""
    return {s: _simplest(s) for s in outputs}


def _simplest(s: Symbol) -> Symbol:
    known = memo.answers
    for t in postorder([s], lambda t: () if (simplify, t) in known else _inputs(t)):
        if (simplify, t) not in known:
            known[simplify, t] = _rewritten(t)
    return known[simplify, s]


def _inputs(s: Symbol) -> Iterable[Symbol]:
    return s.inputs[-1:] if s.op in IDENTITIES or s.op in LAST else s.inputs


def _rewritten(s: Symbol) -> Symbol:
    """`s` on simple inputs, after the first rule that applies."""
    inputs = tuple([memo.answers[simplify, i] for i in _inputs(s)])
    if s.op in IDENTITIES or s.op in LAST:
        return inputs[0]
    if inputs != s.inputs:
        s = make(s.op, inputs, s.attrs)
    for rewrite in RULES.get(s.op.name, ()):
        simpler = rewrite(s)
        if simpler is not None:
            return _simplest(simpler)
    return s


# --- elementwise ops ----------------------------------------------------------------------------------------------------------------


def _keeps_all(a: dt.dtype, b: dt.dtype) -> bool:
    """Whether every number of dtype `a` is one of `b`."""
    if a.category == b.category == dt.FLOAT:
        return a.itemsize < b.itemsize
    if a.category == b.category == dt.INTEGER:
        signed = b.numpy.kind == "i" or a.numpy.kind == "u"
        return a.itemsize < b.itemsize and signed
    return a is dt.bool_ and b.category in (dt.INTEGER, dt.FLOAT)


@rule("cast")
def _(s: Symbol) -> Symbol | None:
    """A cast of a cast that lost nothing; a cast to what it is."""
    (x,) = s.inputs
    if x.dtype is s.dtype and not x.weak:
        return x
    if x.op is cast and not x.inputs[0].weak and _keeps_all(x.inputs[0].dtype, x.dtype):
        return cast(x.inputs[0], s.dtype)
    return None


@rule("negate")
def _(s: Symbol) -> Symbol | None:
    """- - x."""
    (x,) = s.inputs
    return x.inputs[0] if x.op is s.op else None


def scalar_value(s: Symbol) -> int | float | bool | complex | None:
    """The number that a symbol is a constant of, whatever its shape and dtype; None if it is none."""
    while s.op is cast or s.op is expand or s.op is reshape_to:
        s = s.inputs[0]
    return constant_value(s)


@rule("times")
def _(s: Symbol) -> Symbol | None:
    """x * 1."""
    a, b = s.inputs
    return a if scalar_value(b) == 1 else b if scalar_value(a) == 1 else None


@rule("over")
def _(s: Symbol) -> Symbol | None:
    """x / 1."""
    return s.inputs[0] if scalar_value(s.inputs[1]) == 1 else None


@rule("minus")
def _(s: Symbol) -> Symbol | None:
    """x - 0, which keeps -0.0; x - -0.0 does not."""
    zero = scalar_value(s.inputs[1])
    return s.inputs[0] if zero is not None and repr(zero) in ("0", "0.0") else None


@rule("plus")
def _(s: Symbol) -> Symbol | None:
    """x + 0 of integers (of floats, -0.0 + 0 is 0.0)."""
    if s.dtype.category != dt.INTEGER:
        return None
    a, b = s.inputs
    return a if scalar_value(b) == 0 else b if scalar_value(a) == 0 else None


# --- views --------------------------------------------------------------------------------------------------------------------------


@rule("permute_dims")
def _(s: Symbol) -> Symbol | None:
    """A permutation of a permutation; one that moves nothing."""
    (x,), (dims,) = s.inputs, s.attrs
    if dims == tuple(range(len(dims))):
        return x
    return make(permute_dims, x.inputs, (tuple(x.attrs[0][d] for d in dims),)) if x.op is permute_dims else None


@rule("reshape_to")
def _(s: Symbol) -> Symbol | None:
    """A reshape of a reshape; one that changes nothing."""
    (x,) = s.inputs
    if x.shape == s.shape:
        return x
    return make(reshape_to, x.inputs, s.attrs) if x.op is reshape_to else None


@rule("expand")
def _(s: Symbol) -> Symbol | None:
    """An expand of an expand; one that repeats nothing; one behind a reshape that only put dims of size 1 in front."""
    (x,) = s.inputs
    if x.shape == s.shape:
        return x
    if x.op is expand:
        return make(expand, x.inputs, s.attrs)
    if x.op is reshape_to and x.ndim > (inner := x.inputs[0]).ndim and x.shape == (1,) * (x.ndim - inner.ndim) + inner.shape:
        return make(expand, (inner,), s.attrs)
    return None


# --- reductions ---------------------------------------------------------------------------------------------------------------------


@rule(*REDUCTIONS)
def _(s: Symbol) -> Symbol | None:
    """A reduction over dims of size 1."""
    (x,), (dims,) = s.inputs, s.attrs
    return make(reshape_to, (x,), (s.shape,)) if dims and all(x.shape[d] == 1 for d in dims) else None


@rule(*REDUCTIONS)
def _(s: Symbol) -> Symbol | None:
    """A reduction of a permuted value: of the value, over the dims that were moved."""
    (x,), (dims,) = s.inputs, s.attrs
    if x.op is not permute_dims:
        return None
    moved = x.attrs[0]
    reduced = make(s.op, x.inputs, (tuple(sorted(moved[d] for d in dims)),))
    left = [moved[d] for d in range(x.ndim) if d not in dims]  # the dims that are kept, as they come out
    order = tuple(sorted(left).index(d) for d in left)
    return make(permute_dims, (reduced,), (order,))


@rule(*REDUCTIONS)
def _(s: Symbol) -> Symbol | None:
    """A reduction of a reshaped value, where dims that were split or merged are reduced all or not at all."""
    (x,), (dims,) = s.inputs, s.attrs
    if x.op is not reshape_to or not dims or x.numel == 0:
        return None
    inner = x.inputs[0]
    found: list[int] = []
    for old, new in _matched(inner.shape, x.shape):
        hit = [d in dims for d in new if x.shape[d] != 1]
        if any(hit):
            if not all(hit):
                return None
            found += old
    if not found:
        return None
    return make(reshape_to, (make(s.op, (inner,), (tuple(found),)),), (s.shape,))


def _matched(a: tuple[int, ...], b: tuple[int, ...]) -> list[tuple[list[int], list[int]]]:
    """The dims of two shapes of the same (nonzero) size in groups that hold the same elements."""
    groups = []
    i = j = 0
    while i < len(a) or j < len(b):
        left, right = [i] if i < len(a) else [], [j] if j < len(b) else []
        i, j = i + len(left), j + len(right)
        while (m := prod(a[d] for d in left)) != (n := prod(b[d] for d in right)):
            if m < n:
                left.append(i)
                i += 1
            else:
                right.append(j)
                j += 1
        groups.append((left, right))
    return groups


@rule(*REDUCTIONS)
def _(s: Symbol) -> Symbol | None:
    """A reduction of repeated values: of one of them, times how often it was repeated."""
    (x,), (dims,) = s.inputs, s.attrs
    if x.op is not expand or x.dtype.itemsize < 4 or x.numel == 0:
        return None
    inner = x.inputs[0]
    own = (1,) * (x.ndim - inner.ndim) + inner.shape
    repeated = [d for d in dims if own[d] != x.shape[d]]
    if not repeated or inner.weak:
        return None
    thin = tuple(1 if d in repeated else n for d, n in enumerate(x.shape))
    one = make(s.op, (make(expand, (make(reshape_to, (inner,), (own,)),), (thin,)),), (dims,))
    if s.op is not reduce_sum:
        return one
    count = constant(prod(x.shape[d] for d in repeated))
    return make(times, (one, fit(count, s.dtype, s.shape)))


# --- products whose result is only ever seen turned ---------------------------------------------------------------------------------


def turn_products(outputs: Sequence[Symbol]) -> list[Symbol]:
    """The outputs, where a matrix product of which all readers want the transpose (a weight's gradient) gives that at once.

    Unlike the rules, it asks who else reads a value: a product that is also read as it is stays.
    """
    order = postorder(outputs, lambda s: s.inputs)
    as_it_is = set(outputs)
    for s in order:
        if not is_turned(s):
            as_it_is.update(s.inputs)
    new: dict[Symbol, Symbol] = {}
    for s in order:
        new[s] = _turned(s, new, as_it_is)
    return [new[s] for s in outputs]


def _turned(s: Symbol, new: dict[Symbol, Symbol], as_it_is: set[Symbol]) -> Symbol:
    """What takes the place of `s`, whose inputs have been replaced by `new` ones."""
    if is_turned(s) and s.inputs[0].op is batched_matmul and s.inputs[0] not in as_it_is:
        a, b = (new[i] for i in s.inputs[0].inputs)
        return _simplest(make(batched_matmul, (turned(b), turned(a))))
    inputs = tuple([new[i] for i in s.inputs])
    return s if inputs == s.inputs else make(s.op, inputs, s.attrs)


# --- half precision ------------------------------------------------------------------------------------------------------------------


@rule("batched_matmul", "conv", "conv_input_gradient", "conv_weight_gradient")
def _(s: Symbol) -> Symbol | None:
    """Products of 16-bit floats are summed in float32, and rounded once."""
    if s.dtype not in (dt.bfloat16, dt.float16):
        return None
    return cast(make(s.op, tuple(cast(i, dt.float32) for i in s.inputs), s.attrs), s.dtype)


# --- several results of one op --------------------------------------------------------------------------------------------------------


@rule("item")
def _(s: Symbol) -> Symbol | None:
    """A part of a value is a slice."""
    (node,), (index,) = s.inputs, s.attrs
    if node.op.name == "parted":
        sizes, dim = node.attrs
        return span(node.inputs[0], dim, sum(sizes[:index]), sizes[index])
    return None


__all__ = ["RULES", "simplify", "turn_products"]
