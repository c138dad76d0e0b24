"""Working memory of programs for lanes: nothing that is still needed is written over, in straight lines and in loops."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from perilune.lanes.memory import WorkingMemory

# A program as functions one after the other, each a row of touches and loops: a number is a stretch that is touched, a list a
# loop. The first touch of a stretch writes it, all others read it. Some are written late: when a function has asked for them, at
# the end of one that has ended.
STRETCHES = 8
ACTIONS = st.recursive(st.integers(0, STRETCHES - 1), lambda inner: st.lists(inner, min_size=1, max_size=5), max_leaves=24)
FUNCTIONS = st.lists(st.lists(ACTIONS, max_size=4), min_size=1, max_size=5)


def touched(program) -> frozenset[int]:
    """The stretches of a program."""
    return frozenset({program}) if isinstance(program, int) else frozenset().union(*map(touched, program))


class Author:
    """Tells memory of a program, as a builder does."""

    def __init__(self, sizes: list[int], late: dict[int, int]):
        self.memory, self.late = WorkingMemory(), late  # of a stretch that is stored late: the function at whose end
        self.regions = [self.memory.take(size) for size in sizes]
        self.ends: list[int] = []

    def write(self, program) -> None:
        """One function."""
        for step in program:
            self.tell(step)
        self.ends.append(self.memory.now)

    def tell(self, step) -> None:
        """A touch, or a loop."""
        if isinstance(step, int):
            if step in self.late:
                self.memory.touch(self.regions[step], self.ends[self.late[step]])
            self.memory.touch(self.regions[step])
            return
        since = self.memory.now
        for one in step:
            self.tell(one)
        self.memory.loop(since)


class Machine:
    """What programs run on; `holds`: what was last written into each byte, `owned`: stretches with something in them."""

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

    def run(self, steps: list, elsewhere: frozenset[int]) -> None:
        """Two turns a loop; what a loop alone touches, and nothing `elsewhere`, is made anew in each of them."""
        for position, step in enumerate(steps):
            if isinstance(step, int):
                self.touch(step)
                continue
            others = elsewhere.union(*(touched(other) for k, other in enumerate(steps) if k != position))
            for _ in range(2):
                self.owned -= touched(step) - others
                self.run(step, others)


@settings(max_examples=400, deadline=None)
@given(
    functions=FUNCTIONS,
    sizes=st.lists(st.sampled_from([64, 128]), min_size=STRETCHES, max_size=STRETCHES),
    late=st.dictionaries(st.integers(0, STRETCHES - 1), st.integers(0, 3)),
)
def test_nothing_needed_is_written_over(functions, sizes, late):
    asked = {one: next((k for k, steps in enumerate(functions) if one in touched(steps)), 0) for one in late}
    late = {one: home for one, home in late.items() if home < asked[one]}  # stored before anyone asks
    author = Author(sizes, late)
    for steps in functions:
        author.write(steps)
    places, size = author.memory.settled()
    assert all(place % 64 == 0 and place + block <= size for place, block in zip(places, sizes, strict=True))
    machine = Machine(places, sizes)
    for k, steps in enumerate(functions):
        others = frozenset(late).union(*(touched(other) for j, other in enumerate(functions) if j != k))
        machine.run(steps, others)
        for one in (one for one, home in late.items() if home == k):
            machine.touch(one)


def test_memory_is_used_again():
    """A hundred numbers needed one after the other lie in one place, or in two where each is needed with the next."""
    memory = WorkingMemory()
    for region in [memory.take(64) for _ in range(100)]:
        memory.touch(region)
        memory.touch(region)
    assert memory.settled()[1] == 64
    memory = WorkingMemory()
    regions = [memory.take(64) for _ in range(100)]
    for one, following in pairwise(regions):
        memory.touch(following)
        memory.touch(one)
    assert memory.settled()[1] == 128
