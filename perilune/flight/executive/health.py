"""How each unit fares, as an operator would ask: heard of at all, taken in, refused, silent, given up."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from perilune.foundation.quantities import Count, Flag, Scalar
from perilune.interface.design import BEAMS
from perilune.interface.measurements import Measurements

from ..monitoring.monitors import UNITS as FILTERED
from ..monitoring.monitors import by_unit

UNITS = (*FILTERED, "propellant_gauge")
STATES = ("never heard", "good", "refused", "silent", "given up")
NEVER, GOOD, REFUSED, SILENT, GIVEN_UP = range(5)
LONG_AGO = 1e6  # s: of what has not been yet


class Health(eqx.Module):
    """s since each of `UNITS` last called a reading valid, and since flight software last took one in."""

    heard: Float[Array, " units"]
    taken: Float[Array, " units"]


def unheard() -> Health:
    """Before the first cycle."""
    never = LONG_AGO * jnp.ones(len(UNITS))
    return Health(never, never)


def valid(measured: Measurements) -> Bool[Array, " units"]:
    """What units say of their readings in this cycle."""
    sights = measured.sights
    beams = sights.beams.is_locked[0]
    for k in range(1, BEAMS):
        beams = beams | sights.beams.is_locked[k]
    each = measured.tracker_is_valid, measured.velocimeter_is_valid, measured.range_is_valid, beams
    return jnp.stack([*each, sights.fix_is_valid, sights.flow_is_valid, sights.propellant_is_valid])


def attended(
    health: Health, measured: Measurements, rows: Bool[Array, " rows"], sights: Bool[Array, " sights"], gauge: Flag, step: Scalar
) -> Health:
    """One slow step (s) on. `rows`, `sights`: which of `memory.SENSOR_ROWS` and `SIGHT_ROWS` the filter took in; `gauge`: whether
    the book took the gauge's reading. A unit of several rows is taken in where any row is."""
    took = by_unit(jnp.where(jnp.concatenate([rows, sights]), 1.0, 0.0)) > 0.0
    took = jnp.concatenate([took, gauge[None]])
    hears = valid(measured)
    return Health(*(jnp.where(now, 0.0, then + step) for now, then in ((hears, health.heard), (took, health.taken))))


def state_of(heard: Scalar, taken: Scalar, gap: Scalar) -> Count:
    """One of `STATES` by number: what was heard or taken within the `gap` (s) counts as now."""
    state = jnp.where(heard >= gap, jnp.where(heard >= 0.5 * LONG_AGO, NEVER, SILENT), REFUSED)
    return jnp.where(taken < gap, GOOD, state)
