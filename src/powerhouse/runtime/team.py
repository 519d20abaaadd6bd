"""Running native code on a team of threads: one call of a compiled function runs a whole list of kernels.

The **code** of a program is an array of records, one for each kernel: its address, its pointers, its numbers, how many units of work it
has, in what multiples they are shared out, and into how many chunks at most. The chunks of the present record that nobody has begun are
the bits of one word; a thread takes those that are its own by rank first, then any. Who finishes a record's last chunk opens the next
record. So nobody waits for a thread that has no chunk: one that the system has put aside is not missed, and one that comes late helps
with what is there.

The caller is the first thread of the team. The others are Python threads inside a native function (without Python's lock), in which they
look for chunks, spinning for a moment and then asleep.
"""

from __future__ import annotations

import ctypes
import threading
from functools import cache
from typing import Any, NamedTuple

from ..core import config
from ..core.forking import renew_in_child
from . import native
from .memory import address, aligned, carved

RECORD = 6  # words of one record: function, pointers, numbers, count, grain, chunks
_SPINS = 20_000  # looks in vain before a thread goes to sleep: some hundreds of microseconds

# Words of a team's state; those that are written often have cache lines of their own.
_WORDS = dict(todo=0, done=16, record=32, chunks=33, code=34, last=35, status=36, size=37)
_STATE = 64

_FIELDS = {"function": "ptr", "pointers": "ptr", "numbers": "ptr", "count": "i64", "grain": "i64", "most": "i64"}


def _fields(*names: str) -> str:
    """Loads of words of the record %k of %code."""
    lines = [f"  %at = mul i64 %k, {RECORD}", "  %cell = getelementptr i64, ptr %code, i64 %at"]
    for k, (name, kind) in enumerate(_FIELDS.items()):
        if name in names:
            lines += [f"  %{name}_cell = getelementptr i64, ptr %cell, i64 {k}", f"  %{name} = load {kind}, ptr %{name}_cell"]
    return "\n".join(lines)


def _cells(*names: str) -> str:
    """Addresses of words of %state."""
    return "\n".join(f"  %{name}_at = getelementptr i64, ptr %state, i64 {_WORDS[name]}" for name in names)


