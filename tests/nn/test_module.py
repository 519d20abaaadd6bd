"""`Module`: registration, traversal, conversion, hooks, printing, copying."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict

import pytest

import powerhouse as ph
from powerhouse import nn


class Net(nn.Module):
    """A small tree with parameters, buffers and a shared child."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.second = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
        self.again = self.first
        self.scale = nn.Parameter(ph.ones(3))
        self.register_buffer("mean", ph.zeros(3))
        self.register_buffer("scratch", ph.zeros(1), persistent=False)
        self.register_parameter("nothing", None)

    def forward(self, x, shift=0.0):
        return self.second(self.first(x)) * self.scale + self.mean + shift


def names(pairs):
    return [name for name, _ in pairs]


def test_traversal():
    net = Net()
    assert names(net.named_parameters()) == ["scale", "first.weight", "first.bias", "second.0.weight", "second.0.bias"]
    assert names(net.named_parameters(recurse=False)) == ["scale"]
    assert names(net.named_parameters(prefix="net", recurse=False)) == ["net.scale"]
    assert names(net.named_parameters(remove_duplicate=False))[-2:] == ["again.weight", "again.bias"]
    assert names(net.named_buffers()) == ["mean", "scratch"]
    assert names(net.named_children()) == ["first", "second"]
    assert names(net.named_modules()) == ["", "first", "second", "second.0", "second.1"]
    assert names(net.named_modules(remove_duplicate=False))[-1] == "again"
    assert len(list(net.parameters())) == 5 and len(list(net.modules())) == 5 and len(list(net.children())) == 2


def test_look_up_by_dotted_name():
    net = Net()
    assert net.get_submodule("second.0") is net.second[0] and net.get_submodule("") is net
    assert net.get_parameter("second.0.bias") is net.second[0].bias
    assert net.get_buffer("mean") is net.mean
    with pytest.raises(AttributeError, match="Sequential has no attribute `9`"):
        net.get_submodule("second.9")
    with pytest.raises(AttributeError, match="`scale` is not an nn.Module"):
        net.get_submodule("scale.x")
    with pytest.raises(AttributeError, match="`mean` is not an nn.Parameter"):
        net.get_parameter("mean")
    with pytest.raises(AttributeError, match="`scale` is not a buffer"):
        net.get_buffer("scale")
    net.set_submodule("second.1", nn.Tanh())
    assert isinstance(net.second[1], nn.Tanh)
    with pytest.raises(AttributeError, match="Sequential has no attribute `7`"):
        net.set_submodule("second.7", nn.Tanh(), strict=True)


def test_assignment_moves_between_kinds():
    net = nn.Module()
    net.x = 3
    net.x = nn.Parameter(ph.zeros(1))
    assert names(net.named_parameters()) == ["x"] and "x" not in net.__dict__
    net.x = nn.ReLU()
    assert names(net.named_children()) == ["x"] and not list(net.parameters())
    net.x = nn.Buffer(ph.zeros(1), persistent=False)
    assert names(net.named_buffers()) == ["x"] and not list(net.children()) and "x" not in net.state_dict()
    net.x = ph.ones(2)
    assert net.get_buffer("x").shape == (2,)
    net.x = None
    assert net.x is None and not list(net.buffers())
    del net.x
    assert not hasattr(net, "x")


@pytest.mark.parametrize("kind, value, message", [
    ("weight", ph.zeros(1), r"cannot assign 'torch.FloatTensor' as parameter 'weight' \(torch.nn.Parameter or None expected\)"),
    ("child", 3, r"cannot assign 'int' as child module 'child' \(torch.nn.Module or None expected\)"),
    ("buffer", 3, r"cannot assign 'int' as buffer 'buffer' \(torch.nn.Buffer, torch.Tensor or None expected\)"),
])  # fmt: skip
def test_wrong_assignments(kind, value, message):
    net = nn.Module()
    net.weight, net.child = nn.Parameter(ph.zeros(1)), nn.ReLU()
    net.register_buffer("buffer", ph.zeros(1))
    with pytest.raises(TypeError, match=message):
        setattr(net, kind, value)


