"""Recurrent layers over whole sequences, and their cells for single steps."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

from ..tensors import Tensor
from ..tensors import functions as ph
from ..tensors.apply import apply
from . import functional as F
from . import init
from ._recurrence import LayerWeights, State, recurrent_cell, run_layer
from .module import Module
from .parameter import Parameter
from .utils.rnn import PackedSequence

__all__ = ["GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNBase", "RNNCell", "RNNCellBase"]

_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


class RNNBase(Module):
    """What `RNN`, `LSTM` and `GRU` share: the weights of all layers and directions, and the pass over them."""

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if mode not in _GATES:
            raise ValueError("Unrecognized RNN mode: " + mode)
        _check_sizes(hidden_size, num_layers, dropout, proj_size)
        self.mode = mode
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for direction in range(self._directions):
                self._add_layer(layer, direction, device, dtype)
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _output_size(self) -> int:
        """The size of the hidden state, after the projection where there is one."""
        return self.proj_size or self.hidden_size

    def _add_layer(self, layer: int, direction: int, device: Any, dtype: Any) -> None:
        gates = _GATES[self.mode] * self.hidden_size
        inputs = self.input_size if layer == 0 else self._output_size * self._directions
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (gates, inputs), "weight_hh": (gates, self._output_size)}
        if self.bias:
            shapes |= {"bias_ih": (gates,), "bias_hh": (gates,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        suffix = f"_l{layer}" + ("_reverse" if direction else "")
        for kind, shape in shapes.items():
            setattr(self, kind + suffix, Parameter(ph.empty(shape, device=device, dtype=dtype)))
        self._all_weights.append([kind + suffix for kind in shapes])

    def reset_parameters(self) -> None:
        """Draw all weights anew from U(-k, k), k = 1 / sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def flatten_parameters(self) -> None:
        """Nothing to do: the weights need no common memory. Kept so that scripts that call it run."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The weights of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights(self) -> list[Parameter]:
        return [weight for weights in self.all_weights for weight in weights]

    def _weights(self, place: int) -> LayerWeights:
        """The weights of layer and direction number `place`."""
        suffix = self._all_weights[place][0].removeprefix("weight_ih")
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        table = self._parameters
        return LayerWeights(*(table.get(kind + suffix) for kind in kinds))

    # ---- the pass over a sequence ----

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        if input.dim() not in (2, 3):
            raise ValueError(f"{self._get_name()}: Expected input to be 2D or 3D, got {input.dim()}D instead")
        batched = input.dim() == 3
        state = None if hx is None else self._start_of(hx, batched)
        if not batched:
            input = input.unsqueeze(1)
        elif self.batch_first:
            input = input.transpose(0, 1)
        self._check_features(input)
        steps, batch = input.shape[0], input.shape[1]  # (T, B, F)
        if steps == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        state = self._checked_state(state, batch, input)
        output, state = self._run(input.reshape(steps * batch, input.shape[2]), [batch] * steps, state, fused=True)
        output = output.reshape(steps, batch, output.shape[1])
        if not batched:
            return output.squeeze(1), self._give_state(tuple(part.squeeze(1) for part in state))
        return (output.transpose(0, 1) if self.batch_first else output), self._give_state(state)

    def _forward_packed(self, packed: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        data, batch_sizes, order, way_back = packed
        self._check_features(data)
        state = None if hx is None else self._start_of(hx, True)
        if state is not None and order is not None:
            state = tuple(part.index_select(1, order) for part in state)
        sizes = batch_sizes.tolist()
        output, state = self._run(data, sizes, self._checked_state(state, sizes[0], data))
        if way_back is not None:
            state = tuple(part.index_select(1, way_back) for part in state)
        return PackedSequence(output, batch_sizes, order, way_back), self._give_state(state)

    def _run(self, data: Tensor, batch_sizes: list[int], start: State, fused: bool = False) -> tuple[Tensor, State]:
        """All layers on data (sum of batch sizes, F): the last layer's output and the final state (layers * directions, B, H)."""
        finals: list[State] = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(self._directions):
                place = layer * self._directions + direction
                begin = tuple(part[place] for part in start)
                output, final = run_layer(self.mode, data, batch_sizes, begin, self._weights(place), direction == 1, fused)
                outputs.append(output)
                finals.append(final)
            data = outputs[0] if len(outputs) == 1 else ph.cat(outputs, 1)
            if self.dropout and layer < self.num_layers - 1:
                data = F.dropout(data, self.dropout, self.training)
        return data, tuple(ph.stack(parts) for parts in zip(*finals, strict=True))

    # ---- the state ----

    def _state_widths(self) -> dict[str, int]:
        """The parts of the state, by the name that error messages give them, and their sizes."""
        return {"hidden": self._output_size}

    def _give_state(self, state: State) -> Any:
        return state[0]

    def _start_of(self, hx: Any, batched: bool) -> State:
        """The caller's state as a tuple of (layers * directions, B, H)."""
        parts = hx if isinstance(hx, tuple | list) else (hx,)
        expected = 3 if batched else 2
        for part in parts:
            if part.dim() != expected:
                kind = "batched 3-D" if batched else "unbatched 2-D"
                raise RuntimeError(f"For {kind} input, hx should also be {expected}-D but got {part.dim()}-D tensor")
        return tuple(parts) if batched else tuple(part.unsqueeze(1) for part in parts)

    def _check_features(self, input: Tensor) -> None:
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.shape[-1]}"
            )

    def _checked_state(self, state: State | None, batch: int, like: Tensor) -> State:
        """`state` with its shape checked, or zeros where it is None."""
        shapes = {name: (self.num_layers * self._directions, batch, width) for name, width in self._state_widths().items()}
        if state is None:
            return tuple(ph.zeros(shape, dtype=like.dtype, device=like.device) for shape in shapes.values())
        for part, (name, shape) in zip(state, shapes.items(), strict=True):
            if tuple(part.shape) != shape:
                raise RuntimeError(f"Expected {name} size {shape}, got {list(part.shape)}")
        return state

    def extra_repr(self) -> str:
        defaults = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False}
        changed = (f"{name}={getattr(self, name)}" for name, default in defaults.items() if getattr(self, name) != default)
        return ", ".join([f"{self.input_size}, {self.hidden_size}", *changed])


