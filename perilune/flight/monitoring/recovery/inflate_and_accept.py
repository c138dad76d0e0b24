"""No range is refused; one that does not fit counts for less."""

import equinox as eqx

from ...settings import MonitoringSettings, NavigationSettings
from .base import Answer, Evidence, usual


def inflate_and_accept(evidence: Evidence, navigation: NavigationSettings, monitoring: MonitoringSettings) -> Answer:
    """Beyond the gate a range is taken with the noise that puts it at the gate (Huber's influence, bounded but never zero:
    Huber 1964; Karlgaard and Schaub 2007 for the filter).

    Assumes that noise has heavy tails and no lies: each false return of kilometres moves the estimate by gate times sigma.
    And what is taken counts as taken: a unit that only lies keeps itself in good standing and confirms itself to the executive.
    """
    return eqx.tree_at(lambda a: a.inflates, usual(evidence, navigation), ~evidence.is_fresh)
