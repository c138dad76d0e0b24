"""The one table of channels: name, unit, meaning, and how it is read from a view. Everything else is drawn from it."""

from collections.abc import Callable

import jax.numpy as jnp

from perilune.flight.memory import ACCELEROMETER_BIAS, ATTITUDE, GYRO_BIAS
from perilune.flight.monitoring.monitors import ROWS_OF_UNIT, UNITS, Monitors
from perilune.foundation.frames import inertial_to_fixed
from perilune.foundation.moon import RADIUS
from perilune.foundation.quantities import Scalar
from perilune.foundation.rotation import rotate
from perilune.foundation.vectors import dot, norm
from perilune.interface.design import engine_slice

from .channel import Channel
from .operators import OPERATORS
from .view import Kinematics, View, sigma_along, true_height_above_terrain

DEGREE = jnp.pi / 180.0
WRITTEN = {"mps": "m/s", "degps": "deg/s", "nm": "N m"}  # a unit in a name → as it is written


def components(prefix: str, labels: str, unit: str, text: str, read) -> list[Channel]:
    """One channel a component; the letter goes before the unit's place in the name."""
    suffix = f"_{unit}" if unit != "1" else ""
    return [
        Channel(f"{prefix}_{label}{suffix}", WRITTEN.get(unit, unit), text,
                lambda v, i=i: read(v)[i])
        for i, label in enumerate(labels)
    ]  # fmt: skip


def common(house: str, pick: Callable[[View], Kinematics], site_radius: Callable[[View], Scalar]) -> list[Channel]:
    """The channels that truth and navigation both have, under the same names."""
    return [
        Channel(f"{house}/height_above_site_m", "m", "centre of mass over the site radius",
                lambda v: pick(v).radius - site_radius(v)),
        Channel(f"{house}/height_above_sphere_m", "m", "centre of mass over the 1,737.4 km sphere",
                lambda v: pick(v).radius - RADIUS),
        Channel(f"{house}/climb_rate_mps", "m/s", "radial speed, up positive", lambda v: pick(v).climb_rate),
        Channel(f"{house}/horizontal_speed_mps", "m/s", "over the ground", lambda v: pick(v).horizontal_speed),
        Channel(f"{house}/speed_mps", "m/s", "over the ground", lambda v: pick(v).speed),
        Channel(f"{house}/latitude_deg", "deg", "north positive", lambda v: pick(v).latitude / DEGREE),
        Channel(f"{house}/longitude_deg", "deg", "east positive", lambda v: pick(v).longitude / DEGREE),
        Channel(f"{house}/east_of_site_m", "m", "footpoint projected on the site's horizon", lambda v: pick(v).site_east),
        Channel(f"{house}/north_of_site_m", "m", "footpoint projected on the site's horizon", lambda v: pick(v).site_north),
        Channel(f"{house}/velocity_east_mps", "m/s", "over the ground",
                lambda v: dot(pick(v).velocity_M, pick(v).east_M)),
        Channel(f"{house}/velocity_north_mps", "m/s", "over the ground",
                lambda v: dot(pick(v).velocity_M, pick(v).north_M)),
        Channel(f"{house}/tilt_deg", "deg", "thrust axis from the vertical", lambda v: pick(v).tilt / DEGREE),
    ]  # fmt: skip


def delivered(v: View):
    """Engine output now, summed over classes (7,)."""
    return jnp.sum(v.snapshot.truth.engines.delivered, axis=0)


def torque_about_centre(v: View):
    """Torque of main and assist engines about the centre of mass, B, N m: what attitude control works against."""
    push = v.snapshot.truth.engines.delivered[0] + v.snapshot.truth.engines.delivered[1]
    centre = v.scenario.world.structure.centre(v.snapshot.truth.tanks)
    force = push[0:3]
    return push[3:6] - jnp.cross(centre, force)


def boresight(v: View):
    """Unit vector of the beam along east, north and up under the lander."""
    beam_I = rotate(v.snapshot.truth.motion.attitude_IB, v.scenario.world.range_finder.boresight_B)
    beam_M = inertial_to_fixed(beam_I, v.time)
    return jnp.stack([dot(beam_M, axis) for axis in (v.truth.east_M, v.truth.north_M, v.truth.up_M)])


def faults_in_force(v: View):
    """How many magnitudes of faults are not zero."""
    struck = v.scenario.world.faults.in_force(v.snapshot.truth.faults.since, v.time)
    return jnp.sum(struck.value != 0.0)


