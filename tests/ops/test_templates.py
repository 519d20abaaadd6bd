"""Every op of the registry, by its own samples: against PyTorch, against finite differences, and with its bad inputs."""

from __future__ import annotations

import warnings

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
    return function_of(op, op.names[0]) if op.names else lambda *args: apply(op, args)


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
    """One sample through the op's first public name in both packages."""
    name = op.names[0]
    ours_f, theirs_f = function_of(op, name), resolve(torch, name)
    args, kwargs = sample.args, sample.kwargs
    kwargs_theirs = {k: getattr(torch, v.name) if isinstance(v, powerhouse.dtype) else v for k, v in kwargs.items()}
    theirs_args = [getattr(torch, a.name) if isinstance(a, powerhouse.dtype) else a for a in args]
    ours_in = tensors_in(list(args), lambda a: variable(powerhouse.tensor(a)))
    theirs_in = tensors_in(theirs_args, lambda a: variable(torch.tensor(a)))
    ours = flat(ours_f(*ours_in, **tensors_in_dict(kwargs, lambda a: variable(powerhouse.tensor(a)))), powerhouse.Tensor)
    theirs = flat(theirs_f(*theirs_in, **tensors_in_dict(kwargs_theirs, lambda a: variable(torch.tensor(a)))), torch.Tensor)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert tuple(a.shape) == tuple(b.shape)
        assert str(a.dtype) == str(b.dtype)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().resolve_conj().numpy(), rtol=2e-5, atol=2e-6, err_msg=op.name)
    ours_leaves = [t for t in flat(ours_in, powerhouse.Tensor) if t.requires_grad]
    theirs_leaves = [t for t in flat(theirs_in, torch.Tensor) if t.requires_grad]
    live = [(a, b) for a, b in zip(ours, theirs, strict=True) if b.requires_grad]
    assert all(a.requires_grad == b.requires_grad for a, b in zip(ours, theirs, strict=True)), f"{op.name}: requires_grad differs from PyTorch"
    if not live or not ours_leaves or sample.only == "forward":
        return
    try:
        want = torch.autograd.grad([b for _, b in live], theirs_leaves, [torch.ones_like(b) for _, b in live], allow_unused=True)
    except RuntimeError as error:
        assert "not implemented" in str(error)
        return
    got = powerhouse.autograd.grad([a for a, _ in live], ours_leaves, [powerhouse.ones_like(a) for a, _ in live], allow_unused=True)
    for a, b in zip(got, want, strict=True):
        if b is None or a is None:
            assert (a is None or not a.numpy().any()) and (b is None or not b.numpy().any()), op.name
        else:
            np.testing.assert_allclose(a.numpy(), b.resolve_conj().numpy(), rtol=2e-4, atol=1e-5, err_msg=f"gradient of {op.name}")


def tensors_in_dict(kwargs, make):
    """Keyword arguments with arrays as tensors."""
    return {k: tensors_in(v, make) for k, v in kwargs.items()}


def variable(t):
    """`t`, requiring grad where it can."""
    return t.requires_grad_() if t.is_floating_point() or t.is_complex() else t


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
            return tuple(flat(function(*given, **tensors_in_dict(sample.kwargs, lambda a: powerhouse.tensor(a.astype("float64") if a.dtype == np.float32 else a))), powerhouse.Tensor))

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
