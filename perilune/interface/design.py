"""The lander as drawn: what the drawing office knows, without any error that the real lander has."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from perilune.foundation.moon import STANDARD_GRAVITY
from perilune.foundation.quantities import Direction, Mass, Scalar, Vector

# class: (first engine, number of engines). The order of every per-engine array.
ENGINE_CLASSES = {"main": (0, 1), "assist": (1, 6), "attitude": (7, 12)}
ENGINES = 19
FEET = 4
CLASS_OF_ENGINE = np.repeat(np.arange(3), [count for _, count in ENGINE_CLASSES.values()])
# Attitude couples: (axis, sign, thruster, thruster), indices inside the attitude class.
COUPLES = tuple((axis, sign, 4 * axis + 2 * k, 4 * axis + 2 * k + 1) for axis in range(3) for k, sign in enumerate((1, -1)))


def engine_slice(name: str) -> slice:
    """Where one class of engines stands in a per-engine array."""
    first, count = ENGINE_CLASSES[name]
    return slice(first, first + count)


class LanderDesign(eqx.Module):
    """Masses, geometry and nominal performance that flight software is built on."""

    dry_mass: Mass
    propellant_mass: Mass  # at the start of the flight
    inertia_dry: Vector  # kg m², principal, about the dry centre of mass
    inertia_per_propellant: Vector  # m², growth of the principal moments per kg of propellant
    engine_thrust: Float[Array, " engines"]  # N, steady
    specific_impulse: Float[Array, " classes"]  # s
    couple_torque: Vector  # N m, of one attitude couple about each axis
    valve_step: Scalar  # s, the grid that valve edges fall on
    minimum_on_time: Scalar  # s, shortest pulse of an assist engine
    foot_height: Scalar  # m, from the centre of mass down to the plane of the footpads, landing mass
    range_boresight_B: Direction
    range_latency: Scalar  # s

    def engine_flow(self) -> Float[Array, " engines"]:
        """Mass flow of each engine with its valve open, kg/s."""
        return self.engine_thrust / (STANDARD_GRAVITY * self.specific_impulse[CLASS_OF_ENGINE])
