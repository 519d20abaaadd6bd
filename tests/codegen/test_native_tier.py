"""The native tier against the reference tier: every op's samples, random graphs with gradients, threads, and the kernels' cache."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import powerhouse
from powerhouse import nn
from powerhouse.codegen import emit as emission
from powerhouse.codegen.values import Unsupported
from powerhouse.core import config
from powerhouse.core import dtypes as dt
from powerhouse.engine import native as engine
from powerhouse.graph.op import REGISTRY, leaf
from powerhouse.graph.symbol import Type
from powerhouse.runtime import disk, native
from powerhouse.tensors.apply import apply
from powerhouse.tensors.functions import function_of

F = nn.functional
SIZES = (1, 3, 15, 16, 17, 33, 100)
FLOATS = (powerhouse.float32, powerhouse.float64)
INTEGERS = (powerhouse.int64, powerhouse.int32, powerhouse.uint8)


@pytest.fixture(autouse=True, scope="module")
def _cache_apart(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POWERHOUSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def assert_close(got, want, rtol, label):
    """Equal but for rounding, measured against the largest value."""
    assert got.dtype == want.dtype and got.shape == want.shape, f"{label}: {got.dtype}{got.shape}, should be {want.dtype}{want.shape}"
    if want.dtype.kind not in "fc":
        np.testing.assert_array_equal(got, want, err_msg=label)
        return
    finite = np.isfinite(want)
    scale = max(1.0, float(np.abs(want[finite]).max())) if finite.any() else 1.0
    np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * scale / 5, err_msg=label)


# --- every op's samples -------------------------------------------------------------------------------------------------------------


def draw_from(seed):
    """The `draw` that samples are written with."""
    rng = np.random.default_rng(seed)

    def draw(*shape, dtype="float32", low=-2, high=2):
        if dtype == "bool":
            return rng.random(shape) < 0.5
        if np.dtype(dtype).kind in "iu":
            return rng.integers(low, high, shape, endpoint=True).astype(dtype)
        if np.dtype(dtype).kind == "c":
            return (rng.uniform(low, high, shape) + 1j * rng.uniform(low, high, shape)).astype(dtype)
        return np.asarray(rng.uniform(low, high, shape), dtype)

    return draw


def mapped(x, make):
    """The arrays in `x`, nested in lists and tuples, as tensors."""
    if isinstance(x, np.ndarray):
        return make(x)
    if isinstance(x, (list, tuple)):
        return type(x)(*[mapped(i, make) for i in x]) if hasattr(x, "_fields") else type(x)(mapped(i, make) for i in x)
    return x


def tensors(x):
    """The tensors in `x`."""
    if isinstance(x, powerhouse.Tensor):
        return [x]
    return [t for i in x for t in tensors(i)] if isinstance(x, (list, tuple)) else []


def results_of(op, sample, tier):
    """The values of a sample's results and its gradients, computed in one tier."""
    leaves = []

    def make(a):
        t = powerhouse.tensor(a)
        if t.is_floating_point():
            leaves.append(t.requires_grad_())
        return t

    function = function_of(op, op.names[0]) if op.names else lambda *args, **kwargs: apply(op, (*args, *kwargs.values()))
    with config.override(tier=tier):
        powerhouse.manual_seed(0)
        outputs = tensors(function(*mapped(list(sample.args), make), **{k: mapped(v, make) for k, v in sample.kwargs.items()}))
        roots = [o for o in outputs if o.requires_grad] if sample.only != "forward" else []
        grads = (
            powerhouse.autograd.grad(roots, leaves, [powerhouse.ones_like(o) for o in roots], allow_unused=True) if roots and leaves else ()
        )
        return [o.detach().numpy() for o in outputs] + [g.numpy() for g in grads if g is not None]


SAMPLED = [op for op in REGISTRY.values() if op.sampler is not None]


SLOW = {"polygamma", "multigammaln", "zeta", "grid_sample"}  # long polynomials: seconds to compile


def outcome(op, sample, tier):
    """The results, or the error's type."""
    try:
        return results_of(op, sample, tier)
    except (RuntimeError, TypeError, ValueError) as error:
        return type(error)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("initial", sorted({op.name[0] for op in SAMPLED}))
