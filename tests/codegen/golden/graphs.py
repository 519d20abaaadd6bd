"""Small graphs whose kernels are kept for review, and the text of those kernels for a target. Nothing is compiled here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import NamedTuple
from unittest import mock

import numpy as np

import powerhouse as torch
from powerhouse.codegen.plan import Planner, fusable
from powerhouse.core import config
from powerhouse.engine import segment
from powerhouse.graph import memo
from powerhouse.graph.symbol import Symbol
from powerhouse.runtime import native, reference

F = torch.nn.functional
GRAPHS: dict[str, Callable] = {}


class Kernel(NamedTuple):
    """A kernel of a graph: which ops it does, and its text."""

    label: str
    text: str


def graph(function):
    """A graph: a function that computes tensors of fresh leaves."""
    GRAPHS[function.__name__] = function
    return function


def programs(name: str) -> list[tuple[Symbol, ...]]:
    """What a graph makes the engine compute: the symbols of each realization."""
    found: list[tuple[Symbol, ...]] = []
    plain = segment._program

    def seen(outputs, *how):
        found.append(outputs)
        return plain(outputs, *how)

    torch.synchronize()  # what is pending is not of the graph
    with config.override(tier="reference"), mock.patch.object(segment, "_program", seen):
        torch.manual_seed(0)
        results = GRAPHS[name]()
        torch.synchronize()
        del results
    return [p for p in found if p]


def kernels(name: str, target: str) -> list[Kernel]:
    """The kernels of a graph for a target, each text once, in the order of the plan."""
    memo.clear()
    texts: dict[str, Kernel] = {}
    symbols = programs(name)
    with config.override(tier="native", target=target):
        for outputs in symbols:
            values = [reference.value_of(s) for s in outputs]
            planner = Planner(reference.order_of(values), values, fusable, reference.value_of, native.target())
            for node in planner.plan():
                for task in node.tasks:
                    texts.setdefault(task.text, Kernel(node.label, task.text))
    return list(texts.values())


class _Values:
    """What leaves are filled with: ones, since values do not matter for a text; or numbers that are drawn, the same each time."""

    draw: np.random.Generator | None = None


@contextmanager
def varied():
    """Leaves hold drawn numbers: for running the graphs."""
    _Values.draw = np.random.default_rng(0)
    try:
        yield
    finally:
        _Values.draw = None


def leaf(*shape, dtype=torch.float32, grad=False):
    """A leaf of a graph."""
    ones = np.ones(shape)
    values = (
        ones
        if _Values.draw is None
        else _Values.draw.integers(0, 5, shape)
        if dtype is torch.int64
        else _Values.draw.uniform(0.1, 2, shape)
    )
    return torch.tensor(values, dtype=dtype).requires_grad_(grad)


def gradients(loss, *tensors):
    """The gradients of the sum of a result's squares."""
    return torch.autograd.grad((loss * loss).sum(), tensors)


# --- elementwise and reductions -------------------------------------------------------------------------------------------------------


@graph
def add_mul():
    return leaf(100, 7) * leaf(7) + leaf(100, 1)


@graph
def gelu():
    return F.gelu(leaf(1000))


@graph
def gelu_backward():
    x = leaf(1000, grad=True)
    return gradients(F.gelu(x), x)


@graph
def gated():
    x = leaf(64, 200)
    return F.silu(x[:, :100]) * x[:, 100:]


@graph
def where_mask():
    x = leaf(64, 100)
    return torch.where(x > 0.5, x, x * 0.1), (x > 0.5).to(torch.float64)


