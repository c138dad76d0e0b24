"""Strapdown propagation of the estimate, and of its covariance."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.gravity import GravityField, acceleration
from perilune.foundation.quantities import Position, Scalar, Vector
from perilune.foundation.rotation import compose, from_rotation_vector, normalised, rotate, to_matrix
from perilune.foundation.vectors import cross_rows, dot, times_rows
from perilune.interface.measurements import Measurements

from ..memory import FlightMemory, NavigationState
from ..settings import NavigationSettings


def propagate(state: NavigationState, measured: Measurements, gravity: GravityField, period: Scalar):
    """One cycle of dead reckoning; also the velocity gained (m/s, I) and its part along Z of B.

    The body-frame increment is turned by the attitude half-way through the cycle, gravity is taken at the mean
    position (Titterton & Weston 2004, §11.3).
    """
    angle_B = measured.delta_angle_B - state.gyro_bias_B * period
    gained_B = measured.delta_velocity_B - state.accelerometer_bias_B * period
    scale = jnp.stack([jnp.ones_like(period), jnp.ones_like(period), 1.0 / (1.0 + state.accelerometer_scale)])
    gained_B = gained_B * scale
    middle_IB = compose(state.attitude_IB, from_rotation_vector(0.5 * angle_B))
    attitude_IB = normalised(compose(state.attitude_IB, from_rotation_vector(angle_B)))
    gained_I = rotate(middle_IB, gained_B)
    form_I = gravity.form(jnp.zeros_like(period))  # zonal: the same in I at any time
    middle_I = state.position_I + 0.5 * period * state.velocity_I
    change_I = gained_I + period * acceleration(gravity.gm, form_I, middle_I)
    moved = NavigationState(
        position_I=state.position_I + period * (state.velocity_I + 0.5 * change_I),
        velocity_I=state.velocity_I + change_I,
        attitude_IB=attitude_IB,
        accelerometer_bias_B=state.accelerometer_bias_B,
        gyro_bias_B=state.gyro_bias_B,
        accelerometer_scale=state.accelerometer_scale,
        tracker_alignment_B=state.tracker_alignment_B,
        terrain_bias=state.terrain_bias,
    )
    return moved, gained_I, gained_B[2], angle_B / period


def transition_rows(
    rows, position_I: Position, gained_I: Vector, along_I: Vector, axes_IB, gm, elapsed, memory_of_ground
):
    """F @ rows for the error-state transition F over `elapsed` s, by its 3×n blocks.

    The error is truth minus estimate, attitude error a small rotation in I (Solà 2017, §7, global form):
    δṗ = δv;  δv̇ = G δp − a × θ − C δb_a − C ẑ f_z δs;  θ̇ = −C δb_g;  the terrain bias decays over ground distance.
    """
    p, v, q, ba, bg, s = rows[0:3], rows[3:6], rows[6:9], rows[9:12], rows[12:15], rows[15]
    inverse_square = 1.0 / dot(position_I, position_I)
    pull = gm * inverse_square * jnp.sqrt(inverse_square)
    radial = dot(position_I, p) * (3.0 * inverse_square)
    gradient = pull * (position_I[:, None] * radial[None] - p)  # gravity gradient: vertical unstable, horizontal stable
    bias = times_rows(axes_IB, ba)
    drift = times_rows(axes_IB, bg)
    moved_p = p + elapsed * v
    moved_v = v + elapsed * gradient - cross_rows(gained_I, q) - elapsed * bias - along_I[:, None] * s[None]
    moved_q = q - elapsed * drift
    return jnp.concatenate([moved_p, moved_v, moved_q, rows[9:19], memory_of_ground * rows[19:20]])


def propagate_covariance(memory: FlightMemory, settings: NavigationSettings, gm: Scalar, elapsed: Scalar):
    """F P Fᵀ + Q over the `elapsed` s since the last call."""
    state = memory.navigation
    axes_IB = to_matrix(state.attitude_IB)
    along_I = axes_IB[:, 2] * memory.delta_velocity_along
    moved = elapsed * jnp.sqrt(dot(state.velocity_I, state.velocity_I))
    memory_of_ground = jnp.exp(-moved / settings.terrain_length)
    arguments = (state.position_I, memory.delta_velocity_I, along_I, axes_IB, gm, elapsed, memory_of_ground)
    half = transition_rows(memory.covariance, *arguments)
    covariance = transition_rows(half.T, *arguments)
    return covariance + jnp.diag(process_noise(settings, elapsed, memory_of_ground))


def process_noise(settings: NavigationSettings, elapsed: Scalar, memory_of_ground: Scalar) -> Float[Array, "20"]:
    """Diagonal of Q: IMU noise, the gravity model's error as noise of equal effect (2 σ² τ), terrain renewal."""
    velocity = settings.velocity_random_walk**2 + 2.0 * settings.unmodelled_acceleration**2 * settings.unmodelled_time
    ones, zeros = jnp.ones(3), jnp.zeros(3)
    terrain = settings.terrain_sigma**2 * (1.0 - memory_of_ground**2)
    return jnp.concatenate(
        [
            zeros,
            ones * (velocity * elapsed),
            ones * (settings.angle_random_walk**2 * elapsed),
            jnp.zeros(10),
            terrain[None],
        ]
    )
