"""When the engines are cut off for good: by what the footpad switches say, by the height believed, or by both.

A switch that says contact counts once it has said so without a break for `contact_time`, and never before powered descent: what
chatters for a cycle passes. The height counts once the feet have been believed no higher than `height` without a break for
`height_time`, in terminal descent alone: before it nothing is flown by the height over the ground. Contact that counts is also
what ends navigation, whose models hold aloft; contact that does not leaves it alone.
"""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.quantities import Flag, Scalar

from ..settings import CutOffSettings

NAMES = ("contact", "height", "contact_or_height", "contact_and_height")
CONTACT, HEIGHT, EITHER, BOTH = range(4)
ABSENT = -1.0  # s: for how long a sign is there that is not


class Signs(eqx.Module):
    """For how long signs of the ground have been there without a break, s: 0 in the first cycle, `ABSENT` without one."""

    contact: Scalar
    low: Scalar


def no_signs() -> Signs:
    """Before the first cycle."""
    return Signs(jnp.asarray(ABSENT, float), jnp.asarray(ABSENT, float))


def lasting(so_far: Scalar, holds: Flag, period: Scalar) -> Scalar:
    """For how long a sign has been there after one more cycle, s."""
    return jnp.where(holds, jnp.maximum(so_far + period, 0.0), ABSENT)


def has_lasted(so_far: Scalar, wanted: Scalar, period: Scalar) -> Flag:
    """Whether a sign has been there for the time wanted, s; half a cycle is left to rounding."""
    return so_far >= wanted - 0.5 * period


def is_low(signs: Signs, settings: CutOffSettings, period: Scalar) -> Flag:
    """Whether the feet have been believed on the ground for long enough."""
    return (signs.low >= 0.0) & has_lasted(signs.low, settings.height_time, period)


def felt_ground(signs: Signs, says: Flag, is_armed: Flag, settings: CutOffSettings, period: Scalar) -> tuple[Signs, Flag]:
    """The signs with what the switches say in this cycle, and whether it counts as contact. `is_armed`: powered descent has
    begun. Where both inputs are wanted, the height is that of the cycle before."""
    contact = lasting(signs.contact, says & is_armed, period)
    counts = (contact >= 0.0) & has_lasted(contact, settings.contact_time, period) & (settings.by != HEIGHT)
    counts = counts & (is_low(signs, settings, period) | (settings.by != BOTH))
    return Signs(contact, signs.low), counts


def reached_ground(
    signs: Signs, foot_height: Scalar, is_landing: Flag, settings: CutOffSettings, period: Scalar
) -> tuple[Signs, Flag]:
    """The signs with the height of the feet believed in this cycle (m), and whether that alone ends the flight."""
    low = lasting(signs.low, (foot_height <= settings.height) & is_landing, period)
    signs = Signs(signs.contact, low)
    return signs, is_low(signs, settings, period) & ((settings.by == HEIGHT) | (settings.by == EITHER))
