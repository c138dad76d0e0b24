"""From first contact until rest: one step of one lander, and the loop over a batch of them."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

from perilune.foundation.compilation import LEAN
from perilune.foundation.quantities import Attitude, Count, Flag, Matrix, Position, Scalar
from perilune.foundation.rotation import to_matrix
from perilune.foundation.vectors import norm

from .body import HULL, Lander, Pose, Push, Wrench, drifted, engine_power, inverse_of, kicked, kicked_again, with_engines
from .legs import LEGS, Legs, Struts, after_step, carries, stored_in_struts, unloaded, yielding
from .patch import Patch
from .rows import Rows, along, minus, moments, plus, rows_of, times, turned
from .soil import Approach, Footing, Print, Soil, footing_of, press, stored_in_ground

SLOTS = 16  # points a lander: six legs, eight of the hull, two spare; a power of two fills vector registers
ARE_HULL = (np.arange(SLOTS) >= LEGS) & (np.arange(SLOTS) < LEGS + HULL)
STRUTS = 8  # slots among which the legs are; the hull's points give no way
LOOK = 25  # steps between two looks at which lanes have ended
CREW = 8  # lanes flown at a time: as one ends the next takes its place, so that a lander that tumbles on holds up few others


class Limits(eqx.Module):
    """The step, and when a lander counts as at rest."""

    step: Scalar  # s
    time_limit: Scalar  # s
    speed: Scalar  # m/s, below which it may be at rest
    rate: Scalar  # rad/s, likewise
    dwell: Scalar  # s, that both must last


def usual_limits(step_s: float = 2e-3, time_limit_s: float = 20.0) -> Limits:
    """2 ms (docs/validation.md on steps); at rest after half a second below 2 mm/s and 2 mrad/s."""
    return Limits(*(jnp.asarray(x, float) for x in (step_s, time_limit_s, 2e-3, 2e-3, 0.5)))


class Case(eqx.Module):
    """One landing, from first contact on."""

    lander: Lander
    soil: Soil
    patch: Patch
    push: Push
    gravity: Scalar  # m/s²
    limits: Limits


class Fixed(eqx.Module):
    """What stays through a landing: the points that may touch, a slot each: legs first, then hull, then none.

    A point of the hull is the pad of a strut without an axis: nothing moves it.
    """

    struts: Legs
    arm_B: Rows  # m, from the centre of mass, struts unloaded
    axis_B: Rows  # unit vector along the strut; zero for the hull
    footing: Footing
    inverse: Matrix  # of inertia


class Contact(eqx.Module):
    """The state of a landing."""

    pose: Pose
    wrench: Wrench  # by the ground
    struts: Struts
    print: Print
    place_L: Rows  # m, of the points
    force_L: Rows  # N, on the points
    stored: Scalar  # J, in struts and ground
    work: Scalar  # J, by the engines so far
    dissipated: Scalar  # J, so far
    peak_load: Float[Array, " points"]  # N, along the struts
    peak_stroke: Float[Array, " points"]  # m
    peak_sinkage: Float[Array, " points"]  # m
    least_upright: Scalar  # cosine of the greatest tilt so far
    hull_touched: Flag
    ticks: Count
    calm: Scalar  # s, for how long it has been slow
    is_moving: Flag


def fixed_of(case: Case) -> Fixed:
    """What stays through a landing."""
    lander, spare = case.lander, SLOTS - LEGS - HULL
    radius = jnp.concatenate([lander.legs.pad_radius, jnp.broadcast_to(lander.hull_radius, (HULL,)), jnp.ones(spare)])
    places = jnp.concatenate([lander.legs.place_B, lander.hull_B, jnp.zeros((spare, 3))]) - lander.centre_B[None, :]
    legs = jax.tree.map(lambda x: jnp.concatenate([x, jnp.ones((SLOTS - LEGS, *x.shape[1:]))]), lander.legs)
    axes = jnp.concatenate([lander.legs.axis_B, jnp.zeros((SLOTS - LEGS, 3))])
    is_there = jnp.concatenate([lander.legs.is_there, jnp.ones(HULL), jnp.zeros(spare)])
    legs = eqx.tree_at(lambda x: (x.is_there, x.axis_B), legs, (is_there, axes))
    return Fixed(legs, rows_of(places), rows_of(axes), footing_of(case.soil, radius), inverse_of(lander.inertia))


def arms(fixed: Fixed, struts: Struts, attitude_LB: Attitude) -> tuple[Rows, Rows]:
    """Points from the centre of mass (m) and strut axes, in L."""
    turn = to_matrix(attitude_LB)
    axis_L = turned(turn, fixed.axis_B)
    return plus(turned(turn, fixed.arm_B), times(struts.stroke, axis_L)), axis_L


def shifted(arm_L: Rows, position_L: Position) -> Rows:
    """Places in L of arms from a position."""
    return arm_L[0] + position_L[0], arm_L[1] + position_L[1], arm_L[2] + position_L[2]


def started(case: Case, fixed: Fixed, pose: Pose) -> Contact:
    """The state at first contact: struts unloaded, ground untouched."""
    struts = unloaded(fixed.struts)
    place_L = shifted(arms(fixed, struts, pose.attitude_LB)[0], pose.position_L)
    depth = case.patch.look(place_L[0], place_L[1])[0] - place_L[2]
    zero, none = jnp.zeros_like(depth), jnp.zeros_like(case.gravity)
    depth = jnp.where(carries(fixed.struts, struts), depth, -1.0)
    return Contact(
        pose=pose,
        wrench=Wrench(jnp.zeros(3), jnp.zeros(3)),
        struts=struts,
        print=Print(depth, zero, (zero, zero, zero)),
        place_L=place_L,
        force_L=(zero, zero, zero),
        stored=none,
        work=none,
        dissipated=none,
        peak_load=zero,
        peak_stroke=zero,
        peak_sinkage=zero,
        least_upright=upright(pose.attitude_LB),
        hull_touched=jnp.zeros((), bool),
        ticks=jnp.zeros((), jnp.int32),
        calm=none,
        is_moving=jnp.ones((), bool),
    )


def upright(attitude_LB: Attitude) -> Scalar:
    """Cosine of the angle between body Z and up."""
    return 1.0 - 2.0 * (attitude_LB[1] * attitude_LB[1] + attitude_LB[2] * attitude_LB[2])


def grounded(case: Case, fixed: Fixed, last: Contact, pose: Pose) -> Contact:
    """The ground's answer to where the body has come to; the pose is as given."""
    step, legs = case.limits.step, fixed.struts
    arm_L, axis_L = arms(fixed, last.struts, pose.attitude_LB)
    place_L = shifted(arm_L, pose.position_L)
    height, to_east, to_north = case.patch.look(place_L[0], place_L[1])
    depth = jnp.where(carries(legs, last.struts), height - place_L[2], -1.0)
    approach = Approach(depth, to_east, to_north, minus(place_L, last.place_L))
    of_struts = jax.tree.map(lambda x: x[:STRUTS], (legs, last.struts, fixed.footing, last.print, approach, axis_L))
    yielded = jnp.concatenate([yielding(of_struts, step), jnp.zeros(SLOTS - STRUTS)])
    struts = after_step(legs, last.struts, yielded, step)
    pressed = press(fixed.footing, last.print, approach, yielded, axis_L, step)
    force_L, given = pressed.force_L, times(yielded, axis_L)
    place_L = plus(place_L, given)
    torque_L = moments(plus(arm_L, given), force_L)
    stored = stored_in_struts(legs, struts) + stored_in_ground(fixed.footing, pressed.print)
    into_ground = -jnp.sum(along(plus(force_L, last.force_L), minus(place_L, last.place_L)))
    into_struts = jnp.sum((struts.load + last.struts.load) * (struts.stroke - last.struts.stroke))
    return Contact(
        pose=pose,
        wrench=Wrench(total(force_L), from_L(pose.attitude_LB, torque_L)),
        struts=struts,
        print=pressed.print,
        place_L=place_L,
        force_L=force_L,
        stored=stored,
        work=last.work,
        dissipated=last.dissipated + 0.5 * (into_ground + into_struts) - (stored - last.stored),
        peak_load=jnp.maximum(last.peak_load, struts.load),
        peak_stroke=jnp.maximum(last.peak_stroke, struts.stroke),
        peak_sinkage=jnp.maximum(last.peak_sinkage, pressed.print.depth),
        least_upright=jnp.minimum(last.least_upright, upright(pose.attitude_LB)),
        hull_touched=last.hull_touched | jnp.any(jnp.where(ARE_HULL, pressed.print.depth, -1.0) > 0.0),
        ticks=last.ticks + 1,
        calm=last.calm,
        is_moving=last.is_moving,
    )