TRUTH = [
    *common("truth", lambda v: v.truth, lambda v: v.true_site_radius),
    Channel("truth/height_above_terrain_m", "m", "centre of mass over the true ground", true_height_above_terrain),
    Channel("truth/foot_height_m", "m", "lowest footpad over the true ground, local slope included",
            lambda v: v.snapshot.truth.foot_height),
    *components("truth/position_I", "xyz", "m", "of the centre of mass", lambda v: v.snapshot.truth.motion.position_I),
    *components("truth/velocity_I", "xyz", "mps", "of the centre of mass",
                lambda v: v.snapshot.truth.motion.velocity_I),
    *components("truth/attitude_IB", "sxyz", "1", "quaternion, scalar first",
                lambda v: v.snapshot.truth.motion.attitude_IB),
    *components("truth/rate_B", "xyz", "degps", "body rate", lambda v: v.snapshot.truth.motion.rate_B / DEGREE),
    Channel("truth/faults_in_force", "1", "rows of the fault table, one a part; none of map and settings", faults_in_force),
    Channel("truth/propellant_kg", "kg", "left in the tanks", lambda v: v.snapshot.truth.motion.propellant),
    Channel("truth/thrust_n", "N", "main and assist engines along Z",
            lambda v: v.snapshot.truth.engines.delivered[0, 2] + v.snapshot.truth.engines.delivered[1, 2]),
    *components("truth/engine_torque_B", "xyz", "nm", "of main and assist engines about the centre of mass",
                torque_about_centre),
    Channel("truth/propellant_flow_kgps", "kg/s", "all engines", lambda v: delivered(v)[6]),
    Channel("truth/start_loss_kg", "kg", "spent in start transients so far",
            lambda v: v.snapshot.truth.engines.start_loss),
    *components("truth/boresight_L", "enu", "1", "range finder's beam, towards east, north and up where it stands",
                boresight),
    Channel("truth/slant_range_m", "m", "along the range finder's beam to the true ground",
            lambda v: v.snapshot.shot.true_range),
    Channel("truth/incidence_deg", "deg", "of the beam on the true ground",
            lambda v: jnp.arccos(jnp.clip(v.snapshot.shot.incidence_cosine, 0.0, 1.0)) / DEGREE),
]  # fmt: skip


def sights(v: View):
    """What instruments read that not every lander carries."""
    return v.snapshot.measurements.sights


INSTRUMENTS = [
    *components("doppler_beams/slant_range", "1234", "m", "of each beam; 0 without lock", lambda v: sights(v).beams.slant_range),
    *components("doppler_beams/closing_speed", "1234", "mps", "over the ground along each beam; 0 without lock",
                lambda v: sights(v).beams.closing_speed),
    Channel("doppler_beams/locked", "1", "beams with lock", lambda v: jnp.sum(sights(v).beams.is_locked)),
    *components("terrain_camera/fix_M", "xyz", "m", "of the centre of mass", lambda v: sights(v).fix_M),
    Channel("terrain_camera/is_valid", "1", "the unit's own verdict", lambda v: sights(v).fix_is_valid),
    *components("optical_flow/flow_S", "xy", "degps", "of the ground, along the camera's side and boresight × side",
                lambda v: sights(v).flow_S / DEGREE),
    Channel("optical_flow/is_valid", "1", "the unit's own verdict", lambda v: sights(v).flow_is_valid),
    Channel("hazard_lidar/spread_m", "m", "standard deviation of the heights of a scan", lambda v: sights(v).patch.spread),
    Channel("hazard_lidar/share_seen", "1", "of a scan's 256 bins", lambda v: sights(v).patch.share),
    Channel("hazard_lidar/is_valid", "1", "the unit's own verdict", lambda v: sights(v).patch.is_valid),
    Channel("propellant_gauge/propellant_kg", "kg", "as reported", lambda v: sights(v).propellant),
    Channel("propellant_gauge/is_valid", "1", "the unit's own verdict", lambda v: sights(v).propellant_is_valid),
]  # fmt: skip


def monitors(v: View) -> Monitors:
    """What the monitors keep."""
    return v.snapshot.memory.monitors


