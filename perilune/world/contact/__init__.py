"""Legs on the ground: from first contact until the lander rests, lies on its side, or is out of time.

A rigid body on up to six struts with crushable honeycomb, on regolith with friction, with rocks and slope; engines may still
push. `settle` flies a batch.
"""

from .body import Lander, Pose, Push, box_hull, silent
from .legs import Legs
from .patch import Patch, patch_of, sloping, with_rocks
from .rest import Rest, settle
from .settle import Case, Limits, usual_limits
from .soil import Soil, regolith

__all__ = [
    "Case", "Lander", "Legs", "Limits", "Patch", "Pose", "Push", "Rest", "Soil", "box_hull", "patch_of", "settle", "silent",
    "sloping", "with_rocks",
]  # fmt: skip
