"""Gravity for the orbit phase: the whole field, Earth and Sun for the world, a lower degree on board."""

import equinox as eqx

from perilune.flight.navigation.orbit import OrbitGravity
from perilune.world.environment.gravity import Gravity

from .build_gravity import fields_of, moment_of, source_of
from .mission import Mission
from .sky import sky_of

WINDOW = (-14400.0, 600.0)  # s of mission time that the sky is made for: half a revolution and what comes before it


class OrbitModel(eqx.Module):
    """Both fields: shared by all lanes, never batched."""

    world: Gravity
    onboard: OrbitGravity


def orbit_model(mission: Mission) -> OrbitModel:
    """The mission's fields; its time 0 is a flight before the planned touchdown. Raises UserError as its files ask for."""
    whole, lower = fields_of(mission)
    epoch = moment_of(mission) - mission.start.flight_time_s
    return OrbitModel(Gravity(whole, sky_of(source_of(mission), epoch, *WINDOW)), OrbitGravity(lower))
