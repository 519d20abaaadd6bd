"""An optimizer's state is entered, written and realized as one; whoever looks at a part of it sees what is there."""

import copy

import numpy as np
import pytest

import powerhouse as torch
from powerhouse.engine.segment import Bundle


def training(steps=3):
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    opt = torch.optim.Adam(net.parameters(), lr=0.1)
    x = torch.randn(5, 3)

    def step():
        opt.zero_grad()
        net(x).square().mean().backward()
        opt.step()

    for _ in range(steps):
        step()
    return net, opt, step


def means(opt):
    return [state["exp_avg"] for state in opt.state.values()]


def test_state_is_bundled():
    _, opt, _ = training()
    assert {type(m._storage.segment) for m in means(opt)} == {Bundle}


def test_held_tensor_sees_later_steps():
    net, opt, step = training(1)
    held = means(opt)
    first = [m.tolist() for m in held]
    step()
    fresh = training(2)[1]
    assert [m.tolist() for m in held] == [m.tolist() for m in means(fresh)] != first


@pytest.mark.parametrize(
    "look",
    [
        lambda m: m.tolist(),
        lambda m: (m * 2).sum().item(),
        lambda m: m.numpy().sum(),
        lambda m: m.view(-1)[0].item(),
        lambda m: copy.deepcopy(m),
        lambda m: m.data_ptr(),
        lambda m: repr(m),
    ],
)
def test_looking_changes_nothing(look):
    net, opt, step = training(2)
    look(means(opt)[0])
    step()
    look(means(opt)[-1])
    step()
    for p, q in zip(net.parameters(), training(4)[0].parameters(), strict=True):
        assert p.tolist() == q.tolist()


def test_write_to_a_member():
    net, opt, step = training(2)
    means(opt)[0].zero_()
    assert not means(opt)[0].any() and means(opt)[1].any()
    step()
    values = opt.state_dict()["state"][0]["exp_avg"].numpy()
    assert np.isfinite(values).all() and values.any()


def test_step_inside_backward():
    """A step in a hook is recorded while the segment goes on: the state is looked at while it is pending, and realized more than once."""
    net, opt, _ = training(0)
    seen = []

    def step_at_once(p):
        single.step()
        seen.append(single.state[p]["exp_avg"].sum().item())

    p = net[0].weight
    single = torch.optim.Adam([p], lr=0.1)
    p.register_post_accumulate_grad_hook(step_at_once)
    torch.manual_seed(1)
    x = torch.randn(5, 3)
    for _ in range(3):
        p.grad = None
        net(x).square().mean().backward()
    other = training(0)[0]
    later = torch.optim.Adam([other[0].weight], lr=0.1)
    for _ in range(3):
        later.zero_grad()
        other(x).square().mean().backward()
        later.step()
    assert p.tolist() == other[0].weight.tolist()
    assert seen[-1] == later.state[other[0].weight]["exp_avg"].sum().item()


def test_state_dict_round_trip_goes_on_alike():
    net, opt, step = training(2)
    other_net, other, other_step = training(0)
    other_net.load_state_dict(net.state_dict())
    other.load_state_dict(opt.state_dict())
    step()
    other_step()
    for p, q in zip(net.parameters(), other_net.parameters(), strict=True):
        assert p.tolist() == q.tolist()


def test_failed_step_leaves_the_state():
    net, opt, step = training(2)
    before = [m.tolist() for m in means(training(2)[1])]
    opt.zero_grad()
    torch.nn.functional.cross_entropy(net(torch.zeros(5, 3)), torch.full((5,), 7), torch.ones(2)).backward()
    with pytest.raises(IndexError):
        opt.step()
    assert [m.tolist() for m in means(opt)] == before
    opt.zero_grad()
    step()
    assert all(np.isfinite(m.numpy()).all() for m in means(opt))


def test_parameters_left_out_of_a_step():
    net, opt, step = training(2)
    torch.manual_seed(0)
    opt.zero_grad()
    net[0].weight.sum().backward()
    opt.step()
    assert [int(state["step"]) for state in opt.state.values()] == [3, 2, 2, 2]
    step()
    assert [int(state["step"]) for state in opt.state.values()] == [4, 3, 3, 3]
