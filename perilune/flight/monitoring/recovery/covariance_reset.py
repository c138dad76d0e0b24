"""After too many refusals the filter forgets how sure it was."""

import equinox as eqx
import jax.numpy as jnp

from ...settings import MonitoringSettings, NavigationSettings
from .base import Answer, Evidence, usual


def covariance_reset(evidence: Evidence, navigation: NavigationSettings, monitoring: MonitoringSettings) -> Answer:
    """The gate stands; after `patience` s of refusals alone the lander's height and the ground's are opened by `reset_sigma` at
    every range that is offered, until one passes the gate.

    Assumes that refusals that last are the estimate's fault or the map's. It does not ask returns to agree: a unit that gives
    false ranges for that long is taken in, however far off. The climb rate stays as sure as it was.
    """
    plain = usual(evidence, navigation)
    opens = jnp.where(plain.offers & (evidence.refused_time >= monitoring.patience), monitoring.reset_sigma**2, 0.0)
    return eqx.tree_at(lambda a: (a.opens_height, a.opens_ground), plain, (opens, opens))
