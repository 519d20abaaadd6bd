"""`autocast`: the dtype in which each op runs, regions and threads."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest

import powerhouse as ph
from powerhouse import nn
from powerhouse.graph.op import REGISTRY
from powerhouse.nn import functional as F

# A call of each kind on float32 tensors: its dtype under bfloat16 autocast.
LOWER = {
    "mm": lambda lib, x: lib.mm(x, x),
    "matmul": lambda lib, x: x @ x,
    "bmm": lambda lib, x: lib.bmm(x[None], x[None]),
    "addmm": lambda lib, x: lib.addmm(x, x, x),
    "baddbmm": lambda lib, x: lib.baddbmm(x[None], x[None], x[None]),
    "addbmm": lambda lib, x: lib.addbmm(x, x[None], x[None]),
    "linear": lambda lib, x: lib.nn.functional.linear(x, x, x[0]),
    "conv1d": lambda lib, x: lib.nn.functional.conv1d(x[None], x[:, :, None]),
    "conv2d": lambda lib, x: lib.nn.functional.conv2d(x[None, :, :, None], x[:, :, None, None]),
    "conv_transpose1d": lambda lib, x: lib.nn.functional.conv_transpose1d(x[None], x[:, :, None]),
    "scaled_dot_product_attention": lambda lib, x: lib.nn.functional.scaled_dot_product_attention(x[None], x[None], x[None]),
    "prelu": lambda lib, x: lib.nn.functional.prelu(x, x[0, :1]),
    "einsum": lambda lib, x: lib.einsum("ij,jk->ik", x, x),
    "tensordot": lambda lib, x: lib.tensordot(x, x, dims=1),
    "inner": lambda lib, x: lib.inner(x, x),
    "vecdot": lambda lib, x: lib.linalg.vecdot(x, x),
    "cov": lambda lib, x: lib.cov(x),
    "multi_dot": lambda lib, x: lib.linalg.multi_dot([x, x, x]),
}
# On bfloat16 tensors: float32.
FLOAT32 = {
    "mse_loss": lambda lib, x: lib.nn.functional.mse_loss(x, x),
    "l1_loss": lambda lib, x: lib.nn.functional.l1_loss(x, x),
    "cross_entropy": lambda lib, x: lib.nn.functional.cross_entropy(x, lib.tensor([0, 1, 2, 3])),
    "nll_loss": lambda lib, x: lib.nn.functional.nll_loss(x, lib.tensor([0, 1, 2, 3])),
    "binary_cross_entropy_with_logits": lambda lib, x: lib.nn.functional.binary_cross_entropy_with_logits(x, x),
    "kl_div": lambda lib, x: lib.nn.functional.kl_div(x, x, reduction="sum"),
    "prod": lambda lib, x: x.prod(),
    "trace": lambda lib, x: x.trace(),
    "cdist": lambda lib, x: lib.cdist(x, x),
    "inv": lambda lib, x: lib.linalg.inv(x),
    "svdvals": lambda lib, x: lib.linalg.svdvals(x),
    "quantile": lambda lib, x: x.quantile(0.5),
    "pad": lambda lib, x: lib.nn.functional.pad(x[None], (1, 1), mode="reflect"),
}
# On bfloat16 tensors: bfloat16, as without autocast; likewise in float32.
UNCHANGED = {
    "add": lambda lib, x: x + 1,
    "exp": lambda lib, x: x.exp(),
    "sum": lambda lib, x: x.sum(),
    "softmax": lambda lib, x: x.softmax(-1),
    "gelu": lambda lib, x: lib.nn.functional.gelu(x),
    "layer_norm": lambda lib, x: lib.nn.functional.layer_norm(x, (4,)),
    "batch_norm": lambda lib, x: lib.nn.functional.batch_norm(x, None, None, training=True),
    "mv": lambda lib, x: lib.mv(x, x[0]),
    "dot": lambda lib, x: lib.dot(x[0], x[0]),
    "outer einsum": lambda lib, x: lib.einsum("i,j->ij", x[0], x[0]),
    "zero padding": lambda lib, x: lib.nn.functional.pad(x, (1, 1)),
    "embedding": lambda lib, x: lib.nn.functional.embedding(lib.tensor([1, 2]), x),
    "view": lambda lib, x: x.reshape(-1)[2:],
}
WIDEST = {
    "cat": lambda lib, x: (lib.cat([x, x.bfloat16()]), lib.cat([x.bfloat16(), x.bfloat16()])),
    "stack": lambda lib, x: (lib.stack([x.bfloat16(), x]), lib.stack([x.bfloat16(), x.bfloat16()])),
    "index_copy": lambda lib, x: (
        lib.index_copy(x, 0, lib.tensor([1]), x[:1].bfloat16()),
        lib.index_copy(x.bfloat16(), 0, lib.tensor([1]), x[:1].bfloat16()),
    ),
}


def square(lib):
    """A well-conditioned (4, 4) float32 matrix."""
    return lib.tensor((np.eye(4) + np.arange(16).reshape(4, 4) / 40).astype(np.float32))


def names(out):
    """The names of the dtypes of tensors in a structure."""
    return [n for o in out for n in names(o)] if isinstance(out, (tuple, list)) else [str(out.dtype).rpartition(".")[2]]


@pytest.mark.parametrize("name", LOWER)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_lower(name, dtype):
    """Matrix products and their kin run in the dtype of the region."""
    with ph.autocast("cpu", getattr(ph, dtype)):
        assert names(LOWER[name](ph, square(ph))) == [dtype]
    assert names(LOWER[name](ph, square(ph))) == ["float32"]


@pytest.mark.parametrize("name", FLOAT32)
def test_float32(name):
    """Losses and decompositions run in float32."""
    with ph.autocast("cpu"):
        assert names(FLOAT32[name](ph, square(ph).bfloat16())) == ["float32"]


@pytest.mark.parametrize("name", UNCHANGED)
def test_unchanged(name):
    """All else runs in the dtype of its inputs."""
    for dtype in ("float32", "bfloat16"):
        with ph.autocast("cpu"):
            assert names(UNCHANGED[name](ph, square(ph).to(getattr(ph, dtype)))) == [dtype]


@pytest.mark.parametrize("name", WIDEST)
def test_widest(name):
    """What joins tensors takes the wider dtype."""
    with ph.autocast("cpu"):
        assert names(WIDEST[name](ph, square(ph))) == ["float32", "bfloat16"]
        with pytest.raises(RuntimeError, match="cat: unexpected floating dtype under autocast: got float16"):
            ph.cat([square(ph).half(), square(ph)])


def test_doubles_and_integers_stay():
    """A double has been chosen for a reason."""
    x = square(ph).double()
    with ph.autocast("cpu"):
        assert (x @ x).dtype is ph.float64
        assert F.mse_loss(x, x).dtype is ph.float64
        assert ph.cat([x, square(ph)]).dtype is ph.float64
        assert (x.long() @ x.long()).dtype is ph.int64


def test_every_policy_is_known():
    """An op block says one of the words, or a function."""
    assert {op.autocast for op in REGISTRY.values() if isinstance(op.autocast, str)} == {"", "lower", "float32", "widest"}


def test_values_are_those_of_the_lower_dtype():
    """The product of the tensors rounded to bfloat16."""
    x = square(ph)
    with ph.autocast("cpu"):
        y = x @ x
    np.testing.assert_array_equal(y.float().numpy(), (x.bfloat16() @ x.bfloat16()).float().numpy())
    assert not np.array_equal(y.float().numpy(), (x @ x).numpy())


def tables_of_pytorch():
    """Every case with the dtype of its argument."""
    return [
        (n, f, d)
        for table in (LOWER, FLOAT32, UNCHANGED, WIDEST)
        for n, f in table.items()
        for d in ("float32", "bfloat16", "float64")
        if table is not WIDEST or d == "float32"
    ]


@pytest.mark.parametrize(("name", "call", "dtype"), tables_of_pytorch(), ids=lambda v: v if isinstance(v, str) else "")
def test_against_pytorch(name, call, dtype):
    """The same dtypes as PyTorch's CPU autocast."""
    torch = pytest.importorskip("torch")
    results = []
    for lib in (torch, ph):
        with lib.autocast("cpu"):
            results.append(names(call(lib, square(lib).to(getattr(lib, dtype)))))
    assert results[0] == results[1]