def total(a: Rows):
    """Sum over points."""
    return jnp.stack([jnp.sum(a[0]), jnp.sum(a[1]), jnp.sum(a[2])])


def from_L(attitude_LB: Attitude, a_L: Rows):
    """Sum over points, in B."""
    m, a = to_matrix(attitude_LB), total(a_L)
    return jnp.stack([m[0, i] * a[0] + m[1, i] * a[1] + m[2, i] * a[2] for i in range(3)])


def advance(case: Case, fixed: Fixed, last: Contact) -> Contact:
    """One step of one lander."""
    step, lander = case.limits.step, case.lander
    half = 0.5 * step
    push_B = case.push.at((last.ticks.astype(step.dtype) + 0.5) * step)
    before = with_engines(last.wrench, push_B, last.pose.attitude_LB)
    pose = drifted(kicked(last.pose, before, lander, fixed.inverse, case.gravity, half), step)
    now = grounded(case, fixed, last, pose)
    after = with_engines(now.wrench, push_B, pose.attitude_LB)
    pose = kicked_again(pose, after, lander, fixed.inverse, case.gravity, half)
    work = last.work + half * (engine_power(last.pose, push_B) + engine_power(pose, push_B))
    return eqx.tree_at(lambda c: (c.pose, c.work), now, (pose, work))


