"""Copies, joins and writes to a part of a tensor: every bit is the reference's, for all widths, strides and targets."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from powerhouse.codegen import testing
from powerhouse.codegen.movement import lower_copy, number_of
from powerhouse.codegen.moves import Move, merged, moves_to_tasks
from powerhouse.codegen.target import TARGETS
from powerhouse.codegen.task import At, Place
from powerhouse.core import config
from powerhouse.core import dtypes as dt
from powerhouse.graph.op import cast, constant, expand, leaf, number
from powerhouse.graph.symbol import Type, make
from powerhouse.nn._recurrence import parted
from powerhouse.ops.joining import concat, copied
from powerhouse.ops.reduction import iota
from powerhouse.ops.turning import reversed_order
from powerhouse.ops.views import (
    diagonal_of,
    permute_dims,
    reshape_to,
    slice_of,
    slice_put,
    strided,
    strided_put,
    windows_of,
    zeros,
)
from powerhouse.runtime import native

DTYPES = ("uint8", "bool", "int16", "float32", "float64", "complex128")
SHAPES = ((), (0,), (1,), (33,), (17, 33), (65, 100), (3, 4, 5), (2, 0, 3), (130, 7, 19), (20_000,))


def drawn(*shape, dtype="float32", seed=0):
    """Random bits of a dtype, or the truth."""
    rng = np.random.default_rng((seed, *shape))
    values = rng.standard_normal(shape) * 100
    return values > 0 if dtype == "bool" else np.asarray(values).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_copies(lowered, shape, dtype):
    """Copies of a tensor, turned around, turned over, merged and repeated."""
    x = lowered.leaf(drawn(*shape, dtype=dtype))
    n = len(shape)
    lowered.check(copied(x))
    lowered.check(expand(x, (3, *shape)))
    lowered.check(expand(reshape_to(x, (*shape, 1)), (*shape, 37)))
    if n:
        lowered.check(reversed_order(x, (n - 1,)))
        lowered.check(reversed_order(x, tuple(range(n))))
    if n > 1:
        turned = permute_dims(x, tuple(reversed(range(n))))
        lowered.check(copied(turned))
        lowered.check(reshape_to(turned, (x.numel,)))
        lowered.check(permute_dims(x, (*range(n - 2), n - 1, n - 2)))
        lowered.check(concat((turned, turned), 0))


@pytest.mark.parametrize("dtype", ("uint8", "float32", "float64"))
@pytest.mark.parametrize("n", (1, 3, 15, 16, 17, 33, 100, 5000))
def test_strides(lowered, n, dtype):
    """Slices of every length with steps, short rows, and diagonals."""
    x = lowered.leaf(drawn(7, 2 * n + 1, dtype=dtype))
    for first, step in ((0, 2), (1, 2), (1, 1)):
        lowered.check(slice_of(x, ((0, 7, 1), (first, n, step))))
    rows = 70 if n < 1000 else 5
    y = lowered.leaf(drawn(3, rows, 5, n, dtype=dtype))
    lowered.check(permute_dims(y, (2, 0, 1, 3)))
    lowered.check(slice_of(y, ((0, 3, 1), (0, rows, 1), (1, 3, 1), (0, n, 1))))
    lowered.check(diagonal_of(y, 1, 1, 2))
    lowered.check(strided(x, (3, 4), (1, 2), 5))
    lowered.check(windows_of(y, 1, 6, 3))


@pytest.mark.parametrize("target", ("sse2", "avx2", "avx512"))
@pytest.mark.parametrize("dtype", ("uint8", "float32"))
def test_targets(lowered, target, dtype):
    """The kernels for each processor move rows, tiles and their edges."""
    if list(TARGETS).index(target) < list(TARGETS).index(native.host()):
        pytest.skip("the processor cannot run it")
    with config.override(target=target):
        x = lowered.leaf(drawn(53, 91, dtype=dtype))
        lowered.check(copied(x))
        lowered.check(permute_dims(x, (1, 0)))
        lowered.check(slice_of(x, ((0, 53, 1), (0, 40, 2))))
        lowered.check(reversed_order(x, (1,)))
        lowered.check(permute_dims(lowered.leaf(drawn(4, 5, 6, 7, dtype=dtype)), (2, 1, 0, 3)))
        lowered.check(expand(reshape_to(x, (53, 91, 1)), (53, 91, 21)))


def test_units_of_a_long_row(lowered):
    """A long row is cut into pieces, of which the last is shorter."""
    x = lowered.leaf(drawn(100_001))
    (task,) = lowered.tasks(copied(x))
    assert task.count == -(-100_001 // 4096)
    lowered.check(copied(x))


def test_concat(lowered):
    """Parts of several strides, one of them empty, one of them a number."""
    a, b = lowered.leaf(drawn(4, 1, 6)), lowered.leaf(drawn(6, 3, 4))
    parts = (a, permute_dims(b, (2, 1, 0)), lowered.leaf(drawn(4, 0, 6)), zeros((4, 2, 6), dt.float32), expand(a, (4, 1, 6)))
    lowered.check(concat(parts, 1))


def test_parted(lowered):
    """Several results of one lowering."""
    for x, sizes in ((lowered.leaf(drawn(5, 12)), (3, 0, 9)), (permute_dims(lowered.leaf(drawn(12, 5)), (1, 0)), (4, 8))):
        lowered.check(parted(x, sizes, 1)[0].inputs[0])


BOUNDS = (
    ((1, 4, 1), (2, 5, 1), (0, 9, 1)),
    ((0, 6, 1), (0, 8, 1), (0, 9, 1)),
    ((5, 1, 1), (7, 1, 1), (8, 1, 1)),
    ((0, 3, 2), (1, 3, 2), (2, 7, 1)),
    ((2, 0, 1), (0, 8, 1), (0, 9, 1)),
    ((1, 2, 3), (0, 1, 2), (8, 1, 5)),
)


@pytest.mark.parametrize("bounds", BOUNDS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_slice_put(lowered, bounds, dtype):
    """A box is written, and nothing else is changed; in a base of zeros, and with a value that is a number."""
    base = lowered.leaf(drawn(6, 8, 9, dtype=dtype))
    shape = tuple(n for _, n, _ in bounds)
    value = lowered.leaf(drawn(*shape, dtype=dtype, seed=1))
    lowered.check(slice_put(base, value, bounds))
    lowered.check(slice_put(base, permute_dims(lowered.leaf(drawn(*shape[::-1], dtype=dtype)), (2, 1, 0)), bounds))
    lowered.check(slice_put(permute_dims(lowered.leaf(drawn(9, 8, 6, dtype=dtype)), (2, 1, 0)), value, bounds))
    if dtype != "complex128":
        lowered.check(slice_put(zeros(base.shape, base.dtype), value, bounds))
        lowered.check(slice_put(base, zeros(shape, base.dtype), bounds))


def test_put_in_place(lowered):
    """Where the result has the base's memory, only the box is written."""
    base, value = lowered.leaf(drawn(50, 40)), lowered.leaf(drawn(3, 40, seed=1))
    s = slice_put(base, value, ((7, 3, 1), (0, 40, 1)))
    want = lowered.value(s).copy()
    memory = lowered.value(base).copy()
    for task in lowered.tasks(s):
        testing._execute(task, {base: memory, s: memory, value: lowered.value(value)}, 2)
    np.testing.assert_array_equal(memory, want)


