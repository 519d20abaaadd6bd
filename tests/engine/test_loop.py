"""Loops as one symbol: the reference tier against kernels against the steps written out, forwards and backwards, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse as torch
from powerhouse.codegen.cost import flops_of, price_of
from powerhouse.core import config
from powerhouse.graph import memo
from powerhouse.graph.loop import Body, leaf, loop, looped, pruned
from powerhouse.graph.op import REGISTRY, results
from powerhouse.graph.symbol import Type, make
from powerhouse.graph.walk import postorder
from powerhouse.ops.matmul import turned
from powerhouse.ops.views import zeros
from powerhouse.tensors.apply import read, wrap

nn = torch.nn
f32, f64 = torch.float32, torch.float64
tanh, exp, add, matmul, mean = (REGISTRY[n] for n in ("tanh", "exp", "add", "matmul", "mean"))


@pytest.fixture(params=["reference", "native"])
def tier(request):
    """Both tiers."""
    if request.param == "native":
        pytest.importorskip("llvmlite")
    with config.override(tier=request.param):
        yield request.param


def body(dtype=f32):
    """Two states of which one is passed on as it is, a constant that is read turned, and all kinds of things to give."""
    weight = leaf(0, Type((5, 5), dtype))
    h, still = leaf(1, Type((4, 5), dtype)), leaf(2, Type((3,), dtype))
    x, y = leaf(3, Type((4, 5), dtype)), leaf(4, Type((), dtype))
    after = tanh(add(matmul(h, turned(weight)), x))
    given = (after, x, turned(x), mean(exp(after)), add(after, y), zeros((4, 5), dtype))
    return Body((after, still, *given), 1, 2)


def inputs(dtype, steps):
    """Values for that body; one of the sequences lies in memory step by step, the other does not."""
    rng = np.random.default_rng(0)
    shapes = ((5, 5), (4, 5), (3,), (4, steps, 5), (steps,))
    arrays = [rng.standard_normal(s) for s in shapes]
    tensors = [torch.tensor(a, dtype=dtype, requires_grad=True) for a in arrays]
    return tensors, [tensors[0], tensors[1], tensors[2], tensors[3].transpose(0, 1), tensors[4]]


def run(tensors, steps, backwards, dtype):
    """The results of the loop on tensors."""
    node = make(loop, tuple(map(read, tensors)), (body(dtype), steps, backwards))
    return [wrap(s) for s in results(node)]


def written_out(tensors, steps, backwards):
    """The same, step by step."""
    weight, h, still, xs, ys = tensors
    found = [[None] * steps for _ in range(6)]
    for t in reversed(range(steps)) if backwards else range(steps):
        x, y = xs[t], ys[t]
        h = torch.tanh(h @ weight.T + x)
        for row, value in zip(found, (h, x, x.T, h.exp().mean(), h + y, torch.zeros_like(x))):
            row[t] = value
    return [h, still, *map(torch.stack, found)]


@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("dtype", [f32, f64])
def test_values(tier, steps, backwards, dtype):
    _, tensors = inputs(dtype, steps)
    for got, want in zip(run(tensors, steps, backwards, dtype), written_out(tensors, steps, backwards), strict=True):
        np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("read", [(0,), (2, 5), (1, 3), (4, 6), (0, 1, 2, 3, 4, 5, 6, 7)], ids=str)
def test_gradients(tier, backwards, read):
    """Of some or all results, with respect to constants, first states and sequences."""
    grads = []
    for make_results in (lambda x: [wrap(s) for s in looped_symbols(x, 6, backwards)], lambda x: written_out(x, 6, backwards)):
        own, tensors = inputs(f64, 6)
        found = make_results(tensors)
        sum((found[k].sin() * (k + 1)).sum() for k in read).backward()
        grads.append([None if t.grad is None else t.grad.numpy() for t in own])
    for got, want in zip(*grads, strict=True):
        assert (got is None) == (want is None) or not np.any(want if got is None else got)
        if got is not None and want is not None:
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


def looped_symbols(tensors, steps, backwards):
    """The results that the body gives, among those that the gradient may need."""
    return looped(body(f64), tuple(map(read, tensors)), steps, backwards)[:8]


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_second_gradients(tier, kind):
    """By finite differences, of a layer in both directions."""
    torch.manual_seed(0)
    net = getattr(nn, kind)(2, 3, bidirectional=True).double()
    x = torch.randn(4, 2, 2, dtype=f64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: net(x)[0], (x,))
    assert torch.autograd.gradgradcheck(lambda x: net(x)[0].sin(), (x,))


def test_the_bits_do_not_depend_on_the_threads():
    pytest.importorskip("llvmlite")
    found = []
    for threads in (1, 2):
        with config.override(tier="native", threads=threads):
            torch.manual_seed(0)
            net = nn.LSTM(40, 60)
            y, _ = net(torch.randn(9, 20, 40))
            y.square().sum().backward()
            found.append([y.detach().numpy(), *(p.grad.numpy() for p in net.parameters())])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_what_nobody_reads_is_not_given():
    """The states and products that a gradient would need are left out where there is none."""
    state, x = leaf(0, Type((5, 5), f32)), leaf(1, Type((5, 5), f32))
    product = matmul(state, x)
    after = tanh(product)
    found = looped(Body((after, x), 0, 1), (leaf(10, Type((5, 5), f32)), leaf(11, Type((9, 5, 5), f32))), 9, False)
    assert found[0].inputs[0].attrs[0].given == (x, after, product)
    (last,) = pruned([found[0]])
    assert last.inputs[0].attrs[0].given == () and last.type is found[0].type
    assert pruned([found[2]])[0].inputs[0].attrs[0].given == (after,)


def test_states_that_are_one_value(tier):
    """Both states are the sum of both: Fibonacci's numbers, twice as large each step."""
    a, b = leaf(0, Type((3,), f32)), leaf(1, Type((3,), f32))
    total = add(a, b)
    node = make(loop, (read(torch.ones(3)), read(torch.ones(3) * 2)), (Body((total, total), 0, 2), 4, False))
    tensors = [wrap(s) for s in results(node)]
    assert [t.tolist() for t in tensors] == [[24.0] * 3] * 2


