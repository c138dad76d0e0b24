"""Recorders: what of each snapshot is kept, made from channel names."""

from functools import lru_cache

import jax.numpy as jnp

from perilune.simulation.simulate import Recorder

from .dictionary import CHANNELS
from .view import view

# What every lane of a batch keeps once a second, in float32.
BATCH_CHANNELS = (
    "truth/height_above_terrain_m",
    "truth/height_above_site_m",
    "truth/climb_rate_mps",
    "truth/horizontal_speed_mps",
    "truth/speed_mps",
    "truth/propellant_kg",
    "truth/tilt_deg",
    "navigation/height_above_site_m",
    "navigation/height_above_terrain_m",
    "navigation/speed_mps",
    "navigation/climb_rate_mps",
    "navigation/height_sigma_m",
    "truth/velocity_east_mps",
    "truth/velocity_north_mps",
    "navigation/velocity_east_mps",
    "navigation/velocity_north_mps",
    "range_finder/is_valid",
    "executive/mode",
    "executive/throttle",
)


@lru_cache
def recorder(names: tuple[str, ...], single: bool = False) -> Recorder:
    """A recorder of the mission time and these channels; (channels + 1,) an instant. Cached: one program a set."""

    def record(scenario, snapshot):
        seen = view(scenario, snapshot)
        values = [seen.time, *(CHANNELS[name].read(seen) for name in names)]
        dtype = jnp.float32 if single else jnp.float64
        return jnp.stack([jnp.asarray(value).astype(dtype) for value in values])

    return record
