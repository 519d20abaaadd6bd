"""What is said of a run: programs, lines, times, misses; what `debug` prints; the checks of the passes, on good plans and broken ones."""

from __future__ import annotations

import sys

import numpy as np
import pytest

pytest.importorskip("llvmlite")

import powerhouse as torch
import powerhouse.nn as nn
import powerhouse.nn.functional as F
from powerhouse.cli._explain import ON_BEHALF
from powerhouse.codegen import show
from powerhouse.codegen.task import Temp
from powerhouse.core import config
from powerhouse.engine import explain, native
from powerhouse.graph import memo, symbol
from powerhouse.runtime.reference import order_of, value_of


@pytest.fixture
def log():
    """A recording, with everything compiled."""
    with config.override(tier="native", threads=1), explain.recording(ON_BEHALF) as log:
        yield log


def here() -> int:
    """The number of the caller's line."""
    return sys._getframe(1).f_lineno


def only(log):
    """The one program that ran."""
    (seen,) = log.by_time()
    return seen


# --- small models -----------------------------------------------------------------------------------------------------------------


def trained(model, loss, optimizer=torch.optim.SGD):
    """Two steps of training."""
    steps = optimizer(model.parameters(), 0.1)
    for _ in range(2):
        steps.zero_grad()
        loss(model).backward()
        steps.step()
        yield from model.parameters()


def perceptron():
    x, y = torch.randn(16, 12), torch.randint(0, 5, (16,))
    return trained(nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 5)), lambda m: F.cross_entropy(m(x), y), torch.optim.Adam)


def convolutions():
    x = torch.randn(4, 3, 9, 9)
    layers = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(96, 2)
    return trained(nn.Sequential(*layers), lambda m: m(x).square().mean())


def transformer():
    x = torch.randn(2, 7, 16)
    return trained(nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True), lambda m: m(x).sum(), torch.optim.AdamW)


def recurrence():
    x = torch.randn(5, 3, 4)
    return trained(nn.GRU(4, 6), lambda m: m(x)[0].square().sum())


def embeddings():
    index = torch.randint(0, 10, (6, 3))
    return trained(nn.Sequential(nn.Embedding(10, 4), nn.LayerNorm(4)), lambda m: m(index).exp().sum())


def dropped():
    x = torch.randn(8, 30)
    return trained(nn.Sequential(nn.Linear(30, 30), nn.Dropout(0.5), nn.GELU()), lambda m: m(x).mean())


def doubles():
    x = torch.randn(40, 30, dtype=torch.float64)
    yield x.softmax(0) @ x.t() + x.mean()


def joined():
    a, b = torch.randn(5, 6), torch.randn(3, 6)
    yield torch.cat([a * 2, b + 1, a.flip(0), torch.cat([b, b]).exp()])


def decomposed():
    """A call of NumPy between kernels, whose result is a view of what it reads."""
    x = torch.randn(12, 12)
    q, r = torch.linalg.qr((x * 2).tanh())
    yield (q @ r).sum() + r.diagonal().exp().sum()


def written():
    x = torch.randn(9, 8)
    x[2:5] = x[0] * 2
    x[:, 1].add_(1.0)
    yield x.cumsum(0)
    yield x.sort(1).values


def updated():
    """A result takes over a leaf's memory."""
    x = torch.randn(70, 70)
    for _ in range(2):
        x.mul_(0.5).add_(1.0)
        yield x


def picked():
    x, index = torch.randn(9, 8), torch.randint(0, 9, (4,))
    yield x[index].sum(1) + x.gather(1, torch.zeros(9, 1, dtype=torch.int64))[:4, 0]


MODELS = perceptron, convolutions, transformer, recurrence, embeddings, dropped, doubles, joined, decomposed, written, updated, picked


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_every_pass_keeps_its_promises(log, model):
    for value in model():
        value.detach().numpy()
    programs = [seen.program for seen in log.by_time() if seen.is_native]
    assert programs
    for program in programs:
        explain.check(program)


