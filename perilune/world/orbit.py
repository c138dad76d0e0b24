"""Orbit and coast: nothing but gravity, in steps of about a second."""

import jax
import jax.numpy as jnp
from jax import lax

from perilune.foundation.quantities import Position, Scalar, Velocity

from .environment.gravity import Gravity


def coast(gravity: Gravity, position_I: Position, velocity_I: Velocity, start: Scalar, step: Scalar, steps: int):
    """Position and velocity after `steps` steps of `step` s from mission time `start` (s): classical Runge-Kutta.

    At 1 s in a 100 km orbit it is within 1e-4 m of half the step after half an hour (tested).
    """

    def rate(state, time):
        position, velocity = state
        return velocity, gravity.acceleration(position, time)

    def along(state, slope, length):
        return jax.tree.map(lambda x, k: x + length * k, state, slope)

    def one(k, state):
        time = start + k.astype(jnp.float64) * step
        k1 = rate(state, time)
        k2 = rate(along(state, k1, 0.5 * step), time + 0.5 * step)
        k3 = rate(along(state, k2, 0.5 * step), time + 0.5 * step)
        k4 = rate(along(state, k3, step), time + step)
        return jax.tree.map(lambda x, a, b, c, d: x + step / 6.0 * (a + 2.0 * (b + c) + d), state, k1, k2, k3, k4)

    return lax.fori_loop(0, steps, one, (position_I, velocity_I))
