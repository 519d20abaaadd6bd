"""The native tier: a program of fused kernels, with the reference tier's calls between them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from math import prod
from typing import Any

import numpy as np

from ..codegen.emit import Kernel, can_emit, emit, memory_kind
from ..codegen.fuse import KINDS, Group, fuse
from ..codegen.values import Unsupported
from ..core import config
from ..graph.op import leaf, number
from ..graph.symbol import Symbol
from ..runtime import native, reference
from ..runtime.reference import Program, Step, order_of, overwriter, overwrites, sharing, used_once, value_of

_PARALLEL = 1 << 15  # elements below which a second thread costs more than it gives
_WORTH = 1 << 17  # elements times ops from which the tier "auto" compiles a group


def fusable(s: Symbol) -> bool:
    """Whether a pointwise op or reduction can be a member of a kernel."""
    if s.dtype not in KINDS or any(i.dtype not in KINDS for i in s.inputs):
        return False
    return s.op.name.startswith("reduce_") or can_emit(s)


def program(outputs: tuple[Symbol, ...]) -> Program:
    """The program that computes `outputs`: as the reference tier's, but groups of symbols are one step."""
    values = [value_of(s) for s in outputs]
    order = order_of(values)
    least = 0 if config.values["tier"] == "native" else _WORTH
    if sum(s.numel for s in order if s.shape is not None) < least:
        return reference.program(outputs)
    fusion = fuse(order, values, fusable, value_of)
    kernels = {id(g): k for g in fusion.groups if (k := _kernel(g, fusion.scalars, least)) is not None}
    return _Planner(outputs, values, order, fusion.group_of, kernels).plan() if kernels else reference.program(outputs)


def _kernel(group: Group, scalars: frozenset[Symbol], least: int) -> Kernel | None:
    if not group.domain or prod(group.domain) * len(group.members) < least:
        return None
    try:
        kernel = emit(group, scalars, value_of)
        native.function(kernel.text, "kernel")
    except Unsupported:
        return None
    except RuntimeError as error:  # LLVM refuses the text: the group is left to the reference tier
        if config.values["debug"]:
            print(f"powerhouse: no kernel for {', '.join(s.op.name for s in group.members)}: {error}")
        return None
    return kernel


class _Planner:
    """Orders the steps, each after what it reads."""

    def __init__(
        self,
        outputs: tuple[Symbol, ...],
        values: list[Symbol],
        order: list[Symbol],
        group_of: dict[Symbol, Group],
        kernels: dict[int, Kernel],
    ) -> None:
        self.outputs, self.values, self.group_of, self.kernels = outputs, values, group_of, kernels
        self.alone = used_once(order, values)
        self.donated: list[tuple[int, int]] = []
        self.register: dict[Symbol, int] = {}
        self.steps: list[tuple[Callable[..., Any], tuple[Symbol, ...], tuple[Symbol, ...], str]] = []
        self.leaves: list[tuple[int, int]] = []

    def _kernel_of(self, s: Symbol) -> Kernel | None:
        group = self.group_of.get(s)
        kernel = self.kernels.get(id(group)) if group is not None else None
        return kernel if kernel is not None and s in kernel.outputs else None

    def _needs(self, s: Symbol) -> list[Symbol]:
        kernel = self._kernel_of(s)
        if kernel is None:
            return [value_of(i) for i in s.inputs]
        group = self.group_of[s]
        return [*(group.places[i].base for i in kernel.inputs), *kernel.numbers]

    def plan(self) -> Program:
        """The program."""
        stack = [(s, False) for s in reversed(self.values)]
        while stack:
            s, ready = stack.pop()
            if s in self.register:
                continue
            if ready or not (needs := [n for n in self._needs(s) if n not in self.register]):
                self._add(s)
            else:
                stack.append((s, True))
                stack.extend((n, False) for n in reversed(needs))
        return self._program()

    def _new(self, s: Symbol) -> int:
        return self.register.setdefault(s, len(self.register))

    def _add(self, s: Symbol) -> None:
        if s.op is leaf or s.op is number:
            self.leaves.append((s.attrs[0], self._new(s)))
            return
        kernel = self._kernel_of(s)
        if kernel is None:
            self._new(s)
            inputs = tuple(value_of(i) for i in s.inputs)
            in_place = overwrites(s, self.alone)
            if in_place and inputs[0].op is leaf:
                self.donated.append((inputs[0].attrs[0], self.register[inputs[0]]))
            self.steps.append((overwriter(s) if in_place else reference.kernel(s), inputs, (s,), s.op.name))
            return
        for o in kernel.outputs:
            self._new(o)
        needs = tuple(self._needs(s))
        self.steps.append((_runner(kernel, self.group_of[s]), needs, kernel.outputs, "kernel"))

    def _program(self) -> Program:
        last: dict[Symbol, int] = {}
        for n, (_, needs, made, _) in enumerate(self.steps):
            last.update(dict.fromkeys((*made, *needs), n))
        kept = set(self.values)
        dying: dict[int, list[int]] = {}
        for s, n in last.items():
            if s not in kept:
                dying.setdefault(n, []).append(self.register[s])
        steps = []
        for n, (run, needs, made, name) in enumerate(self.steps):
            registers = tuple(self.register[s] for s in made)
            steps.append(
                Step(
                    run,
                    tuple(self.register[s] for s in needs),
                    registers if name == "kernel" else registers[0],
                    tuple(dying.get(n, ())),
                    name,
                )
            )
        copies = sharing(self.values)
        registers = tuple(self.register[s] for s in self.values)
        return Program(
            tuple(self.leaves),
            tuple(steps),
            registers,
            len(self.register),
            tuple(s.dtype.numpy for s in self.outputs),
            copies,
            tuple(self.donated),
        )