# --- broken plans -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def program(log):
    """A plan with several nodes, temporaries, and values in the arena."""
    for value in perceptron():
        value.detach().numpy()
    return max((seen.program for seen in log.by_time() if seen.is_native), key=lambda p: len(p.plan.nodes))


def test_an_order_that_reads_too_early_is_found(program):
    k, n = next((k, n) for k, n in enumerate(program.plan.nodes) if any(i in m.writes for m in program.plan.nodes[:k] for i in n.reads))
    nodes = [n, *program.plan.nodes[:k], *program.plan.nodes[k + 1 :]]
    with pytest.raises(show.BrokenPlan, match="before it is written"):
        show.check_schedule(nodes, program.plan.results)


def test_a_node_that_is_missing_or_there_twice_is_found(program):
    with pytest.raises(show.BrokenPlan, match="second time"):
        show.check_schedule([*program.plan.nodes, program.plan.nodes[0]], program.plan.results)
    last = next(n for n in reversed(program.plan.nodes) if set(n.writes) & set(program.plan.results))
    with pytest.raises(show.BrokenPlan, match="nothing writes the result|before it is written"):
        show.check_schedule([n for n in program.plan.nodes if n is not last], program.plan.results)


def test_values_that_overlap_are_found(program):
    """Everything at the same address; a value beyond the arena; a result in it."""
    offsets, size = program.plan.layout.offsets, program.plan.layout.size
    with pytest.raises(show.BrokenPlan, match="lies over"):
        show.check_memory(program.plan.nodes, program.plan.layout._replace(offsets=dict.fromkeys(offsets, 0)), program.plan.results)
    what = next(s for s in offsets if not isinstance(s, Temp))
    with pytest.raises(show.BrokenPlan, match="does not lie in the arena"):
        show.check_memory(program.plan.nodes, program.plan.layout._replace(offsets=offsets | {what: size}), program.plan.results)
    with pytest.raises(show.BrokenPlan, match="does not lie where results do"):
        show.check_memory(program.plan.nodes, program.plan.layout, [*program.plan.results, what])


def test_a_leaf_that_is_overwritten_while_it_is_needed_is_found(log):
    x, g = torch.randn(100), torch.randn(100)
    float((x + g).sum())
    x.sub_(g * 0.1).mul_(2.0)
    x.numpy()
    (program,) = [seen.program for seen in log.by_time() if seen.program.plan.layout.donors]
    nodes, layout = program.plan.nodes, program.plan.layout
    ((home, donor),) = layout.donors.items()
    other = next(s for n in nodes for s in n.reads if s is not donor and s.op is donor.op)
    with pytest.raises(show.BrokenPlan, match="lies over"):
        show.check_memory(nodes, layout._replace(donors={home: other}), program.plan.results)
    with pytest.raises(show.BrokenPlan, match="does not lie where results do"):
        show.check_memory(nodes, layout, [*program.plan.results, donor])
    with pytest.raises(show.BrokenPlan, match="lies over"):
        show.check_memory([*nodes, nodes[-1]._replace(writes=(), tasks=(), reads=(donor,))], layout, program.plan.results)
    refusing = nodes[-1].tasks[-1]._replace(refuse=IndexError)
    with pytest.raises(show.BrokenPlan, match="before all indices are known"):
        show.check_memory([*nodes[:-1], nodes[-1]._replace(tasks=(refusing,))], layout, program.plan.results)


def test_values_in_the_memory_of_a_result_are_checked_too(log):
    """A chain of writes lies in one result's memory; where one of them is read later, that is wrong."""
    x = torch.randn(9, 8)
    float(x.sum())
    x[2:5] = torch.ones(3, 8)
    x[:, 1] = 2.0
    x.numpy()
    (program,) = [seen.program for seen in log.by_time() if seen.program.plan.layout.homes]
    (early,) = program.plan.layout.homes
    reader = program.plan.nodes[-1]._replace(writes=(), tasks=(), reads=(early,))
    with pytest.raises(show.BrokenPlan, match="lies over"):
        show.check_memory([*program.plan.nodes, reader], program.plan.layout, program.plan.results)


