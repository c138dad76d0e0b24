"""The loop that flies: one cycle, written once, and the chunk of cycles that a batch of lanes runs together."""

from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import ndtr
from jaxtyping import Array, Bool, Float, Int

from perilune.flight import modes
from perilune.flight.memory import FlightMemory
from perilune.foundation.frames import surface_velocity
from perilune.foundation.fusion import once
from perilune.foundation.quantities import Count, Flag, Scalar
from perilune.foundation.randomness import Noise, draw, rows
from perilune.foundation.ticks import seconds
from perilune.foundation.vectors import norm
from perilune.interface.commands import Commands
from perilune.interface.design import engine_slice
from perilune.interface.events import ALL, OUTSIDE
from perilune.interface.measurements import Measurements, nothing_measured
from perilune.world.faults import Struck
from perilune.world.sensors.range_finder import Return
from perilune.world.state import AFTER_CONTACT, TruthState
from perilune.world.world import World

from .arrival import Arrival
from .own_software import taken_over
from .scenario import Scenario, lane_axes
from .start import arrived_memory, arrived_truth, initial_memory, initial_truth, no_commands


class EventLog(eqx.Module):
    """When each kind of event first happened (cycle, −1 = never), foot height (m) and speed over ground (m/s) then."""

    tick: Int[Array, " events"]
    foot_height: Float[Array, " events"]
    speed: Float[Array, " events"]


class Snapshot(eqx.Module):
    """Everything at the end of one cycle, all of the same instant; also what the loop carries.

    Of a lane that has ended, motion, engines, log and tick stay as they were (`tick` is the last cycle that it flew); what its
    flight computer holds stays from the next record on.
    """

    truth: TruthState
    memory: FlightMemory
    commands: Commands
    measurements: Measurements
    shot: Return
    log: EventLog
    time_limit: Scalar
    tick: Count
    is_alive: Flag


def cycle(scenario: Scenario, last: Snapshot, tick) -> Snapshot:
    """The cycle that ends at `tick`: the world moves under the last commands, sensors read, flight software answers."""
    world = scenario.world
    truth, struck = world.strike(last.truth, last.log.tick >= 0, tick)
    noise = draw(scenario.run_key, tick)
    truth = world.advance(truth, last.commands, struck, noise, tick - 1, last.is_alive)
    measurements, shot, truth = world.measure(truth, struck, noise, scenario.run_key, tick)
    is_off, misses = once(computer(struck, noise))
    measurements = lost_if(is_off | misses, measurements)
    stepped = scenario.flight_software.step(last.memory, measurements, tick)
    memory, commands, raised = computed(last, stepped, is_off, misses)
    seen = outside_events(world, truth, memory, shot, last.time_limit, tick)
    log = write_down(last.log, jnp.concatenate([raised, seen]) & last.is_alive, truth, tick)
    last_flown = jnp.where(last.is_alive, tick, last.tick)
    measurements = without_scan(measurements)
    return Snapshot(truth, memory, commands, measurements, shot, log, last.time_limit, last_flown, still_flies(log, tick))


def computer(struck: Struck, noise: Noise) -> tuple[Flag, Flag]:
    """Whether the flight computer stands still, and whether it misses this cycle."""
    return struck.has("computer_off"), ndtr(rows(noise, "fault_computer")[0]) < struck.one("computer_missed")


def lost_if(is_lost: Flag, measured: Measurements) -> Measurements:
    """Measurements that nobody takes in: every flag down."""

    def flags(m: Measurements):
        s = m.sights
        seen = s.beams.is_locked, s.fix_is_valid, s.flow_is_valid, s.patch.is_valid, s.propellant_is_valid
        return m.tracker_is_valid, m.range_is_valid, m.velocimeter_is_valid, m.has_contact, *seen

    return eqx.tree_at(flags, measured, tuple(flag & ~is_lost for flag in flags(measured)))


def without_scan(measured: Measurements) -> Measurements:
    """Without the 256 bins of a scan, which flight software has in its cycle: to carry them on cost a third of a cycle's time."""
    return eqx.tree_at(lambda m: (m.sights.patch.heights, m.sights.patch.is_seen), measured, (None, None))


