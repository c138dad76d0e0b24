"""What flight software hands to the lander in one cycle."""

import equinox as eqx
from jaxtyping import Array, Float

from perilune.foundation.quantities import Scalar


class Commands(eqx.Module):
    """Valves, throttle and gimbal for the coming cycle."""

    on_time: Float[Array, " engines"]  # s, open time of every valve from the start of the cycle; order as `ENGINE_CLASSES`
    throttle: Scalar  # share of full thrust for the main engines
    gimbal: Float[Array, "2"]  # rad, of the main engines' thrust about X and Y of B
