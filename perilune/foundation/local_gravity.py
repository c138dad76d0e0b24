"""Any field over some seconds of an orbit: central term and C₂₀ at every step, all the rest looked up twice and linear between.

The rest is smooth along the way: 8 waves of it a revolution turn by 0.07 rad in 10 s. Taken at the two Gauss points of the
stretch, a line through it leaves a parabola of error that is orthogonal to every line: neither the velocity nor the way gained
over the stretch sees it, and what they do see is of the fifth order. It costs a twentieth of summing the field in every stage.
"""

from typing import Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp

from .gravity import acceleration, zonal_field
from .quantities import Acceleration, Position, Scalar, Velocity
from .stepping import runge_kutta

POINTS = (0.5 - 0.5 / 3.0**0.5, 0.5 + 0.5 / 3.0**0.5)  # Gauss-Legendre on 0 … 1


@runtime_checkable
class Field(Protocol):
    """What pulls at a place in I (m) and a mission time (s), m/s² in I."""

    def acceleration(self, position_I: Position, time: Scalar) -> Acceleration: ...


def near(position_I: Position) -> Acceleration:
    """Central term and C₂₀, m/s²: the same in I at any time."""
    zonal = zonal_field()
    return acceleration(zonal.gm, zonal.form(jnp.zeros(())), position_I)


class LocalGravity(eqx.Module):
    """A field as it is about one stretch of an orbit."""

    first_I: Acceleration  # the rest at `time`
    slope_I: Acceleration  # m/s³
    time: Scalar  # s

    def acceleration(self, position_I: Position, time: Scalar) -> Acceleration:
        """m/s² in I at mission time `time` (s)."""
        return near(position_I) + self.first_I + (time - self.time) * self.slope_I


def local_gravity(field: Field, position_I: Position, velocity_I: Velocity, time: Scalar, span: Scalar) -> LocalGravity:
    """`field` over `span` s from mission time `time` (s) along the way of this state; negative spans go back.

    Where the lander will be is taken without the rest, and without thrust: over 10 s a few centimetres off, over 1 s of thrust a
    quarter of a metre, and the rest changes by 1e-8 m/s² in 10 m.
    """

    def rest(share):
        def rate(state, _):
            return state[1], near(state[0])

        place_I, _ = runge_kutta(rate, (position_I, velocity_I), time, share * span)
        return field.acceleration(place_I, time + share * span) - near(place_I)

    one, two = jax.vmap(rest)(jnp.asarray(POINTS))
    slope_I = (two - one) / ((POINTS[1] - POINTS[0]) * span)
    return LocalGravity(one - POINTS[0] * span * slope_I, slope_I, time)
