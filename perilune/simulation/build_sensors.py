"""From a mission's numbers to the sensors that fly: every unit is turned to SI here, once."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from perilune.foundation.frames import direction_to, local_axes
from perilune.foundation.rotation import from_rotation_vector, rotate
from perilune.foundation.vectors import unit
from perilune.world.sensors.blinding import Blinding
from perilune.world.sensors.doppler_beams import DopplerBeams
from perilune.world.sensors.footprint import GAUSSIAN, TOP_HAT, Footprint
from perilune.world.sensors.hazard_lidar import HazardLidar
from perilune.world.sensors.imu import Imu
from perilune.world.sensors.imu_errors import ImuErrors, Triad
from perilune.world.sensors.instruments import CARRIED, LATE, Carried, Instruments, has
from perilune.world.sensors.optical_flow import OpticalFlow
from perilune.world.sensors.propellant_gauge import PropellantGauge
from perilune.world.sensors.range_finder import RangeFinder
from perilune.world.sensors.star_tracker import StarTracker
from perilune.world.sensors.terrain_camera import TerrainCamera, View
from perilune.world.sensors.velocimeter import Velocimeter

from .mission import Mission
from .sensor_tables import LEAST_DETERMINANT, table_at
from .units import ARCSECOND, DEGREE, DEGREE_PER_HOUR, DEGREE_PER_ROOT_HOUR, MICRO_G


def values(n, sensor: str):
    """What looks up the figures of one sensor."""
    return lambda key: n[f"lander.sensors.{sensor}.{key}"]


def carried_of(mission: Mission) -> Carried:
    """Slow steps between two readings of what not every lander carries; 0 where it does not."""
    step = mission.flight.slow_every * mission.flight.period_s

    def interval(name: str) -> int:
        table = table_at(mission.lander.sensors, name)
        return 0 if table is None else max(round(getattr(table, "interval_s", step) / step), 1)

    return jnp.asarray([interval(name) for name in CARRIED], jnp.int32)


def sights_of(carried: Carried) -> Bool[Array, "3"]:
    """Whether there are Doppler beams, a terrain camera and optical flow, for flight software to know."""
    return jnp.stack([has(carried, name) for name in ("doppler_beams", "terrain_camera", "optical_flow")])


def boresight(cant) -> Float[Array, "3"]:
    """Beam direction in B: down the thrust axis, canted aft so that it looks nearer to nadir while braking."""
    return jnp.stack([-jnp.sin(cant), jnp.zeros_like(cant), -jnp.cos(cant)])


def imu(n) -> Imu:
    """Constant errors and white noise."""
    value = values(n, "imu")
    return Imu(
        accelerometer_bias_B=MICRO_G * value("accelerometer_bias_ug"),
        accelerometer_scale=1e-6 * value("accelerometer_scale_ppm"),
        velocity_random_walk=MICRO_G * value("accelerometer_noise_ug_per_rthz"),
        gyro_bias_B=DEGREE_PER_HOUR * value("gyro_bias_deg_per_h"),
        gyro_scale=1e-6 * value("gyro_scale_ppm"),
        angle_random_walk=DEGREE_PER_ROOT_HOUR * value("gyro_noise_deg_per_rth"),
    )


def imu_errors(n) -> ImuErrors:
    """What the unit does beyond that."""
    value = values(n, "imu.errors")

    def triad(kind: str, rate: float, unit_of_rate: str, quantum, limit) -> Triad:
        return Triad(
            misalignment_B=1e-3 * value(f"{kind}_misalignment_mrad"),
            skew=1e-3 * value(f"{kind}_skew_mrad"),
            instability=rate * value(f"{kind}_instability_{unit_of_rate}"),
            correlation_time=value(f"{kind}_correlation_s"),
            walk=rate * value(f"{kind}_walk_{unit_of_rate}_per_rts"),
            quantum=quantum,
            limit=limit,
        )

    return ImuErrors(
        accelerometers=triad(
            "accelerometer", MICRO_G, "ug", 1e-3 * value("accelerometer_quantum_mmps"), value("accelerometer_limit_mps2")
        ),
        gyros=triad(
            "gyro", DEGREE_PER_HOUR, "deg_per_h", ARCSECOND * value("gyro_quantum_arcsec"), DEGREE * value("gyro_limit_deg_per_s")
        ),
    )


def star_tracker(n) -> StarTracker:
    """The unit as built."""
    value = values(n, "star_tracker")
    return StarTracker(
        noise=ARCSECOND * value("noise_arcsec"),
        alignment_B=1e-3 * value("alignment_error_mrad"),
        rate_limit=DEGREE * value("rate_limit_deg_per_s"),
    )


def blinding(n) -> Blinding:
    """What takes its stars."""
    value = values(n, "star_tracker.blinding")
    return Blinding(unit(value("boresight")), DEGREE * value("sun_exclusion_deg"), DEGREE * value("limb_exclusion_deg"))


def footprint(n) -> Footprint:
    """The range finder's beam as wide as it is."""
    value, finder = values(n, "range_finder.footprint"), values(n, "range_finder")
    is_gaussian = value("is_gaussian") > 0.5
    return Footprint(
        divergence=1e-3 * finder("beam_divergence_mrad"),
        ring=jnp.where(is_gaussian, *(jnp.asarray(beam.ring, float) for beam in (GAUSSIAN, TOP_HAT))),
        centre_weight=jnp.where(is_gaussian, *(jnp.asarray(beam.centre_weight, float) for beam in (GAUSSIAN, TOP_HAT))),
        gate=value("gate_m"),
        threshold=finder("detection_threshold"),
        wants_last=value("wants_last"),
    )


