"""Old names of tensors by their dtype, storages, subclasses, small questions."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse as torch


@pytest.mark.parametrize(
    ("name", "kind"),
    [("FloatTensor", "float32"), ("LongTensor", "int64"), ("BoolTensor", "bool"), ("HalfTensor", "float16"), ("ByteTensor", "uint8")],
)
def test_typed_constructors(name, kind):
    """Sizes, data, arrays; `isinstance` and `type` know them."""
    cls, dtype = getattr(torch, name), getattr(torch, kind)
    assert cls(2, 3).shape == (2, 3) and cls(2, 3).dtype is dtype and cls().shape == (0,)
    assert cls([1, 0]).tolist() == [1, 0] and cls(np.array([1, 1])).dtype is dtype and cls(torch.Size([4])).shape == (4,)
    x = torch.ones(2, dtype=dtype)
    assert isinstance(x, cls) and not isinstance(torch.ones(2, dtype=torch.int16), cls) and cls(x) is x
    assert torch.ones(2, dtype=torch.int16).type(cls).dtype is dtype
    with pytest.raises(TypeError, match="expected a tensor of"):
        cls(torch.ones(2, dtype=torch.int16))


def test_default_tensor_type():
    """By class and by name."""
    try:
        torch.set_default_tensor_type("torch.DoubleTensor")
        assert torch.zeros(1).dtype is torch.float64 and torch.tensor(1.0).dtype is torch.float64
    finally:
        torch.set_default_tensor_type(torch.FloatTensor)
    assert torch.zeros(1).dtype is torch.float32
    with pytest.raises(TypeError, match="cuda"):
        torch.set_default_tensor_type("torch.cuda.FloatTensor")


def test_storages():
    """A view has its base's storage; addresses and sizes are those of the memory."""
    x = torch.arange(6.0).reshape(2, 3)
    y = x[1:, ::2]
    assert y.untyped_storage() == x.untyped_storage() and x.clone().untyped_storage() != x.untyped_storage()
    assert y.storage().data_ptr() == x.data_ptr() and y.untyped_storage().nbytes() == 24 == len(y.untyped_storage())
    assert y.storage().size() == 6 == len(y.storage()) and y.storage().tolist() == [0, 1, 2, 3, 4, 5] and y.storage()[2] == 2
    assert y.storage().dtype is torch.float32 and y.storage().untyped() == x.untyped_storage()
    assert torch.is_storage(x.storage()) and not torch.is_storage(x)
    assert "of size 6" in repr(x.storage())


def test_subclasses():
    """`as_subclass` shares memory and lets gradients through; `_make_subclass` makes a leaf."""

    class Named(torch.Tensor):
        pass

    x = torch.ones(2, requires_grad=True)
    y = x.as_subclass(Named)
    assert type(y) is Named and y.requires_grad and not y.is_leaf
    (y * 3).sum().backward()
    assert x.grad.tolist() == [3, 3]
    z = torch.zeros(2)
    z.as_subclass(Named).add_(1)
    assert z.tolist() == [1, 1]
    leaf = torch.Tensor._make_subclass(Named, torch.zeros(2), True)
    assert type(leaf) is Named and leaf.is_leaf and leaf.requires_grad
    with pytest.raises(RuntimeError, match="subclass of Tensor"):
        x.as_subclass(int)


def test_questions():
    """Answers that need no values."""
    x = torch.zeros(2, 3)
    assert torch.is_same_size(x, torch.ones(2, 3, dtype=torch.int8)) and not torch.is_same_size(x, x.T)
    assert torch.is_signed(x) and not torch.is_signed(x.byte()) and not torch.is_conj(x) and not x.is_neg() and not torch.is_inference(x)
    assert torch.get_device(x) == -1 and torch.typename(x) == "torch.FloatTensor" and torch.typename(3) == "int"
    assert torch.can_cast(torch.int32, torch.float32) and not torch.can_cast(torch.float32, torch.int32)
    assert (
        torch.promote_types(torch.int32, torch.float16) is torch.float16
        and torch.result_type(torch.zeros(1, dtype=torch.int8), 2.0) is torch.float32
    )
    assert x.T.dim_order() == (1, 0) and x.to_dense() is x and x.new([1, 2]).dtype is torch.float32 and x.new(4, 5).shape == (4, 5)
    assert (
        x[None, torch.newaxis].shape == (1, 1, 2, 3)
        and torch.inf == float("inf")
        and torch.nan != torch.nan
        and round(torch.pi + torch.e, 3) == 5.86
    )
    assert torch.scalar_tensor(2).dtype is torch.float32 and torch.scalar_tensor(2, dtype=torch.int8).dtype is torch.int8
    with pytest.raises(TypeError, match="must be Number"):
        torch.scalar_tensor([1])
    y = torch.ones(2, requires_grad=True) * 2
    assert not torch.detach(y).requires_grad and torch.detach_(y) is y and not y.requires_grad


def test_switches():
    """What is set is told; what is unknown is refused."""
    assert not torch.are_deterministic_algorithms_enabled()
    try:
        torch.use_deterministic_algorithms(True, warn_only=True)
        assert (
            torch.are_deterministic_algorithms_enabled()
            and torch.is_deterministic_algorithms_warn_only_enabled()
            and torch.get_deterministic_debug_mode() == 1
        )
        torch.set_deterministic_debug_mode("error")
        assert torch.get_deterministic_debug_mode() == 2
        torch.set_float32_matmul_precision("high")
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_deterministic_debug_mode(0)
        torch.set_float32_matmul_precision("highest")
    assert torch.get_deterministic_debug_mode() == 0 and torch.get_default_device() == torch.device("cpu")
    with pytest.raises(RuntimeError, match="set_float32_matmul_precision"):
        torch.set_float32_matmul_precision("low")
    with pytest.raises(RuntimeError, match="positive integer"):
        torch.set_num_interop_threads(0)
    torch.set_num_interop_threads(1)
    assert torch.get_num_interop_threads() == 1 and torch.set_flush_denormal(True) is False


def test_real_and_imaginary_parts():
    """Read, differentiated, assigned."""
    z = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    assert z.real.tolist() == [1, 3] and z.imag.tolist() == [2, -1] and z.real.dtype is torch.float32
    (z.real * 2 + z.imag).sum().backward()
    assert z.grad.tolist() == [2 + 1j, 2 + 1j]
    w = torch.zeros(2, dtype=torch.complex64)
    w.real, w.imag = 1.5, torch.tensor([2, 3])
    assert w.tolist() == [1.5 + 2j, 1.5 + 3j]
    x = torch.zeros(2)
    x.real = torch.ones(2)
    assert x.real.tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="imag"):
        x.imag = 1