LAYERS = {
    "RNN": lambda lib: lib.nn.RNN(4, 6, 2, bidirectional=True),
    "LSTM": lambda lib: lib.nn.LSTM(4, 6, 2),
    "LSTM, projected": lambda lib: lib.nn.LSTM(4, 6, proj_size=2),
    "GRU": lambda lib: lib.nn.GRU(4, 6),
    "RNNCell": lambda lib: lib.nn.RNNCell(4, 6),
    "LSTMCell": lambda lib: lib.nn.LSTMCell(4, 6),
    "MultiheadAttention": lambda lib: (lambda m: lambda x: m(x, x, x))(lib.nn.MultiheadAttention(4, 2)),
    "TransformerEncoderLayer": lambda lib: lib.nn.TransformerEncoderLayer(4, 2, 8),
    "LayerNorm": lambda lib: lib.nn.LayerNorm(4),
    "Conv": lambda lib: lib.nn.Sequential(lib.nn.Conv1d(3, 3, 1), lib.nn.BatchNorm1d(3), lib.nn.ReLU()),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_layers_against_pytorch(name, dtype):
    """Layers, recurrent ones among them, give the dtypes that PyTorch's give, and float32 gradients."""
    torch = pytest.importorskip("torch")
    results = []
    for lib in (torch, ph):
        layer = LAYERS[name](lib)
        x = lib.ones(3, 4) if "Cell" in name else lib.ones(5, 3, 4)
        with warnings.catch_warnings(), lib.autocast("cpu"):
            warnings.simplefilter("ignore")
            results.append(names(layer(x.to(getattr(lib, dtype)))))
    assert results[0] == results[1]


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_recurrent_gradients(kind):
    """Values near those of float32, and gradients in the parameters' dtype."""
    ph.manual_seed(0)
    layer, x = getattr(nn, kind)(4, 6), ph.randn(5, 3, 4)
    want = layer(x)[0]
    with ph.autocast("cpu"):
        out, _ = layer(x)
    np.testing.assert_allclose(out.detach().float().numpy(), want.detach().numpy(), atol=0.03)
    out.float().square().sum().backward()
    assert all(p.grad.dtype is ph.float32 and p.grad.isfinite().all() for p in layer.parameters())


def test_packed_sequences_keep_their_state():
    """As in PyTorch, whose kernel for padded batches does not take packed ones."""
    packed = nn.utils.rnn.pack_padded_sequence(ph.ones(5, 3, 4), ph.tensor([5, 3, 2]))
    with ph.autocast("cpu"):
        for layer in (nn.LSTM(4, 6), nn.GRU(4, 6)):
            assert layer(packed)[0].data.dtype is ph.float32
        assert nn.LSTM(4, 6, proj_size=2)(packed)[0].data.dtype is ph.bfloat16


# --- regions -------------------------------------------------------------------------------------------------------------------------


def test_regions_nest():
    """An inner region holds to its end, disabled ones too."""
    x = square(ph)
    assert not ph.is_autocast_enabled("cpu")
    with ph.autocast("cpu"):
        assert ph.is_autocast_enabled("cpu") and not ph.is_autocast_enabled()
        with ph.autocast("cpu", enabled=False):
            assert not ph.is_autocast_enabled("cpu") and (x @ x).dtype is ph.float32
            with ph.autocast("cpu", dtype=ph.float16):
                assert (x @ x).dtype is ph.float16
        assert (x @ x).dtype is ph.bfloat16
    assert (x @ x).dtype is ph.float32 and ph.get_autocast_dtype("cpu") is ph.bfloat16


def test_errors_leave_the_region():
    """A region ends with an exception, and an op's error leaves it as it was."""
    x = square(ph)
    with pytest.raises(RuntimeError, match="mm: mat1 and mat2 shapes"), ph.autocast("cpu"):
        with pytest.raises(RuntimeError):
            ph.mm(x, x[:3])
        assert (x @ x).dtype is ph.bfloat16
        ph.mm(x, x[:3])
    assert (x @ x).dtype is ph.float32


def test_decorator():
    """A decorated function is in its region at each call, recursive ones too."""

    @ph.autocast("cpu")
    def product(x, depth=2):
        return product(x, depth - 1) if depth else x @ x

    assert product(square(ph)).dtype is ph.bfloat16 and product.__name__ == "product"
    assert not ph.is_autocast_enabled("cpu")
    with pytest.raises(TypeError, match="callable"):
        ph.autocast("cpu")(3)


def test_threads_have_their_own():
    """A region holds for the thread that is in it."""
    found = {}

    def work():
        found["outside"] = (square(ph) @ square(ph)).dtype
        with ph.autocast("cpu", ph.float16):
            entered.set()
            left.wait(5)
            found["inside"] = (square(ph) @ square(ph)).dtype

    entered, left = threading.Event(), threading.Event()
    with ph.autocast("cpu"):
        thread = threading.Thread(target=work)
        thread.start()
        entered.wait(5)
        found["here"] = (square(ph) @ square(ph)).dtype
    left.set()
    thread.join()
    assert found == {"outside": ph.float32, "inside": ph.float16, "here": ph.bfloat16}


def test_with_anomaly_mode():
    """The two modes stand side by side, in either order."""
    w = square(ph).requires_grad_()
    with ph.autograd.detect_anomaly(), ph.autocast("cpu"):
        assert (w @ w).dtype is ph.bfloat16
    with ph.autocast("cpu"):
        with ph.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="nan"):
            ((w @ w) * 0).sqrt().mul(0).sum().backward()
        assert (w @ w).dtype is ph.bfloat16


