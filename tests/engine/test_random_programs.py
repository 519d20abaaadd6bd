"""Random programs: ops, views, in-place writes, detach, reads, backward. Powerhouse against PyTorch, and lazy against eager.

PyTorch refuses a backward through a value that was overwritten; Powerhouse computes the gradient. Such programs are compared only
up to that point.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

import powerhouse
from powerhouse.core import config
from powerhouse.engine.segment import realize

UNARY = ("sin", "exp", "neg", "relu", "sigmoid", "square", "clone", "abs")
BINARY = ("add", "sub", "mul", "maximum")
VIEWS = {
    "row": lambda x: x[0],
    "tail": lambda x: x[1:],
    "t": lambda x: x.t(),
    "flat": lambda x: x.reshape(-1),
    "column": lambda x: x[..., -1:],
    "narrow": lambda x: x.narrow(0, 0, 1),
    "step": lambda x: x[..., ::2],
    "unsqueeze": lambda x: x.unsqueeze(0),
    "diagonal": lambda x: x.diagonal(),
}
WRITES = {
    "add_": lambda T, x, y: x.add_(y),
    "mul_": lambda T, x, y: x.mul_(y),
    "sin_": lambda T, x, y: x.sin_(),
    "set_row": lambda T, x, y: x.__setitem__(0, y.sum()),
    "set_step": lambda T, x, y: x.__setitem__((..., slice(None, None, 2)), y.mean()),
    "set_mask": lambda T, x, y: x.__setitem__(x > 0.3, -0.25),
    "set_index": lambda T, x, y: x.__setitem__(T.tensor([0, -1]), y.sum() * 0.5),
    "iadd_row": lambda T, x, y: x[0].add_(y.mean()),
    "imul_column": lambda T, x, y: x[..., -1].mul_(1.5),
}
OVERWRITTEN = (
    "modified by an inplace operation", "detached in-place", "written-to tensor", "leaf variable has been moved", "view was created in",
    "is a view and is being modified", "Output 0 of",
)

index = st.integers(0, 30)
number = st.sampled_from([-1.5, 0.5, 2.0])
statement = st.one_of(
    st.tuples(st.just("unary"), st.sampled_from(UNARY), index),
    st.tuples(st.just("binary"), st.sampled_from(BINARY), index, index),
    st.tuples(st.just("scale"), number, index),
    st.tuples(st.just("matmul"), st.none(), index, index),
    st.tuples(st.just("view"), st.sampled_from(sorted(VIEWS)), index),
    st.tuples(st.just("write"), st.sampled_from(sorted(WRITES)), index, index),
    st.tuples(st.just("detach"), st.none(), index),
    st.tuples(st.just("read"), st.none(), index),
    st.tuples(st.just("backward"), st.booleans(), index),
    st.tuples(st.just("grad"), st.booleans(), index, index),
    st.tuples(st.just("step"), st.none(), index),
    st.tuples(st.just("forget"), st.none(), index),
)
READ_BEFORE_GRAD = [("scale", 2.0, 0), ("read", None, 3), ("grad", False, 3, 3)]
programs = st.lists(statement, min_size=10, max_size=30)


def observe(t: Any) -> Any:
    """What can be seen of a tensor: shape, whether it requires grad, values."""
    return None if t is None else (tuple(t.shape), bool(t.requires_grad), t.detach().tolist())


def execute(T: Any, program: list[Any]) -> list[tuple[str, Any]]:
    """Run `program`; what was seen: `("value", ...)` or `("error", kind)`, the state of all tensors last."""
    leaves = [T.tensor([[0.5, -1.0], [0.25, 2.0]], requires_grad=True), T.tensor([0.75, -0.5], requires_grad=True)]
    tensors = [*leaves, T.tensor([[1.0, 0.5], [-0.5, 0.125]])]
    seen: list[tuple[str, Any]] = []
    for line in program:
        try:
            seen.append(("value", perform(T, line, tensors, leaves)))
        except (RuntimeError, IndexError, ValueError) as error:
            seen.append(("overwritten" if any(word in str(error) for word in OVERWRITTEN) else "error", str(error)))
    try:
        seen.append(("value", [observe(t) for t in tensors] + [observe(leaf.grad) for leaf in leaves]))
    except RuntimeError as error:
        seen.append(("error", str(error)))
    return seen


def perform(T: Any, line: Any, tensors: list[Any], leaves: list[Any]) -> Any:
    """One statement; new tensors join `tensors`."""
    kind, how, *at = line
    x, y = (tensors[i % len(tensors)] for i in (at + at)[:2])
    if kind == "unary":
        tensors.append(getattr(x, how)())
    elif kind == "binary":
        tensors.append(getattr(x, how)(y))
    elif kind == "scale":
        tensors.append(x * how)
    elif kind == "matmul":
        tensors.append(x @ y)
    elif kind == "view":
        tensors.append(VIEWS[how](x))
        tensors[-1].alias = True
    elif kind == "write":
        WRITES[how](T, x, y.clone() if x.requires_grad else y.detach().clone())
    elif kind == "detach":
        tensors.append(x.detach())
        tensors[-1].alias = True
    elif kind == "read":
        return x.sum().item()
    elif kind == "backward":
        x.sum().backward(retain_graph=how)
    elif kind == "grad":
        found = T.autograd.grad((x * x).sum(), leaves[at[1] % 2] if hasattr(y, "alias") else y, create_graph=how, allow_unused=True)[0]
        if found is not None:
            tensors.append(found)
    elif kind == "step":
        with T.no_grad():
            for leaf in leaves:
                if leaf.grad is not None:
                    leaf.sub_(leaf.grad * 0.125)
                    leaf.grad = None
    elif kind == "forget" and len(tensors) > 4:
        del tensors[3 + at[0] % (len(tensors) - 3)]
    return None


def close(a: Any, b: Any) -> bool:
    """Whether two observations agree, up to rounding."""
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return a == b or math.isnan(a) and math.isnan(b) or abs(a - b) <= 1e-3 * max(1.0, abs(a), abs(b)) or max(abs(a), abs(b)) > 1e6
    return bool(a == b)


def compare(program: list[Any], left: list[Any], right: list[Any], names: str) -> None:
    for n, ((kind_a, a), (kind_b, b)) in enumerate(zip(left, right, strict=True)):
        where = program[n] if n < len(program) else "the end"
        if any(kind != "value" and "second time" in str(text) for kind, text in ((kind_a, a), (kind_b, b))):
            return  # PyTorch frees only the nodes that a gradient went through, Powerhouse all that lead to the root
        agree = kind_a == kind_b and (kind_a != "value" or close(a, b))
        assert agree, f"{names} differ at {n} ({where}):\n{kind_a} {a}\n{kind_b} {b}\nprogram = {program!r}"


def in_mode(mode: str, program: list[Any]) -> list[Any]:
    before = config.values["mode"]
    realize()
    config.values["mode"] = mode
    realize()
    try:
        return execute(powerhouse, program)
    finally:
        config.values["mode"] = before
        realize()


quick = settings(max_examples=100, deadline=None, derandomize=True, database=None, phases=(Phase.explicit, Phase.generate),
                 suppress_health_check=list(HealthCheck))


@quick
@example(READ_BEFORE_GRAD)
@given(programs)
def test_lazy_is_eager(program: list[Any]) -> None:
    compare(program, in_mode("lazy", program), in_mode("eager", program), "lazy and eager")


@pytest.mark.parametrize("mode", ["lazy", "eager"])
@quick
@example(program=READ_BEFORE_GRAD)
@given(program=programs)
def test_as_pytorch(mode: str, program: list[Any]) -> None:
    torch = pytest.importorskip("torch")
    expected = execute(torch, program)
    refused = next((n for n, (kind, _) in enumerate(expected) if kind == "overwritten"), None)
    if refused is not None:
        program = program[:refused]
        expected = execute(torch, program)
    compare(program, expected, in_mode(mode, program), f"PyTorch and {mode}")
