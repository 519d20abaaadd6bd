"""Random programs in the native tier (the generator is `benchmarks/fuzz.py`), and programs made to catch one promise each breaking.

The promises: the results of the reference tier; the same bits for any number of threads; a tensor that someone holds is never
overwritten; values kept for a later backward are those of the time.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import powerhouse as torch
from powerhouse.core import config

F = torch.nn.functional


def _fuzz():
    """The generator, which stands beside the benchmarks since it also runs for hours."""
    path = Path(__file__).parents[2] / "benchmarks" / "fuzz.py"
    spec = importlib.util.spec_from_file_location("fuzz", path)
    module = sys.modules["fuzz"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fuzz = _fuzz()


@pytest.fixture(autouse=True, scope="module")
def _in_pieces(tmp_path_factory):
    """Kernels of the module's own, shared out among threads however small they are."""
    with pytest.MonkeyPatch.context() as patch, fuzz.shared_in_small_pieces():
        patch.setenv("POWERHOUSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize("block", range(6))
def test_random_programs(block):
    """Fixed seeds: both tiers agree, and every number of threads gives the same bits."""
    for seed in range(10 * block, 10 * block + 10):
        program = fuzz.program_of(seed)
        what = fuzz.fault(program, with_torch=False)
        assert not what, f"seed {seed}: {what}\n{program.script()}"


def test_programs_do_not_depend_on_what_ran_before():
    """A program that is written again is the same, and gives the same bits again."""
    first, second = fuzz.program_of(3), fuzz.program_of(3)
    assert first == second
    a, b = (fuzz.bits(fuzz.outcome(p, tier="native", threads=2)) for p in (first, second))
    assert a == b and a


def test_shrinking_keeps_what_fails():
    """A program is cut down to the statements that a failure needs."""
    program = fuzz.Program(("a = leaf(0, 3)", "b = leaf(1, 3)", "c = a * 2", "d = b + 1", "e = c.sum()"), ("c", "d", "e"), False)
    less = fuzz.shrunk(program, lambda p: "e" in fuzz.outcome(p, tier="reference").values)
    assert less.statements == ("a = leaf(0, 3)", "c = a * 2", "e = c.sum()") and less.names == ("e",)


def test_wrong_results_are_found():
    """Another value, another dtype, an error, other bits; but not what rounding explains."""
    program = fuzz.Program(("a = leaf(0, 40)", "b = a.exp()"), ("b",), False)
    want = fuzz.outcome(program, tier="reference")
    b = want.values["b"]
    assert not fuzz.fault(program, with_torch=False)
    for wrong in (b + 1e-2, b.astype(np.float64), np.where(b > 5, np.nan, b), b[:-1], "RuntimeError: no"):
        assert fuzz.difference(program, want._replace(values={"b": wrong}), want)
    assert not fuzz.difference(program, want._replace(values={"b": b * np.float32(1 + 1e-6)}), want)
    assert fuzz.difference(program, want._replace(errors={1: "RuntimeError: no"}), want)
    assert fuzz.bits(want) != fuzz.bits(want._replace(values={"b": b * np.float32(1 + 1e-6)}))


def test_rounding_that_is_magnified_is_excused():
    """The sign of a difference that is rounding only; but not a sign that is certain."""
    program = fuzz.Program(("a = leaf(0, 40)", "b = (a.exp().log() - a).sign()", "c = a.exp().sign()"), ("b", "c"), False)
    want = fuzz.outcome(program, tier="reference")
    assert not fuzz.difference(program, want._replace(values=want.values | {"b": -want.values["b"]}), want)
    assert fuzz.difference(program, want._replace(values=want.values | {"c": -want.values["c"]}), want)


def test_guards():
    """A write behind a result is seen, and fresh memory holds NaNs."""
    with fuzz.guarded() as blocks:
        x = torch.tensor(array(100))
        with config.override(tier="native"):
            y = (x * 2).numpy()
    assert blocks and all(map(fuzz.is_whole, blocks))
    assert y.base is not None
    blocks[0][fuzz._GUARD + y.nbytes] = 0
    assert not fuzz.is_whole(blocks[0])


@pytest.fixture(params=["reference", "native"])
def tier(request):
    """Both tiers keep the promises."""
    with config.override(tier=request.param):
        yield request.param


def array(*shape, seed=0):
    """Numbers of a normal distribution."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


# --- the program cache ----------------------------------------------------------------------------------------------------------------


def step(x, w, v):
    """A small network forward and backward, with a reduction, a product and a softmax."""
    loss = F.cross_entropy(F.layer_norm(F.gelu(x @ w), (w.shape[1],)) @ v, torch.arange(x.shape[0]) % v.shape[1])
    return [loss, *torch.autograd.grad(loss, [w, v])]


def test_changing_shapes():
    """Each shape has its own program over the same kernels; coming back to one finds the right numbers."""
    sizes = (1, 5, 16, 33, 5, 128, 1, 33)
    for n in sizes:
        arrays = array(n, 13), array(13, n + 1, seed=1), array(n + 1, 7, seed=2)
        found = {}
        for name in ("reference", "native"):
            with config.override(tier=name):
                x, w, v = (torch.tensor(a) for a in arrays)
                found[name] = [r.detach().numpy() for r in step(x, w.requires_grad_(), v.requires_grad_())]
        for a, b in zip(found["native"], found["reference"], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5, err_msg=str(n))


def test_numbers_may_change(tier):
    """A Python number is no part of a program: another one uses the same."""
    x = torch.tensor(array(40))
    for k in range(5):
        rate = 0.1 * k
        np.testing.assert_allclose(((x * rate).exp() + rate).numpy(), np.exp(x.numpy() * np.float32(rate)) + np.float32(rate), rtol=1e-5)


# --- donation: memory that is given up, and memory that is not ----------------------------------------------------------------------------


def holders(x):
    """Ways to hold the present value of a tensor apart from the tensor: each gives a function that returns the value."""
    copy, shared, kept = x.clone(), x.numpy(), x + 0
    return {"clone": lambda: copy.numpy(), "sum": lambda: kept.numpy(), "numpy": lambda: shared.copy()}


def test_what_is_held_is_not_overwritten(tier):
    """An update in place, while a copy, a NumPy view and a pending result of the old value are held."""
    before = array(300)
    for name in ("clone", "sum"):
        x = torch.tensor(before)
        x.sum().item()
        held = holders(x)[name]
        x.mul_(2.0).add_(1.0)
        np.testing.assert_array_equal(held(), before, err_msg=name)
        np.testing.assert_allclose(x.numpy(), before * 2 + 1, rtol=1e-6)


def test_shared_memory_sees_the_write(tier):
    """NumPy's view of a tensor shows what is written to the tensor."""
    x = torch.tensor(array(300))
    seen = x.numpy()
    old = seen.copy()
    y = x * 1.5
    x.add_(1.0)
    x.sum().item()
    np.testing.assert_array_equal(seen, old + 1)
    np.testing.assert_allclose(y.numpy(), old * 1.5, rtol=1e-6)


def test_two_names_of_one_storage(tier):
    """`detach`, a view and `data` follow the write; they are one memory."""
    x = torch.tensor(array(6, 7))
    y, v, d = x.detach(), x[1:, ::2], x.data
    x.sum().item()
    x.mul_(3.0)
    for other, want in ((y, x), (d, x), (v, x[1:, ::2])):
        np.testing.assert_array_equal(other.numpy(), want.numpy())


def test_a_result_of_another_dtype_is_not_made_in_the_leaf(tier):
    """A cast of a leaf whose value dies in the same program has its own dtype."""
    before = array(4, 5) * 3
    x = torch.tensor(before)
    x.sum().item()
    y = x.to(torch.int32)
    x.fill_(0.5)
    got = y.numpy()
    assert got.dtype == np.int32
    np.testing.assert_array_equal(got, before.astype(np.int32))


@pytest.mark.parametrize(
    "write, want",
    [
        (lambda x: x[1:].add_(x[:-1].clone()), lambda a: np.concatenate([a[:1], a[1:] + a[:-1]])),
        (lambda x: x.copy_(x.flip(0)), lambda a: a[::-1]),
        (lambda x: x.copy_(x.t().clone() if x.ndim > 1 and x.shape[0] == x.shape[1] else x), lambda a: a.T),
        (lambda x: x.add_(x.t()), lambda a: a + a.T),
        (lambda x: x.add_(x.sum(0)), lambda a: a + a.sum(0)),
        (lambda x: x.sub_(x.mean()), lambda a: a - a.mean()),
        (lambda x: x.mul_(x[0]), lambda a: a * a[0]),
        (lambda x: x.copy_(x.roll(1, 0) + x), lambda a: np.roll(a, 1, 0) + a),
        (lambda x: x.copy_(x @ x), lambda a: a @ a),
        (lambda x: x.copy_(F.softmax(x, -1)), lambda a: np.exp(a) / np.exp(a).sum(-1, keepdims=True)),
    ],
    ids=["shifted", "flip", "transposed", "add transposed", "add sum", "sub mean", "times row", "roll", "product", "softmax"],
)
@pytest.mark.parametrize("n", [17, 64])
def test_reads_elsewhere_before_the_write(tier, write, want, n):
    """What is written in place depends on other elements of the same memory: all reads are of the old value."""
    before = array(n, n)
    x = torch.tensor(before)
    x.sum().item()  # the value is realized, so that its memory could be taken over
    write(x)
    np.testing.assert_allclose(x.numpy(), want(before), rtol=1e-4, atol=1e-4)


def test_an_interrupted_write_is_seen_once(tier):
    """Many steps in place on one memory, each realized: no step is lost or done twice."""
    x = torch.zeros(1000)
    for k in range(20):
        x.add_(1.0)
        assert x[k].item() == k + 1


# --- values kept for backward ---------------------------------------------------------------------------------------------------------


def test_kept_values_outlive_their_leaves(tier):
    """A value is read, then the leaf is changed without autograd's knowledge; the gradient is that of the time of the forward pass."""
    a, b = array(20, 30), array(30, 10, seed=1)
    w, x = torch.tensor(b).requires_grad_(), torch.tensor(a)
    y = torch.tanh(x @ w)
    loss = (y * y).sum()
    loss.item()
    del x, y
    loss.backward()
    t = np.tanh(a @ b)
    np.testing.assert_allclose(w.grad.numpy(), a.T @ (2 * t * (1 - t * t)), rtol=1e-3, atol=1e-3)


def test_an_optimizer_step_does_not_spoil_an_earlier_graph(tier):
    """`retain_graph`, a step that overwrites the parameter in place, and gradients of a graph of the old parameter."""
    a = array(50)
    w = torch.tensor(a).requires_grad_()
    first = w.detach().clone()
    optimizer = torch.optim.SGD([w], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        (w.exp() * 0.1).sum().backward()
        optimizer.step()
    want = a.copy()
    for _ in range(3):
        want = want - np.float32(0.1) * (np.exp(want) * np.float32(0.1))
    np.testing.assert_allclose(w.detach().numpy(), want, rtol=1e-5)
    np.testing.assert_array_equal(first.numpy(), a)


def test_gradients_accumulate_where_they_are_held(tier):
    """A second backward adds to `grad`; a copy of the first stays."""
    w = torch.tensor(array(33)).requires_grad_()
    (w * w).sum().backward()
    once = w.grad.clone()
    once.sum().item()
    (w * w).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), 2 * once.numpy(), rtol=1e-6)
    np.testing.assert_allclose(once.numpy(), 2 * w.detach().numpy(), rtol=1e-6)


