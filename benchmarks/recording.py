"""What recording costs: microseconds of Python an op, and for a whole training step without its kernels.

    python benchmarks/recording.py [--torch]

`op`: one small op on tensors that require grad, recorded and not run. `step`: a 3-layer MLP with Adam: record, backward,
optimizer, realize, everything but the kernels (each program returns ready-made arrays). Prints one line each, and PyTorch's
whole op and step with `--torch`.
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


def mlp_step(torch):
    """A repeated training step of a small MLP."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    opt = torch.optim.Adam(net.parameters())
    x, y = torch.randn(16, 32), torch.randint(0, 10, (16,))

    def step():
        opt.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        opt.step()
        return loss

    return step


class _Ready:
    """Stands for a program whose kernels take no time: the outputs of its first run, again and again."""

    def __init__(self, program):
        self.program, self.values = program, None

    def run(self, leaves, donate=False):
        if self.values is None:
            self.values = self.program.run(leaves)
        return self.values


def step_us():
    """Microseconds of all Python of a repeated step: kernels are replaced by ready results."""
    original, ready = segment._program, {}
    segment._program = lambda outputs: (
        ready.setdefault(outputs, None) or ready.__setitem__(outputs, _Ready(original(outputs))) or ready[outputs]
    )
    try:
        step = mlp_step(powerhouse)
        for _ in range(20):
            step()
        return median_us(step, 15, 100)
    finally:
        segment._program = original


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--torch", action="store_true")
    args = parser.parse_args()
    for name, us in op_us(powerhouse, powerhouse.synchronize).items():
        print(f"op    {name:15} {us:7.2f} us")
    print(f"step  python only     {step_us():7.1f} us")
    step = mlp_step(powerhouse)
    print(f"step  whole           {median_us(step, 15, 50):7.1f} us")
    if args.torch:
        import torch

        torch.set_num_threads(1)
        for name, us in op_us(torch, lambda: None).items():
            print(f"torch op {name:12} {us:7.2f} us")
        print(f"torch step            {median_us(mlp_step(torch), 15, 50):7.1f} us")
