"""Attention with masks, and Transformers, against PyTorch's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import powerhouse as ph
from powerhouse import nn

torch = pytest.importorskip("torch")


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def same(name, *args, **kwargs):
    """PyTorch's module and ours with the same weights, made after the same seed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(3)
        theirs = getattr(torch.nn, name)(*args, **kwargs)
    ph.manual_seed(3)
    ours = getattr(nn, name)(*args, **kwargs)
    for (key, a), (other, b) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert key == other
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-6, atol=1e-7, err_msg=key)
    assert repr(ours) == repr(theirs)
    return theirs, ours


def compare(theirs, ours, arrays, **options):
    def run(framework, module):
        framework.manual_seed(4)
        given = {key: framework.tensor(value) if isinstance(value, np.ndarray) else value for key, value in options.items()}
        inputs = [framework.tensor(array).requires_grad_() for array in arrays]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = module(*inputs, **given)
        results = [part for part in (result if isinstance(result, tuple) else (result,)) if part is not None]
        (results[0] * framework.tensor(normal(*results[0].shape, seed=8))).sum().backward()
        grads = [x.grad for x in inputs] + [parameter.grad for parameter in module.parameters()]
        return [result.detach().numpy() for result in results], [None if grad is None else grad.numpy() for grad in grads]

    expected, got = run(torch, theirs), run(ph, ours)
    for a, b in zip(got[0] + got[1], expected[0] + expected[1], strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


CAUSAL = np.triu(np.ones((5, 5), bool), 1)
PADDING = np.array([[False] * 5, [False, False, True, True, True]])


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("options", [
    {"attn_mask": CAUSAL},
    {"attn_mask": np.where(CAUSAL, -np.inf, 0).astype(np.float32), "is_causal": True},
    {"attn_mask": normal(4, 5, 5)},
    {"key_padding_mask": PADDING},
    {"key_padding_mask": PADDING, "attn_mask": CAUSAL},
    {"key_padding_mask": np.where(PADDING, -np.inf, 0).astype(np.float32)},
], ids=str)  # fmt: skip
def test_masks(options, need_weights):
    theirs, ours = same("MultiheadAttention", 8, 2)
    x = normal(5, 2, 8)
    compare(theirs, ours, [x, x, x], need_weights=need_weights, **options)


def test_appended_keys_with_masks():
    theirs, ours = same("MultiheadAttention", 8, 2, add_bias_kv=True, add_zero_attn=True, batch_first=True)
    compare(theirs, ours, [normal(2, 5, 8), normal(2, 5, 8, seed=1), normal(2, 5, 8, seed=2)], key_padding_mask=PADDING, attn_mask=CAUSAL)


def test_one_tensor_as_query_key_and_value():
    theirs, ours = same("MultiheadAttention", 8, 2)
    x, memory = normal(5, 2, 8), normal(3, 2, 8, seed=1)
    for framework_pair in ((torch, theirs), (ph, ours)):
        framework, module = framework_pair
        t, m = framework.tensor(x), framework.tensor(memory)
        framework_results = [module(t, t, t, average_attn_weights=False), module(t, m, m)]
        if framework is torch:
            expected = framework_results
    for (a, weights), (b, expected_weights) in zip(framework_results, expected, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(weights.detach().numpy(), expected_weights.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_dropout_on_weights():
    theirs, ours = same("MultiheadAttention", 8, 2, dropout=0.5)
    x = normal(5, 2, 8)
    compare(theirs, ours, [x, x, x])
    compare(theirs.eval(), ours.eval(), [x, x, x])


@pytest.mark.parametrize("norm_first", [False, True])
def test_encoder(norm_first):
    torch.manual_seed(3)
    layer = torch.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, norm_first=norm_first, batch_first=True)
    theirs = torch.nn.TransformerEncoder(layer, 2, norm=torch.nn.LayerNorm(8), enable_nested_tensor=False)
    ph.manual_seed(3)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, norm_first=norm_first, batch_first=True)
    ours = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(8))
    assert repr(ours) == repr(theirs)
    assert ours.layers[0].linear1.weight is not ours.layers[1].linear1.weight
    compare(theirs, ours, [normal(2, 5, 8)], src_key_padding_mask=PADDING)
    compare(theirs, ours, [normal(2, 5, 8)], mask=CAUSAL)


def test_transformer_with_masks():
    theirs, ours = same("Transformer", 8, 2, 1, 2, 16, 0.0)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    np.testing.assert_array_equal(mask.numpy(), torch.nn.Transformer.generate_square_subsequent_mask(5).numpy())
    arrays = [normal(3, 2, 8), normal(5, 2, 8, seed=1)]
    compare(theirs, ours, arrays, tgt_mask=mask.numpy(), src_key_padding_mask=PADDING[:, :3], memory_key_padding_mask=PADDING[:, :3])


@pytest.mark.parametrize("batch_first", [False, True])
def test_dropout_in_layers(batch_first):
    theirs, ours = same("TransformerDecoderLayer", 8, 2, 16, 0.3, batch_first=batch_first)
    compare(theirs, ours, [normal(2, 2, 8), normal(2, 2, 8, seed=1)])
    compare(theirs, ours, [normal(5, 3, 8), normal(5, 3, 8, seed=1)])


@pytest.mark.parametrize("make, error, message", [
    (lambda: nn.MultiheadAttention(7, 2), AssertionError, "embed_dim must be divisible by num_heads"),
    (lambda: nn.MultiheadAttention(8, 0), ValueError, "num_heads must be greater than 0"),
    (lambda: nn.MultiheadAttention(8, 2)(*[ph.zeros(8)] * 3), AssertionError,
     "query should be unbatched 2D or batched 3D tensor but received 1-D"),
    (lambda: nn.MultiheadAttention(8, 2)(*[ph.zeros(2, 3, 6)] * 3), AssertionError, "was expecting embedding dimension of 8, but got 6"),
    (lambda: nn.MultiheadAttention(8, 2)(*[ph.zeros(2, 3, 8)] * 3, is_causal=True), RuntimeError,
     "Need attn_mask if specifying the is_causal hint"),
    (lambda: nn.MultiheadAttention(8, 2)(*[ph.zeros(2, 3, 8)] * 3, attn_mask=ph.zeros(3, 3)), RuntimeError,
     r"The shape of the attn_mask is \(3, 3\), but should be \(2, 2\) or \(6, 2, 2\)"),
    (lambda: nn.TransformerEncoderLayer(8, 2, activation="x"), RuntimeError, "activation should be relu/gelu, not x"),
    (lambda: nn.Transformer(8, 2, 1, 1, 4)(ph.zeros(2, 3, 8), ph.zeros(2, 2, 8)), RuntimeError,
     "the batch number of src and tgt must be equal"),
])  # fmt: skip
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_choice_of_backends():
    q = ph.randn(1, 2, 3, 4)
    with nn.attention.sdpa_kernel([nn.attention.SDPBackend.MATH, nn.attention.SDPBackend.FLASH_ATTENTION]):
        assert nn.functional.scaled_dot_product_attention(q, q, q).shape == q.shape
    with pytest.raises(TypeError, match="sdpa_kernel: backends must be an SDPBackend"), nn.attention.sdpa_kernel("math"):
        pass