def range_finder(n, mission: Mission) -> RangeFinder:
    """The unit as built."""

    value = values(n, "range_finder")
    drawn_B = boresight(DEGREE * value("boresight_cant_deg"))
    off_x, off_y = 1e-3 * value("boresight_error_mrad")
    turned_B = rotate(from_rotation_vector(jnp.stack([off_x, off_y, jnp.zeros_like(off_x)])), drawn_B)
    return RangeFinder(
        boresight_B=jnp.where((off_x != 0.0) | (off_y != 0.0), turned_B, drawn_B),
        pulse_energy=1e-3 * value("pulse_energy_mj") * (1.0 + 0.01 * value("pulse_energy_error_percent")),
        aperture_area=0.25 * jnp.pi * (1e-3 * value("aperture_diameter_mm")) ** 2,
        divergence=1e-3 * value("beam_divergence_mrad"),
        footprint=footprint(n),
        efficiency=value("efficiency"),
        noise_energy=1e-18 * value("noise_energy_aj"),
        sun_noise=value("sun_noise"),
        threshold=value("detection_threshold"),
        closing_speed_scale=value("closing_speed_scale_mps"),
        return_loss=10.0 ** (-0.1 * value("return_loss_db")),
        noise_floor=value("noise_floor_m"),
        noise_weak=value("noise_weak_m"),
        bias=value("bias_m"),
        quantum=value("quantum_m"),
        window=value("window_m"),
        false_probability=value("false_probability"),
        dropout_probability=value("dropout_probability"),
        latency=value("latency_s"),
        valid_count=mission.lander.sensors.range_finder.valid_count,
        valid_window=mission.lander.sensors.range_finder.valid_window,
    )


def velocimeter(n) -> Velocimeter:
    """The unit as built."""
    value = values(n, "velocimeter")
    return Velocimeter(
        is_fitted=value("is_fitted"),
        ceiling=value("ceiling_m"),
        speed_limit=value("speed_limit_mps"),
        scale_error=1e-6 * value("scale_error_ppm"),
        noise=value("noise_mps"),
    )


