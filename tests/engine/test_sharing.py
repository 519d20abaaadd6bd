"""Memory shared with NumPy and DLPack: never a stale or a future value."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse as torch


def test_from_numpy_shares_both_ways():
    """Writes on either side are seen on the other."""
    a = np.zeros(3)
    t = torch.from_numpy(a)
    a[0] = 1
    assert t.tolist() == [1, 0, 0]
    t[1] = 2
    assert a.tolist() == [1, 2, 0]
    t.add_(1)
    assert a.tolist() == [2, 3, 1]


def test_a_pending_use_does_not_see_a_later_outside_write():
    """The value is that of the time of the call."""
    a = np.ones(3)
    t = torch.from_numpy(a)
    pending = t * 2
    a[:] = 100
    assert pending.tolist() == [2, 2, 2]
    assert (t * 2).tolist() == [200, 200, 200]


def test_numpy_shares_both_ways():
    """`numpy()` of a pending tensor, then writes on both sides."""
    t = torch.ones(3) + 1
    n = t.numpy()
    assert n.tolist() == [2, 2, 2]
    pending = t * 10
    n[0] = 7
    assert t.tolist() == [7, 2, 2]
    assert pending.tolist() == [20, 20, 20]
    t.mul_(2)
    assert n.tolist() == [14, 4, 4]


def test_views_share_through_numpy():
    """A NumPy array of a view is a view of the base's memory."""
    t = torch.zeros(2, 3)
    n = t[:, 1].numpy()
    n[:] = 5
    assert t.tolist() == [[0, 5, 0], [0, 5, 0]]
    t[0, 1] = 9
    assert n.tolist() == [9, 5]
    m = t.transpose(0, 1).numpy()
    m[0, 1] = 4
    assert t[1, 0].item() == 4


def test_memory_is_private_again_when_the_array_is_gone():
    """A dropped NumPy array costs nothing later."""
    t = torch.zeros(3)
    n = t.numpy()
    assert t._storage.is_shared
    part = n[1:]
    del n
    assert t._storage.is_shared
    del part
    assert not t._storage.is_shared


def test_large_shared_memory_is_used_at_once(monkeypatch):
    """Above the limit a use is not copied but run, and still does not see later writes."""
    from powerhouse.core import config

    a = np.ones(1000)
    with config.override(snapshot_limit=100):
        t = torch.from_numpy(a)
        y = t + 1
        a[:] = 50
        assert y.sum().item() == 2000


def test_slices_of_large_shared_memory_copy_only_the_slice():
    """Indexing a dataset that lives in NumPy does not copy it whole."""
    from powerhouse.core import config

    a = np.arange(1000.0)
    with config.override(snapshot_limit=200):
        t = torch.from_numpy(a)
        y = t[10:20] * 1
        assert y._storage.buffer is None, "a small slice should be recorded, not run"
        a[:] = 0
        assert y.tolist() == list(map(float, range(10, 20)))


def test_dlpack_both_ways():
    """NumPy reads ours, and we read NumPy's."""
    t = torch.arange(4)
    assert np.from_dlpack(t).tolist() == [0, 1, 2, 3]
    a = np.ones(2)
    u = torch.from_dlpack(a)
    a[0] = 3
    assert u.tolist() == [3, 1]


def test_refusals():
    """What cannot be shared is refused with a clear error."""
    with pytest.raises(RuntimeError, match="requires grad"):
        torch.ones(1, requires_grad=True).numpy()
    with pytest.raises(TypeError, match="can't convert np.ndarray of type"):
        torch.from_numpy(np.array(["a"]))
    with pytest.raises(TypeError, match="expected np.ndarray"):
        torch.from_numpy([1, 2])
    with pytest.raises(ValueError, match="negative"):
        torch.from_numpy(np.ones(3)[::-1])


def test_results_never_share_memory_by_accident():
    """Clones, views made contiguous and equal results own their memory."""
    x = torch.arange(4.0)
    a, b = x.reshape(2, 2).clone(), x * 1
    c, d = x + 1, x + 1
    a.zero_()
    c.zero_()
    b.zero_()
    assert x.tolist() == [0, 1, 2, 3] and d.tolist() == [1, 2, 3, 4]


