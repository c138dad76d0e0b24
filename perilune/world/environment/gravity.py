"""All that pulls on a lander far from its engines: the Moon's field to any degree, the Earth and the Sun."""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.harmonics import HarmonicField, acceleration
from perilune.foundation.moon import GM_EARTH, GM_SUN
from perilune.foundation.quantities import Acceleration, Position, Scalar
from perilune.foundation.vectors import dot

from .sky import Sky


class Gravity(eqx.Module):
    """The whole field."""

    moon: HarmonicField
    sky: Sky

    def acceleration(self, position_I: Position, time: Scalar) -> Acceleration:
        """Acceleration in I relative to the Moon's centre, m/s², at mission time `time` (s)."""
        axes = self.sky.fixed_axes(time)
        pull_M = acceleration(self.moon, jnp.stack([dot(axes[i], position_I) for i in range(3)]))
        pull_I = pull_M[0] * axes[0] + pull_M[1] * axes[1] + pull_M[2] * axes[2]
        earth = third_body(GM_EARTH, self.sky.earth_I.at(time), position_I)
        return pull_I + earth + third_body(GM_SUN, self.sky.sun_I.at(time), position_I)


def third_body(gm: float, body_I: Position, position_I: Position) -> Acceleration:
    """Pull of a distant body less its pull on the Moon itself, m/s² (Battin 1999, eq. 8.61: no difference of near equals).

    With d = body − r and q = r·(r − 2 body)/body², a = −GM/d³ (r + f(q) body), f(q) = q (3 + 3q + q²)/(1 + (1 + q)^{3/2}).
    """
    away = body_I - position_I
    q = dot(position_I, position_I - 2.0 * body_I) / dot(body_I, body_I)
    f = q * (3.0 + 3.0 * q + q * q) / (1.0 + (1.0 + q) ** 1.5)
    cube = dot(away, away) ** 1.5
    return -gm / cube * (position_I + f * body_I)