def _check_sizes(hidden_size: Any, num_layers: int, dropout: Any, proj_size: int) -> None:
    if not isinstance(dropout, numbers.Number) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
        raise ValueError("dropout should be a number in range [0, 1] representing the probability of an element being zeroed")
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers greater "
            f"than 1, but got dropout={dropout} and num_layers={num_layers}",
            stacklevel=4,
        )
    if not isinstance(hidden_size, int):
        raise TypeError(f"hidden_size should be of type int, got: {type(hidden_size).__name__}")
    if hidden_size <= 0:
        raise ValueError("hidden_size must be greater than zero")
    if num_layers <= 0:
        raise ValueError("num_layers must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")


class RNN(RNNBase):
    """`h_t = act(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh)` (Elman 1990), in layers.

    Arguments: `input_size`, `hidden_size`; `num_layers`, each on the output of the one before; `nonlinearity`, 'tanh' or
    'relu'; `bias`; `batch_first`, input (B, T, F) rather than (T, B, F); `dropout` between layers; `bidirectional`.
    Called with a batch, one sequence (T, F) or a `PackedSequence`, and the state (layers * directions, B, H), zeros where
    left out. Returns the last layer's hidden states of all steps and the final state.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        mode = f"RNN_{nonlinearity.upper()}"
        super().__init__(mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter and Schmidhuber 1997), in layers.

    Arguments as for `RNN` without `nonlinearity`, and `proj_size`, the size to which the hidden state is projected, 0 for
    none (Sak et al. 2014). The state is a pair (hidden, cell).

    >>> import powerhouse as torch
    >>> output, (hidden, cell) = torch.nn.LSTM(10, 20, num_layers=2)(torch.zeros(5, 3, 10))
    >>> output.shape, hidden.shape, cell.shape
    (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]), torch.Size([2, 3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size, device, dtype
        )

    def _state_widths(self) -> dict[str, int]:
        return {"hidden[0]": self._output_size, "hidden[1]": self.hidden_size}

    def _give_state(self, state: State) -> Any:
        return state

    def _start_of(self, hx: Any, batched: bool) -> State:
        expected = 3 if batched else 2
        if any(part.dim() != expected for part in hx):
            kind = "batched 3-D" if batched else "unbatched 2-D"
            dims = ", ".join(f"{part.dim()}-D" for part in hx)
            raise RuntimeError(f"For {kind} input, hx and cx should also be {expected}-D but got ({dims}) tensors")
        return super()._start_of(hx, batched)


class GRU(RNNBase):
    """Gated recurrent unit (Cho et al. 2014), in layers; arguments as for `RNN` without `nonlinearity`."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__("GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype)


