"""A batch in the air, by either of two ways: as machine code for eight lanes at a time, or as XLA compiles it for any device."""

import warnings
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from perilune.lanes import WIDTH, Blocks, Layout, Step, Stretches, given, given_to_all, layout_of, room, tick_given, write

from .scenario import Scenario, lane_axes
from .simulate import Recorder, Snapshot, cycle, fly_chunk, frozen_if_ended, nothing


class Shapes(NamedTuple):
    """What a program hangs on: trees and shapes of one lane's scenario (its own leaves, those that lanes share) and snapshot."""

    scenario: Any
    is_shared: tuple[bool, ...]
    leaves: tuple[jax.ShapeDtypeStruct, ...]
    snapshot: Any
    state: tuple[jax.ShapeDtypeStruct, ...]

    def one(self) -> tuple[list, list, Snapshot]:
        """Shapes of one lane: its scenario's own leaves, those that lanes share, its snapshot."""
        own = [leaf for leaf, shared in zip(self.leaves, self.is_shared, strict=True) if not shared]
        shared = [leaf for leaf, is_shared in zip(self.leaves, self.is_shared, strict=True) if is_shared]
        return own, shared, jax.tree.unflatten(self.snapshot, self.state)

    def whole(self, own, shared) -> Scenario:
        """A scenario from its own leaves and those that lanes share."""
        own_ones, shared_ones = iter(own), iter(shared)
        return jax.tree.unflatten(self.scenario, [next(shared_ones if s else own_ones) for s in self.is_shared])


class Program(NamedTuple):
    """A compiled program, and how its arguments lie in memory."""

    stretches: Stretches
    own: Layout
    state: Layout


def shapes_of(scenarios: Scenario, last: Snapshot) -> Shapes:
    """The shapes of batched scenarios and snapshots."""
    axes = jax.tree.leaves(lane_axes(scenarios), is_leaf=lambda x: x is None)
    leaves, scenario = jax.tree.flatten(scenarios)
    state, snapshot = jax.tree.flatten(last)
    is_shared = tuple(axis is None for axis in axes)

    def of_one(leaf, is_whole: bool = False) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(leaf.shape if is_whole else leaf.shape[1:], leaf.dtype)

    own = tuple(of_one(leaf, whole) for leaf, whole in zip(leaves, is_shared, strict=True))
    return Shapes(scenario, is_shared, own, snapshot, tuple(of_one(leaf) for leaf in state))


@lru_cache(maxsize=16)
def flying_cycle(shapes: Shapes) -> Step:
    """The cycle for scenarios and snapshots of these shapes. Raises NotImplementedError where flight software of one's own does
    what `lanes` has no rule for."""
    own, shared, snapshot = shapes.one()

    def one(own_leaves, shared_leaves, last, tick):
        return cycle(shapes.whole(own_leaves, shared_leaves), last, tick)

    state = layout_of(snapshot)
    arguments = [*given("P", layout_of(own)), *given_to_all(shared), *given("S", state), tick_given()]
    return Step(write("cycle", one, (own, shared, snapshot, jax.ShapeDtypeStruct((), jnp.int32)), arguments, {"O": state}))


@lru_cache(maxsize=16)
def tracing(shapes: Shapes, trace: Recorder) -> tuple[Step, Layout]:
    """What keeps something of every cycle, and how that lies in memory; raises as `flying_cycle` does."""
    own, shared, snapshot = shapes.one()

    def one(own_leaves, shared_leaves, seen):
        return trace(shapes.whole(own_leaves, shared_leaves), seen)

    traced = layout_of(jax.eval_shape(one, own, shared, snapshot))
    arguments = [*given("P", layout_of(own)), *given_to_all(shared), *given("S", layout_of(snapshot))]
    return Step(write("trace", one, (own, shared, snapshot), arguments, {"R": traced})), traced


@lru_cache(maxsize=32)
def program(shapes: Shapes, record: Recorder, trace: Recorder) -> Program:
    """The program for scenarios and snapshots of these shapes and these recorders; raises as `flying_cycle` does."""
    own, shared, snapshot = shapes.one()

    def finish(own_leaves, shared_leaves, before, after):
        stands = frozen_if_ended(before, after)
        return stands, record(shapes.whole(own_leaves, shared_leaves), stands)

    layout, state = layout_of(own), layout_of(snapshot)
    rows = layout_of(jax.eval_shape(finish, own, shared, snapshot, snapshot)[1])
    arguments = [*given("P", layout), *given_to_all(shared), *given("S", state), *given("A", state)]
    ended = write("finish", finish, (own, shared, snapshot, snapshot), arguments, {"O": state, "R": rows})
    traces, traced = tracing(shapes, trace)
    return Program(Stretches(flying_cycle(shapes), Step(ended), traces, rows, traced), layout, state)


class Recording(NamedTuple):
    """What was kept on the way: records and traces of each cycle (time, lanes, …).

    A trace is of use up to the last cycle that its lane flew: what comes after it is not defined.
    """

    records: np.ndarray
    traces: np.ndarray


