"""Random programs over the public API, as lists of statements: what `fuzz.py` runs.

A statement makes a tensor of earlier ones, writes to one in place, goes backward, steps an optimizer or reads a number. What statements are
made of stands in tables; `x` and `y` are tensors, braces are filled in by the method of `Writer` that uses the table.
"""

from __future__ import annotations

import inspect
import random
import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import powerhouse
from powerhouse.core import config

REFUSALS = (RuntimeError, TypeError, ValueError, IndexError, AttributeError, NotImplementedError, NameError)


class Program(NamedTuple):
    """Statements, which of the names they make are looked at in the end, and whether all of it is float64."""

    statements: tuple[str, ...]
    names: tuple[str, ...]
    exact: bool

    def script(self) -> str:
        """The program as a script that prints what it computes."""
        body = "\n".join(self.statements)
        head = "import numpy as np\nimport powerhouse as torch\n\nF, nn = torch.nn.functional, torch.nn\n"
        shown = "\n".join(f"print({name!r}, {name})" for name in self.names)
        return f"{head}\n\n{inspect.getsource(values)}\n\n{LEAF}\n\ntorch.manual_seed(0)\n{body}\n{shown}\n"


def values(seed, shape, kind, coarse):
    """Values of a leaf. Coarse ones have many that are equal."""
    rng = np.random.default_rng(seed)
    if kind == "bool":
        return rng.random(shape) < 0.5
    if kind[0] in "iu":
        return rng.integers(0, 5, shape).astype(kind)
    a = rng.uniform(-2, 2, shape)
    a = np.round(a * 4) / 4 if coarse else a
    return a.astype("float32" if kind == "bfloat16" else kind)


LEAF = """def leaf(seed, *shape, kind="float32", coarse=False):
    return torch.tensor(values(seed, shape, kind, coarse)).to(getattr(torch, kind))"""


def environment(torch: Any) -> dict[str, Any]:
    """The names that statements use."""
    env = {"torch": torch, "F": torch.nn.functional, "nn": torch.nn, "np": np, "values": values}
    exec(LEAF, env)
    torch.manual_seed(0)
    return env


# --- what statements are made of ------------------------------------------------------------------------------------------------------


def _table(text: str) -> list[str]:
    """The entries of a table: they end with a semicolon."""
    return [entry.strip() for entry in text.split(";")]