def _text() -> str:
    pause = native.spin_hint()
    return f"""
declare void @llvm.{pause}()
declare i32 @sched_yield()
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.cttz.i64(i64, i1)

define void @alone(ptr %code, i64 %first, i64 %last, ptr %scratch, ptr %status) nounwind {{
entry:
  %progress = getelementptr i64, ptr %status, i64 1
  br label %test
test:
  %k = phi i64 [ %first, %entry ], [ %k1, %body ]
  %some = icmp slt i64 %k, %last
  br i1 %some, label %body, label %leave
body:
{_fields("function", "pointers", "numbers", "count")}
  call void %function(ptr %pointers, ptr %numbers, i64 0, i64 %count, ptr %scratch)
  %refusal = load i64, ptr %status
  %fine = icmp eq i64 %refusal, 0
  %k1 = add i64 %k, 1
  store i64 %k1, ptr %progress
  br i1 %fine, label %test, label %leave
leave:
  ret void
}}

; All chunks of record %k are there to be taken.
define internal void @open(ptr %state, ptr %code, i64 %k) nounwind {{
entry:
{_cells("todo", "done", "record", "chunks", "size")}
{_fields("count", "grain", "most")}
  %size = load i64, ptr %size_at
  %g1 = sub i64 %grain, 1
  %up = add i64 %count, %g1
  %grains = sdiv i64 %up, %grain
  %four = shl i64 %size, 2
  %a = call i64 @llvm.smin.i64(i64 %four, i64 64)
  %b = call i64 @llvm.smin.i64(i64 %a, i64 %most)
  %c = call i64 @llvm.smin.i64(i64 %b, i64 %grains)
  %n = call i64 @llvm.smax.i64(i64 %c, i64 1)
  store atomic i64 0, ptr %done_at monotonic, align 8
  store atomic i64 %k, ptr %record_at monotonic, align 8
  store atomic i64 %n, ptr %chunks_at monotonic, align 8
  %rest = sub i64 64, %n
  %mask = lshr i64 -1, %rest
  store atomic i64 %mask, ptr %todo_at release, align 8
  ret void
}}

; One chunk, if there is one: 1, or 0 where there is none for this thread.
define internal i64 @help(ptr %state, i64 %me, ptr %scratch) nounwind {{
entry:
{_cells("todo", "done", "record", "chunks", "code", "last", "status", "size")}
  br label %look
look:
  %todo = load atomic i64, ptr %todo_at monotonic, align 8
  %none = icmp eq i64 %todo, 0
  br i1 %none, label %nothing, label %choose
choose:
  %n0 = load atomic i64, ptr %chunks_at monotonic, align 8
  %size = load atomic i64, ptr %size_at monotonic, align 8
  %one = icmp eq i64 %n0, 1
  %other = icmp ne i64 %me, 0
  %leave_it = and i1 %one, %other ; a single chunk is the leader's
  br i1 %leave_it, label %nothing, label %pick
pick:
  %from0 = mul i64 %n0, %me
  %from = udiv i64 %from0, %size
  %shift = call i64 @llvm.smin.i64(i64 %from, i64 63)
  %own = shl i64 -1, %shift
  %mine0 = and i64 %todo, %own
  %any_mine = icmp ne i64 %mine0, 0
  %mine = select i1 %any_mine, i64 %mine0, i64 %todo
  %chunk = call i64 @llvm.cttz.i64(i64 %mine, i1 true)
  %bit = shl i64 1, %chunk
  %mask = xor i64 %bit, -1
  %old = atomicrmw and ptr %todo_at, i64 %mask acq_rel
  %had = and i64 %old, %bit
  %lost = icmp eq i64 %had, 0
  br i1 %lost, label %look, label %work
work: ; until this chunk is done its record stays open
  %k = load atomic i64, ptr %record_at monotonic, align 8
  %n = load atomic i64, ptr %chunks_at monotonic, align 8
  %code = load atomic ptr, ptr %code_at monotonic, align 8
{_fields("function", "pointers", "numbers", "count", "grain")}
  %g1 = sub i64 %grain, 1
  %up = add i64 %count, %g1
  %grains = sdiv i64 %up, %grain
  %low = mul i64 %grains, %chunk
  %next_chunk = add i64 %chunk, 1
  %high = mul i64 %grains, %next_chunk
  %low_grain = sdiv i64 %low, %n
  %high_grain = sdiv i64 %high, %n
  %b0 = mul i64 %low_grain, %grain
  %e0 = mul i64 %high_grain, %grain
  %begin = call i64 @llvm.smin.i64(i64 %b0, i64 %count)
  %end = call i64 @llvm.smin.i64(i64 %e0, i64 %count)
  call void %function(ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr %scratch)
  %before = atomicrmw add ptr %done_at, i64 1 acq_rel
  %now = add i64 %before, 1
  %all = icmp eq i64 %now, %n
  br i1 %all, label %advance, label %did
advance:
  %k1 = add i64 %k, 1
  %status = load atomic ptr, ptr %status_at monotonic, align 8
  %progress = getelementptr i64, ptr %status, i64 1
  store i64 %k1, ptr %progress
  %refusal = load atomic i64, ptr %status monotonic, align 8
  %refused = icmp ne i64 %refusal, 0
  %last = load atomic i64, ptr %last_at monotonic, align 8
  %ends = icmp eq i64 %k1, %last
  %stop = or i1 %refused, %ends
  br i1 %stop, label %finish, label %next
finish:
  store atomic i64 %last, ptr %record_at release, align 8
  ret i64 1
next:
  call void @open(ptr %state, ptr %code, i64 %k1)
  ret i64 1
did:
  ret i64 1
nothing:
  ret i64 0
}}

define void @begin(ptr %state, ptr %code, i64 %first, i64 %last, i64 %size, ptr %status) nounwind {{
entry:
{_cells("code", "last", "status", "size")}
  store atomic ptr %code, ptr %code_at monotonic, align 8
  store atomic i64 %last, ptr %last_at monotonic, align 8
  store atomic ptr %status, ptr %status_at monotonic, align 8
  store atomic i64 %size, ptr %size_at monotonic, align 8
  call void @open(ptr %state, ptr %code, i64 %first)
  ret void
}}

define void @lead(ptr %state, ptr %scratch) nounwind {{
entry:
{_cells("record", "last")}
  %last = load i64, ptr %last_at
  br label %look
look:
  %n = phi i64 [ 0, %entry ], [ 0, %work ], [ %n1, %again ]
  %k = load atomic i64, ptr %record_at acquire, align 8
  %over = icmp eq i64 %k, %last
  br i1 %over, label %leave, label %work
work:
  %did = call i64 @help(ptr %state, i64 0, ptr %scratch)
  %worked = icmp ne i64 %did, 0
  br i1 %worked, label %look, label %spin
spin:
  call void @llvm.{pause}()
  %n1 = add i64 %n, 1
  %low = and i64 %n1, 8191
  %long = icmp eq i64 %low, 0
  br i1 %long, label %give, label %again
give:
  %y = call i32 @sched_yield()
  br label %again
again:
  br label %look
leave:
  ret void
}}

; Chunks as they come, until `spins` looks in vain.
define void @follow(ptr %state, i64 %spins, i64 %me, ptr %scratch) nounwind {{
entry:
  br label %look
look:
  %n = phi i64 [ 0, %entry ], [ 0, %look ], [ %n1, %spin ]
  %did = call i64 @help(ptr %state, i64 %me, ptr %scratch)
  %worked = icmp ne i64 %did, 0
  br i1 %worked, label %look, label %spin
spin:
  call void @llvm.{pause}()
  %n1 = add i64 %n, 1
  %on = icmp slt i64 %n1, %spins
  br i1 %on, label %look, label %tired
tired:
  ret void
}}
"""


