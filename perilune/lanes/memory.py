"""Working memory: who needs which stretch of it from when to when, and what may lie in the same place one after the other.

Times are counted in touches of memory, in the order of the text, which is that of execution but for loops. Nothing here asks
who still holds a Python object: what else goes on in a process (a profiler, a debugger, a collector of garbage) must not change
the program that is written, for another program turns last bits.
"""

import re
from dataclasses import dataclass

from .values import Region

ALIGNED = 64  # bytes: where any vector may begin
UNSETTLED = re.compile(r"@(\d+):(\d+)@")  # a stretch's number, and bytes into it


@dataclass(slots=True)
class Stretch:
    """Bytes that are needed from a first touch to a last one."""

    size: int
    first: int = -1
    last: int = -1


class WorkingMemory:
    """Working memory of a program under construction."""

    def __init__(self):
        self.stretches: list[Stretch] = []
        self.loops: list[tuple[int, int]] = []
        self.now = 0

    def take(self, size: int) -> Region:
        """`size` bytes somewhere."""
        self.stretches.append(Stretch(-(-size // ALIGNED) * ALIGNED))
        return Region("W", number=len(self.stretches) - 1)

    def touch(self, region: Region, when: int | None = None) -> None:
        """A region is read or written: now, or at a time that is past."""
        if when is None:
            self.now += 1
        if region.number >= 0:
            one, time = self.stretches[region.number], self.now if when is None else when
            one.first = time if one.first < 0 else min(one.first, time)
            one.last = max(one.last, time)

    def loop(self, since: int) -> None:
        """All that was touched after `since` is in a loop that ends now."""
        self.loops.append((since + 1, self.now))

    def through_loops(self, one: Stretch) -> tuple[int, int]:
        """From when to when a stretch is needed: as long as a loop lasts, if it is needed before or after it too. What is
        touched in a loop alone is made anew in each turn."""
        first, last = one.first, one.last
        for begins, ends in self.loops:  # those inside others come first
            is_inside = begins <= first and last <= ends
            if not is_inside and first <= ends and begins <= last:
                first, last = min(first, begins), max(last, ends)
        return first, last

    def settled(self) -> tuple[list[int], int]:
        """Where each stretch begins, and how much memory there is."""
        spans = [self.through_loops(one) for one in self.stretches]
        free: dict[int, list[int]] = {}
        offsets, whole = [0] * len(spans), 0
        waiting = sorted((last, k) for k, (_, last) in enumerate(spans))[::-1]  # the first to be given back at the end
        for k in sorted(range(len(spans)), key=lambda k: spans[k]):
            size = self.stretches[k].size
            while waiting and waiting[-1][0] < spans[k][0]:
                _, done = waiting.pop()
                free.setdefault(self.stretches[done].size, []).append(offsets[done])
            if free.get(size):
                offsets[k] = free[size].pop()
            else:
                offsets[k], whole = whole, whole + size
        return offsets, whole

    def settle(self, text: str) -> tuple[str, int]:
        """Text with all places in it, and how much memory it works with."""
        offsets, size = self.settled()
        return UNSETTLED.sub(lambda found: str(offsets[int(found[1])] + int(found[2])), text), size
