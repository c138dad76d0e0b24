"""After too many refusals the filter forgets how sure it was."""

import equinox as eqx
import jax.numpy as jnp

from ...settings import MonitoringSettings, NavigationSettings
from .base import Answer, Evidence, usual


def covariance_reset(evidence: Evidence, navigation: NavigationSettings, monitoring: MonitoringSettings) -> Answer:
    """The gate stands; after `patience` s of refusals alone the lander's height and the ground's are opened by `reset_sigma`,
    and what then passes the gate is taken.

    Assumes that refusals that last are the estimate's fault or the map's, of no more than a gate's width of that sigma. It does
    not ask returns to agree: a unit that gives false ranges for that long is taken in.
    """
    opens = jnp.where(evidence.refused_time >= monitoring.patience, monitoring.reset_sigma**2, 0.0)
    return eqx.tree_at(lambda a: a.opens, usual(evidence, navigation), opens)
