"""A pickle reader that executes nothing: the opcodes of protocols 0 to 5 over an allow-list of constructors.

`pickle.Unpickler` imports and calls whatever a file names, and allocates what a file claims. This reader works on a
byte string in memory, so a length is checked against the bytes that are there before it is used; a memo index is a
dictionary key, not the size of a table; only what `find_class` hands out can be called; and the keys of dictionaries
and sets are walked with a budget before they are hashed, since hashing nested tuples is recursive.
Source of the opcodes: CPython, Lib/pickletools.py.
"""

from __future__ import annotations

import codecs
import pickle
import struct
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

_KEY_BUDGET = 10_000  # tuples and members of tuples in one dictionary key
_KEY_DEPTH = 100
_MAPPINGS = (dict, OrderedDict, Counter)

_Reader = Callable[["Unpickler"], Any]
_Action = Callable[["Unpickler", Any], None]
_OPCODES: dict[int, tuple[_Reader | None, _Action]] = {}


class Unpickler:
    """Interprets the pickle in `data` from `position` on; after `load`, `position` is just behind it.

    `find_class(module, name)` gives the object for a global, or raises UnpicklingError; `persistent_load(id)` the object
    for a persistent id. `encoding` decodes the byte strings of Python 2 (`"bytes"` leaves them as they are).
    """

    def __init__(
        self,
        data: bytes,
        find_class: Callable[[str, str], Any],
        persistent_load: Callable[[Any], Any],
        encoding: str = "utf-8",
        position: int = 0,
    ) -> None:
        self.data = data
        self.position = position
        self.encoding = encoding
        self._find_class = find_class
        self.persistent_load = persistent_load
        self.stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self._outside: BaseException | None = None
        self._callables: dict[int, Any] = {}  # id -> what find_class gave: nothing else is ever called

    def load(self) -> Any:
        """The object of the next pickle. EOFError where the data ends first, UnpicklingError for other damage.

        What `persistent_load` raises passes: a device that is not there, a damaged record.
        """
        start = at = self.position
        opcode = 0
        try:
            while True:
                at = self.position
                if at >= len(self.data):
                    raise EOFError("Ran out of input")
                opcode = self.data[at]
                self.position = at + 1
                if opcode == pickle.STOP[0]:
                    return self.stack.pop()
                reader, act = _OPCODES[opcode]
                act(self, reader(self) if reader else None)
        except (EOFError, pickle.UnpicklingError) as error:
            raise type(error)(f"{error} (byte {at - start} of the pickle)") from None
        except KeyError:
            what = "Unsupported operand" if opcode not in _OPCODES else "unknown memo entry or key at opcode"
            raise pickle.UnpicklingError(f"{what} {opcode} (byte {at - start} of the pickle)") from None
        except Exception as error:  # a malformed stream can misuse any opcode: one error for all of it
            if error is self._outside or isinstance(error, MemoryError):
                raise
            raise pickle.UnpicklingError(f"{type(error).__name__}: {error} (opcode {opcode}, byte {at - start} of the pickle)") from None

    # What an opcode may do. A subclass that only looks at a pickle overrides these.

    def find_class(self, module: str, name: str) -> Any:
        """The object for the global `module.name`; remembered, so that it may be called."""
        found = self._find_class(module, name)
        self._callables[id(found)] = found
        return found

    def refer(self, reference: Any) -> Any:
        """The object for a persistent id."""
        try:
            return self.persistent_load(reference)
        except Exception as error:
            self._outside = error
            raise

    def reduce(self, function: Any, args: Any) -> Any:
        """`function(*args)`, for functions that came from `find_class`."""
        if id(function) not in self._callables or not callable(function):
            raise pickle.UnpicklingError(f"Trying to call reduce for unrecognized function {_brief(function)}")
        if type(args) is not tuple:
            raise pickle.UnpicklingError(f"the arguments of a call must be a tuple, got {type(args).__name__}")
        return function(*args)

    def new(self, kind: Any, args: Any, kwargs: Any) -> Any:
        """`kind.__new__(kind, *args, **kwargs)`, for classes that came from `find_class`."""
        if id(kind) not in self._callables or not isinstance(kind, type):
            raise pickle.UnpicklingError(
                f"Can only create new object for nn.Parameter or classes allowlisted via `add_safe_globals` but got {_brief(kind)}"
            )
        return kind.__new__(kind, *args, **kwargs)

    def build(self, target: Any, state: Any) -> None:
        """Set the state of `target`: attributes of an OrderedDict (a state_dict's `_metadata`) or of an allowed class."""
        if type(target) is OrderedDict:
            if any(hasattr(OrderedDict, name) for name in state):
                raise pickle.UnpicklingError(f"the attributes of an OrderedDict would hide its methods: {sorted(state)[:5]}")
            target.__dict__.update(state)
        elif id(type(target)) not in self._callables:
            raise pickle.UnpicklingError(
                "Can only build Tensor, Parameter, OrderedDict or types allowlisted via `add_safe_globals`, "
                f"but got {type(target).__module__}.{type(target).__qualname__}"
            )
        else:
            set_state(target, state)

    def set_items(self, target: Any, items: list[Any]) -> None:
        """`target[key] = value` for the alternating keys and values."""
        if type(target) not in _MAPPINGS and id(type(target)) not in self._callables:
            raise pickle.UnpicklingError(f"Can only set items of dictionaries, but got {type(target).__name__}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            check_key(key)
            target[key] = value

    def extend(self, target: Any, items: list[Any]) -> None:
        """Append `items` to the list `target`."""
        if type(target) is not list and id(type(target)) not in self._callables:
            raise pickle.UnpicklingError(f"Can only extend lists, but got {type(target).__name__}")
        target.extend(items)

    # Reading the stream.

    def take(self, size: int) -> bytes:
        """The next `size` bytes; EOFError where there are fewer."""
        start = self.position
        end = start + size
        if size < 0 or end > len(self.data):
            raise EOFError(f"pickle data was truncated: {size} bytes wanted, {len(self.data) - start} left")
        self.position = end
        return self.data[start:end]

    def line(self) -> bytes:
        """The bytes up to the next newline, without it."""
        end = self.data.find(b"\n", self.position)
        if end < 0:
            raise EOFError("pickle data was truncated: a line has no end")
        found = self.data[self.position : end]
        self.position = end + 1
        return found

    def text(self, value: bytes) -> Any:
        """A byte string of Python 2 as the caller wants it."""
        return value if self.encoding == "bytes" else value.decode(self.encoding)

    def pop_mark(self) -> list[Any]:
        """The values pushed since the last mark."""
        values, self.stack = self.stack, self._marks.pop()
        return values

    def push_mark(self) -> None:
        """Start a new group of values."""
        self._marks.append(self.stack)
        self.stack = []


def check_key(key: Any) -> None:
    """Refuse a tuple that would take long, or a deep recursion, to hash; UnpicklingError."""
    if type(key) not in (tuple, frozenset):
        return
    level, seen = [key], 0
    for _ in range(_KEY_DEPTH):
        level = [member for group in level for member in group]
        seen += len(level)
        if seen > _KEY_BUDGET:
            break
        level = [member for member in level if isinstance(member, (tuple, frozenset))]
        if not level:
            return
    raise pickle.UnpicklingError("a dictionary key or set member is nested too deeply to be hashed")


def set_state(target: Any, state: Any) -> None:
    """Give `target` its pickled state: `__setstate__`, or a dict of attributes, or a pair of that and a dict of slots."""
    setter = getattr(target, "__setstate__", None)
    if setter is not None:
        setter(state)
        return
    attributes, slots = state if isinstance(state, tuple) and len(state) == 2 else (state, None)
    if attributes:
        target.__dict__.update(attributes)
    for name, value in (slots or {}).items():
        setattr(target, name, value)


def _brief(value: Any) -> str:
    return f"{getattr(value, '__module__', '?')}.{value.__qualname__}" if hasattr(value, "__qualname__") else type(value).__name__


# Arguments.


def _number(form: str) -> _Reader:
    layout = struct.Struct(form)
    return lambda machine: layout.unpack(machine.take(layout.size))[0]


def _counted(form: str) -> _Reader:
    length = _number(form)
    return lambda machine: machine.take(length(machine))


def _line(machine: Unpickler) -> bytes:
    return machine.line()


def _two_lines(machine: Unpickler) -> tuple[str, str]:
    return machine.line().decode(), machine.line().decode()


# Actions.


def _op(code: bytes, reader: _Reader | None = None) -> Callable[[_Action], _Action]:
    def register(action: _Action) -> _Action:
        _OPCODES[code[0]] = reader, action
        return action

    return register


def _push(value: Callable[[Unpickler, Any], Any]) -> _Action:
    return lambda machine, arg: machine.stack.append(value(machine, arg))


_PROTOCOL_0_BOOLS = {b"00": False, b"01": True}


def _quoted(machine: Unpickler, line: bytes) -> Any:
    """The repr of a byte string (protocol 0)."""
    if len(line) < 2 or line[:1] not in b"'\"" or line[-1:] != line[:1]:
        raise pickle.UnpicklingError("the STRING opcode argument must be quoted")
    return machine.text(codecs.escape_decode(line[1:-1])[0])


# opcode: how its argument is read, what value it pushes
_VALUES: dict[bytes, tuple[_Reader | None, Callable[[Unpickler, Any], Any]]] = {
    pickle.NONE: (None, lambda m, a: None),
    pickle.NEWTRUE: (None, lambda m, a: True),
    pickle.NEWFALSE: (None, lambda m, a: False),
    pickle.BININT: (_number("<i"), lambda m, a: a),
    pickle.BININT1: (_number("<B"), lambda m, a: a),
    pickle.BININT2: (_number("<H"), lambda m, a: a),
    pickle.BINFLOAT: (_number(">d"), lambda m, a: a),
    pickle.LONG1: (_counted("<B"), lambda m, a: int.from_bytes(a, "little", signed=True)),
    pickle.LONG4: (_counted("<i"), lambda m, a: int.from_bytes(a, "little", signed=True)),
    pickle.INT: (_line, lambda m, a: _PROTOCOL_0_BOOLS[a] if a in _PROTOCOL_0_BOOLS else int(a)),
    pickle.LONG: (_line, lambda m, a: int(a.rstrip(b"L"))),
    pickle.FLOAT: (_line, lambda m, a: float(a)),
    pickle.STRING: (_line, _quoted),
    pickle.UNICODE: (_line, lambda m, a: a.decode("raw-unicode-escape")),
    pickle.BINSTRING: (_counted("<i"), lambda m, a: m.text(a)),
    pickle.SHORT_BINSTRING: (_counted("<B"), lambda m, a: m.text(a)),
    pickle.BINUNICODE: (_counted("<I"), lambda m, a: a.decode("utf-8", "surrogatepass")),
    pickle.SHORT_BINUNICODE: (_counted("<B"), lambda m, a: a.decode("utf-8", "surrogatepass")),
    pickle.BINUNICODE8: (_counted("<Q"), lambda m, a: a.decode("utf-8", "surrogatepass")),
    pickle.BINBYTES: (_counted("<I"), lambda m, a: a),
    pickle.SHORT_BINBYTES: (_counted("<B"), lambda m, a: a),
    pickle.BINBYTES8: (_counted("<Q"), lambda m, a: a),
    pickle.BYTEARRAY8: (_counted("<Q"), lambda m, a: bytearray(a)),
    pickle.EMPTY_LIST: (None, lambda m, a: []),
    pickle.EMPTY_TUPLE: (None, lambda m, a: ()),
    pickle.EMPTY_DICT: (None, lambda m, a: {}),
    pickle.EMPTY_SET: (None, lambda m, a: set()),
    pickle.GET: (_line, lambda m, a: m.memo[int(a)]),
    pickle.BINGET: (_number("<B"), lambda m, a: m.memo[a]),
    pickle.LONG_BINGET: (_number("<I"), lambda m, a: m.memo[a]),
    pickle.GLOBAL: (_two_lines, lambda m, a: m.find_class(*a)),
    pickle.PERSID: (_line, lambda m, a: m.refer(a.decode("ascii"))),
    pickle.DUP: (None, lambda m, a: m.stack[-1]),
}
for _code, (_reader, _value) in _VALUES.items():
    _OPCODES[_code[0]] = _reader, _push(_value)


@_op(pickle.PROTO, _number("<B"))
def _protocol(machine: Unpickler, arg: int) -> None:
    if arg > pickle.HIGHEST_PROTOCOL:
        raise pickle.UnpicklingError(f"unsupported pickle protocol: {arg}")


@_op(pickle.FRAME, _number("<Q"))
def _frame(machine: Unpickler, arg: int) -> None:
    if arg > len(machine.data) - machine.position:
        raise EOFError("pickle data was truncated: a frame is longer than the data")


@_op(pickle.PUT, _line)
def _put(machine: Unpickler, arg: bytes) -> None:
    machine.memo[int(arg)] = machine.stack[-1]


@_op(pickle.BINPUT, _number("<B"))
@_op(pickle.LONG_BINPUT, _number("<I"))
def _bin_put(machine: Unpickler, arg: int) -> None:
    machine.memo[arg] = machine.stack[-1]


@_op(pickle.MEMOIZE)
def _memoize(machine: Unpickler, arg: None) -> None:
    machine.memo[len(machine.memo)] = machine.stack[-1]


@_op(pickle.MARK)
def _mark(machine: Unpickler, arg: None) -> None:
    machine.push_mark()


@_op(pickle.POP)
def _pop(machine: Unpickler, arg: None) -> None:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.pop_mark()


@_op(pickle.POP_MARK)
def _pop_mark(machine: Unpickler, arg: None) -> None:
    machine.pop_mark()


@_op(pickle.TUPLE)
def _tuple(machine: Unpickler, arg: None) -> None:
    items = machine.pop_mark()
    machine.stack.append(tuple(items))


@_op(pickle.TUPLE1)
def _tuple1(machine: Unpickler, arg: None) -> None:
    machine.stack[-1] = (machine.stack[-1],)


@_op(pickle.TUPLE2)
def _tuple2(machine: Unpickler, arg: None) -> None:
    machine.stack[-2:] = [(machine.stack[-2], machine.stack[-1])]


@_op(pickle.TUPLE3)
def _tuple3(machine: Unpickler, arg: None) -> None:
    machine.stack[-3:] = [(machine.stack[-3], machine.stack[-2], machine.stack[-1])]


@_op(pickle.LIST)
def _list(machine: Unpickler, arg: None) -> None:
    items = machine.pop_mark()
    machine.stack.append(items)


@_op(pickle.DICT)
def _dict(machine: Unpickler, arg: None) -> None:
    items = machine.pop_mark()
    found: dict[Any, Any] = {}
    machine.set_items(found, items)
    machine.stack.append(found)


@_op(pickle.FROZENSET)
def _frozenset(machine: Unpickler, arg: None) -> None:
    items = machine.pop_mark()
    for item in items:
        check_key(item)
    machine.stack.append(frozenset(items))


@_op(pickle.APPEND)
def _append(machine: Unpickler, arg: None) -> None:
    item = machine.stack.pop()
    machine.extend(machine.stack[-1], [item])


@_op(pickle.APPENDS)
def _appends(machine: Unpickler, arg: None) -> None:
    items = machine.pop_mark()
    machine.extend(machine.stack[-1], items)


@_op(pickle.ADDITEMS)
def _add_items(machine: Unpickler, arg: None) -> None:
    items = machine.pop_mark()
    target = machine.stack[-1]
    if type(target) is not set:
        raise pickle.UnpicklingError(f"Can only add items to sets, but got {type(target).__name__}")
    for item in items:
        check_key(item)
    target.update(items)


@_op(pickle.SETITEM)
def _set_item(machine: Unpickler, arg: None) -> None:
    value = machine.stack.pop()
    key = machine.stack.pop()
    machine.set_items(machine.stack[-1], [key, value])


@_op(pickle.SETITEMS)
def _set_items(machine: Unpickler, arg: None) -> None:
    items = machine.pop_mark()
    machine.set_items(machine.stack[-1], items)


@_op(pickle.STACK_GLOBAL)
def _stack_global(machine: Unpickler, arg: None) -> None:
    name, module = machine.stack.pop(), machine.stack.pop()
    if type(name) is not str or type(module) is not str:
        raise pickle.UnpicklingError("STACK_GLOBAL requires str")
    machine.stack.append(machine.find_class(module, name))


@_op(pickle.REDUCE)
def _reduce(machine: Unpickler, arg: None) -> None:
    args = machine.stack.pop()
    machine.stack[-1] = machine.reduce(machine.stack[-1], args)


@_op(pickle.NEWOBJ)
def _new_object(machine: Unpickler, arg: None) -> None:
    args = machine.stack.pop()
    machine.stack[-1] = machine.new(machine.stack[-1], args, {})


@_op(pickle.NEWOBJ_EX)
def _new_object_ex(machine: Unpickler, arg: None) -> None:
    kwargs, args = machine.stack.pop(), machine.stack.pop()
    machine.stack[-1] = machine.new(machine.stack[-1], args, kwargs)


@_op(pickle.BUILD)
def _build(machine: Unpickler, arg: None) -> None:
    state = machine.stack.pop()
    machine.build(machine.stack[-1], state)


@_op(pickle.BINPERSID)
def _persistent(machine: Unpickler, arg: None) -> None:
    machine.stack.append(machine.refer(machine.stack.pop()))
