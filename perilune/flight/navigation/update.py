"""The measurement update: scalar updates in a row, each gated, and the correction of the estimate."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float

from perilune.foundation.quantities import Direction, Scalar
from perilune.foundation.rotation import compose, from_rotation_vector, normalised

from ..memory import TERRAIN_BIAS, Innovations, NavigationState
from .prediction import Prediction


class Offer(eqx.Module):
    """How each row is to be taken: whether it is offered, its gate (sigmas, inf = none) and its under-weighting."""

    is_offered: Bool[Array, " rows"]
    gate: Float[Array, " rows"]
    underweight: Float[Array, " rows"]
    inflates: Bool[Array, " rows"]  # beyond its gate it is taken with the noise that puts it there


def update(covariance: Float[Array, "29 29"], prediction: Prediction, offer: Offer):
    """Correction (29,), covariance after, and the innovations.

    Scalar by scalar (Bierman 1977, ch. V): S = h P hᵀ (1 + β) + r, K = P hᵀ / S, P ← P − K h P. With β > 0 this keeps
    more covariance than the optimum: under-weighting of a first update that is large against its linearisation.

    The same in another order, so that P is read once and written once: of P only the rows' p = P hᵀ are carried along, of
    which an accepted row takes p (p·h) / S from those that follow, and P changes by all their p pᵀ / S at the end.
    """
    H, count = prediction.sensitivity, len(prediction.residual)
    ph = jnp.stack([inner(covariance.T, H[k]) for k in range(count)])
    order = jnp.arange(count)

    def scalar(carry, row):
        correction, ph = carry
        k, residual, h, noise, is_offered, gate, beta, inflates = row
        own = ph[k]
        residual = residual - inner(h, correction)
        variance = inner(h, own) * (1.0 + beta) + noise
        at_gate = residual * residual / (gate * gate)  # the variance that puts it there
        fits = at_gate <= variance
        is_accepted = is_offered & (fits | inflates)
        gain = jnp.where(is_accepted, 1.0 / jnp.where(fits, variance, at_gate), 0.0)
        residual = jnp.where(is_offered, residual, 0.0)
        taken = gain * jnp.where(order > k, inner(H, own), 0.0)
        return (correction + own * (gain * residual), ph - taken[:, None] * own[None, :]), (residual, variance, is_accepted, gain)

    rows = (
        order,
        prediction.residual,
        H,
        prediction.noise_variance,
        offer.is_offered,
        offer.gate,
        offer.underweight,
        offer.inflates,
    )
    (correction, ph), (residual, variance, is_accepted, gain) = lax.scan(scalar, (jnp.zeros_like(covariance[0]), ph), rows)
    for k in range(count):
        covariance = covariance - ph[k][:, None] * (gain[k] * ph[k])[None, :]
    return correction, covariance, Innovations(residual, variance, offer.is_offered, is_accepted)


def opened(
    covariance: Float[Array, "29 29"], up_I: Direction, of_height: Scalar, of_ground: Scalar
) -> Float[Array, "29 29"]:  # fmt: skip
    """The covariance with the lander's height along `up_I` and the ground's less sure, by so much (m²)."""
    up = jnp.concatenate([up_I, jnp.zeros(covariance.shape[0] - 3)])
    ground = jnp.where(jnp.arange(covariance.shape[0]) == TERRAIN_BIAS.start, 1.0, 0.0)
    return covariance + of_height * up[:, None] * up[None, :] + of_ground * ground[:, None] * ground[None, :]


def inner(rows: Float[Array, "*rows 29"], state: Float[Array, "29"]) -> Float[Array, "*rows"]:
    """rows @ state, term by term: XLA on CPU runs a reduction ten times slower."""
    return sum((rows[..., j] * state[j] for j in range(1, len(state))), rows[..., 0] * state[0])


def corrected(state: NavigationState, correction: Float[Array, "29"]) -> NavigationState:
    """The estimate with the error state put in; the attitude by a rotation in I."""
    c = correction
    return NavigationState(
        position_I=state.position_I + c[0:3],
        velocity_I=state.velocity_I + c[3:6],
        attitude_IB=normalised(compose(from_rotation_vector(c[6:9]), state.attitude_IB)),
        accelerometer_bias_B=state.accelerometer_bias_B + c[9:12],
        gyro_bias_B=state.gyro_bias_B + c[12:15],
        accelerometer_scale=state.accelerometer_scale + c[15],
        gyro_scale=state.gyro_scale + c[16:19],
        tracker_alignment_B=state.tracker_alignment_B + c[19:22],
        terrain_bias=state.terrain_bias + c[22],
        terrain_slope=state.terrain_slope + c[23],
        terrain_relief=state.terrain_relief + c[24],
        terrain_below=state.terrain_below,
        velocimeter_scale=state.velocimeter_scale + c[25],
        fix_tie_M=state.fix_tie_M + c[26:29],
    )