def rows_of(v: View, unit: str):
    """Which of a unit's rows were offered and taken at this cycle, both (rows,)."""
    seven, sights = v.snapshot.memory.innovations, v.snapshot.memory.sighted
    rows = jnp.asarray(ROWS_OF_UNIT[unit])
    offered = jnp.concatenate([seven.is_offered, sights.is_offered])[rows]
    return offered, jnp.concatenate([seven.is_accepted, sights.is_accepted])[rows]


def of_unit(k: int, unit: str) -> list[Channel]:
    """What filter and monitors say of one unit."""
    return [
        Channel(f"{unit}/rows_offered", "1", "offered to the filter in this cycle", lambda v: jnp.sum(rows_of(v, unit)[0])),
        Channel(f"{unit}/rows_taken", "1", "of them, inside the gate and taken", lambda v: jnp.sum(rows_of(v, unit)[1])),
        Channel(f"{unit}/window_nis", "1", "fading mean of squared innovation over variance of what was taken",
                lambda v: monitors(v).nis[k]),
        Channel(f"{unit}/refused_share", "1", "fading share of looks at which all that it offered was refused",
                lambda v: monitors(v).refused[k]),
    ]  # fmt: skip


MONITORING = [
    *(channel for k, unit in enumerate(UNITS) for channel in of_unit(k, unit)),
    Channel("range_finder/decision", "1", "index into flight.monitoring.monitors.DECISIONS, at the latest slow step",
            lambda v: monitors(v).decision),
    Channel("range_finder/apart_share", "1", "fading share of looks at which the Doppler beams saw other ground",
            lambda v: monitors(v).is_apart),
    Channel("range_finder/implausible_share", "1", "fading share of ranges that mean a ground the map cannot have",
            lambda v: monitors(v).is_implausible),
    *(Channel(f"range_finder/weight_of_{name}", "1", f"probability that the {name} is wrong, of three accounts; ⅓ without doubt",
              lambda v, i=i: monitors(v).bank.weights[i]) for i, name in enumerate(("state", "map", "sensor"))),
    Channel("doppler_beams/height_residual_m", "m", "height over the ground by them less the predicted; 0 without",
            lambda v: monitors(v).alternate_residual),
    Channel("doppler_beams/agree", "1", "two have lock at least, and agree", lambda v: monitors(v).alternate_is_valid),
]  # fmt: skip