def test_groups_that_overlap_or_need_each_other_are_found(log):
    x = torch.randn(10, 10)
    float(((x * 2).exp() @ x).tanh().sum())
    program = only(log).program
    order = order_of(program.plan.results)
    fusion = explain._fused(program, order)
    show.check_fusion(fusion, order, value_of)
    first, second = fusion.groups[0], fusion.groups[-1]
    assert first is not second
    with pytest.raises(show.BrokenPlan, match="cycle"):
        show.check_fusion(merged(fusion), order, value_of)
    first.members.append(second.members[0])
    with pytest.raises(show.BrokenPlan, match="and in another"):
        show.check_fusion(fusion, order, value_of)
    first.members.pop()
    first.members.pop()
    with pytest.raises(show.BrokenPlan, match="in no group"):
        show.check_fusion(fusion, order, value_of)


def merged(fusion):
    """All members in one group, on both sides of the product."""
    whole = type(fusion.groups[0])(fusion.groups[0].domain, ())
    whole.members = [s for g in fusion.groups for s in g.members]
    return fusion._replace(groups=[whole], group_of=dict.fromkeys(whole.members, whole))


def test_a_kernel_with_too_few_operands_is_found(program):
    n, task = next((n, t) for n in program.plan.nodes for t in n.tasks if len(t.reads) + len(t.writes) > 1 and len(t.numbers) > 1)
    for what, poorer in (("pointers of 0", task._replace(reads=(), writes=())), ("numbers of 0", task._replace(numbers=()))):
        with pytest.raises(show.BrokenPlan, match=what):
            show.check_tasks([n._replace(tasks=(poorer,))])


# --- what is said of a run --------------------------------------------------------------------------------------------------------


def test_programs_with_their_runs_and_kernels(log):
    weight = torch.randn(30, 20)
    for _ in range(5):
        float((torch.ones(10, 30) @ weight).relu().sum())
    seen = max(log.by_time(), key=lambda p: len(p.times))
    assert seen.tier == ("native", "") and len(seen.times) >= 4 and all(t > 0 for t in seen.times)
    assert seen.is_stepped[:5] == [True, True, True, False, True][: len(seen.times)]
    assert seen.result_bytes == 4 and seen.peak_bytes == seen.arena_bytes + 4 >= 4 + 10 * 20 * 4
    costs = seen.costs()
    assert all(c.seconds > 0 for c, n in zip(costs, seen.nodes) if n.tasks) and sum(c.seconds for c in costs) < seen.total
    assert sum(c.flops for c in costs) == 2 * 10 * 30 * 20 + 2 * 10 * 20
    product = next(c for c, n in zip(costs, seen.nodes) if "matmul" in n.label)
    assert product.bytes >= 4 * 30 * 20 + 4


def test_bytes_count_each_element_once(log):
    """A transposed operand is the same memory; a slice is as large as it is; a row that is repeated is read once."""
    x, row = torch.randn(50, 40), torch.randn(40)
    y, z = x[:10] + row, (x * x.t().t()) + 1
    y.numpy(), z.numpy()
    costs = {n.writes[0].shape: c.bytes for seen in log.by_time() for n, c in zip(seen.nodes, seen.costs())}
    assert costs == {(10, 40): 4 * (400 + 40 + 400), (50, 40): 4 * (2000 + 2000)}


