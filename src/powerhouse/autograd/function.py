"""`autograd.Function`: ops whose forward and backward are the user's Python."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..engine.backward import Node, Output
from ..engine.segment import RECORDER
from ..graph.op import Type, constant, fit
from ..graph.symbol import Symbol
from ..tensors._gradient import no_grad, set_grad_enabled
from ..tensors.apply import is_tensor, read, wrap, write


class Context:
    """What forward leaves for backward: saved tensors, and anything set as an attribute.

    `needs_input_grad` tells for each argument of forward whether its gradient is wanted.
    """

    def __init__(self) -> None:
        self.needs_input_grad: tuple[bool, ...] = ()
        self._saved: tuple[Any, ...] = ()
        self._not_differentiable: tuple[Any, ...] = ()
        self._dirty: tuple[Any, ...] = ()
        self._materialize = True
        self._versions: list[int] = []  # of the saved tensors' storages, at the end of forward
        self._outputs: dict[int, int] = {}  # which saved tensors are outputs of forward
        self._node: Node | None = None  # while backward runs, and its gradients are recorded

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors (or None) for backward, where they are `saved_tensors`."""
        for t in tensors:
            if t is not None and not is_tensor(t):
                raise TypeError(f"save_for_backward can only save variables, but argument is of type {type(t).__name__}")
        self._saved = tensors

    save_for_forward = save_for_backward

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What `save_for_backward` kept. RuntimeError where one was changed in place since."""
        for t, version in zip(self._saved, self._versions, strict=False):
            if t is not None and t._storage.version != version:
                raise RuntimeError(
                    f"saved_tensors: a saved tensor ({t.dtype} {list(t.shape)}) has been modified by an inplace operation; "
                    "save a clone of it"
                )
        return tuple([self._unpacked(i, t) for i, t in enumerate(self._saved)])

    def _unpacked(self, i: int, t: Any) -> Any:
        """A saved output stands in the graph as that output, so that second derivatives go through it."""
        if self._node is None or i not in self._outputs:
            return t
        return wrap(RECORDER.now.segment.variable(read(t).plain, Output(self._node, self._outputs[i])))

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say that these outputs have no gradient."""
        self._not_differentiable = tensors

    def mark_dirty(self, *tensors: Any) -> None:
        """Say that forward changed these inputs in place."""
        self._dirty = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (default) or None for outputs without gradient."""
        self._materialize = value


class _FunctionNode(Node):
    """A call of a `Function` in the graph."""

    def __init__(self, function: type[Function], context: Context, inputs: Sequence[Symbol | None], outputs: list[Type]) -> None:
        super().__init__(inputs)
        self.function, self.context, self.outputs = function, context, outputs

    def backward(self, grads: dict[int, Symbol], create_graph: bool) -> Sequence[Symbol | None]:
        """Call the user's backward on tensors, and check what it gives."""
        given = [self._gradient_of(i, grads.get(i)) for i in range(len(self.outputs))]
        self.context._node = self if create_graph else None
        try:
            with set_grad_enabled(create_graph):
                out = self.function.backward(self.context, *given)
        finally:
            self.context._node = None
        out = list(out) if isinstance(out, (tuple, list)) else [out]
        name = self.function.__name__
        while len(out) > len(self.inputs) and out[-1] is None:
            out.pop()
        if len(out) != len(self.inputs):
            raise RuntimeError(
                f"function {name}Backward returned an incorrect number of gradients (expected {len(self.inputs)}, got {len(out)})"
            )
        return [self._checked(i, s, g) for i, (s, g) in enumerate(zip(self.inputs, out, strict=True))]

    def _gradient_of(self, i: int, g: Symbol | None) -> Any:
        if g is None:
            if not self.context._materialize:
                return None
            g = fit(constant(0), self.outputs[i].dtype, self.outputs[i].shape)
        return wrap(g)

    def _checked(self, i: int, s: Symbol | None, g: Any) -> Symbol | None:
        if s is None or g is None:
            return None
        if not is_tensor(g):
            raise TypeError(f"function {self.function.__name__}Backward: expected Variable or None (got {type(g).__name__}) for input {i}")
        if tuple(g.shape) != s.shape:
            g = g.sum_to_size(s.shape) if g.ndim >= len(s.shape) and hasattr(g, "sum_to_size") else g
            if tuple(g.shape) != s.shape:
                raise RuntimeError(
                    f"Function {self.function.__name__}Backward returned an invalid gradient at index {i} - got "
                    f"{list(g.shape)} but expected shape compatible with {list(s.shape)}"
                )
        return read(g)

    def replanted(self, inputs: Sequence[Symbol | None]) -> Node:
        """The same call over symbols of another segment."""
        return _FunctionNode(self.function, self.context, inputs, self.outputs)


