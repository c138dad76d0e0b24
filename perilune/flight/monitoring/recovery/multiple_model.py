"""State, map or sensor wrong: whichever account foretells the readings best is acted on."""

import equinox as eqx
import jax.numpy as jnp

from ...settings import MonitoringSettings, NavigationSettings
from ..bank import MAP, SENSOR, STATE
from .base import EVERYTHING, Answer, Evidence, usual


def multiple_model(evidence: Evidence, navigation: NavigationSettings, monitoring: MonitoringSettings) -> Answer:
    """The gate stands until a range is refused; from then on three accounts of it are weighed (`monitoring/bank.py`). With the
    sensor's under 1 − `belief` the range is taken without a gate, the lander's height and the ground opened by its square in
    proportion to the weights of state and map. Over `belief`, the unit is out for as long as that holds; in between the
    gate refuses.

    Assumes that a broken unit scatters or repeats itself. A constant bias of it is taken for an error of state or map, which no
    single altimeter can tell apart; and the three accounts are taken to be equally likely at first.
    """
    plain = usual(evidence, navigation)
    of_sensor = evidence.weights[SENSOR]
    doubts = evidence.refused_time > 0.0
    is_out = doubts & (of_sensor > monitoring.belief)
    believes = doubts & (of_sensor < 1.0 - monitoring.belief)
    rest = jnp.maximum(1.0 - of_sensor, 1e-9)
    square = jnp.where(believes, evidence.height_residual**2, 0.0) / rest
    return eqx.tree_at(
        lambda a: (a.offers, a.gate, a.opens_height, a.opens_ground, a.isolates),
        plain,
        (
            (plain.offers | believes) & ~is_out,
            jnp.where(believes, EVERYTHING, plain.gate),
            square * evidence.weights[STATE],
            square * evidence.weights[MAP],
            is_out,
        ),
    )