def test_lines_of_forward_and_backward(log):
    x = torch.randn(6, 7, requires_grad=True)
    y = x.exp(); first = here()
    loss = (y * y.sin()).sum(); second = here()
    loss.backward()
    x.grad.numpy()
    lines = set().union(*(found for seen in log.by_time() for found in seen.lines()))
    assert {(line.number, line.is_backward) for line in lines} >= {(first, False), (second, False), (first, True), (second, True)}
    assert {line.file for line in lines} == {__file__}
    times = sum(sum(seen.line_times().values()) for seen in log.by_time())
    assert times == pytest.approx(sum(c.seconds for seen in log.by_time() for c in seen.costs()))


def test_lines_of_what_is_recorded_anew_for_a_later_backward(log):
    """The forward pass is realized before; backward records its graph again."""
    x = torch.randn(6, 7, requires_grad=True)
    y = x.exp().sin(); first = here()
    y.detach().numpy()
    y.sum().backward()
    x.grad.numpy()
    found = set().union(*log.by_time()[0].lines(), *log.by_time()[-1].lines())
    assert explain.Line(__file__, first, True) in found


def test_lines_of_what_the_planner_makes_anew(log):
    """A weight's gradient is multiplied turned, and the update goes on with it: other symbols than were recorded."""
    weight, x = nn.Parameter(torch.randn(10, 30)), torch.randn(20, 30)
    optimizer = torch.optim.SGD([weight], 0.1)
    y = F.linear(x, weight); forward = here()
    y.square().sum().backward()
    optimizer.step(); step = here()
    weight.detach().numpy()
    seen = log.by_time()[0]
    k = next(k for k, n in enumerate(seen.nodes) if n.label.startswith("batched_matmul") and n.writes[0].shape == (10, 30))
    assert seen.lines()[k].keys() == {explain.Line(__file__, forward, True), explain.Line(__file__, step)}


def test_lines_in_functions_of_the_user(log):
    def scaled(t):
        return t * 3

    line = scaled.__code__.co_firstlineno + 1
    scaled(torch.ones(50)).numpy()
    assert any(explain.Line(__file__, line) in found for seen in log.by_time() for found in seen.lines())


def cause_of_second(log, first, second):
    """Why the second of two computations needed another program."""
    first().numpy()
    second().numpy()
    return log.programs[max(log.programs, key=lambda p: log.programs[p].index)].cause


X, SHORTER, DOUBLE = (torch.from_numpy(np.ones((n, 5), kind)) for n, kind in ((8, "f4"), (6, "f4"), (8, "f8")))
CAUSES = {
    "shape": (lambda: SHORTER.mul(2).exp().sum(1), "like program 1, but float32[6, 5] is read where it was float32[8, 5] ("),
    "dims": (lambda: X.mul(2).exp().sum(0), "reduce_sum has (0,) where it had (1,)"),
    "dtype": (lambda: DOUBLE.mul(2).exp().sum(1), "float64[8, 5] is read where it was float32[8, 5]"),
    "more": (lambda: X.mul(2).exp().tanh().sum(1), "with tanh"),
    "fewer": (lambda: X.mul(2).sum(1), "without exp"),
    "order": (lambda: X.exp().mul(2).sum(1), "its ops are connected otherwise"),
}


@pytest.mark.parametrize("name", CAUSES)
def test_why_a_program_is_new(log, name):
    second, cause = CAUSES[name]
    found = cause_of_second(log, lambda: X.mul(2).exp().sum(1), second)
    assert found.startswith("like program 1, but ") and cause in found, found
    assert (__file__ in found) == (name != "fewer")


def test_a_program_that_was_forgotten_is_known_for_it(log):
    def forgotten():
        memo.clear()
        return X.mul(2).exp().sum(1)

    cause = cause_of_second(log, lambda: X.mul(2).exp().sum(1), forgotten)
    assert cause == "like program 1, but the tables of known programs had been emptied"


def test_where_values_were_asked_for(log):
    y = torch.ones(30).exp()
    y.numpy(); line = here()
    assert only(log).asked_at == explain.Line(__file__, line)