def doppler_beams(n) -> DopplerBeams:
    """The unit as built; empty slots look along an axis and are not there."""
    value = values(n, "doppler_beams")
    given = value("direction")
    size = jnp.sqrt(given[:, 0] ** 2 + given[:, 1] ** 2 + given[:, 2] ** 2)
    return DopplerBeams(
        directions_B=given / jnp.maximum(size, 1e-9)[:, None],
        is_there=value("is_there"),
        divergence=1e-3 * value("divergence_mrad"),
        range_scale=1e-6 * value("range_scale_ppm"),
        range_bias=value("range_bias_m"),
        range_floor=value("range_noise_m"),
        range_share=0.01 * value("range_noise_percent"),
        speed_scale=1e-6 * value("speed_scale_ppm"),
        speed_bias=value("speed_bias_mps"),
        speed_floor=value("speed_noise_mps"),
        speed_share=0.01 * value("speed_noise_percent"),
        reach=value("reach_m"),
        speed_limit=value("speed_limit_mps"),
        incidence_limit=DEGREE * value("incidence_limit_deg"),
        dropout_probability=value("dropout_probability"),
        least_determinant=jnp.asarray(LEAST_DETERMINANT, float),
    )


def view(n, camera: str) -> View:
    """When a camera can use what it sees."""
    value = values(n, camera)
    return View(
        boresight_B=unit(value("boresight")),
        least_height=value("least_height_m"),
        most_height=value("most_height_m"),
        least_sun=DEGREE * value("least_sun_deg"),
        most_sun=DEGREE * value("most_sun_deg"),
        tilt_limit=DEGREE * value("tilt_limit_deg"),
        rate_limit=DEGREE * value("rate_limit_deg_per_s"),
    )


def map_tie_M(n, tie_L: Float[Array, "3"]) -> Float[Array, "3"]:
    """An error of a map's place, given towards east, north and up at the site, m."""
    east_M, north_M, up_M = local_axes(direction_to(DEGREE * n["site.latitude_deg"], DEGREE * n["site.longitude_deg"]))
    return tie_L[0] * east_M + tie_L[1] * north_M + tie_L[2] * up_M


def terrain_camera(n) -> TerrainCamera:
    """Camera, matcher and map as one unit."""
    value = values(n, "terrain_camera")
    return TerrainCamera(
        view=view(n, "terrain_camera"),
        pixel_angle=1e-3 * value("pixel_mrad"),
        pixels=value("match_pixels"),
        pixels_up=value("match_up_pixels"),
        floor=value("match_floor_m"),
        map_quality=value("map_quality"),
        map_tie_M=map_tie_M(n, value("map_tie_m")),
        miss_probability=value("miss_probability"),
        false_probability=value("false_probability"),
        false_distance=value("false_distance_m"),
    )


def optical_flow(n) -> OpticalFlow:
    """The camera as mounted."""
    value = values(n, "optical_flow")
    return OpticalFlow(
        view=view(n, "optical_flow"),
        across_B=unit(value("across")),
        scale_error=1e-6 * value("scale_error_ppm"),
        bias=1e-3 * value("bias_mrad_per_s"),
        noise=1e-3 * value("noise_mrad_per_s"),
        flow_limit=1e-3 * value("flow_limit_mrad_per_s"),
        dropout_probability=value("dropout_probability"),
    )


def hazard_lidar(n) -> HazardLidar:
    """The unit as mounted."""
    value = values(n, "hazard_lidar")
    return HazardLidar(
        boresight_B=unit(value("boresight")),
        field=DEGREE * value("field_deg"),
        width=value("width_m"),
        noise=value("noise_m"),
        bias=value("bias_m"),
        dropout_probability=value("dropout_probability"),
        least_share=value("least_share"),
        most_height=value("most_height_m"),
        tilt_limit=DEGREE * value("tilt_limit_deg"),
    )


def propellant_gauge(n) -> PropellantGauge:
    """One gauge for all tanks."""
    value = values(n, "propellant_gauge")
    return PropellantGauge(
        bias=value("bias_kg"),
        scale_error=1e-6 * value("scale_error_ppm"),
        noise=value("noise_kg"),
        slosh=value("slosh_kg_per_mps2"),
        quantum=value("quantum_kg"),
        settling=value("settling_mps2"),
    )


def instruments(n) -> Instruments:
    """All that not every lander carries."""
    return Instruments(
        latency=jnp.stack([values(n, name)("latency_s") for name in LATE]),
        beams=doppler_beams(n),
        camera=terrain_camera(n),
        flow=optical_flow(n),
        lidar=hazard_lidar(n),
        gauge=propellant_gauge(n),
    )
