"""What the CPU can do."""

import platform


def get_cpu_capability() -> str:
    """The architecture of the CPU, such as "x86_64"; PyTorch names an instruction set here."""
    return platform.machine()