def test_samples(initial):
    """Both tiers agree on the first sample of the ops whose names begin with a letter: on its results, or on its refusal."""
    for op in SAMPLED:
        if op.name[0] != initial or op.name in SLOW:
            continue
        for sample in islice(op.sampler(draw_from(0)), 1):
            want, got = (outcome(op, sample, tier) for tier in ("reference", "native"))
            if isinstance(want, type) or isinstance(got, type):
                assert got is want, op.name
                continue
            assert len(got) == len(want), op.name
            for a, b in zip(got, want, strict=True):
                assert_close(a, b, 1e-5, op.name)


# --- random graphs --------------------------------------------------------------------------------------------------------------------


class Graph:
    """A pool of tensors that grows by random ops on its members. Only values that both tiers compute exactly are compared or ordered."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.pool, self.exact, self.leaves = [], set(), []
        rank = self.rng.integers(1, 4)
        self.shape = tuple(int(self.rng.choice(SIZES if rank < 3 else SIZES[:6])) for _ in range(rank))
        if self.rng.random() < 0.05:
            self.shape = (*self.shape[:-1], 0)
        self.kind = self.pick(FLOATS)
        for _ in range(self.rng.integers(2, 5)):
            self.add_leaf(self.shape)

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def add(self, t, exact=False):
        self.pool.append(t)
        if exact:
            self.exact.add(id(t))

    def add_leaf(self, shape):
        shape = tuple(
            1 if self.rng.random() < 0.2 else n for n in shape[int(self.rng.integers(0, len(shape))) if self.rng.random() < 0.3 else 0 :]
        )
        if self.rng.random() < 0.3:
            kind = self.pick((*INTEGERS, powerhouse.bool))
            data = self.rng.integers(0, 2 if kind is powerhouse.bool else 50, shape)
            t = powerhouse.tensor(data).to(kind)
        else:
            kind = self.kind if self.rng.random() < 0.85 else self.pick(FLOATS)
            t = powerhouse.tensor(self.rng.uniform(-2, 2, shape)).to(kind)
            t = powerhouse.tensor(t.numpy()).requires_grad_()
            self.leaves.append(t)
        self.add(t, True)

    def one(self, exact=False, floating=None):
        fitting = [t for t in self.pool if (not exact or id(t) in self.exact) and (floating is None or t.is_floating_point() == floating)]
        return self.pick(fitting) if fitting else None

    def partner(self, a, exact=False):
        """A tensor that broadcasts with `a` and not beyond a bound."""
        fitting = []
        for t in self.pool:
            try:
                shape = np.broadcast_shapes(tuple(a.shape), tuple(t.shape))
            except ValueError:
                continue
            if np.prod(shape, dtype=float) <= 60_000 and (not exact or id(t) in self.exact):
                fitting.append(t)
        return self.pick(fitting) if fitting else None

    # The moves: each adds one tensor, or nothing where it does not fit.

    def unary(self):
        x = self.one(floating=True)
        if x is not None:
            self.add(self.pick(UNARY)(x))

    def binary(self):
        a = self.one(floating=True)
        b = self.partner(a) if a is not None else None
        if b is not None:
            self.add(self.pick(BINARY)(a, b))

    def whole(self):
        """Integers and truth values."""
        a = self.one(exact=True)
        b = self.partner(a, exact=True) if a is not None else None
        if b is None:
            return
        if a.is_floating_point() or b.is_floating_point():
            self.add(
                self.pick(
                    (lambda: a > b, lambda: a <= b, lambda: a.eq(b), lambda: powerhouse.maximum(a, b) if a.dtype is b.dtype else a != b)
                )(),
                True,
            )
        elif a.dtype is powerhouse.bool or b.dtype is powerhouse.bool:
            self.add(self.pick((lambda: a & b, lambda: a | b, lambda: a * b, lambda: a + b, lambda: a < b))(), True)
        else:
            self.add(
                self.pick(
                    (lambda: a + b, lambda: a * b, lambda: a - b, lambda: a // b.clamp(min=1), lambda: a % b.clamp(min=1), lambda: a ^ b)
                )(),
                True,
            )

    def cast(self):
        x = self.one(exact=True)
        if x is not None:
            kind = self.pick((*FLOATS, *INTEGERS, powerhouse.bool))
            self.add((x if x.dtype in (powerhouse.bool, kind) or not x.is_floating_point() else x.abs() * 7).to(kind), True)

    def choose(self):
        a = self.one(floating=True)
        if a is None:
            return
        c = next((t for t in self.pool if t.dtype is powerhouse.bool and t.shape == a.shape), None)
        other = self.partner(a)
        if c is not None and other is not None:
            self.add(powerhouse.where(c, a, other.to(a.dtype)))

    def reduce(self):
        x = self.one()
        if x is None or not x.ndim or not x.numel():
            return
        n = int(self.rng.integers(1, x.ndim + 1))
        some = tuple(int(d) for d in sorted(self.rng.choice(x.ndim, n, replace=False)))
        dims = self.pick((tuple(range(x.ndim - n, x.ndim)), some, tuple(range(x.ndim))))
        keep = bool(self.rng.random() < 0.6)
        if id(x) in self.exact and x.dtype is not powerhouse.bool:
            if self.rng.random() < 0.5:
                self.add(self.pick((x.amax, x.amin))(dims, keepdim=keep), True)
                return
            if not x.is_floating_point():
                self.add(x.sum(dims, keepdim=keep), True)
                return
        x = x if x.is_floating_point() else x.to(self.kind)
        self.add(self.pick((x.mean, lambda d, keepdim: x.sum(d, keepdim=keepdim) * 0.1, x.logsumexp))(dims, keepdim=keep))

    def view(self):
        x = self.one()
        if x is None or not x.ndim:
            return
        d = int(self.rng.integers(x.ndim))
        n = x.shape[d]
        moves = [lambda: x.transpose(d, -1), lambda: x.unsqueeze(d), lambda: x.flip(d), lambda: x.reshape(-1)]
        if n > 2:
            moves += [lambda: x.narrow(d, 1, n - 2), lambda: x[(slice(None),) * d + (slice(None, None, 2),)], lambda: x.select(d, n // 2)]
        if x.shape[d] == 1:
            moves += [lambda: x.expand(*[5 if i == d else m for i, m in enumerate(x.shape)]), lambda: x.squeeze(d)]
        self.add(self.pick(moves)(), id(x) in self.exact)

    def compose(self):
        x = self.one(floating=True)
        if x is None or not x.ndim or not x.numel():
            return
        d = int(self.rng.integers(x.ndim))
        moves = [
            lambda: F.softmax(x, d),
            lambda: F.log_softmax(x, -1),
            lambda: F.layer_norm(x, x.shape[-1:]) if x.shape[-1] > 2 else x * 2,
            lambda: F.softmax(x, -1) @ x.transpose(-1, -2).tanh() if x.ndim > 1 else x.tanh(),
            lambda: powerhouse.cat([x, x * 0.5], d),
            lambda: F.cross_entropy(x.reshape(-1, x.shape[-1]), powerhouse.zeros(x.numel() // x.shape[-1], dtype=powerhouse.int64)),
            lambda: (x - x.mean(-1, keepdim=True)) * (x.var(-1, keepdim=True, correction=0) + 1).rsqrt(),
        ]
        self.add(self.pick(moves)())

    def grow(self, steps):
        for _ in range(steps):
            self.pick(
                (
                    self.unary,
                    self.unary,
                    self.binary,
                    self.binary,
                    self.whole,
                    self.cast,
                    self.choose,
                    self.reduce,
                    self.reduce,
                    self.view,
                    self.view,
                    self.compose,
                )
            )()

    def results(self):
        """The last tensors of the pool, and the gradients of their weighted sum."""
        outputs = self.pool[-4:]
        loss = sum(
            (
                (o * powerhouse.linspace(-1, 1, o.numel(), dtype=o.dtype).reshape(o.shape)).sum()
                for o in outputs
                if o.is_floating_point() and o.requires_grad
            ),
            powerhouse.zeros(()),
        )
        grads = powerhouse.autograd.grad(loss, self.leaves, allow_unused=True) if loss.requires_grad else ()
        return [o.detach().numpy() for o in outputs] + [g.numpy() for g in grads if g is not None]


UNARY = (
    powerhouse.tanh,
    powerhouse.sigmoid,
    powerhouse.sin,
    F.gelu,
    F.softplus,
    F.silu,
    lambda x: (x * 0.3).tanh().exp(),
    lambda x: (x.abs() + 1).log(),
    lambda x: x.abs() * 0.5,
    lambda x: -x,
    lambda x: (x * x + 1).sqrt(),
    lambda x: (x * x + 1).rsqrt(),
    lambda x: x.tanh() ** 3,
    lambda x: powerhouse.atan(x),
    lambda x: (x * 0.2).tanh().expm1(),
    lambda x: x.clamp(-1.5, 1.5),
)
BINARY = (
    lambda a, b: a + b,
    lambda a, b: a - b * 0.5,
    lambda a, b: a.tanh() * b,
    lambda a, b: a / (b * b + 1.5),
    lambda a, b: 2 - a * 0.25 + b,
    lambda a, b: powerhouse.atan2(a, b.abs() + 1),
    lambda a, b: (a.abs() + 0.5) ** (b * 0.05).tanh(),
)


def grown(seed, tier, steps=9):
    """A graph's results in one tier, and how closely they must agree: closely if all of it is float64."""
    with config.override(tier=tier):
        graph = Graph(seed)
        graph.grow(steps)
        return graph.results(), 1e-9 if all(t.dtype is powerhouse.float64 for t in graph.pool) else 1e-3


