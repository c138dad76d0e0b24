"""Strapdown propagation of the estimate, and of its covariance."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from perilune.foundation.corridor import Corridor
from perilune.foundation.frames import fixed_to_inertial, inertial_to_fixed
from perilune.foundation.gravity import GravityField, acceleration
from perilune.foundation.quantities import Acceleration, Matrix, Position, Scalar, Vector
from perilune.foundation.rotation import compose, from_rotation_vector, normalised, rotate
from perilune.foundation.vectors import cross_rows, dot, dot_rows, times_rows
from perilune.interface.measurements import Measurements

from ..memory import STATES, TERRAIN_BIAS, TERRAIN_RELIEF, TERRAIN_SLOPE, FlightMemory, NavigationState
from ..settings import NavigationSettings


def propagate(state: NavigationState, measured: Measurements, gravity: GravityField, rest_I: Acceleration):
    """One cycle of dead reckoning; also the velocity gained (m/s, I) and its part along Z of B.

    `rest_I`: what the onboard table adds to `gravity`, m/s² (`gravity_rest`).
    The body-frame increment is turned by the attitude half-way through the cycle, gravity is taken at the mean
    position (Titterton & Weston 2004, §11.3).
    """
    period = measured.elapsed
    angle_B = (measured.delta_angle_B - state.gyro_bias_B * period) / (1.0 + state.gyro_scale)
    gained_B = measured.delta_velocity_B - state.accelerometer_bias_B * period
    scale = jnp.stack([jnp.ones_like(period), jnp.ones_like(period), 1.0 / (1.0 + state.accelerometer_scale)])
    gained_B = gained_B * scale
    middle_IB = compose(state.attitude_IB, from_rotation_vector(0.5 * angle_B))
    attitude_IB = normalised(compose(state.attitude_IB, from_rotation_vector(angle_B)))
    gained_I = rotate(middle_IB, gained_B)
    form_I = gravity.form(jnp.zeros_like(period))  # zonal: the same in I at any time
    middle_I = state.position_I + 0.5 * period * state.velocity_I
    change_I = gained_I + period * (acceleration(gravity.gm, form_I, middle_I) + rest_I)
    moved = eqx.tree_at(
        lambda s: (s.position_I, s.velocity_I, s.attitude_IB),
        state,
        (state.position_I + period * (state.velocity_I + 0.5 * change_I), state.velocity_I + change_I, attitude_IB),
    )
    return moved, gained_I, gained_B[2], angle_B


def gravity_rest(state: NavigationState, table: Corridor, ahead: Scalar, clock: Scalar) -> Acceleration:
    """What the onboard table adds to the zonal field, m/s² in I, where the lander will be `ahead` s from `clock`."""
    position_I, time = state.position_I + ahead * state.velocity_I, clock + ahead
    return fixed_to_inertial(table.at(inertial_to_fixed(position_I, time)), time)


class Interval(eqx.Module):
    """What happened between two covariance steps, as the transition needs it."""

    position_I: Position
    gained_I: Vector  # m/s, velocity gained without gravity
    along_I: Vector  # m/s, of it along Z of B
    angle_B: Vector  # rad, turned
    axes_IB: Matrix
    gm: Scalar
    elapsed: Scalar  # s
    over_ground: Scalar  # beam's way over the ground, in correlation lengths of the map's error
    length: Scalar  # m, that correlation length
    relief_left: Scalar  # share of the relief under the beam that is left of it after that way


def terrain_transition(interval: Interval, bias, slope):
    """The map's error along the ground: critically damped second-order Gauss-Markov (Gelb 1974, §2.2, table 2.2-1).

    With x the way over the ground in correlation lengths L: b(x) = e^(−x) [(1 + x) b + x L s], and its derivative.
    Smooth as a bilinear map is, and bounded: its stationary sigmas are σ and σ/L.
    """
    x, length, fade = interval.over_ground, interval.length, jnp.exp(-interval.over_ground)
    return fade * ((1.0 + x) * bias + x * length * slope), fade * (-x / length * bias + (1.0 - x) * slope)


def moved_rows(rows: Float[Array, "29 29"], interval: Interval) -> tuple[Float[Array, "9 29"], Float[Array, "3 29"]]:
    """The rows of F @ rows that differ from `rows`, for the error-state transition F: 0 to 8, and 22 to 24.

    The error is truth minus estimate, attitude error a small rotation in I (Solà 2017, §7, global form):
    δṗ = δv;  δv̇ = G δp − a × θ − C δb_a − C ẑ f_z δs_a;  θ̇ = −C δb_g − C diag(ω) δs_g.
    """
    p, v, q, ba, bg, sa, sg = rows[0:3], rows[3:6], rows[6:9], rows[9:12], rows[12:15], rows[15], rows[16:19]
    position_I, elapsed = interval.position_I, interval.elapsed
    inverse_square = 1.0 / dot(position_I, position_I)
    pull = interval.gm * inverse_square * jnp.sqrt(inverse_square)
    radial = dot_rows(position_I, p) * (3.0 * inverse_square)
    gradient = pull * (position_I[:, None] * radial[None] - p)  # gravity gradient: vertical unstable, horizontal stable
    bias = times_rows(interval.axes_IB, ba)
    drift = times_rows(interval.axes_IB, elapsed * bg + interval.angle_B[:, None] * sg)
    moved_p = p + elapsed * v
    moved_v = v + elapsed * (gradient - bias) - cross_rows(interval.gained_I, q) - interval.along_I[:, None] * sa[None]
    terrain = terrain_transition(interval, rows[TERRAIN_BIAS.start], rows[TERRAIN_SLOPE.start])
    relief = interval.relief_left * rows[TERRAIN_RELIEF.start]
    return jnp.concatenate([moved_p, moved_v, q - drift]), jnp.stack([*terrain, relief])


def propagate_covariance(memory: FlightMemory, interval: Interval, settings: NavigationSettings):
    """F P Fᵀ + Q over the interval since the last call: the rows that F moves are put in place, then the columns, which are
    also all that Q adds to.

    What rounding left between P and its transpose is taken out first: updates subtract outer products, symmetric themselves,
    and would leave it to grow with the unstable vertical (e-fold in 12 minutes).
    """
    covariance, first = 0.5 * (memory.covariance + memory.covariance.T), TERRAIN_BIAS.start
    of_motion, of_terrain = process_noise(settings, interval)
    motion, terrain = moved_rows(covariance, interval)
    half = lax.dynamic_update_slice(lax.dynamic_update_slice(covariance, motion, (0, 0)), terrain, (first, 0))
    motion, terrain = moved_rows(half.T, interval)
    motion, terrain = motion + of_motion, terrain + of_terrain
    return lax.dynamic_update_slice(lax.dynamic_update_slice(half, motion.T, (0, 0)), terrain.T, (0, first))


def process_noise(settings: NavigationSettings, interval: Interval) -> tuple[Float[Array, "9 29"], Float[Array, "3 29"]]:
    """Q's rows 0 to 8, and 22 to 24: IMU noise, the gravity model's error as noise of equal effect (2 σ² τ), renewal of the
    map's error and of the relief below it.

    The renewal is P∞ − F P∞ Fᵀ of the second-order process of the map's error, and σ² (1 − φ²) of the relief's first-order one:
    both exact for any way over the ground. As white noise, relief would be averaged away over all ranges that look at one
    crater's flank, and leave the filter sure of a height that is metres off.
    """
    velocity = settings.velocity_random_walk**2 + 2.0 * settings.unmodelled_acceleration**2 * settings.unmodelled_time
    ones = jnp.ones(3)
    steady, steep = settings.terrain_sigma**2, (settings.terrain_sigma / settings.terrain_length) ** 2
    bb, sb = terrain_transition(interval, jnp.ones_like(steady), jnp.zeros_like(steady))
    bs, ss = terrain_transition(interval, jnp.zeros_like(steady), jnp.ones_like(steady))
    walks = jnp.concatenate(
        [jnp.zeros(3), ones * (velocity * interval.elapsed), ones * (settings.angle_random_walk**2 * interval.elapsed)]
    )
    mixed = -(bb * sb * steady + bs * ss * steep)
    own = steady - bb**2 * steady - bs**2 * steep, steep - sb**2 * steady - ss**2 * steep
    bias, slope = TERRAIN_BIAS.start, TERRAIN_SLOPE.start
    state = jnp.arange(STATES)
    of_motion = jnp.where(state[None, :] == jnp.arange(9)[:, None], walks[:, None], 0.0)
    of_terrain = [jnp.where(state == bias, a, jnp.where(state == slope, b, 0.0)) for a, b in ((own[0], mixed), (mixed, own[1]))]
    renewed = settings.terrain_roughness**2 * (1.0 - interval.relief_left**2)
    of_relief = jnp.where(state == TERRAIN_RELIEF.start, renewed, 0.0)
    return of_motion, jnp.stack([*of_terrain, of_relief])
