"""`einsum` and the products over it: equations, sublists, broadcasting, orders of contraction."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse
from powerhouse.ops.einsum import parse
from powerhouse.ops.products import best_order


def draw(*shape: int, seed: int = 0):
    """A float64 tensor of standard normal numbers."""
    return powerhouse.tensor(np.random.default_rng(seed).standard_normal(shape))


EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ba", (2, 3)), ("ii->i", (3, 3)), ("ii", (3, 3)), ("ij->j", (2, 3)), ("ij->",
        (2, 3)),
    ("bij,bjk->bik", (5, 2, 3), (5, 3, 4)), ("...ij,...jk->...ik", (5, 1, 2, 3), (4, 3, 2)), ("...ij->...ji", (2, 3, 4)), ("i...,i...->...",
        (2, 3), (2, 3)),
    ("i,j->ij", (2,), (3,)), ("ij,ij->ij", (2, 3), (2, 3)), ("ij,kl,jk->il", (2, 3), (4, 2), (3, 4)), ("abc,cd,de,ea->b", (2, 3, 4), (4, 2),
        (2, 3), (3, 2)),
    ("iij,jk->ik", (2, 2, 3), (3, 4)), ("iijj->ij", (2, 2, 3, 3)), ("b h q d , b h k d -> b h q k", (2, 2, 3, 4), (2, 2, 5, 4)), (",ij->ij",
        (), (2, 3)),
    ("aB,Bc->ca", (2, 3), (3, 2)), ("ij,jk->ik", (0, 3), (3, 2)), ("ij,jk->ik", (2, 0), (0, 2)), ("i,i->", (3,), (3,)), ("...,...->...",
        (2, 1), (3,)),
]


@pytest.mark.parametrize("equation, shapes", [(e, s) for e, *s in EQUATIONS], ids=[e for e, *_ in EQUATIONS])
def test_equations_as_numpy(equation, shapes):
    operands = [draw(*s, seed=i) for i, s in enumerate(shapes)]
    got = powerhouse.einsum(equation, *operands)
    want = np.einsum(equation, *[t.numpy() for t in operands])
    assert tuple(got.shape) == want.shape
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("equation, shapes", [(e, s) for e, *s in EQUATIONS if all(0 not in shape for shape in s)][:18])
def test_gradients(equation, shapes):
    operands = [draw(*s, seed=i).requires_grad_() for i, s in enumerate(shapes)]
    assert powerhouse.autograd.gradcheck(lambda *t: powerhouse.einsum(equation, *t), operands)


def test_sizes_of_one_broadcast():
    a, b = draw(1, 3), draw(2, 3)
    np.testing.assert_allclose(powerhouse.einsum("ij,ij->i", a, b).numpy(), (a.numpy() * b.numpy()).sum(1))
    assert powerhouse.einsum("ij,ij->ij", a, draw(2, 1)).shape == (2, 3)


def test_operands_as_a_list():
    a, b = draw(2, 3), draw(3, 4)
    assert powerhouse.equal(powerhouse.einsum("ij,jk", [a, b]), a @ b)


def test_sublists():
    a, b = draw(2, 3), draw(3, 4)
    np.testing.assert_allclose(powerhouse.einsum(a, [0, 1], b, [1, 2], [2, 0]).numpy(), (a.numpy() @ b.numpy()).T)
    np.testing.assert_allclose(powerhouse.einsum(a, [0, 1], b, [1, 2]).numpy(), a.numpy() @ b.numpy())
    np.testing.assert_allclose(powerhouse.einsum(draw(3, 3), [0, 0]).numpy(), np.trace(draw(3, 3).numpy()))
    np.testing.assert_allclose(powerhouse.einsum(draw(2, 3, 4), [..., 0, 1], [..., 1, 0]).numpy(), draw(2, 3, 4).numpy().swapaxes(1, 2))
    with pytest.raises(ValueError, match="valid range"):
        powerhouse.einsum(a, [0, 52])


def test_complex():
    a, b = powerhouse.tensor(draw(2, 3).numpy() + 1j), powerhouse.tensor(draw(3, 2).numpy() - 2j)
    np.testing.assert_allclose(powerhouse.einsum("ij,jk", a, b).numpy(), a.numpy() @ b.numpy())


@pytest.mark.parametrize("dtype", ["int64", "float16", "bfloat16"])
def test_dtypes_are_kept(dtype):
    kind = getattr(powerhouse, dtype)
    a = powerhouse.arange(6).reshape(2, 3).to(kind)
    got = powerhouse.einsum("ij,kj->ik", a, a)
    assert got.dtype is kind
    assert got.tolist() == [[5, 14], [14, 50]]


def test_parse():
    assert parse("ij,jk") == ([("i", "j"), ("j", "k")], ("i", "k"))
    assert parse("b...a") == ([("b", "...", "a")], ("...", "a", "b"))
    assert parse(" i j -> j ") == ([("i", "j")], ("j",))
    assert parse("bB->") == ([("b", "B")], ())
    assert parse("bB") == ([("b", "B")], ("B", "b"))


@pytest.mark.parametrize("equation, message", [("i.j", "not part of any ellipsis"), ("......", "already found"), ("i->.i", "found '.'"),
                                               ("i>j", "subscripts must be")])
def test_bad_equations(equation, message):
    with pytest.raises(RuntimeError, match=message):
        parse(equation)


def test_no_operands():
    with pytest.raises(ValueError, match="at least one operand"):
        powerhouse.einsum("i")
    with pytest.raises(TypeError, match="expected Tensor as operand 1"):
        powerhouse.einsum("i,i", powerhouse.ones(2), None)


def test_best_order_of_a_chain():
    """The example of Cormen et al.: ((A1 (A2 A3)) ((A4 A5) A6))."""
    split = best_order((30, 35, 15, 5, 10, 20, 25))
    assert split[0][5] == 2
    assert split[0][2] == 0
    assert split[3][5] == 4


def test_multi_dot_and_chain_matmul():
    a, b, c = draw(2, 9), draw(9, 3), draw(3, 4)
    want = a.numpy() @ b.numpy() @ c.numpy()
    np.testing.assert_allclose(powerhouse.linalg.multi_dot([a, b, c]).numpy(), want)
    np.testing.assert_allclose(powerhouse.chain_matmul(a, b, c).numpy(), want)
    assert powerhouse.linalg.multi_dot([a[0], b, c[:, 0]]).shape == ()


def test_addmm_with_beta_zero_ignores_input():
    nan = powerhouse.full((2, 2), float("nan"))
    eye = powerhouse.eye(2)
    assert powerhouse.equal(powerhouse.addmm(nan, eye, eye, beta=0), eye)
    assert powerhouse.equal(nan.addmm_(eye, eye, beta=0, alpha=2), eye * 2)


def test_equations_as_pytorch():
    torch = pytest.importorskip("torch")
    for equation, *shapes in EQUATIONS:
        ours = [draw(*s, seed=i).requires_grad_() for i, s in enumerate(shapes)]
        theirs = [torch.tensor(t.detach().numpy()).requires_grad_() for t in ours]
        a, b = powerhouse.einsum(equation, *ours), torch.einsum(equation, *theirs)
        assert tuple(a.shape) == tuple(b.shape)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-10, atol=1e-12)
        a.square().sum().backward()
        b.square().sum().backward()
        for x, y in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-10, atol=1e-12)