def test_wrong_registrations():
    net = Net()
    with pytest.raises(KeyError, match="attribute 'forward' already exists"):
        net.register_buffer("forward", None)
    with pytest.raises(KeyError, match="buffer name can.*t contain"):
        net.register_buffer("a.b", None)
    with pytest.raises(KeyError, match="parameter name can.*t be empty string"):
        net.register_parameter("", None)
    with pytest.raises(TypeError, match="module name should be a string. Got int"):
        net.add_module(3, nn.ReLU())
    with pytest.raises(TypeError, match="int is not a Module subclass"):
        net.add_module("x", 3)
    with pytest.raises(TypeError, match="cannot assign 'torch.FloatTensor' object to parameter 'x'"):
        net.register_parameter("x", ph.zeros(1))
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'missing'"):
        _ = net.missing
    with pytest.raises(TypeError, match="unexpected keyword argument 'size'"):
        nn.Module(size=3)
    with pytest.raises(NotImplementedError, match=r'Module \[Module\] is missing the required "forward" function'):
        nn.Module()(3)


def test_assignment_before_init():
    class Early(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter(ph.zeros(1))

    with pytest.raises(AttributeError, match=r"cannot assign parameters before Module.__init__\(\) call"):
        Early()


def test_conversion_keeps_parameters_and_casts_floats_only():
    net = Net()
    net.register_buffer("count", ph.tensor(3))
    before = dict(net.named_parameters())
    net(ph.ones(1, 2)).sum().backward()
    assert net.to(ph.float64) is net
    assert all(parameter is before[name] for name, parameter in net.named_parameters())
    assert {parameter.dtype for parameter in net.parameters()} == {ph.float64} == {net.mean.dtype}
    assert net.scale.grad.dtype is ph.float64 and net.count.dtype is ph.int64
    assert net.scale.requires_grad and net.scale.is_leaf
    assert net(ph.ones(1, 2, dtype=ph.float64)).dtype is ph.float64
    assert net.float().mean.dtype is ph.float32 and net.half().mean.dtype is ph.float16
    assert net.bfloat16().mean.dtype is ph.bfloat16 and net.double().mean.dtype is ph.float64
    assert net.to(ph.zeros(1)).mean.dtype is ph.float32 and net.to("cpu").mean.device.type == "cpu"
    with pytest.raises(TypeError, match="only accepts floating point or complex dtypes, but got desired dtype=torch.int64"):
        net.to(ph.int64)


def test_modes_and_gradients():
    net = Net()
    assert net.training and not net.eval().second[0].training and net.train().second[0].training
    with pytest.raises(ValueError, match="training mode is expected to be boolean"):
        net.train(1)
    net(ph.ones(1, 2)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert net.scale.grad.abs().sum().item() == 0
    net.zero_grad()
    assert net.scale.grad is None
    assert not any(parameter.requires_grad for parameter in net.requires_grad_(False).parameters())
    seen = []
    net.apply(lambda module: seen.append(type(module).__name__))
    assert seen == ["Linear", "Linear", "ReLU", "Sequential", "Net"]


def test_copies_are_independent():
    net = Net()
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net.second))):
        source = net if isinstance(twin, Net) else net.second
        for (name, a), (other, b) in zip(twin.named_parameters(), source.named_parameters(), strict=True):
            assert name == other and a is not b and a.requires_grad and isinstance(a, nn.Parameter)
            assert (a == b).all()
    twin = copy.deepcopy(net)
    assert twin.again is twin.first
    with ph.no_grad():
        twin.scale.fill_(5)
    assert net.scale.sum().item() == 3


def test_dir_and_repr():
    net = Net()
    assert {"first", "scale", "mean", "forward"} <= set(dir(net)) and "0" not in dir(net.second)
    assert repr(net) == (
        "Net(\n"
        "  (first): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (second): Sequential(\n"
        "    (0): Linear(in_features=3, out_features=3, bias=True)\n"
        "    (1): ReLU()\n"
        "  )\n"
        "  (again): Linear(in_features=2, out_features=3, bias=True)\n"
        ")"
    )
    assert repr(nn.Module()) == "Module()"


# ---- hooks -----------------------------------------------------------------------------------------------------------


def test_forward_hooks_see_and_replace():
    net = Net()
    seen = []
    pre = net.register_forward_pre_hook(lambda module, args: seen.append("pre") or (args[0] * 0,))
    first = net.register_forward_pre_hook(lambda module, args: seen.append("first"), prepend=True)
    post = net.register_forward_hook(lambda module, args, output: seen.append(args[0].sum().item()) or output + 1)
    plain = Net.forward(net, ph.zeros(1, 2))
    assert ((net(ph.ones(1, 2)) - plain - 1).abs() < 1e-6).all()
    assert seen == ["first", "pre", 0.0]
    for handle in (pre, first, post):
        handle.remove()
        handle.remove()
    assert (net(ph.zeros(1, 2)) == plain).all() and len(seen) == 3


