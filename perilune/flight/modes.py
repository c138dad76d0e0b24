"""The executive's modes and its transition table."""

import jax.numpy as jnp
from jaxtyping import Array, Bool

from perilune.foundation.quantities import Count

COAST, BRAKING, PITCH_UP, HOLD, TERMINAL, FINAL, OFF = range(7)
NAMES = ("coast", "braking", "pitch-up", "descent hold", "terminal descent", "final metres", "engines off")
CONDITIONS = ("ignition_due", "braking_done", "is_upright", "range_confirmed", "near_ground", "cut_off_due")

# (mode, condition, next mode); the first row that holds wins.
TRANSITIONS = (
    (COAST, "ignition_due", BRAKING),
    (BRAKING, "cut_off_due", OFF),
    (BRAKING, "braking_done", PITCH_UP),
    (PITCH_UP, "cut_off_due", OFF),
    (PITCH_UP, "is_upright", HOLD),
    (HOLD, "cut_off_due", OFF),
    (HOLD, "range_confirmed", TERMINAL),
    (TERMINAL, "cut_off_due", OFF),
    (TERMINAL, "near_ground", FINAL),
    (FINAL, "cut_off_due", OFF),
)


def next_mode(mode: Count, conditions: Bool[Array, " conditions"]) -> Count:
    """The mode that follows, from the conditions in the order of `CONDITIONS`. At most one step a cycle."""
    result = mode
    for source, condition, target in reversed(TRANSITIONS):
        holds = (mode == source) & conditions[CONDITIONS.index(condition)]
        result = jnp.where(holds, jnp.asarray(target, mode.dtype), result)
    return result
