"""Propellant gauge: the mass in the tanks, read while something presses the liquid to the bottom of them.

Level probes and bookkeeping of flow are good to about 1 % of the tank's capacity, pressure-volume methods to 1 to 5 % (M);
settling and slosh: Dodge 2000, The New Dynamic Behavior of Liquids in Moving Containers, SwRI.
"""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.quantities import Flag, Mass, Scalar
from perilune.foundation.randomness import Noise, rows

from ..state import Motion


class PropellantGauge(eqx.Module):
    """One gauge for all tanks.

    Slosh is white noise that grows with the last change of acceleration; a real one rings at 0.3 to 1 Hz with a few per cent of
    damping, so that errors of successive readings are alike for some 10 s. Left out: the tilt of the liquid's surface with
    sideways acceleration (1 % of a tank's depth a per cent of sideways share), residuals that no probe sees.
    """

    bias: Scalar  # kg
    scale_error: Scalar
    noise: Scalar  # kg, 1 sigma
    slosh: Scalar  # kg a m/s², 1 sigma, by the change of acceleration since the last reading
    quantum: Scalar  # kg; 0 for none
    settling: Scalar  # m/s², of non-gravitational acceleration along the thrust, below which nothing lies at the bottom

    def measure(self, motion: Motion, acceleration: Scalar, before: Scalar, noise: Noise) -> tuple[Mass, Flag]:
        """Propellant (kg) and its validity, at a non-gravitational acceleration along +Z of B (m/s²), and a reading ago."""
        spread = jnp.sqrt(self.noise**2 + (self.slosh * (acceleration - before)) ** 2)
        read = (1.0 + self.scale_error) * motion.propellant + self.bias + spread * rows(noise, "propellant_gauge")[0]
        stepped = jnp.round(read / jnp.where(self.quantum > 0.0, self.quantum, 1.0)) * self.quantum
        read = jnp.where(self.quantum > 0.0, stepped, read)
        return jnp.maximum(read, 0.0), acceleration > self.settling