def test_nothing_is_compared_with_what_is_not_alike(log):
    assert cause_of_second(log, lambda: torch.ones(5).exp() * 2, lambda: torch.linalg.inv(torch.eye(3))) == ""


def test_where_kernels_were_found(log, monkeypatch, tmp_path):
    monkeypatch.setenv("POWERHOUSE_CACHE", str(tmp_path))
    monkeypatch.setattr(native.native, "_known", {})
    for where in ("compiled", "in memory", "on disk"):
        memo.clear()
        if where == "on disk":
            native.native._known.clear()
        (torch.from_numpy(np.ones(300, np.float32)) * 2).exp().numpy()
        seen = max(log.programs.values(), key=lambda p: p.index)
        assert {w: n for w, n in seen.kernels.items() if n} == {where: 1}
        assert (seen.seconds_to_compile > 0) == (where != "in memory")


def test_reference_programs_say_why():
    with explain.recording() as log, config.override(tier="auto"):
        (torch.ones(3) + 1).numpy()
    seen = only(log)
    assert seen.tier[0] == "reference" and seen.tier[1].startswith("cheap: about ")
    assert len(seen.nodes) == len(seen.program.steps) and all(c.seconds > 0 for c in seen.costs())
    with explain.recording() as log, config.override(tier="reference"):
        a = torch.ones(100)
        (a.exp() + a.sin()).numpy()
    assert only(log).tier == ("reference", "the flag `tier` says so")
    assert only(log).arena_bytes == 2 * 400 and only(log).result_bytes == 2 * 400  # `a` too is a result


def test_results_are_the_same_and_nothing_is_left_behind():
    def losses():
        torch.manual_seed(0)
        return [float(p.detach().sum()) for p in perceptron()]

    before = symbol._build, [getattr(owner, name) for owner, name, _ in ON_BEHALF]
    with config.override(tier="native", debug=0):
        plain = losses()
        with explain.recording(ON_BEHALF):
            assert explain.watches()
            recorded = losses()
    assert recorded == plain
    assert explain.watches() == (config.values["debug"] > 0)
    assert before == (symbol._build, [getattr(owner, name) for owner, name, _ in ON_BEHALF])


def test_enough_runs():
    with config.override(tier="native"), explain.recording(enough=3) as log, pytest.raises(explain.Enough):
        for _ in range(10):
            torch.from_numpy(np.ones(40, np.float32)).exp().sum().item()
    assert [len(seen.times) for seen in log.by_time()] == [3]


def test_a_failing_run_is_reported_as_such(log):
    with pytest.raises(IndexError):
        torch.randn(4)[torch.tensor([9])].numpy()
    assert only(log).times


# --- what `debug` prints ----------------------------------------------------------------------------------------------------------


def printed(capsys, level: int) -> str:
    """What a program that nobody has seen prints."""
    memo.clear()
    with config.override(debug=level, tier="native"):
        x = torch.from_numpy(np.ones((9, 11), np.float32))
        (x.exp() @ x.t()).sum().item()
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_debug_prints_more_with_each_level(capsys):
    marks = {
        1: ("new program", "run 1: "),
        2: ("batched_matmul", " FLOPs", "arena of"),
        3: ("simplify:", "fuse\n", "group 0 over [9, 11]", "lower\n", "schedule\n", "memory plan\n"),
        4: ("define void @kernel",),
        5: (".globl\tkernel",),
    }
    for level in range(6):
        text = printed(capsys, level)
        for needed, words in marks.items():
            for word in words:
                assert (word in text) == (needed <= level), (level, word)


def test_debug_runs_the_checks(monkeypatch):
    def refuse(*_):
        raise show.BrokenPlan("as asked")

    monkeypatch.setattr(show, "check_memory", refuse)
    memo.clear()
    with config.override(debug=1, tier="native"), pytest.raises(show.BrokenPlan, match="as asked"):
        torch.ones(50).exp().numpy()
