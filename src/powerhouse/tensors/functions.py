"""Functions and methods, derived from the ops: each public name of an op becomes a Python function when it is first used."""

from __future__ import annotations

import builtins
import inspect
import sys
import types
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from .. import ops  # noqa: F401 (fills the registry)
from ..core.errors import describe
from ..graph.op import REGISTRY, Op, Parameter
from ..graph.symbol import Type
from . import creation
from ._construct import tensor
from ._tensor import Tensor
from .apply import apply, apply_in_place, assign, is_tensor
from .interop import as_tensor, from_dlpack, from_numpy

# Python's operators, by the op that each one is: `x + y`, `y + x` with a number on the left, `x += y`.
OPERATORS = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "truediv": "div",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "pow",
    "matmul": "matmul",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
}
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
UNARY = {"neg": "neg", "invert": "bitwise_not", "abs": "abs"}
# NumPy's names of arguments, which functions that have a dim take too.
NUMPY_NAMES = {"axis": "dim", "keepdims": "keepdim", "x": "input", "a": "input"}
# PyTorch's names of what is also given as `*sizes`.
SIZE_NAMES = {"view": ("size", "dtype"), "expand": ("size",)}


class _Absent:
    """The default of an argument that must be given under one of its names."""

    def __repr__(self) -> str:
        return "<required>"


_ABSENT = _Absent()


def signature(op: Op, *, out: bool) -> tuple[str, str]:
    """The parameters of an op's function, and the arguments it hands to `apply`, as source text."""
    renamed = takes_numpy_names(op)
    params: list[str] = []
    args: list[str] = []
    keyword_only = False
    for i, p in enumerate(op.parameters):
        if p.variable:
            params.append("*" + p.name)
            keyword_only = True
            args.append(f"_flat({p.name}, _named, _op)")
            continue
        if p.keyword_only and not keyword_only:
            params.append("*")
            keyword_only = True
        params.append(p.name + (f"=_defaults[{i}]" if _optional(p) else "=_absent" if renamed else ""))
        args.append(p.name)
    if out:
        params += ([] if keyword_only else ["*"]) + ["out=None"]
    if renamed or any(p.variable for p in op.parameters):
        params.append("**_named")
    return ", ".join(params), ", ".join(args)


def takes_numpy_names(op: Op) -> bool:
    """Whether NumPy's names are accepted: where there is a `dim` or `keepdim`."""
    return any(p.name in ("dim", "keepdim") for p in op.parameters) and not any(p.variable for p in op.parameters)


def _optional(p: Parameter) -> bool:
    return p.default is not inspect.Parameter.empty


def function_of(op: Op, name: str) -> Callable[..., Any]:
    """The Python function called `name` of an op."""
    in_place = name in op.inplace
    has_out = op.out and not in_place and not name.startswith("Tensor.") and not name.startswith("nn.functional")
    params, args = signature(op, out=has_out)
    short = name.rpartition(".")[2]
    call = f"_apply_in_place(_op, ({args},))" if in_place else f"_apply(_op, ({args},))"
    lines = [f"def {short}({params}):"]
    if takes_numpy_names(op):
        absent = "".join(f" or {p.name} is _absent" for p in op.parameters if not _optional(p))
        given = ", ".join(f"{p.name!r}: {p.name}" for p in op.parameters) + (", 'out': out" if has_out else "")
        lines += [f"    if _named{absent}: return {short}(**_renamed({{{given}}}, _named, _op))"]
    if has_out:
        lines += [f"    if out is not None: return _to_out(_apply(_op, ({args},)), out, _op)"]
    if not in_place and any(p.name == "inplace" for p in op.parameters):
        lines += [f"    if inplace: return _apply_in_place(_op, ({args},))"]
    lines += [f"    return {call}"]
    scope: dict[str, Any] = {
        "__name__": "powerhouse.tensors.functions",
        "_op": op,
        "_defaults": tuple(p.default for p in op.parameters),
        "_absent": _ABSENT,
        "_apply": apply,
        "_apply_in_place": apply_in_place,
        "_to_out": _to_out,
        "_flat": _flat,
        "_renamed": _renamed,
    }
    exec("\n".join(lines), scope)  # noqa: S102 (the text is made of the op's own signature)
    function = scope[short]
    function.__doc__, function.__module__, function.__qualname__ = op.doc, "powerhouse", name
    return function


def _flat(values: tuple[Any, ...], named: dict[str, Any], op: Op) -> tuple[Any, ...]:
    """Arguments given one by one, as one sequence, or by PyTorch's name for them."""
    for name, value in named.items():
        if name not in SIZE_NAMES.get(op.name, [p.name for p in op.parameters if p.variable]):
            raise TypeError(f"{op.name}() got an unexpected keyword argument '{name}'")
        if values:
            raise TypeError(f"{op.name}() got multiple values for argument '{name}'")
        values = (value,)
    while len(values) == 1 and isinstance(values[0], (tuple, list)):
        values = tuple(values[0])
    return values