class _Functions(NamedTuple):
    """The compiled functions."""

    alone: Any  # (code, first, last, scratch, status): all records in this thread
    begin: Any  # (state, code, first, last, size, status): opens the first record
    lead: Any  # (state, scratch): helps until all is done
    follow: Any  # (state, spins, me, scratch): helps as long as there is something to do


@cache
def _functions() -> _Functions:
    p, i = ctypes.c_void_p, ctypes.c_int64
    types = ((p, i, i, p, p), (p, p, i, i, i, p), (p, p), (p, i, i, p))
    addresses = native.addresses(_text(), _Functions._fields)
    return _Functions(*[ctypes.CFUNCTYPE(None, *t)(a) for t, a in zip(types, addresses, strict=True)])


class _Scratch(threading.local):
    """Scratch memory of one thread, grown as needed."""

    memory: Any = None
    at = 0

    def of(self, count: int) -> int:
        """The address of at least `count` bytes."""
        if self.memory is None or self.memory.size < count:
            self.memory = carved(max(count, 1 << 16))
            self.at = address(self.memory)
        return self.at


_scratch = _Scratch()


class _Team:
    """Threads that run programs together. One program at a time."""

    def __init__(self, size: int, scratch: int) -> None:
        self.size, self.scratch = size, scratch
        self.memory = aligned(8 * _STATE)
        self.memory[:] = 0
        self.state = address(self.memory)
        self.busy = threading.Lock()
        self.bells = [threading.Semaphore(0) for _ in range(size - 1)]
        self.asleep = [False] * (size - 1)
        self.closed = self.is_running = False
        for k in range(size - 1):
            threading.Thread(target=self._member, args=(k,), name=f"powerhouse-{k + 1}", daemon=True).start()

    def _member(self, k: int) -> None:
        memory, follow = carved(self.scratch), _functions().follow
        while not self.closed:
            follow(self.state, _SPINS, k + 1, address(memory))
            self.asleep[k] = True  # whoever begins a program after this rings
            if not self.is_running:  # one may have begun while this thread waited for Python's lock
                self.bells[k].acquire()

    def run(self, code: int, first: int, last: int, scratch: int, status: int) -> None:
        """All threads, the caller's among them, run records `first` to `last`."""
        call = _functions()
        self.is_running = True
        try:
            call.begin(self.state, code, first, last, self.size, status)
            for k, asleep in enumerate(self.asleep):
                if asleep:
                    self.asleep[k] = False
                    self.bells[k].release()
            call.lead(self.state, scratch)
        finally:
            self.is_running = False

    def close(self) -> None:
        """The threads end."""
        self.closed = True
        for bell in self.bells:
            bell.release()


_team: _Team | None = None
_making = threading.Lock()
renew_in_child(globals(), _team=lambda: None, _making=threading.Lock)  # the child has none of the threads


def thread_count() -> int:
    """The threads that programs may use: the flag, or one a processor."""
    return config.values["threads"] or native.processors()


def _team_of(size: int, scratch: int) -> _Team:
    global _team
    with _making:
        if _team is None or _team.size != size or _team.scratch < scratch:
            if _team is not None:
                with _team.busy:
                    _team.close()
            _team = _Team(size, max(scratch, 1 << 20))
        return _team


def run(code: Any, first: int, last: int, scratch: int, shared: bool, status: Any) -> None:
    """Run records `first` to `last` of `code` (an int64 array), alone or with the team where it is free.

    `status` (an int64 array): behind a record that leaves its first word other than zero, none is run; the second counts the records that
    have been run.
    """
    at, own, refusal = address(code), _scratch.of(scratch), address(status)
    size = thread_count() if shared else 1
    if size > 1:
        team = _team_of(size, scratch)
        if team.busy.acquire(blocking=False):
            try:
                return team.run(at, first, last, own, refusal)
            finally:
                team.busy.release()
    _functions().alone(at, first, last, own, refusal)
