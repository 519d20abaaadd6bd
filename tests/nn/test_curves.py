"""The same script gives the same loss curve as PyTorch: initial numbers, dropout masks, gradients, clipping and optimizer together."""

from __future__ import annotations

import numpy as np
import pytest

import powerhouse as ph
import powerhouse.optim

torch = pytest.importorskip("torch")
STEPS = 6


def language_model(framework):
    nn = framework.nn

    class Block(nn.Module):
        def __init__(self, width, heads):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.attention = nn.MultiheadAttention(width, heads, dropout=0.1, batch_first=True)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(0.1))

        def forward(self, x, mask):
            y = self.norm1(x)
            x = x + self.attention(y, y, y, attn_mask=mask, need_weights=False)[0]
            return x + self.mlp(self.norm2(x))

    class Model(nn.Module):
        def __init__(self, words=50, width=32, length=16):
            super().__init__()
            self.word, self.place, self.drop = nn.Embedding(words, width), nn.Embedding(length, width), nn.Dropout(0.1)
            self.blocks = nn.ModuleList([Block(width, 4) for _ in range(2)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)
            self.head.weight = self.word.weight

        def forward(self, x):
            length = x.shape[1]
            mask = framework.triu(framework.full((length, length), float("-inf")), 1)
            x = self.drop(self.word(x) + self.place(framework.arange(length)))
            for block in self.blocks:
                x = block(x, mask)
            return self.head(self.norm(x))

    def batch():
        words = framework.randint(0, 50, (4, 17))
        return words[:, :-1], words[:, 1:]

    return Model(), batch


def encoder(framework):
    nn = framework.nn
    layer = nn.TransformerEncoderLayer(16, 2, 32, 0.1, batch_first=True)
    net = nn.Sequential(nn.Embedding(50, 16), nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.Linear(16, 50))
    return net, lambda: (framework.randint(0, 50, (4, 8)), framework.randint(0, 50, (4, 8)))


def image_classifier(framework):
    nn = framework.nn
    first = [nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Dropout2d(0.2)]
    net = nn.Sequential(*first, nn.Conv2d(8, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))
    return net, lambda: (framework.randn(8, 3, 12, 12), framework.randint(0, 10, (8,)))


def sequence_classifier(framework):
    nn = framework.nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.word = nn.Embedding(20, 16, padding_idx=0)
            self.lstm = nn.LSTM(16, 24, 2, batch_first=True, dropout=0.2, bidirectional=True)
            self.out = nn.Linear(48, 5)

        def forward(self, x):
            return self.out(self.lstm(self.word(x))[0].mean(1))

    return Model(), lambda: (framework.randint(0, 20, (6, 7)), framework.randint(0, 5, (6,)))


def curve(framework, build):
    framework.manual_seed(0)
    net, batch = build(framework)
    optimizer = framework.optim.AdamW(net.parameters(), lr=1e-2)
    losses = []
    for _ in range(STEPS):
        x, target = batch()
        optimizer.zero_grad()
        loss = framework.nn.functional.cross_entropy(net(x).flatten(0, -2), target.flatten())
        loss.backward()
        framework.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("build", [language_model, encoder, image_classifier, sequence_classifier], ids=lambda build: build.__name__)
def test_same_curve(build):
    np.testing.assert_allclose(curve(ph, build), curve(torch, build), rtol=2e-4)
