"""What the orbit phase hands on: where the landing begins, how the burn went, and the record of the way."""

import equinox as eqx
from jaxtyping import Array, Float

from perilune.flight.navigation.orbit import OrbitEstimate
from perilune.foundation.quantities import Flag, Mass, Position, Scalar, Velocity


class Impact(eqx.Module):
    """Where and when the sphere of the site's height was met, if it was."""

    has_hit: Flag
    time: Scalar  # s, mission time
    position_I: Position
    velocity_I: Velocity


class OrbitRow(eqx.Module):
    """One row of the record, truth and estimate of the same instant."""

    time: Scalar
    true_position_I: Position
    true_velocity_I: Velocity
    position_I: Position
    velocity_I: Velocity
    sigma_rtn: Float[Array, "6"]  # 1 sigma believed, m and m/s along the estimate's orbit axes


class BurnFigures(eqx.Module):
    """How the burn went."""

    ignition: Scalar  # s, mission time
    cut_off: Scalar  # s, mission time at which the valve shut
    delta_velocity_planned: Scalar  # m/s along the thrust axis
    delta_velocity_felt: Scalar  # the same, by the accelerometers
    delta_velocity_flown: Scalar  # m/s, length of the true one
    perilune: Scalar  # m from the Moon's centre, osculating, that it left
    propellant: Mass  # burnt
    propellant_planned: Mass


class Arrival(eqx.Module):
    """What the landing begins with, at mission time 0."""

    position_I: Position
    velocity_I: Velocity
    propellant: Mass
    estimate: OrbitEstimate
    booked: Mass  # propellant on board by bookkeeping
    impact: Impact
    burn: BurnFigures