def test_forward_hooks_with_kwargs():
    net = Net()
    seen = []
    with net.register_forward_pre_hook(lambda module, args, kwargs: (args, {"shift": 2.0}), with_kwargs=True):
        with net.register_forward_hook(lambda module, args, kwargs, output: seen.append(kwargs), with_kwargs=True):
            net(ph.ones(1, 2), shift=1.0)
    assert seen == [{"shift": 2.0}]
    net.register_forward_pre_hook(lambda module, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match="forward pre-hook must return None or a tuple of"):
        net(ph.ones(1, 2))


def test_always_called_hook_runs_after_an_error():
    net = Net()
    seen = []
    net.register_forward_hook(lambda module, args, output: seen.append("usual"))
    net.register_forward_hook(lambda module, args, output: seen.append(output), always_call=True)
    with pytest.raises(TypeError):
        net("no tensor")
    assert seen == [None]


def test_full_backward_hooks():
    net = nn.Linear(2, 1, bias=False)
    with ph.no_grad():
        net.weight.copy_(ph.tensor([[2.0, 3.0]]))
    seen = []
    net.register_full_backward_pre_hook(lambda module, grad_output: seen.append("pre") or (grad_output[0] * 2,))
    handle = net.register_full_backward_hook(
        lambda module, grad_input, grad_output: seen.append((grad_input[0].tolist(), grad_output[0].tolist())) or (grad_input[0] * 10,)
    )
    x = ph.ones(1, 2).requires_grad_()
    net(x).sum().backward()
    assert seen == ["pre", ([[4.0, 6.0]], [[2.0]])]
    assert x.grad.tolist() == [[40.0, 60.0]] and net.weight.grad.tolist() == [[2.0, 2.0]]
    handle.remove()
    net(x).sum().backward()
    assert x.grad.tolist() == [[44.0, 66.0]]


def test_full_backward_hook_without_input_gradient():
    net = nn.Linear(2, 1)
    seen = []
    net.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append((grad_input, grad_output[0].tolist())))
    net(ph.ones(1, 2)).sum().backward()
    assert seen == [((None,), [[1.0]])]


def test_backward_hook_checks_what_it_gets_back():
    net = nn.Linear(2, 1)
    net.register_full_backward_hook(lambda module, grad_input, grad_output: (None, None))
    with pytest.raises(RuntimeError, match="invalid number of gradients, got 2, but expected 1"):
        net(ph.ones(1, 2).requires_grad_()).sum().backward()
    with pytest.raises(RuntimeError, match="Cannot use both regular backward hooks and full backward hooks"):
        net.register_backward_hook(print)


def test_global_hooks():
    seen = []
    handles = [
        nn.modules.module.register_module_forward_pre_hook(lambda module, args: seen.append(("pre", module._get_name()))),
        nn.modules.module.register_module_forward_hook(lambda module, args, output: seen.append(("post", module._get_name()))),
        nn.modules.module.register_module_full_backward_hook(lambda module, *grads: seen.append(("back", module._get_name()))),
        nn.modules.module.register_module_parameter_registration_hook(lambda module, name, value: seen.append(name)),
    ]
    try:
        net = nn.Sequential(nn.PReLU())
        net(ph.ones(1, 2)).sum().backward()
    finally:
        for handle in handles:
            handle.remove()
    assert seen == [
        "weight", ("pre", "Sequential"), ("pre", "PReLU"), ("post", "PReLU"), ("post", "Sequential"),
        ("back", "Sequential"), ("back", "PReLU"),
    ]  # fmt: skip
    net(ph.ones(1, 2))
    assert len(seen) == 7


def test_hooks_are_copied_with_the_module():
    net = nn.Sequential(nn.Linear(1, 1))
    seen = []
    net.register_forward_hook(lambda module, args, output: seen.append(1))
    copy.copy(net)(ph.ones(1, 1))
    assert seen == [1]


# ---- state dicts -----------------------------------------------------------------------------------------------------


def test_state_dict_and_back():
    net, other = Net(), Net()
    state = net.state_dict()
    assert list(state) == [
        "scale", "mean", "first.weight", "first.bias", "second.0.weight", "second.0.bias", "again.weight", "again.bias",
    ]  # fmt: skip
    assert isinstance(state, OrderedDict) and state._metadata["second.0"] == {"version": 1}
    assert not state["scale"].requires_grad and net.state_dict(keep_vars=True)["scale"] is net.scale
    assert list(net.first.state_dict(prefix="a.")) == ["a.weight", "a.bias"]
    report = other.load_state_dict(state)
    assert repr(report) == "<All keys matched successfully>" and report.missing_keys == []
    assert all((a == b).all() for a, b in zip(net.parameters(), other.parameters(), strict=True))


