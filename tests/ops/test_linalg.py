"""Linear algebra: decompositions put together again, solutions put back in, gradients by differences, failures, and PyTorch."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import powerhouse
from powerhouse import linalg
from powerhouse.autograd import gradcheck, gradgradcheck
from powerhouse.ops import _lapack

SHAPES = [(3, 3), (4, 2), (2, 4), (2, 3, 3), (2, 1, 3, 2), (0, 3, 3), (0, 0), (3, 0), (0, 3), (2, 0, 0)]
SQUARE = [(1, 1), (3, 3), (2, 4, 4), (0, 2, 2), (0, 0)]
WIDE = [False, True]


def draw(*shape: int, wide: bool = False, seed: int = 0):
    """A float64 or complex128 array of standard normal numbers."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if wide else 0)


def tensor(*shape: int, wide: bool = False, seed: int = 0):
    """The same as a tensor."""
    return powerhouse.tensor(draw(*shape, wide=wide, seed=seed))


def h(a):
    """The conjugate transpose of an array."""
    return np.conj(np.swapaxes(a, -1, -2))


def hermitian(*shape: int, wide: bool = False):
    """A positive definite tensor."""
    a = draw(*shape, wide=wide)
    return powerhouse.tensor(a @ h(a) + np.eye(shape[-1]))


def close(a, b, tol=1e-9):
    """Assert that two arrays or tensors are nearly equal."""
    a, b = (x.detach().numpy() if isinstance(x, powerhouse.Tensor) else x for x in (a, b))
    np.testing.assert_allclose(a, b, rtol=tol, atol=tol)


def identity_like(a):
    """The identity over the batch of an array."""
    return np.broadcast_to(np.eye(a.shape[-1]), a.shape)


# --- decompositions ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SQUARE)
@pytest.mark.parametrize("wide", WIDE)
def test_cholesky(shape, wide):
    a = hermitian(*shape, wide=wide)
    lower = linalg.cholesky(a).numpy()
    close(lower @ h(lower), a)
    assert not np.triu(lower, 1).any()
    close(linalg.cholesky(a, upper=True), h(lower))
    close(powerhouse.cholesky_inverse(powerhouse.tensor(lower)), np.linalg.inv(a.numpy()))
    b = tensor(*shape[:-1], 2, wide=wide)
    close(a.numpy() @ powerhouse.cholesky_solve(b, powerhouse.tensor(h(lower).copy()), upper=True).numpy(), b)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("wide", WIDE)
def test_qr(shape, wide):
    a = tensor(*shape, wide=wide)
    for mode in ("reduced", "complete"):
        q, r = (x.numpy() for x in linalg.qr(a, mode))
        close(q @ r, a)
        close(h(q) @ q, identity_like(h(q) @ q))
        assert not np.tril(r, -1).any()
    assert linalg.qr(a, "r").Q.numel() == 0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("wide", WIDE)
def test_lu(shape, wide):
    a = tensor(*shape, wide=wide)
    p, lower, upper = (x.numpy() for x in linalg.lu(a))
    close(p @ lower @ upper, a)
    assert np.abs(lower).max(initial=0) < 1 + 1e-12 or wide
    packed, pivots = linalg.lu_factor(a) if 0 not in shape else linalg.lu_factor_ex(a)[:2]
    for x, y in zip(powerhouse.lu_unpack(packed, pivots), (p, lower, upper), strict=True):
        close(x, y)


