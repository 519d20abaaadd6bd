"""Convolutions of any rank against a loop that says what they are, finite differences, and PyTorch."""

from __future__ import annotations

import random
from itertools import product
from typing import NamedTuple

import numpy as np
import pytest

import powerhouse
from powerhouse.nn import functional as F


class Case(NamedTuple):
    """Arrays and keyword arguments of one convolution."""

    name: str
    arrays: tuple
    kwargs: dict


def draw_case(seed: int) -> Case:
    """A random convolution of rank 1 to 3, plain or transposed."""
    pick, rng = random.Random(seed), np.random.default_rng(seed)
    n, transposed = pick.choice([1, 2, 2, 3]), pick.random() < 0.4
    groups, per_group, outs = pick.choice([1, 1, 2, 3]), pick.randint(1, 3), pick.randint(1, 3)

    def numbers(low, high):
        return [pick.randint(low, high) for _ in range(n)]

    sizes, kernel, stride, padding, dilation = numbers(5, 7), numbers(1, 3), numbers(1, 3), numbers(0, 2), numbers(1, 2)
    kwargs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    channels = (groups * per_group, outs) if transposed else (groups * outs, per_group)
    if transposed:
        kwargs["output_padding"] = [pick.randint(0, max(s, d) - 1) for s, d in zip(stride, dilation)]
    batch = () if pick.random() < 0.2 else (2,)
    arrays = (
        rng.standard_normal((*batch, groups * per_group, *sizes)),
        rng.standard_normal((*channels, *kernel)),
        rng.standard_normal(groups * outs),
    )
    return Case(f"conv_transpose{n}d" if transposed else f"conv{n}d", arrays, kwargs)


