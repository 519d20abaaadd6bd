"""Views and writes through them, in random chains. NumPy's views alias as PyTorch's do: NumPy is the oracle, and PyTorch where installed.

A program is a list of steps. It starts with one tensor, and each step either looks at one of the tensors so far in another way
(and adds the view to them), writes to one of them, or reads one, which realizes what is pending. At the end all must agree.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import powerhouse
import powerhouse as torch
from powerhouse.engine import segment

# --- views: each by PyTorch's API and by NumPy's; `a`, `b`, `c` are any non-negative ints, `None` means "not possible here" -----------


def _at(dim, part):
    return (slice(None),) * dim + (part, Ellipsis)


def _part(n, a, b):
    """A start and a length within a size `n`."""
    start = a % (n + 1)
    return start, b % (n - start + 1)


def _exchange(x, a, b, c, backend):
    i, j = a % x.ndim, b % x.ndim
    return x.swapaxes(i, j) if backend is np else x.transpose(i, j)


def _slice(x, a, b, c, backend):
    dim = a % x.ndim
    start, length = _part(x.shape[dim], b, c)
    return x[_at(dim, slice(start, start + length, 1 + c % 2))]


def _narrow(x, a, b, c, backend):
    dim = a % x.ndim
    start, length = _part(x.shape[dim], b, c)
    return x[_at(dim, slice(start, start + length))] if backend is np else x.narrow(dim, start, length)


def _select(x, a, b, c, backend):
    dim = a % x.ndim
    if x.shape[dim] == 0:
        return None
    i = b % x.shape[dim]
    return x[_at(dim, i)] if backend is np else x.select(dim, i)


def _unsqueeze(x, a, b, c, backend):
    if x.ndim > 3:
        return None
    return np.expand_dims(x, a % (x.ndim + 1)) if backend is np else x.unsqueeze(a % (x.ndim + 1))


def _squeeze(x, a, b, c, backend):
    return x.squeeze()


def _diagonal(x, a, b, c, backend):
    if x.ndim < 2:
        return None
    i, offset = a % x.ndim, b % 3 - 1
    j = (i + 1 + c % (x.ndim - 1)) % x.ndim
    if backend is np:
        found = np.diagonal(x, offset, i, j)
        found.flags.writeable = True
        return found
    return x.diagonal(offset, i, j)


def _move(x, a, b, c, backend):
    return backend.moveaxis(x, a % x.ndim, b % x.ndim)


def _merge(x, a, b, c, backend):
    """A view where strides allow one, else a copy: both libraries decide alike."""
    return x.reshape(-1)


def _fold(x, a, b, c, backend):
    n = x.shape[0]
    return x.reshape(2, n // 2, *x.shape[1:]) if n and n % 2 == 0 and x.ndim < 4 else None


def _halves(x, a, b, c, backend):
    dim = a % x.ndim
    if x.shape[dim] < 2:
        return None
    return (np.array_split(x, 2, dim) if backend is np else x.tensor_split(2, dim))[b % 2]


def _turn(x, a, b, c, backend):
    return x.T if x.ndim == 2 else None


VIEWS = [_exchange, _slice, _narrow, _select, _unsqueeze, _squeeze, _diagonal, _move, _merge, _fold, _turn, _halves]
MULTIPLE = (_halves,)  # PyTorch refuses writes to one of several views where gradients are recorded
FOR_0D = (_unsqueeze, _squeeze, _merge)

# --- writes ---------------------------------------------------------------------------------------------------------------------


def _fill(x, y, v, backend):
    x[...] = v if backend is np else x.fill_(v)


def _add(x, y, v, backend):
    x += v


def _scale(x, y, v, backend):
    x *= 1 + v / 8


def _add_another(x, y, v, backend):
    """`x += y`, where `y` may lie in the same memory: a copy of it, so that the order of writing does not matter."""
    if tuple(y.shape) == tuple(x.shape[x.ndim - y.ndim :]):
        x += y.copy() if backend is np else y.clone()


def _copy_another(x, y, v, backend):
    if tuple(y.shape) == tuple(x.shape[x.ndim - y.ndim :]):
        if backend is np:
            x[...] = y.copy()
        else:
            x.copy_(y.clone())


def _set_first(x, y, v, backend):
    if x.ndim and x.shape[0]:
        x[0] = v


def _set_reversed_rows(x, y, v, backend):
    if x.ndim and x.shape[0] > 1:
        x[1:] = np.flip(x[1:], 0).copy() if backend is np else x[1:].flip(0)


def _set_by_mask(x, y, v, backend):
    x[x > v] = v - 1.0


def _set_by_positions(x, y, v, backend):
    if x.ndim and x.shape[0] > 1:
        at = np.array([-1, 0])
        x[at if backend is np else backend.tensor(at)] = v


def _triangle(x, y, v, backend):
    if x.ndim >= 2:
        if backend is np:
            x[...] = np.tril(x)
        else:
            x.tril_()


def _unseen(x, y, v, backend):
    """A write that autograd does not see: the gradient stays that of the value before."""
    if backend is np:
        x[...] = x * 2 + v
    else:
        x.detach().mul_(2).add_(v)


def _without_grad(x, y, v, backend):
    """Likewise."""
    if backend is np:
        x += v
    else:
        with backend.no_grad():
            x += v


WRITES = [
    _fill, _add, _scale, _add_another, _copy_another, _set_first, _set_reversed_rows, _set_by_mask, _set_by_positions, _triangle, _unseen,
    _without_grad,
]
NOT_DIFFERENTIABLE = (_set_by_mask,)  # a comparison of rounded values may fall either way

# --- programs -------------------------------------------------------------------------------------------------------------------

SHAPES = [(4,), (2, 3), (3, 3), (4, 2, 3), (2, 1, 2, 3), ()]
SMALL = st.integers(0, 11)
STEPS = st.lists(st.tuples(st.integers(0, 99), SMALL, SMALL, SMALL, SMALL), min_size=1, max_size=10)


def start(shape):
    """The first tensor's values."""
    return np.arange(1.0, 1.0 + np.prod(shape, dtype=int)).reshape(shape)


