"""A batch of landings: lanes with their own key, dispersions, faults and settings, flown by one program."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from perilune.assessment.flight import BUILT_IN
from perilune.flight.guidance.laws import GuidanceLaw
from perilune.foundation.compilation import LEAN
from perilune.foundation.errors import UserError
from perilune.foundation.randomness import run_key
from perilune.interface.flight_computer import FlightComputer
from perilune.simulation.arrival import Arrival, OrbitRow
from perilune.simulation.checks import check_faults
from perilune.simulation.fault_rows import Wanted, fault_table, moved_numbers
from perilune.simulation.lane_flight import take_off
from perilune.simulation.mission import Mission
from perilune.simulation.orbit_model import OrbitModel, orbit_model
from perilune.simulation.orbit_phase import fly_orbit
from perilune.simulation.orbit_plan import plan_orbit
from perilune.simulation.own_checks import checked, identity
from perilune.simulation.scenario import SHARED, Maps, Scenario, build, lane_axes, mission_numbers, read_maps, shared, shared_of
from perilune.simulation.settling import settle_lanes
from perilune.simulation.simulate import Recorder, Snapshot, first_snapshot, nothing
from perilune.world.contact import Rest
from perilune.world.faults import CATALOGUE, FaultKind, FaultTable

from .sample import ON_BOARD, already_broken, break_things, disperse

WIDTH = 128  # lanes of a batch program
Own = FlightComputer | GuidanceLaw  # what a user brings
Faults = Mapping[str, Any] | Sequence[Mapping[str, Any]]  # of all lanes, or of each
STRUCK_ON_BOARD = sorted({k.path.removeprefix(ON_BOARD) for k in CATALOGUE.values() if k.path.startswith(ON_BOARD)})
BEGINNINGS = ("pdi", "orbit")  # powered descent initiation, or the parking orbit before it
IN_THE_BURN = ("imu", "main_engine", "tank", "clock", "computer")  # what the descent orbit burn works with
CHUNK = 50  # cycles between looks at whether anyone still flies


def in_orbit(kind: str) -> bool:
    """Whether a fault of this name strikes in the orbit phase."""
    return CATALOGUE[kind].path.startswith("orbit.")


def passes_by(kind: FaultKind) -> bool:
    """Whether a fault strikes what only the built-in flight software has: its settings, and where its map stands."""
    return kind.path.startswith("software:flight.") or kind.path == "site.onboard_map_tie_error_m"


def misses_the_burn(fault: Wanted) -> bool:
    """Whether a fault that is there from the start should show in the orbit phase, and cannot."""
    is_whole = fault.waits or not np.any(np.asarray(fault.magnitude, float))
    return not is_whole and fault.kind.strikes_in_flight and not fault.kind.path and fault.kind.target in IN_THE_BURN


class Broken(NamedTuple):
    """What fails in lanes: numbers that are wrong from the start (kind → magnitude), and the table that strikes in flight."""

    moved: dict[str, Any]
    table: dict[str, Any]  # leaves of a FaultTable


class Draws(NamedTuple):
    """What makes lanes differ by chance: each run's key, and standard normal numbers in the place of its own draw, if any."""

    key: Any
    normals: Any = None


class Prepared(NamedTuple):
    """Lanes ready to fly: scenarios, first snapshots, the numbers that fly, what came of orbit phases, and those numbers on board
    that a fault can strike."""

    scenarios: Scenario
    first: Snapshot
    numbers: dict[str, Any]
    orbit: tuple[Arrival, OrbitRow] | None
    on_board: dict[str, Any]

    def lanes(self, which: Sequence[int]) -> "Prepared":
        """Some of them, to the bit."""
        places = np.asarray(which)

        def taken(x):
            return x[places] if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else np.asarray(x)[places]

        axes = lane_axes(self.scenarios)
        own = jax.tree.map(lambda x, axis: x if axis is None else taken(x), self.scenarios, axes, is_leaf=lambda x: x is None)
        return Prepared(own, *jax.tree.map(taken, (self.first, self.numbers, self.orbit, self.on_board)))


class Flown(NamedTuple):
    """What a batch leaves: records (time, lanes, …) as NumPy, the last snapshot, and the numbers that flew; of lanes that began
    in orbit, what they arrived with and the record of the way (lanes first); traces of every cycle, a piece a chunk of cycles."""

    records: np.ndarray
    last: Snapshot
    scenarios: Scenario
    numbers: dict[str, Any]
    orbit: tuple[Arrival, OrbitRow] | None = None
    rest: Rest | None = None  # how lanes ended that met the ground slowly enough to stay whole
    on_board: dict[str, Any] | None = None  # numbers on board that a fault can strike
    traces: tuple[np.ndarray, ...] = ()

    def cycles(self, lane: int) -> int:
        """How many a lane flew; at least one. What is kept of later ones says nothing: its neighbours flew on."""
        return max(int(self.last.tick[lane]), 1)

    def trace(self, lane: int) -> np.ndarray:
        """What was traced of a lane (time, …), cycle by cycle while it flew."""
        return np.concatenate([part[:, lane] for part in self.traces])[: self.cycles(lane)]


