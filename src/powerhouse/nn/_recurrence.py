"""One recurrent layer in one direction, over sequences that may end at different steps.

Data is laid out step by step, (sum of batch sizes, features), as in a `PackedSequence`; a padded batch is the case in which
all batch sizes are equal. The input's part of all gates of all steps is one matrix product ahead of the loop, which is one
symbol, whatever the number of steps. Where sequences end before others, the steps go over all of them, and those that have
ended, or not begun, keep their state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from ..core import dtypes as dt
from ..graph.loop import Body, leaf, looped
from ..graph.memo import memoize
from ..graph.op import cast, composite, primitive
from ..graph.symbol import Symbol, Type
from ..ops.activation import relu
from ..ops.arithmetic import sigmoid, tanh, where_
from ..ops.joining import concat
from ..ops.matmul import linear, matmul, turned
from ..ops.positions import index_select
from ..ops.shape import with_size
from ..ops.views import reshape_to, zeros
from ..tensors import Tensor
from ..tensors import functions as ph
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
    places = Places(None, None, None) if batch_sizes[0] == batch_sizes[-1] else places_of(tuple(batch_sizes))
    output, *state = apply(recurrent_layer, (data, hidden, cell, *weights, *places, mode, len(batch_sizes), reverse, fused))
    return output, tuple(state)


class Places(NamedTuple):
    """Where the rows of sequences of unequal lengths are."""

    rows: Any  # (T B): the row of each sequence's step; some row where it has none
    runs: Any  # (T, B, 1): whether it has
    back: Any  # (sum of batch sizes): for each row, its number among the T B


@lru_cache(maxsize=64)
def places_of(batch_sizes: tuple[int, ...]) -> Places:
    """The places for sequences of which so many are as long as each step."""
    sizes = np.array(batch_sizes)
    begin, batch = np.cumsum(sizes) - sizes, np.arange(sizes[0])
    runs = batch < sizes[:, None]  # (T, B)
    rows = np.where(runs, begin[:, None] + batch, 0)
    return Places(ph.tensor(rows.ravel()), ph.tensor(runs[:, :, None]), ph.tensor(np.flatnonzero(runs)))


@primitive(linear=True)
def parted(x: Symbol, sizes: tuple[int, ...], dim: int) -> tuple[Type, ...]:
    """`x` cut along `dim`. Unlike that of slices, the gradient of all parts together is one join, not a sum of padded arrays."""
    return tuple(Type(with_size(x.shape, dim, size), x.dtype) for size in sizes)


parted.reference(lambda x, sizes, dim: tuple(np.split(x, np.cumsum(sizes[:-1]), dim)))


@parted.vjp
def _(g: list[Symbol | None], out: Symbol, x: Symbol, sizes: tuple[int, ...], dim: int) -> Any:
    parts = (zeros(kind.shape, kind.dtype) if part is None else part for part, kind in zip(g, out.type, strict=True))
    return (concat(tuple(parts), dim),)


def _gates(x: Symbol, count: int) -> tuple[Symbol, ...]:
    """(B, count H) as `count` times (B, H)."""
    return parted(x, (x.shape[1] // count,) * count, 1)


def _cast_layer(args: tuple[Any, ...], lower: Any, float32: Any) -> tuple[Any, ...]:
    """Under autocast, the products are lowered; a state that is more than the last step's product keeps its dtype."""
    data, hidden, cell, *rest = args
    weights, (*places, mode, steps, reverse, fused) = rest[:5], rest[5:]
    projected = weights[-1] is not None
    if mode.startswith("RNN") or projected or (mode == "LSTM" and fused):
        hidden = lower(hidden)
    if fused and not projected:
        cell = lower(cell)
    return lower(data), hidden, cell, *lower(tuple(weights)), *places, mode, steps, reverse, fused


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
    rows: Symbol | None,
    runs: Symbol | None,
    back: Symbol | None,
    mode: str,
    steps: int,
    reverse: bool,
    fused: bool = False,
) -> tuple[Symbol, ...]:
    """The hidden states of all steps and the final state; see `run_layer`."""
    weights = LayerWeights(ih, hh, bias_ih, bias_hh, projection)
    gates = linear(data, ih, _input_bias(mode, weights))
    if rows is not None:
        gates = index_select(gates, 0, rows)
    gates = reshape_to(gates, (steps, hidden.shape[0], gates.shape[1]))
    start: State = (hidden,) if cell is None else (hidden, cell)
    used = (hh, bias_hh if mode == "GRU" else None, projection)

    def step_from(start: State) -> Body:
        types = tuple(None if w is None else w.type for w in used)
        return _body(mode, types, tuple(s.type for s in start), Type(gates.shape[1:], gates.dtype), runs is not None)

    start = tuple(cast(s, after.dtype) for s, after in zip(start, step_from(start).state, strict=True))
    inputs = tuple(x for x in (*used, *start, gates, runs) if x is not None)
    found = looped(step_from(start), inputs, steps, reverse)
    final, outputs = found[: len(start)], found[len(start)]
    outputs = reshape_to(outputs, (steps * outputs.shape[1], outputs.shape[2]))
    return outputs if back is None else index_select(outputs, 0, back), *final


@memoize
def _body(mode: str, weights: tuple[Type | None, ...], start: tuple[Type, ...], gates: Type, is_masked: bool) -> Body:
    """One step of a layer with weights (from hidden state to gates, its bias where it is apart, the projection) of these types."""
    slots = count()
    hh, bias_hh, projection = (None if kind is None else leaf(next(slots), kind) for kind in weights)
    before = tuple(leaf(next(slots), kind) for kind in start)
    step_gates = leaf(next(slots), gates)
    after = STEPS[mode](step_gates, before, turned(hh), LayerWeights(None, hh, None, bias_hh, projection))  # type: ignore[arg-type]
    if is_masked:
        runs = leaf(next(slots), Type((gates.shape[0], 1), dt.bool_))
        after = tuple(where_(runs, new, old) for new, old in zip(after, before, strict=True))
    return Body((*after, after[0]), sum(kind is not None for kind in weights), len(start))


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
