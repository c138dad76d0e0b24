"""Returns that agree with each other for long enough are believed, whatever was believed before."""

import equinox as eqx
import jax.numpy as jnp

from ...settings import MonitoringSettings, NavigationSettings
from .base import EVERYTHING, Answer, Evidence, usual


def reject_until_consistent(evidence: Evidence, navigation: NavigationSettings, monitoring: MonitoringSettings) -> Answer:
    """The gate refuses until none has been taken for the gap time; then, once m of n returns agree, the newest is taken without a
    gate. If one had been taken before, height and ground are opened by the size of the jump first, for what was believed of them
    was wrong by that much.

    Assumes that a unit's false returns do not agree with each other, and that what agrees is the ground: a bias of the unit
    that comes and stays is believed too. The climb rate stays as sure as it was: what wrong ranges made of it before is left to
    later ones and to a velocimeter.
    """
    plain = usual(evidence, navigation)
    returns = evidence.is_fresh & evidence.agree
    opens = jnp.where(returns & evidence.has_taken, evidence.residual**2, 0.0)
    gate = jnp.where(evidence.is_fresh, EVERYTHING, plain.gate)
    return eqx.tree_at(lambda a: (a.gate, a.opens_height, a.opens_ground), plain, (gate, opens, opens))
