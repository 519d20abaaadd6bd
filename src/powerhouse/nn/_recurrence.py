"""One recurrent layer in one direction, over sequences that may end at different steps.

Data is laid out step by step, (sum of batch sizes, features), as in a `PackedSequence`; a padded batch is the case in which
all batch sizes are equal. The input's part of all gates of all steps is one matrix product ahead of the loop. The layer is
one op, so its many steps are unrolled once for each structure and looked up afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from ..graph.loop import Body, leaf, looped
from ..graph.memo import memoize
from ..graph.op import cast, composite, primitive
from ..graph.symbol import Symbol, Type
from ..ops.activation import relu
from ..ops.arithmetic import sigmoid, tanh
from ..ops.joining import concat
from ..ops.matmul import batched_matmul, linear, matmul, turned
from ..ops.shape import span, with_size
from ..ops.views import permute_dims, reshape_to, zeros
from ..tensors import Tensor
from ..tensors.apply import apply


class LayerWeights(NamedTuple):
    """The weights of a layer: from input (G, F) and hidden state (G, H) to gates, their biases (G,), the projection (P, H)."""

    ih: Any
    hh: Any
    bias_ih: Any
    bias_hh: Any
    projection: Any = None


State = tuple[Any, ...]
Step = Callable[[Symbol, State, Symbol, LayerWeights], State]


def run_layer(
    mode: str, data: Tensor, batch_sizes: Sequence[int], start: State, weights: LayerWeights, reverse: bool = False, fused: bool = False
) -> tuple[Tensor, State]:
    """Run one layer in one direction.

    Arguments: `mode`, a key of `STEPS`; `data` (sum of batch sizes, F); `batch_sizes` of the steps, not rising;
    `start`, the state before the first step, each part (B, H); `reverse`, from the last step to the first; `fused`, under autocast
    the cell state is lowered like the rest (PyTorch's kernel for padded batches), where else it keeps its dtype.
    Returns the hidden states of all steps, (sum of batch sizes, H), and the state after each sequence's last step.
    """
    hidden, cell = (*start, None)[:2]
    output, *state = apply(recurrent_layer, (data, hidden, cell, *weights, mode, tuple(batch_sizes), reverse, fused))
    return output, tuple(state)


@primitive(linear=True)
def parted(x: Symbol, sizes: tuple[int, ...], dim: int) -> tuple[Type, ...]:
    """`x` cut along `dim`. Unlike that of slices, the gradient of all parts together is one join, not a sum of padded arrays."""
    return tuple(Type(with_size(x.shape, dim, size), x.dtype) for size in sizes)


parted.reference(lambda x, sizes, dim: tuple(np.split(x, np.cumsum(sizes[:-1]), dim)))


@parted.vjp
def _(g: list[Symbol | None], out: Symbol, x: Symbol, sizes: tuple[int, ...], dim: int) -> Any:
    parts = (zeros(kind.shape, kind.dtype) if part is None else part for part, kind in zip(g, out.type, strict=True))
    return (concat(tuple(parts), dim),)


@primitive(linear=True, cheap=True)
def shared(x: Symbol, uses: int) -> tuple[Type, ...]:
    """`x`, once for each step. Its gradient, a sum of products over the steps, is one product of the joined factors."""
    return (Type(x.shape, x.dtype),) * uses


shared.reference(lambda x, uses: (x,) * uses)


@shared.vjp
def _(g: list[Symbol | None], out: Symbol, x: Symbol, uses: int) -> Any:
    parts = [part for part in g if part is not None]
    if any(part.op is not batched_matmul or part.inputs[0].op is not permute_dims for part in parts):
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return (total,)
    left = concat(tuple(part.inputs[0].inputs[0] for part in parts), 0)  # hidden states of all steps (sum of batch sizes, H)
    right = concat(tuple(part.inputs[1] for part in parts), 0)  # gradients of the gates (sum of batch sizes, G)
    return (batched_matmul(turned(left), right),)


def _gates(x: Symbol, count: int) -> tuple[Symbol, ...]:
    """(B, count H) as `count` times (B, H)."""
    return parted(x, (x.shape[1] // count,) * count, 1)


def _cast_layer(args: tuple[Any, ...], lower: Any, float32: Any) -> tuple[Any, ...]:
    """Under autocast, the products are lowered; a state that is more than the last step's product keeps its dtype."""
    data, hidden, cell, *weights, mode, batch_sizes, reverse, fused = args
    projected = weights[-1] is not None
    if mode.startswith("RNN") or projected or (mode == "LSTM" and fused):
        hidden = lower(hidden)
    if fused and not projected:
        cell = lower(cell)
    return lower(data), hidden, cell, *lower(tuple(weights)), mode, batch_sizes, reverse, fused


@composite(names=(), out=False, autocast=_cast_layer)
def recurrent_layer(
    data: Symbol,
    hidden: Symbol,
    cell: Symbol | None,
    ih: Symbol,
    hh: Symbol,
    bias_ih: Symbol | None,
    bias_hh: Symbol | None,
    projection: Symbol | None,
    mode: str,
    batch_sizes: tuple[int, ...],
    reverse: bool,
    fused: bool = False,
) -> tuple[Symbol, ...]:
    """The hidden states of all steps and the final state; see `run_layer`."""
    weights = LayerWeights(ih, hh, bias_ih, bias_hh, projection)
    if len(batch_sizes) > 1 and batch_sizes[0] == batch_sizes[-1]:
        found = _in_a_loop(data, (hidden,) if cell is None else (hidden, cell), weights, mode, len(batch_sizes), reverse)
        if found is not None:
            return found
    gates = parted(linear(data, ih, _input_bias(mode, weights)), batch_sizes, 0)
    step = STEPS[mode]
    turned_hh = shared(turned(hh), len(batch_sizes))
    start: State = (hidden,) if cell is None else (hidden, cell)
    places = range(len(batch_sizes))
    running = batch_sizes[-1] if reverse else batch_sizes[0]
    state = _rows(start, 0, running)
    finished: list[State] = []  # of sequences that ended before others, longest last
    outputs: dict[int, Symbol] = {}
    for place in reversed(places) if reverse else places:
        count = batch_sizes[place]
        if count < running:
            finished.append(_rows(state, count, running))
            state = _rows(state, 0, count)
        elif count > running:
            state = _joined([state, _rows(start, running, count)])
        running = count
        state = step(gates[place], state, turned_hh[place], weights)
        outputs[place] = state[0]
    return concat(tuple(outputs[place] for place in places), 0), *_joined([state, *reversed(finished)])


def _in_a_loop(
    data: Symbol, start: State, weights: LayerWeights, mode: str, steps: int, reverse: bool
) -> tuple[Symbol, ...] | None:
    """`recurrent_layer` where all sequences are equally long; None where the state's dtype changes on the way."""
    gates = linear(data, weights.ih, _input_bias(mode, weights))
    each = (steps, gates.shape[0] // steps, gates.shape[1])
    used = (weights.hh, weights.bias_hh if mode == "GRU" else None, weights.projection)
    constants = tuple(w for w in used if w is not None)
    body = _body(mode, tuple(None if w is None else w.type for w in used), tuple(s.type for s in start), Type(each[1:], gates.dtype))
    if body is None:
        return None
    *state, hidden = looped(body, (*constants, *start, reshape_to(gates, each)), steps, reverse)[: len(start) + 1]
    return reshape_to(hidden, (each[0] * each[1], hidden.shape[2])), *state


@memoize
def _body(mode: str, weights: tuple[Type | None, ...], start: tuple[Type, ...], gates: Type) -> Body | None:
    """One step of a layer with weights (from hidden state to gates, its bias where it is apart, the projection) of these types."""
    slots = count()
    hh, bias_hh, projection = (None if kind is None else leaf(next(slots), kind) for kind in weights)
    constants = next(slots)
    before = tuple(leaf(constants + k, kind) for k, kind in enumerate(start))
    step_gates = leaf(constants + len(start), gates)
    after = STEPS[mode](step_gates, before, turned(hh), LayerWeights(None, hh, None, bias_hh, projection))  # type: ignore[arg-type]
    if tuple(s.type for s in after) != start:
        return None
    return Body((*after, after[0]), constants, len(start))


def _cast_cell(args: tuple[Any, ...], lower: Any, float32: Any) -> tuple[Any, ...]:
    """As `_cast_layer`, for one step."""
    data, hidden, cell, *weights, mode = args
    return lower(data), lower(hidden) if mode.startswith("RNN") else hidden, cell, *lower(tuple(weights)), mode


@composite(names=(), out=False, autocast=_cast_cell)
def recurrent_cell(
    data: Symbol,
    hidden: Symbol,
    cell: Symbol | None,
    ih: Symbol,
    hh: Symbol,
    bias_ih: Symbol | None,
    bias_hh: Symbol | None,
    mode: str,
) -> Any:
    """The state after one step from `data` (B, F): the hidden state (B, H), and with it that of the cell where there is one."""
    weights = LayerWeights(ih, hh, bias_ih, bias_hh)
    gates = linear(data, ih, _input_bias(mode, weights))
    after = STEPS[mode](gates, (hidden,) if cell is None else (hidden, cell), turned(hh), weights)
    return after[0] if cell is None else after


def _input_bias(mode: str, weights: LayerWeights) -> Symbol | None:
    """What is added to all steps at once: both biases, except where the reset gate comes between them."""
    if weights.bias_ih is None or mode == "GRU":
        return weights.bias_ih
    return weights.bias_ih + weights.bias_hh


def _rows(state: State, start: int, stop: int) -> State:
    return tuple(span(part, 0, start, stop - start) for part in state)


def _joined(states: list[State]) -> State:
    return states[0] if len(states) == 1 else tuple(concat(parts, 0) for parts in zip(*states, strict=True))


def _product(hidden: Symbol, weight: Symbol) -> Symbol:
    """`hidden @ weight`, in the dtype of the weights."""
    return matmul(hidden if hidden.dtype is weight.dtype else cast(hidden, weight.dtype), weight)


# ---- one step of each kind: gates (B, G) from the input, the state before and W_hh^T (H, G) to the state after ----------


def _tanh_step(gates: Symbol, state: State, hh: Symbol, weights: LayerWeights) -> State:
    return (tanh(gates + _product(state[0], hh)),)


def _relu_step(gates: Symbol, state: State, hh: Symbol, weights: LayerWeights) -> State:
    return (relu(gates + _product(state[0], hh)),)


def _lstm_step(gates: Symbol, state: State, hh: Symbol, weights: LayerWeights) -> State:
    """Hochreiter and Schmidhuber 1997, with a projection of the hidden state where there is one (Sak et al. 2014)."""
    hidden, cell = state
    enter, keep, fresh, show = _gates(gates + _product(hidden, hh), 4)  # each (B, H)
    cell = sigmoid(keep) * cell + sigmoid(enter) * tanh(fresh)
    hidden = sigmoid(show) * tanh(cell)
    return (hidden if weights.projection is None else _product(hidden, turned(weights.projection))), cell


def _gru_step(gates: Symbol, state: State, hh: Symbol, weights: LayerWeights) -> State:
    """Cho et al. 2014, with the reset gate applied after the product with the hidden state."""
    (hidden,) = state
    from_hidden = _product(hidden, hh) if weights.bias_hh is None else _product(hidden, hh) + weights.bias_hh
    x_reset, x_update, x_new = _gates(gates, 3)  # each (B, H)
    h_reset, h_update, h_new = _gates(from_hidden, 3)
    new = tanh(x_new + sigmoid(x_reset + h_reset) * h_new)
    return (new + sigmoid(x_update + h_update) * (hidden - new),)


STEPS: dict[str, Step] = {"RNN_TANH": _tanh_step, "RNN_RELU": _relu_step, "LSTM": _lstm_step, "GRU": _gru_step}
