"""Reading and writing where integer tensors say: the reference's results, its errors for bad indices, the same bits for any shares."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from powerhouse.codegen import testing
from powerhouse.codegen.target import TARGETS
from powerhouse.core import config
from powerhouse.ops.composite.cross_entropy import pick_class
from powerhouse.ops.embedding import checked_index
from powerhouse.ops.gather import gather_along, scatter_along, within
from powerhouse.ops.indexing import index_get, index_put
from powerhouse.ops.views import permute_dims, reshape_to, zeros
from powerhouse.runtime import native

DTYPES = ("bool", "int16", "float32", "float64")


def drawn(*shape, dtype="float32", seed=0):
    """Random values; floats small, so that products stay finite."""
    values = np.random.default_rng((seed, *shape)).standard_normal(shape) * (2 if dtype.startswith("f") else 100)
    return values > 1 if dtype == "bool" else np.asarray(values).astype(dtype)


def indices(low, high, *shape, dtype="int64"):
    """Random indices."""
    return np.random.default_rng((high, *shape)).integers(low, high, shape).astype(dtype)


def tolerance(dtype, mode):
    """How closely results must agree: where floats are added or multiplied, not to the bit."""
    return 1e-4 if dtype.startswith("float") and mode in ("sum", "prod") else None


# (shapes of the indices, the dims they are for) of a tensor (5, 6, 7, 9)
WHERE = (
    (((3, 1),), (0,)),
    (((4,),), (1,)),
    (((2, 4),), (3,)),
    (((3, 1), (1, 4)), (0, 2)),
    (((4,), (1, 4)), (1, 2)),
    (((2,), (2,), (2,), (2,)), (0, 1, 2, 3)),
    (((0,),), (1,)),
    (((),), (2,)),
)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("shapes", "dims"), WHERE, ids=str)
def test_index(lowered, shapes, dims, dtype):
    """Rows, elements and inner dims are read and written, in views too, through negative indices of several dtypes."""
    sizes = (5, 6, 7, 9)
    kinds = ("int64", "int32", "int64", "int16")
    drawn_at = zip(dims, shapes, kinds[: len(dims)], strict=True)
    where = tuple(lowered.leaf(indices(-sizes[d], sizes[d], *shape, dtype=kind)) for d, shape, kind in drawn_at)
    x = lowered.leaf(drawn(*sizes, dtype=dtype))
    turned = permute_dims(lowered.leaf(drawn(*sizes[::-1], dtype=dtype)), (3, 2, 1, 0))
    for source in (x, turned):
        lowered.check(index_get((source, *where), dims))
    shape = index_get((x, *where), dims).shape
    value = lowered.leaf(drawn(*shape, dtype=dtype, seed=1))
    for base in (x, turned, zeros(sizes, x.dtype)):
        lowered.check(index_put((base, value, *where), dims, False))
        lowered.check(index_put((base, value, *where), dims, True), tolerance(dtype, "sum"))


@pytest.mark.parametrize("columns", (1, 3, 64, 192, 300))
def test_rows_that_come_often(lowered, columns):
    """A table of few rows: many are added to one, whatever the value's strides."""
    table = zeros((7, columns), lowered.leaf(drawn(1)).dtype)
    index = lowered.leaf(indices(-7, 7, 8, 100))
    straight = lowered.leaf(drawn(8, 100, columns))
    turned = permute_dims(lowered.leaf(drawn(100, 8, columns)), (1, 0, 2))
    for value in (straight, turned, zeros((8, 100, columns), table.dtype)):
        lowered.check(index_put((table, value, index), (0,), True), 1e-4)
        lowered.check(index_put((table, value, index), (0,), False))


def test_single_elements(lowered):
    """Enough elements that each unit has a part of the result; the last write to an element wins."""
    x, index, value = lowered.leaf(drawn(50)), lowered.leaf(indices(0, 50, 9000)), lowered.leaf(drawn(9000))
    with config.override(threads=3):
        (*_, put) = lowered.tasks(index_put((x, value, index), (0,), False))
        assert put.count == 3
        lowered.check(index_put((x, value, index), (0,), False))
        lowered.check(index_put((x, value, index), (0,), True), 1e-4)


def test_put_in_place(lowered):
    """Where the result has the base's memory, nothing else is written."""
    base, value, index = lowered.leaf(drawn(50, 40)), lowered.leaf(drawn(3, 40, seed=1)), lowered.leaf(np.array([4, -1, 7]))
    s = index_put((base, value, index), (0,), True)
    want, memory = lowered.value(s).copy(), lowered.value(base).copy()
    arrays = {base: memory, s: memory, value: lowered.value(value), index: lowered.value(index)}
    for task in lowered.tasks(s):
        for temp in (at.base for at in (*task.reads, *task.writes) if at.base not in arrays):
            arrays[temp] = np.zeros(temp.bytes, np.uint8)
        testing._execute(task, arrays, 2)
    np.testing.assert_array_equal(memory, want)


@pytest.mark.parametrize("dtype", ("bool", "int64", "float32"))
@pytest.mark.parametrize("dim", (0, 1))
def test_along(lowered, dim, dtype):
    """One element for each index; and back, in each of the ways that elements are combined."""
    x = lowered.leaf(drawn(65, 92, dtype=dtype))
    for shape in ((65, 92), (10, 7), (0, 3), (3, 92)):
        straight = lowered.leaf(indices(0, x.shape[dim], *shape))
        turned = permute_dims(lowered.leaf(indices(0, x.shape[dim], *shape[::-1], dtype="int32")), (1, 0))
        value = lowered.leaf(drawn(*shape, dtype=dtype, seed=1))
        for index in (straight, turned):
            lowered.check(gather_along(x, index, dim))
            for mode in ("set", "sum", "prod", "amax", "amin"):
                if dtype != "bool" or mode in ("set", "sum"):
                    lowered.check(scatter_along(x, index, value, dim, mode), tolerance(dtype, mode))


