"""Groups that go on with a product or a convolution while it is in the cache: the same numbers as apart from it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import powerhouse as torch
from powerhouse.core import config
from powerhouse.engine import native
from powerhouse.engine.assembly import Assembly

F = torch.nn.functional


def both(function, *tensors):
    """The function's result by the reference tier and by kernels, and the labels of the kernels' nodes."""
    labels, assemble = [], Assembly._recipe

    def noting(self):
        labels.extend(n.label for n in self.nodes)
        return assemble(self)

    results = []
    for tier in ("reference", "native"):
        with config.override(tier=tier), pytest.MonkeyPatch.context() as patch:
            patch.setattr(Assembly, "_recipe", noting)
            results.append(np.asarray(function(*tensors).numpy()))
    np.testing.assert_allclose(results[1], results[0], rtol=2e-4, atol=2e-4)
    return labels


@pytest.mark.parametrize("m,k,n", [(128, 384, 768), (7, 33, 300), (300, 64, 40), (1, 50, 1000), (40, 2000, 530), (33, 5, 7)])
@pytest.mark.parametrize("kind", ["bias", "gelu", "residual", "softmax", "norm"])
def test_after_a_product(m, k, n, kind):
    """Elementwise, or over whole rows, whatever blocks the product is cut into."""
    x, w, b, r = torch.randn(m, k), torch.randn(n, k) * 0.1, torch.randn(n), torch.randn(m, n)
    functions = {
        "bias": lambda x, w, b, r: F.linear(x, w, b),
        "gelu": lambda x, w, b, r: F.gelu(F.linear(x, w, b)),
        "residual": lambda x, w, b, r: F.linear(x, w, b) * 0.5 + r,
        "softmax": lambda x, w, b, r: F.softmax(F.linear(x, w, b), 1),
        "norm": lambda x, w, b, r: F.layer_norm(r + F.linear(x, w, b), (n,)),
    }
    labels = both(functions[kind], x, w, b, r)
    if kind in ("bias", "gelu", "residual"):
        assert any(label.startswith("batched_matmul+") for label in labels)


@pytest.mark.parametrize("shape,weight,options", [
    ((2, 8, 14, 14), (16, 8, 3, 3), {"padding": 1}),
    ((1, 3, 33, 31), (10, 3, 7, 7), {"stride": 2, "padding": 3}),
    ((2, 16, 7, 7), (30, 16, 1, 1), {}),
    ((2, 8, 9, 9), (8, 1, 3, 3), {"groups": 8, "padding": 1}),
    ((3, 4, 50), (6, 4, 5), {}),
])  # fmt: skip
def test_after_a_convolution(shape, weight, options):
    """Bias, batch norm in evaluation, a residual and an activation."""
    x, w, b = torch.randn(*shape), torch.randn(*weight), torch.randn(weight[0])
    conv = {3: F.conv1d, 4: F.conv2d}[len(shape)]
    scale = torch.rand(weight[0], *(1,) * (len(shape) - 2))
    both(lambda x, w, b: F.relu(conv(x, w, b, **options) * scale + 0.5), x, w, b)
    residual = conv(x, w, b, **options) * 2
    both(lambda x, w, b: F.relu(conv(x, w, b, **options) + residual), x, w, b)


def test_a_result_that_is_read_elsewhere_stays():
    """The product itself is kept for others."""
    x, w = torch.randn(50, 60), torch.randn(70, 60)

    def both_uses(x, w):
        y = x @ w.t()
        return torch.cat([F.relu(y), y.flip(0)])

    both(both_uses, x, w)


def test_batch_norm_in_evaluation_goes_on_with_the_convolution():
    """What it needs for each channel is made before the convolution, so that the whole is one node."""
    x, w = torch.randn(2, 8, 14, 14), torch.randn(16, 8, 3, 3)
    mean, var, scale, shift = torch.randn(16), torch.rand(16) + 0.5, torch.randn(16), torch.randn(16)
    labels = both(lambda x, w: F.relu(F.batch_norm(F.conv2d(x, w), mean, var, scale, shift)), x, w)
    assert any(label.startswith("conv+") for label in labels)


def test_one_large_product_is_compiled_and_shared_by_the_team():
    """Though it is one node, and few elements for much work."""
    x, w = torch.randn(32, 4096), torch.randn(4096, 32)
    with config.override(tier="auto"):
        programs, run = [], native.Program.run
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(native.Program, "run", lambda self, *a: programs.append(self) or run(self, *a))
            (x @ w).numpy()
    assert [part.shared for program in programs for part in program.parts] == [True]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("kind", ["product", "linear", "convolution", "gradients"])
def test_half_precision(dtype, kind):
    """Products of 16-bit floats are kernels too: summed in float32, rounded once, as the reference tier does."""
    x, w = torch.randn(40, 96).to(getattr(torch, dtype)), (torch.randn(64, 96) * 0.1).to(getattr(torch, dtype))
    image, filters = torch.randn(2, 8, 9, 9).to(x.dtype), (torch.randn(12, 8, 3, 3) * 0.2).to(x.dtype)

    def gradients(x, w, image, filters):
        image, filters = image.clone().requires_grad_(), filters.clone().requires_grad_()
        F.conv2d(image, filters, padding=1).float().square().sum().backward()
        return torch.cat([image.grad.flatten(), filters.grad.flatten()]).float()

    functions = {
        "product": lambda x, w, *_: (x @ w.t()).float(),
        "linear": lambda x, w, *_: F.relu(F.linear(x, w)).float(),
        "convolution": lambda x, w, image, filters: F.conv2d(image, filters, stride=2).float(),
        "gradients": gradients,
    }
    left, assemble, results = [], Assembly._recipe, []

    def noting(self):
        left.extend(n.label for n in self.nodes if n.step is not None)
        return assemble(self)

    for tier in ("reference", "native"):
        with config.override(tier=tier), pytest.MonkeyPatch.context() as patch:
            patch.setattr(Assembly, "_recipe", noting)
            results.append(functions[kind](x, w, image, filters).numpy())
    unit = {"bfloat16": 2**-7, "float16": 2**-10}[dtype]
    np.testing.assert_allclose(results[1], results[0], rtol=2 * unit, atol=unit * np.abs(results[0]).max() * 0.1)
    assert not left