class InFlight(ABC):
    """Lanes under way: `advance` flies them on and hands out what is kept, `last` is where they are."""

    @abstractmethod
    def advance(self, cycles: int, every: int) -> Recording:
        """So many cycles on; a record every so many."""

    @abstractmethod
    def is_anyone_alive(self) -> bool:
        """Whether any lane still flies."""

    @abstractmethod
    def last(self) -> Snapshot:
        """The last snapshots, lanes first."""


class ByLanes(InFlight):
    """On this processor, eight lanes at a time."""

    def __init__(self, program: Program, scenarios: Scenario, last: Snapshot, is_shared: tuple[bool, ...], tick: int = 0):
        leaves = jax.tree.leaves(scenarios)
        own = [leaf for leaf, shared in zip(leaves, is_shared, strict=True) if not shared]
        shared = [np.asarray(leaf) for leaf, is_one in zip(leaves, is_shared, strict=True) if is_one]
        self.program, self.count, self.tick = program, int(last.tick.shape[0]), tick
        blocks = -(-self.count // WIDTH)
        state = program.state.pack(last, blocks)
        self.blocks = Blocks(program.stretches, program.own.pack(own, blocks), shared, state)
        self.alive = self.who_is_alive()
        self.rows: list[np.ndarray | None] = [None] * blocks  # the last record of each block

    def who_is_alive(self) -> np.ndarray:
        """Which blocks have a lane that still flies."""
        state = self.program.state
        flags = self.blocks.read(jax.tree.unflatten(state.tree, state.leaves).is_alive)
        return np.asarray(flags.any(axis=(1, 2)))

    def advance(self, cycles: int, every: int) -> Recording:
        """See `InFlight`. A block whose lanes have all ended is as it was, and so is its record."""
        assert cycles % every == 0, "a record is due at the end of a chunk"
        stretches, count, layouts = cycles // every, len(self.rows), self.program.stretches
        records = room(count * stretches, layouts.record.size).reshape(count, stretches, -1)
        traces = room(count * cycles, layouts.traced.size).reshape(count, cycles, -1)
        for block, row in enumerate(self.rows):
            if self.alive[block] or row is None:
                self.blocks.advance(block, self.tick, every, stretches, records[block], traces[block])
                self.rows[block] = records[block, -1].copy()
            else:
                records[block] = row
        self.tick += cycles
        self.alive = self.who_is_alive()
        return Recording(self.of_lanes(layouts.record, records), self.of_lanes(layouts.traced, traces))

    def of_lanes(self, layout: Layout, memory: np.ndarray) -> np.ndarray:
        """Bytes of the one array that a recorder keeps (blocks, time, bytes) as numbers (time, lanes, …)."""
        (leaf,) = layout.leaves
        blocks, times, _ = memory.shape
        flat = leaf.view(memory.reshape(-1, layout.size)).reshape(blocks, times, leaf.count, WIDTH)
        lanes = flat.transpose(1, 0, 3, 2).reshape(times, blocks * WIDTH, *leaf.shape)
        return lanes[:, : self.count].astype(leaf.dtype, copy=False)

    def is_anyone_alive(self) -> bool:
        """See `InFlight`."""
        return bool(self.alive.any())

    def last(self) -> Snapshot:
        """See `InFlight`."""
        return self.program.state.unpack(self.blocks.snapshot(), self.count)


class ByXla(InFlight):
    """On any device, as XLA compiles it."""

    def __init__(
        self, scenarios: Scenario, last: Snapshot, record: Recorder, tick: int = 0, trace: Recorder = nothing
    ):  # fmt: skip
        self.scenarios, self.snapshot, self.record, self.trace = scenarios, last, record, trace
        self.tick, self.goes_on = tick, bool(jnp.any(last.is_alive))

    def advance(self, cycles: int, every: int) -> Recording:
        """See `InFlight`."""
        tick = jnp.asarray(self.tick, jnp.int32)
        self.snapshot, (records, traces), alive = fly_chunk(
            self.scenarios, self.snapshot, tick, cycles=cycles, every=every, record=self.record, trace=self.trace
        )
        self.tick, self.goes_on = self.tick + cycles, bool(alive)
        return Recording(np.asarray(records), np.asarray(traces))

    def is_anyone_alive(self) -> bool:
        """See `InFlight`."""
        return self.goes_on

    def last(self) -> Snapshot:
        """See `InFlight`."""
        return self.snapshot


def take_off(
    scenarios: Scenario, last: Snapshot, record: Recorder, tick: int = 0, trace: Recorder = nothing
) -> InFlight:  # fmt: skip
    """Lanes after cycle `tick`, ready to fly on: on a processor by machine code for lanes, on another device by XLA. `trace`:
    what is kept of every cycle, besides the records.

    XLA also flies software of a user's own that does what `lanes` has no rule for; a warning says what that was.
    """
    if jax.default_backend() != "cpu":
        return ByXla(scenarios, last, record, tick, trace)
    shapes = shapes_of(scenarios, last)
    try:
        return ByLanes(program(shapes, record, trace), scenarios, last, shapes.is_shared, tick)
    except NotImplementedError as missing:
        warnings.warn(f"flown by XLA, several times slower, for there is no rule for {missing} in perilune.lanes", stacklevel=2)
        return ByXla(scenarios, last, record, tick, trace)