def look(x, kind, a, b, c, backend, views=VIEWS):
    """A view of `x`, or None."""
    view = views[kind % len(views)]
    return view(x, a, b, c, backend) if x.ndim or view in FOR_0D else None


def run(first, steps, backend, *, writes=WRITES, views=VIEWS, read=lambda x: None):
    """The tensors that the program makes, in order."""
    tensors = [first]
    for kind, which, a, b, c in steps:
        x, action = tensors[which % len(tensors)], kind % 5
        if action < 2:
            view = look(x, kind // 5, a, b, c, backend, views)
            if view is not None:
                tensors.append(view)
        elif action < 4:
            writes[kind // 5 % len(writes)](x, tensors[a % len(tensors)], float(b % 7 - 3), backend)
        else:
            read(x)
    return tensors


def agree(ours, expected):
    """Shapes and values are the same."""
    assert len(ours) == len(expected)
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b if isinstance(b, np.ndarray) else b.detach().numpy(), rtol=1e-12)


@given(st.sampled_from(SHAPES), STEPS)
@settings(max_examples=80, deadline=None)
def test_chains_against_numpy(shape, steps):
    """Every view sees every write."""
    expected = run(start(shape), steps, np)
    agree(run(powerhouse.tensor(start(shape)), steps, powerhouse, read=lambda x: x.tolist()), expected)


@given(st.sampled_from(SHAPES), STEPS)
@settings(max_examples=40, deadline=None)
def test_chains_over_memory_of_numpy(shape, steps):
    """Memory that NumPy owns: our writes reach it, and NumPy's writes reach every view, in between."""
    memory, twin = start(shape), start(shape)

    def outside(x):
        memory[...] += 1

    ours = run(powerhouse.from_numpy(memory), steps, powerhouse, read=outside)

    def outside_twin(x):
        twin[...] += 1

    expected = run(twin, steps, np, read=outside_twin)
    agree(ours, expected)
    np.testing.assert_allclose(memory, twin)


@given(st.sampled_from(SHAPES), STEPS)
@settings(max_examples=40, deadline=None)
def test_chains_against_pytorch(shape, steps):
    """Values, strides and offsets are PyTorch's."""
    torch = pytest.importorskip("torch")
    ours = run(powerhouse.tensor(start(shape)), steps, powerhouse, read=lambda x: x.tolist())
    theirs = run(torch.tensor(start(shape)), steps, torch)
    agree(ours, theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a._is_view() == b._is_view()
        assert a.is_contiguous() == b.is_contiguous()
        if a._is_view() and a.numel():
            assert a.storage_offset() == b.storage_offset()
            ours_s, theirs_s = ([s for s, n in zip(t.stride(), t.shape, strict=True) if n > 1] for t in (a, b))
            assert ours_s == theirs_s


@given(st.sampled_from(SHAPES), STEPS)
@settings(max_examples=40, deadline=None)
def test_gradients_through_writes_against_pytorch(shape, steps):
    """The gradient of a sum over all views with respect to what was there before the first write."""
    torch = pytest.importorskip("torch")
    writes = [w for w in WRITES if w not in NOT_DIFFERENTIABLE]
    views = [v for v in VIEWS if v not in MULTIPLE]

    def gradient(lib, read):
        x = lib.tensor(start(shape)).requires_grad_()
        tensors = run(x * 1.0, steps, lib, writes=writes, views=views, read=read)
        weights = [lib.arange(1.0, 1.0 + t.numel(), dtype=lib.float64).reshape(t.shape) for t in tensors]
        loss = sum((t * t * w).sum() for t, w in zip(tensors, weights, strict=True))
        return lib.autograd.grad(loss + 0 * x.sum(), x)[0].numpy()  # all of x may have been overwritten

    np.testing.assert_allclose(gradient(powerhouse, lambda x: x.tolist()), gradient(torch, lambda x: None), rtol=1e-9)


# --- what hypothesis need not find ------------------------------------------------------------------------------------------------


def test_a_write_reaches_base_and_siblings():
    """One memory, three tensors."""
    base = powerhouse.zeros(2, 3)
    row, column = base[1], base[:, 1]
    row.fill_(7)
    assert column.tolist() == [0, 7]
    column.zero_()
    assert base.tolist() == [[0, 0, 0], [7, 0, 7]]
    assert row.tolist() == [7, 0, 7]


def test_expanded_tensors_refuse_writes():
    """Elements that share one memory location cannot be written."""
    x = powerhouse.zeros(3, 1).expand(3, 4)
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor refers to a single memory location"):
        x.add_(1)


def test_leaf_variables_refuse_writes():
    """Neither a leaf nor a view of one may be written while gradients are recorded; under `no_grad` both may."""
    x = powerhouse.ones(3, requires_grad=True)
    for write in (lambda: x.fill_(0), lambda: x[0].zero_(), lambda: x.copy_(powerhouse.zeros(3))):
        with pytest.raises(RuntimeError, match="leaf Variable"):
            write()
    with powerhouse.no_grad():
        x[0].zero_()
    assert x.tolist() == [0, 1, 1]
    assert x.requires_grad
    assert x.is_leaf


@pytest.mark.parametrize("write", [lambda x: x.fill_(2.5), lambda x: x.copy_(powerhouse.tensor([1.5, 2.5])), lambda x: x.zero_()])
def test_writes_keep_the_dtype(write):
    """What is written is cast to the tensor's dtype."""
    x = powerhouse.ones(2, dtype=powerhouse.int32)
    assert write(x) is x
    assert x.dtype is powerhouse.int32


def test_copy_is_a_value_not_an_alias():
    """Writing to the source afterwards does not change the copy, pending or not."""
    source, target = powerhouse.ones(3), powerhouse.zeros(3)
    target.copy_(source)
    source.add_(1)
    assert target.tolist() == [1, 1, 1]
    kept = source.clone()
    source.zero_()
    assert kept.tolist() == [2, 2, 2]


@pytest.mark.parametrize("name, args, shape", [
    ("unsqueeze_", (0,), (1, 2, 3)), ("transpose_", (0, 1), (3, 2)), ("t_", (), (3, 2)), ("squeeze_", (), (2, 3)),
    ("swapaxes_", (0, -1), (3, 2)),
    ("as_strided_", ((2,), (1,)), (2,)), ("resize_", (3,), (3,)), ("resize_", (2, 4), (2, 4)),
])
def test_changing_the_shape_in_place(name, args, shape):
    """The same tensor object, over the same elements, in another shape."""
    x = powerhouse.arange(6.0).reshape(2, 3).clone()
    alias = x.detach()
    before = x.tolist()
    assert getattr(x, name)(*args) is x
    assert tuple(x.shape) == shape
    x.fill_(9)
    assert set(np.ravel(x.numpy()).tolist()) == {9.0}
    assert tuple(alias.shape) == (2, 3) or name == "resize_"
    assert before == [[0, 1, 2], [3, 4, 5]]


def test_resize_keeps_the_elements_in_order():
    """New elements come last."""
    x = powerhouse.arange(4)
    assert x.resize_(2, 3).reshape(-1)[:4].tolist() == [0, 1, 2, 3]
    assert powerhouse.arange(4).resize_(2).tolist() == [0, 1]
    with pytest.raises(RuntimeError, match="resize_"):
        powerhouse.ones(2, requires_grad=True).resize_(3)


def test_as_strided_speaks_of_the_storage():
    """A view of a view may look outside its parent, but not outside the storage."""
    base = powerhouse.arange(10)
    part = base[4:6]
    assert part.as_strided((3,), (3,), 0).tolist() == [0, 3, 6]
    assert part.as_strided((2,), (2,)).tolist() == [4, 6]
    part.as_strided((2,), (1,), 8).fill_(-1)
    assert base.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, -1, -1]
    with pytest.raises(RuntimeError, match="as_strided"):
        part.as_strided((3,), (5,), 0)


def test_fill_diagonal():
    """The main diagonal of all dims; of a tall matrix it can start again."""
    assert powerhouse.zeros(2, 3).fill_diagonal_(1).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert powerhouse.zeros(2, 2, 2).fill_diagonal_(1).sum().item() == 2
    expected = np.zeros((7, 3))
    np.fill_diagonal(expected, 1, wrap=True)
    assert powerhouse.zeros(7, 3).fill_diagonal_(1, wrap=True).tolist() == expected.tolist()
    with pytest.raises(RuntimeError, match="equal length"):
        powerhouse.zeros(2, 2, 3).fill_diagonal_(1)


def test_set_shares_memory():
    """Two tensors, one memory."""
    a, b = powerhouse.zeros(3), powerhouse.arange(4.0)
    assert a.set_(b[1:]) is a
    a.fill_(9)
    assert b.tolist() == [0, 9, 9, 9]
    assert a.is_set_to(b[1:])
    assert not a.is_set_to(b[:3])


def test_functions_of_several_tensors_give_views():
    """Grids and broadcast tensors share memory with what they are made of."""
    x = powerhouse.arange(3.0)
    assert powerhouse.meshgrid(x, powerhouse.zeros(2), indexing="ij")[0]._is_view()
    assert powerhouse.broadcast_tensors(x, powerhouse.zeros(2, 3))[0]._is_view()
    assert powerhouse.atleast_3d(x)._is_view()
    grids = [g.tolist() for g in powerhouse.meshgrid(x, powerhouse.arange(2.0), indexing="xy")]
    assert grids == [g.tolist() for g in np.meshgrid([0.0, 1.0, 2.0], [0.0, 1.0], indexing="xy")]
    assert [tuple(t.shape) for t in powerhouse.atleast_2d(x, powerhouse.tensor(1.0))] == [(1, 3), (1, 1)]
    assert powerhouse.cartesian_prod(x, x).shape == (9, 2)
    assert powerhouse.combinations(x, with_replacement=True).shape == (6, 2)
    np.testing.assert_array_equal(powerhouse.tril_indices(3, 4, 1).numpy(), np.stack(np.tril_indices(3, 1, 4)))
    np.testing.assert_array_equal(powerhouse.triu_indices(3, 4, -1).numpy(), np.stack(np.triu_indices(3, -1, 4)))


@pytest.mark.parametrize("name, expected", [("T", (4, 3)), ("mT", (4, 3)), ("H", (4, 3)), ("mH", (4, 3))])
def test_transposes_are_properties(name, expected):
    """Views of a real matrix."""
    x = powerhouse.zeros(3, 4)
    assert tuple(getattr(x, name).shape) == expected
    getattr(x, name)[0] = 1
    assert x[:, 0].tolist() == [1, 1, 1]


def test_view_refuses_what_would_be_a_copy():
    """`view` never copies; `reshape` may."""
    x = powerhouse.arange(6).reshape(2, 3)
    with pytest.raises(RuntimeError, match="view size is not compatible with input tensor's size and stride"):
        x.T.view(6)
    assert x.T.reshape(6).tolist() == [0, 3, 1, 4, 2, 5]
    assert x.T.view(3, 2, 1).shape == (3, 2, 1)


def test_another_batch_is_not_another_program():
    """Slices of data at other places are the same graph over other leaves."""
    data, target = torch.randn(100, 6), torch.randint(0, 3, (100,))
    net = torch.nn.Linear(6, 3)
    programs = set()
    original = segment._program
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segment, "_program", lambda outputs, *how: programs.add(outputs) or original(outputs, *how))
        for i in range(0, 100, 10):
            loss = torch.nn.functional.cross_entropy(net(data[i : i + 10]), target[i : i + 10])
            loss.backward()
            float(loss)
            net.zero_grad()
            if i == 20:
                programs.clear()
    assert len(programs) == 1