UNARY = _table("""
x.tanh(); torch.sigmoid(x); x.sin(); x.cos(); F.gelu(x); F.gelu(x, approximate='tanh'); F.silu(x); F.softplus(x); F.relu(x); F.elu(x);
F.leaky_relu(x, 0.1); x.erf(); F.hardtanh(x); F.hardswish(x); F.mish(x); F.logsigmoid(x); (x * 0.3).exp(); (x.abs() + 1).log();
(x.abs() + 0.1).sqrt(); (x * x + 1).rsqrt(); x.abs(); -x; x.square(); x.clamp(-1, 1); x.clamp(min=0.25); (x + 0.12).floor();
(x + 0.12).round(); (x + 0.12).sign(); (x - 0.12).trunc(); (x + 0.12).frac(); x.atan(); x.expm1(); (x.abs()).log1p(); 1 / (x.abs() + 1);
x ** 2; x ** 3; (x.abs() + 0.5) ** 0.5; x * 0.5 + 1; 1.5 - x; x / 3; x.contiguous(); x.clone(); x.detach(); torch.zeros_like(x) + x;
x * 2.0 * 0.5; (x.abs() + 0.4).reciprocal(); torch.ones_like(x) - x; x.isnan(); x.isfinite(); x.nan_to_num(); F.hardsigmoid(x);
F.softsign(x); F.selu(x); F.softshrink(x, 0.3); F.hardshrink(x, 0.3); (x + 0.12).fmod(0.7); (x + 0.12).remainder(0.7); (x * 0.4).sinh();
(x * 0.4).cosh(); x.asinh(); (x * 0.3).asin(); (x * 0.2).atanh(); x.sinc(); (x * 0.5).tan(); (x.abs() + 1).log2(); x.exp2();
(x.abs() + 1.5).lgamma()
""")
BINARY = _table("""
x + y; x - y; x * y; x / (y * y + 1); x * 0.5 + y; 2 - x * 0.25 + y; torch.maximum(x, y); torch.minimum(x, y); x.tanh() * y;
torch.atan2(x, y.abs() + 1); (x.abs() + 0.5) ** (y * 0.3).tanh(); torch.where(x > y, x, y * 0.5); torch.lerp(x, y, 0.3);
(x + 0.12).fmod(y.abs() + 0.5); torch.hypot(x, y.abs() + 0.1); torch.addcmul(x, y, y, value=0.1); torch.add(x, y, alpha=0.3);
F.mse_loss(x, y.expand_as(x)); F.smooth_l1_loss(x, y.expand_as(x), reduction='none')
""")
COMPARE = _table("""
x > y; x <= y; x == y; x != y; x < 0.3; x >= 0.12
""")
LOGIC = _table("""
x & y; x; y; x ^ y; ~x; x.logical_not(); x.logical_and(y)
""")
WHOLE = _table("""
x + y; x * y; x - y; x // (y.abs() + 1); x % (y.abs() + 1); x & y; x; y; x.clamp(0, 3); x * 3 - 1; -x; x.abs(); torch.maximum(x, y);
x ** 2; x << 1
""")
REDUCE = _table("""
x.sum({}); x.mean({}); x.amax({}); x.amin({}); x.logsumexp({}); x.norm({d}); (x * 0.5).sum({}); x.std({}); x.var({});
(x * x).sum({}).sqrt()
""")
REDUCE_ONE = _table("""
x.max({}).values; x.min({}).values; x.argmax({}); x.argmin({}); x.prod({}); x.cumsum({d}); x.sort({d}).values; x.topk(1, {d}).values;
F.softmax(x, {d}); F.log_softmax(x, {d}); x.any({}); x.all({}); (x > 0).sum({}); x.flip({d}); x.roll(1, {d}); x.cummax({d}).values;
x.logcumsumexp({d}); x.median({}).values; F.normalize(x, dim={d}); F.glu(torch.cat([x, x], {d}), {d}); x.diff(dim={d});
x.unfold({d}, 1, 1); x - x.mean({d}, keepdim=True); x / x.abs().sum({d}, keepdim=True).clamp(min=0.1)
""")
NORMS = _table("""
F.layer_norm(x, x.shape[-1:]); F.layer_norm(x, x.shape[-1:], leaf({s}, {n}, kind='{k}'), leaf({r}, {n}, kind='{k}'));
F.rms_norm(x, x.shape[-1:]); F.cross_entropy(x.reshape(-1, {n}), leaf({s}, {m}, kind='int64') % {n});
F.nll_loss(x.reshape(-1, {n}).log_softmax(1), leaf({s}, {m}, kind='int64') % {n}, reduction='none');
F.batch_norm(x.reshape(-1, {n}), None, None, training=True); F.binary_cross_entropy_with_logits(x, (x > 0).to(x.dtype));
F.dropout(x, 0.4); F.linear(x, leaf({s}, 7, {n}, kind='{k}'), leaf({r}, 7, kind='{k}')); x @ leaf({s}, {n}, 5, kind='{k}');
x @ leaf({s}, {n}, kind='{k}'); x @ leaf({s}, 33, {n}, kind='{k}').t();
F.kl_div(x.log_softmax(-1), (x * 0.5).softmax(-1), reduction='sum'); F.gelu(F.linear(x, leaf({s}, 16, {n}, kind='{k}')));
torch.einsum('...i,ij->...j', x, leaf({s}, {n}, 4, kind='{k}'))
""")
SQUARE = _table("""
x @ x.transpose(-1, -2); x.transpose(-1, -2) @ x; F.softmax(x @ x.transpose(-1, -2) * 0.3, -1) @ x; torch.matmul(x, y);
torch.matmul(x.transpose(-1, -2), y); F.scaled_dot_product_attention(x, x * 0.5, y);
F.scaled_dot_product_attention(x, y, x, is_causal=True); x.tril(); x.triu(1); x.diagonal(0, -2, -1);
torch.einsum('...ij,...kj->...ik', x, y); (x @ y.transpose(-1, -2)).relu();
torch.baddbmm(x.unsqueeze(0), x.unsqueeze(0), y.unsqueeze(0))
""")
WINDOWED = _table("""
F.conv2d(x, leaf({s}, {o}, {c}, 3, 3, kind='{k}'), leaf({r}, {o}, kind='{k}'), padding=1);
F.conv2d(x, leaf({s}, {o}, {c}, 1, 1, kind='{k}')); F.max_pool2d(x, 2);
F.conv2d(x, leaf({s}, {c}, 1, 3, 3, kind='{k}'), padding=1, groups={c});
F.conv2d(x, leaf({s}, {o}, {c}, 3, 2, kind='{k}'), stride=2, padding=(2, 1), dilation=(2, 1));
F.conv_transpose2d(x, leaf({s}, {c}, {o}, 3, 3, kind='{k}'), stride=2, padding=1); F.avg_pool2d(x, 2, padding=1);
F.max_pool2d(x, 3, stride=2, padding=1); F.adaptive_avg_pool2d(x, (2, 3)); F.pad(x, (1, 2, 0, 1)); F.pad(x, (1, 1), mode='reflect');
F.interpolate(x, scale_factor=2); F.group_norm(x, 1); F.batch_norm(x, None, None, training=True);
F.conv1d(x[:, :, 0], leaf({s}, {o}, {c}, 3, kind='{k}'), padding=2); F.unfold(x, 2); F.instance_norm(x);
F.relu(F.conv2d(x, leaf({s}, {o}, {c}, 3, 3, kind='{k}'), leaf({r}, {o}, kind='{k}'), padding=1)) * 0.5;
F.pixel_shuffle(torch.cat([x, x, x, x], 1), 2)
""")
LOOKUP = _table("""
x.index_select({d}, leaf({s}, 5, kind='int64') % {n}); x.gather({d}, leaf({s}, *x.shape, kind='int64') % {n});
torch.take_along_dim(x, x.argsort({d}), {d}); x.scatter_add({d}, leaf({s}, *x.shape, kind='int64') % {n}, x * 0.5);
x.index_add({d}, leaf({s}, 3, kind='int64') % {n}, x.narrow({d}, 0, 1).expand({wide}));
x.movedim({d}, 0)[leaf({s}, 2, 3, kind='int64') % {n}]; F.embedding(leaf({s}, 4, 3, kind='int64') % {first}, x.reshape({first}, -1));
x.masked_fill(x > 0.5, -1.5); x.masked_fill(leaf({s}, *x.shape, kind='bool'), 2.0);
torch.where(leaf({s}, *x.shape, kind='bool'), x, 0.5); x.scatter({d}, leaf({s}, *x.shape, kind='int64') % {n} * 0, 1.0); x[x > 0.2];
x.nonzero(); F.one_hot(leaf({s}, 3, kind='int64'), 6); x.repeat_interleave(2, {d});
x.index_fill({d}, leaf({s}, 2, kind='int64') % {n}, 0.5)
""")
MODULES = _table("""
nn.Linear({n}, 5, dtype=x.dtype)(x); nn.LayerNorm({n}, dtype=x.dtype)(x); nn.LSTM({n}, 4, batch_first=True, dtype=x.dtype)(x)[0];
nn.GRU({n}, 3, batch_first=True, bidirectional=True, dtype=x.dtype)(x)[0]; nn.BatchNorm1d({m}, dtype=x.dtype)(x);
nn.PReLU(dtype=x.dtype)(x);
nn.MultiheadAttention({n}, 1, batch_first=True, dtype=x.dtype)(x, x, x)[0]; nn.RNN({n}, 6, num_layers=2, dtype=x.dtype)(x)[1];
nn.TransformerEncoderLayer({n}, 1, 8, dropout=0.0, batch_first=True, dtype=x.dtype)(x); nn.Conv1d({m}, 4, 3, padding=1, dtype=x.dtype)(x);
nn.Sequential(nn.Linear({n}, 16, dtype=x.dtype), nn.GELU(), nn.Dropout(0.2), nn.Linear(16, 3, dtype=x.dtype))(x)
""")
TRAINED = _table("""
F.gelu(x.reshape(-1, 1) @ leaf({s}, 1, 7, kind='{k}')); x.reshape(-1).softmax(0) * 3; F.layer_norm(x, x.shape); x.tanh().cumsum(0);
x[..., ::2] + 1;
(x.reshape(-1) - leaf({s}, {n}, kind='{k}')).abs(); F.relu(x) @ leaf({s}, {last}, 3, kind='{k}');
torch.cat([x.reshape(-1), x.reshape(-1) * 2])
""")
VIEWS = _table("""
x.transpose({d}, {e}); x.permute({order}); x.unsqueeze({d}); x.flip({d}); x.reshape(-1); x.flatten({d}); x.movedim({d}, {e});
x.expand(2, {kept});
x.squeeze(); x.mT; x[None]; torch.cat([x, x], {d}); torch.stack([x, x], {d}); x.repeat(2{once}); x.T; x.swapaxes({d}, {e}).clone()
""")
CUTS = _table("""
x[{lead}::2]; x[{lead}{cut}:]; x[{lead}:{cut}]; x.narrow({d}, {cut}, {rest}); x.select({d}, {cut}); x[{lead}-1]; x.chunk(2, {d})[0];
x.chunk(2, {d})[-1]; x.split({cut}, {d})[0]; x.unbind({d})[-1]; x.roll({cut}, {d}); x.tensor_split(2, {d})[1]; x.unfold({d}, 2, 1);
torch.cat([x[{lead}{cut}:], x[{lead}:{cut}]], {d}); torch.cat([x[{lead}{cut}:], x * 2], {d}); torch.cat([x * 2, x[{lead}::2]], {d})
""")
SQUEEZED = _table("x.expand({three}); x.squeeze({d})")
HALVES = _table("x.unflatten({d}, (2, {half})); x.unflatten({d}, ({half}, 2))")
INPLACE = _table("""
x.add_(y); x.mul_(0.5); x.sub_(y, alpha=0.3); x.copy_(y); x.tanh_(); x.clamp_(-1, 1); x.zero_(); x.fill_(0.7); x.neg_();
x.mul_(y.tanh()); x.relu_(); x.addcmul_(y, y, value=0.1); x.sigmoid_(); x.masked_fill_(x > 0.5, 0.1); x += y; x *= 1.1; x -= 0.25;
x[..., ::2] *= 0.5; x[1:] += x[:-1]; x[:-1] += x[1:]; x[..., 1:] = x[..., :-1]; x[0] = y.sum(); x[..., 0] += 1; x.t().mul_(2);
x.flatten()[1:].add_(0.3); x.view(-1)[::3] = 0.2; x[x > 1] = 0.5; x.transpose(0, -1)[0] += 0.5; x.diagonal().fill_(0.3);
x.select(-1, 0).copy_(x.select(-1, 1)); x[-1] = x[0]; x.unsqueeze(0).add_(y); x.narrow(0, 0, 1).zero_(); x.squeeze_(); x.unsqueeze_(0);
x.lerp_(y, 0.4); x.index_fill_(0, torch.tensor([0]), 0.6); x.clamp_(min=y); x.transpose_(0, -1); x.cumsum_(0)
""")
OPTIMIZERS = _table("""
SGD({}, lr=0.05, momentum=0.9); SGD({}, lr=0.1); Adam({}, lr=0.01, eps=0.1); AdamW({}, lr=0.01, eps=0.1); RMSprop({}, lr=0.01, eps=0.1)
""")  # a small eps would magnify a gradient that is rounding only
MAKES = """
new_leaf unary unary unary binary binary compare logic whole choose reduce reduce norm norm square window window lookup lookup cast
view view view join scaled gradient module
""".split()  # methods of `Writer`, as often as they are taken
DOES = "inplace inplace inplace inplace backward step train train number outside forget repeat take_gradient".split()