def over_lanes(prepare: Callable, *lanes):
    """`prepare` for every lane; a lone lane without the batch, which traces faster."""
    if len(jax.tree.leaves(lanes)[0]) > 1:
        return jax.vmap(prepare)(*lanes)
    return jax.tree.map(lambda x: x[None], prepare(*jax.tree.map(lambda x: x[0], lanes)))


class Batch:
    """A mission made ready to fly: maps read, numbers laid out, the builder of scenarios compiled once.

    `beginning`: “pdi”, at the planned perilune state less its dispersions, or “orbit”, in the parking orbit of the mission's
    table [orbit]. Raises UserError where there is none. `flight_software`: what flies in the place of the built-in software, from
    mission time 0 on, or a guidance law in the place of one of its own; it is tried on shapes alone, and UserError says what
    does not fit.
    """

    def __init__(self, mission: Mission, beginning: str = "pdi", flight_software: Own | None = None):
        if beginning not in BEGINNINGS:
            raise UserError(f"A flight cannot begin at “{beginning}”: choose one of {', '.join(BEGINNINGS)}.")
        if beginning == "orbit" and mission.orbit is None:
            raise UserError(f"{mission.name} has no table [orbit] to begin in: add one to the mission file, or fly from pdi.")
        self.mission = mission
        self.beginning = beginning
        self.maps: Maps = read_maps(mission)
        self.orbit: OrbitModel | None = orbit_model(mission) if beginning == "orbit" else None
        self.numbers = mission_numbers(mission, self.maps)
        self.drawn = {path: np.asarray(value).tolist() for path, value in self.numbers.items()}
        self.own = None if flight_software is None else checked(flight_software, self.numbers)
        self.software = BUILT_IN if self.own is None else identity(self.own)
        self.prepare = jax.jit(self.scenarios, compiler_options=LEAN)

    def lane(self, own_draws: Draws, drawn: dict, faults: Broken, maps: Maps, orbit: OrbitModel | None, own: Own | None):
        """One lane: scenario, first snapshot, the numbers that fly, what came of its orbit phase (None without one), and numbers
        on board that faults strike."""
        key = own_draws.key
        flown = break_things(disperse(self.mission, drawn, key, own_draws.normals), faults.moved)
        table = FaultTable(**faults.table)
        on_board = break_things(drawn, faults.moved, is_on_board=True)
        scenario = build(key, on_board, flown, table, self.mission, maps, own)
        struck = {path: on_board[path] for path in STRUCK_ON_BOARD}
        if orbit is None:
            return scenario, first_snapshot(scenario, drawn, flown), flown, None, struck
        early = already_broken(flown, table)
        before = build(key, on_board, early, table, self.mission, maps)
        arrival, rows = fly_orbit(early, before, plan_orbit(drawn, orbit.onboard), orbit)
        return scenario, first_snapshot(scenario, drawn, flown, arrival), flown, (arrival, rows), struck

    def scenarios(
        self, draws: Draws, numbers: dict, overrides: dict, faults: Broken, maps: Maps, orbit: OrbitModel | None, own=None
    ):  # fmt: skip
        """All lanes; what they share is not batched. The mission's numbers are an argument: one program for all values."""

        def without_shared(own_draws, own_overrides, own_faults):
            scenario, *others = self.lane(own_draws, {**numbers, **own_overrides}, own_faults, maps, orbit, own)
            return eqx.tree_at(shared, scenario, replace=(None,) * SHARED), *others

        scenarios, *others = over_lanes(without_shared, draws, overrides, faults)
        return eqx.tree_at(shared, scenarios, replace=shared_of(maps), is_leaf=lambda x: x is None), *others

    def start(self, seeds, faults: Faults | None = None, overrides: dict[str, Any] | None = None):
        """Scenarios, first snapshots and numbers of lanes with these seeds (run 0 of each); as `arguments` says."""
        return self.prepare(*self.arguments(seeds, faults, overrides))[:3]

    def checked(self, faults: Mapping[str, Any], where: str = "") -> list[Wanted]:
        """Faults as they would fly. Raises UserError for one that the catalogue does not have, or that could never strike."""
        found = check_faults(faults, self.mission, where or self.mission.name)
        if self.beginning != "orbit" and (early := [f.name for f in found if in_orbit(f.kind.name)]):
            raise UserError(
                f"{', '.join(early)} happens before powered descent: begin the flight in orbit (fly --from orbit), or leave "
                "it out (--healthy)."
            )
        if self.beginning == "orbit" and (lost := [f.name for f in found if misses_the_burn(f)]):
            raise UserError(
                f"{', '.join(lost)} from the start would have to break the descent orbit burn too, which knows no such fault: "
                "let it strike later (start_s=0 is after the burn), or begin at pdi."
            )
        if isinstance(self.own, FlightComputer) and (lost := [f.name for f in found if passes_by(f.kind)]):
            raise UserError(
                f"{', '.join(lost)} strikes the built-in flight software alone, and another one flies: leave one of them out."
            )
        return found

    def broken(self, faults: Faults, lanes: int) -> Broken:
        """What fails in each lane. Raises as `checked` does."""
        if not isinstance(faults, Mapping):
            each = {repr(one): self.broken(one, 1) for one in faults}  # most lanes of a batch have the same
            return jax.tree.map(lambda *leaves: np.concatenate(leaves), *(each[repr(one)] for one in faults))
        found = self.checked(faults)
        moved = moved_numbers(found, lanes)
        if self.beginning != "orbit":
            moved = {name: magnitude for name, magnitude in moved.items() if not in_orbit(name)}
        return Broken(moved, fault_table(found, lanes, self.mission.name))

    def arguments(self, seeds, faults: Faults | None = None, overrides: dict[str, Any] | None = None):
        """What `prepare` takes for lanes with these seeds (run 0 of each), or these pairs of seed and run.

        `faults`: name (kind, or kind.part) → magnitude, or a table with `magnitude` and a trigger as in a mission file; figures
        are one for all lanes or one a lane; or such a table for each lane. `overrides`: mission path → value, one or one a lane;
        they change the lander as drawn and as flown. Raises UserError for a fault that the catalogue does not have, or that
        could never strike.
        """
        keys = jnp.stack([run_key(*run) if isinstance(run, tuple) else run_key(int(run), 0) for run in seeds])

        def per_lane(value, shape):
            return np.broadcast_to(np.asarray(value, np.float64), (len(keys), *shape))

        def one_or_per_lane(path, value):
            shape, value = self.numbers[path].shape, np.asarray(value, np.float64)
            if value.shape not in (shape, (len(keys), *shape)):
                raise UserError(f"Override {path} has shape {value.shape}: give {shape} for all lanes or {(len(keys), *shape)}.")
            return per_lane(value, shape) if value.shape == shape else value

        if absent := set(overrides or {}) - set(self.numbers):
            raise UserError(f"Overrides of numbers that the mission does not have: {', '.join(sorted(absent))}.")
        spread = {path: one_or_per_lane(path, value) for path, value in (overrides or {}).items()}
        broken = self.broken(faults or {}, len(keys))
        return Draws(keys), self.numbers, spread, broken, self.maps, self.orbit, self.own

    def fly(
        self,
        seeds,
        record: Recorder,
        every: int,
        faults: Faults | None = None,
        overrides: dict[str, Any] | None = None,
        watch: Callable[[np.ndarray], None] | None = None,
        chunk: int = CHUNK,
    ) -> Flown:
        """Fly lanes to their ends. `watch` is shown the latest record of each lane after every chunk.

        Raises UserError where a chunk is not a whole number of records.
        """
        if chunk % every:
            raise UserError(f"A chunk of {chunk} cycles cannot be recorded every {every} cycles: take a divisor of {chunk}.")
        return self.fly_on(self.prepared(seeds, faults, overrides), record, every, watch, chunk)

    def prepared(self, seeds, faults: Faults | None = None, overrides: dict | None = None, normals=None) -> Prepared:
        """Lanes ready to fly; as `arguments` says. `normals` (lanes, draws): of what dispersions are made, where not of each
        run's own draw."""
        draws, *others = self.arguments(seeds, faults, overrides)
        return Prepared(*self.prepare(draws._replace(normals=normals), *others))

    def fly_on(
        self,
        lanes_there: Prepared,
        record: Recorder,
        every: int,
        watch: Callable | None = None,
        chunk: int = CHUNK,
        trace: Recorder = nothing,
    ) -> Flown:
        """Fly lanes that are ready to their ends; as `fly` says. `trace`: what else is kept, of every cycle."""
        scenarios, first, numbers, orbit, on_board = lanes_there
        records, traces, lanes = [], [], take_off(scenarios, first, record, trace=trace)
        while True:
            kept, seen = lanes.advance(chunk, every)
            records.append(kept)
            traces.append(seen)
            if watch:
                watch(kept[-1])
            if not lanes.is_anyone_alive():
                break
        last = lanes.last()
        rest = settle_lanes(scenarios, last, self.mission.requirements.crash_speed_mps, self.mission.detail)
        return Flown(np.concatenate(records), last, scenarios, numbers, orbit, rest, on_board, tuple(traces))
