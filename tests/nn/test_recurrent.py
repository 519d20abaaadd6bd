"""Recurrent layers: packed sequences, states, dropout, errors; and the packing helpers."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse as ph
from powerhouse import nn
from powerhouse.engine import segment
from powerhouse.nn._recurrence import LayerWeights, run_layer
from powerhouse.nn.utils import rnn

RNNS = ["RNN", "LSTM", "GRU"]


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def sequences(framework, lengths, features=3):
    return [framework.tensor(normal(length, features, seed=length)) for length in lengths]


def state_of(name, state):
    return list(state) if name == "LSTM" else [state]


@pytest.mark.parametrize("name", RNNS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_packed_sequences_equal_single_ones(name, bidirectional):
    layer = getattr(nn, name)(3, 4, num_layers=2, bidirectional=bidirectional)
    lengths = [2, 5, 1, 4]
    inputs = sequences(ph, lengths)
    output, state = layer(rnn.pack_sequence(inputs, enforce_sorted=False))
    for row, (sequence, got) in enumerate(zip(inputs, rnn.unpack_sequence(output), strict=True)):
        alone, final = layer(sequence)
        assert tuple(got.shape) == (lengths[row], 8 if bidirectional else 4)
        np.testing.assert_allclose(got.detach().numpy(), alone.detach().numpy(), rtol=1e-5, atol=1e-6)
        for a, b in zip(state_of(name, state), state_of(name, final), strict=True):
            np.testing.assert_allclose(a[:, row].detach().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", RNNS)
def test_packed_sequences_against_torch(name):
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    theirs = getattr(torch.nn, name)(3, 4, num_layers=2, bidirectional=True)
    ours = getattr(nn, name)(3, 4, num_layers=2, bidirectional=True)
    ours.load_state_dict({key: ph.tensor(value.numpy()) for key, value in theirs.state_dict().items()})
    start = [normal(4, 3, 4, seed=9 + part) for part in range(2 if name == "LSTM" else 1)]

    def run(framework, layer, packing):
        packed = packing.pack_sequence(sequences(framework, [2, 5, 3]), enforce_sorted=False)
        state = [framework.tensor(part) for part in start]
        output, final = layer(packed, tuple(state) if name == "LSTM" else state[0])
        (output.data * framework.tensor(normal(10, 8))).sum().backward()
        results = [output.data, *state_of(name, final)]
        return [result.detach().numpy() for result in results] + [weight.grad.numpy() for weight in layer.parameters()]

    for a, b in zip(run(ph, ours, rnn), run(torch, theirs, torch.nn.utils.rnn), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", RNNS)
def test_dropout_between_layers_against_torch(name):
    torch = pytest.importorskip("torch")
    torch.manual_seed(1)
    theirs = getattr(torch.nn, name)(3, 4, num_layers=2, dropout=0.5)
    ours = getattr(nn, name)(3, 4, num_layers=2, dropout=0.5)
    ours.load_state_dict({key: ph.tensor(value.numpy()) for key, value in theirs.state_dict().items()})
    torch.manual_seed(2)
    expected = theirs(torch.tensor(normal(6, 2, 3)))[0].detach().numpy()
    ph.manual_seed(2)
    np.testing.assert_allclose(ours(ph.tensor(normal(6, 2, 3)))[0].detach().numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", RNNS)
def test_cells_are_single_steps(name):
    layer, cell = getattr(nn, name)(3, 4), getattr(nn, name + "Cell")(3, 4)
    cell.load_state_dict({key.removesuffix("_l0"): value for key, value in layer.state_dict().items()})
    x = ph.tensor(normal(5, 2, 3))
    output, _ = layer(x)
    state = None
    for step in range(5):
        state = cell(x[step], state)
        hidden = state[0] if name == "LSTM" else state
        np.testing.assert_allclose(hidden.detach().numpy(), output[step].detach().numpy(), rtol=1e-5, atol=1e-6)


def test_names_of_weights():
    layer = nn.LSTM(3, 5, bidirectional=True, proj_size=2)
    assert [tuple(weight.shape) for weight in layer.all_weights[0]] == [(20, 3), (20, 2), (20,), (20,), (2, 5)]
    assert [name for name, _ in layer.named_parameters()][5:] == [
        "weight_ih_l0_reverse", "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse", "weight_hr_l0_reverse",
    ]  # fmt: skip
    layer.flatten_parameters()
    assert repr(nn.GRU(3, 4, 2, bias=False, batch_first=True, dropout=0.5)) == (
        "GRU(3, 4, num_layers=2, bias=False, batch_first=True, dropout=0.5)"
    )


@pytest.mark.parametrize("make, error, message", [
    (lambda: nn.LSTM(3, 4, dropout=2), ValueError, r"dropout should be a number in range \[0, 1\]"),
    (lambda: nn.LSTM(3, 4.0), TypeError, "hidden_size should be of type int, got: float"),
    (lambda: nn.LSTM(3, 0), ValueError, "hidden_size must be greater than zero"),
    (lambda: nn.LSTM(3, 4, 0), ValueError, "num_layers must be greater than zero"),
    (lambda: nn.LSTM(3, 4, proj_size=4), ValueError, "proj_size has to be smaller than hidden_size"),
    (lambda: nn.RNN(3, 4, nonlinearity="x"), ValueError, "Unknown nonlinearity 'x'"),
    (lambda: nn.GRU(3, 4)(ph.zeros(3)), ValueError, "GRU: Expected input to be 2D or 3D, got 1D instead"),
    (lambda: nn.GRU(3, 4)(ph.zeros(0, 2, 3)), RuntimeError, "Expected sequence length to be larger than 0 in RNN"),
    (lambda: nn.GRU(3, 4)(ph.zeros(2, 2, 5)), RuntimeError, r"input.size\(-1\) must be equal to input_size. Expected 3, got 5"),
    (lambda: nn.GRU(3, 4)(ph.zeros(2, 2, 3), ph.zeros(1, 3, 4)), RuntimeError, r"Expected hidden size \(1, 2, 4\), got \[1, 3, 4\]"),
    (lambda: nn.GRU(3, 4)(ph.zeros(2, 3), ph.zeros(1, 1, 4)), RuntimeError, "For unbatched 2-D input, hx should also be 2-D but got 3-D"),
    (lambda: nn.LSTM(3, 4)(ph.zeros(2, 2, 3), (ph.zeros(1, 2, 4), ph.zeros(1, 2, 5))), RuntimeError,
     r"Expected hidden\[1\] size \(1, 2, 4\)"),
    (lambda: nn.GRUCell(3, 4)(ph.zeros(1, 1, 3)), ValueError, "GRUCell: Expected input to be 1D or 2D, got 3D instead"),
])  # fmt: skip
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_dropout_of_one_layer_warns():
    with pytest.warns(UserWarning, match="dropout option adds dropout after all but last recurrent layer"):
        nn.LSTM(3, 4, dropout=0.5)


@pytest.mark.parametrize("mode, gates", [("RNN_TANH", 2), ("GRU", 6), ("LSTM", 8)])
@pytest.mark.parametrize("sizes, reverse", [((2, 2), False), ((2, 1), False), ((2, 1), True)])
def test_gradients_of_a_layer(mode, gates, sizes, reverse):
    def draw(*shape):
        return ph.randn(*shape, dtype=ph.float64).requires_grad_()

    ph.manual_seed(0)
    weights = LayerWeights(draw(gates, 3), draw(gates, 2), draw(gates), draw(gates))
    start = tuple(draw(2, 2) for _ in range(2 if mode == "LSTM" else 1))

    def run(*tensors):
        data, *rest = tensors
        output, state = run_layer(mode, data, sizes, tuple(rest[4:]), LayerWeights(*rest[:4]), reverse)
        return (output, *state)

    inputs = (draw(sum(sizes), 3), *weights[:4], *start)
    assert ph.autograd.gradcheck(run, inputs)
    assert ph.autograd.gradgradcheck(run, inputs)


def test_other_lengths_are_not_another_program(monkeypatch):
    """Batches whose sequences end elsewhere differ in where rows are, which is data."""
    layer = nn.LSTM(3, 4, bidirectional=True)
    programs, original = [], segment._program
    monkeypatch.setattr(segment, "_program", lambda outputs, *how: programs.append(outputs) or original(outputs, *how))
    for lengths in ((5, 3, 1), (5, 2, 2), (5, 3, 1)):
        layer.zero_grad()
        packed = rnn.pack_padded_sequence(ph.ones(5, 3, 3), ph.tensor(lengths))
        layer(packed)[0].data.sum().backward()
        layer.weight_hh_l0.grad.numpy()
    assert len(programs) == 3 and programs[1] == programs[2]  # the first makes the weights too


def test_lengths_first_seen_in_inference_mode():
    """What is remembered of them serves training too."""
    layer = nn.GRU(3, 4)
    packed = rnn.pack_padded_sequence(ph.ones(7, 3, 3), ph.tensor([7, 3, 2]))
    with ph.inference_mode():
        want = layer(packed)[0].data.numpy()
    output = layer(packed)[0].data
    output.sum().backward()
    np.testing.assert_array_equal(output.detach().numpy(), want)
    assert layer.weight_hh_l0.grad.abs().sum() > 0


def test_no_sequences():
    output, state = nn.LSTM(3, 4)(ph.zeros(5, 0, 3))
    assert output.shape == (5, 0, 4) and state[0].shape == (1, 0, 4)


# ---- packing ---------------------------------------------------------------------------------------------------------


def test_pack_and_pad():
    inputs = sequences(ph, [3, 1, 2])
    padded = rnn.pad_sequence(inputs, batch_first=True, padding_value=7.0)
    assert tuple(padded.shape) == (3, 3, 3) and padded[1, 1:].tolist() == [[7.0] * 3] * 2
    left = rnn.pad_sequence(inputs, padding_side="left")
    assert left[:2, 1].abs().sum().item() == 0 and (left[2, 1] == inputs[1][0]).all()
    packed = rnn.pack_padded_sequence(padded, [3, 1, 2], batch_first=True, enforce_sorted=False)
    assert packed.batch_sizes.tolist() == [3, 2, 1] and packed.sorted_indices.tolist() == [0, 2, 1]
    assert packed.data.shape == (6, 3)
    again, lengths = rnn.pad_packed_sequence(packed, batch_first=True, padding_value=7.0, total_length=4)
    assert lengths.tolist() == [3, 1, 2] and (again[:, :3] == padded).all() and (again[:, 3] == 7).all()
    for a, b in zip(rnn.unpad_sequence(padded, ph.tensor([3, 1, 2]), batch_first=True), inputs, strict=True):
        assert (a == b).all()


def test_packed_sequence_converts():
    packed = rnn.pack_sequence(sequences(ph, [3, 2]))
    assert packed.sorted_indices is None and packed.double().data.dtype is ph.float64 and packed.to("cpu") is packed
    assert packed.to(ph.float16).batch_sizes is packed.batch_sizes


def test_packing_errors():
    padded = ph.zeros(4, 2, 3)
    with pytest.raises(RuntimeError, match="must be sorted in decreasing order when `enforce_sorted` is True"):
        rnn.pack_padded_sequence(padded, [2, 4])
    with pytest.raises(RuntimeError, match=r"Expected `len\(lengths\)` to be equal to batch_size, but got 3 \(batch_size=2\)"):
        rnn.pack_padded_sequence(padded, [4, 2, 1])
    with pytest.raises(RuntimeError, match="Length of all samples has to be greater than 0"):
        rnn.pack_padded_sequence(padded, [4, 0])
    packed = rnn.pack_padded_sequence(padded, [4, 2])
    with pytest.raises(ValueError, match="got total_length=3 and max sequence length being 4"):
        rnn.pad_packed_sequence(packed, total_length=3)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lengths, enforce_sorted", [([2, 4, 1, 3], False), ([4, 3, 3, 1], True)])
def test_packing_and_padding_against_torch(batch_first, lengths, enforce_sorted):
    torch = pytest.importorskip("torch")
    array = normal(4, 6, 3) if batch_first else normal(6, 4, 3)

    def run(framework):
        packing = framework.nn.utils.rnn
        x = framework.tensor(array).requires_grad_()
        packed = packing.pack_padded_sequence(x, lengths, batch_first=batch_first, enforce_sorted=enforce_sorted)
        padded, found = packing.pad_packed_sequence(packed, batch_first=batch_first, padding_value=-1, total_length=7)
        (padded**3).sum().backward()
        return [None if part is None else part.detach().numpy() for part in (*packed, padded, found, x.grad)]

    for a, b in zip(run(ph), run(torch), strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.dtype == b.dtype
            np.testing.assert_allclose(a, b, rtol=1e-5)