def convolve_slowly(x, weight, stride, padding, dilation, groups):
    """One output at a time, as the definition says."""
    n = weight.ndim - 2
    padded = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    counts = [(m - d * (k - 1) - 1) // s + 1 for m, d, k, s in zip(padded.shape[2:], dilation, weight.shape[2:], stride)]
    out = np.zeros((len(x), len(weight), *counts))
    outs, channels = len(weight) // groups, weight.shape[1]
    for b, o, *at in product(*map(range, out.shape)):
        for c, *k in product(range(channels), *map(range, weight.shape[2:])):
            where = tuple(at[i] * stride[i] + k[i] * dilation[i] for i in range(n))
            out[(b, o, *at)] += weight[(o, c, *k)] * padded[(b, o // outs * channels + c, *where)]
    return out


def transpose_slowly(x, weight, stride, padding, output_padding, dilation, groups):
    """Every input adds its multiple of the weight to the output."""
    n = weight.ndim - 2
    full = [(m - 1) * s + d * (k - 1) + 1 + e for m, s, d, k, e in zip(x.shape[2:], stride, dilation, weight.shape[2:], output_padding)]
    outs, channels = weight.shape[1], len(weight) // groups
    out = np.zeros((len(x), outs * groups, *full))
    for b, c, *at in product(*map(range, x.shape)):
        for o, *k in product(range(outs), *map(range, weight.shape[2:])):
            where = tuple(at[i] * stride[i] + k[i] * dilation[i] for i in range(n))
            out[(b, c // channels * outs + o, *where)] += weight[(c, o, *k)] * x[(b, c, *at)]
    return out[(..., *(slice(p, m - p) for p, m in zip(padding, full)))]


@pytest.mark.parametrize("seed", range(30))
def test_values_are_those_of_the_loop(seed):
    case = draw_case(seed)
    x, weight, bias = case.arrays
    got = getattr(F, case.name)(*map(powerhouse.tensor, case.arrays), **case.kwargs).numpy()
    n = weight.ndim - 2
    batched = x if x.ndim == n + 2 else x[None]
    slow = (transpose_slowly if "transpose" in case.name else convolve_slowly)(batched, weight, **case.kwargs)
    slow = slow + bias.reshape(-1, *(1,) * n)
    np.testing.assert_allclose(got, slow if x.ndim == n + 2 else slow[0], atol=1e-10)


def gradients(package, function, case: Case):
    """Value, gradients, and gradients of the squared gradients."""
    inputs = [package.tensor(a.tolist(), dtype=package.float64, requires_grad=True) for a in case.arrays]
    value = function(*inputs, **case.kwargs)
    first = package.autograd.grad((value * value * value).sum(), inputs, create_graph=True)
    second = package.autograd.grad(sum((g * g).sum() for g in first), inputs)
    return [np.asarray(t.detach().numpy()) for t in (value, *first, *second)]


@pytest.mark.parametrize("seed", range(100, 112))
def test_gradients_are_those_of_finite_differences(seed):
    case = draw_case(seed)
    function, step = getattr(F, case.name), 1e-5
    found = gradients(powerhouse, function, case)[1:4]
    rng = np.random.default_rng(seed)

    def total(arrays):
        return float((function(*map(powerhouse.tensor, arrays), **case.kwargs) ** 3).sum().item())

    for i, gradient in enumerate(found):
        direction = rng.standard_normal(gradient.shape)
        ends = [[a + sign * step * direction if j == i else a for j, a in enumerate(case.arrays)] for sign in (1, -1)]
        slope = (total(ends[0]) - total(ends[1])) / (2 * step)
        assert slope == pytest.approx((gradient * direction).sum(), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("seed", range(200, 260))
def test_values_and_gradients_twice_are_pytorch_s(seed):
    torch = pytest.importorskip("torch")
    case = draw_case(seed)
    for mine, its in zip(
        gradients(powerhouse, getattr(F, case.name), case), gradients(torch, getattr(torch.nn.functional, case.name), case)
    ):
        np.testing.assert_allclose(mine, its, rtol=1e-8, atol=1e-8 * max(1, np.abs(its).max(initial=0)))


@pytest.mark.parametrize(
    ("shape", "weight", "kwargs"),
    [
        ((2, 40, 4, 4), (48, 40, 3, 3), {"padding": 1}),  # fewer windows than weights
        ((2, 40, 4, 4), (48, 40, 3, 3), {"padding": 1, "stride": 2}),
        ((3, 5, 9, 9), (4, 5, 1, 1), {"stride": 2}),
        ((2, 6, 9, 8), (12, 1, 3, 3), {"groups": 6, "stride": 2, "padding": 1}),  # depthwise, two outputs a channel
        ((300, 2, 20, 20), (3, 2, 3, 3), {}),  # several slices of the batch
        ((2, 3, 6, 6), (4, 3, 2, 2), {"padding": 3, "dilation": 2}),  # more padding than the window reaches
    ],
)
def test_special_paths_are_those_of_one_window_at_a_time(shape, weight, kwargs):
    """Shapes that choose another way to compute, against sums over window positions."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal(shape), rng.standard_normal(weight)
    stride, padding, dilation, groups = (kwargs.get(k, d) for k, d in (("stride", 1), ("padding", 0), ("dilation", 1), ("groups", 1)))
    padded = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    height, width = ((m - dilation * (weight[2] - 1) - 1) // stride + 1 for m in padded.shape[2:])
    inputs = [powerhouse.tensor(a, requires_grad=True) for a in (x, w)]
    out = F.conv2d(*inputs, **kwargs)
    g = rng.standard_normal(out.shape)
    gx, gw = powerhouse.autograd.grad(out, inputs, powerhouse.tensor(g))
    expected, padded_gradient, weight_gradient = np.zeros(out.shape), np.zeros(padded.shape), np.zeros(weight)
    outs = weight[0] // groups
    for group, i, j in product(range(groups), range(weight[2]), range(weight[3])):
        its, mine = slice(group * weight[1], (group + 1) * weight[1]), slice(group * outs, (group + 1) * outs)
        box = (slice(None), its, *(slice(k * dilation, k * dilation + (m - 1) * stride + 1, stride) for k, m in ((i, height), (j, width))))
        expected[:, mine] += np.einsum("bchw,oc->bohw", padded[box], w[mine, :, i, j])
        padded_gradient[box] += np.einsum("bohw,oc->bchw", g[:, mine], w[mine, :, i, j])
        weight_gradient[mine, :, i, j] = np.einsum("bohw,bchw->oc", g[:, mine], padded[box])
    inner = slice(padding, -padding or None)
    np.testing.assert_allclose(out.detach().numpy(), expected, atol=1e-9)
    np.testing.assert_allclose(gx.numpy(), padded_gradient[:, :, inner, inner], atol=1e-9)
    np.testing.assert_allclose(gw.numpy(), weight_gradient, atol=1e-8)


def test_padding_by_name():
    x, w = powerhouse.randn(2, 3, 7, 8), powerhouse.randn(4, 3, 4, 3)
    assert F.conv2d(x, w, padding="same").shape == (2, 4, 7, 8)
    assert powerhouse.equal(F.conv2d(x, w, padding="valid"), F.conv2d(x, w))
    after = F.conv2d(F.pad(x, (1, 1, 1, 2)), w)  # the odd one out goes behind
    assert powerhouse.allclose(F.conv2d(x, w, padding="same"), after, atol=1e-5)


def test_nothing_to_convolve():
    assert F.conv2d(powerhouse.zeros(0, 3, 8, 8), powerhouse.zeros(4, 3, 3, 3)).shape == (0, 4, 6, 6)
    assert F.conv2d(powerhouse.zeros(1, 0, 8, 8), powerhouse.zeros(4, 0, 3, 3)).abs().sum().item() == 0
    x, w = powerhouse.zeros(0, 3, 8, 8), powerhouse.zeros(4, 3, 3, 3, requires_grad=True)
    F.conv2d(x, w).sum().backward()
    assert w.grad.shape == w.shape and w.grad.abs().sum().item() == 0


def test_half_precision_sums_in_float32():
    rng = np.random.default_rng(0)
    x, w = (powerhouse.tensor(rng.uniform(0, 1, s)).to(powerhouse.bfloat16) for s in ((1, 256, 4, 4), (2, 256, 3, 3)))
    out = F.conv2d(x, w)
    exact = F.conv2d(x.double(), w.double())
    assert out.dtype is powerhouse.bfloat16
    assert ((out.double() - exact).abs() <= exact.abs() * 2**-8).all().item()


def test_integers_and_complex_numbers():
    rng = np.random.default_rng(0)
    x, w = rng.integers(-5, 5, (1, 2, 5, 5)), rng.integers(-5, 5, (3, 2, 2, 2))
    got = F.conv2d(powerhouse.tensor(x), powerhouse.tensor(w))
    assert got.dtype is powerhouse.int64
    np.testing.assert_array_equal(got.numpy(), convolve_slowly(x, w, (1, 1), (0, 0), (1, 1), 1))
    z = F.conv2d(powerhouse.tensor(x * 1j), powerhouse.tensor(w * 1j))
    np.testing.assert_allclose(z.numpy().real, -got.numpy())


@pytest.mark.parametrize(
    ("arguments", "kwargs", "message"),
    [
        (((2, 3), (4, 3, 3, 3)), {}, r"Expected 3D \(unbatched\) or 4D \(batched\) input to conv2d, but got input of size: \[2, 3\]"),
        (
            ((1, 2, 8, 8), (4, 3, 3, 3)),
            {},
            r"Given groups=1, weight of size \[4, 3, 3, 3\], expected input\[1, 2, 8, 8\] to have 3 channels, but got 2 channels",
        ),
        (
            ((1, 3, 2, 2), (4, 3, 3, 3)),
            {},
            r"padded input size per channel: \(2 x 2\). Kernel size: \(3 x 3\). Kernel size can't be greater",
        ),
        (((1, 3, 8, 8), (4, 3, 3, 3), (3,)), {}, r"expected bias to be 1-dimensional with 4 elements, but got bias of size \[3\]"),
        (((1, 3, 8, 8), (4, 3, 3, 3)), {"stride": 0}, "non-positive stride is not supported"),
        (((1, 3, 8, 8), (4, 3, 3, 3)), {"padding": "same", "stride": 2}, "padding='same' is not supported for strided convolutions"),
        (
            ((1, 4, 8, 8), (3, 2, 3, 3)),
            {"groups": 2},
            r"expected weight to be divisible by 2 at dimension 0, but got weight of size \[\[3, 2, 3, 3\]\]",
        ),
    ],
)
def test_refusals(arguments, kwargs, message):
    with pytest.raises(RuntimeError, match=f"^conv2d: .*{message}"):
        F.conv2d(*map(powerhouse.zeros, arguments), **kwargs)


def test_dtypes_must_agree():
    with pytest.raises(RuntimeError, match="^conv1d: expected scalar type float32 but found float64"):
        F.conv1d(powerhouse.zeros(1, 2, 5), powerhouse.zeros(3, 2, 2, dtype=powerhouse.float64))
    with pytest.raises(TypeError, match="conv1d.*stride"):
        F.conv1d(powerhouse.zeros(1, 2, 5), powerhouse.zeros(3, 2, 2), stride=1.5)


def test_refusals_of_transposed_convolutions():
    x, w = powerhouse.zeros(1, 3, 4, 4), powerhouse.zeros(3, 2, 3, 3)
    with pytest.raises(RuntimeError, match="^conv_transpose2d: output padding must be smaller than either stride or dilation"):
        F.conv_transpose2d(x, w, output_padding=1)
    with pytest.raises(RuntimeError, match="^conv_transpose2d: .*Calculated output size per channel: .*Output size is too small"):
        F.conv_transpose2d(x, w, padding=5)
