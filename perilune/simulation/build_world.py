"""From a mission's numbers to the world that flies: every unit is turned to SI here, once."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from perilune.foundation.corridor import Corridor
from perilune.foundation.gravity import full_field
from perilune.foundation.moon import STANDARD_GRAVITY
from perilune.foundation.vectors import cross
from perilune.interface.design import CLASS_OF_ENGINE, COUPLES, ENGINE_CLASSES
from perilune.world.environment.surface import Surface
from perilune.world.environment.terrain import Terrain
from perilune.world.faults import FaultTable
from perilune.world.sensors.imu import Imu
from perilune.world.sensors.range_finder import RangeFinder
from perilune.world.sensors.star_tracker import StarTracker
from perilune.world.sensors.velocimeter import Velocimeter
from perilune.world.vehicle.engines import Engines
from perilune.world.vehicle.feet import Feet
from perilune.world.vehicle.mass import MassProperties
from perilune.world.world import World

from .mission import Mission

DEGREE = np.pi / 180.0
ARCSECOND = DEGREE / 3600.0
DEGREE_PER_HOUR = DEGREE / 3600.0
DEGREE_PER_ROOT_HOUR = DEGREE / 60.0
MICRO_G = 1e-6 * STANDARD_GRAVITY
RING = np.arange(6) * np.pi / 3.0


def boresight(cant) -> Float[Array, "3"]:
    """Beam direction in B: down the thrust axis, canted aft so that it looks nearer to nadir while braking."""
    return jnp.stack([-jnp.sin(cant), jnp.zeros_like(cant), -jnp.cos(cant)])


def engine_places(n) -> Float[Array, "19 3"]:
    """Where each engine pushes, B, m from the datum."""
    ring, arm = n["lander.engines.assist.ring_radius_m"], n["lander.engines.attitude.arm_m"]
    main_z, assist_z = n["lander.engines.main.height_m"], n["lander.engines.assist.height_m"]
    zero = jnp.zeros_like(ring)
    places = [jnp.stack([zero, zero, main_z])]
    places += [jnp.stack([ring * np.cos(a), ring * np.sin(a), assist_z]) for a in RING]
    attitude = [jnp.zeros(3)] * ENGINE_CLASSES["attitude"][1]
    for axis, _, first, second in COUPLES:
        arm_axis = np.eye(3)[1] if axis == 0 else np.eye(3)[0]
        attitude[first], attitude[second] = arm * arm_axis, -arm * arm_axis
    return jnp.stack(places + attitude)


def engine_directions(n) -> Float[Array, "19 3"]:
    """Thrust direction of each engine, B, with its misalignment (small angles about the transverse axes)."""

    def tilted(east, north):
        return jnp.stack([jnp.sin(east), jnp.sin(north), jnp.sqrt(1.0 - jnp.sin(east) ** 2 - jnp.sin(north) ** 2)])

    main = 1e-3 * n["lander.engines.main.misalignment_mrad"]
    assist_east = 1e-3 * n["lander.engines.assist.misalignment_east_mrad"]
    assist_north = 1e-3 * n["lander.engines.assist.misalignment_north_mrad"]
    directions = [tilted(main[0], main[1])] + [tilted(assist_east[k], assist_north[k]) for k in range(6)]
    attitude = [jnp.zeros(3)] * ENGINE_CLASSES["attitude"][1]
    for axis, sign, first, second in COUPLES:
        # arm × push = sign · axis: y × z = x, x × (−z) = y, x × y = z
        push = sign * (np.array([0.0, 0.0, 1.0]), np.array([0.0, 0.0, -1.0]), np.array([0.0, 1.0, 0.0]))[axis]
        attitude[first], attitude[second] = jnp.asarray(push), jnp.asarray(-push)
    return jnp.stack(directions + attitude)


def engine_thrusts(n) -> Float[Array, "19"]:
    """Steady thrust of each engine with its error, N. An engine lost altogether (−100 %) gives none, not a little less."""
    main_share = jnp.maximum(1.0 + 0.01 * n["lander.engines.main.thrust_error_percent"], 0.0)
    assist_share = jnp.maximum(1.0 + 0.01 * n["lander.engines.assist.thrust_error_percent"], 0.0)
    main, assist = n["lander.engines.main.thrust_n"] * main_share, n["lander.engines.assist.thrust_n"] * assist_share
    attitude = n["lander.engines.attitude.thrust_n"] * jnp.ones(ENGINE_CLASSES["attitude"][1])
    return jnp.concatenate([main[None], assist, attitude])


def by_class(n, key: str) -> Float[Array, "3"]:
    """One number of each engine class."""
    return jnp.stack([n[f"lander.engines.{name}.{key}"] for name in ENGINE_CLASSES])


def engines(n) -> Engines:
    """Force, torque about the datum and flow of each engine."""
    thrust, places, directions = engine_thrusts(n), engine_places(n), engine_directions(n)
    flow = thrust / (STANDARD_GRAVITY * by_class(n, "specific_impulse_s")[CLASS_OF_ENGINE])
    force = thrust[:, None] * directions
    torque = jnp.stack([cross(places[k], force[k]) for k in range(len(CLASS_OF_ENGINE))])
    loss = 1e-3 * by_class(n, "start_loss_ms")[CLASS_OF_ENGINE] * flow
    return Engines(jnp.concatenate([force, torque, flow[:, None]], axis=1), by_class(n, "rise_time_s"), loss)


def feet(n) -> Feet:
    """Four footpads on a circle, between the B axes."""
    radius, below = n["lander.foot_radius_m"], n["lander.foot_below_datum_m"]
    angles = np.pi / 4.0 + np.arange(4) * np.pi / 2.0
    places = jnp.stack([jnp.stack([radius * np.cos(a), radius * np.sin(a), -below]) for a in angles])
    slopes = (jnp.tan(DEGREE * n[f"site.slope_{way}_deg"]) for way in ("east", "north"))
    return Feet(places, *slopes)


def range_finder(n, mission: Mission) -> RangeFinder:
    """The unit as built."""

    def value(key):
        return n[f"lander.sensors.range_finder.{key}"]

    return RangeFinder(
        boresight_B=boresight(DEGREE * value("boresight_cant_deg")),
        pulse_energy=1e-3 * value("pulse_energy_mj") * (1.0 + 0.01 * value("pulse_energy_error_percent")),
        aperture_area=0.25 * jnp.pi * (1e-3 * value("aperture_diameter_mm")) ** 2,
        divergence=1e-3 * value("beam_divergence_mrad"),
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


def build_world(n, mission: Mission, ground: Terrain, gravity_table: Corridor, faults: FaultTable) -> World:
    """The world of one lander from its (dispersed, faulted) numbers. Traceable; `mission` gives only integers."""
    centre_error = 1e-3 * n["lander.centre_error_mm"]
    imu, tracker, speed = "lander.sensors.imu", "lander.sensors.star_tracker", "lander.sensors.velocimeter"
    return World(
        ground=ground,
        gravity=full_field(),
        gravity_table=gravity_table,
        surface=Surface(
            reflectance=n["site.reflectance_1064nm"],
            sun_elevation_sine=jnp.sin(DEGREE * jnp.maximum(n["site.sun_elevation_deg"], 0.0)),
            dust_onset=n["site.dust_onset_m_per_rootn"],
            dust_depth=n["site.dust_optical_depth"],
        ),
        mass=MassProperties(
            dry_mass=n["lander.dry_mass_kg"],
            dry_centre_B=n["lander.dry_centre_m"] + centre_error,
            propellant_centre_B=n["lander.propellant_centre_m"] + centre_error,
            inertia_dry=n["lander.inertia_dry_kgm2"],
            inertia_per_propellant=n["lander.inertia_per_propellant_m2"],
        ),
        engines=engines(n),
        feet=feet(n),
        imu=Imu(
            accelerometer_bias_B=MICRO_G * n[f"{imu}.accelerometer_bias_ug"],
            accelerometer_scale=1e-6 * n[f"{imu}.accelerometer_scale_ppm"],
            velocity_random_walk=MICRO_G * n[f"{imu}.accelerometer_noise_ug_per_rthz"],
            gyro_bias_B=DEGREE_PER_HOUR * n[f"{imu}.gyro_bias_deg_per_h"],
            gyro_scale=1e-6 * n[f"{imu}.gyro_scale_ppm"],
            angle_random_walk=DEGREE_PER_ROOT_HOUR * n[f"{imu}.gyro_noise_deg_per_rth"],
        ),
        star_tracker=StarTracker(
            noise=ARCSECOND * n[f"{tracker}.noise_arcsec"],
            alignment_B=1e-3 * n[f"{tracker}.alignment_error_mrad"],
            rate_limit=DEGREE * n[f"{tracker}.rate_limit_deg_per_s"],
        ),
        range_finder=range_finder(n, mission),
        velocimeter=Velocimeter(
            is_fitted=n[f"{speed}.is_fitted"],
            ceiling=n[f"{speed}.ceiling_m"],
            speed_limit=n[f"{speed}.speed_limit_mps"],
            scale_error=1e-6 * n[f"{speed}.scale_error_ppm"],
            noise=n[f"{speed}.noise_mps"],
        ),
        faults=faults,
        period=n["flight.period_s"],
        slow_every=mission.flight.slow_every,
        substeps=mission.flight.truth_substeps,
    )