def compare_tiers(seed):
    """One random graph in both tiers."""
    want, rtol = grown(seed, "reference")
    try:
        got, _ = grown(seed, "native")
    except Exception as error:
        raise AssertionError(f"seed {seed}: the native tier failed") from error
    assert len(got) == len(want), f"seed {seed}"
    for k, (a, b) in enumerate(zip(got, want, strict=True)):
        assert_close(a, b, rtol, f"seed {seed}, result {k}")


@pytest.mark.parametrize("block", range(4))
def test_random_graphs(block):
    """Random graphs of elementwise ops, reductions, views and compositions, with gradients, have the same results in both tiers."""
    for seed in range(block * 5, block * 5 + 5):
        compare_tiers(seed)


# --- threads --------------------------------------------------------------------------------------------------------------------------


def normalized(rows, columns):
    """A softmax, a layer norm and an elementwise chain above the size from which kernels use threads, with gradients."""
    rng = np.random.default_rng(2)
    x = powerhouse.tensor(rng.standard_normal((rows, columns)).astype(np.float32)).requires_grad_()
    outputs = [F.softmax(x, -1), F.layer_norm(x, (columns,)), F.gelu(x) * 2 + x.tanh(), x.sum(), x.amax(-1)]
    loss = sum((o * o).sum() for o in outputs)
    return [o.detach().numpy() for o in outputs] + [powerhouse.autograd.grad(loss, x)[0].numpy()]


