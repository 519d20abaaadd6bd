"""Resampling: interpolation to other sizes and sampling at grids, against PyTorch and against what is known of them."""

from __future__ import annotations

import random

import numpy as np
import pytest

import powerhouse
from powerhouse.nn import functional as F

MODES = {1: ["linear"], 2: ["bilinear", "bicubic"], 3: ["trilinear"]}


def draw_interpolation(seed: int):
    """A random interpolation: its input and keyword arguments."""
    pick, rng = random.Random(seed), np.random.default_rng(seed)
    n = pick.choice([1, 2, 3])
    mode = pick.choice(["nearest", "nearest-exact", "area", *MODES[n] * 2])
    options: dict = {"mode": mode}
    if pick.random() < 0.5:
        options["size"] = [pick.randint(1, 12) for _ in range(n)]
    else:
        options["scale_factor"] = [pick.choice([0.5, 1.0, 1.3, 2, 3.7]) for _ in range(n)]
        options["recompute_scale_factor"] = pick.choice([None, True])
    if mode in MODES[n]:
        options["align_corners"] = pick.random() < 0.5
    if mode in MODES[2] and pick.random() < 0.5:
        options["antialias"] = True
    return rng.standard_normal((2, 3, *(pick.randint(4, 9) for _ in range(n)))), options


def value_and_gradients(package, name, arrays, options):
    leaves = [package.tensor(a.tolist(), dtype=package.float64, requires_grad=True) for a in arrays]
    value = getattr(package.nn.functional, name)(*leaves, **options)
    return [t.detach().numpy() for t in (value, *package.autograd.grad((value * value).sum(), leaves))]


@pytest.mark.parametrize("seed", range(60))
def test_interpolate_is_pytorch_s(seed):
    torch = pytest.importorskip("torch")
    x, options = draw_interpolation(seed)
    for mine, its in zip(
        value_and_gradients(powerhouse, "interpolate", [x], options), value_and_gradients(torch, "interpolate", [x], options)
    ):
        np.testing.assert_allclose(mine, its, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align_corners", [False, True])
def test_grid_sample_is_pytorch_s(mode, padding_mode, align_corners):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    options = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
    ranks = (2,) if mode == "bicubic" else (2, 3)
    for n in ranks:
        arrays = rng.standard_normal((2, 3, *range(4, 4 + n))), rng.standard_normal((2, *range(2, 2 + n), n)) * 1.5
        for mine, its in zip(
            value_and_gradients(powerhouse, "grid_sample", arrays, options), value_and_gradients(torch, "grid_sample", arrays, options)
        ):
            np.testing.assert_allclose(mine, its, rtol=1e-8, atol=1e-8)


def test_known_interpolations():
    x = powerhouse.arange(4.0).reshape(1, 1, 4)
    assert F.interpolate(x, 8).tolist() == [[[0, 0, 1, 1, 2, 2, 3, 3]]]
    assert F.interpolate(x, 7, mode="linear", align_corners=True).tolist() == [[[0, 0.5, 1, 1.5, 2, 2.5, 3]]]
    assert F.interpolate(x, 2, mode="area").tolist() == [[[0.5, 2.5]]]
    flat = powerhouse.full((1, 2, 5, 6), 3.0)
    for mode in ("bilinear", "bicubic"):
        for antialias in (False, True):
            assert powerhouse.allclose(F.interpolate(flat, (3, 9), mode=mode, antialias=antialias), powerhouse.full((1, 2, 3, 9), 3.0))


def test_resampling_is_linear_and_its_gradient_the_transpose():
    rng = np.random.default_rng(1)
    for options in ({"mode": "bicubic", "antialias": True}, {"mode": "nearest"}, {"mode": "bilinear", "align_corners": True}):
        x = powerhouse.tensor(rng.standard_normal((1, 1, 7, 9)), requires_grad=True)
        y = F.interpolate(x, (4, 13), **options)
        u, v = powerhouse.tensor(rng.standard_normal((1, 1, 4, 13))), powerhouse.tensor(rng.standard_normal((1, 1, 7, 9)))
        (g,) = powerhouse.autograd.grad(y, [x], u)
        assert (g * v).sum().item() == pytest.approx((u * F.interpolate(v, (4, 13), **options)).sum().item())


def test_infinities_and_nan_stay_where_they_are():
    x = powerhouse.arange(6.0).reshape(1, 1, 6).clone()
    x[0, 0, 0], x[0, 0, 5] = float("inf"), float("nan")
    y = F.interpolate(x, 12, mode="linear", align_corners=False)[0, 0].tolist()
    assert y[3:9] == [1.25, 1.75, 2.25, 2.75, 3.25, 3.75] and y[1] == float("inf") and np.isnan(y[11])


def test_large_sources_are_mixed_like_small_ones():
    x = powerhouse.randn(1, 2, 700, dtype=powerhouse.float64, requires_grad=True)
    y = F.interpolate(x, 450, mode="linear", align_corners=True)
    at = np.arange(450) * 699 / 449
    np.testing.assert_allclose(y[0, 0].detach().numpy(), np.interp(at, np.arange(700), x[0, 0].detach().numpy()), atol=1e-12)
    (g,) = powerhouse.autograd.grad(y.sum(), [x])
    assert g.sum().item() == pytest.approx(900)


def test_the_identity_grid_gives_the_image_back():
    x = powerhouse.randn(2, 3, 5, 6, dtype=powerhouse.float64)
    theta = powerhouse.tensor([[[1.0, 0, 0], [0, 1, 0]]] * 2, dtype=powerhouse.float64)
    for align_corners in (False, True):
        grid = F.affine_grid(theta, x.shape, align_corners=align_corners)
        assert powerhouse.allclose(F.grid_sample(x, grid, align_corners=align_corners), x)
    flipped = F.grid_sample(
        x, F.affine_grid(theta * powerhouse.tensor([[[-1.0], [1.0]]]).double(), x.shape, align_corners=False), align_corners=False
    )
    assert powerhouse.allclose(flipped, x.flip(3))


def test_bytes_are_rounded():
    x = powerhouse.tensor([[[[0, 255], [255, 0]]]], dtype=powerhouse.uint8)
    y = F.interpolate(x, (3, 3), mode="bilinear", align_corners=True)
    assert y.dtype is powerhouse.uint8 and y[0, 0].tolist() == [[0, 128, 255], [128, 128, 128], [255, 128, 0]]


@pytest.mark.parametrize(
    ("shape", "options", "error", "message"),
    [
        ((1, 3, 8, 8), {}, ValueError, "either size or scale_factor should be defined"),
        ((1, 3, 8, 8), {"size": 4, "mode": "linear"}, NotImplementedError, "Got 4D input, but linear mode needs 3D input"),
        ((1, 3, 8, 8), {"size": (4, 4, 4)}, ValueError, "must have the same number of spatial dimensions"),
        ((1, 3, 8, 8), {"size": 4, "align_corners": False}, ValueError, "align_corners option can only be set"),
        ((1, 3, 8, 8), {"size": 0}, RuntimeError, "Input and output sizes should be greater than 0"),
    ],
)
def test_refusals(shape, options, error, message):
    with pytest.raises(error, match=f"^interpolate: .*{message}"):
        F.interpolate(powerhouse.zeros(shape), **options)
