"""From first contact to rest: what the flight leaves of a batch, put onto the real ground under its legs."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from perilune.foundation.frames import inertial_to_fixed, local_axes, moon_attitude, surface_velocity
from perilune.foundation.moon import RADIUS, SURFACE_GRAVITY
from perilune.foundation.quantities import Scalar
from perilune.foundation.rotation import compose, from_axes, inverse
from perilune.foundation.vectors import cross, dot, norm
from perilune.world.contact import Case, Pose, Rest, usual_limits
from perilune.world.contact.body import Lander, Push
from perilune.world.contact.landing import arms, fixed_of, landed, shifted
from perilune.world.contact.legs import unloaded
from perilune.world.contact.patch import POSTS, SPACING, Patch, posts_of, with_rocks
from perilune.world.contact.rest import settled
from perilune.world.environment.rocks import rocks_about
from perilune.world.state import TruthState
from perilune.world.world import World

from .mission import Detail
from .scenario import Scenario, lane_axes
from .simulate import Snapshot

ROCKS_M = (0.1, 4.0)  # diameters that are put under a lander: half as high; smaller ones a pad presses into the soil
YARD_M = 6.0  # about the touchdown in which rocks are looked for: the patch's corner and a rock's radius beyond


class Ground(NamedTuple):
    """Where a lane met the ground, for its rocks: unit vectors in M of the place, towards its east and north."""

    up_M: Float[Array, "3"]
    east_M: Float[Array, "3"]
    north_M: Float[Array, "3"]


def matrix_of(inertia: Float[Array, "6"]) -> Float[Array, "3 3"]:
    """A symmetric matrix from its parts xx, yy, zz, xy, xz, yz."""
    xx, yy, zz, xy, xz, yz = inertia
    return jnp.stack([jnp.stack([xx, xy, xz]), jnp.stack([xy, yy, yz]), jnp.stack([xz, yz, zz])])


def patch_under(world: World, up_M, east_M, north_M) -> Patch:
    """Heights (m, along up) about a place, over the ground there."""
    east, north = (jnp.asarray(x.ravel()) for x in posts_of(POSTS, SPACING))
    middle = world.ground.height_at(RADIUS * up_M)

    def height(x: Scalar, y: Scalar) -> Scalar:
        there = world.ground.height_at(RADIUS * up_M + x * east_M + y * north_M)
        return there - middle + world.feet.slope_east * x + world.feet.slope_north * y

    return Patch(jax.vmap(height)(east, north).reshape(POSTS, POSTS), jnp.asarray(SPACING))


def case_of(world: World, truth: TruthState) -> tuple[Case, Pose, Ground]:
    """The case of one lane from its truth after first contact, without rocks. L is at the touchdown.

    Linear inside the cycle of contact as `Touchdown` is. Liquid is frozen from here on.
    """
    touch = truth.touchdown
    position_M = inertial_to_fixed(touch.position_I, touch.time)
    up_M = position_M / norm(position_M)
    east_M, north_M, _ = local_axes(up_M)
    velocity_M = inertial_to_fixed(touch.velocity_I - surface_velocity(touch.position_I), touch.time)
    attitude_MI = inverse(moon_attitude(touch.time))
    attitude_LM = inverse(from_axes(east_M, north_M, up_M))
    attitude_LB = compose(compose(attitude_LM, attitude_MI), touch.attitude_IB)
    velocity_L = jnp.stack([dot(velocity_M, axis) for axis in (east_M, north_M, up_M)])
    mass = world.structure.at(truth.tanks, jnp.zeros_like(truth.motion.slosh))
    aftermath = truth.aftermath
    about_centre = aftermath[:, 3:6] - jax.vmap(cross, in_axes=(None, 0))(mass.centre_B, aftermath[:, 0:3])
    cycle = jnp.floor(touch.time / world.period + 1e-9) * world.period
    push = Push(
        wrench_B=jnp.concatenate([aftermath[:, 0:3], about_centre], axis=1),
        period=world.period,
        decay=jnp.max(world.engines.fall_time),
        begun=touch.time - cycle,
    )
    lander = Lander(
        mass=mass.total(mass.propellant),
        centre_B=mass.centre_B,
        inertia=matrix_of(mass.inertia_whole),
        legs=world.legs,
        hull_B=world.hull_B,
        hull_radius=jnp.asarray(0.1),
    )
    patch = patch_under(world, up_M, east_M, north_M)
    height = norm(position_M) - RADIUS - world.ground.height_at(position_M)
    zero = jnp.zeros_like(height)
    pose = Pose(jnp.stack([zero, zero, height]), velocity_L, attitude_LB, truth.motion.rate_B)
    case = Case(lander, world.soil, patch, push, jnp.asarray(SURFACE_GRAVITY), usual_limits())
    return case, pose, Ground(up_M, east_M, north_M)


def lifted(case: Case, pose: Pose) -> Pose:
    """The pose moved along up until the lowest footpad just touches: rocks are not in the ground that the flight ended on."""
    fixed = fixed_of(case)
    place = shifted(arms(fixed, unloaded(fixed.struts), pose.attitude_LB)[0], pose.position_L)
    depth = case.patch.look(place[0], place[1])[0] - place[2]
    deepest = jnp.max(jnp.where(fixed.struts.is_there > 0.0, depth, -jnp.inf))
    return eqx.tree_at(lambda p: p.position_L, pose, pose.position_L.at[2].add(deepest))


@eqx.filter_jit
def cases_of(scenarios: Scenario, truths: TruthState) -> tuple[Case, Pose, Ground]:
    """The cases of all lanes."""
    axes = lane_axes(scenarios)
    return jax.vmap(lambda scenario, truth: case_of(scenario.world, truth), in_axes=(axes, 0))(scenarios, truths)


lift = jax.jit(jax.vmap(lifted))


def heights_with_rocks(cases: Case, ground: Ground, is_wanted: np.ndarray, detail: Detail) -> np.ndarray:
    """Heights of every lane's patch with the rocks that lie there; the same rocks whoever looks."""
    heights = np.array(cases.patch.heights)
    spacing = cases.patch.spacing[0]
    law = detail.rocks_over_1m_per_m2, detail.rock_exponent, detail.seed
    axes = [np.asarray(axis) for axis in ground]
    for lane in np.flatnonzero(is_wanted):
        up, east, north = (axis[lane] for axis in axes)
        rocks = rocks_about(up, YARD_M, ROCKS_M, *law)
        if len(rocks.diameter):
            way = RADIUS * rocks.place_M
            places = np.stack([way @ east, way @ north], axis=1)
            patch = Patch(jnp.asarray(heights[lane]), spacing)
            heights[lane] = np.asarray(with_rocks(patch, places, rocks.diameter).heights)
    return heights


def settle_lanes(scenarios: Scenario, last: Snapshot, fastest_mps: float, detail: Detail | None) -> Rest | None:
    """How the lanes ended that met the ground at up to `fastest_mps` (more breaks a lander to pieces); of the others the figures
    mean nothing. None where there are no such lanes."""
    touch = last.truth.touchdown
    speeds = np.linalg.norm(np.asarray(jax.vmap(over_ground)(touch.position_I, touch.velocity_I)), axis=1)
    is_wanted = np.asarray(last.truth.has_contact) & (speeds <= fastest_mps)
    if not is_wanted.any():
        return None
    cases, poses, ground = cases_of(scenarios, last.truth)
    if detail is not None:
        heights = jnp.asarray(heights_with_rocks(cases, ground, is_wanted, detail))
        cases = eqx.tree_at(lambda c: c.patch.heights, cases, heights)
    poses = lift(cases, poses)
    return settled(cases, landed(cases, poses, jnp.asarray(is_wanted)))


def over_ground(position_I, velocity_I):
    """Velocity over the ground, I."""
    return velocity_I - surface_velocity(position_I)
