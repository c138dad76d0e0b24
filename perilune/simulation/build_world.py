"""From a mission's numbers to the world that flies: every unit is turned to SI here, once."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.corridor import Corridor
from perilune.foundation.frames import direction_to, fixed_to_inertial, local_axes
from perilune.foundation.gravity import full_field
from perilune.foundation.moon import STANDARD_GRAVITY
from perilune.foundation.quantities import Direction
from perilune.foundation.rotation import from_rotation_vector, rotate
from perilune.foundation.vectors import cross
from perilune.interface.design import ENGINE_CLASSES, FEET
from perilune.world.contact.legs import Legs as LegsAsBuilt
from perilune.world.contact.soil import Soil
from perilune.world.environment.surface import Surface
from perilune.world.environment.terrain import Terrain
from perilune.world.faults import FaultTable
from perilune.world.sensors.instruments import Carried
from perilune.world.vehicle.engines import Engines
from perilune.world.vehicle.feet import Feet
from perilune.world.vehicle.mass import Structure
from perilune.world.vehicle.tanks import Tanks
from perilune.world.world import World

from .build_sensors import blinding, imu, imu_errors, instruments, range_finder, star_tracker, velocimeter
from .mission import Mission
from .units import DEGREE


def tilted(directions: Float[Array, "engines 3"], east, north) -> Float[Array, "engines 3"]:
    """Directions of thrust (unit vectors in B) turned by small angles (rad each): across the thrust, towards X and Y as near as
    can be."""
    turns = jnp.stack([-jnp.sin(north), jnp.sin(east), jnp.zeros_like(east)], axis=1)
    turned = jax.vmap(lambda turn, along: rotate(from_rotation_vector(turn), along))(turns, directions)
    is_turned = ((east != 0.0) | (north != 0.0))[:, None]
    return jnp.where(is_turned, turned, directions)


def engine_rows(n, name: str) -> tuple[Float[Array, "engines 7"], Float[Array, " engines"]]:
    """Force, torque about the datum and flow of each engine of a class, and what a start wastes (kg).

    An engine lost altogether (−100 %) gives none, not a little less. Forces and torques are whole multiples of 2⁻³² N and N m: a
    last bit more or less, which compilers leave open, pushes all flight long in one direction, and that is enough for valves to
    open in other cycles at the end of it.
    """

    def value(key):
        return n[f"lander.engines.{name}.{key}"]

    share = jnp.maximum(1.0 + 0.01 * value("thrust_error_percent"), 0.0)
    thrust = value("thrust_n") * share * value("is_there")
    east, north = 1e-3 * value("misalignment_east_mrad"), 1e-3 * value("misalignment_north_mrad")
    force = thrust[:, None] * tilted(value("direction"), east, north)
    torque = jax.vmap(cross)(value("place_m"), force)
    flow = thrust / (STANDARD_GRAVITY * value("specific_impulse_s"))
    pushes = jnp.round(jnp.concatenate([force, torque], axis=1) * 2.0**32) * 2.0**-32
    return jnp.concatenate([pushes, flow[:, None]], axis=1), 1e-3 * value("start_loss_ms") * flow


def by_class(n, key: str) -> Float[Array, "3"]:
    """One number of each engine class."""
    return jnp.stack([n[f"lander.engines.{name}.{key}"] for name in ENGINE_CLASSES])


def engines(n) -> Engines:
    """Force, torque about the datum and flow of each engine, and how they start, throttle and turn."""

    def main(key):
        return n[f"lander.engines.main.{key}"]

    rows, losses = zip(*(engine_rows(n, name) for name in ENGINE_CLASSES), strict=True)
    return Engines(
        output=jnp.concatenate(rows),
        main_place_B=main("place_m"),
        rise_time=by_class(n, "rise_time_s"),
        fall_time=by_class(n, "fall_time_s"),
        start_loss=jnp.concatenate(losses),
        noise=0.01 * by_class(n, "thrust_noise_percent"),
        throttle_floor=main("throttle_floor"),
        throttle_rate=main("throttle_rate_per_s"),
        throttle_dead_band=main("throttle_dead_band"),
        impulse_slope=0.01 * main("specific_impulse_loss_percent"),
        gimbal_limit=DEGREE * main("gimbal_limit_deg"),
        gimbal_rate=DEGREE * main("gimbal_rate_deg_per_s"),
    )


def structure(n) -> Structure:
    """The dry lander with its tanks; the error of the centre of mass is everything's."""
    centre_error = 1e-3 * n["lander.centre_error_mm"]
    xy, xz, yz = n["lander.products_of_inertia_kgm2"]
    tanks = {key: n[f"lander.tanks.{key}"] for key in ("radius_m", "height_m", "density_kgpm3", "load_share")}
    return Structure(
        dry_mass=n["lander.dry_mass_kg"],
        dry_centre_B=n["lander.dry_centre_m"] + centre_error,
        inertia_dry=jnp.concatenate([n["lander.inertia_dry_kgm2"], -jnp.stack([xy, xz, yz])]),
        tanks=Tanks(
            place_B=n["lander.tanks.place_m"] + centre_error[None, :],
            radius=tanks["radius_m"],
            height=tanks["height_m"],
            density=tanks["density_kgpm3"],
            load_share=tanks["load_share"],
            residual=n["lander.tanks.residual_kg"],
            damping=n["lander.tanks.slosh_damping"],
            hold=n["lander.tanks.slosh_hold_rad_per_s"],
            slosh_share=n["lander.tanks.slosh_share"],
        ),
    )


