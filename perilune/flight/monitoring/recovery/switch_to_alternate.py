"""Two altimeters and the estimate vote: the one that stands alone is wrong."""

import equinox as eqx
import jax.numpy as jnp

from ...settings import MonitoringSettings, NavigationSettings
from .base import EVERYTHING, Answer, Evidence, usual


def switch_to_alternate(evidence: Evidence, navigation: NavigationSettings, monitoring: MonitoringSettings) -> Answer:
    """The gate stands. A range that it would refuse is taken all the same, height and ground opened by its size, where Doppler
    beams see the same ground as the range finder does (within `range_consistency`). A unit that is refused for `patience` s with
    ranges that they do not see is out: the beams serve alone until both agree again.

    Assumes that two units of different make do not lie alike, and needs the second: without lock of at least two beams there is
    no vote, a refused range stays refused, and a unit refused for long is out until there is one. The beams' own gate stands: an
    estimate that is far off is only found where the range finder says the same.
    """
    plain = usual(evidence, navigation)
    sees_same = evidence.alternate_is_valid & (
        jnp.abs(evidence.height_residual - evidence.alternate_residual) < navigation.range_consistency
    )
    is_out = (evidence.is_isolated | (evidence.refused_time >= monitoring.patience)) & ~sees_same
    believes = sees_same & (evidence.is_fresh | (evidence.refused_time > 0.0) | evidence.is_isolated)
    opens = jnp.where(believes & evidence.has_taken, evidence.height_residual**2, 0.0)
    return eqx.tree_at(
        lambda a: (a.offers, a.gate, a.opens_height, a.opens_ground, a.isolates),
        plain,
        (
            (plain.offers | believes) & ~is_out,
            jnp.where(believes, EVERYTHING, plain.gate),
            opens,
            opens,
            is_out,
        ),
    )
