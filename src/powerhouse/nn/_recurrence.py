"""One recurrent layer in one direction, over sequences that may end at different steps.

Data is laid out step by step, (sum of batch sizes, features), as in a `PackedSequence`; a padded batch is the case in which
all batch sizes are equal. The input's part of all gates of all steps is one matrix product ahead of the loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..tensors import Tensor
from ..tensors import functions as ph
from . import functional as F

State = tuple[Tensor, ...]


class LayerWeights(NamedTuple):
    """The weights of a layer: from input (G, F) and hidden state (G, H) to gates, their biases (G,), the projection (P, H)."""

    ih: Tensor
    hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None
    projection: Tensor | None = None


Step = Callable[[Tensor, State], State]


def _rnn_step(weights: LayerWeights, activate: Callable[[Tensor], Tensor]) -> Step:
    hh = weights.hh.t()
    return lambda gates, state: (activate(ph.addmm(gates, state[0], hh)),)


def _lstm_step(weights: LayerWeights) -> Step:
    """Hochreiter and Schmidhuber 1997, with a projection of the hidden state where there is one (Sak et al. 2014)."""
    hh = weights.hh.t()
    projection = None if weights.projection is None else weights.projection.t()

    def step(gates: Tensor, state: State) -> State:
        hidden, cell = state
        enter, keep, fresh, show = ph.addmm(gates, hidden, hh).chunk(4, 1)  # each (B, H)
        cell = keep.sigmoid() * cell + enter.sigmoid() * fresh.tanh()
        hidden = show.sigmoid() * cell.tanh()
        return (hidden if projection is None else ph.mm(hidden, projection)), cell

    return step


def _gru_step(weights: LayerWeights) -> Step:
    """Cho et al. 2014, with the reset gate applied after the product with the hidden state."""
    hh, bias = weights.hh.t(), weights.bias_hh

    def step(gates: Tensor, state: State) -> State:
        (hidden,) = state
        from_hidden = ph.mm(hidden, hh) if bias is None else ph.addmm(bias, hidden, hh)
        x_reset, x_update, x_new = gates.chunk(3, 1)  # each (B, H)
        h_reset, h_update, h_new = from_hidden.chunk(3, 1)
        new = ph.tanh(x_new + ph.sigmoid(x_reset + h_reset) * h_new)
        return (new + ph.sigmoid(x_update + h_update) * (hidden - new),)

    return step


STEPS: dict[str, Callable[[LayerWeights], Step]] = {
    "RNN_TANH": lambda weights: _rnn_step(weights, ph.tanh),
    "RNN_RELU": lambda weights: _rnn_step(weights, ph.relu),
    "LSTM": _lstm_step,
    "GRU": _gru_step,
}


def run_layer(
    mode: str, data: Tensor, batch_sizes: Sequence[int], start: State, weights: LayerWeights, reverse: bool = False
) -> tuple[Tensor, State]:
    """Run one layer in one direction.

    Arguments: `mode`, a key of `STEPS`; `data` (sum of batch sizes, F); `batch_sizes` of the steps, not rising;
    `start`, the state before the first step, each part (B, H); `reverse`, from the last step to the first.
    Returns the hidden states of all steps, (sum of batch sizes, H), and the state after each sequence's last step.
    """
    gates = F.linear(data, weights.ih, _input_bias(mode, weights)).split(list(batch_sizes))
    take = STEPS[mode](weights)
    places = range(len(batch_sizes))
    running = batch_sizes[-1] if reverse else batch_sizes[0]
    state = _rows(start, 0, running)
    finished: list[State] = []  # of sequences that ended before others, shortest first
    hidden: list[Tensor] = [data] * len(batch_sizes)
    for place in reversed(places) if reverse else places:
        count = batch_sizes[place]
        if count < running:
            finished.append(_rows(state, count, running))
            state = _rows(state, 0, count)
        elif count > running:
            state = _joined([state, _rows(start, running, count)])
        running = count
        state = take(gates[place], state)
        hidden[place] = state[0]
    return ph.cat(hidden), _joined([state, *reversed(finished)])


def _input_bias(mode: str, weights: LayerWeights) -> Tensor | None:
    """What is added to all steps at once: both biases, except where the reset gate comes between them."""
    if weights.bias_ih is None or mode == "GRU":
        return weights.bias_ih
    return weights.bias_ih + weights.bias_hh


def _rows(state: State, start: int, stop: int) -> State:
    if start == 0 and stop == state[0].shape[0]:
        return state
    return tuple(part[start:stop] for part in state)


def _joined(states: list[State]) -> State:
    return states[0] if len(states) == 1 else tuple(ph.cat(parts) for parts in zip(*states, strict=True))
