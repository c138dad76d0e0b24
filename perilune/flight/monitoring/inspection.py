"""What monitors and policies are shown of a slow step: the range in height over the ground, and how it fared."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.quantities import Count, Direction, Flag, Scalar
from perilune.foundation.vectors import dot
from perilune.interface.measurements import Measurements

from ..memory import POSITION, TERRAIN_BIAS, VELOCITY, Acquisition, Innovations, NavigationState
from ..navigation.prediction import Prediction
from ..navigation.propagation import Interval
from ..navigation.sights import Alternate
from ..settings import FlightSettings, NavigationSettings
from .acquisition import is_new, returns_agree
from .bank import Bank, Reading, weighed
from .monitors import Look, Monitors
from .recovery import Answer, Evidence, answer

RANGE = 6  # the range finder's row
UNDERWEIGHTED_UPDATES = 3.0  # first accepted ranges after a gap; by then the range has set the vertical channel


def along(covariance: Float[Array, "29 29"], up_I: Direction, block: slice) -> Scalar:
    """Variance along `up_I` of position or velocity."""
    part = covariance[block, block]
    return dot(up_I, jnp.stack([dot(part[i], up_I) for i in range(3)]))


def reading_of(
    prediction: Prediction,
    covariance: Float[Array, "29 29"],
    up_I: Direction,
    interval: Interval,
    measured: Measurements,
    settings: NavigationSettings,
) -> Reading:
    """The range before it is judged."""
    cosine = -1.0 / prediction.sensitivity[RANGE, TERRAIN_BIAS.start]  # a range grows by −1/cosine with the ground
    return Reading(
        cosine=cosine,
        slant_range=measured.slant_range,
        height_residual=prediction.residual[RANGE] * cosine,
        noise_variance=prediction.noise_variance[RANGE] * cosine**2,
        relief_variance=settings.terrain_roughness**2,
        height_variance=along(covariance, up_I, POSITION),
        climb_variance=along(covariance, up_I, VELOCITY),
        over_ground=interval.over_ground,
        is_valid=measured.range_is_valid,
    )


def asked(
    acquisition: Acquisition, reading: Reading, monitors: Monitors, elapsed: Scalar, settings: FlightSettings
) -> tuple[Acquisition, Answer, Bank]:
    """What the policy in force says of the newest range, whether that leaves the unit in place, and the accounts of why the range
    does not fit."""
    monitoring = settings.monitoring
    bank = weighed(monitors.bank, reading, acquisition.refused_time > 0.0, monitoring.reset_sigma, elapsed)
    evidence = Evidence(
        residual=acquisition.residuals[0],
        has_taken=acquisition.has_taken,
        is_fresh=is_new(acquisition, settings.navigation),
        is_early=acquisition.fresh_updates < UNDERWEIGHTED_UPDATES,
        agree=returns_agree(acquisition, settings.navigation, settings.agree_count),
        refused_time=acquisition.refused_time,
        is_isolated=acquisition.is_isolated,
        height_residual=reading.height_residual,
        alternate_residual=monitors.alternate_residual,
        alternate_is_valid=monitors.alternate_is_valid,
        weights=bank.weights,
    )
    found = answer(monitoring.policy, evidence, settings.navigation, monitoring)
    return eqx.tree_at(lambda a: a.is_isolated, acquisition, found.isolates), found, bank


def kept(monitors: Monitors, beams: Alternate, bank: Bank, decision: Count) -> Monitors:
    """The monitors with what the next step wants to know of this one."""
    return eqx.tree_at(
        lambda m: (m.alternate_residual, m.alternate_is_valid, m.bank, m.decision),
        monitors,
        (beams.residual, beams.is_valid, bank, decision),
    )


def look_of(
    reading: Reading,
    height_left: Scalar,
    navigation: NavigationState,
    taken: tuple[Innovations, Innovations, Alternate],
    settings: NavigationSettings,
) -> Look:
    """The step as monitors see it.

    `height_left`: m, the range's residual in height once the step's correction is in; `taken`: innovations of the seven rows and
    of the sights, and the beams' word. Range finder and beams stand apart beyond the range finder's gate, with noise of both and
    relief under each. Against the map a range counts as it would with the map's error as large as it was taken to be before any
    range: the filter's own covariance has learnt from what is judged.
    """
    innovations, sighted, alternate = taken
    rows = zip(
        (innovations.residual, innovations.variance, innovations.is_offered, innovations.is_accepted),
        (sighted.residual, sighted.variance, sighted.is_offered, sighted.is_accepted),
        strict=True,
    )
    own = reading.noise_variance + settings.terrain_roughness**2
    apart, gate = height_left - alternate.residual, settings.range_gate**2
    ground = navigation.terrain_bias + navigation.terrain_relief - reading.height_residual
    allowed = settings.terrain_sigma**2 + own + reading.height_variance
    return Look(
        *(jnp.concatenate(pair) for pair in rows),
        can_compare=reading.is_valid & alternate.is_valid,
        is_apart=apart * apart > gate * (own + alternate.variance),
        has_range=reading.is_valid,
        is_implausible=ground * ground > gate * allowed,
    )


def decision_on(reading: Reading, recovery: Answer, innovations: Innovations) -> Count:
    """What became of the range: an index into `monitors.DECISIONS`."""
    residual, variance = innovations.residual[RANGE], innovations.variance[RANGE]
    is_beyond: Flag = residual * residual > recovery.gate**2 * variance
    return jnp.select(
        [
            ~reading.is_valid,
            recovery.isolates,
            ~innovations.is_offered[RANGE],
            ~innovations.is_accepted[RANGE],
            recovery.opens_height + recovery.opens_ground > 0.0,
            is_beyond,
        ],
        [jnp.asarray(k, jnp.int32) for k in (0, 2, 1, 3, 6, 5)],
        jnp.asarray(4, jnp.int32),
    )
