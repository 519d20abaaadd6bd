"""Autograd as scripts use it."""

from __future__ import annotations

import pytest

import powerhouse as torch


def leaf(*values):
    """A variable."""
    return torch.tensor(values, requires_grad=True)


def test_accumulation_and_zeroing():
    """Gradients add up until they are cleared."""
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [5, 7]
    kept = x.grad
    (x * 1).sum().backward()
    assert kept.tolist() == [6, 8], "the gradient is accumulated in place"


def test_second_backward_is_refused_and_retain_graph_allows_it():
    """The graph is used up once, unless it is retained."""
    x = leaf(2.0)
    y = x * x
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [8]
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()


def test_a_freed_trunk_is_refused_but_an_equal_new_one_is_not():
    """What is freed is this graph, not its structure."""
    x = leaf(2.0)
    trunk = x * x
    (trunk * 2).backward()
    with pytest.raises(RuntimeError, match="second time"):
        (trunk * 3).backward()
    again = x * x
    (again * 3).backward()
    assert x.grad.tolist() == [8 + 12]


def test_freed_after_realization():
    """The error also comes when the value was read in between."""
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward()
    assert y.item() == 4
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_backward_after_values_were_read():
    """History crosses realizations."""
    x = leaf(1.0, 2.0, 3.0)
    h = torch.tanh(x * 2)
    h.tolist()
    z = h * x
    loss = (z * z).sum()
    loss.item()
    loss.backward()
    import math

    want = [2 * t * v * (t + v * 2 * (1 - t * t)) for v in (1.0, 2.0, 3.0) for t in [math.tanh(2 * v)]]
    assert x.grad.tolist() == pytest.approx(want, rel=1e-5)


def test_history_over_three_segments_with_shared_variables():
    """One variable used in several realized segments gets the sum."""
    w = leaf(2.0)
    a = w * 3
    a.item()
    b = a * w
    b.item()
    c = b + w
    c.item()
    c.backward()
    assert w.grad.tolist() == [3 * 2 * 2 + 1]


def test_gradient_of_an_inner_tensor_across_segments():
    """`grad` with respect to a tensor that was realized before use."""
    x = leaf(3.0)
    y = x * 2
    y.item()
    z = y * y
    z.item()
    (g,) = torch.autograd.grad(z, y)
    assert g.tolist() == [12]


def test_higher_order():
    """Gradients of gradients, with values read in between."""
    x = leaf(2.0)
    y = x**4
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    g.item()
    (gg,) = torch.autograd.grad(g, x, create_graph=True)
    (ggg,) = torch.autograd.grad(gg, x)
    assert (g.tolist(), gg.tolist(), ggg.tolist()) == ([32], [48], [48])


def test_detach_no_grad_and_modes():
    """Marks that stop gradients."""
    x = leaf(2.0)
    assert (x.detach() * 2).requires_grad is False
    with torch.no_grad():
        y = x * 2
        assert not y.requires_grad and y.is_leaf
        with torch.enable_grad():
            assert (x * 2).requires_grad
    (x * (x * 5).detach()).backward()
    assert x.grad.tolist() == [10]

    @torch.no_grad()
    def f(v):
        return v * 2

    assert not f(x).requires_grad
    with torch.inference_mode():
        assert not (x * 2).requires_grad
    torch.set_grad_enabled(False)
    assert not (x * 2).requires_grad
    torch.set_grad_enabled(True)
    assert (x * 2).requires_grad


def test_in_place_on_leaf_is_refused():
    """As PyTorch does, for the leaf and for its views."""
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        x.add_(1)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad is being used in an in-place operation"):
        x[0] = 5
    with torch.no_grad():
        x.add_(1)
        x[0] = 7
    assert x.tolist() == [7, 3] and x.requires_grad and x.is_leaf