def computed(last: Snapshot, stepped, is_off: Flag, misses: Flag):
    """What the flight computer holds, commands and raises after a cycle: that of its software, or of the cycle before, where it
    stands still (all valves close) or misses the cycle (valves repeat).

    The covariance goes on, without updates, with what was gathered for it: as if time had passed for it alone. To hold it would
    copy it every cycle.
    """
    memory, commands, raised = stepped
    runs = ~(is_off | misses)

    def kept(old, new):
        return jnp.where(runs, new, old)

    goes_on = gathered(memory)
    held = jax.tree.map(kept, *(eqx.tree_at(gathered, m, (None,) * len(goes_on)) for m in (last.memory, memory)))
    held = eqx.tree_at(gathered, held, goes_on, is_leaf=lambda x: x is None)
    commands = jax.tree.map(kept, last.commands, commands)
    return held, eqx.tree_at(lambda c: c.on_time, commands, jnp.where(is_off, 0.0, commands.on_time)), raised & runs


def gathered(memory: FlightMemory):
    """The covariance, and what was gathered for its next step."""
    m = memory
    return m.covariance, m.delta_velocity_I, m.delta_velocity_along, m.delta_angle_B, m.ground_point_M


def frozen_if_ended(before: Snapshot, after: Snapshot) -> Snapshot:
    """A lane that had ended before a stretch of cycles is as it was: how long its neighbours fly leaves no mark on it."""
    return jax.tree.map(lambda old, new: jnp.where(before.is_alive, new, old), before, after)


def outside_events(
    world: World, truth: TruthState, memory: FlightMemory, shot: Return, time_limit: Scalar, tick
) -> Bool[Array, " outside"]:
    """Which of the outside events hold now, in the order of `events.OUTSIDE`."""
    full = jnp.sum(world.engines.output[: engine_slice("assist").stop, 2])
    delivered = truth.engines.delivered[0, 2] + truth.engines.delivered[1, 2]
    holds = {
        "first_return": shot.is_detected,
        "full_thrust": (memory.mode == modes.TERMINAL) & (delivered > 0.95 * full),
        "propellant_exhausted": truth.is_dry,
        "touchdown": truth.has_contact,
        "time_limit": (seconds(tick, world.period) >= time_limit) & ~truth.has_contact,
        "diverged": truth.has_diverged,
    }
    return jnp.stack([holds[kind.name] for kind in OUTSIDE])


def write_down(log: EventLog, happens: Bool[Array, " events"], truth: TruthState, tick) -> EventLog:
    """Keep the first time of each event."""
    is_first = happens & (log.tick < 0)
    speed = norm(truth.motion.velocity_I - surface_velocity(truth.motion.position_I))
    return EventLog(
        jnp.where(is_first, jnp.asarray(tick, jnp.int32), log.tick),
        jnp.where(is_first, truth.foot_height, log.foot_height),
        jnp.where(is_first, speed, log.speed),
    )


def still_flies(log: EventLog, tick) -> Flag:
    """A lane goes on until shortly after contact, the time limit, or divergence."""
    names = [kind.name for kind in ALL]
    contact, limit, diverged = (log.tick[names.index(n)] for n in ("touchdown", "time_limit", "diverged"))
    has_landed = (contact >= 0) & (tick >= contact + AFTER_CONTACT)
    return ~(has_landed | (limit >= 0) | (diverged >= 0))