@graph
def whole_numbers():
    i = leaf(300, dtype=torch.int64)
    return (i // 3) % 5 + i, (i & 7).to(torch.int32)


@graph
def doubles():
    x = leaf(300, dtype=torch.float64)
    return x.tanh().exp() / (x.sqrt() + 1)


@graph
def bfloat16():
    return leaf(300, dtype=torch.bfloat16).tanh() * 2


@graph
def sum_all():
    return leaf(1000, 1000).sum()


@graph
def sum_columns():
    return leaf(300, 70).sum(0)


@graph
def variance():
    return leaf(64, 300).var(1)


@graph
def largest():
    x = leaf(64, 300)
    return x.amax(1), x.argmax(1)


@graph
def softmax():
    return F.softmax(leaf(64, 300), -1)


@graph
def softmax_columns():
    return F.softmax(leaf(64, 300), 0)


@graph
def softmax_backward():
    x = leaf(64, 300, grad=True)
    return gradients(F.softmax(x, -1), x)


@graph
def layer_norm():
    return F.layer_norm(leaf(64, 300), (300,), leaf(300), leaf(300))


@graph
def layer_norm_backward():
    x, w, b = leaf(64, 300, grad=True), leaf(300, grad=True), leaf(300, grad=True)
    return gradients(F.layer_norm(x, (300,), w, b), x, w, b)


@graph
def rms_norm():
    return F.rms_norm(leaf(64, 300), (300,), leaf(300))


@graph
def cross_entropy():
    return F.cross_entropy(leaf(64, 100), leaf(64, dtype=torch.int64))


@graph
def cross_entropy_backward():
    x = leaf(64, 100, grad=True)
    return torch.autograd.grad(F.cross_entropy(x, leaf(64, dtype=torch.int64)), x)


@graph
def batch_norm():
    x = leaf(8, 16, 9, 9)
    return F.batch_norm(x, leaf(16), leaf(16), leaf(16), leaf(16), training=True)


@graph
def batch_norm_backward():
    x, w = leaf(8, 16, 9, 9, grad=True), leaf(16, grad=True)
    return gradients(F.batch_norm(x, None, None, w, leaf(16), training=True), x, w)


@graph
def dropout():
    return F.dropout(leaf(300), 0.3)


def _stepped(optimizer, **options):
    w, b = leaf(30, 20, grad=True), leaf(20, grad=True)
    chosen = optimizer([w, b], **options)
    for _ in range(2):
        chosen.zero_grad()
        w.grad, b.grad = leaf(30, 20), leaf(20)
        chosen.step()
    return w, b


@graph
def adam():
    return _stepped(torch.optim.Adam, lr=0.01)


@graph
def sgd_momentum():
    return _stepped(torch.optim.SGD, lr=0.01, momentum=0.9)


# --- products -------------------------------------------------------------------------------------------------------------------------


@graph
def matmul():
    return leaf(64, 300) @ leaf(300, 100)


@graph
def matmul_bias_relu():
    return F.relu(F.linear(leaf(64, 300), leaf(100, 300), leaf(100)))


@graph
def linear_backward():
    x, w, b = leaf(64, 300, grad=True), leaf(100, 300, grad=True), leaf(100, grad=True)
    return gradients(F.linear(x, w, b), x, w, b)


@graph
def matmul_batched():
    return leaf(8, 32, 64) @ leaf(8, 48, 64).transpose(1, 2)


@graph
def matmul_vector():
    return leaf(300, 200) @ leaf(200)


@graph
def attention():
    q, k, v = (leaf(2, 4, 64, 32) for _ in range(3))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


@graph
def attention_backward():
    q, k, v = (leaf(2, 4, 64, 32, grad=True) for _ in range(3))
    return gradients(F.scaled_dot_product_attention(q, k, v), q, k, v)


@graph
def conv():
    return F.relu(F.conv2d(leaf(2, 8, 14, 14), leaf(16, 8, 3, 3), leaf(16), padding=1))


@graph
def conv_strided():
    return F.conv2d(leaf(2, 8, 15, 15), leaf(16, 8, 3, 3), stride=2)


@graph
def conv_pointwise():
    return F.conv2d(leaf(2, 32, 14, 14), leaf(64, 32, 1, 1))


@graph
def conv_depthwise():
    return F.conv2d(leaf(2, 16, 14, 14), leaf(16, 1, 3, 3), padding=1, groups=16)


@graph
def conv_backward():
    x, w = leaf(2, 8, 14, 14, grad=True), leaf(16, 8, 3, 3, grad=True)
    return gradients(F.conv2d(x, w, padding=1), x, w)


# --- movement -------------------------------------------------------------------------------------------------------------------------


@graph
def max_pool():
    return F.max_pool2d(leaf(2, 8, 14, 14), 2)


@graph
def max_pool_backward():
    x = leaf(2, 8, 14, 14, grad=True)
    return gradients(F.max_pool2d(x, 2), x)


@graph
def average_pool():
    return F.avg_pool2d(leaf(2, 8, 14, 14), 3, stride=2, padding=1)


@graph
def embedding():
    return F.embedding(leaf(64, dtype=torch.int64), leaf(100, 32))


@graph
def embedding_backward():
    w = leaf(100, 32, grad=True)
    return gradients(F.embedding(leaf(64, dtype=torch.int64), w), w)


@graph
def gather():
    return leaf(64, 10).gather(1, leaf(64, 3, dtype=torch.int64))


@graph
def transposed_copy():
    return leaf(64, 100).t().contiguous()


@graph
def concatenated():
    x = leaf(64, 100)
    return torch.cat([x, leaf(64, 50)], 1)


@graph
def written_slice():
    x = leaf(64, 100)
    x[1:, ::2] = leaf(63, 50)
    return x


@graph
def running_sum():
    return leaf(64, 100).cumsum(1)
