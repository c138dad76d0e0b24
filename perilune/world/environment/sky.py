"""Sun and Earth, and how the Moon turns, over a window of mission time."""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.chebyshev import Chebyshev
from perilune.foundation.frames import moon_angle
from perilune.foundation.quantities import Matrix, Scalar


class Sky(eqx.Module):
    """Sun, Earth and the Moon's turning over a window of mission time."""

    sun_I: Chebyshev  # m, from the Moon's centre
    earth_I: Chebyshev
    wobble: Chebyshev  # rad, rotation vector in M from the uniformly turning axes to M as it really is

    def fixed_axes(self, time: Scalar) -> Matrix:
        """Matrix that takes I components to M at mission time `time` (s), libration and precession included."""
        c, s = jnp.cos(moon_angle(time)), jnp.sin(moon_angle(time))
        zero, one = jnp.zeros_like(c), jnp.ones_like(c)
        uniform = [jnp.stack([c, s, zero]), jnp.stack([-s, c, zero]), jnp.stack([zero, zero, one])]
        x, y, z = self.wobble.at(time)
        # Axes turned by a vector w: v → v − w × v + ½ w × (w × v); w is below 1e-4 rad in a day, so w³ is below 1e-12.
        turned = [
            (1.0 - 0.5 * (y * y + z * z), z + 0.5 * x * y, -y + 0.5 * x * z),
            (-z + 0.5 * x * y, 1.0 - 0.5 * (x * x + z * z), x + 0.5 * y * z),
            (y + 0.5 * x * z, -x + 0.5 * y * z, 1.0 - 0.5 * (x * x + y * y)),
        ]
        return jnp.stack([row[0] * uniform[0] + row[1] * uniform[1] + row[2] * uniform[2] for row in turned])
