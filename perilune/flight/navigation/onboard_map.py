"""The map and gravity that are carried on board: both poorer than the Moon itself."""

import equinox as eqx

from perilune.foundation.corridor import Corridor
from perilune.foundation.gravity import GravityField
from perilune.foundation.grid import HeightMap


class OnboardModel(eqx.Module):
    """The onboard height map (coarse, its tie to the ground in error) and gravity: central term and C₂₀, and a table of what
    the rest of the onboard degree adds along the planned track."""

    ground: HeightMap
    gravity: GravityField
    gravity_table: Corridor
