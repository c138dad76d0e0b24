"""Navigation in orbit: the estimate coasts under the onboard field, and its covariance by the state-transition matrix."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from perilune.foundation.frames import fixed_to_inertial, inertial_to_fixed
from perilune.foundation.harmonics import HarmonicField, acceleration
from perilune.foundation.local_gravity import LocalGravity
from perilune.foundation.moon import GM
from perilune.foundation.quantities import Acceleration, Matrix, Position, Scalar, Vector, Velocity
from perilune.foundation.stepping import runge_kutta
from perilune.foundation.vectors import cross_rows, dot, dot_rows, times_rows

# Rows of the error state (truth minus estimate): position, velocity, attitude, accelerometer bias and scale along Z of B.
ORBIT_STATES = 13
OrbitCovariance = Float[Array, "13 13"]


class OrbitGravity(eqx.Module):
    """The field that is carried on board, summed as harmonics; the Moon turns uniformly, Earth and Sun are left out."""

    moon: HarmonicField

    def acceleration(self, position_I: Position, time: Scalar) -> Acceleration:
        """m/s² in I at mission time `time` (s)."""
        return fixed_to_inertial(acceleration(self.moon, inertial_to_fixed(position_I, time)), time)


class OrbitSettings(eqx.Module):
    """What navigation believes of its own errors in orbit (1 sigma, SI)."""

    unmodelled_acceleration: Vector  # m/s², of the onboard field; radial, along, cross track
    unmodelled_time: Scalar  # s, over which that error keeps its sign
    velocity_random_walk: Scalar  # m/s/√s


class OrbitEstimate(eqx.Module):
    """Where navigation believes the lander to be, and how sure it is."""

    position_I: Position
    velocity_I: Velocity
    covariance: OrbitCovariance


def advance(
    gravity: OrbitGravity | LocalGravity, position_I: Position, velocity_I: Velocity, push_I: Vector, time: Scalar, step: Scalar
):
    """Position and velocity `step` s after `time` (s) under gravity and a steady acceleration `push_I` (m/s²)."""

    def rate(state, when):
        position, velocity = state
        return velocity, gravity.acceleration(position, when) + push_I

    return runge_kutta(rate, (position_I, velocity_I), time, step)


class Stretch(eqx.Module):
    """What happened between two covariance steps."""

    position_I: Position  # about the middle of it
    gained_I: Vector  # m/s, felt
    axes_IB: Matrix
    orbit_axes: Matrix  # rows: radial, along and cross track, in I
    elapsed: Scalar  # s
    sensed: Scalar  # s of it in which the accelerometers were listened to


def moved_rows(rows: Float[Array, "13 n"], stretch: Stretch) -> Float[Array, "6 n"]:
    """Rows 0 to 5 of Φ @ rows: Φ to the second order in the step, gravity gradient of a point Moon.

    At 10 s in low orbit that leaves 1e-7 of an error a step; the gradient of C₂₀, 1e-3 of it, is left out, as in descent.
    """
    p, v, q, bias, scale = rows[0:3], rows[3:6], rows[6:9], rows[9:12], rows[12]
    r, t = stretch.position_I, stretch.elapsed
    inverse_square = 1.0 / dot(r, r)
    pull = GM * inverse_square * jnp.sqrt(inverse_square)

    def gradient(x):
        return pull * (3.0 * inverse_square * r[:, None] * dot_rows(r, x)[None, :] - x)

    along_I = stretch.axes_IB[:, 2] * dot(stretch.axes_IB[:, 2], stretch.gained_I)
    kick = (
        -cross_rows(stretch.gained_I, q) - stretch.sensed * times_rows(stretch.axes_IB, bias) - along_I[:, None] * scale[None, :]
    )
    moved_p = p + t * v + 0.5 * t * t * gradient(p) + 0.5 * t * kick
    moved_v = v + t * gradient(p) + 0.5 * t * t * gradient(v) + kick
    return jnp.concatenate([moved_p, moved_v])


def propagate_orbit_covariance(covariance: OrbitCovariance, stretch: Stretch, settings: OrbitSettings) -> OrbitCovariance:
    """Φ P Φᵀ + Q: the accelerometers' noise while they are listened to, and the field's error as noise of equal effect, 2 σ² τ.

    A conservative field gives back what it takes, so its error leaves next to nothing along the track, where noise would make the
    energy wander: each orbit axis has a sigma of its own.
    """
    half = covariance.at[0:6].set(moved_rows(covariance, stretch))
    whole = half.at[:, 0:6].set(moved_rows(half.T, stretch).T)
    t = stretch.elapsed
    field = 2.0 * settings.unmodelled_acceleration**2 * settings.unmodelled_time * t
    both = jnp.eye(3) * (settings.velocity_random_walk**2 * stretch.sensed)
    for k in range(3):
        both = both + field[k] * stretch.orbit_axes[k][:, None] * stretch.orbit_axes[k][None, :]
    upper = jnp.concatenate([both * (t * t / 3.0), both * (0.5 * t)], axis=1)
    noise = jnp.concatenate([upper, jnp.concatenate([both * (0.5 * t), both], axis=1)])
    return whole.at[0:6, 0:6].add(noise)
