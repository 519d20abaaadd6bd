"""`apply`: the one point through which every op application passes."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import describe
from ..engine.segment import RECORDER, Bundle, Segment, Storage, realize
from ..graph.memo import answers as _answers
from ..graph.memo import memoize
from ..graph.op import ATTRIBUTE, NUMBER, STATIC, TENSOR, TENSORS, Op, cast, constant, leaf, number, overwritten, with_value
from ..graph.symbol import Symbol, Type, make
from ._lens import Lens, Steps, View, compose, read_steps, steps_between, write_view

if TYPE_CHECKING:
    from ._tensor import Tensor

_TENSORS: tuple[type, ...] = ()  # Tensor and Parameter, the classes of the fast path
_tensor: Any = None
_new = object.__new__
_ref = weakref.ref
_ATOMS = frozenset({int, bool, float, type(None), str})
_NUMBERS = {bool: "bool", int: "int", float: "float", complex: "complex"}


def bind(tensor: type, *others: type) -> None:
    """Tell `apply` the tensor classes; called once, where they are defined."""
    global _tensor, _TENSORS
    _tensor, _TENSORS = tensor, (tensor, *others)


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor of any class."""
    return isinstance(x, _tensor)


def apply(op: Op, args: tuple[Any, ...]) -> Any:
    """Record `op` on `args` (tensors, numbers, attributes, in the order of its parameters); returns its tensors."""
    now = RECORDER.now
    if now.modes:
        return now.modes[-1](op, args)
    if op.is_view:
        return _apply_view(op, args)
    seg = now.segment
    key: list[Any] = [op]
    for x, kind in zip(args, op.kinds):  # `strict` is not named: that costs 0.2 us an op
        cls = x.__class__
        if cls in _TENSORS:
            st = x._storage
            if st.segment is seg:
                lens = x._lens
                if lens is None:
                    key.append(st.symbol)
                    continue
                if lens.token is st.token:
                    key.append(lens.symbol)
                    continue
            key.append(read(x, seg))
        elif kind == ATTRIBUTE and cls in _ATOMS:
            key.append(x)
        elif kind == NUMBER and cls in _NUMBERS:
            key.append(seg.number(x, _NUMBERS[cls]))
        else:
            key.append(operand(x, kind, op, seg))
    memo_key = tuple(key)
    try:
        out = _answers.get(memo_key)
    except TypeError:
        memo_key = tuple(map(_hashable, key))
        out = _answers.get(memo_key)
    if out is None:
        out = _answers[memo_key] = first_sight(op, memo_key[1:])
    if out.__class__ is Symbol:
        if out.needs_grad:
            if not now.grad:
                out = out.plain
            elif out in seg.produced:
                out = _recorded_anew(op, memo_key[1:], seg) if out in seg.used else seg.unique(out)
            else:
                seg.produced.add(out)
                out = out._own or out.own
        # `wrap`, written out: this is the path of every op
        st = _new(Storage)
        st.symbol = out
        st.segment = st.token = seg
        st.buffer = None
        st.type = out.type
        st.version = 0
        seg.live.append(_ref(st))
        result = _new(_tensor)
        result._storage, result._lens = st, None
    else:
        result = _structure(out, op)
    if seg.flush or len(seg.live) > seg.limit:
        realize()
    return result


def _recorded_anew(op: Op, args: tuple[Any, ...], seg: Segment) -> Symbol:
    """What `op` gives for arguments of which a backward has used up the same result: over aliases, so that it is another graph."""

    def renewed(x: Any) -> Any:
        if isinstance(x, tuple):
            return tuple(map(renewed, x))
        return seg.alias(x) if isinstance(x, Symbol) and x.needs_grad else x

    return seg.unique(first_sight(op, renewed(args)))


def first_sight(op: Op, args: tuple[Any, ...]) -> Any:
    """What `op` gives for symbols: its shape and dtype checks, and the expansion of a composite, happen here."""
    out = op.invoke(args)
    for s in (out,) if out.__class__ is Symbol else out if out.__class__ is tuple else ():
        if s.__class__ is Symbol and not s.label and s not in args:
            s.label = op.label
    return out