def feet(n) -> Feet:
    """Footpads as built, and the local slope."""
    slopes = (jnp.tan(DEGREE * n[f"site.slope_{way}_deg"]) for way in ("east", "north"))
    return Feet(n["lander.legs.foot_m"], n["lander.legs.is_there"], *slopes)


def legs(n) -> LegsAsBuilt:
    """The legs of the contact model: struts lean from their pads towards the axis."""

    def value(key):
        return n[f"lander.legs.{key}"]

    foot, ones = value("foot_m"), jnp.ones(FEET)
    inwards = -foot[:, 0:2] / jnp.maximum(jnp.sqrt(foot[:, 0] ** 2 + foot[:, 1] ** 2), 1e-9)[:, None]
    lean = DEGREE * value("lean_deg")
    axis = jnp.concatenate([jnp.sin(lean) * inwards, jnp.cos(lean) * ones[:, None]], axis=1)
    figures = ("stiffness_npm", "damping_nspm", "crush_load_n", "stroke_limit_m", "stop_stiffness_npm", "failure_load_n")
    k, c, crush, stroke, stop, failure = (value(key) * ones for key in figures)
    strength, damping = (1.0 + 0.01 * value(f"{what}_error_percent") for what in ("strength", "damping"))
    strength, damping = jnp.maximum(strength, 0.01), jnp.maximum(damping, 0.0)  # errors and faults add up
    crush, failure, c = strength * crush, strength * failure, damping * c
    return LegsAsBuilt(value("is_there"), foot, axis, k, c, crush, stroke, stop, failure, value("pad_radius_m") * ones)


def sun(n) -> Direction:
    """Direction towards the Sun in I, where it stands over the site at the planned touchdown: it moves by 0.1° in a landing."""
    place_M = direction_to(DEGREE * n["site.latitude_deg"], DEGREE * n["site.longitude_deg"])
    east_M, north_M, up_M = local_axes(place_M)
    azimuth, elevation = DEGREE * n["site.sun_azimuth_deg"], DEGREE * n["site.sun_elevation_deg"]
    level_M = jnp.sin(azimuth) * east_M + jnp.cos(azimuth) * north_M
    return fixed_to_inertial(jnp.cos(elevation) * level_M + jnp.sin(elevation) * up_M, n["start.flight_time_s"])


def hull(n) -> Float[Array, "8 3"]:
    """Corners of the body, m from the datum: its bottom going round, then its top."""
    wide, corners = n["lander.hull.half_width_m"], ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))
    heights = (n["lander.hull.bottom_m"], n["lander.hull.top_m"])
    return jnp.stack([jnp.stack([x * wide, y * wide, z]) for z in heights for x, y in corners])


def build_world(n, mission: Mission, ground: Terrain, gravity_table: Corridor, faults: FaultTable, carried: Carried) -> World:
    """The world of one lander from its (dispersed, faulted) numbers. Traceable; `mission` gives only integers."""
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
        structure=structure(n),
        engines=engines(n),
        feet=feet(n),
        legs=legs(n),
        hull_B=hull(n),
        soil=Soil(
            n["soil.cohesive_modulus_npm2"],
            n["soil.frictional_modulus_npm3"],
            n["soil.unloading_ratio"],
            n["soil.shear_ratio"],
            n["soil.retardation_s"],
            n["soil.friction"],
        ),
        sun_I=sun(n),
        imu=imu(n),
        imu_errors=imu_errors(n),
        star_tracker=star_tracker(n),
        blinding=blinding(n),
        range_finder=range_finder(n, mission),
        velocimeter=velocimeter(n),
        instruments=instruments(n),
        carried=carried,
        faults=faults,
        period=n["flight.period_s"],
        slow_every=mission.flight.slow_every,
        substeps=mission.flight.truth_substeps,
        edges=edges_a_step(mission),
    )


def edges_a_step(mission: Mission) -> int:
    """Valve steps in a truth step: one, where truth steps are the shorter."""
    flight, valve_step_s = mission.flight, mission.lander.engines.attitude.valve_step_s
    return max(1, round(flight.period_s / flight.truth_substeps / valve_step_s))
