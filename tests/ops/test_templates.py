"""Every op of the registry, by its own samples: against PyTorch, against finite differences, and with its bad inputs."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest

import powerhouse
from powerhouse.graph.op import REGISTRY, Elementwise, Op, Primitive
from powerhouse.tensors.apply import apply
from powerhouse.tensors.functions import function_of

PUBLIC = [op for op in REGISTRY.values() if op.names]
SAMPLED = [op for op in PUBLIC if op.sampler is not None]
FLOATS = ("float32", "float64")


def draw_from(seed: int):
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


def tensors_in(x, make):
    """The arrays of `x`, nested in lists and tuples, as tensors."""
    if isinstance(x, np.ndarray):
        return make(x)
    if isinstance(x, (list, tuple)):
        return type(x)(*[tensors_in(i, make) for i in x]) if hasattr(x, "_fields") else type(x)(tensors_in(i, make) for i in x)
    return x


def flat(x, kind):
    """The tensors in `x`."""
    if isinstance(x, kind):
        return [x]
    if isinstance(x, (list, tuple)):
        return [t for i in x for t in flat(i, kind)]
    return []


def callable_of(op: Op):
    """An op as users call it, or, without a public name, as it is recorded."""
    return function_of(op, op.names[0]) if op.names else lambda *args, **kwargs: apply(op, (*args, *kwargs.values()))


def resolve(module, name: str):
    """The function of a public name."""
    owner = module
    for part in name.split("."):
        owner = getattr(owner, part)
    return owner


def samples_of(op: Op):
    """An op's samples, drawn with a fixed seed."""
    return list(op.sampler(draw_from(0)))


@pytest.mark.parametrize("op", SAMPLED, ids=lambda op: op.name)
def test_against_pytorch(op):
    """Values, dtypes and gradients are PyTorch's."""
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own deprecations
        for sample in samples_of(op):
            compare_with_pytorch(torch, op, sample)


def compare_with_pytorch(torch, op, sample):
    """One sample through the op's first public name in both packages, all floating inputs requiring grad where PyTorch can have it."""
    try:
        theirs = call(torch, resolve(torch, op.names[0]), sample, every=True)
        every = True
    except RuntimeError:  # a derivative that PyTorch does not have: of a target, of class weights
        theirs = call(torch, resolve(torch, op.names[0]), sample, every=False)
        every = False
    ours = call(powerhouse, function_of(op, op.names[0]), sample, every=every)
    assert len(ours.outputs) == len(theirs.outputs)
    for a, b in zip(ours.outputs, theirs.outputs, strict=True):
        assert tuple(a.shape) == tuple(b.shape)
        assert str(a.dtype) == str(b.dtype)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().resolve_conj().numpy(), rtol=2e-5, atol=2e-6, err_msg=op.name)
        assert a.requires_grad == b.requires_grad, f"{op.name}: requires_grad differs from PyTorch"
    live = [i for i, b in enumerate(theirs.outputs) if b.requires_grad]
    if not live or sample.only == "forward":
        return
    try:
        want = gradients(torch, theirs, live)
    except RuntimeError as error:
        assert "not implemented" in str(error)
        return
    for a, b in zip(gradients(powerhouse, ours, live), want, strict=True):
        if b is None or a is None:
            assert (a is None or not a.numpy().any()) and (b is None or not as_array(b).any()), op.name
        else:
            np.testing.assert_allclose(a.numpy(), as_array(b), rtol=2e-4, atol=1e-5, err_msg=f"gradient of {op.name}")


class Called(NamedTuple):
    """A call's outputs, and the leaves that gradients go to."""

    outputs: list[Any]
    leaves: list[Any]


def call(package, function, sample, every):
    """`function` of either package on a sample; `every` floating input requires grad, or only the first."""
    leaves: list[Any] = []

    def make(a):
        t = package.tensor(a)
        if (t.is_floating_point() or t.is_complex()) and (every or not leaves):
            leaves.append(t.requires_grad_())
        return t

    args = [translate(package, tensors_in(a, make)) for a in sample.args]
    kwargs = {k: translate(package, tensors_in(v, make)) for k, v in sample.kwargs.items()}
    return Called(flat(function(*args, **kwargs), package.Tensor), leaves)


def translate(package, x):
    """A dtype in the package's own."""
    return getattr(package, x.name) if isinstance(x, powerhouse.dtype) else x


