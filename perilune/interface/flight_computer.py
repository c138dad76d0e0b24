"""What flight software of one's own is: what it is told before launch, what it answers every cycle, what it says of itself."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool

from perilune.foundation.errors import UserError
from perilune.foundation.quantities import Attitude, Count, Flag, Mass, Position, Scalar, Velocity

from .commands import Commands
from .design import LanderDesign
from .events import ONBOARD
from .measurements import Measurements


class Briefing(eqx.Module):
    """What a flight team is told before launch: all of it as drawn and planned, none of it as it really is."""

    design: LanderDesign
    site_M: Position  # m, the aimed point on the ground that the descent was planned over
    period: Scalar  # s, of one cycle
    position_I: Position  # m, planned at `clock`; after a flight from orbit, what navigation handed over
    velocity_I: Velocity  # m/s, likewise
    attitude_IB: Attitude  # likewise
    propellant: Mass  # kg on board, by bookkeeping
    clock: Scalar  # s, what the onboard clock shows then


class Report(eqx.Module):
    """What flight software says of itself in one cycle: telemetry, from which archives, figures and the story are made."""

    position_I: Position  # m, estimate
    velocity_I: Velocity  # m/s, estimate
    attitude_IB: Attitude  # estimate
    height_above_terrain: Scalar  # m, of the centre of mass over the ground as believed under it
    # As the built-in executive counts: 0 coast, 1 braking, 2 pitch-up, 3 descent hold, 4 terminal descent, 5 final metres,
    # 6 engines off. The story of a flight asks what thrust was felt in modes 1 to 5; software that has no such modes stays at 0.
    mode: Count
    propellant: Mass  # kg left, by its own bookkeeping
    thrust_demand: Scalar  # N, what main and assist engines are asked for in the coming cycle
    events: Bool[Array, " onboard"]  # in the order of `events.ONBOARD`, true while they hold; the first time is kept


def raised(holds: Mapping[str, Flag]) -> Bool[Array, " onboard"]:
    """The vector of `Report.events` from the names of events that software knows; those not named do not happen.

    Raises UserError for a name that is not in `events.ONBOARD`.
    """
    names = [kind.name for kind in ONBOARD]
    if absent := sorted(set(holds) - set(names)):
        raise UserError(f"Flight software raises {', '.join(absent)}: the onboard events are {', '.join(names)}.")
    return jnp.stack([jnp.asarray(holds.get(name, False), bool) for name in names])


class FlightComputer(eqx.Module):
    """Flight software as a class: derive from it and write `init` and `step`, both pure.

    Figures are fields with defaults; counts and switches that shape the program are `eqx.field(static=True)`. A step is traced:
    what depends on numbers is `jnp.where`, not `if`.
    """

    @abstractmethod
    def init(self, briefing: Briefing) -> Any:
        """What is remembered before the first cycle: any tree of arrays."""

    @abstractmethod
    def step(self, memory: Any, measured: Measurements, tick: Count) -> tuple[Any, Commands, Report]:
        """One cycle: what is remembered now (of the same shapes), what valves do in the coming cycle, what is reported.

        `tick` counts the cycles from 1.
        """