@pytest.mark.parametrize("shape", [(300, 257), (1, 70_001), (70_001, 1), (3, 40_000)], ids=str)
def test_threads_do_not_change_results(shape):
    """Bit for bit, whatever the number of threads."""
    found = []
    for threads in (1, 2, 3):
        with config.override(tier="native", threads=threads):
            found.append(normalized(*shape))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


# --- the cache of machine code --------------------------------------------------------------------------------------------------------

KERNEL = """define void @kernel(ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr %scratch) {
  %p = load ptr, ptr %pointers
  store i64 {}, ptr %p
  ret void
}
"""


def stored(text):
    """What a kernel of that text writes, compiled as if this process had not seen it."""
    native._known.pop(native.name_of(text), None)
    out = np.zeros(1, np.int64)
    pointer = np.array([out.ctypes.data], np.uint64)
    native.function(text)(pointer.ctypes.data, 0, 0, 1, 0)
    return int(out[0])


@pytest.mark.parametrize(
    "damage",
    [lambda b: b"", lambda b: b[:10], lambda b: b[:-7], lambda b: b[:70] + bytes([b[70] ^ 1]) + b[71:], lambda b: b"x" * len(b)],
    ids=["empty", "short", "truncated", "one bit", "other"],
)
def test_damaged_cache_files_are_rebuilt(tmp_path, monkeypatch, damage):
    """A file that is not what was written is ignored and replaced."""
    monkeypatch.setenv("POWERHOUSE_CACHE", str(tmp_path))
    text = KERNEL.replace("{}", "41")
    assert stored(text) == 41
    (path,) = disk.folder("kernels").iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert stored(text) == 41
    assert path.read_bytes() == whole
    assert list(disk.folder("kernels").iterdir()) == [path]


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    """A file stands where the folder should be."""
    (tmp_path / "kernels").write_text("in the way")
    monkeypatch.setenv("POWERHOUSE_CACHE", str(tmp_path))
    assert stored(KERNEL.replace("{}", "42")) == 42


