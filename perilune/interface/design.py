"""The lander as drawn: what the drawing office knows, without any error that the real lander has."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Bool, Float

from perilune.foundation.moon import STANDARD_GRAVITY
from perilune.foundation.quantities import Direction, Mass, Scalar, Vector

# class: (first slot, number of slots). The order of every per-engine array; a lander need not fill its slots.
ENGINE_CLASSES = {"main": (0, 2), "assist": (2, 8), "attitude": (10, 16)}
ENGINES = 26
PAIRS = 4  # of assist engines
TANKS = 4
FEET = 6
BEAMS = 4  # of a Doppler lidar or landing radar
PATCH = 16  # heights along each side of a hazard lidar's patch
CLASS_OF_ENGINE = np.repeat(np.arange(3), [count for _, count in ENGINE_CLASSES.values()])


def engine_slice(name: str) -> slice:
    """Where one class of engines stands in a per-engine array."""
    first, count = ENGINE_CLASSES[name]
    return slice(first, first + count)


class SightsDesign(eqx.Module):
    """What is drawn of the instruments that not every lander carries, and their sheets."""

    is_carried: Bool[Array, "3"]  # Doppler beams, terrain camera, optical flow; one for all lanes of a batch
    beams_B: Float[Array, "beams 3"]  # directions
    beams_latency: Scalar  # s
    beams_sigma: Scalar  # m, 1 sigma of a beam's range
    beams_fraction: Scalar  # of the range, likewise
    fix_latency: Scalar  # s
    fix_angle: Scalar  # rad: 1 sigma of a fix in each horizontal direction, over the height
    fix_up_angle: Scalar  # rad: of its height, likewise
    fix_floor: Scalar  # m, 1 sigma that does not shrink with height
    flow_boresight_B: Direction
    flow_across_B: Direction
    flow_latency: Scalar  # s
    flow_sigma: Scalar  # rad/s


class LanderDesign(eqx.Module):
    """Masses, geometry and nominal performance that flight software is built on. Empty slots have no thrust."""

    dry_mass: Mass
    propellant_mass: Mass  # at the start of the flight
    inertia_dry: Vector  # kg m², principal, about the dry centre of mass
    inertia_per_propellant: Vector  # m², growth of the principal moments per kg of propellant
    engine_thrust: Float[Array, " engines"]  # N, steady
    engine_push: Float[Array, " engines"]  # N, of that along Z of B
    engine_rise: Scalar  # s, of main and assist engines, the slower
    specific_impulse: Float[Array, " classes"]  # s
    throttle_floor: Scalar  # lowest share of thrust that the main engines run at; 1: on or off
    gimbal_limit: Scalar  # rad, of the main engines; 0: fixed
    gimbal_arm: Scalar  # m, from the main engines up to the centre of mass
    assist_pairs: Scalar  # pairs of opposite assist engines: k and k + n/2 of n
    attitude_torque: Float[Array, "thrusters 3"]  # N m, of each attitude thruster about the centre of mass
    attitude_duty: Float[Array, "signed_axes thrusters"]  # 1/(N m), duty of each thruster for torque about +x, −x, +y, …
    couple_torque: Vector  # N m, the most that attitude thrusters give about each axis, either way
    valve_step: Scalar  # s, the grid that valve edges fall on
    minimum_on_time: Scalar  # s, shortest pulse of an assist engine
    foot_height: Scalar  # m, from the centre of mass down to the plane of the footpads, landing mass
    range_boresight_B: Direction
    range_latency: Scalar  # s
    sights: SightsDesign

    def engine_flow(self) -> Float[Array, " engines"]:
        """Mass flow of each engine with its valve open, kg/s."""
        return self.engine_thrust / (STANDARD_GRAVITY * self.specific_impulse[CLASS_OF_ENGINE])