def test_lu_of_larger_matrices():
    """Several panels."""
    a = draw(2, 90, 70)
    p, lower, upper = (x.numpy() for x in linalg.lu(powerhouse.tensor(a)))
    close(p @ lower @ upper, a)
    close(np.sort(np.abs(lower), axis=-2)[..., -1, :], np.ones((2, 70)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("wide", WIDE)
def test_svd(shape, wide):
    a = tensor(*shape, wide=wide)
    for full in (True, False):
        u, s, vh = (x.numpy() for x in linalg.svd(a, full))
        k = s.shape[-1]
        close(u[..., :k] * s[..., None, :] @ vh[..., :k, :], a)
        for q in (h(u) @ u, vh @ h(vh)):
            close(q, identity_like(q))
    assert (np.diff(s) <= 0).all()
    close(linalg.svdvals(a), s)
    u, s, v = (x.numpy() for x in powerhouse.svd(a))
    close(u * s[..., None, :] @ h(v), a)


@pytest.mark.parametrize("shape", SQUARE)
@pytest.mark.parametrize("wide", WIDE)
def test_eigh(shape, wide):
    a = hermitian(*shape, wide=wide)
    values, vectors = (x.numpy() for x in linalg.eigh(a))
    close(vectors * values[..., None, :] @ h(vectors), a)
    close(linalg.eigvalsh(a, "U"), values)


@pytest.mark.parametrize("shape", SQUARE)
@pytest.mark.parametrize("wide", WIDE)
def test_eig(shape, wide):
    a = tensor(*shape, wide=wide)
    values, vectors = linalg.eig(a)
    assert values.dtype is powerhouse.complex128 and vectors.dtype is powerhouse.complex128
    close(a.numpy() @ vectors.numpy(), vectors.numpy() * values.numpy()[..., None, :])
    close(np.sort_complex(linalg.eigvals(a).numpy()), np.sort_complex(values.numpy()))


def test_householder():
    for m, n in ((4, 3), (3, 3)):
        a = tensor(2, m, n)
        packed, tau = powerhouse.geqrf(a)
        q = linalg.householder_product(packed, tau)
        close(q.numpy() @ np.triu(packed.numpy()[..., :n, :]), a)
        c = tensor(2, m, 2)
        full = powerhouse.ormqr(packed, tau, powerhouse.eye(m, dtype=powerhouse.float64).expand(2, m, m)).numpy()
        close(powerhouse.ormqr(packed, tau, c), full @ c.numpy())
        close(powerhouse.ormqr(packed, tau, c.mT, left=False, transpose=True), h(c.numpy()) @ h(full))


# --- systems ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SQUARE)
@pytest.mark.parametrize("wide", WIDE)
def test_systems(shape, wide):
    a = tensor(*shape, wide=wide)
    n = a.numpy()
    b = tensor(*shape[:-1], 2, wide=wide, seed=1)
    close(n @ linalg.solve(a, b).numpy(), b, 1e-7)
    c = tensor(*shape[:-2], 2, shape[-1], wide=wide, seed=2)
    close(linalg.solve(a, c, left=False).numpy() @ n, c, 1e-7)
    close(n @ linalg.inv(a).numpy(), identity_like(n), 1e-7)
    close(linalg.pinv(a), linalg.inv(a), 1e-7)
    close(linalg.det(a), np.linalg.det(n))
    sign, size = linalg.slogdet(a)
    close(sign.numpy() * np.exp(size.numpy()), np.linalg.det(n))
    packed, pivots = linalg.lu_factor_ex(a)[:2]
    close(n @ linalg.lu_solve(packed, pivots, b).numpy(), b, 1e-7)
    close(h(n) @ linalg.lu_solve(packed, pivots, b, adjoint=True).numpy(), b, 1e-7)
    close(linalg.lu_solve(packed, pivots, c, left=False).numpy() @ n, c, 1e-7)


@pytest.mark.parametrize("n", [1, 5, 40, 130])
@pytest.mark.parametrize("upper", [True, False])
def test_triangular_systems(n, upper):
    a = draw(n, n) + 3 * np.sqrt(n) * np.eye(n)
    b = draw(n, 3)
    triangle = np.triu(a) if upper else np.tril(a)
    close(triangle @ linalg.solve_triangular(powerhouse.tensor(a), powerhouse.tensor(b), upper=upper).numpy(), b)
    unit = (np.triu(a, 1) if upper else np.tril(a, -1)) / n + np.eye(n)
    close(linalg.solve_triangular(powerhouse.tensor(unit), powerhouse.tensor(b.T), upper=upper, left=False,
                                  unitriangular=True).numpy() @ unit, b.T)


def test_singular_triangle_gives_infinity():
    a = powerhouse.tensor([[1.0, 1.0], [0.0, 0.0]])
    assert powerhouse.isinf(linalg.solve_triangular(a, powerhouse.ones(2, 1), upper=True)).any()


@pytest.mark.parametrize("shape, rank", [((5, 3), 3), ((3, 5), 3), ((4, 4), 2)])
def test_least_squares(shape, rank):
    a = draw(shape[0], rank) @ draw(rank, shape[1], seed=1)
    b = draw(shape[0], 2, seed=2)
    x, residuals, got, values = linalg.lstsq(powerhouse.tensor(a), powerhouse.tensor(b), driver="gelsd")
    want = np.linalg.lstsq(a, b, rcond=None)
    close(x, want[0], 1e-8)
    assert got.item() == rank
    close(values, want[3])
    if shape[0] > shape[1]:
        close(residuals, want[1], 1e-8)


def test_pseudo_inverse():
    a = draw(2, 5, 2) @ draw(2, 2, 4, seed=1)  # rank 2
    x = linalg.pinv(powerhouse.tensor(a)).numpy()
    for got, want in ((a @ x @ a, a), (x @ a @ x, x), (h(a @ x), a @ x), (h(x @ a), x @ a)):
        close(got, want, 1e-8)
    assert linalg.matrix_rank(powerhouse.tensor(a)).tolist() == [2, 2]
    symmetric = a[0] @ a[0].T
    close(linalg.pinv(powerhouse.tensor(symmetric), hermitian=True), np.linalg.pinv(symmetric), 1e-8)


def test_functions_of_matrices():
    a = draw(3, 3) / 3
    series, term = np.eye(3), np.eye(3)
    for k in range(1, 30):
        term = term @ a / k
        series = series + term
    close(linalg.matrix_exp(powerhouse.tensor(a)), series)
    close(linalg.matrix_exp(powerhouse.tensor(a * 40)), np.linalg.matrix_power(linalg.matrix_exp(powerhouse.tensor(a * 10)).numpy(), 4),
          1e-6)
    for n in (-3, -1, 0, 1, 2, 7):
        close(linalg.matrix_power(powerhouse.tensor(a), n), np.linalg.matrix_power(a, n))
    assert linalg.matrix_power(powerhouse.tensor([[1, 1], [0, 1]]), 10).tolist() == [[1, 10], [0, 1]]


@pytest.mark.parametrize("order", ["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_norms(order):
    a = draw(4, 4)
    close(linalg.matrix_norm(powerhouse.tensor(a), order), np.linalg.norm(a, order))
    close(linalg.norm(powerhouse.tensor(a), order), np.linalg.norm(a, order))
    close(linalg.cond(powerhouse.tensor(a), order), np.linalg.cond(a, order))
    stacked = powerhouse.tensor(draw(4, 2, 4))
    assert linalg.matrix_norm(stacked, order, dim=(0, 2), keepdim=True).shape == (1, 2, 1)
    close(linalg.matrix_norm(stacked, order, dim=(2, 0))[1], np.linalg.norm(stacked.numpy()[:, 1].T, order))


def test_tensors_as_matrices():
    a = draw(6, 6).reshape(2, 3, 6)
    close(linalg.tensorinv(powerhouse.tensor(a), 2), np.linalg.tensorinv(a, 2))
    close(linalg.tensorsolve(powerhouse.tensor(a), powerhouse.tensor(draw(2, 3))), np.linalg.tensorsolve(a, draw(2, 3)))


@pytest.mark.parametrize("shape", [(30, 8), (8, 30), (2, 9, 9)])
def test_low_rank(shape):
    """Exact where the rank is not greater than asked for."""
    a = draw(*shape[:-1], 3) @ draw(*shape[:-2], 3, shape[-1], seed=1)
    powerhouse.manual_seed(0)
    u, s, v = (x.numpy() for x in powerhouse.svd_lowrank(powerhouse.tensor(a), q=4))
    close(u * s[..., None, :] @ h(v), a)
    centred = a - a.mean(-2, keepdims=True)
    u, s, v = (x.numpy() for x in powerhouse.pca_lowrank(powerhouse.tensor(a), q=4))
    close(u * s[..., None, :] @ h(v), centred)
    close(s, np.linalg.svd(centred)[1][..., :4])
    with pytest.raises(ValueError, match="not greater than"):
        powerhouse.pca_lowrank(powerhouse.tensor(a), q=10)


# --- gradients ----------------------------------------------------------------------------------------------------------------------

SYMMETRIC = {
    "cholesky": linalg.cholesky, "cholesky_upper": lambda x: linalg.cholesky(x, upper=True), "eigvalsh": linalg.eigvalsh,
    "eigh": lambda x: linalg.eigh(x).eigenvectors.abs(), "both": lambda x: linalg.eigh(x)[1] ** 2 * linalg.eigh(x)[0].unsqueeze(-1),
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_gradients_of_symmetric(name):
    """These read a triangle, so they are given what is symmetric."""
    for shape in ((3, 3), (2, 3, 3)):
        assert gradcheck(lambda x: SYMMETRIC[name](x @ x.mT + 2 * powerhouse.eye(x.shape[-1], dtype=x.dtype)),
                         [tensor(*shape).requires_grad_()])


GENERAL = {
    "svd": lambda x: tuple(t.abs() for t in linalg.svd(x, False)), "svdvals": linalg.svdvals, "qr": lambda x: tuple(linalg.qr(x)),
    "lu": lambda x: tuple(linalg.lu(x))[1:], "lu_factor": lambda x: linalg.lu_factor(x).LU, "pinv": linalg.pinv,
    "nuc": lambda x: linalg.matrix_norm(x, "nuc"), "cond": linalg.cond, "r": lambda x: linalg.qr(x, "r").R,
}


@pytest.mark.parametrize("name", GENERAL)
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 2, 3)])
def test_gradients(name, shape):
    assert gradcheck(GENERAL[name], [tensor(*shape).requires_grad_()])


SQUARE_ONLY = {
    "det": linalg.det,
    "slogdet": lambda x: linalg.slogdet(x).logabsdet,
    "inv": linalg.inv,
    "matrix_exp": linalg.matrix_exp,
    "power": lambda x: linalg.matrix_power(x, -2),
    "cond_fro": lambda x: linalg.cond(x, "fro"),
    "cond_1": lambda x: linalg.cond(x, 1),
    "solve": lambda x: linalg.solve(x, x.mT),
    "eig": lambda x: linalg.eig(x).eigenvalues.abs(),
    "eigenvectors": lambda x: linalg.eig(x).eigenvectors.abs(),
    "qr": lambda x: linalg.qr(x, "complete").R,
    "triangular": lambda x: linalg.solve_triangular(x, x.mT, upper=True),
    "lu_solve": lambda x: linalg.lu_solve(*linalg.lu_factor(x), x.mT, adjoint=True),
    "cholesky_solve": lambda x: powerhouse.cholesky_solve(x.mT, powerhouse.tril(x)),
    "lstsq": lambda x: linalg.lstsq(x[..., :2], x[..., 2:]).solution,
}


@pytest.mark.parametrize("name", SQUARE_ONLY)
def test_gradients_of_square(name):
    for shape in ((3, 3), (2, 3, 3)):
        assert gradcheck(SQUARE_ONLY[name], [(tensor(*shape) + 3 * powerhouse.eye(3, dtype=powerhouse.float64)).requires_grad_()])


COMPLEX = {
    "det": linalg.det,
    "inv": linalg.inv,
    "solve": lambda x: linalg.solve(x, x.mH),
    "svdvals": linalg.svdvals,
    "svd": lambda x: linalg.svd(x, False)[0].abs(),
    "qr": lambda x: linalg.qr(x).R,
    "lu": lambda x: linalg.lu_factor(x).LU,
    "matrix_exp": linalg.matrix_exp,
    "pinv": linalg.pinv,
    "sign": lambda x: linalg.slogdet(x).sign,
    "cholesky": lambda x: linalg.cholesky(x @ x.mH + powerhouse.eye(3, dtype=x.dtype)),
    "eigh": lambda x: linalg.eigh(x + x.mH).eigenvectors.abs(),
    "eig": linalg.eigvals,
    "vectors": lambda x: linalg.eig(x).eigenvectors.abs(),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_gradients_of_complex(name):
    def run(re, im):
        y = COMPLEX[name](powerhouse.complex(re, im))
        return powerhouse.view_as_real(y) if y.is_complex() else y

    assert gradcheck(run, [tensor(3, 3).requires_grad_(), tensor(3, 3, seed=1).requires_grad_()])


def test_gradient_of_a_singular_determinant():
    """The cofactors exist where the inverse does not."""
    x = powerhouse.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=powerhouse.float64, requires_grad=True)
    linalg.det(x).backward()
    close(x.grad, [[4.0, -2.0], [-2.0, 1.0]])
    assert gradcheck(linalg.det, [powerhouse.zeros(3, 3, dtype=powerhouse.float64, requires_grad=True)])


def test_second_derivatives():
    x = (tensor(3, 3) + 3 * powerhouse.eye(3, dtype=powerhouse.float64)).requires_grad_()
    for f in (linalg.det, linalg.inv, lambda t: linalg.solve(t, t.mT), linalg.matrix_exp, lambda t: linalg.cholesky(t @ t.mT),
              linalg.svdvals):
        assert gradgradcheck(f, [x])


# --- failures -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call, message", [
    (lambda: linalg.cholesky(powerhouse.tensor([[1.0, 2.0], [2.0, 1.0]])), "linalg.cholesky: .*leading minor of order 2"),
    (lambda: powerhouse.cholesky(-powerhouse.eye(2)), "cholesky: .*leading minor of order 1"),
    (lambda: linalg.inv(powerhouse.ones(2, 2)), "linalg.inv: The diagonal element 2 is zero"),
    (lambda: powerhouse.zeros(3, 3).inverse(), "inverse: The diagonal element 1 is zero"),
    (lambda: linalg.inv(powerhouse.stack([powerhouse.eye(2), powerhouse.ones(2, 2)])), r"\(Batch element 1\)"),
    (lambda: linalg.solve(powerhouse.ones(2, 2), powerhouse.ones(2)), "input matrix is singular"),
    (lambda: linalg.lu_factor(powerhouse.ones(2, 2)), r"U\[2,2\] is zero"),
    (lambda: linalg.inv_ex(powerhouse.ones(2, 2), check_errors=True), "linalg.inv_ex"),
    (lambda: linalg.svd(powerhouse.full((2, 2), float("nan"))), "failed to converge"),
    (lambda: linalg.eigh(powerhouse.full((2, 2), float("nan"))), "failed to converge"),
])
def test_failures_raise_at_the_call(call, message):
    with pytest.raises(linalg.LinAlgError, match=message):
        call()


