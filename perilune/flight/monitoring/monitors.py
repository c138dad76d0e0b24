"""What detects: each unit's innovations over a window, its refusals, and the range finder against the map and the alternate.

One innovation at a time is the gate's (`navigation/update.py`); these look at what a gate lets pass, or refuses again and again.
They only say so: what is done about it is a recovery policy's.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from perilune.foundation.quantities import Count, Flag, Scalar

from ..settings import MonitoringSettings
from .bank import Bank, at_rest

ROWS_OF_UNIT = {  # rows of the filter: tracker, velocimeter and range, and then the sights
    "star_tracker": (0, 1, 2),
    "velocimeter": (3, 4, 5),
    "range_finder": (6,),
    "doppler_beams": (7, 8, 9, 10),
    "terrain_camera": (11, 12, 13),
    "optical_flow": (14, 15),
}
UNITS = tuple(ROWS_OF_UNIT)
RANGE_FINDER = UNITS.index("range_finder")
DECISIONS = (  # what became of the range finder's reading at a slow step
    "no reading",
    "held back: too few agree after a gap",
    "given up",
    "refused: outside the gate",
    "taken",
    "taken with the noise that puts it at the gate",
    "taken as new: height and ground opened first",
)


class Monitors(eqx.Module):
    """Fading means over the window; all 0 at the start."""

    nis: Float[Array, "6"]  # mean of squared innovation over variance of a unit's rows that were taken
    refused: Float[Array, "6"]  # share of looks at which all that a unit offered was refused
    is_apart: Scalar  # share of looks at which range finder and beams saw different ground
    is_implausible: Scalar  # share of ranges that mean a ground which the map cannot have
    alternate_residual: Scalar  # m, of the beams' height over the ground at the latest slow step: measured − predicted
    alternate_is_valid: Flag  # at least two had lock, and agree
    decision: Count  # index into `DECISIONS`
    bank: Bank


class Look(eqx.Module):
    """One slow step as the monitors see it; rows in the order of `ROWS_OF_UNIT`."""

    residual: Float[Array, "16"]
    variance: Float[Array, "16"]
    is_offered: Bool[Array, "16"]
    is_accepted: Bool[Array, "16"]
    can_compare: Flag  # range finder and beams read both
    is_apart: Flag
    has_range: Flag
    is_implausible: Flag


class Alarms(eqx.Module):
    """What is wrong at this moment."""

    window: Bool[Array, "6"]  # a unit's innovations are larger, over the window, than chance allows
    persistence: Bool[Array, "6"]  # most of what a unit offered was refused
    cross_check: Flag
    plausibility: Flag


def quiet(sigma: Scalar) -> Monitors:
    """The monitors before the first reading; `sigma` as the bank's."""
    no = jnp.zeros((), bool)
    zeros = jnp.zeros(len(UNITS))
    return Monitors(zeros, zeros, 0.0 * sigma, 0.0 * sigma, 0.0 * sigma, no, jnp.zeros((), jnp.int32), at_rest(sigma))


def by_unit(rows: Float[Array, "16"]) -> Float[Array, "6"]:
    """Sum over each unit's rows."""
    return jnp.stack([sum((rows[k] for k in of[1:]), rows[of[0]]) for of in ROWS_OF_UNIT.values()])


def monitored(monitors: Monitors, look: Look, settings: MonitoringSettings) -> Monitors:
    """The means after one slow step: y ← α y + (1 − α) x, of a unit that offered something and else as they were.

    A fading mean of the normalised innovation squared (Bar-Shalom, Li and Kirubarajan 2001, §5.4) with α = (n − 1)/(n + 1), n
    steps in the window, has the variance of a mean of n. From 0, so that the first readings cannot raise an alarm alone. Only
    readings that were taken count for it: what the gate refuses is told by the share of refusals.
    """
    given, taken = jnp.where(look.is_offered, 1.0, 0.0), jnp.where(look.is_accepted, 1.0, 0.0)
    offered, kept = by_unit(given) > 0.0, by_unit(taken)
    ratio = look.residual * look.residual / look.variance
    mean, keep = by_unit(ratio * taken) / jnp.maximum(kept, 1.0), settings.window_keep

    def faded(old, new, is_due):
        return jnp.where(is_due, keep * old + (1.0 - keep) * new, old)

    def share(old, is_so, is_due):
        return faded(old, jnp.where(is_so, 1.0, 0.0), is_due)

    return eqx.tree_at(
        lambda m: (m.nis, m.refused, m.is_apart, m.is_implausible),
        monitors,
        (
            faded(monitors.nis, mean, kept > 0.0),
            share(monitors.refused, kept == 0.0, offered),
            share(monitors.is_apart, look.is_apart, look.can_compare),
            share(monitors.is_implausible, look.is_implausible, look.has_range),
        ),
    )


def alarms(monitors: Monitors, settings: MonitoringSettings) -> Alarms:
    """Which means are over their limits: the chi-square's for `window_false_alarm`, and a share for the others."""
    return Alarms(
        window=monitors.nis > settings.window_limit,
        persistence=monitors.refused > settings.window_share,
        cross_check=monitors.is_apart > settings.window_share,
        plausibility=monitors.is_implausible > settings.window_share,
    )


def alarmed(monitors: Monitors, settings: MonitoringSettings) -> dict[str, Flag]:
    """The alarms as onboard events: four of the range finder, and one of each other unit."""
    found = alarms(monitors, settings)
    either = found.window | found.persistence
    return {
        "range_window_alarm": found.window[RANGE_FINDER],
        "range_persistence_alarm": found.persistence[RANGE_FINDER],
        "range_cross_check_alarm": found.cross_check,
        "range_plausibility_alarm": found.plausibility,
        **{f"{unit}_alarm": either[k] for k, unit in enumerate(UNITS) if k != RANGE_FINDER},
    }
