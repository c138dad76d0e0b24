"""The filter's rows for what not every lander carries: ranges of Doppler beams, camera fixes, optical flow.

They are taken after tracker, velocimeter and range finder, in the same way and behind gates of their own, and only where a lander
carries any of them. The velocity of Doppler beams is the velocimeter's.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from perilune.foundation.frames import fixed_to_inertial, inertial_to_fixed, local_axes, surface_velocity
from perilune.foundation.grid import HeightMap
from perilune.foundation.moon import RADIUS
from perilune.foundation.quantities import Flag, Position, Scalar, Vector
from perilune.foundation.ray import cast, normal_at
from perilune.foundation.rotation import compose, from_rotation_vector, rotate
from perilune.foundation.vectors import cross, dot, norm, unit
from perilune.interface.design import BEAMS, SightsDesign
from perilune.interface.measurements import Measurements, Sights

from ..memory import SIGHT_ROWS, STATES, TERRAIN_BIAS, Innovations, NavigationState
from ..settings import NavigationSettings
from .prediction import Prediction
from .update import Offer, update

BEAM_STEPS = 2  # of a beam's ray: to metres of the onboard map's ground, under its error
LEAST_HEIGHT = 1.0  # m
EARLY = 1.5  # s of beams taken, until when they are under-weighted


class Looking(eqx.Module):
    """What all rows look from: the estimate over the ground that it believes in."""

    state: NavigationState
    rate_B: Vector
    position_M: Position
    ground: HeightMap  # on board, with the believed bias and relief put in
    height: Scalar  # m over the ground as believed under the lander
    clock: Scalar


def looking(state: NavigationState, rate_B: Vector, onboard: HeightMap, clock: Scalar) -> Looking:
    """The estimate over the onboard map."""
    position_M = inertial_to_fixed(state.position_I, clock)
    ground = eqx.tree_at(lambda g: g.shift_up, onboard, onboard.shift_up + state.terrain_bias + state.terrain_relief)
    below = onboard.height_at(position_M) + state.terrain_below
    return Looking(state, rate_B, position_M, ground, jnp.maximum(norm(position_M) - RADIUS - below, LEAST_HEIGHT), clock)


def row_of(position=None, velocity=None, attitude=None, ground=None, tie=None) -> Float[Array, "29"]:
    """A row of sensitivities: to position, velocity, attitude and the map's tie (3,) each, to the ground's bias and relief."""
    zeros = jnp.zeros
    parts = [zeros(3) if part is None else part for part in (position, velocity, attitude)]
    bias, relief = (zeros(1) if ground is None else jnp.reshape(ground[k], (1,)) for k in (0, 1))
    return jnp.concatenate([*parts, zeros(13), bias, zeros(1), relief, zeros(1), zeros(3) if tie is None else tie])


def predict_beam(at: Looking, direction_B: Vector, latency: Scalar) -> tuple[Scalar, Float[Array, "29"], Scalar]:
    """Range of one Doppler beam, its row as the range finder's (`prediction.predict_range`), and the cosine of its incidence."""
    state = at.state
    position_M = inertial_to_fixed(state.position_I - latency * state.velocity_I, at.clock)
    direction_I = rotate(state.attitude_IB, direction_B - latency * cross(at.rate_B, direction_B))
    direction_M = inertial_to_fixed(direction_I, at.clock)
    distance = cast(at.ground, position_M, direction_M, BEAM_STEPS)
    normal_I = fixed_to_inertial(normal_at(at.ground, position_M + distance * direction_M), at.clock)
    cosine = jnp.maximum(-dot(normal_I, direction_I), 0.05)
    turn = cross(direction_I, normal_I) * (distance / cosine)
    return distance, row_of(normal_I / cosine, None, turn, (-1.0 / cosine, -1.0 / cosine)), cosine


class Alternate(eqx.Module):
    """The beams' word on the height over the ground."""

    residual: Scalar  # m, measured − predicted over the ground, mean of those with lock
    variance: Scalar  # m², of that mean, relief included
    is_valid: Flag  # two have lock at least, and none is farther than the consistency distance from the mean


