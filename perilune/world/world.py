"""The world of one lander: what its sensors read, and what becomes of it in one cycle."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from perilune.foundation.corridor import Corridor
from perilune.foundation.frames import fixed_to_inertial, inertial_to_fixed
from perilune.foundation.gravity import GravityField
from perilune.foundation.moon import RADIUS
from perilune.foundation.quantities import Acceleration, Flag, Scalar, Slope
from perilune.foundation.randomness import Noise
from perilune.foundation.ticks import seconds
from perilune.foundation.vectors import norm
from perilune.interface.commands import Commands
from perilune.interface.measurements import Measurements

from .dynamics import Pull, rk4
from .environment.surface import Surface
from .environment.terrain import Terrain
from .sensors.imu import Imu
from .sensors.range_finder import RangeFinder, Return
from .sensors.star_tracker import StarTracker
from .sensors.velocimeter import Velocimeter
from .state import EngineState, Motion, Touchdown, TruthState
from .vehicle.engines import Engines, through_step
from .vehicle.feet import Feet, lowest_foot
from .vehicle.mass import MassProperties

EMPTY = 1e-9  # kg: what rounding may leave in tanks that have run dry


class World(eqx.Module):
    """Everything true that does not change in flight. Numbers are leaves; the ground is shared by all lanes."""

    ground: Terrain
    gravity: GravityField  # to degree 2, in every truth step
    gravity_table: Corridor  # the rest of the field, Earth and Sun, once a cycle
    surface: Surface
    mass: MassProperties
    engines: Engines
    feet: Feet
    imu: Imu
    star_tracker: StarTracker
    range_finder: RangeFinder
    velocimeter: Velocimeter
    period: Scalar  # s, of one cycle
    slow_every: int = eqx.field(static=True)  # cycles between readings of the slow sensors
    substeps: int = eqx.field(static=True)  # truth steps a cycle

    def measure(self, truth: TruthState, noise: Noise, tick) -> tuple[Measurements, Return, TruthState]:
        """Readings of this cycle, the range finder's shot as it really was, and the truth with the unit's memory."""
        motion, time = truth.motion, seconds(tick, self.period)
        velocity, angle = self.imu.measure(motion, noise, self.period)

        def slow(hits):
            height = self.height_above_terrain(motion, time)
            thrust = truth.engines.delivered[0, 2] + truth.engines.delivered[1, 2]
            dust = self.surface.optical_depth(height, thrust)
            shot, hits = self.range_finder.measure(motion, hits, self.ground, self.surface, noise, time, dust)
            return (
                self.star_tracker.measure(motion, noise),
                (shot, hits),
                self.velocimeter.measure(motion, height, noise),
            )

        def quiet(hits):
            zero, no = jnp.zeros_like(time), jnp.zeros_like(truth.has_contact)
            shot = Return(zero, zero, zero, zero, no, no)
            return (motion.attitude_IB, no), (shot, hits), (jnp.zeros_like(motion.velocity_I), no)

        (tracker, tracker_is_valid), (shot, hits), (speed, speed_is_valid) = lax.cond(
            tick % self.slow_every == 0, slow, quiet, truth.range_hits
        )
        measured = Measurements(
            delta_velocity_B=velocity,
            delta_angle_B=angle,
            tracker_attitude_IB=tracker,
            tracker_is_valid=tracker_is_valid,
            slant_range=shot.slant_range,
            range_strength=shot.strength,
            range_is_detected=shot.is_detected,
            range_is_valid=shot.is_valid,
            velocity_S=speed,
            velocimeter_is_valid=speed_is_valid,
            has_contact=truth.has_contact,
        )
        return measured, shot, eqx.tree_at(lambda t: t.range_hits, truth, hits)

    def advance(self, truth: TruthState, commands: Commands, tick, still_flies: Flag | bool = True) -> TruthState:
        """The truth one cycle later. It stands still from first contact on (legs and soil are not modelled here), and when
        the flight has ended otherwise."""
        moved = self.fly(truth, commands, tick)
        time = seconds(tick + 1, self.period)
        foot_height, slope = self.foot_height(moved.motion, time)
        has_contact = foot_height < 0.0
        share = truth.foot_height / jnp.maximum(truth.foot_height - foot_height, 1e-9)
        touchdown = self.contact(truth.motion, moved.motion, jnp.clip(share, 0.0, 1.0), time, slope)
        has_diverged = ~jnp.isfinite(foot_height + jnp.sum(moved.motion.rate_B))
        moved = TruthState(
            motion=moved.motion,
            engines=moved.engines,
            range_hits=truth.range_hits,
            touchdown=touchdown,
            foot_height=foot_height,
            has_contact=has_contact,
            has_diverged=has_diverged,
            is_dry=moved.motion.propellant <= EMPTY,
        )
        has_ended = truth.has_contact | truth.has_diverged | jnp.logical_not(still_flies)
        still = eqx.tree_at(lambda t: (t.motion.delta_velocity_B, t.motion.delta_angle_B), truth, replace_fn=jnp.zeros_like)
        return jax.tree.map(lambda old, new: jnp.where(has_ended, old, new), still, moved)

    def fly(self, truth: TruthState, commands: Commands, tick) -> TruthState:
        """Equations of motion through one cycle."""
        step = self.period / self.substeps
        form_I = self.gravity.form(seconds(tick, self.period) + 0.5 * self.period)  # turns by 1e-7 rad within the half cycle

        rest_I = self.rest_of_gravity(truth.motion, seconds(tick, self.period) + 0.5 * self.period)
        is_open, targets = self.engines.plan(commands.on_time, step, self.substeps)
        is_open, targets = is_open & ~truth.is_dry, jnp.where(truth.is_dry, 0.0, targets)
        decay = self.engines.decay(step)
        lost, engines = self.engines.start(truth.engines, is_open[0])

        def substep(carry, target):
            motion, delivered = carry
            target = jnp.where(motion.propellant <= EMPTY, 0.0, target)
            push, delivered = through_step(delivered, target, decay)
            push = push.within(motion.propellant, step)
            moved = rk4(motion, push, self.mass, Pull(self.gravity.gm, form_I, rest_I), step)
            return (moved, jnp.where(moved.propellant <= EMPTY, 0.0, delivered)), None

        start = eqx.tree_at(
            lambda m: (m.delta_velocity_B, m.delta_angle_B, m.propellant),
            truth.motion,
            (jnp.zeros(3), jnp.zeros(3), jnp.maximum(truth.motion.propellant - lost, 0.0)),
        )
        (motion, delivered), _ = lax.scan(substep, (start, engines.delivered), targets)
        engines = EngineState(delivered, is_open[-1], engines.start_loss)
        return eqx.tree_at(lambda t: (t.motion, t.engines), truth, (motion, engines))

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

    def foot_height(self, motion: Motion, time: Scalar) -> tuple[Scalar, Slope]:
        """Height of the lowest footpad above the ground, m, and the ground's slope towards east and north, m/m."""
        centre_B = self.mass.centre(motion.propellant)
        return lowest_foot(self.feet, self.ground, motion.position_I, motion.attitude_IB, centre_B, time)

    def height_above_terrain(self, motion: Motion, time: Scalar) -> Scalar:
        """Height of the centre of mass above the ground, m."""
        position_M = inertial_to_fixed(motion.position_I, time)
        return norm(position_M) - RADIUS - self.ground.height_at(position_M)