def test_devices_and_dtypes_that_are_not_there():
    """They are warned of, and the region does nothing; an unknown device is refused."""
    for arguments, message in ((("cuda",), "CUDA is not available"), (("cpu", ph.float64), "only supports dtypes of")):
        with pytest.warns(UserWarning, match=message):
            region = ph.autocast(*arguments)
        with region:
            assert (square(ph) @ square(ph)).dtype is ph.float32
    with pytest.raises(RuntimeError, match="unsupported autocast device_type 'abacus'"):
        ph.autocast("abacus")
    with pytest.raises(ValueError, match="of type `str`"):
        ph.autocast(3)
    with pytest.warns(FutureWarning, match="deprecated"), pytest.warns(UserWarning, match="CUDA"):
        ph.cuda.amp.autocast()


def test_settings():
    """The functions that ask for and set autocast one by one."""
    try:
        ph.set_autocast_enabled("cpu", True)
        ph.set_autocast_dtype("cpu", ph.float16)
        assert ph.is_autocast_cpu_enabled() and (square(ph) @ square(ph)).dtype is ph.float16
    finally:
        ph.set_autocast_enabled("cpu", False)
        ph.set_autocast_dtype("cpu", ph.bfloat16)
    assert not ph.is_autocast_cpu_enabled() and ph.get_autocast_cpu_dtype() is ph.bfloat16 and ph.get_autocast_gpu_dtype() is ph.float16
    assert ph.amp.is_autocast_available("cpu") and not ph.amp.is_autocast_available("abacus")
    with pytest.raises(RuntimeError, match="expected one of"):
        ph.get_autocast_dtype("abacus")


