"""The Moon's orientation, the Sun and the Earth from JPL kernels (SPK and binary PCK), read by jplephem."""

from pathlib import Path
from typing import Any

import numpy as np

from perilune.foundation.errors import UserError
from perilune.foundation.moon import AXES_PA_IN_ME
from perilune.foundation.time_scales import J2000_JULIAN_DAY

from .analytic_sky import DAY, turn_x, turn_z

KM = 1e3


class KernelSky:
    """Positions from an SPK of a JPL development ephemeris, orientation from the binary PCK of its principal axes."""

    def __init__(self, ephemeris: str | Path, orientation: str | Path):
        self.name = f"{Path(ephemeris).name} and {Path(orientation).name}"
        self.positions: Any = opened("SPK", Path(ephemeris).expanduser())
        self.angles: Any = opened("PCK", Path(orientation).expanduser()).segments[0]

    def orientation(self, tdb: float) -> np.ndarray:
        """Matrix that takes ICRF components to M."""
        (node, tilt, meridian), _ = self.asked(lambda day, part: self.angles.compute(day, part), tdb)
        return AXES_PA_IN_ME.T @ turn_z(meridian) @ turn_x(tilt) @ turn_z(node)

    def sun(self, tdb: float) -> np.ndarray:
        """Position of the Sun from the Moon, ICRF, m."""
        return KM * (self.of(0, 10, tdb) - self.of(0, 3, tdb) - self.of(3, 301, tdb))

    def earth(self, tdb: float) -> np.ndarray:
        """Position of the Earth from the Moon, ICRF, m."""
        return KM * (self.of(3, 399, tdb) - self.of(3, 301, tdb))

    def of(self, centre: int, target: int, tdb: float) -> np.ndarray:
        """Position of one body of the ephemeris from another, km."""
        try:
            segment = self.positions.pairs[centre, target]
        except KeyError:
            raise UserError(f"{self.name} has no position of body {target} from {centre}: give a planetary SPK.") from None
        return self.asked(lambda day, part: segment.compute(day, part), tdb)

    def asked(self, question, tdb: float) -> Any:
        """Ask a segment; a moment that it does not cover becomes a sentence."""
        try:
            return question(J2000_JULIAN_DAY, tdb / DAY)
        except ValueError as problem:
            detail = str(problem).split("\n")[0]
            raise UserError(
                f"{self.name} does not cover {tdb / DAY / 365.25 + 2000.0:.1f} ({detail}): give kernels of the mission's epoch."
            ) from None


def opened(kind: str, path: Path) -> Any:
    """An open kernel. Raises UserError with one sentence."""
    try:
        from jplephem.daf import DAF
        from jplephem.pck import PCK
        from jplephem.spk import SPK
    except ImportError:
        raise UserError("Kernels need jplephem: pip install 'perilune[kernels]'.") from None
    try:
        if kind == "SPK":
            return SPK.open(str(path))
        return PCK(DAF(open(path, "rb")))
    except OSError as problem:
        raise UserError(f"Kernel {path} cannot be read: {problem.strerror}.") from None
    except ValueError as problem:
        raise UserError(f"Kernel {path} is no {kind} file: {problem}.") from None