def alternate_of(prediction: Prediction, is_locked: Bool[Array, "4"], settings: NavigationSettings) -> Alternate:
    """What they say together, each beam in height: residual times the cosine of its incidence."""
    cosines = [-1.0 / prediction.sensitivity[k, TERRAIN_BIAS.start] for k in range(BEAMS)]
    weight = [jnp.where(is_locked[k], 1.0, 0.0) for k in range(BEAMS)]
    count = jnp.maximum(sum(weight[1:], weight[0]), 1.0)
    heights = [prediction.residual[k] * cosines[k] for k in range(BEAMS)]
    spread = [prediction.noise_variance[k] * cosines[k] ** 2 for k in range(BEAMS)]
    mean = sum((w * h for w, h in zip(weight, heights, strict=True)), jnp.zeros_like(count)) / count
    noise = sum((w * v for w, v in zip(weight, spread, strict=True)), jnp.zeros_like(count)) / count**2
    agree = [(jnp.abs(h - mean) < settings.range_consistency) | ~is_locked[k] for k, h in enumerate(heights)]
    return Alternate(mean, noise, (jnp.sum(is_locked) >= 2) & jnp.all(jnp.stack(agree)))


Rows = tuple[Float[Array, " rows"], Float[Array, "rows 29"], Float[Array, " rows"]]  # residuals, sensitivities, variances


def beam_rows(at: Looking, sights: Sights, drawn: SightsDesign, settings: NavigationSettings) -> Rows:
    """Ranges of the beams, by which height is known where the range finder gives none.

    The relief that they meet is taken for one and the same, which is careful: each meets its own, and their mean is better.
    """
    distance, rows, cosine = jax.vmap(lambda direction_B: predict_beam(at, direction_B, drawn.beams_latency))(drawn.beams_B)
    ground = (settings.terrain_roughness / cosine) ** 2
    return sights.beams.slant_range - distance, rows, drawn.beams_sigma**2 + (drawn.beams_fraction * distance) ** 2 + ground


def fix_rows(at: Looking, sights: Sights, drawn: SightsDesign, settings: NavigationSettings) -> Rows:
    """A fix, towards east, north and up.

    The tie of the camera's map to the Moon's axes is one error for the whole flight, and a state.
    """
    state, clock = at.state, at.clock
    apart_I = fixed_to_inertial(sights.fix_M - state.fix_tie_M, clock) - (state.position_I - drawn.fix_latency * state.velocity_I)
    axes_M = local_axes(unit(at.position_M))
    axes_I = [fixed_to_inertial(axis_M, clock) for axis_M in axes_M]
    rows = [row_of(x_I, -drawn.fix_latency * x_I, tie=x_M) for x_I, x_M in zip(axes_I, axes_M, strict=True)]
    level, upward = (angle * at.height for angle in (drawn.fix_angle, drawn.fix_up_angle))
    spread = jnp.stack([level, level, upward]) ** 2 + drawn.fix_floor**2
    return jnp.stack([dot(axis_I, apart_I) for axis_I in axes_I]), jnp.stack(rows), spread


def flow_rows(at: Looking, sights: Sights, drawn: SightsDesign, settings: NavigationSettings) -> Rows:
    """Optical flow, f = a·v/d, with a an axis of the picture and d the distance to the onboard map's ground along the boresight;
    its latency counts for place and attitude, not for the speed gained meanwhile:

        ∂f/∂v = a/d;  ∂f/∂θ = (a × v)/d − f/d ∂d/∂θ;  ∂f/∂x = −f/d ∂d/∂x for place and ground, as a beam's range
    """
    state = at.state
    attitude_IB = compose(state.attitude_IB, from_rotation_vector(-drawn.flow_latency * at.rate_B))
    velocity_I = state.velocity_I - surface_velocity(state.position_I)
    distance, of_distance, _ = predict_beam(at, drawn.flow_boresight_B, drawn.flow_latency)
    distance = jnp.maximum(distance, LEAST_HEIGHT)
    across_B = drawn.flow_across_B
    axes_B = jnp.stack([across_B, cross(drawn.flow_boresight_B, across_B)])

    def one(axis_B: Vector):
        axis_I = rotate(attitude_IB, axis_B)
        flow = dot(axis_I, velocity_I) / distance
        row = row_of(None, axis_I / distance, cross(axis_I, velocity_I) / distance)
        return flow, row - flow / distance * of_distance

    flow, rows = jax.vmap(one)(axes_B)
    return sights.flow_S - flow, rows, drawn.flow_sigma**2 + (settings.flow_sigma_fraction * flow) ** 2


