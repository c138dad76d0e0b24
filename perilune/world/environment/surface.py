"""How the ground answers a laser at 1064 nm, and the dust that engines raise from it.

A jet that meets the ground presses on it as its thrust over the square of its height (Roberts 1963, IAS 63-50), so two landers
raise dust alike where F/h² is alike. The Apollo lunar modules, 13 kN at the end, raised the first dust at 30 to 60 m and lost
sight of the ground at 10 to 20 m (Apollo mission reports; Immer et al. 2011, Icarus 214, 46–52; Metzger, Smith and Lane 2011,
J. Geophys. Res. 116, E06005): onset at h = k √F with k = 0.35 m/√N, and below it an optical depth that grows as that pressure,

    τ(h) = τ_half ((h₀/h)² − 1)/3,   τ_half at half the onset height.

Both figures are uncertain by a factor of two to three; both are numbers of the mission that a campaign can disperse.
"""

import equinox as eqx
import jax.numpy as jnp

from perilune.foundation.quantities import Scalar

LEAST_HEIGHT = 0.3  # m: nearer the ground the cloud grows no denser (the lander's own nozzles stand that high)


class Surface(eqx.Module):
    """Zero-phase reflectance (a laser looks along its own light), the Sun that adds background to it, and dust."""

    reflectance: Scalar  # normal albedo at 1064 nm, at the site
    sun_elevation_sine: Scalar
    dust_onset: Scalar  # m/√N; 0 for ground that raises none
    dust_depth: Scalar  # optical, at half the onset height

    def optical_depth(self, height: Scalar, thrust: Scalar) -> Scalar:
        """Of the dust between a sensor at a height over the ground (m) and the ground straight below it, under a thrust (N)."""
        onset = self.dust_onset * jnp.sqrt(jnp.maximum(thrust, 0.0))
        near = onset / jnp.maximum(height, LEAST_HEIGHT)
        return self.dust_depth * jnp.maximum(near * near - 1.0, 0.0) / 3.0
