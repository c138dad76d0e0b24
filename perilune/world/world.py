"""The world of one lander: what its sensors read, and what becomes of it in one cycle."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Key

from perilune.foundation.corridor import Corridor
from perilune.foundation.frames import fixed_to_inertial, inertial_to_fixed
from perilune.foundation.fusion import once
from perilune.foundation.gravity import GravityField
from perilune.foundation.moon import RADIUS
from perilune.foundation.quantities import Acceleration, Direction, Flag, Scalar, Slope, Vector
from perilune.foundation.randomness import Noise, rows
from perilune.foundation.ticks import seconds
from perilune.foundation.vectors import norm
from perilune.interface.commands import Commands
from perilune.interface.measurements import Measurements, Sights, nothing_sighted

from .contact.legs import Legs
from .contact.soil import Soil
from .dynamics import Pull, rk4
from .environment.surface import Surface
from .environment.terrain import Terrain
from .faults.kinds import UNITS
from .faults.table import FaultState, FaultTable, Struck
from .sensors.blinding import Blinding
from .sensors.broken import TRACKER, VELOCITY, Readings, broken_increments, broken_readings, earlier, moved_to, place_of, switches
from .sensors.imu import Imu
from .sensors.imu_errors import ImuErrors, ImuState
from .sensors.instruments import Carried, Instruments, Moment, has, is_due
from .sensors.range_finder import RangeFinder, Return, Scene
from .sensors.star_tracker import StarTracker
from .sensors.velocimeter import Velocimeter
from .state import Motion, Touchdown, TruthState
from .vehicle.engines import EMPTY, Engines, through_step
from .vehicle.feet import Feet, feet_over_ground
from .vehicle.mass import Held, Structure, total_of
from .vehicle.valves import opened, shares

VELOCIMETER = UNITS.index("velocimeter")
EVERYONES = UNITS[:3]  # units that every lander has


class World(eqx.Module):
    """Everything true that does not change in flight. Numbers are leaves; the ground is shared by all lanes."""

    ground: Terrain
    gravity: GravityField  # to degree 2, in every truth step
    gravity_table: Corridor  # the rest of the field, Earth and Sun, once a cycle
    surface: Surface
    structure: Structure
    engines: Engines
    feet: Feet
    legs: Legs
    hull_B: Float[Array, "8 3"]  # m from the datum, corners of the body
    soil: Soil
    sun_I: Direction
    imu: Imu
    imu_errors: ImuErrors
    star_tracker: StarTracker
    blinding: Blinding
    range_finder: RangeFinder
    velocimeter: Velocimeter
    instruments: Instruments
    carried: Carried  # of what not every lander has; shared by all lanes
    faults: FaultTable
    period: Scalar  # s, of one cycle
    slow_every: int = eqx.field(static=True)  # cycles between readings of the slow sensors
    substeps: int = eqx.field(static=True)  # truth steps a cycle
    edges: int = eqx.field(static=True)  # valve steps a truth step

    def strike(self, truth: TruthState, happened: Bool[Array, " events"], tick) -> tuple[TruthState, Struck]:
        """Faults that are in force in the cycle that ends at `tick`, after these events."""
        state, struck = self.faults.strike(truth.faults, seconds(tick, self.period), truth.foot_height, happened)
        error = truth.faults.clock_error + struck.one("clock_drift") * self.period
        return eqx.tree_at(lambda t: t.faults, truth, eqx.tree_at(lambda f: f.clock_error, state, error)), struck

    def measure(
        self, truth: TruthState, struck: Struck, noise: Noise, run_key: Key[Array, ""], tick
    ) -> tuple[Measurements, Return, TruthState]:
        """Readings of this cycle, the range finder's shot as it really was, and the truth with the units' memories."""
        time = seconds(tick, self.period)
        velocity, angle = self.imu.measure(truth.motion, struck, noise, self.period)
        velocity, angle, imu = self.drifted(truth.imu, velocity, angle, noise)
        velocity, angle, faults = broken_increments(velocity, angle, truth.faults, struck, self.period)
        truth = eqx.tree_at(lambda t: (t.imu, t.faults), truth, (imu, faults))
        slow = lax.cond(
            tick % self.slow_every == 0,
            lambda: self.slow_readings(truth, struck, noise, run_key, tick),
            lambda: nothing_read(truth),
        )
        readings, shot, sights = slow.readings, slow.shot, slow.sights
        measured = Measurements(
            delta_velocity_B=velocity,
            delta_angle_B=angle,
            tracker_attitude_IB=readings.tracker_IB,
            tracker_is_valid=readings.is_valid[place_of("star_tracker")],
            slant_range=readings.slant_range,
            range_strength=shot.strength,
            range_is_detected=shot.is_detected,
            range_is_valid=readings.is_valid[place_of("range_finder")],
            velocity_S=readings.velocity_B,
            velocimeter_is_valid=readings.is_valid[place_of("velocimeter")],
            sights=sights,
            has_contact=once(switches(truth.is_down, self.feet.is_there, struck, noise)),
            clock=time + slow.faults.clock_error + struck.one("clock_jump"),
            elapsed=self.period * (1.0 + struck.one("clock_drift")),
        )
        remembered = (slow.range_hits, slow.sensed, slow.faults)
        return measured, shot, eqx.tree_at(lambda t: (t.range_hits, t.sensed, t.faults), truth, remembered)

    def drifted(self, state: ImuState, velocity: Vector, angle: Vector, noise: Noise) -> tuple[Vector, Vector, ImuState]:
        """Increments as an IMU gives them whose drift, steps and crooked axes the mission speaks of."""
        return lax.cond(
            has(self.carried, "imu.errors"),
            lambda: self.imu_errors.measure(state, velocity, angle, rows(noise, "imu_drift"), self.period),
            lambda: (velocity, angle, state),
        )

    def slow_readings(self, truth: TruthState, struck: Struck, noise: Noise, run_key: Key[Array, ""], tick) -> "Slow":
        """What all units but the IMU and the switches report in a slow step."""
        motion, time, step = truth.motion, seconds(tick, self.period), tick // self.slow_every
        height = self.height_above_terrain(motion, time)
        thrust = truth.engines.delivered[0, 2] + truth.engines.delivered[1, 2]
        is_wide = has(self.carried, "range_finder.footprint")
        scene = Scene(self.ground, self.surface, self.surface.optical_depth(height, thrust), time, is_wide)
        behind = struck.of("unit_latency")[: len(EVERYONES)]
        poses = jax.vmap(lambda latency: earlier(motion, self.period, latency))(behind)
        late = {unit: moved_to(motion, jax.tree.map(lambda x, k=k: x[k], poses)) for k, unit in enumerate(EVERYONES)}
        louder = struck.of("slow_noise")
        shot, hits = self.range_finder.measure(late["range_finder"], truth.range_hits, scene, height, struck, noise)
        tracker_IB, has_stars = self.star_tracker.measure(late["star_tracker"], louder[TRACKER], noise)
        has_stars = has_stars & ~self.is_blinded(late["star_tracker"])
        velocity_B, has_speed = self.velocimeter.measure(late["velocimeter"], height, louder[VELOCITY], noise)
        moment = Moment(motion, self.ground, self.sun_I, truth.engines.mean[6], height, time, self.period)
        sighted = self.instruments.measure(moment, truth.sensed, self.carried, struck, noise, run_key, step)
        by_beams = has(self.carried, "doppler_beams")
        louder_B = sighted.velocity_B + louder[VELOCITY] * rows(noise, "velocimeter")
        velocity_B = jnp.where(by_beams, louder_B, velocity_B)
        has_speed = jnp.where(by_beams, sighted.velocity_is_valid, has_speed)
        whole = Readings(
            tracker_IB,
            shot.slant_range,
            velocity_B,
            sighted.fix_M,
            sighted.flow_S,
            sighted.propellant,
            jnp.stack([has_stars, shot.is_valid, has_speed, *sighted.are_valid]),
        )
        yes = jnp.ones((), bool)
        due = [is_due(self.carried, name, step) for name in UNITS[len(EVERYONES) :]]
        due_now = jnp.stack([yes, yes, ~by_beams | is_due(self.carried, "doppler_beams", step), *due])
        readings, faults = broken_readings(whole, due_now, truth.faults, struck, noise, self.slow_every * self.period)
        said = readings.is_valid
        is_hushed = struck.one("unit_said_invalid", VELOCIMETER) > 0.5  # a Doppler unit's word counts for each of its beams
        sights = Sights(
            beams=eqx.tree_at(lambda b: b.is_locked, sighted.beams, sighted.beams.is_locked & ~is_hushed),
            fix_M=readings.fix_M,
            fix_is_valid=said[place_of("terrain_camera")],
            flow_S=readings.flow_S,
            flow_is_valid=said[place_of("optical_flow")],
            patch=eqx.tree_at(lambda p: p.is_valid, sighted.patch, said[place_of("hazard_lidar")]),
            propellant=readings.propellant,
            propellant_is_valid=said[place_of("propellant_gauge")],
        )
        return Slow(readings, shot, sights, hits, sighted.sensed, faults)

    def is_blinded(self, motion: Motion) -> Flag:
        """Whether the tracker sees no stars for light: only where the mission says what blinds it."""
        blinded = self.blinding.is_blinded(motion.attitude_IB, motion.position_I, self.sun_I)
        return blinded & has(self.carried, "star_tracker.blinding")

    def advance(
        self, truth: TruthState, commands: Commands, struck: Struck, noise: Noise, tick, still_flies: Flag | bool = True
    ) -> TruthState:
        """The truth one cycle later. From first contact on it stands still but for the engines, whose push is written down for
        `contact` to go on with; and all of it when the flight has ended otherwise."""
        moved = self.fly(truth, commands, struck, noise, tick)
        time = seconds(tick + 1, self.period)
        clearance, slope = self.feet_over_ground(moved.motion, moved.tanks, time)
        foot_height = jnp.min(clearance)
        has_contact = foot_height < 0.0
        share = truth.foot_height / jnp.maximum(truth.foot_height - foot_height, 1e-9)
        touchdown = self.contact(truth.motion, moved.motion, jnp.clip(share, 0.0, 1.0), time, slope)
        has_diverged = ~jnp.isfinite(foot_height + jnp.sum(moved.motion.rate_B) + jnp.sum(moved.motion.slosh))
        moved = TruthState(
            motion=moved.motion,
            tanks=moved.tanks,
            engines=moved.engines,
            imu=truth.imu,
            sensed=truth.sensed,
            range_hits=truth.range_hits,
            touchdown=touchdown,
            faults=moved.faults,
            aftermath=jnp.concatenate([truth.aftermath[1:], moved.engines.mean[None, 0:6]]),
            foot_height=foot_height,
            is_down=clearance < 0.0,
            has_contact=has_contact,
            has_diverged=has_diverged,
            is_dry=moved.motion.propellant - self.structure.reserve(moved.tanks, struck) <= EMPTY,
        )
        has_ended = truth.has_contact | truth.has_diverged | jnp.logical_not(still_flies)
        still = eqx.tree_at(lambda t: (t.motion.delta_velocity_B, t.motion.delta_angle_B), truth, replace_fn=jnp.zeros_like)
        next_one = jax.tree.map(lambda old, new: jnp.where(has_ended, old, new), still, moved)
        shuts_down = truth.has_contact & ~truth.has_diverged & still_flies
        pushed = jax.tree.map(
            lambda old, new: jnp.where(shuts_down, new, old),
            (next_one.engines, next_one.aftermath),
            (moved.engines, moved.aftermath),
        )
        return eqx.tree_at(lambda t: (t.engines, t.aftermath), next_one, pushed)

    def fly(self, truth: TruthState, commands: Commands, struck: Struck, noise: Noise, tick) -> TruthState:
        """Equations of motion through one cycle."""
        step, time = self.period / self.substeps, seconds(tick, self.period)
        form_I = self.gravity.form(time + 0.5 * self.period)  # turns by 1e-7 rad within the half cycle
        pull = Pull(self.gravity.gm, form_I, self.rest_of_gravity(truth.motion, time + 0.5 * self.period))
        halfway = truth.motion.slosh + 0.5 * self.period * truth.motion.slosh_rate
        mass, reserve = self.structure.at(truth.tanks, halfway), self.structure.reserve(truth.tanks, struck)
        on_time, faults = opened(commands.on_time, truth.faults, struck, time, self.period)
        steered = self.engines.steer(truth.engines, commands, self.period)
        share = self.engines.shares(steered, rows(noise, "thrust"), shares(struck))
        main = self.engines.turned(steered.gimbal)
        valve_step = step / self.edges
        is_open, targets = self.engines.plan(on_time, share, main, valve_step, self.substeps * self.edges)
        is_open, targets = is_open & ~truth.is_dry, jnp.where(truth.is_dry, 0.0, targets)
        decay = self.engines.decay(valve_step)
        lost, engines = self.engines.start(steered, is_open[0])

        def substep(carry, targets):
            motion, delivered, given = carry
            usable = jnp.maximum(motion.propellant - reserve, 0.0)
            push, delivered = through_step(delivered, targets, decay, valve_step, usable)
            return (rk4(motion, push, mass, pull, step), delivered, given + push.mean), None

        start = eqx.tree_at(
            lambda m: (m.delta_velocity_B, m.delta_angle_B, m.propellant),
            truth.motion,
            (jnp.zeros(3), jnp.zeros(3), jnp.maximum(truth.motion.propellant - lost, 0.0)),
        )
        by_step = targets.reshape(self.substeps, self.edges, *targets.shape[1:])
        (motion, delivered, given), _ = lax.scan(substep, (start, engines.delivered, jnp.zeros(7)), by_step)
        tanks = self.structure.drained(truth.tanks, truth.motion.propellant - motion.propellant, struck, self.period)
        motion = eqx.tree_at(lambda m: m.propellant, motion, total_of(tanks))
        mean = given / self.substeps
        engines = eqx.tree_at(lambda e: (e.delivered, e.is_open, e.mean), engines, (delivered, is_open[-1], mean))
        return eqx.tree_at(lambda t: (t.motion, t.tanks, t.engines, t.faults), truth, (motion, tanks, engines, faults))

    def rest_of_gravity(self, motion: Motion, time: Scalar) -> Acceleration:
        """What the degree-2 field leaves, m/s² in I, at the middle of the cycle (at `time`): it changes by 1e-7 m/s² in one."""
        middle_I = motion.position_I + 0.5 * self.period * motion.velocity_I
        return fixed_to_inertial(self.gravity_table.at(inertial_to_fixed(middle_I, time)), time)

    def contact(self, before: Motion, after: Motion, share: Scalar, time: Scalar, slope: Slope) -> Touchdown:
        """Figures at first contact, a `share` of the way through the cycle that ends at `time`; linear inside it."""

        def between(a, b):
            return a + share * (b - a)

        return Touchdown(
            time=time - (1.0 - share) * self.period,
            position_I=between(before.position_I, after.position_I),
            velocity_I=between(before.velocity_I, after.velocity_I),
            attitude_IB=after.attitude_IB,
            propellant=between(before.propellant, after.propellant),
            slope=slope,
        )

    def feet_over_ground(self, motion: Motion, tanks: Held, time: Scalar) -> tuple[Float[Array, " feet"], Slope]:
        """Height of each footpad above the ground, m, and the ground's slope towards east and north, m/m."""
        return feet_over_ground(self.feet, self.ground, motion.position_I, motion.attitude_IB, self.structure.centre(tanks), time)

    def height_above_terrain(self, motion: Motion, time: Scalar) -> Scalar:
        """Height of the centre of mass above the ground, m."""
        position_M = inertial_to_fixed(motion.position_I, time)
        return norm(position_M) - RADIUS - self.ground.height_at(position_M)


class Slow(eqx.Module):
    """What a slow step hands on: readings, and what units remember of it."""

    readings: Readings
    shot: Return
    sights: Sights
    range_hits: Bool[Array, " shots"]
    sensed: Scalar
    faults: FaultState


def nothing_read(truth: TruthState) -> Slow:
    """The cycles between slow steps."""
    zero, no = jnp.zeros_like(truth.foot_height), jnp.zeros_like(truth.has_contact)
    sights, none = nothing_sighted(), jnp.zeros(len(UNITS), bool)
    readings = Readings(truth.motion.attitude_IB, zero, jnp.zeros(3), sights.fix_M, sights.flow_S, zero, none)
    return Slow(readings, Return(zero, zero, zero, zero, no, no), sights, truth.range_hits, truth.sensed, truth.faults)
