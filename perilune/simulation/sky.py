"""Where Sun and Earth stand and how the Moon is turned during a flight, as series in the frames that fly.

I has the axes of M at mission time 0, so ICRF stays at this border: kernels or series are asked at a few moments, and
what comes out is Chebyshev series in I.
"""

from typing import Protocol, runtime_checkable

import numpy as np

from perilune.foundation.chebyshev import fitted
from perilune.foundation.moon import ROTATION_RATE
from perilune.world.environment.sky import Sky

from .analytic_sky import turn_z

TERMS = 12  # of a series over up to a day: within 1e-10 rad and 1 m of the source (tested)


@runtime_checkable
class Source(Protocol):
    """What tells orientation and positions: kernels or series."""

    name: str

    def orientation(self, tdb: float) -> np.ndarray: ...

    def sun(self, tdb: float) -> np.ndarray: ...

    def earth(self, tdb: float) -> np.ndarray: ...


def sky_of(source: Source, epoch_tdb: float, start_s: float, stop_s: float) -> Sky:
    """The sky of a mission whose time 0 is `epoch_tdb` (TDB seconds since J2000), for a window of mission time (s)."""
    first = source.orientation(epoch_tdb)  # ICRF to I

    def wobble(time):
        uniform = turn_z(ROTATION_RATE * float(time))
        small = source.orientation(epoch_tdb + time) @ first.T @ uniform.T  # uniformly turned axes to M
        return 0.5 * np.array([small[1, 2] - small[2, 1], small[2, 0] - small[0, 2], small[0, 1] - small[1, 0]])

    def series(place):
        return fitted(lambda time: first @ place(epoch_tdb + time), start_s, stop_s, TERMS)

    return Sky(series(source.sun), series(source.earth), fitted(wobble, start_s, stop_s, TERMS))


def elevation(place_M: np.ndarray, body_M: np.ndarray) -> float:
    """Angle of a body's centre over the horizon of a place, rad; both from the Moon's centre, m."""
    up, way = place_M / np.linalg.norm(place_M), body_M - place_M
    return float(np.arcsin(way @ up / np.linalg.norm(way)))
