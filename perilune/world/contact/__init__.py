"""Legs on the ground: from first contact until the lander rests, lies on its side, or is out of time.

A rigid body on up to six struts with crushable honeycomb, on regolith with friction, with rocks and slope; engines may still
push. `settle` flies a batch.
"""

from .body import Lander, Pose, Push, box_hull
from .landing import Case, usual_limits
from .legs import Legs, Strut, legs_around
from .patch import Patch, sloping
from .rest import Rest, settle
from .soil import Soil, regolith

__all__ = [
    "Case", "Lander", "Legs", "Patch", "Pose", "Push", "Rest", "Soil", "Strut", "box_hull", "legs_around", "regolith", "settle",
    "sloping", "usual_limits",
]  # fmt: skip
