"""The map and gravity that are carried on board: both poorer than the Moon itself."""

import equinox as eqx

from perilune.foundation.gravity import GravityField
from perilune.foundation.grid import HeightMap


class OnboardModel(eqx.Module):
    """The onboard height map (coarse, its tie to the ground in error) and gravity field (central term and C₂₀)."""

    ground: HeightMap
    gravity: GravityField
