"""What the executive makes of memory and settings, for the flight software's cycle to call."""

import equinox as eqx

from perilune.foundation.quantities import Flag, Scalar
from perilune.interface.design import LanderDesign
from perilune.interface.measurements import Measurements

from .. import modes
from ..memory import FlightMemory
from ..settings import FlightSettings, GuidanceSettings
from . import contingency
from .cut_off import felt_ground, reached_ground
from .health import attended
from .outlook import hover_time
from .propellant import gauged


def with_contact(memory: FlightMemory, measured: Measurements, settings: FlightSettings) -> tuple[FlightMemory, Measurements]:
    """The measurements with that contact alone that counts: what does not, neither ends the flight nor stops navigation."""
    is_armed = memory.mode > modes.COAST
    signs, counts = felt_ground(memory.signs, measured.has_contact, is_armed, settings.cut_off, settings.period)
    return eqx.tree_at(lambda m: m.signs, memory, signs), eqx.tree_at(lambda m: m.has_contact, measured, counts)


def near_ground(memory: FlightMemory, foot_height: Scalar, settings: FlightSettings) -> tuple[FlightMemory, Flag]:
    """Whether the feet (m) are believed on the ground for long enough to end the flight by that alone."""
    is_landing = (memory.mode == modes.TERMINAL) | (memory.mode == modes.FINAL)
    signs, is_down = reached_ground(memory.signs, foot_height, is_landing, settings.cut_off, settings.period)
    return eqx.tree_at(lambda m: m.signs, memory, signs), is_down


def kept_up(memory: FlightMemory, measured: Measurements, settings: FlightSettings, design: LanderDesign) -> FlightMemory:
    """After a slow step: the book of the propellant, and the health of all units."""
    sights, before = measured.sights, memory.book
    reading = sights.propellant, sights.propellant_is_valid
    book, propellant = gauged(before, memory.propellant, *reading, design.propellant_mass, settings.propellant)
    took = memory.innovations.is_accepted, memory.sighted.is_accepted, book.is_taken
    health = attended(memory.health, measured, *took, settings.slow_every * settings.period)
    return eqx.tree_at(lambda m: (m.book, m.propellant, m.health), memory, (book, propellant, health))


def has_range(memory: FlightMemory, settings: FlightSettings) -> Flag:
    """Whether ranges have been taken in for long enough, of the range finder or of Doppler beams."""
    confirmation, finder = settings.guidance.range_confirmation, memory.acquisition
    by_finder = (finder.fresh_updates > 0.0) & (finder.accepted_time >= confirmation)
    return by_finder | ((memory.beam_time > 0.0) & (memory.beam_time >= confirmation))


def begins_descent(memory: FlightMemory, has_range: Flag, settings: FlightSettings, design: LanderDesign) -> Flag:
    """Whether terminal descent may begin: on a range, or without one."""
    return has_range | contingency.descends(settings.contingency, hover_time(memory.propellant, design))


def descent_figures(memory: FlightMemory, settings: FlightSettings) -> tuple[GuidanceSettings, Flag]:
    """The descent's figures, and whether it is flown by them: in terminal descent, and where the lander stops and hovers."""
    is_waiting = memory.mode == modes.HOLD
    is_blind = (memory.acquisition.since_accepted >= settings.navigation.range_gap) & (memory.beam_time <= 0.0)
    figures = contingency.guided(settings.guidance, settings.contingency, is_blind, is_waiting)
    is_terminal = (memory.mode == modes.TERMINAL) | (memory.mode == modes.FINAL)
    return figures, is_terminal | (is_waiting & contingency.hovers(settings.contingency))
