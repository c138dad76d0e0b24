"""The laws by the names that a mission file gives them. Which one flies is part of a program, and others cost it nothing."""

from .apollo_quadratic import ApolloQuadratic
from .base import BrakingLaw, DescentLaw
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
