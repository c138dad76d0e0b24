"""The policies by name, in the order of the number that chooses one. Append only."""

import jax
import jax.numpy as jnp

from perilune.foundation.quantities import Scalar

from ...settings import MonitoringSettings, NavigationSettings
from .base import Answer, Evidence
from .covariance_reset import covariance_reset
from .inflate_and_accept import inflate_and_accept
from .multiple_model import multiple_model
from .reject_forever import reject_forever
from .reject_until_consistent import reject_until_consistent
from .switch_to_alternate import switch_to_alternate

POLICIES = (
    reject_until_consistent,
    reject_forever,
    covariance_reset,
    inflate_and_accept,
    switch_to_alternate,
    multiple_model,
)
NAMES = tuple(policy.__name__ for policy in POLICIES)


def answer(
    chosen: Scalar, evidence: Evidence, navigation: NavigationSettings, monitoring: MonitoringSettings
) -> Answer:  # fmt: skip
    """The answer of the policy with this number. All are asked, for lanes may differ; together they are a few scalars."""
    answers = [policy(evidence, navigation, monitoring) for policy in POLICIES]
    return jax.tree.map(lambda *each: jnp.select([chosen == k for k in range(1, len(each))], each[1:], each[0]), *answers)