def test_a_piece_is_read_at_the_time_of_the_call():
    """What is written to the tensor afterwards, in place, through NumPy or by `data`, does not change it; what was written before does."""
    x = torch.arange(12.0).reshape(4, 3)
    piece = x[1:3]
    before = piece * 2
    x.add_(100)
    after = piece * 2
    assert before.tolist() == [[6, 8, 10], [12, 14, 16]]
    assert after.tolist() == [[206, 208, 210], [212, 214, 216]]
    before = piece * 2
    x.numpy()[:] = 0
    assert before.tolist() == [[206, 208, 210], [212, 214, 216]]
    assert (piece * 2).tolist() == [[0, 0, 0], [0, 0, 0]]
    piece.add_(1)
    assert x.tolist() == [[0, 0, 0], [1, 1, 1], [1, 1, 1], [0, 0, 0]]
    assert (piece + x[2]).tolist() == [[2, 2, 2], [2, 2, 2]]
    x.data = torch.ones(4, 3)
    assert (x[3] * 3).tolist() == [3, 3, 3]


def test_pieces_of_what_requires_grad_have_gradients():
    """Before and after it does."""
    x = torch.randn(6, 3)
    (x[2:4] * 2).tolist()
    x.requires_grad_()
    (x[2:4] * 2).sum().backward()
    assert x.grad.tolist() == [[0, 0, 0]] * 2 + [[2, 2, 2]] * 2 + [[0, 0, 0]] * 2
    with torch.no_grad():
        assert (x[2:4] + 0).tolist() == x[2:4].tolist()
