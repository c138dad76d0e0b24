"""What the sensors hand to flight software in one cycle."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from perilune.foundation.quantities import Attitude, Flag, Mass, Position, Scalar, Vector

from .design import BEAMS, PATCH


class Beams(eqx.Module):
    """A Doppler lidar or landing radar, beam by beam."""

    slant_range: Float[Array, " beams"]  # m; 0 without lock
    closing_speed: Float[Array, " beams"]  # m/s, over the ground along the beam, positive towards the ground; 0 without lock
    is_locked: Bool[Array, " beams"]


class Patch(eqx.Module):
    """One scan of a hazard lidar. Rows go north, columns east, about the middle."""

    heights: Float[Array, "side side"]  # m over the mean of the bins that were seen; 0 where none was
    is_seen: Bool[Array, "side side"]
    centre_B: Vector  # m, from the lander to the patch's middle on the ground
    spacing: Scalar  # m between bins
    spread: Scalar  # m, standard deviation of the heights that were seen
    share: Scalar  # of the bins that were seen
    is_valid: Flag


class Sights(eqx.Module):
    """What instruments read that not every lander carries, each at its own interval; between two readings, and of what is not
    carried, flags are false."""

    beams: Beams
    fix_M: Position  # of the centre of mass, by terrain-relative navigation
    fix_is_valid: Flag
    flow_S: Float[Array, "2"]  # rad/s of the ground, along the camera's `across` and boresight × across
    flow_is_valid: Flag
    patch: Patch
    propellant: Mass  # by the gauge
    propellant_is_valid: Flag


def nothing_sighted() -> Sights:
    """No reading of any of them."""
    zero, no = jnp.zeros(()), jnp.zeros((), bool)
    return Sights(
        beams=Beams(jnp.zeros(BEAMS), jnp.zeros(BEAMS), jnp.zeros(BEAMS, bool)),
        fix_M=jnp.zeros(3),
        fix_is_valid=no,
        flow_S=jnp.zeros(2),
        flow_is_valid=no,
        patch=Patch(jnp.zeros((PATCH, PATCH)), jnp.zeros((PATCH, PATCH), bool), jnp.zeros(3), zero, zero, zero, no),
        propellant=zero,
        propellant_is_valid=no,
    )


class Measurements(eqx.Module):
    """One cycle's readings. A reading whose flag is false carries no information and must not be used.

    The slow sensors (star tracker, range finder, velocimeter) report on the cycles when they are due; between them
    their flags are false.
    """

    delta_velocity_B: Vector  # m/s, non-gravitational, over the last cycle
    delta_angle_B: Vector  # rad, over the last cycle
    tracker_attitude_IB: Attitude
    tracker_is_valid: Flag
    slant_range: Scalar  # m, as measured one latency ago
    range_strength: Scalar  # signal over noise of the last return, amplitude ratio
    range_is_detected: Flag  # a return passed the unit's threshold this time
    range_is_valid: Flag  # the unit's own verdict: m of its last n shots returned
    velocity_S: Vector  # m/s, of the lander over the ground, S = B; from a velocimeter or from Doppler beams
    velocimeter_is_valid: Flag
    sights: Sights
    has_contact: Flag  # any footpad switch closed
    clock: Scalar  # s of mission time, by the onboard clock
    elapsed: Scalar  # s since the last cycle, by the same clock


def nothing_measured(attitude_IB: Attitude, elapsed: Scalar) -> Measurements:
    """What stands before the first cycle (clock 0): no reading of any sensor."""
    zero, no = jnp.zeros(()), jnp.zeros((), bool)
    return Measurements(
        delta_velocity_B=jnp.zeros(3),
        delta_angle_B=jnp.zeros(3),
        tracker_attitude_IB=attitude_IB,
        tracker_is_valid=no,
        slant_range=zero,
        range_strength=zero,
        range_is_detected=no,
        range_is_valid=no,
        velocity_S=jnp.zeros(3),
        velocimeter_is_valid=no,
        sights=nothing_sighted(),
        has_contact=no,
        clock=zero,
        elapsed=elapsed,
    )
