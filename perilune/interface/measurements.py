"""What the sensors hand to flight software in one cycle."""

import equinox as eqx

from perilune.foundation.quantities import Attitude, Flag, Scalar, Vector


class Measurements(eqx.Module):
    """One cycle's readings. A reading whose flag is false carries no information and must not be used.

    The slow sensors (star tracker, range finder, velocimeter) report on the cycles when they are due; between them
    their flags are false.
    """

    delta_velocity_B: Vector  # m/s, non-gravitational, over the last cycle
    delta_angle_B: Vector  # rad, over the last cycle
    tracker_attitude_IB: Attitude
    tracker_is_valid: Flag
    slant_range: Scalar  # m, as measured one latency ago
    range_strength: Scalar  # signal over noise of the last return, amplitude ratio
    range_is_detected: Flag  # a return passed the unit's threshold this time
    range_is_valid: Flag  # the unit's own verdict: m of its last n shots returned
    velocity_S: Vector  # m/s, of the lander over the ground, S = B for the velocimeter
    velocimeter_is_valid: Flag
    has_contact: Flag  # any footpad switch closed
    clock: Scalar  # s of mission time, by the onboard clock
    elapsed: Scalar  # s since the last cycle, by the same clock
