"""Type promotion: the dtype of an op's result from those of its operands.

PyTorch's rule: operands fall in three ranks - tensors with dims, 0-d tensors, Python numbers. A lower rank changes the result
only when its category (bool < integer < float < complex) is higher.
"""

from __future__ import annotations

from collections.abc import Iterable

from . import dtypes as dt
from .dtypes import BOOL, COMPLEX, FLOAT, INTEGER, dtype


def promote(a: dtype, b: dtype) -> dtype:
    """The smallest dtype that both fit in, as PyTorch has it (`uint8` and `int8` give `int16`; the half types give `float32`)."""
    if a is b:
        return a
    if a.category != b.category:
        low, high = (a, b) if a.category < b.category else (b, a)
        if high.category == COMPLEX and low is dt.float64:
            return dt.complex128
        return high
    if a.category == INTEGER and a.is_signed != b.is_signed:
        return _mixed_sign(*((a, b) if a.is_signed else (b, a)))
    if a.rank == b.rank:
        return dt.float32
    return a if a.rank > b.rank else b


def _mixed_sign(signed: dtype, unsigned: dtype) -> dtype:
    if unsigned is not dt.uint8:
        raise RuntimeError(f"promote_types: promotion for {unsigned} and {signed} is not defined")
    return dt.int16 if signed is dt.int8 else signed


def result_type(operands: Iterable[tuple[dtype, int]]) -> dtype:
    """The promoted dtype of `(dtype, rank)` pairs; rank 2: a tensor with dims, 1: a 0-d tensor, 0: a Python number."""
    best: list[dtype | None] = [None, None, None]
    for d, rank in operands:
        have = best[rank]
        best[rank] = d if have is None else promote(have, d)
    numbers, scalars, dims = best
    if numbers is not None and numbers.category >= FLOAT:
        numbers = dt.default_float() if numbers.category == FLOAT else dt.default_complex()
    out = _raise_category(_raise_category(dims, scalars), numbers)
    if out is None:
        raise RuntimeError("result_type: expected at least one operand")
    return out


def _raise_category(strong: dtype | None, weak: dtype | None) -> dtype | None:
    if strong is None or weak is None:
        return strong or weak
    if weak.category <= strong.category:
        return strong
    if weak.category == COMPLEX and strong.category == FLOAT:
        return dt.COMPLEX_OF[strong]
    return weak


def to_float(d: dtype) -> dtype:
    """`d` if it is floating or complex, else the default float: the result of `true_divide`, `exp`, `mean` ..."""
    return d if d.category >= FLOAT else dt.default_float()


def accumulator(d: dtype) -> dtype:
    """The dtype of a sum: integers and bool sum in int64."""
    return dt.int64 if d.category in (BOOL, INTEGER) else d
