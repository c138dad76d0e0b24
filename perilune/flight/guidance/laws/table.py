"""The laws by name, in the order of the number that chooses one. Append only."""

import jax.numpy as jnp
from jax import lax

from perilune.foundation.quantities import Scalar, Vector

from .apollo_quadratic import ApolloQuadratic
from .base import Aim, BrakingLaw, DescentLaw, Fall, Push, Situation
from .constant_descent_rate import ConstantDescentRate
from .dsouza import DSouza
from .gravity_turn import GravityTurn
from .rate_schedule import RateSchedule
from .zem_zev import ZemZev

BRAKING: dict[str, BrakingLaw] = {
    "constant_descent_rate": ConstantDescentRate(),
    "apollo_quadratic": ApolloQuadratic(),
    "dsouza": DSouza(),
    "gravity_turn": GravityTurn(),
}
DESCENT: dict[str, DescentLaw] = {"rate_schedule": RateSchedule(), "zem_zev": ZemZev()}
GuidanceLaw = BrakingLaw | DescentLaw


def chosen(number: Scalar):
    """The number of a law as a count. It is one for all lanes, so that the switch stays a branch and the others cost nothing."""
    return number.astype(jnp.int32)


def aimed(situation: Situation, own: GuidanceLaw | None) -> Aim:
    """The plan of the braking law in force: one's own, or the one that the mission names."""
    if isinstance(own, BrakingLaw):
        return own.aim(situation)
    return lax.switch(chosen(situation.settings.braking_law), [law.aim for law in BRAKING.values()], situation)


def pushed(situation: Situation, own: GuidanceLaw | None) -> Push:
    """Its thrust."""
    if isinstance(own, BrakingLaw):
        return own.push(situation)
    return lax.switch(chosen(situation.settings.braking_law), [law.push for law in BRAKING.values()], situation)


def fallen(fall: Fall, own: GuidanceLaw | None) -> Vector:
    """Wanted thrust acceleration in M (m/s²) of the law of vertical descent in force."""
    if isinstance(own, DescentLaw):
        return own.acceleration(fall)
    return lax.switch(chosen(fall.settings.descent_law), [law.acceleration for law in DESCENT.values()], fall)