FILL = """
import numpy as np, powerhouse
x = powerhouse.tensor(np.linspace(-1, 1, 1000, dtype=np.float32))
print(float((powerhouse.softmax(x, 0) * x).sum()), float(x.exp().sum()))
"""


def test_two_processes_fill_the_cache_at_once(tmp_path):
    """Both give the same results, and leave whole files only."""
    environment = {**os.environ, "POWERHOUSE_CACHE": str(tmp_path), "POWERHOUSE_TIER": "native"}
    running = [subprocess.Popen([sys.executable, "-c", FILL], env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [p.communicate(timeout=60)[0] for p in running]
    assert [p.returncode for p in running] == [0, 0]
    assert outputs[0] == outputs[1] and outputs[0].strip()
    files = list((tmp_path / "kernels").iterdir())
    assert files and all(f.suffix == ".o" and disk.read(f) is not None for f in files)


def steps_of(x):
    """The names of the steps that compute a tensor in the native tier."""
    return list(engine.program((x,)).steps)


def test_kernels_are_used():
    """A softmax is one kernel, over whatever dim; what follows a matrix product is its epilogue."""
    x = leaf(0, Type((5, 7), dt.float32))
    with config.override(tier="native"):
        for dim in (0, 1):
            assert steps_of(REGISTRY["softmax"](x, dim)) == ["reduce_max+minus+exp+reduce_sum+over"]
        product = REGISTRY["matmul"](REGISTRY["exp"](x), REGISTRY["transpose"](x, 0, 1))
        assert steps_of(REGISTRY["exp"](product)) == ["exp", "batched_matmul+exp"]


def test_groups_that_cannot_be_written_fall_back(monkeypatch):
    """A group whose text cannot be written is left to the reference tier."""
    x = powerhouse.tensor(np.linspace(-1, 1, 37, dtype=np.float32))
    want = (x.exp() * 3.25).numpy()

    def refuse(*_):
        raise Unsupported("not today")

    monkeypatch.setattr(emission, "body_of", refuse)
    with config.override(tier="native"):
        np.testing.assert_allclose((x.exp() * 3.25).numpy(), want, rtol=1e-6)


def test_groups_that_llvm_refuses_fall_back(monkeypatch):
    """A group whose machine code cannot be made is left to the reference tier; the others are not."""
    x = powerhouse.tensor(np.linspace(-1, 1, 39, dtype=np.float32))
    want = (x.exp() * 4.25).numpy()

    refused = []

    def refuse(text, names):
        refused.append(text)
        raise RuntimeError("LLVM IR parsing error")

    monkeypatch.setattr(native, "_build", refuse)
    monkeypatch.setattr(native, "_known", {})
    with config.override(tier="native"):
        np.testing.assert_allclose((x.exp() * 4.25).numpy(), want, rtol=1e-6)
    assert refused


def test_long_chains():
    """A chain longer than one kernel should be is cut into several."""
    x = powerhouse.tensor(np.linspace(-1, 1, 50, dtype=np.float32))
    with config.override(tier="native"):
        h = x
        for _ in range(1000):
            h = h * 0.999 + 0.001
        assert np.abs(h.numpy() - 1).max() < 1
