"""Flight software of one's own in the place of the built-in one: what it remembers is carried, what it reports is recorded."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool

from perilune.flight import modes
from perilune.flight.memory import FlightMemory
from perilune.flight.navigation.onboard_map import OnboardModel
from perilune.flight.settings import FlightSettings
from perilune.flight.software import FlightSoftware
from perilune.foundation.frames import inertial_to_fixed
from perilune.foundation.moon import RADIUS
from perilune.foundation.quantities import Scalar
from perilune.foundation.vectors import norm
from perilune.interface.commands import Commands
from perilune.interface.design import ENGINES, LanderDesign
from perilune.interface.events import ONBOARD
from perilune.interface.flight_computer import Briefing, FlightComputer, Report
from perilune.interface.measurements import Measurements


class OwnSoftware(eqx.Module):
    """A flight computer as the loop steps it. The built-in software is there for what scenarios and channels read of it: the
    lander as drawn, the site, and the onboard map that heights in the archive count from; it does not fly."""

    computer: FlightComputer
    built_in: FlightSoftware

    @property
    def design(self) -> LanderDesign:
        """The lander as drawn."""
        return self.built_in.design

    @property
    def settings(self) -> FlightSettings:
        """Of the built-in software; the site among them."""
        return self.built_in.settings

    @property
    def onboard(self) -> OnboardModel:
        """The Moon that channels are read against."""
        return self.built_in.onboard

    def step(self, memory: FlightMemory, measured: Measurements, tick) -> tuple[FlightMemory, Commands, Bool[Array, " e"]]:
        """One cycle; returns memory, commands and events raised, as the built-in software does."""
        own, commands, report = self.computer.step(memory.own, measured, tick)
        own, (commands, report) = as_wanted(memory.own, own), as_wanted(answer_shapes(), (commands, report))
        below = self.terrain_below(report, measured.clock)
        is_known = (report.mode >= modes.COAST) & (report.mode <= modes.OFF)
        memory = eqx.tree_at(
            lambda m: (
                m.navigation.position_I,
                m.navigation.velocity_I,
                m.navigation.attitude_IB,
                m.navigation.terrain_below,
                m.mode,
                m.seen,
                m.propellant,
                m.thrust_demand,
                m.own,
            ),
            memory,
            (
                report.position_I,
                report.velocity_I,
                report.attitude_IB,
                below,
                jnp.where(is_known, report.mode, jnp.asarray(modes.COAST, jnp.int32)),  # the executive has no other names
                memory.seen | report.events,
                report.propellant,
                report.thrust_demand,
                own,
            ),
        )
        return memory, commands, report.events

    def terrain_below(self, report: Report, clock: Scalar) -> Scalar:
        """m that the ground lies over the onboard map, so that the height over it is the reported one."""
        position_M = inertial_to_fixed(report.position_I, clock)
        return norm(position_M) - RADIUS - self.onboard.ground.height_at(position_M) - report.height_above_terrain


AnySoftware = FlightSoftware | OwnSoftware


def answer_shapes() -> tuple[Commands, Report]:
    """Shapes and types of what a step must answer."""

    def filled() -> tuple[Commands, Report]:
        zero, three = jnp.zeros(()), jnp.zeros(3)
        commands = Commands(jnp.zeros(ENGINES), zero, jnp.zeros(2))
        mode, never = jnp.zeros((), jnp.int32), jnp.zeros(len(ONBOARD), bool)
        return commands, Report(three, three, jnp.zeros(4), zero, mode, zero, zero, never)

    return jax.eval_shape(filled)


def as_wanted(wanted: Any, given: Any) -> Any:
    """The same values in the wanted types: Python numbers and weak types would make the loop's carry another from cycle to
    cycle."""
    return jax.tree.map(lambda want, value: jnp.asarray(value, want.dtype), wanted, given)


def briefing(software: OwnSoftware, memory: FlightMemory) -> Briefing:
    """What the software is told: the lander and site on board, and the state that the built-in software would start with."""
    start = memory.navigation
    return Briefing(
        design=software.design,
        site_M=software.settings.guidance.site_M,
        period=software.settings.period,
        position_I=start.position_I,
        velocity_I=start.velocity_I,
        attitude_IB=start.attitude_IB,
        propellant=memory.propellant,
        clock=jnp.zeros_like(memory.propellant),
    )


def taken_over(software: AnySoftware, memory: FlightMemory) -> FlightMemory:
    """Memory before the first cycle. Of software of one's own, what it does not report is no number, so that no channel tells
    of a filter or a plan that did not fly."""
    if not isinstance(software, OwnSoftware):
        return memory
    unsaid = (
        memory.covariance,
        memory.throttle,
        memory.time_to_go,
        memory.innovations.residual,
        memory.innovations.variance,
        memory.navigation.terrain_bias,
        memory.navigation.terrain_relief,
        memory.acquisition.refused_time,
        memory.book.variance,
        memory.health.heard,
        memory.health.taken,
    )
    own = jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(x)), software.computer.init(briefing(software, memory)))
    return eqx.tree_at(
        lambda m: (
            m.covariance,
            m.throttle,
            m.time_to_go,
            m.innovations.residual,
            m.innovations.variance,
            m.navigation.terrain_bias,
            m.navigation.terrain_relief,
            m.acquisition.refused_time,
            m.book.variance,
            m.health.heard,
            m.health.taken,
            m.own,
        ),
        memory,
        (*(jnp.full_like(x, jnp.nan) for x in unsaid), own),
        is_leaf=lambda x: x is None,
    )