def test_a_failure_leaves_the_rest_alone():
    """What was pending beside the failed matrix has its value: a Cholesky with more and more jitter is a usual pattern."""
    a = powerhouse.ones(2, 2) * 1.0
    beside = a + 1
    with pytest.raises(linalg.LinAlgError):
        linalg.cholesky(a - powerhouse.eye(2))
    close(linalg.cholesky(a + powerhouse.eye(2)) ** 2 @ powerhouse.ones(2), [2.0, 2.0], 1e-6)
    assert beside.tolist() == [[2.0, 2.0], [2.0, 2.0]]


def test_infos():
    a = powerhouse.stack([powerhouse.eye(2), powerhouse.ones(2, 2), -powerhouse.eye(2)])
    assert linalg.inv_ex(a).info.tolist() == [0, 2, 0]
    assert linalg.cholesky_ex(a).info.tolist() == [0, 2, 1]
    assert linalg.lu_factor_ex(a).info.tolist() == [0, 2, 0]
    assert linalg.solve_ex(a, powerhouse.ones(2)).info.tolist() == [0, 2, 0]
    close(linalg.inv_ex(a).inverse[2], -np.eye(2))
    assert linalg.cond(a, "fro").tolist()[1] == np.inf


def test_failing_matrices_are_marked():
    a = np.stack([np.eye(2), np.full((2, 2), np.nan), 2 * np.eye(2)])
    (x,), failed = _lapack.marking_failures(np.linalg.inv, np.where(np.isnan(a), 0, a))
    assert failed.tolist() == [False, True, False]
    close(x[2], np.eye(2) / 2)
    assert np.isnan(x[1]).all()


