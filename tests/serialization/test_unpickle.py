"""The unpickler: all opcodes that harmless pickles use, and none of the ways in which others do harm."""

from __future__ import annotations

import os
import pickle
import struct
import sys
from collections import Counter, OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from powerhouse.serialization._globals import safe_class
from powerhouse.serialization._unpickle import Unpickler


def no_reference(reference):
    raise pickle.UnpicklingError("unsupported persistent id encountered")


def loads(data, **options):
    return Unpickler(data, safe_class, no_reference, **options).load()


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.complex_numbers(allow_nan=False)
)
keys = st.text() | st.integers() | st.tuples(st.integers(), st.text())
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner) | st.tuples(inner, inner) | st.sets(keys) | st.binary().map(bytearray),
    max_leaves=20,
)


@given(values, st.integers(0, 5))
def test_plain_values_come_back_from_every_protocol(value, protocol):
    found = loads(pickle.dumps(value, protocol))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("protocol", range(6))
def test_containers_keep_their_kind_and_identity(protocol):
    inner = ["shared"]
    loop: list = []
    loop.append(loop)
    value = {"twice": [inner, inner], "od": OrderedDict(a=1), "count": Counter("aab"), "frozen": (1, (2, (3, 4, 5, 6))), "loop": loop}
    found = loads(pickle.dumps(value, protocol))
    assert found["twice"][0] is found["twice"][1]
    assert found["loop"][0] is found["loop"]
    del found["loop"], value["loop"]
    assert found == value
    assert type(found["od"]) is OrderedDict and type(found["count"]) is Counter


def test_attributes_of_an_ordered_dict_are_restored():
    state = OrderedDict(weight=1)
    state._metadata = {"": {"version": 1}}
    assert loads(pickle.dumps(state, 2))._metadata == {"": {"version": 1}}


def test_byte_strings_of_python_2_are_decoded_as_asked():
    assert loads(b"U\x03abc.") == "abc"
    assert loads(b"U\x03abc.", encoding="bytes") == b"abc"
    assert loads(b"T\x02\x00\x00\x00\xe9\xe8.", encoding="latin1") == "éè"
    assert loads(b"S'a\\n'\n.") == "a\n"


def test_python_2_names_are_understood():
    assert loads(b"c__builtin__\nset\n](K\x01K\x02e\x85R.") == {1, 2}


class Harmful:
    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("function", [os.system, eval, print, getattr, __import__, open], ids=lambda f: f.__name__)
def test_functions_are_not_called(function, protocol, tmp_path):
    trace = tmp_path / "trace"
    with pytest.raises(pickle.UnpicklingError, match="GLOBAL"):
        loads(pickle.dumps(Harmful(function, f"touch {trace}"), protocol))
    assert not trace.exists()


def test_the_refused_global_is_named_with_the_way_to_allow_it():
    with pytest.raises(
        pickle.UnpicklingError, match=r"Unsupported global: GLOBAL some\.module\.Thing was not an allowed.*add_safe_globals\(\[Thing\]\)"
    ):
        loads(b"csome.module\nThing\n.")
    with pytest.raises(pickle.UnpicklingError, match=r"GLOBAL os\.system whose module os is blocked"):
        loads(b"cos\nsystem\n.")


def test_nothing_is_called_that_is_no_global():
    with pytest.raises(pickle.UnpicklingError, match="unrecognized function"):
        loads(b"X\x03\x00\x00\x00abc)R.")


def test_state_is_set_on_nothing_else():
    with pytest.raises(pickle.UnpicklingError, match="Can only build"):
        loads(b"c__builtin__\nset\n)R}b.")
    with pytest.raises(pickle.UnpicklingError, match="hide its methods"):
        loads(b"ccollections\nOrderedDict\n)R}X\x05\x00\x00\x00itemsK\x01sb.")


BOMBS = {
    "string length": b"\x80\x02X\xff\xff\xff\x7f.",
    "bytes length": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b".",
    "bytearray length": b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b".",
    "frame length": b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b".",
    "number length": b"\x80\x02\x8b\xff\xff\xff\x7f.",
    "negative length": b"\x80\x02\x8b\xff\xff\xff\xff.",
    "bytearray of a number": b"\x80\x02cbuiltins\nbytearray\nJ\xff\xff\xff\x7f\x85R.",
    "decompression": b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x03\x00\x00\x00bz2\x86R.",
    "key nested deeply": b"\x80\x02})" + b"\x85" * 200_000 + b"K\x01s.",
    "key that doubles": b"\x80\x02})" + b"q\x00h\x00\x86" * 100 + b"K\x01s.",
    "set of a key that doubles": b"\x80\x04\x8f()" + b"q\x00h\x00\x86" * 100 + b"\x90.",
    "frozenset of a key that doubles": b"\x80\x04()" + b"q\x00h\x00\x86" * 100 + b"\x91.",
    "digits": b"I" + b"9" * 100_000 + b"\n.",
    "protocol": b"\x80\xff.",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_bombs_do_not_go_off(bomb):
    with pytest.raises((pickle.UnpicklingError, EOFError)):
        loads(bomb)


def test_a_memo_index_is_no_size():
    assert loads(b"\x80\x02]r\xff\xff\xff\x7f0j\xff\xff\xff\x7f.") == []


def test_deep_nesting_is_no_recursion():
    found = loads(b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".")
    assert isinstance(found, list)
    while found:
        found = found.pop()
    assert sys.getrecursionlimit() < 100_000


@given(st.binary(max_size=60))
def test_any_bytes_give_a_value_or_one_of_two_errors(data):
    try:
        loads(data)
    except (pickle.UnpicklingError, EOFError):
        pass


@given(
    st.lists(st.sampled_from([bytes([c]) for c in range(256)] + [b"ccollections\nOrderedDict\n", b"ctorch\nSize\n", b"K\x01"]), max_size=40)
)
def test_any_opcodes_give_a_value_or_one_of_two_errors(opcodes):
    try:
        loads(b"".join(opcodes))
    except (pickle.UnpicklingError, EOFError):
        pass


@pytest.mark.parametrize("end", range(0, 60, 7))
def test_a_cut_off_pickle_is_an_end_of_file(end):
    data = pickle.dumps({"name": [1.5, 2**80, "text" * 10]}, 2)
    with pytest.raises((EOFError, pickle.UnpicklingError)):
        loads(data[:end])
