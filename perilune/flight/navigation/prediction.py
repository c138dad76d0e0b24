"""What each sensor should read, and how that changes with the error state."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.frames import fixed_to_inertial, inertial_to_fixed, surface_velocity
from perilune.foundation.quantities import Position, Scalar, Vector
from perilune.foundation.ray import cast, normal_at
from perilune.foundation.rotation import compose, inverse, rotate, to_matrix, to_rotation_vector
from perilune.foundation.vectors import cross, dot
from perilune.interface.design import LanderDesign
from perilune.interface.measurements import Measurements

from ..memory import NavigationState
from ..settings import NavigationSettings
from .onboard_map import OnboardModel

RAY_STEPS = 4  # with the secants, to < 1 m of the onboard map's ground inside the sensor's cone: under its own error


class Prediction(eqx.Module):
    """Residuals (measured − predicted), sensitivities to the error state and noise variances, a row a reading."""

    residual: Float[Array, " rows"]
    sensitivity: Float[Array, "rows 29"]
    noise_variance: Float[Array, " rows"]
    ground_point_M: Position  # where the range finder's beam should meet the ground


def predict_tracker(state: NavigationState, measured: Measurements):
    """Star tracker: residual rotation in B, rad = Cᵀ θ + alignment error + noise."""
    difference_BB = compose(inverse(state.attitude_IB), measured.tracker_attitude_IB)
    residual = to_rotation_vector(difference_BB) - state.tracker_alignment_B
    axes_BI = to_matrix(state.attitude_IB).T
    zeros = jnp.zeros
    rows = jnp.concatenate([zeros((3, 6)), axes_BI, zeros((3, 10)), jnp.eye(3), zeros((3, 7))], axis=1)
    return residual, rows


def predict_velocity(state: NavigationState, measured: Measurements):
    """Velocimeter: velocity over the ground in B, m/s; its derivative is Cᵀ (δv + v × θ)."""
    axes_BI = to_matrix(state.attitude_IB).T
    velocity_I = state.velocity_I - surface_velocity(state.position_I)
    moving_B = jnp.stack([dot(axes_BI[i], velocity_I) for i in range(3)])
    predicted = (1.0 + state.velocimeter_scale) * moving_B
    turn = jnp.stack([cross(axes_BI[i], velocity_I) for i in range(3)])  # cᵢ · (v × θ) = (cᵢ × v) · θ
    rows = jnp.concatenate([jnp.zeros((3, 3)), axes_BI, turn, jnp.zeros((3, 16)), moving_B[:, None], jnp.zeros((3, 3))], axis=1)
    return measured.velocity_S - predicted, rows


def predict_range(state: NavigationState, rate_B: Vector, onboard: OnboardModel, design: LanderDesign, clock: Scalar):
    """Range finder: distance to the onboard map along the beam, one latency ago, and its sensitivity.

    On ground with unit normal n the range is ρ = h / (−n·d), so ∂ρ/∂p = n / (−n·d) and ∂ρ/∂θ = ρ (d × n) / (−n·d).
    """
    latency = design.range_latency
    position_M = inertial_to_fixed(state.position_I - latency * state.velocity_I, clock)
    boresight_B = design.range_boresight_B - latency * cross(rate_B, design.range_boresight_B)
    direction_I = rotate(state.attitude_IB, boresight_B)
    direction_M = inertial_to_fixed(direction_I, clock)
    ground = eqx.tree_at(
        lambda g: g.shift_up, onboard.ground, onboard.ground.shift_up + state.terrain_bias + state.terrain_relief
    )
    distance = cast(ground, position_M, direction_M, RAY_STEPS)
    normal_I = fixed_to_inertial(normal_at(ground, position_M + distance * direction_M), clock)
    cosine = jnp.maximum(-dot(normal_I, direction_I), 0.05)
    turn = cross(direction_I, normal_I) * (distance / cosine)
    zeros = jnp.zeros
    raised = -1.0 / cosine[None]  # by ground that stands higher
    row = jnp.concatenate([normal_I / cosine, zeros(3), turn, zeros(13), raised, zeros(1), raised, zeros(4)])
    return distance, row, position_M + distance * direction_M


def predict(
    state: NavigationState,
    rate_B: Vector,
    measured: Measurements,
    onboard: OnboardModel,
    design: LanderDesign,
    settings: NavigationSettings,
    clock: Scalar,
) -> Prediction:
    """All seven rows: tracker (3), velocimeter (3), range (1)."""
    tracker, tracker_rows = predict_tracker(state, measured)
    velocity, velocity_rows = predict_velocity(state, measured)
    distance, range_row, ground_point_M = predict_range(state, rate_B, onboard, design, clock)
    velocity_noise = jnp.ones(3) * settings.velocimeter_sigma**2
    range_noise = settings.range_sigma**2 + (settings.range_sigma_fraction * distance) ** 2
    return Prediction(
        residual=jnp.concatenate([tracker, velocity, (measured.slant_range - distance)[None]]),
        sensitivity=jnp.concatenate([tracker_rows, velocity_rows, range_row[None]]),
        noise_variance=jnp.concatenate([settings.tracker_sigma**2, velocity_noise, range_noise[None]]),
        ground_point_M=ground_point_M,
    )
