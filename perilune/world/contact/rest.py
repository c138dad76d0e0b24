"""What is left of a landing when all has come to rest."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from perilune.foundation.quantities import Flag, Scalar
from perilune.foundation.rotation import rotate, to_matrix

from .body import Pose, gravitational_energy, kinetic_energy
from .landing import Case, Contact, is_finite, landed, upright
from .legs import LEGS

BELLY = 5  # places a side of the bottom, under which the ground is looked at


class Energies(eqx.Module):
    """J. Without engines kinetic + gravitational + stored never grows, and with them it is their work less what is dissipated."""

    kinetic: Scalar
    gravitational: Scalar  # over the origin of L
    stored: Scalar  # in springs, bump stops, soil and bristles
    work: Scalar  # by the engines since first contact
    dissipated: Scalar  # since first contact


class Rest(eqx.Module):
    """How a landing ended."""

    pose: Pose
    is_at_rest: Flag
    is_finite: Flag
    time: Scalar  # s after first contact, when it had come to rest, or when it was given up
    tilt: Scalar  # rad, between body Z and up
    greatest_tilt: Scalar  # rad, on the way
    heading: Scalar  # rad, of body X from north over east; with X upright it says little
    clearance: Scalar  # m, least height over the ground of the hull's bottom face (5 × 5 places between its corners)
    hull_touched: Flag
    peak_load: Float[Array, " legs"]  # N, along the struts
    peak_stroke: Float[Array, " legs"]  # m
    stroke: Float[Array, " legs"]  # m, at the end
    crushed: Float[Array, " legs"]  # m, of honeycomb
    sinkage: Float[Array, " legs"]  # m, at the end; 0 of a pad in the air or broken off
    peak_sinkage: Float[Array, " legs"]  # m
    is_broken: Bool[Array, " legs"]
    energies: Energies


def energies_of(case: Case, contact: Contact) -> Energies:
    """The energies of a landing at one moment."""
    return Energies(
        kinetic_energy(case.lander, contact.pose),
        gravitational_energy(case.lander, contact.pose, case.gravity),
        contact.stored,
        contact.work,
        contact.dissipated,
    )


def clearance_of(case: Case, pose: Pose) -> Scalar:
    """Least height of the bottom face over the ground, m, along up."""
    share = jnp.linspace(0.0, 1.0, BELLY)
    x, y = (a.reshape(-1) for a in jnp.meshgrid(share, share))
    corners = case.lander.hull_B[0:4] - case.lander.centre_B[None, :]
    weights = [(1 - x) * (1 - y), x * (1 - y), x * y, (1 - x) * y]
    arm_B = [sum(w * corners[k, i] for k, w in enumerate(weights)) for i in range(3)]
    turn, p = to_matrix(pose.attitude_LB), pose.position_L
    place = [p[i] + turn[i, 0] * arm_B[0] + turn[i, 1] * arm_B[1] + turn[i, 2] * arm_B[2] for i in range(3)]
    return jnp.min(place[2] - case.patch.look(place[0], place[1])[0])


def rest_of(case: Case, contact: Contact) -> Rest:
    """How one landing ended."""
    ahead_L = rotate(contact.pose.attitude_LB, jnp.asarray([1.0, 0.0, 0.0]))
    is_at_rest = (contact.calm >= case.limits.dwell) & is_finite(contact)
    flown = contact.ticks.astype(case.gravity.dtype) * case.limits.step
    return Rest(
        pose=contact.pose,
        is_at_rest=is_at_rest,
        is_finite=is_finite(contact),
        time=jnp.where(is_at_rest, flown - contact.calm, flown),
        tilt=jnp.arccos(jnp.clip(upright(contact.pose.attitude_LB), -1.0, 1.0)),
        greatest_tilt=jnp.arccos(jnp.clip(contact.least_upright, -1.0, 1.0)),
        heading=jnp.arctan2(ahead_L[0], ahead_L[1]),
        clearance=clearance_of(case, contact.pose),
        hull_touched=contact.hull_touched,
        peak_load=contact.peak_load[:LEGS],
        peak_stroke=contact.peak_stroke[:LEGS],
        stroke=contact.struts.stroke[:LEGS],
        crushed=contact.struts.crushed[:LEGS],
        sinkage=jnp.maximum(contact.print.depth[:LEGS], 0.0),
        peak_sinkage=jnp.maximum(contact.peak_sinkage[:LEGS], 0.0),
        is_broken=contact.struts.is_broken[:LEGS],
        energies=energies_of(case, contact),
    )


@jax.jit
def settled(cases: Case, contacts: Contact) -> Rest:
    """How a batch of landings ended."""
    return jax.vmap(rest_of)(cases, contacts)


def settle(cases: Case, poses: Pose) -> Rest:
    """Fly a batch of landings from first contact until rest, time limit or divergence. A lane a row of every leaf."""
    return settled(cases, landed(cases, poses, jnp.ones(poses.position_L.shape[0], bool)))
