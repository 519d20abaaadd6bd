"""Attention, embeddings and the random functions."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse as ph
from powerhouse.core import dtypes as dt
from powerhouse.graph.op import REGISTRY, leaf, variable
from powerhouse.graph.symbol import Type, make
from powerhouse.nn import functional as F
from powerhouse.tensors.multihead import multi_head_attention_forward
from powerhouse.transform.vjp import saved

RNG = np.random.default_rng(0)
Q, K, V = (RNG.normal(size=(2, 3, n, 4)) for n in (5, 6, 6))


def attention(q, k, v, mask=None, scale=None):
    """The formula; fully masked rows give zeros."""
    scores = q @ k.swapaxes(-1, -2) * (scale or q.shape[-1] ** -0.5)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    e = np.exp(scores - np.maximum(scores.max(-1, keepdims=True), -1e30))
    total = e.sum(-1, keepdims=True)
    return e / np.where(total == 0, 1, total) @ v


def tensors(*arrays):
    return [ph.tensor(a) for a in arrays]


@pytest.mark.parametrize(
    "mask",
    [None, RNG.random((5, 6)) < 0.7, RNG.normal(size=(2, 3, 5, 6)), RNG.normal(size=(2, 1, 1, 6))],
    ids=["none", "bool", "float", "broadcast"],
)
def test_attention_is_its_formula(mask):
    got = F.scaled_dot_product_attention(*tensors(Q, K, V), None if mask is None else ph.tensor(mask))
    np.testing.assert_allclose(got.numpy(), attention(Q, K, V, mask), rtol=1e-10)


def test_causal_attention_does_not_look_ahead():
    q, k, v = tensors(Q, K, V)
    np.testing.assert_allclose(
        F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3).numpy(),
        attention(Q, K, V, np.tri(5, 6, dtype=bool), 0.3),
        rtol=1e-10,
    )
    later = v.clone()
    later[..., 3:, :] = 7.0
    a, b = (F.scaled_dot_product_attention(q, k, x, is_causal=True) for x in (v, later))
    assert ph.equal(a[..., :3, :], b[..., :3, :]) and not ph.equal(a, b)


def test_rows_that_are_masked_entirely_give_zeros_and_no_gradient():
    q, k, v = (t.requires_grad_() for t in tensors(Q, K, V))
    mask = ph.ones(5, 6, dtype=ph.bool)
    mask[2] = False
    out = F.scaled_dot_product_attention(q, k, v, mask)
    assert not out[:, :, 2].any()
    out.sum().backward()
    assert not q.grad[:, :, 2].any() and all(t.grad.isfinite().all() for t in (q, k, v))


def test_query_heads_share_key_heads():
    q = RNG.normal(size=(2, 6, 5, 4))
    got = F.scaled_dot_product_attention(*tensors(q, K, V), enable_gqa=True)
    np.testing.assert_allclose(got.numpy(), attention(q, K.repeat(2, 1), V.repeat(2, 1)), rtol=1e-10)


def test_attention_by_differences():
    q, k, v = (ph.tensor(a[0, 0], requires_grad=True) for a in (Q, K, V))
    assert ph.autograd.gradcheck(lambda *x: F.scaled_dot_product_attention(*x, is_causal=True), (q, k, v))


MASKED = np.where(RNG.random((5, 6)) < 0.3, -np.inf, RNG.normal(size=(5, 6)))
MASKED[2] = -np.inf


@pytest.mark.parametrize("mask", [None, MASKED, MASKED > 0], ids=["none", "float", "bool"])
@pytest.mark.parametrize("causal", [False, True])
def test_second_derivatives_are_those_of_the_parts(mask, causal):
    """A mask that requires grad makes attention of ordinary ops."""
    if mask is not None and causal:
        return
    parts = np.zeros((5, 6)) if mask is None else mask if mask.dtype == float else np.where(mask, 0, -np.inf)
    parts = np.where(np.tri(5, 6), parts, -np.inf) if causal else parts
    found = []
    for given, options in ((mask if mask is None else ph.tensor(mask), causal), (ph.tensor(parts, requires_grad=True), False)):
        leaves = [t.requires_grad_() for t in tensors(Q, K, V)]
        out = F.scaled_dot_product_attention(*leaves, given, is_causal=options, scale=0.4)
        first = ph.autograd.grad((out * out * out).sum(), leaves, create_graph=True)
        second = ph.autograd.grad(sum((g * g).sum() for g in first), leaves, create_graph=True)
        third = ph.autograd.grad(sum(g.sin().sum() for g in second), leaves)
        found.append([x.detach().numpy() for x in (out, *first, *second, *third)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * np.abs(b).max())


def test_backward_keeps_means_and_logarithms_not_scores():
    q, k, v = (make(variable, (make(leaf, (), (i, Type((2, n, 4), dt.float32))),), (i, 0)) for i, n in enumerate((5, 6, 6)))
    kept = saved((REGISTRY["scaled_dot_product_attention"](q, k, v, is_causal=True),))
    assert sorted(s.shape for s in kept) == [(2, 5), (2, 5, 4)]


def test_shared_heads_with_a_mask_and_their_gradients():
    q, k, v = RNG.normal(size=(2, 6, 5, 4)), RNG.normal(size=(2, 2, 7, 4)), RNG.normal(size=(2, 3, 7, 4))
    for value in (v[:, :2], v):  # as many heads as keys, or others
        for mask in (RNG.random((6, 5, 7)) < 0.8, RNG.random((2, 1, 1, 7)) < 0.8, RNG.random((5, 7)) < 0.8):
            shared, own = tensors(q, k, value), tensors(q, k.repeat(3, 1), value.repeat(6 // value.shape[1], 1))
            outs = []
            for leaves, shares in ((shared, True), (own, False)):
                out = F.scaled_dot_product_attention(*[t.requires_grad_() for t in leaves], ph.tensor(mask), enable_gqa=shares)
                out.square().sum().backward()
                outs.append(out.detach().numpy())
            np.testing.assert_allclose(*outs, rtol=1e-10, atol=1e-12)
            for a, b in zip(shared, own, strict=True):
                heads = b.grad.numpy().reshape(2, a.shape[1], -1, *a.shape[2:])
                np.testing.assert_allclose(a.grad.numpy(), heads.sum(2), rtol=1e-9, atol=1e-12)


def test_bad_attention_is_refused():
    q, k, v = tensors(Q, K, V)
    with pytest.raises(RuntimeError, match="should not be set when is_causal"):
        F.scaled_dot_product_attention(q, k, v, ph.ones(5, 6), is_causal=True)
    with pytest.raises(RuntimeError, match="same dtype"):
        F.scaled_dot_product_attention(q, k.float(), v)
    with pytest.raises(ValueError, match="dropout probability"):
        F.scaled_dot_product_attention(q, k, v, dropout_p=1.5)


# --- embeddings ------------------------------------------------------------------------------------

TABLE = RNG.normal(size=(4, 3))
INDEX = np.array([1, 3, 3, 0, 2, 1])


def test_embedding_and_its_gradient():
    weight = ph.tensor(TABLE, requires_grad=True)
    out = F.embedding(ph.tensor(INDEX.reshape(2, 3)), weight, padding_idx=3)
    np.testing.assert_array_equal(out.detach().numpy(), TABLE[INDEX.reshape(2, 3)])
    out.sum().backward()
    np.testing.assert_array_equal(weight.grad.numpy(), np.array([1, 2, 1, 0])[:, None] * np.ones(3))
    weight.grad = None
    F.embedding(ph.tensor(INDEX), weight, scale_grad_by_freq=True).sum().backward()
    np.testing.assert_allclose(weight.grad.numpy(), np.ones((4, 3)))


@pytest.mark.parametrize("index", [4, -1])
def test_an_index_out_of_range_is_an_index_error(index):
    with pytest.raises(IndexError, match="out of range"):
        F.embedding(ph.tensor([0, index]), ph.tensor(TABLE)).tolist()


def test_max_norm_shrinks_the_used_rows_in_place():
    weight = ph.tensor(TABLE)
    F.embedding(ph.tensor([1, 3]), weight, max_norm=0.5)
    sizes = np.linalg.norm(weight.numpy(), axis=1)
    np.testing.assert_allclose(sizes[[1, 3]], np.minimum(np.linalg.norm(TABLE, axis=1)[[1, 3]], 0.5), rtol=1e-5)
    np.testing.assert_array_equal(weight.numpy()[[0, 2]], TABLE[[0, 2]])


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_embedding_bags(mode):
    reduce = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode]
    got = F.embedding_bag(ph.tensor(INDEX), ph.tensor(TABLE), ph.tensor([0, 2, 2]), mode=mode)
    want = [reduce(TABLE[INDEX[:2]], axis=0), np.zeros(3), reduce(TABLE[INDEX[2:]], axis=0)]
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-12)
    padded = F.embedding_bag(ph.tensor(INDEX.reshape(2, 3)), ph.tensor(TABLE), mode=mode, padding_idx=3)
    np.testing.assert_allclose(padded.numpy(), [TABLE[1], reduce(TABLE[[0, 2, 1]], axis=0)], rtol=1e-12)


def test_one_hot():
    assert F.one_hot(ph.tensor([2, 0])).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert F.one_hot(ph.tensor([[1]]), 2).shape == (1, 1, 2)
    for bad, match in ((ph.tensor([-1]), "non-negative"), (ph.tensor([5]), "smaller than num_classes")):
        with pytest.raises(RuntimeError, match=match):
            F.one_hot(bad, 3)


# --- random functions ------------------------------------------------------------------------------------

X = RNG.normal(size=(4, 6, 3, 5))
PROBABILITIES = RNG.random((3, 6))
DRAWS = {
    "uniform_": lambda p: p.empty(20).uniform_(-1, 2),
    "normal_": lambda p: p.empty(20).normal_(1, 2),
    "exponential_": lambda p: p.empty(20).exponential_(2.0),
    "cauchy_": lambda p: p.empty(20, dtype=p.float64).cauchy_(1.0, 2.0),
    "log_normal_": lambda p: p.empty(20).log_normal_(),
    "geometric_": lambda p: p.empty(20).geometric_(0.3),
    "random_": lambda p: p.empty(20, dtype=p.int64).random_(-5, 10),
    "random_ to": lambda p: p.empty(20).random_(9),
    "bernoulli_": lambda p: p.empty(20).bernoulli_(0.3),
    "bernoulli": lambda p: p.bernoulli(p.tensor(PROBABILITIES)),
    "multinomial": lambda p: p.multinomial(p.tensor(PROBABILITIES), 4),
    "multinomial again": lambda p: p.multinomial(p.tensor(PROBABILITIES), 9, replacement=True),
    "poisson": lambda p: p.poisson(p.tensor(PROBABILITIES * 5)),
    "dropout2d": lambda p: p.nn.functional.dropout2d(p.tensor(X)),
    "alpha_dropout": lambda p: p.nn.functional.alpha_dropout(p.tensor(X), training=True),
    "feature_alpha_dropout": lambda p: p.nn.functional.feature_alpha_dropout(p.tensor(X), training=True),
    "rrelu": lambda p: p.nn.functional.rrelu(p.tensor(X), training=True),
    "gumbel_softmax": lambda p: p.nn.functional.gumbel_softmax(p.tensor(X), hard=True),
    "attention dropout": lambda p: p.nn.functional.scaled_dot_product_attention(*[p.tensor(X)] * 3, dropout_p=0.3),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_seed_gives_the_numbers_of_pytorch(name):
    torch = pytest.importorskip("torch")
    for package in (ph, torch):
        package.manual_seed(3)
    ours, theirs = DRAWS[name](ph), DRAWS[name](torch)
    assert str(ours.dtype) == str(theirs.dtype)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)
    assert ph.rand(1).item() == torch.rand(1).item(), "the streams part afterwards"


@pytest.mark.parametrize("name", DRAWS)
def test_a_seed_gives_the_same_numbers_again(name):
    results = [(ph.manual_seed(3), DRAWS[name](ph))[1] for _ in range(2)]
    assert ph.equal(*results) and not ph.equal(results[0], DRAWS[name](ph))


def test_draws_in_place_follow_the_rules_of_autograd():
    leaf = ph.zeros(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="uniform_: a leaf Variable that requires grad"):
        leaf.uniform_()
    with ph.no_grad():
        leaf.uniform_()
    assert leaf.requires_grad and leaf.detach().all()
    whole = ph.zeros(3, 4)
    whole[:, 1].normal_()
    assert whole[:, 1].all() and not whole[:, 0].any()


def test_channel_dropout_drops_whole_channels():
    out = F.dropout2d(ph.ones(8, 8, 3, 3), 0.5)
    kept = out.sum((2, 3))
    assert set(kept.unique().tolist()) == {0.0, 18.0}
    x = ph.ones(4)
    assert F.alpha_dropout(x, 0.5) is x


def test_a_hard_gumbel_softmax_is_one_hot_with_a_soft_gradient():
    x = ph.zeros(5, 4, requires_grad=True)
    y = F.gumbel_softmax(x, hard=True)
    assert (y.sum(1) - 1).abs().max() < 1e-6 and (y > 0.5).sum() == 5
    (y * ph.arange(4.0)).sum().backward()
    assert x.grad.any()


def test_bad_probabilities_are_refused():
    for call, error in (
        (lambda: F.dropout2d(ph.ones(1, 1, 1, 1), 1.5), ValueError),
        (lambda: ph.bernoulli(ph.tensor([1.5])), RuntimeError),
        (lambda: ph.multinomial(ph.tensor([0.0, 0.0]), 1), RuntimeError),
        (lambda: ph.multinomial(ph.ones(2), 3), RuntimeError),
        (lambda: ph.empty(2).uniform_(2, 1), RuntimeError),
        (lambda: ph.poisson(ph.tensor([-1.0])), RuntimeError),
    ):
        with pytest.raises(error):
            call()


# --- multi-head attention -------------------------------------------------------------------------------------------------------------

WIDTH, HEADS, LENGTH, KEYS, BATCH = 8, 2, 5, 6, 3
ARRAYS = {
    n: RNG.normal(size=s)
    for n, s in {
        "q": (LENGTH, BATCH, WIDTH),
        "k": (KEYS, BATCH, WIDTH),
        "v": (KEYS, BATCH, WIDTH),
        "in": (3 * WIDTH, WIDTH),
        "in_bias": (3 * WIDTH,),
        "bias": (1, 1, WIDTH),
        "out": (WIDTH, WIDTH),
        "out_bias": (WIDTH,),
    }.items()
}
PADDING, MASK = RNG.random((BATCH, KEYS)) < 0.3, RNG.random((BATCH * HEADS, LENGTH, KEYS)) < 0.2
MASK[..., 0] = PADDING[:, 0] = False
VARIANTS = [
    {},
    {"key_padding_mask": PADDING},
    {"attn_mask": RNG.normal(size=(LENGTH, KEYS))},
    {"attn_mask": MASK, "key_padding_mask": PADDING},
    {"need_weights": False, "key_padding_mask": PADDING},
    {"average_attn_weights": False},
]


def multi_head(package, function, more_keys, options):
    t = {n: package.tensor(a) for n, a in ARRAYS.items()}
    extra = t["bias"] if more_keys else None
    options = {n: package.tensor(x) if isinstance(x, np.ndarray) else x for n, x in options.items()}
    return function(
        t["q"], t["k"], t["v"], WIDTH, HEADS, t["in"], t["in_bias"], extra, extra, more_keys, 0.0, t["out"], t["out_bias"], **options
    )


@pytest.mark.parametrize("more_keys", [False, True])
@pytest.mark.parametrize("options", VARIANTS, ids=lambda o: "+".join(o) or "plain")
def test_multi_head_attention_is_that_of_pytorch(options, more_keys):
    torch = pytest.importorskip("torch")
    ours, theirs = (
        multi_head(p, f, more_keys, options)
        for p, f in ((ph, multi_head_attention_forward), (torch, torch.nn.functional.multi_head_attention_forward))
    )
    for a, b in zip(ours, theirs, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9)


def test_multi_head_attention_is_attention_between_projections():
    out, weights = multi_head(ph, multi_head_attention_forward, False, {})
    projected = [
        ARRAYS[n].swapaxes(0, 1) @ w.T + b for n, w, b in zip("qkv", np.split(ARRAYS["in"], 3), np.split(ARRAYS["in_bias"], 3), strict=True)
    ]
    heads = [p.reshape(BATCH, -1, HEADS, WIDTH // HEADS).swapaxes(1, 2) for p in projected]  # (N, heads, L or S, E / heads)
    want = attention(*heads).swapaxes(1, 2).reshape(BATCH, LENGTH, WIDTH) @ ARRAYS["out"].T + ARRAYS["out_bias"]
    np.testing.assert_allclose(out.numpy(), want.swapaxes(0, 1), rtol=1e-9)
    assert weights.shape == (BATCH, LENGTH, KEYS)
    np.testing.assert_allclose(weights.sum(-1).numpy(), 1)
