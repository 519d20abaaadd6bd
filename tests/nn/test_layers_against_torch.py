"""Every layer class against PyTorch's: initial numbers, printed form, outputs and gradients."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import powerhouse as ph  # noqa: E402
from powerhouse import nn  # noqa: E402


class Ints(NamedTuple):
    """An integer input: indices below `high`."""

    shape: tuple[int, ...]
    high: int


class Signs(NamedTuple):
    """An input of ones and minus ones."""

    shape: tuple[int, ...]


class Positive(NamedTuple):
    """An input in (0, 1)."""

    shape: tuple[int, ...]


class LogProbs(NamedTuple):
    """An input of log probabilities along dimension 1."""

    shape: tuple[int, ...]


# class name: (arguments, keyword arguments, inputs); an input that is a plain tuple is a shape of normal numbers.
X = (2, 6)
IMAGE, LINE, CUBE = (2, 4, 7, 6), (2, 4, 9), (2, 4, 5, 4, 6)
CASES: list[tuple[str, tuple[Any, ...], dict[str, Any], tuple[Any, ...]]] = [
    ("Identity", (3, "ignored"), {}, (X,)),
    ("Linear", (6, 3), {}, (X,)),
    ("Linear", (6, 3), {"bias": False}, ((2, 5, 6),)),
    ("Bilinear", (6, 5, 3), {}, ((2, 6), (2, 5))),
    ("Bilinear", (6, 5, 3), {"bias": False}, ((2, 4, 6), (2, 4, 5))),
    # convolutions
    ("Conv1d", (4, 6, 3), {}, (LINE,)),
    ("Conv1d", (4, 6, 3), {"padding": "same", "dilation": 2, "padding_mode": "circular"}, (LINE,)),
    ("Conv1d", (4, 6, 4), {"padding": "same"}, ((4, 9),)),
    ("Conv2d", (4, 6, 3), {"stride": 2, "padding": 1, "bias": False}, (IMAGE,)),
    ("Conv2d", (4, 6, (3, 2)), {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2}, (IMAGE,)),
    ("Conv2d", (4, 4, 3), {"groups": 4, "padding": "valid"}, (IMAGE,)),
    ("Conv2d", (4, 6, 3), {"padding": (1, 2), "padding_mode": "reflect"}, (IMAGE,)),
    ("Conv2d", (4, 6, 3), {"padding": 1, "padding_mode": "replicate"}, (IMAGE,)),
    ("Conv3d", (4, 2, 2), {"stride": 2}, (CUBE,)),
    ("ConvTranspose1d", (4, 6, 3), {"stride": 2, "padding": 1, "output_padding": 1}, (LINE,)),
    ("ConvTranspose2d", (4, 6, 3), {"stride": 2, "groups": 2, "dilation": 2}, (IMAGE,)),
    ("ConvTranspose2d", (4, 6, (2, 3)), {"bias": False}, ((4, 5, 5),)),
    ("ConvTranspose3d", (4, 2, 2), {"stride": 2}, (CUBE,)),
    ("Unfold", ((2, 3),), {"padding": 1, "stride": (1, 2)}, (IMAGE,)),
    ("Fold", ((4, 5), (2, 2)), {}, ((2, 12, 12),)),
    # pooling
    ("MaxPool1d", (3,), {"stride": 2, "padding": 1}, (LINE,)),
    ("MaxPool2d", (2,), {}, (IMAGE,)),
    ("MaxPool2d", ((3, 2),), {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "ceil_mode": True}, (IMAGE,)),
    ("MaxPool2d", (2,), {"return_indices": True}, (IMAGE,)),
    ("MaxPool3d", (2,), {}, (CUBE,)),
    ("AvgPool1d", (3,), {"stride": 2, "padding": 1}, (LINE,)),
    ("AvgPool2d", (3,), {"stride": 2, "padding": 1, "count_include_pad": False}, (IMAGE,)),
    ("AvgPool2d", ((2, 3),), {"ceil_mode": True, "divisor_override": 5}, (IMAGE,)),
    ("AvgPool3d", (2,), {}, (CUBE,)),
    ("LPPool1d", (2, 3), {}, (LINE,)),
    ("LPPool2d", (2, (3, 2)), {"stride": 2}, (IMAGE,)),
    ("LPPool3d", (2, 2), {}, (CUBE,)),
    ("AdaptiveAvgPool1d", (4,), {}, (LINE,)),
    ("AdaptiveAvgPool2d", ((3, None),), {}, (IMAGE,)),
    ("AdaptiveAvgPool2d", (1,), {}, (IMAGE,)),
    ("AdaptiveAvgPool3d", (2,), {}, (CUBE,)),
    ("AdaptiveMaxPool1d", (4,), {}, (LINE,)),
    ("AdaptiveMaxPool2d", ((3, 4),), {"return_indices": True}, (IMAGE,)),
    ("AdaptiveMaxPool3d", (2,), {}, (CUBE,)),
    # normalization
    ("BatchNorm1d", (6,), {}, (X,)),
    ("BatchNorm1d", (4,), {"momentum": None}, (LINE,)),
    ("BatchNorm2d", (4,), {"affine": False}, (IMAGE,)),
    ("BatchNorm2d", (4,), {"track_running_stats": False, "eps": 1e-3}, (IMAGE,)),
    ("BatchNorm2d", (4,), {"bias": False}, (IMAGE,)),
    ("BatchNorm3d", (4,), {}, (CUBE,)),
    ("InstanceNorm1d", (4,), {}, (LINE,)),
    ("InstanceNorm2d", (4,), {"affine": True, "track_running_stats": True}, (IMAGE,)),
    ("InstanceNorm2d", (4,), {}, ((4, 7, 6),)),
    ("InstanceNorm3d", (4,), {}, (CUBE,)),
    ("LayerNorm", (6,), {}, (X,)),
    ("LayerNorm", ((7, 6),), {"bias": False}, (IMAGE,)),
    ("LayerNorm", ([7, 6],), {"elementwise_affine": False, "eps": 1e-2}, (IMAGE,)),
    ("GroupNorm", (2, 4), {}, (IMAGE,)),
    ("GroupNorm", (4, 4), {"affine": False}, (LINE,)),
    ("GroupNorm", (2, 4), {"bias": False}, (LINE,)),
    ("RMSNorm", (6,), {}, (X,)),
    ("RMSNorm", ((7, 6),), {"eps": 1e-5, "elementwise_affine": False}, (IMAGE,)),
    ("LocalResponseNorm", (3,), {}, (IMAGE,)),
    # activations
    *((name, (), {}, (X,)) for name in (
        "ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Hardsigmoid", "Hardswish", "Hardtanh", "ELU", "CELU", "LeakyReLU", "PReLU", "Sigmoid",
        "Tanh", "Tanhshrink", "Softsign", "LogSigmoid", "GELU", "Softplus", "Hardshrink", "Softshrink", "GLU",
    )),
    ("ReLU", (), {"inplace": True}, (X,)),
    ("ReLU6", (), {"inplace": True}, (X,)),
    ("Hardtanh", (-0.5, 0.25), {"inplace": True}, (X,)),
    ("Threshold", (0.1, 20), {}, (X,)),
    ("Threshold", (0.1, 20), {"inplace": True}, (X,)),
    ("ELU", (0.5,), {"inplace": True}, (X,)),
    ("CELU", (0.5,), {"inplace": True}, (X,)),
    ("LeakyReLU", (0.2,), {"inplace": True}, (X,)),
    ("PReLU", (4,), {"init": 0.1}, (IMAGE,)),
    ("GELU", ("tanh",), {}, (X,)),
    ("Softplus", (2, 1.5), {}, (X,)),
    ("Hardshrink", (0.2,), {}, (X,)),
    ("Softshrink", (0.2,), {}, (X,)),
    ("GLU", (1,), {}, (IMAGE,)),
    ("Softmax", (1,), {}, (X,)),
    ("Softmin", (-1,), {}, (X,)),
    ("LogSoftmax", (0,), {}, (X,)),
    ("Softmax2d", (), {}, (IMAGE,)),
    # padding
    *((f"{kind}Pad{n}d", (1,), {}, (shape,)) for kind in ("Circular", "Reflection", "Replication", "Zero") for n, shape in (
        (1, LINE), (2, IMAGE), (3, CUBE))),
    ("ConstantPad1d", ((2, 1), 3.5), {}, (LINE,)),
    ("ConstantPad2d", (2, -1), {}, (IMAGE,)),
    ("ConstantPad3d", ((1, 0, 0, 1, 2, 0), 0.5), {}, (CUBE,)),
    ("ReflectionPad2d", ((2, 1, 0, 3),), {}, (IMAGE,)),
    ("ZeroPad2d", ((1, -1, 0, 2),), {}, (IMAGE,)),
    # shapes
    ("Flatten", (), {}, (IMAGE,)),
    ("Flatten", (0, 2), {}, (IMAGE,)),
    ("Unflatten", (1, (2, 3)), {}, (X,)),
    ("PixelShuffle", (2,), {}, (IMAGE,)),
    ("PixelUnshuffle", (2,), {}, ((2, 3, 4, 6),)),
    ("ChannelShuffle", (2,), {}, (IMAGE,)),
    ("Upsample", (), {"scale_factor": 2}, (IMAGE,)),
    ("Upsample", (), {"scale_factor": (2, 1.5), "mode": "bilinear"}, (IMAGE,)),
    ("Upsample", ((9, 10),), {"mode": "bicubic", "align_corners": True}, (IMAGE,)),
    ("Upsample", (5,), {"mode": "linear"}, (LINE,)),
    ("Upsample", (), {"scale_factor": 2, "mode": "trilinear"}, (CUBE,)),
    ("UpsamplingNearest2d", (), {"scale_factor": 2}, (IMAGE,)),
    ("UpsamplingBilinear2d", ((9, 9),), {}, (IMAGE,)),
    # distances
    ("PairwiseDistance", (), {}, (X, X)),
    ("PairwiseDistance", (1.0,), {"keepdim": True}, (X, X)),
    ("CosineSimilarity", (), {}, (X, X)),
    ("CosineSimilarity", (0, 1e-6), {}, (X, X)),
    # tables
    ("Embedding", (10, 3), {}, (Ints((2, 4), 10),)),
    ("Embedding", (10, 3), {"padding_idx": -8}, (Ints((2, 4), 10),)),
    ("Embedding", (10, 3), {"max_norm": 1.0, "norm_type": 1.0}, (Ints((2, 4), 10),)),
    ("Embedding", (10, 3), {"scale_grad_by_freq": True}, (Ints((20,), 10),)),
    ("EmbeddingBag", (10, 3), {}, (Ints((2, 4), 10),)),
    ("EmbeddingBag", (10, 3), {"mode": "sum", "padding_idx": 2}, (Ints((3, 4), 10),)),
    ("EmbeddingBag", (10, 3), {"mode": "max", "max_norm": 1.0}, (Ints((2, 4), 10),)),
    # recurrent
    *((name, (6, 5), {}, ((4, 2, 6),)) for name in ("RNN", "LSTM", "GRU")),
    *((name, (6, 5, 2), {"bidirectional": True, "batch_first": True}, ((3, 4, 6),)) for name in ("RNN", "LSTM", "GRU")),
    ("RNN", (6, 5, 2, "relu", False), {}, ((4, 2, 6), (2, 2, 5))),
    ("GRU", (6, 5), {"bias": False}, ((4, 6), (1, 5))),
    ("LSTM", (6, 5, 2), {"proj_size": 3, "bidirectional": True}, ((4, 2, 6),)),
    ("RNNCell", (6, 5), {}, (X,)),
    ("RNNCell", (6, 5), {"nonlinearity": "relu", "bias": False}, ((6,), (5,))),
    ("LSTMCell", (6, 5), {}, (X,)),
    ("GRUCell", (6, 5), {}, (X, (2, 5))),
    # attention
    ("MultiheadAttention", (8, 2), {}, ((5, 2, 8), (3, 2, 8), (3, 2, 8))),
    ("MultiheadAttention", (8, 2), {"bias": False, "batch_first": True, "kdim": 3, "vdim": 4}, ((2, 5, 8), (2, 6, 3), (2, 6, 4))),
    ("MultiheadAttention", (8, 2), {"add_bias_kv": True, "add_zero_attn": True}, ((5, 8), (3, 8), (3, 8))),
    ("TransformerEncoderLayer", (8, 2, 16), {"dropout": 0.0}, ((5, 2, 8),)),
    ("TransformerEncoderLayer", (8, 2, 16), {"dropout": 0.0, "norm_first": True, "activation": "gelu", "batch_first": True}, ((2, 5, 8),)),
    ("TransformerDecoderLayer", (8, 2, 16), {"dropout": 0.0, "bias": False}, ((5, 2, 8), (3, 2, 8))),
    ("TransformerDecoderLayer", (8, 2, 16), {"dropout": 0.0, "norm_first": True, "batch_first": True}, ((2, 5, 8), (2, 3, 8))),
    ("Transformer", (8, 2, 2, 1, 16, 0.0), {}, ((5, 2, 8), (3, 2, 8))),
    # losses
    *((name, (), {"reduction": how}, (X, X)) for how in ("mean", "sum", "none") for name in ("L1Loss", "MSELoss", "SmoothL1Loss")),
    ("MSELoss", (False,), {}, (X, X)),
    ("L1Loss", (None, False), {}, (X, X)),
    ("SmoothL1Loss", (), {"beta": 0.3}, (X, X)),
    ("HuberLoss", (), {"delta": 0.5}, (X, X)),
    ("NLLLoss", (), {}, (LogProbs((4, 5)), Ints((4,), 5))),
    ("NLLLoss", (), {"ignore_index": 1, "reduction": "none"}, (LogProbs((4, 5, 3)), Ints((4, 3), 5))),
    ("NLLLoss2d", (), {}, (LogProbs((2, 5, 3, 3)), Ints((2, 3, 3), 5))),
    ("CrossEntropyLoss", (), {}, ((4, 5), Ints((4,), 5))),
    ("CrossEntropyLoss", (), {"label_smoothing": 0.1, "reduction": "sum"}, ((4, 5, 3), Ints((4, 3), 5))),
    ("CrossEntropyLoss", (), {"ignore_index": 2}, ((5,), Ints((), 5))),
    ("CrossEntropyLoss", (), {}, ((4, 5), Positive((4, 5)))),
    ("LinearCrossEntropyLoss", (6, 4), {"bias": True, "label_smoothing": 0.1}, ((3, 6), Ints((3,), 4))),
    ("LinearCrossEntropyLoss", (6, 4), {"out_features": (2, 3), "ignore_index": 1}, ((5, 6), Ints((5, 2, 3), 4))),
    ("BCELoss", (), {}, (Positive(X), Positive(X))),
    ("BCEWithLogitsLoss", (), {"reduction": "sum"}, (X, Positive(X))),
    ("PoissonNLLLoss", (), {"full": True}, (X, Positive(X))),
    ("PoissonNLLLoss", (), {"log_input": False}, (Positive(X), Positive(X))),
    ("GaussianNLLLoss", (), {"full": True}, (X, X, Positive(X))),
    ("KLDivLoss", (), {"reduction": "batchmean"}, (LogProbs(X), Positive(X))),
    ("KLDivLoss", (), {"log_target": True, "reduction": "sum"}, (LogProbs(X), LogProbs(X))),
    ("HingeEmbeddingLoss", (0.5,), {}, (X, Signs(X))),
    ("SoftMarginLoss", (), {}, (X, Signs(X))),
    ("MarginRankingLoss", (0.5,), {}, ((6,), (6,), Signs((6,)))),
    ("CosineEmbeddingLoss", (0.1,), {}, (X, X, Signs((2,)))),
    ("MultiMarginLoss", (), {"p": 2, "margin": 0.7}, ((4, 5), Ints((4,), 5))),
    ("MultiLabelMarginLoss", (), {}, ((3, 4), Ints((3, 4), 4))),
    ("MultiLabelSoftMarginLoss", (), {}, (X, Positive(X))),
    ("TripletMarginLoss", (), {"swap": True, "p": 1}, (X, X, X)),
    ("TripletMarginWithDistanceLoss", (), {"margin": 0.4, "swap": True}, (X, X, X)),
]
RANDOM = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout", "RReLU")
ELSEWHERE = {  # tested below or in files of their own, or not a layer that can be called
    "AdaptiveLogSoftmaxWithLoss", "CTCLoss", "Buffer", "DataParallel", "FractionalMaxPool2d", "FractionalMaxPool3d", "MaxUnpool1d",
    "MaxUnpool2d", "MaxUnpool3d", "Module", "ModuleDict", "ModuleList", "Parameter", "ParameterDict", "ParameterList", "RNNBase",
    "RNNCellBase", "Sequential", "TransformerEncoder", "TransformerDecoder", "UninitializedBuffer", "UninitializedParameter", *RANDOM,
}


def test_every_layer_has_a_case():
    layers = {name for name in nn.__all__ if isinstance(getattr(nn, name), type) and not name.startswith("Lazy")}
    assert layers - {case[0] for case in CASES} == ELSEWHERE


def name_of(case: Any) -> str:
    name, args, kwargs, _ = case
    shown = [repr(arg) for arg in args] + [f"{key}={value!r}" for key, value in kwargs.items()]
    return f"{name}({', '.join(shown)})"


def make_input(spec: Any, rng: np.random.Generator) -> np.ndarray:
    if isinstance(spec, Ints):
        return rng.integers(0, spec.high, spec.shape)
    if isinstance(spec, Signs):
        return np.where(rng.random(spec.shape) < 0.5, -1, 1).astype(np.float32)
    if isinstance(spec, Positive):
        return rng.uniform(0.05, 0.95, spec.shape).astype(np.float32)
    if isinstance(spec, LogProbs):
        x = rng.normal(size=spec.shape).astype(np.float32)
        return x - np.log(np.exp(x).sum(1, keepdims=True))
    return rng.normal(size=spec).astype(np.float32)


def leaf(framework: Any, array: np.ndarray) -> Any:
    tensor = framework.tensor(array)
    is_target = array.dtype.kind != "f" or bool((abs(array) == 1).all())
    return tensor if is_target else tensor.requires_grad_()


def flat(result: Any) -> list[Any]:
    if isinstance(result, tuple | list):
        return [tensor for part in result for tensor in flat(part)]
    return [] if result is None else [result]


def run(framework: Any, layer: Any, arrays: list[np.ndarray]) -> tuple[list[np.ndarray], dict[str, np.ndarray | None]]:
    """Outputs, and the gradients of inputs and parameters of a weighted sum of the outputs."""
    framework.manual_seed(5)
    inputs = [leaf(framework, array) for array in arrays]
    # in-place layers may not overwrite leaves
    results = flat(layer(*(x * 1 if getattr(layer, "inplace", False) else x for x in inputs)))
    floats = [result for result in results if result.is_floating_point() and result.requires_grad]
    weights = np.random.default_rng(7)
    total = sum((result * framework.tensor(weights.normal(size=tuple(result.shape)).astype(np.float32))).sum() for result in floats)
    if floats:
        total.backward()
    leaves = {f"input {i}": x for i, x in enumerate(inputs) if x.requires_grad} | dict(layer.named_parameters())
    grads = {name: None if x.grad is None else x.grad.detach().numpy() for name, x in leaves.items()}
    return [result.detach().numpy() for result in results], grads


def both(case: Any) -> tuple[Any, Any]:
    """PyTorch's layer and ours, each freshly made after the same seed."""
    name, args, kwargs, _ = case
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own deprecations
        torch.manual_seed(3)
        theirs = getattr(torch.nn, name)(*args, **kwargs)
    ph.manual_seed(3)
    return theirs, getattr(nn, name)(*args, **kwargs)