def test_in_place_on_inner_tensors_carries_gradients():
    """In-place ops and writes through views are differentiated."""
    x = leaf(1.0, 2.0, 3.0)
    y = x * 2
    y[1:].mul_(10)
    y += x
    (y * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [3, 42, 63]


def test_writes_through_detach_change_values_but_not_gradients():
    """`detach()` shares memory: the other tensor sees the value, its gradient stays."""
    x = leaf(1.0, 2.0)
    y = x * 2
    y.detach().fill_(100)
    assert y.tolist() == [100, 100] and y.requires_grad
    (y * y).sum().backward()
    assert x.grad.tolist() == [400, 400]


def test_assignment_of_a_variable_into_a_plain_tensor():
    """The target then requires grad."""
    x = leaf(3.0)
    buffer = torch.zeros(3)
    buffer[1] = x[0] * 2
    assert buffer.requires_grad
    buffer.sum().backward()
    assert x.grad.tolist() == [2]


def test_hooks():
    """On leaves and inner tensors: seen, replaced, removed."""
    seen = []
    x = leaf(1.0, 2.0)
    y = x * 3
    handle = y.register_hook(lambda g: seen.append(g.tolist()) or g * 10)
    x.register_hook(lambda g: g + 1)
    (y * 2).sum().backward(retain_graph=True)
    assert seen == [[2, 2]] and x.grad.tolist() == [61, 61]
    handle.remove()
    x.grad = None
    (y * 2).sum().backward()
    assert x.grad.tolist() == [7, 7]


def test_retain_grad_and_post_accumulate_hook():
    """`.grad` of an inner tensor; a hook after accumulation."""
    x = leaf(1.0)
    called = []
    x.register_post_accumulate_grad_hook(lambda t: called.append(t.grad.tolist()))
    y = x * 2
    y.retain_grad()
    (y * y).backward()
    assert y.grad.tolist() == [4] and called == [[8]]


class Cube(torch.autograd.Function):
    """x ** 3, with its own backward."""

    @staticmethod
    def forward(ctx, x, scale):
        ctx.save_for_backward(x)
        ctx.scale = scale
        return x * x * x * scale

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x * x * ctx.scale, None


def test_custom_function():
    """Forward and backward are the user's; second order goes through its backward."""
    x = leaf(2.0)
    y = Cube.apply(x * 1, 2.0)
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    assert g.tolist() == [24]
    (gg,) = torch.autograd.grad(g, x)
    assert gg.tolist() == [24]


def test_custom_function_across_segments_and_with_values_read_in_backward():
    """Realizing in forward, between, and inside backward loses nothing."""

    class Loud(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.tolist()
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            assert g.tolist() == [3.0]
            return 2 * x * g

    x = leaf(5.0)
    y = Loud.apply(x * 2)
    y.item()
    z = y * 3
    z.item()
    z.backward()
    assert x.grad.tolist() == [2 * 10 * 3 * 2]


def test_custom_function_with_several_outputs_and_errors():
    """Missing gradients are zeros; a wrong number of them is refused."""

    class Two(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, a, b):
            return a * 2 + b * 3

    x = leaf(1.0)
    Two.apply(x)[1].backward()
    assert x.grad.tolist() == [3]

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g, g

    with pytest.raises(RuntimeError, match="returned an incorrect number of gradients"):
        Wrong.apply(x).backward()


def test_grad_arguments():
    """Unused inputs, weights, and what is refused."""
    x, y = leaf(1.0), leaf(2.0)
    with pytest.raises(RuntimeError, match="appears to not have been used"):
        torch.autograd.grad((x * 2).sum(), (x, y))
    assert torch.autograd.grad((x * 2).sum(), (x, y), allow_unused=True)[1] is None
    assert torch.autograd.grad((x * 2).sum(), y, materialize_grads=True)[0].tolist() == [0]
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        (leaf(1.0, 2.0) * 2).backward()
    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.ones(1).backward()
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        (x * 2).backward(torch.ones(3))
    x.grad = None
    (x * y).backward(inputs=[x])
    assert x.grad.tolist() == [2] and y.grad is None


def test_anomaly_mode_names_op_and_line():
    """The line is the user's."""
    x = leaf(0.0)
    with torch.autograd.detect_anomaly(), pytest.raises(RuntimeError, match=r"'sqrt' returned nan values.*test_autograd.py:\d+"):
        (torch.sqrt(x) * 0).sum().backward()
    (torch.sqrt(x) * 0).sum().backward()


def test_jacobian_and_hessian():
    """Against hand-computed matrices."""
    x = torch.tensor([1.0, 2.0])
    assert torch.autograd.functional.jacobian(lambda v: v * v, x).tolist() == [[2, 0], [0, 4]]
    assert torch.autograd.functional.hessian(lambda v: (v**3).sum(), x).tolist() == [[6, 0], [0, 12]]
    assert torch.autograd.functional.hvp(lambda v: (v**3).sum(), x, torch.ones(2))[1].tolist() == [6, 12]
    assert torch.autograd.functional.jvp(lambda v: v * v, x, torch.ones(2))[1].tolist() == [2, 4]


def test_gradcheck_finds_a_wrong_gradient():
    """It can fail."""

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 3

    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    assert not torch.autograd.gradcheck(Wrong.apply, x, raise_exception=False)
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        torch.autograd.gradcheck(Wrong.apply, x)
    assert torch.autograd.gradcheck(torch.sin, x) and torch.autograd.gradgradcheck(torch.sin, x)


def test_variable_alias():
    """The old name still works."""
    v = torch.autograd.Variable(torch.ones(2), requires_grad=True)
    (v * 2).sum().backward()
    assert v.grad.tolist() == [2, 2]


def test_data_and_requires_grad_flags():
    """`.data` shares memory without history."""
    x = leaf(1.0)
    x.data.fill_(4)
    assert x.tolist() == [4]
    x.data = torch.tensor([9.0])
    assert x.tolist() == [9] and x.requires_grad
    (x * x).backward()
    assert x.grad.tolist() == [18]
    x.requires_grad = False
    assert not (x * 2).requires_grad
    with pytest.raises(RuntimeError, match="floating point"):
        torch.ones(2, dtype=torch.int64).requires_grad_()


def test_gradient_of_an_inner_tensor_that_was_read_counts_once():
    """A tensor realized before its use has a variable and a place in the record: its gradient is one of them."""
    x = leaf(0.5, -1.0)
    y = x * 2
    y.sum().item()
    assert torch.autograd.grad((y * y).sum(), y)[0].tolist() == [2, -4]


def test_gradient_of_a_tensor_does_not_count_equal_values_inside_composites():
    """What a composite computes for itself is not the user's tensor, be it the same expression."""
    x, y = leaf(1.0, 2.0), leaf(3.0, 5.0)
    d = x - y
    d.retain_grad()
    (torch.nn.functional.mse_loss(x, y) + d.sum()).backward()
    assert d.grad.tolist() == [1, 1]
    h = x * 1
    v, w = h[0], h[0]
    gv, gw = torch.autograd.grad(v * 2 + w * 3, (v, w))
    assert gv.item() == 2 and gw.item() == 3


def test_second_derivative_through_a_saved_output():
    """The `Exp` of PyTorch's documentation."""

    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            return g * y

    x = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(Exp.apply(x), x, create_graph=True)
    (gg,) = torch.autograd.grad(g, x)
    assert gg.item() == pytest.approx(torch.exp(x).item())
    assert Exp.apply(x).grad_fn.name() == "ExpBackward"


def test_a_write_with_a_gradient_to_a_detached_tensor():
    """The detached tensor then requires grad; the one it was detached from sees the value only."""
    w = leaf(2.0)
    y = torch.ones(2, requires_grad=True) * 3
    d = y.detach()
    d[0] = w[0] * 5
    assert d.requires_grad and y.tolist() == [10, 3]
    d.sum().backward()
    assert w.grad.tolist() == [5]
    h = torch.zeros(1).detach()
    h += w
    h.backward()
    assert w.grad.tolist() == [6]


def test_hooks_after_the_value_was_read():
    """A hook or `retain_grad` on a tensor that was realized already."""
    x = leaf(1.0, 2.0)
    h = x * 2
    loss = (h**2).sum()
    loss.item()
    h.retain_grad()
    loss.backward()
    assert h.grad.tolist() == [4, 8]


def test_no_grad_around_a_generator():
    """The mode holds while the generator runs, and not while it waits."""
    x = leaf(1.0)

    @torch.no_grad()
    def values():
        for _ in range(2):
            yield (x * 2).requires_grad

    seen = []
    for inside in values():
        seen += [inside, (x * 2).requires_grad]
    assert seen == [False, True, False, True]


def test_overwriting_keeps_requires_grad():
    """A tensor that was overwritten still requires grad: its gradient is zero."""
    x = leaf(1.0, 2.0)
    y = torch.sin(x)
    y[...] = 3.0
    assert y.requires_grad
    y.sum().backward()
    assert x.grad.tolist() == [0, 0]
