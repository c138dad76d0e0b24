"""Working memory of programs for lanes: nothing that is still needed is written over, in straight lines and in loops."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from perilune.lanes.memory import Memory

# A program as nested loops of touches: a number is a stretch that is read, a list a loop. What is read must hold what was
# written into it: at its first touch outside of loops, or at its first touch in a turn if it is touched in that loop alone.
ACTIONS = st.recursive(st.integers(0, 7), lambda inner: st.lists(inner, min_size=1, max_size=5), max_leaves=24)


def touched(program) -> set[int]:
    """The stretches of a program."""
    return {program} if isinstance(program, int) else set().union(*map(touched, program)) if program else set()


def written(memory: Memory, program, regions) -> None:
    """The program told to the memory, as a builder tells it."""
    if isinstance(program, int):
        memory.touch(regions[program])
        return
    since = memory.now
    for step in program:
        written(memory, step, regions)
    memory.loop(since)


class Machine:
    """Memory that programs run on; `holds`: what was last written into each byte, `owned`: stretches with something in them."""

    def __init__(self, places: list[int], sizes: list[int]):
        self.cells = [range(place, place + size) for place, size in zip(places, sizes, strict=True)]
        self.holds: dict[int, int] = {}
        self.owned: set[int] = set()

    def touch(self, stretch: int) -> None:
        """The first time writes, all later ones read and write."""
        if stretch in self.owned:
            assert all(self.holds[cell] == stretch for cell in self.cells[stretch]), f"{stretch} was written over"
        self.owned.add(stretch)
        self.holds.update(dict.fromkeys(self.cells[stretch], stretch))

    def run(self, steps: list, elsewhere: frozenset[int] = frozenset()) -> None:
        """Two turns a loop; what a loop alone touches, and nothing `elsewhere`, is made anew in each of them."""
        for position, step in enumerate(steps):
            if isinstance(step, int):
                self.touch(step)
                continue
            others = elsewhere.union(*(touched(other) for k, other in enumerate(steps) if k != position))
            for _ in range(2):
                self.owned -= touched(step) - others
                self.run(step, others)


@settings(max_examples=300, deadline=None)
@given(program=st.lists(ACTIONS, min_size=1, max_size=8), blocks=st.lists(st.sampled_from([64, 128]), min_size=8, max_size=8))
def test_nothing_needed_is_written_over(program, blocks):
    memory = Memory()
    regions = [memory.take(size) for size in blocks]
    for step in program:
        written(memory, step, regions)
    places, size = memory.settled()
    assert all(place % 64 == 0 and place + block <= size for place, block in zip(places, blocks, strict=True))
    Machine(places, blocks).run(program)


def test_memory_is_used_again():
    """A hundred numbers needed one after the other lie in one place, or in two where each is needed with the next."""
    memory = Memory()
    for region in [memory.take(64) for _ in range(100)]:
        memory.touch(region)
        memory.touch(region)
    assert memory.settled()[1] == 64
    memory = Memory()
    regions = [memory.take(64) for _ in range(100)]
    for one, following in pairwise(regions):
        memory.touch(following)
        memory.touch(one)
    assert memory.settled()[1] == 128