def compare(theirs: Any, ours: Any, arrays: list[np.ndarray], tolerance: float = 2e-5) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, expected_grads = run(torch, theirs, arrays)
    got, grads = run(ph, ours, arrays)
    assert [array.dtype for array in got] == [array.dtype for array in expected]
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    assert grads.keys() == expected_grads.keys()
    for key, expected_grad in expected_grads.items():
        if expected_grad is None or grads[key] is None:
            assert (grads[key] is None) == (expected_grad is None), key
        else:
            np.testing.assert_allclose(grads[key], expected_grad, rtol=10 * tolerance, atol=tolerance, err_msg=key)
    for (name, buffer), (other, expected_buffer) in zip(ours.named_buffers(), theirs.named_buffers(), strict=True):
        assert name == other
        np.testing.assert_allclose(buffer.numpy(), expected_buffer.numpy(), rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_same_numbers(case):
    theirs, ours = both(case)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, parameter in theirs.named_parameters():
        drawn = ours.get_parameter(name).detach().numpy()
        np.testing.assert_allclose(drawn, parameter.detach().numpy(), rtol=1e-6, atol=1e-7, err_msg=name)
    ours.load_state_dict({name: ph.tensor(value.numpy()) for name, value in theirs.state_dict().items()})
    rng = np.random.default_rng(11)
    arrays = [make_input(spec, rng) for spec in case[3]]
    compare(theirs, ours, arrays)
    if any(True for _ in theirs.buffers()):  # running statistics: once more, then in evaluation
        compare(theirs, ours, arrays)
        compare(theirs.eval(), ours.eval(), arrays)


def pair(name: str, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
    return both((name, args, kwargs, ()))


@pytest.mark.parametrize("name", RANDOM)
def test_random_layers(name):
    theirs, ours = pair(name)
    assert repr(ours) == repr(theirs)
    shape = {"Dropout1d": (2, 3, 4), "Dropout3d": (2, 3, 2, 2, 2)}.get(name, (2, 5, 4, 4))
    array = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    compare(theirs, ours, [array])
    compare(theirs.eval(), ours.eval(), [array])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_max_unpool(n):
    x = np.random.default_rng(2).normal(size=(2, 3, *(6, 8, 4)[:n])).astype(np.float32)
    theirs = getattr(torch.nn, f"MaxPool{n}d")(2, return_indices=True)(torch.tensor(x))
    ours = getattr(nn, f"MaxPool{n}d")(2, return_indices=True)(ph.tensor(x))
    expected, got = getattr(torch.nn, f"MaxUnpool{n}d")(2), getattr(nn, f"MaxUnpool{n}d")(2)
    assert repr(got) == repr(expected)
    np.testing.assert_array_equal(got(*ours).numpy(), expected(*theirs).numpy())
    np.testing.assert_array_equal(got(*ours, output_size=x.shape).numpy(), expected(*theirs, output_size=x.shape).numpy())


@pytest.mark.parametrize("n", [2, 3])
def test_fractional_max_pool(n):
    x = np.random.default_rng(2).normal(size=(2, 3, *(6, 7, 5)[:n])).astype(np.float32)
    samples = np.random.default_rng(3).random((2, 3, n)).astype(np.float32)
    expected = getattr(torch.nn, f"FractionalMaxPool{n}d")(2, output_ratio=0.5, _random_samples=torch.tensor(samples))
    got = getattr(nn, f"FractionalMaxPool{n}d")(2, output_ratio=0.5, _random_samples=ph.tensor(samples))
    compare(expected, got, [x])
    expected = getattr(torch.nn, f"FractionalMaxPool{n}d")(2, output_size=(3, 4, 2)[:n], return_indices=True)
    got = getattr(nn, f"FractionalMaxPool{n}d")(2, output_size=(3, 4, 2)[:n], return_indices=True)
    compare(expected, got, [x])
    compare(expected, got, [x[0]])
    with pytest.raises(RuntimeError, match="too large relative to input size"):
        getattr(nn, f"FractionalMaxPool{n}d")(2, output_size=6)(ph.tensor(x))


WEIGHTED = ["CrossEntropyLoss", "NLLLoss", "BCEWithLogitsLoss", "BCELoss", "MultiMarginLoss", "MultiLabelSoftMarginLoss"]


@pytest.mark.parametrize("name", WEIGHTED)
def test_weighted_losses(name):
    rng = np.random.default_rng(4)
    weight = rng.random(5).astype(np.float32)
    binary = name in ("BCELoss", "BCEWithLogitsLoss", "MultiLabelSoftMarginLoss")
    x = rng.uniform(0.1, 0.9, (4, 5)).astype(np.float32)
    target = rng.uniform(0, 1, (4, 5)).astype(np.float32) if binary else rng.integers(0, 5, 4)
    compare(getattr(torch.nn, name)(weight=torch.tensor(weight)), getattr(nn, name)(weight=ph.tensor(weight)), [x, target])
    if name == "BCEWithLogitsLoss":
        theirs, ours = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(weight)), nn.BCEWithLogitsLoss(pos_weight=ph.tensor(weight))
        compare(theirs, ours, [x, target])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_ctc_loss(reduction):
    rng = np.random.default_rng(5)
    logits = rng.normal(size=(12, 3, 6)).astype(np.float32)
    targets = rng.integers(1, 6, (3, 4))
    lengths = np.array([12, 10, 9]), np.array([4, 3, 2])

    def loss(framework: Any, layer: Any) -> tuple[np.ndarray, np.ndarray]:
        x = framework.tensor(logits).requires_grad_()
        value = layer(x.log_softmax(2), framework.tensor(targets), *(framework.tensor(length) for length in lengths))
        value.sum().backward()
        return value.detach().numpy(), x.grad.numpy()

    for a, b in zip(loss(ph, nn.CTCLoss(reduction=reduction)), loss(torch, torch.nn.CTCLoss(reduction=reduction)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_adaptive_log_softmax():
    theirs, ours = pair("AdaptiveLogSoftmaxWithLoss", 8, 20, [4, 10, 15], div_value=2.0, head_bias=True)
    assert repr(ours) == repr(theirs)
    rng = np.random.default_rng(6)
    x, target = rng.normal(size=(30, 8)).astype(np.float32), rng.integers(0, 20, 30)
    compare(theirs, ours, [x, target])
    expected = theirs.log_prob(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(ours.log_prob(ph.tensor(x)).detach().numpy(), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(ours.predict(ph.tensor(x)).numpy(), theirs.predict(torch.tensor(x)).numpy())
    with pytest.raises(RuntimeError, match="Target values should be in"):
        ours(ph.tensor(x), ph.tensor(target + 5))


def test_embedding_bag_with_offsets():
    indices, offsets = np.array([1, 2, 4, 5, 4, 3, 2, 9]), np.array([0, 4, 4])
    weights = np.random.default_rng(7).normal(size=8).astype(np.float32)
    for mode in ("sum", "mean", "max"):
        theirs, ours = pair("EmbeddingBag", 10, 3, mode=mode)
        compare(theirs, ours, [indices, offsets])
    theirs, ours = pair("EmbeddingBag", 10, 3, mode="sum", include_last_offset=True)
    compare(theirs, ours, [indices, np.array([0, 4, 8]), weights])


def test_conv_transpose_output_size():
    theirs, ours = pair("ConvTranspose2d", 3, 2, 3, stride=2, padding=1)
    x = np.random.default_rng(8).normal(size=(1, 3, 6, 5)).astype(np.float32)
    expected = theirs(torch.tensor(x), output_size=(12, 9)).detach().numpy()
    np.testing.assert_allclose(ours(ph.tensor(x), output_size=(12, 9)).detach().numpy(), expected, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match=r"valid sizes range from \[11, 9\] to \[12, 10\]"):
        ours(ph.tensor(x), output_size=(13, 9))


@pytest.mark.parametrize("name, args, shape", [
    ("LazyLinear", (3,), X), ("LazyConv1d", (3, 2), LINE), ("LazyConv2d", (3, 2, 2), IMAGE), ("LazyConv3d", (3, 2), CUBE),
    ("LazyConvTranspose1d", (3, 2), LINE), ("LazyConvTranspose2d", (3, 2), IMAGE), ("LazyConvTranspose3d", (3, 2), CUBE),
    ("LazyBatchNorm1d", (), LINE), ("LazyBatchNorm2d", (), IMAGE), ("LazyBatchNorm3d", (), CUBE),
    ("LazyInstanceNorm1d", (), LINE), ("LazyInstanceNorm2d", (), IMAGE), ("LazyInstanceNorm3d", (), CUBE),
])  # fmt: skip
def test_lazy_layers(name, args, shape):
    theirs, ours = pair(name, *args)
    assert repr(ours) == repr(theirs)
    array = np.random.default_rng(9).normal(size=shape).astype(np.float32)
    compare(theirs, ours, [array])
    assert type(ours).__name__ == type(theirs).__name__ == name.removeprefix("Lazy")
    assert repr(ours) == repr(theirs)
