"""The ground where the beam meets it: as it should have moved on with the beam, and from there to the ground under the lander."""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.frames import inertial_to_fixed
from perilune.foundation.quantities import Position, Scalar
from perilune.foundation.vectors import dot, norm, unit

from ..memory import TERRAIN_BIAS, NavigationState
from ..settings import NavigationSettings
from .prediction import Prediction
from .propagation import Interval, terrain_transition


def moved_on(state: NavigationState, interval: Interval, prediction: Prediction) -> tuple[NavigationState, Prediction]:
    """The estimate of the ground as it should have moved on with the beam, and the range predicted on it: where the beam has got
    to is known only once it has been predicted on the ground of before."""
    bias, slope = terrain_transition(interval, state.terrain_bias, state.terrain_slope)
    relief = interval.relief_left * state.terrain_relief
    risen = bias + relief - state.terrain_bias - state.terrain_relief
    ranged = prediction.residual[6:] - prediction.sensitivity[6:, TERRAIN_BIAS.start] * risen
    return (
        eqx.tree_at(lambda n: (n.terrain_bias, n.terrain_slope, n.terrain_relief), state, (bias, slope, relief)),
        eqx.tree_at(lambda p: p.residual, prediction, jnp.concatenate([prediction.residual[:6], ranged])),
    )


def ground_below(state: NavigationState, ground_point_M: Position, settings: NavigationSettings, clock: Scalar) -> Scalar:
    """Ground under the lander above the onboard map, m, as it is to be expected from what is believed of the ground at the beam's
    end: the map's error is smooth and counts whole, of the relief e^(−r/L) is left where the two lie r apart."""
    position_M = inertial_to_fixed(state.position_I, clock)
    offset_M, up_M = ground_point_M - position_M, unit(position_M)
    apart = norm(offset_M - dot(offset_M, up_M) * up_M)
    return state.terrain_bias + jnp.exp(-apart / settings.terrain_roughness_length) * state.terrain_relief