def test_along_an_inner_dim(lowered):
    """Three dims, the middle one indexed; and one dim alone."""
    x, index, value = lowered.leaf(drawn(4, 9, 70)), lowered.leaf(indices(0, 9, 3, 20, 66)), lowered.leaf(drawn(3, 20, 66))
    lowered.check(gather_along(x, index, 1))
    lowered.check(scatter_along(x, index, value, 1, "sum"), 1e-4)
    line, places = lowered.leaf(drawn(30)), lowered.leaf(indices(0, 30, 200))
    lowered.check(gather_along(line, places, 0))
    lowered.check(scatter_along(line, places, lowered.leaf(drawn(200)), 0, "set"))


def test_nan_is_the_extreme(lowered):
    """A nan that is combined by maximum or minimum stays."""
    x = lowered.leaf(np.array([1.0, np.nan, 3.0, 4.0], np.float32))
    index, value = lowered.leaf(np.array([0, 1, 2, 2])), lowered.leaf(np.array([np.nan, 5.0, np.nan, 9.0], np.float32))
    with np.errstate(all="ignore"):
        for mode in ("amax", "amin"):
            lowered.check(scatter_along(x, index, value, 0, mode))


def test_classes(lowered):
    """The element of each target's class; zero where the target is left out."""
    x, target = lowered.leaf(drawn(65, 192)), indices(0, 192, 65)
    lowered.check(pick_class(x, lowered.leaf(target), -100))
    target[::7] = -100
    lowered.check(pick_class(x, lowered.leaf(target), -100))
    planes, targets = lowered.leaf(drawn(3, 5, 4, 6, dtype="float64")), lowered.leaf(indices(0, 5, 3, 4, 6))
    lowered.check(pick_class(planes, targets, 2))
    lowered.check(pick_class(permute_dims(lowered.leaf(drawn(192, 65)), (1, 0)), lowered.leaf(indices(0, 192, 65)), -100))


def test_checks(lowered):
    """Indices that fit come through; in views too."""
    index = lowered.leaf(indices(0, 9, 100, 70))
    lowered.check(checked_index(index, 9, "{}"))
    lowered.check(checked_index(permute_dims(index, (1, 0)), 9, "{}"))
    lowered.check(within(lowered.leaf(indices(0, 9, 10, dtype="int32")), 9, "op"))
    lowered.check(checked_index(reshape_to(lowered.leaf(np.zeros((0,), np.int64)), (0, 3)), 9, "{}"))


def refusals(lowered):
    """Symbols with one index that does not fit."""
    x = lowered.leaf(drawn(5, 6))
    at = {name: lowered.leaf(np.array(v)) for name, v in {"five": [1, 5], "below": [1, -7], "eight": [[1, 8]], "minus": [[1, -1]]}.items()}
    yield checked_index(lowered.leaf(np.array([3, -2, 9])), 9, "{} is bad")
    yield checked_index(lowered.leaf(np.array([3, 2, 9])), 9, "{} is bad")
    yield index_get((x, at["five"]), (0,))
    yield index_get((x, at["below"]), (1,))
    yield index_get((x, lowered.leaf(np.array([1, 1])), at["below"]), (0, 1))
    yield index_put((x, lowered.leaf(drawn(2, 6)), at["five"]), (0,), True)
    yield gather_along(x, at["eight"], 1)
    yield scatter_along(x, at["minus"], lowered.leaf(drawn(1, 2)), 1, "sum")
    yield pick_class(x, lowered.leaf(np.array([1, 2, -100, 6, 0])), -100)


def test_refusals(lowered):
    """A bad index is refused with the reference's words, and nothing outside is touched."""
    for s in refusals(lowered):
        with pytest.raises(Exception) as want:
            lowered.value(s)
        with pytest.raises(type(want.value)) as got:
            lowered.run(s, 2)
        assert str(got.value) == str(want.value)


def test_what_is_left_to_the_reference(lowered):
    """Half precision is not added up."""
    x, index = lowered.leaf(drawn(5, 6, dtype="float16")), lowered.leaf(np.array([1, 1]))
    value = lowered.leaf(drawn(2, 6, dtype="float16"))
    assert lowered.tasks(index_put((x, value, index), (0,), True)) is None
    lowered.check(index_put((x, value, index), (0,), False))
    lowered.check(index_get((x, index), (0,)))


@pytest.mark.parametrize("target", ("sse2", "avx2"))
def test_targets(lowered, target):
    """The kernels for other processors add rows and their ends."""
    if list(TARGETS).index(native.host()) > list(TARGETS).index(target):
        pytest.skip("the processor cannot run it")
    with config.override(target=target):
        table, index, value = lowered.leaf(drawn(9, 37)), lowered.leaf(indices(0, 9, 50)), lowered.leaf(drawn(50, 37))
        lowered.check(index_put((table, value, index), (0,), True), 1e-4)
        lowered.check(index_get((table, index), (0,)))
        lowered.check(scatter_along(table, lowered.leaf(indices(0, 9, 9, 37)), table, 0, "amax"))
