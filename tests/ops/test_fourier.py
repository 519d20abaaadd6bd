"""Fourier transforms: against NumPy, identities, gradients, and the order of frequencies."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse
from powerhouse.ops.fourier import KINDS

NUMPY = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")
NORMS = (None, "backward", "forward", "ortho")


def draw(*shape: int, wide: bool = False, seed: int = 0):
    """A float64 or complex128 tensor of standard normal numbers."""
    rng = np.random.default_rng(seed)
    return powerhouse.tensor(rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if wide else 0))


def needs_complex(name: str) -> bool:
    """Whether the natural input of a transform is complex."""
    return not KINDS[name.rstrip("2n")].real_in


@pytest.mark.parametrize("name", NUMPY)
@pytest.mark.parametrize("norm", NORMS)
def test_as_numpy(name, norm):
    x = draw(3, 4, 5, wide=needs_complex(name))
    got = getattr(powerhouse.fft, name)(x, norm=norm).numpy()
    np.testing.assert_allclose(got, getattr(np.fft, name)(x.numpy(), norm=norm), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NUMPY)
def test_sizes_and_dims_as_numpy(name):
    x = draw(3, 4, 5, wide=needs_complex(name))
    ours, theirs = getattr(powerhouse.fft, name), getattr(np.fft, name)
    if name[-1] in "2n":
        np.testing.assert_allclose(ours(x, s=(6, 3), dim=(0, 2)).numpy(), theirs(x.numpy(), (6, 3), (0, 2)), rtol=1e-10, atol=1e-12)
    else:
        for n in (1, 3, 8):
            np.testing.assert_allclose(ours(x, n, 1).numpy(), theirs(x.numpy(), n, 1), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", sorted(KINDS))
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [6, 7])
def test_inverses(name, norm, n):
    """Each transform undoes its partner: in one dim, two and many."""
    back = name[1:] if name.startswith("i") else "i" + name
    kind = KINDS[name]
    if kind.real_out:
        return  # from the other side
    for suffix in ("", "2", "n"):
        x = draw(4, n, wide=not kind.real_in)
        sizes = {"n": n} if suffix == "" else {"s": (4, n)}
        y = getattr(powerhouse.fft, name + suffix)(x, norm=norm)
        np.testing.assert_allclose(getattr(powerhouse.fft, back + suffix)(y, **sizes, norm=norm).numpy(), x.numpy(), rtol=1e-10, atol=1e-12)


def test_parseval():
    x = draw(7, wide=True)
    y = powerhouse.fft.fft(x, norm="ortho")
    np.testing.assert_allclose((y.abs() ** 2).sum().item(), (x.abs() ** 2).sum().item())


def test_convolution_theorem():
    x, h = draw(8, seed=1), draw(8, seed=2)
    product = powerhouse.fft.irfft(powerhouse.fft.rfft(x) * powerhouse.fft.rfft(h), n=8).numpy()
    want = [sum(x.numpy()[j] * h.numpy()[(i - j) % 8] for j in range(8)) for i in range(8)]
    np.testing.assert_allclose(product, want, rtol=1e-10)


@pytest.mark.parametrize("name", [k + s for k in KINDS for s in ("", "2", "n")])
@pytest.mark.parametrize("last", [4, 5])
def test_gradients(name, last):
    """By differences; a complex input is given by its parts."""
    function = getattr(powerhouse.fft, name)

    def run(re, im=None):
        y = function(re if im is None else powerhouse.complex(re, im), norm="ortho")
        return powerhouse.view_as_real(y) if y.is_complex() else y

    parts = [draw(3, last, seed=i).requires_grad_() for i in range(1 + needs_complex(name))]
    assert powerhouse.autograd.gradcheck(run, parts)


@pytest.mark.parametrize("dtype, want", [("float32", "complex64"), ("float64", "complex128"), ("int64", "complex64"), ("bool", "complex64"),
                                         ("complex64", "complex64")])
def test_dtypes(dtype, want):
    x = powerhouse.ones(4, dtype=getattr(powerhouse, dtype))
    assert powerhouse.fft.fft(x).dtype is getattr(powerhouse, want)


def test_refusals():
    with pytest.raises(RuntimeError, match="expects a real input"):
        powerhouse.fft.rfft(draw(4, wide=True))
    with pytest.raises(RuntimeError, match="Unsupported dtype"):
        powerhouse.fft.fft(powerhouse.ones(4, dtype=powerhouse.bfloat16))
    with pytest.raises(RuntimeError, match="at least one axis"):
        powerhouse.fft.rfftn(powerhouse.ones(()))
    with pytest.raises(RuntimeError, match="Invalid number of data points"):
        powerhouse.fft.irfft(draw(1, wide=True))


@pytest.mark.parametrize("n", [1, 4, 5])
def test_frequencies(n):
    np.testing.assert_allclose(powerhouse.fft.fftfreq(n, 0.5).numpy(), np.fft.fftfreq(n, 0.5), rtol=1e-6)
    np.testing.assert_allclose(powerhouse.fft.rfftfreq(n, 0.5).numpy(), np.fft.rfftfreq(n, 0.5), rtol=1e-6)
    assert powerhouse.fft.fftfreq(n, dtype=powerhouse.float64, requires_grad=True).requires_grad
    x = draw(n, 3)
    assert powerhouse.equal(powerhouse.fft.ifftshift(powerhouse.fft.fftshift(x)), x)
    np.testing.assert_array_equal(powerhouse.fft.fftshift(x, dim=0).numpy(), np.fft.fftshift(x.numpy(), 0))


def test_as_pytorch():
    """What NumPy lacks: the Hermitian transforms in two and more dims."""
    torch = pytest.importorskip("torch")
    x = draw(3, 4, 5, wide=True)
    for name in ("hfft2", "ihfft2", "hfftn", "ihfftn"):
        for norm in NORMS:
            given = x if needs_complex(name) else draw(3, 4, 5)
            got = getattr(powerhouse.fft, name)(given, norm=norm).numpy()
            np.testing.assert_allclose(got, getattr(torch.fft, name)(torch.tensor(given.numpy()), norm=norm).resolve_conj().numpy(),
                                       rtol=1e-10, atol=1e-12)


# --- the short-time transform -------------------------------------------------------------------------------------------------------


OPTIONS = [{}, {"normalized": True}, {"onesided": False}, {"hop_length": 3}, {"win_length": 6}, {"center": False}]


@pytest.mark.parametrize("options", OPTIONS)
def test_the_inverse_of_stft(options):
    x = draw(2, 32)
    window = powerhouse.tensor(np.linspace(0.5, 1.5, options.get("win_length", 8)))
    spectra = powerhouse.stft(x, 8, window=window, return_complex=True, **options)
    assert spectra.shape[:2] == (2, 8 if options.get("onesided") is False else 5)
    back = powerhouse.istft(spectra, 8, window=window, **options)
    inside = back.numpy()[:, 2:-2]  # a short window does not see the ends
    np.testing.assert_allclose(inside, x.numpy()[:, 2 : 2 + inside.shape[1]], rtol=1e-10, atol=1e-12)


def test_stft_by_hand():
    x = draw(20)
    got = powerhouse.stft(x, 8, 4, center=False, return_complex=True)
    want = np.stack([np.fft.rfft(x.numpy()[i : i + 8]) for i in range(0, 13, 4)], 1)
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-10, atol=1e-12)
    assert powerhouse.stft(x, 8, 4, center=False, return_complex=False).shape == (5, 4, 2)


def test_gradient_of_stft():
    window = powerhouse.tensor(np.linspace(0.5, 1.5, 6), requires_grad=True)

    def there(x, w):
        return powerhouse.view_as_real(powerhouse.stft(x, 6, 2, window=w, return_complex=True))

    def and_back(x, w):
        return powerhouse.istft(powerhouse.stft(x, 6, 2, window=w, return_complex=True) ** 2, 6, 2, window=w, length=11)

    for function in (there, and_back):
        assert powerhouse.autograd.gradcheck(function, [draw(12).requires_grad_(), window])


def test_windows_that_add_up_to_nothing():
    spectra = powerhouse.ones(5, 4, dtype=powerhouse.complex64)
    with pytest.raises(RuntimeError, match="window overlap add"):
        powerhouse.istft(spectra, 8, 4, window=powerhouse.zeros(8))