def predict_sights(
    state: NavigationState,
    rate_B: Vector,
    sights: Sights,
    onboard: HeightMap,
    drawn: SightsDesign,
    settings: NavigationSettings,
    clock: Scalar,
) -> Prediction:
    """All rows, in the order of `SIGHT_ROWS`."""
    at = looking(state, rate_B, onboard, clock)
    parts = [rows_of(at, sights, drawn, settings) for rows_of in (beam_rows, fix_rows, flow_rows)]
    residual, rows, variance = (jnp.concatenate(part) for part in zip(*parts, strict=True))
    return Prediction(residual, rows, variance, at.position_M)


def offered_sights(
    measured: Measurements, beam_time: Scalar, is_alternate: Flag, drawn: SightsDesign, settings: NavigationSettings
) -> Offer:
    """What is valid and carried, until a footpad touches: the filter's models end there. The beams' ranges are the alternate of
    the range finder's: offered while none of those is taken, for both see the same ground and its errors would count twice. Their
    first readings are under-weighted as the finder's are."""
    sights, aloft = measured.sights, ~measured.has_contact
    beams = sights.beams.is_locked & drawn.is_carried[0] & is_alternate
    fix = jnp.ones(3, bool) & sights.fix_is_valid & drawn.is_carried[1]
    flow = jnp.ones(2, bool) & sights.flow_is_valid & drawn.is_carried[2]
    ones, count = jnp.ones, len(SIGHT_ROWS)
    is_beam, is_early = jnp.arange(count) < BEAMS, beam_time < EARLY
    return Offer(
        is_offered=jnp.concatenate([beams, fix, flow]) & aloft,
        gate=jnp.concatenate([ones(BEAMS) * settings.beam_gate, ones(3) * settings.fix_gate, ones(2) * settings.flow_gate]),
        underweight=jnp.where(is_early & is_beam, settings.range_underweight, 0.0),
        inflates=jnp.zeros(count, bool),
    )


def take_sights(
    covariance: Float[Array, "29 29"],
    state: NavigationState,
    rate_B: Vector,
    measured: Measurements,
    alternate: tuple[Scalar, Flag],
    carried: tuple[HeightMap, SightsDesign],
    settings: NavigationSettings,
) -> tuple[Float[Array, "29"], Float[Array, "29 29"], Innovations, Alternate]:
    """Correction, covariance after, innovations and the beams' word; nothing where a lander carries none of them.

    `carried`: the map on board and the instruments as drawn; `alternate`: s for which beams have been taken, and whether the
    range finder gives nothing that is taken.
    """
    (onboard, drawn), count = carried, len(SIGHT_ROWS)
    nothing = Innovations(jnp.zeros(count), jnp.ones(count), jnp.zeros(count, bool), jnp.zeros(count, bool))

    def taken(before):
        prediction = predict_sights(state, rate_B, measured.sights, onboard, drawn, settings, measured.clock)
        is_locked = measured.sights.beams.is_locked & drawn.is_carried[0] & ~measured.has_contact
        after = update(before, prediction, offered_sights(measured, *alternate, drawn, settings))
        return *after, alternate_of(prediction, is_locked, settings)

    silent = Alternate(jnp.zeros(()), jnp.ones(()), jnp.zeros((), bool))
    return lax.cond(jnp.any(drawn.is_carried), taken, lambda before: (jnp.zeros(STATES), before, nothing, silent), covariance)