def _renamed(given: dict[str, Any], named: dict[str, Any], op: Op) -> dict[str, Any]:
    """All arguments of a call under PyTorch's names, those in `named` having come under NumPy's."""
    defaults = {p.name: p.default if _optional(p) else _ABSENT for p in op.parameters}
    for name, value in named.items():
        target = NUMPY_NAMES.get(name, "")
        if target not in given:
            raise TypeError(f"{op.name}() got an unexpected keyword argument '{name}'")
        if given[target] is not defaults[target]:
            raise TypeError(f"{op.name}() got multiple values for argument '{target}'")
        given[target] = value
    missing = [f"'{name}'" for name, value in given.items() if value is _ABSENT]
    if missing:
        raise TypeError(f"{op.name}() missing {len(missing)} required positional arguments: {', '.join(missing)}")
    return given


def _to_out(result: Any, out: Any, op: Op) -> Any:
    """Write results to the tensors given as `out=`, resized where needed."""
    if isinstance(result, tuple):
        if not isinstance(out, (tuple, list)) or len(out) != len(result):
            raise TypeError(f"{op.name}(): argument 'out' must be a tuple of {len(result)} Tensors, got {describe(out)}")
        for r, o in zip(result, out, strict=True):
            _to_out(r, o, op)
        return out
    if not is_tensor(out):
        raise TypeError(f"{op.name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if out.requires_grad or result.requires_grad:
        raise RuntimeError(
            f"{op.name}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments "
            "requires grad."
        )
    if tuple(out.shape) != tuple(result.shape):
        if out._lens is not None:
            raise RuntimeError(f"{op.name}(): out has shape {list(out.shape)}, the result {list(result.shape)}")
        out._storage.type = Type(tuple(result.shape), out.dtype)
    assign(out, result, op.name)
    return out


class LazyMethod:
    """Stands for a method in the class until it is first looked up."""

    def __init__(self, op: Op, name: str) -> None:
        self.op, self.name = op, name

    def __get__(self, instance: Any, owner: type) -> Any:
        method = function_of(self.op, self.name)
        setattr(Tensor, self.name.rpartition(".")[2], method)
        return method if instance is None else types.MethodType(method, instance)


NAMESPACES: dict[str, dict[str, Op]] = {}


def _fill_namespaces() -> None:
    for op in REGISTRY.values():
        for name in (*op.names, *op.inplace):
            space, _, short = name.rpartition(".")
            if space == "Tensor":
                if short not in Tensor.__dict__:
                    setattr(Tensor, short, LazyMethod(op, name))
            else:
                NAMESPACES.setdefault(space, {})[short] = op


def install(module_name: str, space: str, submodules: Iterable[str] = ()) -> None:
    """Give a module the functions of a namespace, each made when first asked for, and submodules that are imported when first asked for."""
    module = sys.modules[module_name]
    table = {name: op for name, op in NAMESPACES.get(space, {}).items() if name not in module.__dict__}  # the others are written by hand

    hidden: dict[str, Any] = {}

    def lookup(name: str) -> Any:
        if name in hidden:
            return hidden[name]
        op = table.get(name)
        if op is None and name in submodules and find_spec(f"{module_name}.{name}"):
            return import_module(f"{module_name}.{name}")
        if op is None:
            raise AttributeError(f"module '{module_name}' has no attribute '{name}'")
        function = function_of(op, f"{space}.{name}" if space else name)
        if module_name == __name__ and hasattr(builtins, name):
            hidden[name] = function  # `functions.sum` must not become this module's `sum`
        else:
            setattr(module, name, function)
        return function

    def names() -> list[str]:
        return sorted({*module.__dict__, *table, *submodules})

    module.__getattr__ = lookup  # type: ignore[method-assign]
    module.__dir__ = names  # type: ignore[method-assign]


def _operator(op: Op, swapped: bool, in_place: bool) -> Callable[..., Any]:
    def operate(self: Any, other: Any) -> Any:
        try:
            if in_place:
                return apply_in_place(op, (self, other))
            return apply(op, (other, self) if swapped else (self, other))
        except TypeError:
            if is_tensor(other) or isinstance(other, (int, float, complex)):
                raise
            return NotImplemented

    return operate


def _unary(op: Op) -> Callable[..., Any]:
    return lambda self: apply(op, (self,))


def _fill_operators() -> None:
    for short, name in OPERATORS.items():
        if (op := REGISTRY.get(name)) is not None:
            setattr(Tensor, f"__{short}__", _operator(op, False, False))
            setattr(Tensor, f"__r{short}__", _operator(op, True, False))
            setattr(Tensor, f"__i{short}__", _operator(op, False, True))
    for name in COMPARISONS:
        setattr(Tensor, f"__{name}__", _operator(REGISTRY[name], False, False))
    for short, name in UNARY.items():
        setattr(Tensor, f"__{short}__", _unary(REGISTRY[name]))
    Tensor.__rdiv__ = Tensor.__rtruediv__  # type: ignore[attr-defined]
    Tensor.__pos__ = lambda self: self  # type: ignore[attr-defined]


_fill_namespaces()
_fill_operators()
for _name in (
    "zeros",
    "ones",
    "empty",
    "full",
    "zeros_like",
    "ones_like",
    "empty_like",
    "full_like",
    "empty_strided",
    "arange",
    "linspace",
    "logspace",
    "eye",
    "rand",
    "randn",
    "randint",
    "randperm",
    "rand_like",
    "randn_like",
    "randint_like",
    "normal",
):
    globals()[_name] = getattr(creation, _name)
__all__ = ["NAMESPACES", "apply", "as_tensor", "from_dlpack", "from_numpy", "function_of", "install", "tensor"]
install(__name__, "")