def test_parameters_updated_in_place_are_seen_by_earlier_arrays():
    """An optimizer step reaches a NumPy array of the parameter."""
    p = torch.nn.Parameter(torch.ones(2))
    n = p.detach().numpy()
    p.grad = torch.ones(2)
    torch.optim.SGD([p], lr=0.5).step()
    assert n.tolist() == [0.5, 0.5]


STRIDED = {
    "transposed": lambda: np.arange(12.0).reshape(3, 4).T,
    "a column": lambda: np.arange(12.0).reshape(3, 4)[:, 1],
    "every other": lambda: np.arange(24.0).reshape(4, 6)[1::2, 1::3],
    "three dims": lambda: np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1),
    "a field": lambda: np.ones(5, dtype=[("a", "f8"), ("b", "f8")])["b"],
    "fortran": lambda: np.asfortranarray(np.arange(6.0).reshape(2, 3)),
}


@pytest.mark.parametrize("name", STRIDED)
def test_strided_arrays_share_both_ways(name):
    """An array that is not row-major keeps its strides, and every view of the tensor looks at the array's memory."""
    a = STRIDED[name]()
    t = torch.from_numpy(a)
    assert t.shape == a.shape and t.stride() == tuple(s // 8 for s in a.strides) and t.data_ptr() == a.ctypes.data
    assert t.tolist() == a.tolist() and (t * 2).tolist() == (a * 2).tolist()
    a[...] = np.arange(a.size).reshape(a.shape)
    assert t.tolist() == a.tolist()
    t.add_(1)
    t[-1] *= 3
    assert t.tolist() == a.tolist() and a.flat[0] == 1
    row, turned = t[0], t.permute(*reversed(range(t.ndim)))
    row.fill_(-7)
    assert (a[0] == -7).all() and turned.tolist() == a.T.tolist() and turned.stride() == tuple(reversed(t.stride()))
    turned.numpy()[...] = 9
    assert (a == 9).all() and torch.equal(t, torch.full_like(t, 9))
    assert t.numpy().ctypes.data == a.ctypes.data


def test_writing_through_a_strided_array_spares_its_neighbours():
    """Only the elements of the array change."""
    a = np.zeros((3, 4))
    torch.from_numpy(a[:, 1]).fill_(5)
    torch.from_numpy(a[::2, 2:]).add_(1)
    assert a.tolist() == [[0, 5, 1, 1], [0, 5, 0, 0], [0, 5, 1, 1]]


def test_strided_arrays_take_part_in_autograd():
    """As leaves, and as views of them."""
    a = np.arange(6.0).reshape(2, 3).T
    t = torch.from_numpy(a).requires_grad_()
    (t[1] * t.view(3, 2)[1]).sum().backward()
    assert t.grad.tolist() == [[0, 0], [2, 8], [0, 0]]
    assert t.reshape(6).tolist() == [0, 3, 1, 4, 2, 5]


def test_strided_array_of_a_foreign_dtype():
    """Types that NumPy does not know itself."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    a = np.arange(6).astype(ml_dtypes.float8_e5m2).reshape(2, 3)
    t = torch.from_numpy(a[:, 1])
    assert t.dtype is torch.float8_e5m2 and t.to(torch.float32).tolist() == [1, 4]
    assert torch.from_numpy(a).as_strided((2, 2), (3, 2), 0).float().tolist() == [[0, 2], [3, 5]]


def test_strides_between_elements_are_refused():
    """As PyTorch refuses them."""
    a = np.zeros(3, dtype=[("a", "f8"), ("b", "i1")])["a"]
    with pytest.raises(ValueError, match="strides not a multiple of the element byte size"):
        torch.from_numpy(a)


def test_dtypes_survive_pickling():
    """Each comes back as the same object."""
    import copy
    import pickle

    for d in (torch.bool, torch.float32, torch.bfloat16, torch.int64, torch.complex64, torch.float8_e5m2):
        assert pickle.loads(pickle.dumps(d)) is d and copy.deepcopy(d) is d