def test_one_loop_reads_another():
    """Two layers: what is pruned of the first is seen by the second."""
    state, x = leaf(0, Type((3,), f32)), leaf(1, Type((3,), f32))
    after = tanh(add(state, x))
    first = looped(Body((after, after), 0, 1), (leaf(10, Type((3,), f32)), leaf(11, Type((9, 3), f32))), 9, False)
    second = looped(Body((after, after), 0, 1), (first[0], first[1]), 9, True)
    (value,) = pruned([second[1]])
    inner = {s for s in postorder([value], lambda s: s.inputs) if s.op is loop}
    assert sorted(len(s.attrs[0].given) for s in inner) == [1, 1]


def test_one_step_is_planned_for_all_lengths(monkeypatch):
    """A sequence of another length is not planned step by step."""
    pytest.importorskip("llvmlite")
    from powerhouse.codegen import loops

    planned, planner = [], loops.Planner
    monkeypatch.setattr(loops, "Planner", lambda *a, **k: planned.append(1) or planner(*a, **k))
    with config.override(tier="native"):
        memo.clear()
        net = nn.GRU(4, 6)
        for steps in (5, 6, 17):
            net(torch.ones(steps, 2, 4))[0].sum().backward()
            net.weight_hh_l0.grad.numpy()
            counts = len(planned)
            if steps == 5:
                first = counts
    assert 0 < first == counts


def test_a_step_without_kernels_is_left_to_numpy(tier):
    """An op in the body that has no kernel."""
    state, x = leaf(0, Type((3, 3), f64)), leaf(1, Type((3, 3), f64))
    after = add(REGISTRY["inv"](add(state, x)), x)
    start, xs = torch.eye(3, dtype=f64) * 3, torch.eye(3, dtype=f64).repeat(4, 1, 1)
    node = make(loop, (read(start), read(xs)), (Body((after,), 0, 1), 4, False))
    got = wrap(results(node)[0]).numpy()
    want = start.numpy()
    for x in xs.numpy():
        want = np.linalg.inv(want + x) + x
    np.testing.assert_allclose(got, want, rtol=1e-12)


def test_costs_count_every_step():
    state, x = leaf(0, Type((4, 5), f32)), leaf(1, Type((4, 5), f32))
    one = Body((tanh(add(state, x)),), 0, 1)
    few, many = (make(loop, (state, leaf(1, Type((n, 4, 5), f32))), (one, n, False)) for n in (3, 30))
    assert flops_of([few]) == 3 * 2 * 20 and flops_of([many]) == 10 * flops_of([few])
    assert price_of([many]) > 8 * price_of([few]) > 0


def test_explain_says_what_a_step_computes():
    pytest.importorskip("rich")
    from powerhouse.cli._explain_tables import _name

    state, x = leaf(0, Type((4, 5), f32)), leaf(1, Type((4, 5), f32))
    node = make(loop, (state, leaf(1, Type((3, 4, 5), f32))), (Body((tanh(add(state, x)),), 0, 1), 3, False))
    assert _name(node) == "3 steps of (plus, tanh)"