# --- gradients and training ------------------------------------------------------------------------------------------------------------


def test_gradients_arrive_in_float32():
    """Through the cast, in the dtype of the parameter, and near those of float32."""
    w = square(ph).requires_grad_()
    with ph.autocast("cpu"):
        y = (w @ w).sum()
    y.backward()
    want = square(ph).requires_grad_()
    (want @ want).sum().backward()
    assert w.grad.dtype is ph.float32
    np.testing.assert_allclose(w.grad.numpy(), want.grad.numpy(), rtol=0.02)


def test_custom_function():
    """`custom_fwd` casts what forward gets and runs it without autocast; `custom_bwd` runs backward as forward ran."""
    seen = {}

    class Product(ph.autograd.Function):
        @staticmethod
        @ph.amp.custom_fwd(device_type="cpu", cast_inputs=ph.float32)
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            seen["forward"] = ph.is_autocast_enabled("cpu"), a.dtype
            return a @ b

        @staticmethod
        @ph.amp.custom_bwd(device_type="cpu")
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            seen["backward"] = ph.is_autocast_enabled("cpu")
            return g @ b.T, a.T @ g

    w = square(ph).requires_grad_()
    with ph.autocast("cpu"):
        y = Product.apply(w.bfloat16(), w)
        assert y.dtype is ph.float32
        y.sum().backward()
    assert seen == {"forward": (False, ph.float32), "backward": False} and w.grad.dtype is ph.float32


class Gpt(nn.Module):
    """A transformer of one block over 11 characters."""

    def __init__(self):
        super().__init__()
        self.token, self.place = nn.Embedding(11, 16), nn.Embedding(8, 16)
        self.norm, self.qkv, self.out = nn.LayerNorm(16), nn.Linear(16, 48), nn.Linear(16, 16)
        self.mlp = nn.Sequential(nn.LayerNorm(16), nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
        self.head = nn.Linear(16, 11)

    def forward(self, ids):  # (B, T)
        x = self.token(ids) + self.place(ph.arange(ids.shape[1]))
        q, k, v = (t.unflatten(-1, (2, 8)).transpose(1, 2) for t in self.qkv(self.norm(x)).chunk(3, -1))  # (B, heads, T, 8)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        return self.head(x + self.mlp(x)).flatten(0, 1)  # (B T, 11)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("kind", ["mlp", "gpt"])
def test_training(kind, scaled):
    """The loss falls, and the parameters stay float32."""
    ph.manual_seed(0)
    if kind == "mlp":
        model, x, y = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3)), ph.randn(12, 4), ph.randint(0, 3, (12,))
    else:
        ids = ph.randint(0, 11, (2, 9))
        model, x, y = Gpt(), ids[:, :-1], ids[:, 1:].flatten()
    optimizer, scaler = ph.optim.Adam(model.parameters(), lr=0.02), ph.amp.GradScaler("cpu", enabled=scaled, growth_interval=10)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        with ph.autocast("cpu"):
            out = model(x)
            loss = F.cross_entropy(out, y)
        assert out.dtype is ph.bfloat16 and loss.dtype is ph.float32
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
    assert losses[-1] < 0.4 * losses[0]
    assert all(p.dtype is ph.float32 and p.grad.dtype is ph.float32 for p in model.parameters())
    assert scaler.get_scale() == (2.0**19 if scaled else 1.0)
