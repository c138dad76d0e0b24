"""What a recovery policy is asked, and what it answers."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.quantities import Flag, Scalar

from ...settings import NavigationSettings

EVERYTHING = 1e6  # sigmas: a gate that lets everything pass


class Evidence(eqx.Module):
    """What is known of the range finder before an update. Only a valid return is offered to the filter, whatever is answered."""

    residual: Scalar  # m, of the newest return: measured − predicted
    has_taken: Flag  # a range has been taken in this flight
    is_fresh: Flag  # none has been for the gap time (`range_gap`), or ever
    is_early: Flag  # few have been since
    agree: Flag  # enough of the latest returns lie near the newest one (`range_agree_count` of `range_agree_window`)
    refused_time: Scalar  # s of refusals without a range taken between them
    is_isolated: Flag  # the unit has been given up
    height_residual: Scalar  # m, `residual` times the cosine of incidence
    alternate_residual: Scalar  # m, likewise, of the Doppler beams at the step before
    alternate_is_valid: Flag  # at least two of them had lock and agreed
    weights: Float[Array, "3"]  # of the accounts that state, map and sensor are wrong (`monitoring/bank.py`)


class Answer(eqx.Module):
    """How the next valid range is to be taken."""

    offers: Flag  # to the filter
    gate: Scalar  # sigmas
    underweight: Scalar  # extra share of HPHᵀ (Lear 1985)
    inflates: Flag  # beyond the gate it is taken all the same, with the noise that puts it at the gate
    opens_height: Scalar  # m², added before the update to the variance of the lander's height
    opens_ground: Scalar  # m², likewise of the ground's
    isolates: Flag  # from now on the unit is given up

    @property
    def opens(self) -> tuple[Scalar, Scalar]:
        """Of height and ground, m²."""
        return self.opens_height, self.opens_ground


def usual(evidence: Evidence, navigation: NavigationSettings) -> Answer:
    """The plain gate: nothing is offered in a gap until enough returns agree, first ranges are under-weighted."""
    return Answer(
        offers=evidence.agree | ~evidence.is_fresh,
        gate=navigation.range_gate,
        underweight=jnp.where(evidence.is_fresh | evidence.is_early, navigation.range_underweight, 0.0),
        inflates=jnp.zeros_like(evidence.agree),
        opens_height=jnp.zeros_like(evidence.residual),
        opens_ground=jnp.zeros_like(evidence.residual),
        isolates=jnp.zeros_like(evidence.agree),
    )
