"""Losses: against the formulas in NumPy, against differences, against PyTorch where it is installed, and with what they must refuse."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import powerhouse as ph
from powerhouse.nn import functional as F

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(5, 3, 2))
CLASSES = RNG.integers(0, 3, (5, 2))
WEIGHT = np.array([0.5, 1.0, 2.5])


def log_softmax(x, axis):
    z = x - x.max(axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis, keepdims=True))


def cross_entropy(x, t, w, ignored, smoothing, reduction):
    """The definition, one target at a time."""
    logp, classes = log_softmax(x, 1), x.shape[1]
    losses, weights = np.zeros(t.shape), np.zeros(t.shape)
    for n, d in np.ndindex(t.shape):
        if t[n, d] == ignored:
            continue
        own = w[t[n, d]] * -logp[n, t[n, d], d]
        every = -(w * logp[n, :, d]).sum()
        losses[n, d] = (1 - smoothing) * own + smoothing / classes * every
        weights[n, d] = w[t[n, d]]
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / weights.sum()}[reduction]


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("ignored", [-100, 1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy_is_its_definition(reduction, weighted, ignored, smoothing):
    w = WEIGHT if weighted else np.ones(3)
    got = F.cross_entropy(
        ph.tensor(LOGITS),
        ph.tensor(CLASSES),
        ph.tensor(w) if weighted else None,
        ignore_index=ignored,
        reduction=reduction,
        label_smoothing=smoothing,
    )
    np.testing.assert_allclose(got.numpy(), cross_entropy(LOGITS, CLASSES, w, ignored, smoothing, reduction), rtol=1e-12)


def test_cross_entropy_of_indices_is_that_of_one_hot_probabilities():
    one_hot = np.moveaxis(np.eye(3)[CLASSES], -1, 1)
    for smoothing in (0.0, 0.2):
        for reduction in ("mean", "sum", "none"):
            a = F.cross_entropy(ph.tensor(LOGITS), ph.tensor(CLASSES), reduction=reduction, label_smoothing=smoothing)
            b = F.cross_entropy(ph.tensor(LOGITS), ph.tensor(one_hot), reduction=reduction, label_smoothing=smoothing)
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


def test_gradient_of_cross_entropy_is_softmax_minus_one_hot():
    x = ph.tensor(LOGITS[:, :, 0], requires_grad=True)
    F.cross_entropy(x, ph.tensor(CLASSES[:, 0]), reduction="sum").backward()
    np.testing.assert_allclose(x.grad.numpy(), np.exp(log_softmax(LOGITS[:, :, 0], 1)) - np.eye(3)[CLASSES[:, 0]], atol=1e-12)


def test_ignored_targets_get_no_gradient_and_an_empty_mean_is_nan():
    x = ph.tensor(LOGITS[:2, :, 0], requires_grad=True)
    F.cross_entropy(x, ph.tensor([-100, 1])).backward()
    assert not x.grad[0].any() and x.grad[1].all()
    assert F.cross_entropy(x, ph.tensor([-100, -100])).isnan()


def test_far_logits_stay_finite():
    assert F.cross_entropy(ph.tensor([[1000.0, -1000.0]]), ph.tensor([1])).item() == 2000
    assert F.binary_cross_entropy_with_logits(ph.tensor([1000.0, -1000.0]), ph.tensor([0.0, 1.0])).item() == 1000


@pytest.mark.parametrize("target", [3, -1])
def test_a_target_out_of_range_is_an_index_error(target):
    for weight in (None, ph.ones(3)):
        with pytest.raises(IndexError, match=f"Target {target} is out of bounds"):
            F.cross_entropy(ph.zeros(2, 3), ph.tensor([0, target]), weight).item()


@pytest.mark.parametrize(
    ("shape", "target", "error", "match"),
    [
        ((5, 3), ph.zeros(4, dtype=ph.int64), ValueError, "batch_size"),
        ((5, 3), ph.zeros(5), RuntimeError, "expected scalar type Long"),
        ((5, 3), ph.zeros(5, dtype=ph.int32), RuntimeError, "expected scalar type Long"),
        ((5, 3), ph.zeros(5, 1, dtype=ph.int64), RuntimeError, "multi-target not supported"),
        ((5, 3, 2), ph.zeros(5, 3, dtype=ph.int64), RuntimeError, "Expected target size"),
        ((3,), ph.zeros(3, 3, dtype=ph.int64), RuntimeError, "size mismatch"),
        ((), ph.zeros((), dtype=ph.int64), ValueError, "1 or more dimensions"),
    ],
)
def test_targets_of_a_wrong_shape_or_dtype_are_refused_at_the_call(shape, target, error, match):
    with pytest.raises(error, match=match):
        F.cross_entropy(ph.zeros(shape), target)
    with pytest.raises(error, match=match):
        F.nll_loss(ph.zeros(shape), target)


ELEMENTWISE = {
    "mse_loss": ({}, lambda x, t: (x - t) ** 2),
    "l1_loss": ({}, lambda x, t: np.abs(x - t)),
    "smooth_l1_loss": ({"beta": 0.7}, lambda x, t: np.where(np.abs(x - t) < 0.7, (x - t) ** 2 / 1.4, np.abs(x - t) - 0.35)),
    "huber_loss": ({"delta": 0.7}, lambda x, t: np.where(np.abs(x - t) <= 0.7, (x - t) ** 2 / 2, 0.7 * (np.abs(x - t) - 0.35))),
    "binary_cross_entropy_with_logits": ({}, lambda x, t: np.log1p(np.exp(x)) - t * x),
    "kl_div": ({}, lambda x, t: t * (np.log(t) - x)),
    "poisson_nll_loss": ({}, lambda x, t: np.exp(x) - t * x),
    "soft_margin_loss": ({}, lambda x, t: np.log1p(np.exp(-t * x))),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_elementwise_losses_are_their_formulas(name, reduction):
    options, formula = ELEMENTWISE[name]
    x, t = RNG.normal(size=(4, 3)), RNG.uniform(0.1, 0.9, (4, 3))
    want = {"none": lambda v: v, "mean": np.mean, "sum": np.sum}[reduction](formula(x, t))
    np.testing.assert_allclose(getattr(F, name)(ph.tensor(x), ph.tensor(t), reduction=reduction, **options).numpy(), want, rtol=1e-12)


def test_a_reduction_that_is_no_word_is_refused():
    for name in ELEMENTWISE:
        with pytest.raises(ValueError, match="avg is not a valid value for reduction"):
            getattr(F, name)(ph.rand(3), ph.rand(3), reduction="avg")


def test_the_deprecated_spelling_of_reductions_still_works():
    x, t = ph.rand(3), ph.rand(3)
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert ph.equal(F.mse_loss(x, t, size_average=False), F.mse_loss(x, t, reduction="sum"))


def test_a_broadcast_target_is_warned_about():
    with pytest.warns(UserWarning, match="broadcasting"):
        F.mse_loss(ph.zeros(3, 1), ph.zeros(3))


def test_binary_cross_entropy_at_its_ends():
    x = ph.tensor([0.0, 1.0, 0.25], requires_grad=True)
    loss = F.binary_cross_entropy(x, ph.tensor([1.0, 1.0, 0.0]), reduction="none")
    np.testing.assert_allclose(loss.detach().numpy(), [100, 0, -np.log(0.75)], rtol=1e-6)
    loss.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [-1e12, 0, 1 / 0.75], rtol=1e-6)
    with pytest.raises(RuntimeError, match="between 0 and 1"):
        F.binary_cross_entropy(ph.tensor([1.5]), ph.tensor([1.0])).item()


def ctc_by_enumeration(logp, labels, blank=0):
    """Minus the log of the summed probabilities of all alignments."""
    total = 0.0
    for path in itertools.product(range(logp.shape[1]), repeat=len(logp)):
        collapsed = [c for c, _ in itertools.groupby(path) if c != blank]
        if collapsed == list(labels):
            total += np.exp(sum(logp[t, c] for t, c in enumerate(path)))
    return -np.log(total) if total else np.inf


@pytest.mark.parametrize("labels", [[1], [1, 2], [2, 2], []])
def test_ctc_sums_over_all_alignments(labels):
    logp = log_softmax(RNG.normal(size=(5, 3)), 1)
    targets = ph.tensor([labels + [0] * (3 - len(labels))])
    got = F.ctc_loss(ph.tensor(logp[:, None]), targets, (5,), (len(labels),), reduction="none")
    np.testing.assert_allclose(got.numpy(), [ctc_by_enumeration(logp, labels)], rtol=1e-12)


def test_ctc_gradient_through_log_softmax():
    x = ph.tensor(RNG.normal(size=(5, 2, 3)), requires_grad=True)
    loss = lambda x: F.ctc_loss(x.log_softmax(2), ph.tensor([[1, 2], [2, 2]]), (5, 4), (2, 2), reduction="sum")  # noqa: E731
    assert ph.autograd.gradcheck(loss, (x,))


def test_ctc_has_no_second_derivative():
    x = ph.zeros(5, 1, 3, requires_grad=True)
    loss = F.ctc_loss(x.log_softmax(2), ph.tensor([[1]]), (5,), (1,))
    (first,) = ph.autograd.grad(loss, x, create_graph=True)
    with pytest.raises(RuntimeError, match="second derivative"):
        ph.autograd.grad(first.sum(), x)[0].tolist()


def test_ctc_of_an_impossible_target_is_infinite_or_zero():
    logp = ph.zeros(2, 1, 3).log_softmax(2)
    assert F.ctc_loss(logp, ph.tensor([[1, 1]]), (2,), (2,)).item() == np.inf
    assert F.ctc_loss(logp, ph.tensor([[1, 1]]), (2,), (2,), zero_infinity=True).item() == 0
    with pytest.raises(RuntimeError, match="input_lengths"):
        F.ctc_loss(logp, ph.tensor([[1]]), (3,), (1,))


COMPARED = [
    ("cross_entropy", lambda t: (t.tensor(LOGITS), t.tensor(CLASSES), t.tensor(WEIGHT)), {"label_smoothing": 0.1, "ignore_index": 1}),
    ("nll_loss", lambda t: (t.tensor(LOGITS), t.tensor(CLASSES), t.tensor(WEIGHT)), {"ignore_index": 0}),
    ("multi_margin_loss", lambda t: (t.tensor(LOGITS[:, :, 0]), t.tensor(CLASSES[:, 0]), 2, 0.5, t.tensor(WEIGHT)), {}),
    (
        "binary_cross_entropy_with_logits",
        lambda t: (t.tensor(LOGITS), t.tensor(LOGITS > 0) * 1.0, t.tensor(WEIGHT[:2])),
        {"reduction": "sum"},
    ),
    ("mse_loss", lambda t: (t.tensor(LOGITS), t.tensor(-LOGITS)), {}),
    ("gaussian_nll_loss", lambda t: (t.tensor(LOGITS), t.tensor(-LOGITS), t.tensor(LOGITS**2)), {"full": True}),
    ("triplet_margin_loss", lambda t: (t.tensor(LOGITS), t.tensor(-LOGITS), t.tensor(LOGITS**2)), {"swap": True, "p": 3}),
]


@pytest.mark.parametrize(("name", "make", "options"), COMPARED, ids=[c[0] for c in COMPARED])
def test_values_and_gradients_are_those_of_pytorch(name, make, options):
    torch = pytest.importorskip("torch")
    results = []
    for package in (ph, torch):
        args = make(package)
        args[0].requires_grad_()
        loss = getattr(package.nn.functional, name)(*args, **options)
        loss.backward()
        results.append((loss.detach().numpy(), args[0].grad.numpy()))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-9)
