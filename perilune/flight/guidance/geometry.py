"""Where the lander stands relative to the site, in the terms that guidance thinks in."""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.frames import inertial_to_fixed, surface_velocity
from perilune.foundation.moon import RADIUS
from perilune.foundation.quantities import Direction, Position, Scalar, Velocity
from perilune.foundation.vectors import cross, dot, norm, unit

from ..memory import NavigationState
from ..navigation.onboard_map import OnboardModel


class Geometry(eqx.Module):
    """Estimated geometry in M; velocities over the ground."""

    up_M: Direction
    along_M: Direction  # horizontal, along the ground velocity
    left_M: Direction  # up × along
    velocity_M: Velocity
    radius: Scalar  # m, from the Moon's centre
    height_above_site: Scalar  # m, over the site radius
    height_above_terrain: Scalar  # m, centre of mass over the ground as believed under it
    climb_rate: Scalar  # m/s, radial
    horizontal_speed: Scalar  # m/s
    distance_along: Scalar  # m over ground to the point abeam of the site
    distance_left: Scalar  # m, of the site to the left of the ground track
    site_radius: Scalar  # m


def geometry(state: NavigationState, onboard: OnboardModel, site_M: Position, clock: Scalar) -> Geometry:
    """Geometry of the estimate at `clock` (s)."""
    position_M = inertial_to_fixed(state.position_I, clock)
    velocity_M = inertial_to_fixed(state.velocity_I - surface_velocity(state.position_I), clock)
    radius = norm(position_M)
    up_M = position_M / radius
    climb_rate = dot(velocity_M, up_M)
    flat_M = velocity_M - climb_rate * up_M
    along_M = unit(flat_M)
    left_M = cross(up_M, along_M)
    site_radius = norm(site_M)
    to_site = site_M / site_radius
    ground = RADIUS + onboard.ground.height_at(position_M) + state.terrain_below
    return Geometry(
        up_M=up_M,
        along_M=along_M,
        left_M=left_M,
        velocity_M=velocity_M,
        radius=radius,
        height_above_site=radius - site_radius,
        height_above_terrain=radius - ground,
        climb_rate=climb_rate,
        horizontal_speed=norm(flat_M),
        distance_along=site_radius * jnp.arctan2(dot(to_site, along_M), dot(to_site, up_M)),
        distance_left=site_radius * dot(to_site, left_M),
        site_radius=site_radius,
    )
