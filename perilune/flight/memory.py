"""What flight software remembers from cycle to cycle."""

import equinox as eqx
from jaxtyping import Array, Bool, Float, PyTree

from perilune.foundation.quantities import (
    Acceleration,
    Attitude,
    Count,
    Direction,
    Flag,
    Mass,
    Position,
    Scalar,
    Vector,
    Velocity,
)

from .control.effectiveness import Watch
from .executive.cut_off import Signs
from .executive.health import Health
from .executive.propellant import Book
from .monitoring.monitors import Monitors

# Rows of the error state (truth minus estimate), in the order of the covariance.
POSITION, VELOCITY, ATTITUDE = slice(0, 3), slice(3, 6), slice(6, 9)
ACCELEROMETER_BIAS, GYRO_BIAS = slice(9, 12), slice(12, 15)
ACCELEROMETER_SCALE, GYRO_SCALE, TRACKER_ALIGNMENT = slice(15, 16), slice(16, 19), slice(19, 22)
TERRAIN_BIAS, TERRAIN_SLOPE, TERRAIN_RELIEF = slice(22, 23), slice(23, 24), slice(24, 25)
VELOCIMETER_SCALE, FIX_TIE = slice(25, 26), slice(26, 29)
STATES = 29
SIGHT_ROWS = ("beam", "beam", "beam", "beam", "fix", "fix", "fix", "flow", "flow")
SENSOR_ROWS = ("tracker", "tracker", "tracker", "velocimeter", "velocimeter", "velocimeter", "range")


class NavigationState(eqx.Module):
    """The lander as flight software believes it to be."""

    position_I: Position
    velocity_I: Velocity
    attitude_IB: Attitude
    accelerometer_bias_B: Vector  # m/s²
    gyro_bias_B: Vector  # rad/s
    accelerometer_scale: Scalar  # along Z of B
    gyro_scale: Vector
    tracker_alignment_B: Vector  # rad
    terrain_bias: Scalar  # m, ground above the onboard map where the beam meets it
    terrain_slope: Scalar  # m/m, growth of that bias along the beam's way over the ground
    terrain_relief: Scalar  # m, ground above map and bias there, of what is too small for both
    terrain_below: Scalar  # m, ground above the onboard map under the lander: the bias, and what of the relief reaches there
    velocimeter_scale: Scalar
    fix_tie_M: Vector  # m, of the terrain camera's map against the Moon's axes


class Innovations(eqx.Module):
    """The last update's residuals: measured − predicted, their variances and what was done with them."""

    residual: Float[Array, " rows"]
    variance: Float[Array, " rows"]
    is_offered: Bool[Array, " rows"]
    is_accepted: Bool[Array, " rows"]


class Acquisition(eqx.Module):
    """How the range finder's returns have fared."""

    residuals: Float[Array, " window"]  # m, of the latest valid returns, newest first
    is_filled: Bool[Array, " window"]
    since_accepted: Scalar  # s
    accepted_time: Scalar  # s of uninterrupted acceptance
    fresh_updates: Scalar  # accepted updates since the gap
    refused_time: Scalar  # s of refusals without a range taken between them
    has_taken: Flag  # a range has been taken in this flight
    is_isolated: Flag  # the unit has been given up


class FlightMemory(eqx.Module):
    """The whole of it."""

    navigation: NavigationState
    covariance: Float[Array, "29 29"]
    delta_velocity_I: Vector  # m/s, gathered since the last covariance step
    delta_velocity_along: Scalar  # m/s, of it along Z of B
    delta_angle_B: Vector  # rad, gathered likewise
    ground_point_M: Position  # m, where the beam was predicted to meet the ground at the last update
    rate_B: Vector  # rad/s, latest
    gravity_rest_I: Acceleration  # m/s², what the onboard table adds to the zonal field until the next slow step
    innovations: Innovations  # of `SENSOR_ROWS`
    sighted: Innovations  # of `SIGHT_ROWS`
    acquisition: Acquisition
    monitors: Monitors
    mode: Count
    seen: Bool[Array, " onboard_events"]  # events raised so far
    throttle: Scalar
    time_to_go: Scalar  # s, to the end of braking
    distance_in_hand: Scalar  # m, to go before ignition is due
    law_note: Float[Array, "2"]  # what the braking law keeps between slow steps
    forward_I: Direction  # ground track direction, held below 50 m/s
    cosine_of_pointing: Scalar  # of Z of B from the wanted thrust direction
    propellant: Mass  # kg, by bookkeeping and gauge
    assist_residual: Scalar  # valve steps owed
    torque_owed: Vector  # N m, mean of a cycle, that attitude thrusters owe
    attitude_integral: Vector  # rad/s, of angular acceleration wanted
    thrust_demand: Scalar  # N
    clock: Scalar  # s, at the latest cycle
    beam_time: Scalar  # s for which ranges of Doppler beams have been taken without a break
    felt: Scalar  # m/s², specific force along Z of B in the latest cycle; 0 where the IMU gave nothing at all
    turn_B: Vector  # rad/s², angular acceleration in the latest cycle
    thrust_given: Scalar  # N, that the latest commands ask of main and assist engines
    torque_given: Vector  # N m, that they ask of attitude thrusters and gimbal
    watch: Watch  # what was felt and given, lagged
    signs: Signs  # of the ground
    book: Book  # of the propellant
    health: Health  # of the units
    own: PyTree = None  # what software of one's own remembers; the built-in keeps nothing here