class Function:
    """Base of user-defined ops: static methods `forward(ctx, *args)` and `backward(ctx, *grad_outputs)`; call `.apply`.

    >>> import powerhouse as torch
    >>> class Double(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x * 2
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         return g * 2
    >>> x = torch.ones(1, requires_grad=True)
    >>> Double.apply(x).backward(); x.grad
    tensor([2.])
    """

    def __init__(self, *_: Any, **__: Any) -> None:
        raise RuntimeError(
            f"{type(self).__name__} should not be instantiated. Methods on autograd functions are all static, so you should "
            "invoke them on the class itself."
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the outputs."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Compute the gradients of the inputs."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with backward mode AD."
        )

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        """Fill `ctx` after a forward that does not take it."""
        raise NotImplementedError("setup_context is not implemented.")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward, and take part in the graph."""
        context = Context()
        wants = [is_tensor(a) and a.requires_grad for a in args]
        context.needs_input_grad = tuple(wants)
        recording = RECORDER.now.grad and any(wants)
        segment = RECORDER.now.segment
        inputs = [read(a) if w else None for a, w in zip(args, wants, strict=True)] if recording else []
        with no_grad():
            if cls.setup_context is not Function.setup_context:
                result = cls.forward(*args, **kwargs)
                cls.setup_context(context, args, result)
            else:
                result = cls.forward(context, *args, **kwargs)
        if not recording:
            return result
        if RECORDER.now.segment is not segment:  # forward read values, and so ended the segment
            inputs = [read(a) if w else None for a, w in zip(args, wants, strict=True)]
        return _connect(cls, context, args, inputs, result)


def _connect(cls: type[Function], context: Context, args: tuple[Any, ...], inputs: list[Symbol | None], result: Any) -> Any:
    """Give the outputs of forward their place in the graph."""
    outputs = list(result) if isinstance(result, (tuple, list)) else [result]
    types = [Type(tuple(o.shape), o.dtype) if is_tensor(o) else Type((), _REAL) for o in outputs]
    node = _FunctionNode(cls, context, inputs, types)
    segment = RECORDER.now.segment
    segment.walked = True
    context._outputs = {
        k: i for k, t in enumerate(context._saved) for i, o in enumerate(outputs) if o is t and not any(o is a for a in args)
    }
    connected: list[Any] = []
    for i, o in enumerate(outputs):
        if not is_tensor(o) or any(o is t for t in context._not_differentiable) or not (o.is_floating_point() or o.is_complex()):
            connected.append(o)
            continue
        symbol = segment.variable(read(o).plain, Output(node, i))
        if not any(o is t for t in context._dirty):
            connected.append(wrap(symbol))
            continue
        if o._lens is not None and o._lens.view is not None:
            write(o, symbol, cls.__name__)
        else:
            o._lens = None
            segment.write(o._storage, symbol)
        connected.append(o)
    context._versions = [0 if t is None else t._storage.version for t in context._saved]
    return tuple(connected) if isinstance(result, (tuple, list)) else connected[0]


_REAL = fit(constant(0.0), constant(0.0).dtype, ()).dtype


def once_differentiable(function: Any) -> Any:
    """Decorator for a `backward` that cannot itself be differentiated."""

    def inner(ctx: Any, *grads: Any) -> Any:
        with no_grad():
            return function(ctx, *grads)

    return inner


FunctionCtx = Context
