"""One instant of a flight, with the derived figures that channels are read from."""

import equinox as eqx
import jax.numpy as jnp

from perilune.flight.guidance.geometry import Geometry, geometry
from perilune.foundation.frames import inertial_to_fixed, latitude_longitude, local_axes, surface_velocity
from perilune.foundation.moon import RADIUS
from perilune.foundation.quantities import Position, Scalar, Vector, Velocity
from perilune.foundation.rotation import rotate
from perilune.foundation.ticks import seconds
from perilune.foundation.vectors import cross, dot, norm, unit
from perilune.simulation.scenario import Scenario
from perilune.simulation.simulate import Snapshot

Z_B = (0.0, 0.0, 1.0)


class Kinematics(eqx.Module):
    """A state, true or estimated, as a person would tell it."""

    position_M: Position
    up_M: Vector
    east_M: Vector
    north_M: Vector
    velocity_M: Velocity
    latitude: Scalar
    longitude: Scalar
    radius: Scalar
    climb_rate: Scalar
    horizontal_speed: Scalar
    speed: Scalar
    tilt: Scalar
    site_east: Scalar  # m, of the lander's footpoint from the site, projected on the site's horizon: R sin(angle) along
    # a great circle, so 12 km short of the way over ground at 600 km and 6 cm short at 10 km
    site_north: Scalar


def kinematics(position_I, velocity_I, attitude_IB, site_M, time) -> Kinematics:
    """Geometry over the turning Moon at mission time `time` (s)."""
    position_M = inertial_to_fixed(position_I, time)
    velocity_M = inertial_to_fixed(velocity_I - surface_velocity(position_I), time)
    radius = norm(position_M)
    up_M = position_M / radius
    east_M, north_M, _ = local_axes(up_M)
    climb_rate = dot(velocity_M, up_M)
    axis_M = inertial_to_fixed(rotate(attitude_IB, jnp.asarray(Z_B)), time)
    latitude, longitude = latitude_longitude(position_M)
    site_east, site_north, _ = local_axes(unit(site_M))
    offset = norm(site_M) * up_M
    return Kinematics(
        position_M=position_M,
        up_M=up_M,
        east_M=east_M,
        north_M=north_M,
        velocity_M=velocity_M,
        latitude=latitude,
        longitude=longitude,
        radius=radius,
        climb_rate=climb_rate,
        horizontal_speed=norm(velocity_M - climb_rate * up_M),
        speed=norm(velocity_M),
        tilt=jnp.arctan2(norm(cross(axis_M, up_M)), dot(axis_M, up_M)),
        site_east=dot(offset, site_east),
        site_north=dot(offset, site_north),
    )


class View(eqx.Module):
    """Everything a channel may be read from, at one instant."""

    scenario: Scenario
    snapshot: Snapshot
    time: Scalar
    truth: Kinematics
    believed: Kinematics
    onboard: Geometry
    site_radius: Scalar  # m, of the aimed point on the onboard map, which onboard heights count from
    true_site_radius: Scalar  # m, of the true ground there, which true heights count from
    ground: Scalar  # m above the sphere, true, under the lander


def view(scenario: Scenario, snapshot: Snapshot) -> View:
    """The view of a snapshot."""
    time = seconds(snapshot.tick, scenario.world.period)
    motion, belief = snapshot.truth.motion, snapshot.memory.navigation
    site_M = scenario.flight_software.settings.guidance.site_M
    truth = kinematics(motion.position_I, motion.velocity_I, motion.attitude_IB, site_M, time)
    return View(
        scenario=scenario,
        snapshot=snapshot,
        time=time,
        truth=truth,
        believed=kinematics(belief.position_I, belief.velocity_I, belief.attitude_IB, site_M, time),
        onboard=geometry(belief, scenario.flight_software.onboard, site_M, time),
        site_radius=norm(site_M),
        true_site_radius=RADIUS + scenario.world.ground.height_at(site_M),
        ground=scenario.world.ground.height_at(truth.position_M),
    )


def true_height_above_terrain(v: View) -> Scalar:
    """m, centre of mass."""
    return v.truth.radius - RADIUS - v.ground


def sigma_along(v: View, direction_M: Vector, first: int) -> Scalar:
    """1-sigma of the position (first = 0) or velocity (first = 3) estimate along a direction given in M."""
    turned = inertial_to_fixed(direction_M, -v.time)  # M to I: the turn the other way
    block = v.snapshot.memory.covariance[first : first + 3, first : first + 3]
    return jnp.sqrt(jnp.maximum(jnp.sum(turned[:, None] * block * turned[None, :]), 0.0))
