"""The lander as it really is."""

import equinox as eqx
from jaxtyping import Array, Bool, Float

from perilune.foundation.quantities import Attitude, Flag, Mass, Position, Rate, Scalar, Slope, Vector, Velocity

from .faults.table import FaultState
from .sensors.imu_errors import ImuState

AFTER_CONTACT = 5  # cycles that flight software and engines go on after the cycle of first contact


class Motion(eqx.Module):
    """What the equations of motion integrate, with the ideal IMU's two integrals since the cycle began."""

    position_I: Position  # of the centre of mass
    velocity_I: Velocity
    attitude_IB: Attitude
    rate_B: Rate  # of B relative to I
    propellant: Mass  # in all tanks
    slosh: Float[Array, "2 tanks"]  # m, of what swings in each tank, along X and Y of B from its rest
    slosh_rate: Float[Array, "2 tanks"]  # m/s
    delta_velocity_B: Vector  # m/s, non-gravitational, of the structure
    delta_angle_B: Vector  # rad


class EngineState(eqx.Module):
    """Valves, throttle and gimbal, and what each class of engines delivers now: force (N), torque about the datum (N m),
    flow (kg/s)."""

    delivered: Float[Array, "classes 7"]
    throttle: Scalar  # share of full thrust, of the main engines
    gimbal: Float[Array, "2"]  # rad, about X and Y of B
    is_open: Bool[Array, " engines"]
    mean: Float[Array, "7"]  # force, torque about the datum and flow of all classes, the mean of the last cycle
    start_loss: Mass  # kg spent in start transients so far


class Touchdown(eqx.Module):
    """The moment of first footpad contact."""

    time: Scalar  # s
    position_I: Position
    velocity_I: Velocity  # relative to I
    attitude_IB: Attitude
    propellant: Mass
    slope: Slope  # of the ground there, the map's and the local one


class TruthState(eqx.Module):
    """The lander as it really is. World floor only; flight software never sees it."""

    motion: Motion
    tanks: Float[Array, " tanks"]  # kg in each
    engines: EngineState
    imu: ImuState
    sensed: Scalar  # m/s² along Z of B, at the propellant gauge's last reading
    range_hits: Bool[Array, " shots"]  # of the range finder's latest shots, newest first
    touchdown: Touchdown
    faults: FaultState
    aftermath: Float[Array, "cycles 6"]  # N, N m about the datum: `engines.mean` of the cycle of first contact and those after
    foot_height: Scalar  # m, of the lowest footpad above the ground
    is_down: Bool[Array, " feet"]  # which footpads touch
    has_contact: Flag
    has_diverged: Flag
    is_dry: Flag