class RNNCellBase(Module):
    """One step of a recurrent layer: weights from input and hidden state to `num_chunks` gates."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        gates = num_chunks * hidden_size
        for name, shape in (("weight_ih", (gates, input_size)), ("weight_hh", (gates, hidden_size))):
            self.register_parameter(name, Parameter(ph.empty(shape, device=device, dtype=dtype)))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(ph.empty(gates, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all weights anew from U(-k, k), k = 1 / sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for weight in self.parameters():
            init.uniform_(weight, -bound, bound)

    def _step(self, mode: str, input: Tensor, hidden: Tensor | None, cell: Tensor | None = None) -> Any:
        """The hidden state after one step from (B, F) or (F,), zeros where there is none before; with `cell`, the pair of both."""
        ndim = input.dim()
        if ndim != 1 and ndim != 2:
            raise ValueError(f"{self._get_name()}: Expected input to be 1D or 2D, got {ndim}D instead")
        if hidden is not None:
            self._check_state(hidden, cell)
        if ndim == 1:
            states = [None if part is None else part.unsqueeze(0) for part in (hidden, cell)]
            after = self._step(mode, input.unsqueeze(0), *states)
            return tuple(part.squeeze(0) for part in after) if isinstance(after, tuple) else after.squeeze(0)
        if hidden is None:
            hidden = ph.zeros((input.shape[0], self.hidden_size), dtype=input.dtype, device=input.device)
            cell = hidden if mode == "LSTM" else None
        return apply(recurrent_cell, (input, hidden, cell, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, mode))

    def _check_state(self, hidden: Tensor, cell: Tensor | None) -> None:
        dims = [hidden.dim()] if cell is None else [hidden.dim(), cell.dim()]
        if any(n not in (1, 2) for n in dims):
            raise ValueError(f"{self._get_name()}: Expected hidden to be 1D or 2D, got {dims[0] if cell is None else dims}D instead")

    def extra_repr(self) -> str:
        shown = [f"{self.input_size}, {self.hidden_size}"]
        shown += [f"bias={self.bias}"] if self.bias is not True else []
        shown += [f"nonlinearity={self.nonlinearity}"] if self.__dict__.get("nonlinearity", "tanh") != "tanh" else []
        return ", ".join(shown)


class RNNCell(RNNCellBase):
    """One step of `RNN`: input (B, F) and hidden state (B, H) to the next hidden state."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._step("RNN_TANH" if self.nonlinearity == "tanh" else "RNN_RELU", input, hx)


class LSTMCell(RNNCellBase):
    """One step of `LSTM`: input (B, F) and the pair (hidden, cell), each (B, H), to the next pair."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, ...]:
        return self._step("LSTM", input, *(hx or (None, None)))


class GRUCell(RNNCellBase):
    """One step of `GRU`: input (B, F) and hidden state (B, H) to the next hidden state."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step("GRU", input, hx)
