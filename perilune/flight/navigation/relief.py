"""From the ground where the beam meets it to the ground under the lander."""

import jax.numpy as jnp

from perilune.foundation.frames import inertial_to_fixed
from perilune.foundation.quantities import Position, Scalar
from perilune.foundation.vectors import dot, norm, unit

from ..memory import NavigationState
from ..settings import NavigationSettings


def ground_below(state: NavigationState, ground_point_M: Position, settings: NavigationSettings, clock: Scalar) -> Scalar:
    """Ground under the lander above the onboard map, m, as it is to be expected from what is believed of the ground at the beam's
    end: the map's error is smooth and counts whole, of the relief e^(−r/L) is left where the two lie r apart."""
    position_M = inertial_to_fixed(state.position_I, clock)
    offset_M, up_M = ground_point_M - position_M, unit(position_M)
    apart = norm(offset_M - dot(offset_M, up_M) * up_M)
    return state.terrain_bias + jnp.exp(-apart / settings.terrain_roughness_length) * state.terrain_relief
