"""What not every lander carries: Doppler beams, terrain camera, optical flow, hazard lidar and propellant gauge.

Which of them a lander has, and how often each reads, is the same for all lanes of a batch. So a `cond` on it is a true branch:
one program flies every lander, and an instrument that is not there costs nothing.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import ndtr
from jaxtyping import Array, Float, Int, Key

from perilune.foundation.frames import inertial_to_fixed
from perilune.foundation.quantities import Direction, Flag, Mass, Position, Scalar, Velocity
from perilune.foundation.randomness import HAZARD_LIDAR, Noise, rows, sensor_key
from perilune.foundation.vectors import norm
from perilune.interface.measurements import Beams, Patch, nothing_sighted

from ..environment.terrain import Terrain
from ..faults.kinds import SLOW, UNITS
from ..faults.table import Struck
from ..state import Motion
from .broken import Pose, earlier, moved_to
from .doppler_beams import BeamReadings, DopplerBeams
from .hazard_lidar import HazardLidar
from .optical_flow import OpticalFlow
from .propellant_gauge import PropellantGauge
from .terrain_camera import TerrainCamera

# What a lander may carry, as in its mission file. The order of `carried`. Append only.
CARRIED = (
    "imu.errors",
    "star_tracker.blinding",
    "range_finder.footprint",
    "doppler_beams",
    "terrain_camera",
    "optical_flow",
    "hazard_lidar",
    "propellant_gauge",
)
LATE = CARRIED[3:]  # those with a latency of their own
Carried = Int[Array, " carried"]  # slow steps between two readings; 0: not carried


class Moment(eqx.Module):
    """What instruments look at: a lander over the ground at `time` (s), under a Sun."""

    motion: Motion
    ground: Terrain
    sun_I: Direction
    flow: Scalar  # kg/s that engines took in this cycle
    height: Scalar  # m of the centre of mass above the ground below it
    time: Scalar
    period: Scalar  # s, of one cycle

    def with_pose(self, pose: Pose) -> "Moment":
        """As it was when the lander was at another pose; the Moon's turn since then (0.5 m in 0.2 s at 60° latitude) and the
        slope of the ground flown over meanwhile (6 m at 300 m/s, 0.2 s and 6°) are left out."""
        motion = moved_to(self.motion, pose)
        return eqx.tree_at(
            lambda m: (m.motion, m.height), self, (motion, self.height + norm(pose[0]) - norm(self.motion.position_I))
        )

    @property
    def sun_M(self) -> Direction:
        """Towards the Sun."""
        return inertial_to_fixed(self.sun_I, self.time)


class Sighted(eqx.Module):
    """What the instruments read, before faults of the generic forms."""

    beams: Beams
    velocity_B: Velocity  # of the beams
    velocity_is_valid: Flag
    fix_M: Position
    fix_is_valid: Flag
    flow_S: Float[Array, "2"]
    flow_is_valid: Flag
    patch: Patch
    propellant: Mass
    propellant_is_valid: Flag
    sensed: Scalar  # m/s² along Z of B at the gauge's last reading

    @property
    def are_valid(self) -> list[Flag]:
        """The flags of all but the beams, in the order of `UNITS`."""
        return [self.fix_is_valid, self.flow_is_valid, self.propellant_is_valid, self.patch.is_valid]


def has(carried: Carried, name: str) -> Flag:
    """Whether it is carried at all."""
    return carried[CARRIED.index(name)] > 0


def is_due(carried: Carried, name: str, step) -> Flag:
    """Whether it reads in this slow step (the cycle's number over cycles a slow step)."""
    interval = carried[CARRIED.index(name)]
    return (interval > 0) & (step % jnp.maximum(interval, 1) == 0)


class Instruments(eqx.Module):
    """The instruments as built and mounted."""

    latency: Float[Array, " late"]  # s, in the order of `LATE`
    beams: DopplerBeams
    camera: TerrainCamera
    flow: OpticalFlow
    lidar: HazardLidar
    gauge: PropellantGauge

    def struck_by(self, struck: Struck, noise: Noise) -> "Instruments":
        """With the faults that strike their parts; the same bits where there are none. A Doppler unit that gives nothing has no
        lock on any beam."""

        def louder(own, channel):
            return jnp.sqrt(own**2 + struck.one("slow_noise", SLOW.index(channel)) ** 2)

        velocity, lidar = UNITS.index("velocimeter"), UNITS.index("hazard_lidar")
        no_beams = struck.has("unit_off", velocity) | (
            ndtr(rows(noise, "fault_dropouts"))[1] < struck.one("unit_dropout", velocity)
        )
        lidar_kept = (1.0 - struck.one("unit_dropout", lidar)) * (1.0 - struck.one("unit_off", lidar))
        return eqx.tree_at(
            lambda i: (
                i.beams.is_there,
                i.beams.speed_bias,
                i.camera.floor,
                i.camera.false_probability,
                i.flow.noise,
                i.lidar.noise,
                i.lidar.dropout_probability,
                i.gauge.noise,
            ),
            self,
            (
                jnp.where(no_beams, 0.0, self.beams.is_there * (1.0 - struck.of("beam_lost"))),
                self.beams.speed_bias + struck.of("beam_bias"),
                louder(self.camera.floor, "fix east"),
                self.camera.false_probability + struck.one("camera_false"),
                louder(self.flow.noise, "flow x"),
                louder(self.lidar.noise, "patch"),
                1.0 - (1.0 - self.lidar.dropout_probability) * lidar_kept,
                louder(self.gauge.noise, "propellant"),
            ),
        )

    def measure(
        self, at: Moment, sensed: Scalar, carried: Carried, struck: Struck, noise: Noise, run_key: Key[Array, ""], step
    ) -> Sighted:
        """All readings of slow step `step`; `sensed` is the gauge's last acceleration (m/s²)."""
        units = self.struck_by(struck, noise)
        none = nothing_sighted()

        units_of = [UNITS.index("velocimeter" if name == "doppler_beams" else name) for name in LATE]
        behind = self.latency + jnp.stack([struck.one("unit_latency", k) for k in units_of])
        poses = jax.vmap(lambda latency: earlier(at.motion, at.period, latency))(behind)

        def when_due(name, read, otherwise):
            pose = jax.tree.map(lambda x: x[LATE.index(name)], poses)
            return lax.cond(is_due(carried, name, step), lambda: read(at.with_pose(pose)), lambda: otherwise)

        def by_beams(then: Moment):
            seen = units.beams.look_by_heights(then.motion, then.ground, then.time)
            return units.beams.measure(then.motion, seen, noise)

        def by_camera(then: Moment):
            fix = units.camera.measure(then.motion, then.height, then.sun_M, then.time, noise)
            return fix.position_M, fix.is_valid

        def by_flow(then: Moment):
            distance = units.flow.distance(then.motion, then.ground, then.time)
            return units.flow.measure(then.motion, then.height, distance, then.sun_M, then.time, noise)

        def by_lidar(then: Moment):
            target_M = units.lidar.aim(then.motion, then.ground, then.time)
            key = sensor_key(run_key, HAZARD_LIDAR, step)
            return units.lidar.measure(then.motion, target_M, then.ground, then.time, key)

        def by_gauge(then: Moment):
            now = then.motion.delta_velocity_B[2] / then.period
            held = then.motion.propellant + behind[LATE.index("propellant_gauge")] * then.flow
            motion = eqx.tree_at(lambda m: m.propellant, then.motion, held)
            return *units.gauge.measure(motion, now, sensed, noise), now

        no = none.fix_is_valid
        beams = when_due("doppler_beams", by_beams, BeamReadings(none.beams, jnp.zeros(3), no))
        fix_M, has_fix = when_due("terrain_camera", by_camera, (none.fix_M, no))
        flow_S, has_flow = when_due("optical_flow", by_flow, (none.flow_S, no))
        patch = when_due("hazard_lidar", by_lidar, none.patch)
        propellant, has_propellant, sensed = when_due("propellant_gauge", by_gauge, (none.propellant, no, sensed))
        by_beam = beams.each, beams.velocity_B, beams.is_valid
        return Sighted(*by_beam, fix_M, has_fix, flow_S, has_flow, patch, propellant, has_propellant, sensed)
