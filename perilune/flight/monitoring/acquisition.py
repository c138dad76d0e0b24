"""Whether a range is to be believed: agreement among returns after a gap, the chi-square gate after that."""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.quantities import Flag, Scalar

from ..memory import Acquisition
from ..settings import NavigationSettings


def remember(acquisition: Acquisition, residual: Scalar, is_valid: Flag) -> Acquisition:
    """Put a valid return's residual at the head of the window; an invalid cycle ages the window by an empty place."""
    return eqx.tree_at(
        lambda a: (a.residuals, a.is_filled),
        acquisition,
        (
            jnp.concatenate([jnp.where(is_valid, residual, 0.0)[None], acquisition.residuals[:-1]]),
            jnp.concatenate([is_valid[None], acquisition.is_filled[:-1]]),
        ),
    )


def is_new(acquisition: Acquisition, settings: NavigationSettings) -> Flag:
    """Ranges count as new when none has been accepted for the gap time: the gate's covariance is not to be trusted."""
    return acquisition.since_accepted > settings.range_gap


def returns_agree(acquisition: Acquisition, settings: NavigationSettings, count: int) -> Flag:
    """At least `count` of the window's residuals lie within the consistency distance of the newest one."""
    near = jnp.abs(acquisition.residuals - acquisition.residuals[0]) < settings.range_consistency
    return acquisition.is_filled[0] & (jnp.sum(near & acquisition.is_filled) >= count)


def account(
    acquisition: Acquisition, is_offered: Flag, is_accepted: Flag, elapsed: Scalar, settings: NavigationSettings
) -> Acquisition:
    """Clocks after an update: time since the last accepted range, time of unbroken acceptance, updates since the gap, time of
    refusals alone.

    Acceptance counts as unbroken as long as no gap opened; a single refused return does not break it.
    """
    since = jnp.where(is_accepted, 0.0, acquisition.since_accepted + elapsed)
    unbroken = since <= settings.range_gap
    begun = acquisition.fresh_updates > 0.0  # counts from the first accepted range, which itself adds nothing
    refused = acquisition.refused_time + jnp.where(is_offered & ~is_accepted, elapsed, 0.0)
    return eqx.tree_at(
        lambda a: (a.since_accepted, a.accepted_time, a.fresh_updates, a.refused_time, a.has_taken),
        acquisition,
        (
            since,
            jnp.where(unbroken & begun, acquisition.accepted_time + elapsed, 0.0),
            jnp.where(unbroken, acquisition.fresh_updates + is_accepted.astype(jnp.float64), 0.0),
            jnp.where(is_accepted, 0.0, refused),
            acquisition.has_taken | is_accepted,
        ),
    )