def read(x: Tensor, seg: Segment | None = None) -> Symbol:
    """The symbol of a tensor's present value in this thread's segment."""
    seg, st, lens = seg or RECORDER.now.segment, x._storage, x._lens
    if lens is None:
        return seg.enter(st)
    if st.segment is seg and lens.token is st.token:
        return lens.symbol  # type: ignore[return-value]
    if lens.view is None:
        if lens.variable and st.segment is not seg and (again := _same_variable(x, st, lens, seg)) is not None:
            return again
        s = seg.enter(st)
    elif lens.is_piece and (piece := _piece(lens, st, seg)) is not None:
        return piece
    elif lens.root is None and st.outside is not None and st.history is None and st.buffer is not None and st.is_shared:
        s = seg.snapshot(view_array(st.buffer, lens.view), lens.view.type)
    else:
        s = seg.enter(st) if lens.root is None else read(lens.root)
        if lens.path:
            s = read_steps(s, lens.path)
            if s.needs_grad:
                s = seg.unique(s)
    if s.needs_grad and (lens.detached or lens.variable):
        s = s.plain
    if lens.variable:
        s = seg.variable(s, x)
    lens.token, lens.symbol = st.token, s
    return s


def _piece(lens: Lens, st: Storage, seg: Segment) -> Symbol | None:
    """A leaf for some adjacent elements of a realized tensor, as batches of data are: another batch is not another structure.

    Not of what requires grad, nor of what others can write to.
    """
    if st.buffer is None or st.history is not None or st.outside is not None or st.is_variable:
        return None
    if lens.token is seg and lens.version == st.version:
        return lens.symbol
    seg.enter(st)  # the whole is known to be read here: who is about to write to its memory realizes first
    s = seg.leaf(view_array(st.buffer, lens.view), lens.view.type)  # type: ignore[arg-type]
    lens.token, lens.version, lens.symbol = seg, st.version, s
    return s


def _same_variable(x: Tensor, st: Storage, lens: Lens, seg: Segment) -> Symbol | None:
    """The variable that `x` was in an earlier segment, if it enters this one at the same place, as the parameters of a repeated step do."""
    s = lens.symbol
    if s is None or st.buffer is None or st.outside is not None or st.history is not None or s.attrs != (seg.ordinal, seg.generation):
        return None
    value = s.inputs[0]
    if value.op is not leaf or value.attrs != (len(seg.leaves), st.type):
        return None
    seg.leaves.append(st.buffer)
    seg.held += st.buffer.nbytes
    seg.ordinal += 1
    seg.owners[s] = x
    st.symbol, st.segment, st.token = value, seg, seg
    lens.token = seg
    return s


def view_array(buffer: Any, view: View) -> Any:
    """The NumPy view of a buffer that a tensor's view stands for."""
    dtype = view.type.dtype.numpy
    if buffer.flags.c_contiguous and 0 not in view.type.shape:
        size = dtype.itemsize
        return np.ndarray(view.type.shape, dtype, buffer, view.offset * size, [s * size for s in view.strides])
    for op, attrs in view.steps:
        buffer = op.value(buffer, *attrs)  # type: ignore[misc]
    return buffer


def operand(x: Any, kind: int, op: Op, seg: Segment) -> Any:
    """An argument that is not a plain tensor, as it stands in the key of a recorded op."""
    name = _NUMBERS.get(x.__class__)
    if name is not None and kind == NUMBER:
        return seg.number(x, name)
    if x is None:
        return None
    if isinstance(x, _tensor):
        return read(x)
    if kind == ATTRIBUTE:
        return _attribute(x)
    if kind == TENSORS:
        return _tensors(x, op)
    if isinstance(x, np.generic):
        x = x.item()
    if kind in (NUMBER, STATIC):
        name = _NUMBERS.get(x.__class__) or next((n for t, n in _NUMBERS.items() if isinstance(x, t)), None)
        if name is not None:
            return seg.number(x, name) if kind == NUMBER else constant(x)
    raise TypeError(f"{op.name}(): argument must be Tensor, not {type(x).__name__}: got {describe(x)}")