@pytest.mark.parametrize("name", ["inv", "det", "eigh", "cholesky", "eig", "slogdet"])
def test_refusals(name):
    function = getattr(linalg, name)
    for bad, message in ((powerhouse.ones(2, 3), "square"), (powerhouse.ones(2), "at least 2 dim"),
                         (powerhouse.ones(2, 2, dtype=powerhouse.float16), "Low precision"),
                         (powerhouse.ones(2, 2, dtype=powerhouse.int64), "floating point or complex")):
        with pytest.raises(RuntimeError, match=message):
            function(bad)


# --- PyTorch --------------------------------------------------------------------------------------------------------------------------

UNIQUE = ("cholesky", "inv", "det", "slogdet", "eigvalsh", "svdvals", "pinv", "matrix_exp", "cond", "matrix_rank", "qr", "lu", "lu_factor",
          "lu_factor_ex", "inv_ex", "cholesky_ex")


@pytest.mark.parametrize("name", UNIQUE)
def test_as_pytorch(name):
    """Values, names of results, and gradients, for what is unique."""
    torch = pytest.importorskip("torch")
    for shape in ((3, 3), (2, 4, 4)):
        a = hermitian(*shape).numpy()
        x, y = powerhouse.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
        ours, theirs = getattr(linalg, name)(x), getattr(torch.linalg, name)(y)
        if isinstance(theirs, tuple):
            assert type(ours).__name__ == type(theirs).__name__.rpartition(".")[2]
            assert [n for n in dir(theirs) if n in ours._fields] == sorted(ours._fields)
        pairs = list(zip(ours, theirs, strict=True)) if isinstance(theirs, tuple) else [(ours, theirs)]
        for p, q in pairs:
            assert str(p.dtype) == str(q.dtype)
            close(p, q.detach().numpy(), 1e-8)
        live = [(p, q) for p, q in pairs if q.requires_grad]
        if live:
            sum((p * p).sum() for p, _ in live).backward()
            sum((q * q).sum() for _, q in live).backward()
            close(x.grad, y.grad.numpy(), 1e-6)


def test_older_names_as_pytorch():
    torch = pytest.importorskip("torch")
    a, b = draw(3, 3) + 3 * np.eye(3), draw(3, 2, seed=1)
    factor = np.linalg.cholesky(a @ a.T)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, args in {
            "triangular_solve": (b, a), "cholesky_solve": (b, factor), "cholesky_inverse": (factor,), "logdet": (a,), "pinverse": (a,),
            "inverse": (a,), "matrix_power": (a, 3), "geqrf": (a,), "slogdet": (a,), "cholesky": (a @ a.T,), "lu": (a,),
        }.items():
            ours = getattr(powerhouse, name)(*[powerhouse.tensor(x) if isinstance(x, np.ndarray) else x for x in args])
            theirs = getattr(torch, name)(*[torch.tensor(x) if isinstance(x, np.ndarray) else x for x in args])
            for p, q in zip(ours, theirs, strict=True) if isinstance(ours, tuple) else [(ours, theirs)]:
                close(p, q.numpy())