def test_strided_put(lowered):
    """A diagonal is written; indices that may meet are left to the reference."""
    base, value = lowered.leaf(drawn(9, 11)), lowered.leaf(drawn(9))
    lowered.check(strided_put(base, value, (9,), (12,), 1, False))
    lowered.check(strided_put(zeros((9, 11), dt.float32), value, (9,), (12,), 1, True))
    windows = lowered.leaf(drawn(4, 3))
    assert lowered.tasks(strided_put(base, windows, (4, 3), (2, 1), 0, False)) is None
    assert lowered.tasks(strided_put(base, value, (9,), (12,), 1, True)) is None


def test_iota(lowered):
    """Numbers in order."""
    for n in (0, 1, 7, 8, 1000):
        lowered.check(iota(n))


@pytest.mark.parametrize(
    ("value", "kind"),
    [(0, dt.float32), (1.1, dt.float32), (1.1, dt.float64), (-3, dt.uint8), (2.5, dt.int32), (2**40 + 1, dt.int64), (True, dt.float64)],
    ids=str,
)
def test_numbers(lowered, value, kind):
    """A constant is cast as the reference casts it, and fills a tensor."""
    one = cast(constant(value), kind)
    lowered.check(expand(one, (3, 5)))
    lowered.check(concat((expand(one, (2, 3)), expand(one, (1, 3))), 0))


def test_numbers_of_the_program():
    """A Python number that is known when the program runs is among the numbers of its task."""
    given = make(number, (), (4, "float"))
    chain = number_of(expand(cast(given, dt.float64), (2, 3)))
    assert chain is not None and chain[0] is given and [s.dtype for s in chain[1:]] == [dt.float64]
    assert number_of(make(leaf, (), (900_001, Type((), dt.float32)))) is None


def test_a_place_of_ones_own(lowered):
    """`lower_copy` copies whatever a place shows."""
    x = lowered.leaf(drawn(30))
    s = make(leaf, (), (900_000, Type((4, 3), dt.float32)))
    got = testing.run(lower_copy(s, Place(x, (2, -1), 10)), {x: lowered.value(x)})[s]
    want = lowered.value(x)[10 + 2 * np.arange(4)[:, None] - np.arange(3)]
    np.testing.assert_array_equal(got, want)


def test_merged():
    """Dims become one where they lie as one everywhere."""
    assert merged((2, 3, 4), (12, 4, 1), (12, 4, 1)) == [(24, 1, 1)]
    assert merged((2, 3, 4), (12, 4, 1), (4, 8, 1)) == [(2, 12, 4), (3, 4, 8), (4, 1, 1)]
    assert merged((2, 1, 4), (4, 99, 1), (0, 7, 1)) == [(2, 4, 0), (4, 1, 1)]
    assert merged((1, 1), (5, 5)) == []


def test_one_task_for_each_manner(lowered):
    """Many moves of one manner are one task."""
    x = lowered.leaf(drawn(64, 64))
    s = make(leaf, (), (900_002, Type((64, 64), dt.float32)))
    straight = [Move((1, 64), At(x, 256 * k), (64, 1), At(s, 256 * k), (64, 1)) for k in range(32)]
    turned = [Move((32, 64), At(x, 128), (1, 64), At(s, 256 * 32), (64, 1))]
    tasks = moves_to_tasks(4, [*straight, *turned])
    assert len(tasks) == 2 and len({t.text for t in tasks}) == 2
    got = testing.run(tasks, {x: lowered.value(x)}, 3)[s]
    np.testing.assert_array_equal(got, np.concatenate([lowered.value(x)[:32], lowered.value(x).T[32:]]))
