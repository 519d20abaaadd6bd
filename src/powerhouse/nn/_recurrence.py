"""One recurrent layer in one direction, over sequences that may end at different steps.

Data is laid out step by step, (sum of batch sizes, features), as in a `PackedSequence`; a padded batch is the case in which
all batch sizes are equal. The input's part of all gates of all steps is one matrix product ahead of the loop. The layer is
one op, so its many steps are unrolled once for each structure and looked up afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..graph.op import Sample, composite
from ..graph.symbol import Symbol
from ..ops.activation import relu
from ..ops.arithmetic import sigmoid, tanh
from ..ops.joining import cat
from ..ops.matmul import linear, matmul
from ..ops.shape import chunk, split_with_sizes
from ..ops.views import slice_rows, transpose
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
Step = Callable[[Symbol, State], State]


def run_layer(
    mode: str, data: Tensor, batch_sizes: Sequence[int], start: State, weights: LayerWeights, reverse: bool = False
) -> tuple[Tensor, State]:
    """Run one layer in one direction.

    Arguments: `mode`, a key of `STEPS`; `data` (sum of batch sizes, F); `batch_sizes` of the steps, not rising;
    `start`, the state before the first step, each part (B, H); `reverse`, from the last step to the first.
    Returns the hidden states of all steps, (sum of batch sizes, H), and the state after each sequence's last step.
    """
    hidden, cell = (*start, None)[:2]
    output, *state = apply(recurrent_layer, (data, hidden, cell, *weights, mode, tuple(batch_sizes), reverse))
    return output, tuple(state)


@composite(names=(), out=False)
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
) -> tuple[Symbol, ...]:
    """The hidden states of all steps and the final state; see `run_layer`."""
    weights = LayerWeights(ih, hh, bias_ih, bias_hh, projection)
    gates = split_with_sizes(linear(data, ih, _input_bias(mode, weights)), batch_sizes)
    take = STEPS[mode](weights)
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
        state = take(gates[place], state)
        outputs[place] = state[0]
    return cat(tuple(outputs[place] for place in places)), *_joined([state, *reversed(finished)])


@recurrent_layer.samples
def _(draw: Any) -> Any:
    for mode, gates in (("RNN_TANH", 4), ("RNN_RELU", 4), ("GRU", 12), ("LSTM", 16)):
        cell = draw(3, 4) if mode == "LSTM" else None
        for sizes, reverse in (((3, 3), False), ((3, 2, 1), False), ((3, 1), True)):
            weights = (draw(gates, 5), draw(gates, 4), draw(gates), draw(gates), None)
            yield Sample((draw(sum(sizes), 5), draw(3, 4), cell, *weights, mode, sizes, reverse))


def _input_bias(mode: str, weights: LayerWeights) -> Symbol | None:
    """What is added to all steps at once: both biases, except where the reset gate comes between them."""
    if weights.bias_ih is None or mode == "GRU":
        return weights.bias_ih
    return weights.bias_ih + weights.bias_hh


def _rows(state: State, start: int, stop: int) -> State:
    if start == 0 and stop == state[0].shape[0]:
        return state
    return tuple(part[start:stop] for part in state)


def _joined(states: list[State]) -> State:
    return states[0] if len(states) == 1 else tuple(cat(parts) for parts in zip(*states, strict=True))


# ---- one step of each kind: gates (B, G) from the input, and the state before, to the state after ----------------------


def _rnn_step(weights: LayerWeights, activate: Callable[[Symbol], Symbol]) -> Step:
    hh = transpose(weights.hh, 0, 1)
    return lambda gates, state: (activate(gates + matmul(state[0], hh)),)


def _lstm_step(weights: LayerWeights) -> Step:
    """Hochreiter and Schmidhuber 1997, with a projection of the hidden state where there is one (Sak et al. 2014)."""
    hh = transpose(weights.hh, 0, 1)
    projection = None if weights.projection is None else transpose(weights.projection, 0, 1)

    def step(gates: Symbol, state: State) -> State:
        hidden, cell = state
        enter, keep, fresh, show = chunk(gates + matmul(hidden, hh), 4, 1)  # each (B, H)
        cell = sigmoid(keep) * cell + sigmoid(enter) * tanh(fresh)
        hidden = sigmoid(show) * tanh(cell)
        return (hidden if projection is None else matmul(hidden, projection)), cell

    return step


def _gru_step(weights: LayerWeights) -> Step:
    """Cho et al. 2014, with the reset gate applied after the product with the hidden state."""
    hh, bias = transpose(weights.hh, 0, 1), weights.bias_hh

    def step(gates: Symbol, state: State) -> State:
        (hidden,) = state
        from_hidden = matmul(hidden, hh) if bias is None else matmul(hidden, hh) + bias
        x_reset, x_update, x_new = chunk(gates, 3, 1)  # each (B, H)
        h_reset, h_update, h_new = chunk(from_hidden, 3, 1)
        new = tanh(x_new + sigmoid(x_reset + h_reset) * h_new)
        return (new + sigmoid(x_update + h_update) * (hidden - new),)

    return step


STEPS: dict[str, Callable[[LayerWeights], Step]] = {
    "RNN_TANH": lambda weights: _rnn_step(weights, tanh),
    "RNN_RELU": lambda weights: _rnn_step(weights, relu),
    "LSTM": _lstm_step,
    "GRU": _gru_step,
}
