"""What a guidance law is asked, and what it answers."""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Float

from perilune.foundation.quantities import Flag, Mass, Scalar, Vector
from perilune.interface.design import LanderDesign

from ...settings import GuidanceSettings
from ..geometry import Geometry


class Situation(eqx.Module):
    """What a braking law works with. It is asked in every mode, and heard in coast and braking: its answers must be finite
    wherever the lander is, also over the site and on the ground."""

    geometry: Geometry  # of the estimate
    mass: Mass  # kg, by bookkeeping
    throttle: Scalar  # as last aimed; before ignition the planned one
    time_to_go: Scalar  # s, as last aimed, less what has passed since; before ignition as if it were now
    note: Float[Array, "2"]  # what the law itself kept at the last slow step; zeros before the first
    settings: GuidanceSettings
    design: LanderDesign


class Aim(eqx.Module):
    """A braking law's plan, made anew at every slow step. Before ignition it is the plan of an ignition now."""

    throttle: Scalar  # share of full thrust; before ignition the planned one is kept, whatever is answered
    time_to_go: Scalar  # s, to the end of braking
    distance_in_hand: Scalar  # m over ground that braking may still be put off: ignition is due when it falls to zero
    note: Float[Array, "2"]  # kept for the next slow step


class Push(eqx.Module):
    """A braking law's answer of a cycle."""

    wanted_M: Vector  # m/s², thrust acceleration
    force: Scalar  # N, asked of main and assist engines


class BrakingLaw(eqx.Module):
    """From ignition until the horizontal speed is down to `braking_end_speed`, about the gate height and over the site."""

    needs: tuple[str, ...] = eqx.field(static=True, default=(), kw_only=True)  # sensors of which the lander must carry one

    @abstractmethod
    def aim(self, situation: Situation) -> Aim:
        """The plan, at a slow step."""

    @abstractmethod
    def push(self, situation: Situation) -> Push:
        """Wanted thrust, in every cycle."""


class Fall(eqx.Module):
    """What a law of vertical descent works with, in the modes after braking."""

    geometry: Geometry
    mass: Mass  # kg
    foot_height: Scalar  # m, of the footpads over the ground as believed
    is_terminal: Flag  # terminal descent has begun; before it the hold rate is to be kept
    is_final: Flag  # the last metres: upright
    settings: GuidanceSettings
    design: LanderDesign


class DescentLaw(eqx.Module):
    """From the end of braking to the ground."""

    needs: tuple[str, ...] = eqx.field(static=True, default=(), kw_only=True)  # sensors of which the lander must carry one

    @abstractmethod
    def acceleration(self, fall: Fall) -> Vector:
        """Wanted thrust acceleration in M, m/s², in every cycle."""
