"""How the ground answers a laser at 1064 nm."""

import equinox as eqx

from perilune.foundation.quantities import Scalar


class Surface(eqx.Module):
    """Zero-phase reflectance (a laser looks along its own light) and the Sun that adds background to it."""

    reflectance: Scalar  # normal albedo at 1064 nm
    sun_elevation_sine: Scalar
