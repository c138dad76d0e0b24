"""A unit that was wrong for long is wrong for good (as HAKUTO-R Mission 1's software judged, 2023)."""

import equinox as eqx

from ...settings import MonitoringSettings, NavigationSettings
from .base import Answer, Evidence, usual


def reject_forever(evidence: Evidence, navigation: NavigationSettings, monitoring: MonitoringSettings) -> Answer:
    """The gate stands from the first range on; after `patience` s of refusals alone the unit is given up and never asked again.

    Assumes that estimate and map are right whenever they are sure of themselves, so that what they refuse is broken; and that
    a broken unit does not mend. Where the ground itself jumps, or the estimate is wrong, it throws away the one unit that
    knows.
    """
    plain = usual(evidence, navigation)
    gives_up = evidence.is_isolated | (evidence.refused_time >= monitoring.patience)
    return eqx.tree_at(lambda a: (a.offers, a.isolates), plain, (plain.offers & ~gives_up, gives_up))
