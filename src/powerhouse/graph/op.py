"""What an op is. One block declares it; every layer derives what it needs from the block.

A **primitive** has a type rule, a NumPy reference (or a scalar body) and a gradient. A **composite** is a plain function over
other ops. Either may have public names, samples and bad inputs. The duties of an op:

| duty | primitive | composite | written as |
|---|---|---|---|
| type rule | yes | by its parts | the decorated function of `@primitive` |
| value | yes | by its parts | `@op.reference`, or the scalar body decorated with `@elementwise` |
| gradient | yes, or `differentiable=False` | by its parts | `@op.vjp` |
| public names | if public | yes | `names=`, `methods=`, `inplace=` |
| samples | yes | yes | `@op.samples` (elementwise ops have default ones) |
| bad inputs | if any can be refused | likewise | `@op.errors` |
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ..core import dtypes as dt
from ..core.promotion import result_type, to_float
from ..core.shapes import broadcast
from . import symbol
from .symbol import Symbol, Type, make

REGISTRY: dict[str, Op] = {}

# How a parameter takes part in recording, by its annotation.
TENSOR, TENSORS, NUMBER, STATIC, ATTRIBUTE = range(5)
_KINDS = {
    "Symbol": TENSOR,  # a tensor
    "Symbols": TENSORS,  # a sequence of tensors (or None), given as a tuple
    "Operand": NUMBER,  # a tensor, or a number whose value is not part of the structure
    "Static": STATIC,  # a tensor, or a number whose value is part of the structure (an exponent)
}
Symbols = Sequence[Symbol]
Operand = Symbol
Static = Symbol


class Parameter(NamedTuple):
    """One parameter of an op's public signature."""

    name: str
    kind: int
    default: Any
    keyword_only: bool
    variable: bool


def parse_signature(function: Callable[..., Any], skip: int = 0) -> tuple[Parameter, ...]:
    """The parameters of an op's function; annotations decide their kinds."""
    function = inspect.unwrap(function)
    code, notes = function.__code__, function.__annotations__  # `inspect.signature` says the same, at ten times the cost for an import
    names = code.co_varnames
    positional, keyword = code.co_argcount, code.co_kwonlyargcount
    defaults = dict(zip(names[positional - len(function.__defaults__ or ()) : positional], function.__defaults__ or (), strict=True)) | (
        function.__kwdefaults__ or {}
    )
    order = [
        *names[:positional],
        *([names[positional + keyword]] if code.co_flags & inspect.CO_VARARGS else []),
        *names[positional : positional + keyword],
    ]
    variable = names[positional + keyword] if code.co_flags & inspect.CO_VARARGS else None
    keyword_only = frozenset(names[positional : positional + keyword])
    return tuple(
        Parameter(
            n,
            _KINDS.get(str(notes.get(n)).removesuffix(" | None"), ATTRIBUTE),
            defaults.get(n, inspect.Parameter.empty),
            n in keyword_only,
            n == variable,
        )
        for n in order[skip:]
    )


class Sample(NamedTuple):
    """Arguments for an op: NumPy arrays stand for tensors."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = {}
    only: str = ""  # "forward": the gradient is not compared (ties, branch cuts)


class Bad(NamedTuple):
    """Arguments that an op must refuse, with the exception type and a pattern of the message."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    error: type[Exception]
    pattern: str


# Arguments under autocast: `(args, lower, float32) -> args`, where `lower` and `float32` cast a symbol, or all those in a tuple.
Autocast = Callable[[tuple[Any, ...], Callable[[Any], Any], Callable[[Any], Any]], tuple[Any, ...]]