ONBOARD = [
    *common("navigation", lambda v: v.believed, lambda v: v.site_radius),
    Channel("navigation/height_above_terrain_m", "m", "over the ground as believed under it: map and terrain_below",
            lambda v: v.onboard.height_above_terrain),
    *components("navigation/position_I", "xyz", "m", "estimate", lambda v: v.snapshot.memory.navigation.position_I),
    *components("navigation/velocity_I", "xyz", "mps", "estimate", lambda v: v.snapshot.memory.navigation.velocity_I),
    *components("navigation/attitude_IB", "sxyz", "1", "estimate", lambda v: v.snapshot.memory.navigation.attitude_IB),
    Channel("navigation/terrain_bias_m", "m", "ground over the onboard map where the beam meets it, estimate, without relief",
            lambda v: v.snapshot.memory.navigation.terrain_bias),
    Channel("navigation/terrain_relief_m", "m", "ground over map and bias where the beam meets it, estimate",
            lambda v: v.snapshot.memory.navigation.terrain_relief),
    Channel("navigation/terrain_below_m", "m", "ground over the onboard map under the lander, estimate",
            lambda v: v.snapshot.memory.navigation.terrain_below),
    Channel("navigation/height_sigma_m", "m", "1 sigma of the radial position",
            lambda v: sigma_along(v, v.believed.up_M, 0)),
    Channel("navigation/climb_rate_sigma_mps", "m/s", "1 sigma", lambda v: sigma_along(v, v.believed.up_M, 3)),
    Channel("navigation/east_sigma_m", "m", "1 sigma", lambda v: sigma_along(v, v.believed.east_M, 0)),
    Channel("navigation/north_sigma_m", "m", "1 sigma", lambda v: sigma_along(v, v.believed.north_M, 0)),
    Channel("navigation/velocity_east_sigma_mps", "m/s", "1 sigma", lambda v: sigma_along(v, v.believed.east_M, 3)),
    Channel("navigation/velocity_north_sigma_mps", "m/s", "1 sigma", lambda v: sigma_along(v, v.believed.north_M, 3)),
    Channel("navigation/attitude_sigma_deg", "deg", "1 sigma, root of the trace",
            lambda v: jnp.sqrt(jnp.trace(v.snapshot.memory.covariance[ATTITUDE, ATTITUDE])) / DEGREE),
    Channel("navigation/accelerometer_bias_sigma_mps2", "m/s²", "1 sigma, root of the trace",
            lambda v: jnp.sqrt(jnp.trace(v.snapshot.memory.covariance[ACCELEROMETER_BIAS, ACCELEROMETER_BIAS]))),
    Channel("navigation/gyro_bias_sigma_degps", "deg/s", "1 sigma, root of the trace",
            lambda v: jnp.sqrt(jnp.trace(v.snapshot.memory.covariance[GYRO_BIAS, GYRO_BIAS])) / DEGREE),
    Channel("range_finder/slant_range_m", "m", "as reported", lambda v: v.snapshot.measurements.slant_range),
    Channel("range_finder/strength", "1", "signal over noise", lambda v: v.snapshot.measurements.range_strength),
    Channel("range_finder/is_detected", "1", "a return passed the threshold",
            lambda v: v.snapshot.measurements.range_is_detected),
    Channel("range_finder/is_valid", "1", "the unit's own verdict", lambda v: v.snapshot.measurements.range_is_valid),
    Channel("range_finder/is_offered", "1", "offered to the filter",
            lambda v: v.snapshot.memory.innovations.is_offered[6]),
    Channel("range_finder/is_accepted", "1", "taken by the filter",
            lambda v: v.snapshot.memory.innovations.is_accepted[6]),
    Channel("range_finder/is_given_up", "1", "flight software asks it no more",
            lambda v: v.snapshot.memory.acquisition.is_isolated),
    Channel("range_finder/refused_time_s", "s", "of refusals without a range taken between them",
            lambda v: v.snapshot.memory.acquisition.refused_time),
    Channel("range_finder/innovation_m", "m", "measured − predicted",
            lambda v: v.snapshot.memory.innovations.residual[6]),
    Channel("range_finder/innovation_sigma_m", "m", "1 sigma expected of it",
            lambda v: jnp.sqrt(v.snapshot.memory.innovations.variance[6])),
    Channel("star_tracker/nis", "1", "sum of three squared innovations over variance", lambda v: sum_nis(v, 0, 3)),
    Channel("velocimeter/nis", "1", "sum of three squared innovations over variance", lambda v: sum_nis(v, 3, 6)),
    Channel("velocimeter/is_valid", "1", "the unit's own verdict",
            lambda v: v.snapshot.measurements.velocimeter_is_valid),
    *components("velocimeter/velocity_S", "xyz", "mps", "over the ground, as reported",
                lambda v: v.snapshot.measurements.velocity_S),
    *INSTRUMENTS,
    *MONITORING,
    *OPERATORS,
    Channel("executive/mode", "1", "index into flight.modes.NAMES", lambda v: v.snapshot.memory.mode),
    Channel("executive/throttle", "1", "share of full thrust while braking", lambda v: v.snapshot.memory.throttle),
    Channel("executive/time_to_go_s", "s", "to the end of braking", lambda v: v.snapshot.memory.time_to_go),
    Channel("executive/thrust_demand_n", "N", "asked for", lambda v: v.snapshot.memory.thrust_demand),
    Channel("executive/propellant_kg", "kg", "by bookkeeping and gauge", lambda v: v.snapshot.memory.propellant),
    Channel("executive/assist_on_time_s", "s", "open time this cycle, mean of the six",
            lambda v: jnp.mean(v.snapshot.commands.on_time[engine_slice("assist")])),
    Channel("executive/attitude_on_time_s", "s", "open time this cycle, sum of the twelve",
            lambda v: jnp.sum(v.snapshot.commands.on_time[engine_slice("attitude")])),
    Channel("executive/acceleration_sensed_mps2", "m/s²", "length of the IMU's velocity increment over the cycle",
            lambda v: norm(v.snapshot.measurements.delta_velocity_B) / v.scenario.flight_software.settings.period),
]  # fmt: skip


def sum_nis(v: View, first: int, last: int):
    """Squared normalised innovations of some rows, summed; zero where nothing was offered."""
    innovations = v.snapshot.memory.innovations
    rows = slice(first, last)
    square = innovations.residual[rows] ** 2 / innovations.variance[rows]
    return jnp.sum(jnp.where(innovations.is_offered[rows], square, 0.0))


CHANNELS = {channel.name: channel for channel in [*TRUTH, *ONBOARD]}
