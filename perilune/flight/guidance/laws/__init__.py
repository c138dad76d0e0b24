"""How braking and vertical descent are steered: one law a file, all of one form, chosen by name in the mission."""

from .base import Aim, BrakingLaw, DescentLaw, Fall, Push, Situation
from .table import BRAKING, DESCENT, GuidanceLaw

__all__ = [
    "BRAKING",
    "DESCENT",
    "Aim",
    "BrakingLaw",
    "DescentLaw",
    "Fall",
    "GuidanceLaw",
    "Push",
    "Situation",
]