# --- what the fuzzer has found --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_stride_longer_than_the_image(channels, size):
    """Only some taps of the window reach the one pixel that a stride leaves."""
    x, w = array(8, channels, size, size), array(2, channels, 3, 3, seed=1)
    found = {}
    for name in ("reference", "native"):
        with config.override(tier=name):
            a, b = torch.tensor(x).requires_grad_(), torch.tensor(w).requires_grad_()
            y = F.conv2d(a, b, stride=2, padding=1)
            found[name] = [y.detach().numpy(), *(g.numpy() for g in torch.autograd.grad((y * y).sum(), [a, b]))]
    for got, want in zip(found["native"], found["reference"], strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


def test_sums_of_empty_tensors(tier):
    """Reductions of repeated values of which there are none."""
    p = torch.tensor(array(0, 33, 33)).requires_grad_()
    v = p.repeat(2, 1, 1)
    assert torch.autograd.grad((p * 1.0).sum() + (v * 0.5).sum(), [p])[0].numpy().shape == (0, 33, 33)


def test_a_slice_written_into_a_number(tier):
    """The base of the write is a number in every element, of which a kernel reads no memory."""
    p = torch.tensor(array(1, 6, 16, 16)).requires_grad_()
    v = p + torch.tensor(array(16, seed=1))
    loss = (v * 0.5).sum() + torch.cat([v[:, :, 10:], v * 2], 2).sum()
    want = np.full((1, 6, 16, 16), 2.5, np.float32)
    want[:, :, 10:] += 1
    np.testing.assert_allclose(torch.autograd.grad(loss, [p])[0].numpy(), want, rtol=1e-6)