def _attribute(x: Any) -> Any:
    if isinstance(x, (tuple, list)):
        return tuple([i if i.__class__ in _ATOMS else read(i) if isinstance(i, _tensor) else _attribute(i) for i in x])
    if isinstance(x, np.generic):
        return x.item()
    return x


def _tensors(x: Any, op: Op) -> Any:
    if not isinstance(x, (tuple, list)):
        try:
            x = tuple(x)
        except TypeError:
            raise TypeError(f"{op.name}(): expected a tuple or list of Tensors, got {describe(x)}") from None
    found = []
    for i, t in enumerate(x):
        if t.__class__ in _TENSORS:
            found.append(read(t))
        elif isinstance(t, (list, tuple)):
            found.append(_tensors(t, op))
        elif t is not None and not isinstance(t, _tensor):
            raise TypeError(f"{op.name}(): expected Tensor as element {i} of its list of tensors, but got {type(t).__name__}")
        else:
            found.append(None if t is None else read(t))
    return tuple(found)


def _hashable(x: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return tuple(map(_hashable, x))
    if isinstance(x, slice):
        return ("slice", x.start, x.stop, x.step)
    return x


def wrap(s: Symbol, seg: Segment | None = None) -> Tensor:
    """A new tensor with the value `s`, pending in this thread's segment."""
    rec = RECORDER.now
    seg = seg or rec.segment
    if s.needs_grad:
        s = seg.unique(s) if rec.grad else s.plain
    st = _new(Storage)
    st.symbol = s
    st.segment = st.token = seg
    st.buffer = None
    st.type = s.type
    st.version = 0
    seg.live.append(_ref(st))
    t = _new(_tensor)
    t._storage, t._lens = st, None
    return t


def wrap_array(array: Any, kind: Type) -> Tensor:
    """A new tensor around a buffer that it may own."""
    t = _new(_tensor)
    t._storage, t._lens = Storage(array, kind), None
    return t


def _structure(out: Any, op: Op) -> Any:
    """Tensors in the structure in which an op gave its symbols."""
    if out.__class__ is Symbol:
        return wrap(out)
    if isinstance(out, tuple):
        items = [_structure(o, op) for o in out]
        return items if op.returns is list else tuple(items) if op.returns in (None, tuple) else op.returns(*items)
    return out


def _apply_view(op: Op, args: tuple[Any, ...]) -> Any:
    """A view op: nothing is recorded and nothing read. Where strides do not allow a view, a copy is recorded."""
    base = args[0]
    if not isinstance(base, _tensor):
        raise TypeError(f"{op.name}(): argument 'input' (position 1) must be Tensor, not {type(base).__name__}")
    lens = base._lens
    rest = args[1:]
    for r in rest:
        if r.__class__ in _TENSORS:
            rest = tuple([_view_argument(r, kind) for r, kind in zip(rest, op.kinds[1:], strict=False)])
            break
    key = (op, base._storage.type, lens.view if lens is not None else None, rest)
    try:
        found = _answers.get(key)
    except TypeError:
        rest = _hashable(_attribute(rest))
        key = (*key[:3], rest)
        found = _answers.get(key)
    if found is None:
        found = _answers[key] = _places(op, *key[1:])
    return _wrap_view(found, op, base, rest)


def _view_argument(x: Any, kind: int) -> Any:
    """An argument of a view op that is a tensor: one whose shape matters stands for its type, an index or a size for its value."""
    if not isinstance(x, _tensor):
        return x
    return make(leaf, (), (1, x._type)) if kind == TENSOR else int(x)


def _places(op: Op, kind: Type, parent: View | None, rest: tuple[Any, ...]) -> Any:
    """Where the results of a view op lie: `(view or None, steps)`, in the op's structure."""
    proxy = make(leaf, (), (0, kind if parent is None else parent.type))
    return _place(op.invoke((proxy, *map(_attribute, rest))), proxy, kind, parent)


def _place(out: Any, source: Symbol, kind: Type, parent: View | None) -> Any:
    if out.__class__ is not Symbol:
        return [_place(o, source, kind, parent) for o in out]
    steps = steps_between(out, source)
    return (None, ()) if steps is None else (compose(kind, parent, steps, out.type), steps)


def _wrap_view(found: Any, op: Op, base: Tensor, rest: tuple[Any, ...]) -> Any:
    if op.must_view and found.__class__ is tuple and found[0] is None:
        raise RuntimeError(
            f"{op.name}: view size is not compatible with input tensor's size and stride (at least one dimension spans across "
            "two contiguous subspaces). "
            f"Use .reshape(...) instead. Got shape {list(base.shape)} and stride {list(base.stride())}"
        )
    if found.__class__ is list:
        if any(f[0] is None for f in found):
            return _structure(_recorded(op, base, rest), op)
        return tuple([view_of(base, *f) for f in found])
    return view_of(base, *found) if found[0] is not None else wrap(_recorded(op, base, rest))


def _recorded(op: Op, base: Tensor, rest: tuple[Any, ...]) -> Any:
    key = (op, read(base), *rest)
    found = _answers.get(key)
    if found is None:
        found = _answers[key] = first_sight(op, key[1:])
    return found


def view_of(base: Tensor, view: View, steps: Steps) -> Tensor:
    """A tensor on the storage of `base` that looks at it through `view`; `steps` lead to it from `base`."""
    st, lens = base._storage, base._lens
    t = _new(_tensor)
    t._storage = st
    detached = not RECORDER.now.grad or (lens is not None and lens.detached and not lens.variable)
    if lens is None or detached:
        t._lens = Lens(view, detached)
    elif lens.variable:
        t._lens = Lens(view, False, base, steps)
    else:
        t._lens = Lens(view, False, lens.root, lens.path + steps)
    t._base = base if base._base is None else base._base
    return t


def write(x: Tensor, value: Symbol, op: str) -> None:
    """Give `x` the value `value`, in place: its storage, and all that look at it, see it."""
    rec = RECORDER.now
    seg, st, lens = rec.segment, x._storage, x._lens
    if value.shape != tuple(x.shape):
        raise RuntimeError(f"{op}: output with shape {list(x.shape)} doesn't match the broadcast shape {list(value.shape)}")
    if rec.grad and lens is not None:
        check_leaf(x, op)
    unseen = not rec.grad or (lens is not None and (lens.detached or lens.variable))
    carried = value if unseen and rec.grad and value.needs_grad else None
    if unseen:
        value = value.plain
    view = lens.view if lens is not None else None
    before = seg.enter(st)
    whole = value if view is None else write_view(before, view.steps, value)
    if before.needs_grad and (unseen or not whole.needs_grad):
        whole = with_value(before, whole.plain) if unseen else overwritten(before, whole)
    seg.write(st, whole)
    if carried is not None:
        _carry(x, before, carried)
    if seg.flush:
        realize()


def _carry(x: Tensor, before: Symbol, value: Symbol) -> None:
    """A value with a gradient was written to a detached tensor: what shares its memory sees the value, the gradient is its own."""
    base, lens = x._base, x._lens
    assert lens is not None
    if (
        lens.view is None
        or base is None
        or base._storage is not x._storage
        or base._lens is None
        or base._lens.view is not None
        or not base._lens.detached
    ):
        x._storage, x._lens = wrap(value)._storage, None
        return
    x._storage = base._storage = wrap(write_view(before.plain, lens.view.steps, value))._storage
    x._lens, base._lens = Lens(lens.view), None


def check_leaf(x: Tensor, op: str) -> None:
    """Refuse an in-place op on a leaf that requires grad, or on a view of one."""
    lens = x._lens
    if lens is not None and lens.variable:
        raise RuntimeError(f"{op}: a leaf Variable that requires grad is being used in an in-place operation.")
    if lens is not None and lens.root is not None:
        raise RuntimeError(f"{op}: a view of a leaf Variable that requires grad is being used in an in-place operation.")


def apply_in_place(op: Op, args: tuple[Any, ...]) -> Tensor:
    """`x.op_(...)`: the result of `op` is cast to `x`'s dtype and written to `x`."""
    x = args[0]
    if x._lens is not None and RECORDER.now.grad:
        check_leaf(x, op.name + "_")
    result = apply(op, args)
    assign(x, result, op.name + "_")
    return x


def assign(x: Tensor, result: Tensor, op: str) -> None:
    """Write `result` to `x`, cast to its dtype; a cast that loses its category is refused."""
    value = read(result)
    if value.dtype is not x.dtype:
        if value.dtype.category > x.dtype.category:
            raise RuntimeError(f"{op}: result type {value.dtype.name} can't be cast to the desired output type {x.dtype.name}")
        value = cast(value, x.dtype)
    write(x, value, op)


def update(
    op: Op,
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    states: Sequence[Tensor],
    numbers: Sequence[float],
    flags: tuple[Any, ...] = (),
) -> None:
    """An optimizer's step on all of its parameters, one look-up: the results of `op` are written to `params` and to `states`.

    `op` takes a tuple of symbols for the parameters, one for the gradients and one for each kind of state, then the numbers and the
    flags; `states` has as many tensors a kind as there are parameters, and it gives a symbol for each parameter and each of them. No
    gradient is recorded.
    """
    seg = RECORDER.now.segment
    before, slopes = _values(params, seg), _values(grads, seg)
    bundle = _bundle(states)
    kept = bundle.enter(seg) if bundle is not None else _values(states, seg)
    scalars = _numbers(len(seg.leaves), len(numbers))
    seg.leaves += numbers
    key = (op, before, slopes, kept, scalars, flags)
    out = _answers.get(key)
    if out is None:
        kinds = [kept[i : i + len(params)] for i in range(0, len(kept), len(params))]
        found = zip(op.function(before, slopes, *kinds, *scalars, *flags), before + kept, strict=True)
        out = _answers[key] = tuple([cast(value, old.dtype) for value, old in found])
    if bundle is not None:
        bundle.write(out[len(params) :], seg)
        _write_all(params, out, seg)
    else:
        _write_all([*params, *states], out, seg)


def _values(tensors: Sequence[Tensor], seg: Segment) -> tuple[Symbol, ...]:
    """The symbols of the tensors' values, without gradients."""
    return tuple(
        [
            s
            if (st := t._storage).segment is seg and (t._lens is None or t._lens.view is None) and not (s := st.symbol).needs_grad
            else read(t).plain
            for t in tensors
        ]
    )


def _bundle(states: Sequence[Tensor]) -> Bundle | None:
    """The bundle of the storages of an optimizer's state; None where one of them is a view, pending, or seen from outside."""
    storages = [t._storage for t in states if t._lens is None]
    if not storages or len(storages) < len(states):
        return None
    bundle = storages[0].segment
    if bundle.__class__ is Bundle and bundle.storages == storages and bundle.buffers is not None:
        return bundle
    is_private = all([st.buffer is not None and st.outside is None and st.history is None for st in storages])
    return Bundle(storages) if is_private and len(set(storages)) == len(storages) else None


def _write_all(tensors: Sequence[Tensor], values: Sequence[Symbol], seg: Segment) -> None:
    """Give each tensor, none of which anyone tracks, its value."""
    token = object()
    for t, value in zip(tensors, values):
        st, lens = t._storage, t._lens
        if (lens is not None and lens.view is not None) or st.buffer is None or st.outside is not None or st.history is not None:
            seg.write(st, value if lens is None or lens.view is None else write_view(seg.enter(st), lens.view.steps, value))
        else:  # `seg.write` of a private leaf, written out: this is the path of every parameter
            seg.live.append(_ref(st))
            st.before = st.symbol
            st.symbol = value
            st.buffer = None
            st.token = token
            st.version += 1


@memoize
def _numbers(slot: int, count: int) -> tuple[Symbol, ...]:
    """Floats, from `slot` on."""
    return tuple([make(number, (), (i, "float")) for i in range(slot, slot + count)])