def first_snapshot(
    scenario: Scenario, drawn: dict[str, Any], flown: dict[str, Any], arrival: Arrival | None = None
) -> Snapshot:  # fmt: skip
    """The snapshot at mission time 0, before the first cycle: as planned but for the dispersed start errors, or as the orbit
    phase has left it. A lane that hit on the way has ended."""
    kinds, no, has_hit = len(ALL), jnp.zeros((), bool), None
    world, key = scenario.world, scenario.run_key
    if arrival is None:
        truth, memory = initial_truth(flown, world, key), initial_memory(drawn, scenario.flight_software)
        zero = jnp.zeros_like(truth.foot_height)
        log = EventLog(jnp.full(kinds, -1, jnp.int32), jnp.zeros(kinds), jnp.zeros(kinds))
    else:
        truth, memory = arrived_truth(flown, world, key, arrival), arrived_memory(drawn, scenario.flight_software, arrival)
        zero, has_hit = jnp.zeros_like(truth.foot_height), arrival.impact.has_hit
        never = EventLog(jnp.full(kinds, -1, jnp.int32), jnp.zeros(kinds), jnp.zeros(kinds))
        contact = jnp.asarray([kind.name == "touchdown" for kind in ALL])
        log = write_down(never, contact & has_hit, truth, 0)
    memory = taken_over(scenario.flight_software, memory)
    return Snapshot(
        truth=truth,
        memory=memory,
        commands=no_commands(),
        measurements=without_scan(nothing_measured(memory.navigation.attitude_IB, scenario.world.period)),
        shot=Return(zero, zero, zero, zero, no, no),
        log=log,
        time_limit=flown["start.time_limit_s"],
        tick=jnp.asarray(0, jnp.int32),
        is_alive=jnp.ones((), bool) if has_hit is None else ~has_hit,
    )


Recorder = Callable[[Scenario, Snapshot], Any]


def nothing(scenario: Scenario, snapshot: Snapshot) -> Float[Array, "0"]:
    """A recorder that keeps nothing."""
    return jnp.zeros(0)


def chunk(
    scenarios: Scenario, last: Snapshot, first_tick, cycles: int, every: int, record: Recorder, trace: Recorder = nothing
):  # fmt: skip
    """Fly all lanes through `cycles` cycles; every `every`-th snapshot is recorded, and each is traced.

    The loop over ticks is outside the batch, and the tick is one scalar for all lanes: a `cond` on it stays a true
    branch, so that slow sensors and covariance work cost nothing on the cycles between.
    Returns the last snapshot, the records and traces (time first, then lanes) and whether any lane still flies.
    """
    axes = lane_axes(scenarios)
    is_alone = last.tick.shape[0] == 1  # one lane is flown without the batch: traced in half the time, and faster
    if is_alone:
        scenarios = jax.tree.map(lambda x, axis: x if axis is None else x[0], scenarios, axes, is_leaf=lambda x: x is None)
        last = jax.tree.map(lambda x: x[0], last)
    step = cycle if is_alone else jax.vmap(cycle, in_axes=(axes, 0, None))
    keep, see = (f if is_alone else jax.vmap(f, in_axes=(axes, 0)) for f in (record, trace))

    def one(carry, tick):
        after = step(scenarios, carry, tick)
        return after, see(scenarios, after)

    def several(carry, start):
        return lax.scan(one, carry, start + 1 + jnp.arange(every, dtype=jnp.int32))

    def none_of(carry, start):
        one_seen = jax.eval_shape(see, scenarios, carry)
        return carry, jnp.zeros((every, *one_seen.shape), one_seen.dtype)

    def stretch(carry, start):
        if is_alone:
            carry, seen = lax.cond(carry.is_alive, several, none_of, carry, start)
        else:
            after, seen = several(carry, start)
            carry = jax.vmap(frozen_if_ended)(carry, after)
        return carry, (keep(scenarios, carry), seen)

    starts = first_tick + every * jnp.arange(cycles // every, dtype=jnp.int32)
    last, (records, traces) = lax.scan(stretch, last, starts)
    traces = traces.reshape(cycles, *traces.shape[2:])
    if is_alone:
        last = jax.tree.map(lambda x: x[None], last)
        records, traces = jax.tree.map(lambda x: x[:, None], records), traces[:, None]
    return last, (records, traces), jnp.any(last.is_alive)


@partial(jax.jit, static_argnames=("cycles", "every", "record", "trace"), donate_argnames=("last",))
def fly_chunk(
    scenarios: Scenario, last: Snapshot, first_tick, cycles: int, every: int, record: Recorder, trace: Recorder = nothing
):  # fmt: skip
    """`chunk`, compiled."""
    return chunk(scenarios, last, first_tick, cycles, every, record, trace)