class Refused(Exception):
    """No operand fits."""


class Writer:
    """Writes a program, running each statement in the reference tier as it goes, to know shapes and to leave out what is refused."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.env = environment(powerhouse)
        self.statements: list[str] = []
        self.tensors: list[str] = []
        self.parameters: list[str] = []
        self.numbers: list[str] = []
        self.arrays: list[str] = []
        self.kinds: set[Any] = set()
        self.made = 0
        self.kind = "float64" if self.rng.random() < 0.25 else "float32"
        self.large = self.rng.random() < 0.12
        choices = (2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33) if not self.large else (1, 4, 6, 16, 64, 97, 130, 257)
        self.sizes = [self.rng.choice(choices) for _ in range(3)]
        self.bound = 150_000 if self.large else 6_000

    # --- choices ----------------------------------------------------------------------------------------------------------------

    def one(self, options: Any) -> Any:
        """One of the options."""
        if not options:
            raise Refused
        return self.rng.choice(options)

    def seed(self) -> int:
        """The seed of a leaf."""
        return self.rng.randrange(1000)

    def tensor(self, fits: Callable[[Any], bool] = lambda t: True) -> str:
        """The name of a tensor, the younger the likelier."""
        fitting = [n for n in self.tensors if fits(self.env[n])]
        return self.one(fitting[-4:] if self.rng.random() < 0.6 else fitting)

    def floating(self, *ranks: int) -> str:
        """The name of a tensor of floating point, of one of these ranks (if any are given)."""
        return self.tensor(lambda t: t.is_floating_point() and (not ranks or t.ndim in ranks) and t.numel() > 0)

    def partner(self, x: str, floating: bool) -> str:
        """A tensor that broadcasts with `x`."""
        a = self.env[x]

        def fits(t: Any) -> bool:
            if t.is_floating_point() != floating:
                return False
            try:
                return bool(np.prod(np.broadcast_shapes(tuple(a.shape), tuple(t.shape)), dtype=float) <= self.bound)
            except ValueError:
                return False

        if self.rng.random() < 0.25:
            shape = [n if self.rng.random() < 0.8 else 1 for n in a.shape[self.rng.randrange(a.ndim + 1) :]]
            return self.leaf(shape, self.kind if floating else "int64")
        return self.tensor(fits)

    def leaf(self, shape: Any, kind: str) -> str:
        """A leaf as an expression."""
        sizes = "".join(f", {n}" for n in shape)
        return f"leaf({self.seed()}{sizes}, kind={kind!r}{', coarse=True' if self.rng.random() < 0.2 else ''})"

    def shape(self) -> tuple[int, ...]:
        """A shape within the bound."""
        while True:
            rank = self.one((0, 1, 1, 2, 2, 2, 3, 3, 4, 4))
            shape = tuple(self.one(self.sizes) if self.rng.random() < 0.92 else self.one((1, 1, 1, 0)) for _ in range(rank))
            if np.prod(shape, dtype=float) <= self.bound:
                return shape

    def dims(self, t: Any, one: bool) -> str:
        """Arguments of a reduction."""
        if not t.ndim:
            raise Refused
        keep = self.one(("", ", keepdim=True"))
        if one:
            return f"{self.rng.randrange(-t.ndim, t.ndim)}{keep}"
        some = sorted(self.rng.sample(range(t.ndim), self.rng.randint(1, t.ndim)))
        return f"{tuple(some)}{keep}"

    # --- statements that make a tensor ---------------------------------------------------------------------------------------------

    def new_leaf(self) -> str:
        kind = self.kind if self.rng.random() < 0.7 else self.one(("int64", "int32", "bool", "float64", self.kind))
        return self.leaf(self.shape(), kind)

    def unary(self) -> str:
        return _put(self.one(UNARY), x=self.floating())

    def binary(self) -> str:
        x = self.floating()
        return _put(self.one(BINARY), x=x, y=self.partner(x, True))

    def compare(self) -> str:
        x = self.tensor(lambda t: t.dtype is not powerhouse.bool)
        return _put(self.one(COMPARE), x=x, y=self.partner(x, True))

    def logic(self) -> str:
        x = self.tensor(lambda t: t.dtype is powerhouse.bool)
        return _put(self.one(LOGIC), x=x, y=x)

    def whole(self) -> str:
        x = self.tensor(lambda t: not t.is_floating_point())
        return _put(self.one(WHOLE), x=x, y=self.partner(x, False))

    def choose(self) -> str:
        x = self.floating()
        shape = tuple(self.env[x].shape)
        mask = self.tensor(lambda t: t.dtype is powerhouse.bool and tuple(t.shape) == shape)
        return f"torch.where({mask}, {x}, {self.partner(x, True)})"

    def reduce(self) -> str:
        one = self.rng.random() < 0.5
        x = self.floating() if self.rng.random() < 0.9 else self.tensor()
        given = self.dims(self.env[x], one)
        if not one and self.rng.random() < 0.15:
            given = ""
        d = given.split(", keepdim")[0] or "2"
        return _put(self.one(REDUCE_ONE if one else REDUCE).replace("{}", given).replace("{d}", f"dim={d}" if not one else d), x=x)

    def norm(self) -> str:
        x = self.floating(1, 2, 3, 4)
        t = self.env[x]
        n = t.shape[-1]
        fields = dict(n=n, m=t.numel() // n, s=self.seed(), r=self.seed(), k=self.kind)
        return _put(self.one(NORMS), x=x).format(**fields)

    def square(self) -> str:
        x = self.floating(2, 3, 4)
        shape = tuple(self.env[x].shape)
        y = self.tensor(lambda t: t.is_floating_point() and t.ndim >= 2 and tuple(t.shape[-2:]) == shape[-2:])
        return _put(self.one(SQUARE), x=x, y=y)

    def module(self) -> str:
        x = self.floating(3)
        t = self.env[x]
        return _put(self.one(MODULES), x=x).format(n=t.shape[-1], m=t.shape[1])

    def window(self) -> str:
        x = self.floating(3, 4)
        t = self.env[x]
        x = f"{x}.unsqueeze(0)" if t.ndim == 3 else x
        fields = dict(c=t.shape[-3], o=self.one((1, 2, 3, 5, 8, 16)), s=self.seed(), r=self.seed(), k=self.kind)
        return _put(self.one(WINDOWED), x=x).format(**fields)

    def lookup(self) -> str:
        x = self.floating(1, 2, 3)
        t = self.env[x]
        d = self.rng.randrange(t.ndim)
        wide = ", ".join("3" if k == d else str(n) for k, n in enumerate(t.shape))
        return _put(self.one(LOOKUP), x=x).format(d=d, n=t.shape[d], s=self.seed(), first=t.shape[0], wide=wide)

    def cast(self) -> str:
        x = self.tensor()
        kinds = ["float64", "int64", "int32", "bool"] + (["float32", "float32", "bfloat16"] if self.kind == "float32" else [])
        kind = self.one(kinds)
        if kind == "bool" and self.env[x].is_floating_point():
            x = f"({x} + 0.12).round()"
        return f"{x}.to(torch.{kind})"

    def view(self) -> str:
        x = self.tensor(lambda t: t.ndim > 0)
        t = self.env[x]
        d, e = self.rng.randrange(t.ndim), self.rng.randrange(t.ndim)
        n = t.shape[d]
        fields = dict(d=d, e=e, n=n, lead=":, " * d, order=self.rng.sample(range(t.ndim), t.ndim), half=n // 2)
        fields |= dict(kept=", ".join("-1" for _ in t.shape), once=", 1" * (t.ndim - 1))
        fields |= dict(three=", ".join("3" if k == d else "-1" for k in range(t.ndim)))
        options = [*VIEWS, *(SQUEEZED if n == 1 else ()), *(HALVES if n and n % 2 == 0 else ())]
        if n > 1:
            options += CUTS
            fields["cut"] = cut = self.rng.randrange(1, n)
            fields["rest"] = n - cut
        return _put(self.one(options), x=x).format(**fields)

    def join(self) -> str:
        x = self.tensor(lambda t: t.ndim > 0)
        t = self.env[x]
        y = self.tensor(lambda o: o.shape == t.shape)
        return f"torch.{self.one(('cat', 'stack'))}([{x}, {y}], {self.rng.randrange(t.ndim)})"

    def scaled(self) -> str:
        return f"{self.floating()} * min(max({self.one(self.numbers)}, -2.0), 2.0)"

    def gradient(self) -> str:
        loss, p = self.loss(), self.one(self.parameters)
        more = self.one(("", ", create_graph=True", ", retain_graph=True"))
        return f"torch.autograd.grad({loss}, [{p}], allow_unused=True{more})[0]"

    def loss(self) -> str:
        """A scalar made of one or two tensors."""
        names = {self.tensor(lambda t: t.requires_grad and t.is_floating_point()) for _ in range(2)}
        return " + ".join(
            f"({n} * {self.one((0.5, 1.0, 'torch.ones_like(' + n + ')'))}).{self.one(('sum', 'mean'))}()" for n in sorted(names)
        )

    # --- statements that do something ----------------------------------------------------------------------------------------------

    def inplace(self) -> str:
        x = self.floating()
        text = _put(self.one(INPLACE), x=x, y=self.partner(x, True))
        if x in self.parameters and any(name in text for name in ("squeeze_(", "transpose_(")):
            raise Refused
        return text if self.rng.random() < 0.7 and x not in self.parameters else f"with torch.no_grad(): {text}"

    def backward(self) -> str:
        return f"({self.loss()}).backward({self.one(('', 'retain_graph=True'))})"

    def optimizer(self) -> str:
        return f"opt = torch.optim.{self.one(OPTIMIZERS).format('[' + ', '.join(self.parameters) + ']')}"

    def step(self) -> str:
        if "opt" not in self.env:
            return self.optimizer()
        return self.one(
            (
                f"({self.loss()}).backward(); opt.step()",
                "opt.step()",
                f"opt.zero_grad(); ({self.loss()}).backward(); opt.step(); opt.zero_grad()",
            )
        )

    def train(self) -> str:
        """A few equal steps: from the second on, the program is known and takes over the parameters' memory."""
        if "opt" not in self.env:
            return self.optimizer()
        p = self.one(self.parameters)
        t = self.env[p]
        last = t.shape[-1] if t.ndim else 1
        y = _put(self.one(TRAINED), x=p).format(s=self.seed(), k=self.kind, n=t.numel(), last=last)
        return f"for _ in range(4): opt.zero_grad(); (({y}) ** 2).mean().backward(); opt.step()"

    def number(self) -> str:
        self.made += 1
        self.numbers.append(f"s{self.made}")
        return f"s{self.made} = {self.floating()}.{self.one(('mean', 'max', 'sum'))}().item()"

    def outside(self) -> str:
        self.made += 1
        self.arrays.append(f"n{self.made}")
        return f"n{self.made} = {self.tensor()}.detach().numpy()"

    def forget(self) -> str:
        name = self.tensor()
        if name in self.parameters:
            raise Refused
        self.tensors.remove(name)
        return f"del {name}"

    def repeat(self) -> str:
        x = self.floating()
        return f"for _ in range(3): {x} = {_put(self.one(UNARY), x=x)}"

    def take_gradient(self) -> str:
        self.made += 1
        p = self.one([p for p in self.parameters if self.env[p].grad is not None])
        self.tensors.append(f"g{self.made}")
        return f"g{self.made} = {p}.grad{self.one(('', '.clone()', ' * 1.5'))}"

    # --- the whole ------------------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """A few leaves, some of which want gradients."""
        for k in range(self.rng.randint(1, 3)):
            name = f"p{k}"
            if self.attempt(f"{name} = {self.leaf(self.shape(), self.kind)}.requires_grad_()", name):
                self.parameters.append(name)
        for _ in range(2):
            self.make("new_leaf")

    def make(self, what: str) -> None:
        """One more tensor, if that goes."""
        self.made += 1
        name = f"v{self.made}"
        self.attempt(f"{name} = {getattr(self, what)()}", name)

    def attempt(self, statement: str, name: str | None = None) -> bool:
        """Add a statement if it runs and what it makes is tame."""
        try:
            exec(statement, self.env)
            if name is not None and not self.is_tame(self.env[name]):
                return False
        except REFUSALS:
            return False
        self.statements.append(statement)
        if name is not None:
            self.tensors.append(name)
        for other in list(self.tensors):
            if not isinstance(self.env.get(other), powerhouse.Tensor) or (name is None and not self.is_tame(self.env[other])):
                self.tensors.remove(other)
        return True

    def is_tame(self, t: Any) -> bool:
        """Whether a value is small, in size and in numbers."""
        if not isinstance(t, powerhouse.Tensor) or t.numel() > self.bound:
            return False
        self.kinds.add(t.dtype)
        a = t.detach().double() if t.is_floating_point() else t.detach()
        return not t.numel() or bool(a.isfinite().all() and a.abs().max() < 50 if t.dtype is not powerhouse.bool else True)

    def write(self, length: int) -> Program:
        """A program of about so many statements."""
        with config.override(tier="reference"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.start()
            while len(self.statements) < length:
                try:
                    if self.rng.random() < 0.75:
                        self.make(self.one(MAKES))
                    else:
                        self.attempt(getattr(self, self.one(DOES))())
                except Refused:
                    continue
            if self.rng.random() < 0.7 and self.parameters:
                try:
                    self.attempt(self.backward())
                except Refused:
                    pass
        kept = [t for t in self.tensors if t in self.parameters or self.rng.random() < 0.6]
        names = (*dict.fromkeys(kept), *(a for a in self.arrays if a in self.env), *(f"{p}.grad" for p in self.parameters))
        singles = powerhouse.float32, powerhouse.bfloat16
        return Program(tuple(self.statements), names, self.kind == "float64" and not self.kinds & set(singles))


def _put(text: str, **names: str) -> str:
    """The text with its operands `x` and `y` named."""
    marks = {"x": "\1", "y": "\2"}
    for name in names:
        text = _WORD[name].sub(marks[name], text)
    for name, value in names.items():
        text = text.replace(marks[name], value)
    return text


_WORD = {name: re.compile(rf"\b{name}\b") for name in "xy"}


def program_of(seed: int) -> Program:
    """The program with this number."""
    return Writer(seed).write(random.Random(seed).randint(6, 22))