def _runner(kernel: Kernel, group: Group) -> Callable[..., Any]:
    """The step of a kernel: arrays and numbers in, its outputs' arrays out."""
    call = native.function(kernel.text, "kernel")
    kinds = [memory_kind(group.places[i].base.dtype) for i in kernel.inputs]
    shapes = [(o.shape, o.dtype.numpy) for o in kernel.outputs]
    n, count, kinds_of_numbers = len(kernel.inputs), kernel.count, [s.attrs[1] == "float" for s in kernel.numbers]
    sizes = np.array([0] * len(kernel.numbers) + list(kernel.sizes), np.int64)
    parallel = kernel.work >= _PARALLEL and count > 1

    def run(*args: Any) -> tuple[Any, ...]:
        arrays = [_row_major(a, k) for a, k in zip(args, kinds, strict=False)]
        outputs = [np.empty(*s) for s in shapes]
        pointers = np.array([a.__array_interface__["data"][0] for a in (*arrays, *outputs)], np.uint64)
        numbers = sizes.copy()
        for k, (x, is_float) in enumerate(zip(args[n:], kinds_of_numbers, strict=True)):
            (numbers.view(np.float64) if is_float else numbers)[k] = x
        p, q = pointers.ctypes.data, numbers.ctypes.data
        _share_out(call, p, q, count, thread_count() if parallel else 1, 64 if kernel.flat else 1)
        return tuple(outputs)

    return run


def _row_major(a: Any, kind: np.dtype) -> Any:
    a = np.asarray(a)
    if a.dtype == bool:
        a = a.view(np.uint8) if a.flags.c_contiguous else np.ascontiguousarray(a).view(np.uint8)
    return a if a.flags.c_contiguous and a.dtype == kind else np.ascontiguousarray(a, kind)


def thread_count() -> int:
    """The threads that kernels may use: the flag, or the processors that this process may run on."""
    return config.values["threads"] or len(os.sched_getaffinity(0))


def _share_out(call: Any, pointers: int, numbers: int, count: int, threads: int, grain: int) -> None:
    """Split `count` rows or elements into one run for each thread."""
    step = -(-count // (threads * grain)) * grain
    others = [_pool(os.getpid()).submit(call, pointers, numbers, at, min(at + step, count)) for at in range(step, count, step)]
    call(pointers, numbers, 0, min(step, count))
    for other in others:
        other.result()


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    """Threads that run kernels; a forked process makes its own."""
    return ThreadPoolExecutor(max(1, (os.cpu_count() or 2) - 1), thread_name_prefix="powerhouse-kernel")