def gradients(package, called, live):
    """Gradients of the live outputs with respect to the leaves."""
    outputs = [called.outputs[i] for i in live]
    return package.autograd.grad(outputs, called.leaves, [package.ones_like(o) for o in outputs], allow_unused=True)


def as_array(t):
    """A PyTorch gradient as an array, a lazily zero one too."""
    return (t.resolve_conj() + 0).numpy()


def tensors_in_dict(kwargs, make):
    """Keyword arguments with arrays as tensors."""
    return {k: tensors_in(v, make) for k, v in kwargs.items()}


@pytest.mark.parametrize("op", SAMPLED, ids=lambda op: op.name)
def test_gradient_by_differences(op):
    """Gradients agree with central differences in float64."""
    function = function_of(op, op.names[0])
    for sample in samples_of(op):
        if sample.only == "forward":
            continue
        wide = tensors_in(list(sample.args), lambda a: powerhouse.tensor(a.astype("float64") if a.dtype == np.float32 else a))
        leaves = [t for t in flat(wide, powerhouse.Tensor) if t.is_floating_point()]
        if not leaves or sum(t.numel() for t in leaves) > 60:
            continue

        def call(*values, wide=wide, sample=sample):
            rest = iter(values)
            given = replace(wide, rest)
            return tuple(
                flat(
                    function(
                        *given,
                        **tensors_in_dict(sample.kwargs, lambda a: powerhouse.tensor(a.astype("float64") if a.dtype == np.float32 else a)),
                    ),
                    powerhouse.Tensor,
                )
            )

        inputs = [t.requires_grad_() for t in leaves]
        if any(o.requires_grad for o in call(*inputs)):
            assert powerhouse.autograd.gradcheck(call, inputs, eps=1e-5, atol=1e-5, rtol=1e-4), op.name


def replace(x, values):
    """`x` with its floating tensors taken from `values`."""
    if isinstance(x, powerhouse.Tensor):
        return next(values) if x.is_floating_point() else x
    if isinstance(x, (list, tuple)):
        return type(x)(replace(i, values) for i in x)
    return x


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("op", [op for op in REGISTRY.values() if op.refuser is not None], ids=lambda op: op.name)
def test_bad_inputs_are_refused(op):
    """Bad input raises PyTorch's exception type at the call, with a message that says what is wrong."""
    for bad in op.refuser(draw_from(0)):
        args = tensors_in(list(bad.args), powerhouse.tensor)
        with pytest.raises(bad.error, match=bad.pattern):
            out = callable_of(op)(*args, **tensors_in_dict(bad.kwargs, powerhouse.tensor))
            [t.tolist() for t in flat(out, powerhouse.Tensor)]


def test_duties():
    """An op that lacks a duty is found here: see the table in `graph/op.py`."""
    missing = []
    for op in REGISTRY.values():
        if op.names and op.sampler is None:
            missing.append(f"{op.name}: no samples")
        if op.names and not op.doc:
            missing.append(f"{op.name}: no docstring")
        if isinstance(op, Primitive):
            if not (isinstance(op, Elementwise) or op.value is not None or op.name in ("leaf", "number", "item", "cast")):
                missing.append(f"{op.name}: no reference value")
            if op.differentiable and op.gradient is None and not op.is_variable and op.name not in ("item",):
                missing.append(f"{op.name}: no gradient")
    assert not missing, "\n".join(missing)


def test_half_precision_rounds_once():
    """Elementwise ops on half types are computed in float32 and rounded once."""
    for dtype in (powerhouse.float16, powerhouse.bfloat16):
        x = powerhouse.linspace(-2, 2, 97).to(dtype)
        for op in (powerhouse.exp, powerhouse.tanh, powerhouse.sigmoid):
            assert powerhouse.equal(op(x), op(x.float()).to(dtype)), (op, dtype)


def test_float_classes():
    """float64 samples of elementwise ops stay float64; integers become floats where the op needs them."""
    assert powerhouse.exp(powerhouse.ones(2, dtype=powerhouse.float64)).dtype is powerhouse.float64
    assert powerhouse.exp(powerhouse.ones(2, dtype=powerhouse.int64)).dtype is powerhouse.float32
    assert (powerhouse.ones(2, dtype=powerhouse.int32) / 2).dtype is powerhouse.float32
