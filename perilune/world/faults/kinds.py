"""What a kind of fault is: data, in the units that people write it in, and where its magnitude stands among all others."""

import math
from typing import NamedTuple

from perilune.foundation.moon import STANDARD_GRAVITY
from perilune.interface.design import BEAMS, ENGINES, FEET, TANKS

DEGREE = math.pi / 180.0

# Readings that come every cycle, and those of the slow units; the order of every per-channel array of faults. Append only.
FAST = ("accelerometer x", "accelerometer y", "accelerometer z", "gyro x", "gyro y", "gyro z")
SLOW = (
    *("star tracker x", "star tracker y", "star tracker z", "range", "velocity x", "velocity y", "velocity z"),
    *("fix east", "fix north", "fix up", "flow x", "flow y", "propellant", "patch"),
)
UNITS = (
    *("star_tracker", "range_finder", "velocimeter"),
    *("terrain_camera", "optical_flow", "propellant_gauge", "hazard_lidar"),
)

# block: numbers in it. Every magnitude stands in one of these; generic forms act on whole blocks at once.
BLOCKS = {
    "fast_bias": len(FAST),
    "fast_drift": len(FAST),
    "fast_scale": len(FAST),
    "fast_noise": len(FAST),
    "fast_limit": len(FAST),
    "fast_stuck": len(FAST),
    "imu_off": 1,
    "slow_bias": len(SLOW),
    "slow_drift": len(SLOW),
    "slow_scale": len(SLOW),
    "slow_noise": len(SLOW),
    "unit_off": len(UNITS),
    "unit_dropout": len(UNITS),
    "unit_stuck": len(UNITS),
    "unit_said_valid": len(UNITS),
    "unit_said_invalid": len(UNITS),
    "unit_latency": len(UNITS),
    "range_loss": 1,
    "range_false": 1,
    "range_near_noise": 1,
    "range_boresight": 2,
    "engine_thrust": ENGINES,
    "engine_impulse": ENGINES,
    "engine_open": ENGINES,
    "engine_closed": ENGINES,
    "main_late": 2,
    "tank_leak": TANKS,
    "tank_blocked": TANKS,
    "switch_early": FEET,
    "switch_dead": FEET,
    "switch_chatter": FEET,
    "clock_jump": 1,
    "clock_drift": 1,
    "computer_off": 1,
    "computer_missed": 1,
    "beam_lost": BEAMS,
    "beam_bias": BEAMS,
    "camera_false": 1,
}
FIRST = dict(zip(BLOCKS, [sum(list(BLOCKS.values())[:k]) for k in range(len(BLOCKS))], strict=True))
ROWS = sum(BLOCKS.values())

# Endings of names, longest first → what one of it is in SI. A name without one of these is a switch or a share.
SI = {
    "_ug_per_rthz": 1e-6 * STANDARD_GRAVITY,
    "_deg_per_rth": DEGREE / 60.0,
    "_ug_per_s": 1e-6 * STANDARD_GRAVITY,
    "_deg_per_h_per_s": DEGREE / 3600.0,
    "_deg_per_h": DEGREE / 3600.0,
    "_arcsec_per_s": DEGREE / 3600.0,
    "_deg_per_s": DEGREE,
    "_arcsec": DEGREE / 3600.0,
    "_mrad_per_s": 1e-3,
    "_mrad": 1e-3,
    "_percent": 0.01,
    "_ppm": 1e-6,
    "_ug": 1e-6 * STANDARD_GRAVITY,
}


class FaultKind(NamedTuple):
    """A way to fail.

    `name`: target and what happens to it, with the magnitude's unit as its ending. `lower`, `upper`: what makes physical
    sense; zero is healthy for every kind. `example`: a magnitude at which something measurable follows. `block`, `first`: where
    the magnitudes stand that strike in flight; `elements`: the parts that can fail alone. `path`: the number of the mission
    that is moved when the scenario is built, by `factor` times the magnitude (by that share of it, where the name ends in
    `_percent` and `is_relative`); `part`: which of its parts; a kind with a path, elements and no block moves one number of each
    element. A kind with block and path strikes the orbit phase by its path.
    """

    name: str
    text: str
    lower: float
    upper: float
    example: float
    block: str = ""
    first: int = 0
    elements: tuple[str, ...] = ()
    path: str = ""
    part: int | None = None
    factor: float = 1.0
    is_relative: bool = False
    precedents: tuple[str, ...] = ()

    @property
    def target(self) -> str:
        """What it strikes."""
        return self.name.partition(".")[0]

    @property
    def is_switch(self) -> bool:
        """Whether it is on or off, with nothing between."""
        return self.upper == 1.0 and not self.name.endswith("probability")

    @property
    def strikes_in_flight(self) -> bool:
        """Whether it can begin and end in flight; others are there from the start."""
        return bool(self.block)

    @property
    def rows(self) -> slice:
        """Where its magnitudes stand among all `ROWS`."""
        begin = FIRST[self.block] + self.first
        return slice(begin, begin + max(len(self.elements), 1))

    @property
    def si(self) -> float:
        """What one of its unit is in SI."""
        return next((factor for ending, factor in SI.items() if self.name.endswith(ending)), 1.0)
