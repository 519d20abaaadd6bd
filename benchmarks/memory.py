"""Whether memory stays flat: the process's resident memory over 10,000 training steps, and over 2,000 steps of random shapes.

python benchmarks/memory.py
"""

import random
import resource

import powerhouse as torch
from powerhouse.graph import memo


def resident_mib() -> float:
    """Resident memory of this process, in MiB."""
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize() / 2**20


def trainer():
    """A step of a small network on a batch of any size."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.ReLU(), torch.nn.Dropout(0.1), torch.nn.Linear(64, 10))
    opt = torch.optim.Adam(net.parameters())

    def step(n):
        opt.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(torch.randn(n, 32)), torch.randint(0, 10, (n,)))
        loss.backward()
        opt.step()
        return loss.item()

    return step


def watch(name, step, sizes):
    """Print the resident memory at a few points of the run, and the size of the tables."""
    for i, n in enumerate(sizes, 1):
        step(n)
        if i in (len(sizes) // 10, len(sizes) // 2, len(sizes)):
            stats = memo.stats()
            print(
                f"{name}: step {i:6}  {resident_mib():7.1f} MiB  {stats['symbols']} symbols, {stats['answers']} answers, "
                f"emptied {stats['cleared']} times"
            )


if __name__ == "__main__":
    watch("same shapes  ", trainer(), [16] * 10_000)
    random.seed(0)
    watch("random shapes", trainer(), [random.randint(1, 4000) for _ in range(2_000)])