def looked_at(case: Case, before: Contact, after: Contact) -> Contact:
    """A lane that had ended stays as it was; another ends when at rest, out of time, or no longer finite."""
    limits = case.limits
    time = after.ticks.astype(limits.step.dtype) * limits.step
    is_slow = (norm(after.pose.velocity_L) < limits.speed) & (norm(after.pose.rate_B) < limits.rate)
    is_slow = is_slow & (time > case.push.end())
    calm = jnp.where(is_slow, after.calm + LOOK * limits.step, 0.0)
    goes_on = (calm < limits.dwell) & (time < limits.time_limit) & is_finite(after)
    after = eqx.tree_at(lambda c: (c.calm, c.is_moving), after, (calm, goes_on))
    return jax.tree.map(lambda old, new: jnp.where(before.is_moving, new, old), before, after)


def is_finite(contact: Contact) -> Flag:
    """Whether pose, energy and loads are numbers."""
    leaves = jax.tree.leaves((contact.pose, contact.stored, contact.dissipated, contact.struts.stroke))
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves]))


@partial(jax.jit, compiler_options=LEAN)
def landed(cases: Case, poses: Pose, is_wanted: Bool[Array, " lanes"]) -> Contact:
    """Fly a batch (a lane a row of every leaf) from first contact until every lane has ended.

    The loop is outside the batch and flies `CREW` lanes at a time; lanes that have ended, or are not wanted at all, are frozen
    by a mask. Lane k always flies in place k mod `CREW`, after those before it in that place: where a lane stands in a vector
    may move its last bit, and that must not hang on how its neighbours land.
    """
    fixed = jax.vmap(fixed_of)(cases)
    first = eqx.tree_at(lambda c: c.is_moving, jax.vmap(started)(cases, fixed, poses), is_wanted)
    count = is_wanted.shape[0]
    crew = min(CREW, count)

    def stretch(all_lanes: Contact) -> Contact:
        moving = jnp.concatenate([all_lanes.is_moving, jnp.zeros(-count % crew, bool)])
        lanes = crew * jnp.argmax(moving.reshape(-1, crew), axis=0) + jnp.arange(crew)
        those, stays, before = jax.tree.map(lambda x: x[lanes], (cases, fixed, all_lanes))
        after = lax.scan(lambda c, _: (jax.vmap(advance)(those, stays, c), None), before, length=LOOK)[0]
        after = jax.vmap(looked_at)(those, before, after)
        return jax.tree.map(lambda whole, part: whole.at[lanes].set(part, unique_indices=True), all_lanes, after)

    return lax.while_loop(lambda contact: jnp.any(contact.is_moving), stretch, first)
