"""What recording costs: microseconds of Python an op, and for a whole training step without its kernels.

    python benchmarks/recording.py [--torch]

`op`: one small op on tensors that require grad, recorded and not run. `step`: a training step of a small model with Adam: record,
backward, optimizer, realize, everything but the kernels (each program returns ready-made arrays). The models are a 3-layer MLP, a
GRU cell called 20 times, and a transformer block. Prints one line each, and PyTorch's whole ops and steps with `--torch`.
"""

import argparse
import statistics
import time

import powerhouse
from powerhouse.engine import segment


def median_us(function, repeat=7, number=1):
    """The median over `repeat` of the microseconds of one of `number` calls."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        for _ in range(number):
            function()
        times.append((time.perf_counter() - start) / number * 1e6)
    return statistics.median(times)


def op_us(torch, settle):
    """Microseconds of one op with gradient tracking, in chains of 100."""
    w = torch.ones(4, 4, requires_grad=True)
    ops = {
        "mul": lambda x: x * w,
        "mul by number": lambda x: x * 0.5,
        "tanh": lambda x: x.tanh(),
        "sum": lambda x: x.sum(1, True),
        "matmul": lambda x: x @ w,
        "transpose": lambda x: x.transpose(0, 1),
    }
    results = {}
    for name, op in ops.items():
        times = []
        for _ in range(60):
            settle()
            x = w * 1
            start = time.perf_counter()
            for _ in range(100):
                x = op(x)
            times.append((time.perf_counter() - start) / 100 * 1e6)
        results[name] = statistics.median(times)
    return results


def mlp(torch):
    """A small MLP, and the loss of a batch."""
    linear, relu = torch.nn.Linear, torch.nn.ReLU
    net = torch.nn.Sequential(linear(32, 64), relu(), linear(64, 64), relu(), linear(64, 10))
    x, y = torch.randn(16, 32), torch.randint(0, 10, (16,))
    return net, lambda: torch.nn.functional.cross_entropy(net(x), y)


def gru(torch):
    """A GRU cell, called step by step by a loop in Python."""
    net = torch.nn.ModuleList([torch.nn.GRUCell(64, 128), torch.nn.Linear(128, 5)])
    x, y = torch.randn(20, 8, 64), torch.randint(0, 5, (8,))

    def loss():
        cell, head = net
        h = torch.zeros(8, 128)
        for t in range(x.shape[0]):
            h = cell(x[t], h)
        return torch.nn.functional.cross_entropy(head(h), y)

    return net, loss


def block(torch):
    """A transformer block as in GPT."""
    nn, F = torch.nn, torch.nn.functional
    products = {name: nn.Linear(*sizes) for name, sizes in dict(qkv=(32, 96), out=(32, 32), up=(32, 128), down=(128, 32)).items()}
    net = nn.ModuleDict({"l1": nn.LayerNorm(32), "l2": nn.LayerNorm(32), **products})
    x = torch.randn(2, 16, 32)

    def loss():
        q, k, v = (part.view(2, 16, 4, 8).transpose(1, 2) for part in net["qkv"](net["l1"](x)).split(32, dim=2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        h = x + net["out"](y.transpose(1, 2).contiguous().view(2, 16, 32))
        return (h + net["down"](F.gelu(net["up"](net["l2"](h))))).square().mean()

    return net, loss


MODELS = {"mlp": mlp, "gru": gru, "block": block}


def training_step(torch, model):
    """A repeated training step of a model."""
    torch.manual_seed(0)
    net, loss_of = model(torch)
    opt = torch.optim.Adam(net.parameters())

    def step():
        opt.zero_grad()
        loss = loss_of()
        loss.backward()
        opt.step()
        return loss

    return step


class _Ready:
    """Stands for a program whose kernels take no time: the outputs of its first run, again and again."""

    stopped = None

    def __init__(self, program):
        self.program, self.values = program, None

    def run(self, leaves, donate=False):
        if self.values is None:
            self.values = self.program.run(leaves)
        return self.values


def recording_us(model):
    """Microseconds of all Python of a repeated step: kernels are replaced by ready results."""
    original, ready = segment._program, {}

    def program(outputs):
        if outputs not in ready:
            ready[outputs] = _Ready(original(outputs))
        return ready[outputs]

    segment._program = program
    try:
        step = training_step(powerhouse, model)
        for _ in range(20):
            step()
        return median_us(step, 15, 50)
    finally:
        segment._program = original


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--torch", action="store_true")
    args = parser.parse_args()
    for name, us in op_us(powerhouse, powerhouse.synchronize).items():
        print(f"op    {name:15} {us:7.2f} us")
    for name, model in MODELS.items():
        print(f"step  {name:6} python only {recording_us(model):7.1f} us")
        print(f"step  {name:6} whole       {median_us(training_step(powerhouse, model), 15, 20):7.1f} us")
    if args.torch:
        import torch

        torch.set_num_threads(1)
        for name, us in op_us(torch, lambda: None).items():
            print(f"torch op {name:12} {us:7.2f} us")
        for name, model in MODELS.items():
            print(f"torch step {name:13} {median_us(training_step(torch, model), 15, 20):7.1f} us")