def test_load_state_dict_reports_everything_that_is_wrong():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    state = net.state_dict()
    state["0.weight"] = ph.zeros(3, 3)
    state["1.bias"] = 3
    state["extra"], state["0.other"] = ph.zeros(1), ph.zeros(1)
    del state["0.bias"]
    with pytest.raises(RuntimeError) as error:
        net.load_state_dict(state)
    assert str(error.value) == (
        "Error(s) in loading state_dict for Sequential:\n"
        '\tMissing key(s) in state_dict: "0.bias". \n'
        '\tUnexpected key(s) in state_dict: "extra", "0.other". \n'
        "\tsize mismatch for 0.weight: copying a param with shape torch.Size([3, 3]) from checkpoint, "
        "the shape in current model is torch.Size([3, 2]).\n"
        '\tWhile copying the parameter named "1.bias", expected torch.Tensor or Tensor-like object from checkpoint '
        "but received <class 'int'>"
    )
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like, got <class 'list'>"):
        net.load_state_dict([])


def test_load_without_strict():
    net = nn.Linear(2, 1)
    report = net.load_state_dict({"weight": ph.ones(1, 2), "other": ph.ones(1)}, strict=False)
    assert report.missing_keys == ["bias"] and report.unexpected_keys == ["other"]
    assert repr(report) == "_IncompatibleKeys(missing_keys=['bias'], unexpected_keys=['other'])"
    assert net.weight.tolist() == [[1.0, 1.0]]


def test_load_by_assignment():
    net = nn.Linear(2, 1)
    given = {"weight": ph.ones(1, 2, dtype=ph.float64), "bias": ph.ones(1, dtype=ph.float64)}
    net.load_state_dict(given, assign=True)
    assert net.weight.dtype is ph.float64 and isinstance(net.weight, nn.Parameter) and net.weight.requires_grad


def test_state_dict_hooks():
    net = nn.Sequential(nn.Linear(1, 1))
    seen = []
    net.register_state_dict_pre_hook(lambda module, prefix, keep_vars: seen.append("pre"))
    net.register_state_dict_post_hook(lambda module, state, prefix, metadata: state.pop("0.bias") and None)
    net.register_load_state_dict_pre_hook(lambda module, state, *rest: state.setdefault("0.bias", ph.ones(1)) and None)
    net.register_load_state_dict_post_hook(lambda module, report: seen.append(report.missing_keys))
    state = net.state_dict()
    assert list(state) == ["0.weight"]
    net.load_state_dict(state)
    assert net[0].bias.item() == 1.0 and seen == ["pre", []]


def test_extra_state():
    class Counter(nn.Module):
        count = 0

        def get_extra_state(self):
            return {"count": self.count}

        def set_extra_state(self, state):
            self.count = state["count"]

    net = nn.Sequential(Counter())
    net[0].count = 4
    state = net.state_dict()
    assert state == {"0._extra_state": {"count": 4}}
    other = nn.Sequential(Counter())
    other.load_state_dict(state)
    assert other[0].count == 4
    assert other.load_state_dict({}, strict=False).missing_keys == ["0._extra_state"]
    with pytest.raises(RuntimeError, match='Unexpected key.* "0._extra_state"'):
        nn.Sequential(nn.ReLU()).load_state_dict(state)


def test_batch_norm_reads_old_checkpoints():
    net = nn.BatchNorm1d(2)
    state = {name: value for name, value in net.state_dict().items() if name != "num_batches_tracked"}
    assert repr(net.load_state_dict(state)) == "<All keys matched successfully>"


def test_names_of_pytorchs_files():
    from powerhouse.nn.modules.batchnorm import _BatchNorm
    from powerhouse.nn.modules.utils import _pair, _reverse_repeat_tuple

    assert isinstance(nn.BatchNorm2d(3), _BatchNorm) and not isinstance(nn.LayerNorm(3), _BatchNorm)
    assert _pair(3) == (3, 3) and _pair([1, 2]) == (1, 2) and _reverse_repeat_tuple((1, 2), 2) == (2, 2, 1, 1)
    assert nn.modules.conv.Conv2d is nn.modules.Conv2d is nn.Conv2d and nn.modules.rnn.LSTM is nn.LSTM