class Op:
    """An op with its public face. See the table of duties above."""

    is_primitive = False
    is_view = False

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        names: Iterable[str] | None = None,
        methods: bool = True,
        inplace: bool | Iterable[str] = False,
        returns: Any = None,
        out: bool = True,
        is_view: bool = False,
        must_view: bool = False,
        label: str = "",
        numbers_alone: bool = True,
        autocast: str | Autocast = "",
    ) -> None:
        self.function = function
        self.name = name or function.__name__.rstrip("_")
        self.parameters = parse_signature(function)
        self.kinds = tuple(p.kind for p in self.parameters)
        self.names = tuple((self.name, *((f"Tensor.{self.name}",) if methods else ())) if names is None else names)
        self.inplace = _inplace_names(self.names, inplace)
        self.returns = returns
        self.out = out
        self.is_view, self.must_view = is_view, must_view
        self.autocast = (
            autocast  # its arguments under autocast: in "lower", "float32" or the "widest" dtype, or what a function makes of them
        )
        self.numbers_alone = numbers_alone  # whether users may give it numbers without any tensor
        self._irregular = any(p.variable or p.keyword_only for p in self.parameters)
        self.label = label or self.name
        self.sampler: Callable[..., Iterator[Sample]] | None = None
        self.refuser: Callable[..., Iterator[Bad]] | None = None
        _register(self)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    @property
    def doc(self) -> str:
        """The docstring of the op's functions."""
        return inspect.getdoc(self.function) or ""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def invoke(self, args: tuple[Any, ...]) -> Any:
        """The op on symbols and attributes given in the order of its parameters."""
        if not self.numbers_alone and all(isinstance(x, Symbol) and x.weak for x in args):
            raise TypeError(f"{self.name}() received an invalid combination of arguments: expected a Tensor, got {len(args)} numbers")
        if not self._irregular:
            return self(*args)
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for p, x in zip(self.parameters, args, strict=False):
            if p.variable:
                positional += x
            elif p.keyword_only:
                named[p.name] = x
            else:
                positional.append(x)
        return self(*positional, **named)

    def samples(self, function: Callable[..., Iterator[Sample]]) -> Op:
        """Declare sample arguments: a generator function of `draw(*shape, dtype="float32", low=-2, high=2)`."""
        self.sampler = function
        return self

    def errors(self, function: Callable[..., Iterator[Bad]]) -> Op:
        """Declare arguments that must be refused: a generator function of `draw`."""
        self.refuser = function
        return self


def _inplace_names(names: Iterable[str], inplace: bool | Iterable[str]) -> tuple[str, ...]:
    if inplace is True:
        return tuple(n + "_" for n in names if n.startswith("Tensor."))
    return tuple(inplace or ())


def _register(op: Op) -> None:
    if op.name in REGISTRY:
        raise ValueError(f"op {op.name!r} is declared twice")
    REGISTRY[op.name] = op


class Primitive(Op):
    """An op with its own rules. Called on symbols, it gives a symbol (or a tuple of them)."""

    is_primitive = True
    is_elementwise = False
    is_variable = False
    is_number = False

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        names: Iterable[str] = (),
        differentiable: bool = True,
        linear: bool = False,
        cheap: bool = False,
        put: Callable[..., Symbol] | None = None,
        **face: Any,
    ) -> None:
        super().__init__(function, names=names, methods=False, **face)
        self.infer = function
        self.differentiable = differentiable
        self.linear = linear  # its gradient uses no forward value, so nothing is saved for it
        self.cheap = cheap  # recomputed for a later backward rather than kept
        self.arity = sum(k in (TENSOR, NUMBER, STATIC) for k in self.kinds)
        self.variadic = bool(self.kinds) and self.kinds[0] == TENSORS
        self.value: Callable[..., Any] | None = None
        self.gradient: Callable[..., Any] | None = None
        self.layout: Callable[..., Any] | None = None  # a view's strides: (shape, strides, offset, *attrs) -> (shape, strides, offset)
        self.overwrite: Callable[..., Any] | None = None  # as `value`, in the memory of the first input, which it returns
        self.put: Callable[..., Symbol] | None = None  # a view's inverse: (base, value, *attrs) -> the base with the value written

    def reference(self, function: Callable[..., Any]) -> Primitive:
        """Declare the NumPy value: a function of arrays and attributes."""
        self.value = function
        return self

    def vjp(self, function: Callable[..., Any]) -> Primitive:
        """Declare the gradient: `(g, out, *inputs, *attrs)` to one symbol or None an input, all of them symbols."""
        self.gradient = function
        return self

    def __call__(self, *args: Any) -> Any:
        if self.variadic:
            node = make(self, tuple(args[0]), args[1:])
        else:
            node = make(self, args[: self.arity], args[self.arity :])
        return node if isinstance(node.type, Type) else results(node)


