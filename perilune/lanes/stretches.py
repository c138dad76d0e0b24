"""Time for a block of lanes: cycles, a trace of each, and after every so many of them a record. All of one block before the next,
so that what a block works with stays in the cache."""

import ctypes

import numpy as np

from .layout import Layout, Leaf, room
from .machine import Code, compiled
from .program import Written

# `cycle` goes from one snapshot's memory to another's; `trace` reads each; `finish` makes of the snapshots before and
# after a stretch the one that stands, and the record. Three memories take turns; what it returns is the one in which the last
# snapshot is.
LOOP = """
define ptr @fly(ptr %cycle, ptr %finish, ptr %trace, ptr %P, ptr %A0, ptr %B0, ptr %C0, ptr %R0, ptr %Q0, ptr %W, ptr %T,
                i32 %first, i32 %every, i32 %stretches, i64 %record, i64 %traced) {
entry:
  br label %stretch
stretch:
  %s = phi i32 [ 0, %entry ], [ %s.next, %close ]
  %a = phi ptr [ %A0, %entry ], [ %out, %close ]
  %b = phi ptr [ %B0, %entry ], [ %a, %close ]
  %c = phi ptr [ %C0, %entry ], [ %to, %close ]
  %R = phi ptr [ %R0, %entry ], [ %R.next, %close ]
  %done = mul i32 %s, %every
  %tick0 = add i32 %first, %done
  br label %one
one:
  %k = phi i32 [ 0, %stretch ], [ %k.next, %one ]
  %from = phi ptr [ %a, %stretch ], [ %to, %one ]
  %to = phi ptr [ %b, %stretch ], [ %to.next, %one ]
  %k.next = add i32 %k, 1
  %tick = add i32 %tick0, %k.next
  call void %cycle(ptr %P, ptr %from, ptr null, ptr %to, ptr null, ptr %W, ptr %T, i32 %tick)
  %row = add i32 %done, %k
  %row.long = zext i32 %row to i64
  %offset = mul i64 %row.long, %traced
  %Q = getelementptr i8, ptr %Q0, i64 %offset
  call void %trace(ptr %P, ptr %to, ptr null, ptr null, ptr %Q, ptr %W, ptr %T, i32 %tick)
  %is.first = icmp eq i32 %k, 0
  %to.next = select i1 %is.first, ptr %c, ptr %from
  %goes.on = icmp slt i32 %k.next, %every
  br i1 %goes.on, label %one, label %close
close:
  %is.b = icmp eq ptr %to, %b
  %out = select i1 %is.b, ptr %c, ptr %b
  call void %finish(ptr %P, ptr %a, ptr %to, ptr %out, ptr %R, ptr %W, ptr %T, i32 %tick)
  %R.next = getelementptr i8, ptr %R, i64 %record
  %s.next = add i32 %s, 1
  %more = icmp slt i32 %s.next, %stretches
  br i1 %more, label %stretch, label %end
end:
  ret ptr %out
}
"""
POINTER, NUMBER, LONG = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64


class Step:
    """A written function, compiled and in memory."""

    def __init__(self, written: Written):
        self.code = Code(compiled(written.text), written.title)
        self.address = self.code.address
        self.workspace = written.workspace


class Stretches:
    """A cycle, what finishes a stretch of them and what traces each, ready for blocks; and the layouts of what they keep."""

    def __init__(self, cycle: Step, finish: Step, trace: Step, record: Layout, traced: Layout):
        self.steps = cycle, finish, trace
        self.record, self.traced = record, traced
        self.loop = Code(compiled(LOOP), "fly")
        kind = ctypes.CFUNCTYPE(POINTER, *[POINTER] * 11, NUMBER, NUMBER, NUMBER, LONG, LONG)
        self.fly = kind(self.loop.address)


class Blocks:
    """Blocks of lanes under way: what each flies with (`own`), what all share, and the memories of their snapshots."""

    def __init__(self, program: Stretches, own: np.ndarray, shared: list[np.ndarray], state: np.ndarray):
        self.program, self.own = program, own
        self.shared = [np.ascontiguousarray(s.astype(np.int8) if s.dtype == bool else s) for s in shared]
        self.pointers = np.asarray([s.ctypes.data for s in self.shared], np.uint64)
        self.memories = (state, room(*state.shape), room(*state.shape))
        self.current = np.zeros(len(state), int)  # which of the three memories a block's last snapshot is in
        self.workspace = room(1, max(step.workspace for step in program.steps) + 64)

    def advance(self, block: int, tick: int, every: int, stretches: int, records: np.ndarray, traces: np.ndarray) -> None:
        """One block through so many stretches; records (bytes of one a stretch) and traces (of one a cycle) are written."""
        order = [(self.current[block] + k) % 3 for k in range(3)]
        rows = [self.memories[k][block] for k in order]
        at = [row.ctypes.data for row in rows]
        last = self.program.fly(
            *(step.address for step in self.program.steps), self.own[block].ctypes.data, *at, records.ctypes.data,
            traces.ctypes.data, self.workspace.ctypes.data, self.pointers.ctypes.data, tick, every, stretches,
            self.program.record.size, self.program.traced.size,
        )  # fmt: skip
        self.current[block] = order[at.index(last)]

    def read(self, leaf: Leaf) -> np.ndarray:
        """One array of the last snapshots: block, number, lane."""
        views = [leaf.view(memory) for memory in self.memories]
        return np.stack([views[which][block] for block, which in enumerate(self.current)])

    def snapshot(self) -> np.ndarray:
        """The last snapshots' memory, block after block."""
        return np.stack([self.memories[which][block] for block, which in enumerate(self.current)])
