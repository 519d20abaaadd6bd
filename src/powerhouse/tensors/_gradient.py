"""Backward as users call it: `Tensor.backward`, `grad`, hooks, and the modes that say whether gradients are recorded."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from ..core import dtypes as dt
from ..core.errors import describe
from ..engine import backward as engine
from ..engine.segment import RECORDER, History
from ..graph.memo import memoize
from ..graph.op import Type, constant, fit
from ..graph.symbol import Symbol
from ._handles import HookTable, RemovableHandle, add_hook
from .apply import is_tensor, read, wrap


class _Mode:
    """A context manager and decorator that sets flags of this thread's recorder."""

    _flags: dict[str, Any] = {}

    def __init__(self) -> None:
        self._saved: list[dict[str, Any]] = []

    def __enter__(self) -> None:
        self._saved.append({name: getattr(RECORDER.now, name) for name in self._flags})
        for name, value in self._flags.items():
            setattr(RECORDER.now, name, value)

    def __exit__(self, *_: object) -> None:
        for name, value in self._saved.pop().items():
            setattr(RECORDER.now, name, value)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return self._around(function) if inspect.isgeneratorfunction(function) else inner

    def _again(self) -> _Mode:
        """The same mode for one more call, which may be in another thread."""
        new = object.__new__(type(self))
        new._saved, new._flags = [], self._flags
        return new

    def _around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A generator function that is in this mode while it runs, and not while it waits."""

        @functools.wraps(function)
        def generate(*args: Any, **kwargs: Any) -> Any:
            source = function(*args, **kwargs)
            resume, given = source.send, None
            try:
                while True:
                    with self._again():
                        value = resume(given)
                    try:
                        resume, given = source.send, (yield value)
                    except GeneratorExit:
                        raise
                    except BaseException as error:
                        resume, given = source.throw, error
            except StopIteration as end:
                return end.value
            finally:
                with self._again():
                    source.close()

        return generate


class no_grad(_Mode):  # noqa: N801 (PyTorch's names, here and below)
    """Record no gradients: a context manager, and a decorator.

    >>> import powerhouse as torch
    >>> with torch.no_grad():
    ...     (torch.ones(1, requires_grad=True) * 2).requires_grad
    False
    """

    _flags = {"grad": False}

    def __new__(cls, function: Any = None) -> Any:
        new = super().__new__(cls)
        if callable(function):
            new.__init__()  # type: ignore[misc]
            return new(function)
        return new

    def __init__(self, function: Any = None) -> None:
        super().__init__()


class enable_grad(no_grad):  # noqa: N801
    """Record gradients, also inside `no_grad`."""

    _flags = {"grad": True}


class set_grad_enabled(_Mode):  # noqa: N801
    """Record gradients or not, from the call on; as a context manager, until its end."""

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self._flags = {"grad": bool(mode)}
        self._before = RECORDER.now.grad
        RECORDER.now.grad = bool(mode)

    def __enter__(self) -> None:
        self._saved.append({"grad": self._before})
        self._before = RECORDER.now.grad = self._flags["grad"]

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        RECORDER.now.grad = self._before
        return super().__call__(function)

    def _again(self) -> _Mode:
        new = super()._again()
        new._before = RECORDER.now.grad  # type: ignore[attr-defined]
        return new


class inference_mode(_Mode):  # noqa: N801
    """As `no_grad`, for code that will never need gradients."""

    def __new__(cls, mode: Any = True) -> Any:
        new = super().__new__(cls)
        if callable(mode):
            new.__init__()  # type: ignore[misc]
            return new(mode)
        return new

    def __init__(self, mode: Any = True) -> None:
        super().__init__()
        self._flags = {"grad": not mode, "inference": bool(mode)}


def is_grad_enabled() -> bool:
    """Whether gradients are being recorded in this thread."""
    return RECORDER.now.grad


def is_inference_mode_enabled() -> bool:
    """Whether this thread is in inference mode."""
    return RECORDER.now.inference


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Accumulate the gradient of `tensors` (weighted by `grad_tensors`) in the `.grad` of the leaves they depend on.

    Args:
        tensors: one tensor or several; those without `grad_tensors` must have one element.
        retain_graph: keep the graph for another backward; defaults to `create_graph`.
        create_graph: record the gradients themselves, for higher orders.
        inputs: accumulate only in these tensors.
    """
    roots, seeds = _roots(tensors, grad_tensors if grad_tensors is not None else grad_variables, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    wanted = None if inputs is None else ((inputs,) if is_tensor(inputs) else tuple(inputs))
    if wanted is not None and not wanted:
        raise RuntimeError("backward: `inputs` argument to `backward()` cannot be empty.")
    if wanted is not None:
        for t, g in zip(wanted, grad(tensors, wanted, grad_tensors, retain_graph, create_graph, allow_unused=True), strict=True):
            if g is not None:
                t._accumulate(read(g), create_graph)
        return
    found = engine.backward(roots, seeds, (), retain, create_graph)
    RECORDER.now.hold += 1  # hooks, and writes to shared memory, may realize: the other gradients stay symbols of this segment
    try:
        for owner, g in found.leaves:
            if g.needs_grad and not create_graph:
                g = g.plain
            if owner._hooks:
                g = _run_hooks(owner._hooks, g)
            owner._accumulate(g, create_graph)
            if owner._accumulated_hooks:
                for hook in list(owner._accumulated_hooks.values()):
                    hook(owner)
    finally:
        RECORDER.now.hold -= 1


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Gradients of `outputs` with respect to `inputs`, as a tuple; `.grad` is not touched.

    Args:
        grad_outputs: weights of the outputs; outputs of one element need none.
        allow_unused: give None for an input that the outputs do not depend on, instead of raising RuntimeError.
        materialize_grads: give zeros instead of None.

    >>> import powerhouse as torch
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> torch.autograd.grad(x * x, x)
    (tensor(6.),)
    """
    if is_grads_batched:
        raise RuntimeError("grad: is_grads_batched=True is not supported; call grad once for each row of grad_outputs")
    wanted = (inputs,) if is_tensor(inputs) else tuple(inputs)
    roots, seeds = _roots(outputs, grad_outputs, create_graph)
    for i, t in enumerate(wanted):
        if not t.requires_grad:
            raise RuntimeError(f"grad: One of the differentiated Tensors does not require grad (input {i}, {t.dtype} {list(t.shape)})")
    retain = create_graph if retain_graph is None else retain_graph
    found = engine.backward(roots, seeds, [read(t) for t in wanted], retain, create_graph)
    for t in (*wanted, *(owner for owner, _ in found.leaves)) if not retain else ():
        if t._lens is not None:
            t._lens.token = None
    RECORDER.now.hold += 1
    try:
        return tuple(
            [
                _result(i, t, g, create_graph, allow_unused, materialize_grads)
                for i, (t, g) in enumerate(zip(wanted, found.wanted, strict=True))
            ]
        )
    finally:
        RECORDER.now.hold -= 1


def _result(i: int, t: Any, g: Symbol | None, create_graph: bool, allow_unused: bool | None, materialize_grads: bool) -> Any:
    """The gradient of input `i` as a tensor."""
    if g is None:
        if not (allow_unused or materialize_grads):
            raise RuntimeError(
                f"grad: One of the differentiated Tensors (input {i}) appears to not have been used in the graph. "
                "Set allow_unused=True if this is the desired behavior."
            )
        return wrap(_zeros(Type(tuple(t.shape), t.dtype))) if materialize_grads else None
    g = g if create_graph else g.plain
    return wrap(_run_hooks(t._hooks, g) if t._hooks and t.is_leaf else g)


@memoize
def _zeros(kind: Type) -> Symbol:
    return fit(constant(0), kind.dtype, kind.shape)


@memoize
def _ones(kind: Type) -> Symbol:
    return fit(constant(1), kind.dtype, kind.shape)


def _roots(tensors: Any, weights: Any, create_graph: bool) -> tuple[list[Symbol], list[Symbol]]:
    tensors = (tensors,) if is_tensor(tensors) else tuple(tensors)
    if weights is None:
        weights = (None,) * len(tensors)
    else:
        weights = (weights,) if is_tensor(weights) else tuple(weights)
    if len(weights) != len(tensors):
        raise RuntimeError(f"backward: got {len(tensors)} tensors and {len(weights)} gradients")
    roots, seeds = [], []
    for i, (t, w) in enumerate(zip(tensors, weights)):
        if not t.requires_grad:
            raise RuntimeError(f"backward: element {i} of tensors does not require grad and does not have a grad_fn")
        root = read(t)
        if w is None and root.shape and root.numel != 1:
            raise RuntimeError(f"backward: grad can be implicitly created only for scalar outputs, got shape {list(t.shape)}")
        if w is not None and tuple(w.shape) != tuple(t.shape):
            raise RuntimeError(
                f"backward: Mismatch in shape: grad_output[{i}] has a shape of {w.shape} and output[{i}] has a shape of {t.shape}."
            )
        if w is not None and w.dtype.category == dt.COMPLEX and not t.dtype.is_complex:
            raise RuntimeError(f"backward: grad_output[{i}] is {w.dtype} but output[{i}] is {t.dtype}")
        roots.append(root)
        seed = _ones(root.type) if w is None else read(w)
        seeds.append(seed if create_graph else seed.plain)
    return roots, seeds


class Gradient:
    """The part of `Tensor` that concerns gradients."""

    __slots__ = ()
    _hooks: Any
    _grad: Any

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Sequence[Any] | None = None
    ) -> None:
        """Accumulate the gradient of this tensor in the leaves it depends on; see `autograd.backward`.

        >>> import powerhouse as torch
        >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
        """
        backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def register_hook(self, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Call `hook(grad)` whenever this tensor's gradient is computed; what it returns, unless None, replaces the gradient."""
        t: Any = self
        if not t.requires_grad:
            raise RuntimeError("register_hook: cannot register a hook on a tensor that doesn't require gradient")
        if t._hooks is None:
            t._hooks = HookTable()
            if not t.is_leaf:
                self._cut(lambda g, hooks=t._hooks: _run_hooks(hooks, g))
        return add_hook(t._hooks, hook)

    def _cut(self, hook: Callable[[Symbol], Symbol]) -> None:
        """Have backward call `hook` on the gradient of this inner tensor."""
        segment = RECORDER.now.segment
        s = read(self)
        owner = segment.owners.get(s)
        if isinstance(owner, History):  # realized already: the place for all of its gradient is in the record
            owner.record.cuts.setdefault(owner.symbol, []).append(hook)
        else:
            segment.cuts.setdefault(s, []).append(hook)
            segment.walked = True

    def register_post_accumulate_grad_hook(self, hook: Callable[[Any], None]) -> RemovableHandle:
        """Call `hook(tensor)` after the gradient has been added to this leaf's `.grad`."""
        t: Any = self
        if not (t.is_leaf and t.requires_grad):
            raise RuntimeError("register_post_accumulate_grad_hook: post accumulate grad hooks cannot be registered on non-leaf tensors")
        if t._accumulated_hooks is None:
            t._accumulated_hooks = HookTable()
        return add_hook(t._accumulated_hooks, hook)

    def retain_grad(self) -> None:
        """Have backward fill `.grad` of this inner tensor too."""
        t: Any = self
        if not t.requires_grad:
            raise RuntimeError("retain_grad: can't retain_grad on Tensor that has requires_grad=False")
        if t.is_leaf or t._retains_grad:
            return
        t._retains_grad = True

        def keep(g: Symbol) -> Symbol:
            t._grad = wrap(g.plain if t._grad is None else read(t._grad) + g.plain)
            return g

        self._cut(keep)

    @property
    def retains_grad(self) -> bool:
        """Whether `retain_grad` has been called on this inner tensor."""
        return bool(self._retains_grad)  # type: ignore[attr-defined]

    @property
    def grad_fn(self) -> GradFn | None:
        """The op that made this tensor, if gradients flow through it; None for a leaf."""
        t: Any = self
        if not t.requires_grad or t.is_leaf:
            return None
        st = t._storage
        if st.buffer is None or t._lens is not None:
            return GradFn(read(t), RECORDER.now.segment.owners)
        return GradFn(st.history.symbol, st.history.record.owners)


def _run_hooks(hooks: dict[int, Any], g: Symbol) -> Symbol:
    for hook in list(hooks.values()):
        out = hook(wrap(g))
        if out is None:
            continue
        if not is_tensor(out) or tuple(out.shape) != g.shape:
            raise RuntimeError(
                f"hook '{getattr(hook, '__name__', hook)}' has changed the size of value: expected a gradient of shape "
                f"{list(g.shape)}, got {describe(out)}"
            )
        g = read(out)
    return g


class GradFn:
    """A node of the backward graph, as far as it can be seen: its name and what is behind it."""

    def __init__(self, symbol: Symbol, owners: dict[Symbol, Any]) -> None:
        self._symbol, self._owners = symbol, owners

    def name(self) -> str:
        """The name as PyTorch prints it, such as `MulBackward0`."""
        s = self._symbol
        while s.op.name in ("alias", "item", "with_value") and not s.label:
            s = s.inputs[0]
        if s.op.is_variable:
            owner = self._owners.get(s)
            if isinstance(owner, History):
                return GradFn(owner.symbol, owner.record.owners).name()
            return f"{owner.node.function.__name__}Backward" if isinstance(owner, engine.Output) else "AccumulateGrad"
        words = (s.label or s.op.label).split("_")
        return "".join(w[:1].upper() + w[1:] for w in words) + "Backward0"

    @property
    def next_functions(self) -> tuple[Any, ...]:
        """The nodes that the gradient goes to, each with an output number."""
        return tuple((GradFn(i, self._owners), 0) for i in self._symbol.inputs if i.needs_grad)

    def __repr__(self) -> str:
        return f"<{self.name()}>"