def results(node: Symbol) -> tuple[Symbol, ...]:
    """The results of a node with several."""
    return tuple(make(item, (node,), (i,)) for i in range(len(node.type)))


def primitive(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Declare a primitive; the decorated function is its type rule: symbols and attributes to a `Type` or a tuple of them."""
    return Primitive(function, **options) if function is not None else lambda f: Primitive(f, **options)


def composite(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Declare a composite; the decorated function gives its value in terms of other ops."""
    return Op(function, **options) if function is not None else lambda f: Op(f, **options)


def view(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Declare a composite made of view primitives alone, whose result shares its input's storage."""
    options = {"is_view": True, "out": False, **options}
    return Op(function, **options) if function is not None else lambda f: Op(f, **options)


# --- elementwise ops ------------------------------------------------------------------------------------------------------------


def same(d: dt.dtype) -> dt.dtype:
    """The result has the operands' promoted dtype."""
    return d


def boolean(d: dt.dtype) -> dt.dtype:
    """The result is bool, whatever the operands are."""
    return dt.bool_


class Elementwise(Primitive):
    """An op on scalars, applied to every element. Called, it promotes and broadcasts its operands first.

    `operands` gives the dtype in which operands come (`same`: promoted; `to_float`: integers become floats), `result` the dtype
    of the result from that; `body` is written against the scalar vocabulary. `guard` is given the op's label and the operands
    so prepared, and gives them back behind checks of their values.
    """

    is_elementwise = True

    def __init__(
        self,
        body: Callable[..., Any],
        *,
        operands: Callable[[dt.dtype], dt.dtype] = same,
        result: Callable[[dt.dtype], dt.dtype] = same,
        names: Iterable[str] | None = None,
        domain: tuple[float, float] = (-2.0, 2.0),
        inplace: bool | Iterable[str] = True,
        refuse: tuple[int, ...] = (),
        methods: bool = True,
        also: Iterable[str] = (),
        public: bool = True,
        guard: Callable[..., tuple[Symbol, ...]] | None = None,
        **options: Any,
    ) -> None:
        name = options.get("name") or body.__name__.rstrip("_")
        if names is None:
            names = (name, *((f"Tensor.{name}",) if methods else ()), *also) if public else ()
        if inplace is True and len(parse_signature(body, skip=1)) == 1:  # `torch.sin_(x)` too
            inplace = tuple(n + "_" for n in names if "." not in n or n.startswith("Tensor."))
        super().__init__(body, names=names, cheap=True, inplace=inplace if names else False, numbers_alone=False, **options)
        self.body = body
        operands_found = parse_signature(body, skip=1)  # one that is not annotated may be a number, if there are several
        self.parameters = tuple(
            p._replace(kind=NUMBER if len(operands_found) > 1 and p.kind == ATTRIBUTE else TENSOR) for p in operands_found
        )
        self.kinds = tuple(p.kind for p in self.parameters)
        self.arity = len(self.parameters)
        self._irregular = False
        self.infer = self._infer
        self.operands, self.result, self.refuse, self.domain = operands, result, refuse, domain
        self.guard = guard
        self.sampler = self._default_samples

    def _infer(self, *operands: Symbol) -> Type:
        return Type(operands[0].shape, self.result(operands[0].dtype))

    def __call__(self, *operands: Any) -> Symbol:
        symbols = [as_symbol(x) for x in operands]
        common = result_type((s.dtype, rank_of(s)) for s in symbols)
        if common.category in self.refuse:
            raise RuntimeError(f"{self.name}: not implemented for dtype {common}; got {', '.join(str(s.dtype) for s in symbols)}")
        target = self.operands(common)
        shape = broadcast((s.shape for s in symbols), self.name)
        fitted = tuple(fit(s, target, shape) for s in symbols)
        return make(self, self.guard(self.label, *fitted) if self.guard else fitted)

    def _default_samples(self, draw: Callable[..., Any]) -> Iterator[Sample]:
        low, high = self.domain
        shapes = [((2, 3),), ((),), ((0, 3),)] if self.arity == 1 else [((2, 3), (2, 3)), ((4, 1, 3), (2, 1)), ((), (3,)), ((0, 1), (1, 3))]
        for group in shapes:
            group = group + group[-1:] * (self.arity - len(group))
            yield Sample(tuple(draw(*s, low=low, high=high) for s in group))


def elementwise(body: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Declare an elementwise primitive; the decorated function `(s, x, ...)` is its body over the scalar vocabulary `s`."""
    return Elementwise(body, **options) if body is not None else lambda f: Elementwise(f, **options)


def rank_of(s: Symbol) -> int:
    """A symbol's rank in type promotion: 0 a Python number, 1 a 0-d tensor, 2 a tensor with dims."""
    return 0 if s.weak else 2 if s.shape else 1


def fit(s: Symbol, target: dt.dtype, shape: tuple[int, ...]) -> Symbol:
    """`s` cast to `target` and expanded to `shape`."""
    if s.dtype is not target or s.weak:
        s = make(cast, (s,), (target,))
    return s if s.shape == shape else make(expand, (s,), (shape,))


def as_symbol(x: Any) -> Symbol:
    """A symbol for an operand inside a composite: itself, or a constant."""
    if isinstance(x, Symbol):
        return x
    if isinstance(x, (bool, int, float, complex)):
        return constant(x)
    raise TypeError(f"expected a tensor or a number, got {type(x).__name__}")


# --- the primitives that the graph itself speaks of -----------------------------------------------------------------------------

_NUMBER_TYPES = {bool: dt.bool_, int: dt.int64, float: dt.float32, complex: dt.complex64}


def _number_dtype(kind: str) -> dt.dtype:
    return {"bool": dt.bool_, "int": dt.int64, "float": dt.default_float(), "complex": dt.default_complex()}[kind]


@primitive(differentiable=False)
def leaf(slot: int, kind: Type) -> Type:
    """A value from outside the segment, by slot."""
    return kind


@primitive(differentiable=False)
def number(slot: int, kind: str) -> Type:
    """A Python number from outside the segment, by slot; its value is not part of the structure."""
    return Type((), _number_dtype(kind))


@primitive(differentiable=False)
def const(text: str, kind: str) -> Type:
    """A Python number that is part of the structure; kept as text so that -0.0, nan, 1 and True stay apart."""
    return Type((), _number_dtype(kind))


@const.reference
def _(text: str, kind: str) -> Any:
    return {"bool": lambda t: t == "True", "int": int, "float": float, "complex": complex}[kind](text)


number.is_number = const.is_number = True


def constant(value: bool | int | float | complex) -> Symbol:
    """The symbol of a constant; subclasses of the Python numbers (NumPy's) count as their base."""
    kind = "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "float" if isinstance(value, float) else "complex"
    plain = {"bool": bool, "int": int, "float": float, "complex": complex}[kind](value)
    return make(const, (), (repr(plain), kind))


def constant_value(s: Symbol) -> Any:
    """The Python number of a `const` symbol, or None."""
    return const.value(*s.attrs) if s.op is const and const.value else None


@primitive(linear=True)
def item(node: Symbol, index: int) -> Type:
    """Result `index` of a node with several results."""
    return node.type[index]


@primitive(linear=True, cheap=True)
def variable(x: Symbol, ordinal: int, generation: int) -> Type:
    """A value with identity, with respect to which gradients are taken: a parameter, or a value with history."""
    return x.type


variable.is_variable = True


@primitive(linear=True, cheap=True)
def alias(x: Symbol, ordinal: int) -> Type:
    """The same value as another tensor's, with an identity of its own."""
    return x.type


@primitive(differentiable=False, cheap=True)
def stop(x: Symbol) -> Type:
    """The same value; gradients stop here."""
    return x.type


@primitive(linear=True)
def with_value(x: Symbol, value: Symbol) -> Type:
    """The value of `value` with the gradient of `x`: kept results, and writes that autograd does not see."""
    return x.type


@primitive(linear=True)
def overwritten(x: Symbol, value: Symbol) -> Type:
    """The value of `value`, which has replaced all of `x`: the gradient of `x` is zero, but there is one."""
    return x.type


overwritten.vjp(lambda g, out, x, value: (fit(constant(0), g.dtype, g.shape), g))


@primitive(linear=True, cheap=True)
def fence(x: Symbol) -> Type:
    """The same value, but what is computed from it is computed apart from what is computed from `x`: see `utils.checkpoint`."""
    return x.type


fence.reference(lambda x: x)
fence.vjp(lambda g, out, x: (g,))

for _identity in (variable, alias, stop):
    _identity.reference(lambda x, *_: x)
with_value.reference(lambda x, value: value)
overwritten.reference(lambda x, value: value)
alias.vjp(lambda g, out, x, ordinal: (g,))
with_value.vjp(lambda g, out, x, value: (g, None))
IDENTITIES = frozenset({variable, alias, stop})
LAST = frozenset({with_value, overwritten})  # their value is that of their last input


def _detach(s: Symbol) -> Symbol:
    """`s` without gradient; the marks whose value it is are looked through."""
    while s.op in (variable, alias):
        s = s.inputs[0]
    return make(stop, (s,)) if s.needs_grad else s


symbol.detach = _detach
symbol.identify = lambda s: make(alias, (s,), (0,))


class _Cast(Primitive):
    """A conversion to the dtype that a symbol has already is the symbol."""

    def __call__(self, x: Symbol, target: dt.dtype) -> Symbol:
        return x if x.dtype is target and not x.weak else make(self, (x,), (target,))


def _cast(x: Symbol, target: dt.dtype) -> Type:
    """`x` converted to `target`: floats to integers truncate, complex to real takes the real part."""
    return Type(x.shape, target)


cast = _Cast(_cast, name="cast", cheap=True, linear=True, label="to_copy")


@primitive(cheap=True, linear=True)
def expand(x: Symbol, shape: tuple[int, ...]) -> Type:
    """`x` repeated along new and size-1 dims to `shape`."""
    lead = len(shape) - len(x.shape)
    if lead < 0 or any(n not in (1, m) for n, m in zip(x.shape, shape[lead:], strict=True)):
        raise RuntimeError(f"expand: the expanded size {list(shape)} does not fit the existing size {list(x.shape)}")
    return Type(shape, x.dtype)


__all__ = [
    "ATTRIBUTE",
    "Bad",
    "Elementwise",
    "IDENTITIES",
    "LAST",
    "NUMBER",
    "Op",
    "Operand",
    "Parameter",
    "Primitive",
    "REGISTRY",
    "STATIC",
    "Sample",
    "Static",
    "Symbols",
    "TENSOR",
    "TENSORS",
    "alias",
    "as_symbol",
    "boolean",
    "cast",
    "composite",
    "const",
    "constant",
    "constant_value",
    "elementwise",
    "expand",
    "fence",
    "fit",
    "item",
    "leaf",
    "number",
    "overwritten",
    "primitive",
    "rank_of",
    "results",
    "same",
    "stop",
    "to_float",
    "variable",
    "view",
    "with_value",
]
